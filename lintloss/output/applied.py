"""What `--fix` has repaired, and what `--add-ignore` has silenced."""

from __future__ import annotations

from collections.abc import Sequence

from lintloss.finding import Finding
from lintloss.output.context import place


def render(findings: Sequence[Finding]) -> str:
    """Return a line per repaired finding, and how many there were."""
    lines = [_line(finding) for finding in findings]
    return "\n".join([*lines, f"fixed {_counted(len(findings), 'finding')}"]) + "\n"


def render_silenced(findings: Sequence[Finding]) -> str:
    """Return how many findings were silenced, in how many files."""
    files = len({finding.span.filename for finding in findings})
    return f"silenced {_counted(len(findings), 'finding')} in {_counted(files, 'file')}\n"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _line(finding: Finding) -> str:
    message = finding.fix.message if finding.fix else finding.message
    verdict = f" ({finding.verification.verdict.value})" if finding.verification else ""
    return f"{place(finding.span)}: fixed {finding.code}: {message}{verdict}"
