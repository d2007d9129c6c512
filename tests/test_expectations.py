"""What a loss call ought to compute: references, labels and weights put together, against formulas of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lintloss.confirm.expectations import Expectation, NoReference, Weights
from lintloss.confirm.references import Options

Z = np.array([[2.0, 0.5, -1.0], [0.1, 0.0, 3.0]])
IDS = np.array([0, 2])
ROWS = np.eye(3)[IDS]


def cross_entropies(z: Any, ids: Any) -> Any:
    """`log(sum(exp(z))) - z[id]` for each row."""
    return np.log(np.exp(z).sum(-1)) - z[np.arange(len(ids)), ids]


def loss(intent: str, labels: Any, z: Any = Z, given: Weights | None = None, reduction: str = "mean") -> Any:
    return Expectation(intent, Options(), reduction).on(z, labels, given or Weights()).values


@pytest.mark.parametrize("intent", ["softmax_cross_entropy", "sparse_softmax_cross_entropy"])
@pytest.mark.parametrize("labels", [IDS, IDS[:, None], ROWS], ids=["ids", "a column of ids", "rows"])
def test_a_softmax_cross_entropy_takes_ids_and_rows(intent: str, labels: Any) -> None:
    """A fix may change the labels' form: the reference must not care."""
    assert loss(intent, labels) == pytest.approx(cross_entropies(Z, IDS).mean())


def test_weights_of_examples_weigh() -> None:
    weights = np.array([1.0, 3.0])
    found = loss("softmax_cross_entropy", ROWS, given=Weights(weights=weights), reduction="sum")
    assert found == pytest.approx((cross_entropies(Z, IDS) * weights).sum())


@pytest.mark.parametrize(
    ("intent", "labels", "z", "given"),
    [
        ("softmax_cross_entropy", np.array([0, 1, 2]), Z, Weights()),
        ("sparse_softmax_cross_entropy", np.array([[0, 1], [1, 2]]), Z, Weights()),
        ("sigmoid_cross_entropy", np.ones((4, 1)), Z, Weights()),
        ("softmax_cross_entropy", ROWS, Z, Weights(weights=np.ones(5))),
        ("squared_error", ROWS, Z, Weights(class_weights=np.ones(3))),
    ],
    ids=["too many ids", "ids of another shape", "other labels", "too many weights", "weights of classes"],
)
def test_what_does_not_go_together_has_no_reference(intent: str, labels: Any, z: Any, given: Weights) -> None:
    with pytest.raises(NoReference):
        loss(intent, labels, z, given)


def test_an_intent_without_a_reference_is_refused() -> None:
    with pytest.raises(NoReference, match="no reference for contrastive"):
        Expectation("contrastive", Options(), "mean")


def test_rows_are_laid_out_as_the_logits() -> None:
    expected = Expectation("softmax_cross_entropy", Options(), "mean")
    assert np.array_equal(expected.rows(IDS, (2, 3)), ROWS)
    assert np.array_equal(expected.rows(IDS[:, None], (2, 3)), ROWS)
    assert np.array_equal(expected.rows(ROWS, (2, 3)), ROWS)
    with pytest.raises(NoReference, match=r"shape \(3,\) do not fit logits of shape \(2, 3\)"):
        expected.rows(np.array([0, 1, 2]), (2, 3))
