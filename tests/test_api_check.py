"""API files that people bring: right ones are taken, wrong ones explained with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss import knowledge
from lintloss.analysis import apis
from lintloss.analysis.api_check import Vocabulary, check
from lintloss.config import Settings
from lintloss.errors import UsageError

SHIPPED = {path: knowledge.load_toml(path) for path in knowledge.api_files()}
HEAD = 'format = 1\nframework = "our"\n'
LOSS = """
[[api]]
names = ["our.loss"]
kind = "loss"
parameters = ["y", "z", "gamma=2.0", "*", "reduce=numpy.mean", "**rest"]
family = "softmax"
input = "logits"
labels = "dense"
takes = { labels = "y", prediction = "z" }
"""


def checked(folder: Path, text: str) -> None:
    path = folder / "own.toml"
    path.write_text(text)
    check(path, knowledge.load_toml(path), Vocabulary(SHIPPED.values()))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_shipped_file_passes_by_the_words_of_all(path: Path) -> None:
    check(path, SHIPPED[path], Vocabulary(SHIPPED.values()))


def test_a_right_file_is_taken(tmp_path: Path) -> None:
    checked(tmp_path, HEAD)
    checked(tmp_path, HEAD + LOSS)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("framework = 'our'\n", 1, "`format` has to be 1"),
        ("format = 1\n", 1, "`framework` has to be a string"),
        (HEAD + "aliasses = {}\n", 3, "unknown key `aliasses`; did you mean `aliases`?"),
        (HEAD + "aliases = { a = 1 }\n", 3, "`aliases` has to be a table of strings"),
        (HEAD + "api = 1\n", 3, "`api` has to be tables, [[api]]"),
        (HEAD + "[[api]]\n", 3, "`names` has to be a list of strings"),
        (HEAD + "[[api]]\nnames = []\n", 4, "`names` is empty"),
        (HEAD + "[[api]]\nnames = ['a b']\n", 4, "'a b' is no dotted name"),
        (HEAD + "[[api]]\nnames = ['a']\n", 3, "`kind` of a has to be one of activation, "),
        (HEAD + "[[api]]\nnames = ['a']\nkind = 'los'\n", 5, "unknown `kind` `los`; did you mean `loss`?"),
        (HEAD + LOSS.replace("family", "famly"), 8, "unknown key of a loss `famly`; did you mean `family`?"),
        (HEAD + LOSS.replace('labels = "dense"\n', ""), 4, "our.loss: a loss needs `labels`"),
        (HEAD + LOSS.replace('"logits"', '"logit"'), 9, "unknown `input` `logit`; did you mean `logits`?"),
        (HEAD + LOSS.replace('"softmax"', "1"), 8, "`family` has to be a string, not 1"),
        (HEAD + LOSS.replace('"z", ', ""), 11, "`takes`: prediction = 'z', which is no parameter of it"),
        (
            HEAD + LOSS.replace("prediction =", "predction ="),
            11,
            "unknown role `predction`; did you mean `prediction`?",
        ),
        (HEAD + LOSS.replace('"gamma=2.0"', '"gamma="'), 7, "'gamma=' is no parameter like \"axis=-1\""),
        (HEAD + LOSS.replace('"gamma=2.0"', '"gamma=f()"'), 7, "'gamma=f()' is no parameter"),
        (HEAD + LOSS + 'clamp = "small"\n', 12, "`clamp` has to be a number, not 'small'"),
        (HEAD + LOSS + 'versions = "new"\n', 12, '`versions` has to be like "tensorflow<2"'),
        (HEAD + LOSS + "when = [{ input = 'logits' }]\n", 12, "`when` needs `if`, a table of arguments"),
        (HEAD + LOSS + "[[api.when]]\nif = { g = 1 }\n", 13, "unknown parameter in `if` `g`; "),
        (
            HEAD + LOSS + "[[api.when]]\nif = { gamma = 1 }\ninput = 'any '\n",
            14,
            "unknown `input` `any `; did you mean `any`?",
        ),
        (HEAD + LOSS + "orders = [{ versions = 'our<2' }]\n", 12, "`parameters` has to be a list of strings"),
        (HEAD + LOSS + LOSS.replace('"our.loss"', "1"), 14, "`names` has to be a list of strings"),
        (
            HEAD + "[[api]]\nnames = ['a']\nkind = 'layer'\nparameters = ['n']\ncall = ['x']\ninput = 'y'\n",
            8,
            "`input` has to name a parameter: n, x; not 'y'",
        ),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'own.toml'}:{line}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_bring_their_files_and_changes_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    settings = Settings(apis=(path,))
    with pytest.raises(UsageError, match="No such file"):
        apis.load(settings)
    path.write_text(HEAD + LOSS)
    entry = apis.load(settings).entry("our.loss")
    assert entry is not None
    assert entry["input"] == "logits"
    path.write_text(HEAD + LOSS.replace('"logits"', '"probabilities"'))
    entry = apis.load(settings).entry("our.loss")
    assert entry is not None
    assert entry["input"] == "probabilities"
    path.write_text("names = ")
    with pytest.raises(UsageError, match=r"own.toml: not valid TOML"):
        apis.load(settings)
