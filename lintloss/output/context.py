"""What the formats need besides the report: the linted text, the rule pages and how to show things."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lintloss.finding import CallVerdict, Finding, LossCall, Span
from lintloss.sources import Source, Unreadable


@dataclass(frozen=True)
class Context:
    """`sources` are by filename; `pages` are the rules' Markdown pages by code."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    color: bool = False
    show_flow: bool = True

    def source(self, filename: str) -> Source | None:
        """Return a source; a flow may lead into files that were only imported."""
        if filename in self.sources:
            return self.sources[filename]
        try:
            return Source.read(Path(filename), filename)
        except Unreadable:
            return None

    def line(self, span: Span, row: int) -> str | None:
        """Return a row of the file or cell that `span` lies in."""
        source = self.source(span.filename)
        if source is None or all(block.cell != span.cell for block in source.blocks):
            return None
        return source.line(span.cell, row)

    def file_rows(self, span: Span) -> tuple[int, int]:
        """Return the first and last row of `span` in its file as services show it: of a notebook that is its JSON."""
        if span.cell is None:
            return span.start.row, span.end.row
        source = self.source(span.filename)
        if source is None or all(block.cell != span.cell for block in source.blocks):
            return 1, 1
        return source.file_row(span.cell, span.start.row), source.file_row(span.cell, span.end.row)

    def last_row(self, span: Span) -> int:
        """Return how many rows the file or cell of `span` has; the one behind a last newline is none."""
        source = self.source(span.filename)
        ends = [block.end for block in source.blocks if block.cell == span.cell] if source else []
        return ends[0].row - (ends[0].column == 1) if ends else 0


def place(span: Span) -> str:
    """Return `path:row:column`, with the cell in between for notebooks."""
    cell = "" if span.cell is None else f":cell {span.cell}"
    return f"{span.filename}{cell}:{span.start.row}:{span.start.column}"


def counted(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def summary(calls: Iterable[LossCall]) -> str:
    """Return the line that `check` ends with."""
    counts = Counter(call.verdict for call in calls)
    total = sum(counts.values())
    verdicts = [CallVerdict.FINE, CallVerdict.MISUSED, CallVerdict.UNDECIDED]
    if counts[CallVerdict.OPEN]:
        verdicts.append(CallVerdict.OPEN)
    parts = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in verdicts)
    return f"{counted(total, 'loss call')}: {parts}"


def fingerprints(findings: Iterable[Finding], context: Context) -> list[str]:
    """Return a stable identity for each finding: its rule, file and line, not the line's number.

    Equal lines in one file are told apart by their order.
    """
    seen: Counter[str] = Counter()
    result: list[str] = []
    for finding in findings:
        line = context.line(finding.span, finding.span.start.row) or ""
        content = "\0".join((finding.code, finding.span.filename, " ".join(line.split())))
        seen[content] += 1
        identity = f"{content}\0{seen[content]}".encode(errors="surrogatepass")
        result.append(hashlib.sha256(identity).hexdigest()[:32])
    return result
