"""Models as values: what layers they hold, what they output, and what is done with them.

A model of a library's class is an `Instance` whose `layers`, `inputs` and `outputs` live in the heap, so that
`add`, `pop` and branches work on it like on any object. Layers are plain terms; applying one is a call of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lintloss.analysis import functional, options, record
from lintloss.analysis.apis import Bound
from lintloss.analysis.machine import NOTHING, Machine, over_choices, unknown
from lintloss.analysis.objects import Class, Frame, Function, Instance, Method, Partial
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Api, Apply, Argument, Choice, Const, Mapping, Sequence, Term

MODEL_INPUT = unknown("the model's input")
# The attribute that holds a user's object as its library base makes it. No code can name it.
INHERITED = "<inherited>"


def construct(machine: Machine, frame: Frame, term: Apply) -> Term | None:
    """The model object that a constructor's call makes, or None if it makes no model."""
    bound = machine.book.bind(term, machine.era)
    if bound is None:
        return None
    if bound.entry.kind == "structure" and bound.entry["operation"] in ("clone", "itself"):
        return bound.get("input")
    if bound.entry.kind == "structure" and bound.entry["operation"] == "handed_back":
        return _handed_back(bound)
    if bound.entry.kind == "structure" and bound.entry["operation"] == "object":
        return machine.new_instance(term.function, term, term.origin)
    if bound.entry.kind == "structure" and bound.entry["operation"] == "record":
        return functional.record(machine, Api(bound.entry.name.rpartition(".")[0]), bound, term.origin)
    if bound.entry.kind != "model":
        return None
    instance = machine.new_instance(term.function, term, term.origin)
    _fill(machine, instance, bound)
    return instance


def _handed_back(bound: Bound) -> Term | None:
    """What is given, in order; a single thing is not put into a tuple."""
    items = bound.get("input")
    single = isinstance(items, Sequence) and len(items.items) == 1
    return items.items[0] if isinstance(items, Sequence) and single else items


def initialise(machine: Machine, instance: Instance, arguments: tuple[Argument, ...]) -> None:
    """What a library base's `__init__` does with the arguments that reach it."""
    from lintloss.analysis import calls

    for base in calls.library_bases(instance.cls):
        made = Apply(base, arguments, origin=instance.origin)
        bound = machine.book.bind(made, machine.era)
        if bound is not None and bound.entry.kind == "model":
            _fill(machine, instance, bound)
            return
        if bound is not None and bound.entry.is_class:
            machine.set_attribute(instance, INHERITED, made)
            return


def _fill(machine: Machine, instance: Instance, bound: Bound) -> None:
    style = bound.entry["style"]
    if style == "sequential":
        layers = bound.get("layers")
        if layers is None and bound.is_open:
            return
        if isinstance(layers, Sequence) and len(layers.items) == 1:
            layers = _by_name(machine.chosen(layers.items[0])) or layers
        known = layers if isinstance(layers, (Sequence, Choice)) else Sequence("list", ())
        unread = layers is not None and not isinstance(layers, (Sequence, Choice, Const))
        machine.set_attribute(instance, "layers", Sequence("list", (layers,)) if unread and layers else known)
    elif style == "functional" and bound.get("outputs") is not None:
        outputs = bound.get("outputs")
        if not (isinstance(outputs, Const) and outputs.value is None):
            machine.set_attribute(instance, "outputs", outputs or NOTHING)
            machine.set_attribute(instance, "inputs", bound.get("inputs") or NOTHING)
    elif style == "application" and instance.made is not None:
        machine.set_attribute(
            instance, "outputs", Apply(instance.made, (Argument(None, MODEL_INPUT),), origin=instance.origin)
        )


def _by_name(layers: Term) -> Sequence | None:
    """Layers that are given by name, in order."""
    return Sequence("list", tuple(layer for _, layer in layers.entries)) if isinstance(layers, Mapping) else None


def attribute(machine: Machine, instance: Instance, name: str, origin: NodeOrigin | None) -> Term | None:
    """The attributes every model has."""
    for path in _method_paths(machine, instance, name):
        entry = machine.book.entry(path)
        if entry is not None and entry["attribute"] and entry["operation"] == "itself":
            return instance
    if not _is_model(machine, instance):
        return None
    if name in ("output", "outputs"):
        made = output(machine, machine.project.frame, instance)
        return Sequence("list", (made,)) if name == "outputs" and not isinstance(made, Sequence) else made
    if name in ("input", "inputs"):
        return unknown("the model's input", origin)
    return None


def _is_model(machine: Machine, instance: Instance) -> bool:
    from lintloss.analysis import calls

    kinds = {entry.kind for base in calls.library_bases(instance.cls) for entry in machine.book.entries(base.path)}
    return "model" in kinds


def output(machine: Machine, frame: Frame, instance: Instance) -> Term:
    """What the model outputs for its input."""
    from lintloss.analysis import calls

    outputs = machine.attribute(instance, "outputs")
    if outputs is not None:
        return machine.chosen(outputs)
    if isinstance(instance.cls, Class) and machine.attribute(instance, "layers") is None:
        return calls.call_instance(machine, frame, instance, (Argument(None, MODEL_INPUT),), None)
    return apply(machine, frame, instance, MODEL_INPUT, None)


def apply(machine: Machine, frame: Frame, instance: Instance, given: Term, origin: NodeOrigin | None) -> Term:
    """What a library's model makes of `given`."""
    head = _replaced_head(machine, instance)
    if head is not None:
        return apply_layer(machine, frame, head, unknown("a ready network's features", origin))
    outputs = machine.attribute(instance, "outputs")
    if outputs is not None:
        return machine.chosen(outputs)
    layers = machine.attribute(instance, "layers")
    if layers is None:
        return unknown("how this model was made is not known", origin)
    return over_choices(machine.chosen(layers), lambda known: _through(machine, frame, known, given, origin))


def _replaced_head(machine: Machine, instance: Instance) -> Term | None:
    """The layer that was put in the place of a ready network's last one."""
    entry = machine.book.entry(instance.cls.path) if isinstance(instance.cls, Api) else None
    for name in (entry["heads"] or ()) if entry is not None else ():
        head = machine.attribute(instance, name)
        if head is not None:
            return _put_in_place(machine.chosen(head))
    return None


def _put_in_place(head: Term) -> Term:
    """The layer that was put in the place of one of the head's: it is the last that people replace."""
    if isinstance(head, Apply) and isinstance(head.function, Api) and head.function.path == "operator.setitem":
        return head.arguments[-1].value
    return head


def _through(machine: Machine, frame: Frame, layers: Term, value: Term, origin: NodeOrigin | None) -> Term:
    if not isinstance(layers, Sequence):
        return unknown("the model's layers are not known", origin)
    for layer in layers.items:
        value = apply_layer(machine, frame, layer, value)
    return value


def apply_layer(machine: Machine, frame: Frame, layer: Term, value: Term) -> Term:
    """A layer of any kind applied to a value; the application stands where the layer was made."""
    from lintloss.analysis import calls

    layer = machine.chosen(layer)
    origin = layer.origin if isinstance(layer.origin, NodeOrigin) else None
    if isinstance(layer, Choice):
        return over_choices(layer, lambda one: apply_layer(machine, frame, one, value))
    if isinstance(layer, Apply):
        bound = machine.book.bind(layer, machine.era)
        if bound is not None and bound.entry.kind == "input":
            return value
        return unwrapped(machine, frame, Apply(layer, (Argument(None, value),), origin=origin))
    if isinstance(layer, (Api, Instance, Function, Method, Partial, Class)):
        return calls.call(machine, frame, layer, (Argument(None, value),), origin)
    return unknown("a layer that is not known", origin, layer)


def unwrapped(machine: Machine, frame: Frame, term: Apply) -> Term:
    """The application of a wrapper (`TimeDistributed`) as that of the layer it wraps."""
    layer = term.function
    if not isinstance(layer, Apply):
        return term
    made = machine.book.bind(layer, machine.era)
    if made is None or not made.entry["wraps"] or not term.arguments:
        return term
    inner = made.get("wraps")
    return apply_layer(machine, frame, inner, term.arguments[0].value) if inner is not None else term


def method(
    machine: Machine, frame: Frame, base: Term, name: str, arguments: tuple[Argument, ...], origin: NodeOrigin | None
) -> Term | None:
    """What a model's own method does; None if `name` is not one of a model's."""
    bound = _bound_method(machine, base, name, arguments)
    if bound is None:
        return None
    if bound.entry.kind == "compile":
        record.compiled(machine, frame, base, bound, origin)
        return NOTHING
    if bound.entry.kind == "train":
        record.trained(machine, base, bound)
        return unknown("what training returns", origin)
    if bound.entry.kind == "structure" and bound.entry["operation"] == "itself":
        return bound.get("input") or base
    if bound.entry.kind == "structure" and bound.entry["operation"] == "record":
        return functional.record(machine, base, bound, origin)
    if bound.entry.kind == "structure" and isinstance(base, Instance):
        return (
            _changed(machine, base, bound)
            or _part(machine, base, bound, origin)
            or options.method(machine, base, bound)
            or (_handed_back(bound) if bound.entry["operation"] == "handed_back" else None)
            or functional.applied(machine, frame, base, bound, arguments, origin)
        )
    if bound.entry.kind == "pass" and isinstance(base, Instance):
        return output(machine, frame, base)
    return None


def _changed(machine: Machine, model: Instance, bound: Bound) -> Term | None:
    """What a method gives that changes a model's layers or attributes; None if it does neither."""
    operation, item = bound.entry["operation"], bound.get("item")
    if operation == "set_attribute":
        name = bound.get("name")
        if isinstance(name, Const) and item is not None:
            machine.set_attribute(model, str(name.value), item)
        return NOTHING
    layers = machine.attribute(model, "layers") or Sequence("list", ())
    change = _CHANGES.get(operation)
    if change is None:
        return None
    machine.set_attribute(model, "layers", over_choices(layers, lambda known: change(machine, known, item, bound)))
    return NOTHING


def _appended(machine: Machine, layers: Term, layer: Term | None, bound: Bound) -> Term:
    if not isinstance(layers, Sequence) or layer is None:
        return layers
    return Sequence("list", (*layers.items, layer))


def _popped(machine: Machine, layers: Term, layer: Term | None, bound: Bound) -> Term:
    return Sequence("list", layers.items[:-1]) if isinstance(layers, Sequence) else layers


def _extended(machine: Machine, layers: Term, more: Term | None, bound: Bound) -> Term:
    added = machine.attribute(more, "layers") if isinstance(more, Instance) else more
    if not isinstance(layers, Sequence) or not isinstance(added, Sequence):
        return unknown("layers that are not known are added", None, layers)
    return Sequence("list", layers.items + added.items)


def _inserted(machine: Machine, layers: Term, layer: Term | None, bound: Bound) -> Term:
    index = bound.get("index")
    if not isinstance(layers, Sequence) or layer is None:
        return layers
    if not isinstance(index, Const) or not isinstance(index.value, int):
        return unknown("a layer is put in a place that is not known", None, layers)
    items = list(layers.items)
    items.insert(index.value, layer)
    return Sequence("list", tuple(items))


_CHANGES: dict[str, Callable[[Machine, Term, Term | None, Bound], Term]] = {
    "append": _appended,
    "pop": _popped,
    "extend": _extended,
    "insert": _inserted,
}


def _part(machine: Machine, model: Instance, bound: Bound, origin: NodeOrigin | None) -> Term | None:
    """A model's layers, one of them, or the model that some of them make."""
    from lintloss.analysis.expressions import item_of

    layers = machine.attribute(model, "layers")
    if layers is None:
        return None
    if bound.entry["operation"] == "layers":
        return machine.chosen(layers)
    index = bound.get("index")
    if bound.entry["operation"] != "layer" or index is None:
        return None
    part = item_of(machine, layers, index, origin)
    if not isinstance(part, Sequence):
        return part
    shorter = machine.new_instance(model.cls, None, origin)
    machine.set_attribute(shorter, "layers", part)
    return shorter


def _bound_method(machine: Machine, base: Term, name: str, arguments: tuple[Argument, ...]) -> Bound | None:
    from lintloss.analysis import calls

    if isinstance(base, (Const, Sequence, Mapping, Api)):
        return None
    for path in _method_paths(machine, base, name):
        bound = machine.book.bind(Apply(Api(path), arguments), machine.era)
        if bound is not None:
            return bound
    if isinstance(base, Instance) and any(True for _ in calls.library_bases(base.cls)):
        return None
    # An object that is not known may be a model: `compile` with a loss says that it is.
    for entry in machine.book.methods_named(name):
        if entry.kind in ("compile", "train"):
            bound = machine.book.bind(Apply(Api(entry.name), arguments), machine.era)
            if bound is not None and (entry.kind == "train" or entry["loss"] in bound.given):
                return bound
    return None


def _method_paths(machine: Machine, base: Term, name: str) -> Iterator[str]:
    """The names under which the method of an object of a library's class, or of one derived from it, is known."""
    from lintloss.analysis import calls

    if isinstance(base, Instance):
        for library in calls.library_bases(base.cls):
            yield from machine.book.methods(library.path, name)
    elif isinstance(base, Class):
        for library in calls.library_bases(base):
            yield from machine.book.methods(library.path, name)
    elif isinstance(base, Apply) and isinstance(base.function, Api):
        entry = machine.book.entry(base.function.path)
        if entry is not None and entry.is_class:
            yield from machine.book.methods(base.function.path, name)
