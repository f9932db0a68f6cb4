"""Batches of data layers, and whether test_iter fits the data of a test net."""

from __future__ import annotations

import pytest

from caffelint.model.sizes import batch_size, check_test_size

from .build import layer, message, net


@pytest.mark.parametrize(
    ("type_", "more", "want"),
    [
        ("Data", "data_param { batch_size: 8 }", 8),
        ("HDF5Data", "hdf5_data_param { batch_size: 9 }", 9),
        ("Input", "input_param { shape { dim: 4 dim: 3 } }", 4),
        ("DummyData", "dummy_data_param { shape { dim: 5 } shape { dim: 6 } }", 5),
        # Nothing is written from which it could be known.
        ("Input", "input_param { }", 0),
        ("Input", "input_param { shape { } }", 0),
        ("Data", "", 0),
        ("Python", 'python_param { module: "m" layer: "L" }', 0),
    ],
)
def test_batch_size(type_: str, more: str, want: int) -> None:
    assert batch_size(net(layer("d", type_, "-> d", more)).layers[0]) == want


def told(iterations: str, images: int | None, batch: int = 10) -> list[tuple[str, object]]:
    built = net(layer("d", "Data", "-> d", f"data_param {{ batch_size: {batch} }}"), "TEST")
    solver = message(f"net: 'n' {iterations}", kind="solver")
    found = check_test_size(solver, 0, built, lambda _layer: images)
    assert not any(problem.rejects for problem in found)
    return [(problem.kind, problem.values["wanted"]) for problem in found]


@pytest.mark.parametrize(
    ("iterations", "images", "want"),
    [
        pytest.param(10, 100, [], id="each-image-once"),
        pytest.param(10, 92, [], id="a-few-twice"),
        pytest.param(2, 18, [], id="less-than-an-eighth-twice"),
        pytest.param(2, 16, [("test-set-wraps", 2)], id="a-quarter-twice"),
        pytest.param(10, 90, [("test-set-repeated", 9)], id="a-whole-batch-twice"),
        pytest.param(10, 101, [("test-set-not-covered", 11)], id="one-is-left-out"),
        pytest.param(10, 199, [("test-set-not-covered", 20)], id="just-over-half"),
        pytest.param(10, 201, [("test-set-sampled", 21)], id="less-than-half"),
        pytest.param(0, 100, [], id="no-tests"),
        pytest.param(10, None, [], id="size-unknown"),
    ],
)
def test_test_iter(iterations: int, images: int | None, want: list[tuple[str, int]]) -> None:
    assert told(f"test_iter: {iterations}", images) == want


def test_what_has_no_test_iter_or_no_batch_is_not_judged() -> None:
    assert told("", 100) == []
    assert told("test_iter: 10", 100, batch=0) == []
