"""The layer types of each Caffe: BVLC's, those of forks, and those that the user tells of.

A schema lists the types of its fork with their numbers of bottoms and tops. For types that many
nets use there is more here: what they learn and the shapes they make. The others are opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache

from msgspec.structs import replace

from ..schema.descriptor import FieldType, MessageType, Schema
from ..schema.dialects import Declared, LayerFacts, Sizes
from ..schema.message import Message
from .layers import LAYER_TYPES, Blobs, Count, LayerType, ShapeFunction, weight_and_bias
from .shapes import forks, pointwise, windows
from .shapes.setup import Built, Setup, Shape

ANY: Count = (0, None)


@cache
def layer_types(schema: Schema) -> Mapping[str, LayerType]:
    """All layer types of a Caffe by name."""
    if schema.base is None:
        return LAYER_TYPES
    own = {
        name: _layer_type(facts, schema)
        for name, facts in schema.layers.items()
        if name not in LAYER_TYPES
    }
    bvlc = {name: _as_here(type_, schema) for name, type_ in LAYER_TYPES.items()}
    return own | bvlc | _own_batch_norm(schema)


def layer_type(layer: Message) -> LayerType | None:
    """What is known of a layer's type; None for a type that its Caffe does not have."""
    schema = layer.type.schema
    name: str = layer.get("type")
    types = layer_types(schema)
    if name == "Python":
        own = layer.sub("python_param")
        return types.get(f"{own.get('module')}.{own.get('layer')}") or types[name]
    if name not in types and schema.own and name.lower() in schema.own_blocks:
        return _own_type(name, schema)
    return types.get(name)


@cache
def _own_type(name: str, schema: Schema) -> LayerType:
    """A type that is known by its parameters in the user's ``caffe.proto`` only."""
    return _layer_type(LayerFacts(name, param=schema.own_blocks[name.lower()]), schema)


def _as_here(type_: LayerType, schema: Schema) -> LayerType:
    """One of BVLC's types in another Caffe, where it may take more and do more.

    It is opaque where a field is a list there and none in BVLC's, as the windows of pooling over
    video are. Where a layer uses a field that BVLC lacks, what it makes is taken to be unknown.
    """
    assert schema.base is not None
    here, there = _own_block(type_, schema), _own_block(type_, schema.base)
    if here is not None and there is not None:
        if any(_differ(here.fields[name], one) for name, one in there.fields.items()):
            return _opaque(type_)
        if here.fields.keys() - there.fields.keys() - _HARMLESS:
            known = there.fields.keys() | _HARMLESS
            type_ = replace(type_, shape=_unless_changed(type_, known))
    facts = schema.layers.get(type_.name)
    if facts is None or not facts.bottoms:
        return type_
    bottoms, tops = _count(facts.bottoms), _count(facts.tops)
    return replace(type_, bottoms=bottoms, tops=tops, shape=_within_counts(type_))


def _differ(here: FieldType, there: FieldType) -> bool:
    return (here.repeated, here.type) != (there.repeated, there.type)


_HARMLESS = frozenset((
    *("ceil_mode", "scale_train", "sample_weights_test", "normalize", "min_is_better"),
    *("shuffle", "cache", "threads", "parser_threads", "shuffle_pool_size", "normalize_type"),
    *("scale_bias", "scale_filler", "bias_filler", "label_type"),
))  # fmt: skip
"""Fields of forks that leave alone what BVLC's layer makes, or are seen to where it is set up."""


def _unless_changed(type_: LayerType, known: AbstractSet[str]) -> ShapeFunction:
    def build(s: Setup) -> Built:
        if s.own.values.keys() <= known:
            return type_.shape(s)
        return _unknown(type_, s)

    return build


def _within_counts(type_: LayerType) -> ShapeFunction:
    """BVLC's function, for the numbers of bottoms and tops that BVLC takes only."""

    def build(s: Setup) -> Built:
        fits = all(
            least <= number and (most is None or number <= most)
            for number, (least, most) in ((len(s.bottoms), type_.bottoms), (s.tops, type_.tops))
        )
        return type_.shape(s) if fits else _unknown(type_, s)

    return build


def _unknown(type_: LayerType, s: Setup) -> Built:
    return Built([None] * s.tops, [None] * len(type_.blobs(s.message, len(s.bottoms))))


def _own_block(type_: LayerType, schema: Schema) -> MessageType | None:
    layer = schema.net.fields["layer"].message
    assert layer is not None
    return layer.fields[type_.param].message if type_.param else None


def _own_batch_norm(schema: Schema) -> dict[str, LayerType]:
    """BatchNorm in the forks where it may have a scale of its own."""
    type_, bvlc = schema.find_message("BatchNormParameter"), LAYER_TYPES["BatchNorm"]
    if type_ is None or "scale_filler" not in type_.fields:
        return {}
    if "scale_bias" in type_.fields:
        own = replace(bvlc, blobs=_nvcaffe_batch_norm, shape=forks.nvcaffe_batch_norm)
        return {"BatchNorm": own}
    return {"BatchNorm": _opaque(bvlc)}


def _opaque(type_: LayerType) -> LayerType:
    return replace(type_, blobs=_nothing, shape=forks.unknown, fillers=False, opaque=True)


def _layer_type(facts: LayerFacts, schema: Schema) -> LayerType:
    layer = schema.net.fields["layer"].message
    assert layer is not None
    block = layer.fields.get(facts.param)
    param = facts.param if block and block.message and not block.repeated else ""
    type_ = LayerType(
        *(facts.type, param, _count(facts.bottoms), _count(facts.tops)),
        loss=facts.loss,
        shape=forks.scalar_loss if facts.loss else forks.unknown,
        opaque=True,
    )
    if facts.declared is not None:
        return _declared(type_, facts.declared)
    refine = _REFINE.get((facts.dialect, facts.type))
    return type_ if refine is None else refine(type_)


def _declared(type_: LayerType, declared: Declared) -> LayerType:
    """A type as the user declares it."""
    number = declared.learns
    roles = ("weight", "bias", *(f"blob {i}" for i in range(2, number)))[:number]

    def build(s: Setup) -> Built:
        if not declared.in_place:
            s.not_in_place()
        shapes = declared.shapes
        if not shapes:
            return Built(type_.shape(s).tops, [None] * number)
        return Built([_given(s, shapes[i % len(shapes)]) for i in range(s.tops)], [None] * number)

    return replace(type_, shape=build, blobs=_roles(*roles), opaque=False)


def _given(s: Setup, sizes: Sizes | None) -> Shape:
    """A declared shape, with the sizes of the first bottom that it takes over."""
    bottom = s.bottoms[0] if s.bottoms else None
    if sizes is None:
        return bottom
    return tuple(
        size if size != 0 else bottom[i] if bottom is not None and i < len(bottom) else None
        for i, size in enumerate(sizes)
    )


def _guarded(shape: ShapeFunction) -> ShapeFunction:
    """Where forks are mixed, one may have another block of the same name, with other fields."""

    def build(s: Setup) -> Built:
        try:
            return shape(s)
        except (AssertionError, AttributeError, LookupError, TypeError):
            return forks.unknown(s)

    return build


def _count(text: str) -> Count:
    """``2``, ``1-3`` or ``1+`` as least and most."""
    if text.endswith("+"):
        return int(text[:-1]), None
    least, _, most = text.partition("-")
    return (int(least), int(most or least)) if text else ANY


# What is known of some types


def _nothing(_layer: Message, _bottoms: int) -> tuple[str, ...]:
    return ()


def _nvcaffe_batch_norm(layer: Message, _bottoms: int) -> tuple[str, ...]:
    statistics = ("mean", "variance", "factor")
    own = layer.sub("batch_norm_param")
    return (*statistics, "scale", "bias") if forks.has_own_scale(own) else statistics


def _roles(*names: str) -> Blobs:
    def blobs(_layer: Message, _bottoms: int) -> tuple[str, ...]:
        return names

    return blobs


_Refine = Callable[[LayerType], LayerType]


def _with(shape: ShapeFunction, blobs: Blobs = _nothing, *, fillers: bool = False) -> _Refine:
    def refine(type_: LayerType) -> LayerType:
        return replace(type_, shape=_guarded(shape), blobs=blobs, fillers=fillers, opaque=False)

    return refine


_depthwise = weight_and_bias("convolution_param")
_segnet_bn = _roles("scale", "shift")
_bn = _roles("slope", "bias", "mean", "variance")

# Layer types with the dialects whose source was read and does the same.
_KNOWN: tuple[tuple[str, tuple[str, ...], _Refine], ...] = (
    ("AnnotatedData", ("ssd", "mobilenet-yolo", "ssd-windows"), _with(forks.annotated_data)),
    (
        "Axpy",
        ("add-ons", "deepdetect", "happynear", "intel", "mobilenet-yolo", "nvcaffe"),
        _with(forks.axpy),
    ),
    ("BN", ("pspnet",), _with(forks.bn_of_maps, _bn)),
    ("BN", ("yjxiong",), _with(forks.bn, _bn)),
    ("BN", ("segnet",), _with(forks.segnet_bn, _segnet_bn)),
    ("BoxAnnotatorOHEM", ("r-fcn",), _with(forks.box_annotator_ohem)),
    ("BoxOutput", ("mscnn",), _with(forks.box_output)),
    (
        "ConvolutionDepthwise",
        ("add-ons", "ssd-windows"),
        _with(windows.depthwise, _depthwise, fillers=True),
    ),
    (
        "DepthwiseConvolution",
        ("add-ons", "mobilenet-yolo"),
        _with(windows.convolution, _depthwise, fillers=True),
    ),
    ("DenseImageData", ("segnet",), _with(forks.dense_image_data)),
    ("DetectionEvaluate", ("ssd",), _with(forks.detection_evaluate)),
    ("DetectionOutput", ("ssd", "deepdetect"), _with(forks.detection_output)),
    ("Interp", ("deeplab", "pspnet"), _with(forks.interp)),
    ("MultiBoxLoss", ("ssd", "nvcaffe"), _with(forks.multibox_loss)),
    ("Normalize", ("ssd",), _with(forks.normalize, _roles("scale"))),
    ("Normalize", ("happynear",), _with(forks.face_normalize)),
    ("Permute", ("ssd", "happynear", "r-c3d"), _with(forks.permute)),
    ("PriorBox", ("ssd",), _with(forks.prior_box)),
    ("Proposal", ("happynear",), _with(forks.proposal)),
    ("PSROIPooling", ("r-fcn", "happynear", "ssd-windows"), _with(forks.psroi_pooling)),
    ("ReLU6", ("mobilenet-yolo",), _with(pointwise.neuron)),
    ("Reorg", ("intel", "mobilenet-yolo"), _with(forks.reorg)),
    (
        "ROIPooling",
        ("faster-rcnn", "cascade-rcnn", "mscnn", "ssd-windows", "yjxiong"),
        _with(forks.roi_pooling),
    ),
    ("ShuffleChannel", ("add-ons",), _with(pointwise.neuron)),
    (
        "SmoothL1Loss",
        ("ssd", "faster-rcnn", "r-fcn", "intel", "microsoft"),
        _with(forks.smooth_l1_loss),
    ),
    ("SmoothL1LossOHEM", ("intel", "microsoft"), _with(forks.smooth_l1_loss_ohem)),
    ("SoftmaxWithLossOHEM", ("intel", "microsoft"), _with(forks.softmax_loss_ohem)),
    ("Upsample", ("segnet",), _with(forks.segnet_upsample)),
    ("Upsample", ("mobilenet-yolo",), _with(forks.upsample)),
)
_REFINE = {(dialect, name): refine for name, dialects, refine in _KNOWN for dialect in dialects}
