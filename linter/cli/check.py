"""``caffelint check``: find faults, and on demand fix them, silence them or hold them as known."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import EXIT_STATUS, options

if TYPE_CHECKING:
    from ..cache import Results
    from ..check import Checker
    from ..config import Configs
    from ..core.diagnostic import Report
    from ..fix.apply import Outcome
    from ..show.details import Details

# In the order of docs/formats.md; written out, because reporters are not imported for the help.
FORMATS = (
    *("text", "json", "sarif", "concise", "github"),
    *("gitlab", "rdjson", "junit", "checkstyle", "markdown", "html"),
)


class _Look:
    """Checks the files, or standard input, with other contents in place of what some files hold.

    Each look has a checker of its own; ``checker`` is that of the last one.
    """

    checker: Checker
    text: bytes = b""
    """What standard input was taken to hold by the last look."""

    def __init__(
        self, paths: tuple[Path, ...], configs: Configs, stdin: bytes | None, name: str, jobs: int
    ) -> None:
        self._paths = paths
        self.only: Collection[Path] | None = None
        """Of the files below the paths only these, by their real paths."""
        self._configs = configs
        self.stdin = stdin
        self._name = name
        self._jobs = jobs
        self.cached = True
        """Whether results of earlier runs are used."""
        self._kept: Results | None = None

    def _results(self) -> Results:
        if self._kept is None:
            from ..cache import Results
            from ..engine.ruleset import cache_directory

            self._kept = Results(cache_directory(), self._configs.given)
        return self._kept

    def __call__(self, contents: Mapping[Path, bytes]) -> Report:
        from ..check import Checker
        from ..resources import load_rules

        self.checker = Checker(load_rules(), self._configs)
        self.checker.contents.update(contents)
        if sys.stderr.isatty():
            self.checker.progress = options.progress
        self.checker.results = self._results if self.cached else None
        if self.stdin is None:
            return self.checker.check(self._paths, self._jobs, self.only)
        self.text = contents.get(Path(os.path.realpath(self._name)), self.stdin)
        return self.checker.check_text(self._name, self.text)


@click.command(epilog=EXIT_STATUS)
@click.argument("paths", nargs=-1, type=options.ANY_PATH, metavar="PATHS...")
@options.format_option(*FORMATS)
@options.output_option("Write the report to a file instead of standard output.")
@options.reports_option(*FORMATS)
@click.option(
    "--changed",
    is_flag=False,
    flag_value="HEAD",
    metavar="[COMMIT]",
    help="Only what differs from a commit, or hangs on what does.  [COMMIT: HEAD]",
)
@click.option("--watch", is_flag=True, help="Check again whenever a file changes; Ctrl-C ends.")
@click.option(
    "--select",
    multiple=True,
    metavar="RULE",
    shell_complete=options.rule_words,
    help="Only these rules: an id (CL201), a topic (CL2) or a name; repeatable.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="RULE",
    shell_complete=options.rule_words,
    help="Not these rules.",
)
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
@options.dialect_option
@options.proto_option
@options.root_option("Directory that Caffe is started in; paths in solvers count from it.")
@options.shape_option
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
    type=options.FILE,
    metavar="FILE",
    help="Be silent on the findings in this file, and name those that are gone.",
)
@click.option(
    "--write-baseline",
    type=options.FILE,
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
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Check many files in N processes.  [default: one for each core]",
)
@click.option(
    "--no-cache", is_flag=True, help="Neither use nor keep results for files that do not change."
)
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where to keep them.  [default: CAFFELINT_CACHE_DIR, or the user's cache directory]",
)
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
    reports: tuple[tuple[str, Path], ...],
    changed: str | None,
    watch: bool,
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
    jobs: int | None,
    no_cache: bool,
    cache_dir: str | None,
    **settings: Any,
) -> None:
    """Check nets, solvers and directories; a solver's nets are checked with it.

    PATH - reads standard input; with --fix the fixed text is printed, and the report on standard
    error. Exit status and report are those of the files as fixed.
    """
    from ..config import Configs
    from ..core.diagnostic import Severity
    from ..report import render
    from ..walk import cores

    stdin = options.is_stdin(paths)
    if not paths and changed is None:
        raise click.MissingParameter(ctx=ctx, param=ctx.command.params[0])
    if watch:
        if stdin or fix or add_ignores or write_baseline:
            raise click.UsageError("--watch goes with files, and without options that write them")
        from .watch import run

        run(ctx)
    if changed is not None and (stdin or write_baseline):
        raise click.UsageError("--changed goes with files, and without --write-baseline")
    if (unsafe_fixes or show_fixes) and not (fix or diff):
        raise click.UsageError("--unsafe-fixes and --show-fixes go with --fix or --diff")
    if add_ignores and (fix or diff or stdin):
        raise click.UsageError("--add-ignores needs files, and goes without --fix or --diff")
    if statistics and style not in ("text", "json"):
        raise click.UsageError("--statistics goes with --format text or json")
    styles = [style, *(one for one, _ in reports)]
    if "html" in styles:
        from ..report.html import template

        template()  # before time is spent on files
    if cache_dir is not None:
        os.environ["CAFFELINT_CACHE_DIR"] = cache_dir
    configs = Configs(options.given(settings), config_file)
    known: Sequence[Any] = []
    if baseline is not None:
        from ..control.baseline import read

        known = read(baseline)
    text = options.standard_input() if stdin else None
    only: Collection[Path] | None = None
    if changed is not None:
        from .changed import choose

        paths, only = choose(changed, paths, configs)
    look = _Look(paths, configs, text, stdin_filename, jobs or cores())
    look.cached = not no_cache
    look.only = only
    if fix or diff:
        report, failed = _fix(look, unsafe=unsafe_fixes, diff=diff, show=show_fixes)
    elif add_ignores:
        report, failed = _add_ignores(
            lambda contents: _without_known(look(contents), known, baseline),
            lambda name: look.checker.rules.names(name),
        )
    else:
        report, failed = look({}), ""
    checker = look.checker
    if write_baseline is not None:
        from ..control.baseline import entries, text_of

        options.write(text_of(report, write_baseline), write_baseline)
        click.echo(f"{len(report.diagnostics)} findings put into {write_baseline}", err=True)
        baseline, known = write_baseline, entries(report.diagnostics, write_baseline)
    report = _without_known(report, known, baseline, tell_of=checker.rules.switched_on())
    if not diff:
        colour = output is None and options.in_colour()
        details = _details(report, look, configs) if "html" in styles else None
        for also, file in reports:
            options.write(render(also, report, expand=expand, details=details), file)
        told = render(
            style, report, colour=colour, expand=expand, statistics=statistics, details=details
        )
        options.write(told, output, err=fix and stdin)
    _tell(checker)
    if failed:
        raise click.ClickException(failed)
    limit = Severity[configs.run.fail_on.upper()]
    ctx.exit(1 if any(one.severity >= limit for one in report.diagnostics) else 0)


def _details(report: Report, look: _Look, configs: Configs) -> Details:
    """What a page shows besides findings."""
    from ..show.details import of_files

    texts = {} if look.stdin is None else dict.fromkeys(report.files, look.text)
    return of_files(report, configs, texts)


def _tell(checker: Checker) -> None:
    """Say what was not looked at."""
    for reason in checker.skipped:
        click.echo(f"skipped {reason}", err=True)
    options.tell_missing(checker.missing)


def _fix(look: _Look, *, unsafe: bool, diff: bool, show: bool) -> tuple[Report, str]:
    """Fix what ``look`` finds: the report on what there is then, and which files were not written
    and why.
    """
    from ..fix.apply import fix_all
    from ..fix.told import listing, unified
    from ..reading import count_faults

    outcome = fix_all(look, count_faults, unsafe)
    failed = ""
    if diff:
        for one in outcome.changed.values():
            options.write_bytes(unified(one))
    elif look.stdin is not None:
        options.write_bytes(next((one.new for one in outcome.files.values()), look.stdin))
    else:
        failed = _write(outcome)
    for line in listing(outcome, every=show):
        click.echo(line, err=True)
    return outcome.report, failed


def _add_ignores(
    look: Callable[[Mapping[Path, bytes]], Report], names: Callable[[str], Any]
) -> tuple[Report, str]:
    """Write comments that silence what ``look`` finds: the report on what is left, and which files
    were not written and why.
    """
    from ..control.add_ignores import add_all
    from ..fix.apply import Fixed, Outcome

    added, report = add_all(look, names)
    failed = _write(Outcome({path: Fixed(*texts) for path, texts in added.items()}, report))
    if not failed:
        for name, _, _ in added.values():
            click.echo(f"{name}: ignores added", err=True)
    return report, failed


def _write(outcome: Outcome) -> str:
    """Write the files that changed; says which could not be written, and why."""
    from ..fix.apply import WriteError, write

    try:
        write(outcome)
    except WriteError as error:
        return str(error)
    return ""


def _without_known(
    report: Report,
    known: Sequence[Any],
    baseline: Path | None,
    tell_of: frozenset[str] = frozenset(),
) -> Report:
    """The report without the findings of a baseline; its stale entries of some rules are told."""
    if baseline is None:
        return report
    from ..control.baseline import compare
    from ..report.safe import printable

    compared = compare(report, known, baseline, tell_of)
    for entry in compared.stale if tell_of else ():
        layer = f' (layer "{entry.layer}")' if entry.layer else ""
        text = f"{baseline}: no longer found: {entry.rule} in {entry.file}{layer}: {entry.message}"
        click.echo(printable(text), err=True)
    return compared.report
