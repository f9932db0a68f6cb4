"""Layers of one name in training net and test net that are not the same."""

from __future__ import annotations

import pytest

from caffelint.core.problem import Problem
from caffelint.model.build import set_up
from caffelint.model.compare import Sketch
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.model.solver import net_uses, overridden_phase
from caffelint.model.twins import check_phases, check_twins

from .build import layer, message, net

DATA = layer("data", "Input", "-> data", "input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } }")


def pair(type_: str, train: str, test: str, test_type: str = "") -> str:
    return (
        DATA
        + layer("one", type_, "data -> one", f"include {{ phase: TRAIN }} {train}")
        + layer("one", test_type or type_, "data -> one", f"include {{ phase: TEST }} {test}")
    )


def product(more: str = "") -> str:
    return f"inner_product_param {{ num_output: 4 {more} }}"


def sketch(one: Net) -> Sketch:
    return one, set_up(one)[0]


def found(text: str) -> list[tuple[str, ...]]:
    whole = message(text)
    train, test = Net(whole, State("TRAIN")), Net(whole, State("TEST"))
    return [
        (one.kind, *map(str, one.values.values()))
        for one in check_twins(sketch(train), sketch(test))
    ]


def fed(size: int, phase: str) -> str:
    dims = f"shape {{ dim: [2, 3, {size}, {size}] }}"
    return layer(
        "data", "Input", "-> data", f"include {{ phase: {phase} }} input_param {{ {dims} }}"
    )


def shared(type_: str, block: str) -> str:
    kernel = "kernel_size: 3" if type_ == "Convolution" else ""
    return layer("one", type_, "data -> one", f"{block} {{ num_output: 4 {kernel} }}")


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
            pair("InnerProduct", product(), product("bias_term: false")),
            ("test-shape-differs", "one", "bias", "missing", "4"),
            id="bias-in-training-only",
        ),
        pytest.param(
            pair("InnerProduct", product("bias_term: false"), product()),
            ("test-shape-differs", "one", "bias", "4", "missing"),
            id="bias-in-test-only",
        ),
        pytest.param(
            pair("ReLU", "", "", test_type="ELU"),
            ("test-layer-differs", "one", "type", "ELU", "ReLU"),
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
            pair("Pooling", "pooling_param { kernel_h: 2 kernel_w: 2 }", pooling("")),
            None,
            id="by-axis-in-training",
        ),
        pytest.param(
            pair("Pooling", pooling("stride: 2"), pooling("stride_h: 2 stride_w: 2")),
            None,
            id="stride-by-axis",
        ),
        pytest.param(
            pair("Pooling", pooling("pad_h: 1 pad_w: 1"), pooling("pad: 1")),
            None,
            id="pad-by-axis-in-training",
        ),
        pytest.param(
            pair("ReLU", "", "", test_type="Dropout"), None, id="a-type-that-is-not-compared"
        ),
        pytest.param(
            pair("Dropout", "", "", test_type="ReLU"), None, id="a-type-not-compared-in-training"
        ),
        pytest.param(
            pair("LRN", "lrn_param { alpha: 0.0001 }", "lrn_param { alpha: 0.00005 }"),
            ("test-layer-differs", "one", "alpha", "5e-05", "0.0001"),
            id="number",
        ),
        pytest.param(
            pair("Pooling", pooling("pool: AVE stride: 2"), pooling("")),
            ("test-layer-differs", "one", "pool", "MAX", "AVE"),
            id="the-first-field-alone-is-told",
        ),
        pytest.param(
            pair("Convolution", convolution("pad: [1, 2]"), convolution("pad: 1")),
            ("test-layer-differs", "one", "pad", "1", "1, 2"),
            id="one-number-for-two-axes",
        ),
        pytest.param(
            pair("BatchNorm", "", "batch_norm_param { use_global_stats: true }"),
            None,
            id="meant-to-differ",
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
        pytest.param(
            fed(8, "TRAIN") + fed(9, "TEST") + shared("InnerProduct", "inner_product_param"),
            ("test-shape-differs", "one", "weight", "4×243", "4×192"),
            id="one-layer-with-inputs-of-two-sizes",
        ),
        pytest.param(
            fed(8, "TRAIN") + fed(9, "TEST") + shared("Convolution", "convolution_param"),
            None,
            id="kernels-take-any-size",
        ),
    ],
)
def test_twins(text: str, want: tuple[str, ...] | None) -> None:
    assert found(text) == ([want] if want else [])


def test_shapes_are_told_before_fields() -> None:
    slopes = pair("PReLU", "prelu_param { channel_shared: true }", "prelu_param { }")
    assert found(slopes) == [
        ("test-shape-differs", "one", "slope", "3", "scalar"),
        ("test-layer-differs", "one", "channel_shared", "False", "True"),
    ]


def test_each_pair_is_told() -> None:
    pools = pair("Pooling", pooling("stride: 2"), pooling(""))
    more = pools.replace(DATA, "").replace("one", "two")
    types = pair("ReLU", "", "", test_type="TanH").replace(DATA, "").replace("one", "three")
    assert [one[1] for one in found(types.join([pools, more]))] == ["one", "two"]


def test_coefficients_that_one_net_lacks() -> None:
    sums = [
        layer("one", "Eltwise", "data data -> sum", f"{phase} eltwise_param {{ {own} }}")
        for phase, own in ((TRAIN, "coeff: [1, -1]"), (TEST, ""))
    ]
    assert found(DATA + "".join(sums)) == [("test-layer-differs", "one", "coeff", "none", "1, -1")]


def placed(text: str, problems: list[Problem]) -> list[str]:
    """What the problems of a text point at."""
    return [text[slice(*one.span)] for one in problems]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(pair("Pooling", pooling(""), pooling("stride: 2")), "2", id="field"),
        pytest.param(pair("Pooling", pooling("stride: 2"), pooling("")), '"one"', id="not-written"),
        pytest.param(pair("ReLU", "", "", test_type="ELU"), '"ELU"', id="type"),
        pytest.param(
            pair("Convolution", convolution(""), convolution("").replace("4", "5")),
            '"one"',
            id="shape",
        ),
    ],
)
def test_where_a_difference_is_shown(text: str, want: str) -> None:
    whole = message(text)
    train, test = Net(whole, State("TRAIN")), Net(whole, State("TEST"))
    problems = check_twins(sketch(train), sketch(test))
    assert placed(text, problems) == [want]
    assert text[: problems[0].span.start].count("layer {") == 3
    # ShareTrainedLayersWith refuses another shape, and nothing else.
    assert [one.rejects for one in problems] == [
        one.kind == "test-shape-differs" for one in problems
    ]


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
        pytest.param(
            DATA + layer("r", "ReLU", "data -> data", TEST), ["in-one-phase-only"], id="in-tests"
        ),
        pytest.param(
            DATA + layer("r", "ReLU", "data -> data", "exclude { phase: TEST }"),
            ["in-one-phase-only"],
            id="left-out-of-tests",
        ),
        pytest.param(
            DATA + layer("b", "Split", "data -> b", TRAIN) + layer("r", "ReLU", "b -> b", TRAIN),
            [],
            id="on-a-blob-of-that-phase-alone",
        ),
        pytest.param(
            DATA
            + layer("a", "ReLU", "data -> data", TRAIN)
            + layer("b", "TanH", "data -> data", TEST),
            ["in-one-phase-only", "in-one-phase-only"],
            id="another-type-is-no-pair",
        ),
        pytest.param(
            DATA
            + layer("d", "Dropout", "data -> data", TRAIN)
            + layer("r", "ReLU", "data -> data", TRAIN),
            ["in-one-phase-only"],
            id="behind-one-that-may",
        ),
        pytest.param(
            layer("in", "ImageData", "-> x label", TRAIN)
            + layer("in", "ImageData", "-> x label", TEST),
            [],
            id="no-data-named",
        ),
        pytest.param(
            images("a", TRAIN) + layer("in", "Input", "-> x", TEST), [], id="data-from-outside"
        ),
        pytest.param(
            images("a", TRAIN) + images("b", TEST) + images("a", TEST).replace("x", "y"),
            ["test-on-training-data"],
            id="the-second-of-two",
        ),
        pytest.param(
            images("a", TRAIN) + images("a", "include { phase: TEST } include { stage: 'no' }"),
            [],
            id="meant-in-the-second-rule",
        ),
        *(
            pytest.param(
                layer("in", type_, "-> x", f"{TRAIN} {own} {{ source: 'a' }}")
                + layer("in", type_, "-> x", f"{TEST} {own} {{ source: 'a' }}"),
                ["test-on-training-data"],
                id=f"same-{own}",
            )
            for type_, own in (
                ("Data", "data_param"),
                ("HDF5Data", "hdf5_data_param"),
                ("WindowData", "window_data_param"),
            )
        ),
    ],
)
def test_phases(text: str, want: list[str]) -> None:
    whole = message(text)
    test = State("TEST", stages=frozenset("s"))
    problems = check_phases(Net(whole, State("TRAIN")), Net(whole, test))
    assert [one.kind for one in problems] == want
    assert not any(one.rejects for one in problems)


@pytest.mark.parametrize(
    ("text", "values", "where"),
    [
        pytest.param(
            images("a", TRAIN) + images("a", TEST), {"layer": "in", "source": "a"}, "'a'", id="data"
        ),
        pytest.param(
            DATA + layer("r", "ReLU", "data -> data", TRAIN),
            {"layer": "r", "type": "ReLU", "blob": "data", "phase": "TRAIN"},
            "include",
            id="included",
        ),
        pytest.param(
            DATA + layer("r", "ReLU", "data -> data", "exclude { phase: TRAIN }"),
            {"layer": "r", "type": "ReLU", "blob": "data", "phase": "TEST"},
            "exclude",
            id="excluded",
        ),
    ],
)
def test_what_differs_between_phases(text: str, values: dict[str, str], where: str) -> None:
    whole = message(text)
    problems = check_phases(Net(whole, State("TRAIN")), Net(whole, State("TEST")))
    assert [one.values for one in problems] == [values]
    assert placed(text, problems)[0].startswith(where)
    assert problems[0].span.start > text.rindex("layer {")


def test_nets_of_two_files_may_have_layers_of_their_own() -> None:
    train, test = net(DATA + layer("r", "ReLU", "data -> data")), net(DATA, "TEST")
    assert check_phases(train, test) == []
    same = images("a", "")
    assert [one.kind for one in check_phases(net(same), net(same, "TEST"))] == [
        "test-on-training-data"
    ]


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
        pytest.param(
            "state { phase: TEST }", "train_state { level: 1 }", ["TEST", None], id="not-decided"
        ),
        pytest.param(
            "state { phase: TRAIN }", "test_state { phase: TEST }", [None, None], id="tests-decided"
        ),
    ],
)
def test_overridden_phase(net: str, solver: str, want: list[str | None]) -> None:
    uses = net_uses(message(f"net: 'n' test_iter: 1 {solver}", kind="solver"))
    problems = [overridden_phase(use, message(net)) for use in uses]
    assert [one and one.values["phase"] for one in problems] == want
    for use, one in zip(uses, problems, strict=True):
        if one is not None:
            assert (one.values["wanted"], one.values["net"]) == (use.phase, "n")
            assert (one.span, one.rejects) == (use.span, False)


def test_another_type_may_have_other_blobs() -> None:
    assert found(pair("ReLU", "", "", test_type="PReLU")) == [
        ("test-shape-differs", "one", "slope", "3", "missing"),
        ("test-layer-differs", "one", "type", "PReLU", "ReLU"),
    ]
