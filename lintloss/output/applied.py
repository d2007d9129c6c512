"""What `--fix` has repaired, and what `--add-ignore` has silenced."""

from __future__ import annotations

from collections.abc import Sequence

from lintloss.finding import Finding
from lintloss.output.context import counted, place


def render(findings: Sequence[Finding]) -> str:
    """Return a line per repaired finding, and how many there were."""
    lines = [_line(finding) for finding in findings]
    return "\n".join([*lines, f"fixed {counted(len(findings), 'finding')}"]) + "\n"


def render_silenced(findings: Sequence[Finding]) -> str:
    """Return how many findings were silenced, in how many files."""
    files = len({finding.span.filename for finding in findings})
    return f"silenced {counted(len(findings), 'finding')} in {counted(files, 'file')}\n"


def _line(finding: Finding) -> str:
    message = finding.fix.message if finding.fix else finding.message
    verdict = f" ({finding.verification.verdict.value})" if finding.verification else ""
    return f"{place(finding.span)}: fixed {finding.code}: {message}{verdict}"
