"""GitLab's code quality report."""

from __future__ import annotations

import json
from typing import Any

from lintloss.finding import Finding, Report, Severity
from lintloss.output.context import Context, fingerprints

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor"}


def render(report: Report, context: Context) -> str:
    """Return one JSON array of issues."""
    identities = fingerprints(report.findings, context)
    pairs = zip(report.findings, identities, strict=True)
    return json.dumps([_issue(finding, identity) for finding, identity in pairs], indent=2) + "\n"


def _issue(finding: Finding, fingerprint: str) -> dict[str, Any]:
    span = finding.span
    cell = "" if span.cell is None else f"cell {span.cell}: "
    return {
        "check_name": finding.code,
        "description": f"{finding.code} {cell}{finding.message}",
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": span.filename,
            "positions": {
                "begin": {"line": span.start.row, "column": span.start.column},
                "end": {"line": span.end.row, "column": span.end.column},
            },
        },
    }
