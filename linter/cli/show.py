"""``caffelint show``: a net, a solver or a weights file as Caffe sees it."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..reading import File

_WEIGHTS_SUFFIXES = (".caffemodel", ".h5", ".solverstate")


@click.command()
@click.argument("net", type=options.ANY_PATH)
@click.option(
    "--phase",
    type=click.Choice(("TRAIN", "TEST"), case_sensitive=False),
    help="The phase to show.  [default: TRAIN if that has a loss]",
)
@click.option("--level", type=int, help="Level of the state.  [default: the file's own]")
@click.option("--stage", "stages", multiple=True, metavar="S", help="A stage to set; repeatable.")
@click.option(
    "--signal",
    is_flag=True,
    help="Show how large values and gradients are at iteration 0, and the first loss.",
)
@options.shape_option
@options.dialect_option
@options.proto_option
@options.format_option("text", "json")
@click.pass_context
def show(
    ctx: click.Context,
    /,
    net: Path,
    style: str,
    dialect: str | None,
    proto: str | None,
    signal: bool,
    **state: Any,
) -> None:
    """Show a net as Caffe would build it: layers, shapes, parameters, multiply-adds, memory.

    NET - reads standard input. Exit status 1 means that Caffe would refuse the net. Of a solver its
    learning rates over the run and its nets are shown, of a .caffemodel, .h5 or .solverstate the
    layers with statistics of their values.
    """
    if net.suffix in _WEIGHTS_SUFFIXES:
        chosen = any(map(state.get, ("phase", "stages", "shapes")))
        if signal or chosen or state["level"] is not None:
            raise click.UsageError(f"of a {net.suffix} file only --format can be chosen")
        _show_weights(net, style)
        return
    file = options.read(net, dialect=dialect, proto=proto)
    if signal:
        _show_signal(file, style, **state)
        return
    if file.kind == "solver":
        _show_solver(file, style)
        return
    rejected = _show_net(file, style, **state)
    ctx.exit(1 if rejected else 0)


def _show_net(
    file: File,
    style: str,
    *,
    phase: str | None,
    level: int | None,
    stages: tuple[str, ...],
    shapes: tuple[str, ...],
) -> bool:
    """Show a net in one state; says whether Caffe would refuse it."""
    from ..report.safe import dump, printable
    from ..show.net import ShapeError, document, view
    from ..show.table import text

    given = {name: tuple(sizes) for name, sizes in map(options.shape, shapes)}
    try:
        shown = view(file, phase, level, stages, given)
    except ShapeError as error:
        raise click.BadParameter(printable(str(error)), param_hint="--shape") from None
    if style == "json":
        click.echo(dump(document(shown)), nl=False)
    else:
        width = max(80, get_terminal_size().columns) if sys.stdout.isatty() else 80
        paint = click.style if options.in_colour() else None
        click.echo(text(shown, width=width, safe=printable, paint=paint), nl=False)
    return bool(shown.rejected)


def _show_signal(file: File, style: str, *, shapes: tuple[str, ...], **state: Any) -> None:
    from ..report.safe import dump, printable
    from ..show.signal import document, text, view

    given = {name: tuple(sizes) for name, sizes in map(options.shape, shapes)}
    shown = view(file, **state, shapes=given)
    if style == "json":
        click.echo(dump(document(shown)), nl=False)
        return
    width = max(80, get_terminal_size().columns) if sys.stdout.isatty() else 80
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    click.echo(text(shown, width=width, safe=printable, plain=plain), nl=False)


def _show_solver(file: File, style: str) -> None:
    from ..report.safe import dump, printable
    from ..show.solver import document, text, view

    shown = view(file)
    click.echo(dump(document(shown)) if style == "json" else text(shown, printable), nl=False)


def _show_weights(path: Path, style: str) -> None:
    from ..report.safe import dump, printable
    from ..show.weights import document, read, text

    shown = read(path)
    click.echo(dump(document(shown)) if style == "json" else text(shown, printable), nl=False)
