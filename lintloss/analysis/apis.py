"""The API book: what `rules/apis/*.toml` says of the callables of libraries, and calls bound to it.

An `Entry` is one record of a data file. `ApiBook.bind` matches a call term against it: which argument plays
which parameter, defaults filled in. Nothing here knows a framework by name.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from lintloss import knowledge
from lintloss.analysis.terms import Api, Apply, Argument, Const, Postponed, Sequence, Term, Unknown, seen
from lintloss.analysis.terms import Mapping as MappingTerm

EMPTY: Mapping[str, Any] = MappingProxyType({})

# The newest major version of each framework that a file can be written for, where what it uses tells.
Era = Mapping[str, int]


class Parameter(NamedTuple):
    """One parameter of a library callable. `kind` is `plain`, `keyword`, `rest` (*args) or `options` (**kwargs)."""

    name: str
    default: Term | None = None
    kind: str = "plain"


@dataclass(frozen=True, eq=False)
class Entry:
    """One record of an API file; keys that are not attributes here stand in `data`."""

    names: tuple[str, ...]
    kind: str
    framework: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.data.get(key)

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def is_class(self) -> bool:
        return "call" in self.data

    # Parameter lists are read when a call is bound to them: most of the book is about what a file never names.

    @functools.cached_property
    def parameters(self) -> tuple[Parameter, ...] | None:
        return _signature(tuple(self.data["parameters"])) if "parameters" in self.data else None

    def default_of(self, parameter: str) -> Term | None:
        """A parameter's default, without a look at the others."""
        specs = (spec.partition("=") for spec in self.data.get("parameters", ()))
        return next((_literal(default) for name, _, default in specs if name == parameter and default), None)

    @functools.cached_property
    def call(self) -> tuple[Parameter, ...] | None:
        """The parameters of what the class' constructor makes; None for what is no class."""
        return _signature(tuple(self.data["call"])) if "call" in self.data else None

    @functools.cached_property
    def orders(self) -> tuple[tuple[str, tuple[Parameter, ...]], ...]:
        """Other parameter lists, each with the versions that have it."""
        return tuple(
            (order["versions"], _signature(tuple(order["parameters"]))) for order in self.data.get("orders", ())
        )

    @functools.cached_property
    def former(self) -> frozenset[str]:
        """Names that parameters had in other versions."""
        return frozenset(self.data.get("former", ())) | {each.name for _, order in self.orders for each in order}

    def role(self, role: str) -> str | None:
        """The parameter that plays `role` (`prediction`, `labels`, `from_logits`, ...), or None."""
        takes: Mapping[str, str] = self.data.get("takes", EMPTY)
        return takes.get(role)

    def under(self, arguments: Mapping[str, Term]) -> Entry:
        """This entry with the first of its `when` overrides applied that the constant arguments satisfy."""
        data = dict(self.data)
        for case in self.data.get("when", ()):
            changes = {key: value for key, value in case.items() if key != "if"}
            values = {name: _constant(arguments.get(name)) for name in case["if"]}
            if all(values[name] == wanted for name, wanted in case["if"].items()):
                data.update(changes)
                break
            if any(values[name] is ... and name in arguments for name in values):
                data.update(dict.fromkeys(changes, "unknown"))
        return replace(self, data=data)


class _Asked(Mapping[str, Term]):
    """Arguments some of which are postponed: each is followed when someone asks for it."""

    def __init__(self, given: Mapping[str, Term]) -> None:
        self._given = given

    def __getitem__(self, name: str) -> Term:
        return seen(self._given[name])

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


@dataclass(frozen=True)
class Bound:
    """A call matched with its entry: `stated` are the arguments by parameter name, those of the constructor too."""

    entry: Entry
    stated: Mapping[str, Term]
    given: frozenset[str] = frozenset()
    constructor: Apply | None = None
    leftover: tuple[Term, ...] = ()
    is_open: bool = False  # has arguments that are not known, or none of which its parameters are

    @functools.cached_property
    def arguments(self) -> Mapping[str, Term]:
        """The arguments as those see them who ask what they are."""
        return _Asked(self.stated) if any(isinstance(each, Postponed) for each in self.stated.values()) else self.stated

    def role(self, role: str) -> Term | None:
        name = self.entry.role(role)
        return self.arguments.get(name) if name else None

    def get(self, key: str) -> Term | None:
        """The argument for the parameter that the entry names under `key` (`input`, `units`, ...)."""
        name = self.entry[key]
        return self.arguments.get(name) if isinstance(name, str) else None


class ApiBook:
    """All entries, by canonical name and by string."""

    def __init__(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._strings: dict[str, list[Entry]] = {}
        self._metric_strings: dict[str, list[Entry]] = {}
        self._activation_strings: dict[str, list[Entry]] = {}
        self.conventions: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._canonical: dict[str, str] = {}
        self._compatibility: tuple[str, ...] = ()
        self._since: dict[str, tuple[str, int]] = {}
        self._roots: set[str] = set()
        self._modules: set[str] = set()
        self._methods: dict[str, list[Entry]] = {}
        self._by_last_part: dict[str, list[str]] = {}
        for data in files.values():
            self._add(data)

    def _add(self, data: Mapping[str, Any]) -> None:
        self.conventions.update(data.get("conventions", {}))
        self._compatibility += tuple(data.get("compatibility", ()))
        self._since.update({name: (data["framework"], major) for name, major in data.get("since", {}).items()})
        self._aliases.update(data.get("aliases", {}))
        common = (data["objects"],) if "objects" in data else ()
        for record in data.get("api", ()):
            entry = Entry(tuple(record["names"]), record["kind"], data["framework"], record)
            if entry.is_class and common:
                entry = replace(entry, data={**record, "inherits": (*record.get("inherits", ()), *common)})
            for name in entry.names:
                self._entries.setdefault(name, []).append(entry)
                if entry.kind in ("compile", "train"):
                    self._methods.setdefault(name.rsplit(".", 1)[-1], []).append(entry)
            table = {"loss": self._strings, "metric": self._metric_strings, "activation": self._activation_strings}
            if entry.kind in table:
                for string in record.get("strings", ()):
                    table[entry.kind].setdefault(string, []).append(entry)

    def canonical(self, path: str) -> str:
        """`path` with its longest aliased prefix replaced."""
        known = self._canonical.get(path)
        if known is None:
            known = self._canonical[path] = self._resolve(path)
        return known

    def _resolve(self, path: str) -> str:
        for _ in range(4):
            pieces = path.split(".")
            for length in range(len(pieces), 0, -1):
                prefix = ".".join(pieces[:length])
                if prefix in self._aliases:
                    path = ".".join([self._aliases[prefix], *pieces[length:]])
                    break
            else:
                return path
        return path

    def spellings(self, path: str) -> Iterator[str]:
        """Dotted names that may mean `path`: itself, and those in which an alias stands for its beginning."""
        yield path
        for alias, canonical in self._aliases.items():
            if path == canonical or path.startswith(f"{canonical}."):
                yield alias + path[len(canonical) :]

    def entries(self, path: str) -> list[Entry]:
        """The entries of that name (several where versions disagree), best first; empty if unknown."""
        return self._entries.get(path) or self._entries.get(self.canonical(path)) or []

    def entry(self, path: str) -> Entry | None:
        found = self.entries(path)
        return found[0] if found else None

    def loss_named(self, string: str, framework: str | None = None) -> Entry | None:
        """The loss that a string means, to `framework` where that has one of this name."""
        return _named(self._strings, string, framework)

    def metric_named(self, string: str, framework: str | None = None) -> Entry | None:
        return _named(self._metric_strings, string, framework) or self.loss_named(string, framework)

    def activation_named(self, string: str, framework: str | None = None) -> Entry | None:
        return _named(self._activation_strings, string, framework)

    def named(self, kind: str, string: str) -> Entry | None:
        """The loss, metric or activation that a string means."""
        by_kind = {"loss": self.loss_named, "metric": self.metric_named, "activation": self.activation_named}
        return by_kind[kind](string)

    def is_compatibility(self, path: str) -> bool:
        """Whether a name is reached through a module that keeps old names for new code: it dates nothing."""
        return path.startswith(self._compatibility) if self._compatibility else False

    def oldest(self, path: str) -> tuple[str, int] | None:
        """The framework and the oldest major version that has `path`, where its data file says."""
        pieces = path.split(".")
        prefixes = (".".join(pieces[:length]) for length in range(len(pieces), 0, -1))
        return next((self._since[prefix] for prefix in prefixes if prefix in self._since), None)

    def knows_root(self, root: str) -> bool:
        """Whether `root` is the top-level package of anything described."""
        if not self._roots:
            self._roots.update(name.split(".")[0] for name in (*self._entries, *self._aliases))
        return root in self._roots

    def is_module(self, path: str) -> bool:
        """Whether a dotted name stands before that of anything described, and is itself no callable."""
        if not self._modules:
            parents = (name.rpartition(".")[0] for name in (*self._entries, *self._aliases, *self._aliases.values()))
            self._modules.update(parents)
            self._modules.update(name.split(".")[0] for name in (*self._entries, *self._aliases))
        return path in self._modules and not self.entries(path)

    def methods(self, path: str, name: str) -> Iterator[str]:
        """The names under which the method `name` of the class `path` is known: its own, or one it inherits."""
        pending, seen = [path], set()
        while pending:
            current = pending.pop(0)
            if current in seen:
                continue
            seen.add(current)
            if self.entries(f"{current}.{name}"):
                yield self.canonical(f"{current}.{name}")
            pending.extend(base for entry in self.entries(current) for base in entry.data.get("inherits", ()))

    def methods_named(self, name: str) -> list[Entry]:
        """Methods of that name of any class."""
        return self._methods.get(name, [])

    def ending_in(self, last: str) -> list[str]:
        """The names that end in `last`."""
        if not self._by_last_part:
            for name in self._entries:
                self._by_last_part.setdefault(name.rpartition(".")[2], []).append(name)
        return self._by_last_part.get(last, [])

    def every(self) -> Iterator[Entry]:
        """All entries, each once."""
        return iter({id(entry): entry for found in self._entries.values() for entry in found}.values())

    def names(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def bind(self, term: Term, era: Era | None = None) -> Bound | None:
        """Match a call with its entry, or None where the callee is unknown or the arguments do not fit.

        `era` says what versions the file is written for, where that is known: it picks the positional order.
        """
        if not isinstance(term, Apply):
            return None
        known = term.__dict__.get("_bound")
        if known is None or known[0] is not self or known[1] != (era or {}):
            # A term never changes and is asked for often: what it is bound to stays with it.
            known = (self, dict(era or {}), self._match(term, era))
            term.__dict__["_bound"] = known
        bound: Bound | None = known[2]
        return bound

    def _match(self, term: Apply, era: Era | None) -> Bound | None:
        if isinstance(term.function, Api):
            for entry in self.entries(term.function.path):
                bound = _bind(entry, _parameters(entry, era, term), term.arguments)
                if bound is not None:
                    return bound
            return self._bound_in_part(term, era)
        made = self.bind(term.function, era)
        if made is None or made.entry.call is None:
            return None
        bound = _bind(made.entry, made.entry.call, term.arguments)
        if bound is None:
            return None
        return Bound(
            made.entry,
            {**made.stated, **bound.stated},
            made.given | bound.given,
            constructor=term.function if isinstance(term.function, Apply) else None,
            leftover=bound.leftover,
            is_open=made.is_open or bound.is_open,
        )

    def _bound_in_part(self, term: Apply, era: Era | None) -> Bound | None:
        """A call with keywords that no version in the book has, for what is known of it without them."""
        assert isinstance(term.function, Api)
        for entry in self.entries(term.function.path):
            parameters = _parameters(entry, era, term) or ()
            names = {*(parameter.name for parameter in parameters), *entry.former, "*", "**", None}
            known = tuple(argument for argument in term.arguments if argument.keyword in names)
            bound = _bind(entry, parameters, known) if parameters and len(known) < len(term.arguments) else None
            if bound is not None:
                stated = {name: value for name, value in bound.stated.items() if name in bound.given}
                return replace(bound, stated=stated, is_open=True)
        return None

    def describe(self, name: str) -> str | None:
        """What is known of a callable, as text for a person; None if nothing is."""
        head, dot, rest = name.partition(".")
        found = self.entries(name) or self.entries(self.conventions.get(head, head) + dot + rest)
        if not found:
            return None
        return "\n\n".join(_describe(entry) for entry in found)


def _named(table: Mapping[str, list[Entry]], string: str, framework: str | None) -> Entry | None:
    known = table.get(string) or table.get(string.lower()) or []
    return next((entry for entry in known if entry.framework == framework), next(iter(known), None))


def load(settings: Any = None) -> ApiBook:
    """The book of the shipped API files and those that the settings name; read again when one of these has changed.

    Raises:
        UsageError: a file cannot be read, or does not follow the format.
    """
    extra = tuple(map(Path, getattr(settings, "apis", ()) or ()))
    return _load(tuple(map(Path, knowledge.api_files())), extra, tuple(map(knowledge.stamp, extra)))


@functools.lru_cache(maxsize=4)
def _load(shipped: tuple[Path, ...], extra: tuple[Path, ...], stamps: tuple[int, ...]) -> ApiBook:
    own = {str(path): knowledge.load_toml(path) for path in shipped}
    theirs = {str(path): knowledge.load_toml(path) for path in extra}
    if theirs:
        from lintloss.analysis import api_check

        vocabulary = api_check.Vocabulary(own.values())
        for path in extra:
            api_check.check(path, theirs[str(path)], vocabulary)
    # A user's file comes first: its entry for a name is the one that is found.
    return ApiBook({**theirs, **own})


@functools.lru_cache(maxsize=4096)
def _signature(specs: tuple[str, ...]) -> tuple[Parameter, ...]:
    parameters: list[Parameter] = []
    kind = "plain"
    for spec in specs:
        name, _, default = spec.partition("=")
        if spec == "*":
            kind = "keyword"
        elif spec.startswith("**"):
            parameters.append(Parameter(spec[2:], kind="options"))
        elif spec.startswith("*"):
            parameters.append(Parameter(spec[1:], kind="rest"))
            kind = "keyword"
        else:
            parameters.append(Parameter(name, _literal(default) if default else None, kind))
    return tuple(parameters)


@functools.lru_cache(maxsize=1024)
def _literal(code: str) -> Term:
    try:
        value = ast.literal_eval(code)
    except (ValueError, SyntaxError):
        return Api(code)
    if isinstance(value, (tuple, list)):
        return Sequence(type(value).__name__, tuple(Const(item) for item in value))
    if isinstance(value, dict):
        return MappingTerm(tuple((Const(key), Const(item)) for key, item in value.items()))
    return Const(value)


def _parameters(entry: Entry, era: Era | None, term: Apply) -> tuple[Parameter, ...] | None:
    """The parameter list of the version that the file is written for."""
    if not era or not entry.orders or not any(argument.keyword is None for argument in term.arguments):
        return entry.parameters
    if is_dated(era, entry.data.get("forbids_positional", "")):
        return entry.orders[0][1]
    return next((order for versions, order in entry.orders if is_dated(era, versions)), entry.parameters)


def is_dated(era: Era, versions: str) -> bool:
    """Whether a file of that era is older than `versions` ("tensorflow<2") says."""
    framework, _, number = versions.partition("<")
    return bool(number) and era.get(framework, 1000) < int(number.split(".")[0])


def dates(versions: object) -> tuple[str, int] | None:
    """The framework and the newest major version that something of `versions` can be used with."""
    framework, _, number = versions.partition("<") if isinstance(versions, str) else ("", "", "")
    return (framework, int(number.split(".")[0]) - 1) if number else None


def _bind(entry: Entry, parameters: tuple[Parameter, ...] | None, given: tuple[Argument, ...]) -> Bound | None:
    if parameters is None:
        keywords = {argument.keyword: argument.value for argument in given if argument.keyword}
        return Bound(entry, keywords, frozenset(keywords), leftover=tuple(a.value for a in given if not a.keyword))
    renamed: Mapping[str, str] = entry.data.get("renamed", EMPTY)
    positional = [parameter for parameter in parameters if parameter.kind == "plain"]
    rest = next((parameter for parameter in parameters if parameter.kind == "rest"), None)
    open_ended = any(parameter.kind == "options" for parameter in parameters)
    names = {parameter.name for parameter in parameters}
    bound: dict[str, Term] = {}
    extra: list[Term] = []
    unpacked = False
    taken = 0  # parameters given by position: those of a `partial` follow its keywords
    for argument in given:
        if argument.keyword is None:
            if unpacked and taken < len(positional):
                continue
            if taken < len(positional):
                bound[positional[taken].name] = argument.value
                taken += 1
            elif rest is not None:
                extra.append(argument.value)
            elif not unpacked:
                return None
        elif argument.keyword in ("*", "**"):
            unpacked = True
            if argument.keyword == "*" and rest is not None and taken == len(positional):
                extra.append(Unknown("one of several values that are unpacked here", argument.value))
        else:
            name = argument.keyword
            if name not in names:
                name = renamed.get(name, name)
            if name not in names and not open_ended and name not in entry.former:
                return None
            bound[name] = argument.value
    if rest is not None and extra:
        bound.setdefault(rest.name, Sequence("tuple", tuple(extra)))
    defaults = (
        {} if unpacked else {p.name: p.default for p in parameters if p.default is not None and p.name not in bound}
    )
    if parameters is not entry.parameters:  # an order of another version may have both names of one parameter
        bound = {renamed.get(name, name): value for name, value in bound.items()}
        defaults = {name: value for name, value in defaults.items() if name not in bound and name not in renamed}
    return Bound(entry, {**bound, **defaults}, frozenset(bound), leftover=tuple(extra), is_open=unpacked)


def _constant(term: Term | None) -> Any:
    if isinstance(term, Const) and term.value is None:
        return "None"  # as the data files write it: TOML has no null
    return term.value if isinstance(term, Const) else term.path if isinstance(term, Api) else ...


def _describe(entry: Entry) -> str:
    lines = [entry.name, f"  kind: {entry.kind} ({entry.framework})"]
    if len(entry.names) > 1:
        lines.append(f"  also: {', '.join(entry.names[1:])}")
    for title, parameters in (("parameters", entry.parameters), ("call", entry.call)):
        if parameters is not None:
            lines.append(f"  {title}: ({', '.join(_shown(parameter) for parameter in parameters)})")
    for key in sorted(set(entry.data) - {"names", "kind", "parameters", "call"}):
        lines.append(f"  {key}: {entry.data[key]}")
    return "\n".join(lines)


def _shown(parameter: Parameter) -> str:
    marks = {"rest": "*", "options": "**"}
    default = parameter.default
    value = default.value if isinstance(default, Const) else getattr(default, "path", None)
    return marks.get(parameter.kind, "") + parameter.name + (f"={value!r}" if default is not None else "")
