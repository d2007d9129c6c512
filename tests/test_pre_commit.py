"""The hooks as people use them: the real pre-commit, installed in a git repository, on real commits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("pre_commit")

ROOT = Path(__file__).parents[1]
HOOKED = [".pre-commit-hooks.yaml", "LICENSE", "README.md", "lintloss", "pyproject.toml", "rules"]
BAD = "import tensorflow as tf\n\n\ndef loss(y, z):\n    p = tf.nn.softmax(z)\n    return {}\n"
WRONG = BAD.format("tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)")
RIGHT = BAD.format("tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=z)")


def run(folder: Path, *command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def done(folder: Path, *command: str, env: Mapping[str, str]) -> str:
    result = run(folder, *command, env=env)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which nobody's settings and caches count."""
    identity = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    home = str(tmp_path_factory.mktemp("pre-commit"))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") and key != "PYTHONPATH"}
    return {**kept, **identity, "PRE_COMMIT_HOME": home, "GIT_CONFIG_GLOBAL": os.devnull}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> Path:
    """This checkout as it lies, committed: pre-commit clones."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in HOOKED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    commit_all(folder, env, "init")
    return folder


def commit_all(folder: Path, env: dict[str, str], first: str) -> str:
    done(folder, "git", first, "-q", env=env)
    done(folder, "git", "add", "-A", env=env)
    done(folder, "git", "commit", "-q", "-m", "x", env=env)
    return done(folder, "git", "rev-parse", "HEAD", env=env).strip()


@pytest.fixture
def repository(tmp_path: Path, checkout: Path, env: dict[str, str]) -> Path:
    """A repository with both hooks; `SKIP` picks one."""
    revision = done(checkout, "git", "rev-parse", "HEAD", env=env).strip()
    hooks = [{"id": "lintloss"}, {"id": "lintloss-fix"}]
    config = {"repos": [{"repo": checkout.as_uri(), "rev": revision, "hooks": hooks}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(json.dumps(config))  # JSON is YAML
    (tmp_path / "README").write_text("x\n")
    commit_all(tmp_path, env, "init")
    done(tmp_path, sys.executable, "-m", "pre_commit", "install", env=env)
    return tmp_path


def commit(folder: Path, env: dict[str, str], *, without: str) -> subprocess.CompletedProcess[str]:
    done(folder, "git", "add", "-A", env=env)
    return run(folder, "git", "commit", "-m", "x", env={**env, "SKIP": without})


def test_a_bad_commit_is_refused_and_a_fixed_one_passes(repository: Path, env: dict[str, str]) -> None:
    train = repository / "train.py"
    train.write_text(WRONG)
    refused = commit(repository, env, without="lintloss-fix")
    assert refused.returncode == 1
    assert "train.py:6:12: error LL101" in refused.stderr
    assert train.read_text() == WRONG
    train.write_text(RIGHT)
    passed = commit(repository, env, without="lintloss-fix")
    assert passed.returncode == 0, passed.stderr
    assert done(repository, "git", "show", "HEAD:train.py", env=env) == RIGHT


def test_the_fixing_hook_repairs_and_refuses_once(repository: Path, env: dict[str, str]) -> None:
    train = repository / "train.py"
    train.write_text(WRONG)
    refused = commit(repository, env, without="lintloss")
    assert refused.returncode == 1
    assert "files were modified by this hook" in refused.stderr
    assert train.read_text() == RIGHT
    assert commit(repository, env, without="lintloss").returncode == 0


def test_files_that_the_settings_exclude_pass(repository: Path, env: dict[str, str]) -> None:
    (repository / "old.py").write_text(WRONG)
    (repository / "lintloss.toml").write_text('exclude = ["old.py"]\n')
    assert commit(repository, env, without="lintloss-fix").returncode == 0


def test_the_install_is_light(repository: Path, env: dict[str, str]) -> None:
    (repository / "a.py").touch()
    assert commit(repository, env, without="none").returncode == 0
    installed = {path.name.lower() for path in Path(env["PRE_COMMIT_HOME"]).rglob("site-packages/*")}
    assert "libcst" in installed
    assert not installed & {"tensorflow", "keras", "numpy"}
