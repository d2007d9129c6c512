"""The styles of programs. Each writes a plan's code and returns its probe and how the loss is reduced."""

from __future__ import annotations

from collections.abc import Callable

from oracle import labels, losses
from oracle.choices import Choices
from oracle.code import Code, carried
from oracle.plan import FEATURES, Plan

Style = Callable[[Choices, Code, Plan], tuple[str, str]]

_WEIGHTS = 'tf.Variable(rng.normal(size={size}), dtype="float32")'
_NAMED = 'name="scores", kernel_initializer=KERAS.initializers.RandomNormal(stddev=1.0, seed=1)'
_OPERATIONS = {
    "softmax": (
        "tf.nn.softmax({z})",
        "tf.nn.softmax({z}, axis=-1)",
        "tf.math.softmax({z})",
        "KERAS.activations.softmax({z})",
        "KERAS.layers.Softmax()({z})",
        'KERAS.layers.Activation("softmax")({z})',
        "tf.exp({z}) / tf.reduce_sum(tf.exp({z}), axis=-1, keepdims=True)",
        'KERAS.activations.get("softmax")({z})',
        "(lambda t: tf.nn.softmax(t))({z})",
        "tf.exp(tf.nn.log_softmax({z}))",
    ),
    "sigmoid": (
        "tf.nn.sigmoid({z})",
        "tf.sigmoid({z})",
        "tf.math.sigmoid({z})",
        "KERAS.activations.sigmoid({z})",
        'KERAS.layers.Activation("sigmoid")({z})',
        "1 / (1 + tf.exp(-{z}))",
        "(lambda t: tf.sigmoid(t))({z})",
    ),
    "log_softmax": (
        "tf.nn.log_softmax({z})",
        "tf.math.log_softmax({z}, axis=-1)",
        "tf.math.log(tf.nn.softmax({z}))",
        "{z} - tf.reduce_logsumexp({z}, axis=-1, keepdims=True)",
    ),
    "linear": ("{z}", "tf.identity({z})", "{z} + 0.0", 'KERAS.layers.Activation("linear")({z})'),
}
_AFTERWARDS = (
    "tf.reshape({p}, {shape})",
    "tf.identity({p})",
    "tf.cast({p}, tf.float32)",
    "{p} * 1.0",
    "{p}[:]",
    "tf.squeeze(tf.expand_dims({p}, 0), 0)",
    "tf.concat([{p}[:2], {p}[2:]], axis=0)",
    "tf.stack(tf.unstack({p}))",
    "tf.maximum({p}, {p})",
    "tf.where({p} == {p}, {p}, 0.0)",
    "tf.ensure_shape({p}, {shape})",
    "tf.convert_to_tensor({p})",
    "({p} + {p}) / 2",
    "tf.reduce_mean(tf.stack([{p}, {p}]), axis=0)",
)
_BEFORE = ("{z} / 2.0", "{z} * 0.5", "tf.reshape({z}, {shape}) / 2", "tf.divide({z}, 2.0)", "tf.multiply({z}, 0.5)")


def _data(choices: Choices, code: Code, plan: Plan) -> str:
    size = (*plan.outer, FEATURES)
    return carried(
        choices, code, "x", f'np.random.RandomState({choices.number(3)}).normal(size={size}).astype("float32")'
    )


# -- operations -----------------------------------------------------------------------------------------------------


def operations(choices: Choices, code: Code, plan: Plan) -> tuple[str, str]:
    """Weights, a product and functions, eagerly."""
    x = _data(choices, code, plan)
    y = labels.written(choices, code, plan)
    w, b = code.fresh("w"), code.fresh("b")
    code.add(f"rng = np.random.RandomState(5)\n{w} = {_WEIGHTS.format(size=(FEATURES, plan.units))}")
    code.add(f"{b} = tf.Variable(tf.zeros([{plan.units}]))")
    scores = _linear(choices, code, x, w, b)
    factor, scores = _scaled(choices, code, plan, scores)
    outputs = _activated(choices, code, plan, scores)
    loss = losses.called(choices, plan)
    call, reduction = losses.reduced(choices, loss, loss.call.format(y=y, p=outputs))
    result = carried(choices, code, "loss", call)
    probe = f"computed = {result}\nscores = (np.asarray({x}, float) @ np.asarray({w}) + np.asarray({b})) * {factor}\n"
    return probe, reduction


def _linear(choices: Choices, code: Code, x: str, w: str, b: str) -> str:
    product = choices.among(
        f"tf.matmul({x}, {w}) + {b}",
        f"{x} @ {w} + {b}",
        f"tf.add(tf.matmul({x}, {w}), {b})",
        f"tf.nn.bias_add(tf.matmul({x}, {w}), {b})",
        f"tf.linalg.matmul({x}, {w}) + {b}",
        f"tf.tensordot({x}, {w}, 1) + {b}",
    )
    return carried(choices, code, choices.among("logits", "z", "out", "probs"), product)


def _scaled(choices: Choices, code: Code, plan: Plan, scores: str) -> tuple[float, str]:
    if not choices.rarely(6):
        return 1.0, scores
    shape = [*plan.outer, plan.units]
    return 0.5, carried(choices, code, "scaled", choices.among(*_BEFORE).format(z=scores, shape=shape))


def _activated(choices: Choices, code: Code, plan: Plan, scores: str) -> str:
    expression = choices.among(*_OPERATIONS[plan.activation]).format(z=scores)
    outputs = carried(choices, code, choices.among("probs", "outputs", "logits"), expression)
    for _ in range(choices.among(0, 0, 1, 2)):
        shape = [*plan.outer, plan.units]
        outputs = carried(choices, code, "after", choices.among(*_AFTERWARDS).format(p=outputs, shape=shape))
    return outputs


def functions(choices: Choices, code: Code, plan: Plan) -> tuple[str, str]:
    """A forward function, a loss function and a step that calls both."""
    x = _data(choices, code, plan)
    y = labels.written(choices, code, plan)
    code.add("rng = np.random.RandomState(5)")
    code.add(f"w = {_WEIGHTS.format(size=(FEATURES, plan.units))}")
    expression = choices.among(*_OPERATIONS[plan.activation]).format(z="z")
    decorated = "@tf.function\n" if choices.rarely(3) else ""
    which = choices.among("single", "pair", "dict")
    returned, taken = {
        "single": ("out", "forward(inputs)"),
        "pair": ("z, out", "forward(inputs)[1]"),
        "dict": ('{"z": z, "out": out}', 'forward(inputs)["out"]'),
    }[which]
    body = f"    z = tf.matmul(values, w)\n    out = {expression}\n    return {returned}"
    code.add(f"{decorated}def forward(values):\n{body}\n\n")
    loss = losses.called(choices, plan)
    call, reduction = losses.reduced(choices, loss, loss.call.format(y="target", p="prediction"))
    code.add(f"def objective(target, prediction):\n    return {call}\n\n")
    order = choices.among("objective(target, {})", "objective(prediction={}, target=target)").format(taken)
    code.add(f"def step(inputs, target):\n    return {order}\n\n")
    result = carried(choices, code, "loss", f"step({x}, {y})")
    return f"computed = {result}\nscores = np.asarray({x}, float) @ np.asarray(w)\n", reduction


# -- Keras ----------------------------------------------------------------------------------------------------------

_FUSED = {
    "softmax": ('activation="softmax"', "activation=KERAS.activations.softmax", "activation=tf.nn.softmax"),
    "sigmoid": ('activation="sigmoid"', "activation=KERAS.activations.sigmoid", "activation=tf.nn.sigmoid"),
    "log_softmax": ('activation="log_softmax"', "activation=tf.nn.log_softmax"),
    "linear": ("", "activation=None", 'activation="linear"'),
}
_LAYERS = {
    "softmax": (
        "KERAS.layers.Softmax()",
        'KERAS.layers.Activation("softmax")',
        "KERAS.layers.Activation(KERAS.activations.softmax)",
        "KERAS.layers.Softmax(axis=-1)",
        "KERAS.layers.Lambda(lambda t: tf.nn.softmax(t))",
        "KERAS.layers.Activation(tf.nn.softmax)",
    ),
    "sigmoid": (
        'KERAS.layers.Activation("sigmoid")',
        "KERAS.layers.Activation(tf.nn.sigmoid)",
        "KERAS.layers.Lambda(lambda t: tf.sigmoid(t))",
    ),
    "log_softmax": ('KERAS.layers.Activation("log_softmax")', "KERAS.layers.Activation(tf.nn.log_softmax)"),
    "linear": ('KERAS.layers.Activation("linear")', "KERAS.layers.Identity()"),
}
_LAYERS_AFTERWARDS = (
    "KERAS.layers.Reshape({shape})",
    "KERAS.layers.Dropout(0.0)",
    'KERAS.layers.Activation("linear")',
    "KERAS.layers.Lambda(lambda t: t * 1.0)",
    "KERAS.layers.Identity()",
    "KERAS.layers.Rescaling(1.0)",
)


def _layers(choices: Choices, plan: Plan) -> list[str]:
    """The layers of a model, the one that gives the scores called so."""
    shape = (*plan.outer[1:], plan.units)
    hidden = choices.among(
        [],
        ['KERAS.layers.Dense(5, activation="relu")'],
        ['KERAS.layers.Dense(5, "tanh")'],
        ['KERAS.layers.Dense(5, activation="softmax")'],
        ["KERAS.layers.Dense(5)", "KERAS.layers.ReLU()"],
        ["KERAS.layers.LayerNormalization()"],
    )
    after = [choices.among(*_LAYERS_AFTERWARDS).format(shape=shape) for _ in range(choices.among(0, 0, 0, 1, 2))]
    if choices.rarely(2):
        given = choices.among(*_FUSED[plan.activation])
        head = [f"KERAS.layers.Dense({', '.join(filter(None, [str(plan.units), given, _NAMED]))})"]
    else:
        dense = choices.among(
            f"KERAS.layers.Dense({plan.units}, {_NAMED})", f"KERAS.layers.Dense(units={plan.units}, {_NAMED})"
        )
        between = [f"KERAS.layers.Reshape({shape})"] if choices.rarely(8) else []
        head = [dense, *between]
        if plan.activation != "linear" or choices.rarely(3):
            head.append(choices.among(*_LAYERS[plan.activation]))
    return [*hidden, *head, *after]


def _model(choices: Choices, code: Code, plan: Plan) -> None:
    """Add a model called `model`: Sequential or functional, flat, nested or from a function."""
    parts = _layers(choices, plan)
    inputs = f"KERAS.Input(shape={(*plan.outer[1:], FEATURES)})"
    way = choices.among(_sequential, _added, _functional, _built, _nested, _looped)
    way(code, inputs, parts)


def _sequential(code: Code, inputs: str, parts: list[str]) -> None:
    code.add(f"model = KERAS.Sequential([{', '.join([inputs, *parts])}])")


def _added(code: Code, inputs: str, parts: list[str]) -> None:
    code.add("model = KERAS.Sequential()")
    for part in (inputs, *parts):
        code.add(f"model.add({part})")


def _functional(code: Code, inputs: str, parts: list[str]) -> None:
    code.add(f"inputs = {inputs}\nh = inputs")
    for part in parts:
        code.add(f"h = {part}(h)")
    code.add("model = KERAS.Model(inputs=inputs, outputs=h)")


def _built(code: Code, inputs: str, parts: list[str]) -> None:
    lines = "\n".join(f"    net.add({part})" for part in (inputs, *parts))
    code.add(f"def build():\n    net = KERAS.Sequential()\n{lines}\n    return net\n\n\nmodel = build()")


def _nested(code: Code, inputs: str, parts: list[str]) -> None:
    at = max(index for index, part in enumerate(parts) if "scores" in part) + 1
    code.add(f"base = KERAS.Sequential([{', '.join([inputs, *parts[:at]])}])")
    code.add(f"model = KERAS.Sequential([base, {', '.join(parts[at:])}])" if parts[at:] else "model = base")


def _looped(code: Code, inputs: str, parts: list[str]) -> None:
    code.add(f"inputs = {inputs}\nh = inputs\nfor layer in [{', '.join(parts)}]:\n    h = layer(h)")
    code.add("model = KERAS.Model(inputs, h)")


def _probe_of_model(computed: str, x: str) -> str:
    nested = 'globals().get("base", model)'
    return f'computed = {computed}\nscores = features_of({nested}, "scores", {x})\n'


def compiled(choices: Choices, code: Code, plan: Plan) -> tuple[str, str]:
    """compile and fit."""
    x, y = _data(choices, code, plan), labels.written(choices, code, plan)
    _model(choices, code, plan)
    return _trained(choices, code, plan, x, y)


def _trained(choices: Choices, code: Code, plan: Plan, x: str, y: str) -> tuple[str, str]:
    before, loss = losses.compiled(choices, plan)
    if before:
        code.add(before + "\n\n")
    optimizer = "KERAS.optimizers.SGD(0.0)"
    code.add(choices.among(f"model.compile(optimizer={optimizer}, loss={loss})", f"model.compile({optimizer}, {loss})"))
    result = choices.among(
        f"model.train_on_batch({x}, {y})",
        f"model.fit({x}, {y}, batch_size=8, epochs=1, shuffle=False, verbose=0).history['loss'][0]",
        f"model.evaluate({x}, {y}, verbose=0)",
        f"model.fit(tf.data.Dataset.from_tensor_slices(({x}, {y})).batch(8), verbose=0).history['loss'][0]",
    )
    code.add(f"loss = {result}")
    return _probe_of_model("loss", x), "mean"


def taped(choices: Choices, code: Code, plan: Plan) -> tuple[str, str]:
    """A model and a loop with a tape."""
    x, y = _data(choices, code, plan), labels.written(choices, code, plan)
    _model(choices, code, plan)
    loss = losses.called(choices, plan)
    call, reduction = losses.reduced(choices, loss, loss.call.format(y="target", p="outputs"))
    how = choices.among("model(values, training=True)", "model(values)")
    decorated = "@tf.function\n" if choices.rarely(3) else ""
    code.add(
        f"{decorated}def train_step(values, target):\n    with tf.GradientTape() as tape:\n        outputs = {how}\n"
        f"        loss = {call}\n    tape.gradient(loss, model.trainable_variables)\n    return loss\n\n"
    )
    result = carried(choices, code, "value", f"train_step({x}, {y})")
    return _probe_of_model(result, x), reduction


def subclassed(choices: Choices, code: Code, plan: Plan) -> tuple[str, str]:
    """A model class of its own, compiled or called."""
    x, y = _data(choices, code, plan), labels.written(choices, code, plan)
    dense = f"KERAS.layers.Dense({plan.units}, {_NAMED})"
    by_layer = choices.rarely(2)
    layer = choices.among(*_LAYERS[plan.activation])
    applied = "self.last(z)" if by_layer else choices.among(*_OPERATIONS[plan.activation]).format(z="z")
    made = f"\n        self.last = {layer}" if by_layer else ""
    initialise = f"        super().__init__()\n        self.top = {dense}{made}"
    code.add(
        f"class Net(KERAS.Model):\n    def __init__(self):\n{initialise}\n\n"
        f"    def call(self, inputs, training=False):\n        z = self.top(inputs)\n        return {applied}\n\n"
    )
    code.add("model = Net()")
    if choices.rarely(2):
        _, reduction = _trained(choices, code, plan, x, y)
        result = "loss"
    else:
        loss = losses.called(choices, plan)
        call, reduction = losses.reduced(choices, loss, loss.call.format(y=y, p=f"model({x})"))
        result = carried(choices, code, "loss", call)
    scores = f"np.asarray({x}, float) @ np.asarray(model.top.kernel) + np.asarray(model.top.bias)"
    return f"computed = {result}\nscores = {scores}\n", reduction


STYLES: tuple[Style, ...] = (operations, functions, compiled, taped, subclassed)
