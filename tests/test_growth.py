"""What a run costs grows with the code and not faster: steps of the walk and pieces of code are counted."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import pytest

from lintloss import linter
from lintloss.analysis import Analyser, calls, machine
from lintloss.analysis.lowering import Lowered
from lintloss.analysis.parsed import ParsedFiles
from lintloss.config import Settings
from lintloss.depth import on_deep_stack
from lintloss.finding import CallVerdict
from lintloss.jobs import Way
from lintloss.sources import Source

LOSS = "tf.nn.softmax_cross_entropy_with_logits"
HEAD = "import tensorflow as tf\n\n\n"


@dataclass
class Work:
    """Counts of one analysis: `steps` of the walk, `lowered` pieces of code, `walked` functions by name."""

    steps: int
    lowered: int
    walked: list[str]
    sites: int
    exhausted: bool


def work(text: str, monkeypatch: pytest.MonkeyPatch) -> Work:
    return work_on([Source.from_text(HEAD + text, "made.py")], monkeypatch)


def work_on(sources: Sequence[Source], monkeypatch: pytest.MonkeyPatch) -> Work:
    steps, lowered, walked = [0], [0], list[str]()
    step, lower, walk = machine.Machine.step, Lowered.__init__, calls._walk

    def count_step(self: machine.Machine) -> None:
        steps[0] += 1
        step(self)

    def count_lowered(self: Lowered, statements: Sequence[ast.stmt], lines: Sequence[str]) -> None:
        lowered[0] += 1
        lower(self, statements, lines)

    def count_walk(known: machine.Machine, function: object, *rest: object) -> object:
        walked.append(function.code.name)  # type: ignore[attr-defined]
        return walk(known, function, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(machine.Machine, "step", count_step)
        patched.setattr(Lowered, "__init__", count_lowered)
        patched.setattr(calls, "_walk", count_walk)
        analyser = Analyser(sources)
        analyses = on_deep_stack(lambda: [analyser.analyse(source) for source in sources])
    losses = sum(site.anchor == "loss" for analysis in analyses for site in analysis.sites)
    return Work(steps[0], lowered[0], walked, losses, any(analysis.exhausted for analysis in analyses))


def losses(number: int) -> str:
    return "\n\n".join(f"def loss_{n}(x, y):\n    return {LOSS}(y, tf.nn.softmax(x))\n" for n in range(number))


def chain(depth: int) -> str:
    """A loss at the end of calls of calls, with the depth of a call's nesting kept: each hands on what it makes."""
    steps = "\n".join(f"x = relu(tf.reshape(x, (-1, {n + 1})))" for n in range(depth))
    return f"def relu(x):\n    return tf.nn.relu(x)\n\n\nx = tf.zeros((2, 3))\n{steps}\nloss = {LOSS}(x, x)\n"


def long_file(functions: int) -> str:
    idle = "\n\n".join(
        f"def idle_{n}(x):\n    if x > {n}:\n        x = x + {n}\n    return x\n" for n in range(functions)
    )
    return f"{idle}\n\n{losses(1)}"


def tree(folder: Path, copies: int) -> list[Source]:
    """So many projects side by side, each of a model, a loss of its own, and a file that trains one with the other."""
    for number in range(copies):
        project = folder / f"project_{number}"
        project.mkdir(parents=True)
        for name, text in PROJECT.items():
            (project / name).write_text(text)
    return list(linter.read(sorted(folder.rglob("*.py")), named=()).sources)


PROJECT = {
    "pyproject.toml": "",
    "models.py": HEAD + "class Net:\n    def __init__(self):\n        self.w = tf.zeros((3, 2))\n\n"
    "    def __call__(self, x):\n        return tf.nn.softmax(x @ self.w)\n",
    "costs.py": HEAD + f"def cost(y, z):\n    return tf.reduce_mean({LOSS}(y, z))\n",
    "train.py": HEAD + "from models import Net\nfrom costs import cost\n\nnet = Net()\nloss = cost(y, net(x))\n",
}


def test_steps_are_in_proportion_to_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, four = (work_on(tree(tmp_path / str(copies), copies), monkeypatch) for copies in (1, 2, 4))
    assert one.sites > 0
    assert (two.steps, two.lowered, two.sites) == (2 * one.steps, 2 * one.lowered, 2 * one.sites)
    assert (four.steps, four.lowered, four.sites) == (4 * one.steps, 4 * one.lowered, 4 * one.sites)


@pytest.mark.parametrize("made", [losses, chain], ids=["loss calls", "calls in a row"])
def test_steps_are_in_proportion(made: object, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (work(made(number), monkeypatch) for number in (20, 320))  # type: ignore[operator]
    assert not many.exhausted
    assert many.sites >= few.sites > 0
    assert many.steps <= 1.1 * 16 * few.steps


def test_what_leads_nowhere_is_neither_lowered_nor_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = (work(long_file(number), monkeypatch) for number in (20, 320))
    assert short.sites == long.sites == 1
    assert (short.steps, short.walked) == (long.steps, ["loss_0"])
    assert long.lowered == short.lowered


def test_flags_are_opened_only_where_defaults_leave_something_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = f"def loss(x, y, train=True):\n    print(train)\n    return {LOSS}(y, x)\n"
    part = f"def loss(x, y, train=True):\n    if train:\n        return None\n    return {LOSS}(y, x)\n"
    assert work(whole, monkeypatch).walked == ["loss"]
    opened = work(part, monkeypatch)
    assert (opened.walked, opened.sites) == (["loss", "loss"], 1)


def test_flags_are_opened_only_for_code_that_nothing_else_has_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = f"def loss(x, y, train=True):\n    if train:\n        return None\n    return {LOSS}(y, x)\n\n\n"
    step = "def step(x, y):\n    return loss(x, y)\n\n\n"
    assert work(step + inner, monkeypatch).walked == ["step", "loss", "step", "loss"]
    done = work(f"{step}{inner}loss(tf.zeros((2, 3)), y, train=False)\n", monkeypatch)
    assert (done.walked, done.sites) == (["loss", "step", "loss"], 1)


def test_formulas_are_not_looked_for_again_in_objects_made_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "class Scale:\n    def __init__(self, soft=False):\n        self.act = tf.nn.softmax if soft else None\n\n"
        "    def {name}(self, x, y):\n        return {value}\n"
    )
    formula = text.format(name="distance", value="tf.reduce_mean((tf.tanh(x) - y) ** 2)")
    named = text.format(name="distance", value=f"{LOSS}(y, self.act(x))")
    assert work(formula, monkeypatch).walked.count("distance") == 1
    assert work(named, monkeypatch).walked.count("distance") == 2


def test_a_helper_that_changes_nothing_is_followed_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "\n".join(f"    a{n} = x + {n}" for n in range(200))
    calls_of_it = "\n".join(f"x{n} = helper(tf.zeros(({n + 1}, 2)))" for n in range(100))
    text = f"def helper(x):\n{body}\n    return x\n\n\n{calls_of_it}\n{LOSS}(x0, tf.nn.softmax(x0))\n"
    done = work(text, monkeypatch)
    assert (done.sites, done.exhausted) == (1, False)
    assert done.walked.count("helper") < 20
    assert done.steps < 2 * machine.STEPS_PER_HELPER


def project_of(folder: Path, **texts: str) -> list[Source]:
    """The first file of a project, with the others beside it."""
    (folder / "pyproject.toml").touch()
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(HEAD + text)
    return list(linter.read([folder / f"{next(iter(texts))}.py"]).sources)


def test_what_another_file_computes_does_not_use_up_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "\n".join(f"    keeper.a{n} = x + {n}" for n in range(machine.STEPS_PER_GUEST))
    parts = f"def prepared(x, keeper):\n{rows}\n    return x\n\n\ndef head(x):\n    return tf.nn.softmax(x)\n"
    train = (
        "from parts import head, prepared\n\n\nclass Keeper:\n    pass\n\n\nkeeper = Keeper()\n"
        f"for _ in range(9):\n    z = prepared(x, keeper)\n{LOSS}(y, z)\n{LOSS}(y, head(x))\n"
    )
    sources = project_of(tmp_path, train=train, parts=parts)
    done = work_on(sources, monkeypatch)
    assert (done.sites, done.exhausted) == (2, False)
    assert done.steps < 1.1 * machine.STEPS_PER_GUEST
    report = linter.lint(sources, Settings())
    assert [(call.verdict, call.reason) for call in report.loss_calls] == [
        (CallVerdict.UNDECIDED, "`prepared` is too intricate to be followed"),
        (CallVerdict.MISUSED, "LL101"),
    ]


def test_files_that_import_a_loss_are_run_where_they_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = f"def cost(y, z):\n    return {LOSS}(y, z)\n\n\ndef other(x):\n    return x\n"
    uses = "from costs import cost\n\n\ndef user(x, y):\n    return cost(y, tf.nn.softmax(x))\n"
    idle = "import costs\n\n\ndef idle(x):\n    return costs.other(x)\n\n\nz = idle(1)\n"
    sources = project_of(tmp_path, costs=costs, uses=uses, idle=idle)
    assert work_on(sources, monkeypatch).walked == ["cost", "user", "cost"]


def test_the_top_of_another_file_is_run_for_what_it_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that the file imports is that import's, and a definition's is that definition's: no more is run for it."""
    made = "import numpy as np\n\nscale = np.log(2.0)\nparts = [scale, scale]\n\n\n"
    head = "def head(x):\n    return tf.nn.softmax(np.abs(x))\n\n\n"
    heads = f"{made}{head}def scaled(x):\n    return tf.nn.softmax(x * scale)\n"

    def lowered(name: str) -> tuple[int, int]:
        folder = tmp_path / name
        folder.mkdir()
        train = f"import heads\n\n{LOSS}(y, heads.{name}(x))\n"
        done = work_on(project_of(folder, train=train, heads=heads), monkeypatch)
        return done.lowered, done.sites

    imports_and_loss_and_head = 3
    assert lowered("head") == (imports_and_loss_and_head, 1)
    assert lowered("scaled") == (imports_and_loss_and_head + 1, 1)


def test_libcst_parses_what_fixes_change_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = cst.parse_module

    def note_parsed(code: str) -> cst.Module:
        parsed.append(code)
        return parse(code)

    right = f"def right(x, y):\n    return {LOSS}(y, x @ x)\n"
    wrong = f"def wrong(x, y):\n    return {LOSS}(y, tf.nn.softmax(x @ x))\n"
    with monkeypatch.context() as patched:
        patched.setattr(cst, "parse_module", note_parsed)
        report = linter.lint([Source.from_text(f"{HEAD}{right}\n\n{wrong}", "made.py")], Settings())
    assert [finding.code for finding in report.findings] == ["LL101"]
    assert parsed == [wrong]


def test_after_an_edit_the_file_alone_is_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it imports is parsed again only where that has changed, and counts as it is now."""
    heads = "import tensorflow as tf\n\n\ndef head(x):\n    return {}(x @ x)\n"
    train = f"import tensorflow as tf\nimport heads\n\n{LOSS}(y, heads.head(x))\n"
    parsed: list[str] = []
    parse, way = ast.parse, Way(parsed=ParsedFiles())

    def note_parsed(text: str, *rest: object, **more: object) -> ast.AST:
        parsed.append(text)
        return parse(text, *rest, **more)  # type: ignore[call-overload, no-any-return]

    def verdict_of(text: str) -> CallVerdict:
        parsed.clear()
        (call,) = linter.lint([Source.from_text(text, "train.py")], Settings(), way=way).loss_calls
        return call.verdict

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ast, "parse", note_parsed)
    Path("heads.py").write_text(right := heads.format(""))
    assert verdict_of(train) is CallVerdict.FINE
    assert sorted(parsed) == sorted([train, right])
    assert verdict_of(edited := f"{train}# \n") is CallVerdict.FINE
    assert parsed == [edited]
    Path("heads.py").write_text(wrong := heads.format("tf.nn.softmax"))
    assert verdict_of(edited) is CallVerdict.MISUSED
    assert parsed[0] == wrong


TURNS = f"def train(epoch):\n    {LOSS}(y, net(x))\n\n\n"


@pytest.mark.parametrize(
    ("loop", "turns"),
    [
        ("for epoch in range(10):\n    train(epoch)\n", 2),
        ("for epoch in range(1, 11):\n    train(epoch)\n", 2),
        ("for epoch in range(10):\n    if epoch > 5:\n        train(epoch)\n", 1),
        ("for epoch in (3, 1, 2):\n    train(epoch)\n", 3),
        ("done = []\nfor epoch in range(10):\n    train(epoch)\n    done.append(epoch)\n", 10),
    ],
    ids=["turns alike", "from one", "under a condition", "no count", "with what is kept"],
)
def test_turns_are_run_until_one_changes_nothing(loop: str, turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves nothing out: those that follow would start where it has, with another number. The second may be it."""
    assert work(TURNS + loop, monkeypatch).walked.count("train") == turns
