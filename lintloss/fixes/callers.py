"""Helpers that are told which activation to apply: the call that made the output is told to apply none."""

from __future__ import annotations

import ast

import libcst as cst

from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Const
from lintloss.fixes import names, places
from lintloss.fixes.applied import Application, activation_parameter
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.places import Placed
from lintloss.sources import Source

_DEEPEST = 4  # functions that return what another one gives


def chosen_by_caller(application: Application) -> NodeOrigin | None:
    """The name that stands for the activation, where it is a parameter of the function around."""
    parameter = activation_parameter(application)
    if application.layer is not None and parameter is not None:
        chosen = application.layer.value(parameter)
    else:
        chosen = application.call.function if application.call is not None else None
    if chosen is None or not isinstance(chosen.node, cst.Name):
        return None
    return chosen if names.is_parameter(chosen, chosen.node.value) else None


def made_linear(misuse: Misuse, application: Application) -> Change | None:
    """The edits that pass nothing, or the identity, for the activation where the prediction was made."""
    chosen, given = chosen_by_caller(application), misuse.given("prediction")
    function = places.function_around(chosen) if chosen is not None else None
    if chosen is None or given is None or function is None or not isinstance(given.node, cst.Name):
        return None
    definition = cst.ensure_type(function.node, cst.FunctionDef)
    if given.unit.source is not function.unit.source:
        return None
    call = _maker(given, definition.name.value)
    return unset(misuse, application, given.unit.source, call) if call is not None else None


def unset(misuse: Misuse, application: Application, source: Source, call: ast.Call) -> Change | None:
    """The edits that tell a helper, where it is called, to apply nothing."""
    told = _told(application, call)
    if told is None:
        return None
    function, definition, parameter = told
    if _allows_none(application, function, parameter):
        return Change.of([_passing(source, call, definition, parameter, "None")])
    identity = _identity(misuse, application, source)
    if identity is None:
        return None
    return Change.of([_passing(source, call, definition, parameter, identity.code), *identity.edits])


def activation_given(application: Application, call: ast.Call) -> ast.expr | None:
    """The argument that tells the helper which activation to apply."""
    told = _told(application, call)
    return _argument(call, told[1], told[2]) if told is not None else None


def _told(application: Application, call: ast.Call) -> tuple[NodeOrigin, cst.FunctionDef, str] | None:
    """The helper that a call is of, its definition, and the parameter that holds the activation."""
    chosen = chosen_by_caller(application)
    function = places.function_around(chosen) if chosen is not None else None
    if chosen is None or function is None:
        return None
    definition = cst.ensure_type(function.node, cst.FunctionDef)
    is_its = ast.unparse(call.func).split(".")[-1] == definition.name.value
    return (function, definition, cst.ensure_type(chosen.node, cst.Name).value) if is_its else None


def _identity(misuse: Misuse, application: Application, source: Source) -> names.Spelling | None:
    """A function that returns what it is given, of the activation's framework."""
    own = application.bound.entry.framework if application.bound is not None else None
    for name in misuse.book.names():
        for entry in misuse.book.entries(name):
            is_it = entry.kind == "pass" and entry["since"] == "identity" and name.endswith(".identity")
            if is_it and entry.framework == own and not entry["versions"]:
                return names.spelling(entry.name, misuse.site.scope, source, misuse.book)
    return None


def _allows_none(application: Application, function: NodeOrigin, parameter: str) -> bool:
    """Whether the helper hands the activation to a layer that may go without, or asks whether there is one."""
    name = activation_parameter(application)
    if name is not None and application.bound is not None:
        default = next((each.default for each in application.bound.entry.parameters or () if each.name == name), None)
        return isinstance(default, Const) and default.value in (None, "linear")
    tests = (f"{parameter} is None", f"{parameter} is not None", f"not {parameter}", f"if {parameter}:")
    return any(test in function.code for test in tests)


def _maker(given: NodeOrigin, function: str) -> ast.Call | None:
    """The call of the helper that made what a name is bound to, in the same file."""
    row = places.rows(given)[0]
    tree = names.tree_of(given.unit.source)
    spans = (node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
    region: ast.AST = next((node for node in spans if node.lineno <= row <= (node.end_lineno or 0)), tree)
    made = _bound_to(region, given.code, row)
    for _ in range(_DEEPEST):
        found = _made_by(tree, made, function, _DEEPEST) if made is not None else None
        handed_on = _handed_on(made)
        if found is not None or made is None or handed_on is None:
            return found
        made = _bound_to(region, handed_on, made.lineno)
    return None


def _handed_on(value: ast.expr | None) -> str | None:
    """The name of what a call reshapes, casts or selects: its first argument."""
    given = value.args[0] if isinstance(value, ast.Call) and value.args else None
    return given.id if isinstance(given, ast.Name) else None


def _bound_to(region: ast.AST, name: str, row: int) -> ast.expr | None:
    """What a name was given last before a row, where no branch gives it something else."""
    found = [
        node
        for node in ast.walk(region)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
    before = [node for node in found if (node.end_lineno or node.lineno) < row]
    is_one_block = len({node.col_offset for node in found}) == 1
    return max(before, key=lambda node: node.lineno).value if before and is_one_block else None


def _made_by(tree: ast.Module, value: ast.expr, function: str, depth: int) -> ast.Call | None:
    """The call of `function` that gives a value, straight or through functions that return what it gives."""
    if not isinstance(value, ast.Call) or not depth:
        return None
    called = ast.unparse(value.func).split(".")[-1]
    if called == function:
        return value
    definitions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == called]
    if len(definitions) != 1:
        return None
    returned = [node.value for node in ast.walk(definitions[0]) if isinstance(node, ast.Return)]
    result = returned[0] if len(returned) == 1 else None
    if isinstance(result, ast.Name):
        result = _bound_to(definitions[0], result.id, result.lineno)
    return _made_by(tree, result, function, depth - 1) if result is not None else None


def _passing(
    source: Source, call: ast.Call, definition: cst.FunctionDef, parameter: str, content: str
) -> Placed | None:
    """The edit that gives a call `content` for a parameter."""
    if any(keyword.arg is None for keyword in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given = _argument(call, definition, parameter)
    if given is not None:
        return places.between(source, place_of(source, given), end_of(source, given), content)
    last = max((end_of(source, each) for each in (*call.args, *(k.value for k in call.keywords))), default=None)
    return places.between(source, last, last, f", {parameter}={content}") if last is not None else None


def _argument(call: ast.Call, definition: cst.FunctionDef, parameter: str) -> ast.expr | None:
    """What a call of a function gives for a parameter."""
    listed = [each.name.value for each in (*definition.params.posonly_params, *definition.params.params)]
    if isinstance(call.func, ast.Attribute) and listed[:1] in (["self"], ["cls"]):
        listed = listed[1:]
    given = next((keyword.value for keyword in call.keywords if keyword.arg == parameter), None)
    if given is None and parameter in listed[: len(call.args)]:
        return call.args[listed.index(parameter)]
    return given


def place_of(source: Source, node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Row and column, in characters, where a node of `ast` begins."""
    return _place(source, node.lineno, node.col_offset)


def end_of(source: Source, node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Row and column, in characters, behind a node of `ast`."""
    return _place(source, node.end_lineno or node.lineno, node.end_col_offset or 0)


def _place(source: Source, row: int, offset: int) -> tuple[int, int]:
    """The row and column of an `ast` position, which counts UTF-8 bytes."""
    return row, len(source.lines[row - 1].encode()[:offset].decode()) + 1
