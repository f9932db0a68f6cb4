"""Layers that slide a window over the image: Convolution, Deconvolution, Im2col, Pooling, SPP.

Sources: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp, pooling_layer.cpp,
spp_layer.cpp.
"""

from __future__ import annotations

from ...schema.message import Message
from .setup import (
    Built,
    Dim,
    Setup,
    Shape,
    count,
    in_words,
    shapes_differ,
    signed,
    truncated,
)

Sizes = list[int]

KERNEL = ("kernel_h", "kernel_w")
STRIDE = ("stride_h", "stride_w")
PAD = ("pad_h", "pad_w")


def convolution(s: Setup) -> Built:
    """Rounds down: (size + 2·pad − extent) / stride + 1, where the division cuts towards zero."""
    return _convolve(s, upsample=False)


def deconvolution(s: Setup) -> Built:
    """The other way round: stride · (size − 1) + extent − 2·pad."""
    return _convolve(s, upsample=True)


def _convolve(s: Setup, upsample: bool) -> Built:
    outputs, group = signed(s.own.get("num_output")), signed(s.own.get("group"))
    shape = s.bottom
    axis = s.axis(shape, s.own.get("axis"))
    spatial = None if shape is None else len(shape) - axis - 1
    kernel, stride, pad, dilation = _window(s, spatial)
    s.positive("num_output", outputs)
    if group == 0:
        s.refuse("division-by-zero", "group", divisor="group")
    if shape is None:
        return Built([None] * s.tops, [None] * _blobs(s))
    channels = shape[axis]
    _check_group(s, channels, outputs, group)
    # A bias is spread over the map by a blob of as many values, of which there must be some.
    least = int(s.own.get("bias_term"))
    sizes = _output_sizes(s, shape[axis + 1 :], kernel, stride, pad, dilation, upsample, least)
    weight: Shape = (
        (channels, outputs // group, *kernel)
        if upsample
        else (outputs, None if channels is None else channels // group, *kernel)
    )
    params = [s.fill(weight, "weight_filler")]
    if s.own.get("bias_term"):
        params.append(s.fill((outputs,), "bias_filler"))
    for i, other in enumerate(s.bottoms[1:], 1):
        if shapes_differ(shape, other):
            s.refuse_shape(i, shape)
    top = s.blob((*shape[:axis], outputs, *sizes))
    return Built([top] * s.tops, params)


def depthwise(s: Setup) -> Built:
    """A kernel for each channel, whatever num_output and group say (ConvolutionDepthwise of forks:
    conv_dw_layer.cpp).
    """
    shape = s.need_axes(4)
    kernel, stride, pad, dilation = _window(s, 2)
    if shape is None:
        return Built([None], [None] * _blobs(s))
    sizes = _output_sizes(s, shape[2:], kernel, stride, pad, dilation, upsample=False)
    params = [s.fill((shape[1], 1, *kernel), "weight_filler")]
    if s.own.get("bias_term"):
        params.append(s.fill((shape[1],), "bias_filler"))
    return Built([s.blob((*shape[:2], *sizes))], params)


def _blobs(s: Setup) -> int:
    return 2 if s.own.get("bias_term") else 1


def _check_group(s: Setup, channels: Dim, outputs: int, group: int) -> None:
    channels_of = f'"{s.bottom_name(0)}" has {channels} channels'
    for number, what in ((channels, channels_of), (outputs, f"num_output is {outputs}")):
        if number is not None and number % group:
            s.refuse("group-indivisible", "group", group=group, what=what)


def _window(s: Setup, spatial: int | None) -> tuple[Sizes, Sizes, Sizes, Sizes]:
    """Kernel, stride, pad and dilation along each spatial axis; empty lists where unknown."""
    kernel = _along(s, "kernel_size", KERNEL, spatial, None)
    for i, size in enumerate(kernel):
        s.positive(_place(s, "kernel_size", KERNEL, i), size)
    stride = _along(s, "stride", STRIDE, spatial, 1)
    for i, size in enumerate(stride):
        at = _place(s, "stride", STRIDE, i)
        if at not in STRIDE:
            s.positive(at, size)
        elif size == 0:
            # Caffe checks stride, but not stride_h and stride_w, before it divides by them.
            s.refuse("division-by-zero", at, divisor=at)
    pad = _along(s, "pad", PAD, spatial, 0)
    return kernel, stride, pad, _along(s, "dilation", None, spatial, 1)


def _place(s: Setup, field: str, pair: tuple[str, str], axis: int) -> str:
    """The field that has the value for a spatial axis."""
    if s.own.has(pair[0]) or s.own.has(pair[1]):
        return pair[axis]
    return f"{field}[{axis}]" if len(s.own.get(field)) > 1 else field


def _along(
    s: Setup, field: str, pair: tuple[str, str] | None, spatial: int | None, default: int | None
) -> Sizes:
    """A window parameter per spatial axis: from ``x_h`` and ``x_w``, or from the repeated ``x``."""
    given: list[int] = s.own.get(field)
    if pair and (s.own.has(pair[0]) or s.own.has(pair[1])):
        if spatial is not None and spatial != 2:
            s.refuse("two-dimensional-only", pair[0], field=pair[0], spatial=spatial)
        if given:
            s.refuse_both(field, f"{pair[0]} and {pair[1]}", at=field)
        return [signed(s.own.get(name)) for name in pair]
    if not given and default is None and spatial != 0:  # there it is given once for each axis, too
        s.refuse("kernel-size-unset", field)
    if spatial is None:
        return []
    if len(given) not in (0, 1, spatial):
        values = in_words(len(given), "value")
        s.refuse("window-value-count", field, field=field, given=values, spatial=spatial)
    numbers = given or [default or 0]
    return [signed(numbers[i if len(numbers) > 1 else 0]) for i in range(spatial)]


def _output_sizes(
    s: Setup,
    sizes: tuple[Dim, ...],
    kernel: Sizes,
    stride: Sizes,
    pad: Sizes,
    dilation: Sizes,
    upsample: bool,
    least: int = 0,
) -> list[Dim]:
    result: list[Dim] = []
    windows = zip(sizes, kernel, stride, pad, dilation, strict=True)
    for i, (size, k, step, edge, spread) in enumerate(windows):
        extent = spread * (k - 1) + 1
        if size is None:
            result.append(None)
            continue
        if upsample:
            out = step * (size - 1) + extent - 2 * edge
        else:
            out = truncated(size + 2 * edge - extent, step) + 1
        if out < least and upsample:
            at = _place(s, "pad", PAD, i)
            s.refuse("pad-too-large", at, pad=edge, full=out + 2 * edge)
        if out < least:
            _refuse_window(s, _place(s, "kernel_size", KERNEL, i), extent, size, edge)
        result.append(out)
    return result


def _refuse_window(s: Setup, at: str, window: Dim, size: int, pad: int) -> None:
    bottom = s.bottom_name(0)
    s.refuse("window-too-large", at, window=window, size=size, pad=pad, bottom=bottom)


def im2col(s: Setup) -> Built:
    """Every window's values as channels."""
    shape = s.bottom
    axis = s.axis(shape, s.own.get("axis"))
    spatial = None if shape is None else len(shape) - axis - 1
    if shape is not None and len(shape) < axis + 2:
        s.axes_count(shape, f"at least {axis + 2}")
    kernel, stride, pad, dilation = _window(s, spatial)
    if shape is None:
        return Built([None])
    sizes = _output_sizes(s, shape[axis + 1 :], kernel, stride, pad, dilation, upsample=False)
    channels = count((shape[axis], *kernel))
    return Built([s.blob((*shape[:axis], channels, *sizes))])


# Pooling


def pooling(s: Setup) -> Built:
    """Rounds up unless round_mode says FLOOR, so the last window may hang over the edge; with
    padding, a last window that would start outside is dropped.
    """
    own = s.own
    _check_pooling_fields(s)
    whole = own.get("global_pooling")
    kernel: tuple[Dim, Dim] = _pair(s, "kernel_size", KERNEL)
    pad, stride = _pair(s, "pad", PAD), _pair(s, "stride", STRIDE)
    if whole:
        kernel = (s.legacy(s.bottom, 2), s.legacy(s.bottom, 3))
        if any(pad) or stride != (1, 1):
            names = ("pad", *PAD) if any(pad) else ("stride", *STRIDE)
            field = next(name for name in names if own.has(name))
            s.refuse("global-pooling-with-window", field, field=field)
    for i, size in enumerate(kernel):
        if whole:
            s.memory(size, "the map")
        s.positive(_pooling_place(s, "kernel_size", KERNEL, i), size)
    _check_pooling_pad(s, kernel, pad)
    shape = s.need_axes(4)
    if shape is None:
        return Built([None] * s.tops)
    sizes = [_pooled(s, i, kernel[i], pad[i], stride[i], padded=any(pad)) for i in (0, 1)]
    return Built([s.blob((*shape[:2], *sizes))] * s.tops)


def _pair(s: Setup, field: str, pair: tuple[str, str]) -> tuple[int, int]:
    """Height and width of a pooling parameter, from ``x`` or from ``x_h`` and ``x_w``."""
    height, width = (signed(s.own.get(_pooling_place(s, field, pair, i))) for i in (0, 1))
    return height, width


def _pooling_place(s: Setup, field: str, pair: tuple[str, str], axis: int) -> str:
    """The field that has the value for the height or the width."""
    return pair[axis] if s.own.has(pair[0]) and not s.own.has(field) else field


def _check_pooling_fields(s: Setup) -> None:
    own = s.own
    has_size, has_h, has_w = (own.has(name) for name in ("kernel_size", "kernel_h", "kernel_w"))
    if own.get("global_pooling"):
        for name in ("kernel_size", "kernel_h", "kernel_w"):
            if own.has(name):
                s.refuse("global-pooling-with-window", name, field=name)
    elif has_size == (has_h and has_w):
        if has_size:
            s.refuse_both("kernel_size", "kernel_h and kernel_w", at="kernel_size")
        _check_both_given(s, KERNEL)
        s.refuse("kernel-size-unset", "kernel_size")
    for field, pair in (("pad", PAD), ("stride", STRIDE)):
        if own.has(field) and (own.has(pair[0]) or own.has(pair[1])):
            s.refuse_both(field, f"{pair[0]} and {pair[1]}", at=field)
        _check_both_given(s, pair)


def _check_both_given(s: Setup, pair: tuple[str, str]) -> None:
    for field, other in (pair, pair[::-1]):
        if s.own.has(field) and not s.own.has(other):
            s.refuse("half-given", field, field=field, other=other)


def _check_pooling_pad(s: Setup, kernel: tuple[Dim, Dim], pad: tuple[int, int]) -> None:
    if not any(pad):
        return
    if s.own.get("pool") not in ("AVE", "MAX"):
        s.refuse("stochastic-pooling-with-pad", _pooling_place(s, "pad", PAD, 0))
    for i, (edge, size) in enumerate(zip(pad, kernel, strict=True)):
        if size is not None and edge >= size:
            at = _pooling_place(s, "pad", PAD, i)
            s.refuse("pad-not-below-kernel", at, field=at, pad=edge, kernel=size)


def _pooled(s: Setup, axis: int, kernel: Dim, pad: int, stride: int, padded: bool) -> Dim:
    assert s.bottom is not None
    size = s.bottom[2 + axis]
    if stride == 0:
        # Division by zero in floating point; the result has no place in an int.
        s.positive(_pooling_place(s, "stride", STRIDE, axis), stride)
    if size is None or kernel is None:
        # A global pooling covers the whole map, however large that is.
        return 1 if s.own.get("global_pooling") else None
    span = size + 2 * pad - kernel
    down = s.own.get("round_mode") == "FLOOR" or _floors(s.own)
    out = (span // stride if down else -(-span // stride)) + 1
    if out < 0:
        _refuse_window(s, _pooling_place(s, "kernel_size", KERNEL, axis), kernel, size, pad)
    if padded and (out - 1) * stride >= size + pad:
        out -= 1
    return out


def _floors(own: Message) -> bool:
    """Whether the forks' ``ceil_mode`` is there, and false."""
    return "ceil_mode" in own.type.fields and not own.get("ceil_mode")


_MOST_LEVELS = 17
"""A pyramid of so many levels has more bins than a blob can have values."""


def spatial_pyramid(s: Setup) -> Built:
    """Pools to 1×1, 2×2, 4×4, … bins and puts the flattened results side by side."""
    height = signed(s.own.get("pyramid_height"))
    shape = s.need_axes(4)
    for i in (2, 3):
        s.memory(s.legacy(shape, i), "the map")
    if shape is None:
        return Built([None] * s.tops)
    channels = shape[1]
    s.positive("pyramid_height", height)
    levels = range(min(height, _MOST_LEVELS))
    for level in levels:
        _check_pyramid_level(s, shape, 2**level)
    if height == 1:
        return Built([(shape[0], channels, 1, 1)])
    bins = sum(4**level for level in levels)
    return Built([s.blob((shape[0], None if channels is None else channels * bins))])


def _check_pyramid_level(s: Setup, shape: tuple[Dim, ...], bins: int) -> None:
    for size in shape[2:]:
        if size is None:
            continue
        kernel = -(-size // bins)
        pad = (kernel * bins - size + 1) // 2
        if pad >= kernel:
            field = f"the pad for {bins}×{bins} bins"
            s.refuse("pad-not-below-kernel", "pyramid_height", field=field, pad=pad, kernel=kernel)
