"""Calls as they are written: which argument in the code plays which parameter, and edits of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Apply, Term
from lintloss.fixes.places import Placed, between, replacing, rows


@dataclass(frozen=True, eq=False)
class WrittenCall:
    """A call in the user's code; `values` are its arguments by parameter, as the API book has bound them."""

    place: NodeOrigin
    node: cst.Call
    term: Apply
    values: Mapping[str, Term]

    @classmethod
    def of(cls, term: Term | None, values: Mapping[str, Term]) -> WrittenCall | None:
        """The call that a term was read from; None if it was made otherwise, or unpacks its arguments."""
        if not isinstance(term, Apply) or not isinstance(term.origin, NodeOrigin):
            return None
        node = term.origin.node
        if not isinstance(node, cst.Call) or len(term.arguments) - len(node.args) not in (0, _receivers(node)):
            return None
        if any(argument.star for argument in node.args):
            return None
        return cls(term.origin, node, term, values)

    @property
    def function(self) -> NodeOrigin:
        """What is called."""
        return NodeOrigin(self.place.unit, self.node.func)

    @property
    def receiver(self) -> NodeOrigin | None:
        """What a method is called on, where the term has it as its first argument."""
        if len(self.term.arguments) == len(self.node.args) or not isinstance(self.node.func, cst.Attribute):
            return None
        return NodeOrigin(self.place.unit, self.node.func.value)

    def argument(self, parameter: str) -> cst.Arg | None:
        """The argument given for a parameter."""
        value = self.values.get(parameter)
        pairs = zip(self.term.arguments[self.receiver is not None :], self.node.args, strict=True)
        found = [(given.keyword, argument) for given, argument in pairs if given.value is value]
        if len(found) > 1:
            found = [(keyword, argument) for keyword, argument in found if keyword == parameter]
        return found[0][1] if len(found) == 1 else None

    def value(self, parameter: str) -> NodeOrigin | None:
        """The expression given for a parameter."""
        if self.receiver is not None and self.values.get(parameter) is self.term.arguments[0].value:
            return self.receiver
        argument = self.argument(parameter)
        return NodeOrigin(self.place.unit, argument.value) if argument is not None else None

    def parameter(self, argument: cst.Arg) -> str | None:
        """The parameter that an argument is given for."""
        return next((name for name in self.values if self.argument(name) is argument), None)

    def setting(self, parameter: str, content: str) -> Placed | None:
        """The edit that gives `parameter` the value `content`."""
        given = self.value(parameter)
        if given is not None:
            return replacing(given, content)
        if len(self.node.args) == 1 and isinstance(self.node.args[0].value, cst.GeneratorExp):
            return None
        if not self.node.args:
            _, _, row, column = rows(self.place)
            return self._between((row, column - 1), (row, column - 1), f"{parameter}={content}")
        end = self._ends(self.node.args[-1])
        return self._between(end, end, f", {parameter}={content}")

    def dropping(self, parameter: str) -> Placed | None:
        """The edit that takes the argument for `parameter` away, with its comma; None for one others stand behind."""
        argument = self.argument(parameter)
        if argument is None:
            return None
        if len(self.node.args) == 1:
            return self._emptied()
        index = self.node.args.index(argument)
        behind = self.node.args[index + 1 :]
        if argument.keyword is None and any(other.keyword is None for other in behind):
            return None
        if index == 0:
            start = self._starts(argument)
            return self._between(start, self._starts(behind[0]) if behind else self._after(argument), "")
        start, end = self._ends(self.node.args[index - 1]), self._ends(argument)
        if "#" in self._text(start, end):  # a comment stays, with the comma before it
            return self._between(self._starts(argument), self._after(argument), "")
        return self._between(start, end, "")

    def _emptied(self) -> Placed:
        """The edit that takes the only argument away, with the white space around it."""
        _, _, row, column = rows(self.place)
        start, end = self._starts(self.node.args[0]), (row, column - 1)
        source = self.place.unit.source
        opening = source.text.rindex("(", 0, source.offset(*start)) + 1
        if source.text[opening : source.offset(*start)].strip() or "#" in self._text(start, end):
            return self._between(start, self._after(self.node.args[0]), "")
        before = source.text[:opening]
        return self._between((before.count("\n") + 1, opening - (before.rfind("\n") + 1) + 1), end, "")

    def _between(self, start: tuple[int, int], end: tuple[int, int], content: str) -> Placed:
        return between(self.place.unit.source, start, end, content)

    def _starts(self, argument: cst.Arg) -> tuple[int, int]:
        row, column, _, _ = rows(NodeOrigin(self.place.unit, argument))
        return row, column

    def _ends(self, argument: cst.Arg) -> tuple[int, int]:
        _, _, row, column = rows(NodeOrigin(self.place.unit, argument))
        return row, column

    def _after(self, argument: cst.Arg) -> tuple[int, int]:
        """The end of an argument's comma, or of the argument if it has none."""
        if not isinstance(argument.comma, cst.Comma):
            return self._ends(argument)
        row, column = self._ends(argument)
        text = self.place.unit.source.text
        at = text.index(",", self.place.unit.source.offset(row, column)) + 1
        before = text[:at]
        return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1

    def _text(self, start: tuple[int, int], end: tuple[int, int]) -> str:
        source = self.place.unit.source
        return source.text[source.offset(*start) : source.offset(*end)]


def _receivers(node: cst.Call) -> int:
    """How many of a term's arguments a method call has before its parentheses."""
    return int(isinstance(node.func, cst.Attribute))
