"""GitLab's code quality report."""

from __future__ import annotations

import json
from typing import Any

from lintloss.finding import Finding, Report, Severity, Span
from lintloss.output.context import Context, fingerprints

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def render(report: Report, context: Context) -> str:
    """Return one JSON array of issues."""
    identities = fingerprints(report.findings, context)
    pairs = zip(report.findings, identities, strict=True)
    issues = [_issue(finding, identity, context) for finding, identity in pairs]
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"


def _issue(finding: Finding, fingerprint: str, context: Context) -> dict[str, Any]:
    span = finding.span
    cell = "" if span.cell is None else f"cell {span.cell}, row {span.start.row}: "
    return {
        "check_name": finding.code,
        "description": f"{finding.code} {cell}{finding.message}",
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": span.filename, **_lines(span, context)},
    }


def _lines(span: Span, context: Context) -> dict[str, Any]:
    first, last = context.file_rows(span)
    lines = {"lines": {"begin": first, "end": last}}
    if span.cell is not None:  # a cell's columns are not those of the notebook's JSON, which GitLab shows
        return lines
    return lines | {
        "positions": {
            "begin": {"line": first, "column": span.start.column},
            "end": {"line": last, "column": span.end.column},
        }
    }
