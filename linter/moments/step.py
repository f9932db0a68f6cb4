"""One layer as its rule sees it: its fields, the signals of its bottoms, the shapes of its tops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from msgspec import Struct, field

from ..model.net import Layer
from ..model.shapes.setup import Shape
from ..schema.message import Message
from .fillers import Fill, fill_of
from .signal import Signal

USUAL_MAP = 56
"""Height and width that are assumed for a map whose size only the data decides."""

USUAL_BATCH = 32
"""The same for the examples of a batch."""


class Blocked(Exception):  # noqa: N818 - nothing is in error
    """Nothing can be said of a layer's tops; the text says why."""


class Loss(Struct):
    """What a loss layer adds to the loss: the expected value of its top, without its weight.

    ``deviation`` is the spread over seeds and batches; ``partial`` tells that a part is not known
    (the targets, say), so that ``value`` is only the least that is to be expected of the scores.
    """

    value: float
    deviation: float
    partial: bool = False

    def times(self, factor: float) -> Loss:
        """The same by another divisor."""
        return Loss(self.value * factor, self.deviation * factor, self.partial)


class Step(Struct):
    """A layer being computed.

    ``known`` tells the moments of learned blobs that a weights file fills, by number of the blob;
    None where the layer's own fillers do.
    """

    layer: Layer
    phase: str
    bottoms: Sequence[Signal | None]
    bottom_shapes: Sequence[Shape]
    top_shapes: Sequence[Shape]
    param_shapes: Sequence[Shape]
    known: Callable[[Layer, int], Fill | None]
    loss: Loss | None = None
    fills: dict[int, Fill] = field(default_factory=dict)

    @property
    def own(self) -> Message:
        """The layer type's parameter block."""
        own = self.layer.own
        return self.layer.message if own is None else own

    def bottom(self, index: int = 0) -> Signal:
        """The signal of a bottom.

        Raises:
            Blocked: if nothing is known of it.
        """
        signal = self.bottoms[index]
        if signal is None:
            raise Blocked("")  # the layer above has said why
        return signal

    def all_bottoms(self) -> list[Signal]:
        """The signals of all bottoms, each of which must be known."""
        return [self.bottom(i) for i in range(len(self.bottoms))]

    def fill(self, index: int, filler: str, default: float = 0.0) -> Fill:
        """Moments of learned blob number ``index`` that ``filler`` fills; ``default`` is the value
        that the layer itself takes where no filler is written.
        """
        fill = self.known(self.layer, index)
        if fill is None and not self.own.has(filler):
            fill = Fill(default, 0.0)
        if fill is None:
            fill = fill_of(self.own.sub(filler), self.param_shape(index))
        self.fills[index] = fill
        return fill

    def param_shape(self, index: int) -> tuple[int, ...]:
        """The sizes of a learned blob."""
        shape = self.param_shapes[index] if index < len(self.param_shapes) else None
        if shape is None or None in shape:
            raise Blocked("the size of its weights depends on the data")
        return tuple(size or 0 for size in shape)

    def frame(self, index: int = 0) -> tuple[int, int, tuple[int, int]]:
        """Samples, channels, and height and width of a top."""
        shape = self.top_shapes[index] if index < len(self.top_shapes) else None
        return frame(shape)


def frame(shape: Shape) -> tuple[int, int, tuple[int, int]]:
    """Samples, channels, and height and width of a blob; of more than four axes, the last ones are
    taken together. Sizes that only the data decides are replaced by usual ones, but for channels.
    """
    if shape is None:
        raise Blocked("its size depends on the data")
    if len(shape) < 2:
        return (shape[0] or USUAL_BATCH if shape else 1), 1, (1, 1)
    if shape[1] is None:
        raise Blocked("the number of channels depends on the data")
    space = [USUAL_MAP if size is None else size for size in shape[2:]]
    size = (1, 1)
    if space:
        size = (space[0], prod(space[1:])) if len(space) > 1 else (1, space[0])
    return shape[0] or USUAL_BATCH, shape[1], size
