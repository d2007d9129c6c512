"""What losses are tried on: the literals of the code, then seeded logits and labels of a fitting shape.

A *leaf value* is what the worker gets for a leaf: `{"form": "tensor" | "array" | "python", "dtype", "shape", "data"}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lintloss.analysis.facts import Dimension
from lintloss.confirm.references import Array, Integers, one_hot

LeafValue = dict[str, Any]
Anything = npt.NDArray[Any]

CLASSES = 5
MODERATE_SCALE = 3.0
MODERATE_BOUND = 6.0  # so that no softmax probability falls below Keras' clamp
EXTREME = 1e4
SEED = 20240229
NAMES = ("moderate", "extreme")


def as_array(value: LeafValue) -> Anything:
    """The numbers of a leaf value, floats in float64, as the framework holds them: a Python float becomes float32."""
    data: Anything = np.asarray(value["data"])
    data = data.reshape(value["shape"])
    if data.dtype.kind != "f":
        return data
    return rounded(data, "float32" if value["form"] == "python" else value["dtype"])


def tensor(data: Anything, dtype: str) -> LeafValue:
    """A leaf value that becomes a tensor of `dtype`."""
    return {"form": "tensor", "dtype": dtype, "shape": list(data.shape), "data": data.tolist()}


def like(value: LeafValue, data: Anything) -> LeafValue:
    """A leaf value with other numbers, of the same form and type as `value`."""
    if "int" in value["dtype"] or value["dtype"] == "bool":
        data = data.astype(np.int64)
    return {**value, "shape": list(data.shape), "data": data.tolist()}


def rounded(data: Anything, dtype: str) -> Array:
    """`data` to the precision of `dtype`, in float64."""
    if dtype == "bfloat16":
        bits = np.asarray(data, np.float32).view(np.uint32)
        return np.asarray(((bits + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32), np.float64)
    return np.asarray(np.asarray(data).astype(dtype), np.float64)


def logits(name: str, shape: tuple[int, ...], dtype: str) -> Array:
    """Seeded logits: `moderate` ones are normal and bounded, `extreme` ones between 5e3 and 1e4 in size."""
    generator = np.random.default_rng([SEED, NAMES.index(name)])
    if name == "moderate":
        drawn = np.clip(generator.normal(scale=MODERATE_SCALE, size=shape), -MODERATE_BOUND, MODERATE_BOUND)
    else:
        drawn = EXTREME * generator.uniform(0.5, 1.0, shape) * generator.choice([-1.0, 1.0], shape)
    return rounded(drawn, dtype)


def labels(name: str, encoding: str, shape: tuple[int, ...], axis: int) -> Anything:
    """Seeded labels for logits of `shape`, whose classes lie along `axis`.

    `class_ids` lack that axis; all other encodings have the logits' shape.
    """
    generator = np.random.default_rng([SEED, 7 + NAMES.index(name)])
    classes = shape[axis] if shape else 2
    if encoding in ("multi_hot", "binary"):
        return generator.integers(0, 2, shape).astype(np.float64)
    if encoding == "continuous":
        return generator.normal(size=shape)
    rest = tuple(np.delete(shape, axis))
    if encoding == "soft":
        return np.moveaxis(generator.dirichlet(np.ones(classes), rest), -1, axis)
    ids: Integers = generator.permutation(np.arange(int(np.prod(rest)))).reshape(rest) % classes
    return ids if encoding == "class_ids" else np.moveaxis(one_hot(ids, classes), -1, axis)


def weights(name: str, examples: int) -> Array:
    """Seeded positive weights, one per example."""
    return np.random.default_rng([SEED, 13 + NAMES.index(name)]).uniform(0.5, 2.0, examples)


def mask(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """A seeded mask of a shape, with the first position true and the last one false."""
    drawn = np.random.default_rng([SEED, 17 + NAMES.index(name)]).uniform(size=shape) < 0.7
    drawn.flat[0], drawn.flat[-1] = True, False
    return drawn


def encoding_of(values: Anything) -> str:
    """What literal labels look like."""
    if values.dtype.kind == "f" and not np.array_equal(values, np.round(values)):
        return "soft" if values.ndim and np.allclose(values.sum(axis=-1), 1.0, atol=1e-6) else "continuous"
    is_binary = bool(np.isin(values, (0, 1)).all())
    if values.ndim > 1 and values.shape[-1] > 1 and is_binary:
        return "one_hot" if bool((values.sum(axis=-1) == 1).all()) else "multi_hot"
    return "class_ids" if not is_binary or values.ndim <= 1 else "binary"


def shapes(known: tuple[Dimension, ...] | None, classes: int | None, family: str) -> Iterator[tuple[int, ...]]:
    """Shapes that the logits may have, likeliest first; a known shape with its gaps filled is the only one."""
    if known is not None:
        yield _filled(known, classes)
        return
    if "sigmoid" in family and classes in (None, 1):
        yield from ((6, 1), (6,), (2, 3, 3, 1))
    width = classes or CLASSES
    yield from ((4, width), (2, 3, width), (2, 3, 3, width), (4, 1, 1, width))


def _filled(known: tuple[Dimension, ...], classes: int | None) -> tuple[int, ...]:
    last = len(known) - 1
    guesses = [4 if at == 0 else (classes or CLASSES) if at == last else 3 for at in range(len(known))]
    sizes = zip(known, guesses, strict=True)
    return tuple(size if isinstance(size, int) and size < 4096 else guess for size, guess in sizes)
