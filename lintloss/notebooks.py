"""Jupyter notebooks: from JSON text to the Python of their cells, and edits back into the JSON text.

A notebook is edited by splicing its JSON text inside the string literals of a cell's `source`. It is
never serialised again, so indentation, outputs, key order and escapes elsewhere stay byte for byte.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]', re.DOTALL)
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # one character, two escapes
    r"|\\u[0-9a-fA-F]{4}|\\.|[^\\]",
    re.DOTALL,
)
_MAGIC_LINE = re.compile(r"\s*(?:[%!?]|(?:pip|conda|cd|ls)\b|[\w.,\s]+=\s*[%!])|.*\?\s*$")
_PLAIN_MAGIC = re.compile(r"\s*[%!]")
_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
_PYTHON_CELL_MAGICS = frozenset({"time", "timeit", "capture", "prun"})

JsonPath = tuple[str | int, ...]


class NotebookError(Exception):
    """The text is no notebook; `row` and `column` say where, as well as it is known."""

    def __init__(self, reason: str, row: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.row = row
        self.column = column


class Cell(NamedTuple):
    """One code cell: its 1-based position among all cells, and its code as the notebook holds it.

    `literals` are the stretches of the JSON text, between the quotes, that spell `code`.
    """

    position: int
    code: str
    literals: tuple[tuple[int, int], ...]


class Replacement(NamedTuple):
    """Put `content` where `start:end` of a cell's code was."""

    position: int
    start: int
    end: int
    content: str


class Notebook(NamedTuple):
    """A notebook's JSON text and those of its cells that hold Python."""

    json_text: str
    cells: tuple[Cell, ...]

    @classmethod
    def parse(cls, json_text: str) -> Notebook:
        """Read a notebook of format 3 or 4.

        Raises:
            NotebookError: broken JSON, or JSON that is no notebook.
        """
        try:
            content = json.loads(json_text)
        except json.JSONDecodeError as error:
            raise NotebookError(f"broken notebook JSON: {error.msg}", error.lineno, error.colno) from error
        except RecursionError as error:
            raise NotebookError("broken notebook JSON: too deeply nested") from error
        except ValueError as error:  # a number of thousands of digits
            raise NotebookError(f"broken notebook JSON: {error}") from error
        return cls(json_text, tuple(_code_cells(content, _strings(json_text))))

    @property
    def editable(self) -> bool:
        """Whether the literals found in the text really spell the cells' code."""
        return all(self._spelled(cell) == cell.code for cell in self.cells)

    def file_row(self, position: int, offset: int) -> int:
        """Return the row of the JSON text that spells the character at `offset` of a cell's code."""
        cell = next(each for each in self.cells if each.position == position)
        return self.json_text.count("\n", 0, self._character_offsets(cell)[offset]) + 1

    def with_replacements(self, replacements: Iterable[Replacement]) -> str:
        """Return the JSON text with parts of cells replaced; the replacements must not overlap."""
        splices: list[tuple[int, int, str]] = []
        cells = {cell.position: cell for cell in self.cells}
        for replacement in replacements:
            cell = cells[replacement.position]
            offsets = self._character_offsets(cell)
            content = self._as_json(replacement.content, cell)
            splices.append((offsets[replacement.start], offsets[replacement.end], content))
        text = self.json_text
        for start, end, content in sorted(splices, reverse=True):
            text = text[:start] + content + text[end:]
        return text

    def _spelled(self, cell: Cell) -> str:
        return "".join(json.loads(f'"{self.json_text[a:b]}"') for a, b in cell.literals)

    def _character_offsets(self, cell: Cell) -> list[int]:
        """Where each character of the code stands in the JSON text, and the code's end.

        A stretch that runs over several literals so takes in the quotes and commas between them:
        replacing it joins the literals at its ends into one.
        """
        offsets = [
            match.start() for start, end in cell.literals for match in _CHARACTER.finditer(self.json_text, start, end)
        ]
        return [*offsets, cell.literals[-1][1]]

    def _as_json(self, content: str, cell: Cell) -> str:
        """Spell new code as JSON, one literal per line where the cell is written that way."""
        spelled = json.dumps(content, ensure_ascii=self.json_text.isascii())[1:-1]
        between = [self.json_text[a[1] : b[0]] for a, b in pairwise(cell.literals)]
        return spelled.replace("\\n", "\\n" + between[0]) if between else spelled


def as_python(code: str) -> str:
    """Turn a cell's code into Python with the same rows: magics and shell lines become `pass`.

    Only lines that Python itself stumbles over are looked at, so `%` inside an expression is safe.

    Raises:
        SyntaxError: the cell holds no Python even then.
    """
    lines = code.split("\n")
    first = next((row for row, line in enumerate(lines) if line.strip()), 0)
    if magic := _CELL_MAGIC.match(lines[first]):
        if magic[1] not in _PYTHON_CELL_MAGICS:
            return blank(code)
        lines[first] = "pass  # " + lines[first]
    neutralised: set[int] = set()
    while error := syntax_error("\n".join(lines)):
        row = (error.lineno or 1) - 1
        if row in neutralised or row >= len(lines) or not _MAGIC_LINE.match(lines[row]):
            raise error
        neutralised.update(_neutralise(lines, row))
    return "\n".join(lines)


def translated(code: str) -> str | None:
    """A cell that Python itself cannot read, as IPython or an older Python does, with the same rows; None if none can.

    IPython takes the indentation of a cell's first line off all its lines.
    """
    from lintloss import python2

    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    plain = "\n".join(line.removeprefix(indent) for line in lines)
    if indent:
        try:
            return as_python(plain)
        except SyntaxError:
            pass
    return python2.as_python3(without_magics(plain))


def without_magics(code: str) -> str:
    """Turn a cell's magics and shell lines into `pass`, whether or not the rest is Python."""
    lines = code.split("\n")
    for row, line in enumerate(lines):
        if _PLAIN_MAGIC.match(line):
            deque(_neutralise(lines, row), maxlen=0)
    return "\n".join(lines)


def blank(code: str) -> str:
    """Return comments, as many rows as `code` has."""
    return "\n".join("#" for _ in code.split("\n"))


def syntax_error(code: str) -> SyntaxError | None:
    """Return why Python's own parser refuses `code`, or None if it takes it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are not ours to report
            ast.parse(code)
    except SyntaxError as error:
        return error
    except ValueError as error:  # lone surrogates, null bytes
        return SyntaxError(str(error))
    except (RecursionError, MemoryError):
        return SyntaxError("too deeply nested to parse")
    return None


def _neutralise(lines: list[str], row: int) -> Iterator[int]:
    """Make the magic line at `row` a statement that does nothing, with the lines it runs on to."""
    line = lines[row]
    indent = line[: len(line) - len(line.lstrip())]
    lines[row] = f"{indent}pass  # {line.lstrip()}"
    yield row
    while line.endswith("\\") and row + 1 < len(lines):
        row += 1
        line = lines[row]
        lines[row] = f"# {line}"
        yield row


def _code_cells(content: Any, strings: Sequence[tuple[JsonPath, int, int]]) -> Iterator[Cell]:
    """Yield the cells that hold Python, with the places of their code in the JSON text."""
    literals: dict[JsonPath, list[tuple[int, int]]] = {}
    for path, start, end in strings:
        # A list's element belongs to the list: ("cells", 0, "source", 2) -> ("cells", 0, "source")
        owner = path[:-1] if isinstance(path[-1], int) else path
        literals.setdefault(owner, []).append((start, end))
    cells = list(_cells(content))
    speaks_python = _language(content) in {"", "python"}
    for position, (path, cell) in enumerate(cells, start=1):
        kind, key, code = _read_cell(cell, position)
        if kind == "code" and code and speaks_python:
            yield Cell(position, code, tuple(literals.get((*path, key), ())))


def _cells(content: Any) -> Iterator[tuple[JsonPath, Any]]:
    """Yield every cell with its path; format 3 keeps them in worksheets."""
    if not isinstance(content, dict):
        raise NotebookError("not a notebook: the JSON is no object")
    if "worksheets" in content and "cells" not in content:
        for number, sheet in enumerate(_list(content, "worksheets")):
            for index, cell in enumerate(_list(sheet, "cells")):
                yield ("worksheets", number, "cells", index), cell
        return
    for index, cell in enumerate(_list(content, "cells")):
        yield ("cells", index), cell


def _list(owner: Any, key: str) -> list[Any]:
    value = owner.get(key) if isinstance(owner, dict) else None
    if not isinstance(value, list):
        raise NotebookError(f"not a notebook: no list of {key}")
    return value


def _read_cell(cell: Any, position: int) -> tuple[str, str, str]:
    """Return a cell's type, the key of its code, and the code."""
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        raise NotebookError(f"not a notebook: cell {position} has no cell_type")
    kind = cell["cell_type"]
    key = "input" if kind == "code" and "source" not in cell else "source"
    code = cell.get(key, "" if kind != "code" else None)
    if isinstance(code, str):
        return kind, key, code
    if isinstance(code, list) and all(isinstance(line, str) for line in code):
        return kind, key, "".join(code)
    raise NotebookError(f"not a notebook: cell {position} has no source")


def _language(content: dict[str, Any]) -> str:
    metadata = content.get("metadata")
    if not isinstance(metadata, dict):
        return ""
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        owner = metadata.get(section)
        if isinstance(owner, dict) and isinstance(owner.get(key), str):
            return str(owner[key]).lower()
    return ""


def _strings(json_text: str) -> list[tuple[JsonPath, int, int]]:
    """Find the string values of valid JSON text: their path, and where they lie between the quotes."""
    found: list[tuple[JsonPath, int, int]] = []
    path: list[str | int | None] = []  # per open container: its present key or index
    after_key = False
    for token in _TOKEN.finditer(json_text):
        mark = token[0][0]
        if mark in "{[":
            path.append(None if mark == "{" else 0)
        elif mark in "}]":
            path.pop()
        elif mark == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif mark == ":":
            after_key = True
            continue
        elif path and not after_key and not isinstance(path[-1], int):
            path[-1] = json.loads(token[0])
        else:
            found.append((tuple(step for step in path if step is not None), *_inside(token)))
        after_key = False
    return found


def _inside(token: re.Match[str]) -> tuple[int, int]:
    return token.start() + 1, token.end() - 1
