"""Reading files and notebooks, and writing edits back without touching anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lintloss.config import Settings
from lintloss.errors import UsageError
from lintloss.files import Change, WriteError, find_files, write_atomically, write_changes
from lintloss.finding import Edit, Location, Span
from lintloss.sources import Source, Unreadable


def edit(row: int, start: int, end: int, content: str, cell: int | None = None) -> Edit:
    return Edit(Span("any", Location(row, start), Location(row, end), cell), content)


def notebook(*cells: str | list[str], indent: int | None = 1, **extra: object) -> bytes:
    records = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    text = json.dumps({"cells": records, "nbformat": 4, **extra}, indent=indent, ensure_ascii=False)
    return (text + "\n").encode()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a = 1\r\nb = 2\r\n", b"a = 1\r\nb = 33\r\n"),
        (b"a = 1\rb = 2", b"a = 1\rb = 33"),
        (b"\xef\xbb\xbfa = '\xc3\xa9'\nb = 2", b"\xef\xbb\xbfa = '\xc3\xa9'\nb = 33"),
        (b"# coding: latin-1\nb = 2 # \xe9\r\n", b"# coding: latin-1\nb = 33 # \xe9\r\n"),
        (b"a = '\x0c'\nb = 2\n\n\n", b"a = '\x0c'\nb = 33\n\n\n"),
    ],
    ids=["crlf", "cr", "bom", "latin-1", "form-feed"],
)
def test_an_edit_keeps_every_other_byte(data: bytes, expected: bytes) -> None:
    source = Source.from_bytes(data, "a.py")
    assert source.fixable
    assert source.edited([]) == data
    assert source.edited([edit(2, 5, 6, "33")]) == expected


def test_text_has_plain_newlines_and_no_mark() -> None:
    source = Source.from_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\rc = 3\n", "a.py")
    assert source.text == "a = 1\nb = 2\nc = 3\n"
    assert source.offset(2, 1) == 6
    assert source.line(None, 2) == "b = 2"


def test_new_lines_become_those_of_the_file() -> None:
    source = Source.from_bytes(b"a = 1\r\nb = 2\r\n", "a.py")
    assert source.edited([edit(2, 1, 1, "x = 0\n")]) == b"a = 1\r\nx = 0\r\nb = 2\r\n"


def test_several_edits_do_not_disturb_each_other() -> None:
    source = Source.from_text("f(a, b)\n", "a.py")
    edits = [edit(1, 3, 4, "labels"), edit(1, 6, 7, "x"), edit(1, 1, 1, "y = ")]
    assert source.edited(edits) == b"y = f(labels, x)\n"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        source = Source.from_bytes(data, "a.py")
    except Unreadable:
        return
    assert not source.fixable or source.edited([]) == data


@pytest.mark.parametrize(
    ("data", "name", "reason", "row"),
    [
        (b"a\n\xff\n", "a.py", "not utf-8", 2),
        (b"a = 1\nb = \0\n", "a.py", "null bytes", 2),
        (b"# coding: klingon\n", "a.py", "unknown encoding", 1),
        (b"# coding: rot13\nn = 1\n", "a.py", "unknown encoding", 1),
        (b'{"cells": [\n}', "a.ipynb", "broken notebook JSON", 2),
        (b"[]", "a.ipynb", "not a notebook", 1),
        (b"{}", "a.ipynb", "no list of cells", 1),
        (b'{"cells": [{"source": "x"}]}', "a.ipynb", "cell 1 has no cell_type", 1),
        (b'{"cells": [{"cell_type": "code", "source": 3}]}', "a.ipynb", "cell 1 has no source", 1),
        (b"[" * 100_000, "a.ipynb", "notebook", 1),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, name: str, reason: str, row: int) -> None:
    with pytest.raises(Unreadable) as caught:
        Source.from_bytes(data, name)
    assert reason in caught.value.reason
    assert caught.value.row == row


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        Source.read(tmp_path / "none.py", "none.py")


def test_cells_make_one_module_and_spans_lead_back() -> None:
    data = notebook(["a = 1\n", "b = 2"], "", "c = 3\n")
    source = Source.from_bytes(data, "n.ipynb")
    assert source.text == "a = 1\nb = 2\nc = 3\n\n"
    assert source.is_notebook
    assert source.span(3, 5, 3, 6) == Span("n.ipynb", Location(1, 5), Location(1, 6), 3)
    assert source.text_row(3, 1) == 3
    assert source.span(2, 1, 3, 1).end == Location(2, 6), "cut at the end of the cell"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("%matplotlib inline\nx = 7 % 2", "pass  # %matplotlib inline\nx = 7 % 2"),
        ("x = (7\n  % 2)", "x = (7\n  % 2)"),
        ("if x:\n    !ls (", "if x:\n    pass  # !ls ("),
        ("!ls \\\n  -l\ny = 1", "pass  # !ls \\\n#   -l\ny = 1"),
        ("%%time\ny = 1", "pass  # %%time\ny = 1"),
        ("%%bash\nls", "#\n#"),
        ("files = !ls\ny = 1", "pass  # files = !ls\ny = 1"),
        ("model?\ny = 1", "pass  # model?\ny = 1"),
        ("pip install tensorflow\ny = 1", "pass  # pip install tensorflow\ny = 1"),
    ],
)
def test_magics_become_nothing(code: str, text: str) -> None:
    source = Source.from_bytes(notebook(code), "n.ipynb")
    assert source.text == text + "\n"
    assert source.line(1, 1) == code.split("\n")[0]


def test_a_broken_cell_costs_only_itself() -> None:
    source = Source.from_bytes(notebook("x = = 1\nz = 1", "y = 2"), "n.ipynb")
    assert source.text == "#\n#\ny = 2\n"
    (skipped,) = source.skipped
    assert (skipped.cell, skipped.row) == (1, 1)


def test_cells_in_python_2_are_translated_and_never_edited() -> None:
    source = Source.from_bytes(notebook("%matplotlib inline\nprint 'a', x\ny = 0777", "z = 2"), "n.ipynb")
    assert source.text == "pass  # %matplotlib inline\nprint('a', x)\ny = 0o777\nz = 2\n"
    assert not source.skipped
    assert not source.fixable


def test_cells_of_another_language_are_not_python() -> None:
    data = notebook("x <- 1", metadata={"kernelspec": {"language": "R"}})
    assert Source.from_bytes(data, "n.ipynb").text == ""


def test_notebooks_of_format_3() -> None:
    cells = [{"cell_type": "code", "input": ["a = 1\n", "b = 2"], "outputs": []}]
    data = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}).encode()
    source = Source.from_bytes(data, "n.ipynb")
    assert source.edited([edit(2, 5, 6, "3", cell=1)]) == data.replace(b"b = 2", b"b = 3")


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_editing_a_notebook_keeps_every_other_byte(indent: int | None) -> None:
    cells = (["x = 'é\\t'\n", "y = 2\n", "z = 3"], 'w = "\\u2028"')
    data = notebook(*cells, indent=indent, metadata={"b": 1, "a": 1.50})
    source = Source.from_bytes(data, "n.ipynb")
    assert source.edited([]) == data
    edited = source.edited([edit(2, 5, 6, '"é"', cell=1), edit(1, 1, 2, "v", cell=2)])
    assert edited == data.replace(b"y = 2", 'y = \\"é\\"'.encode()).replace(b"w = ", b"v = ")


def test_escapes_are_counted_as_characters() -> None:
    data = rb'{"cells": [{"cell_type": "code", "source": ["\ud83d\ude00 = \u00e9\n", "y = 2"]}]}'
    source = Source.from_bytes(data, "n.ipynb")
    assert source.edited([edit(1, 5, 6, "1", cell=1)]) == data.replace(rb"\u00e9", b"1")


def test_inserted_lines_become_list_elements_of_their_own() -> None:
    data = notebook(["a = 1\n", "b = 2"])
    source = Source.from_bytes(data, "n.ipynb")
    assert source.edited([edit(2, 1, 1, "x = 0\n", cell=1)]) == notebook(["a = 1\n", "x = 0\n", "b = 2"])


def test_a_removed_line_takes_its_list_element_along() -> None:
    source = Source.from_bytes(notebook(["a = 1\n", "b = 2\n", "c = 3"]), "n.ipynb")
    removal = Edit(Span("n.ipynb", Location(2, 1), Location(3, 1), 1), "")
    assert source.edited([removal]) == notebook(["a = 1\n", "c = 3"])


_CODE = st.text(st.sampled_from("ab =1\n\té\U0001f600\"\\'"), min_size=1, max_size=30)


@given(cells=st.lists(_CODE, min_size=1, max_size=4), data=st.data())
def test_notebook_edits_say_what_plain_edits_say(cells: list[str], data: st.DataObject) -> None:
    as_lists = [code.splitlines(keepends=True) for code in cells]
    source = Source.from_bytes(notebook(*as_lists), "n.ipynb")
    assume(not source.is_translated)  # read as IPython does, without the indentation of its first line
    assert source.fixable
    number = data.draw(st.integers(1, len(cells)))
    code = cells[number - 1]
    row = data.draw(st.integers(1, code.count("\n") + 1))
    line = code.split("\n")[row - 1]
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    content = data.draw(_CODE)
    edited = source.edited([edit(row, start + 1, end + 1, content, cell=number)])
    lines = code.split("\n")
    lines[row - 1] = line[:start] + content + line[end:]
    expected = [*cells[: number - 1], "\n".join(lines), *cells[number:]]
    assert ["".join(cell["source"]) for cell in json.loads(edited)["cells"]] == expected


def test_files_are_replaced_whole_and_keep_their_mode(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_bytes(b"old")
    real.chmod(0o754)
    link = tmp_path / "link.py"
    link.symlink_to(real)
    write_atomically(link, b"new", expected=b"old")
    assert real.read_bytes() == b"new"
    assert real.stat().st_mode & 0o777 == 0o754
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.py", "real.py"]


def test_all_changes_are_written_or_none(tmp_path: Path) -> None:
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_bytes(b"a")
    second.write_bytes(b"changed meanwhile")
    with pytest.raises(WriteError, match="has changed since it was read"):
        write_changes([Change(first, b"a", b"A"), Change(second, b"b", b"B")])
    assert first.read_bytes() == b"a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]


def test_a_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="cannot be written"):
        write_atomically(tmp_path / "none" / "a.py", b"")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.py",
        "a.ipynb",
        "c.txt",
        "sub/d.py",
        "sub/kept.py",
        ".hidden/e.py",
        ".venv/f.py",
        "env/pyvenv.cfg",
        "env/g.py",
        "node_modules/h.py",
        "__pycache__/i.py",
        "ignored/j.py",
        "generated.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("ignored/\ngenerated.py\nsub/*.py\n")
    (tmp_path / "sub" / ".gitignore").write_text("!kept.py\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*paths: str, **settings: object) -> list[str]:
    chosen = Settings(root=Path.cwd(), **settings)  # type: ignore[arg-type]
    return [path.as_posix() for path in find_files([Path(path) for path in paths], chosen).files]


@pytest.mark.usefixtures("tree")
def test_folders_give_their_python_files() -> None:
    assert found(".") == ["a.ipynb", "b.py", "sub/kept.py"]
    assert found("sub") == ["sub/kept.py"]
    assert found("ignored/j.py", ".") == ["a.ipynb", "b.py", "ignored/j.py", "sub/kept.py"]
    assert found(".", exclude=("sub/", "a.*")) == ["b.py"]
    assert found(".", include=("*.txt",)) == ["c.txt"]
    assert found(".", include=("sub/*.py",)) == ["sub/kept.py"]
    assert "generated.py" in found(".", respect_gitignore=False)


@pytest.mark.usefixtures("tree")
def test_files_named_outright_are_excluded_only_by_force() -> None:
    assert found("b.py", exclude=("b.py",)) == ["b.py"]
    excluded = find_files([Path("b.py"), Path("sub")], Settings(exclude=("b.py", "sub/"), force_exclude=True))
    assert excluded.files == excluded.notes == ()


def test_lines_of_gitignore_that_are_no_patterns_are_skipped(tree: Path) -> None:
    with (tree / ".gitignore").open("a") as ignored:
        ignored.write("!\n\\\n/\n[\n[z-a]\nx[[:alpha:]]\nb.py\n")
    assert found(".") == ["a.ipynb", "sub/kept.py"]


def test_links_in_circles_end(tree: Path) -> None:
    (tree / "sub" / "loop").symlink_to(tree)
    (tree / "again.py").symlink_to(tree / "b.py")
    (tree / "self.py").symlink_to(tree / "self.py")
    assert found(".") == ["a.ipynb", "again.py", "sub/kept.py"]


def test_a_missing_path_and_an_empty_folder(tree: Path) -> None:
    with pytest.raises(UsageError, match="none: no such file or folder"):
        found("none")
    Path("empty").mkdir()
    notes = find_files([Path("empty")], Settings(root=tree)).notes
    assert notes == ("empty: no Python files or notebooks in it",)
