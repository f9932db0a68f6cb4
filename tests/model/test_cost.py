"""What layers and nets cost, on nets small enough to count by hand."""

from __future__ import annotations

import pytest

from caffelint.model.build import set_up
from caffelint.model.cost import FORMULAS, NetCost, memory, multiply_adds, net_cost
from caffelint.model.layers import LAYER_TYPES
from caffelint.model.shapes.setup import Shape

from .build import layer, net


def source(top: str, *dims: int) -> str:
    sizes = " ".join(f"dim: {dim}" for dim in dims)
    return layer(top, "Input", f"-> {top}", f"input_param {{ shape {{ {sizes} }} }}")


def cost(text: str, phase: str = "TRAIN", given: dict[str, Shape] | None = None) -> NetCost:
    built = net(text, phase)
    shapes, problems = set_up(built, given)
    assert not problems
    cost = net_cost(built, shapes)
    assert memory(built, shapes) == cost.blob_memory.known + cost.parameter_memory.known
    return cost


DATA = source("x", 2, 6, 8, 8)  # 768 values
SEQUENCE = source("s", 5, 3, 7) + source("marks", 5, 3)  # 5 timesteps of 3 streams
STATIC = source("still", 3, 11)


def ip(name: str, wiring: str, outputs: int, more: str = "") -> str:
    field = f"inner_product_param {{ num_output: {outputs} }}"
    return layer(name, "InnerProduct", wiring, f"{field} {more}")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(
            layer(
                "l", "Convolution", "x -> y", "convolution_param { num_output: 4 kernel_size: 3 }"
            ),
            (4 * 6 * 9) * (6 * 6) * 2,
            id="convolution-weights-at-each-output-position",
        ),
        pytest.param(
            layer(
                *("l", "Convolution", "x -> y"),
                "convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 group: 2 }",
            ),
            (4 * 3 * 9) * (4 * 4) * 2,
            id="convolution-a-group-sees-its-channels-only",
        ),
        pytest.param(
            layer(
                *("l", "Convolution", "x x -> y z"),
                "convolution_param { num_output: 4 kernel_size: 3 }",
            ),
            2 * (4 * 6 * 9) * (6 * 6) * 2,
            id="convolution-of-two-bottoms",
        ),
        pytest.param(
            layer(
                *("l", "Convolution", "x -> y"),
                "convolution_param { num_output: 4 kernel_size: 3 axis: -3 bias_term: false }",
            ),
            (4 * 6 * 9) * (6 * 6) * 2,
            id="convolution-axis-from-the-end",
        ),
        pytest.param(
            layer(
                *("l", "Deconvolution", "x -> y"),
                "convolution_param { num_output: 4 kernel_size: 4 stride: 2 group: 2 }",
            ),
            (6 * 2 * 16) * (8 * 8) * 2,
            id="deconvolution-weights-at-each-input-position",
        ),
        pytest.param(
            layer(
                *("l", "Deconvolution", "x x -> y z"),
                "convolution_param { num_output: 4 kernel_size: 2 }",
            ),
            2 * (6 * 4 * 4) * (8 * 8) * 2,
            id="deconvolution-of-two-bottoms",
        ),
        pytest.param(ip("l", "x -> y", 10), 384 * 10 * 2, id="inner-product"),
        pytest.param(
            layer("l", "InnerProduct", "x -> y", "inner_product_param { num_output: 5 axis: 2 }"),
            64 * 5 * (2 * 6),
            id="inner-product-of-the-last-two-axes",
        ),
        pytest.param(
            layer("l", "InnerProduct", "x -> y", "inner_product_param { num_output: 5 axis: -1 }"),
            8 * 5 * (2 * 6 * 8),
            id="inner-product-of-the-last-axis",
        ),
        pytest.param(
            layer("l", "Embed", "x -> y", "embed_param { num_output: 5 input_dim: 9 }"),
            0,
            id="embed-is-a-lookup",
        ),
        pytest.param(
            layer("l", "LSTM", "s marks -> y", "recurrent_param { num_output: 4 }"),
            5 * 3 * (16 * 7 + 16 * 4) + 3 * (5 * 3 * 4),
            id="lstm-matrices-at-each-timestep",
        ),
        pytest.param(
            layer("l", "LSTM", "s marks still -> y", "recurrent_param { num_output: 4 }"),
            5 * 3 * (16 * 7 + 16 * 4) + 3 * 16 * 11 + 3 * (5 * 3 * 4),
            id="lstm-static-input-once-a-stream",
        ),
        pytest.param(
            layer("l", "RNN", "s marks -> y", "recurrent_param { num_output: 4 }"),
            5 * 3 * (4 * 7 + 4 * 4 + 4 * 4),
            id="rnn-has-an-output-matrix",
        ),
        pytest.param(
            layer("l", "RNN", "s marks still -> y", "recurrent_param { num_output: 4 }"),
            5 * 3 * (4 * 7 + 4 * 4 + 4 * 4) + 3 * 4 * 11,
            id="rnn-static-input-once-a-stream",
        ),
        pytest.param(
            layer("l", "Pooling", "x -> y", "pooling_param { kernel_size: 2 stride: 2 }"),
            (2 * 6 * 4 * 4) * 4,
            id="pooling-window-for-each-output",
        ),
        pytest.param(
            layer("l", "Pooling", "x -> y", "pooling_param { kernel_h: 2 kernel_w: 3 }"),
            (2 * 6 * 7 * 6) * 6,
            id="pooling-oblong-window",
        ),
        pytest.param(
            layer("l", "Pooling", "x -> y", "pooling_param { global_pooling: true }"),
            768,
            id="global-pooling-every-value-once",
        ),
        pytest.param(
            layer("l", "SPP", "x -> y", "spp_param { pyramid_height: 2 }"),
            768 * 2,
            id="pyramid-every-value-once-a-level",
        ),
        pytest.param(
            layer("l", "SPP", "odd -> y", "spp_param { pyramid_height: 3 }"),
            2 * 3 * (7 * 8 + (4 * 4) * 2**2 + (2 * 2) * 4**2),
            id="pyramid-windows-overlap-where-bins-do-not-divide",
        ),
        pytest.param(
            layer("l", "LRN", "x -> y", "lrn_param { local_size: 5 }"), 768 * 5, id="lrn-window"
        ),
        pytest.param(
            layer("l", "LRN", "x -> y", "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }"),
            768 * 9,
            id="lrn-window-within-a-channel",
        ),
        pytest.param(layer("l", "Eltwise", "x x x -> y"), 768 * 2, id="eltwise-of-three"),
        pytest.param(layer("l", "BatchNorm", "x -> y"), 768, id="batch-norm"),
        pytest.param(layer("l", "Scale", "x -> y"), 768, id="scale"),
        pytest.param(layer("l", "MVN", "x -> y"), 768 * 3, id="mvn"),
        pytest.param(
            layer("l", "MVN", "x -> y", "mvn_param { normalize_variance: false }"), 768, id="mean"
        ),
        pytest.param(layer("l", "ReLU", "x -> y"), 0, id="activation"),
        pytest.param(layer("l", "Concat", "x x -> y"), 0, id="moving-values"),
        pytest.param(layer("l", "Softmax", "x -> y"), 768, id="softmax"),
        pytest.param(layer("l", "EuclideanLoss", "x x ->"), 768, id="loss-without-a-top"),
        pytest.param(
            source("labels", 2, 8, 8) + layer("l", "SoftmaxWithLoss", "x labels ->"),
            768,
            id="scores-and-not-labels",
        ),
        pytest.param(
            source("factors", 6) + layer("l", "Scale", "x factors -> y", "scale_param { axis: 1 }"),
            768,
            id="what-is-scaled-and-not-the-factors",
        ),
        pytest.param(
            source("cell", 1, 3, 4)
            + source("gates", 1, 3, 16)
            + source("m", 1, 3)
            + layer("l", "LSTMUnit", "cell gates m -> c h"),
            3 * (3 * 4),
            id="lstm-unit-three-for-each-cell",
        ),
    ],
)
def test_multiply_adds(text: str, want: int) -> None:
    result = cost(DATA + SEQUENCE + STATIC + source("odd", 2, 3, 7, 8) + text)
    assert [each.multiply_adds for each in result.layers][-1] == want
    assert result.multiply_adds.value == want


def test_every_type_but_python_has_a_formula() -> None:
    assert FORMULAS.keys() == LAYER_TYPES.keys() - {"Python"}


def test_every_formula_states_itself() -> None:
    assert all(formula.__doc__ for formula in FORMULAS.values())


@pytest.mark.parametrize("type_", ["Python", "Normalize"])
def test_what_a_layer_of_another_kind_costs_is_unknown(type_: str) -> None:
    (only,) = net(layer("l", type_, "-> y")).layers
    assert multiply_adds(only, [], [(1, 2)], []) is None


@pytest.mark.parametrize("type_", sorted(LAYER_TYPES))
def test_unknown_shapes_give_an_unknown_cost_or_none(type_: str) -> None:
    for wiring in ("", "-> y", "x -> y", "x x -> y", "x x x ->"):
        (only,) = net(layer("l", type_, wiring)).layers
        unknown: list[Shape] = [None] * 3
        result = multiply_adds(only, unknown, unknown, [None] * len(only.params))
        assert result in ((None,) if FORMULAS.get(type_, len).__name__ != "_free" else (0,))


CONVOLVED = "convolution_param { num_output: 4 kernel_size: 3 }"
FILTERS = [(4, 6, 3, 3), (4,)]
CELL = "recurrent_param { num_output: 4 }"


@pytest.mark.parametrize(
    ("type_", "own", "bottom", "top", "params", "want"),
    [
        ("Convolution", CONVOLVED, (2, 6, 8, 8), (None, 4, 6, 6), FILTERS, None),
        # That channels are not known is no matter: they are in the weights.
        ("Convolution", CONVOLVED, (2, None, 8, 8), (2, None, 6, 6), FILTERS, 216 * 2 * 36),
        ("Convolution", CONVOLVED, (2, 6, 8, 8), (2, 4, 6, 6), [None, (4,)], None),
        ("Deconvolution", CONVOLVED, (2, 6, None, 8), (2, 4, None, 10), FILTERS, None),
        ("Deconvolution", CONVOLVED, None, (2, 4, 10, 10), FILTERS, None),
        ("InnerProduct", "", (2, None), (2, 5), [(5, 3), (5,)], 15 * 2),
        ("InnerProduct", "", (None, 3), (None, 5), [(5, 3), (5,)], None),
        ("InnerProduct", "", None, (2, 5), [(5, 3), (5,)], None),
        ("LSTM", CELL, (None, 3, 7), (None, 3, 4), [(16, 7), (16,), (16, 4)], None),
        ("LSTM", CELL, None, (5, 3, 4), [(16, 7), (16,), (16, 4)], None),
        ("LSTM", CELL, (5, 3, 7), (5, 3, 4), [None, (16,), (16, 4)], None),
        ("SPP", "spp_param { pyramid_height: 1 }", (2, 3, 5, None), (2, 3), [], None),
        ("SPP", "spp_param { pyramid_height: 1 }", (2, 3, None, 7), (2, 3), [], None),
        ("SPP", "spp_param { pyramid_height: 1 }", (None, 3, 5, 7), (None, 3), [], None),
        ("Pooling", "pooling_param { kernel_size: 2 }", (2, 3, 4, 4), (2, 3, None, 3), [], None),
        ("Pooling", "pooling_param { kernel_size: 2 }", None, (2, 3, 3, 3), [], 2 * 27 * 4),
        ("Pooling", "pooling_param { global_pooling: true }", None, (2, 3, 1, 1), [], None),
    ],
)  # fmt: skip
def test_what_is_needed_of_the_shapes_around_a_layer(
    type_: str, own: str, bottom: Shape, top: Shape, params: list[Shape], want: int | None
) -> None:
    wiring = "x marks -> y" if type_ == "LSTM" else "x -> y"
    (only,) = net(layer("l", type_, wiring, own)).layers
    assert multiply_adds(only, [bottom, (5, 3)], [top], params) == want


def test_a_layer_with_another_number_of_blobs_than_its_type_takes_has_no_known_cost() -> None:
    (only,) = net(layer("l", "Softmax", "x x -> y")).layers
    assert multiply_adds(only, [(2, 3), (2, 3)], [(2, 3)], []) is None


# Totals

LOSS = layer("loss", "EuclideanLoss", "b x -> loss")
PAIR = (
    source("x", 2, 3) + ip("a", "x -> a", 3) + layer("r", "ReLU", "a -> a") + ip("b", "a -> b", 3)
)


def test_totals_of_a_net_that_trains() -> None:
    result = cost(PAIR + LOSS)
    parameters = 2 * (3 * 3 + 3)
    assert result.trains
    assert result.batch_size == 2
    assert result.parameters.value == result.learned.value == parameters
    assert result.multiply_adds.value == 2 * (3 * 3 * 2) + 6
    # x, a, b and the loss: the ReLU is in place.
    assert result.blob_memory.value == 2 * 4 * (6 + 6 + 6 + 1)
    assert result.parameter_memory.value == 2 * 4 * parameters
    # x is read twice: its Split has two tops.
    assert result.splits == 1
    assert result.caffe_memory.value == 4 * (6 + 2 * 6 + 6 + 6 + 6 + 1)
    rows = [each.memory for each in result.layers]
    assert sum(row or 0 for row in rows) == 2 * 4 * (19 + parameters)


def test_a_test_net_has_no_diffs() -> None:
    result = cost(PAIR + LOSS, "TEST")
    assert not result.trains
    assert result.blob_memory.value == 4 * 19
    assert result.parameter_memory.value == 4 * 24


def test_a_net_without_a_loss_has_no_diffs_and_learns_nothing() -> None:
    result = cost(PAIR)
    assert not result.trains
    assert result.learned.value == 0


def test_a_loss_without_a_top_gets_one_that_caffe_counts() -> None:
    with_top, without = cost(PAIR + LOSS), cost(PAIR + LOSS.replace('top: "loss"', ""))
    assert without.caffe_memory.value == with_top.caffe_memory.value


def test_tops_that_share_memory_are_counted_by_caffe_only() -> None:
    plain = cost(PAIR)
    flat = cost(PAIR + layer("f", "Flatten", "b -> f"))
    assert flat.blob_memory.value == plain.blob_memory.value
    assert (flat.caffe_memory.value or 0) == (plain.caffe_memory.value or 0) + 4 * 6


NAMED = "param { name: 'w' %s } param { name: 'v' }"
SHARED = (
    source("x", 2, 3)
    + ip("a", "x -> a", 3, NAMED % "")
    + ip("b", "a -> b", 3, NAMED % "lr_mult: 0.5 decay_mult: 2")
    + LOSS
)


def test_shared_parameters_count_once() -> None:
    result = cost(SHARED)
    assert result.parameters.value == result.learned.value == 12
    assert [each.parameters for each in result.layers] == [0, 12, 0, 0]
    assert result.multiply_adds.value == 2 * (3 * 3 * 2) + 6
    first, second = result.layers[1].params, result.layers[2].params
    assert [use.owner for use in first] == [None, None]
    assert [use.owner for use in second] == first


def test_shared_parameters_have_the_multipliers_that_any_layer_writes() -> None:
    result = cost(SHARED)
    for each in result.layers[1:3]:
        assert [(use.lr_mult, use.decay_mult) for use in each.params] == [(0.5, 2), (1, 1)]


def test_the_first_layer_that_writes_a_multiplier_of_a_shared_blob_sets_it() -> None:
    """net.cpp, AppendParam: has_params_lr_; the other way round it would be refused."""
    text = SHARED.replace("name: 'w'  }", "name: 'w' lr_mult: 3 }")
    assert text != SHARED
    for each in cost(text.replace("lr_mult: 0.5", "")).layers[1:3]:
        assert [(use.lr_mult, use.decay_mult) for use in each.params] == [(3, 2), (1, 1)]


def test_a_shared_blob_learns_from_any_layer_that_a_gradient_reaches() -> None:
    """net.cpp, ShareWeights: all layers add to one diff."""
    read = ip("b", "a -> b", 3, NAMED % "") + LOSS
    side = ip("side", "x -> side", 3, NAMED % "")
    for text in (side + ip("a", "x -> a", 3) + read, ip("a", "x -> a", 3) + read + side):
        result = cost(source("x", 2, 3) + text)
        shared = [use for each in result.layers for use in each.params if use.param.spec]
        assert [(use.reached, use.learns) for use in shared] == [(True, True)] * 4
        assert result.parameters.value == result.learned.value == 24


def test_a_layer_of_rate_0_does_not_reach_its_blob() -> None:
    still = "param { lr_mult: 0 } param { lr_mult: 0 }"
    result = cost(source("x", 2, 3) + ip("a", "x -> a", 3) + ip("b", "a -> b", 3, still) + LOSS)
    assert [use.reached for use in result.layers[2].params] == [False, False]
    assert result.learned.value == 12


def test_frozen_blobs_are_not_learned() -> None:
    frozen = ip("a", "x -> a", 3, "param { lr_mult: 0 } param { lr_mult: 1 }")
    result = cost(source("x", 2, 3) + frozen + ip("b", "a -> b", 3) + LOSS)
    assert result.parameters.value == 24
    assert result.learned.value == 15


def test_batch_norm_has_parameters_that_are_not_learned() -> None:
    norm = layer("n", "BatchNorm", "a -> b")
    result = cost(source("x", 2, 3) + ip("a", "x -> a", 3) + norm + LOSS)
    assert result.parameters.value == 12 + 7
    assert result.learned.value == 12
    assert [use.lr_mult for use in result.layers[2].params] == [0, 0, 0]


def test_layers_that_no_loss_depends_on_learn_nothing() -> None:
    side = ip("side", "x -> side", 3)
    result = cost(PAIR + side + LOSS)
    assert result.parameters.value == 36
    assert result.learned.value == 24


# What is unknown

IMAGES = layer("d", "Data", "-> x label", 'data_param { source: "s" batch_size: 2 }')
CONV = layer("c", "Convolution", "x -> c", "convolution_param { num_output: 4 kernel_size: 1 }")


def test_unknown_sizes_make_totals_lower_bounds() -> None:
    result = cost(IMAGES + CONV + ip("i", "c -> i", 3) + ip("j", "i -> j", 5))
    assert result.batch_size == 2
    assert result.parameters.value is None
    assert result.parameters.known == 4 + 3 + (5 * 3 + 5)
    assert result.multiply_adds.known == 5 * 3 * 2
    assert result.blob_memory.value is None
    assert [each.memory for each in result.layers] == [None, None, None, 4 * (10 + 20)]


def test_given_shapes_fill_the_gaps() -> None:
    result = cost(IMAGES + CONV, given={"x": (2, 3, 5, 5)})
    assert result.parameters.value == 4 * 3 + 4
    assert result.multiply_adds.value == 4 * 3 * 25 * 2


def test_what_a_forks_layer_learns_is_unknown() -> None:
    result = cost(source("x", 2, 3) + layer("n", "Normalize", "x -> n"))
    assert result.parameters.value is None
    assert result.learned.value is None
    assert result.blob_memory.known == 4 * 6
    assert [(each.parameters, each.memory) for each in result.layers] == [(0, 24), (None, None)]


def test_of_two_tops_one_may_be_in_place() -> None:
    own = "convolution_param { num_output: 4 kernel_size: 3 pad: 1 bias_term: false }"
    conv = layer("c", "Convolution", "a b -> a c", own)
    result = cost(source("a", 1, 4, 8, 8) + source("b", 1, 4, 8, 8) + conv, "TEST")
    weights = 4 * 4 * 9
    assert [each.memory for each in result.layers] == [1024, 1024, 1024 + 4 * weights]
    assert result.caffe_memory.value == 4 * 1024


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (source("x", 7, 3) + source("y", 2), 7),
        (ip("a", "x -> a", 3) + source("x", 7, 3), 7),
        (layer("p", "Parameter", "-> p", "parameter_param { shape { dim: 9 } }"), None),
        (layer("e", "DummyData", "-> e"), None),
        ("", None),
    ],
)
def test_the_batch_size_is_that_of_the_first_source(text: str, want: int | None) -> None:
    built = net(text)
    assert net_cost(built, set_up(built)[0]).batch_size == want


def test_memory_that_layers_share_or_use_again_is_counted_once() -> None:
    """Tops in place, tops that are their bottom's memory, and learned blobs of one name."""
    twice = NAMED % ""
    more = ip("a", "x -> a", 3, twice) + layer("r", "ReLU", "a -> a")
    more += layer("f", "Reshape", "a -> f", "reshape_param { shape { dim: 6 } }")
    result = cost(source("x", 2, 3) + more + ip("b", "a -> b", 3, twice), "TEST")
    assert [each.memory for each in result.layers] == [24, 24 + 48, 0, 0, 24]
    assert (result.blob_memory.value, result.parameter_memory.value) == (72, 48)
    assert result.splits == 1
    assert result.caffe_memory.value == 4 * (6 + 6 + 3 * 6 + 6 + 6)


# Nets whose figures are known


def conv(name: str, wiring: str, outputs: int, kernel: int, more: str = "") -> str:
    sizes = f"num_output: {outputs} kernel_size: {kernel} {more}"
    return layer(name, "Convolution", wiring, f"convolution_param {{ {sizes} }}")


def pool(name: str, wiring: str, kernel: int) -> str:
    sizes = f"kernel_size: {kernel} stride: 2"
    return layer(name, "Pooling", wiring, f"pooling_param {{ {sizes} }}")


def matrices(result: NetCost) -> int:
    types = ("Convolution", "InnerProduct")
    return sum(each.multiply_adds or 0 for each in result.layers if each.layer.type in types)


def test_alexnet() -> None:
    result = cost(
        source("data", 1, 3, 227, 227)
        + conv("c1", "data -> c1", 96, 11, "stride: 4")
        + pool("p1", "c1 -> p1", 3)
        + conv("c2", "p1 -> c2", 256, 5, "pad: 2 group: 2")
        + pool("p2", "c2 -> p2", 3)
        + conv("c3", "p2 -> c3", 384, 3, "pad: 1")
        + conv("c4", "c3 -> c4", 384, 3, "pad: 1 group: 2")
        + conv("c5", "c4 -> c5", 256, 3, "pad: 1 group: 2")
        + pool("p5", "c5 -> p5", 3)
        + ip("f6", "p5 -> f6", 4096)
        + ip("f7", "f6 -> f7", 4096)
        + ip("f8", "f7 -> f8", 1000)
    )
    assert result.parameters.value == 60_965_224
    assert matrices(result) == 724_406_816


def test_vgg16() -> None:
    text, below = source("x", 1, 3, 224, 224), "x"
    for stage, (depth, outputs) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))):
        for i in range(depth):
            text += conv(f"c{stage}{i}", f"{below} -> c{stage}{i}", outputs, 3, "pad: 1")
            below = f"c{stage}{i}"
        text += pool(f"p{stage}", f"{below} -> p{stage}", 2)
        below = f"p{stage}"
    for i, outputs in enumerate((4096, 4096, 1000)):
        text += ip(f"f{i}", f"{below} -> f{i}", outputs)
        below = f"f{i}"
    result = cost(text)
    assert result.parameters.value == 138_357_544
    assert matrices(result) == 15_470_264_320
