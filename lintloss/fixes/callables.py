"""replace-callable: another loss (or metric) of the same framework takes the place of the wrong one.

Losses form a matrix of family, input and labels; a fix is a move to another cell. Which callable fills the cell
is found in the API book, preferably in the same module and of a similar name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

import libcst as cst

from lintloss.analysis.apis import Entry
from lintloss.analysis.facts import SQUASHING
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Api
from lintloss.fixes import compiled, layers, names, places, preactivation
from lintloss.fixes.misuse import Change, Misuse
from lintloss.fixes.places import Placed
from lintloss.fixes.written import WrittenCall

_INCIDENTAL = ("name", "scope")


def replace_callable(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: the first callable of the wanted cell that can be put in the place of the present one.

    With `activation`, the model's end gets that activation in the same change.
    """
    cell = {key: value for key, value in arguments.items() if key != "activation"}
    put = next(filter(None, (_put(misuse, entry) for entry in candidates(misuse, cell))), None)
    if put is None or "activation" not in arguments:
        return put
    activated = layers.set_activation(misuse, str(arguments["activation"]))
    return Change((*put.edits, *activated.edits)) if activated is not None else None


def candidates(misuse: Misuse, wanted: Mapping[str, object]) -> list[Entry]:
    """The callables of the wanted cell, the most alike first."""
    old = misuse.site.entry
    cell = {key: wanted.get(key, old[key]) for key in ("family", "labels")}
    modules = _modules(misuse)
    found: dict[int, Entry] = {}
    for name in misuse.book.names():
        if name.rpartition(".")[0] not in modules:
            continue
        for entry in misuse.book.entries(name):
            is_other = entry.name != old.name and entry.kind == old.kind and entry.is_class == old.is_class
            if is_other and all(_is_in(entry, *each) for each in cell.items()) and _fits(misuse, entry, wanted):
                found[id(entry)] = entry
    return sorted(found.values(), key=lambda entry: _unlikeness(old, entry))


def _is_in(entry: Entry, key: str, value: object) -> bool:
    takes_both = key == "labels" and entry[key] == "either"
    return bool(entry[key] == value) or (takes_both and value in ("sparse", "dense"))


def _modules(misuse: Misuse) -> set[str]:
    """The modules of the present callable, and those that its module's name stands for."""
    modules = {name.rpartition(".")[0] for name in misuse.site.entry.names}
    return modules | {misuse.book.canonical(f"{module}.any").rpartition(".")[0] for module in modules}


def _fits(misuse: Misuse, entry: Entry, wanted: Mapping[str, object]) -> bool:
    """Whether it takes what is wanted, or else what the prediction is, or what can be reached from it."""
    old = misuse.site.entry
    if old.kind == "loss" and entry["reduction"] != old["reduction"]:
        return False
    if entry["whole"] and misuse.labels_are_floats:
        return False
    versions = {str(each["versions"])[len(each.framework) :][:1] for each in (old, entry) if each["versions"]}
    if len(versions) > 1:
        return False
    if "input" in wanted:
        return bool(entry["input"] == wanted["input"])
    if entry["family"] == old["family"]:  # `from_logits` stays as it is
        declared = misuse.book.entry(old.name) or old
        return bool(entry["input"] == declared["input"])
    is_squashed = misuse.prediction.activation in SQUASHING
    return entry["input"] in (("logits", "probabilities", "any") if is_squashed else ("logits", "any"))


def _unlikeness(old: Entry, new: Entry) -> tuple[bool, bool, float, str]:
    last, other = (entry.name.rpartition(".")[2] for entry in (old, new))
    return (
        old.framework != new.framework,
        old["versions"] != new["versions"] and new["versions"] is not None,
        -SequenceMatcher(None, last, other).ratio(),
        new.name,
    )


def _put(misuse: Misuse, entry: Entry) -> Change | None:
    reached = _reached(misuse, entry)
    if reached is None:
        return None
    site = misuse.site
    if site.spelled is not None:
        return Change.of((*_restated(misuse, entry), *reached))
    if site.model is not None and site.constructor is None:
        place, path = compiled.stated(misuse), site.entry.name
        return Change.of((*(_renamed(misuse, place, path, entry) if place else (None,)), *reached))
    call = misuse.construction if site.entry.is_class else misuse.call
    function = call.term.function if call is not None else None
    if call is None or not isinstance(function, Api):
        return None
    renamed = _renamed(misuse, call.function, function.path, entry)
    return Change.of((*renamed, *_rearranged(call, site.entry, entry), *reached))


def _reached(misuse: Misuse, entry: Entry) -> tuple[Placed, ...] | None:
    """The edits that give a loss on logits what it takes; None if they cannot be made."""
    if entry["input"] != "logits" or misuse.prediction.activation not in SQUASHING:
        return ()
    change = preactivation.pass_preactivation(misuse, {})
    return change.edits if change is not None else None


def _restated(misuse: Misuse, entry: Entry) -> Iterator[Placed | None]:
    """Another string: of the same style, preferably."""
    place = compiled.stated(misuse)
    strings = entry["strings"] or ()
    old = misuse.site.spelled or ""
    if place is None or not isinstance(place.node, cst.SimpleString) or not strings:
        yield None
        return
    alike = sorted(strings, key=lambda string: (string.islower() != old.islower(), -len(string)))
    node = place.node
    yield places.replacing(place, f"{node.prefix}{node.quote}{alike[0]}{node.quote}")


def _renamed(misuse: Misuse, place: NodeOrigin, path: str, entry: Entry) -> Iterator[Placed | None]:
    """Another name for what is called: only the last part of it where the module is the same."""
    module = misuse.book.canonical(path).rpartition(".")[0]
    known = {misuse.book.canonical(f"{module}.any").rpartition(".")[0], module}
    last = next((name.rpartition(".")[2] for name in entry.names if name.rpartition(".")[0] in known), None)
    if isinstance(place.node, cst.Attribute) and last is not None:
        yield places.replacing(NodeOrigin(place.unit, place.node.attr), last)
        return
    written = names.spelling(entry.name, misuse.site.scope, place.unit.source, misuse.book)
    if written is None or not isinstance(place.node, (cst.Name, cst.Attribute)):
        yield None
        return
    yield places.replacing(place, written.code)
    yield from written.edits


def _rearranged(call: WrittenCall, old: Entry, new: Entry) -> Iterator[Placed | None]:
    """Keywords renamed by their roles; positional arguments given by keyword where the order is another."""
    takes: Mapping[str, str] = old["takes"] or {}
    roles = {parameter: role for role, parameter in takes.items()}
    parameters = [parameter.name for parameter in (new.parameters or ())]
    given = [call.parameter(argument) for argument in call.node.args]
    targets = {new.role(roles[name]) if name in roles else name for name in given}
    if not targets.issuperset(_needed(new)):
        yield None
        return
    by_keyword = False
    for position, argument in enumerate(call.node.args):
        name = call.parameter(argument)
        target = new.role(roles[name]) if name in roles else name
        if name is None or target not in parameters:
            yield None
            return
        by_keyword = by_keyword or argument.keyword is not None
        if argument.keyword is not None:
            if argument.keyword.value != target:
                yield places.replacing(NodeOrigin(call.place.unit, argument.keyword), target or name)
        elif by_keyword or parameters.index(target) != position:
            by_keyword = True
            start = places.rows(NodeOrigin(call.place.unit, argument))[:2]
            yield places.between(call.place.unit.source, start, start, f"{target}=")


def _needed(entry: Entry) -> Iterator[str]:
    """The parameters that have no default."""
    for parameter in entry.parameters or ():
        if parameter.default is None and parameter.kind in ("plain", "keyword"):
            yield parameter.name
