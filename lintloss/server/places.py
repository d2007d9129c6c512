"""Where lintloss' findings are for the editor, and where the editor's positions are for lintloss."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from lsprotocol import types

from lintloss.finding import Location, Span
from lintloss.server.columns import Columns
from lintloss.server.documents import Document
from lintloss.sources import Block, Source, Unreadable


class Places:
    """The places of the documents that were open at one moment, and of the files on disk."""

    def __init__(self, documents: Iterable[Document], columns: Columns) -> None:
        self._documents = tuple(documents)
        self._columns = columns
        self._read: dict[str, Block] = {}

    @cached_property
    def _by_name(self) -> dict[str, Document]:
        return {document.filename: document for document in self._documents}

    def location(self, span: Span) -> types.Location:
        return types.Location(self.uri(span), self.range(span))

    def uri(self, span: Span) -> str:
        """The URI of the file, or of the cell, as the editor spells it where it is open."""
        document = self._by_name.get(span.filename)
        return document.text_of(span.cell).uri if document is not None else Path(span.filename).absolute().as_uri()

    def version(self, span: Span) -> int | None:
        """The version of the open text; None for a file on disk."""
        document = self._by_name.get(span.filename)
        return document.text_of(span.cell).version if document is not None else None

    def range(self, span: Span) -> types.Range:
        block = self.block(span)
        return types.Range(self._columns.position(block, span.start), self._columns.position(block, span.end))

    def block(self, span: Span) -> Block:
        """The text that a span lies in."""
        document = self._by_name.get(span.filename)
        return document.text_of(span.cell).block if document is not None else self._on_disk(span.filename)

    def spot(self, document: Document, uri: str, position: types.Position) -> tuple[int | None, Location]:
        """The cell and the place of a position in one of a document's texts."""
        cell = document.cell_of(uri)
        return cell, self._columns.location(document.text_of(cell).block, position)

    def _on_disk(self, filename: str) -> Block:
        """The text of a file that a flow leads into; empty if it is gone."""
        if filename not in self._read:
            try:
                self._read[filename] = Source.read(Path(filename), filename).blocks[0]
            except (Unreadable, IndexError):
                self._read[filename] = Block(None, 1, "")
        return self._read[filename]
