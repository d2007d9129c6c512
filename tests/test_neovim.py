"""The language server in a real Neovim without a window: `$NVIM_FOR_TESTS` or the one on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEOVIM = os.environ.get("NVIM_FOR_TESTS") or shutil.which("nvim")
SESSION = Path(__file__).parent / "neovim" / "session.lua"
FIXTURE = ROOT / "fixtures" / "softmax-into-softmax-loss" / "softmax_regression.py"

pytestmark = pytest.mark.skipif(NEOVIM is None, reason="nvim is not installed")


@pytest.mark.parametrize("astral", [False, True], ids=["plain", "behind a character of two UTF-16 units"])
def test_a_session_in_neovim(tmp_path: Path, astral: bool) -> None:
    text = FIXTURE.read_text()
    fixed = FIXTURE.with_name("softmax_regression.fixed.py").read_text()
    marked = "    tf.nn.softmax_cross_entropy_with_logits(labels=y, logits="
    if astral:
        text = text.replace(marked, '    "🙂"[:0] or ' + marked.lstrip())
        fixed = fixed.replace(marked, '    "🙂"[:0] or ' + marked.lstrip())
    (tmp_path / "train.py").write_text(text)
    seen = session(tmp_path)
    assert seen.get("problem") is None, seen
    assert (seen["code"], seen["source"], seen["severity"]) == ("LL101", "lintloss", 1)
    row = next(row for row, line in enumerate(text.splitlines()) if marked.strip() in line)
    line = text.splitlines()[row]
    assert seen["line"] == row
    assert seen["column"] == len(line.partition("tf.nn")[0].encode())  # Neovim counts bytes
    assert "**misused**" in seen["hover"]
    assert any("ignore it here" in title for title in seen["actions"])
    assert seen["text"] == fixed
    assert seen["again"] == "LL101"
    assert seen["stopped"] is True
    print(f"Neovim {seen['version']}, columns in {seen['encoding']}")


def session(folder: Path) -> dict[str, object]:
    """What Neovim saw of `train.py` in a folder."""
    assert NEOVIM is not None
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LINTLOSS_PYTHON": sys.executable,
        "LINTLOSS_FILE": str(folder / "train.py"),
        "LINTLOSS_SEEN": str(folder / "seen.json"),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    command = [NEOVIM, "--headless", "--clean", "-n", "-c", f"luafile {SESSION}"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (folder / "seen.json").exists(), result.stderr
    seen: dict[str, object] = json.loads((folder / "seen.json").read_text())
    return seen
