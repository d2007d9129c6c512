"""Statements: LibCST statement nodes run for their effect on names and objects.

`run` returns how the statements end: with a returned value, falling through, raising, or a choice of these.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from typing import Any

import libcst as cst

from lintloss.analysis import calls, formulas, stated
from lintloss.analysis.expressions import (
    attribute_of,
    compare,
    condition_of,
    condition_of_term,
    elements_of,
    evaluate,
    item_of,
    lookup,
    operate,
)
from lintloss.analysis.heap import Heap
from lintloss.analysis.machine import BREAKS, FALLS, LEAVES, NOTHING, RAISES, End, Machine, followed_by, unknown
from lintloss.analysis.objects import Class, Deferred, Frame, Function, Instance
from lintloss.analysis.syntax import ClassCode, FunctionCode, ModuleCode, NodeOrigin, Unit, Unparsable
from lintloss.analysis.terms import (
    Api,
    Apply,
    Argument,
    Carried,
    Choice,
    Condition,
    Const,
    Guard,
    Mapping,
    Sequence,
    Stated,
    Term,
    Unknown,
    seen,
)


def run_module(machine: Machine, frame: Frame, code: ModuleCode) -> None:
    """Run a file's top level."""
    for item in code.items:
        if isinstance(item, Unit):
            run_unit(machine, frame, item)
            continue
        made = define(machine, frame, item)
        frame.names[item.name] = made
        frame.defined.append(made)


def run_unit(machine: Machine, frame: Frame, unit: Unit) -> Term:
    """Run a unit's statements; one that cannot be lowered is passed over."""
    if unit.is_silent:
        return FALLS
    if unit.is_of_imports and frame.module not in machine.mains:
        return _imports_elsewhere(machine, frame, unit)
    try:
        body = unit.body
    except Unparsable:
        return FALLS
    inner, frame.unit = frame.unit, unit
    try:
        return run(machine, frame, body)
    finally:
        frame.unit = inner


def run(machine: Machine, frame: Frame, body: SequenceOf[cst.BaseStatement | cst.BaseSmallStatement]) -> Term:
    """Run statements in order; the conditions under which one ends early hold negated for those after it."""
    outcome: Term = FALLS
    depth = len(machine.path)
    for number, statement in enumerate(body, start=1):
        ended = _statement(machine, frame, statement)
        if ended is FALLS:
            continue
        outcome = followed_by(outcome, ended)
        machine.path.extend(_ways_on(ended))
        if not _goes_on(ended):
            for left_out in body[number:]:
                machine.pass_over(frame, left_out)
            break
    del machine.path[depth:]
    return outcome


def _goes_on(outcome: Term) -> bool:
    if isinstance(outcome, Choice):
        return _goes_on(outcome.then) or _goes_on(outcome.otherwise)
    return outcome is FALLS


def _ways_on(outcome: Term) -> list[Guard]:
    """The conditions that hold on the only path that goes on."""
    guards: list[Guard] = []
    while isinstance(outcome, Choice):
        then, otherwise = _goes_on(outcome.then), _goes_on(outcome.otherwise)
        if then is otherwise:
            break
        guards.append(Guard(outcome.condition, then))
        outcome = outcome.then if then else outcome.otherwise
    return guards


def _statement(machine: Machine, frame: Frame, node: cst.CSTNode) -> Term:
    machine.step()
    machine.come_to.add(id(node))
    visit = _VISIT.get(type(node))
    return FALLS if visit is None else visit(machine, frame, node)


def _line(machine: Machine, frame: Frame, node: cst.SimpleStatementLine) -> Term:
    unit = frame.unit
    statement = stated.read(unit.source.lines[unit.rows(node)[2] - 1]) if unit.states_facts else None
    for small in node.body:
        ended = _statement(machine, frame, small)
        if ended is not FALLS:
            return ended
        if statement is not None and isinstance(small, (cst.Assign, cst.AnnAssign)):
            targets = [each.target for each in small.targets] if isinstance(small, cst.Assign) else [small.target]
            _state(machine, frame, targets, statement)
    return FALLS


def _state(
    machine: Machine, frame: Frame, targets: SequenceOf[cst.BaseExpression], statement: stated.Statement
) -> None:
    """Mark what has just been bound with the facts that a comment states of it."""
    places = [place for target in targets for place in _single_places(target)]
    for place in places:
        fact = statement.of(frame.unit.code(place), alone=len(places) == len(targets))
        if fact is not None:
            value = evaluate(machine, frame, place)
            bind(machine, frame, place, Stated(fact, value, origin=NodeOrigin(frame.unit, place)))


def _single_places(target: cst.BaseExpression) -> list[cst.Name | cst.Attribute]:
    if isinstance(target, (cst.Name, cst.Attribute)):
        return [target]
    if isinstance(target, (cst.Tuple, cst.List)):
        return [place for element in target.elements for place in _single_places(element.value)]
    return []


def block(machine: Machine, frame: Frame, suite: cst.BaseSuite) -> Term:
    machine.come_to.add(id(suite))
    return run(machine, frame, suite.body)


# -- simple statements ---------------------------------------------------------------------------------------


def _expression(machine: Machine, frame: Frame, node: cst.Expr) -> Term:
    value = evaluate(machine, frame, node.value)
    formulas.recognise(machine, frame, value, NodeOrigin(frame.unit, node.value))
    return FALLS


def _assign(machine: Machine, frame: Frame, node: cst.Assign) -> Term:
    value = evaluate(machine, frame, node.value)
    formulas.recognise(machine, frame, value, NodeOrigin(frame.unit, node.value))
    for target in node.targets:
        bind(machine, frame, target.target, value)
    return FALLS


def _annotated(machine: Machine, frame: Frame, node: cst.AnnAssign) -> Term:
    if node.value is not None:
        value = evaluate(machine, frame, node.value)
        formulas.recognise(machine, frame, value, NodeOrigin(frame.unit, node.value))
        bind(machine, frame, node.target, value)
    return FALLS


_AUGMENTED: dict[type[cst.CSTNode], str] = {
    cst.AddAssign: "add",
    cst.SubtractAssign: "sub",
    cst.MultiplyAssign: "mul",
    cst.DivideAssign: "truediv",
    cst.MatrixMultiplyAssign: "matmul",
    cst.PowerAssign: "pow",
}


def _augmented(machine: Machine, frame: Frame, node: cst.AugAssign) -> Term:
    old = evaluate(machine, frame, node.target)
    value = evaluate(machine, frame, node.value)
    formulas.recognise(machine, frame, value, NodeOrigin(frame.unit, node.value))
    name = _AUGMENTED.get(type(node.operator), "other")
    new = operate(machine, name, (old, value), NodeOrigin(frame.unit, node))
    if isinstance(node.target, cst.Attribute) and _is_number(new):
        new = unknown("a number that an object counts", NodeOrigin(frame.unit, node))
    bind(machine, frame, node.target, new)
    return FALLS


def _is_number(term: Term | None) -> bool:
    return isinstance(term, Const) and isinstance(term.value, (int, float)) and not isinstance(term.value, bool)


def _return(machine: Machine, frame: Frame, node: cst.Return) -> Term:
    if node.value is None:
        return NOTHING
    value = evaluate(machine, frame, node.value)
    formulas.recognise(machine, frame, value, NodeOrigin(frame.unit, node.value))
    return Const(None) if isinstance(value, End) else value


def _raise(machine: Machine, frame: Frame, node: cst.Raise) -> Term:
    return RAISES


def _leave(machine: Machine, frame: Frame, node: cst.Break | cst.Continue) -> Term:
    return BREAKS if isinstance(node, cst.Break) else LEAVES


def _global(machine: Machine, frame: Frame, node: cst.Global) -> Term:
    frame.globals.update(name.name.value for name in node.names)
    return FALLS


def _nonlocal(machine: Machine, frame: Frame, node: cst.Nonlocal) -> Term:
    frame.nonlocals.update(name.name.value for name in node.names)
    return FALLS


def _delete(machine: Machine, frame: Frame, node: cst.Del) -> Term:
    if isinstance(node.target, cst.Name):
        frame.names.pop(node.target.value, None)
    return FALLS


def _import(machine: Machine, frame: Frame, node: cst.Import) -> Term:
    for alias in node.names:
        path = _dotted(alias.name)
        if alias.asname is not None:
            bind(machine, frame, alias.asname.name, Deferred(path))
        else:
            frame.names[path.split(".")[0]] = Deferred(path.split(".")[0])
    return FALLS


def _import_from(machine: Machine, frame: Frame, node: cst.ImportFrom) -> Term:
    path = _dotted(node.module) if node.module is not None else ""
    level = len(node.relative)
    if isinstance(node.names, cst.ImportStar):
        _import_all(machine, frame, path, level)
        return FALLS
    for alias in node.names:
        bound = alias.asname.name if alias.asname is not None else alias.name
        origin = NodeOrigin(frame.unit, alias)
        bind(machine, frame, bound, Deferred(path, level, _dotted(alias.name), origin=origin))
    return FALLS


def _imports_elsewhere(machine: Machine, frame: Frame, unit: Unit) -> Term:
    """Run imports of another file: nobody asks where they stand, so they need not be lowered."""
    for statement in unit.statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                root = alias.name.partition(".")[0]
                frame.names[alias.asname or root] = Deferred(alias.name if alias.asname else root)
        elif isinstance(statement, ast.ImportFrom):
            path = statement.module or ""
            for alias in statement.names:
                if alias.name == "*":
                    _import_all(machine, frame, path, statement.level)
                else:
                    frame.names[alias.asname or alias.name] = Deferred(path, statement.level, alias.name)
    return FALLS


def _import_all(machine: Machine, frame: Frame, path: str, level: int) -> None:
    base = machine.project.imported(machine, frame.module, path, level)
    frame.names.update(machine.project.exported(machine, base))


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


# -- binding -------------------------------------------------------------------------------------------------


def bind(machine: Machine, frame: Frame, target: cst.CSTNode, value: Term) -> None:
    """Assign a value to a target of any form."""
    match target:
        case cst.Name(value=name):
            holder = _holder(frame, name)
            if holder is not frame:
                machine.wrote()
                value = unknown(f"`{name}` is bound under a condition") if machine.path else value
            if holder.parent is None and isinstance(value, Const) and _is_other_constant(holder.names.get(name), value):
                holder.rebound.add(name)
            holder.names[name] = value
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            _unpack(machine, frame, elements, value)
        case cst.Attribute(value=base_node, attr=attr):
            base = machine.chosen(evaluate(machine, frame, base_node))
            if isinstance(base, Instance):
                machine.set_attribute(base, attr.value, value)
            elif isinstance(base, Class):
                base.attributes[attr.value] = value
            elif isinstance(base, Api):
                machine.attach(f"{base.path}.{attr.value}", value)
            elif isinstance(base, Mapping):
                bind(machine, frame, base_node, _with_entry(base, Const(attr.value), value))
        case cst.Subscript(value=base_node):
            base = machine.chosen(evaluate(machine, frame, base_node))
            _store_item(machine, frame, target, base_node, base, value)
        case cst.StarredElement(value=inner):
            bind(machine, frame, inner, value)


def _holder(frame: Frame, name: str) -> Frame:
    """Whose name an assignment binds: the frame's own, unless `global` or `nonlocal` says otherwise."""
    holder = frame
    if name in frame.globals:
        while holder.parent is not None:
            holder = holder.parent
    elif name in frame.nonlocals and frame.parent is not None:
        holder = frame.parent
        while name not in holder.names and holder.parent is not None:
            holder = holder.parent
    return holder


def _is_other_constant(old: Term | None, new: Const) -> bool:
    return isinstance(old, Const) and old.value != new.value


def _store_item(
    machine: Machine, frame: Frame, target: cst.Subscript, base_node: cst.BaseExpression, base: Term, value: Term
) -> None:
    index = (
        evaluate(machine, frame, target.slice[0].slice.value) if isinstance(target.slice[0].slice, cst.Index) else None
    )
    if isinstance(base, Mapping) and index is not None:
        rebind(machine, frame, base_node, _with_entry(base, index, value))
    elif isinstance(base, Sequence) and isinstance(index, Const) and isinstance(index.value, int):
        changed = _with_item(base, index, value)
        if changed is not None:
            rebind(machine, frame, base_node, changed)
    elif isinstance(base, Instance) and isinstance(base.cls, Api):
        layers = machine.attribute(base, "layers")
        if layers is not None:  # `network[2] = layer`
            replaced = _with_item(layers, index, value) or unknown("one of the layers was replaced")
            machine.set_attribute(base, "layers", replaced)
    elif isinstance(base_node, (cst.Name, cst.Attribute)) and not isinstance(base, Instance):
        # An array written element by element is still that array, of which less is known.
        arguments = (Argument(None, base), Argument(None, index or NOTHING), Argument(None, value))
        array = Apply(Api("operator.setitem"), arguments, origin=NodeOrigin(frame.unit, target))
        bind(machine, frame, base_node, array)


def _with_item(base: Term, index: Term | None, value: Term) -> Sequence | None:
    """A list with one element replaced, or None if it is not known which."""
    at = index.value if isinstance(index, Const) and isinstance(index.value, int) else None
    if not isinstance(base, Sequence) or at is None or not -len(base.items) <= at < len(base.items):
        return None
    items = list(base.items)
    items[at] = value
    return replace(base, items=tuple(items))


def rebind(machine: Machine, frame: Frame, place: cst.CSTNode, value: Term) -> None:
    """Put a list or dict that was changed in its place: unlike an assignment, that makes no name local."""
    holder = frame
    if isinstance(place, cst.Name):
        while place.value not in holder.names and holder.parent is not None:
            holder = holder.parent
        if machine.is_open:
            holder = frame  # nobody in reach calls what runs here: others see the list or dict as it was
        elif holder is not frame and machine.path:
            value = unknown(f"`{place.value}` is changed under a condition")
    bind(machine, holder, place, value)


def _with_entry(base: Mapping, key: Term, value: Term) -> Mapping:
    kept = tuple(
        (old, item)
        for old, item in base.entries
        if not (isinstance(old, Const) and isinstance(key, Const) and old.value == key.value)
    )
    return replace(base, entries=(*kept, (key, value)))


def _unpack(machine: Machine, frame: Frame, elements: SequenceOf[cst.BaseElement], value: Term) -> None:
    value = machine.taken(value)
    starred = next((i for i, element in enumerate(elements) if isinstance(element, cst.StarredElement)), None)
    origin = value.origin if isinstance(value.origin, NodeOrigin) else None
    for position, element in enumerate(elements):
        after = len(elements) - position
        if starred is None or position < starred:
            part = item_of(machine, value, Const(position), origin)
        elif position > starred:
            part = item_of(machine, value, Const(-after), origin)
        elif isinstance(several := machine.chosen(value), Sequence):
            part = Sequence("list", several.items[position : len(several.items) - after + 1])
        else:
            part = unknown("the rest of an unpacked value", origin, value)
        bind(machine, frame, element.value, part)


# -- compound statements -------------------------------------------------------------------------------------


def _if(machine: Machine, frame: Frame, node: cst.If) -> Term:
    condition, holds = condition_of(machine, frame, node.test)
    otherwise = node.orelse

    def run_otherwise() -> Term:
        if otherwise is None:
            return FALLS
        machine.come_to.add(id(otherwise))
        return (
            _if(machine, frame, otherwise) if isinstance(otherwise, cst.If) else block(machine, frame, otherwise.body)
        )

    def run_body() -> Term:
        return block(machine, frame, node.body)

    if condition is None:
        machine.pass_over(frame, otherwise if holds else node.body)
        return run_body() if holds else run_otherwise()
    first, second = (run_body, run_otherwise) if holds else (run_otherwise, run_body)
    return machine.branch(frame, condition, first, second)


def _for(machine: Machine, frame: Frame, node: cst.For) -> Term:
    origin = NodeOrigin(frame.unit, node.iter)
    elements, complete = elements_of(machine, evaluate(machine, frame, node.iter), origin)
    if complete:
        machine.pass_over(frame, None if elements else node.body)
        is_a_count = _is_a_count(elements)  # what other elements bring may differ in every turn
        for number, element in enumerate(elements):
            bind(machine, frame, node.target, element)
            names, done = dict(frame.names) if is_a_count else None, (machine.writes, machine.times_passed_over)
            ended = block(machine, frame, node.body)
            if ended is BREAKS:
                return FALLS
            if not _goes_on(ended) and ended is not LEAVES and not isinstance(ended, Choice):
                return ended
            is_idle = frame.names == names and (machine.writes, machine.times_passed_over) == done
            if number and is_idle:  # those that follow would do the same
                bind(machine, frame, node.target, elements[-1])
                break
    else:
        ended = _turns(machine, frame, node.body, lambda: bind(machine, frame, node.target, elements[0]))
        if isinstance(ended, Term) and not isinstance(ended, (End, Choice)):
            return ended
    return block(machine, frame, node.orelse.body) if node.orelse is not None else FALLS


def _is_a_count(elements: list[Term]) -> bool:
    """Whether a loop's elements only count its turns, from whatever number."""
    numbers = [each.value for each in elements if isinstance(each, Const) and type(each.value) is int]
    return 0 < len(numbers) == len(elements) and numbers == [*range(numbers[0], numbers[0] + len(numbers))]


def _while(machine: Machine, frame: Frame, node: cst.While) -> Term:
    ended = _turns(machine, frame, node.body, lambda: None)
    return ended if not isinstance(ended, (End, Choice)) else FALLS


def _turns(machine: Machine, frame: Frame, body: cst.BaseSuite, start: Callable[[], None]) -> Term:
    """A loop of unknown length, to a fixed point: what the body changes is, on entry, `Carried` from the last turn.

    The body is taken to run at least once. The first run finds which names it changes, the second sees them
    changed; sites are written down in the second only. A loop within the first run of another runs once, so that
    the cost of nested loops is their depth times their length.
    """
    names, heap = dict(frame.names), dict(machine.heap)
    known_sites, feeds, memo = len(machine.sites), dict(machine.feeds), dict(machine.memo)
    compiled = len(machine.compilations)
    passed_over = machine.times_passed_over
    is_within, machine.is_probing, done = machine.is_probing, True, (machine.loops_probed + 1, machine.left_out)
    start()
    ended = block(machine, frame, body)
    machine.is_probing = is_within
    machine.loops_probed += 1
    if is_within:
        return ended
    changed = [name for name, value in names.items() if frame.names.get(name) is not value]
    grows = any(_is_built_on(frame.names.get(name), names[name]) for name in changed)
    later = _at_later_turns(names, frame.names), _of_objects(heap, heap, machine.heap, _at_later_turns)
    # Code that a test left out in the first turn may be come to in another, when more has been counted or filled.
    has_more = machine.times_passed_over != passed_over and later != (names, heap)
    if not grows and not has_more and (machine.loops_probed, machine.left_out) == done:
        _forget_lengths(machine, frame, names, heap)
        return FALLS
    del machine.sites[known_sites:], machine.compilations[compiled:]
    machine.feeds.clear()
    machine.feeds.update(feeds)
    machine.memo = memo  # what was remembered has its sites struck out
    frame.names, machine.heap = later
    for name in changed if grows else ():
        frame.names[name] = Carried(name, names[name], origin=names[name].origin)
    start()
    ended = block(machine, frame, body)
    _forget_lengths(machine, frame, names, heap)
    return ended if grows else FALLS


def _forget_lengths(machine: Machine, frame: Frame, names: dict[str, Term], heap: Heap) -> None:
    """What a loop has counted may be any number, and what it has filled may have any length."""
    frame.names = _after_any_turns(names, frame.names)
    machine.heap = _of_objects(machine.heap, heap, machine.heap, _after_any_turns)


_State = dict[str, Term]


def _of_objects(start: Heap, before: Heap, after: Heap, change: Callable[[_State, _State], _State]) -> Heap:
    """The objects' states at the start, without what a turn has counted and filled."""
    changed = dict(start)
    for number, known in before.items():
        held = after.get(number)
        if held is not known and isinstance(held, dict) and isinstance(known, dict):
            changed[number] = change(known, held)
    return changed


def _after_any_turns(before: _State, after: _State) -> _State:
    return {name: _uncounted(before.get(name), value, value) for name, value in after.items()}


def _at_later_turns(before: _State, after: _State) -> _State:
    return {name: _uncounted(value, after.get(name), value) for name, value in before.items()}


def _uncounted(before: Term | None, after: Term | None, value: Term) -> Term:
    """A value as it may be after any number of turns, if it is a number or a list that has changed in one."""
    if after is before:
        return value
    if _is_number(before) and _is_number(after):
        return unknown("a number that a loop counts", value.origin if isinstance(value.origin, NodeOrigin) else None)
    if isinstance(value, (Sequence, Mapping)) and isinstance(before, type(value)) and isinstance(after, type(value)):
        is_as_long = sum(1 for _ in before.parts()) == sum(1 for _ in after.parts())
        return value if is_as_long else replace(value, is_open=True)
    return value


def _is_built_on(value: Term | None, old: Term) -> bool:
    """Whether a name's new value is made from its old one."""
    pending, seen = [value] if value is not None else [], set()
    while pending:
        term = pending.pop()
        if term is old:
            return True
        if id(term) not in seen:
            seen.add(id(term))
            pending.extend(term.parts())
        if len(seen) > 2000:
            return True
    return False


def _with(machine: Machine, frame: Frame, node: cst.With) -> Term:
    depth = len(machine.scopes)
    for item in node.items:
        value = evaluate(machine, frame, item.item)
        calls.enter_scope(machine, value)
        if item.asname is not None:
            bind(machine, frame, item.asname.name, calls.entered(machine, value, NodeOrigin(frame.unit, item.item)))
    ended = block(machine, frame, node.body)
    del machine.scopes[depth:]
    return ended


def _try(machine: Machine, frame: Frame, node: cst.Try) -> Term:
    names, heap = dict(frame.names), dict(machine.heap)
    ended = block(machine, frame, node.body)
    if ended is RAISES and node.handlers:
        ended = _handle_one_of(machine, frame, node.handlers)
    else:
        _handle_what_may_be(machine, frame, node.handlers, names, heap)
        if node.orelse is not None and ended is FALLS:
            ended = block(machine, frame, node.orelse.body)
    if node.finalbody is not None:
        last = block(machine, frame, node.finalbody.body)
        ended = ended if last is FALLS else last
    return FALLS if ended is RAISES else ended


def _handle(machine: Machine, frame: Frame, handler: cst.ExceptHandler) -> Term:
    if handler.name is not None:
        bind(machine, frame, handler.name.name, unknown("an exception"))
    return block(machine, frame, handler.body)


def _handle_one_of(machine: Machine, frame: Frame, handlers: SequenceOf[cst.ExceptHandler]) -> Term:
    """Something was raised: it is for one of the handlers, but which is not looked into."""
    handler, *others = handlers
    if not others or handler.type is None:
        return _handle(machine, frame, handler)
    written = f"{frame.unit.code(handler.type)} is raised"
    condition = Condition(f"#{id(handler):x}", written, NodeOrigin(frame.unit, handler.type))
    return machine.branch(
        frame,
        condition,
        lambda: _handle(machine, frame, handler),
        lambda: _handle_one_of(machine, frame, others),
    )


def _handle_what_may_be(
    machine: Machine,
    frame: Frame,
    handlers: SequenceOf[cst.ExceptHandler],
    names: dict[str, Term],
    heap: Heap,
) -> None:
    """Run handlers from the state before the body. Nothing is taken to raise, so the state after the body counts."""
    tried_names, tried_heap = frame.names, machine.heap
    for handler in handlers:
        frame.names, machine.heap = {**tried_names, **names}, dict(heap)
        _handle(machine, frame, handler)
        # What only a handler binds (another import of the same thing, most often) is bound by it.
        for name, value in frame.names.items():
            if isinstance(tried_names.get(name), (Unknown, type(None))):
                tried_names[name] = value
    frame.names, machine.heap = tried_names, tried_heap


def _match(machine: Machine, frame: Frame, node: cst.Match) -> Term:
    return _cases(machine, frame, node, evaluate(machine, frame, node.subject), node.cases)


def _cases(machine: Machine, frame: Frame, node: cst.Match, subject: Term, cases: SequenceOf[cst.MatchCase]) -> Term:
    """The first of the cases that matches; where that cannot be decided, the case and the others are two ways."""
    if not cases:
        return FALLS
    case, *others = cases
    condition, holds = _matches(machine, frame, node, subject, case)

    def run_body() -> Term:
        for part in _captured(case.pattern):
            bind(machine, frame, part, subject if _is_name(case.pattern) else unknown("a part of what is matched"))
        return block(machine, frame, case.body)

    def run_others() -> Term:
        return _cases(machine, frame, node, subject, others)

    if condition is None:
        return run_body() if holds else run_others()
    first, second = (run_body, run_others) if holds else (run_others, run_body)
    return machine.branch(frame, condition, first, second)


def _matches(
    machine: Machine, frame: Frame, node: cst.Match, subject: Term, case: cst.MatchCase
) -> tuple[Condition | None, bool]:
    """Whether a case matches, as a condition and the way it must go, or (None, value) where that is known."""
    if case.guard is None and _is_name(case.pattern):
        return None, True
    written = f"{frame.unit.code(node.subject)} matches {frame.unit.code(case.pattern)}"
    if case.guard is None and isinstance(case.pattern, cst.MatchValue):
        value = evaluate(machine, frame, case.pattern.value)
        same = compare(machine, "eq", subject, value, NodeOrigin(frame.unit, case.pattern))
        condition, holds = condition_of_term(machine, frame, same, case.pattern.value)
        return (None if condition is None else replace(condition, written=written)), holds
    return Condition(f"#{id(case):x}", written, NodeOrigin(frame.unit, case.pattern)), True


def _is_name(pattern: cst.MatchPattern) -> bool:
    """Whether a pattern is `_` or another bare name, which match anything."""
    return isinstance(pattern, cst.MatchAs) and pattern.pattern is None


def _captured(pattern: cst.CSTNode) -> Iterator[cst.Name]:
    """The names that a pattern binds."""
    pending = [pattern]
    while pending:
        part = pending.pop()
        pending.extend(part.children)
        if isinstance(part, (cst.MatchAs, cst.MatchStar)) and part.name is not None:
            yield part.name
        elif isinstance(part, cst.MatchMapping) and part.rest is not None:
            yield part.rest


def _nested_function(machine: Machine, frame: Frame, node: cst.FunctionDef) -> Term:
    code = FunctionCode(node.name.value, frame.unit, 0, 0, node)
    decorators = tuple(frame.unit.code(each.decorator) for each in node.decorators)
    frame.names[code.name] = Function(code, frame, decorators=decorators)
    return FALLS


def _nested_class(machine: Machine, frame: Frame, node: cst.ClassDef) -> Term:
    methods: dict[str, FunctionCode] = {}
    decorated: dict[str, tuple[str, ...]] = {}
    for statement in node.body.body:
        if isinstance(statement, cst.FunctionDef):
            methods[statement.name.value] = FunctionCode(statement.name.value, frame.unit, 0, 0, statement)
            decorated[statement.name.value] = tuple(frame.unit.code(d.decorator) for d in statement.decorators)
    bases = [frame.unit.code(base.value) for base in node.bases]
    decorators = tuple(frame.unit.code(each.decorator) for each in node.decorators)
    fields = tuple(
        part.target.value
        for statement in node.body.body
        for part in (statement.body if isinstance(statement, cst.SimpleStatementLine) else ())
        if isinstance(part, cst.AnnAssign) and isinstance(part.target, cst.Name)
    )
    code = ClassCode(node.name.value, frame.unit, 0, 0, bases, methods, decorated, [], node, decorators, fields)
    frame.names[code.name] = define_class(machine, frame, code)
    return FALLS


# -- definitions ---------------------------------------------------------------------------------------------


def define(machine: Machine, frame: Frame, code: FunctionCode | ClassCode) -> Function | Class:
    """The function or class that a definition binds. A function's body is parsed only when it is called."""
    return Function(code, frame) if isinstance(code, FunctionCode) else define_class(machine, frame, code)


def define_class(machine: Machine, frame: Frame, code: ClassCode) -> Class:
    """The class that a definition binds, its bases looked up and its class attributes evaluated."""
    bases = tuple(_base(machine, frame, base) for base in code.bases)
    origin = NodeOrigin(code.unit, code.node) if code.node is not None else None
    made = Class(code, frame, bases, origin=origin)
    inner = Frame(frame.module, code.unit, {}, frame, label=code.name)
    for name, method in code.methods.items():
        made.methods[name] = Function(method, frame, made, decorators=code.decorated.get(name, ()))
        inner.names[name] = made.methods[name]
        wrapped = _wrapped(machine, frame, made.methods[name])
        if wrapped is not None:
            made.wrapped[name] = wrapped
    if code.node is not None:
        rest = [s for s in code.node.body.body if not isinstance(s, cst.FunctionDef)]
        run(machine, inner, rest)
    for unit in code.rest:
        run_unit(machine, inner, unit)
    made.attributes.update({name: value for name, value in inner.names.items() if name not in made.methods})
    _register(machine, Frame(frame.module, code.unit, {}, frame, label=code.name), made)
    return made


def _register(machine: Machine, frame: Frame, cls: Class) -> None:
    """Call a class' decorators for what else they do, such as writing it down under a name.

    What a decorator returns is taken for the class itself.
    """
    for decorator in reversed(cls.code.decorators):
        root = re.split(r"\W", decorator, maxsplit=1)[0]
        if isinstance(lookup(machine, frame, root), (Function, Instance)):
            node = cst.parse_expression(decorator)
            function = evaluate(machine, frame, node)
            calls.call(machine, frame, function, (Argument(None, cls),), NodeOrigin(frame.unit, node))


def _wrapped(machine: Machine, frame: Frame, method: Function) -> Function | None:
    """A method as its decorators leave it, or None if none of them is a function of the user's."""
    wrapped = method
    for decorator in reversed(method.decorators):
        function = lookup(machine, frame, decorator) if decorator.isidentifier() else None
        if isinstance(function, Function):
            outcome = seen(calls.call_function(machine, function, (Argument(None, wrapped),), None))
            if not isinstance(outcome, Function) or outcome is method:
                return None
            others = tuple(each for each in method.decorators if each != decorator)
            wrapped = replace(outcome, owner=method.owner, decorators=(*outcome.decorators, *others))
    return None if wrapped is method else wrapped


def _base(machine: Machine, frame: Frame, code: str) -> Term:
    value: Term | None = None
    for number, name in enumerate(re.split(r"\s*\.\s*", code)):
        if not name.isidentifier():
            return unknown(f"the base class `{code}`")
        if number == 0:
            value = lookup(machine, frame, name)
        elif value is not None:
            value = attribute_of(machine, value, name, NodeOrigin(frame.unit, cst.Name(name)))
    return value if value is not None else unknown(f"the base class `{code}`")


_VISIT: dict[type[cst.CSTNode], Callable[[Machine, Frame, Any], Term]] = {
    cst.SimpleStatementLine: _line,
    cst.Expr: _expression,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated,
    cst.AugAssign: _augmented,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Break: _leave,
    cst.Continue: _leave,
    cst.Global: _global,
    cst.Nonlocal: _nonlocal,
    cst.Del: _delete,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.If: _if,
    cst.For: _for,
    cst.While: _while,
    cst.With: _with,
    cst.Try: _try,
    cst.Match: _match,
    cst.FunctionDef: _nested_function,
    cst.ClassDef: _nested_class,
}
