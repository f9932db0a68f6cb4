"""One layer of the way back: its gradients come in at the tops and go out at the bottoms.

A gradient is a ``Signal`` like any other: of every value of a blob, how the loss changes with it.
Gradients are taken to be independent of the values that they meet, but for those of a loss.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from .kernel import Kernel
from .pointwise import curved
from .signal import Latent, Part, Signal
from .step import Blocked, Step

_NOTHING = 0.01
"""A sum this small, in parts of one of independent terms, is 0 but for rounding: gradients below a
BatchNorm add up to 0 over each channel."""


class Back(Struct):
    """A layer on the way back.

    ``results`` has the values of its tops, ``tops`` the gradients of them, ``weight`` the loss
    weight of a loss layer. ``batches`` is how many batches an update collects (iter_size). A rule
    puts the mean square of the gradient of every learned blob into ``squares``, by its number.
    """

    step: Step
    results: Sequence[Signal | None]
    tops: Sequence[Signal | None]
    weight: float
    batches: int = 1
    squares: dict[int, float] = field(default_factory=dict)

    def top(self, index: int = 0) -> Signal:
        """The gradient of a top.

        Raises:
            Blocked: if nothing is known of it.
        """
        signal = self.tops[index]
        if signal is None:
            raise Blocked("")
        return signal

    def value(self, index: int = 0) -> Signal:
        """What stands in a bottom."""
        return self.step.bottom(index)

    def result(self) -> Signal:
        """What stands in the first top."""
        signal = self.results[0]
        if signal is None:
            raise Blocked("")
        return signal

    def learned(
        self,
        index: int,
        kernel: Kernel,
        size: tuple[int, int],
        samples: int,
        own: float = 0.0,
    ) -> None:
        """Note the gradient of a learned blob that adds up over all places of a batch.

        ``kernel`` has the moments of what is added: a gradient times an input. Caffe divides the
        sum over ``batches`` by their number, so that they count like one batch as large as all.
        Where gradients add up to 0, ``own`` is what is left of a term: its mean square, less what
        all places share.
        """
        if index < len(self.step.param_shapes):
            number = samples * size[0] * size[1]
            pairs = kernel.mean_of_pairs(*size, samples * self.batches)
            if pairs * number * self.batches < _NOTHING * kernel.square:
                pairs = own / (number * self.batches)
            self.squares[index] = pairs * number * number


def like(signal: Signal, parts: Sequence[Part]) -> Signal:
    """A gradient of a blob that looks like ``signal``."""
    return Signal(parts, signal.samples, signal.size)


class Routed(Latent, frozen=True):
    """Mark on a gradient that arrives only where a value was the largest of its window.

    ``mean`` and ``kernel`` are those of the Gaussian values at these places, ``source`` is the
    kernel of all of them.
    """

    source: Kernel | None = None


def met(gradient: Part, value: Part) -> Part:
    """The values at the places where a gradient arrives."""
    mark = gradient.latent
    g = value.gaussian
    if not isinstance(mark, Routed) or mark.source is not g.kernel:
        return value
    part = Part(value.channels, mark.mean, mark.kernel)
    return part if g.plain else curved(part, g.curve).affine(g.gain, g.offset)
