"""Programs written differently: with other names, in another order, in a function, in two files or in cells."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterator, Sequence

_KERAS_PASSES = frozenset({"training", "mask"})  # by keyword, to whatever takes them
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def plain(text: str) -> str:
    """The program as Python prints it."""
    return ast.unparse(ast.parse(text))


def renamed(text: str) -> str:
    """All that a program binds gets another name: variables, parameters, functions and classes.

    What is reached as an attribute or by keyword keeps its name, and so do methods.
    """
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    methods = {part for node in nodes if isinstance(node, ast.ClassDef) for part in node.body}
    definitions = [node for node in nodes if isinstance(node, _DEFINITIONS) and node not in methods]
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)} | {node.name for node in definitions}
    names -= {node.attr for node in nodes if isinstance(node, ast.Attribute)} | _KERAS_PASSES
    names -= {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg is not None}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in names:
            node.id = f"renamed_{node.id}"
        elif isinstance(node, ast.arg) and node.arg in names:
            node.arg = f"renamed_{node.arg}"
    for node in definitions:
        node.name = f"renamed_{node.name}" if node.name in names else node.name
    return ast.unparse(tree)


def reordered(text: str, chooser: random.Random) -> str:
    """Functions and classes that run nothing when they are defined are defined earlier."""
    placed: list[ast.stmt] = []
    for node in ast.parse(text).body:
        at = len(placed)
        if isinstance(node, _DEFINITIONS) and _only_defines(node):
            at = chooser.randint(_first_place(node, placed), len(placed))
        placed.insert(at, node)
    return "\n".join(ast.unparse(node) for node in placed)


def _only_defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return not node.decorator_list and all(_only_defines(part) for part in node.body)
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return all(default is None or isinstance(default, ast.Constant) for default in _defaults(node.args))


def _defaults(arguments: ast.arguments) -> Sequence[ast.expr | None]:
    return [*arguments.defaults, *arguments.kw_defaults]


def _first_place(node: ast.FunctionDef | ast.ClassDef, placed: Sequence[ast.stmt]) -> int:
    """Behind all imports and base classes, and whatever else speaks of the name."""
    needed = {node.name}
    if isinstance(node, ast.ClassDef):
        needed |= {each.id for base in node.bases for each in ast.walk(base) if isinstance(each, ast.Name)}
    behind = (at + 1 for at, other in enumerate(placed) if _is_import(other) or needed & _mentioned(other))
    return max(behind, default=0)


def _mentioned(node: ast.stmt) -> set[str]:
    return _bound(node) | {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def with_unrelated(text: str, chooser: random.Random) -> str:
    """Functions that nobody calls stand between the statements."""
    lines = text.split("\n")
    starts = [_first_row(node) for node in ast.parse(text).body]
    for row in sorted(chooser.sample(starts, min(3, len(starts))), reverse=True):
        lines.insert(row - 1, f"def unrelated_{row}(a, b=2):\n    return [a, b]")
    return "\n".join(lines)


def in_a_function(text: str) -> str:
    body = "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
    return f"def main():\n{body}\n\n\nmain()\n"


def in_two_files(text: str, chooser: random.Random) -> tuple[str, str]:
    """`part.py`, and a file that imports from it all that it binds; the loss is in the second."""
    tree = ast.parse(text)
    imports = [node for node in tree.body if _is_import(node)]
    rest = [node for node in tree.body if not _is_import(node)]
    loss = next(index for index, node in enumerate(rest) if _computes_a_loss(node))
    at = chooser.randrange(1, loss + 1)
    lines, row = text.split("\n"), _first_row(rest[at]) - 1
    head = "\n".join(ast.unparse(node) for node in imports)
    bound = sorted({name for node in rest[:at] for name in _bound(node)})
    second = "\n".join(lines[row:])
    return "\n".join(lines[:row]), f"{head}\nfrom part import {', '.join(bound)}\n{second}"


def _computes_a_loss(node: ast.stmt) -> bool:
    code = ast.unparse(node).lower()
    return "crossentropy" in code or "cross_entropy" in code or "compile" in code or "math.log(" in code


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, _DEFINITIONS):
        return {node.name}
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def in_cells(text: str, chooser: random.Random) -> bytes:
    """A notebook whose cells begin at some of the statements."""
    lines = text.split("\n")
    rows = [_first_row(node) - 1 for node in ast.parse(text).body]
    starts = [0, *(row for row in rows if row and chooser.random() < 0.5)]
    return notebook("\n".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True))


def notebook(cells: Iterator[str]) -> bytes:
    """A notebook as Jupyter writes it: each row of a cell is a row of the file."""
    code = [{"cell_type": "code", "metadata": {}, "source": text.splitlines(keepends=True)} for text in cells]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def _first_row(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))
