from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caffelint.cli import cli
from caffelint.model.blob_values import MANY
from caffelint.resources import load_schema
from caffelint.show.weights import document, read, text


def write(path: Path, fill: Any, form: str = "layer") -> Path:
    net: Any = load_schema().net.new_message()
    fill(getattr(net, form))
    path.write_bytes(net.SerializeToString())
    return path


def add(layers: Any, name: str, type_: Any, *blobs: tuple[list[int], list[float]]) -> None:
    layer = layers.add(name=name, type=type_)
    for shape, values in blobs:
        blob = layer.blobs.add()
        blob.shape.dim.extend(shape)
        blob.data.extend(values)


def two_layers(layers: Any) -> None:
    add(layers, "conv", "Convolution", ([1, 1, 1, 2], [1.0, 3.0]), ([1], [0.0]))
    add(layers, "relu", "ReLU")


TABLE = """\
x.caffemodel
binary, 70 bytes, 2 layers, 1 with blobs, 3 values in 2 blobs

layer  type         blob  shape    values  min  max  mean  std
conv   Convolution  0     1×1×1×2       2    1    3     2    1
                    1     1             1    0    0     0    0  all 0

Without blobs: 1 layer, left out above.
"""


def test_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert text(read(write(Path("x.caffemodel"), two_layers))) == TABLE


@pytest.mark.parametrize(
    ("shape", "values", "want"),
    [
        pytest.param([4], [1.0, float("nan"), 0.0, 0.0], "1 nan, 0.5 of them 0", id="nan"),
        pytest.param([2], [float("inf"), float("-inf")], "2 infinite", id="infinite"),
        pytest.param([3], [1.0], "the shape needs 3 values", id="values-missing"),
    ],
)
def test_remarks(tmp_path: Path, shape: list[int], values: list[float], want: str) -> None:
    path = write(tmp_path / "x.caffemodel", lambda to: add(to, "a", "Bias", (shape, values)))
    row = text(read(path)).splitlines()[4]
    assert row.endswith(f"  {want}")


def test_types_of_old_files(tmp_path: Path) -> None:
    path = write(tmp_path / "x", lambda to: add(to, "a", "INNER_PRODUCT", ([1], [1.0])), "layers")
    assert document(read(path))["layers"][0]["type"] == "InnerProduct"


def test_values_of_nvcaffe_are_looked_at_where_their_type_is_known(tmp_path: Path) -> None:
    """Its blobs have bytes and a number for their type in place of float values."""
    rows = []
    for kind in (b"\x02", b"\x09"):  # half, and none that there is
        blob = b"\x3a\x03\x0a\x01\x02" + b"\x50" + kind + b"\x62\x04\x00\x38\x00\x3c"
        layer = b"\x0a\x01a" + b"\x3a" + bytes([len(blob)]) + blob
        path = tmp_path / "x"
        path.write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
        rows.append(text(read(path)).splitlines()[4].split("  ")[-1])
    assert rows[0] == "NVCaffe's form"
    assert rows[1].endswith("NVCaffe's form, values not looked at")


def test_long_names_keep_both_ends(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x", lambda to: add(to, "head" + "x" * 200 + "tail", "Bias", ([1], [1.0]))
    )
    (row,) = text(read(path)).splitlines()[4:]
    name = row.split()[0]
    assert len(name) < 60
    assert name.startswith("headx")
    assert name.endswith("xtail")
    assert "…" in name


def test_document(tmp_path: Path) -> None:
    shown = document(read(write(tmp_path / "x.caffemodel", two_layers)))
    assert shown["totals"] == {
        "layers": 2,
        "layers_with_blobs": 1,
        "blobs": 2,
        "values": 3,
        "nan": 0,
        "infinite": 0,
    }
    assert shown["layers"][0]["blobs"][0] == {
        "index": 0,
        "shape": [1, 1, 1, 2],
        "legacy_shape": False,
        "values": 2,
        "statistics": {
            "looked_at": 2,
            "zeros": 0,
            "nan": 0,
            "infinite": 0,
            "minimum": 1.0,
            "maximum": 3.0,
            "mean": 2.0,
            "std": 1.0,
        },
    }


def test_statistics_of_a_sample_are_marked(tmp_path: Path) -> None:
    many = MANY + 1
    path = write(tmp_path / "x", lambda to: add(to, "a", "Bias", ([many], [0.5] * many)))
    shown = text(read(path))
    assert "  ~0.5  ~0.5  ~0.5   ~0\n" in shown
    assert shown.endswith(
        f"~: from a sample of {MANY:,} values, in stretches spread over the blob.\n"
    )


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["show", *arguments])
    return result.exit_code, result.output


def test_command(tmp_path: Path) -> None:
    path = str(write(tmp_path / "x.caffemodel", two_layers))
    assert run(path)[0] == 0
    code, output = run(path, "--format", "json")
    assert (code, json.loads(output)["form"]) == (0, "layer")
    code, output = run(path, "--phase", "TEST")
    assert code == 2
    assert "of a .caffemodel file only --format can be chosen" in output


def test_names_cannot_reach_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "x.caffemodel", lambda to: add(to, "a\x1b[2J", "Bias", ([1], [1.0])))
    assert "\x1b" not in run(str(path))[1]


def test_solver_state(tmp_path: Path) -> None:
    path = tmp_path / "x_iter_5.solverstate"
    path.write_bytes(b"\x08\x05\x12\x03a.b\x1a\x06\x2a\x04\x00\x00\x00\x3f\x20\x02")
    code, output = run(str(path))
    assert code == 0
    assert "solver state, 17 bytes, 1 value in 1 blob" in output
    assert "iteration: 5\nsteps taken: 2\nweights: a.b\n" in output
