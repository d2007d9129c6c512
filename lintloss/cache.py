"""The cache: what was found in a source, kept until the source, what it was read with, or what it depends on changes.

One file of the store holds the answers for one working directory under one set of settings, of one version. Two runs
at once each write the whole file, and the later one keeps what the earlier had written.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lintloss import codec, knowledge, store
from lintloss.checking import Checked
from lintloss.config import Settings
from lintloss.sources import Source

if TYPE_CHECKING:
    from lintloss.analysis.tree import Look

_NOTHING = 0  # how a source is kept in which nothing was found: most are such


class _Kept(NamedTuple):
    """What is kept of one source: a digest of it, what was found as plain data, and what was looked at for it."""

    digest: str
    found: Any
    looks: tuple[Look, ...]


class Cache:
    """The answers for the working directory under some settings."""

    def __init__(self, settings: Settings) -> None:
        self._name = store.name(os.fspath(Path.cwd()), repr(settings), sys.version, *_stamps(settings))
        self._known = _entries(store.read(self._name))
        self._new: dict[str, _Kept] = {}

    def get(self, source: Source, still_gives: Callable[[Iterable[Look]], bool]) -> Checked | None:
        """What was found in a source, if it and the answers to what was asked for it are the same as then."""
        kept = self._known.get(source.filename)
        if kept is None or kept.digest != _digest(source):
            return None
        try:
            checked = Checked() if kept.found == _NOTHING else codec.decode(Checked, kept.found)
            return checked if still_gives(kept.looks) else None
        except (KeyError, ValueError):
            return None

    def put(self, source: Source, checked: Checked) -> None:
        is_nothing = not (checked.findings or checked.loss_calls or checked.notes)
        found = _NOTHING if is_nothing else codec.encode(replace(checked, looks=()))
        self._new[source.filename] = _Kept(_digest(source), found, checked.looks)

    def save(self) -> None:
        """Write what is new; where that is not possible, the next run has more to do."""
        if self._new:
            store.write(self._name, _plain({**_entries(store.read(self._name)), **self._new}))


def _plain(entries: Mapping[str, _Kept]) -> dict[str, Any]:
    """Entries as JSON data. Sources of one project look at the same things: each look stands there once."""
    numbers: dict[Look, int] = {}
    listed = {
        name: [kept.digest, kept.found, [numbers.setdefault(look, len(numbers)) for look in kept.looks]]
        for name, kept in entries.items()
    }
    return {"entries": listed, "looks": [*numbers]}


def _entries(plain: Any) -> dict[str, _Kept]:
    """What `_plain` was made of; nothing where that cannot be told."""
    try:
        looks: list[Look] = [(str(kind), str(path), str(digest)) for kind, path, digest in plain["looks"]]
        return {
            name: _Kept(str(digest), found, tuple(looks[number] for number in numbers))
            for name, (digest, found, numbers) in plain["entries"].items()
        }
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return {}


def _digest(source: Source) -> str:
    return hashlib.blake2b(source.original, digest_size=16, person=b"named" if source.named else b"found").hexdigest()


def _stamps(settings: Settings) -> Iterable[str]:
    """What changes when lintloss itself does, or what it knows."""
    own = Path(__file__).parent
    for path in (*own.rglob("*.py"), *knowledge.api_files(), *knowledge.rule_pages()):
        with suppress(OSError):
            stat = path.stat()
            yield f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
    for path in (*settings.apis, *(page for each in settings.rules for page in sorted(each.glob("*.md")))):
        with suppress(OSError):  # people edit these: what they hold counts, whatever the clock says
            yield f"{path}:{hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()}"
