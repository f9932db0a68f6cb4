"""Pooling: the mean, or the largest, of correlated values."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import sqrt

from msgspec.structs import replace

from ..model.shapes.setup import signed
from .gauss import largest
from .kernel import Kernel, line_weights, overlap
from .signal import Latent, Part, Signal, draws_of
from .step import Blocked, Step
from .windows import Axis, pooled_profile, shifted, shifts_of, window_levels, window_mean


def pooling(s: Step) -> list[Signal | None]:
    """MAX or AVE; windows may hang over the edge."""
    bottom = s.bottom()
    samples, _, size = s.frame()
    method = s.own.get("pool")
    axes = pooling_axes(s, bottom.size, size)
    if method == "MAX":
        parts = [largest_of(part, axes) for part in bottom.parts]
    elif method == "AVE":
        # What the samples share stays as it is, and with it what differs between channels.
        parts = [
            replace(average_of(part, axes), draws=draws_of(part, bottom)) for part in bottom.parts
        ]
    else:
        raise Blocked("stochastic pooling")
    profiles = [
        pooled_profile(axis, profile, method == "AVE")
        for axis, profile in zip(axes, bottom.profiles, strict=True)
    ]
    pooled = Signal(
        parts, samples, size, assumed=bottom.assumed, profiles=(profiles[0], profiles[1])
    )
    # A second top has the positions of the largest values.
    return [pooled, *[None] * (len(s.top_shapes) - 1)]


def pooling_axes(s: Step, inputs: tuple[int, int], outputs: tuple[int, int]) -> tuple[Axis, Axis]:
    """Windows of a pooling layer along height and width, between maps of these sizes."""
    own = s.own
    if own.get("global_pooling"):
        return Axis(inputs[0], 1, inputs[0]), Axis(inputs[1], 1, inputs[1])
    kernel, stride, pad = (
        [_one(s, name, side) for side in "hw"] for name in ("kernel_size", "stride", "pad")
    )
    return (
        Axis(inputs[0], outputs[0], kernel[0], max(1, stride[0]), pad[0]),
        Axis(inputs[1], outputs[1], kernel[1], max(1, stride[1]), pad[1]),
    )


def _one(s: Step, name: str, side: str) -> int:
    single = f"{'kernel' if name == 'kernel_size' else name}_{side}"
    alone = s.own.has(single) and not s.own.has(name)
    return signed(s.own.get(single if alone else name))


# The mean of a window


@lru_cache(maxsize=1024)
def _windows(axis: Axis) -> tuple[tuple[int, int, float], ...]:
    """How many values windows have, Caffe's divisor for them, and the share of such windows.

    For the divisor a window is cut at the padded edge, for the sum at the map's (pooling_layer.cpp,
    Forward_cpu). Of very many windows only some are looked at.
    """
    counts: Counter[tuple[int, int]] = Counter()
    outputs = range(0, axis.outputs, max(1, axis.outputs // _MOST_WINDOWS))
    for output in outputs:
        start = output * axis.stride - axis.pad
        end = min(start + axis.kernel, axis.inputs + axis.pad)
        counts[max(0, min(end, axis.inputs) - max(start, 0)), max(1, end - start)] += 1
    return tuple((*window, times / len(outputs)) for window, times in counts.items())


_MOST_WINDOWS = 2048


@lru_cache(maxsize=1024)
def _shares(axis: Axis) -> tuple[float, float, float, float]:
    """Of the windows' share that is not padding the mean and the mean square; the mean number of
    values; the share of pairs that are one value.
    """
    windows = _windows(axis)
    return (
        sum(share * inside / divisor for inside, divisor, share in windows),
        sum(share * (inside / divisor) ** 2 for inside, divisor, share in windows),
        sum(share * inside for inside, _, share in windows),
        sum(share * inside / divisor**2 for inside, divisor, share in windows),
    )


@lru_cache(maxsize=1024)
def _pair_weights(axis: Axis, levels: int) -> tuple[float, ...]:
    """Weights of the distances within a window, as the mean over all outputs."""
    total = [0.0] * (levels + 1)
    for inside, divisor, share in _windows(axis):
        if inside:
            factor = share * (inside / divisor) ** 2
            for i, weight in enumerate(line_weights(inside, 0, levels)):
                total[i] += factor * weight
    return tuple(total)


def average_of(part: Part, axes: tuple[Axis, Axis]) -> Part:
    """The mean of a window: moments are means over its pairs."""
    share = _shares(axes[0])[0] * _shares(axes[1])[0]
    between = None if part.between is None else _average(part.between, axes)
    kernel = _average(part.kernel, axes)
    return Part(part.channels, share * part.mean, kernel, between, None, part.luck)


def _average(kernel: Kernel, axes: tuple[Axis, Axis]) -> Kernel:
    far, twin, other, value = kernel.values[:4]
    rows, columns = _shares(axes[0]), _shares(axes[1])
    same, apart = rows[1] * columns[1], (rows[0] * columns[0]) ** 2
    left = kernel.along(_pair_weights(axes[0], kernel.levels)) * kernel.along(
        _pair_weights(axes[1], kernel.levels)
    )
    levels = range(1, window_levels(kernel, axes))
    near = [
        far * same + (value - far) * left,
        *[same * shifted(kernel, axes, 1 << (level - 1)) for level in levels],
    ]
    one = rows[3] * columns[3]
    return Kernel(
        (far * apart, other * same + (twin - other) * one, other * apart, *near)
    ).trimmed()


def _clipped(axes: tuple[Axis, Axis], rows: float, columns: float) -> tuple[Axis, Axis]:
    """Windows of their mean size."""
    return (
        axes[0]._replace(kernel=max(1, round(rows))),
        axes[1]._replace(kernel=max(1, round(columns))),
    )


# The largest value of a window


def largest_of(part: Part, axes: tuple[Axis, Axis]) -> Part:
    """The largest of jointly Gaussian values that have a part in common: x = c + y, where the y of
    a window are independent. The maximum takes the place of a rising curve's argument.
    """
    g = part.gaussian
    source = g
    if g.inner is not None:
        # The largest of largest values is that of all their windows together.
        source = g.inner
        axes = (_further(axes[0], g.reach[0], g.step[0]), _further(axes[1], g.reach[1], g.step[1]))
    rows, columns = _shares(axes[0])[2], _shares(axes[1])[2]
    mean, kernel = _largest(source, _clipped(axes, rows, columns), rows * columns)
    latent = replace(
        g,
        mean=mean,
        kernel=kernel,
        inner=source,
        reach=(axes[0].kernel, axes[1].kernel),
        step=(axes[0].stride, axes[1].stride),
    )
    return _through_curve(part, latent)


def _further(axis: Axis, reach: int, step: int) -> Axis:
    """Windows over windows, in the positions of the values below."""
    return Axis(
        (axis.inputs - 1) * step + reach,
        axis.outputs,
        (axis.kernel - 1) * step + reach,
        axis.stride * step,
        axis.pad * step,
    )


def _largest(g: Latent, axes: tuple[Axis, Axis], number: float) -> tuple[float, Kernel]:
    """Mean and moments of the largest of ``number`` values."""
    base = g.mean * g.mean
    variance = max(0.0, g.kernel.square - base)
    pairs = window_mean(g.kernel, axes)
    common = variance
    if number > 1:
        common = min(variance, max(0.0, (number * (pairs.square - base) - variance) / (number - 1)))
    own = variance - common
    rise, spread = largest(number)
    mean = g.mean + sqrt(own) * rise
    kernel = _kernel_of_largest(g.kernel, pairs, axes, own, spread)
    kernel = kernel.plus_constant(mean * mean - base)
    return mean, kernel.with_square(mean * mean + common + own * spread).trimmed()


def _kernel_of_largest(
    kernel: Kernel, pairs: Kernel, axes: tuple[Axis, Axis], own: float, spread: float
) -> Kernel:
    """Windows that overlap may have the same largest value; otherwise what is common counts."""
    near = [pairs.square]
    window = axes[0].kernel, axes[1].kernel
    number = window[0] * window[1]
    for level in range(1, window_levels(kernel, axes)):
        lag = 1 << (level - 1)
        value = shifted(kernel, axes, lag)
        shifts = shifts_of(axes, lag)
        for shift in shifts:
            both = overlap(*window, *shift) * number * number
            # A value that both windows have is the largest of both with this probability; the mean
            # over all pairs has it already.
            twice = both / (2 * number - both)
            value += own * (spread * twice - both / (number * number)) / len(shifts)
        near.append(value)
    return Kernel((kernel.far, pairs.twin, kernel.other, *near))


def _through_curve(part: Part, latent: Latent) -> Part:
    """The part that a rising curve makes of Gaussian values."""
    base = latent.mean * latent.mean
    variance = latent.kernel.square - base
    gain, offset = latent.gain, latent.offset
    expansion = latent.curve.expand(latent.mean, sqrt(variance) if variance > 0 else 0.0)
    mean = gain * expansion.mean + offset
    shift = mean * mean - gain * gain * expansion.mean * expansion.mean
    factor = 1 / variance if variance > 0 else 0.0

    def moment(value: float) -> float:
        r = (value - base) * factor if factor else 1.0
        return gain * gain * expansion.moment(r) + shift

    kernel = latent.kernel.map(moment)
    between = part.alike_after(mean, kernel)
    return replace(part, mean=mean, kernel=kernel, between=between, latent=latent)


def spp(s: Step) -> list[Signal | None]:
    """Pools to 1 × 1, 2 × 2, 4 × 4, … bins; the results stand side by side as channels."""
    bottom = s.bottom()
    samples, _, _ = s.frame()
    method = s.own.get("pool")
    if method == "STOCHASTIC":
        raise Blocked("stochastic pooling")
    pool = largest_of if method == "MAX" else average_of
    parts = []
    for level in range(min(signed(s.own.get("pyramid_height")), 16)):
        bins = 1 << level
        axes = tuple(bins_of(size, bins) for size in bottom.size)
        for part in bottom.parts:
            pooled = pool(part, (axes[0], axes[1]))
            k = pooled.kernel
            flat = Kernel((k.far, k.twin, k.other, k.square)) if bins > 1 else k
            number = part.channels * bins * bins
            parts.append(Part(number, pooled.mean, flat, luck=part.luck))
    return [Signal(parts, samples, (1, 1), assumed=bottom.assumed)]


def bins_of(size: int, bins: int) -> Axis:
    """Window, stride and pad of one level (spp_layer.cpp, GetPoolingParam)."""
    kernel = -(-size // bins)
    pad = (kernel * bins - size + 1) // 2
    return Axis(size, bins, kernel, kernel, pad)
