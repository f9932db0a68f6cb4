"""Layers that training net and test net both have by name, and that do not do the same.

A test net takes its weights from the training net by layer name (Net::ShareTrainedLayersWith); what
a layer does with them stands in its own net.

Problems, with their values:

- ``test-shape-differs``: layer, blob (its role), shape, trained (both shapes, or ``missing``)
- ``test-layer-differs``: layer, field, test, train (both as text)
- ``in-one-phase-only``: layer, type, blob, phase (the one that it is in)
- ``test-on-training-data``: layer, source
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..core.problem import Problem
from ..schema.message import Message
from .build import Shapes
from .compare import Sketch
from .net import Layer, Net, Param
from .shapes.setup import Shape, shapes_differ, shown

# Types whose parameters decide what is computed, alike in training and in tests.
_COMPARED = frozenset(
    (
        *("Convolution", "Deconvolution", "InnerProduct", "Embed", "Pooling", "LRN", "ReLU"),
        *("PReLU", "ELU", "Scale", "BatchNorm", "Eltwise", "Concat", "Power", "MVN"),
    )
)
# Fields that change nothing that is computed, or that are meant to differ; those that decide on the
# learned blobs are told of by them.
_NO_MATTER = frozenset(
    (
        *("weight_filler", "bias_filler", "filler", "engine", "force_nd_im2col"),
        *("use_global_stats", "moving_average_fraction", "stable_prod_grad"),
        *("num_output", "bias_term"),
    )
)
# What repeated fields of a window are where nothing is written.
_UNSET = {"stride": "1", "dilation": "1", "pad": "0"}


# Types that in place change what all layers behind them get. Dropout does so in training only.
_CHANGING = frozenset(
    (
        *("ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "BNLL", "Swish", "Clip", "Power"),
        *("BatchNorm", "Scale", "Bias", "LRN", "MVN"),
    )
)
_SOURCES = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "HDF5Data": "hdf5_data_param",
    "WindowData": "window_data_param",
}


def check_phases(train: Net, test: Net) -> list[Problem]:
    """Layers that only one of two nets has and that change what the other goes on with; data that
    is both trained on and tested with.
    """
    problems = list(_same_data(train, test))
    if train.message is test.message:
        problems += [*_only_in(train, test), *_only_in(test, train)]
    return problems


def _only_in(net: Net, other: Net) -> Iterator[Problem]:
    """In-place layers that the other phase of the same file leaves out, on a blob that it has."""
    kept = {id(layer.message) for layer in other.layers}
    there = {(layer.type, name) for layer in other.layers for name in layer.top_names}
    made = {name for _, name in there}
    for layer in net.layers:
        if not layer.in_place or layer.type not in _CHANGING or id(layer.message) in kept:
            continue
        blob = layer.top_names[0]
        if blob in made and (layer.type, blob) not in there:
            values = {"layer": layer.name, "type": layer.type, "blob": blob}
            span = layer.message.span("include" if layer.message.has("include") else "exclude")
            values["phase"] = net.state.phase
            yield Problem("in-one-phase-only", span, values, (), layer.name, False)


def _same_data(train: Net, test: Net) -> Iterator[Problem]:
    trained = {_source(layer): layer for layer in train.sources}
    for layer in test.sources:
        source = _source(layer)
        twin = trained.get(source)
        # A layer for both phases says nothing of what the net is for, and a stage that it is meant.
        if not source or twin is None or twin.message is layer.message:
            continue
        if not any(rule.has("stage") for rule in layer.message.get("include")):
            values = {"layer": layer.name, "source": source}
            span = layer.message.sub(_SOURCES[layer.type]).span("source")
            yield Problem("test-on-training-data", span, values, (), layer.name, False)


def _source(layer: Layer) -> str:
    block = _SOURCES.get(layer.type)
    return str(layer.message.sub(block).get("source")) if block and not layer.opaque else ""


def check_twins(train: Sketch, test: Sketch) -> list[Problem]:
    """Layers of a test net that differ from the training net's of the same name. One layer for both
    differs in shape where its inputs do.
    """
    trained = {layer.name: layer for layer in train[0].layers}
    pairs = [(layer, twin) for layer in test[0].layers if (twin := trained.get(layer.name))]
    return [*_shape_differences(pairs, test[1], train[1]), *_differences(pairs)]


def _shape_differences(
    pairs: list[tuple[Layer, Layer]], shapes: Shapes, trained: Shapes
) -> Iterator[Problem]:
    for layer, twin in pairs:
        own, other = shapes.params[layer], trained.params[twin]
        for param, here, there in zip(layer.params, own, other, strict=False):
            if shapes_differ(here, there):
                yield _shape_differs(layer, param, shown(here), shown(there))
                break
        else:
            if len(layer.params) != len(twin.params) and not (layer.opaque or twin.opaque):
                yield _one_is_missing(layer, twin, own, other)


def _one_is_missing(
    layer: Layer, twin: Layer, own: Sequence[Shape], other: Sequence[Shape]
) -> Problem:
    """The first learned blob that one of two layers has and the other has not."""
    more, first = max(layer.params, twin.params, key=len), min(len(own), len(other))
    here, there = (shown(shapes[first]) if first < len(shapes) else "missing"
                   for shapes in (own, other))  # fmt: skip
    return _shape_differs(layer, more[first], here, there)


def _shape_differs(layer: Layer, param: Param, shape: str, trained: str) -> Problem:
    values = {"layer": layer.name, "blob": param.role, "shape": shape, "trained": trained}
    return Problem("test-shape-differs", layer.message.span("name"), values, (), layer.name)


def _differences(pairs: list[tuple[Layer, Layer]]) -> Iterator[Problem]:
    for layer, twin in pairs:
        own, other = layer.own, twin.own
        if layer.type != twin.type:
            if layer.type in _COMPARED and twin.type in _COMPARED:
                yield _differs(layer, "type", layer.type, twin.type)
            continue
        if layer.type not in _COMPARED or own is None or other is None:
            continue
        for name in dict.fromkeys((*own.values, *other.values)):
            if name in _NO_MATTER or _by_axis(own, name) or _by_axis(other, name):
                continue
            if _shown(own, name) != _shown(other, name):
                yield _differs(layer, name, _shown(own, name), _shown(other, name))
                break


def _shown(own: Message, name: str) -> str:
    """A field's value in words; of a window, one number where it is the same along all axes."""
    value = own.get(name)
    values = value if isinstance(value, list) else [value]
    words = [f"{one:g}" if isinstance(one, float) else str(one) for one in values]
    words = words or [_UNSET.get(name, "none")]
    return words[0] if len(set(words)) == 1 else ", ".join(words)


def _by_axis(own: Message, name: str) -> bool:
    """Whether a window parameter is given as ``x_h`` and ``x_w``, which is not compared."""
    stem = name.removesuffix("_size")
    return name.endswith(("_h", "_w")) or any(f"{stem}_{axis}" in own.values for axis in "hw")


def _differs(layer: Layer, field: str, test: str, train: str) -> Problem:
    values = {"layer": layer.name, "field": field, "test": test, "train": train}
    path = field if field == "type" or layer.kind is None else f"{layer.kind.param}.{field}"
    span = layer.message.find(path) or layer.message.span("name")
    return Problem("test-layer-differs", span, values, (), layer.name, False)
