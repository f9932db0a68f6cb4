"""The losses of a net and what they are for a net that knows nothing.

The values are those of the loss layers for equal scores (softmax_loss_layer.cpp,
sigmoid_cross_entropy_loss_layer.cpp, hinge_loss_layer.cpp, multinomial_logistic_loss_layer.cpp).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from ..model.net import Layer, Net

LARGEST = -math.log(1.17549435e-38)
"""What softmax gives for a class of probability 0: the smallest float takes its place
(softmax_loss_layer.cpp: std::max(prob, Dtype(FLT_MIN))). 87.3365."""

SOFTMAX = "SoftmaxWithLoss"

# Layers that leave the number of channels as it is.
_SAME_CHANNELS = frozenset(
    (
        *("ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Power", "Exp", "Log", "AbsVal", "BNLL"),
        *(
            "Dropout",
            "BatchNorm",
            "Scale",
            "Bias",
            "Split",
            "Softmax",
            "Crop",
            "Eltwise",
            "Pooling",
        ),
    )
)
_FAR = 32

# A loss guessed to be ln K must be this much closer to it than to its neighbours, and to ln K.
_SHARE_OF_GAP = 0.1
_SHARE_OF_LOSS = 0.01


class Loss(Struct, frozen=True):
    """A loss blob of a net: ``classes`` and ``chance`` are 0 where the net does not tell."""

    name: str
    type: str
    classes: int = 0
    chance: float = 0.0


def losses(net: Net) -> dict[str, Loss]:
    """The losses that the net adds up, by the names of their blobs."""
    found = {}
    for layer in net.layers:
        for index, blob in enumerate(layer.tops):
            if layer.loss_weight(index):
                found[blob.name] = _loss(blob.name, layer)
    return found


def _loss(name: str, layer: Layer) -> Loss:
    scores = layer.bottoms[0] if layer.bottoms else None
    maker = None if scores is None else _maker(scores.producer)
    own = maker.own if maker is not None else None
    if maker is None or own is None or "num_output" not in own.type.fields:
        return Loss(name, layer.type)
    outputs = int(own.get("num_output"))
    single = maker.type == "InnerProduct"
    return Loss(name, layer.type, *_chance(layer, outputs, single))


def _chance(layer: Layer, outputs: int, single: bool) -> tuple[int, float]:
    """Classes, and the loss of equal scores; ``single``: a sample has one set of scores."""
    if outputs < 1:
        return 0, 0.0
    own = layer.message.sub("loss_param")
    how = own.get("normalization")
    if not own.has("normalization"):
        per_batch = own.has("normalize") and not own.get("normalize")
        how = "BATCH_SIZE" if per_batch else "VALID"
        if layer.type == "SigmoidCrossEntropyLoss" and not own.get("normalize"):
            how = "BATCH_SIZE"
    mean = how in ("VALID", "FULL")
    if layer.type == SOFTMAX:
        if layer.message.sub("softmax_param").get("axis") != 1:
            return 0, 0.0
        return outputs, math.log(outputs) if mean or (single and how != "NONE") else 0.0
    if layer.type == "SigmoidCrossEntropyLoss":
        if mean:
            return 0, math.log(2)
        return 0, outputs * math.log(2) if single and how != "NONE" else 0.0
    if layer.type == "MultinomialLogisticLoss" and single:
        return outputs, math.log(outputs)
    if layer.type == "HingeLoss" and single:
        return outputs, float(outputs)
    return 0, 0.0


def _maker(layer: Layer) -> Layer | None:
    """The layer that decides how many channels the scores have; None if that is not seen."""
    for _ in range(_FAR):
        if layer.type not in _SAME_CHANNELS:
            return layer
        below = layer.bottoms[0] if layer.bottoms else None
        if below is None:
            return None
        layer = below.producer
    return None


def guessed_classes(level: float) -> int:
    """K where a loss that stays at ``level`` can only be ln K; 0 where it cannot be told.

    ln K and ln (K + 1) are 1 / K apart, so of many classes only an exact value tells.
    """
    if not 0.6 < level < 12:
        return 0
    classes = round(math.exp(level))
    off = abs(level - math.log(classes))
    close = off <= _SHARE_OF_GAP / classes and off <= _SHARE_OF_LOSS * level
    return classes if close else 0


def accuracy_name(net: Net | None, names: Sequence[str]) -> str:
    """Of the blobs that a net prints, the one that is an accuracy; empty if none is."""
    if net is not None:
        tops = [top for layer in net.layers if layer.type == "Accuracy" for top in layer.top_names]
        return next((name for name in tops if name in names), "")
    return next((name for name in names if "acc" in name.lower()), "")
