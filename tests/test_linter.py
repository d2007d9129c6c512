"""From sources to reports, and fixing until nothing changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import fakes
import pytest

import lintloss.confirm
import lintloss.rulebook
from lintloss import linter
from lintloss.config import Settings
from lintloss.errors import UsageError
from lintloss.files import WriteError
from lintloss.finding import Applicability, CallVerdict, Edit, Finding, Fix, Report, Severity
from lintloss.sources import Source


@pytest.fixture(autouse=True)
def _fake_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


def source(text: str, filename: str = "a.py") -> Source:
    return Source.from_text(text, filename)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def fixed(text: str, *, unsafe: bool = False, verify: bool = False) -> str:
    result = linter.fix([source(text)], Settings(), unsafe=unsafe, verify=verify)
    return result.sources[0].text


def test_findings_and_loss_calls_are_sorted() -> None:
    report = linter.lint([source("BAD(2)\nBAD(1)\n", "b.py"), source("BAD(0)\n")], Settings())
    assert [(each.span.filename, each.span.start.row) for each in report.findings] == [
        ("a.py", 1),
        ("b.py", 1),
        ("b.py", 2),
    ]
    assert len(report.loss_calls) == 3
    assert report.files == 2


def test_a_source_beside_counts_instead_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real analysis follows imports
    (tmp_path / "net.py").write_text(
        "import tensorflow as tf\n\ndef net(x):\n    return x @ tf.Variable([[1.0, 2.0]])\n"
    )
    train = (
        "import tensorflow as tf\nfrom net import net\n"
        "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=net(x))\n"
    )
    linted = source(train, str(tmp_path / "train.py"))
    edited = source("import tensorflow as tf\n\ndef net(x):\n    return tf.nn.softmax(x)\n", str(tmp_path / "net.py"))
    assert codes(linter.lint([linted], Settings())) == []
    report = linter.lint([linted], Settings(), beside=[edited])
    assert codes(report) == ["LL101"]
    assert report.files == 1


def test_a_source_beside_is_found_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    linted = source(
        "import tensorflow as tf\nimport head\ntf.nn.softmax_cross_entropy_with_logits(labels=y, logits=head.net(x))\n",
        str(tmp_path / "train.py"),
    )
    unwritten = source(
        "import tensorflow as tf\n\ndef net(x):\n    return tf.nn.softmax(x)\n", str(tmp_path / "head.py")
    )
    assert codes(linter.lint([linted], Settings(), beside=[unwritten])) == ["LL101"]


def test_what_does_not_parse_is_reported_and_the_rest_linted() -> None:
    report = linter.lint([source("x = (\n"), source("BAD(1)\n", "b.py")], Settings())
    assert codes(report) == ["LL001", "LL101"]
    assert report.findings[0].severity is Severity.ERROR


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xff")
    read = linter.read([tmp_path / "a.py", tmp_path / "none.py"])
    assert read.sources == ()
    report = linter.lint(read.sources, Settings(), unreadable=read.unreadable)
    assert codes(report) == ["LL001", "LL001"]
    assert report.files == 2


def test_a_notebook_reports_its_broken_cells() -> None:
    cells = [{"cell_type": "code", "source": text} for text in ("x = = 1", "BAD(1)")]
    report = linter.lint([source(json.dumps({"cells": cells}), "n.ipynb")], Settings())
    assert [(each.code, each.span.cell) for each in report.findings] == [("LL001", 1), ("LL101", 2)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(ignore=("LL101",)), []),
        (Settings(ignore=("LL1",), select=("LL101",)), ["LL101"]),
        (Settings(select=("LL1",), ignore=("LL101",)), []),
        (Settings(select=("LL102",)), []),
        (Settings(ignore=("LL101",), extend_select=("LL101",)), []),
        (Settings(per_file_ignores={"a.*": ("LL101",)}, root=Path.cwd()), []),
        (Settings(per_file_ignores={"tests/": ("LL101",)}, root=Path.cwd()), ["LL101"]),
    ],
)
def test_selection(settings: Settings, expected: list[str]) -> None:
    assert codes(linter.lint([source("BAD(1)\n")], settings)) == expected


def test_an_unknown_code_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="unknown rule code `LL111`; did you mean `LL101`"):
        linter.lint([], Settings(ignore=("LL111",)))


def test_severities_can_be_set() -> None:
    report = linter.lint([source("BAD(1)\n")], Settings(severities={"LL101": "warning"}))
    assert report.findings[0].severity is Severity.WARNING
    assert not linter.fails(report, "error")
    assert linter.fails(report, "warning")


def test_undecided_calls_fail_when_asked() -> None:
    report = linter.lint([source("BAD(1)\n")], Settings())
    call = replace(report.loss_calls[0], verdict=CallVerdict.UNDECIDED)
    report = Report(loss_calls=(call,))
    assert linter.fails(report, "undecided")
    assert not linter.fails(report, "warning")


def test_suppressions_silence_and_unused_ones_are_reported() -> None:
    text = "BAD(1)  # lintloss: ignore[LL101]\nx = 1  # lintloss: ignore[LL101]\n"
    report = linter.lint([source(text)], Settings())
    assert [(each.code, each.span.start.row) for each in report.findings] == [("LL002", 2)]
    assert codes(linter.lint([source(text)], Settings(ignore=("LL101",)))) == []


def test_what_was_too_intricate_is_noted() -> None:
    report = linter.lint([source("INTRICATE = 1\n")], Settings())
    assert report.notes == ("a.py: too intricate to follow to its end; loss calls in it may be missing",)


def test_fixing_goes_on_until_nothing_changes() -> None:
    assert fixed("WORSE(1)\nBAD(2)\nx = 1  # noqa: LL101\n") == "GOOD(1)\nGOOD(2)\nx = 1\n"


def test_unsafe_and_shown_fixes_are_not_applied_unasked() -> None:
    assert fixed("RISKY(1)\nHARD(2)\n") == "RISKY(1)\nHARD(2)\n"
    assert fixed("RISKY(1)\nHARD(2)\n", unsafe=True) == "GOOD(1)\nHARD(2)\n"


def test_a_fix_that_breaks_the_file_is_not_applied() -> None:
    assert fixed("BREAKS(1)\nBAD(2)\n") == "BREAKS(1)\nGOOD(2)\n"


def test_a_fix_that_the_encoding_cannot_say_is_not_applied() -> None:
    latin = Source.from_bytes(b"# coding: latin-1\nFOREIGN(1)\nBAD(2)\n", "a.py")
    assert linter.fix([latin], Settings()).sources[0].text.endswith("FOREIGN(1)\nGOOD(2)\n")


def test_with_verify_only_proven_fixes_apply() -> None:
    assert fixed("WORSE(1)\nBAD(2)\n", verify=True) == "WORSE(1)\nGOOD(2)\n"


def test_verify_without_tensorflow_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lintloss.confirm, "available", lambda: False)
    with pytest.raises(UsageError, match=r"pip install 'lintloss\[verify\]'"):
        linter.lint([], Settings(), verify=True)


def test_a_fix_applies_in_all_its_files_or_in_none(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = source("BAD(1)\n"), source("BAD(1)\n", "b.py")

    spans = [found.span for each in (here, there) for found in fakes.judge(fakes.FakeAnalysis(each), Settings())[0]]

    def joined(analysis: fakes.FakeAnalysis, settings: Settings) -> tuple[list[Finding], list[object]]:
        found, _ = fakes.judge(analysis, settings)
        fix = Fix(Applicability.SAFE, "both", tuple(Edit(span, "GOOD") for span in spans))
        return [replace(each, fix=fix) for each in found], []

    monkeypatch.setattr(lintloss.rulebook, "judge", joined)
    alone = linter.fix([here], Settings())
    assert alone.sources[0].text == "BAD(1)\n"
    assert alone.report.notes == ("a.py:1: the fix of LL101 is not written: it changes b.py, too: name that as well",)
    assert alone.report.findings[0].fix is not None
    assert alone.report.findings[0].fix.message == "both (not written: it changes b.py, too: name that as well)"
    both = linter.fix([here, there], Settings()).sources
    assert [each.text for each in both] == ["GOOD(1)\n", "GOOD(1)\n"]
    assert linter.fix([here, there], Settings()).report.notes == ()


def test_written_files_change_only_in_their_edits(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"\xef\xbb\xbfBAD(1)  # \xc3\xa9\r\n")
    read = linter.read([file])
    after = linter.fix(read.sources, Settings()).sources
    linter.write(read.sources, after)
    assert file.read_bytes() == b"\xef\xbb\xbfGOOD(1)  # \xc3\xa9\r\n"
    with pytest.raises(WriteError, match="has changed since it was read"):
        linter.write(read.sources, after)
