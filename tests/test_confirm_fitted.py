"""What training weighs with: `fit`'s weights of classes and examples, and the masks of sequences."""

from __future__ import annotations

import numpy as np
import pytest

from lintloss import confirm
from lintloss.config import Settings
from lintloss.confirm import batches, references
from lintloss.confirm.references import Options
from lintloss.finding import Verdict, Verification
from lintloss.linter import lint
from lintloss.sources import Source

pytestmark = pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow")

MODEL = """import numpy as np
from tensorflow import keras

y = keras.utils.to_categorical([0, 1, 2, 1], 3)
model = keras.Sequential([keras.Input(shape=(2,)), keras.layers.Dense(3)])
model.compile("sgd", loss=keras.losses.CategoricalCrossentropy())
"""
TAGS = """import numpy as np
from tensorflow import keras

made = keras.layers.Embedding(20, 8, mask_zero={masks})
model = keras.Sequential([keras.Input(shape=(5,)), made, keras.layers.LSTM(6, return_sequences=True)])
model.add(keras.layers.Dense(4))
model.compile("sgd", loss="sparse_categorical_crossentropy")
"""
SHAPE, IDS = (4, 3), batches.labels("moderate", "class_ids", (4, 3), -1)


def verified(code: str) -> Verification:
    (found,) = lint([Source.from_text(code, "train.py")], Settings(), verify=True).findings
    assert found.verification is not None
    return found.verification


def mean(weights: references.Array | None) -> float:
    """The cross entropy of the moderate batch of four rows, weighed."""
    logits = batches.logits("moderate", SHAPE, "float32")
    losses = references.sparse_softmax_cross_entropy(logits, IDS, Options())
    return float(references.reduced(losses, "sum_over_batch_size", weights).values)


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ("", None),
        ("class_weight=None", None),
        ("class_weight={0: 1.0, 1: 5.0, 2: 0.25}", np.array([1.0, 5.0, 0.25])[IDS]),
        ("class_weight=dict(enumerate(found))", batches.weights("moderate", 4)[IDS]),
        ("sample_weight=found", batches.weights("moderate", 4)),
    ],
)
def test_what_fit_weighs_with_counts(given: str, weights: references.Array | None) -> None:
    answer = verified(f"{MODEL}model.fit(np.ones((4, 2)), y, {given})\n")
    assert answer.verdict is Verdict.CONFIRMED, answer.reason
    assert answer.batches[0].after == pytest.approx((mean(weights),), rel=1e-5)


def test_classes_and_examples_cannot_both_be_weighed() -> None:
    answer = verified(f"{MODEL}model.fit(np.ones((4, 2)), y, class_weight={{0: 2.0}}, sample_weight=found)\n")
    assert answer.verdict is Verdict.UNDECIDED
    assert answer.reason == "examples and classes have weights, and Keras takes one or the other"


def test_positions_that_do_not_count_are_left_out() -> None:
    answers = [verified(TAGS.format(masks=masks)) for masks in (True, False)]
    assert [answer.verdict for answer in answers] == [Verdict.CONFIRMED] * 2
    shape = (2, 3, 4)
    ids, logits = batches.labels("moderate", "class_ids", shape, -1), batches.logits("moderate", shape, "float32")
    losses = references.sparse_softmax_cross_entropy(logits, ids, Options())
    mask = batches.mask("moderate", shape[:-1])
    assert not mask.all()
    expected = losses.values[mask].mean()
    assert answers[0].batches[0].after == pytest.approx((expected,), rel=1e-5)
    assert answers[1].batches[0].after != pytest.approx((expected,), rel=1e-2)
