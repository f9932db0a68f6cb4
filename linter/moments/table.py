"""The rule of every layer type."""

from __future__ import annotations

from collections.abc import Callable

from . import arrange, linear, losses, normal, pointwise, pooling, recurrent
from .signal import Signal
from .step import Step

Rule = Callable[[Step], list[Signal | None]]
"""The signals of a layer's tops; None for one that nothing is known of.

A rule raises Blocked where a value of a bottom or a field is not known. Loss layers set
``step.loss``.
"""

RULES: dict[str, Rule] = {
    "AbsVal": pointwise.absval,
    "Accuracy": arrange.unknown,
    "ArgMax": arrange.arg_max,
    "BNLL": pointwise.bnll,
    "BatchNorm": normal.batch_norm,
    "BatchReindex": arrange.selected,
    "Bias": linear.bias,
    "Clip": pointwise.clip,
    "Concat": arrange.concat,
    "ContrastiveLoss": losses.contrastive_loss,
    "Convolution": linear.convolution,
    "Crop": arrange.crop,
    "Deconvolution": linear.deconvolution,
    "Dropout": pointwise.dropout,
    "ELU": pointwise.elu,
    "Eltwise": arrange.eltwise,
    "Embed": linear.embed,
    "EuclideanLoss": losses.euclidean_loss,
    "Exp": pointwise.exponential,
    "Filter": arrange.selected,
    "Flatten": arrange.reshaped,
    "HDF5Output": arrange.nothing,
    "HingeLoss": losses.hinge_loss,
    "Im2col": arrange.im2col,
    "InfogainLoss": losses.infogain_loss,
    "InnerProduct": linear.inner_product,
    "LRN": normal.lrn,
    "LSTM": recurrent.lstm,
    "LSTMUnit": arrange.lstm_unit,
    "Log": pointwise.logarithm,
    "MVN": normal.mvn,
    "MultinomialLogisticLoss": losses.multinomial_loss,
    "PReLU": pointwise.prelu,
    "Parameter": arrange.parameter,
    "Pooling": pooling.pooling,
    "Power": pointwise.power,
    "RNN": recurrent.rnn,
    "ReLU": pointwise.relu,
    "Reduction": arrange.reduction,
    "Reshape": arrange.reshaped,
    "SPP": pooling.spp,
    "Scale": linear.scale,
    "Sigmoid": pointwise.sigmoid,
    "SigmoidCrossEntropyLoss": losses.sigmoid_loss,
    "Silence": arrange.nothing,
    "Slice": arrange.slice_,
    "Softmax": pointwise.softmax,
    "SoftmaxWithLoss": losses.softmax_loss,
    "Split": arrange.same,
    "Swish": pointwise.swish,
    "TanH": pointwise.tan_h,
    "Threshold": pointwise.threshold,
    "Tile": arrange.tile,
}
