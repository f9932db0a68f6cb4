"""Data that is overwritten in place while Caffe needs it: what is told, and where all is well."""

from __future__ import annotations

import pytest

from caffelint.model.backward import NEEDS, READS_NO_DATA, check_overwriting
from caffelint.model.layers import LAYER_TYPES

from .build import layer, net

FILLER = "weight_filler { type: 'xavier' }"
DATA = layer("data", "HDF5Data", "-> data label", "hdf5_data_param { source: 'l' batch_size: 8 }")
LOSS = layer("loss", "EuclideanLoss", "out label -> loss")


def ip(bottom: str, top: str, more: str = "") -> str:
    own = f"inner_product_param {{ num_output: 4 {FILLER} }}"
    return layer(f"ip_{top}", "InnerProduct", f"{bottom} -> {top}", f"{own} {more}")


def behind(*middle: str) -> str:
    """A net whose layers in the middle work on the blob x, between two that learn."""
    return "".join((DATA, ip("data", "x"), *middle, ip("x", "out"), LOSS))


def found(text: str, phase: str = "TRAIN") -> list[tuple[str, str, str]]:
    return [
        (one.kind, str(one.values["layer"]), str(one.values.get("reader", "")))
        for one in check_overwriting(net(text, phase))
    ]


def on_x(type_: str, more: str = "") -> str:
    return layer(type_.lower(), type_, "x -> x", more)


def test_every_type_has_its_entry() -> None:
    assert NEEDS.keys() | READS_NO_DATA == LAYER_TYPES.keys()
    assert not NEEDS.keys() & READS_NO_DATA


@pytest.mark.parametrize(
    ("type_", "more", "want"),
    [
        ("ReLU", "", None),
        ("PReLU", "", None),
        ("ELU", "", None),
        ("Sigmoid", "", None),
        ("TanH", "", None),
        ("Swish", "", None),
        ("Exp", "", None),
        ("Dropout", "", None),
        ("BatchNorm", "", None),
        ("Scale", "", None),
        ("Bias", "", None),
        ("Softmax", "", None),
        ("MVN", "mvn_param { normalize_variance: false }", None),
        ("MVN", "", "in-place-gradient-wrong"),
        ("Power", "power_param { scale: 2 }", "in-place-gradient-wrong"),
        ("BNLL", "", "in-place-gradient-wrong"),
        ("Log", "", "in-place-gradient-wrong"),
        ("Clip", "clip_param { min: 0 max: 6 }", "in-place-gradient-wrong"),
        ("LRN", "", "in-place-output-wrong"),
        ("Pooling", "pooling_param { kernel_size: 1 }", "in-place-output-wrong"),
        ("InnerProduct", f"inner_product_param {{ num_output: 4 {FILLER} }}",
         "in-place-output-wrong"),
        ("Convolution", f"convolution_param {{ num_output: 4 kernel_size: 1 {FILLER} }}",
         "in-place-output-wrong"),
        ("Convolution", f"convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 {FILLER} }}",
         "in-place-gradient-wrong"),
        ("Concat", "", None),
        ("ForksOwn", "", None),
        ("Flatten", "", None),
    ],
)  # fmt: skip
def test_in_place(type_: str, more: str, want: str | None) -> None:
    expected = [] if want is None else [(want, type_.lower(), "")]
    assert found(behind(on_x(type_, more))) == expected


@pytest.mark.parametrize(
    ("operation", "want"),
    [("SUM", "in-place-output-wrong"), ("PROD", "in-place-gradient-wrong"),
     ("MAX", "in-place-output-wrong")],
)  # fmt: skip
def test_eltwise_in_place(operation: str, want: str) -> None:
    other = ip("data", "y")
    sum_ = layer("sum", "Eltwise", "x y -> x", f"eltwise_param {{ operation: {operation} }}")
    assert found(behind(other, sum_)) == [(want, "sum", "")]


def test_a_wrong_gradient_matters_in_training_only() -> None:
    text = behind(on_x("Power", "power_param { scale: 2 }"))
    assert found(text, "TEST") == []


def test_a_wrong_gradient_matters_only_where_one_flows() -> None:
    power = layer("power", "Power", "data -> data", "power_param { scale: 2 }")
    assert found(DATA + power + ip("data", "out") + LOSS) == []


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        pytest.param("MVN", "ReLU", True, id="output-of-mvn"),
        pytest.param("TanH", "Dropout", True, id="values-of-tanh"),
        pytest.param("ELU", "Dropout", True, id="values-of-elu"),
        pytest.param("ReLU", "Dropout", False, id="sign-kept-by-dropout"),
        pytest.param("ReLU", "BatchNorm", True, id="sign-lost-in-batch-norm"),
        pytest.param("ReLU", "Sigmoid", True, id="sign-lost-in-sigmoid"),
        pytest.param("ReLU", "PReLU", False, id="sign-kept-by-prelu"),
        pytest.param("ReLU", "ForksOwn", False, id="sign-and-unknown-type"),
        pytest.param("BatchNorm", "ReLU", False, id="batch-norm-keeps-a-copy"),
        pytest.param("Scale", "ReLU", False, id="scale-keeps-a-copy"),
        pytest.param("Dropout", "ReLU", False, id="dropout-keeps-its-mask"),
    ],
)
def test_in_place_behind(first: str, second: str, told: bool) -> None:
    own = layer("first", first, "x -> y" if first == "MVN" else "x -> x")
    after = layer("second", second, "y -> y" if first == "MVN" else "x -> x")
    text = behind(own, after)
    if first == "MVN":
        text = "".join((DATA, ip("data", "x"), own, after, ip("y", "out"), LOSS))
    expected = [("overwritten-before-backward", "second", "first")] if told else []
    assert found(text) == expected


@pytest.mark.parametrize(
    ("type_", "more", "told"),
    [
        pytest.param("Dropout", "", False, id="dropout"),
        pytest.param("Clip", "clip_param { min: 0 max: 6 }", False, id="clip-at-0"),
        pytest.param("Clip", "clip_param { min: -1 max: 1 }", False, id="clip-below-0"),
        pytest.param("Clip", "clip_param { min: 1 max: 6 }", True, id="clip-above-0"),
        pytest.param("Power", "power_param { scale: 2 }", False, id="a-positive-factor"),
        pytest.param("Power", "power_param { power: 3 }", False, id="an-odd-power"),
        pytest.param("Power", "power_param { power: 2 }", True, id="an-even-power"),
        pytest.param("Power", "power_param { scale: -1 }", True, id="a-negative-factor"),
        pytest.param("Power", "power_param { shift: 1 }", True, id="a-shift"),
        pytest.param("Scale", "", False, id="scales-that-start-at-1"),
        pytest.param("Scale", "scale_param { bias_term: true }", True, id="scales-and-a-bias"),
        pytest.param("Exp", "", True, id="exp-is-above-0-always"),
    ],
)
def test_what_keeps_the_sign_may_follow_a_relu(type_: str, more: str, told: bool) -> None:
    """ReLU's gradient asks whether its bottom is above 0, which is its top where it is in place."""
    kinds = [one[0] for one in found(behind(on_x("ReLU"), on_x(type_, more)))]
    assert ("overwritten-before-backward" in kinds) == told


@pytest.mark.parametrize(
    ("type_", "more", "told"),
    [
        # power_layer.cpp: bottom_data where power is 2, top_data / bottom_data for other powers
        pytest.param("Power", "power_param { power: 2 shift: 1 }", True, id="square"),
        pytest.param("Power", "power_param { power: 3 }", True, id="cube"),
        pytest.param("Power", "power_param { scale: 3 shift: 1 }", False, id="linear"),
        # reduction_layer.cpp: the sign for ASUM, the values for SUMSQ
        pytest.param("Reduction", "reduction_param { axis: 1 operation: SUMSQ }", True, id="sumsq"),
        pytest.param("Reduction", "reduction_param { axis: 1 operation: ASUM }", True, id="asum"),
        pytest.param("Reduction", "reduction_param { axis: 1 }", False, id="sum"),
        pytest.param("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", True, id="lrn-within"),
        pytest.param("Softmax", "", False, id="softmax-reads-its-output"),
    ],
)
def test_what_reads_its_bottom_for_its_gradient(type_: str, more: str, told: bool) -> None:
    """Flatten shares its bottom's memory, which TanH overwrites."""
    flat, act = layer("flat", "Flatten", "x -> flat"), layer("act", "TanH", "flat -> flat")
    first, both = layer("first", type_, "x -> a", more), layer("sum", "Eltwise", "a b -> out")
    text = "".join((DATA, ip("data", "x"), first, flat, act, ip("flat", "b"), both, LOSS))
    expected = ("overwritten-before-backward", "act", "first")
    assert (expected in found(text)) == told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param("operation: PROD", True, id="product"),
        pytest.param("operation: PROD stable_prod_grad: false", True, id="product-by-division"),
        pytest.param("operation: SUM", False, id="sum"),
        pytest.param("operation: MAX", False, id="max-keeps-which-one-won"),
    ],
)
def test_a_product_reads_its_bottoms_for_its_gradient(more: str, told: bool) -> None:
    flat, act = layer("flat", "Flatten", "x -> flat"), layer("act", "TanH", "flat -> flat")
    first = layer("first", "Eltwise", "x y -> a", f"eltwise_param {{ {more} }}")
    both = layer("sum", "Eltwise", "a b -> out")
    middle = (ip("data", "y"), first, flat, act, ip("flat", "b"))
    text = "".join((DATA, ip("data", "x"), *middle, both, LOSS))
    assert (("overwritten-before-backward", "act", "first") in found(text)) == told


def test_weights_that_do_not_learn_need_no_data() -> None:
    """A frozen layer reads its bottom in the backward pass no more."""
    flat = layer("flat", "Flatten", "x -> flat")
    act = layer("act", "TanH", "flat -> flat")
    frozen = "param { lr_mult: 0 } param { lr_mult: 0 }"
    readers = ip("x", "a"), flat, act, ip("flat", "b")
    both = layer("sum", "Eltwise", "a b -> out")
    text = "".join((DATA, ip("data", "x"), *readers, both, LOSS))
    assert found(text) == [("overwritten-before-backward", "act", "ip_a")]
    still = "".join((DATA, ip("data", "x"), ip("x", "a", frozen), *readers[1:], both, LOSS))
    assert found(still) == []


def test_shared_memory_is_overwritten_for_later_readers() -> None:
    flat, act = layer("flat", "Flatten", "x -> flat"), layer("act", "TanH", "flat -> flat")
    both = layer("sum", "Eltwise", "a b -> out")
    text = "".join((DATA, ip("data", "x"), flat, act, ip("x", "a"), ip("flat", "b"), both, LOSS))
    assert found(text)[0] == ("shared-data-overwritten", "act", "ip_a")
