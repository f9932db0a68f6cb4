"""``caffelint data``: one source by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .make import datum, hdf5, image, lmdb, mean, write


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "caffelint", "data", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(
        tmp_path, {"list.txt": "a.png 0\nb.png 1\nc.png 1\n", "a.png": image(), "b.png": image(6)}
    )
    lmdb(tmp_path / "db", [datum(label=i % 4) for i in range(40)])
    sets = {"data": np.ones((4, 5), "f4"), "label": [0, 1, 2, 0]}
    write(tmp_path, {"a.h5": hdf5(sets), "h5.txt": "a.h5\nb.h5\n"})
    write(tmp_path, {"mean.binaryproto": mean(1, 3, 4, 4), "bad.binaryproto": b"x"})
    write(tmp_path, {"bad.h5": b"\x89HDF\r\n\x1a\n", "ldb/CURRENT": "MANIFEST-000001\n"})
    write(tmp_path, {"words.h5": hdf5({"data": np.ones((4, 5), "f4"), "words": ["a", "b"]})})
    write(tmp_path, {"empty.txt": "", "large.binaryproto": b""})
    with (tmp_path / "large.binaryproto").open("wb") as file:
        file.truncate(1 << 40)
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        pytest.param(
            ("list.txt",),
            1,
            ["list of images", "examples   3", "2 of them found", "3×8×8 (1)", "0 to 1",
             'error: line 3: "c.png" is not there'],
            id="list",
        ),
        pytest.param(("db",), 0, ["LMDB of Datum", "1×2×2 (40)", "0 to 3, 4 different"], id="lmdb"),
        pytest.param(
            ("db", "--classes", "3"), 1, ["label 3, but --classes 3, for labels 0 to 2 (10 of 40"],
            id="classes",
        ),
        pytest.param(("a.h5",), 0, ["HDF5 file", '"data"', "4×5 float32, 1 to 1"], id="hdf5"),
        pytest.param(
            ("h5.txt",), 1, ["list of 2 HDF5 files", 'line 2: "b.h5" is not there'], id="hdf5-list"
        ),
        pytest.param(("mean.binaryproto",), 0, ["mean file", "1×3×4×4"], id="mean"),
        pytest.param(("bad.binaryproto",), 1, ["cannot be loaded: it is"], id="bad-mean"),
        pytest.param(("large.binaryproto",), 1, ["cannot be loaded: it has"], id="large-mean"),
        pytest.param(
            ("list.txt", "--classes", "1"), 1, ["label 1, but --classes 1"], id="classes-of-a-list"
        ),
        pytest.param(("empty.txt",), 1, ["error: ", "no images"], id="empty-list"),
        pytest.param(("bad.h5",), 1, ["HDF5 file", "error: "], id="damaged-hdf5"),
        pytest.param(("words.h5",), 1, ['"words"    2 object'], id="a-set-of-text"),
        pytest.param(("gone",), 2, [], id="not-there"),
        pytest.param((".",), 2, ["the directory holds no LMDB"], id="directory"),
        pytest.param(("ldb",), 2, ["a LevelDB; only LMDB can be read"], id="leveldb"),
        pytest.param(("pipe",), 2, ["not a regular file"], id="pipe"),
    ],
)  # fmt: skip
def test_summary(folder: Path, arguments: tuple[str, ...], status: int, words: list[str]) -> None:
    done = run(folder, *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    for word in words:
        assert word in (done.stderr if status == 2 else done.stdout)


def test_as_json(folder: Path) -> None:
    document = json.loads(run(folder, "db", "--format", "json", "--classes", "2").stdout)
    assert document["count"] == 40
    assert document["sizes"] == {"1×2×2": 40}
    assert document["labels"]["counts"] == {"0": 10, "1": 10, "2": 10, "3": 10}
    assert [one["rule"] for one in document["diagnostics"]] == ["CL833"]
    listed = json.loads(run(folder, "list.txt", "--format", "json").stdout)
    assert (listed["count"], listed["found"], listed["sizes"]["3×8×8"]) == (3, 2, 1)
    (data, label) = json.loads(run(folder, "a.h5", "--format", "json").stdout)["sets"]
    assert (data["shape"], data["highest"], label["name"]) == ([4, 5], 1, "label")


def test_many_labels_become_ranges(tmp_path: Path) -> None:
    write(tmp_path, {"list.txt": "".join(f"{i}.png {i % 100}\n" for i in range(1000))})
    out = run(tmp_path, "list.txt").stdout
    assert "0 to 4" in out
    assert "95 to 99" in out
