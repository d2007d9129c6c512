"""The baseline: findings that a code base had when lintloss came to it, and that `check` leaves out.

An entry knows its finding by what stands there, not by where it stands: file, rule, line, and what surrounds
the line. So it survives edits above it, being moved within its file, and the renaming of its file. A line that
changed is new code, and reported.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lintloss.errors import UsageError
from lintloss.finding import Finding, Span
from lintloss.reading import read_text
from lintloss.sources import Source

FILE_NAME = ".lintloss-baseline.json"

_FORMAT = 1
_AROUND = 2  # lines with something on them, above and below a finding, that are its surroundings


class Entry(NamedTuple):
    """One known finding. `path` is relative to the baseline's folder; `surroundings` is a hash."""

    path: str
    rule: str
    line: str
    surroundings: str


class Baseline(NamedTuple):
    """The entries of one baseline file."""

    file: Path
    entries: tuple[Entry, ...] = ()

    def with_entries(self, more: Iterable[Entry]) -> Baseline:
        return Baseline(self.file, tuple(sorted((*self.entries, *more))))


class Match(NamedTuple):
    """What a baseline says of some findings: those it knows, those it does not, and entries without a finding."""

    known: tuple[Finding, ...]
    unknown: tuple[Finding, ...]
    left_over: tuple[Entry, ...]


def find(start: Path) -> Path | None:
    """Return the nearest baseline file, in `start` or in a folder above it."""
    start = start.resolve()
    return next((file for each in (start, *start.parents) if (file := each / FILE_NAME).is_file()), None)


def load(file: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UsageError: the file cannot be read, or is no baseline.
    """
    try:
        content = json.loads(read_text(file))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{file}:{error.lineno}: not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise UsageError(f"{file}: not valid JSON: too deeply nested") from error
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"{file}: not valid JSON: {error}") from error
    return Baseline(file, tuple(_entries(content, file)))


def of_findings(file: Path, findings: Iterable[Finding], sources: Sequence[Source]) -> Baseline:
    """Return the baseline that knows `findings`."""
    reader = _Reader(file.parent, sources)
    return Baseline(file, tuple(sorted(reader.entry(finding) for finding in findings)))


def rendered(baseline: Baseline) -> str:
    """Return the text of a baseline file: JSON, a line per entry, so that merges and reviews stay easy."""
    entries = ",\n".join(f"    {json.dumps(entry._asdict(), ensure_ascii=False)}" for entry in baseline.entries)
    findings = f"[\n{entries}\n  ]" if entries else "[]"
    return f'{{\n  "format": {_FORMAT},\n  "findings": {findings}\n}}\n'


def match(baseline: Baseline, findings: Sequence[Finding], sources: Sequence[Source]) -> Match:
    """Pair entries with findings, each at most once; equal lines are told apart by their surroundings."""
    reader = _Reader(baseline.file.parent, sources)
    found = [(finding, reader.entry(finding)) for finding in findings]
    entries = _renamed(baseline, [entry for _, entry in found])
    exact = Counter(entries)
    known = [_take(exact, entry) for _, entry in found]
    alike = Counter(map(_without_surroundings, exact.elements()))
    known = [each or _take(alike, _without_surroundings(entry)) for each, (_, entry) in zip(known, found, strict=True)]
    return Match(
        known=tuple(finding for finding, is_known in zip(findings, known, strict=True) if is_known),
        unknown=tuple(finding for finding, is_known in zip(findings, known, strict=True) if not is_known),
        left_over=tuple(_left_over(exact, alike)),
    )


def stale(
    baseline: Baseline, left_over: Iterable[Entry], filenames: Iterable[str], running: Collection[str]
) -> list[Entry]:
    """Return the entries that match nothing any more: their rule ran, and their file was linted or is gone."""
    root = baseline.file.parent
    linted = {_relative(filename, root) for filename in filenames}
    return [
        entry
        for entry in left_over
        if entry.rule in running and (entry.path in linted or not (root / entry.path).exists())
    ]


def kept(before: Baseline, filenames: Iterable[str], running: Collection[str]) -> list[Entry]:
    """Return the entries that a new look at `filenames` by the `running` rules tells nothing of."""
    root = before.file.parent
    linted = {_relative(filename, root) for filename in filenames}
    return [
        entry
        for entry in before.entries
        if (root / entry.path).exists() and (entry.path not in linted or entry.rule not in running)
    ]


# How a finding is known again


class _Reader:
    """Makes the entries of findings from what stands around them."""

    def __init__(self, root: Path, sources: Iterable[Source]) -> None:
        self._root = root
        self._sources = {source.filename: source for source in sources}
        self._rows: dict[tuple[str, int | None], list[str]] = {}

    def entry(self, finding: Finding) -> Entry:
        span = finding.span
        rows = self._rows_around(span)
        first, last = span.start.row - 1, span.end.row - 1
        line = rows[first] if first < len(rows) else ""
        above = [row for row in rows[:first] if row][-_AROUND:]
        below = [row for row in rows[last + 1 :] if row][:_AROUND]
        around = "\n".join((*above, *rows[first + 1 : last + 1], *below))
        digest = hashlib.sha256(around.encode(errors="surrogatepass")).hexdigest()[:16]
        return Entry(_relative(span.filename, self._root), finding.code, line, digest)

    def _rows_around(self, span: Span) -> list[str]:
        """The rows of the finding's file or cell, their white space reduced."""
        key = (span.filename, span.cell)
        if key not in self._rows:
            source = self._sources.get(span.filename)
            text = source.cell_texts().get(span.cell, "") if source else ""
            self._rows[key] = [" ".join(row.split()) for row in text.split("\n")]
        return self._rows[key]


def _relative(filename: str, root: Path) -> str:
    return Path(os.path.relpath(Path(filename).absolute(), root.absolute())).as_posix()


# Pairing


def _renamed(baseline: Baseline, found: Sequence[Entry]) -> list[Entry]:
    """The entries, those of a file that is gone under the name of the new file that holds most of their findings."""
    paths = {entry.path for entry in baseline.entries}
    gone = sorted(path for path in paths if not (baseline.file.parent / path).exists())
    new = {entry.path for entry in found} - paths
    names: dict[str, str] = {}
    for path in gone:
        contents = {_without_path(entry) for entry in baseline.entries if entry.path == path}
        shared = Counter(entry.path for entry in found if entry.path in new and _without_path(entry) in contents)
        if shared:
            names[path] = min(shared, key=lambda each: (-shared[each], each))
            new.remove(names[path])
    return [
        Entry(names.get(each.path, each.path), each.rule, each.line, each.surroundings) for each in baseline.entries
    ]


def _without_path(entry: Entry) -> tuple[str, str, str]:
    return (entry.rule, entry.line, entry.surroundings)


def _without_surroundings(entry: Entry) -> tuple[str, str, str]:
    return (entry.path, entry.rule, entry.line)


def _take(counts: Counter[Any], key: Any) -> bool:
    """Use up one of `key`, and say whether there was one."""
    if counts[key] <= 0:
        return False
    counts[key] -= 1
    return True


def _left_over(exact: Counter[Entry], alike: Counter[tuple[str, str, str]]) -> Iterable[Entry]:
    """The entries that neither way of pairing used up."""
    remaining = Counter(alike)
    return [entry for entry in sorted(exact.elements()) if _take(remaining, _without_surroundings(entry))]


# Reading


def _entries(content: Any, file: Path) -> Iterable[Entry]:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise UsageError(f'{file}: no baseline: `format` has to be {_FORMAT}; "lintloss baseline" writes it anew')
    records = content.get("findings")
    if not isinstance(records, list):
        raise UsageError(f"{file}: `findings` has to be a list")
    return [_entry(record, f"{file}: findings[{index}]") for index, record in enumerate(records)]


def _entry(record: Any, place: str) -> Entry:
    values: Mapping[str, Any] = record if isinstance(record, dict) else {}
    for name in Entry._fields:
        if not isinstance(values.get(name), str):
            raise UsageError(f"{place}: `{name}` has to be a string")
    return Entry(**{name: values[name] for name in Entry._fields})
