"""Structures: what stands where in data sets, pairs and literals.

A loader's `returns` is a small picture of what it gives: `((x, class_ids), (x, class_ids))`, attributes and
methods in braces. `of` follows indexing, attributes and the splitting of arrays through it.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from lintloss.analysis.apis import ApiBook, Era
from lintloss.analysis.objects import Attribute
from lintloss.analysis.terms import Api, Apply, Const, Sequence, Term, seen

if TYPE_CHECKING:
    from lintloss.analysis.facts import Facts

_TOKEN = re.compile(r"\s*([(){},:]|[\w.]+(?:\(\))?)")


@functools.lru_cache(maxsize=256)
def picture(text: str) -> Any:
    """Parse a `returns` text: a leaf's name, a tuple of pictures or a dict from attribute to picture."""
    tokens = _TOKEN.findall(text)
    value, _ = _parse(tokens, 0)
    return value


def _parse(tokens: list[str], at: int) -> tuple[Any, int]:
    token = tokens[at]
    if token == "(":
        items = []
        at += 1
        while tokens[at] != ")":
            item, at = _parse(tokens, at)
            items.append(item)
            at += tokens[at] == ","
        return tuple(items), at + 1
    if token == "{":
        entries = {}
        at += 1
        while tokens[at] != "}":
            name = tokens[at]
            entries[name], at = _parse(tokens, at + 2)
            at += tokens[at] == ","
        return entries, at + 1
    return token, at + 1


def of(book: ApiBook, term: Term, era: Era) -> Any:
    """What `term` is within a data set: a leaf's name, a picture, the term it was split from, or None."""
    term = seen(term)
    if isinstance(term, Attribute):
        inner = of(book, term.base, era)
        return inner.get(term.name) if isinstance(inner, dict) else None
    if not isinstance(term, Apply):
        return None
    if isinstance(term.function, Attribute):
        inner = of(book, term.function.base, era)
        return inner.get(f"{term.function.name}()") if isinstance(inner, dict) else None
    if isinstance(term.function, Api) and term.function.path == "operator.getitem":
        return _item(book, term.arguments[0].value, term.arguments[1].value, era)
    if isinstance(term.function, Api) and term.function.path == "builtins.next":
        return of(book, term.arguments[0].value, era)
    bound = book.bind(term, era)
    if bound is None:
        return None
    if bound.entry.kind == "loader":
        returns = bound.entry.under(bound.arguments)["returns"]
        return picture(returns) if isinstance(returns, str) and returns != "unknown" else None
    if bound.entry.kind == "structure" and bound.entry["operation"] == "split_pairs":
        return tuple(array for array in bound.leftover for _ in (0, 1))
    if bound.entry.kind == "structure" and bound.entry["operation"] in ("together", "shuffle"):
        return bound.leftover
    if bound.entry.kind == "pass" and bound.get("input") is not None:
        inner = of(book, bound.get("input") or term, era)
        return inner if isinstance(inner, str) else None
    return None


def _item(book: ApiBook, base: Term, index: Term, era: Era) -> Any:
    inner = of(book, base, era)
    if isinstance(index, Const) and isinstance(inner, tuple) and isinstance(index.value, int):
        return inner[index.value] if -len(inner) <= index.value < len(inner) else None
    if isinstance(index, Const) and isinstance(inner, dict):
        return inner.get(str(index.value))
    return inner if isinstance(inner, str) else None


def facts_of_leaf(leaf: str, term: Term) -> Facts:
    """The facts of one part of a data set."""
    from lintloss.analysis.facts import Facts, Step

    if leaf in ("x", "other"):
        return Facts(role="input", reason="it is a data set's input")
    if leaf == "logits":
        return Facts(activation="linear", role="prediction")
    steps = (
        (Step(term.origin, f"the data set gives {leaf.replace('_', '-')} labels"),) if term.origin is not None else ()
    )
    return Facts(encoding=leaf, role="label", steps=steps)


# -- literals ------------------------------------------------------------------------------------------------


def numbers(term: Term) -> Any:
    """A literal as nested lists of numbers, or None if it holds anything else."""
    if isinstance(term, Const):
        value = term.value
        return value if isinstance(value, (int, float)) else None
    if not isinstance(term, Sequence) or term.kind not in ("list", "tuple"):
        return None
    rows = [numbers(item) for item in term.items]
    return None if not rows or any(row is None for row in rows) else rows


def elements(term: Term) -> list[Term] | None:
    """The elements of a list, or one that stands for all; None if they are not known."""
    if isinstance(term, Apply) and isinstance(term.function, Api) and term.function.path == "builtins.list":
        return [argument.value for argument in term.arguments] or None
    return list(term.items) or None if isinstance(term, Sequence) and term.kind in ("list", "tuple") else None


def holds_singles(term: Term) -> bool:
    """Whether a value is a list of lists of one element each."""
    return all(isinstance(each, Sequence) and len(each.items) == 1 for each in elements(term) or [term])


def facts_of_literal(rows: Any) -> Facts:
    """The facts of a literal array: its shape, its range, and what kind of labels it can be."""
    from lintloss.analysis.facts import Facts

    shape = _shape(rows)
    if shape is None:
        return Facts(role="literal", reason="its rows have different lengths")
    values = _flat(rows)
    low, high = min(values), max(values)
    probabilities, logarithms = low >= 0 and high <= 1, high <= 0
    encoding = _encoding(rows, len(shape), values)
    is_score = encoding == "continuous" and len(shape) > 1 and not probabilities and not logarithms
    return Facts(
        # Rows of any numbers can only be scores; whole numbers in one row are ids or counts.
        activation="linear" if is_score else "unknown",
        units=shape[-1] if len(shape) > 1 else None,
        shape=shape,
        dtype="float" if any(isinstance(value, float) for value in values) else None,
        low=float(low),
        high=float(high),
        encoding=encoding,
        classes=shape[-1] if encoding in ("one_hot", "soft") else int(high) + 1 if encoding == "class_ids" else None,
        role="literal",
        reason="it is a literal that could be probabilities or logits"
        if probabilities
        else "it is a literal that could be log-probabilities or logits"
        if logarithms
        else None,
    )


def _encoding(rows: Any, rank: int, values: list[float]) -> str:
    whole = all(isinstance(value, int) or float(value).is_integer() for value in values)
    if rank == 1:
        ids = "binary" if set(values) <= {0, 1} else "class_ids"
        return "continuous" if not whole else ids if min(values) >= 0 else "unknown"
    last = list(_rows(rows))
    if whole and set(values) <= {0, 1}:
        if len(last[0]) == 1:
            return "binary"
        return "one_hot" if all(sum(row) == 1 for row in last) else "multi_hot"
    if min(values) >= 0 and all(abs(sum(row) - 1) < 1e-4 for row in last) and len(last[0]) > 1:
        return "soft"
    if whole:  # ids per step, -1 for none, or counts
        return "class_ids" if len(last[0]) == 1 and min(values) >= 0 else "unknown"
    return "continuous"


def _rows(value: Any) -> list[list[float]]:
    if not isinstance(value[0], list):
        return [value]
    return [row for item in value for row in _rows(item)]


def _flat(value: Any) -> list[float]:
    return [number for item in value for number in _flat(item)] if isinstance(value, list) else [value]


def _shape(value: Any) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return ()
    inner = {_shape(item) for item in value}
    only = inner.pop() if len(inner) == 1 else None
    return None if only is None else (len(value), *only)


def dimensions(term: Term) -> tuple[int | str | None, ...] | None:
    """A shape argument's dimensions: ints where known, None elsewhere (-1 included)."""
    if isinstance(term, Const):
        return (term.value,) if isinstance(term.value, int) and not isinstance(term.value, bool) else None
    if not isinstance(term, Sequence) or term.kind not in ("list", "tuple"):
        return None
    if len(term.items) == 1 and isinstance(term.items[0], Sequence):
        return dimensions(term.items[0])  # `reshape((2, 3))` for `reshape(2, 3)`
    values = [item.value if isinstance(item, Const) else None for item in term.items]
    return tuple(value if isinstance(value, int) and value >= 0 else None for value in values)
