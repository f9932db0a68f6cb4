"""The command line: options in, exit status out. Everything else is done elsewhere.

Exit status: 0 nothing at or above ``--fail-on``; 1 findings; 2 the run itself failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from . import __version__

if TYPE_CHECKING:
    from .core.diagnostic import Report

FORMATS = ("text", "json", "sarif")
_WEIGHTS_SUFFIXES = (".caffemodel", ".h5", ".solverstate")

_LONG_WORK = 32
"""So many images or records take long enough to show progress."""


class _Commands(click.Group):
    """``caffelint PATH…`` means ``caffelint check PATH…``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-") or arg == "-"), None)
        own_options = {"--help", "-h", "--version"}
        if args and first not in self.commands and not own_options.intersection(args[:1]):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="caffelint")
def cli() -> None:
    """Find what will make Caffe abort, or the net fail to learn, before training starts.

    `caffelint PATH...` is short for `caffelint check PATH...`.
    """


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    *("--format", "style"),
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to report.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report to a file instead of standard output.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="RULE",
    help="Only these rules: an id (CL201), a topic (CL2) or a name; repeatable.",
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules.")
@click.option(
    "--fail-on",
    type=click.Choice(("info", "warning", "error")),
    help="Lowest severity that gives exit status 1.  [default: warning]",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="FILE",
    help="The .caffemodel that training starts from; several: comma or repeat.",
)
@click.option(
    "--context",
    type=click.Choice(("scratch", "finetune", "deploy")),
    help="What the nets are for, where it cannot be seen.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Directory that Caffe is started in; paths in solvers count from it.",
)
@click.option(
    *("--shape", "shapes"),
    multiple=True,
    metavar="BLOB=N,C,H,W",
    help="Sizes of a blob that only the data decides; repeatable.",
)
@click.option(
    "--data-sample",
    type=click.IntRange(min=0),
    metavar="N",
    help="Open up to N images of a list, or rows of a data set.  [default: 64]",
)
@click.option("--no-data", is_flag=True, help="Do not look at the data that nets name.")
@click.option(
    *("--config", "config_file"),
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Settings for all files, in place of the nearest config file of each.",
)
@click.option("--expand", is_flag=True, help="Report every layer by itself.")
@click.option("--statistics", is_flag=True, help="Report only how often each rule was broken.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Be silent on the findings in this file, and name those that are gone.",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Put all findings into a file for --baseline.",
)
@click.option(
    "--add-ignores", is_flag=True, help="Write comments into the files that silence all findings."
)
@click.option("--fix", is_flag=True, help="Make the fixes that leave net and schedule as meant.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: make the others too.")
@click.option("--diff", is_flag=True, help="Print what --fix would change, and write nothing.")
@click.option("--show-fixes", is_flag=True, help="With --fix or --diff: list what is fixed.")
@click.option(
    "--stdin-filename",
    default="<stdin>",
    metavar="NAME",
    help="Name to report for standard input (-).",
)
@click.pass_context
def check(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    style: str,
    output: Path | None,
    expand: bool,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    show_fixes: bool,
    stdin_filename: str,
    config_file: Path | None,
    statistics: bool,
    baseline: Path | None,
    write_baseline: Path | None,
    add_ignores: bool,
    **settings: Any,
) -> None:
    """Check nets, solvers and directories; a solver's nets are checked with it.

    PATH - reads standard input; with --fix the fixed text is printed, and the report on standard
    error. Exit status and report are those of the files as fixed.
    """
    from .check import Checker
    from .config import Configs
    from .control.baseline import entries, read, text_of
    from .core.diagnostic import Severity
    from .report import render
    from .resources import load_rules

    if Path("-") in paths and len(paths) > 1:
        raise click.UsageError("- stands alone")
    if (unsafe_fixes or show_fixes) and not (fix or diff):
        raise click.UsageError("--unsafe-fixes and --show-fixes go with --fix or --diff")
    if add_ignores and (fix or diff or Path("-") in paths):
        raise click.UsageError("--add-ignores needs files, and goes without --fix or --diff")
    if statistics and style == "sarif":
        raise click.UsageError("--statistics goes with --format text or json")
    configs = Configs(_given(settings), config_file)
    known = read(baseline) if baseline is not None else []
    stdin = sys.stdin.buffer.read() if paths == (Path("-"),) else None
    checker = Checker(load_rules(), configs)

    def look(contents: Mapping[Path, bytes]) -> Report:
        nonlocal checker
        checker = Checker(load_rules(), configs)
        checker.contents.update(contents)
        if sys.stderr.isatty():
            checker.progress = _progress
        if stdin is None:
            return checker.check(paths)
        text = contents.get(Path(os.path.realpath(stdin_filename)), stdin)
        return checker.check_text(stdin_filename, text)

    if fix or diff:
        report, failed = _fix(look, stdin, unsafe=unsafe_fixes, diff=diff, show=show_fixes)
    elif add_ignores:
        report, failed = _add_ignores(
            lambda contents: _without_known(look(contents), known, baseline),
            lambda name: checker.rules.names(name),
        )
    else:
        report, failed = look({}), ""
    if write_baseline is not None:
        _write(text_of(report, write_baseline), write_baseline)
        click.echo(f"{len(report.diagnostics)} findings put into {write_baseline}", err=True)
        baseline, known = write_baseline, entries(report.diagnostics, write_baseline)
    report = _without_known(report, known, baseline, tell_of=checker.rules.switched_on())
    colour = output is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if not diff:
        options = {"colour": colour, "expand": expand, "statistics": statistics}
        text = render(style, report, **options)
        _write(text, output, err=fix and stdin is not None)
    for reason in checker.skipped:
        click.echo(f"skipped {reason}", err=True)
    _tell_missing(checker.missing)
    if failed:
        raise click.ClickException(failed)
    limit = Severity[configs.run.fail_on.upper()]
    ctx.exit(1 if any(one.severity >= limit for one in report.diagnostics) else 0)


def _fix(
    look: Callable[[Mapping[Path, bytes]], Report],
    stdin: bytes | None,
    *,
    unsafe: bool,
    diff: bool,
    show: bool,
) -> tuple[Report, str]:
    """Fix what ``look`` finds: the report on what there is then, and which files were not written
    and why.
    """
    from .check import count_faults
    from .fix.apply import WriteError, fix_all, write
    from .fix.told import listing, unified

    outcome = fix_all(look, count_faults, unsafe)
    failed = ""
    if diff:
        for one in outcome.changed.values():
            _write_bytes(unified(one))
    elif stdin is not None:
        _write_bytes(next((one.new for one in outcome.files.values()), stdin))
    else:
        try:
            write(outcome)
        except WriteError as error:
            failed = str(error)
    for line in listing(outcome, every=show):
        click.echo(line, err=True)
    return outcome.report, failed


def _add_ignores(
    look: Callable[[Mapping[Path, bytes]], Report], names: Callable[[str], Any]
) -> tuple[Report, str]:
    """Write comments that silence what ``look`` finds: the report on what is left, and which files
    were not written and why.
    """
    from .control.add_ignores import add_all
    from .fix.apply import Fixed, Outcome, WriteError, write

    added, report = add_all(look, names)
    outcome = Outcome({path: Fixed(*texts) for path, texts in added.items()}, report)
    try:
        write(outcome)
    except WriteError as error:
        return report, str(error)
    for name, _, _ in added.values():
        click.echo(f"{name}: ignores added", err=True)
    return report, ""


def _without_known(
    report: Report,
    known: Sequence[Any],
    baseline: Path | None,
    tell_of: frozenset[str] = frozenset(),
) -> Report:
    """The report without the findings of a baseline; its stale entries of some rules are told."""
    if baseline is None:
        return report
    from .control.baseline import compare
    from .report.safe import printable

    compared = compare(report, known, baseline, tell_of)
    for entry in compared.stale if tell_of else ():
        layer = f' (layer "{entry.layer}")' if entry.layer else ""
        text = f"{baseline}: no longer found: {entry.rule} in {entry.file}{layer}: {entry.message}"
        click.echo(printable(text), err=True)
    return compared.report


def _write_bytes(data: bytes) -> None:
    """Print bytes as they are, but nothing that a terminal would obey."""
    from .report.safe import printable

    if sys.stdout.isatty():
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        click.echo("\n".join(map(printable, lines)), nl=False)
    else:
        sys.stdout.buffer.write(data)


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """What the command line says, by field of the config."""
    given: dict[str, Any] = {"data": False} if settings.pop("no_data", False) else {}
    if (sample := settings.pop("data_sample", None)) is not None:
        given["data_sample"] = sample
    for name, value in settings.items():
        if name == "weights":
            value = [part.strip() for item in value for part in item.split(",")]
        elif name == "shapes":
            value = dict(_shape(item) for item in value)
        if value:
            given[name] = list(value) if isinstance(value, tuple) else value
    if "root" in given:
        given["root"] = str(given["root"])
    return given


def _shape(text: str) -> tuple[str, list[int]]:
    """``data=64,3,227,227`` as the blob's name and its sizes."""
    name, _, sizes = text.rpartition("=")
    try:
        return name, [int(size) for size in sizes.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text} is not of the form BLOB=N,C,H,W") from None


def _write(text: str, output: Path | None, *, err: bool = False) -> None:
    """Print a report, or put it into a file in one step."""
    if output is None:
        click.echo(text, nl=False, err=err)
        return
    from .core.files import replace_file

    replace_file(output, text.encode("utf-8"))


@cli.command()
@click.argument("net", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--phase",
    type=click.Choice(("TRAIN", "TEST"), case_sensitive=False),
    help="The phase to show.  [default: TRAIN if that has a loss]",
)
@click.option("--level", type=int, help="Level of the state.  [default: the file's own]")
@click.option("--stage", "stages", multiple=True, metavar="S", help="A stage to set; repeatable.")
@click.option(
    *("--shape", "shapes"),
    multiple=True,
    metavar="BLOB=N,C,H,W",
    help="Sizes of a blob that only the data decides; repeatable.",
)
@click.option(
    *("--format", "style"),
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to report.",
)
@click.pass_context
def show(
    ctx: click.Context,
    /,
    net: Path,
    phase: str | None,
    level: int | None,
    stages: tuple[str, ...],
    shapes: tuple[str, ...],
    style: str,
) -> None:
    """Show a net as Caffe would build it: layers, shapes, parameters, multiply-adds, memory.

    NET - reads standard input. Exit status 1 means that Caffe would refuse the net. Of a solver its
    learning rates over the run and its nets are shown, of a .caffemodel, .h5 or .solverstate the
    layers with statistics of their values.
    """
    if net.suffix in _WEIGHTS_SUFFIXES:
        if phase or level is not None or stages or shapes:
            raise click.UsageError(f"of a {net.suffix} file only --format can be chosen")
        _show_weights(net, style)
        return
    from .check import read_file, read_text
    from .report.safe import dump, printable
    from .show.net import ShapeError, document, text, view

    stdin = net == Path("-")
    file = read_text(Path("<stdin>"), sys.stdin.buffer.read()) if stdin else read_file(net)
    if file.kind == "solver":
        _show_solver(file, style)
        return
    given = {name: tuple(sizes) for name, sizes in map(_shape, shapes)}
    try:
        shown = view(file, phase, level, stages, given)
    except ShapeError as error:
        raise click.BadParameter(printable(str(error)), param_hint="--shape") from None
    if style == "json":
        click.echo(dump(document(shown)), nl=False)
    else:
        terminal = sys.stdout.isatty()
        width = max(80, get_terminal_size().columns) if terminal else 80
        paint = click.style if terminal and "NO_COLOR" not in os.environ else None
        click.echo(text(shown, width=width, safe=printable, paint=paint), nl=False)
    ctx.exit(1 if shown.rejected else 0)


def _show_solver(file: Any, style: str) -> None:
    from .report.safe import dump, printable
    from .show.solver import document, text, view

    shown = view(file)
    click.echo(dump(document(shown)) if style == "json" else text(shown, printable), nl=False)


def _show_weights(path: Path, style: str) -> None:
    from .report.safe import dump, printable
    from .show.weights import document, read, text

    shown = read(path)
    click.echo(dump(document(shown)) if style == "json" else text(shown, printable), nl=False)


def _progress(items: Sequence[Any], what: str) -> Iterator[Any]:
    """Show on standard error how far long work is."""
    if len(items) < _LONG_WORK:
        yield from items
        return
    with click.progressbar(items, label=what, file=sys.stderr) as bar:
        yield from bar


def _tell_missing(libraries: set[str]) -> None:
    """Say which data was not looked at for want of a library."""
    if libraries:
        names = " and ".join(sorted(libraries))
        click.echo(
            f"some data was not looked into: that takes {names} (pip install 'caffelint[data]')",
            err=True,
        )


@cli.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--classes", type=click.IntRange(min=1), metavar="K", help="Labels are 0 to K - 1.")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    metavar="N",
    help="Open up to N images, or rows of a data set; 16 N records of a database.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Directory that names in a list count from.  [default: the working directory]",
)
@click.option(
    *("--format", "style"),
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to report.",
)
@click.pass_context
def data(
    ctx: click.Context,
    /,
    source: Path,
    classes: int | None,
    sample: int,
    root: Path | None,
    style: str,
) -> None:
    """Show what a list of images, an LMDB, an HDF5 file or a mean file holds, and what is wrong.

    Exit status 1 means that there is a warning or an error.
    """
    from .core.diagnostic import Severity
    from .data.limits import Limits, silent
    from .data.summary import document, lines, summarise
    from .engine.run import Run
    from .report.safe import dump, printable
    from .resources import load_rules, load_schema

    limits = Limits(sample, progress=_progress if sys.stderr.isatty() else silent)
    summary = summarise(source, classes, root, load_schema(), limits)
    run = Run(load_rules())
    found = [one for place, problems in summary.found for one in run.on_problems(place, problems)]
    if style == "json":
        findings = [
            {
                "rule": one.rule,
                "severity": one.severity.word,
                "line": one.place.source.locate(one.place.span.start).line,
                "message": one.message,
            }
            for one in found
        ]
        click.echo(dump({**document(summary), "diagnostics": findings}), nl=False)
    else:
        for text in lines(summary):
            click.echo(printable(text))
        for one in found:
            number = one.place.source.locate(one.place.span.start).line
            where = f"line {number}: " if one.place.source.text else ""
            click.echo(printable(f"{one.severity.word}: {where}{one.message} [{one.rule}]"))
    _tell_missing(summary.needs)
    ctx.exit(1 if any(one.severity >= Severity.WARNING for one in found) else 0)


_MOST_REASONS = 3
"""So many reasons are told why a file cannot be upgraded; the rest is counted."""


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--diff", is_flag=True, help="Print what would change, and write nothing.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result to another file; takes one FILE.",
)
@click.pass_context
def upgrade(
    ctx: click.Context, /, files: tuple[Path, ...], diff: bool, output: Path | None
) -> None:
    """Rewrite nets and solvers of older forms in the current one, comments and layout kept.

    FILE - reads standard input, and the result is printed. A file that cannot be upgraded is left
    as it is, and the reason is told; the exit status is 1 then.
    """
    from .check import read_file, read_text
    from .core.files import replace_file
    from .fix.apply import Fixed
    from .fix.told import unified

    stdin = files == (Path("-"),)
    if Path("-") in files and not stdin:
        raise click.UsageError("- stands alone")
    if output is not None and (diff or len(files) > 1):
        raise click.UsageError("--output takes one FILE, and does not go with --diff")
    read = (
        [read_text(Path("<stdin>"), sys.stdin.buffer.read())]
        if stdin
        else [read_file(path) for path in files]
    )
    refused = False
    for file in read:
        old, new = file.source.to_bytes(), _upgraded(file)
        if new is None:
            refused = True
        elif diff:
            _write_bytes(unified(Fixed(file.source.name, old, new)))
        elif output is not None:
            replace_file(output, new)
        elif stdin:
            _write_bytes(new)
        elif new != old:
            replace_file(Path(os.path.realpath(file.path)), new)
    ctx.exit(1 if refused else 0)


def _upgraded(file: Any) -> bytes | None:
    """The content of a file in current form, None if it has to stay as it is; says which."""
    from .core.source import Source
    from .engine.run import Run
    from .fix.upgrade import UpgradeError, upgrade_text
    from .report.safe import printable
    from .resources import load_rules, load_schema

    source: Source = file.source

    def tell(what: str, problems: Sequence[Any]) -> None:
        click.echo(printable(f"{source.name}: {what}"), err=True)
        told = list(Run(load_rules()).on_problems(source, problems)) if problems else []
        for one in told[:_MOST_REASONS]:
            line, column = source.locate(one.place.span.start)
            where = f"{source.name}:{line}:{column}"
            click.echo(printable(f"  {where}: {one.message} [{one.rule}]"), err=True)
        if len(told) > _MOST_REASONS:
            click.echo(f"  and {len(told) - _MOST_REASONS} more", err=True)

    if not file.kind:
        tell("left as it is: neither a net nor a solver", ())
        return None
    schema = load_schema()
    try:
        text, lost = upgrade_text(source, schema.net if file.kind == "net" else schema.solver)
    except UpgradeError as error:
        tell(f"left as it is: {error}", error.problems)
        return None
    tell("upgraded" if text != source.text else "has the current form", lost)
    return Source(source.name, text).to_bytes()


@cli.command()
@click.argument("rule")
def explain(rule: str) -> None:
    """Tell what a rule is about, and why; RULE is an id or a name."""
    from .explain import page

    every = _all_rules()
    for one in every:
        if rule.upper() == one.id or rule == one.name:
            click.echo(page(one), nl=False)
            return
    from difflib import get_close_matches

    known = [name for one in every for name in (one.id, one.name)]
    match = get_close_matches(rule, known, n=1)
    meant = f"; did you mean {match[0]}?" if match else ""
    raise click.UsageError(f"there is no rule {rule}{meant} (caffelint rules lists them)")


@cli.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--test", is_flag=True, help="Try the examples of the rules in FILES.")
@click.pass_context
def rules(ctx: click.Context, /, files: tuple[Path, ...], test: bool) -> None:
    """List all rules, with those of the config; or try the examples of rule files.

    Exit status 1 means that a rule does not do what its examples say.
    """
    if test != bool(files):
        raise click.UsageError("--test and FILES go together")
    if test:
        ctx.exit(1 if sum(not _test_rule(path) for path in files) else 0)
    for one in _all_rules():
        click.echo(f"{one.id}  {one.severity:<7}  {one.name}: {one.summary}")


def _all_rules() -> list[Any]:
    """The rules that ship with caffelint, and those of the config of the working directory."""
    from .config import Configs, own_rules
    from .resources import load_rules

    own = own_rules(Configs().run)
    return [*load_rules().rules, *(own.rules if own is not None else ())]


def _test_rule(path: Path) -> bool:
    """Try a rule's examples, and say what is wrong."""
    from .engine.rule import RuleError
    from .examples import failures_of_file
    from .report.safe import printable

    try:
        rule, failed = failures_of_file(path)
    except RuleError as error:
        click.echo(printable(str(error)))
        return False
    for reason in failed:
        for line in f"{path}: {reason}".split("\n"):
            click.echo(printable(line))
    if not failed:
        click.echo(f"{path}: all {len(rule.examples)} examples of {rule.id} hold")
    return not failed


def main() -> None:
    """Run the command line; errors of the run itself end in one line and exit status 2."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away (| head). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # whatever it is, the user gets one line
        if "CAFFELINT_TRACEBACK" in os.environ:
            raise
        ours = type(error).__module__.startswith("caffelint") or isinstance(error, OSError)
        what = "" if ours else f"internal error: {type(error).__name__}: "
        more = "" if ours else " (CAFFELINT_TRACEBACK=1 shows where)"
        click.echo(f"caffelint: {what}{error}{more}", err=True)
        sys.exit(2)
