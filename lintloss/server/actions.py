"""Code actions: fix a finding, fix all of a document, silence a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lsprotocol import types

from lintloss.finding import Applicability, Finding, Fix
from lintloss.linter import NEVER_SILENCED
from lintloss.server.client import Client
from lintloss.server.diagnostics import SOURCE
from lintloss.server.edits import between, workspace_edit
from lintloss.server.places import Places
from lintloss.server.workspace import Linted, fixed
from lintloss.suppressions import ignoring

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.{SOURCE}"
FIX_ALL_IN_NOTEBOOK = f"notebook.{FIX_ALL}"
KINDS = (types.CodeActionKind.QuickFix.value, FIX_ALL, FIX_ALL_IN_NOTEBOOK)

_REMARKS = {
    Applicability.SAFE: "",
    Applicability.UNSAFE: " (unsafe: changes what the model outputs)",
    Applicability.SHOWN: " (one way of several: choose)",
}


@dataclass(frozen=True, eq=False)
class Actions:
    """The code actions that a report gives rise to."""

    linted: Linted
    places: Places
    client: Client

    def at(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """The actions for a range of a text, of the kinds that were asked for."""
        return list(self._at(params))

    def _at(self, params: types.CodeActionParams) -> Iterator[types.CodeAction]:
        if _is_wanted(types.CodeActionKind.QuickFix.value, params.context.only):
            for finding in self._findings(params.text_document.uri, params.range):
                given = [each for each in params.context.diagnostics if _speaks_of(each, finding)]
                yield from self._quick_fixes(finding, given)
        for kind in (FIX_ALL, FIX_ALL_IN_NOTEBOOK):
            if _is_wanted(kind, params.context.only) and (kind == FIX_ALL or params.context.only):
                yield from self._fix_all(kind, now=not self.client.resolves_edits)

    def resolved(self, action: types.CodeAction) -> types.CodeAction:
        """The action that fixes all, with its edit."""
        return next(self._fix_all(str(action.kind), now=True), action)

    def _findings(self, uri: str, wanted: types.Range) -> Iterator[Finding]:
        cell = self.linted.document.cell_of(uri)
        for finding in self.linted.report.findings:
            if finding.span.cell == cell and _overlap(self.places.range(finding.span), wanted):
                yield finding

    def _quick_fixes(self, finding: Finding, given: Sequence[types.Diagnostic]) -> Iterator[types.CodeAction]:
        if finding.fix is not None:
            yield self._fix(finding, finding.fix, given)
        edits = ignoring(self.linted.document.source, [finding]) if finding.code not in NEVER_SILENCED else []
        if edits:
            yield types.CodeAction(
                title=f"{finding.code}: ignore it here",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=given or None,
                edit=workspace_edit(edits, self.places, versioned=self.client.versioned_edits),
            )

    def _fix(self, finding: Finding, fix: Fix, given: Sequence[types.Diagnostic]) -> types.CodeAction:
        return types.CodeAction(
            title=f"{finding.code}: {fix.message}{_REMARKS[fix.applicability]}",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=given or None,
            is_preferred=fix.applicability is Applicability.SAFE or None,
            edit=workspace_edit(fix.edits, self.places, versioned=self.client.versioned_edits),
        )

    def _fix_all(self, kind: str, *, now: bool) -> Iterator[types.CodeAction]:
        """The one action that applies all safe fixes; its edit costs another reading, so it is made when needed."""
        if not any(_is_safe(finding) for finding in self.linted.report.findings):
            return
        document = self.linted.document
        action = types.CodeAction(title="lintloss: apply all safe fixes", kind=kind, data={"uri": document.uri})
        after = fixed(self.linted) if now else None
        if after is not None:
            edits = between(document.source, after)
            action.edit = workspace_edit(edits, self.places, versioned=self.client.versioned_edits)
        yield action


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether an editor that asks for the kinds `only` wants this one; a kind contains those that it begins."""
    return only is None or any(f"{kind}.".startswith(f"{_name(each)}.") or not each for each in only)


def _name(kind: str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind


def _speaks_of(diagnostic: types.Diagnostic, finding: Finding) -> bool:
    return diagnostic.source == SOURCE and diagnostic.code == finding.code


def _is_safe(finding: Finding) -> bool:
    return finding.fix is not None and finding.fix.applicability is Applicability.SAFE


def _overlap(one: types.Range, other: types.Range) -> bool:
    return _key(one.start) <= _key(other.end) and _key(other.start) <= _key(one.end)


def _key(position: types.Position) -> tuple[int, int]:
    return (position.line, position.character)
