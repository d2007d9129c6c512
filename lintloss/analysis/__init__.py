"""Analysis: from code to loss calls, each with the terms of what it is given and the facts about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lintloss.analysis.sites import Site, Unjudged
from lintloss.sources import Source, absolute

if TYPE_CHECKING:
    from lintloss.analysis.apis import ApiBook
    from lintloss.analysis.facts import Evaluator
    from lintloss.analysis.parsed import ParsedFiles
    from lintloss.analysis.tree import Tree
    from lintloss.analysis.words import Asked
    from lintloss.config import Settings


@dataclass(eq=False)
class Unparsed:
    """A source that cannot be analysed, and why."""

    source: Source
    reason: str
    row: int = 1
    column: int = 1


@dataclass(eq=False)
class Analysis:
    """The sites of one source, and the facts of their terms.

    `unjudged` are the loss calls that are no sites: not come to before the budget ran out, or of an unknown loss.
    """

    source: Source
    book: ApiBook
    facts: Evaluator
    sites: list[Site] = field(default_factory=list)
    unparsed: Unparsed | None = None
    exhausted: bool = False
    unjudged: list[Unjudged] = field(default_factory=list)


class Analyser:
    """Analyses sources one by one; what one imports from another, or from its project, is read when it is asked for."""

    def __init__(
        self,
        sources: Sequence[Source] | Mapping[str, Source],
        settings: Settings | None = None,
        asked: Asked | None = None,
        parsed: ParsedFiles | None = None,
    ) -> None:
        """Take the sources that count before what is on disk: a mapping has them by their absolute paths.

        What was parsed for another analyser need not be parsed again.
        """
        from lintloss.analysis import apis, modules, words

        self._book = apis.load(settings)
        if not isinstance(sources, Mapping):
            sources = {absolute(source.filename): source for source in sources}
        self._project = modules.Project(self._book, Path.cwd(), sources, asked or words.EVERYTHING, parsed)

    @property
    def tree(self) -> Tree:
        """The files as the analysis sees them, and what it looked at for the last source."""
        return self._project.tree

    def may_hold_a_site(self, source: Source) -> bool:
        """Whether a source's words allow for any loss call, metric or activation."""
        return self._project.may_hold_a_site(source.text)

    def analyse(self, source: Source) -> Analysis:
        """Analyse one source. One that cannot be parsed has `unparsed` set, never an exception."""
        from lintloss.analysis import walk

        return walk.walk(source, self._project, self._book)
