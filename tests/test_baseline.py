"""The baseline: what it knows again, what it does not, and what of it is of no use any more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintloss import baseline
from lintloss.baseline import Baseline, Match
from lintloss.errors import UsageError
from lintloss.finding import Finding, Severity
from lintloss.sources import Source

CODE = "import x\n\na = 1\ny = BAD(a)\nb = 2\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(text: str, name: str = "a.py") -> Source:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return Source.read(path, name)


def found(*sources: Source) -> list[Finding]:
    """A finding at each BAD."""
    return [finding for source in sources for finding in _found(source)]


def _found(source: Source) -> Iterator[Finding]:
    for row, line in enumerate(source.lines, start=1):
        for match in re.finditer("BAD", line):
            span = source.span(row, match.start() + 1, row, match.end() + 1)
            yield Finding("LL101", "a-rule", Severity.ERROR, "bad", span)


def of(*sources: Source) -> Baseline:
    return baseline.of_findings(Path(baseline.FILE_NAME).absolute(), found(*sources), sources)


def matched(known: Baseline, *sources: Source) -> Match:
    return baseline.match(known, found(*sources), sources)


def counts(match: Match) -> tuple[int, int, int]:
    return len(match.known), len(match.unknown), len(match.left_over)


def test_a_file_holds_no_line_numbers_and_reads_back() -> None:
    known = of(written(CODE))
    text = baseline.rendered(known)
    (record,) = json.loads(text)["findings"]
    assert {key: record[key] for key in ("path", "rule", "line")} == {
        "path": "a.py",
        "rule": "LL101",
        "line": "y = BAD(a)",
    }
    assert sorted(record) == ["line", "path", "rule", "surroundings"]
    known.file.write_text(text)
    assert baseline.load(known.file) == known
    assert json.loads(baseline.rendered(Baseline(known.file)))["findings"] == []


@pytest.mark.parametrize(
    "edited",
    [
        CODE,
        "# new\n" * 40 + CODE,
        CODE.replace("import x", "import z\nimport x"),
        CODE.replace("a = 1", "a = 3").replace("b = 2", ""),
        CODE.replace("y = BAD(a)", "if b:\n    y =  BAD(a)"),
        "b = 2\ny = BAD(a)\n",
    ],
)
def test_edits_around_a_finding_do_not_make_it_new(edited: str) -> None:
    known = of(written(CODE))
    assert counts(matched(known, written(edited))) == (1, 0, 0)


def test_a_changed_line_is_new() -> None:
    known = of(written(CODE))
    assert counts(matched(known, written(CODE.replace("BAD(a)", "BAD(c)")))) == (0, 1, 1)


def test_each_entry_knows_one_finding_and_its_surroundings_say_which() -> None:
    known = of(written(CODE))
    copied = "def f():\n    y = BAD(a)\n\n" + CODE
    match = matched(known, written(copied))
    assert [each.span.start.row for each in match.known] == [7]
    assert [each.span.start.row for each in match.unknown] == [2]


def test_another_file_with_the_same_line_is_new() -> None:
    known = of(written(CODE))
    assert counts(matched(known, written(CODE), written(CODE, "b.py"))) == (1, 1, 0)


def test_a_renamed_file_is_known_again(folder: Path) -> None:
    known = of(written(CODE + "z = BAD(q)\n"))
    (folder / "a.py").unlink()
    renamed = written("# moved\n" + CODE + "z = BAD(q)\n\nmore = 1\n", "sub/b.py")
    copy = written(CODE, "c.py")
    match = matched(known, renamed, copy)
    assert {each.span.filename for each in match.known} == {"sub/b.py"}
    assert [each.span.filename for each in match.unknown] == ["c.py"]
    assert match.left_over == ()


def test_a_notebook_is_known_by_its_cells_code() -> None:
    def notebook(*cells: str) -> str:
        return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]})

    known = of(written(notebook("a = 1\nBAD(a)"), "n.ipynb"))
    assert counts(matched(known, written(notebook("new = 1", "a = 1\nBAD(a)"), "n.ipynb"))) == (1, 0, 0)


def test_paths_are_relative_to_the_baseline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = of(written(CODE, "sub/a.py"))
    monkeypatch.chdir(folder / "sub")
    assert counts(matched(known, Source.read(Path("a.py"), "a.py"))) == (1, 0, 0)
    assert baseline.find(Path()) is None
    known.file.write_text(baseline.rendered(known))
    assert baseline.find(Path()) == known.file


def test_only_what_was_looked_at_can_be_stale(folder: Path) -> None:
    known = of(written(CODE), written(CODE, "b.py"), written(CODE, "c.py"))
    (folder / "c.py").unlink()
    fixed = written("", "a.py")
    left = matched(known, fixed).left_over
    assert [each.path for each in baseline.stale(known, left, ["a.py"], {"LL101"})] == ["a.py", "c.py"]
    assert baseline.stale(known, left, ["a.py"], {"LL102"}) == []
    assert [each.path for each in baseline.kept(known, ["a.py"], {"LL101"})] == ["b.py"]
    assert [each.path for each in baseline.kept(known, ["a.py"], {"LL102"})] == ["a.py", "b.py"]


def test_a_file_that_could_not_be_read_can_be_known() -> None:
    place = written("x\n").span(1, 1, 1, 1)
    finding = Finding("LL001", "unreadable-file", Severity.ERROR, "no", place)
    known = baseline.of_findings(Path(baseline.FILE_NAME), [finding], [])
    assert baseline.match(known, [finding], []).known == (finding,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", ":1: not valid JSON"),
        ("[" * 100_000, "too deeply nested"),
        ("[]", "`format` has to be 1"),
        ('{"format": 2}', "`format` has to be 1"),
        ('{"format": 1}', "`findings` has to be a list"),
        ('{"format": 1, "findings": [1]}', "findings[0]: `path` has to be a string"),
        ('{"format": 1, "findings": [{"path": "a", "rule": 1}]}', "findings[0]: `rule` has to be a string"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_broken_file_is_explained(folder: Path, text: str | bytes, message: str) -> None:
    file = folder / baseline.FILE_NAME
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        baseline.load(file)
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)
