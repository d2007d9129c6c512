"""Garbage: how often Python looks for it, in the processes that are lintloss' own."""

from __future__ import annotations

import gc

# Modules, knowledge, terms and trees are made by the hundred thousand and live long: looking for garbage among them
# after every 700, as Python does by itself, costs a fifth of the time.
_THRESHOLDS = (100_000, 5, 2)  # objects, and collections of the younger generations


def look_for_it_seldom() -> None:
    """Let Python look for garbage less often, for the rest of the process."""
    gc.set_threshold(*_THRESHOLDS)
