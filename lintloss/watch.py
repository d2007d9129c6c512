"""Watching: the same run again whenever a file that it reads has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

PAUSE = 0.5  # seconds between two looks


def repeat(run: Callable[[], object], files: Callable[[], Iterable[Path]]) -> None:
    """Run now and after each change of the files, until someone interrupts it."""
    with suppress(KeyboardInterrupt):
        while True:
            before = _state(files())
            run()
            while _state(files()) == before:
                time.sleep(PAUSE)


def _state(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    state: dict[Path, tuple[int, int]] = {}
    for file in files:
        with suppress(OSError):
            stat = file.stat()
            state[file] = (stat.st_mtime_ns, stat.st_size)
    return state
