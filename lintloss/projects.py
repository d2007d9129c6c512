"""Files with the settings that hold for them: each project of a repository keeps its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lintloss import config
from lintloss.config import Loaded, Settings
from lintloss.files import find_files, is_excluded


class Project(NamedTuple):
    """Files for which the same settings hold."""

    settings: Settings
    files: tuple[Path, ...]


class Found(NamedTuple):
    """The projects that some paths belong to, at least one, and notes on paths that gave nothing."""

    projects: tuple[Project, ...]
    notes: tuple[str, ...] = ()


def find(
    paths: Sequence[Path],
    settings_file: Path | None = None,
    adjusted: Callable[[Loaded], Settings] = lambda loaded: loaded.settings,
) -> Found:
    """Find the files that `paths` name, each with the settings nearest above it, or those of `settings_file`.

    What folders are searched by is what holds for the innermost folder around all paths; a project inside may
    exclude more. `adjusted` makes the settings in effect of those that a file states.

    Raises:
        UsageError: a path does not exist, or a settings file is wrong.
    """
    top = config.folder_of(paths)
    loaded = config.load(top, settings_file)
    settings = adjusted(loaded)
    found = find_files(paths, settings)
    if settings_file is not None:
        return Found((Project(settings, found.files),), found.notes)
    nearest, named = _Nearest(top, loaded), frozenset(paths)
    groups: dict[Path | None, list[Path]] = {loaded.file: []}
    stated: dict[Path | None, Settings] = {loaded.file: settings}
    for file in found.files:
        own = nearest.above(file)
        if own.file not in stated:
            stated[own.file] = adjusted(own)
        groups.setdefault(own.file, []).append(file)
    projects = [
        Project(stated[origin], tuple(_wanted(files, stated[origin], named))) for origin, files in groups.items()
    ]
    return Found(tuple(project for project in projects if project.files) or (projects[0],), found.notes)


def _wanted(files: Iterable[Path], settings: Settings, named: frozenset[Path]) -> Iterable[Path]:
    """The files, without those that their own project excludes; one named outright stays unless forced."""
    for file in files:
        if not is_excluded(file, settings) or (file in named and not settings.force_exclude):
            yield file


class _Nearest:
    """The settings that are nearest above files, each folder looked at once."""

    def __init__(self, top: Path, loaded: Loaded) -> None:
        self._top = loaded
        self._by_folder = {top.resolve(): loaded}
        self._resolved: dict[Path, Path] = {}

    def above(self, file: Path) -> Loaded:
        folder = file.parent
        if folder not in self._resolved:
            self._resolved[folder] = folder.resolve()
        return self._of(self._resolved[folder])

    def _of(self, folder: Path) -> Loaded:
        if folder not in self._by_folder:
            own = config.stated_in(folder)
            above = self._of(folder.parent) if folder != folder.parent else self._top
            self._by_folder[folder] = own or above
        return self._by_folder[folder]
