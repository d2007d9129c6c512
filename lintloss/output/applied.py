"""What `--fix` has repaired."""

from __future__ import annotations

from collections.abc import Sequence

from lintloss.finding import Finding
from lintloss.output.context import place


def render(findings: Sequence[Finding]) -> str:
    """Return a line per repaired finding, and how many there were."""
    lines = [_line(finding) for finding in findings]
    count = f"fixed {len(findings)} finding{'' if len(findings) == 1 else 's'}"
    return "\n".join([*lines, count]) + "\n"


def _line(finding: Finding) -> str:
    message = finding.fix.message if finding.fix else finding.message
    verdict = f" ({finding.verification.verdict.value})" if finding.verification else ""
    return f"{place(finding.span)}: fixed {finding.code}: {message}{verdict}"
