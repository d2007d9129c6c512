"""The worker processes, as seen from the linter: started when first needed, watched, and replaced when they die."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from lintloss.analysis.apis import ApiBook, Entry
from lintloss.confirm.serialise import is_runnable

Message = dict[str, Any]

START_LIMIT = 180.0
_GRACE = 2.0  # seconds for a process that was told to end
SIZES = frozenset(
    "shape size multiples repeats repetitions reps depth num_classes num n N M dims num_rows num_columns batch_shape "
    "target_shape output_shape start stop limit paddings padding pad_width maxlen".split()
)
_HOME = Path(__file__).parents[2]
_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "TF_USE_LEGACY_KERAS": "0",
    "JAX_PLATFORMS": "cpu",
}


@dataclass(frozen=True)
class Kind:
    """A worker that can be had: the module that is run, the package it holds, the frameworks of API files it runs."""

    module: str
    package: str
    title: str
    frameworks: frozenset[str] = frozenset()

    @property
    def is_installed(self) -> bool:
        return all(importlib.util.find_spec(package) is not None for package in (self.package, "numpy"))


TENSORFLOW = Kind("lintloss.confirm.worker", "tensorflow", "TensorFlow")
KINDS = (
    TENSORFLOW,
    Kind("lintloss.confirm.worker_torch", "torch", "PyTorch", frozenset({"torch"})),
    Kind("lintloss.confirm.worker_jax", "jax", "JAX", frozenset({"jax", "optax", "flax", "haiku"})),
)


def kind_for(framework: str) -> Kind:
    """The worker for code of a framework: one that holds it, where that is installed, else TensorFlow's."""
    return next((kind for kind in KINDS if framework in kind.frameworks and kind.is_installed), TENSORFLOW)


def replaced_by(kind: Kind, framework: str) -> str | None:
    """What `kind` stands in for where it runs code of a framework that it does not hold; None where it holds it."""
    return next((own.title for own in KINDS if framework in own.frameworks and own is not kind), None)


class WorkerLost(Exception):
    """The worker died or took too long; the message says which. The next request starts a new one."""


class Worker:
    """Sends one message at a time and waits for its answer, for `time_limit` seconds at most."""

    def __init__(self, book: ApiBook, time_limit: float, kind: Kind = TENSORFLOW) -> None:
        self.kind = kind
        self._listed = listed_operations(book)
        self._time_limit = time_limit
        self._process: subprocess.Popen[bytes] | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._received = b""
        self.framework = kind.title

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def ask(self, message: Message) -> Message:
        """The worker's answer.

        Raises:
            WorkerLost: there is none.
        """
        if self._process is None:
            self._start()
        return self._exchange(message, self._time_limit)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    _close(stream)
        if self._home is not None:
            self._home.cleanup()
            self._home = None

    def _start(self) -> None:
        # Keras reads settings from its home: the user's must not change what is proved.
        self._home = tempfile.TemporaryDirectory(prefix="lintloss-keras-")
        isolated = ["-P"] if sys.version_info >= (3, 11) else []
        self._received = b""
        self._process = subprocess.Popen(
            [sys.executable, *isolated, "-m", self.kind.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_HOME,
            env=_environment(self._home.name),
        )
        self.framework = self._exchange(self._listed, START_LIMIT)["framework"]

    def _exchange(self, message: Mapping[str, Any], limit: float) -> Message:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
            answer: Message = json.loads(self._line(limit))
        except TimeoutError as error:
            self.stop()
            raise WorkerLost(f"took longer than {limit:g} s") from error
        except (OSError, EOFError) as error:
            process = self._process
            self.stop()
            raise WorkerLost(f"{self.kind.title}'s process died (exit code {process.returncode})") from error
        except BaseException:
            self.stop()  # an answer may still come, and would be taken for that of the next request
            raise
        return answer

    def _line(self, limit: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                if not piece:
                    raise EOFError
                self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        return line


def listed_operations(book: ApiBook) -> dict[str, Message]:
    """What the worker may run, by name.

    `sizes` are the positions and names of the parameters that ask for memory, `names` what else it is called: the
    installed version may have it under another name only.
    """
    listed: dict[str, Message] = {}
    for name in book.names():
        entry = book.entry(name)
        if entry is not None and is_runnable(entry, name):
            others = [other for other in entry.names if other != name and is_runnable(entry, other)]
            listed[name] = {"sizes": _sizes(entry), "names": others}
    return listed


def _sizes(entry: Entry) -> list[list[Any]]:
    named = {entry["shape"], entry["classes"]} | SIZES
    parameters = [parameter for parameter in entry.parameters or () if parameter.kind in ("plain", "keyword", "rest")]
    return [
        [at if parameter.kind == "plain" else None, parameter.name]
        for at, parameter in enumerate(parameters)
        if parameter.name in named
    ]


def _environment(home: str) -> dict[str, str]:
    paths = [str(_HOME), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, **_SETTINGS, "KERAS_HOME": home, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process: at a word, unless it does not listen."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(stream: Any) -> None:
    with contextlib.suppress(OSError):  # the other end is gone, and what was not written with it
        stream.close()
