"""Patterns in .gitignore style, as settings hold them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lintloss.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Patterns:
    """Patterns that are relative to a folder.

    Raises:
        UsageError: one is no pattern.
    """

    def __init__(self, patterns: Sequence[str], root: Path) -> None:
        self._root = root.resolve()
        try:
            self._spec = compiled(patterns) if patterns else None
        except ValueError as error:
            raise UsageError(f"settings for {self._root}: {error}") from error

    def match(self, real: Path, suffix: str = "") -> bool:
        """Whether a pattern speaks of a path without links in its folders; folders need "/" as `suffix`."""
        return self._spec is not None and self._spec.match_file(relative(real, self._root) + suffix)


def compiled(patterns: Iterable[str]) -> GitIgnoreSpec:
    """Compile patterns.

    Raises:
        ValueError: one is no pattern.
    """
    from pathspec import GitIgnoreSpec  # a run over named files needs none

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of `re`, about [[:alpha:]]
            return GitIgnoreSpec.from_lines(patterns)
    except re.error as error:
        raise ValueError(f"Invalid git pattern: {error}") from error


def relative(path: Path, folder: Path) -> str:
    """Return a path as patterns of `folder` see it; what lies elsewhere keeps its own name."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
