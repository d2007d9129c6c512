"""Where labels come from: what they are made of, back through casts, reshapes and encoders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lintloss.analysis.terms import Api, Apply, Const, Stated, Term
from lintloss.analysis.terms import Sequence as SequenceTerm
from lintloss.confirm import batches
from lintloss.confirm.serialise import Reader, constant_int


@dataclass(frozen=True)
class Source:
    """The term that the labels are made from, and what is known of it."""

    term: Term
    encoding: str
    classes: int | None = None


def label_source(labels: Term | None, encoding: str, reader: Reader) -> Source | None:
    """Follow the labels back through casts, reshapes and encoders to what they are made from."""
    if labels is None:
        return None
    source = Source(labels, encoding)
    while True:
        term = source.term.value if isinstance(source.term, Stated) else source.term
        below = _made_from(replace(source, term=term), reader)
        if below is None:
            return Source(reader.normal(term), _literal_encoding(term, source.encoding), source.classes)
        source = below


def _made_from(source: Source, reader: Reader) -> Source | None:
    """What the labels are made from, in one step, and how that is encoded; None for what cannot be followed."""
    term, bound = source.term, reader.bind(source.term)
    match term:
        case Apply(function=Api(path="operator.getitem"), arguments=((_, Apply(function=Api(path=made))), (_, index))):
            is_table = made in ("numpy.eye", "numpy.identity", "tensorflow.eye")
            return Source(index, "class_ids", _rows(term, reader) or source.classes) if is_table else None
    given = bound.get("input") if bound is not None and bound.constructor is None else None
    if bound is None or given is None or bound.entry["since"] == "select":
        return None  # what is selected from may be no tensor, but a data set
    if bound.entry.kind == "encoder" and bound.entry["encoding"] in ("one_hot", "class_ids"):
        return Source(given, "class_ids", constant_int(bound.get("classes")) or source.classes)
    if bound.entry.kind == "reduce" and bound.entry["operation"] == "argmax":
        return Source(given, "one_hot", source.classes)
    return replace(source, term=given) if bound.entry.kind == "pass" else None


def _rows(term: Term, reader: Reader) -> int | None:
    """The number of classes of `numpy.eye(n)[ids]`."""
    if isinstance(term, Apply) and term.arguments:
        bound = reader.bind(term.arguments[0].value)
        if bound is not None and bound.entry.kind == "make":
            return constant_int(bound.get("rows"))
    return None


def _literal_encoding(term: Term, stated: str) -> str:
    """The encoding of labels written out in the code is seen from their values; else it is what was stated."""
    values = _numbers(term)
    if values is None or stated not in ("unknown", ""):
        return stated
    return batches.encoding_of(np.asarray(values))


def _numbers(term: Term) -> Any:
    if isinstance(term, Const) and isinstance(term.value, (int, float)):
        return term.value
    if isinstance(term, SequenceTerm) and term.kind in ("list", "tuple"):
        items = [_numbers(item) for item in term.items]
        return None if any(item is None for item in items) else items
    return None
