"""What has changed since a git revision, and which findings that touches."""

from __future__ import annotations

import difflib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lintloss.errors import UsageError
from lintloss.finding import Finding, Span
from lintloss.sources import Source, Unreadable


class Changes(NamedTuple):
    """The files of a repository that differ from `revision`, by path, with their paths there (None: not there)."""

    top: Path
    revision: str
    files: Mapping[Path, str | None]

    def touching(self, findings: Sequence[Finding], sources: Sequence[Source]) -> list[Finding]:
        """Return the findings with a change in their own place, or in a step of their flow."""
        by_name = {source.filename: source for source in sources}
        places: dict[str, frozenset[int] | None] = {}

        def is_touched(span: Span) -> bool:
            source = by_name.get(span.filename)
            if span.filename not in places:
                places[span.filename] = self._changed(span.filename, source)
            changed = places[span.filename]
            return changed is None or not changed.isdisjoint(_places_of(span, source))

        return [
            finding
            for finding in findings
            if any(is_touched(span) for span in (finding.span, *(step.span for step in finding.flow)))
        ]

    def _changed(self, filename: str, source: Source | None) -> frozenset[int] | None:
        """The changed places of a source's text; None if all of it is new."""
        path = Path(filename).resolve()
        if path not in self.files:
            return frozenset()
        old_path = self.files[path]
        if old_path is None:
            return None
        try:
            now = source or Source.read(path, filename)
            before = Source.from_bytes(_git(self.top, "cat-file", "blob", f"{self.revision}:{old_path}"), filename)
        except Unreadable:
            return None
        return frozenset(_changed_places(before.lines, now.lines))


def since(revision: str, folder: Path) -> Changes:
    """Return what has changed from where `revision` and HEAD parted to the working tree, untracked files included.

    Raises:
        UsageError: no git, no repository, or no such revision.
    """
    if ".." in revision:
        raise UsageError(f"--diff-base {revision}: name one revision; the other end is the files as they lie")
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
    base = _base(revision, top)
    listed = _fields(_git(top, "diff", "--no-ext-diff", "--name-status", "--find-renames", "-z", base, "--"))
    untracked = _fields(_git(top, "ls-files", "--others", "--exclude-standard", "-z"))
    files: dict[Path, str | None] = {(top / name).resolve(): None for name in untracked}
    while listed:
        status, old = listed.pop(0), listed.pop(0)
        new = listed.pop(0) if status[0] in "RC" else old
        files[(top / new).resolve()] = None if status == "A" else old
    return Changes(top, base, files)


def _base(revision: str, top: Path) -> str:
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except UsageError as error:
        raise UsageError(f"--diff-base {revision}: no such commit in {top}") from error
    try:
        return _git(top, "merge-base", commit.decode().strip(), "HEAD").decode().strip()
    except UsageError as error:
        raise UsageError(f"--diff-base {revision}: shares no history with HEAD; a shallow clone needs more") from error


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except OSError as error:
        raise UsageError(f"--diff-base needs git: {error.strerror}") from error
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"--diff-base: git {arguments[0]}: {complaint[-1] if complaint else 'failed'}")
    return done.stdout


def _fields(output: bytes) -> list[str]:
    return output.decode(errors="surrogateescape").split("\0")[:-1]


# A place is a row, or the gap between two: row r is the number 2r, the gap below it 2r + 1.


def _places_of(span: Span, source: Source | None) -> range:
    """The places of a span in its source's text; of a file that was only imported they are its own."""
    first, last = span.start.row, span.end.row
    if source is not None:
        first, last = source.text_row(span.cell, first), source.text_row(span.cell, last)
    return range(2 * first, 2 * last + 1)


def _changed_places(before: Sequence[str], now: Sequence[str]) -> list[int]:
    """The rows that are new or not as they were, and the gaps where rows were taken out."""
    changed: list[int] = []
    matcher = difflib.SequenceMatcher(None, before, now, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        if kind == "delete":
            changed.append(2 * start + 1)
        elif kind != "equal":
            changed += range(2 * start + 2, 2 * end + 1)
    return changed
