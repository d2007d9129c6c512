"""Several processes give what one gives; what can hold no loss is not parsed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import dying
import pytest

from lintloss import jobs, linter, processes, rulebook
from lintloss.analysis import Analysis
from lintloss.analysis.lowering import Lowered
from lintloss.cache import Cache
from lintloss.config import Settings
from lintloss.jobs import Way

FIXTURES = Path(__file__).parent.parent / "fixtures"


def test_processes_agree_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES)
    monkeypatch.setattr(jobs, "WORTH_A_PROCESS", 1000)
    files = sorted(Path("softmax-into-softmax-loss").glob("*.py"))[:24]
    read = linter.read(files, named=())
    alone = linter.lint(read.sources, Settings())
    together = linter.lint(read.sources, Settings(), way=Way(jobs=2))
    assert alone.findings
    assert together == alone


def test_only_files_that_can_hold_a_loss_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        Path(f"plain{number}.py").write_text("import os\nx = os.getcwd()\ndef f(a):\n    return a + 1\n")
    Path("logs.py").write_text("import logging\nimport re\nlog = logging.getLogger()\nlog.log(1, re.compile('a'))\n")
    loss = "import tensorflow as tf\ndef f(x):\n    return 1\ndef g(x):\n    return tf.nn.softmax(x)\n"
    Path("loss.py").write_text(loss)
    parsed: list[str] = []
    pieces: list[str] = []
    parse, lower = ast.parse, Lowered.__init__

    def noting_parse(text: str, *more: Any, **named: Any) -> Any:
        parsed.append(text)
        return parse(text, *more, **named)

    def noting_lowered(self: Lowered, statements: list[ast.stmt], lines: list[str]) -> None:
        pieces.append(ast.unparse(statements[0]))
        lower(self, statements, lines)

    monkeypatch.setattr(ast, "parse", noting_parse)
    monkeypatch.setattr(Lowered, "__init__", noting_lowered)
    way = Way()
    linter.lint(linter.read(sorted(Path().glob("*.py")), named=()).sources, Settings(), way=way)
    assert way.timings.quiet == 21
    assert loss in parsed
    assert not any("getcwd" in text for text in parsed)
    assert len(pieces) == 2  # the import and the function that holds a softmax
    assert not any("return 1" in text for text in pieces)


def test_timings_name_what_was_analysed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loss.py").write_text("import tensorflow as tf\ntf.nn.softmax(x)\n")
    way = Way()
    linter.lint(linter.read([Path("loss.py")]).sources, Settings(), way=way)
    assert [name for _, name in way.timings.checked] == ["loss.py"]


MISUSE = "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Twenty files that hold one misuse each, in a project that is worth two processes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jobs, "WORTH_A_PROCESS", 100)
    paths = [Path(f"{'ab'[number % 2]}/file{number}.py") for number in range(20)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(MISUSE)
    return sorted(paths)


def lint(paths: list[Path], way: Way) -> list[tuple[str, str, str]]:
    report = linter.lint(linter.read(paths, named=()).sources, Settings(), way=way)
    return [(each.span.filename, each.code, each.message) for each in report.findings]


def test_what_goes_wrong_within_costs_one_file_alone(many: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = lint(many, Way())
    judge, broken = rulebook.judge, str(many[3])

    def fail(analysis: Analysis, settings: Settings) -> object:
        if analysis.source.filename == broken:
            raise KeyError("oops")
        return judge(analysis, settings)

    monkeypatch.setattr(rulebook, "judge", fail)
    found = lint(many, Way())
    assert [each for each in found if each[0] != broken] == [each for each in alone if each[0] != broken]
    ((_, code, message),) = (each for each in found if each[0] == broken)
    assert code == "LL001"
    assert message.startswith("internal error: KeyError: 'oops' in test_jobs.py:")
    monkeypatch.setenv("LINTLOSS_DEBUG", "1")
    with pytest.raises(KeyError):
        lint(many, Way())


def test_a_file_that_a_process_dies_of_costs_itself_alone(many: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = lint(many, Way())
    fatal = {many[3], many[15]}
    for path in fatal:
        path.write_text(MISUSE + "# dies\n")
    monkeypatch.setattr(processes, "_check_group", dying.check_or_die)
    cache = Cache(Settings())
    found = lint(many, Way(jobs=2, cache=cache))
    given_up = [each for each in found if each[1] == "LL001"]
    assert {Path(name) for name, _, _ in given_up} == fatal
    assert all("process" in message for _, _, message in given_up)
    assert [each for each in found if each[1] != "LL001"] == [each for each in alone if Path(each[0]) not in fatal]
    # The next run tries again, and it was no fault of the file this time.
    monkeypatch.setattr(processes, "_check_group", dying.check_group)
    again = Way(jobs=2, cache=Cache(Settings()))
    assert lint(many, again) == alone
    assert again.timings.cached == len(many) - len(fatal)


def test_where_no_process_can_be_had_this_one_checks(many: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_start", dying.never_start)
    assert [code for _, code, _ in lint(many, Way(jobs=2))] == ["LL101"] * len(many)


def test_what_changes_under_the_hands_of_a_process_is_checked_as_it_was_read(
    many: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    many[4].write_text(MISUSE + "# goes\n")
    many[9].write_text(MISUSE + "# changes\n")
    monkeypatch.setattr(processes, "_check_group", dying.check_what_changes)
    assert [code for _, code, _ in lint(many, Way(jobs=2))] == ["LL101"] * len(many)
    assert not many[4].exists()
    assert many[9].read_text() == "x = 1\n"
