"""The tutorial's figures are those that TensorFlow gives, and its program is the fixture's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lintloss import linter
from lintloss.config import Settings
from lintloss.sources import Source

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
FIXTURE = ROOT / "fixtures" / "tutorial" / "cross_entropy.py"
_FIGURES = re.compile(r"\[([^\]]+)\]")


def block(title: str, number: int = 0) -> str:
    return re.findall(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)[number]


def figures(text: str) -> list[list[float]]:
    return [[float(number) for number in found.split()] for found in _FIGURES.findall(text)]


def test_the_program_is_the_fixture() -> None:
    assert block("cross_entropy.py") == re.sub(r"  # expect: \w+", "", FIXTURE.read_text(encoding="utf-8"))


def test_tensorflow_prints_these_figures(tmp_path: Path) -> None:
    program = tmp_path / "cross_entropy.py"
    program.write_text(block("cross_entropy.py"), encoding="utf-8")
    printed = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True).stdout
    shown = figures(block("What TensorFlow prints"))
    assert len(shown) == 6
    assert figures(printed) == [pytest.approx(row, rel=1e-5) for row in shown]


def test_the_proof_gives_these_figures() -> None:
    source = Source.from_text(block("cross_entropy.py"), "cross_entropy.py")
    first, _, third = linter.lint([source], Settings(), verify=True).findings
    for number, finding in enumerate((first, third)):
        assert finding.verification is not None
        shown = block("From lintloss check --verify", number)
        assert shown.strip().startswith(finding.verification.verdict.value)
        batches = [[batch.before, batch.after, batch.reference] for batch in finding.verification.batches]
        found = [list(row) for batch in batches for row in batch if not isinstance(row, str)]
        expected = figures(shown)
        assert len(expected) == len(found) == 9
        assert found == [pytest.approx(row, rel=1e-4, nan_ok=True) for row in expected]
