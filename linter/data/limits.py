"""How much of the data is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..model.net import Layer

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Passes items on and shows a person how far it is; the text says what is looked at."""

_TYPES = frozenset((
    *("Data", "ImageData", "HDF5Data", "WindowData"),
    *("AnnotatedData", "DetectionOutput"),
))  # fmt: skip

_DATUMS_PER_IMAGE = 16
"""A record of a database is read much faster than an image is found, opened and decoded."""


def silent(items: Sequence[Any], _what: str) -> Iterable[Any]:
    """No progress is shown."""
    return items


class Limits(NamedTuple):
    """The most that is read of one source.

    ``samples`` images of a list are opened, or rows of a data set read; ``list_bytes`` is how much
    of a list is read, the rest of it is only counted.
    """

    samples: int = 64
    list_bytes: int = 8 << 20
    progress: Progress = silent

    @property
    def datums(self) -> int:
        """The most records that are read of one database."""
        return self.samples * _DATUMS_PER_IMAGE


def names_data(layer: Layer) -> bool:
    """Whether a layer reads data that a look is taken at, or may name a label map."""
    return layer.type in _TYPES


def evenly(total: int, number: int) -> list[int]:
    """Up to ``number`` of the positions 0 to ``total`` - 1, evenly spread, first and last among
    them.
    """
    if total <= number:
        return list(range(total))
    if number < 2:
        return [0][:number]
    return [i * (total - 1) // (number - 1) for i in range(number)]
