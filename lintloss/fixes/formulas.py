"""replace-formula: the pointwise part of a hand-written loss becomes the fused, stable op on the logits.

Only the pointwise part and its sum over the classes are rewritten: reductions over examples, weights and factors
around it stay as they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from lintloss.analysis.apis import Entry
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Apply, Const, Sequence, Term
from lintloss.finding import Applicability
from lintloss.fixes import layers, names, places, preactivation
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.places import Placed

_TRANSPARENT = ("sum", "mean", "negative", "divide", "multiply", "cast", "identity")
_SUBTRACTING = {"squared": False, "absolute": False, "cross_entropy": True, "binary_cross_entropy": True}


@dataclass(frozen=True, eq=False)
class Layer:
    """One operation around the pointwise part."""

    term: Apply
    operation: str
    axis: object

    @property
    def place(self) -> NodeOrigin | None:
        return self.term.origin if isinstance(self.term.origin, NodeOrigin) else None


@dataclass(frozen=True, eq=False)
class Fused:
    """The call of a fused op, the edits that give it what it takes, and how safe they are at best."""

    code: str
    edits: tuple[Placed, ...]
    applicability: Applicability


def replace_formula(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: the fused op of the wanted family, with the formula's own reduction."""
    formula, term, where = misuse.site.formula, misuse.site.term, misuse.place
    if formula is None or formula.weighted or not isinstance(term, Apply):
        return None
    path = list(_path(misuse, term))
    core, around = path[-1], path[:-1]
    is_exclusive = arguments.get("family") == "softmax"
    summed = _class_sum(around, misuse) if is_exclusive else None
    replaced = summed if summed is not None else core
    if not _keeps_value(around, replaced, is_exclusive):
        return None
    fused = _fused(misuse, core.term, where, arguments)
    if fused is None or replaced.place is None or not places.contains(where, replaced.place):
        return None
    is_minus = _SUBTRACTING[formula.core] and _is_positive(misuse, core, around)
    is_scaled = is_exclusive and "entropy" in formula.core and _is_averaged(around)
    applicability = Applicability.SHOWN if is_scaled else fused.applicability
    return Change.of((*_placed(replaced.place, fused.code, where, is_minus), *fused.edits), applicability)


def _path(misuse: Misuse, term: Apply) -> Iterator[Layer]:
    """The operations from the formula's outermost one to the pointwise part, which comes last."""
    current: Term = term
    while isinstance(current, Apply):
        layer = _layer(misuse, current)
        yield layer
        inner = _inner(misuse, layer)
        if inner is None:
            return
        current = inner


def _layer(misuse: Misuse, term: Apply) -> Layer:
    bound = misuse.book.bind(term)
    if bound is None:
        return Layer(term, "", None)
    operation = bound.entry["since"] if bound.entry.kind == "pass" else bound.entry["operation"]
    return Layer(term, str(operation), _axis(bound.get("axis")))


def _axis(term: Term | None) -> object:
    """A constant axis, or the only one of a list; None for all axes, `...` for what is not known."""
    if isinstance(term, Sequence) and len(term.items) == 1:
        return _axis(term.items[0])
    return term.value if isinstance(term, Const) else None if term is None else ...


def _inner(misuse: Misuse, layer: Layer) -> Term | None:
    """What a reduction, a sign or a factor is applied to; None once the pointwise part is reached."""
    if layer.operation not in _TRANSPARENT:
        return None
    operands = [argument.value for argument in layer.term.arguments]
    if layer.operation == "multiply":
        others = [operand for operand in operands if not isinstance(operand, Const)]
        return others[0] if len(others) == 1 and isinstance(others[0], Apply) else None
    first = operands[0] if operands else None
    return first if isinstance(first, Apply) else None


def _class_sum(around: list[Layer], misuse: Misuse) -> Layer | None:
    """The innermost reduction, if it is over the classes: part of what the fused op computes."""
    reductions = [layer for layer in around if layer.operation in ("sum", "mean")]
    innermost = reductions[-1] if reductions else None
    axis = innermost.axis if innermost is not None else None
    if isinstance(axis, bool) or not isinstance(axis, int):
        return None
    shape = misuse.prediction.shape
    rank = len(shape) if shape is not None else 2
    return innermost if axis in (-1, rank - 1) else None


def _keeps_value(around: list[Layer], replaced: Layer, is_exclusive: bool) -> bool:
    """Whether the reductions left in place reduce examples as they did."""
    left = [layer for layer in around if layer.operation in ("sum", "mean") and layer is not replaced]
    return not is_exclusive or all(layer.axis is None for layer in left) or not left


def _is_averaged(around: list[Layer]) -> bool:
    """Whether classes are averaged with the examples: the fused op sums them, so the loss grows by their number."""
    reductions = [layer for layer in around if layer.operation in ("sum", "mean")]
    return bool(reductions) and reductions[-1].operation == "mean"


def _is_positive(misuse: Misuse, core: Layer, around: list[Layer]) -> bool:
    """Whether the pointwise part is `y * log(p)`, without the sign that makes it a loss."""
    signs = sum(layer.operation == "negative" for layer in around)
    signs += sum(_is_negative_factor(layer) for layer in around if layer.operation in ("multiply", "divide"))
    formula = misuse.site.formula
    return formula is not None and formula.negated is (signs % 2 == 1)


def _is_negative_factor(layer: Layer) -> bool:
    values = [argument.value.value for argument in layer.term.arguments if isinstance(argument.value, Const)]
    return any(isinstance(value, (int, float)) and value < 0 for value in values)


def _placed(place: NodeOrigin, fused: str, where: NodeOrigin, is_minus: bool) -> Iterator[Placed]:
    """The fused op put in, and one minus sign taken away or added where the signs differ."""
    minus = _minus_around(place, where) if is_minus else None
    if not is_minus:
        yield places.replacing(place, fused)
    elif minus is None:
        yield places.replacing(place, f"-{fused}")
    elif cst.ensure_type(minus.node, cst.UnaryOperation).expression is place.node:
        yield places.replacing(minus, fused)
    else:
        top, left, _, _ = places.rows(minus)
        inner = NodeOrigin(minus.unit, cst.ensure_type(minus.node, cst.UnaryOperation).expression)
        row, column, _, _ = places.rows(inner)
        column -= len(getattr(inner.node, "lpar", ()))
        yield places.between(place.unit.source, (top, left), (row, column), "")
        yield places.replacing(place, fused)


def _minus_around(place: NodeOrigin, where: NodeOrigin) -> NodeOrigin | None:
    """The innermost `-` in the formula that stands before all of it."""
    for each in (place, *places.around(place)):
        is_unary = isinstance(each.node, cst.UnaryOperation)
        if is_unary and isinstance(cst.ensure_type(each.node, cst.UnaryOperation).operator, cst.Minus):
            return each
        if each.node is where.node:
            return None
    return None


# -- the fused op --------------------------------------------------------------------------------------------


def _fused(misuse: Misuse, core: Apply, where: NodeOrigin, wanted: Mapping[str, object]) -> Fused | None:
    labels = _labels(misuse, core, where)
    prediction = _written(core, misuse.site.prediction)
    given = _given(misuse, prediction, where, wanted) if prediction is not None else None
    if labels is None or given is None:
        return None
    for entry, extra in _fused_entries(misuse, wanted):
        written = names.spelling(entry.name, misuse.site.scope, where.unit.source, misuse.book)
        if written is not None:
            code = f"{written.code}({entry.role('labels')}={labels}, {entry.role('prediction')}={given.code}{extra})"
            return Fused(code, (*given.edits, *written.edits), given.applicability)
    return None


def _given(
    misuse: Misuse, prediction: NodeOrigin, where: NodeOrigin, wanted: Mapping[str, object]
) -> preactivation.Reached | None:
    """What the fused op is given: the prediction as it is, or without its activation, or the value before that."""
    if wanted.get("activation") == "linear":
        return _made_linear(misuse, prediction, where)
    if wanted.get("input") == "probabilities":
        is_here = places.contains(where, prediction)
        return preactivation.Reached(places.code(prediction), prediction) if is_here else None
    reached = preactivation.reach(misuse, prediction)
    return reached if reached is not None and reached.place.node is prediction.node else None


def _made_linear(misuse: Misuse, prediction: NodeOrigin, where: NodeOrigin) -> preactivation.Reached | None:
    """The prediction as it is once its activation is dropped, and with it a guard in a statement of its own."""
    dropped = layers.drop_layer(misuse, {})
    if dropped is None:
        return None
    edits = dropped.edits
    if not places.contains(where, prediction):
        guard = places.rebinding(prediction)
        line = places.deleting_lines(guard) if guard is not None else None
        if line is None:
            return None
        edits = (*edits, line)
    return preactivation.Reached(places.code(prediction), prediction, edits, dropped.applicability)


def _fused_entries(misuse: Misuse, wanted: Mapping[str, object]) -> list[tuple[Entry, str]]:
    """Functions that compute the loss per example from what is wanted, those of the formula's own framework first."""
    cell = {"family": wanted.get("family"), "labels": wanted.get("labels"), "reduction": "none"}
    found: list[tuple[Entry, str]] = []
    for entry in misuse.book.every():
        if entry.kind != "loss" or entry.is_class or entry["versions"]:
            continue
        extra = _told(entry, wanted.get("input", "logits"))
        if extra is not None and all(entry[key] == value for key, value in cell.items()) and _needs_no_more(entry):
            found.append((entry, extra))
    own = framework(misuse)
    return sorted(found, key=lambda each: (each[0].framework != own, bool(each[1]), each[0].name))


def _told(entry: Entry, given: object) -> str | None:
    """What a call must say so that the loss takes logits, or probabilities; None if it cannot."""
    if entry["input"] == given:
        return ""
    flag = entry.role("from_logits")
    is_option = given == "logits" and flag and entry.under({flag: Const(True)})["input"] == "logits"
    return f", {flag}=True" if is_option else None


def _needs_no_more(entry: Entry) -> bool:
    """Whether labels and prediction are all that has to be given."""
    required = {each.name for each in entry.parameters or () if each.default is None and each.kind == "plain"}
    return required <= {entry.role("labels"), entry.role("prediction")}


def framework(misuse: Misuse) -> str | None:
    """The framework of the formula's operations; None for a loss that is no formula."""
    for layer in _path(misuse, misuse.site.term) if isinstance(misuse.site.term, Apply) else ():
        bound = misuse.book.bind(layer.term)
        if bound is not None and bound.entry.framework != "python":
            return bound.entry.framework
    return None


def labels_written(misuse: Misuse) -> NodeOrigin | None:
    """The expression within the formula that stands for the labels."""
    term, labels = misuse.site.term, misuse.site.labels
    written = _written(term, labels) if isinstance(term, Apply) and labels is not None else None
    return written if written is not None and places.contains(misuse.place, written) else None


def _labels(misuse: Misuse, core: Apply, where: NodeOrigin) -> str | None:
    """The labels as the formula writes them."""
    if misuse.site.labels is None:
        return None
    written = _written(core, misuse.site.labels)
    if written is not None and places.contains(where, written):
        return places.code(written)
    return names.naming(misuse.site.labels, misuse.site.scope)


def _written(core: Apply, value: Term) -> NodeOrigin | None:
    """The expression within the pointwise part that stands for a value."""
    pending: list[Term] = [core]
    seen: set[int] = set()
    while pending:
        term = pending.pop(0)
        if not isinstance(term, Apply) or id(term) in seen:
            continue
        seen.add(id(term))
        for part, place in _operands(term):
            if part is value:
                return place
        pending.extend(argument.value for argument in term.arguments if argument.value is not value)
    return None


def _operands(term: Apply) -> Iterator[tuple[Term, NodeOrigin]]:
    """The operands of an operation with their expressions, in whichever way it is written."""
    origin, values = term.origin, [argument.value for argument in term.arguments]
    if not isinstance(origin, NodeOrigin):
        return
    node = origin.node
    expressions: list[cst.BaseExpression] = []
    if isinstance(node, cst.BinaryOperation):
        expressions = [node.left, node.right]
    elif isinstance(node, cst.UnaryOperation):
        expressions = [node.expression]
    elif isinstance(node, cst.Call) and not any(argument.star for argument in node.args):
        expressions = [argument.value for argument in node.args]
        if len(values) == len(expressions) + 1 and isinstance(node.func, cst.Attribute):
            expressions.insert(0, node.func.value)
    if len(values) == len(expressions):
        for value, expression in zip(values, expressions, strict=True):
            yield value, NodeOrigin(origin.unit, expression)
