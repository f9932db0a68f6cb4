from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caffelint.model.weights import WeightsError, filled_layers
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
        pytest.param(b'layer { name: "ip" }', "no field starts at byte 0", id="prototxt"),
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
            "a layer name of 131072 bytes",
            id="an-endless-name",
        ),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5 are not supported", id="hdf5"),
    ],
)  # fmt: skip
def test_not_a_caffemodel(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        filled_layers(path)
    assert str(caught.value).startswith(f"{path}: not a readable caffemodel (")
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


def test_weights_are_stepped_over_not_read(tmp_path: Path) -> None:
    size = 200 << 20
    head = b"\x0a\x03big" + b"\x3a" + _varint(size)
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
