"""The Python API: lint a string or some paths, get findings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lintloss import config as config_files
from lintloss import linter, projects
from lintloss.config import Settings
from lintloss.files import find_files
from lintloss.finding import Finding, Report
from lintloss.projects import Project
from lintloss.sources import Source, Unreadable


def check_source(
    text: str,
    filename: str = "<source>",
    *,
    settings: Settings | None = None,
    verify: bool = False,
) -> list[Finding]:
    """Lint a string; a `filename` that ends in .ipynb makes it a notebook's JSON.

    Text that does not parse is an LL001 finding, not an exception. Without `settings` the defaults
    hold, whatever pyproject.toml says; `load_settings` returns what it says.

    Raises:
        UsageError: settings that name unknown rules, or `verify` without TensorFlow.
    """
    settings = settings or Settings()
    try:
        source = Source.from_text(text, filename)
    except Unreadable as error:
        unreadable = linter.unreadable_file(filename, error)
        return list(linter.lint([], settings, unreadable=[unreadable]).findings)
    return list(linter.lint([source], settings, verify=verify).findings)


def load_settings(folder: Path | str = ".", config: Path | str | None = None) -> Settings:
    """Return the settings that hold for a folder, or those in the file `config`.

    Raises:
        UsageError: the settings file is unreadable, or has an unknown key or a value of a wrong type.
    """
    return config_files.load(Path(folder), Path(config) if config is not None else None).settings


def check_paths(
    paths: Sequence[Path | str],
    *,
    settings: Settings | None = None,
    verify: bool = False,
) -> list[Finding]:
    """Lint files and folders, as `lintloss check` does.

    Without `settings`, those hold for each file that are nearest above it. Baselines are the command line's alone.

    Raises:
        UsageError: a path that does not exist, wrong settings, or `verify` without TensorFlow.
    """
    named = [Path(path) for path in paths]
    if settings is not None:
        found = [Project(settings, find_files(named, settings).files)]
    else:
        found = [*projects.find(named).projects]
    reports = []
    for project in found:
        read = linter.read(project.files, frozenset(named))
        reports.append(linter.lint(read.sources, project.settings, verify=verify, unreadable=read.unreadable))
    return list(Report.joined(reports).findings)
