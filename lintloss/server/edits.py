"""Edits of lintloss as edits of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from lsprotocol import types

from lintloss.finding import Edit, Location, Span
from lintloss.server.places import Places
from lintloss.sources import Block, Source


def workspace_edit(edits: Iterable[Edit], places: Places, *, versioned: bool) -> types.WorkspaceEdit:
    """The edits by text; `versioned` for editors that refuse what was meant for an older text."""
    by_text: dict[tuple[str, int | None], list[types.TextEdit]] = {}
    for edit in edits:
        newline = places.block(edit.span).newline
        change = types.TextEdit(places.range(edit.span), edit.content.replace("\n", newline))
        by_text.setdefault((places.uri(edit.span), places.version(edit.span)), []).append(change)
    if not versioned:
        return types.WorkspaceEdit(changes={uri: changes for (uri, _), changes in by_text.items()})
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, version), changes)
            for (uri, version), changes in by_text.items()
        ]
    )


def between(before: Source, after: Source) -> Iterator[Edit]:
    """The edits, by whole lines, that make one text of a document into another."""
    for old, new in zip(before.blocks, after.blocks, strict=True):
        yield from _between_blocks(before.filename, old, new)


def _between_blocks(filename: str, old: Block, new: Block) -> Iterator[Edit]:
    old_lines, new_lines = _lines(old), _lines(new)
    matcher = SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for tag, first, last, new_first, new_last in matcher.get_opcodes():
        if tag != "equal":
            span = Span(filename, _start(old, first), _start(old, last), old.cell)
            content = "".join(new_lines[new_first:new_last])
            yield Edit(span, content.replace(old.newline, "\n"))


def _lines(block: Block) -> list[str]:
    ends = (*block.row_starts[1:], len(block.raw))
    return [block.raw[start:end] for start, end in zip(block.row_starts, ends, strict=True)]


def _start(block: Block, index: int) -> Location:
    """Where the line with that index begins; behind the last one, the end of the text."""
    return Location(index + 1, 1) if index < len(block.row_starts) else block.end
