"""Where nodes stand in their file, and the edits that change the text there and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from lintloss.analysis.syntax import NodeOrigin
from lintloss.finding import Edit
from lintloss.sources import Source

_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BaseNumber, cst.BaseString, cst.List, cst.Dict, cst.Set)
_HOLDERS = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Return, cst.Expr, cst.Arg, cst.Element, cst.DictElement)


class Placed(NamedTuple):
    """An edit and the source it changes."""

    source: Source
    edit: Edit


def parent(place: NodeOrigin) -> NodeOrigin | None:
    """The node around this one."""
    found = place.unit.around(place.node)
    return NodeOrigin(place.unit, found) if found is not None else None


def around(place: NodeOrigin) -> Iterator[NodeOrigin]:
    """The nodes around this one, innermost first."""
    current = parent(place)
    while current is not None:
        yield current
        current = parent(current)


def contains(outer: NodeOrigin, inner: NodeOrigin) -> bool:
    """Whether `inner` is `outer` or stands within it."""
    return outer.node is inner.node or any(outer.node is each.node for each in around(inner))


def nearest(place: NodeOrigin, *kinds: type[cst.CSTNode]) -> NodeOrigin | None:
    """The innermost node around this one that is of one of the kinds."""
    return next((each for each in around(place) if isinstance(each.node, kinds)), None)


def function_around(place: NodeOrigin) -> NodeOrigin | None:
    """The function definition that this node stands in."""
    return nearest(place, cst.FunctionDef)


def text(place: NodeOrigin) -> str:
    """The node's text as it stands in the source, with one pair of parentheses if it has any."""
    source, (top, left, bottom, right) = place.unit.source, rows(place)
    inner = source.text[source.offset(top, left) : source.offset(bottom, right)]
    return f"({inner})" if getattr(place.node, "lpar", ()) else inner


def code(place: NodeOrigin) -> str:
    """The node's text, one that is valid on a line of its own."""
    own = text(place)
    return own if _is_expression(own) else f"({own})"


def _is_expression(code: str) -> bool:
    try:
        return len(ast.parse(code).body) == 1
    except SyntaxError:
        return False


def code_for(target: NodeOrigin, place: NodeOrigin) -> str:
    """The text of `place` as it may stand instead of `target`: in parentheses where others bind stronger."""
    holder = parent(target)
    is_alone = holder is not None and isinstance(holder.node, _HOLDERS)
    return code(place) if is_alone else operand(place)


def operand(place: NodeOrigin) -> str:
    """The node's text, in parentheses unless it may stand anywhere without."""
    node = place.node
    is_closed = isinstance(node, _ATOMS) or bool(getattr(node, "lpar", ()))
    return code(place) if is_closed else f"({text(place)})"


def rows(place: NodeOrigin) -> tuple[int, int, int, int]:
    """First row and column, last row and the column after the end, in the source's text."""
    return place.unit.rows(place.node)


def is_before(first: NodeOrigin, second: NodeOrigin) -> bool:
    """Whether the first stands in the same file, wholly before the second."""
    return first.unit.source is second.unit.source and rows(first)[2:] <= rows(second)[:2]


def replacing(place: NodeOrigin, content: str) -> Placed:
    """The edit that puts `content` in the node's place; parentheses around the node stay."""
    return Placed(place.unit.source, Edit(place.unit.span(place.node), content))


def between(source: Source, start: tuple[int, int], end: tuple[int, int], content: str) -> Placed:
    """The edit that puts `content` in the place of a stretch of the source's text."""
    return Placed(source, Edit(source.span(*start, *end), content))


def inserting_line(statement: NodeOrigin, line: str) -> Placed:
    """The edit that puts a line before a statement, indented like it."""
    row, column, _, _ = rows(statement)
    source = statement.unit.source
    indentation = source.lines[row - 1][: column - 1]
    return between(source, (row, column), (row, column), f"{line}\n{indentation}")


def deleting_lines(statement: NodeOrigin) -> Placed | None:
    """The edit that takes away a statement's lines; None if its block would be left empty."""
    block = parent(statement)
    if block is None or len(getattr(block.node, "body", ())) < 2:
        return None
    first, _, last, _ = rows(statement)
    source = statement.unit.source
    return between(source, (first, 1), (last + 1, 1), "")


def rebinding(place: NodeOrigin) -> NodeOrigin | None:
    """The statement, alone on its lines, that binds the name at `place` again to what is computed from it."""
    line = own_line(place)
    small = cst.ensure_type(line.node, cst.SimpleStatementLine).body[0] if line is not None else None
    if line is None or not isinstance(small, cst.Assign) or len(small.targets) != 1:
        return None
    return line if line.unit.code(small.targets[0].target) == place.code else None


def own_line(place: NodeOrigin) -> NodeOrigin | None:
    """The simple statement that this node stands in, if it has its line to itself and runs once, in order."""
    passed = (cst.Lambda, cst.BaseComp, cst.IfExp, cst.BooleanOperation, cst.FunctionDef, cst.Decorator)
    for each in around(place):
        if isinstance(each.node, passed):
            return None
        if isinstance(each.node, cst.SimpleStatementLine):
            first = NodeOrigin(each.unit, each.node.body[0])
            return each if len(each.node.body) == 1 and _starts_its_line(first) else None
        if isinstance(each.node, cst.BaseCompoundStatement):
            return None
    return None


def _starts_its_line(statement: NodeOrigin) -> bool:
    row, column, _, _ = rows(statement)
    return not statement.unit.source.lines[row - 1][: column - 1].strip()


def dominates(statement: NodeOrigin, place: NodeOrigin) -> bool:
    """Whether the statement has always run, in the same run of its function, when `place` is reached."""
    is_one_file = statement.unit.source is place.unit.source
    return is_one_file and any(_precedes(each, place) for each in _with_around(statement))


def _precedes(statement: NodeOrigin, place: NodeOrigin) -> bool:
    """Whether `place` stands in the statement's block, at any depth, after it."""
    block = parent(statement)
    if block is None:
        return False
    if isinstance(block.node, cst.Module):
        return not statement.unit.indented and (is_before(statement, place) or function_around(place) is not None)
    return is_before(statement, place) and any(block.node is each.node for each in around(place))


def _with_around(statement: NodeOrigin) -> Iterator[NodeOrigin]:
    """The statement, and those `with` around it that always run it: names bound inside live on after them."""
    yield statement
    block = parent(statement)
    outer = parent(block) if block is not None else None
    if block is None or outer is None or not isinstance(block.node, cst.IndentedBlock):
        return
    if isinstance(outer.node, cst.With):
        yield from _with_around(outer)
