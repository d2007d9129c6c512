"""Which framework runs which code."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lintloss.config import Settings
from lintloss.confirm.process import kind_for
from lintloss.finding import Finding, Verdict
from lintloss.linter import lint
from lintloss.sources import Source

FIXTURES = Path(__file__).parent.parent / "fixtures"

CODE = """
import torch
import torch.nn.functional as F
z = torch.tensor([[2.0, 0.5, 6.0], [0.1, 0.0, 3.0]])
loss = F.cross_entropy(torch.softmax(z, dim=1), torch.tensor([2, 1]), reduction="none")
"""


@pytest.mark.parametrize(
    ("framework", "title"),
    [("torch", "PyTorch"), ("jax", "JAX"), ("optax", "JAX"), ("keras", "TensorFlow"), ("numpy", "TensorFlow")],
)
def test_each_framework_is_run_by_itself(framework: str, title: str) -> None:
    assert kind_for(framework).title == title


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these packages look as if they were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else find(name))


def test_without_pytorch_the_worker_is_tensorflows(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "torch")
    assert kind_for("torch").title == "TensorFlow"


def test_tensorflow_in_place_of_pytorch_gives_the_same_figures_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "torch")
    (finding,) = lint([Source.from_text(CODE, "train.py")], Settings(), verify=True).findings
    assert finding.verification is not None
    assert finding.verification.verdict is Verdict.CONFIRMED
    assert finding.verification.framework.startswith("TensorFlow")
    assert finding.verification.framework.endswith("in place of PyTorch")
    literals = finding.verification.batches[0]
    assert literals.before == pytest.approx((0.56551915, 1.4743223), rel=1e-6)
    assert literals.after == pytest.approx((0.02215516, 3.0996735), rel=1e-6)


def foreign_fixtures() -> list[Source]:
    """The fixtures that are written in PyTorch or JAX."""
    paths = sorted(path for path in FIXTURES.rglob("*.py") if not path.name.endswith(".fixed.py"))
    sources = [Source.read(path, path.relative_to(FIXTURES).as_posix()) for path in paths]
    return [each for each in sources if "import torch" in each.text or "import jax" in each.text]


def verdicts(findings: tuple[Finding, ...]) -> dict[tuple[str, int, str], Verdict]:
    return {
        (each.span.filename, each.span.start.row, each.code): each.verification.verdict
        for each in findings
        if each.verification is not None and each.verification.verdict is not Verdict.UNDECIDED
    }


def test_what_tensorflow_decides_in_place_of_others_they_decide_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    real = verdicts(lint(foreign_fixtures(), Settings(), verify=True).findings)
    hide(monkeypatch, "torch", "jax")
    instead = verdicts(lint(foreign_fixtures(), Settings(), verify=True).findings)
    assert {each: verdict for each, verdict in instead.items() if real.get(each) is not verdict} == {}
    assert len(instead) >= 0.8 * len(real) >= 40


def test_pytorch_computes_the_figures_of_the_tutorial() -> None:
    (finding,) = lint([Source.from_text(CODE, "train.py")], Settings(), verify=True).findings
    assert finding.verification is not None
    assert finding.verification.verdict is Verdict.CONFIRMED
    assert finding.verification.framework.startswith("PyTorch")
    literals = finding.verification.batches[0]
    assert literals.name == "literals"
    assert literals.before == pytest.approx((0.56551915, 1.4743223), rel=1e-6)
    assert literals.after == pytest.approx((0.02215516, 3.0996735), rel=1e-6)
