"""User code is data: nothing of it runs, in no command, and nothing is imported from the folder that is linted."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULE = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), "-m", "lintloss"]
INSTALLED = Path(sys.executable).with_name("lintloss")
# What lintloss itself, or something that it uses, might import by name; the runtime checker's libraries among them.
IMPORTABLE = (
    "lintloss click libcst pathspec fissix tomli tokenize json ast re typing tensorflow keras numpy torch jax pygls"
    " sitecustomize usercustomize conftest setup"
).split()


def planting(marker: Path, name: str) -> str:
    """A statement that leaves a trace when it runs."""
    return f"open({str(marker)!r}, 'a').write({name + ' '!r})"


class Trap:
    """What a pickle does when it is loaded."""

    def __init__(self, statement: str) -> None:
        self.statement = statement

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (self.statement,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def hostile(tmp_path: Path, marker: Path) -> Path:
    """A folder of code that leaves a trace wherever it runs."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in IMPORTABLE:
        (folder / f"{name}.py").write_text(planting(marker, name) + "\n")
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text(planting(marker, "package") + "\ndef build(): pass\n")
    (folder / "data.pkl").write_bytes(pickle.dumps(Trap(planting(marker, "pickle"))))
    (folder / "data.npy").write_bytes(pickle.dumps(Trap(planting(marker, "array"))))
    (folder / ".pth").write_text(f"import os; {planting(marker, 'pth')}\n")
    (folder / "lines.pth").write_text(f"import os; {planting(marker, 'pth')}\n")
    (folder / "pyproject.toml").write_text('[tool.lintloss]\napis = ["own.toml"]\nrules = ["own"]\n')
    (folder / "own").mkdir()
    for name in ("__init__.py", "LL901-own-rule.py"):  # settings name data, also where code lies beside it
        (folder / "own" / name).write_text(planting(marker, "own") + "\n")
    (folder / "own.toml").write_text(
        'format = 1\nframework = "own"\n\n[[api]]\nnames = ["own.loss"]\nkind = "loss"\n'
        'parameters = ["labels", "logits", "name=None"]\nfamily = "softmax"\ninput = "logits"\nlabels = "dense"\n'
        'takes = { prediction = "logits", labels = "labels" }\nreference = "softmax_cross_entropy"\n'
    )
    (folder / "train.py").write_text(train(marker))
    cells = [
        {"cell_type": "code", "source": text} for text in (f"!touch {marker}\n", f"%run {marker}\n", train(marker))
    ]
    (folder / "train.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return folder


def train(marker: Path) -> str:
    """A misuse that can be proven and fixed, in a file that leaves traces at module level and everywhere else."""

    def trace(name: str) -> str:
        return planting(marker, name)

    return f"""\
import pickle

import numpy as np
import tensorflow as tf

import own
from package import build

{trace("module")}


def decorator(function, value={trace("default")}):
    {trace("decorator")}
    return function


@decorator
def scores(values: {trace("annotation")} = {trace("default")}) -> {trace("annotation")}:
    {trace("function")}
    return tf.matmul(values, tf.ones([3, 4]))


class Meta(type):
    def __new__(cls, *given, **options):
        {trace("metaclass")}
        return super().__new__(cls, *given, **options)

    def __getattr__(cls, name):
        {trace("getattr")}


class Net(tf.keras.Model, metaclass=Meta):
    {trace("class body")}
    size = [{trace("comprehension")} for _ in range(2)]

    def __init__(self, {"x=" + trace("default")}):
        {trace("init")}
        super().__init__()
        self.head = tf.keras.layers.Dense(4, activation=lambda t: ({trace("lambda")}, tf.nn.softmax(t))[1])

    def __del__(self):
        {trace("del")}

    def __repr__(self):
        {trace("repr")}

    @property
    def probabilities(self):
        {trace("property")}

    def call(self, x):
        {trace("call")}
        return self.head(x)


exec({trace("exec")!r})
eval({trace("eval")!r})
pickle.load(open("data.pkl", "rb"))
np.load("data.npy", allow_pickle=True)
labels = tf.one_hot([0, 1, 2], 4)
probs = tf.nn.softmax(scores(tf.ones([3, 3])))
loss = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=probs)
other = own.loss(labels, tf.nn.softmax(tf.constant([[1.0, 2.0, 0.0, 0.0]] * 3)))
net = Net()
net.compile("sgd", loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True))
net.fit(tf.ones([3, 3]), labels)
f"{{{trace("f-string")}}}"
assert {trace("assert")}
"""


def run(command: list[str], folder: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, env=environment, timeout=500)
    assert b"Traceback" not in done.stderr
    return done


def test_the_traps_work(hostile: Path, marker: Path) -> None:
    """Run as a program, the folder leaves traces: so a folder without any has not been run."""
    program = "import pickle, sys; sys.path.append('.'); import conftest; pickle.load(open('data.pkl', 'rb'))"
    assert run([*MODULE[:-2], "-c", program], hostile).returncode == 0
    assert marker.read_text().split() == ["conftest", "pickle"]


COMMANDS = {
    "check": ["check", "."],
    "check of a named file": ["check", "train.py", "conftest.py", "tensorflow.py"],
    "diff": ["check", "--diff", "--unsafe-fixes", "."],
    "fix": ["check", "--fix", "--unsafe-fixes", "."],
    "losses": ["losses", "."],
    "silencing": ["check", "--add-ignore", "."],
    "baseline": ["baseline", "."],
    "config": ["config"],
    "rule": ["rule", "LL101"],
    "apis": ["apis", "tf.nn.softmax"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_runs(hostile: Path, marker: Path, command: str) -> None:
    done = run([*MODULE, *COMMANDS[command]], hostile)
    assert done.returncode in (0, 1), done.stderr
    assert not marker.exists(), marker.read_text()


@pytest.mark.skipif(not INSTALLED.exists(), reason="the command is not installed")
def test_the_installed_command_imports_nothing_from_the_folder(hostile: Path, marker: Path) -> None:
    done = run([str(INSTALLED), "check", "."], hostile)
    assert done.returncode == 1, done.stderr
    assert b"LL101" in done.stdout
    assert not marker.exists(), marker.read_text()


def test_nothing_runs_while_it_is_proven(hostile: Path, marker: Path) -> None:
    pytest.importorskip("tensorflow")
    done = run([*MODULE, "check", "--verify", "--fix", "--output-format", "json", "train.py"], hostile)
    assert done.returncode in (0, 1), done.stderr
    assert "logits=probs)" not in (hostile / "train.py").read_text()  # proven, and so fixed
    assert not marker.exists(), marker.read_text()


def test_nothing_runs_in_an_editor(hostile: Path, marker: Path) -> None:
    pytest.importorskip("pygls")
    uri = (hostile / "train.py").as_uri()
    opened = {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": train(marker)}}
    folder = {"uri": hostile.as_uri(), "name": "project"}
    conversation = [
        ("initialize", {"processId": None, "capabilities": {}, "workspaceFolders": [folder], "rootUri": None}, 1),
        ("initialized", {}, None),
        ("textDocument/didOpen", opened, None),
        ("textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 71, "character": 12}}, 2),
        ("shutdown", None, 3),
        ("exit", None, None),
    ]
    done = run([*MODULE, "server"], hostile, b"".join(message(*each) for each in conversation))
    assert done.returncode == 0, done.stderr
    assert b'"id":2' in done.stdout.replace(b" ", b"")
    assert not marker.exists(), marker.read_text()


def message(method: str, parameters: object, number: int | None) -> bytes:
    content = {"jsonrpc": "2.0", "method": method} | ({} if parameters is None else {"params": parameters})
    body = json.dumps(content if number is None else content | {"id": number}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
