"""The layer types of BVLC Caffe: one table entry each.

Counts are the ones Caffe checks before it sets a layer up (layer.hpp, CheckBlobCounts); the learned
blobs are those of the layers' own LayerSetUp.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ..schema.message import Message
from .shapes import arrange, dense, losses, pointwise, sources, windows
from .shapes.setup import Built, Setup

Count = tuple[int, int | None]
"""Least and most blobs; None for no limit."""

MANY: Count = (1, None)

ShapeFunction = Callable[[Setup], Built]

Blobs = Callable[[Message, int], tuple[str, ...]]
"""Roles of the learned blobs, given the layer's message and its number of bottoms."""


STATISTICS = frozenset(("mean", "variance", "factor"))
"""Roles of the learned blobs that no gradient changes."""


def _nothing(_layer: Message, _bottoms: int) -> tuple[str, ...]:
    return ()


def weight_and_bias(param: str) -> Blobs:
    """A weight, and a bias with it where ``bias_term`` of the block ``param`` is true."""

    def blobs(layer: Message, _bottoms: int) -> tuple[str, ...]:
        return ("weight", "bias") if layer.sub(param).get("bias_term") else ("weight",)

    return blobs


def _batch_norm(_layer: Message, _bottoms: int) -> tuple[str, ...]:
    return ("mean", "variance", "factor")


def _scale(layer: Message, bottoms: int) -> tuple[str, ...]:
    own_scale = ("scale",) if bottoms == 1 else ()
    return (*own_scale, "bias") if layer.sub("scale_param").get("bias_term") else own_scale


def _bias(_layer: Message, bottoms: int) -> tuple[str, ...]:
    return ("bias",) if bottoms == 1 else ()


def _slope(_layer: Message, _bottoms: int) -> tuple[str, ...]:
    return ("slope",)


def _parameter(_layer: Message, _bottoms: int) -> tuple[str, ...]:
    return ("parameter",)


def _lstm(layer: Message, bottoms: int) -> tuple[str, ...]:
    static = bottoms > (4 if layer.sub("recurrent_param").get("expose_hidden") else 2)
    return ("weight", "bias", *(("static weight",) if static else ()), "recurrent weight")


def _rnn(layer: Message, bottoms: int) -> tuple[str, ...]:
    static = bottoms > (3 if layer.sub("recurrent_param").get("expose_hidden") else 2)
    middle = ("static weight",) if static else ()
    return ("weight", "bias", *middle, "recurrent weight", "output weight", "output bias")


class LayerType(Struct, frozen=True):
    """What Caffe knows of one layer type.

    ``param`` is the field with the type's own parameters, empty where it has none. ``fillers``
    tells whether that message has a ``weight_filler`` which starts the layer's weights.
    ``equal_counts`` is set where there must be as many tops as bottoms. ``loss`` marks the layers
    whose first top has loss weight 1 by default (loss_layer.cpp, LayerSetUp). ``shape`` makes its
    tops and learned blobs out of its bottoms. Of an ``opaque`` type neither these nor what it
    learns are known.
    """

    name: str
    param: str = ""
    bottoms: Count = (1, 1)
    tops: Count = (1, 1)
    blobs: Blobs = _nothing
    fillers: bool = False
    equal_counts: bool = False
    loss: bool = False
    shape: ShapeFunction = pointwise.neuron
    opaque: bool = False

    @property
    def source(self) -> bool:
        """Whether the layer starts the net: it takes no bottoms."""
        return self.bottoms == (0, 0)


def _convolution(name: str, shape: ShapeFunction) -> LayerType:
    return LayerType(
        *(name, "convolution_param", MANY, MANY, weight_and_bias("convolution_param")),
        fillers=True,
        equal_counts=True,
        shape=shape,
    )


def _matrix(name: str, param: str, shape: ShapeFunction) -> LayerType:
    return LayerType(name, param, blobs=weight_and_bias(param), fillers=True, shape=shape)


def _source(name: str, param: str, tops: Count, shape: ShapeFunction) -> LayerType:
    return LayerType(name, param, bottoms=(0, 0), tops=tops, shape=shape)


def _loss(
    name: str, param: str, shape: ShapeFunction, bottoms: Count = (2, 2), most_tops: int = 1
) -> LayerType:
    # A loss layer makes its first top itself where none is given (AutoTopBlobs).
    return LayerType(name, param, bottoms=bottoms, tops=(0, most_tops), loss=True, shape=shape)


LAYER_TYPES: dict[str, LayerType] = {
    type_.name: type_
    for type_ in (
        LayerType("AbsVal", shape=pointwise.absolute),
        LayerType("Accuracy", "accuracy_param", bottoms=(2, 2), tops=(1, 2), shape=losses.accuracy),
        LayerType("ArgMax", "argmax_param", shape=arrange.argmax),
        LayerType("BNLL"),
        LayerType("BatchNorm", "batch_norm_param", blobs=_batch_norm, shape=pointwise.batch_norm),
        LayerType("BatchReindex", bottoms=(2, 2), shape=arrange.batch_reindex),
        LayerType("Bias", "bias_param", bottoms=(1, 2), blobs=_bias, shape=pointwise.bias),
        LayerType("Clip", "clip_param"),
        LayerType("Concat", "concat_param", bottoms=MANY, shape=arrange.concat),
        _loss("ContrastiveLoss", "contrastive_loss_param", losses.contrastive_loss, bottoms=(3, 3)),
        _convolution("Convolution", windows.convolution),
        LayerType("Crop", "crop_param", bottoms=(2, 2), shape=arrange.crop),
        _source("Data", "data_param", (1, 2), sources.data),
        _convolution("Deconvolution", windows.deconvolution),
        LayerType("Dropout", "dropout_param"),
        _source("DummyData", "dummy_data_param", MANY, sources.dummy_data),
        LayerType("ELU", "elu_param"),
        LayerType("Eltwise", "eltwise_param", bottoms=(2, None), shape=pointwise.eltwise),
        _matrix("Embed", "embed_param", dense.embed),
        _loss("EuclideanLoss", "", losses.euclidean_loss),
        LayerType("Exp", "exp_param", shape=pointwise.logarithm),
        LayerType("Filter", bottoms=(2, None), tops=MANY, shape=arrange.filter_),
        LayerType("Flatten", "flatten_param", shape=arrange.flatten),
        _source("HDF5Data", "hdf5_data_param", MANY, sources.hdf5_data),
        LayerType(
            "HDF5Output",
            "hdf5_output_param",
            bottoms=(2, 2),
            tops=(0, 0),
            shape=sources.hdf5_output,
        ),
        _loss("HingeLoss", "hinge_loss_param", losses.hinge_loss),
        LayerType("Im2col", "convolution_param", shape=windows.im2col),
        _source("ImageData", "image_data_param", (2, 2), sources.image_data),
        _loss(
            "InfogainLoss", "infogain_loss_param", losses.infogain_loss, bottoms=(2, 3), most_tops=2
        ),
        _matrix("InnerProduct", "inner_product_param", dense.inner_product),
        _source("Input", "input_param", MANY, sources.input_),
        LayerType("LRN", "lrn_param", shape=pointwise.lrn),
        LayerType(
            "LSTM",
            "recurrent_param",
            bottoms=(2, 5),
            tops=(1, 3),
            blobs=_lstm,
            fillers=True,
            shape=dense.lstm,
        ),
        LayerType("LSTMUnit", bottoms=(3, 3), tops=(2, 2), shape=dense.lstm_unit),
        LayerType("Log", "log_param", shape=pointwise.logarithm),
        LayerType("MVN", "mvn_param", shape=pointwise.mvn),
        _source("MemoryData", "memory_data_param", (2, 2), sources.memory_data),
        _loss("MultinomialLogisticLoss", "", losses.multinomial_loss),
        LayerType("PReLU", "prelu_param", blobs=_slope, shape=pointwise.prelu),
        LayerType(
            "Parameter",
            "parameter_param",
            bottoms=(0, 0),
            blobs=_parameter,
            shape=sources.parameter,
        ),
        LayerType("Pooling", "pooling_param", tops=(1, 2), shape=windows.pooling),
        LayerType("Power", "power_param"),
        LayerType(
            "Python", "python_param", bottoms=(0, None), tops=(0, None), shape=sources.python
        ),
        LayerType(
            "RNN",
            "recurrent_param",
            bottoms=(2, 4),
            tops=(1, 2),
            blobs=_rnn,
            fillers=True,
            shape=dense.rnn,
        ),
        LayerType("ReLU", "relu_param"),
        LayerType("Reduction", "reduction_param", shape=arrange.reduction),
        LayerType("Reshape", "reshape_param", shape=arrange.reshape),
        LayerType("SPP", "spp_param", shape=windows.spatial_pyramid),
        LayerType("Scale", "scale_param", bottoms=(1, 2), blobs=_scale, shape=pointwise.scale),
        LayerType("Sigmoid", "sigmoid_param"),
        _loss("SigmoidCrossEntropyLoss", "", losses.sigmoid_loss),
        LayerType("Silence", bottoms=MANY, tops=(0, 0), shape=arrange.silence),
        LayerType("Slice", "slice_param", tops=MANY, shape=arrange.slice_),
        LayerType("Softmax", "softmax_param", shape=pointwise.softmax),
        _loss("SoftmaxWithLoss", "softmax_param", losses.softmax_loss, most_tops=2),
        LayerType("Split", tops=MANY, shape=arrange.split),
        LayerType("Swish", "swish_param"),
        LayerType("TanH", "tanh_param"),
        LayerType("Threshold", "threshold_param"),
        LayerType("Tile", "tile_param", shape=arrange.tile),
        _source("WindowData", "window_data_param", (2, 2), sources.window_data),
    )
}
