"""One line per finding, for people and their editors."""

from __future__ import annotations

from lintloss.finding import Report
from lintloss.output.context import Context, summary
from lintloss.output.text import header


def render(report: Report, context: Context) -> str:
    """Return a line per finding, and the summary."""
    lines = [header(finding, context) for finding in report.findings]
    return "\n".join([*lines, summary(report.loss_calls)]) + "\n"
