"""Losses that are given to `compile` or a trainer: the model's head, through the framework's own training step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.sites import Site
from lintloss.analysis.terms import Api, Apply, Const, Term, within
from lintloss.analysis.terms import Mapping as MappingTerm
from lintloss.analysis.terms import Sequence as SequenceTerm
from lintloss.confirm import Request, batches, references, verdicts
from lintloss.confirm.batches import LeafValue
from lintloss.confirm.cases import EXAMPLES, Case, Problem, Said, Undecided, learned_units
from lintloss.confirm.expectations import Weights, weights_of
from lintloss.confirm.process import Message, Worker, replaced_by
from lintloss.confirm.references import Array
from lintloss.confirm.serialise import Program, described
from lintloss.confirm.verdicts import Outcome, Trial


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a batch is weighed with: examples, `[N]`, and classes by number; None for nothing.

    `mask` says which positions of a sequence count, in the shape of the logits without the classes.
    """

    examples: Array | None
    classes: Mapping[int, float] | None
    mask: npt.NDArray[np.bool_] | None

    def message(self) -> Message:
        examples = None if self.examples is None else batches.tensor(self.examples, "float32")
        classes = None if self.classes is None else [*self.classes.items()]
        mask = None if self.mask is None else self.mask.tolist()
        return {"sample_weight": examples, "class_weight": classes, "mask": mask}


class CompiledCase(Case):
    """A compiled model: its head from the pre-activation on, through Keras' own training step."""

    def __init__(self, request: Request, book: ApiBook, worker: Worker) -> None:
        super().__init__(request, book, worker)
        absent = replaced_by(worker.kind, request.framework)
        if absent is not None:
            raise Undecided(f"{absent} is not installed, and only {absent} can run its trainers")
        sites = {"before": self.before} | ({"after": self.after} if self.after is not None else {})
        pre = self.pre_activation
        cuts = {self.readers["before"].fingerprint(pre): request.activation} if pre is not None else {}
        self.heads = {side: self._head(side, site, cuts) for side, site in sites.items()}
        self.losses = {side: self.readers[side].program(compiled_loss(site)) for side, site in sites.items()}
        for program in self.losses.values():
            for term in program.leaves.values():
                raise Undecided(f"the loss is {described(term)}")
        reader = self.readers["before"]
        self.weights = {role: reader.program(term) for role, term in weights_of(self.before, book).items()}
        self.label_programs = {side: self._labels(side, site) for side, site in sites.items()}

    def _head(self, side: str, site: Site, cuts: Mapping[str, str | None]) -> Program:
        if site.model is None:
            raise Undecided("the model is not known")
        if isinstance(site.model.output, SequenceTerm):
            raise Undecided("the model has several outputs")
        head = self.readers[side].program(site.model.output, cuts)
        if len(head.leaves) != 1:
            raise Undecided("the model's head is not made from one pre-activation")
        return head

    def _labels(self, side: str, site: Site) -> Program:
        """The labels from their source, which stands under one name on both sides."""
        source = self.source.term if self.source is not None else None
        if source is None or site.labels is None:
            return Program((["leaf", "labels"],), {"labels": self.before.prediction})
        program = self.readers[side].program(site.labels, {self.readers[side].fingerprint(source): None})
        if len(program.leaves) != 1:
            return Program((["leaf", "labels"],), {"labels": source})
        return program

    def trials(self) -> Iterator[Trial]:
        shape, output = self._fitting
        for name in batches.NAMES:
            logits, leaves = batches.logits(name, shape, self.dtype), self._leaves(name, output)
            said, fitted = self._said(leaves), self._fitted(name, output)
            said = replace(said, weights=self._weighed(said, fitted, output))
            yield self.trial(name, logits.reshape(output), said, self._run(logits, leaves, fitted))

    def problem(self) -> Problem:
        _, output = self._fitting
        leaves = self._leaves(batches.NAMES[0], (EXAMPLES, *output[1:]))
        labels = self._said(leaves).labels
        return Problem(leaves, labels, self.expected["before"].rows(labels, (EXAMPLES, *output[1:])))

    def sides(self) -> dict[str, Message]:
        return {side: self._side(side) for side in self.heads}

    def outcomes(self, problem: Problem, logits: Array) -> dict[str, Outcome]:
        shape, _ = self._fitting
        return self._run(logits.reshape(len(logits), *shape[1:]), problem.leaves)

    @cached_property
    def _fitting(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A shape for the pre-activation on which the head runs, and the shape of what comes out."""
        head = self.heads.get("after", self.heads["before"])
        (name, term), *_ = head.leaves.items()
        classes = learned_units(term, self.readers["before"]) or (self.source.classes if self.source else None)
        raised = ""
        shapes = sorted(self.shapes(classes), key=lambda shape: self._marks_positions and len(shape) < 3)
        for shape in shapes:
            zeros = batches.tensor(np.zeros(shape), "float32")
            programs = {"output": head.message()}
            answer = self.answered({"task": "evaluate", "programs": programs, "leaves": {name: zeros}})["output"]
            if "value" in answer and np.prod(answer["value"]["shape"]) == np.prod(shape):
                return shape, tuple(answer["value"]["shape"])
            raised = answer.get("raised", "something between activation and loss changes the number of values")
        raise Undecided(f"the model's head could not be run: {raised}")

    def _leaves(self, name: str, output: tuple[int, ...]) -> dict[str, LeafValue]:
        drawn = self.drawn_labels(name, output, -1)
        kind = "int32" if self.encoding == "class_ids" else "float32"
        names = {leaf for program in self.label_programs.values() for leaf in program.leaves}
        return {leaf: batches.tensor(drawn, kind) for leaf in sorted(names)}

    def _fitted(self, name: str, output: tuple[int, ...]) -> Fitted:
        """What training weighs a batch with: drawn weights where those in the code are not literal."""
        given, classes = self.before.weights, output[-1] if output[-1] > 1 else 2
        if len(given) > 1:
            raise Undecided("examples and classes have weights, and Keras takes one or the other")
        drawn = batches.weights(name, max(classes, output[0])) if given else np.zeros(0)
        stated = _stated(given["class_weights"]) if "class_weights" in given else None
        by_class = {at: float(weight) for at, weight in enumerate(drawn[:classes])} if stated is None else stated
        examples = drawn[: output[0]] if "weights" in given else None
        is_masked = self._marks_positions and len(output) > 2 and self._fitting[0] == output
        mask = batches.mask(name, output[:-1]) if is_masked else None
        return Fitted(examples, by_class if "class_weights" in given else None, mask)

    @cached_property
    def _marks_positions(self) -> bool:
        """Whether a layer of the model marks positions of a sequence that do not count."""
        terms = within(self.before.model.output) if self.before.model is not None else iter(())
        made = (self.book.bind(term) for term in terms if isinstance(term, Apply))
        marks = ((bound, bound.entry["masks"]) for bound in made if bound is not None)
        return any(mark is True or (isinstance(mark, str) and _is_true(bound.get("masks"))) for bound, mark in marks)

    def _weighed(self, said: Said, fitted: Fitted, output: tuple[int, ...]) -> Weights:
        """The weights of the examples of a batch, those of their classes included."""
        weights = fitted.examples
        if fitted.classes is not None:
            rows = self.expected["before"].rows(said.labels, output)
            if not np.isin(rows, (0.0, 1.0)).all():
                raise Undecided("classes have weights, and the labels are no classes")
            rows = np.concatenate([1 - rows, rows], axis=-1) if rows.shape[-1] == 1 else rows
            of_classes = references.class_weights(rows, fitted.classes)
            weights = of_classes if weights is None else weights * of_classes
        given = said.weights if weights is None else replace(said.weights, weights=weights)
        return given if fitted.mask is None else replace(given, mask=fitted.mask)

    def _run(self, logits: Array, leaves: Mapping[str, LeafValue], fitted: Fitted | None = None) -> dict[str, Outcome]:
        """One training step of each version; the gradient has the shape of what the model outputs."""
        given = batches.tensor(logits, self.dtype)
        message = {"task": "train", "sides": self.sides(), "logits": given, "leaves": dict(leaves)}
        message |= fitted.message() if fitted is not None else {}
        found = {side: verdicts.outcome(answer) for side, answer in self.answered(message).items()}
        output = (len(logits), *self._fitting[1][1:])
        return {
            side: replace(outcome, gradient=None if outcome.gradient is None else outcome.gradient.reshape(output))
            for side, outcome in found.items()
        }

    def _said(self, leaves: Mapping[str, LeafValue]) -> Said:
        return self.said(self.label_programs["before"], self.weights, leaves)

    def _side(self, side: str) -> Message:
        head = self.heads[side]
        return {
            "head": head.message(),
            "leaf": next(iter(head.leaves)),
            "loss": self.losses[side].message(),
            "labels": self.label_programs[side].message(),
        }


def _is_true(term: Term | None) -> bool:
    return isinstance(term, Const) and term.value is True


def _stated(weights: Term) -> dict[int, float] | None:
    """Weights of classes as a literal states them."""
    entries = weights.entries if isinstance(weights, MappingTerm) else ()
    pairs = [(key.value, value.value) for key, value in entries if isinstance(key, Const) and isinstance(value, Const)]
    numbers = {key: float(value) for key, value in pairs if isinstance(key, int) and isinstance(value, (int, float))}
    return numbers if numbers and len(numbers) == len(entries) else None


def compiled_loss(site: Site) -> Term:
    """What `compile` was given as its loss."""
    if site.constructor is not None:
        return site.constructor
    return Const(site.spelled) if site.spelled is not None else Api(site.entry.name)
