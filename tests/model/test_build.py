"""Nets set up layer by layer: blobs that layers share, and what is not known of a layer."""

from __future__ import annotations

import pytest

from caffelint.core.problem import Problem
from caffelint.model.build import counts_fit, set_up
from caffelint.model.shapes.setup import Shape

from .build import layer, net, unmark

W = 'weight_filler { type: "xavier" }'


# Shared blobs


def shared(first: str, second: str, inputs: int = 3) -> list[Problem]:
    ip = f"inner_product_param {{ num_output: 4 bias_term: false {W} }}"
    text = (
        layer("a", "Input", "-> a", "input_param { shape { dim: 2 dim: 3 } }")
        + layer("b", "Input", "-> b", f"input_param {{ shape {{ dim: 2 dim: {inputs} }} }}")
        + layer("one", "InnerProduct", "a -> x", f"param {{ {first} }} {ip}")
        + layer("two", "InnerProduct", "b -> y", f"param {{ {second} }} {ip}")
    )
    text, spans = unmark(text)
    problems = set_up(net(text))[1]
    assert not spans or [problem.span for problem in problems] == spans
    return problems


@pytest.mark.parametrize(
    ("first", "second", "inputs", "kinds"),
    [
        ('name: "w"', 'name: "w"', 3, []),
        ('name: "w"', 'name: "v"', 5, []),
        ('name: "w"', 'name: "w"', 5, ["shared-param-shape"]),
        ('name: "w"', 'name: "w" share_mode: PERMISSIVE', 5, ["shared-param-shape"]),
        ('name: "w" lr_mult: 1', 'name: "w"', 3, []),
        ('name: "w"', 'name: "w" lr_mult: 2', 3, []),
        ('name: "w" lr_mult: 1', 'name: "w" lr_mult: 2', 3, ["shared-param-multiplier"]),
        ('name: "w" decay_mult: 1', 'name: "w" decay_mult: 0', 3, ["shared-param-multiplier"]),
    ],
)
def test_sharing(first: str, second: str, inputs: int, kinds: list[str]) -> None:
    assert [problem.kind for problem in shared(first, second, inputs)] == kinds


@pytest.mark.parametrize(
    ("first", "second", "inputs", "kind", "values"),
    [
        ('name: "w"', 'name: «"w"»', 5, "shared-param-shape", {"wanted": "4×3", "shape": "4×5"}),
        ('name: "w" lr_mult: 1', 'name: "w" lr_mult: «0.5»', 3, "shared-param-multiplier",
         {"field": "lr_mult", "wanted": "1", "found": "0.5"}),
        ('name: "w" lr_mult: 1 decay_mult: 2', 'name: "w" lr_mult: 1 decay_mult: «0»', 3,
         "shared-param-multiplier", {"field": "decay_mult", "wanted": "2", "found": "0"}),
    ],
)  # fmt: skip
def test_what_is_told_of_a_blob_that_cannot_be_shared(
    first: str, second: str, inputs: int, kind: str, values: dict[str, str]
) -> None:
    (problem,) = shared(first, second, inputs)
    named = {"param": "w", "layer": "two", "owner": "one"}
    assert (problem.kind, problem.values, problem.layer) == (kind, named | values, "two")
    ((_, words),) = problem.also
    assert words == 'owned by "one"'


def test_a_third_layer_must_agree_with_what_the_second_has_set() -> None:
    """net.cpp, AppendParam: the owner takes over what it was not given."""
    ip = f"inner_product_param {{ num_output: 3 bias_term: false {W} }}"
    text = layer("a", "Input", "-> a", "input_param { shape { dim: 2 dim: 3 } }")
    for number, more in enumerate(("", "lr_mult: 2", "lr_mult: 1", "lr_mult: 2")):
        own = f'param {{ name: "w" {more} }} {ip}'
        text += layer(f"ip{number}", "InnerProduct", f"a -> x{number}", own)
    problems = set_up(net(text))[1]
    assert [(problem.layer, problem.values["wanted"]) for problem in problems] == [("ip2", "2")]


def test_blobs_of_one_layer_are_shared_by_their_own_names() -> None:
    ip = f"inner_product_param {{ num_output: 3 {W} }}"
    text = layer("a", "Input", "-> a", "input_param { shape { dim: 2 dim: 3 } }")
    text += layer("one", "InnerProduct", "a -> x", f'param {{ }} param {{ name: "b" }} {ip}')
    same = layer("two", "InnerProduct", "a -> y", f'param {{ }} param {{ name: "b" }} {ip}')
    other = layer("two", "InnerProduct", "a -> y", f'param {{ name: "b" }} {ip}')
    assert set_up(net(text + same))[1] == []
    (problem,) = set_up(net(text + other))[1]
    assert (problem.values["wanted"], problem.values["shape"]) == ("3", "3×3")


def test_what_is_not_known_of_a_shared_blob_is_not_held_against_it() -> None:
    ip = f"inner_product_param {{ num_output: 3 bias_term: false {W} }}"
    text = layer("a", "Input", "-> a", "input_param { shape { dim: 2 dim: 3 } }")
    text += layer("h", "HDF5Data", "-> h")
    for bottom in "ah":
        own = f'param {{ name: "w" }} {ip}'
        text += layer(f"ip_{bottom}", "InnerProduct", f"{bottom} -> {bottom}2", own)
    assert set_up(net(text))[1] == []


def test_permissive_sharing_counts_values() -> None:
    text = (
        layer("a", "Input", "-> a", "input_param { shape { dim: 1 dim: 6 dim: 2 dim: 2 } }")
        + layer("ip", "InnerProduct", "a -> x",
                f'param {{ name: "w" }} inner_product_param {{ num_output: 4 {W} }}')
        + layer("conv", "Convolution", "a -> y",
                'param { name: "w" share_mode: PERMISSIVE } convolution_param { '
                f"num_output: 4 kernel_size: 2 {W} }}")
    )  # fmt: skip
    assert set_up(net(text))[1] == []
    strict = set_up(net(text.replace("share_mode: PERMISSIVE", "")))[1]
    assert [problem.kind for problem in strict] == ["shared-param-shape"]


# Nets


def test_a_refused_layer_leaves_the_rest_unknown() -> None:
    text = (
        layer("a", "Input", "-> a", "input_param { shape { dim: 2 dim: 3 } }")
        + layer("pool", "Pooling", "a -> b", "pooling_param { kernel_size: 2 }")
        + layer("ip", "InnerProduct", "b -> c", f"inner_product_param {{ num_output: 4 {W} }}")
        + layer("loss", "EuclideanLoss", "c a -> loss")
    )
    shapes, problems = set_up(net(text))
    assert [problem.kind for problem in problems] == ["axes-count"]
    assert {blob.name: shape for blob, shape in shapes.blobs.items()}["b"] is None


def test_a_faulty_layer_is_not_judged() -> None:
    text = layer("a", "Input", "-> a", "input_param { shape { dim: -2 } }")
    shapes, problems = set_up(net(text), faulty={"a"})
    assert problems == []
    assert list(shapes.blobs.values()) == [None]


def test_given_shapes_complete_what_the_file_says() -> None:
    text = layer("d", "Data", "-> d", "data_param { batch_size: 4 }")
    shapes, _ = set_up(net(text), {"d": (1, 3, 5, 5)})
    assert list(shapes.blobs.values()) == [(4, 3, 5, 5)]


@pytest.mark.parametrize(
    ("made", "given", "want"),
    [
        pytest.param("-> d", (1, 3, 5, 5), (4, 3, 5, 5), id="the-file-goes-first"),
        pytest.param("-> d", (1, None, 5, 5), (4, None, 5, 5), id="as-far-as-it-is-known"),
        pytest.param("-> d", (7, 9), (7, 9), id="other-axes-are-meant"),
        pytest.param("-> d", None, (4, None, None, None), id="nothing-is-known-of-it"),
        pytest.param("-> e", (1, 3, 5, 5), (4, None, None, None), id="another-blob"),
    ],
)
def test_given_shapes(made: str, given: Shape, want: Shape) -> None:
    text = layer("d", "Data", made, "data_param { batch_size: 4 }")
    assert list(set_up(net(text), {"d": given})[0].blobs.values()) == [want]


def test_what_layers_make_of_others_is_not_given() -> None:
    text = layer("h", "HDF5Data", "-> a") + layer("r", "ReLU", "a -> a") + layer("t", "TanH", "a b")
    given: dict[str, Shape] = {"a": (2, 3), "t": (9,)}
    shapes, _ = set_up(net(text + layer("t", "Flatten", "a -> t")), given)
    assert list(shapes.blobs.values()) == [(2, 3), (2, 3), (2, 3)]


@pytest.mark.parametrize(
    ("type_", "wiring", "fits"),
    [
        ("Eltwise", "a b -> c", True),
        ("Eltwise", "a b a b a -> c", True),
        ("Eltwise", "a -> c", False),
        ("ReLU", "a -> c", True),
        ("ReLU", "a b -> c", False),
        ("ReLU", "-> c", False),
        ("ReLU", "a -> c d", False),
        ("ReLU", "a", False),
        ("Convolution", "a b -> c d", True),
        ("Convolution", "a b -> c", False),
        ("Convolution", "a -> c d", False),
        ("Split", "a -> c d", True),
        ("SoftmaxWithLoss", "a b", True),
        ("Input", "-> c", True),
        ("Input", "a -> c", False),
    ],
)
def test_numbers_of_blobs_that_fit(type_: str, wiring: str, fits: bool) -> None:
    """Of a layer that Caffe refuses for its numbers, nothing is worked out."""
    text = layer("in", "Input", "-> a b", "input_param { shape { dim: 2 dim: 3 } }")
    built = net(text + layer("x", type_, wiring))
    assert counts_fit(built.layers[1]) is fits
    if not fits:
        shapes, problems = set_up(built)
        assert problems == []
        assert {shapes.blobs[blob] for blob in built.layers[1].tops} <= {None}


def test_the_first_top_of_a_loss_is_set_up_though_it_is_not_named() -> None:
    """layer.hpp, SetLossWeights: that of a weight must hold something."""
    text = layer("a", "Input", "-> a b", "input_param { shape { dim: 2 dim: 3 } }")
    loss = layer("loss", "EuclideanLoss", "a b", "loss_weight: 1")
    assert set_up(net(text + loss))[1] == []


@pytest.mark.parametrize(
    ("weights", "kinds"),
    [
        pytest.param((1, 0), [], id="the-top-that-holds-something"),
        pytest.param((0, 1), ["empty-blob"], id="the-empty-top"),
        pytest.param((0, 0), [], id="none"),
    ],
)
def test_each_top_has_its_own_weight(weights: tuple[int, int], kinds: list[str]) -> None:
    shapes = "shape { dim: 2 } shape { dim: 0 }"
    given = " ".join(f"loss_weight: {weight}" for weight in weights)
    text = layer("a", "Input", "-> a b", f"input_param {{ {shapes} }} {given}")
    assert [problem.kind for problem in set_up(net(text))[1]] == kinds


def test_a_weighted_top_must_not_be_empty() -> None:
    text = layer("a", "Input", "-> a", "input_param { shape { dim: 0 } }") + layer(
        "sum", "Power", "a -> sum", "loss_weight: 1"
    )
    assert [problem.kind for problem in set_up(net(text))[1]] == ["empty-blob"]
    # SetLossWeights passes over a weight of 0 (layer.hpp).
    assert set_up(net(text.replace("loss_weight: 1", "loss_weight: 0")))[1] == []
