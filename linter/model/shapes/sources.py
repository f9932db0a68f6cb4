"""Layers that bring data in. What only the data decides stays unknown.

Sources: base_data_layer.cpp, data_layer.cpp, image_data_layer.cpp, window_data_layer.cpp,
memory_data_layer.cpp, hdf5_data_layer.cpp, dummy_data_layer.cpp, input_layer.cpp,
parameter_layer.hpp, hdf5_output_layer.cpp, data_transformer.cpp.
"""

from __future__ import annotations

from ...schema.message import Message
from .setup import Built, Dim, Setup, Shape, count, signed


def input_(s: Setup) -> Built:
    """One shape for all tops, one for each, or none, which leaves the blobs empty."""
    shapes = s.own.get("shape")
    if len(shapes) not in (0, 1, s.tops):
        s.refuse("shape-count", "shape", given=len(shapes), tops=s.tops)
    if not shapes:
        return Built([()] * s.tops)
    return Built([_shape(s, shapes[min(i, len(shapes) - 1)]) for i in range(s.tops)])


def _shape(s: Setup, message: Message) -> Shape:
    sizes: list[int] = message.get("dim")
    return s.blob(tuple(sizes), "shape")


def parameter(s: Setup) -> Built:
    """The learned blob is the top."""
    shape = _shape(s, s.own.sub("shape"))
    return Built([shape], [shape])


def dummy_data(s: Setup) -> Built:
    """Shapes in the current form, or as num, channels, height and width."""
    own = s.own
    fillers = own.get("data_filler")
    if len(fillers) not in (0, 1, s.tops):
        s.refuse("shape-count", "data_filler", given=len(fillers), tops=s.tops)
    shapes = own.get("shape")
    legacy = [own.get(name) for name in ("num", "channels", "height", "width")]
    tops: list[Shape]
    if any(legacy):
        if shapes:
            s.refuse("given-both-ways", "shape", field="shape", other="num, channels, …")
        for name, sizes in zip(("num", "channels", "height", "width"), legacy, strict=True):
            if len(sizes) not in (1, s.tops):
                s.refuse("shape-count", name, given=len(sizes), tops=s.tops)
        tops = [
            s.blob(tuple(signed(sizes[i if len(sizes) > 1 else 0]) for sizes in legacy), "num")
            for i in range(s.tops)
        ]
    else:
        if len(shapes) not in (1, s.tops):
            s.refuse("shape-count", "shape", given=len(shapes), tops=s.tops)
        tops = [_shape(s, shapes[i if len(shapes) > 1 else 0]) for i in range(s.tops)]
    for i, shape in enumerate(tops):
        if fillers:
            number = i if len(fillers) > 1 else 0
            s.check_filler(fillers[number], shape, f"data_filler[{number}]")
        s.memory(count(shape), "the data")
    return Built(tops)


# Data from files: the transformer decides what it can without them.


def _check_transform(s: Setup) -> Message:
    transform = s.message.sub("transform_param")
    if transform.has("mean_file") and transform.has("mean_value"):
        s.refuse("mean-file-and-mean-value", "transform_param")
    return transform


def _batch(s: Setup) -> int:
    batch = signed(s.own.get("batch_size"))
    s.positive("batch_size", batch)
    return batch


def _with_label(s: Setup, data: Shape, batch: int) -> Built:
    return Built([data, *[(batch,)] * (s.tops - 1)][: s.tops])


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
        s.refuse("half-given", "new_height" if height else "new_width",
                 field="new_height" if height else "new_width",
                 other="new_width" if height else "new_height")  # fmt: skip
    crop = signed(transform.get("crop_size"))
    for size in (height, width):
        if size and crop > size:
            s.refuse("crop-larger-than-image", "transform_param", crop=crop, size=size)
    batch = _batch(s)
    sizes: tuple[Dim, Dim] = (crop or height or None, crop or width or None)
    return _with_label(s, (batch, 3 if own.get("is_color") else 1, *sizes), batch)


def window_data(s: Setup) -> Built:
    """Windows are always warped to the crop size."""
    transform = s.message.sub("transform_param")
    crop = signed(transform.get("crop_size"))
    if crop <= 0:
        s.refuse("must-be-positive", "transform_param", field="crop_size", value=crop)
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
