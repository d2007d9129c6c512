"""Losses as programs write them: operations, functions and objects of Keras, strings, and formulas."""

from __future__ import annotations

from dataclasses import dataclass

from oracle.choices import Choices
from oracle.plan import Plan


@dataclass(frozen=True)
class Loss:
    """`call` computes it of `{y}` and `{p}`; `per` says of what there is one loss: `example`, `element` or `batch`."""

    call: str
    per: str = "example"


_OPERATIONS = {
    ("softmax", "logits", "dense"): (
        Loss("tf.nn.softmax_cross_entropy_with_logits(labels={y}, logits={p})"),
        Loss("tf.nn.softmax_cross_entropy_with_logits({y}, {p})"),
        Loss("tf.compat.v1.nn.softmax_cross_entropy_with_logits_v2(labels={y}, logits={p})"),
        Loss("tf.compat.v1.losses.softmax_cross_entropy({y}, {p})", "batch"),
        Loss("tf.compat.v1.losses.softmax_cross_entropy(onehot_labels={y}, logits={p})", "batch"),
    ),
    ("softmax", "logits", "sparse"): (
        Loss("tf.nn.sparse_softmax_cross_entropy_with_logits(labels={y}, logits={p})"),
        Loss("tf.nn.sparse_softmax_cross_entropy_with_logits({y}, {p})"),
        Loss("tf.compat.v1.losses.sparse_softmax_cross_entropy(labels={y}, logits={p})", "batch"),
    ),
    ("sigmoid", "logits", "binary"): (
        Loss("tf.nn.sigmoid_cross_entropy_with_logits(labels={y}, logits={p})", "element"),
        Loss("tf.nn.sigmoid_cross_entropy_with_logits({y}, {p})", "element"),
        Loss("tf.nn.weighted_cross_entropy_with_logits(labels={y}, logits={p}, pos_weight=1.0)", "element"),
        Loss("tf.compat.v1.losses.sigmoid_cross_entropy({y}, {p})", "batch"),
    ),
    ("softmax", "probabilities", "dense"): (
        Loss("-tf.reduce_sum({y} * tf.math.log({p}), axis=-1)"),
        Loss("-tf.reduce_sum({y} * tf.math.log({p} + 1e-9), axis=-1)"),
    ),
    ("sigmoid", "probabilities", "binary"): (
        Loss("-({y} * tf.math.log({p}) + (1 - {y}) * tf.math.log(1 - {p}))", "element"),
    ),
}
FUNCTIONS = {
    "dense": "categorical_crossentropy",
    "sparse": "sparse_categorical_crossentropy",
    "binary": "binary_crossentropy",
}
CLASSES = {
    "dense": "CategoricalCrossentropy",
    "sparse": "SparseCategoricalCrossentropy",
    "binary": "BinaryCrossentropy",
}


def called(choices: Choices, plan: Plan) -> Loss:
    """A loss for code that calls it."""
    operations = _OPERATIONS.get((plan.family, plan.input, plan.labels_taken), ())
    function = FUNCTIONS[plan.labels_taken]
    option = from_logits(choices, plan)
    reduction = choices.among("", "sum", "none")
    made = ", ".join(filter(None, [option, f'reduction="{reduction}"' if reduction else ""]))
    per = {"": "batch", "sum": "sum", "none": "example"}[reduction]
    given = f", {option}" if option else ""
    return choices.among(
        *operations,
        Loss(f"KERAS.losses.{function}({{y}}, {{p}}{given})"),
        Loss(f"KERAS.losses.{function}(y_true={{y}}, y_pred={{p}}{given})"),
        Loss(f"KERAS.losses.{CLASSES[plan.labels_taken]}({made})({{y}}, {{p}})", per),
        Loss(f"KERAS.losses.{CLASSES[plan.labels_taken]}({made})(y_true={{y}}, y_pred={{p}})", per),
    )


def reduced(choices: Choices, loss: Loss, call: str) -> tuple[str, str]:
    """The call, perhaps with a reduction around it, and how it is reduced in all."""
    if loss.per == "batch":
        return call, "mean"
    if loss.per == "sum":
        return call, "sum"
    if loss.per == "element":
        return choices.among(f"tf.reduce_mean({call})", f"tf.math.reduce_mean({call})"), "mean"
    return choices.among((call, "none"), (f"tf.reduce_mean({call})", "mean"), (f"tf.reduce_sum({call})", "sum"))


def from_logits(choices: Choices, plan: Plan) -> str:
    if plan.input == "logits":
        return "from_logits=True"
    return choices.among("", "", "from_logits=False")


def compiled(choices: Choices, plan: Plan) -> tuple[str, str]:
    """A loss for `compile`: code that defines what it needs, and the argument."""
    function, cls = FUNCTIONS[plan.labels_taken], CLASSES[plan.labels_taken]
    option = from_logits(choices, plan)
    operations = [
        each for each in _OPERATIONS.get((plan.family, plan.input, plan.labels_taken), ()) if each.per != "batch"
    ]
    given = f", {option}" if option else ""
    ways = [
        ("", f"KERAS.losses.{cls}({option})"),
        (f"criterion = KERAS.losses.{cls}({option})", "criterion"),
        (f"def objective(y_true, y_pred):\n    return KERAS.losses.{function}(y_true, y_pred{given})", "objective"),
        ("", f"lambda y_true, y_pred: KERAS.losses.{function}(y_true, y_pred{given})"),
    ]
    if plan.input == "probabilities":
        ways += [("", f'"{function}"'), ("", f"KERAS.losses.{function}"), ("", f'KERAS.losses.get("{function}")')]
    for each in (operation for operation in operations if operation.per != "batch"):
        # Keras hands its losses floats, whatever `fit` was given.
        true = "tf.cast(y_true, tf.int32)" if plan.labels_taken == "sparse" else "tf.cast(y_true, y_pred.dtype)"
        call = each.call.format(y=true, p="y_pred")
        ways.append((f"def objective(y_true, y_pred):\n    return tf.reduce_mean({call})", "objective"))
    return choices.among(*ways)
