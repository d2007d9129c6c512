"""Rule pages, the conditions in them, and judging: with sites and facts made by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import lintloss.fixes
from lintloss import linter
from lintloss.analysis import apis
from lintloss.analysis.apis import Entry
from lintloss.analysis.facts import Alternative, Facts, Step
from lintloss.analysis.sites import Site, Unjudged
from lintloss.analysis.terms import Choice, Condition, Const, Guard, Sequence, Term, Unknown
from lintloss.config import Settings
from lintloss.errors import UsageError
from lintloss.finding import CallVerdict, Finding, Location, LossCall, Severity, Span
from lintloss.knowledge import key_lines
from lintloss.pages import VERBS, load_page, parse_page
from lintloss.rulebook import Rule, judge, load_rules
from lintloss.sources import Source
from lintloss.vocabulary import SUBJECTS, Case
from lintloss.vocabulary import Test as Asked

SECTIONS = [
    "What it does",
    "Why is this bad?",
    "Example",
    "Use instead",
    "Fix safety",
    "Proof",
    "When it stays quiet",
    "References",
]


# Things made by hand


@dataclass(frozen=True)
class Place:
    """An origin on a row of its own."""

    row: int
    code: str = ""

    @property
    def span(self) -> Span:
        return Span("train.py", Location(self.row, 1), Location(self.row, 10))


@dataclass
class HandMade:
    """An analysis whose facts were written down."""

    sites: list[Site] = field(default_factory=list)
    known: dict[int, tuple[Alternative, ...]] = field(default_factory=dict)
    kept: list[Term] = field(default_factory=list)
    unjudged: list[Unjudged] = field(default_factory=list)

    @property
    def facts(self) -> HandMade:
        return self

    def of(self, term: Term) -> tuple[Alternative, ...]:
        return self.known[id(term)]

    def term(self, *alternatives: Facts | Alternative) -> Term:
        term = Unknown("made by hand")
        self.kept.append(term)
        self.known[id(term)] = tuple(
            each if isinstance(each, Alternative) else Alternative((), each) for each in alternatives
        )
        return term

    def loss(
        self,
        name: str,
        prediction: Term,
        labels: Term | None = None,
        row: int = 9,
        arguments: Mapping[str, Term] | None = None,
        **more: Any,
    ) -> HandMade:
        entry = apis.load().entry(name)
        assert entry is not None
        arguments = arguments or {}
        site = Site(
            more.pop("anchor", entry.kind),
            Place(row),
            entry.under(arguments),
            prediction,
            labels,
            arguments=arguments,
            **more,
        )
        self.sites.append(site)
        return self


SOFTMAX_CE = "tensorflow.nn.softmax_cross_entropy_with_logits"
SPARSE_CE = "tensorflow.nn.sparse_softmax_cross_entropy_with_logits"
SIGMOID_CE = "tensorflow.nn.sigmoid_cross_entropy_with_logits"
KERAS_CCE = "keras.losses.categorical_crossentropy"
KERAS_BCE = "keras.losses.binary_crossentropy"
KERAS_MSE = "keras.losses.mean_squared_error"
BINARY_ACCURACY = "keras.metrics.BinaryAccuracy"

LINEAR = Facts(activation="linear", role="prediction")
SOFTMAX = Facts(
    activation="softmax", role="prediction", applied=Place(3), steps=(Step(Place(3), "softmax is applied here"),)
)
SIGMOID = Facts(activation="sigmoid", role="prediction", applied=Place(3))
LOST = Facts(reason="could not follow `x`")
ONE_HOT = Facts(encoding="one_hot", role="label")
IDS = Facts(encoding="class_ids", role="label")

FLAG = Condition("flag", "use_softmax")


@pytest.fixture(autouse=True)
def _no_fixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lintloss.fixes, "propose", lambda *_: None)


def judged(
    name: str, prediction: Facts, labels: Facts | None = None, settings: Settings | None = None, **more: Any
) -> tuple[list[Finding], LossCall | None]:
    analysis = HandMade()
    terms = [analysis.term(facts) if facts is not None else None for facts in (prediction, labels)]
    assert terms[0] is not None
    findings, calls = judge(analysis.loss(name, terms[0], terms[1], **more), settings or Settings())
    return findings, calls[0] if calls else None


def codes(name: str, prediction: Facts, labels: Facts | None = None, **more: Any) -> list[str]:
    return [finding.code for finding in judged(name, prediction, labels, **more)[0]]


# The pages


def test_every_rule_of_the_design_has_a_page() -> None:
    wanted = "LL001 LL002 LL101 LL102 LL103 LL104 LL105 LL106 LL107 LL108 LL201 LL202 LL203 LL204 LL205 LL206"
    assert set(f"{wanted} LL301 LL302 LL303 LL401 LL501 LL502".split()) <= set(load_rules())


@pytest.mark.parametrize("rule", load_rules().values(), ids=lambda rule: rule.code)
def test_pages_have_their_sections_in_order(rule: Rule) -> None:
    assert rule.page.startswith(f"# {rule.code}: {rule.name}\n")
    assert rule.path.stem == f"{rule.code}-{rule.name}"
    assert re.findall(r"^## (.+)$", rule.page, re.MULTILINE) == SECTIONS
    assert rule.summary.endswith(".")


@pytest.mark.parametrize("rule", load_rules().values(), ids=lambda rule: rule.code)
def test_what_a_page_depends_on_ends_with_an_unconditional_case(rule: Rule) -> None:
    assert not rule.severities[-1].when.tests
    assert rule.yields_to <= set(load_rules())
    assert rule.where or rule.anchors == ("file",)


def test_the_readme_names_every_subject_and_verb() -> None:
    readme = (load_rules()["LL101"].path.parent / "README.md").read_text()
    assert [subject for subject in SUBJECTS if f"`{subject}`" not in readme] == []
    assert [verb for verb in VERBS if f"`{verb}`" not in readme] == []


PAGE = """# LL999: a-rule

```toml
format = 1
code = "LL999"
name = "a-rule"
anchor = "loss"
severity = "error"
message = "`{loss}`"

[[where]]
loss.family = "softmax"

[[where]]
loss.family = "sigmoid"
```

## What it does

Finds
things.
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("format = 1", "format = 2", "4: format: has to be 1"),
        ('anchor = "loss"', 'anchor = "los"', "7: anchor: 'los' is none of"),
        ('severity = "error"', 'severity = "bad"', "8: severity: 'bad' is not a valid Severity"),
        ("{loss}", "{los}", "9: message: unknown placeholder {los}; did you mean `loss`?"),
        ("{loss}", "{loss:>9}", "9: message: unknown placeholder {loss}"),
        ("{loss}", "{", "9: message: expected '}'"),
        ('family = "sigmoid"', 'famly = "sigmoid"', "condition `loss.famly`; did you mean `loss.family`?"),
        ('loss.family = "sigmoid"', "loss.family = [[1]]", "15: where[1]: `loss.family` is never [1]"),
        ('loss.family = "sigmoid"', "predicate = []", "15: where[1]: unknown predicate []"),
        ('severity = "error"', 'severity = "error"\nneed = []', "9: need: unknown key; did you mean `needs`?"),
        ('loss.family = "sigmoid"', 'loss.family = "sigmoids"', "15: where[1]: `loss.family` is never 'sigmoids'"),
        ('loss.family = "sigmoid"', "loss.family = { over = 2 }", "15: where[1]: `loss.family` has to be"),
        ('loss.family = "sigmoid"', 'predicate = "no_such"', "15: where[1]: unknown predicate 'no_such'"),
        ('name = "a-rule"\n', 'name = "a-rule"\nnotes = "x"\n', "7: notes: unknown key"),
        ('name = "a-rule"', "name = a-rule", "not valid TOML"),
        ("```toml", "```", "1: no ```toml block"),
        ('code = "LL999"', 'code = "X1"', "5: code: 'X1' is no code like LL101"),
        ('code = "LL999"', 'code = "LL998"', "5: code: LL998 does not stand in a file called LL998-....md"),
        ('name = "a-rule"', 'name = "a-rule"\nneeds = ["prediction.activaton"]', "7: needs: unknown fact"),
        ('name = "a-rule"', 'name = "a-rule"\nneeds = 3', "7: needs: has to be a string or a list of strings"),
        ('severity = "error"', "severity = []", "8: severity: is missing"),
        ('severity = "error"', "severity = [3]", "8: severity: has to be a list of tables"),
        ('severity = "error"', "severity = [{ of = 3 }]", "8: severity: needs `is`, a string"),
        ("[[where]]", '[[fixes]]\nverb = "burn"\n\n[[where]]', "12: fixes[0]: `verb` has to be one of"),
        ("[[where]]", '[[fixes]]\nverb = "set-argument"\n\n[[where]]', "11: fixes: needs `message`, a string"),
        ('loss.family = "sigmoid"', 'loss = "sigmoid"', "15: where[1]: unknown condition `loss`"),
    ],
)
def test_a_broken_page_is_named_with_line_and_key(old: str, new: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=re.escape(complaint)):
        parse_page(PAGE.replace(old, new, 1), Path("LL999-a-rule.md"))


def test_a_page_in_a_folder_of_the_settings_is_added_or_replaces(tmp_path: Path) -> None:
    (tmp_path / "LL999-a-rule.md").write_text(PAGE)
    (tmp_path / "LL101-mine.md").write_text(PAGE.replace("LL999", "LL101").replace("a-rule", "mine"))
    (tmp_path / "README.md").write_text("no rule")
    rules = load_rules(Settings(rules=(tmp_path,)))
    assert rules["LL999"].summary == "Finds things."
    assert rules["LL101"].name == "mine"
    assert load_rules()["LL101"].name != "mine"


# Conditions


def case(prediction: Facts, labels: Facts | None = None, **arguments: Term) -> Case:
    entry = Entry(("loss",), "loss", "mine", {"takes": {"from_logits": "from_logits"}})
    site = Site("loss", Place(1), entry, Unknown(""), None, arguments=arguments)
    return Case(site, entry, prediction, labels, apis.load())


@pytest.mark.parametrize(
    ("test", "facts", "holds"),
    [
        (Asked("prediction.activation", "is", ("softmax", "sigmoid")), SIGMOID, True),
        (Asked("prediction.activation", "is", ("relu",)), SIGMOID, False),
        (Asked("prediction.activation", "not", ("relu",)), SIGMOID, True),
        (Asked("prediction.activation", "is", ("relu",)), LOST, None),
        (Asked("prediction.activation", "not", ("relu",)), LOST, None),
        (Asked("prediction.units", "at_least", (3,)), Facts(units=3), True),
        (Asked("prediction.units", "at_most", (2,)), Facts(units=3), False),
        (Asked("prediction.units", "at_least", (3,)), Facts(shape=("n", 4)), True),
        (Asked("prediction.units", "at_least", (3,)), Facts(), None),
        (Asked("prediction.since", "not", ("learned",)), Facts(since=("cast", "learned")), False),
        (Asked("prediction.since", "is", ("cast",)), Facts(since=("cast", "learned")), True),
        (Asked("prediction.since", "not", ("learned",)), Facts(), True),
    ],
)
def test_a_fact_that_is_not_known_satisfies_nothing(test: Asked, facts: Facts, holds: bool | None) -> None:
    answer = test.ask(case(facts))
    assert answer.holds is holds
    assert answer.lacks == (frozenset({test.subject}) if holds is None else frozenset())


def test_true_is_not_one() -> None:
    explicit = Asked("loss.explicit", "is", (True,))
    assert explicit.ask(case(LINEAR, from_logits=Const(True))).holds is True
    assert explicit.ask(case(LINEAR, from_logits=Const(1))).holds is False
    assert explicit.ask(case(LINEAR, from_logits=Unknown("?"))).holds is None


# Judging one call


@pytest.mark.parametrize(
    ("loss", "prediction", "labels", "expected"),
    [
        (SOFTMAX_CE, SOFTMAX, ONE_HOT, ["LL101"]),
        (SOFTMAX_CE, LINEAR, ONE_HOT, []),
        (SOFTMAX_CE, replace(SOFTMAX, since=("learned",)), ONE_HOT, []),
        (SIGMOID_CE, SIGMOID, None, ["LL102"]),
        (KERAS_CCE, LINEAR, None, ["LL103"]),
        (KERAS_CCE, Facts(activation="log_softmax"), None, ["LL103"]),
        (KERAS_CCE, SOFTMAX, ONE_HOT, []),
        (KERAS_CCE, SIGMOID, None, ["LL104"]),
        (KERAS_BCE, SOFTMAX, None, ["LL104"]),
        (SOFTMAX_CE, Facts(activation="tanh"), None, ["LL104"]),
        (KERAS_BCE, replace(SOFTMAX, units=1), None, ["LL105"]),
        (SOFTMAX_CE, replace(LINEAR, units=1), None, ["LL105"]),
        (SPARSE_CE, LINEAR, ONE_HOT, ["LL201"]),
        (SOFTMAX_CE, LINEAR, IDS, ["LL202"]),
        (SOFTMAX_CE, LINEAR, Facts(encoding="multi_hot", role="label"), ["LL203"]),
        (SOFTMAX_CE, ONE_HOT, LINEAR, ["LL204"]),
        (SOFTMAX_CE, LINEAR, SOFTMAX, []),
        (KERAS_CCE, replace(SOFTMAX, units=9), replace(ONE_HOT, classes=10), ["LL205"]),
        (SPARSE_CE, replace(LINEAR, units=9), replace(IDS, classes=3), []),
        (KERAS_MSE, replace(LINEAR, units=3), Facts(encoding="continuous", shape=(8, 1)), ["LL206"]),
        (KERAS_MSE, SOFTMAX, ONE_HOT, ["LL301"]),
        (KERAS_MSE, SOFTMAX, SOFTMAX, []),
        (KERAS_MSE, replace(SIGMOID, units=1), Facts(encoding="binary"), ["LL302"]),
        (KERAS_MSE, replace(SIGMOID, units=64), Facts(encoding="continuous"), []),
        (KERAS_BCE, SIGMOID, Facts(encoding="continuous", low=-3.0), ["LL303"]),
        (KERAS_BCE, SIGMOID, Facts(encoding="continuous"), []),
        (BINARY_ACCURACY, LINEAR, None, ["LL501"]),
        (BINARY_ACCURACY, SIGMOID, None, []),
    ],
)
def test_each_rule_on_what_it_finds_and_what_looks_like_it(
    loss: str, prediction: Facts, labels: Facts | None, expected: list[str]
) -> None:
    assert codes(loss, prediction, labels) == expected


def test_a_threshold_of_zero_is_right_for_logits() -> None:
    assert codes(BINARY_ACCURACY, LINEAR, arguments={"threshold": Const(0.0)}) == []
    assert codes(BINARY_ACCURACY, LINEAR, arguments={"threshold": Const(0.5)}) == ["LL501"]


def test_a_rule_that_is_off_runs_when_selected() -> None:
    prediction = Facts(activation="log_softmax")
    assert codes(SOFTMAX_CE, prediction) == []
    assert codes(SOFTMAX_CE, prediction, settings=Settings(extend_select=("LL107",))) == ["LL107"]
    assert codes(SOFTMAX_CE, SOFTMAX, settings=Settings(ignore=("LL101",))) == []


@pytest.mark.parametrize(
    ("repair", "backend", "severity"),
    [
        ("attached", "tensorflow", Severity.WARNING),
        ("attached", "jax", Severity.ERROR),
        ("lost", "tensorflow", Severity.ERROR),
        ("graph", "tensorflow", Severity.ERROR),
    ],
)
def test_severity_follows_what_keras_repairs(repair: str, backend: Any, severity: Severity) -> None:
    (finding,), _ = judged(
        KERAS_CCE,
        replace(SOFTMAX, repair=repair),
        settings=Settings(backend=backend),
        arguments={"from_logits": Const(True)},
    )
    assert (finding.code, finding.severity) == ("LL101", severity)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0.5, 0.5], [0.0, 1.0]], []),
        ([[0.0, 0.0], [0.0, 1.0]], []),
        ([[1.0, 1.0], [0.0, 1.0]], ["LL203"]),
        ([[1.5, -0.5], [0.0, 1.0]], ["LL203"]),
    ],
)
def test_literal_rows_have_to_be_distributions(rows: list[list[float]], expected: list[str]) -> None:
    analysis = HandMade()
    literal = Sequence("list", tuple(Sequence("list", tuple(map(Const, row))) for row in rows))
    analysis.known[id(literal)] = (Alternative((), Facts(role="literal")),)
    findings, _ = judge(analysis.loss(SOFTMAX_CE, analysis.term(LINEAR), literal), Settings())
    assert [finding.code for finding in findings] == expected


# Verdicts


def test_what_is_not_known_leaves_the_call_undecided_with_its_reason() -> None:
    findings, call = judged(SOFTMAX_CE, LOST, ONE_HOT)
    assert findings == []
    assert call is not None
    assert (call.verdict, call.reason) == (CallVerdict.UNDECIDED, "could not follow `x`")


def test_labels_that_are_not_known_are_no_evidence_against_a_cross_entropy() -> None:
    _, call = judged(SOFTMAX_CE, LINEAR, LOST)
    assert call is not None
    assert (call.verdict, call.takes, call.gets) == (CallVerdict.FINE, "logits, one-hot labels", "logits")


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (SPARSE_CE, Facts(encoding="one_hot", shape=(2, 3), classes=3, role="literal")),  # or the ids of sequences
        (SOFTMAX_CE, Facts(encoding="binary", shape=(3,), role="literal")),  # or the row of one example
    ],
)
def test_labels_that_fit_some_shape_are_undecided_where_the_shape_is_not_known(loss: str, labels: Facts) -> None:
    findings, call = judged(loss, LINEAR, labels)
    assert findings == []
    assert call is not None
    assert call.verdict is CallVerdict.UNDECIDED
    assert "shape of the prediction" in call.reason


def test_a_relay_that_nobody_calls_is_open() -> None:
    _, call = judged(SOFTMAX_CE, LOST, is_open=True)
    assert call is not None
    assert call.verdict is CallVerdict.OPEN


def test_from_logits_that_is_no_constant_leaves_it_undecided() -> None:
    _, call = judged(KERAS_CCE, SOFTMAX, arguments={"from_logits": Unknown("?")})
    assert call is not None
    assert call.verdict is CallVerdict.UNDECIDED
    assert "categorical_crossentropy" in call.reason


def test_a_call_that_the_budget_did_not_reach_is_undecided() -> None:
    _, (call,) = judge(HandMade(unjudged=[Unjudged(Place(5).span, SOFTMAX_CE, "analysis budget")]), Settings())
    assert call.verdict is CallVerdict.UNDECIDED
    assert "budget" in call.reason


def ways(then: Facts, otherwise: Facts) -> tuple[Alternative, Alternative]:
    return Alternative((Guard(FLAG, True),), then), Alternative((Guard(FLAG, False),), otherwise)


def test_misuse_on_some_paths_is_undecided_and_names_the_condition() -> None:
    analysis = HandMade()
    findings, (call,) = judge(analysis.loss(SOFTMAX_CE, analysis.term(*ways(SOFTMAX, LINEAR))), Settings())
    assert findings == []
    assert (call.verdict, call.reason) == (CallVerdict.UNDECIDED, "LL101 if `use_softmax`")
    assert call.gets == "softmax probabilities or logits"


def test_misuse_on_all_paths_is_reported_for_each_rule() -> None:
    analysis = HandMade()
    term = analysis.term(*ways(SOFTMAX, SIGMOID))
    findings, (call,) = judge(analysis.loss(SOFTMAX_CE, term), Settings())
    assert [finding.code for finding in findings] == ["LL101", "LL104"]
    assert call.codes == ("LL101", "LL104")


def test_paths_that_exclude_each_other_are_not_combined() -> None:
    analysis = HandMade()
    prediction, labels = analysis.term(*ways(SOFTMAX, LINEAR)), analysis.term(*ways(LOST, ONE_HOT))
    guarded = {"guards": (Guard(FLAG, False),)}
    findings, (call,) = judge(analysis.loss(SPARSE_CE, prediction, labels, **guarded), Settings())
    assert [finding.code for finding in findings] == ["LL201"]
    assert call.verdict is CallVerdict.MISUSED


def test_head_and_from_logits_chosen_by_the_same_flag_are_fine() -> None:
    analysis = HandMade()
    prediction = analysis.term(*ways(SOFTMAX, LINEAR))
    choice = Choice(FLAG, Const(False), Const(True))
    entry = apis.load().entry(KERAS_CCE)
    assert entry is not None
    for way, given in ((True, False), (False, True)):
        split = entry.under({"from_logits": Const(given)})
        analysis.sites.append(
            Site(
                "loss",
                Place(9),
                split,
                prediction,
                None,
                arguments={"from_logits": choice},
                guards=(Guard(FLAG, way),),
            )
        )
    findings, (call,) = judge(analysis, Settings())
    assert findings == []
    assert call.verdict is CallVerdict.FINE


def test_comments_that_the_code_belies_are_named_in_the_message() -> None:
    (finding,), _ = judged(
        SOFTMAX_CE, replace(SOFTMAX, contradicts="logits"), replace(ONE_HOT, contradicts="class-ids")
    )
    said = "a comment states class-ids, the code says otherwise; a comment states logits, the code says otherwise"
    assert finding.message.endswith(f"; {said}")
    assert finding.message.count("; ") == 2
    (finding,), _ = judged(SOFTMAX_CE, SOFTMAX, ONE_HOT)
    assert "; " not in finding.message


def test_where_prediction_and_labels_are_lost_the_prediction_is_the_reason() -> None:
    for loss in (SOFTMAX_CE, SPARSE_CE, KERAS_BCE, KERAS_MSE):
        _, call = judged(loss, LOST, Facts(reason="could not follow `y`"))
        assert call is not None
        assert (call.verdict, call.reason) == (CallVerdict.UNDECIDED, "could not follow `x`")


def test_a_record_says_what_the_loss_takes_and_gets() -> None:
    _, call = judged(SPARSE_CE, SOFTMAX, ONE_HOT)
    assert call is not None
    assert (call.span, call.loss, call.takes, call.gets, call.labels, call.verdict, call.reason, call.codes) == (
        Place(9).span,
        SPARSE_CE,
        "logits, class ids",
        "softmax probabilities",
        "one-hot labels",
        CallVerdict.MISUSED,
        "LL101, LL201",
        ("LL101", "LL201"),
    )


def test_misuse_unless_a_condition_holds_names_it_so() -> None:
    analysis = HandMade()
    _, (call,) = judge(analysis.loss(SOFTMAX_CE, analysis.term(*ways(LINEAR, SOFTMAX))), Settings())
    assert (call.verdict, call.reason) == (CallVerdict.UNDECIDED, "LL101 unless `use_softmax`")


# Contexts joined


@pytest.mark.parametrize(("calls", "expected"), [("cost(True)\ncost(False)\n", []), ("cost(False)\n", ["LL101"])])
def test_an_activation_for_inference_is_no_mistake_where_training_goes_without(calls: str, expected: list[str]) -> None:
    code = f"""\
import tensorflow as tf
x, w, y = tf.ones([4, 3]), tf.ones([3, 5]), tf.one_hot([0, 1, 2, 3], 5)

def cost(training):
    z = x @ w
    if not training:
        z = tf.nn.softmax(z)
    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)

{calls}"""
    report = linter.lint([Source.from_text(code, "train.py")], Settings())
    assert [finding.code for finding in report.findings] == expected


def test_one_misused_context_is_a_finding_that_names_its_caller() -> None:
    analysis = HandMade()
    analysis.loss(SOFTMAX_CE, analysis.term(LINEAR), callers=(Place(20),))
    analysis.loss(SOFTMAX_CE, analysis.term(SOFTMAX), callers=(Place(30),))
    (finding,), calls = judge(analysis, Settings())
    assert [(step.span.start.row, step.message) for step in finding.flow] == [
        (30, "called here"),
        (3, "softmax is applied here"),
        (9, "passed to the loss here"),
    ]
    assert [call.verdict for call in calls] == [CallVerdict.MISUSED]


def test_one_mistake_in_two_contexts_is_one_finding() -> None:
    analysis = HandMade()
    for row in (20, 30):
        analysis.loss(SOFTMAX_CE, analysis.term(SOFTMAX), callers=(Place(row),))
    findings, calls = judge(analysis, Settings())
    assert (len(findings), len(calls)) == (1, 1)


def test_a_fix_has_to_be_right_in_every_context(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(lintloss.fixes, "propose", lambda rule, *_: asked.append(rule.code))
    analysis = HandMade()
    analysis.loss(SOFTMAX_CE, analysis.term(SOFTMAX), row=9, callers=(Place(20),))
    analysis.loss(SOFTMAX_CE, analysis.term(LINEAR), row=9, callers=(Place(30),))
    judge(analysis, Settings())
    assert asked == []
    analysis.sites.pop()
    judge(analysis, Settings())
    assert asked == ["LL101"]


def test_only_the_fixes_whose_conditions_hold_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    verbs: list[str] = []
    monkeypatch.setattr(lintloss.fixes, "propose", lambda rule, *_: verbs.extend(each.verb for each in rule.fixes))
    judged(SOFTMAX_CE, SOFTMAX)
    assert verbs == ["pass-preactivation", "drop-layer"]


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "No such file or directory"), (b"# LL999\n\xff", "not UTF-8: invalid start byte")]
)
@pytest.mark.parametrize(("load", "name"), [(load_page, "LL999-a-rule.md"), (key_lines, "own.toml")])
def test_knowledge_that_cannot_be_read_is_named(
    load: Callable[[Path], object], name: str, content: bytes | None, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        load(path)
    assert str(raised.value) == f"{path}: {complaint}"
