"""What a fix starts from, and what it comes to: a misuse, and a change of the code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lintloss.analysis.apis import ApiBook, Entry
from lintloss.analysis.facts import Evaluator, Facts
from lintloss.analysis.sites import Site
from lintloss.analysis.syntax import NodeOrigin
from lintloss.finding import Applicability
from lintloss.fixes.places import Placed
from lintloss.fixes.written import WrittenCall


class Change(NamedTuple):
    """Edits that belong together, and how safe they are at best."""

    edits: tuple[Placed, ...]
    applicability: Applicability = Applicability.SAFE

    @classmethod
    def of(cls, edits: Iterable[Placed | None], applicability: Applicability = Applicability.SAFE) -> Change | None:
        """All of the edits, or None if one of them could not be made."""
        made = tuple(edits)
        present = tuple(edit for edit in made if edit is not None)
        return cls(present, applicability) if present and len(present) == len(made) else None


@dataclass(frozen=True, eq=False)
class Misuse:
    """A site that a rule holds of, with the facts of what it was given."""

    site: Site
    prediction: Facts
    labels: Facts | None
    book: ApiBook

    @cached_property
    def facts(self) -> Evaluator:
        return Evaluator(self.book)

    @property
    def place(self) -> NodeOrigin:
        """The site's node."""
        return self.site.origin

    @cached_property
    def entry(self) -> Entry:
        """The loss as its arguments make it."""
        return self.site.entry

    @cached_property
    def call(self) -> WrittenCall | None:
        """The call of the loss function, or of the loss object."""
        return WrittenCall.of(self.site.term, self.site.arguments)

    @cached_property
    def construction(self) -> WrittenCall | None:
        """The call that makes the loss object, wherever it stands."""
        return WrittenCall.of(self.site.constructor, self.site.arguments)

    @property
    def labels_are_floats(self) -> bool:
        """Whether the labels are known to be of a data type that callables with `whole` refuse."""
        dtype = self.labels.dtype if self.labels is not None else None
        return dtype is not None and "float" in dtype

    def given(self, role: str) -> NodeOrigin | None:
        """The expression that the loss call is given for a role."""
        name = self.site.entry.role(role)
        return self.call.value(name) if self.call is not None and name else None
