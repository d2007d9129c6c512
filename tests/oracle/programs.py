"""Random programs that compute a loss: what they do, in which style, and what is meant by it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oracle import styles
from oracle.choices import Choices
from oracle.code import Code
from oracle.plan import planned


@dataclass(frozen=True)
class Program:
    """Code with one loss call. `probe` runs after it and names `computed` and `scores`, what the loss is of.

    `labels` hold what each row's label means, a weight per unit; `meanings` are `softmax` or `sigmoid`: what the head
    says, and after a fix also what the loss says, `alternative`. `is_constant` says that the head gives nothing but 1,
    `labels_fit` that the labels can be those of its units, `labels_are_taken` that the loss takes such labels.
    """

    source: str
    probe: str
    labels: list[object]
    meanings: tuple[str, ...]
    alternative: str
    reduction: str
    is_constant: bool
    labels_fit: bool
    labels_are_taken: bool
    is_handwritten: bool
    style: str
    made: tuple[int, ...]

    def relabelled(self, source: str) -> Program:
        """The program after a fix of its labels, which leaves what the head says."""
        return replace(self, source=source)

    def repaired(self, source: str) -> Program:
        """The program after a fix, which may make the head the loss's or the loss the head's."""
        return replace(self, source=source, meanings=(*self.meanings, self.alternative), is_constant=False)


def generate(choices: Choices) -> Program:
    """The program that `choices` lead to."""
    plan = planned(choices)
    code = Code()
    style = choices.among(*styles.STYLES)
    probe, reduction = style(choices, code, plan)
    source = code.text(choices)
    return Program(
        source=source,
        probe=probe,
        labels=plan.meant_labels(),
        meanings=(plan.meaning,),
        alternative=plan.alternative,
        reduction=reduction,
        is_constant=plan.is_constant,
        labels_fit=plan.labels_fit,
        labels_are_taken=plan.labels_are_taken,
        is_handwritten="* tf.math.log(" in source,
        style=style.__name__,
        made=tuple(choices.made),
    )
