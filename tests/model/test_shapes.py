"""Shapes of tops and learned blobs, and what is refused: worked out from Caffe's source."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caffelint.model.layers import LAYER_TYPES
from caffelint.model.shapes.setup import Built, Refused, Setup, Shape
from caffelint.schema.descriptor import FieldType, MessageType
from caffelint.schema.message import Message

from .build import layer, message, unmark

IMAGE = (2, 3, 8, 8)
W = 'weight_filler { type: "xavier" }'


def built(
    type_: str, more: str, bottoms: Sequence[Shape], tops: int = 1, in_place: bool = False
) -> Built:
    """One layer set up on bottoms b0, b1, …; Refused where Caffe aborts."""
    names = [f"b{i}" for i in range(len(bottoms))]
    made = names[:1] if in_place else [f"t{i}" for i in range(tops)]
    text = layer("l", type_, f"{' '.join(names)} -> {' '.join(made)}", more)
    return set_up_layer(message(text).get("layer")[0], bottoms, in_place)


def set_up_layer(one: Message, bottoms: Sequence[Shape], in_place: bool = False) -> Built:
    kind = LAYER_TYPES[one.get("type")]
    tops = max(len(one.get("top")), 1 if kind.loss else 0)
    overwritten = frozenset((0,)) if in_place else frozenset[int]()
    return kind.shape(Setup(one, kind.param, bottoms, tops, overwritten))


def refusal(type_: str, more: str, bottoms: Sequence[Shape], tops: int = 1, **rest: bool) -> str:
    with pytest.raises(Refused) as caught:
        built(type_, more, bottoms, tops, **rest)
    return caught.value.problem.kind


def conv(more: str) -> str:
    return f"convolution_param {{ num_output: 6 {W} {more} }}"


def pool(more: str) -> str:
    return f"pooling_param {{ {more} }}"


def reshape(dims: str, more: str = "") -> str:
    sizes = " ".join(f"dim: {dim}" for dim in dims.split())
    return f"reshape_param {{ shape {{ {sizes} }} {more} }}"


def recurrent(more: str = "") -> str:
    return f"recurrent_param {{ num_output: 4 {W} {more} }}"


# The second-to-last item is the tops' shapes, the last one the learned blobs'.
ACCEPTED: list[tuple[str, str, list[Shape], list[Shape], list[Shape]]] = [
    # Windows: rounded down
    ("Convolution", conv("kernel_size: 3"), [IMAGE], [(2, 6, 6, 6)], [(6, 3, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: 3 stride: 2"), [IMAGE], [(2, 6, 3, 3)],
     [(6, 3, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: 3 pad: 1 stride: 2 bias_term: false"), [IMAGE],
     [(2, 6, 4, 4)], [(6, 3, 3, 3)]),
    # (8 + 0 - (2·2 + 1)) / 1 + 1
    ("Convolution", conv("kernel_size: 3 dilation: 2"), [IMAGE], [(2, 6, 4, 4)],
     [(6, 3, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: 1 group: 3"), [IMAGE], [(2, 6, 8, 8)],
     [(6, 1, 1, 1), (6,)]),
    ("Convolution", conv("kernel_h: 3 kernel_w: 1 pad_h: 1 stride_w: 2 stride_h: 1"), [IMAGE],
     [(2, 6, 8, 4)], [(6, 3, 3, 1), (6,)]),
    ("Convolution", conv("kernel_size: [3, 5] pad: [1, 0]"), [IMAGE], [(2, 6, 8, 4)],
     [(6, 3, 3, 5), (6,)]),
    ("Convolution", conv("kernel_size: 3"), [(2, 3, 10)], [(2, 6, 8)], [(6, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: [1, 3, 3]"), [(2, 3, 5, 8, 8)], [(2, 6, 5, 6, 6)],
     [(6, 3, 1, 3, 3), (6,)]),
    # Over no axes, kernel_size is given once for each of them where it is not given.
    ("Convolution", conv(""), [(2, 3)], [(2, 6)], [(6, 3), (6,)]),
    ("Convolution", conv("kernel_size: 3 axis: 2"), [(2, 5, 3, 8)], [(2, 5, 6, 6)],
     [(6, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: 3"), [IMAGE, IMAGE], [(2, 6, 6, 6)] * 2,
     [(6, 3, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: 3"), [(2, None, None, 8)], [(2, 6, None, 6)],
     [(6, None, 3, 3), (6,)]),
    ("Convolution", conv("kernel_size: 3"), [None], [None], [None, None]),
    # The window is one larger than the map: a size of 0, which only a bias cannot bear.
    ("Convolution", conv("kernel_size: 9 bias_term: false"), [IMAGE], [(2, 6, 0, 0)],
     [(6, 3, 9, 9)]),
    # C++ divides towards zero: (8 - 9) / 2 is 0, not -1.
    ("Convolution", conv("kernel_size: 9 stride: 2"), [IMAGE], [(2, 6, 1, 1)],
     [(6, 3, 9, 9), (6,)]),
    # 2·(8 - 1) + 4 - 2
    ("Deconvolution", conv("kernel_size: 4 stride: 2 pad: 1"), [IMAGE], [(2, 6, 16, 16)],
     [(3, 6, 4, 4), (6,)]),
    ("Deconvolution", conv("kernel_size: 4 group: 3 bias_term: false"), [IMAGE],
     [(2, 6, 11, 11)], [(3, 2, 4, 4)]),
    ("Im2col", "convolution_param { kernel_size: 3 stride: 2 }", [IMAGE], [(2, 27, 3, 3)], []),
    ("Im2col", "convolution_param { kernel_size: 3 }", [None], [None], []),
    # Pooling rounds up: ceil((8 - 3) / 2) + 1
    ("Pooling", pool("kernel_size: 3 stride: 2"), [IMAGE], [(2, 3, 4, 4)], []),
    ("Pooling", pool("kernel_size: 3 stride: 2 round_mode: FLOOR"), [IMAGE], [(2, 3, 3, 3)], []),
    # ceil((8 + 2 - 3) / 4) + 1 is 3, and the third window would start at 8, behind the map.
    ("Pooling", pool("kernel_size: 3 stride: 2 pad: 1"), [(1, 1, 7, 8)], [(1, 1, 4, 5)], []),
    ("Pooling", pool("kernel_size: 2 stride: 4 pad: 1"), [(1, 1, 7, 8)], [(1, 1, 2, 3)], []),
    ("Pooling", pool("kernel_size: 2 stride: 5 pad: 1"), [(1, 1, 4, 5)], [(1, 1, 1, 2)], []),
    ("Pooling", pool("global_pooling: true"), [(2, 3, None, 8)], [(2, 3, 1, 1)], []),
    ("Pooling", pool("kernel_h: 2 kernel_w: 8"), [IMAGE], [(2, 3, 7, 1)], []),
    ("Pooling", pool("kernel_size: 2"), [IMAGE], [(2, 3, 7, 7)] * 2, []),
    ("Pooling", pool("kernel_size: 2"), [None], [None], []),
    # 1 + 4 + 16 bins for each channel
    ("SPP", "spp_param { pyramid_height: 3 }", [IMAGE], [(2, 63)], []),
    ("SPP", "spp_param { pyramid_height: 1 }", [IMAGE], [(2, 3, 1, 1)], []),
    ("SPP", "spp_param { pyramid_height: 2 }", [(2, 3, None, None)], [(2, 15)], []),
    # Matrices
    ("InnerProduct", f"inner_product_param {{ num_output: 5 {W} }}", [IMAGE], [(2, 5)],
     [(5, 192), (5,)]),
    ("InnerProduct", f"inner_product_param {{ num_output: 5 axis: -1 transpose: true {W} }}",
     [IMAGE], [(2, 3, 8, 5)], [(8, 5), (5,)]),
    ("InnerProduct", f"inner_product_param {{ num_output: 5 bias_term: false {W} }}",
     [(None, 3)], [(None, 5)], [(5, 3)]),
    ("Embed", f"embed_param {{ num_output: 5 input_dim: 100 {W} }}", [(7, 2)], [(7, 2, 5)],
     [(100, 5), (5,)]),
    ("Embed", f"embed_param {{ num_output: 5 input_dim: 9 bias_term: false {W} }}", [None], [None],
     [(9, 5)]),
    # Recurrent: timesteps × streams × …
    ("LSTM", recurrent(), [(9, 2, 3), (9, 2)], [(9, 2, 4)], [(16, 3), (16,), (16, 4)]),
    ("LSTM", recurrent(), [(9, 2, 3), (9, 2), (2, 5)], [(9, 2, 4)],
     [(16, 3), (16,), (16, 5), (16, 4)]),
    ("LSTM", recurrent("expose_hidden: true"), [(9, 2, 3), (9, 2), (1, 2, 4), (1, 2, 4)],
     [(9, 2, 4), (1, 2, 4), (1, 2, 4)], [(16, 3), (16,), (16, 4)]),
    ("LSTM", recurrent("expose_hidden: true"),
     [(9, 2, 3), (9, 2), (2, 5), (1, 2, 4), (1, 2, 4)],
     [(9, 2, 4), (1, 2, 4), (1, 2, 4)], [(16, 3), (16,), (16, 5), (16, 4)]),
    ("RNN", recurrent(), [(9, 2, 3, 3), (9, 2)], [(9, 2, 4)],
     [(4, 9), (4,), (4, 4), (4, 4), (4,)]),
    ("RNN", recurrent("expose_hidden: true"), [(9, 2, 3), (9, 2), (1, 2, 4)],
     [(9, 2, 4), (1, 2, 4)], [(4, 3), (4,), (4, 4), (4, 4), (4,)]),
    ("LSTM", recurrent(), [None, (9, 2)], [(9, 2, 4)], [(16, None), (16,), (16, 4)]),
    ("LSTMUnit", "", [(1, 2, 4), (1, 2, 16), (1, 2)], [(1, 2, 4)] * 2, []),
    ("LSTMUnit", "", [None, (1, 2, 16), (1, 2)], [None] * 2, []),
    # Values by values
    ("ReLU", "", [IMAGE], [IMAGE], []),
    ("ReLU", "", [None], [None], []),
    ("AbsVal", "", [IMAGE], [IMAGE], []),
    ("PReLU", "", [IMAGE], [IMAGE], [(3,)]),
    ("PReLU", "prelu_param { channel_shared: true }", [(2, 3)], [(2, 3)], [()]),
    ("BatchNorm", "", [IMAGE], [IMAGE], [(3,), (3,), (1,)]),
    ("BatchNorm", "", [None], [None], [(None,), (None,), (1,)]),
    ("Scale", "", [IMAGE], [IMAGE], [(3,)]),
    ("Scale", "scale_param { bias_term: true axis: 0 num_axes: -1 }", [(2, 3)], [(2, 3)],
     [(2, 3), (2, 3)]),
    ("Scale", "scale_param { num_axes: 0 }", [IMAGE], [IMAGE], [()]),
    ("Scale", 'scale_param { filler { type: "bilinear" } }', [None], [None], [None]),
    ("Scale", "scale_param { axis: 1 }", [IMAGE, (3, 8)], [IMAGE], []),
    ("Scale", "scale_param { bias_term: true }", [IMAGE, (3, 8)], [IMAGE], [(3, 8)]),
    ("Scale", "scale_param { axis: 3 }", [IMAGE, ()], [IMAGE], []),
    ("Scale", "", [IMAGE, (None,)], [IMAGE], []),
    # The sum multiplier has the larger of what lies before the factor and behind it.
    ("Scale", "", [(1, 3, 0), (3,)], [(1, 3, 0)], []),
    ("Bias", "", [IMAGE], [IMAGE], [(3,)]),
    ("Bias", "bias_param { axis: -2 num_axes: 2 }", [IMAGE], [IMAGE], [(8, 8)]),
    ("Bias", "bias_param { axis: 0 }", [IMAGE, (2, 3)], [IMAGE], []),
    ("LRN", "", [IMAGE], [IMAGE], []),
    ("MVN", "", [(2, 3)], [(2, 3, 1, 1)], []),
    ("Softmax", "", [IMAGE], [IMAGE], []),
    ("Eltwise", "", [IMAGE, IMAGE], [IMAGE], []),
    ("Eltwise", "eltwise_param { coeff: [1, -1] }", [None, IMAGE], [IMAGE], []),
    ("Exp", "exp_param { base: 1 }", [IMAGE], [IMAGE], []),
    ("Log", "", [IMAGE], [IMAGE], []),
    # Arrangement
    ("Concat", "", [(2, 3, 4), (2, 5, 4)], [(2, 8, 4)], []),
    ("Concat", "concat_param { axis: -1 }", [(2, 3), (2, 1)], [(2, 4)], []),
    ("Concat", "concat_param { concat_dim: 0 }", [(2, 3), (1, 3)], [(3, 3)], []),
    ("Concat", "", [(None, 3, 4), (2, None, 4)], [(2, None, 4)], []),
    ("Concat", "", [(2, 3, 4), None], [(2, None, 4)], []),
    ("Slice", "", [(2, 6)], [(2, 2)] * 3, []),
    ("Slice", "slice_param { axis: 0 slice_point: [1, 3] }", [(6, 2)], [(1, 2), (2, 2), (3, 2)],
     []),
    ("Slice", "slice_param { slice_point: 4 }", [(2, None)], [(2, 4), (2, None)], []),
    # The last part is empty, which Caffe lets pass.
    ("Slice", "slice_param { slice_point: 6 }", [(2, 6)], [(2, 6), (2, 0)], []),
    ("Split", "", [IMAGE], [IMAGE, IMAGE], []),
    ("Silence", "", [IMAGE], [], []),
    ("Reshape", reshape("0 -1"), [IMAGE], [(2, 192)], []),
    ("Reshape", reshape("0 0 64"), [IMAGE], [(2, 3, 64)], []),
    ("Reshape", reshape("-1 4", "axis: 1 num_axes: 2"), [(2, 3, 8, 8)], [(2, 6, 4, 8)], []),
    ("Reshape", reshape("1", "axis: 1 num_axes: 0"), [(2, 3)], [(2, 1, 3)], []),
    ("Reshape", reshape("1", "axis: -1 num_axes: 0"), [(2, 3)], [(2, 3, 1)], []),
    ("Reshape", reshape("0 -1"), [(None, 3, 8)], [(None, 24)], []),
    ("Reshape", reshape("-1 4"), [(None, 3, 8)], [(None, 4)], []),
    ("Reshape", reshape("6"), [None], [None], []),
    ("Reshape", reshape("0 3"), [(0, 3)], [(0, 3)], []),
    ("Flatten", "", [IMAGE], [(2, 192)], []),
    ("Flatten", "flatten_param { axis: 0 end_axis: -2 }", [IMAGE], [(48, 8)], []),
    ("Flatten", "", [(2, None, 8)], [(2, None)], []),
    ("Crop", "", [IMAGE, (1, 1, 5, 6)], [(2, 3, 5, 6)], []),
    ("Crop", "crop_param { axis: 1 offset: [0, 1, 2] }", [IMAGE, (1, 3, 5, 6)], [(2, 3, 5, 6)],
     []),
    ("Crop", "crop_param { offset: 1 }", [IMAGE, (1, 1, 5, 7)], [(2, 3, 5, 7)], []),
    ("Crop", "", [IMAGE, None], [(2, 3, None, None)], []),
    ("Tile", "tile_param { tiles: 3 }", [(2, 3, 4)], [(2, 9, 4)], []),
    ("Tile", "tile_param { tiles: 3 }", [None], [None], []),
    ("Reduction", "reduction_param { axis: 1 }", [IMAGE], [(2,)], []),
    ("Reduction", "", [IMAGE], [()], []),
    ("Reduction", "reduction_param { operation: SUMSQ axis: -1 }", [IMAGE], [(2, 3, 8)], []),
    ("ArgMax", "", [IMAGE], [(2, 1, 1, 1)], []),
    ("ArgMax", "argmax_param { out_max_val: true top_k: 3 }", [(2, 9)], [(2, 2, 3)], []),
    ("ArgMax", "argmax_param { axis: 1 top_k: 3 }", [IMAGE], [(2, 3, 8, 8)], []),
    ("Filter", "", [IMAGE, (2, 5), (2, 1)], [IMAGE, (2, 5)], []),
    ("BatchReindex", "", [IMAGE, (7,)], [(7, 3, 8, 8)], []),
    # Losses
    ("SoftmaxWithLoss", "", [(2, 5), (2,)], [()], []),
    ("SoftmaxWithLoss", "", [IMAGE, (2, 1, 8, 8)], [(), IMAGE], []),
    ("SoftmaxWithLoss", "", [(2, None, 8, 8), (2, 8, 8)], [()], []),
    ("SoftmaxWithLoss", "", [None, (2,)], [()], []),
    ("SigmoidCrossEntropyLoss", "", [(2, 3, 4), (2, 12)], [()], []),
    ("EuclideanLoss", "", [(2, 1), (2,)], [()], []),
    ("HingeLoss", "", [(2, 5), (2,)], [()], []),
    ("MultinomialLogisticLoss", "", [(2, 5), (2, 1)], [()], []),
    ("ContrastiveLoss", "", [(2, 5), (2, 5), (2,)], [()], []),
    ("InfogainLoss", "", [(2, 5), (2,), (25,)], [()], []),
    ("InfogainLoss", 'infogain_loss_param { source: "m" }', [(2, 5), (2,)], [()], []),
    ("Accuracy", "", [(2, 5), (2,)], [(), (5,)], []),
    ("Accuracy", "accuracy_param { axis: 0 }", [(5, 2), (2,)], [()], []),
    # Sources
    ("Input", "input_param { shape { dim: 2 dim: 3 } }", [], [(2, 3)] * 2, []),
    ("Input", "input_param { shape { dim: 2 } shape { dim: 3 } }", [], [(2,), (3,)], []),
    ("Input", "input_param { shape { dim: 0 } }", [], [(0,)], []),
    ("Input", "", [], [()], []),
    ("Parameter", "parameter_param { shape { dim: 2 dim: 3 } }", [], [(2, 3)], [(2, 3)]),
    ("DummyData", "dummy_data_param { shape { dim: 2 } }", [], [(2,)] * 2, []),
    # Only "uniform" reads min and max (filler.hpp).
    ("DummyData", "dummy_data_param { shape { dim: 2 } data_filler { min: 2 } }", [], [(2,)], []),
    ("DummyData", 'dummy_data_param { shape { dim: 2 } data_filler { type: "msra" } }', [],
     [(2,)] * 2, []),
    ("DummyData", "dummy_data_param { num: [2, 4] channels: 1 height: 1 width: 3 }", [],
     [(2, 1, 1, 3), (4, 1, 1, 3)], []),
    ("Data", "data_param { batch_size: 2 }", [], [(2, None, None, None), (2,)], []),
    ("Data", "data_param { batch_size: 2 } transform_param { crop_size: 5 }", [],
     [(2, None, 5, 5)], []),
    ("ImageData", "image_data_param { batch_size: 2 new_height: 5 new_width: 6 }", [],
     [(2, 3, 5, 6), (2,)], []),
    ("ImageData", "image_data_param { batch_size: 2 is_color: false }", [],
     [(2, 1, None, None), (2,)], []),
    ("WindowData", "window_data_param { batch_size: 2 } transform_param { crop_size: 5 }", [],
     [(2, None, 5, 5), (2,)], []),
    ("MemoryData", "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }", [],
     [(2, 3, 4, 5), (2,)], []),
    ("HDF5Data", "hdf5_data_param { batch_size: 2 }", [], [None, None], []),
    ("HDF5Output", 'hdf5_output_param { file_name: "f" }', [IMAGE, (2,)], [], []),
    ("Python", 'python_param { module: "m" layer: "L" }', [IMAGE], [None], []),
    ("BNLL", "", [IMAGE], [IMAGE], []),
    ("Dropout", "", [IMAGE], [IMAGE], []),
    ("ELU", "", [IMAGE], [IMAGE], []),
    ("Power", "", [IMAGE], [IMAGE], []),
    ("Sigmoid", "", [IMAGE], [IMAGE], []),
    ("Swish", "", [IMAGE], [IMAGE], []),
    ("TanH", "", [IMAGE], [IMAGE], []),
    ("Threshold", "", [IMAGE], [IMAGE], []),
    ("Clip", "clip_param { min: 0 max: 6 }", [IMAGE], [IMAGE], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "more", "bottoms", "tops", "params"),
    [pytest.param(*row, id=f"{row[0]} {row[1]} {row[2]}") for row in ACCEPTED],
)
def test_shapes(
    type_: str, more: str, bottoms: list[Shape], tops: list[Shape], params: list[Shape]
) -> None:
    got = built(type_, more, bottoms, len(tops))
    assert (got.tops, got.params) == (tops, params)


def test_every_layer_type_has_as_many_roles_as_learned_blobs() -> None:
    seen = set()
    for type_, more, bottoms, tops, params in ACCEPTED:
        wiring = f"{' '.join('b' * len(bottoms))} -> {' '.join(f't{i}' for i in range(len(tops)))}"
        one = message(layer("l", type_, wiring, more)).get("layer")[0]
        roles = LAYER_TYPES[type_].blobs(one, len(bottoms))
        assert len(roles) == len(params), (type_, more)
        seen.add(type_)
    assert seen == set(LAYER_TYPES)


HUGE = 4294967295  # -1 as an int

REFUSED: list[tuple[str, str, str, list[Shape]]] = [
    ("kernel-size-unset", "Convolution", conv(""), [IMAGE]),
    ("kernel-size-unset", "Pooling", pool("stride: 2"), [IMAGE]),
    ("given-both-ways", "Convolution", conv("kernel_size: 3 kernel_h: 3"), [IMAGE]),
    ("given-both-ways", "Convolution", conv("kernel_size: 3 pad: 1 pad_w: 1"), [IMAGE]),
    ("given-both-ways", "Pooling", pool("kernel_size: 2 kernel_h: 2 kernel_w: 2"), [IMAGE]),
    ("given-both-ways", "Pooling", pool("kernel_size: 2 stride: 2 stride_h: 2"), [IMAGE]),
    ("given-both-ways", "Slice", "slice_param { axis: 1 slice_dim: 1 }", [IMAGE]),
    ("given-both-ways", "DummyData", "dummy_data_param { shape { dim: 1 } num: 1 }", []),
    ("half-given", "Pooling", pool("kernel_h: 2"), [IMAGE]),
    ("half-given", "Pooling", pool("kernel_size: 2 pad_w: 1"), [IMAGE]),
    ("half-given", "ImageData", "image_data_param { batch_size: 2 new_width: 5 }", []),
    ("half-given", "ImageData", f"image_data_param {{ batch_size: 2 new_width: {HUGE} }}", []),
    ("two-dimensional-only", "Convolution", conv("kernel_h: 3 kernel_w: 3"), [(2, 3, 8)]),
    ("window-value-count", "Convolution", conv("kernel_size: [3, 3, 3]"), [IMAGE]),
    ("window-value-count", "Im2col", "convolution_param { kernel_size: 3 pad: [0, 0, 0] }",
     [IMAGE]),
    ("must-be-positive", "Convolution", conv("kernel_size: 0"), [IMAGE]),
    ("must-be-positive", "Convolution", conv("kernel_size: 3 stride: 0"), [IMAGE]),
    ("must-be-positive", "Convolution", conv(f"kernel_size: {HUGE}"), [IMAGE]),
    ("must-be-positive", "Convolution",
     "convolution_param { num_output: 4000000000 kernel_size: 1 }", [IMAGE]),
    ("must-be-positive", "Pooling", pool("kernel_size: 2 stride: 0"), [IMAGE]),
    ("must-be-positive", "InnerProduct", "", [IMAGE]),
    ("must-be-positive", "Embed", "embed_param { num_output: 5 }", [IMAGE]),
    ("must-be-positive", "Tile", "", [IMAGE]),
    ("must-be-positive", "LSTM", "", [(9, 2, 3), (9, 2)]),
    ("must-be-positive", "ArgMax", "argmax_param { top_k: 0 }", [IMAGE]),
    ("must-be-positive", "SPP", "spp_param { pyramid_height: 0 }", [IMAGE]),
    ("must-be-positive", "Data", "", []),
    ("division-by-zero", "Convolution", conv("kernel_size: 3 group: 0"), [IMAGE]),
    ("division-by-zero", "Convolution", conv("kernel_size: 3 stride_h: 1"), [IMAGE]),
    ("division-by-zero", "Reshape", reshape("0 -1"), [(0, 3)]),
    ("division-by-zero", "BatchNorm", "", [(0, 3)]),
    ("division-by-zero", "Accuracy", "", [(2, 5), (0,)]),
    ("window-too-large", "Convolution", conv("kernel_size: 9"), [IMAGE]),
    ("window-too-large", "Convolution", conv("kernel_size: 5 dilation: 3 bias_term: false"),
     [IMAGE]),
    ("window-too-large", "Pooling", pool("kernel_size: 11 stride: 1"), [IMAGE]),
    ("pad-too-large", "Deconvolution", conv("kernel_size: 3 pad: 5"), [IMAGE]),
    ("pad-not-below-kernel", "Pooling", pool("kernel_size: 2 pad: 2"), [IMAGE]),
    ("pad-not-below-kernel", "Pooling", pool("kernel_size: 2 pad_h: 0 pad_w: 3"), [None]),
    # 4 bins over 5 rows: windows of 2 need a pad of 2
    ("pad-not-below-kernel", "SPP", "spp_param { pyramid_height: 4 }", [(2, 3, 5, 5)]),
    ("global-pooling-with-window", "Pooling", pool("global_pooling: true kernel_size: 2"),
     [IMAGE]),
    ("global-pooling-with-window", "Pooling", pool("global_pooling: true stride: 2"), [None]),
    ("stochastic-pooling-with-pad", "Pooling", pool("pool: STOCHASTIC kernel_size: 2 pad: 1"),
     [IMAGE]),
    ("group-indivisible", "Convolution", conv("kernel_size: 3 group: 2"), [IMAGE]),
    ("group-indivisible", "Convolution", conv("kernel_size: 3 group: 4"), [(2, None, 8, 8)]),
    ("axis-out-of-range", "Softmax", "", [(2,)]),
    ("axis-out-of-range", "Softmax", "softmax_param { axis: -3 }", [(2, 3)]),
    ("axis-out-of-range", "Concat", f"concat_param {{ concat_dim: {HUGE} }}", [None]),
    ("axis-out-of-range", "Concat", "concat_param { concat_dim: 2 }", [(2, 3), (2, 3)]),
    ("axis-out-of-range", "Reshape", reshape("1", "axis: 3 num_axes: 0"), [(2, 3)]),
    ("axis-out-of-range", "SoftmaxWithLoss", "", [(2, 3), ()]),
    ("axes-count", "Pooling", pool("kernel_size: 2"), [(2, 3)]),
    ("axes-count", "LRN", "", [(2, 3, 4)]),
    ("axes-count", "MVN", "", [(2, 3, 4, 5, 6)]),
    ("axes-count", "PReLU", "", [(2,)]),
    ("axes-count", "Im2col", "convolution_param { kernel_size: 1 }", [(2, 3)]),
    ("axes-count", "LSTM", recurrent(), [(9, 2), (9, 2)]),
    ("axes-count", "LSTM", recurrent(), [(9, 2, 3), (9, 2), ()]),
    # Blob::count(1) aborts where there is no axis.
    ("axes-count", "ArgMax", "", [()]),
    ("axes-count", "BatchReindex", "", [IMAGE, (7, 1)]),
    ("axes-count", "Crop", "", [IMAGE, (2, 3)]),
    ("extends-past-bottom", "Scale", "scale_param { axis: 3 num_axes: 2 }", [IMAGE]),
    ("extends-past-bottom", "Bias", "", [(2, 3), (3, 1)]),
    ("extends-past-bottom", "Reshape", reshape("1", "axis: 1 num_axes: 2"), [(2, 3)]),
    ("bad-num-axes", "Scale", "scale_param { num_axes: -2 }", [IMAGE]),
    ("bad-num-axes", "Reshape", reshape("1", "num_axes: -2"), [IMAGE]),
    ("even-local-size", "LRN", "lrn_param { local_size: 4 }", [IMAGE]),
    ("top-k-too-large", "Accuracy", "accuracy_param { top_k: 6 }", [(2, 5), (2,)]),
    ("top-k-too-large", "ArgMax", "argmax_param { axis: 1 top_k: 4 }", [IMAGE]),
    ("bad-base", "Exp", "exp_param { base: 0 }", [IMAGE]),
    ("bad-base", "Log", "log_param { base: 1 }", [IMAGE]),
    ("shapes-differ", "Eltwise", "", [IMAGE, (2, 3, 8, 7)]),
    ("shapes-differ", "Eltwise", "", [(None, 3), (2, 4)]),
    ("shapes-differ", "Concat", "", [(2, 3, 4), (2, 3, 5)]),
    ("shapes-differ", "Concat", "", [(2, 3), (2, 3, 1)]),
    ("shapes-differ", "Scale", "", [IMAGE, (4,)]),
    ("shapes-differ", "LSTM", recurrent(), [(9, 2, 3), (9, 3)]),
    ("shapes-differ", "LSTM", recurrent(), [(9, 2, 3), (9, 2), (3, 5)]),
    ("shapes-differ", "LSTMUnit", "", [(1, 2, 4), (1, 3, 16), (1, 2)]),
    ("shapes-differ", "LSTMUnit", "", [(1, 2, 4), (1, 2, 15), (1, 2)]),
    ("shapes-differ", "LSTMUnit", "", [(2, 2, 4), (1, 2, 16), (1, 2)]),
    ("shapes-differ", "Convolution", conv("kernel_size: 3"), [IMAGE, (2, 3, 8, 7)]),
    ("shapes-differ", "RNN", recurrent("expose_hidden: true"), [(9, 2, 3), (9, 2), (1, 2, 5)]),
    ("top-count", "LSTM", recurrent("expose_hidden: true"),
     [(9, 2, 3), (9, 2), (1, 2, 4), (1, 2, 4)]),
    ("batch-differs", "SoftmaxWithLoss", "", [(2, 5), (3,)]),
    ("batch-differs", "Filter", "", [IMAGE, (3,)]),
    ("label-count", "SoftmaxWithLoss", "", [(2, 5, 4, 4), (2,)]),
    ("label-count", "Accuracy", "", [(2, 5), (3,)]),
    ("target-count", "EuclideanLoss", "", [(2, 5), (2,)]),
    ("target-count", "SigmoidCrossEntropyLoss", "", [(2, 5), (2,)]),
    ("target-count", "ContrastiveLoss", "", [(2, 5), (2, 4), (2,)]),
    ("axis-not-single", "MultinomialLogisticLoss", "", [(2, 5), (2, 5)]),
    ("axis-not-single", "ContrastiveLoss", "", [(2, 5), (2, 5), (2, 2)]),
    ("coeff-count", "Eltwise", "eltwise_param { coeff: 1 }", [IMAGE, IMAGE]),
    ("coeff-with-product", "Eltwise", "eltwise_param { operation: PROD coeff: [1, 1] }",
     [IMAGE, IMAGE]),
    ("infogain-matrix-size", "InfogainLoss", "", [(2, 5), (2,), (5,)]),
    ("infogain-without-source", "InfogainLoss", "", [(2, 5), (2,)]),
    ("infogain-normalize", "InfogainLoss", "loss_param { normalize: true }", [(2, 5), (2,)]),
    ("reshape-impossible", "Reshape", reshape("-1 -1"), [None]),
    ("reshape-impossible", "Reshape", reshape("0 5"), [(2, 3)]),
    ("reshape-impossible", "Reshape", reshape("-1 5"), [(2, 3)]),
    ("reshape-impossible", "Reshape", reshape("0 0 0"), [(2, 3)]),
    ("flatten-order", "Flatten", "flatten_param { axis: 3 end_axis: 1 }", [IMAGE]),
    ("slice-point-count", "Slice", "slice_param { slice_point: [1, 2] }", [IMAGE]),
    ("crop-offset-count", "Crop", "crop_param { offset: [1, 1, 1] }", [IMAGE, IMAGE]),
    ("crop-out-of-bounds", "Crop", "crop_param { offset: 4 }", [IMAGE, (2, 3, 5, 5)]),
    ("selector-shape", "Filter", "", [IMAGE, (2, 2)]),
    ("negative-size", "Input", "input_param { shape { dim: -1 } }", []),
    ("negative-size", "Reshape", reshape("-2"), [(2, 3)]),
    ("negative-size", "DummyData",
     f"dummy_data_param {{ num: {HUGE} channels: 1 height: 1 width: 1 }}", []),
    # A stride that wraps to -100 lets the last window start behind the map.
    ("negative-size", "Pooling",
     pool(f"kernel_size: 3 pad: 1 stride: {HUGE - 99} round_mode: FLOOR"), [IMAGE]),
    ("blob-too-large", "Input", "input_param { shape { dim: 65536 dim: 32768 } }", []),
    ("blob-too-large", "InnerProduct", f"inner_product_param {{ num_output: 2147483647 {W} }}",
     [(2, 2)]),
    ("blob-too-large", "Input", f"input_param {{ shape {{ {'dim: 1 ' * 33} }} }}", []),
    ("blob-too-large", "Data",
     "data_param { batch_size: 2 } transform_param { crop_size: 46341 }", []),
    ("empty-blob", "Softmax", "", [(2, 0)]),
    ("empty-blob", "Scale", "", [(2, 0)]),
    ("empty-blob", "Scale", "scale_param { bias_term: true }", [(2, 3, 0), (3,)]),
    ("empty-blob", "Scale", "", [(0, 3, 0), (3,)]),
    ("empty-blob", "InnerProduct", f"inner_product_param {{ num_output: 5 {W} }}", [(2, 0)]),
    ("empty-blob", "DummyData", "dummy_data_param { shape { dim: 0 } }", []),
    ("unknown-filler", "InnerProduct",
     'inner_product_param { num_output: 5 weight_filler { type: "Xavier" } }', [IMAGE]),
    ("filler-range", "InnerProduct",
     'inner_product_param { num_output: 5 weight_filler { type: "uniform" min: 2 } }', [IMAGE]),
    ("filler-range", "InnerProduct",
     'inner_product_param { num_output: 5 weight_filler { type: "gaussian" sparse: 6 } }',
     [IMAGE]),
    ("filler-range", "DummyData",
     'dummy_data_param { shape { dim: 2 } data_filler { type: "uniform" min: 2 } }', []),
    # caffe_rng_gaussian: CHECK_GT(sigma, 0)
    ("filler-range", "DummyData",
     'dummy_data_param { shape { dim: 2 } data_filler { type: "gaussian" std: 0 } }', []),
    ("sparse-filler", "InnerProduct",
     "inner_product_param { num_output: 5 weight_filler { sparse: 0 } }", [IMAGE]),
    ("bilinear-filler-shape", "Deconvolution",
     'convolution_param { num_output: 3 kernel_size: 4 weight_filler { type: "bilinear" } }',
     [(2, 3, 8)]),
    ("bilinear-filler-shape", "InnerProduct",
     'inner_product_param { num_output: 5 weight_filler { type: "bilinear" } }', [IMAGE]),
    ("filler-of-scalar", "Scale", 'scale_param { num_axes: 0 filler { type: "msra" } }',
     [IMAGE]),
    ("shape-count", "DummyData", "", []),
    ("shape-count", "DummyData",
     "dummy_data_param { shape { dim: 2 } data_filler { } data_filler { } }", []),
    ("shape-count", "Input", "input_param { shape { } shape { } }", []),
    ("mean-file-and-mean-value", "Data",
     'transform_param { mean_file: "m" mean_value: 1 } data_param { batch_size: 1 }', []),
    ("crop-larger-than-image", "ImageData",
     "transform_param { crop_size: 6 } image_data_param { new_height: 5 new_width: 9 }", []),
    ("hdf5-with-transform", "HDF5Data", "transform_param { scale: 2 }", []),
    ("file-name-unset", "HDF5Output", "", [IMAGE, (2,)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "type_", "more", "bottoms"),
    [pytest.param(*row, id=f"{row[0]}: {row[1]} {row[2]} {row[3]}") for row in REFUSED],
)
def test_refusals(kind: str, type_: str, more: str, bottoms: list[Shape]) -> None:
    assert refusal(type_, more, bottoms) == kind


@pytest.mark.parametrize(
    ("kind", "points", "tops"),
    [
        ("slice-point-order", "2 2", 3),
        ("slice-point-order", "0", 2),
        ("slice-point-order", f"{HUGE}", 2),
        ("slice-point-beyond", "4", 2),
        ("slice-point-beyond", "1 2 3", 4),
        ("slice-indivisible", "", 2),
    ],
)
def test_slices_that_do_not_fit(kind: str, points: str, tops: int) -> None:
    given_points = " ".join(f"slice_point: {point}" for point in points.split())
    assert refusal("Slice", f"slice_param {{ {given_points} }}", [(2, 3)], tops) == kind


@pytest.mark.parametrize("type_", ["Reshape", "Flatten", "AbsVal", "Split"])
def test_layers_that_do_not_work_in_place(type_: str) -> None:
    assert refusal(type_, "", [(2, 3)], in_place=True) == "in-place-refused"


@pytest.mark.parametrize("type_", ["ReLU", "BatchNorm", "Scale", "Softmax"])
def test_layers_that_work_in_place(type_: str) -> None:
    assert built(type_, "", [(2, 3)], in_place=True).tops == [(2, 3)]


# Where the caret stands


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param(conv("kernel_h: 3 kernel_w: «0»"), id="width of the window"),
        pytest.param(conv("kernel_size: 3 kernel_size: «0»"), id="second of two sizes"),
        pytest.param(conv("kernel_h: 1 kernel_w: «12»"), id="the side that is too large"),
        pytest.param("«convolution_param» { num_output: 6 }", id="the block that lacks it"),
        pytest.param("convolution_param { kernel_size: 3 num_output: «0» }", id="the number"),
        pytest.param(
            'convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: «"x"» } }',
            id="the filler's type",
        ),
        pytest.param(
            'convolution_param { num_output: 6 kernel_size: 3 «weight_filler» { type: "uniform" '
            "max: -2 } }",
            id="the filler whose min is not written",
        ),
    ],
)
def test_span(marked: str) -> None:
    before = 'layer { name: "l" type: "Convolution" bottom: "b0" top: "t0" '
    text, (span,) = unmark(f"{before}{marked} }}")
    one = message(text).get("layer")[0]
    with pytest.raises(Refused) as caught:
        set_up_layer(one, [IMAGE])
    assert caught.value.problem.span == span


# Any values at all

VALUES: dict[int, st.SearchStrategy[object]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: st.sampled_from(["", "x", "xavier", "gaussian", "bilinear"]),
    FieldDescriptor.TYPE_FLOAT: st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e30, float("inf")]),
    FieldDescriptor.TYPE_INT32: st.integers(-3, 6) | st.sampled_from([-(2**31), 2**31 - 1]),
    FieldDescriptor.TYPE_INT64: st.integers(-3, 6) | st.sampled_from([-(2**63), 2**63 - 1]),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 6) | st.sampled_from([2**31, 2**32 - 1]),
}
SIZES = st.sampled_from([None, 0, 1, 2, 3, 4, 6, 65536])
SHAPES = st.none() | st.lists(SIZES, max_size=5).map(tuple)


def random_value(field: FieldType, data: st.DataObject) -> object:
    if field.message is not None:
        return random_message(field.message, data)
    if field.enum is not None:
        return data.draw(st.sampled_from(sorted(field.enum.numbers)))
    return data.draw(VALUES[field.type])


def random_message(type_: MessageType, data: st.DataObject) -> Message:
    result = Message(type_)
    names = st.lists(st.sampled_from(sorted(type_.fields)), max_size=8, unique=True)
    for name in data.draw(names):
        field = type_.fields[name]
        if not field.repeated:
            result.set(name, random_value(field, data), None)
            continue
        for _ in range(data.draw(st.integers(1, 3))):
            result.add(name, random_value(field, data), None)
    return result


@pytest.mark.parametrize("type_", sorted(LAYER_TYPES))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_any_values_are_set_up_or_refused(type_: str, data: st.DataObject) -> None:
    kind = LAYER_TYPES[type_]
    least, most = kind.bottoms
    number = data.draw(st.integers(least, least + 2 if most is None else most))
    fewest, highest = kind.tops
    tops = data.draw(st.integers(fewest, 3 if highest is None else highest))
    tops = number if kind.equal_counts else tops
    wiring = f"{' '.join('b' * number)} -> {' '.join(f't{i}' for i in range(tops))}"
    one = message(layer("l", type_, wiring)).get("layer")[0]
    fields = one.type.fields
    for name in filter(None, (kind.param, "transform_param", "loss_param")):
        param = fields[name].message
        if param is not None and data.draw(st.booleans()):
            one.set(name, random_message(param, data), None)
    bottoms = data.draw(st.lists(SHAPES, min_size=number, max_size=number))
    try:
        got = set_up_layer(one, bottoms)
    except Refused:
        return
    assert len(got.tops) == (max(tops, 1) if kind.loss else tops)
    assert len(got.params) == len(kind.blobs(one, number))
    for shape in (*got.tops, *got.params):
        assert shape is None or all(size is None or size >= 0 for size in shape)
