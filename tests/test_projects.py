"""Which settings hold for which files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss import projects


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.py", "one/a.py", "one/old/a.py", "one/deep/er/a.py", "two/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "one" / "pyproject.toml").write_text('[tool.lintloss]\nbackend = "jax"\nexclude = ["old/"]\n')
    (tmp_path / "two" / "pyproject.toml").write_text("[tool.other]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*paths: str, config: str | None = None) -> dict[str, list[str]]:
    """Files by the backend that their settings name."""
    listed = projects.find([Path(path) for path in paths], Path(config) if config else None)
    return {each.settings.backend: [file.as_posix() for file in each.files] for each in listed.projects}


def test_each_file_has_the_settings_nearest_above_it() -> None:
    assert found(".") == {"tensorflow": ["a.py", "two/a.py"], "jax": ["one/a.py", "one/deep/er/a.py"]}
    assert found("one/deep/er") == {"jax": ["one/deep/er/a.py"]}
    assert found("two", "one/a.py") == {"tensorflow": ["two/a.py"], "jax": ["one/a.py"]}


def test_settings_above_hold_below(folder: Path) -> None:
    (folder / "lintloss.toml").write_text('backend = "torch"\n')
    assert found("two/a.py") == {"torch": ["two/a.py"]}
    assert found("two/a.py", "one/a.py") == {"torch": ["two/a.py"], "jax": ["one/a.py"]}


def test_a_settings_file_that_is_named_holds_for_all(folder: Path) -> None:
    (folder / "two" / "mine.toml").write_text('backend = "torch"\n')
    assert found("one/a.py", "a.py", config="two/mine.toml") == {"torch": ["a.py", "one/a.py"]}


def test_a_project_excludes_in_its_own_folder_and_not_what_is_named() -> None:
    assert found("one/old/a.py", "a.py")["jax"] == ["one/old/a.py"]


def test_nothing_found_is_a_project_without_files(folder: Path) -> None:
    (folder / "empty").mkdir()
    listed = projects.find([Path("empty")])
    assert [each.files for each in listed.projects] == [()]
    assert listed.notes == ("empty: no Python files or notebooks in it",)
