"""What comes into a net: DummyData exactly, images by an assumption about photographs.

Photographs of 8 bits have a mean of about 115 and a deviation of about 58 over all pixels (the
channel means 104, 117, 123 that Caffe's own models subtract; the deviations 0.229, 0.224, 0.225 of
the same ImageNet images that are usual elsewhere, times 255). Their spectrum falls with the square
of the frequency (Field 1987), which makes the covariance of two pixels fall by the same amount
whenever their distance doubles. Pictures of another kind (digits, say) may be off by a factor of 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

from ..schema.message import Message
from .fillers import Fill, fill_of
from .kernel import Kernel
from .signal import Part, Signal
from .step import Blocked, Step, frame

PIXEL_MEAN = 115.0
PIXEL_DEVIATION = 58.0

_NEXT_PIXEL = 0.95
"""Correlation of neighbouring pixels."""

_SAME_IMAGE = 0.25
"""Share of the variance that is one of brightness between images: what distant pixels share."""

_COLOURS = 0.9
"""Correlation of the colours of a pixel."""

Inputs = Mapping[str, tuple[float, float]]
"""Mean and standard deviation by blob name."""

_IMAGES = ("Data", "ImageData", "WindowData")


def source(s: Step, given: Inputs) -> list[Signal | None]:
    """The tops of a layer without bottoms; None for labels."""
    tops: list[Signal | None] = []
    for i, blob in enumerate(s.layer.tops):
        if blob.name in given:
            tops.append(_given(s, i, *given[blob.name]))
        elif s.layer.type == "DummyData":
            tops.append(_dummy(s, i))
        elif i > 0 and s.layer.type != "Input":
            tops.append(None)
        else:
            tops.append(_first(s, i))
    return tops


def _given(s: Step, top: int, mean: float, deviation: float) -> Signal:
    samples, channels, size = s.frame(top)
    if s.layer.type == "DummyData":
        part = noise(channels, Fill(mean, deviation * deviation))
    else:
        part = picture(channels, mean, deviation, size)
    return Signal([part], samples, size).without_luck()


def _first(s: Step, top: int) -> Signal | None:
    if s.layer.type in _IMAGES:
        return _image(s, top)
    if s.layer.type == "Input" and s.layer.tops[top].readers:
        shape = s.top_shapes[top]
        if shape is not None and len(shape) == 4:
            return _image(s, top)
    raise Blocked(f"the values that {s.layer.type} brings are not known")


def _dummy(s: Step, top: int) -> Signal:
    """Filled like learned blobs; by the constant 0 where no filler is written."""
    fillers: list[Message] = s.own.get("data_filler")
    samples, channels, size = s.frame(top)
    if not fillers:
        return Signal([noise(channels, Fill(0.0, 0.0))], samples, size)
    shape = tuple(1 if d is None else d for d in s.top_shapes[top] or ())
    fill = fill_of(fillers[top if len(fillers) > 1 else 0], shape)
    return Signal([noise(channels, fill)], samples, size).without_luck()


def noise(channels: int, fill: Fill) -> Part:
    """Independent values."""
    base = fill.mean * fill.mean
    return Part(channels, fill.mean, Kernel((base, base, base, fill.square)))


def _image(s: Step, top: int) -> Signal:
    """Pixels less the mean, times the scale (data_transformer.cpp)."""
    transform = s.layer.message.sub("transform_param")
    samples, channels, size = frame(s.top_shapes[top])
    scale = float(transform.get("scale"))
    mean = PIXEL_MEAN
    values: list[float] = transform.get("mean_value")
    if values:
        mean -= sum(values) / len(values)
    elif _mean_file(s, transform):
        mean = 0.0
    if s.layer.type == "Input":
        mean = 0.0
    part = picture(channels, mean * scale, PIXEL_DEVIATION * scale, size)
    return Signal([part], samples, size, assumed=True).without_luck()


def _mean_file(s: Step, transform: Message) -> bool:
    """Whether a mean image is subtracted; old layers name it in their own block."""
    old = s.own.type.fields.get("mean_file")
    return transform.has("mean_file") or (old is not None and s.own.has("mean_file"))


def picture(channels: int, mean: float, deviation: float, size: tuple[int, int]) -> Part:
    """Pixels whose covariance falls evenly with the logarithm of their distance."""
    if size == (1, 1):
        return noise(channels, Fill(mean, deviation * deviation))
    variance, base = deviation * deviation, mean * mean
    octaves = max(1.0, log2(max(size)))
    drop = (_NEXT_PIXEL - _SAME_IMAGE) / octaves
    near = [1.0] + [_NEXT_PIXEL - drop * i for i in range(int(octaves) + 1)]
    values = (_SAME_IMAGE, 0.0, 0.0, *near)
    kernel = Kernel(tuple(base + variance * value for value in values))
    between = Kernel(tuple(base + _COLOURS * variance * value for value in values))
    return Part(channels, mean, kernel, between)
