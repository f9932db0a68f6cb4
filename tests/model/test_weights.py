from __future__ import annotations

import contextlib
import os
import re
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffelint.model import weights_hdf5
from caffelint.model.blob_values import all_finite, all_zero, samples, statistics
from caffelint.model.weights import (
    LibraryMissingError,
    Run,
    StoredBlob,
    WeightsError,
    filled_layers,
    read_state,
    read_weights,
)
from caffelint.resources import load_schema


def model(*layers: str, form: str = "layer", blobs: int = 1) -> Any:
    """A net of layers that have weights, each of them a short blob."""
    net = load_schema().net.new_message()
    for name in layers:
        _fill(getattr(net, form).add(), name, blobs)
    return net


def _fill(layer: Any, name: str, blobs: int) -> None:
    layer.name = name
    for _ in range(blobs):
        layer.blobs.add().data.extend((0.5, 1.5))


def v0() -> Any:
    net: Any = load_schema().net.new_message()
    layer = net.layers.add(name="connection", bottom=["data"])
    _fill(layer.layer, "conv1", 2)
    return net


def mixed() -> Any:
    net = model("conv1", "conv2", blobs=2)
    net.name = "net"
    net.layer.add(name="relu", type="ReLU", bottom=["conv1"], top=["conv1"])
    net.layer[0].convolution_param.num_output = 7
    net.layer[0].loss_weight.append(1.0)
    net.layer[0].param.add(lr_mult=2.0)
    return net


@pytest.mark.parametrize(
    ("net", "want"),
    [
        pytest.param(model("a", "b"), {"a", "b"}, id="current-layers"),
        pytest.param(model("a", form="layers"), {"a"}, id="v1-layers"),
        pytest.param(v0(), {"conv1"}, id="v0-layers-by-their-inner-name"),
        pytest.param(mixed(), {"conv1", "conv2"}, id="other-fields-are-skipped"),
        pytest.param(model("a", blobs=0), set(), id="layers-without-blobs-do-not-count"),
        pytest.param(model("b\u00fc"), {"b\u00fc"}, id="names-beyond-ascii"),
        pytest.param(model(""), {""}, id="a-layer-without-a-name"),
    ],
)
def test_filled_layers(tmp_path: Path, net: Any, want: set[str]) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(net.SerializeToString())
    assert filled_layers(path) == want


def test_fixed_width_fields_are_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "x.caffemodel"
    unknown = b"\x9d\x3f\x00\x00\x80\x3f" + b"\x99\x3f" + bytes(8)  # fields 1011 and 1009
    path.write_bytes(unknown + model("a").SerializeToString())
    assert filled_layers(path) == {"a"}


def test_names_compare_with_those_of_a_net_when_they_are_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(model("a_").SerializeToString().replace(b"a_", b"a\xff"))
    assert filled_layers(path) == {b"a\xff".decode("utf-8", "surrogateescape")}


WHOLE = mixed().SerializeToString()
LAYER = b"\xa2\x06"  # field 100, length-delimited


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b'layer { name: "ip" }', "it is text", id="prototxt"),
        pytest.param(b"# ~ a comment ~\n", "it is text", id="any-character-that-is-printed"),
        pytest.param(b'name: "a net"', "it is text", id="prototxt-that-starts-with-a-name"),
        pytest.param(b"\n<!DOCTYPE html>", "it is a web page", id="web-page"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull", id="lfs"
        ),
        pytest.param(b"\x1f\x8b\x08\x00", "unpack it first", id="gzip"),
        pytest.param(
            b"\x08\x05\x12\x03a.b\x1a\x00", "a solver state, which is given with --snapshot",
            id="solver-state",
        ),
        pytest.param(b"\x08\x01\x10\x03\x18\x04\x20\x04", "a single blob", id="mean-file"),
        pytest.param(
            b"\xa2\x06\x00\x12\x00", 'both "layer" and "layers"', id="two-forms-in-one-file"
        ),
        pytest.param(b"\x70\x00" * ((1 << 20) + 1), "too many fields", id="endless-small-fields"),
        pytest.param(
            b"\xa2\x06\x29\x3a\x27\x3a\x25\x0a\x23" + b"\x01" * 35, "more than 32 axes",
            id="a-blob-of-many-axes",
        ),
        pytest.param(bytes(64), "no field starts at byte 0", id="zeros"),
        pytest.param(WHOLE[:-1], "runs past the end of its message", id="cut-in-the-last-layer"),
        pytest.param(LAYER, "no number at byte 2", id="cut-before-a-length"),
        pytest.param(LAYER + b"\xff" * 11, "no number at byte 2", id="a-length-beyond-64-bits"),
        pytest.param(
            LAYER + b"\x04\x0a\x05abcde", "runs past the end of its message",
            id="a-name-longer-than-its-layer",
        ),
        pytest.param(
            LAYER + b"\x04\x0a\x01a\x80" + b"\x01\x01", "no number at byte 6",
            id="a-number-longer-than-its-layer",
        ),
        pytest.param(
            LAYER + b"\x84\x80\x08" + b"\x0a\x80\x80\x08" + b"a" * (1 << 17),
            "a name of 131072 bytes",
            id="an-endless-name",
        ),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(64), "damaged HDF5", id="damaged-hdf5"),
    ],
)  # fmt: skip
def test_not_a_caffemodel(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        filled_layers(path)
    assert str(caught.value).startswith(f"{path}: not a readable weights file (")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("nowhere.caffemodel", "No such file or directory", id="missing"),
        pytest.param(".", "Is a directory", id="a-directory"),
    ],
)
def test_a_path_that_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        filled_layers(tmp_path / name)


def test_a_file_that_is_too_large_for_caffe(tmp_path: Path) -> None:
    """io.cpp, kProtoReadBytesLimit: INT_MAX bytes."""
    path = tmp_path / "x.caffemodel"
    path.write_bytes(WHOLE)
    os.truncate(path, 1 << 31)  # a hole
    with pytest.raises(WeightsError, match="larger than 2 GiB"):
        read_weights(path)


def test_weights_are_stepped_over_not_read(tmp_path: Path) -> None:
    size = 200 << 20
    data = b"\x2a" + _varint(size)
    head = b"\x0a\x03big" + b"\x3a" + _varint(len(data) + size) + data
    path = tmp_path / "x.caffemodel"
    with path.open("wb") as file:
        # A layer of one blob that fills all of it but its name; the file has a hole there.
        file.write(LAYER + _varint(len(head) + size) + head)
        file.seek(size, 1)
        file.write(WHOLE)
    assert filled_layers(path) == {"big", "conv1", "conv2"}


def _varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(high) if high else bytes([low])


@given(st.integers(0, len(WHOLE)), st.binary(max_size=200))
def test_any_bytes_give_names_or_a_weights_error(
    tmp_path_factory: pytest.TempPathFactory, kept: int, noise: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.caffemodel"
    path.write_bytes(WHOLE[:kept] + noise)
    with contextlib.suppress(WeightsError):
        assert all(isinstance(name, str) for name in filled_layers(path))


# Shapes


def blobs(net: Any, path: Path) -> list[StoredBlob | None]:
    path.write_bytes(net.SerializeToString())
    return [blob for layer in read_weights(path).layers for blob in layer.blobs]


def blob_of(**fields: Any) -> Any:
    net: Any = load_schema().net.new_message()
    blob = net.layer.add(name="a").blobs.add()
    for name, value in fields.items():
        if name == "shape":
            blob.shape.dim.extend(value)
        elif isinstance(value, list):
            getattr(blob, name).extend(value)
        else:
            setattr(blob, name, value)
    return net


@pytest.mark.parametrize(
    ("net", "shape", "legacy", "stored"),
    [
        pytest.param(blob_of(shape=[2, 3], data=[1.0] * 6), (2, 3), False, 6, id="current"),
        pytest.param(blob_of(data=[1.0]), (), False, 1, id="without-a-shape"),
        pytest.param(
            blob_of(num=1, channels=1, height=2, width=3, data=[1.0] * 6), (1, 1, 2, 3), True, 6,
            id="old",
        ),
        pytest.param(blob_of(num=2), (2, 0, 0, 0), True, 0, id="old-with-sizes-left-out"),
        pytest.param(
            blob_of(shape=[2], num=3, data=[1.0]), (3, 0, 0, 0), True, 1, id="old-before-current"
        ),
        pytest.param(blob_of(shape=[2], double_data=[1.0, 2.0]), (2,), False, 2, id="doubles"),
        pytest.param(
            blob_of(shape=[2], double_data=[1.0], data=[1.0] * 3), (2,), False, 1,
            id="doubles-before-floats",
        ),
        pytest.param(blob_of(shape=[-1]), (-1,), False, 0, id="negative-size"),
        pytest.param(blob_of(shape=[3], diff=[1.0] * 3), (3,), False, 0, id="diff-is-no-data"),
    ],
)  # fmt: skip
def test_shape_of_a_blob(
    tmp_path: Path, net: Any, shape: tuple[int, ...], legacy: bool, stored: int
) -> None:
    (blob,) = blobs(net, tmp_path / "x")
    assert blob is not None
    assert (blob.shape, blob.legacy, blob.stored) == (shape, legacy, stored)


def test_values_that_are_not_packed_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    value = b"\x2d\x00\x00\x00\x3f"  # field 5, four bytes
    blob = value * 3
    path.write_bytes(LAYER + bytes([len(blob) + 2]) + b"\x3a" + bytes([len(blob)]) + blob)
    (layer,) = read_weights(path).layers
    assert layer.blobs == (StoredBlob((), 3),)


def test_raw_data_of_nvcaffe(tmp_path: Path) -> None:
    path = tmp_path / "x"
    blob = b"\x3a\x03\x0a\x01\x02" + b"\x50\x02" + b"\x62\x04\x00\x38\x00\x3c"  # half: 0.5, 1
    path.write_bytes(LAYER + bytes([len(blob) + 2]) + b"\x3a" + bytes([len(blob)]) + blob)
    (layer,) = read_weights(path).layers
    (found,) = layer.blobs
    assert found is not None
    assert (found.shape, found.stored, found.raw) == ((2,), 2, True)
    with path.open("rb") as file:
        assert [list(piece) for piece in samples(file, found, 10)] == [[0.5, 1.0]]


def raw_blob(path: Path, blob: bytes) -> StoredBlob | None:
    path.write_bytes(LAYER + bytes([len(blob) + 2]) + b"\x3a" + bytes([len(blob)]) + blob)
    ((found,),) = (layer.blobs for layer in read_weights(path).layers)
    return found


@pytest.mark.parametrize(
    ("blob", "shape", "stored", "code"),
    [
        # Type of NVCaffe: DOUBLE 0, FLOAT 1, FLOAT16 2; DOUBLE where none is written.
        pytest.param(b"\x62\x08" + bytes(8), (), 1, "d", id="raw-doubles"),
        pytest.param(b"\x50\x00\x62\x08" + bytes(8), (), 1, "d", id="raw-doubles-by-name"),
        pytest.param(b"\x50\x01\x62\x08" + bytes(8), (), 2, "f", id="raw-floats"),
        pytest.param(b"\x50\x02\x62\x08" + bytes(8), (), 4, "e", id="raw-halves"),
        # Fields of another wire type, or of no known number, are passed over by protobuf.
        pytest.param(b"\x60\x05\x2a\x04" + bytes(4), (), 1, "f", id="raw-data-that-is-a-number"),
        pytest.param(b"\x3a\x05\x12\x01\x09\x08\x03", (3,), 0, "f", id="a-strange-dim"),
    ],
)
def test_fields_of_a_blob(
    tmp_path: Path, blob: bytes, shape: tuple[int, ...], stored: int, code: str
) -> None:
    found = raw_blob(tmp_path / "x", blob)
    assert found is not None
    assert (found.shape, found.stored, found.code) == (shape, stored, code)


def test_a_layer_that_is_a_number_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x10\x05\xa0\x06\x05" + model("a").SerializeToString())
    assert [layer.name for layer in read_weights(path).layers] == ["a"]


def test_padding_layers_of_v0_are_gone(tmp_path: Path) -> None:
    net = v0()
    net.layers.add().layer.MergeFrom(type(net.layers[0].layer)(name="pad", type="padding"))
    (tmp_path / "x").write_bytes(net.SerializeToString())
    weights = read_weights(tmp_path / "x")
    assert [layer.name for layer in weights.layers] == ["conv1"]
    assert weights.form == "V0 layers"


def test_types(tmp_path: Path) -> None:
    net = model("a", form="layers")
    net.layers[0].type = 14
    (tmp_path / "x").write_bytes(net.SerializeToString())
    (layer,) = read_weights(tmp_path / "x").layers
    assert (layer.type, layer.v1_type) == ("", 14)


# HDF5


def hdf5(path: Path, sets: dict[str, Any], groups: tuple[str, ...] = ()) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name in groups:
            file.create_group(name)
        for name, values in sets.items():
            file[name] = values
    return path


def test_hdf5(tmp_path: Path) -> None:
    sets = {"data/a/0": [[0.5, 1.5]], "data/a/1": [2.5], "data/b/1": [0.5]}
    path = hdf5(tmp_path / "x", sets, ("data/empty",))
    weights = read_weights(path)
    layers = {layer.name: layer.blobs for layer in weights.layers}
    shapes = {
        name: [blob and (blob.shape, blob.stored) for blob in blobs]
        for name, blobs in layers.items()
    }
    assert shapes == {"a": [((1, 2), 2), ((1,), 1)], "b": [None, ((1,), 1)], "empty": []}
    assert weights.filled == {"a", "b"}
    with path.open("rb") as file:
        assert layers["a"][0] is not None
        assert [list(piece) for piece in samples(file, layers["a"][0], 10)] == [[0.5, 1.5]]


@pytest.mark.parametrize(
    ("sets", "reason"),
    [
        pytest.param({"model_weights/a": [1.0]}, 'no group "data"', id="of-another-program"),
        pytest.param({"data": [1.0]}, 'no group "data"', id="data-is-no-group"),
        pytest.param({"data/a": [1.0]}, 'layer "a" is no group', id="layer-is-no-group"),
        pytest.param({"data/a/w": [1.0]}, '"w" where blobs are numbered', id="named-blobs"),
        pytest.param({"data/a/²": [1.0]}, '"²" where blobs are numbered', id="no-plain-digit"),
        pytest.param({"data/a/٣": [1.0]}, '"٣" where blobs are numbered', id="an-arabic-digit"),
        pytest.param({"data/a/0/b": [1.0]}, '"a/0" is no dataset', id="group-for-a-blob"),
        pytest.param({"data/a/0": "text"}, '"a/0" holds no numbers', id="text"),
        pytest.param({"data/a/1000": [1.0]}, '"1000" where blobs are numbered', id="a-high-number"),
        pytest.param(
            {f"data/a/{i}": [1.0] for i in range(1001)}, "more than 1000 entries", id="many-blobs"
        ),
    ],
)
def test_hdf5_that_is_no_caffemodel(tmp_path: Path, sets: dict[str, Any], reason: str) -> None:
    with pytest.raises(WeightsError, match=re.escape(reason)):
        read_weights(hdf5(tmp_path / "x", sets))


def test_hdf5_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    hdf5(tmp_path / "other", {"0": [1.0]})
    path = hdf5(tmp_path / "x", {}, ("data",))
    with h5py.File(path, "a") as file:
        file["data/a"] = h5py.ExternalLink("other", "/")
    with pytest.raises(WeightsError, match='layer "a" is no group'):
        read_weights(path)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("raise ImportError('No module named h5py')", id="not-installed"),
        pytest.param("raise ValueError('numpy.dtype size changed')", id="for-another-numpy"),
        pytest.param("raise OSError('libhdf5.so: cannot open')", id="its-library-is-gone"),
    ],
)
def test_hdf5_without_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    path = hdf5(tmp_path / "x", {"data/a/0": [1.0]})
    (tmp_path / "h5py.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "h5py")
    with pytest.raises(LibraryMissingError, match="HDF5 needs h5py: pip install"):
        read_weights(path)


@given(st.integers(0, 2000), st.binary(max_size=40))
@settings(max_examples=50)
def test_any_damage_of_hdf5_gives_layers_or_a_weights_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, noise: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.h5"
    if not whole.exists():
        hdf5(whole, {"data/a/0": [[0.5, 1.5]], "data/b/0": [0.5]})
    data = whole.read_bytes()
    path = folder / "damaged.h5"
    path.write_bytes(data[:at] + noise + data[at + len(noise) :])
    with contextlib.suppress(WeightsError):
        assert all(isinstance(name, str) for name in filled_layers(path))


# Snapshots


def test_solver_state(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate"
    path.write_bytes(b"\x08\x88\x27\x12\x03a.b\x1a\x06\x2a\x04\x00\x00\x00\x3f\x20\x02")
    state = read_state(path)
    assert state.state == {"iter": 5000, "learned_net": "a.b", "current_step": 2}
    assert [blob and blob.stored for blob in state.layers[0].blobs] == [1]


@pytest.mark.parametrize(
    ("value", "want"),
    [
        pytest.param(b"\x00", 0, id="before-the-first"),
        pytest.param(b"\xff\xff\xff\xff\x07", 2**31 - 1, id="the-last-that-fits"),
        pytest.param(b"\xff" * 9 + b"\x01", -1, id="negative-takes-ten-bytes"),
        pytest.param(b"\xff\xff\xff\xff\x0f", -1, id="or-five"),
    ],
)
def test_an_iteration_is_an_int32(tmp_path: Path, value: bytes, want: int) -> None:
    path = tmp_path / "x.solverstate"
    path.write_bytes(b"\x08" + value)
    assert read_state(path).state == {"iter": want}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\xa2\x06\x00", "none of the fields of a solver state", id="a-caffemodel"),
        pytest.param(b"\x89HDF\r\n\x1a\n", "damaged HDF5", id="damaged-hdf5"),
    ],
)
def test_no_solver_state(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x.solverstate"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=reason):
        read_state(path)


def test_no_solver_state_in_hdf5(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match='no group "history"'):
        read_state(hdf5(tmp_path / "x", {"data/a/0": [1.0]}))


def test_solver_state_in_hdf5(tmp_path: Path) -> None:
    sets = {"iter": 7, "learned_net": b"a.h5", "current_step": 1, "history/0": [[0.5]]}
    state = read_state(hdf5(tmp_path / "x.solverstate.h5", sets))
    assert state.state == {"iter": 7, "learned_net": "a.h5", "current_step": 1}
    assert [blob and blob.shape for blob in state.layers[0].blobs] == [(1, 1)]
    assert weights_hdf5.read_state(state.path) == state


def test_values_in_other_files_are_not_read(tmp_path: Path) -> None:
    """Datasets in HDF5 may lie in any file that the writer names."""
    h5py = pytest.importorskip("h5py")
    (tmp_path / "other").write_bytes(bytes([7, 0, 0, 0]))
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        outside = [(str(tmp_path / "other"), 0, 4)]
        file.create_dataset("iter", (1,), "<i4", external=outside)
        file.create_dataset("history/0", (1,), "<f4", external=outside)
    state = read_state(path)
    assert state.state == {}
    assert state.layers[0].blobs == (StoredBlob((1,), 1, code=""),)


def test_what_is_no_single_number_is_left_out_of_the_state(tmp_path: Path) -> None:
    sets = {"iter": [7, 8], "current_step": 1.5, "learned_net": "a" * 70000, "history/0": [0.5]}
    assert read_state(hdf5(tmp_path / "x.solverstate.h5", sets)).state == {
        "learned_net": "a" * 70000
    }


# Values


def blob_with(values: Any, path: Path, code: str = "f") -> StoredBlob:
    path.write_bytes(array(code, values).tobytes())
    width = 4 if code == "f" else 8
    return StoredBlob((len(values),), len(values), False, code, (Run(0, width * len(values)),))


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "code", "finite", "zero"),
    [
        pytest.param([0.5, -0.5], "f", True, False, id="sound"),
        pytest.param([0.0, -0.0], "f", True, True, id="zeros"),
        pytest.param([0.5, NAN], "f", False, False, id="nan"),
        pytest.param([INF, -INF], "f", False, False, id="infinities-that-cancel"),
        pytest.param([1.7e308, 1.7e308], "d", True, False, id="doubles-whose-sum-overflows"),
        pytest.param([3e38] * 1000, "f", True, False, id="large-floats"),
        pytest.param([], "f", True, False, id="nothing-is-not-zero"),
        pytest.param([0.0] * 99_999 + [NAN], "f", False, False, id="the-last-of-many"),
        pytest.param([NAN] + [0.0] * 99_999, "f", False, False, id="the-first-of-many"),
    ],
)
def test_values(tmp_path: Path, values: list[float], code: str, finite: bool, zero: bool) -> None:
    blob = blob_with(values, tmp_path / "x", code)
    with (tmp_path / "x").open("rb") as file:
        assert (all_finite(file, blob), all_zero(file, blob)) == (finite, zero)


def test_a_sample_is_spread_over_the_blob(tmp_path: Path) -> None:
    blob = blob_with(range(100_000), tmp_path / "x")
    with (tmp_path / "x").open("rb") as file:
        pieces = [list(piece) for piece in samples(file, blob, 160)]
    assert [len(piece) for piece in pieces] == [10] * 16
    assert (pieces[0][0], pieces[-1][-1]) == (0, 99_999)
    assert pieces == sorted(pieces)


def test_statistics(tmp_path: Path) -> None:
    blob = blob_with([1.0, 3.0, 0.0, NAN, INF, -INF, 0.0], tmp_path / "x")
    with (tmp_path / "x").open("rb") as file:
        found = statistics(file, blob)
    assert (found.looked_at, found.zeros, found.nan, found.infinite) == (7, 2, 1, 2)
    assert (found.minimum, found.maximum, found.mean) == (0.0, 3.0, 1.0)
    assert found.std == pytest.approx(1.5**0.5)


def test_a_file_that_has_become_shorter_gives_no_values(tmp_path: Path) -> None:
    blob = blob_with([1.0] * 8, tmp_path / "x")
    (tmp_path / "x").write_bytes(b"1234")
    with (tmp_path / "x").open("rb") as file:
        assert list(samples(file, blob, 100)) == []
