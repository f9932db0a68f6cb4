"""Layers of one name in training net and test net that are not the same."""

from __future__ import annotations

import pytest

from caffelint.model.build import set_up
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.model.solver import net_uses, overridden_phase
from caffelint.model.twins import check_phases, check_twins

from .build import layer, message

DATA = layer("data", "Input", "-> data", "input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } }")


def pair(type_: str, train: str, test: str, test_type: str = "") -> str:
    return (
        DATA
        + layer("one", type_, "data -> one", f"include {{ phase: TRAIN }} {train}")
        + layer("one", test_type or type_, "data -> one", f"include {{ phase: TEST }} {test}")
    )


def found(text: str) -> list[tuple[str, ...]]:
    whole = message(text)
    train, test = Net(whole, State("TRAIN")), Net(whole, State("TEST"))
    return [
        (one.kind, *map(str, one.values.values()))
        for one in check_twins(train, test, set_up(test)[0])
    ]


def pooling(own: str) -> str:
    return f"pooling_param {{ kernel_size: 2 {own} }}"


def convolution(own: str) -> str:
    return f"convolution_param {{ num_output: 4 kernel_size: 3 {own} }}"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(pair("Pooling", pooling(""), pooling("")), None, id="the-same"),
        pytest.param(pair("Pooling", pooling(""), pooling("pool: MAX")), None, id="the-default"),
        pytest.param(
            pair("Pooling", pooling("stride: 2"), pooling("")),
            ("test-layer-differs", "one", "stride", "1", "2"),
            id="stride",
        ),
        pytest.param(
            pair("Convolution", convolution("weight_filler { type: 'msra' }"), convolution("")),
            None,
            id="filler",
        ),
        pytest.param(
            pair("ReLU", "", "", test_type="PReLU"),
            ("test-layer-differs", "one", "type", "PReLU", "ReLU"),
            id="type",
        ),
        pytest.param(
            pair("Dropout", "", "dropout_param { dropout_ratio: 0.1 }"), None, id="not-compared"
        ),
        pytest.param(
            pair("Convolution", convolution(""), convolution("group: 1 dilation: 2")),
            ("test-layer-differs", "one", "dilation", "2", "1"),
            id="dilation",
        ),
        pytest.param(
            pair(
                "Convolution",
                convolution(""),
                "convolution_param { num_output: 4 kernel_size: [3, 3] pad: 0 stride: 1 }",
            ),
            None,
            id="other-words",
        ),
        pytest.param(
            pair("Pooling", pooling(""), "pooling_param { kernel_h: 2 kernel_w: 2 }"),
            None,
            id="by-axis",
        ),
        pytest.param(
            pair(
                "Convolution",
                "convolution_param { num_output: 4 kernel_size: 3 }",
                "convolution_param { num_output: 5 kernel_size: 3 }",
            ),
            ("test-shape-differs", "one", "weight", "5×3×3×3", "4×3×3×3"),
            id="shape",
        ),
    ],
)
def test_twins(text: str, want: tuple[str, ...] | None) -> None:
    assert found(text) == ([want] if want else [])


TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


def images(source: str, more: str) -> str:
    own = f"image_data_param {{ source: '{source}' }}"
    return layer("in", "ImageData", "-> x label", f"{more} {own}")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(images("a", TRAIN) + images("b", TEST), [], id="other-data"),
        pytest.param(
            images("a", TRAIN) + images("a", TEST), ["test-on-training-data"], id="same-data"
        ),
        pytest.param(images("a", ""), [], id="one-layer-for-both"),
        pytest.param(
            images("a", TRAIN) + images("a", "include { phase: TEST stage: 's' }"),
            [],
            id="meant",
        ),
        pytest.param(
            DATA + layer("r", "ReLU", "data -> data", TRAIN), ["in-one-phase-only"], id="relu"
        ),
        pytest.param(DATA + layer("d", "Dropout", "data -> data", TRAIN), [], id="dropout"),
        pytest.param(
            DATA
            + layer("bn", "BatchNorm", "data -> data", TRAIN)
            + layer("bn_test", "BatchNorm", "data -> data", TEST),
            [],
            id="a-pair",
        ),
        pytest.param(DATA + layer("r", "ReLU", "data -> r", TRAIN), [], id="not-in-place"),
    ],
)
def test_phases(text: str, want: list[str]) -> None:
    whole = message(text)
    test = State("TEST", stages=frozenset("s"))
    problems = check_phases(Net(whole, State("TRAIN")), Net(whole, test))
    assert [one.kind for one in problems] == want


@pytest.mark.parametrize(
    ("net", "solver", "want"),
    [
        pytest.param("name: 'n'", "", [None, None], id="nothing-written"),
        pytest.param("state { phase: TEST }", "", ["TEST", None], id="trains-in-test"),
        pytest.param("state { phase: TRAIN }", "", [None, "TRAIN"], id="tests-in-train"),
        pytest.param(
            "state { phase: TEST }", "train_state { phase: TRAIN }", [None, None], id="decided"
        ),
        pytest.param("state { level: 1 }", "", [None, None], id="no-phase"),
    ],
)
def test_overridden_phase(net: str, solver: str, want: list[str | None]) -> None:
    uses = net_uses(message(f"net: 'n' test_iter: 1 {solver}", kind="solver"))
    problems = [overridden_phase(use, message(net)) for use in uses]
    assert [one and one.values["phase"] for one in problems] == want
