"""The worker that holds JAX, and optax where it is installed.

This is the only module of lintloss that imports jax; nothing imports this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lintloss.confirm import programs
from lintloss.confirm.programs import Message, Refused


class Jax:
    """`programs.Framework` for JAX. What the code calls by NumPy's names is jax.numpy's: only that is traced."""

    def __init__(self) -> None:
        self.name = f"JAX {jax.__version__}"
        self.roots: Mapping[str, Any] = {"jax": jax, "numpy": jnp, "scipy": jax.scipy, "math": math}
        if find_spec("optax") is not None:
            import optax

            self.name += f", optax {optax.__version__}"
            self.roots = {**self.roots, "optax": optax}
        self.activations: Mapping[str, Callable[[Any], Any]] = {
            "softmax": jax.nn.softmax,
            "sigmoid": jax.nn.sigmoid,
        }
        self.meanings: Mapping[str, Callable[..., Any]] = {}

    def prepare(self, message: Message) -> None:
        pass

    def spellings(self, path: str) -> Iterator[str]:
        yield path

    def tensor(self, array: Any, dtype: str) -> Any:
        return jnp.asarray(array, dtype=dtype)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, jax.Array)

    def is_data_type(self, value: Any) -> bool:
        return type(value) is type(jnp.float32)

    def array(self, value: Any) -> Any:
        return np.asarray(value) if self.is_tensor(value) else value

    def call(self, path: str | None, function: Any, positional: list[Any], keywords: dict[str, Any]) -> Any:
        if path is None:
            raise Refused(f"a call of a {type(function).__name__}")
        return function(*positional, **keywords)

    def differentiated(self, compute: Callable[[Any], Any], value: Any) -> tuple[Any, Any]:
        def total(given: Any) -> tuple[Any, Any]:
            result = compute(given)
            return jnp.sum(jnp.asarray(result, jnp.float32)), result

        (_, result), gradient = jax.value_and_grad(total, has_aux=True)(value)
        return result, gradient


if __name__ == "__main__":
    programs.serve(Jax(), {})
