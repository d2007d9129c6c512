"""Calls of a library that is not installed, as what its API file says they mean.

A call `optax.softmax_cross_entropy(logits, labels)` becomes `meaning.loss` of its prediction and its labels, told the
family, the input, the reduction and whatever else the entry says: enough to compute it in another framework.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lintloss.analysis.apis import Bound
from lintloss.analysis.terms import Api, Const, Term

KINDS = frozenset("activation layer pass elementwise reduce loss encoder".split())

# What an entry says by itself, and the keys under which it names parameters.
_SAID = "activation applies operation since passes to encoding family input labels reduction clamp averages".split()
_NAMED = "input other axis shape dtype condition low high keepdims classes".split()
_ROLES = "prediction labels weights class_weights pos_weight label_smoothing ignore_class log_labels axis".split()
_DATA_TYPES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}


def has_meaning(bound: Bound) -> bool:
    """Whether a call can be computed from what its entry says."""
    entry = bound.entry
    if entry.kind == "loss":
        return entry["reference"] is not None  # others, such as Huber's, are more than their family
    return entry.kind in KINDS and not entry["learned"] and (entry.kind != "layer" or entry.is_class)


def said(bound: Bound) -> dict[str, Any]:
    """What the entry says of itself, under the arguments of this call."""
    entry = bound.entry.under(bound.arguments)
    return {key: entry[key] for key in (*_SAID, "classes_axis", "implicit_axis") if entry[key] is not None}


def arguments(bound: Bound) -> Iterator[tuple[str, Term]]:
    """The arguments of this call by what they mean: roles of a loss, else the keys that name their parameters."""
    entry = bound.entry
    named = {role: entry.role(role) for role in _ROLES} if entry.kind == "loss" else {key: entry[key] for key in _NAMED}
    for meaning, parameter in named.items():
        term = bound.arguments.get(parameter) if isinstance(parameter, str) else None
        if term is not None and not (isinstance(term, Const) and term.value is None):
            yield meaning, _data_type(term) if meaning == "dtype" else term


def _data_type(term: Term) -> Term:
    """A data type by the name that all frameworks share."""
    if not isinstance(term, Api):
        return term
    name = term.path.rpartition(".")[2]
    return Const(_DATA_TYPES.get(name, name))
