"""Cores: the operations at the heart of losses that are written out by hand, told from their syntax.

Such a loss sums up the logarithm of a prediction, or the distance of one from its label, squared or absolute. Most
logarithms and powers in code are of neither: of numbers, of ratios, of lengths.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from lintloss.analysis.syntax import dotted_name, last_name

POWERS = frozenset({b"pow", b"power"})
_OF_NUMBERS = frozenset({"math", "cmath"})
_NUMBERS = frozenset({"float", "int", "len"})  # what these give is a number, and no prediction


def is_core(node: ast.AST, wanted: frozenset[bytes], logarithms: frozenset[bytes], imports: Mapping[str, str]) -> bool:
    """Whether a node may be one of the operations that are `wanted` by name, of a prediction or of a distance."""
    if isinstance(node, ast.BinOp):
        is_power = isinstance(node.op, ast.Pow) and not wanted.isdisjoint(POWERS)
        return is_power and _may_be_two(node.right) and _may_be_a_distance(node.left)
    if not isinstance(node, ast.Call) or (name := last_name(node.func).encode()) not in wanted:
        return False
    if _module_of(node.func, imports) in _OF_NUMBERS:
        return False
    operands = _operands(node, imports)
    if name in logarithms:
        return any(map(_may_be_a_share, operands))
    if name in POWERS:
        return len(operands) != 2 or (_may_be_two(operands[1]) and _may_be_a_distance(operands[0]))
    return len(operands) != 1 or _may_be_a_distance(operands[0])  # of two, their difference is squared


def _module_of(callee: ast.expr, imports: Mapping[str, str]) -> str | None:
    """What is imported under the name that a callee begins with."""
    return imports.get((dotted_name(callee) or "").partition(".")[0])


def _operands(call: ast.Call, imports: Mapping[str, str]) -> list[ast.expr]:
    """What a call computes with: of a method, what it is called on comes first. Strings are names and modes."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if isinstance(call.func, ast.Attribute) and _module_of(call.func, imports) is None:
        given.insert(0, call.func.value)
    return [each for each in given if not (isinstance(each, ast.Constant) and isinstance(each.value, str))]


def _may_be_two(exponent: ast.expr) -> bool:
    if isinstance(exponent, (ast.UnaryOp, ast.BinOp)):
        return False
    return not isinstance(exponent, ast.Constant) or exponent.value == 2


def _may_be_a_distance(node: ast.expr) -> bool:
    """Whether a value may be what two others differ by: it is subtracted here, or comes from somewhere else."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Sub)
    return _may_come_from_elsewhere(node)


def _may_be_a_share(node: ast.expr) -> bool:
    """Whether a value may be a prediction, one minus it, one kept from 0 by a small number, or one scaled."""
    if isinstance(node, ast.BinOp):
        is_scaled = isinstance(node.op, ast.Mult) and _may_be_a_share(node.right)
        return isinstance(node.op, (ast.Add, ast.Sub)) or is_scaled or _may_be_a_share(node.left)
    return _may_come_from_elsewhere(node)


def _may_come_from_elsewhere(node: ast.expr) -> bool:
    """Whether other code decides what a value is; what `_NUMBERS` give is a number anyway."""
    is_number = isinstance(node, ast.Call) and last_name(node.func) in _NUMBERS
    return not is_number and not isinstance(node, (ast.Constant, ast.UnaryOp, ast.Compare))
