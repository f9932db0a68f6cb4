"""The layer types of BVLC Caffe: one table entry each.

Counts are the ones Caffe checks before it sets a layer up (layer.hpp, CheckBlobCounts); the learned
blobs are those of the layers' own LayerSetUp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..schema.message import Message

Count = tuple[int, int | None]
"""Least and most blobs; None for no limit."""

Blobs = Callable[[Message, int], tuple[str, ...]]
"""Roles of the learned blobs, given the layer's message and its number of bottoms."""


def _nothing(_layer: Message, _bottoms: int) -> tuple[str, ...]:
    return ()


def _weight_and_bias(param: str) -> Blobs:
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


@dataclass(frozen=True, slots=True)
class LayerType:
    """What Caffe knows of one layer type.

    ``param`` is the field with the type's own parameters, empty where it has none. ``fillers``
    tells whether that message has a ``weight_filler`` which starts the layer's weights.
    ``equal_counts`` is set where there must be as many tops as bottoms. ``loss`` marks the layers
    whose first top has loss weight 1 by default (loss_layer.cpp, LayerSetUp).
    """

    name: str
    param: str = ""
    bottoms: Count = (1, 1)
    tops: Count = (1, 1)
    blobs: Blobs = _nothing
    fillers: bool = False
    equal_counts: bool = False
    loss: bool = False

    @property
    def source(self) -> bool:
        """Whether the layer starts the net: it takes no bottoms."""
        return self.bottoms == (0, 0)


def _filled(name: str, param: str, **more: object) -> LayerType:
    return LayerType(name, param, blobs=_weight_and_bias(param), fillers=True, **more)  # type: ignore[arg-type]


def _source(name: str, param: str, tops: Count) -> LayerType:
    return LayerType(name, param, bottoms=(0, 0), tops=tops)


def _loss(name: str, param: str, bottoms: Count = (2, 2), most_tops: int = 1) -> LayerType:
    # A loss layer makes its first top itself where none is given (AutoTopBlobs).
    return LayerType(name, param, bottoms=bottoms, tops=(0, most_tops), loss=True)


MANY: Count = (1, None)

LAYER_TYPES: dict[str, LayerType] = {
    type_.name: type_
    for type_ in (
        LayerType("AbsVal"),
        LayerType("Accuracy", "accuracy_param", bottoms=(2, 2), tops=(1, 2)),
        LayerType("ArgMax", "argmax_param"),
        LayerType("BNLL"),
        LayerType("BatchNorm", "batch_norm_param", blobs=_batch_norm),
        LayerType("BatchReindex", bottoms=(2, 2)),
        LayerType("Bias", "bias_param", bottoms=(1, 2), blobs=_bias),
        LayerType("Clip", "clip_param"),
        LayerType("Concat", "concat_param", bottoms=MANY),
        _loss("ContrastiveLoss", "contrastive_loss_param", bottoms=(3, 3)),
        _filled("Convolution", "convolution_param", bottoms=MANY, tops=MANY, equal_counts=True),
        LayerType("Crop", "crop_param", bottoms=(2, 2)),
        _source("Data", "data_param", (1, 2)),
        _filled("Deconvolution", "convolution_param", bottoms=MANY, tops=MANY, equal_counts=True),
        LayerType("Dropout", "dropout_param"),
        _source("DummyData", "dummy_data_param", MANY),
        LayerType("ELU", "elu_param"),
        LayerType("Eltwise", "eltwise_param", bottoms=(2, None)),
        _filled("Embed", "embed_param"),
        _loss("EuclideanLoss", ""),
        LayerType("Exp", "exp_param"),
        LayerType("Filter", bottoms=(2, None), tops=MANY),
        LayerType("Flatten", "flatten_param"),
        _source("HDF5Data", "hdf5_data_param", MANY),
        LayerType("HDF5Output", "hdf5_output_param", bottoms=(2, 2), tops=(0, 0)),
        _loss("HingeLoss", "hinge_loss_param"),
        LayerType("Im2col", "convolution_param"),
        _source("ImageData", "image_data_param", (2, 2)),
        _loss("InfogainLoss", "infogain_loss_param", bottoms=(2, 3), most_tops=2),
        _filled("InnerProduct", "inner_product_param"),
        _source("Input", "input_param", MANY),
        LayerType("LRN", "lrn_param"),
        LayerType(
            "LSTM", "recurrent_param", bottoms=(2, 5), tops=(1, 3), blobs=_lstm, fillers=True
        ),
        LayerType("LSTMUnit", bottoms=(3, 3), tops=(2, 2)),
        LayerType("Log", "log_param"),
        LayerType("MVN", "mvn_param"),
        _source("MemoryData", "memory_data_param", (2, 2)),
        _loss("MultinomialLogisticLoss", ""),
        LayerType("PReLU", "prelu_param", blobs=_slope),
        LayerType("Parameter", "parameter_param", bottoms=(0, 0), blobs=_parameter),
        LayerType("Pooling", "pooling_param", tops=(1, 2)),
        LayerType("Power", "power_param"),
        LayerType("Python", "python_param", bottoms=(0, None), tops=(0, None)),
        LayerType("RNN", "recurrent_param", bottoms=(2, 4), tops=(1, 2), blobs=_rnn, fillers=True),
        LayerType("ReLU", "relu_param"),
        LayerType("Reduction", "reduction_param"),
        LayerType("Reshape", "reshape_param"),
        LayerType("SPP", "spp_param"),
        LayerType("Scale", "scale_param", bottoms=(1, 2), blobs=_scale),
        LayerType("Sigmoid", "sigmoid_param"),
        _loss("SigmoidCrossEntropyLoss", ""),
        LayerType("Silence", bottoms=MANY, tops=(0, 0)),
        LayerType("Slice", "slice_param", tops=MANY),
        LayerType("Softmax", "softmax_param"),
        _loss("SoftmaxWithLoss", "softmax_param", most_tops=2),
        LayerType("Split", tops=MANY),
        LayerType("Swish", "swish_param"),
        LayerType("TanH", "tanh_param"),
        LayerType("Threshold", "threshold_param"),
        LayerType("Tile", "tile_param"),
        _source("WindowData", "window_data_param", (2, 2)),
    )
}
