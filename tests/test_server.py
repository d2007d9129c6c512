"""The language server, asked by a real client over real pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from editor import PATIENCE, ROOT, Editor, applied
from lsprotocol import types

import lintloss.server
from lintloss.cli import main

FIXTURES = Path(ROOT) / "fixtures"
SOFTMAX = FIXTURES / "softmax-into-softmax-loss" / "softmax_regression.py"
BAD = "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
GOOD = "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)\n"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    editor = Editor(tmp_path_factory.mktemp("project"))
    yield editor
    code, complaints = editor.quit()
    assert (code, complaints) == (0, "")


@pytest.fixture
def editor(session: Editor) -> Iterator[Editor]:
    """The session, in which a test leaves nothing open."""
    session.messages.clear()
    yield session
    for uri in list(session.shown):
        session.close(uri)
    session.shown.clear()
    session.history.clear()


def edits_of(action: types.CodeAction, uri: str) -> list[types.TextEdit]:
    assert action.edit is not None
    assert action.edit.document_changes is not None
    changes = [each for each in action.edit.document_changes if isinstance(each, types.TextDocumentEdit)]
    return [
        edit
        for change in changes
        if change.text_document.uri == uri
        for edit in change.edits
        if isinstance(edit, types.TextEdit)
    ]


def titled(actions: list[types.CodeAction], part: str) -> types.CodeAction:
    (found,) = [each for each in actions if part in each.title]
    return found


# -- diagnostics ---------------------------------------------------------------------------------------------


def test_opening_a_file_shows_findings_and_the_way_of_the_value(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", SOFTMAX.read_text())
    (found,) = editor.diagnostics(uri)
    assert (found.code, found.source, found.severity) == ("LL101", "lintloss", types.DiagnosticSeverity.Error)
    assert str(found.range) == "13:4-13:66"
    assert found.code_description is not None
    assert Path(found.code_description.href.removeprefix("file://")).read_text().startswith("# ")
    assert found.related_information is not None
    assert [(str(each.location.range), each.message) for each in found.related_information] == [
        ("11:7-11:41", "softmax is applied here"),
        ("13:4-13:66", "passed to the loss here"),
    ]
    assert {each.location.uri for each in found.related_information} == {uri}


def test_typing_is_answered_when_it_pauses(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", GOOD)
    assert editor.diagnostics(uri, 1) == ()
    start = GOOD.splitlines()[1].index("logits=z") + len("logits=")
    for version, character in enumerate("softmax(", start=2):
        place = types.Position(1, start + version - 2)
        editor.change(uri, version, [types.TextDocumentContentChangePartial(types.Range(place, place), character)])
    place = types.Position(1, start + len("softmax("))
    whole = types.Range(types.Position(1, start), types.Position(1, place.character + 2))
    editor.change(uri, 10, [types.TextDocumentContentChangePartial(whole, "tf.nn.softmax(z))")])
    assert [each.code for each in editor.diagnostics(uri, 10)] == ["LL101"]
    versions = [each.version for each in editor.history if each.uri == uri]
    assert versions[0] == 1
    assert versions[-1] == 10
    assert len(versions) < 6, "each letter was linted on its own"


def test_saving_is_answered(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", GOOD)
    editor.diagnostics(uri, 1)
    editor.replace(uri, 2, BAD)
    editor.save(uri)
    assert [each.code for each in editor.diagnostics(uri, 2)] == ["LL101"]


def test_a_syntax_error_is_a_finding_and_goes_with_it(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", "import tensorflow as tf\nx = (\n")
    assert [each.code for each in editor.diagnostics(uri, 1)] == ["LL001"]
    editor.replace(uri, 2, "x = 1\0\n")
    assert [each.code for each in editor.diagnostics(uri, 2)] == ["LL001"]
    editor.replace(uri, 3, "x = 1\n")
    assert editor.diagnostics(uri, 3) == ()


def test_a_closed_file_shows_nothing(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", BAD)
    editor.wait_for_codes(uri, ["LL101"])
    editor.close(uri)
    editor.wait_for_codes(uri, [])


def test_unused_suppressions_are_faded(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", "x = 1  # lintloss: ignore[LL101]\n")
    (found,) = editor.diagnostics(uri)
    assert found.code == "LL002"
    assert found.tags == (types.DiagnosticTag.Unnecessary,)


def test_files_without_a_place_on_disk_are_linted(editor: Editor) -> None:
    item = types.TextDocumentItem("untitled:Untitled-1", "python", 1, BAD)
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    editor.wait_for_codes(item.uri, ["LL101"])


def test_user_code_is_not_run(editor: Editor, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "helper.py").write_text(f"open({str(marker)!r}, 'w')\ndef head(z):\n    return z\n")
    uri = editor.open(tmp_path / "train.py", f"from helper import head\nopen({str(marker)!r}, 'w')\n" + BAD)
    editor.wait_for_codes(uri, ["LL101"])
    assert not marker.exists()


# -- several files -------------------------------------------------------------------------------------------


def test_an_open_buffer_counts_where_another_imports_it(editor: Editor, tmp_path: Path) -> None:
    linear = "import tensorflow as tf\n\ndef head(x, w):\n    return tf.matmul(x, w)\n"
    (tmp_path / "models.py").write_text(linear)
    train = editor.open(
        tmp_path / "train.py",
        "import tensorflow as tf\nfrom models import head\n"
        "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=head(x, w))\n",
    )
    assert editor.diagnostics(train, 1) == ()
    models = editor.open(tmp_path / "models.py", linear)
    editor.replace(models, 2, linear.replace("tf.matmul(x, w)", "tf.nn.softmax(tf.matmul(x, w))"))
    editor.wait_for_codes(train, ["LL101"])
    related = editor.shown[train].diagnostics[0].related_information or ()
    assert [each.location.uri for each in related] == [models, train]
    editor.close(models)  # unsaved: the file on disk counts again
    editor.wait_for_codes(train, [])


def test_a_file_changed_outside_the_editor_is_read_again(editor: Editor, tmp_path: Path) -> None:
    models = tmp_path / "models.py"
    models.write_text("import tensorflow as tf\n\ndef head(x, w):\n    return tf.matmul(x, w)\n")
    train = editor.open(
        tmp_path / "train.py",
        "import tensorflow as tf\nfrom models import head\n"
        "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=head(x, w))\n",
    )
    assert editor.diagnostics(train, 1) == ()
    models.write_text(models.read_text().replace("tf.matmul(x, w)", "tf.nn.softmax(tf.matmul(x, w))"))
    editor.touched(models)
    editor.wait_for_codes(train, ["LL101"])


def test_saving_reads_again_what_is_on_disk(editor: Editor, tmp_path: Path) -> None:
    models = tmp_path / "models.py"
    models.write_text("import tensorflow as tf\n\ndef head(x, w):\n    return tf.matmul(x, w)\n")
    train = editor.open(
        tmp_path / "train.py",
        "import tensorflow as tf\nfrom models import head\n"
        "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=head(x, w))\n",
    )
    assert editor.diagnostics(train, 1) == ()
    models.write_text(models.read_text().replace("tf.matmul(x, w)", "tf.nn.softmax(tf.matmul(x, w))"))
    editor.save(train)  # nobody has told the server of the other file
    editor.wait_for_codes(train, ["LL101"])


def test_it_asks_to_be_told_of_changed_files(editor: Editor) -> None:
    editor.wait_for(lambda: editor.registrations)
    (registration,) = editor.registrations
    assert registration.method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES


# -- code actions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["softmax_regression", "training_loop", "sequential_from_logits", "reshape_after_softmax"]
)
def test_a_fix_makes_of_the_buffer_what_the_fixture_says(editor: Editor, tmp_path: Path, name: str) -> None:
    text = SOFTMAX.with_name(f"{name}.py").read_text()
    uri = editor.open(tmp_path / "train.py", text)
    found = editor.diagnostics(uri)[0]
    (fix,) = [each for each in editor.actions(uri, found.range.start.line, only=["quickfix"]) if each.is_preferred]
    assert [each.code for each in fix.diagnostics or ()] == ["LL101"]
    after = applied(text, edits_of(fix, uri))
    assert after == SOFTMAX.with_name(f"{name}.fixed.py").read_text()


def test_an_unsafe_fix_says_so_and_is_not_preferred(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", (FIXTURES / "softmax-over-batch-axis" / "rows_of_examples.py").read_text())
    (found,) = editor.diagnostics(uri)
    fix = titled(editor.actions(uri, found.range.start.line), "unsafe")
    assert "changes what the model outputs" in fix.title
    assert not fix.is_preferred
    assert edits_of(fix, uri)


def test_all_safe_fixes_at_once(editor: Editor, tmp_path: Path) -> None:
    text = SOFTMAX.read_text() + "y = 1  # lintloss: ignore[LL302]\n"
    uri = editor.open(tmp_path / "train.py", text)
    editor.wait_for_codes(uri, ["LL101", "LL002"])
    (action,) = editor.actions(uri, 0, only=["source.fixAll"])
    assert action.kind == "source.fixAll.lintloss"
    expected = SOFTMAX.with_name("softmax_regression.fixed.py").read_text() + "y = 1\n"
    assert applied(text, edits_of(action, uri)) == expected
    assert editor.actions(uri, 0, only=["source.fixAll.lintloss"])
    assert editor.actions(uri, 0, only=["source"])
    assert not editor.actions(uri, 0, only=["source.organizeImports"])
    assert not editor.actions(uri, 0, only=["refactor"])


def test_nothing_to_fix_at_once_where_only_unsafe_fixes_are_known(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", (FIXTURES / "softmax-over-batch-axis" / "rows_of_examples.py").read_text())
    editor.wait_for_codes(uri, ["LL108"])
    assert editor.actions(uri, 0, only=["source.fixAll"]) == []


def test_a_fix_keeps_the_newlines_of_the_file(editor: Editor, tmp_path: Path) -> None:
    text = SOFTMAX.read_text().replace("\n", "\r\n")
    expected = SOFTMAX.with_name("softmax_regression.fixed.py").read_text().replace("\n", "\r\n")
    uri = editor.open(tmp_path / "train.py", text)
    found = editor.diagnostics(uri)[0]
    (fix,) = [each for each in editor.actions(uri, found.range.start.line) if each.is_preferred]
    assert applied(text, edits_of(fix, uri)) == expected
    (everything,) = editor.actions(uri, 0, only=["source.fixAll"])
    assert applied(text, edits_of(everything, uri)) == expected


def test_ignoring_silences_the_finding(editor: Editor, tmp_path: Path) -> None:
    text = SOFTMAX.read_text()
    uri = editor.open(tmp_path / "train.py", text)
    found = editor.diagnostics(uri)[0]
    ignore = titled(editor.actions(uri, found.range.start.line), "ignore it here")
    editor.replace(uri, 2, applied(text, edits_of(ignore, uri)))
    assert editor.diagnostics(uri, 2) == ()


def test_actions_are_for_the_text_as_it_is_now(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", BAD)
    editor.wait_for_codes(uri, ["LL101"])
    editor.replace(uri, 2, "\n\n" + BAD)
    fix = titled(editor.actions(uri, 3), "LL101: pass the logits")
    assert fix.edit is not None
    assert fix.edit.document_changes is not None
    (change,) = fix.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 2
    assert applied("\n\n" + BAD, edits_of(fix, uri)) == "\n\n" + GOOD


# -- hover ---------------------------------------------------------------------------------------------------


def test_hover_says_what_a_loss_takes_and_gets_and_the_verdict(editor: Editor, tmp_path: Path) -> None:
    text = (
        "import tensorflow as tf\n"
        "z = tf.matmul(x, w)\n"
        "a = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)\n"
        "b = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
        "c = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=unknown.thing(x))\n"
    )
    uri = editor.open(tmp_path / "train.py", text)
    fine, misused, undecided = (editor.hover(uri, line, 10) for line in (2, 3, 4))
    assert fine.startswith("**fine** · `tensorflow.nn.softmax_cross_entropy_with_logits`")
    assert "- takes: logits, one-hot labels\n- gets: logits" in fine
    assert misused.startswith("**misused**")
    assert "- gets: softmax probabilities" in misused
    assert "- LL101: " in misused
    assert undecided.startswith("**undecided**")
    assert "- because: `unknown` is not defined in what was read" in undecided
    assert editor.hover(uri, 1, 2) == ""


# -- columns -------------------------------------------------------------------------------------------------

ASTRAL = (
    "import tensorflow as tf\n"
    's = "🙂é"; loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n'
)
# Before the call stand 17 characters, one of which has 2 units in UTF-16 and 4 in UTF-8, another 1 and 2.


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 21), ("utf-16", 18), ("utf-32", 17)])
def test_columns_are_counted_as_was_agreed(tmp_path: Path, encoding: str, column: int) -> None:
    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(encoding)])
    editor = Editor(tmp_path, types.ClientCapabilities(general=general))
    assert editor.capabilities.position_encoding == encoding
    uri = editor.open(tmp_path / "train.py", ASTRAL)
    (found,) = editor.diagnostics(uri)
    assert found.range.start == types.Position(1, column)
    assert "misused" in editor.hover(uri, 1, column)
    assert editor.hover(uri, 1, column - 1) == ""
    begin = column + len("tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=")
    softmax = types.Range(types.Position(1, begin), types.Position(1, begin + len("tf.nn.softmax(z)")))
    editor.change(uri, 2, [types.TextDocumentContentChangePartial(softmax, "z")])
    assert editor.diagnostics(uri, 2) == ()
    assert editor.quit() == (0, "")


def test_a_client_that_can_little_gets_no_more(tmp_path: Path) -> None:
    editor = Editor(tmp_path, types.ClientCapabilities())
    uri = editor.open(tmp_path / "train.py", BAD)
    (found,) = editor.diagnostics(uri)
    assert found.related_information is None
    assert "**" not in editor.hover(uri, 1, 10)
    fix = titled(editor.actions(uri, 1), "LL101: pass the logits")
    assert fix.edit is not None
    assert fix.edit.document_changes is None
    assert fix.edit.changes is not None
    assert applied(BAD, fix.edit.changes[uri]) == GOOD
    assert editor.registrations == []
    assert editor.quit() == (0, "")


def test_an_edit_is_fetched_later_by_a_client_that_can(tmp_path: Path) -> None:
    action = types.CodeActionClientCapabilities(resolve_support=types.ClientCodeActionResolveOptions(["edit"]))
    text = types.TextDocumentClientCapabilities(code_action=action)
    editor = Editor(tmp_path, types.ClientCapabilities(text_document=text))
    uri = editor.open(tmp_path / "train.py", BAD)
    editor.wait_for_codes(uri, ["LL101"])
    (offered,) = editor.actions(uri, 0, only=["source.fixAll"])
    assert offered.edit is None
    resolved = editor.do(editor.client.code_action_resolve_async(offered))
    assert resolved.edit is not None
    assert resolved.edit.changes is not None
    assert applied(BAD, resolved.edit.changes[uri]) == GOOD
    assert editor.quit() == (0, "")


# -- settings ------------------------------------------------------------------------------------------------


def test_settings_are_read_again_when_they_change(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open(tmp_path / "train.py", BAD)
    editor.wait_for_codes(uri, ["LL101"])
    settings = tmp_path / "lintloss.toml"
    settings.write_text('ignore = ["LL101"]\n')
    editor.touched(settings)
    editor.wait_for_codes(uri, [])
    settings.write_text('severities = { LL101 = "warning" }\n')
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    editor.wait_for_codes(uri, ["LL101"])
    assert editor.shown[uri].diagnostics[0].severity == types.DiagnosticSeverity.Warning


def test_what_is_excluded_or_in_the_baseline_is_not_shown(editor: Editor, tmp_path: Path) -> None:
    settings = tmp_path / "lintloss.toml"
    settings.write_text('exclude = ["old/"]\n')
    (tmp_path / "old").mkdir()
    old = editor.open(tmp_path / "old" / "train.py", BAD)
    assert editor.diagnostics(old) == ()
    new = tmp_path / "train.py"
    new.write_text(BAD)
    uri = editor.open(new, BAD)
    editor.wait_for_codes(uri, ["LL101"])
    environment = {**os.environ, "PYTHONPATH": ROOT}
    subprocess.run([sys.executable, "-m", "lintloss", "baseline"], cwd=tmp_path, env=environment, check=True)
    editor.touched(tmp_path / ".lintloss-baseline.json")
    editor.wait_for_codes(uri, [])


def test_broken_settings_are_said_once_and_mended(editor: Editor, tmp_path: Path) -> None:
    settings = tmp_path / "lintloss.toml"
    settings.write_text("selct = []\n")
    uri = editor.open(tmp_path / "train.py", BAD)
    editor.wait_for(lambda: editor.messages)
    assert editor.hover(uri, 1, 10) == ""
    (message,) = editor.messages
    assert message.startswith("lintloss: ")
    assert "did you mean `select`?" in message
    settings.write_text("")
    editor.touched(settings)
    editor.wait_for_codes(uri, ["LL101"])


# -- notebooks -----------------------------------------------------------------------------------------------

CELLS = [
    "import tensorflow as tf\n%matplotlib inline\nz = tf.matmul(x, w)",
    "# A heading",
    "p = tf.nn.softmax(z)",
    "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)",
]


def open_notebook(editor: Editor, path: Path) -> list[str]:
    uris = [f"vscode-notebook-cell:{path.as_posix()}#{index}" for index in range(len(CELLS))]
    code, markup = types.NotebookCellKind.Code, types.NotebookCellKind.Markup
    cells = [
        types.NotebookCell(markup if text.startswith("#") else code, uri) for uri, text in zip(uris, CELLS, strict=True)
    ]
    texts = [
        types.TextDocumentItem(uri, "markdown" if text.startswith("#") else "python", 1, text)
        for uri, text in zip(uris, CELLS, strict=True)
    ]
    notebook = types.NotebookDocument(path.as_uri(), "jupyter-notebook", 1, cells)
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, texts))
    return uris


def change_cells(editor: Editor, path: Path, version: int, cells: types.NotebookDocumentCellChanges) -> None:
    document = types.VersionedNotebookDocumentIdentifier(version, path.as_uri())
    change = types.NotebookDocumentChangeEvent(cells=cells)
    editor.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(document, change))


def test_the_cells_of_a_notebook_are_one_module(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "train.ipynb"
    cells = open_notebook(editor, path)
    editor.wait_for_codes(cells[3], ["LL101"])
    (found,) = editor.shown[cells[3]].diagnostics
    assert str(found.range) == "0:7-0:66"
    assert [each.location.uri for each in found.related_information or ()] == [cells[2], cells[3]]
    assert "misused" in editor.hover(cells[3], 0, 10)
    fix = titled(editor.actions(cells[3], 0), "LL101: pass the logits")
    assert applied(CELLS[3], edits_of(fix, cells[3])) == CELLS[3].replace("logits=p", "logits=z")
    (everything,) = editor.actions(cells[3], 0, only=["notebook.source.fixAll"])
    assert applied(CELLS[3], edits_of(everything, cells[3])) == CELLS[3].replace("logits=p", "logits=z")
    ignore = titled(editor.actions(cells[3], 0), "ignore it here")
    assert applied(CELLS[3], edits_of(ignore, cells[3])) == CELLS[3] + "  # lintloss: ignore[LL101]"


def test_cells_are_edited_moved_and_removed(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "train.ipynb"
    cells = open_notebook(editor, path)
    editor.wait_for_codes(cells[3], ["LL101"])
    place = types.Range(types.Position(0, 0), types.Position(0, 1))
    edit = types.TextDocumentContentChangePartial(place, "q")  # the softmax goes to another name
    content = types.NotebookDocumentCellContentChanges(types.VersionedTextDocumentIdentifier(2, cells[2]), [edit])
    change_cells(editor, path, 2, types.NotebookDocumentCellChanges(text_content=[content]))
    editor.wait_for_codes(cells[3], [])
    back = types.TextDocumentContentChangePartial(place, "p")
    content = types.NotebookDocumentCellContentChanges(types.VersionedTextDocumentIdentifier(3, cells[2]), [back])
    change_cells(editor, path, 3, types.NotebookDocumentCellChanges(text_content=[content]))
    editor.wait_for_codes(cells[3], ["LL101"])
    moved = [
        types.NotebookCell(types.NotebookCellKind.Code, cells[3]),
        types.NotebookCell(types.NotebookCellKind.Code, cells[2]),
    ]
    array = types.NotebookCellArrayChange(start=2, delete_count=2, cells=moved)
    structure = types.NotebookDocumentCellChangeStructure(array)
    change_cells(editor, path, 4, types.NotebookDocumentCellChanges(structure=structure))
    editor.wait_for_codes(cells[3], [])  # the softmax comes after the loss now
    added = types.TextDocumentItem(f"{cells[3]}-new", "python", 1, CELLS[3])
    array = types.NotebookCellArrayChange(
        start=4, delete_count=0, cells=[types.NotebookCell(types.NotebookCellKind.Code, added.uri)]
    )
    structure = types.NotebookDocumentCellChangeStructure(array, did_open=[added])
    change_cells(editor, path, 5, types.NotebookDocumentCellChanges(structure=structure))
    editor.wait_for_codes(added.uri, ["LL101"])
    array = types.NotebookCellArrayChange(start=4, delete_count=1)
    structure = types.NotebookDocumentCellChangeStructure(array, did_close=[types.TextDocumentIdentifier(added.uri)])
    change_cells(editor, path, 6, types.NotebookDocumentCellChanges(structure=structure))
    editor.wait_for_codes(added.uri, [])


# -- clients that misbehave ----------------------------------------------------------------------------------


def frame(content: object) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def request(method: str, params: object, number: int | None = None) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return frame(message if number is None else {**message, "id": number})


HELLO = request("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
NONSENSE = {
    "no frame": b"hello, server\n\n",
    "a length that is no number": b"Content-Length: many\r\n\r\n{}\r\n",
    "no JSON": frame(b"{nonsense"),
    "not UTF-8": frame(b"\xff\xfe"),
    "JSON that is no message": frame([1, 2, 3]),
    "an empty object": frame({}),
    "an unknown method": request("lintloss/noSuchThing", {}, 7),
    "an unknown notification": request("lintloss/noSuchThing", {}),
    "parameters of a wrong type": request("textDocument/hover", {"textDocument": 5}, 8),
    "a position far outside": request(
        "textDocument/hover",
        {"textDocument": {"uri": "file:///none.py"}, "position": {"line": 10**9, "character": 10**9}},
        9,
    ),
    "an edit of what is not open": request(
        "textDocument/didChange",
        {"textDocument": {"uri": "file:///none.py", "version": 2}, "contentChanges": [{"text": "x"}]},
    ),
    "a save of what is not open": request("textDocument/didSave", {"textDocument": {"uri": "file:///none.py"}}),
    "an action that nobody offered": request("codeAction/resolve", {"title": "x", "data": 5}, 10),
    "an answer to no question": frame({"jsonrpc": "2.0", "id": 99, "result": None}),
    "a cancelled question that nobody asked": request("$/cancelRequest", {"id": 77}),
}


@contextmanager
def server() -> Iterator[subprocess.Popen[bytes]]:
    """A server without a client; it does not outlive the test's patience."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lintloss", "server", "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        with process:
            yield process
    finally:
        watchdog.cancel()


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_survived(nonsense: bytes, tmp_path: Path) -> None:
    document = {"uri": (tmp_path / "a.py").as_uri(), "languageId": "python", "version": 1, "text": BAD}
    hover = {"textDocument": {"uri": document["uri"]}, "position": {"line": 1, "character": 10}}
    messages = [
        HELLO,
        request("initialized", {}),
        nonsense,
        b"\r\n" if not nonsense.startswith(b"Content-Length: ") else b"",
        request("textDocument/didOpen", {"textDocument": document}),
        request("textDocument/hover", hover, 20),
    ]
    with server() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(messages))
        process.stdin.flush()
        answer = next(each for each in answers(process.stdout) if each.get("id") == 20)
        out, complaints = process.communicate(request("shutdown", None, 30) + request("exit", None), PATIENCE)
    assert "misused" in answer["result"]["contents"]["value"]
    assert process.returncode == 0
    assert b"Traceback" not in complaints
    assert b'"id": 30' in out
    assert all(line.startswith(b"lintloss server: ") for line in complaints.splitlines())


def answers(stream: object) -> Iterator[dict[str, object]]:
    while True:
        length = 0
        while header := stream.readline().strip():  # type: ignore[attr-defined]
            name, _, value = header.partition(b":")
            length = int(value) if name == b"Content-Length" else length
        yield json.loads(stream.read(length))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "last_words",
    [b"", HELLO, HELLO + b"Content-Length: 100\r\n\r\n{", HELLO + b"Content-Le"],
    ids=["nothing", "a greeting", "half a message", "half a header"],
)
def test_it_ends_with_its_input(last_words: bytes) -> None:
    with server() as process:
        _, complaints = process.communicate(last_words, PATIENCE)
    assert process.returncode == 1
    assert b"Traceback" not in complaints


def test_exit_without_shutdown_is_no_success() -> None:
    with server() as process:
        _, complaints = process.communicate(HELLO + request("exit", None), PATIENCE)
    assert process.returncode == 1
    assert complaints == b""


def test_it_ends_when_its_answers_are_not_read_any_more(tmp_path: Path) -> None:
    document = {"uri": (tmp_path / "a.py").as_uri(), "languageId": "python", "version": 1, "text": BAD}
    with server() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(HELLO + request("textDocument/didOpen", {"textDocument": document}))
        process.stdin.close()
        assert process.stderr is not None
        complaints = process.stderr.read()
        assert process.wait(PATIENCE) == 1
    assert b"Traceback" not in complaints
    assert all(line.startswith(b"lintloss server: ") for line in complaints.splitlines())


@pytest.mark.skipif(os.name != "posix", reason="looks for the client's process by its number")
def test_it_ends_when_its_client_is_killed() -> None:
    client = subprocess.Popen(["sleep", "1000"])
    hello = request("initialize", {"processId": client.pid, "rootUri": None, "capabilities": {}}, 1)
    with server() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(hello)
        process.stdin.flush()
        next(answers(process.stdout))
        client.kill()
        client.wait()
        assert process.wait(PATIENCE) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_it() -> None:
    with server() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(HELLO)
        process.stdin.flush()
        next(answers(process.stdout))
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_without_pygls_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lintloss.server, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["server"])
    assert result.exit_code == 2
    assert result.stderr == "lintloss: the language server needs pygls: pip install 'lintloss[server]'\n"
    assert result.stdout == ""
