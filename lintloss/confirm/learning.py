"""Evidence: what a misuse costs, seen by training both versions on a small separable problem.

The problem is made for the case: labels of its own kind and number of classes, and for each example features from which
a linear model can tell them. The versions differ in their loss and head only; data, start, steps and rate are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite

import numpy as np

from lintloss.confirm import batches
from lintloss.confirm.cases import Case, Problem
from lintloss.confirm.expectations import NoReference
from lintloss.confirm.process import Message
from lintloss.confirm.references import Array
from lintloss.confirm.verdicts import Outcome
from lintloss.finding import Evidence, Learned

STEPS, EVERY, RATE = 200, 10, 0.5
NOISE = 0.3  # of the features, whose classes lie 1 apart
START = 3.0  # of the weights: as wide as a network's first logits often are, so that some examples begin wrong
SURE = (3.0, 12.0, 100.0)  # by how much right logits prefer the right class; one comes near the lowest loss
WRONG = -12.0  # by how much a confidently wrong example prefers it


def evidence(case: Case) -> Evidence | None:
    """Both versions trained; None where there are not two, or nothing to compare them with.

    Raises:
        Undecided: a version cannot be run.
        WorkerLost: the worker died or took too long.
    """
    if case.after is None:
        return None
    try:
        problem = case.problem()
        answers = case.answered(_task(case, problem))
        sides = _sides(case, problem, answers)
    except NoReference:
        return None
    return Evidence(tuple(range(0, STEPS + 1, EVERY)), sides["before"], sides["after"])


def _task(case: Case, problem: Problem) -> Message:
    order = _classes_last(problem.rows.ndim, case.expected["before"].axis(problem.rows.ndim))
    rows = problem.rows.transpose(order)
    features = _features(rows if rows.ndim > 1 else rows[:, None])
    generator = np.random.default_rng([batches.SEED, 31])
    width = rows.shape[-1] if rows.ndim > 1 else 1
    start = generator.normal(scale=START, size=(features.shape[-1], width))
    return {
        "task": "learn",
        "sides": case.sides(),
        "leaves": dict(problem.leaves),
        "features": batches.tensor(features, "float32"),
        "weights": batches.tensor(start, "float32"),
        "shape": list(rows.shape),
        "permutation": np.argsort(order).tolist(),
        "dtype": case.dtype,
        "steps": STEPS,
        "every": EVERY,
        "rate": RATE,
    }


def _classes_last(rank: int, axis: int) -> list[int]:
    """The order of axes that puts the classes' last."""
    if rank < 2:
        return list(range(rank))
    classes = axis % rank
    return [*(at for at in range(rank) if at != classes), classes]


def _features(rows: Array) -> Array:
    """For each row of labels its classes, with noise, and a constant."""
    noise = np.random.default_rng([batches.SEED, 29]).normal(scale=NOISE, size=rows.shape)
    return np.concatenate([rows + noise, np.ones((*rows.shape[:-1], 1))], axis=-1)


def _sides(case: Case, problem: Problem, answers: Mapping[str, Message]) -> dict[str, Learned | str]:
    right = [case.outcomes(problem, size * _direction(case, problem)) for size in SURE]
    wrong = case.outcomes(problem, WRONG * _direction(case, problem))
    return {side: _learned(case, side, problem, answers[side], right, wrong) for side in ("before", "after")}


def _direction(case: Case, problem: Problem) -> Array:
    """Logits that grow towards what the labels say."""
    return problem.rows if case.expected["before"].is_softmax else 2.0 * problem.rows - 1.0


def _learned(
    case: Case,
    side: str,
    problem: Problem,
    answer: Message,
    right: Sequence[Mapping[str, Outcome]],
    wrong: Mapping[str, Outcome],
) -> Learned | str:
    if "raised" in answer:
        return str(answer["raised"])
    reduction = case.expected[side].reduction
    lowest = [_per_example(found[side], reduction, len(problem.rows)) for found in right]
    return Learned(
        lowest=min((loss for loss in lowest if isfinite(loss)), default=float("nan")),
        gradient=_gradient(wrong[side], reduction, len(problem.rows)),
        accuracy=_accuracy(case, problem, np.asarray(answer["output"])),
        intended=tuple(_intended(case, problem, np.asarray(logits, np.float64)) for logits in answer["logits"]),
    )


def _per_example(found: Outcome, reduction: str, examples: int) -> float:
    if found.values is None:
        return float("nan")
    return float(found.values.mean()) / (examples if reduction == "sum" else 1)


def _gradient(found: Outcome, reduction: str, examples: int) -> float:
    """The norm of the gradient of one example's loss, whatever the reduction did to it."""
    if found.gradient is None or found.values is None:
        return 0.0 if found.raised is None else float("nan")
    is_averaged = found.values.size == 1 and reduction not in ("sum", "none")
    rows = found.gradient.reshape(examples, -1) * (examples if is_averaged else 1)
    return float(np.linalg.norm(rows, axis=1).mean())


def _accuracy(case: Case, problem: Problem, output: Array) -> float | None:
    """The share of right answers, as one reads them from what the model outputs."""
    expected = case.expected["before"]
    output = output.reshape(problem.rows.shape)
    if expected.is_softmax:
        axis = expected.options.axis
        return float((output.argmax(axis) == problem.rows.argmax(axis)).mean())
    if "error" in expected.intent:
        return None
    is_probability = case.before.model is not None and bool(((output >= 0) & (output <= 1)).all())
    return float(((output > (0.5 if is_probability else 0.0)) == (problem.rows > 0.5)).mean())


def _intended(case: Case, problem: Problem, logits: Array) -> float:
    """The mean of the loss that was meant."""
    expected = replace(case.expected["before"], reduction="none")
    return float(expected.on(logits.reshape(problem.rows.shape), problem.labels).values.mean())
