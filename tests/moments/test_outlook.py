"""How training starts, in numbers: chance, what scaling would do, sizes that are assumed."""

from __future__ import annotations

from math import inf, log

import pytest

from caffelint.model.build import set_up
from caffelint.moments.outlook import Outlook, outlook
from caffelint.schema.message import Message

from ..model.build import layer, message, net

SOLVER = 'net: "n" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 100'


def images(transform: str = "") -> str:
    return layer(
        "data", "Data", "-> data label",
        f'transform_param {{ {transform} }} data_param {{ source: "d" batch_size: 16 }}',
    )  # fmt: skip


def ip(name: str, bottom: str, filler: str, outputs: int = 10) -> str:
    own = f"inner_product_param {{ num_output: {outputs} weight_filler {{ {filler} }} }}"
    return layer(name, "InnerProduct", f"{bottom} -> {name}", own)


LOSS = layer("loss", "SoftmaxWithLoss", "z label -> loss")


def look(text: str, solver: Message | None = None) -> Outlook:
    built = net(text)
    found = outlook(built, set_up(built)[0], solver)
    assert found is not None
    return found


def test_a_usual_size_is_assumed_where_the_data_decides() -> None:
    ahead = look(images("scale: 0.00390625") + ip("z", "data", 'type: "xavier"') + LOSS)
    assert ahead.sizes_assumed
    assert ahead.shapes.blobs[ahead.net.layers[0].tops[0]] == (16, 3, 28, 28)
    assert ahead.forth.first_loss == pytest.approx(log(10), rel=0.15)


@pytest.mark.parametrize(
    ("transform", "shape"),
    [
        pytest.param("crop_size: 40", (16, 3, 40, 40), id="crop"),
        pytest.param("mean_value: 7", (16, 1, 28, 28), id="one-mean-one-channel"),
        pytest.param("force_gray: true", (16, 1, 28, 28), id="grey"),
    ],
)
def test_what_is_known_of_the_size_counts(transform: str, shape: tuple[int, ...]) -> None:
    ahead = look(images(transform) + ip("z", "data", 'type: "xavier"') + LOSS)
    assert ahead.shapes.blobs[ahead.net.layers[0].tops[0]] == shape


def test_large_windows_need_large_images() -> None:
    own = 'convolution_param { num_output: 8 kernel_size: 50 weight_filler { type: "msra" } }'
    conv = layer("c", "Convolution", "data -> c", own)
    ahead = look(images() + conv + ip("z", "c", 'type: "xavier"') + LOSS)
    assert ahead.shapes.blobs[ahead.net.layers[0].tops[0]] == (16, 3, 64, 64)


@pytest.mark.parametrize(
    ("loss", "chance"),
    [
        pytest.param(LOSS, log(10), id="softmax"),
        pytest.param(
            layer("loss", "SoftmaxWithLoss", "z label -> loss", "loss_weight: 0.3"),
            0.3 * log(10), id="weighted",
        ),
        pytest.param(
            layer("loss", "SoftmaxWithLoss", "z label -> loss",
                  "loss_param { normalization: NONE }"),
            16 * log(10), id="summed",
        ),
        pytest.param(
            layer("loss", "SigmoidCrossEntropyLoss", "z label -> loss"), log(2), id="sigmoid"
        ),
        pytest.param(layer("loss", "HingeLoss", "z label -> loss"), 10.0, id="hinge"),
        pytest.param(
            layer("p", "Softmax", "z -> p")
            + layer("loss", "MultinomialLogisticLoss", "p label -> loss"),
            log(10), id="multinomial",
        ),
        pytest.param(layer("loss", "EuclideanLoss", "z label -> loss"), None, id="euclidean"),
    ],
)  # fmt: skip
def test_chance(loss: str, chance: float | None) -> None:
    outputs = 1 if "Sigmoid" in loss or "Euclidean" in loss else 10
    ahead = look(images() + ip("z", "data", 'type: "constant"', outputs) + loss)
    assert ahead.chance == (None if chance is None else pytest.approx(chance, rel=1e-6))
    if chance is not None:
        assert ahead.forth.first_loss == pytest.approx(chance, rel=1e-4)


def test_no_chance_where_the_scores_have_no_classes() -> None:
    text = images() + layer("r", "Reduction", "data -> r", "reduction_param { axis: 1 }")
    text += layer("loss", "SigmoidCrossEntropyLoss", "r label -> loss")
    assert look(text).chance is None


def test_a_net_that_no_usual_image_fits() -> None:
    own = 'convolution_param { num_output: 8 kernel_size: 500 weight_filler { type: "msra" } }'
    built = net(images() + layer("c", "Convolution", "data -> c", own))
    assert outlook(built, set_up(built)[0]) is None


def test_scaling_raw_pixels_down() -> None:
    raw = look(images() + ip("z", "data", 'type: "xavier"') + LOSS)
    scaled = look(images("scale: 0.00390625") + ip("z", "data", 'type: "xavier"') + LOSS)
    assert raw.scaled() == pytest.approx(scaled.forth.first_loss, rel=1e-6)
    assert scaled.scaled() is None


def test_extremes() -> None:
    text = images() + ip("a", "data", 'type: "gaussian" std: 1', 50)
    text += ip("b", "a", 'type: "gaussian" std: 1e-4', 50) + ip("z", "b", 'type: "xavier"') + LOSS
    weakest, strongest = look(text).extremes() or (None, None)
    assert weakest is not None
    assert strongest is not None
    assert (weakest.name, strongest.name) == ("b", "a")


def test_fitting_weights_are_larger_before_a_relu() -> None:
    text = images("crop_size: 10") + ip("a", "data", 'type: "msra"', 50)
    text += layer("r", "ReLU", "a -> a") + ip("z", "a", 'type: "xavier"') + LOSS
    ahead = look(text)
    for number, fitting, inputs in ((1, (2 / 300) ** 0.5, 300), (3, 50**-0.5, 50)):
        fit = ahead.fit(ahead.net.layers[number])
        assert fit is not None
        assert fit[:2] == pytest.approx((fitting, fitting))
        assert fit[2] == inputs


def test_weights_are_fit_through_layers_that_pass_on() -> None:
    text = images("crop_size: 10") + ip("a", "data", 'type: "msra"', 50)
    text += layer("n", "BatchNorm", "a -> a") + layer("s", "Scale", "a -> a")
    text += layer("d", "Dropout", "a -> a") + layer("r", "ReLU", "a -> a")
    transposed = ip("z", "a", 'type: "xavier"').replace("num_output", "transpose: true num_output")
    ahead = look(text + transposed + LOSS)
    fits = {one.name: ahead.fit(one) for one in ahead.net.layers}
    for name, fitting, inputs in (("a", (2 / 300) ** 0.5, 300), ("z", 50**-0.5, 50)):
        fit = fits[name]
        assert fit is not None
        assert fit[1] == pytest.approx(fitting)
        assert fit[2] == inputs
    assert fits["r"] is None
    strongest = ahead.extremes()
    assert strongest is not None
    assert {one.name for one in strongest} == {"z"}  # a is normalised right above


@pytest.mark.parametrize(
    "more",
    [
        pytest.param('base_lr: 0 lr_policy: "fixed" max_iter: 100', id="no-rate"),
        pytest.param('base_lr: 1 lr_policy: "fixed"', id="no-iterations"),
        pytest.param('base_lr: 1 lr_policy: "none" max_iter: 100', id="no-schedule"),
    ],
)
def test_without_a_rate_nothing_is_reached(more: str) -> None:
    text = images("scale: 0.00390625") + ip("z", "data", 'type: "xavier"') + LOSS
    assert look(text, message(f'net: "n" {more}', "solver")).reach is None


def test_without_a_solver_nothing_moves() -> None:
    ahead = look(images() + ip("z", "data", 'type: "xavier"') + LOSS)
    assert (ahead.fastest, ahead.reach, ahead.updates, ahead.weight_updates) == (None, None, {}, [])


def test_speed_and_reach() -> None:
    text = images("scale: 0.00390625") + ip("z", "data", 'type: "xavier"') + LOSS
    ahead = look(text, message(SOLVER, "solver"))
    assert ahead.step is not None
    (weights,) = ahead.weight_updates
    assert ahead.fastest == pytest.approx(weights.driven / weights.weights)
    loss = ahead.forth.first_loss
    assert loss is not None
    assert ahead.reach == pytest.approx(100 * ahead.step.falls / loss)
    falling = SOLVER.replace('"fixed"', '"step" gamma: 0.1 stepsize: 50')
    assert look(text, message(falling, "solver")).reach == pytest.approx(
        55 * ahead.step.falls / loss
    )


def test_weights_of_0_are_not_slow() -> None:
    text = images() + ip("z", "data", 'type: "constant"') + LOSS
    assert look(text, message(SOLVER, "solver")).fastest == inf
