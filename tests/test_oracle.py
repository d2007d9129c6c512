"""Random programs: what lintloss says of their losses must not contradict what TensorFlow computes.

More of them on demand: `python -m oracle --programs 2000`, from this folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("tensorflow")

from oracle import meaning
from oracle.choices import Choices, shrunk
from oracle.judge import Opinion, contradiction, fixed
from oracle.programs import generate
from oracle.runner import Runner, Truth
from oracle.trial import Trial, tried

PROGRAMS = 200


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as started:
        yield started


@pytest.fixture(scope="module")
def trials(runner: Runner) -> list[Trial]:
    return [tried(generate(Choices(seed)), runner) for seed in range(PROGRAMS)]


def test_nothing_contradicts_what_tensorflow_computes(trials: list[Trial]) -> None:
    found = [
        f"seed {seed}: {trial.against}\n{trial.program.source}" for seed, trial in enumerate(trials) if trial.against
    ]
    assert not found, "\n".join(found)


def test_most_programs_are_decided(trials: list[Trial]) -> None:
    """An oracle whose programs are all alike, or a linter that never commits itself, would contradict nothing."""
    truths = Counter(trial.truth.verdict for trial in trials)
    assert min(truths["right"], truths["wrong"], truths["raises"]) >= PROGRAMS // 12
    undecided = sum(trial.said.verdict == "undecided" for trial in trials)
    assert undecided <= PROGRAMS // 5


def test_the_oracle_sees_contradictions(runner: Runner) -> None:
    """Each program is judged by the truth of another: what holds of it does not hold of the other."""
    program = generate(Choices(recorded=()))
    assert runner.truth(program).verdict == "right"
    assert contradiction(program, Truth("right"), Opinion("error"))
    assert contradiction(program, Truth("wrong"), Opinion("fine"))
    assert contradiction(program, Truth("raises"), Opinion("fine"))
    assert contradiction(program, Truth("right"), Opinion("silent"))
    assert not contradiction(program, Truth("wrong"), Opinion("undecided"))
    assert not contradiction(program, Truth("right"), Opinion("warning"))


def test_a_wrong_loss_is_not_taken_for_what_is_meant(runner: Runner) -> None:
    program = generate(Choices(recorded=()))
    assert "labels=y, logits=probs" in program.source
    wrong = program.source.replace("logits=probs", "logits=tf.nn.softmax(probs)")
    assert runner.truth(program.repaired(wrong)).verdict == "wrong"


SIGMOID_HEAD = """\
import numpy as np
import tensorflow as tf

y = np.array([0, 1, 2])
model = tf.keras.Sequential([tf.keras.layers.Dense(3), tf.keras.layers.Activation("sigmoid")])
model.compile("sgd", loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True))
model.fit(np.ones([3, 2]), y)
"""


@pytest.mark.parametrize(
    ("source", "meanings"),
    [
        (SIGMOID_HEAD.replace('tf.keras.layers.Activation("sigmoid")', "tf.keras.layers.Identity()"), ("sigmoid",)),
        (SIGMOID_HEAD, ("sigmoid", "softmax")),
    ],
    ids=["labels", "labels and head"],
)
def test_a_fix_of_labels_leaves_what_is_meant(source: str, meanings: tuple[str, ...]) -> None:
    program = replace(generate(Choices(recorded=())), source=source, meanings=("sigmoid",), alternative="softmax")
    after = fixed(program)
    assert after is not None
    assert "SparseCategoricalCrossentropy" in after.source
    assert after.meanings == meanings


def test_what_agrees_to_three_digits_only_is_too_close_to_tell(runner: Runner) -> None:
    program = generate(Choices(recorded=()))
    nearly = program.source.replace("logits=probs", "logits=probs * 1.0003")
    assert runner.truth(program.repaired(nearly)).verdict == "close"


def test_the_meanings_are_those_of_the_tutorial() -> None:
    labels = meaning.np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    scores = meaning.np.array([[2.0, 0.5, 6.0], [0.1, 0.0, 3.0]])
    assert meaning.per_example("softmax", labels, scores) == pytest.approx([0.02215516, 3.0996735])
    # log(1 + exp(-6)) and log(1 + exp(3))
    assert meaning.per_example("sigmoid", labels[:, 2:], scores[:, 2:]) == pytest.approx([0.0024756851, 3.0485873516])


def test_choices_are_replayed_and_made_simpler() -> None:
    choices = Choices(3)
    picked = [choices.number(9) for _ in range(20)]
    again = Choices(recorded=choices.made)
    assert [again.number(9) for _ in range(20)] == picked
    simplest = shrunk(choices.made, lambda made: any(number >= 5 for number in made), tries=500)
    assert [number for number in simplest if number] == [5]
