"""Jobs: sources checked one after another, or by several processes at once; what is in the cache is not checked again.

Whichever way it is done, the answers are the same and in the same order. Processes are started anew (`spawn`), read
their files themselves, and take groups of files that lie together, the largest first. Where one of them is killed or
crashes, what it had not answered is checked in smaller and smaller parts: it costs the file alone that makes it crash.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.sources import Source, Unreadable

if TYPE_CHECKING:
    from lintloss.cache import Cache
    from lintloss.checking import Checked, Checker

WORTH_A_PROCESS = 400_000  # characters that could hold a loss; starting a process takes as long as checking them
MOST_IN_A_GROUP = 8
# Terms and trees are made by the hundred thousand and live as long as their file: looking for garbage among them
# after every 700, as Python does by itself, costs an eighth of the time.
OBJECTS_BETWEEN_COLLECTIONS = 20_000

Progress = Callable[[int, int], None]


@dataclass(eq=False)
class Timings:
    """What was done for the files of a run; `checked` are those analysed, with the seconds each took."""

    cached: int = 0
    quiet: int = 0
    checked: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Way:
    """How sources are checked: by how many processes, with which cache, and who is told how far it is."""

    jobs: int = 1
    cache: Cache | None = None
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
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    found = _from_cache(sources, known, way.cache)
    left = [source for source in sources if source.filename not in found]
    total = len(sources)
    way.timings.cached += len(found)
    for source, checked in _checked(left, known, settings, way.jobs):
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

    tree = Tree({_key(source.filename): source for source in known}, Path.cwd())
    kept = ((source.filename, cache.get(source, tree.still_gives)) for source in sources)
    return {name: checked for name, checked in kept if checked is not None}


def _checked(
    sources: Sequence[Source], known: Sequence[Source], settings: Settings, jobs: int
) -> Iterator[tuple[Source, Checked]]:
    if not sources:
        return
    from lintloss.checking import Checked, Checker

    checker = Checker(known, settings)
    loud: list[Source] = []
    for source in sources:
        if checker.is_quiet(source):
            yield source, Checked()
        else:
            loud.append(source)
    size = sum(len(source.text) for source in loud)
    on_disk = all(source.path is not None for source in known)
    if jobs > 1 and size > WORTH_A_PROCESS and on_disk:
        yield from _in_processes(loud, _Crew(known, settings, checker), min(jobs, 1 + size // WORTH_A_PROCESS))
    else:
        yield from _here(loud, checker)


def _here(sources: Iterable[Source], checker: Checker) -> Iterator[tuple[Source, Checked]]:
    for source in sources:
        yield source, on_deep_stack(partial(checker.check, source))


# -- processes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """A file by its path, by how people know it, and by a digest of what it held."""

    path: Path
    filename: str
    named: bool
    digest: bytes

    @classmethod
    def of(cls, source: Source, path: Path) -> _File:
        return cls(path, source.filename, source.named, _digest(source))


class _Shelf(Mapping[str, Source]):
    """The sources of a run by their absolute paths, each read when it is first asked for."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._files = {_key(file.filename): file for file in files}
        self._read: dict[str, Source] = {}

    def __getitem__(self, key: str) -> Source:
        found = self._read.get(key)
        if found is None:
            file = self._files[key]
            try:
                source = Source.read(file.path, file.filename)
            except Unreadable as error:
                raise KeyError(key) from error
            if _digest(source) != file.digest:
                raise KeyError(key)  # it has changed since it was read first
            found = self._read[key] = replace(source, named=file.named)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class _Worker:
    """What one process keeps between groups of files."""

    checker: Checker
    shelf: _Shelf


def _start(files: Sequence[_File], settings: Settings) -> None:
    from lintloss.checking import Checker

    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    _Worker.shelf = _Shelf(files)
    _Worker.checker = Checker(_Worker.shelf, settings)


def _check_group(names: Sequence[str]) -> list[Checked | None]:
    """What is found in these files; None for one that is not any more what it was."""
    sources = [_Worker.shelf.get(_key(name)) for name in names]
    return on_deep_stack(lambda: [None if each is None else _Worker.checker.check(each) for each in sources])


class _Crew:
    """Processes that check files of one run, and what this process does in their place where they cannot."""

    def __init__(self, known: Sequence[Source], settings: Settings, checker: Checker) -> None:
        self._files = [_File.of(each, each.path) for each in known if each.path is not None]
        self._settings = settings
        self._checker = checker

    @contextmanager
    def of(self, jobs: int) -> Iterator[ProcessPoolExecutor]:
        """So many processes; none of them is left behind."""
        context = multiprocessing.get_context("spawn")
        start = (self._files, self._settings)
        executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=start)
        try:
            yield executor
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def answers(self, group: Sequence[Source], checked: Sequence[Checked | None]) -> Iterator[tuple[Source, Checked]]:
        """A process' answers; what has changed under its hands is checked here, as it was read."""
        for source, answer in zip(group, checked, strict=True):
            yield (source, answer) if answer is not None else next(_here([source], self._checker))

    def here(self, groups: Iterable[Sequence[Source]]) -> Iterator[tuple[Source, Checked]]:
        return _here((source for group in groups for source in group), self._checker)

    def given_up(self, source: Source) -> Checked:
        return self._checker.given_up(source, "the process that checked it has ended")


def _in_processes(sources: Sequence[Source], crew: _Crew, jobs: int) -> Iterator[tuple[Source, Checked]]:
    left = dict(enumerate(_groups(sources)))
    with suppress(BrokenProcessPool, OSError), crew.of(jobs) as executor:
        waiting = {executor.submit(_check_group, _names(group)): number for number, group in left.items()}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                checked = future.result()
                yield from crew.answers(left.pop(waiting.pop(future)), checked)
    yield from _one_by_one(left.values(), crew)


def _one_by_one(groups: Iterable[Sequence[Source]], crew: _Crew) -> Iterator[tuple[Source, Checked]]:
    """What is left after a process has ended: each group for itself, and each file of one that ends another."""
    left = deque(groups)
    while left:
        started, is_ready = time.perf_counter(), False
        with suppress(BrokenProcessPool, OSError), crew.of(1) as executor:
            is_ready = executor.submit(bool, 1).result()
            while left:
                started = time.perf_counter()
                checked = executor.submit(_check_group, _names(left[0])).result()
                yield from crew.answers(left.popleft(), checked)
        if left and not is_ready:  # no process can be had
            yield from crew.here(left)
            return
        if left:
            group = left.popleft()
            if len(group) == 1:
                yield group[0], replace(crew.given_up(group[0]), seconds=time.perf_counter() - started)
            left.extendleft([source] for source in reversed(group) if len(group) > 1)


def _names(group: Sequence[Source]) -> list[str]:
    return [source.filename for source in group]


def _groups(sources: Sequence[Source]) -> list[list[Source]]:
    """Files of one folder together, as they import the same, the most code first."""
    groups: list[list[Source]] = []
    for _, together in groupby(sources, key=lambda source: Path(source.filename).parent):
        listed = list(together)
        groups += [listed[at : at + MOST_IN_A_GROUP] for at in range(0, len(listed), MOST_IN_A_GROUP)]
    return sorted(groups, key=lambda group: -sum(len(source.text) for source in group))


def _key(filename: str) -> str:
    return str(Path(filename).absolute())


def _digest(source: Source) -> bytes:
    return hashlib.blake2b(source.original, digest_size=16).digest()
