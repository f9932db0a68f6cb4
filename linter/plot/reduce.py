"""Fewer points for the same picture: what the eye would see of a long series is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isfinite, nan
from statistics import median

from msgspec import Struct, field

from ..log.run import Point, Points

MOST_POINTS = 2000
"""So many points of a series are drawn, which is more than a picture has columns."""
_KNOTS = 120
_WINDOW = 25
"""A smooth line has so many knots, each the median of such a part of the points around it."""
_FEWEST_SMOOTHED = 40
_ROUGH = 3.0
"""A smooth line is worth drawing where the points go up and down this much more than it does."""
_MERGED = 0.01
_EXTREMES = 2
_LARGEST, _SMALLEST = 3.5e38, 1e-45
"""Caffe counts in floats: what is larger is as good as infinite, what is smaller is 0."""


class Line(Struct):
    """What is drawn of a series: iterations and values side by side.

    A value that is nan breaks the line: there a resumed run begins. The log's own nan and infinity
    stand in ``lost``, each stretch with its first and last iteration.
    """

    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    smooth_iterations: list[int] = field(default_factory=list)
    smooth: list[float] = field(default_factory=list)
    """A line through the middle of noisy values; empty where there is no need of one."""
    lost: list[tuple[int, int]] = field(default_factory=list)

    @property
    def finite(self) -> list[float]:
        """The values without the breaks."""
        return [value for value in self.values if isfinite(value)]

    @property
    def span(self) -> list[int]:
        """Iterations from the first to the last, in no order; empty of an empty line."""
        return [*self.iterations, *(at for pair in self.lost for at in pair)]

    def middle(self) -> tuple[list[int], list[float]]:
        """The smooth line, or the line itself where it is smooth."""
        if self.smooth:
            return self.smooth_iterations, self.smooth
        return self.iterations, self.values


def line(parts: Iterable[Points], *, smooth: bool) -> Line:
    """The line of a series that is told in parts, by a run and those that resume it; ``smooth``
    where its values are those of single batches.
    """
    drawn = Line()
    pieces = []
    for points in parts:
        rows = _rows(points)
        drawn.lost += _lost(rows)
        iterations = [row.iteration for row in rows if _drawable(row.value)]
        values = [_seen(row.value) for row in rows if _drawable(row.value)]
        if values:
            _join(drawn.iterations, drawn.values, iterations, values, envelope(values, MOST_POINTS))
            pieces.append((iterations, values, smoothed(values) if smooth else {}))
    if any(_rough(values, middle) for _, values, middle in pieces):
        for iterations, values, middle in pieces:
            at = middle or dict(enumerate(values))
            _join(drawn.smooth_iterations, drawn.smooth, iterations, at, at)
    return drawn


def _rows(points: Points) -> list[Point]:
    """The kept points, and those that thinning has dropped but the series still knows."""
    rows = list(points)
    if points.stride == 1:
        return rows
    known = (points.lowest, points.highest, points.last, points.first_not_finite)
    return sorted({*rows, *(one for one in known if one is not None)}, key=lambda row: row.line)


def _drawable(value: float) -> bool:
    return abs(value) < _LARGEST  # nan is not


def _seen(value: float) -> float:
    return value if abs(value) > _SMALLEST else 0.0


def _join(
    drawn_iterations: list[int],
    drawn: list[float],
    iterations: Sequence[int],
    values: Sequence[float] | Mapping[int, float],
    kept: Iterable[int],
) -> None:
    """Add those points of a piece that are kept to a line, after a break if it has begun."""
    if drawn_iterations:
        drawn_iterations.append(drawn_iterations[-1])
        drawn.append(nan)
    for at in kept:
        drawn_iterations.append(iterations[at])
        drawn.append(values[at])


def _rough(values: Sequence[float], middle: Mapping[int, float]) -> bool:
    return bool(middle) and _way(values) > _ROUGH * _way(list(middle.values()))


def _way(values: Sequence[float]) -> float:
    return sum(abs(after - before) for before, after in pairwise(values))


def envelope(values: Sequence[float], most: int) -> list[int]:
    """Indices of at most ``most`` values, among them the lowest and highest of each stretch."""
    count = len(values)
    if count <= most:
        return list(range(count))
    size = -(-_EXTREMES * count // (most - _EXTREMES))
    kept = {0, count - 1}
    for start in range(0, count, size):
        stretch = range(start, min(start + size, count))
        kept |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return sorted(kept)


def smoothed(values: Sequence[float]) -> dict[int, float]:
    """The median around each knot, by its index; empty of a short series.

    The window narrows to the start, where values mostly fall fast, and is cut off at the end.
    """
    count = len(values)
    if count < _FEWEST_SMOOTHED:
        return {}
    half = max(2, count // _WINDOW // 2)
    knots = sorted({round(one * (count - 1) / (_KNOTS - 1)) for one in range(_KNOTS)})
    medians = {}
    for at in knots:
        reach = max(min(half, at), 2)
        medians[at] = median(values[max(0, at - reach) : at + reach + 1])
    return medians


def _lost(rows: Sequence[Point]) -> list[tuple[int, int]]:
    """Stretches without a finite value; those that all but touch are one."""
    found: list[tuple[int, int]] = []
    near = _MERGED * (rows[-1].iteration - rows[0].iteration) if rows else 0
    was_lost = False
    for row in rows:
        lost = not _drawable(row.value)
        if lost and found and (was_lost or row.iteration - found[-1][1] <= near):
            found[-1] = (found[-1][0], row.iteration)
        elif lost:
            found.append((row.iteration, row.iteration))
        was_lost = lost
    return found
