"""Layers whose top has the shape of their bottom: activations, normalisations, Eltwise, Scale.

Sources: neuron_layer.cpp and its heirs, batch_norm_layer.cpp, scale_layer.cpp, bias_layer.cpp,
lrn_layer.cpp, mvn_layer.cpp, softmax_layer.cpp, eltwise_layer.cpp, prelu_layer.cpp.
"""

from __future__ import annotations

import math

from .setup import Built, Setup, Shape, count, differ, in_words, shapes_differ, shown


def neuron(s: Setup) -> Built:
    """Nothing is demanded."""
    return s.like_bottom()


def absolute(s: Setup) -> Built:
    """The backward pass needs the input's sign, so the layer must not overwrite it."""
    s.not_in_place()
    return s.like_bottom()


def logarithm(s: Setup) -> Built:
    """Exp and Log: the base is -1 (meaning e), or positive; for Log it is not 1 either."""
    base: float = s.own.get("base")
    inverse = s.message.get("type") == "Log"
    if base != -1 and (not base > 0 or math.isinf(base) or (inverse and base == 1)):
        s.refuse("bad-base", "base", base=base)
    return s.like_bottom()


def prelu(s: Setup) -> Built:
    """One slope per channel, or a single one."""
    shape = s.bottom
    if shape is not None and len(shape) < 2:
        s.axes_count(shape, "at least 2")
    channels = s.legacy(shape, 1)
    slope: Shape = () if s.own.get("channel_shared") else (channels,)
    params = [s.fill(slope, "filler")]
    s.memory(count(shape, 1), "the slope multiplier")
    return Built([shape], params)


def batch_norm(s: Setup) -> Built:
    """Three statistics: mean and variance per channel, and the factor that both are scaled by."""
    shape = s.bottom
    if shape is None:
        return Built([None], [(None,), (None,), (1,)])
    s.axis(shape, 1)
    channels = shape[1]
    # The statistics are set to 0, and the images' size is had by dividing by both.
    s.memory(channels, "the statistics")
    if shape[0] == 0:
        s.refuse("division-by-zero", "bottom[0]", divisor="the batch size")
    s.memory(count(shape), "the input")
    return Built([shape], [(channels,), (channels,), (1,)])


def lrn(s: Setup) -> Built:
    """An odd window over the channels, or over the map."""
    if s.own.get("local_size") % 2 == 0:
        s.refuse("even-local-size", "local_size", size=s.own.get("local_size"))
    s.need_axes(4)
    return s.like_bottom()


def mvn(s: Setup) -> Built:
    """Always makes a four-axis top."""
    shape = s.bottom
    if shape is None:
        return Built([None])
    top = tuple(s.legacy(shape, i) for i in range(4))
    s.memory(count(top, 1 if s.own.get("across_channels") else 2), "the sum multiplier")
    return Built([top])


def softmax(s: Setup) -> Built:
    """Along one axis, which must not be empty."""
    check_softmax(s, s.own.get("axis"))
    return s.like_bottom()


def check_softmax(s: Setup, index: int) -> int:
    """The axis of a softmax over the first bottom, checked."""
    axis = s.axis(s.bottom, index)
    if s.bottom is not None:
        s.memory(s.bottom[axis], "the sum multiplier")
    return axis


def eltwise(s: Setup) -> Built:
    """All bottoms have one shape; coefficients are for sums."""
    given = len(s.own.get("coeff"))
    if given not in (0, len(s.bottoms)):
        words = in_words(given, "coeff")
        s.refuse("coeff-count", "coeff", given=words, bottoms=len(s.bottoms))
    if given and s.own.get("operation") == "PROD":
        s.refuse("coeff-with-product", "coeff")
    for i, shape in enumerate(s.bottoms[1:], 1):
        if shapes_differ(s.bottom, shape):
            s.refuse_shape(i, s.bottom)
    known = next((shape for shape in s.bottoms if shape is not None), None)
    return Built([known] * s.tops)


def scale(s: Setup) -> Built:
    """A factor, learned or from a second bottom, and a bias with it where bias_term is true."""
    params = [_learned(s, "filler", s.own.get("num_axes"))] if len(s.bottoms) == 1 else []
    if s.own.get("bias_term"):
        params.append(_own_bias(s))
    _check_factor(s, params[0] if len(s.bottoms) == 1 else s.bottoms[1])
    return Built([s.bottom], params)


def bias(s: Setup) -> Built:
    """A term, learned or from a second bottom."""
    params = [_learned(s, "filler", s.own.get("num_axes"))] if len(s.bottoms) == 1 else []
    _check_factor(s, params[0] if params else s.bottoms[1])
    return Built([s.bottom], params)


def _own_bias(s: Setup) -> Shape:
    """Shape of Scale's bias, which has as many axes as the factor."""
    if len(s.bottoms) == 1:
        return _learned(s, "bias_filler", s.own.get("num_axes"))
    factor = s.bottoms[1]
    return _learned(s, "bias_filler", None if factor is None else len(factor))


def _learned(s: Setup, filler: str, number: int | None) -> Shape:
    """Shape of the learned factor or term: so many axes of the bottom from ``axis`` on; all of them
    for -1.
    """
    shape = s.bottom
    axis = s.axis(shape, s.own.get("axis"))
    if number is not None and number < -1:
        s.refuse("bad-num-axes", "num_axes", value=number)
    if shape is None or number is None:
        return s.fill(None, filler)
    if axis + number > len(shape):
        _refuse_extent(s, axis, number)
    learned = shape[axis:] if number == -1 else shape[axis : axis + number]
    return s.fill(learned, filler)


def _refuse_extent(s: Setup, axis: int, number: int) -> None:
    s.refuse("extends-past-bottom", "axis", axis=axis, number=number, shape=shown(s.bottom),
             bottom=s.bottom_name(0))  # fmt: skip


def _check_factor(s: Setup, factor: Shape) -> None:
    shape = s.bottom
    if shape is None or factor is None:
        return
    axis = s.axis(shape, s.own.get("axis")) if factor else 0
    if axis + len(factor) > len(shape):
        _refuse_extent(s, axis, len(factor))
    for i, size in enumerate(factor):
        if differ(shape[axis + i], size):
            s.refuse_shape(1, shape[axis : axis + len(factor)])
    outer, inner = count(shape, 0, axis), count(shape, axis + len(factor))
    with_bias = s.message.get("type") == "Bias" or s.own.get("bias_term") is True
    if inner == 0 and (with_bias or outer == 0):
        s.memory(0, "the sum multiplier")
