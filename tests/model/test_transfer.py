from __future__ import annotations

import sys
from math import prod
from pathlib import Path
from typing import Any

import pytest

from caffelint.core.problem import Problem
from caffelint.model.build import set_up
from caffelint.model.shapes.setup import Shape
from caffelint.model.transfer import (
    Sources,
    check_transfer,
    filled_layers,
    find_weights,
    same_shape,
)
from caffelint.model.weights import StoredBlob, Weights, read_weights
from caffelint.resources import load_schema

from .build import layer, message, net

DATA = layer("data", "MemoryData", "-> data label",
             "memory_data_param { batch_size: 4 channels: 3 height: 1 width: 1 }")  # fmt: skip
RANDOM = 'weight_filler { type: "xavier" }'
FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"


def ip(name: str, wiring: str, outputs: int = 2, more: str = "", filler: str = RANDOM) -> str:
    own = f"inner_product_param {{ num_output: {outputs} {filler} }}"
    return layer(name, "InnerProduct", wiring, f"{more} {own}")


HIDDEN = ip("hidden", "data -> hidden")
IP = ip("ip", "hidden -> ip")
LOSS = layer("loss", "SoftmaxWithLoss", "ip label -> loss")
NET = DATA + HIDDEN + IP + LOSS
DEPLOY = layer("data", "Input", "-> data", "input_param { shape { dim: 1 dim: 3 } }")

Stored = dict[str, list[Any]]
"""Layers of a file: the shapes of their blobs, or pairs of a shape and a value or values."""

WEIGHTS: Stored = {"hidden": [(2, 3), (2,)], "ip": [(2, 2), (2,)]}


def model(path: Path, layers: Stored, old: bool = False) -> Weights:
    """A file made through the schema; ``old`` writes four sizes for every blob."""
    content: Any = load_schema().net.new_message()
    for name, blobs in layers.items():
        stored = content.layer.add(name=name)
        for blob in blobs:
            shape, values = blob if blob and isinstance(blob[-1], list | float) else (blob, 0.5)
            _add(stored.blobs.add(), shape, values, old)
    path.write_bytes(content.SerializeToString())
    return read_weights(path)


def _add(blob: Any, shape: tuple[int, ...], values: Any, old: bool) -> None:
    if old:
        sizes = (1,) * (4 - len(shape)) + shape
        blob.num, blob.channels, blob.height, blob.width = sizes
    else:
        blob.shape.dim.extend(shape)
    blob.data.extend(values if isinstance(values, list) else [values] * prod(shape))


def h5(path: Path, layers: dict[str, dict[str, tuple[int, ...]]]) -> Weights:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, blobs in layers.items():
            file.require_group(f"data/{name}")
            for index, shape in blobs.items():
                file.create_dataset(f"data/{name}/{index}", shape, "f4", fillvalue=0.5)
    return read_weights(path)


def check(text: str, *files: Weights, phase: str = "TRAIN", trained: bool = True) -> list[Problem]:
    view = net(text, phase)
    shapes, problems = set_up(view)
    assert not problems
    return check_transfer(view, shapes.params, Sources(files), trained)


def told(problems: list[Problem]) -> list[str]:
    return [f"{one.kind} {one.layer}".strip() for one in problems]


@pytest.mark.parametrize(
    ("shape", "stored", "same"),
    [
        pytest.param((2, 3), StoredBlob((1, 1, 2, 3), 6, legacy=True), True, id="filled-up"),
        pytest.param((2, 3), StoredBlob((2, 3, 1, 1), 6, legacy=True), False, id="other-end"),
        pytest.param((), StoredBlob((1, 1, 1, 1), 1, legacy=True), True, id="scalar"),
        pytest.param((1, 1, 1, 2, 3), StoredBlob((1, 1, 2, 3), 6, legacy=True), False, id="five"),
        pytest.param((2, 3), StoredBlob((1, 1, 2, 3), 6), False, id="of-the-current-form"),
        pytest.param((2, None), StoredBlob((2, 3), 6), True, id="a-size-that-is-not-known"),
        pytest.param(None, StoredBlob((2, 3), 6), True, id="nothing-is-known"),
    ],
)
def test_an_old_blob_has_ones_in_front(shape: Shape, stored: StoredBlob, same: bool) -> None:
    """blob.cpp, ShapeEquals: num, channels, height and width are counted from the last axis."""
    assert same_shape(shape, stored) == same


@pytest.mark.parametrize(
    ("text", "layers", "want"),
    [
        pytest.param(NET, WEIGHTS, [], id="all-match"),
        pytest.param(NET, {**WEIGHTS, "more": [(4,)]}, [], id="more-in-the-file-than-needed"),
        pytest.param(NET, {**WEIGHTS, "loss": []}, [], id="layers-without-blobs-match-too"),
        pytest.param(
            NET, {**WEIGHTS, "ip": [(5, 2), (5,)]}, ["weights-shape-mismatch ip"],
            id="other-outputs",
        ),
        pytest.param(
            NET, {**WEIGHTS, "ip": [(2, 2), (3,)]}, ["weights-shape-mismatch ip"], id="other-bias"
        ),
        pytest.param(
            NET, {**WEIGHTS, "ip": [(1, 1, 2, 2), (2,)]}, ["weights-shape-mismatch ip"],
            id="four-sizes-in-a-current-blob-are-not-two",
        ),
        pytest.param(
            NET, {**WEIGHTS, "ip": [(2, 2), ()]}, ["weights-shape-mismatch ip"], id="no-sizes"
        ),
        pytest.param(NET, {**WEIGHTS, "ip": [(2, 2)]}, ["weights-blob-count ip"], id="no-bias"),
        pytest.param(
            NET, {**WEIGHTS, "ip": []}, ["weights-blob-count ip", "weights-layer-fresh"],
            id="a-layer-without-its-blobs",
        ),
        pytest.param(
            NET, {**WEIGHTS, "loss": [(1,)]}, ["weights-blob-count loss"], id="blobs-for-a-loss"
        ),
        pytest.param(
            NET, {**WEIGHTS, "ip": [((2, 2), [0.5]), (2,)]}, ["weights-value-count ip"],
            id="values-missing",
        ),
        pytest.param(NET, {"none": []}, ["weights-match-nothing"], id="a-file-without-blobs"),
        pytest.param(
            NET, {"fc1": [(2, 3), (2,)], "loss": []}, ["weights-match-nothing"], id="other-names"
        ),
        pytest.param(
            NET, {"hidden": WEIGHTS["hidden"]}, ["weights-layer-fresh"], id="new-head"
        ),
        pytest.param(
            NET, {"hidden": WEIGHTS["hidden"], "fc8": [(9, 2), (9,)]},
            ["weights-layer-fresh", "weights-layer-ignored"], id="new-head-for-an-old-one",
        ),
        pytest.param(
            NET, {"hidden_1": WEIGHTS["hidden"], "ip": WEIGHTS["ip"]},
            ["weights-layer-renamed hidden"], id="renamed-below-a-filled-layer",
        ),
        pytest.param(
            NET, {"hidden_1": [(2, 9), (2,)], "ip": WEIGHTS["ip"]},
            ["weights-layer-fresh", "weights-layer-ignored"], id="similar-name-but-other-shapes",
        ),
        pytest.param(
            DATA + ip("hidden", "data -> hidden", more=FROZEN) + IP + LOSS, {"ip": WEIGHTS["ip"]},
            ["weights-layer-not-filled hidden"], id="frozen-and-random",
        ),
        pytest.param(
            DATA + ip("hidden", "data -> hidden", more=FROZEN, filler="") + IP + LOSS,
            {"ip": WEIGHTS["ip"]}, [], id="frozen-at-0-is-reported-as-such",
        ),
        pytest.param(
            DATA + ip("hidden", "data -> hidden", more=FROZEN,
                      filler="weight_filler { value: 1 }") + IP + LOSS,
            {"ip": WEIGHTS["ip"]}, [], id="frozen-with-chosen-values",
        ),
        pytest.param(
            NET, {**WEIGHTS, "hidden": [((2, 3), float("nan")), (2,)]},
            ["weights-not-finite hidden"], id="nan",
        ),
        pytest.param(
            NET, {**WEIGHTS, "hidden": [((2, 3), 0.0), (2,)]}, ["weights-all-zero hidden"],
            id="zeros",
        ),
        pytest.param(NET, {**WEIGHTS, "hidden": [(2, 3), ((2,), 0.0)]}, [], id="a-bias-of-zeros"),
        pytest.param(
            NET, {**WEIGHTS, "gone": [((2,), float("inf"))]}, [], id="nan-in-what-is-not-copied"
        ),
        pytest.param(
            DATA + HIDDEN + layer("own", "Mine", "hidden -> mine") + ip("ip", "mine -> ip") + LOSS,
            {**WEIGHTS, "own": [(7,)]}, [], id="unknown-types-take-anything",
        ),
        pytest.param(
            DATA + HIDDEN + ip("hidden", "hidden -> ip") + LOSS, WEIGHTS | {"ip": []}, [],
            id="of-two-layers-of-one-name-the-first",
        ),
    ],
)  # fmt: skip
def test_copying(tmp_path: Path, text: str, layers: Stored, want: list[str]) -> None:
    assert told(check(text, model(tmp_path / "x.caffemodel", layers))) == want


@pytest.mark.parametrize(
    ("layers", "want"),
    [
        pytest.param(WEIGHTS, [], id="ones-in-front"),
        pytest.param(
            {**WEIGHTS, "hidden": [(1, 2, 3), (2,)]}, [], id="sizes-are-filled-up-to-four"
        ),
        pytest.param(
            {**WEIGHTS, "hidden": [(2, 3, 1, 1), (2,)]}, ["weights-shape-mismatch hidden"],
            id="ones-at-the-end-count",
        ),
    ],
)  # fmt: skip
def test_copying_of_old_blobs(tmp_path: Path, layers: Stored, want: list[str]) -> None:
    assert told(check(NET, model(tmp_path / "x", layers, old=True))) == want


BLOBS = {"0": (2, 3), "1": (2,)}
OUT = {"0": (2, 2), "1": (2,)}
SHARED = 'param { name: "w" } param { name: "b" }'


@pytest.mark.parametrize(
    ("text", "layers", "want"),
    [
        pytest.param(NET, {"hidden": BLOBS, "ip": OUT}, [], id="all-match"),
        pytest.param(
            NET, {"hidden": {"0": (2, 3)}, "ip": OUT}, ["weights-blob-count hidden"],
            id="one-missing",
        ),
        pytest.param(
            NET, {"hidden": {**BLOBS, "2": (1,)}, "ip": OUT}, ["weights-blob-count hidden"],
            id="one-too-many",
        ),
        pytest.param(
            NET, {"hidden": {"0": (1, 1, 2, 3), "1": (2,)}, "ip": OUT},
            ["weights-shape-mismatch hidden"], id="no-old-shapes",
        ),
        pytest.param(
            DATA + HIDDEN + ip("ip", "hidden -> mid", more=SHARED)
            + ip("twin", "mid -> ip", more=SHARED) + LOSS,
            {"hidden": BLOBS, "ip": OUT, "twin": {}}, [], id="shared-blobs-are-left-out",
        ),
        pytest.param(
            DATA + ip("hidden", "data -> mid") + ip("hidden", "mid -> ip") + LOSS,
            {"hidden": OUT}, [], id="of-two-layers-of-one-name-the-last",
        ),
    ],
)  # fmt: skip
def test_copying_from_hdf5(
    tmp_path: Path, text: str, layers: dict[str, dict[str, tuple[int, ...]]], want: list[str]
) -> None:
    assert told(check(text, h5(tmp_path / "x.h5", layers))) == want


@pytest.mark.parametrize(
    ("text", "layers", "want"),
    [
        pytest.param(
            DEPLOY + HIDDEN + IP, {"hidden": WEIGHTS["hidden"]}, ["weights-layer-not-filled ip"],
            id="a-head-without-values",
        ),
        pytest.param(DEPLOY + HIDDEN, WEIGHTS, [], id="all-filled"),
        pytest.param(
            DEPLOY + HIDDEN + layer("bn", "BatchNorm", "hidden -> hidden"),
            {"hidden": WEIGHTS["hidden"]}, ["weights-layer-not-filled bn"], id="no-statistics",
        ),
        pytest.param(
            DEPLOY + HIDDEN + layer("scale", "Scale", "hidden -> hidden"),
            {"hidden": WEIGHTS["hidden"]}, [], id="ones-do-no-harm",
        ),
        pytest.param(
            DEPLOY + HIDDEN + ip("fixed", "hidden -> out", filler="weight_filler { value: 1 }"),
            {"hidden": WEIGHTS["hidden"]}, [], id="fixed-kernels-are-chosen",
        ),
    ],
)  # fmt: skip
def test_a_net_that_is_only_run(tmp_path: Path, text: str, layers: Stored, want: list[str]) -> None:
    file = model(tmp_path / "x", layers)
    assert told(check(text, file, phase="TEST", trained=False)) == want


def test_the_test_net_of_a_training_shares_what_was_learnt(tmp_path: Path) -> None:
    file = model(tmp_path / "x", {"hidden": WEIGHTS["hidden"]})
    assert told(check(NET, file, phase="TEST", trained=True)) == []


NORM = layer("bn", "BatchNorm", "hidden -> hidden", "batch_norm_param { use_global_stats: true }")
STATISTICS = DATA + HIDDEN + NORM + IP + LOSS


@pytest.mark.parametrize(
    ("text", "blobs", "want"),
    [
        pytest.param(STATISTICS, [(2,), (2,), ((1,), 0.0)], "their factor is 0", id="no-factor"),
        pytest.param(
            STATISTICS, [(2,), ((2,), 0.0), (1,)], "their variances are 0 throughout",
            id="no-variance",
        ),
        pytest.param(STATISTICS, [((2,), 0.0), (2,), (1,)], "", id="a-mean-of-0-is-fine"),
        pytest.param(
            STATISTICS.replace("true", "false"), [(2,), (2,), ((1,), 0.0)], "",
            id="of-the-batch-in-training",
        ),
    ],
)  # fmt: skip
def test_batch_norm_statistics(tmp_path: Path, text: str, blobs: list[Any], want: str) -> None:
    problems = check(text, model(tmp_path / "x", {**WEIGHTS, "bn": blobs}))
    assert [one.values["reason"] for one in problems] == ([want] if want else [])


def test_later_files_overwrite(tmp_path: Path) -> None:
    zeros = model(tmp_path / "zeros", {**WEIGHTS, "hidden": [((2, 3), 0.0), (2,)]})
    sound = model(tmp_path / "sound", {"hidden": WEIGHTS["hidden"]})
    assert told(check(NET, zeros, sound)) == []
    assert told(check(NET, sound, zeros)) == ["weights-all-zero hidden"]


def test_zeros_that_are_learned_from_are_none_of_a_lost_layer(tmp_path: Path) -> None:
    """Slopes of 0 make a ReLU of a PReLU."""
    act = layer("act", "PReLU", "hidden -> hidden")
    stored = model(tmp_path / "x", {**WEIGHTS, "act": [((2,), 0.0)]})
    assert told(check(DATA + HIDDEN + act + IP + LOSS, stored)) == []


def test_files_are_taken_together(tmp_path: Path) -> None:
    first = model(tmp_path / "first", {"hidden": WEIGHTS["hidden"]})
    second = model(tmp_path / "second", {"ip": WEIGHTS["ip"]})
    assert told(check(NET, first, second)) == []


def test_what_a_missing_file_may_fill_is_not_told(tmp_path: Path) -> None:
    view = net(NET)
    sources = Sources((model(tmp_path / "x", {"hidden": [(9, 9), (2,)]}),), whole=False)
    found = check_transfer(view, set_up(view)[0].params, sources, trained=True)
    assert told(found) == ["weights-shape-mismatch hidden"]


def values_of(problems: list[Problem], *names: str) -> list[object]:
    (problem,) = problems
    return [problem.values[name] for name in names]


def test_a_mismatch_tells_shapes_and_the_outputs_that_would_fit(tmp_path: Path) -> None:
    problems = check(NET, model(tmp_path / "x", {**WEIGHTS, "ip": [(1000, 2), (1000,)]}, old=True))
    want = ["weight", 0, "1000×2", "2×2", "1000"]
    assert values_of(problems, "role", "index", "stored", "wanted", "outputs") == want


def test_another_input_size_is_not_cured_by_outputs(tmp_path: Path) -> None:
    problems = check(NET, model(tmp_path / "x", {**WEIGHTS, "hidden": [(2, 7), (2,)]}))
    assert values_of(problems, "stored", "outputs") == ["2×7", ""]


def test_transposed_weights_have_their_outputs_behind(tmp_path: Path) -> None:
    """inner_product_layer.cpp: the first size is that of the inputs, which num_output leaves."""
    turned = ip("ip", "hidden -> ip", filler=f"{RANDOM} transpose: true")
    problems = check(
        DATA + HIDDEN + turned + LOSS, model(tmp_path / "x", {**WEIGHTS, "ip": [(7, 2), (2,)]})
    )
    assert values_of(problems, "stored", "outputs") == ["7×2", ""]


@pytest.mark.parametrize(
    ("text", "blobs", "remedy"),
    [
        pytest.param(NET, [(2, 2)], "bias_term: false", id="bias-missing"),
        pytest.param(
            DATA + HIDDEN + ip("ip", "hidden -> ip", filler=f"{RANDOM} bias_term: false") + LOSS,
            [(2, 2), (2,)], "bias_term: true", id="bias-too-many",
        ),
        pytest.param(NET, [(2, 2), (2,), (2,)], "", id="something-else"),
    ],
)  # fmt: skip
def test_what_to_do_about_a_bias(tmp_path: Path, text: str, blobs: list[Any], remedy: str) -> None:
    problems = check(text, model(tmp_path / "x", {**WEIGHTS, "ip": blobs}))
    assert values_of(problems, "remedy") == [remedy]


def test_a_renamed_head_is_only_mentioned(tmp_path: Path) -> None:
    file = model(tmp_path / "x", {"hidden": WEIGHTS["hidden"], "fc8": WEIGHTS["ip"]})
    fresh, ignored = check(NET, file)
    assert (fresh.kind, fresh.values["layers"]) == ("weights-layer-fresh", '"ip"')
    assert (ignored.values["layers"], ignored.values["suggestion"]) == ('"fc8"', "fc8")


def test_layers_that_share_all_blobs_are_filled_too(tmp_path: Path) -> None:
    text = DATA + ip("a", "data -> a", more=SHARED) + ip("b", "data -> b", more=SHARED)
    file = model(tmp_path / "x", {"a": WEIGHTS["hidden"]})
    assert filled_layers([net(text)], [file]) == {"a", "b"}


# The files of a solver


def find(text: str, folder: Path) -> Sources:
    return find_weights(message(text, "solver"), folder / "solver.prototxt", None, read_weights)


@pytest.mark.parametrize(
    ("text", "files", "kinds"),
    [
        pytest.param('weights: "a.caffemodel"', ["a"], [], id="one"),
        pytest.param('weights: "a.caffemodel , b.caffemodel"', ["a", "b"], [], id="list"),
        pytest.param(
            'weights: "a.caffemodel" weights: "b.caffemodel"', ["a", "b"], [], id="repeated"
        ),
        pytest.param(
            'weights: "a.caffemodel,"', ["a"], ["weights-name-empty"], id="comma-at-the-end"
        ),
        pytest.param('weights: ""', [], ["weights-name-empty"], id="empty"),
        pytest.param('weights: "c.caffemodel"', [], ["weights-not-found"], id="not-there"),
        pytest.param('weights: "/no/c.caffemodel"', [], ["weights-elsewhere"], id="absolute"),
        pytest.param('weights: "no.caffemodel"', [], ["weights-unreadable"], id="no-weights"),
        pytest.param('weights: "a\\000b"', [], ["weights-not-found"], id="a-nul-in-the-name"),
        pytest.param("max_iter: 1", [], [], id="none"),
    ],
)
def test_files_of_a_solver(tmp_path: Path, text: str, files: list[str], kinds: list[str]) -> None:
    for name in ("a", "b"):
        model(tmp_path / f"{name}.caffemodel", WEIGHTS)
    (tmp_path / "no.caffemodel").write_bytes(b"\xff" * 9)
    found = find(text, tmp_path)
    assert [file.path.stem for file in found.files] == files
    assert [problem.kind for problem in found.problems] == kinds
    assert found.whole == (not kinds)


def test_places_that_were_tried(tmp_path: Path) -> None:
    (problem,) = find('weights: "c.caffemodel"', tmp_path).problems
    assert str(problem.values["tried"]).startswith(f"{tmp_path}, {tmp_path.parent}")


def test_weights_that_cannot_be_looked_into_are_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5(tmp_path / "a.h5", {"hidden": BLOBS})
    monkeypatch.setitem(sys.modules, "h5py", None)
    found = find('weights: "a.h5"', tmp_path)
    assert (found.problems, found.whole) == ((), False)
    assert found.skipped == ("a.h5: HDF5 needs h5py: pip install 'caffelint[data]'",)
