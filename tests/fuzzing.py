"""How much of a property is tried: a few inputs in the test run, always the same; on demand others, for minutes.

`LINTLOSS_FUZZ_MINUTES=30 pytest tests/test_fuzz.py` shares thirty minutes of processor time among the properties.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings

MINUTES = float(os.environ.get("LINTLOSS_FUZZ_MINUTES", "0"))
_AT_A_TIME = 20

_Property = TypeVar("_Property", bound=Callable[..., Any])
_tried: Counter[str] = Counter()
_spent: dict[str, float] = {}


def bounded(examples: int = 12) -> Callable[[_Property], _Property]:
    """Say how many inputs a property, made by hypothesis' `given`, gets in the test run."""

    def decorate(property_: Any) -> Any:
        name = property_.__name__.removeprefix("test_")
        _spent[name] = 0.0
        property_.hypothesis.inner_test = _counted(name, property_.hypothesis.inner_test)
        limited = settings(
            max_examples=_AT_A_TIME if MINUTES else examples,
            derandomize=not MINUTES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )(property_)
        return _repeated(name, limited) if MINUTES else limited

    return decorate


def _counted(name: str, once: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(once)
    def counting(*given: Any, **named: Any) -> None:
        _tried[name] += 1
        once(*given, **named)

    return counting


def _repeated(name: str, limited: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(limited)
    def repeating(*given: Any, **named: Any) -> None:
        started = _processor_seconds()
        while _spent[name] < MINUTES * 60 / len(_spent):
            limited(*given, **named)
            _spent[name] = _processor_seconds() - started

    return repeating


def _processor_seconds() -> float:
    """What this process and those that it has waited for have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def summary() -> Iterator[str]:
    """A line for each property that was tried for minutes, and one for all."""
    tried = {name: seconds for name, seconds in _spent.items() if seconds}
    for name, seconds in tried.items():
        yield f"{name}: {_tried[name]} inputs in {seconds:.0f} s"
    if tried:
        yield f"{_tried.total()} inputs in {sum(tried.values()) / 60:.1f} minutes of processor time"
