"""Fixes: text edits that repair a misuse and leave every other byte as it is.

A rule's page names its fixes, in order of preference, as verbs; each verb is a function from a misuse to a
change, or to None where it cannot be made without doubt. What is proposed parses.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.facts import Facts
from lintloss.analysis.sites import Site
from lintloss.analysis.syntax import Unparsable
from lintloss.finding import Applicability, Edit, Fix, Location
from lintloss.fixes import arguments, callables, formulas, labels, layers, preactivation
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.places import Placed
from lintloss.sources import Source
from lintloss.vocabulary import Case
from lintloss.wording import worded

if TYPE_CHECKING:
    from lintloss.pages import FixOption, Rule

Verb = Callable[[Misuse, Mapping[str, object]], Change | None]

VERBS: Mapping[str, Verb] = {
    "set-argument": arguments.set_argument,
    "drop-argument": arguments.drop_argument,
    "swap-arguments": arguments.swap_arguments,
    "replace-callable": callables.replace_callable,
    "pass-preactivation": preactivation.pass_preactivation,
    "drop-layer": layers.drop_layer,
    "encode-labels": labels.encode_labels,
    "replace-formula": formulas.replace_formula,
}

_WEAKNESS = [Applicability.SAFE, Applicability.UNSAFE, Applicability.SHOWN]


def propose(rule: Rule, site: Site, prediction: Facts, labels: Facts | None, book: ApiBook) -> Fix | None:
    """The first of the rule's fixes that can be made; its message names the others."""
    misuse = Misuse(site, prediction, labels, book)
    for option in rule.fixes:
        change = _change(option.verb, misuse, option.arguments)
        if change is not None and _is_sound(change.edits):
            edits = tuple(dict.fromkeys(placed.edit for placed in change.edits))
            applicability = max(option.applicability, change.applicability, key=_WEAKNESS.index)
            return Fix(applicability, _message(misuse, option, rule.fixes), edits)
    return None


def _change(verb: str, misuse: Misuse, wanted: Mapping[str, object]) -> Change | None:
    try:
        return VERBS[verb](misuse, wanted)
    except Unparsable:  # there is syntax that Python knows and LibCST does not
        return None


def _message(misuse: Misuse, chosen: FixOption, options: Iterable[FixOption]) -> str:
    case = Case(misuse.site, misuse.entry, misuse.prediction, misuse.labels, misuse.book)
    others = [worded(option.message, case) for option in options if option is not chosen]
    message = worded(chosen.message, case)
    return f"{message} (or: {'; '.join(dict.fromkeys(others))})" if others else message


def _is_sound(edits: Iterable[Placed]) -> bool:
    """Whether the edits can be made together, and what they leave parses."""
    by_source: dict[Source, list[Edit]] = {}
    for source, edit in dict.fromkeys(edits):
        by_source.setdefault(source, []).append(edit)
    return all(source.fixable and _are_apart(each) and _parses(source, each) for source, each in by_source.items())


def _are_apart(edits: list[Edit]) -> bool:
    ordered = sorted(edits, key=_order)
    return all(one.span.cell != other.span.cell or _is_apart(one, other) for one, other in pairwise(ordered))


def _is_apart(one: Edit, other: Edit) -> bool:
    return one.span.end <= other.span.start and one.span != other.span


def _order(edit: Edit) -> tuple[int, Location, Location]:
    return (edit.span.cell or 0, edit.span.start, edit.span.end)


def _parses(source: Source, edits: list[Edit]) -> bool:
    """Whether the top-level statements that the edits touch still parse; the others are as they were."""
    changes = sorted((*source.stretch(edit.span), edit.content) for edit in edits)
    starts = _statements(source)
    touched: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
    for change in changes:
        first = bisect_right(starts, change[0]) - 1
        last = bisect_right(starts, max(change[0], change[1] - 1))
        touched.setdefault((first, last), []).append(change)
    bounds = (*starts, len(source.text))
    return all(_is_python(_changed(source.text, bounds[at], bounds[end], each)) for (at, end), each in touched.items())


@lru_cache(maxsize=16)
def _statements(source: Source) -> tuple[int, ...]:
    """Where the source's top-level statements begin in its text, the first at its very beginning."""
    rows = [
        min(each.lineno for each in (statement, *getattr(statement, "decorator_list", ())))
        for statement in ast.parse(source.text).body
    ]
    return tuple(sorted({0, *(source.offset(row, 1) for row in rows)}))


def _changed(text: str, start: int, end: int, changes: Iterable[tuple[int, int, str]]) -> str:
    parts, at = [], start
    for first, last, content in changes:
        parts += [text[at:first], content]
        at = last
    return "".join([*parts, text[at:end]])


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


__all__ = ["VERBS", "propose"]
