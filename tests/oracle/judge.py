"""What lintloss says of a program, and whether that contradicts what running it says."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss import linter
from lintloss.config import Settings
from lintloss.finding import CallVerdict, Severity
from lintloss.sources import Source
from oracle.programs import Program
from oracle.runner import Truth

_OF_LABELS = {"LL201", "LL202", "LL204", "LL206"}  # rules whose fixes change labels, or how a loss reads them


@dataclass(frozen=True)
class Opinion:
    """`error`, `warning`, `fine`, `undecided`, or `silent` where the loss call was not seen; and the reasons.

    `knows_labels` says whether the labels' encoding is known: no rule speaks of labels that nothing is known of.
    """

    verdict: str
    detail: str = ""
    knows_labels: bool = True


def opinion(source: str) -> Opinion:
    """What lintloss says of the only loss call in `source`."""
    report = linter.lint([Source.from_text(source, "program.py")], Settings())
    if report.findings:
        is_error = any(finding.severity is Severity.ERROR for finding in report.findings)
        codes = ", ".join(sorted({finding.code for finding in report.findings}))
        return Opinion("error" if is_error else "warning", codes)
    verdicts = {call.verdict for call in report.loss_calls}
    reasons = "; ".join(call.reason for call in report.loss_calls if call.reason)
    knows_labels = all(call.labels not in ("", "unknown") for call in report.loss_calls)
    if verdicts & {CallVerdict.UNDECIDED, CallVerdict.OPEN}:
        return Opinion("undecided", reasons, knows_labels)
    return Opinion("fine" if verdicts else "silent", reasons, knows_labels)


def contradiction(program: Program, truth: Truth, said: Opinion) -> str | None:
    """What is wrong with an opinion: an error on a right program, a wrong program called fine, a loss call not seen.

    A warning contradicts nothing: what is right only by Keras' repair or by luck, and what is unstable, gets one. A
    formula that is written out is a loss call only where it is recognised as one.
    """
    if said.verdict == "silent" and not program.is_handwritten:
        return "does not see the loss call"
    if truth.verdict == "right" and said.verdict == "error":
        return "an error on a right program"
    is_blind = not program.labels_are_taken and not said.knows_labels
    if truth.verdict in ("wrong", "raises") and said.verdict == "fine" and not is_blind:
        return f"fine on a program that is {truth.verdict}"
    return None


def fixed(program: Program) -> Program | None:
    """The program after all its fixes, unsafe ones too; None where there are none."""
    done = linter.fix([Source.from_text(program.source, "program.py")], Settings(), unsafe=True)
    after = done.sources[0].text
    if after == program.source:
        return None
    of_labels = all(finding.code in _OF_LABELS for finding in done.applied)
    return program.relabelled(after) if of_labels else program.repaired(after)
