"""Garbage: how often Python looks for it, in the processes that are lintloss' own."""

from __future__ import annotations

import gc

# Modules, knowledge, terms and trees are made by the hundred thousand and live long: looking for garbage among them
# after every 700, as Python does by itself, costs a fifth of the time.
AT_START = 100_000  # objects: importing LibCST and reading the knowledge make fewer, and none of them is garbage
AT_WORK = 50_000  # more of them, and a process over a large tree grows by a fifth


def look_for_it_seldom(objects: int = AT_START) -> None:
    """Let Python look for garbage after so many new objects, for the rest of the process."""
    gc.set_threshold(objects, 5, 2)
