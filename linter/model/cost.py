"""What a net costs: multiply-adds, learned blobs, memory.

Multiply-adds are those of one forward pass over the whole batch. A sum alone counts like a
multiply-add; adding a bias, comparing with a label, moving values and elementwise functions count
nothing. What depends on an unknown size is None, and a ``Sum`` tells what is known all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from .build import Shapes
from .layers import LAYER_TYPES
from .net import Layer, Net, Param
from .shapes.setup import Dim, Shape, count, signed

BYTES = 4
"""Size of one value: Caffe trains in single precision."""

Shapes_ = Sequence[Shape]
Formula = Callable[[Layer, Shapes_, Shapes_, Shapes_], Dim]
"""Multiply-adds, given the layer and the shapes of its bottoms, tops and learned blobs."""


def multiply_adds(layer: Layer, bottoms: Shapes_, tops: Shapes_, params: Shapes_) -> Dim:
    """Multiply-adds of one forward pass of a layer; None where they cannot be known.

    A convolution costs its weights at each output position of each image, a deconvolution its
    weights at each input position, an InnerProduct its weights for each row; LSTM and RNN their
    matrices at each timestep of each stream. Pooling and LRN cost their window for each output,
    Eltwise one operation for each bottom but the first. The other formulas stand in ``_FORMULAS``.
    """
    formula = _FORMULAS.get(layer.type)
    return formula(layer, bottoms, tops, params) if formula is not None else None


def _product(*numbers: Dim) -> Dim:
    return count(numbers)


def _without(shape: Shape, axis: int) -> Dim:
    """Number of positions: the values of a shape but for one axis."""
    if shape is None:
        return None
    axis %= len(shape)
    return count((*shape[:axis], *shape[axis + 1 :]))


def _convolution(layer: Layer, _bottoms: Shapes_, tops: Shapes_, params: Shapes_) -> Dim:
    """weights × output positions × batch, for each top; the weights of a group see its part only.

    The weights' shape has the channels of one group, so their count accounts for groups.
    """
    assert layer.own is not None
    axis: int = layer.own.get("axis")
    return _total(_product(count(params[0]), _without(top, axis)) for top in tops)


def _deconvolution(layer: Layer, bottoms: Shapes_, _tops: Shapes_, params: Shapes_) -> Dim:
    """weights × input positions × batch: each input value is spread over a window."""
    assert layer.own is not None
    axis: int = layer.own.get("axis")
    return _total(_product(count(params[0]), _without(bottom, axis)) for bottom in bottoms)


def _inner_product(layer: Layer, bottoms: Shapes_, _tops: Shapes_, params: Shapes_) -> Dim:
    """weights × rows: a row is all that lies behind ``axis``."""
    assert layer.own is not None
    if bottoms[0] is None:
        return None
    axis: int = layer.own.get("axis")
    return _product(count(params[0]), count(bottoms[0], 0, axis % len(bottoms[0])))


def _recurrent(layer: Layer, bottoms: Shapes_, _tops: Shapes_, params: Shapes_) -> Dim:
    """matrices × timesteps × streams, and for an LSTM 3 for each cell: two gates and the output.

    The static input is multiplied once per stream. Biases count nothing, as elsewhere.
    """
    data = bottoms[0]
    if data is None:
        return None
    steps = count(data, 0, 2)
    each: list[Dim] = []
    for param, shape in zip(layer.params, params, strict=False):
        if param.role == "static weight":
            each.append(_product(count(shape), data[1]))
        elif "bias" not in param.role:
            each.append(_product(count(shape), steps))
    if layer.type == "LSTM":
        assert layer.own is not None
        each.append(_product(3, steps, signed(layer.own.get("num_output"))))
    return _total(each)


def _lstm_unit(_layer: Layer, bottoms: Shapes_, _tops: Shapes_, _params: Shapes_) -> Dim:
    """3 for each cell: forget gate, input gate, output gate."""
    return _product(3, count(bottoms[0]))


def _eltwise(_layer: Layer, bottoms: Shapes_, tops: Shapes_, _params: Shapes_) -> Dim:
    """values × (bottoms − 1); a coefficient is part of its sum."""
    return _product(len(bottoms) - 1, count(tops[0]))


def _lrn(layer: Layer, _bottoms: Shapes_, tops: Shapes_, _params: Shapes_) -> Dim:
    """values × window: ``local_size``, or its square within a channel."""
    assert layer.own is not None
    size = signed(layer.own.get("local_size"))
    across = layer.own.get("norm_region") == "ACROSS_CHANNELS"
    return _product(count(tops[0]), size if across else size * size)


def _pooling(layer: Layer, bottoms: Shapes_, tops: Shapes_, _params: Shapes_) -> Dim:
    """outputs × window; windows that hang over the edge are taken as whole."""
    assert layer.own is not None
    own = layer.own
    if own.get("global_pooling"):
        return count(bottoms[0])
    if own.has("kernel_size"):
        window = signed(own.get("kernel_size")) ** 2
    else:
        window = signed(own.get("kernel_h")) * signed(own.get("kernel_w"))
    return _product(count(tops[0]), window)


def _pyramid(layer: Layer, bottoms: Shapes_, _tops: Shapes_, _params: Shapes_) -> Dim:
    """bins × window × channels at each level."""
    assert layer.own is not None
    shape = bottoms[0]
    if shape is None or len(shape) != 4:
        return None
    _, _, height, width = shape
    if height is None or width is None:
        return None
    covered = 0
    # Shapes that are known are those of a layer Caffe accepts: it has few levels.
    for level in range(signed(layer.own.get("pyramid_height"))):
        bins = 2**level
        covered += -(-height // bins) * -(-width // bins) * bins * bins
    return _product(count(shape, 0, 2), covered)


def _mvn(layer: Layer, bottoms: Shapes_, _tops: Shapes_, _params: Shapes_) -> Dim:
    """1 for each value for the mean; 2 more for the variance and the division by it."""
    assert layer.own is not None
    return _product(count(bottoms[0]), 3 if layer.own.get("normalize_variance") else 1)


def _per_value(_layer: Layer, bottoms: Shapes_, _tops: Shapes_, _params: Shapes_) -> Dim:
    """1 for each value of the first bottom."""
    return count(bottoms[0])


def _free(_layer: Layer, _bottoms: Shapes_, _tops: Shapes_, _params: Shapes_) -> Dim:
    return 0


def _total(numbers: Sequence[Dim] | object) -> Dim:
    total = 0
    for number in numbers:  # type: ignore[attr-defined]
        if number is None:
            return None
        total += number
    return total
