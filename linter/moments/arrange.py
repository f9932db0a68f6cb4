"""Layers that put values together or elsewhere: Concat, Slice, Eltwise, Reshape and the like."""

from __future__ import annotations

from functools import reduce
from math import inf, prod

from msgspec.structs import replace

from ..model.shapes.setup import signed
from .gauss import by_quadrature, hinge
from .kernel import Kernel, constant
from .linear import aligned, product
from .pointwise import curved
from .signal import Part, Signal, joined, mixture, taken
from .step import Blocked, Step, frame
from .windows import FLAT, Profiles, mean_profile

_MOST_TERMS = 12


def same(s: Step) -> list[Signal | None]:
    """Every top has the bottom's values."""
    return [s.bottom()] * len(s.top_shapes)


def nothing(_s: Step) -> list[Signal | None]:
    """No tops."""
    return []


def unknown(s: Step) -> list[Signal | None]:
    """Values that this is not about: labels, accuracies, positions."""
    return [None] * len(s.top_shapes)


def concat(s: Step) -> list[Signal | None]:
    """Along the channels, every bottom's statistics stay its own; along others they mix."""
    bottoms = s.all_bottoms()
    samples, _, size = s.frame()
    own = s.own
    axis = signed(own.get("concat_dim")) if own.has("concat_dim") else own.get("axis")
    shape = s.bottom_shapes[0]
    axis = axis % len(shape) if shape else axis
    assumed = any(bottom.assumed for bottom in bottoms)
    if axis == 1:
        parts = joined([part for bottom in bottoms for part in bottom.parts])
        profiles = _profiles([(bottom.channels * bottom.square, bottom) for bottom in bottoms])
        return [Signal(parts, samples, size, assumed=assumed, profiles=profiles)]
    mixed = mixture(
        tuple(b.whole.with_channels(b.samples * prod(b.size)) for b in bottoms)
    ).with_channels(bottoms[0].channels)
    return [Signal([mixed], samples, size, assumed=assumed)]


def _profiles(signals: list[tuple[float, Signal]]) -> Profiles:
    """Those of several signals together, by how much each counts."""
    if all(signal.profiles == FLAT for _, signal in signals):
        return FLAT
    return (
        mean_profile([(weight, signal.profiles[0]) for weight, signal in signals]),
        mean_profile([(weight, signal.profiles[1]) for weight, signal in signals]),
    )


def slice_(s: Step) -> list[Signal | None]:
    """Every top has its channels' statistics."""
    bottom = s.bottom()
    own = s.own
    axis = signed(own.get("slice_dim")) if own.has("slice_dim") else own.get("axis")
    shape = s.bottom_shapes[0]
    axis = axis % len(shape) if shape else axis
    tops: list[Signal | None] = []
    start = 0
    for i in range(len(s.top_shapes)):
        samples, channels, size = s.frame(i)
        if axis == 1:
            parts = taken(bottom.parts, start, channels)
            start += channels
        else:
            parts = bottom.parts
        tops.append(Signal(parts, samples, size, assumed=bottom.assumed, profiles=bottom.profiles))
    return tops


# Eltwise


def eltwise(s: Step) -> list[Signal | None]:
    """SUM with coefficients, PROD or MAX."""
    bottoms = s.all_bottoms()
    operation = s.own.get("operation")
    if operation == "SUM":
        given = s.own.get("coeff")
        return [summed(bottoms, [float(c) for c in given] or [1.0] * len(bottoms))]
    if operation == "PROD":
        return [reduce(_multiplied, bottoms)]
    return [reduce(_larger, bottoms)]


def summed(bottoms: list[Signal], coefficients: list[float]) -> Signal:
    """A weighted sum. What the bottoms have in common adds up before it is squared."""
    terms: dict[Signal, float] = {}
    common = False
    for bottom, coefficient in zip(bottoms, coefficients, strict=False):
        for term, weight in bottom.terms.items():
            common = common or term in terms
            terms[term] = terms.get(term, 0.0) + coefficient * weight
    first = bottoms[0]
    pieces = list(terms.items() if common else zip(bottoms, coefficients, strict=False))
    parts = _sum_of_parts(pieces, first.channels)
    assumed = any(bottom.assumed for bottom in bottoms)
    kept = terms if len(terms) <= _MOST_TERMS else None
    profiles = _profiles(
        [(c * c * bottom.square, bottom) for bottom, c in zip(bottoms, coefficients, strict=False)]
    )
    return Signal(parts, first.samples, first.size, kept, assumed, profiles=profiles)


def _sum_of_parts(pieces: list[tuple[Signal, float]], channels: int) -> list[Part]:
    result: list[Part] = []
    for signal, coefficient in pieces:
        scaled = [part.affine(coefficient) for part in signal.parts]
        if not result:
            result = scaled
            continue
        sides = aligned(
            Signal(result, 1), Signal(scaled, 1) if signal.channels == channels else signal
        )
        result = [sum_of(a, b) for a, b in sides]
    return [replace(part, latent=None) for part in result] if len(pieces) > 1 else result


def sum_of(a: Part, b: Part) -> Part:
    """The sum of two values that have nothing to do with each other but their means."""
    both = 2 * a.mean * b.mean
    between = None
    if a.between is not None or b.between is not None:
        between = a.pairs.plus(b.pairs).plus_constant(both)
    kernel = a.kernel.plus(b.kernel).plus_constant(both)
    x, y = a.kernel.square, b.kernel.square
    luck = 0.0
    if 0 < x + y < inf:
        # Their luck has come from different layers, mostly.
        luck = (a.luck * x * x + b.luck * y * y) / ((x + y) * (x + y))
    return Part(a.channels, a.mean + b.mean, kernel, between, None, luck)


_SQUARE = by_quadrature(lambda x: x * x, rising=False)


def _multiplied(a: Signal, b: Signal) -> Signal:
    if a is b:
        return a.like([curved(part, _SQUARE) for part in a.parts])
    flat = b.size == (1, 1) and a.size != (1, 1)
    return a.like([product(x, y, flat) for x, y in aligned(a, b)])


def _larger(a: Signal, b: Signal) -> Signal:
    """max(a, b) = (a + b)/2 + |a − b|/2; sum and difference of like Gaussians are independent."""
    if a is b:
        return a
    parts = []
    for x, y in aligned(a, b):
        half = sum_of(x, y).affine(0.5)
        apart = replace(sum_of(x, y.affine(-1.0)), latent=None)
        gap = curved(apart, hinge(-1.0)).affine(0.5)
        parts.append(replace(sum_of(half, gap), latent=None))
    return a.like(parts)


# Other shapes of the same values


def reshaped(s: Step) -> list[Signal | None]:
    """The same values in another shape. Where the channels change, all values are alike."""
    bottom = s.bottom()
    samples, channels, size = s.frame()
    if (channels, size) == (bottom.channels, bottom.size):
        return [Signal(bottom.parts, samples, size, bottom.terms, bottom.assumed)]
    places = prod(bottom.size)
    if channels == bottom.channels * places and size == (1, 1):
        return [Signal(_flattened(bottom, places), samples, size, assumed=bottom.assumed)]
    if channels == bottom.channels:
        return [Signal(bottom.parts, samples, size, assumed=bottom.assumed)]
    part = bottom.whole
    apart = part.mean * part.mean
    kernel = Kernel((apart, part.kernel.twin, apart, part.kernel.square))
    other = Part(channels, part.mean, kernel, luck=part.luck)
    return [Signal([other], samples, size, assumed=bottom.assumed)]


def _flattened(bottom: Signal, places: int) -> list[Part]:
    parts = []
    for part in bottom.parts:
        k = part.kernel
        flat = Kernel((k.square, k.twin, k.twin, k.square))
        number = part.channels * places
        near = _neighbours(part, bottom)
        parts.append(Part(number, part.mean, flat, near, part.latent, part.luck))
    return parts


def _neighbours(part: Part, bottom: Signal) -> Kernel | None:
    """Two values of a flattened map: of one channel at times, mostly of two."""
    places = prod(bottom.size)
    number = part.channels * places
    if number < 2 or places < 2:
        return part.between
    pairs = part.kernel.between_windows(bottom.size)
    within = (pairs.square * places - part.kernel.square) / (places - 1)
    across = part.pairs.between_windows(bottom.size)
    share = (places - 1) / (number - 1)
    same = share * within + (1 - share) * across.square
    other = share * part.kernel.other + (1 - share) * across.twin
    return Kernel((same, other, other, same))


def crop(s: Step) -> list[Signal | None]:
    """A piece of the first bottom."""
    bottom = s.bottom()
    samples, channels, size = s.frame()
    parts = taken(bottom.parts, first_kept(s, bottom.channels - channels), channels)
    return [Signal(parts, samples, size, assumed=bottom.assumed)]


def first_kept(s: Step, most: int) -> int:
    """The channel that Crop begins at: there is one offset for all axes from ``axis`` on, or one
    for each (crop_layer.cpp, Reshape).
    """
    offsets: list[int] = s.own.get("offset")
    if not offsets or most <= 0:
        return 0
    axis = signed(s.own.get("axis")) % len(s.bottom_shapes[0] or (0, 0))
    return min(offsets[(1 - axis) % len(offsets)], most)


def tile(s: Step) -> list[Signal | None]:
    """The same values several times along one axis."""
    bottom = s.bottom()
    samples, channels, size = s.frame()
    if channels != bottom.channels:
        part = bottom.whole
        return [Signal([part.with_channels(channels)], samples, size, assumed=bottom.assumed)]
    parts = bottom.parts
    if bottom.size == (1, 1) and size != (1, 1):
        parts = tuple(
            replace(p, kernel=Kernel((p.kernel.square, p.kernel.twin, p.kernel.twin,
                                      p.kernel.square)), latent=None)
            for p in parts
        )  # fmt: skip
    return [Signal(parts, samples, size, assumed=bottom.assumed)]


def selected(s: Step) -> list[Signal | None]:
    """Some of the samples: BatchReindex, and Filter, whose last bottom is what it selects by."""
    tops: list[Signal | None] = []
    for i in range(len(s.top_shapes)):
        bottom = s.bottom(i)
        tops.append(Signal(bottom.parts, bottom.samples, bottom.size, assumed=bottom.assumed))
    return tops


def im2col(s: Step) -> list[Signal | None]:
    """Windows as channels; the ones at the edge have zeros in them."""
    bottom = s.bottom()
    samples, channels, size = s.frame()
    part = bottom.whole
    k = part.kernel
    kernel = Kernel((k.far, k.twin, k.other, k.square))
    return [Signal([Part(channels, part.mean, kernel)], samples, size, assumed=bottom.assumed)]


def reduction(s: Step) -> list[Signal | None]:
    """SUM, ASUM, SUMSQ or MEAN over all axes from one on, times a coefficient."""
    bottom = s.bottom()
    shape = s.bottom_shapes[0]
    top = s.top_shapes[0]
    if shape is None or top is None or None in shape:
        raise Blocked("its size depends on the data")
    kept = prod(size or 1 for size in top)
    number = max(1, prod(size or 1 for size in shape) // max(1, kept))
    operation = s.own.get("operation")
    part = bottom.whole
    if operation == "SUMSQ":
        part = curved(part, _SQUARE)
    if operation == "ASUM":
        part = curved(part, hinge(-1.0))
    gain = float(s.own.get("coeff")) / (number if operation == "MEAN" else 1)
    mean = part.mean * number
    variance = part.variance * number
    kernel = Kernel((mean * mean, mean * mean, mean * mean, mean * mean + variance))
    samples, channels, size = frame(top)
    reduced = Part(channels, mean, kernel).affine(gain)
    return [Signal([reduced], samples, size, assumed=bottom.assumed)]


def arg_max(s: Step) -> list[Signal | None]:
    """Numbers of classes, each as likely as the others."""
    bottom = s.bottom()
    samples, channels, size = s.frame()
    classes = bottom.channels
    mean = (classes - 1) / 2
    square = mean * mean + (classes * classes - 1) / 12
    base = mean * mean
    kernel = Kernel((base, base, base, square))
    return [Signal([Part(channels, mean, kernel)], samples, size, assumed=bottom.assumed)]


def lstm_unit(s: Step) -> list[Signal | None]:
    """One timestep by itself is only met inside of LSTM layers."""
    raise Blocked(f"{s.layer.type} by itself")


def parameter(s: Step) -> list[Signal | None]:
    """A learned blob that starts at 0 (parameter_layer.hpp fills nothing)."""
    samples, channels, size = s.frame()
    return [Signal([Part(channels, 0.0, constant(0.0))], samples, size)]
