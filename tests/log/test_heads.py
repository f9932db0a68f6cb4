"""Losses of a net: how many classes, and what equal scores give."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from caffelint.log.heads import LARGEST, accuracy_name, guessed_classes, losses
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.reading import read_text

NET = """
layer {{ name: "data" type: "Input" top: "data" top: "label" }}
layer {{ name: "ip" type: "{maker}" bottom: "data" top: "ip" {block} }}
{between}
layer {{ name: "loss" type: "{type}" bottom: "ip" bottom: "label" top: "loss" {more} }}
"""
IP = "inner_product_param { num_output: 10 }"
CONV = "convolution_param { num_output: 10 kernel_size: 1 }"


def _net(text: str) -> Net:
    file = read_text(Path("net.prototxt"), text.encode())
    assert file.message is not None
    return Net(file.message, State("TRAIN"))


@pytest.mark.parametrize(
    ("maker", "type_", "more", "classes", "chance"),
    [
        pytest.param("InnerProduct", "SoftmaxWithLoss", "", 10, math.log(10), id="softmax"),
        pytest.param("Convolution", "SoftmaxWithLoss", "", 10, math.log(10), id="over a map"),
        pytest.param(
            *("Convolution", "SoftmaxWithLoss", "loss_param { normalize: false }"),
            *(10, 0.0),
            id="summed over a map: its size is not known",
        ),
        pytest.param(
            *("InnerProduct", "SoftmaxWithLoss", "loss_param { normalize: false }"),
            *(10, math.log(10)),
            id="over the batch alone",
        ),
        pytest.param(
            *("InnerProduct", "SoftmaxWithLoss", "loss_param { normalization: NONE }"),
            *(10, 0.0),
            id="summed over the batch",
        ),
        pytest.param(
            *("InnerProduct", "SigmoidCrossEntropyLoss", "", 0, 10 * math.log(2)),
            id="ten targets with a sigmoid each",
        ),
        pytest.param(
            *("InnerProduct", "SigmoidCrossEntropyLoss", "loss_param { normalization: VALID }"),
            *(0, math.log(2)),
            id="the mean over ten targets",
        ),
        pytest.param(
            *("InnerProduct", "MultinomialLogisticLoss", "", 10, math.log(10)), id="multinomial"
        ),
        pytest.param(
            *("InnerProduct", "SoftmaxWithLoss", "softmax_param { axis: 0 }", 0, 0.0),
            id="classes along another axis",
        ),
        pytest.param("InnerProduct", "HingeLoss", "", 10, 10.0, id="hinge"),
        pytest.param("InnerProduct", "EuclideanLoss", "", 0, 0.0, id="regression"),
    ],
)
def test_classes_and_chance(maker: str, type_: str, more: str, classes: int, chance: float) -> None:
    block = CONV if maker == "Convolution" else IP
    text = NET.format(maker=maker, block=block, between="", type=type_, more=more)
    (loss,) = losses(_net(text)).values()
    assert (loss.type, loss.classes) == (type_, classes)
    assert loss.chance == pytest.approx(chance)


def test_layers_between_are_looked_through_but_not_a_reshape() -> None:
    scale = 'layer { name: "s" type: "Scale" bottom: "ip" top: "ip" }'
    shape = 'layer { name: "r" type: "Reshape" bottom: "ip" top: "ip2" }'
    text = NET.format(
        maker="InnerProduct", block=IP, between=scale, type="SoftmaxWithLoss", more=""
    )
    assert losses(_net(text))["loss"].classes == 10
    text = NET.format(
        maker="InnerProduct", block=IP, between=shape, type="SoftmaxWithLoss", more=""
    )
    text = text.replace('"SoftmaxWithLoss" bottom: "ip"', '"SoftmaxWithLoss" bottom: "ip2"')
    assert losses(_net(text))["loss"].classes == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("num_output: 10", "num_output: 0", id="no outputs"),
        pytest.param('bottom: "data" top: "ip"', 'bottom: "gone" top: "ip"', id="no bottom"),
        pytest.param(
            'name: "loss"',
            'name: "r" type: "ReLU" bottom: "ip" top: "ip" }\nlayer { ' * 40 + 'name: "loss"',
            id="too far away",
        ),
    ],
)
def test_scores_that_tell_no_classes(old: str, new: str) -> None:
    text = NET.format(maker="InnerProduct", block=IP, between="", type="SoftmaxWithLoss", more="")
    if new.startswith("bottom"):  # of the layers that keep their channels
        text = text.replace('"InnerProduct"', '"ReLU"').replace(IP, "")
    (loss,) = losses(_net(text.replace(old, new))).values()
    assert (loss.classes, loss.chance) == (0, 0.0)


@pytest.mark.parametrize(
    ("level", "classes"),
    [
        (0.693147, 2), (2.07944, 8), (3.04452, 21), (6.90776, 1000),
        (0.35, 0), (1.5, 0), (6.9082, 0), (87.3365, 0),
    ],
)  # fmt: skip
def test_guessed_classes(level: float, classes: int) -> None:
    assert guessed_classes(level) == classes


def test_the_largest_loss_of_softmax() -> None:
    assert f"{LARGEST:.4f}" == "87.3365"


def test_accuracy_by_type_or_by_name() -> None:
    net = _net('layer { name: "a" type: "Accuracy" bottom: "x" bottom: "y" top: "right" }')
    assert accuracy_name(net, ["loss", "right"]) == "right"
    assert accuracy_name(net, ["loss", "accuracy"]) == ""
    assert accuracy_name(None, ["loss", "Top1Accuracy"]) == "Top1Accuracy"
    assert accuracy_name(None, ["loss", "prob"]) == ""
