"""Code as rows of equal height, with the flow of a value drawn beside them as arrows from step to step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby, pairwise
from typing import NamedTuple

from lintloss.finding import Finding, FlowStep, Span
from lintloss.output.context import Context, place

ROW = 22  # height of a row in CSS pixels
_GUTTER = 46  # width of the arrows' column
_AROUND = 1  # rows of code shown above and below a step
_LONGEST = 12  # rows of one span that are shown
_SPREAD = 7  # pixels by which each further arrow keeps away from the code


class Row(NamedTuple):
    """One row of a listing: a file's name, a line of code, a gap, or what a step says of the line above."""

    kind: str
    html: str
    number: int | None = None
    steps: tuple[int, ...] = ()


def render(finding: Finding, context: Context) -> str:
    """Return the code that a finding speaks of, its flow drawn through it."""
    rows = list(_rows(_steps(finding), context))
    lines = "".join(map(_line, rows))
    return f'<div class="listing">{_arrows(rows)}<div class="rows">{lines}</div></div>'


def _steps(finding: Finding) -> list[FlowStep]:
    """The flow, and the finding's own place if the flow does not end there."""
    steps = list(finding.flow)
    if not steps or steps[-1].span != finding.span:
        steps.append(FlowStep(finding.span, finding.message))
    return steps


def _rows(steps: Sequence[FlowStep], context: Context) -> Iterator[Row]:
    """The listing: files and cells in the order in which the flow reaches them, rows in their own."""
    places = dict.fromkeys((step.span.filename, step.span.cell) for step in steps)
    for where in places:
        here = [(at, step) for at, step in enumerate(steps) if (step.span.filename, step.span.cell) == where]
        yield Row("file", escape(place(here[0][1].span).rsplit(":", 2)[0]))
        yield from _code(here, context)


def _code(steps: Sequence[tuple[int, FlowStep]], context: Context) -> Iterator[Row]:
    last = context.last_row(steps[0][1].span)
    wanted = {row for _, step in steps for row in _around(step.span) if 1 <= row <= last}
    told = {row for _, step in steps for row in range(step.span.start.row, step.span.end.row + 1)}
    shown = sorted(row for row in wanted if row in told or (context.line(steps[0][1].span, row) or "").strip())
    for before, row in zip([None, *shown], shown, strict=False):
        if before is not None and row > before + 1:
            yield Row("gap", "⋯")
        here = [(at, step) for at, step in steps if step.span.start.row == row]
        marks = [step.span for _, step in steps if step.span.start.row <= row <= step.span.end.row]
        line = context.line(steps[0][1].span, row) or ""
        yield Row("code", _marked(line, row, marks), row, tuple(at + 1 for at, _ in here))
        for at, step in here:
            yield Row("note", f"<b>{at + 1}</b> {escape(step.message)}")


def _around(span: Span) -> range:
    last = min(span.end.row, span.start.row + _LONGEST - 1)
    return range(span.start.row - _AROUND, last + _AROUND + 1)


def _marked(line: str, row: int, spans: Iterable[Span]) -> str:
    """A line with the stretches that steps speak of marked; where these overlap, as one."""
    inside = [False] * len(line)
    for span in spans:
        start = span.start.column - 1 if row == span.start.row else len(line) - len(line.lstrip())
        end = span.end.column - 1 if row == span.end.row else len(line)
        inside[start:end] = [True] * len(inside[start:end])
    pieces = [
        (is_marked, "".join(line[at] for at in columns))
        for is_marked, columns in groupby(range(len(line)), key=inside.__getitem__)
    ]
    return "".join(f"<mark>{escape(text)}</mark>" if is_marked else escape(text) for is_marked, text in pieces)


def _line(row: Row) -> str:
    number = "" if row.number is None else str(row.number)
    return f'<div class="row {row.kind}"><span class="number">{number}</span><code>{row.html or " "}</code></div>'


def _arrows(rows: Sequence[Row]) -> str:
    """An arrow from each step to the next, those that reach far farther from the code."""
    at = {step: index for index, row in enumerate(rows) for step in row.steps}
    pairs = [(at[one], at[other]) for one, other in pairwise(sorted(at)) if at[one] != at[other]]
    by_reach = sorted(range(len(pairs)), key=lambda pair: abs(pairs[pair][0] - pairs[pair][1]))
    paths = "".join(_arrow(*pairs[pair], order) for order, pair in enumerate(by_reach))
    dots = "".join(
        f'<circle cx="{_GUTTER - 10}" cy="{_middle(index)}" r="4"/>' for index, row in enumerate(rows) if row.steps
    )
    height = ROW * len(rows)
    return (
        f'<svg class="arrows" width="{_GUTTER}" height="{height}" viewBox="0 0 {_GUTTER} {height}" aria-hidden="true">'
        f"{paths}{dots}</svg>"
    )


def _arrow(start: int, end: int, order: int) -> str:
    x, bend = _GUTTER - 16, max(4, _GUTTER - 26 - _SPREAD * order)
    first, last = _middle(start), _middle(end)
    way = 1 if last > first else -1
    turn = way * min(8, abs(last - first) / 2)
    head = f"M {x} {last} l -6 -3.5 v 7 z"
    return (
        f'<path class="way" d="M {x} {first} C {bend} {first} {bend} {first} {bend} {first + turn} '
        f'V {last - turn} C {bend} {last} {bend} {last} {x - 5} {last}"/><path class="head" d="{head}"/>'
    )


def _middle(index: int) -> float:
    return ROW * index + ROW / 2
