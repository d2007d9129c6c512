"""The Python API: findings that travel, and calls that leave nothing behind."""

from __future__ import annotations

import inspect
import pickle
import typing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import lintloss

BAD = "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits([[0.0, 1.0]], tf.nn.softmax(z))\n"


def codes(findings: list[lintloss.Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_findings_are_picklable_and_equal_from_everywhere() -> None:
    here = lintloss.check_source(BAD)
    assert codes(here) == ["LL101"]
    assert pickle.loads(pickle.dumps(here)) == here
    assert len({*here, *lintloss.check_source(BAD)}) == 1
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(lintloss.check_source, BAD).result() == here
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lintloss.check_source, [BAD] * 8)) == [here] * 8


def test_settings_are_the_calls_own() -> None:
    quiet = lintloss.Settings(ignore=("LL101",))
    assert codes(lintloss.check_source(BAD, settings=quiet)) == []
    assert codes(lintloss.check_source(BAD)) == ["LL101"]


def test_paths_follow_the_nearest_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sub = tmp_path / "sub"
    sub.mkdir()
    (sub / "a.py").write_text(BAD)
    (sub / "lintloss.toml").write_text('severities = { LL101 = "warning" }\n')
    for each in (sub / "a.py", str(sub)):
        (finding,) = lintloss.check_paths([each])
        assert finding.severity is lintloss.Severity.WARNING
    assert lintloss.load_settings(sub).severities == {"LL101": "warning"}
    assert lintloss.load_settings(tmp_path).severities == {}
    monkeypatch.chdir(sub)
    assert len(lintloss.check_paths([])) == 0
    with pytest.raises(lintloss.UsageError, match="no such file or folder"):
        lintloss.check_paths(["none.py"])


def test_a_notebook_is_known_by_its_name() -> None:
    text = '{"cells": [{"cell_type": "code", "source": "x = ("}]}'
    (finding,) = lintloss.check_source(text, "n.ipynb")
    assert (finding.code, finding.span.cell) == ("LL001", 1)


@pytest.mark.parametrize("name", lintloss.__all__)
def test_what_is_public_is_documented_and_typed(name: str) -> None:
    public = getattr(lintloss, name)
    if inspect.isfunction(public) or inspect.isclass(public):
        assert inspect.getdoc(public)
        target = public if inspect.isfunction(public) else public.__init__
        hints = typing.get_type_hints(target) if inspect.isfunction(public) else {}
        parameters = inspect.signature(target).parameters if inspect.isfunction(public) else {}
        assert set(parameters) <= set(hints)
