"""The settings' JSON schema: shipped as it is made, valid, and of one mind with the checks in `config`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lintloss import schema
from lintloss.config import load
from lintloss.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VALIDATOR = jsonschema.Draft7Validator(schema.settings_schema(), format_checker=jsonschema.FormatChecker())


def test_the_shipped_file_is_what_is_made() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.render(), "write it anew: lintloss config --schema"


def test_it_is_a_schema_and_its_defaults_follow_it() -> None:
    jsonschema.Draft7Validator.check_schema(schema.settings_schema())
    properties: dict[str, Any] = schema.settings_schema()["properties"]
    VALIDATOR.validate({key: each["default"] for key, each in properties.items()})


@pytest.mark.parametrize(
    "text",
    [
        "",
        'select = ["LL1"]',
        "select = 'LL1'",
        "select = [1]",
        "selct = []",
        "extend_select = []",
        "preview = true",
        "preview = 1",
        'fail-on = "undecided"',
        'fail-on = "note"',
        'severities = { LL101 = "warning" }',
        'severities = { LL101 = "bad" }',
        'severities = ["LL101"]',
        'per-file-ignores = { "tests/*" = ["LL1"] }',
        'per-file-ignores = { x = "LL1" }',
        'versions = { tensorflow = "2.16" }',
        "versions = { tensorflow = 2 }",
        'apis = ["a.toml"]',
        "apis = [{}]",
        'backend = "mxnet"',
    ],
)
def test_the_schema_refuses_what_lintloss_refuses(tmp_path: Path, text: str) -> None:
    (tmp_path / "lintloss.toml").write_text(text)
    try:
        load(tmp_path)
        is_taken = True
    except UsageError:
        is_taken = False
    assert VALIDATOR.is_valid(tomllib.loads(text)) == is_taken


@pytest.mark.parametrize(("preview", "code"), [("true", 0), ("1", 1)])
def test_validate_pyproject_takes_it(tmp_path: Path, preview: str, code: int) -> None:
    pytest.importorskip("validate_pyproject")
    project = '[project]\nname = "x"\nversion = "1"\n'
    (tmp_path / "pyproject.toml").write_text(f"{project}[tool.lintloss]\npreview = {preview}\n")
    tool = f"lintloss={schema.FILE.as_uri()}"
    command = [sys.executable, "-m", "validate_pyproject", "--tool", tool, str(tmp_path / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("`tool.lintloss.preview` must be boolean" in done.stderr) == bool(code)
