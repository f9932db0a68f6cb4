"""How training starts, in a few numbers: the first loss, what chance gives, the first step.

Everything here holds for a net whose weights all come from its fillers.
"""

from __future__ import annotations

from functools import cached_property
from math import isfinite, log, prod, sqrt

from msgspec import Struct

from ..model.build import Shapes
from ..model.net import Layer, Net
from ..model.schedule import rate
from ..schema.message import Message
from .assume import with_usual_sizes
from .forward import Forward, LossTerm, forward
from .losses import normaliser
from .step import Blocked, Step
from .updates import FirstStep, Update, first_step

_RELU_LIKE = ("ReLU", "PReLU", "ELU")

_PASS_ON = ("BatchNorm", "Scale", "Bias", "Dropout", "Pooling", "Split")

_FAR = 16

BYTE = 1 / 256
"""The scale that brings pixels of 8 bits to values below 1."""

_LARGE = 10.0
"""An rms of images above this shows that their values go up to 255."""

_USUAL_STEPS = 400


class Outlook(Struct, frozen=True, dict=True):
    """The first pass over a net, and with a solver its first step.

    ``sizes_assumed`` tells that sizes which the data decides were replaced by usual ones.
    """

    forth: Forward
    step: FirstStep | None
    solver: Message | None
    sizes_assumed: bool
    shapes: Shapes

    @property
    def net(self) -> Net:
        """The net that starts."""
        return self.forth.net

    @property
    def assumed(self) -> bool:
        """Whether sizes or values of the inputs were assumed."""
        signals = (self.forth.signals.get(b) for one in self.net.sources for b in one.tops)
        return self.sizes_assumed or any(one is not None and one.assumed for one in signals)

    @property
    def chance(self) -> float | None:
        """The loss if all scores were 0; None with losses that have no such value."""
        values = [chance_of(self.forth, term) for term in self.forth.losses]
        if self.forth.unseen or not values or None in values:
            return None
        return sum(value for value in values if value is not None)

    @property
    def main_loss(self) -> LossTerm | None:
        """The loss with the largest weight, of several the last: heads on the way come before."""
        losses = self.forth.losses
        return max(reversed(losses), key=lambda term: term.weight) if losses else None

    def scaled(self, factor: float = BYTE) -> float | None:
        """The first loss if inputs as large as pixels of 0 to 255 were multiplied by a factor; None
        without such inputs.
        """
        given = {
            blob.name: (
                signal.mean * factor,
                sqrt(max(0.0, signal.square - signal.mean**2)) * factor,
            )
            for layer in self.net.sources
            for blob in layer.tops
            if (signal := self.forth.signals.get(blob)) is not None
            and signal.channels * prod(signal.size) > 1  # labels are single numbers
            and signal.rms > _LARGE
        }
        return forward(self.net, self.shapes, given).first_loss if given else None

    def fit(self, layer: Layer) -> tuple[float, float, int] | None:
        """Standard deviation of a layer's weights, the one that keeps signals as large as they
        are, and how many inputs an output has.
        """
        step = self.forth.steps.get(layer)
        if step is None or layer.type not in ("Convolution", "InnerProduct") or 0 not in step.fills:
            return None
        inputs = fan_in(step)
        if not inputs:
            return None
        gain = 2.0 if _before_relu(layer) else 1.0
        return sqrt(step.fills[0].square), sqrt(gain / inputs), inputs

    def extremes(self) -> tuple[Layer, Layer] | None:
        """The learning layers whose weights are the farthest below, and above, what fits. Where
        values are normalised right above, weights of any size do.
        """
        known = {}
        for layer in self.net.layers:
            fit = self.fit(layer) if layer.learns and layer.reaches_loss else None
            if fit is not None and not any(r.type == "BatchNorm" for r in _readers(layer)):
                known[layer] = fit[0] / fit[1]
        if not known:
            return None
        return min(known, key=known.__getitem__), max(known, key=known.__getitem__)

    @cached_property
    def updates(self) -> dict[Layer, list[Update]]:
        """The first updates of each layer's learned blobs."""
        result: dict[Layer, list[Update]] = {}
        for one in self.step.updates if self.step is not None else ():
            result.setdefault(one.layer, []).append(one)
        return result

    @property
    def weight_updates(self) -> list[Update]:
        """The first updates of weights and not of biases."""
        return [one for one in (self.step.updates if self.step else ()) if one.index == 0
                and one.layer.type in ("Convolution", "InnerProduct", "Deconvolution")]  # fmt: skip

    @property
    def fastest(self) -> float | None:
        """The largest steady step of any weights that their gradient drives, as a part of them; inf
        for weights of 0.
        """
        if self.step is None or not self.step.whole:
            return None
        speeds = [
            one.driven / one.weights if one.weights else (float("inf") if one.driven else 0.0)
            for one in self.weight_updates
        ]
        return max(speeds, default=None)

    @property
    def reach(self) -> float | None:
        """How far the loss falls in all iterations of the solver, in parts of it, if gradients stay
        as they are.
        """
        loss = self.forth.first_loss
        if self.step is None or self.solver is None or not loss or not isfinite(loss):
            return None
        first = rate(self.solver, 0)
        last = int(self.solver.get("max_iter"))
        if not first or last <= 0:
            return None
        points = min(last, _USUAL_STEPS)
        rates = [rate(self.solver, last * i // points) or 0.0 for i in range(points)]
        return self.step.falls / loss * sum(rates) / points * last / first


def fan_in(step: Step) -> int:
    """Inputs of one output."""
    try:
        shape = step.param_shape(0)
    except Blocked:
        return 0
    own = step.own
    if step.layer.type == "InnerProduct" and own.get("transpose"):
        return shape[0]
    return prod(shape[1:])


def _readers(layer: Layer) -> list[Layer]:
    return [reader for blob in layer.tops for reader, _ in blob.readers]


def _before_relu(layer: Layer) -> bool:
    pending, seen = _readers(layer), 0
    while pending and seen < _FAR:
        reader = pending.pop()
        seen += 1
        if reader.type in _RELU_LIKE:
            return True
        if reader.type in _PASS_ON:
            pending += _readers(reader)
    return False


def chance_of(forth: Forward, term: LossTerm) -> float | None:
    """A loss of equal scores, with its weight: ln K, ln 2 for each sigmoid, K for a hinge."""
    step = forth.steps[term.layer]
    shape = step.bottom_shapes[0] if step.bottom_shapes else None
    kind = term.layer.type
    if shape is None or None in shape or len(shape) < 2:
        return None
    sizes = [size or 0 for size in shape]
    if kind in ("SoftmaxWithLoss", "InfogainLoss"):
        block = "softmax_param" if kind == "SoftmaxWithLoss" else "infogain_loss_param"
        axis = term.layer.message.sub(block).get("axis")
        classes = max(1, sizes[axis % len(sizes)])
        rows = prod(sizes) / classes
        return term.weight * log(classes) * normaliser(step, rows, sizes[0], "VALID")
    if kind == "MultinomialLogisticLoss":
        return term.weight * log(max(1, sizes[1]))
    number = prod(sizes)
    if kind == "SigmoidCrossEntropyLoss":
        return term.weight * log(2) * normaliser(step, float(number), sizes[0], "BATCH_SIZE")
    return float(term.weight * number / sizes[0]) if kind == "HingeLoss" and sizes[0] else None


def outlook(net: Net, shapes: Shapes, solver: Message | None = None) -> Outlook | None:
    """How a net that has been set up starts from its fillers; None where no usual size of images
    fits.
    """
    usual = with_usual_sizes(net, shapes)
    if usual is None:
        return None
    forth = forward(net, usual)
    step = first_step(forth, solver) if solver is not None else None
    return Outlook(forth, step, solver, usual is not shapes, usual)
