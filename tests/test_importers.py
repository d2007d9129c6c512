"""Which files count as callers of another one's losses: those whose imports mean it, the nearest first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintloss import CallVerdict, linter
from lintloss.analysis import modules, tree
from lintloss.analysis.machine import Machine
from lintloss.analysis.objects import Module
from lintloss.config import Settings
from lintloss.sources import Source

RELAY = "import torch\n\n\ndef cost(scores, ids):\n    return torch.nn.functional.cross_entropy(scores, ids)\n"
CALL = "import torch\n{}\n\n{}(torch.softmax(net(x), 1), ids)\n"


def verdict_of(folder: Path, path: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> CallVerdict:
    """What is said of the only loss call of the file at `path`, when that file alone is named."""
    (folder / "pyproject.toml").touch()
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    monkeypatch.chdir(folder)
    report = linter.lint([Source.read(Path(path), path)], Settings())
    (call,) = report.loss_calls
    return call.verdict


MODULE = {"costs.py": RELAY}
PACKAGE = {"pieces/__init__.py": "from .costs import cost\n", "pieces/costs.py": RELAY}
IMPORTS = {
    "from costs import cost": ("cost", MODULE),
    "import costs": ("costs.cost", MODULE),
    "import costs as c": ("c.cost", MODULE),
    "from costs import *": ("cost", MODULE),
    "from costs import (\n    cost,  # the one\n)": ("cost", MODULE),
    "from pieces import cost": ("cost", PACKAGE),
    "import pieces": ("pieces.cost", PACKAGE),
    "from pieces.costs import cost": ("cost", PACKAGE),
    "import pieces.costs": ("pieces.costs.cost", PACKAGE),
    "from pieces import costs": ("costs.cost", PACKAGE),
    "from pieces import (\n    costs,\n)": ("costs.cost", PACKAGE),
}


@pytest.mark.parametrize("imported", IMPORTS)
def test_whoever_imports_a_file_is_a_caller(imported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own name, or through a package that hands it on."""
    callee, files = IMPORTS[imported]
    *_, path = files
    called = {**files, "train.py": CALL.format(imported, callee)}
    assert verdict_of(tmp_path, path, called, monkeypatch) is CallVerdict.MISUSED


def test_a_notebook_beside_a_file_is_a_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = CALL.format("from costs import cost", "cost").splitlines(keepends=True)
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": lines}]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    files = {"costs.py": RELAY, "lesson.ipynb": notebook}
    assert verdict_of(tmp_path, "costs.py", files, monkeypatch) is CallVerdict.MISUSED


def test_another_module_of_the_same_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files than are opened import what is called alike; the one that means the file is opened all the same."""
    other = "import torch\nfrom torch.utils.data import DataLoader\nfrom kit.utils import cost\n\ncost(DataLoader, 1)\n"
    files = {f"a{number}.py": other for number in range(2 * modules.MOST_IMPORTERS)}
    files |= {"kit/utils.py": "def cost(a, b):\n    return a\n", "utils.py": RELAY}
    files["z.py"] = CALL.format("from utils import cost", "cost")
    assert verdict_of(tmp_path, "utils.py", files, monkeypatch) is CallVerdict.MISUSED


def test_the_nearest_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project has more files than are searched, those beside the file are."""
    monkeypatch.setattr(tree, "MOST_FILES_SEARCHED", 10)
    monkeypatch.setattr(modules, "MOST_IMPORTERS", 1)
    far = CALL.format("from lesson.costs import cost", "cost").replace("torch.softmax", "torch.abs")
    files = {f"a{number}.py": far for number in range(20)}
    files |= {"lesson/costs.py": RELAY, "lesson/zz.py": CALL.format("from costs import cost", "cost")}
    assert verdict_of(tmp_path, "lesson/costs.py", files, monkeypatch) is CallVerdict.MISUSED


TRAINER = """import torch


class Trainer:
    def fit(self, scores, ids):
        return torch.nn.functional.cross_entropy(scores, ids)
"""
FITS = "{}\n\n\ndef main(net, x, ids):\n    {}.fit(torch.softmax(net(x), 1), ids)\n"
WAYS = {
    "its class": ("from costs import Trainer", "Trainer()"),
    "an object at the file's top": ("from costs import trainer", "trainer"),
    "the file": ("import costs", "costs.Trainer()"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_method_is_reached_through_its_class_or_an_object(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported, owner = WAYS[way]
    files = {
        "costs.py": f"{TRAINER}\n\ntrainer = Trainer()\n",
        "train.py": "import torch\n" + FITS.format(imported, owner),
    }
    assert verdict_of(tmp_path, "costs.py", files, monkeypatch) is CallVerdict.MISUSED


def test_who_names_a_method_alone_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that imports something else, `fit` is the method of whatever it was given."""
    run: list[str] = []
    runs = modules.Project.run

    def note_run(self: modules.Project, machine: Machine, module: Module) -> None:
        run.append(module.name)
        runs(self, machine, module)

    other = "from costs import Size\n\n\ndef main(estimator, x, ids):\n    estimator.fit(x, ids)\n"
    files = {"costs.py": f"{TRAINER}\n\nclass Size:\n    pass\n", "train.py": other}
    monkeypatch.setattr(modules.Project, "run", note_run)
    assert verdict_of(tmp_path, "costs.py", files, monkeypatch) is CallVerdict.OPEN
    assert "train" not in run


FORMULA = """import torch


def cost(scores, rows):
    return -torch.sum(rows * torch.log({}), dim=1).mean()
"""
FORMULAS = {
    "of what it is given": ("scores", CallVerdict.MISUSED),
    "with a guard": ("scores + 1e-8", CallVerdict.MISUSED),
    "of what it makes": ("torch.relu(scores)", None),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_a_formula_is_of_is_up_to_its_callers(
    formula: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-sum(y * log(p))` is a cross entropy where a file that imports it gives it a softmax's output."""
    written, verdict = FORMULAS[formula]
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "costs.py").write_text(FORMULA.format(written))
    rows = "rows = torch.nn.functional.one_hot(ids, 3).float()\n"
    train = f"import torch\nfrom costs import cost\n\n{rows}cost(torch.softmax(net(x), 1), rows)\n"
    (tmp_path / "train.py").write_text(train)
    monkeypatch.chdir(tmp_path)
    report = linter.lint([Source.read(Path("costs.py"), "costs.py")], Settings())
    assert [call.verdict for call in report.loss_calls] == ([verdict] if verdict is not None else [])


LOOP = "def fit(model, {0}, batches, device):\n{1}    for x, ids in batches:\n        {2}(model(x), ids).backward()\n"
HANDED = {
    "itself": ("criterion", "", "criterion", "nn.CrossEntropyLoss()"),
    "and moved": ("criterion", "    criterion = criterion.to(device)\n", "criterion", "nn.CrossEntropyLoss()"),
    "under a name": ("criterions", "", 'criterions["ids"]', '{"ids": nn.CrossEntropyLoss()}'),
    "with others": ("losses", "", "losses[0]", "[nn.CrossEntropyLoss(), nn.MSELoss()]"),
}


@pytest.mark.parametrize("way", HANDED)
def test_a_loss_is_handed_over(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a file that names none, by one that imports it."""
    parameter, before, called, given = HANDED[way]
    model = "nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))"
    train = f"import torch.nn as nn\nfrom loop import fit\n\nfit({model}, {given}, batches(), 'cpu')\n"
    files = {"loop.py": LOOP.format(parameter, before, called), "train.py": train}
    assert verdict_of(tmp_path, "loop.py", files, monkeypatch) is CallVerdict.MISUSED
