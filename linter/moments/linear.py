"""Layers that multiply by weights: Convolution, Deconvolution, InnerProduct, Embed, Scale, Bias.

Weights of mean μ and variance σ², independent of each other and of the input, give
E[y y'] = σ² Σ E[x x'] over the inputs under one weight, and what μ makes of the sum of all inputs,
which is the same for all outputs.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

from msgspec.structs import replace

from ..model.shapes.setup import signed
from .fillers import Fill, bilinear_line
from .kernel import Kernel, constant
from .signal import Part, Signal, channel_sum, draws_of, mixture, taken
from .step import Step
from .windows import FLAT, Axis, Profiles, carried, taps, under_taps, window_mean

_MOST_GROUPS = 32
_WIDEST_BILINEAR = 256


def convolution(s: Step) -> list[Signal | None]:
    """Each top is the same convolution of one bottom."""
    return [_convolved(s, s.bottom(i), up=False, top=i) for i in range(len(s.bottoms))]


def deconvolution(s: Step) -> list[Signal | None]:
    """Outputs are met by few taps: those of their own phase of the stride."""
    return [_convolved(s, s.bottom(i), up=True, top=i) for i in range(len(s.bottoms))]


def _convolved(s: Step, bottom: Signal, up: bool, top: int) -> Signal:
    samples, outputs, size = s.frame(top)
    axes = linear_axes(s, bottom.size, size, up)
    weight = s.fill(0, "weight_filler")
    bias = s.fill(1, "bias_filler") if s.own.get("bias_term") else Fill(0.0, 0.0)
    group = max(1, signed(s.own.get("group")))
    luck = bottom.luck
    spread = _spread_of_groups(bottom, group)
    parts = [
        replace(
            weighted(inputs, axes, weight, bias, outputs, bottom.profiles),
            luck=luck,
            spread=spread,
        )
        for inputs in groups_of(bottom, group)
    ]
    parts = [parts[0].with_channels(outputs)] if len(parts) == 1 else spread_of(parts, outputs)
    profiles = (
        carried(axes[0], bottom.profiles[0])[2],
        carried(axes[1], bottom.profiles[1])[2],
    )
    return Signal(parts, samples, size, assumed=bottom.assumed, profiles=profiles)


def groups_of(bottom: Signal, group: int) -> list[tuple[Part, ...]]:
    """The inputs of every group; one where all groups are alike, or too many to tell apart."""
    if group == 1:
        return [bottom.parts]
    size = bottom.channels // group
    if len(bottom.parts) == 1 or not size:
        return [tuple(part.with_channels(max(1, size)) for part in bottom.parts[:1])]
    if group > _MOST_GROUPS:
        return [_fewer(bottom, group)]
    return [taken(bottom.parts, i * size, size) for i in range(group)]


def _spread_of_groups(bottom: Signal, group: int) -> float:
    """How much the mean squares of groups differ, each of which has but a few of the channels."""
    if group == 1:
        return 0.0
    part = bottom.parts[0]
    return draws_of(part, bottom) * (group - 1) / max(1, bottom.channels)


def _fewer(bottom: Signal, group: int) -> tuple[Part, ...]:
    """One mean group in place of many."""
    return (bottom.whole.with_channels(max(1, bottom.channels // group)),)


def spread_of(parts: list[Part], outputs: int) -> list[Part]:
    """The parts with ``outputs`` channels among them, in equal shares."""
    share = outputs // len(parts)
    return [part.with_channels(share) for part in parts]


def linear_axes(
    s: Step, inputs: tuple[int, int], outputs: tuple[int, int], up: bool
) -> tuple[Axis, Axis]:
    """Windows along height and width. Of more than two axes all but the first are one."""
    kernel = s.param_shape(0)[2:]
    spatial = len(kernel)
    stride, pad, dilation = (
        _along(s, name, spatial, default)
        for name, default in (("stride", 1), ("pad", 0), ("dilation", 1))
    )
    plain = [
        (kernel[i], max(1, stride[i]), pad[i], max(1, dilation[i])) for i in range(spatial)
    ] or [(1, 1, 0, 1)]
    if spatial == 1:
        plain = [(1, 1, 0, 1), *plain]
    if spatial > 2:
        inner = plain[1:]
        plain = [plain[0], (prod(k for k, *_ in inner), prod(t for _, t, *_ in inner), 0, 1)]
    if not spatial:
        plain = plain * 2
    return (
        Axis(inputs[0], outputs[0], *plain[0], up),
        Axis(inputs[1], outputs[1], *plain[1], up),
    )


def _along(s: Step, name: str, spatial: int, default: int) -> list[int]:
    own = s.own
    pair = (f"{name}_h", f"{name}_w")
    if name != "dilation" and any(own.has(field) for field in pair):
        return [signed(own.get(field)) for field in pair][:spatial]
    given = [signed(value) for value in own.get(name)] or [default]
    return given if len(given) == spatial else [given[0]] * spatial


def weighted(
    inputs: tuple[Part, ...],
    axes: tuple[Axis, Axis],
    weight: Fill,
    bias: Fill,
    outputs: int,
    profiles: Profiles = FLAT,
) -> Part:
    """Sums of all inputs under a window, with weights; ``outputs`` of them."""
    channels = sum(part.channels for part in inputs)
    one = mixture(inputs)
    if 0 < weight.bilinear <= _WIDEST_BILINEAR and axes[0].up:
        return _interpolated(inputs, channels, axes, bias, outputs)
    if weight.mean == 0:
        kernel = under_taps(one.kernel, axes, profiles).scaled(channels * weight.variance)
        return _biased(kernel, constant(0.0), 0.0, bias, outputs, shared=False)
    number = taps(axes[0], 0) * taps(axes[1], 0)
    total = window_mean(channel_sum(inputs), axes).scaled(
        weight.mean * weight.mean * number * number
    )
    mean = weight.mean * number * channels * one.mean
    kernel = total
    if weight.variance:
        kernel = kernel.plus(_deviating(one, channels, axes, weight, inputs))
    return _biased(kernel, total, mean, bias, outputs, shared=True)


def _deviating(
    one: Part, channels: int, axes: tuple[Axis, Axis], weight: Fill, inputs: tuple[Part, ...]
) -> Kernel:
    """What the deviation of the weights from their mean adds to every output alone."""
    kernel = under_taps(one.kernel, axes).scaled(channels * weight.variance)
    if weight.sums_to_one:
        # The deviations add up to 0, so only deviations of the inputs from their mean count.
        number = taps(axes[0], 0) * taps(axes[1], 0)
        mean = window_mean(channel_sum(inputs), axes).scaled(1 / (channels * channels))
        kernel = kernel.plus(mean, -channels * number * weight.variance)
    return kernel


def _biased(
    kernel: Kernel, between: Kernel, mean: float, bias: Fill, outputs: int, shared: bool
) -> Part:
    """With a bias for each output, which all places share."""
    if not bias.mean and not bias.variance:
        return Part(outputs, mean, kernel, between if shared else None)
    same = 2 * mean * bias.mean + bias.mean * bias.mean
    return Part(
        outputs,
        mean + bias.mean,
        kernel.plus_constant(same + bias.variance),
        between.plus_constant(same) if shared else None,
    )


# Interpolation by a bilinear filler


def _interpolated(
    inputs: tuple[Part, ...], channels: int, axes: tuple[Axis, Axis], bias: Fill, outputs: int
) -> Part:
    """Deconvolution by fixed weights: every output is a mean of its neighbours in the input, of all
    input channels of its group.
    """
    one = mixture(inputs)
    source = one.kernel if channels == 1 else channel_sum(inputs)
    total = prod(sum(_line(axis.kernel)) / axis.stride for axis in axes)
    near = [_interpolation(source, axes, 0, 0)]
    levels = source.levels + max(axis.stride for axis in axes).bit_length()
    for level in range(1, levels):
        lag = 1 << (level - 1)
        near.append(
            (_interpolation(source, axes, lag, 0) + _interpolation(source, axes, 0, lag)) / 2
        )
    square = total * total
    kernel = Kernel((source.far * square, source.twin * square, source.other * square, *near))
    kernel = kernel.trimmed()
    return _biased(kernel, kernel, total * channels * one.mean, bias, outputs, shared=channels > 1)


def _line(size: int) -> list[float]:
    return bilinear_line(size)


def _interpolation(source: Kernel, axes: tuple[Axis, Axis], down: int, right: int) -> float:
    rows = _phase_pairs(axes[0].kernel, axes[0].stride, down)
    columns = _phase_pairs(axes[1].kernel, axes[1].stride, right)
    return sum(
        a * b * source.at(i, j) for i, a in rows.items() for j, b in columns.items() if a * b
    )


@lru_cache(maxsize=1024)
def _phase_pairs(size: int, stride: int, lag: int) -> dict[int, float]:
    """For two outputs at a distance of ``lag``: by the distance of two inputs the product of their
    weights, as the mean over the phases of the stride.
    """
    line = bilinear_line(size)
    result: dict[int, float] = {}
    for a, first in enumerate(line):
        for b in range((a + lag) % stride, size, stride):
            distance = abs(lag + a - b) // stride
            result[distance] = result.get(distance, 0.0) + first * line[b] / stride
    return result


# Products with whole vectors


def inner_product(s: Step) -> list[Signal | None]:
    """All values of a sample, or of its axes from ``axis`` on, under one weight each."""
    bottom = s.bottom()
    samples, outputs, size = s.frame()
    whole = bottom.channels * bottom.size[0] * bottom.size[1]
    weight = s.fill(0, "weight_filler")
    bias = s.fill(1, "bias_filler") if s.own.get("bias_term") else Fill(0.0, 0.0)
    inputs = prod(s.param_shape(0)) // max(1, signed(s.own.get("num_output")))
    if inputs == whole:
        part = _dense(bottom.parts, bottom.size, weight, bias, outputs)
    else:
        # A later axis: the places before it are rows of their own.
        row = (bottom.whole.with_channels(inputs),)
        part = _dense(row, (1, 1), weight, bias, outputs)
    part = replace(part, luck=bottom.luck)
    return [Signal([part], samples, size, assumed=bottom.assumed)]


def _dense(
    parts: tuple[Part, ...], size: tuple[int, int], weight: Fill, bias: Fill, outputs: int
) -> Part:
    channels = sum(part.channels for part in parts)
    places = size[0] * size[1]
    one = mixture(parts)
    own = one.kernel.scaled(channels * places * weight.variance)
    kernel = Kernel((own.square, own.twin, own.twin, own.square))
    if weight.mean == 0:
        return _biased(kernel, kernel, 0.0, bias, outputs, shared=False)
    pairs = channel_sum(parts).between_windows(size)
    factor = weight.mean * weight.mean * places * places
    total = Kernel((pairs.square, pairs.twin, pairs.twin, pairs.square)).scaled(factor)
    if weight.sums_to_one:
        kernel = kernel.plus(total, -weight.variance / (weight.mean * weight.mean) / inputs_of(
            channels, places))  # fmt: skip
    mean = weight.mean * channels * places * one.mean
    return _biased(kernel.plus(total), total, mean, bias, outputs, shared=True)


def inputs_of(channels: int, places: int) -> int:
    """Values under the weights of one output."""
    return max(1, channels * places)


def embed(s: Step) -> list[Signal | None]:
    """A row of the weights for every value of the bottom; other samples mostly have other rows."""
    samples, _, size = s.frame()
    weight = s.fill(0, "weight_filler")
    bias = s.fill(1, "bias_filler") if s.own.get("bias_term") else Fill(0.0, 0.0)
    rows = max(1, s.param_shape(0)[0])
    apart = weight.mean * weight.mean + weight.variance / rows
    kernel = Kernel((apart, apart, apart, weight.square))
    part = _biased(kernel, kernel, weight.mean, bias, s.param_shape(0)[1], shared=False)
    return [Signal([part], samples, size)]


# A factor and an offset for every channel


def scale(s: Step) -> list[Signal | None]:
    """By its own learned factors, or by a second bottom."""
    bottom = s.bottom()
    bias = Fill(0.0, 0.0)
    if s.own.get("bias_term"):
        bias = s.fill(len(s.layer.params) - 1, "bias_filler")
    if len(s.bottoms) == 1:
        factor = s.fill(0, "filler", default=1.0)
        if not factor.variance and not bias.variance and not bias.mean:
            return [bottom.multiple([p.affine(factor.mean) for p in bottom.parts], factor.mean)]
        return [bottom.like([rescaled(part, factor, bias) for part in bottom.parts])]
    other = s.bottom(1)
    # Where the factor lacks axes it is the same along them.
    flat = other.size == (1, 1) and bottom.size != (1, 1)
    parts = []
    for a, b in aligned(bottom, other):
        part = product(a, b, flat)
        parts.append(rescaled(part, Fill(1.0, 0.0), bias))
    return [bottom.like(parts)]


def bias(s: Step) -> list[Signal | None]:
    """An offset of its own, or a second bottom."""
    bottom = s.bottom()
    if len(s.bottoms) == 1:
        offset = s.fill(0, "filler")
        return [bottom.like([rescaled(p, Fill(1.0, 0.0), offset) for p in bottom.parts])]
    parts = []
    for a, b in aligned(bottom, s.bottom(1)):
        mean = a.mean + b.mean
        kernel = a.kernel.plus(b.kernel).plus_constant(2 * a.mean * b.mean)
        parts.append(Part(a.channels, mean, kernel))
    return [bottom.like(parts)]


def rescaled(part: Part, factor: Fill, offset: Fill) -> Part:
    """Every channel times a factor and plus an offset of its own."""
    result = part.affine(factor.mean, offset.mean)
    if factor.variance:
        kernel = result.kernel.plus(part.kernel, factor.variance)
        result = replace(result, kernel=kernel, latent=None)
    if offset.variance:
        kernel = result.kernel.plus_constant(offset.variance)
        result = replace(result, kernel=kernel, latent=None)
    return result


def product(a: Part, b: Part, flat: bool = False) -> Part:
    """Of two independent signals; ``flat`` tells that the second is the same all over the map."""
    factor = b.kernel
    if flat:
        factor = Kernel((factor.square, factor.twin, factor.twin, factor.square))
    between = None
    if a.between is not None or b.between is not None:
        between = a.pairs.times(b.pairs)
    luck = a.luck + b.luck
    return Part(a.channels, a.mean * b.mean, a.kernel.times(factor), between, None, luck)


def aligned(a: Signal, b: Signal) -> list[tuple[Part, Part]]:
    """The parts of two signals, cut where either has a boundary. One with fewer channels is taken
    to be the same all over.
    """
    if a.channels != b.channels:
        other = b.whole
        return [(part, other) for part in a.parts]
    result = []
    first, second = list(a.parts), list(b.parts)
    i = j = 0
    left, right = first[0].channels, second[0].channels
    while True:
        number = min(left, right)
        result.append((first[i].with_channels(number), second[j].with_channels(number)))
        left, right = left - number, right - number
        if not left:
            i += 1
        if not right:
            j += 1
        if i >= len(first) or j >= len(second):
            return result
        left = left or first[i].channels
        right = right or second[j].channels
