"""Words: a cheap look at a file's text that tells whether it can hold a loss call at all."""

from __future__ import annotations

import functools
import re

from lintloss.analysis.apis import ApiBook

_KINDS = ("loss", "metric", "compile")
# What the formulas of `formulas` are made of, and the activations that are sites by themselves.
_FORMULAS = (r"log\w*\s*\(", r"square", r"pow\s*\(", r"\babs\w*\s*\(", r"\*\*\s*2", "softmax", "Softmax")


def may_hold_a_site(text: str, book: ApiBook) -> bool:
    """Whether `text` names any loss, metric or activation that the book knows, or could write one out."""
    return _pattern(book).search(text) is not None


@functools.lru_cache(maxsize=4)
def _pattern(book: ApiBook) -> re.Pattern[str]:
    names = {name.rsplit(".", 1)[-1] for name in book.names() for entry in book.entries(name) if entry.kind in _KINDS}
    return re.compile("|".join([*map(re.escape, sorted(names)), *_FORMULAS]))
