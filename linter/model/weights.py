"""Which layers a ``.caffemodel`` has weights for, without reading the weights themselves.

A caffemodel is a serialised NetParameter. Only the wire format's tags and lengths are followed, so
a file of any size costs a few reads per layer.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

# Field numbers of the schema: NetParameter.layers and .layer, and in each their name and blobs.
_FORMS = {2: (4, 6), 100: (1, 7)}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class WeightsError(Exception):
    """The file is no readable caffemodel; the message says why."""


def filled_layers(path: Path) -> frozenset[str]:
    """Names of the layers with at least one blob in the file.

    Raises:
        WeightsError: if it cannot be read, or is not a binary NetParameter.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return frozenset(_filled(data))
    except (OSError, ValueError, IndexError) as error:
        raise WeightsError(f"{path}: not a readable caffemodel ({error})") from error


def _filled(data: mmap.mmap) -> Iterator[str]:
    for number, start, end in _fields(data, 0, len(data)):
        if number in _FORMS:
            name_number, blobs_number = _FORMS[number]
            name, blobs = "", 0
            for inner, inner_start, inner_end in _fields(data, start, end):
                if inner == name_number:
                    name = data[inner_start:inner_end].decode("utf-8", "replace")
                blobs += inner == blobs_number
            if blobs:
                yield name


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number and content range of every length-delimited field between two offsets."""
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        elif kind == _BYTES:
            length, at = _varint(data, at)
            if at + length > end:
                raise ValueError("a field runs past the end of its message")
            yield tag >> 3, at, at + length
            at += length
        else:
            raise ValueError(f"wire type {kind} at byte {at}")


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
