"""Objects of user code: what functions, classes, instances and modules are to the interpreter.

They are terms, so that they travel through tuples, attributes and branches like any value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from lintloss.analysis.terms import Apply, Argument, Choice, Mapping, Sequence, Term

if TYPE_CHECKING:
    from lintloss.analysis.outline import Outline
    from lintloss.analysis.syntax import ClassCode, FunctionCode, ModuleCode, Unit


@dataclass(eq=False)
class Frame:
    """The names of one activation of a function, of a class body, or of a module.

    Of a module, `defined` are the functions and classes of its top level, names that were bound anew included, and
    `rebound` the names that were given one constant after another.
    """

    module: Module
    unit: Unit
    names: dict[str, Term] = field(default_factory=dict)
    parent: Frame | None = None
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    label: str = "module"
    yielded: list[Term] = field(default_factory=list)
    defined: list[Term] = field(default_factory=list)
    rebound: set[str] = field(default_factory=set)
    _kept: dict[str, Term] = field(default_factory=dict, repr=False)

    def snapshot(self) -> dict[str, Term]:
        """A copy of the names, the last one again while they are the same: a large module has many sites."""
        if self._kept != self.names:
            self._kept = dict(self.names)
        return self._kept


@dataclass(frozen=True, eq=False)
class Module(Term):
    """A file of the project."""

    name: str
    code: ModuleCode
    outline: Outline = field(repr=False)
    frame: Frame = field(default=None, repr=False)  # type: ignore[assignment]
    progress: list[str] = field(default_factory=list, repr=False)

    @property
    def filename(self) -> str:
        return self.code.source.filename


@dataclass(frozen=True, eq=False)
class Function(Term):
    """A function of the user's, with the frame it was defined in and its evaluated defaults."""

    code: FunctionCode
    frame: Frame = field(repr=False)
    owner: Class | None = field(default=None, repr=False)
    defaults: dict[str, Term] | None = field(default=None, repr=False)
    decorators: tuple[str, ...] = ()

    @property
    def outside(self) -> Frame:
        """A frame for those parts of the definition that run where it stands: its defaults and decorators."""
        return Frame(self.frame.module, self.code.unit, {}, self.frame)


@dataclass(frozen=True, eq=False)
class Class(Term):
    """A class of the user's; `bases` are terms, classes of libraries among them.

    `wrapped` are methods as decorators of the user's own make leave them, `methods` all of them as they are written.
    """

    code: ClassCode
    frame: Frame = field(repr=False)
    bases: tuple[Term, ...] = ()
    methods: dict[str, Function] = field(default_factory=dict, repr=False)
    attributes: dict[str, Term] = field(default_factory=dict, repr=False)
    wrapped: dict[str, Function] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Instance(Term):
    """An object with state: of a class of the user's, or a model of a library. Its attributes are in the heap."""

    cls: Term
    made: Apply | None = None
    number: int = 0

    def parts(self) -> Iterator[Term]:
        if self.made is not None:
            yield self.made


@dataclass(frozen=True, eq=False)
class Method(Term):
    """A method of the user's bound to its receiver."""

    receiver: Term
    function: Function


@dataclass(frozen=True, eq=False)
class Attribute(Term):
    """An attribute of a value that the analysis does not look into."""

    base: Term
    name: str

    def parts(self) -> Iterator[Term]:
        yield self.base


@dataclass(frozen=True, eq=False)
class Partial(Term):
    """`functools.partial` and its like."""

    function: Term
    arguments: tuple[Argument, ...] = ()

    def parts(self) -> Iterator[Term]:
        yield self.function
        for argument in self.arguments:
            yield argument.value


@dataclass(frozen=True, eq=False)
class Super(Term):
    """What `super()` gives inside a method: the receiver, looked at from after the method's class."""

    receiver: Term
    owner: Class


@dataclass(frozen=True, eq=False)
class Deferred(Term):
    """What an import binds, until someone uses it: only then is the other file read."""

    path: str
    level: int = 0
    name: str | None = None


MOST_CONTENTS = 64  # values within one that are looked at


def contents(term: Term) -> Iterator[Term]:
    """A value and, of one that holds others, what it holds."""
    pending = [term]
    for _ in range(MOST_CONTENTS):
        if not pending:
            return
        current = pending.pop()
        yield current
        if isinstance(current, (Sequence, Mapping, Choice, Partial)):
            pending.extend(islice(current.parts(), MOST_CONTENTS))
        elif isinstance(current, Method):
            pending += [current.receiver, current.function]
