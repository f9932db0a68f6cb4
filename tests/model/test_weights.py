from __future__ import annotations

import contextlib
import os
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caffelint.model.blob_values import all_finite, all_zero, samples, statistics
from caffelint.model.weights import (
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
        pytest.param(b"layer {\r\n\tname: 'ip' }", "it is text", id="prototxt-with-tabs"),
        pytest.param(b"#" * 600 + "ü".encode(), "it is text", id="other-characters-further-down"),
        pytest.param(b"# \x7f", "no field starts at byte 0", id="what-is-not-printed-is-no-text"),
        pytest.param(b"\n<!DOCTYPE html>", "it is a web page", id="web-page"),
        pytest.param(b"<!doctype HTML>\n\xc3\xbc", "it is a web page", id="web-page-in-utf8"),
        pytest.param(b"<HTML><body>", "it is a web page", id="web-page-without-a-doctype"),
        pytest.param(b"  <?xml version='1.0'?>", "it is a web page", id="xml"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull", id="lfs"
        ),
        pytest.param(b"\x1f\x8b\x08\x00", "unpack it first", id="gzip"),
        pytest.param(b"PK\x03\x04\x14\x00", "unpack it first", id="zip"),
        pytest.param(b"BZh91AY&SY", "unpack it first", id="bzip2"),
        pytest.param(b"\xfd7zXZ\x00", "unpack it first", id="xz"),
        pytest.param(
            b"\x08\x05\x12\x03a.b\x1a\x00", "a solver state, which is given with --snapshot",
            id="solver-state",
        ),
        pytest.param(b"\x08\x01\x10\x03\x18\x04\x20\x04", "a single blob", id="mean-file"),
        pytest.param(
            b"\x08\x05\x1a\x00\x12\x03a.b", "a solver state", id="solver-state-in-another-order"
        ),
        pytest.param(b"\x02\x00", "no field starts at byte 0", id="a-field-without-a-number"),
        pytest.param(b"\x12\x00\x0b", "no field starts at byte 2", id="a-group"),
        pytest.param(
            b"\x9d\x3f\x00\x00\x80", "past the end of its message: it is cut short)",
            id="cut-in-four-bytes",
        ),
        pytest.param(
            b"\x99\x3f" + bytes(7), "the field at byte 0 runs past the end", id="cut-in-eight-bytes"
        ),
        pytest.param(
            b"\xa2\x06\x00\x12\x00", 'both "layer" and "layers"', id="two-forms-in-one-file"
        ),
        pytest.param(b"\x70\x00" * ((1 << 20) + 1), "too many fields", id="endless-small-fields"),
        pytest.param(
            b"\xa2\x06\x29\x3a\x27\x3a\x25\x0a\x23" + b"\x01" * 35, "more than 32 axes",
            id="a-blob-of-many-axes",
        ),
        pytest.param(
            LAYER + b"\x46\x3a\x44\x3a\x42" + b"\x08\x01" * 33, "more than 32 axes",
            id="a-blob-of-many-axes-one-by-one",
        ),
        pytest.param(bytes(64), "no field starts at byte 0", id="zeros"),
        pytest.param(WHOLE[:-1], "past the end of its message: it is cut short)",
                     id="cut-in-the-last-layer"),
        pytest.param(LAYER, "no number at byte 2", id="cut-before-a-length"),
        pytest.param(LAYER + b"\xff" * 11, "no number at byte 2", id="a-length-beyond-64-bits"),
        pytest.param(
            LAYER + b"\x04\x0a\x05abcde", "the field at byte 3 runs past the end of its message)",
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


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(WeightsError, match="no regular file"):
        read_weights(tmp_path / "x")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        pytest.param(b"\n\x0bhello_world", [], id="a-name-alone"),
        pytest.param(b"\x12\x0b\x22\x09abcdefghi", ["abcdefghi"], id="a-v1-layer-alone"),
        pytest.param(b"\x08\x01\x18\x04", [], id="numbers-that-nobody-knows"),
        pytest.param(b"\x08\x01" + LAYER + b"\x03\x0a\x01a", ["a"], id="and-a-layer"),
        pytest.param(LAYER + b"\x02\x08\x01", [""], id="a-name-that-is-a-number"),
        pytest.param(LAYER + b"\x03\x0a\x01a\x40\x81\x01", ["a"], id="a-number-of-two-bytes"),
    ],
)
def test_odd_caffemodels(tmp_path: Path, data: bytes, names: list[str]) -> None:
    """What may look like something else, and is read as protobuf reads it."""
    (tmp_path / "x").write_bytes(data)
    weights = read_weights(tmp_path / "x")
    assert [layer.name for layer in weights.layers] == names
    assert weights.size == len(data)


def test_a_file_that_is_too_large_for_caffe(tmp_path: Path) -> None:
    """io.cpp, kProtoReadBytesLimit: INT_MAX bytes."""
    path = tmp_path / "x.caffemodel"
    path.write_bytes(WHOLE)
    os.truncate(path, 1 << 31)  # a hole
    with pytest.raises(WeightsError, match="larger than 2 GiB"):
        read_weights(path)
    os.truncate(path, (1 << 31) - 1)
    with pytest.raises(WeightsError, match="no field starts"):
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
        pytest.param(b"\x28\x05\x5d" + bytes(4), (), 0, "f", id="strange-values"),
        pytest.param(b"\x2d" + bytes(4), (), 1, "", id="a-value-that-is-not-packed"),
        pytest.param(
            b"\x2a\x08" + bytes(8) + b"\x2d" + bytes(4), (), 3, "", id="packed-and-not-packed"
        ),
        pytest.param(b"\x41" + bytes(8) + b"\x2a\x04" + bytes(4), (), 1, "", id="one-double"),
        pytest.param(b"\x2a\x04" + bytes(4) + b"\x2a\x08" + bytes(8), (), 3, "f", id="two-runs"),
        pytest.param(b"\x50\x03\x62\x08" + bytes(8), (), 2, "", id="raw-data-of-no-known-type"),
        pytest.param(
            b"\x50\x02\x52\x00\x62\x04" + bytes(4), (), 2, "e", id="a-raw-type-that-is-no-number"
        ),
        pytest.param(
            b"\x3a\x40" + b"\x08\x01" * 32, (1,) * 32, 0, "f", id="as-many-axes-as-caffe-takes"
        ),
        pytest.param(
            b"\x3a\x02\x08\x02\x3a\x03\x0a\x01\x03", (2, 3), 0, "f", id="two-shapes-are-one"
        ),
        pytest.param(
            b"\x3a\x06\x08\x02\x0a\x02\x03\x04", (2, 3, 4), 0, "f", id="dims-packed-or-not"
        ),
        pytest.param(b"\x3a\x02\x08\x7f", (127,), 0, "f", id="the-largest-of-one-byte"),
        pytest.param(b"\x12\x01\x05", (), 0, "f", id="a-size-that-is-no-number"),
        pytest.param(b"\x20\x07", (0, 0, 0, 7), 0, "f", id="a-width-alone"),
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


@pytest.mark.parametrize(
    ("net", "form", "type_", "v1_type"),
    [
        pytest.param(model("a"), "layer", "InnerProduct", None, id="current"),
        pytest.param(model("a", form="layers"), "layers", "", 14, id="v1"),
        pytest.param(v0(), "V0 layers", "conv", None, id="v0"),
    ],
)
def test_types(tmp_path: Path, net: Any, form: str, type_: str, v1_type: int | None) -> None:
    written = {"layer": lambda: net.layer[0], "layers": lambda: net.layers[0]}
    one = written.get(form, lambda: net.layers[0].layer)()
    one.type = v1_type or type_
    (tmp_path / "x").write_bytes(net.SerializeToString())
    weights = read_weights(tmp_path / "x")
    assert [(layer.type, layer.v1_type) for layer in weights.layers] == [(type_, v1_type)]
    assert (weights.form, weights.is_hdf5) == (form, False)


def test_v0_and_v1_layers_in_one_file(tmp_path: Path) -> None:
    """Caffe upgrades it as V0 (upgrade_proto.cpp, NetNeedsV0ToV1Upgrade)."""
    net = model("a", form="layers")
    net.MergeFrom(v0())
    (tmp_path / "x").write_bytes(net.SerializeToString())
    assert read_weights(tmp_path / "x").form == "V0 layers"
    net.layer.add(name="b")
    (tmp_path / "x").write_bytes(net.SerializeToString())
    with pytest.raises(WeightsError, match='both "layer" and "layers"'):
        read_weights(tmp_path / "x")


# Snapshots


def test_solver_state(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate"
    path.write_bytes(b"\x08\x88\x27\x12\x03a.b\x1a\x06\x2a\x04\x00\x00\x00\x3f\x20\x02")
    state = read_state(path)
    assert state.state == {"iter": 5000, "learned_net": "a.b", "current_step": 2}
    assert [blob and blob.stored for blob in state.layers[0].blobs] == [1]
    assert (state.form, state.size, state.filled) == ("solver state", 18, frozenset({""}))


@pytest.mark.parametrize(
    ("data", "want"),
    [
        pytest.param(b"\x12\x01a", {"learned_net": "a"}, id="a-name-alone"),
        pytest.param(b"\x20\xff\xff\xff\xff\x0f", {"current_step": -1}, id="a-step-is-an-int32"),
        pytest.param(b"\x1a\x00", {}, id="blobs-alone"),
        pytest.param(b"\x0a\x00\x10\x01\x18\x01\x22\x00\x1a\x00", {}, id="strange-kinds"),
    ],
)
def test_odd_solver_states(tmp_path: Path, data: bytes, want: dict[str, Any]) -> None:
    (tmp_path / "x").write_bytes(data)
    state = read_state(tmp_path / "x")
    assert state.state == want
    assert [(one.name, one.type, len(one.blobs)) for one in state.layers] == [
        ("", "", int(b"\x1a" in data))
    ]


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
