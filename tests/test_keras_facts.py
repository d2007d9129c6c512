"""What Keras on TensorFlow does with misused losses, measured: one test per fact that the rules rely on.

Keras repairs some misuse without a word: `sigmoid` and `softmax` attach the tensor that they were given to their
result, and the loss functions use it when they find it. Severities, and what the runtime checker calls
equivalent, follow from these facts. A Keras that behaves otherwise turns this file red. Every reference is
written out in float64 NumPy from the formula.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

if keras.backend.backend() != "tensorflow":
    pytest.skip("the repair belongs to Keras' TensorFlow backend", allow_module_level=True)

EXAMPLES, FEATURES, CLASSES = 8, 4, 3
CLAMP = 1e-7
Array = np.ndarray[Any, Any]


# -- references -----------------------------------------------------------------------------------------------------


def softmax(scores: Array) -> Array:
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def sigmoid(scores: Array) -> Array:
    return np.where(scores >= 0, 1 / (1 + np.exp(-np.abs(scores))), 1 - 1 / (1 + np.exp(-np.abs(scores))))


def softmax_cross_entropy(labels: Array, scores: Array) -> float:
    shifted = scores - scores.max(axis=-1, keepdims=True)
    logarithms = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return float(-(labels * logarithms).sum(axis=-1).mean())


def sigmoid_cross_entropy(labels: Array, scores: Array) -> float:
    losses = np.maximum(scores, 0) - scores * labels + np.log1p(np.exp(-np.abs(scores)))
    return float(losses.mean())


def clipped(values: Array) -> Array:
    return np.clip(values, CLAMP, 1 - CLAMP)


def categorical_cross_entropy(labels: Array, probabilities: Array) -> float:
    shares = clipped(probabilities / probabilities.sum(axis=-1, keepdims=True))
    return float(-(labels * np.log(shares)).sum(axis=-1).mean())


def sparse_categorical_cross_entropy(ids: Array, probabilities: Array) -> float:
    return softmax_cross_entropy(np.eye(probabilities.shape[-1])[ids], np.log(clipped(probabilities)))


def binary_cross_entropy(labels: Array, probabilities: Array) -> float:
    p = clipped(probabilities)
    return float(-(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean())


# -- measuring ------------------------------------------------------------------------------------------------------


def data(classes: int = CLASSES, scale: float = 2.0) -> tuple[Array, Array]:
    random = np.random.default_rng(7)
    inputs = random.normal(size=(EXAMPLES, FEATURES)).astype("float32") * scale
    ids = random.integers(0, classes, size=EXAMPLES)
    return inputs, ids


def one_hot(ids: Array, classes: int = CLASSES) -> Array:
    return np.eye(classes)[ids]


def network(*heads: Any, units: int = CLASSES) -> Any:
    """A linear layer called `scores` and what is to follow it."""
    keras.utils.set_random_seed(3)
    scores = keras.layers.Dense(units, name="scores", dtype="float32")
    return keras.Sequential([keras.Input((FEATURES,)), scores, *heads])


def scores_of(model: Any, inputs: Array) -> Array:
    kernel, bias = (weights.astype("float64") for weights in model.get_layer("scores").get_weights())
    return inputs.astype("float64") @ kernel + bias


class Measured:
    """The loss of the first training step, and whether Keras warned of it."""

    def __init__(self, loss: float, messages: list[str]) -> None:
        self.loss = loss
        self.messages = messages

    def warns(self, text: str = "from_logits") -> bool:
        return any(text in message for message in self.messages)


def fit(model: Any, loss: Any, inputs: Array, labels: Array, **options: Any) -> Measured:
    """One step on all examples at once: the loss is that of the weights before the step."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss=loss, **options)
        history = model.fit(inputs, labels, batch_size=EXAMPLES, epochs=1, shuffle=False, verbose=0)
    return Measured(history.history["loss"][0], [str(warning.message) for warning in caught])


def taped(model: Any, loss: Callable[..., Any], inputs: Array, labels: Array) -> Measured:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with tf.GradientTape():
            value = tf.reduce_mean(loss(labels, model(inputs, training=True)))
    return Measured(float(value), [str(warning.message) for warning in caught])


def categorical(**options: Any) -> Any:
    return keras.losses.CategoricalCrossentropy(**options)


def binary(**options: Any) -> Any:
    return keras.losses.BinaryCrossentropy(**options)


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    keras.backend.clear_session()
    yield
    keras.config.set_dtype_policy("float32")


# -- softmax and from_logits=True ------------------------------------------------------------------------------------

SOFTMAX_HEADS = {
    "Activation": lambda: keras.layers.Activation("softmax"),
    "Softmax": lambda: keras.layers.Softmax(),
    "Dense": lambda: keras.layers.Dense(CLASSES, activation="softmax", kernel_initializer="identity", trainable=False),
}
MODES: dict[str, dict[str, Any]] = {
    "fit": {"jit_compile": False},
    "eager": {"run_eagerly": True, "jit_compile": False},
    "jit": {"jit_compile": True},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("head", SOFTMAX_HEADS)
def test_softmax_directly_before_the_loss_is_repaired_with_a_warning(head: str, mode: str) -> None:
    inputs, ids = data()
    model = network(SOFTMAX_HEADS[head]())
    right = softmax_cross_entropy(one_hot(ids), scores_of(model, inputs))
    measured = fit(model, categorical(from_logits=True), inputs, one_hot(ids), **MODES[mode])
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert measured.warns()


def test_softmax_and_dropout_of_nothing_is_repaired_with_a_warning() -> None:
    inputs, ids = data()
    model = network(keras.layers.Softmax(), keras.layers.Dropout(0))
    right = softmax_cross_entropy(one_hot(ids), scores_of(model, inputs))
    measured = fit(model, categorical(from_logits=True), inputs, one_hot(ids))
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert measured.warns()


AFTERWARDS = {
    "Reshape": lambda: keras.layers.Reshape((CLASSES,)),
    "an operation": lambda: keras.layers.Lambda(lambda probabilities: probabilities * 1.0),
}


@pytest.mark.parametrize("after", AFTERWARDS)
def test_anything_after_the_softmax_loses_the_repair_without_a_warning(after: str) -> None:
    inputs, ids = data()
    model = network(keras.layers.Softmax(), AFTERWARDS[after]())
    scores = scores_of(model, inputs)
    measured = fit(model, categorical(from_logits=True), inputs, one_hot(ids))
    assert measured.loss == pytest.approx(softmax_cross_entropy(one_hot(ids), softmax(scores)), rel=1e-4)
    assert measured.loss != pytest.approx(softmax_cross_entropy(one_hot(ids), scores), rel=1e-2)
    assert not measured.warns()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_loses_the_repair_without_a_warning(policy: str) -> None:
    inputs, ids = data()
    keras.config.set_dtype_policy(policy)
    model = network(keras.layers.Softmax())
    scores = scores_of(model, inputs)
    measured = fit(model, categorical(from_logits=True), inputs, one_hot(ids))
    assert measured.loss == pytest.approx(softmax_cross_entropy(one_hot(ids), softmax(scores)), rel=1e-2)
    assert measured.loss != pytest.approx(softmax_cross_entropy(one_hot(ids), scores), rel=1e-1)
    assert not measured.warns()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_float32_softmax_under_mixed_precision_is_repaired_with_a_warning(policy: str) -> None:
    inputs, ids = data()
    keras.config.set_dtype_policy(policy)
    model = network(keras.layers.Softmax(dtype="float32"))
    right = softmax_cross_entropy(one_hot(ids), scores_of(model, inputs))
    measured = fit(model, categorical(from_logits=True), inputs, one_hot(ids))
    assert measured.loss == pytest.approx(right, rel=1e-2)
    assert measured.warns()


FOREIGN_HEADS = {
    "Lambda": lambda: keras.layers.Lambda(lambda scores: tf.nn.softmax(scores)),
    "Activation": lambda: keras.layers.Activation(tf.nn.softmax),
}


@pytest.mark.parametrize("head", FOREIGN_HEADS)
def test_the_softmax_of_tensorflow_is_repaired_in_fit_only(head: str) -> None:
    inputs, ids = data()
    model = network(FOREIGN_HEADS[head]())
    scores = scores_of(model, inputs)
    eager = taped(model, categorical(from_logits=True), inputs, one_hot(ids))
    assert eager.loss == pytest.approx(softmax_cross_entropy(one_hot(ids), softmax(scores)), rel=1e-4)
    assert not eager.warns()
    fitted = fit(model, categorical(from_logits=True), inputs, one_hot(ids), jit_compile=False)
    assert fitted.loss == pytest.approx(softmax_cross_entropy(one_hot(ids), scores), rel=1e-4)
    assert fitted.warns()


def test_dropout_after_the_softmax_is_right_in_evaluate_and_wrong_in_training() -> None:
    inputs, ids = data()
    model = network(keras.layers.Softmax(), keras.layers.Dropout(0.5))
    right = softmax_cross_entropy(one_hot(ids), scores_of(model, inputs))
    model.compile(loss=categorical(from_logits=True))
    with pytest.warns(UserWarning, match="from_logits"):
        evaluated = model.evaluate(inputs, one_hot(ids), batch_size=EXAMPLES, verbose=0)
    assert evaluated == pytest.approx(right, rel=1e-4)
    assert fit(model, categorical(from_logits=True), inputs, one_hot(ids)).loss != pytest.approx(right, rel=1e-2)


# -- losses that repair nothing --------------------------------------------------------------------------------------


def test_the_loss_functions_of_tensorflow_repair_nothing() -> None:
    inputs, ids = data()
    model = network(keras.layers.Softmax())
    scores = scores_of(model, inputs)

    def loss(labels: Any, outputs: Any) -> Any:
        return tf.nn.softmax_cross_entropy_with_logits(tf.cast(labels, outputs.dtype), outputs)

    twice = softmax_cross_entropy(one_hot(ids), softmax(scores))
    assert twice != pytest.approx(softmax_cross_entropy(one_hot(ids), scores), rel=1e-2)
    for measured in (
        fit(network(keras.layers.Softmax()), loss, inputs, one_hot(ids)),
        taped(model, loss, inputs, one_hot(ids)),
    ):
        assert measured.loss == pytest.approx(twice, rel=1e-4)
        assert not measured.warns()


def test_the_sigmoid_loss_of_tensorflow_repairs_nothing() -> None:
    inputs, ids = data(2)
    labels = ids[:, None].astype("float32")
    model = network(keras.layers.Activation("sigmoid"), units=1)
    scores = scores_of(model, inputs)

    def loss(truth: Any, outputs: Any) -> Any:
        return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(truth, outputs.dtype), outputs)

    twice = sigmoid_cross_entropy(labels, sigmoid(scores))
    assert twice != pytest.approx(sigmoid_cross_entropy(labels, scores), rel=1e-2)
    measured = fit(model, loss, inputs, labels)
    assert measured.loss == pytest.approx(twice, rel=1e-4)
    assert not measured.warns()


def test_the_categorical_focal_loss_repairs_nothing() -> None:
    inputs, ids = data()
    model = network(keras.layers.Softmax())
    p = clipped(softmax(softmax(scores_of(model, inputs))))
    twice = (0.25 * (1 - p) ** 2 * -np.log(p) * one_hot(ids)).sum(axis=-1).mean()
    measured = fit(model, keras.losses.CategoricalFocalCrossentropy(from_logits=True), inputs, one_hot(ids))
    assert measured.loss == pytest.approx(twice, rel=1e-4)
    assert not measured.warns()


def test_the_binary_focal_loss_repairs_nothing() -> None:
    inputs, ids = data(2)
    labels = ids[:, None].astype("float32")
    model = network(keras.layers.Activation("sigmoid"), units=1)
    p = sigmoid(sigmoid(scores_of(model, inputs)))
    of_truth = labels * p + (1 - labels) * (1 - p)
    twice = ((1 - of_truth) ** 2 * -np.log(of_truth)).mean()
    measured = fit(model, keras.losses.BinaryFocalCrossentropy(from_logits=True), inputs, labels)
    assert measured.loss == pytest.approx(twice, rel=1e-4)
    assert not measured.warns()


# -- logits where probabilities are expected -------------------------------------------------------------------------


def test_logits_into_categorical_cross_entropy_are_normalised_and_clipped() -> None:
    inputs, ids = data()
    model = network()
    scores = scores_of(model, inputs)
    measured = fit(model, "categorical_crossentropy", inputs, one_hot(ids))
    assert measured.loss == pytest.approx(categorical_cross_entropy(one_hot(ids), scores), rel=1e-3)
    assert measured.loss != pytest.approx(softmax_cross_entropy(one_hot(ids), scores), rel=1e-2)
    assert not measured.warns()


def test_logits_into_sparse_categorical_cross_entropy_are_clipped() -> None:
    inputs, ids = data()
    model = network()
    scores = scores_of(model, inputs)
    measured = fit(model, "sparse_categorical_crossentropy", inputs, ids)
    assert measured.loss == pytest.approx(sparse_categorical_cross_entropy(ids, scores), rel=1e-3)
    assert measured.loss != pytest.approx(softmax_cross_entropy(one_hot(ids), scores), rel=1e-2)
    assert not measured.warns()


def test_logits_into_binary_cross_entropy_are_clipped() -> None:
    inputs, ids = data(2)
    labels = ids[:, None].astype("float32")
    model = network(units=1)
    scores = scores_of(model, inputs)
    measured = fit(model, "binary_crossentropy", inputs, labels)
    # 1 - 1e-7 is 1 - 2**-23 in float32: the clipped end lies near 16.1 only to a few per cent
    assert measured.loss == pytest.approx(binary_cross_entropy(labels, scores), rel=2e-2)
    assert measured.loss != pytest.approx(sigmoid_cross_entropy(labels, scores), rel=1e-1)
    assert not measured.warns()


# -- the activation of the other loss --------------------------------------------------------------------------------


def test_sigmoid_before_categorical_cross_entropy_is_computed_as_softmax() -> None:
    inputs, ids = data()
    model = network(keras.layers.Activation("sigmoid"))
    right = softmax_cross_entropy(one_hot(ids), scores_of(model, inputs))
    measured = fit(model, "categorical_crossentropy", inputs, one_hot(ids))
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert not measured.warns()


def test_softmax_before_binary_cross_entropy_is_computed_as_sigmoid() -> None:
    inputs, ids = data()
    model = network(keras.layers.Softmax())
    right = sigmoid_cross_entropy(one_hot(ids), scores_of(model, inputs))
    measured = fit(model, "binary_crossentropy", inputs, one_hot(ids))
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert not measured.warns()


def test_two_class_softmax_reshaped_before_binary_cross_entropy_is_the_categorical_one() -> None:
    inputs, ids = data(2)
    model = network(keras.layers.Softmax(), keras.layers.Reshape((2,)), units=2)
    right = softmax_cross_entropy(one_hot(ids, 2), scores_of(model, inputs))
    measured = fit(model, "binary_crossentropy", inputs, one_hot(ids, 2))
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert not measured.warns()


# -- softmax over one unit -------------------------------------------------------------------------------------------


def test_softmax_over_one_unit_trains_as_sigmoid_and_predicts_one() -> None:
    inputs, ids = data(2)
    labels = ids[:, None].astype("float32")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = network(keras.layers.Softmax(), units=1)
        model.predict(inputs, verbose=0)
    right = sigmoid_cross_entropy(labels, scores_of(model, inputs))
    measured = fit(model, "binary_crossentropy", inputs, labels)
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert not measured.warns("from_logits")
    messages = [str(warning.message) for warning in caught] + measured.messages
    assert any("softmax" in message for message in messages), "Keras' general warning of a softmax over one unit"
    # To the last bit of float32: some processors' division gives the number just below 1.
    assert np.all(np.abs(model.predict(inputs, verbose=0) - 1.0) <= np.finfo(np.float32).eps)


def test_softmax_over_one_unit_with_categorical_cross_entropy_is_zero() -> None:
    inputs, _ = data(2)
    model = network(keras.layers.Softmax(), units=1)
    measured = fit(model, "categorical_crossentropy", inputs, np.ones((EXAMPLES, 1)))
    assert measured.loss == 0.0
    assert measured.messages


# -- activations that train, badly -----------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_relu_and_tanh_before_binary_cross_entropy_are_taken_as_probabilities(activation: str) -> None:
    inputs, ids = data(2)
    labels = ids[:, None].astype("float32")
    model = network(keras.layers.Activation(activation), units=1)
    scores = scores_of(model, inputs)
    outputs = np.maximum(scores, 0) if activation == "relu" else np.tanh(scores)
    measured = fit(model, "binary_crossentropy", inputs, labels)
    assert measured.loss == pytest.approx(binary_cross_entropy(labels, outputs), rel=2e-2)
    assert not measured.warns()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_squared_error_takes_softmax_and_sigmoid_without_a_word(activation: str) -> None:
    inputs, ids = data()
    model = network(keras.layers.Activation(activation))
    outputs = {"softmax": softmax, "sigmoid": sigmoid}[activation](scores_of(model, inputs))
    before = model.get_layer("scores").get_weights()[0]
    measured = fit(model, "mse", inputs, one_hot(ids))
    assert measured.loss == pytest.approx(((one_hot(ids) - outputs) ** 2).mean(), rel=1e-4)
    assert not measured.warns()
    assert not np.allclose(before, model.get_layer("scores").get_weights()[0], atol=0)


def test_relu_with_from_logits_is_taken_as_logits() -> None:
    inputs, ids = data()
    model = network(keras.layers.ReLU())
    logits = np.maximum(scores_of(model, inputs), 0)
    measured = fit(model, categorical(from_logits=True), inputs, one_hot(ids))
    assert measured.loss == pytest.approx(softmax_cross_entropy(one_hot(ids), logits), rel=1e-4)
    assert not measured.warns()


# -- shapes ----------------------------------------------------------------------------------------------------------


def test_class_ids_in_a_column_broadcast_silently_in_squared_error() -> None:
    inputs, ids = data()
    model = network()
    scores = scores_of(model, inputs)
    measured = fit(model, "mse", inputs, ids[:, None])
    assert measured.loss == pytest.approx(((ids[:, None] - scores) ** 2).mean(), rel=1e-4)
    assert not measured.messages


def test_class_ids_in_a_column_broadcast_silently_in_tensorflows_softmax_loss() -> None:
    inputs, ids = data()
    scores = scores_of(network(), inputs)
    computed = tf.nn.softmax_cross_entropy_with_logits(ids[:, None].astype("float32"), scores.astype("float32"))
    repeated = np.repeat(ids[:, None], CLASSES, axis=1)
    assert float(tf.reduce_mean(computed)) == pytest.approx(softmax_cross_entropy(repeated, scores), rel=1e-4)


@pytest.mark.parametrize("column", ["labels", "predictions"])
def test_compiled_squared_error_squeezes_a_column(column: str) -> None:
    inputs, ids = data(2)
    labels = ids[:, None] if column == "labels" else ids
    model = network(*([keras.layers.Reshape(())] if column == "labels" else []), units=1)
    right = ((ids - scores_of(model, inputs)[:, 0]) ** 2).mean()
    measured = fit(model, "mse", inputs, labels.astype("float32"))
    assert measured.loss == pytest.approx(right, rel=1e-4)
    assert not measured.messages


def test_a_handwritten_squared_error_broadcasts_a_column_silently() -> None:
    column, row = np.arange(4.0)[:, None], np.arange(4.0)
    squares = tf.square(tf.constant(column) - tf.constant(row))
    assert squares.shape == (4, 4)
    assert float(tf.reduce_mean(squares)) == pytest.approx(((column - row) ** 2).mean())


def test_sigmoid_loss_of_tensorflow_refuses_a_column_against_a_row() -> None:
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.zeros((EXAMPLES, 1)), logits=tf.zeros((EXAMPLES,)))


def test_binary_cross_entropy_refuses_a_column_against_several_outputs() -> None:
    inputs, ids = data()
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        fit(network(keras.layers.Activation("sigmoid")), "binary_crossentropy", inputs, ids[:, None].astype("float32"))


# -- the clamp -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["categorical", "sparse", "binary"])
def test_probabilities_are_clipped_so_no_example_exceeds_sixteen(form: str) -> None:
    certain = tf.constant([[1.0, 0.0]])
    if form == "categorical":
        loss = keras.losses.categorical_crossentropy(tf.constant([[0.0, 1.0]]), certain)
    elif form == "sparse":
        loss = keras.losses.sparse_categorical_crossentropy(tf.constant([1]), certain)
    else:
        loss = keras.losses.binary_crossentropy(tf.constant([[1.0]]), certain[:, 1:])
    assert float(loss[0]) == pytest.approx(-np.log(CLAMP), rel=1e-2)


# -- encodings -------------------------------------------------------------------------------------------------------


def test_one_hot_labels_into_the_sparse_loss_raise() -> None:
    inputs, ids = data()
    with pytest.raises(ValueError, match="rank"):
        fit(network(keras.layers.Softmax()), "sparse_categorical_crossentropy", inputs, one_hot(ids))


def test_class_ids_into_the_categorical_loss_raise() -> None:
    inputs, ids = data()
    with pytest.raises(ValueError, match="shape"):
        fit(network(keras.layers.Softmax()), "categorical_crossentropy", inputs, ids)
