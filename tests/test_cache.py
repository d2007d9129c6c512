"""The cache: answers that are still right are kept, all others are found anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss import codec, linter, store
from lintloss.cache import Cache
from lintloss.checking import Checked
from lintloss.config import Settings
from lintloss.finding import Report
from lintloss.jobs import Way

TRAIN = """\
import tensorflow as tf
from models import predict
tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=predict(x))
"""
SOFTMAX = "import tensorflow as tf\ndef predict(x):\n    return tf.nn.softmax(x @ w)\n"
LINEAR = "import tensorflow as tf\ndef predict(x):\n    return x @ w\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINTLOSS_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("pyproject.toml").touch()
    Path("train.py").write_text(TRAIN)
    Path("models.py").write_text(SOFTMAX)
    Path("quiet.py").write_text("x = 1\n")
    return folder


def run(settings: Settings | None = None) -> tuple[Report, Way]:
    settings = settings or Settings()
    way = Way(cache=Cache(settings))
    read = linter.read(sorted(Path().glob("*.py")), named=())
    return linter.lint(read.sources, settings, way=way), way


def test_nothing_is_analysed_again_that_has_not_changed() -> None:
    first, way = run()
    assert way.timings.cached == 0
    assert [name for _, name in sorted(way.timings.checked)] != []
    second, way = run()
    assert (way.timings.cached, way.timings.checked, way.timings.quiet) == (3, [], 0)
    assert second == first
    assert [finding.code for finding in second.findings] == ["LL101"]


def test_a_change_in_a_file_that_was_imported_is_seen() -> None:
    run()
    Path("models.py").write_text(LINEAR)
    report, way = run()
    assert report.findings == ()
    assert "train.py" in [name for _, name in way.timings.checked]
    assert way.timings.cached == 1


def test_a_file_that_comes_to_shadow_an_import_is_seen() -> None:
    Path("models.py").unlink()
    report, _ = run()
    assert report.findings == ()
    Path("models.py").write_text(SOFTMAX)
    report, _ = run()
    assert [finding.code for finding in report.findings] == ["LL101"]


def test_a_loss_that_another_file_comes_to_name_is_seen() -> None:
    Path("train.py").write_text("from models import predict\nimport costs\ncosts.my_loss(predict(x), y)\n")
    Path("models.py").write_text("import torch\ndef predict(x):\n    return torch.softmax(x, dim=1)\n")
    defined = "def my_loss(p, y):\n    return p\n"
    Path("costs.py").write_text(defined)
    Path("other.py").write_text("import train\nimport costs\ndef use(p, y):\n    return costs.my_loss(p, y)\n")
    for _ in range(2):
        assert run()[0].findings == ()
    Path("costs.py").write_text("import torch\nmy_loss = torch.nn.functional.cross_entropy\n")
    report, way = run()
    assert [(each.span.filename, each.code) for each in report.findings] == [("train.py", "LL101")]
    assert "other.py" in [name for _, name in way.timings.checked]
    Path("costs.py").write_text(defined)
    assert run()[0].findings == ()


def test_a_file_that_comes_to_import_a_relay_is_seen() -> None:
    relay = "import tensorflow as tf\ndef cost(y, z):\n    return tf.nn.softmax_cross_entropy_with_logits(y, z)\n"
    Path("costs.py").write_text(relay)
    run()
    Path("use.py").write_text("import tensorflow as tf\nfrom costs import cost\ncost(y, tf.nn.softmax(x @ w))\n")
    report, _ = run()
    assert ("costs.py", "LL101") in [(each.span.filename, each.code) for each in report.findings]


def test_settings_have_answers_of_their_own() -> None:
    run()
    report, way = run(Settings(ignore=("LL101",)))
    assert report.findings == ()
    assert way.timings.cached == 0


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 100, b"0" * 32 + b"\n{}"])
def test_a_damaged_cache_is_an_empty_one(damage: bytes) -> None:
    first, _ = run()
    (file,) = store.folder().glob("[0-9a-f]*.json")
    file.write_bytes(damage)
    again, way = run()
    assert again == first
    assert way.timings.cached == 0


def test_answers_of_another_shape_are_none() -> None:
    with pytest.raises(ValueError, match="Checked"):
        codec.decode(Checked, [1, 2])


def test_a_cache_that_cannot_be_written_costs_nothing(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    (project / "file").touch()
    monkeypatch.setenv("LINTLOSS_CACHE_DIR", str(project / "file" / "below"))
    assert [finding.code for finding in run()[0].findings] == ["LL101"]


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    held = sum(each.stat().st_size for each in store.folder().glob("*.json"))
    monkeypatch.setattr(store, "MOST_BYTES", held + 10)
    run(Settings(ignore=("LL101",)))
    assert sum(each.stat().st_size for each in store.folder().glob("*.json")) <= held + 10


def test_clean_empties_it() -> None:
    run()
    assert store.clean() > 0
    assert not store.folder().exists()
