"""When documents are linted: one at a time, away from the loop that talks to the editor, and soon after an edit.

An edit waits until the typing pauses. What is asked for meanwhile (a hover, code actions) is answered from a
report on the text as it is: the newest one if it is of that text, else one that is made at once.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from lintloss.analysis.parsed import ParsedFiles
from lintloss.jobs import Way
from lintloss.server.documents import Document, Documents
from lintloss.server.workspace import Linted, lint

AT_ONCE = 0.0  # seconds
AFTER_TYPING = 0.2
WHEN_QUIET = 1.0  # for the documents that an edit elsewhere may concern

Result = TypeVar("Result")


class Worker:
    """One thread for all work on code, which does not keep the process alive."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="lintloss", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._jobs.get()()

    async def do(self, work: Callable[[], Result]) -> Result:
        """Return or raise what `work` does, unless nobody waits for it any more when its turn comes."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()

        def job() -> None:
            if result.cancelled():
                return
            try:
                value = work()
            except Exception as error:
                loop.call_soon_threadsafe(_fail, result, error)
            else:
                loop.call_soon_threadsafe(_succeed, result, value)

        self._jobs.put(job)
        return await result


def _succeed(future: asyncio.Future[Result], value: Result) -> None:
    if not future.cancelled():
        future.set_result(value)


def _fail(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.cancelled():
        future.set_exception(error)


class _State(NamedTuple):
    """What a report rests on: the document, those that are open beside it, and what was on disk, by a count."""

    opened: tuple[Document, ...]
    disk: int


class Desk:
    """Keeps the newest report of each open document, and tells when there is a newer one."""

    def __init__(self, documents: Documents, tell: Callable[[Linted], None], fail: Callable[[Exception], None]) -> None:
        self._documents = documents
        self._tell = tell
        self._fail = fail
        self._worker = Worker()
        self._way = Way(parsed=ParsedFiles())  # an edit changes one file, and what it imports stays parsed
        self._disk = 0
        self._reports: dict[str, tuple[_State, Linted]] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._making: dict[str, tuple[_State, asyncio.Task[Linted | None]]] = {}

    def edited(self, uri: str, delay: float) -> None:
        """Lint a document soon, and later the others, which may import it."""
        self.wanted(uri, delay)
        for other in self._documents:
            if other.uri != uri:
                self.wanted(other.uri, delay + WHEN_QUIET)

    def saved(self, uri: str) -> None:
        """Lint a document at once, and later the others: what is on disk has changed."""
        self._disk += 1
        self.edited(uri, AT_ONCE)

    def wanted(self, uri: str, delay: float) -> None:
        """Lint a document after `delay` seconds in which nobody asks for that again."""
        self._drop(uri)
        self._waiting[uri] = asyncio.get_running_loop().create_task(self._lint_later(uri, delay))

    def surroundings_changed(self) -> None:
        """Lint all documents again: files on disk or settings have changed."""
        self._disk += 1
        for document in self._documents:
            self.wanted(document.uri, AFTER_TYPING)

    def closed(self, uri: str) -> None:
        self._drop(uri)
        self._reports.pop(uri, None)
        self._making.pop(uri, None)
        for other in self._documents:
            self.wanted(other.uri, WHEN_QUIET)

    async def linted(self, document: Document) -> Linted | None:
        """The report on a document as it is now; None if it cannot be had, or is outdated when it arrives."""
        state = self._state(document)
        known, report = self._reports.get(document.uri, (None, None))
        if known == state:
            return report
        making = self._made(document.uri, state)
        try:
            return await asyncio.shield(making)  # whoever stops waiting for a report does not stop it
        except asyncio.CancelledError:
            if making.cancelled():
                return None
            raise

    async def do(self, work: Callable[[], Result]) -> Result:
        """Do other work on code in its turn."""
        return await self._worker.do(work)

    def _state(self, document: Document) -> _State:
        return _State((document, *(other for other in self._documents if other is not document)), self._disk)

    def _drop(self, uri: str) -> None:
        waiting = self._waiting.pop(uri, None)
        if waiting is not None:
            waiting.cancel()

    async def _lint_later(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        self._waiting.pop(uri, None)
        document = self._documents.get(uri)
        if document is not None:
            await self.linted(document)

    def _made(self, uri: str, state: _State) -> asyncio.Task[Linted | None]:
        """The report that is being made, or a new one."""
        if uri in self._making:
            known, task = self._making[uri]
            if known == state:
                return task
            task.cancel()
        task = asyncio.get_running_loop().create_task(self._make(uri, state))
        self._making[uri] = (state, task)
        return task

    async def _make(self, uri: str, state: _State) -> Linted | None:
        document, *others = state.opened
        try:
            made = await self._worker.do(lambda: lint(document, others, self._way))
        except Exception as error:
            self._fail(error)
            return None
        finally:
            if uri in self._making and self._making[uri][0] is state:
                del self._making[uri]
        if self._documents.get(uri) is not document:
            return None
        self._reports[uri] = (state, made)
        self._tell(made)
        return made
