"""Words: which files can hold a site at all, told from the words in their text, without parsing them.

A site is made where code names what a book describes: a loss, a metric that some rule asks about, a softmax, or
`compile`. A formula is made of logarithms, squares or distances that are summed up. A file that holds none of these
words holds no site, whatever its code does: strings and comments count as words too, so that nothing is missed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from lintloss.analysis.apis import ApiBook, Entry
from lintloss.analysis.terms import Api, Const

_SEPARATORS = bytes(byte if byte > 127 or chr(byte).isalnum() or byte == 95 else 32 for byte in range(256))
_LINES = _SEPARATORS[:10] + b"\n" + _SEPARATORS[11:]
_CORES = ("log", "square", "squared_difference", "pow", "abs")
_SUMS = ("sum", "mean")
_SQUASHING = frozenset({"softmax", "sigmoid"})
POWER = "**"
# A loss that comes as a parameter or an attribute has no name that is known; it is called so everywhere.
# A critic is a network.
_INJECTED = re.compile(rb"loss|crit(?!ic)", re.IGNORECASE)
_INJECTED_CALL = re.compile(rb"(?:loss|crit(?!ic))\w*\s*(?:\[[^\]\n]*\]\s*)?\(")
_REGULAR_EXPRESSION = re.compile(rb"\bre\s*\.\s*compile\b")


class Asked(NamedTuple):
    """What a report needs to know of: all losses, and the metrics of these families (None: all of them)."""

    metrics: frozenset[str] | None = None
    activations: bool = True


EVERYTHING = Asked()


class Vocabulary(NamedTuple):
    """The words of a book that lead to sites: `makers` by themselves, `cores` where `sums` come with them.

    Of the cores `logarithms` make a likelihood whatever they are of.

    Of the makers `methods` are called on values, `strings` are strings that mean one where they are given to something.

    `losses` are the names of loss functions.

    `policies` are the words that set the precision of all layers, `training` those that compile and train models.

    `squashing` are the words that make the predictions of which formulas speak: softmax, sigmoid, and `exp`, of which
    both can be written out.
    """

    makers: frozenset[bytes]
    methods: frozenset[bytes]
    strings: frozenset[bytes]
    cores: frozenset[bytes]
    logarithms: frozenset[bytes]
    sums: frozenset[bytes]
    squashing: frozenset[bytes]
    losses: frozenset[bytes]
    policies: frozenset[bytes]
    training: frozenset[bytes]


def of(text: str) -> list[bytes]:
    """All words of a text, in order."""
    return text.encode("utf-8", "replace").translate(_SEPARATORS).split()


def by_line(text: str) -> list[bytes]:
    """The rows of a text with everything but words blanked."""
    return text.encode("utf-8", "replace").translate(_LINES).split(b"\n")


def may_hold_a_site(text: str, vocabulary: Vocabulary) -> bool:
    """Whether `text` names what makes a site, or holds what formulas are made of."""
    words = set(of(text))
    made = words & vocabulary.makers
    if made and (made != {b"compile"} or _compiles_a_model(text)):
        return True
    if _INJECTED_CALL.search(text.lower().encode("utf-8", "replace")):
        return True
    return (POWER in text or not vocabulary.cores.isdisjoint(words)) and not vocabulary.sums.isdisjoint(words)


@functools.lru_cache(maxsize=65536)
def may_be_a_loss(name: bytes) -> bool:
    """Whether a name says that it is of a loss that was handed over."""
    return _INJECTED.search(name) is not None


def _compiles_a_model(text: str) -> bool:
    """Whether `compile` is said of anything but regular expressions."""
    data = text.encode("utf-8", "replace")
    return data.count(b"compile") > len(_REGULAR_EXPRESSION.findall(data))


@functools.lru_cache(maxsize=8)
def vocabulary(book: ApiBook, asked: Asked = EVERYTHING) -> Vocabulary:
    """The words of a book, for what is asked."""
    makers: set[str] = set()
    methods: set[str] = set()
    strings: set[str] = set()
    cores: set[str] = set(_CORES)
    logarithms: set[str] = {"log"}
    sums: set[str] = set(_SUMS)
    squashing: set[str] = {"exp"}
    policies: set[str] = set()
    training: set[str] = set()
    for entry in book.every():
        names, spelled = {_last(name) for name in entry.names}, entry.data.get("strings", ())
        if entry.kind == "policy":
            policies |= names
        elif entry.kind in ("compile", "train"):
            training |= names
        if makes_a_site(entry, book, asked):
            makers |= names
            strings.update(spelled)
            methods.update(_last(name) for name in entry.names if _is_method(name, book))
        if not _SQUASHING.isdisjoint(_activations(entry, book)) or entry["operation"] == "exp":
            squashing.update(names, spelled)
        if entry["operation"] in _CORES:
            cores |= names
            if entry["operation"] == "log":
                logarithms |= names
        elif entry.kind == "reduce" and entry["operation"] in _SUMS:
            sums |= names
    losses = {_last(name) for name in book.names() if book.entries(name)[0].kind == "loss"}
    functions = {name for name in losses if not name[0].isupper()}
    every = (makers | strings, methods, strings, cores, logarithms, sums, squashing, functions, policies, training)
    return Vocabulary(*(frozenset(word.encode() for word in words) for words in every))


def makes_a_site(entry: Entry, book: ApiBook, asked: Asked) -> bool:
    """Whether calling this is, or can lead to, a site that is asked for."""
    if entry.kind == "metric":
        return asked.metrics is None or entry["family"] in asked.metrics
    if entry.kind in ("loss", "compile"):
        return True
    return asked.activations and "softmax" in _activations(entry, book)


def _activations(entry: Entry, book: ApiBook) -> Iterator[str]:
    """The activations that a call of this applies, unless it is given another."""
    if entry.kind == "activation":
        yield str(entry["activation"])
    if entry["applies"]:
        yield str(entry["applies"])
    if entry.kind == "layer" and entry["activation"]:
        default = entry.default_of(entry["activation"])
        named = (
            book.activation_named(default.value)
            if isinstance(default, Const) and isinstance(default.value, str)
            else book.entry(default.path)
            if isinstance(default, Api)
            else None
        )
        if named is not None:
            yield str(named["activation"] or named["applies"])


def _is_method(name: str, book: ApiBook) -> bool:
    """Whether what a name means is called on a value: a tensor's method, or that of a class."""
    owner = name.rpartition(".")[0]
    return owner == "tensor" or bool(book.entries(owner))


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]
