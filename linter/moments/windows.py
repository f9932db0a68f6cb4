"""Windows that slide over a map: what sums over them make of second moments.

An axis is (inputs, outputs, kernel, stride, pad, dilation). Weights of zero mean leave only pairs
of values under the same tap, so the moment of two outputs is a sum over taps; taps that hang over
the edge meet zeros.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf, sqrt
from typing import NamedTuple

from .kernel import Kernel


class Axis(NamedTuple):
    """A window along one axis; ``up`` for Deconvolution, which goes the other way."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    pad: int = 0
    dilation: int = 1
    up: bool = False


@lru_cache(maxsize=4096)
def taps(axis: Axis, lag: int) -> float:
    """Mean number of taps under which two outputs at a distance of ``lag`` both have a value."""
    outputs = axis.outputs - lag
    if outputs <= 0:
        return taps(axis, 0) if lag else 0.0
    if _whole(axis):
        return float(axis.kernel)
    return sum(_inside(axis, tap, lag) for tap in range(axis.kernel)) / outputs


@lru_cache(maxsize=4096)
def taps_apart(axis: Axis) -> float:
    """The same for two outputs picked at random."""
    if axis.outputs <= 0:
        return 0.0
    if _whole(axis):
        return float(axis.kernel)
    shares = (_inside(axis, tap, 0) / axis.outputs for tap in range(axis.kernel))
    return sum(share * share for share in shares)


def _whole(axis: Axis) -> bool:
    """Whether all taps of all outputs have a value, or there are too many to count."""
    reach = (axis.outputs - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
    inside = not axis.up and not axis.pad and axis.inputs >= reach
    return inside or axis.kernel > _WIDEST


def _inside(axis: Axis, tap: int, lag: int) -> int:
    """At how many outputs o the tap has a value, both at o and at o + lag."""
    offset = tap * axis.dilation - axis.pad
    if axis.up:  # output = input · stride + offset
        if lag % axis.stride:
            return 0
        first = max(0, -(offset // axis.stride))
        last = min(axis.inputs - 1, (axis.outputs - 1 - offset) // axis.stride)
        return max(0, last - first + 1 - lag // axis.stride)
    first = max(0, -(offset // axis.stride))  # input = output · stride + offset
    last = min(axis.outputs - 1, (axis.inputs - 1 - offset) // axis.stride)
    return max(0, last - first + 1 - lag)


Profile = tuple[float, ...] | None
"""How the mean square goes along an axis, with a mean of 1; None where it is flat."""

Profiles = tuple[Profile, Profile]

FLAT: Profiles = (None, None)

_LONGEST = 128
"""Longer axes have so many positions far from the edge that they count as flat."""

_WIDEST = 1024
"""Wider windows are not looked at tap by tap."""

_LEVEL = 1e-3


@lru_cache(maxsize=4096)
def carried(axis: Axis, profile: Profile) -> tuple[float, float, Profile]:
    """Of taps on values whose mean square is not the same everywhere: what they add up to at one
    output, in the mean; what they do at two outputs picked at random; the outputs' own profile.

    Zeros beyond the edge make it fall towards there, more so with every layer.
    """
    if profile is None and (axis.up or not axis.pad or axis.inputs > _LONGEST):
        return taps(axis, 0), taps_apart(axis), None
    flat = axis.up or not 0 < axis.outputs <= 4 * _LONGEST or axis.kernel > _WIDEST
    if flat or (profile and len(profile) != axis.inputs):
        return taps(axis, 0), taps_apart(axis), None
    squares = profile or (1.0,) * axis.inputs
    roots = [sqrt(value) for value in squares]
    sums = [0.0] * axis.outputs
    apart = 0.0
    for tap in range(axis.kernel):
        offset = tap * axis.dilation - axis.pad
        first = max(0, -(offset // axis.stride))
        last = min(axis.outputs - 1, (axis.inputs - 1 - offset) // axis.stride)
        start = first * axis.stride + offset
        for output, value in zip(
            range(first, last + 1), squares[start :: axis.stride], strict=False
        ):
            sums[output] += value
        root = sum(roots[start + (last - first) * axis.stride : None if start == 0 else start - 1
                         : -axis.stride]) if last >= first else 0.0  # fmt: skip
        apart += (root / axis.outputs) ** 2
    whole = sum(sums) / axis.outputs
    level = (sum(roots) / axis.inputs) ** 2
    return whole, apart / level if level > 0 else 0.0, _profile(sums)


def _profile(values: list[float]) -> Profile:
    """Values over their mean, or None if they are as good as equal."""
    mean = sum(values) / len(values)
    if not mean > 0 or max(values) - min(values) <= _LEVEL * mean:
        return None
    return tuple([value / mean for value in values])


@lru_cache(maxsize=1024)
def pooled_profile(axis: Axis, profile: Profile, zeros: bool) -> Profile:
    """The profile of windows' means; ``zeros`` tells that padding counts as zeros in them."""
    if max(axis.inputs, axis.outputs) > _LONGEST or axis.outputs <= 1:
        return None
    if not profile and not (zeros and axis.pad):
        return None
    if profile is None or len(profile) != axis.inputs:
        profile = (1.0,) * axis.inputs
    values = []
    for output in range(axis.outputs):
        start = output * axis.stride - axis.pad
        window = profile[max(0, start) : max(0, start + axis.kernel)]
        number = axis.kernel if zeros else len(window)
        values.append(sum(window) / number if window else 0.0)
    return _profile(values)


def mean_profile(profiles: list[tuple[float, Profile]]) -> Profile:
    """The profile of a sum, given mean squares and profiles of its terms."""
    length = max((len(profile) for _, profile in profiles if profile), default=0)
    total = sum(weight for weight, _ in profiles)
    if not length or not 0 < total < inf:
        return None
    values = [0.0] * length
    for weight, profile in profiles:
        if profile is not None and len(profile) != length:
            return None
        for i in range(length):
            values[i] += weight * (profile[i] if profile else 1.0)
    return _profile(values)


def under_taps(kernel: Kernel, axes: tuple[Axis, ...], profiles: Profiles = FLAT) -> Kernel:
    """Sum over the taps of the moments of the values under them."""
    whole = 1.0
    apart = 1.0
    for axis, profile in zip(axes, profiles, strict=True):
        sums = carried(axis, profile)
        whole *= sums[0]
        apart *= sums[1]
    far, twin, other, square = kernel.values[:4]
    near = [square * whole]
    if whole > 0:
        near += [
            _at_lag(kernel, axes, 1 << (level - 1), whole)
            for level in range(1, _levels(kernel, axes))
        ]
    return Kernel((far * apart, twin * whole, other * apart, *near)).trimmed()


def _levels(kernel: Kernel, axes: tuple[Axis, ...]) -> int:
    """How many distances of the output are still near, 0 included."""
    steps = [axis.stride for axis in axes if axis.outputs > 1]
    if not steps or (kernel.levels == 1 and not any(axis.pad or axis.up for axis in axes)):
        return 1
    if axes[0].up:
        return min(_most_levels(axes), kernel.levels + max(steps).bit_length())
    return min(_most_levels(axes), max(2, kernel.levels + 1 - min(steps).bit_length() + 1))


def _most_levels(axes: tuple[Axis, ...]) -> int:
    """Distances that there are in the output, with one beyond them to interpolate to."""
    return max(axis.outputs for axis in axes).bit_length() + 2


def _at_lag(kernel: Kernel, axes: tuple[Axis, ...], lag: int, whole: float) -> float:
    """The mean over the directions that the map has."""
    total = 0.0
    number = 0
    last: tuple[float, float] | None = None
    for axis in axes:
        if axis.outputs <= 1:
            continue
        number += 1
        share = taps(axis, lag) / taps(axis, 0) if axis.pad or axis.up else 1.0
        if share:
            steps = lag / axis.stride if axis.up else float(lag * axis.stride)
            if last is None or last[0] != steps:
                last = (steps, kernel.at_distance(steps))
            total += share * last[1]
    return whole * total / number


def window_mean(kernel: Kernel, axes: tuple[Axis, ...]) -> Kernel:
    """Moments of the mean over a window, in the middle of the map."""
    window = axes[0].kernel, axes[1].kernel
    first = kernel.between_windows(window)
    levels = range(1, window_levels(kernel, axes))
    near = [first.square, *[shifted(kernel, axes, 1 << (level - 1)) for level in levels]]
    return Kernel((*first.values[:3], *near)).trimmed()


def shifted(kernel: Kernel, axes: tuple[Axis, ...], lag: int) -> float:
    """The mean moment between the windows of two outputs, over the directions that the map has."""
    window = axes[0].kernel, axes[1].kernel
    shifts = shifts_of(axes, lag)
    return sum(kernel.between_windows(window, shift).square for shift in shifts) / len(shifts)


def shifts_of(axes: tuple[Axis, ...], lag: int) -> list[tuple[int, int]]:
    """How far the window of an output is shifted against another's, for each direction."""
    down, right = lag * axes[0].stride, lag * axes[1].stride
    shifts = [(down, 0)] if axes[0].outputs > 1 else []
    return ([*shifts, (0, right)] if axes[1].outputs > 1 else shifts) or [(0, 0)]


def window_levels(kernel: Kernel, axes: tuple[Axis, ...]) -> int:
    """Distances of the output at which windows overlap or still know of each other."""
    reach = 1 << (kernel.levels - 1) if kernel.levels > 1 else 0
    span = max((axis.kernel + reach) / axis.stride if axis.outputs > 1 else 0.0 for axis in axes)
    return 1 if span <= 1 else min(_most_levels(axes), 1 + int(span).bit_length())
