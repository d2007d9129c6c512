"""What is open in the editor: files and notebooks as they read there, which is not what is on disk.

pygls keeps a copy of the open texts too. It ends lines at form feeds and other characters at which neither the
protocol nor Python ends one, so that an edit below such a character lands in the wrong line; hence this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from lsprotocol import types
from pygls import uris

from lintloss.server.columns import Columns
from lintloss.sources import Block, Source

Changes: TypeAlias = Sequence[types.TextDocumentContentChangeEvent]


@dataclass(frozen=True, eq=False)
class Text:
    """One text in the editor: a file, or a cell of a notebook, which may be no code."""

    uri: str
    version: int | None
    text: str
    is_code: bool = True

    @cached_property
    def block(self) -> Block:
        """The text by rows."""
        return Block(None, 1, self.text)

    def changed(self, changes: Changes, version: int | None, columns: Columns) -> Text:
        """The text after some changes, each of which speaks of what the one before has left."""
        text = self.text
        for change in changes:
            text = _changed(text, change, columns)
        return replace(self, version=version, text=text)


def _changed(text: str, change: types.TextDocumentContentChangeEvent, columns: Columns) -> str:
    if not isinstance(change, types.TextDocumentContentChangePartial):
        return change.text
    block = Block(None, 1, text)
    start = block.offset(columns.location(block, change.range.start))
    end = block.offset(columns.location(block, change.range.end))
    return text[:start] + change.text + text[max(start, end) :]


@dataclass(frozen=True, eq=False)
class Document:
    """What is linted as one: a file, or a notebook with its cells in order. Two are never equal."""

    uri: str
    texts: tuple[Text, ...]
    is_notebook: bool = False

    @cached_property
    def filename(self) -> str:
        """The path of the file that the document is, or will be when it is saved."""
        name: str = uris.to_fs_path(self.uri) or self.uri
        return f"{name}.ipynb" if self.is_notebook and not name.endswith(".ipynb") else name

    @property
    def is_linted(self) -> bool:
        """Whether it is code: a notebook that was opened as text shows its JSON, where nothing can be pointed at."""
        return self.is_notebook or not self.filename.lower().endswith(".ipynb")

    @cached_property
    def source(self) -> Source:
        """The document as lintloss reads it.

        Raises:
            Unreadable: see `Source.from_text`.
        """
        content = self._as_json() if self.is_notebook else self.texts[0].text
        return Source.from_text(content, self.filename)

    def _as_json(self) -> str:
        cells = [{"cell_type": "code" if text.is_code else "raw", "source": text.text} for text in self.texts]
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})

    def text_of(self, cell: int | None) -> Text:
        """The text that a finding's `cell` means."""
        return self.texts[(cell or 1) - 1]

    def cell_of(self, uri: str) -> int | None:
        """What findings in a text have as their `cell`; 0, where nothing is found, for another document's text."""
        if not self.is_notebook:
            return None
        return next((number for number, text in enumerate(self.texts, 1) if text.uri == uri), 0)


@dataclass
class Documents:
    """The open documents; an edit puts a new one in the old one's place."""

    columns: Columns = field(default_factory=Columns)
    _open: dict[str, Document] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """The document with that URI, or the notebook with such a cell."""
        if uri in self._open:
            return self._open[uri]
        return next((each for each in self if any(text.uri == uri for text in each.texts)), None)

    def open(self, item: types.TextDocumentItem) -> Document:
        return self._put(Document(item.uri, (Text(item.uri, item.version, item.text),)))

    def change(self, params: types.DidChangeTextDocumentParams) -> Document | None:
        """Apply an edit; nothing comes of an edit of what is not open."""
        document = self._open.get(params.text_document.uri)
        if document is None or document.is_notebook:
            return None
        text = document.texts[0].changed(params.content_changes, params.text_document.version, self.columns)
        return self._put(replace(document, texts=(text,)))

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> Document:
        notebook = params.notebook_document
        cells = _cells(notebook.cells, params.cell_text_documents, ())
        return self._put(Document(notebook.uri, cells, is_notebook=True))

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> Document | None:
        """Apply an edit of cells, of their order or of their kinds."""
        document = self._open.get(params.notebook_document.uri)
        if document is None or not document.is_notebook:
            return None
        texts, cells = document.texts, params.change.cells
        if cells is not None:
            texts = _restructured(texts, cells.structure) if cells.structure else texts
            texts = tuple(self._cell_changed(text, cells) for text in texts)
        return self._put(replace(document, texts=texts))

    def _cell_changed(self, text: Text, cells: types.NotebookDocumentCellChanges) -> Text:
        for content in cells.text_content or ():
            if content.document.uri == text.uri:
                text = text.changed(content.changes, content.document.version, self.columns)
        for cell in cells.data or ():
            if cell.document == text.uri:
                text = replace(text, is_code=cell.kind is types.NotebookCellKind.Code)
        return text

    def close(self, uri: str) -> Document | None:
        return self._open.pop(uri, None)

    def _put(self, document: Document) -> Document:
        self._open[document.uri] = document
        return document


def _cells(
    cells: Iterable[types.NotebookCell], opened: Iterable[types.TextDocumentItem], known: Iterable[Text]
) -> tuple[Text, ...]:
    """The texts of cells, of those that were opened with them or known before."""
    texts = {text.uri: text for text in known}
    for item in opened:
        texts[item.uri] = Text(item.uri, item.version, item.text, is_code=item.language_id == "python")
    found = [(cell, texts.get(cell.document, Text(cell.document, None, "", is_code=False))) for cell in cells]
    return tuple(
        text if cell.kind is types.NotebookCellKind.Code else replace(text, is_code=False) for cell, text in found
    )


def _restructured(texts: tuple[Text, ...], structure: types.NotebookDocumentCellChangeStructure) -> tuple[Text, ...]:
    """The texts after cells were added, removed or moved."""
    array = structure.array
    added = _cells(array.cells or (), structure.did_open or (), texts)
    return (*texts[: array.start], *added, *texts[array.start + array.delete_count :])
