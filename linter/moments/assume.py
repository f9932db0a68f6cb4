"""Sizes that only the data decides, where the data cannot be looked at: usual ones in their place.

How large signals are depends on them a little only: fillers that know their fan-in do not care, and
others go with the root of it.
"""

from __future__ import annotations

from ..model.build import Shapes, set_up
from ..model.net import Layer, Net
from ..model.shapes.setup import Shape
from .step import USUAL_BATCH

_SIDES = (28, 32, 64, 128, 224, 384)
"""Heights and widths that are tried, the smallest first: it is the last that the net can take."""

_IMAGES = ("Data", "ImageData", "WindowData")


def with_usual_sizes(net: Net, shapes: Shapes) -> Shapes | None:
    """The net set up with images of a usual size, where the data decides; the same shapes if
    nothing is left open, None where no usual size fits.
    """
    open_ = [
        layer
        for layer in net.sources
        if layer.type in _IMAGES and layer.tops and _is_open(shapes.blobs.get(layer.tops[0]))
    ]
    if not open_:
        return shapes
    given = {
        blob.name: shapes.blobs[blob]
        for layer in net.sources
        for blob in layer.tops
        if shapes.blobs.get(blob) is not None
    }
    sides = _SIDES if any(_side_open(shapes.blobs.get(one.tops[0])) for one in open_) else (1,)
    for side in sides:
        usual = {
            layer.tops[0].name: _completed(layer, shapes.blobs.get(layer.tops[0]), side)
            for layer in open_
        }
        known, problems = set_up(net, {**given, **usual})
        if not any(problem.rejects for problem in problems):
            return known
    return None


def _is_open(shape: Shape) -> bool:
    return shape is None or None in shape


def _side_open(shape: Shape) -> bool:
    return shape is None or None in shape[2:]


def _completed(layer: Layer, shape: Shape, side: int) -> Shape:
    usual = (USUAL_BATCH, _channels(layer), side, side)
    if shape is None or len(shape) != len(usual):
        return usual
    return tuple(b if a is None else a for a, b in zip(shape, usual, strict=True))


def _channels(layer: Layer) -> int:
    """3, or 1 where something tells that images are grey."""
    transform = layer.message.sub("transform_param")
    return 1 if transform.get("force_gray") or len(transform.get("mean_value")) == 1 else 3
