"""Facts of how a layer stands in its net: what lies below it, and what shapes go in and out."""

from __future__ import annotations

from math import prod

from ..model.build import Shapes
from ..model.cost import memory
from ..model.net import Layer, Net
from ..model.shapes.setup import Shape, count
from ..schema.message import Message

# How far a look down a chain of layers goes; see also facts.build.
_FAR = 32

# Layers that change every value by itself, or only order values anew.
_VALUE_BY_VALUE = frozenset(
    (
        *("Dropout", "Reshape", "Flatten", "Split", "ReLU", "PReLU", "ELU", "Sigmoid", "TanH"),
        *("BNLL", "Swish", "Clip", "Power", "Exp", "Log", "AbsVal", "Threshold", "Softmax"),
    )
)
_AFFINE = frozenset(("BatchNorm", "Scale", "Bias", "Dropout", "Reshape", "Flatten", "Split"))


def memory_mib(net: Net, shapes: Shapes) -> float:
    """Memory of blobs and learned values in MiB, as far as their sizes are known."""
    return memory(net, shapes) / (1 << 20)


def namesakes(net: Net) -> dict[Layer, Layer]:
    """Layers that have the name of an earlier one, each with the first of that name."""
    first: dict[str, Layer] = {}
    return {
        layer: one
        for layer in net.layers
        if layer.name and (one := first.setdefault(layer.name, layer)) is not layer
    }


# What lies below


def below(layer: Layer) -> Layer | None:
    """The layer that makes the first bottom."""
    blob = layer.bottoms[0] if layer.bottoms else None
    return blob.producer if blob is not None else None


def chain_below(layer: Layer) -> list[str]:
    """Types below the first bottom, down to the first that does more than a value by itself."""
    found: list[str] = []
    lower = below(layer)
    while lower is not None and len(found) < _FAR:
        found.append(lower.type)
        lower = below(lower) if lower.type in _VALUE_BY_VALUE else None
    return found


def linear_below(layer: Layer, shapes: Shapes | None) -> str:
    """The layer below that makes one linear map together with this one, for nothing gained.

    A narrow one in between is a way to save weights, and windows that differ build a larger one; so
    only two InnerProduct, or two convolutions with a 1×1 kernel, of which the lower one has as many
    outputs as inputs or as the upper one has outputs.
    """
    if not layer.learns or not _is_matrix(layer):
        return ""
    lower = below(layer)
    for _ in range(_FAR):
        if lower is None or lower.type not in _AFFINE or len(lower.bottoms) > 1:
            break
        lower = below(lower)
    if lower is None or lower.type != layer.type or not _is_matrix(lower) or not lower.learns:
        return ""
    if any(len(blob.readers) > 1 for blob in lower.tops):
        return ""  # what it computes is used by itself too
    inputs, made = _weight_inputs(lower, shapes), _outputs(lower)
    return lower.name if made >= _outputs(layer) or (inputs and made >= inputs) else ""


def scores_beside(layer: Layer) -> int:
    """Outputs of the classifier beside a layer that fits boxes, as in Fast R-CNN."""
    blob = layer.bottoms[0] if layer.bottoms else None
    if blob is None or layer.type != "InnerProduct" or not _goes_into(layer, "SmoothL1Loss"):
        return 0
    beside = {
        reader
        for reader, _ in blob.readers
        if reader.type == layer.type and _goes_into(reader, "SoftmaxWithLoss")
    }
    return _outputs(beside.pop()) if len(beside) == 1 else 0


def _goes_into(layer: Layer, loss: str) -> bool:
    return any(reader.type == loss for blob in layer.tops for reader, _ in blob.readers)


def _is_matrix(layer: Layer) -> bool:
    if layer.type == "InnerProduct":
        return len(layer.bottoms) == 1 and not layer.opaque
    if layer.type != "Convolution":
        return False
    own = layer.message.sub("convolution_param")
    kernel, stride, _ = window(own)
    return bool(own.get("group") == 1) and {*kernel, *stride} == {1}


def _outputs(layer: Layer) -> int:
    own = layer.own
    return int(own.get("num_output")) if own is not None else 0


def _weight_inputs(layer: Layer, shapes: Shapes | None) -> int:
    params = shapes.params[layer] if shapes is not None else []
    shape = params[0] if params else None
    if shape is None or len(shape) < 2:
        return 0
    return count(shape, 1) or 0


# The layer itself


def window(own: Message) -> tuple[list[int], list[int], list[int]]:
    """Kernel, stride and pad as written, for height and width or for all axes alike."""
    return (
        _along(own, "kernel_size", "kernel", 0),
        _along(own, "stride", "stride", 1),
        _along(own, "pad", "pad", 0),
    )


def _along(own: Message, field: str, stem: str, default: int) -> list[int]:
    pair = (f"{stem}_h", f"{stem}_w")
    if any(own.has(name) for name in pair):
        return [own.get(name) for name in pair]
    given = own.get(field)
    return (list(given) or [default]) if isinstance(given, list) else [given]


def classes(layer: Layer, bottom: Shape) -> int:
    """How many classes a layer that compares scores with labels is given; 0 where that is unknown,
    or it is no such layer.
    """
    own = layer.own
    if bottom is None or layer.type not in ("Accuracy", "SoftmaxWithLoss", "HingeLoss"):
        return 0
    if layer.type == "HingeLoss":
        return prod(size or 0 for size in bottom[1:])
    axis = int(own.get("axis")) if own is not None else 1
    return (bottom[axis] or 0) if -len(bottom) <= axis < len(bottom) else 0
