"""The references of losses that only PyTorch has, and PyTorch's clamp, against PyTorch itself in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from lintloss.confirm import references
from lintloss.confirm.references import Options, Pointwise

Z = np.random.default_rng(5).normal(scale=3.0, size=(6, 4))
IDS = np.array([0, 3, 1, 1, 2, 0])
ROWS = np.random.default_rng(6).dirichlet(np.ones(4), 6)


def check(loss: Pointwise, of_torch: Any) -> None:
    """`of_torch` gives one loss per row of logits, or per logit."""
    z = torch.tensor(Z, requires_grad=True)
    values = of_torch(z)
    (gradient,) = torch.autograd.grad(values.sum(), z)
    assert loss.values == pytest.approx(values.detach().numpy(), rel=1e-12)
    assert loss.slopes == pytest.approx(gradient.numpy(), rel=1e-12, abs=1e-14)


def row_divergence(z: Any, rows: Any) -> Any:
    log_p = functional.log_softmax(z, dim=1)
    return functional.kl_div(log_p, torch.tensor(rows), reduction="none").sum(1)


def test_kl_divergence() -> None:
    check(references.kl_divergence(Z, ROWS), lambda z: row_divergence(z, ROWS))


def test_kl_divergence_of_rows_with_zeros() -> None:
    rows = references.one_hot(IDS, 4)
    check(references.kl_divergence(Z, rows), lambda z: row_divergence(z, rows))


def test_multi_margin() -> None:
    ids = torch.tensor(IDS)
    check(references.multi_margin(Z, IDS), lambda z: functional.multi_margin_loss(z, ids, reduction="none"))


def test_label_smoothing_is_pytorchs() -> None:
    ids = torch.tensor(IDS)
    loss = references.sparse_softmax_cross_entropy(Z, IDS, Options(label_smoothing=0.1))
    check(loss, lambda z: functional.cross_entropy(z, ids, reduction="none", label_smoothing=0.1))


def test_a_negative_clamp_bounds_the_logarithm() -> None:
    extreme = np.array([-1e4, -200.0, 0.5, 300.0, 1e4])
    labels = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    loss = references.sigmoid_cross_entropy(extreme, labels, Options(clamp=-100.0))
    p = torch.sigmoid(torch.tensor(extreme))
    of_torch = functional.binary_cross_entropy(p, torch.tensor(labels), reduction="none")
    assert loss.values == pytest.approx(of_torch.numpy(), rel=1e-9)
