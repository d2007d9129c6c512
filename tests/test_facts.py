"""What is known of single values: repair, shapes, axes, units, encodings, and the reasons why something is not.

What Keras repairs is as test_keras_facts.py measures it; shapes are NumPy's.
"""

from __future__ import annotations

import numpy as np
import pytest

from lintloss.analysis import Analyser
from lintloss.analysis.facts import Facts, consistent
from lintloss.analysis.terms import Condition, Guard
from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.finding import Severity
from lintloss.linter import lint
from lintloss.sources import Source

IMPORTS = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras\n"
LOGITS = "z = tf.matmul(tf.ones([4, 3]), tf.ones([3, 5]))\n"


def known(expression: str, before: str = LOGITS) -> Facts:
    """The facts of an expression, as a loss would get it."""
    code = f"{IMPORTS}{before}loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits={expression})\n"
    source = Source.from_text(code, "train.py")
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    (alternative,) = analysis.facts.of(site.prediction)
    return alternative.facts


# -- what Keras finds again ------------------------------------------------------------------------------------------

REPAIRS = {
    "tf.keras.activations.softmax(z)": "attached",
    "keras.layers.Softmax()(z)": "attached",
    "keras.layers.Dense(5, 'softmax')(z)": "attached",
    "keras.layers.Identity()(keras.activations.softmax(z))": "attached",
    "tf.convert_to_tensor(keras.activations.softmax(z))": "attached",
    "tf.nn.softmax(z)": "graph",
    "keras.layers.Activation(tf.nn.softmax)(z)": "graph",
    "keras.layers.Dense(5, activation=tf.nn.softmax)(z)": "graph",
    "tf.identity(keras.activations.softmax(z))": "lost",
    "tf.stop_gradient(keras.activations.softmax(z))": "lost",
    "tf.reshape(keras.activations.softmax(z), [4, 5])": "lost",
    "tf.cast(keras.activations.softmax(z), tf.float32)": "lost",
    "keras.activations.softmax(tf.cast(z, tf.float16))": "lost",
    "keras.layers.Dense(5, 'softmax', dtype='float16')(z)": "lost",
    "keras.layers.Dense(5, 'softmax', dtype='float32')(z)": "attached",
    "tf.maximum(keras.activations.softmax(z), 1e-7)": "lost",
}


@pytest.mark.parametrize(("expression", "repair"), REPAIRS.items(), ids=REPAIRS)
def test_whether_keras_finds_the_logits_again(expression: str, repair: str) -> None:
    facts = known(expression)
    assert facts.activation == "softmax"
    assert facts.repair == repair


@pytest.mark.parametrize(
    ("head", "severity"),
    [
        ("keras.layers.Dense(5, 'softmax')", Severity.WARNING),
        ("keras.layers.Dense(5, tf.nn.softmax)", Severity.WARNING),
        ("keras.layers.Dense(5, 'softmax'), keras.layers.Reshape((5,))", Severity.ERROR),
        ("keras.layers.Dense(5, 'softmax', dtype='float16')", Severity.ERROR),
    ],
)
def test_what_keras_repairs_in_training_is_a_warning(head: str, severity: Severity) -> None:
    code = (
        f"model = keras.Sequential([{head}])\n"
        "model.compile('sgd', keras.losses.CategoricalCrossentropy(from_logits=True))\n"
    )
    (finding,) = lint([Source.from_text(IMPORTS + code, "train.py")], Settings()).findings
    assert (finding.code, finding.severity) == ("LL101", severity)


# -- shapes, axes and units ------------------------------------------------------------------------------------------

z = np.ones((4, 5))
SHAPES = {
    "z": z.shape,
    "tf.reshape(z, [2, 10])": z.reshape(2, 10).shape,
    "tf.expand_dims(z, 0)": np.expand_dims(z, 0).shape,
    "tf.expand_dims(z, -1)": np.expand_dims(z, -1).shape,
    "tf.expand_dims(z, 1)": np.expand_dims(z, 1).shape,
    "tf.squeeze(tf.expand_dims(z, 1), 1)": z.shape,
    "tf.squeeze(tf.expand_dims(z, -1), axis=-1)": z.shape,
    "tf.squeeze(tf.expand_dims(z, 1), -2)": z.shape,
    "tf.expand_dims(z, 7)": None,  # raises
    "tf.cast(z, tf.float64)": z.shape,
    "tf.nn.softmax(z)": z.shape,
    "tf.nn.dropout(z, 0.5)": z.shape,
    "keras.layers.Dropout(0.5)(z)": z.shape,
    "keras.layers.Reshape((1, 5))(z)": (None, 1, 5),  # its shape leaves the batch out
    "keras.layers.Dense(7)(z)": (4, 7),
    "tf.matmul(z, tf.ones([5, 2]))": (z @ np.ones((5, 2))).shape,
    "tf.constant([[1.0, -2.0], [0.5, 3.0], [1.0, 1.0]])": (3, 2),
    "tf.constant([1.0, -2.0])": (2,),
    "z[0]": z[0].shape,
}


@pytest.mark.parametrize(("expression", "shape"), SHAPES.items(), ids=SHAPES)
def test_shapes_are_those_of_numpy(expression: str, shape: tuple[int | None, ...] | None) -> None:
    assert known(expression).shape == shape


UNITS = {
    "tf.nn.softmax(z)": 5,
    "tf.nn.softmax(z, axis=0)": 4,
    "tf.nn.softmax(tf.reshape(z, [10, 2]))": 2,
    "keras.layers.Dense(7, 'softmax')(z)": 7,
    "keras.layers.Conv2D(6, 3)(images)": 6,
    "keras.layers.Conv2D(6, 3, activation='softmax')(images)": 6,
    "keras.applications.VGG16(classes=12)(images)": 12,
    "keras.applications.VGG16(weights=None, classes=12, classifier_activation=None)(images)": 12,
}


@pytest.mark.parametrize(("expression", "units"), UNITS.items(), ids=UNITS)
def test_units_lie_along_the_axis_of_the_activation(expression: str, units: int) -> None:
    assert known(expression).units == units


def test_a_ready_network_ends_in_the_activation_that_it_is_given() -> None:
    assert known("keras.applications.VGG16()(x)").activation == "softmax"
    assert known("keras.applications.VGG16(classifier_activation=None)(x)").activation == "linear"
    assert known("keras.applications.VGG16(classifier_activation='sigmoid')(x)").activation == "sigmoid"
    assert "head" in (known("keras.applications.VGG16(include_top=False)(x)").reason or "")


# -- labels ----------------------------------------------------------------------------------------------------------

ENCODINGS = {
    "np.eye(5)[ids]": ("one_hot", 5),
    "np.eye(5)[[0, 1, 1]]": ("one_hot", 5),
    "np.eye(5)": ("one_hot", 5),
    "tf.one_hot(ids, 5)": ("one_hot", 5),
    "tf.one_hot(ids, 5)[:, 0]": ("binary", None),  # a column says whether it is that class
    "tf.one_hot(ids, 5)[..., 2]": ("binary", None),
    "tf.one_hot(ids, 5)[0]": ("one_hot", 5),
    "tf.one_hot(ids, 5)[:2]": ("one_hot", 5),
    "tf.argmax(z, 1)": ("class_ids", 5),
    "np.random.randint(0, 2, (8,))": ("binary", None),
    "np.random.randint(0, 2, (8, 1))": ("binary", None),
    "np.random.randint(0, 2, (8, 3))": ("unknown", None),
    "np.random.randint(10, size=(8,))": ("class_ids", None),
    "np.random.rand(8)": ("continuous", None),
    "[0, 2, 1]": ("class_ids", 3),
    "[0, 1, 1]": ("binary", None),
    "[0.5, 2.5]": ("continuous", None),
    "[-1, 2]": ("unknown", None),
    "[[0], [1]]": ("binary", None),
    "[[0, 1], [1, 0]]": ("one_hot", 2),
    "[[1, 1], [1, 0]]": ("multi_hot", None),
    "[[0.5, 0.5], [0.2, 0.8]]": ("soft", 2),
}


@pytest.mark.parametrize(("expression", "encoding"), ENCODINGS.items(), ids=ENCODINGS)
def test_labels_are_what_their_values_can_be(expression: str, encoding: tuple[str, int | None]) -> None:
    facts = known(expression)
    assert (facts.encoding, facts.classes) == encoding


def test_the_table_of_an_identity_has_its_shape() -> None:
    assert known("np.eye(5)").shape == np.eye(5).shape
    assert known("np.eye(5)[[0, 1, 1]]").shape == np.eye(5)[[0, 1, 1]].shape


def test_bounds_of_what_is_drawn_are_those_that_can_be_drawn() -> None:
    facts = known("np.random.randint(1, 10, size=(8,))")
    assert (facts.low, facts.high) == (1, 9)
    facts = known("np.random.randint(10, size=(8,))")
    assert (facts.low, facts.high) == (0, 9)


@pytest.mark.parametrize(
    ("expression", "is_float"),
    [
        ("np.array([0.0, 2.0])", True),
        ("np.array([0, 2])", False),
        ("np.array([0, 2]).astype('float32')", True),
        ("tf.cast([0.0, 2.0], tf.int64)", False),
        ("tf.constant([0.0, 2.0], dtype=tf.int32)", False),
        ("tf.cast([0.0, 2.0], kind)", False),  # not known
    ],
)
def test_which_data_types_are_floats(expression: str, is_float: bool) -> None:
    assert ("float" in (known(expression).dtype or "")) is is_float


# -- what is not known, and why --------------------------------------------------------------------------------------

REASONS = {
    "keras.layers.Dense(5)": "a layer",
    "outside(z)": "outside",
    "keras.layers.Dense(5, activation=chosen)(z)": "activation is not known",
    "settings": "settings",
    "tf.stack([tf.nn.softmax(z), z])": "several",
}


@pytest.mark.parametrize(("expression", "part"), REASONS.items(), ids=REASONS)
def test_what_is_not_known_has_a_reason(expression: str, part: str) -> None:
    facts = known(expression)
    assert facts.activation in ("unknown", "other")
    assert part in (facts.reason or "")


def test_what_a_comment_states_counts_where_nothing_else_is_known() -> None:
    assert known("p", "p = outside()  # lintloss: probabilities\n").activation == "softmax"
    stated = known("t", "t = outside()  # lintloss: one-hot\n")
    assert (stated.encoding, stated.role, stated.reason) == ("one_hot", "label", None)
    belied = known("p", LOGITS + "p = tf.nn.softmax(z)  # lintloss: logits\n")
    assert (belied.activation, belied.contradicts) == ("softmax", "logits")
    agreed = known("p", LOGITS + "p = tf.nn.softmax(z)  # lintloss: probabilities\n")
    assert (agreed.activation, agreed.contradicts) == ("softmax", None)


def test_a_condition_cannot_hold_both_ways() -> None:
    one, other = Condition("a", "a"), Condition("b", "b")
    assert consistent([Guard(one, True), Guard(other, False), Guard(one, True)])
    assert not consistent([Guard(one, True), Guard(other, False), Guard(one, False)])
