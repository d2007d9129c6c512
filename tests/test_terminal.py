"""At a real terminal and in a real shell: colours, and what Tab completes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lintloss

pty = pytest.importorskip("pty", reason="needs a POSIX terminal")

ROOT = Path(lintloss.__file__).parents[1]
PROGRAM = ROOT / "fixtures" / "tutorial" / "cross_entropy.py"


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


def at_a_terminal(*arguments: str, **more: str) -> str:
    """What a terminal receives from `lintloss`."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "lintloss", *arguments]
    process = subprocess.Popen(command, stdout=slave, stdin=slave, stderr=subprocess.DEVNULL, env=environment(**more))
    os.close(slave)
    received = b""
    while chunk := _read(master):
        received += chunk
    os.close(master)
    process.wait()
    return received.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so that the other end is closed
        return b""


def test_colours_at_a_terminal_only_and_not_where_they_are_unwanted(tmp_path: Path) -> None:
    command = ("check", "--output-format", "concise", str(PROGRAM))
    assert "\033[31merror\033[0m" in at_a_terminal(*command)
    assert "\033[" not in at_a_terminal(*command, NO_COLOR="1")
    assert "\033[" not in at_a_terminal(*command[:-2], "json", str(PROGRAM))
    at_a_terminal(*command, "--output-file", str(tmp_path / "report.txt"))
    assert "\033[" not in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["lintloss", "che"], ["check"]),
        (["lintloss", "check", "--diff-"], ["--diff-base"]),
        (["lintloss", "check", "--select", "LL40"], ["LL401"]),
        (["lintloss", "rule", "ll50"], ["LL501", "LL502"]),
        (["lintloss", "check", "--output-format", "js"], ["json", "json-lines"]),
    ],
)
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(tmp_path: Path, words: list[str], offered: list[str]) -> None:
    program = tmp_path / "lintloss"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lintloss "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_LINTLOSS_COMPLETE=bash_source lintloss)"; '
        f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
        "_lintloss_completion lintloss; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = environment(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.split() == offered, done.stderr
