"""SARIF 2.1.0, for code scanning services and editors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lintloss import __version__
from lintloss.finding import Edit, Finding, Fix, FlowStep, Report, Span
from lintloss.output.context import Context, fingerprints
from lintloss.output.json import as_json

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(report: Report, context: Context) -> str:
    """Return one SARIF log with one run."""
    rules = list({finding.code: finding for finding in report.findings}.values())
    order = {finding.code: index for index, finding in enumerate(rules)}
    identities = fingerprints(report.findings, context)
    run = {
        "tool": {
            "driver": {
                "name": "lintloss",
                "version": __version__,
                "rules": [_rule(finding, context.pages) for finding in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, order[finding.code], identity, context)
            for finding, identity in zip(report.findings, identities, strict=True)
        ],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(finding: Finding, pages: Mapping[str, str]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": finding.code,
        "name": finding.name,
        "shortDescription": {"text": finding.name.replace("-", " ")},
    }
    if finding.code in pages:
        rule["help"] = {"text": pages[finding.code], "markdown": pages[finding.code]}
    if finding.url is not None:
        rule["helpUri"] = finding.url
    return rule


def _result(finding: Finding, rule: int, fingerprint: str, context: Context) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity.value,
        "message": {"text": finding.message},
        "locations": [_location(finding.span, context)],
        "partialFingerprints": {"lintlossFinding/v1": fingerprint},
    }
    if finding.flow:
        result["codeFlows"] = [_code_flow(finding.flow, context)]
    if finding.fix is not None and all(edit.span.cell is None for edit in finding.fix.edits):
        # A cell's rows are not those of the notebook's file, to which SARIF applies replacements.
        result["fixes"] = [_fix(finding.fix)]
    if finding.verification is not None:
        result["properties"] = {"verification": as_json(finding)["verification"]}
    return result


def _code_flow(flow: Iterable[FlowStep], context: Context) -> dict[str, Any]:
    steps = [{"location": {**_location(step.span, context), "message": {"text": step.message}}} for step in flow]
    return {"threadFlows": [{"locations": steps}]}


def _fix(fix: Fix) -> dict[str, Any]:
    filenames = dict.fromkeys(edit.span.filename for edit in fix.edits)
    return {
        "description": {"text": f"{fix.message} ({fix.applicability.value})"},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(filename),
                "replacements": [_replacement(edit) for edit in fix.edits if edit.span.filename == filename],
            }
            for filename in filenames
        ],
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.content}}


def _location(span: Span, context: Context) -> dict[str, Any]:
    if span.cell is None:
        return {"physicalLocation": {"artifactLocation": _artifact(span.filename), "region": _region(span)}}
    first, last = context.file_rows(span)
    name = f"cell {span.cell}"
    return {
        # Of the file, which is JSON: a cell's columns mean nothing in it.
        "physicalLocation": {
            "artifactLocation": _artifact(span.filename),
            "region": {"startLine": first, "endLine": last},
        },
        "logicalLocations": [{"name": name, "fullyQualifiedName": name, "kind": "module"}],
        "properties": {"cell": span.cell, "row": span.start.row, "column": span.start.column},
    }


def _artifact(filename: str) -> dict[str, str]:
    path = Path(filename)
    return {"uri": path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.row,
        "startColumn": span.start.column,
        "endLine": span.end.row,
        "endColumn": span.end.column,
    }
