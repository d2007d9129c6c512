"""Formulas: losses that are written out by hand, recognised from their arithmetic.

A formula is looked for in the value of each statement, outermost first, so that the reductions around the
pointwise part belong to it. What makes it a loss is what it gets: a prediction whose making is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lintloss.analysis.apis import Bound, Entry
from lintloss.analysis.machine import Machine
from lintloss.analysis.objects import Frame
from lintloss.analysis.record import visible
from lintloss.analysis.sites import Formula, Site
from lintloss.analysis.syntax import NodeOrigin, Unit
from lintloss.analysis.terms import Apply, Const, Sequence, Term

_PASSED = ("cast", "identity", "mask", "reshape")
_REFERENCES = {
    "cross_entropy": "softmax_cross_entropy",
    "binary_cross_entropy": "sigmoid_cross_entropy",
    "squared": "squared_error",
    "absolute": "absolute_error",
}
_DISTANCES = ("squared", "absolute")
_LOGARITHMS = ("log", "log1p", "log_base")
_GUARDS = ("clip", "maximum", "minimum")
# The family and the labels of the losses that take a logarithm of probabilities.
_LIKELIHOODS = {
    "cross_entropy": ("softmax", "dense"),
    "binary_cross_entropy": ("sigmoid", "binary"),
    "log_probability": ("sigmoid", "binary"),
}


@dataclass(frozen=True)
class _Match:
    core: str
    prediction: Term
    labels: Term
    reductions: tuple[tuple[str, int | None], ...] = ()
    is_total: bool = False  # averaged, or summed up over all axes
    negated: bool = False
    guarded: bool = False
    weighted: bool = False
    is_of_one_side: bool = False  # of logarithms of probabilities only, none of one minus a probability


def recognise(machine: Machine, frame: Frame, value: Term, origin: NodeOrigin) -> None:
    """Write down the hand-written losses in a statement's value, if the statement is of the file that is analysed."""
    if frame.module is not machine.mains[0] or not frame.module.outline.may_hold_a_formula:
        return
    pending = [(value, False)]
    while pending:
        term, is_in_logarithm = pending.pop()
        if not isinstance(term, Apply) or not isinstance(term.origin, NodeOrigin):
            continue
        if term.origin.unit is not origin.unit and not _is_at_top(machine, frame, term.origin.unit):
            continue
        if is_in_logarithm:
            _take_back(machine, term)
        if id(term) in machine.formulas:
            continue
        operation = _operation(machine, term)
        if operation is None:
            continue
        machine.formulas.add(id(term))
        machine.kept.append(term)
        found = _match(machine, term)
        if found is None:
            is_logarithm = is_in_logarithm or operation[0] in _LOGARITHMS
            pending.extend((operand, is_logarithm) for operand in operation[1])
        elif _is_loss(found) and not (is_in_logarithm and found.core in _DISTANCES):
            _note(machine, frame, term, found, term.origin)


def _take_back(machine: Machine, term: Term) -> None:
    """What the logarithm is taken of, as in a signal-to-noise ratio, is a distance and no loss."""
    machine.sites = [site for site in machine.sites if site.term is not term or site.entry["family"] not in _DISTANCES]


def _is_at_top(machine: Machine, frame: Frame, unit: Unit) -> bool:
    """Whether a frame and a piece of code are both of the file's top, where all names are one scope's."""
    top = machine.mains[0]
    return frame is top.frame and any(item is unit for item in top.code.items)


def _is_loss(found: _Match) -> bool:
    """A product with a logarithm may be an entropy or a policy's gradient; the binary form is always a likelihood.

    The logarithm of a sigmoid, and nothing else, is what a scale adds to a volume as well, or what a discriminator
    rewards: a loss turns its sign, and is one number.
    """
    if found.core == "log_probability" and found.is_of_one_side:
        return found.negated and found.is_total
    if found.core in ("binary_cross_entropy", "log_probability"):
        return bool(found.reductions) or found.negated
    return bool(found.reductions) and (found.core in _DISTANCES or found.negated)


def _note(machine: Machine, frame: Frame, term: Apply, found: _Match, origin: NodeOrigin) -> None:
    machine.noted.add(id(term))
    family, labels = _LIKELIHOODS.get(found.core, (found.core, "any"))
    data = {
        "family": family,
        "input": "probabilities" if found.core in _LIKELIHOODS else "any",
        "labels": labels,
        "handwritten": True,
        "broadcast": "numpy",
        "reference": _REFERENCES.get(found.core),
    }
    entry = Entry((f"hand-written {found.core.replace('_', ' ')}",), "loss", "python", data)
    machine.sites.append(
        Site(
            anchor="loss",
            origin=origin,
            entry=entry,
            prediction=found.prediction,
            labels=found.labels,
            term=term,
            scope=visible(frame),
            guards=tuple(machine.path),
            callers=machine.callers,
            formula=Formula(found.core, found.reductions, found.negated, found.guarded, found.weighted),
            is_open=machine.is_open,
        )
    )


def _match(machine: Machine, term: Term) -> _Match | None:
    """A loss formula with `term` as its outermost operation, but for one that is said where it stands: within another
    statement, or in another file.
    """
    if id(term) in machine.noted:
        return None
    found = _matched(machine, term)
    return None if found is not None and _is_loss(found) and not _is_here(machine, term) else found


def _is_here(machine: Machine, term: Term) -> bool:
    return not isinstance(term.origin, NodeOrigin) or term.origin.unit.source is machine.mains[0].code.source


def _matched(machine: Machine, term: Term) -> _Match | None:
    operation = _operation(machine, term)
    if operation is None:
        return None
    name, operands, bound = operation
    if name in ("sum", "mean"):
        inner, axis = _match(machine, operands[0]), bound.get("axis")
        is_total = name == "mean" or axis is None
        return inner and replace(
            inner,
            reductions=((name, _axis(axis)), *inner.reductions),
            is_total=inner.is_total or is_total,
        )
    if name == "negative":
        inner = _match(machine, operands[0])
        return inner and replace(inner, negated=not inner.negated)
    if name in ("divide", "sqrt", *_PASSED):
        inner = _match(machine, operands[0])
        if inner is not None:
            return inner
    if name == "multiply":
        scaled = _scaled(machine, operands) or _weighted(machine, operands)
        if scaled is not None:
            return scaled
    return _core(machine, term)


def _axis(term: Term | None) -> int | None:
    """A constant axis, alone or in a list of its own."""
    if isinstance(term, Sequence) and len(term.items) == 1:
        return _axis(term.items[0])
    return term.value if isinstance(term, Const) and isinstance(term.value, int) else None


def _scaled(machine: Machine, operands: list[Term]) -> _Match | None:
    """A formula times a number."""
    for factor, other in (operands, operands[::-1]):
        if isinstance(factor, Const) and isinstance(factor.value, (int, float)):
            inner = _match(machine, other)
            return inner and replace(inner, negated=inner.negated is not (factor.value < 0))
    return None


def _weighted(machine: Machine, operands: list[Term]) -> _Match | None:
    """A cross entropy's terms times the classes' weights, before they are summed up."""
    found = [_match(machine, operand) for operand in operands]
    inner = next((each for each in found if each and each.core == "cross_entropy" and not each.reductions), None)
    return inner and replace(inner, weighted=True)


def _core(machine: Machine, term: Term) -> _Match | None:
    difference = _difference(machine, term)
    if difference is not None:
        core, one, other = difference
        return _sides(machine, core, one, other)
    summands = _summands(machine, term, positive=True)
    products = [_log_product(machine, sign, summand) for sign, summand in summands]
    if len(products) == 1 and products[0] is not None:
        sign, labels, argument = products[0]
        prediction, guarded = _unguarded(machine, argument)
        if _complement(machine, prediction) is None and _is_made(machine, prediction, ("softmax",)):
            match = _Match("cross_entropy", prediction, labels, negated=not sign, guarded=guarded)
            return None if guarded and _is_of_numpy(machine, summands) else match
        if prediction is not _unguarded(machine, labels)[0]:  # or it is an entropy, whoever calls it
            machine.relays |= machine.facts.left_to_callers(prediction)
    known = [product for product in products if product is not None]
    if len(products) == 2 and len(known) == 2 and known[0][0] is known[1][0]:
        found = _binary(machine, known[0][0], [(labels, argument) for _, labels, argument in known])
        return None if found is None or _only_measures(machine, found, summands) else found
    return _log_probability(machine, summands)


def _only_measures(machine: Machine, found: _Match, summands: list[tuple[bool, Term]]) -> bool:
    """Whether NumPy takes the logarithms, through which no gradient goes, and nothing shows that one may be infinite.

    They are guarded, or nothing in reach has squashed what they are of.
    """
    is_safe = found.guarded or not _is_made(machine, found.prediction, ("sigmoid", "softmax"))
    return is_safe and _is_of_numpy(machine, summands)


def _is_of_numpy(machine: Machine, summands: list[tuple[bool, Term]]) -> bool:
    """Whether NumPy itself, and none that goes by its names, takes the logarithms."""
    products = (_operation(machine, summand) for _, summand in summands)
    factors = (_operation(machine, factor) for product in products if product is not None for factor in product[1])
    logarithms = [factor[2].entry for factor in factors if factor is not None and factor[0] == "log"]
    imported = machine.mains[0].outline.imports.values()
    goes_by_its_name = any(
        machine.book.canonical(path).startswith("numpy") > path.startswith("numpy") for path in imported
    )
    return all(entry.framework == "numpy" for entry in logarithms) and not goes_by_its_name


def _log_probability(machine: Machine, summands: list[tuple[bool, Term]]) -> _Match | None:
    """`log(p)`, `log(1 - p)` or sums of them, as of a discriminator: the binary form for labels all 1 or all 0."""
    sign = summands[0][0]
    found: list[_Match] = []
    for positive, summand in summands:
        operation = _operation(machine, summand)
        if operation is None or operation[0] != "log" or positive is not sign:
            return None
        argument, guarded = _unguarded(machine, operation[1][0])
        opposite = _complement(machine, argument)
        prediction = argument if opposite is None else _unguarded(machine, opposite)[0]
        if not _is_made(machine, prediction, ("sigmoid",)):
            return None
        label = Const(1.0 if opposite is None else 0.0)
        found.append(_Match("log_probability", prediction, label, negated=not sign, guarded=guarded))
    is_of_one_side = all(isinstance(each.labels, Const) and each.labels.value == 1.0 for each in found)
    return replace(found[0], is_of_one_side=is_of_one_side)


def _binary(machine: Machine, sign: bool, products: list[tuple[Term, Term]]) -> _Match | None:
    """`y * log(p) + (1 - y) * log(1 - p)`, in either order."""
    for (labels, argument), (_, opposite) in (products, products[::-1]):
        prediction, guarded = _unguarded(machine, argument)
        complement = _complement(machine, _unguarded(machine, opposite)[0])
        # With itself in the labels' place it is an entropy, a regulariser and no loss.
        is_entropy = _unguarded(machine, labels)[0] is prediction or isinstance(labels, Const)
        is_its = complement is not None and _unguarded(machine, complement)[0] is prediction
        if is_its and not is_entropy and _is_complement(machine, products):
            return _Match("binary_cross_entropy", prediction, labels, negated=not sign, guarded=guarded)
    return None


def _is_complement(machine: Machine, products: list[tuple[Term, Term]]) -> bool:
    """Whether one of the two label factors is one minus the other."""
    return any(_complement(machine, factor) is not None for factor, _ in products)


def _difference(machine: Machine, term: Term) -> tuple[str, Term, Term] | None:
    operation = _operation(machine, term)
    if operation is None:
        return None
    name, operands, _ = operation
    core = {"square": "squared", "abs": "absolute", "squared_difference": "squared"}.get(name)
    if name == "pow" and len(operands) == 2 and isinstance(operands[1], Const) and operands[1].value in (2, 2.0):
        core = "squared"
    if core is None:
        return None
    if name == "squared_difference":
        return core, operands[0], operands[1]
    inner = _operation(machine, operands[0])
    if inner is None or inner[0] != "subtract" or len(inner[1]) != 2:
        return None
    return core, inner[1][0], inner[1][1]


def _sides(machine: Machine, core: str, one: Term, other: Term) -> _Match | None:
    """Which side of a difference is the prediction: the one that an activation or a layer has made."""
    made = [_is_made(machine, side, ("softmax", "sigmoid")) for side in (one, other)]
    if made == [True, False]:
        return _Match(core, one, other)
    if made == [False, True]:
        return _Match(core, other, one)
    return None


def _is_made(machine: Machine, term: Term, activations: tuple[str, ...]) -> bool:
    return any(alternative.facts.activation in activations for alternative in machine.facts.of(term))


def _summands(machine: Machine, term: Term, positive: bool) -> list[tuple[bool, Term]]:
    operation = _operation(machine, term)
    if operation is not None:
        name, operands, _ = operation
        if name == "add" and len(operands) == 2:
            return [*_summands(machine, operands[0], positive), *_summands(machine, operands[1], positive)]
        if name == "subtract" and len(operands) == 2:
            return [*_summands(machine, operands[0], positive), *_summands(machine, operands[1], not positive)]
        if name == "negative":
            return _summands(machine, operands[0], not positive)
    return [(positive, term)]


def _log_product(machine: Machine, positive: bool, term: Term) -> tuple[bool, Term, Term] | None:
    """`y * log(p)` as (sign, y, p)."""
    operation = _operation(machine, term)
    if operation is None or operation[0] != "multiply" or len(operation[1]) != 2:
        return None
    for labels, other in (operation[1], operation[1][::-1]):
        (is_turned, inner), (turns_labels, weight) = _turned(machine, other), _turned(machine, labels)
        logarithm = _operation(machine, inner)
        if logarithm is not None and logarithm[0] == "log":
            return positive is (is_turned is turns_labels), weight, logarithm[1][0]
    return None


def _turned(machine: Machine, term: Term) -> tuple[bool, Term]:
    """Whether the sign of a value is turned, and the value without that."""
    operation = _operation(machine, term)
    return (True, operation[1][0]) if operation is not None and operation[0] == "negative" else (False, term)


def _unguarded(machine: Machine, term: Term) -> tuple[Term, bool]:
    """`p` from `p + 1e-8`, `clip(p, ...)`, `maximum(p, ...)` or `p / sum(p)`: probabilities sum to 1."""
    operation = _operation(machine, term)
    if operation is None:
        return term, False
    name, operands, _ = operation
    if name in _GUARDS:
        inner = next((operand for operand in operands if not isinstance(operand, Const)), operands[0])
        return _unguarded(machine, inner)[0], True
    if name == "add" and len(operands) == 2:
        for small, other in (operands, operands[::-1]):
            if isinstance(small, Const) and isinstance(small.value, float) and abs(small.value) < 1e-2:
                return other, True
    if name == "divide" and len(operands) == 2:
        total = _operation(machine, operands[1])
        is_its = total is not None and total[0] == "sum" and total[1][0] is operands[0]
        if total is not None and is_its and _axis(total[2].get("axis")) == -1:
            return _unguarded(machine, operands[0])
    return term, False


def _complement(machine: Machine, term: Term) -> Term | None:
    """`p` from `1 - p`."""
    operation = _operation(machine, _unguarded(machine, term)[0])
    if operation is None or operation[0] != "subtract" or len(operation[1]) != 2:
        return None
    one, value = operation[1]
    return value if isinstance(one, Const) and one.value in (1, 1.0) else None


def _operation(machine: Machine, term: Term) -> tuple[str, list[Term], Bound] | None:
    """What an arithmetic term does, its operands in order, and its binding."""
    bound = machine.book.bind(term, machine.era)
    if bound is None:
        return None
    if bound.entry.kind == "pass":
        given = bound.get("input")
        return None if given is None else (str(bound.entry["since"]), [given], bound)
    if bound.entry.kind not in ("elementwise", "reduce"):
        return None
    operands = [operand for operand in (bound.get("input"), bound.get("other")) if operand is not None]
    return (str(bound.entry["operation"]), operands, bound) if operands else None
