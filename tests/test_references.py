"""The float64 references against numbers worked out elsewhere, against differences, and against TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lintloss.confirm import references
from lintloss.confirm.references import Loss, Options, Pointwise, reduced

LOGITS = np.array([[2.0, 0.5, 6.0], [0.1, 0.0, 3.0]])
ONE_HOT = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
SOFT = np.array([[0.4, 0.1, 0.5], [0.3, 0.6, 0.1]])
BINARY = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
RNG = np.random.default_rng(3)

Case = tuple[Callable[..., Pointwise], Any, Options]
CASES: dict[str, Case] = {
    "softmax": (references.softmax_cross_entropy, SOFT, Options()),
    "softmax, first axis": (references.softmax_cross_entropy, ONE_HOT, Options(axis=0)),
    "softmax, smoothed": (references.softmax_cross_entropy, ONE_HOT, Options(label_smoothing=0.1)),
    "softmax, no distribution": (references.softmax_cross_entropy, BINARY * 2, Options()),
    "sparse": (references.sparse_softmax_cross_entropy, np.array([2, 1]), Options()),
    "sparse, ignored": (references.sparse_softmax_cross_entropy, np.array([2, -1]), Options(ignore_class=-1)),
    "sigmoid": (references.sigmoid_cross_entropy, BINARY, Options()),
    "sigmoid, averaged": (references.sigmoid_cross_entropy, BINARY, Options(rows="mean", label_smoothing=0.2)),
    "sigmoid, weighted": (references.sigmoid_cross_entropy, SOFT, Options(pos_weight=3.0)),
    "categorical focal": (references.categorical_focal, SOFT, Options()),
    "categorical focal, gamma 0": (references.categorical_focal, ONE_HOT, Options(gamma=0.0, alpha=1.0)),
    "binary focal": (references.binary_focal, BINARY, Options(rows="mean")),
    "binary focal, balanced": (references.binary_focal, SOFT, Options(balanced=True, gamma=1.5)),
    "softmax, weighted": (references.softmax_cross_entropy, SOFT, Options(class_weights=np.array([0.5, 2.0, 1.0]))),
    "softmax, weighted along the first axis": (
        references.softmax_cross_entropy,
        ONE_HOT,
        Options(axis=0, class_weights=np.array([0.5, 2.0])),
    ),
    "sparse, weighted": (
        references.sparse_softmax_cross_entropy,
        np.array([2, 0]),
        Options(ignore_class=0, class_weights=np.array([0.5, 2.0, 4.0])),
    ),
    "sparse, first axis": (references.sparse_softmax_cross_entropy, np.array([1, 0, 1]), Options(axis=0)),
    "margin": (references.multi_margin, np.array([1, 0]), Options(margin=3.0)),
    "margin, squared": (
        references.multi_margin,
        np.array([1, 0]),
        Options(margin=4.5, power=2, class_weights=np.array([0.5, 2.0, 4.0])),
    ),
    "divergence": (references.kl_divergence, SOFT, Options()),
    "divergence of logarithms": (references.kl_divergence, np.log(SOFT), Options(log_labels=True)),
    "binary focal, smoothed": (references.binary_focal, BINARY, Options(label_smoothing=0.2, gamma=3.0, rows="sum")),
    "categorical focal, smoothed": (references.categorical_focal, ONE_HOT, Options(label_smoothing=0.2, gamma=1.5)),
    "squared": (references.squared_error, SOFT, Options(rows="mean")),
    "absolute": (references.absolute_error, SOFT, Options()),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "mean_over_elements"])
def test_gradients_equal_differences(name: str, reduction: str) -> None:
    function, labels, options = CASES[name]

    def loss(z: Any) -> Loss:
        return reduced(function(z, labels, options), reduction)

    step = 1e-6
    numeric = np.zeros_like(LOGITS)
    for at in np.ndindex(*LOGITS.shape):
        shift = np.zeros_like(LOGITS)
        shift[at] = step
        numeric[at] = (loss(LOGITS + shift).values.sum() - loss(LOGITS - shift).values.sum()) / (2 * step)
    np.testing.assert_allclose(loss(LOGITS).gradient, numeric, atol=1e-8)


def test_the_tutorials_figures() -> None:
    hard = references.softmax_cross_entropy(LOGITS, ONE_HOT).values
    np.testing.assert_allclose(hard, [0.02215516, 3.0996735], rtol=1e-6)
    np.testing.assert_allclose(references.softmax_cross_entropy(LOGITS, SOFT).values, [2.1721554, 2.7696736], rtol=1e-6)
    sparse = references.sparse_softmax_cross_entropy(LOGITS, np.array([2, 1])).values
    np.testing.assert_array_equal(sparse, hard)


def test_closed_forms() -> None:
    zeros = np.zeros((2, 4))
    uniform = references.softmax_cross_entropy(zeros, np.eye(4)[:2])
    np.testing.assert_allclose(uniform.values, np.log(4))
    np.testing.assert_allclose(uniform.slopes, 0.25 - np.eye(4)[:2])
    np.testing.assert_allclose(references.sigmoid_cross_entropy(zeros, zeros).values, np.log(2))
    np.testing.assert_allclose(references.binary_focal(zeros, zeros).values, 0.25 * np.log(2))
    np.testing.assert_allclose(references.categorical_focal(zeros, np.eye(4)[:2]).values, 0.25 * 0.75**2 * np.log(4))


def test_extreme_logits_stay_finite() -> None:
    z = np.array([[1e4, -1e4, 0.0]])
    losses = references.softmax_cross_entropy(z, np.array([[0.0, 1.0, 0.0]]))
    np.testing.assert_array_equal(losses.values, [2e4])
    np.testing.assert_array_equal(losses.slopes, [[1.0, -1.0, 0.0]])
    np.testing.assert_array_equal(references.sigmoid_cross_entropy(z, 1 - (z > 0)).values, [[1e4, 1e4, np.log(2)]])
    for focal in (references.categorical_focal, references.binary_focal):
        found = focal(z, np.array([[0.0, 1.0, 0.0]]))
        assert np.isfinite(found.values).all()
        assert np.isfinite(found.slopes).all()


def test_a_clamp_bounds_the_loss() -> None:
    z = np.array([[1e4, -1e4]])
    clamped = references.softmax_cross_entropy(z, np.array([[0.0, 1.0]]), Options(clamp=1e-7))
    np.testing.assert_allclose(clamped.values, [16.118095], rtol=1e-6)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("none", [2.0, 0.0, 6.0]),
        ("sum", 8.0),
        ("sum_over_batch_size", 8 / 3),
        ("sum_by_nonzero_weights", 4.0),
        ("mean_with_sample_weight", 8 / 4),
    ],
)
def test_weighted_reductions(reduction: str, expected: Any) -> None:
    losses = Pointwise(np.array([1.0, 5.0, 3.0]), np.ones((3, 2)), -1)
    found = reduced(losses, reduction, np.array([2.0, 0.0, 2.0]))
    np.testing.assert_allclose(found.values, expected)
    assert found.gradient.shape == (3, 2)


def test_ignored_classes_do_not_count() -> None:
    losses = references.sparse_softmax_cross_entropy(LOGITS, np.array([2, -1]), Options(ignore_class=-1))
    np.testing.assert_allclose(reduced(losses, "mean").values, losses.values[0])
    assert not losses.slopes[1].any()


def test_weights_per_example_spread_over_the_rest() -> None:
    losses = references.sigmoid_cross_entropy(np.zeros((2, 3)), np.zeros((2, 3)))
    found = reduced(losses, "sum", np.array([1.0, 0.0]))
    np.testing.assert_allclose(found.values, 3 * np.log(2))


# -- the formulas again, number by number ----------------------------------------------------------------------------

WEIGHTS = np.array([0.5, 2.0, 4.0])


def shares(row: Any) -> list[float]:
    """A softmax, by its definition."""
    powers = [math.exp(each) for each in row]
    return [each / sum(powers) for each in powers]


def chance(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def cross_entropy(row: Any, labels: Any, weights: Any = (1, 1, 1)) -> float:
    return -sum(w * y * math.log(p) for w, y, p in zip(weights, labels, shares(row), strict=True))


def binary(z: float, y: float, positive: float = 1.0) -> float:
    return -positive * y * math.log(chance(z)) - (1 - y) * math.log(1 - chance(z))


def smooth(y: float, amount: float, classes: int) -> float:
    return (1 - amount) * y + amount / classes


def focal(z: float, y: float, gamma: float) -> float:
    missing = 1 - (y * chance(z) + (1 - y) * (1 - chance(z)))
    return float(missing**gamma) * binary(z, y)


def by_row(of_row: Callable[..., float], labels: Any, **more: Any) -> list[float]:
    return [of_row(row, own, **more) for row, own in zip(LOGITS, labels, strict=True)]


def by_number(of_number: Callable[..., float], labels: Any) -> list[list[float]]:
    return [[of_number(z, y) for z, y in zip(row, own, strict=True)] for row, own in zip(LOGITS, labels, strict=True)]


def hinges(row: Any, at: int, margin: float, power: int) -> float:
    return sum(max(0.0, margin - row[at] + z) ** power for c, z in enumerate(row) if c != at) / len(row)


def divergence(row: Any, labels: Any) -> float:
    return sum(y * (math.log(y) - math.log(p)) for y, p in zip(labels, shares(row), strict=True) if y)


DEFINITIONS: dict[str, tuple[Case, Any]] = {
    "softmax": ((references.softmax_cross_entropy, SOFT, Options()), by_row(cross_entropy, SOFT)),
    "softmax, weighted": (
        (references.softmax_cross_entropy, SOFT, Options(class_weights=WEIGHTS)),
        by_row(cross_entropy, SOFT, weights=WEIGHTS),
    ),
    "softmax, smoothed": (
        (references.softmax_cross_entropy, ONE_HOT, Options(label_smoothing=0.3)),
        by_row(cross_entropy, [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1]]),
    ),
    "softmax of columns": (
        (references.softmax_cross_entropy, ONE_HOT, Options(axis=0, class_weights=np.array([3.0, 5.0]))),
        [0.0, *(w * -math.log(shares(LOGITS[:, c])[at]) for c, at, w in ((1, 1, 5.0), (2, 0, 3.0)))],
    ),
    "sparse": (
        (references.sparse_softmax_cross_entropy, np.array([2, 0]), Options()),
        by_row(cross_entropy, [[0, 0, 1], [1, 0, 0]]),
    ),
    "sparse, weighted": (
        (references.sparse_softmax_cross_entropy, np.array([2, 0]), Options(class_weights=WEIGHTS)),
        by_row(cross_entropy, [[0, 0, 4.0], [0.5, 0, 0]]),
    ),
    "sparse, the first class ignored": (
        (references.sparse_softmax_cross_entropy, np.array([2, 0]), Options(ignore_class=0)),
        [cross_entropy(LOGITS[0], [0, 0, 1]), 0.0],
    ),
    "sparse columns": (
        (references.sparse_softmax_cross_entropy, np.array([1, 0, 1]), Options(axis=0)),
        [-math.log(shares(LOGITS[:, c])[at]) for c, at in enumerate([1, 0, 1])],
    ),
    "sigmoid": ((references.sigmoid_cross_entropy, SOFT, Options()), by_number(binary, SOFT)),
    "sigmoid, positives weighted": (
        (references.sigmoid_cross_entropy, SOFT, Options(pos_weight=3.0)),
        by_number(lambda z, y: binary(z, y, 3.0), SOFT),
    ),
    "sigmoid, classes weighted": (
        (references.sigmoid_cross_entropy, SOFT, Options(class_weights=WEIGHTS)),
        np.array(by_number(binary, SOFT)) * WEIGHTS,
    ),
    "sigmoid, smoothed": (
        (references.sigmoid_cross_entropy, BINARY, Options(label_smoothing=0.2)),
        by_number(lambda z, y: binary(z, smooth(y, 0.2, 2)), BINARY),
    ),
    "sigmoid, rows averaged": (
        (references.sigmoid_cross_entropy, BINARY, Options(rows="mean")),
        np.array(by_number(binary, BINARY)).sum(1) / 3,
    ),
    "sigmoid, rows summed": (
        (references.sigmoid_cross_entropy, BINARY, Options(rows="sum")),
        np.array(by_number(binary, BINARY)).sum(1),
    ),
    "categorical focal": (
        (references.categorical_focal, SOFT, Options(gamma=3.0, alpha=0.5)),
        by_row(
            lambda row, own: -sum(0.5 * (1 - p) ** 3 * y * math.log(p) for p, y in zip(shares(row), own, strict=True)),
            SOFT,
        ),
    ),
    "categorical focal, smoothed": (
        (references.categorical_focal, ONE_HOT, Options(gamma=1.0, alpha=1.0, label_smoothing=0.3)),
        by_row(
            lambda row, own: -sum((1 - p) * y * math.log(p) for p, y in zip(shares(row), own, strict=True)),
            [[0.1, 0.1, 0.8], [0.1, 0.8, 0.1]],
        ),
    ),
    "binary focal": (
        (references.binary_focal, SOFT, Options(gamma=3.0)),
        by_number(lambda z, y: focal(z, y, 3.0), SOFT),
    ),
    "binary focal, balanced": (
        (references.binary_focal, BINARY, Options(alpha=0.3, balanced=True)),
        by_number(lambda z, y: (0.3 if y else 0.7) * focal(z, y, 2.0), BINARY),
    ),
    "binary focal, smoothed": (
        (references.binary_focal, BINARY, Options(label_smoothing=0.2, rows="mean")),
        np.array(by_number(lambda z, y: focal(z, smooth(y, 0.2, 2), 2.0), BINARY)).sum(1) / 3,
    ),
    "margin": (
        (references.multi_margin, np.array([1, 0]), Options()),
        [hinges(row, at, 1.0, 1) for row, at in zip(LOGITS, [1, 0], strict=True)],
    ),
    "margin, squared": (
        (references.multi_margin, np.array([1, 0]), Options(margin=4.5, power=2, class_weights=WEIGHTS)),
        [w * hinges(row, at, 4.5, 2) for row, at, w in zip(LOGITS, [1, 0], [2.0, 0.5], strict=True)],
    ),
    "divergence": ((references.kl_divergence, SOFT, Options()), by_row(divergence, SOFT)),
    "divergence of one-hot rows": ((references.kl_divergence, ONE_HOT, Options()), by_row(cross_entropy, ONE_HOT)),
    "divergence of logarithms": (
        (references.kl_divergence, np.log(SOFT), Options(log_labels=True)),
        by_row(divergence, SOFT),
    ),
    "divergence of columns": (
        (references.kl_divergence, np.array([[0.5, 0.2, 1.0], [0.5, 0.8, 0.0]]), Options(axis=0)),
        [divergence(LOGITS[:, c], own) for c, own in enumerate([[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]])],
    ),
    "divergence, not summed": (
        (references.kl_divergence, SOFT, Options(elementwise=True)),
        [
            [y * (math.log(y) - math.log(p)) for y, p in zip(own, shares(row), strict=True)]
            for row, own in zip(LOGITS, SOFT, strict=True)
        ],
    ),
    "squared": ((references.squared_error, SOFT, Options()), by_number(lambda z, y: (z - y) ** 2, SOFT)),
    "squared, of one row": (
        (references.squared_error, SOFT[0], Options(rows="sum")),
        [sum((z - y) ** 2 for z, y in zip(row, SOFT[0], strict=True)) for row in LOGITS],
    ),
    "absolute": (
        (references.absolute_error, SOFT, Options(rows="mean")),
        [sum(abs(z - y) for z, y in zip(row, own, strict=True)) / 3 for row, own in zip(LOGITS, SOFT, strict=True)],
    ),
}


@pytest.mark.parametrize(("case", "values"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_losses_are_what_their_definitions_say(case: Case, values: Any) -> None:
    function, labels, options = case
    found = function(LOGITS, labels, options)
    np.testing.assert_allclose(found.values, values, rtol=1e-12)
    assert found.slopes.shape == LOGITS.shape
    if found.axis is not None:
        assert found.values.shape == np.delete(LOGITS.shape, found.axis)


def test_a_mean_counts_what_weighs() -> None:
    ids = np.array([2, 0])
    ignored = references.sparse_softmax_cross_entropy(LOGITS, ids, Options(ignore_class=0))
    assert ignored.counts is not None
    np.testing.assert_array_equal(ignored.counts, [1, 0])
    weighted = references.sparse_softmax_cross_entropy(LOGITS, ids, Options(class_weights=WEIGHTS))
    assert weighted.counts is not None
    np.testing.assert_array_equal(weighted.counts, [4, 0.5])
    both = references.sparse_softmax_cross_entropy(LOGITS, ids, Options(ignore_class=0, class_weights=WEIGHTS))
    assert both.counts is not None
    np.testing.assert_array_equal(both.counts, [4, 0])
    assert references.sparse_softmax_cross_entropy(LOGITS, ids).counts is None
    np.testing.assert_allclose(reduced(weighted, "mean").values, weighted.values.sum() / 4.5)
    np.testing.assert_allclose(reduced(weighted, "mean").gradient, weighted.slopes / 4.5)


def test_what_a_mask_hides_does_not_count() -> None:
    losses = references.sparse_softmax_cross_entropy(LOGITS, np.array([2, 0]))
    once = references.masked(losses, np.array([True, False]))
    np.testing.assert_array_equal(once.values, [losses.values[0], 0])
    np.testing.assert_array_equal(once.slopes, [losses.slopes[0], [0, 0, 0]])
    np.testing.assert_array_equal(once.counts if once.counts is not None else [], [1, 0])
    assert once.axis == losses.axis
    weighted = references.sparse_softmax_cross_entropy(LOGITS, np.array([2, 0]), Options(class_weights=WEIGHTS))
    twice = references.masked(weighted, np.array([False, True]))
    np.testing.assert_array_equal(twice.counts if twice.counts is not None else [], [0, 0.5])


def test_weights_of_classes_are_those_of_the_largest_label() -> None:
    found = references.class_weights(np.array([[0.1, 0.7, 0.2], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), {1: 3.0, 2: 0.5})
    np.testing.assert_array_equal(found, [3.0, 1.0, 0.5])
    assert found.dtype == np.float64


def test_one_hot_rows() -> None:
    np.testing.assert_array_equal(references.one_hot(np.array([1, -1, 3]), 3), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert references.one_hot(np.array([[0, 1]]), 2).shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("z", "y", "bound", "value"),
    [
        (-100.0, 1.0, 1e-7, -math.log(1e-7)),
        (100.0, 1.0, 1e-7, -math.log(float(np.float32(1) - np.float32(1e-7)))),
        (-100.0, 0.0, 1e-7, -math.log(1 - 1e-7)),
        (100.0, 0.0, 1e-7, -math.log(1 - float(np.float32(1) - np.float32(1e-7)))),
        (0.5, 1.0, 1e-7, binary(0.5, 1.0)),
        (0.5, 0.0, 1e-7, binary(0.5, 0.0)),
        (-300.0, 1.0, -100.0, 100.0),
        (300.0, 0.0, -100.0, 100.0),
        (0.5, 1.0, -100.0, binary(0.5, 1.0)),
        (0.5, 0.0, -100.0, binary(0.5, 0.0)),
        (300.0, 1.0, -100.0, 0.0),
    ],
)
def test_a_clamp_bounds_binary_losses_on_either_side(z: float, y: float, bound: float, value: float) -> None:
    found = references.sigmoid_cross_entropy(np.array([z]), np.array([y]), Options(clamp=bound))
    np.testing.assert_allclose(found.values, [value], rtol=1e-9, atol=1e-100)
    if bound > 0:
        gammas = references.binary_focal(np.array([z]), np.array([y]), Options(clamp=bound, gamma=0.0))
        np.testing.assert_allclose(gammas.values, [value], rtol=1e-9)


def test_a_clamp_bounds_categorical_losses() -> None:
    z, y = np.array([[300.0, 0.0, -300.0]]), np.array([[0.2, 0.3, 0.5]])
    top = float(np.float32(1) - np.float32(1e-3))
    expected = -(0.2 * math.log(top) + 0.8 * math.log(1e-3))
    np.testing.assert_allclose(references.softmax_cross_entropy(z, y, Options(clamp=1e-3)).values, [expected])
    np.testing.assert_allclose(references.softmax_cross_entropy(z, y, Options(clamp=-50.0)).values, [0.8 * 50])
    focal_loss = references.categorical_focal(z, y, Options(clamp=1e-3, alpha=1.0))
    np.testing.assert_allclose(focal_loss.values, [-0.8 * math.log(1e-3)])


def test_activations() -> None:
    z = np.array([[-800.0, 0.0, 800.0]])
    np.testing.assert_allclose(references.softplus(z), [[0.0, math.log(2), 800.0]])
    np.testing.assert_allclose(references.sigmoid(z), [[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(references.log_softmax(z), [[-1600.0, -800.0, 0.0]])
    np.testing.assert_allclose(np.exp(references.log_softmax(LOGITS)), [shares(row) for row in LOGITS])
    np.testing.assert_allclose(np.exp(references.log_softmax(LOGITS, 0)).T, [shares(row) for row in LOGITS.T])


def test_rows_far_apart_do_not_disturb_each_other() -> None:
    apart = np.array([[1000.0, 1000.0], [-1000.0, -1000.0]])
    np.testing.assert_allclose(references.log_softmax(apart), np.full((2, 2), -math.log(2)))


def test_classes_stand_last_where_there_are_more_axes() -> None:
    deep, ids = LOGITS.reshape(2, 1, 3), np.array([[1], [0]])
    for function in (references.multi_margin, references.sparse_softmax_cross_entropy):
        flat = function(LOGITS, ids[:, 0], Options(class_weights=WEIGHTS))
        found = function(deep, ids, Options(class_weights=WEIGHTS))
        np.testing.assert_allclose(found.values, flat.values.reshape(2, 1))
        np.testing.assert_allclose(found.slopes, flat.slopes.reshape(2, 1, 3))


@pytest.mark.parametrize(
    ("reduction", "factor"),
    [
        ("none", 1),
        ("sum", 1),
        ("mean", 1 / 3),
        ("sum_over_batch_size", 1 / 3),
        ("mean_over_elements", 1 / 6),
        ("sum_by_nonzero_weights", 1 / 2),
        ("mean_with_sample_weight", 1 / 7),
    ],
)
def test_gradients_are_weighed_and_reduced_as_the_losses_are(reduction: str, factor: float) -> None:
    losses = Pointwise(np.array([1.0, 5.0, 3.0]), np.arange(6.0).reshape(3, 2), -1)
    found = reduced(losses, reduction, np.array([[3.0], [0.0], [4.0]]))
    np.testing.assert_allclose(found.gradient, factor * np.array([[0, 3.0], [0, 0], [16.0, 20.0]]))
    expected = factor * np.array([3.0, 0.0, 12.0])
    np.testing.assert_allclose(found.values, expected if reduction == "none" else expected.sum())


def test_nothing_to_count_is_no_division_by_zero() -> None:
    losses = Pointwise(np.array([1.0, 5.0]), np.ones((2, 2)), -1)
    assert reduced(losses, "mean_with_sample_weight", np.zeros(2)).values == 0
    assert reduced(losses, "sum", 2.0).values == 12


@pytest.mark.parametrize(
    ("weights", "spread"),
    [
        (np.array([2.0, 3.0]), [[2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]),
        (np.array([[2.0], [3.0]]), [[2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]),
        (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3)),
        (np.arange(6.0).reshape(2, 3, 1), np.arange(6.0).reshape(2, 3)),
        (np.array(2.0), np.full((2, 3), 2.0)),
        (None, np.ones((2, 3))),
    ],
)
def test_how_weights_spread(weights: Any, spread: Any) -> None:
    losses = Pointwise(np.ones((2, 3)), np.ones((2, 3)))
    found = reduced(losses, "none", weights)
    np.testing.assert_array_equal(found.values, spread)
    np.testing.assert_array_equal(found.gradient, spread)


class TestAgainstTensorFlow:
    """The same numbers from TensorFlow and Keras in float64, gradients from their tapes."""

    Z = RNG.normal(scale=3, size=(4, 5))
    DENSE = np.eye(5)[[0, 3, 1, 4]]
    BITS = RNG.integers(0, 2, (4, 5)).astype(float)
    WEIGHTS = np.array([1.0, 0.0, 2.5, 0.5])

    def measured(self, function: Callable[[Any, Any], Any], z: Any = None) -> tuple[Any, Any]:
        tf = pytest.importorskip("tensorflow")
        logits = tf.constant(self.Z if z is None else z, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = function(tf, logits)
        return loss.numpy(), tape.gradient(loss, logits).numpy()

    def agree(self, measured: tuple[Any, Any], reference: Loss) -> None:
        np.testing.assert_allclose(measured[0], reference.values, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(measured[1], reference.gradient, rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("axis", [-1, 0])
    def test_softmax(self, axis: int) -> None:
        # TensorFlow's gradient takes for granted that labels sum to one.
        labels = self.DENSE if axis == -1 else np.eye(4)[[0, 3, 1, 1, 2]].T
        found = self.measured(lambda tf, z: tf.nn.softmax_cross_entropy_with_logits(labels, z, axis=axis))
        expected = references.softmax_cross_entropy(self.Z, labels, Options(axis=axis))
        self.agree(found, reduced(expected, "none"))

    def test_weighted_sigmoid(self) -> None:
        found = self.measured(lambda tf, z: tf.nn.weighted_cross_entropy_with_logits(self.BITS, z, 3.0))
        expected = references.sigmoid_cross_entropy(self.Z, self.BITS, Options(pos_weight=3.0))
        self.agree(found, reduced(expected, "none"))

    def test_version_1_counts_nonzero_weights(self) -> None:
        def loss(tf: Any, z: Any) -> Any:
            return tf.compat.v1.losses.softmax_cross_entropy(self.DENSE, z, self.WEIGHTS, label_smoothing=0.1)

        # It computes in float32 where the labels make it so.
        found = self.measured(loss)
        expected = references.softmax_cross_entropy(self.Z, self.DENSE, Options(label_smoothing=0.1))
        wanted = reduced(expected, "sum_by_nonzero_weights", self.WEIGHTS)
        np.testing.assert_allclose(found[0], wanted.values, rtol=1e-6)
        np.testing.assert_allclose(found[1], wanted.gradient, atol=1e-6)

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"])
    def test_keras_objects(self, reduction: str) -> None:
        keras = pytest.importorskip("keras")
        made = keras.losses.BinaryCrossentropy(
            from_logits=True, reduction=reduction, label_smoothing=0.1, dtype="float64"
        )
        found = self.measured(lambda tf, z: made(self.BITS, z, sample_weight=self.WEIGHTS))
        expected = references.sigmoid_cross_entropy(self.Z, self.BITS, Options(label_smoothing=0.1, rows="mean"))
        self.agree(found, reduced(expected, reduction, self.WEIGHTS))

    def test_keras_ignores_a_class(self) -> None:
        keras = pytest.importorskip("keras")
        made = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, dtype="float64")
        ids = np.array([1, -1, 0, 4])
        found = self.measured(lambda tf, z: made(ids, z))
        expected = references.sparse_softmax_cross_entropy(self.Z, ids, Options(ignore_class=-1))
        self.agree(found, reduced(expected, "sum_over_batch_size"))

    def test_keras_focal(self) -> None:
        keras = pytest.importorskip("keras")
        z = np.clip(self.Z, -4, 4)
        categorical = keras.losses.CategoricalFocalCrossentropy(from_logits=True, gamma=3.0, dtype="float64")
        found = self.measured(lambda tf, logits: categorical(self.DENSE, logits), z)
        self.agree(found, reduced(references.categorical_focal(z, self.DENSE, Options(gamma=3.0)), "mean"))
        binary = keras.losses.BinaryFocalCrossentropy(True, from_logits=True, dtype="float64")
        found = self.measured(lambda tf, logits: binary(self.BITS, logits), z)
        expected = references.binary_focal(z, self.BITS, Options(balanced=True, rows="mean"))
        self.agree(found, reduced(expected, "mean"))

    def test_keras_masks(self) -> None:
        keras = pytest.importorskip("keras")
        tf = pytest.importorskip("tensorflow")
        made = keras.losses.CategoricalCrossentropy(from_logits=True, dtype="float64")
        mask = np.array([True, False, True, True])
        logits = tf.constant(self.Z, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            prediction = tf.identity(logits)
            keras.src.backend.set_keras_mask(prediction, tf.constant(mask))
            loss = made(self.DENSE, prediction)
        expected = references.masked(references.softmax_cross_entropy(self.Z, self.DENSE), mask)
        gradient = tape.gradient(loss, logits).numpy()
        self.agree((loss.numpy(), gradient), reduced(expected, "sum_over_batch_size"))

    def test_keras_class_weights(self) -> None:
        keras = pytest.importorskip("keras")
        weights = {0: 2.0, 3: 0.5}
        model = keras.Sequential([keras.Input((5,), dtype="float64"), keras.layers.Identity(dtype="float64")])
        made = keras.losses.CategoricalCrossentropy(from_logits=True, dtype="float64")
        model.compile("sgd", loss=made)
        found = model.train_on_batch(self.Z, self.DENSE, class_weight=weights, return_dict=True)["loss"]
        given = references.class_weights(self.DENSE, weights)
        np.testing.assert_array_equal(given, [2.0, 0.5, 1.0, 1.0])
        losses = references.softmax_cross_entropy(self.Z, self.DENSE)
        np.testing.assert_allclose(found, reduced(losses, "sum_over_batch_size", given).values, rtol=1e-6)
