"""An analysis that knows one thing: the word BAD is a misused loss. For tests of what lies around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import lintloss.analysis
import lintloss.confirm
import lintloss.proof
import lintloss.rulebook
from lintloss.analysis import Unparsed
from lintloss.analysis.tree import Tree
from lintloss.analysis.words import Asked
from lintloss.config import Settings
from lintloss.finding import (
    Applicability,
    Batch,
    CallVerdict,
    Edit,
    Finding,
    Fix,
    FlowStep,
    LossCall,
    Severity,
    Verdict,
    Verification,
)
from lintloss.proof import Claim
from lintloss.sources import Source

# What stands in the code -> what the fix makes of it, and how safe that is.
_REPAIRS = {
    "BAD": ("GOOD", Applicability.SAFE),
    "WORSE": ("BAD", Applicability.SAFE),
    "RISKY": ("GOOD", Applicability.UNSAFE),
    "BREAKS": ("(", Applicability.SAFE),
    "HARD": ("GOOD", Applicability.SHOWN),
    "FOREIGN": ("\u20ac", Applicability.SAFE),
}


@dataclass(frozen=True)
class FakeRule:
    code: str = "LL101"
    name: str = "a-bad-word"
    default_on: bool = True
    preview: bool = False
    severity: Severity = Severity.ERROR
    anchors: tuple[str, ...] = ("loss",)
    where: tuple[object, ...] = ()
    page: str = "# LL101: a bad word\n\nIt is bad."


RULES = {
    "LL101": FakeRule(),
    "LL102": FakeRule("LL102", "another-word"),
    "LL107": FakeRule("LL107", "a-quiet-word", default_on=False),
}


@dataclass(frozen=True)
class FakeAnalysis:
    source: Source
    unparsed: Unparsed | None = None
    exhausted: bool = False


class FakeAnalyser:
    def __init__(self, sources: Sequence[Source], settings: Settings, asked: Asked, parsed: object) -> None:
        self._filenames = {source.filename for source in sources}

        self.tree = Tree({}, Path.cwd())

    def may_hold_a_site(self, source: Source) -> bool:
        return True

    def analyse(self, source: Source) -> FakeAnalysis:
        assert source.filename in self._filenames
        try:
            ast.parse(source.text)
        except SyntaxError as error:
            return FakeAnalysis(source, Unparsed(source, error.msg, error.lineno or 1, error.offset or 1))
        return FakeAnalysis(source, exhausted="INTRICATE" in source.text)


def judge(analysis: FakeAnalysis, settings: Settings) -> tuple[list[Finding], list[LossCall]]:
    findings = [] if analysis.unparsed else list(_findings(analysis.source))
    calls = [
        LossCall(each.span, "a.loss", "logits", "softmax", "one_hot", CallVerdict.MISUSED, each.message, (each.code,))
        for each in findings
    ]
    return findings, calls


def _findings(source: Source) -> Iterator[Finding]:
    for match in re.finditer(r"\b[A-Z]+\b(?=\()", source.text):
        if match[0] not in _REPAIRS:
            continue
        row = source.text.count("\n", 0, match.start()) + 1
        column = match.start() - source.row_starts[row - 1] + 1
        span = source.span(row, column, row, column + len(match[0]))
        content, applicability = _REPAIRS[match[0]]
        fix = Fix(applicability, f"Write {content}", (Edit(span, content),))
        flow = (FlowStep(span, "here it became bad"),)
        yield Finding("LL101", "a-bad-word", Severity.ERROR, f"`{match[0]}` is bad", span, fix, flow)


def claims(findings: Sequence[Finding], *rest: object, **options: object) -> Iterator[Claim]:
    return (Claim(finding) for finding in findings)


def prove(claims: Sequence[Claim], settings: Settings) -> list[Finding]:
    return [replace(each.finding, verification=_verification(each.finding)) for each in claims]


def _verification(finding: Finding) -> Verification:
    verdict = Verdict.UNDECIDED if "WORSE" in finding.message else Verdict.CONFIRMED
    batches = (
        Batch("literals", (0.5655191540718079, 1.4743223190307617), (0.022155162,), (0.022155162,)),
        Batch("extreme", (float("inf"), float("nan")), "InvalidArgumentError: no", (0.0,) * 6),
    )
    return Verification(verdict, "differs on the literals", "TensorFlow 2.21.0", batches)


def install(patch: pytest.MonkeyPatch) -> None:
    """Put the fake in the place of analysis, rulebook and runtime checker."""
    patch.setattr(lintloss.analysis, "Analyser", FakeAnalyser)
    patch.setattr(lintloss.rulebook, "judge", judge)
    patch.setattr(lintloss.rulebook, "load_rules", lambda settings: RULES)
    patch.setattr(lintloss.confirm, "available", lambda: True)
    patch.setattr(lintloss.proof, "claims", claims)
    patch.setattr(lintloss.proof, "prove", prove)
