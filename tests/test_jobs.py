"""Several processes give what one gives; what can hold no loss is not parsed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import libcst
import pytest

from lintloss import jobs, linter
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
    parse, parse_module = ast.parse, libcst.parse_module

    def noting_parse(text: str, *more: Any, **named: Any) -> Any:
        parsed.append(text)
        return parse(text, *more, **named)

    def noting_parse_module(text: str) -> Any:
        pieces.append(text)
        return parse_module(text)

    monkeypatch.setattr(ast, "parse", noting_parse)
    monkeypatch.setattr(libcst, "parse_module", noting_parse_module)
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
