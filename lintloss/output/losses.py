"""Every loss call, for people: what it takes, what it gets, whether they fit, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lintloss.finding import LossCall
from lintloss.output.context import place, summary


def render(calls: Sequence[LossCall]) -> str:
    """Return each loss call in full, and the summary."""
    blocks = ["\n".join(_call(call)) for call in calls]
    return "\n".join([*blocks, summary(calls)]) + "\n"


def _call(call: LossCall) -> Iterator[str]:
    codes = f" ({', '.join(call.codes)})" if call.codes else ""
    yield f"{place(call.span)}: {call.verdict.value}{codes} {call.loss}"
    said = {"takes": call.takes, "gets": call.gets, "labels": call.labels}
    if any(said.values()):
        yield "    " + ", ".join(f"{word} {value}" for word, value in said.items() if value)
    if call.reason:
        yield f"    {call.reason}"
