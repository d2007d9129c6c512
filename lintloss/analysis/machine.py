"""The machine: the state that the interpreter reads and writes while it walks code.

Names live in frames, attributes of objects in the heap. A branch runs both ways on copies of the two and
joins them with `Choice` terms; the path says which conditions hold where the walk stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.heap import Heap, Waiting
from lintloss.analysis.objects import Attribute, Class, Frame, Function, Instance, Module, contents
from lintloss.analysis.sites import Site, Unjudged
from lintloss.analysis.terms import (
    Api,
    Apply,
    Choice,
    Condition,
    Const,
    Guard,
    Origin,
    Postponed,
    Sequence,
    Term,
    Unknown,
    is_empty,
    seen,
)
from lintloss.analysis.terms import Mapping as MappingTerm

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.analysis.facts import Evaluator
    from lintloss.analysis.modules import Project
    from lintloss.analysis.record import Compilation
    from lintloss.analysis.syntax import FunctionCode
    from lintloss.analysis.waiting import Reach

DEEPEST_CALL = 40
STEPS_PER_FILE = 150_000
STEPS_PER_CALL = 40_000  # of a function that nobody calls, with all that it calls
STEPS_PER_IMPORTERS = 40_000  # of all files together that import the one that is analysed
STEPS_PER_FORMULA = 5_000  # of one that leads to no loss but to what may be a formula of one
STEPS_PER_HELPER = 4_000  # of a function that changes nothing, all its calls in one file together
STEPS_PER_GUEST = 2_000  # of a call of another file's function that leads to no site, however often it is come to
MOST_LEAVES = 32
MOST_BEHIND = 20  # postponed values that one may have to follow, one within the other
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


class _Way(NamedTuple):
    """How one of two ways ends, or what it gives, and the state it leaves."""

    end: Term
    names: dict[str, Term]
    heap: Heap


@dataclass(eq=False)
class Effort:
    """What following a function's calls has cost, and whether any of them has changed or found anything."""

    steps: int = 0
    is_idle: bool = True


@dataclass(eq=False)
class Machine:
    """Everything one analysis of one file shares between its parts."""

    book: ApiBook
    project: Project
    facts: Evaluator
    heap: Heap = field(default_factory=dict)
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
    made_by: dict[int, Waiting] = field(default_factory=dict)  # the followed call that an object of this number is from
    holders: dict[int, set[int]] = field(default_factory=dict)  # the objects that an object was given to
    obscure: set[int] = field(default_factory=set)  # objects that were given what is not known yet
    kept_entries: int = 0  # of states of the heap that calls wait with
    reaches: dict[tuple[str | int, ...], Reach] = field(default_factory=dict)  # by a name and the code it is of
    memo: dict[tuple[Any, ...], tuple[Term, tuple[Any, ...]]] = field(default_factory=dict)
    writes: int = 0  # the number of the state that objects are in
    steps: int = 0
    most_steps: int = field(default_factory=lambda: STEPS_PER_FILE)
    most_in_spend: int = field(default_factory=lambda: STEPS_PER_FILE)
    steps_apart: int = 0  # of calls that waited: they do not count as steps of whoever asked
    exhausted: bool = False
    is_over: bool = False  # whether the walk is done, and only what it came to is looked at
    era: dict[str, int] = field(default_factory=dict)
    oldest: dict[str, int] = field(default_factory=dict)
    dated: set[str] = field(default_factory=set)  # the names that the era has been learned from
    leading: frozenset[str] = frozenset()  # what of the file's definitions leads to a site
    making: frozenset[str] = frozenset()  # of these, the names of what may call a loss itself
    summing: frozenset[str] = frozenset()  # of what leads to a site, what leads to formulas only
    mains: list[Module] = field(default_factory=list)
    relays: set[str] = field(default_factory=set)  # functions whose callers give them a loss, or what a formula is of
    is_open: bool = False
    without_defaults: bool = False
    flags_by_default: int = 0  # how many flags a walk without defaults would have left open
    efforts: dict[int, Effort] = field(default_factory=dict)  # by functions' code
    hosts_a_guest: bool = False  # whether a function of another file that leads to no site is being followed
    spent_on_guests: dict[tuple[int, tuple[int, int] | None], int] = field(default_factory=dict)  # steps, by call
    passed_over: list[int] = field(default_factory=list)  # code that can lead to a site, left out by decided tests
    times_passed_over: int = 0  # how often a decided test left any code out
    come_to: set[int] = field(default_factory=set)  # statements, blocks and alternatives that were run
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
    _state: tuple[tuple[int, int, int], Heap] | None = None  # of the heap, as it was last kept

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

        most, self.most_in_spend = self.most_in_spend, min(self.steps + steps, self.most_in_spend)
        try:
            is_done = self.within(steps, done, otherwise=False)
        finally:
            self.most_in_spend = most
        self.exhausted |= not is_done

    def within(self, steps: int, work: Callable[[], Result], otherwise: Result) -> Result:
        """What some work gives, or `otherwise` where these steps do not suffice; nothing has changed then.

        Raises `BudgetExceeded` where the budget that these steps are a part of is used up.
        """
        heap, path, scopes, calls = self.heap, len(self.path), len(self.scopes), len(self.calls)
        flags = self.is_probing, self.without_defaults
        most, apart = self.most_steps, self.steps_apart
        self.most_steps = min(self.steps + steps, most)
        try:
            return work()
        except BudgetExceeded:
            self.heap = heap
            self.is_probing, self.without_defaults = flags
            del self.path[path:], self.scopes[scopes:], self.calls[calls:]
            self.wrote()
            if self.steps > self._most_now(most, apart):
                raise
            return otherwise
        finally:
            self.most_steps = self._most_now(most, apart)

    def _most_now(self, most: int, apart: int) -> int:
        """A limit from when so many steps had been made apart: those made apart since then do not count."""
        return min(most + self.steps_apart - apart, max(most, self.most_in_spend))

    @property
    def own_steps(self) -> int:
        """The steps that were not made apart."""
        return self.steps - self.steps_apart

    @property
    def done(self) -> tuple[int, ...]:
        """Counts of what the walk has changed and found so far."""
        return (self.writes, len(self.sites), len(self.compilations), len(self.unjudged), len(self.feeds))

    def pass_over(self, frame: Frame, node: cst.CSTNode | None) -> None:
        """Take note that a decided test leaves code out: with other flags it might lead to a site."""
        if node is None:
            return
        self.times_passed_over += 1
        if frame.module is not self.mains[0]:
            return
        known = self._may_lead.get(id(node))
        if known is None:
            unit, outline = frame.unit, frame.module.outline
            known = self._may_lead[id(node)] = outline.may_lead(unit.code(node), unit.trees(node), self.leading)
        if known:
            self.passed_over.append(id(node))

    def has_passed_over(self, since: int) -> bool:
        """Whether code was left out, from that many times on, that the walk has not come to otherwise."""
        return not self.come_to.issuperset(self.passed_over[since:])

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
        if number in self.holders:
            self._settle(number)
        if number not in self.heap and number in self.made_by:
            self.made_by[number].add_to(self.heap)
        held = self.heap.get(number, {})
        while isinstance(held, Waiting):
            self._follow(held)
            held.add_to(self.heap)
            if self.heap[number] is held:  # it is being followed
                return {}
            held = self.heap[number]
        return held

    def give(self, given: Iterable[Term], receiver: Instance) -> None:
        """Take note that an object has been given values that it may hold, and change later, or what holds such."""
        for part in (part for value in given for part in contents(value)):
            if isinstance(part, Instance) and part is not receiver:
                self.holders.setdefault(part.number, set()).add(receiver.number)
            elif isinstance(part, Postponed):
                self.obscure.add(receiver.number)

    def _settle(self, number: int) -> None:
        """Follow the calls that wait to change what holds an object, directly or through others: they may change it."""
        pending, settled = [number], {number}
        while pending:
            for holder in sorted(self.holders.get(pending.pop(), set()) - settled):
                settled.add(holder)
                pending.append(holder)
                held = self.heap.get(holder)
                if isinstance(held, Waiting) and held.is_change and not held.is_running:
                    self._follow(held)
                    held.add_to(self.heap)

    def attribute(self, instance: Instance, name: str) -> Term | None:
        if instance.number in self.holders:
            self._settle(instance.number)
        held = self.heap.get(instance.number)
        while isinstance(held, Waiting) and not held.may_set(name) and held.before is not None:
            held = held.before
        known = held if held is not None and not isinstance(held, Waiting) else self.attributes(instance.number)
        return known.get(name)

    def set_attribute(self, instance: Instance, name: str, value: Term) -> None:
        self.heap[instance.number] = {**self.attributes(instance.number), name: value}
        self.give((value,), instance)
        self.wrote()

    # -- calls that wait -------------------------------------------------------------------------------------

    def postponed(
        self,
        work: Callable[[], Term],
        given: tuple[Term, ...],
        origin: Origin | None,
        *,
        changes: Instance | None = None,
        is_new: bool = False,
        sets: frozenset[str] | None = None,
        knows_objects: bool = False,
        may_be_a_loss: bool = False,
        behind: int = 0,
    ) -> Postponed:
        """What a call gives, followed when someone asks for it.

        Where it `changes` an object, which it makes if that `is_new`, and sets these attributes (None if they cannot be
        told), it is followed when someone asks what the object holds, too. With `knows_objects` it sees all objects as
        they are now.
        """
        waiting = self._waiting(work, knows_objects=knows_objects)
        if changes is not None:
            waiting.number, waiting.sets, waiting.may_bring_losses = changes.number, sets, may_be_a_loss
            waiting.before = self.heap.get(changes.number, {})
            waiting.is_change = not is_new
            self.heap[changes.number] = waiting
            self.wrote()
        return Postponed(partial(self._value_of, waiting), given, may_be_a_loss, behind, origin=origin)

    def may_hold_losses(self, instance: Instance) -> bool:
        """Whether calls that have not been followed may give an object loss functions to hold."""
        held = self.heap.get(instance.number)
        while isinstance(held, Waiting):
            if held.may_bring_losses:
                return True
            held = held.before
        return False

    def part_of(self, whole: Postponed, pick: Callable[[Term], Term], origin: Origin | None) -> Term:
        """A part of what a call gives, which is picked from it when someone asks for the part."""
        if "value" in whole.__dict__ or whole.behind >= MOST_BEHIND:
            return pick(self.chosen(whole))
        follow = partial(self._picked, whole, pick)
        return Postponed(follow, (whole,), whole.may_be_a_loss, whole.behind + 1, origin=origin)

    def _picked(self, whole: Postponed, pick: Callable[[Term], Term]) -> Term:
        return pick(self.chosen(whole))

    def _waiting(self, work: Callable[[], Term], *, knows_objects: bool) -> Waiting:
        flags = self.is_open, self.without_defaults
        heap = self._heap_as_it_is() if knows_objects else None
        return Waiting(work, [*self.path], [*self.scopes], [*self.calls], flags, heap)

    def _heap_as_it_is(self) -> Heap:
        """A copy of the heap, the last one again while that is the same."""
        state = (self.writes, len(self.heap), len(self.instances))
        if self._state is None or self._state[0] != state:
            self._state = (state, dict(self.heap))
            self.kept_entries += len(self.heap)
        return self._state[1]

    def _value_of(self, waiting: Waiting) -> Term:
        if waiting.is_running:
            return unknown("it is made from itself")
        try:
            self._follow(waiting)
        except BudgetExceeded:
            if not self.is_over:
                raise
            return unknown("it is too intricate to be followed")
        waiting.add_to(self.heap)
        return waiting.value if waiting.value is not None else unknown("it is not known")

    def _follow(self, waiting: Waiting) -> None:
        """Do what waits, unless it is done or being done, in its own circumstances."""
        if waiting.work is None or waiting.is_running:
            return
        heap, writes = self.heap, self.writes
        before = heap if waiting.heap is None else waiting.heap
        self.heap = dict(before)
        if waiting.number is not None and waiting.before is not None:
            self.heap[waiting.number] = waiting.before
        self.wrote()  # what is remembered of this state is not remembered of the one it stands in
        here = self.path, self.scopes, self.calls, self.is_open, self.without_defaults
        probing = self.is_probing, self.hosts_a_guest
        self.path, self.scopes, self.calls = [*waiting.path], [*waiting.scopes], [*waiting.calls]
        self.is_open, self.without_defaults = waiting.flags
        self.is_probing = self.hosts_a_guest = False
        waiting.is_running = True
        most, steps, apart = self.most_steps, self.steps, self.steps_apart
        self.most_steps = self.most_in_spend
        try:
            waiting.value = waiting.work()
            after = self.heap
        finally:
            waiting.is_running = False
            self.steps_apart = apart + self.steps - steps
            self.most_steps = min(most + self.steps - steps, self.most_in_spend)
            self.path, self.scopes, self.calls, self.is_open, self.without_defaults = here
            self.is_probing, self.hosts_a_guest = probing
            self.heap, self.writes = heap, writes  # nothing has changed that anyone has seen
        changes = {each: (before.get(each), held) for each, held in after.items() if before.get(each) is not held}
        if waiting.number is not None:
            changes[waiting.number] = (waiting.before, after[waiting.number])
        self.made_by.update({each: waiting for each, (known, _) in changes.items() if known is None})
        waiting.changes = changes
        waiting.work = waiting.heap = None

    # -- libraries -------------------------------------------------------------------------------------------

    def attached(self, path: str) -> Term | None:
        """What user code has set as the attribute of a library that `path` names."""
        return self.attributes(LIBRARIES).get(path)

    def attach(self, path: str, value: Term) -> None:
        self.heap[LIBRARIES] = {**self.attributes(LIBRARIES), path: value}
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
        """Run both ways from the same state, join the states, and return how they end.

        Of a way that does not fall through, what it has bound and changed is gone with it.
        """
        first, second = self._both(frame, condition, then, otherwise)
        if falls(first.end) and falls(second.end):
            self._join(frame, condition, first, second)
        else:
            left = first if falls(first.end) else second
            frame.names, self.heap = left.names, left.heap
        return choice(condition, first.end, second.end)

    def either(
        self, frame: Frame, condition: Condition, then: Callable[[], Term], otherwise: Callable[[], Term]
    ) -> Term:
        """The value of an expression that has one of two, from the same state; the code goes on after both."""
        first, second = self._both(frame, condition, then, otherwise)
        self._join(frame, condition, first, second)
        return choice(condition, first.end, second.end)

    def _both(
        self, frame: Frame, condition: Condition, then: Callable[[], Term], otherwise: Callable[[], Term]
    ) -> tuple[_Way, _Way]:
        names, heap, depth, writes = frame.names, self.heap, len(self.path), self.writes
        ways: list[_Way] = []
        for holds, run in ((True, then), (False, otherwise)):
            frame.names, self.heap = dict(names), dict(heap)
            self.path.append(Guard(condition, holds))
            end = run()
            del self.path[depth:]
            ways.append(_Way(end, frame.names, self.heap))
        if self.writes != writes:
            self.wrote()
        return ways[0], ways[1]

    def _join(self, frame: Frame, condition: Condition, first: _Way, second: _Way) -> None:
        frame.names = _joined(condition, first.names, second.names)
        self.heap = second.heap
        self.heap = self._joined_heaps(condition, first.heap, second.heap)

    def _joined_heaps(self, condition: Condition, first: Heap, second: Heap) -> Heap:
        joined: Heap = {**second, **first}
        for number, held in [*first.items()]:
            if second.get(number, held) is not held:
                self.heap = first
                known = self.attributes(number)
                self.heap = second
                joined[number] = _joined(condition, known, self.attributes(number))
        return joined

    def taken(self, term: Term) -> Term:
        """`term` with the choices taken that the path has decided."""
        while isinstance(term, Choice):
            taken = self.decided(term.condition)
            if taken is None:
                return term
            term = term.then if taken else term.otherwise
        return term

    def chosen(self, term: Term) -> Term:
        """What `term` is, with the choices taken that the path has decided, followed if it was postponed."""
        term = self.taken(term)
        while isinstance(term, Postponed):
            term = self.taken(term.value)
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
    term = seen(term)
    if isinstance(term, Const):
        return bool(term.value)
    if isinstance(term, (Sequence, MappingTerm)):
        return None if is_empty(term) and term.is_open else not is_empty(term)
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
