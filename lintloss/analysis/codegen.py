"""Where the nodes that LibCST has parsed stand: their code is generated once, and noted where each falls.

LibCST's metadata providers, which copy the tree, are not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

# First row and column, last row and the column after the end, all from 1 on.
Place = tuple[int, int, int, int]


def places(module: cst.Module) -> dict[int, Place]:
    """The place of each node of a module, without surrounding white space and parentheses, by the node's `id`."""
    state = _Places(module.default_indent, module.default_newline)
    module._codegen(state)
    return state.places


class _Places(CodegenState):
    """Notes each node's place while code is generated."""

    __slots__ = ("_column", "_open", "_row", "places")

    def __init__(self, indent: str, newline: str) -> None:
        super().__init__(indent, newline)
        self.places: dict[int, Place] = {}
        self._row = 1
        self._column = 1
        self._open: list[tuple[int, int]] = []

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
        self._open.append((self._row, self._column))

    def after_codegen(self, node: Any) -> None:
        start = self._open.pop()
        self.places.setdefault(id(node), (*start, self._row, self._column))

    @contextmanager
    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Iterator[None]:
        start = (self._row, self._column)
        yield
        end = (self._row, self._column)
        if start_node is not None:
            start = self.places[id(start_node)][:2]
        if end_node is not None:
            end = self.places[id(end_node)][2:]
        self.places[id(node)] = (*start, *end)
