"""The files to lint, and how changed ones are written back."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lintloss.config import Settings
from lintloss.errors import UsageError
from lintloss.patterns import Patterns, compiled, relative
from lintloss.reading import read_regular

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_NEVER = frozenset({"__pycache__", "__pypackages__", "build", "dist", "node_modules", "site-packages", "venv"})


class Found(NamedTuple):
    """Files in a stable order, and notes on what was asked for and gave nothing."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


class Change(NamedTuple):
    """New bytes for a file that held `before` when it was read."""

    path: Path
    before: bytes
    after: bytes


class WriteError(UsageError):
    """A file could not be written; no file was changed."""


def find_files(paths: Sequence[Path], settings: Settings) -> Found:
    """Return the files that `paths` name: themselves, or what lies in the folders among them.

    A file named outright is taken, unless `force_exclude` holds and it is excluded. In folders,
    `settings` and .gitignore decide; hidden folders, environments and build output are left out, and
    links to folders are not followed. A file that is reached twice is taken once.

    Raises:
        UsageError: a path does not exist.
    """
    files: dict[str, Path] = {}
    notes: list[str] = []
    excluded = Patterns(settings.exclude, settings.root)
    for path in paths:
        if settings.force_exclude and excluded.match(_real(path), "/" if path.is_dir() else ""):
            continue
        inside = list(_below(path, settings))
        if not inside:
            notes.append(f"{path}: no Python files or notebooks in it")
        for file, real in inside:
            files.setdefault(real, file)
    return Found(tuple(sorted(files.values())), tuple(notes))


def is_excluded(path: Path, settings: Settings) -> bool:
    """Whether `exclude` names a file, or a folder above it."""
    return bool(settings.exclude) and Patterns(settings.exclude, settings.root).match(_real(path))


def display_name(path: Path) -> str:
    """Return a path as people are shown it: from the working directory where it lies below."""
    if path.is_absolute():
        with suppress(ValueError):
            return path.relative_to(Path.cwd()).as_posix()
    return path.as_posix()


def write_atomically(path: Path, data: bytes, *, expected: bytes | None = None) -> None:
    """Replace a file as a whole; its mode bits stay and a link stays a link.

    Raises:
        WriteError: the file is not writable, or no longer holds `expected`.
    """
    _write_all([_Target(path, expected, data)])


def write_output(path: Path, text: str) -> None:
    """Write a report; devices and pipes are written to, files are replaced as a whole.

    Raises:
        WriteError: it cannot be written.
    """
    data = text.encode("utf-8", errors="backslashreplace")
    if not path.exists() or path.is_file():
        write_atomically(path, data)
        return
    with _as_write_error(path), path.open("wb") as stream:
        stream.write(data)


def write_changes(changes: Iterable[Change]) -> None:
    """Write all changes or none.

    Raises:
        WriteError: a file is not writable, or has changed since it was read.
    """
    _write_all([_Target(each.path, each.before, each.after) for each in changes])


class _Target(NamedTuple):
    path: Path
    before: bytes | None
    after: bytes


def _write_all(targets: Sequence[_Target]) -> None:
    staged: list[tuple[Path, Path]] = []
    replaced: list[_Target] = []
    try:
        for target in targets:
            real = Path(os.path.realpath(target.path))
            with _as_write_error(target.path):
                staged.append((_stage(real, target), real))
        for target, (temporary, real) in zip(targets, list(staged), strict=True):
            with _as_write_error(target.path):
                temporary.replace(real)
            replaced.append(target)
    except BaseException:
        _restore(replaced)
        raise
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _stage(real: Path, target: _Target) -> Path:
    """Write the new bytes to a temporary file beside the old one."""
    import tempfile

    if target.before is not None and real.read_bytes() != target.before:
        raise WriteError(f"{target.path}: has changed since it was read; nothing was written")
    if real.exists() and not os.access(real, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    handle, name = tempfile.mkstemp(prefix=".lintloss-", dir=real.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(target.after)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(real))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _mode(real: Path) -> int:
    try:
        return stat.S_IMODE(real.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _restore(replaced: Sequence[_Target]) -> None:
    for target in replaced:
        if target.before is not None:
            with suppress(OSError):
                Path(os.path.realpath(target.path)).write_bytes(target.before)


@contextmanager
def _as_write_error(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal into a line that names the file."""
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error


def _below(path: Path, settings: Settings) -> Iterator[tuple[Path, str]]:
    """Yield the files at or below a path, each with its path without links."""
    if path.is_dir():
        yield from _Walk(path, settings).files()
    elif path.exists():
        yield path, os.path.realpath(path)
    else:
        raise UsageError(f"{path}: no such file or folder")


class _Walk:
    """One folder's files, as settings and .gitignore allow."""

    def __init__(self, top: Path, settings: Settings) -> None:
        self._top = top
        self._include = Patterns(settings.include, settings.root)
        self._exclude = Patterns(settings.exclude, settings.root)
        self._honours_gitignore = settings.respect_gitignore

    def files(self) -> Iterator[tuple[Path, str]]:
        ignores = _gitignores_above(self._top.resolve()) if self._honours_gitignore else []
        yield from self._walk(self._top, self._top.resolve(), ignores)

    def _walk(self, folder: Path, real: Path, ignores: list[tuple[Path, GitIgnoreSpec]]) -> Iterator[tuple[Path, str]]:
        """Yield the files of `folder`, whose path without links is `real`, each with its own without links."""
        if self._honours_gitignore:
            ignores = [*ignores, *_gitignore_in(real)]
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            path, real_path = folder / entry.name, real / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _is_never_walked(path) and not self._left_out(real_path, "/", ignores):
                    yield from self._walk(path, real_path, ignores)
            elif self._is_wanted(real_path, ignores) and self._holds(entry):
                yield path, os.path.realpath(real_path) if entry.is_symlink() else str(real_path)

    def _holds(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a file, a link's in the folder, too: nothing outside of it is fixed unasked."""
        if not entry.is_symlink():
            return entry.is_file()
        path = Path(entry.path)  # which, unlike the entry, takes a link that leads to itself for no file
        return path.is_file() and path.resolve().is_relative_to(self._top.resolve())

    def _is_wanted(self, real: Path, ignores: list[tuple[Path, GitIgnoreSpec]]) -> bool:
        return self._include.match(real) and not self._left_out(real, "", ignores)

    def _left_out(self, real: Path, suffix: str, ignores: list[tuple[Path, GitIgnoreSpec]]) -> bool:
        if self._exclude.match(real, suffix):
            return True
        for folder, spec in reversed(ignores):  # the nearest .gitignore that speaks of it decides
            decided = spec.check_file(relative(real, folder) + suffix).include
            if decided is not None:
                return decided
        return False


def _is_never_walked(folder: Path) -> bool:
    return folder.name in _NEVER or folder.name.startswith(".") or (folder / "pyvenv.cfg").is_file()


def _real(path: Path) -> Path:
    """Return a path without links in its folders; a link itself keeps its name."""
    return path.parent.resolve() / path.name


def _gitignores_above(folder: Path) -> list[tuple[Path, GitIgnoreSpec]]:
    """Return the .gitignore files from the repository's root down to, not including, `folder`."""
    lineage = [folder, *folder.parents]
    root = next((index for index, each in enumerate(lineage) if (each / ".git").exists()), 0)
    above = reversed(lineage[1 : root + 1])
    return [found for each in above for found in _gitignore_in(each)]


def _gitignore_in(folder: Path) -> list[tuple[Path, GitIgnoreSpec]]:
    try:
        lines = read_regular(folder / ".gitignore").decode(errors="replace").splitlines()
    except OSError:
        return []
    try:
        return [(folder, compiled(lines))]
    except ValueError:  # git skips what is no pattern without a word
        return [(folder, compiled(line for line in lines if _is_pattern(line)))]


def _is_pattern(line: str) -> bool:
    try:
        compiled([line])
    except ValueError:
        return False
    return True
