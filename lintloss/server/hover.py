"""What an editor shows over a loss call: what the loss takes, what it gets, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from lintloss.finding import CallVerdict, Finding, Location, LossCall, Span
from lintloss.server.client import Client
from lintloss.server.places import Places
from lintloss.server.workspace import Linted

_VERDICTS = {
    CallVerdict.FINE: "fine",
    CallVerdict.MISUSED: "misused",
    CallVerdict.UNDECIDED: "undecided",
    CallVerdict.OPEN: "open: nothing in reach calls it",
}


def hover(linted: Linted, places: Places, cell: int | None, at: Location, client: Client) -> types.Hover | None:
    """The innermost loss call around a place, None where there is none."""
    around = [call for call in linted.report.loss_calls if _holds(call.span, cell, at)]
    if not around:
        return None
    innermost = max(around, key=lambda call: (call.span.start, _negated(call.span.end)))
    calls = [call for call in around if call.span == innermost.span]
    text = "\n\n---\n\n".join("\n".join(_lines(call, linted)) for call in calls)
    return types.Hover(_content(text, client), places.range(innermost.span))


def _content(text: str, client: Client) -> types.MarkupContent:
    if client.markdown:
        return types.MarkupContent(types.MarkupKind.Markdown, text)
    return types.MarkupContent(types.MarkupKind.PlainText, text.replace("**", "").replace("`", ""))


def _holds(span: Span, cell: int | None, at: Location) -> bool:
    return span.cell == cell and span.start <= at <= span.end


def _negated(location: Location) -> tuple[int, int]:
    return (-location.row, -location.column)


def _lines(call: LossCall, linted: Linted) -> Iterator[str]:
    yield f"**{_VERDICTS[call.verdict]}** · `{call.loss}`"
    yield ""
    rows = [("takes", call.takes), ("gets", call.gets), ("labels", call.labels)]
    yield from (f"- {name}: {value}" for name, value in rows if value)
    if call.verdict is CallVerdict.MISUSED:
        yield from (f"- {finding.code}: {finding.message}" for finding in _findings(call, linted))
    elif call.reason:
        yield f"- because: {call.reason}"


def _findings(call: LossCall, linted: Linted) -> list[Finding]:
    return [each for each in linted.report.findings if each.code in call.codes and each.span == call.span]
