"""Where keys stand in a TOML text."""

from __future__ import annotations

import pytest

from lintloss.toml_lines import KeyLines

TEXT = '''\
# don't count this: [nothing]
[tool."lint loss"]
select = ["a", # ]
  "b"]
deep.er = 1

[[api]]
names = ["""
[[api]]
"""]
[[api.when]]
if.x = 1
[[api.when]]
[[api]]
kind = "loss"
[api.takes]
labels = "y"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("tool",), 2),
        (("tool", "lint loss", "select"), 3),
        (("tool", "lint loss", "deep", "er"), 5),
        (("tool", "lint loss", "absent"), 2),
        (("api",), 7),
        (("api", 0, "names"), 8),
        (("api", 0, "when", 0, "if", "x"), 12),
        (("api", 0, "when", 1), 13),
        (("api", 1), 14),
        (("api", 1, "kind"), 15),
        (("api", 1, "takes", "labels"), 17),
        (("absent",), 1),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int) -> None:
    assert KeyLines(TEXT).line(*path) == line
