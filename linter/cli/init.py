"""``caffelint init``: a config to begin with, from what a directory holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..survey import Survey

_DOCS = "https://github.com/caffelint/caffelint/blob/HEAD/docs"


@click.command()
@click.argument(
    "directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
)
def init(directory: Path) -> None:
    """Look at a directory, and write a config with comments for it.

    The config is .caffelint.yaml; one that is there is left as it is.
    """
    from ..config import CONFIG_NAMES, config_file
    from ..core.files import create_file
    from ..report.safe import printable
    from ..survey import survey

    there = config_file(directory)
    target = directory / CONFIG_NAMES[0]
    if there is None and os.path.lexists(target):
        there = target
    if there is not None:
        click.echo(printable(f"{there} is there already, and was left as it is"))
        return
    found = survey(directory)
    for line in _told(found):
        click.echo(printable(line))
    try:
        create_file(target, config_text(found).encode("utf-8"))
    except FileExistsError:  # made in the meantime
        click.echo(printable(f"{target} is there already, and was left as it is"))
        return
    click.echo(printable(f"wrote {target}"))
    click.echo("\nNext:")
    for line in _next(directory):
        click.echo(printable(f"  {line}"))


def _told(found: Survey) -> Iterator[str]:
    """What was found, a line each."""
    counts = [_count(found.nets, "net"), _count(found.solvers, "solver")]
    if found.others:
        counts.append(f"{_count(found.others, 'file')} of another kind")
    more = f"; {found.unread} more were not read" if found.unread else ""
    yield f"found {', '.join(counts)}{more}"
    for name, number in sorted(found.dialects.items()):
        yield f"written for {name}, a fork of Caffe: {_count(number, 'file')}"
    for folder, what in sorted(found.foreign.items()):
        yield f"excluded: {folder} ({what})"
    if found.root is not None:
        yield f"Caffe is started in {found.root}: all solvers find their nets from there"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _next(directory: Path) -> Iterator[str]:
    """What to do with the config, by what the directory uses."""
    path = directory.as_posix()
    yield f"caffelint {path}"
    yield f"caffelint --write-baseline caffelint.json {path}"
    yield "    then --baseline caffelint.json tells only what is new"
    here = directory.absolute()
    top = next((one for one in (here, *here.parents) if (one / ".git").exists()), None)
    if top is None:
        return
    yield "caffelint --changed"
    yield "    what differs from the last commit, and what hangs on it"
    uses = {
        "pre-commit hook": top / ".pre-commit-config.yaml",
        "GitHub action": top / ".github" / "workflows",
        "GitLab job": top / ".gitlab-ci.yml",
    }
    there = [name for name, file in uses.items() if file.exists()] or list(uses)
    yield f"{', '.join(there)}: {_DOCS}/ci.md"


def config_text(found: Survey) -> str:
    """A config for what was found; what is not set stands in it as a comment."""
    return "".join(f"{line}\n" for line in _lines(found))


def _lines(found: Survey) -> Iterator[str]:
    yield f"# Settings of caffelint: {_DOCS}/settings.md"
    yield "# What stands behind # is not set. Paths count from this file."
    yield ""
    yield "# Files and directories that are left out when a directory above them is checked."
    folders = {name: what for name, what in sorted(found.foreign.items()) if _is_text(name)}
    if folders:
        yield "exclude:"
        for name, what in folders.items():
            yield f"  - {_glob(name)}  # {what}"
    else:
        yield "# exclude: [third_party]"
    yield ""
    yield "# The fork of Caffe that the files are written for; without it each is looked at."
    forks = [f"{name} ({_count(of, 'file')})" for name, of in sorted(found.dialects.items())]
    if len(forks) == 1:
        yield f"dialect: {next(iter(found.dialects))}  # found: {forks[0]}"
    else:
        yield "# dialect: bvlc" + (f"  # found: {', '.join(forks)}" if forks else "")
    yield ""
    yield "# The directory that Caffe is started in: paths in solvers and nets count from there."
    if found.root is not None and _is_text(found.root):
        yield f"root: {json.dumps(found.root)}"
    else:
        yield "# root: ."
    yield _REST


def _is_text(name: str) -> bool:
    """Whether a file's name can be written into a text file."""
    return name.isprintable() and name.encode("utf-8", "replace").decode("utf-8") == name


def _glob(name: str) -> str:
    from glob import escape

    glob = escape(name)
    # A name without a slash would be one in any directory.
    return json.dumps(glob if "/" in glob else f"/{glob}", ensure_ascii=False)


_REST = """
# What nets are for, where it cannot be seen: scratch, finetune or deploy.
# context: scratch

# The lowest severity that gives exit status 1: info, warning or error.
# fail-on: error

# Rules that are off, by id, name or topic; how bad others are; thresholds (caffelint explain RULE).
# ignore: [CL303, snapshot-directory-missing]
# severity: {learning-rate: info}
# options: {base-lr-too-high: {plain: 0.5}}

# Sizes that only the data decides, so that shapes are known behind it.
# shapes: {data: [64, 3, 224, 224]}

# Whether the lists, databases and images that nets name are looked at, where they are there.
# data: false

# What is different for some files.
# overrides: [{files: ["deploy*.prototxt"], context: deploy}]"""
