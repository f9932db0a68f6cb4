"""The way back of the moments: every layer's gradients from those above it, losses first."""

from __future__ import annotations

from math import inf, isfinite, sqrt

from msgspec import Struct, field

from ..model.backward import gradients_down
from ..model.net import Blob, Layer
from .back_step import Back
from .downward import DOWN_RULES, added, unknown
from .forward import Forward
from .kernel import constant
from .loss_gradients import LOSS_RULES
from .signal import Part, Signal
from .step import Blocked


class Backward(Struct):
    """Gradients of all blobs of a net at iteration 0.

    A blob that no gradient reaches is missing in ``gradients``; it has None where the gradient is
    not known, and ``blocked`` says at which layers the sight ends, and why. ``squares`` are the
    mean squares of the gradients of learned blobs, by layer and number.
    """

    gradients: dict[Blob, Signal | None] = field(default_factory=dict)
    squares: dict[tuple[Layer, int], float] = field(default_factory=dict)
    blocked: dict[Layer, str] = field(default_factory=dict)

    def rms(self, blob: Blob) -> float | None:
        """Root mean square of the gradient of a blob."""
        signal = self.gradients.get(blob)
        return None if signal is None else sqrt(max(0.0, signal.square))


def backward(forth: Forward, batches: int = 1) -> Backward:
    """Gradients from the losses down to all learned blobs; ``batches`` is the iter_size."""
    result = Backward()
    for layer in reversed(forth.net.layers):
        if layer.needs_backward and layer in forth.steps:
            _pass_down(result, layer, forth, batches)
    return result


def _pass_down(result: Backward, layer: Layer, forth: Forward, batches: int) -> None:
    step = forth.steps[layer]
    loss = LOSS_RULES.get(layer.type)
    wanted = gradients_down(layer, forth.net)
    if loss is None and not _has_gradient(result, layer, forth):
        return
    values = [forth.signals.get(blob) for blob in layer.tops]
    gradients = [result.gradients.get(blob) for blob in layer.tops]
    back = Back(step, values, gradients, _weight(layer), batches)
    downs: list[Signal | None] = [None] * len(layer.bottoms)
    if not any(blob in forth.blown for blob in (*layer.tops, *filter(None, layer.bottoms))):
        rule = loss or DOWN_RULES.get(layer.type, unknown)
        try:
            downs = rule(back)
            _keep_squares(result, layer, back)
        except Blocked as blocked:
            if str(blocked):
                result.blocked[layer] = str(blocked)
        except (OverflowError, ValueError, ZeroDivisionError):  # of inf and nan on the way
            pass
    for i, blob in enumerate(layer.bottoms):
        if blob is not None and i < len(wanted) and wanted[i]:
            _add(result, blob, downs[i] if i < len(downs) else None)


def _weight(layer: Layer) -> float:
    return layer.tops[0].loss_weight if layer.tops else layer.loss_weight(0)


def _has_gradient(result: Backward, layer: Layer, forth: Forward) -> bool:
    """Whether some top has one. A top that adds to the loss has its weight for a gradient."""
    for blob in layer.tops:
        signal = forth.signals.get(blob)
        if blob.loss_weight and signal is not None:
            w = blob.loss_weight
            square = constant(w * w)
            part = Part(signal.channels, w, square, square)
            _add(result, blob, Signal([part], signal.samples, signal.size))
    known = [blob for blob in layer.tops if blob in result.gradients]
    for blob in layer.tops:
        # A top that no gradient reaches has one of 0.
        signal = forth.signals.get(blob)
        if known and blob not in result.gradients and signal is not None:
            zero = Part(signal.channels, 0.0, constant(0.0))
            result.gradients[blob] = Signal([zero], signal.samples, signal.size)
    return bool(known)


def _add(result: Backward, blob: Blob, gradient: Signal | None) -> None:
    """Readers' gradients add up; with one that is not known the sum is not."""
    if blob not in result.gradients:
        result.gradients[blob] = gradient
        return
    known = result.gradients[blob]
    if known is None or gradient is None:
        result.gradients[blob] = None
        return
    result.gradients[blob] = added(known, gradient)


def _keep_squares(result: Backward, layer: Layer, back: Back) -> None:
    for index, square in back.squares.items():
        result.squares[layer, index] = square if isfinite(square) else inf
