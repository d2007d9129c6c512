"""The protocol: which messages are understood, and what each of them sets going."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from lintloss import __version__
from lintloss.errors import UsageError
from lintloss.pages import load_rules
from lintloss.server import actions, desk
from lintloss.server.client import Client
from lintloss.server.columns import Columns
from lintloss.server.desk import Desk
from lintloss.server.diagnostics import SOURCE, diagnostic
from lintloss.server.documents import Document, Documents
from lintloss.server.hover import hover
from lintloss.server.lifeline import end_with
from lintloss.server.places import Places
from lintloss.server.workspace import Linted

_WATCHED = ("**/*.py", "**/*.toml", "**/*.md", "**/.lintloss-baseline.json")

_log = logging.getLogger("lintloss.server")


class Service(LanguageServer):
    """lintloss as a language server."""

    def __init__(self) -> None:
        cells = types.NotebookDocumentFilterWithNotebook("*", [types.NotebookCellLanguage("python")])
        super().__init__(
            SOURCE,
            __version__,
            notebook_document_sync=types.NotebookDocumentSyncOptions(notebook_selector=[cells], save=True),
        )
        self.is_shutting_down = False
        self.documents = Documents()
        self.client = Client()
        self.desk = Desk(self.documents, self.publish, self.complain)
        self._complaints: Counter[str] = Counter()

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Note what a client sent that cannot be understood; its user need not be shown it."""
        _log.error("%s: %s", type(error).__name__, error)

    def publish(self, linted: Linted) -> None:
        """Show a document's findings, in each of its texts."""
        self._complaints.clear()
        places = self.places(linted)
        rules = load_rules(linted.settings)
        for number, text in enumerate(linted.document.texts, start=1):
            cell = number if linted.document.is_notebook else None
            found = [each for each in linted.report.findings if each.span.cell == cell]
            self.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(
                    uri=text.uri,
                    version=text.version,
                    diagnostics=[diagnostic(each, places, rules, self.client) for each in found],
                )
            )

    def withdraw(self, uri: str) -> None:
        """Show nothing of a text any more."""
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def complain(self, error: Exception) -> None:
        """Say once why nothing can be linted."""
        described = str(error) if isinstance(error, UsageError) else f"internal error: {type(error).__name__}: {error}"
        self._complaints[described] += 1
        if self._complaints[described] == 1:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"lintloss: {described}"))

    def places(self, linted: Linted) -> Places:
        return Places(linted.opened, self.documents.columns)

    def actions(self, linted: Linted) -> actions.Actions:
        return actions.Actions(linted, self.places(linted), self.client)

    def initialize(self, params: types.InitializeParams) -> None:
        """Learn what the client can do, and where the project lies."""
        self.documents.columns = Columns(str(_value(self.workspace.position_encoding)))
        self.client = Client.of(params.capabilities)
        if params.process_id is not None:
            end_with(params.process_id)
        folder = params.workspace_folders[0].uri if params.workspace_folders else params.root_uri
        root = uris.to_fs_path(folder) if folder else params.root_path
        if root and Path(root).is_dir():  # imports are looked up from here
            with suppress(OSError):
                os.chdir(root)

    def watch_files(self) -> None:
        """Ask to be told of files that change outside the editor, where the client can do that."""
        if not self.client.watches_files:
            return
        watchers = [types.FileSystemWatcher(glob_pattern=pattern) for pattern in _WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        registration = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        self.client_register_capability(types.RegistrationParams([registration]))


def _value(encoding: Any) -> Any:
    return getattr(encoding, "value", encoding)


def make_service() -> Service:
    """Return the server with all that it understands."""
    service = Service()
    _understand_lifetime(service)
    _understand_documents(service)
    _understand_notebooks(service)
    _understand_surroundings(service)
    _understand_questions(service)
    return service


def _understand_lifetime(service: Service) -> None:
    @service.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        service.initialize(params)

    @service.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        service.watch_files()

    @service.feature(types.SHUTDOWN)
    def shutdown(params: None) -> None:
        service.is_shutting_down = True


def _understand_documents(service: Service) -> None:
    @service.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = service.documents.open(params.text_document)
        service.desk.edited(document.uri, desk.AT_ONCE)

    @service.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        _edited(service, service.documents.change(params))

    @service.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        service.desk.saved(params.text_document.uri)

    @service.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        _closed(service, params.text_document.uri)


def _understand_notebooks(service: Service) -> None:
    @service.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenNotebookDocumentParams) -> None:
        document = service.documents.open_notebook(params)
        service.desk.edited(document.uri, desk.AT_ONCE)

    @service.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeNotebookDocumentParams) -> None:
        before = service.documents.get(params.notebook_document.uri)
        after = service.documents.change_notebook(params)
        if before is not None and after is not None:
            for uri in {text.uri for text in before.texts} - {text.uri for text in after.texts}:
                service.withdraw(uri)
        _edited(service, after)

    @service.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveNotebookDocumentParams) -> None:
        service.desk.saved(params.notebook_document.uri)

    @service.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseNotebookDocumentParams) -> None:
        _closed(service, params.notebook_document.uri)


def _edited(service: Service, document: Document | None) -> None:
    if document is not None:
        service.desk.edited(document.uri, desk.AFTER_TYPING)


def _closed(service: Service, uri: str) -> None:
    document = service.documents.close(uri)
    service.desk.closed(uri)
    for text in document.texts if document is not None else ():
        service.withdraw(text.uri)


def _understand_surroundings(service: Service) -> None:
    @service.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        service.desk.surroundings_changed()

    @service.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configuration_changed(params: types.DidChangeConfigurationParams) -> None:
        service.desk.surroundings_changed()


def _understand_questions(service: Service) -> None:
    @service.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovered(params: types.HoverParams) -> types.Hover | None:
        linted = await _linted(service, params.text_document.uri)
        if linted is None:
            return None
        places = service.places(linted)
        cell, at = places.spot(linted.document, params.text_document.uri, params.position)
        return hover(linted, places, cell, at, service.client)

    options = types.CodeActionOptions(code_action_kinds=list(actions.KINDS), resolve_provider=True)

    @service.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def asked_for_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        linted = await _linted(service, params.text_document.uri)
        if linted is None:
            return []
        return await service.desk.do(lambda: service.actions(linted).at(params))

    @service.feature(types.CODE_ACTION_RESOLVE)
    async def resolved(action: types.CodeAction) -> types.CodeAction:
        uri = action.data.get("uri") if isinstance(action.data, dict) else None
        linted = await _linted(service, str(uri))
        if linted is None:
            return action
        return await service.desk.do(lambda: service.actions(linted).resolved(action))


async def _linted(service: Service, uri: str) -> Linted | None:
    document = service.documents.get(uri)
    return await service.desk.linted(document) if document is not None else None
