"""The number of classes that a region-based detector states in several places of one net.

The Python layers of Fast and Faster R-CNN are told it in ``param_str``, and the layer of class
scores has one output for each. Nothing but the Python code compares them, and that late.

Problems, with their values:

- ``detector-classes-differ``: layer, what (it states, in words), wanted (the number that most
  places state), write (what to write there)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from ..core.late import late
from ..core.problem import Problem
from ..core.source import Span
from .net import Layer, Net

_NUM_CLASSES = late(r"num_classes['\"]?\s*[:=]\s*(\d{1,6})\b")


class _Place(Struct, frozen=True):
    """A place that states a number of classes: ``param_str``, or ``num_output``."""

    layer: Layer
    field: str
    span: Span
    classes: int

    def words(self, classes: int) -> str:
        """What stands there for a number of classes."""
        return (
            f"'num_classes': {classes}" if self.field == "param_str" else f"num_output: {classes}"
        )


def check_detectors(net: Net) -> list[Problem]:
    """The places that state another number of classes than the rest. Two Python layers outweigh the
    scores; where nothing outweighs the rest, nothing is said.
    """
    places = list(_places(net))
    counts: Counter[int] = Counter()
    for place in places:
        counts[place.classes] += 2 if place.field == "param_str" else 1
    if not counts:
        return []
    (wanted, most), *_ = counts.most_common()
    if most * 2 <= counts.total():
        return []
    like = tuple((one.span, f"{wanted} here") for one in places if one.classes == wanted)
    return [
        Problem(
            *("detector-classes-differ", place.span),
            {
                "layer": place.layer.name,
                "what": place.words(place.classes),
                "wanted": wanted,
                "write": place.words(wanted),
            },
            *(like, place.layer.name),
            rejects=False,
        )
        for place in places
        if place.classes != wanted
    ]


def _places(net: Net) -> Iterator[_Place]:
    for layer in net.layers:
        told = _told(layer)
        if told is not None:
            span = layer.message.sub("python_param").span("param_str")
            yield _Place(layer, "param_str", span, told)
        elif layer.type == "SoftmaxWithLoss":
            yield from _scores(layer)


def _told(layer: Layer) -> int | None:
    """The number of classes that a Python layer is told."""
    if layer.type != "Python":
        return None
    match = _NUM_CLASSES().search(layer.message.sub("python_param").get("param_str"))
    return int(match[1]) if match else None


def _scores(loss: Layer) -> Iterator[_Place]:
    """The layer of the scores of a loss whose labels come from a Python layer that is told the
    number of classes.
    """
    if len(loss.bottoms) < 2 or loss.bottoms[0] is None or loss.bottoms[1] is None:
        return
    maker, labels = loss.bottoms[0].producer, loss.bottoms[1].producer
    if maker.type == "InnerProduct" and maker.own is not None and _told(labels) is not None:
        yield _Place(maker, "num_output", maker.own.span("num_output"), maker.own.get("num_output"))
