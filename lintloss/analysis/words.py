"""Words: a cheap look at a file's text that tells whether it can hold a loss call at all."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Set

from lintloss.analysis.apis import ApiBook, Entry

_KINDS = ("loss", "metric")
# A loss that comes as a parameter or an attribute has no name that is known; it is called so everywhere.
_INJECTED = re.compile(r"loss|crit", re.IGNORECASE)
# What the formulas of `formulas` are made of, and the activations that are sites by themselves.
_COMPILE = r"(?<!\bre)\.compile\s*\("
_FORMULAS = (r"\blog(?:1p|2|10)?\s*\(", r"square", r"\bpow\s*\(", r"\babs\s*\(", r"\*\*\s*2", "softmax", "Softmax")


def may_hold_a_site(text: str, book: ApiBook) -> bool:
    """Whether `text` names any loss, metric or activation that the book knows, or could write one out."""
    return _pattern(book).search(text) is not None


def may_be_a_loss(name: str) -> bool:
    """Whether a parameter's name says that a loss is handed over."""
    return _INJECTED.search(name) is not None


@functools.lru_cache(maxsize=4)
def _pattern(book: ApiBook) -> re.Pattern[str]:
    names = {name.rsplit(".", 1)[-1] for name in book.names() for entry in book.entries(name) if _is_site(entry)}
    known = rf"\b(?:{'|'.join(sorted(names))})\b"
    injected = rf"(?i:{_INJECTED.pattern})\w*\s*\("
    return re.compile("|".join([_COMPILE, injected, known, *_FORMULAS]))


def _is_site(entry: Entry) -> bool:
    return entry.kind in _KINDS or (entry.kind == "compile" and entry["input"] is not None)


def holding_a_site(texts: Mapping[str, str], book: ApiBook) -> set[str]:
    """Which of the definitions, texts by name, can hold a site themselves."""
    return {name for name, text in texts.items() if may_hold_a_site(text, book)}


def leading_to(targets: Set[str], texts: Mapping[str, str]) -> set[str]:
    """The targets, and the definitions whose texts mention one of them by name, directly or through others."""
    found = set(targets)
    words = {name: set(_WORD.findall(text)) for name, text in texts.items()}
    while True:
        more = {name for name, used in words.items() if name not in found and not used.isdisjoint(found)}
        if not more:
            return found
        found |= more


_WORD = re.compile(r"[^\W\d]\w*")
