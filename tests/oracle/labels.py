"""How programs write their labels down."""

from __future__ import annotations

import numpy as np

from oracle.choices import Choices
from oracle.code import Code, carried
from oracle.plan import Plan


def written(choices: Choices, code: Code, plan: Plan) -> str:
    """Add the labels' code and return the name that they are under; floats where the loss takes weights."""
    name = carried(choices, code, "y", _expression(choices, code, plan))
    if choices.rarely(6):
        name = carried(choices, code, "targets", f"tf.convert_to_tensor({name})")
    return name


def _expression(choices: Choices, code: Code, plan: Plan) -> str:
    if plan.encoding == "ids" and plan.labels_taken == "binary":
        return f'np.array({_ids_of(plan)}, dtype="float32")'  # these losses refuse integers, which is no rule's matter
    if plan.encoding == "ids":
        return _ids(choices, plan)
    if plan.encoding == "one_hot":
        return _one_hot(choices, code, plan)
    if plan.encoding == "soft" and choices.rarely(2):
        hot = carried(choices, code, "hot", _one_hot(choices, code, plan))
        return f"{hot} * 0.75 + 0.25 / {plan.classes}"
    rows = plan.rows().reshape((*plan.outer, plan.classes))
    return choices.among(
        f'np.array({_numbers(rows)}, dtype="float32")',
        f"tf.constant({_numbers(rows)})",
        f'np.asarray({_numbers(rows)}).astype("float32")',
    )


def _one_hot(choices: Choices, code: Code, plan: Plan) -> str:
    ids = _ids(choices, plan)
    if choices.rarely(2):
        ids = carried(choices, code, "ids", ids)
    rows = np.eye(plan.classes)[np.asarray(plan.ids)].reshape((*plan.outer, plan.classes))
    return choices.among(
        f"tf.one_hot({ids}, {plan.classes})",
        f"tf.one_hot({ids}, depth={plan.classes}, axis=-1)",
        _as_floats(f"KERAS.utils.to_categorical({ids}, {plan.classes})", plan),
        f'np.eye({plan.classes}, dtype="float32")[{ids}]',
        f'np.eye({plan.classes})[{ids}].astype("float32")',
        f"tf.cast(tf.one_hot({ids}, {plan.classes}), tf.float32)",
        f"tf.constant({_numbers(rows)})",
        f"tf.gather(tf.eye({plan.classes}), {ids})",
    )


def _as_floats(labels: str, plan: Plan) -> str:
    """Sigmoid losses refuse doubles beside floats, which is no rule's matter."""
    return f"tf.cast({labels}, tf.float32)" if plan.labels_taken == "binary" else labels


def _ids(choices: Choices, plan: Plan) -> str:
    ids = _ids_of(plan)
    return choices.among(
        f"np.array({ids})",
        f"tf.constant({ids})",
        f'np.asarray({ids}, dtype="int32")',
        f"tf.constant({ids}, dtype=tf.int32)",
        f'np.array({ids}).astype("int64")',
        f"tf.cast({ids}, tf.int64)",
    )


def _ids_of(plan: Plan) -> list[object]:
    column = (1,) if plan.units == 1 else ()
    ids: list[object] = np.asarray(plan.ids).reshape((*plan.outer, *column)).tolist()
    return ids


def _numbers(rows: np.ndarray) -> list[object]:
    numbers: list[object] = rows.round(6).tolist()
    return numbers
