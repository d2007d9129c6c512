"""Which rules run, and with which severity, in which files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from pathspec import GitIgnoreSpec

from lintloss.config import Settings
from lintloss.errors import UsageError
from lintloss.finding import Finding, Severity

UNREADABLE = "LL001"
BUILT_IN = ("LL001", "LL002")


class Selectable(Protocol):
    """What selection has to know of a rule."""

    @property
    def default_on(self) -> bool: ...
    @property
    def preview(self) -> bool: ...


def selected(rules: Mapping[str, Selectable], settings: Settings) -> frozenset[str]:
    """Return the codes of the rules that `settings` let run.

    Of two selectors the longer wins, so `select = ["LL1"]` with `ignore = ["LL101"]` runs all of
    LL1 but LL101; of two equal ones `ignore` wins.

    Raises:
        UsageError: a selector, or a code in `severities`, names no rule.
    """
    known = [*dict.fromkeys((*BUILT_IN, *rules))]
    chosen = (*settings.select, *settings.extend_select)
    of_files = [selector for codes in settings.per_file_ignores.values() for selector in codes]
    for selector in (*chosen, *settings.ignore, *settings.severities, *of_files):
        _refuse_unknown(selector, known)
    return frozenset(code for code in known if _runs(code, rules.get(code), settings))


def with_severities(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Return findings with the severities that a person set for their rules."""
    return [
        replace(each, severity=Severity(settings.severities[each.code])) if each.code in settings.severities else each
        for each in findings
    ]


def without_ignored(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Leave out what `per-file-ignores` names."""
    ignores = [
        (GitIgnoreSpec.from_lines([pattern]), selectors) for pattern, selectors in settings.per_file_ignores.items()
    ]
    return [
        finding
        for finding in findings
        if not any(
            _precision(finding.code, selectors) >= 0
            and spec.match_file(_from_root(finding.span.filename, settings.root))
            for spec, selectors in ignores
        )
    ]


def _runs(code: str, rule: Selectable | None, settings: Settings) -> bool:
    chosen = (*settings.select, *settings.extend_select)
    if rule is not None and rule.preview and not settings.preview and code not in chosen:
        return False
    on_by_default = not settings.select and (rule is None or rule.default_on)
    strongest = max(0 if on_by_default else -1, _precision(code, chosen))
    return strongest > _precision(code, settings.ignore)


def _precision(code: str, selectors: Collection[str]) -> int:
    """Return the length of the longest selector that names `code`, -1 if none does."""
    return max((len(each) for each in selectors if code.startswith(each)), default=-1)


def _refuse_unknown(selector: str, known: Collection[str]) -> None:
    if selector and any(code.startswith(selector) for code in known):
        return
    nearest = get_close_matches(selector.upper(), known, n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise UsageError(f"unknown rule code `{selector}`{hint}")


def _from_root(filename: str, root: Path) -> str:
    path = Path(filename).resolve()
    root = root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else filename
