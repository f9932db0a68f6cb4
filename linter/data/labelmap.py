"""Label maps, which give the classes of a detector their names, against the net that reads them.

A map is a prototxt of blocks like ``item { name: "cat" label: 1 }``, background included (LabelMap
in SSD's caffe.proto). DetectionOutput reads it to write results. AnnotatedData only names it: it is
the map that its database was made with, so it tells which labels there are.

Problems, with their values:

- ``label-map-unreadable``: layer
- ``label-map-duplicate``: layer, label, item (what the second item says, in words)
- ``label-map-lacks-class``: layer, path, label (the first that is missing), classes, last (the
  largest label that is needed)
- ``label-map-has-more``: layer, path, classes, highest (the largest label in the map)
- ``labels-beyond-classes``: layer (the loss), path, classes, highest, wanted (num_classes for it)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from ..core.looking import open_file
from ..core.problem import Problem
from ..core.source import Source, Span
from ..model.net import Layer
from ..schema.message import Message
from ..schema.values import read_int32, read_string
from ..syntax.parser import parse
from ..syntax.tree import Field
from .paths import shown

_T = TypeVar("_T", str, int, bool)

_MOST_BYTES = 1 << 20
"""A larger file is no label map: the one with ImageNet's 1000 classes has 69 KiB."""

_BLOCKS = {
    "AnnotatedData": ("annotated_data_param",),
    "DetectionOutput": ("detection_output_param", "save_output_param"),
}
"""The layer types that name a label map, with the blocks that they do it in."""

_GROUND_TRUTH = 3
"""The bottom of MultiBoxLoss that takes the labels (multibox_loss_layer.hpp)."""


class LabelMap(Struct, frozen=True):
    """What a label map says. ``labels`` have the place where they are first given; ``again`` are
    labels given once more, with the place and whether a label is written there. ``broken`` is where
    Caffe gives up reading, None where it reads all.
    """

    source: Source
    labels: dict[int, Span]
    again: tuple[tuple[int, Span, bool], ...]
    broken: Span | None

    @property
    def is_sound(self) -> bool:
        """Whether Caffe reads it."""
        return self.broken is None and not self.again

    def problems(self, layer: Layer) -> list[Problem]:
        """What makes Caffe abort as a DetectionOutput layer reads the map at set-up
        (detection_output_layer.cpp:62-68, MapLabelToName in io.cpp).
        """
        if self.broken is not None:
            return [Problem("label-map-unreadable", self.broken, {"layer": layer.name})]
        return [
            Problem(
                "label-map-duplicate",
                span,
                {
                    "layer": layer.name,
                    "label": label,
                    "item": f"label {label}" if written else "no label, which means 0",
                },
                ((self.labels[label], "first here"),),
            )
            for label, span, written in self.again
        ]


def read_label_map(path: Path) -> LabelMap | None:
    """A label map; None for a file that is too large for one.

    Raises:
        OSError: if it cannot be read.
    """
    with open_file(path) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        return None
    source = Source.from_bytes(shown(path), data)
    tree = parse(source)
    faults = [problem.span for problem in tree.problems if problem.rejects]
    labels: dict[int, Span] = {}
    again: list[tuple[int, Span, bool]] = []
    for field in tree.fields:
        try:
            label, written = _label(field)
        except ValueError:
            faults.append(field.span)
            continue
        span = field.span if written is None else written.span
        if label in labels:
            again.append((label, span, written is not None))
        else:
            labels[label] = span
    return LabelMap(source, labels, tuple(again), min(faults, default=None))


def _label(item: Field) -> tuple[int, Field | None]:
    """The label of an item, 0 if none is written, and where it stands. Fields other than the two
    that every fork has are not looked at: some have more.

    Raises:
        ValueError: for what is no item, or has a name or label of another type.
    """
    if item.name != "item" or item.children is None:
        raise ValueError("no item")
    label, written = 0, None
    for field in item.children:
        if field.name == "name":
            read_string(field)
        elif field.name == "label":
            label, written = read_int32(field), field
    return label, written


def names_label_map(layer: Layer) -> bool:
    """Whether a layer reads a label map, or has data that was made with one."""
    return layer.type in _BLOCKS and bool(label_map_of(layer)[1])


def label_map_of(layer: Layer) -> tuple[Message, str]:
    """The block that names the label map of a layer, and its path; empty where there is none."""
    block = layer.message
    for name in _BLOCKS[layer.type]:
        block = _block(block, name)
    return block, _value(block, "label_map_file", "")


def output_problems(layer: Layer, map_: LabelMap) -> Iterator[Problem]:
    """The classes that a DetectionOutput layer writes results of, against its map."""
    save, path = label_map_of(layer)
    own = _block(layer.message, "detection_output_param")
    # Results are written where all three are set (detection_output_layer.cpp:41-101).
    if not (_value(save, "output_directory", "") and _value(save, "name_size_file", "")):
        return
    classes = _value(own, "num_classes", 0)
    background = _value(own, "background_label_id", 0)
    values: dict[str, object] = {"layer": layer.name, "path": path, "classes": classes}
    also = ((own.span("num_classes"), "num_classes"),)
    highest = max(map_.labels, default=0)
    known = sum(1 for label in map_.labels if 0 <= label < classes and label != background)
    if known < classes - (0 <= background < classes):
        # num_classes may be anything up to 2³², but the map is small: the first gap comes soon.
        needed = (label for label in range(classes) if label != background)
        first = next(label for label in needed if label not in map_.labels)
        values |= {"label": first, "last": classes - 1}
        yield _in_net("label-map-lacks-class", save.span("label_map_file"), values, also)
    elif 0 < classes <= highest:
        values["highest"] = highest
        yield _in_net("label-map-has-more", save.span("label_map_file"), values, also)


def training_problems(data: Layer, map_: LabelMap) -> Iterator[Problem]:
    """The labels of an AnnotatedData layer against the classes of the losses that read them."""
    block, path = label_map_of(data)
    highest = max(map_.labels, default=0)
    for loss, bottom in data.tops[1].readers if len(data.tops) > 1 else ():
        own = _block(loss.message, "multibox_loss_param")
        classes = _value(own, "num_classes", 0)
        if loss.type != "MultiBoxLoss" or bottom != _GROUND_TRUTH or not 0 < classes <= highest:
            continue
        # All objects may be taken for one class (EncodeConfPrediction in bbox_util.cpp).
        if not _value(own, "map_object_to_agnostic", False):
            values: dict[str, object] = {"layer": loss.name, "path": path, "classes": classes}
            values |= {"highest": highest, "wanted": highest + 1}
            also = ((block.span("label_map_file"), "the label map of its data"),)
            yield _in_net("labels-beyond-classes", own.span("num_classes"), values, also)


def _in_net(
    kind: str, span: Span, values: Mapping[str, object], also: tuple[tuple[Span, str], ...]
) -> Problem:
    return Problem(kind, span, values, also, str(values["layer"]), rejects=False)


# The fields of forks, and of the user's own caffe.proto: each may be missing, or of another type.


def _block(message: Message, name: str) -> Message:
    block = message.values.get(name)
    return block if isinstance(block, Message) else Message(message.type)


def _value(message: Message, name: str, default: _T) -> _T:
    """The value that is written of a field."""
    value = message.values.get(name)
    return value if isinstance(value, type(default)) else default
