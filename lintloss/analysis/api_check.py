"""Checks API files that people bring, with messages that name file, line and the nearest right word.

What may be said is learnt from the files that are shipped: the keys of each kind, which of them have to be there,
and the values each can have. So a key that a shipped file uses is legal in everybody's, and none has to be listed
here a second time. Only the words that facts are made of are: no shipped file may happen to need one of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from lintloss import knowledge
from lintloss.errors import UsageError, did_you_mean
from lintloss.toml_lines import KeyPath

Record = Mapping[str, Any]

# Keys that an entry of any kind may have (rules/apis/README.md, "Every entry").
_EVERYWHERE = frozenset(
    "names kind parameters renamed call strings versions orders forbids_positional former when makes inherits returns "
    "attribute source date note".split()
)
# Keys whose text is nobody's vocabulary.
_FREE = frozenset("kind versions forbids_positional makes returns source date note reason runs_as".split())
_ACTIVATIONS = frozenset("softmax sigmoid log_softmax log_sigmoid relu tanh linear other".split())
_ENCODINGS = frozenset("one_hot class_ids multi_hot soft binary continuous unknown".split())
_FAMILIES = frozenset(
    "softmax sigmoid squared absolute nll kl hinge poisson cosine focal_softmax focal_sigmoid contrastive margin "
    "other".split()
)
_INPUTS = frozenset("logits probabilities log_probabilities any".split())
_WORDS = {
    ("activation", "activation"): _ACTIVATIONS,
    ("layer", "applies"): _ACTIVATIONS,
    ("encoder", "encoding"): _ENCODINGS,
    ("make", "encoding"): _ENCODINGS,
    ("loss", "family"): _FAMILIES,
    ("metric", "family"): _FAMILIES,
    ("loss", "input"): _INPUTS,
    ("metric", "input"): _INPUTS,
}
_ORDER_KEYS = frozenset("versions parameters source date".split())
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_PARAMETER = re.compile(r"\*|\*{0,2}(?P<name>[^\W\d]\w*)(?:=(?P<default>.+))?", re.DOTALL)
_VERSIONS = re.compile(r"\w+(?:<|>=)\d+(?:\.\d+)*")


@dataclass
class _Key:
    """What the shipped files say under one key of one kind."""

    types: set[type] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    takes_parameters: bool = False

    def learn(self, value: Any, parameters: frozenset[str]) -> None:
        self.types.add(type(value))
        if isinstance(value, str):
            self.takes_parameters |= value in parameters
            self.words |= {value} - parameters


class Vocabulary:
    """What API files can say, learnt from those that are known to be right."""

    def __init__(self, files: Iterable[Record]) -> None:
        self.of_file: set[str] = set()
        self.required: dict[str, set[str]] = {}
        self.roles: dict[str, set[str]] = {}
        self._keys = {at: _Key({str}, set(words)) for at, words in _WORDS.items()}
        for data in files:
            self.of_file |= data.keys()
            for record in data["api"]:
                self._learn(record)

    @property
    def kinds(self) -> list[str]:
        return sorted(self.required)

    def keys(self, kind: str) -> set[str]:
        return {key for each, key in self._keys if each == kind} | _EVERYWHERE

    def key(self, kind: str, name: str) -> _Key:
        """What is known of a key; of one that this kind never has, what other kinds say there."""
        known = self._keys.get((kind, name))
        return known or next((each for (_, key), each in self._keys.items() if key == name), _Key())

    def _learn(self, record: Record) -> None:
        kind = record["kind"]
        parameters = _parameter_names(record)
        self.required.setdefault(kind, set(record)).intersection_update(record)
        self.roles.setdefault(kind, set()).update(record.get("takes", {}))
        for said in (record, *record.get("when", ())):
            for key, value in said.items():
                self._keys.setdefault((kind, key), _Key()).learn(value, parameters)


def check(path: Path, data: Record, vocabulary: Vocabulary) -> None:
    """Check the content of an API file.

    Raises:
        UsageError: it does not follow the format.
    """
    _FileCheck(path, vocabulary).check(data)


class _FileCheck:
    """One file under examination; paths lead to the key that is at fault."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self._path = path
        self._known = vocabulary

    def check(self, data: Record) -> None:
        for key in data:
            self._one_of((key,), "key", key, self._known.of_file)
        if data.get("format") != 1:
            self._fail(("format",), "`format` has to be 1")
        if not isinstance(data.get("framework"), str):
            self._fail(("framework",), "`framework` has to be a string")
        for key in ("conventions", "aliases"):
            self._table_of_strings((key,), data.get(key, {}))
        records = data.get("api", [])
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            self._fail(("api",), "`api` has to be tables, [[api]]")
        for index, record in enumerate(records):
            self._entry(("api", index), record)

    def _entry(self, at: KeyPath, record: Record) -> None:
        names = self._strings((*at, "names"), record.get("names"))
        if not names:
            self._fail((*at, "names"), "`names` is empty")
        for name in names:
            if not _DOTTED.fullmatch(name):
                self._fail((*at, "names"), f"`names`: {name!r} is no dotted name")
        kind = record.get("kind")
        if not isinstance(kind, str):
            self._fail((*at, "kind"), f"`kind` of {names[0]} has to be one of {', '.join(self._known.kinds)}")
        self._one_of((*at, "kind"), "`kind`", kind, self._known.kinds)
        for key in record:
            self._one_of((*at, key), f"key of a {kind}", key, self._known.keys(kind))
        for key in sorted(self._known.required[kind] - record.keys()):
            self._fail(at, f"{names[0]}: a {kind} needs `{key}`")
        self._parameters(at, record)
        parameters = _parameter_names(record)
        for key, value in record.items():
            self._value((*at, key), kind, value, parameters)

    def _parameters(self, at: KeyPath, record: Record) -> None:
        for key in ("parameters", "call"):
            if key in record:
                self._signature((*at, key), record[key])
        for index, order in enumerate(self._tables((*at, "orders"), record.get("orders", []))):
            inner = (*at, "orders", index)
            for key in order:
                self._one_of((*inner, key), "key of an order", key, _ORDER_KEYS)
            self._versions((*inner, "versions"), order.get("versions"))
            self._signature((*inner, "parameters"), order.get("parameters"))

    def _signature(self, at: KeyPath, specs: Any) -> None:
        for spec in self._strings(at, specs):
            found = _PARAMETER.fullmatch(spec)
            default = found["default"] if found else None
            if found is None or (default is not None and not _is_default(default)):
                self._fail(at, f'`{at[-1]}`: {spec!r} is no parameter like "axis=-1"')

    def _value(self, at: KeyPath, kind: str, value: Any, parameters: frozenset[str]) -> None:
        """Check what stands under one key, of an entry or of one of its `when`."""
        key = str(at[-1])
        if key in ("names", "parameters", "call", "orders", "kind"):
            return
        if key in ("versions", "forbids_positional"):
            self._versions(at, value)
        elif key == "takes":
            self._takes(at, kind, value, parameters)
        elif key == "when":
            self._when(at, kind, value, parameters)
        elif key == "renamed":
            self._table_of_strings(at, value)
        elif key in ("strings", "former", "inherits"):
            self._strings(at, value)
        else:
            self._plain(at, self._known.key(kind, key), value, parameters)

    def _plain(self, at: KeyPath, known: _Key, value: Any, parameters: frozenset[str]) -> None:
        key = str(at[-1])
        if known.types and type(value) not in known.types:
            wanted = " or ".join(sorted({_TYPES[each] for each in known.types}))
            self._fail(at, f"`{key}` has to be {wanted}, not {value!r}")
        if not isinstance(value, str) or key in _FREE:
            return
        legal = known.words | (parameters if known.takes_parameters else set())
        if known.takes_parameters and not known.words and value not in legal:
            self._fail(
                at, f"`{key}` has to name a parameter: {', '.join(sorted(parameters - {'self'}))}; not {value!r}"
            )
        self._one_of(at, f"`{key}`", value, legal)

    def _takes(self, at: KeyPath, kind: str, value: Any, parameters: frozenset[str]) -> None:
        self._table_of_strings(at, value)
        for role, name in value.items():
            self._one_of((*at, role), "role", role, self._known.roles[kind])
            if name not in parameters:
                self._fail((*at, role), f"`takes`: {role} = {name!r}, which is no parameter of it")

    def _when(self, at: KeyPath, kind: str, value: Any, parameters: frozenset[str]) -> None:
        for index, case in enumerate(self._tables(at, value)):
            inner = (*at, index)
            conditions = case.get("if")
            if not isinstance(conditions, dict):
                self._fail(inner, "`when` needs `if`, a table of arguments")
            for name in conditions:
                self._one_of((*inner, "if", name), "parameter in `if`", name, parameters)
            for key, each in case.items():
                if key != "if":
                    self._one_of((*inner, key), f"key of a {kind}", key, self._known.keys(kind))
                    self._value((*inner, key), kind, each, parameters)

    # Shapes

    def _strings(self, at: KeyPath, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._fail(at, f"`{at[-1]}` has to be a list of strings")
        return value

    def _tables(self, at: KeyPath, value: Any) -> list[Record]:
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self._fail(at, f"`{at[-1]}` has to be a list of tables")
        return value

    def _table_of_strings(self, at: KeyPath, value: Any) -> None:
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            self._fail(at, f"`{at[-1]}` has to be a table of strings")

    def _versions(self, at: KeyPath, value: Any) -> None:
        if not isinstance(value, str) or not _VERSIONS.fullmatch(value):
            self._fail(at, f'`{at[-1]}` has to be like "tensorflow<2"')

    def _one_of(self, at: KeyPath, what: str, word: str, legal: Iterable[str]) -> None:
        known = sorted(legal)
        if word in known:
            return
        hint = did_you_mean(word, known) or f"; known are {', '.join(known)}"
        self._fail(at, f"unknown {what} `{word}`{hint}")

    def _fail(self, at: KeyPath, problem: str) -> NoReturn:
        raise UsageError(f"{self._path}:{knowledge.key_lines(self._path).line(*at)}: {problem}")


_TYPES = {bool: "true or false", str: "a string", int: "a number", float: "a number", list: "a list", dict: "a table"}


def _parameter_names(record: Record) -> frozenset[str]:
    """The names of an entry's parameters, those of the call and of a method's receiver too."""
    specs = [*record.get("parameters", ()), *record.get("call", ())]
    return frozenset({spec.partition("=")[0].lstrip("*") for spec in specs} - {""} | {"self"})


def _is_default(code: str) -> bool:
    """Whether text is a Python literal, or the name of something."""
    try:
        ast.literal_eval(code)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return _DOTTED.fullmatch(code) is not None
    return True
