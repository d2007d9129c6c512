"""Python being written: lines, fresh names, and the many ways in which programs carry a value to where it is used."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from oracle.choices import Choices

_KERAS = re.compile(r"KERAS\.(\w+)\.(\w+)|KERAS\.(\w+)")


class Code:
    """A program that grows line by line. `KERAS` stands for Keras, however the program will spell it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._taken: set[str] = set()

    def add(self, text: str) -> None:
        self._lines.append(textwrap.dedent(text).strip("\n"))

    def fresh(self, name: str) -> str:
        """`name`, or with a number behind it where it is taken."""
        candidate, number = name, 1
        while candidate in self._taken:
            number += 1
            candidate = f"{name}{number}"
        self._taken.add(candidate)
        return candidate

    def text(self, choices: Choices) -> str:
        body = "\n".join(self._lines) + "\n"
        return "import functools\nimport sys\n\nimport numpy as np\nimport tensorflow as tf\n" + _spelled(body, choices)


def _spelled(body: str, choices: Choices) -> str:
    """`body` with Keras imported in one of the ways that people import it."""
    style = choices.among("tf.keras", "keras of tensorflow", "keras", "modules", "names", "alias")
    if style == "tf.keras":
        return "\n" + body.replace("KERAS.", "tf.keras.")
    if style == "keras of tensorflow":
        return "from tensorflow import keras\n\n" + body.replace("KERAS.", "keras.")
    if style == "keras":
        return "import keras\n\n" + body.replace("KERAS.", "keras.")
    if style == "alias":
        return "import tensorflow.keras as K\n\n" + body.replace("KERAS.", "K.")
    imports: set[str] = set()

    def spelled(found: re.Match[str]) -> str:
        module, name, single = found.groups()
        if single is not None or style == "modules":
            imports.add(f"from tensorflow.keras import {single or module}")
            return single or f"{module}.{name}"
        imports.add(f"from tensorflow.keras.{module} import {name}")
        return str(name)

    body = _KERAS.sub(spelled, body)
    return "\n".join(sorted(imports)) + "\n\n" + body


Carrier = Callable[[Code, str, str], None]


def carried(choices: Choices, code: Code, name: str, value: str) -> str:
    """Add code that brings `value` under `name` (or one like it), and return that name."""
    name = code.fresh(name)
    choices.among(_plain, _plain, *CARRIERS)(code, name, value)
    return name


def _plain(code: Code, name: str, value: str) -> None:
    code.add(f"{name} = {value}")


def _alias(code: Code, name: str, value: str) -> None:
    other = code.fresh("kept")
    code.add(f"{other} = {value}\n{name} = {other}")


def _function(code: Code, name: str, value: str) -> None:
    make = code.fresh("make")
    code.add(f"def {make}():\n    return {value}\n\n\n{name} = {make}()")


def _tuple(code: Code, name: str, value: str) -> None:
    other = code.fresh("rest")
    code.add(f"{name}, {other} = {value}, None")


def _second_of_function(code: Code, name: str, value: str) -> None:
    make = code.fresh("make")
    code.add(f"def {make}():\n    result = {value}\n    return None, result\n\n\n{name} = {make}()[1]")


def _starred(code: Code, name: str, value: str) -> None:
    other = code.fresh("rest")
    code.add(f"{name}, *{other} = [{value}, 1, 2]")


def _dict(code: Code, name: str, value: str) -> None:
    box = code.fresh("box")
    code.add(f'{box} = {{"other": 0, "it": {value}}}\n{name} = {box}["it"]')


def _dict_filled_later(code: Code, name: str, value: str) -> None:
    box = code.fresh("box")
    code.add(f'{box} = {{}}\n{box}["it"] = {value}\n{name} = {box}.get("it")')


def _list(code: Code, name: str, value: str) -> None:
    box = code.fresh("box")
    code.add(f"{box} = [None]\n{box}.append({value})\n{name} = {box}[-1]")


def _known_branch(code: Code, name: str, value: str) -> None:
    flag = code.fresh("flag")
    code.add(f"{flag} = True\nif {flag}:\n    {name} = {value}\nelse:\n    {name} = None")


def _branch_that_raises(code: Code, name: str, value: str) -> None:
    code.add(f'if len(sys.argv) > 99:\n    raise ValueError("too many")\nelse:\n    {name} = {value}')


def _conditional(code: Code, name: str, value: str) -> None:
    code.add(f"{name} = {value} if sys.version_info else None")


def _attribute(code: Code, name: str, value: str) -> None:
    holder = code.fresh("Holder")
    code.add(f"class {holder}:\n    def __init__(self):\n        self.value = {value}\n\n\n{name} = {holder}().value")


def _property(code: Code, name: str, value: str) -> None:
    holder = code.fresh("Holder")
    code.add(
        f"class {holder}:\n    @property\n    def value(self):\n        return {value}\n\n\n{name} = {holder}().value"
    )


def _method(code: Code, name: str, value: str) -> None:
    holder = code.fresh("Holder")
    code.add(
        f"class {holder}:\n    def __call__(self):\n        return {value}\n\n\n"
        f"{holder.lower()} = {holder}()\n{name} = {holder.lower()}()"
    )


def _class_attribute(code: Code, name: str, value: str) -> None:
    holder = code.fresh("Holder")
    code.add(f"class {holder}:\n    value = {value}\n\n\n{name} = {holder}.value")


def _lambda(code: Code, name: str, value: str) -> None:
    make = code.fresh("make")
    code.add(f"{make} = lambda: {value}\n{name} = {make}()")


def _through_a_parameter(code: Code, name: str, value: str) -> None:
    same = code.fresh("same")
    code.add(f"def {same}(thing, scale=None):\n    return thing\n\n\n{name} = {same}({value})")


def _keywords(code: Code, name: str, value: str) -> None:
    same = code.fresh("same")
    code.add(f'def {same}(**given):\n    return given["thing"]\n\n\n{name} = {same}(thing={value})')


def _loop(code: Code, name: str, value: str) -> None:
    code.add(f"for {name} in [{value}]:\n    pass")


def _turns(code: Code, name: str, value: str) -> None:
    code.add(f"for _ in range(2):\n    {name} = {value}")


def _attempt(code: Code, name: str, value: str) -> None:
    code.add(f"try:\n    {name} = {value}\nexcept OSError:\n    {name} = None\n    raise")


def _scope(code: Code, name: str, value: str) -> None:
    code.add(f'with tf.name_scope("block"):\n    {name} = {value}')


def _walrus(code: Code, name: str, value: str) -> None:
    code.add(f"if ({name} := {value}) is None:\n    raise SystemExit")


def _comprehension(code: Code, name: str, value: str) -> None:
    code.add(f"[{name}] = [each for each in [{value}]]")


def _partial(code: Code, name: str, value: str) -> None:
    same = code.fresh("same")
    code.add(f"def {same}(thing, scale):\n    return thing\n\n\n{name} = functools.partial({same}, scale=2)({value})")


def _default(code: Code, name: str, value: str) -> None:
    same = code.fresh("same")
    code.add(f"def {same}(thing={value}):\n    return thing\n\n\n{name} = {same}()")


def _decorated(code: Code, name: str, value: str) -> None:
    make, quiet = code.fresh("make"), code.fresh("quiet")
    code.add(
        f"def {quiet}(function):\n    @functools.wraps(function)\n    def inner(*arguments, **options):\n"
        f"        return function(*arguments, **options)\n\n    return inner\n\n\n"
        f"@{quiet}\ndef {make}():\n    return {value}\n\n\n{name} = {make}()"
    )


def _named_fields(code: Code, name: str, value: str) -> None:
    kind = code.fresh("Pair")
    code.add(f"import collections\n\n{kind} = collections.namedtuple({kind!r}, 'it other')")
    code.add(f"{name} = {kind}({value}, 0).it")


def _early_return(code: Code, name: str, value: str) -> None:
    make = code.fresh("make")
    code.add(f"def {make}(depth=0):\n    if depth > 3:\n        return None\n    return {value}\n\n\n{name} = {make}()")


CARRIERS: tuple[Carrier, ...] = (
    _alias,
    _function,
    _tuple,
    _second_of_function,
    _starred,
    _dict,
    _dict_filled_later,
    _list,
    _known_branch,
    _branch_that_raises,
    _conditional,
    _attribute,
    _property,
    _method,
    _class_attribute,
    _lambda,
    _through_a_parameter,
    _keywords,
    _loop,
    _turns,
    _attempt,
    _scope,
    _walrus,
    _comprehension,
    _partial,
    _default,
    _decorated,
    _named_fields,
    _early_return,
)
