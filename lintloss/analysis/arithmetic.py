"""Arithmetic on facts: what adding, scaling, taking logarithms and averaging leave of what is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lintloss.analysis.apis import Bound
from lintloss.analysis.facts import SQUASHING, Dimension, Facts, Step
from lintloss.analysis.terms import Apply, Const, Term

if TYPE_CHECKING:
    from lintloss.analysis.facts import Evaluator

_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_BOUNDS = ("clip", "maximum", "minimum")
_LOGARITHM = "it is a logarithm"
_MOVED = frozenset(("reshape", "transpose", "cast", "identity", "select"))  # what leaves each value as it is


def elementwise(operation: str, term: Apply, operands: list[Term], facts: list[Facts]) -> Facts:
    """The facts of a pointwise operation from those of its operands."""
    if operation in _COMPARISONS:
        return Facts(encoding="binary", role="label", dtype="bool", shape=facts[0].shape)
    if operation in _BOUNDS:
        return _bounded(operation, term, operands, facts)
    if operation == "log":
        return _logarithm(term, facts[0])
    if operation == "exp":
        return _exponential(term, facts[0])
    if operation == "logit":
        return _log_odds(facts[0])
    if operation == "negative":
        return facts[0] if facts[0].activation == "linear" else _mixed(facts)
    if operation == "where":
        return _masked(operands, facts)
    if operation in ("add", "subtract", "multiply", "divide") and len(facts) == 2:
        return _combined(operation, operands, facts)
    return _mixed(facts)


def _combined(operation: str, operands: list[Term], facts: list[Facts]) -> Facts:
    one, other = facts
    if isinstance(operands[1], Const):
        return _with_number(operation, one, operands[1])
    if isinstance(operands[0], Const) and operation in ("add", "multiply"):
        return _with_number(operation, other, operands[0])
    if isinstance(operands[0], Const):
        return other if other.activation == "linear" else _mixed(facts)
    if operation == "subtract" and one.activation == "linear" and other.reason == _LOGARITHM:
        return Facts(reason="a logarithm is taken off it, as a log-softmax does", shape=one.shape)
    if one.activation == "linear" or other.activation == "linear":
        # Something unbounded plus or times anything but its own squashed self is unbounded.
        linear = one if one.activation == "linear" else other
        if not any(side.activation in SQUASHING for side in facts) or operation in ("add", "subtract"):
            units, shape = _broadcast(linear, other if linear is one else one)
            return Facts(activation="linear", units=units, shape=shape, role="prediction")
    if "weight" in (one.role, other.role) and not any(_is_known(side) for side in facts):
        # What is learned can be any number, and so can all that it is added to or multiplied with.
        return Facts(activation="linear", role="prediction")
    if _is_made(one) and _is_made(other):
        return Facts(role="made", reason="arithmetic on values that nothing is known of")
    if operation in ("add", "subtract") and any(side.activation in SQUASHING for side in facts):
        return Facts(reason="probabilities were added to something")
    return _mixed(facts)


def _broadcast(linear: Facts, other: Facts) -> tuple[int | None, tuple[Dimension, ...] | None]:
    """The units and the shape of two values put together: one unit becomes as many as the other value has."""
    shape = _together(linear.shape, other.shape)
    if linear.units != 1 or (other.shape is not None and all(size == 1 for size in other.shape[-1:])):
        return linear.units, shape
    if other.units == 1:
        return 1, shape
    known = other.units or (other.shape[-1] if other.shape else None)
    return (known if isinstance(known, int) else None), None


def _together(one: tuple[Dimension, ...] | None, other: tuple[Dimension, ...] | None) -> tuple[Dimension, ...] | None:
    """The shape of two values put together: sizes of one become those of the other, from the last axis on."""
    if one is None or other is None:
        return one if one is None or 1 not in one[:-1] else None
    if len(one) < len(other):
        return _together(other, one)
    missing = len(one) - len(other)
    return (*one[:missing], *(size if size != 1 else more for size, more in zip(one[missing:], other, strict=True)))


def _masked(operands: list[Term], facts: list[Facts]) -> Facts:
    """A value in some places and a constant, or a value of the same kind, in the others."""
    values = [side for side, operand in zip(facts, operands, strict=True) if not isinstance(operand, Const)]
    if values and values[0].activation in SQUASHING and all(v.activation == values[0].activation for v in values):
        return replace(values[0], since=(*values[0].since, "mask"), repair="lost")
    return _mixed(facts)


def _is_made(facts: Facts) -> bool:
    return facts.role in ("made", "literal", "input", "weight")


def _is_known(facts: Facts) -> bool:
    """Whether an activation or an encoder has made a value what it is."""
    return facts.activation not in ("unknown", "linear") or facts.role == "label"


def _with_number(operation: str, facts: Facts, number: Const) -> Facts:
    """A value plus, minus, times or divided by a number."""
    value = number.value
    if facts.activation == "linear":
        return facts
    if _changes_nothing(operation, value):
        return replace(facts, since=(*facts.since, "identity"), repair="lost")
    tiny = isinstance(value, float) and abs(value) < 1e-2
    if operation in ("add", "subtract") and tiny:
        return replace(facts, since=(*facts.since, "shift"), repair="lost")
    if facts.encoding in ("one_hot", "soft") and isinstance(value, (int, float)) and operation != "subtract":
        return replace(facts, encoding="soft")  # label smoothing
    if facts.encoding in ("class_ids", "binary") and operation in ("add", "subtract") and isinstance(value, int):
        return replace(facts, encoding="class_ids")
    if operation == "divide" and facts.encoding == "unknown" and facts.role in ("label", "input", "made"):
        return facts
    if facts.activation in ("softmax", "log_softmax"):
        return Facts(reason=f"its {facts.activation.replace('_', '-')} was scaled or shifted", shape=facts.shape)
    return replace(_mixed([facts]), shape=facts.shape)


def _changes_nothing(operation: str, value: object) -> bool:
    """Whether a number leaves what it is combined with as it is: plus zero, times one."""
    neutral = 0 if operation in ("add", "subtract") else 1
    return isinstance(value, (int, float)) and value == neutral


def _mixed(facts: list[Facts]) -> Facts:
    activation = "other" if any(side.activation not in ("unknown", "linear") for side in facts) else "unknown"
    return Facts(activation=activation, reason="it was computed from several values in a way that is not followed")


def _logarithm(term: Apply, facts: Facts) -> Facts:
    name = {"softmax": "log_softmax", "sigmoid": "log_sigmoid"}.get(facts.activation)
    if name is None:
        return Facts(activation="other", reason=_LOGARITHM)
    step = (Step(term.origin, "its logarithm is taken here"),) if term.origin is not None else ()
    return replace(facts, activation=name, since=(), repair="lost", steps=(*facts.steps, *step))


def _exponential(term: Apply, facts: Facts) -> Facts:
    name = {"log_softmax": "softmax", "log_sigmoid": "sigmoid"}.get(facts.activation)
    if name is None or not set(facts.since) <= _MOVED:
        return _mixed([facts])
    step = (Step(term.origin, "the logarithm is undone here"),) if term.origin is not None else ()
    return replace(facts, activation=name, repair="lost", steps=(*facts.steps, *step))


def _log_odds(facts: Facts) -> Facts:
    """`log(p / (1 - p))`: any number, and what went into a sigmoid where `p` came out of one."""
    if facts.activation != "sigmoid":
        return _mixed([facts])
    return Facts(activation="linear", units=facts.units, shape=facts.shape, role="prediction")


def _bounded(operation: str, term: Apply, operands: list[Term], facts: list[Facts]) -> Facts:
    """A value kept within bounds: a guard around probabilities, or a relu written as a maximum."""
    values = [side for side, operand in zip(facts, operands, strict=False) if not isinstance(operand, Const)]
    numbers = [operand.value for operand in operands if isinstance(operand, Const)]
    if len(values) != 1 and len({side.activation for side in facts}) > 1:
        return _mixed(facts)
    known = values[0]
    if known.activation in SQUASHING or known.activation == "unknown":
        return replace(known, since=(*known.since, "clip"), repair="lost")
    if operation == "maximum" and numbers in ([0], [0.0]):
        return Facts(activation="relu", applied=term.origin, shape=known.shape, units=known.units, role="prediction")
    return _mixed(facts)


def joined(parts: list[Facts], axis: int | None) -> Facts | None:
    """The facts of values put side by side along `axis` (None: not known), or None where they are of several kinds."""
    first = parts[0]
    keeps_rows = axis == 0 or (axis is not None and bool(first.shape) and axis == -len(first.shape or ()))
    if all(part.activation == first.activation for part in parts) and first.activation != "unknown":
        if first.activation in ("softmax", "log_softmax") and not keeps_rows:
            return Facts(activation="other", role="prediction", reason="it is several distributions side by side")
        units = first.units if keeps_rows and all(part.units == first.units for part in parts) else None
        return replace(first, since=(*first.since, "join"), repair="lost", shape=None, units=units)
    if keeps_rows and all(part.encoding == first.encoding for part in parts) and first.encoding != "unknown":
        same_width = all(part.classes == first.classes for part in parts)
        return Facts(
            encoding=first.encoding, role=first.role, classes=first.classes if same_width else None, steps=first.steps
        )
    return None


def merged(operation: str, parts: list[Facts], axis: int | None) -> Facts | None:
    """The facts of what a layer makes of several values, or None where that is not known."""
    if operation == "concat":
        return joined(parts, axis)
    activations = {part.activation for part in parts}
    if operation in ("add", "subtract", "dot") and "linear" in activations and activations.isdisjoint(SQUASHING):
        return Facts(activation="linear", role="prediction")
    if operation == "mean" and len(activations) == 1 and "unknown" not in activations:
        first = parts[0]
        units = first.units if all(part.units == first.units for part in parts) else None
        return replace(first, since=(*first.since, "pool"), repair="lost", units=units)
    return None


def reduced(facts: Facts, bound: Bound) -> Facts:
    """The facts of a sum, mean, maximum or argmax over some axes."""
    operation = bound.entry["operation"]
    axis = bound.get("axis")
    over_all = axis is None or (isinstance(axis, Const) and axis.value is None)
    over_classes = _is_last(axis, facts)
    if operation == "argmax":
        classes = facts.units if over_classes else None
        return Facts(encoding="class_ids", role="label", classes=classes or facts.classes, dtype="int64")
    shape = _without_axis(facts, bound)
    if _size_along(axis, facts) == 1 and operation in ("sum", "mean", "max", "min"):
        return replace(facts, since=(*facts.since, "reshape"), repair="lost", shape=shape)
    if facts.activation == "linear":
        return Facts(activation="linear", role=facts.role, shape=shape)
    if over_classes or over_all or operation == "sum":
        return Facts(
            activation="other" if facts.activation != "unknown" else "unknown", shape=shape, reason="it was summed up"
        )
    return replace(facts, since=(*facts.since, "pool"), repair="lost", shape=shape)


def mixture(evaluator: Evaluator, term: Apply, bound: Bound) -> Facts | None:
    """A sum of probabilities weighted by a softmax, which is a probability again: `sum(softmax(u) * sigmoid(w), 1)`."""
    given = bound.get("input")
    factors = _operands(evaluator, given, "multiply") if given is not None else None
    if bound.entry["operation"] != "sum" or factors is None or len(factors) != 2:
        return None
    facts = [evaluator.single(factor) for factor in factors]
    if sorted(side.activation for side in facts) != ["sigmoid", "softmax"]:
        return None
    if not any(_is_last(bound.get("axis"), side) for side in facts):
        return None
    steps = tuple(step for side in facts for step in side.steps)
    return Facts(activation="sigmoid", role="prediction", shape=_without_axis(facts[0], bound), steps=steps)


def _size_along(axis: Term | None, facts: Facts) -> int | None:
    if facts.shape is None or not isinstance(axis, Const) or not isinstance(axis.value, int):
        return None
    size = facts.shape[axis.value] if -len(facts.shape) <= axis.value < len(facts.shape) else None
    return size if isinstance(size, int) else None


def _is_last(axis: Term | None, facts: Facts) -> bool:
    if not isinstance(axis, Const) or not isinstance(axis.value, int):
        return False
    return axis.value == -1 or (facts.shape is not None and axis.value == len(facts.shape) - 1)


def _without_axis(facts: Facts, bound: Bound) -> tuple[int | str | None, ...] | None:
    axis, keep = bound.get("axis"), bound.get("keepdims")
    if facts.shape is None or not isinstance(axis, Const) or not isinstance(axis.value, int):
        return None
    at = axis.value if axis.value >= 0 else len(facts.shape) + axis.value
    if not 0 <= at < len(facts.shape):
        return None
    kept = (1,) if isinstance(keep, Const) and keep.value is True else ()
    return (*facts.shape[:at], *kept, *facts.shape[at + 1 :])


def written_out_activation(evaluator: Evaluator, term: Apply, operation: str, operands: list[Term]) -> Facts | None:
    """An activation that is written out, one of those below."""
    if len(operands) != 2:
        return None
    if operation == "subtract":
        return _written_out_log_softmax(evaluator, term, *operands)
    if operation == "divide":
        return _written_out_softmax(evaluator, term, *operands) or _written_out_sigmoid(evaluator, term, *operands)
    return None


def _written_out_softmax(evaluator: Evaluator, term: Apply, above: Term, below: Term) -> Facts | None:
    """`exp(z) / sum(exp(z))`."""
    total = _operands(evaluator, below, "sum")
    exponential = _operands(evaluator, above, "exp")
    if total is None or exponential is None:
        return None
    if total[0] is not above and not _same_exponential(evaluator, total[0], exponential):
        return None
    return _written_out("softmax", evaluator, term, exponential[0])


def _written_out_sigmoid(evaluator: Evaluator, term: Apply, above: Term, below: Term) -> Facts | None:
    """`1 / (1 + exp(-z))`."""
    one_plus = _operands(evaluator, below, "add")
    if not _is_one(above) or one_plus is None or len(one_plus) != 2:
        return None
    for number, other in (one_plus, one_plus[::-1]):
        inner = _operands(evaluator, other, "exp")
        minus = _operands(evaluator, inner[0], "negative") if inner else None
        if _is_one(number) and minus is not None:
            return _written_out("sigmoid", evaluator, term, minus[0])
    return None


def _written_out_log_softmax(evaluator: Evaluator, term: Apply, scores: Term, total: Term) -> Facts | None:
    """`z - logsumexp(z)`."""
    summed = _operands(evaluator, total, "logsumexp")
    return _written_out("log_softmax", evaluator, term, scores) if summed and summed[0] is scores else None


def _written_out(activation: str, evaluator: Evaluator, term: Apply, pre: Term) -> Facts:
    facts = evaluator.single(pre)
    told = f"this is a {activation.replace('_', '-')}, written out"
    return Facts(
        activation=activation,
        pre=pre,
        applied=term.origin,
        axis=None if activation == "sigmoid" else -1,
        units=facts.units,
        shape=facts.shape,
        steps=(Step(term.origin, told),) if term.origin is not None else (),
    )


def _is_one(term: Term) -> bool:
    return isinstance(term, Const) and term.value in (1, 1.0)


def _same_exponential(evaluator: Evaluator, term: Term, exponential: list[Term]) -> bool:
    inner = _operands(evaluator, term, "exp")
    return inner is not None and inner[0] is exponential[0]


def _operands(evaluator: Evaluator, term: Term, operation: str) -> list[Term] | None:
    bound = evaluator.book.bind(term, evaluator.era)
    if bound is None or bound.entry["operation"] != operation:
        return None
    return [operand for operand in (bound.get("input"), bound.get("other")) if operand is not None]
