from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import pytest

from caffelint.core.problem import Problem
from caffelint.model.build import set_up
from caffelint.model.shapes.setup import Shape
from caffelint.model.transfer import Sources, check_transfer, same_shape
from caffelint.model.weights import StoredBlob, StoredLayer, Weights, read_weights
from caffelint.resources import load_schema

from .build import layer, net

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
        pytest.param(
            NET.replace("InnerProduct", "Python", 1), {**WEIGHTS, "hidden": [(7,)]}, [],
            id="python-takes-anything",
        ),
        pytest.param(
            DATA + HIDDEN + layer("own", "Mine", "hidden -> mine") + ip("ip", "mine -> ip") + LOSS,
            {**WEIGHTS, "own": [((7,), float("nan"))]}, ["weights-not-finite own"],
            id="nan-in-an-unknown-type",
        ),
        pytest.param(
            DATA + HIDDEN + layer("abs", "AbsVal", "hidden -> abs") + ip("ip", "abs -> ip") + LOSS,
            {**WEIGHTS, "abs": [(2,)]}, ["weights-blob-count abs"], id="blobs-for-an-abs",
        ),
        pytest.param(
            NET, {**WEIGHTS, "hidden": [(9, 3), (9,)], "ip": [(2, 2)]},
            ["weights-shape-mismatch hidden", "weights-blob-count ip"], id="one-for-each-layer",
        ),
        pytest.param(
            NET, {**WEIGHTS, "hidden": [((2, 3), 0.0), ((2,), float("inf"))]},
            ["weights-not-finite hidden"], id="what-is-not-finite-comes-first",
        ),
        pytest.param(
            NET, {"hidden": []}, ["weights-blob-count hidden", "weights-match-nothing"],
            id="a-layer-of-that-name-without-blobs",
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
            NET, {"hidden": {"1": (2,)}, "ip": OUT}, ["weights-blob-count hidden"],
            id="the-first-missing",
        ),
        pytest.param(
            NET, {"hidden": {"0": (2, 3), "2": (2,)}, "ip": OUT}, ["weights-blob-count hidden"],
            id="another-number",
        ),
        pytest.param(
            NET, {"hidden": {**BLOBS, "1": (9,)}, "ip": OUT}, ["weights-shape-mismatch hidden"],
            id="the-second-has-another-shape",
        ),
        pytest.param(
            DATA + HIDDEN + ip("ip", "hidden -> mid", more='param { name: "w" }')
            + ip("twin", "mid -> ip", more='param { name: "w" }') + LOSS,
            {"hidden": BLOBS, "ip": OUT, "twin": {"1": (2,)}}, [], id="one-shared-blob-is-left-out",
        ),
        pytest.param(
            DATA + HIDDEN + ip("ip", "hidden -> mid", more='param { name: "w" }')
            + ip("twin", "mid -> ip", more='param { name: "w" }') + LOSS,
            {"hidden": BLOBS, "ip": OUT, "twin": {"0": (2, 2)}}, ["weights-blob-count twin"],
            id="the-one-that-is-not-shared-is-missing",
        ),
        pytest.param(
            DATA + HIDDEN + ip("ip", "hidden -> mid", more=SHARED)
            + ip("twin", "mid -> ip", more=SHARED) + LOSS,
            {"hidden": BLOBS, "ip": {}, "twin": OUT},
            ["weights-blob-count ip", "weights-layer-fresh"], id="their-owner-needs-them",
        ),
        pytest.param(
            DATA + HIDDEN + layer("abs", "AbsVal", "hidden -> abs") + ip("ip", "abs -> ip") + LOSS,
            {"hidden": BLOBS, "ip": OUT, "abs": {}}, [], id="a-layer-that-needs-none",
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
        pytest.param(
            STATISTICS.replace("use_global_stats: true", ""), [(2,), (2,), ((1,), 0.0)], "",
            id="of-the-batch-in-training-by-default",
        ),
        pytest.param(
            STATISTICS.replace("batch_norm_param { use_global_stats: true }", "phase: TEST"),
            [(2,), (2,), ((1,), 0.0)], "their factor is 0", id="a-layer-with-a-phase-of-its-own",
        ),
        pytest.param(
            STATISTICS, [((2,), 0.0), ((2,), 0.0), ((1,), 0.0)], "their factor is 0", id="nothing"
        ),
    ],
)  # fmt: skip
def test_batch_norm_statistics(tmp_path: Path, text: str, blobs: list[Any], want: str) -> None:
    problems = check(text, model(tmp_path / "x", {**WEIGHTS, "bn": blobs}))
    assert [one.values["reason"] for one in problems] == ([want] if want else [])


@pytest.mark.parametrize(
    ("more", "trained", "want"),
    [
        pytest.param("", True, [], id="renewed-by-the-training"),
        pytest.param("use_global_stats: true", True, [], id="renewed-all-the-same"),
        pytest.param("", False, ["batch-norm-statistics-empty bn"], id="run-as-they-are"),
        pytest.param("use_global_stats: false", False, [], id="of-the-batch"),
    ],
)
def test_batch_norm_statistics_in_tests(
    tmp_path: Path, more: str, trained: bool, want: list[str]
) -> None:
    """batch_norm_layer.cpp, LayerSetUp: stored ones are used in the phase TEST by default."""
    norm = layer("bn", "BatchNorm", "hidden -> hidden", f"batch_norm_param {{ {more} }}")
    file = model(tmp_path / "x", {**WEIGHTS, "bn": [(2,), (2,), ((1,), 0.0)]})
    problems = check(DATA + HIDDEN + norm + IP + LOSS, file, phase="TEST", trained=trained)
    assert told(problems) == want
    assert not any(one.rejects for one in problems)


def test_statistics_that_do_not_fit_are_not_judged_by_value(tmp_path: Path) -> None:
    file = model(tmp_path / "x", {**WEIGHTS, "bn": [(2,), ((2,), 0.0)]})
    assert told(check(STATISTICS, file)) == ["weights-blob-count bn"]


def test_a_file_that_has_gone_is_not_looked_into(tmp_path: Path) -> None:
    file = model(tmp_path / "x", {**WEIGHTS, "hidden": [((2, 3), 0.0), (2,)]})
    (tmp_path / "x").unlink()
    assert check(NET, file) == []


def test_a_first_blob_that_is_left_out_is_not_zero(tmp_path: Path) -> None:
    shared = DATA + HIDDEN + ip("ip", "hidden -> mid", more='param { name: "w" }')
    text = shared + ip("twin", "mid -> ip", more='param { name: "w" }') + LOSS
    assert (
        check(text, h5(tmp_path / "x.h5", {"hidden": BLOBS, "ip": OUT, "twin": {"1": (2,)}})) == []
    )


def test_raw_data_is_nothing_that_caffe_reads(tmp_path: Path) -> None:
    """blob.cpp, FromProto knows data and double_data only."""
    blobs = (StoredBlob((2, 3), 6, raw=True), StoredBlob((2,), 2))
    file = Weights(tmp_path / "x", "layer", 9, (StoredLayer("hidden", "", blobs),))
    problems = check(DATA + HIDDEN, file)
    assert told(problems) == ["weights-raw-data hidden"]
    assert problems[0].values == {"file": "x", "layer": "hidden"}


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


@pytest.mark.parametrize(
    ("blobs", "values"),
    [
        pytest.param(
            [((2, 2), [0.5]), (2,)],
            {"role": "weight", "stored": 1, "wanted": 4, "shape": "2×2"}, id="weights",
        ),
        pytest.param(
            [(2, 2), ((2,), [0.5, 0.5, 0.5])],
            {"role": "bias", "stored": 3, "wanted": 2, "shape": "2"}, id="bias",
        ),
        pytest.param([(2, 2)], {
            "type": "InnerProduct", "stored": "1 blob", "wanted": "weight, bias",
            "remedy": "bias_term: false",
        }, id="count"),
        pytest.param([(2, 3), (2,)], {
            "role": "weight", "index": 0, "stored": "2×3", "wanted": "2×2", "outputs": "",
        }, id="inputs"),
        pytest.param([(2, 2), (3,)], {
            "role": "bias", "index": 1, "stored": "3", "wanted": "2", "outputs": "3",
        }, id="shape-of-the-bias"),
        pytest.param(
            [((2, 2), float("nan")), ((2,), float("inf"))], {"blobs": "weight, bias"}, id="values"
        ),
        pytest.param([(2, 2), ((2,), float("inf"))], {"blobs": "bias"}, id="value"),
        pytest.param([((2, 2), 0.0), (2,)], {}, id="zeros"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_layer(tmp_path: Path, blobs: list[Any], values: dict[str, Any]) -> None:
    (problem,) = check(NET, model(tmp_path / "x", {**WEIGHTS, "ip": blobs}))
    assert problem.values == {"file": "x", "layer": "ip", **values}
    # What is wrong with values is copied all the same.
    assert problem.rejects is (problem.kind not in ("weights-not-finite", "weights-all-zero"))
    assert NET[slice(*problem.span)] == ("2" if values.get("outputs") else '"ip"')
    assert problem.span.start >= NET.index('"ip"')


def test_blobs_of_an_unknown_type_go_by_their_numbers(tmp_path: Path) -> None:
    own = layer("own", "Mine", "hidden -> mine") + ip("ip", "mine -> ip")
    stored = {**WEIGHTS, "own": [(1,), ((1,), float("nan"))]}
    problems = check(DATA + HIDDEN + own + LOSS, model(tmp_path / "x", stored))
    assert values_of(problems, "blobs") == ["blob 1"]


def test_blobs_for_a_layer_without_any(tmp_path: Path) -> None:
    problems = check(NET, model(tmp_path / "x", {**WEIGHTS, "loss": [(1,), (1,)]}))
    assert values_of(problems, "stored", "wanted", "remedy") == ["2 blobs", "none", ""]


@pytest.mark.parametrize(
    ("stored", "want"),
    [
        pytest.param(StoredBlob((1, 1, 5, 3), 15, legacy=True), "5×3", id="old-matrix"),
        pytest.param(StoredBlob((1, 1, 1, 5), 5, legacy=True), "5", id="old-bias"),
        pytest.param(StoredBlob((1, 5, 1, 3), 15, legacy=True), "1×5×1×3", id="old-maps"),
        pytest.param(StoredBlob((5, 1, 1, 3), 15, legacy=True), "5×1×1×3", id="old-kernels"),
        pytest.param(StoredBlob((1, 1, 5, 3), 15), "1×1×5×3", id="current"),
    ],
)
def test_ones_in_front_of_an_old_blob_are_not_shown(
    tmp_path: Path, stored: StoredBlob, want: str
) -> None:
    file = Weights(tmp_path / "x", "layer", 9, (StoredLayer("hidden", "", (stored, stored)),))
    assert values_of(check(DATA + HIDDEN, file), "stored") == [want]


KERNELS = "num_output: 4 kernel_size: 1 weight_filler { type: 'xavier' }"


@pytest.mark.parametrize(
    ("type_", "own", "shape", "outputs"),
    [
        pytest.param("Convolution", KERNELS, (7, 3, 1, 1), "7", id="convolution"),
        pytest.param("Convolution", KERNELS, (7, 3, 3, 3), "", id="another-kernel-too"),
        pytest.param("Convolution", KERNELS, (7, 3, 1), "", id="fewer-axes"),
        pytest.param("Convolution", KERNELS, (), "", id="no-shape"),
        # conv_layer.cpp turned round: the first size is that of the inputs.
        pytest.param("Deconvolution", KERNELS, (3, 7, 1, 1), "", id="deconvolution"),
        pytest.param("Deconvolution", KERNELS, (7, 4, 1, 1), "", id="inputs-of-a-deconvolution"),
    ],
)
def test_outputs_that_would_fit(
    tmp_path: Path, type_: str, own: str, shape: tuple[int, ...], outputs: str
) -> None:
    text = DATA + layer("conv", type_, "data -> conv", f"convolution_param {{ {own} }}")
    problems = check(text, model(tmp_path / "x", {"conv": [shape, (4,)]}))
    assert values_of(problems, "outputs") == [outputs]


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
        pytest.param(
            DATA + HIDDEN + ip("ip", "hidden -> ip", filler=f"{RANDOM} bias_term: false") + LOSS,
            [(2, 2), (2,), (2,)], "", id="two-too-many",
        ),
        pytest.param(
            DATA + HIDDEN + layer("ip", "PReLU", "hidden -> ip") + LOSS, [(2,), (2,)], "",
            id="a-type-without-a-bias",
        ),
    ],
)  # fmt: skip
def test_what_to_do_about_a_bias(tmp_path: Path, text: str, blobs: list[Any], remedy: str) -> None:
    problems = check(text, model(tmp_path / "x", {**WEIGHTS, "ip": blobs}))
    assert values_of(problems, "remedy") == [remedy]
