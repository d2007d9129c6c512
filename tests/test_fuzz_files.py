"""Fuzzing: bytes changed at random in code, notebooks, settings, knowledge, baselines, caches and messages; any syntax.

See tests/fuzzing.py for how to try more.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner
from fuzzing import bounded
from hypothesis import given
from hypothesis import strategies as st
from oracle.choices import Choices
from oracle.programs import generate
from rewriting import notebook

from lintloss import jobs, linter
from lintloss.cli import main
from lintloss.config import Settings
from lintloss.sources import Source, Unreadable

ROOT = Path(__file__).parents[1]
CODE = sorted(path for path in (ROOT / "fixtures").rglob("*.py") if not path.name.endswith(".fixed.py"))
KNOWLEDGE = sorted([*(ROOT / "rules").glob("LL*.md"), *(ROOT / "rules" / "apis").glob("*.toml")])

seeds = st.integers(0, 10**9)
programs = seeds.map(lambda seed: generate(Choices(seed)).source)


def mutated(data: bytes, seed: int) -> bytes:
    """Bytes and lines taken out, doubled, turned round and replaced in a few places."""
    chooser, changed = random.Random(seed), bytearray(data)
    for _ in range(chooser.randrange(1, 5)):
        start, end = _stretch(changed, chooser)
        piece = chooser.choice(
            (b"", changed[start:end] * 2, changed[start:end][::-1], chooser.randbytes(2), b"([{'\n\t:,")
        )
        changed[start:end] = piece
    return bytes(changed)


def _stretch(data: bytearray, chooser: random.Random) -> tuple[int, int]:
    start = chooser.randrange(len(data) + 1)
    length = chooser.choice((1, 1, 2, 8, 40, None))
    if length is not None:
        return start, min(len(data), start + length)
    return data.rfind(b"\n", 0, start) + 1, data.find(b"\n", start) + 1 or len(data)


def checked(data: bytes, filename: str) -> None:
    """Lint, fix and silence what may be anything: it is refused, or goes all the way and comes out whole."""
    try:
        read = Source.from_bytes(data, filename)
    except Unreadable:
        return
    fixed = linter.fix([read], Settings(), unsafe=True)
    (after,) = fixed.sources
    assert fixed.applied or after.original == data
    assert is_python(after) or not is_python(read)
    assert linter.fix([after], Settings(), unsafe=True).sources[0].original == after.original
    (silenced,) = linter.silence([read], Settings(), "tried").sources
    assert is_python(silenced) or not is_python(read)


def is_python(read: Source) -> bool:
    try:
        ast.parse(read.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@bounded()
@given(st.sampled_from(CODE), seeds)
def test_any_change_of_code_is_linted_or_refused(path: Path, seed: int) -> None:
    checked(mutated(path.read_bytes(), seed), "train.py")


@bounded()
@given(st.sampled_from(CODE), seeds)
def test_any_change_of_a_notebook_is_linted_or_refused(path: Path, seed: int) -> None:
    checked(mutated(notebook(iter(path.read_text().split("\n\n"))), seed), "train.ipynb")


@bounded()
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
extend-select = ["LL501"]
ignore = ["LL107"]
per-file-ignores = { "tests/*" = ["LL101"] }
severities = { LL104 = "warning" }
backend = "jax"
versions = { keras = "3.4", tensorflow = "2.16" }
include = ["*.py", "src/**/*.ipynb"]
exclude = ["build/**"]
force-exclude = true
respect-gitignore = false
fail-on = "error"
preview = true
apis = ["own.toml"]
rules = ["own"]
"""


@bounded()
@given(seeds)
def test_any_change_of_settings_is_one_line(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "pyproject.toml").write_bytes(mutated(SETTINGS, seed))
    (folder / "own.toml").write_text('format = 1\nframework = "own"\n')
    (folder / "own").mkdir()
    (folder / "train.py").write_bytes(CODE[seed % len(CODE)].read_bytes())
    one_line(folder, "check", "train.py")


@bounded()
@given(st.sampled_from(KNOWLEDGE), seeds)
def test_any_change_of_knowledge_is_one_line(tmp_path_factory: pytest.TempPathFactory, path: Path, seed: int) -> None:
    folder = tmp_path_factory.mktemp("knowledge")
    kind = "rules" if path.suffix == ".md" else "apis"
    (folder / "own").mkdir()
    (folder / "own" / path.name).write_bytes(mutated(path.read_bytes(), seed))
    named = "own" if kind == "rules" else f"own/{path.name}"
    (folder / "lintloss.toml").write_text(f'{kind} = ["{named}"]\n')
    (folder / "train.py").write_bytes(CODE[seed % len(CODE)].read_bytes())
    one_line(folder, "check", "train.py")


@bounded()
@given(seeds)
def test_any_change_of_a_baseline_is_one_line(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "train.py").write_bytes((ROOT / "fixtures" / "tutorial" / "cross_entropy.py").read_bytes())
    one_line(folder, "baseline", "train.py")
    file = folder / ".lintloss-baseline.json"
    file.write_bytes(mutated(file.read_bytes(), seed))
    one_line(folder, "check", "train.py")


@bounded()
@given(seeds)
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


@bounded()
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


def tampered(chooser: random.Random) -> list[bytes]:
    """Twenty messages that have been tampered with."""
    numbers = [chooser.choice((None, 100 + at)) for at in range(20)]
    return [mutated(message(*chooser.choice(MESSAGES), number), chooser.randrange(10**9)) for number in numbers]


INITIALIZE = message("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)


def started_server() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "lintloss", "server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@bounded(examples=2)
@given(seeds)
def test_any_stream_ends_the_server_where_it_ends(seed: int) -> None:
    """Where one message ends and the next begins may have been tampered with, too."""
    pytest.importorskip("pygls")
    whole = b"".join(map(framed, [INITIALIZE, message("initialized", {}), *tampered(random.Random(seed))]))
    server = started_server()
    _, complaints = server.communicate(mutated(mutated(whole, seed), seed + 1), timeout=200)
    assert server.returncode in (0, 1)  # 1: the client went away without a word
    assert b"Traceback" not in complaints


@bounded(examples=2)
@given(seeds)
def test_any_change_of_a_message_is_survived(seed: int) -> None:
    """A message that has not been tampered with is answered as ever after those that have."""
    pytest.importorskip("pygls")
    text = (
        "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
    )
    opened = {"textDocument": {"uri": "file:///good.py", "languageId": "python", "version": 1, "text": text}}
    asked = {"textDocument": {"uri": "file:///good.py"}, "position": {"line": 1, "character": 9}}
    asking = [
        INITIALIZE,
        message("initialized", {}),
        *tampered(random.Random(seed)),
        message("textDocument/didOpen", opened),
        message("textDocument/hover", asked, 20),
    ]
    server = started_server()
    watchdog = threading.Timer(200, server.kill)
    watchdog.start()
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"".join(map(framed, asking)))
        server.stdin.flush()
        said = next((body for body in bodies(server.stdout) if b'"id": 20' in body), b"")
        _, complaints = server.communicate(framed(message("shutdown", None, 30)) + framed(message("exit", None)))
    finally:
        watchdog.cancel()
    assert b"misused" in said
    assert server.returncode == 0
    assert b"Traceback" not in complaints
