"""The command line. It reads options, calls the linter and prints; what is slow loads when used."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import click

from lintloss import __version__, output
from lintloss.config import FailOn, Loaded, Settings
from lintloss.errors import UsageError

if TYPE_CHECKING:
    from lintloss.finding import Report
    from lintloss.linter import Fixed, Read
    from lintloss.sources import Source

_STDIN = "-"


class _Lintloss(click.Group):
    """The command group, whose every failure is one line on standard error and exit code 2."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        with suppress(AttributeError, ValueError):  # a replaced stream that cannot be configured
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        sys.exit(self._run(*args, **extra))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:  # click would exit with 1, which means findings
            _drop_stdout()
            raise UsageError("the reader of the output has gone away") from error
        return code

    def _run(self, *args: Any, **extra: Any) -> int:
        try:
            code = super().main(*args, **extra)
        except click.ClickException as error:
            error.show()
        except click.Abort:
            _complain("interrupted")
        except (UsageError, OSError) as error:
            _complain(str(error))
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


_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A pyproject.toml or lintloss.toml to use instead of the nearest.",
)


@main.command()
@_paths
@click.option("--fix", is_flag=True, help="Repair what can be repaired safely.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: change outputs, too.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; write nothing.")
@click.option("--verify", is_flag=True, help="Prove findings and fixes with real TensorFlow.")
@click.option("--select", multiple=True, metavar="CODES", help="Run these rules only.")
@click.option("--extend-select", multiple=True, metavar="CODES", help="Run these rules, too.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not run these rules.")
@click.option("--output-format", type=click.Choice(output.FORMATS), default="text", show_default=True)
@click.option("--output-file", type=click.Path(path_type=Path), help="Write the report there.")
@click.option("--statistics", is_flag=True, help="Count findings by rule.")
@click.option("--fail-on", type=click.Choice(get_args(FailOn)), help="What makes the exit code 1.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@click.option("--stdin-filename", metavar="NAME", help="What standard input (-) is called.")
@click.option("--show-flow/--no-show-flow", default=True, help="Show how values reach losses.")
@_config
def check(
    paths: tuple[Path, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    verify: bool,
    select: tuple[str, ...],
    extend_select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str,
    output_file: Path | None,
    statistics: bool,
    fail_on: FailOn | None,
    exit_zero: bool,
    stdin_filename: str | None,
    show_flow: bool,
    config: Path | None,
) -> int:
    """Lint files, folders and notebooks; - is standard input."""
    from lintloss import linter

    loaded = _load_settings(paths, stdin_filename, config)
    settings = _with_options(loaded.settings, select, extend_select, ignore, fail_on)
    read = _read(paths, stdin_filename, settings)
    from_stdin = _is_stdin(paths)
    if fix or diff:
        fixed = linter.fix(
            read.sources,
            settings,
            unsafe=unsafe_fixes,
            verify=verify,
            unreadable=read.unreadable,
        )
        if diff:
            return _show_diff(read, fixed, exit_zero)
        linter.write(read.sources, fixed.sources)
        if from_stdin:
            _pass_through(fixed.sources)
        _show_applied(fixed)
        report, sources = fixed.report, fixed.sources
    else:
        report = linter.lint(read.sources, settings, verify=verify, unreadable=read.unreadable)
        sources = read.sources
    for note in report.notes:
        _complain(note)
    to_stderr = fix and from_stdin
    text = _rendered(report, sources, settings, output_format, show_flow, output_file)
    _emit(text, output_file, to_stderr)
    if statistics:
        from lintloss.output import statistics as counts

        click.echo(counts.render(report), nl=False, err=output_format not in output.FOR_PEOPLE)
    return 0 if exit_zero else int(linter.fails(report, settings.fail_on))


@main.command()
@_paths
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text")
@click.option("--stdin-filename", metavar="NAME", help="What standard input (-) is called.")
@_config
def losses(paths: tuple[Path, ...], output_format: str, stdin_filename: str | None, config: Path | None) -> None:
    """List every loss call: what it takes, what it gets, and whether they fit."""
    from lintloss import linter

    settings = _load_settings(paths, stdin_filename, config).settings
    read = _read(paths, stdin_filename, settings)
    report = linter.lint(read.sources, settings, unreadable=read.unreadable)
    if output_format == "json":
        from lintloss.output import json

        click.echo(json.render_loss_calls(report.loss_calls), nl=False)
    else:
        from lintloss.output import losses as listing

        click.echo(listing.render(report.loss_calls), nl=False)


@main.command()
@click.argument("code", required=False)
@click.option("--all", "show_all", is_flag=True, help="Show every rule.")
@_config
def rule(code: str | None, show_all: bool, config: Path | None) -> None:
    """Show a rule's page, by its code or name."""
    from lintloss.rulebook import load_rules

    rules = load_rules(_load_settings((), None, config).settings)
    if show_all:
        click.echo("\n\n".join(each.page.strip() for each in rules.values()))
        return
    if code is None:
        raise click.UsageError("name a rule, or say --all")
    by_name = {each.name: each for each in rules.values()} | rules
    wanted = code.upper() if code.upper() in rules else code
    if wanted not in by_name:
        raise UsageError(f"no rule `{code}`{_did_you_mean(code, list(by_name))}")
    click.echo(by_name[wanted].page.strip())


@main.command()
@click.argument("name", required=False)
@_config
def apis(name: str | None, config: Path | None) -> None:
    """Show what is known of a callable; without a name, list all that are known."""
    from lintloss.analysis import apis as book

    known = book.load(_load_settings((), None, config).settings)
    if name is None:
        click.echo("\n".join(sorted(known.names())))
        return
    described = known.describe(name)
    if described is None:
        raise UsageError(f"nothing is known of `{name}`{_did_you_mean(name, list(known.names()))}")
    click.echo(described)


@main.command("config")
@_config
def show_config(config: Path | None) -> None:
    """Show the settings in effect and where each comes from."""
    from lintloss.output import settings

    click.echo(settings.render(_load_settings((), None, config)), nl=False)


def _load_settings(paths: Sequence[Path], stdin_filename: str | None, config: Path | None) -> Loaded:
    from lintloss.config import load

    first = Path(stdin_filename) if stdin_filename else next(iter(paths), Path())
    start = first if first.is_dir() else first.parent
    return load(start, config)


def _with_options(
    settings: Settings,
    select: Sequence[str],
    extend_select: Sequence[str],
    ignore: Sequence[str],
    fail_on: FailOn | None,
) -> Settings:
    return replace(
        settings,
        select=_codes(select) or settings.select,
        extend_select=settings.extend_select + _codes(extend_select),
        ignore=settings.ignore + _codes(ignore),
        fail_on=fail_on or settings.fail_on,
    )


def _codes(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(",") if code.strip())


def _is_stdin(paths: Sequence[Path]) -> bool:
    if Path(_STDIN) in paths and len(paths) > 1:
        raise click.UsageError("- (standard input) cannot be mixed with paths")
    return Path(_STDIN) in paths


def _read(paths: Sequence[Path], stdin_filename: str | None, settings: Settings) -> Read:
    from lintloss import linter
    from lintloss.files import find_files

    if _is_stdin(paths):
        data = sys.stdin.buffer.read()
        return linter.read_bytes(data, stdin_filename or "<stdin>")
    found = find_files(paths or [Path()], settings)
    for note in found.notes:
        _complain(note)
    return linter.read(found.files)


def _rendered(
    report: Report,
    sources: Sequence[Source],
    settings: Settings,
    output_format: str,
    show_flow: bool,
    output_file: Path | None,
) -> str:
    from lintloss.output.context import Context
    from lintloss.rulebook import load_rules

    context = Context(
        sources={source.filename: source for source in sources},
        pages={code: rule.page for code, rule in load_rules(settings).items()},
        color=output_file is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        show_flow=show_flow,
    )
    return output.render(report, output_format, context)


def _emit(text: str, output_file: Path | None, to_stderr: bool) -> None:
    if output_file is None:
        click.echo(text, nl=False, err=to_stderr)
    else:
        from lintloss.files import write_output

        write_output(output_file, text)


def _show_diff(read: Read, fixed: Fixed, exit_zero: bool) -> int:
    from lintloss.output import diff

    text = diff.render(zip(read.sources, fixed.sources, strict=True))
    click.echo(text, nl=False)
    return int(bool(text) and not exit_zero)


def _pass_through(sources: Sequence[Source]) -> None:
    """Give back standard input as it reads after fixing."""
    for source in sources:
        sys.stdout.buffer.write(source.original)
    sys.stdout.buffer.flush()


def _show_applied(fixed: Fixed) -> None:
    from lintloss.output import applied

    click.echo(applied.render(fixed.applied), nl=False, err=True)


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(word, known, n=1)
    return f"; did you mean `{nearest[0]}`?" if nearest else ""


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return " ".join(f"{type(error).__name__}: {error}".split()) + where


def _complain(message: str) -> None:
    with suppress(OSError):
        click.echo(f"lintloss: {message}", err=True)


def _drop_stdout() -> None:
    """Point standard output to nowhere, so that Python's last flush does not fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
