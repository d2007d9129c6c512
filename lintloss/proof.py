"""Proof of findings: each loss call and its repaired form, read from the rewritten file, are run and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lintloss.config import Settings
from lintloss.finding import Edit, Finding, Fix, Span, Verdict, Verification
from lintloss.sources import Source, Unreadable

if TYPE_CHECKING:
    from lintloss.analysis import Analysis
    from lintloss.analysis.facts import Facts
    from lintloss.analysis.sites import Site
    from lintloss.analysis.terms import Term
    from lintloss.confirm import Request
    from lintloss.pages import Rule
    from lintloss.vocabulary import Case

_LOST = "the rewritten loss call was not found again"


@dataclass(frozen=True, eq=False)
class Claim:
    """A finding, and what has to be run to prove it; `request` is None where its rule has nothing to run."""

    finding: Finding
    request: Request | None


def claim(
    finding: Finding, sources: Sequence[Source], analysis: Analysis, settings: Settings, *, evidence: bool = False
) -> Claim:
    """Make a finding's claim while its analysis is at hand; `evidence` asks for what the misuse costs, too."""
    from lintloss.pages import load_rules

    by_name = {source.filename: source for source in sources}
    rule = load_rules(settings).get(finding.code)
    request = _request(finding, rule, by_name, analysis, settings)
    return Claim(finding, request and replace(request, with_evidence=evidence))


def prove(claims: Sequence[Claim], settings: Settings) -> list[Finding]:
    """Return the claims' findings with their verification; a fix that is refuted is withheld."""
    from lintloss import confirm
    from lintloss.analysis import apis

    requests = [each.request for each in claims if each.request is not None]
    answers = iter(confirm.verify(requests, apis.load(settings)))
    return [each.finding if each.request is None else _with_answer(each, next(answers)) for each in claims]


def _with_answer(proved: Claim, answer: Verification) -> Finding:
    finding = proved.finding
    if finding.fix is not None and proved.request is not None and proved.request.after is None:
        answer = replace(answer, verdict=Verdict.UNDECIDED, reason=_LOST)
    fix = None if answer.verdict is Verdict.REFUTED else finding.fix
    return replace(finding, fix=fix, verification=answer)


def _request(
    finding: Finding,
    rule: Rule | None,
    sources: Mapping[str, Source],
    analysis: Analysis,
    settings: Settings,
) -> Request | None:
    from lintloss.confirm import Request

    case = _case(finding, rule, analysis, settings) if rule else None
    intent = rule.intent_for(case) if rule and case else None
    if rule is None or case is None or intent is None:
        return None
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
        after=_rewritten(finding, case, sources, analysis, settings) if finding.fix else None,
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
    pending, seen = [case.site.prediction], set[int]()
    while pending and len(seen) < 2000:
        term = pending.pop()
        if id(term) in seen:
            continue
        seen.add(id(term))
        bound = case.book.bind(term)
        if bound is not None and bound.entry.framework not in ("python", "numpy", "scipy"):
            return bound.entry.framework
        pending.extend(term.parts())
    return None


def _innermost(facts: Facts, analysis: Analysis) -> Term | None:
    """What went into the first of several equal activations, applied one on another: the logits."""
    pre = facts.pre
    while pre is not None:
        inner = analysis.facts.single(pre)
        if inner.pre is None or inner.activation != facts.activation:
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
    finding: Finding, case: Case, sources: Mapping[str, Source], analysis: Analysis, settings: Settings
) -> Site | None:
    """Make the fix, read the files again and return the same loss call in them.

    One call may be several sites: one for each output of a model, or for each way of reaching it. They are told apart
    by their order.
    """
    from lintloss.analysis import Analyser

    assert finding.fix is not None
    edited = _edited(finding.fix, sources)
    if edited is None:
        return None
    present = {**sources, **edited}
    name = finding.span.filename
    if name not in present:
        return None
    again = Analyser([*present.values()], settings).analyse(present[name])
    start, end = moved(sources[name], finding.fix.edits, finding.span)
    found = {
        site: present[name].stretch(site.origin.span)[0]
        for site in again.sites
        if site.anchor == case.site.anchor and site.origin.span.filename == name
    }
    inside = [site for site, place in found.items() if start <= place < end]
    first = [site for site in inside if found[site] == min(found[each] for each in inside)]
    here = [site for site in analysis.sites if site.anchor == case.site.anchor and site.origin.span == finding.span]
    if not first:
        return None
    return first[here.index(case.site)] if len(first) == len(here) else first[0]


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
