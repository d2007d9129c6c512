"""GitHub workflow commands, which become annotations on a pull request."""

from __future__ import annotations

from lintloss.finding import Finding, Report
from lintloss.output.context import Context, place


def render(report: Report, context: Context) -> str:
    """Return a workflow command per finding."""
    return "".join(_command(finding) + "\n" for finding in report.findings)


def _command(finding: Finding) -> str:
    span = finding.span
    properties = {"title": f"lintloss ({finding.code})", "file": span.filename}
    if span.cell is None:  # a notebook's rows are not those of the file that GitHub shows
        properties |= {
            "line": str(span.start.row),
            "col": str(span.start.column),
            "endLine": str(span.end.row),
        }
        if span.end.row == span.start.row:
            properties["endColumn"] = str(span.end.column)
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    message = f"{place(span)}: {finding.code} {finding.message}"
    return f"::{finding.severity.value} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
