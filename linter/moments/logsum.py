"""ln Σ eᶻ of independent Gaussian scores, and what softmax makes of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import ceil, exp, isfinite, log, pi, sqrt

from .gauss import below, density, nodes

_EULER = 0.5772156649015329

_APART = 900.0
"""Scores of a variance above this have one that is much larger than all others."""

_WIDE = 6.0
"""Scores of a deviation above this are so far apart that e^z is as good as a step."""

_STEPS = 120

_NONE = 3.7
"""exp(−e^3.7) is as good as 0."""


@lru_cache(maxsize=256)
def cross_entropy(classes: int, spread: float, most: float) -> float:
    """E[min(most, ln Σ eᶻ − z₁)] for ``classes`` independent Gaussian scores of variance
    ``spread``.
    """
    if classes < 2 or spread <= 0:
        return log(classes)
    if not isfinite(spread):
        return most
    if spread > _APART:
        return _steps(classes, sqrt(spread), most)
    value = _log_sum(classes, spread).mean
    if spread < 16:
        return value
    others = _log_sum(classes - 1, spread)
    excess = sum(w * others.above(most + sqrt(spread) * z) for z, w in nodes())
    return max(0.0, value - excess)


def _steps(classes: int, width: float, most: float) -> float:
    """The same where ln Σ eᶻ is the largest score: ∫ (1 − P(all others < z₁ + l)) dl to most."""
    parts = 8
    total = 0.0
    for i in range(parts + 1):
        limit = most * i / parts
        simpson = 1 if i in (0, parts) else 4 if i % 2 else 2
        total += simpson * sum(w * below(z + limit / width) ** (classes - 1) for z, w in nodes())
    return most - total * most / (3 * parts)


class _LogSum:
    """The distribution of ln Σ eᶻ, from that of the same with a Gumbel value added, which is
    P(ln Σ eᶻ + g ≤ a) = E[exp(−e^(z − a))]^K.
    """

    def __init__(self, classes: int, spread: float) -> None:
        width = sqrt(spread)
        top = log(classes) + min(spread / 2, width * sqrt(2 * log(classes) + 1)) + 4 * width + 20
        low = log(classes) * (0.0 if width > 2 else 1.0) - 6 * width - 4
        steps = _STEPS
        self.step = (top - low) / steps
        self.points = [low + i * self.step for i in range(steps + 1)]
        one = _one(width)
        over = [1 - one(a) ** classes for a in self.points]
        # Integral of P(> a) from every point on, less the Gumbel value's mean.
        tail = [0.0] * (steps + 1)
        for i in range(steps - 1, -1, -1):
            tail[i] = tail[i + 1] + self.step * (over[i] + over[i + 1]) / 2
        self.tail = tail
        self.mean = low + tail[0] - _EULER

    def above(self, limit: float) -> float:
        """E[(ln Σ eᶻ − limit)⁺]."""
        place = (limit + _EULER - self.points[0]) / self.step
        if place <= 0:
            return self.mean - limit
        i = int(place)
        if i + 1 >= len(self.tail):
            return 0.0
        share = place - i
        return self.tail[i] * (1 - share) + self.tail[i + 1] * share


@lru_cache(maxsize=256)
def _log_sum(classes: int, spread: float) -> _LogSum:
    return _LogSum(classes, spread)


def _one(width: float) -> Callable[[float], float]:
    """P(z + g ≤ a) for a Gaussian and a Gumbel value, as a function of a."""
    if width > _WIDE:
        deviation = sqrt(width * width + pi * pi / 6)
        return lambda a: below((a - _EULER) / deviation)
    scores = _scores(width)

    def probability(a: float) -> float:
        top = a + _NONE
        return sum([w * exp(-exp(x - a)) for x, w in scores if x < top])

    return probability


def _scores(width: float) -> list[tuple[float, float]]:
    """Points and weights for means over a score: near enough to each other for what e^z bends."""
    number = 16 * max(1, ceil(width / 0.8))
    return [(width * z, w) for z, w in nodes(number, 6.0)]


@lru_cache(maxsize=256)
def share_square(classes: int, spread: float) -> float:
    """E[p²] of one of the probabilities that softmax makes of the scores.

    1/S² = ∫ t e^(−tS) dt, and with t = e^(−a) the other scores bring in P(z + g ≤ a) each.
    """
    if classes < 2 or spread <= 0:
        return 1 / (classes * classes)
    if not isfinite(spread):
        return 1 / classes
    table = _log_sum(classes, spread)
    width = sqrt(spread)
    bump, one = _bump(width), _one(width)
    total = sum(bump(a) * one(a) ** (classes - 1) for a in table.points)
    return min(1 / classes, max(1 / (classes * classes), total * table.step))


def _bump(width: float) -> Callable[[float], float]:
    """E[e^(2(z − a)) exp(−e^(z − a))], whose integral over z − a is 1, as a function of a."""
    if width > _WIDE:
        return lambda a: density(a / width) / width
    scores = _scores(width)

    def mean(a: float) -> float:
        top = a + _NONE
        return sum([w * exp(2 * (x - a) - exp(x - a)) for x, w in scores if x < top])

    return mean
