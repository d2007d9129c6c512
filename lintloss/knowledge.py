"""Where the knowledge lies: the `rules/` folder, in a checkout or inside the installed wheel."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintloss import store
from lintloss.errors import UsageError
from lintloss.reading import read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from lintloss.toml_lines import KeyLines

_PACKAGE = Path(__file__).parent
WORTH_KEEPING = 1_000  # characters of TOML that take longer to parse than to look up


@cache
def rules_folder() -> Path:
    """Return the folder that holds rule pages and API files.

    The wheel's own folder comes first: next to an installed package there may lie an unrelated
    distribution called `rules`.

    Raises:
        UsageError: the installation has lost its rules.
    """
    for folder in (_PACKAGE / "rules", _PACKAGE.parent / "rules"):
        if (folder / "apis").is_dir():
            return folder
    raise UsageError(f"{_PACKAGE}: the rules are missing; install lintloss again")


def rule_pages() -> list[Path]:
    """Return the pages of the built-in rules, sorted by code."""
    return sorted(rules_folder().glob("LL*.md"))


def api_files() -> list[Path]:
    """Return the built-in API files, sorted by name."""
    return sorted((rules_folder() / "apis").glob("*.toml"))


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file once per process; callers must not change what they get.

    Raises:
        UsageError: the file cannot be read or is no TOML.
    """
    return _load_toml(path.resolve(), stamp(path))


def key_lines(path: Path) -> KeyLines:
    """Return where the keys of a TOML file stand, for messages.

    Raises:
        UsageError: the file cannot be read.
    """
    from lintloss.toml_lines import KeyLines

    return KeyLines(_text(path))


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Parse TOML text that stands in `name`, or look up what parsing it gave before.

    Raises:
        UsageError: the text is no TOML.
    """
    if len(text) < WORTH_KEEPING:
        return _parsed(text, name)
    key = f"toml-{store.name(text)}"
    kept = store.read(key)
    if isinstance(kept, dict):
        return kept
    data = _parsed(text, name)
    with suppress(TypeError, ValueError, RecursionError):  # dates, numbers that are not finite, great depth
        store.write(key, data)
    return data


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a plain ValueError
        raise UsageError(f"{name}: not valid TOML: {error}") from error


def stamp(path: Path) -> int:
    """Return what changes when the file does, so that a language server sees edited files.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@cache
def _load_toml(path: Path, modified: int) -> dict[str, Any]:
    return parse_toml(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8: {error.reason}") from error
