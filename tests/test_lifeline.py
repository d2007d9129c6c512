"""A server ends with its client."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from lintloss.server import lifeline

PATIENCE = 30


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the process would have ended."""
    event = threading.Event()

    def end(code: int) -> None:
        event.set()
        raise SystemExit(code)

    monkeypatch.setattr(lifeline, "_PULSE", 0.01)
    monkeypatch.setattr(os, "_exit", end)
    return event


@pytest.mark.skipif(os.name != "posix", reason="looks at other processes as POSIX does")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_it_lives_as_long_as_its_client(ended: threading.Event) -> None:
    client = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lifeline.end_with(client.pid)
        time.sleep(0.2)
        assert not ended.is_set()
    finally:
        client.communicate(b"\n")
    assert ended.wait(PATIENCE)


def test_a_client_out_of_sight_ends_nothing(ended: threading.Event) -> None:
    client = subprocess.Popen([sys.executable, "-c", ""])
    client.wait()
    lifeline.end_with(client.pid)
    assert not ended.wait(0.2)
