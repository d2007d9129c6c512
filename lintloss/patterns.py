"""Patterns in .gitignore style, as settings hold them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from pathspec import GitIgnoreSpec

from lintloss.errors import UsageError


class Patterns:
    """Patterns that are relative to a folder.

    Raises:
        UsageError: one is no pattern.
    """

    def __init__(self, patterns: Iterable[str], root: Path) -> None:
        self._root = root.resolve()
        try:
            self._spec = compiled(patterns)
        except ValueError as error:
            raise UsageError(f"settings for {self._root}: {error}") from error

    def match(self, real: Path, suffix: str = "") -> bool:
        """Whether a pattern speaks of a path without links in its folders; folders need "/" as `suffix`."""
        return self._spec.match_file(relative(real, self._root) + suffix)


def compiled(patterns: Iterable[str]) -> GitIgnoreSpec:
    """Compile patterns.

    Raises:
        ValueError: one is no pattern.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of `re`, about [[:alpha:]]
            return GitIgnoreSpec.from_lines(patterns)
    except re.error as error:
        raise ValueError(f"Invalid git pattern: {error}") from error


def relative(path: Path, folder: Path) -> str:
    """Return a path as patterns of `folder` see it; what lies elsewhere keeps its own name."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
