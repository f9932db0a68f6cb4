"""Curves of training runs: ``--plot`` into a file, ``--chart`` into the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..plot.picture import Picture
    from ..training import Examination

plot_option = click.option(
    "--plot",
    type=options.FILE,
    help="Draw the curves into a .png, .svg or .html file; several logs over each other.",
)

chart_option = click.option(
    "--chart/--no-chart",
    default=None,
    help="Draw the loss with characters, above the text.  [default: on a terminal]",
)


def check(plot: Path) -> None:
    """Refuse a file that nothing could be drawn into, before time is spent on logs."""
    from ..plot.files import STYLES
    from ..plot.paint import load

    if plot.suffix.lower() not in STYLES:
        raise click.UsageError(f"--plot writes {', '.join(STYLES)} files, not {plot.name}")
    load()


def picture(examined: Sequence[Examination]) -> Picture:
    """What is drawn of some logs."""
    from ..plot.picture import picture as made
    from ..report.safe import printable

    return made([(one.log.name, one.runs) for one in examined], printable)


def chart(examined: Sequence[Examination], wanted: bool | None, output: Path | None) -> str:
    """The chart and an empty line, if there is to be one: it stands above the report."""
    from ..plot.chart import CHARACTERS
    from ..plot.chart import chart as drawn

    if not (sys.stdout.isatty() and output is None if wanted is None else wanted):
        return ""
    encoding = sys.stdout.encoding if output is None else "utf-8"
    text = drawn(
        picture(examined),
        shutil.get_terminal_size().columns,
        plain=not _encodes(CHARACTERS, encoding),
        paint=_paint if output is None and options.in_colour() else None,
    )
    return f"{text}\n" if text else ""


def _paint(text: str, colour: str) -> str:
    return click.style(text, fg=colour)


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
