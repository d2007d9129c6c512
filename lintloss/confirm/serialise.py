"""Terms to programs: plain data that the worker runs, in which all that is unknown is a named leaf.

A program is a list of nodes in the order in which they can be computed, each a JSON array:

    ["const", value]  ["complex", real, imaginary]  ["bytes", latin1]  ["ellipsis"]
    ["api", "tensorflow.nn.softmax"]
    ["apply", function, [[keyword or null, argument], ...]]
    ["sequence", kind, [item, ...]]  ["mapping", [[key, value], ...]]
    ["leaf", name]

Nodes are named by their position; the last one is the result. Leaves are named by the fingerprint of their term, so
that two readings of a file share them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from lintloss.analysis.apis import ApiBook, Bound, Entry, Era
from lintloss.analysis.terms import (
    Api,
    Apply,
    Argument,
    Carried,
    Choice,
    Const,
    Guard,
    Parameter,
    Postponed,
    Sequence,
    Stated,
    Term,
    Unknown,
    fingerprint,
    seen,
)
from lintloss.analysis.terms import Mapping as MappingTerm
from lintloss.confirm import meanings

RUNNABLE_KINDS = frozenset("activation layer pass affine elementwise reduce loss encoder make".split())
RUNNABLE_STRUCTURES = frozenset(
    f"{library}.{name}"
    for library in ("tensorflow", "numpy", "keras.ops", "keras.backend", "builtins", "torch")
    for name in "cat concat concatenate stack vstack hstack split unstack shape size rank len list tuple".split()
) | {"tensor.shape", "tensor.ndim", "tensor.size", "operator.getitem"}

Node = list[Any]
_DATA_TYPE = re.compile(r"(?:b?float|double|half|u?int|long|short|bool|complex)\w*$")
NO_CUTS: Mapping[str, str | None] = MappingProxyType({})

RUNNABLE_LIBRARIES = frozenset("tensorflow keras torch jax optax numpy scipy math operator builtins tensor".split())
NOT_RUN = frozenset(
    "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile tensor.eval keras.layers.Lambda "
    "keras.layers.TextVectorization tensorflow.get_variable tensorflow.get_local_variable".split()
)  # files, functions and graphs


@dataclass(frozen=True)
class Program:
    """Nodes to run, the last one being the result, and the terms of the leaves by name."""

    nodes: tuple[Node, ...]
    leaves: Mapping[str, Term] = field(default_factory=dict)
    calls: frozenset[str] = frozenset()
    dropout: bool = False

    def message(self) -> list[Node]:
        return list(self.nodes)


def is_runnable(entry: Entry, path: str) -> bool:
    """Whether the worker may call it: mathematics only, nothing that reads files, trains or takes functions."""
    if path in NOT_RUN or path.partition(".")[0] not in RUNNABLE_LIBRARIES:
        return False
    return entry.kind in RUNNABLE_KINDS or path in RUNNABLE_STRUCTURES


class Reader:
    """Makes terms comparable and turns them into programs.

    `guards` are the conditions that hold at the site: they decide choices. `era` is the framework's major version that
    the file is written for, where known. `by_meaning` writes calls of libraries as what they mean, for a worker that
    does not hold them.
    """

    def __init__(
        self, book: ApiBook, guards: tuple[Guard, ...] = (), era: Era | None = None, *, by_meaning: bool = False
    ) -> None:
        self.book = book
        self.era = era
        self.by_meaning = by_meaning
        self._ways = {guard.condition.key: guard.holds for guard in guards}
        self._normal: dict[int, tuple[Term, Term]] = {}
        self._prints: dict[int, str] = {}
        self._kept: list[Term] = []
        self.dropout = False

    def fingerprint(self, term: Term) -> str:
        """The name of the term as a leaf."""
        normal = self.normal(term)
        self._kept.append(normal)
        return fingerprint(normal, self._prints)

    def normal(self, term: Term) -> Term:
        """The term with decided choices taken, statements of facts gone, activations of learned layers set apart."""
        known = self._normal.get(id(term))
        if known is None:
            known = self._normal[id(term)] = (term, self._normalised(term))
        return known[1]

    def logits_of(self, term: Term) -> Term:
        """The term, or, where it is a learned layer that applies an activation itself, what goes into that."""
        taken = self._taken(term)
        if taken is not term:
            return self.logits_of(taken)
        bound = self.bind(term)
        parameter = _activation_parameter(bound)
        if isinstance(term, Apply) and bound is not None and parameter is not None:
            return self._linear(term, bound, parameter)
        return self.normal(term)

    def bind(self, term: Term) -> Bound | None:
        return self.book.bind(term, self.era)

    def program(self, term: Term, cuts: Mapping[str, str | None] = NO_CUTS) -> Program:
        """The program that computes `term`; terms whose fingerprint is in `cuts` become leaves.

        Where `cuts` names an activation, it is applied to what will be put in the leaf's place.
        """
        writer = _Writer(self, cuts)
        writer.write(self.normal(term))
        return Program(tuple(writer.nodes), writer.leaves, frozenset(writer.calls), self.dropout)

    def _normalised(self, term: Term) -> Term:
        match term:
            case Stated() | Choice() | Postponed():
                taken = self._taken(term)
                return term if taken is term else self.normal(taken)
            case Parameter(default=Const()):
                return term.default or term
            case Api(path=path):
                entry = self.book.entry(path)
                return Api(entry["runs_as"]) if entry is not None and entry["runs_as"] else term
            case Apply(function=Api(path="operator.setitem"), arguments=(_, _, (_, written))):
                # What is written part by part is tried on one part, which stands for all.
                return term if isinstance(written, Const) else self.normal(written)
            case Apply():
                return self._normal_call(term)
            case Sequence(kind=kind, items=items):
                return Sequence(kind, tuple(map(self.normal, items)), origin=term.origin)
            case MappingTerm(entries=entries):
                return MappingTerm(tuple((self.normal(key), self.normal(value)) for key, value in entries))
        return term

    def _taken(self, term: Term) -> Term:
        match term:
            case Stated(value=value) | Postponed(value=value):
                return value
            case Choice(condition=condition) if condition.key in self._ways:
                return term.then if self._ways[condition.key] else term.otherwise
        return term

    def _normal_call(self, term: Apply) -> Term:
        bound = self.bind(term)
        parameter = _activation_parameter(bound)
        if bound is not None and parameter is not None:
            return self._learned(term, bound, parameter)
        if bound is not None and "dropout" in (bound.entry["passes"], bound.entry["since"]):
            return self._without_dropout(term, bound)
        placed = bound.get("input") if bound is not None and bound.entry["places"] else None
        if placed is not None and bound is not None and not _is_data_type(bound.get("dtype")):
            return self.normal(placed)
        return self._plain(term, bound)

    def _learned(self, term: Apply, bound: Bound, parameter: str) -> Term:
        """A learned layer that activates nothing, and after it the activation that it was given."""
        linear, activation = self._linear(term, bound, parameter), bound.arguments.get(parameter)
        if activation is None or (isinstance(activation, Const) and activation.value in (None, "linear")):
            return replace(linear, origin=term.origin)
        return self._activated(self.normal(activation), linear, bound.arguments.get("dtype"))

    def _linear(self, term: Apply, bound: Bound, parameter: str) -> Apply:
        """The layer without its activation, its other arguments by keyword: how they are written does not matter."""
        made = bound.constructor or term
        own = {id(seen(argument.value)) for argument in made.arguments}
        kept = (
            Argument(name, self.normal(value))
            for name, value in sorted(bound.arguments.items())
            if name in bound.given and name != parameter and id(value) in own
        )
        layer = Apply(self.normal(made.function), (*kept, Argument(parameter, Const(None))))
        if bound.constructor is None:
            return layer
        return Apply(layer, tuple(Argument(a.keyword, self.normal(a.value)) for a in term.arguments))

    def _activated(self, activation: Term, inner: Term, dtype: Term | None) -> Term:
        if isinstance(activation, Apply):
            return Apply(activation, (Argument(None, inner),))
        own = () if dtype is None or dtype == Const(None) else (Argument("dtype", self.normal(dtype)),)
        layer = Apply(Api("keras.layers.Activation"), (Argument(None, activation), *own))
        return Apply(layer, (Argument(None, inner),))

    def _without_dropout(self, term: Apply, bound: Bound) -> Term:
        self.dropout = True
        dropped_from = bound.get("input")
        if bound.constructor is not None:
            still = Apply(bound.constructor.function, (Argument(None, Const(0.0)),))
            return Apply(still, tuple(Argument(a.keyword, self.normal(a.value)) for a in term.arguments))
        return self.normal(dropped_from) if dropped_from is not None else self._plain(term, bound)

    def _plain(self, term: Apply, bound: Bound | None) -> Apply:
        """The call with normal parts, keywords by their present names and the path of the version that has it."""
        function = self.normal(term.function)
        if bound is None or bound.constructor is not None:
            given = tuple(Argument(a.keyword, self.normal(a.value)) for a in term.arguments)
            return Apply(function, given, origin=term.origin)
        if not isinstance(function, Api):
            return Apply(function, tuple(self._argument(a, bound) for a in term.arguments), origin=term.origin)
        if bound.entry["runs_as"]:
            return self._instead(bound.entry["runs_as"], bound)
        running = Api(_running_name(function.path, bound))
        return Apply(running, tuple(self._argument(a, bound) for a in term.arguments), origin=term.origin)

    def _instead(self, path: str, bound: Bound) -> Apply:
        """Another callable that computes the same: its input by position, by keyword what both of them know."""
        target = self.book.entry(path)
        known = {parameter.name for parameter in (target.parameters or () if target is not None else ())}
        given = {name: self.normal(value) for name, value in bound.arguments.items() if name in bound.given}
        first = bound.entry["input"] if bound.entry.kind != "loss" else None
        positional = tuple(Argument(None, value) for name, value in given.items() if name == first)
        keywords = (Argument(name, value) for name, value in given.items() if name != first and name in known)
        return Apply(Api(path), (*positional, *keywords))

    def _argument(self, argument: Argument, bound: Bound) -> Argument:
        """Positional arguments become keywords where versions disagree about their order."""
        keyword, present = argument.keyword, {parameter.name for parameter in bound.entry.parameters or ()}
        if keyword is None and bound.entry["orders"] and self.era and bound.given <= present:
            keyword = next((name for name, value in bound.arguments.items() if value is argument.value), None)
        elif keyword is not None and keyword not in present:
            keyword = (bound.entry["renamed"] or {}).get(keyword, keyword)
        return Argument(keyword, self.normal(argument.value))


def _is_data_type(term: Term | None) -> bool:
    """Whether an argument that may be a device or a data type is the latter."""
    return isinstance(term, Api) and _DATA_TYPE.match(term.path.rpartition(".")[2]) is not None


def _activation_parameter(bound: Bound | None) -> str | None:
    """The parameter of a learned layer, or of a ready network, that holds the activation it applies itself."""
    if bound is None or not (bound.entry["learned"] or bound.entry.kind == "model"):
        return None
    name = bound.entry["activation"]
    return name if isinstance(name, str) else None


def _running_name(path: str, bound: Bound) -> str:
    """TensorFlow 1's own functions, and those called with a parameter that only it has, live in `compat.v1` today."""
    prefix, entry = "tensorflow.", bound.entry
    is_old = str(entry["versions"] or "").replace(" ", "") in ("tensorflow<2", "tensorflow<2.0", "tensorflow<1")
    present = {parameter.name for parameter in entry.parameters or ()} | set(entry["renamed"] or ())
    is_old = is_old or bool(entry.orders and not bound.given <= present)
    if is_old and path.startswith(prefix) and not path.startswith(f"{prefix}compat."):
        return f"{prefix}compat.v1.{path.removeprefix(prefix)}"
    return path


def constant_int(term: Term | None) -> int | None:
    """A constant that can be a number of classes."""
    return term.value if isinstance(term, Const) and type(term.value) is int and 0 < term.value < 4096 else None


def described(term: Term) -> str:
    """A leaf, for a person."""
    match term:
        case Parameter(name=name, function=function):
            return f"the parameter {name} of {function}"
        case Unknown(reason=reason):
            return reason
        case Carried(name=name):
            return f"{name}, which changes in a loop"
        case Choice(condition=condition):
            return f"a value that depends on `{condition.text}`"
        case Apply(function=Api(path=path)) | Apply(function=Apply(function=Api(path=path))):
            return f"the result of {path}"
    return "a value that is not known"


class _Writer:
    """Writes one program."""

    def __init__(self, reader: Reader, cuts: Mapping[str, str | None]) -> None:
        self.reader = reader
        self.cuts = cuts
        self.nodes: list[Node] = []
        self.leaves: dict[str, Term] = {}
        self.calls: set[str] = set()
        self._written: dict[int, int] = {}

    def write(self, term: Term) -> int:
        """Write `term`, after its parts, and say where it stands."""
        known = self._written.get(id(term))
        if known is None:
            known = self._written[id(term)] = (
                self._leaf(term) if self._is_leaf(term) else self._append(self._node(term))
            )
        return known

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _is_leaf(self, term: Term) -> bool:
        if not isinstance(term, (Const, Api)) and self.reader.fingerprint(term) in self.cuts:
            return True
        match term:
            case Const() | Api() | Sequence() | MappingTerm():
                return False
            case Apply():
                return not self._may_run(term)
        return True

    def _may_run(self, term: Apply) -> bool:
        if isinstance(term.function, Api):
            return self._is_listed(term.function.path)
        bound = self.reader.bind(term)
        if bound is None or bound.constructor is None or bound.entry["learned"]:
            return False
        return is_runnable(bound.entry, bound.entry.name)

    def _is_listed(self, path: str) -> bool:
        entry = self.reader.book.entry(path) or self.reader.book.entry(path.replace(".compat.v1.", "."))
        return entry is not None and is_runnable(entry, path) and not (entry["learned"] and not entry.is_class)

    def _leaf(self, term: Term) -> int:
        name = self.reader.fingerprint(term)
        self.leaves[name] = term
        leaf, activation = self._append(["leaf", name]), self.cuts.get(name)
        if activation is None:
            return leaf
        function = self._append(["api", f"activation.{activation}"])
        return self._append(["apply", function, [[None, leaf]]])

    def _node(self, term: Term) -> Node:
        match term:
            case Const(value=value):
                return _constant(value)
            case Api(path=path):
                return ["api", path]
            case Apply(function=function, arguments=arguments):
                bound = self.reader.bind(term) if self.reader.by_meaning else None
                if bound is not None and meanings.has_meaning(bound):
                    return self._meant(bound)
                if isinstance(function, Api):
                    self.calls.add(function.path)
                return ["apply", self.write(function), [[a.keyword, self.write(a.value)] for a in arguments]]
            case Sequence(kind=kind, items=items):
                return ["sequence", kind, [self.write(item) for item in items]]
            case MappingTerm(entries=entries):
                return ["mapping", [[self.write(key), self.write(value)] for key, value in entries]]
        raise TypeError(type(term).__name__)

    def _meant(self, bound: Bound) -> Node:
        self.calls.add(bound.entry.name)
        said = self._append(["const", meanings.said(bound)])
        given = [[name, self.write(value)] for name, value in meanings.arguments(bound)]
        function = self._append(["api", f"meaning.{bound.entry.kind}"])
        return ["apply", function, [["said", said], *given]]


def _constant(value: object) -> Node:
    if value is Ellipsis:
        return ["ellipsis"]
    if isinstance(value, complex):
        return ["complex", value.real, value.imag]
    if isinstance(value, bytes):
        return ["bytes", value.decode("latin1")]
    return ["const", value]
