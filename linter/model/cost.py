"""What a net costs: multiply-adds, learned blobs, memory.

Multiply-adds are those of one forward pass over the whole batch. A sum alone counts like a
multiply-add; adding a bias, comparing, moving values and elementwise functions count nothing.
What depends on an unknown size is None, and a ``Sum`` tells what is known all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct, field

from .build import Shapes, counts_fit
from .net import Layer, Net, Param
from .shapes.setup import Dim, Shape, count, signed

BYTES = 4
"""Size of one value in memory: Caffe computes in single precision."""

_SHARING = frozenset(("Flatten", "Parameter", "Reshape", "Split"))
"""Layers whose tops are the memory of their bottom, or of their learned blob."""


# Multiply-adds


class Costed(Struct, frozen=True):
    """A layer with the shapes around it, as the formulas see it."""

    layer: Layer
    bottoms: Sequence[Shape]
    tops: Sequence[Shape]
    params: Sequence[Shape]

    def own(self, name: str) -> int:
        """A number from the type's own parameter block."""
        assert self.layer.own is not None
        return signed(self.layer.own.get(name))


def multiply_adds(
    layer: Layer, bottoms: Sequence[Shape], tops: Sequence[Shape], params: Sequence[Shape]
) -> Dim:
    """Multiply-adds of one forward pass of a layer; None where they cannot be known.

    A convolution costs its weights at each output position of each image, a deconvolution its
    weights at each input position, an InnerProduct its weights for each row, LSTM and RNN their
    matrices at each timestep of each stream. Pooling and LRN cost their window for each output,
    Eltwise one operation for each bottom but the first. Each formula's docstring states it.
    """
    formula = FORMULAS.get(layer.type)
    if formula is None or (formula is not _free and (None in tops or not counts_fit(layer))):
        return None
    return formula(Costed(layer, bottoms, tops, params))


def _product(*numbers: Dim) -> Dim:
    return count(numbers)


def _total(numbers: Iterable[Dim]) -> Dim:
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


def _positions(shape: Shape, axis: int) -> Dim:
    """Number of values in a shape, if there were one channel only."""
    if not shape:
        return None
    axis %= len(shape)
    return count((*shape[:axis], *shape[axis + 1 :]))


def _convolution(c: Costed) -> Dim:
    """Weights × output positions × batch, for each top.

    The weights' shape has the input channels of one group, so their count accounts for groups.
    """
    weights, axis = count(c.params[0]), c.own("axis")
    return _total(_product(weights, _positions(top, axis)) for top in c.tops)


def _deconvolution(c: Costed) -> Dim:
    """Weights × input positions × batch, for each bottom: each input value fills a window."""
    weights, axis = count(c.params[0]), c.own("axis")
    return _total(_product(weights, _positions(bottom, axis)) for bottom in c.bottoms)


def _inner_product(c: Costed) -> Dim:
    """Weights × rows: the axes before ``axis`` number the rows."""
    shape = c.bottoms[0]
    if not shape:
        return None
    return _product(count(c.params[0]), count(shape, 0, c.own("axis") % len(shape)))


def _recurrent(c: Costed) -> Dim:
    """Matrices × timesteps × streams; an LSTM's unit costs 3 for each cell on top.

    The static input is multiplied once for each stream.
    """
    shape = c.bottoms[0]
    if shape is None:
        return None
    steps = count(shape, 0, 2)
    parts = [
        _product(count(weights), shape[1] if param.role == "static weight" else steps)
        for param, weights in zip(c.layer.params, c.params, strict=True)
        if "bias" not in param.role
    ]
    unit = _product(3, steps, c.own("num_output")) if c.layer.type == "LSTM" else 0
    return _total((*parts, unit))


def _lstm_unit(c: Costed) -> Dim:
    """3 for each cell: what it keeps, what it takes in, what it puts out."""
    return _product(3, count(c.bottoms[0]))


def _eltwise(c: Costed) -> Dim:
    """Values × (bottoms − 1); a coefficient is part of its sum."""
    return _product(len(c.bottoms) - 1, count(c.tops[0]))


def _lrn(c: Costed) -> Dim:
    """Values × window: ``local_size`` channels, or its square within a channel."""
    assert c.layer.own is not None
    across = c.layer.own.get("norm_region") == "ACROSS_CHANNELS"
    return _product(count(c.tops[0]), c.own("local_size") ** (1 if across else 2))


def _pooling(c: Costed) -> Dim:
    """Outputs × window; a window that hangs over the edge counts as whole."""
    own = c.layer.own
    assert own is not None
    if own.get("global_pooling"):
        return count(c.bottoms[0])
    names = ("kernel_size",) * 2 if own.has("kernel_size") else ("kernel_h", "kernel_w")
    return _product(count(c.tops[0]), *map(c.own, names))


def _spatial_pyramid(c: Costed) -> Dim:
    """Bins × window × channels, for each level."""
    if c.bottoms[0] is None:
        return None
    images, channels, height, width = c.bottoms[0]
    if height is None or width is None:
        return None
    levels = [2**level for level in range(c.own("pyramid_height"))]
    covered = sum(-(-height // bins) * -(-width // bins) * bins**2 for bins in levels)
    return _product(images, channels, covered)


def _mvn(c: Costed) -> Dim:
    """1 for each value, for the mean; 2 more with ``normalize_variance``."""
    assert c.layer.own is not None
    return _product(count(c.bottoms[0]), 3 if c.layer.own.get("normalize_variance") else 1)


def _each_value(c: Costed) -> Dim:
    """1 for each value of the first bottom."""
    return count(c.bottoms[0])


def _free(_c: Costed) -> Dim:
    """Nothing: it moves, compares or looks up values, or maps each by a function."""
    return 0


FORMULAS: dict[str, Callable[[Costed], Dim]] = {
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "Eltwise": _eltwise,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "LSTM": _recurrent,
    "LSTMUnit": _lstm_unit,
    "MVN": _mvn,
    "Pooling": _pooling,
    "RNN": _recurrent,
    "SPP": _spatial_pyramid,
    # BatchNorm normalises; what it adds up for its statistics in TRAIN is left out.
    **dict.fromkeys(("BatchNorm", "Scale", "Bias"), _each_value),
    # These add up all their values.
    **dict.fromkeys(("Reduction", "Softmax", "SoftmaxWithLoss"), _each_value),
    **dict.fromkeys(("ContrastiveLoss", "EuclideanLoss", "InfogainLoss"), _each_value),
    **dict.fromkeys(("AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "Log", "PReLU"), _free),
    **dict.fromkeys(("Power", "ReLU", "Sigmoid", "Swish", "TanH", "Threshold"), _free),
    **dict.fromkeys(("BatchReindex", "Concat", "Crop", "Embed", "Filter", "Flatten"), _free),
    **dict.fromkeys(("Im2col", "Reshape", "Silence", "Slice", "Split", "Tile"), _free),
    **dict.fromkeys(("Data", "DummyData", "HDF5Data", "HDF5Output", "ImageData"), _free),
    **dict.fromkeys(("Input", "MemoryData", "Parameter", "WindowData"), _free),
    **dict.fromkeys(("Accuracy", "ArgMax", "HingeLoss", "MultinomialLogisticLoss"), _free),
    "SigmoidCrossEntropyLoss": _free,
}
"""One entry for each layer type but Python, which does whatever its module says."""


# Totals


class Sum(Struct):
    """A total: ``known`` is what could be counted, ``whole`` whether that is all of it."""

    known: int = 0
    whole: bool = True

    def add(self, number: Dim) -> None:
        """Take one more number in; None makes the total a lower bound."""
        if number is None:
            self.whole = False
        else:
            self.known += number

    @property
    def value(self) -> Dim:
        """The total, None where it is not known."""
        return self.known if self.whole else None


class LearnedBlob(Struct):
    """A learned blob as one layer uses it, with the multipliers that the solver gets.

    ``owner`` is the first use of the same blob, None where that is this one. ``reached`` tells
    whether a gradient comes to it, from this layer or another that shares it.
    """

    param: Param
    shape: Shape
    lr_mult: float
    decay_mult: float
    owner: LearnedBlob | None = None
    reached: bool = False

    @property
    def learns(self) -> bool:
        """Whether gradients change it."""
        return self.lr_mult != 0 and self.reached


def learned_blobs(net: Net, shapes: Shapes) -> dict[Layer, list[LearnedBlob]]:
    """Every layer's learned blobs; those of one name are one blob (net.cpp, AppendParam)."""
    owners: dict[str, LearnedBlob] = {}
    written: dict[tuple[str, str], float] = {}
    result: dict[Layer, list[LearnedBlob]] = {}
    for layer in net.layers:
        uses = result.setdefault(layer, [])
        for param, shape in zip(layer.params, shapes.params[layer], strict=False):
            # BatchNorm sets the rates of its statistics itself (batch_norm_layer.cpp, LayerSetUp).
            rate = param.lr_mult if layer.type != "BatchNorm" else 0.0
            use = LearnedBlob(param, shape, rate, param.decay_mult)
            uses.append(use)
            name: str = param.spec.get("name") if param.spec is not None else ""
            if name:
                owner = owners.setdefault(name, use)
                use.owner = owner if owner is not use else None
                _take_multipliers(owner, name, param, written)
            first = use.owner or use
            first.reached |= layer.needs_backward and rate != 0
    for uses in result.values():
        for use in uses:
            if use.owner is not None:
                owner = use.owner
                use.lr_mult, use.decay_mult = owner.lr_mult, owner.decay_mult
                use.reached = owner.reached
    return result


def _take_multipliers(
    owner: LearnedBlob, name: str, param: Param, written: dict[tuple[str, str], float]
) -> None:
    """The first layer that writes a multiplier sets it for all that share the blob."""
    assert param.spec is not None
    for field_ in ("lr_mult", "decay_mult"):
        if param.spec.has(field_) and (name, field_) not in written:
            written[name, field_] = param.spec.get(field_)
            setattr(owner, field_, written[name, field_])


class LayerCost(Struct):
    """One layer: ``parameters`` are its own learned values, those it shares left out.

    ``memory`` is in bytes, the same way: blobs in place and shared parameters take none.
    """

    layer: Layer
    params: list[LearnedBlob]
    parameters: Dim
    multiply_adds: Dim
    memory: Dim


class NetCost(Struct):
    """A net's layers and totals; memory in bytes.

    ``trains`` tells whether diffs are held: in TRAIN, if gradients go anywhere. ``blob_memory``
    and ``parameter_memory`` include them then. ``caffe_memory`` is the number that Caffe logs as
    "Memory required for data": data alone, with Split and in-place tops counted once more.
    """

    trains: bool
    layers: list[LayerCost] = field(default_factory=list)
    parameters: Sum = field(default_factory=Sum)
    learned: Sum = field(default_factory=Sum)
    multiply_adds: Sum = field(default_factory=Sum)
    blob_memory: Sum = field(default_factory=Sum)
    parameter_memory: Sum = field(default_factory=Sum)
    caffe_memory: Sum = field(default_factory=Sum)
    batch_size: Dim = None
    splits: int = 0


def net_cost(net: Net, shapes: Shapes) -> NetCost:
    """What a net costs that has been set up."""
    cost = NetCost(_trains(net), batch_size=_batch_size(net, shapes))
    for layer, uses in learned_blobs(net, shapes).items():
        bottoms = [shapes.blobs[blob] if blob is not None else None for blob in layer.bottoms]
        tops = [shapes.blobs[blob] for blob in layer.tops]
        done = multiply_adds(layer, bottoms, tops, [use.shape for use in uses])
        cost.multiply_adds.add(done)
        parameters = _add_parameters(cost, layer, uses)
        blobs = _add_blobs(cost, net, layer, shapes)
        copies = BYTES * (1 + cost.trains)
        cost.blob_memory.add(_product(blobs, copies))
        cost.parameter_memory.add(_product(parameters, copies))
        memory = _product(_total((blobs, parameters)), copies)
        cost.layers.append(LayerCost(layer, uses, parameters, done, memory))
    return cost


def memory(net: Net, shapes: Shapes) -> int:
    """Bytes of a net's blobs and learned values, of those whose sizes are known: what ``net_cost``
    knows of ``blob_memory`` and ``parameter_memory``, without all the rest.
    """
    values = 0
    named: set[str] = set()
    for layer in net.layers:
        values += _total(_held_values(layer, shapes)) or 0
        if not layer.opaque:
            values += _total(list(_first_used(layer, shapes, named))) or 0
    return values * BYTES * (1 + _trains(net))


def _first_used(layer: Layer, shapes: Shapes, named: set[str]) -> Iterator[Dim]:
    """Values in the learned blobs that no layer before uses; ``named`` are those used so far."""
    for param, shape in zip(layer.params, shapes.params[layer], strict=False):
        name: str = param.spec.get("name") if param.spec is not None else ""
        if name not in named:
            yield count(shape)
        if name:
            named.add(name)


def _held_values(layer: Layer, shapes: Shapes) -> list[Dim]:
    """Values in the tops of a layer that have memory of their own."""
    if layer.type in _SHARING:
        return []
    return [
        count(shapes.blobs[blob])
        for i, blob in enumerate(layer.tops)
        if not (layer.in_place and layer.rewrites(i))
    ]


def _trains(net: Net) -> bool:
    """Whether diffs are held."""
    return net.state.phase == "TRAIN" and any(layer.needs_backward for layer in net.layers)


def _batch_size(net: Net, shapes: Shapes) -> Dim:
    """First size of the first blob that comes from outside."""
    first = next((shapes.blobs[blob] for layer in net.sources for blob in layer.tops), None)
    return first[0] if first else None


def _add_parameters(cost: NetCost, layer: Layer, uses: Sequence[LearnedBlob]) -> Dim:
    """Count the blobs that the layer is the first to use; what a fork's layer has is unknown."""
    own = [use for use in uses if use.owner is None]
    for use in own:
        cost.parameters.add(count(use.shape))
        if use.learns:
            cost.learned.add(count(use.shape))
    if layer.opaque:
        cost.parameters.add(None)
        cost.learned.add(None)
        return None
    return _total(count(use.shape) for use in own)


def _add_blobs(cost: NetCost, net: Net, layer: Layer, shapes: Shapes) -> Dim:
    """Values in the blobs that the layer makes, and Caffe's own count of them on the way."""
    for blob in layer.tops:
        values = count(shapes.blobs[blob])
        readers = net.uses(blob) if net.uses(blob) > 1 else 0
        cost.splits += bool(readers)
        cost.caffe_memory.add(_product(values, BYTES * (1 + readers)))
    if not layer.tops and layer.kind is not None and layer.kind.loss:
        cost.caffe_memory.add(BYTES)  # Caffe gives a loss layer without tops one of its own
    return _total(_held_values(layer, shapes))
