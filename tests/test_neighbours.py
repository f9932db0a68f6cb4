"""Which fork a file is written for, where only the files around it tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint import neighbours
from caffelint.reading import File, read_file, read_text
from caffelint.schema.needs import Need


def layer(type_: str, more: str = "") -> str:
    return f'layer {{ name: "x" type: "{type_}" bottom: "a" top: "x" {more} }}'


SSD = layer("Permute", "permute_param { order: 0 }") + layer("PriorBox")
NVCAFFE = SSD + layer("BatchNorm", "batch_norm_param { scale_bias: true }")
ADDED = layer("Pooling", "pooling_param { kernel_size: 3 ceil_mode: false }")
SOLVER = 'base_lr: 0.1 eval_type: "detection"'


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files; gives the path of the first."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / next(iter(files))


def note(file: File) -> str:
    """The dialect that a file is read as, and what decided; empty for a file of BVLC's."""
    found = (one.values for one in file.problems if one.kind == "written-for-fork")
    return next((f"{one['dialect']}: {one['what']}" for one in found), "")


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        pytest.param({"test.prototxt": SSD}, "ssd: type Permute", id="alone"),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": NVCAFFE},
            "nvcaffe: type Permute, like train.prototxt beside it",
            id="a-net-beside-it",
        ),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": SSD + layer("ReLU")},
            "ssd: type Permute",
            id="a-net-beside-it-that-says-no-more",
        ),
        pytest.param(
            {"net.prototxt": SSD, "a/train.prototxt": NVCAFFE}, "ssd: type Permute", id="elsewhere"
        ),
        pytest.param(
            {"solver.prototxt": f'{SOLVER} net: "a/b.prototxt"', "a/b.prototxt": NVCAFFE},
            "nvcaffe: eval_type, like its net a/b.prototxt",
            id="the-net-of-a-solver",
        ),
        pytest.param(
            {
                "e.prototxt": SSD,
                "solver.prototxt": 'net: "e.prototxt" base_lr: 1 larc: true',
                **{f"e{number}.prototxt": layer("ReLU") for number in range(9)},
            },
            "nvcaffe: type Permute, like solver.prototxt beside it",
            id="the-solver-that-names-a-net",
        ),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": NVCAFFE + ADDED},
            "nvcaffe: type Permute, like train.prototxt beside it",
            id="no-more-dialects-than-its-own-names-need",
        ),
        pytest.param(
            {"test.prototxt": layer("ROIPooling"), "hed.prototxt": layer("ImageLabelmapData")},
            "faster-rcnn: type ROIPooling",
            id="a-net-for-another-caffe",
        ),
        pytest.param(
            {"test.prototxt": layer("ReLU"), "train.prototxt": NVCAFFE}, "", id="of-bvlc"
        ),
        pytest.param(
            {"test.prototxt": f"# caffelint: dialect=ssd\n{SSD}", "train.prototxt": NVCAFFE},
            "",
            id="what-the-file-says-counts",
        ),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": f"# caffelint: dialect=nvcaffe\n{SSD}"},
            "nvcaffe: type Permute, like train.prototxt beside it",
            id="what-a-file-beside-it-says",
        ),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": f"# caffelint: dialect=ssd\n{NVCAFFE}"},
            "ssd: type Permute",
            id="what-a-file-beside-it-says-and-not-its-names",
        ),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": f"# caffelint: dialect=bvlc\n{NVCAFFE}"},
            "ssd: type Permute",
            id="a-file-beside-it-that-is-of-bvlc",
        ),
        pytest.param(
            {"test.prototxt": SSD, "train.prototxt": f"# caffelint: dialect=nvcafe\n{NVCAFFE}"},
            "nvcaffe: type Permute, like train.prototxt beside it",
            id="a-comment-that-names-no-dialect",
        ),
    ],
)  # fmt: skip
def test_files_around_one_decide_what_its_names_leave_open(
    tmp_path: Path, files: dict[str, str], wanted: str
) -> None:
    assert note(read_file(write(tmp_path, files))) == wanted


@pytest.mark.parametrize("text", [layer("ReLU"), layer("Relu"), layer("NoSuchThing")])
def test_no_file_is_read_for_the_sake_of_one_that_no_fork_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    asked: list[Path] = []

    def asked_of(path: Path, _types: frozenset[str]) -> tuple[Need, ...]:
        asked.append(path)
        return ()

    monkeypatch.setattr(neighbours, "_needs_in", asked_of)
    read_file(write(tmp_path, {"test.prototxt": text, "train.prototxt": NVCAFFE}))
    assert asked == []
    read_file(write(tmp_path, {"test.prototxt": SSD}))
    assert asked == [tmp_path / "train.prototxt"]


def test_a_file_that_is_changed_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path, {"test.prototxt": SSD, "train.prototxt": SSD})
    assert note(read_file(path)) == "ssd: type Permute"
    (tmp_path / "train.prototxt").write_text(NVCAFFE)
    assert note(read_file(path)).startswith("nvcaffe: ")


@pytest.mark.parametrize("content", [b"\0\xff{{{", b"", b"x" * (neighbours._MOST_BYTES + 1)])
def test_what_is_no_net_says_nothing(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, {"test.prototxt": SSD, "gone.prototxt": ""})
    (tmp_path / "train.prototxt").write_bytes(content)
    (tmp_path / "gone.prototxt").unlink()
    (tmp_path / "gone.prototxt").symlink_to("nowhere")
    assert note(read_file(path)) == "ssd: type Permute"


def test_a_text_that_is_no_file_has_no_neighbours(tmp_path: Path) -> None:
    path = write(tmp_path, {"test.prototxt": SSD, "train.prototxt": NVCAFFE})
    assert note(read_text(path, SSD.encode())).startswith("nvcaffe: ")
    assert note(read_text(tmp_path / "<stdin>", SSD.encode())) == "ssd: type Permute"
