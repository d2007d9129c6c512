"""The store: JSON files in the user's own cache folder, checked when they are read, and bounded together.

Nothing in it is needed and nothing in it is run: a file that is missing, damaged or not to be written costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST_BYTES = 64 * 1024 * 1024


def folder() -> Path:
    """Where the store lies: LINTLOSS_CACHE_DIR, or `lintloss` in the user's cache folder."""
    named = os.environ.get("LINTLOSS_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "lintloss"


def clean() -> int:
    """Delete everything; return how many bytes it was."""
    import shutil

    held = sum(_size(each) for each in _files())
    shutil.rmtree(folder(), ignore_errors=True)
    return held


def name(*parts: str) -> str:
    """A file name for what these parts determine."""
    return f"{hashlib.blake2b(chr(0).join(parts).encode('utf-8', 'replace'), digest_size=16).hexdigest()}.json"


def read(name: str) -> Any:
    """What was written under a name, or None."""
    try:
        checksum, _, body = (folder() / name).read_bytes().partition(b"\n")
        return json.loads(body) if checksum == _checksum(body) else None
    except (OSError, ValueError, RuntimeError):  # the last where there is no home
        return None


def write(name: str, data: Any) -> None:
    """Write JSON data as a whole; what was written longest ago makes room."""
    from lintloss.files import WriteError, write_atomically

    body = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > MOST_BYTES:
        return
    with suppress(OSError, RuntimeError, WriteError):
        folder().mkdir(parents=True, exist_ok=True)
        write_atomically(folder() / name, _checksum(body) + b"\n" + body)
        _keep_within_bounds()


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()


def _keep_within_bounds() -> None:
    held = 0
    for each in sorted(_files(), key=_written, reverse=True):
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
