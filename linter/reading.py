"""A file read into a typed net or solver, in current form, with all that is wrong with its text."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from .core.collector import paused_collector
from .core.problem import Problem
from .core.source import Source, Span
from .dialects import NOTHING_TOLD, Told, read_as
from .schema.message import Message
from .schema.upgrade import old_forms, upgrade_net, upgrade_solver
from .syntax.parser import parse

# A net of 60,000 layers has some 25 MB; what is larger was not written as prototxt.
MAX_BYTES = 64 * 1024 * 1024


class CheckError(Exception):
    """A path that cannot be checked at all: it is not there, or cannot be read."""


class File(Struct, frozen=True):
    """One file as read. ``message`` is the net or solver in current form, None if it is neither."""

    path: Path
    source: Source
    kind: str
    message: Message | None
    problems: list[Problem]


def read_file(path: Path, told: Told = NOTHING_TOLD) -> File:
    """Read a net or solver file; ``told`` is what is known of the Caffe that it is written for.

    Raises:
        CheckError: if the path cannot be read or is too large.
        caffelint.dialects.UnknownDialectError: for a dialect that is not known.
    """
    try:
        if not path.is_file():
            raise CheckError(f"{path}: not a file" if path.exists() else f"{path}: not found")
        if path.stat().st_size > MAX_BYTES:
            raise CheckError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise CheckError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return read_text(path, data, told)


def read_text(path: Path, data: bytes, told: Told = NOTHING_TOLD) -> File:
    """The same for bytes at hand; ``path`` is the name that messages show."""
    return read_source(path, Source.from_bytes(path.as_posix(), data), told)


def read_source(path: Path, source: Source, told: Told = NOTHING_TOLD) -> File:
    """The same for a text that is decoded, with its positions."""
    tree = parse(source)
    read = read_as(tree, told)
    if read.message is None:
        neither = Problem("neither-net-nor-solver", Span(0, 0))
        return File(path, source, "", None, [neither, *read.problems])
    message = read.message
    upgraded, more = upgrade_net(message) if read.is_net else upgrade_solver(message)
    problems = [*tree.problems, *read.problems, *(old_forms(message) if read.is_net else []), *more]
    return File(path, source, "net" if read.is_net else "solver", upgraded, problems)


def count_faults(name: str, data: bytes) -> int:
    """In how many places of a text Caffe refuses to read it."""
    with paused_collector():
        return sum(problem.rejects for problem in read_text(Path(name), data).problems)
