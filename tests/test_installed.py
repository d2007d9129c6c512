"""The wheel, as people get it: built, installed without TensorFlow in a fresh environment, and used."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    found = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return found


def test_the_wheel_lints_the_tutorial(python: Path, tmp_path: Path) -> None:
    program = ROOT / "fixtures" / "tutorial" / "cross_entropy.py"
    command = [str(python), "-P", "-m", "lintloss"] if sys.version_info >= (3, 11) else [str(python), "-m", "lintloss"]
    done = subprocess.run(
        [*command, "check", "--output-format", "json", str(program)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert [finding["code"] for finding in json.loads(done.stdout)] == ["LL101", "LL101", "LL401"]


def test_the_wheel_carries_the_rule_pages(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(python), "-m", "lintloss", "rule", "LL101"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "softmax-into-softmax-loss" in done.stdout


def test_the_wheel_carries_its_licence_and_says_that_it_is_typed(python: Path, tmp_path: Path) -> None:
    code = "import importlib.metadata as m; print(*(str(file) for file in m.files('lintloss')), sep='\\n')"
    done = subprocess.run([str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    files = done.stdout.splitlines()
    assert "lintloss/py.typed" in files
    assert any(file.endswith(".dist-info/licenses/LICENSE") for file in files)


def test_the_wheel_carries_the_settings_schema(python: Path) -> None:
    code = "from lintloss import schema; print(schema.FILE.read_text(encoding='utf-8') == schema.render())"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_without_tensorflow_verify_says_how_to_get_it(python: Path, tmp_path: Path) -> None:
    program = ROOT / "fixtures" / "tutorial" / "cross_entropy.py"
    done = subprocess.run(
        [str(python), "-m", "lintloss", "check", "--verify", str(program)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install 'lintloss[verify]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_base_install_is_light(python: Path) -> None:
    code = "import sys, lintloss; print(sorted({'libcst', 'tensorflow', 'numpy', 'click'} & set(sys.modules)))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
