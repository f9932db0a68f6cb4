"""Facts of how a layer stands in its net: what lies below it, and what shapes go in and out."""

from __future__ import annotations

from math import prod

from ..engine import vocabulary as facts_of
from ..model.build import Shapes
from ..model.cost import memory
from ..model.net import Layer, Net
from ..model.shapes.setup import Shape, count
from ..schema.message import Message
from .text import plain

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


def add_structure(facts: facts_of.Layer, layer: Layer, shapes: Shapes | None) -> None:
    """Fill in what this module knows of one layer; without ``shapes``, all but sizes."""
    facts.chain_below = [plain(type_) for type_ in _chain_below(layer)]
    facts.linear_below = plain(_linear_below(layer, shapes))
    below = _below(layer)
    if below is not None and below.type == "ReLU":
        facts.below_leaks = below.message.sub("relu_param").get("negative_slope") != 0
    facts.scores_beside = _scores_beside(layer)
    _add_own(facts, layer)
    if shapes is not None:
        _add_sizes(facts, layer, shapes)


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


def _below(layer: Layer) -> Layer | None:
    blob = layer.bottoms[0] if layer.bottoms else None
    return blob.producer if blob is not None else None


def _chain_below(layer: Layer) -> list[str]:
    """Types below the first bottom, down to the first that does more than a value by itself."""
    found: list[str] = []
    below = _below(layer)
    while below is not None and len(found) < _FAR:
        found.append(below.type)
        below = _below(below) if below.type in _VALUE_BY_VALUE else None
    return found


def _linear_below(layer: Layer, shapes: Shapes | None) -> str:
    """The layer below that makes one linear map together with this one, for nothing gained.

    A narrow one in between is a way to save weights, and windows that differ build a larger one; so
    only two InnerProduct, or two convolutions with a 1×1 kernel, of which the lower one has as many
    outputs as inputs or as the upper one has outputs.
    """
    if not layer.learns or not _is_matrix(layer):
        return ""
    below = _below(layer)
    for _ in range(_FAR):
        if below is None or below.type not in _AFFINE or len(below.bottoms) > 1:
            break
        below = _below(below)
    if below is None or below.type != layer.type or not _is_matrix(below) or not below.learns:
        return ""
    if any(len(blob.readers) > 1 for blob in below.tops):
        return ""  # what it computes is used by itself too
    inputs = _weight_inputs(below, shapes)
    upper, lower = _outputs(layer), _outputs(below)
    return below.name if lower >= upper or (inputs and lower >= inputs) else ""


def _scores_beside(layer: Layer) -> int:
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
    kernel, stride, _ = _window(own)
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


def _add_own(facts: facts_of.Layer, layer: Layer) -> None:
    own = layer.own
    if own is None:
        return
    names = own.type.fields
    if "stride" in names and "kernel_size" in names:
        facts.kernel, facts.stride, facts.pad = _window(own)
    for name in ("top_k", "eps", "moving_average_fraction", "global_pooling", "bias_term"):
        if name in names:
            setattr(facts, name, own.get(name))
    if layer.type in ("Data", "ImageData"):
        facts.unscaled = bool(layer.message.sub("transform_param").get("scale") == 1)


def _window(own: Message) -> tuple[list[int], list[int], list[int]]:
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


# Sizes


def _add_sizes(facts: facts_of.Layer, layer: Layer, shapes: Shapes) -> None:
    blob = layer.bottoms[0] if layer.bottoms else None
    bottom = shapes.blobs[blob] if blob is not None else None
    facts.bottom_dims = [size or 0 for size in bottom or ()]
    facts.classes = _classes(layer, bottom)
    if layer.type == "BatchNorm" and bottom is not None and len(bottom) > 1:
        facts.values_per_mean = count((bottom[0], *bottom[2:])) or 0
    # What no layer reads is an output of the net, and printed value by value (solver.cpp).
    printed = (shapes.blobs[blob] for blob in layer.tops if not blob.readers)
    facts.printed_values = sum(count(shape) or 0 for shape in printed)


def _classes(layer: Layer, bottom: Shape) -> int:
    own = layer.own
    if bottom is None or layer.type not in ("Accuracy", "SoftmaxWithLoss", "HingeLoss"):
        return 0
    if layer.type == "HingeLoss":
        return prod(size or 0 for size in bottom[1:])
    axis = int(own.get("axis")) if own is not None else 1
    return (bottom[axis] or 0) if -len(bottom) <= axis < len(bottom) else 0
