"""``caffelint data``: what a data source holds, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..core.diagnostic import Diagnostic
    from ..data.summary import Summary


@click.command()
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
@options.root_option("Directory that names in a list count from.  [default: the working directory]")
@options.format_option("text", "json")
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
    from ..core.diagnostic import Severity
    from ..data.limits import Limits, silent
    from ..data.summary import summarise
    from ..engine.run import Run
    from ..resources import load_rules, load_schema

    limits = Limits(sample, progress=options.progress if sys.stderr.isatty() else silent)
    summary = summarise(source, classes, root, load_schema(), limits)
    run = Run(load_rules())
    found = [one for place, problems in summary.found for one in run.on_problems(place, problems)]
    if style == "json":
        _print_json(summary, found)
    else:
        _print_text(summary, found)
    options.tell_missing(summary.needs)
    ctx.exit(1 if any(one.severity >= Severity.WARNING for one in found) else 0)


def _print_json(summary: Summary, found: Sequence[Diagnostic]) -> None:
    from ..data.summary import document
    from ..report.safe import dump

    findings = [
        {
            "rule": one.rule,
            "severity": one.severity.word,
            "line": _line(one),
            "message": one.message,
        }
        for one in found
    ]
    click.echo(dump({**document(summary), "diagnostics": findings}), nl=False)


def _print_text(summary: Summary, found: Sequence[Diagnostic]) -> None:
    from ..data.summary import lines
    from ..report.safe import printable

    for text in lines(summary):
        click.echo(printable(text))
    for one in found:
        where = f"line {_line(one)}: " if one.place.source.text else ""
        click.echo(printable(f"{one.severity.word}: {where}{one.message} [{one.rule}]"))


def _line(one: Diagnostic) -> int:
    return one.place.source.locate(one.place.span.start).line
