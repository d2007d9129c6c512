"""Calls that wait until someone asks what they give or what their objects hold: the same is found, and less is run."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lintloss import linter
from lintloss.analysis import calls, waiting
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


class Switch:
    def __init__(self, activation=None):
        self.activation = activation
        self.layers = []

    def on(self):
        self.activation = "softmax"

    def off(self):
        self.activation = None

    def stack(self, function):
        self.layers.append(function)

    def make(self, x):
        for layer in self.layers:
            x = layer(x)
        return tf.nn.softmax(x) if self.activation == "softmax" else x


class Board:
    def __init__(self, switch):
        self.switch = switch

    def press(self):
        self.switch.on()

    def pull(self):
        self.switch.activation = None

    def lower(self):
        part = self.switch
        part.activation = None

    def lower_by_a_method(self):
        part = self.switch
        part.off()


class Row:
    def __init__(self):
        self.switches = []

    def pull(self):
        for switch in self.switches:
            switch.off()


class Base:
    def __init__(self, units, activation):
        self.layer = tf.keras.layers.Dense(units, activation=activation)


class Derived(Base):
    def __init__(self):
        super().__init__(3, "softmax")


class Layer(tf.keras.layers.Dense):
    def __init__(self, units):
        super().__init__(units, activation="softmax")


ON = False


def is_on():
    return ON


def turn(value):
    global ON
    ON = value


def softened(x):
    return tf.nn.softmax(x)


def both(x):
    return x, tf.nn.softmax(x)


def switched(switch):
    switch.on()
    return switch


def run(function):
    function()


def applied(function, x):
    return function(x)


def made():
    return Switch("softmax")


def compiled(model):
    model.add(tf.keras.layers.Dense(3, activation="softmax"))


def built():
    return tf.keras.Sequential([tf.keras.layers.Dense(4)])


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
    monkeypatch.setattr(waiting, "of_constructor", lambda machine, classes, arguments: None)
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
    file.write_text(HEAD + "from parts import *\n" + textwrap.dedent(code))
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
    "what another file's function gives is known where it is used": (
        "p = softened(x)\nq = p\n" + LOSS.format("q"),
        ["LL101"],
    ),
    "and so is each part of it": ("a, b = both(x)\n" + LOSS.format("a") + LOSS.format("both(x)[1]"), ["LL101"]),
    "a method's change counts from then on": (
        "switch = Switch()\nbefore = switch.make(x)\nswitch.on()\nafter = switch.make(x)\n"
        + LOSS.format("before")
        + LOSS.format("after"),
        ["LL101"],
    ),
    "the last of several changes counts": (
        "switch = Switch()\nswitch.on()\nswitch.off()\n" + LOSS.format("switch.make(x)"),
        [],
    ),
    "under each name of an object": (
        "switch = Switch()\nother = switch\nswitch.on()\n" + LOSS.format("other.make(x)"),
        ["LL101"],
    ),
    "a change in one branch is a change in that one": (
        "switch = Switch()\nif flag():\n    switch.on()\n" + LOSS.format("switch.make(x)"),
        [],
    ),
    "changes in both branches that come to the same are one": (
        "switch = Switch()\nif flag():\n    switch.on()\nelse:\n    switch.on()\n" + LOSS.format("switch.make(x)"),
        ["LL101"],
    ),
    "what it appends to a list of its own is there": (
        "switch = Switch()\nswitch.stack(tf.nn.softmax)\n" + LOSS.format("switch.make(x)"),
        ["LL101"],
    ),
    "an object that another one changes is changed": (
        "switch = Switch('softmax')\nboard = Board(switch)\nboard.pull()\n" + LOSS.format("switch.make(x)"),
        [],
    ),
    "under a name of its own, too": (
        "switch = Switch('softmax')\nboard = Board(switch)\nboard.lower()\n" + LOSS.format("switch.make(x)"),
        [],
    ),
    "or by a method of it": (
        "switch = Switch('softmax')\nboard = Board(switch)\nboard.lower_by_a_method()\n"
        + LOSS.format("switch.make(x)"),
        [],
    ),
    "what a function of the file's does that is run elsewhere is done": (
        "switch = Switch('softmax')\nrun(lambda: switch.off())\n" + LOSS.format("switch.make(x)"),
        [],
    ),
    "an object that changes when it is called elsewhere is changed": (
        "class Once(Switch):\n    def __call__(self, x):\n        self.activation = None\n        return x\n\n\n"
        "once = Once('softmax')\napplied(once, x)\n" + LOSS.format("once.make(x)"),
        [],
    ),
    "and so is one that it has changed by a method": (
        "switch = Switch()\nboard = Board(switch)\nboard.press()\n" + LOSS.format("switch.make(x)"),
        ["LL101"],
    ),
    "and one that was made elsewhere": (
        "switch = made()\nboard = Board(switch)\nboard.pull()\n" + LOSS.format("switch.make(x)"),
        [],
    ),
    "what a function changes of what it is given is changed": (
        "switch = Switch()\nswitched(switch)\n" + LOSS.format("switch.make(x)"),
        ["LL101"],
    ),
    "a model that is built and added to elsewhere has all its layers": (
        "model = built()\ncompiled(model)\nmodel.compile(loss='categorical_crossentropy')\n",
        [],
    ),
    "a base's constructor runs with that of its class": (LOSS.format("Derived().layer(x)"), ["LL101"]),
    "a library's base gets what the constructor gives it": (
        "model = tf.keras.Sequential([Layer(3)])\nmodel.compile(loss='categorical_crossentropy')\n",
        [],
    ),
    "what a list held that an object was given may be changed through it": (
        "switch = Switch('softmax')\nrow = Row()\nrow.switches = [switch]\nrow.pull()\n"
        + LOSS.format("switch.make(x)"),
        [],
    ),
    "and what was put into a list of an object": (
        "switch = Switch('softmax')\nrow = Row()\nrow.switches.append(switch)\nrow.pull()\n"
        + LOSS.format("switch.make(x)"),
        [],
    ),
    "a global is read before another call binds it anew": (
        "before = is_on()\nturn(True)\nif before:\n    loss = "
        + LOSS.format("tf.nn.softmax(x)")
        + "\nelse:\n    loss = "
        + LOSS.format("x"),
        [],
    ),
    "or is given what it was": (
        "turn(is_on())\nloss = " + LOSS.format("tf.nn.softmax(x) if is_on() else x"),
        [],
    ),
    "one made in a loop": (
        "for _ in data:\n    head = Head(Config('softmax'))\n    loss = " + LOSS.format("head.make(x)"),
        ["LL101"],
    ),
}


@pytest.mark.parametrize(("code", "codes"), STATES.values(), ids=STATES.keys())
def test_when_a_call_is_followed_makes_no_difference(project: Path, code: str, codes: list[str]) -> None:
    assert found(project, code) == codes


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that are walked from now on, in order."""
    names: list[str] = []
    walk = calls._walk

    def note(machine: object, function: object, *rest: object) -> object:
        names.append(function.code.name)  # type: ignore[attr-defined]
        return walk(machine, function, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(calls, "_walk", note)
    return names


def test_nobody_looks_into_it_so_it_is_not_run(project: Path, walked: list[str]) -> None:
    assert found(project, "stack = Stack(Config('softmax'))\nloss = " + LOSS.format("x")) == []
    assert walked == []


def test_what_no_loss_depends_on_is_not_run(project: Path, walked: list[str]) -> None:
    code = "switch = Switch()\nswitch.on()\np = switch.make(x)\na, b = both(p)\nq = softened(x)\nloss = "
    assert found(project, code + LOSS.format("q")) == ["LL101"]
    assert walked == ["softened"]
