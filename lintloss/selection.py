"""Which rules run, and with which severity, in which files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from lintloss.config import Settings
from lintloss.errors import UsageError, did_you_mean
from lintloss.finding import Finding, Severity
from lintloss.patterns import Patterns

UNREADABLE = "LL001"
BUILT_IN = ("LL001", "LL002")
ALL = "ALL"  # the selector that names every rule
_CHOOSING = ("select", "extend-select")


class Selectable(Protocol):
    """What selection has to know of a rule."""

    @property
    def default_on(self) -> bool: ...
    @property
    def preview(self) -> bool: ...


def selected(rules: Mapping[str, Selectable], settings: Settings) -> frozenset[str]:
    """Return the codes of the rules that `settings` let run.

    Of two selectors the longer wins, so `select = ["LL1"]` with `ignore = ["LL101"]` runs all of
    LL1 but LL101; of two equal ones `ignore` wins. Preview rules run under `preview` only.

    Raises:
        UsageError: see `refuse_unknown`.
    """
    refuse_unknown(rules, settings)
    known = dict.fromkeys((*BUILT_IN, *rules))
    return frozenset(code for code in known if _runs(code, rules.get(code), settings))


def refuse_unknown(
    rules: Mapping[str, Selectable], settings: Settings, place: Callable[[str], str] = lambda key: f"`{key}`"
) -> None:
    """Check that all selectors in `settings` name rules; `place` says where a setting was made.

    Raises:
        UsageError: a selector names no rule, or selects a preview rule that cannot run.
    """
    for key, selectors in _selectors(settings):
        for selector in selectors:
            problem = _unknown(selector, rules)
            if key in _CHOOSING and problem is None:
                problem = _not_yet(selector, rules, settings)
            if problem is not None:
                raise UsageError(f"{place(key)}: {problem}")


def _unknown(selector: str, rules: Mapping[str, Selectable]) -> str | None:
    known = [*dict.fromkeys((*BUILT_IN, *rules))]
    if selector and any(_names(selector, code) for code in known):
        return None
    return f"unknown rule code `{selector}`{did_you_mean(selector.upper(), known)}"


def _not_yet(selector: str, rules: Mapping[str, Selectable], settings: Settings) -> str | None:
    if selector not in rules or not rules[selector].preview or settings.preview:
        return None
    return f"{selector} is a preview rule; it runs under `preview = true`"


def with_severities(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Return findings with the severities that a person set for their rules; the longest selector wins."""
    return [_with_severity(finding, settings.severities) for finding in findings]


def _with_severity(finding: Finding, severities: Mapping[str, str]) -> Finding:
    fitting = [selector for selector in severities if _names(selector, finding.code)]
    if not fitting:
        return finding
    nearest = max(fitting, key=lambda selector: _precision(finding.code, (selector,)))
    return replace(finding, severity=Severity(severities[nearest]))


def without_ignored(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Leave out what `per-file-ignores` names.

    Raises:
        UsageError: a pattern there is none.
    """
    ignores = [
        (Patterns([pattern], settings.root), selectors) for pattern, selectors in settings.per_file_ignores.items()
    ]
    return [
        finding
        for finding in findings
        if not any(
            _precision(finding.code, selectors) >= 0 and patterns.match(Path(finding.span.filename).resolve())
            for patterns, selectors in ignores
        )
    ]


def _selectors(settings: Settings) -> list[tuple[str, Collection[str]]]:
    """The settings that hold selectors, by their names in a settings file."""
    of_files = [selector for codes in settings.per_file_ignores.values() for selector in codes]
    return [
        ("select", settings.select),
        ("extend-select", settings.extend_select),
        ("ignore", settings.ignore),
        ("severities", settings.severities),
        ("per-file-ignores", of_files),
    ]


def _runs(code: str, rule: Selectable | None, settings: Settings) -> bool:
    if rule is not None and rule.preview and not settings.preview:
        return False
    on_by_default = not settings.select and (rule is None or rule.default_on)
    chosen = _precision(code, (*settings.select, *settings.extend_select))
    strongest = max(0 if on_by_default else -1, chosen)
    return strongest > _precision(code, settings.ignore)


def _precision(code: str, selectors: Collection[str]) -> int:
    """Return the length of the longest selector that names `code`, -1 if none does; ALL is the shortest."""
    lengths = (0 if each == ALL else len(each) for each in selectors if _names(each, code))
    return max(lengths, default=-1)


def _names(selector: str, code: str) -> bool:
    return selector == ALL or code.startswith(selector)
