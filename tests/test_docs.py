"""What the documentation shows is what happens: its files are written, its commands run, its output compared."""

from __future__ import annotations

import doctest
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import lintloss
from lintloss import output
from lintloss.cli import main

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"^(?P<fence>`{3,})(?P<language>\w+)(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)$", re.M | re.S)
_TITLE = re.compile(r'title="(.+?)"')
WITH_COMMANDS = [path for path in sorted(DOCS.rglob("*.md")) if "```console" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_commands_do_what_the_page_shows(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks with a title are files, written as they come; `$ lintloss ...` runs, and what follows is its output."""
    monkeypatch.chdir(tmp_path)
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        title = _TITLE.search(block["title"])
        if title is not None:
            Path(title[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(title[1]).write_text(block["body"], encoding="utf-8")
        elif block["language"] == "console":
            for command, output in transcript(block["body"]):
                assert run(command) == output, command


def transcript(text: str) -> list[tuple[str, str]]:
    _, *parts = re.split(r"^\$ ", text, flags=re.M)
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def run(command: str) -> str:
    program, *arguments = shlex.split(command)
    if program == "cat":
        return "".join(Path(name).read_text(encoding="utf-8") for name in arguments)
    assert program == "lintloss", "only lintloss and cat can be shown"
    return CliRunner().invoke(main, arguments).output


def yaml_blocks(page: str) -> dict[str, str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    titles = ((_TITLE.search(block["title"]), block["body"]) for block in _BLOCK.finditer(text))
    return {title[1]: body for title, body in titles if title is not None and title[1].endswith((".yml", ".yaml"))}


@pytest.mark.parametrize(
    ("name", "schema"),
    [(".github/workflows/lintloss.yml", "vendor.github-workflows"), (".gitlab-ci.yml", "vendor.gitlab-ci")],
)
def test_snippets_follow_the_services_schemas(name: str, schema: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    (tmp_path / "snippet.yml").write_text(yaml_blocks("ci.md")[name])
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(tmp_path / "snippet.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_ci_page_names_every_format() -> None:
    page = (DOCS / "ci.md").read_text(encoding="utf-8")
    assert [name for name in output.FORMATS if f"`{name}`" not in page] == []


def test_the_pre_commit_snippet_is_valid(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    (tmp_path / "config.yaml").write_text(yaml_blocks("pre-commit.md")[".pre-commit-config.yaml"])
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(tmp_path / "config.yaml")]
    assert subprocess.run(command, check=False).returncode == 0


def test_the_python_api_does_what_its_page_shows() -> None:
    results = doctest.testfile(str(DOCS / "python-api.md"), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0


def test_the_python_api_page_names_what_there_is() -> None:
    page = (DOCS / "python-api.md").read_text(encoding="utf-8")
    functions = [name for name in lintloss.__all__ if inspect.isfunction(getattr(lintloss, name))]
    for name in functions:
        listed = ", ".join(inspect.signature(getattr(lintloss, name)).parameters)
        assert name in page, f"{name}({listed})"
