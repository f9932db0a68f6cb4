"""What is known of a blob's values at iteration 0: a ``Signal``, made of ``Part``s.

A part is a run of channels with the same statistics. Moments are expectations over the random
weights and the data: a part with E[x x'] = 4 in ``kernel.twin`` has channels whose value all
samples share to that extent, though each channel has its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import exp, isfinite, sqrt

from msgspec import Struct
from msgspec.structs import replace

from .gauss import IDENTITY, Curve, nodes
from .kernel import Kernel, constant
from .windows import FLAT, Profiles

LARGEST = 3.4028235e38
"""The largest single-precision number: Caffe's values beyond it are inf."""

_MOST_PARTS = 8

_LITTLE = 1e-4
"""A correlation of samples, over the number of channels, that makes no difference."""


class Latent(Struct, frozen=True):
    """The Gaussian values behind a part: x = gain · curve(g) + offset, with ``curve`` rising.

    ``mean`` and ``kernel`` are those of g. If g is itself the largest value of windows of others,
    ``inner`` has those, ``reach`` how many of them a window has along each axis, and ``step`` how
    far two windows are apart.
    """

    mean: float
    kernel: Kernel
    curve: Curve = IDENTITY
    gain: float = 1.0
    offset: float = 0.0
    inner: Latent | None = None
    reach: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)

    @property
    def plain(self) -> bool:
        """Whether the part itself is Gaussian."""
        return self.curve is IDENTITY


class Part(Struct, frozen=True):
    """A run of ``channels`` with the same statistics.

    ``mean`` is that over channels as well. ``between`` has the moments of two different channels;
    None where they are independent, which makes it mean² everywhere. ``latent`` is set where the
    values are a rising curve of Gaussian ones; without it they are taken to be Gaussian themselves.

    ``luck`` is how much the mean square varies with the seed, as the variance of its logarithm, for
    the few channels that the layers before have. ``spread`` is how much the mean square varies from
    channel to channel beyond what Gaussian values do (relative variance): each channel of a
    convolution in groups has inputs of its own. ``draws`` is that variance as a whole, where it
    does not follow from the other fields.
    """

    channels: int
    mean: float
    kernel: Kernel
    between: Kernel | None = None
    latent: Latent | None = None
    luck: float = 0.0
    spread: float = 0.0
    draws: float | None = None

    @property
    def variance(self) -> float:
        """Variance over everything: channels, samples, positions."""
        return max(0.0, self.kernel.square - self.mean * self.mean)

    @property
    def pairs(self) -> Kernel:
        """Moments of two different channels."""
        return constant(self.mean * self.mean) if self.between is None else self.between

    @property
    def gaussian(self) -> Latent:
        """The Gaussian values behind it."""
        return self.latent or Latent(self.mean, self.kernel)

    def alike_after(self, mean: float, kernel: Kernel) -> Kernel | None:
        """Moments of two channels after a change that all channels have gone through, if they were
        alike: as much of the new variance is common to them as of the old.
        """
        if self.between is None:
            return None
        variance = self.variance
        share = (self.between.square - self.mean * self.mean) / variance if variance > 0 else 1.0
        base = mean * mean
        return kernel.map(lambda value: base + share * (value - base))

    def with_channels(self, channels: int) -> Part:
        """The same statistics for another number of channels."""
        return self if channels == self.channels else replace(self, channels=channels)

    def affine(self, gain: float, offset: float = 0.0) -> Part:
        """Gain · x + offset, the same for all channels."""
        square = gain * gain
        mean = gain * self.mean + offset
        shift = mean * mean - square * self.mean * self.mean

        def change(value: float) -> float:
            return square * value + shift

        latent = self.latent
        if latent is not None:
            latent = None if gain <= 0 else replace(
                latent, gain=gain * latent.gain, offset=gain * latent.offset + offset
            )  # fmt: skip
        between = None if self.between is None else self.between.map(change)
        kernel = self.kernel.map(change)
        return replace(self, mean=mean, kernel=kernel, between=between, latent=latent)


class Signal:
    """The values of a blob.

    ``samples`` is the number of independent examples, ``size`` height and width of the map (1 × 1
    where the blob has none), ``profiles`` how the mean square goes along them. ``terms`` writes the
    blob as a weighted sum of unrelated ones, by which sums find out what their bottoms share.
    ``classes_of`` are the scores that a Softmax has made it of. ``assumed`` tells that it rests on
    an assumption about the data that the file does not confirm.
    """

    __slots__ = ("parts", "samples", "size", "terms", "assumed", "classes_of", "profiles", "_luck")

    def __init__(
        self,
        parts: Iterable[Part],
        samples: int,
        size: tuple[int, int] = (1, 1),
        terms: dict[Signal, float] | None = None,
        assumed: bool = False,
        classes_of: Part | None = None,
        profiles: Profiles = FLAT,
    ) -> None:
        self.parts = tuple(parts)
        self.samples = max(1, samples)
        self.size = size
        self.terms = {self: 1.0} if terms is None else terms
        self.assumed = assumed
        self.classes_of = classes_of
        self.profiles = profiles
        self._luck: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"Signal({self.channels} × {self.size}, mean {self.mean:.4g}, rms {self.rms:.4g})"

    @property
    def channels(self) -> int:
        """Channels of all parts."""
        return sum(part.channels for part in self.parts)

    @property
    def mean(self) -> float:
        """E[x] over everything."""
        total = sum(part.channels * part.mean for part in self.parts)
        return total / max(1, self.channels)

    @property
    def square(self) -> float:
        """E[x²] over everything."""
        total = sum(part.channels * part.kernel.square for part in self.parts)
        return total / max(1, self.channels)

    @property
    def rms(self) -> float:
        """The root mean square that is to be expected; inf where single precision has no room.

        With a logarithm of variance s, E[√q] is √E[q] · e^(−s/8).
        """
        square = self.square
        if not square < LARGEST * LARGEST:
            return float("inf")
        return sqrt(max(0.0, square)) * exp(-self.luck / 8)

    @property
    def luck(self) -> float:
        """Variance of the logarithm of the mean square over seeds."""
        if self._luck is None:
            self._luck = luck_of(self)
        return sum(self._luck)

    def without_luck(self) -> Signal:
        """The same with a certain mean square, which has been told."""
        self._luck = (0.0, 0.0)
        return self

    @property
    def alike(self) -> float:
        """The share of the mean square that all samples have in common, from 0 to 1."""
        square = self.square
        if not square > 0 or not isfinite(square):
            return 0.0
        total = sum(part.channels * part.kernel.twin for part in self.parts)
        return min(1.0, max(0.0, total / self.channels / square))

    @property
    def whole(self) -> Part:
        """All parts as one: the statistics of a channel picked at random."""
        return mixture(self.parts)

    def like(self, parts: Iterable[Part]) -> Signal:
        """Another signal of the same shape."""
        return Signal(parts, self.samples, self.size, assumed=self.assumed, profiles=self.profiles)

    def multiple(self, parts: Iterable[Part], factor: float) -> Signal:
        """``factor`` times this signal: related to everything that this one is related to."""
        terms = {term: factor * weight for term, weight in self.terms.items()}
        return Signal(parts, self.samples, self.size, terms, self.assumed, profiles=self.profiles)


def luck_of(signal: Signal) -> tuple[float, float]:
    """Variance of the logarithm of the mean square over seeds: what the layers before have handed
    on, which all parts share, and what the channels of this blob add.

    If all samples have much in common, a channel is a single draw, however many values it has.
    """
    inherited = own = total = 0.0
    for part in signal.parts:
        weight = part.channels * part.kernel.square
        total += weight
        inherited += weight * sqrt(part.luck)
        own += weight * weight * draws_of(part, signal) * _alike_channels(part)
    if not total > 0 or not isfinite(total * total):
        return 0.0, 0.0
    return inherited * inherited / (total * total), own / (total * total)


def draws_of(part: Part, signal: Signal) -> float:
    """Relative variance over channels of a channel's mean square."""
    if part.draws is not None:
        return part.draws
    return (1 + part.spread) * (1 + _draws(part, signal)) - 1


def _draws(part: Part, signal: Signal) -> float:
    """The same for Gaussian values, or a curve of such."""
    g = part.gaussian
    base = g.mean * g.mean
    variance = g.kernel.square - base
    square = part.kernel.square
    if variance <= 0 or square <= 0:
        return 0.0
    centre = g.kernel.mean_of_pairs(*signal.size, signal.samples) - base
    r = min(1.0, max(0.0, centre / variance))
    if r < _LITTLE * part.channels:
        return 0.0
    if g.plain:
        v, m = part.variance, part.mean * part.mean
        return (2 * v * v * r * r + 4 * m * v * r) / (square * square)
    deviation = sqrt(variance)
    relation = (g.mean / deviation, g.offset / (g.gain * deviation) if g.gain else 0.0)
    if g.curve.scales:
        deviation = 1.0
    # Two squares of correlation r between x and x': for max(x, 0) the terms in r and in r² are
    # about as large as each other.
    return _kurtosis(g.curve, deviation, *relation) * (r + r * r) / 2


@lru_cache(maxsize=512)
def _kurtosis(curve: Curve, deviation: float, mean: float, offset: float) -> float:
    """E[y⁴] / E[y²]² − 1 of y = curve(g) + offset, mean and offset in parts of the deviation."""
    values = [
        (w, curve.value(deviation * (mean + z)) + offset * deviation) for z, w in nodes(40, 6.0)
    ]
    second = sum(w * x * x for w, x in values)
    if not second > 0:
        return 0.0
    return max(0.0, sum(w * x * x * x * x for w, x in values) / (second * second) - 1)


def _alike_channels(part: Part) -> float:
    """One over the number of channels, as far as they are not alike."""
    if part.between is None or part.variance <= 0:
        return 1 / part.channels
    share = (part.between.square - part.mean * part.mean) / part.variance
    share = min(1.0, max(0.0, share))
    return share * share + (1 - share * share) / part.channels


def mixture(parts: tuple[Part, ...]) -> Part:
    """One part in place of several: mean statistics of a channel, and of two of them."""
    if len(parts) == 1:
        return parts[0]
    channels = sum(part.channels for part in parts)
    first, *others = parts
    kernel = first.kernel.scaled(first.channels / channels)
    for part in others:
        kernel = kernel.plus(part.kernel, part.channels / channels)
    mean = sum(part.channels * part.mean for part in parts) / channels
    between = None
    if channels > 1 and any(part.between is not None for part in parts):
        every = channel_sum(parts)
        between = every.plus(kernel, -channels).scaled(1 / (channels * (channels - 1)))
    luck = max(part.luck for part in parts)
    return Part(channels, mean, kernel, between, None, luck)


def channel_sum(parts: tuple[Part, ...]) -> Kernel:
    """Moments of the sum over all channels."""
    total = sum(part.channels * part.mean for part in parts)
    result = constant(total * total)
    for part in parts:
        n, own = part.channels, part.channels * part.mean
        result = result.plus(part.kernel, n).plus_constant(-own * part.mean)
        if part.between is not None:
            result = result.plus(part.between, n * (n - 1))
            result = result.plus_constant(-own * part.mean * (n - 1))
    return result


def taken(parts: tuple[Part, ...], start: int, number: int) -> tuple[Part, ...]:
    """The parts of ``number`` channels from channel ``start`` on."""
    result = []
    for part in parts:
        here = min(part.channels - start, number) if start < part.channels else 0
        if here > 0:
            result.append(part.with_channels(here))
            number -= here
        start = max(0, start - part.channels)
        if number <= 0:
            break
    return tuple(result)


def joined(parts: list[Part]) -> tuple[Part, ...]:
    """Parts side by side; neighbours that are most alike become one where there are too many."""
    if len(parts) > 8 * _MOST_PARTS:
        size = -(-len(parts) // (8 * _MOST_PARTS))
        parts = [mixture(tuple(parts[i : i + size])) for i in range(0, len(parts), size)]
    while len(parts) > _MOST_PARTS:
        costs = [_difference(a, b) for a, b in pairwise(parts)]
        i = costs.index(min(costs))
        parts = [*parts[:i], mixture((parts[i], parts[i + 1])), *parts[i + 2 :]]
    return tuple(parts)


def _difference(a: Part, b: Part) -> float:
    """How much the joint statistics of two parts would differ from their own."""
    larger = max(a.kernel.square, b.kernel.square)
    if not larger > 0:
        return 0.0
    return abs(a.kernel.square - b.kernel.square) / larger * min(a.channels, b.channels)
