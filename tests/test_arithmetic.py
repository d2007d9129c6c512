"""What arithmetic makes of activations: each answer is tried on numbers, computed by NumPy from the same expression."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lintloss.analysis import Analyser
from lintloss.analysis.facts import Facts
from lintloss.depth import on_deep_stack
from lintloss.sources import Source

START = """\
import tensorflow as tf
x = tf.keras.Input((4,))
w, v = tf.Variable(tf.random.normal([4, 5])), tf.Variable(tf.random.normal([4, 5]))
z, u = tf.matmul(x, w), tf.matmul(x, v)
p, q, s = tf.nn.softmax(z), tf.nn.softmax(u), tf.nn.sigmoid(z)
"""
END = "\ntf.nn.softmax_cross_entropy_with_logits(labels=tf.keras.Input((5,)), logits={})\n"


def softmax(z: Any, axis: int = -1) -> Any:
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def values() -> dict[str, Any]:
    """The names of the expressions as numbers, and of TensorFlow as NumPy."""
    draw = np.random.default_rng(7)
    z, u = 3 * draw.normal(size=(50, 5)), 3 * draw.normal(size=(50, 5))
    tf = SimpleNamespace(
        math=SimpleNamespace(log=np.log, exp=np.exp, negative=np.negative),
        nn=SimpleNamespace(softmax=softmax, log_softmax=lambda t: np.log(softmax(t)), sigmoid=sigmoid),
        exp=np.exp,
        maximum=np.maximum,
        minimum=np.minimum,
        clip_by_value=np.clip,
        where=np.where,
        concat=np.concatenate,
        stack=np.stack,
        negative=np.negative,
        add=np.add,
        multiply=np.multiply,
        reduce_sum=lambda t, axis=None, keepdims=False: t.sum(axis, keepdims=keepdims),
        reduce_mean=lambda t, axis=None, keepdims=False: t.mean(axis, keepdims=keepdims),
        reduce_max=lambda t, axis=None, keepdims=False: t.max(axis, keepdims=keepdims),
        identity=lambda t: t,
    )
    return {"tf": tf, "z": z, "u": u, "p": softmax(z), "q": softmax(u), "s": sigmoid(z)}


def are_probabilities(a: Any) -> bool:
    return bool((a >= 0).all() and (a <= 1).all())


def sum_to_one(a: Any) -> bool:
    return are_probabilities(a) and bool(np.allclose(a.sum(-1), 1, atol=1e-4))


# What has to be so of numbers of which a fact is stated.
HOLDS: dict[str, Callable[[Any], bool]] = {
    "softmax": sum_to_one,
    "log_softmax": lambda a: sum_to_one(np.exp(a)),
    "sigmoid": are_probabilities,
    "log_sigmoid": lambda a: are_probabilities(np.exp(a)),
    "relu": lambda a: a.min() == 0 and a.max() > 1,
    "linear": lambda a: a.min() < 0 and a.max() > 1,
    "other": lambda a: a.ndim == 0 or not (sum_to_one(a) or (a.min() < 0 and sum_to_one(np.exp(a)))),
    "unknown": lambda a: True,  # says nothing
}

EXPRESSIONS = {
    "-z": "linear",
    "tf.negative(z)": "linear",
    "-p": "other",
    "z + u": "linear",
    "z - u": "linear",
    "z + 2.0": "linear",
    "z * 2.0": "linear",
    "z / 2.0": "linear",
    "z * p": "other",
    "z * s": "other",
    "z + p": "linear",
    "p + q": "unknown",
    "p + 0.5": "unknown",
    "p * 2.0": "unknown",
    "p / 3.0": "unknown",
    "s * 2.0": "other",
    "p + 1e-7": "softmax",
    "p - 1e-7": "softmax",
    "s + 1e-7": "sigmoid",
    "tf.clip_by_value(p, 1e-7, 1.0)": "softmax",
    "tf.maximum(p, 1e-7)": "softmax",
    "tf.minimum(s, 1.0)": "sigmoid",
    "tf.maximum(z, 0.0)": "relu",
    "tf.maximum(0.0, z)": "relu",
    "tf.maximum(z, u)": "unknown",
    "tf.maximum(p, z)": "other",
    "tf.maximum(z, -1.0)": "unknown",
    "tf.math.log(p)": "log_softmax",
    "tf.math.log(s)": "log_sigmoid",
    "tf.math.log(p + 1e-9)": "log_softmax",
    "tf.math.log(tf.exp(z))": "other",
    "tf.exp(tf.math.log(p))": "softmax",
    "tf.exp(tf.nn.log_softmax(z))": "softmax",
    "tf.exp(tf.math.log(s))": "sigmoid",
    "tf.exp(z)": "unknown",
    "tf.exp(p)": "other",
    "tf.math.log(s / (1 - s))": "other",
    "tf.math.log(p / (1 - p))": "other",
    "tf.exp(z) / tf.reduce_sum(tf.exp(z), axis=-1, keepdims=True)": "softmax",
    "tf.exp(z) / tf.reduce_sum(tf.exp(u), axis=-1, keepdims=True)": "unknown",
    "1 / (1 + tf.exp(-z))": "sigmoid",
    "1.0 / (tf.exp(-z) + 1.0)": "sigmoid",
    "1 / (2 + tf.exp(-z))": "unknown",
    "1 / (1 + tf.exp(z * z))": "unknown",
    "tf.where(z > 0, p, 0.0)": "softmax",
    "tf.where(z > 0, p, z)": "other",
    "tf.where(z > 0, p, q)": "softmax",
    "tf.concat([p, q], axis=0)": "softmax",
    "tf.concat([p, q], axis=1)": "other",
    "tf.concat([z, u], axis=1)": "linear",
    "tf.concat([s, s], axis=1)": "sigmoid",
    "tf.concat([p, z], axis=0)": "unknown",
    "tf.stack([p, q], axis=0)": "softmax",
    "tf.reduce_mean(tf.stack([p, q], axis=0), axis=0)": "softmax",
    "tf.reduce_mean(p, axis=0)": "softmax",
    "tf.reduce_sum(p, axis=0)": "other",
    "tf.reduce_sum(p, axis=-1)": "other",
    "tf.reduce_max(p, axis=-1, keepdims=True)": "other",
    "tf.reduce_sum(z, axis=-1)": "linear",
    "tf.reduce_mean(p)": "other",
    "p[:, 1]": "other",
    "p[0]": "softmax",
    "p[:, 1:3]": "softmax",
    "tf.identity(p)": "softmax",
    "(p + q) / 2": "unknown",
    "p ** 2": "other",
    "abs(z)": "unknown",
}
# Of these rows something is missing: that the rest came out of a softmax is what counts.
PARTS = {"tf.where(z > 0, p, 0.0)", "tf.where(z > 0, p, q)", "p[:, 1:3]"}


def facts(expression: str) -> Facts:
    source = Source.from_text(START + END.format(expression), "train.py")
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    (alternative,) = analysis.facts.of(site.prediction)
    return alternative.facts


@pytest.mark.parametrize(("expression", "activation"), EXPRESSIONS.items(), ids=EXPRESSIONS)
def test_arithmetic_is_what_numbers_show(expression: str, activation: str) -> None:
    numbers = np.asarray(eval(expression, values()))
    assert facts(expression).activation == activation
    assert HOLDS["sigmoid" if expression in PARTS else activation](numbers)
