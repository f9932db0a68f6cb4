"""Facts of how a layer stands in its net."""

from __future__ import annotations

from typing import Any

import pytest

from caffelint.engine.vocabulary import Layer
from caffelint.facts.layer import LayerFacts, Scene
from caffelint.facts.structure import memory_mib, namesakes
from caffelint.model.build import set_up
from caffelint.model.context import UNKNOWN

from ..model.build import layer, net

DATA = layer("data", "Input", "-> data", "input_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } }")


def ip(bottom: str, top: str, outputs: int = 10) -> str:
    return layer(
        top,
        "InnerProduct",
        f"{bottom} -> {top}",
        f"inner_product_param {{ num_output: {outputs} }}",
    )


def conv(bottom: str, top: str, outputs: int, more: str = "kernel_size: 1") -> str:
    own = f"convolution_param {{ num_output: {outputs} {more} }}"
    return layer(top, "Convolution", f"{bottom} -> {top}", own)


def facts(text: str, name: str) -> Any:
    whole = net(DATA + text)
    one = next(one for one in whole.layers if one.name == name)
    scene = Scene(whole, UNKNOWN, set_up(whole)[0], None, set(), {}, {})
    return LayerFacts(one, scene)


def test_a_layer_has_the_facts_of_the_vocabulary_and_no_others() -> None:
    """A translated expression would read any attribute, CEL's own interpreter only these."""
    made = facts(ip("data", "a"), "a")
    assert {name for name in dir(made) if name[0] != "_"} == set(Layer.__struct_fields__)


def test_chain_below() -> None:
    text = ip("data", "a") + layer("r", "ReLU", "a -> a") + layer("d", "Dropout", "a -> b")
    assert list(facts(text + ip("b", "c"), "c").chain_below) == ["Dropout", "ReLU", "InnerProduct"]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(ip("data", "a", 64) + ip("a", "z"), "a", id="two-matrices"),
        pytest.param(
            ip("data", "a", 64) + layer("d", "Dropout", "a -> a") + ip("a", "z"), "a", id="dropout"
        ),
        pytest.param(
            ip("data", "a", 64) + layer("r", "ReLU", "a -> a") + ip("a", "z"), "", id="relu"
        ),
        pytest.param(ip("data", "a", 8) + ip("a", "z", 64), "", id="narrow-one"),
        pytest.param(ip("data", "a", 192) + ip("a", "z", 1000), "a", id="as-wide-as-inputs"),
        pytest.param(conv("data", "a", 16) + conv("a", "z", 8), "a", id="one-by-one"),
        pytest.param(
            conv("data", "a", 16, "kernel_size: 3") + conv("a", "z", 8), "", id="windows-differ"
        ),
        pytest.param(conv("data", "a", 12, "kernel_size: 1 group: 3") + conv("a", "z", 8), "",
                     id="depthwise"),
        pytest.param(
            ip("data", "a", 64) + ip("a", "z") + layer("s", "Silence", "a"), "", id="used-twice"
        ),
    ],
)  # fmt: skip
def test_linear_below(text: str, want: str) -> None:
    assert facts(text, "z").linear_below == want


@pytest.mark.parametrize(
    ("own", "want"),
    [
        ("kernel_size: 3", ([3], [1], [0])),
        ("kernel_h: 3 kernel_w: 1 stride: 2", ([3, 1], [2], [0])),
        ("kernel_size: 3 pad_w: 1", ([3], [1], [0, 1])),
    ],
)
def test_windows(own: str, want: tuple[list[int], ...]) -> None:
    made = facts(conv("data", "a", 4, own), "a")
    assert (list(made.kernel), list(made.stride), list(made.pad)) == want


def test_sizes() -> None:
    made = facts(layer("bn", "BatchNorm", "data -> bn"), "bn")
    assert made.values_per_mean == 4 * 8 * 8
    assert list(made.bottom_dims) == [4, 3, 8, 8]
    assert made.printed_values == 4 * 3 * 8 * 8


def test_what_is_read_is_not_printed() -> None:
    text = layer("bn", "BatchNorm", "data -> bn") + layer("s", "Silence", "bn")
    assert facts(text, "bn").printed_values == 0


def test_classes() -> None:
    text = DATA + layer("label", "Input", "-> label") + ip("data", "a")
    made = facts(
        text + layer("acc", "Accuracy", "a label -> acc", "accuracy_param { top_k: 5 }"), "acc"
    )
    assert (made.classes, made.top_k) == (10, 5)


def test_namesakes() -> None:
    whole = net(DATA + ip("data", "a") + layer("a", "ReLU", "a -> a") + ip("a", "b"))
    assert [(one.type, first.type) for one, first in namesakes(whole).items()] == [
        ("ReLU", "InnerProduct")
    ]


def test_memory() -> None:
    weights = 192 * 10 + 10
    text = DATA + ip("data", "a")
    test = net(text, "TEST")
    assert memory_mib(test, set_up(test)[0]) == pytest.approx((768 + 40 + weights) * 4 / 2**20)
