"""Which framework runs which code."""

from __future__ import annotations

import importlib.util

import pytest

from lintloss.config import Settings
from lintloss.confirm.process import kind_for
from lintloss.finding import Verdict
from lintloss.linter import lint
from lintloss.sources import Source

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


def test_without_pytorch_the_worker_is_tensorflows(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    assert kind_for("torch").title == "TensorFlow"


def test_pytorch_computes_the_figures_of_the_tutorial() -> None:
    (finding,) = lint([Source.from_text(CODE, "train.py")], Settings(), verify=True).findings
    assert finding.verification is not None
    assert finding.verification.verdict is Verdict.CONFIRMED
    assert finding.verification.framework.startswith("PyTorch")
    literals = finding.verification.batches[0]
    assert literals.name == "literals"
    assert literals.before == pytest.approx((0.56551915, 1.4743223), rel=1e-6)
    assert literals.after == pytest.approx((0.02215516, 3.0996735), rel=1e-6)
