"""Loss layers and Accuracy: predictions against labels.

Sources: loss_layer.cpp, softmax_loss_layer.cpp, sigmoid_cross_entropy_loss_layer.cpp,
euclidean_loss_layer.cpp, hinge_loss_layer.cpp, infogain_loss_layer.cpp, contrastive_loss_layer.cpp,
multinomial_logistic_loss_layer.cpp, accuracy_layer.cpp.
"""

from __future__ import annotations

from .pointwise import check_softmax
from .setup import Built, Dim, Setup, Shape, count, differ, shown


def _check_batch(s: Setup) -> None:
    """Both bottoms have as many examples (loss_layer.cpp, Reshape)."""
    scores, labels = s.bottoms[0], s.bottoms[1]
    for i, shape in ((0, scores), (1, labels)):
        if shape == ():
            s.axis(shape, 0, f"bottom[{i}]", i)
    if scores and labels and differ(scores[0], labels[0]):
        s.refuse_batch(1, labels[0], 0, scores[0])


def _check_label_count(s: Setup, axis: int) -> None:
    """One label for every prediction: the axis of the classes left out."""
    scores = s.bottoms[0]
    wanted, labels = _without(s, axis), count(s.bottoms[1])
    if differ(wanted, labels):
        s.refuse(
            *("label-count", "bottom[1]"),
            bottom=s.bottom_name(1),
            labels=labels,
            first=s.bottom_name(0),
            shape=shown(scores),
            wanted=wanted,
        )


def _without(s: Setup, axis: int) -> Dim:
    scores = s.bottoms[0]
    return None if scores is None else count((*scores[:axis], *scores[axis + 1 :]))


def _scalar(s: Setup) -> Built:
    """The loss itself; a second top has the probabilities."""
    tops: list[Shape] = [(), s.bottom]
    return Built(tops[: s.tops])


def softmax_loss(s: Setup) -> Built:
    """One label for each position of the score map."""
    axis = check_softmax(s, s.own.get("axis"))
    _check_batch(s)
    _check_label_count(s, axis)
    return _scalar(s)


def infogain_loss(s: Setup) -> Built:
    """The matrix comes from a file, or from a third bottom with K·K values."""
    if s.message.sub("loss_param").has("normalize"):
        s.refuse("infogain-normalize", "loss_param.normalize")
    if len(s.bottoms) < 3 and not s.own.has("source"):
        s.refuse("infogain-without-source", "source")
    axis = check_softmax(s, s.own.get("axis"))
    _check_batch(s)
    _check_label_count(s, axis)
    classes = s.bottom[axis] if s.bottom is not None else None
    if len(s.bottoms) > 2 and classes is not None:
        values = count(s.bottoms[2])
        if differ(values, classes * classes):
            s.refuse("infogain-matrix-size", "bottom[2]", bottom=s.bottom_name(2), values=values,
                     classes=classes, wanted=classes * classes)  # fmt: skip
    return _scalar(s)


def sigmoid_loss(s: Setup) -> Built:
    """A target for every score."""
    _check_batch(s)
    _check_same_count(s, 0)
    return _scalar(s)


def euclidean_loss(s: Setup) -> Built:
    """As many targets as predictions in an example."""
    _check_batch(s)
    _check_same_count(s, 1)
    return _scalar(s)


def _check_same_count(s: Setup, start: int) -> None:
    a, b = (count(shape, start) for shape in s.bottoms[:2])
    if differ(a, b):
        s.refuse(
            *("target-count", "bottom[1]"),
            bottom=s.bottom_name(1),
            found=b,
            first=s.bottom_name(0),
            wanted=a,
            per="example" if start else "batch",
        )


def hinge_loss(s: Setup) -> Built:
    """Only the batch is checked; a wrong number of labels is read without a word."""
    _check_batch(s)
    return _scalar(s)


def multinomial_loss(s: Setup) -> Built:
    """Labels are one number each."""
    _check_batch(s)
    _check_single(s, 1, (1, 2, 3))
    return _scalar(s)


def contrastive_loss(s: Setup) -> Built:
    """Two batches of vectors and a mark for each pair."""
    a, b = s.legacy(s.bottoms[0], 1, 0), s.legacy(s.bottoms[1], 1, 1)
    if differ(a, b):
        s.refuse(
            *("target-count", "bottom[1]"),
            bottom=s.bottom_name(1),
            found=b,
            first=s.bottom_name(0),
            wanted=a,
            per="example",
        )
    for i, axes in ((0, (2, 3)), (1, (2, 3)), (2, (1, 2, 3))):
        _check_single(s, i, axes)
    _check_batch(s)
    return _scalar(s)


def _check_single(s: Setup, index: int, axes: tuple[int, ...]) -> None:
    shape = s.bottoms[index]
    for axis in axes:
        if s.legacy(shape, axis, index) not in (1, None):
            s.refuse(
                *("axis-not-single", f"bottom[{index}]"),
                bottom=s.bottom_name(index),
                shape=shown(shape),
                axis=axis,
            )


def accuracy(s: Setup) -> Built:
    """Compares class numbers; a second top has the accuracy of every class."""
    scores, labels = count(s.bottoms[0]), count(s.bottoms[1])
    best: int = s.own.get("top_k")
    if labels == 0:
        s.refuse("division-by-zero", "bottom[1]", divisor="the number of labels")
    axis = s.axis(s.bottom, s.own.get("axis"))
    _check_label_count(s, axis)
    if scores is not None and labels is not None and best > scores // labels:
        s.refuse("top-k-too-large", "top_k", top_k=best, classes=scores // labels)
    classes = s.bottom[axis] if s.bottom is not None else None
    tops: list[Shape] = [(), (classes,)]
    return Built(tops[: s.tops])
