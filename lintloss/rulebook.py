"""Judges what the analysis found by the rule pages: findings, and one record per loss call.

A loss call in one context has alternatives: sites whose guards contradict each other, and for each site those of
its prediction and of its labels. Each combination that can occur is a `Case`. A rule that holds in all cases is a
finding, one that holds in some leaves the call undecided. Contexts of the same call are joined at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol

from lintloss.analysis import apis
from lintloss.analysis.apis import ApiBook
from lintloss.analysis.facts import Alternative, Facts
from lintloss.analysis.sites import Site, Unjudged
from lintloss.analysis.terms import Guard, Term
from lintloss.analysis.words import Asked
from lintloss.config import Settings
from lintloss.finding import CallVerdict, Finding, Fix, FlowStep, LossCall, Severity, Span
from lintloss.pages import Rule, load_rules
from lintloss.selection import selected
from lintloss.vocabulary import Answer, Case
from lintloss.wording import placeholders, reason_for, worded

__all__ = ["Rule", "asked", "judge", "load_rules"]

Guards = Mapping[str, Guard]


class Evaluator(Protocol):
    """Gives the facts of terms."""

    def of(self, term: Term) -> tuple[Alternative, ...]: ...


class Analysis(Protocol):
    """What the analysis hands over."""

    @property
    def sites(self) -> Sequence[Site]: ...
    @property
    def facts(self) -> Evaluator: ...
    @property
    def unjudged(self) -> Sequence[Unjudged]: ...


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the rules say of one case: those that hold, and why one that matters could not be answered."""

    case: Case
    guards: Guards
    held: tuple[Rule, ...]
    doubt: str | None


@dataclass(frozen=True, eq=False)
class Judgement:
    """What holds of a call in one context; `site` is the first of its ways."""

    site: Site
    outcomes: tuple[Outcome, ...]
    verdict: CallVerdict
    reason: str
    certain: tuple[Rule, ...] = ()

    def cases_of(self, rule: Rule) -> list[Case]:
        return [outcome.case for outcome in self.outcomes if rule in outcome.held]


def judge(analysis: Analysis, settings: Settings) -> tuple[list[Finding], list[LossCall]]:
    """Findings and loss calls of one analysis, in the order of their places."""
    running = running_rules(settings)
    book = apis.load(settings)
    contexts = _contexts(analysis.sites)
    judgements = [_judge(context, analysis.facts, running, book, settings.backend) for context in contexts]
    groups = [_without_trials(_without_inference(group)) for group in _by_call(judgements)]
    findings = [finding for group in groups for finding in _findings(group, book)]
    calls = [_loss_call(group) for group in groups if group[0].site.anchor == "loss"]
    calls += [_unjudged_call(each) for each in analysis.unjudged]
    return _merged(findings, judgements), sorted(calls, key=lambda call: call.sort_key)


def running_rules(settings: Settings) -> list[Rule]:
    """The rules that the settings let run, by code."""
    rules = load_rules(settings)
    return [rules[code] for code in sorted(selected(rules, settings)) if code in rules]


def asked(settings: Settings) -> Asked:
    """What of a program the running rules can speak of: the rest need not be looked for."""
    rules = running_rules(settings)
    families = [clause.families for rule in rules if "metric" in rule.anchors for clause in rule.where]
    every = None if None in families else frozenset[str]().union(*(each for each in families if each is not None))
    return Asked(metrics=every, activations=any("activation" in rule.anchors for rule in rules))


# One call in one context


def _contexts(sites: Iterable[Site]) -> list[list[Site]]:
    """Sites together that are the ways of one call in one context: no two of them can happen at once."""
    contexts: dict[tuple[object, ...], list[list[Site]]] = {}
    for site in sites:
        callers = tuple(caller.span for caller in site.callers)
        known = contexts.setdefault((site.anchor, site.origin.span, callers), [])
        for ways in known:
            if all(_joined((*way.guards, *site.guards)) is None for way in ways):
                ways.append(site)
                break
        else:
            known.append([site])
    return [ways for known in contexts.values() for ways in known]


def _judge(ways: Sequence[Site], facts: Evaluator, rules: Iterable[Rule], book: ApiBook, backend: str) -> Judgement:
    applicable = [rule for rule in rules if ways[0].anchor in rule.anchors]
    outcomes = tuple(
        _outcome(case, guards, applicable) for site in ways for case, guards in _cases(site, facts, book, backend)
    )
    outcomes = _in_training(outcomes)
    certain = _certain(outcomes)
    verdict, reason = _verdict(any(site.is_open for site in ways), outcomes, certain)
    return Judgement(ways[0], outcomes, verdict, reason, certain)


def _in_training(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """The outcomes while modules are in training mode, as they are until they are told otherwise, if these are right.

    What inference adds (`if not self.training: x = softmax(x)`) does not make the training wrong.
    """
    trained = tuple(
        outcome
        for outcome in outcomes
        if all(guard.holds or not guard.condition.is_of_training for guard in outcome.guards.values())
    )
    is_right = not any(outcome.held or outcome.doubt for outcome in trained)
    return trained if trained and is_right else outcomes


def _cases(site: Site, facts: Evaluator, book: ApiBook, backend: str) -> Iterator[tuple[Case, Guards]]:
    """The pairs of prediction and labels that can occur together."""
    labels: tuple[Alternative | None, ...] = facts.of(site.labels) if site.labels is not None else (None,)
    for prediction, label in product(facts.of(site.prediction), labels):
        guards = _joined((*site.guards, *prediction.guards, *(label.guards if label else ())))
        if guards is not None:
            yield Case(site, site.entry, prediction.facts, label.facts if label else None, book, backend), guards


def _joined(guards: Iterable[Guard]) -> Guards | None:
    """The guards by condition; None if one would have to hold both ways."""
    joined: dict[str, Guard] = {}
    for guard in guards:
        if joined.setdefault(guard.condition.key, guard).holds != guard.holds:
            return None
    return joined


def _outcome(case: Case, guards: Guards, rules: Iterable[Rule]) -> Outcome:
    held, doubt = [], None
    for rule in rules:
        answers = [clause.ask(case) for clause in rule.where]
        if any(answer.holds for answer in answers):
            held.append(rule)
        else:
            doubt = doubt or _doubt(rule, answers, case)
    codes = {rule.code for rule in held}
    return Outcome(case, guards, tuple(rule for rule in held if not rule.yields_to & codes), doubt)


def _doubt(rule: Rule, answers: Iterable[Answer], case: Case) -> str | None:
    """Why the rule could not be answered, if all that is lacking are facts that its answer needs."""
    for answer in answers:
        if answer.holds is None and answer.lacks <= rule.needs:
            return reason_for(min(answer.lacks, key=_prediction_first), case)
    return None


def _prediction_first(subject: str) -> tuple[bool, str]:
    return (not subject.startswith("prediction."), subject)


def _certain(outcomes: Sequence[Outcome]) -> tuple[Rule, ...]:
    """The rules that hold in all cases; where each case breaks some error's rule, all of these."""
    held = {rule.code: rule for outcome in outcomes for rule in outcome.held}
    if outcomes and all(any(_is_error(rule, outcome) for rule in outcome.held) for outcome in outcomes):
        return tuple(held.values())
    return tuple(rule for rule in held.values() if all(rule in outcome.held for outcome in outcomes))


def _is_error(rule: Rule, outcome: Outcome) -> bool:
    return rule.severity_for(outcome.case) is Severity.ERROR


def _verdict(is_open: bool, outcomes: Sequence[Outcome], certain: Sequence[Rule]) -> tuple[CallVerdict, str]:
    if certain:
        return CallVerdict.MISUSED, ", ".join(rule.code for rule in certain)
    undecided = CallVerdict.OPEN if is_open else CallVerdict.UNDECIDED
    if any(outcome.held for outcome in outcomes):
        return undecided, _dependence(outcomes)
    doubt = next((outcome.doubt for outcome in outcomes if outcome.doubt), None)
    if doubt is None:
        return CallVerdict.FINE, ""
    return undecided, doubt


def _dependence(outcomes: Sequence[Outcome]) -> str:
    """Which condition decides, and what is wrong on which side of it."""
    wrong = [outcome for outcome in outcomes if outcome.held]
    right = [outcome for outcome in outcomes if not outcome.held]
    codes = ", ".join(sorted({rule.code for outcome in wrong for rule in outcome.held}))
    for guard in (guard for outcome in wrong for guard in outcome.guards.values()):
        others = (outcome.guards.get(guard.condition.key) for outcome in right)
        if any(other is not None and other.holds != guard.holds for other in others):
            return f"{codes} {'if' if guard.holds else 'unless'} `{guard.condition.text}`"
    return f"{codes} on some paths only"


# Contexts joined


def _by_call(judgements: Iterable[Judgement]) -> list[list[Judgement]]:
    """The contexts of each call together, in the order of the calls' places."""
    groups: dict[tuple[Span, str, str, str], list[Judgement]] = {}
    for judgement in judgements:
        site = judgement.site
        key = (site.origin.span, site.anchor, site.entry.name, site.spelled or "")
        groups.setdefault(key, []).append(judgement)
    return [groups[key] for key in sorted(groups)]


def _without_inference(group: list[Judgement]) -> list[Judgement]:
    """The contexts, without those that only add inference's activation to what another context trains on rightly.

    `if not training: x = softmax(x)` gives the loss logits in training; that a script also prints the loss of
    the other mode does not make the training wrong.
    """
    trained = {
        _place(outcome.case.site.prediction)
        for judgement in group
        if judgement.verdict is CallVerdict.FINE
        for outcome in judgement.outcomes
        if outcome.case.prediction.pre is None  # an activation's output stands where its input does
    }
    kept = [
        judgement
        for judgement in group
        if judgement.verdict is not CallVerdict.MISUSED or not _is_added(judgement, trained)
    ]
    return kept or group


def _is_added(judgement: Judgement, trained: set[Span | None]) -> bool:
    inputs = [outcome.case.prediction.pre for outcome in judgement.outcomes]
    return all(pre is not None and _place(pre) is not None and _place(pre) in trained for pre in inputs)


def _without_trials(group: list[Judgement]) -> list[Judgement]:
    """The contexts, without those that only made-up labels make wrong, if others train on data rightly.

    A call with random numbers shows that the loss gives a value.
    """
    trained = [each for each in group if each.verdict is CallVerdict.FINE and not _has_made_up_labels(each)]
    return [each for each in group if not trained or not _is_trial(each)]


def _is_trial(judgement: Judgement) -> bool:
    is_of_labels = all(rule.speaks_of_labels for rule in judgement.certain)
    return judgement.verdict is CallVerdict.MISUSED and is_of_labels and _has_made_up_labels(judgement)


def _has_made_up_labels(judgement: Judgement) -> bool:
    return all(outcome.case.labels is not None and outcome.case.labels.role == "made" for outcome in judgement.outcomes)


def _place(term: Term) -> Span | None:
    return term.origin.span if term.origin is not None else None


_WEIGHT = [CallVerdict.MISUSED, CallVerdict.UNDECIDED, CallVerdict.FINE, CallVerdict.OPEN]


def _loss_call(group: Sequence[Judgement]) -> LossCall:
    chosen = min(group, key=lambda judgement: _WEIGHT.index(judgement.verdict))
    cases = [outcome.case for judgement in group for outcome in judgement.outcomes]
    words = [placeholders(case) for case in cases]
    return LossCall(
        span=chosen.site.origin.span,
        loss=chosen.site.name,
        takes=_alternatives(each["takes"] for each in words),
        gets=_alternatives(each["gets"] for each in words),
        labels=_alternatives(each["labels"] for each in words),
        verdict=chosen.verdict,
        reason=chosen.reason,
        codes=tuple(sorted({rule.code for judgement in group for rule in judgement.certain})),
    )


def _unjudged_call(each: Unjudged) -> LossCall:
    verdict = CallVerdict.OPEN if each.is_open else CallVerdict.UNDECIDED
    return LossCall(each.span, each.loss, "", "", "", verdict, each.reason)


def _alternatives(words: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(words))


def _findings(group: Sequence[Judgement], book: ApiBook) -> Iterator[Finding]:
    """One finding per rule that certainly holds in some context."""
    rules = {rule.code: rule for judgement in group for rule in judgement.certain}
    for rule in rules.values():
        judgement = next(judgement for judgement in group if rule in judgement.certain)
        case = min(judgement.cases_of(rule), key=lambda case: rule.severity_for(case) is Severity.ERROR)
        yield Finding(
            code=rule.code,
            name=rule.name,
            severity=rule.severity_for(case),
            message=_message(rule, case),
            span=case.site.origin.span,
            fix=_fix(rule, case, book) if _is_fixable(rule, group) else None,
            flow=tuple(_flow(rule, case)),
        )


def _message(rule: Rule, case: Case) -> str:
    """The page's message; where the code belies a comment that states a fact, it says so."""
    message = worded(rule.message_for(case), case)
    belied = {facts.contradicts for facts in (case.prediction, case.labels) if facts is not None and facts.contradicts}
    return "; ".join([message, *(f"a comment states {fact}, the code says otherwise" for fact in sorted(belied))])


def _is_fixable(rule: Rule, group: Sequence[Judgement]) -> bool:
    """One repair is right for every context and every path."""
    if any(len(judgement.cases_of(rule)) != len(judgement.outcomes) for judgement in group):
        return False
    cases = [case for judgement in group for case in judgement.cases_of(rule)]
    return len({_repair_key(case) for case in cases}) == 1


def _repair_key(case: Case) -> tuple[object, ...]:
    labels = case.labels.encoding if case.labels else None
    return (case.prediction.activation, _applied(case), labels)


def _applied(case: Case) -> Span | None:
    return case.prediction.applied.span if case.prediction.applied else None


def _fix(rule: Rule, case: Case, book: ApiBook) -> Fix | None:
    from lintloss.fixes import propose  # fixes stand above the rules: only this call reaches up

    applicable = tuple(option for option in rule.fixes if option.when.ask(case).holds)
    if not applicable:
        return None
    fix: Fix | None = propose(replace(rule, fixes=applicable), case.site, case.prediction, case.labels, book)
    return fix


def _flow(rule: Rule, case: Case) -> Iterator[FlowStep]:
    """The callers, outermost first, what happened to the values on their way, and the site itself."""
    for caller in case.site.callers:
        yield FlowStep(caller.span, "called here")
    values: list[Facts] = [case.prediction]
    if rule.speaks_of_labels and case.labels is not None:
        values.append(case.labels)
    seen: set[tuple[Span, str]] = set()
    for step in (step for facts in values for step in facts.steps):
        key = (step.origin.span, step.message)
        if key not in seen:
            seen.add(key)
            yield FlowStep(*key)
    if case.site.anchor != "activation":
        yield FlowStep(case.site.origin.span, f"passed to the {case.site.anchor} here")


def _merged(findings: Iterable[Finding], judgements: Iterable[Judgement]) -> list[Finding]:
    """Each mistake once: several outputs of one call, and an activation whose loss is reported already."""
    told = {
        (rule.code, _applied(case))
        for judgement in judgements
        if judgement.site.model is not None
        for rule in judgement.certain
        for case in judgement.cases_of(rule)
    }
    activations = {judgement.site.origin.span for judgement in judgements if judgement.site.anchor == "activation"}
    findings = list(findings)
    at_activations = {(finding.code, finding.span) for finding in findings if finding.span in activations} - told
    repeated = {
        (rule.code, judgement.site.origin.span)
        for judgement in judgements
        if judgement.site.anchor == "loss" and judgement.site.model is None
        for rule in judgement.certain
        if all((rule.code, _applied(case)) in at_activations for case in judgement.cases_of(rule))
    }
    kept: dict[tuple[str, Span], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.span)
        if key in repeated or (finding.span in activations and key in told):
            continue
        kept.setdefault((finding.code, finding.span), finding)
    return sorted(kept.values(), key=lambda finding: finding.sort_key)
