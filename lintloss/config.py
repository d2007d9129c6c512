"""Settings: `[tool.lintloss]` of the nearest pyproject.toml, or the nearest lintloss.toml.

The fields of `Settings` are the one table of what can be set: their names (with dashes), types and
`help` make the checks here, and documentation and JSON schema elsewhere.
"""

from __future__ import annotations

import os
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from dataclasses import Field as DataclassField
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lintloss.choices import Backend, FailOn, SeverityName
from lintloss.errors import UsageError, did_you_mean
from lintloss.knowledge import key_lines, load_toml

_FILE_NAMES = ("lintloss.toml", "pyproject.toml")


def _option(help: str, default: Any) -> Any:
    """Describe one setting."""
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Settings:
    """What a person can set; `root` is the folder that paths and patterns are relative to."""

    select: tuple[str, ...] = _option(
        "Rules to run, by code or the beginning of one; empty: those that are on by default.", ()
    )
    extend_select: tuple[str, ...] = _option("Rules to run besides the selected ones.", ())
    ignore: tuple[str, ...] = _option("Rules not to run; a longer code wins over a shorter.", ())
    per_file_ignores: Mapping[str, tuple[str, ...]] = _option(
        "Rules not to report in files that match a pattern in .gitignore style.", {}
    )
    severities: Mapping[str, SeverityName] = _option("Severity by rule code.", {})
    fail_on: FailOn = _option("The least finding that makes `check` exit with 1.", "warning")
    include: tuple[str, ...] = _option("Patterns of the files that are taken from folders.", ("*.py", "*.ipynb"))
    exclude: tuple[str, ...] = _option("Patterns of files and folders to leave out.", ())
    force_exclude: bool = _option("Whether `exclude` holds for files that are named outright, too.", False)
    respect_gitignore: bool = _option("Whether to leave out what .gitignore names.", True)
    apis: tuple[Path, ...] = _option("More API files, in the format of rules/apis.", ())
    rules: tuple[Path, ...] = _option("More folders with rule pages.", ())
    backend: Backend = _option("The Keras backend in use; it decides what is repaired.", "tensorflow")
    versions: Mapping[str, str] = _option("Framework versions in use, where the code does not show them.", {})
    preview: bool = _option("Whether to run rules that may still change.", False)
    root: Path = field(default_factory=Path)


@dataclass(frozen=True)
class Loaded:
    """Settings, the file they come from (None: defaults), and the line of each key that it sets."""

    settings: Settings
    file: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """Return where the value of a setting comes from: `pyproject.toml:12`, or `default`."""
        return f"{self.file}:{self.lines[key]}" if key in self.lines else "default"


def options() -> dict[str, DataclassField[Any]]:
    """Return every setting by its name in a settings file."""
    return {each.name.replace("_", "-"): each for each in fields(Settings) if "help" in each.metadata}


def default_of(option: DataclassField[Any]) -> Any:
    """Return what a setting is when nobody sets it."""
    return option.default if option.default is not MISSING else {}


def folder_of(paths: Sequence[Path]) -> Path:
    """Return the folder whose settings hold for `paths`: the innermost that holds all of them."""
    folders = [path if path.is_dir() else path.parent for path in paths] or [Path()]
    try:
        return Path(os.path.commonpath([folder.absolute() for folder in folders]))
    except ValueError:  # on several drives
        return folders[0]


def load(start: Path, config: Path | None = None) -> Loaded:
    """Read the settings that hold for the folder `start`, or those in the file `config`.

    Raises:
        UsageError: the file is unreadable, or has an unknown key or a value of a wrong type.
    """
    if config is not None:
        return _load_file(config)
    start = start.resolve()
    stated = (stated_in(folder) for folder in (start, *start.parents))
    return next((each for each in stated if each is not None), Loaded(Settings(root=start)))


def stated_in(folder: Path) -> Loaded | None:
    """Return the settings that stand in this very folder, None if there are none.

    Raises:
        UsageError: see `load`.
    """
    files = (folder / name for name in _FILE_NAMES)
    return next((_load_file(file) for file in files if file.is_file() and _table(file) is not None), None)


def _load_file(file: Path) -> Loaded:
    table = _table(file)
    if table is None:
        raise UsageError(f"{file}: no [tool.lintloss] in it")
    known = key_lines(file)
    lines = {key: known.line(*_prefix(file), key) for key in table}
    values: dict[str, Any] = {}
    for key, value in table.items():
        place = f"{file}:{lines[key]}"
        name = _field_name(place, key)
        values[name] = _checked(place, key, value)
    root = file.resolve().parent
    for name in ("apis", "rules"):
        if name in values:
            values[name] = tuple(root / path for path in values[name])
    return Loaded(Settings(**values, root=root), file, lines)


def _table(file: Path) -> Mapping[str, Any] | None:
    """Return lintloss's own settings of a file, None where a pyproject.toml has none."""
    table: Any = load_toml(file)
    for key in _prefix(file):
        table = table.get(key) if isinstance(table, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{file}:{key_lines(file).line(*_prefix(file))}: tool.lintloss has to be a table")
    return table


def _prefix(file: Path) -> tuple[str, ...]:
    return ("tool", "lintloss") if file.name == "pyproject.toml" else ()


def _field_name(place: str, key: str) -> str:
    known = options()
    if key in known:
        return known[key].name
    hint = did_you_mean(key.replace("_", "-"), known)
    raise UsageError(f"{place}: unknown setting `{key}`{hint}")


def _checked(place: str, key: str, value: Any) -> Any:
    expected = type_of(options()[key])
    try:
        return _converted(value, expected)
    except TypeError:
        raise UsageError(f"{place}: `{key}` has to be {describe_type(expected)}, not {value!r}") from None
    except ValueError as error:
        hint = did_you_mean(str(error), get_args(_choices(expected)))
        raise UsageError(f"{place}: `{key}` has to be {describe_type(expected)}, not {error}{hint}") from None


def type_of(option: DataclassField[Any]) -> Any:
    """Return a setting's type, resolved."""
    return _types()[option.name]


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Settings)


def _converted(value: Any, expected: Any) -> Any:
    """Convert a TOML value; TypeError: of a wrong type, ValueError: no legal choice."""
    origin, inner = get_origin(expected), get_args(expected)
    if origin is Literal:
        if not isinstance(value, str):
            raise TypeError
        if value not in inner:
            raise ValueError(value)
        return value
    if origin is tuple:
        return tuple(_converted(each, inner[0]) for each in _instance(value, list))
    if origin is not None:
        table = _instance(value, dict)
        return {key: _converted(each, inner[1]) for key, each in table.items()}
    if expected is Path:
        if "\0" in _instance(value, str):
            raise TypeError
        return Path(value)
    return _instance(value, expected)


def _instance(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value


def _choices(expected: Any) -> Any:
    return expected if get_origin(expected) is Literal else get_args(expected)[-1]


def describe_type(expected: Any) -> str:
    """Say in words what a setting's type is."""
    origin, inner = get_origin(expected), get_args(expected)
    if origin is Literal:
        return " or ".join(f'"{choice}"' for choice in inner)
    if origin is tuple:
        return "a list of strings"
    if isinstance(origin, type) and not isinstance(origin, types.UnionType):
        return f"a table of {_plural(inner[1])}"
    return {bool: "true or false", str: "a string"}.get(expected, str(expected))


def _plural(expected: Any) -> str:
    if get_origin(expected) is tuple:
        return "lists of strings"
    return "strings" if expected is str else describe_type(expected)
