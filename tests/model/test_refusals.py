"""What the message of a refusal is filled with: the numbers and names that Caffe compares."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from caffelint.model.shapes.setup import Refused, Shape

from .build import layer, message, unmark
from .test_shapes import HUGE, IMAGE, W, built, conv, pool, recurrent, reshape, set_up_layer


def gaussian(own: str) -> str:
    filler = f'weight_filler {{ type: "gaussian" {own} }}'
    return f"inner_product_param {{ num_output: 5 {filler} }}"


@pytest.mark.parametrize(
    ("type_", "more", "bottoms", "values"),
    [
        # A uint32 that Caffe assigns to an int
        ("Convolution", conv(f"kernel_size: {HUGE}"), [IMAGE], {"value": -1}),
        ("Convolution", conv("kernel_size: 3 kernel_w: 3"), [IMAGE],
         {"field": "kernel_size", "other": "kernel_h and kernel_w"}),
        ("Pooling", pool("kernel_size: 2 stride: 2 stride_h: 2"), [IMAGE],
         {"field": "stride", "other": "stride_h and stride_w"}),
        ("Im2col", "convolution_param { kernel_size: 1 axis: 2 }", [(2, 3, 4)],
         {"wanted": "at least 4", "axes": 3, "bottom": "b0"}),
        ("Eltwise", "", [IMAGE, (2, 3, 8, 7)],
         {"bottom": "b1", "shape": "2×3×8×7", "wanted": "2×3×8×8", "like": '"b0"'}),
        ("LSTM", recurrent(), [(9, 2, 3), (9, 3)],
         {"bottom": "b1", "shape": "9×3", "wanted": "9×2", "like": '"b0"'}),
        ("LSTMUnit", "", [(1, 2, 4), (1, 3, 16), (1, 2)],
         {"bottom": "b1", "wanted": "1×2×16", "like": "one timestep of the streams"}),
        ("LSTMUnit", "", [(1, 2, 4), (1, 2, 15), (1, 2)], {"bottom": "b1", "wanted": "1×2×16"}),
        ("Filter", "", [IMAGE, (3,)], {"bottom": "b0", "found": 2, "first": "b1", "wanted": 3}),
        ("Crop", "crop_param { offset: 1 offset: 4 }", [IMAGE, (2, 3, 7, 5)],
         {"axis": 3, "size": 8, "offset": 4, "wanted": 5}),
        # The outputs are the first axis of the weights, however many inputs there are.
        ("InnerProduct", gaussian("sparse: 6"), [IMAGE],
         {"words": "sparse 6, not between -1 and the 5 outputs"}),
        ("InnerProduct", gaussian("sparse: -2"), [None],
         {"words": "sparse -2, not between -1 and the 5 outputs"}),
        ("InnerProduct", gaussian("std: 0"), [IMAGE], {"words": "std 0, not above 0"}),
        # Axes
        ("Softmax", "softmax_param { axis: 2 }", [(2, 3)],
         {"axis": 2, "axes": 2, "bottom": "b0", "shape": "2×3"}),
        ("SoftmaxWithLoss", "softmax_param { axis: 2 }", [(2, 3), (2,)],
         {"axis": 2, "axes": 2, "bottom": "b0", "shape": "2×3"}),
        ("Concat", "concat_param { axis: 2 }", [None, (2, 3)],
         {"axis": 2, "axes": 2, "bottom": "b1", "shape": "2×3"}),
        ("Concat", "concat_param { concat_dim: 3 }", [(2, 3)],
         {"axis": 3, "axes": 2, "bottom": "b0", "shape": "2×3"}),
        ("Concat", f"concat_param {{ concat_dim: {HUGE} }}", [None],
         {"axis": -1, "axes": 0, "shape": "unknown"}),
        ("Reshape", reshape("1", "axis: 3"), [(2, 3)],
         {"axis": 3, "axes": 2, "bottom": "b0", "shape": "2×3"}),
        ("HingeLoss", "", [(2,), ()], {"axis": 0, "axes": 0, "bottom": "b1", "shape": "scalar"}),
        ("MVN", "", [(2, 3, 4, 5, 6)], {"wanted": "at most 4", "axes": 5, "bottom": "b0"}),
        ("ContrastiveLoss", "", [(2, 5, 1, 1, 1), (2, 5), (2,)],
         {"wanted": "at most 4", "axes": 5, "bottom": "b0"}),
        ("ContrastiveLoss", "", [(2, 5), (2, 5, 1, 1, 1), (2,)],
         {"wanted": "at most 4", "axes": 5, "bottom": "b1"}),
        ("Crop", "", [IMAGE, (2, 3)], {"wanted": "at least 4", "axes": 2, "bottom": "b1"}),
        ("ArgMax", "", [()], {"wanted": "at least 1", "axes": 0, "shape": "scalar"}),
        ("BatchReindex", "", [IMAGE, (7, 1)], {"wanted": 1, "axes": 2, "bottom": "b1"}),
        ("PReLU", "", [(2,)], {"wanted": "at least 2", "axes": 1}),
        ("LSTM", recurrent(), [(9,), (9, 2)], {"wanted": "at least 2", "bottom": "b0"}),
        ("LSTM", recurrent(), [(9, 2), (9, 2)], {"wanted": "at least 3", "bottom": "b0"}),
        ("LSTM", recurrent(), [(9, 2, 3), (9,)], {"wanted": 2, "axes": 1, "bottom": "b1"}),
        ("LSTM", recurrent(), [(9, 2, 3), (9, 2), ()], {"wanted": "at least 1", "bottom": "b2"}),
        ("Scale", "scale_param { axis: 3 num_axes: 2 }", [IMAGE],
         {"axis": 3, "number": 2, "shape": "2×3×8×8", "bottom": "b0"}),
        ("Reshape", reshape("1", "axis: 1 num_axes: 2"), [(2, 3)],
         {"axis": 1, "number": 2, "shape": "2×3", "bottom": "b0"}),
        # Shapes
        ("LSTM", recurrent(), [(9, 2, 3), (9, 2), (3, 5)], {"bottom": "b2", "wanted": "2×5"}),
        ("Concat", "", [None, (2, 3, 4), (2, 3, 5)],
         {"bottom": "b2", "shape": "2×3×5", "wanted": "2×?×4", "like": '"b1"'}),
        ("Scale", "", [(2, 3, 8), (3, 9)], {"bottom": "b1", "shape": "3×9", "wanted": "3×8"}),
        ("Convolution", conv("kernel_size: 3"), [IMAGE, (2, 3, 8, 7)],
         {"bottom": "b1", "wanted": "2×3×8×8"}),
        # Windows
        ("Convolution", conv("kernel_h: 3 kernel_w: 3"), [(2, 3, 8)],
         {"field": "kernel_h", "spatial": 1}),
        ("Convolution", conv("kernel_w: 3"), [IMAGE], {"field": "kernel_h", "value": "not set"}),
        ("Convolution", conv("kernel_size: [3, 0]"), [IMAGE], {"field": "kernel_size", "value": 0}),
        ("Convolution", conv("kernel_size: [3, 3, 3]"), [IMAGE],
         {"field": "kernel_size", "given": "3 values", "spatial": 2}),
        ("Convolution", conv("kernel_size: 3 group: 2"), [IMAGE],
         {"group": 2, "what": '"b0" has 3 channels'}),
        ("Convolution", conv("kernel_size: 3 pad: 1 dilation: 5"), [IMAGE],
         {"window": 11, "size": 8, "pad": 1, "bottom": "b0"}),
        ("Deconvolution", conv("kernel_size: 3 pad: 5"), [IMAGE], {"pad": 5, "full": 10}),
        ("Pooling", pool("kernel_h: 2"), [IMAGE], {"field": "kernel_h", "other": "kernel_w"}),
        ("Pooling", pool("kernel_size: 2 pad_w: 1"), [IMAGE], {"field": "pad_w", "other": "pad_h"}),
        ("Pooling", pool("kernel_size: 3 stride: 1 stride_w: 1"), [IMAGE],
         {"field": "stride", "other": "stride_h and stride_w"}),
        ("Pooling", pool("global_pooling: true pad: 1"), [IMAGE], {"field": "pad"}),
        ("Pooling", pool("global_pooling: true pad_h: 1 pad_w: 0"), [IMAGE], {"field": "pad_h"}),
        ("Pooling", pool("global_pooling: true stride_h: 1 stride_w: 2"), [IMAGE],
         {"field": "stride_h"}),
        ("Pooling", pool("kernel_h: 3 kernel_w: 2 pad_h: 1 pad_w: 2"), [IMAGE],
         {"field": "pad_w", "pad": 2, "kernel": 2}),
        ("SPP", "spp_param { pyramid_height: 4 }", [(2, 3, 7, 64)],
         {"field": "the pad for 8×8 bins", "pad": 1, "kernel": 1}),
        ("SPP", "spp_param { pyramid_height: 4 }", [(2, 3, 64, 5)],
         {"field": "the pad for 4×4 bins", "pad": 2, "kernel": 2}),
        # Counts of values
        ("SoftmaxWithLoss", "", [(2, 5, 4, 4), (2, 4)],
         {"bottom": "b1", "labels": 8, "first": "b0", "shape": "2×5×4×4", "wanted": 32}),
        ("SigmoidCrossEntropyLoss", "", [(2, 6), (2, 5)],
         {"bottom": "b1", "found": 10, "first": "b0", "wanted": 12, "per": "batch"}),
        ("EuclideanLoss", "", [(2, 6), (2, 5)],
         {"bottom": "b1", "found": 5, "first": "b0", "wanted": 6, "per": "example"}),
        ("ContrastiveLoss", "", [(2, 5), (2, 4), (2,)],
         {"bottom": "b1", "found": 4, "first": "b0", "wanted": 5, "per": "example"}),
        ("ContrastiveLoss", "", [(2, 5), (2, 5, 1, 3), (2,)],
         {"bottom": "b1", "shape": "2×5×1×3", "axis": 3}),
        ("EuclideanLoss", "", [(2, 6), (3, 6)],
         {"bottom": "b1", "found": 3, "first": "b0", "wanted": 2}),
        ("Filter", "", [IMAGE, (2, 3)], {"bottom": "b1", "shape": "2×3"}),
        ("Filter", "", [IMAGE, (2, 5), (2,)], {"found": "1 top", "wanted": 2}),
        ("LSTM", recurrent("expose_hidden: true"), [(9, 2, 3), (9, 2), (1, 2, 4), (1, 2, 4)],
         {"found": "1 top", "wanted": 3}),
        # One static input, and the states that are exposed, beside the input and its marks.
        ("LSTM", recurrent(), [(9, 2, 3), (9, 2), (2, 5), (1, 2, 4)],
         {"found": "4 bottoms", "wanted": "at most 3"}),
        ("LSTM", recurrent("expose_hidden: true"), [(9, 2, 3), (9, 2), (2, 5)],
         {"found": "3 bottoms", "wanted": "at least 4"}),
        ("RNN", recurrent("expose_hidden: true"), [(9, 2, 3), (9, 2)],
         {"found": "2 bottoms", "wanted": "at least 3"}),
        ("InfogainLoss", "", [(2, 5), (2,), (4, 6)],
         {"bottom": "b2", "values": 24, "classes": 5, "wanted": 25}),
        ("Accuracy", "accuracy_param { top_k: 6 }", [(2, 5), (2,)], {"top_k": 6, "classes": 5}),
        ("Crop", "crop_param { offset: [1, 1, 1] }", [IMAGE, IMAGE],
         {"given": "3 offsets", "wanted": 2, "axis": 2}),
        ("Crop", "", [IMAGE, (2, 3, 8, 9)],
         {"bottom": "b0", "axis": 3, "size": 8, "offset": 0, "wanted": 9}),
        ("Eltwise", "eltwise_param { coeff: 1 }", [IMAGE, IMAGE],
         {"given": "1 coeff", "bottoms": 2}),
        ("DummyData", "dummy_data_param { num: 2 height: 1 width: 1 }", [],
         {"given": "no channels", "tops": "1 top"}),
        ("DummyData", "", [], {"given": "no shapes", "tops": "1 top"}),
        ("Slice", "slice_param { slice_point: [1, 2] }", [IMAGE],
         {"given": "2 slice_points", "tops": "1 top", "wanted": 0}),
        # Reshape
        ("Reshape", reshape("-1 5"), [(2, 3)],
         {"bottom": "b0", "shape": "2×3", "reason": "its 6 values do not divide by 5"}),
        ("Reshape", reshape("0 5"), [(2, 3)], {"reason": "2×5 has 10 values, not 6"}),
        ("Reshape", reshape("0 0 0"), [(2, 3)], {"reason": "the 0 at place 2 has no axis to copy"}),
        # Empty blobs
        ("BatchNorm", "", [(2, 0)], {"what": "the statistics"}),
        ("BatchNorm", "", [(2, 3, 0)], {"what": "the input"}),
        ("Pooling", pool("global_pooling: true"), [(2, 3, 0, 8)], {"what": "the map"}),
        ("InnerProduct", f"inner_product_param {{ num_output: 5 {W} }}", [(2, 0)],
         {"what": "the learned blob of weight_filler"}),
        # Data
        ("ImageData", "image_data_param { new_height: 5 }", [],
         {"field": "new_height", "other": "new_width"}),
        ("ImageData", "image_data_param { new_width: 5 }", [],
         {"field": "new_width", "other": "new_height"}),
        ("ImageData",
         "transform_param { crop_size: 6 } image_data_param { new_height: 7 new_width: 5 }", [],
         {"crop": 6, "size": 5}),
        ("WindowData", "", [], {"field": "crop_size", "value": "not set"}),
        ("WindowData", "transform_param { crop_size: 0 }", [], {"value": 0}),
        ("MemoryData", "memory_data_param { batch_size: 2 }", [],
         {"field": "channels", "value": "not set"}),
    ],
)  # fmt: skip
def test_values(
    type_: str, more: str, bottoms: Sequence[Shape], values: dict[str, object]
) -> None:  # fmt: skip
    with pytest.raises(Refused) as caught:
        built(type_, more, bottoms)
    assert values.items() <= caught.value.problem.values.items()


@pytest.mark.parametrize(
    ("kind", "type_", "more", "bottoms", "values"),
    [
        ("slice-point-beyond", "Slice", "slice_param { slice_point: [1, 4] }", [(2, 3)],
         {"point": 4, "size": 3, "axis": 1, "bottom": "b0"}),
        ("slice-point-order", "Slice", "slice_param { slice_point: [2, 1] }", [(2, 3)],
         {"point": 1, "before": 2}),
        ("slice-point-count", "Slice", "slice_param { slice_point: 1 }", [(2, 3)],
         {"given": "1 slice_point", "tops": "3 tops", "wanted": 2}),
        ("slice-indivisible", "Slice", "", [(2, 4)],
         {"size": 4, "tops": 3, "axis": 1, "bottom": "b0"}),
        ("batch-differs", "Filter", "", [(2, 9), (3, 5), (2,), (2, 1)],
         {"bottom": "b1", "found": 3, "first": "b3", "wanted": 2}),
        ("top-count", "Filter", "", [IMAGE, (2,)], {"found": "3 tops", "wanted": 1}),
    ],
)  # fmt: skip
def test_values_of_three_tops(
    kind: str, type_: str, more: str, bottoms: Sequence[Shape], values: dict[str, object]
) -> None:
    with pytest.raises(Refused) as caught:
        built(type_, more, bottoms, 3)
    problem = caught.value.problem
    assert problem.kind == kind
    assert values.items() <= problem.values.items()


@pytest.mark.parametrize(
    ("type_", "wiring", "marked", "bottoms"),
    [
        # In which field, or at which of its values, it is
        ("Slice", "b -> x y", "slice_param { axis: 1 slice_dim: «1» }", [IMAGE]),
        ("Slice", "b -> x y z", "slice_param { slice_point: 1 slice_point: «4» }", [(2, 3)]),
        ("Convolution", "b -> x", conv("kernel_size: «3» kernel_h: 3"), [IMAGE]),
        ("Convolution", "b -> x", conv("kernel_h: «3» kernel_w: 3"), [(2, 3, 8)]),
        ("Pooling", "b -> x", pool("pool: STOCHASTIC kernel_size: 3 pad_w: 0 pad_h: «1»"), [IMAGE]),
        ("Crop", "a b -> x", "crop_param { offset: 1 offset: «4» }", [IMAGE, (2, 3, 7, 5)]),
        ("Crop", "a b -> x", "crop_param { offset: «4» }", [IMAGE, (2, 3, 5, 5)]),
        ("DummyData", "-> x", "dummy_data_param { num: «0» channels: 1 height: 1 width: 1 }", []),
        ("DummyData", "-> x", "dummy_data_param { «shape» { dim: 0 } }", []),
        ("DummyData", "-> x y",
         'dummy_data_param { shape { dim: 2 } data_filler { } data_filler { type: «"x"» } }', []),
        ("ImageData", "-> x y", "image_data_param { new_width: «5» }", []),
        # The weights are what num_output makes too large.
        ("InnerProduct", "b -> x", "inner_product_param { num_output: «65536» }", [(1, 65536)]),
        # Where no field is to blame: the block, or the type
        ("Tile", "b -> x", "«tile_param» { axis: 1 }", [IMAGE]),
    ],
)  # fmt: skip
def test_where(type_: str, wiring: str, marked: str, bottoms: Sequence[Shape]) -> None:
    text, (span,) = unmark(layer("l", type_, wiring, marked))
    with pytest.raises(Refused) as caught:
        set_up_layer(message(text).get("layer")[0], bottoms)
    assert caught.value.problem.span == span


@pytest.mark.parametrize(
    ("marked", "bottoms"),
    [
        ('type: "Crop" bottom: "a" bottom: «"b"»', [IMAGE, (2, 3, 8, 9)]),
        ('type: "Crop" bottom: "a" bottom: «"b"»', [IMAGE, (2, 3)]),
        ('type: "HingeLoss" bottom: «"a"» bottom: "b"', [(), (2,)]),
        ('type: "LSTM" bottom: "a" bottom: "b" bottom: «"c"»', [(9, 2, 3), (9, 2), (5,)]),
        ('type: «"Tile"» bottom: "a"', [IMAGE]),
    ],
)
def test_where_no_parameter_is_to_blame(marked: str, bottoms: Sequence[Shape]) -> None:
    """The bottom, or the type where the layer has no block for what it lacks."""
    text, (span,) = unmark(f'layer {{ name: "l" {marked} top: "x" }}')
    with pytest.raises(Refused) as caught:
        set_up_layer(message(text).get("layer")[0], bottoms)
    assert caught.value.problem.span == span
