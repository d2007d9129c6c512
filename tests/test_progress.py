"""The bar that shows how far a run is."""

from __future__ import annotations

import pytest

from lintloss.jobs import Timings
from lintloss.output import progress

SHOWN = "\r##########-------------------- 1 of 3 files"
GONE = "\r\033[K"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_a_short_run_shows_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress.Bar()
    clock.now += 0.9
    bar(1, 3)
    bar.close()
    assert capsys.readouterr().err == ""


def test_a_long_run_shows_a_bar_ten_times_a_second_and_leaves_none(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = progress.Bar()
    clock.now += 1.5
    bar(1, 3)
    clock.now += 0.05
    bar(2, 3)
    assert capsys.readouterr().err == SHOWN
    clock.now += 0.06
    bar(3, 3)
    assert capsys.readouterr().err == f"\r{'#' * 30} 3 of 3 files"
    bar.close()
    assert capsys.readouterr().err == GONE


def test_a_run_of_nothing_has_a_bar_all_the_same(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress.Bar()
    clock.now += 2
    bar(0, 0)
    assert capsys.readouterr().err.endswith(" 0 of 0 files")


def test_timings_name_the_slowest_files_first() -> None:
    checked = [(seconds, f"{seconds}.py") for seconds in (1.0, 7.0, 3.0, 2.0, 5.0, 4.0)]
    lines = progress.timings(Timings(cached=2, quiet=3, checked=checked), 9.876).splitlines()
    assert lines[0] == "9.88 s for 11 files: 2 from the cache, 3 that can hold no loss, 6 analysed"
    assert [line.split()[-1] for line in lines[1:]] == ["7.0.py", "5.0.py", "4.0.py", "3.0.py", "2.0.py"]
