"""The values of stored blobs, looked at in bounded samples.

A blob of at most ``most`` values is looked at whole. Of a larger one, 16 stretches are read that
are spread evenly over it, the first and the last values among them; together ``most`` values.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from math import isfinite, isnan, sqrt
from operator import mul
from typing import BinaryIO

from msgspec import Struct

from .weights import Run, StoredBlob

_STRETCHES = 16
_AT_ONCE = 1 << 16

SOME = 1 << 16
"""Values of a blob that a check looks at."""

MANY = 1 << 18
"""Values of a blob that statistics are made of."""


def samples(file: BinaryIO, blob: StoredBlob, most: int) -> Iterator[Sequence[float]]:
    """The values that are looked at, in pieces of bounded size; none if they cannot be read."""
    width = struct.calcsize(f"<{blob.code}")  # 0 without a code
    for run in blob.runs if width else ():
        number = run.size // width
        for start, stop in _stretches(number, most):
            piece = _values(file, Run(run.start + start * width, (stop - start) * width), blob.code)
            if not piece:  # the file has become shorter
                return
            most -= len(piece)
            yield piece
        if most <= 0:
            return


def _stretches(number: int, most: int) -> list[tuple[int, int]]:
    """Which of ``number`` values to look at: ranges of their positions."""
    if number <= most:
        return [(i, min(i + _AT_ONCE, number)) for i in range(0, number, _AT_ONCE)]
    size = max(1, min(most // _STRETCHES, _AT_ONCE))
    starts = (i * (number - size) // (_STRETCHES - 1) for i in range(_STRETCHES))
    return [(start, start + size) for start in starts]


def _values(file: BinaryIO, run: Run, code: str) -> Sequence[float]:
    file.seek(run.start)
    data = file.read(run.size)
    if len(data) < run.size:
        return ()
    if code == "e":  # array has no half precision
        return struct.unpack(f"<{run.size // 2}e", data)
    values = array(code, data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def all_finite(file: BinaryIO, blob: StoredBlob) -> bool:
    """Whether no NaN or infinity is among the values that a check looks at."""
    for piece in samples(file, blob, SOME):
        # A sum of finite singles is finite; only doubles can overflow in it.
        if not isfinite(sum(piece)) and not all(map(isfinite, piece)):
            return False
    return True


def all_zero(file: BinaryIO, blob: StoredBlob) -> bool:
    """Whether there are values, and those that a check looks at are 0 throughout."""
    seen = False
    for piece in samples(file, blob, SOME):
        seen = True
        if any(piece):
            return False
    return seen


class Statistics(Struct):
    """What is to say of the values of a blob. ``looked_at`` is how many were looked at.

    ``minimum`` to ``std`` are those of the finite values, None if there are none.
    """

    looked_at: int = 0
    zeros: int = 0
    nan: int = 0
    infinite: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None


def statistics(file: BinaryIO, blob: StoredBlob) -> Statistics:
    """Statistics over a sample of the values of a blob, the whole of a small one."""
    result = Statistics()
    total = squares = 0.0
    for piece in samples(file, blob, MANY):
        result.looked_at += len(piece)
        finite = piece
        if not isfinite(sum(piece)):
            finite = [value for value in piece if isfinite(value)]
            nan = sum(map(isnan, piece))
            result.nan += nan
            result.infinite += len(piece) - len(finite) - nan
        if not finite:
            continue
        result.zeros += finite.count(0.0)
        total += sum(finite)
        squares += sum(map(mul, finite, finite))
        low, high = min(finite), max(finite)
        result.minimum = low if result.minimum is None else min(low, result.minimum)
        result.maximum = high if result.maximum is None else max(high, result.maximum)
    number = result.looked_at - result.nan - result.infinite
    if number:
        result.mean = total / number
        result.std = sqrt(max(0.0, squares / number - result.mean**2))
    return result
