"""What a loss is meant to be, in float64: softmax and sigmoid cross entropy, from their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def per_example(meaning: str, labels: Array, scores: Array) -> Array:
    """The losses `[...]` of scores `[..., C]` for labels `[..., C]`, a weight per class.

    - softmax: `sum_c y_c (log sum_k exp z_k - z_c)`
    - sigmoid: `mean_c (y_c log(1 + exp -z_c) + (1 - y_c) log(1 + exp z_c))`
    """
    if meaning == "softmax":
        return np.asarray((labels * (_log_sum_exp(scores) - scores)).sum(axis=-1))
    return np.asarray((labels * _softplus(-scores) + (1 - labels) * _softplus(scores)).mean(axis=-1))


def reduced(losses: Array, reduction: str) -> Array:
    """All losses, their sum or their mean."""
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


def _log_sum_exp(scores: Array) -> Array:
    largest = scores.max(axis=-1, keepdims=True)
    return np.asarray(largest + np.log(np.exp(scores - largest).sum(axis=-1, keepdims=True)))


def _softplus(values: Array) -> Array:
    return np.asarray(np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values))))
