"""How bad a misuse is: what Keras on TensorFlow repairs (see `test_keras_facts.py`) is a warning, the rest an error."""

from __future__ import annotations

import textwrap

import pytest

from lintloss import linter
from lintloss.config import Settings
from lintloss.sources import Source

MODEL = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

x = np.ones((4, 3), dtype="float32")
y = np.array([0, 1, 2, 0])
model = keras.Sequential([keras.Input((3,)), {layers}])
"""
COMPILED = 'model.compile("sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\nmodel.fit(x, y)\n'
OWN_LOSS = """
def objective(labels, outputs):
    return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)


model.compile("sgd", loss=objective)
model.fit(x, y)
"""
TAPE = """
def step(inputs, labels):
    with tf.GradientTape() as tape:
        loss = keras.losses.sparse_categorical_crossentropy(labels, model(inputs), from_logits=True)
    return loss


step(x, y)
"""
TRACED = TAPE.replace("def step", "@tf.function(jit_compile=False)\ndef step")
SOFTMAX = 'keras.layers.Dense(3, activation="softmax")'
FOREIGN = "keras.layers.Dense(3, activation=tf.nn.softmax)"

WARNED_OF = {
    "a softmax head under compile": (SOFTMAX, COMPILED),
    "a softmax head in a tape": (SOFTMAX, TAPE),
    "a dropout of nothing behind it": (f"{SOFTMAX}, keras.layers.Dropout(0.0)", COMPILED),
    "the softmax of TensorFlow under compile": (FOREIGN, COMPILED),
    "the softmax of TensorFlow and a loss function given to compile": (FOREIGN, OWN_LOSS),
    "the softmax of TensorFlow in a traced step": (FOREIGN, TRACED),
}
WRONG = {
    "the softmax of TensorFlow in a tape": (FOREIGN, TAPE),
    "a reshape behind it": (f"{SOFTMAX}, keras.layers.Reshape((3,))", COMPILED),
    "a dropout behind it": (f"{SOFTMAX}, keras.layers.Dropout(0.5)", COMPILED),
    "a factor of one behind it": (SOFTMAX, TAPE.replace("model(inputs)", "model(inputs) * 1.0")),
}


def severities(code: str) -> list[tuple[str, str]]:
    report = linter.lint([Source.from_text(textwrap.dedent(code), "train.py")], Settings())
    return [(finding.code, finding.severity.value) for finding in report.findings]


@pytest.mark.parametrize("case", WARNED_OF)
def test_what_keras_repairs_is_a_warning(case: str) -> None:
    layers, training = WARNED_OF[case]
    assert severities(MODEL.format(layers=layers) + training) == [("LL101", "warning")]


@pytest.mark.parametrize("case", WRONG)
def test_what_keras_does_not_find_is_an_error(case: str) -> None:
    layers, training = WRONG[case]
    assert severities(MODEL.format(layers=layers) + training) == [("LL101", "error")]


BINARY = """
import tensorflow as tf

labels = tf.constant([[0.0, 1.0], [1.0, 0.0]])
scores = some_model(tf.ones([2, 5]))  # lintloss: logits
loss = {}
"""
LUCK = "tf.keras.losses.binary_crossentropy(labels, tf.nn.softmax(scores))"
NO_LUCK = "tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=tf.nn.softmax(scores))"


def test_two_probabilities_judged_one_by_one_may_be_right_and_two_logits_may_not() -> None:
    assert severities(BINARY.format(LUCK)) == [("LL104", "warning")]
    assert severities(BINARY.format(NO_LUCK)) == [("LL104", "error")]
