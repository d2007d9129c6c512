"""Words: a cheap look at a file's text that tells whether it can hold a loss call at all."""

from __future__ import annotations

import functools
import re

from lintloss.analysis.apis import ApiBook

_KINDS = ("loss", "metric")
# A loss that comes as a parameter or an attribute has no name that is known; it is called so everywhere.
_INJECTED = r"(?:loss|crit)\w*\s*\("
# What the formulas of `formulas` are made of, and the activations that are sites by themselves.
_COMPILE = r"(?<!\bre)\.compile\s*\("
_FORMULAS = (r"\blog(?:1p|2|10)?\s*\(", r"square", r"\bpow\s*\(", r"\babs\s*\(", r"\*\*\s*2", "softmax", "Softmax")


def may_hold_a_site(text: str, book: ApiBook) -> bool:
    """Whether `text` names any loss, metric or activation that the book knows, or could write one out."""
    return _pattern(book).search(text) is not None


@functools.lru_cache(maxsize=4)
def _pattern(book: ApiBook) -> re.Pattern[str]:
    names = {name.rsplit(".", 1)[-1] for name in book.names() for entry in book.entries(name) if entry.kind in _KINDS}
    return re.compile("|".join([_COMPILE, _INJECTED, rf"\b(?:{'|'.join(sorted(names))})\b", *_FORMULAS]))


def relevant(texts: dict[str, str], book: ApiBook, names: frozenset[str] = frozenset()) -> set[str]:
    """Which definitions can lead to a site: those that hold one, and those that mention one of these by name.

    `texts` are definitions by name; `names` are further names that count as leading to one.
    """
    found = {name for name, text in texts.items() if may_hold_a_site(text, book)} if not names else set(names)
    words = {name: set(_WORD.findall(text)) for name, text in texts.items()}
    while True:
        more = {name for name, used in words.items() if name not in found and not used.isdisjoint(found)}
        if not more:
            return found
        found |= more


_WORD = re.compile(r"[^\W\d]\w*")
