"""Small nets in short: one layer a line.

``x = 4 16 20 20 | gaussian std: 2`` is data, filled. ``a InnerProduct x -> a | w(msra)`` is a
layer; behind the first bar are the fields of its type's own block, behind the second those of
the layer itself; ``w(…)`` and ``b(…)`` are the fillers of weights and bias.
"""

from __future__ import annotations

import re

from caffelint.model.layers import LAYER_TYPES

from ..model.build import layer

_FILLERS = {"w": "weight_filler", "b": "bias_filler", "f": "filler"}


def net_text(short: str) -> str:
    """The net's prototxt."""
    return "".join(_layer(line.strip()) for line in short.strip().splitlines())


def _layer(line: str) -> str:
    wiring, *fields = (piece.strip() for piece in line.split("|"))
    if "=" in wiring:
        top, _, sizes = wiring.partition(" = ")
        dims = " ".join(f"dim: {size}" for size in sizes.split())
        own = f"shape {{ {dims} }} data_filler {{ {_filler(fields[0])} }}"
        return layer(f"in_{top}", "DummyData", f"-> {top}", f"dummy_data_param {{ {own} }}")
    name, kind, wires = wiring.split(" ", 2)
    own = re.sub(r"\b([wbf])\((.*?)\)", _block, fields[0] if fields else "")
    more = fields[1] if len(fields) > 1 else ""
    return layer(
        name, kind, wires, f"{LAYER_TYPES[kind].param} {{ {own} }} {more}" if own else more
    )


def _block(match: re.Match[str]) -> str:
    return f"{_FILLERS[match[1]]} {{ {_filler(match[2])} }}"


def _filler(words: str) -> str:
    kind, _, more = words.partition(" ")
    return f'type: "{kind}" {more}'


NETS = {
    "conv": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
    """,
    "conv padded, small map": """
        x = 8 16 4 4 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 5 pad: 2 w(msra)
    """,
    "conv padded, often": """
        x = 16 32 5 5 | gaussian std: 2
        a Convolution x -> a | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        b Convolution a -> b | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        c Convolution b -> c | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        d Convolution c -> d | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        s Eltwise c d -> s
        p Pooling s -> p | pool: AVE kernel_size: 3 stride: 1 pad: 1
        e Convolution p -> e | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        f Convolution e -> f | num_output: 64 kernel_size: 3 pad: 1 w(msra)
    """,
    "conv strided": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 pad: 1 stride: 2 w(msra)
    """,
    "conv dilated": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 pad: 2 dilation: 2 w(msra)
    """,
    "conv in groups": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 group: 4 w(msra)
    """,
    "conv, a line": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_h: 1 kernel_w: 5 pad_h: 0 pad_w: 2 w(msra)
    """,
    "conv gaussian, bias": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(gaussian std: 0.1) b(uniform max: 2)
    """,
    "conv constant weights": """
        x = 4 4 12 12 | gaussian mean: 1 std: 2
        c Convolution x -> c | num_output: 8 kernel_size: 3 w(constant value: 0.1)
    """,
    "conv constant, pooled": """
        x = 4 4 12 12 | gaussian std: 2
        p Pooling x -> p | pool: AVE kernel_size: 3 stride: 1
        c Convolution p -> c | num_output: 8 kernel_size: 3 w(constant value: 0.1)
    """,
    "conv uniform 0 to 1": """
        x = 4 8 12 12 | gaussian std: 2
        c Convolution x -> c | num_output: 32 kernel_size: 3 pad: 1 w(uniform)
        relu_c ReLU c -> c
        d Convolution c -> d | num_output: 32 kernel_size: 3 w(uniform)
    """,
    "conv constant, largest of curves": """
        x = 4 4 12 12 | gaussian std: 2
        c Convolution x -> c | num_output: 8 kernel_size: 3 w(constant value: 0.1)
        r ReLU c -> c
        s Sigmoid c -> s
        p Pooling s -> p | pool: MAX kernel_size: 2 stride: 2
        d Convolution p -> d | num_output: 8 kernel_size: 3 w(constant value: 0.1)
    """,
    "conv unit ball": """
        x = 4 8 12 12 | gaussian mean: 1 std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(positive_unitball)
    """,
    "fan out": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra variance_norm: FAN_OUT)
        d Convolution x -> d | num_output: 64 kernel_size: 3 w(xavier variance_norm: AVERAGE)
    """,
    "deconv": """
        x = 4 16 20 20 | gaussian std: 2
        c Deconvolution x -> c | num_output: 64 kernel_size: 4 stride: 2 pad: 1 w(msra)
    """,
    "deconv overlapping": """
        x = 4 16 20 20 | gaussian std: 2
        c Deconvolution x -> c | num_output: 64 kernel_size: 3 stride: 1 pad: 1 w(msra)
        relu_c ReLU c -> c
        p Pooling c -> p | pool: AVE kernel_size: 3 stride: 2
    """,
    "deconv pooled": """
        x = 4 16 20 20 | gaussian std: 2
        c Deconvolution x -> c | num_output: 64 kernel_size: 2 stride: 2 w(msra)
        relu_c ReLU c -> c
        p Pooling c -> p | pool: AVE kernel_size: 4 stride: 4
    """,
    "deconv bilinear": """
        x = 4 8 20 20 | gaussian std: 2
        c Deconvolution x -> c | num_output: 8 group: 8 kernel_size: 4 stride: 2 pad: 1 w(bilinear)
        p Pooling c -> p | pool: AVE kernel_size: 3 stride: 1
    """,
    "deconv bilinear by 8": """
        x = 4 8 12 12 | gaussian mean: 1 std: 1
        c Deconvolution x -> c | num_output: 8 group: 8 kernel_size: 16 stride: 8 pad: 4 w(bilinear)
    """,
    "ip": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 200 w(xavier)
    """,
    "ip transposed": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 200 transpose: true w(xavier)
    """,
    "ip sparse": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 200 w(gaussian std: 0.1 sparse: 20)
    """,
    "ip of a map": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 32 kernel_size: 3 w(msra)
        relu_c ReLU c -> c
        p Pooling c -> p | pool: MAX kernel_size: 3 stride: 2
        a InnerProduct p -> a | num_output: 300 w(xavier)
    """,
    "ip of an axis": """
        x = 10 6 40 | gaussian std: 2
        a InnerProduct x -> a | num_output: 100 axis: 2 w(xavier)
    """,
    "ip uniform, softmax": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(uniform)
        l SoftmaxWithLoss a label -> l
    """,
    "relu twice": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 400 w(xavier)
        relu_a ReLU a -> a
        b InnerProduct a -> b | num_output: 400 w(xavier)
        r ReLU b -> r | negative_slope: 0.2
    """,
    "curves": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 400 w(xavier)
        s Sigmoid a -> s
        t TanH a -> t
        e ELU a -> e
        v AbsVal a -> v
        n BNLL a -> n
        w Swish a -> w
        u Threshold a -> u | threshold: 0.5
        k Clip a -> k | min: -1 max: 0.5
        p PReLU a -> p
        ex Exp t -> ex | base: 2 scale: 0.5 shift: 1
        lg Log s -> lg | shift: 1
        pw Power a -> pw | power: 2 scale: 0.5 shift: 1
        q Power a -> q | scale: -3 shift: 2
    """,
    "curves of what samples share": """
        x = 8 300 | constant value: 1
        a InnerProduct x -> a | num_output: 400 w(xavier)
        s Sigmoid a -> s
        b InnerProduct s -> b | num_output: 300 w(xavier)
        t TanH b -> t
        n BatchNorm t -> n
    """,
    "prelu random": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 400 w(xavier)
        p PReLU a -> p | f(uniform min: 0 max: 1)
    """,
    "max pooling": """
        x = 4 16 20 20 | gaussian std: 2
        p Pooling x -> p | pool: MAX kernel_size: 2 stride: 2
        q Pooling x -> q | pool: MAX kernel_size: 3 stride: 2 pad: 1
        r Pooling x -> r | pool: MAX kernel_size: 3 stride: 2
    """,
    "max pooling, negative mean": """
        x = 4 16 20 20 | gaussian mean: -3 std: 1
        p Pooling x -> p | pool: MAX kernel_size: 3 stride: 2
    """,
    "max after relu, conv, average": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
        relu_c ReLU c -> c
        p Pooling c -> p | pool: MAX kernel_size: 3 stride: 2
        d Convolution p -> d | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        relu_d ReLU d -> d
        q Pooling d -> q | pool: AVE kernel_size: 3 stride: 2
    """,
    "max of max": """
        x = 4 16 20 20 | gaussian std: 2
        p Pooling x -> p | pool: MAX kernel_size: 3 stride: 1 pad: 1
        q Pooling p -> q | pool: MAX kernel_size: 3 stride: 2
    """,
    "max of smooth": """
        x = 4 16 20 20 | gaussian std: 2
        p Pooling x -> p | pool: AVE kernel_size: 3 stride: 1 pad: 1
        q Pooling p -> q | pool: MAX kernel_size: 2 stride: 2
    """,
    "average pooling": """
        x = 4 16 20 20 | gaussian std: 2
        p Pooling x -> p | pool: AVE kernel_size: 3 stride: 2
        q Pooling x -> q | pool: AVE kernel_size: 5 stride: 3 pad: 2
        r Pooling p -> r | pool: AVE kernel_size: 3 stride: 1
    """,
    "average pooling of a mean": """
        x = 4 16 9 9 | gaussian mean: 2 std: 2
        p Pooling x -> p | pool: AVE kernel_size: 3 stride: 2 pad: 1
        g Pooling x -> g | pool: AVE global_pooling: true
    """,
    "global average, overlapping max before": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 1 w(msra)
        relu_c ReLU c -> c
        p Pooling c -> p | pool: MAX kernel_size: 3 stride: 1 pad: 1
        g Pooling p -> g | pool: AVE global_pooling: true
    """,
    "spatial pyramid": """
        x = 4 16 20 20 | gaussian std: 2
        s SPP x -> s | pyramid_height: 3
    """,
    "lrn": """
        x = 4 32 10 10 | gaussian std: 100
        n LRN x -> n | local_size: 5 alpha: 0.0001 beta: 0.75
        m LRN x -> m | local_size: 3 alpha: 0.01 beta: 0.75 norm_region: WITHIN_CHANNEL
    """,
    "lrn after relu": """
        x = 4 32 10 10 | gaussian std: 100
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
        relu_c ReLU c -> c
        n LRN c -> n | local_size: 5 alpha: 0.001 beta: 0.75 k: 2
        p Pooling n -> p | pool: MAX kernel_size: 3 stride: 2
    """,
    "batch norm": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
        n BatchNorm c -> n
        s Scale n -> s | bias_term: true
    """,
    "batch norm after relu, pooled": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
        relu_c ReLU c -> c
        n BatchNorm c -> n
        p Pooling n -> p | pool: MAX kernel_size: 3 stride: 2
    """,
    "batch norm, few samples": """
        x = 4 100 | gaussian mean: 3 std: 0.003
        a InnerProduct x -> a | num_output: 300 w(xavier)
        n BatchNorm a -> n
    """,
    "batch norm, little variance": """
        x = 8 100 | gaussian mean: 3 std: 0.003
        a InnerProduct x -> a | num_output: 300 w(xavier)
        n BatchNorm a -> n
    """,
    "batch norm of what is there once": """
        x = 8 300 | constant value: 1
        a InnerProduct x -> a | num_output: 400 w(xavier)
        n BatchNorm a -> n
    """,
    "batch norm, empty statistics": """
        x = 4 16 20 20 | gaussian std: 2
        n BatchNorm x -> n | use_global_stats: true
    """,
    "mvn": """
        x = 4 8 6 6 | gaussian mean: 3 std: 2
        n MVN x -> n
        m MVN x -> m | normalize_variance: false across_channels: true
    """,
    "scale random": """
        x = 4 16 20 20 | gaussian std: 2
        s Scale x -> s | f(gaussian mean: 1 std: 1) bias_term: true b(gaussian std: 3)
        b Bias x -> b | f(constant value: 2)
    """,
    "scale by a gate": """
        x = 8 32 10 10 | gaussian std: 2
        g Pooling x -> g | pool: AVE global_pooling: true
        a InnerProduct g -> a | num_output: 32 w(gaussian std: 2)
        s Sigmoid a -> s
        y Scale x s -> y | axis: 0
    """,
    "dropout": """
        x = 16 300 | gaussian std: 2
        a InnerProduct x -> a | num_output: 400 w(xavier)
        relu_a ReLU a -> a
        d Dropout a -> a | dropout_ratio: 0.8
        b InnerProduct a -> b | num_output: 300 w(xavier)
    """,
    "twice itself": """
        x = 4 16 20 20 | gaussian std: 2
        s Eltwise x x -> s
        h Eltwise x s -> h | coeff: 1 coeff: -1
    """,
    "residual": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
        relu_c ReLU c -> c
        d Convolution c -> d | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        s Eltwise c d -> s
        r ReLU s -> r
        e Convolution r -> e | num_output: 64 kernel_size: 3 pad: 1 w(msra)
        t Eltwise r e -> t
    """,
    "dense residual": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 16 kernel_size: 1 w(msra)
        s Eltwise x c -> s
        d Convolution s -> d | num_output: 16 kernel_size: 1 w(msra)
        t Eltwise s d -> t
        u Eltwise x t -> u
    """,
    "largest and product": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 3 w(msra)
        d Convolution x -> d | num_output: 64 kernel_size: 3 w(msra)
        m Eltwise c d -> m | operation: MAX
        p Eltwise c d -> p | operation: PROD
        q Eltwise c c -> q | operation: PROD
        g Pooling m -> g | pool: AVE kernel_size: 4 stride: 4
    """,
    "maxout": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 96 kernel_size: 3 w(msra)
        s Slice c -> s1 s2 | axis: 1
        m Eltwise s1 s2 -> m | operation: MAX
        p Pooling m -> p | pool: MAX kernel_size: 2 stride: 2
        d Convolution p -> d | num_output: 64 kernel_size: 3 w(msra)
    """,
    "concat, normalised": """
        x = 4 16 20 20 | gaussian std: 2
        c Convolution x -> c | num_output: 64 kernel_size: 1 w(gaussian std: 0.01)
        k Concat x c -> k
        n BatchNorm k -> n
        d Convolution k -> d | num_output: 64 kernel_size: 3 w(msra)
        s Slice k -> s1 s2 | slice_point: 16
    """,
    "concat of samples": """
        x = 4 16 20 20 | gaussian std: 2
        p Power x -> y | scale: 3
        k Concat x y -> k | axis: 0
    """,
    "flatten": """
        x = 4 16 20 20 | gaussian std: 2
        f Flatten x -> f
        a InnerProduct f -> a | num_output: 300 w(xavier)
    """,
    "flatten, constant weights": """
        x = 8 6 5 5 | gaussian mean: 0.2 std: 1
        p Pooling x -> p | pool: AVE kernel_size: 3 stride: 1
        f Flatten p -> f
        a InnerProduct f -> a | num_output: 20 w(constant value: 0.1)
    """,
    "reshape": """
        x = 4 16 20 20 | gaussian std: 2
        f Reshape x -> f | shape { dim: 0 dim: -1 }
        a InnerProduct f -> a | num_output: 300 w(xavier)
    """,
    "tile and sum": """
        x = 8 64 | gaussian std: 2
        t Tile x -> t | tiles: 3
        r Reduction x -> r | axis: 1 operation: SUMSQ coeff: 0.1
    """,
    "embed": """
        x = 20 5 | uniform min: 0 max: 29.9
        e Embed x -> e | num_output: 100 input_dim: 30 w(uniform min: -1 max: 1) b(constant)
    """,
    "lstm": """
        x = 7 6 40 | gaussian std: 2
        k = 7 6 | constant value: 1
        l LSTM x k -> l | num_output: 60 w(uniform min: -0.3 max: 0.3) b(constant value: 0.5)
        a InnerProduct l -> a | num_output: 30 axis: 2 w(xavier)
    """,
    "rnn": """
        x = 15 6 40 | gaussian std: 1
        k = 15 6 | constant value: 1
        l RNN x k -> l | num_output: 60 w(gaussian std: 0.1) b(gaussian mean: 0.3 std: 0.1)
    """,
    "squeeze": """
        x = 4 3 24 24 | gaussian std: 60
        c Convolution x -> c | num_output: 48 kernel_size: 5 stride: 2 w(xavier)
        relu_c ReLU c -> c
        p Pooling c -> p | pool: MAX kernel_size: 3 stride: 2
        d Convolution p -> d | num_output: 64 kernel_size: 1 w(msra)
        relu_d ReLU d -> d
        e Convolution d -> e | num_output: 48 kernel_size: 1 w(msra)
        f Convolution d -> f | num_output: 48 kernel_size: 3 pad: 1 w(msra)
        k Concat e f -> k
        relu_k ReLU k -> k
        g Pooling k -> g | pool: AVE global_pooling: true
    """,
}

LOSSES = {
    "softmax": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(xavier)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax, small scores": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 99.999
        a InnerProduct x -> a | num_output: 100 w(gaussian std: 0.001)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax, two classes": """
        x = 128 300 | gaussian std: 2
        label = 128 | uniform min: 0 max: 1.999
        a InnerProduct x -> a | num_output: 2 w(gaussian std: 0.1)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax, large scores": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 99.999
        a InnerProduct x -> a | num_output: 100 w(gaussian std: 0.3)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax, saturated at times": """
        x = 64 300 | gaussian std: 2
        label = 64 | uniform min: 0 max: 99.999
        a InnerProduct x -> a | num_output: 100 w(gaussian std: 1)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax, saturated": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 999.999
        a InnerProduct x -> a | num_output: 1000 w(gaussian std: 20)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax of a map": """
        x = 4 64 10 10 | gaussian std: 2
        label = 4 1 10 10 | uniform min: 0 max: 4.999
        c Convolution x -> c | num_output: 5 kernel_size: 1 w(msra)
        l SoftmaxWithLoss c label -> l | | loss_weight: 0.3 loss_param { normalization: BATCH_SIZE }
    """,
    "softmax, one weight": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(constant value: 1)
        l SoftmaxWithLoss a label -> l
    """,
    "softmax twice": """
        x = 64 300 | gaussian std: 2
        label = 64 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(gaussian std: 0.3)
        s Softmax a -> s
        l SoftmaxWithLoss s label -> l
    """,
    "softmax, then its loss": """
        x = 64 300 | gaussian std: 2
        label = 64 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(xavier)
        s Softmax a -> s
        l MultinomialLogisticLoss s label -> l
    """,
    "two losses": """
        x = 64 300 | gaussian std: 2
        label = 64 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(xavier)
        l SoftmaxWithLoss a label -> l
        b InnerProduct x -> b | num_output: 10 w(xavier)
        m SoftmaxWithLoss b label -> m | | loss_weight: 0.5
    """,
    "sigmoid": """
        x = 16 300 | gaussian std: 2
        t = 16 20 | uniform min: 0 max: 1
        a InnerProduct x -> a | num_output: 20 w(xavier)
        l SigmoidCrossEntropyLoss a t -> l
    """,
    "euclidean": """
        x = 16 300 | gaussian std: 2
        t = 16 20 | gaussian mean: 3 std: 1
        a InnerProduct x -> a | num_output: 20 w(xavier } bias_filler { type: "constant" value: 1)
        l EuclideanLoss a t -> l
    """,
    "hinge": """
        x = 16 300 | gaussian std: 2
        label = 16 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(xavier)
        l HingeLoss a label -> l
    """,
    "hinge squared": """
        x = 64 300 | gaussian std: 2
        label = 64 | uniform min: 0 max: 9.999
        a InnerProduct x -> a | num_output: 10 w(xavier)
        l HingeLoss a label -> l | norm: L2
    """,
    "contrastive": """
        x = 16 300 | gaussian std: 2
        y = 16 300 | gaussian std: 2
        k = 16 | uniform min: 0 max: 1.999
        a InnerProduct x -> a | num_output: 30 w(xavier)
        b InnerProduct y -> b | num_output: 30 w(xavier)
        l ContrastiveLoss a b k -> l
    """,
    "a top as the loss": """
        x = 16 300 | gaussian std: 2
        p Power x -> p | power: 2 | loss_weight: 0.01
    """,
}
