"""Shapes behind the tops of layers, as the net has them."""

from __future__ import annotations

from msgspec import Struct

from ..core.source import Span
from ..model.shapes.setup import Shape, shown
from ..syntax.tree import Field
from .document import Document


class Hint(Struct, frozen=True):
    """A text to show behind an offset."""

    offset: int
    label: str


def hints(document: Document, within: Span) -> list[Hint]:
    """The shape of each top in a span; where phases differ, that of each phase."""
    shapes: dict[int, dict[Shape, list[str]]] = {}
    for view in document.views:
        for blob, shape in view.shapes.blobs.items():
            field: Field | None = blob.producer.message.field("top", blob.index)
            if field is None or shape is None or not within.start <= field.end <= within.end:
                continue
            phases = shapes.setdefault(field.end, {}).setdefault(shape, [])
            if view.phase not in phases:
                phases.append(view.phase)
    return [Hint(offset, _label(found)) for offset, found in sorted(shapes.items())]


def _label(found: dict[Shape, list[str]]) -> str:
    if len(found) == 1:
        return shown(next(iter(found)))
    return ", ".join(f"{'/'.join(phases)} {shown(shape)}" for shape, phases in found.items())
