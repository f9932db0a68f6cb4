"""The first update of every learned blob, as the solver makes it of the gradient.

Follows SGDSolver::ApplyUpdate (sgd_solver.cpp): clip all gradients together, divide by iter_size,
add the decay, then what the solver's type makes of it with an empty history (src/caffe/solvers).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, prod, sqrt

from msgspec import Struct

from ..model.net import Layer
from ..model.schedule import rate
from ..schema.message import Message
from .backward import Backward, backward
from .forward import Forward
from .gauss import nodes


class Update(Struct, frozen=True):
    """A learned blob at its first update, in root mean squares over its values.

    ``update`` and ``steady`` are 0 where its lr_mult is. ``steady`` is what updates grow to if
    gradients stay as they are: momentum adds them up. ``driven`` is that without the decay.
    """

    layer: Layer
    index: int
    weights: float
    gradient: float
    update: float
    steady: float
    driven: float

    @property
    def ratio(self) -> float | None:
        """The first update as a part of the weights; None for blobs that start at 0."""
        return self.update / self.weights if self.weights > 0 else None


class FirstStep(Struct, frozen=True):
    """All first updates of a net.

    ``norm`` is the length of the gradient over all learned blobs, ``falls`` how far the loss would
    fall if it went on in a straight line along the steady steps; both only know the blobs whose
    gradient is known, all of them if ``whole``.
    """

    updates: tuple[Update, ...]
    norm: float
    falls: float
    whole: bool
    backward: Backward


def first_step(forth: Forward, solver: Message) -> FirstStep:
    """What the solver's first iteration does to the net's learned blobs."""
    batches = max(1, solver.get("iter_size"))
    back = backward(forth, batches)
    known = {}
    whole = not forth.blocked
    for layer in forth.net.layers:
        for param in layer.params if layer.weighs else ():
            square = back.squares.get((layer, param.index))
            if param.lr_mult != 0 and square is None and layer.needs_backward:
                whole = False
            elif param.lr_mult != 0 and square is not None:
                known[param] = square
    numbers = {p: _count(forth, p.layer, p.index) for p in known}
    norm = sqrt(sum(square * numbers[p] for p, square in known.items()))
    clip = _clipping(solver, norm * batches)
    updates = []
    falls = 0.0
    step = rate(solver, 0) or 0.0
    for param, square in known.items():
        fill = forth.steps[param.layer].fills.get(param.index)
        weights = sqrt(fill.square) if fill is not None else 0.0
        gradient = sqrt(square)
        decay = solver.get("weight_decay") * param.decay_mult
        regular = decay * (weights if solver.get("regularization_type") == "L2" else weights > 0)
        moved = sqrt((clip * gradient) ** 2 + regular * regular)
        local, growth = abs(step * param.lr_mult), _growth(solver)
        first = local * moved_by(solver, moved)
        driven = local * moved_by(solver, clip * gradient) * growth
        updates.append(
            Update(param.layer, param.index, weights, gradient, first, first * growth, driven)
        )
        falls += gradient * driven * numbers[param]
    return FirstStep(tuple(updates), norm, falls, whole, back)


def _count(forth: Forward, layer: Layer, index: int) -> int:
    shapes = forth.steps[layer].param_shapes
    shape = shapes[index] if index < len(shapes) else None
    return prod(size or 0 for size in shape) if shape is not None else 0


def _clipping(solver: Message, norm: float) -> float:
    """By what clip_gradients scales all gradients: their sum over iter_size batches counts."""
    limit = solver.get("clip_gradients")
    return float(limit / norm) if 0 <= limit < norm < inf else 1.0


def moved_by(solver: Message, gradient: float) -> float:
    """Root mean square of the first step at a rate of 1, for Gaussian gradients of this size."""
    if not isfinite(gradient):
        return gradient
    kind = solver.get("type")
    if kind == "SGD":
        return gradient
    if kind == "Nesterov":
        return float(1 + solver.get("momentum")) * gradient
    step = _STEPS.get(kind)
    if step is None:
        return gradient
    return sqrt(sum(w * step(solver, gradient * z) ** 2 for z, w in nodes(41, 6.0)))


def _adagrad(solver: Message, g: float) -> float:
    return _divided(g, abs(g) + solver.get("delta"))


def _rmsprop(solver: Message, g: float) -> float:
    return _divided(g, sqrt(max(0.0, 1 - solver.get("rms_decay"))) * abs(g) + solver.get("delta"))


def _adadelta(solver: Message, g: float) -> float:
    delta = solver.get("delta")
    square = delta + (1 - solver.get("momentum")) * g * g
    return g * sqrt(max(0.0, _divided(delta, square)))


def _adam(solver: Message, g: float) -> float:
    first, second = solver.get("momentum"), solver.get("momentum2")
    root = sqrt(max(0.0, 1 - second))
    # (1 − β₁) of m and the correction √(1 − β₂)/(1 − β₁) leave √(1 − β₂).
    return _divided(root * g, root * abs(g) + solver.get("delta")) if first != 1 else 0.0


def _divided(a: float, b: float) -> float:
    return a / b if b else 0.0


_STEPS: dict[str, Callable[[Message, float], float]] = {
    "AdaGrad": _adagrad,
    "RMSProp": _rmsprop,
    "AdaDelta": _adadelta,
    "Adam": _adam,
}


def _growth(solver: Message) -> float:
    """How much larger steps become while gradients stay the same."""
    momentum = float(solver.get("momentum"))
    if solver.get("type") == "SGD" and 0 <= momentum < 1:
        return 1 / (1 - momentum)
    if solver.get("type") == "Nesterov" and 0 <= momentum < 1:
        return 1 / (1 - momentum * momentum)  # from (1 + m) to 1/(1 − m)
    return 1.0
