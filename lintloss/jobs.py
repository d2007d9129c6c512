"""Jobs: sources checked one after another, or by several processes at once; what is in the cache is not checked again.

Whichever way it is done, the answers are the same and in the same order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lintloss.config import Settings
from lintloss.sources import Source, absolute

if TYPE_CHECKING:
    from lintloss.analysis.parsed import ParsedFiles
    from lintloss.cache import Cache
    from lintloss.checking import Checked

WORTH_A_PROCESS = 400_000  # characters that could hold a loss; starting a process takes as long as checking them

Progress = Callable[[int, int], None]


@dataclass(eq=False)
class Timings:
    """What was done for the files of a run; `checked` are those analysed, with the seconds each took."""

    cached: int = 0
    quiet: int = 0
    checked: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Way:
    """How sources are checked: by how many processes, with which cache, and who is told how far it is.

    What is `parsed` in this process may be used by the next run, too.
    """

    jobs: int = 1
    cache: Cache | None = None
    parsed: ParsedFiles | None = None
    progress: Progress = lambda done, total: None
    timings: Timings = field(default_factory=Timings)


def available() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_all(sources: Sequence[Source], known: Sequence[Source], settings: Settings, way: Way) -> list[Checked]:
    """Check sources; `known` are these and those that count before what is on disk where they are imported.

    Raises:
        UsageError: settings name unknown rules, or knowledge is broken.
    """
    found = _from_cache(sources, known, way.cache)
    left = [source for source in sources if source.filename not in found]
    total = len(sources)
    way.timings.cached += len(found)
    for source, checked in _checked(left, known, settings, way):
        found[source.filename] = checked
        if checked.seconds:
            way.timings.checked.append((checked.seconds, source.filename))
        else:
            way.timings.quiet += 1
        way.progress(len(found), total)
        if way.cache is not None and checked.is_lasting:
            way.cache.put(source, checked)
    if way.cache is not None:
        way.cache.save()
    return [found[source.filename] for source in sources]


def _from_cache(sources: Sequence[Source], known: Sequence[Source], cache: Cache | None) -> dict[str, Checked]:
    if cache is None:
        return {}
    from lintloss.analysis.tree import Tree

    tree = Tree({absolute(source.filename): source for source in known}, Path.cwd())
    kept = ((source.filename, cache.get(source, tree.still_gives)) for source in sources)
    return {name: checked for name, checked in kept if checked is not None}


def _checked(
    sources: Sequence[Source], known: Sequence[Source], settings: Settings, way: Way
) -> Iterator[tuple[Source, Checked]]:
    if not sources:
        return
    from lintloss.checking import Checked, Checker, check_each

    checker = Checker(known, settings, way.parsed)
    loud: list[Source] = []
    for source in sources:
        if checker.is_quiet(source):
            yield source, Checked()
        else:
            loud.append(source)
    size = sum(len(source.text) for source in loud)
    on_disk = all(source.path is not None for source in known)
    if way.jobs > 1 and size > WORTH_A_PROCESS and on_disk:
        from lintloss.processes import in_processes

        yield from in_processes(loud, known, settings, checker, min(way.jobs, 1 + size // WORTH_A_PROCESS))
    else:
        yield from check_each(loud, checker)
