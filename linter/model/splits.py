"""Split layers as Caffe inserts them for blobs with several readers (insert_splits.cpp).

Caffe's log names these layers and their tops, so the names matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..schema.message import Message
from .net import Blob, Layer, Net


class Wired(NamedTuple):
    """A layer with the blob names that Caffe gives it; ``split`` is the blob that a Split layer
    copies, None for the net's own layers, which are ``layer``.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    layer: Layer
    split: Blob | None = None


def wired(net: Net) -> Iterator[Wired]:
    """The net's layers and its Split layers, in Caffe's order."""
    taken: dict[Blob, int] = {}
    for layer in net.layers:
        bottoms = _split_bottoms(net, layer, taken)
        yield Wired(layer.name, layer.type, bottoms, tuple(layer.top_names), layer)
        for blob in layer.tops:
            if (uses := net.uses(blob)) > 1:
                name = split_name(blob)
                if _explicit_loss_weight(blob):
                    taken[blob] = 1  # the first copy is the one that counts as a loss
                tops = tuple(f"{name}_{number}" for number in range(uses))
                yield Wired(name, "Split", (blob.name,), tops, layer, blob)


def insert_splits(net: Net) -> Message:
    """The filtered net's message with its Split layers, as ``Net::Init`` goes on with."""
    result = net.message.copy()
    result.values.pop("layer", None)
    result.nodes.pop("layer", None)
    for one in wired(net):
        message = _own_message(net, one) if one.split is None else _split_message(net, one)
        result.add("layer", message, one.layer.message.node)
    return result


def split_name(blob: Blob) -> str:
    """Name of the Split layer behind a blob; its tops have ``_0``, ``_1``, … appended."""
    return f"{blob.name}_{blob.producer.name}_{blob.index}_split"


def _explicit_loss_weight(blob: Blob) -> float:
    weights: list[float] = blob.producer.message.get("loss_weight")
    return weights[blob.index] if blob.index < len(weights) else 0.0


def _split_bottoms(net: Net, layer: Layer, taken: dict[Blob, int]) -> tuple[str, ...]:
    names = list(layer.bottom_names)
    for i, blob in enumerate(layer.bottoms):
        if blob is not None and net.uses(blob) > 1:
            number = taken.get(blob, 0)
            taken[blob] = number + 1
            names[i] = f"{split_name(blob)}_{number}"
    return tuple(names)


def _own_message(net: Net, one: Wired) -> Message:
    message = one.layer.message.copy()
    if one.bottoms:
        message.values["bottom"] = list(one.bottoms)
    # A weighted top that is split hands its weight over, and the layer loses all of its own.
    if any(net.uses(blob) > 1 and _explicit_loss_weight(blob) for blob in one.layer.tops):
        message.values.pop("loss_weight", None)
        message.nodes.pop("loss_weight", None)
    return message


def _split_message(net: Net, one: Wired) -> Message:
    layer_type = net.message.type.fields["layer"].message
    assert layer_type is not None
    assert one.split is not None
    split = Message(layer_type, one.layer.message.node)
    split.set("name", one.name, None)
    split.set("type", one.type, None)
    split.add("bottom", one.bottoms[0], None)
    weight = _explicit_loss_weight(one.split)
    for number, top in enumerate(one.tops):
        split.add("top", top, None)
        if weight:
            split.add("loss_weight", 0.0 if number else weight, None)
    return split
