"""One JSON object per line and finding."""

from __future__ import annotations

import json

from lintloss.finding import Report
from lintloss.output.context import Context
from lintloss.output.json import as_json


def render(report: Report, context: Context) -> str:
    """Return a line per finding."""
    return "".join(
        json.dumps(as_json(finding), ensure_ascii=False, allow_nan=False) + "\n" for finding in report.findings
    )
