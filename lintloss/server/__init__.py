"""The language server: findings, fixes and what is known of loss calls in the editor, as the code is typed.

`documents` holds what is open, `desk` decides when it is linted, `workspace` lints it; `diagnostics`, `actions` and
`hover` say the result in the protocol's terms, `places`, `columns` and `edits` translate between its positions and
those of lintloss; `service` answers the messages. Nothing here runs or imports the code that is open.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from importlib.util import find_spec
from typing import BinaryIO

from lintloss.errors import UsageError


def serve() -> int:
    """Serve one client on standard input and output until it ends; return the exit code.

    The code is 0 where the client has asked for the end as the protocol wants it, else 1.

    Raises:
        UsageError: pygls is not installed.
    """
    if find_spec("pygls") is None:
        raise UsageError("the language server needs pygls: pip install 'lintloss[server]'")
    from lintloss.server.service import make_service

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread that waits for input would hold up a gentler end
    _log_in_lines()
    service = make_service()
    with _standard_output() as out, redirect_stdout(sys.stderr):
        service.start_io(stdout=out)  # nothing else may write there
    return 0 if service.is_shutting_down else 1


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Standard output as bytes, which can be closed, also when nobody reads it any more."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    try:
        yield out
    finally:
        with suppress(BrokenPipeError):
            out.close()


class _OneLine(logging.Formatter):
    """One line per message: a traceback helps only whoever debugs lintloss."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().strip().partition("\n")[0]
        return f"lintloss server: {message}"


def _log_in_lines() -> None:
    handler = logging.StreamHandler(sys.stderr)
    if not os.environ.get("LINTLOSS_DEBUG"):
        handler.setFormatter(_OneLine())
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
