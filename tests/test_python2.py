"""Python 2 as Python 3: the same rows, or nothing."""

from __future__ import annotations

import ast
import sys

import pytest

from lintloss.python2 import as_python3

OLD = """\
def f(x):
    print x
    try:
\treturn 0777 <> `x`
    except ValueError, error:
        raise KeyError, 'x'
"""


def test_rows_stay() -> None:
    new = as_python3(OLD)
    assert new is not None
    found = {type(node).__name__: node.lineno for node in ast.walk(ast.parse(new)) if hasattr(node, "lineno")}
    assert (found["Try"], found["Return"], found["ExceptHandler"], found["Raise"]) == (3, 4, 5, 6)


@pytest.mark.parametrize("code", ["x = 1\n", "print 'x'\ndef f(:\n", "print 'x\n", "print x\n  if y:\n x\n"])
def test_what_is_no_python_2_either_is_nothing(code: str) -> None:
    assert as_python3(code) is None


def test_without_its_reader_python_2_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fissix", None)
    assert as_python3(OLD) is None
