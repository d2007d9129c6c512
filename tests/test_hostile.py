"""Input that nobody writes in earnest: each has its answer and costs that file alone, in bounded time and memory."""

from __future__ import annotations

import encodings
import io
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import time
import tokenize
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes, links and limits of POSIX")

ROOT = Path(__file__).parents[1]
MISUSE = "import tensorflow as tf\nloss = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.nn.softmax(z))\n"
SECONDS, MEMORY = 300, 6 * 2**30
MODULE = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), "-m", "lintloss"]


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run(*arguments: str | bytes, cwd: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """lintloss in a process of its own, with limits; no traceback, whatever it says."""
    process = started(*arguments, cwd=cwd)
    out, err = process.communicate(given, SECONDS)
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    assert done.returncode in (0, 1, 2), done.stderr[-500:]
    assert b"Traceback" not in done.stderr
    assert b"internal error" not in done.stderr, done.stderr
    return done


def started(*arguments: str | bytes, cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*MODULE, *arguments],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=_limited,
    )


def codes(folder: Path, *paths: str) -> dict[str, list[str]]:
    """The codes that are found, by file."""
    done = run("check", "--output-format", "json", *(paths or (".",)), cwd=folder)
    found: dict[str, list[str]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["filename"], []).append(finding["code"])
    return found


def reason(folder: Path, name: str) -> str:
    """Why a file could not be read; the file beside it is linted as ever."""
    (folder / "good.py").write_text(MISUSE)
    done = run("check", "--output-format", "json", ".", cwd=folder)
    found = json.loads(done.stdout)
    assert [each["code"] for each in found if each["filename"] == "good.py"] == ["LL101"]
    (unread,) = [each for each in found if each["filename"] == name]
    assert unread["code"] == "LL001"
    return str(unread["message"])


DEEP = 100_000
TOO_DEEP = {
    "parentheses": "(" * DEEP + "1" + ")" * DEEP,
    "lists": "[" * DEEP + "]" * DEEP,
    "signs": "-" * DEEP + "1",
    "attributes": "a" + ".b" * DEEP,
    "calls": "a" + "()" * DEEP,
    "sums": "1" + "+1" * DEEP,
    "softmaxes": "tf.nn.softmax(" * DEEP + "z" + ")" * DEEP,
}


@pytest.mark.parametrize("kind", TOO_DEEP)
def test_what_is_nested_too_deep_is_said_to_be(tmp_path: Path, kind: str) -> None:
    (tmp_path / "bad.py").write_text(MISUSE + f"x = {TOO_DEEP[kind]}\n")
    assert "too deep" in reason(tmp_path, "bad.py")


TOO_LARGE = {
    "a literal of 50 MB": "x = '" + "a" * 50_000_000 + "'\n",
    "a line of 5 MB": "x = [" + "1," * 2_490_000 + "]\n",
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_is_too_large_is_said_to_be(tmp_path: Path, kind: str) -> None:
    (tmp_path / "bad.py").write_text(MISUSE + TOO_LARGE[kind])
    assert "too large" in reason(tmp_path, "bad.py")


def test_a_file_that_is_mostly_hole_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "bad.py").open("wb") as file:
        file.truncate(2**40)
    assert "too large" in reason(tmp_path, "bad.py")


def test_functions_that_call_each_other_in_a_circle(tmp_path: Path) -> None:
    count = 10_000
    functions = "".join(f"def f{i}(z):\n    return f{(i + 1) % count}(z)\n" for i in range(count))
    loss = "tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=f0(z))\n"
    (tmp_path / "a.py").write_text(MISUSE + functions + loss)
    assert codes(tmp_path) == {"a.py": ["LL101"]}


UNREADABLE = {
    "a null byte": (MISUSE.encode() + b"\0\n", "null bytes"),
    "two encodings in one file": (MISUSE.encode() + "x = 'é'\n".encode("latin-1") + "y = 'é'\n".encode(), "not utf-8"),
    "another encoding than it says": (b"# coding: ascii\n" + "x = 'é'\n".encode(), "not ascii"),
    "an encoding that is none": (b"# coding: nonsense\n", "unknown encoding"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_bytes_that_are_no_text_are_said_to_be_none(tmp_path: Path, kind: str) -> None:
    data, why = UNREADABLE[kind]
    (tmp_path / "bad.py").write_bytes(data)
    assert why in reason(tmp_path, "bad.py")


def test_every_encoding_cookie_has_an_answer(tmp_path: Path) -> None:
    names = sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)} | {"latin-1", "utf-8-sig"})
    for name in names:
        (tmp_path / f"{name}.py").write_bytes(f"# coding: {name}\n{MISUSE}".encode())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = codes(tmp_path, *sorted(before))  # named outright: of a folder only what may hold a loss is parsed
    assert found.keys() == before.keys()
    assert found["cp1252.py"] == found["latin_1.py"] == found["utf_8.py"] == ["LL101"]
    assert found["utf_16.py"] == found["rot_13.py"] == found["punycode.py"] == ["LL001"]
    run("check", "--fix", ".", cwd=tmp_path)
    changed = {name for name, data in before.items() if (tmp_path / name).read_bytes() != data}
    # A fix is written in the file's own encoding, if that gives back the bytes that it does not change.
    assert changed == {f"{name}.py" for name in names if found[f"{name}.py"] == ["LL101"] and _comes_back(name)}


def _comes_back(cookie: str) -> bool:
    data = f"# coding: {cookie}\n{MISUSE}".encode()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding).encode(encoding) == data


def test_a_notebook_of_50_000_cells(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "source": f"x{number} = {number}\n"} for number in range(50_000)]
    content = {"cells": [{"cell_type": "code", "source": MISUSE}, *cells], "nbformat": 4, "metadata": {}}
    (tmp_path / "large.ipynb").write_text(json.dumps(content))
    assert codes(tmp_path) == {"large.ipynb": ["LL101"]}


NO_NOTEBOOKS = {
    "broken": "{",
    "nested": "[" * DEEP,
    "a number": "NaN",
    "a number of 5000 digits": '{"cells": ' + "1" * 5000 + "}",
    "a list": "[]",
    "cells that are no list": '{"cells": 3}',
    "a cell that is none": '{"cells": [3]}',
    "code that is none": '{"cells": [{"cell_type": "code", "source": 3}]}',
    "half a character": '{"cells": [{"cell_type": "code", "source": "\\ud800"}]}',
}


@pytest.mark.parametrize("kind", NO_NOTEBOOKS)
def test_json_that_is_no_notebook_has_an_answer(tmp_path: Path, kind: str) -> None:
    (tmp_path / "bad.ipynb").write_text(NO_NOTEBOOKS[kind])
    (tmp_path / "good.py").write_text(MISUSE)
    found = codes(tmp_path)
    assert found.pop("good.py") == ["LL101"]
    assert found in ({"bad.ipynb": ["LL001"]}, {})


def test_links_in_circles_and_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(MISUSE)
    (tmp_path / "folder").symlink_to(".")
    (tmp_path / "a.py").symlink_to("b.py")
    (tmp_path / "b.py").symlink_to("a.py")
    (tmp_path / "nowhere.py").symlink_to("none.py")
    assert codes(tmp_path) == {"good.py": ["LL101"]}
    assert run("check", "a.py", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("name", ["pipe.py", "/dev/zero", "/dev/null", "zero.py"])
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    done = run("check", "--output-format", "json", name, cwd=tmp_path)
    (finding,) = json.loads(done.stdout)
    assert (finding["code"], finding["message"]) == ("LL001", "cannot be read: not a regular file")


def test_no_pipe_is_waited_for(tmp_path: Path) -> None:
    """Neither a module that is imported, nor settings, patterns and baselines may be one."""
    (tmp_path / "good.py").write_text("from pipe import z, y\n" + MISUSE)
    for name in ("pipe.py", ".gitignore", "pyproject.toml", ".lintloss-baseline.json"):
        os.mkfifo(tmp_path / name)
    assert codes(tmp_path) == {"good.py": ["LL101"]}


STRANGE_NAMES = [b"new\nline.py", b"sur\xff\xfe.py", b"-dash.py", b" space .py", b"\x1b[31mred.py", b"\xe2\x80\xae.py"]
FORMATS = ["text", "concise", "json", "json-lines", "github", "gitlab", "sarif", "junit", "html"]


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    for name in STRANGE_NAMES:
        with open(os.path.join(os.fsencode(tmp_path), name), "w") as file:  # noqa: PTH118, PTH123 - names that are no text
            file.write(MISUSE)
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_tell_of_strange_names(strange: Path, name: str) -> None:
    done = run("check", "--output-format", name, ".", cwd=strange)
    assert done.returncode == 1
    assert done.stdout.count(b"LL101") >= len(STRANGE_NAMES)
    done.stdout.decode()


def test_strange_names_are_fixed_diffed_and_known(strange: Path) -> None:
    assert run("check", "--diff", ".", cwd=strange).stdout.count(b"+loss = ") == len(STRANGE_NAMES)
    assert run("baseline", ".", cwd=strange).returncode == 0
    assert run("check", ".", cwd=strange).returncode == 0
    assert run("check", "--fix", "--no-baseline", ".", cwd=strange).returncode == 0


def test_a_name_that_looks_like_an_option_is_told_apart(strange: Path) -> None:
    assert run("check", "-dash.py", cwd=strange).returncode == 2
    assert run("check", "--", "-dash.py", cwd=strange).returncode == 1
    assert run("check", "./-dash.py", cwd=strange).returncode == 1


def test_a_hundred_thousand_paths(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(MISUSE)
    done = run("check", "--output-format", "concise", *["a.py"] * 100_000, cwd=tmp_path)
    assert done.stdout.count(b"LL101") == 1


def listed(folder: Path, data: bytes, *options: str) -> tuple[int, list[str]]:
    """The exit code and the files with findings, for paths on standard input."""
    done = run("check", "--output-format", "json", "--files-from", "-", *options, cwd=folder, given=data)
    return done.returncode, [finding["filename"] for finding in json.loads(done.stdout or "[]")]


def test_a_hundred_thousand_paths_on_standard_input(tmp_path: Path) -> None:
    names = ["a.py", "b.py", "folder/c.py"]
    (tmp_path / "folder").mkdir()
    for name in names:
        (tmp_path / name).write_text(MISUSE)
    assert listed(tmp_path, "\n".join(names * 33_334).encode()) == (1, names)


def test_listed_paths_are_taken_as_they_are(strange: Path) -> None:
    (strange / "folder").mkdir()
    (strange / "folder" / "in.py").write_text(MISUSE)
    assert listed(strange, b"\0".join([*STRANGE_NAMES, b"folder", b""])) == listed(strange, b".\n")
    assert listed(strange, b"-dash.py\r\n", "folder") == (1, ["-dash.py", "folder/in.py"])
    assert listed(strange, b"") == listed(strange, b"\n\n") == (0, [])  # nothing is not everything
    assert listed(strange, b"none.py\n") == listed(strange, b"-\n") == (2, [])


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="counts what Linux says of address space")
def test_many_small_files_take_little_address_space(tmp_path: Path) -> None:
    """A process may have some 65,000 pieces of it, and a repository more files."""
    from lintloss.reading import read_regular

    def pieces() -> int:
        return len(Path("/proc/self/maps").read_text().splitlines())

    (tmp_path / "a.py").write_text(MISUSE)
    before = pieces()
    kept = [read_regular(tmp_path / "a.py") for _ in range(500)]
    assert pieces() - before < 50
    assert set(kept) == {MISUSE.encode()}


SETTINGS = {
    "a number of 5000 digits": "[tool.lintloss]\nselect = " + "1" * 5000,
    "nested": "[tool.lintloss]\nselect = " + "[" * DEEP,
    "a key of 2000 parts": "[tool.lintloss]\n" + "a." * 2_000 + "b = 1",
    "a null": "[tool.lintloss]\n\0",
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_settings_that_are_none_are_one_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "pyproject.toml").write_text(SETTINGS[kind])
    (tmp_path / "a.py").write_text(MISUSE)
    done = run("check", "a.py", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


BASELINES = {"broken": "{", "nested": "[" * DEEP, "5000 digits": '{"a": ' + "1" * 5000 + "}", "a list": "[]"}


@pytest.mark.parametrize("kind", BASELINES)
def test_baselines_that_are_none_are_one_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / ".lintloss-baseline.json").write_text(BASELINES[kind])
    (tmp_path / "a.py").write_text(MISUSE)
    done = run("check", "a.py", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def unprivileged(tmp_path: Path) -> Sequence[str]:
    """A command that runs the rest as somebody to whom permissions mean something."""
    if os.geteuid() != 0:
        return ()
    setpriv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    probe = subprocess.run([*setpriv, sys.executable, "-c", "import libcst"], capture_output=True, cwd="/")
    if probe.returncode != 0:
        pytest.skip("nobody cannot run this Python")
    return setpriv


def test_without_permission_a_file_stays_as_it_is(tmp_path: Path, unprivileged: Sequence[str]) -> None:
    secret, kept = tmp_path / "secret.py", tmp_path / "kept.py"
    for path, mode in ((secret, 0o000), (kept, 0o444)):
        path.write_text(MISUSE)
        path.chmod(mode)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o555)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    done = subprocess.run(
        [*unprivileged, *MODULE, "check", "--fix", "secret.py", "kept.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert kept.read_text() == MISUSE
    seen = subprocess.run(
        [*unprivileged, *MODULE, "check", "--output-format", "concise", "secret.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "LL001 cannot be read: Permission denied" in seen.stdout


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place]).returncode != 0:
        pytest.skip("no small file system can be mounted")
    try:
        (place / "a.py").write_text(MISUSE + "# " + "x" * 40_000 + "\n")
        before = (place / "a.py").read_bytes()
        done = run("check", "--fix", "a.py", cwd=place)
        assert done.returncode == 2
        assert b"cannot be written: No space left on device" in done.stderr
        assert (place / "a.py").read_bytes() == before
        assert [path.name for path in place.iterdir()] == ["a.py"]
        report = run("check", "--output-format", "json", "--output-file", "report.json", "a.py", cwd=place)
        assert report.returncode in (1, 2)
    finally:
        subprocess.run(["umount", place], check=True)


def test_files_that_vanish_or_change_during_the_run(tmp_path: Path) -> None:
    from lintloss import linter
    from lintloss.config import Settings
    from lintloss.files import WriteError

    gone, changing = tmp_path / "gone.py", tmp_path / "changing.py"
    for path in (gone, changing):
        path.write_text(MISUSE)
    read = linter.read([gone, changing])
    after = linter.fix(read.sources, Settings()).sources
    gone.unlink()
    with pytest.raises(WriteError, match=r"gone\.py"):
        linter.write(read.sources, after)
    assert changing.read_text() == MISUSE
    gone.write_text("print()\n")
    with pytest.raises(WriteError, match="has changed since it was read"):
        linter.write(read.sources, after)
    assert changing.read_text() == MISUSE
    assert linter.read([tmp_path / "never.py"]).unreadable[0].code == "LL001"


# -- processes, the cache and the clock --------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A project that is worth two processes."""
    folder = tmp_path / "project"
    folder.mkdir()
    filler = "".join(f"def f{number}(z):\n    return tf.nn.relu(z + {number})\n" for number in range(400))
    for number in range(40):
        (folder / f"file{number:02}.py").write_text(MISUSE + filler)
    return folder


JSON = ("check", "--output-format", "json", "--no-cache")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes by what Linux says of them")
def test_a_killed_worker_costs_nothing_that_can_be_done_again(large: Path) -> None:
    alone = run(*JSON, "--jobs", "1", ".", cwd=large)
    assert alone.stdout.count(b"LL101") >= 40
    process = started(*JSON, "--jobs", "2", ".", cwd=large)
    os.kill(_worker_of(process), signal.SIGKILL)
    out, err = process.communicate(b"", SECONDS)
    assert (process.returncode, err) == (1, b"")
    assert out == alone.stdout


def _worker_of(process: subprocess.Popen[bytes]) -> int:
    """The number of a process that another has started to check files."""
    for _ in range(int(SECONDS / 0.01)):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        assert process.poll() is None
        time.sleep(0.01)
    raise AssertionError("no process was started")


def test_several_runs_at_once_share_a_cache(large: Path, cache_of_its_own: Path) -> None:
    alone = run(*JSON, ".", cwd=large)
    together = [started(*JSON[:-1], ".", cwd=large) for _ in range(3)]
    for process in together:
        out, err = process.communicate(b"", SECONDS)
        assert (process.returncode, out, err) == (1, alone.stdout, b"")
    assert {path.suffix for path in cache_of_its_own.iterdir()} == {".json"}  # nothing half-written is left
    again = run(*JSON[:-1], "--show-timings", ".", cwd=large)
    assert again.stdout == alone.stdout
    assert b"40 from the cache" in again.stderr


@pytest.mark.usefixtures("unmeasured")
def test_a_cache_that_may_only_be_read_is_read(tmp_path: Path, unprivileged: Sequence[str]) -> None:
    folder, cache = tmp_path / "project", tmp_path / "cache"
    for each in (folder, cache):
        each.mkdir()
    (folder / "a.py").write_text(MISUSE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "LINTLOSS_CACHE_DIR": str(cache)}

    def check() -> subprocess.CompletedProcess[str]:
        command = [*unprivileged, *MODULE, "check", "--output-format", "concise", "a.py"]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    for each in (folder, cache, *tmp_path.parents[:3], tmp_path):
        each.chmod(each.stat().st_mode | 0o555)
    cache.chmod(0o555)
    done = check()
    assert done.stderr == ""
    assert done.returncode == 1
    assert "LL101" in done.stdout
    assert list(cache.iterdir()) == []
    cache.chmod(0o755)
    run("check", "a.py", cwd=folder)
    cache.chmod(0o555)
    assert check().stdout == done.stdout


@pytest.mark.parametrize("then", [0, 2**32], ids=["1970", "2106"])
def test_the_clock_decides_nothing(tmp_path: Path, cache_of_its_own: Path, then: int) -> None:
    """What a file holds counts, not when it was written: after a jump of the clock, a change may bear the same time."""
    own = tmp_path / "own.toml"
    loss = (
        'format = 1\nframework = "own"\n\n[[api]]\nnames = ["own.loss"]\nkind = "loss"\n'
        'parameters = ["labels", "logits"]\nfamily = "softmax"\ninput = "logits"\nlabels = "dense"\n'
        'takes = { prediction = "logits", labels = "labels" }\n'
    )
    (tmp_path / "pyproject.toml").write_text('[tool.lintloss]\napis = ["own.toml"]\n')
    code = "import own\nimport tensorflow as tf\nloss = own.loss(y, tf.nn.softmax(z))\n"

    def look() -> list[str]:
        for path in (own, tmp_path / "a.py", *cache_of_its_own.iterdir()):
            os.utime(path, (then, then))
        return codes(tmp_path).get("a.py", [])

    own.write_text(loss)
    (tmp_path / "a.py").write_text(code)
    assert look() == look() == ["LL101"]
    (tmp_path / "a.py").write_text(code.replace("softmax", "sigmoid"))
    assert look() == ["LL104"]
    (tmp_path / "a.py").write_text(code)
    own.write_text(loss.replace('"softmax"', '"poisson"'))
    assert look() == []
