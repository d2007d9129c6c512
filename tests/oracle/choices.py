"""Random choices that can be replayed, and made simpler one by one while something stays true of what comes of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Option = TypeVar("Option")


class Choices:
    """Picks among options, from a seed or by a recorded sequence; past its end always the first option."""

    def __init__(self, seed: int | None = None, recorded: Sequence[int] = ()) -> None:
        self._random = None if seed is None else random.Random(seed)
        self._recorded = recorded
        self.made: list[int] = []

    def among(self, *options: Option) -> Option:
        """One of the options; the first is the simplest."""
        return options[self.number(len(options))]

    def number(self, below: int) -> int:
        """A number from 0 to `below` - 1."""
        at = len(self.made)
        if self._random is not None:
            chosen = self._random.randrange(below)
        else:
            chosen = self._recorded[at] % below if at < len(self._recorded) else 0
        self.made.append(chosen)
        return chosen

    def rarely(self, one_in: int) -> bool:
        """True once in `one_in` times."""
        return self.number(one_in) == one_in - 1


def shrunk(made: Sequence[int], still: Callable[[Sequence[int]], bool], tries: int = 150) -> list[int]:
    """The simplest choices found, by setting runs of them to the first option, for which `still` holds."""
    best, known = list(made), {tuple(made)}
    while True:
        for simpler in _simpler(best):
            if tuple(simpler) in known:
                continue
            known.add(tuple(simpler))
            tries -= 1
            if tries < 0:
                return best
            if still(simpler):
                best = simpler
                break
        else:
            return best


def _simpler(made: Sequence[int]) -> Iterator[list[int]]:
    width = len(made)
    while width:
        for start in range(0, len(made), width):
            if any(made[start : start + width]):
                run = made[start : start + width]
                yield [*made[:start], *(0 for _ in run), *made[start + width :]]
                yield [*made[:start], *made[start + width :]]
        width //= 2
    for at, number in enumerate(made):
        if number > 1:
            yield [*made[:at], number - 1, *made[at + 1 :]]
