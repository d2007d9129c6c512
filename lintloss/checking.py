"""Checking one source: what the rules say of it, and what the answer was read from."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.errors import UsageError, described, is_debugged
from lintloss.finding import Finding, Location, LossCall, Severity, Span
from lintloss.selection import UNREADABLE, selected, with_severities, without_ignored
from lintloss.sources import Source
from lintloss.suppressions import UNUSED, Suppressions

if TYPE_CHECKING:
    from lintloss.analysis import Analysis
    from lintloss.analysis.parsed import ParsedFiles
    from lintloss.analysis.tree import Tree

_EXHAUSTED = "too intricate to follow to its end; loss calls in it may be missing"


@dataclass(frozen=True)
class Checked:
    """What was found in one source; `looks` are the questions to the project's files that it depends on.

    `is_lasting` says whether the answer may be kept for another run.
    """

    findings: tuple[Finding, ...] = ()
    loss_calls: tuple[LossCall, ...] = ()
    notes: tuple[str, ...] = ()
    looks: tuple[tuple[str, str, str], ...] = ()
    seconds: float = 0.0
    is_lasting: bool = True


class Checker:
    """Checks sources one by one, with what they share read once."""

    def __init__(
        self,
        sources: Sequence[Source] | Mapping[str, Source],
        settings: Settings,
        parsed: ParsedFiles | None = None,
    ) -> None:
        """Take the sources that count before what is on disk, and what was parsed for another checker.

        Raises:
            UsageError: settings name unknown rules, or knowledge is broken.
        """
        from lintloss.analysis import Analyser
        from lintloss.rulebook import asked, load_rules

        rules = load_rules(settings)
        self._settings = settings
        self._codes = selected(rules, settings)
        self._dormant = rules.keys() - self._codes
        self._analyser = Analyser(sources, settings, asked(settings), parsed)

    @property
    def tree(self) -> Tree:
        return self._analyser.tree

    def is_quiet(self, source: Source) -> bool:
        """Whether nothing can be found in a source, told from its words alone."""
        if source.named or source.skipped or Suppressions.may_be_in(source.text):
            return False
        return not self._analyser.may_hold_a_site(source)

    def check(self, source: Source) -> Checked:
        """Check one source. What goes wrong within lintloss costs that source alone, and is said of it."""
        started = time.perf_counter()
        try:
            checked = self.analysed(source)[1]
        except UsageError:
            raise
        except Exception as error:
            if is_debugged():
                raise
            checked = self.given_up(source, described(error))
        return replace(checked, looks=self._analyser.tree.looks(), seconds=time.perf_counter() - started)

    def analysed(self, source: Source) -> tuple[Analysis, Checked]:
        """Check one source, and return what was analysed, too."""
        from lintloss.rulebook import judge

        analysis = self._analyser.analyse(source)
        judged, calls = judge(analysis, self._settings)
        found = self._wanted([*judged, *_unparsed(analysis), *_skipped_cells(source)])
        found = _unsuppressed(found, source, self._codes, self._dormant)
        notes = (f"{source.filename}: {_EXHAUSTED}",) if analysis.exhausted else ()
        return analysis, Checked(self._as_set(found), tuple(calls), notes)

    def given_up(self, source: Source, reason: str) -> Checked:
        """What is said of a source that cannot be checked; the next run tries again."""
        place = Location(1, 1)
        found = self._wanted([unreadable(reason, Span(source.filename, place, place, None))])
        return Checked(self._as_set(found), is_lasting=False)

    def _wanted(self, found: Sequence[Finding]) -> list[Finding]:
        return [each for each in found if each.code in self._codes]

    def _as_set(self, found: Sequence[Finding]) -> tuple[Finding, ...]:
        """Findings as the settings would have them."""
        return tuple(with_severities(without_ignored(found, self._settings), self._settings))


def check_each(sources: Iterable[Source], checker: Checker) -> Iterator[tuple[Source, Checked]]:
    """Check sources one after another, in this process."""
    for source in sources:
        yield source, on_deep_stack(partial(checker.check, source))


def unreadable(reason: str, span: Span) -> Finding:
    """The finding for what cannot be read."""
    return Finding(UNREADABLE, "unreadable-file", Severity.ERROR, reason, span)


def _unparsed(analysis: Analysis) -> Iterator[Finding]:
    each = analysis.unparsed
    if each is not None:
        yield unreadable(each.reason, each.source.span(each.row, each.column, each.row, each.column))


def _skipped_cells(source: Source) -> Iterator[Finding]:
    for skipped in source.skipped:
        place = Location(skipped.row, skipped.column)
        yield unreadable(skipped.reason, Span(source.filename, place, place, skipped.cell))


def _unsuppressed(
    found: Sequence[Finding], source: Source, codes: Collection[str], dormant: Collection[str]
) -> list[Finding]:
    """Leave out what comments suppress; add a finding for each comment that suppresses nothing."""
    if not found and not Suppressions.may_be_in(source.text):
        return []
    comments = Suppressions.parse(source)
    kept = [finding for finding in found if not comments.suppresses(finding)]
    return [*kept, *comments.unused(dormant)] if UNUSED in codes else kept
