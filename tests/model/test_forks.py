"""Layer types of forks: what they make, and what is refused of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from caffelint.core.problem import Problem
from caffelint.core.source import Source
from caffelint.dialects import read_as
from caffelint.model.build import Shapes, set_up
from caffelint.model.checks import check_net
from caffelint.model.forks import layer_types
from caffelint.model.layers import LAYER_TYPES
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.model.shapes.setup import Shape
from caffelint.resources import load_fork
from caffelint.schema.upgrade import upgrade_net
from caffelint.syntax.parser import parse
from caffelint.told import Told

from .build import layer


def set_up_net(
    text: str, told: Told, phase: str = "TEST", given: Mapping[str, Shape] | None = None
) -> tuple[Net, Shapes, list[Problem]]:
    found = read_as(parse(Source("", text)), told)
    assert found.message is not None
    assert found.problems == []
    net = Net(upgrade_net(found.message)[0], State(phase, 0, frozenset()))
    shapes, problems = set_up(net, given)
    return net, shapes, [*net.problems, *check_net(net), *problems]


def inputs(shapes: Sequence[Shape]) -> str:
    """A layer that makes b0, b1, …: of data from a file where a size is not known."""
    tops = " ".join(f'top: "b{i}"' for i in range(len(shapes)))
    dims = " ".join(
        f"shape {{ {' '.join(f'dim: {size}' for size in shape or ())} }}" for shape in shapes
    )
    if any(shape is None or None in shape for shape in shapes):
        return f'layer {{ name: "in" type: "HDF5Data" {tops} }}\n'
    return f'layer {{ name: "in" type: "Input" {tops} input_param {{ {dims} }} }}\n' * bool(shapes)


def one_layer(
    dialect: str, type_: str, bottoms: Sequence[Shape], more: str, tops: int = 1
) -> tuple[list[Shape], list[Shape], list[Problem]]:
    """Shapes of a layer's tops and learned blobs, and the problems of the net."""
    names = " ".join(f"b{i}" for i in range(len(bottoms)))
    made = " ".join(f"t{i}" for i in range(tops))
    text = inputs(bottoms) + layer("l", type_, f"{names} -> {made}", more)
    given = {f"b{i}": shape for i, shape in enumerate(bottoms)}
    net, shapes, problems = set_up_net(text, Told(dialect), given=given)
    last = net.layers[-1]
    return [shapes.blobs[blob] for blob in last.tops], shapes.params[last], problems


MAP = (2, 8, 6, 10)
SIZES = "min_size: 10 min_size: 20 max_size: 15 max_size: 30"
BATCH = "data_param { batch_size: 4 }"
RESIZE = "resize_param { prob: 1 resize_mode: WARP height: 300 width: 200 }"
ANNOTATED = f"transform_param {{ {RESIZE} }} annotated_data_param {{ anno_type: BBOX }}"
DENSE = "crop_height: 224 crop_width: 256 new_height: 360 new_width: 480"
FILL = 'scale_filler { type: "constant" value: 1 } shift_filler { type: "constant" }'
SLOPE = 'slope_filler { type: "constant" value: 1 } bias_filler { type: "constant" }'


@pytest.mark.parametrize(
    ("dialect", "type_", "bottoms", "more", "tops", "params"),
    [
        ("ssd", "Permute", [MAP], "permute_param { order: 0 order: 2 order: 3 order: 1 }",
         [(2, 6, 10, 8)], []),
        ("ssd", "Permute", [MAP], "permute_param { order: 3 }", [(10, 2, 8, 6)], []),
        ("ssd", "Normalize", [MAP], "norm_param { channel_shared: false }", [MAP], [(8,)]),
        ("ssd", "Normalize", [MAP], "norm_param { channel_shared: true }", [MAP], [()]),
        ("ssd", "Normalize", [(2, 3)], "norm_param { channel_shared: false }", [(2, 3)], [(3,)]),
        # 3 ratios (1, 2, 1/2) for each of 2 sizes, and one more for the larger size.
        ("ssd", "PriorBox", [MAP, (1, 3, 60, 100)],
         f"prior_box_param {{ {SIZES} aspect_ratio: 2 aspect_ratio: 1 flip: true }}",
         [(1, 2, 6 * 10 * 8 * 4)], []),
        ("ssd", "PriorBox", [MAP, (1, 3, 60, 100)],
         f"prior_box_param {{ {SIZES} aspect_ratio: 2 flip: false }}",
         [(1, 2, 6 * 10 * 6 * 4)], []),
        # 1/2 is there already; and 1/0, an infinite one, is a ratio of its own.
        ("ssd", "PriorBox", [MAP, (1, 3, 60, 100)],
         f"prior_box_param {{ {SIZES} aspect_ratio: 2 aspect_ratio: 0.5 flip: true }}",
         [(1, 2, 6 * 10 * 8 * 4)], []),
        ("ssd", "PriorBox", [MAP, (1, 3, 60, 100)],
         f"prior_box_param {{ {SIZES} aspect_ratio: 0 flip: true }}",
         [(1, 2, 6 * 10 * 8 * 4)], []),
        ("ssd", "AnnotatedData", [], f"{BATCH} {ANNOTATED}",
         [(4, None, 300, 200), (1, 1, None, 8)], []),
        # One mean is for all channels, however many they are.
        ("ssd", "AnnotatedData", [], f"{BATCH} transform_param {{ {RESIZE} mean_value: 100 }}",
         [(4, None, 300, 200), None], []),
        ("ssd", "AnnotatedData", [],
         f"{BATCH} transform_param {{ {RESIZE} mean_value: 100 mean_value: 90 }}",
         [(4, 2, 300, 200), None], []),
        # A crop cuts what the resizing made; with three means there are three channels.
        ("ssd", "AnnotatedData", [],
         f"{BATCH} transform_param {{ {RESIZE} crop_size: 224 {3 * 'mean_value: 100 '} }}",
         [(4, 3, 224, 224), None], []),
        # The smaller side gets the size that is told, and the picture decides the other one.
        ("ssd", "AnnotatedData", [],
         f"{BATCH} transform_param {{ {RESIZE.replace('WARP', 'FIT_SMALL_SIZE')} }}",
         [(4, None, None, None), None], []),
        # Of several sizes it takes one after the other (data_transformer.cpp).
        ("mobilenet-yolo", "AnnotatedData", [], f"{BATCH} transform_param {{ {RESIZE} }}",
         [(4, None, None, None), None], []),
        ("ssd", "DetectionOutput", [(1, 24), (1, 18), (1, 2, 24)],
         "detection_output_param { num_classes: 3 }", [(1, 1, 1, 7)], []),
        ("ssd", "DetectionEvaluate", [(1, 1, 5, 7), (1, 1, 9, 8)],
         "detection_evaluate_param { num_classes: 3 background_label_id: 0 }",
         [(1, 1, None, 5)], []),
        ("ssd", "MultiBoxLoss", [(5, 24), (5, 18), (1, 2, 24), (1, 1, 9, 8)],
         "multibox_loss_param { num_classes: 3 }", [()], []),
        ("ssd", "MultiBoxLoss", [(5, 72), (5, 18), (1, 2, 24), (1, 1, 9, 8)],
         "multibox_loss_param { num_classes: 3 share_location: false mining_type: NONE }",
         [()], []),
        ("faster-rcnn", "ROIPooling", [(1, 512, 38, 63), (300, 5)],
         "roi_pooling_param { pooled_w: 7 pooled_h: 6 }", [(300, 512, 6, 7)], []),
        ("faster-rcnn", "SmoothL1Loss", [MAP, MAP, MAP, MAP], "", [()], []),
        ("r-fcn", "PSROIPooling", [(1, 392, 38, 63), (300, 5)],
         "psroi_pooling_param { spatial_scale: 0.0625 output_dim: 8 group_size: 7 }",
         [(300, 8, 7, 7)], []),
        ("r-fcn", "BoxAnnotatorOHEM", [(300, 5, 1, 1), (300, 1), (300, 1), (300, 8)],
         "box_annotator_ohem_param { roi_per_img: 128 }", [(300, 1, 1, 1), (300, 8, 1, 1)], []),
        ("intel", "SmoothL1LossOHEM", [MAP, MAP, MAP], "", [(), (2, 1, 6, 10)], []),
        ("intel", "SmoothL1LossOHEM", [MAP, MAP], "", [()], []),
        ("intel", "SoftmaxWithLossOHEM", [MAP, (2, 1, 6, 10)], "",
         [(), MAP, (2, 1, 6, 10)], []),
        # So many regions for each example.
        ("happynear", "Proposal", [(2, 18, 6, 10), (2, 36, 6, 10), (2, 3)],
         "proposal_param { post_nms_topn: 300 }", [(600, 5), (600,)], []),
        ("mscnn", "BoxOutput", [MAP], "box_output_param { }", [(1, 5, 1, 1), (1, 6, 1, 1)], []),
        ("mscnn", "BoxOutput", [MAP], "box_output_param { }", [(1, 5, 1, 1)], []),
        ("segnet", "DenseImageData", [], "dense_image_data_param { batch_size: 4 }",
         [(4, 3, None, None), (4, 1, None, None)], []),
        ("segnet", "DenseImageData", [],
         "dense_image_data_param { batch_size: 4 is_color: false new_height: 360 new_width: 480 }",
         [(4, 1, 360, 480), (4, 1, 360, 480)], []),
        # transform_param's crop_size goes before the layer's own crop, and that before its size.
        ("segnet", "DenseImageData", [],
         f"dense_image_data_param {{ batch_size: 4 {DENSE} }}",
         [(4, 3, 224, 256), (4, 1, 224, 256)], []),
        ("segnet", "DenseImageData", [],
         f"dense_image_data_param {{ batch_size: 4 {DENSE} }} transform_param {{ crop_size: 200 }}",
         [(4, 3, 200, 200), (4, 1, 200, 200)], []),
        ("segnet", "DenseImageData", [],
         "dense_image_data_param { batch_size: 4 crop_height: 1 crop_width: 1 }",
         [(4, 3, 1, 1), (4, 1, 1, 1)], []),
        ("segnet", "BN", [MAP], f"bn_param {{ {FILL} }}", [MAP], [(1, 8, 1, 1)] * 2),
        ("yjxiong", "BN", [MAP], f"bn_param {{ {SLOPE} }}", [MAP], [(1, 8)] * 4),
        ("pspnet", "BN", [MAP], f"bn_param {{ {SLOPE} }}", [MAP], [(1, 8, 1, 1)] * 4),
        ("segnet", "Upsample", [MAP, MAP], "upsample_param { scale: 2 }", [(2, 8, 12, 20)], []),
        ("segnet", "Upsample", [MAP, MAP],
         "upsample_param { scale: 2 pad_out_h: true }", [(2, 8, 11, 20)], []),
        ("segnet", "Upsample", [MAP, MAP], "upsample_param { upsample_h: 23 upsample_w: 30 }",
         [(2, 8, 23, 30)], []),
        ("segnet", "Upsample", [MAP, MAP], "upsample_param { scale: 2 upsample_h: 23 }",
         [(2, 8, 12, 20)], []),
        ("segnet", "Upsample", [MAP, MAP], "upsample_param { scale: 2 upsample_w: 23 }",
         [(2, 8, 12, 20)], []),
        ("mobilenet-yolo", "Upsample", [MAP], "upsample_param { scale: 2 }",
         [(2, 8, 12, 20)], []),
        ("mobilenet-yolo", "Upsample", [(8, 6, 10)], "upsample_param { scale: 2 }",
         [(8, 12, 20)], []),
        ("pspnet", "Interp", [MAP], "interp_param { height: 60 width: 61 }",
         [(2, 8, 60, 61)], []),
        ("pspnet", "Interp", [MAP], "interp_param { zoom_factor: 8 }", [(2, 8, 41, 73)], []),
        # One factor goes before a size, and a size before two factors: the first of them shrinks.
        ("pspnet", "Interp", [MAP], "interp_param { height: 60 width: 61 zoom_factor: 8 }",
         [(2, 8, 41, 73)], []),
        ("pspnet", "Interp", [MAP],
         "interp_param { height: 60 width: 61 zoom_factor: 2 shrink_factor: 2 }",
         [(2, 8, 60, 61)], []),
        ("pspnet", "Interp", [MAP], "interp_param { height: 60 zoom_factor: 2 shrink_factor: 2 }",
         [(2, 8, 5, 9)], []),
        # A negative pad cuts rows and columns off first.
        ("pspnet", "Interp", [MAP], "interp_param { zoom_factor: 2 pad_beg: -1 }",
         [(2, 8, 9, 17)], []),
        ("deeplab", "Interp", [MAP], "interp_param { shrink_factor: 2 pad_end: -1 }",
         [(2, 8, 3, 5)], []),
        ("add-ons", "Axpy", [(2, 8, 1, 1), MAP, MAP], "", [MAP], []),
        ("add-ons", "ShuffleChannel", [MAP], "shuffle_channel_param { group: 2 }", [MAP], []),
        ("add-ons", "DepthwiseConvolution", [MAP],
         "convolution_param { num_output: 8 group: 8 kernel_size: 3 pad: 1 stride: 2 }",
         [(2, 8, 3, 5)], [(8, 1, 3, 3), (8,)]),
        ("add-ons", "ConvolutionDepthwise", [MAP],
         "convolution_param { num_output: 5 kernel_size: 3 bias_term: false }",
         [(2, 8, 4, 8)], [(8, 1, 3, 3)]),
        ("add-ons", "ConvolutionDepthwise", [MAP], "convolution_param { kernel_size: 3 }",
         [(2, 8, 4, 8)], [(8, 1, 3, 3), (8,)]),
        ("add-ons", "Pooling", [(1, 1, 112, 112)], "pooling_param { kernel_size: 3 stride: 2 }",
         [(1, 1, 56, 56)], []),
        ("add-ons", "Pooling", [(1, 1, 112, 112)],
         "pooling_param { kernel_size: 3 stride: 2 ceil_mode: false }", [(1, 1, 55, 55)], []),
        ("mobilenet-yolo", "Reorg", [MAP], "reorg_param { stride: 2 }", [(2, 32, 3, 5)], []),
        ("mobilenet-yolo", "Reorg", [MAP], "reorg_param { stride: 2 reverse: true }",
         [(2, 2, 12, 20)], []),
        ("nvcaffe", "BatchNorm", [MAP], "batch_norm_param { scale_bias: true }",
         [MAP], [(8,), (8,), (1,), (8,), (8,)]),
        ("nvcaffe", "BatchNorm", [MAP], 'batch_norm_param { scale_filler { type: "constant" } }',
         [MAP], [(8,), (8,), (1,), (8,), (8,)]),
        ("nvcaffe", "BatchNorm", [MAP], "", [MAP], [(8,), (8,), (1,)]),
        ("nvcaffe", "BatchNorm", [MAP], 'batch_norm_param { bias_filler { type: "constant" } }',
         [MAP], [(8,), (8,), (1,), (8,), (8,)]),
        ("happynear", "Normalize", [MAP], "", [MAP], []),
        ("happynear", "Normalize", [MAP], "", [MAP, (2, 1, 6, 10)], []),
        # How many bottoms it takes, its source does not say; without any nothing is known.
        ("happynear", "Proposal", [], "", [None], []),
        ("happynear", "InnerProduct", [MAP, (5, 480)],
         "inner_product_param { num_output: 5 }", [None], [None, None]),
        ("openpose", "ImResize", [MAP], "imresize_param { factor: 8 }", [None], []),
        # Nothing is known of what a field that only a fork has does to BVLC's own layer.
        ("intel", "Reshape", [MAP], "reshape_param { pixelshuffler: 2 }", [None], []),
        ("intel", "Reshape", [MAP], "reshape_param { shape { dim: 0 dim: -1 } }", [(2, 480)], []),
        ("r-c3d", "Pooling", [MAP], "pooling_param { kernel_size: 1 kernel_size: 2 }", [None], []),
        # Where a fork takes other numbers of blobs, BVLC's are set up as BVLC does.
        ("flownet2", "Eltwise", [MAP] * 3, "", [MAP], []),
        ("flownet2", "Eltwise", [MAP], "", [None], []),
        ("surface-normals", "Reshape", [MAP], "reshape_param { shape { dim: 0 dim: -1 } }",
         [(2, 480)], []),
        ("surface-normals", "Reshape", [MAP], "reshape_param { shape { dim: 0 dim: -1 } }",
         [None, None], []),
        ("surface-normals", "Reshape", [MAP, MAP], "reshape_param { shape { dim: 0 dim: -1 } }",
         [None], []),
        ("happynear", "EuclideanLoss", [MAP, MAP], "", [()], []),
        ("happynear", "EuclideanLoss", [MAP, MAP, (2,)], "", [None], []),
        ("openvino", "InnerProduct", [MAP],
         "inner_product_param { num_output: 5 bias_term: false }", [(2, 5)], [(5, 480)]),
        # So are layers whose blocks have new fields, unless one is used that may matter.
        ("yjxiong", "Convolution", [MAP], "convolution_param { num_output: 4 kernel_size: 3 }",
         [(2, 4, 4, 8)], [(4, 8, 3, 3), (4,)]),
        ("caffe-tvg", "Pooling", [MAP], "pooling_param { kernel_size: 2 stride: 2 }",
         [(2, 8, 3, 5)], []),
    ],
)  # fmt: skip
def test_shapes(
    dialect: str, type_: str, bottoms: list[Shape], more: str, tops: list[Shape],
    params: list[Shape],
) -> None:  # fmt: skip
    if type_ in ("DepthwiseConvolution", "ConvolutionDepthwise", "InnerProduct"):
        more = more.replace("{", '{ weight_filler { type: "xavier" }', 1)
    assert one_layer(dialect, type_, bottoms, more, len(tops)) == (tops, params, [])


PART = (2, 8, None, 10)


@pytest.mark.parametrize(
    ("dialect", "type_", "bottoms", "more", "tops", "params"),
    [
        ("ssd", "Permute", [None], "permute_param { order: 1 }", [None], []),
        ("ssd", "Permute", [PART], "permute_param { order: 2 }", [(None, 2, 8, 10)], []),
        ("ssd", "PriorBox", [None, MAP], f"prior_box_param {{ {SIZES} }}", [(1, 2, None)], []),
        ("ssd", "MultiBoxLoss", [(5, 24), (5, 18), (1, 2, None), (1, 1, 9, 8)],
         "multibox_loss_param { num_classes: 3 }", [()], []),
        *(("ssd", "DetectionOutput", bottoms, "detection_output_param { num_classes: 3 }",
           [(1, 1, 1, 7)], [])
          for bottoms in ([None, (1, 18), (1, 2, 24)], [(1, 24), None, (1, 2, 24)],
                          [(1, 24), (1, 18), None])),
        ("ssd", "Normalize", [None], "norm_param { channel_shared: false }", [None], [(None,)]),
        ("faster-rcnn", "SmoothL1Loss", [None, MAP], "", [()], []),
        ("faster-rcnn", "SmoothL1Loss", [MAP, None], "", [()], []),
        ("r-fcn", "PSROIPooling", [None, (300, 5)],
         "psroi_pooling_param { spatial_scale: 1 output_dim: 8 group_size: 7 }",
         [(300, 8, 7, 7)], []),
        ("happynear", "Normalize", [None], "", [None, None], []),
        ("pspnet", "Interp", [MAP], "interp_param { height: 9 }", [(2, 8, None, None)], []),
        ("pspnet", "Interp", [MAP], "interp_param { width: 9 }", [(2, 8, None, None)], []),
        ("add-ons", "Axpy", [(2, 8), None, None], "", [None], []),
        ("r-fcn", "BoxAnnotatorOHEM", [None] * 4, "", [None] * 2, []),
        ("intel", "SmoothL1LossOHEM", [None, MAP], "", [(), None], []),
        ("faster-rcnn", "ROIPooling", [None, None], "roi_pooling_param { pooled_h: 6 pooled_w: 7 }",
         [(None, None, 6, 7)], []),
        ("happynear", "Proposal", [None], "proposal_param { post_nms_topn: 300 }", [(None, 5)], []),
        ("happynear", "Normalize", [None], "", [None], []),
        ("segnet", "Upsample", [None, MAP], "upsample_param { scale: 2 }", [None], []),
        ("segnet", "Upsample", [None, MAP], "upsample_param { upsample_h: 9 upsample_w: 8 }",
         [(None, None, 9, 8)], []),
        ("segnet", "Upsample", [PART, PART], "upsample_param { scale_h: 2 scale_w: 3 }",
         [(2, 8, None, 30)], []),
        ("mobilenet-yolo", "Upsample", [None], "", [None], []),
        ("pspnet", "Interp", [None], "interp_param { zoom_factor: 8 }", [(None,) * 4], []),
        ("pspnet", "Interp", [MAP], "interp_param { pad_beg: 0 }", [(2, 8, None, None)], []),
        ("pspnet", "Interp", [PART], "interp_param { zoom_factor: 8 }", [(2, 8, None, 73)], []),
        ("mobilenet-yolo", "Reorg", [None], "reorg_param { stride: 2 }", [None], []),
        ("mobilenet-yolo", "Reorg", [PART], "reorg_param { stride: 2 }", [(2, 32, None, 5)], []),
        ("add-ons", "Axpy", [None, MAP, None], "", [MAP], []),
        ("add-ons", "ConvolutionDepthwise", [None],
         'convolution_param { kernel_size: 3 weight_filler { type: "xavier" } }', [None],
         [None] * 2),
    ],
)  # fmt: skip
def test_what_is_not_known_of_a_bottom_stays_open(
    dialect: str, type_: str, bottoms: list[Shape], more: str, tops: list[Shape],
    params: list[Shape],
) -> None:  # fmt: skip
    assert one_layer(dialect, type_, bottoms, more, len(tops)) == (tops, params, [])


@pytest.mark.parametrize(
    ("dialect", "type_", "bottoms", "more", "kind", "values"),
    [
        ("ssd", "DetectionOutput", [(1, 24), (1, 24), (1, 2, 24)],
         "detection_output_param { num_classes: 3 }", "prior-count",
         {"what": "scores", "priors": 6, "wanted": 18, "channels": 24}),
        ("ssd", "DetectionOutput", [(1, 24), (1, 24), (1, 2, 24)],
         "detection_output_param { num_classes: 3 }", "prior-count",
         {"bottom": "b1", "boxes": "b2", "each": 3}),
        ("ssd", "MultiBoxLoss", [(5, 20), (5, 18), (1, 2, 24), (1, 1, 9, 8)],
         "multibox_loss_param { num_classes: 3 }", "prior-count",
         {"what": "locations", "wanted": 24}),
        ("r-fcn", "PSROIPooling", [(1, 1029, 38, 63), (300, 5)],
         "psroi_pooling_param { spatial_scale: 1 output_dim: 8 group_size: 7 }",
         "score-map-channels", {"wanted": 392}),
        ("r-fcn", "PSROIPooling", [(1, 1029, 38, 63), (300, 5)],
         "psroi_pooling_param { spatial_scale: 1 output_dim: 8 group_size: 7 }",
         "score-map-channels", {"bottom": "b0", "channels": 1029, "outputs": 8, "group": 7}),
        ("r-fcn", "PSROIPooling", [MAP, (300, 5)],
         "psroi_pooling_param { spatial_scale: 1 output_dim: 0 group_size: 7 }",
         "must-be-positive", {"field": "output_dim"}),
        ("r-fcn", "PSROIPooling", [MAP, (300, 5)],
         "psroi_pooling_param { spatial_scale: 1 output_dim: 8 group_size: 0 }",
         "must-be-positive", {"field": "group_size"}),
        ("faster-rcnn", "ROIPooling", [MAP, (300, 5)], "roi_pooling_param { pooled_w: 6 }",
         "must-be-positive", {"field": "pooled_h"}),
        ("faster-rcnn", "ROIPooling", [MAP, (300, 5)], "roi_pooling_param { pooled_h: 6 }",
         "must-be-positive", {}),
        ("faster-rcnn", "SmoothL1Loss", [MAP, (2, 8, 6, 9)], "", "shapes-differ", {}),
        # LossLayer::Reshape compares the first two bottoms' batches (loss_layer.cpp:19).
        ("faster-rcnn", "SmoothL1Loss", [MAP, (3, 8, 6, 10)], "", "batch-differs",
         {"bottom": "b1", "found": 3, "first": "b0", "wanted": 2}),
        ("segnet", "Upsample", [MAP, (2, 8, 6, 9)], "upsample_param { scale: 2 }", "shapes-differ",
         {"bottom": "b1", "wanted": "2×8×6×10"}),
        ("ssd", "MultiBoxLoss", [(5, 24), (4, 18), (1, 2, 24), (1, 1, 9, 8)],
         "multibox_loss_param { num_classes: 3 }", "batch-differs",
         {"bottom": "b1", "found": 4, "first": "b0", "wanted": 5}),
        ("intel", "SmoothL1LossOHEM", [MAP, MAP, (2, 1, 6, 10)], "", "shapes-differ",
         {"bottom": "b2"}),
        ("ssd", "Normalize", [(2,)], "", "axes-count", {"wanted": "at least 2"}),
        ("ssd", "Permute", [(2, 3)], "permute_param { order: 2 }", "axis-out-of-range", {}),
        ("ssd", "PriorBox", [MAP, MAP], "", "must-be-positive", {"value": "not set"}),
        ("add-ons", "Axpy", [(2, 8, 1, 1), MAP, (2, 8, 6, 9)], "", "shapes-differ",
         {"bottom": "b2", "wanted": "2×8×6×10", "like": '"b1"'}),
        ("add-ons", "Axpy", [(2, 7, 1, 1), MAP, MAP], "", "shapes-differ",
         {"bottom": "b0", "wanted": "2×8", "like": '"b1"'}),
        *(("pspnet", "Interp", [MAP], f"interp_param {{ {factor}: 0 }}", "must-be-positive",
           {"field": factor}) for factor in ("shrink_factor", "zoom_factor")),
        ("mobilenet-yolo", "Reorg", [MAP], "reorg_param { stride: 0 }", "must-be-positive",
         {"field": "stride"}),
        ("faster-rcnn", "ROIPooling", [MAP], "", "bottom-count", {}),
    ],
)  # fmt: skip
def test_refusals(
    dialect: str, type_: str, bottoms: list[Shape], more: str, kind: str,
    values: dict[str, object],
) -> None:  # fmt: skip
    (problem,) = one_layer(dialect, type_, bottoms, more)[2]
    assert problem.kind == kind
    assert values.items() <= problem.values.items()


def conv(name: str, bottom: str, outputs: int, kernel: int = 3, more: str = "pad: 1") -> str:
    own = f'num_output: {outputs} kernel_size: {kernel} {more} weight_filler {{ type: "xavier" }}'
    block = f"convolution_param {{ {own} }}"
    return layer(name, "Convolution", f"{bottom} -> {name}", block)


def pool(name: str, bottom: str, more: str = "kernel_size: 2 stride: 2") -> str:
    return layer(name, "Pooling", f"{bottom} -> {name}", f"pooling_param {{ {more} }}")


def ssd300() -> str:
    """The net of the SSD paper: VGG-16 with its fully connected layers made convolutions."""
    text, below = inputs([(1, 3, 300, 300)]), "b0"
    for block, (number, outputs) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], 1):
        for i in range(1, number + 1):
            text += conv(name := f"conv{block}_{i}", below, outputs)
            below = name
        window = "kernel_size: 3 pad: 1" if block == 5 else "kernel_size: 2 stride: 2"
        text += pool(f"pool{block}", below, window)
        below = f"pool{block}"
    text += conv("fc6", below, 1024, 3, "pad: 6 dilation: 6") + conv("fc7", "fc6", 1024, 1, "")
    below = "fc7"
    for number, (outputs, more) in enumerate(
        [(512, "pad: 1 stride: 2"), (256, "pad: 1 stride: 2"), (256, ""), (256, "")], 6
    ):
        text += conv(f"conv{number}_1", below, outputs // 2, 1, "")
        text += conv(below := f"conv{number}_2", f"conv{number}_1", outputs, 3, more)
    own = "norm_param { across_spatial: false channel_shared: false }"
    return text + layer("conv4_3_norm", "Normalize", "conv4_3 -> conv4_3_norm", own)


HEADS = {
    "conv4_3_norm": (30, 60, 4), "fc7": (60, 111, 6), "conv6_2": (111, 162, 6),
    "conv7_2": (162, 213, 6), "conv8_2": (213, 264, 4), "conv9_2": (264, 315, 4),
}  # fmt: skip


def with_heads(text: str, classes: int) -> str:
    flat = []
    for name, (least, most, each) in HEADS.items():
        ratios = "aspect_ratio: 2" + (" aspect_ratio: 3" if each == 6 else "")
        sizes = f"min_size: {least} max_size: {most} {ratios} flip: true"
        priors = f"{name}_priors"
        text += layer(
            priors, "PriorBox", f"{name} b0 -> {priors}", f"prior_box_param {{ {sizes} }}"
        )
        for what, outputs in (("loc", 4 * each), ("conf", classes * each)):
            head = f"{name}_{what}"
            text += conv(head, name, outputs)
            order = "permute_param { order: 0 order: 2 order: 3 order: 1 }"
            text += layer(f"{head}_perm", "Permute", f"{head} -> {head}_perm", order)
            text += layer(f"{head}_flat", "Flatten", f"{head}_perm -> {head}_flat")
        flat.append(name)
    for what, axis in (("loc_flat", 1), ("conf_flat", 1), ("priors", 2)):
        bottoms = " ".join(f"{name}_{what}" for name in flat)
        text += layer(what, "Concat", f"{bottoms} -> {what}", f"concat_param {{ axis: {axis} }}")
    own = f"detection_output_param {{ num_classes: {classes} nms_param {{ nms_threshold: 0.45 }} }}"
    return text + layer("out", "DetectionOutput", "loc_flat conf_flat priors -> out", own)


def test_ssd300_has_the_sizes_of_the_paper() -> None:
    net, shapes, problems = set_up_net(with_heads(ssd300(), 21), Told("ssd"))
    known = {blob.name: shapes.blobs[blob] for blob in net.blobs}
    assert problems == []
    assert known["conv4_3_norm"] == (1, 512, 38, 38)
    assert known["fc7"] == (1, 1024, 19, 19)
    sizes = [(known[name] or ())[2:] for name in HEADS]
    assert sizes == [(38, 38), (19, 19), (10, 10), (5, 5), (3, 3), (1, 1)]
    assert known["priors"] == (1, 2, 4 * 8732)
    assert known["conf_flat"] == (1, 21 * 8732)


def test_a_head_with_the_old_number_of_classes_does_not_fit() -> None:
    text = with_heads(ssd300(), 21).replace("num_classes: 21", "num_classes: 4")
    (problem,) = set_up_net(text, Told("ssd"))[2]
    assert (problem.kind, problem.values["wanted"]) == ("prior-count", 4 * 8732)


def test_faster_rcnn_knows_its_weights_behind_a_python_proposal() -> None:
    """The number of regions is the proposal layer's to say; the sizes of the weights are not."""
    filler = 'weight_filler { type: "gaussian" std: 0.01 }'
    text = inputs([(1, 512, 38, 63), (1, 84)])
    text += layer("proposal", "Python", "b1 -> rois", 'python_param { module: "rpn" layer: "P" }')
    regions = "roi_pooling_param { pooled_w: 7 pooled_h: 7 spatial_scale: 0.0625 }"
    text += layer("pool5", "ROIPooling", "b0 rois -> pool5", regions)
    for name, below, outputs in (("fc6", "pool5", 4096), ("bbox_pred", "fc6", 84)):
        own = f"inner_product_param {{ num_output: {outputs} {filler} }}"
        text += layer(name, "InnerProduct", f"{below} -> {name}", own)
    net, shapes, problems = set_up_net(text, Told("faster-rcnn"))
    assert [problem.kind for problem in problems] == ["python-layer"]
    assert shapes.params[net.layers[3]] == [(4096, 25088), (4096,)]
    assert shapes.blobs[net.layers[4].tops[0]] == (None, 84)


# Types of which little is known


def test_of_an_opaque_type_nothing_is_held_against_the_net() -> None:
    text = inputs([MAP]) + layer(
        "v", "ImResize", "b0 b0 b0 -> t u", "param { lr_mult: 1 } param { } imresize_param { }"
    )
    net, _, problems = set_up_net(text, Told("openpose"))
    assert problems == []
    assert net.layers[1].opaque
    assert not net.layers[1].weighs


@pytest.mark.parametrize("name", ["ssd", "nvcaffe", "happynear", "segnet"])
def test_bvlc_types_are_those_of_bvlc_in_a_fork_unless_it_changes_them(name: str) -> None:
    types = layer_types(load_fork((name,)))
    assert types.keys() > LAYER_TYPES.keys()
    assert types["ReLU"].bottoms == LAYER_TYPES["ReLU"].bottoms
    assert not types["Convolution"].opaque


def test_only_the_scale_of_nvcaffes_batch_norm_learns() -> None:
    for own, learns in (("batch_norm_param { scale_bias: true }", True), ("", False)):
        text = inputs([MAP]) + layer("bn", "BatchNorm", "b0 -> bn", own)
        net, _, problems = set_up_net(text, Told("nvcaffe"))
        assert problems == []
        assert net.layers[1].learns == learns


def test_a_fork_may_have_fillers_of_its_own() -> None:
    own = 'inner_product_param { num_output: 2 weight_filler { type: "gaussian_unitball" } }'
    text = inputs([(2, 3)]) + layer("ip", "InnerProduct", "b0 -> ip", own)
    for dialect, kinds in (("happynear", []), ("bvlc", ["unknown-filler"])):
        found = set_up_net(text, Told(dialect))[2]
        assert [problem.kind for problem in found] == kinds


def test_nvcaffe_divides_the_batch() -> None:
    text = inputs([(8192, 3, 227, 227)]) + conv("conv1", "b0", 96, 11, "stride: 4")
    for dialect, kinds in (("nvcaffe", []), ("jacinto", []), ("bvlc", ["blob-too-large"])):
        found = set_up_net(text, Told(dialect))[2]
        assert [problem.kind for problem in found] == kinds


@pytest.mark.parametrize(
    ("dialect", "old", "type_", "block"),
    [
        ("c3d-1.0", "CONVOLUTION3D", "Convolution3D", ""),
        ("deconvnet", "UNPOOLING", "Unpooling", "unpooling_param { unpool_size: 2 }"),
        ("deconvnet", "CROP", "Crop", ""),
        ("happynear", "LOCAL", "Local", "local_param { num_output: 2 }"),
    ],
)
def test_layers_of_the_old_form_have_the_types_of_their_fork(
    dialect: str, old: str, type_: str, block: str
) -> None:
    text = f'input: "b" input_dim: 1 input_dim: 2 input_dim: 8 input_dim: 8 layers {{ {block} '
    text += f'name: "x" type: {old} bottom: "b" bottom: "b" top: "x" }}'
    net, _, problems = set_up_net(text, Told(dialect))
    assert net.layers[1].type == type_
    assert [problem.kind for problem in problems if "type" in problem.kind] == []
    own = block.partition(" ")[0]
    assert not own or net.layers[1].message.has(own)
