"""Second moments of one channel: how alike its values are at two places.

A ``Kernel`` has E[x x'] for x and x' of the same channel, by where x' is: in the same sample at a
distance of 0, 1, 2, 4, 8, … positions, in the same sample far away, in another sample at the same
position, in another sample elsewhere. Between the distances the moment is interpolated in log
distance. Height and width are not told apart, and what is near in both is the product of the two,
as it is for windows that overlap. The values are averages over all positions of the map.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import frexp, log2

_ALIKE = 1e-4
"""A moment at some distance that is this near to the far one, in parts of the square, is far."""

_STEPS = 32
"""A longer window is looked at in this many steps."""


class Kernel:
    """``values`` are the moments (far, twin, other, near[0], near[1], …).

    ``far``: same sample, no nearness left. ``twin``: another sample, same position. ``other``:
    another sample and position. ``near[0]`` is the mean square; ``near[i]`` is at distance 2^(i−1).
    """

    __slots__ = ("values",)

    def __init__(self, values: tuple[float, ...]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"Kernel({', '.join(f'{value:.4g}' for value in self.values)})"

    @property
    def square(self) -> float:
        """E[x²]."""
        return self.values[3]

    @property
    def far(self) -> float:
        """E[x x'] in one sample, for places that have nothing in common."""
        return self.values[0]

    @property
    def twin(self) -> float:
        """E[x x'] at the same place of two samples."""
        return self.values[1]

    @property
    def other(self) -> float:
        """E[x x'] at different places of two samples."""
        return self.values[2]

    @property
    def levels(self) -> int:
        """How many distances are told apart, 0 included."""
        return len(self.values) - 3

    # Arithmetic

    def map(self, change: Callable[[float], float]) -> Kernel:
        """Every moment changed alike."""
        return Kernel(tuple([change(value) for value in self.values]))

    def scaled(self, factor: float) -> Kernel:
        """The moments of √factor times the channel."""
        return Kernel(tuple([factor * value for value in self.values]))

    def plus_constant(self, constant: float) -> Kernel:
        """All moments larger by the same: a random offset that all places share."""
        return Kernel(tuple([value + constant for value in self.values]))

    def plus(self, other: Kernel, factor: float = 1.0) -> Kernel:
        """The moments of a sum with an independent signal (√factor times it) of zero mean."""
        a, b = self.values, other.values
        if len(a) != len(b):
            levels = max(len(a), len(b))
            a, b = _stretched(a, levels), _stretched(b, levels)
        return Kernel(tuple([x + factor * y for x, y in zip(a, b, strict=True)]))

    def times(self, other: Kernel) -> Kernel:
        """The moments of a product with an independent signal."""
        levels = max(len(self.values), len(other.values))
        a, b = _stretched(self.values, levels), _stretched(other.values, levels)
        return Kernel(tuple([x * y for x, y in zip(a, b, strict=True)]))

    def with_square(self, square: float) -> Kernel:
        """The same with another mean square."""
        return Kernel((*self.values[:3], square, *self.values[4:]))

    def trimmed(self) -> Kernel:
        """Without the largest distances, as long as they are as good as far."""
        values = self.values
        end = len(values)
        limit = _ALIKE * abs(values[3])
        while end > 4 and abs(values[end - 1] - values[0]) <= limit:
            end -= 1
        return self if end == len(values) else Kernel(values[:end])

    # Windows

    def between_windows(self, window: Window, shift: Shift = (0, 0)) -> Kernel:
        """Mean moments over all pairs of a value of one window and a value of another.

        ``shift`` is how far the second window is from the first, in positions. Only ``square`` of
        the result (same sample) and ``far``, ``twin``, ``other`` are meant.
        """
        rows = self.along(line_weights(window[0], shift[0], self.levels))
        columns = self.along(line_weights(window[1], shift[1], self.levels))
        same = overlap(*window, *shift)
        far, twin, other, square = self.values[:4]
        near = far + (square - far) * rows * columns
        return Kernel((far, other + (twin - other) * same, other, near))

    def along(self, weights: tuple[float, ...]) -> float:
        """How much of what is near is left along one axis: the mean, with these weights of the
        distances, of the moments above ``far``, in parts of the one at distance 0.
        """
        values = self.values
        far = values[0]
        whole = values[3] - far
        if len(values) == 4 or not whole:
            return weights[0]
        total = weights[0] * whole
        for i in range(1, len(values) - 3):
            total += weights[i] * (values[i + 3] - far)
        return total / whole

    def at(self, height: float, width: float) -> float:
        """The moment at a distance within one sample. What both directions have left multiplies."""
        rows = self.along(_level_weights(height, self.levels))
        columns = self.along(_level_weights(width, self.levels))
        return self.far + (self.square - self.far) * rows * columns

    def at_distance(self, distance: float) -> float:
        """The moment at a distance along one axis."""
        values = self.values
        if distance < 1:
            place = distance
        else:
            fraction, exponent = frexp(distance)
            place = exponent if fraction == 0.5 else log2(distance) + 1
        level = int(place)
        if level + 3 >= len(values):
            return values[0]
        if level == place:
            return values[level + 3]
        after = values[level + 4] if level + 4 < len(values) else values[0]
        return values[level + 3] + (place - level) * (after - values[level + 3])

    def mean_of_pairs(self, height: int, width: int, samples: float) -> float:
        """E[x x'] over all pairs of values of one channel of a batch, a value with itself included:
        the mean square of the channel's mean.
        """
        pairs = self.between_windows((height, width))
        return pairs.square / samples + (1 - 1 / samples) * pairs.twin


Window = tuple[int, int]
"""Height and width, in positions."""

Shift = tuple[float, float]


def constant(value: float) -> Kernel:
    """A signal that is the same everywhere."""
    return Kernel((value, value, value, value))


def _stretched(values: tuple[float, ...], length: int) -> tuple[float, ...]:
    return values + (values[0],) * (length - len(values))


@lru_cache(maxsize=4096)
def _level_weights(distance: float, levels: int) -> tuple[float, ...]:
    """Weights of near[0] … near[levels − 1] and far for a distance."""
    weights = [0.0] * (levels + 1)
    below, beyond = _levels_around(distance, levels)
    weights[below] += 1 - beyond
    if beyond:
        weights[below + 1] += beyond
    return tuple(weights)


def _levels_around(distance: float, levels: int) -> tuple[int, float]:
    """The last level that is no farther than a distance, and how far it is from there to the next
    one, of 1.
    """
    place = distance if distance < 1 else log2(distance) + 1
    below = min(int(place), levels)
    return below, place - below if below < levels else 0.0


@lru_cache(maxsize=4096)
def line_weights(size: int, shift: float, levels: int) -> tuple[float, ...]:
    """Weights of near[0] … and far in the mean over all pairs of values of two windows along one
    axis, the second of which is shifted.
    """
    steps = min(size, _STEPS)
    unit = size / steps
    pairs = [
        (shift + unit * i, (steps - abs(i)) / (steps * steps)) for i in range(1 - steps, steps)
    ]
    if steps < size:
        # Of the pairs within one step, 1 in `unit` is a value with itself.
        within = pairs.pop(steps - 1)
        pairs += [(shift, within[1] / unit), (shift + unit / 3, within[1] * (1 - 1 / unit))]
    total = [0.0] * (levels + 1)
    for lag, share in pairs:
        below, beyond = _levels_around(abs(lag), levels)
        total[below] += share * (1 - beyond)
        if beyond:
            total[below + 1] += share * beyond
    return tuple(total)


@lru_cache(maxsize=4096)
def overlap(height: int, width: int, down: float, right: float) -> float:
    """Share of the pairs of two windows' values that are one value."""
    if down != int(down) or right != int(right):
        return 0.0
    if not height or not width:
        return 0.0
    rows, columns = max(0.0, height - abs(down)), max(0.0, width - abs(right))
    return rows * columns / (height * width) ** 2
