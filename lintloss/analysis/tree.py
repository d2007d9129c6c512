"""The tree: the files of a project as an analysis sees them, and what it has looked at to come to its answer.

A source that was given counts before what lies on disk. Each question that the tree answers is written down as a
`Look`, so that a later run can tell whether the same questions still get the same answers. Within a run files are
taken to stay as they are: each is asked for once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, TypeVar

from lintloss.reading import read_top
from lintloss.sources import Source, Unreadable

MOST_FILES_SEARCHED = 400
MOST_READ_FOR_IMPORTS = 5_000_000  # some files are gigabytes of nothing
MOST_FOLDERS_UP = 12
MOST_NOTEBOOKS = 40  # beside a file; they hold pictures, too
MOST_KEPT = 4_000_000  # characters of sources that one file after another has imported
_MARKS_OF_A_PROJECT = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg")

# A question about a path, and a digest of the answer.
Look = tuple[str, str, str]

# A notebook's lines are JSON strings.
_IMPORTS = re.compile(rb"^[ \t\"]*(?:from|import)\b[^\n(]*(?:\([^)]*\))?[^\n]*", re.MULTILINE)
_IMPORT = re.compile(r"(?:\bfrom[ \t]+([\w.]+)[ \t]+)?\bimport\b[ \t]*(\([^)]*\)|[^#;]*)")
_NAME = re.compile(r"([\w.]+)(?:\s+as\s+\w+)?")
_TEST = re.compile(r"(?:test_.*|.*_test|tests?|conftest)\.py")
_DEFINED_TEST = re.compile(rb"^[ \t]*(?:(?:async[ \t]+)?def[ \t]+test_|class[ \t]+\w+\([\w.]*TestCase\b)", re.MULTILINE)
_FOLDERS_OF_TESTS = frozenset({"test", "tests", "testing"})

Found = TypeVar("Found")


class Tree:
    """Files, folders and who imports whom."""

    def __init__(self, given: Mapping[str, Source], start: Path) -> None:
        """Take the sources that count before what is on disk, by absolute path, and a folder of the project."""
        self._given = given
        self._root = _top(start)
        self._answers: dict[tuple[str, str], object] = {}
        self._held = 0  # characters of the sources among the answers
        self._digests: dict[tuple[str, str], str] = {}
        self._looks: dict[tuple[str, str], None] = {}
        self._searches: dict[tuple[object, ...], tuple[Any, dict[tuple[str, str], None]]] = {}

    # -- what was looked at --------------------------------------------------------------------------------------

    def forget_looks(self) -> None:
        """Begin with another file. Sources that were read from the disk are kept only so far."""
        self._looks.clear()
        if self._held > MOST_KEPT:
            for kind, path in [key for key, each in self._answers.items() if isinstance(each, Source)]:
                self._digest(kind, path)  # what depends on the file has seen it like this
                del self._answers[kind, path]
            self._held = 0

    def looks(self) -> tuple[Look, ...]:
        """What has been asked since the looks were forgotten, and what the answers were."""
        return tuple((kind, path, self._digest(kind, path)) for kind, path in self._looks)

    def still_gives(self, looks: Iterable[Look]) -> bool:
        """Whether these questions get these answers."""
        return all(self._digest(kind, path) == digest for kind, path, digest in looks)

    def _digest(self, kind: str, path: str) -> str:
        found = self._digests.get((kind, path))
        if found is None:
            answer = self._answer(kind, path)
            shown = answer.original if isinstance(answer, Source) else repr(answer).encode()
            found = self._digests[kind, path] = hashlib.blake2b(shown, digest_size=12).hexdigest()
        return found

    def _ask(self, kind: str, path: Path) -> object:
        self._looks[kind, str(path)] = None
        return self._answer(kind, str(path))

    def _answer(self, kind: str, path: str) -> object:
        key = (kind, path)
        if key not in self._answers:
            answer = self._answers[key] = _QUESTIONS[kind](self, Path(path))
            self._held += len(answer.text) if isinstance(answer, Source) else 0
        return self._answers[key]

    def search(self, key: tuple[object, ...], search: Callable[[], Found]) -> Found:
        """What a search among the files comes to, done once for a key: whoever asks has looked at all of it."""
        known = self._searches.get(key)
        if known is None:
            looks, self._looks = self._looks, {}
            try:
                known = self._searches[key] = (search(), self._looks)
            finally:
                self._looks = looks
        self._looks.update(known[1])
        found: Found = known[0]
        return found

    def is_top(self, folder: Path) -> bool:
        """Whether nothing above a folder belongs to the project."""
        return folder == self._root or bool(self._answer("top", str(folder)))

    # -- questions -----------------------------------------------------------------------------------------------

    def source(self, path: Path) -> Source | None:
        """The file at a path, or None if there is none that can be read."""
        answer = self._ask("source", path)
        return answer if isinstance(answer, Source) else None

    def is_file(self, path: Path) -> bool:
        return bool(self._ask("file", path))

    def is_folder(self, path: Path) -> bool:
        return bool(self._ask("folder", path))

    def holds_python(self, folder: Path) -> bool:
        """Whether Python files lie directly in a folder."""
        return bool(self._ask("python", folder))

    def importers(self, path: Path) -> list[Path]:
        """The files near a file that name it in an import: beside it, and below the two folders above it.

        Tests count for tests alone: what a test hands to a function says nothing of how that is used.
        """
        answer = self._ask("importers", path)
        assert isinstance(answer, list)
        return answer

    def _read(self, path: Path) -> Source | None:
        given = self._given.get(str(path))
        if given is not None:
            return given
        try:
            return Source.read(path, str(path))
        except Unreadable:
            return None

    def _is_file(self, path: Path) -> bool:
        return str(path) in self._given or path.is_file()

    def _importers(self, path: Path) -> list[Path]:
        found = [place for place in self._near(path) if any(self._naming(path, self._imports_of(place)))]
        if self._is_among_tests(path):
            return found
        return [place for place in found if not (self._is_among_tests(place) and self._answer("tests", str(place)))]

    def imports_naming(self, place: Path, path: Path) -> list[str]:
        """The dotted names in a file's imports that another file's name is a part of."""
        self._ask("imports", place)
        return list(self._naming(path, self._imports_of(place)))

    def _naming(self, path: Path, imports: Iterable[bytes]) -> Iterator[str]:
        name = path.parent.name if path.name == "__init__.py" else path.stem
        wanted = name.encode()
        lines = (line.decode("utf-8", "replace") for line in imports if wanted in line)
        found = (each for line in lines for match in _IMPORT.finditer(line) for each in _imported(*match.groups()))
        return (each for each in dict.fromkeys(found) if name in each.split("."))

    def _imports_of(self, place: Path) -> list[bytes]:
        found = self._answer("imports", str(place))
        assert isinstance(found, list)
        return found

    def _imports(self, place: Path) -> list[bytes]:
        return _IMPORTS.findall(self._bytes(place))

    def _is_among_tests(self, path: Path) -> bool:
        """Whether a file is called like one of tests, or lies with them."""
        folders = takewhile(lambda folder: not self.is_top(folder), path.parents)
        return _TEST.fullmatch(path.name) is not None or any(folder.name in _FOLDERS_OF_TESTS for folder in folders)

    def _holds_tests(self, path: Path) -> bool:
        return _DEFINED_TEST.search(self._bytes(path)) is not None

    def _bytes(self, path: Path) -> bytes:
        """The beginning of a file; nothing where it cannot be read."""
        given = self._given.get(str(path))
        try:
            return given.original if given is not None else read_top(path, MOST_READ_FOR_IMPORTS)
        except OSError:
            return b""

    def _near(self, path: Path) -> list[Path]:
        """Python files around `path`, and notebooks beside it, nearest first, without leaving the project."""
        beside = self._answer("notebooks", str(path.parent))
        assert isinstance(beside, list)
        away: dict[Path, int] = dict.fromkeys(beside, 0)  # how many folders a file is away
        folder = path.parent
        for up in range(3):
            below = self._answer("below", str(folder))
            assert isinstance(below, list)
            here = len(folder.parts) + 1
            for place in below:
                away.setdefault(place, up + len(place.parts) - here)
            if self.is_top(folder) or len(away) >= MOST_FILES_SEARCHED:
                break
            folder = folder.parent
        away.pop(path, None)
        return sorted(away, key=lambda place: (away[place], str(place)))[:MOST_FILES_SEARCHED]

    def _notebooks(self, folder: Path) -> list[Path]:
        return sorted(folder.glob("*.ipynb"))[:MOST_NOTEBOOKS]

    def _below(self, folder: Path) -> list[Path]:
        places = islice(folder.rglob("*.py"), MOST_FILES_SEARCHED)
        return [each for each in places if not any(part.startswith(".") for part in each.relative_to(folder).parts)]


def _imported(base: str | None, names: str) -> Iterator[str]:
    """The dotted names that an import may mean a module by."""
    listed = [found[1] for found in _NAME.finditer(re.sub("#.*", "", names))]
    if base is None:
        yield from (name[:end] for name in listed for end in _ends_of_words(name))
    else:
        yield base
        yield from (f"{base}{name}" if base.endswith(".") else f"{base}.{name}" for name in listed)


def _ends_of_words(path: str) -> Iterator[int]:
    return (end for end in range(1, len(path) + 1) if path[end : end + 1] in ("", "."))


def _top(folder: Path) -> Path:
    """The folder that a project lies in: the nearest above that says so, or the working directory itself."""
    above = [folder, *folder.parents][:MOST_FOLDERS_UP]
    return next((each for each in above if _is_top(each)), folder)


def _is_top(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _MARKS_OF_A_PROJECT)


_QUESTIONS: dict[str, Callable[[Tree, Path], object]] = {
    "source": Tree._read,
    "file": Tree._is_file,
    "folder": lambda tree, path: path.is_dir(),
    "python": lambda tree, path: any(path.glob("*.py")),
    "importers": Tree._importers,
    "imports": Tree._imports,
    "tests": Tree._holds_tests,
    "below": Tree._below,
    "notebooks": Tree._notebooks,
    "top": lambda tree, path: _is_top(path),
}
