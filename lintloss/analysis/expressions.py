"""Expressions: LibCST expression nodes to terms.

One function per node type, found through `_VISIT`; what a call does is in `calls`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import libcst as cst

from lintloss.analysis import builtins, calls, pipelines
from lintloss.analysis.machine import Machine, key_of, over_choices, truth, unknown
from lintloss.analysis.objects import (
    Attribute,
    Class,
    Deferred,
    Frame,
    Function,
    Instance,
    Method,
    Module,
    Partial,
    Super,
)
from lintloss.analysis.syntax import FunctionCode, NodeOrigin
from lintloss.analysis.terms import (
    Api,
    Apply,
    Argument,
    Choice,
    Condition,
    Const,
    Mapping,
    Postponed,
    Scalar,
    Sequence,
    Term,
    Unknown,
    seen,
)

MOST_ITEMS = 4096
LONGEST_UNROLLED = 12
LONGEST_TABLE = 8

_BINARY: dict[type[cst.CSTNode], str] = {
    cst.Add: "add",
    cst.Subtract: "sub",
    cst.Multiply: "mul",
    cst.Divide: "truediv",
    cst.FloorDivide: "floordiv",
    cst.Modulo: "mod",
    cst.Power: "pow",
    cst.MatrixMultiply: "matmul",
    cst.BitAnd: "and_",
    cst.BitOr: "or_",
    cst.BitXor: "xor",
    cst.LeftShift: "lshift",
    cst.RightShift: "rshift",
}
_UNARY: dict[type[cst.CSTNode], str] = {cst.Minus: "neg", cst.Plus: "pos", cst.BitInvert: "invert", cst.Not: "not_"}
_COMPARE: dict[type[cst.CSTNode], str] = {
    cst.Equal: "eq",
    cst.NotEqual: "ne",
    cst.LessThan: "lt",
    cst.LessThanEqual: "le",
    cst.GreaterThan: "gt",
    cst.GreaterThanEqual: "ge",
    cst.Is: "is_",
    cst.IsNot: "is_not",
    cst.In: "contains",
    cst.NotIn: "not_contains",
}


def evaluate(machine: Machine, frame: Frame, node: cst.CSTNode) -> Term:
    """The term of an expression. Never raises for odd code; only `BudgetExceeded` passes through."""
    machine.step()
    visit = _VISIT.get(type(node))
    if visit is None:
        return unknown("this kind of expression is not followed", NodeOrigin(frame.unit, node))
    return visit(machine, frame, node)


def lookup(machine: Machine, frame: Frame, name: str) -> Term | None:
    """What a name means where `frame` stands, or None if it is bound nowhere."""
    current: Frame | None = frame
    while current is not None:
        value = current.names.get(name)
        if value is None and current.parent is None:
            value = machine.project.global_name(machine, current.module, name)
        if isinstance(value, Deferred):
            value = machine.project.arrived(machine, current.module, value)
        if value is not None:
            return machine.taken(value)
        current = current.parent
    if name == "__name__":
        return Const("__main__" if frame.module in machine.mains else frame.module.name)
    if name in machine.book.conventions:
        return Api(machine.book.conventions[name])
    if machine.book.entries(f"builtins.{name}"):
        return Api(f"builtins.{name}")
    return None


def _name(machine: Machine, frame: Frame, node: cst.Name) -> Term:
    if node.value in _KEYWORDS:
        return Const(_KEYWORDS[node.value], origin=NodeOrigin(frame.unit, node))
    found = lookup(machine, frame, node.value)
    if found is None:
        return unknown(f"`{node.value}` is not defined in what was read", NodeOrigin(frame.unit, node))
    return found


_KEYWORDS = {"True": True, "False": False, "None": None}


@functools.lru_cache(maxsize=4096)
def _literal_number(text: str) -> Scalar:
    value: Scalar = ast.literal_eval(text)
    return value


@functools.lru_cache(maxsize=4096)
def _literal_string(text: str) -> str | bytes | None:
    try:
        value: str | bytes = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value


def _joined_strings(node: cst.ConcatenatedString) -> str | bytes | None:
    try:
        return node.evaluated_value
    except (ValueError, SyntaxError):
        return None


def _number(machine: Machine, frame: Frame, node: cst.Integer | cst.Float | cst.Imaginary) -> Term:
    value = _literal_number(node.value)
    return Const(value, origin=NodeOrigin(frame.unit, node))


def _string(machine: Machine, frame: Frame, node: cst.SimpleString | cst.ConcatenatedString) -> Term:
    value = _literal_string(node.value) if isinstance(node, cst.SimpleString) else _joined_strings(node)
    origin = NodeOrigin(frame.unit, node)
    return unknown("a string that cannot be evaluated", origin) if value is None else Const(value, origin=origin)


def _formatted(machine: Machine, frame: Frame, node: cst.FormattedString) -> Term:
    pieces: list[str | None] = []
    for part in node.parts:
        if isinstance(part, cst.FormattedStringExpression):
            value = seen(evaluate(machine, frame, part.expression))
            plain = part.conversion is None and part.format_spec is None
            pieces.append(value.value if plain and isinstance(value, Const) and isinstance(value.value, str) else None)
        elif isinstance(part, cst.FormattedStringText):
            pieces.append(part.value)
    origin = NodeOrigin(frame.unit, node)
    if None in pieces:
        return unknown("a formatted string", origin)
    return Const("".join(piece for piece in pieces if piece is not None), origin=origin)


def _ellipsis(machine: Machine, frame: Frame, node: cst.Ellipsis) -> Term:
    return Const(..., origin=NodeOrigin(frame.unit, node))


def _attribute(machine: Machine, frame: Frame, node: cst.Attribute) -> Term:
    base = evaluate(machine, frame, node.value)
    return attribute_of(machine, base, node.attr.value, NodeOrigin(frame.unit, node))


def attribute_of(machine: Machine, base: Term, name: str, origin: NodeOrigin | None) -> Term:
    """What `base.name` is."""
    base = machine.taken(base)
    if isinstance(base, Postponed):
        return machine.part_of(base, lambda whole: attribute_of(machine, whole, name, origin), origin)
    match base:
        case Api() | Module() if name == "__dict__":
            return Attribute(base, name, origin=origin)
        case Api(path=path):
            attached = machine.attached(f"{path}.{name}")
            return machine.taken(attached) if attached is not None else Api(f"{path}.{name}", origin=origin)
        case Module():
            found = machine.project.member(machine, base, name)
            return found if found is not None else unknown(f"`{base.name}.{name}` was not found", origin)
        case Instance():
            return calls.instance_attribute(machine, base, name, origin)
        case Function() | Class() if name == "__name__":
            return Const(base.code.name, origin=origin)
        case Class():
            return calls.class_attribute(machine, base, name) or Attribute(base, name, origin=origin)
        case Choice():
            return over_choices(base, lambda term: attribute_of(machine, term, name, origin))
        case Mapping() if base.get(name) is not None and name not in _DICT_METHODS:
            return base.get(name) or base  # `parser.parse_args`-like records
        case Partial(arguments=arguments) if name == "keywords":
            return Mapping(tuple((Const(a.keyword), a.value) for a in arguments if a.keyword), origin=origin)
        case Super(receiver=receiver, owner=owner):
            method = calls.find_method(receiver.cls, name, after=owner) if isinstance(receiver, Instance) else None
            return Method(receiver, method) if method is not None else Attribute(base, name, origin=origin)
    return Attribute(base, name, origin=origin)


_DICT_METHODS = {"get", "items", "keys", "values", "update", "pop", "copy", "setdefault"}


def _tuple(machine: Machine, frame: Frame, node: cst.Tuple | cst.List | cst.Set) -> Term:
    kind = type(node).__name__.lower()
    origin = NodeOrigin(frame.unit, node)
    if len(node.elements) > MOST_ITEMS:
        return unknown("a literal of many elements", origin)
    items: list[Term] = []
    for element in node.elements:
        value = evaluate(machine, frame, element.value)
        if not isinstance(element, cst.StarredElement):
            items.append(value)
        elif isinstance(several := seen(value), Sequence):
            items.extend(several.items)
        else:
            return unknown("unpacks a value whose elements are not known", origin)
    return Sequence(kind, tuple(items), origin=origin)


def _dict(machine: Machine, frame: Frame, node: cst.Dict) -> Term:
    entries: list[tuple[Term, Term]] = []
    for element in islice(node.elements, MOST_ITEMS):
        value = evaluate(machine, frame, element.value)
        if isinstance(element, cst.DictElement):
            entries.append((seen(evaluate(machine, frame, element.key)), value))
        elif isinstance(several := seen(value), Mapping):
            entries.extend(several.entries)
    return Mapping(tuple(entries), origin=NodeOrigin(frame.unit, node))


def _subscript(machine: Machine, frame: Frame, node: cst.Subscript) -> Term:
    base = evaluate(machine, frame, node.value)
    index = _index(machine, frame, node)
    return item_of(machine, base, index, NodeOrigin(frame.unit, node))


def _index(machine: Machine, frame: Frame, node: cst.Subscript) -> Term:
    parts: list[Term] = []
    for element in node.slice:
        if isinstance(element.slice, cst.Index):
            parts.append(evaluate(machine, frame, element.slice.value))
        elif isinstance(element.slice, cst.Slice):
            bounds = (element.slice.lower, element.slice.upper, element.slice.step)
            values = tuple(Const(None) if bound is None else evaluate(machine, frame, bound) for bound in bounds)
            parts.append(Sequence("slice", values, origin=NodeOrigin(frame.unit, element)))
    if len(parts) == 1 and not _has_comma(node):
        return parts[0]
    return Sequence("tuple", tuple(parts), origin=NodeOrigin(frame.unit, node))


def _has_comma(node: cst.Subscript) -> bool:
    return isinstance(node.slice[-1].comma, cst.Comma)


def item_of(machine: Machine, base: Term, index: Term, origin: NodeOrigin | None) -> Term:
    """What `base[index]` is."""
    base = machine.taken(base)
    if isinstance(base, Postponed):
        return machine.part_of(base, lambda whole: item_of(machine, whole, index, origin), origin)
    index = machine.chosen(index)
    if isinstance(base, Choice):
        return over_choices(base, lambda term: item_of(machine, term, index, origin))
    if isinstance(base, Sequence):
        if (
            isinstance(index, Const)
            and isinstance(index.value, int)
            and -len(base.items) <= index.value < len(base.items)
        ):
            return base.items[index.value]
        if isinstance(index, Sequence) and index.kind == "slice" and all(isinstance(i, Const) for i in index.items):
            bounds = [i.value for i in index.items if isinstance(i, Const)]
            whole = [bound for bound in bounds if bound is None or isinstance(bound, int)]
            if len(whole) == 3 and whole[2] != 0:
                items = base.items[slice(whole[0], whole[1], whole[2])]
                return Sequence(base.kind, items or base.items if base.is_open else items, base.is_open, origin=origin)
    if isinstance(base, Mapping) and isinstance(index, Const):
        found = base.get(index.value)
        if found is not None:
            return found
    elif isinstance(base, Mapping) and not base.is_open and _is_table(base):
        return _one_of(base, index, origin)
    if isinstance(base, Attribute) and base.name == "__dict__" and isinstance(index, Const) and origin is not None:
        return attribute_of(machine, base.base, str(index.value), origin)
    if isinstance(base, Instance) and isinstance(base.cls, Class) and isinstance(index, Const) and origin is not None:
        field = _field_at(base.cls, index.value)
        if field is not None:
            return attribute_of(machine, base, field, origin)
    if isinstance(base, Instance):
        return calls.call_method(machine, base, "__getitem__", (Argument(None, index),), origin)
    if isinstance(base, Unknown):
        return Unknown(base.reason, base, origin=origin)
    return Apply(Api("operator.getitem"), (Argument(None, base), Argument(None, index)), origin=origin)


def _is_table(base: Mapping) -> bool:
    """Whether a dict is a table of a few functions or classes."""
    values = [value for _, value in base.entries]
    return 0 < len(values) <= LONGEST_TABLE and all(isinstance(value, (Api, Class, Function)) for value in values)


def _one_of(table: Mapping, index: Term, origin: NodeOrigin | None) -> Term:
    """What a table has under a key that is not known: any of its entries."""
    *entries, (_, chosen) = table.entries
    for key, value in reversed(entries):
        name = repr(key.value) if isinstance(key, Const) else "another key"
        condition = Condition(f"{key_of(index)} is {key_of(key)}", f"the key is {name}", origin)
        chosen = Choice(condition, value, chosen, origin=origin)
    return chosen


def _field_at(cls: Class, index: object) -> str | None:
    """The field of a named tuple that stands at an index."""
    fields = calls.fields_of(cls)
    is_tuple = any(base.path == "typing.NamedTuple" for base in calls.library_bases(cls))
    return fields[index] if is_tuple and isinstance(index, int) and -len(fields) <= index < len(fields) else None


def _call(machine: Machine, frame: Frame, node: cst.Call) -> Term:
    function = machine.chosen(evaluate(machine, frame, node.func))
    arguments: list[Argument] = []
    for argument in node.args:
        value = evaluate(machine, frame, argument.value)
        value = seen(value) if argument.star else value
        if argument.keyword is not None:
            arguments.append(Argument(argument.keyword.value, value))
        elif argument.star == "**" and isinstance(value, Mapping):
            arguments.extend(
                Argument(key.value, item)
                for key, item in value.entries
                if isinstance(key, Const) and isinstance(key.value, str)
            )
        else:
            arguments.append(Argument(argument.star or None, value))
    if isinstance(node.func, cst.Attribute):
        _change_in_place(machine, frame, node.func.value, function, tuple(arguments))
    value = _call_with(machine, frame, function, tuple(arguments), NodeOrigin(frame.unit, node))
    if isinstance(node.func, cst.Attribute):
        _written_over(machine, frame, node.func.value, value)
    return value


def _call_with(
    machine: Machine, frame: Frame, function: Term, arguments: tuple[Argument, ...], origin: NodeOrigin
) -> Term:
    """A call; where one of several lists is unpacked in it, as a condition has it, it is as many calls."""
    for number, argument in enumerate(arguments):
        if argument.keyword != "*":
            continue
        value, before, behind = machine.taken(argument.value), arguments[:number], arguments[number + 1 :]
        if isinstance(value, Sequence):
            items = (Argument(None, item) for item in value.items)
            return _call_with(machine, frame, function, (*before, *items, *behind), origin)
        if isinstance(value, Choice):
            listed = [(*before, Argument("*", way), *behind) for way in (value.then, value.otherwise)]
            then, otherwise = (partial(_call_with, machine, frame, function, each, origin) for each in listed)
            return machine.either(frame, value.condition, then, otherwise)
    return calls.call(machine, frame, function, arguments, origin)


def _change_in_place(
    machine: Machine, frame: Frame, place: cst.BaseExpression, function: Term, arguments: tuple[Argument, ...]
) -> None:
    """`place.append(value)` and the like: lists and dicts are values here, so the place is bound anew."""
    changed = _changed(function, arguments)
    if changed is not None:
        from lintloss.analysis import statements

        statements.rebind(machine, frame, place, changed)


def _changed(function: Term, arguments: tuple[Argument, ...]) -> Term | None:
    """What the list or dict whose method this is becomes, or None if it is no such method."""
    if isinstance(function, Choice):
        then, otherwise = _changed(function.then, arguments), _changed(function.otherwise, arguments)
        return Choice(function.condition, then, otherwise) if then is not None and otherwise is not None else None
    return builtins.changed(function.base, function.name, arguments) if isinstance(function, Attribute) else None


def _written_over(machine: Machine, frame: Frame, place: cst.BaseExpression, value: Term) -> None:
    """`place.zero_()` and the like: the tensor itself becomes what its method gives."""
    if isinstance(value, Apply) and isinstance(value.function, Api) and isinstance(place, (cst.Name, cst.Attribute)):
        entry = machine.book.entry(value.function.path)
        if entry is not None and entry["in_place"]:
            from lintloss.analysis import statements

            statements.bind(machine, frame, place, value)


def _binary(machine: Machine, frame: Frame, node: cst.BinaryOperation) -> Term:
    # A long chain `a + b + c + ...` is nested to the left: walk it without recursion.
    chain: list[cst.BinaryOperation] = []
    leftmost: cst.BaseExpression = node
    while isinstance(leftmost, cst.BinaryOperation):
        chain.append(leftmost)
        leftmost = leftmost.left
    value = evaluate(machine, frame, leftmost)
    for operation in reversed(chain):
        right = evaluate(machine, frame, operation.right)
        name = _BINARY.get(type(operation.operator), "other")
        value = operate(machine, name, (value, right), NodeOrigin(frame.unit, operation))
    return value


def _unary(machine: Machine, frame: Frame, node: cst.UnaryOperation) -> Term:
    value = evaluate(machine, frame, node.expression)
    name = _UNARY[type(node.operator)]
    if name == "not_":
        known = truth(machine, value)
        if known is not None:
            return Const(not known, origin=NodeOrigin(frame.unit, node))
    return operate(machine, name, (value,), NodeOrigin(frame.unit, node))


def operate(machine: Machine, name: str, operands: tuple[Term, ...], origin: NodeOrigin) -> Term:
    """An operator's value: computed where the operands are plain constants, an `operator.*` call otherwise."""
    operands = tuple(machine.taken(operand) for operand in operands)
    if not any(isinstance(operand, Apply) for operand in operands):  # with a tensor, nobody needs to know the other
        operands = tuple(machine.chosen(operand) for operand in operands)
    if all(isinstance(operand, Const) for operand in operands):
        folded = _folded(name, [operand.value for operand in operands if isinstance(operand, Const)])
        if folded is not _UNFOLDED:
            return Const(folded, origin=origin)
    first = operands[0]
    if name == "add" and all(_is_list(operand) for operand in operands):
        return over_choices(first, lambda one: over_choices(operands[1], lambda two: _joined(one, two, origin)))
    if name == "mul" and isinstance(first, Sequence) and isinstance(operands[1], Const):
        count = operands[1].value
        if isinstance(count, int) and len(first.items) * count <= MOST_ITEMS:
            return Sequence(first.kind, first.items * count, origin=origin)
    return Apply(Api(f"operator.{name}"), tuple(Argument(None, operand) for operand in operands), origin=origin)


def _is_list(term: Term) -> bool:
    """Whether a value is a list or a tuple, whatever the conditions are."""
    return _is_list(term.then) and _is_list(term.otherwise) if isinstance(term, Choice) else isinstance(term, Sequence)


def _joined(one: Term, two: Term, origin: NodeOrigin) -> Term:
    assert isinstance(one, Sequence)
    assert isinstance(two, Sequence)
    return Sequence(one.kind, one.items + two.items, one.is_open or two.is_open, origin=origin)


_UNFOLDED: Any = object()


def _folded(name: str, values: list[Any]) -> Any:
    """Constants are folded for what sizes, flags and names of losses are made of; nothing that can grow large."""
    fold = _FOLDS.get(name)
    simple = all(isinstance(v, (bool, int, float, str, type(None))) and len(str(v)) < 200 for v in values)
    if fold is None or not simple:
        return _UNFOLDED
    try:
        return fold(*values)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return _UNFOLDED


def _small_power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > 64 or abs(base) > 1e6:
        raise OverflowError
    return base**exponent


def _small_product(one: Any, other: Any) -> Any:
    if isinstance(one, str) or isinstance(other, str):
        raise TypeError
    return one * other


_FOLDS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": _small_product,
    "truediv": lambda a, b: a / b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: _UNFOLDED if isinstance(a, str) else a % b,
    "pow": _small_power,
    "neg": lambda a: -a,
    "pos": lambda a: +a,
    "not_": lambda a: not a,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "is_": lambda a, b: a is b if a is None or b is None or isinstance(a, bool) else a == b,
    "is_not": lambda a, b: a is not b if a is None or b is None or isinstance(a, bool) else a != b,
    "contains": lambda a, b: a in b,
    "not_contains": lambda a, b: a not in b,
}


def _comparison(machine: Machine, frame: Frame, node: cst.Comparison) -> Term:
    left = evaluate(machine, frame, node.left)
    result: Term = Const(True)
    for target in node.comparisons:
        right = evaluate(machine, frame, target.comparator)
        result = compare(
            machine, _COMPARE.get(type(target.operator), "other"), left, right, NodeOrigin(frame.unit, node)
        )
        if isinstance(result, Const) and not result.value:
            return result
        left = right
    return result


def compare(machine: Machine, name: str, left: Term, right: Term, origin: NodeOrigin) -> Term:
    """A comparison's value."""
    left, right = machine.chosen(left), machine.chosen(right)
    if name in ("contains", "not_contains") and isinstance(right, (Sequence, Mapping)) and isinstance(left, Const):
        keys = right.items if isinstance(right, Sequence) else tuple(key for key, _ in right.entries)
        if not right.is_open and all(isinstance(key, Const) for key in keys):
            found = left.value in [key.value for key in keys if isinstance(key, Const)]
            return Const(found if name == "contains" else not found, origin=origin)
    if name in ("is_", "is_not", "eq", "ne") and not (isinstance(left, Const) and isinstance(right, Const)):
        same = _surely_same(machine, left, right)
        if same is not None:
            return Const(same if name in ("is_", "eq") else not same, origin=origin)
    return operate(machine, name, (left, right), origin)


_KNOWN_KINDS = (Apply, Function, Class, Module, Instance, Sequence, Mapping)


def _surely_same(machine: Machine, left: Term, right: Term) -> bool | None:
    if isinstance(left, Api) and isinstance(right, Api):
        same = machine.book.canonical(left.path) == machine.book.canonical(right.path)
        return same if same or (machine.is_callable(left) and machine.is_callable(right)) else None
    if left is right and isinstance(left, (Function, Class, Module, Instance)):
        return True
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Const) and (isinstance(other, _KNOWN_KINDS) or machine.is_callable(other)):
            # None, a string or a number is not a tensor, a function or an object; a call's result may be None.
            if one.value is None and not isinstance(other, Apply):
                return False
            if isinstance(one.value, (str, bool)) and not isinstance(other, (Apply, Instance)):
                return False
            if one.value is None and isinstance(other, Apply) and _makes_a_value(other):
                return False
    return None


def _makes_a_value(term: Apply) -> bool:
    return isinstance(term.function, Api) and not term.function.path.endswith((".get", ".pop", "getattr"))


def _boolean(machine: Machine, frame: Frame, node: cst.BooleanOperation) -> Term:
    left = evaluate(machine, frame, node.left)
    known = truth(machine, machine.chosen(left))
    stops = isinstance(node.operator, cst.Or)
    if known is stops:
        machine.pass_over(frame, node.right)
        return left
    machine.come_to.add(id(node.right))
    right = evaluate(machine, frame, node.right)
    if known is not None:
        return right
    if stops:
        condition, holds = condition_of(machine, frame, node.left)
        then, otherwise = (left, right) if holds else (right, left)
        return Choice(condition, then, otherwise, origin=NodeOrigin(frame.unit, node)) if condition else right
    # `and_` is another operator, which makes a new value of two; this one gives one of them.
    return Apply(Api("and"), (Argument(None, left), Argument(None, right)), origin=NodeOrigin(frame.unit, node))


_OPPOSITE = {
    "operator.ne": "operator.eq",
    "operator.is_not": "operator.is_",
    "operator.not_contains": "operator.contains",
}


def condition_of(machine: Machine, frame: Frame, node: cst.BaseExpression) -> tuple[Condition | None, bool]:
    """A test as a condition and the way it must go, or (None, value) where the value is known."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        condition, holds = condition_of(machine, frame, node.expression)
        return condition, not holds
    if isinstance(node, cst.BooleanOperation):
        first, first_holds = condition_of(machine, frame, node.left)
        stops = isinstance(node.operator, cst.Or)
        if first is None:
            return (None, stops) if first_holds is stops else condition_of(machine, frame, node.right)
        second, second_holds = condition_of(machine, frame, node.right)
        if second is None:
            return (None, stops) if second_holds is stops else (first, first_holds)
        word = "or" if stops else "and"
        key = f"({'' if first_holds else 'not '}{first.key} {word} {'' if second_holds else 'not '}{second.key})"
        return _decide(machine, Condition(key, origin=NodeOrigin(frame.unit, node)), True)
    return condition_of_term(machine, frame, evaluate(machine, frame, node), node)


def condition_of_term(
    machine: Machine, frame: Frame, term: Term, node: cst.BaseExpression
) -> tuple[Condition | None, bool]:
    term = machine.chosen(term)
    known = truth(machine, term)
    if known is not None:
        return None, known
    if isinstance(term, Choice):
        sides = truth(machine, term.then), truth(machine, term.otherwise)
        if None not in sides:
            if sides[0] is sides[1]:
                return None, bool(sides[0])
            return _decide(machine, term.condition, bool(sides[0]))
    holds = True
    if isinstance(term, Apply) and isinstance(term.function, Api):
        path = term.function.path
        if path == "operator.not_":
            condition, inner = condition_of_term(machine, frame, term.arguments[0].value, node)
            return condition, not inner
        if path in _OPPOSITE:
            term, holds = Apply(Api(_OPPOSITE[path]), term.arguments), False
    machine.kept.append(term)
    is_of_training = isinstance(term, Attribute) and term.name == "training" and isinstance(term.base, Instance)
    origin = NodeOrigin(frame.unit, node)
    return _decide(machine, Condition(key_of(term), is_of_training=is_of_training, origin=origin), holds)


def _decide(machine: Machine, condition: Condition, holds: bool) -> tuple[Condition | None, bool]:
    taken = machine.decided(condition)
    return (condition, holds) if taken is None else (None, taken is holds)


def _conditional(machine: Machine, frame: Frame, node: cst.IfExp) -> Term:
    condition, holds = condition_of(machine, frame, node.test)
    if condition is None:
        machine.pass_over(frame, node.orelse if holds else node.body)
        machine.come_to.add(id(node.body if holds else node.orelse))
        return evaluate(machine, frame, node.body if holds else node.orelse)
    machine.come_to |= {id(node.body), id(node.orelse)}
    then, otherwise = (node.body, node.orelse) if holds else (node.orelse, node.body)
    return machine.either(
        frame, condition, lambda: evaluate(machine, frame, then), lambda: evaluate(machine, frame, otherwise)
    )


def _lambda(machine: Machine, frame: Frame, node: cst.Lambda) -> Term:
    code = FunctionCode("<lambda>", frame.unit, 0, 0, node)
    return Function(
        code, frame, defaults=calls.defaults_of(machine, frame, node.params), origin=NodeOrigin(frame.unit, node)
    )


def _named(machine: Machine, frame: Frame, node: cst.NamedExpr) -> Term:
    value = evaluate(machine, frame, node.value)
    if isinstance(node.target, cst.Name):
        frame.names[node.target.value] = value
    return value


def _comprehension(machine: Machine, frame: Frame, node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> Term:
    items: list[Term] = []

    def collect() -> None:
        items.append(evaluate(machine, frame, node.elt))

    extent = _comprehend(machine, frame, node.for_in, collect)
    origin = NodeOrigin(frame.unit, node)
    if extent.is_complete:
        return Sequence("list", tuple(items), extent.is_open, origin=origin)
    return Apply(Api("builtins.list"), tuple(Argument(None, item) for item in items[:1]), origin=origin)


def _dict_comprehension(machine: Machine, frame: Frame, node: cst.DictComp) -> Term:
    entries: list[tuple[Term, Term]] = []

    def collect() -> None:
        entries.append((seen(evaluate(machine, frame, node.key)), evaluate(machine, frame, node.value)))

    extent = _comprehend(machine, frame, node.for_in, collect)
    origin = NodeOrigin(frame.unit, node)
    if extent.is_complete:
        return Mapping(tuple(entries), extent.is_open, origin=origin)
    return unknown("a dict comprehension", origin)


class _Extent(NamedTuple):
    """Whether what a comprehension goes over is known element by element, and whether there may be more such."""

    is_complete: bool
    is_open: bool


def _comprehend(machine: Machine, frame: Frame, clause: cst.CompFor, collect: Callable[[], None]) -> _Extent:
    """Run a comprehension's clauses."""
    from lintloss.analysis import statements

    outer = dict(frame.names)
    several = machine.chosen(evaluate(machine, frame, clause.iter))
    is_open = isinstance(several, (Sequence, Mapping)) and several.is_open
    elements, complete = elements_of(machine, several, NodeOrigin(frame.unit, clause.iter))
    for element in elements:
        statements.bind(machine, frame, clause.target, element)
        wanted = True
        for test in clause.ifs:
            condition, holds = condition_of(machine, frame, test.test)
            if condition is not None:
                complete = False
            elif not holds:
                wanted = False
        if wanted and clause.inner_for_in is not None:
            inner = _comprehend(machine, frame, clause.inner_for_in, collect)
            complete, is_open = complete and inner.is_complete, is_open or inner.is_open
        elif wanted:
            collect()
    frame.names = outer
    return _Extent(complete, is_open)


def elements_of(machine: Machine, term: Term, origin: NodeOrigin | None) -> tuple[list[Term], bool]:
    """What a loop over `term` yields: all elements and True, or one that stands for all and False."""
    elements, complete = _elements(machine, machine.chosen(term), origin)
    return (elements, complete) if elements or complete else ([unknown("an element of a loop", origin, term)], False)


def _elements(machine: Machine, term: Term, origin: NodeOrigin | None) -> tuple[list[Term], bool]:
    if isinstance(term, Sequence) and len(term.items) <= LONGEST_UNROLLED:
        return list(term.items), True
    if isinstance(term, Mapping) and len(term.entries) <= LONGEST_UNROLLED:
        return [key for key, _ in term.entries], True
    if isinstance(term, Apply) and isinstance(term.function, Api):
        values = [seen(argument.value) for argument in term.arguments]
        path = term.function.path
        if path == "builtins.range":
            bounds = [value.value for value in values if isinstance(value, Const) and isinstance(value.value, int)]
            if len(bounds) == len(values) and 1 <= len(bounds) <= 3 and 0 not in bounds[2:]:
                numbers = range(*bounds)
                if len(numbers) <= LONGEST_UNROLLED:
                    return [Const(number) for number in numbers], True
        elif path == "builtins.enumerate" and values:
            inner, complete = elements_of(machine, values[0], origin)
            counters: list[Term] = [Const(n) for n in range(len(inner))] if complete else [unknown("a counter")]
            return [Sequence("tuple", pair) for pair in zip(counters, inner, strict=False)], complete
        elif path == "builtins.zip" and values:
            columns = [elements_of(machine, value, origin) for value in values]
            rows = [Sequence("tuple", row) for row in zip(*(column for column, _ in columns), strict=False)]
            return list(rows), all(complete for _, complete in columns) and len({len(c) for c, _ in columns}) == 1
        elif path in ("builtins.reversed", "builtins.list", "builtins.tuple", "builtins.iter") and values:
            inner, complete = elements_of(machine, values[0], origin)
            return (inner[::-1] if path.endswith("reversed") else inner), complete
    piped = pipelines.element(machine, term)
    if piped is not None:
        return [piped], False
    if isinstance(term, Instance):
        element = seen(calls.call_method(machine, term, "__iter__", (), origin))
        return (list(element.items), True) if isinstance(element, Sequence) else ([element], False)
    if isinstance(term, Apply) and term.function is YIELDED:
        return [term.arguments[0].value], False
    if isinstance(term, Unknown):
        return [Unknown(term.reason, term, origin=origin)], False
    return [Apply(Api("builtins.next"), (Argument(None, term),), origin=origin)], False


# What a generator function returns: an iterator over the one value that stands for all it yields.
YIELDED = Api("generator")


def _yield(machine: Machine, frame: Frame, node: cst.Yield) -> Term:
    if isinstance(node.value, cst.From):
        frame.yielded.append(elements_of(machine, evaluate(machine, frame, node.value.item), None)[0][0])
    elif node.value is not None:
        frame.yielded.append(evaluate(machine, frame, node.value))
    return unknown("what is sent to a generator", NodeOrigin(frame.unit, node))


def _await(machine: Machine, frame: Frame, node: cst.Await) -> Term:
    return evaluate(machine, frame, node.expression)


_VISIT: dict[type[cst.CSTNode], Callable[[Machine, Frame, Any], Term]] = {
    cst.Name: _name,
    cst.Integer: _number,
    cst.Float: _number,
    cst.Imaginary: _number,
    cst.SimpleString: _string,
    cst.ConcatenatedString: _string,
    cst.FormattedString: _formatted,
    cst.Ellipsis: _ellipsis,
    cst.Attribute: _attribute,
    cst.Tuple: _tuple,
    cst.List: _tuple,
    cst.Set: _tuple,
    cst.Dict: _dict,
    cst.Subscript: _subscript,
    cst.Call: _call,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.Comparison: _comparison,
    cst.BooleanOperation: _boolean,
    cst.IfExp: _conditional,
    cst.Lambda: _lambda,
    cst.NamedExpr: _named,
    cst.ListComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.SetComp: _comprehension,
    cst.DictComp: _dict_comprehension,
    cst.Yield: _yield,
    cst.Await: _await,
}
