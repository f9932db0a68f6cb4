"""What every layer type makes of the gradients of its tops: those of its bottoms and of its blobs.

Most layers are linear in the gradient, so the rules of the way up serve for the way down as well:
a convolution goes down as a deconvolution, a curve as a product with its slope.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, prod, sqrt, tanh

from msgspec.structs import replace

from ..model.shapes.setup import signed
from .arrange import first_kept, sum_of
from .back_step import Back, like, met
from .down_pooling import pooling, spp
from .fillers import Fill
from .gauss import TERMS, Curve, Expansion, below, by_quadrature, density, hinge
from .kernel import Kernel, constant
from .linear import aligned, groups_of, linear_axes, product, rescaled, spread_of, weighted
from .normal import normalised
from .pointwise import curved
from .signal import LARGEST, Part, Signal, joined, mixture, taken
from .step import Blocked
from .windows import Axis, taps, under_taps

Gradients = list[Signal | None]

_NO_BIAS = Fill(0.0, 0.0)


def split(b: Back) -> Gradients:
    """The gradients of all tops add up (split_layer.cpp, Backward_cpu)."""
    total = b.top()
    for index in range(1, len(b.tops)):
        total = added(total, b.top(index))
    return [total]


def added(one: Signal, other: Signal) -> Signal:
    """The sum of the gradients of two readers; the weights between make them independent."""
    parts = [replace(sum_of(a, b), luck=0.0) for a, b in aligned(one, other)]
    return like(one, parts)


def stops(b: Back) -> Gradients:
    """No gradient goes through."""
    return [None] * len(b.step.bottoms)


def unknown(b: Back) -> Gradients:
    """Types whose backward pass is not looked into."""
    raise Blocked(f"how gradients go through {b.step.layer.type} is not known")


# Curves


@lru_cache(maxsize=64)
def step_curve(left: float) -> Curve:
    """The slope of max(x, 0) + left · min(x, 0)."""

    def value(x: float) -> float:
        return 1.0 if x > 0 else left

    def expand(mean: float, deviation: float) -> Expansion:
        if deviation <= 0:
            slope = value(mean)
            return Expansion(slope, slope * slope, (), 0.0)
        a = mean / deviation
        up, peak = below(a), density(a)
        average = up + left * (1 - up)
        square = up + left * left * (1 - up)
        # cₙ = (1 − left) φ(a) Heₙ₋₁(−a)/√n!
        terms = []
        previous, polynomial, factorial = 0.0, 1.0, 1.0
        for n in range(1, TERMS + 1):
            factorial *= n
            c = (1 - left) * peak * polynomial
            terms.append(c * c / factorial)
            previous, polynomial = polynomial, -a * polynomial - (n - 1) * previous
        return Expansion(average, square, tuple(terms), 0.0)

    return Curve(value, expand, rising=False)


def _through(b: Back, slope: Curve) -> Gradients:
    """Times the slope at every value."""
    value, gradient = b.value(), b.top()
    return [like(value, [_times_slope(g, x, slope) for g, x in aligned(gradient, value)])]


def _times_slope(gradient: Part, value: Part, slope: Curve) -> Part:
    there = curved(replace(met(gradient, value), luck=0.0), slope)
    return replace(product(gradient, there), latent=gradient.latent)


def _curve(slope: Callable[[float], float]) -> Callable[[Back], Gradients]:
    curve = by_quadrature(slope, rising=False)
    return lambda b: _through(b, curve)


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


def _bell(x: float) -> float:
    p = _logistic(x)
    return p * (1 - p)


def relu(b: Back) -> Gradients:
    """Open where the value is above 0."""
    return _through(b, step_curve(float(b.step.own.get("negative_slope"))))


def prelu(b: Back) -> Gradients:
    """And for a slope the sum over its channel of gradients times negative values."""
    slope = b.step.fills.get(0, Fill(0.25, 0.0))
    negative = [(g.channels, product(g, curved(x.affine(-1.0), hinge(0.0))).kernel)
                for g, x in aligned(b.top(), b.value())]  # fmt: skip
    _learn_per_channel(b, 0, negative)
    return _through(b, step_curve(slope.mean))


def elu(b: Back) -> Gradients:
    """1, and alpha eˣ below 0."""
    alpha = float(b.step.own.get("alpha"))
    return _through(b, by_quadrature(lambda x: 1.0 if x > 0 else alpha * exp(x), rising=False))


def swish(b: Back) -> Gradients:
    """The slope of x / (1 + e^(−beta x))."""
    beta = float(b.step.own.get("beta"))

    def slope(x: float) -> float:
        return _logistic(beta * x) + beta * x * _bell(beta * x)

    return _through(b, by_quadrature(slope, rising=False))


def clip(b: Back) -> Gradients:
    """Open between min and max."""
    low, high = float(b.step.own.get("min")), float(b.step.own.get("max"))
    return _through(b, by_quadrature(lambda x: float(low <= x <= high), rising=False))


def power(b: Back) -> Gradients:
    """Of (shift + scale · x)^power."""
    exponent, gain, shift = (float(b.step.own.get(n)) for n in ("power", "scale", "shift"))
    if exponent == 1:
        return [like(b.value(), [part.affine(gain) for part in b.top().parts])]
    if exponent == 0:
        return [like(b.value(), [part.affine(0.0) for part in b.top().parts])]

    def slope(x: float) -> float:
        try:
            result = exponent * gain * (shift + gain * x) ** (exponent - 1)
        except (OverflowError, ZeroDivisionError):
            return float("inf")
        return result if isinstance(result, float) else float("inf")

    return _through(b, by_quadrature(slope, rising=False))


def dropout(b: Back) -> Gradients:
    """The values that were kept, made larger by as much."""
    ratio = float(b.step.own.get("dropout_ratio"))
    if b.step.phase != "TRAIN" or not 0 < ratio < 1:
        return [b.top()]
    kept = [
        replace(part, kernel=part.kernel.with_square(part.kernel.square / (1 - ratio)))
        for part in b.top().parts
    ]
    return [like(b.value(), kept)]


def softmax(b: Back) -> Gradients:
    """P (g − Σ p g), with a mean over the classes of g that p has nothing to do with."""
    from .logsum import share_square

    scores = b.value().whole
    classes = max(1, scores.channels)
    spread = max(0.0, scores.kernel.square - scores.pairs.square)
    share = share_square(classes, spread)
    left = max(0.0, share * (1 - min(1.0, classes * share)))
    # What all classes share of g goes out of it, since the p add up to 1.
    return [like(b.value(), [
        replace(
            part, mean=0.0, kernel=part.kernel.plus(part.pairs, -1.0).scaled(left), between=None
        )
        for part in b.top().parts
    ])]  # fmt: skip


# Weights


def convolution(b: Back) -> Gradients:
    """Down through the same weights, and onto them."""
    return [_unconvolved(b, i, up=False) for i in range(len(b.step.bottoms))]


def deconvolution(b: Back) -> Gradients:
    """The same the other way round."""
    return [_unconvolved(b, i, up=True) for i in range(len(b.step.bottoms))]


def _unconvolved(b: Back, index: int, up: bool) -> Signal:
    s = b.step
    gradient, value = b.top(index), b.value(index)
    there = linear_axes(s, value.size, gradient.size, up)
    back = _reversed(there)
    group = max(1, signed(s.own.get("group")))
    _learn_weights(b, gradient, value, there, back, up)
    weight = s.fills.get(0, _NO_BIAS)
    parts = [
        weighted(outputs, back, weight, _NO_BIAS, value.channels)
        for outputs in groups_of(gradient, group)
    ]
    if len(parts) == 1:
        return like(value, [parts[0].with_channels(value.channels)])
    return like(value, spread_of(parts, value.channels))


def _reversed(axes: tuple[Axis, Axis]) -> tuple[Axis, Axis]:
    height, width = (
        axis._replace(inputs=axis.outputs, outputs=axis.inputs, up=not axis.up) for axis in axes
    )
    return height, width


def _learn_weights(
    b: Back,
    gradient: Signal,
    value: Signal,
    there: tuple[Axis, Axis],
    back: tuple[Axis, Axis],
    up: bool,
) -> None:
    """Σ over places of a gradient times the input under a tap, mean over the taps."""
    g, x = gradient.whole.kernel, value.whole.kernel
    number = taps(there[0], 0) * taps(there[1], 0)
    own = g.square * max(0.0, x.square - x.mean_of_pairs(*value.size, value.samples))
    if not up:
        moving = under_taps(x, there).scaled(1 / number) if number else constant(0.0)
        b.learned(0, g.times(moving), gradient.size, gradient.samples, own)
    else:
        number = taps(back[0], 0) * taps(back[1], 0)
        moving = under_taps(g, back).scaled(1 / number) if number else constant(0.0)
        b.learned(0, x.times(moving), value.size, value.samples, own)
    b.learned(1, g, gradient.size, gradient.samples)


def inner_product(b: Back) -> Gradients:
    """Every value of a sample has weights of its own."""
    s = b.step
    gradient, value = b.top(), b.value()
    weight = s.fills.get(0, _NO_BIAS)
    inputs = prod(s.param_shape(0)) // max(1, signed(s.own.get("num_output")))
    if inputs != value.channels * prod(value.size) or gradient.size != (1, 1):
        raise Blocked("the gradient of an InnerProduct along a later axis is not looked into")
    x = value.whole.kernel
    pairs = Kernel((x.square, x.twin, x.twin, x.square))
    own = gradient.square * max(0.0, x.square - pairs.mean_of_pairs(1, 1, value.samples))
    b.learned(0, gradient.whole.kernel.times(pairs), (1, 1), gradient.samples, own)
    b.learned(1, gradient.whole.kernel, (1, 1), gradient.samples)
    axes = Axis(1, 1, 1), Axis(1, 1, 1)
    part = weighted(gradient.parts, axes, weight, _NO_BIAS, value.channels)
    shared = part.pairs  # of two inputs, whether of one channel or not
    kernel = Kernel((shared.square, part.kernel.twin, shared.twin, part.kernel.square))
    return [like(value, [Part(value.channels, part.mean, kernel, part.between)])]


def embed(b: Back) -> Gradients:
    """Every row of the weights gets the gradients of the places that name it."""
    gradient = b.top()
    rows = max(1, b.step.param_shape(0)[0])
    places = gradient.samples * prod(gradient.size)
    b.squares[0] = gradient.square * places / (rows * b.batches)
    return [None]


def scale(b: Back) -> Gradients:
    """By learned factors, whose gradients are sums over their channels, or by a second bottom."""
    s = b.step
    gradient, value = b.top(), b.value()
    pairs = aligned(gradient, value)
    last = len(s.layer.params) - 1
    if s.own.get("bias_term"):
        _learn_per_channel(b, last, [(part.channels, part.kernel) for part in gradient.parts])
    if len(s.bottoms) == 1:
        _learn_per_channel(b, 0, [(g.channels, g.kernel.times(met(g, x).kernel)) for g, x in pairs])
        factor = s.fills.get(0, Fill(1.0, 0.0))
        return [like(value, [rescaled(part, factor, _NO_BIAS) for part in gradient.parts])]
    other = b.value(1)
    flat = other.size == (1, 1) and value.size != (1, 1)
    down = [product(g, f, flat) for g, f in aligned(gradient, other)]
    return [like(value, down), _to_factor(gradient, value, other)]


def _to_factor(gradient: Signal, value: Signal, factor: Signal) -> Signal:
    """Sums over the places that have one factor."""
    parts = []
    flat = factor.size == (1, 1)
    number = prod(gradient.size)
    for g, x in aligned(gradient, value):
        kernel = g.kernel.times(x.kernel)
        if flat:
            total = kernel.between_windows(gradient.size).scaled(number * number)
            kernel = Kernel((total.square, total.twin, total.twin, total.square))
        parts.append(Part(g.channels, g.mean * x.mean * (number if flat else 1), kernel))
    if factor.channels != gradient.channels:
        parts = [mixture(tuple(parts)).with_channels(factor.channels)]
    return like(factor, parts)


def bias(b: Back) -> Gradients:
    """An offset's gradient is the sum over what it is added to."""
    gradient = b.top()
    if len(b.step.bottoms) == 1:
        _learn_per_channel(b, 0, [(part.channels, part.kernel) for part in gradient.parts])
        return [gradient]
    other = b.value(1)
    ones = like(gradient, [Part(gradient.channels, 1.0, constant(1.0), constant(1.0))])
    return [gradient, _to_factor(gradient, ones, other)]


def _learn_per_channel(b: Back, index: int, kernels: list[tuple[int, Kernel]]) -> None:
    """A learned value for every channel, which all its places share; the mean over the channels,
    of which each kernel has a number.
    """
    gradient = b.top()
    channels = sum(number for number, _ in kernels)
    total = kernels[0][1].scaled(kernels[0][0] / channels)
    for number, kernel in kernels[1:]:
        total = total.plus(kernel, number / channels)
    b.learned(index, total, gradient.size, gradient.samples)


# Layers that normalise


def batch_norm(b: Back) -> Gradients:
    """Divided by the deviation; with the statistics of the batch, the mean of a channel's gradients
    goes out of them, and what goes along with its values.
    """
    s = b.step
    value, gradient = b.value(), b.top()
    own = s.own
    stored = own.get("use_global_stats") if own.has("use_global_stats") else s.phase == "TEST"
    if stored:
        return [_by_stored(b, gradient, value)]
    eps = float(own.get("eps"))
    parts = []
    for g, x in aligned(gradient, value):
        parts.append(_unnormalised(g, x, value, eps))
    return [like(value, parts)]


def _by_stored(b: Back, gradient: Signal, value: Signal) -> Signal:
    there = b.result()
    before = sum(part.channels * part.variance for part in value.parts)
    after = sum(part.channels * part.variance for part in there.parts)
    gain = sqrt(after / before) if before > 0 else 0.0
    return like(value, [part.affine(gain) for part in gradient.parts])


def _unnormalised(g: Part, x: Part, value: Signal, eps: float) -> Part:
    centre = x.kernel.mean_of_pairs(*value.size, value.samples)
    variance = max(0.0, x.kernel.square - centre)
    if variance > LARGEST or not variance + eps > 0:
        return Part(g.channels, 0.0, constant(0.0))
    normal = normalised(x, value, eps).kernel
    mean = g.kernel.mean_of_pairs(*value.size, value.samples)
    along = g.kernel.times(normal).mean_of_pairs(*value.size, value.samples)
    kernel = g.kernel.plus_constant(-mean).plus(normal, -along)
    kernel = kernel.scaled(_spread_of_divisor(normal, value) / (variance + eps))
    if kernel.square < 0:
        kernel = constant(0.0)
    return Part(g.channels, 0.0, kernel)


def _spread_of_divisor(normal: Kernel, value: Signal) -> float:
    """E[1/v] · E[v] for the variance v of a channel's batch. Of n independent Gaussian values it is
    a chi-square of n − 1 degrees, for which that is (n − 1)/(n − 3).
    """
    share = normal.map(lambda r: r * r).mean_of_pairs(*value.size, value.samples)
    return 1 / (1 - 2 * min(max(0.0, share), _FEW))


_FEW = 0.25
"""As for five values; of fewer, 1/v has no mean worth the name."""


def mvn(b: Back) -> Gradients:
    """Divided by the deviation of a sample's channel."""
    if not b.step.own.get("normalize_variance"):
        return [b.top()]
    parts = [
        g.affine(1 / (sqrt(x.variance) + float(b.step.own.get("eps"))))
        for g, x in aligned(b.top(), b.value())
    ]
    return [like(b.value(), parts)]


def lrn(b: Back) -> Gradients:
    """By as much as the values; what goes along with neighbouring values is left out."""
    there = b.result()
    before = b.value().square
    gain = sqrt(there.square / before) if before > 0 else 0.0
    return [like(b.value(), [part.affine(gain) for part in b.top().parts])]


# Layers that put values together or elsewhere


def concat(b: Back) -> Gradients:
    """Every bottom gets its channels' gradients."""
    own = b.step.own
    axis = signed(own.get("concat_dim")) if own.has("concat_dim") else own.get("axis")
    shape = b.step.bottom_shapes[0]
    gradient = b.top()
    result: Gradients = []
    start = 0
    for bottom in b.step.all_bottoms():
        parts = gradient.parts
        if shape and axis % len(shape) == 1:
            parts = taken(gradient.parts, start, bottom.channels)
            start += bottom.channels
        result.append(like(bottom, parts))
    return result


def slice_(b: Back) -> Gradients:
    """The gradients of all tops side by side."""
    own = b.step.own
    axis = signed(own.get("slice_dim")) if own.has("slice_dim") else own.get("axis")
    shape = b.step.bottom_shapes[0]
    tops = [b.top(i) for i in range(len(b.tops))]
    if shape and axis % len(shape) == 1:
        return [like(b.value(), joined([part for top in tops for part in top.parts]))]
    return [like(b.value(), [mixture(tuple(t.whole for t in tops)).with_channels(
        b.value().channels)])]  # fmt: skip


def eltwise(b: Back) -> Gradients:
    """Through a sum as it is, through a product times the others, to the largest alone."""
    bottoms = b.step.all_bottoms()
    operation = b.step.own.get("operation")
    gradient = b.top()
    if operation == "SUM":
        given = [float(c) for c in b.step.own.get("coeff")] or [1.0] * len(bottoms)
        return [
            like(value, [part.affine(c) for part in gradient.parts])
            for value, c in zip(bottoms, given, strict=False)
        ]
    if operation == "PROD":
        return [_times_others(gradient, bottoms, i) for i in range(len(bottoms))]
    share = 1 / len(bottoms)
    parts = [
        replace(part, mean=part.mean * share, between=None, kernel=part.kernel.scaled(share * share)
                .with_square(part.kernel.square * share))
        for part in gradient.parts
    ]  # fmt: skip
    return [like(value, parts) for value in bottoms]


def _times_others(gradient: Signal, bottoms: list[Signal], index: int) -> Signal:
    result = gradient
    for i, other in enumerate(bottoms):
        if i != index:
            result = like(result, [product(g, x) for g, x in aligned(result, other)])
    return like(bottoms[index], result.parts)


def reshaped(b: Back) -> Gradients:
    """The same gradients in the old shape."""
    value, gradient = b.value(), b.top()
    if (gradient.channels, gradient.size) == (value.channels, value.size):
        return [like(value, gradient.parts)]
    part = gradient.whole
    if gradient.size == (1, 1):
        pairs = part.pairs
        kernel = Kernel((pairs.square, part.kernel.twin, pairs.twin, part.kernel.square))
        return [like(value, [Part(value.channels, part.mean, kernel, part.between)])]
    return [like(value, [part.with_channels(value.channels)])]


def crop(b: Back) -> Gradients:
    """0 where nothing was kept."""
    value, gradient = b.value(), b.top()
    kept = prod(gradient.size) / prod(value.size)
    parts = [part.affine(sqrt(min(1.0, kept))) for part in gradient.parts]
    cut = max(0, value.channels - gradient.channels)
    before = first_kept(b.step, cut)
    around = [
        [Part(number, 0.0, constant(0.0))] if number else [] for number in (before, cut - before)
    ]
    parts = [*around[0], *parts, *around[1]]
    return [like(value, parts), *[None] * (len(b.step.bottoms) - 1)]


def reduction(b: Back) -> Gradients:
    """SUM, MEAN, ASUM and SUMSQ give every value the gradient of the whole, times its own slope."""
    value, gradient = b.value(), b.top()
    shape, top = b.step.bottom_shapes[0], b.step.top_shapes[0]
    if shape is None or top is None or None in shape:
        raise Blocked("its size depends on the data")
    kept = prod(size or 1 for size in top)
    number = max(1, prod(size or 1 for size in shape) // max(1, kept))
    operation = b.step.own.get("operation")
    gain = float(b.step.own.get("coeff")) / (number if operation == "MEAN" else 1)
    g = gradient.whole
    kernel = _for_all(g.kernel, gradient).scaled(gain * gain)
    one = Part(value.channels, g.mean * gain, kernel, kernel)
    if gradient.channels == value.channels:
        one = replace(one, between=_for_all(g.pairs, gradient).scaled(gain * gain))
    if operation == "SUMSQ":
        return [like(value, [product(g, x.affine(2.0)) for g, x in _each(one, value)])]
    if operation == "ASUM":
        sign = step_curve(-1.0)
        return [like(value, [_times_slope(g, x, sign) for g, x in _each(one, value)])]
    return [like(value, [one])]


def _for_all(kernel: Kernel, gradient: Signal) -> Kernel:
    """Where all values that were put together have one gradient, be it of a map or of a batch."""
    near, far = kernel.square, kernel.square if gradient.size == (1, 1) else kernel.far
    if gradient.samples == 1:
        return Kernel((far, near, far, near))
    return Kernel((far, kernel.twin, kernel.twin if far == near else kernel.other, near))


def _each(one: Part, value: Signal) -> list[tuple[Part, Part]]:
    """The same gradient for every part of the values."""
    return [(one.with_channels(part.channels), part) for part in value.parts]


DOWN_RULES: dict[str, Callable[[Back], Gradients]] = {
    "AbsVal": lambda b: _through(b, step_curve(-1.0)),
    "Accuracy": stops,
    "ArgMax": stops,
    "BNLL": _curve(_logistic),
    "BatchNorm": batch_norm,
    "Bias": bias,
    "Clip": clip,
    "Concat": concat,
    "Convolution": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "Dropout": dropout,
    "ELU": elu,
    "Eltwise": eltwise,
    "Embed": embed,
    "Flatten": reshaped,
    "HDF5Output": stops,
    "InnerProduct": inner_product,
    "LRN": lrn,
    "MVN": mvn,
    "PReLU": prelu,
    "Pooling": pooling,
    "Power": power,
    "ReLU": relu,
    "Reduction": reduction,
    "Reshape": reshaped,
    "SPP": spp,
    "Scale": scale,
    "Sigmoid": _curve(_bell),
    "Silence": stops,
    "Slice": slice_,
    "Softmax": softmax,
    "Split": split,
    "Swish": swish,
    "TanH": _curve(lambda x: 1 - tanh(x) * tanh(x)),
    "Threshold": stops,
}
"""The gradients of a layer's bottoms; None where none goes down. Other types are not known."""
