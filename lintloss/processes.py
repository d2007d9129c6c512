"""Processes that check sources of one run side by side.

They are started anew (`spawn`), read their files themselves, and take groups of files that lie together, the largest
first. Where one of them is killed or crashes, what it had not answered is checked in smaller and smaller parts: it
costs the file alone that makes it crash.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from lintloss import garbage
from lintloss.checking import Checked, Checker, check_each
from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.sources import Source, Unreadable, absolute

MOST_IN_A_GROUP = 8
MOST_KEPT = 4_000_000  # characters of sources that a process has read


def in_processes(
    sources: Sequence[Source], known: Sequence[Source], settings: Settings, checker: Checker, jobs: int
) -> Iterator[tuple[Source, Checked]]:
    """Check sources by so many processes; `known` as in `jobs.check_all`, `checker` for what none of them can do."""
    crew = _Crew(known, settings, checker)
    left = dict(enumerate(_groups(sources)))
    with suppress(BrokenProcessPool, OSError), crew.of(jobs) as executor:
        waiting = {executor.submit(_check_group, _names(group)): number for number, group in left.items()}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                checked = future.result()
                yield from crew.answers(left.pop(waiting.pop(future)), checked)
    yield from _one_by_one(left.values(), crew)


class _File(NamedTuple):
    """A file by its path, by how people know it, and by a digest of what it held."""

    path: Path
    filename: str
    named: bool
    digest: bytes

    @classmethod
    def of(cls, source: Source, path: Path) -> _File:
        return cls(path, source.filename, source.named, _digest(source))


class _Shelf(Mapping[str, Source]):
    """The sources of a run by their absolute paths, each read when it is asked for; those read last are kept."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._files = {absolute(file.filename): file for file in files}
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
            if sum(len(each.text) for each in self._read.values()) > MOST_KEPT:
                self._read.clear()
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    garbage.look_for_it_seldom(garbage.AT_WORK)
    _Worker.shelf = _Shelf(files)
    _Worker.checker = Checker(_Worker.shelf, settings)
    gc.collect()
    gc.freeze()  # what is there by now stays: LibCST, the API book, the rules


def _check_group(names: Sequence[str]) -> list[Checked | None]:
    """What is found in these files; None for one that is not any more what it was."""
    sources = [_Worker.shelf.get(absolute(name)) for name in names]
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
                process.kill()
            executor.shutdown(wait=False, cancel_futures=True)  # it may wait for ever for what a killed process held
            raise
        executor.shutdown(wait=True, cancel_futures=True)

    def answers(self, group: Sequence[Source], checked: Sequence[Checked | None]) -> Iterator[tuple[Source, Checked]]:
        """A process' answers; what has changed under its hands is checked here, as it was read."""
        for source, answer in zip(group, checked, strict=True):
            yield (source, answer) if answer is not None else next(check_each([source], self._checker))

    def here(self, groups: Iterable[Sequence[Source]]) -> Iterator[tuple[Source, Checked]]:
        return check_each((source for group in groups for source in group), self._checker)

    def given_up(self, source: Source) -> Checked:
        return self._checker.given_up(source, "the process that checked it has ended")


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


def _digest(source: Source) -> bytes:
    return hashlib.blake2b(source.original, digest_size=16).digest()
