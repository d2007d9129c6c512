"""Settings files: found, checked, and wrong ones explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss.config import Settings, default_of, load, options
from lintloss.errors import UsageError


def write(folder: Path, text: str, name: str = "lintloss.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert loaded.file is None
    assert loaded.settings == Settings(root=tmp_path)


def test_the_nearest_file_with_settings_holds(tmp_path: Path) -> None:
    write(tmp_path, '[tool.lintloss]\nfail-on = "error"\n', "pyproject.toml")
    inner = tmp_path / "inner" / "deeper"
    inner.mkdir(parents=True)
    write(tmp_path / "inner", "[project]\nname = 'x'\n", "pyproject.toml")
    loaded = load(inner)
    assert loaded.settings.fail_on == "error"
    assert loaded.settings.root == tmp_path
    assert loaded.lines == {"fail-on": 2}


def test_every_kind_of_value(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        select = ["LL1"]
        preview = true
        apis = ["my_apis.toml"]
        backend = "jax"
        per-file-ignores = { "tests/*" = ["LL301"] }
        severities = { LL301 = "error" }
        versions = { tensorflow = "1.15" }
        """,
    )
    settings = load(tmp_path, file).settings
    assert settings.select == ("LL1",)
    assert settings.preview
    assert settings.apis == (tmp_path / "my_apis.toml",)
    assert settings.per_file_ignores == {"tests/*": ("LL301",)}
    assert settings.severities == {"LL301": "error"}
    assert settings.versions == {"tensorflow": "1.15"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = []", "unknown setting `selct`; did you mean `select`?"),
        ("extend_select = []", "did you mean `extend-select`?"),
        ("zzz = 1", "unknown setting `zzz`"),
        ("select = 'LL1'", "`select` has to be a list of strings, not 'LL1'"),
        ("select = [1]", "`select` has to be a list of strings"),
        ("preview = 1", "`preview` has to be true or false, not 1"),
        ("fail-on = 'eror'", 'has to be "error" or "warning" or "undecided", not eror; did you mean `error`?'),
        ("severities = { LL101 = 'bad' }", '`severities` has to be a table of "error" or "warning", not bad'),
        ("per-file-ignores = { x = 'LL1' }", "`per-file-ignores` has to be a table of lists of strings"),
        ('apis = ["\\u0000"]', "`apis` has to be a list of strings"),
        ("select = [", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("lintloss.toml", '# x\nselect = [\n  "LL1",\n]\npreviw = true\n', 5),
        ("pyproject.toml", "[tool.other]\npreview = 1\n\n[tool.lintloss]\nselect = []\npreview = 1\n", 6),
        ("pyproject.toml", "[tool]\nlintloss = 1\n", 2),
    ],
)
def test_a_wrong_key_is_found_by_its_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    file = write(tmp_path, text, name)
    with pytest.raises(UsageError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_a_named_file_must_be_there_and_speak_of_lintloss(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path, tmp_path / "none.toml")
    with pytest.raises(UsageError, match=r"no \[tool.lintloss\]"):
        load(tmp_path, write(tmp_path, "", "pyproject.toml"))


def test_every_setting_is_described_and_has_its_default() -> None:
    for name, option in options().items():
        assert option.metadata["help"].endswith("."), name
        assert default_of(option) == getattr(Settings(), option.name)
