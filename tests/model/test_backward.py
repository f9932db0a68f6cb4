"""Data that is overwritten in place while Caffe needs it: what is told, and where all is well."""

from __future__ import annotations

import pytest

from caffelint.model.backward import (
    NEEDS,
    READS_NO_DATA,
    check_overwriting,
    gradients_down,
    is_known,
)
from caffelint.model.layers import LAYER_TYPES
from caffelint.told import Told

from .build import layer, net, unmark
from .test_forks import set_up_net

FILLER = "weight_filler { type: 'xavier' }"
DATA = layer("data", "HDF5Data", "-> data label", "hdf5_data_param { source: 'l' batch_size: 8 }")
LOSS = layer("loss", "EuclideanLoss", "out label -> loss")


def ip(bottom: str, top: str, more: str = "") -> str:
    own = f"inner_product_param {{ num_output: 4 {FILLER} }}"
    return layer(f"ip_{top}", "InnerProduct", f"{bottom} -> {top}", f"{own} {more}")


def behind(*middle: str) -> str:
    """A net whose layers in the middle work on the blob x, between two that learn."""
    return "".join((DATA, ip("data", "x"), *middle, ip("x", "out"), LOSS))


def overwriting(blob: str) -> tuple[str, str]:
    """A layer that works in place on the memory of a blob which others may read as well."""
    return layer("flat", "Flatten", f"{blob} -> flat"), layer("act", "TanH", "flat -> flat")


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
        # base_conv_layer.cpp: is_1x1_ asks for it on every axis.
        ("Convolution", f"convolution_param {{ num_output: 4 kernel_h: 1 kernel_w: 1 {FILLER} }}",
         "in-place-output-wrong"),
        ("Convolution", f"convolution_param {{ num_output: 4 kernel_h: 1 kernel_w: 3 {FILLER} }}",
         "in-place-gradient-wrong"),
        ("Deconvolution",
         f"convolution_param {{ num_output: 4 kernel_size: 3 kernel_size: 1 {FILLER} }}",
         "in-place-gradient-wrong"),
        ("Deconvolution", f"convolution_param {{ num_output: 4 kernel_size: 1 {FILLER} }}",
         "in-place-output-wrong"),
        ("Threshold", "", None),
        ("Python", "", None),
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


@pytest.mark.parametrize(
    ("type_", "wiring", "want"),
    [
        ("Concat", "x y -> x", [("in-place-output-wrong", "first", "")]),
        ("Slice", "x -> x z", [("in-place-output-wrong", "first", "")]),
        ("Slice", "x -> x", []),
        ("LSTMUnit", "x y y -> x z", [("in-place-gradient-wrong", "first", "")]),
    ],
)
def test_in_place_with_other_blobs(
    type_: str, wiring: str, want: list[tuple[str, str, str]]
) -> None:
    other, first = ip("data", "y"), layer("first", type_, wiring)
    kinds = ("in-place-output-wrong", "in-place-gradient-wrong")
    assert [one for one in found(behind(other, first)) if one[0] in kinds] == want


def marked_problem(marked: str) -> tuple[str, dict[str, object]]:
    """Kind and values of the only problem, which the mark encloses; in force where Caffe runs."""
    text, (span,) = unmark(marked)
    (problem,) = check_overwriting(net(text))
    assert (problem.span, problem.layer) == (span, problem.values["layer"])
    assert not problem.rejects
    return problem.kind, dict(problem.values)


def test_where_work_in_place_is_told_of() -> None:
    power = 'layer { name: "p" type: "Power" bottom: "x" top: «"x"» power_param { power: 2 } }'
    assert marked_problem(behind(power)) == (
        "in-place-gradient-wrong",
        {"layer": "p", "type": "Power", "top": "x"},
    )
    conv = f"convolution_param {{ num_output: 4 kernel_size: 1 {FILLER} }}"
    second = 'bottom: "data" bottom: "x" top: "z" top: «"x"»'
    text = f'layer {{ name: "c" type: "Convolution" {second} {conv} }}'
    assert marked_problem(behind(text))[0] == "in-place-output-wrong"


def test_where_overwriting_is_told_of() -> None:
    act = 'layer { name: "act" type: "TanH" bottom: "x" top: «"x"» }'
    values = {"layer": "act", "type": "TanH", "top": "x"}
    reader = {"reader": "sigmoid", "reader_type": "Sigmoid", "what": "output"}
    marked = behind(on_x("Sigmoid"), act)
    assert marked_problem(marked) == ("overwritten-before-backward", values | reader)
    text, _ = unmark(marked)
    (problem,) = check_overwriting(net(text))
    ((place, words),) = problem.also
    assert text[place.start : place.end] == '"Sigmoid"'
    assert words == "its gradient is computed from its output"
    relu = on_x("ReLU")
    assert marked_problem(behind(relu, act.replace("TanH", "Exp")))[1]["what"] == "input"


def test_where_shared_memory_is_told_of() -> None:
    act = 'layer { name: "act" type: "Dropout" bottom: "flat" top: «"flat"» }'
    both = layer("sum", "Eltwise", "y x -> a")
    middle = (ip("data", "y"), layer("flat", "Flatten", "x -> flat"), act, both)
    marked = "".join((DATA, ip("data", "x"), *middle, layer("sum2", "Eltwise", "a flat -> out")))
    values = {"layer": "act", "top": "flat", "reader": "sum", "bottom": "x"}
    assert marked_problem(marked) == ("shared-data-overwritten", values)
    text, _ = unmark(marked)
    built = net(text)
    (problem,) = check_overwriting(built)
    place = built.layers[5].message.span("bottom", 1)
    assert problem.also == ((place, "read here, with the new values"),)


@pytest.mark.parametrize(
    ("text", "name", "want"),
    [
        pytest.param(ip("data", "x"), "ip_x", [False], id="no-gradient-into-data"),
        pytest.param(ip("data", "x"), "ip_out", [True], id="into-what-learns"),
        pytest.param(ip("data", "x"), "loss", [True, False], id="none-into-labels"),
        pytest.param("force_backward: true " + ip("data", "x"), "ip_x", [True], id="if-forced"),
        pytest.param(
            "force_backward: true " + ip("data", "x"), "loss", [True, False],
            id="but-for-the-labels-of-a-loss",
        ),
        pytest.param(
            "force_backward: true " + ip("data", "x") + layer("e", "Eltwise", "x label -> e"),
            "e", [True, True], id="labels-elsewhere-are-data",
        ),
        pytest.param(
            "force_backward: true " + ip("data", "x") + layer("f", "ForksOwn", "x label -> f"),
            "f", [True, True], id="and-of-a-layer-of-which-nothing-is-known",
        ),
        pytest.param(
            ip("data", "x", "propagate_down: true"), "ip_x", [True], id="as-the-layer-says"
        ),
        pytest.param(
            ip("data", "y") + ip("y", "x", "propagate_down: false"), "ip_x", [False],
            id="not-where-it-says-no",
        ),
        pytest.param(
            layer("x", "Eltwise", "none data -> x"), "x", [False, False],
            id="nor-into-what-is-unknown",
        ),
        pytest.param(
            ip("data", "y") + layer("two", "Eltwise", "y data -> x", "propagate_down: false"),
            "two", [False, False], id="flags-count-as-far-as-there-are-any",
        ),
    ],
)  # fmt: skip
def test_bottoms_that_get_a_gradient(text: str, name: str, want: list[bool]) -> None:
    """``bottom_need_backward`` of Net::Init; LossLayer::AllowForceBackward refuses bottom 1."""
    built = net("".join((DATA, text, ip("x", "out"), LOSS)))
    one = next(one for one in built.layers if one.name == name)
    assert gradients_down(one, built) == want


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
        pytest.param("Clip", "clip_param { min: -1 max: 0 }", True, id="clip-up-to-0"),
        pytest.param("ReLU", "", False, id="another-relu"),
        pytest.param("ReLU", "relu_param { negative_slope: 0.1 }", False, id="a-leaky-one"),
        pytest.param("ReLU", "relu_param { negative_slope: -1 }", True, id="one-that-turns-signs"),
        pytest.param("ELU", "", False, id="elu"),
        pytest.param("LRN", "", False, id="lrn"),
        pytest.param("Swish", "", False, id="swish"),
        pytest.param("TanH", "", False, id="tanh"),
        pytest.param("Python", "", False, id="who-knows"),
        pytest.param("Power", "power_param { scale: 0 }", True, id="nothing-is-left"),
        pytest.param("Power", "power_param { power: 0.5 }", True, id="a-root"),
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
        pytest.param("Power", "power_param { power: 0 }", False, id="always-1"),
        pytest.param("Power", "power_param { power: 2 scale: 0 }", False, id="factor-0"),
        pytest.param("AbsVal", "", True, id="absolute-value"),
        pytest.param("BNLL", "", True, id="bnll"),
        pytest.param("Clip", "clip_param { min: 0 max: 6 }", True, id="clip"),
        pytest.param("Log", "", True, id="log"),
        pytest.param("PReLU", "", True, id="prelu"),
        pytest.param("Scale", "", True, id="scale"),
        pytest.param("LRN", "", True, id="lrn-across"),
        pytest.param("Convolution", "", True, id="convolution"),
        pytest.param("Deconvolution", "", True, id="deconvolution"),
        pytest.param("Embed", "", True, id="embed"),
        pytest.param("Bias", "", False, id="bias"),
        pytest.param("Exp", "", False, id="exp-reads-its-output"),
        pytest.param("MVN", "", False, id="mvn-reads-its-output"),
        pytest.param("Tile", "", False, id="tile-adds-gradients-up"),
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
    ("type_", "more", "told"),
    [
        pytest.param("Power", "power_param { power: 2 }", False, id="square"),
        pytest.param("Power", "power_param { power: 3 }", True, id="cube"),
        pytest.param("Power", "power_param { power: 3 scale: 0 }", False, id="constant"),
        pytest.param("LRN", "", True, id="lrn"),
        pytest.param("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", False, id="lrn-within"),
        pytest.param("MVN", "", True, id="mvn"),
        pytest.param("MVN", "mvn_param { normalize_variance: false }", False, id="mean-only"),
        pytest.param("Exp", "", True, id="exp"),
        pytest.param("Log", "", False, id="log-reads-its-bottom"),
        pytest.param("ReLU", "", False, id="relu-reads-its-bottom"),
        pytest.param("Softmax", "", True, id="softmax"),
        pytest.param("ELU", "", True, id="elu"),
        pytest.param("Sigmoid", "", True, id="sigmoid"),
        pytest.param("Swish", "", True, id="swish"),
        pytest.param("TanH", "", True, id="tanh"),
        pytest.param("PReLU", "", False, id="prelu-reads-its-bottom"),
        pytest.param("BNLL", "", False, id="bnll-reads-its-bottom"),
        pytest.param("BatchNorm", "", False, id="batch-norm-has-a-copy"),
        pytest.param("Power", "power_param { power: 0 }", False, id="always-1"),
    ],
)
def test_what_reads_its_output_for_its_gradient(type_: str, more: str, told: bool) -> None:
    """``top[0]->cpu_data()`` in ``Backward_cpu``; TanH overwrites it."""
    first, act = layer("first", type_, "x -> a", more), layer("act", "TanH", "a -> a")
    text = "".join((DATA, ip("data", "x"), first, act, ip("a", "out"), LOSS))
    assert (("overwritten-before-backward", "act", "first") in found(text)) == told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param("operation: PROD", False, id="the-default-is-stable"),
        pytest.param("operation: PROD stable_prod_grad: true", False, id="stable"),
        pytest.param("operation: PROD stable_prod_grad: false", True, id="by-division"),
        pytest.param("operation: SUM", False, id="sum"),
    ],
)
def test_a_product_reads_its_output_unless_it_is_told_not_to_divide(more: str, told: bool) -> None:
    """eltwise_layer.cpp: ``top_data / bottom_data``; stable_prod_grad multiplies the others."""
    first = layer("first", "Eltwise", "x y -> a", f"eltwise_param {{ {more} }}")
    act = layer("act", "TanH", "a -> a")
    text = "".join((DATA, ip("data", "x"), ip("data", "y"), first, act, ip("a", "out"), LOSS))
    want = [("overwritten-before-backward", "act", "first")] if told else []
    assert found(text) == want


def test_of_several_things_that_a_layer_reads_the_first_is_told() -> None:
    flat = "".join(layer(f"flat{b}", "Flatten", f"{b} -> f{b}") for b in "xy")
    acts = "".join(layer(f"act{b}", "TanH", f"f{b} -> f{b}") for b in "xy")
    first = layer("first", "Eltwise", "x y -> a", "eltwise_param { operation: PROD }")
    readers = layer("sum", "Eltwise", "a fx fy -> out")
    text = "".join((DATA, ip("data", "x"), ip("data", "y"), first, flat, acts, readers, LOSS))
    assert found(text) == [("overwritten-before-backward", "actx", "first")]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param("operation: PROD", True, id="product"),
        pytest.param("operation: PROD stable_prod_grad: false", True, id="product-by-division"),
        pytest.param("operation: PROD stable_prod_grad: true", True, id="product-of-the-others"),
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


@pytest.mark.parametrize(
    ("type_", "act", "told"),
    [
        pytest.param("ReLU", "Sigmoid", True, id="relu"),
        pytest.param("ELU", "Sigmoid", True, id="elu"),
        pytest.param("ELU", "TanH", False, id="the-sign-is-enough"),
    ],
)
def test_what_reads_the_sign_of_its_bottom(type_: str, act: str, told: bool) -> None:
    """elu_layer.cpp: ``bottom_data[i] > 0`` beside ``top_data``."""
    flat, after = layer("flat", "Flatten", "x -> flat"), layer("act", act, "flat -> flat")
    first, both = layer("first", type_, "x -> a"), layer("sum", "Eltwise", "a b -> out")
    text = "".join((DATA, ip("data", "x"), first, flat, after, ip("flat", "b"), both, LOSS))
    assert (("overwritten-before-backward", "act", "first") in found(text)) == told


@pytest.mark.parametrize(
    ("type_", "bottoms", "tops", "overwritten", "told"),
    [
        pytest.param("SoftmaxWithLoss", "a b", "", "b", True, id="labels"),
        pytest.param("SoftmaxWithLoss", "a b", "", "a", False, id="scores-are-kept-as-prob_"),
        pytest.param("SoftmaxWithLoss", "a b", "t u", "u", True, id="its-second-top-is-prob_"),
        pytest.param("HingeLoss", "a b", "", "b", True, id="labels-of-hinge"),
        pytest.param("InfogainLoss", "a b c", "", "c", True, id="infogain-matrix"),
        pytest.param("EuclideanLoss", "a b", "", "b", False, id="the-difference-is-kept"),
        pytest.param("ContrastiveLoss", "a b c", "", "c", True, id="marks-of-the-pairs"),
        pytest.param("ContrastiveLoss", "a b c", "", "b", False, id="their-difference-is-kept"),
        pytest.param("MultinomialLogisticLoss", "a b", "", "a", True, id="probabilities"),
        pytest.param("Scale", "a b", "out", "b", True, id="the-factor"),
        pytest.param("BatchReindex", "a b", "out", "b", True, id="the-indices"),
        pytest.param("LSTMUnit", "a b c", "out u", "a", True, id="the-cell"),
        pytest.param("LSTMUnit", "a b c", "out u", "b", True, id="the-gates"),
        pytest.param("LSTMUnit", "a b c", "out u", "c", True, id="the-continuation-marks"),
        pytest.param("LSTMUnit", "a b c", "out u", "out", True, id="the-new-cell"),
        pytest.param("LSTMUnit", "a b c", "out u", "u", False, id="the-new-state"),
        pytest.param("LSTM", "a b c", "out", "a", True, id="input-of-an-lstm"),
        pytest.param("LSTM", "a b c", "out", "b", True, id="its-continuation-marks"),
        pytest.param("LSTM", "a b c", "out", "c", True, id="its-static-input"),
        pytest.param("RNN", "a b", "out", "b", True, id="marks-of-an-rnn"),
        pytest.param("SigmoidCrossEntropyLoss", "a b", "", "b", True, id="labels-of-sigmoid"),
        pytest.param("SigmoidCrossEntropyLoss", "a b", "", "a", False, id="scores-of-sigmoid"),
        pytest.param("InfogainLoss", "a b c", "", "b", True, id="labels-of-infogain"),
        pytest.param("InfogainLoss", "a b", "t u", "u", True, id="probabilities-of-infogain"),
        pytest.param("HingeLoss", "a b", "", "a", False, id="hinge-has-kept-its-scores"),
        pytest.param("MultinomialLogisticLoss", "a b", "", "b", True, id="labels-of-multinomial"),
        pytest.param("ContrastiveLoss", "a b c", "", "a", False, id="their-difference-too"),
        pytest.param("BatchReindex", "a b", "out", "a", False, id="what-is-moved"),
        pytest.param("Scale", "a b", "out", "a", True, id="what-is-scaled"),
        pytest.param("Bias", "a b", "out", "b", False, id="what-is-added"),
        pytest.param("Crop", "a b", "out", "b", False, id="what-gives-the-size"),
        pytest.param("Pooling", "a", "out u", "u", True, id="the-mask"),
        pytest.param("Pooling", "a", "out", "a", False, id="max-has-kept-the-places"),
    ],
)
def test_what_a_layer_reads_of_all_its_blobs(
    type_: str, bottoms: str, tops: str, overwritten: str, told: bool
) -> None:
    """``Backward_cpu`` of each; a later layer works in place on the memory of one of the blobs."""
    first = layer("first", type_, f"{bottoms} -> {tops}")
    loss = LOSS if "out" in tops else ""
    below = DATA + ip("data", "a") + layer("further", "HDF5Data", "-> b c")
    text = "".join((below, first, *overwriting(overwritten), loss))
    assert (("overwritten-before-backward", "act", "first") in found(text)) == told


@pytest.mark.parametrize(("dialect", "told"), [("ssd", True), ("r-c3d", False)])
def test_of_a_type_that_a_fork_has_changed_nothing_is_said(dialect: str, told: bool) -> None:
    """R-C3D pools over video: its block is another one."""
    first, act = layer("first", "Pooling", "a -> out u"), overwriting("u")
    text = "".join((DATA, ip("data", "a"), first, *act, LOSS))
    built, _, _ = set_up_net(text, Told(dialect), "TRAIN")
    kinds = [problem.kind for problem in check_overwriting(built)]
    assert kinds == (["overwritten-before-backward"] if told else [])


@pytest.mark.parametrize(
    ("dialect", "type_", "told"),
    [
        pytest.param("ssd", "Pooling", True, id="as-bvlc-has-it"),
        pytest.param("r-c3d", "Pooling", False, id="changed-by-the-fork"),
        pytest.param("ssd", "Normalize", False, id="one-of-the-fork"),
    ],
)
def test_of_what_forks_do_in_place_nothing_is_said(dialect: str, type_: str, told: bool) -> None:
    built, _, _ = set_up_net(behind(on_x(type_)), Told(dialect), "TRAIN")
    assert is_known(built.layers[2]) == told
    kinds = [problem.kind for problem in check_overwriting(built)]
    assert kinds == (["in-place-output-wrong"] if told else [])


def test_the_gradient_of_weights_reads_data_that_needs_none() -> None:
    text = "".join((DATA, ip("data", "out"), *overwriting("data"), LOSS))
    assert found(text) == [("overwritten-before-backward", "act", "ip_out")]
    own = f"convolution_param {{ num_output: 4 kernel_size: 3 {FILLER} }}"
    conv = layer("conv", "Convolution", "data -> data", own)
    text = DATA + conv + ip("data", "out") + LOSS
    assert found(text) == [("in-place-gradient-wrong", "conv", "")]


def test_no_gradient_flows_where_the_net_says_so() -> None:
    power = on_x("Power", "power_param { scale: 2 } propagate_down: false")
    assert found(behind(power)) == []


def test_nothing_is_spoilt_where_nothing_is_learnt() -> None:
    spoilt = behind(on_x("Sigmoid"), on_x("ReLU"))
    assert found(spoilt) == [("overwritten-before-backward", "relu", "sigmoid")]
    assert found("force_backward: true " + spoilt.replace(LOSS, "")) == []


def test_a_loss_without_its_labels_is_told_of_elsewhere() -> None:
    assert found("".join((DATA, ip("data", "x"), layer("loss", "HingeLoss", "x")))) == []


def test_only_the_top_of_the_same_number_is_in_place() -> None:
    """The second top is memory of its own, whatever the second bottom is."""
    own = f"convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 {FILLER} }}"
    conv = layer("conv", "Convolution", "x y -> x z", own)
    act, both = layer("act", "TanH", "z -> z"), layer("sum", "Eltwise", "x y z -> out")
    text = "".join((DATA, ip("data", "x"), ip("data", "y"), conv, act, both, LOSS))
    assert "shared-data-overwritten" not in [one[0] for one in found(text)]


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


@pytest.mark.parametrize(
    ("type_", "wiring", "told"),
    [
        pytest.param("Flatten", "x -> flat", True, id="flatten"),
        pytest.param("Reshape", "x -> flat", True, id="reshape"),
        pytest.param("Split", "x -> flat other", True, id="split"),
        # concat_layer.cpp and slice_layer.cpp: ShareData where there is one bottom, or one top
        pytest.param("Concat", "x -> flat", True, id="concat-of-one"),
        pytest.param("Concat", "x y -> flat", False, id="concat-copies-two"),
        pytest.param("Slice", "x -> flat", True, id="slice-into-one"),
        pytest.param("Slice", "x -> flat other", False, id="slice-copies-into-two"),
    ],
)
def test_shared_memory_is_overwritten_for_later_readers(
    type_: str, wiring: str, told: bool
) -> None:
    flat, act = layer("flat", type_, wiring), layer("act", "TanH", "flat -> flat")
    both = layer("sum", "Eltwise", "a b -> out")
    readers = (ip("x", "a"), ip("flat", "b"), both, LOSS)
    text = "".join((DATA, ip("data", "x"), ip("data", "y"), flat, act, *readers))
    assert (("shared-data-overwritten", "act", "ip_a") in found(text)) == told
