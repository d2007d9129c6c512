"""Every file in fixtures/: what is reported is what its comments expect, and fixing gives its `.fixed.py`.

All fixes are applied there, the unsafe ones too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lintloss import linter
from lintloss.config import Settings
from lintloss.sources import Source

FIXTURES = Path(__file__).parents[1] / "fixtures"
INPUTS = sorted(path for path in FIXTURES.rglob("*.py") if not path.name.endswith(".fixed.py"))
FIXED = [path for path in INPUTS if path.with_suffix(".fixed.py").exists()]

_EXPECTED = re.compile(r"#\s*expect:\s*([A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*)")


def name_of(path: Path) -> str:
    return path.relative_to(FIXTURES).as_posix()


def expectations(source: Source) -> Iterator[tuple[int, str]]:
    for row, line in enumerate(source.lines, start=1):
        for found in _EXPECTED.finditer(line):
            yield from ((row, code.strip()) for code in found[1].split(","))


@pytest.mark.parametrize("path", INPUTS, ids=name_of)
def test_reports_what_is_expected_and_nothing_else(path: Path) -> None:
    source = Source.read(path, str(path))
    report = linter.lint([source], Settings(preview=True))
    found = sorted((finding.span.start.row, finding.code) for finding in report.findings)
    assert found == sorted(expectations(source))


@pytest.mark.parametrize("path", FIXED, ids=name_of)
def test_fixing_gives_the_fixed_file(path: Path) -> None:
    source = Source.read(path, str(path))
    fixed = linter.fix([source], Settings(preview=True), unsafe=True)
    assert fixed.sources[0].original == path.with_suffix(".fixed.py").read_bytes()


@pytest.mark.parametrize("path", FIXED[::5], ids=name_of)
def test_silencing_changes_comments_only(path: Path) -> None:
    source = Source.read(path, str(path))
    silenced = linter.silence([source], Settings(preview=True), "why")
    assert silenced.applied
    assert silenced.report.findings == ()
    assert ast.dump(ast.parse(silenced.sources[0].text)) == ast.dump(ast.parse(source.text))


def test_each_fixed_file_has_its_original() -> None:
    originals = {path.with_suffix(".fixed.py") for path in INPUTS}
    assert set(FIXTURES.rglob("*.fixed.py")) <= originals
