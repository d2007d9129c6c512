"""The walk: runs each source's top level, then what nothing has called, and gathers the sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from lintloss.analysis import Analysis, Unparsed, calls, record
from lintloss.analysis.apis import ApiBook
from lintloss.analysis.facts import Evaluator
from lintloss.analysis.heap import Waiting
from lintloss.analysis.machine import (
    STEPS_PER_CALL,
    STEPS_PER_FORMULA,
    STEPS_PER_IMPORTERS,
    BudgetExceeded,
    Machine,
    unknown,
)
from lintloss.analysis.modules import Project
from lintloss.analysis.objects import Class, Function, Instance, Module
from lintloss.analysis.outline import COMPILE, RUN_UNNAMED
from lintloss.analysis.sites import Site, Unjudged
from lintloss.analysis.syntax import last_name
from lintloss.analysis.terms import Api, Argument, Choice, Const, Mapping, Postponed, Sequence, Term, seen
from lintloss.finding import Span
from lintloss.sources import Source

LONGEST_TABLE = 64  # entries of a literal that are looked through for losses


def walk(source: Source, project: Project, book: ApiBook) -> Analysis:
    """Analyse one source, with a budget of its own."""
    analysis = Analysis(source, book, Evaluator(book))
    project.tree.forget_looks()
    may_hold_a_site = project.may_hold_a_site(source.text)
    if not may_hold_a_site and not source.named:
        return analysis
    project.forget()
    module = project.module_of(source)
    code = module.code
    module.outline.look_again()
    if code.refusal is not None:
        analysis.unparsed = Unparsed(source, *code.refusal)
    elif may_hold_a_site and module.outline.may_hold_a_site:
        _walk_module(analysis, project, module)
    return analysis


def _walk_module(analysis: Analysis, project: Project, module: Module) -> None:
    machine = Machine(analysis.book, project, analysis.facts)
    analysis.facts.feeds, analysis.facts.era = machine.feeds, machine.era
    analysis.facts.class_rows = machine.class_rows
    _run(analysis, machine, module)
    sites = _in_file(machine, module)
    has_passed_over = machine.has_passed_over(0) or bool(_unreached(module, machine))
    if machine.has_options and not analysis.exhausted and has_passed_over:
        # What the options' defaults pass over is walked as if any could be given.
        project.forget()
        module = project.module_of(module.code.source)
        again = Machine(
            analysis.book,
            project,
            analysis.facts,
            feeds=machine.feeds,
            class_rows=machine.class_rows,
            era=machine.era,
        )
        again.options_are_open = True
        _run(analysis, again, module)
        reached = {site.origin.span for site in sites}
        sites += [site for site in _in_file(again, module) if site.origin.span not in reached]
    analysis.facts.forget()
    analysis.unjudged = _unjudged(module, machine, sites, exhausted=analysis.exhausted)
    analysis.sites.extend(_in_context(sites))


def _run(analysis: Analysis, machine: Machine, module: Module) -> None:
    """Run a file's top level, what nobody calls, and who imports it if that may say more."""
    machine.project.frame = module.frame
    machine.mains.append(module)
    try:
        machine.leading = module.outline.leading
        machine.project.run(machine, module)
        _run_what_nobody_calls(machine, module)
        open_sites = [site for site in _in_file(machine, module) if site.is_open]
        relays = machine.relays.union(*(analysis.facts.left_to_callers(site.prediction) for site in open_sites))
        if relays:  # what importers could not be followed to stays open, as if nobody called it
            machine.within(STEPS_PER_IMPORTERS, lambda: _run_importers(machine, module, relays), otherwise=None)
    except BudgetExceeded:
        machine.exhausted = True
    machine.steps = 0  # what was found to be compiled is written down in any case
    machine.spend(STEPS_PER_CALL, lambda: record.finish(machine))
    machine.is_over = True
    analysis.exhausted |= machine.exhausted


def _in_file(machine: Machine, module: Module) -> list[Site]:
    return [site for site in machine.sites if site.origin.span.filename == module.filename]


def _unjudged(module: Module, machine: Machine, sites: list[Site], *, exhausted: bool) -> list[Unjudged]:
    """The loss calls of this module that no rule can judge, each once."""
    judged = {site.origin.span for site in sites if site.anchor == "loss"}
    known = [each for each in machine.unjudged if each.span.filename == module.filename and each.span not in judged]
    if exhausted:
        known += _unreached(module, machine)
    return [*{each.span: each for each in known}.values()]


def _unreached(module: Module, machine: Machine) -> list[Unjudged]:
    """The calls that name a loss and that no walk has come to."""
    return [
        Unjudged(span, name, "analysis budget: the file is too intricate")
        for span, name, _ in _calls_not_reached(module, machine)
        if name != COMPILE
    ]


def _calls_not_reached(module: Module, machine: Machine) -> Iterator[tuple[Span, str, int]]:
    """The calls of losses and of `compile` that no walk has come to, with the row of the module they are in."""
    origins = [*(site.origin for site in machine.sites), *(each.origin for each in machine.compilations)]
    reached = {(origin.span.cell, origin.span.start) for origin in origins}
    for call in module.outline.calls_of_losses:
        start, end = (
            (call.lineno, call.col_offset + 1),
            (call.end_lineno or call.lineno, (call.end_col_offset or 0) + 1),
        )
        span = module.code.source.span(*start, *end)
        if (span.cell, span.start) not in reached:
            yield span, last_name(call.func), call.lineno


def _in_context(sites: list[Site]) -> list[Site]:
    """The sites, without the open ones at places that a caller has reached as well."""
    reached = {(site.anchor, site.origin.span) for site in sites if not site.is_open}
    return [site for site in sites if not site.is_open or (site.anchor, site.origin.span) not in reached]


def _run_importers(machine: Machine, module: Module, relays: set[str]) -> None:
    """Run the files that import this one and name a way to a relay: they may call what nobody here calls."""
    # Methods that are run unnamed every class has; who makes an object names its class.
    targets = module.outline.leading_to(relays) - RUN_UNNAMED
    entrances = module.outline.entrances(targets)
    for importer in machine.project.importers(module):
        outline = importer.outline
        if not outline.names_any(entrances):
            continue
        machine.mains.append(importer)
        machine.is_open = False  # what reaches the file from a function of an importer's is a call
        machine.spend(STEPS_PER_CALL, partial(machine.project.run, machine, importer))
        _run_leading(machine, importer, outline.leading_to(targets))


def _run_what_nobody_calls(machine: Machine, module: Module) -> None:
    """Run the functions and methods that were not called and can lead to a site, with open parameters."""
    machine.is_open = True
    outline = module.outline
    _forget_rebound(module)
    known, losses = None, _names_of_losses(machine, module)
    while losses != known:  # constructors that are run bring more
        machine.leading = outline.leading_to(outline.making | losses)
        machine.making = outline.making | outline.naming(losses)
        machine.summing = machine.leading - outline.leading_to(outline.making_by_name | losses)
        _run_leading(machine, module, machine.leading)
        known, losses = losses, _names_of_losses(machine, module)
    _run_what_calls_left_out(machine, module)


def _run_leading(machine: Machine, module: Module, leading: frozenset[str]) -> None:
    """Run the functions and methods of these names that were not called."""
    for value in [*module.frame.names.values(), *module.frame.defined]:
        if isinstance(value, Function) and value.frame.module is module and value.code.name in leading:
            _call_openly(machine, value, None)
        elif isinstance(value, Class) and value.frame.module is module:
            _run_methods(machine, value, leading)


def _run_what_calls_left_out(machine: Machine, module: Module) -> None:
    """Run functions again, flags open, that were called with flags which leave loss calls in them out."""
    rows = [row for _, _, row in _calls_not_reached(module, machine)]
    for value in [*module.frame.names.values(), *module.frame.defined] if rows else []:
        if isinstance(value, Function) and value.frame.module is module:
            _with_open_flags(machine, value, None, rows)
        elif isinstance(value, Class) and value.frame.module is module:
            for method in value.methods.values():
                _with_open_flags(machine, method, _instance_of(machine, value), rows)


def _with_open_flags(machine: Machine, function: Function, receiver: Instance | None, rows: list[int]) -> None:
    code = function.code
    if id(code) in machine.called and any(code.first <= row <= code.last for row in rows):
        is_bound = function.owner is not None and "staticmethod" not in function.decorators
        if receiver is not None or not is_bound:
            _call_with_open_flags(machine, function, (Argument(None, receiver),) if is_bound and receiver else ())


def _forget_rebound(module: Module) -> None:
    """Who calls a function, and when, decides what a constant is that the top level has set several times."""
    names = module.frame.names
    for name in module.frame.rebound:
        if isinstance(names.get(name), Const):
            names[name] = unknown(f"`{name}` is set several times")


def _names_of_losses(machine: Machine, module: Module) -> frozenset[str]:
    """The globals and attributes that are loss functions or loss objects, waiting to be called."""
    for instance in [*machine.instances]:
        is_own = isinstance(instance.cls, Class) and instance.cls.frame.module is module
        if is_own and machine.may_hold_losses(instance):
            machine.attributes(instance.number)
    places = [module.frame.names, *(held for held in machine.heap.values() if not isinstance(held, Waiting))]
    return frozenset(name for names in places for name, value in names.items() if _is_loss_to_call(machine, value))


def _is_loss_to_call(machine: Machine, value: Term) -> bool:
    if isinstance(value, Postponed) and value.may_be_a_loss:
        value = seen(value)
    if isinstance(value, Choice):
        return _is_loss_to_call(machine, value.then) or _is_loss_to_call(machine, value.otherwise)
    if isinstance(value, (Mapping, Sequence)):
        return any(_is_loss_to_call(machine, part) for part in islice(value.parts(), LONGEST_TABLE))
    bound = machine.book.bind(value, machine.era)
    if bound is not None:
        return bound.entry.kind == "loss" and bound.entry.is_class and bound.constructor is None
    entry = machine.book.entry(value.path) if isinstance(value, Api) else None
    return entry is not None and entry.kind == "loss"


def _budget(machine: Machine, *names: str) -> int:
    """The steps that following functions of the file's may take: fewer where no loss is named on the way."""
    return STEPS_PER_FORMULA if machine.summing.issuperset(names) else STEPS_PER_CALL


def _run_methods(machine: Machine, cls: Class, leading: frozenset[str]) -> None:
    waiting = [
        method for name, method in cls.methods.items() if name in leading and id(method.code) not in machine.called
    ]
    inherited = [method for name, method in _inherited(cls).items() if name in machine.making and name != "__init__"]
    known = _instance_of(machine, cls)
    is_to_be_made = known is None and cls.code.name in leading and "__init__" in cls.methods
    if not waiting and not inherited and not is_to_be_made:
        return
    flags, passed_over = machine.flags_by_default, len(machine.passed_over)
    if known is None:
        names = (method.code.name for method in [*waiting, *inherited])
        machine.spend(_budget(machine, *names), lambda: calls.instantiate(machine, cls, (), None))
    instance = _instance_of(machine, cls)
    if instance is None:
        return
    made = _Defaults(
        flags=known is not None or machine.flags_by_default != flags,
        passed_over=known is not None or machine.has_passed_over(passed_over),
    )
    for method in waiting:
        receiver = None if "staticmethod" in method.decorators else _receiver(method, cls, instance)
        _call_openly(machine, method, receiver, made)
    for method in inherited:
        _call_on(machine, method, cls, instance)


def _inherited(cls: Class) -> dict[str, Function]:
    """The methods that a class has from other classes of the user's."""
    found: dict[str, Function] = {}
    for base in list(calls.lineage(cls))[1:]:
        for name, method in base.methods.items():
            if name not in cls.methods:
                found.setdefault(name, method)
    return found


def _call_on(machine: Machine, method: Function, cls: Class, instance: Instance) -> None:
    """Call a method of a base class with an object of this class, which may bring the loss or the network it uses."""
    of_class = [known.number for known in machine.instances if known.cls is cls]
    is_bound = not {"staticmethod", "classmethod"} & set(method.decorators)
    if is_bound and not any((number, id(method.code)) in machine.called_on for number in of_class):
        machine.spend(STEPS_PER_CALL, lambda: calls.call_function(machine, method, (Argument(None, instance),), None))


def _instance_of(machine: Machine, cls: Class) -> Instance | None:
    return next((known for known in machine.instances if known.cls is cls), None)


def _receiver(method: Function, cls: Class, instance: Instance) -> Class | Instance:
    return cls if "classmethod" in method.decorators else instance


@dataclass(frozen=True)
class _Defaults:
    """How an object was made that a method is called on: with flags, and with code left out because of them."""

    flags: bool = False
    passed_over: bool = False


def _call_openly(
    machine: Machine, function: Function, receiver: Class | Instance | None, made: _Defaults = _Defaults()
) -> None:
    """Call what nothing has called: with its defaults, then with its flags open for the loss calls not reached yet.

    A function without flags is called once, and so is one of which the defaults leave nothing out that no other call
    has come to: what it comes to is judged with them, except that a model compiled with them is judged with any.
    Formulas are not looked for again because the function's object may be made otherwise.
    """
    if id(function.code) in machine.called:
        return
    arguments = (Argument(None, receiver),) if receiver is not None else ()
    flags, passed_over, compiled = machine.flags_by_default, len(machine.passed_over), len(machine.compilations)
    returned: list[Term] = []
    budget = _budget(machine, function.code.name)
    machine.spend(budget, lambda: returned.append(calls.call_function(machine, function, arguments, None)))
    has_flags = made.flags or machine.flags_by_default != flags
    may_be_made_otherwise = made.passed_over and function.code.name not in machine.summing
    has_compiled = len(machine.compilations) != compiled
    has_more = may_be_made_otherwise or has_compiled or machine.has_passed_over(passed_over)
    if returned and has_flags and has_more:
        _call_with_open_flags(machine, function, arguments)
    for closure in _functions_in(returned[0]) if returned else ():
        _call_openly(machine, closure, None)


def _call_with_open_flags(machine: Machine, function: Function, arguments: tuple[Argument, ...]) -> None:
    """Call a function for the loss calls not reached yet, whatever its flags and its object's are."""

    def call() -> None:
        machine.without_defaults = True
        calls.call_function(machine, function, _with_open_state(machine, function, arguments), None)
        machine.without_defaults = False

    reached, known = {site.origin.key for site in machine.sites}, len(machine.sites)
    machine.spend(_budget(machine, function.code.name), call)
    machine.sites[known:] = [site for site in machine.sites[known:] if site.origin.key not in reached]


def _functions_in(term: Term) -> Iterator[Function]:
    """The functions that a value may be or hold."""
    if isinstance(term, Function):
        yield term
    elif isinstance(term, (Choice, Sequence)):
        for part in term.parts():
            yield from _functions_in(part)


def _with_open_state(machine: Machine, function: Function, arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """The receiver made anew, its constructor's flags open as well."""
    receiver = arguments[0].value if arguments else None
    if not isinstance(receiver, Instance) or not isinstance(receiver.cls, Class) or function.code.name == "__init__":
        return arguments
    return (Argument(None, calls.instantiate(machine, receiver.cls, (), None)),)
