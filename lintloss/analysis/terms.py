"""Terms: what a piece of user code computes, as small immutable graphs.

The interpreter turns code into terms; `facts` evaluates them to facts and `lintloss.confirm` evaluates the
very same terms to tensors. A term never refers to user objects, only to literals, to names of known
libraries and to how they are applied. What cannot be known is a term as well (`Unknown`), never an error.

Terms compare by identity: the same term is the same value, reached twice. `fingerprint` compares structure
across two readings of a file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import NamedTuple, Protocol, Union

from lintloss.finding import Span

Scalar = Union[None, bool, int, float, complex, str, bytes, "ellipsis"]  # noqa: F821

_IDENTITY = re.compile(r"#[0-9a-f]+")  # in a condition's key: a value by its identity, another in each reading


class Origin(Protocol):
    """Where a term was written. The span is worked out only when someone asks."""

    @property
    def span(self) -> Span: ...

    @property
    def code(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Term:
    """The base of all terms."""

    origin: Origin | None = field(default=None, kw_only=True, repr=False)

    def parts(self) -> Iterator[Term]:
        """The terms this one is directly made of."""
        return iter(())


@dataclass(frozen=True, eq=False)
class Const(Term):
    """A Python literal or a constant computed from literals."""

    value: Scalar


@dataclass(frozen=True, eq=False)
class Api(Term):
    """Something of a library, by its canonical dotted name: `tensorflow.nn.softmax`."""

    path: str


class Argument(NamedTuple):
    """One argument of a call; `keyword` is None for positional ones, `*` and `**` for unpacked ones."""

    keyword: str | None
    value: Term


@dataclass(frozen=True, eq=False)
class Apply(Term):
    """A call. Operators are calls of `operator.add` and the like, methods of values of `tensor.reshape`."""

    function: Term
    arguments: tuple[Argument, ...] = ()

    def parts(self) -> Iterator[Term]:
        yield self.function
        for argument in self.arguments:
            yield argument.value


@dataclass(frozen=True, eq=False)
class Sequence(Term):
    """A tuple, list or set whose elements are known.

    Where it `is_open`, a loop of unknown length or another method fills it: the elements stand for all, however many.
    """

    kind: str
    items: tuple[Term, ...]
    is_open: bool = False

    def parts(self) -> Iterator[Term]:
        return iter(self.items)


@dataclass(frozen=True, eq=False)
class Mapping(Term):
    """A dict whose keys are known: where it `is_open`, some of them, see `Sequence`."""

    entries: tuple[tuple[Term, Term], ...]
    is_open: bool = False

    def parts(self) -> Iterator[Term]:
        for key, value in self.entries:
            yield key
            yield value

    def get(self, key: Scalar) -> Term | None:
        """The value under a constant key; the last one written wins."""
        found = None
        for candidate, value in self.entries:
            if isinstance(candidate, Const) and candidate.value == key:
                found = value
        return found


def is_empty(several: Sequence | Mapping) -> bool:
    """Whether no element is known."""
    return next(several.parts(), None) is None


@dataclass(frozen=True)
class Condition:
    """A test in user code that could not be decided. `key` is equal for tests that go the same way.

    `is_of_training`: it asks whether a module is in training mode.
    """

    key: str
    written: str = ""
    is_of_training: bool = field(default=False, kw_only=True)
    origin: Origin | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """How a person would read the test: as it is written, unless it was made up by the analysis."""
        return self.written or (self.origin.code if self.origin is not None else "")


class Guard(NamedTuple):
    """A condition and the way it went."""

    condition: Condition
    holds: bool


@dataclass(frozen=True, eq=False)
class Choice(Term):
    """One of two values, depending on a condition that could not be decided."""

    condition: Condition
    then: Term
    otherwise: Term

    def parts(self) -> Iterator[Term]:
        yield self.then
        yield self.otherwise


@dataclass(frozen=True, eq=False)
class Parameter(Term):
    """A parameter of a function that nobody in reach calls."""

    name: str
    function: str
    default: Term | None = None


@dataclass(frozen=True, eq=False)
class Unknown(Term):
    """A value that could not be followed, with the reason a person would be given."""

    reason: str
    base: Term | None = None

    def parts(self) -> Iterator[Term]:
        if self.base is not None:
            yield self.base


@dataclass(frozen=True, eq=False)
class Stated(Term):
    """A value of which a person has stated a fact: `# lintloss: logits`."""

    fact: str
    value: Term

    def parts(self) -> Iterator[Term]:
        yield self.value


@dataclass(frozen=True, eq=False)
class Carried(Term):
    """A name's value on entry to a loop body: from before the loop, or from its last turn."""

    name: str
    initial: Term

    def parts(self) -> Iterator[Term]:
        yield self.initial


@dataclass(frozen=True, eq=False)
class Postponed(Term):
    """What a call gives that is not followed before someone asks: `follow` does it, `given` is what it may depend on.

    `may_be_a_loss` says whether it may be a loss function, `behind` how many others may have to be followed first, one
    within the other.
    """

    follow: Callable[[], Term]
    given: tuple[Term, ...] = ()
    may_be_a_loss: bool = False
    behind: int = 0

    @cached_property
    def value(self) -> Term:
        """The value, followed now if it was not before; unknown where that leads back here. Raises what it raises."""
        if "_is_followed" in self.__dict__:
            return Unknown("it is made from itself")
        self.__dict__["_is_followed"] = True
        try:
            return seen(self.follow())
        finally:
            del self.__dict__["_is_followed"]

    def parts(self) -> Iterator[Term]:
        return iter((self.__dict__["value"],) if "value" in self.__dict__ else self.given)


def seen(term: Term) -> Term:
    """The term itself, or what a postponed call gives: for whoever looks at what a term is."""
    return term.value if isinstance(term, Postponed) else term


def within(term: Term, most: int = 5000) -> Iterator[Term]:
    """The term and those it is made of, at any depth, each once; at most so many."""
    pending, seen = [term], set[int]()
    while pending and len(seen) < most:
        current = pending.pop()
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            pending.extend(current.parts())


def fingerprint(term: Term, known: dict[int, str] | None = None) -> str:
    """A hash of the term's structure, without origins: equal for equal code in two readings of a file."""
    known = {} if known is None else known
    pending = [term]
    while pending:
        current = pending[-1]
        missing = [part for part in current.parts() if id(part) not in known]
        if missing and id(current) not in known:
            known[id(current)] = ""  # breaks cycles, which only a defect could make
            pending.extend(missing)
            continue
        pending.pop()
        if known.get(id(current)):
            continue
        label = [type(current).__name__, *(known[id(part)] for part in current.parts()), *_own(current)]
        known[id(current)] = hashlib.blake2b("\0".join(label).encode("utf-8", "replace"), digest_size=12).hexdigest()
    return known[id(term)]


def _own(term: Term) -> list[str]:
    match term:
        case Const(value=value):
            return [type(value).__name__, repr(value)]
        case Api(path=path):
            return [path]
        case Apply(arguments=arguments):
            return [str(argument.keyword) for argument in arguments]
        case Sequence(kind=kind):
            return [kind]
        case Choice(condition=condition):
            return [_IDENTITY.sub("#", condition.key), condition.text]
        case Parameter(name=name, function=function):
            return [function, name]
        case Unknown(reason=reason):
            return [reason]
        case Stated(fact=fact):
            return [fact]
        case Carried(name=name):
            return [name]
    values = (getattr(term, each.name) for each in fields(term))
    return [str(value) for value in values if isinstance(value, (str, int))]
