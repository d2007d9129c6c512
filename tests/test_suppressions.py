"""Comments that silence findings."""

from __future__ import annotations

import pytest

from lintloss.finding import Finding, Severity
from lintloss.sources import Source
from lintloss.suppressions import Suppressions, ignoring


def finding(source: Source, row: int, end_row: int | None = None, code: str = "LL101") -> Finding:
    span = source.span(row, 1, end_row or row, 3)
    return Finding(code, "a-rule", Severity.ERROR, "message", span)


@pytest.mark.parametrize(
    ("comment", "suppressed"),
    [
        ("# lintloss: ignore[LL101]", True),
        ("# lintloss: ignore[LL102, ll101] the model is frozen", True),
        ("#lintloss:ignore", True),
        ("# type: ignore  # lintloss: ignore[LL101]", True),
        ("# noqa", True),
        ("# NOQA: E501, LL101", True),
        ("# noqa:LL101 because", True),
        ("# lintloss: ignore[LL102]", False),
        ("# lintloss: logits", False),
        ("# noqa: E501", False),
        ("# noqable", False),
    ],
)
def test_comments_on_the_line(comment: str, suppressed: bool) -> None:
    source = Source.from_text(f"loss(x)  {comment}\n", "a.py")
    assert Suppressions.parse(source).suppresses(finding(source, 1)) is suppressed


@pytest.mark.parametrize("row", [1, 2, 3, 4])
def test_any_line_of_a_call_will_do(row: int) -> None:
    lines = ["y = loss(", "    a,", "    b,", ")", "z = loss(c)"]
    lines[row - 1] += "  # lintloss: ignore"
    source = Source.from_text("\n".join(lines), "a.py")
    suppressions = Suppressions.parse(source)
    assert suppressions.suppresses(finding(source, 1, 4))
    assert not suppressions.suppresses(finding(source, 5))


def test_the_end_of_the_statement_speaks_for_what_is_inside() -> None:
    source = Source.from_text("y = f(\n    loss(a),\n)  # noqa: LL101\n", "a.py")
    assert Suppressions.parse(source).suppresses(finding(source, 2))


def test_a_body_is_no_part_of_the_statement_above() -> None:
    source = Source.from_text("def f():  # lintloss: ignore\n    loss(a)\n", "a.py")
    assert not Suppressions.parse(source).suppresses(finding(source, 2))


def test_a_whole_file() -> None:
    source = Source.from_text("# lintloss: ignore-file[LL101]\n\nloss(a)\n", "a.py")
    suppressions = Suppressions.parse(source)
    assert suppressions.suppresses(finding(source, 3))
    assert not suppressions.suppresses(finding(source, 3, code="LL102"))


def test_strings_are_no_comments() -> None:
    source = Source.from_text('x = "# lintloss: ignore"; loss(x)\n', "a.py")
    suppressions = Suppressions.parse(source)
    assert not suppressions.suppresses(finding(source, 1))
    assert suppressions.unused() == []


def test_text_that_does_not_tokenize_keeps_what_came_before() -> None:
    source = Source.from_text("loss(a)  # noqa\n'''\n", "a.py")
    assert Suppressions.parse(source).suppresses(finding(source, 1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # lintloss: ignore\ny = 2\n", "x = 1\ny = 2\n"),
        ("# lintloss: ignore-file[LL301]\ny = 2\n", "y = 2\n"),
        ("x = 1  # noqa: LL101\n", "x = 1\n"),
        ("x = 1  # noqa: E501, LL101\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # type: int  # lintloss: ignore[LL101] why\n", "x = 1  # type: int\n"),
        ("x = 1  # lintloss: ignore[LL101]  # type: int\n", "x = 1  # type: int\n"),
    ],
)
def test_an_unused_comment_is_removed(before: str, after: str) -> None:
    source = Source.from_text(before, "a.py")
    (unused,) = Suppressions.parse(source).unused()
    assert unused.code == "LL002"
    assert unused.fix is not None
    assert source.edited(unused.fix.edits).decode() == after


def test_of_several_codes_only_the_idle_ones_go() -> None:
    source = Source.from_text("loss(a)  # lintloss: ignore[LL101, LL102] reason LL9\n", "a.py")
    suppressions = Suppressions.parse(source)
    assert suppressions.suppresses(finding(source, 1))
    (unused,) = suppressions.unused()
    assert unused.fix is not None
    assert source.edited(unused.fix.edits) == b"loss(a)  # lintloss: ignore[LL101] reason LL9\n"


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: E501", "# lintloss: ignore[LL105]"])
def test_what_is_not_known_to_be_idle_stays(comment: str) -> None:
    source = Source.from_text(f"x = 1  {comment}\n", "a.py")
    assert Suppressions.parse(source).unused(dormant={"LL105"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss(x)\n", "loss(x)  # lintloss: ignore[LL101] why\n"),
        ("loss(x)", "loss(x)  # lintloss: ignore[LL101] why"),
        ("loss(x)   \nz = 1\n", "loss(x)  # lintloss: ignore[LL101] why\nz = 1\n"),
        ("y = loss(\n    x,\n)\n", "y = loss(\n    x,\n)  # lintloss: ignore[LL101] why\n"),
        ("y = loss(x) + \\\n    1\n", "y = loss(x) + \\\n    1  # lintloss: ignore[LL101] why\n"),
        ('y = loss("""\na""")\n', 'y = loss("""\na""")  # lintloss: ignore[LL101] why\n'),
        ("loss(x)  # mine\n", "loss(x)  # mine  # lintloss: ignore[LL101] why\n"),
        ("loss(x)  # noqa: E501\n", "loss(x)  # noqa: E501  # lintloss: ignore[LL101] why\n"),
        ("loss(x)  # lintloss: ignore[LL301] slow\n", "loss(x)  # lintloss: ignore[LL301, LL101] slow\n"),
        ("if x: loss(x)\n", "if x: loss(x)  # lintloss: ignore[LL101] why\n"),
    ],
)
def test_ignoring_adds_a_comment_that_suppresses(text: str, expected: str) -> None:
    source = Source.from_text(text, "a.py")
    found = finding(source, 1)
    edited = source.with_edits(ignoring(source, [found], "why"))
    assert edited.text == expected
    assert Suppressions.parse(edited).suppresses(finding(edited, 1))


def test_ignoring_joins_the_codes_of_a_statement() -> None:
    source = Source.from_text("y = f(\n    loss(a),\n    loss(b),\n)\nloss(c)\n", "a.py")
    found = [finding(source, 3, code="LL301"), finding(source, 2), finding(source, 5)]
    edited = source.with_edits(ignoring(source, found))
    assert edited.lines[3] == ")  # lintloss: ignore[LL101, LL301]"
    assert edited.lines[4] == "loss(c)  # lintloss: ignore[LL101]"


def test_ignoring_leaves_text_alone_that_is_no_python() -> None:
    source = Source.from_text("loss(x\n", "a.py")
    assert ignoring(source, [finding(source, 1)]) == []
