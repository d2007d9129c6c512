"""encode-labels: the labels take the form that the loss expects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lintloss.analysis.apis import Entry
from lintloss.analysis.syntax import NodeOrigin
from lintloss.fixes import formulas, names, places
from lintloss.fixes.misuse import Change, Misuse


def encode_labels(misuse: Misuse, arguments: Mapping[str, object]) -> Change | None:
    """The verb: pass what the labels were made from where it has a name, or encode them in the call.

    With `shape`, they are laid out like the prediction instead.
    """
    if arguments.get("shape") == "prediction":
        return _laid_out(misuse)
    given, wanted = misuse.given("labels"), arguments.get("encoding")
    if given is None or not isinstance(wanted, str):
        return None
    at_hand = _at_hand(misuse, wanted)
    if at_hand is not None:
        return Change.of([places.replacing(given, at_hand)])
    return _encoded(misuse, given, wanted)


def _at_hand(misuse: Misuse, wanted: str) -> str | None:
    """The name of what an encoder was given, if that is encoded as wanted."""
    bound = misuse.book.bind(misuse.site.labels) if misuse.site.labels is not None else None
    value = bound.get("input") if bound is not None and bound.entry.kind == "encoder" else None
    if value is None or misuse.facts.single(value).encoding != wanted:
        return None
    return names.naming(value, misuse.site.scope)


def _encoded(misuse: Misuse, given: NodeOrigin, wanted: str) -> Change | None:
    for framework in _frameworks(misuse):
        change = _encoded_by(framework, misuse, given, wanted)
        if change is not None:
            return change
    return None


def _frameworks(misuse: Misuse) -> list[str]:
    """That of what made the labels, then that of the loss."""
    bound = misuse.book.bind(misuse.site.labels) if misuse.site.labels is not None else None
    made_by = [bound.entry.framework] if bound is not None else []
    return list(dict.fromkeys((*made_by, misuse.site.entry.framework)))


def _encoded_by(framework: str, misuse: Misuse, given: NodeOrigin, wanted: str) -> Change | None:
    code = places.text(given)
    for entry in _encoders(misuse, wanted, framework):
        if entry["whole"] and misuse.labels_are_floats:
            continue
        written = names.spelling(entry.name, misuse.site.scope, given.unit.source, misuse.book)
        option = _option(misuse, entry, wanted)
        if written is not None and option is not None:
            return Change.of([places.replacing(given, f"{written.code}({code}, {option})"), *written.edits])
    return None


def _encoders(misuse: Misuse, wanted: str, framework: str) -> Iterable[Entry]:
    """The framework's own functions for it, those of one word first."""
    entries = (entry for name in misuse.book.names() for entry in misuse.book.entries(name))
    found = {id(entry): entry for entry in entries if _encodes(entry, wanted, framework)}
    return sorted(found.values(), key=lambda entry: (entry.name.count("."), len(entry.name), entry.name))


def _encodes(entry: Entry, wanted: str, framework: str) -> bool:
    if entry.framework != framework or entry.is_class or entry["versions"] or entry.name.startswith("tensor."):
        return False
    if wanted == "class_ids":
        return entry.kind == "reduce" and entry["operation"] == "argmax"
    return entry.kind == "encoder" and entry["encoding"] == wanted and isinstance(entry["classes"], str)


def _option(misuse: Misuse, entry: Entry, wanted: str) -> str | None:
    """The argument that an encoder needs beside the labels: the axis, or the number of classes."""
    if wanted == "class_ids":
        return f"{entry['axis']}=-1" if isinstance(entry["axis"], str) else None
    classes = misuse.prediction.units
    return f"{entry['classes']}={classes}" if classes is not None else None


# -- in another shape ----------------------------------------------------------------------------------------


def _laid_out(misuse: Misuse) -> Change | None:
    """The labels of the loss, one for each prediction: in a column or in none."""
    given = misuse.given("labels") or formulas.labels_written(misuse)
    shape = misuse.prediction.shape
    if given is None or shape is None or len(shape) not in (1, 2):
        return None
    entry = _reshaping(misuse)
    written = names.spelling(entry.name, misuse.site.scope, given.unit.source, misuse.book) if entry else None
    if written is None:
        return None
    layout = "[-1]" if len(shape) == 1 else "[-1, 1]"
    return Change.of([places.replacing(given, f"{written.code}({places.text(given)}, {layout})"), *written.edits])


def _reshaping(misuse: Misuse) -> Entry | None:
    """The function called reshape of the loss' framework, or of the formula's."""
    framework = formulas.framework(misuse) or misuse.site.entry.framework
    entries = (entry for name in misuse.book.names() for entry in misuse.book.entries(name))
    found = (each for each in entries if each.framework == framework and each.kind == "pass" and each["shape"])
    functions = [each for each in found if each.name.endswith(".reshape") and not each.name.startswith("tensor.")]
    return min(functions, key=lambda each: each.name.count("."), default=None)
