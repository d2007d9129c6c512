"""Terms and sites written by hand, for the tests of the runtime checker."""

from __future__ import annotations

from typing import Any

from lintloss.analysis import apis
from lintloss.analysis.apis import ApiBook
from lintloss.analysis.sites import Formula, Model, Site
from lintloss.analysis.terms import Api, Apply, Argument, Const, Parameter, Sequence, Term
from lintloss.finding import Location, Span

LABELS = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
LOGITS = [[2.0, 0.5, 6.0], [0.1, 0.0, 3.0]]
TUTORIAL = (0.02215516, 3.0996735)


class Here:
    """An origin for terms that stand in no file."""

    code = "loss"
    span = Span("train.py", Location(1, 1), Location(1, 5))


def book() -> ApiBook:
    return apis.load()


def value(thing: Any) -> Term:
    """Python values as terms; terms stay what they are."""
    if isinstance(thing, Term):
        return thing
    if isinstance(thing, (list, tuple)):
        return Sequence(type(thing).__name__, tuple(value(item) for item in thing))
    return Const(thing)


def call(function: str | Term, *positional: Any, **keywords: Any) -> Apply:
    """`call("tensorflow.nn.softmax", x, axis=1)`."""
    callee = Api(function) if isinstance(function, str) else function
    arguments = [Argument(None, value(item)) for item in positional]
    return Apply(callee, (*arguments, *(Argument(name, value(item)) for name, item in keywords.items())))


def unknown(name: str) -> Parameter:
    return Parameter(name, "train")


def site(term: Term | None, name: str, prediction: Term, labels: Term | None, **fields: Any) -> Site:
    """A site of the loss `name` with the term as its own."""
    entry = book().entry(name)
    assert entry is not None, name
    return Site(fields.pop("anchor", "call"), Here(), entry, prediction, labels, term=term, **fields)


def compiled(output: Term, name: str, labels: Term | None = None, **fields: Any) -> Site:
    """A `compile` site of a model with that output."""
    return site(None, name, output, labels, anchor="compile", model=Model(output), **fields)


def dense(units: int, activation: Any = None) -> Apply:
    """A `Dense` layer applied to an unknown input."""
    layer = call("keras.layers.Dense", units, **({} if activation is None else {"activation": activation}))
    return call(layer, unknown("x"))


HANDWRITTEN = Formula("cross_entropy", (("sum", 1),), negated=True)

SOFTMAX_LOSS = "tensorflow.nn.softmax_cross_entropy_with_logits"
SPARSE_LOSS = "tensorflow.nn.sparse_softmax_cross_entropy_with_logits"
KERAS = "keras.losses."
Y, Z = value(LABELS), value(LOGITS)
UNKNOWN_Y, UNKNOWN_Z = unknown("y"), unknown("z")


def softmax(term: Term) -> Term:
    return call("tensorflow.nn.softmax", term)


def fused(name: str, labels: Term, logits: Term, **more: Any) -> Site:
    """A call of one of `tf.nn`'s losses."""
    return site(call(name, labels=labels, logits=logits, **more), name, logits, labels)


def named(output: Term, name: str, string: str | None = None) -> Site:
    """`compile` with a loss by its name."""
    return compiled(output, KERAS + name, spelled=string or name)
