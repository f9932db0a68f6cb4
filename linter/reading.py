"""A file read into a typed net or solver, in current form, with all that is wrong with its text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .core.collector import paused_collector
from .core.problem import Problem
from .core.source import Source, Span
from .resources import load_schema
from .schema.bind import bind
from .schema.kind import detect
from .schema.message import Message
from .schema.upgrade import old_forms, upgrade_net, upgrade_solver
from .syntax.parser import parse

# A net of 60,000 layers has some 25 MB; what is larger was not written as prototxt.
MAX_BYTES = 64 * 1024 * 1024


class CheckError(Exception):
    """A path that cannot be checked at all: it is not there, or cannot be read."""


@dataclass(frozen=True, slots=True)
class File:
    """One file as read. ``message`` is the net or solver in current form, None if it is neither."""

    path: Path
    source: Source
    kind: str
    message: Message | None
    problems: list[Problem]


def read_file(path: Path) -> File:
    """Read a net or solver file.

    Raises:
        CheckError: if the path cannot be read or is too large.
    """
    try:
        if not path.is_file():
            raise CheckError(f"{path}: not a file" if path.exists() else f"{path}: not found")
        if path.stat().st_size > MAX_BYTES:
            raise CheckError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        return read_text(path, path.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def read_text(path: Path, data: bytes) -> File:
    """The same for bytes at hand; ``path`` is the name that messages show."""
    source = Source.from_bytes(path.as_posix(), data)
    tree = parse(source)
    schema = load_schema()
    type_ = detect(tree, schema)
    if type_ is None:
        return File(path, source, "", None, [Problem("neither-net-nor-solver", Span(0, 0))])
    message, problems = bind(tree, type_)
    is_net = type_ is schema.net
    upgraded, more = upgrade_net(message) if is_net else upgrade_solver(message)
    problems += old_forms(message) if is_net else []
    return File(
        path, source, "net" if is_net else "solver", upgraded, tree.problems + problems + more
    )


def count_faults(name: str, data: bytes) -> int:
    """In how many places of a text Caffe refuses to read it."""
    with paused_collector():
        return sum(problem.rejects for problem in read_text(Path(name), data).problems)
