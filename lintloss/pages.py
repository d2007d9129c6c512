"""Rule pages: Markdown files whose first ```toml block defines a rule and whose prose documents it.

The format is described in `rules/README.md`. A page that does not follow it is a `UsageError` naming file,
line and key.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from lintloss import knowledge
from lintloss.config import Settings
from lintloss.errors import UsageError, did_you_mean
from lintloss.finding import Applicability, Severity
from lintloss.predicates import PREDICATES
from lintloss.reading import read_text
from lintloss.vocabulary import LACKABLE, RELATIONS, SUBJECTS, Answer, Case, Test, both

ANCHORS = ("loss", "metric", "activation", "file")
VERBS = (
    "set-argument",
    "drop-argument",
    "replace-callable",
    "pass-preactivation",
    "drop-layer",
    "swap-arguments",
    "encode-labels",
    "replace-formula",
)
PLACEHOLDERS = frozenset("loss takes gets labels activation times units classes backend".split())

_BLOCK = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_KEYS = frozenset("format code name anchor severity default preview where needs yields_to intent fixes message".split())
_FIX_KEYS = frozenset("verb applicability message arguments".split())
_CODE = re.compile(r"[A-Z]+[0-9]{3,}")

T = TypeVar("T")


class Clause(NamedTuple):
    """Tests and predicates that hold together."""

    tests: tuple[Test, ...] = ()
    predicate: str | None = None

    def ask(self, case: Case) -> Answer:
        """All of them; the predicate, which costs more, only where the tests leave it open."""
        answer = both(test.ask(case) for test in self.tests)
        if self.predicate is None or answer.holds is False:
            return answer
        return both((answer, PREDICATES[self.predicate](case)))

    @property
    def families(self) -> frozenset[str] | None:
        """The families of losses that this can hold of; None if it can hold of any."""
        named = [test.wanted for test in self.tests if (test.subject, test.relation) == ("loss.family", "is")]
        return frozenset(named[0]) if named else None

    @property
    def speaks_of_labels(self) -> bool:
        return self.predicate is not None or any(test.subject.startswith("labels.") for test in self.tests)


@dataclass(frozen=True)
class When(Generic[T]):
    """A value, and the conditions under which it is the one."""

    is_: T
    when: Clause = field(default_factory=Clause)


def first(options: Iterable[When[T]], case: Case) -> T | None:
    """The value of the first option that certainly applies."""
    return next((option.is_ for option in options if option.when.ask(case).holds), None)


@dataclass(frozen=True)
class FixOption:
    """One way to repair: a verb of `lintloss.fixes`, its safety, and what it tells the person."""

    verb: str
    applicability: Applicability
    message: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    when: Clause = field(default_factory=Clause)


@dataclass(frozen=True)
class Rule:
    """One rule page. `toml` is its definition as it stands there, `page` the whole text."""

    code: str
    name: str
    anchors: tuple[str, ...]
    default_on: bool
    preview: bool
    severities: tuple[When[Severity], ...]
    messages: tuple[When[str], ...]
    intents: tuple[When[str], ...]
    where: tuple[Clause, ...]
    needs: frozenset[str]
    yields_to: frozenset[str]
    fixes: tuple[FixOption, ...]
    page: str
    toml: Mapping[str, Any]
    path: Path

    @property
    def severity(self) -> Severity:
        """The severity where no other applies: the last one of the page."""
        return self.severities[-1].is_

    @property
    def summary(self) -> str:
        """The first paragraph under "What it does"."""
        _, _, prose = self.page.partition("## What it does\n")
        return " ".join(prose.strip().split("\n\n")[0].split())

    @property
    def speaks_of_labels(self) -> bool:
        return any(clause.speaks_of_labels for clause in self.where)

    def severity_for(self, case: Case) -> Severity:
        return first(self.severities, case) or self.severity

    def intent_for(self, case: Case) -> str | None:
        """The reference (`lintloss.confirm.references`) that the user meant; `own` is that of the loss itself."""
        intent = first(self.intents, case)
        return case.entry["reference"] if intent == "own" else intent

    def means_own(self, case: Case) -> bool:
        """Whether the loss itself is right, and only what it was given is not."""
        return first(self.intents, case) == "own"

    def message_for(self, case: Case) -> str:
        return first(self.messages, case) or self.messages[-1].is_


def load_rules(settings: Settings | None = None) -> dict[str, Rule]:
    """All rules by code, those of the settings' own folders included; a folder's page replaces a built-in one.

    Raises:
        UsageError: a page does not follow the format.
    """
    pages = list(knowledge.rule_pages())
    for folder in settings.rules if settings else ():
        pages += _pages_in(folder)
    rules = {rule.code: rule for rule in map(load_page, pages)}
    return dict(sorted(rules.items()))


def _pages_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of rules")
    return sorted(page for page in folder.glob("*.md") if _CODE.match(page.name))


def load_page(path: Path) -> Rule:
    """Read one rule page; read again only when the file has changed."""
    try:
        return _load_page(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


@cache
def _load_page(path: Path, stamp: int) -> Rule:
    try:
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8: {error.reason}") from error
    return parse_page(text, path)


def parse_page(text: str, path: Path) -> Rule:
    """Make a rule of a page's text; `path` is for messages."""
    block = _BLOCK.search(text)
    if block is None:
        raise UsageError(f"{path}:1: no ```toml block that defines the rule")
    toml = "\n" * text.count("\n", 0, block.start(1)) + block.group(1)  # lines are those of the page
    return _Reader(path, toml).rule(text)


class _Reader:
    """Reads a definition into a rule and knows where each key stands."""

    def __init__(self, path: Path, toml: str) -> None:
        self._path = path
        self._definition = toml
        self._toml = knowledge.parse_toml(toml, str(path))

    def rule(self, page: str) -> Rule:
        if self._toml.get("format") != 1:
            self._fail("format", "has to be 1")
        for key in self._toml:
            if key not in _KEYS:
                self._fail(key, f"unknown key{_nearest(key, _KEYS)}")
        return Rule(
            code=self._code(),
            name=self._text("name"),
            anchors=self._anchors(),
            default_on=self._flag("default", True),
            preview=self._flag("preview", False),
            severities=self._choices("severity", Severity),
            messages=self._choices("message", self._template),
            intents=self._choices("intent", str) if "intent" in self._toml else (),
            where=tuple(self._clause("where", index, table) for index, table in self._tables("where")),
            needs=frozenset(self._needs()),
            yields_to=frozenset(self._strings("yields_to")),
            fixes=tuple(self._fix(index, table) for index, table in self._tables("fixes")),
            page=page,
            toml=self._toml,
            path=self._path,
        )

    def _code(self) -> str:
        code = self._text("code")
        if not _CODE.fullmatch(code):
            self._fail("code", f"{code!r} is no code like LL101")
        if not self._path.name.startswith(code):
            self._fail("code", f"{code} does not stand in a file called {code}-....md")
        return code

    def _anchors(self) -> tuple[str, ...]:
        anchors = tuple(self._strings("anchor"))
        for anchor in anchors:
            if anchor not in ANCHORS:
                self._fail("anchor", f"{anchor!r} is none of {', '.join(ANCHORS)}")
        return anchors or self._fail("anchor", "is missing")

    def _needs(self) -> list[str]:
        needs = self._strings("needs")
        for subject in needs:
            if subject not in LACKABLE:
                self._fail("needs", f"unknown fact {subject!r}{_nearest(subject, LACKABLE)}")
        return needs

    def _template(self, text: str) -> str:
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            self._fail("message", str(error))
        for _, name, format, conversion in parts:
            if name is not None and (name not in PLACEHOLDERS or format or conversion):
                self._fail("message", f"unknown placeholder {{{name}}}{_nearest(name, PLACEHOLDERS)}")
        return text

    def _choices(self, key: str, convert: Callable[[str], T]) -> tuple[When[T], ...]:
        """A plain value, or a list of tables with `is` and the conditions it depends on; the last has none."""
        value = self._toml.get(key)
        if isinstance(value, str):
            return (When(self._converted(key, value, convert)),)
        tables = self._tables(key)
        if not tables:
            self._fail(key, "is missing")
        return tuple(self._choice(key, index, table, convert) for index, table in tables)

    def _choice(self, key: str, index: int, table: Mapping[str, Any], convert: Callable[[str], T]) -> When[T]:
        if not isinstance(table.get("is"), str):
            self._fail(key, "needs `is`, a string", index)
        conditions = {name: value for name, value in table.items() if name != "is"}
        return When(self._converted(key, table["is"], convert), self._clause(key, index, conditions))

    def _converted(self, key: str, value: str, convert: Callable[[str], T]) -> T:
        try:
            return convert(value)
        except ValueError as error:
            self._fail(key, str(error))

    def _fix(self, index: int, table: Mapping[str, Any]) -> FixOption:
        if table.get("verb") not in VERBS:
            self._fail("fixes", f"`verb` has to be one of {', '.join(VERBS)}", index, "verb")
        if not isinstance(table.get("message"), str):
            self._fail("fixes", "needs `message`, a string", index)
        if not isinstance(table.get("arguments", {}), dict):
            self._fail("fixes", "`arguments` has to be a table", index, "arguments")
        return FixOption(
            verb=table["verb"],
            applicability=self._converted("fixes", str(table.get("applicability")), Applicability),
            message=self._template(table["message"]),
            arguments=table.get("arguments", {}),
            when=self._clause("fixes", index, {k: v for k, v in table.items() if k not in _FIX_KEYS}),
        )

    def _clause(self, key: str, index: int, table: Mapping[str, Any]) -> Clause:
        tests = []
        for group, conditions in table.items():
            if group == "predicate":
                continue
            if not isinstance(conditions, dict):
                self._fail(key, f"unknown condition `{group}`", index, group)
            tests += [self._test(key, index, f"{group}.{name}", value) for name, value in conditions.items()]
        return Clause(tuple(tests), self._predicate(key, index, table))

    def _predicate(self, key: str, index: int, table: Mapping[str, Any]) -> str | None:
        name = table.get("predicate")
        if name is None:
            return None
        if not isinstance(name, str) or name not in PREDICATES:
            self._fail(key, f"unknown predicate {name!r}{_nearest(name, PREDICATES)}", index, "predicate")
        return name

    def _test(self, key: str, index: int, subject: str, value: Any) -> Test:
        if subject not in SUBJECTS:
            self._fail(key, f"unknown condition `{subject}`{_nearest(subject, SUBJECTS)}", index, subject)
        relation, wanted = next(iter(value.items())) if isinstance(value, dict) and value else ("is", value)
        if relation not in RELATIONS or (isinstance(value, dict) and len(value) != 1):
            self._fail(key, f"`{subject}` has to be a value, a list, or one of {', '.join(RELATIONS)}", index, subject)
        values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
        legal = SUBJECTS[subject].values
        for each in values:
            if isinstance(each, (dict, list)) or (legal is not None and each not in legal):
                self._fail(key, f"`{subject}` is never {each!r}{_nearest(each, legal or ())}", index, subject)
        return Test(subject, relation, values)

    def _tables(self, key: str) -> list[tuple[int, Mapping[str, Any]]]:
        tables = self._toml.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._fail(key, "has to be a list of tables")
        return list(enumerate(tables))

    def _strings(self, key: str) -> list[str]:
        value = self._toml.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
            self._fail(key, "has to be a string or a list of strings")
        return values

    def _text(self, key: str) -> str:
        value = self._toml.get(key)
        return value if isinstance(value, str) else self._fail(key, "has to be a string")

    def _flag(self, key: str, default: bool) -> bool:
        value = self._toml.get(key, default)
        return value if isinstance(value, bool) else self._fail(key, "has to be true or false")

    def _fail(self, key: str, problem: str, index: int = 0, inner: str | None = None) -> NoReturn:
        """Complain of a key, or of `inner` in the table `[[key]]` number `index`."""
        from lintloss.toml_lines import KeyLines, KeyPath

        is_list = isinstance(self._toml.get(key), list)
        where = f"{key}[{index}]" if is_list and inner else key
        path: KeyPath = (key, index, *(inner or "").split(".")) if is_list else (key,)
        raise UsageError(f"{self._path}:{KeyLines(self._definition).line(*path)}: {where}: {problem}")


def _nearest(word: object, known: Iterable[object]) -> str:
    """A hint at what may be meant."""
    return did_you_mean(str(word), [each for each in known if isinstance(each, str)])
