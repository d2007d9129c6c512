"""The cache: what was found in a source, kept until the source, what it was read with, or what it depends on changes.

One file of the store holds the answers for one working directory under one set of settings, of one version. Two runs
at once each write the whole file, and the later one keeps what the earlier had written.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lintloss import codec, knowledge, store
from lintloss.checking import Checked
from lintloss.config import Settings
from lintloss.sources import Source

_NOTHING = 0  # how a source is kept in which nothing was found: most are such
Looks = Iterable[tuple[str, str, str]]


class Cache:
    """The answers for the working directory under some settings."""

    def __init__(self, settings: Settings) -> None:
        self._name = store.name(os.fspath(Path.cwd()), repr(settings), sys.version, *_stamps(settings))
        self._known = _entries(self._name)
        self._new: dict[str, list[Any]] = {}

    def get(self, source: Source, still_gives: Callable[[Looks], bool]) -> Checked | None:
        """What was found in a source, if it and the answers to what was asked for it are the same as then."""
        kept = self._known.get(source.filename)
        try:
            digest, data = kept if kept is not None else (None, None)
            if digest != _digest(source):
                return None
            checked = Checked() if data == _NOTHING else codec.decode(Checked, data)
        except (TypeError, ValueError):
            return None
        return checked if still_gives(checked.looks) else None

    def put(self, source: Source, checked: Checked) -> None:
        is_nothing = not (checked.findings or checked.loss_calls or checked.notes or checked.looks)
        self._new[source.filename] = [_digest(source), _NOTHING if is_nothing else codec.encode(checked)]

    def save(self) -> None:
        """Write what is new; where that is not possible, the next run has more to do."""
        if not self._new:
            return
        store.write(self._name, {**_entries(self._name), **self._new})


def _entries(name: str) -> dict[str, Any]:
    entries = store.read(name)
    return entries if isinstance(entries, dict) else {}


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
