"""Batches of data layers, and whether test_iter fits the data of a test net."""

from __future__ import annotations

import pytest

from caffelint.model.sizes import batch_size, check_test_size, net_batch, net_images

from .build import layer, message, net, unmark


@pytest.mark.parametrize(
    ("type_", "more", "want"),
    [
        ("Data", "data_param { batch_size: 8 }", 8),
        ("HDF5Data", "hdf5_data_param { batch_size: 9 }", 9),
        ("MemoryData", "memory_data_param { batch_size: 3 }", 3),
        ("WindowData", "window_data_param { batch_size: 2 }", 2),
        ("ImageData", "image_data_param { batch_size: 7 }", 7),
        ("ImageData", "image_data_param { source: 's' }", 1),  # the default
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


def fed(batch: int, name: str = "d") -> str:
    return layer(name, "Data", f"-> {name}", f"data_param {{ batch_size: {batch} }}")


def test_the_first_data_layer_that_tells_it_counts() -> None:
    built = net(layer("p", "Python", "-> p") + fed(4, "a") + fed(5, "b") + layer("c", "Input"))
    assert net_batch(built) == 4
    sizes = {"a": 30, "b": 40}
    assert net_images(built, lambda layer: sizes.get(layer.name)) == 30
    assert net_images(built, lambda layer: 40 if layer.name == "b" else None) == 40
    assert (net_batch(net("")), net_images(net(""), lambda _layer: 9)) == (0, 0)
    assert (net_batch(net(layer("p", "Python", "-> p"))), net_images(built, lambda _: None)) == (
        0,
        0,
    )


def told(
    iterations: str, images: int | None, batch: int = 10, number: int = 0
) -> list[tuple[str, object]]:
    built = net(fed(batch), "TEST")
    solver = message(f"net: 'n' {iterations}", kind="solver")
    found = check_test_size(solver, number, built, lambda _layer: images)
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
        pytest.param(10, 200, [("test-set-sampled", 20)], id="half"),
        pytest.param(1, 100, [("test-set-sampled", 10)], id="one-batch"),
        pytest.param(0, 100, [], id="no-tests"),
        pytest.param(10, None, [], id="size-unknown"),
    ],
)
def test_test_iter(iterations: int, images: int | None, want: list[tuple[str, int]]) -> None:
    assert told(f"test_iter: {iterations}", images) == want


def test_what_has_no_test_iter_or_no_batch_is_not_judged() -> None:
    assert told("", 100) == []
    assert told("test_iter: 10", 100, batch=0) == []
    assert told("test_iter: 10", 0) == []
    assert told("test_iter: 10", 100, number=1) == []


def test_the_smallest_batches_and_lists_are_judged() -> None:
    assert told("test_iter: 1", 1, batch=1) == []
    assert told("test_iter: 3", 1, batch=1) == [("test-set-repeated", 1)]
    # An eighth of 16 images twice is no longer a few.
    assert told("test_iter: 2", 16, batch=9) == [("test-set-wraps", 2)]


def test_each_test_net_has_its_own_test_iter() -> None:
    text, (_, span) = unmark("net: 'n' test_iter: «4» test_iter: «3»")
    solver = message(text, kind="solver")
    (found,) = check_test_size(solver, 1, net(fed(10)), lambda _layer: 40)
    assert (found.kind, found.span) == ("test-set-not-covered", span)
    assert found.values == {
        "iterations": 3,
        "batch": 10,
        "images": 40,
        "seen": 30,
        "twice": -10,
        "covered": "75",
        "wanted": 4,
    }
    (found,) = check_test_size(solver, 0, net(fed(10)), lambda _layer: 30)
    assert (found.kind, found.values["twice"], found.values["covered"]) == (
        "test-set-repeated", 10, "133",
    )  # fmt: skip
