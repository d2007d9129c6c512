"""Reading files that may be anything: nothing that blocks, never ends, or is larger than code can be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST = 200_000_000  # bytes: notebooks carry pictures


def read_regular(path: Path) -> bytes:
    """What a regular file holds.

    Raises:
        OSError: it cannot be read, is a pipe, a device or a folder, or holds more than `LARGEST` bytes.
    """
    data = read_top(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"too large: more than {LARGEST} bytes")
    return data


def read_top(path: Path, most: int) -> bytes:
    """The first bytes of a regular file, `most` at most.

    Raises:
        OSError: it cannot be read, or is a pipe, a device or a folder.
    """
    # Opening a pipe for reading waits for a writer, unless asked not to.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        known = os.fstat(handle)
        if not stat.S_ISREG(known.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        # Asked for more than there is, `read` would keep a piece of address space for each file that is.
        data = file.read(min(most, known.st_size + 1))
        return data if len(data) <= known.st_size else data + file.read(most - len(data))


def read_text(path: Path) -> str:
    """What a regular file of UTF-8 says, with `\\n` newlines.

    Raises:
        OSError: see `read_regular`.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_regular(path).decode().replace("\r\n", "\n").replace("\r", "\n")
