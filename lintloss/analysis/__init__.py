"""Analysis: from code to loss calls, each with the terms of what it is given and the facts about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lintloss.analysis.sites import Site
from lintloss.sources import Source

if TYPE_CHECKING:
    from lintloss.analysis.apis import ApiBook
    from lintloss.analysis.facts import Evaluator
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
    """The sites of some sources, and the facts of their terms."""

    book: ApiBook
    facts: Evaluator
    sites: list[Site] = field(default_factory=list)
    unreadable: list[Unparsed] = field(default_factory=list)
    exhausted: list[Source] = field(default_factory=list)


def analyse(sources: Sequence[Source], settings: Settings | None = None) -> Analysis:
    """Analyse sources. A source that cannot be parsed is listed in `unreadable`, and the rest goes on."""
    from lintloss.analysis import apis, walk

    book = apis.load(settings)
    return walk.walk(sources, book)
