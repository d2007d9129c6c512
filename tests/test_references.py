"""The float64 references against numbers worked out elsewhere, against differences, and against TensorFlow."""

from __future__ import annotations

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
