"""Layers that change every value by itself: ReLU, Sigmoid, Power, Dropout and the like."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, isfinite, log, log1p, sqrt, tanh

from msgspec.structs import replace

from .gauss import Curve, by_quadrature, hinge, step
from .kernel import Kernel, constant
from .logsum import share_square
from .signal import Latent, Part, Signal, draws_of
from .step import Blocked, Step

_RELU = hinge(0.0)

_MUCH_LUCK = 0.02


def curved(part: Part, curve: Curve) -> Part:
    """A curve of all values, which are taken to be Gaussian, or a rising curve of Gaussian ones."""
    g = part.gaussian
    if g.curve is curve is _RELU and g.offset >= 0:
        return part  # nothing is below 0 any more
    if g.plain or g.curve.composed:
        mean, kernel, inner = part.mean, part.kernel, curve
    else:
        mean, kernel, inner = g.mean, g.kernel, _composed(curve, g)
    variance = kernel.square - mean * mean
    deviation = sqrt(variance) if variance > 0 else 0.0
    expansion = inner.expand(mean, deviation)
    if not deviation:
        same = constant(expansion.square)
        return Part(part.channels, expansion.mean, same, part.between and same)
    base, scale = mean * mean, 1 / variance

    def moment(value: float) -> float:
        return expansion.moment((value - base) * scale)

    latent = Latent(mean, kernel, inner) if inner.rising else None
    luck = part.luck
    if luck > _MUCH_LUCK and not curve.scales:
        luck *= _elasticity(inner, mean, deviation, expansion.square)
    changed = kernel.map(moment)
    between = part.alike_after(expansion.mean, changed)
    if between is not None and kernel is part.kernel and part.between is not None:
        between = part.between.map(moment)
    return Part(part.channels, expansion.mean, changed, between, latent, luck, part.spread)


def _elasticity(curve: Curve, mean: float, deviation: float, square: float) -> float:
    """How much of the luck of its argument is left in a curve that is not a straight line."""
    more = curve.expand(mean, deviation * 1.1).square
    if not square > 0 or not more > 0 or not isfinite(more):
        return 1.0
    share = log(more / square) / (2 * log(1.1))
    return min(1.0, share * share)


def _composed(curve: Curve, g: Latent) -> Curve:
    outer, inner, gain, offset = curve.value, g.curve.value, g.gain, g.offset
    expand = by_quadrature(composed := lambda x: outer(gain * inner(x) + offset)).expand
    return Curve(composed, expand, curve.rising, composed=True)


def _apply(s: Step, curve: Curve) -> list[Signal | None]:
    bottom = s.bottom()
    return [bottom.like([curved(part, curve) for part in bottom.parts])]


def relu(s: Step) -> list[Signal | None]:
    """max(x, 0) + slope · min(x, 0)."""
    return _apply(s, hinge(float(s.own.get("negative_slope"))))


def prelu(s: Step) -> list[Signal | None]:
    """The slope is learned; 0.25 where no filler is written. Random slopes are taken at their
    mean, and their variance adds to the mean square.
    """
    fill = s.fill(0, "filler", default=0.25)
    tops = _apply(s, hinge(fill.mean))
    if fill.variance and tops[0] is not None:
        bottom = s.bottom()
        parts = [
            Part(
                part.channels,
                part.mean,
                part.kernel.plus(curved(source.affine(-1.0), _RELU).kernel, fill.variance),
            )
            for part, source in zip(tops[0].parts, bottom.parts, strict=True)
        ]
        return [bottom.like(parts)]
    return tops


def absval(s: Step) -> list[Signal | None]:
    """|x|."""
    return _apply(s, hinge(-1.0))


def elu(s: Step) -> list[Signal | None]:
    """x, and alpha (eˣ − 1) below 0."""
    alpha = float(s.own.get("alpha"))
    return _apply(s, by_quadrature(lambda x: x if x > 0 else alpha * (exp(x) - 1), alpha >= 0))


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > -700 else 0.0


SIGMOID = by_quadrature(_logistic)
TANH = by_quadrature(tanh)


def sigmoid(s: Step) -> list[Signal | None]:
    """1 / (1 + e⁻ˣ)."""
    return _apply(s, SIGMOID)


def tan_h(s: Step) -> list[Signal | None]:
    """The hyperbolic tangent."""
    return _apply(s, TANH)


def swish(s: Step) -> list[Signal | None]:
    """X / (1 + e^(−beta x))."""
    beta = float(s.own.get("beta"))
    return _apply(s, by_quadrature(lambda x: x * _logistic(beta * x), rising=False))


def softplus(x: float) -> float:
    """log(1 + eˣ)."""
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


def bnll(s: Step) -> list[Signal | None]:
    """log(1 + eˣ)."""
    return _apply(s, by_quadrature(softplus))


def threshold(s: Step) -> list[Signal | None]:
    """1 above the threshold, 0 below."""
    limit = float(s.own.get("threshold"))
    return _apply(s, step(limit))


def clip(s: Step) -> list[Signal | None]:
    """Cut off at min and max."""
    low, high = float(s.own.get("min")), float(s.own.get("max"))
    return _apply(s, by_quadrature(lambda x: max(low, min(x, high))))


def _safely(function: Callable[[float], float]) -> Callable[[float], float]:
    """What has no value becomes inf, as in Caffe; the net has blown up then."""

    def value(x: float) -> float:
        try:
            result = function(x)
        except (OverflowError, ValueError, ZeroDivisionError):
            return float("inf")
        return result if isinstance(result, float) else float("inf")

    return value


def power(s: Step) -> list[Signal | None]:
    """(shift + scale · x)^power."""
    exponent, gain, shift = (float(s.own.get(name)) for name in ("power", "scale", "shift"))
    bottom = s.bottom()
    if exponent == 1:
        parts = [part.affine(gain, shift) for part in bottom.parts]
        return [bottom.like(parts) if shift else bottom.multiple(parts, gain)]
    if exponent != int(exponent) and _goes_below(bottom, gain, shift):
        raise Blocked(f"negative values have no power of {exponent:g}")
    return _apply(s, by_quadrature(_safely(lambda x: (shift + gain * x) ** exponent), False))


def _goes_below(bottom: Signal, gain: float, shift: float) -> bool:
    """Whether values that a power is taken of may be below 0."""
    if gain == 0:
        return shift < 0
    for part in bottom.parts:
        latent = part.latent
        if latent is None or latent.gain * latent.curve.value(-1e3) + latent.offset < -shift / gain:
            return True
    return gain < 0


def exponential(s: Step) -> list[Signal | None]:
    """base^(shift + scale · x); base −1 stands for e (exp_layer.cpp)."""
    gain, shift = _exponent(s)
    return _apply(s, by_quadrature(_safely(lambda x: exp(shift + gain * x)), gain >= 0))


def _exponent(s: Step) -> tuple[float, float]:
    base, gain, shift = (float(s.own.get(name)) for name in ("base", "scale", "shift"))
    rate = 1.0 if base == -1 else log(base) if base > 0 else 0.0
    return rate * gain, rate * shift


def logarithm(s: Step) -> list[Signal | None]:
    """log_base(shift + scale · x)."""
    base, gain, shift = (float(s.own.get(name)) for name in ("base", "scale", "shift"))
    if _goes_below(s.bottom(), gain, shift):
        raise Blocked("negative values have no logarithm")
    rate = 1.0 if base == -1 or base <= 0 or base == 1 else 1 / log(base)
    return _apply(s, by_quadrature(_safely(lambda x: rate * log(shift + gain * x)), False))


def dropout(s: Step) -> list[Signal | None]:
    """In TRAIN a share of the values is 0 and the rest larger by 1/(1 − ratio), so the mean stays
    and the mean square grows.
    """
    bottom = s.bottom()
    ratio = float(s.own.get("dropout_ratio"))
    if s.phase != "TRAIN" or not 0 < ratio < 1:
        return [bottom]
    parts = [
        replace(
            part,
            kernel=part.kernel.with_square(part.kernel.square / (1 - ratio)),
            latent=None,
            draws=draws_of(part, bottom),
        )
        for part in bottom.parts
    ]
    return [bottom.multiple(parts, 1.0)]


def softmax(s: Step) -> list[Signal | None]:
    """Probabilities that add up to 1, so that their mean is 1/K."""
    bottom = s.bottom()
    scores = bottom.whole
    classes = max(1, scores.channels)
    mean = 1 / classes
    spread = max(0.0, scores.kernel.square - scores.pairs.square)
    square = share_square(classes, spread)
    kernel = Kernel(tuple(
        mean * mean + (square - mean * mean) * _alike(scores, value)
        for value in scores.kernel.values
    ))  # fmt: skip
    signal = bottom.like([Part(classes, mean, kernel)])
    signal.classes_of = scores
    return [signal]


def _alike(scores: Part, value: float) -> float:
    base = scores.pairs.square
    spread = scores.kernel.square - base
    return min(1.0, max(0.0, (value - base) / spread)) if spread > 0 else 1.0
