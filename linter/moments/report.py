"""The forward pass as Python users and the faces see it."""

from __future__ import annotations

from math import nan

from msgspec import Struct

from ..model.net import Blob, Net
from ..model.splits import wired
from .forward import Forward
from .losses import range_of
from .updates import FirstStep


class TopSignal(Struct, frozen=True):
    """Values of a top at iteration 0, as expected over seeds and data.

    ``mean`` and ``rms`` are over the whole blob, nan and inf where single precision overflows, None
    where nothing is known. ``alike`` is the share of the mean square that all samples of a batch
    have in common: at 1 they cannot be told apart. ``assumed`` tells that they rest on an
    assumption about the data.
    """

    blob: str
    mean: float | None
    rms: float | None
    alike: float | None = None
    assumed: bool = False


class LayerSignal(Struct, frozen=True):
    """A layer, Caffe's Split layers included, with what it puts out."""

    name: str
    type: str
    tops: tuple[TopSignal, ...]


class LossSignal(Struct, frozen=True):
    """What a layer adds to the first loss: ``weight`` · ``value``, likely from ``low`` to ``high``
    (both without the weight).
    """

    layer: str
    type: str
    weight: float
    value: float
    low: float
    high: float


class BlockedLayer(Struct, frozen=True):
    """A layer behind which nothing is known, and why."""

    layer: str
    type: str
    reason: str


class UpdateSignal(Struct, frozen=True):
    """The first update of a learned blob, in root mean squares over its values.

    ``weights`` are its values before, ``steady`` is what updates grow to by momentum if gradients
    stay as they are; ``ratio`` is the first update over the weights, None where they start at 0.
    """

    layer: str
    index: int
    role: str
    weights: float
    gradient: float
    update: float
    steady: float
    ratio: float | None


class NetSignal(Struct, frozen=True):
    """How large the signals of a net are at iteration 0.

    ``first_loss`` is the expected first loss: nan if scores overflow, None if it cannot be told
    (``blocked`` says where the sight ends) or there is no loss. ``loss_range`` is where it is
    likely to be, ``seen`` the number of layers that could be computed. ``assumed`` are the inputs
    whose values were assumed. ``updates`` tells of the first update, if the solver is known, of
    every learned blob whose gradient is.
    """

    layers: tuple[LayerSignal, ...]
    first_loss: float | None
    loss_range: tuple[float, float] | None
    losses: tuple[LossSignal, ...]
    seen: int
    blocked: tuple[BlockedLayer, ...] = ()
    assumed: tuple[str, ...] = ()
    updates: tuple[UpdateSignal, ...] = ()


def net_signal(net: Net, result: Forward, step: FirstStep | None = None) -> NetSignal:
    """A forward pass for reading, and the solver's first step."""
    layers = []
    for one in wired(net):
        blobs = one.layer.tops if one.split is None else [one.split] * len(one.tops)
        tops = tuple(_top(name, blob, result) for name, blob in zip(one.tops, blobs, strict=False))
        layers.append(LayerSignal(one.name, one.type, tops))
    return NetSignal(
        tuple(layers),
        result.first_loss,
        result.loss_range,
        tuple(
            LossSignal(
                *(term.layer.name, term.layer.type, term.weight, term.loss.value),
                *range_of(term.loss),
            )
            for term in result.losses
        ),
        result.seen,
        tuple(BlockedLayer(one.name, one.type, why) for one, why in result.blocked.items()),
        tuple(
            blob.name
            for layer in net.sources
            for blob in layer.tops
            if (signal := result.signals[blob]) is not None and signal.assumed
        ),
        tuple(
            UpdateSignal(
                *(one.layer.name, one.index, one.layer.params[one.index].role),
                *(one.weights, one.gradient, one.update, one.steady),
                one.ratio,
            )
            for one in (step.updates if step is not None else ())
        ),
    )


def _top(name: str, blob: Blob, result: Forward) -> TopSignal:
    if blob in result.blown:
        return TopSignal(name, nan, float("inf"))
    signal = result.signals.get(blob)
    if signal is None:
        return TopSignal(name, None, None)
    return TopSignal(name, signal.mean, signal.rms, signal.alike, signal.assumed)
