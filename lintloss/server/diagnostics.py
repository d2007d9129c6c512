"""Findings as diagnostics."""

from __future__ import annotations

from collections.abc import Mapping

from lsprotocol import types

from lintloss.finding import Finding, FlowStep, Severity
from lintloss.pages import Rule
from lintloss.server.client import Client
from lintloss.server.places import Places
from lintloss.suppressions import UNUSED

SOURCE = "lintloss"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
}


def diagnostic(finding: Finding, places: Places, rules: Mapping[str, Rule], client: Client) -> types.Diagnostic:
    """The finding, with a related place for each step of its flow."""
    return types.Diagnostic(
        range=places.range(finding.span),
        message=finding.message,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=_description(finding, rules),
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if finding.code == UNUSED else None,
        related_information=[_step(each, places) for each in finding.flow] if client.related_places else None,
    )


def _description(finding: Finding, rules: Mapping[str, Rule]) -> types.CodeDescription | None:
    """Where the rule is explained: on the web, else the page that was installed with it."""
    page = rules[finding.code].path.absolute().as_uri() if finding.code in rules else None
    href = finding.url or page
    return types.CodeDescription(href) if href else None


def _step(step: FlowStep, places: Places) -> types.DiagnosticRelatedInformation:
    return types.DiagnosticRelatedInformation(places.location(step.span), step.message)
