"""The runtime checker end to end: real TensorFlow, real Keras, terms written by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confirm_terms import (
    HANDWRITTEN,
    KERAS,
    LABELS,
    SOFTMAX_LOSS,
    SPARSE_LOSS,
    TUTORIAL,
    UNKNOWN_Y,
    UNKNOWN_Z,
    Y,
    Z,
    call,
    compiled,
    dense,
    fused,
    named,
    site,
    softmax,
    unknown,
    value,
)

from lintloss import confirm
from lintloss.analysis.sites import Formula, Site
from lintloss.analysis.terms import Term
from lintloss.confirm import Request
from lintloss.finding import Verdict, Verification

pytestmark = pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow")

SIGMOID_LOSS = "tensorflow.nn.sigmoid_cross_entropy_with_logits"
OLD_LOSS = "tensorflow.losses.softmax_cross_entropy"


def whole(term: Term, name: str = SOFTMAX_LOSS) -> Site:
    """A site whose term is more than the library's call."""
    return site(term, name, Z, Y)


def objects(name: str, labels: Term, prediction: Term, **settings: Any) -> Site:
    """A call of a Keras loss object."""
    made = call(KERAS + name, **settings)
    return site(call(made, labels, prediction), KERAS + name, prediction, labels, constructor=made)


def head(output: Term, name: str, **settings: Any) -> Site:
    """`compile` with a loss object."""
    return compiled(output, KERAS + name, constructor=call(KERAS + name, **settings))


def reshaped(term: Term, *shape: int) -> Term:
    return call(call("keras.layers.Reshape", list(shape)), term)


def handwritten(labels: Term, logits: Term) -> Site:
    """`-tf.reduce_sum(labels * tf.compat.v1.log(softmax(logits)), axis=1)`."""
    logs = call("tensorflow.log", softmax(logits))
    summed = call("tensorflow.reduce_sum", call("operator.mul", labels, logs), axis=1)
    return site(call("operator.neg", summed), SOFTMAX_LOSS, softmax(logits), labels, formula=HANDWRITTEN)


def likelihood(labels: Term, logits: Term) -> Site:
    """`labels * log(p) + (1 - labels) * log(1 - p)` with `p = sigmoid(logits)`: its negative is the loss."""
    chances = call("tensorflow.sigmoid", logits)
    positive = call("operator.mul", labels, call("tensorflow.math.log", chances))
    rest, unlikely = (call("operator.sub", 1.0, each) for each in (labels, chances))
    term = call("operator.add", positive, call("operator.mul", rest, call("tensorflow.math.log", unlikely)))
    return site(term, SIGMOID_LOSS, chances, labels, formula=Formula("binary_cross_entropy", (), negated=False))


def squared(labels: Term, prediction: Term) -> Term:
    """`tf.reduce_mean(tf.square(labels - prediction))`."""
    return call("tensorflow.reduce_mean", call("tensorflow.square", call("operator.sub", labels, prediction)))


def intended(before: Site, after: Site | None, encoding: str = "one_hot", **more: Any) -> Request:
    """A request about the tutorial's logits and labels."""
    return Request(before, after, "softmax_cross_entropy", pre=Z, labels=Y, encoding=encoding, **more)


ONE_HOT_IDS = value([[0, 0, 1], [0, 1, 0]])
CONSTANT_Y = call("tensorflow.constant", LABELS)
MEAN_SQUARE = Formula("squared", (("mean", None),), negated=False)
WRONGLY_SPARSE = fused(SPARSE_LOSS, ONE_HOT_IDS, Z)

CONFIRMED = {
    "softmax once": intended(fused(SOFTMAX_LOSS, Y, softmax(Z)), fused(SOFTMAX_LOSS, Y, Z)),
    "softmax twice": intended(fused(SOFTMAX_LOSS, Y, softmax(softmax(Z))), fused(SOFTMAX_LOSS, Y, Z)),
    "handwritten": Request(
        handwritten(CONSTANT_Y, Z), fused(SOFTMAX_LOSS, CONSTANT_Y, Z), "softmax_cross_entropy", Z, CONSTANT_Y
    ),
    "one-hot into sparse": Request(
        WRONGLY_SPARSE, fused(SOFTMAX_LOSS, ONE_HOT_IDS, Z), "softmax_cross_entropy", Z, ONE_HOT_IDS, "one_hot"
    ),
    "log-likelihood": Request(
        likelihood(UNKNOWN_Y, UNKNOWN_Z),
        fused(SIGMOID_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "sigmoid_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "binary",
    ),
    "sparse with ids": Request(
        fused(SPARSE_LOSS, UNKNOWN_Y, softmax(UNKNOWN_Z)),
        fused(SPARSE_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "sparse_softmax_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "class_ids",
    ),
    "sigmoid twice": Request(
        fused(SIGMOID_LOSS, UNKNOWN_Y, call("tensorflow.sigmoid", UNKNOWN_Z)),
        fused(SIGMOID_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "sigmoid_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "binary",
    ),
    "swapped": intended(fused(SOFTMAX_LOSS, Z, Y), fused(SOFTMAX_LOSS, Y, Z)),
    "unknown inputs": Request(
        fused(SOFTMAX_LOSS, UNKNOWN_Y, softmax(UNKNOWN_Z)),
        fused(SOFTMAX_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "softmax_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "one_hot",
        shape=(None, 7),
    ),
    "encoded ids": Request(
        fused(SPARSE_LOSS, call("tensorflow.one_hot", UNKNOWN_Y, 6), UNKNOWN_Z),
        fused(SPARSE_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "softmax_cross_entropy",
        UNKNOWN_Z,
        call("tensorflow.one_hot", UNKNOWN_Y, 6),
        "one_hot",
    ),
    "second axis": Request(
        fused(SOFTMAX_LOSS, UNKNOWN_Y, call("tensorflow.nn.softmax", UNKNOWN_Z, axis=1), axis=1),
        fused(SOFTMAX_LOSS, UNKNOWN_Y, UNKNOWN_Z, axis=1),
        "softmax_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "one_hot",
        shape=(None, 3, 4),
    ),
    "version 1": Request(
        site(call(OLD_LOSS, Y, softmax(Z)), OLD_LOSS, Z, Y),
        site(call(OLD_LOSS, Y, Z), OLD_LOSS, Z, Y),
        "softmax_cross_entropy",
        Z,
        Y,
        "one_hot",
    ),
    "squared formula": Request(
        site(squared(Y, softmax(Z)), KERAS + "mean_squared_error", softmax(Z), Y, formula=MEAN_SQUARE),
        fused(SOFTMAX_LOSS, Y, Z),
        "softmax_cross_entropy",
        Z,
        Y,
        "one_hot",
        after_term=call("tensorflow.reduce_mean", call(SOFTMAX_LOSS, labels=Y, logits=Z)),
        reduction="mean",
    ),
    "loss object on logits": intended(
        objects("CategoricalCrossentropy", Y, Z), objects("CategoricalCrossentropy", Y, Z, from_logits=True)
    ),
    "Reshape behind the softmax": Request(
        head(reshaped(dense(3, "softmax"), 3), "CategoricalCrossentropy", from_logits=True),
        head(reshaped(dense(3, "softmax"), 3), "CategoricalCrossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "linear head, ids": Request(
        head(dense(3), "SparseCategoricalCrossentropy"),
        head(dense(3), "SparseCategoricalCrossentropy", from_logits=True),
        "softmax_cross_entropy",
        encoding="class_ids",
    ),
    "linear head gets a softmax": Request(
        named(dense(3), "categorical_crossentropy"),
        named(dense(3, "softmax"), "categorical_crossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "squared error on softmax": Request(
        named(dense(3, "softmax"), "mean_squared_error", "mse"),
        named(dense(3, "softmax"), "categorical_crossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "squared error on sigmoid": Request(
        named(dense(1, "sigmoid"), "mean_squared_error", "mse"),
        named(dense(1, "sigmoid"), "binary_crossentropy"),
        "sigmoid_cross_entropy",
        encoding="binary",
    ),
    "one-hot into sparse, compiled": Request(
        named(dense(3, "softmax"), "sparse_categorical_crossentropy"),
        named(dense(3, "softmax"), "categorical_crossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "focal": Request(
        head(dense(3, "softmax"), "CategoricalFocalCrossentropy", from_logits=True),
        head(dense(3, "softmax"), "CategoricalFocalCrossentropy"),
        "categorical_focal_crossentropy",
        encoding="one_hot",
    ),
}

EQUIVALENT = {
    "repaired softmax": Request(
        head(dense(3, "softmax"), "CategoricalCrossentropy", from_logits=True),
        head(dense(3, "softmax"), "CategoricalCrossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "repaired sigmoid": Request(
        head(dense(1, "sigmoid"), "BinaryCrossentropy", from_logits=True),
        head(dense(1, "sigmoid"), "BinaryCrossentropy"),
        "sigmoid_cross_entropy",
        encoding="binary",
    ),
    "repaired behind Dropout": Request(
        head(call(call("keras.layers.Dropout", 0.5), dense(3, "softmax")), "CategoricalCrossentropy", from_logits=True),
        head(call(call("keras.layers.Dropout", 0.5), dense(3, "softmax")), "CategoricalCrossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "nothing wrong": intended(fused(SOFTMAX_LOSS, Y, Z), fused(SOFTMAX_LOSS, Y, Z)),
}

SOFTMAXED = fused(SOFTMAX_LOSS, Y, softmax(Z))
RIGHT = call(SOFTMAX_LOSS, labels=Y, logits=Z)
SQUARE_Z, SQUARE_Y = unknown("z"), unknown("y")
SOFTMAXED_SQUARE = fused(SOFTMAX_LOSS, SQUARE_Y, softmax(SQUARE_Z))


def mutant(after: Site, before: Site = SOFTMAXED, **more: Any) -> Request:
    return intended(before, after, **more)


def square_mutant(labels: Term, logits: Term) -> Request:
    """As many examples as classes, so that a wrong orientation raises nothing."""
    after = fused(SOFTMAX_LOSS, labels, logits)
    return Request(SOFTMAXED_SQUARE, after, "softmax_cross_entropy", SQUARE_Z, SQUARE_Y, "one_hot", shape=(5, 5))


MUTANTS = {
    "wrong axis": mutant(fused(SOFTMAX_LOSS, Y, Z, axis=0)),
    "mean over the batch": mutant(whole(call("tensorflow.reduce_mean", RIGHT))),
    "sum over the batch": mutant(whole(call("tensorflow.reduce_sum", RIGHT))),
    "labels transposed": square_mutant(call("tensorflow.transpose", SQUARE_Y), SQUARE_Z),
    "logits transposed": square_mutant(SQUARE_Y, call("tensorflow.transpose", SQUARE_Z)),
    "one softmax left": mutant(fused(SOFTMAX_LOSS, Y, softmax(Z)), fused(SOFTMAX_LOSS, Y, softmax(softmax(Z)))),
    "one softmax more": mutant(fused(SOFTMAX_LOSS, Y, softmax(softmax(Z)))),
    "log-softmax of the softmax": mutant(fused(SOFTMAX_LOSS, Y, call("tensorflow.nn.log_softmax", softmax(Z)))),
    "swapped": mutant(fused(SOFTMAX_LOSS, Z, Y)),
    "smoothed": mutant(
        objects("CategoricalCrossentropy", Y, Z, from_logits=True, label_smoothing=0.1, reduction="none")
    ),
    "labels shifted": mutant(fused(SOFTMAX_LOSS, call("tensorflow.roll", Y, 1, 1), Z)),
    "logits scaled": mutant(fused(SOFTMAX_LOSS, Y, call("operator.mul", Z, 2.0))),
    "loss scaled": mutant(whole(call("operator.mul", RIGHT, 2.0))),
    "loss negated": mutant(whole(call("operator.neg", RIGHT))),
    "sigmoid for softmax": mutant(fused(SIGMOID_LOSS, Y, Z)),
    "sigmoid summed": mutant(whole(call("tensorflow.reduce_sum", call(SIGMOID_LOSS, labels=Y, logits=Z), axis=1))),
    "gradient stopped": mutant(fused(SOFTMAX_LOSS, Y, call("tensorflow.stop_gradient", Z))),
    "clipped logits": mutant(fused(SOFTMAX_LOSS, Y, call("tensorflow.clip_by_value", Z, -50.0, 50.0))),
    "handwritten again": mutant(handwritten(Y, Z)),
    "from_logits the wrong way": mutant(
        objects("CategoricalCrossentropy", Y, Z), objects("CategoricalCrossentropy", Y, softmax(Z), from_logits=True)
    ),
    "sum instead of mean, object": mutant(
        objects("CategoricalCrossentropy", Y, Z, from_logits=True, reduction="sum"),
        objects("CategoricalCrossentropy", Y, Z),
    ),
    "ids into dense": Request(
        fused(SPARSE_LOSS, UNKNOWN_Y, softmax(UNKNOWN_Z)),
        fused(SOFTMAX_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "softmax_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "class_ids",
        shape=(4, 5),
    ),
    "the function still returns the softmax": mutant(fused(SOFTMAX_LOSS, CONSTANT_Y, softmax(Z)), handwritten(Y, Z)),
    "logits for probabilities": mutant(
        site(call(KERAS + "categorical_crossentropy", Y, Z), KERAS + "categorical_crossentropy", Z, Y),
        site(squared(Y, softmax(Z)), KERAS + "mean_squared_error", softmax(Z), Y, formula=MEAN_SQUARE),
    ),
    "the sign of a likelihood lost": Request(
        likelihood(UNKNOWN_Y, UNKNOWN_Z),
        whole(call("operator.neg", call(SIGMOID_LOSS, labels=UNKNOWN_Y, logits=UNKNOWN_Z)), SIGMOID_LOSS),
        "sigmoid_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "binary",
    ),
    "compiled: a sigmoid under the loss of exclusive classes": Request(
        named(dense(1), "categorical_crossentropy"),
        named(dense(1, "sigmoid"), "categorical_crossentropy"),
        "sigmoid_cross_entropy",
        encoding="binary",
    ),
    "compiled: the binary loss on a softmax that Keras does not see": Request(
        named(dense(3, "softmax"), "categorical_crossentropy"),
        named(reshaped(dense(3, "softmax"), 3), "binary_crossentropy"),
        "sigmoid_cross_entropy",
        encoding="multi_hot",
    ),
    "compiled: averaged by the weights of the examples": Request(
        replace(head(dense(3), "CategoricalCrossentropy"), weights={"weights": unknown("importance")}),
        head(dense(3), "CategoricalCrossentropy", from_logits=True, reduction="mean_with_sample_weight"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "compiled: from_logits dropped from a linear head": Request(
        head(dense(3), "CategoricalCrossentropy", from_logits=True),
        head(dense(3), "CategoricalCrossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "compiled: from_logits added to a softmax that Keras does not see": Request(
        head(reshaped(dense(3, "softmax"), 3), "CategoricalCrossentropy"),
        head(reshaped(dense(3, "softmax"), 3), "CategoricalCrossentropy", from_logits=True),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "compiled: binary loss on a softmax": Request(
        named(dense(3), "categorical_crossentropy"),
        named(dense(3, "softmax"), "binary_crossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "compiled: smoothed": Request(
        head(dense(3), "CategoricalCrossentropy"),
        head(dense(3), "CategoricalCrossentropy", from_logits=True, label_smoothing=0.1),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "compiled: summed": Request(
        head(dense(3), "CategoricalCrossentropy"),
        head(dense(3), "CategoricalCrossentropy", from_logits=True, reduction="sum"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
}

ENORMOUS = call("tensorflow.zeros", [10**9])
UNDECIDED = {
    "enormous zeros": (
        Request(fused(SOFTMAX_LOSS, ENORMOUS, softmax(ENORMOUS)), None, "softmax_cross_entropy", ENORMOUS, ENORMOUS),
        "too large",
    ),
    "one unit among itself": (
        Request(
            fused(SOFTMAX_LOSS, UNKNOWN_Y, softmax(UNKNOWN_Z)),
            fused(SOFTMAX_LOSS, UNKNOWN_Y, UNKNOWN_Z),
            "softmax_cross_entropy",
            UNKNOWN_Z,
            UNKNOWN_Y,
            "one_hot",
            shape=(None, 1),
        ),
        "the loss that is meant is constant",
    ),
    "no rewritten loss": (intended(SOFTMAXED, None), "no rewritten loss"),
    "no reference": (Request(SOFTMAXED, SOFTMAXED, "triplet", Z, Y), "no reference for triplet"),
    "an unknown weight": (
        intended(
            whole(call("operator.mul", call(SOFTMAX_LOSS, labels=Y, logits=softmax(Z)), unknown("scale"))), whole(RIGHT)
        ),
        "depends on the parameter scale of train",
    ),
    "labels that are not known": (
        Request(SOFTMAXED, SOFTMAXED, "softmax_cross_entropy", unknown("elsewhere"), Y),
        "the logits were not found",
    ),
    "an operation that is not listed": (
        intended(whole(call("os.system", "true")), whole(RIGHT)),
        "the logits were not found",
    ),
}


@pytest.fixture(scope="module")
def answers() -> dict[int, Verification]:
    """One worker answers everything; a request's answer is found by the request."""
    requests = [*CONFIRMED.values(), *EQUIVALENT.values(), *MUTANTS.values(), *(r for r, _ in UNDECIDED.values())]
    return {id(request): answer for request, answer in zip(requests, confirm.verify(requests), strict=True)}


@pytest.mark.parametrize("name", CONFIRMED)
def test_confirmed(name: str, answers: dict[int, Verification]) -> None:
    answer = answers[id(CONFIRMED[name])]
    assert answer.verdict is Verdict.CONFIRMED, answer.reason


@pytest.mark.parametrize("name", EQUIVALENT)
def test_equivalent(name: str, answers: dict[int, Verification]) -> None:
    answer = answers[id(EQUIVALENT[name])]
    assert answer.verdict is Verdict.EQUIVALENT, answer.reason


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_fixes_are_refuted(name: str, answers: dict[int, Verification]) -> None:
    answer = answers[id(MUTANTS[name])]
    assert answer.verdict is Verdict.REFUTED, answer.reason


@pytest.mark.parametrize("name", UNDECIDED)
def test_undecided(name: str, answers: dict[int, Verification]) -> None:
    request, reason = UNDECIDED[name]
    assert answers[id(request)].verdict is Verdict.UNDECIDED
    assert reason in answers[id(request)].reason


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("softmax once", (0.56551915, 1.4743223)),
        ("softmax twice", (0.87814206, 1.2141393)),
        ("handwritten", TUTORIAL),
    ],
)
def test_the_tutorials_figures(name: str, figures: tuple[float, ...], answers: dict[int, Verification]) -> None:
    literals = answers[id(CONFIRMED[name])].batches[0]
    assert literals.name == "literals"
    assert literals.before == pytest.approx(figures, rel=1e-5)
    assert literals.after == pytest.approx(TUTORIAL, rel=1e-5)
    assert literals.reference == pytest.approx(TUTORIAL, rel=1e-6)


def test_only_extreme_logits_tell_the_handwritten_one(answers: dict[int, Verification]) -> None:
    answer = answers[id(CONFIRMED["handwritten"])]
    assert "only extreme logits tell them apart" in answer.reason
    assert [batch.name for batch in answer.batches] == ["literals", "moderate", "extreme"]


def test_a_likelihood_is_compared_as_one(answers: dict[int, Verification]) -> None:
    assert "only extreme logits tell them apart" in answers[id(CONFIRMED["log-likelihood"])].reason


def test_an_exception_is_a_difference(answers: dict[int, Verification]) -> None:
    answer = answers[id(CONFIRMED["one-hot into sparse"])]
    assert isinstance(answer.batches[0].before, str)
    assert answer.batches[0].before.startswith("ValueError: ")
    assert "\n" not in answer.batches[0].before
    assert answer.batches[0].after == pytest.approx(TUTORIAL, rel=1e-5)


def test_keras_repair_is_named(answers: dict[int, Verification]) -> None:
    assert "Keras repaired it and warned" in answers[id(EQUIVALENT["repaired softmax"])].reason
    assert "Dropout's rate was set to 0" in answers[id(EQUIVALENT["repaired behind Dropout"])].reason


def test_a_clamp_is_named(answers: dict[int, Verification]) -> None:
    assert "saturates" in answers[id(CONFIRMED["Reshape behind the softmax"])].reason


def test_the_framework_is_named(answers: dict[int, Verification]) -> None:
    assert answers[id(CONFIRMED["softmax once"])].framework.startswith("TensorFlow 2")


def test_the_linter_itself_never_imports_tensorflow() -> None:
    heavy = "{'tensorflow', 'numpy'}.isdisjoint(sys.modules)"
    code = f"import sys, lintloss.confirm as c; c.available(); sys.exit(not {heavy})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(confirm.__file__).parents[2])
