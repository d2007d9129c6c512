"""Plain Python between an activation and a loss: what lintloss says reached the loss is what Python hands to it.

Each program carries two values, `a` and `b`, and leaves one of them in `out`. Python runs it, with a stand-in for
TensorFlow that only remembers what a loss got; each program is tried with the softmax in `a`, and with it in `b`.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from lintloss import CallVerdict, linter
from lintloss.config import Settings
from lintloss.sources import Source

START = """\
import os
import tensorflow as tf
logits = tf.keras.layers.Dense(10)(tf.keras.Input((4,)))
probabilities = tf.nn.softmax(logits)
a, b = {}
unknown = os.environ.get("unheard_of")
"""
END = "tf.nn.softmax_cross_entropy_with_logits(labels=tf.keras.Input((10,)), logits=out)\n"
ORDERS = ("probabilities, logits", "logits, probabilities")


class Tensor:
    """A value that knows whether it is the softmax's."""

    def __init__(self, softmax: bool = False) -> None:
        self.softmax = softmax


def stand_in(given: list[Tensor]) -> ModuleType:
    """A module in TensorFlow's place, which adds what its loss gets to `given`."""
    module = ModuleType("tensorflow")
    module.nn = SimpleNamespace(  # type: ignore[attr-defined]
        softmax=lambda value: Tensor(softmax=True),
        softmax_cross_entropy_with_logits=lambda labels, logits: given.append(logits),
    )
    module.keras = SimpleNamespace(  # type: ignore[attr-defined]
        Input=lambda shape: Tensor(), layers=SimpleNamespace(Dense=lambda units: lambda value: Tensor())
    )
    return module


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What a program that runs hands to its loss calls."""
    values: list[Tensor] = []
    monkeypatch.setitem(sys.modules, "tensorflow", stand_in(values))
    return values


def program(body: str, order: str) -> str:
    return START.format(order) + textwrap.dedent(body).strip("\n") + "\n" + END


def run(code: str, given: list[Tensor]) -> CallVerdict:
    """What the only loss call deserves, as Python tells."""
    exec(compile(code, "train.py", "exec"), {"__name__": "__main__"})
    (value,) = given
    return CallVerdict.MISUSED if value.softmax else CallVerdict.FINE


def said(code: str) -> CallVerdict:
    report = linter.lint([Source.from_text(code, "train.py")], Settings())
    (call,) = report.loss_calls
    return call.verdict


STRINGS = """
    out = {"a": a, "b": b}["A".lower()]
    out = {"A": a, "b": b}["a".upper()]
    out = {"a": a, "b": b}[" a ".strip()]
    out = {"A": a, "b": b}["a".title()]
    out = {"ab": a, "a": b}["a" "b"]
    out = {b"ab": a, b"a": b}[b"a" b"b"]
    out = {"ab": a, "a": b}["a" + "b"]
    out = {"xa": a, "x": b}[f"{'x'}a"]
"""
LISTS = """
    out = [b, a].copy()[1]
    out = [b, a][-1]
    out = [a, b, b][:1][0]
    out = [b, a, b][1::2][0]
    out = [*[b, a], b][1]
    out = ([b] * 2 + [a])[2]
    out = list((b, a))[1]
    out = tuple([b, a])[1]
    out = list({"x": b, "y": a}.values())[1]
    out = {"x": b, "y": a}[list({"x": b, "y": a})[1]]
    out = [b, a][len([b])]
    out = [b, a, b][len({"x": b})]
    out = [b, a][len("x")]
    out = [b, a][len(b"x")]
    out = next(iter([a, b]))
    out = list(map(lambda each: each, [b, a]))[1]
    out = list(reversed([a, b]))[1]
    out = [each for each in [b, a]][1]
    out = [each for n, each in enumerate([b, a]) if n > 0][0]
    out = [row for rows in [[b], [a]] for row in rows][1]
    out = [two for one, two in zip([b, b], [b, a])][1]
    values = []; values.append(b); values.append(a); out = values[1]
    values = [b]; values.extend([a]); out = values[1]
    values = [b]; values.insert(0, a); out = values[0]
    values = [a, b]; values.pop(); out = values[-1]
    values = [b, a, b]; values.pop(0); out = values[0]
    values = [a, b, b]; values.pop(-2); out = values[0]
    values = [b, b]; values[1] = a; out = values[1]
    values = [b, b]; values[-1] = a; out = values[1]
    values = list(); values.append(a); out = values[0]
    values = [b] if unknown else [b, b]; values.append(a); out = values[-1]
    values = [a, b]; values.reverse(); out = values[1]
    values = [b]; values.clear(); values.append(a); out = values[0]
    values = [b, b]; values += [a]; out = values[2]
    values = [a, b, b]; del values[1]; out = values[0]
    one, *rest = b, b, a; out = rest[1]
    *start, last = b, b, a; out = last
    one, *middle, last = b, a, b; out = middle[0]
    (one, two), three = (b, a), b; out = two
    [one, two] = [b, a]; out = two
    one = two = a; out = two
"""
DICTS = """
    out = {"a": a}.get("a", b)
    out = {"b": b}.get("a", a)
    out = {"a": a, "b": b}.get("a")
    out = {"x": b, **{"x": a}}["x"]
    out = {**{"x": a}, "y": b}["x"]
    out = dict(x=b, y=a)["y"]
    out = dict({"x": b}, y=a)["y"]
    out = dict({"x": b, "y": a})["y"]
    out = dict([("x", b), ("y", a)])["y"]
    out = {key: value for key, value in [("x", b), ("y", a)]}["y"]
    out = {**dict(x=b), **dict(x=a)}["x"]
    values = {"x": b}; values.update(x=a); out = values["x"]
    values = {"x": b}; values.update({"x": a}); out = values["x"]
    values = {"x": b}; out = values.setdefault("y", a)
    values = {"x": b}; values.setdefault("y", a); out = values["y"]
    values = {"x": a}; values.setdefault("x", b); out = values["x"]
    values = {"x": b}; out = values.pop("y", a)
    values = {"x": a, "y": b}; out = values.pop("x")
    values = {"x": b, "y": b}; values["x"] = a; out = values["x"]
    values = {"x": b, "y": a}; del values["x"]; out = values["y"]
"""
VALUES = """
    out = [b, a][int("1")]
    out = [b, a][int(1.7)]
    out = [b, a][bool("x")]
    out = [b, b, b, b, a][2 ** 2]
    out = [b, a, b][7 // 5]
    out = [b, a, b][7 % 2]
    out = [b, a][-2 + 1]
    out = a if "x" in ["x", "y"] else b
    out = a if "z" not in {"x": 1} else b
    out = a if 1 < 2 < 3 else b
    out = b if 1 < 2 > 3 else a
    out = a if isinstance("x", str) else b
    out = a if isinstance([b], (list, tuple)) else b
    out = b if isinstance({}, list) else a
    out = b if isinstance(logits, (int, str)) else a
    out = a if tf.nn.softmax is tf.nn.softmax else b
    out = b if tf.nn.softmax is None else a
    out = b if not [a] else a
    out = None or a
    out = 1 and a
    out = a if 1 and 2 else b
    out = b if 1 and 0 else a
    out = a if unknown or True else b
    out = b if unknown and False else a
    out = a if True or unknown else b
    out = a if not (unknown and False) else b
    out = a if unknown else a
    out = (here := a)
    (here := a); out = here
    out = getattr(tf.nn, "softmax")(logits) if False else a
    out = (lambda one, two=a: two)(b)
    out = (lambda *rest: rest[1])(b, a)
    out = (lambda **named: named["y"])(x=b, y=a)
    out = (lambda one, two: two)(*[b, a])
    out = (lambda one, two: two)(**{"one": b, "two": a})
    out = b; out: object = a
"""
LINES = [line.strip() for table in (STRINGS, LISTS, DICTS, VALUES) for line in table.strip().splitlines()]

BLOCKS = {
    "a handler that is not entered": """
        try:
            out = a
        except ValueError as error:
            out = b
    """,
    "a handler that is entered": """
        try:
            out = b
            raise ValueError
        except ValueError:
            out = a
    """,
    "a name that only the handler binds": """
        try:
            import json
        except ImportError:
            json = None
        out = a
    """,
    "else and finally": """
        try:
            out = b
        except ValueError:
            out = b
        else:
            out = a
        finally:
            done = True
    """,
    "finally has the last word": """
        try:
            out = b
        finally:
            out = a
    """,
    "a loop that breaks": """
        for each in [a, b]:
            out = each
            break
    """,
    "a loop's else after a break": """
        for each in [b, b]:
            out = a
            break
        else:
            out = b
    """,
    "a loop in a loop that breaks": """
        for each in [b, a]:
            for other in [each, b]:
                out = other
                break
    """,
    "a handler that returns": """
        def pick():
            try:
                raise ValueError
            except ValueError:
                return a
            return b
        out = pick()
    """,
    "a loop that goes on": """
        out = b
        for each in [b, a]:
            if each is b:
                continue
            out = each
    """,
    "the last turn": """
        for each in [b, a]:
            out = each
    """,
    "a loop's else": """
        for each in [b, b]:
            out = each
        else:
            out = a
    """,
    "a loop over entries": """
        for key, value in {"x": b, "y": a}.items():
            if key == "y":
                out = value
    """,
    "a loop over keys": """
        values = {"x": b, "y": a}
        for key in values.keys():
            out = values[key]
    """,
    "a loop over counted pairs": """
        for at, (one, two) in enumerate(zip([b, b], [a, a])):
            out = two
    """,
    "return from a loop": """
        def pick():
            for each in [a, b]:
                return each
        out = pick()
    """,
    "return from under a condition": """
        def pick(flag):
            if flag:
                return a
            return b
        out = pick(True)
    """,
    "a global that is bound in a function": """
        out = b
        def choose():
            global out
            out = a
        choose()
    """,
    "a global that is bound twice": """
        out = b
        def choose():
            global out
            out = a
        choose()
        out = b
        choose()
    """,
    "a nonlocal": """
        def outer():
            kept = b
            def inner():
                nonlocal kept
                kept = a
            inner()
            return kept
        out = outer()
    """,
    "a name that is deleted and bound anew": """
        out = b
        del out
        out = a
    """,
    "a raise under a condition that does not hold": """
        def pick(flag):
            if flag:
                raise ValueError
            return a
        out = pick(False)
    """,
    "match on a string": """
        match "y":
            case "x":
                out = b
            case "y":
                out = a
    """,
    "return from a match": """
        def pick(way):
            match way:
                case "x":
                    return b
                case _:
                    return a
        out = pick("y")
    """,
    "what a match names": """
        match a:
            case whole:
                out = whole
    """,
    "an attribute bound in a match": """
        class Box:
            pass
        box = Box()
        box.value = b
        match "y":
            case "y":
                box.value = a
        out = box.value
    """,
    "match where every case is alike": """
        match unknown:
            case "x":
                out = a
            case _:
                out = a
    """,
    "a class attribute": """
        class Box:
            value = a
        out = Box.value
    """,
    "a class attribute that is set from outside": """
        class Box:
            value = b
        Box.value = a
        out = Box.value
    """,
    "a class made in a function": """
        def make():
            class Box:
                def get(self):
                    return a
            return Box()
        out = make().get()
    """,
    "a static method": """
        class Box:
            @staticmethod
            def get(value):
                return value
        out = Box().get(a)
    """,
    "a class method": """
        class Box:
            @classmethod
            def get(cls, value):
                return value
        out = Box.get(a)
    """,
    "a property": """
        class Box:
            @property
            def value(self):
                return a
        out = Box().value
    """,
    "an attribute set by name": """
        class Box:
            pass
        box = Box()
        setattr(box, "value", a)
        out = getattr(box, "value")
    """,
    "a context": """
        class Box:
            def __enter__(self):
                return a
            def __exit__(self, *rest):
                return None
        with Box() as out:
            pass
    """,
    "a generator": """
        def values():
            yield a
            yield a
        for out in values():
            pass
    """,
    "a generator in a generator": """
        def inner():
            yield a
        def outer():
            yield from inner()
        for out in outer():
            pass
    """,
    "super": """
        class Base:
            def get(self):
                return a
        class Box(Base):
            def get(self):
                return super().get()
        out = Box().get()
    """,
    "super, spelled out": """
        class Base:
            def get(self):
                return a
        class Box(Base):
            def get(self):
                return super(Box, self).get()
        out = Box().get()
    """,
    "a method of one of two objects": """
        class One:
            def get(self):
                return a
        class Two:
            def get(self):
                return a
        out = (One() if unknown else Two()).get()
    """,
    "an entry of one of two dicts": """
        values = {"x": a, "y": b} if unknown else {"x": a}
        out = values["x"]
    """,
    "a named tuple": """
        import collections
        Out = collections.namedtuple("Out", "one two")
        out = Out(b, a).two
    """,
    "a named tuple with listed fields": """
        from collections import namedtuple
        Out = namedtuple("Out", ["one", "two"])
        out = Out(two=a, one=b)[1]
    """,
    "a data class": """
        from dataclasses import dataclass
        @dataclass
        class Out:
            one: object
            two: object = None
        out = Out(b, a).two
    """,
    "a partial": """
        import functools
        def second(one, two):
            return two
        out = functools.partial(second, b)(a)
    """,
    "what a partial keeps": """
        from functools import partial
        out = partial(print, sep=a).keywords["sep"]
    """,
    "a reduction of one": """
        import functools
        out = functools.reduce(lambda one, two: one, [a])
    """,
    "a reduction of several": """
        import functools
        out = functools.reduce(lambda one, two: two, [b, b, a])
    """,
    "a reduction with a start": """
        import functools
        out = functools.reduce(lambda one, two: one, [b, b], a)
    """,
    "a decorator": """
        def kept(function):
            return function
        @kept
        def get():
            return a
        out = get()
    """,
    "a name taken by a parameter": """
        def get(out):
            return out
        out = b
        out = get(a)
    """,
    "while it lasts": """
        count = 0
        out = b
        while count < 3:
            out = a
            count += 1
    """,
    "what an assertion lets through": """
        assert a is not None
        out = a
    """,
    "an attribute put on a module": """
        os.unheard_of = a
        out = os.unheard_of
        del os.unheard_of
    """,
    "elif and else": """
        if 1 > 2:
            out = b
        elif 2 > 3:
            out = b
        else:
            out = a
    """,
    "elif under a condition": """
        if unknown:
            out = a
        elif 1 > 2:
            out = b
        else:
            out = a
    """,
    "a class that its decorator writes down": """
        known = {}
        def register(name):
            def keep(cls):
                known[name] = cls
                return cls
            return keep
        @register("box")
        class Box:
            def get(self):
                return a
        out = known["box"]().get()
    """,
    "a method whose decorator changes what is given": """
        def second(method):
            def wrapped(self, one, two):
                return method(self, two)
            return wrapped
        class Box:
            @second
            def get(self, value):
                return value
        out = Box().get(b, a)
    """,
    "a nonlocal two functions up": """
        def outer():
            kept = b
            def middle():
                def inner():
                    nonlocal kept
                    kept = a
                inner()
            middle()
            return kept
        out = outer()
    """,
    "a module in a variable": """
        module = tf.nn
        out = module.softmax(logits) if False else a
    """,
    "an object that is called": """
        class Box:
            def __call__(self, value):
                return value
        out = Box()(a)
    """,
    "an object that is indexed": """
        class Box:
            def __getitem__(self, at):
                return a
        out = Box()[0]
    """,
    "globals": """
        out = globals()["a"]
    """,
}

# Where lintloss does not follow Python, it has to say so.
OPEN_LINES = [
    'out = {"x": a}.get(unknown, a)',
    "out = [a, a][int(unknown or 0)]",
    "out = [a, a][len(os.environ) % 2]",
    "out = a if isinstance(unknown, str) else a",
    "out = dict(os.environ) and a",
    'out = (lambda **rest: rest["x"])(**dict(os.environ, x=a))',
    "out = [*os.environ, a][-1]",
    'out = {**os.environ, "x": a}["x"]',
    'out = f"{unknown}" and a',
    "out = 2 ** 100 and a",
    "out = 3 & 1 and a",
    "out = a if unknown == os.environ else a",
    "out = a if (unknown or 1) < 2 else b",
    "out = [b, a][not unknown]",
    "out = a if not unknown or b is None else b",
    'values = {"x": a}; values.update(os.environ); out = values["x"]',
    "values = [b]; values.extend(os.environ); values.append(a); out = values[-1]",
    "values = [a]; values.insert(len(os.environ) + 1, b); out = values[0]",
    'values = {"x": a}; values.pop(unknown, None); out = values["x"]',
    "one, *two = list(os.environ) + [b, a]; out = two[-1]",
    "out = list(map(lambda each: a, os.environ))[0]",
    "out = [a for name in os.environ if name != unknown][0]",
    "out = {name: a for name in os.environ}.popitem()[1]",
    "out = max([a, a], key=id)",
    "out = sorted([a], key=id)[0]",
    'out = {"aa": a, "a": b}["a" * 2]',
    'out = {"x1": a, "x": b}[f"x{1}"]',
    "out = [b, a][[5, 7].index(7)]",
    "values = [a, b]; values.pop(0 if unknown else 1); out = values[0]",
    "values = [b, a]; values.remove(b); out = values[0]",
    'out = dict(zip(["x", "y"], [b, a]))["y"]',
    "out = [b, b, a][1 << 1]",
    "out = b if a is None else a",
    "out = a if a is not None else b",
    "out = a or b",
]
OPEN_BLOCKS = {
    "return from a loop of unknown length": """
        def pick():
            for name in os.environ:
                return a
        out = pick()
    """,
    "return from a loop without end": """
        def pick():
            while True:
                return a
        out = pick()
    """,
    "what a match keeps of a dict": """
        match {"x": b, "y": a}:
            case {"x": value, **rest}:
                out = rest["y"]
    """,
    "more conditions than are kept apart": """
        values = [name for name in "abcdefgh"]
        out = b
        for name in values:
            if os.environ.get(name + "unheard_of"):
                out = [out, b][0]
        out = a if unknown is None else out
    """,
    "a global that is bound under a condition": """
        out = b
        def choose():
            global out
            if unknown is None:
                out = a
        choose()
    """,
    "several handlers": """
        try:
            out = b
            raise KeyError
        except ValueError:
            out = b
        except KeyError:
            out = a
    """,
    "a number that is none": """
        try:
            at = int("x")
        except ValueError:
            at = 1
        out = [b, a][at]
    """,
    "match on a number, with an alternative": """
        match 2:
            case 1 | 3:
                out = b
            case 2:
                out = a
    """,
    "match with a guard": """
        match 2:
            case number if number > 5:
                out = b
            case _:
                out = a
    """,
    "what a match takes apart": """
        match [b, a]:
            case [one, two]:
                out = two
    """,
    "a default for an attribute that is not there": """
        class Box:
            pass
        out = getattr(Box(), "value", a)
    """,
    "an iterator of one's own": """
        class Box:
            def __iter__(self):
                return iter([b, a])
        for each in Box():
            out = each
    """,
    "a base that a condition chooses": """
        class One:
            def get(self):
                return a
        class Two:
            def get(self):
                return a
        class Box(One if unknown else Two):
            pass
        out = Box().get()
    """,
    "an attribute of one of two objects": """
        class Box:
            def __init__(self, value):
                self.value = value
                self.other = b
        box = Box(a) if unknown else Box(a)
        out = box.value
    """,
    "a function that calls itself": """
        def last(values):
            return values[0] if len(values) == 1 else last(values[1:])
        out = last([b, b, a])
    """,
    "something that is awaited": """
        import asyncio
        async def get():
            return a
        async def main():
            return await get()
        out = asyncio.run(main())
    """,
    "a reduction of what is not known": """
        import functools
        out = functools.reduce(lambda one, two: one, [a] * len(os.environ))
    """,
}

# Known to be wrong: a list that is held under two names is changed under one of them only, a list times what is not
# known is taken for a tensor, and decorators of the user's own count at methods, not at functions.
WRONG = {
    "a list that is repeated, how often is not known": """
        out = ([a] * (1 + len(os.environ)))[0]
    """,
    "return without a value": """
        def pick(values):
            values["x"] = a
            return
        values = {"x": b}
        out = values["x"] if pick(values) else values["x"]
    """,
    "a list that a function is given": """
        def add(values):
            values.append(a)
        values = [b]
        add(values)
        out = values[-1]
    """,
    "a list under two names": """
        values = [b]
        others = values
        others.append(a)
        out = values[-1]
    """,
    "a decorator that changes what is given": """
        def second(function):
            def wrapped(one, two):
                return function(two)
            return wrapped
        @second
        def get(value):
            return value
        out = get(b, a)
    """,
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("body", [*LINES, *BLOCKS.values()], ids=[*LINES, *BLOCKS])
def test_python_is_followed(body: str, order: str, given: list[Tensor]) -> None:
    code = program(body, order)
    assert said(code) is run(code, given)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("body", [*OPEN_LINES, *OPEN_BLOCKS.values()], ids=[*OPEN_LINES, *OPEN_BLOCKS])
def test_python_is_not_contradicted(body: str, order: str, given: list[Tensor]) -> None:
    code = program(body, order)
    assert said(code) in (CallVerdict.UNDECIDED, run(code, given))


@pytest.mark.xfail(strict=True, reason="what is known of lists and decorators is not enough")
@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_python_is_contradicted(body: str, given: list[Tensor]) -> None:
    for order in ORDERS:
        given.clear()
        test_python_is_not_contradicted(body, order, given)


# -- in several files ------------------------------------------------------------------------------------------

# `{START}` stands for the beginning of every program, with its `a` and `b`.
FILES = {
    "a star import": {"net.py": "{START}\nout = a\n_b = b\n", "train.py": "from net import *\n"},
    "a star import of what a star import gave": {
        "net.py": "{START}\nout = a\n",
        "nets.py": "from net import *\n",
        "train.py": "from nets import *\n",
    },
    "a relative import": {
        "lib/__init__.py": "",
        "lib/values.py": "{START}",
        "lib/net.py": "from .values import a, b\nout = a\n",
        "train.py": "from lib.net import out\n",
    },
    "an import from two packages up": {
        "lib/__init__.py": "",
        "lib/values.py": "{START}",
        "lib/nets/__init__.py": "",
        "lib/nets/net.py": "from ..values import a, b\nout = a\n",
        "train.py": "from lib.nets import net\nout = net.out\n",
    },
    "a module of the same package": {
        "lib/__init__.py": "",
        "lib/values.py": "{START}",
        "lib/net.py": "from . import values\nout = values.a\n",
        "train.py": "import lib.net\nout = lib.net.out\n",
    },
    "what a package hands on": {
        "lib/__init__.py": "from .values import a as chosen\n",
        "lib/values.py": "{START}",
        "train.py": "import lib\nout = lib.chosen\n",
    },
    "a folder that is no package": {
        "lib/values.py": "{START}",
        "train.py": "from lib import values as kept\nout = kept.a\n",
    },
    "a submodule that is imported elsewhere": {
        "lib/__init__.py": "",
        "lib/values.py": "{START}",
        "train.py": "import lib.values\nimport lib\nout = lib.values.a\n",
    },
    "an import in a function": {
        "values.py": "{START}",
        "train.py": "def get():\n    from values import a\n    return a\nout = get()\n",
    },
    "imports in a circle": {
        "one.py": "import two\n{START}\ndef get():\n    return two.hand(a)\n",
        "two.py": "import one\ndef hand(value):\n    return value\n",
        "train.py": "import one\nout = one.get()\n",
    },
    "a class of another file, and its base of a third": {
        "base.py": "{START}\nclass Base:\n    def get(self):\n        return a\n",
        "net.py": "import base\nclass Net(base.Base):\n    pass\n",
        "train.py": "from net import Net\nout = Net().get()\n",
    },
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_imports_are_followed(
    files: dict[str, str], order: str, given: list[Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text.replace("{START}", START.format(order)))
    train = tmp_path / "train.py"
    train.write_text(f"import tensorflow as tf\n{train.read_text()}{END}")
    report = linter.lint([Source.read(train, str(train))], Settings())

    modules = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert [call.verdict for call in report.loss_calls] == [run(train.read_text(), given)]
    finally:
        for name in set(sys.modules) - modules:
            del sys.modules[name]
