"""Depth: work that recurses as deep as the user's code is nested runs on a stack made for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

STACK = 512 * 1024 * 1024  # bytes of address space, of which only what is used becomes memory
RECURSION = 60_000

Result = TypeVar("Result")


def on_deep_stack(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread with a deep stack, and return or raise what it does."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed on to the caller
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    sys.setrecursionlimit(RECURSION)
    try:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]
