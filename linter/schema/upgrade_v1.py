"""Nets of V1 layers brought to the current form, their data transformation fields moved first.

Follows UpgradeNetDataTransformation and UpgradeV1Net of upgrade_proto.cpp. V0 is left to
``upgrade_v0``, when which step is taken to ``upgrade``.

Problems, with their values; the one marked * makes Caffe abort:

- ``layer-and-layers`` *: form, count, other, other_count (``form`` is the rarer one)
"""

from __future__ import annotations

from functools import cache

from ..core.problem import Problem
from .descriptor import FieldType, MessageType
from .message import Message

Upgraded = tuple[Message, list[Problem]]

V1_TYPES: dict[str, str] = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
"""V1 enum to current type (upgrade_proto.cpp, UpgradeV1LayerType)."""

_V1_TRANSFORMED = {
    "DATA": "data_param",
    "IMAGE_DATA": "image_data_param",
    "WINDOW_DATA": "window_data_param",
}
_V1_TRANSFORM = ("scale", "mean_file", "crop_size", "mirror")

# V1's parallel lists, one element per learned blob; a ParamSpec points at the first it has.
_V1_PARAM_LISTS = {
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
    "param": "name",
    "blob_share_mode": "share_mode",
}


def has_data_transform(net: Message) -> bool:
    """Whether a data layer has a field of transform_param in its own block."""
    return any(
        layer.sub(block).has(name)
        for layer in net.get("layers")
        if (block := _V1_TRANSFORMED.get(layer.get("type"))) is not None
        for name in _V1_TRANSFORM
    )


def upgrade_data_transform(net: Message) -> Upgraded:
    """Move scale, mean_file, crop_size and mirror to transform_param (V1 only).

    upgrade_proto.cpp, UpgradeNetDataTransformation: once a single layer has such a field, every
    DATA, IMAGE_DATA and WINDOW_DATA layer is left with both blocks, empty if need be.
    """
    layers = [
        _transform(layer, _V1_TRANSFORMED[layer.get("type")])
        if layer.get("type") in _V1_TRANSFORMED
        else layer
        for layer in net.get("layers")
    ]
    return net.replaced("layers", layers), []


def _transform(layer: Message, block: str) -> Message:
    layer = layer.copy()
    data = layer.own_block(block, layer.node)
    transform = layer.own_block("transform_param", data.node)
    for name in _V1_TRANSFORM:
        transform.copy_field(data, name)
        data.values.pop(name, None)
        data.nodes.pop(name, None)
    return layer


def upgrade_v1_to_v2(net: Message) -> Upgraded:
    """Bring V1 layers to the current form (UpgradeV1Net).

    Caffe aborts when there are ``layer`` blocks as well; here they are kept, in the order of the
    text.
    """
    type_ = net.type.fields["layer"].message
    assert type_ is not None
    upgraded = [_v1_layer(layer, type_) for layer in net.get("layers")]
    problems = [_mixed(net)] if net.has("layer") else []
    layers = sorted(upgraded + net.get("layer"), key=_start)
    return net.without("layers").replaced("layer", layers), problems


def _start(layer: Message) -> int:
    return layer.node.name_start if layer.node is not None else 0


def _mixed(net: Message) -> Problem:
    """``layer`` and ``layers`` in one net, told where the rarer form starts, else the later."""
    counts = {form: len(net.get(form)) for form in ("layer", "layers")}
    form, other = sorted(counts, key=lambda form: (counts[form], -net.span(form).start))
    return Problem(
        "layer-and-layers",
        net.span(form),
        {"form": form, "count": counts[form], "other": other, "other_count": counts[other]},
        ((net.span(other), f"the first {other} block"),),
        net.get(form)[0].get("name"),
    )


def _v1_layer(v1: Message, type_: MessageType) -> Message:
    """One layer in current form (UpgradeV1LayerParameter); a type of NONE becomes empty."""
    layer = Message(type_, v1.node)
    common = _common_fields(v1.type, type_)
    for name in v1.values:
        if name in common:
            layer.copy_field(v1, name)
    if v1.has("type"):
        layer.set("type", _current_type(v1), v1.field("type"))
    for index in range(max(len(v1.get(name)) for name in _V1_PARAM_LISTS)):
        param = _param_spec(v1, index, type_.fields["param"])
        layer.add("param", param, param.node)
    return layer


def _current_type(v1: Message) -> str:
    """What BVLC makes of the type, or the fork that the net is written for."""
    old: str = v1.get("type")
    if old in V1_TYPES:
        return V1_TYPES[old]
    return v1.type.schema.v1_types.get(old, old)


def _param_spec(v1: Message, index: int, field: FieldType) -> Message:
    assert field.message is not None
    nodes = (v1.field(name, index) for name in _V1_PARAM_LISTS)
    param = Message(field.message, next(filter(None, nodes), v1.node))
    for old, new in _V1_PARAM_LISTS.items():
        values = v1.get(old)
        if index < len(values):
            param.set(new, values[index], v1.field(old, index))
    return param


@cache
def _common_fields(old: MessageType, new: MessageType) -> frozenset[str]:
    """Names of the fields that are of one type in both."""
    return frozenset(
        name
        for name, field in old.fields.items()
        if (other := new.fields.get(name)) is not None
        and (field.type, field.message, field.repeated)
        == (other.type, other.message, other.repeated)
    )
