"""The worker that holds TensorFlow and Keras.

This module, which nothing imports, and `worker_meanings` are the only ones of lintloss that import TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lintloss.confirm import programs
from lintloss.confirm.programs import Message, Operations, Refused, outcome, run
from lintloss.confirm.worker_meanings import MEANINGS

_COMPILED = {"jit_compile": False, "auto_scale_loss": False}  # a scaled loss overflows halves, and skips the step


class TensorFlow:
    """`programs.Framework` for TensorFlow."""

    def __init__(self) -> None:
        self.name = f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
        self.roots: Mapping[str, Any] = {"tensorflow": tf, "keras": keras, "numpy": np, "math": math}
        self.activations: Mapping[str, Callable[[Any], Any]] = {"softmax": tf.nn.softmax, "sigmoid": tf.nn.sigmoid}
        self.meanings = MEANINGS

    def prepare(self, message: Message) -> None:
        keras.config.set_dtype_policy(message.get("policy") or "float32")

    def spellings(self, path: str) -> Iterator[str]:
        yield path
        yield path.replace("tensorflow.", "tensorflow.compat.v1.", 1)

    def tensor(self, array: Any, dtype: str) -> Any:
        return tf.constant(array, dtype=dtype)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, (tf.Tensor, tf.Variable))

    def is_data_type(self, value: Any) -> bool:
        return isinstance(value, tf.DType)

    def array(self, value: Any) -> Any:
        return value.numpy() if self.is_tensor(value) and hasattr(value, "numpy") else value

    def call(self, path: str | None, function: Any, positional: list[Any], keywords: dict[str, Any]) -> Any:
        if path is None and isinstance(function, keras.losses.Loss):
            # Keras takes a nested list for a structure of scalars, and two of them must then be built alike.
            positional = [tf.convert_to_tensor(value) if isinstance(value, list) else value for value in positional]
        elif path is None and not isinstance(function, keras.layers.Layer):
            raise Refused(f"a call of a {type(function).__name__}")
        elif path is not None and path.startswith("keras.utils."):
            # Made for arrays: of a tensor they would take the unknown classes.
            positional = [self.array(value) for value in positional]
            keywords = {name: self.array(value) for name, value in keywords.items()}
        return function(*positional, **keywords)

    def differentiated(self, compute: Callable[[Any], Any], value: Any) -> tuple[Any, Any]:
        # A new tensor each time: Keras leaves notes on tensors that another program must not find.
        value = tf.identity(value)
        with tf.GradientTape() as tape:
            tape.watch(value)
            result = compute(value)
            is_traced = isinstance(result, tf.Tensor) and result.dtype.is_floating
            total = tf.reduce_sum(result) if is_traced else None
        gradient = tape.gradient(total, value) if total is not None else None
        return result, None if gradient is None else tf.convert_to_tensor(gradient)


FRAMEWORK = TensorFlow()
leaf = partial(programs.leaf, framework=FRAMEWORK)
told = partial(programs.told, framework=FRAMEWORK)


def train(message: Message, operations: Operations) -> Message:
    """The loss of one training step of a compiled model, and its gradient with respect to the pre-activations.

    The model is `Input -> + shift -> head`, where `shift` starts at zero and is all that is trained, by plain gradient
    descent with rate one: after the step it is the negative gradient, exactly.
    """
    labels = {name: leaf(data) for name, data in message["leaves"].items()}
    return {
        name: outcome(partial(_trained, side, message, labels, operations)) for name, side in message["sides"].items()
    }


def _trained(side: Message, message: Message, leaves: dict[str, Any], operations: Operations) -> Message:
    batch = leaf(message["logits"])
    labels = tf.convert_to_tensor(run(side["labels"], operations, leaves))
    model, shift = _model(side, batch, operations, message.get("mask"))
    logs = model.train_on_batch(batch, labels, return_dict=True, **_weights(message))
    return {"value": told(np.asarray(logs["loss"], batch.dtype.as_numpy_dtype)), "gradient": told(-shift.numpy())}


def _weights(message: Message) -> dict[str, Any]:
    examples, classes = message.get("sample_weight"), message.get("class_weight")
    given = {"sample_weight": None if examples is None else leaf(examples)}
    return {**given, "class_weight": dict(classes) if classes else None}


def _model(side: Message, batch: Any, operations: Operations, mask: list[Any] | None) -> tuple[Any, Any]:
    inputs = keras.Input(batch_shape=batch.shape, dtype=batch.dtype.name)
    shifting = _Shift(batch.shape, mask, dtype=batch.dtype.name)
    output = run(side["head"], operations, {side["leaf"]: shifting(inputs)})
    model = keras.Model(inputs, output)
    loss = run(side["loss"], operations, {})
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss, **_COMPILED)
    return model, shifting.shift


def learn(message: Message, operations: Operations) -> Message:
    """Train a linear model in front of each version, by plain gradient descent from the same start.

    Answers, for each, the logits at every `every`-th of `steps` steps, and what the model outputs for them at the end.
    Rows of `features` times `weights` have the layout `shape`, whose `permutation` are the logits.
    """
    leaves = {name: leaf(data) for name, data in message["leaves"].items()}
    kinds = {True: _learned_compiled, False: _learned_called}
    return {
        name: outcome(partial(kinds["head" in side], side, message, leaves, operations))
        for name, side in message["sides"].items()
    }


def _learned_called(side: Message, message: Message, leaves: dict[str, Any], operations: Operations) -> Message:
    features, weights = leaf(message["features"]), tf.Variable(leaf(message["weights"]))
    features = tf.reshape(features, [-1, features.shape[-1]])
    dtype, seen = message["dtype"], []
    for step in range(message["steps"] + 1):
        with tf.GradientTape() as tape:
            rows = tf.reshape(features @ weights, message["shape"])
            logits = tf.cast(tf.transpose(rows, message["permutation"]), dtype)
            result = run(side["nodes"], operations, {**leaves, side["leaf"]: logits})
            total = tf.reduce_mean(tf.cast(result, "float32"))
        if step % message["every"] == 0:
            seen.append(told(logits)["data"])
        slope = tape.gradient(total, weights)
        if slope is not None:
            weights.assign_sub(message["rate"] * slope)
    return {"logits": seen, "output": seen[-1]}


def _learned_compiled(side: Message, message: Message, leaves: dict[str, Any], operations: Operations) -> Message:
    features, weights = leaf(message["features"]), leaf(message["weights"])
    labels = tf.convert_to_tensor(run(side["labels"], operations, leaves))
    inputs = keras.Input(shape=features.shape[1:])
    linear = _Linear(weights, message["shape"], dtype=message["dtype"])
    model = keras.Model(inputs, run(side["head"], operations, {side["leaf"]: linear(inputs)}))
    model.compile(keras.optimizers.SGD(message["rate"]), run(side["loss"], operations, {}), **_COMPILED)
    seen = []
    for step in range(message["steps"] + 1):
        if step % message["every"] == 0:
            seen.append(told(linear(features))["data"])
        model.train_on_batch(features, labels)
    return {"logits": seen, "output": told(model(features, training=False))["data"]}


class _Linear(keras.layers.Layer):  # type: ignore[misc]
    """`x @ w` laid out as one batch of logits."""

    def __init__(self, weights: Any, shape: list[int], dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.shape = shape
        self.weight = self.add_weight(shape=weights.shape, initializer=lambda *_, **__: tf.cast(weights, dtype))

    def call(self, inputs: Any) -> Any:
        rows = tf.reshape(tf.cast(inputs, self.weight.dtype), [-1, self.weight.shape[0]])
        return tf.reshape(rows @ tf.convert_to_tensor(self.weight), [-1, *self.shape[1:]])


class _Shift(keras.layers.Layer):  # type: ignore[misc]
    """`x + shift`; the shift has the batch's own shape. `mask` says which positions of the result count."""

    def __init__(self, shape: Any, mask: list[Any] | None, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.mask, self.supports_masking = mask, True
        self.shift = self.add_weight(shape=tuple(shape), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs + self.shift

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None if self.mask is None else tf.constant(self.mask)


if __name__ == "__main__":
    programs.serve(FRAMEWORK, {"train": train, "learn": learn})
