"""CONTRIBUTING.md, followed to the letter in a clone: its files are written, its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^(?P<fence>`{3,})(?P<language>\w+)(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)$", re.M | re.S)
_TITLE = re.compile(r'title="(.+?)"')


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a contributor has: the checkout as it is now."""
    for name in ("lintloss", "rules", "fixtures", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_worked_examples_work(clone: Path) -> None:
    ran = []
    _, _, examples = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Worked example")
    for block in _BLOCK.finditer(examples):
        title = _TITLE.search(block["title"])
        if title is not None:
            (clone / title[1]).parent.mkdir(exist_ok=True)
            (clone / title[1]).write_text(block["body"], encoding="utf-8")
        elif block["language"] == "console":
            command, _, expected = block["body"].removeprefix("$ ").partition("\n")
            done = run(command, clone)
            assert done.stdout == expected, done.stderr
            ran.append(command)
        elif block["language"] == "sh":
            done = run(block["body"].strip(), clone)
            assert done.returncode == 0, done.stdout + done.stderr
            ran.append(block["body"].strip())
    assert len(ran) == 5


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
