"""Label maps of detectors: what Caffe makes of the file, and the classes of the net against it."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.data.labelmap import read_label_map
from caffelint.resources import load_rules

from .make import write

MAP = 'item { name: "none" label: 0 } item { name: "cat" label: 1 } item { name: "dog" label: 2 }'
UNREADABLE = [("label-map-unreadable", "map.prototxt", 2)]
HAS_MORE = [("label-map-has-more", "net.prototxt", 5)]
SAVE = 'output_directory: "out" name_size_file: "sizes.txt" label_map_file: "map.prototxt"'


def detector(save: str = SAVE, more: str = "num_classes: 3") -> str:
    return (
        'layer { name: "in" type: "Input" top: "loc" top: "conf" top: "prior" }\n'
        'layer { name: "out" type: "DetectionOutput"\n'
        'bottom: "loc" bottom: "conf" bottom: "prior" top: "out" detection_output_param {\n'
        f"{more}\nsave_output_param {{ {save} }} }} }}\n"
    )


def trainer(more: str, bottoms: str = 'bottom: "loc" bottom: "conf" bottom: "prior"') -> str:
    return (
        'layer { name: "data" type: "AnnotatedData" top: "data" top: "label"\n'
        'annotated_data_param { label_map_file: "map.prototxt" } }\n'
        'layer { name: "in" type: "Input" top: "loc" top: "conf" top: "prior" }\n'
        f'layer {{ name: "loss" type: "MultiBoxLoss" {bottoms} bottom: "label" top: "loss"\n'
        f"multibox_loss_param {{ {more} }} }}\n"
    )


def found(folder: Path, net: str, map_: str | bytes | None = MAP) -> list[tuple[str, str, int]]:
    """Rules, files and lines of the findings about label maps, and about the path of one."""
    write(folder, {"net.prototxt": net} | ({} if map_ is None else {"map.prototxt": map_}))
    report = Checker(load_rules(), Config(root=str(folder))).check([folder / "net.prototxt"])
    return [
        (
            one.name,
            Path(one.place.source.name).name,
            one.place.source.locate(one.place.span.start)[0],
        )
        for one in report.diagnostics
        if one.rule in ("CL856", "CL869") or "CL887" <= one.rule <= "CL891"
    ]


@pytest.mark.parametrize(
    ("map_", "wanted"),
    [
        pytest.param(MAP, [], id="sound"),
        pytest.param("", [("label-map-lacks-class", "net.prototxt", 5)], id="empty"),
        pytest.param(MAP + "\nitem { label: 3 }", HAS_MORE, id="more"),
        pytest.param("cat\ndog\n", UNREADABLE, id="list"),
        pytest.param(MAP + "\nitem {", UNREADABLE, id="cut-off"),
        pytest.param(MAP + "\nitem: 1", UNREADABLE, id="number"),
        pytest.param(
            MAP + '\nitem { label: "3" }', UNREADABLE, id="quoted"
        ),
        pytest.param(
            MAP + "\nitem { name: bird }", UNREADABLE, id="unquoted"
        ),
        pytest.param(
            MAP + "\nitem { label: 4294967296 }", UNREADABLE, id="out-of-range"
        ),
        pytest.param(b"\n\x89PNG\x00\xff", UNREADABLE, id="bytes"),
        pytest.param(
            MAP + "\nitem { label: 2 }\nitem { name: 'x' }",
            [("label-map-duplicate", "map.prototxt", n) for n in (2, 3)],
            id="twice-and-without-label",
        ),
        pytest.param(MAP.replace('"dog"', '"cat"'), [], id="names-alike"),
        pytest.param(MAP.replace("label: 2", "label: 2 r: 1"), [], id="fields-of-a-fork"),
        pytest.param(MAP.replace("label: 0", "label: 9"), HAS_MORE, id="no-background"),
        pytest.param(b"#" * (1 << 20) + b"\n", [], id="too-large"),
        pytest.param(None, [], id="not-there"),
    ],
)  # fmt: skip
def test_what_the_file_says(
    tmp_path: Path, map_: str | bytes | None, wanted: list[tuple[str, str, int]]
) -> None:
    assert found(tmp_path, detector(), map_) == wanted


@pytest.mark.parametrize(
    ("more", "save", "wanted"),
    [
        pytest.param("num_classes: 4", SAVE, ["label-map-lacks-class"], id="too-few"),
        pytest.param("num_classes: 2", SAVE, ["label-map-has-more"], id="too-many"),
        pytest.param("num_classes: 4294967295", SAVE, ["label-map-lacks-class"], id="huge"),
        pytest.param("num_classes: 4 background_label_id: 3", SAVE, [], id="background-last"),
        pytest.param("num_classes: 3 background_label_id: -1", SAVE, [], id="no-background"),
        pytest.param("", SAVE, [], id="classes-unset"),
        pytest.param("num_classes: CLASSES", SAVE, [], id="template"),
        pytest.param(
            "num_classes: 4", SAVE.replace('"out"', '""'), [], id="no-directory-nothing-written"
        ),
        pytest.param(
            "num_classes: 4", SAVE.replace('"sizes.txt"', '""'), [], id="no-sizes-nothing-written"
        ),
        pytest.param("num_classes: 4", "", [], id="no-map"),
        pytest.param("num_classes: 4", SAVE.replace("map.", "/no/such/map."), [], id="elsewhere"),
        pytest.param("num_classes: 3", SAVE.replace("map.", "a/Map."), ["data-misspelt"], id="A"),
    ],
)  # fmt: skip
def test_classes_against_the_map(tmp_path: Path, more: str, save: str, wanted: list[str]) -> None:
    write(tmp_path, {"a/map.prototxt": MAP})
    assert [name for name, _, _ in found(tmp_path, detector(save, more))] == wanted


@pytest.mark.parametrize(
    ("net", "wanted"),
    [
        pytest.param(trainer("num_classes: 2"), ["labels-beyond-classes"], id="one-too-few"),
        pytest.param(trainer("num_classes: 3"), [], id="sound"),
        pytest.param(trainer("num_classes: 9"), [], id="classes-without-examples"),
        pytest.param(trainer("num_classes: 2 map_object_to_agnostic: true"), [], id="one-for-all"),
        pytest.param(trainer("num_classes: 2", 'bottom: "loc"'), [], id="no-ground-truth"),
        pytest.param(trainer(""), [], id="classes-unset"),
    ],
)  # fmt: skip
def test_labels_of_the_data_against_the_loss(tmp_path: Path, net: str, wanted: list[str]) -> None:
    assert [name for name, _, _ in found(tmp_path, net)] == wanted


def test_a_map_that_training_does_not_read_may_be_broken(tmp_path: Path) -> None:
    assert found(tmp_path, trainer("num_classes: 2"), MAP + " item {") == []


def test_a_larger_file_is_no_label_map(tmp_path: Path) -> None:
    path = tmp_path / "map.prototxt"
    path.write_bytes(b" " * (1 << 20))
    assert read_label_map(path) is not None
    path.write_bytes(b" " * ((1 << 20) + 1))
    assert read_label_map(path) is None


@pytest.mark.parametrize(
    "own", ["optional string num_classes = 1;", "repeated int32 num_classes = 1;", ""]
)
def test_fields_of_ones_own_caffe_may_be_of_other_types(tmp_path: Path, own: str) -> None:
    proto = (
        'syntax = "proto2"; package caffe; message Detect { optional string save_output_param = 2; '
        f"{own} }} message LayerParameter {{ optional Detect detection_output_param = 9000; }}"
    )
    block = 'detection_output_param { save_output_param: "x" }'
    net = f'layer {{ name: "o" type: "DetectionOutput" {block} }}'
    write(tmp_path, {"own.proto": proto, "net.prototxt": net})
    config = Config(root=str(tmp_path), proto=str(tmp_path / "own.proto"))
    report = Checker(load_rules(), config).check([tmp_path / "net.prototxt"])
    assert not [one for one in report.diagnostics if "CL887" <= one.rule <= "CL891"]
