"""Layers that normalise: BatchNorm, LRN, MVN."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import exp, gamma, isfinite, log, log1p, sqrt

from ..model.shapes.setup import signed
from .gauss import IDENTITY, by_quadrature, nodes
from .kernel import Kernel, constant
from .pointwise import curved
from .signal import LARGEST, Latent, Part, Signal
from .step import Step


def batch_norm(s: Step) -> list[Signal | None]:
    """With the statistics of the batch, or with stored ones (batch_norm_layer.cpp)."""
    bottom = s.bottom()
    own = s.own
    stored = own.get("use_global_stats") if own.has("use_global_stats") else s.phase == "TEST"
    eps = float(own.get("eps"))
    if stored:
        return _by_stored(s, bottom, eps)
    top = bottom.like([normalised(part, bottom, eps) for part in bottom.parts])
    top.assumed = False  # whatever the data, it comes out as large as this
    return [top]


def _by_stored(s: Step, bottom: Signal, eps: float) -> list[Signal | None]:
    """Statistics that nothing has filled yet are 0, so that only √eps divides."""
    mean, variance, factor = (s.known(s.layer, i) for i in range(3))
    if mean is None or variance is None:
        gain = 1 / sqrt(eps) if eps > 0 else float("inf")
        return [bottom.multiple([part.affine(gain) for part in bottom.parts], gain)]
    scale = 1 / factor.mean if factor is not None and factor.mean else 0.0
    gain = 1 / sqrt(max(0.0, variance.mean * scale) + eps)
    parts = []
    for part in bottom.parts:
        # The stored means are close to the channels' own, whose spread they take away.
        spread = min(part.kernel.other - part.mean * part.mean, mean.variance * scale * scale)
        moved = part.affine(gain, -gain * mean.mean * scale)
        kernel = moved.kernel.plus_constant(-gain * gain * max(0.0, spread))
        parts.append(Part(part.channels, moved.mean, kernel, luck=part.luck))
    return [bottom.like(parts)]


def normalised(part: Part, bottom: Signal, eps: float) -> Part:
    """Every channel less its mean over the batch, divided by its deviation."""
    centre = part.kernel.mean_of_pairs(*bottom.size, bottom.samples)
    variance = max(0.0, part.kernel.square - centre)
    if variance > LARGEST:  # its square is inf, and what is divided by inf is 0
        return Part(part.channels, 0.0, constant(0.0))
    scale = 1 / (variance + eps) if variance + eps > 0 else 0.0
    if 0 < variance < _CLOSE * eps:
        scale = _divided(variance, eps, _freedom(part, bottom, centre, variance)) / variance
    kernel = part.kernel.map(lambda value: (value - centre) * scale)
    between = None
    if part.between is not None:
        middle = part.between.mean_of_pairs(*bottom.size, bottom.samples)
        between = part.between.map(lambda value: (value - middle) * scale)
    return Part(part.channels, 0.0, kernel, between, _kept(part, centre, variance, sqrt(scale)))


_CLOSE = 100.0
"""A variance of so many times eps is not changed by it."""


def _freedom(part: Part, bottom: Signal, centre: float, variance: float) -> float:
    """Of how many independent values a channel's variance is made: those of a sample that have
    nothing in common, and one for what they do.
    """
    shared = (part.kernel.between_windows(bottom.size).square - centre) / variance
    shared = min(1.0, max(0.0, shared))
    places = bottom.size[0] * bottom.size[1]
    share = shared * shared + (1 - shared) * (1 - shared) / places
    return max(1.0, bottom.samples / share - 1)


def _divided(variance: float, eps: float, freedom: float) -> float:
    """E[v / (v + eps)] where v has a chi-squared distribution:
    E[1 / (1 + v/eps)] = ∫ e^(−t) (1 + 2 t v / (eps · freedom))^(−freedom/2) dt.
    """
    ratio = 2 * variance / (eps * freedom)
    total = 0.0
    for step in range(-36, 13):  # t = e^(step/3)
        t = exp(step / 3)
        total += t * exp(-t - freedom / 2 * log1p(ratio * t)) / 3
    return max(0.0, 1 - total)


def _kept(part: Part, centre: float, variance: float, gain: float) -> Latent | None:
    """The Gaussian values behind it, if the channels' means differ little."""
    g = part.latent
    if g is None or g.curve is IDENTITY or centre - part.mean * part.mean > variance:
        return None
    return Latent(g.mean, g.kernel, g.curve, g.gain * gain, (g.offset - part.mean) * gain)


def mvn(s: Step) -> list[Signal | None]:
    """Every sample by itself, per channel or across them; eps is added to the deviation."""
    bottom = s.bottom()
    across = s.own.get("across_channels")
    parts = []
    for part in bottom.parts:
        centre = part.kernel.between_windows(bottom.size).square
        if across:
            other = part.pairs.between_windows(bottom.size).square
            centre = centre / bottom.channels + other * (1 - 1 / bottom.channels)
        variance = max(0.0, part.kernel.square - centre)
        scale = 1.0
        if s.own.get("normalize_variance"):
            deviation = sqrt(variance) + float(s.own.get("eps"))
            scale = 1 / (deviation * deviation) if deviation > 0 else 0.0
        parts.append(_centred(part, centre, scale, across, bottom.size))
    return [bottom.like(parts)]


def _centred(part: Part, centre: float, scale: float, across: bool, size: tuple[int, int]) -> Part:
    far, twin, other, *near = part.kernel.values
    apart = part.kernel.between_windows(size).twin
    if across:
        apart = part.mean * part.mean
    values = ((far - centre), (twin - apart), (other - apart), *(value - centre for value in near))
    return Part(part.channels, 0.0, Kernel(tuple(value * scale for value in values)))


# LRN


def lrn(s: Step) -> list[Signal | None]:
    """X / (k + alpha · mean of the squares around)^beta, across channels or within one."""
    own = s.own
    bottom = s.bottom()
    size = max(1, signed(own.get("local_size")))
    alpha, beta, k = (float(own.get(name)) for name in ("alpha", "beta", "k"))
    within = own.get("norm_region") == "WITHIN_CHANNEL"
    neighbours = _neighbours(bottom.channels, size)
    if within:
        # The divisor takes a mean over size × size values and starts at 1 (lrn_layer.cpp).
        rows, columns = (_neighbours(side, size) for side in bottom.size)
        neighbours = Counter()
        for (a, times), (b, others) in product(rows.items(), columns.items()):
            neighbours[a * b] += times * others
        k, size = 1.0, size * size
    parts = []
    for part in bottom.parts:
        repeated = _repeated(part, size) if within else 1.0
        formula = k, alpha / size, 2 * beta
        factor = _damping(part, formula, neighbours, repeated)
        parts.append(_damped(part, formula, factor, max(neighbours), repeated))
    return [bottom.like(parts)]


def _damped(
    part: Part, formula: tuple[float, float, float], factor: float, number: int, repeated: float
) -> Part:
    """The part with its mean square times ``factor``. Large values are damped more, as by a curve
    with the mean square of the neighbours in it.
    """
    k, a, p = formula
    around = k + a * max(0.0, number - repeated) * part.kernel.square
    if not a * repeated * part.kernel.square > _BENT * around or not isfinite(around):
        return part.affine(sqrt(max(0.0, factor)))
    bent = curved(part, by_quadrature(lambda x: x * (around + a * repeated * x * x) ** (-p / 2)))
    square = bent.kernel.square
    return bent.affine(sqrt(factor * part.kernel.square / square) if square > 0 else 0.0)


_BENT = 0.02
"""The share of a value in its own divisor that makes it a curve."""


def _neighbours(length: int, size: int) -> Counter[int]:
    """How many places have how many values in their window, itself included; fewer at the ends."""
    half = size // 2
    ends = min(half, (length - 1) // 2, _MOST_ENDS)
    counts = Counter({min(size, length): max(0, length - 2 * ends)})
    for i in range(ends):
        counts[min(length, i + half + 1)] += 2
    return counts


_MOST_ENDS = 512


def _repeated(part: Part, size: int) -> float:
    """How many of a window's values are as good as one, for what they have in common."""
    side = round(sqrt(size))
    base = part.mean * part.mean
    if part.variance <= 0:
        return float(size)
    mean = part.kernel.between_windows((side, side)).square - base
    return min(float(size), max(1.0, size * mean / part.variance))


def _damping(
    part: Part, formula: tuple[float, float, float], neighbours: Counter[int], repeated: float
) -> float:
    """E[y²] / E[x²] for y² = x² / (k + a Σ x²)^p with independent neighbours.

    1/S^p = ∫ t^(p − 1) e^(−tS) dt / Γ(p), under which the neighbours' exponentials multiply.
    """
    k, a, p = formula
    g = part.gaussian
    deviation = sqrt(max(0.0, g.kernel.square - g.mean * g.mean))
    squares = [
        (w, (g.gain * g.curve.value(g.mean + deviation * z) + g.offset) ** 2)
        for z, w in nodes(40, 6.0)
    ]
    square = sum(w * x for w, x in squares)
    reach = k + a * square * max(neighbours)
    if not square > 0 or not a > 0 or not p > 0 or not isfinite(reach):
        return float(k**-p) if k > 0 else 0.0
    if k > 0 and a * square * max(neighbours) < 1e-4 * k:
        return float(k**-p)
    total: float = 0.0
    places = sum(neighbours.values())
    for step in range(-36, 25):
        t = exp(step / 3) / reach
        damped = [w * exp(-t * a * repeated * x) for w, x in squares]
        one = sum(damped)
        with_x = sum(d * x for d, (_, x) in zip(damped, squares, strict=True))
        rest = sum(
            times * one ** max(0.0, number / repeated - 1) for number, times in neighbours.items()
        )
        total += exp(p * log(t) - k * t) * with_x * rest / places / 3
    return float(total / gamma(p) / square)
