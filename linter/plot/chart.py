"""The first panel of a picture as a small chart of characters, for a terminal.

Lines are dots of braille, tests are marks. What colours cannot tell apart, letters do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import isfinite, log10

from msgspec import Struct
from msgspec.structs import replace

from .picture import Panel, Picture, Series

_ROWS = 10
_NARROWEST, _WIDEST = 24, 100
_AXIS = 10
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of braille's dots: two columns of four."""
CHARACTERS = "│└─●×⠒⣿"
"""What a terminal must have for a chart that is not plain."""
_COLOURS = ("blue", "yellow", "green", "magenta", "cyan", "red", "white", "bright_black")

Paint = Callable[[str, str], str]
"""Gives a text a colour by its name."""


class Scale(Struct, frozen=True):
    """Where values stand: as shares of the width from the left, and of the height from the top."""

    span: tuple[int, int]
    low: float
    high: float
    logarithmic: bool

    def place(self, iteration: int, value: float) -> tuple[float, float]:
        """The two shares, below 1."""
        first, last = self.span
        low, high = self._level(self.low), self._level(self.high)
        across = (iteration - first) / (last - first) if last > first else 0.5
        down = (high - self._level(value)) / (high - low) if high > low else 0.5
        return min(across, 1 - 1e-9), min(max(down, 0.0), 1 - 1e-9)

    def _level(self, value: float) -> float:
        return log10(max(value, self.low)) if self.logarithmic else value


def chart(picture: Picture, columns: int, *, plain: bool, paint: Paint | None) -> str:
    """The chart, each line with its line end; empty where there is nothing to draw.

    It is ``columns`` wide at most. ``plain`` allows only ASCII; ``paint`` is None where there are
    no colours.
    """
    if not picture.panels:
        return ""
    panel = _main(picture.panels[0])
    log = panel.logarithmic
    drawn = [value for one in panel.series for value in _shown(one)[1]]
    values = [value for value in drawn if isfinite(value) and (value > 0 or not log)]
    if not values:
        return ""
    scale = Scale(picture.span, min(values), max(values), log)
    width = max(_NARROWEST, min(columns - _AXIS - 2, _WIDEST))
    cells = [[" "] * width for _ in range(_ROWS)]
    legend = []
    for one, glyph in zip(panel.series, _glyphs(panel, plain, paint is not None), strict=True):
        key, colour = glyph or "⠒⠒", _COLOURS[one.hue % len(_COLOURS)]
        for (row, column), text in _cells(one, glyph, scale, width).items():
            cells[row][column] = paint(text, colour) if paint is not None else text
        name = one.name.encode("ascii", "replace").decode("ascii") if plain else one.name
        legend.append((f"{key} {name}", paint(key, colour) if paint is not None else key))
    if any(one.line.lost for one in panel.series):
        legend.append(("! nan, inf" if plain else "× nan, inf", ""))
    if log:
        legend.append(("(logarithmic)", ""))
    return "\n".join([*_framed(cells, scale, plain), *_laid(legend, columns)]) + "\n"


def _main(panel: Panel) -> Panel:
    """The panel with the first line and the first test of each course alone."""
    first = {(one.course, one.test): one for one in reversed(panel.series)}
    shown = [one for one in panel.series if one in first.values()]
    return replace(panel, series=tuple(sorted(shown, key=lambda one: one.test)))


def _shown(series: Series) -> tuple[list[int], list[float]]:
    return (series.line.iterations, series.line.values) if series.test else series.line.middle()


def _glyphs(panel: Panel, plain: bool, coloured: bool) -> list[str]:
    """The character of each series; empty for a line of braille."""
    line, mark = ("*", "o") if plain else ("", "●")
    hues = {test: {one.hue for one in panel.series if one.test == test} for test in (True, False)}
    if coloured or max(map(len, hues.values())) < 2:
        single = [one.test or len(one.line.iterations) == 1 for one in panel.series]
        return [mark if alone else line for alone in single]
    return [chr(ord("a") + at) for at in range(len(panel.series))]


def _cells(series: Series, glyph: str, scale: Scale, width: int) -> dict[tuple[int, int], str]:
    """The characters of a series by row and column."""
    iterations, values = _shown(series)
    across, down = (1, 1) if glyph else (2, 4)
    points = [
        _point(*scale.place(iteration, value), width * across, _ROWS * down)
        if isfinite(value)
        else None
        for iteration, value in zip(iterations, values, strict=True)
    ]
    dots: dict[tuple[int, int], int] = {}
    for x, y in _traced(points, joined=not series.test):
        cell = (y // down, x // across)
        dots[cell] = dots.get(cell, 0) | _DOTS[x % across][y % down]
    found = {cell: glyph or chr(_BRAILLE + bits) for cell, bits in dots.items()}
    cross = "×" if not glyph or not glyph.isascii() else "!"
    for start, _ in series.line.lost:
        found[0, int(scale.place(start, scale.high)[0] * width)] = cross
    return found


def _point(across: float, down: float, width: int, height: int) -> tuple[int, int]:
    return int(across * width), int(down * height)


def _traced(points: Sequence[tuple[int, int] | None], *, joined: bool) -> Iterator[tuple[int, int]]:
    """The dots of points, and of the straight lines between them."""
    yield from (point for point in points if point is not None)
    for one, other in pairwise(points) if joined else ():
        if one is None or other is None:
            continue
        steps = max(abs(other[0] - one[0]), abs(other[1] - one[1]), 1)
        for at in range(1, steps):
            part = at / steps
            yield (
                round(one[0] + part * (other[0] - one[0])),
                round(one[1] + part * (other[1] - one[1])),
            )


def _framed(cells: list[list[str]], scale: Scale, plain: bool) -> list[str]:
    """The cells with axes, and the values at their ends."""
    wall, corner, floor = ("|", "+", "-") if plain else ("│", "└", "─")
    labels = [""] * len(cells)
    labels[0 if scale.high > scale.low else len(cells) // 2] = f"{scale.high:.4g}"
    labels[-1 if scale.high > scale.low else len(cells) // 2] = f"{scale.low:.4g}"
    rows = [
        f"{label:>{_AXIS - 1}} {wall}{''.join(row)}".rstrip()
        for label, row in zip(labels, cells, strict=True)
    ]
    width = len(cells[0])
    first, last = (f"{at:,}" for at in scale.span)
    ends = first if first == last else f"{first}{last:>{width - len(first)}}"
    return [*rows, " " * _AXIS + corner + floor * width, " " * (_AXIS + 1) + ends]


def _laid(legend: Sequence[tuple[str, str]], columns: int) -> Iterator[str]:
    """Lines of what the characters mean: each a text, and its beginning as painted."""
    indent = " " * (_AXIS + 1)
    line, length = indent, len(indent)
    for text, painted in legend:
        if length > len(indent) and length + len(text) > columns:
            yield line.rstrip()
            line, length = indent, len(indent)
        key = text.partition(" ")[0]
        line += (painted or key) + text[len(key) :] + "   "
        length += len(text) + 3
    yield line.rstrip()
