"""Predicted gradients against a backward pass with random weights that is really computed.

Every row is a small net; the rms of the gradient of each blob and of each learned blob is compared
with its mean over a few passes.
"""

from __future__ import annotations

from typing import Any

import pytest

from caffelint.model.build import set_up
from caffelint.moments.backward import Backward, backward
from caffelint.moments.forward import forward

from ..model.build import net
from .nets import net_text

np = pytest.importorskip("numpy")

from .backprop import Backprop  # noqa: E402 - needs numpy

SEEDS = 5

_HEAD = """
    z InnerProduct {} -> z | num_output: 10 w(xavier)
    y = 32 | uniform max: 9.999
    l SoftmaxWithLoss z y -> l
"""
_X = "x = 32 16 8 8 | gaussian std: 1"
_C = "c Convolution x -> c | num_output: 32 kernel_size: 3 w(msra)"

NETS = {
    "softmax": "x = 64 100 | gaussian std: 1" + _HEAD.replace("32 |", "64 |").format("x"),
    "softmax, saturated": """
        x = 64 100 | gaussian std: 3
        z InnerProduct x -> z | num_output: 10 w(gaussian std: 1)
        y = 64 | uniform max: 9.999
        l SoftmaxWithLoss z y -> l
    """,
    "softmax, weighted": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(xavier)
        y = 64 | uniform max: 9.999
        l SoftmaxWithLoss z y -> l | | loss_weight: 0.3
    """,
    "sigmoid loss": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(msra)
        y = 64 10 | uniform
        l SigmoidCrossEntropyLoss z y -> l
    """,
    "euclidean": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(msra)
        y = 64 10 | gaussian mean: 2 std: 1
        l EuclideanLoss z y -> l
    """,
    "hinge": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(xavier)
        y = 64 | uniform max: 9.999
        l HingeLoss z y -> l
    """,
    "hinge, squared": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(xavier)
        y = 64 | uniform max: 9.999
        l HingeLoss z y -> l | norm: L2
    """,
    "ip relu": f"""
        x = 32 100 | gaussian std: 1
        a InnerProduct x -> a | num_output: 80 w(msra)
        r ReLU a -> r
        {_HEAD.format("r")}
    """,
    "ip transposed": f"""
        x = 32 100 | gaussian std: 1
        a InnerProduct x -> a | num_output: 80 transpose: true w(msra)
        r ReLU a -> r
        {_HEAD.format("r")}
    """,
    "leaky": f"{_X}\n{_C}\nr ReLU c -> r | negative_slope: 0.3\n{_HEAD.format('r')}",
    "prelu": f"{_X}\n{_C}\nr PReLU c -> r\n{_HEAD.format('r')}",
    "sigmoid": f"{_X}\n{_C}\nr Sigmoid c -> r\n{_HEAD.format('r')}",
    "tanh": f"{_X}\n{_C}\nr TanH c -> r\n{_HEAD.format('r')}",
    "elu": f"{_X}\n{_C}\nr ELU c -> r\n{_HEAD.format('r')}",
    "power": f"{_X}\n{_C}\nr Power c -> r | scale: 0.5 shift: 1\n{_HEAD.format('r')}",
    "square": f"{_X}\n{_C}\nr Power c -> r | power: 2 scale: 0.5\n{_HEAD.format('r')}",
    "dropout": f"{_X}\n{_C}\nr ReLU c -> r\nd Dropout r -> d\n{_HEAD.format('d')}",
    "lrn": f"{_X}\n{_C}\nr ReLU c -> r\nd LRN r -> d | alpha: 0.1\n{_HEAD.format('d')}",
    "conv padded, strided": f"""
        {_X}
        c Convolution x -> c | num_output: 32 kernel_size: 3 pad: 1 stride: 2 w(msra)
        r ReLU c -> r
        d Convolution r -> d | num_output: 32 kernel_size: 3 pad: 1 w(msra)
        s ReLU d -> s
        {_HEAD.format("s")}
    """,
    "conv in groups": f"""
        {_X}
        c Convolution x -> c | num_output: 32 kernel_size: 3 w(msra)
        r ReLU c -> r
        d Convolution r -> d | num_output: 32 kernel_size: 3 group: 4 w(msra)
        s ReLU d -> s
        {_HEAD.format("s")}
    """,
    "deconv": f"""
        {_X}
        c Convolution x -> c | num_output: 16 kernel_size: 3 stride: 3 w(msra)
        r ReLU c -> r
        d Deconvolution r -> d | num_output: 16 kernel_size: 4 stride: 2 pad: 1 w(msra)
        s ReLU d -> s
        {_HEAD.format("s")}
    """,
    "largest of relu": f"""
        {_X}
        {_C}
        r ReLU c -> r
        p Pooling r -> p | pool: MAX kernel_size: 2 stride: 2
        {_HEAD.format("p")}
    """,
    "relu of largest": f"""
        {_X}
        {_C}
        p Pooling c -> p | pool: MAX kernel_size: 2 stride: 2
        r ReLU p -> r
        {_HEAD.format("r")}
    """,
    "largest, overlapping": f"""
        {_X}
        {_C}
        p Pooling c -> p | pool: MAX kernel_size: 3 stride: 2
        {_HEAD.format("p")}
    """,
    "average": f"""
        {_X}
        {_C}
        r ReLU c -> r
        p Pooling r -> p | pool: AVE kernel_size: 3 stride: 2
        {_HEAD.format("p")}
    """,
    "average of all": f"""
        {_X}
        {_C}
        r ReLU c -> r
        p Pooling r -> p | pool: AVE global_pooling: true
        {_HEAD.format("p")}
    """,
    "batch norm": f"""
        {_X}
        {_C}
        n BatchNorm c -> n
        s Scale n -> s | bias_term: true
        r ReLU s -> r
        {_HEAD.format("r")}
    """,
    "batch norm of few": f"""
        x = 12 100 | gaussian std: 1
        a InnerProduct x -> a | num_output: 200 w(msra)
        n BatchNorm a -> n
        r ReLU n -> r
        {_HEAD.replace("32 |", "12 |").format("r")}
    """,
    "stored statistics": f"""
        {_X}
        {_C}
        n BatchNorm c -> n | use_global_stats: true eps: 0.01
        r ReLU n -> r
        {_HEAD.format("r")}
    """,
    "bias": f"{_X}\n{_C}\nb Bias c -> b | f(gaussian std: 0.5)\nr ReLU b -> r\n{_HEAD.format('r')}",
    "residual": f"""
        {_X}
        {_C}
        r ReLU c -> r
        d Convolution r -> d | num_output: 32 kernel_size: 3 pad: 1 w(msra)
        s Eltwise r d -> s | coeff: 1 coeff: 0.5
        t ReLU s -> t
        {_HEAD.format("t")}
    """,
    "side by side": f"""
        {_X}
        {_C}
        d Convolution x -> d | num_output: 8 kernel_size: 3 w(gaussian std: 0.3)
        s Concat c d -> s
        t ReLU s -> t
        {_HEAD.format("t")}
    """,
    "sliced": f"""
        {_X}
        {_C}
        d Slice c -> p q | slice_point: 8
        e Pooling p -> e | pool: AVE global_pooling: true
        f Concat e g -> f
        {_HEAD.format("f")}
    """.replace("f Concat", "g Pooling q -> g | pool: AVE global_pooling: true\nf Concat"),
    "two heads": f"""
        {_X}
        {_C}
        r ReLU c -> r
        {_HEAD.format("r")}
        t InnerProduct r -> t | num_output: 10 w(gaussian std: 0.1)
        v = 32 10 | gaussian std: 1
        m EuclideanLoss t v -> m | | loss_weight: 0.1
    """,
    "a split that is written": f"""
        {_X}
        {_C}
        s Split c -> p q
        {_HEAD.format("p")}
        t InnerProduct q -> t | num_output: 10 w(gaussian std: 0.1)
        v = 32 10 | gaussian std: 1
        m EuclideanLoss t v -> m | | loss_weight: 0.1
    """,
    "gated": f"""
        {_X}
        {_C}
        p Pooling c -> p | pool: AVE global_pooling: true
        q Flatten p -> q
        a InnerProduct q -> a | num_output: 32 w(gaussian std: 2)
        g Sigmoid a -> g
        s Scale c g -> s | axis: 0
        {_HEAD.format("s")}
    """,
    "swish": f"{_X}\n{_C}\nr Swish c -> r | beta: 2\n{_HEAD.format('r')}",
    "bnll": f"{_X}\n{_C}\nr BNLL c -> r\n{_HEAD.format('r')}",
    "absolute": f"{_X}\n{_C}\nr AbsVal c -> r\n{_HEAD.format('r')}",
    "clip": f"{_X}\n{_C}\nr Clip c -> r | min: -1 max: 0.5\n{_HEAD.format('r')}",
    "power of 0": f"{_X}\n{_C}\nr Power c -> r | power: 0 shift: 3\n{_HEAD.format('r')}",
    "softmax inside": """
        x = 64 100 | gaussian std: 1
        a InnerProduct x -> a | num_output: 20 w(msra)
        s Softmax a -> s
        y = 64 20 | uniform
        l EuclideanLoss s y -> l
    """,
    "deconv in groups": f"""
        {_X}
        c Convolution x -> c | num_output: 16 kernel_size: 3 stride: 3 w(msra)
        d Deconvolution c -> d | num_output: 16 kernel_size: 2 stride: 2 group: 4 w(msra)
        {_HEAD.format("d")}
    """,
    "embed": f"""
        x = 32 | uniform max: 29.999
        e Embed x -> e | num_output: 50 input_dim: 30 w(gaussian std: 1)
        {_HEAD.format("e")}
    """,
    "scale by a map": f"""
        {_X}
        {_C}
        d Convolution x -> d | num_output: 32 kernel_size: 3 w(msra)
        s Scale c d -> s | axis: 0 bias_term: true
        {_HEAD.format("s")}
    """,
    "offsets of a sample": f"""
        {_X}
        {_C}
        a InnerProduct x -> a | num_output: 32 w(xavier)
        b Bias c a -> b | axis: 0
        {_HEAD.format("b")}
    """,
    "mvn": f"{_X}\n{_C}\nn MVN c -> n\n{_HEAD.format('n')}",
    "mvn, mean alone": f"{_X}\n{_C}\nn MVN c -> n | normalize_variance: false\n"
    + _HEAD.format("n"),
    "samples together": f"""
        x = 16 16 8 8 | gaussian std: 1
        c Convolution x -> c | num_output: 32 kernel_size: 3 w(msra)
        d Convolution x -> d | num_output: 32 kernel_size: 3 w(gaussian std: 0.3)
        k Concat c d -> k | axis: 0
        r ReLU k -> r
        {_HEAD.format("r")}
    """,
    "samples apart": f"""
        {_X}
        {_C}
        s Slice c -> p q | axis: 0
        e Eltwise p q -> e
        {_HEAD.replace("32 |", "16 |").format("e")}
    """,
    "product": f"""
        {_X}
        {_C}
        d Convolution x -> d | num_output: 32 kernel_size: 3 w(msra)
        e Sigmoid d -> e
        m Eltwise c e -> m | operation: PROD
        {_HEAD.format("m")}
    """,
    "maxout": f"""
        {_X}
        {_C}
        d Slice c -> p q
        m Eltwise p q -> m | operation: MAX
        {_HEAD.format("m")}
    """,
    "cropped": f"""
        {_X}
        {_C}
        o = 32 32 4 4 | constant
        k Crop c o -> k | offset: 1
        {_HEAD.format("k")}
    """,
    "reshaped": f"""
        {_X}
        {_C}
        k Reshape c -> k | shape {{ dim: 0 dim: 8 dim: -1 dim: 6 }}
        r ReLU k -> r
        {_HEAD.format("r")}
    """,
    "flattened": f"{_X}\n{_C}\nf Flatten c -> f\nr ReLU f -> r\n{_HEAD.format('r')}",
    "pyramid": f"{_X}\n{_C}\ns SPP c -> s | pyramid_height: 2\n{_HEAD.format('s')}",
    "sum": f"{_X}\n{_C}\nr Reduction c -> r | coeff: 0.1 | loss_weight: 0.5",
    "mean of a map": f"""
        {_X}
        {_C}
        r Reduction c -> r | operation: MEAN axis: 2
        {_HEAD.format("r")}
    """,
    "energy of a map": f"""
        {_X}
        {_C}
        r Reduction c -> r | operation: SUMSQ axis: 2 coeff: 0.01
        {_HEAD.format("r")}
    """,
    "size of a map": f"""
        {_X}
        {_C}
        r Reduction c -> r | operation: ASUM axis: 2 coeff: 0.01
        {_HEAD.format("r")}
    """,
    "sliced, one part unused": f"""
        {_X}
        {_C}
        d Slice c -> p q | slice_point: 8
        h Silence q ->
        {_HEAD.format("p")}
    """,
    "groups of two kinds": f"""
        {_X}
        c Convolution x -> c | num_output: 32 kernel_size: 3 group: 4 w(gaussian std: 0.02)
        n Scale c -> n | bias_term: true
        d Slice n -> p q | slice_point: 8
        e Power p -> e | scale: 5
        k Concat e q -> k
        {_HEAD.format("k")}
    """,
    "prelu of two kinds": f"""
        {_X}
        {_C}
        d Convolution x -> d | num_output: 4 kernel_size: 3 bias_term: false w(gaussian std: 1)
        k Concat c d -> k
        r PReLU k -> r
        {_HEAD.format("r")}
    """,
    "dropout of nothing": f"{_X}\n{_C}\nd Dropout c -> d | dropout_ratio: 0\n{_HEAD.format('d')}",
    "relu of one value": f"""
        x = 32 16 8 8 | constant value: 1
        c Convolution x -> c | num_output: 32 kernel_size: 3 w(constant value: 0.1)
        r ReLU c -> r
        {_HEAD.format("r")}
    """,
    "euclidean of alike scores": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(constant value: 0.1)
        y = 64 10 | gaussian mean: 2 std: 1
        l EuclideanLoss z y -> l
    """,
    "hinge of zeros": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10
        y = 64 | uniform max: 9.999
        l HingeLoss z y -> l
    """,
    "hinge of zeros, squared": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10
        y = 64 | uniform max: 9.999
        l HingeLoss z y -> l | norm: L2
    """,
    "cropped channels": f"""
        {_X}
        {_C}
        d Convolution x -> d | num_output: 32 kernel_size: 3 w(gaussian std: 0.3)
        k Concat c d -> k
        o = 32 16 5 5 | constant
        m Crop k o -> m | axis: 1 offset: 1
        {_HEAD.format("m")}
    """,
    "infogain": """
        x = 64 100 | gaussian std: 1
        z InnerProduct x -> z | num_output: 10 w(xavier)
        y = 64 | uniform max: 9.999
        h = 1 1 10 10 | constant
        l InfogainLoss z y h -> l
    """,
    "contrastive": """
        x = 64 100 | gaussian std: 1
        y = 64 100 | gaussian std: 1
        a InnerProduct x -> a | num_output: 20 w(gaussian std: 0.01)
        b InnerProduct y -> b | num_output: 20 w(gaussian std: 0.01)
        k = 64 | uniform max: 1.999
        l ContrastiveLoss a b k -> l | margin: 2
    """,
    "contrastive, far apart": """
        x = 64 100 | gaussian std: 1
        y = 64 100 | gaussian std: 1
        a InnerProduct x -> a | num_output: 20 w(xavier)
        b InnerProduct y -> b | num_output: 20 w(xavier)
        k = 64 | uniform max: 1.999
        l ContrastiveLoss a b k -> l
    """,
}

LOOSE = {"deconv": 0.4, "lrn": 0.2, "gated": 0.35, "largest, overlapping": 0.15, "square": 0.2}
"""Where the rule leaves something out."""


def passes(name: str) -> tuple[Backward, list[Backprop]]:
    lines = [line for line in NETS[name].splitlines() if line.strip()]
    built = net(net_text("\n".join(lines)))
    shapes, problems = set_up(built)
    assert not problems
    return backward(forward(built, shapes)), [Backprop(built, shapes, s) for s in range(SEEDS)]


def rms(values: list[Any]) -> float:
    return float(np.mean([np.sqrt(np.mean(value**2)) for value in values]))


@pytest.mark.parametrize("name", NETS)
def test_gradients(name: str) -> None:
    predicted, real = passes(name)
    assert not predicted.blocked
    compared = 0
    for blob, signal in predicted.gradients.items():
        if blob.producer.is_loss or blob not in real[0].diffs:
            continue
        assert signal is not None
        measured = rms([one.diffs[blob] for one in real])
        assert predicted.rms(blob) == pytest.approx(measured, rel=LOOSE.get(name, 0.12)), blob
        compared += 1
    assert compared >= 1
    assert predicted.squares.keys() == real[0].learned_diffs.keys()
    for (layer, index), square in predicted.squares.items():
        measured = rms([one.learned_diffs[layer, index] for one in real])
        if measured < 1e-9:  # what batch norm takes away again
            continue
        # Gradients have something of the values in them, which adds up in biases.
        tolerance = 0.5 if index or layer.type == "Bias" else max(0.25, LOOSE.get(name, 0))
        assert square**0.5 == pytest.approx(measured, rel=tolerance), (layer, index)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "a InnerProduct x -> a | num_output: 3 w(xavier)\n s Softmax a -> s\n"
            "l MultinomialLogisticLoss s y -> l",
            "the gradient of this loss is not known",
            id="loss",
        ),
        pytest.param(
            "k = 1 8 | constant value: 1\n v Reshape x -> v | shape { dim: 1 dim: 8 dim: -1 }\n"
            "h LSTM v k -> h | num_output: 4 w(xavier)\n"
            "a InnerProduct h -> a | num_output: 3 axis: 2 w(xavier)\n"
            "l SoftmaxWithLoss a y -> l | axis: 2",
            "the gradient of an InnerProduct along a later axis is not looked into",
            id="later-axis",
        ),
        pytest.param(
            "k = 1 8 | constant value: 1\n v Reshape x -> v | shape { dim: 1 dim: 8 dim: -1 }\n"
            "h LSTM v k -> h | num_output: 4 w(xavier)\n"
            "f Reshape h -> f | shape { dim: 8 dim: 4 }\n"
            "a InnerProduct f -> a | num_output: 3 w(xavier)\n l SoftmaxWithLoss a y -> l",
            "how gradients go through LSTM is not known",
            id="recurrent",
        ),
    ],
)
def test_what_is_not_known_says_why(text: str, reason: str) -> None:
    built = net(net_text("x = 8 30 | gaussian\n y = 8 | uniform max: 2.999\n" + text))
    result = backward(forward(built, set_up(built)[0]))
    assert next(iter(result.blocked.values())) == reason
    below = next(layer for layer in result.blocked).bottoms[0]
    assert below is not None
    assert result.rms(below) is None


def test_nothing_is_known_below_a_layer_without_a_way_back() -> None:
    """Caffe aborts in the backward pass of a Threshold (threshold_layer.hpp, Backward_cpu)."""
    text = """
        x = 8 30 | gaussian
        y = 8 | uniform max: 2.999
        a InnerProduct x -> a | num_output: 5 w(xavier)
        t Threshold a -> t
        z InnerProduct t -> z | num_output: 3 w(xavier)
        l SoftmaxWithLoss z y -> l
    """
    built = net(net_text(text))
    result = backward(forward(built, set_up(built)[0]))
    known = {layer.name for layer, _ in result.squares}
    assert known == {"z"}
    assert result.rms(built.layers[2].tops[0]) is None


def test_of_two_readers_one_hides_what_the_other_tells() -> None:
    text = """
        x = 8 30 | gaussian
        y = 8 | uniform max: 2.999
        a InnerProduct x -> a | num_output: 3 w(xavier)
        s Softmax a -> s
        l MultinomialLogisticLoss s y -> l
        m SoftmaxWithLoss a y -> m
    """
    built = net(net_text(text))
    result = backward(forward(built, set_up(built)[0]))
    scores = built.layers[2].tops[0]
    assert scores in result.gradients
    assert result.rms(scores) is None
    assert not result.squares


@pytest.mark.parametrize("layer", ["n BatchNorm a -> n", "n Power a -> n | power: -1"])
def test_gradients_of_huge_values_are_none_or_unknown(layer: str) -> None:
    """Divided by a deviation beyond single precision, 0 is left of them."""
    text = f"""
        x = 8 30 | gaussian std: 1e25
        y = 8 | uniform max: 2.999
        a InnerProduct x -> a | num_output: 5 w(xavier)
        {layer}
        z InnerProduct n -> z | num_output: 3 w(xavier)
        l SoftmaxWithLoss z y -> l
    """
    built = net(net_text(text))
    result = backward(forward(built, set_up(built)[0]))
    rms = result.rms(built.layers[2].tops[0])
    assert rms == (0 if "BatchNorm" in layer else None)
