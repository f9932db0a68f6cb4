"""LSTM and RNN: gates and hidden states over the timesteps (lstm_layer.cpp, rnn_layer.cpp).

All sequences are taken to go on from each timestep to the next; states start at 0.
"""

from __future__ import annotations

from .fillers import Fill
from .kernel import Kernel
from .linear import product
from .pointwise import SIGMOID, TANH, curved
from .signal import Part, Signal
from .step import Blocked, Step

_MOST_STEPS = 10
"""After so many timesteps, states are as large as they get."""


def lstm(s: Step) -> list[Signal | None]:
    """C = f · c' + i · tanh(g), h = o · tanh(c), with gates i, f and o between 0 and 1."""
    bias = s.fill(1, "bias_filler")
    inner = _from_inputs(s, bias)
    weights = s.fill(len(s.param_shapes) - 1, "weight_filler")
    outputs = s.param_shape(len(s.param_shapes) - 1)[1]
    hidden = cell = _values(0.0, 0.0)
    sizes = []
    for _ in range(_timesteps(s)):
        gates = _with_hidden(inner, weights, outputs, hidden)
        gate, new = curved(gates, SIGMOID), product(curved(gates, TANH), curved(gates, SIGMOID))
        kept = product(gate, cell)
        mean = kept.mean + new.mean
        cell = _values(mean, kept.kernel.square + new.kernel.square + 2 * kept.mean * new.mean)
        hidden = product(curved(cell, TANH), gate)
        sizes.append((hidden.mean, hidden.kernel.square))
    return _tops(s, sizes, outputs)


def rnn(s: Step) -> list[Signal | None]:
    """H = tanh(W h' + V x + b), o = tanh(U h + c)."""
    inner = _from_inputs(s, s.fill(1, "bias_filler"))
    number = len(s.param_shapes)
    across, out = (s.fill(i, "weight_filler") for i in (number - 3, number - 2))
    bias = s.fill(number - 1, "bias_filler")
    outputs = s.param_shape(number - 2)[1]
    hidden = _values(0.0, 0.0)
    sizes = []
    for _ in range(_timesteps(s)):
        hidden = curved(_with_hidden(inner, across, outputs, hidden), TANH)
        start = _values(bias.mean, bias.square)
        top = curved(_with_hidden(start, out, outputs, hidden), TANH)
        sizes.append((top.mean, top.kernel.square))
    return _tops(s, sizes, outputs)


def _values(mean: float, square: float) -> Part:
    base = mean * mean
    return Part(1, mean, Kernel((base, base, base, square)))


def _from_inputs(s: Step, bias: Fill) -> Part:
    """What inputs, and the static input where there is one, bring into every gate."""
    mean, square = bias.mean, bias.square
    static = 2 if len(s.param_shapes) in (4, 7) and len(s.bottoms) > 2 else None
    for blob, bottom in ((0, 0), (static, 2)):
        if blob is None:
            continue
        weights, part = s.fill(blob, "weight_filler"), s.bottom(bottom).whole
        inputs = s.param_shape(blob)[1]
        own = weights.mean * inputs * part.mean
        square += 2 * mean * own + own * own + inputs * (
            weights.square * part.kernel.square - (weights.mean * part.mean) ** 2
        )  # fmt: skip
        mean += own
    return _values(mean, square)


def _with_hidden(inner: Part, weights: Fill, inputs: int, hidden: Part) -> Part:
    own = weights.mean * inputs * hidden.mean
    square = (
        inner.kernel.square
        + 2 * inner.mean * own
        + own * own
        + inputs * (weights.square * hidden.kernel.square - (weights.mean * hidden.mean) ** 2)
    )
    return _values(inner.mean + own, square)


def _timesteps(s: Step) -> int:
    shape = s.bottom_shapes[0]
    steps = shape[0] if shape else None
    return max(1, min(steps or _MOST_STEPS, _MOST_STEPS))


def _tops(s: Step, sizes: list[tuple[float, float]], outputs: int) -> list[Signal | None]:
    """All timesteps together; further tops have the last hidden state."""
    shape = s.top_shapes[0]
    if shape is None or None in shape[:2]:
        raise Blocked("its size depends on the data")
    steps, streams = (size or 1 for size in shape[:2])
    later = max(0, steps - len(sizes))
    means, squares = (
        (sum(values) + later * values[-1]) / (len(sizes) + later)
        for values in zip(*sizes, strict=True)
    )
    signal = Signal([_values(means, squares).with_channels(outputs)], steps * streams)
    last = Signal([_values(*sizes[-1]).with_channels(outputs)], streams)
    return [signal, *[last] * (len(s.top_shapes) - 1)]
