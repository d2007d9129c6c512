"""A trial: a program is run and judged, and so is what its fixes make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oracle.choices import Choices, shrunk
from oracle.judge import Opinion, contradiction, fixed, opinion
from oracle.programs import Program, generate
from oracle.runner import Runner, Truth


@dataclass(frozen=True)
class Trial:
    """A program, or what its fixes make of it, with both answers and what contradicts."""

    program: Program
    truth: Truth
    said: Opinion
    against: str | None


def tried(program: Program, runner: Runner) -> Trial:
    """The trial of a program; if nothing is against that, of its fixed form."""
    first = _judged(program, runner)
    repaired = fixed(program) if first.against is None else None
    if repaired is None:
        return first
    second = _judged(repaired, runner)
    return replace(second, against=f"after fixing, {second.against}") if second.against else first


def _judged(program: Program, runner: Runner) -> Trial:
    truth, said = runner.truth(program), opinion(program.source)
    return Trial(program, truth, said, contradiction(program, truth, said))


def simplest(program: Program, kind: str, runner: Runner) -> Program:
    """The simplest program found that is contradicted in the same way."""

    def still(made: Sequence[int]) -> bool:
        try:
            return tried(generate(Choices(recorded=made)), runner).against == kind
        except RuntimeError:
            return False

    return generate(Choices(recorded=shrunk(program.made, still)))
