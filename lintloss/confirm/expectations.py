"""What a site's loss ought to be on a batch: the reference that the rule names, told what the site was told.

The *intent* says which loss; axis, label smoothing and the like come from the original call, and so does the
reduction. Whether labels are ids or rows is seen from the labels themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lintloss.analysis.apis import ApiBook
from lintloss.analysis.sites import Formula, Site
from lintloss.analysis.terms import Api, Const, Sequence, Term
from lintloss.confirm import Request, references
from lintloss.confirm.references import Array, Loss, Options, Pointwise

Reference = Callable[[Array, Any, Options], Pointwise]

BINARY: dict[str, Reference] = {
    "sigmoid_cross_entropy": references.sigmoid_cross_entropy,
    "weighted_sigmoid_cross_entropy": references.sigmoid_cross_entropy,
    "binary_crossentropy": references.sigmoid_cross_entropy,
    "binary_focal_crossentropy": references.binary_focal,
    "mean_squared_error": references.squared_error,
    "squared_error": references.squared_error,
    "mean_absolute_error": references.absolute_error,
    "absolute_error": references.absolute_error,
}
DENSE: dict[str, Reference] = {
    "softmax_cross_entropy": references.softmax_cross_entropy,
    "sparse_softmax_cross_entropy": references.softmax_cross_entropy,
    "categorical_crossentropy": references.softmax_cross_entropy,
    "sparse_categorical_crossentropy": references.softmax_cross_entropy,
    "categorical_focal_crossentropy": references.categorical_focal,
    "kl_divergence": references.kl_divergence,
}
SPARSE: dict[str, Reference] = {"multi_margin": references.multi_margin}
WEIGH_CLASSES = {*SPARSE, "softmax_cross_entropy", "sparse_softmax_cross_entropy", "sigmoid_cross_entropy"}
REDUCTIONS = {
    "none": "none",
    "sum": "sum",
    "auto": "sum_over_batch_size",
    "sum_over_batch_size": "sum_over_batch_size",
    "mean_with_sample_weight": "mean_with_sample_weight",
    "sum_by_nonzero_weights": "sum_by_nonzero_weights",
    "sum_over_nonzero_weights": "sum_by_nonzero_weights",
    "mean": "mean",
    "mean_over_elements": "mean_over_elements",
    "weighted_sum": "sum",
    "weighted_mean": "mean_with_sample_weight",
    "weighted_sum_over_batch_size": "sum_over_batch_size",
    "weighted_sum_by_nonzero_weights": "sum_by_nonzero_weights",
}
_FACTORS = ("label_smoothing", "gamma", "alpha", "pos_weight", "margin", "power")


class NoReference(Exception):
    """There is nothing to compare with; the message says why."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What a loss call was given to weigh with: examples, classes, and of these the positive ones; None for nothing.

    `mask` says which losses count at all: it comes with the prediction, and is no argument.
    """

    weights: Array | None = None
    class_weights: Array | None = None
    pos_weight: Array | None = None
    mask: npt.NDArray[np.bool_] | None = None


WEIGHTS = tuple(each.name for each in fields(Weights) if each.name != "mask")
UNWEIGHED = Weights()


@dataclass(frozen=True)
class Expectation:
    """Which reference, told what, reduced how; `sign` is -1 for a log-likelihood, which becomes a loss further on."""

    intent: str
    options: Options
    reduction: str
    sign: float = 1.0

    def __post_init__(self) -> None:
        if self.intent not in BINARY and not self.is_softmax:
            raise NoReference(f"there is no reference for {self.intent}")

    @property
    def is_softmax(self) -> bool:
        return self.intent in DENSE or self.intent in SPARSE

    def axis(self, rank: int) -> int:
        """Where the classes lie in logits of `rank` axes."""
        return self.options.axis if -rank <= self.options.axis < rank - 1 else -1

    def on(self, logits: Array, labels: Any, given: Weights = UNWEIGHED, clamp: float | None = None) -> Loss:
        """The loss and gradient of a batch; the gradient has the logits' own shape.

        Raises:
            NoReference: labels and logits do not go together.
        """
        if given.class_weights is not None and self.intent not in WEIGH_CLASSES:
            raise NoReference(f"the reference of {self.intent} knows no weights of classes")
        pos_weight = self.options.pos_weight if given.pos_weight is None else given.pos_weight
        options = replace(
            self.options,
            axis=self.axis(logits.ndim),
            class_weights=given.class_weights,
            pos_weight=pos_weight,
            clamp=clamp,
        )
        try:
            loss = self._pointwise(logits, np.asarray(labels), options)
            loss = loss if given.mask is None else references.masked(loss, given.mask)
            result = references.reduced(loss, self.reduction, given.weights)
        except ValueError as error:
            raise NoReference("the weights do not fit the losses") from error
        return Loss(self.sign * result.values, self.sign * result.gradient.reshape(logits.shape))

    def rows(self, labels: Any, shape: tuple[int, ...]) -> Array:
        """Labels as one weight per class, in the shape of the logits.

        Raises:
            NoReference: labels and logits do not go together.
        """
        labels = np.asarray(labels)
        if labels.size == int(np.prod(shape)) and not (self.is_softmax and labels.ndim < len(shape)):
            return np.asarray(labels, np.float64).reshape(shape)
        axis = self.axis(len(shape))
        ids = _without_unit(labels, len(shape), axis)
        if not self.is_softmax or ids.shape != tuple(np.delete(shape, axis)):
            raise NoReference(f"labels of shape {labels.shape} do not fit logits of shape {shape}")
        return np.moveaxis(references.one_hot(ids.astype(np.int64), shape[axis]), -1, axis)

    def _pointwise(self, logits: Array, labels: Any, options: Options) -> Pointwise:
        if not self.is_softmax:
            z = _shaped(logits, labels.shape)
            return BINARY[self.intent](z, np.asarray(labels, np.float64), options)
        axis = options.axis
        if labels.dtype.kind in "iub" and not _is_rows(labels, logits):
            ids = _without_unit(labels, logits.ndim, axis)
            z = _shaped(logits, (*ids.shape, logits.shape[axis])) if axis == -1 else logits
            return self._sparse(z, ids.astype(np.int64), options)
        if labels.shape != logits.shape and labels.size != logits.size:
            return self._sparse(logits, _without_unit(labels, logits.ndim, axis).astype(np.int64), options)
        z = _shaped(logits, labels.shape)
        if self.intent in SPARSE:
            return SPARSE[self.intent](z, labels.argmax(axis=axis), options)
        return DENSE[self.intent](z, np.asarray(labels, np.float64), options)

    def _sparse(self, z: Array, ids: Any, options: Options) -> Pointwise:
        expected = tuple(np.delete(z.shape, options.axis))
        if ids.shape != expected:
            raise NoReference(f"class ids of shape {ids.shape} for logits of shape {z.shape}")
        if self.intent in SPARSE:
            return SPARSE[self.intent](z, ids, options)
        if self.intent == "categorical_focal_crossentropy":
            rows = np.moveaxis(references.one_hot(ids, z.shape[options.axis]), -1, options.axis)
            return references.categorical_focal(z, rows, options)
        return references.sparse_softmax_cross_entropy(z, ids, options)


def expectation(request: Request, measured: Site, book: ApiBook) -> Expectation:
    """What `measured`, the original or its rewritten form, ought to compute.

    Only the layout may follow the rewritten call: a loss object averages by itself, where a function may leave it to an
    outer `reduce_mean` that is no part of the site.
    """
    entry, layout = measured.entry, _layout(request, measured, book)
    options = replace(_told(request.before, book), elementwise=entry["reduction"] == "elementwise")
    if measured.formula is not None:
        options = replace(options, rows=_rows(measured.formula))
        return Expectation(request.intent, options, layout, _sign(measured.formula))
    is_averaged = entry.framework == "keras" or bool(entry["averages"])
    return Expectation(request.intent, replace(options, rows="mean" if is_averaged else None), layout)


def reduction_of(site: Site, book: ApiBook) -> str:
    """How the site's own term reduces its losses."""
    if site.formula is not None:
        return _formula_reduction(site.formula)
    declared = REDUCTIONS.get(str(site.entry["reduction"] or "none"), "none")
    if site.model is not None and site.entry.framework == "keras":
        return declared if site.constructor is not None and declared != "none" else "sum_over_batch_size"
    bound = book.bind(site.term) if site.term is not None else None
    name = site.entry.role("reduction")
    if any(name in case["if"] for case in site.entry.data.get("when", ())):  # the entry says what each word means
        return declared
    given = bound.arguments.get(name) if bound and name and name in bound.given else None
    if given is None:
        return declared
    word = given.value if isinstance(given, Const) else given.path.rpartition(".")[2] if isinstance(given, Api) else ""
    if str(word) == "MEAN":  # TensorFlow 1's name for the weighted mean
        return "mean_with_sample_weight"
    return REDUCTIONS.get(str(word or "none").lower(), declared)


def weights_of(site: Site, book: ApiBook) -> dict[str, Term]:
    """The weights that the site was given, by the names of `Weights`; none where it was given None or 1."""
    call = site.term if site.term is not None else site.constructor
    bound = book.bind(call) if call is not None else None
    if bound is None or site.entry["reference"] == "weighted_sigmoid_cross_entropy":
        return {}
    given = {role: bound.role(role) for role in WEIGHTS}
    return {role: term for role, term in given.items() if term is not None and not _is_one(term)}


def _is_one(term: Term) -> bool:
    return isinstance(term, Const) and term.value in (None, 1)


def _layout(request: Request, measured: Site, book: ApiBook) -> str:
    """The original's reduction, unless the rewritten call may leave it to what stands around it.

    It may where another function took its place, and the request does not say what stands around it.
    """
    before = request.before
    own = reduction_of(measured, book)
    if measured is before:
        return request.reduction if request.reduction and request.before_term is not None else own
    is_other_call = before.formula is not None or before.entry.name != measured.entry.name
    if request.after_term is None and is_other_call and own == "none":
        return own
    return request.reduction or reduction_of(before, book)


def _sign(formula: Formula) -> float:
    return -1.0 if formula.core.endswith("cross_entropy") and not formula.negated else 1.0


def _rows(formula: Formula) -> str | None:
    """How a binary loss is reduced over an example's units first; a sum over classes belongs to the loss itself."""
    kind, axis = formula.reductions[-1] if formula.reductions else ("", None)
    return kind if formula.core == "binary_cross_entropy" and axis is not None else None


def _formula_reduction(formula: Formula) -> str:
    """The reduction over examples: the innermost one behind that over units or classes.

    It leaves one number, which another one around it does not change.
    """
    is_entropy = formula.core.endswith("cross_entropy")
    steps = list(formula.reductions)
    if steps and steps[-1][1] is not None and len(steps) + (steps[-1][0] == "sum" or not is_entropy) > 1:
        steps.pop()
        return steps[-1][0] if steps else "none"
    if not steps or _rows(formula) is not None:
        return "none"
    kind, _ = steps[-1]
    return "mean_over_elements" if kind == "mean" and is_entropy else kind


def _told(site: Site, book: ApiBook) -> Options:
    """The options that constants in the original call state."""
    call = site.term if site.term is not None else site.constructor
    bound = book.bind(call) if call is not None else None
    if bound is None or site.formula is not None:
        return Options()
    stated = {name: bound.role(name) or bound.arguments.get(name) for name in (*_FACTORS, "ignore_class", "axis")}
    values = {name: _number(term) for name, term in stated.items()}
    known: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if site.entry["classes_axis"] is not None:
        known.setdefault("axis", site.entry["classes_axis"])
    is_exclusive = site.entry["family"] in ("softmax", "focal_softmax", "nll")
    if "axis" in known and not (is_exclusive and isinstance(known["axis"], int)):
        del known["axis"]
    balanced, log_labels = bound.arguments.get("apply_class_balancing"), bound.role("log_labels")
    return Options(**known, balanced=_is_true(balanced), log_labels=_is_true(log_labels))


def _is_true(term: Term | None) -> bool:
    return isinstance(term, Const) and term.value is True


def _number(term: Term | None) -> Any:
    if isinstance(term, Const) and isinstance(term.value, (int, float)) and not isinstance(term.value, bool):
        return term.value
    if isinstance(term, Sequence) and term.items:
        items = [_number(item) for item in term.items]
        return None if None in items else np.asarray(items, np.float64)
    return None


def _is_rows(labels: Any, logits: Array) -> bool:
    return labels.ndim > 0 and labels.ndim == logits.ndim and bool(labels.size == logits.size)


def _without_unit(labels: Any, rank: int, axis: int) -> Any:
    return labels.squeeze(axis) if labels.ndim == rank and labels.shape[axis] == 1 else labels


def _shaped(logits: Array, shape: tuple[int, ...]) -> Array:
    """Logits in the labels' shape, where both hold the same number of values in the same order."""
    if logits.shape == shape:
        return logits
    if logits.size == int(np.prod(shape)):
        return logits.reshape(shape)
    raise NoReference(f"labels of shape {shape} do not fit logits of shape {logits.shape}")
