"""Signs in the values of a loss: that it is at chance, that it spikes, that it comes from a net
with a certain fault. Plain numbers in, plain answers out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from . import trends
from .curves import late_half, level

SIX_DIGITS = 3e-6
"""How much numbers may differ, as a share, that Caffe prints with the same six digits."""

# A loss is at chance within this share of it; its later values tell how much less it is.
_AT_CHANCE = 0.03
_NARROWEST = 0.005
_EXACT = 1e-3
# Rows that show it, and the iterations that must have passed: a sound net whose last layer starts
# with tiny weights begins exactly at chance, and needs some steps to leave it. Where all digits are
# those of equal scores, or a test had ties only, fewer will do.
_CHANCE_ROWS, _CHANCE_ITERATIONS = 8, 100
_FEWER_ROWS, _FEWER_ITERATIONS = 3, 200
_TIED_ROWS, _TIED_ITERATIONS = 3, 20

# A row this many times as high as those around it is a spike.
_SPIKE = 5.0


def equal_scores(values: Sequence[float], chance: float, *, ties: bool) -> bool:
    """Whether a loss stays exactly at chance, or begins there; ``ties`` says that every score of a
    first test was equal.
    """
    equal = [abs(value - chance) <= SIX_DIGITS * chance for value in values]
    return (ties and equal[0]) or (len(equal) >= _TIED_ROWS and all(equal[-_TIED_ROWS:]))


def chance_since(
    values: Sequence[float], chance: float, *, iterations: int, equal: bool, guessed: bool
) -> int | None:
    """Index of the row since when a loss stays at chance; None where it does not.

    ``iterations`` have passed in all; ``equal`` is what ``equal_scores`` says. A ``guessed`` chance
    must be met exactly: many a loss is near the logarithm of some number.
    """
    if abs(level(values) - chance) > _AT_CHANCE * chance:
        return None
    late = late_half(values)
    width = max(_NARROWEST * chance, 4 * trends.spread(late))
    since = trends.settled_at(values, chance, min(width, 0.1 * chance) + abs(level(late) - chance))
    if since is None:
        return None
    rest = values[since:]
    exact = all(abs(value - chance) <= _EXACT * chance for value in rest)
    enough = len(rest) >= _CHANCE_ROWS and iterations >= _CHANCE_ITERATIONS
    if exact:
        enough |= len(rest) >= _FEWER_ROWS and iterations >= _FEWER_ITERATIONS
        enough |= equal and len(rest) >= _TIED_ROWS and iterations >= _TIED_ITERATIONS
    if not enough or (guessed and not exact):
        return None
    return None if trends.trend(rest).direction == "falls" else since


def better(values: Sequence[float], chance: float) -> bool:
    """Whether test losses end below chance."""
    return bool(values) and level(values) < (1 - _AT_CHANCE) * chance


def climbs(values: Sequence[float]) -> bool:
    """Whether the few rows that there are rise from one to the next, and much."""
    if len(values) < 3:
        return False
    falls = sum(b < a for a, b in pairwise(values))
    return falls == 0 and values[-1] > 1.5 * values[0] > 0


def spikes(values: Sequence[float], noise: float) -> list[int]:
    """Rows far above those around them, on both sides."""
    found = []
    for at in range(1, len(values) - 1):
        around = [*values[max(0, at - 3) : at], *values[at + 1 : at + 4]]
        if values[at] > _SPIKE * max(around) and values[at] - max(around) > 10 * noise:
            found.append(at)
    return found


def softmax_twice(pairs: Sequence[tuple[float, float]], classes: int) -> bool:
    """Whether test losses and accuracies are those of a softmax over a softmax.

    Scores between 0 and 1 that add up to 1 give at best a loss of ln(e + K - 1) - 1, and 1 more
    for each sample that is sure to be of another class.
    """
    sure = [(loss, right) for loss, right in pairs if right > 0.5]
    if classes < 3 or len(sure) < 3 or max(sure)[0] - min(sure)[0] < 0.05:
        return False
    least = math.log(math.e + classes - 1) - 1
    return all(-0.01 <= loss - (least + 1 - right) <= 0.05 for loss, right in sure)


def stays_below(values: Sequence[float], limit: float) -> int | None:
    """Index since when all values are below a limit; None where the last is not."""
    at = len(values)
    while at and values[at - 1] < limit:
        at -= 1
    return at if 0 < at < len(values) else None
