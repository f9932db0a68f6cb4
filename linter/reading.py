"""A file read into a typed net or solver, in current form, with all that is wrong with its text."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path

from msgspec import Struct

from .core.collector import paused_collector
from .core.looking import question
from .core.problem import Problem
from .core.source import Source, Span
from .dialects import read_as
from .schema.bind import MOST_PROBLEMS
from .schema.message import Message
from .schema.upgrade import old_forms, upgrade_net, upgrade_solver
from .syntax.recent import tree_of
from .syntax.tree import Field
from .told import NOTHING_TOLD, Told

# A net of 60,000 layers has some 25 MB; what is larger was not written as prototxt.
MAX_BYTES = 64 * 1024 * 1024

# What takes time and memory is not the bytes. Such a net has some 3 million signs of these, and
# half a million of the others.
MAX_SIGNS, _SIGNS = 5_000_000, b":{}<,\n"
MAX_BLOCKS = 1_000_000
_COUNTED = frozenset(("top", "bottom", "input", "input_dim", "dim"))
_SHORT = 1024 * 1024
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class CheckError(Exception):
    """A path that cannot be checked at all: it is not there, or cannot be read as text."""


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
        CheckError: if the path cannot be read, is too large or UTF-16 text.
        caffelint.told.UnknownDialectError: for a dialect that is not known.
    """
    return read_bytes(path, bytes_of(str(path)), told)


def read_bytes(path: Path, data: bytes | str, told: Told = NOTHING_TOLD) -> File:
    """The same for what ``bytes_of`` has given.

    Raises:
        CheckError: if that is not the content of a file.
    """
    if isinstance(data, str):
        raise CheckError(f"{path}: {data}")
    return read_text(path, data, told)


@question
def bytes_of(path: str) -> bytes | str:
    """What a net or solver file holds, or in words why that cannot be had."""
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 - half the time
        if not stat.S_ISREG(kind):
            return "not a file"
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        return "not found" if gone else error.strerror or str(error)
    except ValueError:  # a NUL in the name
        return "not found"
    return f"larger than {MAX_BYTES >> 20} MiB" if len(data) > MAX_BYTES else data


@question
def differ(one: str, other: str) -> bool:
    """Whether two files can both be read, and do not hold the same."""
    first, second = bytes_of(one), bytes_of(other)
    return isinstance(first, bytes) and isinstance(second, bytes) and first != second


def read_text(path: Path, data: bytes, told: Told = NOTHING_TOLD) -> File:
    """The same for bytes at hand; ``path`` is the name that messages show."""
    if data.startswith(_UTF_16):
        raise CheckError(f"{path}: UTF-16 text, which Caffe cannot read; save it as UTF-8")
    if len(data) > _SHORT and len(data) - len(data.translate(None, _SIGNS)) > MAX_SIGNS:
        raise CheckError(f"{path}: more than {MAX_SIGNS:,} lines and values")
    return read_source(path, Source.from_bytes(path.as_posix(), data), told)


def read_source(path: Path, source: Source, told: Told = NOTHING_TOLD) -> File:
    """The same for a text that is decoded, with its positions."""
    tree = tree_of(source)
    if len(source.text) > _SHORT and _has_more_blocks(tree.fields, MAX_BLOCKS):
        raise CheckError(f"{path}: more than {MAX_BLOCKS:,} layers, blocks, blobs and sizes")
    read = read_as(tree, told, path)
    if len(read.problems) >= MOST_PROBLEMS:
        raise CheckError(f"{path}: {MOST_PROBLEMS:,} fields and more that do not fit")
    if read.message is None:
        neither = Problem("neither-net-nor-solver", Span(0, 0))
        return File(path, source, "", None, [neither, *read.problems])
    message = read.message
    upgraded, more = upgrade_net(message) if read.is_net else upgrade_solver(message)
    problems = [*tree.problems, *read.problems, *(old_forms(message) if read.is_net else []), *more]
    return File(path, source, "net" if read.is_net else "solver", upgraded, problems)


def _has_more_blocks(fields: list[Field], most: int) -> bool:
    """Whether there are more blocks, names of blobs and sizes than so many."""
    todo, count = [fields], 0
    while todo:
        for field in todo.pop():
            if field.children is not None:
                todo.append(field.children)
            count += field.children is not None or field.name in _COUNTED
        if count > most:
            return True
    return False


def count_faults(name: str, data: bytes) -> int:
    """In how many places of a text Caffe refuses to read it."""
    with paused_collector():
        return sum(problem.rejects for problem in read_text(Path(name), data).problems)
