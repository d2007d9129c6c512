"""What is left out of the walk changes nothing in what is found; what is left out at all."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lintloss import linter
from lintloss.analysis import Analyser, apis, syntax, words
from lintloss.analysis.outline import Outline
from lintloss.analysis.words import EVERYTHING, Asked
from lintloss.config import Settings
from lintloss.finding import Report
from lintloss.sources import Source

FIXTURES = Path(__file__).parent.parent / "fixtures"
FILES = sorted(FIXTURES.rglob("*.py"))[::3]


def report(file: Path) -> Report:
    return linter.lint(linter.read([file]).sources, Settings(preview=True))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(FIXTURES).as_posix())
def test_findings_are_the_same_with_and_without_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_it = report(file)
    monkeypatch.setattr(words, "may_hold_a_site", lambda text, vocabulary: True)
    monkeypatch.setattr(Outline, "may_hold_a_site", True)
    monkeypatch.setattr(Outline, "making", property(lambda outline: {part.name for part in outline.parts}))
    without_it = report(file)
    assert with_it.loss_calls == without_it.loss_calls
    assert with_it.findings == without_it.findings


def making(code: str, asked: Asked = EVERYTHING) -> set[str]:
    source = Source.from_text(textwrap.dedent(code), "train.py")
    return set(Outline(syntax.index(source), apis.load(), asked).making)


@pytest.mark.parametrize(
    "body",
    [
        "return tf.nn.softmax_cross_entropy_with_logits(y, z)",
        "return keras.layers.Dense(1, activation='softmax')",
        "return distance(y, p)",
        "return self.backend.nn.softmax(x)",
        "model.compile('sgd', 'mse')",
        "return criterion(z, y)",
        "return -tf.reduce_sum(y * tf.math.log(p))",
        "return np.mean((tf.nn.sigmoid(z) - y) ** 2)",
        "return np.mean((tf.nn.sigmoid(z) - y) ** self.power)",
        "return np.mean(pow(tf.nn.sigmoid(z) - y, 2))",
        "return np.mean((tf.nn.sigmoid(z) - y).pow(2))",
        "return tf.reduce_mean(tf.square(x=tf.nn.sigmoid(z) - y))",
        "return tf.reduce_mean(tf.math.squared_difference(tf.nn.sigmoid(z), y))",
        "return tf.reduce_mean(tf.abs(tf.nn.sigmoid(z) - y))",
        "return -tf.reduce_sum(y * tf.math.log(p / tf.reduce_sum(p)))",
        "return -tf.reduce_sum(y * tf.math.log(1 - p))",
        "return -tf.reduce_sum(y * tf.math.log(tf.maximum(p, 1e-8)))",
        "return OwnLoss()(y, z)",
        "return self.crit(z, y)",
    ],
)
def test_what_may_make_a_site(body: str) -> None:
    code = f"""
        import numpy as np
        import tensorflow as tf
        from keras.losses import mse as distance
        class Net:
            def __init__(self):
                self.backend = tf
            def run(self, x, y, z, p, model, criterion):
                {body}
    """
    assert "run" in making(code)


@pytest.mark.parametrize(
    "body",
    [
        "return re.compile('x')",
        "return mode == 'mse'",
        "'''The softmax of x.'''",
        "return np.exp(x)",
        "return log.log(1, 'x')",
        "return compute_loss(x)",
        "return OwnLoss(x)",
        "return self.critic(x)",
        "return np.sum(2 ** x) - np.sum(x ** 0.5) - np.sum(pow(x, 3))",
        "return np.sum(x ** -0.5) - np.sum(x ** (1 / 2)) - np.sum((2 * x) ** 2)",
        "return -np.sum(math.log(x)) - np.sum(np.log(float(x))) - np.sum(np.log(2.0)) - np.sum(np.log(1 / x))",
        "return np.mean(np.abs(-x)) - np.mean(np.square(2 * x)) - np.mean((x + 1).pow(2))",
    ],
)
def test_what_makes_none(body: str) -> None:
    code = f"""
        import math
        import re
        import numpy as np
        from logging import log
        def compute_loss(x):
            return x
        def run(x, mode):
            {body}
    """
    assert making(code) == set()


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("from .parts import made_loss", "made_loss(y, z)"),
        ("from . import parts", "parts.made_loss(y, z)"),
        ("import parts", "parts.made_loss(y, z)"),
        ("from parts import made_loss as loss_of", "loss_of(y, z)"),
    ],
)
def test_what_another_file_defines_makes_its_losses_there(tmp_path: Path, imports: str, call: str) -> None:
    (tmp_path / "pyproject.toml").touch()
    file = tmp_path / "train.py"
    file.write_text(f"{imports}\n\n\ndef run(y, z):\n    return {call}\n")
    parts = tmp_path / "parts.py"
    for written, expected in (("def made_loss(y, z):\n    return z\n", set()), ("made_loss = REGISTRY[0]\n", {"run"})):
        parts.write_text(written)
        (source,) = linter.read([file]).sources
        project = Analyser([source])._project
        assert set(project.module_of(source).outline.making) == expected


def test_metrics_count_where_a_rule_asks() -> None:
    code = "import tensorflow as tf\ndef run(x):\n    return tf.keras.metrics.MeanIoU(2)\n"
    assert making(code) == {"run"}
    assert making(code, Asked(metrics=frozenset({"sigmoid"}))) == set()
