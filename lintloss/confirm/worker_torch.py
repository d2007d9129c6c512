"""The worker that holds PyTorch.

This is the only module of lintloss that imports torch; nothing imports this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from lintloss.confirm import programs
from lintloss.confirm.programs import Message, Operations, Refused, leaf, outcome, run, told

torch.set_num_threads(1)


class Torch:
    """`programs.Framework` for PyTorch."""

    def __init__(self) -> None:
        self.name = f"PyTorch {torch.__version__}"
        self.roots: Mapping[str, Any] = {"torch": torch, "numpy": np, "math": math}
        self.activations: Mapping[str, Callable[[Any], Any]] = {"softmax": _softmax, "sigmoid": torch.sigmoid}
        self.meanings: Mapping[str, Callable[..., Any]] = {}

    def prepare(self, message: Message) -> None:
        pass

    def spellings(self, path: str) -> Iterator[str]:
        yield path

    def tensor(self, array: Any, dtype: str) -> Any:
        # Class ids and the like are 64 bits wide in PyTorch, whatever they are elsewhere.
        wide = torch.int64 if dtype.startswith("int") else getattr(torch, dtype)
        return torch.tensor(np.asarray(array), dtype=wide)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def is_data_type(self, value: Any) -> bool:
        return isinstance(value, torch.dtype)

    def array(self, value: Any) -> Any:
        if not self.is_tensor(value):
            return value
        value = value.detach()
        return value.float().numpy() if value.dtype is torch.bfloat16 else value.numpy()

    def call(self, path: str | None, function: Any, positional: list[Any], keywords: dict[str, Any]) -> Any:
        if path is None and not isinstance(function, torch.nn.Module):
            raise Refused(f"a call of a {type(function).__name__}")
        return function(*positional, **keywords)

    def differentiated(self, compute: Callable[[Any], Any], value: Any) -> tuple[Any, Any]:
        value = value.detach().clone().requires_grad_()
        result = compute(value)
        if not self.is_tensor(result) or not result.requires_grad:
            return result, None
        (gradient,) = torch.autograd.grad(result.sum(), value, allow_unused=True)
        return result, gradient


def _softmax(value: Any) -> Any:
    return torch.softmax(value, dim=-1)


FRAMEWORK = Torch()


def train(message: Message, operations: Operations) -> Message:
    """The loss that a trainer takes its step with, and its gradient with respect to the pre-activations.

    A trainer is given a model and a loss, and calls the loss with what the model outputs and the labels.
    """
    leaves = {name: leaf(data, FRAMEWORK) for name, data in message["leaves"].items()}
    logits = leaf(message["logits"], FRAMEWORK)
    return {
        name: outcome(partial(_trained, side, logits, leaves, operations)) for name, side in message["sides"].items()
    }


def _trained(side: Message, logits: Any, leaves: dict[str, Any], operations: Operations) -> Message:
    labels = run(side["labels"], operations, leaves)
    loss = run(side["loss"], operations, {})

    def compute(value: Any) -> Any:
        return loss(run(side["head"], operations, {side["leaf"]: value}), labels)

    result, gradient = FRAMEWORK.differentiated(compute, logits)
    slope = None if gradient is None else told(gradient, FRAMEWORK)
    return {"value": told(result, FRAMEWORK), "gradient": slope}


if __name__ == "__main__":
    programs.serve(FRAMEWORK, {"train": train})
