"""How often each rule was broken."""

from __future__ import annotations

from collections import Counter

from lintloss.finding import Report


def render(report: Report) -> str:
    """Return a line per rule, the most frequent first."""
    counts = Counter((finding.code, finding.name) for finding in report.findings)
    fixable = Counter(finding.code for finding in report.findings if finding.fix is not None)
    width = len(str(max(counts.values(), default=0)))
    return "".join(
        f"{count:>{width}}  {code} {name}, {fixable[code]} with a fix\n"
        for (code, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
