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
