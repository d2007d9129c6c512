"""Each verb on its own, in cases that stand in verbs.txt: code, and which lines of it go and come, or nothing.

A case reads: `@@ HEAD VERB ARGUMENTS`, the code behind the head, `-- APPLICABILITY` and the lines as a diff has them,
or `-- nothing` where the verb cannot be done without doubt.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lintloss.analysis import Analyser, apis
from lintloss.depth import on_deep_stack
from lintloss.fixes import VERBS
from lintloss.fixes.misuse import Change, Misuse
from lintloss.sources import Source

HEADS = {
    "none": "",
    "tensorflow": """\
import tensorflow as tf

x = tf.compat.v1.placeholder(tf.float32, [None, 4])
ids = tf.compat.v1.placeholder(tf.int32, [None])
y = tf.one_hot(ids, 3)
W = tf.Variable(tf.zeros([4, 3]))
""",
    "keras": """\
import tensorflow as tf
from tensorflow.keras import layers

(x, ids), _ = tf.keras.datasets.mnist.load_data()
y = tf.keras.utils.to_categorical(ids, 10)
""",
    "torch": "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n",
}


class Case(NamedTuple):
    head: str
    verb: str
    arguments: dict[str, object]
    code: str
    outcome: str
    lines: tuple[str, ...]


def cases() -> Iterator[Case]:
    for block in Path(__file__).with_name("verbs.txt").read_text(encoding="utf-8").split("@@ ")[1:]:
        first, _, rest = block.partition("\n")
        head, verb, arguments = first.split(" ", 2)
        code, _, after = rest.partition("\n-- ")
        outcome, *lines = after.rstrip("\n").split("\n")
        yield Case(head, verb, json.loads(arguments), code + "\n", outcome, tuple(lines))


def change_of(source: Source, verb: str, arguments: dict[str, object]) -> Change | None:
    """What a verb makes of the last loss in a file."""
    analysis = on_deep_stack(lambda: Analyser([source]).analyse(source))
    site = [site for site in analysis.sites if site.anchor == "loss"][-1]
    labels = analysis.facts.single(site.labels) if site.labels is not None else None
    return VERBS[verb](Misuse(site, analysis.facts.single(site.prediction), labels, apis.load()), arguments)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: f"{case.verb} {case.code}")
def test_what_a_verb_makes_of_code(case: Case) -> None:
    text = HEADS[case.head] + case.code
    source = Source.from_text(text, "train.py")
    change = change_of(source, case.verb, case.arguments)
    if change is None:
        assert case.outcome == "nothing"
        return
    after = source.with_edits(tuple(dict.fromkeys(placed.edit for placed in change.edits))).text
    ast.parse(after)
    diff = list(difflib.unified_diff(text.split("\n"), after.split("\n"), n=0, lineterm=""))[2:]
    assert (change.applicability.value, tuple(line for line in diff if not line.startswith("@@"))) == (
        case.outcome,
        case.lines,
    )
