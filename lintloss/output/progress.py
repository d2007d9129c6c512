"""How far a run is and where its time went, for people at a terminal; both go to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from lintloss.jobs import Timings

_PATIENCE = 1.0  # seconds before a bar is shown
_PAUSE = 0.1
_WIDTH = 30
_SLOWEST = 5


class Bar:
    """A bar that appears when a run takes over a second, and leaves nothing behind."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._started < _PATIENCE or now - self._shown < _PAUSE:
            return
        self._shown = now
        filled = _WIDTH * done // max(total, 1)
        sys.stderr.write(f"\r{'#' * filled}{'-' * (_WIDTH - filled)} {done} of {total} files")
        sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def timings(known: Timings, seconds: float) -> str:
    """Return what was done, and which files took longest."""
    return "".join(f"{line}\n" for line in _timings(known, seconds))


def _timings(known: Timings, seconds: float) -> Iterator[str]:
    counts = f"{known.cached} from the cache, {known.quiet} that can hold no loss, {len(known.checked)} analysed"
    yield f"{seconds:.2f} s for {known.cached + known.quiet + len(known.checked)} files: {counts}"
    for taken, filename in sorted(known.checked, reverse=True)[:_SLOWEST]:
        yield f"{taken:8.2f} s  {filename}"
