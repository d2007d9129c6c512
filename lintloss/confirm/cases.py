"""What both kinds of case share: the programs to run, the batches to run them on, the references to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.sites import Site
from lintloss.analysis.terms import Term
from lintloss.confirm import Request, batches, verdicts
from lintloss.confirm.batches import LeafValue
from lintloss.confirm.expectations import UNWEIGHED, Expectation, Weights, expectation
from lintloss.confirm.labels import label_source
from lintloss.confirm.process import Message, Worker, replaced_by
from lintloss.confirm.references import Array, Loss
from lintloss.confirm.serialise import Program, Reader, constant_int
from lintloss.confirm.verdicts import EXTREME, Comparison, Outcome, Trial

EXAMPLES = 48  # of a problem to learn, where their number is free


class Undecided(Exception):
    """This case cannot be run; the message says why."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A batch to learn: `labels` as the loss gets them, and as `rows`, one weight per class, in the logits' shape."""

    leaves: Mapping[str, LeafValue]
    labels: Any
    rows: Array


@dataclass(frozen=True, eq=False)
class Said:
    """What a loss is told beside its prediction."""

    labels: Any
    weights: Weights = UNWEIGHED


class Case:
    """What both kinds of case share: readers, expectations, batches of unknown logits."""

    def __init__(self, request: Request, book: ApiBook, worker: Worker) -> None:
        self.request, self.book, self.worker = request, book, worker
        self.before, self.after = request.before, request.after
        is_absent = replaced_by(worker.kind, request.framework) is not None
        self.readers = {
            side: Reader(book, site.guards, request.era, by_meaning=is_absent)
            for side, site in (("before", self.before), ("after", self.after))
            if site is not None
        }
        self.expected: dict[str, Expectation] = {
            side: expectation(request, site, book)
            for side, site in (("before", self.before), ("after", self.after))
            if site is not None
        }
        self.source = label_source(request.labels or self.before.labels, request.encoding, self.readers["before"])

    @property
    def notes(self) -> tuple[str, ...]:
        dropped = any(reader.dropout for reader in self.readers.values())
        taken = self.request.activation
        notes = {"Dropout's rate was set to 0": dropped, f"the prediction is taken for a {taken}": taken is not None}
        return tuple(note for note, holds in notes.items() if holds)

    @property
    def pre_activation(self) -> Term | None:
        """What the logits are drawn for: what went into the activation, or a prediction of which nothing is known."""
        if self.request.pre is not None:
            return self.readers["before"].normal(self.request.pre)
        return self.readers["before"].normal(self.before.prediction) if self.request.activation else None

    def trials(self) -> Iterator[Trial]:
        """The batches that both versions were run on."""
        raise NotImplementedError

    def problem(self) -> Problem:
        """A batch of many examples, of the kind that the case is tried on."""
        raise NotImplementedError

    def sides(self) -> dict[str, Message]:
        """What the worker needs of each version to train it."""
        raise NotImplementedError

    def outcomes(self, problem: Problem, logits: Array) -> dict[str, Outcome]:
        """Loss and gradient of each version for logits of a problem."""
        raise NotImplementedError

    @property
    def dtype(self) -> str:
        """The precision to draw unknown logits in."""
        return self.request.dtype if self.request.dtype in verdicts.EPS else "float32"

    @property
    def encoding(self) -> str:
        """The encoding to draw the labels' source in."""
        if self.source is not None and self.source.encoding != "unknown":
            return self.source.encoding
        wants = (self.after or self.before).entry["labels"]
        by_entry = {"sparse": "class_ids", "either": "class_ids", "dense": "one_hot", "binary": "binary"}
        if self.expected["before"].is_softmax:
            return by_entry.get(str(wants), "one_hot").replace("binary", "one_hot")
        return "continuous" if "error" in self.request.intent else "binary"

    def trial(self, name: str, logits: Array, said: Said, found: Mapping[str, Outcome]) -> Trial:
        """Compare what was found with the reference, each side in its own layout."""
        sides = {side: self._against(side, name, logits, said, found[side]) for side in self.expected}
        shown = self.expected.get("after", self.expected["before"]).on(logits, said.labels, said.weights)
        return Trial(name, found["before"], found.get("after"), shown, sides["before"], sides.get("after"))

    def _against(self, side: str, name: str, logits: Array, said: Said, found: Outcome) -> Comparison:
        expected = self.expected[side]
        site = self.after if side == "after" and self.after is not None else self.before
        clamp = site.entry.under(self._arguments(site))["clamp"]

        def clamped() -> Loss:
            return expected.on(logits, said.labels, said.weights, float(clamp))

        meant = expected.on(logits, said.labels, said.weights)
        return verdicts.compare(found, meant, logits, clamped if clamp and name == EXTREME else None)

    def _arguments(self, site: Site) -> Mapping[str, Term]:
        term = site.term if site.term is not None else site.constructor
        bound = self.book.bind(term) if term is not None else None
        return bound.arguments if bound is not None else site.arguments

    def shapes(self, classes: int | None) -> Iterator[tuple[int, ...]]:
        return batches.shapes(self.request.shape, self.request.classes or classes, self.request.intent)

    def drawn_labels(self, name: str, shape: tuple[int, ...], axis: int) -> Any:
        return batches.labels(name, self.encoding, shape, axis)

    def said(self, labels: Program, weights: Mapping[str, Program], leaves: Mapping[str, LeafValue]) -> Said:
        """The labels that the loss gets for a batch, and the weights if it gets any.

        Raises:
            Undecided: they cannot be computed.
        """
        programs = {name: program.message() for name, program in (("labels", labels), *weights.items())}
        answer = self.answered({"task": "evaluate", "programs": programs, "leaves": dict(leaves)})
        for part in answer.values():
            if "raised" in part:
                raise Undecided(f"labels or weights cannot be computed: {part['raised']}")
        values = {name: batches.as_array(part["value"]) for name, part in answer.items()}
        return Said(values.pop("labels"), Weights(**values))

    def answered(self, message: Message) -> Message:
        """The worker's answer; what it refused to run makes the case undecided."""
        answer = self.worker.ask({**message, "policy": self.request.policy})
        for part in answer.values():
            if "refused" in part:
                raise Undecided(part["refused"])
        return answer


def learned_units(term: Term, reader: Reader) -> int | None:
    """How many outputs the layer has that made the pre-activation."""
    bound = reader.bind(term)
    return constant_int(bound.get("units")) if bound is not None else None
