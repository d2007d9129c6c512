"""The closed vocabulary of rule pages: what a condition may speak of, and whether it holds.

A `Case` is one site on one path: its loss, and the facts of prediction and labels. A `Subject` reads one of
them, a `Test` compares it. An answer has three values: a fact that is not known satisfies no test and fails
none, it leaves the answer open and names what is lacking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lintloss.analysis.apis import ApiBook, Entry
from lintloss.analysis.facts import Facts
from lintloss.analysis.sites import Site
from lintloss.analysis.terms import Choice, Const, Term

RELATIONS = ("is", "not", "at_least", "at_most")


class _Unknown:
    """The value of a fact that is not known."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True, eq=False)
class Case:
    """One site on one path through the code; `entry` is its loss as the arguments make it."""

    site: Site
    entry: Entry
    prediction: Facts
    labels: Facts | None
    book: ApiBook
    backend: str = "tensorflow"


class Answer(NamedTuple):
    """Whether something holds; None where it cannot be known for want of the facts in `lacks`."""

    holds: bool | None
    lacks: frozenset[str] = frozenset()


YES = Answer(True)
NO = Answer(False)


def lacking(*subjects: str) -> Answer:
    """The answer that would need these facts."""
    return Answer(None, frozenset(subjects))


def both(answers: Iterable[Answer]) -> Answer:
    """All of the answers together: one no decides."""
    lacks: frozenset[str] = frozenset()
    for answer in answers:
        if answer.holds is False:
            return NO
        lacks |= answer.lacks
    return Answer(None, lacks) if lacks else YES


class Subject(NamedTuple):
    """Something that a test may ask about; `values` are the legal ones where they are a closed set."""

    read: Callable[[Case], Any]
    values: frozenset[str] | None = None


class Test(NamedTuple):
    """A subject in one of the `RELATIONS` to some values. Several values of a fact need one that matches."""

    subject: str
    relation: str
    wanted: tuple[Any, ...]

    def ask(self, case: Case) -> Answer:
        value = SUBJECTS[self.subject].read(case)
        if value is UNKNOWN:
            return lacking(self.subject)
        return YES if self._compare(value) else NO

    def _compare(self, value: Any) -> bool:
        if self.relation == "at_least":
            return bool(value >= self.wanted[0])
        if self.relation == "at_most":
            return bool(value <= self.wanted[0])
        found = value if isinstance(value, tuple) else (value,)
        among = any(_same(each, wanted) for each in found for wanted in self.wanted)
        return among if self.relation == "is" else not among


def _same(value: Any, wanted: Any) -> bool:
    """Equal, and `True` is not 1."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _known(value: Any) -> Any:
    return UNKNOWN if value is None or value == "unknown" else value


def constant(term: Term | None) -> Any:
    """The value of a constant, `UNKNOWN` for any other term."""
    return term.value if isinstance(term, Const) else UNKNOWN


def decided(term: Term, case: Case) -> Term:
    """The side of a choice that the site's own guards decide."""
    ways = {guard.condition.key: guard.holds for guard in case.site.guards}
    while isinstance(term, Choice) and term.condition.key in ways:
        term = term.then if ways[term.condition.key] else term.otherwise
    return term


def argument(case: Case, role: str) -> Term | None:
    """The argument that plays `role`, given or by default; None where the loss has none such."""
    name = case.entry.role(role)
    return case.site.arguments.get(name) if name else None


def _is_explicit(case: Case) -> Any:
    term = argument(case, "from_logits")
    return False if term is None else constant(decided(term, case))


def _threshold(case: Case) -> Any:
    name = case.entry["threshold"]
    if name is None or name not in case.site.arguments:
        return "default"
    value = constant(decided(case.site.arguments[name], case))
    return "default" if value is None else value


def _units(case: Case) -> Any:
    return _known(units_of(case.prediction))


def units_of(facts: Facts) -> int | None:
    """The number of classes a prediction has, where it is known."""
    if facts.units is not None:
        return facts.units
    has_classes = facts.shape is not None and len(facts.shape) > 1 and facts.axis in (None, -1)
    width = facts.shape[-1] if facts.shape is not None and has_classes else None
    return width if isinstance(width, int) else None


def _form(case: Case) -> Any:
    return case.site.formula.core if case.site.formula else "none"


def _labels(read: Callable[[Facts], Any]) -> Callable[[Case], Any]:
    return lambda case: UNKNOWN if case.labels is None else _known(read(case.labels))


def _prediction(read: Callable[[Facts], Any]) -> Callable[[Case], Any]:
    return lambda case: _known(read(case.prediction))


def _entry(key: str, default: Any = UNKNOWN) -> Callable[[Case], Any]:
    return lambda case: default if case.entry[key] is None else case.entry[key]


def _encoding(facts: Facts) -> str:
    """A model's own probabilities are soft labels."""
    return "soft" if facts.encoding == "unknown" and facts.activation in ("softmax", "sigmoid") else facts.encoding


def _is_whole(facts: Facts) -> bool | None:
    return None if facts.dtype is None else facts.dtype.lstrip("u").startswith(("int", "bool", "long"))


def _rank(facts: Facts) -> int | None:
    return None if facts.shape is None else len(facts.shape)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ACTIVATIONS = _set("linear softmax sigmoid log_softmax log_sigmoid relu tanh other")
_ENCODINGS = _set("class_ids one_hot multi_hot soft binary continuous constant")
_ROLES = _set("prediction label input target_network literal parameter made table")
_SINCE = _set(
    "reshape cast pool dropout affine learned mask clip identity shuffle select normalise pad scale shift transpose"
    " augment other"
)
_FAMILIES = _set(
    "softmax sigmoid squared absolute nll kl hinge poisson cosine focal_softmax focal_sigmoid contrastive margin equal"
    " auto other"
)

SUBJECTS: Mapping[str, Subject] = {
    "site.anchor": Subject(lambda case: case.site.anchor, _set("loss metric activation")),
    "site.compiled": Subject(lambda case: case.site.is_compiled),
    "setting.backend": Subject(lambda case: case.backend, _set("tensorflow jax torch")),
    "loss.kind": Subject(_entry("kind"), _set("loss metric")),
    "loss.family": Subject(_entry("family"), _FAMILIES),
    "loss.input": Subject(lambda case: _known(case.entry["input"]), _set("logits probabilities log_probabilities any")),
    "loss.labels": Subject(_entry("labels"), _set("dense sparse either binary any")),
    "loss.handwritten": Subject(lambda case: case.site.formula is not None),
    "loss.guarded": Subject(lambda case: case.site.formula is not None and case.site.formula.guarded),
    "loss.form": Subject(_form, _set("none cross_entropy binary_cross_entropy log_probability squared absolute")),
    "loss.broadcast": Subject(_entry("broadcast"), _set("keras numpy raises")),
    "loss.repairs": Subject(_entry("repairs", default=False)),
    "loss.explicit": Subject(_is_explicit),
    "loss.threshold": Subject(_threshold),
    "prediction.activation": Subject(_prediction(lambda facts: facts.activation), _ACTIVATIONS),
    "prediction.units": Subject(_units),
    "prediction.axis": Subject(_prediction(lambda facts: facts.axis)),
    "prediction.rank": Subject(_prediction(_rank)),
    "prediction.since": Subject(lambda case: case.prediction.since, _SINCE),
    "prediction.repair": Subject(_prediction(lambda facts: facts.repair), _set("attached graph lost")),
    "prediction.encoding": Subject(_prediction(lambda facts: facts.encoding), _ENCODINGS),
    "prediction.role": Subject(_prediction(lambda facts: facts.role), _ROLES),
    "prediction.low": Subject(_prediction(lambda facts: facts.low)),
    "prediction.high": Subject(_prediction(lambda facts: facts.high)),
    "labels.given": Subject(lambda case: case.labels is not None),
    "labels.encoding": Subject(_labels(_encoding), _ENCODINGS),
    "labels.classes": Subject(_labels(lambda facts: facts.classes)),
    "labels.role": Subject(_labels(lambda facts: facts.role), _ROLES),
    "labels.activation": Subject(_labels(lambda facts: facts.activation), _ACTIVATIONS),
    "labels.rank": Subject(_labels(_rank)),
    "labels.whole": Subject(_labels(_is_whole)),
    "labels.low": Subject(_labels(lambda facts: facts.low)),
    "labels.high": Subject(_labels(lambda facts: facts.high)),
}
# What an answer can lack: shapes are compared by predicates only.
LACKABLE = frozenset(SUBJECTS) | {"prediction.shape", "labels.shape"}
