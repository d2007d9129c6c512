"""What a program computes, before it is decided how it is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle.choices import Choices

EXAMPLES = 4
FEATURES = 3


@dataclass(frozen=True)
class Plan:
    """A head, its labels and a loss, which fit or do not.

    `activation` is what is applied to the scores: `linear softmax sigmoid log_softmax`; `family`, `input` and
    `labels_taken` are the loss's; `encoding` the labels'. `outer` is the shape in front of the units.
    """

    units: int
    classes: int
    outer: tuple[int, ...]
    activation: str
    family: str
    input: str
    labels_taken: str
    encoding: str
    ids: tuple[int, ...]

    @property
    def meaning(self) -> str:
        """What is meant: the model's output says it; where that is linear, the loss does."""
        if self.units == 1:
            return "sigmoid"
        return {"softmax": "softmax", "log_softmax": "softmax", "sigmoid": "sigmoid"}.get(self.activation, self.family)

    @property
    def alternative(self) -> str:
        """What the loss means, which a fix may follow just as well."""
        return "sigmoid" if self.units == 1 else self.family

    @property
    def labels_fit(self) -> bool:
        """Whether the labels can be the units'."""
        if self.encoding == "ids":
            return max(self.ids) < max(self.units, 2)
        return self.classes == self.units

    @property
    def labels_are_taken(self) -> bool:
        """Whether the labels are what the loss takes, in number and kind."""
        taken = {"dense": ("one_hot", "soft"), "sparse": ("ids",), "binary": ("binary", "multi_hot", "one_hot")}
        return self.labels_fit and self.encoding in taken[self.labels_taken]

    @property
    def is_constant(self) -> bool:
        """Whether the head is a softmax over one unit."""
        return self.units == 1 and self.activation in ("softmax", "log_softmax")

    def meant_labels(self) -> list[object]:
        """The weights of each unit that the labels mean, as nested lists of the scores' shape."""
        rows = self.rows()
        if rows.shape[-1] != self.units:
            rows = np.resize(rows, (len(rows), self.units))
        nested: list[object] = rows.reshape((*self.outer, self.units)).tolist()
        return nested

    def rows(self) -> np.ndarray:
        """One row per label, as the encoding has it; of ids, their one-hot rows."""
        ids = np.asarray(self.ids)
        if self.encoding == "ids" and self.units == 1:
            return ids[:, None].astype(float)
        if self.encoding == "ids":
            return np.asarray(ids[:, None] == np.arange(max(self.units, int(ids.max()) + 1)), dtype=float)
        if self.encoding == "binary":
            return (ids % 2)[:, None].astype(float)
        if self.encoding == "multi_hot":
            return np.asarray((ids[:, None] * 3 + np.arange(self.classes)) % 2, dtype=float)
        hot = np.eye(self.classes)[ids]
        return hot if self.encoding == "one_hot" else 0.75 * hot + 0.25 / self.classes


def planned(choices: Choices) -> Plan:
    """A plan of which about half are right."""
    family = choices.among("softmax", "softmax", "sigmoid")
    takes = choices.among("logits", "probabilities")
    classes = choices.among(3, 2, 4, 5)
    if family == "softmax":
        labels_taken = choices.among("dense", "sparse")
        units = 1 if choices.rarely(16) else classes
    else:
        labels_taken = "binary"
        units = choices.among(1, 1, classes)
    fitting = {"logits": "linear", "probabilities": family}[takes]
    other = choices.among("softmax", "linear", "sigmoid", "softmax", "log_softmax")
    activation = other if choices.rarely(2) else fitting
    encoding = _encoding(choices, labels_taken, units)
    if encoding == "binary":
        classes = 1
    elif units > 1 and choices.rarely(12):
        units += 1
    of_sequences = choices.rarely(8) and (encoding != "ids" or labels_taken != "binary")
    outer = (EXAMPLES, 2) if of_sequences else (EXAMPLES,)
    count = int(np.prod(outer))
    ids = tuple(choices.number(max(classes, 2)) for _ in range(count))
    return Plan(units, classes, outer, activation, family, takes, labels_taken, encoding, ids)


def _encoding(choices: Choices, labels_taken: str, units: int) -> str:
    fits = not choices.rarely(5)
    if units == 1:
        return "binary" if fits else "ids"
    if labels_taken == "sparse":
        return "ids" if fits else choices.among("one_hot", "soft")
    if labels_taken == "dense":
        return choices.among("one_hot", "soft") if fits else "ids"
    return choices.among("multi_hot", "one_hot") if fits else "ids"
