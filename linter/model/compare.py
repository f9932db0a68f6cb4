"""Two nets held against each other: the training net against its test net and its deploy net.

Weights go from net to net by layer name (Net::ShareTrainedLayersWith, CopyTrainedLayersFrom), so a
name or a shape that differs is found only when the weights arrive, or never.

Problems, with their values:

- ``transform-differs``, ``mean-differs-slightly``, ``crop-differs``: layer, field, test, train
  (both as text), blob
- ``deploy-layer-renamed``: layer, type, train (the training net's file), trained (its layer)
- ``deploy-shape-differs``: layer, type, train, blob (its role), shape, trained (both shapes)
- ``input-channels-differ``: layer, blob, channels, trained, train, reader (a layer whose weights
  do not fit)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from ..core.problem import Problem
from ..core.source import Span
from ..schema.message import Message
from .build import Shapes
from .net import Layer, Net
from .shapes.setup import Shape, shapes_differ, shown

# Grey levels that the means of two sets of ordinary pictures may lie apart.
_NEAR = 10.0

_STAGE_WORDS = frozenset(
    ("train", "test", "val", "trainval", "traintest", "deploy", "inference", "net", "model")
)

# Train against test


def check_transforms(train: Net, test: Net) -> list[Problem]:
    """Differences in what is done to the pixels of the same blob in training and in tests."""
    problems: list[Problem] = []
    sources = {layer.top_names[0]: layer for layer in train.sources}
    for layer in test.sources:
        other = sources.get(layer.top_names[0])
        if other is not None and other.message is not layer.message and other.type == layer.type:
            problems += _compare_transforms(other, layer)
    return problems


def _compare_transforms(train: Layer, test: Layer) -> Iterator[Problem]:
    if "transform_param" not in test.message.type.fields:
        return
    ours, theirs = test.message.sub("transform_param"), train.message.sub("transform_param")
    for field, own, other in (
        ("scale", _number(ours.get("scale")), _number(theirs.get("scale"))),
        ("mean", _mean(ours), _mean(theirs)),
        ("crop_size", ours.get("crop_size"), theirs.get("crop_size")),
    ):
        # A crop in one of them only may well bring both to one size.
        if own == other or (field == "crop_size" and not (own and other)):
            continue
        values = {"field": field, "test": str(own), "train": str(other)}
        values.update(layer=test.name, blob=test.top_names[0])
        kind = "crop-differs" if field == "crop_size" else "transform-differs"
        if field == "mean" and _means_are_near(ours, theirs):
            kind = "mean-differs-slightly"
        yield Problem(kind, _transform_span(test.message, field), values, (), test.name, False)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _mean(transform: Message) -> str:
    """What is subtracted, in words; one value for all channels is written once."""
    if transform.has("mean_file"):
        return f'the file "{transform.get("mean_file").rpartition("/")[2]}"'
    values = [_number(value) for value in transform.get("mean_value")]
    if len(set(values)) == 1:
        values = values[:1]
    return "nothing" if values == ["0"] else ", ".join(values) or "nothing"


def _means_are_near(ours: Message, theirs: Message) -> bool:
    """Whether two means are most likely of the same sort of images: two files, or numbers that lie
    closer than the brightness of pictures varies.
    """
    if ours.has("mean_file") and theirs.has("mean_file"):
        return True
    own, other = ours.get("mean_value"), theirs.get("mean_value")
    if not own or not other:
        return False
    # One value stands for all channels.
    most = max(len(own), len(other))
    own, other = (values * most if len(values) == 1 else values for values in (own, other))
    return len(own) == len(other) and all(
        abs(a - b) <= _NEAR for a, b in zip(own, other, strict=True)
    )


def _transform_span(layer: Message, field: str) -> Span:
    names = ("mean_file", "mean_value") if field == "mean" else (field,)
    for path in (*(f"transform_param.{name}" for name in names), "transform_param", "name", "type"):
        span = layer.find(path)
        if span is not None:
            return span
    return layer.span("name")


def only_here(net: Net, train: Net) -> dict[Layer, str]:
    """Learned layers of a test net that its training net lacks, each with the training net's layer
    of the same type that the test net lacks, if there is just one.
    """
    trained = {layer.name: layer for layer in train.layers if layer.weighs}
    own = {layer.name for layer in net.layers}
    extra = [layer for layer in net.layers if layer.weighs and layer.name not in trained]
    missing = [layer for name, layer in trained.items() if name not in own]
    return {layer: _only(one.name for one in missing if one.type == layer.type) for layer in extra}


def _only(names: Iterable[str]) -> str:
    found = list(names)
    return found[0] if len(found) == 1 else ""


# Train against deploy


class Outline(Struct, frozen=True):
    """What of a net counts when weights come from, or go to, another one: for every learned layer
    its type and the shapes of its blobs, and the channels of the blobs that bring data in.
    """

    file: str
    loss: bool
    learned: Mapping[str, tuple[str, Sequence[Shape]]]
    channels: Mapping[str, int]


Sketch = tuple[Net, Shapes]
"""A net in one view, with the shapes of it."""


def outline(file: str, views: Iterable[Sketch]) -> Outline:
    """The outline of a net in all its views."""
    learned: dict[str, tuple[str, Sequence[Shape]]] = {}
    channels: dict[str, int] = {}
    loss = False
    for net, shapes in views:
        loss = loss or any(layer.is_loss for layer in net.layers)
        for layer in net.layers:
            if layer.weighs:
                learned.setdefault(layer.name, (layer.type, shapes.params[layer]))
        for layer in net.sources:
            shape = shapes.blobs[layer.tops[0]]
            if shape is not None and len(shape) == 4 and shape[1] is not None:
                channels.setdefault(layer.top_names[0], shape[1])
    return Outline(file, loss, learned, channels)


def training_net(deploy: Outline, others: Iterable[Outline]) -> Outline | None:
    """The training net that a net without loss belongs to: the one most of whose layers it has.

    At least half of the layers must be the same by name and type; of files whose names are not
    alike, in shape too, but for what follows from grey images in place of coloured ones.
    """
    best, most = None, 0
    for other in others:
        same = sum(_is_same(name, deploy, other) for name in deploy.learned)
        if other.loss and same > most:
            best, most = other, same
    return best if most * 2 >= len(deploy.learned) and not deploy.loss else None


def has_its_own(train: Outline, deploy: Outline, names: Iterable[str]) -> bool:
    """Whether another of the files ``names`` in the directory goes by the name of the training net,
    and ``deploy`` does not: such are nets for other data.
    """
    words = _words(train.file)
    others = (name for name in names if name != train.file)
    return words not in (set(), _words(deploy.file)) and any(_words(one) == words for one in others)


def _is_same(name: str, deploy: Outline, train: Outline) -> bool:
    type_, shapes = deploy.learned[name]
    its_type, its = train.learned.get(name, ("", ()))
    if type_ != its_type:
        return False
    if _are_alike(deploy, train):
        return True
    if any({deploy.channels[blob], train.channels.get(blob)} == {1, 3} for blob in deploy.channels):
        shapes, its = _outputs(shapes), _outputs(its)
    return not any(map(shapes_differ, shapes, its))


def _are_alike(deploy: Outline, train: Outline) -> bool:
    """Whether the files' names differ only in what they are for."""
    return _words(deploy.file) == _words(train.file)


def _words(file: str) -> set[str]:
    """What tells a net's file name from those of others in its directory."""
    words = set(re.split(r"[^a-z0-9]+", file.lower().partition(".")[0]))
    return words - _STAGE_WORDS - {""}


def _outputs(shapes: Sequence[Shape]) -> list[Shape]:
    """Only the first sizes: those of inputs follow from the images."""
    return [shape[:1] if shape is not None else None for shape in shapes]


def fit(deploy: Outline, train: Outline) -> bool:
    """Whether the weights of the training net are all that the deploy net needs, and of its shapes:
    then ``check_deploy`` finds nothing.
    """
    return not any(_clashing(deploy, train)) and not any(_new_names(deploy, train))


def check_deploy(deploy: Outline, train: Outline, net: Net) -> list[Problem]:
    """What keeps the weights of the training net out of the deploy net; ``net`` is the latter."""
    layers = {layer.name: layer for layer in net.layers}
    clashes = [
        (layers[name], role, own, other)
        for name, shapes, its in _clashing(deploy, train)
        if name in layers
        for role, own, other in _clash(layers[name], shapes, its)
    ]
    inputs = list(_inputs(deploy, train, net, clashes))
    renamed = [_renamed(layers[name], new, train) for name, new in _new_names(deploy, train)
               if name in layers]  # fmt: skip
    return renamed + (inputs or [_shape_differs(*clash, train) for clash in clashes])


def _clashing(
    deploy: Outline, train: Outline
) -> Iterator[tuple[str, Sequence[Shape], Sequence[Shape]]]:
    """Layers of one name and type whose blobs have other shapes, with both."""
    for name, (type_, shapes) in deploy.learned.items():
        its_type, its = train.learned.get(name, ("", ()))
        if type_ == its_type and any(map(shapes_differ, shapes, its)):
            yield name, shapes, its


def _clash(
    layer: Layer, own: Sequence[Shape], other: Sequence[Shape]
) -> list[tuple[str, Shape, Shape]]:
    """The first blob whose shapes differ."""
    roles = [param.role for param in layer.params]
    pairs = zip(roles, own, other, strict=False)
    return [(role, a, b) for role, a, b in pairs if shapes_differ(a, b)][:1]


def _inputs(
    deploy: Outline, train: Outline, net: Net, clashes: Sequence[tuple[Layer, str, Shape, Shape]]
) -> Iterator[Problem]:
    for source in net.sources:
        blob = source.top_names[0]
        own, other = deploy.channels.get(blob), train.channels.get(blob)
        if {own, other} != {1, 3} or not clashes:
            continue
        values = {"layer": source.name, "blob": blob, "channels": own, "trained": other}
        values.update(train=train.file, reader=clashes[0][0].name)
        span = source.message.span("name")
        yield Problem("input-channels-differ", span, values, (), source.name, False)


def _new_names(deploy: Outline, train: Outline) -> Iterator[tuple[str, str]]:
    """Layers of the deploy net that have another name in the training net, with that name: the
    only one of its type on either side that the other net lacks.
    """
    extra = {name: kind for name, (kind, _) in deploy.learned.items() if name not in train.learned}
    missing = {
        name: kind for name, (kind, _) in train.learned.items() if name not in deploy.learned
    }
    for name, kind in extra.items():
        twins = [other for other, its in missing.items() if its == kind]
        if len(twins) != 1 or list(extra.values()).count(kind) != 1:
            continue
        own, its_own = deploy.learned[name][1], train.learned[twins[0]][1]
        if _are_alike(deploy, train) or not any(map(shapes_differ, own, its_own)):
            yield name, twins[0]


def _renamed(layer: Layer, trained: str, train: Outline) -> Problem:
    values = {"layer": layer.name, "type": layer.type, "train": train.file, "trained": trained}
    span = layer.message.span("name")
    return Problem("deploy-layer-renamed", span, values, (), layer.name, False)


def _shape_differs(layer: Layer, role: str, own: Shape, other: Shape, train: Outline) -> Problem:
    values = {"layer": layer.name, "type": layer.type, "train": train.file, "blob": role}
    values.update(shape=shown(own), trained=shown(other))
    span = layer.message.span("name")
    return Problem("deploy-shape-differs", span, values, (), layer.name, False)
