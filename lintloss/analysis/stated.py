"""Facts that a person states in comments, because the code does not show them.

scores = model(x)  # lintloss: logits
x, y = next(batches)  # lintloss: y is class-ids
def loss(y, z):  # lintloss: y is one-hot, z is logits
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import libcst as cst

from lintloss.analysis.facts import STATED
from lintloss.analysis.syntax import FunctionCode

_WORDS = "|".join(sorted(STATED, key=len, reverse=True))
_COMMENT = re.compile(r"#\s*lintloss:\s*(?P<said>.*)")
_OF_ALL = re.compile(rf"(?P<fact>{_WORDS})(?![\w-])")
_OF_ONE = re.compile(rf"(?P<name>[^\W\d][\w.]*)\s+is\s+(?P<fact>{_WORDS})(?![\w-])")


class Statement(NamedTuple):
    """What one comment states: a fact of everything its line binds, or facts by name."""

    of_all: str | None = None
    by_name: Mapping[str, str] | None = None

    def of(self, name: str, *, alone: bool) -> str | None:
        """The fact stated of `name`; where several names are bound, only one that is named has any."""
        if self.by_name is not None:
            return self.by_name.get(name)
        return self.of_all if alone else None


def read(text: str) -> Statement | None:
    """What a line or a comment states, or None if it states nothing."""
    comment = _COMMENT.search(text)
    if comment is None:
        return None
    everything = _OF_ALL.match(comment["said"])
    if everything is not None:
        return Statement(of_all=everything["fact"])
    named = {found["name"]: found["fact"] for found in _OF_ONE.finditer(comment["said"])}
    return Statement(by_name=named) if named else None


def of_parameters(code: FunctionCode) -> Mapping[str, str]:
    """What is stated of a function's parameters, behind each on a line of its own or by name."""
    if code.stated is None:
        code.stated = _of_parameters(code)
    return code.stated


def _of_parameters(code: FunctionCode) -> dict[str, str]:
    node = code.node
    if not isinstance(node, cst.FunctionDef) or not code.unit.states_facts:
        return {}
    listed = (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params)
    by_row: dict[int, list[str]] = {}
    for parameter in listed:
        if parameter.name.value not in ("self", "cls"):
            by_row.setdefault(code.unit.rows(parameter)[0], []).append(parameter.name.value)
    facts: dict[str, str] = {}
    for row, names in by_row.items():
        statement = read(code.unit.source.lines[row - 1])
        for name in names if statement is not None else ():
            fact = statement.of(name, alone=len(names) == 1) if statement is not None else None
            if fact is not None:
                facts[name] = fact
    return facts
