"""Evidence: what training both versions on a small separable problem shows, against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from confirm_terms import (
    SOFTMAX_LOSS,
    SPARSE_LOSS,
    UNKNOWN_Y,
    UNKNOWN_Z,
    Y,
    Z,
    call,
    dense,
    fused,
    named,
    softmax,
)

from lintloss import confirm
from lintloss.confirm import Request
from lintloss.confirm.learning import EVERY, STEPS
from lintloss.finding import Evidence, Learned

pytestmark = pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow")

REQUESTS = {
    "softmax once": Request(
        fused(SOFTMAX_LOSS, Y, softmax(Z)), fused(SOFTMAX_LOSS, Y, Z), "softmax_cross_entropy", Z, Y, "one_hot"
    ),
    "five classes": Request(
        fused(SPARSE_LOSS, UNKNOWN_Y, softmax(UNKNOWN_Z)),
        fused(SPARSE_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "sparse_softmax_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "class_ids",
        classes=5,
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
    "squared error on softmax": Request(
        named(dense(4, "softmax"), "mean_squared_error"),
        named(dense(4, "softmax"), "categorical_crossentropy"),
        "softmax_cross_entropy",
        encoding="one_hot",
    ),
    "squared error that is meant": Request(
        named(dense(1, "sigmoid"), "mean_squared_error"),
        named(dense(1), "mean_squared_error"),
        "squared_error",
        encoding="continuous",
    ),
    "squared error on sigmoid": Request(
        named(dense(1, "sigmoid"), "mean_squared_error"),
        named(dense(1, "sigmoid"), "binary_crossentropy"),
        "sigmoid_cross_entropy",
        encoding="binary",
    ),
    "ids into dense": Request(
        fused(SOFTMAX_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        fused(SPARSE_LOSS, UNKNOWN_Y, UNKNOWN_Z),
        "sparse_softmax_cross_entropy",
        UNKNOWN_Z,
        UNKNOWN_Y,
        "class_ids",
        shape=(None, 3),
    ),
    "nothing rewritten": Request(fused(SOFTMAX_LOSS, Y, softmax(Z)), None, "softmax_cross_entropy", Z, Y, "one_hot"),
}


@pytest.fixture(scope="module")
def shown() -> dict[str, Evidence | None]:
    answers = confirm.verify([replace(request, with_evidence=True) for request in REQUESTS.values()])
    return {name: answer.evidence for name, answer in zip(REQUESTS, answers, strict=True)}


def both(evidence: Evidence | None) -> tuple[Learned, Learned]:
    assert evidence is not None
    assert isinstance(evidence.before, Learned)
    assert isinstance(evidence.after, Learned)
    return evidence.before, evidence.after


def wrong_gradient(classes: int) -> float:
    """|p - y| where the right class has a vanishing probability and the others share the rest."""
    return math.sqrt(1 + 1 / (classes - 1))


@pytest.mark.parametrize(("name", "classes"), [("softmax once", 3), ("five classes", 5), ("second axis", 3)])
def test_a_softmax_too_many_has_a_floor(name: str, classes: int, shown: dict[str, Evidence | None]) -> None:
    before, after = both(shown[name])
    assert before.lowest == pytest.approx(math.log(1 + (classes - 1) / math.e), rel=1e-5)
    assert after.lowest == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "classes"), [("softmax once", 3), ("five classes", 5), ("squared error on softmax", 4)]
)
def test_a_confidently_wrong_example_teaches_again(name: str, classes: int, shown: dict[str, Evidence | None]) -> None:
    before, after = both(shown[name])
    assert after.gradient == pytest.approx(wrong_gradient(classes), rel=1e-3)
    assert before.gradient < 1e-4


def test_a_sigmoids_squared_error_teaches_nothing_where_wrong(shown: dict[str, Evidence | None]) -> None:
    before, after = both(shown["squared error on sigmoid"])
    p = 1 / (1 + math.exp(12))
    assert before.gradient == pytest.approx(2 * (1 - p) * p * (1 - p), rel=1e-2)
    assert after.gradient == pytest.approx(1 - p, rel=1e-3)


@pytest.mark.parametrize(
    "name", ["softmax once", "five classes", "squared error on softmax", "squared error on sigmoid"]
)
def test_the_same_start_leads_further_after_the_fix(name: str, shown: dict[str, Evidence | None]) -> None:
    before, after = both(shown[name])
    assert before.intended[0] == pytest.approx(after.intended[0], rel=1e-5)
    assert after.intended[-1] < before.intended[-1]
    assert after.accuracy is not None
    assert before.accuracy is not None
    assert after.accuracy >= before.accuracy
    assert after.accuracy > 0.8


def test_there_is_a_figure_for_each_step_that_is_named(shown: dict[str, Evidence | None]) -> None:
    evidence = shown["five classes"]
    assert evidence is not None
    assert evidence.steps == tuple(range(0, STEPS + 1, EVERY))
    assert all(len(side.intended) == len(evidence.steps) for side in both(evidence))


def test_what_cannot_be_trained_says_why(shown: dict[str, Evidence | None]) -> None:
    evidence = shown["ids into dense"]
    assert evidence is not None
    assert isinstance(evidence.before, str)
    assert "Error" in evidence.before
    assert isinstance(evidence.after, Learned)


def test_without_a_rewritten_loss_there_is_none(shown: dict[str, Evidence | None]) -> None:
    assert shown["nothing rewritten"] is None


def test_targets_that_are_no_classes_have_no_accuracy(shown: dict[str, Evidence | None]) -> None:
    before, after = both(shown["squared error that is meant"])
    assert before.accuracy is after.accuracy is None
