"""Facts that comments state: where they count, and what happens where the code says otherwise."""

from __future__ import annotations

import pytest

from lintloss import CallVerdict, linter
from lintloss.analysis.stated import Statement, read
from lintloss.config import Settings
from lintloss.finding import Report
from lintloss.sources import Source

LOSS = "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)"


def lint(code: str) -> Report:
    return linter.lint([Source.from_text(f"import tensorflow as tf\n{code}", "train.py")], Settings())


@pytest.mark.parametrize(
    ("comment", "statement"),
    [
        ("# lintloss: logits", Statement(of_all="logits")),
        ("#lintloss:log-probabilities of the head", Statement(of_all="log-probabilities")),
        ("# lintloss: y is class-ids, z is logits", Statement(by_name={"y": "class-ids", "z": "logits"})),
        ("# lintloss: self.z is logits", Statement(by_name={"self.z": "logits"})),
        ("# lintloss: ignore[LL101] soft is fine", None),
        ("# lintloss: logit", None),
        ("# lintloss: softly", None),
        ("# logits", None),
    ],
)
def test_comments_are_read(comment: str, statement: Statement | None) -> None:
    assert read(comment) == statement


PLACES = {
    "an assignment": f"def f(net, x, y):\n    z = net(x)  # lintloss: {{}}\n    return {LOSS}\n",
    "an annotated assignment": f"def f(net, x, y):\n    z: object = net(x)  # lintloss: {{}}\n    return {LOSS}\n",
    "one of several names": f"def f(net, x, y):\n    z, h = net(x)  # lintloss: z is {{}}\n    return {LOSS}\n",
    "a parameter on its own line": f"def f(\n    y,\n    z,  # lintloss: {{}}\n):\n    return {LOSS}\n",
    "the last parameter": f"def f(\n    y,\n    z  # lintloss: {{}}\n):\n    return {LOSS}\n",
    "a parameter by name": f"def f(y, z):  # lintloss: z is {{}}\n    return {LOSS}\n",
    "a method's parameter": (
        "class C:\n    def f(\n        self,\n        y,\n        z,  # lintloss: {}\n    ):\n        return "
        + LOSS
        + "\n"
    ),
    "a nested function's parameter": (
        f"def f(y):\n    def g(z):  # lintloss: {{}}\n        return {LOSS}\n    return g\nf([[0., 1.]])(unheard_of)\n"
    ),
    "an attribute": (
        "class C:\n    def f(self, net, x, y):\n        self.z = net(x)  # lintloss: {}\n"
        "        return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=self.z)\n"
    ),
}


@pytest.mark.parametrize("code", PLACES.values(), ids=PLACES)
def test_a_stated_fact_decides(code: str) -> None:
    (right,) = lint(code.format("logits")).loss_calls
    assert right.verdict is CallVerdict.FINE
    (wrong,) = lint(code.format("probabilities")).loss_calls
    assert (wrong.verdict, wrong.codes) == (CallVerdict.MISUSED, ("LL101",))
    (unsaid,) = lint(code.format("nothing")).loss_calls
    assert unsaid.verdict in (CallVerdict.OPEN, CallVerdict.UNDECIDED)


def test_several_names_and_no_name_state_nothing() -> None:
    (call,) = lint(f"def f(net, x, y):\n    z, h = net(x)  # lintloss: logits\n    return {LOSS}\n").loss_calls
    assert call.verdict is CallVerdict.OPEN or call.verdict is CallVerdict.UNDECIDED


def test_labels_can_be_stated() -> None:
    (finding,) = lint(
        f"def f(batches, net):\n    x, y = next(batches)  # lintloss: y is class-ids\n"
        f"    z = tf.layers.dense(x, 10)\n    return {LOSS}\n"
    ).findings
    assert finding.code == "LL202"
    assert any("stated to be class-ids" in step.message for step in finding.flow)


def test_certain_code_counts_for_more_than_a_comment_and_the_finding_says_so() -> None:
    (finding,) = lint(
        f"def f(x, w, y):\n    z = tf.nn.softmax(x @ w)  # lintloss: logits\n    return {LOSS}\n"
    ).findings
    assert finding.code == "LL101"
    assert "a comment states logits, the code says otherwise" in finding.message


def test_a_comment_that_agrees_adds_nothing_to_the_message() -> None:
    (finding,) = lint(
        f"def f(x, w, y):\n    z = tf.nn.softmax(x @ w)  # lintloss: probabilities\n    return {LOSS}\n"
    ).findings
    assert "comment" not in finding.message
