"""Every fix that `fixtures/` shows, run before and after by the framework that the fixture uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss.config import Settings
from lintloss.finding import Applicability, Finding, Verdict
from lintloss.linter import lint
from lintloss.sources import Source

FIXTURES = Path(__file__).parent.parent / "fixtures"
PROVEN = {Verdict.CONFIRMED, Verdict.EQUIVALENT}


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    """What is found in the fixtures, verified."""
    files = [path for path in sorted(FIXTURES.rglob("*.py")) if not path.name.endswith(".fixed.py")]
    sources = [Source.read(path, path.relative_to(FIXTURES).as_posix()) for path in files]
    return list(lint(sources, Settings(), verify=True).findings)


def test_every_fix_that_is_offered_is_proven(findings: list[Finding]) -> None:
    offered = [each for each in findings if each.fix is not None and each.fix.applicability is not Applicability.SHOWN]
    run = [each for each in offered if each.verification and not each.verification.reason.startswith("nothing is run")]
    unproven = {each.span.filename: each.verification for each in run if each.verification.verdict not in PROVEN}
    assert unproven == {}
    assert len(run) >= 80


def test_no_fix_is_refuted(findings: list[Finding]) -> None:
    refuted = [each for each in findings if each.verification and each.verification.verdict is Verdict.REFUTED]
    assert refuted == []


def test_the_tutorial_gives_its_figures(findings: list[Finding]) -> None:
    tutorial = [each for each in findings if each.span.filename == "tutorial/cross_entropy.py"]
    before = {
        each.span.start.row: batch.before
        for each in tutorial
        if each.verification is not None
        for batch in each.verification.batches
        if batch.name == "literals"
    }
    assert [each.code for each in tutorial] == ["LL101", "LL101", "LL401"]
    assert before == {
        15: pytest.approx((0.56551915, 1.4743223), rel=1e-6),
        16: pytest.approx((0.87814206, 1.2141393), rel=1e-6),
        19: pytest.approx((0.02215516, 3.0996735), rel=2e-6),
    }
    for each in tutorial:
        assert each.verification is not None
        assert each.verification.verdict is Verdict.CONFIRMED
        literals = each.verification.batches[0]
        assert literals.after == pytest.approx((0.02215516, 3.0996735), rel=1e-6)
        assert literals.reference == pytest.approx((0.02215516, 3.0996735), rel=1e-6)


def test_each_fixture_is_run_by_its_own_framework(findings: list[Finding]) -> None:
    run = [each for each in findings if each.verification is not None and each.verification.framework]
    named = {each.verification.framework.split()[0] for each in run if each.verification is not None}
    assert named == {"TensorFlow", "PyTorch", "JAX"}
