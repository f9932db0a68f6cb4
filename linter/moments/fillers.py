"""What a filler puts into a learned blob (filler.hpp): the moments of its values."""

from __future__ import annotations

from math import ceil, prod

from msgspec import Struct

from ..schema.message import Message


class Fill(Struct, frozen=True):
    """Values of a learned blob at iteration 0: their mean, and their variance around it.

    ``bilinear`` is the size of the interpolation window, 0 for other fillers; ``sums_to_one`` tells
    that the weights of one output add up to 1 (positive_unitball).
    """

    mean: float
    variance: float
    bilinear: int = 0
    sums_to_one: bool = False

    @property
    def square(self) -> float:
        """E[w²]."""
        return self.mean * self.mean + self.variance


def fill_of(filler: Message, shape: tuple[int, ...]) -> Fill:
    """Moments of a blob of this shape. A filler without fields is the constant 0."""
    return _FILLERS[filler.get("type")](filler, shape)


def _constant(filler: Message, _shape: tuple[int, ...]) -> Fill:
    return Fill(filler.get("value"), 0.0)


def _uniform(filler: Message, _shape: tuple[int, ...]) -> Fill:
    low, high = filler.get("min"), filler.get("max")
    return Fill((low + high) / 2, (high - low) * (high - low) / 12)


def _gaussian(filler: Message, shape: tuple[int, ...]) -> Fill:
    mean, std = filler.get("mean"), filler.get("std")
    sparse = filler.get("sparse")
    if sparse < 0:
        return Fill(mean, std * std)
    kept = sparse / shape[0]  # of every weight, the probability not to be 0
    return Fill(kept * mean, kept * (std * std + mean * mean) - kept * kept * mean * mean)


def _fan(filler: Message, shape: tuple[int, ...]) -> float:
    """Caffe's n: the blob without its first axis, or without its second, or the mean of both."""
    values = prod(shape)
    fan_in = values / shape[0]
    fan_out = values / shape[1] if len(shape) > 1 else values
    norm = filler.get("variance_norm")
    if norm == "FAN_OUT":
        return fan_out
    return (fan_in + fan_out) / 2 if norm == "AVERAGE" else fan_in


def _xavier(filler: Message, shape: tuple[int, ...]) -> Fill:
    return Fill(0.0, 1 / _fan(filler, shape))  # uniform between ±√(3/n)


def _msra(filler: Message, shape: tuple[int, ...]) -> Fill:
    return Fill(0.0, 2 / _fan(filler, shape))


def _positive_unitball(_filler: Message, shape: tuple[int, ...]) -> Fill:
    """Uniform values divided by their sum: mean 1/n, and 1/3 of its square as variance, as uniform
    values between 0 and 1 have it.
    """
    n = prod(shape) // shape[0]
    return Fill(1 / n, 1 / (3 * n * n), sums_to_one=True) if n > 1 else Fill(1.0, 0.0)


def _bilinear(_filler: Message, shape: tuple[int, ...]) -> Fill:
    line = bilinear_line(shape[-1])
    mean = sum(line) / len(line)
    square = sum(value * value for value in line) / len(line)
    return Fill(mean * mean, square * square - mean**4, bilinear=shape[-1])


def bilinear_line(size: int) -> list[float]:
    """The weights of one axis; the window is their outer product."""
    half = ceil(size / 2)
    centre = (size - 1) / (2 * half)
    return [1 - abs(x / half - centre) for x in range(size)]


_FILLERS = {
    "constant": _constant,
    "gaussian": _gaussian,
    "positive_unitball": _positive_unitball,
    "uniform": _uniform,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
}
