"""Waiting: which calls of the user's are followed only when someone asks what they give.

Most objects that a file makes of other files' classes (configurations, data sets, layers of a network that is not
trained here) are never looked into, and most values that other files' functions compute for it reach no loss. Running
them is most of what such files cost. A constructor or another file's function waits if nobody can tell when it runs:
it makes no loss, calls nothing of the files that are analysed, and changes nothing that others can see.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lintloss.analysis import deeds, models, words
from lintloss.analysis.deeds import Deeds
from lintloss.analysis.machine import MOST_BEHIND, Machine
from lintloss.analysis.objects import Class, Function, Instance, Module, contents
from lintloss.analysis.outline import CALLED
from lintloss.analysis.syntax import FunctionCode
from lintloss.analysis.terms import Argument, Postponed, Term

CONSTRUCTOR = "__init__"
MOST_KEPT = 500_000  # entries of the states of the heap that calls wait with
_DYNAMIC = frozenset({b"setattr", b"__setattr__", b"__dict__", b"vars"})


class Reach(NamedTuple):
    """What running a function comes to, with what it names of its class or its file: its words and its deeds.

    - `imports` are the parts of the dotted names that its files import.
    - `methods` are the names of what it calls on what it may have been given, but for those of tensors, which change
      nothing.
    - `sets` are the attributes that are set; None if they cannot be told.
    - `changes_itself` says whether its object, or what that holds, may hold something else afterwards.
    - `reads_what_changes` says whether it names a global of its file that functions there bind anew.
    - `sets_policy` says whether it may set the precision of all layers, `trains` whether it may compile or train a
      model, `names_losses` whether it may make a loss.
    """

    words: frozenset[bytes]
    imports: frozenset[str]
    methods: frozenset[str]
    deeds: Deeds
    sets: frozenset[str] | None
    changes_itself: bool
    reads_what_changes: bool
    sets_policy: bool
    trains: bool
    names_losses: bool


# The methods that are run without being named.
_UNNAMED = CALLED | {"__getattr__", "__getitem__", "__iter__", "__enter__"}
_SET_BY_LIBRARIES = frozenset({"layers", "inputs", "outputs", models.INHERITED})


def of_constructor(machine: Machine, classes: Iterable[Class], arguments: tuple[Argument, ...]) -> Reach | None:
    """What a constructor comes to, if it may be run later.

    `classes` are the object's class and its bases, nearest first.
    """
    listed = list(classes)
    if not all(cls.code.first for cls in listed):
        return None
    key: tuple[str | int, ...] = (CONSTRUCTOR, *(id(cls.code) for cls in listed))
    reach = machine.reaches.get(key)
    if reach is None:
        reach = machine.reaches[key] = _reach(machine, CONSTRUCTOR, _methods(listed))
    if any(cls.frame.module in machine.mains for cls in listed) and _leads_to_sites(machine, reach):
        return None
    return reach if _may_wait(machine, reach, arguments) else None


def of_call(machine: Machine, function: Function, arguments: tuple[Argument, ...]) -> Reach | None:
    """What a call of another file's function comes to, if it may be followed later."""
    from lintloss.analysis import calls

    if not function.code.first or machine.kept_entries > MOST_KEPT or behind(arguments) > MOST_BEHIND:
        return None
    receiver = arguments[0].value if function.owner is not None and arguments else None
    classes = list(calls.lineage(receiver.cls)) if isinstance(receiver, Instance) else []
    if not all(cls.code.first for cls in classes):
        return None
    key: tuple[str | int, ...] = (function.code.name, id(function.code), *(id(cls.code) for cls in classes))
    reach = machine.reaches.get(key)
    if reach is None:
        module = function.frame.module
        codes = [(module, item) for item in module.code.items if isinstance(item, FunctionCode)]
        reach = machine.reaches[key] = _reach(machine, function.code.name, codes + _methods(classes))
    if reach.deeds.to_parts or (reach.changes_itself and not _may_change_later(machine, receiver)):
        return None
    return reach if _may_wait(machine, reach, arguments, receiver) else None


def _may_change_later(machine: Machine, receiver: Term | None) -> bool:
    """Whether a value is an object all of whose parts that others hold, too, are known."""
    return isinstance(receiver, Instance) and receiver.number not in machine.obscure


def _methods(classes: list[Class]) -> list[tuple[Module, FunctionCode]]:
    return [(cls.frame.module, code) for cls in classes for code in cls.code.methods.values()]


def _may_wait(machine: Machine, reach: Reach, arguments: tuple[Argument, ...], receiver: Term | None = None) -> bool:
    if reach.deeds.to_others or reach.sets_policy or reach.reads_what_changes:
        return False
    listed = list(_parts(arguments))
    if _may_come_back(machine, reach, listed):
        return False
    given = [part for part in listed if part is not receiver and isinstance(part, (Instance, Postponed))]
    if given and (reach.deeds.to_given or reach.deeds.to_parts or reach.trains):
        return False  # what it is given may be what its object holds
    return not any(_is_changed(reach, part) for part in given)


def _may_change(machine: Machine, method: str) -> bool:
    """Whether a method of this name may change what it is called on: those of tensors do not."""
    return not machine.book.entries(f"tensor.{method}")


def _is_changed(reach: Reach, given: Instance | Postponed) -> bool:
    """Whether a method that is called on something given may change it."""
    from lintloss.analysis import calls

    if isinstance(given, Postponed):
        return bool(reach.methods)
    found = (calls.find_method(given.cls, name) for name in reach.methods | CALLED)
    return any(_changes(method) for method in found if method is not None)


def _changes(method: Function) -> bool:
    done = method.frame.module.outline.deeds_of(method.code)
    return done.to_itself or done.to_parts or bool(done.on_parts)


def _leads_to_sites(machine: Machine, reach: Reach) -> bool:
    """Whether code of the files that are analysed may come to a site of theirs."""
    makers = machine.mains[0].outline.vocabulary.makers
    leading = _as_words(machine.leading)
    return reach.names_losses or not reach.words.isdisjoint(makers) or not reach.words.isdisjoint(leading)


@functools.lru_cache(maxsize=8)
def _as_words(names: frozenset[str], but: str | None = None) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names if name != but)


def _may_come_back(machine: Machine, reach: Reach, given: list[Term]) -> bool:
    """Whether following a call may come to code of the files that are analysed that leads to a loss.

    It does by what it is given of them, or by their names where its file imports them.
    """
    if any(_is_of(machine, part) for part in given):
        return True
    if reach.words.isdisjoint(_as_words(machine.leading, but=CONSTRUCTOR)):
        return False
    knows_files = any(reach.imports & {main.name, Path(main.filename).parent.name} for main in machine.mains)
    return knows_files or any(_is_from(machine, part) for part in given)


def _is_from(machine: Machine, value: Term) -> bool:
    """Whether a value is code of the files that are analysed, or an object of theirs."""
    code = value.cls if isinstance(value, Instance) else value
    return isinstance(code, (Function, Class)) and code.frame.module in machine.mains


def _parts(arguments: tuple[Argument, ...]) -> Iterator[Term]:
    """What a call is given, and what that holds."""
    return (part for argument in arguments for part in contents(argument.value))


def objects_in(arguments: tuple[Argument, ...]) -> bool:
    """Whether a call is given objects, whose state it may read."""
    return any(isinstance(part, (Instance, Postponed)) for part in _parts(arguments))


def behind(arguments: tuple[Argument, ...]) -> int:
    """How many values may have to be followed for a call of these, one within the other."""
    return sum(1 + part.behind for part in _parts(arguments) if isinstance(part, Postponed))


def _is_of(machine: Machine, value: Term) -> bool:
    """Whether a value brings code of the files that are analysed that matters when it is called: any function may."""
    if isinstance(value, Function):
        return value.frame.module in machine.mains
    if isinstance(value, Class):
        return value.frame.module in machine.mains and value.code.name in machine.leading
    if isinstance(value, Instance) and isinstance(value.cls, Class):
        return value.cls.frame.module in machine.mains and not _UNNAMED.isdisjoint(machine.leading)
    return isinstance(value, Module)


def _reach(machine: Machine, first: str, codes: list[tuple[Module, FunctionCode]]) -> Reach:
    """The words and deeds of `first`, and of those of `codes` that it names, directly or through others."""
    named: dict[bytes, list[tuple[Module, FunctionCode]]] = {}
    for module, code in codes:
        named.setdefault(code.name.encode(), []).append((module, code))
    reached: set[bytes] = set()
    seen: set[bytes] = set()
    pending = [first.encode()]
    done: list[Deeds] = []
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        for module, code in named.get(name, ()):
            outline = module.outline
            used = outline.words_of(code.unit)
            reached |= used
            pending.extend(word for word in used if word in named)
            done.append(outline.deeds_of(code))
    together = deeds.together(done)
    sets = None if reached & _DYNAMIC or together.hands_over else _SET_BY_LIBRARIES | together.sets
    vocabulary = machine.mains[0].outline.vocabulary
    modules = {id(module): module for module, _ in codes}
    imported = (path for module in modules.values() for path in module.outline.imports.values())
    methods = frozenset(name for name in together.on_given if _may_change(machine, name))
    # A local name may mean a part of the object, too.
    changes_parts = together.to_parts or together.to_given or bool(methods)
    return Reach(
        frozenset(reached),
        frozenset(part for path in imported for part in path.split(".")),
        methods,
        together,
        sets,
        changes_itself=together.to_itself
        or changes_parts
        or any(_may_change(machine, name) for name in together.on_parts),
        reads_what_changes=any(not reached.isdisjoint(module.outline.bound_anew) for module in modules.values()),
        sets_policy=not vocabulary.policies.isdisjoint(reached),
        trains=not vocabulary.training.isdisjoint(reached),
        names_losses=not vocabulary.losses.isdisjoint(reached) or any(map(words.may_be_a_loss, reached)),
    )
