"""Terms as programs for the worker: what is written is JSON, what is not known a leaf of which a person is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confirm_terms import book, call, unknown, value

from lintloss.analysis.terms import (
    Api,
    Carried,
    Choice,
    Condition,
    Const,
    Guard,
    Mapping,
    Parameter,
    Stated,
    Term,
    Unknown,
)
from lintloss.confirm.serialise import Reader, described

FLAG = Condition("flag", written="flag > 0")
LOGITS = unknown("z")
SOFTMAX = call("tensorflow.nn.softmax", LOGITS)


def nodes(term: Term, *guards: Guard) -> list[Any]:
    """The program of a term, as it arrives."""
    return json.loads(json.dumps(Reader(book(), guards).program(term).message()))


@pytest.mark.parametrize(
    ("term", "node"),
    [
        (Const(3), ["const", 3]),
        (Const("mean"), ["const", "mean"]),
        (Const(None), ["const", None]),
        (Const(...), ["ellipsis"]),
        (Const(1 + 2j), ["complex", 1.0, 2.0]),
        (Const(b"\xff"), ["bytes", "ÿ"]),
        (value([1]), ["sequence", "list", [0]]),
        (value((1,)), ["sequence", "tuple", [0]]),
        (Mapping(((Const("a"), Const(1)),)), ["mapping", [[0, 1]]]),
        (call("tensorflow.nn.softmax", 1.0, axis=0), ["apply", 0, [[None, 1], ["axis", 2]]]),
    ],
    ids=repr,
)
def test_each_term_has_its_node(term: Term, node: list[Any]) -> None:
    """As the module's documentation lists them; parts come before what is made of them."""
    assert nodes(term)[-1] == node


@pytest.mark.parametrize(
    ("term", "same"),
    [
        (Parameter("rate", "train", default=Const(0.5)), Const(0.5)),
        (Stated("logits", SOFTMAX), SOFTMAX),
        (Mapping(((Const("a"), Stated("logits", SOFTMAX)),)), Mapping(((Const("a"), SOFTMAX),))),
        (call("operator.setitem", LOGITS, 0, SOFTMAX), SOFTMAX),
        (call("tensorflow.contrib.layers.softmax", LOGITS), SOFTMAX),
    ],
    ids=["a default", "what a comment says", "in a dict", "what is written part by part", "another name"],
)
def test_what_comes_to_the_same_is_run_as_the_same(term: Term, same: Term) -> None:
    assert nodes(term) == nodes(same)


@pytest.mark.parametrize("holds", [True, False])
def test_the_conditions_of_the_site_decide(holds: bool) -> None:
    chosen = Choice(FLAG, SOFTMAX, LOGITS)
    assert nodes(chosen, Guard(FLAG, holds)) == nodes(SOFTMAX if holds else LOGITS)


def test_two_readings_agree_on_leaves_and_differ_where_code_does() -> None:
    leaves = [set(Reader(book()).program(call("tensorflow.nn.softmax", unknown(name))).leaves) for name in "zzu"]
    assert leaves[0] == leaves[1] != leaves[2]


@pytest.mark.parametrize(
    ("term", "words"),
    [
        (unknown("z"), "the parameter z of train"),
        (Unknown("it comes from a file"), "it comes from a file"),
        (Carried("state", Const(0)), "state, which changes in a loop"),
        (Choice(FLAG, Const(1), Const(2)), "a value that depends on `flag > 0`"),
        (call("package.load", "file"), "the result of package.load"),
        (call(call("package.Layer", 3), LOGITS), "the result of package.Layer"),
        (Const(1), "a value that is not known"),
    ],
)
def test_a_person_is_told_what_is_not_known(term: Term, words: str) -> None:
    assert described(term) == words


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(Api("torch.float64"), "float64"), (Api("torch.half"), "float16")],
)
def test_data_types_go_by_the_name_that_all_frameworks_share(dtype: Term, name: str) -> None:
    """So that a worker without PyTorch can take them."""
    program = Reader(book(), by_meaning=True).program(call("tensor.to", LOGITS, dtype=dtype))
    assert ["const", name] in program.message()
