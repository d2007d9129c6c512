"""What the analysis knows of a loss call's prediction and labels, for code in the forms that people write."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lintloss import CallVerdict, linter
from lintloss.analysis import Analyser, Analysis
from lintloss.analysis.facts import Facts
from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.sources import Source

IMPORTS = "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras\n"


def analyse(code: str, filename: str = "train.py") -> Analysis:
    source = Source.from_text(IMPORTS + textwrap.dedent(code), filename)
    return on_deep_stack(lambda: Analyser([source]).analyse(source))


def prediction(code: str) -> Facts:
    """The facts of the only loss call's prediction."""
    analysis = analyse(code)
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    (alternative,) = analysis.facts.of(site.prediction)
    return alternative.facts


def labels(code: str) -> Facts:
    """The facts of the only loss call's labels."""
    analysis = analyse(code)
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    assert site.labels is not None
    (alternative,) = analysis.facts.of(site.labels)
    return alternative.facts


def said_of(code: str) -> list[CallVerdict]:
    """What is said of each loss call."""
    report = linter.lint([Source.from_text(code, "train.py")], Settings())
    return [call.verdict for call in report.loss_calls]


LOSS = "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits={})\n"

SOFTMAX = {
    "a local variable": "p = tf.nn.softmax(x @ w)\n" + LOSS.format("p"),
    "the argument itself": LOSS.format("tf.nn.softmax(x @ w)"),
    "a name bound anew": "z = x @ w\nz = tf.nn.softmax(z)\n" + LOSS.format("z"),
    "a reshape behind it": "p = tf.reshape(tf.nn.softmax(x @ w), [-1, 10])\n" + LOSS.format("p"),
    "a function's result": "def net(x):\n    return tf.nn.softmax(x @ w)\n" + LOSS.format("net(x)"),
    "a default activation": "def head(x, act=tf.nn.softmax):\n    return act(x @ w)\n" + LOSS.format("head(x)"),
    "an activation passed on": (
        "def head(x, act=None):\n    z = x @ w\n    return z if act is None else act(z)\n"
        + LOSS.format("head(x, tf.nn.softmax)")
    ),
    "a string that chooses": (
        "def head(x, act):\n    if act == 'softmax':\n        return tf.nn.softmax(x @ w)\n    return x @ w\n"
        + LOSS.format("head(x, 'softmax')")
    ),
    "one of a tuple": "def net(x):\n    z = x @ w\n    return z, tf.nn.softmax(z)\nz, p = net(x)\n" + LOSS.format("p"),
    "the way on past one that raises": (
        "def net(x, act):\n    if act == 'softmax':\n        z = tf.nn.softmax(x @ w)\n    else:\n"
        "        raise ValueError(act)\n    return z\n" + LOSS.format("net(x, act)")
    ),
    "the other way than one that raises": (
        "def net(x, stop):\n    if stop:\n        raise ValueError\n    else:\n        z = tf.nn.softmax(x @ w)\n"
        "    return z\n" + LOSS.format("net(x, stop)")
    ),
    "the default of an option": (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--act', default='softmax')\n"
        "args, rest = parser.parse_known_args()\n" + LOSS.format("keras.layers.Dense(10, activation=args.act)(x)")
    ),
    "an entry of a dict": "ends = {}\nends['probs'] = tf.nn.softmax(x @ w)\n" + LOSS.format("ends['probs']"),
    "an attribute of another method": (
        "class Net:\n"
        "    def build(self):\n        self.out = tf.nn.softmax(x @ w)\n"
        "    def loss(self):\n        return " + LOSS.format("self.out")
    ),
    "a partial": "import functools\nf = functools.partial(tf.nn.softmax, axis=-1)\n" + LOSS.format("f(x @ w)"),
    "a lambda": "f = lambda z: tf.nn.softmax(z)\n" + LOSS.format("f(x @ w)"),
    "a loop": "for _ in range(100):\n    p = tf.nn.softmax(x @ w)\n    " + LOSS.format("p"),
    "a layer": LOSS.format("keras.layers.Dense(10, activation='softmax')(x)"),
    "a positional activation": LOSS.format("keras.layers.Dense(10, 'softmax')(x)"),
    "a model called": "m = keras.Sequential([keras.layers.Dense(10), keras.layers.Softmax()])\n" + LOSS.format("m(x)"),
    "a mask on it": LOSS.format("tf.where(x > 0, tf.nn.softmax(x @ w), 0.0)"),
    "a logarithm undone": LOSS.format("tf.exp(tf.nn.log_softmax(x @ w))"),
    "outputs gathered in a list, then stacked": (
        "steps = []\nfor turn in range(4):\n    steps.append(tf.nn.softmax(x[turn] @ w))\n"
        + LOSS.format("tf.stack(steps)")
    ),
    "a model's output": (
        "m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10), keras.layers.Softmax()])\n"
        + LOSS.format("m.output")
    ),
    "the first of a model's outputs": (
        "i = keras.Input((4,))\nm = keras.Model(i, keras.layers.Dense(10, 'softmax')(i))\n"
        + LOSS.format("m.outputs[0]")
    ),
    "layers in a list that grows": (
        "layers = [keras.layers.Dense(10)]\nlayers.extend([keras.layers.Softmax()])\nm = keras.Sequential(layers)\n"
        + LOSS.format("m(x)")
    ),
    "the last of a model's layers": (
        "m = keras.Sequential([keras.layers.Dense(10), keras.layers.Softmax()])\n" + LOSS.format("m.layers[-1](x @ w)")
    ),
    "a wrapped layer": LOSS.format("keras.layers.TimeDistributed(keras.layers.Dense(10, activation='softmax'))(x)"),
    "an activation layer as an activation": LOSS.format("keras.layers.Dense(10, activation=keras.layers.Softmax())(x)"),
    "an activation looked up": LOSS.format("keras.activations.get('softmax')(x @ w)"),
    "an activation behind a linear one": LOSS.format("tf.nn.softmax(keras.activations.linear(x @ w))"),
    "the average of two": LOSS.format("keras.layers.Average()([tf.nn.softmax(x @ w), tf.nn.softmax(x @ v)])"),
    "a method of a class' own": (
        "class Net(keras.Model):\n"
        "    def __init__(self):\n        super().__init__()\n        self.head = keras.layers.Dense(10)\n"
        "    def call(self, x):\n        return tf.nn.softmax(self.head(x))\n"
        "    def step(self, x):\n        return self(x)\n" + LOSS.format("Net().step(x)")
    ),
    "a scope's default": (
        "slim = tf.contrib.slim\nwith slim.arg_scope([slim.fully_connected], activation_fn=tf.nn.softmax):\n"
        "    p = slim.fully_connected(x, 10)\n" + LOSS.format("p")
    ),
    "a scope within a scope": (
        "slim = tf.contrib.slim\n"
        "with slim.arg_scope([slim.fully_connected], activation_fn=None):\n"
        "    with slim.arg_scope([slim.fully_connected], activation_fn=tf.nn.softmax):\n"
        "        p = slim.fully_connected(x, 10)\n" + LOSS.format("p")
    ),
    "an argument before its scope": (
        "slim = tf.contrib.slim\nwith slim.arg_scope([slim.fully_connected], activation_fn=None):\n"
        "    p = slim.fully_connected(x, 10, activation_fn=tf.nn.softmax)\n" + LOSS.format("p")
    ),
    "written out": "e = tf.exp(x @ w)\np = e / tf.reduce_sum(e, -1, keepdims=True)\n" + LOSS.format("p"),
}

LINEAR = {
    "no activation": LOSS.format("x @ w + b"),
    "a softmax only for display": "z = x @ w\np = tf.nn.softmax(z)\nprint(p)\n" + LOSS.format("z"),
    "a layer behind the softmax": LOSS.format("keras.layers.Dense(10)(tf.nn.softmax(x @ w))"),
    "the other of a tuple": "def net(x):\n    z = x @ w\n    return z, tf.nn.softmax(z)\nz, p = net(x)\n"
    + LOSS.format("z"),
    "softmax only outside training": (
        "def net(x, training):\n    z = x @ w\n    if not training:\n        z = tf.nn.softmax(z)\n    return z\n"
        + LOSS.format("net(x, training=True)")
    ),
    "a local helper with a library's name": ("def softmax(x):\n    return x @ w\n" + LOSS.format("softmax(x)")),
    "a popped layer": (
        "m = keras.Sequential([keras.layers.Dense(10), keras.layers.Softmax()])\nm.pop()\n" + LOSS.format("m(x)")
    ),
    "a model's inner layer": (
        "m = keras.Sequential([keras.layers.Dense(10), keras.layers.Softmax()])\n" + LOSS.format("m.layers[0](x)")
    ),
    "two linear layers added": LOSS.format("keras.layers.Add()([x @ w, x @ v])"),
    "a bias added": LOSS.format("tf.nn.bias_add(x @ w, b)"),
    "a scope that has ended": (
        "slim = tf.contrib.slim\nwith slim.arg_scope([slim.fully_connected], activation_fn=tf.nn.softmax):\n    pass\n"
        "z = slim.fully_connected(x, 10, activation_fn=None)\n" + LOSS.format("z")
    ),
    "a scope opened again": (
        "slim = tf.contrib.slim\nwith slim.arg_scope([slim.fully_connected], activation_fn=None) as scope:\n    pass\n"
        "with slim.arg_scope(scope):\n    z = slim.fully_connected(x, 10)\n" + LOSS.format("z")
    ),
    "a scope that a function gives": (
        "slim = tf.contrib.slim\ndef defaults():\n"
        "    with slim.arg_scope([slim.fully_connected], activation_fn=None) as scope:\n        return scope\n"
        "with slim.arg_scope(defaults()):\n    z = slim.fully_connected(x, 10)\n" + LOSS.format("z")
    ),
    "an activation unset": LOSS.format("keras.layers.Dense(10, activation=None)(x)"),
}


@pytest.mark.parametrize("code", SOFTMAX.values(), ids=SOFTMAX)
def test_softmax_is_followed_through(code: str) -> None:
    assert prediction(code).activation == "softmax"


@pytest.mark.parametrize("code", LINEAR.values(), ids=LINEAR)
def test_logits_are_logits(code: str) -> None:
    assert prediction(code).activation == "linear"


def test_each_way_of_a_condition_is_followed_through_a_model() -> None:
    analysis = analyse(
        "head = keras.layers.Softmax() if flag else keras.layers.Activation('sigmoid')\n"
        "m = keras.Sequential([keras.layers.Dense(10), head])\n" + LOSS.format("m(x)")
    )
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    found = {guard.holds: each.facts.activation for each in analysis.facts.of(site.prediction) for guard in each.guards}
    assert found == {True: "softmax", False: "sigmoid"}


LABELS = {
    "y = keras.utils.to_categorical(ids, 10)": "one_hot",
    "y = tf.one_hot(ids, 10)": "one_hot",
    "y = np.eye(10)[ids]": "one_hot",
    "y = tf.argmax(scores, 1)": "class_ids",
    "y = [[0, 0, 1], [0, 1, 0]]": "one_hot",
    "y = [[.4, .1, .5], [.3, .6, .1]]": "soft",
    "y = [2, 1, 0]": "class_ids",
    "y = np.random.randint(0, 5, size=(8,))": "class_ids",
    "(_, y), _ = keras.datasets.mnist.load_data()": "class_ids",
    "(_, y), _ = keras.datasets.boston_housing.load_data()": "continuous",
    "(_, y), _ = keras.datasets.mnist.load_data()\ny = y.astype('float32').reshape(-1)": "class_ids",
    "y = tf.constant([[0, 0, 1], [0, 1, 0]])": "one_hot",
}


@pytest.mark.parametrize(("code", "encoding"), LABELS.items(), ids=LABELS)
def test_labels_are_known_from_their_making(code: str, encoding: str) -> None:
    assert labels(f"{code}\n" + LOSS.format("x @ w")).encoding == encoding


HEADS = """
i = keras.Input((4,))
kind = keras.layers.Dense(10, name="kind", activation="softmax")(i)
flag = keras.layers.Dense(1, name="flag")(i)
"""
SEVERAL = {
    "in the outputs' order": 'keras.Model(i, [kind, flag])\nm.compile(loss=["mse", "binary_crossentropy"])',
    "by the layers' names": (
        'keras.Model(i, [kind, flag])\nm.compile(loss={"flag": "binary_crossentropy", "kind": "mse"})'
    ),
    "by the outputs' names": (
        'keras.Model(i, {"one": kind, "two": flag})\nm.compile(loss={"two": "binary_crossentropy", "one": "mse"})'
    ),
    "some outputs without one": (
        'keras.Model(i, [flag, kind, flag])\nm.compile(loss=["binary_crossentropy", "mse", None])'
    ),
}


@pytest.mark.parametrize("code", SEVERAL.values(), ids=SEVERAL)
def test_each_of_several_losses_gets_its_output(code: str) -> None:
    """Keras pairs losses with outputs by position, or by the name of the output or of the layer that makes it."""
    analysis = analyse(HEADS + f"m = {code}\n")
    found = {
        site.spelled: {each.facts.activation for each in analysis.facts.of(site.prediction)}
        for site in analysis.sites
        if site.anchor == "loss"
    }
    assert found == {"mse": {"softmax"}, "binary_crossentropy": {"linear"}}


def test_labels_go_to_their_losses_by_name() -> None:
    analysis = analyse(
        HEADS
        + "m = keras.Model(i, [kind, flag])\n"
        + 'm.compile(loss={"flag": "binary_crossentropy", "kind": "categorical_crossentropy"})\n'
        + 'm.fit(x, {"kind": tf.one_hot(ids, 10), "flag": np.random.randint(0, 2, size=(8,))})\n'
    )
    found = {
        site.spelled: {each.facts.encoding for each in analysis.facts.of(site.labels)}
        for site in analysis.sites
        if site.anchor == "loss" and site.labels is not None
    }
    assert found == {"categorical_crossentropy": {"one_hot"}, "binary_crossentropy": {"binary"}}


def test_a_loss_that_a_condition_chooses_has_a_site_for_each_way() -> None:
    analysis = analyse(
        "m = keras.Sequential([keras.layers.Dense(10)])\n"
        'm.compile(loss="mse" if flag else "categorical_crossentropy")\n'
    )
    found = {site.spelled: [guard.holds for guard in site.guards] for site in analysis.sites if site.anchor == "loss"}
    assert found == {"mse": [True], "categorical_crossentropy": [False]}


DATA = {
    "arrays": "m.fit(x, y)",
    "a pair": "m.fit((x, y))",
    "slices": "m.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(8))",
    "two data sets side by side": (
        "m.fit(tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(x), tf.data.Dataset.from_tensor_slices(y)))"
    ),
    "a tuple of data sets": (
        "m.fit(tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(x), tf.data.Dataset.from_tensor_slices(y))))"
    ),
    "mapped": "m.fit(tf.data.Dataset.from_tensor_slices((x, ids)).map(lambda x, i: (x, tf.one_hot(i, 10))))",
    "on single batches": "m.train_on_batch(x, y)",
}


@pytest.mark.parametrize("fit", DATA.values(), ids=DATA)
def test_labels_come_with_the_data(fit: str) -> None:
    start = "x, y = np.zeros((8, 4)), tf.one_hot(ids, 10)\nm = keras.Sequential([keras.layers.Dense(10)])\n"
    assert labels(f"{start}m.compile(loss='mse')\n{fit}\n").encoding == "one_hot"


def test_labels_reach_compile_from_fit() -> None:
    code = """
        (x, y), _ = keras.datasets.cifar10.load_data()
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile(loss="categorical_crossentropy")
        model.fit(x / 255, keras.utils.to_categorical(y, 10))
    """
    assert labels(code).encoding == "one_hot"
    assert prediction(code).activation == "linear"
    assert prediction(code).units == 10


def test_labels_reach_a_loop_through_a_pipeline() -> None:
    code = """
        (x, y), _ = keras.datasets.mnist.load_data()
        data = tf.data.Dataset.from_tensor_slices((x, y)).map(lambda a, b: (a, tf.one_hot(b, 10))).shuffle(100).batch(8)
        for images, targets in data:
            tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=net(images))
    """
    assert labels(code).encoding == "one_hot"


def test_a_flag_that_decides_is_named() -> None:
    analysis = analyse(
        """
        z = x @ w
        if FLAGS.probabilities:
            z = tf.nn.softmax(z)
        tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)
        """
    )
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    found = {
        (alternative.guards[0].condition.text, alternative.guards[0].holds): alternative.facts.activation
        for alternative in analysis.facts.of(site.prediction)
    }
    assert found == {("FLAGS.probabilities", True): "softmax", ("FLAGS.probabilities", False): "linear"}


def test_a_stated_fact_is_believed() -> None:
    assert prediction("z = load()  # lintloss: logits\n" + LOSS.format("z")).activation == "linear"


def test_another_file_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("import tensorflow as tf\ndef net(x):\n    return tf.nn.softmax(x)\n")
    train = tmp_path / "train.py"
    train.write_text(
        "import tensorflow as tf\nfrom models import net\n"
        "loss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=net(x))\n"
    )
    source = Source.read(train, str(train))
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    facts = analysis.facts.single(site.prediction)
    assert facts.activation == "softmax"
    assert facts.applied is not None
    assert facts.applied.span.filename == str(tmp_path / "models.py")


def test_a_relay_is_judged_where_it_is_called_in_another_file(tmp_path: Path) -> None:
    losses = tmp_path / "losses.py"
    losses.write_text(
        "import tensorflow as tf\ndef loss(z, y):\n"
        "    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)\n"
    )
    (tmp_path / "train.py").write_text("import tensorflow as tf\nimport losses\nlosses.loss(tf.nn.softmax(x), y)\n")
    source = Source.read(losses, str(losses))
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    assert analysis.facts.single(site.prediction).activation == "softmax"
    assert not site.is_open


@pytest.mark.parametrize(
    ("name", "text", "is_open"),
    [
        ("test_losses.py", "def test_loss():\n    {}\n", True),
        ("losses_test.py", "class Test(tf.test.TestCase):\n    def testLoss(self):\n        {}\n", True),
        ("tests/losses.py", "async def test_loss():\n    {}\n", True),
        ("test_losses.py", "def test(model, x, y):\n    {}\n", False),  # a script that measures how good a model is
        ("evaluate.py", "def test_epoch(model, x, y):\n    {}\n", False),
    ],
)
def test_what_a_test_hands_to_a_loss_says_nothing_of_its_use(
    tmp_path: Path, name: str, text: str, is_open: bool
) -> None:
    (tmp_path / "pyproject.toml").touch()
    losses = tmp_path / "losses.py"
    losses.write_text(
        "import tensorflow as tf\ndef loss(z, y):\n"
        "    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)\n"
    )
    caller = tmp_path / name
    caller.parent.mkdir(exist_ok=True)
    code = text.format("return losses.loss(tf.nn.softmax(x), y)")
    caller.write_text(f"import tensorflow as tf\nimport losses\n\n\n{code}")
    source = Source.read(losses, str(losses))
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    assert site.is_open is is_open


def test_a_test_hands_something_to_the_losses_of_tests(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    losses = tmp_path / "tests" / "losses.py"
    losses.parent.mkdir()
    losses.write_text(
        "import tensorflow as tf\ndef loss(z, y):\n"
        "    return tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)\n"
    )
    caller = losses.parent / "test_losses.py"
    code = "def test_loss():\n    losses.loss(tf.nn.softmax(x), y)\n"
    caller.write_text(f"import tensorflow as tf\nimport losses\n\n\n{code}")
    source = Source.read(losses, str(losses))
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    assert [site.is_open for site in analysis.sites if site.anchor == "loss"] == [False]


def test_a_loss_and_a_model_are_handed_over_by_another_file(tmp_path: Path) -> None:
    engine = tmp_path / "engine.py"
    engine.write_text(
        "def train_one_epoch(model, criterion, loader):\n"
        "    for images, target in loader:\n"
        "        yield criterion(model(images), target)\n"
    )
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(4, 3)\n\n    def forward(self, x):\n        return self.fc(x).softmax(1)\n"
    )
    (tmp_path / "main.py").write_text(
        "import torch\nfrom engine import train_one_epoch\nfrom nets import Net\n\ndef main(loader):\n"
        "    return train_one_epoch(Net().cuda(), torch.nn.CrossEntropyLoss(), loader)\n"
    )
    source = Source.read(engine, str(engine))
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    assert site.entry.name == "torch.nn.CrossEntropyLoss"
    assert analysis.facts.single(site.prediction).activation == "softmax"


def test_options_have_their_defaults_where_the_program_is_run_without(tmp_path: Path) -> None:
    train = tmp_path / "train.py"
    train.write_text(
        "import argparse\nimport torch.nn.functional as F\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--raw', action='store_true')\nparser.add_argument('--check', action='store_true')\n"
        "args = parser.parse_args()\nz = scores if args.raw else F.softmax(scores, dim=1)\n"
        "F.nll_loss(z, y)\nif args.check:\n    F.cross_entropy(z, y)\n"
    )
    source = Source.read(train, str(train))
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    of_default, passed_over = [site for site in analysis.sites if site.anchor == "loss"]
    assert [found.facts.activation for found in analysis.facts.of(of_default.prediction)] == ["softmax"]
    assert {found.facts.activation for found in analysis.facts.of(passed_over.prediction)} == {"softmax", "unknown"}


def test_imports_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import g\ndef f(x):\n    return g(x)\n")
    (tmp_path / "b.py").write_text("from a import f\ng = f\n")
    train = tmp_path / "train.py"
    train.write_text("import tensorflow as tf\nfrom a import f\ntf.nn.l2_loss(f(x))\n")
    source = Source.read(train, str(train))
    assert on_deep_stack(lambda: Analyser([source]).analyse(source)).unparsed is None


def test_recursion_ends() -> None:
    code = "def f(x, n):\n    return f(tf.nn.relu(x), n - 1) if n else x\n" + LOSS.format("f(x, n)")
    assert analyse(code).sites


def test_python_2_is_read() -> None:
    assert prediction("print 'loss'\n" + LOSS.format("tf.nn.softmax(x)")).activation == "softmax"


@pytest.mark.parametrize(
    "code",
    [
        "x = [" + "1, " * 500_000 + "]",
        "x = [" + "1, " * 100_000 + "]",
        "x = " + "(" * 5000 + ")" * 5000,
        "x = " + "-" * 50_000 + "1",
        "x = 1\n  y = 2\n",
        "def f(:\n",
    ],
    ids=["too many commas", "a huge literal", "brackets", "operators", "indentation", "syntax"],
)
def test_what_cannot_be_parsed_is_said(code: str) -> None:
    analysis = analyse(code)
    assert analysis.unparsed is not None
    assert analysis.sites == []


def test_a_long_chain_of_operators_is_read() -> None:
    """A thousand summands nest a thousand deep in the tree."""
    analysis = analyse("s = " + " + ".join(["1"] * 100) + "\n" + LOSS.format("x @ w"))
    assert len([site for site in analysis.sites if site.anchor == "loss"]) == 1


def test_a_file_has_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintloss.analysis.machine.STEPS_PER_FILE", 50)
    assert analyse("\n".join(f"a{n} = {n}" for n in range(100)) + "\n" + LOSS.format("x")).exhausted


def test_an_intricate_function_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintloss.analysis.walk.STEPS_PER_CALL", 50)
    intricate = "def first(x):\n" + "".join(f"    a{n} = {n}\n" for n in range(100)) + f"    {LOSS.format('x')}"
    simple = "def second(x):\n    p = tf.nn.softmax(x @ w)\n    " + LOSS.format("p")
    analysis = analyse(intricate + simple)
    assert analysis.exhausted
    (site,) = [site for site in analysis.sites if site.anchor == "loss"]
    assert analysis.facts.of(site.prediction)[0].facts.activation == "softmax"
    (unreached,) = analysis.unjudged
    assert unreached.span.start < site.origin.span.start


def test_nested_loops_cost_their_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lintloss.analysis.machine.STEPS_PER_FILE", 2000)
    loops = "".join(f"{'    ' * n}while a{n}:\n" for n in range(12))
    code = f"x = w\n{loops}{'    ' * 12}x = x + 1\n"
    assert not analyse(code + LOSS.format("x")).exhausted


def test_a_generator_yields_what_it_yields() -> None:
    code = """
        def batches():
            while True:
                yield np.ones((8, 4)), np.random.randint(0, 10, size=(8,))
        for images, y in batches():
            tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=net(images))
    """
    assert labels(code).encoding == "class_ids"


FLAG = "model = keras.Sequential([keras.layers.Dense(10, activation=None if flag else 'softmax')])\n"


def verdicts(code: str) -> list[tuple[CallVerdict, str]]:
    report = linter.lint([Source.from_text(IMPORTS + textwrap.dedent(code), "train.py")], Settings())
    return [(call.verdict, call.reason) for call in report.loss_calls]


def test_one_flag_may_choose_activation_and_loss_together() -> None:
    given = "model.compile('sgd', loss=keras.losses.CategoricalCrossentropy(from_logits=flag))\n"
    assert verdicts(f"import settings\nflag = settings.logits\n{FLAG}{given}") == [(CallVerdict.FINE, "")]


@pytest.mark.parametrize("between", ["", "def unrelated():\n    pass\n"])
def test_a_formula_that_a_list_kept_is_said_where_it_stands(between: str) -> None:
    kept = "box.append(-tf.reduce_sum(y * tf.math.log(tf.nn.softmax(z))))\n"
    made = "y = tf.one_hot([0, 1], 3)\nz = tf.matmul(tf.ones([2, 4]), tf.Variable(tf.zeros([4, 3])))\n"
    text = IMPORTS + made + "box = []\n" + kept + between + "loss = box[-1]\n"
    report = linter.lint([Source.from_text(text, "train.py")], Settings())
    assert [(finding.code, finding.span.start.row) for finding in report.findings] == [("LL401", 7)]


def test_a_loss_in_a_decorator_is_found_where_it_stands() -> None:
    code = f"""
        class Cases:
            @named(
                {LOSS.strip().format("tf.nn.softmax(x)")},
            )
            def case(self):
                pass
    """
    text = IMPORTS + textwrap.dedent(code) + "\n\n" + LOSS.format("x") + "Cases().case()\n"
    report = linter.lint([Source.from_text(text, "train.py")], Settings())
    wrong = text.splitlines().index("        " + LOSS.strip().format("tf.nn.softmax(x)") + ",") + 1
    assert [(finding.code, finding.span.start.row) for finding in report.findings] == [("LL101", wrong)]


def test_a_prediction_that_may_be_none_has_no_rows_to_hold_labels_against() -> None:
    code = """
        w = tf.Variable(tf.zeros([2, 3]))
        y = tf.constant(np.array([0, 0, 0, 0]))
        z = tf.matmul(tf.ones([4, 2]), w) if settings.trains else None
        loss = tf.compat.v1.losses.softmax_cross_entropy(onehot_labels=y, logits=z)
    """
    ((verdict, reason),) = verdicts("import settings\nimport numpy as np\n" + textwrap.dedent(code))
    assert (verdict, reason) == (CallVerdict.UNDECIDED, "LL202 if `settings.trains`")


def test_a_flag_that_chooses_only_one_of_them_is_named() -> None:
    given = "model.compile('sgd', loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n"
    ((verdict, reason),) = verdicts(f"import settings\nflag = settings.logits\n{FLAG}{given}")
    assert (verdict, reason) == (CallVerdict.UNDECIDED, "LL101 unless `flag`")


def test_a_loss_looked_up_by_name_is_that_loss() -> None:
    model = "model = keras.Sequential([keras.layers.Dense(10)])\n"
    given = "model.compile('sgd', loss=keras.losses.get('categorical_crossentropy'))\n"
    assert verdicts(model + given) == [(CallVerdict.MISUSED, "LL103")]


@pytest.mark.parametrize(
    ("loss", "verdict", "reason"),
    [
        ("'my_loss'", CallVerdict.UNDECIDED, "'my_loss' names no loss that is known"),
        ("settings.loss", CallVerdict.UNDECIDED, "which loss this is is not known: what `settings.loss` is"),
    ],
)
def test_a_loss_that_is_not_known_is_undecided_not_left_out(loss: str, verdict: CallVerdict, reason: str) -> None:
    model = "import settings\nmodel = keras.Sequential([keras.layers.Dense(10)])\n"
    ((found, why),) = verdicts(f"{model}model.compile('sgd', loss={loss})\n")
    assert found is verdict
    assert why.startswith(reason)


def test_a_loss_that_a_parameter_brings_is_open() -> None:
    ((verdict, _),) = verdicts("def f(model, loss):\n    model.compile('sgd', loss=loss)\n")
    assert verdict is CallVerdict.OPEN


def test_a_loss_of_ones_own_is_judged_for_each_way_it_is_made() -> None:
    ((verdict, codes),) = verdicts(
        """
        class Own(keras.losses.Loss):
            def __init__(self, from_logits=False):
                super().__init__()
                self.from_logits = from_logits

            def call(self, y, p):
                return keras.losses.sparse_categorical_crossentropy(y, p, from_logits=self.from_logits)

        model = keras.Sequential([keras.layers.Dense(4, activation="softmax")])
        model.compile("sgd", loss=Own())
        model.compile("sgd", loss=Own(from_logits=True))
        """
    )
    assert (verdict, codes) == (CallVerdict.MISUSED, "LL101")


@pytest.mark.parametrize("mark", ["setup.py", "pyproject.toml", ".git"])
def test_imports_are_looked_for_in_the_whole_project_from_any_folder_of_it(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / mark).touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "src" / "nets.py").write_text("import tensorflow as tf\n\ndef net(x):\n    return tf.nn.softmax(x)\n")
    train = tmp_path / "scripts" / "train.py"
    train.write_text(f"{IMPORTS}from nets import net\n" + LOSS.format("net(x)"))
    monkeypatch.chdir(train.parent)
    report = linter.lint([Source.read(train, "train.py")], Settings())
    assert [finding.code for finding in report.findings] == ["LL101"]


CHOSEN = {
    "a table of classes": "net = {'small': Small, 'large': Large}[name()]()",
    "a conditional expression": """
        flat = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))
        net = flat if name() else nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 3), nn.Softmax(dim=1))
        """,
    "a layer added under a condition": """
        layers = [nn.Linear(8, 4)]
        if name():
            layers.append(nn.Dropout(rate()))
        layers += [nn.Linear(4, 3), nn.Softmax(dim=1)]
        net = nn.Sequential(*layers)
        """,
    "a layer put in another's place": """
        net = nn.Sequential(nn.Linear(8, 3), nn.ReLU())
        net[1] = nn.Softmax(dim=1)
        """,
}


@pytest.mark.parametrize("case", CHOSEN)
def test_networks_that_end_alike_whichever_it_is(case: str) -> None:
    head = """
        import torch
        from torch import nn

        class Small(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))

            def forward(self, x):
                return self.layers(x)

        class Large(Small):
            pass
        """
    loss = "nn.CrossEntropyLoss()(net(torch.rand(2, 8)), torch.tensor([0, 2]))\n"
    text = f"{textwrap.dedent(head)}\n{textwrap.dedent(CHOSEN[case])}\n{loss}"
    (call,) = linter.lint([Source.from_text(text, "made.py")], Settings()).loss_calls
    assert (call.verdict, call.codes) == (CallVerdict.MISUSED, ("LL101",))


UNHEARD_OF = [
    "nn.CrossEntropyLoss(compiled=True)(torch.softmax(x, 1), y)",
    "F.cross_entropy(torch.softmax(x, 1), y, compiled=True)",
]


@pytest.mark.parametrize("call", UNHEARD_OF)
def test_a_keyword_that_no_version_has_hides_nothing(call: str) -> None:
    head = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
    (known,) = linter.lint([Source.from_text(f"{head}{call}\n", "made.py")], Settings()).loss_calls
    assert (known.verdict, known.codes) == (CallVerdict.MISUSED, ("LL101",))


MODES = {
    "if not self.training:\n            z = torch.softmax(z, 1)": CallVerdict.FINE,
    "if self.training:\n            return z\n        z = torch.softmax(z, 1)": CallVerdict.FINE,
    "if self.training:\n            z = torch.softmax(z, 1)": CallVerdict.UNDECIDED,
    "if self.deployed:\n            z = torch.softmax(z, 1)": CallVerdict.UNDECIDED,
    "if not self.training and self.deployed:\n            z = torch.softmax(z, 1)": CallVerdict.UNDECIDED,
}


@pytest.mark.parametrize("code", MODES)
def test_modules_are_in_training_mode_until_they_are_told(code: str) -> None:
    text = f"""
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        z = self.head(x)
        {code}
        return z

nn.CrossEntropyLoss()(Net()(torch.rand(2, 8)), torch.tensor([0, 2]))
"""
    (call,) = linter.lint([Source.from_text(text, "made.py")], Settings()).loss_calls
    assert call.verdict is MODES[code]


ELSEWHERE = {
    "a library under another name, by a star": (
        "from tensorflow import nn as n\n\ndef net(x):\n    return n.softmax(x)\n",
        "from nets import *\n\ndef cost(x, y):\n    return n.softmax_cross_entropy_with_logits(y, net(x))\n",
        CallVerdict.MISUSED,
    ),
    "a builder called in a loop": (
        "from tensorflow.keras import Sequential, layers\n\n"
        "def built():\n    return Sequential([layers.Dense(3, activation='softmax')])\n",
        "from nets import built\n\nfor fold in folds():\n    model = built()\n"
        "    model.compile('sgd', loss='categorical_crossentropy')\n",
        CallVerdict.FINE,
    ),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_what_another_file_has_is_followed(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets, train, verdict = ELSEWHERE[case]
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "nets.py").write_text(nets)
    (tmp_path / "train.py").write_text(train)
    monkeypatch.chdir(tmp_path)
    report = linter.lint([Source.read(Path("train.py"), "train.py")], Settings())
    assert [call.verdict for call in report.loss_calls] == [verdict]


FLAX = """
import flax.linen as nn
import jax
import optax

class Net(nn.Module):
    def setup(self):
        self.head = nn.Dense(10)
    def __call__(self, x):
        return nn.softmax(self.head(x))
    def scores(self, x):
        return self.head(x)

net = Net()
def loss(params, x, y):
    z = {}
    return optax.softmax_cross_entropy(z, y).mean()
value = loss(params, x, y)
"""
METHODS = {
    "net.apply(params, x)": CallVerdict.MISUSED,
    "net.apply(params, x, method='scores')": CallVerdict.FINE,
    "net.apply(params, x, method=net.scores)": CallVerdict.FINE,
    "net.apply(params, x, method=Net.scores)": CallVerdict.FINE,
    "net.apply(params, x, mutable=['stats'])[0]": CallVerdict.MISUSED,
    "net.apply(params, x, method='scores', mutable=['stats'])[0]": CallVerdict.FINE,
    "net.apply(params, x, method='unheard_of')": CallVerdict.UNDECIDED,
}


@pytest.mark.parametrize(("made", "verdict"), METHODS.items(), ids=METHODS)
def test_a_flax_module_is_applied_by_the_method_that_is_named(made: str, verdict: CallVerdict) -> None:
    assert said_of(FLAX.format(made)) == [verdict]


TORCH = """
import torch
from torch import nn
import torch.nn.functional as F
x, y = torch.randn(8, 4), torch.tensor([1, 2])
{}
F.cross_entropy(net(x), y)
"""
LAYERS = {
    "net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))": CallVerdict.MISUSED,
    "net = nn.Sequential(nn.Linear(4, 3))": CallVerdict.FINE,
    "net = nn.Sequential(nn.Linear(4, 3))\nnet.append(nn.Softmax(-1))": CallVerdict.MISUSED,
    "net = nn.Sequential(nn.Linear(4, 3))\nnet.extend([nn.ReLU(), nn.Softmax(-1)])": CallVerdict.MISUSED,
    "net = nn.Sequential(nn.Softmax(-1))\nnet.insert(0, nn.Linear(4, 3))": CallVerdict.MISUSED,
    "net = nn.Sequential(nn.Linear(4, 3))\nnet.insert(0, nn.Softmax(-1))": CallVerdict.FINE,
    "net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))[:-1]": CallVerdict.FINE,
}


@pytest.mark.parametrize(("made", "verdict"), LAYERS.items(), ids=LAYERS)
def test_the_last_of_pytorchs_layers_decides(made: str, verdict: CallVerdict) -> None:
    assert said_of(TORCH.format(made)) == [verdict]


GROWN = {
    "by a list of layers": ("model.extend([nn.Softmax(dim=1)])", "softmax"),
    "by another model's layers": ("model.extend(nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=1)))", "softmax"),
    "by layers that are not known": ("model.extend(more_layers())", "unknown"),
    "by one in a place that is not known": ("model.insert(place(), nn.Softmax(dim=1))", "unknown"),
    "by nothing": ("model.extend([])", "linear"),
}


@pytest.mark.parametrize(("change", "activation"), GROWN.values(), ids=GROWN.keys())
def test_a_model_that_grows_has_the_layers_it_was_given(change: str, activation: str) -> None:
    code = f"""
        from torch import nn
        model = nn.Sequential(nn.Linear(4, 3))
        {change}
        loss = nn.functional.cross_entropy(model(x), y)
    """
    assert prediction(code).activation == activation


UNKNOWN_MODELS = {
    "layers that are unpacked from what is not known": "keras.Sequential(**options)(x)",
    "a model's input": "keras.Sequential([keras.layers.Dense(3)]).input",
}


@pytest.mark.parametrize("given", UNKNOWN_MODELS.values(), ids=UNKNOWN_MODELS.keys())
def test_what_a_model_does_not_tell_is_not_known(given: str) -> None:
    assert prediction(LOSS.format(given)).activation == "unknown"
