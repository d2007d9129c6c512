"""Activations as the code applies them: calls, layers that activate what they compute, helpers that are told which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lintloss.analysis.apis import Bound
from lintloss.analysis.facts import Facts
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Apply, Const, Term, within
from lintloss.fixes.misuse import Misuse
from lintloss.fixes.places import Placed
from lintloss.fixes.written import WrittenCall


@dataclass(frozen=True, eq=False)
class Application:
    """One activation on the way to the loss: the term that applies it, its entry, and what it got.

    `is_whole` says that the term applies all of it: a logarithm around a softmax makes another activation of it.
    """

    term: Apply
    bound: Bound | None
    activation: str
    pre: Term
    is_whole: bool

    @property
    def place(self) -> NodeOrigin | None:
        """The call that applies it to a value; None where a model does, with the layers it was given."""
        origin = self.term.origin
        if not isinstance(origin, NodeOrigin) or self.term.function.origin is origin:
            return None
        return origin if isinstance(origin.node, cst.Call) else None

    @property
    def call(self) -> WrittenCall | None:
        return WrittenCall.of(self.term, self.bound.arguments) if self.place and self.bound else None

    @property
    def given(self) -> NodeOrigin | None:
        """The expression that the activation is applied to; None for a layer that computes it as well."""
        name = self.bound.entry["input"] if self.bound else None
        is_whole = self.bound is not None and self.bound.get("input") is self.pre
        return self.call.value(name) if self.call is not None and name and is_whole else None

    @property
    def layer(self) -> WrittenCall | None:
        """The call with the activation's argument: the layer function's, or the layer's constructor's."""
        if self.bound is None:
            return None
        made = self.bound.constructor
        return self.call if made is None else WrittenCall.of(made, self.bound.arguments)


def applications(misuse: Misuse) -> Iterator[Application]:
    """The activations that made the prediction, outermost first, as long as they are of one family."""
    value, facts = misuse.site.prediction, misuse.prediction
    family = facts.activation
    while facts.pre is not None and facts.activation == family:
        term = _applying(value, facts)
        if term is None:
            return
        is_whole = any(each.facts.activation == family for each in misuse.facts.of(term))
        yield Application(term, misuse.book.bind(term), family, facts.pre, is_whole)
        value, facts = facts.pre, misuse.facts.single(facts.pre)
        if any(step != "identity" for step in facts.since):
            return


def _applying(value: Term, facts: Facts) -> Apply | None:
    """The term within `value` that applies the activation which `facts` tell of."""
    made = (term for term in within(value) if isinstance(term, Apply))
    return next((term for term in made if facts.applied is not None and facts.applied in _origins(term)), None)


def _origins(term: Apply) -> tuple[object, ...]:
    return (term.function.origin,) if isinstance(term.function, Apply) else (term.origin,)


def without_activation(application: Application) -> Placed | None:
    """The edit that makes a layer linear."""
    parameter = activation_parameter(application)
    layer = application.layer
    if parameter is None or layer is None or application.bound is None:
        return None
    listed = application.bound.entry.parameters or ()
    default = next((each.default for each in listed if each.name == parameter), None)
    if isinstance(default, Const) and default.value in (None, "linear"):
        dropped = layer.dropping(parameter)
        if dropped is not None:
            return dropped
    return layer.setting(parameter, "None")


def activation_parameter(application: Application) -> str | None:
    """The parameter of a layer that holds its activation."""
    name = application.bound.entry["activation"] if application.bound else None
    is_layer = application.bound is not None and application.bound.entry.kind == "layer"
    return name if is_layer and isinstance(name, str) else None
