"""Two nets held against each other: training against test, training against deploy."""

from __future__ import annotations

import pytest

from caffelint.core.problem import Problem
from caffelint.model.build import set_up
from caffelint.model.compare import (
    Outline,
    check_deploy,
    check_transforms,
    fit,
    has_its_own,
    only_here,
    outline,
    training_net,
)
from caffelint.model.net import Net

from .build import layer, net

LOSS = layer("loss", "SoftmaxWithLoss", "ip label")


def images(transform: str, more: str = "") -> str:
    text = f"transform_param {{ {transform} }} image_data_param {{ source: 's' {more} }}"
    return layer("in", "ImageData", "-> data label", text)


@pytest.mark.parametrize(
    ("train", "test", "want"),
    [
        pytest.param("scale: 0.5", "scale: 0.5 mirror: true", None, id="same"),
        pytest.param("scale: 0.5", "", ("transform-differs", "scale", "1", "0.5"), id="scale"),
        pytest.param(
            "mean_value: 104 mean_value: 117 mean_value: 123",
            "",
            ("transform-differs", "mean", "nothing", "104, 117, 123"),
            id="no-mean",
        ),
        pytest.param("mean_value: 0", "", None, id="mean-of-nothing"),
        pytest.param(
            "mean_value: 117",
            "mean_value: 117 mean_value: 117 mean_value: 117",
            None,
            id="one-mean",
        ),
        pytest.param(
            "mean_value: 104 mean_value: 117 mean_value: 124",
            "mean_value: 104 mean_value: 117 mean_value: 123",
            ("mean-differs-slightly", "mean", "104, 117, 123", "104, 117, 124"),
            id="rounded",
        ),
        pytest.param(
            "mean_value: 114",
            "mean_value: 104 mean_value: 117 mean_value: 123",
            ("mean-differs-slightly", "mean", "104, 117, 123", "114"),
            id="one-mean-near-all",
        ),
        pytest.param(
            "mean_value: 117",
            "mean_value: 104 mean_value: 130",
            ("transform-differs", "mean", "104, 130", "117"),
            id="means-far-apart",
        ),
        pytest.param(
            "mean_file: 'a/train.bin'",
            "mean_file: 'b/test.bin'",
            ("mean-differs-slightly", "mean", 'the file "test.bin"', 'the file "train.bin"'),
            id="two-files",
        ),
        pytest.param("mean_file: 'a/m.bin'", "mean_file: 'b/m.bin'", None, id="moved-file"),
        pytest.param(
            "crop_size: 224",
            "crop_size: 227",
            ("crop-differs", "crop_size", "227", "224"),
            id="crop",
        ),
        pytest.param("crop_size: 224", "", None, id="crop-in-training-only"),
    ],
)
def test_transforms(train: str, test: str, want: tuple[str, ...] | None) -> None:
    problems = check_transforms(net(images(train)), net(images(test), "TEST"))
    found = [(p.kind, p.values["field"], p.values["test"], p.values["train"]) for p in problems]
    assert found == ([want] if want else [])
    assert {p.values["blob"] for p in problems} <= {"data"}


def test_one_layer_for_both_phases_is_not_compared() -> None:
    text = images("scale: 0.5")
    assert check_transforms(net(text), net(text, "TEST")) == []


def test_other_blobs_are_not_compared() -> None:
    other = images("").replace('top: "data"', 'top: "other"')
    assert check_transforms(net(images("scale: 0.5")), net(other, "TEST")) == []


def ip(name: str, out: int = 10, bottom: str = "data") -> str:
    return layer(
        name, "InnerProduct", f"{bottom} -> {name}", f"inner_product_param {{ num_output: {out} }}"
    )


@pytest.mark.parametrize(
    ("train", "test", "want"),
    [
        pytest.param(["ip"], ["ip"], {}, id="same"),
        pytest.param(["ip"], ["fc"], {"fc": "ip"}, id="renamed"),
        pytest.param(["ip"], ["ip", "fc"], {"fc": ""}, id="more"),
        pytest.param(["a", "b"], ["c"], {"c": ""}, id="not-clear-which"),
    ],
)
def test_layers_of_the_test_net_alone(
    train: list[str], test: list[str], want: dict[str, str]
) -> None:
    nets = [net(images("") + "".join(map(ip, names))) for names in (train, test)]
    extra = only_here(nets[1], nets[0])
    assert {layer_.name: other for layer_, other in extra.items()} == want


def sketched(file: str, built: Net) -> Outline:
    return outline(file, [(built, set_up(built)[0])])


def deploy_problems(
    deploy: str, train: str, names: tuple[str, str] = ("deploy.prototxt", "train_val.prototxt")
) -> list[Problem]:
    built = net(deploy, "TEST")
    own, other = sketched(names[0], built), sketched(names[1], net(train))
    partner = training_net(own, [other])
    if partner is None:
        return []
    problems = check_deploy(own, partner, built)
    assert fit(own, partner) is not bool(problems)
    return problems


@pytest.mark.parametrize(
    ("deploy", "train", "beside", "want"),
    [
        pytest.param("cars.prototxt", "train_sun.prototxt", "sun.prototxt", True, id="another-has"),
        pytest.param("sun.prototxt", "train_sun.prototxt", "sun2.prototxt", False, id="its-own"),
        pytest.param(
            "sun.prototxt", "train_sun.prototxt", "sun_deploy.prototxt", False, id="two-of-one-name"
        ),
        pytest.param("cars.prototxt", "train_sun.prototxt", "a.prototxt", False, id="nobody-has"),
        pytest.param("cars.prototxt", "train.prototxt", "test.prototxt", False, id="no-name"),
    ],
)
def test_a_training_net_that_has_its_own_deploy_net(
    deploy: str, train: str, beside: str, want: bool
) -> None:
    own, other = (sketched(name, net("")) for name in (deploy, train))
    assert has_its_own(other, own, [deploy, train, beside]) is want


def fed(channels: int = 3, size: int = 8) -> str:
    dims = f"dim: 1 dim: {channels} dim: {size} dim: {size}"
    return layer("in", "Input", "-> data", f"input_param {{ shape {{ {dims} }} }}")


SIZED = "new_height: 8 new_width: 8"
TRAIN = images("", SIZED) + ip("low", 30) + ip("ip", 10, "low") + LOSS


@pytest.mark.parametrize(
    ("deploy", "want"),
    [
        pytest.param(fed() + ip("low", 30) + ip("ip", 10, "low"), [], id="same"),
        pytest.param(
            fed() + ip("low", 30) + ip("fc", 10, "low"),
            [("deploy-layer-renamed", "fc")],
            id="renamed",
        ),
        pytest.param(
            fed() + ip("low", 30) + ip("ip", 7, "low"),
            [("deploy-shape-differs", "ip")],
            id="classes",
        ),
        pytest.param(
            fed(3, 9) + ip("low", 30) + ip("ip", 10, "low"),
            [("deploy-shape-differs", "low")],
            id="input-size",
        ),
        pytest.param(
            fed(1) + ip("low", 30) + ip("ip", 10, "low"),
            [("input-channels-differ", "in")],
            id="grey-for-colour",
        ),
        pytest.param(fed() + ip("low", 30), [], id="only-the-lower-part"),
        pytest.param(
            fed() + ip("low_a", 5) + ip("low_b", 30, "low_a") + ip("ip", 10, "low_b"),
            [],
            id="split-into-two",
        ),
        pytest.param(fed() + ip("x", 30) + ip("y", 10, "x"), [], id="another-net"),
    ],
)
def test_deploy_nets(deploy: str, want: list[tuple[str, str]]) -> None:
    problems = deploy_problems(deploy, TRAIN)
    assert [(p.kind, p.layer) for p in problems] == want
    assert not any(problem.rejects for problem in problems)


def test_nets_of_other_names_must_have_the_same_shapes() -> None:
    other = fed() + ip("low", 31) + ip("ip", 7, "low")
    assert deploy_problems(other, TRAIN, ("small.prototxt", "large_train.prototxt")) == []
    assert len(deploy_problems(other, TRAIN, ("x_deploy.prototxt", "x_train.prototxt"))) == 2
    # The biases agree, and the weights do not.
    larger, train = fed(3, 9) + ip("low", 30), images("", SIZED) + ip("low", 30) + LOSS
    assert deploy_problems(larger, train, ("small.prototxt", "large_train.prototxt")) == []
    # What follows from grey images in place of coloured ones may differ, whatever the names are.
    grey = fed(1) + ip("low", 30)
    (problem,) = deploy_problems(grey, train, ("small.prototxt", "large_train.prototxt"))
    assert problem.kind == "input-channels-differ"


def test_a_net_without_weights_belongs_to_no_training_net() -> None:
    own, train = sketched("deploy.prototxt", net(fed(), "TEST")), sketched("train", net(TRAIN))
    assert training_net(own, [train]) is None


def test_a_net_has_a_loss_if_one_of_its_views_has() -> None:
    views = [net(TRAIN), net(fed() + ip("low", 30), "TEST")]
    sketches = [(view, set_up(view)[0]) for view in views]
    assert outline("net", sketches).loss
    assert outline("net", sketches[::-1]).loss
    assert not outline("net", sketches[1:]).loss


def test_a_net_with_a_loss_is_no_deploy_net() -> None:
    text = fed() + layer("l", "Input", "-> label") + ip("low", 30) + ip("ip", 7, "low") + LOSS
    assert deploy_problems(text, TRAIN) == []
