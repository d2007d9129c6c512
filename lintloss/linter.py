"""The whole way from sources to a report, and the fixing that repeats it until nothing changes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lintloss import checking
from lintloss.choices import FailOn
from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.errors import UsageError
from lintloss.files import Change, display_name, write_changes
from lintloss.finding import (
    Applicability,
    CallVerdict,
    Edit,
    Finding,
    Location,
    Report,
    Severity,
    Span,
    Verdict,
)
from lintloss.notebooks import syntax_error
from lintloss.scope import Scope
from lintloss.selection import UNREADABLE, selected, with_severities, without_ignored
from lintloss.sources import Source, Unreadable
from lintloss.suppressions import UNUSED, ignoring

if TYPE_CHECKING:
    from lintloss.checking import Checked
    from lintloss.jobs import Way

_MOST_ROUNDS = 10
NEVER_SILENCED = frozenset({UNREADABLE, UNUSED})  # no comment helps an unreadable file, and none an idle comment
_NO_VERIFY = "--verify needs TensorFlow, PyTorch or JAX: pip install 'lintloss[verify]', [torch] or [jax]"


class Read(NamedTuple):
    """Sources that could be read, and an LL001 finding for each file that could not."""

    sources: tuple[Source, ...]
    unreadable: tuple[Finding, ...] = ()


class Fixed(NamedTuple):
    """Sources after fixing, what was fixed in them, and what is left to report."""

    sources: tuple[Source, ...]
    applied: tuple[Finding, ...]
    report: Report

    @classmethod
    def joined(cls, parts: Sequence[Fixed]) -> Fixed:
        """Return several as one."""
        return cls(
            tuple(source for part in parts for source in part.sources),
            tuple(finding for part in parts for finding in part.applied),
            Report.joined(part.report for part in parts),
        )


def read(files: Iterable[Path], named: Container[Path] | None = None) -> Read:
    """Read files; one that cannot be read costs only itself. `named` are those that someone asked for, None: all."""
    sources: list[Source] = []
    unreadable: list[Finding] = []
    for file in files:
        name = display_name(file)
        try:
            source = Source.read(file, name)
            sources.append(source if named is None or file in named else replace(source, named=False))
        except Unreadable as error:
            unreadable.append(unreadable_file(name, error))
    return Read(tuple(sources), tuple(unreadable))


def read_bytes(data: bytes, filename: str) -> Read:
    """Take what standard input held."""
    try:
        return Read((Source.from_bytes(data, filename),))
    except Unreadable as error:
        return Read((), (unreadable_file(filename, error),))


def unreadable_file(filename: str, error: Unreadable) -> Finding:
    """Return the finding for a file that could not be read."""
    place = Location(error.row, error.column)
    return checking.unreadable(error.reason, Span(filename, place, place))


def lint(
    sources: Sequence[Source],
    settings: Settings,
    *,
    verify: bool = False,
    evidence: bool = False,
    unreadable: Sequence[Finding] = (),
    beside: Sequence[Source] = (),
    scope: Scope | None = None,
    way: Way | None = None,
) -> Report:
    """Lint sources together, so that what one imports from another is known.

    `unreadable` are the findings for files that never became sources; they are reported with the
    rest. `beside` are sources that are not linted, and count instead of their files on disk where
    the linted ones import them. `scope` narrows what is reported; without it that is everything.
    With `evidence`, what each verified misuse costs is shown by training, which takes seconds each.
    `way` is by how many processes and with which cache it is done, if nothing is verified; without it, one and none.

    Raises:
        UsageError: settings name unknown rules, knowledge is broken, or `verify` has no framework to run.
    """
    scope = scope or Scope()
    if not verify:
        return _lint(sources, settings, unreadable, beside, scope, way)
    _require_a_framework()
    return on_deep_stack(lambda: _prove(sources, settings, evidence, unreadable, beside, scope))


def _lint(
    sources: Sequence[Source],
    settings: Settings,
    unreadable: Sequence[Finding],
    beside: Sequence[Source],
    scope: Scope,
    way: Way | None,
) -> Report:
    from lintloss.jobs import Way, check_all

    checked = check_all(sources, [*sources, *beside], settings, way or Way())
    found = [*_refused(unreadable, settings), *(finding for each in checked for finding in each.findings)]
    inside = scope.within(found, sources)
    return _report(inside, set(found) - set(inside), checked, len(sources) + len(unreadable))


def _prove(
    sources: Sequence[Source],
    settings: Settings,
    evidence: bool,
    unreadable: Sequence[Finding],
    beside: Sequence[Source],
    scope: Scope,
) -> Report:
    from lintloss.checking import Checker
    from lintloss.proof import Claim, claims, prove

    known = [*sources, *beside]
    checker = Checker(known, settings)
    claimed = [Claim(finding) for finding in _refused(unreadable, settings)]
    every: list[Checked] = []
    for source in sources:
        analysis, checked = checker.analysed(source)
        every.append(checked)
        claimed += claims(checked.findings, known, analysis, settings, evidence=evidence)
    found = [each.finding for each in claimed]
    inside = set(scope.within(found, sources))
    findings = prove([each for each in claimed if each.finding in inside], settings)
    return _report(findings, set(found) - inside, every, len(sources) + len(unreadable))


def _refused(unreadable: Sequence[Finding], settings: Settings) -> list[Finding]:
    """The findings for files that never became sources, as the settings want them."""
    from lintloss.rulebook import load_rules

    codes = selected(load_rules(settings), settings)
    refused = [finding for finding in unreadable if finding.code in codes]
    return with_severities(without_ignored(refused, settings), settings)


def _report(findings: Iterable[Finding], outside: Iterable[Finding], checked: Sequence[Checked], files: int) -> Report:
    return Report(
        tuple(sorted(findings, key=lambda each: each.sort_key)),
        tuple(sorted((call for each in checked for call in each.loss_calls), key=lambda each: each.sort_key)),
        files=files,
        notes=tuple(note for each in checked for note in each.notes),
        outside=tuple(sorted(outside, key=lambda each: each.sort_key)),
    )


def fix(
    sources: Sequence[Source],
    settings: Settings,
    *,
    unsafe: bool = False,
    verify: bool = False,
    evidence: bool = False,
    unreadable: Sequence[Finding] = (),
    beside: Sequence[Source] = (),
    scope: Scope | None = None,
) -> Fixed:
    """Apply fixes and lint again until nothing changes; nothing is written.

    Safe fixes are applied, with `unsafe` those that change what a model outputs too, with `verify`
    only those that running them has confirmed. A fix applies with all its edits, in all its files,
    or not at all; only files among `sources` are edited, and what is edited still parses.

    Raises:
        UsageError: see `lint`.
    """
    present = {source.filename: source for source in sources}
    applied: list[Finding] = []

    def linted() -> Report:
        now = [*present.values()]
        return lint(now, settings, verify=verify, evidence=evidence, unreadable=unreadable, beside=beside, scope=scope)

    report = linted()
    for _ in range(_MOST_ROUNDS):
        wanted = [each for each in report.findings if _may_apply(each, unsafe, verify)]
        chosen = _that_parse(list(_apart(wanted)), present)
        if not chosen:
            break
        present |= _edited(chosen, present)
        applied += chosen
        report = linted()
    return Fixed(tuple(present.values()), tuple(applied), _with_unwritten(report, present, unsafe, verify))


def _with_unwritten(report: Report, present: Mapping[str, Source], unsafe: bool, verify: bool) -> Report:
    """The report, with a word on each fix that was not made because it changes files that were not named."""
    findings, notes = [], []
    for finding in report.findings:
        others = sorted({edit.span.filename for edit in _edits([finding])} - present.keys())
        if finding.fix is not None and others and _may_apply(finding, unsafe, verify):
            why = f"not written: it changes {', '.join(others)}, too: name that as well"
            place = f"{finding.span.filename}:{finding.span.start.row}"
            notes.append(f"{place}: the fix of {finding.code} is {why}")
            finding = replace(finding, fix=replace(finding.fix, message=f"{finding.fix.message} ({why})"))
        findings.append(finding)
    return replace(report, findings=tuple(findings), notes=(*report.notes, *notes))


def silence(
    sources: Sequence[Source],
    settings: Settings,
    reason: str,
    *,
    unreadable: Sequence[Finding] = (),
    scope: Scope | None = None,
) -> Fixed:
    """Put suppression comments behind the findings; nothing is written.

    `applied` are the findings that are silenced so; what cannot be is still in the report.

    Raises:
        UsageError: see `lint`.
    """
    before = lint(sources, settings, unreadable=unreadable, scope=scope)
    silenced = tuple(_silenced(source, before.findings, reason) for source in sources)
    after = lint(silenced, settings, unreadable=unreadable, scope=scope)
    left = {(each.code, each.span.filename, each.span.cell, each.span.start) for each in after.findings}
    applied = (
        each for each in before.findings if (each.code, each.span.filename, each.span.cell, each.span.start) not in left
    )
    return Fixed(silenced, tuple(applied), after)


def _silenced(source: Source, findings: Iterable[Finding], reason: str) -> Source:
    """The source with its findings' comments; as it was where they would break it."""
    here = [each for each in findings if each.span.filename == source.filename and each.code not in NEVER_SILENCED]
    edits = ignoring(source, here, reason)
    if not edits or not source.fixable:
        return source
    try:
        changed = source.with_edits(edits)
    except (UnicodeEncodeError, Unreadable):
        return source
    broke = syntax_error(changed.text) is not None and syntax_error(source.text) is None
    return source if broke else changed


def write(before: Sequence[Source], after: Sequence[Source]) -> None:
    """Write the files that fixing changed, all of them or none.

    Raises:
        WriteError: a file is not writable, or has changed since it was read.
    """
    write_changes(
        Change(old.path, old.original, new.original)
        for old, new in zip(before, after, strict=True)
        if old.path is not None and new.original != old.original
    )


def fails(report: Report, fail_on: FailOn) -> bool:
    """Whether a report holds anything at or above `fail_on`."""
    if fail_on == "error":
        return any(finding.severity is Severity.ERROR for finding in report.findings)
    if fail_on == "undecided" and any(call.verdict is CallVerdict.UNDECIDED for call in report.loss_calls):
        return True
    return bool(report.findings)


def _require_a_framework() -> None:
    from lintloss import confirm

    if not confirm.available():
        raise UsageError(_NO_VERIFY)


def _may_apply(finding: Finding, unsafe: bool, verify: bool) -> bool:
    if finding.fix is None:
        return False
    allowed = {Applicability.SAFE, Applicability.UNSAFE} if unsafe else {Applicability.SAFE}
    if finding.fix.applicability not in allowed:
        return False
    if not verify or finding.code == UNUSED:  # a comment computes nothing that could be confirmed
        return True
    verdict = finding.verification.verdict if finding.verification else None
    return verdict in {Verdict.CONFIRMED, Verdict.EQUIVALENT}


def _apart(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings whose fixes do not touch one another; the next round sees to the others."""
    taken: list[Edit] = []
    for finding in findings:
        edits = finding.fix.edits if finding.fix else ()
        if not any(_collide(edit, other) for edit in edits for other in taken):
            taken.extend(edits)
            yield finding


def _collide(a: Edit, b: Edit) -> bool:
    if (a.span.filename, a.span.cell) != (b.span.filename, b.span.cell):
        return False
    return a.span.start <= b.span.end and b.span.start <= a.span.end


def _that_parse(findings: Sequence[Finding], sources: Mapping[str, Source]) -> list[Finding]:
    """Keep the findings whose fixes can be made, and made together leave every file parsable."""
    sound = [each for each in findings if _can_be_made([each], sources)]
    return sound if _can_be_made(sound, sources) else sound[:1]


def _can_be_made(findings: Sequence[Finding], sources: Mapping[str, Source]) -> bool:
    names = {edit.span.filename for edit in _edits(findings)}
    if any(name not in sources or not sources[name].fixable for name in names):
        return False
    try:
        edited = _edited(findings, sources)
    except (UnicodeEncodeError, Unreadable):
        return False
    return all(
        syntax_error(source.text) is None and len(source.skipped) <= len(sources[name].skipped)
        for name, source in edited.items()
    )


def _edited(findings: Sequence[Finding], sources: Mapping[str, Source]) -> dict[str, Source]:
    by_file: dict[str, list[Edit]] = {}
    for edit in _edits(findings):
        by_file.setdefault(edit.span.filename, []).append(edit)
    return {name: sources[name].with_edits(edits) for name, edits in by_file.items()}


def _edits(findings: Iterable[Finding]) -> Iterator[Edit]:
    for finding in findings:
        if finding.fix is not None:
            yield from finding.fix.edits
