"""Parameter blocks that stand in a layer of another type."""

from __future__ import annotations

import pytest

from caffelint.model.blocks import check_blocks

from .build import layer, net, unmark


@pytest.mark.parametrize(
    ("type_", "block", "want"),
    [
        ("ReLU", "relu_param { negative_slope: 0.1 }", None),
        ("ReLU", "pooling_param { kernel_size: 2 }", ("pooling_param", "relu_param")),
        ("BNLL", "relu_param { negative_slope: 0.1 }", ("relu_param", "")),
        ("ImageData", "data_param { prefetch: 8 } transform_param { scale: 2 }", None),
        ("DummyData", "transform_param { scale: 2 }", ("transform_param", "dummy_data_param")),
        ("Data", "data_param { batch_size: 1 } transform_param { scale: 2 }", None),
        ("WindowData", "window_data_param { } data_param { prefetch: 8 }", None),
        # Refused there with words of its own (hdf5_data_layer.cpp), which is told elsewhere.
        ("HDF5Data", "transform_param { scale: 2 }", None),
        # base_data_layer.cpp: it transforms, but does not prefetch.
        ("MemoryData", "transform_param { scale: 2 }", None),
        ("MemoryData", "data_param { prefetch: 8 }", ("data_param", "memory_data_param")),
        ("SoftmaxWithLoss", "loss_param { normalize: false } softmax_param { axis: 1 }", None),
        ("InfogainLoss", "loss_param { normalize: false } infogain_loss_param { }", None),
        ("SigmoidCrossEntropyLoss", "sigmoid_param { } loss_param { normalize: false }", None),
        ("Swish", "sigmoid_param { engine: CAFFE }", None),
        ("Sigmoid", "swish_param { beta: 2 }", ("swish_param", "sigmoid_param")),
        # With its own block written as well, there is none to write instead.
        ("ReLU", "relu_param { } pooling_param { kernel_size: 2 }", ("pooling_param", "")),
        ("EuclideanLoss", "loss_param { normalize: false }", ("loss_param", "")),
        ("Python", "relu_param { negative_slope: 0.1 }", None),
        ("ForksOwn", "relu_param { negative_slope: 0.1 }", None),
    ],
)
def test_foreign_blocks(type_: str, block: str, want: tuple[str, str] | None) -> None:
    problems = check_blocks(net(layer("one", type_, "x -> y", block)))
    found = [(one.values["block"], one.values["wanted"]) for one in problems]
    assert found == ([want] if want else [])


def test_where_a_foreign_block_stands() -> None:
    """Caffe does not refuse it."""
    more = "relu_param { } «pooling_param» { kernel_size: 2 }"
    text, (span,) = unmark(layer("one", "ReLU", "x -> y", more))
    (problem,) = check_blocks(net(text))
    assert (problem.kind, problem.span, problem.layer) == ("foreign-block", span, "one")
    assert (problem.values["type"], problem.rejects) == ("ReLU", False)
