"""TensorFlow in a process of its own, asked for what programs compute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from oracle import meaning
from oracle.programs import Program

_TESTS = Path(__file__).parents[1]
_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONWARNINGS": "ignore",
}
EQUAL = 1e-5  # what is the same comes out within 3e-7; a sum over examples may agree to three digits by chance
DIFFERENT = 1e-2
SATURATED = 12.0  # Keras clips probabilities at 1e-7: a loss of 16


@dataclass(frozen=True)
class Truth:
    """How a program's loss and its meaning compare: `right`, `wrong`, `raises` or `close`, too close to tell."""

    verdict: str
    detail: str = ""


class Runner:
    """Runs programs one by one."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "oracle.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_TESTS,
            env={**os.environ, **_SETTINGS},
            text=True,
        )

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def truth(self, program: Program) -> Truth:
        """What running a program says of it.

        Raises:
            RuntimeError: its probe does not work, which is the generator's fault.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"source": program.source, "probe": program.probe}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "broken" in answer:
            raise RuntimeError(f"{answer['broken']}\n{program.source}\n# probe\n{program.probe}")
        if "raised" in answer:
            return Truth("raises", answer["raised"])
        if program.is_constant or not program.labels_fit:
            return Truth("wrong", "nothing that could be right")
        return _compared(program, np.asarray(answer["computed"]), np.asarray(answer["scores"]))


def _compared(program: Program, computed: meaning.Array, scores: meaning.Array) -> Truth:
    labels = np.asarray(program.labels, np.float64)
    scores = scores.reshape(labels.shape)
    losses = [meaning.per_example(each, labels, scores) for each in program.meanings]
    meant = [meaning.reduced(each, program.reduction) for each in losses]
    detail = f"computed {computed.round(5).tolist()}, meant {meant[0].round(5).tolist()}"
    distance = min(_distance(computed, each) for each in meant)
    if distance <= EQUAL:
        return Truth("right", detail)
    is_saturated = max(float(each.max()) for each in losses) > SATURATED
    return Truth("close" if is_saturated or distance < DIFFERENT else "wrong", detail)


def _distance(computed: meaning.Array, meant: meaning.Array) -> float:
    """The largest difference, relative to what is meant where that is above one; infinite for other shapes."""
    if computed.size != meant.size:
        return float("inf")
    distance = np.abs(computed.reshape(meant.shape) - meant) / np.maximum(1.0, np.abs(meant))
    return float(np.nan_to_num(distance, nan=np.inf).max())
