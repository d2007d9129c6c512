"""The one exception that means: the person who called lintloss has to change something."""

from __future__ import annotations


class UsageError(Exception):
    """What was asked for cannot be done; the message is one line that says why.

    The command line prints it and exits with 2.
    """
