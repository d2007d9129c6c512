"""Changes as a unified diff; a notebook's cells are compared one by one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from lintloss.sources import Source


def render(pairs: Iterable[tuple[Source, Source]]) -> str:
    """Return how each second source differs from the first, empty if none does."""
    return "".join(line for before, after in pairs for line in _differences(before, after))


def _differences(before: Source, after: Source) -> Iterator[str]:
    new = after.cell_texts()
    for cell, text in before.cell_texts().items():
        name = before.filename if cell is None else f"{before.filename}:cell {cell}"
        old_lines, new_lines = _lines(text), _lines(new.get(cell, ""))
        for line in difflib.unified_diff(old_lines, new_lines, name, name):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + [lines[-1]] * bool(lines[-1])
