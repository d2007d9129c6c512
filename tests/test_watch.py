"""A person at a terminal: a bar while a run takes long, the same run again when a file changes, Ctrl-C to end it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import lintloss

pty = pytest.importorskip("pty", reason="needs a POSIX terminal")

ROOT = Path(lintloss.__file__).parents[1]
PATIENCE = 60.0
WRONG = """\
import tensorflow as tf


def loss(y, x):
    return tf.nn.softmax_cross_entropy_with_logits(y, tf.nn.softmax(x))
"""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """What is started in the background ignores SIGINT, and so would all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminal:
    """A pseudo-terminal with a lintloss that runs at it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "XDG_CACHE_HOME": str(folder / ".cache")}
        command = [sys.executable, "-m", "lintloss", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self.received = ""

    def until(self, wanted: str) -> str:
        """What comes up to a text that matches `wanted`; fails after a minute."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(wanted, self.received)):
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {wanted!r} in {self.received!r}"
            try:
                self.received += os.read(self._master, 65536).decode()
            except OSError:
                pytest.fail(f"ended without {wanted!r}: {self.received!r}")
        before, self.received = self.received[: found.end()], self.received[found.end() :]
        return before

    def ends(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE)


def _is_gone(group: int) -> bool:
    """Whether nobody of a group of processes is left after half a minute."""
    for _ in range(300):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_change_is_checked_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(WRONG)
    terminal = Terminal(tmp_path, "check", "--watch", "--output-format", "concise", "train.py")
    try:
        assert "train.py:5:12: error LL101" in terminal.until("1 misused")
        file.write_text(WRONG.replace("tf.nn.softmax(x)", "x"))
        assert "LL101" not in terminal.until("0 misused")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.ends() in (0, 130)
    finally:
        terminal.process.kill()


def test_a_bar_where_a_run_takes_over_a_second_and_none_after_it(tmp_path: Path) -> None:
    for number in range(120):
        body = "".join(WRONG.split("\n\n\n", 1)[1].replace("def loss", f"def loss_{n}") + "\n\n" for n in range(12))
        (tmp_path / f"train_{number}.py").write_text(f"import tensorflow as tf\n\n\n{body}")
    terminal = Terminal(tmp_path, "check", "--jobs", "1", "--no-cache", "--statistics", ".")
    try:
        terminal.until(r"\r#+-+ \d+ of 120 files")
        after = terminal.until("1440")
        assert "\r\033[K" in after, "the bar is wiped before the report"
        assert terminal.ends() == 1
    finally:
        terminal.process.kill()


def test_ctrl_c_ends_a_run_of_several_processes_at_once(tmp_path: Path) -> None:
    for number in range(300):
        body = "".join(WRONG.split("\n\n\n", 1)[1].replace("def loss", f"def loss_{n}") + "\n\n" for n in range(40))
        (tmp_path / f"train_{number}.py").write_text(f"import tensorflow as tf\n\n\n{body}")
    terminal = Terminal(tmp_path, "check", "--jobs", "2", ".")
    try:
        terminal.until(r"\d+ of 300 files")
        os.killpg(terminal.process.pid, signal.SIGINT)
        pressed = time.monotonic()
        assert terminal.ends() not in (0, 1)
        assert time.monotonic() - pressed < PATIENCE / 2
        assert _is_gone(terminal.process.pid)
    finally:
        terminal.process.kill()
