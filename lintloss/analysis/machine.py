"""The machine: the state that the interpreter reads and writes while it walks code.

Names live in frames, attributes of objects in the heap. A branch runs both ways on copies of the two and
joins them with `Choice` terms; the path says which conditions hold where the walk stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.objects import Attribute, Class, Frame, Function, Instance, Module
from lintloss.analysis.sites import Site, Unjudged
from lintloss.analysis.terms import Api, Apply, Choice, Condition, Const, Guard, Origin, Sequence, Term, Unknown
from lintloss.analysis.terms import Mapping as MappingTerm

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.analysis.construction import Reach
    from lintloss.analysis.facts import Evaluator
    from lintloss.analysis.modules import Project
    from lintloss.analysis.record import Compilation
    from lintloss.analysis.syntax import FunctionCode

DEEPEST_CALL = 40
STEPS_PER_FILE = 150_000
STEPS_PER_CALL = 40_000  # of a function that nobody calls, with all that it calls
STEPS_PER_HELPER = 4_000  # of a function that changes nothing, all its calls in one file together
STEPS_PER_GUEST = 4_000  # of a call of another file's function that leads to no site, however often it is come to
MOST_LEAVES = 32
NOTHING = Const(None)
# The heap's entry for what user code sets on libraries themselves (`tf.model = ...`), by dotted path.
LIBRARIES = -1

Result = TypeVar("Result")


class BudgetExceeded(Exception):
    """The file costs more to follow than the analysis allows itself."""


@dataclass(frozen=True, eq=False)
class End(Term):
    """How a stretch of code ends other than with a value: it falls through, raises, or leaves a loop."""

    how: str


FALLS = End("falls")
RAISES = End("raises")
LEAVES = End("leaves")  # this turn of a loop
BREAKS = End("breaks")  # the loop


@dataclass(eq=False)
class Effort:
    """What following a function's calls has cost, and whether any of them has changed or found anything."""

    steps: int = 0
    is_idle: bool = True


@dataclass(eq=False)
class Unbuilt:
    """An object whose constructor has not been run: nobody has asked yet what it holds.

    `build` runs it, in the circumstances in which the object was made. `built` is what that leaves in the heap, by the
    numbers of the objects, each with what was there before: any state of the heap can take it over.
    """

    build: Callable[[], object]
    reach: Reach
    path: list[Guard]
    scopes: list[tuple[frozenset[str], dict[str, Term]]]
    calls: list[tuple[Function, Origin | None]]
    flags: tuple[bool, bool]
    built: dict[int, tuple[dict[str, Term] | None, dict[str, Term]]] | None = None

    def may_set(self, name: str) -> bool:
        """Whether the constructor may set an attribute of this name."""
        return self.reach.sets is None or name in self.reach.sets

    def add_to(self, heap: dict[int, dict[str, Term]]) -> None:
        """Bring what the constructor wrote into a heap. What was written there since then stays."""
        for number, (before, after) in (self.built or {}).items():
            now = heap.get(number)
            if now is None or now is before:
                heap[number] = after
            elif now is not after:
                since = {name: value for name, value in now.items() if (before or {}).get(name) is not value}
                heap[number] = {**after, **since}


@dataclass(eq=False)
class Machine:
    """Everything one analysis of one file shares between its parts."""

    book: ApiBook
    project: Project
    facts: Evaluator
    heap: dict[int, dict[str, Term]] = field(default_factory=dict)
    path: list[Guard] = field(default_factory=list)
    calls: list[tuple[Function, Origin | None]] = field(default_factory=list)
    scopes: list[tuple[frozenset[str], dict[str, Term]]] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    unjudged: list[Unjudged] = field(default_factory=list)
    feeds: dict[int, list[Term]] = field(default_factory=dict)
    class_rows: set[int] = field(default_factory=set)
    called: set[int] = field(default_factory=set)
    called_on: set[tuple[int, int]] = field(default_factory=set)  # an object's number and what was called with it first
    instances: list[Instance] = field(default_factory=list)
    unbuilt: dict[int, Unbuilt] = field(default_factory=dict)  # by number; an object that is in the heap is built there
    reaches: dict[tuple[int, ...], Reach] = field(default_factory=dict)  # of constructors, by their classes' code
    memo: dict[tuple[Any, ...], tuple[Term, tuple[Any, ...]]] = field(default_factory=dict)
    writes: int = 0  # the number of the state that objects are in
    steps: int = 0
    most_steps: int = field(default_factory=lambda: STEPS_PER_FILE)
    exhausted: bool = False
    era: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, int] = field(default_factory=dict)
    leading: frozenset[str] = frozenset()  # what of the file's definitions leads to a site
    making: frozenset[str] = frozenset()  # of these, the names of what may call a loss itself
    mains: list[Module] = field(default_factory=list)
    injected: set[str] = field(default_factory=set)  # functions with a parameter that is called like a loss
    is_open: bool = False
    without_defaults: bool = False
    flags_by_default: int = 0  # how many flags a walk without defaults would have left open
    efforts: dict[int, Effort] = field(default_factory=dict)  # by functions' code
    hosts_a_guest: bool = False  # whether a function of another file that leads to no site is being followed
    spent_on_guests: dict[tuple[int, tuple[int, int] | None], int] = field(default_factory=dict)  # steps, by call
    passed_over: int = 0  # how often the file's own code that can lead to a site was left out by a decided test
    is_probing: bool = False  # whether a loop's body is run only to find what it changes
    loops_probed: int = 0
    left_out: int = 0  # how many calls in such runs were not followed
    options_are_open: bool = False  # whether the program's options may have any value, rather than their defaults
    has_options: bool = False
    traced: dict[FunctionCode, bool] = field(default_factory=dict)  # whether a decorator makes a graph of it
    compilations: list[Compilation] = field(default_factory=list)
    formulas: set[int] = field(default_factory=set)
    noted: set[int] = field(default_factory=set)
    kept: list[Any] = field(default_factory=list)
    _may_lead: dict[int, bool] = field(default_factory=dict)
    _states: int = 0
    _onlookers: dict[int, None] = field(default_factory=dict)  # what is unbuilt and knows objects

    def step(self) -> None:
        """Count one evaluated node. Raises `BudgetExceeded` when the budget is used up."""
        self.steps += 1
        if self.steps > self.most_steps:
            raise BudgetExceeded

    def spend(self, steps: int, work: Callable[[], object]) -> None:
        """Do some work with a budget of its own: where that is not enough, only this work is left undone."""
        if self.steps >= STEPS_PER_FILE:
            raise BudgetExceeded

        def done() -> bool:
            work()
            return True

        if not self.within(steps, done, otherwise=False):
            self.exhausted = True

    def within(self, steps: int, work: Callable[[], Result], otherwise: Result) -> Result:
        """What some work gives, or `otherwise` where these steps do not suffice; nothing has changed then.

        Raises `BudgetExceeded` where the budget that these steps are a part of is used up.
        """
        heap, path, scopes, calls = self.heap, len(self.path), len(self.scopes), len(self.calls)
        flags = self.is_probing, self.without_defaults
        most = self.most_steps
        self.most_steps = min(self.steps + steps, most)
        try:
            return work()
        except BudgetExceeded:
            self.heap = heap
            self.is_probing, self.without_defaults = flags
            del self.path[path:], self.scopes[scopes:], self.calls[calls:]
            self.wrote()
            if self.steps > most:
                raise
            return otherwise
        finally:
            self.most_steps = most

    @property
    def done(self) -> tuple[int, ...]:
        """Counts of what the walk has changed and found so far."""
        return (self.writes, len(self.sites), len(self.compilations), len(self.unjudged), len(self.feeds))

    def pass_over(self, frame: Frame, node: cst.CSTNode | None) -> None:
        """Take note that a decided test leaves code out: with other flags it might lead to a site."""
        if node is None or frame.module is not self.mains[0]:
            return
        known = self._may_lead.get(id(node))
        if known is None:
            outline = self.project.outline(frame.module)
            known = self._may_lead[id(node)] = outline.may_lead(frame.unit.code(node), self.leading)
        self.passed_over += known

    @property
    def callers(self) -> tuple[Origin, ...]:
        """The calls through which the walk has come to where it stands, outermost first."""
        return tuple(origin for _, origin in self.calls if origin is not None)

    def is_callable(self, term: Term) -> bool:
        """Whether a name of a library is that of a function or class; it may be a flag or None otherwise."""
        return isinstance(term, Api) and bool(self.book.entries(term.path))

    def wrote(self) -> None:
        """Give the state a number that no other state has had."""
        self._states += 1
        self.writes = self._states

    # -- objects ---------------------------------------------------------------------------------------------

    def new_instance(self, cls: Term, made: Apply | None, origin: Origin | None) -> Instance:
        instance = Instance(cls, made, len(self.instances), origin=origin)
        self.instances.append(instance)
        self.heap[instance.number] = {}
        return instance

    def attributes(self, number: int) -> Mapping[str, Term]:
        """What an object holds."""
        if number in self.unbuilt and number not in self.heap:
            self._build(number)
        return self.heap.get(number, {})

    def attribute(self, instance: Instance, name: str) -> Term | None:
        unbuilt = self.unbuilt.get(instance.number)
        if unbuilt is not None and not unbuilt.may_set(name) and instance.number not in self.heap:
            return None
        return self.attributes(instance.number).get(name)

    def set_attribute(self, instance: Instance, name: str, value: Term) -> None:
        for number in [each for each in self._onlookers if each > instance.number]:
            self._build(number)
        self.heap[instance.number] = {**self.attributes(instance.number), name: value}
        self.wrote()

    def put_off(self, instance: Instance, build: Callable[[], object], reach: Reach, *, knows_objects: bool) -> None:
        """Run an object's constructor when someone asks what the object holds.

        With `knows_objects`, before anything that is older than the object changes: the constructor may read it.
        """
        del self.heap[instance.number]
        flags = self.is_open, self.without_defaults
        self.unbuilt[instance.number] = Unbuilt(build, reach, [*self.path], [*self.scopes], [*self.calls], flags)
        if knows_objects:
            self._onlookers[instance.number] = None
        self.wrote()

    def _build(self, number: int) -> None:
        unbuilt = self.unbuilt[number]
        self._onlookers.pop(number, None)
        if unbuilt.built is not None:
            unbuilt.add_to(self.heap)
            return
        before = dict(self.heap)
        self.heap[number] = {}
        writes = self.writes
        self.wrote()  # what is remembered of this state is not remembered of the one it stands in
        here = self.path, self.scopes, self.calls, self.is_open, self.without_defaults
        self.path, self.scopes, self.calls = unbuilt.path, unbuilt.scopes, unbuilt.calls
        self.is_open, self.without_defaults = unbuilt.flags
        try:
            unbuilt.build()
        finally:
            self.path, self.scopes, self.calls, self.is_open, self.without_defaults = here
            self.writes = writes  # nothing has changed that anyone has seen
        unbuilt.built = {
            each: (before.get(each), after) for each, after in self.heap.items() if before.get(each) is not after
        }

    def attached(self, path: str) -> Term | None:
        """What user code has set as the attribute of a library that `path` names."""
        return self.heap.get(LIBRARIES, {}).get(path)

    def attach(self, path: str, value: Term) -> None:
        self.heap[LIBRARIES] = {**self.heap.get(LIBRARIES, {}), path: value}
        self.wrote()

    # -- branches --------------------------------------------------------------------------------------------

    def decided(self, condition: Condition) -> bool | None:
        """Which way the path has already taken this condition."""
        for guard in reversed(self.path):
            if guard.condition.key == condition.key:
                return guard.holds
        return None

    def branch(
        self,
        frame: Frame,
        condition: Condition,
        then: Callable[[], Term],
        otherwise: Callable[[], Term],
    ) -> Term:
        """Run both ways from the same state, join the states, and return how (or with what) they end."""
        names, heap, depth, writes = frame.names, self.heap, len(self.path), self.writes
        frame.names, self.heap = dict(names), dict(heap)
        self.path.append(Guard(condition, True))
        first = then()
        first_names, first_heap = frame.names, self.heap
        del self.path[depth:]
        frame.names, self.heap = dict(names), dict(heap)
        self.path.append(Guard(condition, False))
        second = otherwise()
        del self.path[depth:]
        if self.writes != writes:
            self.wrote()
        if not falls(first):
            pass
        elif not falls(second):
            frame.names, self.heap = first_names, first_heap
        else:
            frame.names = _joined(condition, first_names, frame.names)
            second_heap = self.heap
            for number in self.unbuilt.keys() & (first_heap.keys() ^ second_heap.keys()):
                self.unbuilt[number].add_to(second_heap if number in first_heap else first_heap)
            self.heap = {
                number: _joined(condition, first_heap[number], second_heap[number])
                if number in first_heap and number in second_heap and first_heap[number] is not second_heap[number]
                else first_heap.get(number) or second_heap.get(number, {})
                for number in {**first_heap, **second_heap}
            }
        return choice(condition, first, second)

    def chosen(self, term: Term) -> Term:
        """`term` with the choices taken that the path has decided."""
        while isinstance(term, Choice):
            taken = self.decided(term.condition)
            if taken is None:
                return term
            term = term.then if taken else term.otherwise
        return term


def choice(condition: Condition, then: Term, otherwise: Term) -> Term:
    """A choice of the two, or the only one that can be: paths that raise do not count."""
    if then is otherwise or otherwise is RAISES:
        return then
    if then is RAISES:
        return otherwise
    if isinstance(then, Const) and isinstance(otherwise, Const) and _same(then.value, otherwise.value):
        return then
    if leaves(then) + leaves(otherwise) > MOST_LEAVES:
        lost = Unknown("it depends on too many conditions")
        return Choice(condition, FALLS, lost) if falls(then) or falls(otherwise) else lost
    return Choice(condition, then, otherwise)


def leaves(term: Term) -> int:
    """How many values a choice can have."""
    return leaves(term.then) + leaves(term.otherwise) if isinstance(term, Choice) else 1


def falls(outcome: Term) -> bool:
    """Whether some path through the code falls through to what follows it."""
    if isinstance(outcome, Choice):
        return falls(outcome.then) or falls(outcome.otherwise)
    return outcome is FALLS


def followed_by(outcome: Term, rest: Term) -> Term:
    """The outcome of code and then, where it falls through, of the rest."""
    if outcome is FALLS:
        return rest
    if isinstance(outcome, Choice) and falls(outcome):
        return choice(outcome.condition, followed_by(outcome.then, rest), followed_by(outcome.otherwise, rest))
    return outcome


def over_choices(term: Term, function: Callable[[Term], Term]) -> Term:
    """Apply `function` to every value that `term` may be."""
    if isinstance(term, Choice):
        return choice(term.condition, over_choices(term.then, function), over_choices(term.otherwise, function))
    return function(term)


def truth(machine: Machine, term: Term) -> bool | None:
    """Whether a value is true in a test, where that is known."""
    if isinstance(term, Const):
        return bool(term.value)
    if isinstance(term, Sequence):
        return bool(term.items)
    if isinstance(term, MappingTerm):
        return bool(term.entries)
    if isinstance(term, (Function, Class, Module)) or machine.is_callable(term):
        return True
    return None


def key_of(term: Term, depth: int = 3) -> str:
    """A key that equal tests share: comparisons of the same value with the same constant."""
    if isinstance(term, Const):
        return repr(term.value)
    if isinstance(term, Api):
        return term.path
    if isinstance(term, Attribute):
        return f"{key_of(term.base, depth)}.{term.name}"
    if depth and isinstance(term, Apply) and isinstance(term.function, Api) and len(term.arguments) <= 3:
        return f"{term.function.path}({', '.join(key_of(argument.value, depth - 1) for argument in term.arguments)})"
    return f"#{id(term):x}"


def _joined(condition: Condition, first: Mapping[str, Term], second: Mapping[str, Term]) -> dict[str, Term]:
    joined = dict(second)
    for name, value in first.items():
        other = second.get(name)
        joined[name] = value if other is None or other is value else choice(condition, value, other)
    return joined


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def unknown(reason: str, origin: Origin | None = None, base: Term | None = None) -> Unknown:
    return Unknown(reason, base, origin=origin)
