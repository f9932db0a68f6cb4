"""Nets set up layer by layer: blobs that layers share, and what is not known of a layer."""

from __future__ import annotations

import pytest

from caffelint.model.build import set_up

from .build import layer, net

W = 'weight_filler { type: "xavier" }'


# Shared blobs


def shared(first: str, second: str, inputs: int = 3) -> list[str]:
    ip = f"inner_product_param {{ num_output: 4 bias_term: false {W} }}"
    text = (
        layer("a", "Input", "-> a", "input_param { shape { dim: 2 dim: 3 } }")
        + layer("b", "Input", "-> b", f"input_param {{ shape {{ dim: 2 dim: {inputs} }} }}")
        + layer("one", "InnerProduct", "a -> x", f"param {{ {first} }} {ip}")
        + layer("two", "InnerProduct", "b -> y", f"param {{ {second} }} {ip}")
    )
    return [problem.kind for problem in set_up(net(text))[1]]


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
    assert shared(first, second, inputs) == kinds


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


def test_a_weighted_top_must_not_be_empty() -> None:
    text = layer("a", "Input", "-> a", "input_param { shape { dim: 0 } }") + layer(
        "sum", "Power", "a -> sum", "loss_weight: 1"
    )
    assert [problem.kind for problem in set_up(net(text))[1]] == ["empty-blob"]
    # SetLossWeights passes over a weight of 0 (layer.hpp).
    assert set_up(net(text.replace("loss_weight: 1", "loss_weight: 0")))[1] == []
