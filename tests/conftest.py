"""What every test has: a cache of its own; and what fuzzing says at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lintloss import garbage

garbage.look_for_it_seldom()  # as in the command


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LINTLOSS_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that the test starts do not note down which lines they run: that would be system calls and writes."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    fuzzing = sys.modules.get("fuzzing")
    for line in fuzzing.summary() if fuzzing is not None else ():
        terminalreporter.write_line(line)
