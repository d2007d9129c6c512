"""Lowered code is what LibCST's own parser makes of it, node by node and place by place."""

from __future__ import annotations

import argparse
import ast
import asyncio.base_events
import dataclasses
import inspect
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
import pytest

from lintloss.analysis import syntax
from lintloss.analysis.syntax import FunctionCode, Unit
from lintloss.sources import Source

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").rglob("*.py"))
# Large modules of Python's own, full of odd code.
LIBRARY = [Path(str(module.__file__)) for module in (argparse, ast, asyncio.base_events, dataclasses, inspect, typing)]

SNIPPETS = {
    "parentheses": "z = ((a) + (b)) * (c)\n(d) = (e)[(0)]\nf((g), *(h), **(i))\n(x).y = ((yield),)\n",
    "tuples": "a, b = (c, d), ()\nfor i, (j, *k) in ((l),): pass\nreturn_ = m,\n",
    "indices": "a[0], a[0,], a[0, 1], a[::2, ..., None], a[b:c], a[()], a[-1]\n",
    "arguments in their order": "f(a, *b, c, d=1, *e, g=2, **h, i=3)\n",
    "parameters": "def f(a, b=1, /, c=2, *d, e, g=3, **h): pass\ndef g(*, a): pass\nl = lambda a, *b, c=1: a\n",
    "annotations": "def f(a: int = 1, *b: str, c: 'x', **d: int) -> int: pass\nx: int\ny: int = 2\n",
    "several on one line": "a = 1; b = 2\nif a: b; c = 3\nelse: pass\nx = '''\n'''; y = 4\n",
    "else and elif": "if a:\n    b\nelif c:\n    d\nelse:\n    if e:\n        f\n    else:\n        g\n",
    "loops": "for a in b:\n    break\nelse:\n    continue_\nwhile a:\n    continue\nelse:\n    b\n",
    "with": "with a as b, (c) as (d, e), f: pass\nwith (a as b, c):\n    pass\n",
    "try": "try:\n    a\nexcept (B, C) as d:\n    e\nexcept F:\n    raise\nelse:\n    g\nfinally:\n    h\n",
    "numbers": "0x1f, 1_000, 1.5e3, 2j, .5, 1e999, 0o17\n",
    "strings": "a = 'x' \"y\"\nb = b'\\xff' rb'z'\nc = ('d'\n     'e')\nf = '''g\nh'''\n",
    "formatted strings": "print(f'{loss(a, b):.3f} {c!r}' 'd', f'''{\n  e(1)\n}''')\n",
    "letters of several bytes": "größe = 'ä' + f(höhe, x) * größe.breite\nprint('→', f'{ä(ö)}', f(z))\n",
    "operators": "a ** -b // c % d @ e << f >> g & h | i ^ ~j\nnot a\n+b\n",
    "augmented": "a += 1; a -= 1; a *= 2; a /= 2; a //= 2; a %= 2; a **= 2; a @= b\n",
    "augmented bits": "a &= 1; a |= 1; a ^= 1; a <<= 1; a >>= 1\n",
    "and and or": "a and (b) and c\nx = (a or b  # )\n     ) or (c) or (d and e and\n  (f\n) and g)\n",
    "comparisons": "a < b <= (c) != d is not e not in f in g is h == i > j >= k\n",
    "comprehensions": "[a for b in c if d if e for f in g]\n{a: b for a, b in c}\n{a for a in b}\n",
    "generator expressions": "f(a for a in (b))\n(a for a in b)\n",
    "dicts and sets": "{'a': 1, **b, c: d}\n{*e, f}\n[*g]\n",
    "walrus, lambda and choice": "if (n := f(x)) > 1: y = (lambda: n) if a else b\n",
    "imports": "import a.b.c as d, e.f\nfrom . import g\nfrom ..h.i import (j as k, l)\nfrom m import *\n",
    "definitions": "@a.b(c)\n@d\ndef f(): return\n\nif g:\n    @e\n    class G(H, metaclass=I):\n        x = 1\n",
    "in a class": "class A(B, C):\n    d = 1\n\n    @property\n    def e(self):\n        return self.d\n\n    f = 2\n",
    "generators": "def f():\n    yield\n    x = yield a, b\n    yield from c\n",
    "the rest": "global a, b\ndel c, d\ndel e\nassert f, g\npass\n",
    "cases": "match a:\n    case 1 | 2: b\n    case C.d: e\n    case [f, *g] if h:\n        i\n    case _: o\n",
    "async": "async def f():\n    async with a as b:\n        async for c in d:\n            [e async for e in g]\n",
}
if sys.version_info >= (3, 11):
    SNIPPETS["groups of exceptions"] = "try:\n    a\nexcept* B:\n    c\nd = 1\n"


def units(source: Source) -> Iterator[Unit]:
    for item in syntax.index(source).items:
        if isinstance(item, Unit):
            yield item
        elif isinstance(item, FunctionCode):
            yield item.unit
        else:
            yield from (method.unit for method in item.methods.values())
            yield from item.rest


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippets_are_lowered(name: str) -> None:
    assert compare(Source.from_text(SNIPPETS[name], "made.py")) > 0


@pytest.mark.parametrize("name", SNIPPETS)
def test_what_is_walked_is_found_as_it_is_written(name: str) -> None:
    source = Source.from_text(SNIPPETS[name], "made.py")
    for unit in units(source):
        pending = [*unit.body]
        while pending:
            node = pending.pop()
            if unit._lowered.made_of(node) is not None and isinstance(node, cst.BaseExpression):
                found = unit.exact(node)
                assert id(found) in unit._layout.places
                assert unit.code(found) in unit.code(node)
            pending += [child for child in children(node) if not isinstance(node, cst.MatchPattern)]


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for field in dataclasses.fields(node):
        value = getattr(node, field.name, None)
        several = value if isinstance(value, (list, tuple)) else [value]
        yield from (each for each in several if isinstance(each, cst.CSTNode))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.name)
def test_modules_are_lowered(path: Path) -> None:
    assert compare(Source.read(path, str(path))) > 1000


def test_fixtures_are_lowered() -> None:
    assert sum(compare(Source.read(path, str(path))) for path in FIXTURES) > 10_000


def test_the_exact_node_is_found() -> None:
    source = Source.from_text("loss = entropy(f(x), ( a , b ), (c for c in d), 'e' 'f', x + y + z)\n", "made.py")
    (unit,) = units(source)
    call = unit.body[0].body[0].value  # type: ignore[attr-defined]
    written = [unit.module.code_for_node(unit.exact(argument.value)) for argument in (*call.args,)]
    assert written == ["f(x)", "( a , b )", "(c for c in d)", "'e' 'f'", "x + y + z"]
    assert [unit.code(argument.value) for argument in call.args] == written
    inner = call.args[4].value.left
    assert unit.module.code_for_node(unit.exact(inner)) == "x + y"


def compare(source: Source) -> int:
    """Compare all of a file's code with what LibCST parses; the number of nodes compared."""
    count = 0
    for unit in units(source):
        body = unit.module.body
        exact = body[0].body.body if unit.indented else body  # type: ignore[union-attr]
        assert len(unit.body) == len(exact)
        count += sum(same(unit, lowered, parsed) for lowered, parsed in zip(unit.body, exact, strict=True))
    return count


def same(unit: Unit, lowered: cst.CSTNode, parsed: cst.CSTNode) -> int:
    """Compare all that is set of a lowered node, and where it stands, with the parsed one."""
    written = f"{unit.source.filename}: {unit.code(parsed)!r}"
    place = unit._lowered.place(lowered)
    assert place is not None or not isinstance(lowered, _LEFT_OUT), written
    if place is not None and not _is_placed_otherwise(lowered, parsed):
        assert place == unit.rows(parsed), written
    if isinstance(lowered, cst.SimpleString):
        assert isinstance(parsed, (cst.SimpleString, cst.ConcatenatedString)), written
        assert ast.literal_eval(lowered.value) == parsed.evaluated_value, written
        return 1
    assert type(lowered) is type(parsed), written
    if isinstance(lowered, cst.MatchPattern):
        return 1
    count = 1
    for field in dataclasses.fields(lowered):
        if not hasattr(lowered, field.name) or field.name in _NOT_TOLD:
            continue
        ours, theirs = getattr(lowered, field.name), getattr(parsed, field.name)
        if isinstance(lowered, cst.Subscript) and field.name == "slice" and len(ours) != len(theirs):
            theirs = theirs[0].slice.value.elements  # `a[(b, c)]`, which means `a[b, c]`
            ours, theirs = [each.slice.value for each in ours], [each.value for each in theirs]
        if isinstance(ours, cst.BaseParenthesizableWhitespace):
            continue
        if isinstance(ours, cst.CSTNode):
            count += same(unit, ours, theirs)
        elif isinstance(ours, (list, tuple)):
            assert len(ours) == len(theirs), written
            count += sum(same(unit, one, other) for one, other in zip(ours, theirs, strict=True))
        else:
            assert ours == theirs, written
    return count


# Code of these kinds is looked through where a decided test leaves it out.
_LEFT_OUT = (cst.BaseStatement, cst.BaseSmallStatement, cst.BaseSuite, cst.Else)
# A comma is told behind the only part of an index, a lone star among parameters not at all.
_NOT_TOLD = ("comma", "star_arg", "lpar", "rpar")


def _is_placed_otherwise(lowered: cst.CSTNode, parsed: cst.CSTNode) -> bool:
    """Whether `ast` counts a node's parentheses or commas where LibCST does not, or the other way round."""
    is_starred = isinstance(parsed, cst.Param) and bool(parsed.star)
    kinds = (cst.Tuple, cst.GeneratorExp, cst.SubscriptElement, cst.BaseSuite, cst.Else)
    return is_starred or isinstance(lowered, kinds)
