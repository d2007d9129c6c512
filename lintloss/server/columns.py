"""Columns as editors count them: in code units of the encoding that editor and server agreed on."""

from __future__ import annotations

from typing import NamedTuple

from lsprotocol import types

from lintloss.finding import Location
from lintloss.sources import Block

_WIDTHS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}  # bytes of a code unit


class Columns(NamedTuple):
    """Turns the rows and columns of lintloss (1-based, characters) into an editor's positions and back."""

    encoding: str = "utf-16"

    def position(self, block: Block, location: Location) -> types.Position:
        """Where a place in a text is for the editor; what lies behind a line's end is moved there."""
        before = block.line(location.row)[: location.column - 1]
        return types.Position(location.row - 1, self._units(before))

    def location(self, block: Block, position: types.Position) -> Location:
        """The place in a text that an editor speaks of; a place inside a character is moved before it."""
        row = position.line + 1
        left, column = position.character, 1
        for character in block.line(row):
            left -= self._units(character)
            if left < 0:
                break
            column += 1
        return Location(row, column)

    def _units(self, text: str) -> int:
        codec = "utf-8" if self.encoding == "utf-8" else f"{self.encoding}-le"
        return len(text.encode(codec, errors="surrogatepass")) // _WIDTHS[self.encoding]
