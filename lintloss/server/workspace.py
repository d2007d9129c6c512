"""Lints open documents, each with the others beside it and with the settings of the folder it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lintloss import baseline, config, linter
from lintloss.baseline import Baseline
from lintloss.config import Settings
from lintloss.files import is_excluded
from lintloss.finding import Finding, Report
from lintloss.jobs import Way
from lintloss.scope import Scope
from lintloss.server.documents import Document
from lintloss.sources import Source, Unreadable


@dataclass(frozen=True, eq=False)
class Linted:
    """A document's report, and the documents that were open when it was made."""

    document: Document
    beside: tuple[Document, ...]
    settings: Settings
    scope: Scope
    report: Report

    @property
    def opened(self) -> tuple[Document, ...]:
        return (self.document, *self.beside)


def lint(document: Document, beside: Sequence[Document], way: Way) -> Linted:
    """Lint a document as it reads in the editor.

    Raises:
        UsageError: the settings that hold for it, or the knowledge they name, are broken.
    """
    path = Path(document.filename)
    settings = config.load(path.parent).settings
    report, scope = Report(), Scope(_baseline(path.parent))
    if document.is_linted and not is_excluded(path, settings):
        sources, unreadable = _sources(document)
        others = _readable(beside)
        report = linter.lint(sources, settings, unreadable=unreadable, beside=others, scope=scope, way=way)
    return Linted(document, tuple(beside), settings, scope, report)


def fixed(linted: Linted) -> Source | None:
    """The document as it reads with every safe fix applied; None where nothing can be fixed.

    Raises:
        UsageError: see `lint`.
    """
    sources, unreadable = _sources(linted.document)
    beside = _readable(linted.beside)
    result = linter.fix(sources, linted.settings, unreadable=unreadable, beside=beside, scope=linted.scope)
    return result.sources[0] if result.applied else None


def _baseline(folder: Path) -> Baseline | None:
    file = baseline.find(folder)
    return baseline.load(file) if file is not None else None


def _sources(document: Document) -> tuple[list[Source], list[Finding]]:
    try:
        return [document.source], []
    except Unreadable as error:
        return [], [linter.unreadable_file(document.filename, error)]


def _readable(documents: Sequence[Document]) -> list[Source]:
    return [source for document in documents if document.is_linted for source in _sources(document)[0]]
