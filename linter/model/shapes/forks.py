"""Layer types that only forks of Caffe have: what they make of their bottoms' shapes.

Sources, by fork: weiliu89/caffe (branch ssd), rbgirshick/caffe-fast-rcnn, daijifeng001/caffe-rfcn,
alexgkendall/caffe-segnet, yjxiong/caffe, hszhao/PSPNet, intel/caffe, happynear/caffe-windows,
eric612/MobileNet-YOLO, NVIDIA/caffe, zhaoweicai/mscnn. Each function names the file it follows.
"""

from __future__ import annotations

from ...schema.message import Message
from . import pointwise
from .setup import Built, Dim, Setup, Shape, count, differ, shapes_differ, signed


def unknown(s: Setup) -> Built:
    """A layer of which only the name is known."""
    return Built([None] * s.tops)


def scalar_loss(_s: Setup) -> Built:
    """The loss itself first (loss_layer.cpp, Reshape); further tops are unknown."""
    return Built([()])


def _map(s: Setup, blob: int = 0) -> tuple[Dim, Dim, Dim, Dim] | None:
    """Batch, channels, height and width; None where not even the number of axes is known."""
    shape = s.bottoms[blob]
    if shape is None:
        return None
    batch, channels, height, width = (s.legacy(shape, i, blob) for i in range(4))
    return batch, channels, height, width


def _times(*sizes: Dim) -> Dim:
    return count(sizes)


def _check_sizes(s: Setup, index: int, first: int = 0) -> None:
    """Refuse a bottom whose channels, height or width differ from those of another one."""
    one, other = _map(s, first), _map(s, index)
    if one is not None and other is not None and any(map(differ, one[1:], other[1:])):
        s.refuse_shape(index, s.bottoms[first])


# SSD


def permute(s: Setup) -> Built:
    """Axes in the given order, the ones not named behind (permute_layer.cpp)."""
    shape = s.bottom
    if shape is None:
        return Built([None])
    order: list[int] = []
    for i, axis in enumerate(s.own.get("order")):
        order.append(s.axis(shape, signed(axis), f"order[{i}]"))
    order += [axis for axis in range(len(shape)) if axis not in order]
    return Built([tuple(shape[axis] for axis in order)])


def normalize(s: Setup) -> Built:
    """A learned scale per channel, or a single one (normalize_layer.cpp)."""
    shape = s.bottom
    if shape is not None and len(shape) < 2:
        s.axes_count(shape, "at least 2")
    channels = s.legacy(shape, 1)
    scale: Shape = () if s.own.get("channel_shared") else (channels,)
    return Built([shape], [s.fill(scale, "scale_filler")])


def priors(s: Setup) -> int:
    """Prior boxes at each place of the map (prior_box_layer.cpp, LayerSetUp)."""
    ratios = [1.0]
    for ratio in s.own.get("aspect_ratio"):
        if not any(abs(ratio - one) < _SAME_RATIO for one in ratios):
            ratios.append(ratio)
            if s.own.get("flip"):
                ratios.append(1 / ratio if ratio else 0.0)
    return len(ratios) * len(s.own.get("min_size")) + len(s.own.get("max_size"))


_SAME_RATIO = 1e-6


def prior_box(s: Setup) -> Built:
    """Corners and variances of the priors of all places of the first bottom's map."""
    sizes = _map(s)
    if not s.own.get("min_size"):
        s.positive("min_size", 0)
    if sizes is None:
        return Built([(1, 2, None)])
    return Built([(1, 2, _times(sizes[2], sizes[3], priors(s), 4))])


def detection_output(s: Setup) -> Built:
    """A row for each object, one at first; its bottoms are checked against the priors."""
    _check_priors(s)
    return Built([(1, 1, 1, 7)])


def detection_evaluate(_s: Setup) -> Built:
    """A row for each class and each detection."""
    return Built([(1, 1, None, 5)])


def multibox_loss(s: Setup) -> Built:
    """A loss over locations and scores of all priors (multibox_loss_layer.cpp)."""
    _check_priors(s)
    return scalar_loss(s)


def _check_priors(s: Setup) -> None:
    """Four locations and one score per class for each prior."""
    locations, scores, boxes = (_map(s, i) for i in range(3))
    if locations and scores and differ(locations[0], scores[0]):
        s.refuse_batch(1, scores[0], 0, locations[0])
    if boxes is None or boxes[2] is None:
        return
    number, classes = boxes[2] // 4, signed(s.own.get("num_classes"))
    groups = 1 if s.own.get("share_location") else classes
    _check_predictions(s, 0, locations, number, 4 * groups)
    _check_predictions(s, 1, scores, number, classes)


def _check_predictions(
    s: Setup, index: int, sizes: tuple[Dim, ...] | None, number: int, each: int
) -> None:
    if sizes is not None and differ(sizes[1], number * each):
        s.refuse(
            *("prior-count", f"bottom[{index}]"),
            bottom=s.bottom_name(index),
            channels=sizes[1],
            priors=number,
            boxes=s.bottom_name(2),
            each=each,
            wanted=number * each,
            what="scores" if index else "locations",
        )


def annotated_data(s: Setup) -> Built:
    """Images as the transformer makes them, and a row of 8 for each box (annotated_data_layer.cpp).

    Without boxes a label for each image. Which of the two it is only the data decides, unless
    anno_type does.
    """
    batch = signed(s.message.sub("data_param").get("batch_size"))
    data = (batch, *_transformed(s))
    label: Shape = (1, 1, None, 8) if s.own.has("anno_type") else None
    return Built([data, label][: s.tops])


def _transformed(s: Setup) -> tuple[Dim, Dim, Dim]:
    """Channels, height and width that transform_param decides (data_transformer.cpp)."""
    transform = s.message.sub("transform_param")
    means = len(transform.get("mean_value"))
    height: Dim = None
    width: Dim = None
    resize = transform.get("resize_param")
    # MobileNet-YOLO takes several, and changes from one to another while it trains.
    if isinstance(resize, Message) and resize.get("resize_mode") != "FIT_SMALL_SIZE":
        height, width = signed(resize.get("height")), signed(resize.get("width"))
    if crop := signed(transform.get("crop_size")):
        height = width = crop
    # With several means there is one for each channel.
    return means if means > 1 else None, height, width


def smooth_l1_loss(s: Setup) -> Built:
    """All bottoms of the same channels, height and width (smooth_L1_loss_layer.cpp)."""
    for i in range(1, len(s.bottoms)):
        _check_sizes(s, i)
    one, other = s.bottoms[0], s.bottoms[1]
    if one and other and differ(one[0], other[0]):
        s.refuse_batch(1, other[0], 0, one[0])
    return scalar_loss(s)


# Region-based detectors


def roi_pooling(s: Setup) -> Built:
    """A map of the pooled size for each region (roi_pooling_layer.cpp)."""
    height, width = signed(s.own.get("pooled_h")), signed(s.own.get("pooled_w"))
    s.positive("pooled_h", height)
    s.positive("pooled_w", width)
    sizes, regions = _map(s), _map(s, 1)
    batch = None if regions is None else regions[0]
    return Built([(batch, None if sizes is None else sizes[1], height, width)])


def psroi_pooling(s: Setup) -> Built:
    """Each place of the pooled map has channels of its own (psroi_pooling_layer.cpp)."""
    outputs, group = signed(s.own.get("output_dim")), signed(s.own.get("group_size"))
    s.positive("output_dim", outputs)
    s.positive("group_size", group)
    sizes, regions = _map(s), _map(s, 1)
    if sizes is not None and differ(sizes[1], outputs * group * group):
        s.refuse(
            *("score-map-channels", "output_dim"),
            bottom=s.bottom_name(0),
            channels=sizes[1],
            outputs=outputs,
            group=group,
            wanted=outputs * group * group,
        )
    return Built([(None if regions is None else regions[0], outputs, group, group)])


def box_annotator_ohem(s: Setup) -> Built:
    """Labels and weights of the hardest regions (box_annotator_ohem_layer.cpp)."""
    sizes, boxes = _map(s), _map(s, 3)
    if sizes is None:
        return Built([None] * s.tops)
    batch, _, height, width = sizes
    channels = None if boxes is None else boxes[1]
    return Built([(batch, 1, height, width), (batch, channels, height, width)])


def smooth_l1_loss_ohem(s: Setup) -> Built:
    """The loss, and that of each region (smooth_L1_loss_ohem_layer.cpp)."""
    for i in range(1, len(s.bottoms)):
        _check_sizes(s, i)
    sizes = _map(s)
    each: Shape = None if sizes is None else (sizes[0], 1, sizes[2], sizes[3])
    return Built([(), each][: s.tops])


def softmax_loss_ohem(s: Setup) -> Built:
    """The loss, the probabilities, the loss of each region (softmax_loss_ohem_layer.cpp)."""
    tops: list[Shape] = [(), s.bottoms[0], s.bottoms[1]]
    return Built(tops[: s.tops])


def proposal(s: Setup) -> Built:
    """Regions, and their scores (proposal_layer.cpp of happynear/caffe-windows)."""
    shape = s.bottom
    number = _times(shape[0] if shape else None, signed(s.own.get("post_nms_topn")))
    tops: list[Shape] = [(number, 5), (number,)]
    return Built(tops[: s.tops])


def box_output(s: Setup) -> Built:
    """Regions, and with their scores; one at first (box_output_layer.cpp of zhaoweicai/mscnn)."""
    tops: list[Shape] = [(1, 5, 1, 1), (1, 6, 1, 1)]
    return Built(tops[: s.tops])


# Segmentation


def segnet_bn(s: Setup) -> Built:
    """Scale and shift per channel; mean and variance as further tops (bn_layer.cpp)."""
    channels = s.legacy(s.bottom, 1)
    learned: Shape = (1, channels, 1, 1)
    params = [s.fill(learned, "scale_filler"), s.fill(learned, "shift_filler")]
    top = _map(s)
    tops: list[Shape] = [top, learned, learned]
    return Built(tops[: s.tops], params)


def bn(s: Setup) -> Built:
    """Slope and bias, mean and variance (bn_layer.cpp of yjxiong/caffe)."""
    return _bn(s, ())


def bn_of_maps(s: Setup) -> Built:
    """The same with learned blobs of four axes (bn_layer.cpp of hszhao/PSPNet)."""
    return _bn(s, (1, 1))


def _bn(s: Setup, rest: tuple[int, ...]) -> Built:
    learned: Shape = (1, s.legacy(s.bottom, 1), *rest)
    filled: list[Shape] = [s.fill(learned, "slope_filler"), s.fill(learned, "bias_filler")]
    return Built([s.bottom], [*filled, learned, learned])


def segnet_upsample(s: Setup) -> Built:
    """Undoes a pooling, with its mask as the second bottom (upsample_layer.cpp)."""
    sizes, own = _map(s), s.own
    _check_sizes(s, 1)
    if own.has("upsample_h") and own.has("upsample_w"):
        height: Dim = signed(own.get("upsample_h"))
        width: Dim = signed(own.get("upsample_w"))
    elif sizes is None:
        return Built([None])
    else:
        both = own.has("scale_h")
        scale_h = signed(own.get("scale_h" if both else "scale"))
        scale_w = signed(own.get("scale_w" if both else "scale"))
        height = _grown(sizes[2], scale_h, int(own.get("pad_out_h")))
        width = _grown(sizes[3], scale_w, int(own.get("pad_out_w")))
    batch, channels = (None, None) if sizes is None else sizes[:2]
    return Built([(batch, channels, height, width)])


def _grown(size: Dim, scale: int, less: int) -> Dim:
    return None if size is None else size * scale - less


def upsample(s: Setup) -> Built:
    """Height and width times ``scale`` (upsample_layer.cpp of eric612/MobileNet-YOLO)."""
    shape, scale = s.bottom, signed(s.own.get("scale"))
    if shape is None:
        return Built([None])
    return Built([(*shape[:-2], *(_grown(size, scale, 0) for size in shape[-2:]))])


def dense_image_data(s: Setup) -> Built:
    """An image and its label map (dense_image_data_layer.cpp)."""
    own, batch = s.own, signed(s.own.get("batch_size"))
    crop = signed(s.message.sub("transform_param").get("crop_size"))
    sizes: tuple[Dim, Dim] = (None, None)
    for height, width in (
        (crop, crop),
        (signed(own.get("crop_height")), signed(own.get("crop_width"))),
        (signed(own.get("new_height")), signed(own.get("new_width"))),
    ):
        if height > 0 and width > 0:
            sizes = (height, width)
            break
    channels = 3 if own.get("is_color") else 1
    tops: list[Shape] = [(batch, channels, *sizes), (batch, 1, *sizes)]
    return Built(tops[: s.tops])


def interp(s: Setup) -> Built:
    """Bilinear to a given size, or by a factor (interp_layer.cpp)."""
    own, sizes = s.own, _map(s)
    edge = own.get("pad_beg") + own.get("pad_end")
    shrinks, zooms = own.has("shrink_factor"), own.has("zoom_factor")
    if own.has("height") and own.has("width") and shrinks == zooms:
        wanted: tuple[Dim, Dim] = (signed(own.get("height")), signed(own.get("width")))
    elif not (shrinks or zooms) or sizes is None:
        wanted = (None, None)
    else:
        wanted = (_scaled(s, sizes[2], edge), _scaled(s, sizes[3], edge))
    batch, channels = (None, None) if sizes is None else sizes[:2]
    return Built([(batch, channels, *wanted)])


def _scaled(s: Setup, size: Dim, edge: int) -> Dim:
    if size is None:
        return None
    size += edge
    for field in ("shrink_factor", "zoom_factor"):
        factor = signed(s.own.get(field))
        if s.own.has(field):
            s.positive(field, factor)
            shrinks = field == "shrink_factor"
            size = (size - 1) // factor + 1 if shrinks else size + (size - 1) * (factor - 1)
    return size


# Others


def face_normalize(s: Setup) -> Built:
    """Each vector by its length, which is a second top (normalize_layer.cpp of happynear)."""
    sizes = _map(s)
    if sizes is None:
        return Built([None] * s.tops)
    tops: list[Shape] = [sizes, (sizes[0], 1, sizes[2], sizes[3])]
    return Built(tops[: s.tops])


def axpy(s: Setup) -> Built:
    """A factor per channel times the second bottom, plus the third (axpy_layer.cpp)."""
    factor, shape = s.bottoms[0], s.bottoms[1]
    if shapes_differ(shape, s.bottoms[2]):
        s.refuse_shape(2, shape, f'"{s.bottom_name(1)}"')
    if factor and shape and any(map(differ, factor[:2], shape[:2])):
        s.refuse_shape(0, shape[:2], f'"{s.bottom_name(1)}"')
    return Built([shape])


def reorg(s: Setup) -> Built:
    """Blocks of stride × stride places become channels, or back (reorg_layer.cpp)."""
    sizes, stride = _map(s), signed(s.own.get("stride"))
    s.positive("stride", stride)
    if sizes is None:
        return Built([None])
    batch, channels, height, width = sizes
    square = stride * stride
    if s.own.get("reverse"):
        channels = None if channels is None else channels // square
        return Built([(batch, channels, _times(height, stride), _times(width, stride))])
    less = (None if size is None else size // stride for size in (height, width))
    return Built([(batch, _times(channels, square), *less)])


def nvcaffe_batch_norm(s: Setup) -> Built:
    """With scale_bias, or a filler for one of them, a scale and a bias of its own besides the three
    statistics (batch_norm_layer.cpp of NVIDIA/caffe).
    """
    built = pointwise.batch_norm(s)
    if has_own_scale(s.own):
        built.params.extend([built.params[0]] * 2)
    return built


def has_own_scale(own: Message) -> bool:
    """Whether a BatchNorm layer of NVCaffe scales by itself."""
    return bool(own.get("scale_bias")) or own.has("scale_filler") or own.has("bias_filler")
