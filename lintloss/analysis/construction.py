"""Construction: which objects are made before anyone asks what they hold, and which wait.

Most objects that a file makes of other files' classes (configurations, data sets, layers of a network that is not
trained here) are never looked into, and running their constructors is most of what such files cost. A constructor
waits if nobody can tell when it runs: it makes no loss, calls nothing of the file that is analysed, and changes
nothing but its own object.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from lintloss.analysis import models, words
from lintloss.analysis.machine import Machine
from lintloss.analysis.objects import Class, Function, Instance, Method, Module, Partial
from lintloss.analysis.syntax import FunctionCode
from lintloss.analysis.terms import Argument, Choice, Mapping, Sequence, Term

CONSTRUCTOR = "__init__"
MOST_PARTS = 64  # of an argument that are looked at
_DYNAMIC = frozenset({b"setattr", b"__setattr__", b"__dict__", b"vars"})
_IN_PLACE = frozenset({"setattr", "append", "extend", "add", "update", "insert", "pop", "register"})


@dataclass(frozen=True)
class Reach:
    """What running a class' constructor comes to: its words, and whether it changes what it is given.

    `sets` are the attributes that it gives its object; None if they cannot be told.
    """

    words: frozenset[bytes]
    changes_others: bool
    sets: frozenset[str] | None


_SET_BY_LIBRARIES = frozenset({"layers", "inputs", "outputs", models.INHERITED})


def that_may_wait(machine: Machine, classes: Iterable[Class], arguments: tuple[Argument, ...]) -> Reach | None:
    """What a constructor comes to, if it may be run later.

    `classes` are the object's class and its bases, nearest first.
    """
    listed = list(classes)
    if not all(cls.code.first for cls in listed):
        return None
    given = [part for argument in arguments for part in _parts(argument.value)]
    if any(_is_of(machine, part) for part in given):
        return None
    key = tuple(id(cls.code) for cls in listed)
    reach = machine.reaches.get(key)
    if reach is None:
        reach = machine.reaches[key] = _reach(machine, listed)
    if reach.changes_others and any(isinstance(part, Instance) for part in given):
        return None
    makers = machine.project.outline(listed[0].frame.module).vocabulary.makers
    if any(word in makers or words.may_be_a_loss(word) for word in reach.words):
        return None
    return reach if reach.words.isdisjoint(name.encode() for name in machine.leading) else None


def objects_in(arguments: tuple[Argument, ...]) -> bool:
    """Whether a constructor is given objects, whose state it may read."""
    return any(isinstance(part, Instance) for argument in arguments for part in _parts(argument.value))


def _parts(term: Term) -> Iterator[Term]:
    """A value and, of one that holds others, what it holds."""
    pending = [term]
    for _ in range(MOST_PARTS):
        if not pending:
            return
        current = pending.pop()
        yield current
        if isinstance(current, (Sequence, Mapping, Choice, Partial)):
            pending.extend(islice(current.parts(), MOST_PARTS))
        elif isinstance(current, Method):
            pending += [current.receiver, current.function]


def _is_of(machine: Machine, value: Term) -> bool:
    """Whether a value brings code of the files that are analysed, or a library's model, which a constructor trains."""
    if isinstance(value, (Function, Class)):
        return value.frame.module in machine.mains
    if isinstance(value, Instance):
        return not isinstance(value.cls, Class) or value.cls.frame.module in machine.mains
    return isinstance(value, Module)


def _reach(machine: Machine, classes: list[Class]) -> Reach:
    """The words of the constructors, and of the methods they name, directly or through others."""
    methods: dict[bytes, list[tuple[Class, FunctionCode]]] = {}
    for cls in classes:
        for method, code in cls.code.methods.items():
            methods.setdefault(method.encode(), []).append((cls, code))
    reached: set[bytes] = set()
    seen: set[bytes] = set()
    pending = [CONSTRUCTOR.encode()]
    sets: set[str] | None = set(_SET_BY_LIBRARIES)
    changes_others = False
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        for cls, code in methods.get(name, ()):
            used = machine.project.outline(cls.frame.module).words_of(code.unit)
            reached |= used
            pending.extend(word for word in used if word in methods)
            changes_others = changes_others or _changes_others(code.tree)
            sets = None if sets is None or used & _DYNAMIC else sets | _set_in(code.tree)
    return Reach(frozenset(reached), changes_others, None if sets is None else frozenset(sets))


def _set_in(tree: ast.AST | None) -> set[str]:
    """The attributes that a method sets, of whatever object."""
    nodes = ast.walk(tree) if tree is not None else ()
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def _changes_others(tree: ast.AST | None) -> bool:
    """Whether a method sets attributes, or calls what changes a value in place, of anything but its receiver."""
    return tree is None or any(map(_changes, ast.walk(tree)))


def _changes(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return not (isinstance(node.value, ast.Name) and node.value.id == "self")
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr in _IN_PLACE and not _is_of_self(function.value)
        return isinstance(function, ast.Name) and function.id in _IN_PLACE
    return isinstance(node, ast.Global)


def _is_of_self(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id == "self"
