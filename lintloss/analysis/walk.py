"""The walk: runs each source's top level, then what nothing has called, and gathers the sites."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lintloss.analysis import Analysis, Unparsed, calls, record
from lintloss.analysis.apis import ApiBook
from lintloss.analysis.facts import Evaluator
from lintloss.analysis.machine import BudgetExceeded, Machine
from lintloss.analysis.modules import Project
from lintloss.analysis.objects import Class, Function, Instance, Module
from lintloss.analysis.sites import Site
from lintloss.analysis.terms import Argument
from lintloss.sources import Source

STACK = 512 * 1024 * 1024
RECURSION = 60_000


def walk(sources: Sequence[Source], book: ApiBook) -> Analysis:
    """Analyse sources one after the other, each with a budget of its own."""
    return _with_deep_stack(lambda: _walk(sources, book))


def _with_deep_stack(work: Callable[[], Analysis]) -> Analysis:
    """Run `work` on a stack that deep code cannot exhaust."""
    outcome: list[Analysis | BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # handed to the caller's thread
            outcome.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    sys.setrecursionlimit(RECURSION)
    try:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def _walk(sources: Sequence[Source], book: ApiBook) -> Analysis:
    facts = Evaluator(book)
    analysis = Analysis(book, facts)
    project = Project(book, Path.cwd(), {str(Path(source.filename).absolute()): source for source in sources})
    for source in sources:
        project.forget()
        module = project.module_of(source)
        if module.code.broken is not None:
            analysis.unreadable.append(Unparsed(source, module.code.broken, module.code.row, module.code.column))
            continue
        _walk_module(analysis, project, module)
    return analysis


def _walk_module(analysis: Analysis, project: Project, module: Module) -> None:
    machine = Machine(analysis.book, project, analysis.facts)
    analysis.facts.feeds, analysis.facts.era = machine.feeds, machine.era
    project.frame = module.frame
    try:
        project.run(machine, module)
        _run_what_nobody_calls(machine, module)
        if any(_is_relay(analysis, site) for site in machine.sites):
            _run_importers(machine, module)
    except BudgetExceeded:
        analysis.exhausted.append(module.code.source)
    try:
        record.finish(machine)
    except BudgetExceeded:
        analysis.exhausted.append(module.code.source)
    analysis.facts.forget()
    analysis.sites.extend(_in_context([site for site in machine.sites if site.origin.span.filename == module.filename]))


def _is_relay(analysis: Analysis, site: Site) -> bool:
    """Whether what the loss gets depends on a parameter that no call so far has bound."""
    return site.is_open and any(known.facts.role == "parameter" for known in analysis.facts.of(site.prediction))


def _in_context(sites: list[Site]) -> list[Site]:
    """The sites, without the open ones at places that a caller has reached as well."""
    reached = {(site.anchor, site.origin.span) for site in sites if not site.is_open}
    return [site for site in sites if not site.is_open or (site.anchor, site.origin.span) not in reached]


def _run_importers(machine: Machine, module: Module) -> None:
    """Run the project's files that import this one: they may call what nobody here calls."""
    for importer in machine.project.importers(module):
        machine.is_open = False
        machine.project.run(machine, importer)
        machine.is_open = True
        _run_what_nobody_calls(machine, importer, of=module)


def _run_what_nobody_calls(machine: Machine, module: Module, of: Module | None = None) -> None:
    """Run the functions and methods that were not called, with open parameters.

    In a file that imports `of`, what reaches `of` from a function is a call of it: not open any more.
    """
    machine.is_open = of is None
    for value in list(module.frame.names.values()):
        if isinstance(value, Function) and value.frame.module is module and id(value.code) not in machine.called:
            _call_openly(machine, value, ())
        elif isinstance(value, Class) and value.frame.module is module:
            _run_methods(machine, value)


def _run_methods(machine: Machine, cls: Class) -> None:
    waiting = [method for method in cls.methods.values() if id(method.code) not in machine.called]
    if not waiting:
        return
    instance = next((known for known in machine.instances if known.cls is cls), None)
    if instance is None:
        instance = calls.instantiate(machine, cls, (), None)
    for method in waiting:
        if id(method.code) not in machine.called:
            receiver = () if "staticmethod" in method.decorators else (Argument(None, _receiver(method, cls, instance)),)
            _call_openly(machine, method, receiver)


def _receiver(method: Function, cls: Class, instance: Instance) -> Class | Instance:
    return cls if "classmethod" in method.decorators else instance


def _call_openly(machine: Machine, function: Function, arguments: Iterable[Argument]) -> None:
    calls.call_function(machine, function, tuple(arguments), None)
