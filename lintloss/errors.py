"""The one exception that means: the person who called lintloss has to change something. And a hint at what.

All others are lintloss' own mistakes, and are described here in one line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class UsageError(Exception):
    """What was asked for cannot be done; the message is one line that says why.

    The command line prints it and exits with 2.
    """


def is_debugged() -> bool:
    """Whether whoever runs lintloss wants to see its mistakes whole."""
    return bool(os.environ.get("LINTLOSS_DEBUG"))


def described(error: Exception) -> str:
    """Say in one line what has gone wrong within lintloss, and where."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error: {what}{where}; LINTLOSS_DEBUG=1 shows more"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return what to put behind a complaint of a word: the known one that may be meant, or nothing."""
    from difflib import get_close_matches  # most runs need none

    meant = get_close_matches(word, list(known), n=1)
    return f"; did you mean `{meant[0]}`?" if meant else ""
