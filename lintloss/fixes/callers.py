"""Helpers that are told which activation to apply: the call that made the output is told to apply none."""

from __future__ import annotations

import ast

import libcst as cst

from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Const
from lintloss.fixes import names, places
from lintloss.fixes.misuse import Misuse
from lintloss.fixes.places import Placed
from lintloss.fixes.preactivation import Application, activation_parameter
from lintloss.sources import Source


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


def made_linear(misuse: Misuse, application: Application) -> Placed | None:
    """The edit that passes `None` for the activation where the prediction was made, if the helper allows it."""
    chosen, given = chosen_by_caller(application), misuse.given("prediction")
    function = places.function_around(chosen) if chosen is not None else None
    if chosen is None or given is None or function is None or not isinstance(given.node, cst.Name):
        return None
    definition = cst.ensure_type(function.node, cst.FunctionDef)
    parameter = cst.ensure_type(chosen.node, cst.Name).value
    if not _allows_none(application, function, parameter) or names.bindings(given, given.node.value) != 1:
        return None
    call = _maker(given, definition.name.value)
    return _passing_none(given.unit.source, call, definition, parameter) if call is not None else None


def _allows_none(application: Application, function: NodeOrigin, parameter: str) -> bool:
    """Whether the helper hands the activation to a layer that may go without, or asks whether there is one."""
    name = activation_parameter(application)
    if name is not None and application.bound is not None:
        default = next((each.default for each in application.bound.entry.parameters or () if each.name == name), None)
        return isinstance(default, Const) and default.value in (None, "linear")
    return any(
        test in function.code for test in (f"{parameter} is None", f"{parameter} is not None", f"not {parameter}")
    )


def _maker(given: NodeOrigin, function: str) -> ast.Call | None:
    """The call of the helper that the prediction's name is bound to."""
    name, row = given.code, places.rows(given)[0]
    tree = names.tree_of(given.unit.source)
    spans = (node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
    region: ast.AST = next((node for node in spans if node.lineno <= row <= (node.end_lineno or 0)), tree)
    for node in ast.walk(region):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1:
            target, called = node.targets[0], node.value.func
            if isinstance(target, ast.Name) and target.id == name and ast.unparse(called).split(".")[-1] == function:
                return node.value
    return None


def _passing_none(source: Source, call: ast.Call, definition: cst.FunctionDef, parameter: str) -> Placed | None:
    listed = [each.name.value for each in (*definition.params.posonly_params, *definition.params.params)]
    if isinstance(call.func, ast.Attribute) and listed[:1] in (["self"], ["cls"]):
        listed = listed[1:]
    if any(keyword.arg is None for keyword in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given: ast.expr | None = next((keyword.value for keyword in call.keywords if keyword.arg == parameter), None)
    if given is None and parameter in listed[: len(call.args)]:
        given = call.args[listed.index(parameter)]
    if given is not None:
        return places.between(source, _place(source, given.lineno, given.col_offset), _end(source, given), "None")
    last = max((_end(source, each) for each in (*call.args, *(k.value for k in call.keywords))), default=None)
    return places.between(source, last, last, f", {parameter}=None") if last is not None else None


def _end(source: Source, node: ast.expr) -> tuple[int, int]:
    return _place(source, node.end_lineno or node.lineno, node.end_col_offset or 0)


def _place(source: Source, row: int, offset: int) -> tuple[int, int]:
    """The row and column of an `ast` position, which counts UTF-8 bytes."""
    return row, len(source.lines[row - 1].encode()[:offset].decode()) + 1
