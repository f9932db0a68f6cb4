"""``caffelint upgrade``: files of older forms rewritten in the current one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..core.source import Source
    from ..reading import File

_MOST_REASONS = 3
"""So many reasons are told why a file cannot be upgraded; the rest is counted."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.ANY_PATH)
@click.option("--diff", is_flag=True, help="Print what would change, and write nothing.")
@options.output_option("Write the result to another file; takes one FILE.")
@click.pass_context
def upgrade(
    ctx: click.Context, /, files: tuple[Path, ...], diff: bool, output: Path | None
) -> None:
    """Rewrite nets and solvers of older forms in the current one, comments and layout kept.

    FILE - reads standard input, and the result is printed. A file that cannot be upgraded is left
    as it is, and the reason is told; the exit status is 1 then.
    """
    from ..core.files import replace_file
    from ..fix.apply import Fixed
    from ..fix.told import unified

    stdin = options.is_stdin(files)
    if output is not None and (diff or len(files) > 1):
        raise click.UsageError("--output takes one FILE, and does not go with --diff")
    refused = False
    # All are read before any is written: a file that cannot be read stops the run early.
    for file in [options.read(path) for path in files]:
        old, new = file.source.to_bytes(), _upgraded(file)
        if new is None:
            refused = True
        elif diff:
            options.write_bytes(unified(Fixed(file.source.name, old, new)))
        elif output is not None:
            replace_file(output, new)
        elif stdin:
            options.write_bytes(new)
        elif new != old:
            replace_file(Path(os.path.realpath(file.path)), new)
    ctx.exit(1 if refused else 0)


def _upgraded(file: File) -> bytes | None:
    """The content of a file in current form, None if it has to stay as it is; says which."""
    from ..core.source import Source
    from ..fix.upgrade import UpgradeError, upgrade_text

    source = file.source
    if file.message is None:
        _tell(source, "left as it is: neither a net nor a solver", ())
        return None
    try:
        text, lost = upgrade_text(source, file.message.type)
    except UpgradeError as error:
        _tell(source, f"left as it is: {error}", error.problems)
        return None
    _tell(source, "upgraded" if text != source.text else "has the current form", lost)
    return Source(source.name, text).to_bytes()


def _tell(source: Source, what: str, problems: Sequence[Any]) -> None:
    """Say what became of a file, and the first of the reasons."""
    from ..engine.run import Run
    from ..report.safe import printable
    from ..resources import load_rules

    click.echo(printable(f"{source.name}: {what}"), err=True)
    told = list(Run(load_rules()).on_problems(source, problems)) if problems else []
    for one in told[:_MOST_REASONS]:
        line, column = source.locate(one.place.span.start)
        where = f"{source.name}:{line}:{column}"
        click.echo(printable(f"  {where}: {one.message} [{one.rule}]"), err=True)
    if len(told) > _MOST_REASONS:
        click.echo(f"  and {len(told) - _MOST_REASONS} more", err=True)
