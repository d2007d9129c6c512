"""What lintloss reports: findings with their flow, fix and verification, and one record per loss call.

These are the only types that travel from the rules to fixes, confirmation, output and the public API.
They are plain frozen data: picklable, comparable, free of LibCST nodes and of any global state.
Rows and columns are 1-based and count characters, `cell` is a notebook cell's 1-based position.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Severity(str, Enum):
    """How bad a finding is: `error` trains wrongly or raises, `warning` is right only by luck."""

    WARNING = "warning"
    ERROR = "error"


class Applicability(str, Enum):
    """Whether a fix may be applied unasked.

    `safe`: the training loss becomes right and inference output is unchanged; `unsafe`: outputs change;
    `shown`: a person has to choose.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    SHOWN = "shown"


class Verdict(str, Enum):
    """What running a fix has shown (see `lintloss.confirm`)."""

    CONFIRMED = "confirmed"
    EQUIVALENT = "equivalent"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, order=True)
class Location:
    """A place between characters; `row` and `column` are 1-based."""

    row: int
    column: int


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of one file, from `start` up to, not including, `end`."""

    filename: str
    start: Location
    end: Location
    cell: int | None = None


@dataclass(frozen=True)
class Edit:
    """Replace the text of `span` by `content`; an empty span inserts."""

    span: Span
    content: str


@dataclass(frozen=True)
class Fix:
    """A repair: edits that apply together or not at all, possibly in several files."""

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class FlowStep:
    """One step on the way from the value's making to the loss."""

    span: Span
    message: str


@dataclass(frozen=True)
class Batch:
    """One batch that both versions were run on.

    `before`, `after` and `reference` are flat tuples of per-example losses (floats), or the text of the
    exception that was raised.
    """

    name: str
    before: tuple[float, ...] | str
    after: tuple[float, ...] | str
    reference: tuple[float, ...] | str


@dataclass(frozen=True)
class Learned:
    """What one version came to when it was trained on a small separable problem.

    `lowest` is the lowest loss per example that it can reach, `gradient` the norm of an example's gradient with respect
    to its logits where the model is confidently wrong, `accuracy` the share of right answers after training (None for
    targets that are no classes). `intended` are the means of the loss that was meant, at each of `Evidence.steps`.
    """

    lowest: float
    gradient: float
    accuracy: float | None
    intended: tuple[float, ...]


@dataclass(frozen=True)
class Evidence:
    """What a misuse costs: both versions trained from the same start; the text of an exception where one cannot be."""

    steps: tuple[int, ...]
    before: Learned | str
    after: Learned | str


@dataclass(frozen=True)
class Verification:
    """The runtime checker's answer for one finding."""

    verdict: Verdict
    reason: str
    framework: str
    batches: tuple[Batch, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Finding:
    """One violation of one rule at one loss call (or metric, or activation)."""

    code: str
    name: str
    severity: Severity
    message: str
    span: Span
    fix: Fix | None = None
    flow: tuple[FlowStep, ...] = ()
    url: str | None = None
    verification: Verification | None = None

    @property
    def sort_key(self) -> tuple[str, int, Location, str]:
        return (self.span.filename, self.span.cell or 0, self.span.start, self.code)


class CallVerdict(str, Enum):
    """The answer for one loss call; `open` is a relay that nobody in reach calls."""

    FINE = "fine"
    MISUSED = "misused"
    UNDECIDED = "undecided"
    OPEN = "open"


@dataclass(frozen=True)
class LossCall:
    """One loss call: what the loss takes, what it gets, and whether they fit."""

    span: Span
    loss: str
    takes: str
    gets: str
    labels: str
    verdict: CallVerdict
    reason: str
    codes: tuple[str, ...] = ()

    @property
    def sort_key(self) -> tuple[str, int, Location, str]:
        return (self.span.filename, self.span.cell or 0, self.span.start, self.loss)


@dataclass(frozen=True)
class Report:
    """What one run over some files found, sorted; `outside` are findings that were not asked for."""

    findings: tuple[Finding, ...] = ()
    loss_calls: tuple[LossCall, ...] = ()
    files: int = 0
    notes: tuple[str, ...] = field(default=())
    outside: tuple[Finding, ...] = ()

    @classmethod
    def joined(cls, reports: Iterable[Report]) -> Report:
        """Return one report of what several runs found."""
        reports = list(reports)
        return cls(
            tuple(sorted((each for report in reports for each in report.findings), key=lambda each: each.sort_key)),
            tuple(sorted((each for report in reports for each in report.loss_calls), key=lambda each: each.sort_key)),
            sum(report.files for report in reports),
            tuple(note for report in reports for note in report.notes),
            tuple(sorted((each for report in reports for each in report.outside), key=lambda each: each.sort_key)),
        )
