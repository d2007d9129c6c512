"""Options of a program: the values its command line has where nobody gives any.

A parser is an object that remembers its options' defaults; parsing makes an object that has them as attributes. While
`machine.options_are_open`, what was given is not known, so that the code behind other values is come to as well.
"""

from __future__ import annotations

from lintloss.analysis.apis import Bound
from lintloss.analysis.machine import NOTHING, Machine, unknown
from lintloss.analysis.objects import Instance
from lintloss.analysis.terms import Const, Sequence, Term

_BY_ACTION: dict[object, Term] = {"store_true": Const(False), "store_false": Const(True)}
_PARSED = "<parsed>"


def method(machine: Machine, parser: Instance, bound: Bound) -> Term | None:
    """What a parser's method does; None if it has nothing to do with options."""
    operation = bound.entry["operation"]
    if operation == "add_option":
        _add(machine, parser, bound)
        return NOTHING
    if operation == "options":
        return _parsed(machine, parser)
    if operation == "options_and_rest":
        return Sequence("tuple", (_parsed(machine, parser), unknown("what is left of a command line")))
    return None


def _add(machine: Machine, parser: Instance, bound: Bound) -> None:
    flags = bound.get("flags")
    texts = [item.value for item in flags.items if isinstance(item, Const)] if isinstance(flags, Sequence) else []
    named = _text(bound.arguments.get("dest")) or _name([text for text in texts if isinstance(text, str)])
    if named is not None:
        default = _default(bound) if texts and str(texts[0]).startswith("-") else unknown(f"the argument `{named}`")
        machine.set_attribute(parser, named, default)


def _name(flags: list[str]) -> str | None:
    """The attribute of an option: its first long flag."""
    chosen = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else None)
    return None if chosen is None else chosen.lstrip("-").replace("-", "_")


def _default(bound: Bound) -> Term:
    if "default" in bound.given:
        return bound.arguments["default"]
    required = bound.arguments.get("required")
    if isinstance(required, Const) and required.value is True:
        return unknown("an option that has to be given")
    action = bound.arguments.get("action")
    return _BY_ACTION.get(action.value, NOTHING) if isinstance(action, Const) else unknown("an option's default")


def _text(term: Term | None) -> str | None:
    return term.value if isinstance(term, Const) and isinstance(term.value, str) else None


def _parsed(machine: Machine, parser: Instance) -> Term:
    known = machine.attribute(parser, _PARSED)
    if known is not None:
        return known
    values = machine.new_instance(parser.cls, None, parser.origin)
    machine.has_options = True
    if not machine.options_are_open:
        for name, default in machine.attributes(parser.number).items():
            machine.set_attribute(values, name, default)
    machine.set_attribute(parser, _PARSED, values)
    return values
