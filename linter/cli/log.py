"""``caffelint log``: what happened in a training run, by its log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
from msgspec.structs import replace

from . import options, pictures

if TYPE_CHECKING:
    from ..core.diagnostic import Report
    from ..log.book import Sink
    from ..log.lines import Progress
    from ..log.reader import Log
    from ..log.run import Run
    from ..training import Examination, Examiner

_LARGE = 32 * 1024 * 1024
"""A log of so many bytes takes long enough to show progress."""


@click.command()
@click.argument("logs", nargs=-1, required=True, type=options.ANY_PATH)
@options.format_option("text", "json", "csv", "sarif", "html")
@options.output_option("Write the report to a file instead of standard output.")
@click.option("--solver", type=options.FILE, help="The solver that was run.  [default: the log's]")
@click.option("--net", type=options.FILE, help="The net that was trained.  [default: the log's]")
@pictures.plot_option
@pictures.chart_option
@click.option("--follow", is_flag=True, help="Watch a log that is being written; Ctrl-C ends.")
@click.option("--expand", is_flag=True, help="Report every layer by itself.")
@click.option(
    "--fail-on",
    type=click.Choice(("info", "warning", "error")),
    help="Lowest severity that gives exit status 1.  [default: warning]",
)
@click.pass_context
def log(
    ctx: click.Context,
    /,
    logs: tuple[Path, ...],
    style: str,
    output: Path | None,
    solver: Path | None,
    net: Path | None,
    plot: Path | None,
    chart: bool | None,
    follow: bool,
    expand: bool,
    **settings: Any,
) -> None:
    """Read training logs: what ran, what went wrong and since when, and why.

    LOG - reads a pipe. Solver and net are checked as the log echoes them, or as the files that are
    given or lie beside the log; --format csv and json give every value of the log.
    """
    from ..config import Configs
    from ..core.diagnostic import Severity
    from ..resources import load_rules
    from ..training import Examiner

    options.is_stdin(logs)
    if plot is not None:
        if follow or style == "csv":
            raise click.UsageError("--plot does not go with --follow and --format csv")
        pictures.check(plot)
    if style == "csv":
        if follow:
            raise click.UsageError("--follow goes with --format text")
        _write_csv(logs, output)
        return
    if style == "html":
        from ..report.html import template

        template()  # before time is spent on logs
    configs = Configs(options.given(settings))
    examiner = Examiner(load_rules(), configs, solver, net)
    limit = Severity[configs.run.fail_on.upper()]
    if follow:
        if len(logs) != 1 or options.is_stdin(logs) or style != "text" or output is not None:
            raise click.UsageError("--follow takes one file, and prints text")
        _follow(logs[0], examiner)
        return
    examined = [_examine(path, examiner) for path in logs]
    report = _joined(examined)
    if style == "json":
        options.write(_json(examined, report, expand=expand), output)
    elif style == "sarif":
        from ..report import render
        from ..training import anchored

        placed = [replace(one, report=anchored(one)) for one in examined]
        options.write(render("sarif", _joined(placed)), output)
    elif style == "html":
        options.write(_page(examined, report, expand=expand), output)
    else:
        above = pictures.chart(examined, chart, output)
        said = _text(examined, report, colour=output is None, expand=expand)
        options.write(above + said, output)
    if plot is not None:
        from ..plot.files import write

        write(pictures.picture(examined), plot)
    ctx.exit(1 if any(one.severity >= limit for one in report.diagnostics) else 0)


# Reading


def _examine(path: Path, examiner: Examiner) -> Examination:
    log = _read(path)
    return examiner.examine(log, None if path == options.STDIN else path)


def _read(path: Path, sink: Sink | None = None) -> Log:
    from ..log.reader import read

    with _opened(path) as (stream, name, progress):
        return read(stream, name, progress, sink)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str, Progress | None]]:
    """A log to read, its name in messages, and what shows how far the reading is."""
    if path == options.STDIN:
        yield sys.stdin.buffer, "<stdin>", None
        return
    try:
        # A pipe is read to its end; a device may have none.
        if path.is_block_device() or path.is_char_device():
            raise click.ClickException(f"{path}: a device, not a log")
        file = path.open("rb")
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if size < _LARGE or not sys.stderr.isatty():
            yield file, path.as_posix(), None
            return
        with click.progressbar(length=size, label=f"reading {path.name}", file=sys.stderr) as bar:
            yield file, path.as_posix(), lambda done: bar.update(done - bar.pos)


def _write_csv(logs: tuple[Path, ...], output: Path | None) -> None:
    """Every value of the logs, written while they are read."""
    import csv
    import io

    from ..core.files import replacing
    from ..log.export import COLUMNS, csv_sink
    from ..report.safe import printable

    with replacing(output) if output is not None else nullcontext(sys.stdout.buffer) as raw:
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="")
        try:
            csv.writer(stream, lineterminator="\n").writerow(COLUMNS)
            for path in logs:
                name = "<stdin>" if path == options.STDIN else path.as_posix()
                _read(path, csv_sink(stream, name, printable))
            stream.flush()
        finally:
            stream.detach()


# Following


def _follow(path: Path, examiner: Examiner) -> None:
    """Say what is new in a log each time it grows, until its last run has ended."""
    from ..log.reader import follow
    from ..report.safe import printable
    from ..show.log import progress

    told: set[tuple[int, str]] = set()
    lines, where = 0, ""
    try:
        for log in follow(path):
            if log.lines < lines:
                told.clear()  # another log of the same name
            lines = log.lines
            examination = examiner.examine(log, path, quote=False)
            for one in examination.runs:
                _tell_new(one.run, one.diagnoses, told)
            if not log.runs:
                continue
            last = log.runs[-1]
            if (line := progress(last)) != where:
                click.echo(printable(line))
            where = line
            if last.done or last.fatal is not None:
                return
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from None


def _tell_new(run: Run, diagnoses: Any, told: set[tuple[int, str]]) -> None:
    """Diagnoses that are sure and were not told before."""
    from ..report.safe import printable

    for each in diagnoses:
        found = each.diagnostic
        if found.confidence == "medium" or (run.index, found.rule) in told:
            continue
        told.add((run.index, found.rule))
        line = found.place.source.locate(found.place.span.start).line
        words = f"line {line}: {found.severity.word}: {found.message} [{found.rule} {found.name}]"
        click.secho(printable(words), bold=options.in_colour())
        if found.hint:
            click.echo(printable(f"  {found.hint}"))
        for cause in each.causes:
            click.echo(printable(f"  cause: {cause.words}"))


# Reporting


def _joined(examined: list[Examination]) -> Report:
    from ..core.diagnostic import Report

    reports = [one.report for one in examined]
    if len(reports) == 1:
        return reports[0]
    found = {one: None for report in reports for one in report.diagnostics}
    return Report(
        tuple(sorted(found, key=lambda one: one.sort_key)),
        {id_: text for report in reports for id_, text in report.rules.items()},
        tuple(sorted({name for report in reports for name in report.files})),
        tuple(one for report in reports for one in report.suppressed),
    )


def _text(examined: list[Examination], report: Report, *, colour: bool, expand: bool) -> str:
    """Each run with what happened in it; then what else is found in solvers and nets."""
    from ..report import render
    from ..report.safe import printable
    from ..show import diagnoses
    from ..show.log import Summary, aim, text

    colour = colour and options.in_colour()
    paint = click.style if colour else diagnoses.plain
    parts = []
    told = set()
    for one in examined:
        for run in one.runs:
            summary = Summary(one.log.name, run.run, len(one.runs), *aim(run.run, one.log.name))
            parts.append(text(summary, printable))
            parts += diagnoses.text(run.diagnoses, printable, paint)
            causes = [cause.finding for each in run.diagnoses for cause in each.causes]
            rules = {found.rule for found in causes if found is not None}
            told |= {each.diagnostic for each in run.diagnoses}
            told |= {found for found in run.findings if found.rule in rules}
        if not one.runs:
            parts.append(f"{one.log.name}: no training run is told of\n")
        if one.log.unread or one.log.series_dropped:
            parts.append(_lost(one.log))
    others = tuple(found for found in report.diagnostics if found not in told)
    if others:
        parts.append("Other findings in solver and nets:\n")
        rest = replace(report, diagnostics=others)
        parts.append(render("text", rest, colour=colour, expand=expand))
    return "\n".join(parts)


def _page(examined: list[Examination], report: Report, *, expand: bool) -> str:
    """The report as a page, with the curves, and the nets as the runs were started with them."""
    from ..report import render
    from ..report.safe import printable
    from ..show.details import of_logs

    return render("html", report, expand=expand, details=of_logs(examined, printable))


def _lost(log: Log) -> str:
    return (
        f"{log.name}: {log.unread} values could not be read, "
        f"{log.series_dropped} are of more outputs than are kept\n"
    )


def _json(examined: list[Examination], report: Report, *, expand: bool) -> str:
    import json

    from ..log.export import document
    from ..report import render
    from ..report.safe import dump

    findings = json.loads(render("json", report, expand=expand))
    runs = [
        {"log": one.log.name, **document(run.run), "diagnoses": _diagnoses(run.diagnoses)}
        for one in examined
        for run in one.runs
    ]
    return dump({"version": findings["version"], "runs": runs, **findings})


def _diagnoses(diagnoses: Any) -> list[dict[str, Any]]:
    return [
        {
            "rule": each.diagnostic.rule,
            "name": each.diagnostic.name,
            "severity": each.diagnostic.severity.word,
            "confidence": each.diagnostic.confidence,
            "message": each.diagnostic.message,
            "hint": each.diagnostic.hint,
            "since_iteration": each.since,
            "line": each.diagnostic.place.source.locate(each.diagnostic.place.span.start).line,
            "evidence": list(each.evidence),
            "causes": [_cause(cause) for cause in each.causes],
            "otherwise": each.otherwise,
        }
        for each in diagnoses
    ]


def _cause(cause: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"name": cause.name, "words": cause.words, "more": cause.more}
    if cause.finding is not None:
        source = cause.finding.place.source
        line = source.locate(cause.finding.place.span.start).line
        told |= {"rule": cause.finding.rule, "file": source.name, "line": line}
    return told
