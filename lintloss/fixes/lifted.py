"""An activation that another function applies: taken out of it, and applied where the function was called.

`pred = net(x)` becomes `logits = net(x)` and `pred = softmax(logits)`: what stands behind it stays as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import libcst as cst

from lintloss.analysis.syntax import NodeOrigin
from lintloss.finding import Applicability
from lintloss.fixes import callers, names, places
from lintloss.fixes.applied import Application
from lintloss.fixes.misuse import Misuse
from lintloss.fixes.places import Placed
from lintloss.sources import Source

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Lifted(NamedTuple):
    """The name of what went into the activation, the edits that give it one, and how safe they are at best."""

    name: str
    edits: tuple[Placed, ...]
    applicability: Applicability


@dataclass(frozen=True, eq=False)
class _Binding:
    """A statement that gives what a call returns, or one of several values, a name."""

    source: Source
    statement: ast.Assign
    call: ast.Call
    target: ast.expr


@dataclass(frozen=True, eq=False)
class _Activation:
    """Code that applies an activation to whatever stands in its middle."""

    before: str
    after: str = ")"

    def of(self, code: str) -> str:
        return f"{self.before}{code}{self.after}"


class _Position(NamedTuple):
    """Where the activated value stands in what a function returns; `at` is None where it is all of it."""

    at: int | None


def lift(application: Application, use: NodeOrigin, stem: str, misuse: Misuse) -> Lifted | None:
    """Name what went into the activation at the call whose result `use` names."""
    binding = _binding(use)
    if binding is None:
        return None
    name = names.fresh(use, stem, ast.unparse(binding.target).rpartition(".")[2])
    if callers.chosen_by_caller(application) is not None:
        edits = _told_nothing(application, binding, name, misuse)
        return Lifted(name, edits, Applicability.SAFE) if edits else None
    edits = _taken_out(application, binding, name)
    # Whoever calls the function from another file gets another value.
    return Lifted(name, edits, Applicability.UNSAFE) if edits else None


def _binding(use: NodeOrigin) -> _Binding | None:
    """The statement that bound what `use` names, and always has when that is reached."""
    if not isinstance(use.node, (cst.Name, cst.Attribute)):
        return None
    row = places.rows(use)[0]
    found = [(each, target) for each in _assignments(use.unit.source, row) for target in _targets(each, use.code)]
    before = [(each, target) for each, target in found if (each.end_lineno or each.lineno) < row]
    if not before:
        return None
    statement, target = max(before, key=lambda pair: pair[0].lineno)
    call = statement.value
    is_alone = len(statement.targets) == 1 and _has_run(names.tree_of(use.unit.source), statement, row)
    return _Binding(use.unit.source, statement, call, target) if is_alone and isinstance(call, ast.Call) else None


def _has_run(tree: ast.Module, statement: ast.stmt, row: int) -> bool:
    """Whether every branch and loop around a statement goes on to `row`."""
    compound = (node for node in ast.walk(tree) if isinstance(node, (ast.If, ast.For, ast.While, ast.Try)))
    blocks = (getattr(node, name, []) for node in compound for name in ("body", "orelse", "handlers", "finalbody"))
    around = [block for block in blocks if block and _spans(block, statement.lineno)]
    return all(_spans(block, row) for block in around)


def _spans(block: list[ast.stmt], row: int) -> bool:
    return block[0].lineno <= row <= (block[-1].end_lineno or block[-1].lineno)


def _assignments(source: Source, row: int) -> Iterator[ast.Assign]:
    """The assignments of the innermost function around a row, without those of functions within it."""
    tree = names.tree_of(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    inside = [node for node in functions if node.lineno <= row <= (node.end_lineno or 0)]
    pending: list[ast.AST] = [max(inside, key=lambda node: node.lineno) if inside else tree]
    while pending:
        for child in ast.iter_child_nodes(pending.pop()):
            if isinstance(child, ast.Assign):
                yield child
            elif not isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
                pending.append(child)


def _targets(statement: ast.Assign, code: str) -> Iterator[ast.expr]:
    for target in statement.targets:
        listed = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        yield from (each for each in listed if ast.unparse(each) == code)


# -- a helper that is told which activation to apply ---------------------------------------------------------


def _told_nothing(application: Application, binding: _Binding, name: str, misuse: Misuse) -> tuple[Placed, ...] | None:
    """The helper is told to apply nothing, and its caller applies the activation itself."""
    unset = callers.unset(misuse, application, binding.source, binding.call)
    given = callers.activation_given(application, binding.call)
    code = ast.get_source_segment(binding.source.text, given) if given is not None else None
    if unset is None or code is None or not isinstance(given, (ast.Name, ast.Attribute)):
        return None
    return _all((*unset.edits, *_renamed(binding, name, _Activation(f"{code}("))))


# -- a function that applies it by itself --------------------------------------------------------------------


def _taken_out(application: Application, binding: _Binding, name: str) -> tuple[Placed, ...] | None:
    """The function returns what went into the activation, and all its callers apply it."""
    place, given = application.place, application.given
    function = places.function_around(place) if place is not None else None
    if place is None or given is None or function is None or not application.is_whole:
        return None
    definition, calls = _defined(binding.source, function)
    activation, position = _around(place, given), _position(definition, place) if definition is not None else None
    if activation is None or position is None or binding.call not in calls:
        return None
    holders = _holders(names.tree_of(binding.source))
    edits: list[Placed | None] = [places.replacing(place, places.code_for(place, given))]
    for call in calls:
        if call is binding.call:
            edits += _renamed(binding, name, activation)
        else:
            edits += _applied(binding.source, call, holders.get(call), position, activation)
    return _all(edits)


def _defined(source: Source, function: NodeOrigin) -> tuple[ast.FunctionDef | None, list[ast.Call]]:
    """The function as `ast` has it and its calls, if all that is done with it in its file is to call it."""
    name, tree = cst.ensure_type(function.node, cst.FunctionDef).name.value, names.tree_of(source)
    definitions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS) and node.name == name]
    mentions = [node for node in ast.walk(tree) if name in (getattr(node, "id", None), getattr(node, "attr", None))]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.func in mentions]
    definition = definitions[0] if len(definitions) == 1 else None
    if not isinstance(definition, ast.FunctionDef) or len(calls) != len(mentions) or function.unit.source is not source:
        return None, []
    within = set(ast.walk(definition))
    return definition, [] if any(call in within for call in calls) else calls


def _around(place: NodeOrigin, given: NodeOrigin) -> _Activation | None:
    """The activation's code around what it is given, if it means the same outside its function."""
    source = place.unit.source
    start, end = (source.offset(*edge) for edge in (places.rows(place)[:2], places.rows(place)[2:]))
    first, last = (source.offset(*edge) for edge in (places.rows(given)[:2], places.rows(given)[2:]))
    code = _Activation(source.text[start:first], source.text[last:end])
    if "\n" in code.before + code.after:
        return None
    used = {node.id for node in ast.walk(ast.parse(code.of("_"))) if isinstance(node, ast.Name)} - {"_"}
    return None if any(names.bindings(place, name) for name in used) else code


def _position(definition: ast.FunctionDef, place: NodeOrigin) -> _Position | None:
    """Where what is activated at `place` stands in the only thing that the function returns."""
    returned = [node.value for node in ast.walk(definition) if isinstance(node, ast.Return)]
    if len(returned) != 1 or returned[0] is None:
        return None
    value = returned[0]
    listed = value.elts if isinstance(value, ast.Tuple) else [value]
    found = [at for at, each in enumerate(listed) if _is_made_at(each, place, definition)]
    if len(found) != 1:
        return None
    return _Position(found[0] if isinstance(value, ast.Tuple) else None)


def _is_made_at(value: ast.expr, place: NodeOrigin, definition: ast.FunctionDef) -> bool:
    """Whether a returned expression is the activation's call, or a name that nothing else reads after it was bound."""
    if isinstance(value, ast.Call):
        return _stands_at(value, place)
    if not isinstance(value, ast.Name):
        return False
    bound = [
        node
        for node in _always_run(definition.body)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _stands_at(node.value, place)
    ]
    mentions = [node for node in ast.walk(definition) if isinstance(node, ast.Name) and node.id == value.id]
    if len(bound) != 1 or [ast.unparse(target) for target in bound[0].targets] != [value.id]:
        return False
    return not [node for node in mentions if node is not value and node.lineno > (bound[0].end_lineno or 0)]


def _always_run(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.With):
            yield from _always_run(statement.body)


def _stands_at(node: ast.expr, place: NodeOrigin) -> bool:
    return callers.place_of(place.unit.source, node) == places.rows(place)[:2]


def _holders(tree: ast.Module) -> dict[ast.expr, ast.Assign]:
    return {node.value: node for node in ast.walk(tree) if isinstance(node, ast.Assign)}


def _applied(
    source: Source, call: ast.Call, holder: ast.Assign | None, position: _Position, activation: _Activation
) -> Iterator[Placed | None]:
    """The activation applied to what a call returns, or to its part at a position."""
    if position.at is None:
        start, end = callers.place_of(source, call), callers.end_of(source, call)
        yield places.between(source, start, start, activation.before)
        yield places.between(source, end, end, activation.after)
        return
    target = holder.targets[0] if holder is not None and len(holder.targets) == 1 else None
    if holder is None or not isinstance(target, (ast.Tuple, ast.List)) or len(target.elts) <= position.at:
        yield None
        return
    name = ast.unparse(target.elts[position.at])
    yield _line_after(source, holder, f"{name} = {activation.of(name)}")


# -- the statement whose value gets another name -------------------------------------------------------------


def _renamed(binding: _Binding, name: str, activation: _Activation) -> Iterator[Placed | None]:
    """`pred = net(x)` as `logits = net(x)` and `pred = softmax(logits)`."""
    source, target = binding.source, binding.target
    yield places.between(source, callers.place_of(source, target), callers.end_of(source, target), name)
    yield _line_after(source, binding.statement, f"{ast.unparse(target)} = {activation.of(name)}")


def _line_after(source: Source, statement: ast.stmt, code: str) -> Placed | None:
    """A line behind a statement that has its lines to itself."""
    row, column = callers.end_of(source, statement)
    line = source.lines[row - 1]
    indentation = source.lines[statement.lineno - 1][: callers.place_of(source, statement)[1] - 1]
    rest = line[column - 1 :].strip()
    if indentation.strip() or (rest and not rest.startswith("#")):
        return None
    return places.between(source, (row, len(line) + 1), (row, len(line) + 1), f"\n{indentation}{code}")


def _all(edits: Iterator[Placed | None] | tuple[Placed | None, ...] | list[Placed | None]) -> tuple[Placed, ...] | None:
    made = tuple(edits)
    present = tuple(each for each in made if each is not None)
    return present if len(present) == len(made) else None
