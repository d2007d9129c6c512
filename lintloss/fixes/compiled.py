"""Losses and metrics as `compile` is given them: by string, by name, or as an object."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lintloss.analysis.apis import Entry
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Api, Const
from lintloss.fixes import names, places
from lintloss.fixes.misuse import Misuse
from lintloss.fixes.places import Placed


def stated(misuse: Misuse) -> NodeOrigin | None:
    """The expression that states the loss or metric of a compile site: a string, or a function's name."""
    site, place = misuse.site, misuse.place
    if site.model is None or not isinstance(place.node, cst.Call):
        return None
    found = [each for given in _arguments(misuse, place) for each in _within(given) if _states(each, misuse)]
    return found[0] if len(found) == 1 else None


def _arguments(misuse: Misuse, place: NodeOrigin) -> Iterator[NodeOrigin]:
    """The arguments that may hold it: the ones that the API book says compile takes losses, or metrics, in."""
    key = "loss" if misuse.site.anchor == "loss" else "metrics"
    wanted = {entry[key] for entry in misuse.book.methods_named("compile") if entry[key]}
    listed = [entry.parameters or () for entry in misuse.book.methods_named("compile")]
    for index, argument in enumerate(cst.ensure_type(place.node, cst.Call).args):
        given = argument.keyword.value if argument.keyword is not None else None
        positional = {each[index].name for each in listed if len(each) > index}
        if not argument.star and (given in wanted or (given is None and positional & wanted)):
            yield _looked_up(NodeOrigin(place.unit, argument.value), misuse)


def _looked_up(given: NodeOrigin, misuse: Misuse) -> NodeOrigin:
    """What a name stands for, if it is a constant that is written out."""
    value = misuse.site.scope.get(given.node.value) if isinstance(given.node, cst.Name) else None
    is_constant = isinstance(value, Const) and isinstance(value.origin, NodeOrigin)
    return value.origin if is_constant and value is not None and isinstance(value.origin, NodeOrigin) else given


def _within(given: NodeOrigin) -> Iterator[NodeOrigin]:
    """The expression, or the elements of a list or dict of them."""
    node = given.node
    if isinstance(node, (cst.List, cst.Tuple, cst.Dict)):
        for element in node.elements:
            yield from _within(NodeOrigin(given.unit, element.value))
    else:
        yield given


def _states(place: NodeOrigin, misuse: Misuse) -> bool:
    node, site = place.node, misuse.site
    if site.spelled is not None:
        return isinstance(node, cst.SimpleString) and node.evaluated_value == site.spelled
    if site.constructor is not None or not isinstance(node, (cst.Name, cst.Attribute)):
        return False
    last = node.attr.value if isinstance(node, cst.Attribute) else node.value
    value = site.scope.get(last) if isinstance(node, cst.Name) else None
    if isinstance(value, Api):
        last = value.path.rpartition(".")[2]
    return any(name.rpartition(".")[2] == last for name in site.entry.names)


def as_object(misuse: Misuse, entry: Entry, parameter: str, content: str) -> Iterator[Placed | None]:
    """The stated loss replaced by an object of its class, made with an argument."""
    place, twin = stated(misuse), class_of(misuse, entry)
    if place is None or twin is None:
        yield None
        return
    written = names.spelling(twin.name, misuse.site.scope, place.unit.source, misuse.book)
    if written is None or parameter not in {each.name for each in twin.parameters or ()}:
        yield None
        return
    yield places.replacing(place, f"{written.code}({parameter}={content})")
    yield from written.edits


def class_of(misuse: Misuse, entry: Entry) -> Entry | None:
    """The class that computes what a function does: of the same module, and called the same but for the style."""
    if entry.is_class:
        return entry
    modules = {name.rpartition(".")[0] for name in entry.names}
    words = {_plain(name) for name in (*entry.names, *(entry["strings"] or ()))}
    for name in misuse.book.names():
        if name.rpartition(".")[0] in modules and _plain(name) in words:
            found = misuse.book.entry(name)
            if found is not None and found.is_class and found.kind == entry.kind and found["family"] == entry["family"]:
                return found
    return None


def _plain(name: str) -> str:
    return name.rpartition(".")[2].replace("_", "").lower()
