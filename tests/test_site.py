"""The documentation as a site: it builds without a warning, and what is generated says what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import click
import pytest

from lintloss import knowledge
from lintloss.cli import main
from lintloss.config import options

pytest.importorskip("mkdocs")

ROOT = Path(__file__).parents[1]
WRITTEN = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
WRITTEN += sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "rules").rglob("*.md")])
_FENCED = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s#]+)[^)]*\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def text(page: Path) -> str:
    """What a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())


def test_every_rule_has_its_page(site: Path) -> None:
    table = text(site / "rules" / "index.html")
    for page in knowledge.rule_pages():
        assert page.stem.partition("-")[0] in table
        shown = text(site / "rules" / page.stem / "index.html")
        for heading in re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert heading in shown


def test_every_setting_is_described(site: Path) -> None:
    shown = text(site / "reference" / "settings" / "index.html")
    for key, option in options().items():
        assert key in shown
        assert " ".join(option.metadata["help"].replace("`", "").split()) in shown


def test_every_option_is_described(site: Path) -> None:
    shown = text(site / "reference" / "commands" / "index.html")
    for name, command in main.commands.items():
        assert f"lintloss {name}" in shown
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[0] in shown


def test_every_loss_is_listed(site: Path) -> None:
    shown = text(site / "reference" / "losses" / "index.html")
    for file in knowledge.api_files():
        for entry in knowledge.load_toml(file)["api"]:
            if entry["kind"] == "loss":
                assert all(name in shown for name in entry["names"])


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if "://" not in target and not target.startswith("mailto:"):
            made = {"docs/rules/index.md", "docs/reference/settings.md", "docs/reference/commands.md"}
            place = (page.parent / target).resolve()
            assert place.exists() or place.relative_to(ROOT).as_posix() in made, target
