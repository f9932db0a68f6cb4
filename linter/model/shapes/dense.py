"""Layers that multiply by a matrix: InnerProduct, Embed, LSTM, RNN and the LSTM's unit.

Sources: inner_product_layer.cpp, embed_layer.cpp, recurrent_layer.cpp, lstm_layer.cpp,
rnn_layer.cpp, lstm_unit_layer.cpp.
"""

from __future__ import annotations

from .setup import Built, Dim, Setup, Shape, count, differ, in_words, shapes_differ, signed


def inner_product(s: Setup) -> Built:
    """All axes from ``axis`` on become one vector, which the weights turn into ``num_output``."""
    outputs = signed(s.own.get("num_output"))
    shape = s.bottom
    axis = s.axis(shape, s.own.get("axis"))
    s.positive("num_output", outputs)
    inputs = count(shape, axis)
    weight: Shape = (inputs, outputs) if s.own.get("transpose") else (outputs, inputs)
    params = [s.fill(weight, "weight_filler")]
    if s.own.get("bias_term"):
        params.append(s.fill((outputs,), "bias_filler"))
    if shape is None:
        return Built([None], params)
    if s.own.get("bias_term"):
        s.memory(count(shape, 0, axis), "the bias multiplier")
    return Built([s.blob((*shape[:axis], outputs))], params)


def embed(s: Setup) -> Built:
    """A row of the weights for every value of the bottom."""
    outputs, inputs = signed(s.own.get("num_output")), signed(s.own.get("input_dim"))
    s.positive("num_output", outputs)
    s.positive("input_dim", inputs)
    params = [s.fill((inputs, outputs), "weight_filler")]
    if s.own.get("bias_term"):
        params.append(s.fill((outputs,), "bias_filler"))
        s.memory(count(s.bottom), "the bias multiplier")
    top = None if s.bottom is None else s.blob((*s.bottom, outputs))
    return Built([top], params)


def lstm(s: Setup) -> Built:
    """Four gates: the weights have 4·num_output rows; cell and hidden state recur."""
    return _recurrent(s, gates=4, states=2)


def rnn(s: Setup) -> Built:
    """One hidden state, and an output layer of its own."""
    return _recurrent(s, gates=1, states=1)


def _recurrent(s: Setup, gates: int, states: int) -> Built:
    own = s.own
    outputs = signed(own.get("num_output"))
    exposed = states if own.get("expose_hidden") else 0
    _check_bottoms(s, 2 + exposed)
    steps, streams = _sequence(s)
    static = len(s.bottoms) > 2 + exposed
    if static:
        _check_static(s, streams)
    s.positive("num_output", outputs)
    inputs = count(s.bottom, 2)
    # The unrolled net's InnerProduct has axis 2, which the input must have.
    if s.bottom is not None and len(s.bottom) < 3:
        s.axes_count(s.bottom, "at least 3")
    rows = gates * outputs
    params = [s.fill((rows, inputs), "weight_filler"), s.fill((rows,), "bias_filler")]
    if static:
        params.append(s.fill((rows, count(s.bottoms[2], 1)), "weight_filler"))
    params.append(s.fill((rows, outputs), "weight_filler"))
    if states == 1:
        params.append(s.fill((outputs, outputs), "weight_filler"))
        params.append(s.fill((outputs,), "bias_filler"))
    state: Shape = (1, streams, outputs)
    for i in range(2 + static, len(s.bottoms)):
        if shapes_differ(state, s.bottoms[i]):
            s.refuse_shape(i, state, like="the recurrent state")
    if s.tops != 1 + exposed:
        s.refuse("top-count", "top", found=in_words(s.tops, "top"), wanted=1 + exposed)
    return Built([s.blob((steps, streams, outputs)), *[state] * exposed], params)


def _check_bottoms(s: Setup, least: int) -> None:
    """A static input may be one more (recurrent_layer.hpp, MaxBottomBlobs)."""
    found = in_words(len(s.bottoms), "bottom")
    if len(s.bottoms) < least:
        s.refuse("bottom-count", "type", found=found, wanted=f"at least {least}")
    if len(s.bottoms) > least + 1:
        s.refuse("bottom-count", f"bottom[{least + 1}]", found=found, wanted=f"at most {least + 1}")


def _sequence(s: Setup) -> tuple[Dim, Dim]:
    """Timesteps and streams, on which the inputs and the continuation marks must agree."""
    data, marks = s.bottoms[0], s.bottoms[1]
    if data is not None and len(data) < 2:
        s.axes_count(data, "at least 2")
    if marks is not None and len(marks) != 2:
        s.axes_count(marks, 2, blob=1)
    if data is None or marks is None:
        return (data or marks or (None, None))[:2]  # type: ignore[return-value]
    for i in (0, 1):
        if differ(data[i], marks[i]):
            s.refuse_shape(1, data[:2])
    return data[0], data[1]


def _check_static(s: Setup, streams: Dim) -> None:
    static = s.bottoms[2]
    if static is None:
        return
    if not static:
        s.axes_count(static, "at least 1", blob=2)
    if differ(static[0], streams):
        s.refuse_shape(2, (streams, *static[1:]))


def lstm_unit(s: Setup) -> Built:
    """One timestep: the second bottom has the four gates, the third the continuation marks."""
    streams = None
    for i, axes in enumerate((3, 3, 2)):
        shape = s.need_axes(axes, i)
        if shape is None:
            continue
        streams = shape[1] if streams is None else streams
        if differ(shape[0], 1) or differ(shape[1], streams):
            s.refuse_shape(i, (1, streams, *shape[2:]), like="one timestep of the streams")
    cell, gates = s.bottoms[0], s.bottoms[1]
    if cell and gates and cell[2] is not None and differ(gates[2], 4 * cell[2]):
        s.refuse_shape(1, (1, streams, 4 * cell[2]))
    return s.like_bottom()
