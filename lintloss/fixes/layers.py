"""drop-layer, and set-argument on what a layer applies: the model's outputs change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from lintloss.analysis.apis import Entry
from lintloss.analysis.facts import SQUASHING, Facts
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Api, Const, Term
from lintloss.fixes import callers, names, places
from lintloss.fixes.applied import Application, activation_parameter, applications, without_activation
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.places import Placed
from lintloss.fixes.written import WrittenCall


def drop_layer(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: take the activation away, so that the model outputs what went into it."""
    dropped = [_made_linear(misuse, application) for application in applications(misuse)]
    made = [change for change in dropped if change is not None]
    return Change.of(edit for change in made for edit in change.edits) if len(made) == len(dropped) else None


def _made_linear(misuse: Misuse, application: Application) -> Change | None:
    if callers.chosen_by_caller(application) is not None:
        return callers.made_linear(misuse, application)
    return Change.of([_dropped(misuse, application)])


def _dropped(misuse: Misuse, application: Application) -> Placed | None:
    if _serves_others(application, misuse) or _is_one_of_several(application) or not application.is_whole:
        return None
    if application.given is not None and application.place is not None:
        same = _keeping_its_name(application.place, application.given)
        return same or places.replacing(application.place, places.code_for(application.place, application.given))
    layer = application.layer
    if layer is None or application.bound is None:
        return None
    computes = bool(application.bound.entry["learned"]) or application.bound.constructor is None
    return without_activation(application) if computes else _without_layer(layer.place, misuse)


def _serves_others(application: Application, misuse: Misuse) -> bool:
    """Whether the code that applies the activation stands in a function that makes hidden layers as well."""
    place = application.place or (application.layer.place if application.layer else None)
    if place is None:
        return True
    return application.activation not in SQUASHING and _is_shared(place, misuse)


def _is_shared(place: NodeOrigin, misuse: Misuse) -> bool:
    """Whether the function around is called more than once, and the loss is not its own."""
    function = places.function_around(place)
    if function is None or places.contains(function, misuse.place):
        return False
    return names.calls_of(place.unit.source, cst.ensure_type(function.node, cst.FunctionDef).name.value) > 1


def _is_one_of_several(application: Application) -> bool:
    """Whether the place applies other layers as well: `for layer in layers: x = layer(x)`."""
    function = application.call.function if application.call is not None else None
    if function is None or not isinstance(function.node, cst.Name):
        return False
    loops = [each.node for each in places.around(function) if isinstance(each.node, cst.For)]
    return any(function.node.value in names.targets(loop.target) for loop in loops if isinstance(loop, cst.For))


def _keeping_its_name(place: NodeOrigin, given: NodeOrigin) -> Placed | None:
    """`x = softmax(x)` taken away whole, where it does nothing else."""
    assignment = places.parent(place)
    line = places.rebinding(given) if assignment is not None and isinstance(assignment.node, cst.Assign) else None
    return places.deleting_lines(line) if line is not None else None


def _without_layer(made: NodeOrigin, misuse: Misuse) -> Placed | None:
    """A layer of its own taken out of the list, the model's constructor, or the `add` call, that it stands in."""
    holder = places.parent(made)
    if holder is None:
        return None
    if isinstance(holder.node, cst.Element):
        return _without_element(holder)
    call = places.parent(holder) if isinstance(holder.node, cst.Arg) else None
    if call is None or not isinstance(call.node, cst.Call):
        return None
    if _takes_layers(call, misuse):
        return _without_last_of([NodeOrigin(call.unit, argument) for argument in call.node.args], holder)
    if len(call.node.args) != 1 and not _appends(call, misuse):
        return None
    line = places.own_line(call)
    expression = places.parent(call)
    is_alone = expression is not None and isinstance(expression.node, cst.Expr)
    return places.deleting_lines(line) if line is not None and is_alone else None


def _takes_layers(call: NodeOrigin, misuse: Misuse) -> bool:
    """Whether the call makes a model of the layers that it is given one by one."""
    name = names.last(cst.ensure_type(call.node, cst.Call).func)
    entries = (entry for known in misuse.book.ending_in(name) for entry in misuse.book.entries(known))
    return any(entry["style"] == "sequential" for entry in entries)


def _appends(call: NodeOrigin, misuse: Misuse) -> bool:
    """Whether the call is of a method that adds a layer at a model's end."""
    name = names.last(cst.ensure_type(call.node, cst.Call).func)
    entries = (entry for known in misuse.book.ending_in(name) for entry in misuse.book.entries(known))
    return any(entry["operation"] == "append" for entry in entries)


def _without_element(element: NodeOrigin) -> Placed | None:
    """The last element of a list, or the pair of its name and itself, taken away with the comma before it."""
    around = places.parent(element)
    if around is None or not isinstance(around.node, (cst.List, cst.Tuple)):
        return None
    elements = around.node.elements
    if isinstance(around.node, cst.Tuple) and len(elements) == 2 and isinstance(elements[0].value, cst.SimpleString):
        pair = places.parent(around)
        return _without_element(pair) if pair is not None and isinstance(pair.node, cst.Element) else None
    return _without_last_of([NodeOrigin(element.unit, each) for each in elements], element)


def _without_last_of(listed: list[NodeOrigin], gone: NodeOrigin) -> Placed | None:
    if len(listed) < 2 or listed[-1].node is not gone.node:
        return None
    before, value = (NodeOrigin(each.unit, _value_of(each.node)) for each in listed[-2:])
    source = gone.unit.source
    start, end = places.rows(before)[2:], places.rows(value)[2:]
    if "#" in source.text[source.offset(*start) : source.offset(*end)]:  # a comment stays, with the comma before it
        start = places.rows(value)[:2]
        end = (end[0], end[1] + source.text.startswith(",", source.offset(*end)))
    return places.between(source, start, end, "")


def _value_of(node: cst.CSTNode) -> cst.CSTNode:
    return node.value if isinstance(node, (cst.BaseElement, cst.Arg)) else node


# -- another activation --------------------------------------------------------------------------------------


def set_activation(misuse: Misuse, wanted: str) -> Change | None:
    """Another activation in the place of the one at the model's end, or one where the last layer has none."""
    found = list(applications(misuse))
    if not found and misuse.prediction.activation == "linear" and wanted != "linear":
        return Change.of([_activated(misuse, wanted)])
    if len(found) != 1 or (wanted == "softmax" and misuse.prediction.units == 1):
        return None
    if wanted == "linear":
        return _made_linear(misuse, found[0])
    if callers.chosen_by_caller(found[0]) is not None or _serves_others(found[0], misuse) or not found[0].is_whole:
        return None
    return Change.of(_reactivated(found[0], wanted, misuse))


def _activated(misuse: Misuse, wanted: str) -> Placed | None:
    """The activation given to the layer that made the prediction, where it was given none."""
    made = _layer_of(misuse.site.prediction, "activation", misuse)
    if made is None or _is_shared(made[0].place, misuse):
        return None
    layer, parameter = made
    return layer.setting(parameter, f'"{wanted}"') if layer.argument(parameter) is None else None


def _layer_of(value: Term | None, key: str, misuse: Misuse) -> tuple[WrittenCall, str] | None:
    """The call that makes the layer whose output a value is, and the parameter that its entry has under a key."""
    bound = misuse.book.bind(value) if value is not None else None
    if bound is None or bound.entry.kind != "layer" or not bound.entry["learned"] or bound.constructor is None:
        return None
    call, parameter = WrittenCall.of(bound.constructor, bound.arguments), bound.entry[key]
    return (call, parameter) if call is not None and isinstance(parameter, str) else None


def set_units(misuse: Misuse) -> Change | None:
    """As many units for the layer that makes the prediction as the labels have classes."""
    made = [_layer_of(value, "units", misuse) for value in (misuse.site.prediction, misuse.prediction.pre)]
    layer, parameter = next(filter(None, made), (None, ""))
    count = _classes(misuse.labels) if misuse.labels is not None else None
    given = layer.values.get(parameter) if layer is not None else None
    if layer is None or count is None or not isinstance(given, Const):
        return None
    return Change.of([layer.setting(parameter, str(count))])


def _classes(labels: Facts) -> int | None:
    """How many units labels can be held against: one for a column, one for each class else."""
    if labels.encoding == "binary":
        return 1
    if labels.encoding == "class_ids" and labels.high is not None:
        return max(int(labels.high) + 1, labels.classes or 0)
    last = labels.shape[-1] if labels.shape and labels.encoding != "class_ids" else None
    return last if isinstance(last, int) else labels.classes


def _reactivated(application: Application, wanted: str, misuse: Misuse) -> Iterator[Placed | None]:
    parameter, layer = activation_parameter(application), application.layer
    if layer is not None and parameter is not None:
        given, value = layer.value(parameter), layer.values.get(parameter)
        if given is None:
            yield None
        elif isinstance(value, Const) and isinstance(given.node, cst.SimpleString):
            yield places.replacing(given, _requoted(given.node, wanted))
        elif isinstance(value, Api):
            yield from _respelled(value.path, given, wanted, misuse)
        else:
            yield None
    elif application.call is not None:
        function = application.term.function
        if isinstance(function, Api):
            yield from _respelled(function.path, application.call.function, wanted, misuse)
        else:
            yield None
    else:
        yield None


def _requoted(node: cst.SimpleString, content: str) -> str:
    return f"{node.prefix}{node.quote}{content}{node.quote}"


def _respelled(path: str, place: NodeOrigin, wanted: str, misuse: Misuse) -> Iterator[Placed | None]:
    """The function of that activation in the same module: `tf.nn.softmax` to `tf.nn.sigmoid`."""
    target = f"{path.rpartition('.')[0]}.{wanted}"
    entry = misuse.book.entry(target)
    old = misuse.book.entry(path)
    if entry is None or entry.kind != "activation" or entry["activation"] != wanted or not _takes_the_same(old, entry):
        yield None
    elif isinstance(place.node, cst.Attribute):
        yield places.replacing(NodeOrigin(place.unit, place.node.attr), wanted)
    else:
        written = names.spelling(entry.name, misuse.site.scope, place.unit.source, misuse.book)
        yield places.replacing(place, written.code) if written is not None else None
        yield from written.edits if written is not None else ()


def _takes_the_same(old: Entry | None, new: Entry) -> bool:
    """Whether a call of the one may be a call of the other, whatever arguments it has."""
    names_of = [[each.name for each in (entry.parameters if entry else None) or ()] for entry in (old, new)]
    return names_of[0] == names_of[1] or len(names_of[0]) <= 1


def set_axis(misuse: Misuse, axis: int) -> Change | None:
    """Another axis for the activation."""
    if misuse.site.anchor == "activation":
        call, entry = WrittenCall.of(misuse.site.term, misuse.site.arguments), misuse.site.entry
        made = WrittenCall.of(misuse.site.constructor, misuse.site.arguments)
        call = made if entry.is_class else call
    else:
        found = list(applications(misuse))
        bound = found[0].bound if len(found) == 1 else None
        if bound is None:
            return None
        call, entry = found[0].layer or found[0].call, bound.entry
    name = entry["axis"]
    return Change.of([call.setting(name, str(axis))]) if call is not None and isinstance(name, str) else None
