"""Findings for people: where, what, how the value came there, how to repair it, what running it shows."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import click

from lintloss.finding import Batch, Edit, Evidence, Finding, Fix, FlowStep, Report, Severity, Span, Verification
from lintloss.output.context import Context, place, summary
from lintloss.sources import Unreadable

_AROUND = 2  # rows of code above and below a finding
_MOST_ROWS = 12  # of code in one frame
_MOST_FIGURES = 4  # losses of a batch that are shown
_LARGEST_SINGLE = 3.4028234663852886e38
_SEVERITY_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def render(report: Report, context: Context) -> str:
    """Return every finding in full, and the summary."""
    blocks = ["\n".join(_finding(finding, context)) for finding in report.findings]
    return "\n\n".join([*blocks, summary(report.loss_calls)]) + "\n"


def header(finding: Finding, context: Context) -> str:
    """Return the finding's one line: place, severity, code and message."""
    severity = _styled(finding.severity.value, context, fg=_SEVERITY_COLORS[finding.severity])
    code = _styled(finding.code, context, bold=True)
    return f"{_styled(place(finding.span), context, bold=True)}: {severity} {code} {finding.message}"


def figures(losses: tuple[float, ...] | str) -> str:
    """Return losses as NumPy prints float32, or the exception's text."""
    if isinstance(losses, str):
        return losses
    shown = " ".join(_figure(loss) for loss in losses[:_MOST_FIGURES])
    left_out = len(losses) - _MOST_FIGURES
    return f"[{shown} ... {left_out} more]" if left_out > 0 else f"[{shown}]"


def summed_up(evidence: Evidence) -> str:
    """What training both versions has shown, in one line."""
    before, after = evidence.before, evidence.after
    if isinstance(before, str) or isinstance(after, str):
        first = before if isinstance(before, str) else "trains"
        return f"{first} -> {after if isinstance(after, str) else 'trains'}"
    parts = [
        f"lowest loss {_rough(before.lowest)} -> {_rough(after.lowest)}",
        f"gradient where confidently wrong {_rough(before.gradient)} -> {_rough(after.gradient)}",
    ]
    if before.accuracy is not None and after.accuracy is not None:
        parts.append(f"accuracy after {evidence.steps[-1]} steps {before.accuracy:.0%} -> {after.accuracy:.0%}")
    parts.append(f"loss that was meant {_rough(before.intended[-1])} -> {_rough(after.intended[-1])}")
    return ", ".join(parts)


def _rough(number: float) -> str:
    return f"{number:.3g}"


def _finding(finding: Finding, context: Context) -> Iterator[str]:
    yield header(finding, context)
    yield from _frame(finding.span, context)
    if context.show_flow and finding.flow:
        yield from _flow(finding.flow, context)
    if finding.fix is not None:
        yield from _fix(finding.fix, context)
    if finding.verification is not None:
        yield from _verification(finding.verification, context)


def _styled(text: str, context: Context, *, fg: str | None = None, bold: bool = False) -> str:
    return click.style(text, fg=fg, bold=bold or None) if context.color else text


def _frame(span: Span, context: Context) -> Iterator[str]:
    """Yield the code around a finding, with carets under what it speaks of."""
    last = min(span.end.row, span.start.row + _MOST_ROWS - 1)
    rows = range(max(span.start.row - _AROUND, 1), last + _AROUND + 1)
    rows = range(rows.start, min(rows.stop, context.last_row(span) + 1))
    width = len(str(rows.stop))
    for row in rows:
        line = context.line(span, row)
        if line is None:
            return
        yield f"  {row:>{width}} | {line}".rstrip()
        if span.start.row <= row <= last:
            yield f"  {'':>{width}} | {_carets(span, row, line, context)}"


def _carets(span: Span, row: int, line: str, context: Context) -> str:
    first = len(line) - len(line.lstrip())
    start = span.start.column - 1 if row == span.start.row else first
    end = span.end.column - 1 if row == span.end.row else len(line)
    # Tabs are kept, so that carets stand under their code however wide a tab is.
    before = "".join("\t" if character == "\t" else " " for character in line[:start])
    return before.ljust(start) + _styled("^" * max(end - start, 1), context, fg="red")


def _flow(flow: tuple[FlowStep, ...], context: Context) -> Iterator[str]:
    yield "  flow:"
    for number, step in enumerate(flow, start=1):
        yield f"    {number}. {place(step.span)}: {step.message}"
        line = context.line(step.span, step.span.start.row)
        if line:
            yield f"         {line.strip()}"


def _fix(fix: Fix, context: Context) -> Iterator[str]:
    yield f"  fix ({fix.applicability.value}): {fix.message}"
    for filename in dict.fromkeys(edit.span.filename for edit in fix.edits):
        edits = [edit for edit in fix.edits if edit.span.filename == filename]
        for line in changed_lines(filename, edits, context):
            color = {"+": "green", "-": "red"}.get(line[0])
            yield "    " + _styled(line, context, fg=color)


def changed_lines(filename: str, edits: list[Edit], context: Context) -> Iterator[str]:
    """Yield the lines that a fix takes away and puts in."""
    import difflib

    source = context.source(filename)
    if source is None:
        return
    try:
        new = source.with_edits(edits).cell_texts()
    except (UnicodeEncodeError, Unreadable):
        return
    for cell, old in source.cell_texts().items():
        lines = difflib.unified_diff(old.split("\n"), new.get(cell, "").split("\n"), n=0, lineterm="")
        for line in lines:
            if not line.startswith(("---", "+++", "@@")):
                yield f"{line[0]} {line[1:]}"


def _verification(verification: Verification, context: Context) -> Iterator[str]:
    verdict = _styled(verification.verdict.value, context, bold=True)
    by = f" by {verification.framework}" if verification.framework else ""
    reason = f": {verification.reason}" if verification.reason else ""
    yield f"  {verdict}{by}{reason}"
    for batch in verification.batches:
        yield from _batch(batch)
    if verification.evidence is not None:
        yield f"    evidence: {summed_up(verification.evidence)}"


def _batch(batch: Batch) -> Iterator[str]:
    yield f"    {batch.name}: {figures(batch.before)} -> {figures(batch.after)}"
    yield f"    {'':>{len(batch.name)}}  reference {figures(batch.reference)}"


def _figure(value: float) -> str:
    """Return the shortest text that is this number in single precision, to eight decimals as NumPy prints arrays."""
    if not math.isfinite(value) or abs(value) > _LARGEST_SINGLE:
        return repr(value)
    single = _single(value)
    texts = (f"{single:.{digits}g}" for digits in range(1, 10))
    shortest = next(text for text in texts if _single(float(text)) == single)
    decimals = f"{single:.8f}".rstrip("0").rstrip(".")
    return min(shortest, decimals, key=len) if abs(single) >= 1e-4 else shortest


def _single(value: float) -> float:
    """Round to single precision; what is rounded up beyond it becomes infinite."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)
