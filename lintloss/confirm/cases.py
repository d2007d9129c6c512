"""One request, run: which programs, on which batches, against which reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lintloss.analysis.apis import ApiBook, Bound
from lintloss.analysis.sites import Site
from lintloss.analysis.terms import Api, Apply, Const, Stated, Term
from lintloss.analysis.terms import Sequence as SequenceTerm
from lintloss.confirm import Request, batches, verdicts
from lintloss.confirm.batches import LeafValue
from lintloss.confirm.expectations import Expectation, NoReference, expectation, weights_of
from lintloss.confirm.process import Message, Worker
from lintloss.confirm.references import Array, Loss
from lintloss.confirm.serialise import Program, Reader, described
from lintloss.confirm.verdicts import EXTREME, LITERALS, Comparison, Outcome, Trial
from lintloss.finding import Verification

LARGEST_BATCH = 50_000


class Undecided(Exception):
    """This case cannot be run; the message says why."""


@dataclass(frozen=True)
class Source:
    """The term that the labels are made from, and what is known of it."""

    term: Term
    encoding: str
    classes: int | None = None


def verification(request: Request, book: ApiBook, worker: Worker) -> Verification:
    """The verdict on one request.

    Raises:
        WorkerLost: the worker died or took too long.
    """
    try:
        case = (CompiledCase if request.before.model is not None else CalledCase)(request, book, worker)
        trials = list(case.trials())
    except (Undecided, NoReference) as reason:
        return verdicts.undecided(str(reason), worker.framework)
    except RecursionError:
        return verdicts.undecided("the loss is made of too many nested expressions", worker.framework)
    return verdicts.judged(trials, worker.framework, case.notes)


class Case:
    """What both kinds of case share: readers, expectations, batches of unknown logits."""

    def __init__(self, request: Request, book: ApiBook, worker: Worker) -> None:
        self.request, self.book, self.worker = request, book, worker
        self.before, self.after = request.before, request.after
        self.readers = {"before": Reader(book, self.before.guards, request.era)}
        if self.after is not None:
            self.readers["after"] = Reader(book, self.after.guards, request.era)
        self.expected: dict[str, Expectation] = {
            side: expectation(request, site, book)
            for side, site in (("before", self.before), ("after", self.after))
            if site is not None
        }
        self.source = label_source(request.labels or self.before.labels, request.encoding, self.readers["before"])

    @property
    def notes(self) -> tuple[str, ...]:
        dropped = any(reader.dropout for reader in self.readers.values())
        return ("Dropout's rate was set to 0",) if dropped else ()

    def trials(self) -> Iterator[Trial]:
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
        by_entry = {"sparse": "class_ids", "dense": "one_hot", "binary": "binary"}
        if self.expected["before"].is_softmax:
            return by_entry.get(str(wants), "one_hot").replace("binary", "one_hot")
        return "continuous" if "error" in self.request.intent else "binary"

    def trial(self, name: str, logits: Array, labels: Any, weights: Any, found: Mapping[str, Outcome]) -> Trial:
        """Compare what was found with the reference, each side in its own layout."""
        sides = {side: self._against(side, name, logits, labels, weights, found[side]) for side in self.expected}
        shown = self.expected.get("after", self.expected["before"]).on(logits, labels, weights)
        return Trial(name, found["before"], found.get("after"), shown, sides["before"], sides.get("after"))

    def _against(self, side: str, name: str, logits: Array, labels: Any, weights: Any, found: Outcome) -> Comparison:
        expected = self.expected[side]
        site = self.after if side == "after" and self.after is not None else self.before
        clamp = site.entry.under(self._arguments(site))["clamp"]

        def clamped() -> Loss:
            return expected.on(logits, labels, weights, float(clamp))

        return verdicts.compare(
            found, expected.on(logits, labels, weights), logits, clamped if clamp and name == EXTREME else None
        )

    def _arguments(self, site: Site) -> Mapping[str, Term]:
        term = site.term if site.term is not None else site.constructor
        bound = self.book.bind(term) if term is not None else None
        return bound.arguments if bound is not None else site.arguments

    def shapes(self, classes: int | None) -> Iterator[tuple[int, ...]]:
        return batches.shapes(self.request.shape, self.request.classes or classes, self.request.intent)

    def drawn_labels(self, name: str, shape: tuple[int, ...], axis: int) -> Any:
        return batches.labels(name, self.encoding, shape, axis)

    def answered(self, message: Message) -> Message:
        """The worker's answer; what it refused to run makes the case undecided."""
        answer = self.worker.ask(message)
        for part in answer.values():
            if "refused" in part:
                raise Undecided(part["refused"])
        return answer


class CalledCase(Case):
    """A loss that is a call or a formula: evaluated as it stands, with a tape on the logits."""

    def __init__(self, request: Request, book: ApiBook, worker: Worker) -> None:
        super().__init__(request, book, worker)
        terms = {"before": request.before_term or self.before.term}
        if self.after is not None:
            terms["after"] = request.after_term or self.after.term
        reader = self.readers["before"]
        self.pre = reader.logits_of(request.pre or self.before.prediction)
        self.logits_name = reader.fingerprint(self.pre)
        self.labels_name = reader.fingerprint(self.source.term) if self.source else None
        self.programs = self._programs(terms, {self.logits_name, self.labels_name} - {None})
        if self.labels_name is not None and any(self.labels_name not in p.leaves for p in self.programs.values()):
            self.labels_name = None
            self.programs = self._programs(terms, {self.logits_name})
        self.labels = reader.program(self._labels_term, frozenset({self.logits_name, self.labels_name or ""}))
        weights = weights_of(self.before, book)
        self.weights = reader.program(weights, frozenset({self.logits_name})) if weights is not None else None
        self.weights_name = self._check_leaves()

    @property
    def _labels_term(self) -> Term:
        labels = self.request.labels or self.before.labels
        if labels is None:
            raise Undecided("the labels are not known")
        return labels

    def _programs(self, terms: Mapping[str, Term | None], cuts: set[Any]) -> dict[str, Program]:
        if any(term is None for term in terms.values()):
            raise Undecided("the loss' own expression is not known")
        known = {side: term for side, term in terms.items() if term is not None}
        return {side: self.readers[side].program(term, frozenset(cuts)) for side, term in known.items()}

    def _check_leaves(self) -> str | None:
        """All leaves must be logits, labels or weights; returns the weights' name."""
        if self.logits_name not in self.programs["before"].leaves:
            raise Undecided("the logits were not found in the loss")
        weights = next(iter(self.weights.leaves), None) if self.weights is not None else None
        known = {self.logits_name, self.labels_name, weights}
        for program in (*self.programs.values(), self.labels):
            for name, term in program.leaves.items():
                if name not in known:
                    raise Undecided(f"the loss depends on {described(term)}")
        return weights

    def trials(self) -> Iterator[Trial]:
        """First the literals, if the logits are known, then seeded batches."""
        literal = self._literals()
        if literal.get(self.logits_name) is not None and self._labels_known(literal):
            yield self._measured(LITERALS, literal)
        shape, drawn = self._fitting(literal)
        yield self._measured(batches.NAMES[0], drawn)
        yield self._measured(batches.NAMES[1], self._drawn(batches.NAMES[1], shape, literal))

    def _labels_known(self, literal: Mapping[str, LeafValue]) -> bool:
        return (self.labels_name is None or self.labels_name in literal) and self.weights_name is None

    def _literals(self) -> dict[str, LeafValue]:
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

    def _fitting(self, literal: Mapping[str, LeafValue]) -> tuple[tuple[int, ...], dict[str, LeafValue]]:
        """The first shape on which the rewritten loss runs, and a moderate batch of it."""
        candidates = list(self._shapes(literal))
        for shape in candidates:
            try:
                drawn = self._drawn(batches.NAMES[0], shape, literal)
                trial = self._measured(batches.NAMES[0], drawn)
            except NoReference:
                continue
            if trial.after is None or trial.after.raised is None:
                return shape, drawn
        if len(candidates) > 1:
            raise Undecided("no shape was found on which the rewritten loss runs")
        return candidates[0], self._drawn(batches.NAMES[0], candidates[0], literal)

    def _shapes(self, literal: Mapping[str, LeafValue]) -> Iterator[tuple[int, ...]]:
        if self.logits_name in literal:
            yield tuple(literal[self.logits_name]["shape"])
            return
        classes = self.source.classes if self.source is not None else None
        stated = literal.get(self.labels_name or "")
        if stated is not None and self.request.shape is None:
            yield from self._shapes_for_labels(tuple(stated["shape"]), batches.as_array(stated), classes)
        yield from self.shapes(classes or learned_units(self.pre, self.readers["before"]))

    def _shapes_for_labels(self, shape: tuple[int, ...], values: Any, classes: int | None) -> Iterator[tuple[int, ...]]:
        """Logits for labels that the code states."""
        if self.source is not None and self.source.encoding == "class_ids" and self.expected["before"].is_softmax:
            width = classes or self.request.classes or int(values.max(initial=0)) + 1
            yield (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), width)
        else:
            yield shape

    def _drawn(self, name: str, shape: tuple[int, ...], literal: Mapping[str, LeafValue]) -> dict[str, LeafValue]:
        stated = literal.get(self.logits_name)
        is_typed = stated is not None and stated["form"] != "python" and "float" in stated["dtype"]
        dtype = stated["dtype"] if stated is not None and is_typed else self.dtype
        leaves = {self.logits_name: batches.tensor(batches.logits(name, shape, dtype), dtype)}
        if self.labels_name is not None:
            leaves[self.labels_name] = self._drawn_source(name, shape, dtype, literal.get(self.labels_name))
        if self.weights_name is not None:
            leaves[self.weights_name] = batches.tensor(batches.weights(name, shape[0]), dtype)
        return leaves

    def _drawn_source(self, name: str, shape: tuple[int, ...], dtype: str, stated: LeafValue | None) -> LeafValue:
        axis = self.expected["before"].options.axis
        data = self.drawn_labels(name, shape, axis)
        if stated is None:
            return batches.tensor(data, "int32" if self.encoding == "class_ids" else dtype)
        if data.size != np.prod(stated["shape"]) or not _same_kind(stated, self.encoding):
            return stated
        return batches.like(stated, data.reshape(stated["shape"]))

    def _measured(self, name: str, leaves: Mapping[str, LeafValue]) -> Trial:
        programs = {side: program.message() for side, program in self.programs.items()}
        found = self.answered(
            {"task": "evaluate", "programs": programs, "leaves": dict(leaves), "wrt": self.logits_name}
        )
        given = {"labels": self.labels.message()}
        if self.weights is not None:
            given["weights"] = self.weights.message()
        said = self.answered({"task": "evaluate", "programs": given, "leaves": dict(leaves)})
        for part in said.values():
            if "raised" in part:
                raise Undecided(f"the labels cannot be computed: {part['raised']}")
        logits = np.asarray(batches.as_array(leaves[self.logits_name]), np.float64)
        weights = batches.as_array(said["weights"]["value"]) if "weights" in said else None
        outcomes = {side: verdicts.outcome(answer) for side, answer in found.items()}
        return self.trial(name, logits, batches.as_array(said["labels"]["value"]), weights, outcomes)


class CompiledCase(Case):
    """A compiled model: its head from the pre-activation on, through Keras' own training step."""

    def __init__(self, request: Request, book: ApiBook, worker: Worker) -> None:
        super().__init__(request, book, worker)
        sites = {"before": self.before} | ({"after": self.after} if self.after is not None else {})
        pre = self.readers["before"].logits_of(request.pre) if request.pre is not None else None
        cut = {self.readers["before"].fingerprint(pre)} if pre is not None else set()
        self.heads = {side: self._head(side, site, frozenset(cut)) for side, site in sites.items()}
        self.losses = {side: self.readers[side].program(compiled_loss(site)) for side, site in sites.items()}
        for program in self.losses.values():
            for term in program.leaves.values():
                raise Undecided(f"the loss is {described(term)}")
        self.label_programs = {side: self._labels(side, site) for side, site in sites.items()}

    def _head(self, side: str, site: Site, cut: frozenset[str]) -> Program:
        if site.model is None:
            raise Undecided("the model is not known")
        if isinstance(site.model.output, SequenceTerm):
            raise Undecided("the model has several outputs")
        head = self.readers[side].program(site.model.output, cut)
        if len(head.leaves) != 1:
            raise Undecided("the model's head is not made from one pre-activation")
        return head

    def _labels(self, side: str, site: Site) -> Program:
        """The labels from their source, which stands under one name on both sides."""
        source = self.source.term if self.source is not None else None
        if source is None or site.labels is None:
            return Program((["leaf", "labels"],), {"labels": self.before.prediction})
        program = self.readers[side].program(site.labels, frozenset({self.readers[side].fingerprint(source)}))
        if len(program.leaves) != 1:
            return Program((["leaf", "labels"],), {"labels": source})
        return program

    def trials(self) -> Iterator[Trial]:
        shape, output = self._fitting()
        for name in batches.NAMES:
            yield self._measured(name, shape, output)

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

    def _measured(self, name: str, shape: tuple[int, ...], output: tuple[int, ...]) -> Trial:
        dtype = self.dtype
        logits = batches.logits(name, shape, dtype)
        drawn = self.drawn_labels(name, output, -1)
        kind = "int32" if self.encoding == "class_ids" else "float32"
        names = {leaf for program in self.label_programs.values() for leaf in program.leaves}
        leaves = {leaf: batches.tensor(drawn, kind) for leaf in sorted(names)}
        sides = {side: self._side(side) for side in self.heads}
        message = {"task": "train", "sides": sides, "logits": batches.tensor(logits, dtype), "leaves": leaves}
        found = {side: verdicts.outcome(answer) for side, answer in self.answered(message).items()}
        programs = {"labels": self.label_programs["before"].message()}
        labels = self.answered({"task": "evaluate", "programs": programs, "leaves": leaves})["labels"]
        if "raised" in labels:
            raise Undecided(f"the labels cannot be computed: {labels['raised']}")
        return self._reshaped(name, logits, output, batches.as_array(labels["value"]), found)

    def _reshaped(self, name: str, logits: Array, output: tuple[int, ...], labels: Any, found: Any) -> Trial:
        shaped = {
            side: replace(outcome, gradient=None if outcome.gradient is None else outcome.gradient.reshape(output))
            for side, outcome in found.items()
        }
        return self.trial(name, logits.reshape(output), labels, None, shaped)

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


def label_source(labels: Term | None, encoding: str, reader: Reader) -> Source | None:
    """Follow the labels back through casts, reshapes and encoders to what they are made from."""
    if labels is None:
        return None
    term, classes = labels, None
    while True:
        term = term.value if isinstance(term, Stated) else term
        bound = reader.bind(term)
        below = _made_from(term, bound)
        if below is None:
            return Source(reader.normal(term), _literal_encoding(term, encoding), classes)
        if bound is not None and bound.entry.kind == "encoder":
            encoding = "class_ids"
            classes = _constant_int(bound.get("classes")) or classes
        elif bound is not None and bound.entry["operation"] == "argmax":
            encoding = "one_hot"
        elif bound is None or bound.entry.kind != "pass":
            encoding, classes = "class_ids", _rows(term, reader) or classes
        term = below


def _made_from(term: Term, bound: Bound | None) -> Term | None:
    match term:
        case Apply(function=Api(path="operator.getitem"), arguments=((_, Apply(function=Api(path=made))), (_, index))):
            return index if made in ("numpy.eye", "numpy.identity", "tensorflow.eye") else None
    if bound is None or bound.constructor is not None:
        return None
    if bound.entry.kind == "encoder" and bound.entry["encoding"] in ("one_hot", "class_ids"):
        return bound.get("input")
    is_argmax = bound.entry.kind == "reduce" and bound.entry["operation"] == "argmax"
    return bound.get("input") if bound.entry.kind == "pass" or is_argmax else None


def _rows(term: Term, reader: Reader) -> int | None:
    """The number of classes of `numpy.eye(n)[ids]`."""
    if isinstance(term, Apply) and term.arguments:
        bound = reader.bind(term.arguments[0].value)
        if bound is not None and bound.entry.kind == "make":
            return _constant_int(bound.get("rows"))
    return None


def _literal_encoding(term: Term, stated: str) -> str:
    """The encoding of labels written out in the code is seen from their values; else it is what was stated."""
    values = _numbers(term)
    if values is None or stated not in ("unknown", ""):
        return stated
    return batches.encoding_of(np.asarray(values))


def _numbers(term: Term) -> Any:
    if isinstance(term, Const) and isinstance(term.value, (int, float)):
        return term.value
    if isinstance(term, SequenceTerm) and term.kind in ("list", "tuple"):
        items = [_numbers(item) for item in term.items]
        return None if any(item is None for item in items) else items
    return None


def _same_kind(stated: LeafValue, encoding: str) -> bool:
    """Whether drawn labels can stand where the literal ones stood: soft labels cannot be integers."""
    return "float" in stated["dtype"] or encoding not in ("soft", "continuous", "unknown")


def learned_units(term: Term, reader: Reader) -> int | None:
    """How many outputs the layer has that made the pre-activation."""
    bound = reader.bind(term)
    return _constant_int(bound.get("units")) if bound is not None else None


def _constant_int(term: Term | None) -> int | None:
    return term.value if isinstance(term, Const) and type(term.value) is int and 0 < term.value < 4096 else None
