"""The cache: what was found in a source, kept until the source, what it was read with, or what it depends on changes.

One file holds the answers for one working directory under one set of settings, of one version. It lies in the user's
own cache folder and is JSON, so that nothing in it is ever run. A damaged file counts as an empty one; two runs at once
each write the whole file, and the later one keeps what the earlier had written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lintloss import codec, knowledge
from lintloss.checking import Checked
from lintloss.config import Settings
from lintloss.files import write_atomically
from lintloss.sources import Source

MOST_BYTES = 64 * 1024 * 1024
_NOTHING = 0  # how a source is kept in which nothing was found: most are such
Looks = Iterable[tuple[str, str, str]]


def folder() -> Path:
    """Where the cache lies: LINTLOSS_CACHE_DIR, or `lintloss` in the user's cache folder."""
    named = os.environ.get("LINTLOSS_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "lintloss"


def clean() -> int:
    """Delete the cache; return how many bytes it held."""
    held = sum(_size(each) for each in _files())
    shutil.rmtree(folder(), ignore_errors=True)
    return held


class Cache:
    """The answers for the working directory under some settings."""

    def __init__(self, settings: Settings) -> None:
        key = "\0".join((os.fspath(Path.cwd()), repr(settings), sys.version, *_stamps(settings)))
        self._path = folder() / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.json"
        self._known = _read(self._path)
        self._new: dict[str, list[Any]] = {}
        self.hits = 0

    def get(self, source: Source, still_gives: Callable[[Looks], bool]) -> Checked | None:
        """What was found in a source, if it and the answers to what was asked for it are the same as then."""
        kept = self._known.get(source.filename)
        try:
            digest, data = kept if kept is not None else (None, None)
            if digest != _digest(source):
                return None
            checked = Checked() if data == _NOTHING else codec.decode(Checked, data)
        except ValueError:
            return None
        if not still_gives(checked.looks):
            return None
        self.hits += 1
        return checked

    def put(self, source: Source, checked: Checked) -> None:
        is_nothing = not (checked.findings or checked.loss_calls or checked.notes or checked.looks)
        self._new[source.filename] = [_digest(source), _NOTHING if is_nothing else codec.encode(checked)]

    def save(self) -> None:
        """Write what is new; where that is not possible, the next run has more to do."""
        if not self._new:
            return
        body = json.dumps({**_read(self._path), **self._new}, separators=(",", ":"), allow_nan=False).encode()
        if len(body) > MOST_BYTES:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, _checksum(body) + b"\n" + body)
            _keep_within_bounds()


def _read(path: Path) -> dict[str, Any]:
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
        entries = json.loads(body) if checksum == _checksum(body) else {}
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()


def _digest(source: Source) -> str:
    return hashlib.blake2b(source.original, digest_size=16, person=b"named" if source.named else b"found").hexdigest()


def _stamps(settings: Settings) -> Iterable[str]:
    """What changes when lintloss itself does, or what it knows."""
    own = Path(__file__).parent
    known = [*own.rglob("*.py"), *knowledge.api_files(), *knowledge.rule_pages(), *settings.apis]
    known += [page for each in settings.rules for page in each.glob("*.md")]
    for path in known:
        with suppress(OSError):
            stat = path.stat()
            yield f"{path}:{stat.st_size}:{stat.st_mtime_ns}"


def _keep_within_bounds() -> None:
    """Delete the files that were written longest ago, until the rest is small enough."""
    files = sorted(_files(), key=lambda each: -_written(each))
    held = 0
    for each in files:
        held += _size(each)
        if held > MOST_BYTES:
            each.unlink(missing_ok=True)


def _files() -> list[Path]:
    return list(folder().glob("*.json"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
