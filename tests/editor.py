"""An editor for tests: pygls' own client, which starts the server as a process and speaks to it over pipes."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

import lintloss

PATIENCE = 60.0  # seconds; the machine that runs the tests may be busy
ROOT = str(Path(lintloss.__file__).parents[1])

Result = TypeVar("Result")

FULL = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
        did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
    ),
    text_document=types.TextDocumentClientCapabilities(
        publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True),
        hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.Markdown]),
    ),
    notebook_document=types.NotebookDocumentClientCapabilities(types.NotebookDocumentSyncClientCapabilities()),
)


class Editor:
    """One session with a server; `shown` are the diagnostics by URI as the server last sent them."""

    def __init__(self, root: Path, capabilities: types.ClientCapabilities = FULL, **environment: str) -> None:
        self.root = root
        self.shown: dict[str, types.PublishDiagnosticsParams] = {}
        self.history: list[types.PublishDiagnosticsParams] = []
        self.messages: list[str] = []
        self.registrations: list[types.Registration] = []
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.client = LanguageClient("test-editor", "1")
        self._listen()
        self.start = {**os.environ, "PYTHONPATH": ROOT, **environment}
        self.do(self.client.start_io(sys.executable, "-m", "lintloss", "server", env=self.start, cwd="/"))
        self.capabilities = self.do(self.client.initialize_async(self._hello(capabilities))).capabilities
        self.client.initialized(types.InitializedParams())

    def _hello(self, capabilities: types.ClientCapabilities) -> types.InitializeParams:
        folder = types.WorkspaceFolder(self.root.as_uri(), "project")
        return types.InitializeParams(capabilities, process_id=os.getpid(), workspace_folders=[folder])

    def _listen(self) -> None:
        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            with self._news:
                self.shown[params.uri] = params
                self.history.append(params)
                self._news.notify_all()

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def told(params: types.ShowMessageParams) -> None:
            with self._news:
                self.messages.append(params.message)
                self._news.notify_all()

        @self.client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def registered(params: types.RegistrationParams) -> None:
            with self._news:
                self.registrations.extend(params.registrations)
                self._news.notify_all()

    @property
    def process(self) -> asyncio.subprocess.Process:
        server = self.client._server
        assert server is not None
        return server

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def wait_for(self, holds: Any) -> None:
        """Wait until something holds; what the server sends is looked at again each time."""
        with self._news:
            assert self._news.wait_for(holds, PATIENCE), (self.messages, self.shown)

    # -- files -----------------------------------------------------------------------------------------------

    def open(self, path: Path, text: str, version: int = 1) -> str:
        item = types.TextDocumentItem(path.as_uri(), "python", version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return item.uri

    def close(self, uri: str) -> None:
        params = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        self.client.text_document_did_close(params)

    def save(self, uri: str) -> None:
        params = types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri))
        self.client.text_document_did_save(params)

    def touched(self, path: Path) -> None:
        """Tell of a file that was written outside the editor."""
        event = types.FileEvent(path.as_uri(), types.FileChangeType.Changed)
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))

    def replace(self, uri: str, version: int, text: str) -> None:
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.change(uri, version, [change])

    def change(self, uri: str, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]) -> None:
        document = types.VersionedTextDocumentIdentifier(version, uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))

    def diagnostics(self, uri: str, version: int | None = None) -> Sequence[types.Diagnostic]:
        """The diagnostics of a text, once the server has sent those of this version."""
        self.wait_for(lambda: uri in self.shown and version in (None, self.shown[uri].version))
        return self.shown[uri].diagnostics

    def wait_for_codes(self, uri: str, codes: Iterable[str]) -> None:
        wanted = list(codes)
        self.wait_for(lambda: uri in self.shown and [each.code for each in self.shown[uri].diagnostics] == wanted)

    # -- questions -------------------------------------------------------------------------------------------

    def actions(self, uri: str, line: int, only: Sequence[str] | None = None) -> list[types.CodeAction]:
        place = types.Position(line, 0)
        context = types.CodeActionContext(diagnostics=list(self.shown[uri].diagnostics), only=only)
        wanted = types.Range(place, types.Position(line, 200))
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), wanted, context)
        found = self.do(self.client.text_document_code_action_async(params))
        return [each for each in found or [] if isinstance(each, types.CodeAction)]

    def hover(self, uri: str, line: int, character: int) -> str:
        """What is shown over a place, empty where that is nothing."""
        place = types.Position(line, character)
        params = types.HoverParams(types.TextDocumentIdentifier(uri), place)
        shown = self.do(self.client.text_document_hover_async(params))
        if shown is None:
            return ""
        assert isinstance(shown.contents, types.MarkupContent)
        return shown.contents.value

    # -- the end ---------------------------------------------------------------------------------------------

    def quit(self) -> tuple[int, str]:
        """End the session as the protocol wants it; return the exit code and what the server complained of."""
        self.do(self.client.shutdown_async(None))
        self.client.exit(None)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        async def wait() -> tuple[int, str]:
            assert self.process.stderr is not None
            complaints = await self.process.stderr.read()
            return await self.process.wait(), complaints.decode()

        return self.do(wait())

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()


def applied(text: str, edits: Iterable[types.TextEdit]) -> str:
    """A text after edits that count columns in UTF-16, made independently of the server's own arithmetic."""
    lines = text.split("\n")
    units = "\n".join(lines).encode("utf-16-le")

    def offset(position: types.Position) -> int:
        before = "\n".join(lines[: position.line])
        start = len((before + "\n").encode("utf-16-le")) if position.line else 0
        return start + 2 * position.character

    for edit in sorted(edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True):
        start, end = offset(edit.range.start), offset(edit.range.end)
        units = units[:start] + edit.new_text.encode("utf-16-le") + units[end:]
    return units.decode("utf-16-le")
