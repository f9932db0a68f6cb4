"""The forward pass of the moments: every layer's signal from its bottoms', in Caffe's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite, isnan, nan

from msgspec import Struct, field

from ..model.build import Shapes
from ..model.net import Blob, Layer, Net
from .fillers import Fill
from .inputs import Inputs, source
from .losses import range_of
from .signal import LARGEST, Signal
from .step import Blocked, Loss, Step
from .table import RULES

Known = Callable[[Layer, int], Fill | None]
"""Moments of a learned blob that weights fill; None where the layer's filler does."""


class LossTerm(Struct, frozen=True):
    """What a layer adds to the loss: ``weight`` · ``value``."""

    layer: Layer
    weight: float
    loss: Loss


class Forward(Struct):
    """Signals of all blobs of a net at iteration 0.

    A blob has None where nothing is known of it; ``blocked`` says, for each layer at which the
    sight ends, why, and ``seen`` counts the layers that are not behind such a one. ``blown`` are
    the blobs that are beyond single precision. ``steps`` has what every layer was computed from.
    """

    net: Net
    signals: dict[Blob, Signal | None] = field(default_factory=dict)
    steps: dict[Layer, Step] = field(default_factory=dict)
    blown: set[Blob] = field(default_factory=set)
    blocked: dict[Layer, str] = field(default_factory=dict)
    losses: list[LossTerm] = field(default_factory=list)
    unseen: list[Layer] = field(default_factory=list)
    seen: int = 0

    @property
    def first_loss(self) -> float | None:
        """The expected loss of the first iteration: nan where scores overflow, None where it is
        not known, or where there is none.
        """
        if self.unseen or not self.losses:
            return None
        return sum(term.weight * term.loss.value for term in self.losses)

    @property
    def loss_range(self) -> tuple[float, float] | None:
        """Where the first loss is likely to be."""
        if self.first_loss is None or isnan(self.first_loss):
            return None
        total = Loss(
            sum(term.weight * term.loss.value for term in self.losses),
            sum((term.weight * term.loss.deviation) ** 2 for term in self.losses) ** 0.5,
            any(term.loss.partial for term in self.losses),
        )
        return range_of(total)


def forward(
    net: Net, shapes: Shapes, inputs: Inputs | None = None, known: Known | None = None
) -> Forward:
    """Moments of all blobs of a net that has been set up.

    ``inputs`` has mean and standard deviation of input blobs by name; ``known`` the moments of
    learned blobs that a weights file fills.
    """
    result = Forward(net)
    for layer in net.layers:
        step = _step(layer, net, shapes, result.signals, known or _unknown)
        result.steps[layer] = step
        result.seen += 1
        if any(blob in result.blown for blob in layer.bottoms):
            _blow(result, layer)
            continue
        tops = _tops(step, inputs or {}, result)
        _keep(result, layer, tops)
        _count_loss(result, step)
    return result


def _unknown(_layer: Layer, _index: int) -> Fill | None:
    return None


def _step(
    layer: Layer, net: Net, shapes: Shapes, signals: Mapping[Blob, Signal | None], known: Known
) -> Step:
    message = layer.message
    return Step(
        layer,
        message.get("phase") if message.has("phase") else net.state.phase,
        [None if blob is None else signals.get(blob) for blob in layer.bottoms],
        [None if blob is None else shapes.blobs.get(blob) for blob in layer.bottoms],
        [shapes.blobs.get(blob) for blob in layer.tops],
        shapes.params[layer],
        known,
    )


def _tops(step: Step, inputs: Inputs, result: Forward) -> list[Signal | None]:
    layer = step.layer
    nothing: list[Signal | None] = [None] * len(layer.tops)
    try:
        if not layer.bottoms and layer.type != "Parameter":
            return source(step, inputs)
        return RULES.get(layer.type, unknown)(step)
    except Blocked as blocked:
        result.seen -= 1
        if str(blocked):
            result.blocked[layer] = str(blocked)
        return nothing
    except (OverflowError, ValueError, ZeroDivisionError):  # of inf and nan on the way
        result.blown.update(layer.tops)
        return nothing


def unknown(s: Step) -> list[Signal | None]:
    """A layer of a fork, or of the user's own."""
    raise Blocked(f"layers of type {s.layer.type} are not known")


def _keep(result: Forward, layer: Layer, tops: list[Signal | None]) -> None:
    for i, blob in enumerate(layer.tops):
        signal = tops[i] if i < len(tops) else None
        if signal is not None and not signal.square <= LARGEST * LARGEST:
            result.blown.add(blob)
            signal = None
        result.signals[blob] = signal


def _blow(result: Forward, layer: Layer) -> None:
    """What is computed from infinite values is inf or nan; labels and the like are not."""
    for blob in layer.tops:
        result.signals[blob] = None
        result.blown.add(blob)
    weight = _weight(layer)
    if weight:
        result.losses.append(LossTerm(layer, weight, Loss(nan, nan)))


def _weight(layer: Layer) -> float:
    if layer.tops:
        return layer.tops[0].loss_weight
    return layer.loss_weight(0)


def _count_loss(result: Forward, step: Step) -> None:
    layer = step.layer
    weights = [blob.loss_weight for blob in layer.tops] or [layer.loss_weight(0)]
    if not any(weights):
        return
    if step.loss is not None:
        loss = step.loss
        value = loss.value if isfinite(loss.value) else inf
        result.losses.append(LossTerm(layer, weights[0], Loss(value, loss.deviation, loss.partial)))
        return
    for blob, weight in zip(layer.tops, weights, strict=False):
        signal = result.signals.get(blob)
        if weight and signal is None:
            result.unseen.append(layer)
        elif weight and signal is not None:
            # Caffe adds up all values of the top (layer.hpp, Forward).
            number = signal.samples * signal.channels * signal.size[0] * signal.size[1]
            spread = (signal.square - signal.mean * signal.mean) * number
            loss = Loss(signal.mean * number, max(0.0, spread) ** 0.5)
            result.losses.append(LossTerm(layer, weight, loss))
    if not layer.tops:
        result.unseen.append(layer)
