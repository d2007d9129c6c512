"""The line that each key of a TOML text stands on; `tomllib` gives values only."""

from __future__ import annotations

import re
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
_DEEPEST = 16  # parts of a dotted key; no file of ours has more than five

_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""'
    r"|'''.*?'''"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)
_PART = r"""(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = rf"\s*(?P<key>{_PART}(?:\s*\.\s*{_PART})*)\s*"
_ASSIGNMENT = re.compile(rf"{_KEY}=")
_TABLE = re.compile(rf"\s*\[{_KEY}\]")
_TABLE_OF_LIST = re.compile(rf"\s*\[\[{_KEY}\]\]")


class KeyLines:
    """Where the keys of a valid TOML text stand.

    A path holds keys and, for `[[tables]]`, their 0-based number: `("api", 2, "kind")`.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}
        table: KeyPath = ()
        for line, statement in _statements(text):
            if found := _TABLE_OF_LIST.match(statement):
                table = self._next_table(_parts(found["key"]))
                self._note(table, line)
            elif found := _TABLE.match(statement):
                table = self._resolved((), _parts(found["key"]))
                self._note(table, line)
            elif found := _ASSIGNMENT.match(statement):
                self._note(self._resolved(table, _parts(found["key"])), line)

    def line(self, *path: str | int) -> int:
        """Return the 1-based line of a key; of the nearest table or key around it where it has none of its own."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1

    def _note(self, path: KeyPath, line: int) -> None:
        """A dotted key makes the tables on its way, unless they stand somewhere themselves."""
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _next_table(self, parts: list[str]) -> KeyPath:
        path = (*self._resolved((), parts[:-1]), parts[-1])
        number = self._counts[path] = self._counts.get(path, -1) + 1
        return (*path, number)

    def _resolved(self, table: KeyPath, parts: list[str]) -> KeyPath:
        """Under a `[[table]]`, further headers speak of its latest one."""
        path = table
        for part in parts:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path])
        return path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header or assignment, over all its lines, with the line that it begins on."""
    depth = begin = 0
    row = first = 1
    for token in _TOKEN.finditer(text):
        mark = token[0]
        row += mark.count("\n")
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "\n" and depth == 0:
            yield first, text[begin : token.start()]
            begin, first = token.end(), row
    yield first, text[begin:]


def _parts(key: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, key)[:_DEEPEST]]
