"""The gradients that losses send down at iteration 0: from their scores, and labels at random.

Labels are as in ``losses``: independent of the scores, of other samples, and all as frequent as
each other.
"""

from __future__ import annotations

from collections.abc import Callable
from math import expm1, log, prod, sqrt

from .back_step import Back, like
from .gauss import below
from .kernel import Kernel, constant
from .linear import aligned
from .logsum import share_square
from .losses import normaliser, scores_of
from .pointwise import SIGMOID, curved
from .signal import Part, Signal
from .step import Blocked

Gradients = list[Signal | None]

SAME_THING = 0.5
"""How often two places of one map have the same label, beyond chance: most things are large."""


def softmax_loss(b: Back) -> Gradients:
    """(p − y) / normaliser, where y is 1 for the label's score and 0 for the others."""
    s = b.step
    return _softmax(b, s.layer.message.sub("softmax_param").get("axis"))


def infogain_loss(b: Back) -> Gradients:
    """With the identity for its matrix, as the loss has it."""
    return _softmax(b, b.step.layer.message.sub("infogain_loss_param").get("axis"))


def _softmax(b: Back, axis: int) -> Gradients:
    scores = b.value()
    part, classes, rows = scores_of(b.step, scores, axis)
    factor = b.weight * normaliser(b.step, rows, scores.samples, "VALID") / rows
    chance = 1 / classes
    base = part.pairs.square
    spread = max(0.0, part.kernel.square - base)
    unsure = share_square(classes, spread) - chance * chance  # variance of p
    label = chance - chance * chance  # variance of y

    # p goes with eᶻ as long as no class has it all, which begins where z varies by 2 ln K.
    width = min(spread, 2 * log(classes)) or 1.0

    def both(value: float) -> float:
        """E[p p'] − 1/K² for the moment of two scores."""
        alike = min(1.0, max(0.0, (value - base) / spread)) if spread > 0 else 0.0
        return unsure * expm1(width * alike) / expm1(width)

    far, twin, other, _, *near = map(both, part.kernel.values)
    in_map = label * SAME_THING if prod(scores.size) > 1 else 0.0
    values = (far + in_map, twin, other, unsure + label, *(value + in_map for value in near))
    kernel = Kernel(values).scaled(factor * factor)
    # The gradients of all scores of a place add up to 0.
    between = kernel.scaled(-1 / (classes - 1)) if classes > 1 else None
    return _first(b, [Part(scores.channels, 0.0, kernel, between)])


def _first(b: Back, parts: list[Part]) -> Gradients:
    """A gradient for the scores, none for labels."""
    return [like(b.value(), parts), *[None] * (len(b.step.bottoms) - 1)]


def sigmoid_loss(b: Back) -> Gradients:
    """(1 / (1 + e⁻ᶻ) − t) / normaliser."""
    scores = b.value()
    number = scores.channels * prod(scores.size) * scores.samples
    factor = b.weight * normaliser(b.step, float(number), scores.samples, "BATCH_SIZE") / number
    target = _target(b, Part(1, 0.5, Kernel((0.25, 0.25, 0.25, 0.5))))  # 0 or 1
    parts = [_less(curved(part, SIGMOID), target).affine(factor) for part in scores.parts]
    return _first(b, parts)


def euclidean_loss(b: Back) -> Gradients:
    """(z − t) / N, and the same with the other sign for t. Targets that are not known are left out,
    which makes the gradient the least that is to be expected.
    """
    scores = b.value()
    target = _target(b, Part(1, 0.0, constant(0.0)))
    factor = b.weight / scores.samples
    gradients = [_less(part, target).affine(factor) for part in scores.parts]
    other = [part.affine(-1.0) for part in gradients]
    known = b.step.bottoms[1] if len(b.step.bottoms) > 1 else None
    return [like(scores, gradients), None if known is None else like(known, other)]


def _target(b: Back, otherwise: Part) -> Part:
    """The targets that the second bottom brings."""
    signal = b.step.bottoms[1] if len(b.step.bottoms) > 1 else None
    return otherwise if signal is None else signal.whole


def _less(part: Part, target: Part) -> Part:
    """The difference to independent targets."""
    both = -2 * part.mean * target.mean
    kernel = part.kernel.plus(target.kernel).plus_constant(both)
    between = None
    if part.between is not None or target.between is not None:
        between = part.pairs.plus(target.pairs).plus_constant(both)
    return Part(part.channels, part.mean - target.mean, kernel, between)


def hinge_loss(b: Back) -> Gradients:
    """The sign of a score within its margin, over N; with L2 twice how far it is within."""
    scores = b.value()
    squared = b.step.own.get("norm") == "L2"
    factor = b.weight * (2 if squared else 1) / scores.samples
    part = scores.whole
    classes = scores.channels * prod(scores.size)
    deviation = sqrt(part.variance)
    chance = 1 / classes
    wrong, right = (_within(1 + sign * part.mean, deviation, squared) for sign in (1, -1))
    mean = (1 - chance) * wrong[0] - chance * right[0]
    square = (1 - chance) * wrong[1] + chance * right[1]
    # Without its own label, a score has the same gradient in all samples that are alike.
    twin = mean * mean + (1 - chance) * (wrong[1] - wrong[0] * wrong[0]) * scores.alike
    far = mean * mean
    part = Part(scores.channels, mean, Kernel((far, twin, far, square)))
    return _first(b, [part.affine(factor)])


def _within(mean: float, deviation: float, squared: bool) -> tuple[float, float]:
    """Mean and mean square of max(x, 0), or of 1 where x is above 0."""
    if deviation <= 0:
        value = max(0.0, mean) if squared else float(mean > 0)
        return value, value * value
    from .gauss import density

    a = mean / deviation
    up, peak = below(a), density(a)
    if not squared:
        return up, up
    first = mean * up + deviation * peak
    return first, (mean * mean + deviation * deviation) * up + mean * deviation * peak


def contrastive_loss(b: Back) -> Gradients:
    """(a − b) / N for pairs of a kind, less for those that are apart; half of each."""
    first, second = b.value(0), b.value(1)
    margin = float(b.step.own.get("margin"))
    factor = b.weight / first.samples
    gradients: Gradients = []
    for one, other in ((first, second), (second, first)):
        parts = []
        for x, y in aligned(one, other):
            apart = _less(x, y)
            distance = sqrt(one.channels * apart.kernel.square)
            push = max(0.0, margin - distance) / distance if distance > 0 else 0.0
            parts.append(apart.affine(factor * sqrt((1 + push * push) / 2)))
        gradients.append(like(one, parts))
    return [*gradients, *[None] * (len(b.step.bottoms) - 2)]


def unknown_loss(_b: Back) -> Gradients:
    """Losses whose gradient is not looked into."""
    raise Blocked("the gradient of this loss is not known")


LOSS_RULES: dict[str, Callable[[Back], Gradients]] = {
    "ContrastiveLoss": contrastive_loss,
    "EuclideanLoss": euclidean_loss,
    "HingeLoss": hinge_loss,
    "InfogainLoss": infogain_loss,
    "MultinomialLogisticLoss": unknown_loss,
    "SigmoidCrossEntropyLoss": sigmoid_loss,
    "SoftmaxWithLoss": softmax_loss,
}
"""The gradients that a loss sends to its bottoms; None where it sends none."""
