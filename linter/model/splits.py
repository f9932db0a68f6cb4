"""Split layers as Caffe inserts them for blobs with several readers (insert_splits.cpp).

Caffe's log names these layers and their tops, so the names matter.
"""

from __future__ import annotations

from ..schema.message import Message
from .net import Blob, Layer, Net


def insert_splits(net: Net) -> Message:
    """The filtered net's message with its Split layers, as ``Net::Init`` goes on with."""
    result = net.message.copy()
    result.values.pop("layer", None)
    result.nodes.pop("layer", None)
    taken: dict[Blob, int] = {}
    for layer in net.layers:
        message = _with_split_bottoms(net, layer, taken)
        result.add("layer", message, layer.message.node)
        for blob in layer.tops:
            if net.uses(blob) > 1:
                weight = _explicit_loss_weight(blob)
                if weight:
                    message.values.pop("loss_weight", None)
                    message.nodes.pop("loss_weight", None)
                    taken[blob] = taken.get(blob, 0) + 1
                result.add("layer", _split(net, blob, weight), layer.message.node)
    return result


def split_name(blob: Blob) -> str:
    """Name of the Split layer behind a blob; its tops have ``_0``, ``_1``, … appended."""
    return f"{blob.name}_{blob.producer.name}_{blob.index}_split"


def _explicit_loss_weight(blob: Blob) -> float:
    weights: list[float] = blob.producer.message.get("loss_weight")
    return weights[blob.index] if blob.index < len(weights) else 0.0


def _with_split_bottoms(net: Net, layer: Layer, taken: dict[Blob, int]) -> Message:
    message = layer.message.copy()
    names = []
    for name, blob in zip(layer.bottom_names, layer.bottoms, strict=True):
        if blob is not None and net.uses(blob) > 1:
            number = taken.get(blob, 0)
            taken[blob] = number + 1
            name = f"{split_name(blob)}_{number}"
        names.append(name)
    if names:
        message.values["bottom"] = names
    return message


def _split(net: Net, blob: Blob, weight: float) -> Message:
    layer_type = net.message.type.fields["layer"].message
    assert layer_type is not None
    split = Message(layer_type, blob.producer.message.node)
    split.set("name", split_name(blob), None)
    split.set("type", "Split", None)
    split.add("bottom", blob.name, None)
    for number in range(net.uses(blob)):
        split.add("top", f"{split_name(blob)}_{number}", None)
        if weight:
            split.add("loss_weight", 0.0 if number else weight, None)
    return split
