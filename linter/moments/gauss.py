"""Gaussian integrals: what a curve, or the maximum, makes of jointly Gaussian values.

A curve f of a Gaussian with mean m and variance v is written in Hermite polynomials, whose
coefficients c_n give the moment of two values of correlation r at once:
E[f(x) f(x')] = Σ c_n² rⁿ (Mehler's formula).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import asin, erf, exp, isfinite, pi, sqrt
from operator import mul

from msgspec import Struct

TERMS = 12
"""Hermite terms; what is left over is taken to belong to the next one, so that r = 1 is exact."""

_ROOT_2PI = sqrt(2 * pi)
_ROOT_2 = sqrt(2)


def density(x: float) -> float:
    """The normal density."""
    return exp(-0.5 * x * x) / _ROOT_2PI if abs(x) < 38 else 0.0


def below(x: float) -> float:
    """Probability that a standard normal value is below ``x``."""
    return 0.5 * (1 + erf(x / _ROOT_2))


@lru_cache(maxsize=32)
def nodes(number: int = 80, reach: float = 8.0) -> tuple[tuple[float, float], ...]:
    """Points and weights for means over a standard normal value (trapezoid rule)."""
    step = 2 * reach / number
    points = [-reach + i * step for i in range(number + 1)]
    weights = [density(x) for x in points]
    total = sum(weights)
    return tuple(zip(points, (w / total for w in weights), strict=True))


@lru_cache(maxsize=1)
def _hermite() -> tuple[tuple[float, ...], ...]:
    """For n from 0 on: weight · Heₙ(z)/√n! at every node, so that sums over them are coefficients
    of normalised Hermite polynomials.
    """
    points = nodes()
    before, now = [0.0] * len(points), [1.0] * len(points)
    tables = [tuple(w for _, w in points)]
    for n in range(1, TERMS + 1):
        following = [
            (z * b - sqrt(n - 1) * a) / sqrt(n)
            for (z, _), a, b in zip(points, before, now, strict=True)
        ]
        before, now = now, following
        tables.append(tuple(w * h for (_, w), h in zip(points, now, strict=True)))
    return tuple(tables)


class Expansion:
    """A curve of a Gaussian value: its mean, its mean square, and the squares of its Hermite
    coefficients from the first on.
    """

    __slots__ = ("mean", "square", "terms", "slope", "symmetric")

    def __init__(
        self,
        mean: float,
        square: float,
        terms: tuple[float, ...],
        slope: float,
        symmetric: tuple[float, float] | None = None,
    ) -> None:
        self.mean = mean
        self.square = square
        self.terms = terms
        self.slope = slope
        self.symmetric = symmetric

    def moment(self, r: float) -> float:
        """E[f(x) f(x')] for values of correlation ``r``."""
        if r >= 1:
            return self.square
        r = max(r, -1.0)
        if self.symmetric is not None:
            return self._exact(r)
        result = self.square - self.mean * self.mean - sum(self.terms)
        for term in reversed(self.terms):
            result = result * r + term
        return self.mean * self.mean + result * r

    def _exact(self, r: float) -> float:
        """For x·a + |x|·b, without Hermite terms (Cho and Saul 2009, arc-cosine kernel of degree 1:
        E|x||x'| = 2v/π (√(1 − r²) + r asin r)).
        """
        assert self.symmetric is not None
        odd, even = self.symmetric
        return odd * r + even * (2 / pi) * (sqrt(1 - r * r) + r * asin(r))


class Curve(Struct, frozen=True, eq=False):
    """A function of one value: ``value`` itself, and ``expand``, what it makes of a Gaussian with
    mean and standard deviation. ``rising`` curves may trade places with a maximum. ``composed``
    ones are curves of curves, which are not composed any further.
    """

    value: Callable[[float], float]
    expand: Callable[[float, float], Expansion]
    rising: bool = True
    composed: bool = False

    @property
    def scales(self) -> bool:
        """Whether it makes twice as much of twice the value, as straight lines through 0 do."""
        return self.value(2.0) == 2 * self.value(1.0) and self.value(-2.0) == 2 * self.value(-1.0)


@lru_cache(maxsize=64)
def hinge(left: float) -> Curve:
    """The curve x for x > 0, ``left``·x for x < 0: ReLU, and |x| for −1."""

    def value(x: float) -> float:
        return x if x > 0 else left * x

    def expand(mean: float, deviation: float) -> Expansion:
        return _hinge(left, mean, deviation)

    return Curve(value, expand, left >= 0)


def _hinge(left: float, mean: float, deviation: float) -> Expansion:
    """In x = (1 + left)/2·x + (1 − left)/2·|x|, or with max(x, 0) in closed form: the coefficients
    of max(x, 0) are known (c₁ = s Φ(a), cₙ = s φ(a) Heₙ₋₂(−a)/√n!, a = m/s).
    """
    if deviation <= 0:
        value = mean if mean > 0 else left * mean
        return Expansion(value, value * value, (), 1.0 if mean > 0 else left)
    a = mean / deviation
    v = deviation * deviation
    up, peak = below(a), density(a)
    positive = mean * up + deviation * peak
    square_up = (mean * mean + v) * up + mean * deviation * peak
    square_down = mean * mean + v - square_up
    total = left * mean + (1 - left) * positive
    square = square_up + left * left * square_down
    slope = up + left * (1 - up)
    if abs(a) < 1e-6:
        odd, even = (1 + left) / 2, (1 - left) / 2
        return Expansion(total, square, (), slope, (odd * odd * v, even * even * v))
    terms = [(deviation * slope) ** 2]
    previous, polynomial, factorial = 0.0, 1.0, 1.0
    for n in range(2, TERMS + 1):
        factorial *= n
        c = (1 - left) * deviation * peak * polynomial
        terms.append(c * c / factorial)
        previous, polynomial = polynomial, -a * polynomial - (n - 2) * previous
    return Expansion(total, square, tuple(terms), slope)


def by_quadrature(curve: Callable[[float], float], rising: bool = True) -> Curve:
    """Any other curve, by summing over the normal density."""

    def expand(mean: float, deviation: float) -> Expansion:
        values = [curve(mean + deviation * z) for z, _ in nodes()]
        first, *tables = _hermite()
        total = sum(map(mul, values, first))
        square = sum(map(mul, map(mul, values, values), first))
        coefficients = [sum(map(mul, values, table)) for table in tables]
        slope = coefficients[0] / deviation if deviation > 0 else 0.0
        return Expansion(total, square, tuple(c * c for c in coefficients), slope)

    return Curve(curve, expand, rising)


def step(limit: float) -> Curve:
    """1 above the limit, 0 below: cₙ = φ(a) Heₙ₋₁(a)/√n!, a = (limit − m)/s."""

    def expand(mean: float, deviation: float) -> Expansion:
        if deviation <= 0:
            value = float(mean > limit)
            return Expansion(value, value, (), 0.0)
        a = (limit - mean) / deviation
        peak, above = density(a), below(-a)
        terms = []
        previous, polynomial, factorial = 0.0, 1.0, 1.0
        for n in range(1, TERMS + 1):
            factorial *= n
            terms.append((peak * polynomial) ** 2 / factorial)
            previous, polynomial = polynomial, a * polynomial - (n - 1) * previous
        return Expansion(above, above, tuple(terms), peak / deviation)

    return Curve(lambda x: float(x > limit), expand)


def _same(mean: float, deviation: float) -> Expansion:
    v = deviation * deviation
    return Expansion(mean, mean * mean + v, (v,), 1.0)


IDENTITY = Curve(lambda x: x, _same)
"""No curve at all."""


# The largest of several values


@lru_cache(maxsize=1024)
def largest(number: float) -> tuple[float, float]:
    """Mean and variance of the largest of ``number`` independent standard normal values."""
    if number <= 1:
        return 0.0, 1.0
    total = mean = square = 0.0
    for i in range(-80, 81):
        x = i / 10
        weight = density(x) * below(x) ** (number - 1)
        total += weight
        mean += weight * x
        square += weight * x * x
    if not total or not isfinite(total):
        return 0.0, 1.0
    mean /= total
    return mean, square / total - mean * mean
