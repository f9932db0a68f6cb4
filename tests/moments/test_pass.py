"""The pass over a net: what it starts from, where its sight ends, what it reports."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isnan, log
from pathlib import Path

import pytest

import caffelint
from caffelint.model.build import set_up
from caffelint.model.layers import LAYER_TYPES
from caffelint.model.net import Layer
from caffelint.model.shapes.setup import Shape
from caffelint.moments.fillers import Fill
from caffelint.moments.forward import Forward, forward
from caffelint.moments.inputs import PIXEL_DEVIATION, PIXEL_MEAN
from caffelint.moments.table import RULES

from ..model.build import layer, net
from .nets import net_text


def run(
    text: str,
    phase: str = "TRAIN",
    given: Mapping[str, Shape] | None = None,
    inputs: Mapping[str, tuple[float, float]] | None = None,
) -> Forward:
    built = net(text, phase)
    return forward(built, set_up(built, given)[0], inputs)


def rms(result: Forward) -> dict[str, float | None]:
    signals = ((blob.name, result.signals[blob]) for blob in result.net.blobs)
    return {name: None if signal is None else signal.rms for name, signal in signals}


def test_every_layer_type_has_a_rule() -> None:
    sources = {name for name, kind in LAYER_TYPES.items() if kind.source} - {"Parameter"}
    assert set(LAYER_TYPES) - sources - {"Python"} == set(RULES)


# What comes in

IMAGE = layer("d", "Data", "-> x label", "data_param { batch_size: 4 } transform_param { HERE }")


@pytest.mark.parametrize(
    ("transform", "mean", "deviation"),
    [
        ("crop_size: 8", PIXEL_MEAN, PIXEL_DEVIATION),
        ("crop_size: 8 scale: 0.5", PIXEL_MEAN / 2, PIXEL_DEVIATION / 2),
        ("crop_size: 8 mean_value: 105 mean_value: 125 mean_value: 130", PIXEL_MEAN - 120, None),
        ("crop_size: 8 mean_value: 100 scale: 0.1", (PIXEL_MEAN - 100) / 10, PIXEL_DEVIATION / 10),
        ('crop_size: 8 mean_file: "m"', 0, PIXEL_DEVIATION),
    ],
)
def test_pixels(transform: str, mean: float, deviation: float | None) -> None:
    result = run(IMAGE.replace("HERE", transform), given={"x": (4, 3, 8, 8), "label": (4,)})
    pixels, label = (result.signals[blob] for blob in result.net.blobs)
    assert label is None
    assert pixels is not None
    assert pixels.assumed
    assert pixels.mean == pytest.approx(mean)
    assert pixels.whole.variance == pytest.approx((deviation or PIXEL_DEVIATION) ** 2)
    # Neighbours are much alike, distant pixels and other images less so.
    near, far = pixels.whole.kernel.at(0, 1), pixels.whole.kernel.far
    assert pixels.square > near > far > pixels.whole.kernel.twin == pytest.approx(mean * mean)


@pytest.mark.parametrize(
    ("filler", "mean", "square"),
    [
        ("", 0, 0),
        ('data_filler { type: "constant" value: 3 }', 3, 9),
        ('data_filler { type: "uniform" min: 0 max: 2 }', 1, 4 / 3),
    ],
)
def test_dummy_data_is_known(filler: str, mean: float, square: float) -> None:
    shape = "shape { dim: 4 dim: 3 }"
    result = run(layer("d", "DummyData", "-> x", f"dummy_data_param {{ {shape} {filler} }}"))
    signal = result.signals[result.net.blobs[0]]
    assert signal is not None
    assert not signal.assumed
    assert (signal.mean, signal.square) == pytest.approx((mean, square))


def test_given_inputs_are_taken() -> None:
    text = layer("d", "Input", "-> x", "input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } }")
    signal = run(text, inputs={"x": (3.0, 4.0)}).signals
    (x,) = signal.values()
    assert x is not None
    assert (x.mean, x.rms, x.assumed) == (3.0, 5.0, False)
    (x,) = run(net_text("x = 2 3 | constant value: 9"), inputs={"x": (3.0, 4.0)}).signals.values()
    assert x is not None
    assert (x.mean, x.rms, x.assumed) == (3.0, 5.0, False)


# Where the sight ends


def test_a_python_layer_hides_what_comes_after() -> None:
    result = run(
        net_text("x = 2 3 4 4 | gaussian\n y Power x -> y | scale: 2\n")
        + layer("p", "Python", "y -> z", 'python_param { module: "m" layer: "L" }')
        + net_text("r ReLU z -> z\n s Sigmoid y -> s")
    )
    assert [(one.name, why) for one, why in result.blocked.items()] == [
        ("p", "layers of type Python are not known")
    ]
    sizes = rms(result)
    assert sizes["y"] == pytest.approx(2, rel=0.01)
    assert result.seen == 3
    assert sizes["z"] is None
    assert sizes["s"] is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p Pooling x -> p | pool: STOCHASTIC kernel_size: 2", "stochastic pooling"),
        ("p SPP x -> p | pool: STOCHASTIC pyramid_height: 2", "stochastic pooling"),
        ("p Power x -> p | power: 0.5 scale: 0 shift: -1", "negative values have no power of 0.5"),
        (
            (
                "c = 1 2 3 | constant\n g = 1 2 12 | constant\n k = 1 2 | constant\n"
                "u LSTMUnit c g k -> a b"
            ),
            "LSTMUnit by itself",
        ),
        ("p Power x -> p | power: 0.5", "negative values have no power of 0.5"),
        ("p Log x -> p", "negative values have no logarithm"),
        (
            "t = 2 1 | constant\n l MultinomialLogisticLoss x t -> l",
            "its bottom is not the top of a Softmax",
        ),
    ],
)
def test_what_cannot_be_computed_says_why(text: str, why: str) -> None:
    result = run(net_text("x = 2 3 4 4 | gaussian\n" + text))
    assert list(result.blocked.values()) == [why]


@pytest.mark.parametrize(
    ("shape", "text", "why"),
    [
        (
            (4, 3, None, None),
            "a InnerProduct x -> a | num_output: 2 w(xavier)",
            "the size of its weights depends on the data",
        ),
        ((4, 3, None, None), "r Reduction x -> r | axis: 1", "its size depends on the data"),
        (
            (4, 3, None, None),
            "k = 7 4 | constant\n l LSTM x k -> l | num_output: 2 w(xavier)",
            "the size of its weights depends on the data",
        ),
        ((4, 3, None, None), "f Flatten x -> f", "the number of channels depends on the data"),
        ((4, None, 8, 8), "p Pooling x -> p | kernel_size: 2",
         "the number of channels depends on the data"),
        (None, "p Pooling x -> p | kernel_size: 2", "its size depends on the data"),
    ],
)  # fmt: skip
def test_what_the_data_decides_is_not_guessed(shape: Shape, text: str, why: str) -> None:
    source = layer("d", "HDF5Data", "-> x", 'hdf5_data_param { source: "s" batch_size: 4 }')
    given = {} if shape is None else {"x": shape}
    result = run(source + net_text(text), given=given, inputs={"x": (0.0, 1.0)})
    assert set(result.blocked.values()) == {why}


def test_maps_of_any_size_have_a_loss_of_their_classes() -> None:
    text = IMAGE.replace("HERE", "mean_value: 120 scale: 0.01")
    text += net_text("c Convolution x -> c | num_output: 5 kernel_size: 1\n"
                     "l SoftmaxWithLoss c label -> l")  # fmt: skip
    result = run(text, given={"x": (4, 3, None, None), "label": (4, 1, None, None)})
    assert result.first_loss == pytest.approx(log(5))


def test_a_loss_that_is_not_seen_is_not_guessed() -> None:
    text = net_text("x = 4 3 | gaussian\n t = 4 | constant\n a InnerProduct x -> a | num_output: 2")
    known = layer("l", "SoftmaxWithLoss", "a t -> l")
    assert run(text + known).first_loss == pytest.approx(log(2))
    hidden = layer("m", "MyLoss", "a t -> m")
    assert run(text + known + hidden).first_loss is None
    assert run(text + known).losses
    assert run(text).first_loss is None
    without_top = layer("p", "Python", "x -> y") + layer("l", "SoftmaxWithLoss", "y t ->")
    assert run(text + without_top).first_loss is None


# Overflow


def test_values_beyond_single_precision_blow_up_everything_after_them() -> None:
    text = "x = 4 8 | gaussian std: 1e30\n t = 4 | constant\n p Power x -> p | scale: 1e20\n"
    text += "r ReLU p -> p\n a InnerProduct p -> a | num_output: 3 w(xavier)\n"
    result = run(net_text(text + "l SoftmaxWithLoss a t -> l"))
    assert {blob.name for blob in result.blown} == {"p", "a", "l"}
    assert result.first_loss is not None
    assert isnan(result.first_loss)
    without_top = run(net_text(text) + layer("l", "SoftmaxWithLoss", "a t ->")).first_loss
    assert without_top is not None
    assert isnan(without_top)


@pytest.mark.parametrize(
    "text",
    [
        "p Exp x -> p | scale: 1e6",
        "p Power x -> p | power: 400 scale: 100",
        "p Power x -> p | scale: 3e38\n q Power p -> q | scale: 3e38",
        "p Scale x -> p | f(constant value: 3e38)\n q Scale p -> q | f(constant value: 3e38)",
    ],
)
def test_overflow_is_no_error(text: str) -> None:
    result = run(net_text("x = 2 3 4 4 | gaussian std: 5\n" + text))
    assert result.blown


def test_batch_norm_of_huge_values_gives_zeros() -> None:
    text = "x = 4 8 | gaussian std: 1e25\n n BatchNorm x -> n"
    assert rms(run(net_text(text)))["n"] == 0


def test_dead_signals() -> None:
    text = "x = 4 8 | gaussian\n a InnerProduct x -> a | num_output: 3\n n BatchNorm a -> n\n"
    text += "r ReLU n -> r\n p LRN x -> p\n d Dropout r -> d\n s Sigmoid r -> s"
    sizes = rms(run(net_text(text.replace("p LRN x -> p\n", ""))))
    assert [sizes[name] for name in "anrd"] == [0, 0, 0, 0]
    assert sizes["s"] == pytest.approx(0.5)


# Phases, stored statistics, weights that are known


def test_batch_norm_uses_empty_statistics_in_test() -> None:
    text = net_text("x = 4 8 5 5 | gaussian std: 2\n n BatchNorm x -> n")
    assert rms(run(text, "TRAIN"))["n"] == pytest.approx(1, abs=1e-4)
    assert rms(run(text, "TEST"))["n"] == pytest.approx(2 * 1e5**0.5, rel=1e-4)


def test_dropout_does_nothing_in_test() -> None:
    text = net_text("x = 4 8 | gaussian std: 2\n d Dropout x -> d")
    assert rms(run(text, "TRAIN"))["d"] == pytest.approx(2 * 2**0.5, rel=0.01)
    assert rms(run(text, "TEST"))["d"] == pytest.approx(2, rel=0.01)


def test_weights_that_a_file_fills() -> None:
    text = "x = 4 50 | gaussian std: 2\n a InnerProduct x -> a | num_output: 3\n"
    built = net(net_text(text + "n BatchNorm a -> n | use_global_stats: true"))

    def known(one: Layer, index: int) -> Fill | None:
        fills = {
            "a": [Fill(0.0, 0.02), Fill(1.0, 0.0)],
            "n": [Fill(1.0, 0.0), Fill(40.0, 0.0), Fill(10.0, 0.0)],
        }
        return fills[one.name][index] if one.name in fills else None

    squares = [
        s.square for s in forward(built, set_up(built)[0], None, known).signals.values() if s
    ]
    # The file's statistics are sums, to be divided by its factor: mean 0.1, variance 4.
    assert squares == pytest.approx([4, 50 * 0.02 * 4 + 1, (4 + (1 - 0.1) ** 2) / 4], rel=1e-5)


def test_scores_of_equal_weights_are_alike() -> None:
    text = """
        x = 4 8 | uniform
        t = 4 | constant
        a InnerProduct x -> a | num_output: 7 w(constant value: 9)
        l SoftmaxWithLoss a t -> l
    """
    result = run(net_text(text))
    assert result.first_loss == pytest.approx(log(7))


# Losses

SCORES = "x = 4 60 | gaussian\n a InnerProduct x -> a | num_output: 6 w(xavier)\n"


@pytest.mark.parametrize(
    ("mode", "factor"),
    [
        ("", 1),
        ("loss_param { normalization: VALID }", 1),
        ("loss_param { normalization: FULL }", 1),
        ("loss_param { normalization: BATCH_SIZE }", 9),
        ("loss_param { normalization: NONE }", 36),
        ("loss_param { normalize: false }", 9),
        ("loss_weight: 0.5", 0.5),
    ],
)
def test_divisors_of_the_softmax_loss(mode: str, factor: float) -> None:
    text = """
        x = 4 8 3 3 | gaussian
        t = 4 3 3 | constant
        c Convolution x -> c | num_output: 6 kernel_size: 1
    """
    result = run(net_text(text) + layer("l", "SoftmaxWithLoss", "c t -> l", mode))
    assert result.first_loss == pytest.approx(factor * log(6))


def test_a_loss_without_a_top_counts() -> None:
    result = run(net_text(SCORES + "t = 4 | constant") + layer("l", "SoftmaxWithLoss", "a t ->"))
    assert result.first_loss == pytest.approx(2.2, abs=0.2)


def test_of_several_tops_those_with_a_weight_are_the_loss() -> None:
    """Caffe adds up all values of a top, times its weight (layer.hpp, SetLossWeights)."""
    text = "x = 4 6 | constant value: 2\n"
    text += "s Slice x -> a b | slice_point: 2 | loss_weight: 0.5 loss_weight: 0"
    assert run(net_text(text)).first_loss == pytest.approx(0.5 * 4 * 2 * 2)


def test_targets_that_are_not_known_leave_the_range_open() -> None:
    text = layer("d", "HDF5Data", "-> x t", 'hdf5_data_param { source: "s" batch_size: 4 }')
    text += net_text("a InnerProduct x -> a | num_output: 6 w(xavier)\n l EuclideanLoss a t -> l")
    result = run(text, given={"x": (4, 60), "t": (4, 6)}, inputs={"x": (0.0, 1.0)})
    assert result.first_loss == pytest.approx(3)
    assert result.loss_range is not None
    assert result.loss_range[1] == inf


def test_an_assumption_about_the_data_widens_the_range() -> None:
    rest = net_text("a InnerProduct x -> a | num_output: 99 w(gaussian std: 0.003)\n"
                    "l SoftmaxWithLoss a label -> l")  # fmt: skip
    given: dict[str, Shape] = {"x": (400, 3, 8, 8), "label": (400,)}
    text = IMAGE.replace("HERE", "crop_size: 8 mean_value: 115") + rest
    assumed = run(text, given=given)
    told = run(text, given=given, inputs={"x": (0.0, PIXEL_DEVIATION)})
    assert assumed.first_loss == pytest.approx(told.first_loss)
    assert width(assumed) > 1.5 * width(told)
    normal = text.replace('bottom: "x"', 'bottom: "n"')
    at = normal.index('layer { name: "a"')
    normal = normal[:at] + layer("n", "BatchNorm", "x -> n") + normal[at:]
    same = run(normal, given=given), run(normal, given=given, inputs={"x": (0.0, 58.0)})
    assert width(same[0]) == pytest.approx(width(same[1]))


def width(result: Forward) -> float:
    low, high = result.loss_range or (0.0, 0.0)
    return high - low


# The library


def test_signal_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        layer("d", "Data", "-> x label", "data_param { batch_size: 4 }")
        + net_text(
            "a InnerProduct x -> a | num_output: 6 w(xavier)\n r ReLU a -> a\n"
            "b InnerProduct a -> b | num_output: 3\n c InnerProduct a -> c | num_output: 3\n"
            "s Eltwise b c -> s\n l SoftmaxWithLoss s label -> l"
        )
    )
    result = caffelint.signal(path, inputs={"x": (0.0, 2.0)}, shapes={"x": (4, 50), "label": (4,)})
    assert [one.name for one in result.layers] == ["d", "a", "r", "a_r_0_split", *"bcsl"]
    assert result.layers[1].tops[0].rms == pytest.approx(2, rel=0.01)
    assert [top.blob for top in result.layers[3].tops] == ["a_r_0_split_0", "a_r_0_split_1"]
    assert result.layers[3].tops[0].rms == result.layers[2].tops[0].rms
    assert result.first_loss == pytest.approx(log(3))
    assert [(one.layer, one.weight) for one in result.losses] == [("l", 1.0)]
    assert result.assumed == ()
    assert not result.blocked
    assert result.seen == 7
    assert caffelint.signal(path).assumed == ("x",)


def test_overflow_in_a_file_is_infinite(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(net_text("x = 2 3 | gaussian std: 1e30\n p Power x -> p | scale: 1e20"))
    (top,) = caffelint.signal(path).layers[1].tops
    assert top.rms == inf
    assert top.mean is not None
    assert isnan(top.mean)


def test_a_file_that_is_no_net(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text("layer { name: ")
    result = caffelint.signal(path)
    assert result.first_loss is None


def test_a_net_that_caffe_would_refuse(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(net_text("x = 1 1 3 3 | gaussian\n p Pooling x -> p | kernel_size: 9"))
    with pytest.raises(ValueError, match="would refuse"):
        caffelint.signal(path)


# Sizes of all kinds


@pytest.mark.parametrize(
    "text",
    [
        "x = 1 1 1 100000000 | gaussian\n p Pooling x -> p | pool: AVE global_pooling: true",
        "x = 1 1 1 100000000 | gaussian\n p Pooling x -> p | pool: AVE kernel_size: 1 stride: 1",
        "x = 1 1 1 9000000 | gaussian\n p Pooling x -> p | kernel_h: 1 kernel_w: 9 stride: 3",
        "x = 1 1 9 9 | gaussian\n c Convolution x -> c | num_output: 1 pad: 20000 kernel_size: 3",
        "x = 1 1 9 | gaussian\n c Convolution x -> c | num_output: 1 pad: 9999 kernel_size: 9999",
        "x = 1 1 3 3 | gaussian\n c Deconvolution x -> c | num_output: 1 kernel_size: 999 w(msra)",
        "x = 1 9 3 3 | gaussian\n n LRN x -> n | local_size: 2147483647 alpha: 1",
        "x = 1 50000000 1 1 | gaussian\n n LRN x -> n | local_size: 40000001 alpha: 1",
        "x = 2 3 | gaussian\n" + "s Sigmoid x -> x\n" * 3000,
        "x = 2 3 | gaussian\n k Concat " + "x " * 3000 + "-> k",
        "x = 2 3 | gaussian\n s Eltwise " + "x " * 3000 + "-> s",
        "x = 2 3 | gaussian\n" + "".join(f"k{i} Eltwise x x -> x\n" for i in range(1200)),
        "x = 1 1 99 99 | gaussian\n" + "p Pooling x -> x | kernel_size: 3 stride: 1 pad: 1\n" * 300,
    ],
)
def test_any_size_has_an_answer(text: str) -> None:
    result = run(net_text(text))
    assert not result.blocked
    assert not any(isnan(signal.rms) for signal in result.signals.values() if signal is not None)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e38", "-1e38", "0"])
@pytest.mark.parametrize(
    "layers",
    [
        "a InnerProduct x -> a | num_output: 5 w(gaussian mean: V)\n l SoftmaxWithLoss a t -> l",
        "a InnerProduct x -> a | num_output: 5 w(constant value: V)\n l HingeLoss a t -> l",
        "a Power x -> a | scale: V shift: V\n l EuclideanLoss a x -> l",
        "a Power x -> a | power: V shift: 1",
        "a LRN y -> a | alpha: V beta: 0.7",
        "a LRN y -> a | beta: V",
        "a LRN y -> a | k: V alpha: 100",
        "a BatchNorm y -> a | eps: V",
        "a ELU x -> a | alpha: V\n b Exp x -> b | scale: V\n c Log x -> c | shift: V",
        "a Clip x -> a | min: V max: V\n b Swish x -> b | beta: V",
        "a Threshold x -> a | threshold: V",
        "a Scale y -> a | f(uniform min: V max: V)\n b MVN a -> b",
        "a Softmax x -> a\n b Power a -> b | scale: V\n l MultinomialLogisticLoss a t -> l",
    ],
)
def test_any_value_gives_an_answer(layers: str, value: str) -> None:
    text = "x = 4 5 | gaussian\n y = 2 3 4 4 | gaussian\n t = 4 | constant\n"
    result = run(net_text(text + layers.replace("V", value)))
    assert result.first_loss is None or isinstance(result.first_loss, float)
    assert result.loss_range is None or len(result.loss_range) == 2
