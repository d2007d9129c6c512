"""The API files of PyTorch, JAX, optax, Flax and Haiku against the libraries that are installed.

As `test_apis_completeness` does for TensorFlow: is every callable known, or waived with a reason, that could be a loss,
an activation or a layer, and are the parameters stated those that the installed callable has?
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import flax.linen
import flax.nnx
import haiku
import jax
import lightning.pytorch
import optax
import pytest
import torch
import torchmetrics.classification
import torchmetrics.functional.classification
from test_apis_completeness import FILES, actual, is_known, stated

TELLTALE = {"logits", "labels", "target", "targets", "label"}
# Imported into the module for its own use.
BORROWED = {"Callable", "Optional", "Tensor", "DType", "ScalingType", "SwizzleType", "boolean_dispatch"}


def callables(module: Any) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(module)):
        found = getattr(module, name)
        is_helper = name.startswith(("_", "has_torch_function", "handle_torch_function", "assert_"))
        if callable(found) and not is_helper and name not in BORROWED:
            yield name, found


def classes_of(base: type) -> Callable[[Any], Iterator[tuple[str, Any]]]:
    def found(module: Any) -> Iterator[tuple[str, Any]]:
        return (each for each in callables(module) if inspect.isclass(each[1]) and issubclass(each[1], base))

    return found


def telling(module: Any) -> Iterator[tuple[str, Any]]:
    """Callables with a parameter that a loss would have."""
    return (each for each in callables(module) if TELLTALE & parameters_of(each[1]))


def classifying(module: Any) -> Iterator[tuple[str, Any]]:
    """What another module has of TorchMetrics' classification."""
    homes = (torchmetrics.classification, torchmetrics.functional.classification)
    return (each for each in callables(module) if any(hasattr(home, each[0]) for home in homes))


def parameters_of(found: Any) -> set[str]:
    shown = torch.overrides.get_testing_overrides().get(found, found)
    try:
        return set(inspect.signature(shown).parameters)
    except (TypeError, ValueError):
        return set()


COMPLETE: dict[str, tuple[Any, Callable[[Any], Iterator[tuple[str, Any]]]]] = {
    "torch.nn": (torch.nn, classes_of(torch.nn.Module)),
    "torch.nn.functional": (torch.nn.functional, callables),
    "torch": (torch, telling),
    "optax": (optax, telling),
    "optax.losses": (optax.losses, callables),
    "jax.nn": (jax.nn, callables),
    "flax.linen": (flax.linen, classes_of(flax.linen.Module)),
    "flax.nnx": (flax.nnx, classes_of(flax.nnx.Module)),
    "haiku": (haiku, classes_of(haiku.Module)),
    "torchmetrics.classification": (torchmetrics.classification, classes_of(object)),
    "torchmetrics": (torchmetrics, classifying),
    "torchmetrics.functional.classification": (torchmetrics.functional.classification, callables),
    "torchmetrics.functional": (torchmetrics.functional, classifying),
}


@pytest.mark.parametrize("prefix", COMPLETE)
def test_every_callable_of_its_kind_is_known(prefix: str) -> None:
    module, of_kind = COMPLETE[prefix]
    names = [name for name, _ in of_kind(module)]
    assert len(names) > 3
    assert [name for name in names if not is_known(f"{prefix}.{name}")] == []


def test_activations_are_known_wherever_they_are_exported() -> None:
    activations = [name for name, _ in callables(jax.nn) if name.endswith(("lu", "max", "sigmoid", "tanh", "plus"))]
    homes = {"flax.linen": flax.linen, "flax.nnx": flax.nnx}
    exported = [f"{home}.{name}" for home, module in homes.items() for name in activations if hasattr(module, name)]
    assert len(exported) > 20
    assert [path for path in exported if not is_known(path)] == []


HOMES = {
    "torch.nn.functional.": torch.nn.functional,
    "torch.nn.": torch.nn,
    "optax.": optax,
    "jax.nn.": jax.nn,
    "flax.linen.": flax.linen,
    "flax.nnx.": flax.nnx,
    "haiku.": haiku,
}


def installed(name: str) -> Any:
    """The callable of that name; None for methods, and for what several libraries share."""
    for prefix, module in HOMES.items():
        if name.startswith(prefix):
            last = name.removeprefix(prefix)
            return None if "." in last else getattr(module, last, getattr(optax.losses, last, None))
    return None


@pytest.mark.parametrize("stem", ["torch", "optax", "jax", "flax", "haiku"])
def test_parameters_are_those_of_the_installed_callable(stem: str) -> None:
    wrong, checked = [], 0
    for entry in FILES[stem]["api"]:
        if "parameters" not in entry or entry["kind"] in ("module", "model", "structure", "waived", "make"):
            continue
        for name in entry["names"]:
            found = installed(name)
            if found is None:
                continue
            checked += 1
            wrong += [f"{name}: {each}" for each in differences(entry["parameters"], _shown(found))]
            method = _call_of(found)
            if "call" in entry and method is not None:
                wrong += [f"{name}: {each}" for each in differences(entry["call"], method)]
    assert checked >= 20
    assert wrong == []


def metric_of(name: str) -> Any:
    """The installed metric of that name."""
    is_function = name.startswith("torchmetrics.functional.")
    home = torchmetrics.functional.classification if is_function else torchmetrics.classification
    return getattr(home, name.rpartition(".")[2])


def test_metrics_of_torchmetrics_begin_with_the_parameters_stated() -> None:
    wrong, checked = [], 0
    for entry in (each for each in FILES["torchmetrics"]["api"] if each["kind"] == "metric"):
        plain = [each.partition("=")[0] for each in entry["parameters"] if not each.startswith("*")]
        for name in entry["names"]:
            found = metric_of(name)
            made = found.__new__ if plain == ["task"] else found
            names = [each for each in inspect.signature(made).parameters if each != "cls"]
            wrong += [name] if names[: len(plain)] != plain else []
            if "call" in entry and plain != ["task"]:
                given = list(inspect.signature(found.update).parameters)
                wrong += [f"{name}.update"] if given != ["self", *entry["call"]] else []
            checked += 1
    assert checked > 200
    assert wrong == []


def test_lightning_modules_are_pytorchs() -> None:
    assert is_known("lightning.pytorch.LightningModule")
    assert is_known("pytorch_lightning.LightningModule")
    assert issubclass(lightning.pytorch.LightningModule, torch.nn.Module)


SIMPLE = (type(None), bool, int, float, str, tuple)
# Fields that every Flax module has, and what PyTorch's functions count the stack with.
NOBODYS = {"self", "parent", "name"}


def differences(specs: list[str], found: Any) -> list[str]:
    """What the stated parameters and the installed ones disagree on: names, order, defaults that are plain values."""
    theirs = [each for each in actual(found) or [] if each[1] not in NOBODYS]
    mine = [each for each in stated(specs) if each[1] not in NOBODYS]
    if not theirs or any(kind == "rest" for kind, *_ in theirs):
        return []
    is_open = any(kind == "options" or kind == "rest" for kind, *_ in mine)
    names, order = [name for _, name, _ in mine], [name for _, name, _ in theirs]
    known = [name for kind, name, _ in mine if kind in ("plain", "keyword")]
    result = [] if is_open or names == order else [f"states {names}, has {order}"]
    result += [f"positional {known}, has {order}"] if order[: len(known)] != known and not is_open else []
    defaults = {name: default for _, name, default in theirs}
    for _, name, default in mine:
        actually = defaults.get(name, default)
        if name in known and isinstance(actually, SIMPLE) and default != actually:
            result.append(f"{name}={default!r}, has {actually!r}")
    return result


def _shown(found: Any) -> Any:
    """What has the callable's signature: PyTorch's own are written in C++ and described elsewhere."""
    try:
        inspect.signature(found)
    except (TypeError, ValueError):
        return torch.overrides.get_testing_overrides().get(found, found)
    return found


def _call_of(found: Any) -> Any:
    """The method that a call of an object of this class runs."""
    if not inspect.isclass(found):
        return None
    return found.forward if hasattr(found, "forward") else vars(found).get("__call__")
