"""Parameter blocks that stand in a layer of another type."""

from __future__ import annotations

import pytest

from caffelint.model.blocks import check_blocks

from .build import layer, net


@pytest.mark.parametrize(
    ("type_", "block", "want"),
    [
        ("ReLU", "relu_param { negative_slope: 0.1 }", None),
        ("ReLU", "pooling_param { kernel_size: 2 }", ("pooling_param", "relu_param")),
        ("BNLL", "relu_param { negative_slope: 0.1 }", ("relu_param", "")),
        ("ImageData", "data_param { prefetch: 8 } transform_param { scale: 2 }", None),
        ("DummyData", "transform_param { scale: 2 }", ("transform_param", "dummy_data_param")),
        ("SoftmaxWithLoss", "loss_param { normalize: false } softmax_param { axis: 1 }", None),
        ("EuclideanLoss", "loss_param { normalize: false }", ("loss_param", "")),
        ("Python", "relu_param { negative_slope: 0.1 }", None),
        ("ForksOwn", "relu_param { negative_slope: 0.1 }", None),
    ],
)
def test_foreign_blocks(type_: str, block: str, want: tuple[str, str] | None) -> None:
    problems = check_blocks(net(layer("one", type_, "x -> y", block)))
    found = [(one.values["block"], one.values["wanted"]) for one in problems]
    assert found == ([want] if want else [])
