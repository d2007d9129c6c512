"""What entries of `rules/apis` mean, computed with TensorFlow: in place of a framework that is not installed.

Part of TensorFlow's worker. Each function gets `said`, what the entry says, and the arguments by what they mean
(`lintloss.confirm.meanings`). The formulas are TensorFlow's own operations wherever it has them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from lintloss.confirm.programs import Refused

Said = dict[str, Any]

_ACTIVATIONS: Mapping[str, Callable[..., Any]] = {
    "softmax": tf.nn.softmax,
    "log_softmax": tf.nn.log_softmax,
    "sigmoid": tf.nn.sigmoid,
    "log_sigmoid": tf.math.log_sigmoid,
    "relu": tf.nn.relu,
    "tanh": tf.nn.tanh,
    "linear": tf.identity,
}
_UNARY: Mapping[str, Callable[..., Any]] = {
    "negative": tf.negative,
    "log": tf.math.log,
    "log1p": tf.math.log1p,
    "exp": tf.exp,
    "square": tf.square,
    "abs": tf.abs,
    "sqrt": tf.sqrt,
    "rsqrt": tf.math.rsqrt,
    "reciprocal": tf.math.reciprocal,
    "sign": tf.sign,
}
_BINARY: Mapping[str, Callable[..., Any]] = {
    "add": tf.add,
    "subtract": tf.subtract,
    "multiply": tf.multiply,
    "divide": tf.divide,
    "pow": tf.pow,
    "maximum": tf.maximum,
    "minimum": tf.minimum,
}
_REDUCTIONS: Mapping[str, Callable[..., Any]] = {
    "sum": tf.reduce_sum,
    "mean": tf.reduce_mean,
    "max": tf.reduce_max,
    "min": tf.reduce_min,
    "prod": tf.reduce_prod,
    "logsumexp": tf.reduce_logsumexp,
}
_UNCHANGED = frozenset("identity dropout".split())


def activation(said: Said, input: Any, axis: Any = None, **_: Any) -> Any:
    name = str(said.get("activation"))
    if name not in _ACTIVATIONS:
        raise Refused(f"TensorFlow cannot stand in for an activation that is {name}")
    return _activated(name, said, input, axis)


def layer(said: Said, input: Any, axis: Any = None, **_: Any) -> Any:
    applies = str(said.get("applies"))
    if applies in _ACTIVATIONS:
        return _activated(applies, said, input, axis)
    if said.get("passes") in _UNCHANGED:
        return tf.convert_to_tensor(input)
    raise Refused("TensorFlow cannot stand in for this layer")


def passed(said: Said, input: Any, **given: Any) -> Any:
    """What keeps its input's facts: casts, clips, reshapes to a stated shape, or nothing at all."""
    since, dtype = said.get("since"), given.get("dtype", said.get("to"))
    value = tf.convert_to_tensor(input)
    if isinstance(dtype, str) and since in ("cast", "identity"):
        return tf.cast(value, dtype)
    if since in _UNCHANGED:
        return value
    if since == "clip":
        low, high = given.get("low"), given.get("high")
        value = value if low is None else tf.maximum(value, tf.cast(low, value.dtype))
        return value if high is None else tf.minimum(value, tf.cast(high, value.dtype))
    if since == "reshape" and given.get("shape") is not None:
        return tf.reshape(value, given["shape"])
    raise Refused(f"TensorFlow cannot stand in for this {since}")


def elementwise(said: Said, input: Any, other: Any = None, condition: Any = None, **_: Any) -> Any:
    operation = str(said.get("operation"))
    if operation in _UNARY:
        return _UNARY[operation](tf.convert_to_tensor(input))
    if operation in _BINARY:
        return _BINARY[operation](*_alike(input, other))
    if operation == "where":
        return tf.where(condition, *_alike(input, other))
    raise Refused(f"TensorFlow cannot stand in for {operation}")


def reduce(said: Said, input: Any, axis: Any = None, keepdims: Any = False, **_: Any) -> Any:
    operation = str(said.get("operation"))
    if operation == "argmax":
        return tf.argmax(input, axis)
    if operation not in _REDUCTIONS:
        raise Refused(f"TensorFlow cannot stand in for {operation}")
    return _REDUCTIONS[operation](input, axis, bool(keepdims))


def encoder(said: Said, input: Any, classes: Any = None, **_: Any) -> Any:
    if said.get("encoding") != "one_hot" or not isinstance(classes, int) or classes < 1:
        raise Refused("TensorFlow cannot stand in for this encoding")
    return tf.one_hot(tf.cast(input, tf.int64), classes, dtype=said.get("to", "float32"))


def loss(said: Said, prediction: Any, labels: Any, **given: Any) -> Any:
    """A loss by its family and input, weighed and reduced as its entry says."""
    z = tf.convert_to_tensor(prediction)
    y = tf.convert_to_tensor(labels)
    family = str(said["family"])
    if family not in _LOSSES:
        raise Refused(f"TensorFlow cannot stand in for a loss that is {family}")
    values, counts = _LOSSES[family](said, z, y, given)
    if said.get("averages"):
        values = tf.reduce_mean(values, axis=-1)
    if given.get("weights") is not None:
        values *= tf.cast(given["weights"], values.dtype)
    return _reduced(values, counts, str(said.get("reduction", "none")))


MEANINGS: Mapping[str, Callable[..., Any]] = {
    "activation": activation,
    "layer": layer,
    "pass": passed,
    "elementwise": elementwise,
    "reduce": reduce,
    "encoder": encoder,
    "loss": loss,
}


def _activated(name: str, said: Said, input: Any, axis: Any) -> Any:
    value = tf.convert_to_tensor(input)
    if not name.endswith("softmax"):
        return _ACTIVATIONS[name](value)
    if axis is None:
        by_rank = said.get("implicit_axis") or [-1]
        axis = by_rank[min(len(value.shape), len(by_rank) - 1)]
    return _ACTIVATIONS[name](value, axis=axis)


def _alike(first: Any, second: Any) -> tuple[Any, Any]:
    """Two operands of one type: a float's, where one is a float and the other is not."""
    left, right = tf.convert_to_tensor(first), tf.convert_to_tensor(second)
    if left.dtype == right.dtype:
        return left, right
    is_right_wider = right.dtype.is_floating and not (left.dtype.is_floating and isinstance(second, (int, float)))
    dtype = right.dtype if is_right_wider else left.dtype
    return tf.cast(left, dtype), tf.cast(right, dtype)


Weighed = tuple[Any, Any]  # the losses, and how much each counts in a mean; None for one each


def _exclusive(said: Said, z: Any, y: Any, given: Said) -> Weighed:
    """A cross entropy of classes of which one holds, from logits or their logarithms; labels as ids or as rows."""
    axis: Any = given.get("axis", said.get("classes_axis", -1))
    axis = -1 if axis >= len(z.shape) - 1 else axis
    last = tf.experimental.numpy.moveaxis(z, axis, -1)
    if said["input"] == "probabilities":
        raise Refused("TensorFlow cannot stand in for a loss of probabilities of exclusive classes")
    log_p = tf.nn.log_softmax(last) if said["input"] == "logits" else last
    classes: int = log_p.shape[-1]
    if said.get("labels") == "sparse" or (said.get("labels") == "either" and y.dtype.is_integer):
        if len(y.shape) == len(z.shape):
            raise ValueError(f"class ids of shape {y.shape} for logits of shape {z.shape}")
        rows = tf.one_hot(y, classes, dtype=z.dtype)
        kept = tf.cast(y != int(given.get("ignore_class", -100)), z.dtype)
        weights = _class_weights(given, z)
        values = _entropy(log_p, rows, weights, given) * kept
        return values, tf.reduce_sum(rows * weights, axis=-1) * kept
    rows = tf.experimental.numpy.moveaxis(tf.cast(y, z.dtype), axis, -1)
    return _entropy(log_p, rows, _class_weights(given, z), given), None


def _class_weights(given: Said, z: Any) -> Any:
    return tf.cast(given.get("class_weights", 1.0), z.dtype)


def _entropy(log_p: Any, rows: Any, weights: Any, given: Said) -> Any:
    """`-sum_c w_c y_c log p_c` along the last axis, the labels smoothed if asked."""
    smoothing = float(given.get("label_smoothing", 0.0))
    smoothed = rows * (1.0 - smoothing) + smoothing / float(rows.shape[-1])
    return -tf.reduce_sum(tf.math.multiply_no_nan(log_p, weights * smoothed), axis=-1)


def _binary(said: Said, z: Any, y: Any, given: Said) -> Weighed:
    """A cross entropy of every output by itself, from logits or probabilities."""
    y = tf.cast(y, z.dtype)
    if said["input"] == "logits":
        positive = tf.cast(given.get("pos_weight", 1.0), z.dtype)
        values = tf.nn.weighted_cross_entropy_with_logits(y, z, positive)
    else:
        lowest = min(said.get("clamp") or 0.0, 0.0) or -math.inf
        values = -(y * _log(z, lowest) + (1.0 - y) * _log(1.0 - z, lowest))
    return values * _class_weights(given, z), None


def _log(p: Any, lowest: float) -> Any:
    return tf.maximum(tf.math.log(p), lowest)


def _divergence(said: Said, z: Any, y: Any, given: Said) -> Weighed:
    """`y (log y - z)`, a term for each class."""
    y = tf.cast(y, z.dtype)
    y = tf.exp(y) if given.get("log_labels") else y
    terms = tf.math.xlogy(y, y) - y * z
    return (terms if said["reduction"] in ("elementwise", "mean_over_elements") else tf.reduce_sum(terms, -1)), None


def _squared(said: Said, z: Any, y: Any, given: Said) -> Weighed:
    return tf.math.squared_difference(z, tf.cast(y, z.dtype)), None


def _absolute(said: Said, z: Any, y: Any, given: Said) -> Weighed:
    return tf.abs(z - tf.cast(y, z.dtype)), None


_LOSSES: Mapping[str, Callable[[Said, Any, Any, Said], Weighed]] = {
    "softmax": _exclusive,
    "nll": _exclusive,
    "sigmoid": _binary,
    "kl": _divergence,
    "squared": _squared,
    "absolute": _absolute,
}


def _reduced(values: Any, counts: Any, reduction: str) -> Any:
    if reduction in ("none", "elementwise"):
        return values
    total = tf.reduce_sum(values)
    if reduction == "sum":
        return total
    if reduction in ("mean", "mean_over_elements"):
        return total / (tf.cast(tf.size(values), values.dtype) if counts is None else tf.reduce_sum(counts))
    raise Refused(f"TensorFlow cannot stand in for the reduction {reduction}")
