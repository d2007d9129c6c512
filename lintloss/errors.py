"""The one exception that means: the person who called lintloss has to change something. And a hint at what."""

from __future__ import annotations

from collections.abc import Iterable


class UsageError(Exception):
    """What was asked for cannot be done; the message is one line that says why.

    The command line prints it and exits with 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return what to put behind a complaint of a word: the known one that may be meant, or nothing."""
    from difflib import get_close_matches  # most runs need none

    meant = get_close_matches(word, list(known), n=1)
    return f"; did you mean `{meant[0]}`?" if meant else ""
