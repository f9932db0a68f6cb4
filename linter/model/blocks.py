"""Parameter blocks that stand in a layer of another type, which Caffe does not read.

Problems, with their values:

- ``foreign-block``: layer, type, block, wanted (the block of its own type, empty for none)
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.problem import Problem
from .backward import is_known
from .net import Layer, Net

# Blocks that a layer reads beside that of its own type. All layers that prefetch look for it in
# data_param; SoftmaxWithLoss and the like make a layer of another type of their own message.
_NORMALIZED = ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "InfogainLoss")
_ALSO_READ: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Data", "ImageData", "WindowData"), ("transform_param", "data_param")),
    **dict.fromkeys(("MemoryData", "HDF5Data"), ("transform_param",)),
    **dict.fromkeys(_NORMALIZED, ("loss_param", "softmax_param", "sigmoid_param")),
    "Swish": ("sigmoid_param",),
}


def check_blocks(net: Net) -> list[Problem]:
    """The blocks of other types in all layers of a net."""
    return [problem for layer in net.layers for problem in _check(layer)]


def _check(layer: Layer) -> Iterator[Problem]:
    if layer.kind is None or not is_known(layer) or layer.type == "Python":
        return
    own = layer.kind.param
    fields = layer.message.type.fields
    for name in layer.message.values:
        if not name.endswith("_param") or fields[name].message is None:
            continue
        if name != own and name not in _ALSO_READ.get(layer.type, ()):
            wanted = own if own and not layer.message.has(own) else ""
            values = {"layer": layer.name, "type": layer.type, "block": name, "wanted": wanted}
            span = layer.message.span(name)
            yield Problem("foreign-block", span, values, (), layer.name, False)
