"""Which layers a ``.caffemodel`` has weights for, without reading the weights themselves.

A caffemodel is a serialised NetParameter. Only the wire format's tags and lengths are followed, so
a file of any size costs a few reads per layer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple


class _Form(NamedTuple):
    """Numbers of the fields of a layer message: its name, its blobs, the V0 layer in it."""

    name: int
    blobs: int
    inner: int = 0


_V0 = _Form(name=1, blobs=50)
# By field number in NetParameter: ``layers`` and ``layer``.
_FORMS = {2: _Form(name=4, blobs=6, inner=1), 100: _Form(name=1, blobs=7)}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_LONGEST_NAME = 1 << 16
_HDF5 = b"\x89HDF\r\n\x1a\n"


class WeightsError(Exception):
    """The file is no readable caffemodel; the message says why."""


def filled_layers(path: Path) -> frozenset[str]:
    """Names of the layers with at least one blob in the file.

    Raises:
        WeightsError: if it cannot be read, or is not a binary NetParameter.
    """
    try:
        with path.open("rb") as file:
            return _filled(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{path}: not a readable caffemodel ({reason})") from error


def _filled(file: BinaryIO) -> frozenset[str]:
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise ValueError("the file is empty")
    if _read(file, 0, len(_HDF5)) == _HDF5:
        raise ValueError("weights in HDF5 are not supported")
    names = set()
    for number, start, end in _fields(file, 0, size):
        if number in _FORMS:
            name, blobs = _layer(file, start, end, _FORMS[number])
            if blobs:
                names.add(name)
    return frozenset(names)


def _layer(file: BinaryIO, start: int, end: int, form: _Form) -> tuple[str, int]:
    """A layer's name and its number of blobs."""
    name, v0_name, blobs = "", None, 0
    for number, at, stop in _fields(file, start, end):
        if number == form.name:
            name = _name(file, at, stop)
        elif number == form.blobs:
            blobs += 1
        elif number == form.inner:
            v0_name, v0_blobs = _layer(file, at, stop, _V0)
            blobs += v0_blobs
    return name if v0_name is None else v0_name, blobs


def _name(file: BinaryIO, start: int, end: int) -> str:
    """Decoded as names in the text format are, so that the two compare."""
    if end - start > _LONGEST_NAME:
        raise ValueError(f"a layer name of {end - start} bytes")
    return _read(file, start, end).decode("utf-8", "surrogateescape")


def _fields(file: BinaryIO, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number and content range of every length-delimited field between two offsets."""
    while at < end:
        tag, start = _varint(file, at, end)
        kind, length = tag & 7, 0
        if tag < 8 or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            raise ValueError(f"no field starts at byte {at}")
        if kind == _VARINT:
            _, start = _varint(file, start, end)
        elif kind == _BYTES:
            length, start = _varint(file, start, end)
        else:
            length = 8 if kind == _FIXED64 else 4
        if start + length > end:
            raise ValueError(f"the field at byte {at} runs past the end of its message")
        if kind == _BYTES:
            yield tag >> 3, start, start + length
        at = start + length


def _varint(file: BinaryIO, at: int, end: int) -> tuple[int, int]:
    """The number at an offset, and where it ends."""
    value = 0
    for i, byte in enumerate(_read(file, at, min(end, at + _LONGEST_VARINT))):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError(f"no number at byte {at}")


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
