"""Small nets with a loss, in the short form of ``nets``."""

from __future__ import annotations

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
    "contrastive, legacy": """
        x = 16 300 | gaussian std: 1
        y = 16 300 | gaussian std: 1
        k = 16 | uniform min: 0 max: 1.999
        a InnerProduct x -> a | num_output: 30 w(gaussian std: 0.01)
        b InnerProduct y -> b | num_output: 30 w(gaussian std: 0.01)
        l ContrastiveLoss a b k -> l | margin: 2 legacy_version: true
    """,
    "siamese": """
        x = 16 300 | gaussian mean: 1 std: 1
        y = 16 300 | gaussian mean: 1 std: 1
        k = 16 | uniform min: 0 max: 1.999
        a InnerProduct x -> a | num_output: 30 w(xavier) | param { name: "w" } param { name: "v" }
        b InnerProduct y -> b | num_output: 30 w(xavier) | param { name: "w" } param { name: "v" }
        l ContrastiveLoss a b k -> l
    """,
}
