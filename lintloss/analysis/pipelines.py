"""Pipelines: what one element of a data set is, through `map`, `batch`, `shuffle` and their like."""

from __future__ import annotations

from lintloss.analysis.machine import Machine
from lintloss.analysis.terms import Apply, Argument, Mapping, Sequence, Term

_KEEPING = ("keep", "batch", "unbatch", "iterate")


def element(machine: Machine, term: Term) -> Term | None:
    """What iterating over `term` yields, or None if it is no pipeline that can be followed.

    A batch of rows has the facts of the rows' column: class ids stay class ids.
    """
    term = machine.chosen(term)
    bound = machine.book.bind(term, machine.era) if isinstance(term, Apply) else None
    if bound is None or bound.entry.kind != "structure":
        return None
    given, operation = bound.get("input"), bound.entry["operation"]
    if given is None:
        return None
    if operation in ("slices", "element"):
        return given if isinstance(given, (Sequence, Mapping, Apply)) else None
    inner = element(machine, given)
    if operation == "zip":
        return _zipped(machine, given)
    if operation == "map" and inner is not None:
        return _mapped(machine, bound.get("function"), inner)
    return inner if operation in _KEEPING else None


def _zipped(machine: Machine, given: Term) -> Term | None:
    """Rows of several data sets side by side, which are given as they are or as one tuple."""
    parts = given.items if isinstance(given, Sequence) else (given,)
    if len(parts) == 1 and isinstance(parts[0], Sequence):
        parts = parts[0].items
    columns = [column for part in parts if (column := element(machine, part)) is not None]
    return Sequence("tuple", tuple(columns)) if len(columns) == len(parts) else None


def _mapped(machine: Machine, function: Term | None, inner: Term) -> Term | None:
    from lintloss.analysis import calls

    if function is None:
        return None
    values = inner.items if isinstance(inner, Sequence) and inner.kind == "tuple" else (inner,)
    return calls.call(machine, machine.project.frame, function, tuple(Argument(None, value) for value in values), None)
