"""Constructors that wait until someone asks what their objects hold: what is found is the same, and less is run."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lintloss import linter
from lintloss.analysis import calls, construction
from lintloss.config import Settings
from lintloss.finding import Report

FIXTURES = Path(__file__).parent.parent / "fixtures"
FILES = sorted(FIXTURES.rglob("*.py"))[1::3]
HEAD = "import tensorflow as tf\n"
LOSS = "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits={})\n"
PARTS = """
class Config:
    def __init__(self, activation):
        self.activation = activation


class Head:
    def __init__(self, config):
        self.activation = config.activation

    def make(self, x):
        return tf.nn.softmax(x) if self.activation == "softmax" else x


class Stack:
    def __init__(self, config):
        self.head = Head(config)


class Changer:
    def __init__(self, config):
        config.activation = "softmax"


class Holder:
    def __init__(self, function):
        function()


class Scorer:
    def __init__(self):
        self.scale = 2.0

    def __call__(self, x):
        return tf.nn.sigmoid(x * self.scale)
"""


def report(file: Path) -> Report:
    return linter.lint(linter.read([file]).sources, Settings(preview=True))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FIXTURES).as_posix())
def test_findings_are_the_same_whether_anything_waits_or_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_it = report(file)
    monkeypatch.setattr(construction, "that_may_wait", lambda machine, classes, arguments: None)
    monkeypatch.setattr(calls, "_is_guest", lambda machine, function: False)
    without_it = report(file)
    assert with_it.loss_calls == without_it.loss_calls
    assert with_it.findings == without_it.findings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "parts.py").write_text(HEAD + PARTS)
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def found(project: Path, code: str) -> list[str]:
    file = project / "train.py"
    file.write_text(HEAD + "from parts import Changer, Config, Head, Holder, Scorer, Stack\n" + textwrap.dedent(code))
    return [finding.code for finding in report(file).findings]


STATES = {
    "what is given is read as it was": (
        "config = Config('softmax')\nhead = Head(config)\nconfig.activation = None\n" + LOSS.format("head.make(x)"),
        ["LL101"],
    ),
    "and so are objects within": (
        "config = Config(None)\nstack = Stack(config)\nconfig.activation = 'softmax'\n"
        + LOSS.format("stack.head.make(x)"),
        [],
    ),
    "what it is set to since then counts": (
        "head = Head(Config(None))\nhead.activation = 'softmax'\n" + LOSS.format("head.make(x)"),
        ["LL101"],
    ),
    "a constructor that changes what it is given does so at once": (
        "config = Config(None)\nChanger(config)\nhead = Head(config)\n" + LOSS.format("head.make(x)"),
        ["LL101"],
    ),
    "one asked for in one branch is there after both": (
        "head = Head(Config('softmax'))\nif flag():\n    print(head.activation)\nelse:\n    print(x)\n"
        + LOSS.format("head.make(x)"),
        ["LL101"],
    ),
    "one changed in one branch is as it was made in the other": (
        "head = Head(Config(None))\nif flag():\n    head.activation = 'softmax'\n" + LOSS.format("head.make(x)"),
        [],
    ),
    "a constructor that calls the file's own function does so": (
        "def lose():\n    p = tf.nn.softmax(x)\n    return " + LOSS.format("p") + "Holder(lose)\n",
        ["LL101"],
    ),
    "two calls of an object are the same value, though the first one makes it run": (
        "x, y = tf.zeros((4, 1)), tf.ones((4, 1))\nnet = Scorer()\n"
        "loss = tf.reduce_mean(-(y * tf.math.log(net(x)) + (1 - y) * tf.math.log(1 - net(x))))\n",
        ["LL401"],
    ),
    "one made in a loop": (
        "for _ in data:\n    head = Head(Config('softmax'))\n    loss = " + LOSS.format("head.make(x)"),
        ["LL101"],
    ),
}


@pytest.mark.parametrize(("code", "codes"), STATES.values(), ids=STATES.keys())
def test_when_a_constructor_runs_makes_no_difference(project: Path, code: str, codes: list[str]) -> None:
    assert found(project, code) == codes


def test_nobody_looks_into_it_so_it_is_not_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[str] = []
    walk = calls._walk

    def note(machine: object, function: object, *rest: object) -> object:
        walked.append(function.code.name)  # type: ignore[attr-defined]
        return walk(machine, function, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(calls, "_walk", note)
    assert found(project, "stack = Stack(Config('softmax'))\nloss = " + LOSS.format("x")) == []
    assert walked == []
