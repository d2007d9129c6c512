"""The report as one self-contained page: each finding with its code, flow, figures and training curves.

Nothing in it runs or is fetched: style and pictures are inlined, and the page forbids scripts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from lintloss.finding import Batch, Evidence, Finding, Fix, Learned, LossCall, Report, Verification
from lintloss.output import curves, listing
from lintloss.output.context import Context, place, summary
from lintloss.output.text import changed_lines, figures

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_NO_CURVES = "The training curves need matplotlib: pip install 'lintloss[report]'."


def render(report: Report, context: Context) -> str:
    """Return the page."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    body = "\n".join(_body(report, context))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>lintloss: {escape(_summary(report))}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _body(report: Report, context: Context) -> Iterator[str]:
    yield f'<header><h1>lintloss</h1><p class="summary">{escape(_summary(report))}</p>'
    yield from (f"<p>{escape(note)}</p>" for note in report.notes)
    if report.findings:
        yield _contents(report.findings)
    yield "</header>\n<main>"
    for number, finding in enumerate(report.findings, start=1):
        yield "\n".join(_finding(finding, number, context))
    if report.loss_calls:
        yield _loss_calls(report.loss_calls)
    yield "</main>"


def _summary(report: Report) -> str:
    severities = Counter(finding.severity.value for finding in report.findings)
    counted = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in sorted(severities.items())]
    verdicts = Counter(each.verification.verdict.value for each in report.findings if each.verification is not None)
    counted += [f"{count} {name}" for name, count in sorted(verdicts.items())]
    files = f"{report.files} file{'' if report.files == 1 else 's'}"
    return f"{files}; {', '.join(counted) or 'no findings'}; {summary(report.loss_calls)}"


def _contents(findings: Iterable[Finding]) -> str:
    rows = "\n".join(
        f'<tr><td><a href="#finding-{number}">{escape(place(each.span))}</a></td>'
        f"<td>{_badge(each.severity.value)}</td><td>{escape(each.code)}</td><td>{_prose(each.message)}</td></tr>"
        for number, each in enumerate(findings, start=1)
    )
    return f'<div class="table"><table class="contents">\n{rows}\n</table></div>'


def _finding(finding: Finding, number: int, context: Context) -> Iterator[str]:
    yield f'<article id="finding-{number}">'
    yield f"<h2>{_badge(finding.severity.value)} {escape(finding.code)} {escape(finding.name)}</h2>"
    yield f'<p class="where">{escape(place(finding.span))}</p><p>{_prose(finding.message)}</p>'
    why = _why(context.pages.get(finding.code, ""))
    if why:
        yield f"<h3>Why it matters</h3><p>{_prose(why)}</p>"
    yield f"<h3>How the value gets there</h3>{listing.render(finding, context)}"
    if finding.fix is not None:
        yield from _fix(finding.fix, context)
    if finding.verification is not None:
        yield from _verification(finding.verification, f"curves-{number}")
    yield "</article>"


def _why(page: str) -> str:
    """The first paragraph of a rule page's "Why is this bad?"."""
    _, _, prose = page.partition("## Why is this bad?\n")
    return " ".join(prose.strip().split("\n\n")[0].split())


def _fix(fix: Fix, context: Context) -> Iterator[str]:
    yield f"<h3>Repair</h3><p>{_badge(fix.applicability.value)} {_prose(fix.message)}</p>"
    names = list(dict.fromkeys(edit.span.filename for edit in fix.edits))
    for name in names:
        if len(names) > 1:
            yield f'<p class="where">{escape(name)}</p>'
        edits = [edit for edit in fix.edits if edit.span.filename == name]
        lines = "".join(_changed(line) for line in changed_lines(name, edits, context))
        yield f'<div class="diff">{lines}</div>'


def _changed(line: str) -> str:
    kind = {"+": "added", "-": "removed"}.get(line[:1], "")
    return f'<div class="{kind}">{escape(line)}</div>'


def _verification(verification: Verification, name: str) -> Iterator[str]:
    by = f" by {verification.framework}" if verification.framework else ""
    yield f"<h3>Proof</h3><p>{_badge(verification.verdict.value)} {escape(by.strip())}</p>"
    yield f"<p>{_prose(verification.reason)}</p>"
    if verification.batches:
        rows = "".join(map(_batch, verification.batches))
        yield (
            '<div class="table"><table class="figures"><thead><tr><th>losses on</th><th>before</th><th>after</th>'
            f"<th>reference</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
    if verification.evidence is not None:
        yield from _evidence(verification.evidence, name)


def _batch(batch: Batch) -> str:
    return (
        f'<tr><td>{escape(batch.name)}</td><td class="before">{escape(figures(batch.before))}</td>'
        f'<td class="after">{escape(figures(batch.after))}</td><td>{escape(figures(batch.reference))}</td></tr>'
    )


def _evidence(evidence: Evidence, name: str) -> Iterator[str]:
    """What the misuse costs: both versions trained on the same small problem from the same start."""
    steps = evidence.steps[-1]
    yield f"<h3>What it costs: {steps} training steps on a small separable problem, from the same start</h3>"
    yield '<div class="curves">'
    if curves.available() and curves.is_drawable(evidence):
        yield f"<figure>{curves.render(evidence, name)}</figure>"
    yield f"{_costs(evidence)}</div>"
    if not curves.available():
        yield f'<p class="where">{escape(_NO_CURVES)}</p>'


def _costs(evidence: Evidence) -> str:
    measures = {
        "lowest loss that can be reached": "lowest",
        "gradient where confidently wrong": "gradient",
        f"accuracy after {evidence.steps[-1]} steps": "accuracy",
        "loss that was meant, then": "intended",
    }
    rows = "".join(
        f'<tr><td>{escape(label)}</td><td class="before">{escape(_measure(evidence.before, key))}</td>'
        f'<td class="after">{escape(_measure(evidence.after, key))}</td></tr>'
        for label, key in measures.items()
    )
    return f'<table class="figures"><thead><tr><th></th><th>before</th><th>after</th></tr></thead>{rows}</table>'


def _measure(learned: Learned | str, key: str) -> str:
    if isinstance(learned, str):
        return learned
    value = getattr(learned, key)
    if value is None:
        return "no classes"
    if key == "accuracy":
        return f"{value:.0%}"
    return f"{value[-1] if isinstance(value, tuple) else value:.3g}"


def _loss_calls(calls: Iterable[LossCall]) -> str:
    rows = "\n".join(
        f"<tr><td>{escape(place(call.span))}</td><td><code>{escape(call.loss)}</code></td>"
        f'<td>{escape(call.takes)}</td><td>{escape(call.gets)}</td><td class="{_CALLS[call.verdict.value]}">'
        f"{escape(call.verdict.value)}</td><td>{escape(call.reason)}</td></tr>"
        for call in calls
    )
    head = "".join(f"<th>{title}</th>" for title in ("where", "loss", "takes", "gets", "verdict", "why"))
    return (
        '<article id="loss-calls"><h2>Every loss call</h2><div class="table"><table class="figures">'
        f"<thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div></article>"
    )


_CALLS = {"fine": "confirmed", "misused": "error", "undecided": "undecided", "open": "where"}


def _badge(word: str) -> str:
    return f'<span class="badge {escape(word)}">{escape(word)}</span>'


def _prose(text: str) -> str:
    """A message, its code set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
