"""What losses ought to be: float64 NumPy, straight from the formulas, with gradients in closed form.

Every function takes logits `z` and labels `y` and returns a `Pointwise`: the losses before any reduction, and how each
of them changes with the logits it was made of. `reduced` weighs and reduces them. Nothing here calls TensorFlow.

Shapes are written `[..., C]` with the classes last; where a function takes `axis`, the classes may stand elsewhere.

Sources: Bishop, *Pattern Recognition and Machine Learning* (2006), eq. 4.90 (binary) and 4.108 (categorical cross
entropy), eq. 4.91 and 4.109 (their gradients); Szegedy et al., arXiv:1512.00567, section 7 (label smoothing); Lin et
al., arXiv:1708.02002, eq. 4 and 5 (focal loss); Keras' and TensorFlow's documentation for the reductions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pointwise:
    """Losses before reduction.

    `values[i]` is one loss; `slopes` has the logits' shape and holds the derivative of each loss with respect to its
    own logits. `axis` is the axis of `slopes` that `values` lacks, None where each logit has a loss of its own.
    `counts` says how much each loss counts where a mean is taken (0 where a mask hides it, a class' weight in PyTorch),
    None for one each.
    """

    values: Array
    slopes: Array
    axis: int | None = None
    counts: Array | None = None

    def along_logits(self, factors: Array) -> Array:
        """Factors, one per loss, so that they multiply `slopes`."""
        factors = np.broadcast_to(factors, self.values.shape)
        return factors if self.axis is None else np.expand_dims(factors, self.axis)


@dataclass(frozen=True)
class Loss:
    """A reduced loss, and the gradient of its sum with respect to the logits."""

    values: Array
    gradient: Array


@dataclass(frozen=True)
class Options:
    """What a loss may be told beside logits and labels.

    `rows` asks for the `mean` (Keras takes it) or the `sum` over the last axis where the formula gives a loss per
    logit. `clamp` gives the loss on probabilities clipped to `[clamp, 1 - clamp]` in float32, as Keras computes it from
    probabilities, or, where it is negative, with logarithms that are at least that, as PyTorch does. `class_weights`
    weigh what each class adds to a loss: `[C]`, or, for binary losses, anything that broadcasts against the logits.
    `margin` and `power` are those of `multi_margin`, `elementwise` and `log_labels` are those of `kl_divergence`.
    """

    axis: int = -1
    label_smoothing: float = 0.0
    ignore_class: int | None = None
    pos_weight: float | Array = 1.0
    class_weights: Array | None = None
    margin: float = 1.0
    power: int = 1
    gamma: float = 2.0
    alpha: float | Array = 0.25
    balanced: bool = False
    rows: str | None = None
    elementwise: bool = False
    log_labels: bool = False
    clamp: float | None = None


def log_softmax(z: Array, axis: int = -1) -> Array:
    """`z - log(sum(exp(z)))` along `axis`, same shape, shifted by the maximum so that nothing overflows."""
    shifted = z - z.max(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def softplus(z: Array) -> Array:
    """`log(1 + exp(z))`, which is `-log(sigmoid(-z))`; same shape."""
    return np.asarray(np.logaddexp(0.0, z))


def sigmoid(z: Array) -> Array:
    """`1 / (1 + exp(-z))`; same shape."""
    return np.asarray(np.exp(-softplus(-z)))


def softmax_cross_entropy(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`-sum_c w_c y_c log softmax(z)_c`: `[..., C]` and `[..., C]` to `[...]`; slope `softmax(z) sum(w y) - w y`.

    PRML eq. 4.108 and 4.109, with a weight per class (1 where there are none) as in PyTorch's `CrossEntropyLoss`.
    Labels may be soft; they need not sum to one.
    """
    axis = options.axis
    y = _smoothed(np.broadcast_to(y, z.shape), options.label_smoothing, z.shape[axis])
    if options.class_weights is not None:
        y = y * _along(options.class_weights, axis, z.ndim)
    log_p = log_softmax(z, axis)
    values = -(y * _clipped_log(log_p, options.clamp)).sum(axis=axis)
    slopes = np.exp(log_p) * y.sum(axis=axis, keepdims=True) - y
    return Pointwise(values, slopes, axis)


def sparse_softmax_cross_entropy(z: Array, ids: Integers, options: Options = Options()) -> Pointwise:
    """`-w_id log softmax(z)_id`: `[..., C]` and `[...]` to `[...]`; slope `w_id (softmax(z) - onehot(id))`.

    Examples whose id is `ignore_class` have loss zero and do not count (Keras, `SparseCategoricalCrossentropy`). With
    weights of classes, an example counts with that of its class (PyTorch, `CrossEntropyLoss`).
    """
    valid = np.ones(ids.shape, bool) if options.ignore_class is None else ids != options.ignore_class
    known = np.where(valid, ids, 0)
    dense = np.moveaxis(one_hot(known, z.shape[options.axis]), -1, options.axis)
    loss = softmax_cross_entropy(z, dense, options)
    kept = np.where(valid, 1.0, 0.0)
    counts = None if options.ignore_class is None else kept
    if options.class_weights is not None:
        counts = kept * options.class_weights[known]
    return Pointwise(loss.values * kept, loss.slopes * loss.along_logits(kept), loss.axis, counts)


def multi_margin(z: Array, ids: Integers, options: Options = Options()) -> Pointwise:
    """`w_id sum_{c != id} max(0, m - z_id + z_c)^p / C`: `[..., C]` and `[...]` to `[...]`.

    PyTorch, `torch.nn.MultiMarginLoss`, with margin `m` and power `p`. The slope is `p max(...)^(p - 1) / C` for each
    other class, and minus their sum for the labelled one, times the weight.
    """
    classes = z.shape[-1]
    labelled = one_hot(ids, classes)
    own = (z * labelled).sum(axis=-1, keepdims=True)
    near = np.where(labelled == 1, 0.0, np.maximum(0.0, options.margin - own + z))
    steep = np.where(near > 0, options.power * near ** (options.power - 1), 0.0)
    slopes = (steep - labelled * steep.sum(axis=-1, keepdims=True)) / classes
    weight = np.ones(ids.shape) if options.class_weights is None else options.class_weights[ids]
    return Pointwise(weight * (near**options.power).sum(axis=-1) / classes, weight[..., None] * slopes, -1)


def kl_divergence(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`sum_c y_c (log y_c - log softmax(z)_c)`: `[..., C]` and `[..., C]` to `[...]`, with `0 log 0 = 0`.

    PRML eq. 1.113. `elementwise` leaves the terms of the sum apart, as PyTorch's `reduction="none"` does; their slopes
    are those of the sum. `log_labels` takes labels by their logarithms (`log_target=True`). The labels' entropy does
    not depend on the logits: the slope is that of the cross entropy.
    """
    y = np.exp(y) if options.log_labels else y
    loss = softmax_cross_entropy(z, y, options)
    information = y * np.log(np.where(y > 0, y, 1.0))
    if options.elementwise:
        return Pointwise(information - y * log_softmax(z, options.axis), loss.slopes)
    return Pointwise(loss.values + information.sum(axis=options.axis), loss.slopes, loss.axis)


def sigmoid_cross_entropy(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`w (q y softplus(-z) + (1 - y) softplus(z))`: `[...]` to `[...]`, reduced over the last axis if asked.

    PRML eq. 4.90 with `q = 1` and `w = 1`; `q = pos_weight` weighs the positive term (TensorFlow,
    `tf.nn.weighted_cross_entropy_with_logits`), `w = class_weights` both (PyTorch, `BCEWithLogitsLoss`). Slope
    `w (q y (sigmoid(z) - 1) + (1 - y) sigmoid(z))`.
    """
    y = _smoothed(np.broadcast_to(y, z.shape), options.label_smoothing, 2)
    q, p = options.pos_weight, sigmoid(z)
    log_p = _clipped_log(-softplus(-z), options.clamp)
    log_rest = _clipped_log_rest(-softplus(z), options.clamp)
    w = 1.0 if options.class_weights is None else np.broadcast_to(options.class_weights, z.shape)
    return _by_row(Pointwise(w * (-q * y * log_p - (1 - y) * log_rest), w * (q * y * (p - 1) + (1 - y) * p)), options)


def categorical_focal(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`-sum_c alpha (1 - p_c)^gamma y_c log p_c` with `p = softmax(z)`: `[..., C]` and `[..., C]` to `[...]`.

    Keras, `CategoricalFocalCrossentropy`, after arXiv:1708.02002, eq. 5. With `h_c = p_c dL/dp_c` the slope is
    `h - p sum(h)`.
    """
    axis, gamma = options.axis, options.gamma
    y = options.alpha * _smoothed(np.broadcast_to(y, z.shape), options.label_smoothing, z.shape[axis])
    log_p = log_softmax(z, axis)
    p, rest = np.exp(log_p), -np.expm1(log_p)
    values = -(rest**gamma * y * _clipped_log(log_p, options.clamp)).sum(axis=axis)
    h = -y * (rest**gamma - _power_slope(rest, gamma) * p * log_p)
    return Pointwise(values, h - p * h.sum(axis=axis, keepdims=True), axis)


def binary_focal(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`w (1 - p_t)^gamma bce(z, y)`, `p_t = y p + (1 - y)(1 - p)`, `p = sigmoid(z)`: `[...]` to `[...]`.

    Keras, `BinaryFocalCrossentropy`, after arXiv:1708.02002, eq. 4; `w = y alpha + (1 - y)(1 - alpha)` if `balanced`,
    else 1. Reduced over the last axis if asked.
    """
    gamma = options.gamma
    y = _smoothed(np.broadcast_to(y, z.shape), options.label_smoothing, 2)
    bce = sigmoid_cross_entropy(z, y, Options(clamp=options.clamp))
    p, q = sigmoid(z), sigmoid(-z)
    missing = y * q + (1 - y) * p
    weight = y * options.alpha + (1 - y) * (1 - options.alpha) if options.balanced else np.ones_like(z)
    slopes = missing**gamma * bce.slopes - _power_slope(missing, gamma) * (2 * y - 1) * p * q * bce.values
    return _by_row(Pointwise(weight * missing**gamma * bce.values, weight * slopes), options)


def squared_error(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`(z - y)^2`: `[...]` to `[...]`, slope `2 (z - y)`; reduced over the last axis if asked."""
    difference = z - np.broadcast_to(y, z.shape)
    return _by_row(Pointwise(difference**2, 2 * difference), options)


def absolute_error(z: Array, y: Array, options: Options = Options()) -> Pointwise:
    """`|z - y|`: `[...]` to `[...]`, slope `sign(z - y)`; reduced over the last axis if asked."""
    difference = z - np.broadcast_to(y, z.shape)
    return _by_row(Pointwise(np.abs(difference), np.sign(difference)), options)


def masked(losses: Pointwise, mask: npt.NDArray[np.bool_]) -> Pointwise:
    """The losses where `mask`, of their shape, holds; the others are zero and do not count (Keras, `apply_mask`)."""
    kept = np.where(mask, 1.0, 0.0)
    slopes = losses.slopes * losses.along_logits(kept)
    return Pointwise(losses.values * kept, slopes, losses.axis, kept if losses.counts is None else losses.counts * kept)


def class_weights(y: Array, weights: Mapping[int, float]) -> Array:
    """The weight of each example by its class: `[..., C]` to `[...]`, 1 for classes that have none.

    Keras, `fit(class_weight=...)`: weights of classes become sample weights, those of the largest label.
    """
    by_class = np.asarray([weights.get(at, 1.0) for at in range(y.shape[-1])], np.float64)
    return np.asarray(by_class[y.argmax(axis=-1)])


def one_hot(ids: Integers, classes: int) -> Array:
    """`[...]` to `[..., C]`; an id outside `0 ... C - 1` gives a row of zeros, as `tf.one_hot` does."""
    return np.asarray(ids[..., None] == np.arange(classes), dtype=np.float64)


def reduced(losses: Pointwise, reduction: str, weights: Array | float | None = None) -> Loss:
    """Weigh the losses, reduce them, and carry both over to the gradient.

    `weights` broadcast against the losses from the left, as sample weights do. The reductions:

    - `none`: `w l`, shape of the losses
    - `sum`: `sum(w l)`
    - `mean`, `sum_over_batch_size`: `sum(w l) / count(l)`; where a mask says which losses count, `count` counts those
      (Keras, `reduce_weighted_values`), where classes have weights, it adds those of the labelled ones (PyTorch)
    - `sum_by_nonzero_weights`: `sum(w l) / count(w != 0)` (TensorFlow 1, `tf.losses.compute_weighted_loss`)
    - `mean_with_sample_weight`: `sum(w l) / sum(w)` (Keras; TensorFlow 1 calls it `MEAN`)
    - `mean_over_elements`: `sum(w l) / count(z)`, the mean taken over classes too (hand-written losses)
    """
    weight = _spread(np.ones(()) if weights is None else np.asarray(weights, np.float64), losses.values)
    factors = weight * _scale(losses, reduction, weight)
    values = losses.values * factors
    gradient = losses.slopes * losses.along_logits(factors)
    return Loss(values if reduction == "none" else np.asarray(values.sum()), gradient)


def _scale(losses: Pointwise, reduction: str, weight: Array) -> float:
    """What the weighed sum is multiplied by."""
    counts: dict[str, Callable[[], float]] = {
        "none": lambda: 1.0,
        "sum": lambda: 1.0,
        "mean": lambda: _count(losses),
        "sum_over_batch_size": lambda: _count(losses),
        "sum_by_nonzero_weights": lambda: float(np.count_nonzero(weight)),
        "mean_with_sample_weight": lambda: float(weight.sum()),
        "mean_over_elements": lambda: float(losses.slopes.size),
    }
    count = counts[reduction]()
    return 1.0 / count if count else 0.0


def _count(losses: Pointwise) -> float:
    return float(losses.values.size if losses.counts is None else losses.counts.sum())


def _spread(weights: Array, values: Array) -> Array:
    """Weights given per example, for every loss of that example: `[N]` or `[N, 1]` against `[N, ...]`."""
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    missing = values.ndim - weights.ndim if weights.ndim else 0
    return np.broadcast_to(weights.reshape(weights.shape + (1,) * missing), values.shape)


def _along(weights: Array, axis: int, rank: int) -> Array:
    """`[C]` in a shape that broadcasts against logits of `rank` axes, whose classes lie along `axis`."""
    return np.moveaxis(weights.reshape((1,) * (rank - 1) + (-1,)), -1, axis)


def _smoothed(y: Array, amount: float, classes: int) -> Array:
    """`(1 - s) y + s / classes` (arXiv:1512.00567, section 7; with two classes for the binary losses, as in Keras)."""
    return np.asarray(y * (1.0 - amount) + amount / classes)


def _by_row(losses: Pointwise, options: Options) -> Pointwise:
    if options.rows is None:
        return losses
    count = losses.values.shape[-1] if options.rows == "mean" else 1
    return Pointwise(losses.values.sum(axis=-1) / count, losses.slopes / count, -1)


def _clipped_log(log_p: Array, clamp: float | None) -> Array:
    """`log(clip(p, clamp, 1 - clamp))`, the upper bound as float32 holds it; a negative clamp bounds the logarithm."""
    if clamp is not None and clamp < 0:
        return np.maximum(log_p, clamp)
    return log_p if clamp is None else np.clip(log_p, np.log(clamp), np.log(_upper(clamp)))


def _clipped_log_rest(log_q: Array, clamp: float | None) -> Array:
    """The same for `q = 1 - p`, where `p` is what was clipped."""
    if clamp is not None and clamp < 0:
        return np.maximum(log_q, clamp)
    return log_q if clamp is None else np.clip(log_q, np.log(1.0 - _upper(clamp)), np.log(1.0 - clamp))


def _upper(clamp: float) -> float:
    return float(np.float32(1.0) - np.float32(clamp))


def _power_slope(base: Array, exponent: float) -> Array:
    """The derivative of `base ** exponent`, zero for exponent zero; `base` in `[0, 1]`."""
    return np.zeros_like(base) if exponent == 0 else exponent * base ** (exponent - 1)
