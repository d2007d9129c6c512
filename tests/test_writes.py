"""What is written: the files that were to be fixed and nothing else, each as a whole, whatever happens meanwhile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULE = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), "-m", "lintloss"]
OLD = "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
NEW = OLD.replace("tf.nn.softmax(z)", "z")


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, timeout=300)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


COMMANDS = [
    ("check",),
    ("check", "--diff"),
    ("check", "--statistics", "--output-format", "sarif"),
    ("losses",),
    ("config",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_is_written_that_was_not_asked_for(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "a.py").write_text(OLD)
    run(*MODULE, *command, "a.py", cwd=tmp_path)
    left = {name: text for name, text in contents(tmp_path).items() if not name.startswith(".lintloss_cache")}
    assert left == {"a.py": OLD}


def test_fix_writes_what_is_named_and_nothing_beside(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "folder/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(OLD)
    run(*MODULE, "check", "--fix", "a.py", cwd=tmp_path)
    left = {name: text for name, text in contents(tmp_path).items() if not name.startswith(".lintloss_cache")}
    assert left == {"a.py": NEW, "b.py": OLD, "folder/c.py": OLD}


def test_fix_follows_no_link_out_of_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "project"
    for each in (outside, folder):
        each.mkdir()
    (outside / "a.py").write_text(OLD)
    (folder / "own.py").write_text(OLD)
    (folder / "link.py").symlink_to(outside / "a.py")
    (folder / "linked").symlink_to(outside)
    run(*MODULE, "check", "--fix", ".", cwd=folder)
    assert (outside / "a.py").read_text() == OLD
    assert (folder / "own.py").read_text() == NEW
    assert (folder / "link.py").is_symlink()


def test_a_link_within_the_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "z.py").symlink_to("a.py")
    run(*MODULE, "check", "--fix", ".", cwd=tmp_path)
    assert (tmp_path / "a.py").read_text() == NEW
    assert (tmp_path / "z.py").is_symlink()


FIXING = [
    sys.executable,
    "-c",
    "import sys; from pathlib import Path; from lintloss.files import Change, write_changes\n"
    f"new = {NEW.encode()!r}; old = {OLD.encode()!r}\n"
    "write_changes([Change(Path('a.py'), old, new), Change(Path('b.py'), old, new)])",
]


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_killed_process_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    """The process is killed at every system call that it makes once it has begun to stage the new file."""

    def fresh(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for each in ("a.py", "b.py"):
            (folder / each).write_text(OLD)
        return folder

    traced = fresh("traced")
    log = tmp_path / "calls.txt"
    done = run("strace", "-f", "-o", str(log), *FIXING, cwd=traced)
    if "Operation not permitted" in done.stderr:
        pytest.skip("processes cannot be traced here")
    assert contents(traced) == {"a.py": NEW, "b.py": NEW}
    calls = [(found[1], line) for line in log.read_text().splitlines() if (found := re.match(r"\d+\s+(\w+)\(", line))]
    names = [name for name, _ in calls]
    begun = next(at for at, (_, line) in enumerate(calls) if '"a.py"' in line or "/a.py" in line)
    outcomes = set()
    for at in range(begun, len(calls)):
        folder = fresh(f"killed-{at}")
        inject = f"inject={names[at]}:signal=KILL:when={names[: at + 1].count(names[at])}"
        run("strace", "-f", "-e", f"trace={names[at]}", "-e", inject, "-o", os.devnull, *FIXING, cwd=folder)
        left = contents(folder)
        outcomes.add((left.pop("a.py"), left.pop("b.py")))
        assert all(name.startswith(".") and not name.endswith(".py") for name in left), at
        shutil.rmtree(folder)
    assert outcomes == {(OLD, OLD), (NEW, OLD), (NEW, NEW)}
    assert len(calls) - begun >= 30
