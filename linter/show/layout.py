"""What makes things fit into a line of the terminal.

Columns that give way where space is short, names that are cut in their middle, lists and numbers
in few letters. Widths are those on the screen: a wide letter takes two columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

_MOST_NAMES = 6
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")
_GAP = "  "
_NARROW_GAP = " "


class Row(NamedTuple):
    """Cells of one line of the table; a dim line does not change any blob's shape."""

    cells: tuple[str, ...]
    dim: bool = False


class Column(NamedTuple):
    """``most`` columns of the terminal at most; down to ``enough`` where space is short, and down
    to ``least`` where that does not help.
    """

    title: str
    right: bool
    most: int
    enough: int
    least: int


def fit(columns: Sequence[Column], rows: Sequence[Row], limit: int) -> tuple[list[int], str]:
    """Widths of the columns, and what stands between them, so that a line has ``limit`` at most.

    Only the first two columns give way: the names of things, and their types.
    """
    widths = [
        min(column.most, max(map(_width, cells)))
        for column, cells in zip(
            columns, zip(*(row.cells for row in rows), strict=True), strict=True
        )
    ]
    for gap in (_GAP, _NARROW_GAP):
        excess = sum(widths) + len(gap) * (len(widths) - 1) - limit
        if excess <= 0:
            return widths, gap
    # The type first: it is told by less. Names are cut alike, so that they can be told apart.
    for floor in ("enough", "least"):
        for i in (1, 0):
            spare = max(0, widths[i] - getattr(columns[i], floor))
            widths[i] -= min(excess, spare)
            excess -= min(excess, spare)
    return widths, gap


def padded(cell: str, width: int, right: bool) -> str:
    """A cell as wide as its column: filled with spaces, or cut."""
    cell = cut(cell, width)
    space = " " * (width - _width(cell))
    return space + cell if right else cell + space


def cut(text: str, width: int) -> str:
    """``text`` with a … in its middle where it is wider than ``width``."""
    if _width(text) <= width:
        return text
    head, tail = text[: (width - 1) // 2], text[len(text) - width // 2 :]
    while head and _width(head) > (width - 1) // 2:
        head = head[:-1]
    while tail and _width(tail) > width // 2:
        tail = tail[1:]
    return f"{head}…{tail}"


def _width(text: str) -> int:
    """How many terminal columns printable ``text`` takes."""
    if text.isascii():
        return len(text)
    marks = sum(unicodedata.category(char) in ("Mn", "Me") for char in text)
    wide = sum(unicodedata.east_asian_width(char) in ("W", "F") for char in text)
    return len(text) - marks + wide


def few(words: Sequence[str]) -> str:
    """A list in words: of a long one the ends, and how many there are."""
    if len(words) <= _MOST_NAMES:
        return ", ".join(words)
    return f"{', '.join(words[:3])}, … {words[-1]} ({len(words)})"


def human(number: float, unit: str = "", digits: int = 2) -> str:
    """``1.2 M``: so many digits, more only where they stand before the point."""
    prefix = 0
    while prefix < len(_PREFIXES) - 1 and float(f"{number:.{max(digits, 3)}g}") >= 1000:
        number /= 1000
        prefix += 1
    whole = len(str(int(float(f"{number:.{digits}g}"))))
    decimals = 0 if number == int(number) and not prefix else max(0, digits - whole)
    return f"{number:.{decimals}f} {_PREFIXES[prefix]}{unit}".rstrip()
