"""Functional style: models applied with their parameters as an argument, and functions made of functions."""

from __future__ import annotations

from lintloss.analysis.apis import Bound
from lintloss.analysis.machine import Machine, unknown
from lintloss.analysis.objects import Class, Frame, Function, Instance, Method
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Apply, Argument, Const, Origin, Sequence, Term, seen

Arguments = tuple[Argument, ...]


def record(machine: Machine, cls: Term, bound: Bound, origin: Origin | None) -> Instance:
    """An object that holds what its maker is given, by name."""
    instance = machine.new_instance(cls, None, origin)
    for name in bound.given:
        machine.set_attribute(instance, name, bound.arguments[name])
    return instance


def differentiated(
    machine: Machine, frame: Frame, function: Apply, arguments: Arguments, origin: NodeOrigin | None
) -> Term | None:
    """What a function gives that computes another one's gradient; None if `function` is no such thing."""
    from lintloss.analysis import calls

    bound = machine.book.bind(function, machine.era)
    if bound is None or bound.entry["operation"] not in ("gradient", "value_and_gradient"):
        return None
    inner = bound.get("function")
    if inner is None:
        return None
    value = seen(calls.call(machine, frame, inner, arguments, origin))
    gradient = unknown("a gradient", origin)
    if bound.entry["operation"] == "value_and_gradient":
        return Sequence("tuple", (value, gradient), origin=origin)
    has_more = bound.get("has_aux")
    if isinstance(has_more, Const) and has_more.value is True and isinstance(value, Sequence):
        return Sequence("tuple", (gradient, *value.items[1:]), origin=origin)
    return gradient


def applied(
    machine: Machine, frame: Frame, model: Instance, bound: Bound, arguments: Arguments, origin: NodeOrigin | None
) -> Term | None:
    """What `model.apply(parameters, x)` gives; None if the method does anything else."""
    from lintloss.analysis import calls

    if bound.entry["operation"] != "apply":
        return None
    own, skipped = bound.entry["own"], int(bound.entry["skips"])
    positional = [argument for argument in arguments if argument.keyword is None]
    named = [argument for argument in arguments if argument.keyword is not None and argument.keyword not in own]
    rest = (*positional[max(skipped - len(_own_by_name(arguments, own)), 0) :], *named)
    value = calls.call(machine, frame, _function_of(machine, model, bound), rest, origin)
    return Sequence("tuple", (value, unknown("the model's state")), origin=origin) if _has_state(bound) else value


def _own_by_name(arguments: Arguments, own: list[str]) -> list[Argument]:
    """The skipped arguments that are given by name."""
    return [argument for argument in arguments if argument.keyword in own[:1]]


def _has_state(bound: Bound) -> bool:
    if bound.entry["state"] is True:
        return True
    wanted = bound.get("state")
    return wanted is not None and not (isinstance(wanted, Const) and not wanted.value)


def _function_of(machine: Machine, model: Instance, bound: Bound) -> Term:
    """What applying the model calls: a method that is named, the function that it was made of, or itself."""
    from lintloss.analysis import calls

    method = bound.get("method")
    if isinstance(method, Function):
        return Method(model, method)
    if isinstance(method, Method):
        return method
    if isinstance(method, Const) and isinstance(method.value, str) and isinstance(model.cls, Class):
        named = calls.find_method(model.cls, method.value)
        return Method(model, named) if named is not None else unknown(f"the method `{method.value}`")
    made = machine.book.bind(model.made, machine.era) if model.made is not None else None
    inner = made.get("function") if made is not None else None
    if isinstance(inner, Instance):
        return _function_of(machine, inner, bound)
    return inner if inner is not None else model
