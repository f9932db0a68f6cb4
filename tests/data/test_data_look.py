"""Nets with their data on disk: what is found, where it stands, and what feeds the shapes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.data.limits import Limits
from caffelint.data.look import DataReader
from caffelint.data.paths import find
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.reading import read_file
from caffelint.resources import load_rules, load_schema

from .make import (
    LOSS,
    datum,
    hdf5,
    image,
    images,
    lint,
    lmdb,
    mean,
    mean_of,
    net,
    places,
    write,
)

ACCURACY = (
    'layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" '
    "include { phase: TEST } }\n"
)
TEST = "include { phase: TEST }"


def names(found: Any) -> list[str]:
    return [one.name for one in found]


def numbered(labels: list[int]) -> dict[str, str | bytes]:
    """A list with these labels, and its images."""
    lines = "".join(f"{i}.png {label}\n" for i, label in enumerate(labels))
    return {"train.txt": lines, **{f"{i}.png": image() for i in range(len(labels))}}


# Labels


@pytest.mark.parametrize(
    ("labels", "classes", "found"),
    [
        pytest.param([0, 1, 2], 3, [], id="sound"),
        pytest.param([0, 1, 3], 3, [("label-out-of-range", "train.txt", 3)], id="too-large"),
        pytest.param([1, 2, 3], 3, [("labels-from-one", "train.txt", 3)], id="counted-from-1"),
        pytest.param([0, -1, 1], 3, [("label-negative", "train.txt", 2)], id="negative"),
        pytest.param([1, 1, 1], 3, [("labels-all-alike", "train.txt", 1)], id="all-alike"),
        pytest.param([0, 1], 4, [("fewer-labels-than-outputs", "train.txt", 1)], id="few"),
        pytest.param([0, 1], 3, [], id="a-class-or-two-without-examples"),
        pytest.param([0] * 39 + [1, 0], 2, [("class-dominates", "train.txt", 1)], id="dominates"),
    ],
)
def test_labels_against_classes(
    tmp_path: Path, labels: list[int], classes: int, found: list[Any]
) -> None:
    write(tmp_path, numbered(labels))
    assert places(lint(tmp_path, net("ImageData", images(), classes=classes))) == found


def test_ignored_labels_are_no_labels(tmp_path: Path) -> None:
    write(tmp_path, numbered([0, 1, -1, 255]))
    loss = LOSS.replace('top: "loss"', 'top: "loss" loss_param { ignore_label: 255 }')
    assert names(lint(tmp_path, net("ImageData", images(), loss=loss))) == ["label-negative"]


@pytest.mark.parametrize(
    ("head", "speaks"),
    [
        pytest.param('layer { name: "r" type: "ReLU" bottom: "ip" top: "ip" }\n', True, id="relu"),
        pytest.param(
            'layer { name: "f" type: "Flatten" bottom: "ip" top: "x" }\n', True, id="beside"
        ),
    ],
)
def test_classes_are_those_of_the_layer_that_makes_the_scores(
    tmp_path: Path, head: str, speaks: bool
) -> None:
    write(tmp_path, numbered([0, 5]))
    found = lint(tmp_path, net("ImageData", images(), loss=head + LOSS))
    assert ("label-out-of-range" in names(found)) == speaks
    assert 'layer "ip" has num_output 3' in found[0].message


def test_labels_of_a_regression_are_no_classes(tmp_path: Path) -> None:
    write(tmp_path, numbered([40, 70]))
    text = net("ImageData", images(), classes=1).replace("SoftmaxWithLoss", "EuclideanLoss")
    assert lint(tmp_path, text) == []


@pytest.mark.parametrize(
    ("more", "labels", "include", "speaks"),
    [
        pytest.param("", [0, 0, 1, 1, 2, 2], "", True, id="blocks"),
        pytest.param("shuffle: true", [0, 0, 1, 1, 2, 2], "", False, id="shuffled"),
        pytest.param("", [0, 1, 2, 0, 1, 2], "", False, id="mixed"),
        pytest.param("", [0, 1, 2], "", False, id="blocks-smaller-than-a-batch"),
        pytest.param("", [0, 0, 1, 1, 2, 2], TEST, False, id="order-does-not-matter-in-test"),
    ],
)
def test_sorted_lists(
    tmp_path: Path, more: str, labels: list[int], include: str, speaks: bool
) -> None:
    write(tmp_path, numbered(labels))
    text = net("ImageData", images(more=more), more=include)
    if include:
        text = net("ImageData", images("other.txt"), more="include { phase: TRAIN }") + text
    assert ("labels-sorted" in names(lint(tmp_path, text))) == speaks


# Image files


def test_a_missing_image_stands_at_its_line(tmp_path: Path) -> None:
    write(tmp_path, {**numbered([0, 1, 2]), "1.png": b""})
    (tmp_path / "2.png").unlink()
    assert places(lint(tmp_path, net("ImageData", images()))) == [
        ("image-unreadable", "train.txt", 2),
        ("listed-file-missing", "train.txt", 3),
    ]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(image(form="JPEG", width=64, height=64)[:-200], "image-truncated", id="jpeg"),
        pytest.param(image(width=64, height=64)[:-400], "image-truncated", id="png"),
        pytest.param(image(form="GIF", mode="L"), "image-format", id="gif"),
        pytest.param(b"<html>404</html>", "image-unreadable", id="html"),
        pytest.param(image(form="JPEG"), None, id="jpeg-under-a-name-of-png"),
        pytest.param(image(form="WEBP"), None, id="webp"),
    ],
)
def test_damaged_images(tmp_path: Path, content: bytes, name: str | None) -> None:
    write(tmp_path, {**numbered([0, 1, 2]), "1.png": content})
    found = places(lint(tmp_path, net("ImageData", images())))
    assert found == ([(name, "train.txt", 2)] if name else [])


@pytest.mark.parametrize(
    ("files", "param", "rule", "hint"),
    [
        pytest.param(
            {"sets/train.txt": "pics/a.png 0\n", "sets/pics/a.png": image()},
            images("sets/train.txt"),
            "names-relative-to-list",
            'root_folder: "sets/"',
            id="names-count-from-the-list",
        ),
        pytest.param(
            {"sets/train.txt": "pics/a.png 0\n", "sets/pics/other.txt": ""},
            images("sets/train.txt"),
            "names-relative-to-list",
            'root_folder: "sets/"',
            id="only-their-directory-is-there",
        ),
        pytest.param(
            {"train.txt": "a.png 0\n", "pics/a.png": image()},
            images(more='shuffle: true root_folder: "pics"'),
            "root-folder-without-slash",
            'root_folder: "pics/"',
            id="slash-missing",
        ),
        pytest.param(
            {"train.txt": "pics\\a.png 0\n", "pics/a.png": image()},
            images(),
            "names-with-backslash",
            "write / in names",
            id="windows-paths",
        ),
        pytest.param(
            {"train.txt": "pics/a.png 0\n"}, images(), "listed-files-not-found", "", id="nowhere"
        ),
    ],
)
def test_where_the_images_are(
    tmp_path: Path, files: dict[str, str | bytes], param: str, rule: str, hint: str
) -> None:
    write(tmp_path, files)
    found = [one for one in lint(tmp_path, net("ImageData", param)) if one.rule >= "CL840"]
    assert names(found) == [rule]
    assert hint in found[0].hint
    assert found[0].place.source.name.endswith("net.prototxt")


def test_a_root_folder_may_be_the_beginning_of_names(tmp_path: Path) -> None:
    write(tmp_path, {"train.txt": "0.png 0\n1.png 1\n", "pic_0.png": image(), "pic_1.png": image()})
    param = images(more='shuffle: true root_folder: "pic_"')
    assert lint(tmp_path, net("ImageData", param)) == []


@pytest.mark.parametrize(
    ("sizes", "param", "transform", "rules"),
    [
        pytest.param([(9, 9), (9, 9)], "batch_size: 2", "", [], id="equal"),
        pytest.param([(9, 9), (9, 8)], "batch_size: 2", "", ["sizes-mixed"], id="mixed"),
        pytest.param([(9, 9), (9, 8)], "batch_size: 1", "", [], id="one-at-a-time"),
        pytest.param([(9, 9), (9, 8)], "batch_size: 2", "crop_size: 8", [], id="cropped"),
        pytest.param(
            [(9, 9), (7, 9)],
            "batch_size: 2",
            "crop_size: 8",
            ["crop-larger-than-data"],
            id="smaller-than-the-crop",
        ),
        pytest.param(
            [(9, 9), (7, 9)],
            "batch_size: 2 new_height: 8 new_width: 8",
            "crop_size: 8",
            [],
            id="resized-before",
        ),
    ],
)
def test_sizes_of_images(
    tmp_path: Path, sizes: list[tuple[int, int]], param: str, transform: str, rules: list[str]
) -> None:
    write(tmp_path, {f"{i}.png": image(*size) for i, size in enumerate(sizes)})
    write(tmp_path, {"train.txt": "0.png 0\n1.png 1\n"})
    text = net("ImageData", f'source: "train.txt" shuffle: true {param}', transform=transform)
    assert names(lint(tmp_path, text)) == rules


# Databases


def test_a_sound_database_says_nothing(tmp_path: Path) -> None:
    lmdb(tmp_path / "db", [datum(label=i % 3) for i in range(30)])
    assert lint(tmp_path, net("Data", 'source: "db" batch_size: 4 backend: LMDB')) == []


@pytest.mark.parametrize(
    ("records", "param", "found"),
    [
        pytest.param([datum(label=0)], "", [("backend-differs", 2)], id="backend-unset"),
        pytest.param([], "backend: LMDB", [("database-empty", 2)], id="empty"),
        pytest.param([datum(label=7)], "backend: LMDB", [("label-out-of-range", 2)], id="label"),
        pytest.param(
            [datum(label=0), b"\xff\xff\xff"], "backend: LMDB", [("datum-faulty", 2)], id="no-datum"
        ),
        pytest.param(
            [datum(label=0), datum(data=b"")], "backend: LMDB", [("datum-faulty", 2)], id="no-data"
        ),
        pytest.param(
            [datum(label=0), datum(label=1, height=0)],
            "backend: LMDB",
            [("datum-faulty", 2)],
            id="a-size-of-0",
        ),
        pytest.param(
            [datum(label=0), datum(label=1, height=3)],
            "backend: LMDB",
            [("datum-faulty", 2)],
            id="fewer-values-than-its-size",
        ),
        pytest.param(
            [datum(label=0), datum(label=1, width=3, data=b"abcdef")],
            "backend: LMDB",
            [("sizes-mixed", 2)],
            id="sizes",
        ),
        pytest.param(
            [
                datum(encoded=True, data=image(mode=mode), label=i)
                for i, mode in enumerate(("RGB", "L"))
            ],
            "backend: LMDB",
            [("channels-mixed", 2)],
            id="gray-among-colour",
        ),
        pytest.param(
            [datum(encoded=True, data=b"no image", label=0), datum(label=1)],
            "backend: LMDB",
            [("datum-faulty", 2)],
            id="not-decodable",
        ),
        pytest.param(
            [datum(label=i // 10) for i in range(30)],
            "backend: LMDB",
            [("labels-sorted", 2)],
            id="sorted",
        ),
    ],
)
def test_databases(tmp_path: Path, records: list[bytes], param: str, found: list[Any]) -> None:
    lmdb(tmp_path / "db", records)
    text = net("Data", f'source: "db" batch_size: 4 {param}')
    assert [(name, line) for name, _, line in places(lint(tmp_path, text))] == found


def test_a_large_database_is_sampled(tmp_path: Path) -> None:
    lmdb(tmp_path / "db", [datum(label=i // 1000) for i in range(3000)])
    text = net("Data", 'source: "db" batch_size: 4 backend: LMDB')
    (one,) = lint(tmp_path, text, data_sample=4)
    assert one.name == "labels-sorted"
    assert "1000 of each one" in one.message
    assert lint(tmp_path, text, data_sample=1) == []


def test_leveldb_is_recognised_only(tmp_path: Path) -> None:
    write(tmp_path, {"db/CURRENT": "MANIFEST-000001\n"})
    assert lint(tmp_path, net("Data", 'source: "db" batch_size: 4')) == []
    text = net("Data", 'source: "db" batch_size: 4 backend: LMDB')
    assert names(lint(tmp_path, text)) == ["backend-differs"]


# HDF5


@pytest.mark.parametrize(
    ("sets", "found"),
    [
        pytest.param({"data": np.ones((4, 5)), "label": [0, 1, 2, 0]}, [], id="sound"),
        pytest.param({"data": np.ones((4, 5), "u1"), "label": [0, 1, 2, 0]}, [], id="integers"),
        pytest.param({"data": np.ones((4, 5))}, ["hdf5-set-missing"], id="missing"),
        pytest.param(
            {"data": np.ones((4, 5)), "label": [True, False] * 2}, ["hdf5-set-type"], id="booleans"
        ),
        pytest.param(
            {"data": np.ones((4, 5)), "label": [0, 1, 2]}, ["hdf5-rows-differ"], id="rows"
        ),
        pytest.param(
            {"data": np.full((4, 5), np.inf), "label": [0, 1, 2, 0]}, ["hdf5-not-finite"], id="inf"
        ),
        pytest.param(
            {"data": np.ones((4, 5)), "label": [0, 1, 2, 3]}, ["label-out-of-range"], id="label"
        ),
        pytest.param(
            {"data": np.ones((4, 5)), "label": [0, 0.5, 1, 2]},
            ["hdf5-fractional-label"],
            id="fraction",
        ),
        pytest.param(
            {"data": np.ones((0, 5)), "label": np.ones(0)}, ["hdf5-set-empty"] * 2, id="empty"
        ),
    ],
)
def test_hdf5_files(tmp_path: Path, sets: dict[str, Any], found: list[str]) -> None:
    write(tmp_path, {"train.txt": "\n train.h5 \n", "train.h5": hdf5(sets)})
    text = net("HDF5Data", 'source: "train.txt" batch_size: 2 shuffle: true')
    diagnostics = lint(tmp_path, text)
    assert names(diagnostics) == found
    assert all(place[1:] == ("train.txt", 2) for place in places(diagnostics))


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        pytest.param("", [("list-empty", "net.prototxt", 2)], id="nothing"),
        pytest.param("a.h5\n", [], id="all-there"),
        pytest.param("a.h5\nb.h5\n", [("listed-file-missing", "train.txt", 2)], id="one-is-not"),
        pytest.param("b.h5 c.h5\n", [("listed-files-not-found", "net.prototxt", 2)], id="none-is"),
        pytest.param("net.prototxt", [("hdf5-unreadable", "train.txt", 1)], id="no-hdf5"),
    ],
)
def test_lists_of_hdf5_files(tmp_path: Path, listed: str, found: list[Any]) -> None:
    sets = {"data": np.ones((4, 5)), "label": [0, 1, 2, 0]}
    write(tmp_path, {"train.txt": listed, "a.h5": hdf5(sets)})
    text = net("HDF5Data", 'source: "train.txt" batch_size: 2 shuffle: true')
    assert places(lint(tmp_path, text)) == found


def test_hdf5_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    import h5py

    write(tmp_path, {"train.txt": "train.h5\n", "secret.h5": hdf5({"data": np.ones((4, 5))})})
    with h5py.File(tmp_path / "train.h5", "w") as file:
        file["data"] = h5py.ExternalLink("secret.h5", "/data")
        file["label"] = [0, 1, 2, 0]
    text = net("HDF5Data", 'source: "train.txt" batch_size: 2')
    assert names(lint(tmp_path, text)) == ["hdf5-set-missing"]


# Mean files and paths


@pytest.mark.parametrize(
    ("content", "transform", "rules"),
    [
        pytest.param(mean(1, 3, 8, 8), "", [], id="fits"),
        pytest.param(mean_of((1, 3, 8, 8), 192), "", [], id="fits-in-the-form-with-a-shape"),
        pytest.param(mean_of((3, 8, 9), 216), "", ["mean-size-differs"], id="with-three-axes"),
        pytest.param(mean_of((1, 3, 8, 8), 9), "", ["mean-file-unreadable"], id="too-few-values"),
        pytest.param(mean(1, 3, 9, 8), "", ["mean-size-differs"], id="height"),
        pytest.param(mean(1, 1, 8, 8), "", ["mean-size-differs"], id="channels"),
        pytest.param(mean(1, 3, 8, 8)[:-40], "", ["mean-file-unreadable"], id="broken-off"),
        pytest.param(b"\x93NUMPY\x01\0", "", ["mean-file-unreadable"], id="numpy"),
        pytest.param(b"", "", ["mean-file-unreadable"], id="empty"),
    ],
)
def test_mean_files(tmp_path: Path, content: bytes, transform: str, rules: list[str]) -> None:
    write(tmp_path, {"mean.binaryproto": content})
    text = net("ImageData", images(), transform=f'mean_file: "mean.binaryproto" {transform}')
    assert names(lint(tmp_path, text)) == rules


def test_a_mean_file_of_windows_is_not_held_against_sizes_that_their_list_decides(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"mean.binaryproto": mean(1, 3, 8, 8), "windows.txt": ""})
    block = "crop_size: 227 mean_file: 'mean.binaryproto'"
    text = (
        'layer { name: "data" type: "WindowData" top: "data" top: "label"\n'
        f'  transform_param {{ {block} }} window_data_param {{ source: "windows.txt" }} }}\n'
    )
    assert lint(tmp_path, text) == []


def test_a_huge_mean_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "mean.binaryproto").open("wb") as file:
        file.truncate(1 << 40)
    (one,) = lint(tmp_path, net("ImageData", images(), transform='mean_file: "mean.binaryproto"'))
    assert (one.name, "1099511627776 bytes" in one.message) == ("mean-file-unreadable", True)


def test_a_mean_smaller_than_the_crop(tmp_path: Path) -> None:
    write(tmp_path, {"mean.binaryproto": mean(1, 3, 8, 8)})
    text = net(
        "Data",
        'source: "elsewhere" batch_size: 2 backend: LMDB',
        transform='crop_size: 9 mean_file: "mean.binaryproto"',
    )
    assert names(lint(tmp_path, text)) == ["mean-size-differs"]


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        pytest.param("home/me/list.txt", "path-without-slash", id="home"),
        pytest.param("mnt/disk/list.txt", "path-without-slash", id="mnt"),
        pytest.param("data/list.txt", None, id="some-directory"),
        pytest.param("/home/me/list.txt", None, id="absolute"),
        pytest.param("lists/trian.txt", None, id="another-word"),
        pytest.param("lists/Train_List.txt", "data-misspelt", id="upper-case"),
        pytest.param("lists/train_list2.txt", None, id="another-number"),
        pytest.param("lists/test_list.txt", None, id="another-list"),
    ],
)
def test_sources_that_are_not_there(tmp_path: Path, source: str, rule: str | None) -> None:
    write(tmp_path, {"lists/train_list.txt": "a.png 0\n"})
    found = names(lint(tmp_path, net("ImageData", images(source))))
    assert found == ([rule] if rule else [])


def test_a_path_counts_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"train.txt": "a.png 0\n", "nets/other.txt": ""})
    monkeypatch.chdir(tmp_path)
    for named_in in ("net.prototxt", "nets/net.prototxt"):
        assert find("train.txt", Path(named_in), None) is not None


def test_a_path_that_lacks_its_slash_is_not_found_from_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"train.txt": "a.png 0\n"})
    path, named_in = str(tmp_path / "train.txt"), tmp_path / "net.prototxt"
    assert find(path, named_in, None) is not None
    assert find(path.lstrip("/"), named_in, None) is None


def test_a_directory_called_home_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert lint(tmp_path, net("ImageData", images("home/me/list.txt"))) == []


# What feeds the net, and what others ask


def shape_findings(folder: Path, text: str) -> list[str]:
    write(folder, {"net.prototxt": text})
    report = Checker(load_rules(), Config(root=str(folder))).check([folder / "net.prototxt"])
    return [one.name for one in report.diagnostics if one.rule.startswith("CL1")]


WIDE = """\
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 3 kernel_size: 9 weight_filler { type: "msra" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "pool" bottom: "label" top: "loss" }
"""


@pytest.mark.parametrize(("size", "fits"), [(9, True), (8, False)])
def test_the_size_of_the_data_feeds_the_shapes(tmp_path: Path, size: int, fits: bool) -> None:
    lmdb(tmp_path / "db", [datum(height=size, width=size, data=bytes(size * size), label=1)] * 2)
    text = net("Data", 'source: "db" batch_size: 4 backend: LMDB').split("layer")[1]
    assert (shape_findings(tmp_path, "layer" + text + WIDE) == []) == fits


def test_sizes_of_sources(tmp_path: Path) -> None:
    lmdb(tmp_path / "db", [datum(label=0)] * 7)
    sets = {"data": np.ones((4, 5)), "label": [0, 1, 2, 0]}
    write(tmp_path, {"h5.txt": "a.h5\nb.h5\n", "a.h5": hdf5(sets), "b.h5": hdf5(sets)})
    write(tmp_path, {"list.txt": "a 0\nb 1\n\n", "h5.h5": hdf5(sets), "lost.txt": "a.h5 c.h5"})
    for type_, source, wanted in (
        ("Data", "db", 7),
        ("HDF5Data", "h5.txt", 8),
        ("ImageData", "list.txt", 3),
        ("ImageData", "gone.txt", None),
        ("ImageData", "h5.h5", None),
        ("HDF5Data", "db", None),
        ("HDF5Data", "lost.txt", None),
        ("Data", "list.txt", None),
        ("Data", "", None),
    ):
        write(tmp_path, {"net.prototxt": net(type_, f'source: "{source}" batch_size: 1')})
        file = read_file(tmp_path / "net.prototxt")
        assert file.message is not None
        layer = Net(file.message, State("TRAIN")).layers[0]
        reader = DataReader(load_schema(), None, Limits(), set())
        assert reader.size(layer, tmp_path / "net.prototxt") == wanted


def test_no_data_is_looked_at_where_that_is_not_wanted(tmp_path: Path) -> None:
    write(tmp_path, numbered([0, 9]))
    assert lint(tmp_path, net("ImageData", images()), data=False) == []


# Harm


def test_pipes_and_loops_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    write(tmp_path, {"train.txt": "pipe 0\nloop 1\n/dev/zero 2\n"})
    found = lint(tmp_path, net("ImageData", images()))
    assert names(found) == ["listed-files-not-found"]
    for source in ("pipe", "loop", "/dev/zero", "x" * 5000):
        assert lint(tmp_path, net("ImageData", images(source))) == []


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "train.txt").open("wb") as file:
        file.truncate(1 << 40)
    assert names(lint(tmp_path, net("ImageData", images()))) == ["list-not-text"]


@pytest.mark.parametrize("type_", ["ImageData", "HDF5Data", "Data"])
def test_any_bytes(tmp_path: Path, type_: str) -> None:
    chance = np.random.default_rng(3)
    beginnings = (b"", b"\x89HDF\r\n\x1a\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a")
    for beginning in beginnings:
        noise = beginning + chance.bytes(3000)
        write(tmp_path, {"source": noise, "a.png": noise, "a.h5": noise, "db/data.mdb": noise})
        for source in ("source", "db", "list"):
            write(tmp_path, {"list": "a.h5\n" if type_ == "HDF5Data" else "a.png 0\n"})
            lint(tmp_path, net(type_, f'source: "{source}" batch_size: 2 ', transform=""))


@pytest.mark.parametrize("error", ["ImportError", "ValueError", "OSError"])
def test_without_the_libraries_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """A library for another NumPy raises a ValueError, one without its .so file an OSError."""
    write(tmp_path, {f"lib/{name}.py": f"raise {error}" for name in ("PIL", "h5py")})
    monkeypatch.syspath_prepend(tmp_path / "lib")
    for name in [one for one in sys.modules if one.partition(".")[0] in ("PIL", "h5py")]:
        monkeypatch.delitem(sys.modules, name)
    lines = "".join(f"{i}.png {label}\n" for i, label in enumerate((0, 9)))
    write(
        tmp_path, {"train.txt": lines, "0.png": b"", "1.png": b"", "h5.txt": "a.h5\n", "a.h5": b""}
    )
    assert names(lint(tmp_path, net("ImageData", images()))) == ["label-out-of-range"]
    write(tmp_path, {"net.prototxt": net("HDF5Data", 'source: "h5.txt" batch_size: 2')})
    checker = Checker(load_rules(), Config(root=str(tmp_path)))
    checker.check([tmp_path / "net.prototxt"])
    assert checker.missing == {"h5py"}
    lmdb(tmp_path / "db", [datum(encoded=True, data=b"", label=9), datum(encoded=True, label=9)])
    write(tmp_path, {"net.prototxt": net("Data", 'source: "db" batch_size: 2 backend: LMDB')})
    checker = Checker(load_rules(), Config(root=str(tmp_path)))
    report = checker.check([tmp_path / "net.prototxt"])
    assert checker.missing == {"pillow"}
    assert {"datum-faulty", "label-out-of-range"} <= set(names(report.diagnostics))
