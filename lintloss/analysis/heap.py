"""The heap: what objects hold, and the calls that have yet to be followed to know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lintloss.analysis.objects import Function
from lintloss.analysis.terms import Guard, Origin, Term


@dataclass(eq=False)
class Waiting:
    """A call that has not been followed: nobody has asked yet what it gives, or what the object holds that it changes.

    `work` follows it, in the circumstances in which it was come to: `heap` is the state of the objects then, None where
    it does not matter. `number` is that of the object that it makes or changes, if it does either, and `before` what
    that held; until the call is followed it stands in the heap for what the object holds. `is_change` says that the
    object had been made before, `may_bring_losses` that it may hold loss functions afterwards. `sets` are the
    attributes that the call may set; None if they cannot be told.

    `changes` is what following it has left in the heap, by the numbers of the objects, each with what was there before:
    any state of the heap can take it over.
    """

    work: Callable[[], Term] | None
    path: list[Guard]
    scopes: list[tuple[frozenset[str], dict[str, Term]]]
    calls: list[tuple[Function, Origin | None]]
    flags: tuple[bool, bool]
    heap: Heap | None
    number: int | None = None
    before: Held | None = None
    is_change: bool = False
    sets: frozenset[str] | None = None
    may_bring_losses: bool = False
    value: Term | None = None
    is_running: bool = False
    changes: dict[int, tuple[Held | None, Held]] = field(default_factory=dict)

    def may_set(self, name: str) -> bool:
        """Whether the call may set an attribute of this name."""
        return self.sets is None or name in self.sets

    def add_to(self, heap: Heap) -> None:
        """Bring what following the call wrote into a heap. What was written there since then stays."""
        for number, (before, after) in self.changes.items():
            now = heap.get(number)
            if now is None or now is before or now is self:
                heap[number] = after
            elif now is not after and not isinstance(now, Waiting) and not isinstance(after, Waiting):
                known = before if before is not None and not isinstance(before, Waiting) else {}
                since = {name: value for name, value in now.items() if known.get(name) is not value}
                heap[number] = {**after, **since}


# What an object holds: its attributes, or the call that has to be followed to know them.
Held = Mapping[str, Term] | Waiting
Heap = dict[int, Held]
