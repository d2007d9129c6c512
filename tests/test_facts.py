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


# -- all that is known of a value ------------------------------------------------------------------------------------

LINEAR = {"activation": "linear", "role": "prediction"}
OF_Z = {**LINEAR, "units": 5, "shape": (4, 5)}
LABEL = {"role": "label"}
IDS = {"encoding": "class_ids"}
ONE_HOT = {**LABEL, "encoding": "one_hot"}
MADE = {"role": "made"}
INPUT = {"role": "input", "reason": "it is fed from outside"}
ONE_COLUMN = {"activation": "other", "since": ("select",), "role": "prediction"}
ONE_COLUMN["reason"] = "one column of an activation's output"


def told(expression: str, before: str = LOGITS) -> dict[str, object]:
    """What differs from knowing nothing: places by their code, steps by their messages, terms left out."""
    facts = known(expression, before)
    fields = {each: value for each, value in vars(facts).items() if value != vars(Facts())[each]}
    fields.pop("pre", None)
    for each in ("applied", "layer"):
        if each in fields:
            fields[each] = getattr(fields[each], "origin", fields[each]).code
    if "steps" in fields:
        fields["steps"] = tuple(step.message for step in facts.steps)
    return fields


def applied(activation: str, place: str, **more: object) -> dict[str, object]:
    """What is known of an activation's output; `z` went into it where nothing else is said."""
    steps = (f"{activation.replace('_', '-')} is applied here",)
    common = {"applied": place, "axis": -1, "units": 5, "shape": (4, 5), "repair": "graph", "role": "prediction"}
    known_of_it = {"activation": activation, "steps": steps, **common, **more}
    return {key: value for key, value in known_of_it.items() if value != vars(Facts())[key]}


def by_layer(activation: str, place: str, **more: object) -> dict[str, object]:
    return applied(activation, place, **{"layer": place, "repair": "attached", **more})


SOFT = "tf.nn.softmax(z)"
WHOLE = {
    # activations
    "tf.nn.softmax(z)": applied("softmax", SOFT),
    "tf.nn.softmax(z, axis=-2)": applied("softmax", "tf.nn.softmax(z, axis=-2)", axis=-2, units=4),
    "tf.nn.softmax(z, axis=5)": applied("softmax", "tf.nn.softmax(z, axis=5)", axis=5, units=None),
    "tf.nn.log_softmax(z)": applied("log_softmax", "tf.nn.log_softmax(z)"),
    "tf.nn.relu(z)": applied("relu", "tf.nn.relu(z)"),
    "tf.nn.softmax(tf.nn.sigmoid(z))": applied(
        "softmax", "tf.nn.softmax(tf.nn.sigmoid(z))", steps=("sigmoid is applied here", "softmax is applied here")
    ),
    "tf.nn.softmax(tf.nn.relu(z))": applied("softmax", "tf.nn.softmax(tf.nn.relu(z))"),
    "keras.activations.linear(z)": OF_Z,
    "tf.nn.softmax(tf.cast(z, tf.float16))": applied(
        "softmax", "tf.nn.softmax(tf.cast(z, tf.float16))", repair="lost", dtype="float16"
    ),
    # layers
    "keras.layers.Softmax()(z)": by_layer("softmax", "keras.layers.Softmax()"),
    "keras.layers.Softmax(axis=0)(z)": by_layer("softmax", "keras.layers.Softmax(axis=0)", axis=0, units=4),
    "keras.layers.Activation('sigmoid')(z)": by_layer("sigmoid", "keras.layers.Activation('sigmoid')"),
    "keras.layers.Dense(7)(z)": {**LINEAR, "units": 7, "shape": (4, 7)},
    "keras.layers.Dense(units)(z)": {**LINEAR, "shape": (4, None)},
    "keras.layers.Dense(7, activation='linear')(z)": {**LINEAR, "units": 7, "shape": (4, 7)},
    "keras.layers.Dense(7, activation=tf.identity)(z)": {**LINEAR, "units": 7, "shape": (4, 7)},
    "keras.layers.Dense(7, activation=chosen)(z)": {"units": 7, "reason": "its activation is not known"},
    "keras.layers.Dense(7, activation=keras.layers.Dense(3))(z)": {"units": 7, "reason": "its activation is not known"},
    "keras.layers.Dense(7, 'softmax')(tf.nn.softmax(z))": by_layer(
        "softmax", "keras.layers.Dense(7, 'softmax')", units=7, shape=(4, 7)
    ),
    "keras.layers.Dense(7, activation='exotic')(z)": by_layer(
        "other", "keras.layers.Dense(7, activation='exotic')", units=7, shape=(4, 7)
    ),
    "keras.layers.Dense(7, activation=tf.shape)(z)": by_layer(
        "other", "keras.layers.Dense(7, activation=tf.shape)", units=7, shape=(4, 7), repair="graph"
    ),
    "keras.layers.Dense(7, activation=tf.nn.softmax)(z)": by_layer(
        "softmax", "keras.layers.Dense(7, activation=tf.nn.softmax)", units=7, shape=(4, 7), repair="graph"
    ),
    "keras.layers.Dense(7, activation=keras.layers.Softmax())(z)": by_layer(
        "softmax", "keras.layers.Dense(7, activation=keras.layers.Softmax())", units=7, shape=(4, 7)
    ),
    "keras.layers.Dense(7, activation=keras.layers.Activation('tanh'))(z)": by_layer(
        "tanh", "keras.layers.Dense(7, activation=keras.layers.Activation('tanh'))", units=7, shape=(4, 7)
    ),
    "keras.layers.Conv1D(6, 3)(z)": {**LINEAR, "units": 6},
    "keras.layers.BatchNormalization()(z)": {**OF_Z, "since": ("normalise",)},
    "keras.layers.Dropout(0.5)(tf.nn.softmax(z))": applied("softmax", SOFT, since=("dropout",), repair="lost"),
    "keras.layers.Flatten()(z)": {**LINEAR, "since": ("reshape",)},
    "keras.layers.Concatenate()([z, z])": {**LINEAR, "since": ("join",)},
    "keras.layers.Average()([tf.nn.softmax(z), tf.nn.softmax(z)])": applied(
        "softmax", SOFT, since=("pool",), repair="lost"
    ),
    "keras.layers.Average()(several)": {"reason": "`Average` joins several values"},
    "keras.layers.Lambda(f)(z)": {"reason": "what `Lambda` does is not known"},
    "keras.layers.Dense(5)": {"reason": "it is a layer, not a tensor"},
    "keras.layers.Dense(5).output": {**LINEAR, "units": 5},
    "keras.layers.Dense(5).nothing": {"reason": "what `.nothing` is is not known"},
    # ready networks
    "keras.applications.VGG16()(x)": by_layer("softmax", "keras.applications.VGG16()", units=1000, shape=None),
    "keras.applications.VGG16(classes=n)(x)": by_layer(
        "softmax", "keras.applications.VGG16(classes=n)", units=None, shape=None
    ),
    "keras.applications.VGG16(include_top=False)(x)": {"reason": "a network without its head"},
    "keras.applications.VGG16(classifier_activation=chosen)(x)": {
        "units": 1000,
        "reason": "its activation is not known",
    },
    "keras.applications.VGG16()": {"reason": "it is an object, not a tensor"},
    # what passes values on
    "z.T": {**LINEAR, "since": ("transpose",)},
    "tf.transpose(z)": {**LINEAR, "since": ("transpose",)},
    "tf.pad(z, [[0, 0], [0, 2]])": {**LINEAR, "since": ("pad",)},
    "tf.slice(z, [0, 0], [4, 2])": {**LINEAR, "since": ("select",)},
    "tf.random.shuffle(z)": {**OF_Z, "since": ("shuffle",)},
    "tf.identity(z)": {**OF_Z, "since": ("identity",)},
    "tf.clip_by_value(tf.nn.softmax(z), 0.1, 0.9)": applied("softmax", SOFT, since=("clip",), repair="lost"),
    "tf.convert_to_tensor(tf.nn.softmax(z))": applied("softmax", SOFT, since=("identity",)),
    "tf.convert_to_tensor(tf.nn.softmax(z), dtype=tf.float64)": applied(
        "softmax", SOFT, since=("identity",), dtype="float64"
    ),
    "np.asarray(tf.nn.softmax(z))": applied("softmax", SOFT, since=("identity",), repair="lost"),
    "tf.cast(z, 'int32')": {**OF_Z, "since": ("cast",), "dtype": "int32"},
    "tf.cast(tf.cast(z, tf.int32), kind)": {**OF_Z, "since": ("cast", "cast")},
    "tf.reshape(z, [-1, 10])": {**LINEAR, "units": 10, "since": ("reshape",), "shape": (None, 10)},
    "tf.reshape(z, shape)": {**LINEAR, "since": ("reshape",)},
    "tf.expand_dims(tf.nn.softmax(z), 0)": applied("softmax", SOFT, since=("reshape",), shape=(1, 4, 5), repair="lost"),
    "tf.squeeze(tf.ones([4, 1]), 1)": {**MADE, "encoding": "constant", "since": ("reshape",)},
    "tf.squeeze(tf.ones([1, 4, 5]), 0)": {
        **MADE,
        "encoding": "constant",
        "since": ("reshape",),
        "shape": (4, 5),
        "units": 5,
    },
    # what is picked out of them
    "z[0]": {**LINEAR, "units": 5, "since": ("select",), "shape": (5,)},
    "z[:2]": {**LINEAR, "units": 5, "since": ("select",), "shape": (None, 5)},
    "z[i]": {**LINEAR, "units": 5, "since": ("select",)},
    "z[0][1]": {**LINEAR, "since": ("select", "select")},
    "z[1:3, :]": {**LINEAR, "units": 5, "since": ("select",)},
    "z[None, 0]": {**LINEAR, "units": 5, "since": ("select",)},
    "z[0, ...]": {**LINEAR, "units": 5, "since": ("select",)},
    "z[..., 0]": {**LINEAR, "since": ("select",)},
    "z[..., None]": {**LINEAR, "since": ("select",)},
    "z[:, 0]": {**LINEAR, "since": ("select",)},
    "z[:, :3]": {**LINEAR, "since": ("select",)},
    "z[:, 1:]": {**LINEAR, "since": ("select",)},
    "outside()[:, 0]": {"reason": "`outside` is not defined in what was read"},
    "tf.nn.softmax(z)[:, 0]": ONE_COLUMN,
    "tf.nn.softmax(z)[0, 1]": ONE_COLUMN,
    "tf.nn.softmax(z)[..., 1]": ONE_COLUMN,
    "tf.nn.softmax(tf.matmul(x, w))[:, 0]": ONE_COLUMN,
    "tf.nn.softmax(tf.matmul(x, w))[:, :, 0]": ONE_COLUMN,
    "tf.nn.softmax(tf.matmul(x, w))[:, 0, :]": applied(
        "softmax", "tf.nn.softmax(tf.matmul(x, w))", since=("select",), shape=None, units=None
    ),
    "tf.nn.softmax(z)[0]": applied("softmax", SOFT, since=("select",), shape=(5,)),
    "tf.nn.softmax(z)[:, :3]": applied("softmax", SOFT, since=("select",), shape=None, units=None),
    "tf.nn.softmax(tf.ones([2, 3, 4]))[0, 1]": applied(
        "softmax", "tf.nn.softmax(tf.ones([2, 3, 4]))", since=("select",), shape=None, units=4
    ),
    "tf.nn.relu(z)[:, 0]": applied("relu", "tf.nn.relu(z)", since=("select",), shape=None, units=None),
    # affine maps
    "tf.matmul(z, tf.ones([5, 2]))": {**LINEAR, "units": 2, "shape": (4, 2)},
    "tf.matmul(z, w)": {**LINEAR, "shape": (4, None)},
    "tf.matmul(x, w)": LINEAR,
    "z @ tf.ones([5, 2]) + 1.0": {**LINEAR, "units": 2, "shape": (4, 2)},
    "tf.compat.v1.layers.dense(z, 6)": {**LINEAR, "units": 6, "shape": (4, 6)},
    # several values
    "[tf.nn.softmax(z), tf.nn.softmax(z)]": applied("softmax", SOFT, since=("join",), shape=None, repair="lost"),
    "[tf.nn.softmax(z), z]": {"reason": "it is a collection of values"},
    "(tf.nn.softmax(z), z)": {"reason": "it is a collection of values"},
    "tf.concat([tf.nn.softmax(z), tf.nn.softmax(z)], 0)": applied(
        "softmax", SOFT, since=("join",), shape=None, repair="lost"
    ),
    "tf.concat([tf.nn.softmax(z), tf.nn.softmax(z)], 1)": {
        "activation": "other",
        "role": "prediction",
        "reason": "it is several distributions side by side",
    },
    "tf.concat(several, 0)": {"reason": "`concat` joins several values"},
    "tf.split(tf.nn.softmax(z), 2, axis=0)[0]": applied(
        "softmax", SOFT, since=("select", "select"), shape=None, units=None, repair="lost"
    ),
    "tf.split(tf.nn.softmax(z), 2, axis=1)[0]": {**ONE_COLUMN, "reason": "one part of an activation's output"},
    "tf.split(tf.nn.log_softmax(z), 2, axis=a)[0]": {**ONE_COLUMN, "reason": "one part of an activation's output"},
    "tf.split(tf.nn.sigmoid(z), 2, axis=1)[0]": applied(
        "sigmoid", "tf.nn.sigmoid(z)", since=("select", "select"), shape=None, units=None, repair="lost"
    ),
    "np.unheard_of(z)": {"reason": "what `unheard_of` gives is not known"},
    # numbers
    "3.5": {"shape": (), "role": "literal", "reason": "it is the constant 3.5"},
    "[[1.0, 2.0], [3.0]]": {"role": "literal", "reason": "its rows have different lengths"},
    # labels
    "tf.one_hot([0, 2], 5)": {**ONE_HOT, "classes": 5, "shape": (2, 5), "steps": ("made one-hot here",)},
    "tf.one_hot([0, 2], 5, axis=0)": {**ONE_HOT, "classes": 5, "steps": ("made one-hot here",)},
    "tf.one_hot([0, 2], n)": {**ONE_HOT, "shape": (2, None), "steps": ("made one-hot here",)},
    "keras.utils.to_categorical([0, 1])": {**ONE_HOT, "shape": (2, None), "steps": ("made one-hot here",)},
    "keras.utils.to_categorical([[0], [1]], 3)": {
        **ONE_HOT,
        "classes": 3,
        "shape": (2, 3),  # Keras drops the column
        "steps": ("made one-hot here",),
    },
    "keras.utils.to_categorical(tf.zeros([4, 2, 1]), 3)": {
        **ONE_HOT,
        "classes": 3,
        "shape": (4, 2, 3),
        "steps": ("made one-hot here",),
    },
    "tf.one_hot([[0], [1]], 3)": {**ONE_HOT, "classes": 3, "shape": (2, 1, 3), "steps": ("made one-hot here",)},
    "tf.one_hot([0, 1], 5)[0]": {
        **ONE_HOT,
        "classes": 5,
        "shape": (5,),
        "since": ("select",),
        "steps": ("made one-hot here",),
    },
    "tf.one_hot([0, 1], 5)[:, 0]": {
        **LABEL,
        "encoding": "binary",
        "since": ("select",),
        "steps": ("made one-hot here",),
    },
    "tf.one_hot([0, 1], 5)[:, 1:]": {**LABEL, "since": ("select",), "steps": ("made one-hot here",)},
    "tf.reshape(tf.one_hot([0, 1], 5), [-1])": {
        **LABEL,
        "classes": 5,
        "shape": (None,),
        "since": ("reshape",),
        "reason": "its rows were laid out anew",
        "steps": ("made one-hot here",),
    },
    "tf.reshape(tf.one_hot([0, 1], 5), [-1, 5])": {
        **ONE_HOT,
        "classes": 5,
        "units": 5,
        "shape": (None, 5),
        "since": ("reshape",),
        "steps": ("made one-hot here",),
    },
    "np.eye(4)": {"encoding": "one_hot", "classes": 4, "role": "table", "shape": (4, 4)},
    "np.eye(4)[2]": {**ONE_HOT, "classes": 4, "shape": (4,)},
    "np.eye(4)[:3]": {
        "encoding": "one_hot",
        "classes": 4,
        "role": "table",
        "shape": (None, 4),
        "since": ("select",),
    },
    "np.eye(4)[ids]": {**ONE_HOT, "classes": 4},
    "np.eye(4)[[0, 1, 1]]": {**ONE_HOT, "classes": 4, "shape": (3, 4)},
    "tf.argmax(z, 1)": {**LABEL, **IDS, "classes": 5, "dtype": "int64"},
    "keras.datasets.mnist.load_data()": {"reason": "it is a data set"},
    "keras.datasets.mnist.load_data()[0][0]": {"role": "input", "reason": "it is a data set's input"},
    "keras.datasets.mnist.load_data()[0][1]": {
        **LABEL,
        **IDS,
        "steps": ("the data set gives class-ids labels",),
    },
    "keras.datasets.mnist.load_data()[0][1].astype('float32')[:9]": {
        **LABEL,
        **IDS,
        "steps": ("the data set gives class-ids labels",),
    },
    # what is made
    "tf.zeros([3, 4])": {**MADE, "encoding": "constant", "shape": (3, 4)},
    "tf.ones(shape)": {**MADE, "encoding": "constant"},
    "tf.random.normal([8, 3])": {**MADE, "encoding": "continuous", "shape": (8, 3)},
    "tf.Variable(tf.zeros([4, 3]))": {"role": "weight", "shape": (4, 3)},
    "np.random.uniform(0, 1, (8, 3))": {**MADE, "encoding": "continuous", "shape": (8, 3), "low": 0, "high": 1},
    "np.random.uniform(0, 10, (8,))": {**MADE, "shape": (8,), "low": 0, "high": 10},
    "np.random.uniform(-5, 10, (8,))": {**MADE, "encoding": "continuous", "shape": (8,), "low": -5, "high": 10},
    "np.random.randint(0, 2, (8,))": {**MADE, "encoding": "binary", "shape": (8,), "low": 0, "high": 1},
    "np.random.randint(1, 2, (8,))": {**MADE, **IDS, "shape": (8,), "low": 1, "high": 1},
    "np.random.randint(0, 3, (8, 1))": {**MADE, **IDS, "shape": (8, 1), "low": 0, "high": 2},
    "np.random.randint(0, 3, (8, 4))": {**MADE, "shape": (8, 4), "low": 0, "high": 2},
    "np.random.randint(3, n, (8,))": {**MADE, **IDS, "shape": (8,), "low": 3},
    "np.random.randint(10)": {**MADE, **IDS, "low": 0, "high": 9},
    "np.random.random_integers(0, 2, (8,))": {**MADE, **IDS, "shape": (8,), "low": 0, "high": 2},
    "np.random.dirichlet([1, 1], 4)": {**MADE, "encoding": "soft"},  # its shape is (4, 2)
    # what is fed
    "keras.Input((5,))": {**INPUT, "shape": ("batch", 5)},
    "keras.Input((5,), dtype='int32')": {**INPUT, "shape": ("batch", 5), "dtype": "int32"},
    "tf.compat.v1.placeholder(tf.float32, [None, 5])": {**INPUT, "shape": (None, 5), "dtype": "float32"},
    "tf.compat.v1.placeholder(tf.int32, [None])": {**INPUT, **IDS, "shape": (None,), "dtype": "int32"},
    "tf.compat.v1.placeholder('int64', [8])": {**INPUT, **IDS, "shape": (8,), "dtype": "int64"},
    "tf.compat.v1.placeholder(tf.int32, [None, 5])": {**INPUT, "shape": (None, 5), "dtype": "int32"},
    "tf.compat.v1.placeholder(tf.float32, [None])": {**INPUT, "shape": (None,), "dtype": "float32"},
    "tf.compat.v1.placeholder(tf.int32)": {**INPUT, "dtype": "int32"},
}


@pytest.mark.parametrize(("expression", "facts"), WHOLE.items(), ids=WHOLE)
def test_all_that_is_known(expression: str, facts: dict[str, object]) -> None:
    assert told(expression) == facts


WRITTEN = LOGITS + "out = np.zeros((4, 5))\n"
POLICY = LOGITS + "keras.mixed_precision.set_global_policy({})\n"
DENSE = "keras.layers.Dense(3, 'softmax')"
STATEMENTS = {
    "rows written in a loop": (
        WRITTEN + "for i in range(4):\n    out[i] = tf.nn.softmax(z[i])\n",
        applied("softmax", "tf.nn.softmax(z[i])", axis=None, units=None, shape=None, since=("join",), repair="lost"),
    ),
    "numbers written": (WRITTEN + "out[0] = 1.0\n", {"reason": "it is written to part by part"}),
    "other things written, too": (
        WRITTEN + "out[0] = tf.nn.softmax(z)\nout[1] = z\n",
        {"reason": "it is written to part by part"},
    ),
    "written into something unknown": (
        LOGITS + "out = outside()\nout[0] = tf.nn.softmax(z)\n",
        {"reason": "it is written to part by part"},
    ),
    "a policy of halves": (
        POLICY.format("'mixed_float16'") + f"out = {DENSE}(z)\n",
        by_layer("softmax", DENSE, units=3, shape=(4, 3), dtype="float16", repair="lost"),
    ),
    "a policy object": (
        POLICY.format("keras.mixed_precision.Policy('mixed_bfloat16')") + f"out = {DENSE}(z)\n",
        by_layer("softmax", DENSE, units=3, shape=(4, 3), dtype="bfloat16", repair="lost"),
    ),
    "a policy that is not known": (
        POLICY.format("chosen") + f"out = {DENSE}(z)\n",
        by_layer("softmax", DENSE, units=3, shape=(4, 3)),
    ),
    "two policies": (
        POLICY.format("'mixed_float16'") + POLICY.format("'float32'") + f"out = {DENSE}(z)\n",
        by_layer("softmax", DENSE, units=3, shape=(4, 3)),
    ),
    "a policy, and another framework's layer": (
        POLICY.format("'mixed_float16'") + "out = tf.compat.v1.layers.dense(z, 3)\n",
        {**LINEAR, "units": 3, "shape": (4, 3)},
    ),
    "a model called": (
        f"inputs = keras.Input((5,))\nout = keras.Model(inputs, {DENSE}(inputs))(x)\n",
        by_layer("softmax", DENSE, units=3, shape=("batch", 3)),
    ),
    "a model's output": (
        f"inputs = keras.Input((5,))\nout = keras.Model(inputs, {DENSE}(inputs)).output\n",
        by_layer("softmax", DENSE, units=3, shape=("batch", 3)),
    ),
    "a list of layers' output": (
        f"out = keras.Sequential([{DENSE}]).output\n",
        by_layer("softmax", DENSE, units=3, shape=None),
    ),
    "a ready network's output": (
        "out = keras.applications.VGG16().output\n",
        by_layer("softmax", "keras.applications.VGG16()", units=1000, shape=None),
    ),
    "a statement on a constant": (
        "out = np.zeros((3, 4))  # lintloss: one-hot\n",
        {**ONE_HOT, "shape": (3, 4), "steps": ("stated to be one-hot",)},
    ),
    "a statement of probabilities": (
        "out = np.zeros((3, 4))  # lintloss: probabilities\n",
        {"activation": "softmax", "shape": (3, 4), "steps": ("stated to be probabilities",)},
    ),
    "a statement that the code bears out": (
        LOGITS + "out = z  # lintloss: logits\n",
        {**OF_Z, "steps": ("stated to be logits",)},
    ),
    "a statement that the code belies": (
        LOGITS + "out = tf.nn.relu(z)  # lintloss: logits\n",
        applied("relu", "tf.nn.relu(z)", contradicts="logits", steps=("relu is applied here", "stated to be logits")),
    ),
    "an encoding that the code belies": (
        "out = tf.one_hot([0, 1], 5)  # lintloss: class-ids\n",
        {
            **ONE_HOT,
            "classes": 5,
            "shape": (2, 5),
            "contradicts": "class-ids",
            "steps": ("made one-hot here", "stated to be class-ids"),
        },
    ),
    "an encoding that the code allows": (
        "out = tf.one_hot([0, 1], 5)  # lintloss: soft\n",
        {
            **LABEL,
            "encoding": "soft",
            "classes": 5,
            "shape": (2, 5),
            "steps": ("made one-hot here", "stated to be soft"),
        },
    ),
    "a bias added": (
        LOGITS + "b = tf.Variable(tf.zeros([5]))\nout = tf.nn.bias_add(z, b)\n",
        OF_Z,
    ),
}


@pytest.mark.parametrize(("before", "facts"), STATEMENTS.values(), ids=STATEMENTS)
def test_all_that_is_known_after_statements(before: str, facts: dict[str, object]) -> None:
    assert told("out", before) == facts


def ways(expression: str, before: str) -> dict[tuple[tuple[str, bool], ...], tuple[str, int | None]]:
    """Activation and units by the conditions that they depend on."""
    code = f"{IMPORTS}{before}loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits={expression})\n"
    source = Source.from_text(code, "train.py")
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    return {
        tuple(sorted({(guard.condition.text, guard.holds) for guard in each.guards})): (
            each.facts.activation,
            each.facts.units,
        )
        for each in analysis.facts.of(site.prediction)
    }


def test_what_depends_on_conditions_is_known_for_each_way_that_can_be_gone() -> None:
    either = LOGITS + "p = tf.nn.softmax(z) if a else z\n"
    on, off = (("a", True),), (("a", False),)
    assert ways("p", either) == {on: ("softmax", 5), off: ("linear", 5)}
    assert ways("p + p", either) == {on: ("unknown", None), off: ("linear", 5)}
    assert ways("keras.layers.Dense(7, 'softmax' if a else None)(z)", either) == {
        on: ("softmax", 7),
        off: ("linear", 7),
    }
    assert ways("q", either + "q = p if b else outside()\n") == {
        (("a", True), ("b", True)): ("softmax", 5),
        (("a", False), ("b", True)): ("linear", 5),
        (("b", False),): ("unknown", None),
    }
    assert ways("tf.matmul(p, tf.ones([5, 2]))", either) == {(): ("linear", 2)}


@pytest.mark.parametrize(
    ("expression", "went_in"),
    [
        ("tf.nn.softmax(z)", {**OF_Z}),
        ("keras.layers.Softmax()(z)", {**OF_Z}),
        ("keras.layers.Activation('softmax')(z)", {**OF_Z}),
        ("keras.layers.Dense(7, 'softmax')(z)", {**LINEAR, "units": 7, "shape": (4, 7)}),
        ("keras.layers.Dense(units=7, activation='softmax', name='a')(z)", {**LINEAR, "units": 7, "shape": (4, 7)}),
        ("tf.compat.v1.layers.dense(z, 6, tf.nn.softmax)", {**LINEAR, "units": 6, "shape": (4, 6)}),
        ("keras.applications.VGG16(classes=12)(z)", {**LINEAR, "units": 12}),
    ],
)
def test_what_went_into_an_activation(expression: str, went_in: dict[str, object]) -> None:
    code = f"{IMPORTS}{LOGITS}loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits={expression})\n"
    source = Source.from_text(code, "train.py")
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    pre = analysis.facts.single(site.prediction).pre
    assert pre is not None
    facts = analysis.facts.single(pre)
    assert {each: value for each, value in vars(facts).items() if value != vars(Facts())[each]} == went_in


@pytest.mark.parametrize(
    ("shape", "axis"), [("3", 0), ("2, 3", 1), ("2, 3, 4", 0), ("2, 3, 4, 5", 1), ("1, 2, 3, 4, 5, 6", 1)]
)
def test_the_axis_that_pytorch_takes_where_none_is_given(shape: str, axis: int) -> None:
    """PyTorch's `_get_softmax_dim`: 0 for ranks 0, 1 and 3, else 1."""
    facts = known(f"F.softmax(torch.zeros({shape}))", "import torch\nimport torch.nn.functional as F\n")
    assert facts.axis == axis


def labels_fed(*fed: str) -> Facts:
    """The facts of labels that stand in a placeholder."""
    runs = "".join(f"session.run(loss, {{t: {each}}})\n" for each in fed)
    code = (
        f"{IMPORTS}{LOGITS}t = tf.compat.v1.placeholder(tf.float32)\n"
        f"loss = tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=z)\n"
        f"with tf.compat.v1.Session() as session:\n    pass\n{runs}"
    )
    source = Source.from_text(code, "train.py")
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    assert site.labels is not None
    return analysis.facts.single(site.labels)


def test_a_placeholder_is_what_is_fed_where_that_is_of_one_kind() -> None:
    facts = labels_fed("np.eye(5)[[0, 1]]")
    assert (facts.role, facts.encoding, facts.classes) == ("input", "one_hot", 5)
    facts = labels_fed("np.eye(5)[[0, 1]]", "np.eye(5)[[1, 1]]")
    assert (facts.encoding, facts.classes) == ("one_hot", 5)
    facts = labels_fed("np.eye(5)[[0, 1]]", "[0, 1, 2]")
    assert (facts.encoding, facts.classes, facts.reason) == ("unknown", None, "it is fed from outside")


def test_a_parameter_of_what_nobody_calls_is_named() -> None:
    code = f"{IMPORTS}def cost(q):\n    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=q)\n"
    source = Source.from_text(code, "train.py")
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    facts = analysis.facts.single(site.prediction)
    assert facts.role == "parameter"
    assert facts.reason == "`q` is a parameter of `cost`, and no call of it is in reach"


# -- what NumPy says of the same code --------------------------------------------------------------------------------

ARRAYS = [
    "np.zeros((3, 4))",
    "np.ones(3)",
    "np.eye(4)",
    "np.eye(4)[2]",
    "np.eye(4)[:3]",
    "np.eye(4)[1:2]",
    "np.eye(4)[[0, 1, 1]]",
    "np.eye(4)[np.random.randint(0, 4, (6,))]",
    "np.random.rand(8, 3)",
    "np.random.uniform(0, 10, (8,))",
    "np.random.uniform(-5, 10, (8, 2))",
    "np.random.randint(0, 2, (800,))",
    "np.random.randint(2, size=(800,))",
    "np.random.randint(1, 3, (800,))",
    "np.random.randint(3, 10, (800, 2))",
    "np.random.randint(10, size=800)",
    "np.random.dirichlet([1, 1, 1], 4)",
    "np.random.multinomial(1, [0.5, 0.5], 4)",
    "np.random.binomial(1, 0.5, (8,))",
    "np.array([[0, 1], [1, 0]])",
    "np.array([0.5, 2.5])",
    "np.array([[0.2, 0.8]])[0]",
    "np.array([1, 2, 3])[1:]",
    "np.expand_dims(np.zeros((3, 4)), -1)",
    "np.squeeze(np.zeros((3, 1)), 1)",
    "np.reshape(np.zeros((3, 4)), (2, 6))",
    "np.zeros((3, 4)).reshape(-1, 6)",
    "np.zeros((3, 4)).T",
    "np.transpose(np.zeros((3, 4)))",
    "np.zeros((3, 4))[:, 0]",
    "np.zeros((3, 4))[:, 1:]",
    "np.zeros((3, 4))[..., 2]",
    "np.zeros((3, 4))[0]",
    "np.zeros((3, 4))[0, :]",
    "np.zeros((3, 4)) @ np.zeros((4, 2))",
    "np.dot(np.zeros((3, 4)), np.zeros((4, 2)))",
    "np.zeros((3, 4)).astype('float16')",
    "np.argmax(np.random.rand(8, 3), 1)",
]


@pytest.mark.parametrize("expression", ARRAYS)
def test_what_is_known_is_true_of_the_array(expression: str) -> None:
    """Each expression is this test's own, and nobody else's code."""
    facts, array = known(expression), np.asarray(eval(expression, {"np": np}))
    if facts.shape is not None:
        assert len(facts.shape) == array.ndim
        assert all(size in (None, found) for size, found in zip(facts.shape, array.shape, strict=True))
    assert facts.units in (None, array.shape[-1])
    assert facts.low is None or facts.low <= array.min()
    assert facts.high is None or facts.high >= array.max()
    if facts.encoding == "binary":
        assert set(np.unique(array)) <= {0, 1}
    if facts.encoding == "one_hot":
        assert (np.sort(array, -1)[..., -1] == 1).all()
    if facts.encoding in ("one_hot", "soft"):
        assert np.allclose(array.sum(-1), 1)
        assert facts.classes in (None, array.shape[-1])
    if facts.dtype is not None and facts.dtype != "float":
        assert array.dtype == facts.dtype


def test_all_numbers_that_are_drawn_lie_within_the_bounds() -> None:
    """And the bounds are not wider than they need be, where whole numbers are drawn."""
    for expression in (
        "np.random.randint(0, 2, (800,))",
        "np.random.randint(1, 4, 800)",
        "np.random.randint(3, size=800)",
    ):
        facts, array = known(expression), eval(expression, {"np": np})
        assert (facts.low, facts.high) == (array.min(), array.max())


@pytest.mark.parametrize(
    "logits", ["out[:, :10]", "out[:, 1:]", "out[..., :10]", "tf.slice(out, [0, 0], [4, 10])", "tf.transpose(out)"]
)
def test_another_number_of_columns_is_not_held_against_the_labels(logits: str) -> None:
    code = (
        f"{IMPORTS}out = keras.layers.Dense(11)(tf.ones([10, 4]))\nlabels = tf.one_hot([0, 1], 10)\n"
        f"tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits={logits})\n"
    )
    assert lint([Source.from_text(code, "train.py")], Settings()).findings == ()
