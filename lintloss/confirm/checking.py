"""One request, from its case to its verdict."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from lintloss.analysis.apis import ApiBook
from lintloss.confirm import Request, verdicts
from lintloss.confirm.called import CalledCase
from lintloss.confirm.cases import Case, Undecided
from lintloss.confirm.compiled import CompiledCase
from lintloss.confirm.expectations import NoReference
from lintloss.confirm.process import Worker, WorkerLost, replaced_by
from lintloss.finding import Evidence, Verification


def verification(request: Request, book: ApiBook, worker: Worker) -> Verification:
    """The verdict on one request; what the misuse costs is shown if the request asks for it.

    Raises:
        WorkerLost: the worker died or took too long.
    """
    try:
        case = case_of(request, book, worker)
        trials = list(case.trials())
    except (Undecided, NoReference) as reason:
        return verdicts.undecided(str(reason), ran(request, worker))
    except RecursionError:
        return verdicts.undecided("the loss is made of too many nested expressions", ran(request, worker))
    answer = verdicts.judged(trials, ran(request, worker), case.notes)
    return replace(answer, evidence=_evidence(case)) if request.with_evidence else answer


def ran(request: Request, worker: Worker) -> str:
    """The framework that a request is run by, and the one that it stands in for, if any."""
    absent = replaced_by(worker.kind, request.framework)
    return worker.framework if absent is None else f"{worker.framework}, in place of {absent}"


def _evidence(case: Case) -> Evidence | None:
    from lintloss.confirm.learning import evidence

    with suppress(Undecided, WorkerLost):  # the verdict stands without it
        return evidence(case)
    return None


def case_of(request: Request, book: ApiBook, worker: Worker) -> Case:
    """A request made ready to run.

    Raises:
        Undecided: it cannot be run.
        NoReference: there is nothing to compare it with.
    """
    kind = CompiledCase if request.before.model is not None else CalledCase
    return kind(request, book, worker)
