"""Weights and snapshots in HDF5."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffelint.model import weights_hdf5
from caffelint.model.blob_values import samples
from caffelint.model.weights import (
    LibraryMissingError,
    StoredBlob,
    WeightsError,
    filled_layers,
    read_state,
    read_weights,
)


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
    assert (weights.form, weights.is_hdf5, weights.size) == ("HDF5", True, path.stat().st_size)
    assert [layer.held for layer in weights.layers] == [2, 1, 0]
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


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param({"dtype": "<f4"}, "f", id="floats"),
        pytest.param({"dtype": "<f8"}, "d", id="doubles"),
        pytest.param({"dtype": "<f2"}, "e", id="halves"),
        pytest.param({"dtype": ">f4"}, "", id="of-another-machine"),
        pytest.param({"dtype": "<i4"}, "", id="integers"),
        pytest.param({"dtype": "<u1"}, "", id="bytes"),
        pytest.param({"dtype": "<f4", "chunks": (2, 2)}, "", id="in-chunks"),
        pytest.param({"dtype": "<f4", "compression": "gzip"}, "", id="packed"),
    ],
)
def test_plain_values_have_a_place(tmp_path: Path, options: dict[str, Any], code: str) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x", "w") as file:
        file.create_dataset("data/a/0", (2, 3), **options)[...] = [[1, 2, 3], [4, 5, 6]]
    ((blob,),) = (layer.blobs for layer in read_weights(tmp_path / "x").layers)
    assert blob is not None
    assert (blob.shape, blob.stored, blob.code, blob.legacy) == ((2, 3), 6, code, False)
    assert len(blob.runs) == bool(code)
    with (tmp_path / "x").open("rb") as opened:
        values = [list(piece) for piece in samples(opened, blob, 10)]
    assert values == ([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]] if code else [])


def test_values_that_were_never_written_have_no_place(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x", "w") as file:
        file.create_dataset("data/a/0", (3,), "<f4")
    (layer,) = read_weights(tmp_path / "x").layers
    assert layer.blobs == (StoredBlob((3,), 3),)


def test_the_last_number_of_a_blob(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "x", {"data/a/999": [1.0]})
    ((first, *_, last),) = (layer.blobs for layer in read_weights(path).layers)
    assert (first, last and last.shape) == (None, (1,))


def test_an_empty_dataset_is_none(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = hdf5(tmp_path / "x", {"data/a/0": h5py.Empty("f4")})
    with pytest.raises(WeightsError, match='"a/0" is no dataset'):
        read_weights(path)


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


def test_state_in_chunks_is_not_read(tmp_path: Path) -> None:
    """Caffe writes plain numbers; what is packed may take any amount of memory."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x", "w") as file:
        file.create_dataset("iter", (1,), "<i4", chunks=(1,))
        file.create_dataset("current_step", (1,), "<i4")[...] = 3
        file.create_dataset("learned_net", data=b"a.h5", dtype="S9")
        file.create_dataset("history/0", (1,), "<f4")
    assert read_state(tmp_path / "x").state == {"current_step": 3, "learned_net": "a.h5"}


def test_what_is_no_single_number_is_left_out_of_the_state(tmp_path: Path) -> None:
    sets = {"iter": [7, 8], "current_step": 1.5, "learned_net": "a" * 70000, "history/0": [0.5]}
    assert read_state(hdf5(tmp_path / "x.solverstate.h5", sets)).state == {
        "learned_net": "a" * 70000
    }
