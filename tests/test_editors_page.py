"""What docs/editors.md asks people to copy is well formed, and fits what lintloss prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lintloss.cli import main
from lintloss.knowledge import parse_toml
from lintloss.server.actions import KINDS

PAGE = (Path(__file__).parents[1] / "docs" / "editors.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_problem_matcher_reads_the_concise_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(
        "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
    )
    (task,) = json.loads(blocks("json")[1])["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    first, *_ = CliRunner().invoke(main, task["command"].split()[1:]).output.splitlines()
    found = re.match(pattern["regexp"], first)
    assert found is not None
    parts = [found[pattern[name]] for name in ("file", "line", "column", "severity", "code")]
    assert parts == ["train.py", "2", "8", "error", "LL101"]
    assert found[pattern["message"]].startswith("`softmax_cross_entropy_with_logits`")


def test_the_other_snippets_are_well_formed() -> None:
    settings = json.loads(blocks("json")[0])
    assert set(settings["editor.codeActionsOnSave"]) <= set(KINDS)
    assert settings["glspc.server.commandArguments"] == ["server"]
    (helix,) = blocks("toml")
    table = parse_toml(helix, "languages.toml")
    assert table["language-server"]["lintloss"]["args"] == ["server"]


def test_the_kinds_of_actions_are_named() -> None:
    for kind in KINDS:
        assert f"`{kind}`" in PAGE
