"""Conditions that compare several facts, and so are more than the vocabulary of rule pages can say.

Each is named in a page: `predicate = "class_counts_disagree"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isclose

from lintloss.analysis.facts import Dimension, Evaluator, Facts
from lintloss.analysis.terms import Const, Sequence, Term
from lintloss.vocabulary import NO, YES, Answer, Case, lacking, units_of

Predicate = Callable[[Case], Answer]
Shape = tuple[Dimension, ...]


def softmax_goes_into_the_softmax(case: Case) -> Answer:
    """What the prediction's softmax or log-softmax was applied to is softmax output itself, along the same axis."""
    if case.prediction.pre is None:
        return NO
    inner, outer = Evaluator(case.book).single(case.prediction.pre), case.prediction
    is_output = inner.activation == "softmax" and not {"learned", "affine", "other"} & set(inner.since)
    return Answer(is_output and (inner.axis == outer.axis or None in (inner.axis, outer.axis)))


def rows_are_no_distribution(case: Case) -> Answer:
    """Some literal row of the labels has a negative weight, or does not sum to 1 (all zeros masks a row)."""
    rows = _literal_rows(case.site.labels, case) if case.site.labels is not None else None
    if rows is None:
        return lacking("labels.rows")
    return NO if all(_is_distribution(row) for row in rows) else YES


def _is_distribution(row: list[float]) -> bool:
    if min(row) < 0:
        return False
    return not any(row) or isclose(sum(row), 1.0, abs_tol=1e-3)


def _literal_rows(term: Term, case: Case) -> list[list[float]] | None:
    """The rows of a literal matrix, written plainly or handed to a function that makes a tensor of it."""
    bound = case.book.bind(term)
    if bound is not None:
        inner = bound.get("input") if bound.entry.kind == "pass" else None
        return None if inner is None else _literal_rows(inner, case)
    if not isinstance(term, Sequence) or not term.items:
        return None
    rows = [_literal_row(item) for item in term.items]
    return None if None in rows else [row for row in rows if row is not None]


def _literal_row(term: Term) -> list[float] | None:
    if not isinstance(term, Sequence) or not term.items:
        return None
    values = [item.value for item in term.items if isinstance(item, Const)]
    numbers = [float(value) for value in values if isinstance(value, (bool, int, float))]
    return numbers if len(numbers) == len(term.items) else None


def labels_are_rows(case: Case) -> Answer:
    """Each label is a row of weights: encoded so, or a literal with as many axes as the prediction.

    A literal of zeros and ones with one axis less holds the ids of sequences.
    """
    labels = case.labels
    if labels is None or labels.role != "literal" or labels.encoding == "soft" or not labels.shape:
        return YES
    if case.prediction.shape is not None:
        return Answer(len(labels.shape) >= len(case.prediction.shape))
    units = units_of(case.prediction)
    return lacking("prediction.shape") if units is None else Answer(labels.shape[-1] == units)


def labels_lack_the_classes(case: Case) -> Answer:
    """The labels are a literal of whole numbers with one axis less than the prediction: ids, even of two classes."""
    if case.labels is None or case.labels.role != "literal":
        return NO
    if case.prediction.shape is None or case.labels.shape is None:
        return lacking("prediction.rank", "labels.rank")
    is_whole = case.labels.encoding in ("one_hot", "multi_hot", "binary", "class_ids", "unknown")
    axes = len(case.labels.shape)  # with one axis only it is a single example's row
    return Answer(is_whole and axes > 1 and axes == len(case.prediction.shape) - 1)


def class_counts_disagree(case: Case) -> Answer:
    """The prediction has a number of units that the labels cannot have."""
    units = units_of(case.prediction)
    if units is None:
        return lacking("prediction.units")
    if case.labels is None:
        return lacking("labels.classes")
    if case.labels.encoding == "class_ids":
        return _ids_disagree(units, case.labels)
    if case.labels.encoding == "binary":
        return _columns_disagree(units, case)
    if case.labels.encoding in ("one_hot", "multi_hot", "soft"):
        if case.entry["labels"] == "sparse":
            return NO  # rows of ids, or one-hot rows, which are another mistake
        width = _width(case.labels)
        if width is None and units == 1 and case.labels.encoding == "one_hot":
            return YES  # one-hot rows have a column per class, and there are two at least
        return lacking("labels.classes") if width is None else Answer(width != units)
    return lacking("labels.encoding")


def _ids_disagree(units: int, labels: Facts) -> Answer:
    """Fewer units than classes; more are wasteful, yet legal. One unit is another mistake."""
    classes = labels.classes
    if labels.high is not None:
        classes = max(int(labels.high) + 1, classes or 0)
    return lacking("labels.classes") if classes is None else Answer(1 < units < classes)


def _columns_disagree(units: int, case: Case) -> Answer:
    """One column of labels for several units that are judged one by one; class ids are another mistake."""
    shape = case.labels.shape if case.labels is not None else None
    if case.entry["labels"] != "binary" or units == 1:
        return NO
    if not shape:
        return lacking("labels.shape")
    return YES if len(shape) == 1 else lacking("labels.shape") if shape[-1] is None else Answer(shape[-1] == 1)


def _width(labels: Facts) -> int | None:
    last = labels.shape[-1] if labels.shape else None
    return last if isinstance(last, int) else labels.classes


def a_label_per_example(case: Case) -> Answer:
    """The labels are a vector, and not the one-hot row of a single example."""
    if case.labels is None or case.labels.shape is None:
        return lacking("labels.rank")
    if len(case.labels.shape) != 1:
        return NO
    count, shape, units = case.labels.shape[0], case.prediction.shape, units_of(case.prediction)
    if case.site.model is not None or (isinstance(count, int) and units is not None and count != units):
        return YES if shape is None else Answer(len(shape) > 1)
    if shape is None:
        return lacking("prediction.shape")
    if len(shape) < 2 or shape[0] == 1:
        return NO
    if case.entry["broadcast"] == "keras":
        return YES  # it refuses a row that the prediction has as a batch of one
    return YES if isinstance(shape[0], int) else lacking("prediction.shape")


def column_meets_vector(case: Case) -> Answer:
    """Shapes (N, 1) and (N,) meet, which NumPy's rules make a matrix of all pairs."""
    shapes = _shapes(case)
    if isinstance(shapes, Answer):
        return shapes
    longer, shorter = sorted(shapes, key=len, reverse=True)
    if (len(longer), len(shorter)) != (2, 1):
        return NO
    if longer[1] is None or shorter[0] == 1:
        return NO if shorter[0] == 1 else lacking("prediction.shape", "labels.shape")
    return Answer(longer[1] == 1)


def column_meets_rows(case: Case) -> Answer:
    """Labels of shape (N, 1) meet a prediction of shape (N, C): each label is held against all classes."""
    units = units_of(case.prediction)
    if units is None:
        return lacking("prediction.units")
    if case.labels is None or case.labels.shape is None:
        return lacking("labels.shape")
    shape, labels = case.prediction.shape, case.labels.shape
    if shape is None and len(labels) > 2:
        return lacking("prediction.shape")  # which axis the units lie along is not known
    if len(labels) < 2 or (shape is not None and len(shape) != len(labels)):
        return NO
    return lacking("labels.shape") if labels[-1] is None else Answer(labels[-1] == 1 and units > 1)


def _shapes(case: Case) -> tuple[Shape, Shape] | Answer:
    """Both shapes, or what is lacking."""
    if case.prediction.shape is None:
        return lacking("prediction.shape")
    if case.labels is None or case.labels.shape is None:
        return lacking("labels.shape")
    return case.prediction.shape, case.labels.shape


def normalises_over_the_batch(case: Case) -> Answer:
    """The activation's axis is the first of several, and the first is the batch (its size is a symbol)."""
    axis, shape = case.prediction.axis, case.prediction.shape
    if axis is None:
        return lacking("prediction.axis")
    if shape is None:
        return NO if axis < 0 else lacking("prediction.shape")
    if len(shape) < 2 or axis % len(shape) != 0:
        return NO
    is_batch = isinstance(shape[0], str) or _takes_one_row_per_example(case)
    return Answer(is_batch and isinstance(shape[-1], int) and shape[-1] > 1)


def _takes_one_row_per_example(case: Case) -> bool:
    """Whether the first axis is the batch's because the loss says so."""
    return case.site.anchor == "loss" and case.entry["family"] in ("softmax", "nll") and case.site.formula is None


PREDICATES: Mapping[str, Predicate] = {
    predicate.__name__: predicate
    for predicate in (
        softmax_goes_into_the_softmax,
        rows_are_no_distribution,
        labels_are_rows,
        labels_lack_the_classes,
        class_counts_disagree,
        a_label_per_example,
        column_meets_vector,
        column_meets_rows,
        normalises_over_the_batch,
    )
}
