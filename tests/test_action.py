"""The GitHub action: its file follows GitHub's schema, and each of its steps runs in bash as GitHub runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WRONG = """\
import tensorflow as tf


def f(y, z):
    return tf.nn.softmax_cross_entropy_with_logits(y, tf.nn.softmax(z))
"""


def test_it_follows_githubs_schema() -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's own folder, in which the step that installs has run."""
    folder = tmp_path_factory.mktemp("runner")
    result = step("Install lintloss", folder, folder, {})
    assert result.returncode == 0, result.stderr
    return folder


def step(name: str, folder: Path, runner: Path, inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one `run` step with bash, as GitHub does."""
    (described,) = (each for each in ACTION["runs"]["steps"] if each["name"] == name)
    given = {key: each["default"] for key, each in ACTION["inputs"].items()} | inputs
    known = {f"inputs.{key}": value for key, value in given.items()}
    known["steps.python.outputs.python-path"] = sys.executable
    exported = (runner / "env").read_text().split() if (runner / "env").exists() else []
    environment = {
        **os.environ,
        **dict(line.split("=", 1) for line in exported),
        **{key: expanded(value, known) for key, value in described.get("env", {}).items()},
        "RUNNER_TEMP": str(runner),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_ENV": str(runner / "env"),
        "GITHUB_OUTPUT": str(folder / "output"),
    }
    environment.pop("PYTHONPATH", None)
    script = runner / "step.sh"
    script.write_text(described["run"])
    assert "${{" not in described["run"], "what a person gives must not become part of a script"
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def expanded(value: str, known: dict[str, str]) -> str:
    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda found: known[found[1]], value)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a b.py").write_text(WRONG)
    (tmp_path / "fine.py").write_text("x = 1\n")
    return tmp_path


def test_findings_become_annotations_and_fail_the_step(runner: Path, project: Path) -> None:
    result = step("Lint", project, runner, {})
    assert result.returncode == 1
    assert result.stdout.startswith("::error title=lintloss (LL101),file=a b.py,line=5,col=12,")


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"paths": "fine.py"}, 0),
        ({"paths": "fine.py\n\na b.py\n"}, 1),
        ({"arguments": "--ignore LL101"}, 0),
        ({"arguments": "--ignore LL101\n--select  LL1\n"}, 0),
        ({"arguments": "--nonsense"}, 2),
        ({"paths": "none; touch hacked"}, 2),
        ({"arguments": "$(touch hacked) `touch hacked`"}, 2),
    ],
)
def test_inputs_reach_lintloss_and_nothing_else(runner: Path, project: Path, inputs: dict[str, str], code: int) -> None:
    assert step("Lint", project, runner, inputs).returncode == code
    assert not (project / "hacked").exists()


def test_sarif_is_written_and_named(runner: Path, project: Path) -> None:
    result = step("Write SARIF", project, runner, {"sarif-file": "out put.sarif"})
    assert result.returncode == 0, result.stderr
    (run,) = json.loads((project / "out put.sarif").read_text())["runs"]
    assert [each["ruleId"] for each in run["results"]] == ["LL101"]
    assert (project / "output").read_text() == "file=out put.sarif\n"
    assert step("Write SARIF", project, runner, {"sarif-file": "none/x.sarif"}).returncode == 2
