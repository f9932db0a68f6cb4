"""What a backward pass still reads of the data that a forward pass left, and what is overwritten.

Caffe keeps no copy of a blob that a layer works on in place, and never checks whether another layer
needs the values that were there (BVLC/caffe#2015). The tables here are read off ``Backward_cpu``
and ``Backward_gpu`` of every layer (src/caffe/layers).

Problems, with their values; Caffe runs all of them without a word:

- ``in-place-output-wrong``, ``in-place-gradient-wrong``: layer, type, top
- ``overwritten-before-backward``: layer, type, top (what overwrites), reader, reader_type, what
  ("output" or "input")
- ``shared-data-overwritten``: layer, top, reader, bottom
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto

from msgspec import Struct, field

from ..core.problem import Problem
from .net import Blob, Layer, Net


class Need(Enum):
    """How much of a blob's data a backward pass reads."""

    SIGN = auto()
    VALUES = auto()


class Needs(Struct, frozen=True):
    """What the backward pass of one layer reads: of its bottoms and tops, by number.

    What is not named is not read.
    """

    bottoms: Mapping[int, Need] = field(default_factory=dict)
    tops: Mapping[int, Need] = field(default_factory=dict)


_NOTHING = Needs()
_FIRST = {0: Need.VALUES}
_INPUT = Needs(bottoms=_FIRST)
_OUTPUT = Needs(tops=_FIRST)


def _relu(_layer: Layer) -> Needs:
    return Needs(bottoms={0: Need.SIGN})


def _elu(_layer: Layer) -> Needs:
    """``top_data + alpha`` where ``bottom_data <= 0``."""
    return Needs(bottoms={0: Need.SIGN}, tops=_FIRST)


def _kept_in_place(layer: Layer) -> Needs:
    """PReLU and Scale keep a copy of their bottom where they work in place."""
    factor = {1: Need.VALUES}
    return Needs(bottoms=factor if layer.in_place else {**_FIRST, **factor})


def _weighted(layer: Layer) -> Needs:
    """The gradient of the weights needs every bottom, that of the bottom only the weights."""
    learns = bool(layer.params) and layer.params[0].lr_mult != 0
    numbers = range(len(layer.bottoms)) if learns else ()
    return Needs(bottoms=dict.fromkeys(numbers, Need.VALUES))


def _recurrent(layer: Layer) -> Needs:
    """The unrolled net has its inputs' memory (recurrent_layer.cpp, Reshape)."""
    return Needs(bottoms=dict.fromkeys(range(len(layer.bottoms)), Need.VALUES))


def _power(layer: Layer) -> Needs:
    """Output divided by input, unless the power is 2 or the gradient is a constant."""
    own = layer.message.sub("power_param")
    if own.get("power") in (0, 1) or own.get("scale") == 0:
        return _NOTHING
    return _INPUT if own.get("power") == 2 else Needs(bottoms=_FIRST, tops=_FIRST)


def _lrn(layer: Layer) -> Needs:
    within = layer.message.sub("lrn_param").get("norm_region") == "WITHIN_CHANNEL"
    return _INPUT if within else Needs(bottoms=_FIRST, tops=_FIRST)


def _mvn(layer: Layer) -> Needs:
    """It reads its bottom too, but overwrites what it made of it."""
    return _OUTPUT if layer.message.sub("mvn_param").get("normalize_variance") else _NOTHING


def _eltwise(layer: Layer) -> Needs:
    own = layer.message.sub("eltwise_param")
    if own.get("operation") != "PROD":
        return _NOTHING  # MAX has kept which bottom won
    bottoms = dict.fromkeys(range(len(layer.bottoms)), Need.VALUES)
    return Needs(bottoms=bottoms, tops={} if own.get("stable_prod_grad") else _FIRST)


def _reduction(layer: Layer) -> Needs:
    reads = layer.message.sub("reduction_param").get("operation") in ("ASUM", "SUMSQ")
    return _INPUT if reads else _NOTHING


def _pooling(layer: Layer) -> Needs:
    """MAX keeps the places of its maxima: in the second top where there is one. cuDNN's needs top
    and bottom for AVE in form only, and is not used for MAX (layer_factory.cpp).
    """
    second = len(layer.tops) > 1
    return Needs(tops={1: Need.VALUES}) if second else _NOTHING


def _softmax_loss(layer: Layer) -> Needs:
    """The second top is the very memory of the probabilities (softmax_loss_layer.cpp, Forward)."""
    bottoms = dict.fromkeys(range(1, len(layer.bottoms)), Need.VALUES)
    return Needs(bottoms=bottoms, tops={1: Need.VALUES} if len(layer.tops) > 1 else {})


def _always(needs: Needs) -> Callable[[Layer], Needs]:
    return lambda _layer: needs


_LABELS = _always(Needs(bottoms={1: Need.VALUES}))

NEEDS: dict[str, Callable[[Layer], Needs]] = {
    "AbsVal": _always(_INPUT),
    "BNLL": _always(_INPUT),
    "BatchReindex": _LABELS,
    "Clip": _always(_INPUT),
    "ContrastiveLoss": _always(Needs(bottoms={2: Need.VALUES})),
    "Convolution": _weighted,
    "Deconvolution": _weighted,
    "ELU": _elu,
    "Eltwise": _eltwise,
    "Embed": _weighted,
    "Exp": _always(_OUTPUT),
    "HingeLoss": _LABELS,
    "InfogainLoss": _softmax_loss,
    "InnerProduct": _weighted,
    "LRN": _lrn,
    "LSTM": _recurrent,
    "LSTMUnit": _always(
        Needs(bottoms={0: Need.VALUES, 1: Need.VALUES, 2: Need.VALUES}, tops=_FIRST)
    ),
    "Log": _always(_INPUT),
    "MVN": _mvn,
    "MultinomialLogisticLoss": _always(Needs(bottoms={0: Need.VALUES, 1: Need.VALUES})),
    "PReLU": _kept_in_place,
    "Pooling": _pooling,
    "Power": _power,
    "RNN": _recurrent,
    "ReLU": _relu,
    "Reduction": _reduction,
    "Scale": _kept_in_place,
    "Sigmoid": _always(_OUTPUT),
    "SigmoidCrossEntropyLoss": _LABELS,
    "Softmax": _always(_OUTPUT),
    "SoftmaxWithLoss": _softmax_loss,
    "Swish": _always(_OUTPUT),
    "TanH": _always(_OUTPUT),
}
"""What the backward pass of each type reads."""

READS_NO_DATA = frozenset(
    (
        # Gradients only, or what the layer has kept for itself (BatchNorm, Dropout, EuclideanLoss).
        *("BatchNorm", "Bias", "Concat", "Crop", "Dropout", "EuclideanLoss", "Filter", "Flatten"),
        *("Im2col", "Reshape", "SPP", "Silence", "Slice", "Split", "Tile"),
        # No backward pass, or nothing below them.
        *("Accuracy", "ArgMax", "HDF5Output", "Threshold", "Data", "DummyData", "HDF5Data"),
        *("ImageData", "Input", "MemoryData", "Parameter", "WindowData"),
        "Python",  # unknown
    )
)
"""The types that are not in ``NEEDS``."""

# In place. Types that Caffe refuses are no matter here: AbsVal, Flatten, Reshape, Split.
_REFUSED = frozenset(("AbsVal", "Flatten", "Reshape", "Split"))
_FIT_IN_PLACE = frozenset(
    (
        *("BatchNorm", "Bias", "Dropout", "ELU", "Exp", "PReLU", "ReLU", "Scale", "Sigmoid"),
        *("Softmax", "Swish", "TanH", "Threshold", "Python"),
    )
)
# Right output, but the gradient comes from overwritten data, or is itself overwritten too early.
_WRONG_GRADIENT = frozenset(("BNLL", "Clip", "Log", "LSTMUnit", "Power"))


def is_known(layer: Layer) -> bool:
    """Whether these tables tell of the layer: it is of one of BVLC's types, as BVLC has it."""
    return not layer.opaque and (layer.type in NEEDS or layer.type in READS_NO_DATA)


def gradients_down(layer: Layer, net: Net) -> list[bool]:
    """Caffe's bottom_need_backward: ``propagate_down``, or else what is below.

    ``force_backward`` adds all bottoms but the labels of losses (LossLayer, AllowForceBackward).
    """
    if net.message.get("force_backward"):
        loss = layer.kind is not None and layer.kind.loss
        return [not (loss and i == 1) for i in range(len(layer.bottoms))]
    flags: list[bool] = layer.message.get("propagate_down")
    return [
        layer.needs_backward
        and (flags[i] if i < len(flags) else blob is not None and blob.producer.needs_backward)
        for i, blob in enumerate(layer.bottoms)
    ]


def needs_of(layer: Layer, net: Net) -> Needs:
    """What the layer's backward pass reads in this net, where it runs at all."""
    read = NEEDS.get(layer.type)
    if read is None or layer.opaque or not layer.needs_backward:
        return _NOTHING
    return read(layer) if _makes_gradients(layer, net) else _NOTHING


def _makes_gradients(layer: Layer, net: Net) -> bool:
    """Whether its backward pass has anything to work out: of a bottom, or of its own weights."""
    return any(gradients_down(layer, net)) or (layer.needs_backward and layer.learns)


def check_overwriting(net: Net) -> list[Problem]:
    """Data that is overwritten in place while Caffe still needs it."""
    memory = _Memory(net)
    problems = [*_check_in_place(net), *_check_forward(net, memory)]
    if net.state.phase == "TRAIN" and any(layer.is_loss for layer in net.layers):
        problems += _check_backward(net, memory)
    return problems


# A layer's own work in place


def _check_in_place(net: Net) -> Iterator[Problem]:
    runs_backward = net.state.phase == "TRAIN"
    for layer in net.layers:
        if not layer.in_place:
            continue
        output_fits, gradient_fits = _fits_in_place(layer)
        if not output_fits:
            yield _in_place_problem("in-place-output-wrong", layer)
        elif not gradient_fits and runs_backward and _makes_gradients(layer, net):
            yield _in_place_problem("in-place-gradient-wrong", layer)


def _fits_in_place(layer: Layer) -> tuple[bool, bool]:
    """Whether output and gradient are right where the layer works in place."""
    type_ = layer.type
    if type_ in _FIT_IN_PLACE or type_ in _REFUSED or not is_known(layer):
        return True, True
    if type_ in ("Concat", "Slice"):  # of one blob they pass the memory on as it is
        return len(layer.bottoms) == len(layer.tops) == 1, True
    if type_ in _WRONG_GRADIENT:
        return True, False
    if type_ == "MVN":
        return True, not layer.message.sub("mvn_param").get("normalize_variance")
    if type_ == "Eltwise":  # SUM and MAX clear their top before they read
        return layer.message.sub("eltwise_param").get("operation") == "PROD", False
    if type_ in ("Convolution", "Deconvolution"):
        return not _is_one_by_one(layer), False
    return False, False


def _is_one_by_one(layer: Layer) -> bool:
    """Without a column buffer (base_conv_layer.cpp, is_1x1_) a product is written over a factor."""
    own = layer.message.sub("convolution_param")
    kernel = [*own.get("kernel_size"), *(own.get(name) for name in ("kernel_h", "kernel_w"))]
    return all(size in (0, 1) for size in kernel)


def _in_place_problem(kind: str, layer: Layer) -> Problem:
    number = next(i for i in range(len(layer.top_names)) if layer.rewrites(i))
    values = {"layer": layer.name, "type": layer.type, "top": layer.top_names[number]}
    return Problem(kind, layer.message.span("top", number), values, (), layer.name, False)


# Work in place on what others need


def _shares(layer: Layer) -> bool:
    """Whether its tops are its bottom's memory (Blob::ShareData) and not a copy."""
    if layer.type in ("Concat", "Slice"):
        return len(layer.bottoms) == len(layer.tops) == 1
    return layer.type in ("Flatten", "Reshape", "Split") and len(layer.bottoms) == 1


class _Memory:
    """Which blobs lie in one piece of memory, and which layers write to it.

    ``stamp`` of a blob is the layer that wrote the values which the blob stands for.
    """

    def __init__(self, net: Net) -> None:
        self._of: dict[Blob, int] = {}
        self._stamp: dict[Blob, int] = {}
        self._writers: dict[int, list[Layer]] = {}
        for layer in net.layers:
            for number, top in enumerate(layer.tops):
                self._add(layer, number, top)

    def _add(self, layer: Layer, number: int, top: Blob) -> None:
        shares = _shares(layer)
        in_place = layer.in_place and layer.rewrites(number)
        below = layer.bottoms[0 if shares else number] if shares or in_place else None
        if below is None:
            self._of[top] = len(self._of)
            self._stamp[top] = layer.index
            return
        self._of[top] = self._of[below]
        self._stamp[top] = self._stamp[below] if shares else layer.index
        if not shares:
            self._writers.setdefault(self._of[top], []).append(layer)

    def later_writers(self, blob: Blob) -> list[Layer]:
        """The layers that write over what the blob stands for, in order."""
        after = self._stamp[blob]
        return [one for one in self._writers.get(self._of[blob], ()) if one.index > after]


def _check_forward(net: Net, memory: _Memory) -> Iterator[Problem]:
    """Readers that come after a layer which works in place on the same memory."""
    for layer in net.layers:
        for number, blob in enumerate(layer.bottoms):
            if blob is None:
                continue
            writers = [one for one in memory.later_writers(blob) if one.index < layer.index]
            if writers:
                yield _forward_problem(writers[0], layer, number)


def _forward_problem(writer: Layer, reader: Layer, bottom: int) -> Problem:
    number = next(i for i in range(len(writer.top_names)) if writer.rewrites(i))
    values = {
        "layer": writer.name,
        "top": writer.top_names[number],
        "reader": reader.name,
        "bottom": reader.bottom_names[bottom],
    }
    also = ((reader.message.span("bottom", bottom), "read here, with the new values"),)
    span = writer.message.span("top", number)
    return Problem("shared-data-overwritten", span, values, also, writer.name, False)


def _check_backward(net: Net, memory: _Memory) -> Iterator[Problem]:
    """Data that a backward pass reads and that a later layer writes over; first of each reader."""
    for layer in net.layers:
        if layer.in_place and not all(_fits_in_place(layer)):
            continue  # told of
        needs = needs_of(layer, net)
        read = [
            *(("output", layer.tops[i], need) for i, need in needs.tops.items()),
            *(
                ("input", blob, need)
                for i, need in needs.bottoms.items()
                if i < len(layer.bottoms) and (blob := layer.bottoms[i]) is not None
            ),
        ]
        for what, blob, need in read:
            spoiler = next(
                (one for one in memory.later_writers(blob) if _spoils(one, layer, need)), None
            )
            if spoiler is not None:
                yield _backward_problem(spoiler, layer, what)
                break


def _spoils(writer: Layer, reader: Layer, need: Need) -> bool:
    return writer is not reader and (need is Need.VALUES or not _keeps_sign(writer))


def _keeps_sign(layer: Layer) -> bool:
    """Whether values above 0 stay so, and others do too. Dropout sends no gradient through the
    values that it sets to 0. Of what layers of unknown types do, nothing is said.
    """
    if layer.type in ("Dropout", "ELU", "LRN", "PReLU", "Swish", "TanH", "Python"):
        return True
    if layer.type == "ReLU":
        return bool(layer.message.sub("relu_param").get("negative_slope") >= 0)
    if layer.type == "Clip":
        own = layer.message.sub("clip_param")
        return bool(own.get("min") <= 0 < own.get("max"))
    if layer.type == "Power":
        own = layer.message.sub("power_param")
        return bool(own.get("shift") == 0 and own.get("scale") > 0 and own.get("power") % 2 == 1)
    if layer.type == "Scale":  # scales start at 1, and few of them turn negative
        return len(layer.bottoms) == 1 and not layer.message.sub("scale_param").get("bias_term")
    return not is_known(layer)


def _backward_problem(writer: Layer, reader: Layer, what: str) -> Problem:
    number = next(i for i in range(len(writer.top_names)) if writer.rewrites(i))
    values = {
        "layer": writer.name,
        "type": writer.type,
        "top": writer.top_names[number],
        "reader": reader.name,
        "reader_type": reader.type,
        "what": what,
    }
    also = ((reader.message.span("type"), f"its gradient is computed from its {what}"),)
    span = writer.message.span("top", number)
    return Problem("overwritten-before-backward", span, values, also, writer.name, False)
