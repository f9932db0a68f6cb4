"""The way back through pooling: to the place of the largest value, or to all places of a window.

What is stochastic has no signal on the way up, so that it is not met here.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

from msgspec.structs import replace

from ..model.shapes.setup import signed
from .arrange import sum_of
from .back_step import Back, Routed, like
from .kernel import Kernel, constant
from .linear import aligned
from .pooling import bins_of, pooling_axes
from .signal import Part, Signal
from .windows import Axis

Gradients = list[Signal | None]


def pooling(b: Back) -> Gradients:
    """MAX sends a gradient to the place that was the largest, AVE an equal share to all places."""
    s = b.step
    value, gradient = b.value(), b.top()
    axes = pooling_axes(s, value.size, gradient.size)
    method = s.own.get("pool")
    spread = _routed if method == "MAX" else _shared_out
    parts = [
        Part(g.channels, g.mean * _windows_per_place(axes) / _window(axes),
             spread(g.kernel, x, axes, gradient.size, value.size))
        for g, x in aligned(gradient, value)
    ]  # fmt: skip
    if method == "MAX":
        parts = _marked(parts, value, b.result())
    return [like(value, parts)]


def _marked(parts: list[Part], value: Signal, result: Signal) -> list[Part]:
    """With the Gaussian values that were the largest."""
    if len(parts) != len(value.parts) or len(parts) != len(result.parts):
        return parts
    marked = []
    for part, below_, above in zip(parts, value.parts, result.parts, strict=True):
        g, most = below_.latent, above.latent
        mark = Routed(most.mean, most.kernel, source=g.kernel) if g and most else None
        marked.append(replace(part, latent=mark))
    return marked


def _window(axes: tuple[Axis, Axis]) -> float:
    return float(max(1, axes[0].kernel * axes[1].kernel))


def _windows_per_place(axes: tuple[Axis, Axis]) -> float:
    """How many windows a place is in, as a mean over the map."""
    number = 1.0
    for axis in axes:
        number *= axis.kernel * axis.outputs / max(1, axis.inputs)
    return number


def _top_moment(kernel: Kernel, size: tuple[int, int], distance: float) -> float:
    return kernel.square if prod(size) == 1 else kernel.at(distance, 0)


def _distances(kernel: Kernel, axes: tuple[Axis, Axis], size: tuple[int, int]) -> list[int]:
    """Distances on the bottom at which gradients still know of each other."""
    reach = max(axis.kernel for axis in axes) + max(axis.stride for axis in axes) * (
        1 << max(0, kernel.levels - 1)
    )
    reach = min(reach, max(size))
    distances = [1]
    while distances[-1] < reach:
        distances.append(2 * distances[-1])
    return distances


def _shared_out(
    kernel: Kernel, _x: Part, axes: tuple[Axis, Axis], top: tuple[int, int], size: tuple[int, int]
) -> Kernel:
    """Sums over the windows that a place is in, each a share of its window's gradient."""
    rows, columns = _shares_of_place(axes[0]), _shares_of_place(axes[1])
    one = prod(top) == 1
    square = sum(
        a * b * (kernel.square if one else kernel.at(i, j))
        for i, a in rows.items() for j, b in columns.items()
    )  # fmt: skip
    pairs = sum(rows.values()) * sum(columns.values())
    stride = max(axis.stride for axis in axes)
    near = [square]
    if prod(size) > 1:
        near += [
            min(square, pairs * _top_moment(kernel, top, d / stride))
            for d in _distances(kernel, axes, size)
        ]
    far = kernel.square if one else kernel.far
    other = kernel.twin if one else kernel.other
    return Kernel((far * pairs, kernel.twin * square / kernel.square if kernel.square else 0.0,
                   other * pairs, *near)).trimmed()  # fmt: skip


@lru_cache(maxsize=1024)
def _shares_of_place(axis: Axis) -> dict[int, float]:
    """Along one axis: for two windows that a place is in, by their distance, the product of what a
    place gets of each; a mean over the places. The divisor counts padding (pooling_layer.cpp).
    """
    windows = []
    for output in range(axis.outputs):
        start = output * axis.stride - axis.pad
        divisor = min(start + axis.kernel, axis.inputs + axis.pad) - start
        windows.append((max(0, start), min(start + axis.kernel, axis.inputs), max(1, divisor)))
    result: dict[int, float] = {}
    reach = -(-axis.kernel // max(1, axis.stride))
    for i, (first, last, divisor) in enumerate(windows):
        for j in range(max(0, i - reach), min(len(windows), i + reach + 1)):
            shared = min(last, windows[j][1]) - max(first, windows[j][0])
            if shared > 0:
                share = shared / (divisor * windows[j][2]) / max(1, axis.inputs)
                result[abs(i - j)] = result.get(abs(i - j), 0.0) + share
    return result


def _routed(
    kernel: Kernel, x: Part, axes: tuple[Axis, Axis], top: tuple[int, int], size: tuple[int, int]
) -> Kernel:
    """Every window sends its gradient to one place, ``rate`` of them to a place on average."""
    covers, window = _windows_per_place(axes), _window(axes)
    rate = covers / window
    # Two windows of a place choose it both with probability (shared)/(2 · window − shared).
    both = max(0.0, covers - 1) / 2
    near_top = _top_moment(kernel, top, 1)
    square = rate * (kernel.square + both * near_top)
    stride = max(axis.stride for axis in axes)
    near = [square]
    if prod(top) > 1:
        for d in _distances(kernel, axes, size):
            moment = kernel.at(max(1.0, d / stride), 0)
            near.append(rate * rate * min(1.0, d / stride) * moment)
    g = x.gaussian
    spread = g.kernel.square - g.mean * g.mean
    alike = (g.kernel.twin - g.mean * g.mean) / spread if spread > 0 else 1.0
    alike = min(1.0, max(0.0, alike))
    # Where samples are alike, so are the places of their largest values.
    twin = kernel.twin * rate * (alike + (1 - alike) * rate)
    far = kernel.far * rate * rate if prod(top) > 1 else 0.0
    return Kernel((far, twin, kernel.other * rate * rate, *near)).trimmed()


def spp(b: Back) -> Gradients:
    """Every level pools by itself; its bins stand side by side in the top."""
    s = b.step
    value, gradient = b.value(), b.top()
    method = s.own.get("pool")
    g = gradient.whole
    kernel = Kernel((g.pairs.square, g.kernel.twin, g.pairs.twin, g.kernel.square))
    spread = _routed if method == "MAX" else _shared_out
    total = Part(value.channels, 0.0, constant(0.0))
    for level in range(min(signed(s.own.get("pyramid_height")), 16)):
        bins = 1 << level
        axes = bins_of(value.size[0], bins), bins_of(value.size[1], bins)
        down = spread(kernel, value.whole, axes, (bins, bins), value.size)
        total = sum_of(total, Part(value.channels, 0.0, down))
    return [like(value, [total])]
