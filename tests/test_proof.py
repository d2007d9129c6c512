"""Findings become requests to the runtime checker, and its answers come back to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

import lintloss.confirm
import lintloss.pages
import lintloss.rulebook  # before rules are replaced: it keeps the `load_rules` that it finds
from lintloss.analysis import Analyser, Analysis
from lintloss.config import Settings
from lintloss.confirm import Request
from lintloss.finding import Applicability, Edit, Finding, Fix, Location, Severity, Span, Verdict, Verification
from lintloss.linter import lint
from lintloss.proof import claims, moved, prove
from lintloss.sources import Source

PAGE = """# A rule

```toml
format = 1
code = "LL101"
name = "softmax-into-softmax-loss"
anchor = "loss"
severity = "error"
intent = "softmax_cross_entropy"
message = "softmax twice"

[[where]]
prediction.activation = "softmax"
```
"""

CODE = """import tensorflow as tf
labels = tf.constant([[0., 0., 1.]])
logits = tf.constant([[2., .5, 6.]])
probs = tf.nn.softmax(logits)
loss = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=probs)
"""


def edit(row: int, start: int, end: int, content: str) -> Edit:
    return Edit(Span("a.py", Location(row, start), Location(row, end)), content)


def finding(source: Source, analysis: Analysis, *edits: Edit) -> Finding:
    (site,) = (site for site in analysis.sites if site.anchor == "loss")
    fix = Fix(Applicability.SAFE, "Pass the logits", edits) if edits else None
    name = "softmax-into-softmax-loss"
    return Finding("LL101", name, Severity.ERROR, "softmax twice", site.origin.span, fix)


def analysed(source: Source) -> Analysis:
    return Analyser([source]).analyse(source)


def proved(found: Finding, source: Source, analysis: Analysis) -> Finding:
    (answered,) = prove([*claims([found], [source], analysis, Settings())], Settings())
    return answered


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What the checker was asked; it answers refuted."""
    asked: list[Request] = []

    def verify(given: Iterable[Request], book: object) -> list[Verification]:
        asked.extend(given)
        return [Verification(Verdict.REFUTED, "differs", "TensorFlow") for _ in asked]

    rules = {"LL101": lintloss.pages.parse_page(PAGE, Path("LL101.md"))}
    monkeypatch.setattr(lintloss.pages, "load_rules", lambda settings: rules)
    monkeypatch.setattr(lintloss.confirm, "verify", verify)
    return asked


def test_the_call_is_read_again_from_the_rewritten_file(requests: list[Request]) -> None:
    source = Source.from_text(CODE, "a.py")
    analysis = analysed(source)
    edits = (edit(5, 70, 75, "logits"), edit(1, 1, 1, "# a new line\n"))
    answered = proved(finding(source, analysis, *edits), source, analysis)
    (request,) = requests
    assert request.intent == "softmax_cross_entropy"
    assert request.after is not None
    assert request.after.prediction.origin.code.startswith("tf.constant([[2.")
    assert request.pre is not None
    assert answered.fix is None, "a refuted fix is withheld"
    assert answered.verification is not None


def test_a_call_that_the_fix_loses_is_undecided(requests: list[Request]) -> None:
    source = Source.from_text(CODE, "a.py")
    analysis = analysed(source)
    answered = proved(finding(source, analysis, edit(5, 8, 76, "None")), source, analysis)
    assert answered.fix is not None
    assert answered.verification is not None
    assert answered.verification.verdict is Verdict.UNDECIDED


def test_findings_without_an_intent_stay_as_they_are(requests: list[Request]) -> None:
    span = Span("a.py", Location(1, 1), Location(1, 2))
    unused = Finding("LL002", "unused-suppression", Severity.WARNING, "m", span)
    source = Source.from_text(CODE, "a.py")
    assert proved(unused, source, analysed(source)) == unused
    assert requests == []


TWO_COMPILES = """from tensorflow import keras
model = keras.Sequential([keras.layers.Dense(4, activation="sigmoid")])
model.compile("adam", loss="categorical_crossentropy")
model.compile("adam", loss="binary_crossentropy")
"""


def verified(code: str) -> list[Finding]:
    return list(lint([Source.from_text(code, "a.py")], Settings(), verify=True).findings)


@pytest.mark.skipif(not lintloss.confirm.available(), reason="needs TensorFlow")
def test_a_fix_that_would_uncover_another_finding_is_shown_only() -> None:
    (found,) = verified(TWO_COMPILES)
    assert found.fix is not None
    assert found.fix.applicability is Applicability.SHOWN
    assert "it would uncover LL104 (`binary_crossentropy` judges each class by itself" in found.fix.message
    (alone,) = verified(TWO_COMPILES.replace('model.compile("adam", loss="binary_crossentropy")\n', ""))
    assert alone.fix is not None
    assert alone.fix.applicability is Applicability.UNSAFE


@pytest.mark.skipif(not lintloss.confirm.available(), reason="needs TensorFlow")
def test_a_fix_is_offered_where_the_one_of_what_it_uncovers_is_proven() -> None:
    fixture = Path(__file__).parent.parent / "fixtures/silent-label-broadcast/column_and_vector.py"
    (found,) = verified(fixture.read_text(encoding="utf-8"))
    assert found.code == "LL206"
    assert found.fix is not None
    assert found.fix.applicability is Applicability.SAFE
    assert found.fix.message.endswith("; then LL302: use the sigmoid cross entropy on the logits")


@pytest.mark.skipif(not lintloss.confirm.available(), reason="needs TensorFlow")
@pytest.mark.parametrize(
    ("fixture", "reason"),
    [
        ("metric-on-logits/binary_accuracy.py", "nothing is run: metrics are not, only losses"),
        ("softmax-over-batch-axis/rows_of_examples.py", "nothing is run: no loss is given what this activation makes"),
        ("softmax-into-softmax-loss/row_by_row.py", "nothing is run: there is no reference for"),
        ("labels-not-a-distribution/negative_weights.py", "nothing is run: what LL203 finds has no single repair"),
    ],
)
def test_what_is_not_run_says_why(fixture: str, reason: str) -> None:
    found = verified((Path(__file__).parent.parent / "fixtures" / fixture).read_text(encoding="utf-8"))[-1]
    assert found.verification is not None
    assert found.verification.verdict is Verdict.UNDECIDED
    assert found.verification.reason.startswith(reason)


@pytest.mark.skipif(not lintloss.confirm.available(), reason="needs TensorFlow")
def test_a_loss_that_is_right_on_another_activation_is_compared_with_what_went_into_that() -> None:
    code = (Path(__file__).parent.parent / "fixtures/softmax-over-one-unit/regression.py").read_text(encoding="utf-8")
    (found,) = lint([Source.from_text(code, "a.py")], Settings(), verify=True).findings
    assert found.verification is not None
    assert found.verification.verdict is Verdict.CONFIRMED, "a softmax over one unit is no linear output"


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((), "loss(x)"),
        ((edit(1, 1, 1, "z = 0; "),), "loss(x)"),
        ((edit(1, 5, 9, "other_loss"),), "other_loss(x)"),
        ((edit(1, 10, 11, "logits"),), "loss(logits)"),
        ((edit(1, 1, 12, "q = mean(a.loss(z))"),), "q = mean(a.loss(z))"),
        ((edit(1, 5, 5, "mean("), edit(1, 12, 12, ")")), "loss(x))"),
    ],
)
def test_where_a_span_goes(edits: tuple[Edit, ...], expected: str) -> None:
    source = Source.from_text("y = loss(x) + 1\n", "a.py")
    start, end = moved(source, edits, Span("a.py", Location(1, 5), Location(1, 12)))
    assert source.with_edits(edits).text[start:end] == expected
