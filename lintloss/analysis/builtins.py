"""Python's own callables, computed where their arguments are known: `len`, `dict`, `super`, list methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lintloss.analysis.machine import NOTHING, Machine, unknown
from lintloss.analysis.objects import Attribute, Class, Frame, Instance, Partial, Super
from lintloss.analysis.syntax import ClassCode, NodeOrigin
from lintloss.analysis.terms import Api, Apply, Argument, Const, Mapping, Sequence, Term, seen

Arguments = tuple[Argument, ...]


def function(machine: Machine, frame: Frame, path: str, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    """The value of a builtin's call, or None where it is left as a term."""
    compute = _FUNCTIONS.get(path)
    if compute is None:
        entry = machine.book.entry(path)
        compute = _STRUCTURES.get(entry["operation"]) if entry is not None and entry.kind == "structure" else None
    if compute is None:
        return None
    return compute(machine, frame, tuple(Argument(each.keyword, seen(each.value)) for each in arguments), origin)


def method(
    machine: Machine, frame: Frame, base: Term, name: str, arguments: Arguments, origin: NodeOrigin | None
) -> Term | None:
    """The value of a method of a list, dict or string, or None where it is left as a term."""
    values = [seen(argument.value) for argument in arguments if argument.keyword is None]
    if isinstance(base, Mapping):
        return _mapping_method(base, name, values, origin)
    if isinstance(base, Const) and isinstance(base.value, str) and name in ("lower", "upper", "strip", "title"):
        return Const(getattr(base.value, name)(), origin=origin)
    if isinstance(base, Sequence) and name in ("copy", "tolist") and not values:
        return base
    if isinstance(base, Sequence) and name == "index" and values:
        return unknown("a position in a list", origin)
    return None


def _mapping_method(base: Mapping, name: str, values: list[Term], origin: NodeOrigin | None) -> Term | None:
    if name == "get" and values:
        if not isinstance(values[0], Const):
            return unknown("a dict entry whose key is not known", origin)
        found = base.get(values[0].value)
        if found is None and base.is_open:
            return unknown("a dict entry that may be there", origin)
        return found if found is not None else values[1] if len(values) > 1 else NOTHING
    if name == "items":
        return Sequence("list", tuple(Sequence("tuple", entry) for entry in base.entries), base.is_open, origin=origin)
    if name == "keys":
        return Sequence("list", tuple(key for key, _ in base.entries), base.is_open, origin=origin)
    if name == "values":
        return Sequence("list", tuple(value for _, value in base.entries), base.is_open, origin=origin)
    if name in ("setdefault", "pop") and len(values) == 2 and isinstance(values[0], Const):
        found = base.get(values[0].value)
        return found if found is not None else values[1]
    if name == "pop" and len(values) == 1 and isinstance(values[0], Const):
        return base.get(values[0].value)
    return base if name == "copy" else None


def changed(base: Term, name: str, arguments: Arguments) -> Term | None:
    """What a list or dict is after a method that changes it in place, or None if it is no such method."""
    values = [argument.value for argument in arguments if argument.keyword is None]
    if isinstance(base, Sequence) and base.kind in ("list", "set"):
        first = values[0] if values else None
        if name in ("append", "add") and first is not None:
            return replace(base, items=(*base.items, first))
        values = [seen(value) for value in values]
        first = values[0] if values else None
        if name == "extend" and isinstance(first, Sequence):
            return replace(base, items=base.items + first.items, is_open=base.is_open or first.is_open)
        if name == "insert" and isinstance(first, Const) and isinstance(first.value, int) and len(values) > 1:
            items = list(base.items)
            items.insert(first.value, values[1])
            return replace(base, items=tuple(items))
        if name == "pop" and (at := _position(values, base.items)) is not None:
            return replace(base, items=(*base.items[:at], *base.items[at + 1 :]))
        if name == "reverse":
            return replace(base, items=base.items[::-1])
        if name == "clear":
            return Sequence(base.kind, (), origin=base.origin)
        if name in ("extend", "insert", "pop", "remove", "sort"):
            return unknown("a list that is changed in a way that is not followed", None, base)
    if isinstance(base, Mapping):
        values = [seen(value) for value in values]
    if isinstance(base, Mapping) and name == "update":
        extra = values[0].entries if values and isinstance(values[0], Mapping) else ()
        named = tuple((Const(argument.keyword), argument.value) for argument in arguments if argument.keyword)
        return replace(base, entries=(*base.entries, *extra, *named))
    if isinstance(base, Mapping) and name == "pop" and values and isinstance(values[0], Const):
        kept = ((key, value) for key, value in base.entries if not _is_equal(key, values[0]))
        return replace(base, entries=tuple(kept))
    if isinstance(base, Mapping) and name == "setdefault" and len(values) == 2 and isinstance(values[0], Const):
        is_there = base.get(values[0].value) is not None
        return base if is_there else replace(base, entries=(*base.entries, (values[0], values[1])))
    return None


def _position(values: list[Term], items: tuple[Term, ...]) -> int | None:
    """Which item `pop` takes away: the last, unless it is told another; None where that is not known."""
    at = values[0] if values else Const(-1)
    known = at.value if isinstance(at, Const) and isinstance(at.value, int) else len(items)
    return known % len(items) if -len(items) <= known < len(items) else None


def _is_equal(key: Term, wanted: Term) -> bool:
    return isinstance(key, Const) and isinstance(wanted, Const) and key.value == wanted.value


def _length(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    value = machine.chosen(arguments[0].value) if arguments else None
    if isinstance(value, (Sequence, Mapping)) and value.is_open:
        return unknown("how many elements there are", origin)
    if isinstance(value, Sequence):
        return Const(len(value.items), origin=origin)
    if isinstance(value, Mapping):
        return Const(len(value.entries), origin=origin)
    if isinstance(value, Const) and isinstance(value.value, (str, bytes)):
        return Const(len(value.value), origin=origin)
    return None


def _dict(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    entries: list[tuple[Term, Term]] = []
    for keyword, value in arguments:
        if keyword is None and isinstance(value, Mapping):
            entries.extend(value.entries)
        elif keyword is None and isinstance(value, Sequence) and (pairs := _pairs(value)) is not None:
            entries.extend(pairs)
        elif keyword not in (None, "*", "**"):
            entries.append((Const(keyword), value))
        else:
            return None
    return Mapping(tuple(entries), origin=origin)


def _pairs(value: Sequence) -> list[tuple[Term, Term]] | None:
    """The entries of a dict that is given as a list of pairs."""
    rows = [row.items for row in value.items if isinstance(row, Sequence) and len(row.items) == 2]
    return [(key, item) for key, item in rows] if len(rows) == len(value.items) else None


def _list(kind: str) -> Callable[[Machine, Frame, Arguments, NodeOrigin | None], Term | None]:
    def compute(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
        from lintloss.analysis.expressions import elements_of

        if not arguments:
            return Sequence(kind, (), origin=origin)
        value = machine.chosen(arguments[0].value)
        if isinstance(value, Sequence):
            return Sequence(kind, value.items, value.is_open, origin=origin)
        items, complete = elements_of(machine, value, origin) if isinstance(value, (Mapping, Apply)) else ([], False)
        return Sequence(kind, tuple(items), origin=origin) if complete else None

    return compute


def _number(
    convert: Callable[[object], object],
) -> Callable[[Machine, Frame, Arguments, NodeOrigin | None], Term | None]:
    def compute(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
        value = machine.chosen(arguments[0].value) if len(arguments) == 1 else None
        if not isinstance(value, Const):
            return None
        try:
            return Const(convert(value.value), origin=origin)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None

    return compute


def _super(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    if not machine.calls:
        return None
    owner = machine.calls[-1][0].owner
    receiver = next(iter(frame.names.values()), None)
    if len(arguments) == 2:
        named = arguments[0].value
        owner = named if isinstance(named, Class) else owner
        receiver = arguments[1].value
    if owner is None or not isinstance(receiver, Instance):
        return None
    return Super(receiver, owner, origin=origin)


def _getattr(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    from lintloss.analysis.expressions import attribute_of

    if len(arguments) >= 2 and isinstance(arguments[1].value, Const) and origin is not None:
        return attribute_of(machine, arguments[0].value, str(arguments[1].value.value), origin)
    return None


def _vars(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    from lintloss.analysis.expressions import attribute_of

    return attribute_of(machine, arguments[0].value, "__dict__", origin) if arguments else None


def _globals(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    return Attribute(frame.module, "__dict__", origin=origin)


def _setattr(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    if len(arguments) == 3:
        base, name, value = (argument.value for argument in arguments)
        if isinstance(base, Instance) and isinstance(name, Const):
            machine.set_attribute(base, str(name.value), value)
    return NOTHING


_PLAIN = {"str": str, "int": int, "float": float, "bool": bool}
_HOLDING = {"list": "list", "tuple": "tuple", "set": "set", "dict": "dict"}
_TENSORS = ("activation", "layer", "affine", "elementwise", "reduce", "input", "make")


def _is_instance(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    """`isinstance` where Python's own classes are asked for and the kind of the value is known."""
    if len(arguments) != 2:
        return None
    value, classes = machine.chosen(arguments[0].value), arguments[1].value
    wanted = classes.items if isinstance(classes, Sequence) else (classes,)
    names = [each.path.removeprefix("builtins.") for each in wanted if isinstance(each, Api)]
    if len(names) != len(wanted) or not all(name in _PLAIN or name in _HOLDING for name in names):
        return None
    if isinstance(value, Const):
        return Const(isinstance(value.value, tuple(_PLAIN[name] for name in names if name in _PLAIN)), origin=origin)
    if isinstance(value, (Sequence, Mapping)):
        kind = value.kind if isinstance(value, Sequence) else "dict"
        return Const(kind in names, origin=origin)
    bound = machine.book.bind(value, machine.era)
    return Const(False, origin=origin) if bound is not None and bound.entry.kind in _TENSORS else None


def _partial(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    return Partial(arguments[0].value, arguments[1:], origin=origin) if arguments else None


def _named_tuple(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    """`namedtuple("Output", "logits probabilities")`, or with a list of names."""
    values = [argument.value for argument in arguments if argument.keyword is None]
    if len(values) != 2 or not isinstance(values[0], Const):
        return None
    if isinstance(values[1], Const):
        names = tuple(str(values[1].value).replace(",", " ").split())
    elif isinstance(values[1], Sequence):
        names = tuple(str(item.value) for item in values[1].items if isinstance(item, Const))
    else:
        return None
    code = ClassCode(str(values[0].value), frame.unit, 0, 0, [], {}, {}, [], fields=names)
    return Class(code, frame, (Api("typing.NamedTuple"),), origin=origin)


def _map(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    from lintloss.analysis import calls
    from lintloss.analysis.expressions import elements_of

    if len(arguments) != 2:
        return None
    items, complete = elements_of(machine, arguments[1].value, origin)
    mapped = tuple(calls.call(machine, frame, arguments[0].value, (Argument(None, item),), origin) for item in items)
    if complete:
        return Sequence("list", mapped, origin=origin)
    return Apply(Api("builtins.list"), tuple(Argument(None, value) for value in mapped), origin=origin)


def _over_rows(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    """A function over the rows of a tensor: what it makes of the tensor itself, whose rows are alike."""
    from lintloss.analysis import calls

    given = [argument.value for argument in arguments]
    return calls.call(machine, frame, given[0], (Argument(None, given[1]),), origin) if len(given) > 1 else None


def _reduce(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    value = machine.chosen(arguments[0].value) if arguments else None
    if isinstance(value, Sequence) and len(value.items) == 1:
        return value.items[0]
    return None


def _fold(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    """`functools.reduce(function, values, initial)` over values that are all known."""
    from lintloss.analysis import calls
    from lintloss.analysis.expressions import elements_of

    given = [argument.value for argument in arguments]
    if len(given) < 2:
        return None
    elements, complete = elements_of(machine, given[1], origin)
    pending = [*given[2:], *elements]
    if not complete or not pending:
        return None
    value = pending[0]
    for element in pending[1:]:
        value = calls.call(machine, frame, given[0], (Argument(None, value), Argument(None, element)), origin)
    return value


def _next(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    from lintloss.analysis.expressions import elements_of

    elements = elements_of(machine, arguments[0].value, origin)[0] if arguments else []
    return elements[0] if elements else None


def _identity(machine: Machine, frame: Frame, arguments: Arguments, origin: NodeOrigin | None) -> Term | None:
    return arguments[0].value if arguments and arguments[0].keyword is None else None


_FUNCTIONS: dict[str, Callable[[Machine, Frame, Arguments, NodeOrigin | None], Term | None]] = {
    "builtins.len": _length,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.list": _list("list"),
    "builtins.tuple": _list("tuple"),
    "builtins.set": _list("set"),
    "builtins.int": _number(lambda value: int(value)),  # type: ignore[call-overload]
    "builtins.float": _number(lambda value: float(value)),  # type: ignore[arg-type]
    "builtins.bool": _number(bool),
    "builtins.super": _super,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.vars": _vars,
    "builtins.globals": _globals,
    "builtins.isinstance": _is_instance,
    "builtins.map": _map,
    "builtins.sum": _reduce,
    "builtins.next": _next,
    "functools.partial": _partial,
    "collections.namedtuple": _named_tuple,
    "copy.copy": _identity,
    "copy.deepcopy": _identity,
}
# Callables of libraries that do what Python's do.
_STRUCTURES: dict[str, Callable[[Machine, Frame, Arguments, NodeOrigin | None], Term | None]] = {
    "list": _list("list"),
    "mapping": _dict,
    "over_rows": _over_rows,
    "fold": _fold,
    "wrap_function": _identity,
}
