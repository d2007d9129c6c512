"""The process that holds TensorFlow: JSON lines in, JSON lines out.

It runs *programs* (see `serialise`), never code: data that says which listed operation is applied to what. The first
line it gets is the list of operations that may run and which of their parameters decide how much memory they take.
This is the only module of lintloss that imports TensorFlow; nothing imports this module.
"""

from __future__ import annotations

import contextlib
import json
import math
import operator
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import keras
import numpy as np
import tensorflow as tf

Message = dict[str, Any]

ROOTS = ("tensorflow", "keras", "numpy", "math")
LARGEST = 10_000_000
LARGEST_TOLD = 200_000
SPARE_MEMORY = 3 * 2**30
LONGEST_POWER = 4096
OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, name)
    for name in (
        "add sub mul truediv floordiv mod pow neg pos abs matmul getitem eq ne lt le gt ge and_ or_ xor not_ invert "
        "iadd isub imul itruediv ifloordiv imod ipow imatmul iand ior ixor"
    ).split()
}
BUILTINS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (abs, pow, round, float, int, bool, sum, max, min, len, list, tuple, range, zip, reversed, sorted)
}


class Refused(Exception):
    """The program asks for something that is not run here; the message says what."""


class Operations:
    """The operations that may run, and how large their results may grow."""

    def __init__(self, listed: dict[str, list[list[Any]]]) -> None:
        self._listed = listed

    def resolve(self, path: str) -> Any:
        """The real thing behind a dotted name: a listed operation, or a constant such as `tensorflow.float32`."""
        root, _, rest = path.partition(".")
        if root == "operator":
            return self._from_table(OPERATORS, rest, path)
        if root == "builtins":
            return self._from_table(BUILTINS, rest, path)
        if root == "tensor":
            return Method(rest) if self.is_listed(path) else self._refuse(path)
        found = self._found(path, root)
        if self.is_listed(path) or _is_constant(found):
            return found
        return self._refuse(path)

    def is_listed(self, path: str) -> bool:
        return path in self._listed or path.replace(".compat.v1.", ".") in self._listed

    def bound(self, path: str, positional: Sequence[Any], keywords: dict[str, Any]) -> None:
        """Refuse a call whose arguments ask for more elements than fit."""
        sizes = self._listed.get(path) or self._listed.get(path.replace(".compat.v1.", ".")) or []
        given = [positional[at] for at, _ in sizes if at is not None and at < len(positional)]
        given += [keywords[name] for _, name in sizes if name in keywords]
        if not given:
            return
        count = math.prod(_asked(value) for value in given)
        if not path.startswith(("tensorflow.zeros", "numpy.zeros")):
            count *= max((_elements(value) for value in positional if not _is_one_of(value, given)), default=1)
        if count > LARGEST:
            raise Refused(f"too large: {path} is asked for {count} elements")

    def _found(self, path: str, root: str) -> Any:
        if root not in ROOTS:
            self._refuse(path)
        for candidate in (path, path.replace("tensorflow.", "tensorflow.compat.v1.", 1)):
            with contextlib.suppress(AttributeError):
                return _walk(candidate)
        raise Refused(f"{path} does not exist in the installed version")

    def _from_table(self, table: dict[str, Callable[..., Any]], name: str, path: str) -> Any:
        return table[name] if name in table else self._refuse(path)

    def _refuse(self, path: str) -> Any:
        raise Refused(f"{path} is not among the operations that lintloss runs")


class Method:
    """A method of a tensor or array, or one of its attributes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, receiver: Any, *positional: Any, **keywords: Any) -> Any:
        if not isinstance(receiver, (tf.Tensor, tf.Variable, np.ndarray, np.generic)):
            raise Refused(f"{self.name} of a {type(receiver).__name__}")
        if not hasattr(receiver, self.name) and hasattr(receiver, "numpy"):
            receiver = receiver.numpy()  # labels are drawn as tensors, where the code may have held an array
        found = getattr(receiver, self.name)
        return found(*positional, **keywords) if callable(found) else found


def run(nodes: list[Any], operations: Operations, leaves: dict[str, Any]) -> Any:
    """Compute a program, node by node; the last one is the result."""
    values: list[Any] = []
    for node in nodes:
        values.append(_value(node, nodes, values, operations, leaves))
    return values[-1]


def _value(node: list[Any], nodes: list[Any], values: list[Any], operations: Operations, leaves: dict[str, Any]) -> Any:
    match node:
        case ["const", value]:
            return value
        case ["complex", real, imaginary]:
            return complex(real, imaginary)
        case ["bytes", text]:
            return text.encode("latin1")
        case ["ellipsis"]:
            return Ellipsis
        case ["api", path]:
            return operations.resolve(path)
        case ["leaf", name]:
            return leaves[name]
        case ["sequence", kind, items]:
            return _sequence(kind, [values[item] for item in items])
        case ["mapping", entries]:
            return {values[key]: values[value] for key, value in entries}
        case ["apply", function, arguments]:
            return _call(nodes[function], values[function], arguments, values, operations)
    raise Refused(f"unknown node {node[0]!r}")


def _sequence(kind: str, items: list[Any]) -> Any:
    makers: dict[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "set": set, "slice": lambda bounds: slice(*bounds)}
    return makers.get(kind, list)(items)


def _call(node: list[Any], function: Any, arguments: list[Any], values: list[Any], operations: Operations) -> Any:
    positional, keywords = _unpacked(arguments, values)
    if node[0] == "api":
        operations.bound(node[1], positional, keywords)
        _bound_python(node[1], positional)
        if node[1].startswith("keras.utils."):  # made for arrays: of a tensor they would take the unknown classes
            positional = [_array(value) for value in positional]
            keywords = {name: _array(value) for name, value in keywords.items()}
    elif isinstance(function, keras.losses.Loss):
        # Keras takes a nested list for a structure of scalars, and two of them must then be built alike.
        positional = [tf.convert_to_tensor(value) if isinstance(value, list) else value for value in positional]
    elif not isinstance(function, keras.layers.Layer):
        raise Refused(f"a call of a {type(function).__name__}")
    return function(*positional, **keywords)


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, tf.Tensor) and hasattr(value, "numpy") else value


def _unpacked(arguments: list[Any], values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for keyword, at in arguments:
        if keyword is None:
            positional.append(values[at])
        elif keyword == "*":
            positional.extend(values[at])
        elif keyword == "**":
            keywords.update(values[at])
        else:
            keywords[keyword] = values[at]
    return positional, keywords


def _bound_python(path: str, positional: list[Any]) -> None:
    """Refuse `10 ** 10 ** 10`, `[0] * 10 ** 9` and `list(range(10 ** 9))`."""
    if path in ("operator.pow", "operator.ipow", "builtins.pow") and all(isinstance(v, int) for v in positional):
        base, exponent = positional[:2]
        if abs(base).bit_length() * max(exponent, 0) > LONGEST_POWER:
            raise Refused(f"too large: {path} of integers")
    if path in ("operator.mul", "operator.imul"):
        lengths = [len(value) if isinstance(value, (list, tuple, str)) else value for value in positional]
        is_repeat = any(isinstance(value, (list, tuple, str)) for value in positional)
        if is_repeat and math.prod(n for n in lengths if isinstance(n, int)) > LARGEST:
            raise Refused(f"too large: {path} repeats a sequence")
    if path.startswith("builtins.") and any(isinstance(value, range) and len(value) > LARGEST for value in positional):
        raise Refused("too large: a range")


def _walk(path: str) -> Any:
    root, *names = path.split(".")
    value: Any = {"tensorflow": tf, "keras": keras, "numpy": np, "math": math}[root]
    for name in names:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(value, name)
    return value


def _is_constant(value: Any) -> bool:
    is_type = isinstance(value, type) and issubclass(value, np.generic)
    return is_type or value is None or isinstance(value, (bool, int, float, str, tf.DType))


def _asked(value: Any) -> int:
    """The number of elements that a size argument asks for."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not array.size:
        return 1
    return math.prod(max(1, abs(int(n))) for n in array.ravel()[:16] if math.isfinite(n))


def _elements(value: Any) -> int:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return math.prod(int(n or 1) for n in shape)
    return len(value) if isinstance(value, (list, tuple)) else 1


def _is_one_of(value: Any, others: list[Any]) -> bool:
    return any(value is other for other in others)


def leaf(data: Message) -> Any:
    """A leaf's value: a tensor, an array, or plain Python lists and numbers, as it was in the code."""
    if data["form"] == "python":
        return data["data"]
    array = np.asarray(data["data"], dtype=np.float64 if "float" in data["dtype"] else None).reshape(data["shape"])
    if data["form"] == "array":
        return array.astype(data["dtype"])
    return tf.constant(array, dtype=data["dtype"])


def told(value: Any) -> Message:
    """A value as data: `form`, `dtype`, `shape` and the numbers, nested as they are."""
    form = "array" if isinstance(value, (np.ndarray, np.generic)) else "tensor" if hasattr(value, "shape") else "python"
    array = np.asarray(value)
    if array.size > LARGEST_TOLD:
        raise Refused(f"too large: a result of {array.size} elements")
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise Refused(f"a result of type {array.dtype.name}")
    numbers = array if array.dtype.kind in "iub" else array.astype(np.float64)
    return {"form": form, "dtype": array.dtype.name, "shape": list(array.shape), "data": numbers.tolist()}


def evaluate(message: Message, operations: Operations) -> Message:
    """Run programs on the same leaves; with `wrt`, also the gradient of the sum of each with respect to that leaf."""
    leaves = {name: leaf(data) for name, data in message["leaves"].items()}
    wrt = message.get("wrt")
    if wrt is not None and not isinstance(leaves[wrt], tf.Tensor):
        leaves[wrt] = tf.convert_to_tensor(leaves[wrt])
    return {
        name: _outcome(partial(_differentiated, nodes, operations, leaves, wrt))
        for name, nodes in message["programs"].items()
    }


def _differentiated(nodes: list[Any], operations: Operations, leaves: dict[str, Any], wrt: str | None) -> Message:
    if wrt is None or not leaves[wrt].dtype.is_floating:
        return {"value": told(run(nodes, operations, leaves))}
    # A new tensor each time: Keras leaves notes on tensors that another program must not find.
    leaves = {**leaves, wrt: tf.identity(leaves[wrt])}
    with tf.GradientTape() as tape:
        tape.watch(leaves[wrt])
        result = run(nodes, operations, leaves)
        is_traced = isinstance(result, tf.Tensor) and result.dtype.is_floating
        total = tf.reduce_sum(result) if is_traced else None
    gradient = tape.gradient(total, leaves[wrt]) if total is not None else None
    return {"value": told(result), "gradient": None if gradient is None else told(tf.convert_to_tensor(gradient))}


def train(message: Message, operations: Operations) -> Message:
    """The loss of one training step of a compiled model, and its gradient with respect to the pre-activations.

    The model is `Input -> + shift -> head`, where `shift` starts at zero and is all that is trained, by plain gradient
    descent with rate one: after the step it is the negative gradient, exactly.
    """
    labels = {name: leaf(data) for name, data in message["leaves"].items()}
    return {
        name: _outcome(partial(_trained, side, message["logits"], labels, operations))
        for name, side in message["sides"].items()
    }


def _trained(side: Message, logits: Message, leaves: dict[str, Any], operations: Operations) -> Message:
    batch = leaf(logits)
    labels = run(side["labels"], operations, leaves)
    model, shift = _model(side, batch, operations)
    logs = model.train_on_batch(batch, tf.convert_to_tensor(labels), return_dict=True)
    return {"value": told(np.asarray(logs["loss"], batch.dtype.as_numpy_dtype)), "gradient": told(-shift.numpy())}


def _model(side: Message, batch: Any, operations: Operations) -> tuple[Any, Any]:
    inputs = keras.Input(batch_shape=batch.shape, dtype=batch.dtype.name)
    shifting = _Shift(batch.shape, dtype=batch.dtype.name)
    output = run(side["head"], operations, {side["leaf"]: shifting(inputs)})
    model = keras.Model(inputs, output)
    loss = run(side["loss"], operations, {})
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss, jit_compile=False)
    return model, shifting.shift


def learn(message: Message, operations: Operations) -> Message:
    """Train a linear model in front of each version, by plain gradient descent from the same start.

    Answers, for each, the logits at every `every`-th of `steps` steps, and what the model outputs for them at the end.
    Rows of `features` times `weights` have the layout `shape`, whose `permutation` are the logits.
    """
    leaves = {name: leaf(data) for name, data in message["leaves"].items()}
    kinds = {True: _learned_compiled, False: _learned_called}
    return {
        name: _outcome(partial(kinds["head" in side], side, message, leaves, operations))
        for name, side in message["sides"].items()
    }


def _learned_called(side: Message, message: Message, leaves: dict[str, Any], operations: Operations) -> Message:
    features, weights = leaf(message["features"]), tf.Variable(leaf(message["weights"]))
    features = tf.reshape(features, [-1, features.shape[-1]])
    dtype, seen = message["dtype"], []
    for step in range(message["steps"] + 1):
        with tf.GradientTape() as tape:
            rows = tf.reshape(features @ weights, message["shape"])
            logits = tf.cast(tf.transpose(rows, message["permutation"]), dtype)
            result = run(side["nodes"], operations, {**leaves, side["leaf"]: logits})
            total = tf.reduce_mean(tf.cast(result, "float32"))
        if step % message["every"] == 0:
            seen.append(told(logits)["data"])
        slope = tape.gradient(total, weights)
        if slope is not None:
            weights.assign_sub(message["rate"] * slope)
    return {"logits": seen, "output": seen[-1]}


def _learned_compiled(side: Message, message: Message, leaves: dict[str, Any], operations: Operations) -> Message:
    features, weights = leaf(message["features"]), leaf(message["weights"])
    labels = tf.convert_to_tensor(run(side["labels"], operations, leaves))
    inputs = keras.Input(shape=features.shape[1:])
    linear = _Linear(weights, message["shape"], dtype=message["dtype"])
    model = keras.Model(inputs, run(side["head"], operations, {side["leaf"]: linear(inputs)}))
    model.compile(keras.optimizers.SGD(message["rate"]), run(side["loss"], operations, {}), jit_compile=False)
    seen = []
    for step in range(message["steps"] + 1):
        if step % message["every"] == 0:
            seen.append(told(linear(features))["data"])
        model.train_on_batch(features, labels)
    return {"logits": seen, "output": told(model(features, training=False))["data"]}


class _Linear(keras.layers.Layer):  # type: ignore[misc]
    """`x @ w` laid out as one batch of logits."""

    def __init__(self, weights: Any, shape: list[int], dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.shape = shape
        self.weight = self.add_weight(shape=weights.shape, initializer=lambda *_, **__: tf.cast(weights, dtype))

    def call(self, inputs: Any) -> Any:
        rows = tf.reshape(tf.cast(inputs, self.weight.dtype), [-1, self.weight.shape[0]])
        return tf.reshape(rows @ tf.convert_to_tensor(self.weight), [-1, *self.shape[1:]])


class _Shift(keras.layers.Layer):  # type: ignore[misc]
    """`x + shift`; the shift has the batch's own shape."""

    def __init__(self, shape: Any, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.shift = self.add_weight(shape=tuple(shape), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs + self.shift


def _outcome(action: Callable[[], Message]) -> Message:
    """What an action returns, with the warnings it gave; or what it raised, or why it was refused."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            result = action()
        except Refused as refusal:
            return {"refused": str(refusal)}
        except MemoryError:
            return {"refused": "too large: out of memory"}
        except Exception as error:  # the user's own loss may raise anything
            if type(error).__name__ == "ResourceExhaustedError":
                return {"refused": "too large: out of memory"}
            return {"raised": f"{type(error).__name__}: {_first_line(error)}"}
    return {**result, "warnings": [_first_line(warning.message) for warning in given]}


def _first_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].strip("\"'")[:300] if lines else ""


TASKS: dict[str, Callable[[Message, Operations], Message]] = {
    "evaluate": evaluate,
    "train": train,
    "learn": learn,
}


def _answers(requests: TextIO) -> Iterator[Message]:
    operations = Operations(json.loads(requests.readline()))
    yield {"framework": f"TensorFlow {tf.__version__}, Keras {keras.__version__}"}
    for line in requests:
        message = json.loads(line)
        yield TASKS[message["task"]](message, operations)


def _private_output() -> TextIO:
    """The real standard output; what libraries print goes nowhere."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    return output


def _limit_memory() -> None:
    """Allow what TensorFlow has taken by now, and `SPARE_MEMORY` more."""
    import resource  # not on every system

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    taken = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + SPARE_MEMORY, resource.RLIM_INFINITY))


def main() -> None:
    """Answer requests until standard input ends."""
    output = _private_output()
    with contextlib.suppress(ImportError, OSError, ValueError):
        _limit_memory()
    for answer in _answers(sys.stdin):
        print(json.dumps(answer), file=output, flush=True)


if __name__ == "__main__":
    main()
