"""What a git range touches, asked of real git."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from lintloss import touched
from lintloss.errors import UsageError
from lintloss.finding import Finding, FlowStep, Severity
from lintloss.sources import Source

CODE = "a = 1\nb = 2\nc = (\n    3,\n    4,\n)\nd = 5\n"


def git(*arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "trunk")
    (tmp_path / "a.py").write_text(CODE)
    commit()
    return tmp_path


def commit() -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "x")


def source(name: str = "a.py", text: str | None = None) -> Source:
    return Source.from_text(text, name) if text is not None else Source.read(Path(name), name)


def finding(of: Source, first: int, last: int | None = None, *flow: int) -> Finding:
    steps = tuple(FlowStep(of.span(row, 1, row, 2), "here") for row in flow)
    return Finding("LL101", "n", Severity.ERROR, "m", of.span(first, 1, last or first, 2), None, steps)


def rows(of: Source, revision: str = "HEAD") -> list[int]:
    """The rows whose findings the range touches."""
    findings = [finding(of, row) for row in range(1, len(of.lines) + 1) if of.lines[row - 1]]
    return [each.span.start.row for each in touched.since(revision, Path()).touching(findings, [of])]


def test_nothing_has_changed() -> None:
    assert rows(source()) == []


def test_changed_and_new_rows_are_touched(folder: Path) -> None:
    (folder / "a.py").write_text("new = 0\n" + CODE.replace("b = 2", "b = 3"))
    assert rows(source()) == [1, 3]


def test_a_row_taken_out_touches_what_it_stood_in(folder: Path) -> None:
    (folder / "a.py").write_text(CODE.replace("    4,\n", ""))
    now = source()
    changes = touched.since("HEAD", folder)
    around, above, below = finding(now, 3, 5), finding(now, 4), finding(now, 5)
    assert changes.touching([around, above, below], [now]) == [around]


def test_a_step_of_the_flow_counts(folder: Path) -> None:
    (folder / "a.py").write_text(CODE.replace("a = 1", "a = 9"))
    now = source()
    through, beside = finding(now, 7, 7, 1), finding(now, 7, 7, 2)
    assert touched.since("HEAD", folder).touching([through, beside], [now]) == [through]


def test_text_that_is_not_on_disk_is_compared_as_it_is() -> None:
    Path("a.py").write_text("# on disk\n" + CODE)
    assert rows(source(text="\n\nx = 1\n" + CODE)) == [3]


def test_untracked_and_unknown_files_are_new_and_renamed_ones_are_not(folder: Path) -> None:
    (folder / "new.py").write_text("x = 1\n")
    assert rows(source("new.py")) == [1]
    git("mv", "a.py", "b ä.py")
    (folder / "b ä.py").write_text(CODE + "e = 6\n")
    assert rows(source("b ä.py")) == [8]


def test_what_only_the_other_branch_did_is_not_ours(folder: Path) -> None:
    git("checkout", "-q", "-b", "topic")
    (folder / "a.py").write_text(CODE + "topic = 1\n")
    commit()
    git("checkout", "-q", "trunk")
    (folder / "a.py").write_text(CODE.replace("a = 1", "a = 7"))
    commit()
    git("checkout", "-q", "topic")
    assert rows(source(), "trunk") == [8]


def test_notebooks_are_compared_by_their_code(folder: Path) -> None:
    def write(*cells: str, outputs: str) -> None:
        listed = [{"cell_type": "code", "source": cell, "outputs": [outputs]} for cell in cells]
        (folder / "n.ipynb").write_text(json.dumps({"cells": listed}, indent=1))

    write("a = 1\nb = 2", "c = 3", outputs="old")
    commit()
    write("a = 1\nb = 2", "c = 4", outputs="new")
    now = source("n.ipynb")
    inside = [finding(now, 1), finding(now, 3)]
    assert touched.since("HEAD", folder).touching(inside, [now]) == inside[1:]


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("none", "--diff-base none: no such commit"),
        ("--output=x", "--diff-base --output=x: no such commit"),
        ("HEAD~1..HEAD", "name one revision"),
    ],
)
def test_revisions_that_are_none(folder: Path, revision: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        touched.since(revision, folder)
    assert not (folder / "x").exists()


def test_no_shared_history(folder: Path) -> None:
    git("checkout", "-q", "--orphan", "other")
    (folder / "a.py").write_text("other = 1\n")
    commit()
    with pytest.raises(UsageError, match="shares no history with HEAD"):
        touched.since("trunk", folder)


def test_no_repository_and_no_git(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--diff-base: git rev-parse: .*not a git repository"):
        touched.since("HEAD", tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="--diff-base needs git"):
        touched.since("HEAD", Path())
