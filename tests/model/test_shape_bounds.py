"""The last that Caffe takes and the first that it refuses; and what stays open."""

from __future__ import annotations

import pytest

from caffelint.model.shapes.setup import Shape

from .test_shapes import HUGE, IMAGE, W, built, conv, pool, recurrent, refusal, reshape

Case = tuple[str, list[Shape]]  # the layer's parameters and its bottoms

MEAN = 'mean_file: "m"'
BILINEAR = 'weight_filler { type: "bilinear" }'
SPARSE = 'weight_filler { type: "gaussian" sparse: 9 }'
ALL_FOUR = "batch_size: 2 channels: 3 height: 4 width: 5"


def ip(more: str) -> str:
    return f"inner_product_param {{ {more} }}"


def filled(filler: str) -> str:
    return ip(f"num_output: 5 weight_filler {{ {filler} }}")


def images(more: str, transform: str = "") -> str:
    return f"transform_param {{ {transform} }} image_data_param {{ batch_size: 2 {more} }}"


def lasting(dims: str) -> str:
    return f"input_param {{ shape {{ {dims} }} }}"


BOUNDS: list[tuple[str, str, Case, Case]] = [
    # Blob::Reshape: at most 32 axes, and as many values as an int can count
    ("blob-too-large", "Input", (lasting(32 * "dim: 1 "), []), (lasting(33 * "dim: 1 "), [])),
    ("blob-too-large", "Input", (lasting("dim: 1 dim: 2147483647"), []),
     (lasting("dim: 2 dim: 1073741824"), [])),
    # A size that is not known counts as 1.
    ("blob-too-large", "InnerProduct", (ip(f"num_output: 2147483647 {W}"), [(None, 1)]),
     (ip(f"num_output: 2147483647 {W}"), [(2, 1)])),
    # The weights are a blob, too.
    ("blob-too-large", "InnerProduct", (ip(f"num_output: 32768 {W}"), [(1, 65535)]),
     (ip(f"num_output: 32768 {W}"), [(1, 65536)])),
    # CanonicalAxisIndex
    ("axis-out-of-range", "Softmax", ("softmax_param { axis: -2 }", [(2, 3)]),
     ("softmax_param { axis: -3 }", [(2, 3)])),
    ("axis-out-of-range", "Reshape", (reshape("1", "axis: -3 num_axes: 0"), [(2, 3)]),
     (reshape("1", "axis: -4 num_axes: 0"), [(2, 3)])),
    ("axis-out-of-range", "BatchNorm", ("", [(2, 3)]), ("", [(2,)])),
    # The bottoms of a Concat have equally many axes: one that is known tells of all.
    ("axis-out-of-range", "Concat", ("concat_param { axis: 1 }", [None, (2, 3)]),
     ("concat_param { axis: 2 }", [None, (2, 3)])),
    # Windows
    ("window-too-large", "Im2col", ("convolution_param { kernel_size: 9 }", [IMAGE]),
     ("convolution_param { kernel_size: 10 }", [IMAGE])),
    ("window-too-large", "Pooling", (pool("kernel_size: 9"), [IMAGE]),
     (pool("kernel_size: 10"), [IMAGE])),
    # stride_h is not checked; a uint32 that wraps to -1 makes 5 / -1 + 1 rows.
    ("window-too-large", "Convolution", (conv("kernel_size: 3 stride_h: 1 stride_w: 1"), [IMAGE]),
     (conv(f"kernel_size: 3 stride_h: {HUGE} stride_w: 1"), [IMAGE])),
    # 8 - 1 + 4 - 2·5 is 1, and 8 - 1 + 3 - 2·5 is 0, which only a bias cannot bear.
    ("pad-too-large", "Deconvolution", (conv("kernel_size: 4 pad: 5"), [IMAGE]),
     (conv("kernel_size: 3 pad: 5"), [IMAGE])),
    ("pad-too-large", "Deconvolution", (conv("kernel_size: 3 pad: 5 bias_term: false"), [IMAGE]),
     (conv("kernel_size: 2 pad: 5 bias_term: false"), [IMAGE])),
    ("pad-not-below-kernel", "Pooling", (pool("kernel_size: 3 pad: 2"), [IMAGE]),
     (pool("kernel_size: 3 pad: 3"), [IMAGE])),
    # 8 bins over 8 rows need no pad, over 7 rows one as large as the window of 1.
    ("pad-not-below-kernel", "SPP", ("spp_param { pyramid_height: 4 }", [(2, 3, 8, 8)]),
     ("spp_param { pyramid_height: 4 }", [(2, 3, 7, 8)])),
    ("pad-not-below-kernel", "SPP", ("spp_param { pyramid_height: 4 }", [(2, 3, 8, 8)]),
     ("spp_param { pyramid_height: 4 }", [(2, 3, 8, 7)])),
    ("blob-too-large", "SPP", ("spp_param { pyramid_height: 16 }", [(1, 1, None, None)]),
     ("spp_param { pyramid_height: 17 }", [(1, 1, None, None)])),
    ("blob-too-large", "SPP", ("spp_param { pyramid_height: 2000000000 }", [(1, None, None, None)]),
     ("spp_param { pyramid_height: 2000000000 }", [(1, 1, None, None)])),
    ("must-be-positive", "Pooling", (pool("kernel_size: 1"), [IMAGE]),
     (pool("kernel_size: 0"), [IMAGE])),
    # A kernel_size goes before one side of the window; a pad or stride does not go with one.
    ("given-both-ways", "Pooling", (pool("kernel_size: 3 kernel_w: 2"), [IMAGE]),
     (pool("kernel_size: 3 kernel_w: 2 kernel_h: 2"), [IMAGE])),
    ("given-both-ways", "Pooling", (pool("kernel_size: 3 pad_h: 1 pad_w: 1"), [IMAGE]),
     (pool("kernel_size: 3 pad_w: 1 pad: 1"), [IMAGE])),
    ("global-pooling-with-window", "Pooling", (pool("global_pooling: true pad: 0"), [IMAGE]),
     (pool("global_pooling: true pad_h: 0 pad_w: 1"), [IMAGE])),
    # Flatten may take no axes at all, and puts one of size 1 in their place.
    ("flatten-order", "Flatten", ("flatten_param { axis: 2 end_axis: 1 }", [IMAGE]),
     ("flatten_param { axis: 2 end_axis: 0 }", [IMAGE])),
    ("crop-out-of-bounds", "Crop", ("", [IMAGE, IMAGE]), ("", [IMAGE, (2, 3, 8, 9)])),
    ("crop-offset-count", "Crop", ("crop_param { axis: 2 offset: [1, 1] }", [IMAGE, (1, 1, 7, 7)]),
     ("crop_param { axis: 1 offset: [1, 1] }", [IMAGE, (1, 1, 7, 7)])),
    ("top-k-too-large", "ArgMax", ("argmax_param { top_k: 12 }", [(2, 3, 4)]),
     ("argmax_param { top_k: 13 }", [(2, 3, 4)])),
    ("top-k-too-large", "Accuracy", ("accuracy_param { top_k: 5 }", [(2, 5), (2,)]),
     ("accuracy_param { top_k: 6 }", [(2, 5), (2,)])),
    ("must-be-positive", "Embed", (f"embed_param {{ num_output: 1 input_dim: 1 {W} }}", [(2,)]),
     ("embed_param { input_dim: 5 }", [(2,)])),
    ("axes-count", "LSTM", (recurrent(), [(9, 2, 3), (9, 2)]), (recurrent(), [(9,), (9, 2)])),
    ("axes-count", "LSTM", (recurrent(), [(9, 2, 3), (9, 2)]), (recurrent(), [(9, 2, 3), (9,)])),
    ("axes-count", "Im2col", ("convolution_param { kernel_size: 3 }", [(2, 3, 8)]),
     ("convolution_param { kernel_size: 3 }", [(2, 3)])),
    ("shapes-differ", "Eltwise", ("", [(2, 3), (2, 3)]), ("", [(2, 3), (2, 3, 1)])),
    ("shapes-differ", "Bias", ("", [IMAGE, (3,)]), ("", [IMAGE, (4,)])),
    ("coeff-with-product", "Eltwise", ("eltwise_param { operation: PROD }", [IMAGE, IMAGE]),
     ("eltwise_param { operation: PROD coeff: 1 coeff: 1 }", [IMAGE, IMAGE])),
    ("bad-base", "Log", ("log_param { base: 2 }", [IMAGE]), ("log_param { base: 1 }", [IMAGE])),
    ("bad-base", "Exp", ("exp_param { base: -1 }", [IMAGE]), ("exp_param { base: inf }", [IMAGE])),
    ("shapes-differ", "LSTM", (recurrent(), [(9, 2, 3), (9, 2)]),
     (recurrent(), [(9, 2, 3), (8, 2)])),
    # Losses: as many examples, and as many labels or targets
    ("batch-differs", "SigmoidCrossEntropyLoss", ("", [(2, 6), (2, 6)]), ("", [(2, 6), (3, 4)])),
    ("batch-differs", "EuclideanLoss", ("", [(2, 6), (2, 6)]), ("", [(2, 6), (3, 6)])),
    ("batch-differs", "HingeLoss", ("", [(2, 6), (2, 9)]), ("", [(2, 6), (3,)])),
    ("batch-differs", "MultinomialLogisticLoss", ("", [(2, 6), (2,)]), ("", [(2, 6), (3,)])),
    ("batch-differs", "ContrastiveLoss", ("", [(2, 6), (2, 6), (2,)]),
     ("", [(2, 6), (3, 6), (2,)])),
    ("batch-differs", "InfogainLoss", ("", [(2, 6), (2,), (36,)]), ("", [(2, 6), (3,), (36,)])),
    ("label-count", "InfogainLoss", ("", [(2, 6), (2,), (36,)]), ("", [(2, 6), (2, 2), (36,)])),
    ("axis-out-of-range", "HingeLoss", ("", [(2,), (2,)]), ("", [(), (2,)])),
    # An empty blob is refused where Caffe writes into a blob of as many values.
    ("empty-blob", "InnerProduct", (ip(f"num_output: 5 bias_term: false {W}"), [(0, 3)]),
     (ip(f"num_output: 5 {W}"), [(0, 3)])),
    ("empty-blob", "InnerProduct", (ip(f"num_output: 5 axis: 2 bias_term: false {W}"), [(0, 3, 4)]),
     (ip(f"num_output: 5 axis: 2 {W}"), [(0, 3, 4)])),
    ("empty-blob", "Embed", (f"embed_param {{ num_output: 5 input_dim: 9 {W} }}", [(1,)]),
     (f"embed_param {{ num_output: 5 input_dim: 9 {W} }}", [(0,)])),
    ("empty-blob", "PReLU", ("", [(0, 3)]), ("", [(2, 3, 0)])),
    ("empty-blob", "PReLU", ("prelu_param { channel_shared: true }", [(0, 3)]),
     ("prelu_param { channel_shared: true }", [(2, 0)])),
    ("empty-blob", "BatchNorm", ("", [(2, 1, 1)]), ("", [(2, 0, 1)])),
    ("empty-blob", "BatchNorm", ("", [(2, 1, 1)]), ("", [(2, 1, 0)])),
    ("empty-blob", "MVN", ("", [(2, 0, 8, 8)]), ("", [(2, 3, 8, 0)])),
    ("empty-blob", "MVN", ("", [(2, 0, 8, 8)]), ("", [(2, 3, 0, 8)])),
    ("empty-blob", "MVN", ("mvn_param { across_channels: true }", [(0, 3, 8, 8)]),
     ("mvn_param { across_channels: true }", [(2, 0, 8, 8)])),
    ("empty-blob", "Reduction", ("reduction_param { operation: ASUM }", [(None, 0)]),
     ("reduction_param { operation: MEAN }", [(None, 0)])),
    ("empty-blob", "Reduction", ("reduction_param { axis: 1 }", [(0, 3)]), ("", [(0, 3)])),
    ("empty-blob", "Pooling", (pool("global_pooling: true"), [(2, 0, 8, 8)]),
     (pool("global_pooling: true"), [(2, 3, 0, 8)])),
    ("empty-blob", "Pooling", (pool("global_pooling: true"), [(0, 3, 8, 8)]),
     (pool("global_pooling: true"), [(2, 3, 8, 0)])),
    ("empty-blob", "SPP", ("spp_param { pyramid_height: 1 }", [(2, 0, 8, 8)]),
     ("spp_param { pyramid_height: 1 }", [(2, 3, 0, 8)])),
    ("empty-blob", "SPP", ("spp_param { pyramid_height: 1 }", [(0, 3, 8, 8)]),
     ("spp_param { pyramid_height: 1 }", [(2, 3, 8, 0)])),
    # Bias spreads its term over the axes behind it, Scale over the more of those behind and before.
    ("empty-blob", "Bias", ("bias_param { axis: 2 }", [(2, 0, 4, 5)]), ("", [(2, 3, 0)])),
    # A scalar factor is applied from axis 0 on, where one value lies before it.
    ("empty-blob", "Scale", ("", [(0, 0), ()]), ("scale_param { bias_term: true }", [(0, 0), ()])),
    # Of no channels, the loop that fills the vector of ones does not run.
    ("axis-not-single", "ContrastiveLoss", ("", [(2, 0), (2, 0), (2,)]),
     ("", [(2, 0), (2, 0), (2, 2)])),
    # Fillers
    ("filler-range", "InnerProduct", (filled('type: "uniform" min: 1 max: 1'), [IMAGE]),
     (filled('type: "uniform" min: 1.5 max: 1'), [IMAGE])),
    ("filler-range", "InnerProduct", (filled('type: "gaussian" sparse: 5'), [IMAGE]),
     (filled('type: "gaussian" sparse: 6'), [IMAGE])),
    ("filler-of-scalar", "Scale", ("scale_param { num_axes: 0 filler { value: 2 } }", [IMAGE]),
     ('scale_param { num_axes: 0 filler { type: "xavier" } }', [IMAGE])),
    ("bilinear-filler-shape", "Deconvolution",
     (f"convolution_param {{ num_output: 3 kernel_size: 4 {BILINEAR} }}",
      [IMAGE]),
     (f"convolution_param {{ num_output: 3 kernel_h: 4 kernel_w: 3 {BILINEAR} }}", [IMAGE])),
    ("bilinear-filler-shape", "Deconvolution",
     (f"convolution_param {{ num_output: 3 kernel_size: 4 {BILINEAR} }}",
      [IMAGE]),
     (f"convolution_param {{ num_output: 3 kernel_size: 4 {BILINEAR} }}",
      [(2, 3, 8, 8, 8)])),
    ("unknown-filler", "Scale", ('scale_param { filler { type: "msra" } }', [None]),
     ('scale_param { filler { type: "mrsa" } }', [None])),
    # Data
    ("shape-count", "DummyData", ("dummy_data_param { num: 2 channels: 1 height: 1 width: 1 }", []),
     ("dummy_data_param { num: 2 height: 1 width: 1 }", [])),
    ("shape-count", "DummyData", ("dummy_data_param { num: 2 channels: 1 height: 1 width: 1 }", []),
     ("dummy_data_param { num: [2, 3] channels: 1 height: 1 width: 1 }", [])),
    *(("mean-file-and-mean-value", type_, (f"transform_param {{ {crop} {one} }} {own}", []),
       (f"transform_param {{ {crop} {MEAN} mean_value: 1 }} {own}", []))
      for one in (MEAN, "mean_value: 1")
      for type_, crop, own in (
          ("Data", "", "data_param { batch_size: 1 }"),
          ("WindowData", "crop_size: 1", "window_data_param { batch_size: 1 }"),
          ("MemoryData", "", f"memory_data_param {{ {ALL_FOUR} }}"),
      )),
    ("must-be-positive", "WindowData",
     ("window_data_param { batch_size: 1 } transform_param { crop_size: 1 }", []),
     ("window_data_param { batch_size: 1 } transform_param { crop_size: 0 }", [])),
    *(("must-be-positive", "MemoryData", (f"memory_data_param {{ {ALL_FOUR} }}", []),
       (f"memory_data_param {{ {ALL_FOUR.replace(size, '')} }}", []))
      for size in ("batch_size: 2", "channels: 3", "height: 4", "width: 5")),
    ("half-given", "ImageData", (images("new_height: 1 new_width: 1"), []),
     (images("new_height: 1"), [])),
    ("crop-larger-than-image", "ImageData",
     (images("new_height: 5 new_width: 6", "crop_size: 5"), []),
     (images("new_height: 5 new_width: 6", "crop_size: 6"), [])),
    ("crop-larger-than-image", "ImageData",
     (images("new_height: 6 new_width: 5", "crop_size: 5"), []),
     (images("new_height: 6 new_width: 5", "crop_size: 6"), [])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "type_", "last", "first"),
    [pytest.param(*row, id=f"{row[0]}: {row[1]} {row[3]}") for row in BOUNDS],
)
def test_bounds(kind: str, type_: str, last: Case, first: Case) -> None:
    built(type_, *last)
    assert refusal(type_, *first) == kind


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize(
    ("type_", "place", "axes"),
    [
        ("MultinomialLogisticLoss", 1, (1, 2, 3)),
        ("ContrastiveLoss", 0, (2, 3)),
        ("ContrastiveLoss", 1, (2, 3)),
        ("ContrastiveLoss", 2, (1, 2, 3)),
    ],
)
def test_axes_that_must_have_one_value(
    type_: str, place: int, axes: tuple[int, ...], axis: int
) -> None:
    vectors = [(2, 6, 1, 1)] * (2 if type_ == "ContrastiveLoss" else 1)
    bottoms: list[Shape] = [*vectors, (2, 1, 1, 1)]
    assert built(type_, "", bottoms).tops == [()]
    if axis in axes:
        bottoms[place] = tuple(
            5 if i == axis else size for i, size in enumerate(bottoms[place] or ())
        )
        assert refusal(type_, "", bottoms) == "axis-not-single"


@pytest.mark.parametrize(
    ("more", "bottom", "parts", "kind"),
    [
        # The axis has a value for each top at least, and no slice point is behind its end.
        ("slice_point: 1", (5, 2), [(5, 1), (5, 1)], ""),
        ("slice_point: 1", (5, 1), [None] * 2, "slice-point-beyond"),
        ("slice_point: [1, 3]", (5, 3), [(5, 1), (5, 2), (5, 0)], ""),
        ("slice_point: [1, 4]", (5, 3), [None] * 3, "slice-point-beyond"),
        ("axis: 0 slice_point: 2", (5, 3), [(2, 3), (3, 3)], ""),
        ("", (5, None), [(5, None)] * 2, ""),
        ("", None, [None] * 2, ""),
        ("slice_point: 1", None, [None] * 2, ""),
    ],
)
def test_slices(more: str, bottom: Shape, parts: list[Shape], kind: str) -> None:
    own = f"slice_param {{ {more} }}"
    if kind:
        assert refusal("Slice", own, [bottom], len(parts)) == kind
    else:
        assert built("Slice", own, [bottom], len(parts)).tops == parts


# What Caffe makes of parameters that are seldom written, and of what is not known of a bottom
MADE: list[tuple[str, str, list[Shape], list[Shape], list[Shape]]] = [
    ("Convolution", conv("kernel_size: 3 bias_term: false"), [None], [None], [None]),
    ("Convolution", conv("kernel_h: 3 kernel_w: 3"), [None], [None], [None, None]),
    ("Deconvolution", f"convolution_param {{ num_output: 6 kernel_size: 1 {SPARSE} }}",
     [(2, None, 8, 8)], [(2, 6, 8, 8)], [(None, 6, 1, 1), (6,)]),
    ("Im2col", "convolution_param { kernel_size: 3 }", [(2, 3, 8)], [(2, 9, 6)], []),
    ("Im2col", "convolution_param { kernel_size: 9 }", [IMAGE], [(2, 243, 0, 0)], []),
    # kernel_size goes before a single side.
    ("Pooling", pool("kernel_size: 3 kernel_h: 2"), [IMAGE], [(2, 3, 6, 6)], []),
    # Without a pad it is left in: the third window starts behind the map.
    ("Pooling", pool("kernel_size: 1 stride: 4"), [IMAGE], [(2, 3, 3, 3)], []),
    # A pad on one side drops windows that start outside on both: ceil(5 / 4) + 1 is 3 rows, of
    # which the last would start at 8 of 7.
    ("Pooling", pool("kernel_size: 2 stride: 4 pad_h: 0 pad_w: 1"), [(1, 1, 7, 8)], [(1, 1, 2, 3)],
     []),
    ("Pooling", pool("kernel_size: 2 stride_h: 1 stride_w: 2"), [IMAGE], [(2, 3, 7, 4)], []),
    ("Pooling", pool("kernel_size: 2"), [(2, 3, None, 8)], [(2, 3, None, 7)], []),
    ("Pooling", pool("global_pooling: true"), [(2, 3, None, None)], [(2, 3, 1, 1)], []),
    ("SPP", "spp_param { pyramid_height: 2 }", [None], [None], []),
    ("SPP", "spp_param { pyramid_height: 2 }", [(2, None, 8, 8)], [(2, None)], []),
    ("InnerProduct", ip(f"num_output: 5 {W}"), [None], [None], [(5, None), (5,)]),
    # Recurrent
    ("LSTM", recurrent(), [(9, 2, 3), None], [(9, 2, 4)], [(16, 3), (16,), (16, 4)]),
    ("LSTM", recurrent(), [None, None], [(None, None, 4)], [(16, None), (16,), (16, 4)]),
    ("LSTM", recurrent(), [(9, 2, 3), (9, 2), None], [(9, 2, 4)],
     [(16, 3), (16,), (16, None), (16, 4)]),
    ("LSTMUnit", "", [(1, 2, 4), None, (1, 2)], [(1, 2, 4)] * 2, []),
    ("LSTMUnit", "", [(1, 2, None), (1, 2, 16), (1, 2)], [(1, 2, None)] * 2, []),
    # Values by values
    ("PReLU", "", [None], [None], [(None,)]),
    ("MVN", "", [None], [None], []),
    ("Scale", "", [None, (3,)], [None], []),
    ("Scale", "", [IMAGE, None], [IMAGE], []),
    ("Scale", "scale_param { bias_term: true }", [IMAGE, None], [IMAGE], [None]),
    ("Scale", "scale_param { bias_term: true axis: 0 num_axes: 1 }", [IMAGE], [IMAGE],
     [(2,), (2,)]),
    ("Scale", "scale_param { bias_term: true axis: 3 num_axes: 0 }", [IMAGE], [IMAGE], [(), ()]),
    ("Bias", "bias_param { axis: 2 }", [(2, 0, 4, 5)], [(2, 0, 4, 5)], [(4,)]),
    # Arrangement
    ("Concat", "concat_param { axis: -1 }", [None, (2, 3), (2, 4)], [(2, None)], []),
    ("Concat", "concat_param { concat_dim: 1 }", [None, None], [None], []),
    ("Reshape", reshape("0 -1"), [(None, 0)], [(None, 0)], []),
    ("Reshape", reshape("-1 4", "axis: 1"), [(None, 8)], [(None, 2, 4)], []),
    # 7 do not divide by 2, unless the batch is empty.
    ("Reshape", reshape("-1 2", "axis: 1"), [(None, 7)], [(None, None, 2)], []),
    # The 0 copies an axis that is not replaced.
    ("Reshape", reshape("-1 0", "num_axes: 1"), [(6, None)], [(None, None, None)], []),
    ("Flatten", "", [None], [None], []),
    ("Flatten", "flatten_param { axis: 2 end_axis: 1 }", [IMAGE], [(2, 3, 1, 8, 8)], []),
    ("Crop", "", [None, IMAGE], [None], []),
    ("Crop", "", [(2, 3, None, 8), (1, 1, 5, 6)], [(2, 3, 5, 6)], []),
    ("Crop", "", [IMAGE, (1, 1, None, 6)], [(2, 3, None, 6)], []),
    ("Reduction", "", [None], [None], []),
    ("ArgMax", "", [None], [None], []),
    ("ArgMax", "argmax_param { top_k: 9 }", [(2, None)], [(2, 1, 9)], []),
    ("ArgMax", "", [(2, 3, 4, 5, 6)], [(2, 1, 1, 1, 1)], []),
    ("Filter", "", [IMAGE, None], [IMAGE], []),
    ("Filter", "", [None, (2, 5), (2,)], [None, (None, 5)], []),
    ("Filter", "", [(2, 3), (None, 5), (None,)], [(2, 3), (2, 5)], []),
    ("BatchReindex", "", [None, (7,)], [None], []),
    ("BatchReindex", "", [IMAGE, None], [(None, 3, 8, 8)], []),
    # Losses
    ("EuclideanLoss", "", [(2, 3), None], [()], []),
    ("EuclideanLoss", "", [None, (2, 3)], [()], []),
    ("InfogainLoss", "", [(2, None), (2,), (25,)], [()], []),
    ("InfogainLoss", "", [(2, 5), (2,), None], [(), (2, 5)], []),
    ("ContrastiveLoss", "", [None, (2, 5), None], [()], []),
    ("Accuracy", "accuracy_param { top_k: 9 }", [None, (2,)], [(), (None,)], []),
    ("Accuracy", "accuracy_param { top_k: 9 }", [(2, 5), None], [()], []),
    # Data: a crop goes before the size that the images are brought to.
    ("ImageData", images("new_height: 9 new_width: 10", "crop_size: 6"), [],
     [(2, 3, 6, 6), (2,)], []),
    ("ImageData", images("", "crop_size: 6"), [], [(2, 3, 6, 6), (2,)], []),
    ("ImageData", images("new_height: 1 new_width: 5"), [], [(2, 3, 1, 5), (2,)], []),
    ("DummyData", "dummy_data_param { num: [2, 4] channels: [1, 5] height: 1 width: 3 }", [],
     [(2, 1, 1, 3), (4, 5, 1, 3)], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "more", "bottoms", "tops", "params"),
    [pytest.param(*row, id=f"{row[0]} {row[1]} {row[2]}") for row in MADE],
)
def test_made(
    type_: str, more: str, bottoms: list[Shape], tops: list[Shape], params: list[Shape]
) -> None:
    got = built(type_, more, bottoms, len(tops))
    assert (got.tops, got.params) == (tops, params)
