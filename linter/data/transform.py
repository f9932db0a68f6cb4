"""What transform_param does with images of known sizes (data_transformer.cpp)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..core.problem import Problem
from ..core.source import Span
from ..model.net import Layer
from ..model.shapes.setup import signed
from ..schema.descriptor import MessageType
from ..schema.message import Message

Sizes = dict[tuple[int, int, int], int]
"""Channels, height and width of images before cropping, 0 for unknown ones; with how many samples
have them, 0 where the net file says so.
"""


def transform_problems(
    layer: Layer, sizes: Sizes, mean: Path | None, blob: MessageType
) -> Iterator[Problem]:
    """Problems of one data layer's transformation; ``mean`` is the mean file where it was found."""
    transform = layer.message.sub("transform_param")
    crop = signed(transform.get("crop_size"))
    yield from _crop(layer, transform, crop, sizes)
    yield from _mean_values(layer, transform, sizes)
    yield from _mixed(layer, crop, sizes)
    if mean is not None:
        yield from _mean_file(layer, transform, crop, sizes, mean, blob)


def _measured(sizes: Sizes) -> Sizes:
    """Those that were found in the data; what the net file says is checked with the net."""
    return {size: number for size, number in sizes.items() if number and size[1]}


def _crop(layer: Layer, transform: Message, crop: int, sizes: Sizes) -> Iterator[Problem]:
    small = {s: n for s, n in _measured(sizes).items() if crop > min(s[1], s[2])}
    if not small:
        return
    _, height, width = min(small, key=lambda size: min(size[1], size[2]))
    values = {
        "layer": layer.name,
        "crop": crop,
        "height": height,
        "width": width,
        "smallest": min(height, width),
        "entries": f"{sum(small.values())} of {sum(_measured(sizes).values())}",
    }
    yield _problem("crop-larger-than-data", transform.span("crop_size"), layer, values)


def _mean_values(layer: Layer, transform: Message, sizes: Sizes) -> Iterator[Problem]:
    """One value, or one for each channel."""
    given = len(transform.get("mean_value"))
    channels = {size[0] for size in sizes}
    if given < 2 or len(channels) != 1 or given in channels or layer.type == "WindowData":
        return
    number = channels.pop()
    word = "channel" if number == 1 else "channels"
    values = {"layer": layer.name, "given": given, "channels": number, "word": word}
    yield _problem("mean-value-count", transform.span("mean_value"), layer, values)


def _mixed(layer: Layer, crop: int, sizes: Sizes) -> Iterator[Problem]:
    """All images of a batch are copied into a blob of the first one's size."""
    own = layer.own
    measured = _measured(sizes)
    if own is None or len(measured) < 2:
        return
    values: dict[str, object] = {"layer": layer.name, "source": own.get("source")}
    channels = sorted({size[0] for size in measured})
    if len(channels) > 1:
        words = " and ".join(map(str, channels))
        yield _problem("channels-mixed", own.span("source"), layer, {**values, "channels": words})
    squares = {size[1:] for size in measured}
    if crop or len(squares) < 2 or signed(own.get("batch_size")) == 1:
        return
    one, other = min(squares), max(squares)
    found = {**values, "one": f"{one[0]}×{one[1]}", "other": f"{other[0]}×{other[1]}"}
    resize = "new_height and new_width" if layer.type == "ImageData" else ""
    yield _problem("sizes-mixed", own.span("source"), layer, {**found, "resize": resize})


def _mean_file(
    layer: Layer, transform: Message, crop: int, sizes: Sizes, path: Path, blob: MessageType
) -> Iterator[Problem]:
    from .mean import MeanError, legacy_size, read_mean

    span = transform.span("mean_file")
    values: dict[str, object] = {"layer": layer.name, "mean_file": transform.get("mean_file")}
    try:
        channels, height, width = legacy_size(read_mean(path, blob))
    except MeanError as error:
        yield _problem("mean-file-unreadable", span, layer, {**values, "reason": str(error)})
        return
    values["size"] = f"{channels}×{height}×{width}"
    if layer.type == "WindowData":
        return
    wrong = next((s for s in sizes if _differs((channels, height, width), s)), None)
    if wrong is not None:
        wanted = "×".join(str(size or "?") for size in wrong)
        values["reason"] = f"images are {wanted} before they are cropped"
        yield _problem("mean-size-differs", span, layer, values)
    elif crop > min(height, width):
        values["reason"] = f"crops of {crop}×{crop} are cut out of images of the mean's size"
        yield _problem("mean-size-differs", span, layer, values)


def _differs(mean: tuple[int, int, int], data: tuple[int, int, int]) -> bool:
    return any(b and a != b for a, b in zip(mean, data, strict=True))


def _problem(kind: str, span: Span, layer: Layer, values: dict[str, object]) -> Problem:
    return Problem(kind, span, values, layer=layer.name)
