"""What is linted: a Python file, a notebook or standard input, as text and as a map back to its file.

The analysis sees `Source.text` and nothing else. People and editors see files and notebook cells:
`Source.span` leads from the text to them, `Source.edited` brings edits back without touching a byte
outside of them.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lintloss.finding import Edit, Location, Span
from lintloss.reading import read_regular

if TYPE_CHECKING:
    from lintloss.notebooks import Notebook, Replacement

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LARGEST = 5_000_000  # characters; beyond it is data, and parsing it would take minutes


def absolute(filename: str) -> str:
    """Return the absolute path of a file, by which those of one run are told apart."""
    return str(Path(filename).absolute())


class Unreadable(Exception):
    """A file that cannot be linted: `reason`, and `row` and `column` where it goes wrong."""

    def __init__(self, reason: str, row: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.row = row
        self.column = column


@dataclass(frozen=True)
class Block:
    """Code that a person sees as one text: a whole file (`cell` is None) or one notebook cell.

    `raw` is that text with its own newlines; its rows are the rows of `Source.text` from
    `first_row` on.
    """

    cell: int | None
    first_row: int
    raw: str

    @cached_property
    def row_starts(self) -> tuple[int, ...]:
        return (0, *(match.end() for match in _NEWLINE.finditer(self.raw)))

    @cached_property
    def newline(self) -> str:
        """The newline that the text uses most, `\\n` if it has none."""
        used = _NEWLINE.findall(self.raw)
        return max(dict.fromkeys(used), key=used.count, default="\n")

    @property
    def end(self) -> Location:
        return Location(len(self.row_starts), len(self.raw) - self.row_starts[-1] + 1)

    def offset(self, location: Location) -> int:
        """Return where `location` lies in `raw`; places outside are moved to the nearest inside."""
        if location.row > len(self.row_starts):
            return len(self.raw)
        start = self.row_starts[location.row - 1]
        return min(start + location.column - 1, len(self.raw))

    def line(self, row: int) -> str:
        """Return a row without its newline, empty where there is none."""
        if not 1 <= row <= len(self.row_starts):
            return ""
        ends = (*self.row_starts[1:], len(self.raw))
        return self.raw[self.row_starts[row - 1] : ends[row - 1]].rstrip("\r\n")


class SkippedCell(NamedTuple):
    """A notebook cell that holds no Python, and why."""

    cell: int
    row: int
    column: int
    reason: str


@dataclass(frozen=True, eq=False)
class Source:
    """One file as it was read. Two sources are never equal; compare their `original` bytes.

    `text` has `\\n` newlines and no byte order mark. Of a notebook it is all code cells in order,
    one module; magics and cells that hold no Python are comments in it, Python 2 is translated.
    `named` is whether someone asked for this very file: of one that was only found in a folder, nobody minds that it
    is broken unless it can hold a loss.
    """

    filename: str
    text: str
    original: bytes
    blocks: tuple[Block, ...]
    encoding: str
    notebook: Notebook | None = None
    skipped: tuple[SkippedCell, ...] = ()
    path: Path | None = None
    is_translated: bool = False
    named: bool = True

    @classmethod
    def read(cls, path: Path, filename: str) -> Source:
        """Read a file; `filename` is what people are shown.

        Raises:
            Unreadable: no permission, no such file, or see `from_bytes`.
        """
        try:
            data = read_regular(path)
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror or error}") from error
        return cls.from_bytes(data, filename, path)

    @classmethod
    def from_text(cls, text: str, filename: str) -> Source:
        """Take text that is no file; an encoding cookie in it means nothing.

        Raises:
            Unreadable: null characters, lone surrogates, or see `from_bytes`.
        """
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            row = text.count("\n", 0, error.start) + 1
            raise Unreadable("not valid Unicode: a lone surrogate", row) from error
        _refuse_nulls(data)
        return cls._from_decoded(data, text, "utf-8", filename, None)

    @classmethod
    def from_bytes(cls, data: bytes, filename: str, path: Path | None = None) -> Source:
        """Take a file's bytes; a name that ends in .ipynb makes it a notebook.

        Raises:
            Unreadable: null bytes, an encoding that is unknown or not kept, a broken notebook, or
                far too much code.
        """
        _refuse_nulls(data)
        encoding = _notebook_encoding(data) if _names_notebook(filename) else _encoding(data)
        try:
            decoded = data.decode(encoding)
        except UnicodeDecodeError as error:
            row = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
            raise Unreadable(f"not {encoding}: {error.reason}", row) from error
        except UnicodeError as error:  # codecs such as punycode, which say no more
            raise Unreadable(f"not {encoding}") from error
        except LookupError as error:  # codecs such as rot13 that are no text encodings
            raise Unreadable(f"unknown encoding {encoding}") from error
        return cls._from_decoded(data, decoded, encoding, filename, path)

    @classmethod
    def _from_decoded(cls, data: bytes, decoded: str, encoding: str, filename: str, path: Path | None) -> Source:
        if _names_notebook(filename):
            return cls._from_notebook(data, decoded, encoding, filename, path)
        _refuse_size(decoded)
        block = Block(None, 1, decoded)
        return cls(filename, _normalised(decoded), data, (block,), encoding, path=path)

    @classmethod
    def _from_notebook(cls, data: bytes, decoded: str, encoding: str, filename: str, path: Path | None) -> Source:
        from lintloss import notebooks

        try:
            notebook = notebooks.Notebook.parse(decoded)
        except notebooks.NotebookError as error:
            raise Unreadable(error.reason, error.row, error.column) from error
        blocks: list[Block] = []
        texts: list[str] = []
        skipped: list[SkippedCell] = []
        is_translated = False
        first_row = 1
        for cell in notebook.cells:
            code = _normalised(cell.code)
            try:
                text = notebooks.as_python(code)
            except SyntaxError as error:
                older = notebooks.translated(code)
                text = notebooks.blank(code) if older is None else older
                if older is None:
                    skipped.append(_skipped(cell.position, error))
                is_translated = is_translated or older is not None
            blocks.append(Block(cell.position, first_row, cell.code))
            texts.append(text)
            first_row += text.count("\n") + 1
        joined = "".join(text + "\n" for text in texts)
        _refuse_size(joined)
        return cls(filename, joined, data, tuple(blocks), encoding, notebook, tuple(skipped), path, is_translated)

    @property
    def is_notebook(self) -> bool:
        return self.notebook is not None

    @cached_property
    def fixable(self) -> bool:
        """Whether edits can be written back; Python 2, odd encodings and doubled JSON keys do not allow it."""
        if self.is_translated or (self.notebook is not None and not self.notebook.editable):
            return False
        try:
            return self.original.decode(self.encoding).encode(self.encoding) == self.original
        except UnicodeError:
            return False

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The rows of `text`, without their newlines."""
        return tuple(self.text.split("\n"))

    @cached_property
    def row_starts(self) -> tuple[int, ...]:
        """The offset of each row in `text`."""
        return (0, *(match.end() for match in re.finditer("\n", self.text)))

    def offset(self, row: int, column: int) -> int:
        """Return the place in `text` of a 1-based row and column."""
        return self.row_starts[row - 1] + column - 1

    def span(self, start_row: int, start_column: int, end_row: int, end_column: int) -> Span:
        """Map rows and columns of `text` to the file or the cell they come from.

        What runs over a cell's end is cut there.
        """
        block = self._block_at(start_row)
        shift = block.first_row - 1
        end = Location(end_row - shift, end_column)
        if block.cell is not None:
            end = min(end, block.end)
        return Span(self.filename, Location(start_row - shift, start_column), end, block.cell)

    def text_row(self, cell: int | None, row: int) -> int:
        """Return the row of `text` that is `row` of a cell, or of the file."""
        return self._block(cell).first_row + row - 1

    def file_row(self, cell: int | None, row: int) -> int:
        """Return the row of the file itself, of a notebook the row of its JSON; 1 where that cannot be told."""
        if cell is None or self.notebook is None:
            return row
        if not self.notebook.editable:
            return 1
        return self.notebook.file_row(cell, self._block(cell).offset(Location(row, 1)))

    def line(self, cell: int | None, row: int) -> str:
        """Return a line as people see it in their file or cell, empty where there is none."""
        return self._block(cell).line(row)

    def cell_texts(self) -> dict[int | None, str]:
        """Return what people see, by cell (None: the whole file), with `\\n` newlines."""
        return {block.cell: _normalised(block.raw) for block in self.blocks}

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """Return the file's bytes with non-overlapping `edits` made and nothing else touched.

        Raises:
            UnicodeEncodeError: an edit holds characters that the file's encoding has not.
        """
        replacements = [self._replacement(edit) for edit in edits]
        if self.notebook is not None:
            return self.notebook.with_replacements(replacements).encode(self.encoding)
        text = self.blocks[0].raw
        for change in sorted(replacements, key=lambda each: (each.start, each.end), reverse=True):
            text = text[: change.start] + change.content + text[change.end :]
        return text.encode(self.encoding)

    def stretch(self, span: Span) -> tuple[int, int]:
        """Return where a span begins and ends in `text`, as 0-based offsets."""
        start, end = (self.offset(self.text_row(span.cell, each.row), each.column) for each in (span.start, span.end))
        return start, end

    def with_edits(self, edits: Sequence[Edit]) -> Source:
        """Return this source as it reads after `edits`.

        Raises:
            UnicodeEncodeError: see `edited`.
            Unreadable: the edits broke the file.
        """
        return Source.from_bytes(self.edited(edits), self.filename, self.path)

    def _replacement(self, edit: Edit) -> Replacement:
        from lintloss.notebooks import Replacement

        block = self._block(edit.span.cell)
        start, end = block.offset(edit.span.start), block.offset(edit.span.end)
        content = edit.content.replace("\n", block.newline)
        return Replacement(edit.span.cell or 0, start, end, content)

    def _block(self, cell: int | None) -> Block:
        return next(block for block in self.blocks if block.cell == cell)

    def _block_at(self, text_row: int) -> Block:
        starts = [block.first_row for block in self.blocks]
        return self.blocks[max(bisect_right(starts, text_row) - 1, 0)]


def _names_notebook(filename: str) -> bool:
    return filename.lower().endswith(".ipynb")


def _normalised(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_nulls(data: bytes) -> None:
    at = data.find(b"\0")
    if at >= 0:
        raise Unreadable("contains null bytes", data.count(b"\n", 0, at) + 1)


def _refuse_size(text: str) -> None:
    if len(text) > _LARGEST:
        raise Unreadable(f"too large: {len(text)} characters, {_LARGEST} at most")


def _encoding(data: bytes) -> str:
    """Return what PEP 263 says, `utf-8-sig` for a byte order mark."""
    head = io.BytesIO(b"\n".join(data[:4096].splitlines()[:2]))
    try:
        return tokenize.detect_encoding(head.readline)[0]
    except SyntaxError as error:
        # Also raised where the first two lines are not UTF-8; decoding then says it better.
        reason = str(error)
    if "unknown encoding" in reason or "encoding problem" in reason:
        raise Unreadable(reason)
    return "utf-8"


def _notebook_encoding(data: bytes) -> str:
    return "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8"


def _skipped(position: int, error: SyntaxError) -> SkippedCell:
    return SkippedCell(position, error.lineno or 1, error.offset or 1, error.msg)
