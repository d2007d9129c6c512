"""Sites: the places where a loss (or a metric, or an activation) meets what it is given.

A site is written down once per context in which the analysis reaches it; the rulebook joins the contexts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lintloss.analysis.apis import Entry
from lintloss.analysis.terms import Api, Apply, Guard, Origin, Term
from lintloss.finding import Span

if TYPE_CHECKING:
    from lintloss.analysis.syntax import NodeOrigin


class Formula(NamedTuple):
    """A loss that the user wrote out by hand, as recognised from its arithmetic.

    `core` is the pointwise part (cross_entropy, binary_cross_entropy, log_probability, squared, absolute),
    `reductions` what was done to it, outermost first, as pairs of `sum` or `mean` and the axis (None: all axes).
    `weighted` says that the classes' terms are weighted before they are summed, which no fused op does.
    """

    core: str
    reductions: tuple[tuple[str, int | None], ...]
    negated: bool
    guarded: bool = False
    weighted: bool = False


class Model(NamedTuple):
    """The model behind a compile call: what it outputs and the layers that made it, where they are known."""

    output: Term
    layers: tuple[Term, ...] = ()
    name: str | None = None


class Unjudged(NamedTuple):
    """A loss call that no rule can judge, with the name its loss goes by, and why: `is_open` as for sites."""

    span: Span
    loss: str
    reason: str
    is_open: bool = False


@dataclass(frozen=True, eq=False)
class Site:
    """One loss call in one context.

    `term` is the loss' own term (None at compile); `prediction` and `labels` are terms. The arguments as written
    are those of `origin`'s node.
    `constructor` is the term that made the loss object, where there is one, `scope` the names visible at the
    call, `callers` the calls through which the context was reached, outermost first. `weights` are what training weighs
    with, by role: examples (`weights`) and classes (`class_weights`). `is_compiled` says that it
    runs as a graph: it stands in `compile`, in a loss function that was given there, or in a traced function.
    """

    anchor: str
    origin: NodeOrigin
    entry: Entry
    prediction: Term
    labels: Term | None
    term: Term | None = None
    constructor: Apply | None = None
    spelled: str | None = None
    arguments: Mapping[str, Term] = field(default_factory=dict)
    scope: Mapping[str, Term] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    callers: tuple[Origin, ...] = ()
    formula: Formula | None = None
    model: Model | None = None
    weights: Mapping[str, Term] = field(default_factory=dict)
    is_compiled: bool = False
    is_open: bool = False

    @property
    def name(self) -> str:
        """What the code calls the loss or metric: the string it gives to `compile`, or one of its entry's names."""
        called: Term | None = self.constructor or self.term
        while isinstance(called, Apply):
            called = called.function
        is_own = isinstance(called, Api) and called.path in self.entry.names
        return self.spelled or (called.path if is_own and isinstance(called, Api) else self.entry.name)
