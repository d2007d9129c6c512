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
        parts = given.items if isinstance(given, Sequence) else (given,)
        columns = [element(machine, part) for part in parts]
        return (
            Sequence("tuple", tuple(column for column in columns if column is not None))
            if None not in columns
            else None
        )
    if operation == "map" and inner is not None:
        return _mapped(machine, bound.get("function"), inner)
    return inner if operation in _KEEPING else None


def _mapped(machine: Machine, function: Term | None, inner: Term) -> Term | None:
    from lintloss.analysis import calls

    if function is None:
        return None
    values = inner.items if isinstance(inner, Sequence) and inner.kind == "tuple" else (inner,)
    return calls.call(machine, machine.project.frame, function, tuple(Argument(None, value) for value in values), None)
