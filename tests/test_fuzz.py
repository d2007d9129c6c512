"""Fuzzing: what is said of generated loss code depends on what it does, not on how it is written; and fixes hold.

See tests/fuzzing.py for how to try more.
"""

from __future__ import annotations

import ast
import json
import random
from collections import Counter
from collections.abc import Sequence

from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st
from oracle.choices import Choices
from oracle.programs import generate
from rewriting import in_a_function, in_cells, in_two_files, plain, renamed, reordered, with_unrelated

from lintloss import linter
from lintloss.config import Settings
from lintloss.finding import Finding, Report
from lintloss.sources import Source

programs = st.integers(0, 10**9).map(lambda seed: generate(Choices(seed)).source)
choosers = st.integers(0, 10**6).map(random.Random)


def lint(*sources: Source) -> Report:
    return linter.lint(sources, Settings())


def source(text: str, filename: str = "train.py") -> Source:
    return Source.from_text(text, filename)


def codes(text: str) -> Counter[str]:
    return counted(source(text))


def counted(*sources: Source) -> Counter[str]:
    return Counter(finding.code for finding in lint(*sources).findings)


# -- what is found ---------------------------------------------------------------------------------------------------


@bounded()
@given(programs)
def test_names_are_no_evidence(text: str) -> None:
    assert codes(renamed(text)) == codes(plain(text))


@bounded()
@given(programs, choosers)
def test_unrelated_definitions_change_nothing(text: str, chooser: random.Random) -> None:
    assert codes(with_unrelated(text, chooser)) == codes(text)


@bounded()
@given(programs, choosers)
def test_the_order_of_definitions_changes_nothing(text: str, chooser: random.Random) -> None:
    assert codes(reordered(text, chooser)) == codes(plain(text))


@bounded()
@given(programs)
def test_the_same_code_in_a_function_is_the_same(text: str) -> None:
    assert codes(in_a_function(text)) == codes(text)


@bounded()
@given(programs, choosers)
def test_the_same_code_in_two_files_is_the_same(text: str, chooser: random.Random) -> None:
    first, second = in_two_files(text, chooser)
    found = lint(source(first, "part.py"), source(second)).findings
    assert Counter(finding.code for finding in found if not _is_said_elsewhere(finding, found)) == codes(text)


def _is_said_elsewhere(finding: Finding, others: Sequence[Finding]) -> bool:
    """A softmax over one unit is said where it is applied; a loss in another file that gets it says so once more."""
    of_the_first = [each for each in others if each.code == finding.code == "LL105" and each.span.filename == "part.py"]
    return bool(of_the_first) and finding.span.filename != "part.py"


@bounded()
@given(programs, choosers)
def test_the_same_code_in_cells_is_the_same(text: str, chooser: random.Random) -> None:
    assert counted(Source.from_bytes(in_cells(text, chooser), "train.ipynb")) == codes(text)


@bounded()
@given(st.lists(programs, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing(texts: Sequence[str], chooser: random.Random) -> None:
    sources = [source(text, f"file{number}.py") for number, text in enumerate(texts)]
    shuffled = chooser.sample(sources, len(sources))
    assert lint(*shuffled).findings == lint(*sources).findings


# -- what is silenced ------------------------------------------------------------------------------------------------


@bounded()
@given(programs, st.sampled_from(["lintloss: ignore[{}] tried", "noqa: {}"]))
def test_every_finding_can_be_suppressed(text: str, comment: str) -> None:
    lines = text.split("\n")
    found = lint(source(text)).findings
    for row in {finding.span.start.row for finding in found}:
        named = ", ".join(sorted({finding.code for finding in found if finding.span.start.row == row}))
        lines[row - 1] += f"  # {comment.format(named)}"
    assert codes("\n".join(lines)) == Counter()


@bounded()
@given(programs)
def test_every_finding_is_silenced_where_it_stands(text: str) -> None:
    """By comments and nothing else: the code that runs is the same."""
    done = linter.silence([source(text)], Settings(), "tried")
    assert done.report.findings == ()
    assert len(done.applied) == len(lint(source(text)).findings)
    assert plain(done.sources[0].text) == plain(text)


# -- what is fixed ---------------------------------------------------------------------------------------------------


@bounded()
@given(programs)
def test_fixing_ends_parses_and_changes_nothing_the_second_time(text: str) -> None:
    once = linter.fix([source(text)], Settings(), unsafe=True).sources[0].text
    ast.parse(once)
    assert linter.fix([source(once)], Settings(), unsafe=True).sources[0].text == once


@bounded()
@given(programs)
def test_a_fix_leaves_what_is_outside_its_edits(text: str) -> None:
    given_source = source(text)
    for finding in lint(given_source).findings:
        if finding.fix is not None:
            assert given_source.edited(finding.fix.edits).decode() == _edited(text, finding)


@bounded()
@given(programs, choosers)
def test_a_fix_in_a_notebook_leaves_what_is_outside_its_edits(text: str, chooser: random.Random) -> None:
    data = in_cells(text, chooser)
    read = Source.from_bytes(data, "train.ipynb")
    for finding in lint(read).findings:
        if finding.fix is not None:
            after = read.edited(finding.fix.edits)
            assert _codes_of_cells(after) == [
                _edited(code, finding, cell) for cell, code in enumerate(_codes_of_cells(data), 1)
            ]
            assert _without_code(after) == _without_code(data)


def _edited(text: str, finding: Finding, cell: int | None = None) -> str:
    """The edits of one cell, or of a file, done the slow way: line by line, from the last to the first."""
    lines = text.split("\n")
    assert finding.fix is not None
    edits = [edit for edit in finding.fix.edits if edit.span.cell == cell]
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        (first, start), (last, end) = ((p.row - 1, p.column - 1) for p in (edit.span.start, edit.span.end))
        tail = lines[last][end:] if last < len(lines) else ""
        lines[first : last + 1] = (lines[first][:start] + edit.content + tail).split("\n")
    return "\n".join(lines)


def _codes_of_cells(data: bytes) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(data)["cells"]]


def _without_code(data: bytes) -> list[str]:
    """The rows of a notebook that hold no code; those that do are indented most."""
    return [row for row in data.decode().split("\n") if not row.startswith("    ")]
