"""What the message of a refusal is filled with: the numbers and names that Caffe compares."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from caffelint.model.shapes.setup import Refused, Shape

from .test_shapes import HUGE, IMAGE, built, conv, pool, recurrent


def gaussian(own: str) -> str:
    filler = f'weight_filler {{ type: "gaussian" {own} }}'
    return f"inner_product_param {{ num_output: 5 {filler} }}"


@pytest.mark.parametrize(
    ("type_", "more", "bottoms", "values"),
    [
        # A uint32 that Caffe assigns to an int
        ("Convolution", conv(f"kernel_size: {HUGE}"), [IMAGE], {"value": -1}),
        ("Convolution", conv("kernel_size: 3 kernel_w: 3"), [IMAGE],
         {"field": "kernel_size", "other": "kernel_h and kernel_w"}),
        ("Pooling", pool("kernel_size: 2 stride: 2 stride_h: 2"), [IMAGE],
         {"field": "stride", "other": "stride_h and stride_w"}),
        ("Im2col", "convolution_param { kernel_size: 1 axis: 2 }", [(2, 3, 4)],
         {"wanted": "at least 4", "axes": 3, "bottom": "b0"}),
        ("Eltwise", "", [IMAGE, (2, 3, 8, 7)],
         {"bottom": "b1", "shape": "2×3×8×7", "wanted": "2×3×8×8", "like": '"b0"'}),
        ("LSTM", recurrent(), [(9, 2, 3), (9, 3)],
         {"bottom": "b1", "shape": "9×3", "wanted": "9×2", "like": '"b0"'}),
        ("LSTMUnit", "", [(1, 2, 4), (1, 3, 16), (1, 2)],
         {"bottom": "b1", "wanted": "1×2×16", "like": "one timestep of the streams"}),
        ("LSTMUnit", "", [(1, 2, 4), (1, 2, 15), (1, 2)], {"bottom": "b1", "wanted": "1×2×16"}),
        ("Filter", "", [IMAGE, (3,)], {"bottom": "b0", "found": 2, "first": "b1", "wanted": 3}),
        ("Crop", "crop_param { offset: 1 offset: 4 }", [IMAGE, (2, 3, 7, 5)],
         {"axis": 3, "size": 8, "offset": 4, "wanted": 5}),
        # The outputs are the first axis of the weights, however many inputs there are.
        ("InnerProduct", gaussian("sparse: 6"), [IMAGE],
         {"words": "sparse 6, not between -1 and the 5 outputs"}),
        ("InnerProduct", gaussian("sparse: -2"), [None],
         {"words": "sparse -2, not between -1 and the 5 outputs"}),
        ("InnerProduct", gaussian("std: 0"), [IMAGE], {"words": "std 0, not above 0"}),
    ],
)  # fmt: skip
def test_values(
    type_: str, more: str, bottoms: Sequence[Shape], values: dict[str, object]
) -> None:  # fmt: skip
    with pytest.raises(Refused) as caught:
        built(type_, more, bottoms)
    assert values.items() <= caught.value.problem.values.items()
