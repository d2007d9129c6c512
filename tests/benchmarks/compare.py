"""What a run costs beside other tools on the same tree: `python tests/benchmarks/compare.py DIR [--rounds 3]`.

Each tool runs in turn, several times, over all Python files below DIR, with no cache; medians of CPU seconds (user and
system, of all its processes) and their ratio to `ast.parse` are printed as a table, with versions and machine. Tools
that are not installed are left out. Not part of the test run.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
from importlib import metadata
from pathlib import Path

PARSE = """
import ast, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
for file in Path(sys.argv[1]).rglob("*.py"):
    try:
        ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        pass
"""


def commands(tree: Path) -> dict[str, list[str]]:
    """The tools by name, with what starts each."""
    python = [sys.executable, "-m"]
    known = {
        "ast.parse": [sys.executable, "-c", PARSE, str(tree)],
        "lintloss": [*python, "lintloss", "check", "--no-cache", "--jobs", "2", "--exit-zero", str(tree)],
        "ruff": [*python, "ruff", "check", "--no-cache", "--isolated", "--exit-zero", str(tree)],
        "torchfix": [*python, "flake8", "--isolated", "--select", "TOR", "--exit-zero", str(tree)],
        "fixit": [*python, "fixit", "lint", str(tree)],
    }
    return {name: command for name, command in known.items() if version(name) is not None}


def version(name: str) -> str | None:
    if name == "ast.parse":
        return platform.python_version()
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def cpu_seconds(command: list[str]) -> float:
    """The CPU seconds of a command and all that it starts."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    tools = commands(given.tree)
    taken: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(given.rounds):
        for name, command in tools.items():
            taken[name].append(cpu_seconds(command))
    base = statistics.median(taken["ast.parse"])
    files = sum(1 for _ in given.tree.rglob("*.py"))
    print(f"{files} files, {os.cpu_count()} cores, {platform.machine()}, {platform.system()}")
    print("| tool | version | CPU s (median) | to `ast.parse` |\n| --- | --- | --- | --- |")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"| {name} | {version(name)} | {median:.1f} | {median / base:.1f} |")


if __name__ == "__main__":
    main()
