"""Series of a run as rows, and what can be said about each: the ``Curve`` facts.

A row is one value at one iteration. Losses of several heads are added up as Caffe does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from ..engine.vocabulary import Curve, Moment
from . import trends
from .run import Output, Point, Points, TestNet

# Caffe computes in single precision: what is printed beyond it is no number of its own.
_LARGEST_SINGLE = 3.4028235e38

# More rows than this tell no more, and take time.
_MOST_ROWS = 20_000

# The last half of a run is looked at by itself, but no fewer rows than these.
_LATE_ROWS = 6

# Values are settled within this share of their level, or so many times their noise.
_SETTLED_SHARE = 0.02
_SETTLED_NOISE = 4.0


class Rows:
    """Finite rows of a series in log order, and its first value that is none."""

    def __init__(self, points: Iterable[Point], not_finite: Point | None = None) -> None:
        self.points = []
        self.not_finite = not_finite
        for point in points:
            if abs(point.value) <= _LARGEST_SINGLE:
                self.points.append(point)
            elif self.not_finite is None:
                self.not_finite = point

    @property
    def values(self) -> list[float]:
        """The numbers alone."""
        return [point.value for point in self.points]

    def without_first(self) -> Rows:
        """The rows without the first one."""
        return Rows(self.points[1:], self.not_finite)

    def __len__(self) -> int:
        return len(self.points)


def rows_of(points: Points) -> Rows:
    """The rows of a series that was read."""
    return Rows((points[at] for at in _kept(len(points))), points.first_not_finite)


def _kept(count: int) -> Iterable[int]:
    """Which of so many rows are looked at: all, or of very many the same number of them."""
    step = -(-count // _MOST_ROWS) or 1
    kept = list(range(0, count, step))
    return [*kept, count - 1] if kept and kept[-1] != count - 1 else kept


def summed(outputs: Sequence[Output]) -> Rows:
    """Rows of the weighted sum of losses that are printed together."""
    if len(outputs) == 1 and outputs[0].weight == 1:
        return rows_of(outputs[0].points)
    rows = []
    for at in _kept(min((len(output.points) for output in outputs), default=0)):
        points = [output.points[at] for output in outputs]
        total = sum(
            point.value * (output.weight or 0.0)
            for point, output in zip(points, outputs, strict=True)
        )
        rows.append(points[0]._replace(value=total))
    return Rows(rows)


def losses_of(outputs: Iterable[Output]) -> list[Output]:
    """The outputs that add to the loss; of a blob with several elements the first."""
    found: dict[str, Output] = {}
    for output in outputs:
        if output.weight:
            found.setdefault(output.name, output)
    return list(found.values())


def test_losses(tests: Iterable[TestNet]) -> list[Output]:
    """The losses of the first test net that prints any."""
    return next((found for test in tests if (found := losses_of(test.outputs.values()))), [])


def moment(point: Point) -> Moment:
    """A row as a fact."""
    return Moment(iteration=point.iteration, line=point.line, value=point.value)


def curve(rows: Rows, overlap: float = 1.0) -> Curve:
    """What can be said about a series; ``overlap`` as in ``trends.trend``."""
    values, points = rows.values, rows.points
    not_finite = moment(rows.not_finite) if rows.not_finite is not None else None
    if not values:
        return Curve(trend="unknown", late="unknown", not_finite=not_finite)
    middle = level(values)
    whole, late = trends.trend(values, overlap), trends.trend(late_half(values), overlap)
    noise = trends.noise(late_half(values))
    tolerance = max(_SETTLED_SHARE * abs(middle), _SETTLED_NOISE * noise)
    return Curve(
        rows=len(values),
        first=moment(points[0]),
        last=moment(points[-1]),
        lowest=moment(min(points, key=lambda point: point.value)),
        highest=moment(max(points, key=lambda point: point.value)),
        start=median(values[:3]),
        level=middle,
        noise=noise,
        trend=whole.direction,
        late=late.direction,
        change=whole.change,
        late_change=late.change,
        confidence=late.confidence,
        settled_since=_at(points, trends.settled_at(values, middle, tolerance)),
        same_since=_at(points, trends.same_since(values)),
        not_finite=not_finite,
    )


def _at(points: Sequence[Point], index: int | None) -> Moment | None:
    return None if index is None else moment(points[index])


def level(values: Sequence[float]) -> float:
    """Where a series ends: the median of its last quarter, of three values at least if it is
    twice as long.
    """
    count = max(len(values) // 4, min(3, len(values) // 2), 1)
    return median(values[-count:])


def late_half(values: Sequence[float]) -> Sequence[float]:
    """The last half of a series, more of it if it is short."""
    return values[min(len(values) // 2, max(0, len(values) - _LATE_ROWS)) :]
