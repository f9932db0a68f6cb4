"""A net as a graph to draw: its layers with what flows between them, for a page.

Straight chains of layers that keep the shape of their blob (batch norm, scale, ReLU, …) are drawn
as one node, which is how people read a net; each layer names the one that it is drawn in.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

from msgspec import Struct

from ..core.source import Source
from ..model.build import Shapes
from ..model.cost import LayerCost, net_cost
from ..model.net import Layer, Net
from ..model.shapes.setup import Shape, count
from ..moments.outlook import Outlook
from ..schema.message import Message

MOST_LAYERS = 2000
"""So many layers of a net are shown; a graph of more cannot be read."""

_MOST_FIELDS = 40
_LONGEST = 120
"""Names and values are cut to so many characters."""

_KINDS: dict[str, tuple[str, ...]] = {
    "weights": ("Convolution", "Deconvolution", "Embed", "InnerProduct", "LSTM", "RNN"),
    "norm": ("BatchNorm", "Bias", "LRN", "MVN", "Scale"),
    "activation": (
        *("AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "Log", "PReLU", "Power", "ReLU"),
        *("Sigmoid", "Softmax", "Swish", "TanH", "Threshold"),
    ),
    "pool": ("Pooling", "SPP"),
    "join": ("Concat", "Crop", "Eltwise", "Filter", "Flatten", "Reshape", "Slice", "Split", "Tile"),
    "measure": ("Accuracy", "ArgMax", "HDF5Output", "Silence"),
}
_KIND_OF = {type_: kind for kind, types in _KINDS.items() for type_ in types}

_KEEPING = frozenset(
    (
        *("AbsVal", "BNLL", "BatchNorm", "Bias", "Clip", "Dropout", "ELU", "Exp", "Log", "PReLU"),
        *("Power", "ReLU", "Scale", "Sigmoid", "Swish", "TanH", "Threshold"),
    )
)
"""Types whose top has the shape of their bottom, one value for each."""


class Drawn(Struct, frozen=True):
    """A net that has been set up, where it stands, and how it starts where that is known."""

    source: Source
    net: Net
    shapes: Shapes
    ahead: Outlook | None = None


def summary(drawn: Drawn) -> dict[str, Any]:
    """What is said of the net as a whole; what is unknown is None."""
    net, cost = drawn.net, net_cost(drawn.net, drawn.shapes)
    return {
        "file": drawn.source.name,
        "name": cut(net.name),
        "phase": net.state.phase,
        "stages": sorted(map(cut, net.state.stages)),
        "level": net.state.level,
        "layers": len(net.layers),
        "batch_size": cost.batch_size,
        "parameters": cost.parameters.value,
        "learned": cost.learned.value,
        "multiply_adds": cost.multiply_adds.value,
        "memory": _sum(cost.blob_memory.value, cost.parameter_memory.value),
        "start": None if drawn.ahead is None else _start(drawn.ahead),
    }


def layers(drawn: Drawn) -> list[dict[str, Any]]:
    """The layers in Caffe's order, at most ``MOST_LAYERS``."""
    hosts = _hosts(drawn.net)
    costs = net_cost(drawn.net, drawn.shapes).layers[:MOST_LAYERS]
    return [_layer(drawn, cost, hosts[cost.layer.index]) for cost in costs]


def cut(text: str) -> str:
    """A name or value of a file, not longer than a page can show."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _sum(*numbers: int | None) -> int | None:
    return None if None in numbers else sum(number or 0 for number in numbers)


# Which layers are one node


def _hosts(net: Net) -> list[int]:
    """For each layer the one that it is drawn in, mostly itself."""
    hosts: list[int] = []
    for layer in net.layers:
        below = _carrier(net, layer)
        hosts.append(layer.index if below is None else hosts[below.index])
    return hosts


def _carrier(net: Net, layer: Layer) -> Layer | None:
    """The layer right below, if this one only changes the values of what that makes."""
    blob = layer.bottoms[0] if len(layer.bottoms) == 1 else None
    if blob is None or len(layer.tops) != 1 or layer.is_loss:
        return None
    if not layer.in_place and (layer.type not in _KEEPING or net.uses(blob) > 1):
        return None
    below = blob.producer
    # Data and what is split stay nodes of their own: they have several tops, or none who reads.
    return below if len(below.tops) == 1 and below.bottoms and len(blob.readers) == 1 else None


# Layers


def _layer(drawn: Drawn, cost: LayerCost, host: int) -> dict[str, Any]:
    layer = cost.layer
    first, last = _lines(drawn.source, layer.message)
    return {
        "name": cut(layer.name),
        "type": cut(layer.type),
        "kind": _kind(layer),
        "host": host,
        "line": first,
        "end_line": last,
        "says": cut(_says(layer)),
        "bottoms": list(map(cut, layer.bottom_names)),
        "from": [None if blob is None else blob.producer.index for blob in layer.bottoms],
        "tops": [
            {"name": cut(blob.name), "shape": _sizes(drawn.shapes.blobs[blob])}
            for blob in layer.tops
        ],
        "params": [
            {
                "role": use.param.role,
                "shape": _sizes(use.shape),
                "count": count(use.shape),
                "lr_mult": _number(use.lr_mult),
                "decay_mult": _number(use.decay_mult),
                "shared_with": None if use.owner is None else cut(use.owner.param.layer.name),
            }
            for use in cost.params
        ],
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "memory": cost.memory,
        "in_place": layer.in_place,
        "needs_backward": layer.needs_backward,
        "fields": _written(layer),
        "signal": None if drawn.ahead is None else _signal(layer, drawn.ahead),
    }


def _lines(source: Source, message: Message) -> tuple[int, int]:
    """First and last line of a layer's text."""
    if message.node is None:
        return 1, 1
    first, end = message.node.whole_span
    return source.locate(first).line, source.locate(max(first, end - 1)).line


def _kind(layer: Layer) -> str:
    if layer.is_loss:
        return "loss"
    if not layer.bottom_names:
        return "data"
    return _KIND_OF.get(layer.type, "other")


def _sizes(shape: Shape) -> list[int | None] | None:
    return None if shape is None else list(shape)


def _number(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(f"{value:.6g}")


def _says(layer: Layer) -> str:
    """The layer's main parameters in a few words; empty where there are none."""
    own = layer.own
    if own is None:
        return ""
    if layer.type in ("Convolution", "Deconvolution", "Pooling", "Im2col"):
        return _window(layer.type, own)
    if layer.type == "LRN":
        return f"over {own.get('local_size')}"
    if layer.type == "Dropout":
        return f"ratio {own.get('dropout_ratio'):.3g}"
    if layer.type == "Eltwise":
        return str(own.get("operation")).lower()
    if "num_output" in own.type.fields and own.has("num_output"):
        return f"{own.get('num_output')} outputs"
    if layer.type == "Python":
        return str(own.get("layer"))
    return ""


def _window(type_: str, own: Message) -> str:
    """``3×3 /2, 64 outputs``: the window, its stride where that is not 1, what comes out."""
    words = ["global"] if own.type.fields.get("global_pooling") and own.get("global_pooling") else [
        _pair(own, "kernel_size", "kernel_h", "kernel_w", "?")]  # fmt: skip
    stride = _pair(own, "stride", "stride_h", "stride_w", "1")
    if stride != "1×1":
        words.append(f"/{stride.partition('×')[0] if len(set(stride.split('×'))) == 1 else stride}")
    if type_ == "Pooling":
        return " ".join([str(own.get("pool")).lower(), *words])
    outputs = f", {own.get('num_output')} outputs" if own.has("num_output") else ""
    group = f", {own.get('group')} groups" if own.get("group") != 1 else ""
    return " ".join(words) + outputs + group


def _pair(own: Message, both: str, high: str, wide: str, default: str) -> str:
    if own.has(high) or own.has(wide):
        return f"{own.get(high)}×{own.get(wide)}"
    value = own.values.get(both, default)
    values = value if isinstance(value, list) else [value]
    return "×".join(map(str, values * 2 if len(values) == 1 else values))


def _written(layer: Layer) -> list[list[str]]:
    """What the file says in the layer's own block, as field paths and values."""
    if layer.own is None or layer.kind is None:
        return []
    found: list[list[str]] = []
    for path, value in _leaves(layer.own):
        if len(found) == _MOST_FIELDS:
            found.append(["…", "more"])
            break
        found.append([path, cut(value)])
    return found


def _leaves(message: Message, before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in message.values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Message):
                yield from _leaves(one, f"{before}{name}.")
            else:
                yield before + name, _value(one)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.7g}"
    return str(value)


# How it starts


def _start(ahead: Outlook) -> dict[str, Any]:
    """The first loss and the first step, for the net as a whole."""
    forth, step = ahead.forth, ahead.step
    blown = next((one for one in ahead.net.layers if any(b in forth.blown for b in one.tops)), None)
    blocked = next(iter(forth.blocked.items()), None)
    around = forth.loss_range
    return {
        "first_loss": _number(forth.first_loss),
        "loss_range": None if around is None else [_number(one) for one in around],
        "chance": _number(ahead.chance),
        "overflows_at": None if blown is None else cut(blown.name),
        "unknown_from": None if blocked is None else cut(blocked[0].name),
        "unknown_why": None if blocked is None else cut(blocked[1]),
        "assumed": ahead.assumed,
        "gradient_norm": _number(step.norm) if step is not None and step.whole else None,
    }


def _signal(layer: Layer, ahead: Outlook) -> dict[str, Any] | None:
    """Size of what the first top holds, of its gradient, and of the first update of the weights,
    in parts of them.
    """
    blob = layer.tops[0] if layer.tops else None
    if blob is None:
        return None
    signal = ahead.forth.signals.get(blob)
    blown = blob in ahead.forth.blown
    if signal is None and not blown:
        return None
    first = next((one for one in ahead.updates.get(layer, ()) if one.index == 0), None)
    return {
        "mean": None if signal is None or blown else _number(signal.mean),
        "rms": None if signal is None or blown else _number(signal.rms),
        "overflow": blown,
        "gradient": None if ahead.step is None else _number(ahead.step.backward.rms(blob)),
        "update": None if first is None else _number(first.ratio),
    }
