"""Facts: what a term is known to be, and its evaluation.

`Facts` says what is known of one value on one path; `Evaluator.of` gives the alternatives that a term's
choices allow. What an API does to facts stands in its entry; here is one function per kind of entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from lintloss.analysis import structures
from lintloss.analysis.apis import ApiBook, Bound, Entry, Era
from lintloss.analysis.objects import Attribute, Function, Instance
from lintloss.analysis.terms import (
    Api,
    Apply,
    Argument,
    Carried,
    Choice,
    Const,
    Guard,
    Origin,
    Parameter,
    Postponed,
    Sequence,
    Stated,
    Term,
    Unknown,
    seen,
    within,
)

MOST_ALTERNATIVES = 16
MOST_PARTS = 200  # of a prediction that are looked through for parameters
HALF = ("float16", "bfloat16")
SQUASHING = ("softmax", "sigmoid", "log_softmax", "log_sigmoid")
ROWS = ("one_hot", "soft", "multi_hot")  # encodings with a column for each class

Dimension = int | str | None


class Step(NamedTuple):
    """One station on a value's way, for the flow that a finding shows."""

    origin: Origin
    message: str


@dataclass(frozen=True)
class Facts:
    """What is known of one value, on one path.

    `activation` is the last activation, `pre` the term that went into it, `applied` where it was applied,
    `layer` the layer term that applied it (None for a function). `since` says what came after, in order.
    `axis` is the activation's axis (negative counts from the end), `units` the number of classes along it, or, before
    any activation, of outputs along `units_axis`.
    `shape` has an int, a symbol or None per dimension; None altogether if even the rank is unknown.
    `contradicts` is what a comment states of the value, where the code says otherwise.
    """

    activation: str = "unknown"
    pre: Term | None = None
    applied: Origin | None = None
    layer: Term | None = None
    axis: int | None = None
    units: int | None = None
    units_axis: int = -1
    since: tuple[str, ...] = ()
    repair: str = "lost"
    shape: tuple[Dimension, ...] | None = None
    dtype: str | None = None
    low: float | None = None
    high: float | None = None
    encoding: str = "unknown"
    classes: int | None = None
    role: str | None = None
    reason: str | None = None
    steps: tuple[Step, ...] = ()
    contradicts: str | None = None


@dataclass(frozen=True)
class Alternative:
    """Facts that hold where all `guards` hold."""

    guards: tuple[Guard, ...]
    facts: Facts


NOTHING_KNOWN = Facts(reason="nothing is known of it")
# What a person can state of a value, in the words of the comment.
STATED = {
    "logits": Facts(activation="linear"),
    "probabilities": Facts(activation="softmax"),
    "log-probabilities": Facts(activation="log_softmax"),
    "one-hot": Facts(encoding="one_hot", role="label"),
    "class-ids": Facts(encoding="class_ids", role="label"),
    "soft": Facts(encoding="soft", role="label"),
    "binary": Facts(encoding="binary", role="label"),
    "continuous": Facts(encoding="continuous", role="label"),
}


def consistent(guards: Iterable[Guard]) -> bool:
    """Whether no condition holds both ways."""
    ways: dict[str, bool] = {}
    return all(ways.setdefault(guard.condition.key, guard.holds) is guard.holds for guard in guards)


class Evaluator:
    """Facts of terms, each worked out once."""

    def __init__(self, book: ApiBook) -> None:
        self.book = book
        self.era: Era = {}
        self.policies: set[str] = set()
        self.feeds: dict[int, list[Term]] = {}
        self.class_rows: set[int] = set()
        self._known: dict[int, tuple[Alternative, ...]] = {}
        self._kept: list[Term] = []

    def of(self, term: Term) -> tuple[Alternative, ...]:
        """What is known of `term`, for each consistent way its choices can go."""
        known = self._known.get(id(term))
        if known is None:
            self._known[id(term)] = (Alternative((), Facts(reason="it is made from itself")),)
            self._kept.append(term)
            known = self._known[id(term)] = self._evaluate(term)[:MOST_ALTERNATIVES]
        return known

    def forget(self) -> None:
        """Drop what was worked out before all data that is fed was known."""
        self._known.clear()
        self._kept.clear()

    def single(self, term: Term) -> Facts:
        """The facts of a term that has no alternatives; nothing otherwise."""
        found = self.of(term)
        return found[0].facts if len(found) == 1 else Facts(reason="it depends on the path taken")

    def left_to_callers(self, prediction: Term) -> set[str]:
        """The functions whose parameters, which no call so far has bound, decide what a prediction is."""
        if any(alternative.facts.activation != "unknown" for alternative in self.of(prediction)):
            return set()
        return {part.function for part in within(prediction, MOST_PARTS) if isinstance(part, Parameter)}

    def may_be_softmax(self, bound: Bound) -> bool:
        """Whether a call applies a softmax: by itself or by an activation it is given."""
        if bound.entry["activation"] == "softmax":
            return bound.get("input") is not None
        if bound.entry["applies"] == "softmax":
            return True
        given = bound.get("activation") if bound.entry.kind == "layer" else None
        return given is not None and "softmax" in {name for _, name in self._activations(given)}

    # -- by kind of term -------------------------------------------------------------------------------------

    def _evaluate(self, term: Term) -> tuple[Alternative, ...]:
        if isinstance(term, Choice):
            return self._choice(term)
        if isinstance(term, Apply):
            return self._apply(term)
        if isinstance(term, Postponed):
            return self.of(term.value)
        if isinstance(term, Stated):
            return self._over(term.value, lambda known: _stated(term, known))
        return self._one(self._simple(term))

    def _one(self, facts: Facts) -> tuple[Alternative, ...]:
        return (Alternative((), facts),)

    def _choice(self, term: Choice) -> tuple[Alternative, ...]:
        found: list[Alternative] = []
        for way, value in ((True, term.then), (False, term.otherwise)):
            for alternative in self.of(value):
                guards = (Guard(term.condition, way), *alternative.guards)
                if consistent(guards):
                    found.append(Alternative(guards, alternative.facts))
        return tuple(found)

    def _simple(self, term: Term) -> Facts:
        match term:
            case Const(value=value):
                return Facts(role="literal", shape=(), encoding="unknown", reason=f"it is the constant {value!r}")
            case Sequence():
                return self._literal(term)
            case Parameter(name=name, function=function):
                return Facts(
                    role="parameter", reason=f"`{name}` is a parameter of `{function}`, and no call of it is in reach"
                )
            case Unknown(reason=reason):
                return Facts(reason=reason)
            case Carried(name=name):
                return Facts(reason=f"`{name}` changes from turn to turn of a loop")
            case Attribute():
                return self._attribute(term)
            case Instance():
                return Facts(reason="it is an object, not a tensor")
            case Api(path=path):
                return Facts(reason=f"what `{path}` is is not known")
        return NOTHING_KNOWN

    def _attribute(self, term: Attribute) -> Facts:
        leaf = structures.of(self.book, term, self.era)
        if isinstance(leaf, str):
            return structures.facts_of_leaf(leaf, term)
        made = self.book.bind(term.base, self.era)
        if made is not None and made.entry.kind == "model" and made.entry["output"] == term.name:
            return self.single(term.base)
        if term.name in ("output", "outputs") and isinstance(term.base, Apply):
            return self.single(Apply(term.base, (Argument(None, Unknown("a layer's input")),), origin=term.origin))
        entry = self.book.entry(f"tensor.{term.name}")
        if entry is not None and entry.kind == "pass":
            known = self.single(term.base)
            return _passed(known, str(entry["since"]), None)
        return Facts(reason=f"what `.{term.name}` is is not known")

    def _literal(self, term: Sequence) -> Facts:
        from lintloss.analysis import arithmetic

        rows = structures.numbers(term)
        if rows is None:
            parts = [self.single(item) for item in term.items] if term.kind == "list" else []
            known = arithmetic.joined(parts, 0) if parts else None
            return known if known is not None else Facts(reason="it is a collection of values")
        return structures.facts_of_literal(rows)

    # -- calls -----------------------------------------------------------------------------------------------

    def _apply(self, term: Apply) -> tuple[Alternative, ...]:
        bound = self.book.bind(term, self.era)
        if bound is None:
            leaf = structures.of(self.book, term, self.era)
            if isinstance(leaf, str):
                return self._one(structures.facts_of_leaf(leaf, term))
            if _is_written(term):
                return self._written(term)
            return self._one(Facts(reason=f"what {_callee(term)} gives is not known"))
        if bound.entry.data.get("when"):
            bound = replace(bound, entry=bound.entry.under(bound.arguments))
        evaluate: Callable[[Apply, Bound], tuple[Alternative, ...]] | None = getattr(
            self, f"_kind_{bound.entry.kind}", None
        )
        if evaluate is None:
            return self._one(Facts(reason=f"what {_callee(term)} gives is not known"))
        return evaluate(term, bound)

    def _written(self, term: Apply) -> tuple[Alternative, ...]:
        """An array that was made for it and is written part by part: of the kind of what is written."""
        from lintloss.analysis import arithmetic

        values: list[Term] = []
        base: Term = term
        while _is_written(base) or isinstance(base, Carried):
            if isinstance(base, Carried):
                base = base.initial
            elif isinstance(base, Apply):
                base, _, value = (argument.value for argument in base.arguments)
                values.append(value)
        parts = [self.single(value) for value in values]
        known = arithmetic.joined(parts, 0) if self.single(base).role == "made" else None
        if known is None or known.activation == "unknown":
            return self._one(Facts(reason="it is written to part by part"))
        return self._one(replace(known, axis=None, units=None))

    def _over(self, term: Term | None, function: Callable[[Facts], Facts]) -> tuple[Alternative, ...]:
        if term is None:
            return self._one(function(NOTHING_KNOWN))
        return tuple(Alternative(alternative.guards, function(alternative.facts)) for alternative in self.of(term))

    def _kind_activation(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        given = bound.get("input")
        activation = str(bound.entry["activation"])
        if activation == "linear":
            return self._over(given, lambda facts: facts)

        def activated(facts: Facts) -> Facts:
            return self._activated(term, activation, given, facts, _axis(bound, facts.shape), bound.entry)

        return self._over(given, activated)

    def _activated(
        self, term: Apply, activation: str, pre: Term | None, before: Facts, axis: int | None, entry: Entry
    ) -> Facts:
        shape = before.shape
        units = (
            _dimension(shape, axis)
            if shape is not None
            else before.units
            if axis in (before.units_axis, None)
            else None
        )
        steps = before.steps if before.activation in SQUASHING else ()
        applied = term.function.origin if isinstance(term.function, Apply) else term.origin
        if applied is not None:
            steps = (*steps, Step(applied, f"{activation.replace('_', '-')} is applied here"))
        return Facts(
            activation=activation,
            pre=pre,
            applied=applied,
            layer=term.function if isinstance(term.function, Apply) else None,
            axis=axis,
            units=units,
            units_axis=before.units_axis,
            repair="lost" if before.dtype in HALF else "attached" if entry.framework == "keras" else "graph",
            shape=shape,
            dtype=before.dtype,
            role="prediction",
            steps=steps,
        )

    @property
    def policy(self) -> str | None:
        """The precision that the file asks its Keras layers to compute in, if it is one: `mixed_float16`."""
        return next(iter(self.policies)) if len(self.policies) == 1 else None

    def set_policy(self, bound: Bound) -> None:
        """Learn of a policy for all layers; what was worked out before does not hold any more."""
        given = bound.get("policy")
        if isinstance(given, Apply) and given.arguments:
            given = given.arguments[0].value
        if isinstance(given, Const) and isinstance(given.value, str):
            self.policies.add(given.value)
            self.forget()

    def _kind_layer(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        if bound.entry.is_class and bound.constructor is None:
            return self._one(Facts(reason="it is a layer, not a tensor"))
        name = _dtype_name(bound.arguments.get("dtype")) or self.policy
        found = self._layer(term, bound)
        if name is None or bound.entry.framework != "keras":
            return found
        dtype = name.removeprefix("mixed_")
        return tuple(replace(each, facts=_computed_in(dtype, each.facts)) for each in found)

    def _layer(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        entry = bound.entry
        given = bound.get("input")
        if entry["passes"]:
            passed = self._over(given, lambda facts: _passed(facts, str(entry["passes"]), self._reshaped(facts, bound)))
        elif entry["learned"]:
            passed = self._one(self._learned(given, bound))
        elif entry["merges"]:
            passed = self._one(self._merged(term, bound))
        elif entry["activation"] or entry["applies"]:
            passed = self._over(given, lambda facts: facts)
        else:
            return self._one(Facts(reason=f"what {_callee(term)} does is not known"))
        if entry["applies"]:
            axis = _integer(bound.get("axis"), -1)
            return tuple(
                Alternative(a.guards, self._activated(term, str(entry["applies"]), given, a.facts, axis, entry))
                for a in passed
            )
        activation = bound.get("activation")
        return self._with_activation(term, bound, activation, passed) if activation is not None else passed

    def _merged(self, term: Apply, bound: Bound) -> Facts:
        """What a layer or function makes of the values that it is given in a list."""
        from lintloss.analysis import arithmetic

        given = bound.get("input")
        parts = structures.elements(given) if given is not None else None
        operation = "concat" if bound.entry.kind == "structure" else str(bound.entry["operation"])
        if parts is not None:
            axis = _integer(bound.get("axis"), None)
            joined = [self.single(part) for part in parts]
            known = arithmetic.merged(operation, joined, axis)
            if known is not None:
                return replace(known, shape=_stacked(joined, axis)) if bound.entry["adds"] else known
        return Facts(reason=f"{_callee(term)} joins several values")

    def _learned(self, given: Term | None, bound: Bound) -> Facts:
        units = _integer(bound.get("units"), None)
        before = self.single(given).shape if given is not None and bound.entry["keeps_shape"] else None
        shape = (*before[:-1], units) if before else None
        where = bound.entry["units_axis"] or -1
        return Facts(activation="linear", units=units, units_axis=where, shape=shape, role="prediction")

    def _with_activation(
        self, term: Apply, bound: Bound, activation: Term, passed: tuple[Alternative, ...]
    ) -> tuple[Alternative, ...]:
        found: list[Alternative] = []
        named = self._activations(activation)
        for (guards, name), before in product(named, passed):
            every = (*guards, *before.guards)
            if not consistent(every):
                continue
            if name in ("linear", None):
                facts = before.facts if name else Facts(reason="its activation is not known", units=before.facts.units)
            else:
                pre = (
                    _without_activation(term, bound)
                    if bound.entry["learned"] or bound.entry["passes"] or bound.entry.kind == "model"
                    else bound.get("input")
                )
                facts = self._activated(term, name, pre, before.facts, -1, bound.entry)
                if self._is_foreign(activation, bound.entry):
                    facts = replace(facts, repair="graph")
            found.append(Alternative(every, facts))
        return tuple(found)

    def _is_foreign(self, activation: Term, layer: Entry) -> bool:
        """Whether a layer is given another framework's function: Keras cannot then repair the loss in eager mode."""
        entry = self.book.entry(activation.path) if isinstance(activation, Api) else None
        return entry is not None and entry.framework != layer.framework

    def _activations(self, term: Term) -> list[tuple[tuple[Guard, ...], str | None]]:
        """The names an activation argument can mean; None for one that is not known."""
        if isinstance(term, Choice):
            ways = ((True, term.then), (False, term.otherwise))
            return [
                ((Guard(term.condition, way), *g), name) for way, value in ways for g, name in self._activations(value)
            ]
        return [((), self._activation_name(term))]

    def _activation_name(self, term: Term) -> str | None:
        entry: Entry | None = None
        if isinstance(term, Const):
            if term.value is None:
                return "linear"
            entry = self.book.activation_named(term.value) if isinstance(term.value, str) else None
        elif isinstance(term, Api):
            entry = self.book.entry(term.path)
        elif isinstance(term, Apply):
            made = self.book.bind(term, self.era)
            entry = made.entry if made is not None else None
            if made is not None and made.get("activation") is not None and not made.entry["learned"]:
                return self._activation_name(made.get("activation") or term)
        if entry is None:
            return None if not isinstance(term, Const) else "other"
        name = entry["activation"] or entry["applies"]
        if (name is not None and entry.kind == "activation") or entry["applies"]:
            return str(name)
        return (
            "linear"
            if entry.kind == "pass" and entry["since"] == "identity"
            else None
            if entry.kind == "layer"
            else "other"
        )

    def _kind_model(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        """A ready network: its head's activation, or features where it has no head."""
        if bound.constructor is None or bound.entry["style"] != "application":
            return self._one(Facts(reason="how this model was made is not known"))
        top = bound.get("top")
        if isinstance(top, Const) and top.value is False:
            return self._one(Facts(reason="a network without its head"))
        activation = bound.get("activation") or Const(str(bound.entry["applies"] or "softmax"))
        units = _integer(bound.get("classes"), None)
        base = self._one(Facts(activation="linear", units=units, role="prediction"))
        return self._with_activation(term, bound, activation, base)

    def _kind_pass(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        leaf = structures.of(self.book, term, self.era)
        if isinstance(leaf, str):
            return self._one(structures.facts_of_leaf(leaf, term))
        if isinstance(leaf, Term) and leaf is not term:
            return self.of(leaf)
        given, since = bound.get("input"), str(bound.entry["since"])
        index = bound.get("index")
        if index is not None:
            return self._over(given, lambda facts: self._selected(facts, index))
        dtype = bound.entry["to"] or self._dtype(bound.get("dtype"))

        def pass_on(facts: Facts) -> Facts:
            passed = _passed(facts, since, self._reshaped(facts, bound))
            if not bound.entry["same"]:
                passed = replace(passed, repair="lost")  # another tensor, to which Keras has attached nothing
            if passed.encoding == "continuous" and dtype is not None and dtype.startswith(("int", "uint")):
                passed = replace(passed, encoding="unknown", reason="it was cast to whole numbers")
            return replace(passed, dtype=dtype) if since == "cast" or dtype is not None else passed

        return self._over(given, pass_on)

    def _dtype(self, term: Term | None) -> str | None:
        """The name of a data type that is given, or that of another value: what a network outputs is floats."""
        if not isinstance(term, Attribute) or term.name != "dtype":
            return _dtype_name(term)
        facts = self.single(term.base)
        return facts.dtype or (None if facts.activation == "unknown" else "float")

    def _selected(self, facts: Facts, index: Term) -> Facts:
        if facts.encoding == "one_hot" and facts.role == "table" and not _is_slice(index):
            rows = self.single(index)
            shape = (*rows.shape, facts.classes) if rows.shape is not None else None
            return Facts(encoding="one_hot", classes=facts.classes, role="label", shape=shape)
        since = (*facts.since, "select")
        if facts.activation in SQUASHING and _touches_last(index, facts.shape):
            return Facts(
                activation="other", since=since, role=facts.role, reason="one column of an activation's output"
            )
        if facts.encoding == "one_hot" and _touches_last(index, facts.shape):
            return replace(facts, encoding="binary", since=since, shape=None, classes=None)
        if not _keeps_last(index, facts.shape):  # other columns: how many, and whether one of them is still set?
            encoding = "unknown" if facts.encoding in ROWS else facts.encoding
            return replace(facts, since=since, shape=None, units=None, encoding=encoding, classes=None)
        return replace(facts, since=since, shape=_selected_shape(facts.shape, index))

    def _reshaped(self, facts: Facts, bound: Bound) -> tuple[Dimension, ...] | None:
        target = bound.get("shape")
        if target is not None:
            dimensions = structures.dimensions(target)
            # A layer is told the shape of one example, a function that of the batch.
            return (None, *dimensions) if bound.entry.is_class and dimensions is not None else dimensions
        if bound.entry["adds"] or bound.entry["drops"]:
            return _with_axes(facts.shape, bound)
        if bound.entry["keeps_shape"] or bound.entry["since"] in ("cast", "identity", "clip", "dropout", "shuffle"):
            return facts.shape
        return facts.shape if bound.entry["passes"] in ("dropout", "cast", "normalise") else None

    def _kind_affine(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        shape = None
        other = bound.get("units") or bound.get("other")
        units = _integer(other, None)
        if other is not None and not isinstance(other, Const):
            weights = self.single(other).shape
            units = _dimension(weights, -1) if weights is not None else None
        given = bound.get("input")
        before = self.single(given).shape if given is not None else None
        if before is not None and len(before) >= 1:
            shape = (*before[:-1], units)
        elif units is not None:
            shape = (None, units)
        if other is None and given is not None:  # a bias is added, say
            known = self.single(given)
            return self._one(Facts(activation="linear", units=known.units, shape=known.shape, role="prediction"))
        return self._one(Facts(activation="linear", units=units, shape=shape, role="prediction"))

    def _kind_elementwise(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        from lintloss.analysis import arithmetic

        operands = [operand for operand in (bound.get("input"), bound.get("other")) if operand is not None]
        operation = str(bound.entry["operation"])
        whole = arithmetic.written_out_activation(self, term, operation, operands)
        if whole is not None:
            return self._one(whole)
        found: list[Alternative] = []
        for combination in product(*(self.of(operand) for operand in operands)):
            guards = tuple(guard for alternative in combination for guard in alternative.guards)
            if consistent(guards):
                facts = [alternative.facts for alternative in combination]
                found.append(Alternative(guards, arithmetic.elementwise(operation, term, operands, facts)))
        return tuple(found)

    def _kind_reduce(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        from lintloss.analysis import arithmetic

        mixed = arithmetic.mixture(self, term, bound)
        if mixed is not None:
            return self._one(mixed)
        return self._over(bound.get("input"), lambda facts: arithmetic.reduced(facts, bound))

    def _kind_encoder(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        encoding = str(bound.entry["encoding"] or "unknown")
        given = bound.get("input")
        if encoding == "multi_hot" and given is not None and structures.holds_singles(given):
            encoding = "one_hot"
        classes = _integer(bound.get("classes"), None)
        origin, like = term.origin, bound.get("like")
        if like is not None:
            classes = _dimension(self.single(like).shape, -1)

        def encoded(facts: Facts) -> Facts:
            shape = None
            if encoding == "one_hot" and facts.shape is not None and _integer(bound.get("axis"), -1) == -1:
                is_column = bound.entry["squeezes"] and len(facts.shape) > 1 and facts.shape[-1] == 1
                shape = (*(facts.shape[:-1] if is_column else facts.shape), classes)
            if encoding in ("class_ids", "binary"):
                shape = facts.shape
            if like is not None:
                shape = self.single(like).shape
            steps = (Step(origin, f"made {encoding.replace('_', '-')} here"),) if origin is not None else ()
            dtype = bound.entry["to"]
            return Facts(encoding=encoding, classes=classes, role="label", shape=shape, dtype=dtype, steps=steps)

        return self._over(given, encoded)

    def _kind_make(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        initial = bound.get("input")
        if initial is not None:
            role = "weight" if bound.entry["learned"] else "made"
            return self._over(initial, lambda facts: replace(facts, encoding="unknown", role=role))
        shape_term = bound.get("shape")
        shape = structures.dimensions(shape_term) if shape_term is not None else None
        if bound.entry["rows"]:
            classes = _integer(bound.get("rows"), None)
            return self._one(Facts(encoding="one_hot", classes=classes, role="table", shape=(classes, classes)))
        low, high = _number(bound.get("low")), _number(bound.get("high"))
        is_whole = bound.entry["encoding"] == "class_ids"
        if is_whole and low is not None and _is_left_out(bound.get("high")):
            low, high = 0.0, low  # `randint(10)` draws below 10
        if is_whole and high is not None and not bound.entry["closed"]:
            high -= 1  # the bound itself is not drawn
        encoding = _made_encoding(str(bound.entry["encoding"] or "unknown"), shape, low, high)
        return self._one(Facts(encoding=encoding, role="made", shape=shape, low=low, high=high))

    def _kind_input(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        shape_term = bound.get("shape")
        shape = structures.dimensions(shape_term) if shape_term is not None else None
        if shape is not None and bound.entry["batched"]:
            shape = ("batch", *shape)
        dtype = _dtype_name(bound.get("dtype"))
        fed = [self.single(value) for value in self.feeds.get(id(term), ())]
        encodings = {facts.encoding for facts in fed}
        encoding = encodings.pop() if len(encodings) == 1 else "unknown"
        is_vector = shape is not None and len(shape) == 1
        if encoding == "unknown" and is_vector and dtype is not None and dtype.startswith("int"):
            encoding = "class_ids"
        if encoding == "unknown" and id(term) in self.class_rows:
            encoding = "one_hot"
        known = fed[0] if encoding != "unknown" and fed else Facts()
        reason = "it is fed from outside"
        return self._one(
            Facts(
                role="made" if known.role == "made" else "input",
                shape=shape,
                dtype=dtype,
                encoding=encoding,
                classes=known.classes,
                reason=reason,
            )
        )

    def _kind_loader(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        leaf = structures.of(self.book, term, self.era)
        return self._one(
            structures.facts_of_leaf(leaf, term) if isinstance(leaf, str) else Facts(reason="it is a data set")
        )

    def _kind_structure(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        leaf = structures.of(self.book, term, self.era)
        if isinstance(leaf, str):
            return self._one(structures.facts_of_leaf(leaf, term))
        if isinstance(leaf, Term) and leaf is not term:
            return self.of(leaf)
        if bound.entry["operation"] == "join":
            return self._one(self._merged(term, bound))
        if bound.entry["operation"] == "split":
            axis = _integer(bound.get("axis"), None)
            return self._over(bound.get("input"), lambda facts: _part_of(facts, axis))
        return self._one(Facts(reason=f"what {_callee(term)} gives is not known"))

    def _kind_compile(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        return self._over(bound.get("input"), lambda facts: facts)

    def _kind_loss(self, term: Apply, bound: Bound) -> tuple[Alternative, ...]:
        return self._one(Facts(role="loss", reason="it is a loss"))


# Facts of which a value can have only one.
_EXCLUSIVE = (
    ({"linear"}, {"softmax", "sigmoid"}, {"log_softmax", "log_sigmoid"}, {"relu"}, {"tanh"}),
    ({"one_hot", "multi_hot", "soft"}, {"class_ids", "binary"}, {"continuous"}),
)


def _stated(term: Stated, known: Facts) -> Facts:
    """What a comment states, with what is known besides; code that is certain counts for more than a comment."""
    said = STATED[term.fact]
    steps = (*known.steps, Step(term.origin, f"stated to be {term.fact}")) if term.origin is not None else known.steps
    if _excludes(said.activation, known.activation) or _excludes(said.encoding, known.encoding):
        return replace(known, steps=steps, contradicts=term.fact)
    if said.activation != "unknown" and known.activation == "unknown":
        return replace(said, shape=known.shape, units=known.units, steps=steps)
    if said.encoding != "unknown":
        return replace(known, encoding=said.encoding, role=said.role, steps=steps, reason=None)
    return replace(known, steps=steps)


def _excludes(said: str, known: str) -> bool:
    groups = [group for kind in _EXCLUSIVE for group in kind if said in group or known in group]
    return len(groups) == 2


def _made_encoding(encoding: str, shape: tuple[Dimension, ...] | None, low: float | None, high: float | None) -> str:
    """What random or constant numbers can be as labels: whole numbers in columns are no class ids."""
    columns = shape is not None and len(shape) > 1 and shape[-1] != 1
    if encoding == "class_ids":
        if low in (None, 0) and high == 1:
            return "unknown" if columns else "binary"
        return "unknown" if columns else encoding
    if encoding == "continuous" and high is not None and high > 1 and (low or 0) >= 0:
        return "unknown"  # drawn from 0 to 999, a float may stand for a class id
    return encoding


def _callee(term: Apply) -> str:
    function = term.function
    if isinstance(function, Api):
        return f"`{function.path.rsplit('.', 1)[-1]}`"
    if isinstance(function, Apply):
        return _callee(function)
    if isinstance(function, Attribute):
        return f"`.{function.name}`"
    return f"`{function.code.name}`" if isinstance(function, Function) else "a call"


def _part_of(facts: Facts, axis: int | None) -> Facts:
    """One of the parts that a value is split into along `axis` (None: not known)."""
    if facts.activation in ("softmax", "log_softmax") and axis != 0:
        return Facts(activation="other", role=facts.role, reason="one part of an activation's output")
    return replace(facts, since=(*facts.since, "select"), repair="lost", shape=None, units=None)


def _stacked(parts: list[Facts], axis: int | None) -> tuple[Dimension, ...] | None:
    """The shape of values of one shape that are laid along a new axis."""
    shape = parts[0].shape
    rank = 0 if shape is None else len(shape) + 1
    if shape is None or axis is None or not -rank <= axis < rank or any(part.shape != shape for part in parts):
        return None
    at = axis % rank
    return (*shape[:at], len(parts), *shape[at:])


def _with_axes(shape: tuple[Dimension, ...] | None, bound: Bound) -> tuple[Dimension, ...] | None:
    """The shape with an axis of size 1 more, or with one less; None where the rows are none any more."""
    adds = bool(bound.entry["adds"])
    axis = _integer(bound.get(str(bound.entry["adds"] or bound.entry["drops"])), None)
    rank = None if shape is None else len(shape) + adds
    if shape is None or axis is None or rank is None or not -rank <= axis < rank:
        return None
    at = axis % rank
    changed = (*shape[:at], 1, *shape[at:]) if adds else (*shape[:at], *shape[at + 1 :])
    return changed if len(changed) > 1 else None


_MOVING = ("transpose", "select", "pad")  # after these, what stands along an axis is not what stood there


def _passed(facts: Facts, since: str, shape: tuple[Dimension, ...] | None) -> Facts:
    repair = facts.repair if since == "identity" else "lost"
    units = _dimension(shape, -1) if since == "reshape" else None if since in _MOVING else facts.units
    if since == "reshape" and facts.encoding in ROWS and _dimension(shape, -1) is None:
        # Rows that are laid out anew may be rows no more.
        facts = replace(facts, encoding="unknown", reason="its rows were laid out anew")
    where = -1 if since == "reshape" else facts.units_axis
    return replace(facts, since=(*facts.since, since), shape=shape, repair=repair, units=units, units_axis=where)


def _computed_in(dtype: str, facts: Facts) -> Facts:
    """The output of a layer of that precision; Keras' losses cast halves, and find no logits behind a cast."""
    return replace(facts, dtype=dtype, repair="lost" if dtype in HALF else facts.repair)


def _without_activation(term: Apply, bound: Bound) -> Term:
    """The same layer without its activation, applied to the same value: what the activation got."""
    name = str(bound.entry["activation"])
    made = bound.constructor if bound.constructor is not None else term
    own = {id(seen(argument.value)) for argument in made.arguments}
    kept = {
        key: value
        for key, value in bound.arguments.items()
        if key in bound.given and id(value) in own and key not in (name, bound.entry["input"])
    }
    arguments = (*(Argument(key, value) for key, value in kept.items()), Argument(name, Const(None)))
    if bound.constructor is None:
        given = bound.get("input")
        first = (Argument(str(bound.entry["input"]), given),) if given is not None else ()
        return Apply(term.function, (*first, *arguments), origin=term.origin)
    return Apply(Apply(made.function, arguments, origin=made.origin), term.arguments, origin=term.origin)


def _touches_last(index: Term, shape: tuple[Dimension, ...] | None) -> bool:
    """Whether an index picks from the last axis."""
    if not isinstance(index, Sequence) or index.kind != "tuple":
        return False
    positions = index.items
    if any(map(_is_ellipsis, positions)):
        return _is_single(positions[-1])
    if shape is not None:
        return len(positions) == len(shape) and _is_single(positions[-1])
    return len(positions) >= 2 and _is_single(positions[-1])


def _keeps_last(index: Term, shape: tuple[Dimension, ...] | None) -> bool:
    """Whether an index leaves the last axis as it is: it picks rows, or all that stands in them."""
    if not isinstance(index, Sequence) or index.kind != "tuple":
        return shape is None or len(shape) > 1
    picked = [item for item in index.items if not (isinstance(item, Const) and item.value is None)]
    ends_early = shape is not None and len(picked) < len(shape) and not any(map(_is_ellipsis, picked))
    return ends_early or (len(picked) == len(index.items) and _is_whole(picked[-1]))


def _is_single(item: Term) -> bool:
    return not _is_slice(item) and not (isinstance(item, Const) and item.value is None)


def _is_slice(item: Term) -> bool:
    return isinstance(item, Sequence) and item.kind == "slice"


def _is_ellipsis(item: Term) -> bool:
    return isinstance(item, Const) and item.value is ...


def _is_whole(item: Term) -> bool:
    """Whether an index of one axis is `:`, or `...`."""
    bounds = item.items if isinstance(item, Sequence) and item.kind == "slice" else ()
    return _is_ellipsis(item) or (
        bool(bounds) and all(isinstance(each, Const) and each.value is None for each in bounds)
    )


def _selected_shape(shape: tuple[Dimension, ...] | None, index: Term) -> tuple[Dimension, ...] | None:
    if shape is None or not shape:
        return None
    if _is_slice(index):
        return (None, *shape[1:])
    if isinstance(index, Const) and isinstance(index.value, int):
        return shape[1:]
    return None


def _dtype_name(term: Term | None) -> str | None:
    """The name of a data type that is given as a library's object or as a string."""
    if isinstance(term, Api):
        return term.path.rsplit(".", 1)[-1]
    return str(term.value) if isinstance(term, Const) and term.value else None


def _dimension(shape: tuple[Dimension, ...] | None, axis: int | None) -> int | None:
    if shape is None or axis is None or not -len(shape) <= axis < len(shape):
        return None
    found = shape[axis]
    return found if isinstance(found, int) else None


def _is_written(term: Term) -> bool:
    return isinstance(term, Apply) and isinstance(term.function, Api) and term.function.path == "operator.setitem"


def _axis(bound: Bound, shape: tuple[Dimension, ...] | None) -> int | None:
    """The axis that an activation runs over; where it is left out, the rank may decide."""
    by_rank, given = bound.entry["implicit_axis"], bound.get("axis")
    if by_rank is None or not _is_left_out(given):
        return _integer(given, -1)
    return by_rank[min(len(shape), len(by_rank) - 1)] if shape is not None else None


def _integer(term: Term | None, default: int | None) -> int | None:
    if isinstance(term, Const) and isinstance(term.value, (int, float)) and not isinstance(term.value, bool):
        return int(term.value) if math.isfinite(term.value) else default
    return default if term is None or isinstance(term, Const) else None


def _is_left_out(term: Term | None) -> bool:
    return term is None or (isinstance(term, Const) and term.value is None)


def _number(term: Term | None) -> float | None:
    return float(term.value) if isinstance(term, Const) and isinstance(term.value, (int, float)) else None
