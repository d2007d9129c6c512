"""Fuzzing: generated loss code, arbitrary syntax, and bytes changed at random in code, notebooks and knowledge.

Bounded and always the same in the test run; `LINTLOSS_FUZZ=5000 pytest tests/test_fuzz.py` tries as many examples of
each kind, others every time.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle.choices import Choices
from oracle.programs import generate

from lintloss import jobs, linter
from lintloss.cli import main
from lintloss.config import Settings
from lintloss.finding import Finding, Report
from lintloss.sources import Source, Unreadable

ROOT = Path(__file__).parents[1]
EXAMPLES = int(os.environ.get("LINTLOSS_FUZZ", "0"))
CODE = sorted(path for path in (ROOT / "fixtures").rglob("*.py") if not path.name.endswith(".fixed.py"))
KNOWLEDGE = sorted([*(ROOT / "rules").glob("LL*.md"), ROOT / "rules" / "apis" / "numpy.toml"])

bounded = settings(
    max_examples=EXAMPLES or 12,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
programs = st.integers(0, 10**9).map(lambda seed: generate(Choices(seed)).source)


def lint(*sources: Source) -> Report:
    return linter.lint(sources, Settings())


def source(text: str, filename: str = "train.py") -> Source:
    return Source.from_text(text, filename)


def codes(text: str) -> Counter[str]:
    return Counter(finding.code for finding in lint(source(text)).findings)


# -- generated loss code ---------------------------------------------------------------------------------------------


@bounded
@given(programs)
def test_fixing_ends_parses_and_changes_nothing_the_second_time(text: str) -> None:
    once = linter.fix([source(text)], Settings(), unsafe=True).sources[0].text
    ast.parse(once)
    assert linter.fix([source(once)], Settings(), unsafe=True).sources[0].text == once


@bounded
@given(programs)
def test_a_fix_leaves_what_is_outside_its_edits(text: str) -> None:
    given_source = source(text)
    for finding in lint(given_source).findings:
        if finding.fix is not None and {edit.span.filename for edit in finding.fix.edits} == {"train.py"}:
            assert given_source.edited(finding.fix.edits).decode() == _edited(given_source, finding)


def _edited(given_source: Source, finding: Finding) -> str:
    """The same done the slow way: line by line, from the last edit to the first."""
    lines = given_source.text.split("\n")
    assert finding.fix is not None
    for edit in sorted(finding.fix.edits, key=lambda edit: edit.span.start, reverse=True):
        (first, start), (last, end) = ((p.row - 1, p.column - 1) for p in (edit.span.start, edit.span.end))
        tail = lines[last][end:] if last < len(lines) else ""
        lines[first : last + 1] = (lines[first][:start] + edit.content + tail).split("\n")
    return "\n".join(lines)


@bounded
@given(programs)
def test_names_are_no_evidence(text: str) -> None:
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    kept = {node.arg for node in nodes if isinstance(node, ast.arg)}
    kept |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    as_written = codes(ast.unparse(tree))
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in bound - kept:
            node.id = f"renamed_{node.id}"
    assert codes(ast.unparse(tree)) == as_written


@bounded
@given(programs, st.integers(0, 10**6))
def test_unrelated_definitions_change_nothing(text: str, seed: int) -> None:
    chooser = random.Random(seed)
    tree = ast.parse(text)
    lines = text.split("\n")
    starts = [_first_row(node) for node in tree.body]
    for row in sorted(chooser.sample(starts, min(3, len(starts))), reverse=True):
        lines.insert(row - 1, f"def unrelated_{row}(a, b=2):\n    return [a, b]")
    assert codes("\n".join(lines)) == codes(text)


def _first_row(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


@bounded
@given(programs)
def test_the_same_code_in_a_function_is_the_same(text: str) -> None:
    body = "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
    assert codes(f"def main():\n{body}\n\n\nmain()\n") == codes(text)


@bounded
@given(programs, st.integers(0, 10**6))
def test_the_same_code_in_two_files_is_the_same(text: str, seed: int) -> None:
    tree = ast.parse(text)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    rest = [node for node in tree.body if node not in imports]
    data = next(index for index, node in enumerate(rest) if _computes_a_loss(node))
    at = random.Random(seed).randrange(1, data + 1)
    lines = text.split("\n")
    head, row = "\n".join(ast.unparse(node) for node in imports), _first_row(rest[at]) - 1
    first, second = "\n".join(lines[:row]), "\n".join(lines[row:])
    bound = sorted({name for node in rest[:at] for name in _bound(node)})
    together = [source(first, "part.py"), source(f"{head}\nfrom part import {', '.join(bound)}\n{second}")]
    found = lint(*together).findings
    assert Counter(finding.code for finding in found if not _is_said_elsewhere(finding, found)) == codes(text)


def _is_said_elsewhere(finding: Finding, others: Sequence[Finding]) -> bool:
    """A softmax over one unit is said where it is applied; a loss in another file that gets it says so once more."""
    of_the_first = [each for each in others if each.code == finding.code == "LL105" and each.span.filename == "part.py"]
    return bool(of_the_first) and finding.span.filename != "part.py"


def _computes_a_loss(node: ast.stmt) -> bool:
    code = ast.unparse(node).lower()
    return "crossentropy" in code or "cross_entropy" in code or "compile" in code or "math.log(" in code


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


@bounded
@given(programs)
def test_every_finding_can_be_suppressed(text: str) -> None:
    lines = text.split("\n")
    found = lint(source(text)).findings
    for row in {finding.span.start.row for finding in found}:
        named = ", ".join(sorted({finding.code for finding in found if finding.span.start.row == row}))
        lines[row - 1] += f"  # lintloss: ignore[{named}] tried"
    assert codes("\n".join(lines)) == Counter()


@bounded
@given(st.lists(programs, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing(texts: Sequence[str], chooser: random.Random) -> None:
    sources = [source(text, f"file{number}.py") for number, text in enumerate(texts)]
    shuffled = chooser.sample(sources, len(sources))
    assert lint(*shuffled).findings == lint(*sources).findings


# -- anything else ---------------------------------------------------------------------------------------------------


def mutated(data: bytes, seed: int) -> bytes:
    """Bytes taken out, doubled, swapped and replaced in a few places."""
    chooser, changed = random.Random(seed), bytearray(data)
    for _ in range(chooser.randrange(1, 5)):
        start = chooser.randrange(len(changed) + 1)
        end = min(len(changed), start + chooser.choice((1, 1, 2, 8, 40)))
        piece = chooser.choice(
            (b"", changed[start:end] * 2, changed[start:end][::-1], chooser.randbytes(2), b"([{'\n\t:,")
        )
        changed[start:end] = piece
    return bytes(changed)


def checked(data: bytes, filename: str) -> None:
    """Lint and fix what may be anything: it is refused, or goes all the way."""
    try:
        read = Source.from_bytes(data, filename)
    except Unreadable:
        return
    fixed = linter.fix([read], Settings(), unsafe=True)
    assert not fixed.applied or lint(fixed.sources[0]).files == 1


@bounded
@given(st.sampled_from(CODE), st.integers(0, 10**9))
def test_any_change_of_code_is_linted_or_refused(path: Path, seed: int) -> None:
    checked(mutated(path.read_bytes(), seed), "train.py")


@bounded
@given(st.sampled_from(CODE), st.integers(0, 10**9))
def test_any_change_of_a_notebook_is_linted_or_refused(path: Path, seed: int) -> None:
    cells = [{"cell_type": "code", "source": part.splitlines(keepends=True)} for part in path.read_text().split("\n\n")]
    data = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}, indent=1).encode()
    checked(mutated(data, seed), "train.ipynb")


@bounded
@given(st.data())
def test_any_syntax_is_linted(data: st.DataObject) -> None:
    grammar = pytest.importorskip("hypothesmith")
    text = data.draw(grammar.from_node())
    try:
        checked(text.encode(), "train.py")
    except UnicodeEncodeError:
        return


def one_line(folder: Path, *command: str) -> None:
    """The command ends with 0 or 1, or with 2 and one line that says why."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        done = CliRunner().invoke(main, list(command))
    finally:
        os.chdir(before)
    assert done.exit_code in (0, 1, 2), done.output
    assert "internal error" not in done.stderr, done.stderr
    assert done.exit_code != 2 or len(done.stderr.strip().splitlines()) <= 4, done.stderr


SETTINGS = b"""
[tool.lintloss]
select = ["LL1", "LL201"]
ignore = ["LL107"]
per-file-ignores = { "tests/*" = ["LL101"] }
severities = { LL104 = "warning" }
backend = "jax"
exclude = ["build/**"]
fail-on = "error"
"""


@bounded
@given(st.integers(0, 10**9))
def test_any_change_of_settings_is_one_line(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "pyproject.toml").write_bytes(mutated(SETTINGS, seed))
    (folder / "train.py").write_bytes(CODE[seed % len(CODE)].read_bytes())
    one_line(folder, "check", "train.py")


@bounded
@given(st.sampled_from(KNOWLEDGE), st.integers(0, 10**9))
def test_any_change_of_knowledge_is_one_line(tmp_path_factory: pytest.TempPathFactory, path: Path, seed: int) -> None:
    folder = tmp_path_factory.mktemp("knowledge")
    kind = "rules" if path.suffix == ".md" else "apis"
    (folder / "own").mkdir()
    (folder / "own" / path.name).write_bytes(mutated(path.read_bytes(), seed))
    named = "own" if kind == "rules" else f"own/{path.name}"
    (folder / "lintloss.toml").write_text(f'{kind} = ["{named}"]\n')
    (folder / "train.py").write_bytes(CODE[seed % len(CODE)].read_bytes())
    one_line(folder, "check", "train.py")


@bounded
@given(st.integers(0, 10**9))
def test_any_change_of_a_baseline_is_one_line(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "train.py").write_bytes((ROOT / "fixtures" / "tutorial" / "cross_entropy.py").read_bytes())
    one_line(folder, "baseline", "train.py")
    file = folder / ".lintloss-baseline.json"
    file.write_bytes(mutated(file.read_bytes(), seed))
    one_line(folder, "check", "train.py")


@bounded
@given(st.integers(0, 10**9))
def test_any_change_of_the_cache_costs_time_only(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Its checksum made right again or not, what it says is believed only where it is of the right shape."""
    folder = tmp_path_factory.mktemp("cached")
    cache = folder / "cache"
    project = folder / "project"
    project.mkdir()
    for number in range(3):
        (project / f"file{number}.py").write_bytes(CODE[(seed + number) % len(CODE)].read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINTLOSS_CACHE_DIR", str(cache))
        first = findings_of(project)
        for file in cache.iterdir():
            file.write_bytes(mutated(file.read_bytes(), seed))
        assert findings_of(project) == first
        for file in cache.glob("[0-9a-f]*.json"):  # the answers: still JSON, and with the right checksum
            file.write_bytes(
                re.sub(rb'"LL\d+"|\[|[0-9]+,', lambda found: _other(found[0], seed), file.read_bytes(), count=3)
            )
            body = file.read_bytes().partition(b"\n")[2]
            file.write_bytes(hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b"\n" + body)
        one_line(project, "check", ".")


def findings_of(folder: Path, *options: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(main, ["check", "--output-format", "json", *options, "."])
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def _other(text: bytes, seed: int) -> bytes:
    return random.Random(seed).choice((text, b"null,", b'"x",', b"[", b"-1,", b"[[],"))


@bounded
@given(st.lists(programs, min_size=3, max_size=6), st.integers(0, 3), st.randoms(use_true_random=False))
def test_jobs_and_the_order_of_paths_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: Sequence[str], number: int, chooser: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("jobs")
    names = [f"{'ab'[place % 2]}/file{place}.py" for place in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(jobs, "WORTH_A_PROCESS", 1000 if number == 0 else 10**9)  # processes take a second to start
        outputs = {
            CliRunner().invoke(main, ["check", "--no-cache", "--jobs", str(count), *paths]).stdout
            for count, paths in ((1, names), (2 + number, chooser.sample(names, len(names))))
        }
    assert len(outputs) == 1


MESSAGES = [
    (
        "textDocument/didOpen",
        {"textDocument": {"uri": "file:///b.py", "languageId": "python", "version": 1, "text": ""}},
    ),
    (
        "textDocument/didChange",
        {"textDocument": {"uri": "file:///a.py", "version": 2}, "contentChanges": [{"text": "x"}]},
    ),
    ("textDocument/hover", {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 1, "character": 9}}),
    (
        "textDocument/codeAction",
        {
            "textDocument": {"uri": "file:///a.py"},
            "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
            "context": {"diagnostics": []},
        },
    ),
    ("codeAction/resolve", {"title": "x", "kind": "quickfix", "data": {"uri": "file:///a.py", "code": "LL101"}}),
    ("workspace/didChangeConfiguration", {"settings": {"lintloss": {"select": ["LL1"]}}}),
    ("workspace/didChangeWatchedFiles", {"changes": [{"uri": "file:///a.py", "type": 2}]}),
]


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def message(method: str, params: object, number: int | None = None) -> bytes:
    content = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
    return json.dumps(content).encode()


def bodies(stream: IO[bytes]) -> Iterator[bytes]:
    """What a server says, message by message."""
    while header := stream.readline():
        if header.startswith(b"Content-Length: "):
            length = int(header.split()[1])
        elif not header.strip():
            yield stream.read(length)


@pytest.mark.parametrize("seed", range(max(2, EXAMPLES // 50)))
def test_any_change_of_a_message_is_survived(seed: int) -> None:
    """Twenty messages that have been tampered with, then one that has not: it is answered as ever."""
    pytest.importorskip("pygls")
    chooser = random.Random(seed if not EXAMPLES else None)
    text = (
        "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
    )
    opened = {"textDocument": {"uri": "file:///good.py", "languageId": "python", "version": 1, "text": text}}
    tampered = [
        framed(
            mutated(message(*chooser.choice(MESSAGES), chooser.choice((None, 100 + number))), chooser.randrange(10**9))
        )
        for number in range(20)
    ]
    asked = {"textDocument": {"uri": "file:///good.py"}, "position": {"line": 1, "character": 9}}
    asking = [
        framed(message("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)),
        framed(message("initialized", {})),
        *tampered,
        framed(message("textDocument/didOpen", opened)),
        framed(message("textDocument/hover", asked, 20)),
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "lintloss", "server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    watchdog = threading.Timer(200, server.kill)
    watchdog.start()
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"".join(asking))
        server.stdin.flush()
        said = next((body for body in bodies(server.stdout) if b'"id": 20' in body), b"")
        _, complaints = server.communicate(framed(message("shutdown", None, 30)) + framed(message("exit", None)))
    finally:
        watchdog.cancel()
    assert b"misused" in said, tampered
    assert server.returncode == 0, tampered
    assert b"Traceback" not in complaints, tampered
