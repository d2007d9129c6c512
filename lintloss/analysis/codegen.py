"""Where the nodes that LibCST has parsed stand: their code is generated once, and noted where each falls, and in which.

LibCST's metadata providers, which copy the tree, are not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import libcst as cst
from libcst._nodes.internal import CodegenState

# First row and column, last row and the column after the end, all from 1 on.
Place = tuple[int, int, int, int]


class Layout(NamedTuple):
    """The nodes of a module, each before what is in it; by their `id`s their places and the nodes around them.

    A place is that of the code without surrounding white space and parentheses.
    """

    nodes: list[cst.CSTNode]
    places: dict[int, Place]
    around: dict[int, cst.CSTNode]


def layout(module: cst.Module) -> Layout:
    """Where the nodes of a module stand."""
    state = _Noting(module.default_indent, module.default_newline)
    module._codegen(state)
    return state.layout


class _Noting(CodegenState):
    """Notes each node's place while code is generated."""

    __slots__ = ("_column", "_open", "_row", "layout")

    def __init__(self, indent: str, newline: str) -> None:
        super().__init__(indent, newline)
        self.layout = Layout([], {}, {})
        self._row = 1
        self._column = 1
        self._open: list[tuple[cst.CSTNode, int, int]] = []

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self._column += len(token)

    def add_token(self, value: str) -> None:
        newlines = value.count("\n")
        if newlines:
            self._row += newlines
            self._column = len(value) - value.rfind("\n")
        else:
            self._column += len(value)

    def pop_trailing_newline(self) -> None:
        """Places do not depend on the end of the file."""

    def before_codegen(self, node: Any) -> None:
        self.layout.nodes.append(node)
        if self._open:
            self.layout.around[id(node)] = self._open[-1][0]
        self._open.append((node, self._row, self._column))

    def after_codegen(self, node: Any) -> None:
        _, row, column = self._open.pop()
        self.layout.places.setdefault(id(node), (row, column, self._row, self._column))

    @contextmanager
    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Iterator[None]:
        start = (self._row, self._column)
        yield
        end = (self._row, self._column)
        if start_node is not None:
            start = self.layout.places[id(start_node)][:2]
        if end_node is not None:
            end = self.layout.places[id(end_node)][2:]
        self.layout.places[id(node)] = (*start, *end)
