"""What every worker does: JSON lines in, JSON lines out, and programs run node by node.

A worker is a process that holds one framework. It runs *programs* (see `serialise`), never code: data that says which
listed operation is applied to what. The first line it gets is the list of operations that may run and which of their
parameters decide how much memory they take. What differs between frameworks stands behind `Framework`.
"""

from __future__ import annotations

import contextlib
import json
import math
import operator
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

Message = dict[str, Any]
Task = Callable[[Message, "Operations"], Message]

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


class Framework(Protocol):
    """What a worker's framework is told to do. `name` says what it is, with its version.

    `meanings` compute what calls of absent libraries mean (`lintloss.confirm.meanings`), by the kind of their entry.
    """

    name: str
    roots: Mapping[str, Any]
    activations: Mapping[str, Callable[[Any], Any]]
    meanings: Mapping[str, Callable[..., Any]]

    def prepare(self, message: Message) -> None:
        """Do what a message asks for as a whole: its `policy` is the precision of Keras' layers."""

    def spellings(self, path: str) -> Iterator[str]:
        """The dotted names under which something may be found in the installed version."""

    def tensor(self, array: Any, dtype: str) -> Any:
        """An array as the framework's own."""

    def is_tensor(self, value: Any) -> bool: ...

    def is_data_type(self, value: Any) -> bool: ...

    def array(self, value: Any) -> Any:
        """A tensor as an array; anything else as it is."""

    def call(self, path: str | None, function: Any, positional: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a listed function (`path` is its name) or an object that one has made.

        Raises:
            Refused: objects of this kind are not called.
        """

    def differentiated(self, compute: Callable[[Any], Any], value: Any) -> tuple[Any, Any]:
        """`compute(value)`, and the gradient of the sum of its elements by `value`, None if there is none."""


ACTIVATIONS = "activation"  # the root of names that mean an activation in any framework
MEANINGS = "meaning"  # the root of what a call of an absent library means


class Operations:
    """The operations that may run, and how large their results may grow."""

    def __init__(self, listed: Mapping[str, Message], framework: Framework) -> None:
        self._listed = listed
        self.framework = framework

    def resolve(self, path: str) -> Any:
        """The real thing behind a dotted name: a listed operation, or a constant such as `tensorflow.float32`."""
        root, _, rest = path.partition(".")
        if root == "operator":
            return self._from_table(OPERATORS, rest, path)
        if root == "builtins":
            return self._from_table(BUILTINS, rest, path)
        if root == ACTIVATIONS:
            return self._from_table(self.framework.activations, rest, path)
        if root == MEANINGS:
            return self._from_table(self.framework.meanings, rest, path)
        if root == "tensor":
            return Method(rest, self.framework) if self.is_listed(path) else self._refuse(path)
        found = self._found(path, root)
        if self.is_listed(path) or _is_constant(found, self.framework):
            return found
        return self._refuse(path)

    def is_listed(self, path: str) -> bool:
        return self._listing(path) is not None

    def _listing(self, path: str) -> Message | None:
        return self._listed.get(path) or self._listed.get(path.replace(".compat.v1.", "."))

    def bound(self, path: str, positional: Sequence[Any], keywords: dict[str, Any]) -> None:
        """Refuse a call whose arguments ask for more elements than fit."""
        sizes = (self._listing(path) or {"sizes": []})["sizes"]
        given = [positional[at] for at, _ in sizes if at is not None and at < len(positional)]
        given += [keywords[name] for _, name in sizes if name in keywords]
        if not given:
            return
        count = math.prod(_asked(value) for value in given)
        if path.rpartition(".")[2] not in ("zeros", "zeros_like"):
            count *= max((_elements(value) for value in positional if not _is_one_of(value, given)), default=1)
        if count > LARGEST:
            raise Refused(f"too large: {path} is asked for {count} elements")

    def _found(self, path: str, root: str) -> Any:
        if root not in self.framework.roots:
            self._refuse(path)
        for name in (path, *(self._listing(path) or {"names": []})["names"]):
            for candidate in self.framework.spellings(name):
                with contextlib.suppress(AttributeError, KeyError):
                    return _walk(candidate, self.framework.roots)
        raise Refused(f"{path} does not exist in the installed version")

    def _from_table(self, table: Mapping[str, Callable[..., Any]], name: str, path: str) -> Any:
        return table[name] if name in table else self._refuse(path)

    def _refuse(self, path: str) -> Any:
        raise Refused(f"{path} is not among the operations that lintloss runs")


class Method:
    """A method of a tensor or array, or one of its attributes."""

    def __init__(self, name: str, framework: Framework) -> None:
        self.name = name
        self._framework = framework

    def __call__(self, receiver: Any, *positional: Any, **keywords: Any) -> Any:
        if not self._framework.is_tensor(receiver) and not isinstance(receiver, (np.ndarray, np.generic)):
            raise Refused(f"{self.name} of a {type(receiver).__name__}")
        if not hasattr(receiver, self.name):
            receiver = self._framework.array(receiver)  # labels are drawn as tensors, where the code had an array
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
    if node[0] != "api":
        return operations.framework.call(None, function, positional, keywords)
    operations.bound(node[1], positional, keywords)
    _bound_python(node[1], positional)
    return operations.framework.call(node[1], function, positional, keywords)


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


def _walk(path: str, roots: Mapping[str, Any]) -> Any:
    root, *names = path.split(".")
    value: Any = roots[root]
    for name in names:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(value, name)
    return value


def _is_constant(value: Any, framework: Framework) -> bool:
    is_type = isinstance(value, type) and issubclass(value, np.generic)
    return is_type or framework.is_data_type(value) or value is None or isinstance(value, (bool, int, float, str))


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


def leaf(data: Message, framework: Framework) -> Any:
    """A leaf's value: a tensor, an array, or plain Python lists and numbers, as it was in the code."""
    if data["form"] == "python":
        return data["data"]
    array = np.asarray(data["data"], dtype=np.float64 if "float" in data["dtype"] else None).reshape(data["shape"])
    return array.astype(data["dtype"]) if data["form"] == "array" else framework.tensor(array, data["dtype"])


def told(value: Any, framework: Framework) -> Message:
    """A value as data: `form`, `dtype`, `shape` and the numbers, nested as they are."""
    form = "array" if isinstance(value, (np.ndarray, np.generic)) else "tensor" if hasattr(value, "shape") else "python"
    array = np.asarray(framework.array(value))
    if array.size > LARGEST_TOLD:
        raise Refused(f"too large: a result of {array.size} elements")
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise Refused(f"a result of type {array.dtype.name}")
    numbers = array if array.dtype.kind in "iub" else array.astype(np.float64)
    return {"form": form, "dtype": array.dtype.name, "shape": list(array.shape), "data": numbers.tolist()}


def evaluate(message: Message, operations: Operations) -> Message:
    """Run programs on the same leaves; with `wrt`, also the gradient of the sum of each with respect to that leaf."""
    framework = operations.framework
    leaves = {name: leaf(data, framework) for name, data in message["leaves"].items()}
    wrt = message.get("wrt")
    if wrt is not None and not framework.is_tensor(leaves[wrt]):
        array = np.asarray(leaves[wrt])
        leaves[wrt] = framework.tensor(array, "float32" if array.dtype.kind == "f" else array.dtype.name)
    return {
        name: outcome(partial(_evaluated, nodes, operations, leaves, wrt))
        for name, nodes in message["programs"].items()
    }


def _evaluated(nodes: list[Any], operations: Operations, leaves: dict[str, Any], wrt: str | None) -> Message:
    framework = operations.framework
    if wrt is None or np.asarray(framework.array(leaves[wrt])).dtype.kind in "iub":
        return {"value": told(run(nodes, operations, leaves), framework)}
    result, gradient = framework.differentiated(
        lambda value: run(nodes, operations, {**leaves, wrt: value}), leaves[wrt]
    )
    slope = None if gradient is None else told(gradient, framework)
    return {"value": told(result, framework), "gradient": slope}


def outcome(action: Callable[[], Message]) -> Message:
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


def serve(framework: Framework, tasks: Mapping[str, Task]) -> None:
    """Answer requests until standard input ends."""
    output = _private_output()
    with contextlib.suppress(ImportError, OSError, ValueError):
        _limit_memory()
    for answer in _answers(sys.stdin, framework, {"evaluate": evaluate, **tasks}):
        print(json.dumps(answer), file=output, flush=True)


def _answers(requests: TextIO, framework: Framework, tasks: Mapping[str, Task]) -> Iterator[Message]:
    operations = Operations(json.loads(requests.readline()), framework)
    yield {"framework": framework.name}
    for line in requests:
        message = json.loads(line)
        task = tasks.get(message["task"])
        framework.prepare(message)
        yield task(message, operations) if task else {"all": {"refused": f"{framework.name} has no {message['task']}"}}


def _private_output() -> TextIO:
    """The real standard output; what libraries print goes nowhere."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    return output


def _limit_memory() -> None:
    """Allow what the framework has taken by now, and `SPARE_MEMORY` more."""
    import resource  # not on every system

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    taken = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + SPARE_MEMORY, resource.RLIM_INFINITY))
