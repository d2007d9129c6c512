"""An independent look at the checker: fixtures run as ordinary programs, and what their expressions came to.

Each loss call, its logits and its labels are recorded while Python runs the fixture; evaluated as a term on the same
logits and labels, the loss has to come to the same. Before the fix and after it.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
import numpy as np
import pytest

from lintloss import confirm
from lintloss.analysis import Analyser, apis
from lintloss.analysis.sites import Site
from lintloss.analysis.syntax import NodeOrigin
from lintloss.analysis.terms import Term
from lintloss.config import Settings
from lintloss.confirm import batches
from lintloss.confirm.called import CalledCase
from lintloss.confirm.cases import Undecided
from lintloss.confirm.expectations import NoReference
from lintloss.confirm.process import Worker
from lintloss.proof import claims
from lintloss.rulebook import judge
from lintloss.sources import Source

pytestmark = pytest.mark.skipif(not confirm.available(), reason="needs TensorFlow")

FIXTURES = Path(__file__).parent.parent / "fixtures"
# Data to download, graphs that run nothing until a session does, and frameworks that TensorFlow does not run.
NOT_RUN = re.compile(
    r"load_data|read_data_sets|disable_|placeholder|flow_from|^\s*(import|from) (torch|jax|flax)", re.M
)
RECORD = "__record__"


@dataclass(frozen=True)
class Side:
    """One version of a fixture, and the terms whose values are to be compared."""

    source: Source
    site: Site
    nodes: list[Any]
    leaves: dict[str, Term]


def programs() -> list[Path]:
    paths = [path for path in sorted(FIXTURES.rglob("*.py")) if not path.name.startswith("quiet_")]
    texts = {path: path.read_text(encoding="utf-8") for path in paths if not path.name.endswith(".fixed.py")}
    return [path for path, text in texts.items() if "tensorflow" in text and not NOT_RUN.search(text)]


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker(apis.load(), confirm.TIME_LIMIT) as started:
        yield started


@pytest.fixture(scope="module")
def compared(worker: Worker) -> dict[str, float]:
    """For each loss call, before and after, how far the term is from what Python computed, relative to its size."""
    found: dict[str, float] = {}
    for path in programs():
        for name, side in sides(path, worker):
            values = recorded(side)
            if values is not None:
                found[name] = distance(side, values, worker)
    return found


def sides(path: Path, worker: Worker) -> Iterator[tuple[str, Side]]:
    """Both versions of each loss call in a fixture that the checker can run."""
    source = Source.read(path, path.name)
    analysis = Analyser([source]).analyse(source)
    for each in claims(judge(analysis, Settings())[0], [source], analysis, Settings()):
        finding, request = each.finding, each.request
        if request is None or request.before.model is not None or request.before.anchor != "loss":
            continue
        try:
            case = CalledCase(request, apis.load(), worker)
        except (Undecided, NoReference):
            continue
        edited = source.with_edits(finding.fix.edits) if finding.fix is not None else source
        sites = {"before": (source, case.before), "after": (edited, case.after)}
        for side, program in case.programs.items():
            text, site = sites[side]
            if site is not None:
                where = f"{path.parent.name}/{path.name}:{finding.span.start.row} {side}"
                yield where, Side(text, site, program.message(), dict(program.leaves))


def recorded(side: Side) -> dict[str, Any] | None:
    """What the loss and its leaves come to when Python runs the program; None where one has no place of its own."""
    places: dict[str, NodeOrigin] = {"loss": side.site.origin}
    for name, term in side.leaves.items():
        if not isinstance(term.origin, NodeOrigin) or not isinstance(term.origin.node, cst.BaseExpression):
            return None
        places[name] = term.origin
    if any(place.unit.source.text != side.source.text for place in places.values()):
        return None
    values: dict[str, Any] = {}

    def record(name: str, value: Any) -> Any:
        values[name] = value
        return value

    program = compile(instrumented(side.source.text, places), "fixture", "exec")
    try:
        exec(program, {"__name__": "fixture", RECORD: record})
    except (NameError, ImportError):  # a fixture is a piece of a program, and need not run by itself
        return None
    except Exception as error:
        top, _, bottom, _ = side.site.origin.unit.rows(side.site.origin.node)
        if top <= row_of(error) <= bottom:  # else another loss, above or further down, is the one that raises
            values.setdefault("loss", error)
    numbers = [value for value in values.values() if not isinstance(value, Exception)]
    return values if set(values) == set(places) and all(map(is_numeric, numbers)) else None


def row_of(error: Exception) -> int:
    """The row of the fixture that raised."""
    rows = [row for frame, row in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "fixture"]
    return rows[-1] if rows else 0


def is_numeric(value: Any) -> bool:
    """Whether there is a number to compare: a symbol of a graph that is being built has none."""
    try:
        return np.asarray(value).dtype.kind in "iufb"
    except (TypeError, ValueError, NotImplementedError):
        return False


def instrumented(text: str, places: dict[str, NodeOrigin]) -> str:
    """The program with each of the expressions handed to `record` on its way."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    inserted: list[tuple[int, int, str]] = []
    for name, place in places.items():
        top, left, bottom, right = place.unit.rows(place.node)
        first, last = starts[top - 1] + left - 1, starts[bottom - 1] + right - 1
        # Where several begin or end at one place, the longer one stands outside.
        inserted += [(first, -(last - first), f"{RECORD}({name!r}, "), (last, last - first, ")")]
    for at, _, piece in sorted(inserted, key=lambda each: (each[0], each[2] != ")", each[1]), reverse=True):
        text = text[:at] + piece + text[at:]
    return text


def distance(side: Side, values: dict[str, Any], worker: Worker) -> float:
    leaves = {name: leaf(values[name]) for name in side.leaves}
    answer = worker.ask({"task": "evaluate", "programs": {"loss": side.nodes}, "leaves": leaves})["loss"]
    if isinstance(values["loss"], Exception):
        return 0.0 if answer["raised"].startswith(type(values["loss"]).__name__) else float("inf")
    wanted = np.asarray(values["loss"], np.float64)
    found = np.asarray(batches.as_array(answer["value"]), np.float64)
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max()))


def leaf(value: Any) -> batches.LeafValue:
    array = np.asarray(value)
    if isinstance(value, (list, tuple, int, float)):
        return {"form": "python", "dtype": array.dtype.name, "shape": list(array.shape), "data": array.tolist()}
    form = "array" if isinstance(value, np.ndarray) else "tensor"
    return {"form": form, "dtype": array.dtype.name, "shape": list(array.shape), "data": array.tolist()}


def test_terms_compute_what_python_computes(compared: dict[str, float]) -> None:
    wrong = {name: off for name, off in compared.items() if not off < 1e-5}
    assert wrong == {}


def test_enough_is_compared_on_both_sides(compared: dict[str, float]) -> None:
    assert sum(name.endswith("before") for name in compared) >= 10, compared
    assert sum(name.endswith("after") for name in compared) >= 10, compared
