"""Losses that are called, or written out: evaluated as they stand, with a tape on the logits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.terms import Term
from lintloss.confirm import Request, batches, verdicts
from lintloss.confirm.batches import LeafValue
from lintloss.confirm.cases import EXAMPLES, Case, Problem, Said, Undecided, learned_units
from lintloss.confirm.expectations import NoReference, weights_of
from lintloss.confirm.process import Message, Worker
from lintloss.confirm.references import Array
from lintloss.confirm.serialise import Program, described
from lintloss.confirm.verdicts import LITERALS, Outcome, Trial

LARGEST_BATCH = 50_000


class CalledCase(Case):
    """A loss that is a call or a formula: evaluated as it stands, with a tape on the logits."""

    def __init__(self, request: Request, book: ApiBook, worker: Worker) -> None:
        super().__init__(request, book, worker)
        terms = {"before": request.before_term or self.before.term}
        if self.after is not None:
            terms["after"] = request.after_term or self.after.term
        reader = self.readers["before"]
        self.pre = self.pre_activation or reader.logits_of(self.before.prediction)
        self.logits_name = reader.fingerprint(self.pre)
        self.labels_name = reader.fingerprint(self.source.term) if self.source else None
        cuts = {self.logits_name: request.activation}
        self.programs = self._programs(terms, cuts | ({self.labels_name: None} if self.labels_name else {}))
        if self.labels_name is not None and any(self.labels_name not in p.leaves for p in self.programs.values()):
            self.labels_name = None
            self.programs = self._programs(terms, cuts)
        self.labels = reader.program(self._labels_term, {self.logits_name: None, self.labels_name or "": None})
        cut = {self.logits_name: None}
        self.weights = {role: reader.program(term, cut) for role, term in weights_of(self.before, book).items()}
        self.drawn_weights = self._check_leaves()

    @property
    def _labels_term(self) -> Term:
        labels = self.request.labels or self.before.labels
        if labels is None:
            raise Undecided("the labels are not known")
        return labels

    def _programs(self, terms: Mapping[str, Term | None], cuts: Mapping[str, str | None]) -> dict[str, Program]:
        if any(term is None for term in terms.values()):
            raise Undecided("the loss' own expression is not known")
        known = {side: term for side, term in terms.items() if term is not None}
        return {side: self.readers[side].program(term, cuts) for side, term in known.items()}

    def _check_leaves(self) -> dict[str, str]:
        """All leaves must be logits, labels or weights; returns the weights' names, with what they weigh."""
        if self.logits_name not in self.programs["before"].leaves:
            raise Undecided("the logits were not found in the loss")
        weights = {leaf: role for role, program in self.weights.items() for leaf in list(program.leaves)[:1]}
        known = {self.logits_name, self.labels_name, *weights}
        for program in (*self.programs.values(), self.labels):
            for name, term in program.leaves.items():
                if name not in known:
                    raise Undecided(f"the loss depends on {described(term)}")
        return weights

    def trials(self) -> Iterator[Trial]:
        """First the literals, if the logits are known, then seeded batches."""
        literal = self._literal
        if literal.get(self.logits_name) is not None and self._labels_known(literal):
            yield self._measured(LITERALS, literal)
        for name in batches.NAMES:
            yield self._measured(name, self._drawn(name, self._shape))

    def problem(self) -> Problem:
        is_free = not self._literal and not isinstance((self.request.shape or (None,))[0], int)
        shape = (EXAMPLES, *self._shape[1:]) if is_free and self._shape else self._shape
        leaves = self._drawn(batches.NAMES[0], shape)
        labels = self._said(leaves).labels
        return Problem(leaves, labels, self.expected["before"].rows(labels, shape))

    def sides(self) -> dict[str, Message]:
        return {side: {"nodes": program.message(), "leaf": self.logits_name} for side, program in self.programs.items()}

    def outcomes(self, problem: Problem, logits: Array) -> dict[str, Outcome]:
        given = batches.tensor(logits, problem.leaves[self.logits_name]["dtype"])
        return self._run({**problem.leaves, self.logits_name: given})

    def _labels_known(self, literal: Mapping[str, LeafValue]) -> bool:
        return (self.labels_name is None or self.labels_name in literal) and not self.drawn_weights

    @cached_property
    def _literal(self) -> dict[str, LeafValue]:
        """The values of logits and labels that the code itself states."""
        reader = self.readers["before"]
        programs = {self.logits_name: reader.program(self.pre)}
        if self.labels_name is not None and self.source is not None:
            programs[self.labels_name] = reader.program(self.source.term)
        known = {name: program.message() for name, program in programs.items() if not program.leaves}
        if not known:
            return {}
        answer = self.answered({"task": "evaluate", "programs": known, "leaves": {}})
        for part in answer.values():
            if "raised" in part:
                raise Undecided(f"the code's own values cannot be computed: {part['raised']}")
            if np.prod(part["value"]["shape"]) > LARGEST_BATCH:
                raise Undecided("the code's own values are too large to try")
        return {name: part["value"] for name, part in answer.items()}

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        """The first shape of logits on which the rewritten loss runs."""
        candidates = list(self._shapes())
        why = ""
        for shape in candidates:
            try:
                trial = self._measured(batches.NAMES[0], self._drawn(batches.NAMES[0], shape))
            except NoReference as error:
                why = str(error)
                continue
            if trial.after is None or trial.after.raised is None:
                return shape
            why = trial.after.raised
        if len(candidates) > 1:
            raise Undecided(f"no shape was found on which the rewritten loss runs: {why}")
        return candidates[0]

    def _shapes(self) -> Iterator[tuple[int, ...]]:
        if self.logits_name in self._literal:
            yield tuple(self._literal[self.logits_name]["shape"])
            return
        classes = self.source.classes if self.source is not None else None
        stated = self._literal.get(self.labels_name or "")
        known = self.request.shape
        if stated is not None:
            fitting = self._shapes_for_labels(tuple(stated["shape"]), batches.as_array(stated), classes)
            yield from (shape for shape in fitting if known is None or len(known) == len(shape))
        yield from self.shapes(classes or learned_units(self.pre, self.readers["before"]))

    def _shapes_for_labels(self, shape: tuple[int, ...], values: Any, classes: int | None) -> Iterator[tuple[int, ...]]:
        """Logits for labels that the code states."""
        if self.source is not None and self.source.encoding == "class_ids" and self.expected["before"].is_softmax:
            width = classes or self.request.classes or int(values.max(initial=0)) + 1
            yield (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), width)
        else:
            yield shape

    def _drawn(self, name: str, shape: tuple[int, ...]) -> dict[str, LeafValue]:
        stated = self._literal.get(self.logits_name)
        is_typed = stated is not None and stated["form"] != "python" and "float" in stated["dtype"]
        dtype = stated["dtype"] if stated is not None and is_typed else self.dtype
        leaves = {self.logits_name: batches.tensor(batches.logits(name, shape, dtype), dtype)}
        if self.labels_name is not None:
            leaves[self.labels_name] = self._drawn_source(name, shape, dtype, self._literal.get(self.labels_name))
        axis = self.expected["before"].axis(len(shape))
        for leaf, role in self.drawn_weights.items():
            size = shape[0] if role == "weights" else shape[axis]
            leaves[leaf] = batches.tensor(batches.weights(name, size), dtype)
        return leaves

    def _drawn_source(self, name: str, shape: tuple[int, ...], dtype: str, stated: LeafValue | None) -> LeafValue:
        axis = self.expected["before"].axis(len(shape))
        data = self.drawn_labels(name, shape, axis)
        if stated is None:
            return batches.tensor(self._ranked(data), "int32" if self.encoding == "class_ids" else dtype)
        if data.size != np.prod(stated["shape"]) or not _same_kind(stated, self.encoding):
            return stated
        return batches.like(stated, data.reshape(stated["shape"]))

    def _ranked(self, data: Any) -> Any:
        """Labels with the number of axes that the code's own have, where they are drawn for what it passes itself."""
        is_direct = self.source is not None and self.readers["before"].normal(self._labels_term) is self.source.term
        missing = self.request.labels_rank - data.ndim if is_direct and self.request.labels_rank is not None else 0
        if missing == 1:
            return data[..., None]
        return data[..., 0] if missing == -1 and data.shape[-1] == 1 else data

    def _measured(self, name: str, leaves: Mapping[str, LeafValue]) -> Trial:
        outcomes = self._run(leaves)
        logits = np.asarray(batches.as_array(leaves[self.logits_name]), np.float64)
        return self.trial(name, logits, self._said(leaves), outcomes)

    def _run(self, leaves: Mapping[str, LeafValue]) -> dict[str, Outcome]:
        programs = {side: program.message() for side, program in self.programs.items()}
        message = {"task": "evaluate", "programs": programs, "leaves": dict(leaves), "wrt": self.logits_name}
        return {side: verdicts.outcome(answer) for side, answer in self.answered(message).items()}

    def _said(self, leaves: Mapping[str, LeafValue]) -> Said:
        return self.said(self.labels, self.weights, leaves)


def _same_kind(stated: LeafValue, encoding: str) -> bool:
    """Whether drawn labels can stand where the literal ones stood: soft labels cannot be integers."""
    return "float" in stated["dtype"] or encoding not in ("soft", "continuous", "unknown")
