"""What the editor at the other end can do, as far as it matters here."""

from __future__ import annotations

from typing import NamedTuple

from lsprotocol import types


class Client(NamedTuple):
    """Whether it refuses edits of outdated text, fetches edits later, shows related places, and shows Markdown."""

    versioned_edits: bool = False
    resolves_edits: bool = False
    related_places: bool = False
    markdown: bool = False
    watches_files: bool = False

    @classmethod
    def of(cls, capabilities: types.ClientCapabilities) -> Client:
        workspace = capabilities.workspace or types.WorkspaceClientCapabilities()
        text = capabilities.text_document or types.TextDocumentClientCapabilities()
        action = text.code_action or types.CodeActionClientCapabilities()
        return cls(
            versioned_edits=bool(workspace.workspace_edit and workspace.workspace_edit.document_changes),
            resolves_edits=bool(action.resolve_support and "edit" in action.resolve_support.properties),
            related_places=bool(text.publish_diagnostics and text.publish_diagnostics.related_information),
            markdown=bool(text.hover and types.MarkupKind.Markdown in (text.hover.content_format or ())),
            watches_files=bool(
                workspace.did_change_watched_files and workspace.did_change_watched_files.dynamic_registration
            ),
        )
