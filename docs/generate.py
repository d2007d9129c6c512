"""Builds the pages that say again what stands elsewhere, so that they cannot say something else.

mkdocs runs this as a hook. Rules come from their pages, settings from their declaration, commands from click, losses
from the API files; README.md and its like are taken in as they are. Links are written for people who read the
repository; here they are turned to the site's pages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from lintloss import knowledge
from lintloss.cli import main
from lintloss.config import default_of, describe_type, options, type_of
from lintloss.pages import Rule, load_rules

ROOT = Path(__file__).parents[1]

# Files of the repository that are pages of the site, under another name.
TAKEN_IN = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "rules/README.md": "reference/rule-pages.md",
    "rules/apis/README.md": "reference/api-files.md",
}

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s]+)\)")
_FENCED = re.compile(r"(^(?P<fence>`{3,}).*?^(?P=fence)`*$)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the rules' pages into the navigation, under their table."""
    listed = ["rules/index.md", *(f"rules/{page.name}" for page in knowledge.rule_pages())]
    config.nav = [{"Rules": listed} if entry == {"Rules": "rules/index.md"} else entry for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those that lie in docs/."""
    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links to pages; where there is no page, only the text is left."""
    known = {file.src_uri for file in files.documentation_pages()}
    parts = _FENCED.split(markdown)[::3]
    fenced = [match[0] for match in _FENCED.finditer(markdown)]
    turned = [_LINK.sub(lambda link: _turned(link, page.file.src_uri, known), part) for part in parts]
    return "".join(piece for pair in zip(turned, [*fenced, ""], strict=True) for piece in pair)


def pages() -> dict[str, str]:
    """The text of every page that is not written by hand, by its name."""
    rules = load_rules()
    taken_in = {name: (ROOT / file).read_text(encoding="utf-8") for file, name in TAKEN_IN.items()}
    of_rules = {f"rules/{rule.path.name}": rule.page for rule in rules.values()}
    made = {
        "rules/index.md": rules_page(rules),
        "reference/settings.md": settings_page(),
        "reference/commands.md": commands_page(),
        "reference/losses.md": losses_page(),
    }
    return taken_in | of_rules | made


# -- links ---------------------------------------------------------------------------------------------------


def _turned(link: re.Match[str], page: str, known: set[str]) -> str:
    target, _, anchor = link["target"].partition("#")
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    file = os.path.normpath(_home(page).parent / target)
    name = TAKEN_IN.get(file, file.removeprefix("docs/"))
    if name not in known:
        return link["text"]
    relative = os.path.relpath(name, PurePosixPath(page).parent)
    return f"[{link['text']}]({PurePosixPath(relative).as_posix()}{'#' + anchor if anchor else ''})"


def _home(page: str) -> PurePosixPath:
    """Where a page lies in the repository."""
    homes = {name: file for file, name in TAKEN_IN.items()}
    return PurePosixPath(homes.get(page, page if page.startswith("rules/") else f"docs/{page}"))


# -- rules ---------------------------------------------------------------------------------------------------


def rules_page(rules: Mapping[str, Rule]) -> str:
    """All rules in a table."""
    rows = [
        [
            f"[{rule.code}]({rule.path.name})",
            rule.name,
            " or ".join(dict.fromkeys(choice.is_.value for choice in rule.severities)),
            " or ".join(dict.fromkeys(option.applicability.value for option in rule.fixes)),
            _state(rule),
            rule.summary,
        ]
        for rule in rules.values()
    ]
    return (
        "# Rules\n\n"
        "`error`: training is wrong or raises. `warning`: right only by luck, by one backend's repair, or unstable.\n"
        "A fix is *safe* where what the model outputs stays as it is, *unsafe* where that changes, *shown* where a\n"
        "person has to choose.\n\n" + _table(["code", "name", "severity", "fix", "runs", "what it does"], rows)
    )


def _state(rule: Rule) -> str:
    if rule.preview:
        return "in preview"
    return "by default" if rule.default_on else "if selected"


# -- settings ------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting: its type, its default, what it does."""
    sections = [_setting(key) for key in options()]
    return (
        "# Settings\n\n"
        "They stand under `[tool.lintloss]` in a pyproject.toml, or at the top of a lintloss.toml; the nearest file\n"
        "above what is linted holds. `lintloss config` prints those in effect and the line each comes from,\n"
        "`lintloss config --schema` their JSON schema for editors. Unknown keys and wrong types are errors.\n\n"
        + "\n".join(sections)
    )


def _setting(key: str) -> str:
    option = options()[key]
    default = _toml(default_of(option))
    return f"## `{key}`\n\n{option.metadata['help']}\n\nType: {describe_type(type_of(option))}. Default: `{default}`.\n"


def _toml(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{}" if not value else str(dict(value))
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


# -- commands ------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options."""
    sections = [_command(name, command) for name, command in sorted(main.commands.items()) if not command.hidden]
    return (
        "# Commands\n\n"
        "Exit codes: 0 where there is nothing to report, 1 for findings at or above `--fail-on`, 2 where the work\n"
        "could not be done. `-h` shows what stands here.\n\n" + "\n".join(sections)
    )


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"lintloss {name}", help_option_names=["-h", "--help"])
    usage = command.get_usage(context).removeprefix("Usage: ").strip()
    shown = [each for each in command.get_params(context) if isinstance(each, click.Option) and not each.hidden]
    records = (record for option in shown if (record := option.get_help_record(context)))
    rows = [[f"`{spelled}`", help_text] for spelled, help_text in records]
    help_text = " ".join((command.help or "").split())
    return f"## {name}\n\n{help_text}\n\n```text\n{' '.join(usage.split())}\n```\n\n" + _table(["option", ""], rows)


# -- losses --------------------------------------------------------------------------------------------------


def losses_page() -> str:
    """What every known loss takes, framework by framework."""
    parts = [
        "# What is known of losses\n\n"
        "From the [API files](../../rules/apis/README.md). *Takes* is what the prediction has to be; where it depends\n"
        "on an argument, both are shown. `lintloss apis NAME` prints all that is known of a callable.\n"
    ]
    for file in knowledge.api_files():
        rows = list(_losses(knowledge.load_toml(file)["api"]))
        if rows:
            parts.append(f"## {file.stem}\n\n" + _table(["loss", "family", "takes", "labels"], rows))
    return "\n".join(parts)


def _losses(entries: list[dict[str, Any]]) -> Iterator[list[str]]:
    for entry in entries:
        if entry["kind"] == "loss":
            names = ", ".join(f"`{name}`" for name in entry["names"])
            yield [names, _words(entry, "family"), _takes(entry), _words(entry, "labels")]


def _takes(entry: Mapping[str, Any]) -> str:
    plain = _words(entry, "input")
    others = [(each["if"], each["input"]) for each in entry.get("when", []) if "input" in each]
    told = [f"{_plain(value)} if {_condition(condition)}" for condition, value in others]
    return "; ".join([plain, *told])


def _condition(condition: Mapping[str, Any]) -> str:
    return " and ".join(f"`{name}={value}`" for name, value in condition.items())


def _words(entry: Mapping[str, Any], key: str) -> str:
    return _plain(str(entry.get(key, "")))


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
