"""Losses at iteration 0: their expected value, and how much it varies with the seed.

Labels do not matter where all scores have the same distribution; they are taken to be independent
of the scores.
"""

from __future__ import annotations

from collections.abc import Callable
from math import hypot, inf, log, pi, prod, sqrt

from .gauss import below, by_quadrature, density, nodes
from .logsum import cross_entropy
from .pointwise import softplus
from .signal import Part, Signal
from .step import Blocked, Loss, Step

LEAST_LOG = 87.33654475055310
"""−ln FLT_MIN: what SoftmaxWithLoss takes for a probability that is 0 (softmax_loss_layer.cpp)."""

_LEAST_LOG_PROBABILITY = 46.051701859880914
"""−ln 1e-20, MultinomialLogisticLoss's (kLOG_THRESHOLD)."""


def softmax_loss(s: Step) -> list[Signal | None]:
    """The mean of ln Σ eᶻ − z of the labels."""
    scores = s.bottom()
    part, classes, rows = scores_of(s, scores, s.layer.message.sub("softmax_param").get("axis"))
    factor = normaliser(s, rows, scores.samples, "VALID")
    s.loss = _class_loss(part, classes, rows, LEAST_LOG, scores.assumed).times(factor)
    probabilities: list[Signal | None] = [None]
    return probabilities * len(s.top_shapes)


def _class_loss(part: Part, classes: int, rows: float, most: float, assumed: bool) -> Loss:
    """The mean over rows of the negative logarithm of the label's probability."""
    spread = _own_spread(part)
    deviation = _seed_deviation(part, classes, rows, most, part.luck)
    doubt = _doubt(assumed, lambda factor: cross_entropy(classes, factor * spread, most))
    return Loss(cross_entropy(classes, spread, most), hypot(deviation, doubt))


def _doubt(assumed: bool, value: Callable[[float], float]) -> float:
    """What an assumption about the data adds to the deviation: with scores of twice the size, and
    of half, the loss is at the ends of its range. ``value`` takes the factor of their squares.
    """
    return (value(4.0) - value(0.25)) / 4 if assumed else 0.0


def scores_of(s: Step, scores: Signal, axis: int) -> tuple[Part, int, float]:
    """The statistics of a score, the number of classes, and how many labels there are."""
    shape = s.bottom_shapes[0]
    part = scores.whole
    if shape is None or None in shape:
        places = prod(scores.size)
        return part, part.channels, float(scores.samples * places)
    sizes = [size or 0 for size in shape]
    classes = max(1, sizes[axis % len(sizes)]) if sizes else 1
    return part, classes, max(1.0, prod(sizes) / classes)


def _own_spread(part: Part) -> float:
    """Variance between the scores of one place: what all classes share does not count."""
    return max(0.0, part.kernel.square - part.pairs.square)


def normaliser(s: Step, rows: float, samples: int, default: str) -> float:
    """By what the mean over all ``rows`` of labels has to be multiplied (get_normalizer)."""
    param = s.layer.message.sub("loss_param")
    mode = default
    if param.has("normalization"):
        mode = param.get("normalization")
    elif param.has("normalize"):
        mode = "VALID" if param.get("normalize") else "BATCH_SIZE"
    if mode == "NONE":
        return rows
    return rows / max(1, samples) if mode == "BATCH_SIZE" else 1.0


def _seed_deviation(part: Part, classes: int, rows: float, most: float, luck: float) -> float:
    """Standard deviation of the mean loss over a batch.

    The label's own score averages out over the rows. How far the K scores are apart is itself
    uncertain, by √(2/(K − 1)) of it where all samples share the scores (``twin``), and by the luck
    of the layers before.
    """
    spread = _own_spread(part)
    if spread <= 0 or classes < 2:
        return 0.0
    shared = min(spread, max(0.0, part.kernel.twin - part.pairs.twin)) / spread
    value = cross_entropy(classes, spread, most)
    steep = spread * (1 - 1 / classes) / 2
    if spread > _SMALL:
        steep = (cross_entropy(classes, 1.1 * spread, most) - value) / log(1.1)
    draws = 2 / (classes - 1) * (shared + (1 - shared) / max(1.0, rows))
    label = _label_variance(value, spread, classes, most) / max(1.0, rows)
    return sqrt(label + steep * steep * (draws + luck))


_SMALL = 1e-2


def _label_variance(value: float, spread: float, classes: int, most: float) -> float:
    """Variance over labels of one row's loss: of a score's, cut off at 0 and at ``most``."""
    if spread <= _SMALL:
        return spread * (1 - 1 / classes)
    width = sqrt(spread)
    top = value
    if most - value < width:  # cut off so often that the mean tells little of the largest score
        top = width * sqrt(2 * log(classes))
    losses = [(w, min(most, max(0.0, top - width * z))) for z, w in nodes(40, 6.0)]
    mean = sum(w * loss for w, loss in losses)
    return sum(w * (loss - mean) ** 2 for w, loss in losses) * (1 - 1 / classes)


def multinomial_loss(s: Step) -> list[Signal | None]:
    """−ln of the label's probability, which a Softmax below has put out."""
    bottom = s.bottom()
    if bottom.classes_of is None:
        raise Blocked("its bottom is not the top of a Softmax")
    scores = bottom.classes_of
    most = _LEAST_LOG_PROBABILITY
    s.loss = _class_loss(scores, scores.channels, bottom.samples, most, bottom.assumed)
    return [None] * len(s.top_shapes)


def infogain_loss(s: Step) -> list[Signal | None]:
    """With the identity for its matrix, which only a file has: as SoftmaxWithLoss."""
    scores = s.bottom()
    axis = s.layer.message.sub("infogain_loss_param").get("axis")
    part, classes, rows = scores_of(s, scores, axis)
    factor = normaliser(s, rows, scores.samples, "VALID")
    loss = _class_loss(part, classes, rows, LEAST_LOG, scores.assumed).times(factor)
    s.loss = Loss(loss.value, loss.deviation, partial=True)
    return [None] * len(s.top_shapes)


def sigmoid_loss(s: Step) -> list[Signal | None]:
    """ln(1 + eᶻ) − t z, summed over all scores of a sample. Targets t are independent of scores;
    where their mean is not known it is taken to be 1/2.
    """
    scores = s.bottom()
    part = scores.whole
    target = s.bottoms[1] if len(s.bottoms) > 1 else None
    mean_target = 0.5 if target is None else min(1.0, max(0.0, target.mean))
    deviation = sqrt(part.variance)
    value = _softplus_mean(part.mean, deviation) - mean_target * part.mean
    number = scores.channels * prod(scores.size) * scores.samples
    factor = normaliser(s, float(number), scores.samples, "BATCH_SIZE")
    # ln(1 + eᶻ) − z/2 is even: about |z|/2, with a variance of (1 − 2/π)/4 of the scores'. The rest
    # is ±z/2, with the sign of the target.
    common = number / scores.samples * (1 + (scores.samples - 1) * (1 - scores.alike))
    even, odd = (1 - 2 / pi) / common, 1 / number
    spread = hypot(
        deviation / 2 * sqrt(even + odd),
        _doubt(scores.assumed, lambda factor: _softplus_mean(part.mean, deviation * sqrt(factor))),
    )
    s.loss = Loss(value * factor, spread * factor, partial=target is None and part.mean != 0)
    return [None] * len(s.top_shapes)


def _softplus_mean(mean: float, deviation: float) -> float:
    """E[ln(1 + eᶻ)]; for a large deviation that of max(z, 0)."""
    if deviation > 20:
        a = mean / deviation
        return mean * below(a) + deviation * density(a)
    return by_quadrature(softplus).expand(mean, deviation).mean


def euclidean_loss(s: Step) -> list[Signal | None]:
    """Half the squared distance, mean over the samples."""
    scores = s.bottom()
    target = s.bottoms[1] if len(s.bottoms) > 1 else None
    number = scores.channels * prod(scores.size)
    part = scores.whole
    square = part.kernel.square
    if target is not None:
        other = target.whole
        square += other.kernel.square - 2 * part.mean * other.mean
    value = number * square / 2
    rows = number * max(1.0, scores.samples * (1 - scores.alike))
    doubt = _doubt(scores.assumed, lambda factor: factor * number * part.kernel.square / 2)
    deviation = hypot(value * sqrt(2 / max(1.0, rows)), doubt)
    s.loss = Loss(value, deviation, partial=target is None)
    return [None] * len(s.top_shapes)


def hinge_loss(s: Step) -> list[Signal | None]:
    """max(0, 1 − z) of the label and max(0, 1 + z) of the other classes, or their squares."""
    scores = s.bottom()
    part = scores.whole
    classes = scores.channels * prod(scores.size)
    deviation = sqrt(part.variance)
    squared = s.own.get("norm") == "L2"

    def value(factor: float) -> float:
        size = deviation * sqrt(factor)
        right = _above_zero(1 - part.mean, size, squared)
        return right + (classes - 1) * _above_zero(1 + part.mean, size, squared)

    rows = classes * max(1.0, scores.samples * (1 - scores.alike))
    each = deviation * (2 * (1 + deviation) if squared else 1.0)
    spread = hypot(each * classes / sqrt(rows), _doubt(scores.assumed, value))
    s.loss = Loss(value(1.0), spread)
    return [None] * len(s.top_shapes)


def _above_zero(mean: float, deviation: float, squared: bool) -> float:
    """E[max(0, x)] or E[max(0, x)²]."""
    if deviation <= 0:
        positive = max(0.0, mean)
        return positive * positive if squared else positive
    a = mean / deviation
    up, peak = below(a), density(a)
    if squared:
        return (mean * mean + deviation * deviation) * up + mean * deviation * peak
    return mean * up + deviation * peak


def contrastive_loss(s: Step) -> list[Signal | None]:
    """Half of d² for pairs of a kind, of max(margin − d, 0)² for others; half of the pairs are
    taken to be of a kind. Two branches with the same weights see two samples.
    """
    a, b = s.bottom(0), s.bottom(1)
    part, other = a.whole, b.whole
    square = part.kernel.square + other.kernel.square - 2 * part.mean * other.mean
    if _twins(s):
        square = 2 * max(0.0, part.kernel.square - part.kernel.twin)
    distance = a.channels * square
    margin = float(s.own.get("margin"))
    if s.own.get("legacy_version"):
        apart = max(0.0, margin - distance)
    else:
        gap = max(0.0, margin - sqrt(distance))
        apart = gap * gap
    value = (distance + apart) / 4
    s.loss = Loss(value, abs(distance - apart) / 4 + value * sqrt(2 / a.channels), partial=True)
    return [None] * len(s.top_shapes)


def _twins(s: Step) -> bool:
    """Whether both bottoms come from layers with the same named weights."""
    first, second = (
        [p.spec.get("name") for p in blob.producer.params if p.spec is not None] if blob else []
        for blob in s.layer.bottoms[:2]
    )
    return bool(first) and first == second and any(first)


def range_of(loss: Loss) -> tuple[float, float]:
    """Where the loss is likely to be: two deviations around it, and a little for rounding."""
    around = 2 * loss.deviation + 0.002 * loss.value
    return max(0.0, loss.value - around), (inf if loss.partial else loss.value + around)
