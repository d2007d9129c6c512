"""Which findings are reported: those that the baseline does not know, and that a git range touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lintloss.finding import Finding
from lintloss.sources import Source

if TYPE_CHECKING:
    from lintloss.baseline import Baseline
    from lintloss.touched import Changes


class Scope(NamedTuple):
    """Everything is reported unless a baseline or changes say otherwise."""

    baseline: Baseline | None = None
    changes: Changes | None = None

    def within(self, findings: Sequence[Finding], sources: Sequence[Source]) -> list[Finding]:
        """Return the findings to report."""
        reported = list(findings)
        if self.baseline is not None:
            from lintloss import baseline

            reported = list(baseline.match(self.baseline, reported, sources).unknown)
        if self.changes is not None:
            reported = self.changes.touching(reported, sources)
        return reported
