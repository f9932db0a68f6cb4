"""What a noisy series does: whether it falls, rises or stays, since when, and how sure that is.

Robust statistics throughout, since a loss has spikes and its batches are noisy: medians for
levels, differences of neighbours for noise, Theil-Sen for the slope, Mann-Kendall for whether
there is one at all. Too few values are a result of their own (``unknown``), never a guess.
Values must be finite. Nothing here knows what is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Literal

from msgspec import Struct

Direction = Literal["falls", "rises", "flat", "unknown"]

# So many blocks are compared in pairs at most: enough for any trend, and a bounded time.
_BLOCKS = 60

# Fewer values are left as they are.
_SMOOTHED = 10

# So many of the last values are searched for a period: the work grows with their square.
PERIODIC = 600

# Fewer values than this tell nothing: even if all of them fall, chance does that too often.
FEWEST = 5

# A change is real if chance makes one like it in fewer than one of twenty series, by both tests.
_SURE = 0.95
_ERRORS = 3.0

# For people and for training a change of less than this share of the level is none.
_SMALL = 0.02

# Of a standard deviation, for values spread like a bell curve.
_MAD_TO_SIGMA = 1.4826


class Trend(Struct, frozen=True):
    """Where a series goes.

    ``change`` is what the fitted line rises from its first to its last value, in units of the
    values; ``confidence``, from 0 to 1, is how unlikely it is that chance made this trend, and of
    a flat one, that it hides a change of five times what counts as small.
    """

    direction: Direction
    change: float = 0.0
    confidence: float = 0.0


def spread(values: Sequence[float]) -> float:
    """Standard deviation, estimated from the median distance to the median."""
    if len(values) < 2:
        return 0.0
    middle = median(values)
    return _MAD_TO_SIGMA * median(abs(value - middle) for value in values)


def noise(values: Sequence[float]) -> float:
    """Standard deviation around the trend, estimated from how much neighbours differ more, or less,
    than they mostly do.
    """
    if len(values) < 3:
        return 0.0
    return spread([b - a for a, b in pairwise(values)]) / math.sqrt(2)


def blocks(values: Sequence[float], most: int = _BLOCKS) -> list[float]:
    """Medians of up to ``most`` equal parts of the series, in order."""
    if len(values) <= most:
        return list(values)
    edges = [round(i * len(values) / most) for i in range(most + 1)]
    return [median(values[a:b]) for a, b in pairwise(edges)]


def smoothed(values: Sequence[float]) -> list[float]:
    """Each value as the median of the five around it; of a long series, of its part of it."""
    count = len(values)
    if count < _SMOOTHED:
        return list(values)
    if count <= 5 * _BLOCKS:
        return [median(values[max(0, at - 2) : at + 3]) for at in range(count)]
    parts = blocks(values)
    return [parts[min(len(parts) - 1, at * len(parts) // count)] for at in range(count)]


def trend(values: Sequence[float], overlap: float = 1.0) -> Trend:
    """The direction of a series of evenly spaced values.

    ``overlap`` says over how many of the series' steps each value is an average: such values
    repeat each other, so there is less evidence in them than their number.
    """
    count = len(values)
    if count < FEWEST:
        return Trend("unknown")
    parts = blocks(values)
    change = _slope(parts) * (len(parts) - 1)
    if max(values) == min(values):
        return Trend("flat", 0.0, 1.0)
    independent = max(2.0, len(parts) / max(1.0, overlap * len(parts) / count))
    sure = _sureness(parts, independent)
    scale = max(abs(median(values[: count // 2])), abs(median(values[count // 2 :])))
    # The standard error of what a fitted line rises over n evenly spaced values.
    error = noise(parts) * math.sqrt(12 / independent)
    small = abs(change) <= _SMALL * scale
    if sure >= _SURE and abs(change) > _ERRORS * error and not small:
        return Trend("falls" if change < 0 else "rises", change, sure)
    hidden = 5 * _SMALL * scale
    if small or abs(change) <= _ERRORS * error:
        clear = _within(hidden, change, error)
        if clear >= _SURE:
            return Trend("flat", change, clear)
    return Trend("unknown", change, sure)


def _slope(values: Sequence[float]) -> float:
    """Theil-Sen: the median of the slopes between all pairs."""
    count = len(values)
    return median(
        (values[j] - values[i]) / (j - i) for i in range(count) for j in range(i + 1, count)
    )


def _sureness(values: Sequence[float], independent: float) -> float:
    """Mann-Kendall: one minus the chance of as many pairs in one direction without any trend."""
    count = len(values)
    score = sum(
        (values[j] > values[i]) - (values[j] < values[i])
        for i in range(count)
        for j in range(i + 1, count)
    )
    if score == 0:
        return 0.0
    variance = count * (count - 1) * (2 * count + 5) / 18 * max(1.0, count / independent)
    return math.erf((abs(score) - 1) / math.sqrt(variance) / math.sqrt(2))


def _within(limit: float, change: float, error: float) -> float:
    """How sure it is that a change, known up to an error, is not beyond a limit."""
    if abs(change) >= limit:
        return 0.0
    return math.erf((limit - abs(change)) / error / math.sqrt(2)) if error else 1.0


def settled_at(values: Sequence[float], centre: float, tolerance: float) -> int | None:
    """Index from which on the series stays within ``tolerance`` of ``centre``; None if it does not.

    One in ten values may stray, but no two in a row, and neither the first nor the last two.
    """
    close = [abs(value - centre) <= tolerance for value in values]
    if len(close) < 2 or not all(close[-2:]):
        return None
    strayed, best = 0, len(close) - 2
    for at in range(len(close) - 3, -1, -1):
        strayed += not close[at]
        if not close[at] and not close[at + 1]:
            break
        if close[at] and strayed * 10 <= len(close) - at:
            best = at
    return best


def same_since(values: Sequence[float]) -> int | None:
    """Index from which on the series only repeats one number; None unless three times at least."""
    if len(values) < 3:
        return None
    at = len(values) - 1
    while at and values[at - 1] == values[-1]:
        at -= 1
    return at if len(values) - at >= 3 else None


def lags(values: Sequence[float]) -> list[float]:
    """Correlation of the series, its trend taken out, with itself at each lag up to two fifths."""
    count = len(values)
    most = count * 2 // 5
    rest = detrended(values)
    square = sum(value * value for value in rest)
    if not square:
        return [0.0] * (most + 1)
    return [
        sum(rest[i] * rest[i + lag] for i in range(count - lag)) / square * count / (count - lag)
        for lag in range(most + 1)
    ]


def detrended(values: Sequence[float]) -> list[float]:
    """The series less the median of the fifth of it around each value."""
    count = len(values)
    half = max(2, count // 10)
    return [
        value - median(values[max(0, at - half) : at + half + 1]) for at, value in enumerate(values)
    ]


def period(values: Sequence[float]) -> int:
    """After how many values the series repeats its ups and downs; 0 if it does not.

    The correlation at that lag must stand out: far above what chance gives, above that of the lags
    around it and of the lag half as long, and come again at the double. Five periods are wanted.
    """
    values = values[-PERIODIC:]
    if len(values) < 32:
        return 0
    correlation = lags(values)
    chance = 4 / math.sqrt(len(values))
    for lag in range(4, (len(correlation) + 1) // 2):
        here = correlation[lag]
        if here < max(0.4, chance) or here < max(correlation[lag - 1 : lag + 2]):
            continue
        if correlation[lag // 2] < here / 2 and correlation[2 * lag] > here / 2:
            return lag
    return 0
