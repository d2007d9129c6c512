"""Judging what was measured: is it equal, up to the clamp, or different, and what follows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lintloss.confirm.references import Array, Loss
from lintloss.finding import Batch, Verdict, Verification

EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
ROUNDINGS = 16  # operations between the logits and a loss, each of which may round
HALF_ROUNDINGS = 4  # of these, those in half precision: losses themselves are computed in single precision
FIGURES = 16
LITERALS, MODERATE, EXTREME = "literals", "moderate", "extreme"


@dataclass(frozen=True)
class Outcome:
    """What one version did on one batch: its loss and gradient, or what it raised."""

    values: Array | None = None
    gradient: Array | None = None
    raised: str | None = None
    dtype: str = "float32"
    warnings: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[float, ...] | str:
        return flat(self.values) if self.values is not None else str(self.raised)


@dataclass(frozen=True)
class Comparison:
    """One version against the reference on one batch. `why` says what differs, empty if nothing does."""

    why: str
    saturates: bool = False


@dataclass(frozen=True)
class Trial:
    """One batch: both versions and how they compare."""

    name: str
    before: Outcome
    after: Outcome | None
    reference: Loss
    before_against: Comparison
    after_against: Comparison | None

    @property
    def batch(self) -> Batch:
        after = self.after.figures if self.after is not None else "not run"
        return Batch(self.name, self.before.figures, after, flat(self.reference.values))


def flat(values: Array) -> tuple[float, ...]:
    """The first numbers of an array."""
    return tuple(float(value) + 0.0 for value in np.ravel(values)[:FIGURES])  # no negative zeros


def tolerance(expected: Array, terms: int, largest: float, dtype: str) -> float:
    """How far a right result may be off: `eps * roundings * terms`, times the size of what was added up.

    In half precision that worst case would allow anything. There roundings count as independent: `sqrt(terms)`.
    """
    finite = np.abs(expected[np.isfinite(expected)])
    size = max(1.0, largest, float(finite.max(initial=0.0)))
    is_half = dtype in ("float16", "bfloat16")
    roundings = HALF_ROUNDINGS * math.sqrt(max(1, terms)) if is_half else ROUNDINGS * max(1, terms)
    return EPS.get(dtype, EPS["float32"]) * roundings * size


def compare(found: Outcome, expected: Loss, logits: Array, clamped: Callable[[], Loss] | None) -> Comparison:
    """Whether a version is equal to its reference; `clamped` gives what it may be on extreme logits instead."""
    if found.raised is not None or found.values is None:
        return Comparison(f"raises {found.raised}")
    terms = logits.shape[-1] if logits.ndim else 1
    largest = float(np.abs(logits).max(initial=0.0))
    allowed = tolerance(expected.values, terms, largest, found.dtype)
    why = _difference("loss", found.values, expected.values, allowed)
    if not why:
        slack = tolerance(expected.gradient, terms, min(largest, 64.0), found.dtype)
        why = _difference("gradient", found.gradient, expected.gradient, slack)
    if why and clamped is not None and not _difference("loss", found.values, clamped().values, 1e-3 + allowed / 64):
        return Comparison("", saturates=True)
    return Comparison(why)


def _difference(what: str, found: Array | None, expected: Array, allowed: float) -> str:
    if found is None:
        return f"no {what} reaches the logits"
    if found.size != expected.size:
        return f"{what} of shape {list(found.shape)} instead of {list(expected.shape)}"
    if not np.isfinite(found).all():
        return f"{what} is not finite"
    off = float(np.abs(found.ravel() - expected.ravel()).max(initial=0.0))
    return f"{what} off by {off:.3g}, {allowed:.1g} allowed" if off > allowed else ""


def judged(trials: list[Trial], framework: str, notes: tuple[str, ...] = ()) -> Verification:
    """The verdict on what was measured; there is at least one trial."""
    batches = tuple(trial.batch for trial in trials)

    def said(verdict: Verdict, *reasons: str) -> Verification:
        return Verification(verdict, "; ".join((*filter(None, reasons), *notes)), framework, batches)

    if any(trial.after_against is None for trial in trials):
        differs = next((trial for trial in trials if trial.before_against.why), None)
        shown = f"{_how(differs)} ({differs.name})" if differs else "the loss equals its reference"
        return said(Verdict.UNDECIDED, "there is no rewritten loss to compare", shown)
    raised = {(trial.before.raised, trial.after.raised if trial.after else None) for trial in trials}
    if len(raised) == 1 and all(before is not None and before == after for before, after in raised):
        return said(Verdict.UNDECIDED, f"neither version runs here: {trials[0].before.raised}")
    if not any(np.any(trial.reference.gradient) for trial in trials):
        return said(Verdict.UNDECIDED, "the loss that is meant is constant here: there is nothing to compare")
    wrong = next((trial for trial in trials if trial.after_against and trial.after_against.why), None)
    if wrong is not None and wrong.after_against is not None:
        why = f"the rewritten loss differs from the reference ({wrong.name})"
        return said(Verdict.REFUTED, f"{why}: {wrong.after_against.why}")
    saturates = any(trial.after_against and trial.after_against.saturates for trial in trials)
    after = _equal(trials) + (", and saturates where the loss clips extreme probabilities" if saturates else "")
    told = [trial for trial in trials if trial.before_against.why]
    if not told:
        return said(Verdict.EQUIVALENT, "the loss is right as it stands: " + _repair(trials), after)
    if all(trial.name == EXTREME for trial in told):
        return said(Verdict.CONFIRMED, f"only extreme logits tell them apart: {told[0].before_against.why}", after)
    return said(Verdict.CONFIRMED, f"{_how(told[0])} ({told[0].name})", after)


def _how(trial: Trial) -> str:
    why = trial.before_against.why
    return f"the loss {why}" if why.startswith("raises") else f"the original's {why}"


def _equal(trials: list[Trial]) -> str:
    outcome = next(trial.after for trial in trials if trial.after is not None)
    terms = trials[0].reference.gradient.shape[-1] if trials[0].reference.gradient.ndim else 1
    figure = tolerance(np.zeros(0), terms, 1.0, outcome.dtype)
    return (
        f"after the fix loss and gradient equal the reference to {figure:.1g} of the logits' size "
        f"({outcome.dtype}, {terms} terms)"
    )


def _repair(trials: list[Trial]) -> str:
    """How it can be right, where the framework said something."""
    said = [text for trial in trials for text in trial.before.warnings if "logits" in text.lower()]
    repaired = "the framework computes the loss from the logits it finds"
    return f"Keras repaired it and warned ({said[0]})" if said else repaired


def undecided(reason: str, framework: str) -> Verification:
    return Verification(Verdict.UNDECIDED, reason, framework)


def outcome(answer: dict[str, Any]) -> Outcome:
    """What the worker measured, as arrays."""
    if "raised" in answer:
        return Outcome(raised=answer["raised"])
    value, gradient = answer["value"], answer.get("gradient")
    return Outcome(
        values=_floats(value),
        gradient=None if gradient is None else _floats(gradient),
        dtype=value["dtype"],
        warnings=tuple(answer.get("warnings", ())),
    )


def _floats(value: dict[str, Any]) -> Array:
    return np.reshape(np.asarray(value["data"], np.float64), tuple(value["shape"]))
