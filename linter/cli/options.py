"""What commands have in common: their options, and how they read standard input and print.

Options that several commands take are written once, here. Whatever goes to a terminal passes
through here or through ``report.safe``, so that no file can send it control characters.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..reading import File

STDIN = Path("-")

ANY_PATH = click.Path(path_type=Path, allow_dash=True)
FILE = click.Path(path_type=Path, dir_okay=False)

_LONG_WORK = 32
"""So many images or records take long enough to show progress."""


def rule_words(_ctx: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    """Words that name rules, for the shell."""
    from .completion import rule_words as words

    return words(incomplete)


def _dialect_words(_ctx: Any, _parameter: Any, incomplete: str) -> list[CompletionItem]:
    from .completion import dialect_words

    return dialect_words(incomplete)


dialect_option = click.option(
    "--dialect",
    metavar="NAME",
    shell_complete=_dialect_words,
    help="The fork of Caffe that it is written for: see caffelint dialects.  [default: auto]",
)

proto_option = click.option(
    "--proto",
    type=click.Path(dir_okay=False, exists=True),
    metavar="FILE",
    help="Your own caffe.proto.",
)

shape_option = click.option(
    *("--shape", "shapes"),
    multiple=True,
    metavar="BLOB=N,C,H,W",
    help="Sizes of a blob that only the data decides; repeatable.",
)


def format_option(*styles: str) -> Callable[[Any], Any]:
    """``--format``, one of some styles; the first of them if it is not given."""
    return click.option(
        *("--format", "style"),
        type=click.Choice(styles),
        default=styles[0],
        show_default=True,
        help="How to report.",
    )


def reports_option(*styles: str) -> Callable[[Any], Any]:
    """``--report``, further reports as pairs of a style and a file to write."""

    def read(_ctx: click.Context, _option: click.Parameter, values: Any) -> Any:
        pairs = []
        for value in values:
            style, is_pair, name = value.partition("=")
            if not is_pair or not name or style not in styles:
                known = ", ".join(styles)
                raise click.BadParameter(f'"{value}" is not FORMAT=FILE; formats: {known}')
            pairs.append((style, Path(name)))
        return tuple(pairs)

    return click.option(
        *("--report", "reports"),
        multiple=True,
        metavar="FORMAT=FILE",
        callback=read,
        help="Write a report to a file as well; repeatable.",
    )


def root_option(help_text: str) -> Callable[[Any], Any]:
    """``--root``, a directory that is there."""
    directory = click.Path(path_type=Path, file_okay=False, exists=True)
    return click.option("--root", type=directory, help=help_text)


def output_option(help_text: str) -> Callable[[Any], Any]:
    """``--output``, a file to write."""
    return click.option("--output", type=FILE, help=help_text)


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """What the command line says, by field of the config."""
    said: dict[str, Any] = {"data": False} if settings.pop("no_data", False) else {}
    if (sample := settings.pop("data_sample", None)) is not None:
        said["data_sample"] = sample
    for name, value in settings.items():
        if name == "weights":
            value = [part.strip() for item in value for part in item.split(",")]
        elif name == "shapes":
            value = dict(shape(item) for item in value)
        if value:
            said[name] = list(value) if isinstance(value, tuple) else value
    if "root" in said:
        said["root"] = str(said["root"])
    return said


def shape(text: str) -> tuple[str, list[int]]:
    """``data=64,3,227,227`` as the blob's name and its sizes."""
    name, _, sizes = text.rpartition("=")
    try:
        return name, [int(size) for size in sizes.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text} is not of the form BLOB=N,C,H,W") from None


def is_stdin(paths: Sequence[Path]) -> bool:
    """Whether standard input is to be read, which no other file may be read with."""
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("- stands alone")
    return STDIN in paths


def read(path: Path, **said: str | None) -> File:
    """Read a net or solver file, or standard input, as its config and ``said`` tell: ``dialect``
    and ``proto``.
    """
    from ..config import Configs
    from ..reading import read_file, read_text
    from ..settings import written_for

    given = {name: value for name, value in said.items() if value}
    told = written_for(Configs(given).of(path))
    if path == STDIN:
        return read_text(Path("<stdin>"), standard_input(), told)
    return read_file(path, told)


def standard_input() -> bytes:
    """All of standard input, if it is no more than a file to check may hold."""
    from ..reading import MAX_BYTES, CheckError

    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CheckError(f"<stdin>: larger than {MAX_BYTES >> 20} MiB")
    return data


def error_line(error: Exception) -> str:
    """What the user is told of a run that failed."""
    if isinstance(error, click.ClickException):
        return f"caffelint: {error.format_message()}"
    ours = type(error).__module__.startswith("caffelint") or isinstance(error, OSError)
    what = "" if ours else f"internal error: {type(error).__name__}: "
    more = "" if ours else " (CAFFELINT_TRACEBACK=1 shows where)"
    return f"caffelint: {what}{error}{more}"


def in_colour() -> bool:
    """Whether what is printed may have colours."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def write(text: str, output: Path | None, *, err: bool = False) -> None:
    """Print a report, or put it into a file in one step."""
    if output is None:
        click.echo(text, nl=False, err=err)
        return
    from ..core.files import replace_file

    replace_file(output, text.encode("utf-8"))


def write_bytes(data: bytes) -> None:
    """Print bytes as they are, but nothing that a terminal would obey."""
    from ..report.safe import printable

    if sys.stdout.isatty():
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        click.echo("\n".join(map(printable, lines)), nl=False)
    else:
        sys.stdout.buffer.write(data)


def progress(items: Sequence[Any], what: str) -> Iterator[Any]:
    """Show on standard error how far long work is."""
    if len(items) < _LONG_WORK:
        yield from items
        return
    with click.progressbar(items, label=what, file=sys.stderr) as bar:
        yield from bar


def tell_missing(libraries: set[str]) -> None:
    """Say which data was not looked at for want of a library."""
    if libraries:
        names = " and ".join(sorted(libraries))
        click.echo(
            f"some data was not looked into: that takes {names} (pip install 'caffelint[data]')",
            err=True,
        )
