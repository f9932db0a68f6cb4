"""Layers that bring data in. What only the data decides stays unknown.

Sources: base_data_layer.cpp, data_layer.cpp, image_data_layer.cpp, window_data_layer.cpp,
memory_data_layer.cpp, hdf5_data_layer.cpp, dummy_data_layer.cpp, input_layer.cpp,
parameter_layer.hpp, hdf5_output_layer.cpp, data_transformer.cpp.
"""

from __future__ import annotations

from ...schema.message import Message
from .setup import Built, Dim, Setup, Shape, count, in_words, signed

LEGACY_SIZES = ("num", "channels", "height", "width")


def input_(s: Setup) -> Built:
    """One shape for all tops, one for each, or none, which leaves the blobs empty."""
    shapes = s.own.get("shape")
    if shapes:
        _check_count(s, "shape")
        return Built(_shapes(s))
    return Built([()] * s.tops)


def _check_count(s: Setup, field: str) -> None:
    """A field that is there once for all tops, or once for each."""
    given = len(s.own.get(field))
    if given not in (1, s.tops):
        words = in_words(given, field)
        s.refuse("shape-count", field, given=words, tops=in_words(s.tops, "top"))


def _shapes(s: Setup) -> list[Shape]:
    blocks: list[Message] = s.own.get("shape")
    numbers = [min(i, len(blocks) - 1) for i in range(s.tops)]
    return [s.blob(tuple(blocks[i].get("dim")), f"shape[{i}]") for i in numbers]


def parameter(s: Setup) -> Built:
    """The learned blob is the top."""
    shape = s.blob(tuple(s.own.sub("shape").get("dim")), "shape")
    return Built([shape], [shape])


def dummy_data(s: Setup) -> Built:
    """Shapes in the current form, or as num, channels, height and width."""
    own = s.own
    fillers = own.get("data_filler")
    if fillers:
        _check_count(s, "data_filler")
    if any(own.has(name) for name in LEGACY_SIZES):
        if own.has("shape"):
            s.refuse_both("shape", "num, channels, height and width", at="shape")
        for name in LEGACY_SIZES:
            _check_count(s, name)
        tops = [_legacy_shape(s, i) for i in range(s.tops)]
    else:
        _check_count(s, "shape")
        tops = _shapes(s)
    for i, shape in enumerate(tops):
        if fillers:
            number = i if len(fillers) > 1 else 0
            s.check_filler(fillers[number], shape, f"data_filler[{number}]")
        s.memory(count(shape), "the data", "shape" if own.has("shape") else "num")
    return Built(tops)


def _legacy_shape(s: Setup, top: int) -> Shape:
    columns: list[list[int]] = [s.own.get(name) for name in LEGACY_SIZES]
    return s.blob(tuple(signed(sizes[top if len(sizes) > 1 else 0]) for sizes in columns), "num")


# Data from files: the transformer decides what it can without them.


def _check_transform(s: Setup) -> Message:
    transform = s.message.sub("transform_param")
    if transform.has("mean_file") and transform.has("mean_value"):
        s.refuse("mean-file-and-mean-value", "transform_param.mean_value")
    return transform


def _batch(s: Setup) -> int:
    batch = signed(s.own.get("batch_size"))
    s.positive("batch_size", batch)
    return batch


def _with_label(s: Setup, data: Shape, batch: int) -> Built:
    s.blob(data, "transform_param.crop_size")
    return Built([data, (batch,)][: s.tops])


def data(s: Setup) -> Built:
    """Cropped to a square where crop_size is set; else as large as the first datum."""
    crop = signed(_check_transform(s).get("crop_size")) or None
    batch = _batch(s)
    return _with_label(s, (batch, None, crop, crop), batch)


def image_data(s: Setup) -> Built:
    """Resized to new_height and new_width where both are set."""
    own, transform = s.own, _check_transform(s)
    height, width = signed(own.get("new_height")), signed(own.get("new_width"))
    if (height > 0) != (width > 0) or min(height, width) < 0:
        field, other = ("new_height", "new_width") if height else ("new_width", "new_height")
        s.refuse("half-given", field, field=field, other=other)
    crop = signed(transform.get("crop_size"))
    for size in (height, width):
        if size and crop > size:
            s.refuse("crop-larger-than-image", "transform_param.crop_size", crop=crop, size=size)
    batch = _batch(s)
    sizes: tuple[Dim, Dim] = (crop or height or None, crop or width or None)
    return _with_label(s, (batch, 3 if own.get("is_color") else 1, *sizes), batch)


def window_data(s: Setup) -> Built:
    """Windows are always warped to the crop size."""
    transform = s.message.sub("transform_param")
    crop = signed(transform.get("crop_size"))
    if crop <= 0:
        value = crop if transform.has("crop_size") else "not set"
        s.refuse("must-be-positive", "transform_param.crop_size", field="crop_size", value=value)
    batch = _batch(s)
    _check_transform(s)
    return _with_label(s, (batch, None, crop, crop), batch)


def memory_data(s: Setup) -> Built:
    """All four sizes are given."""
    _check_transform(s)
    names = ("batch_size", "channels", "height", "width")
    sizes = tuple(signed(s.own.get(name)) for name in names)
    for name, size in zip(names, sizes, strict=True):
        s.positive(name, size)
    return Built([s.blob(sizes), (sizes[0],)])


def hdf5_data(s: Setup) -> Built:
    """The data sets of the file have the sizes; they are not transformed."""
    if s.message.has("transform_param"):
        s.refuse("hdf5-with-transform", "transform_param")
    return Built([None] * s.tops)


def hdf5_output(s: Setup) -> Built:
    """Writes its bottoms to a file."""
    if not s.own.get("file_name"):
        s.refuse("file-name-unset", "file_name")
    return Built([])


def python(s: Setup) -> Built:
    """Whatever its module makes."""
    return Built([None] * s.tops)
