"""Proof of findings: each loss call and its repaired form, read from the rewritten file, are run and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from lintloss.config import Settings
from lintloss.finding import Applicability, Edit, Finding, Fix, Span, Verdict, Verification
from lintloss.sources import Source, Unreadable

if TYPE_CHECKING:
    from lintloss.analysis import Analysis
    from lintloss.analysis.facts import Facts
    from lintloss.analysis.sites import Site
    from lintloss.analysis.terms import Term
    from lintloss.confirm import Request
    from lintloss.pages import Rule
    from lintloss.vocabulary import Case

_DEEPEST = 2  # findings that a fix uncovers, and those that their fixes do
_LOST = "the rewritten loss call was not found again"
_NOTHING_TO_RUN = {
    "metric": "nothing is run: metrics are not, only losses",
    "activation": "nothing is run: no loss is given what this activation makes",
}


@dataclass(frozen=True, eq=False)
class Claim:
    """A finding, and what has to be run to prove it.

    `request` is None where there is nothing to run, for the reason `idle` (None: there never is, as for a comment).
    `uncovered` are the claims of findings that were not there before and are in the files as the fix leaves them.
    """

    finding: Finding
    request: Request | None = None
    idle: str | None = None
    uncovered: tuple[Claim, ...] = ()

    def requests(self) -> Iterator[Request]:
        """What has to be run for this finding, and then for those that its fix uncovers."""
        if self.request is not None:
            yield self.request
        for each in self.uncovered:
            yield from each.requests()


@dataclass(frozen=True, eq=False)
class Rewritten:
    """What a fix leaves: the same loss call, None if it was not found again, and what is found there only then."""

    site: Site | None = None
    uncovered: tuple[Claim, ...] = ()


def claims(
    findings: Sequence[Finding],
    sources: Sequence[Source],
    analysis: Analysis,
    settings: Settings,
    *,
    evidence: bool = False,
    depth: int = _DEEPEST,
) -> Iterator[Claim]:
    """Make the claims of one source's findings while its analysis is at hand.

    `evidence` asks for what the misuse costs, too. What a fix uncovers is claimed as well, `depth` times over.
    """
    from lintloss.pages import load_rules
    from lintloss.rulebook import judge

    by_name = {source.filename: source for source in sources}
    rules = load_rules(settings)
    known = judge(analysis, settings)[0] if any(finding.fix for finding in findings) else []
    for finding in findings:
        rule = rules.get(finding.code)
        case = _case(finding, rule, analysis, settings) if rule else None
        left = _rewritten(finding, case, by_name, analysis, known, settings, depth) if finding.fix else Rewritten()
        intent = rule.intent_for(case) if rule and case else None
        if rule is None or case is None or intent is None:
            yield Claim(finding, None, _idle(finding, rule, case), left.uncovered)
        else:
            request = _request(rule, case, intent, left.site, analysis)
            yield Claim(finding, replace(request, with_evidence=evidence), None, left.uncovered)


def prove(claims: Sequence[Claim], settings: Settings) -> list[Finding]:
    """Return the claims' findings with their verification.

    A fix that is refuted is withheld; one that uncovers a finding without a proven fix is shown only.
    """
    from lintloss import confirm
    from lintloss.analysis import apis

    requests = [request for each in claims for request in each.requests()]
    answers = iter(confirm.verify(requests, apis.load(settings)))
    return [_answered(each, answers) for each in claims]


def _answered(proved: Claim, answers: Iterator[Verification]) -> Finding:
    """The finding with its own answer, the first one, and with what is left where the next ones are those of others."""
    finding, answer = proved.finding, None if proved.request is None else next(answers)
    uncovered = [_answered(each, answers) for each in proved.uncovered]
    if answer is None:
        answer = Verification(Verdict.UNDECIDED, proved.idle, "") if proved.idle else None
    elif finding.fix is not None and proved.request is not None and proved.request.after is None:
        answer = replace(answer, verdict=Verdict.UNDECIDED, reason=_LOST)
    fix = None if answer is not None and answer.verdict is Verdict.REFUTED else finding.fix
    return replace(finding, fix=reduce(_uncovering, uncovered, fix) if fix else None, verification=answer)


def _uncovering(fix: Fix, other: Finding) -> Fix:
    """A fix as safe as that of what it uncovers; for a person to choose where that has none that is proven."""
    proven = other.verification is not None and other.verification.verdict in (Verdict.CONFIRMED, Verdict.EQUIVALENT)
    if other.fix is None or other.fix.applicability is Applicability.SHOWN or not proven:
        message = f"{fix.message}; not offered: it would uncover {other.code} ({other.message})"
        return replace(fix, applicability=Applicability.SHOWN, message=message)
    weaker = max(fix.applicability, other.fix.applicability, key=[*Applicability].index)
    return replace(fix, applicability=weaker, message=f"{fix.message}; then {other.code}: {other.fix.message}")


def _idle(finding: Finding, rule: Rule | None, case: Case | None) -> str | None:
    """Why there is nothing to run; None for findings that are about no loss at all."""
    if rule is None or "file" in rule.anchors:
        return None
    if case is None:
        return "nothing is run: the loss call was not found again"
    if case.site.anchor in _NOTHING_TO_RUN:
        return _NOTHING_TO_RUN[case.site.anchor]
    if rule.means_own(case):
        return f"nothing is run: there is no reference for {case.entry.name}"
    return f"nothing is run: what {finding.code} finds has no single repair to compare with"


def _request(rule: Rule, case: Case, intent: str, after: Site | None, analysis: Analysis) -> Request:
    from lintloss.confirm import Request

    facts, labels, given = case.prediction, case.labels, case.site.labels
    # A loss of any values means the prediction as it is; others mean the logits behind it.
    is_plain = case.entry["input"] == "any" and rule.means_own(case)
    pre = case.site.prediction if is_plain else _innermost(facts, analysis)
    if labels is not None and any(option.verb == "swap-arguments" for option in rule.fixes):
        # What stands in the labels' place is meant as the prediction, and the reverse.
        facts, labels, given = labels, facts, case.site.prediction
        pre = _innermost(facts, analysis) or case.site.labels
    of_pre = analysis.facts.single(pre) if pre is not None and not is_plain else facts
    return Request(
        before=case.site,
        after=after,
        intent=intent,
        pre=pre,
        activation=_assumed(facts, case) if pre is None else None,
        labels=given,
        encoding=labels.encoding if labels else "unknown",
        labels_rank=len(labels.shape) if labels is not None and labels.shape is not None else None,
        shape=of_pre.shape or facts.shape,
        classes=facts.units or (labels.classes if labels else None),
        dtype=of_pre.dtype or facts.dtype,
        era=analysis.facts.era,
        policy=analysis.facts.policy,
        written_in=_framework_of(case) if case.site.formula is not None else None,
    )


def _framework_of(case: Case) -> str | None:
    """The framework whose operations a written-out loss is made of: that of the activation in it."""
    from lintloss.analysis.terms import within

    for term in within(case.site.prediction, 2000):
        bound = case.book.bind(term)
        if bound is not None and bound.entry.framework not in ("python", "numpy", "scipy"):
            return bound.entry.framework
    return None


def _innermost(facts: Facts, analysis: Analysis) -> Term | None:
    """What went into the first of several equal activations, applied one on another: the logits."""
    pre = facts.pre
    while pre is not None:
        inner = analysis.facts.single(pre)
        if inner.pre is None or inner.activation != facts.activation.removeprefix("log_"):
            break
        pre = inner.pre
    return pre


def _assumed(facts: Facts, case: Case) -> str | None:
    """What a prediction of which nothing is known is taken for, where the loss takes probabilities."""
    if facts.activation != "unknown" or case.entry["input"] != "probabilities":
        return None
    return "softmax" if "softmax" in str(case.entry["family"]) else "sigmoid"


def _case(finding: Finding, rule: Rule, analysis: Analysis, settings: Settings) -> Case | None:
    """Return the case of the finding's site for which the rule holds."""
    for site in analysis.sites:
        if site.anchor in rule.anchors and site.origin.span == finding.span:
            for case in _cases(site, analysis, settings):
                if any(clause.ask(case).holds for clause in rule.where):
                    return case
    return None


def _cases(site: Site, analysis: Analysis, settings: Settings) -> Iterator[Case]:
    from lintloss.vocabulary import Case

    labels = [each.facts for each in analysis.facts.of(site.labels)] if site.labels is not None else [None]
    for prediction in analysis.facts.of(site.prediction):
        for facts in labels:
            yield Case(site, site.entry, prediction.facts, facts, analysis.book, settings.backend)


def _rewritten(
    finding: Finding,
    case: Case | None,
    sources: Mapping[str, Source],
    analysis: Analysis,
    known: Sequence[Finding],
    settings: Settings,
    depth: int,
) -> Rewritten:
    """Make the fix, read the file again, and find the same loss call in it, and what is not among the `known`."""
    from lintloss.analysis import Analyser
    from lintloss.rulebook import judge

    assert finding.fix is not None
    edited = _edited(finding.fix, sources)
    name = finding.span.filename
    if edited is None or name not in sources:
        return Rewritten()
    present = {**sources, **edited}
    again = Analyser([*present.values()], settings).analyse(present[name])
    expected = {_key(each, sources[name], finding.fix.edits) for each in known}
    found = [each for each in judge(again, settings)[0] if _key(each, present[name], ()) not in expected]
    bare = found if depth else [replace(each, fix=None) for each in found]
    uncovered = claims(bare, [*present.values()], again, settings, depth=depth - 1)
    site = _same_call(finding, case.site, sources[name], analysis, present[name], again) if case else None
    return Rewritten(site, tuple(uncovered))


def _key(finding: Finding, source: Source, edits: Sequence[Edit]) -> tuple[str, int]:
    """A finding's code, and where it is in its source's text once that is edited."""
    return finding.code, moved(source, edits, finding.span)[0]


def _same_call(
    finding: Finding, site: Site, source: Source, analysis: Analysis, edited: Source, again: Analysis
) -> Site | None:
    """The loss call of a finding in the file as its fix leaves it.

    One call may be several sites: one for each output of a model, or for each way of reaching it. They are told apart
    by how many calls lead there, and by their order.
    """
    assert finding.fix is not None
    start, end = moved(source, finding.fix.edits, finding.span)
    found = {
        each: edited.stretch(each.origin.span)[0]
        for each in again.sites
        if _way(each) == _way(site) and each.origin.span.filename == source.filename
    }
    inside = [each for each, place in found.items() if start <= place < end]
    first = [each for each in inside if found[each] == min(found[other] for other in inside)]
    here = [each for each in analysis.sites if _way(each) == _way(site) and each.origin.span == finding.span]
    if not first:
        return None
    return first[here.index(site)] if len(first) == len(here) else first[0]


def _way(site: Site) -> tuple[str, int]:
    return site.anchor, len(site.callers)


def _edited(fix: Fix, sources: Mapping[str, Source]) -> dict[str, Source] | None:
    """Return the sources that a fix touches as it leaves them, None if it cannot be made."""
    names = dict.fromkeys(edit.span.filename for edit in fix.edits)
    try:
        # A flow may lead into files that were only imported.
        known = {name: sources.get(name) or Source.read(Path(name), name) for name in names}
        return {
            name: source.with_edits([edit for edit in fix.edits if edit.span.filename == name])
            for name, source in known.items()
        }
    except (UnicodeEncodeError, Unreadable):
        return None


def moved(source: Source, edits: Sequence[Edit], span: Span) -> tuple[int, int]:
    """Return where in the rewritten text a span of `source` begins and ends.

    Where an edit replaces the span's beginning, the rewritten span begins with the edit.
    """
    start, end = source.stretch(span)
    changes = [
        (*source.stretch(edit.span), len(edit.content)) for edit in edits if edit.span.filename == source.filename
    ]
    start = min([start, *(first for first, last, _ in changes if first <= start < last)])
    before = sum(size - (last - first) for first, last, size in changes if last <= start)
    through = sum(size - (last - first) for first, last, size in changes if first <= end)
    return start + before, end + through
