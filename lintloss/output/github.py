"""GitHub workflow commands, which become annotations on a pull request."""

from __future__ import annotations

from lintloss.finding import Finding, Report
from lintloss.output.context import Context, place


def render(report: Report, context: Context) -> str:
    """Return a workflow command per finding."""
    return "".join(_command(finding, context) + "\n" for finding in report.findings)


def _command(finding: Finding, context: Context) -> str:
    span = finding.span
    first, last = context.file_rows(span)
    properties = {"title": f"lintloss ({finding.code})", "file": span.filename, "line": str(first)}
    if span.cell is None:  # a cell's columns are not those of the notebook's JSON, which GitHub shows
        properties["col"] = str(span.start.column)
    properties["endLine"] = str(last)
    if span.cell is None and first == last:
        properties["endColumn"] = str(span.end.column)
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    message = f"{place(span)}: {finding.code} {finding.message}"
    return f"::{finding.severity.value} {listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
