"""The command line. It reads options, calls the linter and prints; what is slow loads when used."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar, get_args

import click

from lintloss import __version__, garbage, output
from lintloss.choices import FailOn
from lintloss.errors import UsageError, described, did_you_mean, is_debugged

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from lintloss.config import Loaded, Settings
    from lintloss.finding import Finding, Report
    from lintloss.jobs import Way
    from lintloss.linter import Fixed
    from lintloss.scope import Scope
    from lintloss.sources import Source

_STDIN = "-"
_LISTED = "lintloss.listed"
_NOT_REVIEWED = "not reviewed yet"

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Lintloss(click.Group):
    """The command group, whose every failure is one line on standard error and exit code 2."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        garbage.look_for_it_seldom()
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
            _end_at_once()
        except (UsageError, OSError) as error:
            _complain(str(error).replace(f"{Path.cwd()}{os.sep}", ""))  # paths as people are shown them elsewhere
        except Exception as error:
            if is_debugged():
                raise
            _complain(described(error))
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


def _or_here(context: click.Context, parameter: click.Parameter, named: tuple[Path, ...]) -> tuple[Path, ...]:
    """What is named, and what a list names; where there is neither, the working directory."""
    listed: tuple[Path, ...] | None = context.meta.get(_LISTED)
    return named or (Path(),) if listed is None else named + listed


def _listed(context: click.Context, parameter: click.Parameter, file: IO[bytes] | None) -> None:
    """Keep what a list names for the paths beside it."""
    if file is None:
        return
    data = file.read()
    names = data.split(b"\0") if b"\0" in data else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    paths = tuple(Path(os.fsdecode(name)) for name in names if name)
    if Path(_STDIN) in paths:
        raise click.BadParameter("a file called - is listed as ./-", context, parameter)
    context.meta[_LISTED] = paths


_paths = _together(
    # What cannot be read is a finding, which costs that file alone.
    click.argument("paths", nargs=-1, type=click.Path(path_type=Path, readable=False), callback=_or_here),
    click.option(
        "--files-from",
        type=click.File("rb"),
        callback=_listed,
        is_eager=True,  # before the paths
        expose_value=False,
        help="Also what this file names, a path per line or with NUL between them; - is standard input.",
    ),
)
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


_pace = _together(
    click.option("--jobs", type=click.IntRange(min=1), help="How many processes to use; as many as there are cores."),
    click.option("--no-cache", is_flag=True, help="Neither use nor write the cache."),
    click.option("--show-timings", is_flag=True, help="Say where the time went."),
)


class _Pace(NamedTuple):
    """How a run is to be done."""

    jobs: int | None
    no_cache: bool
    show_timings: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> _Pace:
        return cls(**{name: options.pop(name) for name in cls._fields})

    @contextmanager
    def ways(self) -> Iterator[Callable[[Settings], Way]]:
        """Give the way for some settings; show a bar meanwhile and, if wanted, the timings afterwards."""
        from lintloss.cache import Cache
        from lintloss.jobs import Timings, Way, available
        from lintloss.output.progress import Bar, timings

        started, known, bar = time.perf_counter(), Timings(), Bar()

        def way(settings: Settings) -> Way:
            cache = None if self.no_cache else Cache(settings)
            plain = Way(self.jobs or available(), cache, timings=known)
            return replace(plain, progress=bar) if sys.stderr.isatty() else plain

        try:
            yield way
        finally:
            bar.close()
        if self.show_timings:
            _show(timings(known, time.perf_counter() - started), err=True)


class _Selection(NamedTuple):
    """What the command line says of rules and files, on top of the settings."""

    select: tuple[str, ...]
    extend_select: tuple[str, ...]
    ignore: tuple[str, ...]
    preview: bool | None
    exclude: tuple[str, ...]
    force_exclude: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> _Selection:
        return cls(**{name: options.pop(name) for name in cls._fields})

    def over(self, loaded: Loaded) -> Settings:
        """Return the settings with these options in them.

        Raises:
            UsageError: a code, here or in the settings file, names no rule.
        """
        from lintloss.config import Settings
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
    def changes_files(self) -> bool:
        return self.fix or self.add_ignore

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
@click.option("--verify", is_flag=True, help="Prove findings and fixes by running them.")
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
@click.option("--watch", is_flag=True, help="Lint again whenever a file changes.")
@_pace
@_stdin_filename
@_config
def check(paths: tuple[Path, ...], watch: bool, **options: Any) -> int:
    """Lint files, folders and notebooks; - is standard input."""
    if not watch:
        return _check(paths, **options)
    from lintloss import projects
    from lintloss.watch import repeat

    if _is_stdin(paths):
        raise click.UsageError("--watch needs files")

    def files() -> Iterator[Path]:
        return (file for project in projects.find(paths, options["config"]).projects for file in project.files)

    repeat(lambda: _check(paths, **options), files)
    return 0


def _check(paths: tuple[Path, ...], *, stdin_filename: str | None, config: Path | None, **options: Any) -> int:
    from lintloss import linter

    fail_on: FailOn | None = options.pop("fail_on")
    selection = _Selection.taken_from(options)
    pace = _Pace.taken_from(options)
    wanted = _Check(**options)
    stdin = sys.stdin.buffer.read() if _is_stdin(paths) else None
    given = _read(paths, stdin, stdin_filename, config, selection.over)
    scope = _scope(_start(paths, stdin_filename), wanted)
    with pace.ways() as way:
        outcomes = [_outcome(each, scope, wanted, way) for each in given]
    before = [source for each in given for source in each.sources]
    whole = linter.Fixed.joined(outcomes)
    for note in whole.report.notes:
        _complain(note)
    if wanted.diff:
        return _show_diff(before, whole.sources, wanted.exit_zero)
    if wanted.changes_files:
        _keep(before, whole, stdin, wanted)
    settings = [each.settings for each in given]
    for note in _baseline_notes(scope, whole, settings):
        _complain(note)
    _show_report(whole, settings, wanted, to_stderr=wanted.changes_files and stdin is not None)
    limits = [fail_on or each.fail_on for each in settings]
    for outcome, limit in zip(outcomes, limits, strict=True):
        if limit == "undecided":
            _complain_of_undecided(outcome.report)
    failed = any(linter.fails(each.report, limit) for each, limit in zip(outcomes, limits, strict=True))
    return int(failed and not wanted.exit_zero)


class _Given(NamedTuple):
    """What is to be linted under the same settings."""

    settings: Settings
    sources: tuple[Source, ...]
    unreadable: tuple[Finding, ...]


def _read(
    paths: Sequence[Path],
    stdin: bytes | None,
    stdin_filename: str | None,
    config: Path | None,
    adjusted: Callable[[Loaded], Settings],
) -> list[_Given]:
    """Read files, or take what standard input held; what belongs to several projects is several."""
    from lintloss import linter, projects

    if stdin is not None:
        settings = adjusted(_load_settings(paths, stdin_filename, config))
        return [_given_on_stdin(stdin, stdin_filename or "<stdin>", settings)]
    found = projects.find(paths, config, adjusted)
    for note in found.notes:
        _complain(note)
    read = [(project.settings, linter.read(project.files, frozenset(paths))) for project in found.projects]
    return [_Given(settings, each.sources, each.unreadable) for settings, each in read]


def _given_on_stdin(stdin: bytes, filename: str, settings: Settings) -> _Given:
    from lintloss import linter
    from lintloss.files import is_excluded

    if settings.force_exclude and is_excluded(Path(filename), settings):
        return _Given(settings, (), ())
    read = linter.read_bytes(stdin, filename)
    return _Given(settings, read.sources, read.unreadable)


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


def _outcome(given: _Given, scope: Scope, wanted: _Check, way: Callable[[Settings], Way]) -> Fixed:
    """Lint, and fix or silence if that is wanted; nothing is written yet."""
    from lintloss import linter

    if wanted.add_ignore:
        return linter.silence(given.sources, given.settings, wanted.reason, unreadable=given.unreadable, scope=scope)
    if wanted.fix or wanted.diff:
        return linter.fix(
            given.sources,
            given.settings,
            unsafe=wanted.unsafe_fixes,
            verify=wanted.verify,
            evidence=wanted.shows_evidence and not wanted.diff,
            unreadable=given.unreadable,
            scope=scope,
        )
    report = linter.lint(
        given.sources,
        given.settings,
        verify=wanted.verify,
        evidence=wanted.shows_evidence,
        unreadable=given.unreadable,
        scope=scope,
        way=None if wanted.verify else way(given.settings),
    )
    return linter.Fixed(given.sources, (), report)


def _show_diff(before: Sequence[Source], after: Sequence[Source], exit_zero: bool) -> int:
    from lintloss.output import diff

    text = diff.render(zip(before, after, strict=True))
    _show(text)
    return int(bool(text) and not exit_zero)


def _keep(before: Sequence[Source], whole: Fixed, stdin: bytes | None, wanted: _Check) -> None:
    """Write changed files, or pass changed standard input on; what could not be read comes out as it went in."""
    from lintloss import linter
    from lintloss.output import applied

    linter.write(before, whole.sources)
    if stdin is not None:
        _show(whole.sources[0].original if whole.sources else stdin)
    done = applied.render_silenced(whole.applied) if wanted.add_ignore else applied.render(whole.applied)
    _show(done, err=True)


def _baseline_notes(scope: Scope, whole: Fixed, settings: Sequence[Settings]) -> Iterator[str]:
    if scope.baseline is None:
        return
    from lintloss import baseline
    from lintloss.output import known

    findings = (*whole.report.findings, *whole.report.outside)
    matched = baseline.match(scope.baseline, findings, whole.sources)
    linted = {source.filename for source in whole.sources} | {finding.span.filename for finding in findings}
    stale = baseline.stale(scope.baseline, matched.left_over, linted, _running(settings))
    yield from known.notes(len(matched.known), stale)


def _complain_of_undecided(report: Report) -> None:
    """Say which calls make the exit code 1: they are no findings, and in no format."""
    from lintloss.finding import CallVerdict
    from lintloss.output.context import place

    for call in report.loss_calls:
        if call.verdict is CallVerdict.UNDECIDED:
            _complain(f"{place(call.span)}: {call.loss} is undecided: {call.reason}")


def _running(settings: Sequence[Settings]) -> frozenset[str]:
    """The rules that run under any of the settings."""
    from lintloss.rulebook import load_rules
    from lintloss.selection import selected

    return frozenset().union(*(selected(load_rules(each), each) for each in settings))


def _show_report(whole: Fixed, settings: Sequence[Settings], wanted: _Check, *, to_stderr: bool) -> None:
    text = _rendered(whole, settings, wanted)
    if wanted.output_file is None:
        _show(text, err=to_stderr)
    else:
        from lintloss.files import write_output

        write_output(wanted.output_file, text)
    if wanted.statistics:
        from lintloss.output import statistics

        counts = statistics.render(whole.report)
        _show(counts, err=to_stderr or wanted.output_format not in output.FOR_PEOPLE)


def _rendered(whole: Fixed, settings: Sequence[Settings], wanted: _Check) -> str:
    from lintloss.output.context import Context
    from lintloss.rulebook import load_rules

    rules = {code: rule for each in settings for code, rule in load_rules(each).items()}
    context = Context(
        sources={source.filename: source for source in whole.sources},
        pages={code: rule.page for code, rule in rules.items()},
        color=wanted.output_file is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        show_flow=wanted.show_flow,
    )
    return output.render(whole.report, wanted.output_format, context)


# The other commands


@main.command()
@_paths
@_selection
@_config
def baseline(paths: tuple[Path, ...], config: Path | None, **options: Any) -> None:
    """Write down today's findings, so that `check` reports new ones only."""
    from lintloss import baseline as known
    from lintloss.files import display_name, write_output
    from lintloss.output.context import counted

    given = _read(paths, None, None, config, _Selection.taken_from(options).over)
    report = _report(given)
    file = known.find(_start(paths, None)) or _home_of_baseline(paths, config)
    new = known.of_findings(file, report.findings, [source for each in given for source in each.sources])
    if file.is_file():
        linted = {source.filename for each in given for source in each.sources}
        linted |= {finding.span.filename for each in given for finding in each.unreadable}
        running = _running([each.settings for each in given])
        new = new.with_entries(known.kept(known.load(file), linted, running))
    write_output(file, known.rendered(new))
    files = counted(len({each.path for each in new.entries}), "file")
    _show(f"{display_name(file)}: {len(new.entries)} known, in {files}\n")


def _report(given: Sequence[_Given], way: Callable[[Settings], Way | None] = lambda settings: None) -> Report:
    from lintloss import linter
    from lintloss.finding import Report

    return Report.joined(
        linter.lint(each.sources, each.settings, unreadable=each.unreadable, way=way(each.settings)) for each in given
    )


def _home_of_baseline(paths: Sequence[Path], config: Path | None) -> Path:
    """Beside the settings file; without one in the working directory, or what was named outside of it."""
    from lintloss.baseline import FILE_NAME

    loaded = _load_settings(paths, None, config)
    start, here = _start(paths, None).resolve(), Path.cwd()
    folder = loaded.settings.root if loaded.file else here if start.is_relative_to(here) else start
    return folder / FILE_NAME


@main.command()
@_paths
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@_pace
@_stdin_filename
@_config
def losses(
    paths: tuple[Path, ...], output_format: str, stdin_filename: str | None, config: Path | None, **options: Any
) -> None:
    """List every loss call: what it takes, what it gets, and whether they fit."""
    stdin = sys.stdin.buffer.read() if _is_stdin(paths) else None
    given = _read(paths, stdin, stdin_filename, config, lambda loaded: loaded.settings)
    with _Pace.taken_from(options).ways() as way:
        report = _report(given, way)
    if output_format == "json":
        from lintloss.output import json

        _show(json.render_loss_calls(report.loss_calls))
    else:
        from lintloss.output import losses as listing

        _show(listing.render(report.loss_calls))


@main.command()
def clean() -> None:
    """Empty the cache."""
    from lintloss import store

    _show(f"{store.folder()}: {store.clean() / 1e6:.1f} MB freed\n")


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
        raise UsageError(f"no rule `{code}`{did_you_mean(code, list(by_name))}")
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
        raise UsageError(f"nothing is known of `{name}`{did_you_mean(name, list(known.names()))}")
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
    from lintloss.config import load

    return load(_start(paths, stdin_filename), config)


def _start(paths: Sequence[Path], stdin_filename: str | None) -> Path:
    """The folder from which settings and baselines are looked for."""
    from lintloss.config import folder_of

    return folder_of([Path(stdin_filename)] if stdin_filename else paths)


def _codes(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())


def _end_at_once() -> None:
    """End without waiting for what is still under way in processes that have been killed."""
    if "lintloss.processes" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(2)


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
