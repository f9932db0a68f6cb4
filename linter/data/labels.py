"""Labels as a data layer hands them out, against what the net makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct, field

from ..core.problem import Problem
from ..core.source import Span
from ..model.net import Blob, Layer

_NOWHERE = Span(0, 0)

_CLASS_LAYERS = ("SoftmaxWithLoss", "Accuracy", "MultinomialLogisticLoss", "InfogainLoss",
                 "HingeLoss")  # fmt: skip
"""Layers that take their second bottom's values as class numbers."""

_CHANNELS_KEPT = frozenset((
    *("ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "BNLL", "Power", "Exp", "Log", "AbsVal", "Clip"),
    *("Swish", "Softmax", "Dropout", "BatchNorm", "Scale", "Bias", "LRN", "MVN", "Pooling"),
    *("Eltwise", "Split", "Threshold"),
))  # fmt: skip
"""Types whose first top has as many channels as their first bottom."""

_DOMINANT = 0.95
_FEW_SAMPLES = 20


class Labels(Struct):
    """The labels of one source, in its order.

    ``first`` says where a label stands first, where the source is a text; ``changes`` counts how
    often a label differs from the one before. ``whole`` tells that every label was read, ``total``
    is how many there are.
    """

    counts: Counter[int] = field(default_factory=Counter)
    first: dict[int, Span] = field(default_factory=dict)
    changes: int = 0
    total: int = 0
    whole: bool = True
    _last: int | None = None

    def add(self, label: int, span: Span = _NOWHERE) -> None:
        """Take the next label."""
        if label not in self.counts:
            self.first[label] = span
        self.counts[label] += 1
        if self._last is not None and label != self._last:
            self.changes += 1
        self._last = label

    @property
    def seen(self) -> int:
        """How many labels were read."""
        return self.counts.total()

    @property
    def in_blocks(self) -> bool:
        """Whether every label's entries stand together."""
        return len(self.counts) > 1 and self.changes == len(self.counts) - 1

    @property
    def block(self) -> float:
        """How many entries a label has on average."""
        return self.total / max(1, len(self.counts))


class Classes(Struct, frozen=True):
    """How many classes a net tells apart: the number, who says so, and labels that it ignores."""

    number: int
    words: str
    head: str = ""
    ignored: frozenset[int] = frozenset()


class Use(Struct, frozen=True):
    """What becomes of the labels: ``batch`` of them at a time, ``trains`` in the TRAIN phase,
    ``mixed`` where the layer shuffles them.
    """

    classes: Classes | None = None
    trains: bool = False
    mixed: bool = False
    batch: int = 1
    read: bool = True


def classes_of(label: Blob) -> Classes | None:
    """The classes that the layers which read this blob as labels know; None where none does.

    Of several, the one with the fewest, since it is the first to read beyond its outputs.
    """
    found: list[Classes] = []
    ignored: set[int] = set()
    for reader, index in label.readers:
        scores = reader.bottoms[0] if index == 1 and reader.type in _CLASS_LAYERS else None
        head = _head(scores) if scores is not None and _axis(reader) == 1 else None
        if head is None:
            continue
        assert head.own is not None
        outputs: int = head.own.get("num_output")
        ignored |= _ignored(reader)
        words = f'layer "{head.name}" has num_output {outputs}, which "{reader.name}" reads'
        found.append(Classes(outputs, words, head.name))
    if not found:
        return None
    least = min(found, key=lambda one: one.number)
    return Classes(least.number, least.words, least.head, frozenset(ignored))


def is_read(label: Blob) -> bool:
    """Whether anything but a Silence layer reads it."""
    return any(reader.type != "Silence" for reader, _ in label.readers)


def _axis(reader: Layer) -> int:
    block = "accuracy_param" if reader.type == "Accuracy" else "softmax_param"
    axis: int = reader.message.sub(block).get("axis")
    return axis


def _ignored(reader: Layer) -> set[int]:
    block = reader.message.sub("accuracy_param" if reader.type == "Accuracy" else "loss_param")
    return {block.get("ignore_label")} if block.has("ignore_label") else set()


def _head(scores: Blob) -> Layer | None:
    """The layer that decides how many scores there are."""
    blob: Blob | None = scores
    while blob is not None:
        layer = blob.producer
        if layer.type in ("InnerProduct", "Convolution", "Deconvolution"):
            assert layer.own is not None
            usual = layer.own.get("axis") == 1 and layer.own.get("num_output") > 0
            return layer if usual else None
        if layer.type not in _CHANNELS_KEPT or not layer.bottoms or blob.index:
            return None
        blob = layer.bottoms[0]  # an earlier blob each time, so this ends
    return None


# What is wrong with them


def label_problems(labels: Labels, use: Use, span: Span) -> Iterator[Problem]:
    """Problems of a source's labels; ``span`` is for those that no single line has."""
    yield from range_problems(labels, use.classes, span)
    if not use.trains or use.classes is None:
        return
    if labels.whole:
        yield from _balance(labels, use.classes, span)
    if _sorted(labels, use):
        values = {"block": round(labels.block), "batch": use.batch, "total": labels.total}
        yield Problem("labels-sorted", span, values, rejects=False)


def _sorted(labels: Labels, use: Use) -> bool:
    if use.mixed or not labels.in_blocks or labels.block < use.batch:
        return False
    return labels.whole or labels.seen >= _FEW_SAMPLES


def range_problems(labels: Labels, classes: Classes | None, span: Span) -> Iterator[Problem]:
    """Labels that no output stands for."""
    if classes is None:
        return
    number = classes.number
    values: dict[str, object] = {
        "classes": number,
        "words": classes.words,
        "head": classes.head,
        "highest": max(labels.counts, default=0),
        "last": number - 1,
        "outputs": max(labels.counts, default=0) + 1,
    }
    for kind, wrong in (
        ("label-negative", {one for one in labels.counts if one < 0} - classes.ignored),
        ("label-out-of-range", {one for one in labels.counts if one >= number} - classes.ignored),
    ):
        if not wrong:
            continue
        if kind == "label-out-of-range" and _from_one(labels, number):
            kind = "labels-from-one"
        at = min(wrong, key=lambda label: (labels.first[label], abs(label)))
        entries = _share(sum(labels.counts[label] for label in wrong), labels)
        place = labels.first[at]
        found = {**values, "label": at, "entries": entries}
        yield Problem(kind, span if place == _NOWHERE else place, found, rejects=False)


def _from_one(labels: Labels, number: int) -> bool:
    return min(labels.counts) == 1 and max(labels.counts) == number > 1


def _share(number: int, labels: Labels) -> str:
    return f"{number} of {labels.seen}" + ("" if labels.whole else " looked at")


def _balance(labels: Labels, classes: Classes, span: Span) -> Iterator[Problem]:
    if labels.seen < 2:
        return
    label, number = labels.counts.most_common(1)[0]
    values: dict[str, object] = {"label": label, "total": labels.seen, "number": number}
    if len(labels.counts) == 1:
        yield Problem("labels-all-alike", span, values, rejects=False)
    elif number > _DOMINANT * labels.seen:
        percent = f"{100 * number / labels.seen:.3g}"
        yield Problem("class-dominates", span, {**values, "percent": percent}, rejects=False)
    highest = max(labels.counts)
    if len(labels.counts) > 1 and min(labels.counts) >= 0 and (highest + 1) * 2 <= classes.number:
        values = {
            **values,
            "highest": highest,
            "classes": classes.number,
            "head": classes.head,
            "words": classes.words,
            "outputs": highest + 1,
        }
        yield Problem("fewer-labels-than-outputs", span, values, rejects=False)
