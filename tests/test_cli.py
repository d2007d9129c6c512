"""The commands: what they print, what they write and how they exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fakes
import pytest
from click.testing import CliRunner, Result

import lintloss
import lintloss.confirm
import lintloss.linter
import lintloss.rulebook
from lintloss.cli import main
from lintloss.config import Settings
from lintloss.finding import CallVerdict, Finding, LossCall
from lintloss.output import FORMATS


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fakes.install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("BAD(1)\nRISKY(2)\n")
    (tmp_path / "good.py").write_text("GOOD(1)\n")
    return tmp_path


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin)


def python(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    root = str(Path(lintloss.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "good.py"), 0),
        (("check", "bad.py"), 1),
        (("check",), 1),
        (("check", "bad.py", "--exit-zero"), 0),
        (("check", "bad.py", "--ignore", "LL101,LL102"), 0),
        (("check", "bad.py", "--select", "LL102", "--extend-select", "LL1"), 1),
        (("check", "none.py"), 2),
        (("check", "bad.py", "--select", "ALL"), 1),
        (("check", "bad.py", "--exclude", "bad.py"), 1),
        (("check", "bad.py", "--exclude", "bad.py", "--force-exclude"), 0),
        (("check", "--select", "LL999"), 2),
        (("check", "--diff-base", "HEAD"), 2),
        (("check", "--add-ignore", "--fix"), 2),
        (("check", "--add-ignore", "--reason", "a\nb"), 2),
        (("check", "--output-format", "prose"), 2),
        (("check", "--no-such-option"), 2),
        (("check", "--output-file", "none/report.txt"), 2),
        (("check", "--output-file", "."), 2),
        (("check", "--config", "none.toml"), 2),
        (("check", "-", "bad.py"), 2),
        (("nonsense",), 2),
        (("rule",), 2),
        (("rule", "LL999"), 2),
        (("apis", "no.such.thing"), 2),
        (("--version",), 0),
    ],
)
def test_exit_codes(arguments: tuple[str, ...], code: int) -> None:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    if code == 2:
        assert result.stdout == ""
        assert result.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_exit_codes_are_those_of_every_format(name: str) -> None:
    assert run("check", "bad.py", "--output-format", name).exit_code == 1
    assert run("check", "good.py", "--output-format", name).exit_code == 0


def test_check_ends_with_the_summary() -> None:
    assert run("check").stdout.endswith("\n\n2 loss calls: 0 fine, 2 misused, 0 undecided\n")
    assert json.loads(run("check", "--output-format", "json").stdout)


def test_show_flow() -> None:
    assert "flow:" in run("check").stdout
    assert "flow:" not in run("check", "--no-show-flow").stdout


def test_fix_writes_and_reports_what_is_left(folder: Path) -> None:
    result = run("check", "--fix")
    assert (folder / "bad.py").read_text() == "GOOD(1)\nRISKY(2)\n"
    assert "fixed 1 finding\n" in result.stderr
    assert result.exit_code == 1
    assert run("check", "--fix", "--unsafe-fixes").exit_code == 0
    assert (folder / "bad.py").read_text() == "GOOD(1)\nGOOD(2)\n"


def test_diff_shows_and_does_not_write(folder: Path) -> None:
    result = run("check", "--diff")
    assert result.stdout == "--- bad.py\n+++ bad.py\n@@ -1,2 +1,2 @@\n-BAD(1)\n+GOOD(1)\n RISKY(2)\n"
    assert result.exit_code == 1
    assert (folder / "bad.py").read_text() == "BAD(1)\nRISKY(2)\n"
    assert run("check", "good.py", "--diff").exit_code == 0


def test_standard_input() -> None:
    result = run("check", "--stdin-filename", "dir/a.py", "-", stdin="BAD(1)\n")
    assert result.stdout.startswith("dir/a.py:1:1: error LL101")
    fixed = run("check", "--fix", "--stdin-filename", "a.py", "-", stdin=b"\xef\xbb\xbfBAD(1)\r\n")
    assert fixed.stdout_bytes == b"\xef\xbb\xbfGOOD(1)\r\n"
    assert fixed.exit_code == 0
    assert "+GOOD(1)" in run("check", "--diff", "-", stdin="BAD(1)\n").stdout
    assert "LL001" in run("check", "-", stdin=b"\xff").stdout


def test_what_cannot_be_read_from_standard_input_comes_out_as_it_went_in() -> None:
    for text in (b"\xff", b"x = (\n", b"\0"):
        result = run("check", "--fix", "-", stdin=text)
        assert (result.stdout_bytes, result.exit_code) == (text, 1)
        assert "LL001" in result.stderr


def test_a_notebook_on_standard_input() -> None:
    cells = [{"cell_type": "code", "source": ["BAD(1)"]}]
    result = run("check", "--stdin-filename", "n.ipynb", "-", stdin=json.dumps({"cells": cells}))
    assert result.stdout.startswith("n.ipynb:cell 1:1:1: error LL101")


def test_output_file(folder: Path) -> None:
    result = run("check", "--output-format", "json", "--output-file", "report.json")
    assert result.stdout == ""
    assert len(json.loads((folder / "report.json").read_text())) == 2


def test_statistics() -> None:
    assert run("check", "--statistics").stdout.endswith("2  LL101 a-bad-word, 2 with a fix\n")
    result = run("check", "--statistics", "--output-format", "json")
    assert json.loads(result.stdout)
    assert "a-bad-word" in result.stderr


def test_a_folder_without_python_says_so(folder: Path) -> None:
    (folder / "empty").mkdir()
    result = run("check", "empty")
    assert result.exit_code == 0
    assert result.stderr == "lintloss: empty: no Python files or notebooks in it\n"


def test_fail_on() -> None:
    settings = Path("lintloss.toml")
    settings.write_text('severities = { LL101 = "warning" }\nfail-on = "error"\n')
    assert run("check").exit_code == 0
    assert run("check", "--fail-on", "warning").exit_code == 1


def test_undecided_calls_that_fail_are_named() -> None:
    def undecided(analysis: fakes.FakeAnalysis, settings: Settings) -> tuple[list[Finding], list[LossCall]]:
        _, calls = judge(analysis, settings)
        return [], [replace(call, verdict=CallVerdict.UNDECIDED, reason="who knows") for call in calls]

    judge = lintloss.rulebook.judge
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lintloss.rulebook, "judge", undecided)
        assert run("check").exit_code == 0
        result = run("check", "--fail-on", "undecided")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == "lintloss: bad.py:1:1: a.loss is undecided: who knows"


def test_wrong_settings_are_one_line() -> None:
    Path("lintloss.toml").write_text("selct = []\n")
    result = run("check")
    assert result.exit_code == 2
    assert "unknown setting `selct`; did you mean `select`?" in result.stderr
    assert result.stderr.count("\n") == 1


def test_verify() -> None:
    result = run("check", "--verify", "bad.py")
    assert "confirmed by TensorFlow 2.21.0" in result.stdout


def test_verify_without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lintloss.confirm, "available", lambda: False)
    result = run("check", "--verify")
    assert result.exit_code == 2
    assert result.stderr.startswith("lintloss: --verify needs TensorFlow")
    assert result.stderr.count("\n") == 1


def test_losses() -> None:
    assert "takes logits, gets softmax" in run("losses").stdout
    (first, _) = json.loads(run("losses", "--output-format", "json").stdout)
    assert list(first) == "filename cell location loss takes gets labels verdict reason codes".split()


def test_rule() -> None:
    assert run("rule", "ll101").stdout.startswith("# LL101")
    assert run("rule", "a-bad-word").stdout.startswith("# LL101")
    assert run("rule", "--all").stdout.count("# LL101") == len(fakes.RULES)
    assert "did you mean `LL101`?" in run("rule", "LL1011").stderr


def test_config_shows_where_settings_come_from(folder: Path) -> None:
    Path("pyproject.toml").write_text('[tool.lintloss]\n\nselect = ["LL1"]\n')
    lines = run("config").stdout.splitlines()
    file = folder / "pyproject.toml"
    assert lines[:2] == [f"# {file}", f"# paths and patterns are relative to {folder}"]
    assert f'select = ["LL1"]  # {file}:3' in lines
    assert "preview = false  # default" in lines
    (folder / "sub").mkdir()
    Path("sub/lintloss.toml").write_text("preview = true\n")
    assert "preview = true  # " in run("config", "sub").stdout
    assert json.loads(run("config", "--schema").stdout)["properties"]["preview"]["type"] == "boolean"


def test_each_project_keeps_its_own_settings(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "bad.py").write_text("BAD(1)\n")
    Path("one/lintloss.toml").write_text('severities = { LL101 = "warning" }\nfail-on = "error"\n')
    assert run("check", "one/bad.py").exit_code == 0
    assert run("check", "one", "two/bad.py").exit_code == 1
    severities = {
        each["filename"]: each["severity"] for each in json.loads(run("check", "--output-format", "json").stdout)
    }
    assert severities == {"bad.py": "error", "one/bad.py": "warning", "two/bad.py": "error"}
    assert run("check", "--stdin-filename", "one/new.py", "-", stdin="BAD(1)\n").exit_code == 0
    assert run("baseline").stdout == ".lintloss-baseline.json: 4 known, in 3 files\n"
    assert run("check", "--fix", "--no-baseline").exit_code == 1
    assert (folder / "one" / "bad.py").read_text() == (folder / "two" / "bad.py").read_text() == "GOOD(1)\n"
    assert "4 loss calls" not in run("losses").stdout
    assert run("losses").stdout.endswith("1 loss call: 0 fine, 1 misused, 0 undecided\n")


def test_what_is_excluded_passes_through_unchanged(folder: Path) -> None:
    (folder / "lintloss.toml").write_text('exclude = ["a.py"]\nforce-exclude = true\n')
    result = run("check", "--fix", "--stdin-filename", "a.py", "-", stdin="BAD(1)\n")
    assert (result.stdout, result.exit_code) == ("BAD(1)\n", 0)
    assert run("check", "--fix", "--stdin-filename", "b.py", "-", stdin="BAD(1)\n").stdout == "GOOD(1)\n"


@pytest.mark.parametrize("text", ['exclude = ["!"]', 'include = ["!"]', 'per-file-ignores = { "[z-a]" = ["LL1"] }'])
def test_a_pattern_that_is_none_is_one_line(text: str) -> None:
    Path("lintloss.toml").write_text(text)
    result = run("check")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "Invalid git pattern: " in result.stderr


def test_unknown_codes_say_where_they_stand() -> None:
    Path("lintloss.toml").write_text('\nignore = ["LL999"]\n')
    assert "lintloss.toml:2: `ignore`: unknown rule code `LL999`" in run("check").stderr
    Path("lintloss.toml").write_text("")
    assert run("check", "--extend-select", "LL11").stderr.startswith("lintloss: --extend-select: unknown rule code")


def test_preview_rules_run_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {**fakes.RULES, "LL101": fakes.FakeRule(preview=True)}
    monkeypatch.setattr(lintloss.rulebook, "load_rules", lambda settings: rules)
    assert run("check").exit_code == 0
    assert run("check", "--preview").exit_code == 1
    assert run("check", "--preview", "--no-preview").exit_code == 0
    selected = run("check", "--select", "LL101")
    assert selected.exit_code == 2
    assert "LL101 is a preview rule; it runs under `preview = true`" in selected.stderr


# Existing code bases


def test_a_baseline_leaves_out_what_it_knows(folder: Path) -> None:
    written = run("baseline")
    assert (written.exit_code, written.stdout) == (0, ".lintloss-baseline.json: 2 known, in 1 file\n")
    assert run("check").exit_code == 0
    assert "2 known, left out" in run("check").stderr
    assert run("check", "--no-baseline").exit_code == 1
    (folder / "bad.py").write_text("x = 1\nBAD(1)\nRISKY(2)\nWORSE(3)\n")
    result = run("check", "--output-format", "json")
    assert [each["location"]["row"] for each in json.loads(result.stdout)] == [4]


def test_a_baseline_does_not_let_fix_touch_what_it_knows(folder: Path) -> None:
    run("baseline")
    (folder / "good.py").write_text("BAD(1)\n")
    assert run("check", "--fix").exit_code == 0
    assert (folder / "bad.py").read_text() == "BAD(1)\nRISKY(2)\n"
    assert (folder / "good.py").read_text() == "GOOD(1)\n"


def test_what_is_gone_from_a_baseline_is_told_and_written_off(folder: Path) -> None:
    run("baseline")
    (folder / "bad.py").write_text("BAD(1)\n")
    result = run("check")
    assert result.exit_code == 0
    assert ".lintloss-baseline.json: gone from bad.py: LL101 RISKY(2)\n" in result.stderr
    assert "gone" not in run("check", "good.py").stderr
    run("baseline", "good.py")
    assert "gone" in run("check").stderr
    run("baseline")
    assert "gone" not in run("check").stderr


def test_a_baseline_of_some_rules_keeps_what_is_known_of_others(folder: Path) -> None:
    run("baseline")
    assert run("baseline", "--select", "LL102").stdout == ".lintloss-baseline.json: 2 known, in 1 file\n"
    assert run("check").exit_code == 0


def test_many_that_are_gone_are_not_all_named(folder: Path) -> None:
    (folder / "bad.py").write_text("".join(f"BAD({number})\n" for number in range(9)))
    run("baseline")
    (folder / "bad.py").write_text("")
    assert run("check").stderr.count("gone from") == 5
    assert "4 more are gone" in run("check").stderr


def test_a_baseline_lies_beside_the_settings_and_holds_below(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sub = folder / "sub"
    sub.mkdir()
    (sub / "a.py").write_text("BAD(1)\n")
    (folder / "lintloss.toml").write_text("")
    monkeypatch.chdir(sub)
    assert run("baseline").stdout.startswith(f"{folder}/.lintloss-baseline.json: 1 known")
    assert run("check").exit_code == 0
    monkeypatch.chdir(folder)
    assert run("check", "sub").exit_code == 0
    assert run("check").exit_code == 1


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_silenced_or_known_is_in_no_format(folder: Path, name: str) -> None:
    (folder / "good.py").write_text("BAD(1)  # lintloss: ignore[LL101] frozen\n")
    (folder / "other.py").write_text("BAD(1)\n")
    run("baseline", "bad.py")
    result = run("check", "bad.py", "good.py", "--output-format", name)
    assert result.exit_code == 0
    assert "LL101" not in result.stdout
    assert run("check", "--output-format", name).exit_code == 1


def test_add_ignore_does_not_silence_an_idle_comment(folder: Path) -> None:
    (folder / "bad.py").write_text("x = 1  # lintloss: ignore[LL101]\n")
    assert run("check", "--add-ignore").exit_code == 1
    assert (folder / "bad.py").read_text() == "x = 1  # lintloss: ignore[LL101]\n"
    assert run("check", "--fix").exit_code == 0
    assert (folder / "bad.py").read_text() == "x = 1\n"


def test_a_broken_baseline_is_one_line(folder: Path) -> None:
    (folder / ".lintloss-baseline.json").write_text("<<<<<<< HEAD\n")
    result = run("check")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert ".lintloss-baseline.json:1: not valid JSON" in result.stderr


def test_add_ignore_silences_with_a_reason(folder: Path) -> None:
    shown = run("check", "--add-ignore", "--diff")
    assert "+BAD(1)  # lintloss: ignore[LL101] not reviewed yet\n" in shown.stdout
    assert (folder / "bad.py").read_text() == "BAD(1)\nRISKY(2)\n"
    result = run("check", "--add-ignore", "--reason", "see #7")
    assert (result.exit_code, result.stderr) == (0, "silenced 2 findings in 1 file\n")
    assert (folder / "bad.py").read_text() == (
        "BAD(1)  # lintloss: ignore[LL101] see #7\nRISKY(2)  # lintloss: ignore[LL101] see #7\n"
    )
    assert run("check").exit_code == 0


def test_add_ignore_leaves_what_no_comment_can_silence(folder: Path) -> None:
    (folder / "bad.py").write_text("x = (\n")
    result = run("check", "--add-ignore")
    assert (result.exit_code, result.stderr) == (1, "silenced 0 findings in 0 files\n")
    assert "LL001" in result.stdout


def test_diff_base_reports_what_has_changed(folder: Path) -> None:
    for command in ("init -q", "add -A", "-c user.name=x -c user.email=x@y commit -q -m x"):
        subprocess.run(["git", *command.split()], check=True)
    assert run("check", "--diff-base", "HEAD").exit_code == 0
    (folder / "bad.py").write_text("BAD(1)\nRISKY(2)\nBAD(3)\n")
    result = run("check", "--diff-base", "HEAD", "--output-format", "json")
    assert [each["location"]["row"] for each in json.loads(result.stdout)] == [3]
    run("check", "--diff-base", "HEAD", "--fix")
    assert (folder / "bad.py").read_text() == "BAD(1)\nRISKY(2)\nGOOD(3)\n"


def test_an_internal_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(lintloss.linter, "lint", broken)
    result = run("check")
    assert result.exit_code == 2
    assert result.stderr.startswith("lintloss: internal error: KeyError: 'oops' in test_cli.py:")
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX pipe")
@pytest.mark.parametrize(
    ("command", "code"),
    [(("config",), 0), (("rule", "--all"), 0), (("check", "program.py"), 1), (("check", "empty.py"), 0)],
)
def test_a_closed_pipe_is_quiet_and_changes_no_exit_code(folder: Path, command: tuple[str, ...], code: int) -> None:
    program = Path(__file__).parents[1] / "fixtures" / "tutorial" / "cross_entropy.py"
    (folder / "program.py").write_bytes(program.read_bytes())
    (folder / "empty.py").touch()
    reader, writer = os.pipe()
    os.close(reader)
    root = str(Path(lintloss.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-m", "lintloss", *command],
        check=False,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (code, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        root = str(Path(lintloss.__file__).parents[1])
        result = subprocess.run(
            [sys.executable, "-m", "lintloss", "config"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
        )
    assert result.returncode == 2
    assert result.stderr.splitlines() == ["lintloss: [Errno 28] No space left on device"]


def test_importing_lintloss_loads_nothing_heavy() -> None:
    code = "import sys, lintloss; print({'libcst', 'tensorflow', 'click', 'pathspec'} & set(sys.modules))"
    assert python("-c", code).stdout == "set()\n"
    result = python("-X", "importtime", "-m", "lintloss", "--version")
    assert result.stdout == f"lintloss, version {lintloss.__version__}\n"
    assert "libcst" not in result.stderr


def test_the_public_names_are_there() -> None:
    for name in lintloss.__all__:
        assert getattr(lintloss, name) is not None
    assert dir(lintloss) == sorted(lintloss.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lintloss.nothing  # type: ignore[attr-defined]


def test_the_python_api(folder: Path) -> None:
    (finding,) = lintloss.check_source("BAD(1)\n")
    assert (finding.code, finding.span.filename) == ("LL101", "<source>")
    assert [each.code for each in lintloss.check_source("\0")] == ["LL001"]
    assert len(lintloss.check_paths(["."])) == 2
    with pytest.raises(lintloss.UsageError):
        lintloss.check_paths(["none"])
