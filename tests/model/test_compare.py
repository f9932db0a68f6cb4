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

from .build import layer, net, unmark

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
            "mean_value: 104 mean_value: 117 mean_value: 123",
            "mean_value: 104 mean_value: 117 mean_value: 150",
            ("transform-differs", "mean", "104, 117, 150", "104, 117, 123"),
            id="one-mean-far-apart",
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
        pytest.param("", "crop_size: 224", None, id="crop-in-tests-only"),
        pytest.param(
            "scale: 0.00390625",
            "scale: 0.5",
            ("transform-differs", "scale", "0.5", "0.00390625"),
            id="scales",
        ),
        pytest.param("scale: 0.003921568", "scale: 0.0039215684", None, id="rounded-scale"),
        pytest.param(
            "mean_value: 104",
            "mean_value: 115",
            ("transform-differs", "mean", "115", "104"),
            id="farther-than-pictures-vary",
        ),
        pytest.param(
            "mean_value: 104",
            "mean_value: 114",
            ("mean-differs-slightly", "mean", "114", "104"),
            id="as-far-as-pictures-vary",
        ),
        pytest.param(
            "mean_value: 104 mean_value: 117",
            "mean_value: 104 mean_value: 117 mean_value: 123",
            ("transform-differs", "mean", "104, 117, 123", "104, 117"),
            id="means-for-another-number-of-channels",
        ),
        pytest.param("mean_value: 0 mean_value: 0", "", None, id="means-of-nothing"),
        pytest.param(
            "mean_value: 5", "", ("transform-differs", "mean", "nothing", "5"), id="near-nothing"
        ),
        pytest.param(
            "", "mean_value: 5", ("transform-differs", "mean", "5", "nothing"), id="mean-in-tests"
        ),
        pytest.param(
            "mean_value: 104",
            "mean_file: 'm.bin'",
            ("transform-differs", "mean", 'the file "m.bin"', "104"),
            id="a-file-for-a-number",
        ),
        pytest.param(
            "mean_file: 'm.bin'",
            "mean_value: 104",
            ("transform-differs", "mean", "104", 'the file "m.bin"'),
            id="a-number-for-a-file",
        ),
    ],
)
def test_transforms(train: str, test: str, want: tuple[str, ...] | None) -> None:
    problems = check_transforms(net(images(train)), net(images(test), "TEST"))
    found = [(p.kind, p.values["field"], p.values["test"], p.values["train"]) for p in problems]
    assert found == ([want] if want else [])
    assert {(p.values["blob"], p.layer, p.rejects) for p in problems} <= {("data", "in", False)}


def test_all_that_differs_is_told() -> None:
    train, test = images("scale: 2 mean_value: 9 crop_size: 4"), images("crop_size: 5")
    found = [p.values["field"] for p in check_transforms(net(train), net(test, "TEST"))]
    assert found == ["scale", "mean", "crop_size"]


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param("name: 'in' type: 'Data' transform_param { scale: «2» }", id="the-field"),
        pytest.param(
            "name: 'in' type: 'Data' transform_param { scale: 0.5 mean_value: «90» }",
            id="the-mean",
        ),
        pytest.param(
            "name: 'in' type: 'Data' transform_param { scale: 0.5 mean_file: «'m'» }",
            id="the-mean-file",
        ),
        pytest.param("name: 'in' type: 'Data' «transform_param» { mirror: true }", id="the-block"),
        pytest.param("name: «'in'» type: 'Data'", id="the-name"),
        pytest.param("type: «'Data'»", id="the-type"),
    ],
)
def test_where_a_transform_is_shown(marked: str) -> None:
    text, (span,) = unmark(f"layer {{ top: 'data' top: 'label' {marked} }}")
    train = images("scale: 0.5").replace("ImageData", "Data").replace("image_data", "data")
    problems = check_transforms(net(train), net(text, "TEST"))
    assert [text[slice(*p.span)] for p in problems] == [text[slice(*span)]]


def test_one_layer_for_both_phases_is_not_compared() -> None:
    text = images("scale: 0.5")
    assert check_transforms(net(text), net(text, "TEST")) == []


def test_layers_of_other_types_are_not_compared() -> None:
    other = layer("in", "Data", "-> data label", "data_param { source: 's' }")
    assert check_transforms(net(images("scale: 0.5")), net(other, "TEST")) == []
    outside = layer("in", "Input", "-> data label")
    assert check_transforms(net(outside), net(outside, "TEST")) == []


def test_layers_are_paired_by_their_first_blob() -> None:
    train = images("scale: 0.5")
    test = images("scale: 2").replace('"label"', '"other"')
    problems = check_transforms(net(train), net(test, "TEST"))
    assert [(p.values["train"], p.values["blob"]) for p in problems] == [("0.5", "data")]


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


@pytest.mark.parametrize(
    ("train", "test", "want"),
    [
        pytest.param(layer("a", "PReLU", "data -> a"), ip("b"), {"b": ""}, id="another-type"),
        pytest.param(
            ip("a"), layer("a", "ReLU", "data -> a") + ip("b"), {"b": ""}, id="the-name-is-taken"
        ),
        pytest.param("", layer("r", "ReLU", "data -> r"), {}, id="nothing-learned"),
        pytest.param(
            layer("b", "ReLU", "data -> b"), ip("b"), {"b": ""}, id="nothing-learned-in-training"
        ),
        pytest.param("", layer("n", "BatchNorm", "data -> n"), {}, id="statistics-are-not-learned"),
    ],
)
def test_layers_alone_are_learned_ones(train: str, test: str, want: dict[str, str]) -> None:
    extra = only_here(net(images("") + test, "TEST"), net(images("") + train))
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


@pytest.mark.parametrize(
    ("deploy", "want"),
    [
        pytest.param(
            fed() + ip("low", 30) + ip("fc", 10, "low"),
            {"layer": "fc", "type": "InnerProduct", "trained": "ip"},
            id="renamed",
        ),
        pytest.param(
            fed() + ip("low", 30) + ip("ip", 7, "low"),
            {
                "layer": "ip",
                "type": "InnerProduct",
                "blob": "weight",
                "shape": "7×30",
                "trained": "10×30",
            },
            id="another-shape",
        ),
        pytest.param(
            fed(1) + ip("low", 30) + ip("ip", 10, "low"),
            {"layer": "in", "blob": "data", "channels": 1, "trained": 3, "reader": "low"},
            id="channels",
        ),
    ],
)
def test_what_is_told_of_a_deploy_net(deploy: str, want: dict[str, object]) -> None:
    problems = deploy_problems(deploy, TRAIN)
    assert [one.values for one in problems] == [{**want, "train": "train_val.prototxt"}]
    assert problems[0].layer == want["layer"]


def test_only_a_bias_may_differ() -> None:
    turned = ip("ip", 5).replace("{ num", "{ transpose: true num")
    shapes = ((192, 5), (4,))
    train = Outline("t", True, {"ip": ("InnerProduct", shapes)}, {})
    built = net(fed() + turned, "TEST")
    (problem,) = check_deploy(sketched("d", built), train, built)
    assert (problem.values["blob"], problem.values["trained"]) == ("bias", "4")


def test_grey_images_that_no_weights_meet_are_no_matter() -> None:
    grey = layer("in", "Input", "-> data", "input_param { shape { dim: [1, 1, 8, 8] } }")
    more = layer("low_in", "Input", "-> low", "input_param { shape { dim: [1, 30] } }")
    train = images("", SIZED) + more + ip("ip", 10, "low") + LOSS
    assert deploy_problems(grey + more + ip("ip", 10, "low"), train) == []


def test_channels_are_told_before_what_follows_from_them_and_after_names() -> None:
    text = fed(1) + ip("low", 30) + ip("fc", 10, "low")
    assert [p.kind for p in deploy_problems(text, TRAIN)] == [
        "deploy-layer-renamed", "input-channels-differ",
    ]  # fmt: skip
    four = fed(4) + ip("low", 30) + ip("ip", 10, "low")
    assert [p.kind for p in deploy_problems(four, TRAIN)] == ["deploy-shape-differs"]


@pytest.mark.parametrize(
    ("deploy", "train", "want"),
    [
        pytest.param("a b", "a c", [("b", "c")], id="one-for-one"),
        pytest.param("a b d", "a c", [], id="two-for-one"),
        pytest.param("a b", "a c d", [], id="one-for-two"),
        pytest.param("a", "a c", [], id="none-for-one"),
    ],
)
def test_which_layer_was_renamed(deploy: str, train: str, want: list[tuple[str, str]]) -> None:
    def chained(names: str) -> str:
        return "".join(ip(name, 192) for name in names.split())

    problems = deploy_problems(fed() + chained(deploy), images("", SIZED) + chained(train) + LOSS)
    assert [(p.layer, p.values["trained"]) for p in problems] == want


def test_a_layer_of_another_type_is_no_renamed_one() -> None:
    train = TRAIN + layer("act", "PReLU", "data -> act")
    assert deploy_problems(fed() + ip("low", 30) + ip("ip", 10, "low") + ip("x"), train) == []
    # Another type under the same name is not compared by shape.
    other = fed() + ip("low", 30) + ip("ip", 10, "low") + layer("act", "Bias", "data -> act")
    assert deploy_problems(other, train) == []
    assert deploy_problems(fed() + ip("low", 30) + ip("ip", 10, "low") + ip("act"), train) == []


def test_renamed_in_a_file_of_another_name_with_the_same_shapes_only() -> None:
    names = ("small.prototxt", "large_train.prototxt")
    low = fed() + ip("low", 30)
    assert [p.kind for p in deploy_problems(low + ip("fc", 10, "low"), TRAIN, names)] == [
        "deploy-layer-renamed"
    ]
    assert deploy_problems(low + ip("fc", 7, "low"), TRAIN, names) == []
    alike = deploy_problems(low + ip("fc", 7, "low"), TRAIN)
    assert [p.kind for p in alike] == ["deploy-layer-renamed"]
    own, other = sketched(names[0], net(low + ip("fc", 7, "low"))), sketched(names[1], net(TRAIN))
    assert fit(own, other)


def test_the_training_net_is_the_one_with_most_of_the_layers() -> None:
    own = sketched("deploy.prototxt", net(fed() + ip("low", 30) + ip("ip", 10, "low"), "TEST"))
    half = sketched("a", net(images("", SIZED) + ip("low", 30) + LOSS))
    whole, same = sketched("b", net(TRAIN)), sketched("c", net(TRAIN))
    without = sketched("d", net(TRAIN.replace(LOSS, "")))
    assert training_net(own, [half, whole, same]) is whole
    assert training_net(own, [half]) is half
    assert training_net(own, [without]) is None
    third = sketched("deploy", net(fed() + ip("low", 30) + ip("x", 9) + ip("y", 9), "TEST"))
    assert training_net(third, [half]) is None


def test_an_outline_takes_each_layer_and_blob_from_the_first_view_that_has_it() -> None:
    views = [net(fed(3) + ip("low", 30)), net(fed(1) + ip("low", 31) + ip("ip", 7, "low"), "TEST")]
    flat = net(layer("in", "Input", "-> x label", "input_param { shape { dim: [2, 5] } }"))
    found = outline("net", [(view, set_up(view)[0]) for view in (*views, flat)])
    assert found.channels == {"data": 3}
    assert found.learned == {
        "low": ("InnerProduct", [(30, 192), (30,)]),
        "ip": ("InnerProduct", [(7, 31), (7,)]),
    }
    assert sketched("net", net(images("", SIZED))).channels == {"data": 3}


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
