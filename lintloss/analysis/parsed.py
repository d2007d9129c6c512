"""Parsed files: what has been made of their code, by one analysis after another, while they hold the same."""

from __future__ import annotations

from lintloss.analysis import syntax
from lintloss.analysis.syntax import ModuleCode
from lintloss.sources import Source

MOST_KEPT = 1_000_000  # characters of code whose trees are kept: they take some hundred bytes each
LEAST_KEPT = 1_000  # characters that what is kept of a file takes as much as, however short the file is


class ParsedFiles:
    """The code of files by their paths, parsed once; beyond a size, those that were asked for last."""

    def __init__(self) -> None:
        self._codes: dict[str, ModuleCode] = {}
        self._kept = 0

    def of(self, path: str, source: Source) -> ModuleCode:
        """The code of the source at an absolute path, indexed now unless it was before."""
        code = self._codes.pop(path, None)
        if code is None or not _is_same(code.source, source):
            self._kept -= _weight(code) if code is not None else 0
            code = syntax.index(source)
            self._kept += _weight(code)
        self._codes[path] = code
        return code

    def holds(self, path: str, code: ModuleCode) -> bool:
        """Whether this is what is kept of a file."""
        return self._codes.get(path) is code

    def trim(self) -> None:
        """Drop what was not asked for lately, between two analyses."""
        while self._kept > MOST_KEPT and self._codes:
            self._kept -= _weight(self._codes.pop(next(iter(self._codes))))


def _weight(code: ModuleCode) -> int:
    return LEAST_KEPT + len(code.source.text)


def _is_same(one: Source, other: Source) -> bool:
    return (one.original, one.filename) == (other.original, other.filename)
