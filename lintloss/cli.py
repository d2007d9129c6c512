"""The command line. It reads options, calls the linter and prints; what is slow loads when used."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args

import click

from lintloss import __version__, output
from lintloss.config import FailOn, Loaded, Settings, folder_of, load
from lintloss.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from lintloss.finding import Finding, Report
    from lintloss.linter import Fixed
    from lintloss.scope import Scope
    from lintloss.sources import Source

_STDIN = "-"
_NOT_REVIEWED = "not reviewed yet"

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Lintloss(click.Group):
    """The command group, whose every failure is one line on standard error and exit code 2."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        with suppress(AttributeError, ValueError):  # a replaced stream that cannot be configured
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        sys.exit(self._run(*args, **extra))

    def _run(self, *args: Any, **extra: Any) -> int:
        try:
            code = super().main(*args, **extra)
        except click.ClickException as error:
            error.show()
        except click.Abort:
            _complain("interrupted")
        except (UsageError, OSError) as error:
            _complain(str(error).replace(f"{Path.cwd()}{os.sep}", ""))  # paths as people are shown them elsewhere
        except Exception as error:
            if os.environ.get("LINTLOSS_DEBUG"):
                raise
            _complain(f"internal error: {_described(error)}; LINTLOSS_DEBUG=1 shows more")
        else:
            return code if isinstance(code, int) else 0
        return 2


@click.group(cls=_Lintloss, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lintloss")
def main() -> None:
    """Find losses that do not fit what they are given."""


# Options that commands share


def _complete_code(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from lintloss.rulebook import load_rules

    try:
        rules = load_rules(_load_settings((), None, None).settings).values()
    except UsageError:  # not the moment to complain
        return []
    return [CompletionItem(rule.code, help=rule.name) for rule in rules if rule.code.startswith(incomplete.upper())]


def _together(*decorators: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def _codes_option(name: str, help: str) -> Callable[[_Command], _Command]:
    return click.option(name, multiple=True, metavar="CODES", help=help, shell_complete=_complete_code)


_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A pyproject.toml or lintloss.toml to use instead of the nearest.",
)
_stdin_filename = click.option("--stdin-filename", metavar="NAME", help="What standard input (-) is called.")
_selection = _together(
    _codes_option("--select", "Run these rules only; ALL names every rule."),
    _codes_option("--extend-select", "Run these rules, too."),
    _codes_option("--ignore", "Do not run these rules."),
    click.option("--preview/--no-preview", default=None, help="Run rules that may still change."),
    click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files and folders, too."),
    click.option("--force-exclude", is_flag=True, help="Leave out excluded files that are named outright."),
)


@dataclass(frozen=True)
class _Selection:
    """What the command line says of rules and files, on top of the settings."""

    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    ignore: tuple[str, ...]
    preview: bool | None
    exclude: tuple[str, ...]
    force_exclude: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> _Selection:
        return cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})

    def over(self, loaded: Loaded) -> Settings:
        """Return the settings with these options in them.

        Raises:
            UsageError: a code, here or in the settings file, names no rule.
        """
        from lintloss.rulebook import load_rules
        from lintloss.selection import refuse_unknown

        settings = loaded.settings
        preview = settings.preview if self.preview is None else self.preview
        own = Settings(_codes(self.select), _codes(self.extend_select), _codes(self.ignore), preview=preview)
        rules = load_rules(settings)
        refuse_unknown(rules, replace(settings, preview=preview), lambda key: f"{loaded.origin(key)}: `{key}`")
        refuse_unknown(rules, own, lambda key: f"--{key}")
        return replace(
            settings,
            select=own.select or settings.select,
            extend_select=settings.extend_select + own.extend_select,
            ignore=settings.ignore + own.ignore,
            preview=preview,
            exclude=settings.exclude + self.exclude,
            force_exclude=settings.force_exclude or self.force_exclude,
        )


# check


@dataclass(frozen=True)
class _Check:
    """The options of `check`, but those that go into the settings."""

    fix: bool
    unsafe_fixes: bool
    diff: bool
    verify: bool
    evidence: bool
    add_ignore: bool
    reason: str
    output_format: str
    output_file: Path | None
    statistics: bool
    exit_zero: bool
    show_flow: bool
    no_baseline: bool
    diff_base: str | None

    @property
    def shows_evidence(self) -> bool:
        return self.verify and (self.evidence or self.output_format in output.WITH_EVIDENCE)

    def __post_init__(self) -> None:
        if self.evidence and not self.verify:
            raise click.UsageError("--evidence needs --verify")
        if self.add_ignore and (self.fix or self.verify):
            raise click.UsageError("--add-ignore goes with neither --fix nor --verify")
        if "\n" in self.reason or "\r" in self.reason:
            raise click.UsageError("--reason has to be one line")


@main.command()
@_paths
@click.option("--fix", is_flag=True, help="Repair what can be repaired safely.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: change outputs, too.")
@click.option("--diff", is_flag=True, help="Show what --fix or --add-ignore would change; write nothing.")
@click.option("--verify", is_flag=True, help="Prove findings and fixes with real TensorFlow.")
@click.option("--evidence", is_flag=True, help="With --verify: train both versions and show what a misuse costs.")
@_selection
@click.option("--output-format", type=click.Choice(output.FORMATS), default="text", show_default=True)
@click.option("--output-file", type=click.Path(path_type=Path), help="Write the report there.")
@click.option("--show-flow/--no-show-flow", default=True, help="Show how values reach losses.")
@click.option("--statistics", is_flag=True, help="Count findings by rule.")
@click.option("--fail-on", type=click.Choice(get_args(FailOn)), help="What makes the exit code 1.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@click.option("--no-baseline", is_flag=True, help="Report what .lintloss-baseline.json knows, too.")
@click.option("--diff-base", metavar="REV", help="Report only what has changed since this git revision.")
@click.option("--add-ignore", is_flag=True, help="Silence each finding with a comment on its line.")
@click.option("--reason", default=_NOT_REVIEWED, show_default=True, help="What such a comment says.")
@_stdin_filename
@_config
def check(
    paths: tuple[Path, ...],
    stdin_filename: str | None,
    config: Path | None,
    fail_on: FailOn | None,
    **options: Any,
) -> int:
    """Lint files, folders and notebooks; - is standard input."""
    from lintloss import linter

    selection = _Selection.taken_from(options)
    wanted = _Check(**options)
    settings = selection.over(_load_settings(paths, stdin_filename, config))
    settings = replace(settings, fail_on=fail_on or settings.fail_on)
    given = _read(paths, stdin_filename, settings)
    scope = _scope(_start(paths, stdin_filename), wanted)
    changed = _changed(given, settings, scope, wanted)
    if wanted.diff:
        return _show_diff(given, changed, wanted.exit_zero)
    if changed is None:
        report = linter.lint(
            given.sources,
            settings,
            verify=wanted.verify,
            evidence=wanted.shows_evidence,
            unreadable=given.unreadable,
            scope=scope,
        )
        sources: Sequence[Source] = given.sources
    else:
        _keep(given, changed, wanted)
        report, sources = changed.report, changed.sources
    for note in (*report.notes, *_baseline_notes(scope, report, sources, settings)):
        _complain(note)
    _show_report(report, sources, settings, wanted, to_stderr=changed is not None and given.stdin is not None)
    return 0 if wanted.exit_zero else int(linter.fails(report, settings.fail_on))


@dataclass(frozen=True)
class _Given:
    """What is to be linted; `stdin` are the bytes of standard input, if that is it."""

    sources: tuple[Source, ...]
    unreadable: tuple[Finding, ...]
    stdin: bytes | None = None


def _read(paths: Sequence[Path], stdin_filename: str | None, settings: Settings) -> _Given:
    from lintloss import linter
    from lintloss.files import find_files

    if _is_stdin(paths):
        data = sys.stdin.buffer.read()
        read = linter.read_bytes(data, stdin_filename or "<stdin>")
        return _Given(read.sources, read.unreadable, data)
    found = find_files(paths or [Path()], settings)
    for note in found.notes:
        _complain(note)
    read = linter.read(found.files)
    return _Given(read.sources, read.unreadable)


def _is_stdin(paths: Sequence[Path]) -> bool:
    if Path(_STDIN) in paths and len(paths) > 1:
        raise click.UsageError("- (standard input) cannot be mixed with paths")
    return Path(_STDIN) in paths


def _scope(start: Path, wanted: _Check) -> Scope:
    from lintloss.scope import Scope

    known, changes = None, None
    if not wanted.no_baseline:
        from lintloss import baseline

        file = baseline.find(start)
        known = baseline.load(file) if file is not None else None
    if wanted.diff_base is not None:
        from lintloss import touched

        changes = touched.since(wanted.diff_base, start)
    return Scope(known, changes)


def _changed(given: _Given, settings: Settings, scope: Scope, wanted: _Check) -> Fixed | None:
    """Fix or silence, if that is wanted."""
    from lintloss import linter

    if wanted.add_ignore:
        return linter.silence(given.sources, settings, wanted.reason, unreadable=given.unreadable, scope=scope)
    if wanted.fix or wanted.diff:
        return linter.fix(
            given.sources,
            settings,
            unsafe=wanted.unsafe_fixes,
            verify=wanted.verify,
            evidence=wanted.shows_evidence and not wanted.diff,
            unreadable=given.unreadable,
            scope=scope,
        )
    return None


def _show_diff(given: _Given, changed: Fixed | None, exit_zero: bool) -> int:
    from lintloss.output import diff

    after = changed.sources if changed is not None else given.sources
    text = diff.render(zip(given.sources, after, strict=True))
    _show(text)
    return int(bool(text) and not exit_zero)


def _keep(given: _Given, changed: Fixed, wanted: _Check) -> None:
    """Write changed files, or pass changed standard input on; what could not be read comes out as it went in."""
    from lintloss import linter
    from lintloss.output import applied

    linter.write(given.sources, changed.sources)
    if given.stdin is not None:
        after = [source.original for source in changed.sources]
        _show(after[0] if after else given.stdin)
    done = applied.render_silenced(changed.applied) if wanted.add_ignore else applied.render(changed.applied)
    _show(done, err=True)


def _baseline_notes(scope: Scope, report: Report, sources: Sequence[Source], settings: Settings) -> Iterator[str]:
    if scope.baseline is None:
        return
    from lintloss import baseline
    from lintloss.output import known

    findings = (*report.findings, *report.outside)
    matched = baseline.match(scope.baseline, findings, sources)
    linted = {source.filename for source in sources} | {finding.span.filename for finding in findings}
    stale = baseline.stale(scope.baseline, matched.left_over, linted, _running(settings))
    yield from known.notes(len(matched.known), stale)


def _running(settings: Settings) -> frozenset[str]:
    from lintloss.rulebook import load_rules
    from lintloss.selection import selected

    return selected(load_rules(settings), settings)


def _show_report(
    report: Report, sources: Sequence[Source], settings: Settings, wanted: _Check, *, to_stderr: bool
) -> None:
    text = _rendered(report, sources, settings, wanted)
    if wanted.output_file is None:
        _show(text, err=to_stderr)
    else:
        from lintloss.files import write_output

        write_output(wanted.output_file, text)
    if wanted.statistics:
        from lintloss.output import statistics

        _show(statistics.render(report), err=to_stderr or wanted.output_format not in output.FOR_PEOPLE)


def _rendered(report: Report, sources: Sequence[Source], settings: Settings, wanted: _Check) -> str:
    from lintloss.output.context import Context
    from lintloss.rulebook import load_rules

    context = Context(
        sources={source.filename: source for source in sources},
        pages={code: rule.page for code, rule in load_rules(settings).items()},
        color=wanted.output_file is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        show_flow=wanted.show_flow,
    )
    return output.render(report, wanted.output_format, context)


# The other commands


@main.command()
@_paths
@_selection
@_config
def baseline(paths: tuple[Path, ...], config: Path | None, **options: Any) -> None:
    """Write down today's findings, so that `check` reports new ones only."""
    from lintloss import baseline as known
    from lintloss import linter
    from lintloss.files import display_name, write_output
    from lintloss.output.context import counted

    loaded = _load_settings(paths, None, config)
    settings = _Selection.taken_from(options).over(loaded)
    given = _read(paths, None, settings)
    report = linter.lint(given.sources, settings, unreadable=given.unreadable)
    file = known.find(_start(paths, None)) or _home_of_baseline(loaded, paths)
    new = known.of_findings(file, report.findings, given.sources)
    if file.is_file():
        linted = {source.filename for source in given.sources} | {each.span.filename for each in given.unreadable}
        new = new.with_entries(known.kept(known.load(file), linted, _running(settings)))
    write_output(file, known.rendered(new))
    files = counted(len({each.path for each in new.entries}), "file")
    _show(f"{display_name(file)}: {len(new.entries)} known, in {files}\n")


def _home_of_baseline(loaded: Loaded, paths: Sequence[Path]) -> Path:
    """Beside the settings file; without one in the working directory, or what was named outside of it."""
    from lintloss.baseline import FILE_NAME

    start, here = _start(paths, None).resolve(), Path.cwd()
    folder = loaded.settings.root if loaded.file else here if start.is_relative_to(here) else start
    return folder / FILE_NAME


@main.command()
@_paths
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@_stdin_filename
@_config
def losses(paths: tuple[Path, ...], output_format: str, stdin_filename: str | None, config: Path | None) -> None:
    """List every loss call: what it takes, what it gets, and whether they fit."""
    from lintloss import linter

    settings = _load_settings(paths, stdin_filename, config).settings
    given = _read(paths, stdin_filename, settings)
    report = linter.lint(given.sources, settings, unreadable=given.unreadable)
    if output_format == "json":
        from lintloss.output import json

        _show(json.render_loss_calls(report.loss_calls))
    else:
        from lintloss.output import losses as listing

        _show(listing.render(report.loss_calls))


@main.command()
@click.argument("code", required=False, shell_complete=_complete_code)
@click.option("--all", "show_all", is_flag=True, help="Show every rule.")
@_config
def rule(code: str | None, show_all: bool, config: Path | None) -> None:
    """Show a rule's page, by its code or name."""
    from lintloss.rulebook import load_rules

    rules = load_rules(_load_settings((), None, config).settings)
    if show_all:
        _show("\n\n".join(each.page.strip() for each in rules.values()) + "\n")
        return
    if code is None:
        raise click.UsageError("name a rule, or say --all")
    by_name = {each.name: each for each in rules.values()} | rules
    wanted = code.upper() if code.upper() in rules else code
    if wanted not in by_name:
        raise UsageError(f"no rule `{code}`{_did_you_mean(code, list(by_name))}")
    _show(by_name[wanted].page.strip() + "\n")


@main.command()
@click.argument("name", required=False)
@_config
def apis(name: str | None, config: Path | None) -> None:
    """Show what is known of a callable; without a name, list all that are known."""
    from lintloss.analysis import apis as book

    known = book.load(_load_settings((), None, config).settings)
    if name is None:
        _show("\n".join(sorted(known.names())) + "\n")
        return
    described = known.describe(name)
    if described is None:
        raise UsageError(f"nothing is known of `{name}`{_did_you_mean(name, list(known.names()))}")
    _show(described + "\n")


@main.command("config")
@_paths
@click.option("--schema", is_flag=True, help="Show the JSON schema of the settings instead.")
@_config
def show_config(paths: tuple[Path, ...], schema: bool, config: Path | None) -> None:
    """Show the settings in effect and where each comes from."""
    if schema:
        from lintloss import schema as schemas

        _show(schemas.render())
    else:
        from lintloss.output import settings

        _show(settings.render(_load_settings(paths, None, config)))


# What the commands share


@main.command()
@click.option("--stdio", is_flag=True, hidden=True, help="Accepted, as many editors pass it; there is no other way.")
def server(stdio: bool) -> int:
    """Speak the language server protocol on standard input and output; editors start this."""
    from lintloss.server import serve

    return serve()


def _load_settings(paths: Sequence[Path], stdin_filename: str | None, config: Path | None) -> Loaded:
    return load(_start(paths, stdin_filename), config)


def _start(paths: Sequence[Path], stdin_filename: str | None) -> Path:
    """The folder from which settings and baselines are looked for."""
    return folder_of([Path(stdin_filename)] if stdin_filename else paths)


def _codes(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(word, known, n=1)
    return f"; did you mean `{nearest[0]}`?" if nearest else ""


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return " ".join(f"{type(error).__name__}: {error}".split()) + where


def _show(text: str | bytes, *, err: bool = False) -> None:
    """Print; that a reader has gone away (`| head`) is no failure, and what was found stays found."""
    try:
        click.echo(text, nl=False, err=err)
    except BrokenPipeError:
        _drop(sys.stderr if err else sys.stdout)


def _complain(message: str) -> None:
    with suppress(OSError):
        click.echo(f"lintloss: {message}", err=True)


def _drop(stream: Any) -> None:
    """Point a stream to nowhere, so that Python's last flush does not fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
