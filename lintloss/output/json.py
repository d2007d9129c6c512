"""The stable JSON contract: one array of findings; loss calls likewise."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from lintloss.finding import Batch, Evidence, Finding, Fix, Learned, Location, LossCall, Report, Verification
from lintloss.output.context import Context


def render(report: Report, context: Context) -> str:
    """Return one JSON array."""
    return _dumped([as_json(finding) for finding in report.findings])


def render_loss_calls(calls: Iterable[LossCall]) -> str:
    """Return one JSON array with an object per loss call."""
    return _dumped([_loss_call(call) for call in calls])


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain JSON data; numbers that are not finite become strings."""
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "filename": finding.span.filename,
        "cell": finding.span.cell,
        "location": _location(finding.span.start),
        "end_location": _location(finding.span.end),
        "url": finding.url,
        "fix": None if finding.fix is None else _fix(finding.fix),
        "flow": [
            {
                "filename": step.span.filename,
                "cell": step.span.cell,
                "location": _location(step.span.start),
                "message": step.message,
            }
            for step in finding.flow
        ],
        "verification": (None if finding.verification is None else _verification(finding.verification)),
    }


def _dumped(records: list[dict[str, Any]]) -> str:
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _location(location: Location) -> dict[str, int]:
    return {"row": location.row, "column": location.column}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability.value,
        "message": fix.message,
        "edits": [
            {
                "filename": edit.span.filename,
                "cell": edit.span.cell,
                "location": _location(edit.span.start),
                "end_location": _location(edit.span.end),
                "content": edit.content,
            }
            for edit in fix.edits
        ],
    }


def _verification(verification: Verification) -> dict[str, Any]:
    return {
        "verdict": verification.verdict.value,
        "reason": verification.reason,
        "framework": verification.framework,
        "batches": [_batch(batch) for batch in verification.batches],
        "evidence": None if verification.evidence is None else _evidence(verification.evidence),
    }


def _batch(batch: Batch) -> dict[str, Any]:
    return {
        "name": batch.name,
        "before": _figures(batch.before),
        "after": _figures(batch.after),
        "reference": _figures(batch.reference),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "steps": list(evidence.steps),
        "before": _learned(evidence.before),
        "after": _learned(evidence.after),
    }


def _learned(learned: Learned | str) -> dict[str, Any] | str:
    if isinstance(learned, str):
        return learned
    return {
        "lowest_loss": _figure(learned.lowest),
        "gradient_where_wrong": _figure(learned.gradient),
        "accuracy": learned.accuracy,
        "intended_loss": [_figure(loss) for loss in learned.intended],
    }


def _figures(losses: tuple[float, ...] | str) -> list[float | str] | str:
    if isinstance(losses, str):
        return losses
    return [_figure(loss) for loss in losses]


def _figure(number: float) -> float | str:
    return number if math.isfinite(number) else str(float(number))


def _loss_call(call: LossCall) -> dict[str, Any]:
    return {
        "filename": call.span.filename,
        "cell": call.span.cell,
        "location": _location(call.span.start),
        "loss": call.loss,
        "takes": call.takes,
        "gets": call.gets,
        "labels": call.labels,
        "verdict": call.verdict.value,
        "reason": call.reason,
        "codes": list(call.codes),
    }
