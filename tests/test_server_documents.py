"""Open texts: edits in the editor's columns, compared with edits of the text's code units themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from lintloss.finding import Location
from lintloss.server.columns import Columns
from lintloss.server.documents import Documents, Text
from lintloss.sources import Block

# Characters of one and more code units, what ends a line, and what other programs take for a line's end.
TEXTS = st.text(st.sampled_from("aé中🙂\n\r\f\u2028\x85 "), max_size=30)
ENCODINGS = ["utf-8", "utf-16", "utf-32"]


def units(text: str, encoding: str) -> list[bytes]:
    """The code units of a text, one by one."""
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    encoded = text.encode(encoding if encoding == "utf-8" else f"{encoding}-le")
    return [encoded[at : at + width] for at in range(0, len(encoded), width)]


def position(before: str, encoding: str) -> types.Position:
    """Where the editor is behind `before`: its own notion of lines, spelled out."""
    plain = before.replace("\r\n", "\n").replace("\r", "\n")
    return types.Position(plain.count("\n"), len(units(plain.rpartition("\n")[2], encoding)))


def inside_newline(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1 : at + 1] == "\r\n"


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS, new=TEXTS, ends=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_an_edit_replaces_what_the_editor_means(encoding: str, text: str, new: str, ends: tuple[int, int]) -> None:
    start, end = (min(at, len(text)) for at in sorted(ends))
    if inside_newline(text, start) or inside_newline(text, end):
        return  # no editor's cursor can be there
    place = types.Range(position(text[:start], encoding), position(text[:end], encoding))
    change = types.TextDocumentContentChangePartial(place, new)
    edited = Text("file:///a.py", 1, text).changed([change], 2, Columns(encoding))
    assert edited.text == text[:start] + new + text[end:]
    assert edited.version == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=TEXTS, at=st.integers(0, 30))
def test_places_go_there_and_back(encoding: str, text: str, at: int) -> None:
    at = min(at, len(text))
    if inside_newline(text, at):
        return
    block, columns = Block(None, 1, text), Columns(encoding)
    plain = text[:at].replace("\r\n", "\n").replace("\r", "\n")
    location = Location(plain.count("\n") + 1, len(plain.rpartition("\n")[2]) + 1)
    assert columns.position(block, location) == position(text[:at], encoding)
    assert columns.location(block, position(text[:at], encoding)) == location


def test_a_place_inside_a_character_is_before_it() -> None:
    block = Block(None, 1, "🙂x")
    assert Columns("utf-16").location(block, types.Position(0, 1)) == Location(1, 1)
    assert Columns("utf-8").location(block, types.Position(0, 3)) == Location(1, 1)


def test_a_place_behind_the_end_is_at_the_end() -> None:
    change = types.TextDocumentContentChangePartial(types.Range(types.Position(0, 99), types.Position(9, 9)), "!")
    assert Text("file:///a.py", 1, "ab").changed([change], 2, Columns()).text == "ab!"


def test_each_change_speaks_of_what_the_one_before_left() -> None:
    place = types.Range(types.Position(0, 0), types.Position(0, 0))
    changes = [types.TextDocumentContentChangePartial(place, text) for text in ("c", "b", "a")]
    assert Text("file:///a.py", 1, "\n").changed(changes, 2, Columns()).text == "abc\n"
    whole = [*changes, types.TextDocumentContentChangeWholeDocument("new")]
    assert Text("file:///a.py", 1, "\n").changed(whole, 2, Columns()).text == "new"


def test_an_edit_makes_another_document() -> None:
    documents = Documents()
    before = documents.open(types.TextDocumentItem("file:///a.py", "python", 1, "x = 1\n"))
    whole = types.TextDocumentContentChangeWholeDocument("x = 2\n")
    identifier = types.VersionedTextDocumentIdentifier(2, "file:///a.py")
    after = documents.change(types.DidChangeTextDocumentParams(identifier, [whole]))
    assert before != after
    assert documents.get("file:///a.py") is after
    assert before.source.text == "x = 1\n"
    assert after is not None
    assert after.source.text == "x = 2\n"


def test_a_notebook_opened_as_text_is_not_linted() -> None:
    document = Documents().open(types.TextDocumentItem("file:///a.ipynb", "json", 1, "{}"))
    assert not document.is_linted


def test_a_file_named_with_a_space_has_its_path() -> None:
    document = Documents().open(types.TextDocumentItem("file:///some%20where/a.py", "python", 1, ""))
    assert document.filename == "/some where/a.py"
