"""Runs the oracle on demand and prints each contradiction, shrunk."""

from __future__ import annotations

import sys
from collections import Counter

import click

from oracle.choices import Choices
from oracle.programs import generate
from oracle.runner import Runner
from oracle.trial import simplest, tried


@click.command()
@click.option("--programs", default=2000, show_default=True, help="How many programs to try.")
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--shrink/--no-shrink", default=True, help="Make contradicted programs simpler.")
@click.option("--most", default=20, show_default=True, help="Stop after so many contradictions.")
def main(programs: int, first: int, shrink: bool, most: int) -> None:
    """Hold lintloss against TensorFlow on random programs."""
    counts: Counter[tuple[str, str]] = Counter()
    against = 0
    with Runner() as runner:
        for seed in range(first, first + programs):
            program = generate(Choices(seed))
            trial = tried(program, runner)
            counts[trial.truth.verdict, trial.said.verdict] += 1
            if trial.against is None:
                continue
            against += 1
            print(f"--- seed {seed}, {program.style}: {trial.against}")
            if shrink:
                trial = tried(simplest(program, trial.against, runner), runner)
            print(f"# lintloss: {trial.said.verdict} {trial.said.detail}; {trial.truth.verdict}: {trial.truth.detail}")
            print(trial.program.source, flush=True)
            if against >= most:
                break
    for (verdict, said), count in sorted(counts.items()):
        print(f"{verdict:8} {said:10} {count}")
    sys.exit(bool(against))


if __name__ == "__main__":
    main()
