"""The references of losses that only PyTorch has, and PyTorch's clamp, against PyTorch itself in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from lintloss.confirm import references
from lintloss.confirm.expectations import Expectation, Weights
from lintloss.confirm.references import Options, Pointwise

Z = np.random.default_rng(5).normal(scale=3.0, size=(6, 4))
IDS = np.array([0, 3, 1, 1, 2, 0])
ROWS = np.random.default_rng(6).dirichlet(np.ones(4), 6)
BITS = np.random.default_rng(7).integers(0, 2, (6, 4)).astype(np.float64)
PER_CLASS = np.array([0.5, 2.0, 1.0, 3.0])
REDUCTIONS = ("none", "sum", "mean")


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


def test_kl_divergence_of_logarithms() -> None:
    logarithms = torch.log(torch.tensor(ROWS))
    check(
        references.kl_divergence(Z, np.log(ROWS), Options(log_labels=True)),
        lambda z: functional.kl_div(functional.log_softmax(z, 1), logarithms, reduction="none", log_target=True).sum(1),
    )


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


def test_kl_divergence_of_elements() -> None:
    """Each element's slope is that of the sum, as only all of them together are differentiated."""
    check(
        references.kl_divergence(Z, ROWS, Options(elementwise=True)),
        lambda z: functional.kl_div(functional.log_softmax(z, dim=1), torch.tensor(ROWS), reduction="none"),
    )


@pytest.mark.parametrize(("power", "margin"), [(1, 0.3), (2, 1.0), (2, 2.5)])
def test_multi_margin_with_power_margin_and_weights(power: int, margin: float) -> None:
    ids, weight = torch.tensor(IDS), torch.tensor(PER_CLASS)
    options = Options(power=power, margin=margin, class_weights=PER_CLASS)
    check(
        references.multi_margin(Z, IDS, options),
        lambda z: functional.multi_margin_loss(z, ids, p=power, margin=margin, weight=weight, reduction="none"),
    )


def agree(
    intent: str, options: Options, labels: Any, reduction: str, given: Weights, of_torch: Any, z: Any = Z
) -> None:
    """Loss and gradient, reduced, are those that `of_torch` gives for the logits."""
    logits = torch.tensor(z, requires_grad=True)
    values = of_torch(logits)
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    loss = Expectation(intent, options, reduction).on(z, labels, given)
    assert loss.values == pytest.approx(values.detach().numpy(), rel=1e-12)
    assert loss.gradient == pytest.approx(gradient.numpy(), rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("weight", [None, PER_CLASS])
def test_cross_entropy_of_ids(reduction: str, smoothing: float, ignored: int, weight: Any) -> None:
    def of_torch(z: Any) -> Any:
        return functional.cross_entropy(
            z,
            torch.tensor(IDS),
            None if weight is None else torch.tensor(weight),
            ignore_index=ignored,
            label_smoothing=smoothing,
            reduction=reduction,
        )

    options = Options(label_smoothing=smoothing, ignore_class=ignored)
    agree("softmax_cross_entropy", options, IDS, reduction, Weights(class_weights=weight), of_torch)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_rows_with_weights(reduction: str, smoothing: float) -> None:
    def of_torch(z: Any) -> Any:
        return functional.cross_entropy(
            z, torch.tensor(ROWS), torch.tensor(PER_CLASS), label_smoothing=smoothing, reduction=reduction
        )

    options = Options(label_smoothing=smoothing)
    agree("softmax_cross_entropy", options, ROWS, reduction, Weights(class_weights=PER_CLASS), of_torch)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_pixels_has_its_classes_second(reduction: str) -> None:
    z = np.random.default_rng(8).normal(size=(2, 4, 3, 5))
    ids = np.random.default_rng(9).integers(0, 4, (2, 3, 5))

    def of_torch(logits: Any) -> Any:
        weight = torch.tensor(PER_CLASS)
        return functional.cross_entropy(logits, torch.tensor(ids), weight, ignore_index=2, reduction=reduction)

    options = Options(axis=1, ignore_class=2)
    agree("softmax_cross_entropy", options, ids, reduction, Weights(class_weights=PER_CLASS), of_torch, z)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, PER_CLASS, PER_CLASS[:1], BITS + 0.5])
@pytest.mark.parametrize("positive", [None, PER_CLASS, np.array(3.0)])
def test_binary_cross_entropy(reduction: str, weight: Any, positive: Any) -> None:
    def of_torch(z: Any) -> Any:
        weights = {"weight": weight, "pos_weight": positive}
        given = {name: None if each is None else torch.tensor(each) for name, each in weights.items()}
        labels = torch.tensor(BITS)
        return functional.binary_cross_entropy_with_logits(z, labels, **given, reduction=reduction)

    given = Weights(class_weights=weight, pos_weight=positive)
    agree("sigmoid_cross_entropy", Options(), BITS, reduction, given, of_torch)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multi_label_soft_margin_averages_classes(reduction: str) -> None:
    def of_torch(z: Any) -> Any:
        weight = torch.tensor(PER_CLASS)
        return functional.multilabel_soft_margin_loss(z, torch.tensor(BITS), weight, reduction=reduction)

    given = Weights(class_weights=PER_CLASS)
    agree("sigmoid_cross_entropy", Options(rows="mean"), BITS, reduction, given, of_torch)
