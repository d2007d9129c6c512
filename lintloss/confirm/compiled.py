"""Losses that are given to `compile` or a trainer: the model's head, through the framework's own training step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.sites import Site
from lintloss.analysis.terms import Api, Const, Term
from lintloss.analysis.terms import Sequence as SequenceTerm
from lintloss.confirm import Request, batches, verdicts
from lintloss.confirm.batches import LeafValue
from lintloss.confirm.cases import EXAMPLES, Case, Problem, Said, Undecided, learned_units
from lintloss.confirm.expectations import weights_of
from lintloss.confirm.process import Message, Worker, replaced_by
from lintloss.confirm.references import Array
from lintloss.confirm.serialise import Program, described
from lintloss.confirm.verdicts import Outcome, Trial


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
            yield self.trial(name, logits.reshape(output), self._said(leaves), self._run(logits, leaves))

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
        for shape in self.shapes(classes):
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

    def _run(self, logits: Array, leaves: Mapping[str, LeafValue]) -> dict[str, Outcome]:
        """One training step of each version; the gradient has the shape of what the model outputs."""
        given = batches.tensor(logits, self.dtype)
        message = {"task": "train", "sides": self.sides(), "logits": given, "leaves": dict(leaves)}
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


def compiled_loss(site: Site) -> Term:
    """What `compile` was given as its loss."""
    if site.constructor is not None:
        return site.constructor
    return Const(site.spelled) if site.spelled is not None else Api(site.entry.name)
