"""Fixes: what each verb makes of a misuse, what it leaves alone, and when it makes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from textwrap import dedent
from typing import NoReturn

import libcst as cst
import pytest

from lintloss import linter
from lintloss.config import Settings
from lintloss.finding import Applicability, Finding
from lintloss.sources import Source

HEAD = """\
import tensorflow as tf

x = tf.compat.v1.placeholder(tf.float32, [None, 4])
y = tf.one_hot(tf.compat.v1.placeholder(tf.int32, [None]), 3)
W = tf.Variable(tf.zeros([4, 3]))
"""
KERAS = """\
import tensorflow as tf
from tensorflow.keras import layers

(x, ids), _ = tf.keras.datasets.mnist.load_data()
y = tf.keras.utils.to_categorical(ids, 10)
"""
CROSS_ENTROPY = "tf.nn.softmax_cross_entropy_with_logits"


def fixed(code: str, *, unsafe: bool = False) -> str:
    source = Source.from_text(code, "train.py")
    return linter.fix([source], Settings(), unsafe=unsafe).sources[0].text


def findings(code: str) -> tuple[Finding, ...]:
    return linter.lint([Source.from_text(code, "train.py")], Settings()).findings


def check(head: str, before: str, after: str, *, unsafe: bool = False) -> None:
    assert fixed(head + dedent(before), unsafe=unsafe) == head + dedent(after)


def unchanged(head: str, code: str) -> None:
    """A finding is reported, and nothing safe is done about it."""
    assert findings(head + dedent(code))
    check(head, code, code)


# -- pass-preactivation --------------------------------------------------------------------------------------


def test_a_name_for_the_logits_is_passed_on() -> None:
    check(
        HEAD,
        f"""\
        scores = x @ W
        probs = tf.nn.softmax(scores)
        loss = {CROSS_ENTROPY}(y, probs)
        """,
        f"""\
        scores = x @ W
        probs = tf.nn.softmax(scores)
        loss = {CROSS_ENTROPY}(y, scores)
        """,
    )


def test_softmax_twice_leads_to_what_went_into_the_first() -> None:
    check(
        HEAD,
        f"loss = {CROSS_ENTROPY}(y, tf.nn.softmax(tf.nn.softmax(x @ W)))\n",
        f"loss = {CROSS_ENTROPY}(y, x @ W)\n",
    )


def test_logits_without_a_name_get_one_on_a_line_of_their_own() -> None:
    check(
        HEAD,
        f"""\
        with tf.name_scope("model"):
            # the model
            pred = tf.nn.softmax(tf.matmul(x, W) +
                                 1.0)  # class probabilities
        with tf.name_scope("loss"):
            loss = {CROSS_ENTROPY}(labels=y, logits=pred)
        """,
        f"""\
        with tf.name_scope("model"):
            # the model
            logits = (tf.matmul(x, W) +
                                 1.0)
            pred = tf.nn.softmax(logits)  # class probabilities
        with tf.name_scope("loss"):
            loss = {CROSS_ENTROPY}(labels=y, logits=logits)
        """,
    )


def test_a_name_bound_anew_is_kept_before_it_is() -> None:
    check(
        HEAD,
        f"""\
        out = tf.matmul(x, W)
        out = tf.nn.softmax(out)
        loss = {CROSS_ENTROPY}(labels=y, logits=out)
        """,
        f"""\
        out = tf.matmul(x, W)
        logits = out
        out = tf.nn.softmax(logits)
        loss = {CROSS_ENTROPY}(labels=y, logits=logits)
        """,
    )


def test_a_name_that_is_taken_is_not_used() -> None:
    result = fixed(
        HEAD + f"logits = 3\npred = tf.nn.softmax(tf.matmul(x, W))\nloss = {CROSS_ENTROPY}(labels=y, logits=pred)\n"
    )
    assert "logits_1 = tf.matmul(x, W)" in result
    assert "logits=logits_1)" in result


def test_two_heads_get_two_names() -> None:
    check(
        HEAD,
        f"""\
        one = tf.nn.softmax(tf.matmul(x, W))
        two = tf.nn.softmax(tf.matmul(x, W + 1))
        a = {CROSS_ENTROPY}(labels=y, logits=one)
        b = {CROSS_ENTROPY}(labels=y, logits=two)
        """,
        f"""\
        one_logits = tf.matmul(x, W)
        one = tf.nn.softmax(one_logits)
        two_logits = tf.matmul(x, W + 1)
        two = tf.nn.softmax(two_logits)
        a = {CROSS_ENTROPY}(labels=y, logits=one_logits)
        b = {CROSS_ENTROPY}(labels=y, logits=two_logits)
        """,
    )


def test_a_layer_with_an_activation_is_split() -> None:
    check(
        HEAD,
        """\
        pred = tf.compat.v1.layers.dense(x, 3, activation=tf.nn.softmax, name="out")
        loss = tf.compat.v1.losses.softmax_cross_entropy(y, pred)
        """,
        """\
        logits = tf.compat.v1.layers.dense(x, 3, name="out")
        pred = tf.nn.softmax(logits)
        loss = tf.compat.v1.losses.softmax_cross_entropy(y, logits)
        """,
    )


def test_an_attribute_carries_the_logits_to_another_method() -> None:
    check(
        HEAD,
        f"""\
        class Net:
            def __init__(self):
                self.pred = None
                self.build()
                self.train()

            def build(self):
                self.pred = tf.nn.softmax(tf.matmul(x, W))

            def train(self):
                self.loss = {CROSS_ENTROPY}(labels=y, logits=self.pred)

        Net()
        """,
        f"""\
        class Net:
            def __init__(self):
                self.pred = None
                self.build()
                self.train()

            def build(self):
                self.logits = tf.matmul(x, W)
                self.pred = tf.nn.softmax(self.logits)

            def train(self):
                self.loss = {CROSS_ENTROPY}(labels=y, logits=self.logits)

        Net()
        """,
    )


def test_the_caller_of_a_relay_is_told() -> None:
    check(
        HEAD,
        f"""\
        def cost(logits, labels):
            return tf.reduce_mean({CROSS_ENTROPY}(labels=labels, logits=logits))

        out = tf.matmul(x, W)
        probs = tf.nn.softmax(out)
        loss = cost(probs, y)
        """,
        f"""\
        def cost(logits, labels):
            return tf.reduce_mean({CROSS_ENTROPY}(labels=labels, logits=logits))

        out = tf.matmul(x, W)
        probs = tf.nn.softmax(out)
        loss = cost(out, y)
        """,
    )


def test_an_activation_in_another_function_is_dropped_only_unsafely() -> None:
    code = f"""\
    def model(values):
        return tf.nn.softmax(tf.matmul(values, W))

    loss = {CROSS_ENTROPY}(labels=y, logits=model(x))
    """
    unchanged(HEAD, code)
    check(HEAD, code, code.replace("tf.nn.softmax(tf.matmul(values, W))", "tf.matmul(values, W)"), unsafe=True)


def test_a_branch_that_need_not_have_run_names_nothing() -> None:
    unchanged(
        HEAD,
        f"""\
        def train(flag):
            if flag:
                pred = tf.nn.softmax(tf.matmul(x, W))
            else:
                pred = tf.nn.softmax(tf.matmul(x, W + 1))
            return {CROSS_ENTROPY}(labels=y, logits=pred)

        train(input())
        """,
    )


# -- layers and helpers --------------------------------------------------------------------------------------

HELPER = """\
def dense(values, units, activation=tf.nn.relu):
    return tf.compat.v1.layers.dense(values, units, activation=activation)


hidden = dense(x, 8)
out = dense(hidden, 3)
loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=out)
"""


def test_a_helper_is_told_by_its_caller_to_apply_nothing() -> None:
    check(HEAD, HELPER, HELPER.replace("dense(hidden, 3)", "dense(hidden, 3, activation=None)"), unsafe=True)


def test_a_helper_of_hidden_layers_is_left_alone() -> None:
    code = HELPER.replace(", activation=tf.nn.relu", "").replace("activation=activation", "activation=tf.nn.relu")
    assert findings(HEAD + code)
    check(HEAD, code, code, unsafe=True)


def test_a_helper_is_told_so_behind_a_reshape_and_another_function() -> None:
    before = HELPER.replace("out = dense(hidden, 3)", "out = head(hidden)\nout = tf.reshape(out, [-1, 3])")
    before = before.replace("hidden = dense", "def head(values):\n    return dense(values, 3)\n\n\nhidden = dense")
    check(HEAD, before, before.replace("dense(values, 3)", "dense(values, 3, activation=None)"), unsafe=True)


def test_a_helper_that_always_activates_is_told_the_identity() -> None:
    before = HELPER.replace("units, activation=activation)", "units)").replace("return tf", "return activation(tf")
    before = before.replace("units)\n", "units))\n")
    check(HEAD, before, before.replace("dense(hidden, 3)", "dense(hidden, 3, activation=tf.identity)"), unsafe=True)


def test_a_layer_of_its_own_is_taken_out() -> None:
    loop = """\
        for images, labels in tf.data.Dataset.from_tensor_slices((x, ids)).batch(8):
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(images))
        """
    check(
        KERAS,
        "model = tf.keras.Sequential([layers.Flatten(), layers.Dense(10), layers.Softmax()])\n" + dedent(loop),
        "model = tf.keras.Sequential([layers.Flatten(), layers.Dense(10)])\n" + dedent(loop),
        unsafe=True,
    )


# -- arguments and callables ---------------------------------------------------------------------------------

COMPILE = """\
model = tf.keras.Sequential([layers.Flatten(), layers.Dense(10, activation={activation})])
model.compile("adam", loss={loss})
model.fit(x, {labels})
"""


@pytest.mark.parametrize(
    ("activation", "labels", "before", "after"),
    [
        (
            "'softmax'",
            "ids",
            "tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
            "tf.keras.losses.SparseCategoricalCrossentropy()",
        ),
        (
            "'softmax'",
            "ids",
            "tf.keras.losses.SparseCategoricalCrossentropy(\n    from_logits=True,\n    name='loss',\n)",
            "tf.keras.losses.SparseCategoricalCrossentropy(\n    name='loss',\n)",
        ),
        (
            "None",
            "ids",
            "'sparse_categorical_crossentropy'",
            "tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        ),
        (
            "None",
            "ids",
            "tf.keras.losses.sparse_categorical_crossentropy",
            "tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        ),
        (
            "None",
            "y",
            "tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.1)",
            "tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.1, from_logits=True)",
        ),
        ("'softmax'", "ids", "'categorical_crossentropy'", "'sparse_categorical_crossentropy'"),
        ("'softmax'", "y", "'mse'", "'categorical_crossentropy'"),
        (
            "None",
            "ids",
            "tf.keras.losses.CategoricalCrossentropy(from_logits=True)",
            "tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        ),
    ],
)
def test_compiled_losses(activation: str, labels: str, before: str, after: str) -> None:
    code = KERAS + COMPILE
    assert fixed(code.format(activation=activation, labels=labels, loss=before)) == code.format(
        activation=activation, labels=labels, loss=after
    )


def test_code_that_libcst_cannot_parse_gets_no_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(code: str) -> NoReturn:
        raise cst.ParserSyntaxError("unknown", lines=[code], raw_line=1, raw_column=1)

    text = "import tensorflow as tf\n\nloss = tf.nn.softmax_cross_entropy_with_logits(y, tf.nn.softmax(x))\n"
    monkeypatch.setattr(cst, "parse_module", refuse)
    report = linter.lint([Source.from_text(text, "made.py")], Settings())
    assert [(finding.code, finding.span.start.row, finding.fix) for finding in report.findings] == [("LL101", 3, None)]


def test_a_class_without_a_module_in_reach_is_imported() -> None:
    head = KERAS.replace("import tensorflow as tf\n", "from tensorflow.keras import datasets, utils, Sequential\n")
    head = head.replace("tf.keras.", "")
    code = """\
    model = Sequential([layers.Dense(10)])
    model.compile('adam', loss='categorical_crossentropy')
    model.fit(x, y)
    """
    result = fixed(head + dedent(code))
    assert "from tensorflow.keras.losses import CategoricalCrossentropy\n" in result
    assert "loss=CategoricalCrossentropy(from_logits=True))" in result


def test_keywords_follow_the_callable() -> None:
    check(
        HEAD.replace("tf.one_hot(tf.compat.v1.placeholder(tf.int32, [None]), 3)", "tf.one_hot([0, 1], 3)"),
        "loss = tf.compat.v1.losses.mean_squared_error(labels=y, predictions=tf.nn.softmax(x @ W))\n",
        "loss = tf.compat.v1.losses.softmax_cross_entropy(onehot_labels=y, logits=x @ W)\n",
    )


def test_swapped_arguments() -> None:
    check(
        HEAD,
        f"loss = {CROSS_ENTROPY}(logits=y, labels=tf.matmul(x, W))\n",
        f"loss = {CROSS_ENTROPY}(logits=tf.matmul(x, W), labels=y)\n",
    )


# -- all verbs: what is edited ---------------------------------------------------------------------------------

SOFTMAX_HEAD = 'm = tf.keras.Sequential([layers.Dense(10, activation="softmax")])\n'
EDITS = {
    "logits of a relay's caller, by keyword": (
        HEAD,
        f"def total(labels, scores):\n    return {CROSS_ENTROPY}(labels=labels, logits=scores)\n"
        "z = x @ W\np = tf.nn.softmax(z)\nloss = total(labels=y, scores=p)\n",
        {"scores=p)": "scores=z)"},
    ),
    "an attribute that holds the logits": (
        HEAD,
        "class Net:\n    def __init__(self):\n        self.z = x @ W\n        self.p = tf.nn.softmax(self.z)\n"
        f"    def loss(self):\n        return {CROSS_ENTROPY}(labels=y, logits=self.p)\nNet().loss()\n",
        {"logits=self.p": "logits=self.z"},
    ),
    "an attribute that is bound anew": (
        HEAD,
        "class Net:\n    def __init__(self):\n        self.z = x @ W\n        self.p = tf.nn.softmax(self.z)\n"
        "        self.z = tf.nn.relu(self.z)\n"
        f"    def loss(self):\n        return {CROSS_ENTROPY}(labels=y, logits=self.p)\nNet().loss()\n",
        {
            "        self.p = tf.nn.softmax(self.z)": (
                "        self.logits = self.z\n        self.p = tf.nn.softmax(self.logits)"
            ),
            "logits=self.p": "logits=self.logits",
        },
    ),
    "a helper's activation by position": (
        HEAD,
        "def head(v, act=tf.nn.softmax):\n    return act(v @ W)\nout = head(x, tf.nn.softmax)\n"
        f"loss = {CROSS_ENTROPY}(labels=y, logits=out)\n",
        {
            "out = head(x, tf.nn.softmax)": "out_logits = head(x, tf.identity)\nout = tf.nn.softmax(out_logits)",
            "logits=out)": "logits=out_logits)",
        },
    ),
    "a method's activation": (
        HEAD,
        "class Net:\n    def head(self, v, act=None):\n        v = v @ W\n        return v if act is None else act(v)\n"
        f"out = Net().head(x, act=tf.nn.softmax)\nloss = {CROSS_ENTROPY}(labels=y, logits=out)\n",
        {
            "out = Net().head(x, act=tf.nn.softmax)": ("logits = Net().head(x, act=None)\nout = tf.nn.softmax(logits)"),
            "logits=out)": "logits=logits)",
        },
    ),
    "what unpacked arguments may say stays": (
        HEAD,
        "def head(v, act=tf.nn.softmax):\n    v = v @ W\n    return v if act is None else act(v)\noptions = {}\n"
        f"out = head(x, **options)\nloss = {CROSS_ENTROPY}(labels=y, logits=out)\n",
        {},
    ),
    "a loss function handed to compile": (
        KERAS,
        SOFTMAX_HEAD + "m.compile(loss=tf.keras.losses.sparse_categorical_crossentropy)\nm.fit(x, y)\n",
        {"losses.sparse_": "losses."},
    ),
    "a loss function imported by its name": (
        KERAS,
        "from tensorflow.keras.losses import sparse_categorical_crossentropy\n"
        + SOFTMAX_HEAD
        + "m.compile(loss=sparse_categorical_crossentropy)\nm.fit(x, y)\n",
        {"(loss=sparse_categorical": "(loss=tf.keras.losses.categorical"},
    ),
    "the string where it is written": (
        KERAS,
        f'NAME = "sparse_categorical_crossentropy"\n{SOFTMAX_HEAD}m.compile(loss=NAME)\nm.fit(x, y)\n',
        {'"sparse_': '"'},
    ),
    "arguments by position": (
        HEAD,
        "ids = tf.compat.v1.placeholder(tf.int32, [None])\np = tf.nn.softmax(x @ W)\n"
        "loss = tf.keras.losses.categorical_crossentropy(ids, p)\n",
        {"losses.categorical": "losses.sparse_categorical"},
    ),
    "the first of several arguments": (
        KERAS,
        SOFTMAX_HEAD
        + "m.compile(loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1))\n",
        {"from_logits=True, ": ""},
    ),
    "an argument by position with others behind it": (
        KERAS,
        SOFTMAX_HEAD + "m.compile(loss=tf.keras.losses.CategoricalCrossentropy(True, 0.1))\n",
        {"(True, ": "(False, "},
    ),
    "an argument with a comment": (
        KERAS,
        SOFTMAX_HEAD
        + "m.compile(loss=tf.keras.losses.CategoricalCrossentropy(\n    from_logits=True,  # as in the paper\n))\n",
        {"from_logits=True,": ""},
    ),
    "an argument behind one with a comment": (
        KERAS,
        SOFTMAX_HEAD
        + "m.compile(loss=tf.keras.losses.CategoricalCrossentropy(\n"
        + "    label_smoothing=0.1,  # as in the paper\n    from_logits=True,\n))\n",
        {"from_logits=True,": ""},
    ),
}


@pytest.mark.parametrize(("head", "code", "edits"), EDITS.values(), ids=EDITS)
def test_only_what_has_to_be_is_edited(head: str, code: str, edits: dict[str, str]) -> None:
    wanted = code
    for old, new in edits.items():
        assert wanted.count(old) == 1
        wanted = wanted.replace(old, new)
    assert findings(head + code)
    assert fixed(head + code) == head + wanted


# -- replace-formula -----------------------------------------------------------------------------------------

FUSED = f"{CROSS_ENTROPY}(labels=y, logits=z)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("-tf.reduce_sum(y * tf.math.log(p), 1)", FUSED),
        ("-tf.reduce_sum(y * tf.math.log(p))", f"tf.reduce_sum({FUSED})"),
        ("tf.reduce_mean(-tf.reduce_sum(y * tf.math.log(p), axis=[1]))", f"tf.reduce_mean({FUSED})"),
        ("-tf.reduce_mean(tf.reduce_sum(tf.multiply(y, tf.math.log(p)), -1))", f"tf.reduce_mean({FUSED})"),
        ("tf.reduce_mean(tf.reduce_sum(-y * tf.math.log(p + 1e-8), -1))", f"tf.reduce_mean({FUSED})"),
        ("tf.reduce_mean(tf.square(y - p))", f"tf.reduce_mean({FUSED})"),
        ("tf.reduce_sum((p - y) ** 2)", f"tf.reduce_sum({FUSED})"),
        ("tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(p, y), axis=1))", f"tf.reduce_mean({FUSED})"),
    ],
)
def test_formulas(before: str, after: str) -> None:
    head = HEAD + "z = x @ W\np = tf.nn.softmax(z)\n"
    assert fixed(f"{head}loss = {before}\n") == f"{head}loss = {after}\n"


def test_a_mean_over_classes_too_is_left_to_a_person() -> None:
    code = HEAD + "p = tf.nn.softmax(x @ W)\nloss = -tf.reduce_mean(y * tf.math.log(p))\n"
    (finding,) = findings(code)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SHOWN


# -- what stays as it is -------------------------------------------------------------------------------------

ODD = f"""\
# -*- coding: latin-1 -*-
import tensorflow as tf

def train( x , y ) :
\tz = tf.matmul( x,tf.ones([4 , 3]) )   # café
\tp=tf.nn.softmax( z )
\treturn {CROSS_ENTROPY}( labels = y,
\t\tlogits = p )   # type: ignore

train(tf.ones([2, 4]), tf.one_hot([0, 1], 3))"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_every_byte_outside_the_edit_stays(newline: str, encoding: str) -> None:
    text = ODD.replace("latin-1", encoding.removesuffix("-sig")).replace("\n", newline)
    source = Source.from_bytes(text.encode(encoding), "odd.py")
    result = linter.fix([source], Settings()).sources[0]
    assert result.original == text.replace("logits = p )", "logits = z )").encode(encoding)


def test_only_the_cell_that_is_edited_changes() -> None:
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [1], "source": [HEAD]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["p = tf.nn.softmax(tf.matmul(x, W))"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": [f"loss = {CROSS_ENTROPY}(y, p)"]},
    ]
    data = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=3)
    source = Source.from_bytes(data.encode(), "train.ipynb")
    result = json.loads(linter.fix([source], Settings()).sources[0].original)
    assert result["cells"][0] == cells[0]
    assert "".join(result["cells"][1]["source"]) == "logits = tf.matmul(x, W)\np = tf.nn.softmax(logits)"
    assert "".join(result["cells"][2]["source"]) == f"loss = {CROSS_ENTROPY}(y, logits)"


def test_of_a_notebook_only_lines_of_source_change() -> None:
    code = [HEAD + "z = tf.matmul(x, W)\n", "p = tf.nn.softmax(z)\n", f"loss = {CROSS_ENTROPY}(y, p)\n", "print(loss)"]
    cell = {"outputs": [{"b": 1, "a": [2.50]}], "metadata": {"z": 1, "a": 2}, "cell_type": "code", "source": code}
    book = {"nbformat_minor": 5, "cells": [cell, cell | {"source": ["1"]}], "metadata": {"é": None}, "nbformat": 4}
    data = json.dumps(book, indent=7, ensure_ascii=False)
    source = Source.from_bytes(data.encode(), "train.ipynb")
    after = linter.fix([source], Settings()).sources[0].original.decode()
    assert after == data.replace(f"loss = {CROSS_ENTROPY}(y, p)", f"loss = {CROSS_ENTROPY}(y, z)")


def test_for_a_file_that_cannot_be_written_back_no_fix_is_offered() -> None:
    code = HEAD + f"z = x @ W\nloss = {CROSS_ENTROPY}(labels=y, logits=tf.nn.softmax(z))\n"
    (finding,) = findings(code)
    assert finding.fix is not None
    translated = replace(Source.from_text(code, "train.py"), is_translated=True)  # as Python 2 is
    (finding,) = linter.lint([translated], Settings()).findings
    assert finding.fix is None


def test_the_message_names_the_other_fixes() -> None:
    code = HEAD + f"z = x @ W\nloss = {CROSS_ENTROPY}(labels=y, logits=tf.nn.softmax(z))\n"
    (finding,) = findings(code)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert "(or: drop the softmax" in finding.fix.message


# -- activations that another function applies ---------------------------------------------------------------

NETWORK = """\
def network(images):
    return tf.nn.softmax(images @ W, axis=-1)


"""


def lifted(code: str) -> str:
    """The only fix that is proposed, carried out; the code as it was where it drops the softmax instead."""
    (found,) = findings(HEAD + code)
    assert found.fix is not None
    is_lifted = found.fix.message.startswith("pass the logits")
    assert found.fix.applicability is Applicability.UNSAFE
    source = Source.from_text(HEAD + code, "train.py").with_edits(found.fix.edits)
    return source.text.removeprefix(HEAD) if is_lifted else code


def test_all_callers_apply_what_the_function_no_longer_does() -> None:
    code = f"""\
{NETWORK}answers = tf.argmax(network(x), 1)
probs = network(x)  # for training
loss = {CROSS_ENTROPY}(y, probs)
"""
    assert (
        lifted(code)
        == f"""\
def network(images):
    return images @ W


answers = tf.argmax(tf.nn.softmax(network(x), axis=-1), 1)
logits = network(x)  # for training
probs = tf.nn.softmax(logits, axis=-1)
loss = {CROSS_ENTROPY}(y, logits)
"""
    )


@pytest.mark.parametrize(
    "code",
    [
        NETWORK + "alias = network\nprobs = network(x)\n",  # who else calls it?
        NETWORK.replace("axis=-1", "name=str(images)") + "probs = network(x)\n",  # a name of its own
        NETWORK + "if y is None:\n    probs = x\nelse:\n    probs = network(x)\n",  # bound in two places
        "def network(images):\n    chances = tf.nn.softmax(images @ W)\n    print(chances)\n    return chances\n\n\n"
        "probs = network(x)\n",  # read inside, too
    ],
)
def test_what_cannot_be_taken_out_without_doubt_stays(code: str) -> None:
    code += f"loss = {CROSS_ENTROPY}(y, probs)\n"
    if findings(HEAD + code):
        assert lifted(code) == code
