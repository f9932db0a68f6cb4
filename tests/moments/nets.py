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
    "conv in groups of two kinds": """
        x = 8 16 12 12 | gaussian std: 2
        c Convolution x -> c | num_output: 48 kernel_size: 1 w(gaussian std: 2)
        k Concat x c -> k
        g Convolution k -> g | num_output: 64 kernel_size: 3 group: 4 w(msra)
        d Convolution k -> d | num_output: 64 kernel_size: 3 group: 64 w(msra)
    """,
    "conv in one group too many": """
        x = 8 40 9 9 | gaussian std: 2
        c Convolution x -> c | num_output: 40 kernel_size: 1 w(gaussian std: 1)
        k Concat x c -> k
        d Convolution k -> d | num_output: 40 kernel_size: 3 group: 40 w(msra)
    """,
    "conv over three axes": """
        x = 4 8 7 7 7 | gaussian std: 2
        c Convolution x -> c | num_output: 32 kernel_size: 3 w(msra)
    """,
    "conv over no axis": """
        x = 16 50 | gaussian std: 2
        c Convolution x -> c | num_output: 40 kernel_size: 1 w(msra)
    """,
    "ip unit ball": """
        x = 16 100 | gaussian mean: 1 std: 2
        a InnerProduct x -> a | num_output: 200 w(positive_unitball)
    """,
    "bias and factor of a sample": """
        x = 40 8 5 5 | gaussian mean: 1 std: 2
        y = 40 8 5 5 | gaussian mean: 1 std: 1
        k = 40 | uniform
        b Bias x y -> b | axis: 0
        s Scale x k -> s | axis: 0
    """,
    "product of alike channels": """
        x = 40 4 6 6 | gaussian mean: 1 std: 2
        y = 40 4 6 6 | gaussian std: 1
        a Convolution x -> a | num_output: 8 kernel_size: 3 w(constant value: 0.1)
        b Convolution y -> b | num_output: 8 kernel_size: 3 w(constant value: 0.1)
        m Eltwise a b -> m | operation: PROD
        c Convolution m -> c | num_output: 20 kernel_size: 1 w(constant value: 0.1)
        n Eltwise a a -> n | operation: MAX
    """,
    "other shapes": """
        x = 8 12 6 6 | gaussian mean: 1 std: 2
        r Reshape x -> r | shape { dim: 0 dim: 0 dim: -1 }
        q Reshape x -> q | shape { dim: 0 dim: 36 dim: -1 }
        a InnerProduct q -> a | num_output: 100 w(xavier)
        s Slice x -> s t | axis: 0
        e = 8 6 4 4 | constant
        k Crop x e -> k | axis: 1 offset: 1
        f = 8 12 4 4 | constant
        l Crop x f -> l | offset: 2
        i Im2col x -> i | kernel_size: 3
    """,
    "flatten of single values": """
        x = 30 1 4 4 | gaussian std: 2
        p Pooling x -> p | pool: AVE global_pooling: true
        f Flatten p -> f
        c Convolution x -> c | num_output: 5 kernel_size: 4 w(constant value: 0.1)
        g Flatten c -> g
        a InnerProduct g -> a | num_output: 20 w(constant value: 0.1)
    """,
    "tiles": """
        x = 60 8 1 1 | gaussian mean: 1 std: 2
        t Tile x -> t | tiles: 5 axis: 2
        p Pooling t -> p | pool: AVE global_pooling: true
        y = 20 8 3 3 | gaussian std: 1
        u Tile y -> u | tiles: 2 axis: 3
    """,
    "some of the samples": """
        x = 20 30 | gaussian mean: 1 std: 2
        i = 50 | uniform max: 19.999
        b BatchReindex x i -> b
    """,
    "sums": """
        x = 200 6 5 5 | gaussian mean: 1 std: 2
        a Reduction x -> a | operation: ASUM axis: 1
        m Reduction x -> m | operation: MEAN axis: 1 coeff: 3
        s Reduction x -> s | axis: 2
    """,
    "numbers of the largest": """
        x = 300 20 | gaussian std: 1
        a ArgMax x -> a | axis: 1
        p Parameter -> p | shape { dim: 3 dim: 4 }
    """,
    "pyramid of means": """
        x = 4 16 20 20 | gaussian mean: 1 std: 2
        s SPP x -> s | pyramid_height: 3 pool: AVE
    """,
    "constant values in curves": """
        x = 8 6 5 5 | constant value: 3
        t Threshold x -> t | threshold: 2
        u Threshold x -> u | threshold: 4
        w Power x -> w | power: 0.5 scale: 0 shift: 2
        y = 2 2 40 40 | constant value: 3
        n LRN y -> n | local_size: 3 alpha: 1 norm_region: WITHIN_CHANNEL
    """,
    "lstm with a static input": """
        x = 7 12 40 | gaussian std: 2
        k = 7 12 | constant value: 1
        y = 12 20 | gaussian mean: 1 std: 1
        l LSTM x k y -> l | num_output: 60 w(uniform min: -0.3 max: 0.3) b(constant value: 0.5)
    """,
}
