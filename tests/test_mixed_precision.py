"""Under mixed precision Keras' losses find no logits: what was a warning is an error, and running it shows so."""

from __future__ import annotations

import pytest

from lintloss import confirm
from lintloss.config import Settings
from lintloss.finding import Finding, Severity, Verdict
from lintloss.linter import lint
from lintloss.sources import Source

CODE = """import numpy as np
from tensorflow import keras

{policy}
model = keras.Sequential([keras.layers.Flatten(), {head}])
model.compile("adam", loss=keras.losses.CategoricalCrossentropy(from_logits=True))
model.fit(np.ones((8, 3)), keras.utils.to_categorical(np.arange(8) % 4, 4))
"""
DENSE = 'keras.layers.Dense(4, activation="softmax")'
APART = "keras.layers.Dense(4), keras.layers.Softmax()"
HALF = 'keras.mixed_precision.set_global_policy("{}")'
OBJECT = 'keras.mixed_precision.set_global_policy(keras.mixed_precision.Policy("mixed_float16"))'
NEWER = 'keras.config.set_dtype_policy("mixed_bfloat16")'

LOST = {
    "float16": (HALF.format("mixed_float16"), DENSE),
    "bfloat16": (HALF.format("mixed_bfloat16"), APART),
    "a policy object": (OBJECT, APART),
    "the newer name": (NEWER, DENSE),
}
REPAIRED = {
    "no policy": ("", DENSE),
    "a softmax in single precision": (HALF.format("mixed_float16"), DENSE.replace(")", ', dtype="float32")')),
    "single precision": (HALF.format("float32"), DENSE),
}


def found(policy: str, head: str, *, verify: bool) -> Finding:
    source = Source.from_text(CODE.format(policy=policy, head=head), "train.py")
    (finding,) = lint([source], Settings(), verify=verify).findings
    assert finding.code == "LL101"
    return finding


@pytest.mark.parametrize("name", LOST)
def test_in_half_precision_it_is_an_error(name: str) -> None:
    assert found(*LOST[name], verify=False).severity is Severity.ERROR


@pytest.mark.parametrize("name", REPAIRED)
def test_in_single_precision_it_is_a_warning(name: str) -> None:
    assert found(*REPAIRED[name], verify=False).severity is Severity.WARNING


@pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow")
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_running_it_confirms_that(name: str) -> None:
    verification = found(*LOST[name], verify=True).verification
    assert verification is not None
    assert verification.verdict is Verdict.CONFIRMED
    assert f"({name}, 4 terms)" in verification.reason
    moderate = verification.batches[0]
    assert moderate.name == "moderate"
    assert moderate.after == pytest.approx(moderate.reference, rel=0.02)
    assert moderate.before != pytest.approx(moderate.reference, rel=0.2)


@pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow")
def test_running_a_softmax_in_single_precision_shows_the_repair() -> None:
    verification = found(*REPAIRED["a softmax in single precision"], verify=True).verification
    assert verification is not None
    assert verification.verdict is Verdict.EQUIVALENT
    assert "Keras repaired it and warned" in verification.reason
