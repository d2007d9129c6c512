"""The worker process: what it refuses, and what its death costs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

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
