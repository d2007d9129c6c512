"""The worker process: what it refuses, and what its death costs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from confirm_terms import LABELS, LOGITS, book, call, site, unknown, value

from lintloss import confirm
from lintloss.analysis.terms import Term
from lintloss.confirm import Request
from lintloss.confirm.process import Worker, WorkerLost
from lintloss.confirm.serialise import Reader
from lintloss.finding import Verdict

pytestmark = [
    pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow"),
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals"),
]

LOSS = "tensorflow.nn.softmax_cross_entropy_with_logits"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(book(), time_limit=60) as running:
        yield running


def evaluated(worker: Worker, nodes: list[Any]) -> dict[str, Any]:
    answer: dict[str, Any] = worker.ask({"task": "evaluate", "programs": {"it": nodes}, "leaves": {}})["it"]
    return answer


def computed(worker: Worker, term: Term) -> dict[str, Any]:
    return evaluated(worker, Reader(book()).program(term).message())


def test_it_computes_what_python_computes(worker: Worker) -> None:
    term = call("operator.getitem", call("numpy.eye", 3), value([2, 0]))
    assert computed(worker, term)["value"]["data"] == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    assert computed(worker, call("operator.pow", 2, 10))["value"]["data"] == 1024


@pytest.mark.parametrize(
    "term",
    [
        call("tensorflow.zeros", [10**9]),
        call("tensorflow.ones", shape=[10**5, 10**5]),
        call("tensorflow.random.normal", [10**9]),
        call("numpy.zeros", 10**10),
        call("numpy.eye", 10**6),
        call("tensorflow.one_hot", value([1, 2]), 10**9),
        call("tensorflow.tile", value([[1.0]]), [10**5, 10**5]),
        call("tensorflow.fill", [10**9], 1.0),
        call("tensorflow.zeros", call("operator.mul", value([10**5]), 2)),
        call("operator.pow", 10, call("operator.pow", 10, 10)),
        call("operator.mul", value([0]), 10**9),
    ],
    ids=lambda term: term.function.path,
)
def test_what_is_too_large_is_refused(worker: Worker, term: Term) -> None:
    assert "too large" in computed(worker, term)["refused"]


def test_memory_is_limited_where_no_argument_tells(worker: Worker) -> None:
    column = call("tensorflow.ones", [10**6, 1])
    row = call("tensorflow.ones", [1, 10**6])
    answer = computed(worker, call("operator.mul", column, row))
    assert "refused" in answer
    assert computed(worker, call("operator.add", 1, 1))["value"]["data"] == 2


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "builtins.eval",
        "builtins.open",
        "tensorflow.io.read_file",
        "tensorflow.py_function",
        "tensorflow.keras.utils.get_file",
        "tensorflow.compat.v1.py_func",
        "numpy.load",
        "numpy.os.system",
        "tensorflow.sysconfig.sys.exit",
        "operator.methodcaller",
        "tensor.tofile",
        "tensor.__class__",
        "keras.datasets.mnist.load_data",
    ],
)
def test_only_listed_operations_run(worker: Worker, path: str) -> None:
    answer = evaluated(worker, [["const", "x"], ["api", path], ["apply", 1, [[None, 0]]]])
    assert "refused" in answer, answer


def test_a_text_is_no_function(worker: Worker) -> None:
    assert "refused" in evaluated(worker, [["const", "exit"], ["apply", 0, []]])


def test_what_is_gone_under_one_name_is_found_under_another(worker: Worker) -> None:
    answer = evaluated(worker, [["api", "keras.losses.MSE"], ["const", 1.0], ["const", 3.0], *_ROWS, _CALL])
    assert answer["value"]["data"] == [4.0]


_ROWS = [["sequence", "list", [1]], ["sequence", "list", [3]], ["sequence", "list", [2]], ["sequence", "list", [5]]]
_CALL = ["apply", 0, [[None, 4], [None, 6]]]


def _request() -> Request:
    labels, logits = value(LABELS), value(LOGITS)
    softmax = call("tensorflow.nn.softmax", logits)
    before = site(call(LOSS, labels=labels, logits=softmax), LOSS, softmax, labels)
    after = site(call(LOSS, labels=labels, logits=logits), LOSS, logits, labels)
    return Request(before, after, "softmax_cross_entropy", logits, labels, "one_hot")


def test_a_death_costs_one_answer() -> None:
    asked = iter(range(3))

    def kill_in_the_middle(pid: int | None) -> None:
        if next(asked) == 1:
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)  # so that the request is on its way when it dies
            threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()

    answers = confirm.verify([_request(), _request(), _request()], started=kill_in_the_middle)
    assert [answer.verdict for answer in answers] == [Verdict.CONFIRMED, Verdict.UNDECIDED, Verdict.CONFIRMED]
    assert "died" in answers[1].reason


def test_time_is_limited(worker: Worker) -> None:
    with Worker(book(), time_limit=1) as slow:
        assert slow.ask({"task": "evaluate", "programs": {}, "leaves": {}}) == {}
        assert slow.pid is not None
        os.kill(slow.pid, signal.SIGSTOP)
        with pytest.raises(WorkerLost, match="took longer than 1 s"):
            slow.ask({"task": "evaluate", "programs": {}, "leaves": {}})
        assert slow.pid is None


def test_leaves_are_shared_between_two_readings() -> None:
    first, second = Reader(book()), Reader(book())
    one = first.program(call("tensorflow.nn.softmax", unknown("x")))
    two = second.program(call("tensorflow.nn.softmax", unknown("x")))
    assert one.leaves.keys() == two.leaves.keys()
    assert one.nodes == two.nodes


def meant(kind: str, said: dict[str, Any], **given: Any) -> list[Any]:
    """The program of a call by what its API file says of it."""
    constants = [["const", each] for each in (said, *given.values())]
    arguments = [[name, at] for at, name in enumerate(("said", *given))]
    return [*constants, ["api", f"meaning.{kind}"], ["apply", len(constants), arguments]]


Z, Y = [[1.0, -2.0], [0.5, 3.0]], [[0.0, 1.0], [1.0, 1.0]]
MEANT = {
    "a layer that applies an activation": (
        meant("layer", {"applies": "sigmoid"}, input=Z),
        1 / (1 + np.exp(-np.array(Z))),
    ),
    "a layer that changes nothing": (meant("layer", {"passes": "dropout"}, input=Z), Z),
    "an activation over an axis that the rank decides": (
        meant("activation", {"activation": "softmax", "implicit_axis": [0, 0, 1]}, input=Z),
        np.exp(Z) / np.exp(Z).sum(1, keepdims=True),
    ),
    "a clip": (meant("pass", {"since": "clip"}, input=Z, low=-1.0, high=1.0), np.clip(Z, -1, 1)),
    "a clip from above": (meant("pass", {"since": "clip"}, input=Z, high=0.0), np.minimum(Z, 0)),
    "where": (
        meant("elementwise", {"operation": "where"}, condition=[[True, False], [False, True]], input=Z, other=Y),
        np.where([[True, False], [False, True]], Z, Y),
    ),
    "a product of two of a kind": (
        meant("elementwise", {"operation": "multiply"}, input=Z, other=Y),
        np.multiply(Z, Y),
    ),
    "a maximum along an axis": (meant("reduce", {"operation": "max"}, input=Z, axis=1, keepdims=True), [[1.0], [3.0]]),
    "an absolute error": (
        meant("loss", {"family": "absolute", "input": "any", "reduction": "mean"}, prediction=Z, labels=Y),
        np.abs(np.subtract(Z, Y)).mean(),
    ),
    "weights of examples": (
        meant(
            "loss",
            {"family": "squared", "input": "any", "averages": True, "reduction": "sum"},
            prediction=Z,
            labels=Y,
            weights=[1.0, 3.0],
        ),
        (np.square(np.subtract(Z, Y)).mean(1) * [1, 3]).sum(),
    ),
}
NOT_MEANT = {
    "an activation": meant("activation", {"activation": "maxout"}, input=Z),
    "a layer": meant("layer", {"applies": "maxout"}, input=Z),
    "what passes": meant("pass", {"since": "sort"}, input=Z),
    "an operation": meant("elementwise", {"operation": "erf"}, input=Z),
    "a reduction of values": meant("reduce", {"operation": "median"}, input=Z),
    "an encoding": meant("encoder", {"encoding": "multi_hot"}, input=[1, 0], classes=2),
    "a loss": meant("loss", {"family": "ranking", "input": "any"}, prediction=Z, labels=Y),
    "a reduction of losses": meant(
        "loss", {"family": "squared", "input": "any", "reduction": "median"}, prediction=Z, labels=Y
    ),
    "probabilities of exclusive classes": meant(
        "loss", {"family": "softmax", "input": "probabilities", "labels": "dense"}, prediction=Y, labels=Y
    ),
}


@pytest.mark.parametrize(("nodes", "expected"), MEANT.values(), ids=MEANT)
def test_what_is_meant_is_computed(nodes: list[Any], expected: Any, worker: Worker) -> None:
    """Calls of a framework that is not there, run by TensorFlow: against NumPy."""
    assert np.allclose(evaluated(worker, nodes)["value"]["data"], expected)


@pytest.mark.parametrize("nodes", NOT_MEANT.values(), ids=NOT_MEANT)
def test_what_cannot_be_meant_is_refused(nodes: list[Any], worker: Worker) -> None:
    assert "cannot stand in" in evaluated(worker, nodes)["refused"]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([["complex", 3.0, 4.0], ["api", "builtins.abs"], ["apply", 1, [[None, 0]]]], 5.0),
        ([["bytes", "ab"], ["api", "builtins.len"], ["apply", 1, [[None, 0]]]], 2),
        ([["const", "a"], ["const", 7], ["mapping", [[0, 1]]], ["api", "builtins.len"], ["apply", 3, [[None, 2]]]], 1),
        ([["const", [2, 10]], ["api", "operator.pow"], ["apply", 1, [["*", 0]]]], 1024),
        (
            [["const", {"axis": 0}], ["const", Z], ["api", "numpy.sum"], ["apply", 2, [[None, 1], ["**", 0]]]],
            [1.5, 1.0],
        ),
        (
            [
                ["const", Z],
                ["api", "numpy.array"],
                ["apply", 1, [[None, 0]]],
                ["ellipsis"],
                ["const", 0],
                ["sequence", "tuple", [3, 4]],
                ["api", "operator.getitem"],
                ["apply", 6, [[None, 2], [None, 5]]],
            ],
            [1.0, 0.5],
        ),
    ],
    ids=["a complex number", "bytes", "a dict", "unpacked", "unpacked by name", "an ellipsis"],
)
def test_each_node_is_run(nodes: list[Any], expected: Any, worker: Worker) -> None:
    assert evaluated(worker, nodes)["value"]["data"] == pytest.approx(expected)


def test_a_node_that_is_unknown_is_refused(worker: Worker) -> None:
    assert "unknown node" in evaluated(worker, [["eval", "1"]])["refused"]
