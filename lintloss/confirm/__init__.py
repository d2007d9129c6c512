"""The runtime checker: runs a loss before and after its fix in its real framework, against float64 references.

Importing this package is cheap. `verify` starts one worker process for each framework, which gets terms, never code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lintloss.analysis.apis import ApiBook, Era
    from lintloss.analysis.facts import Dimension
    from lintloss.analysis.sites import Site
    from lintloss.analysis.terms import Term
    from lintloss.finding import Verification

TIME_LIMIT = 60.0


@dataclass(frozen=True, eq=False)
class Request:
    """One loss call, as it was and as its fix leaves it.

    `before` and `after` are the same call read from the original and from the rewritten file; None where there is no
    rewritten call to run. `intent` names the reference. `pre` is what went into the activation in the original code
    (None: the prediction itself), `activation` what the prediction is taken for where it is not known (`softmax`,
    `sigmoid`), `labels` what it was given as labels, `encoding` what these are and `labels_rank` how many axes they
    have. The rest is optional knowledge: `shape` and `dtype` of `pre`, the number of `classes`, the framework's major
    version that the file is written for, the `policy` that says what Keras' layers compute in. Where an expression
    around the call belongs to the comparison too (a hand-written loss that became `tf.reduce_mean(...)` of a library's
    loss), `before_term` and `after_term` are the whole expressions and `reduction` names what they reduce by.
    `written_in` is the framework of a loss that is written out. `with_evidence` asks for what the misuse costs, too.
    """

    before: Site
    after: Site | None
    intent: str
    pre: Term | None = None
    labels: Term | None = None
    encoding: str = "unknown"
    reduction: str | None = None
    shape: tuple[Dimension, ...] | None = None
    classes: int | None = None
    dtype: str | None = None
    era: Era | None = None
    before_term: Term | None = None
    after_term: Term | None = None
    activation: str | None = None
    labels_rank: int | None = None
    policy: str | None = None
    with_evidence: bool = False
    written_in: str | None = None

    @property
    def framework(self) -> str:
        """The framework of the loss; for one that is written out, of what made the prediction."""
        return self.written_in or self.before.entry.framework


def available() -> bool:
    """Whether a framework is installed that losses can be run by; none is imported."""
    from lintloss.confirm.process import KINDS

    return any(kind.is_installed for kind in KINDS)


def verify(
    requests: Iterable[Request],
    book: ApiBook | None = None,
    *,
    time_limit: float = TIME_LIMIT,
    started: Callable[[int | None], None] | None = None,
) -> list[Verification]:
    """The verdict on each request, in order; a worker that dies or takes too long costs one `undecided`.

    Each is run by the framework that its code uses, where that is installed, else by TensorFlow. `time_limit` is in
    seconds and for one exchange with the worker; `started` is told the worker's process id before each request (None
    while there is no worker).
    """
    from lintloss.analysis import apis
    from lintloss.confirm.checking import verification
    from lintloss.confirm.process import Kind, Worker, WorkerLost, kind_for
    from lintloss.confirm.verdicts import undecided

    answers: list[Verification] = []
    known = book if book is not None else apis.load()
    workers: dict[Kind, Worker] = {}
    with ExitStack() as running:
        for request in requests:
            kind = kind_for(request.framework)
            if kind not in workers:
                workers[kind] = running.enter_context(Worker(known, time_limit, kind))
            worker = workers[kind]
            if started is not None:
                started(worker.pid)
            try:
                answers.append(verification(request, known, worker))
            except WorkerLost as lost:
                answers.append(undecided(str(lost), worker.framework))
    return answers
