"""Deeds: what a function's own code changes, told from `ast` without running anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from lintloss.analysis.syntax import nodes, statements

RECEIVERS = frozenset({"self", "cls"})
_IN_PLACE = frozenset({"setattr", "append", "extend", "add", "update", "insert", "pop", "register"})
_OF_LISTS = frozenset({"append", "extend", "insert", "pop"})
_TELLING = frozenset(name.encode() for name in (*_IN_PLACE, "global"))
_SUPER = re.compile(r"super\([^()]*\)")
_METHOD_CALL = re.compile(r"(?<![\w.])(\w+)\s*\.(?:\s*\w+\s*\.)*\s*(\w+)\s*\(")
_CALL_OF_PART = re.compile(r"(?<![\w.])self\s*\.(?:\s*\w+\s*\.)+\s*(\w+)\s*\(")
_ITSELF = re.compile(r"(?<![\w.])self\b(?!\s*\.)")
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MAKING_DISPLAYS = frozenset({"list", "dict", "set", "defaultdict", "OrderedDict"})


class Deeds(NamedTuple):
    """What a function's code changes of what it has not made itself.

    - `to_itself` is its object, `to_parts` what that holds, `to_given` what it may have been given, `to_others` else.
    - `sets` are the attributes that it sets, of whatever object, `own` those of its object, of which it `counts` some.
    - `hands_over` says whether it gives its object to other code, which may set what it likes.
    - `on_given` and `on_parts` are the names of the methods that it calls on what it may have been given and on what
      its object holds.
    """

    to_itself: bool = False
    to_parts: bool = False
    to_given: bool = False
    to_others: bool = False
    sets: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    counts: frozenset[str] = frozenset()
    hands_over: bool = False
    on_given: frozenset[str] = frozenset()
    on_parts: frozenset[str] = frozenset()


def together(deeds: Iterable[Deeds]) -> Deeds:
    """What several functions change."""
    return Deeds(*map(_joined, zip(*deeds, strict=True)))


def _joined(values: tuple[Any, ...]) -> Any:
    """One field of several functions' deeds: whether any does it, or all names."""
    return any(values) if isinstance(values[0], bool) else frozenset(chain.from_iterable(values))


def of(tree: ast.stmt | None, text: str, words: Collection[bytes], libraries: frozenset[str]) -> Deeds:
    """What the code of a function with these words changes; functions of these `libraries` change nothing."""
    if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Deeds(True, True, True, True, hands_over=True)
    hands_over = len(_ITSELF.findall(_SUPER.sub("", text))) > 1  # the parameter is one
    to_itself = hands_over or b"super" in words  # a library's base may set what it likes, too
    stored = [node for target in _targets(tree) for node in _attributes(target)]
    every = list(nodes([tree])) if stored or not _TELLING.isdisjoint(words) else []
    places = [node.value for node in stored] + [place for node in every for place in _changed_in_place(node)]
    called = {(root, name) for root, name in _METHOD_CALL.findall(text) if root not in libraries}
    on_given = frozenset(name for root, name in called if root not in RECEIVERS)
    on_parts = frozenset(_CALL_OF_PART.findall(text))
    made, given = _names(every)
    itself = {place.id for place in places if isinstance(place, ast.Name)} - made
    changed = {_root(place) for place in places if not isinstance(place, ast.Name)} - made - libraries
    return Deeds(
        to_itself=to_itself or not RECEIVERS.isdisjoint(itself),
        to_parts=not RECEIVERS.isdisjoint(changed),
        to_given=not given.isdisjoint(changed | itself),
        to_others=not (changed | itself) <= given | RECEIVERS or any(isinstance(node, ast.Global) for node in every),
        sets=frozenset(node.attr for node in stored),
        own=_own(stored),
        counts=_own(_counted(tree)) if "+=" in text else frozenset(),
        hands_over=hands_over,
        on_given=on_given,
        on_parts=on_parts,
    )


def _own(places: Iterable[ast.Attribute]) -> frozenset[str]:
    """The names of those attributes that are of a function's object itself."""
    return frozenset(
        place.attr for place in places if isinstance(place.value, ast.Name) and place.value.id in RECEIVERS
    )


def _counted(tree: ast.stmt) -> Iterator[ast.Attribute]:
    """The attributes that a function adds to, of whatever object."""
    for statement in statements([tree]):
        match statement:
            case ast.AugAssign(target=ast.Attribute() as target):
                yield target


def _targets(tree: ast.stmt) -> Iterator[ast.expr]:
    """What the statements of a function bind."""
    for statement in statements([tree]):
        match statement:
            case ast.Assign(targets=targets):
                yield from targets
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
                yield target
            case ast.With(items=items):
                yield from (item.optional_vars for item in items if item.optional_vars is not None)


def _attributes(target: ast.expr) -> Iterator[ast.Attribute]:
    """The attributes that a target sets."""
    if isinstance(target, ast.Attribute):
        yield target
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _attributes(element)
    elif isinstance(target, ast.Starred):
        yield from _attributes(target.value)


def _changed_in_place(node: ast.AST) -> Iterator[ast.expr]:
    """What a call changes in place: of a list that an object holds the object itself, for lists are values here."""
    if not isinstance(node, ast.Call):
        return
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in _IN_PLACE:
        place = function.value
        yield place.value if function.attr in _OF_LISTS and isinstance(place, ast.Attribute) else place
    elif isinstance(function, ast.Name) and function.id in _IN_PLACE and node.args:
        yield node.args[0]


def _names(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """The names of lists and dicts that code makes, and those of all else that it may have been given."""
    made: set[str] = set()
    bound: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Assign) and _is_a_display(node.value):
            made |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    return made, bound - made - RECEIVERS


def _is_a_display(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _MAKING_DISPLAYS
    return isinstance(node, _DISPLAYS)


def _root(node: ast.expr) -> str | None:
    """The name that a place begins with; None for what is not named."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
