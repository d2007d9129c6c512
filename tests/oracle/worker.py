"""The process that runs the programs: JSON lines in, JSON lines out.

The programs are the oracle's own. Each runs in names of its own, then its probe, which finds out what the program
computed and the scores that it computed it from.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf


def outcome(source: str, probe: str) -> dict[str, Any]:
    """What a program computed and from which scores, or what it raised."""
    names: dict[str, Any] = {"__name__": "program"}
    tf.keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy("float32")
    try:
        exec(compile(source, "program.py", "exec"), names)
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    names |= {"features_of": features_of, "np": np}
    exec(compile(probe, "probe.py", "exec"), names)
    return {"computed": plain(names["computed"]), "scores": plain(names["scores"])}


def features_of(model: Any, layer: str, inputs: Any) -> Any:
    """What a layer's linear part makes of a model's inputs, before any activation of its own."""
    tensor = model.get_layer(layer)
    before = keras.Model(model.inputs, tensor.input)(np.asarray(inputs))
    if not hasattr(tensor, "kernel"):
        return keras.Model(model.inputs, tensor.output)(np.asarray(inputs))
    return np.asarray(before, np.float64) @ np.asarray(tensor.kernel) + np.asarray(tensor.bias)


def plain(value: Any) -> Any:
    return np.asarray(value, dtype=np.float64).tolist()


def main() -> None:
    """Answer one line with one line until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer = outcome(message["source"], message["probe"])
        except Exception as error:
            answer = {"broken": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
