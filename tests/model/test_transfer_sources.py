"""The weights files that a solver names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from caffelint.model.transfer import Sources, find_weights
from caffelint.model.weights import read_weights

from .build import message, unmark
from .test_transfer import BLOBS, WEIGHTS, h5, model


def find(text: str, folder: Path, root: Path | None = None) -> Sources:
    return find_weights(message(text, "solver"), folder / "solver.prototxt", root, read_weights)


@pytest.mark.parametrize(
    ("text", "files", "kinds"),
    [
        pytest.param('weights: "a.caffemodel"', ["a"], [], id="one"),
        pytest.param('weights: "a.caffemodel , b.caffemodel"', ["a", "b"], [], id="list"),
        pytest.param(
            'weights: "a.caffemodel" weights: "b.caffemodel"', ["a", "b"], [], id="repeated"
        ),
        pytest.param(
            'weights: "a.caffemodel,"', ["a"], ["weights-name-empty"], id="comma-at-the-end"
        ),
        pytest.param('weights: ""', [], ["weights-name-empty"], id="empty"),
        pytest.param('weights: "c.caffemodel"', [], ["weights-not-found"], id="not-there"),
        pytest.param('weights: "/no/c.caffemodel"', [], ["weights-elsewhere"], id="absolute"),
        pytest.param('weights: "no.caffemodel"', [], ["weights-unreadable"], id="no-weights"),
        pytest.param('weights: "a\\000b"', [], ["weights-not-found"], id="a-nul-in-the-name"),
        pytest.param("max_iter: 1", [], [], id="none"),
    ],
)
def test_files_of_a_solver(tmp_path: Path, text: str, files: list[str], kinds: list[str]) -> None:
    for name in ("a", "b"):
        model(tmp_path / f"{name}.caffemodel", WEIGHTS)
    (tmp_path / "no.caffemodel").write_bytes(b"\xff" * 9)
    found = find(text, tmp_path)
    assert [file.path.stem for file in found.files] == files
    assert [problem.kind for problem in found.problems] == kinds
    assert found.whole == (not kinds)


def test_places_that_were_tried(tmp_path: Path) -> None:
    first, second, third, *_ = (tmp_path, *tmp_path.parents)
    (problem,) = find('weights: "c.caffemodel"', tmp_path).problems
    assert problem.values == {"file": "c.caffemodel", "tried": f"{first}, {second}, {third}, …"}
    (problem,) = find('weights: "c.caffemodel"', tmp_path, tmp_path).problems
    assert problem.values["tried"] == str(tmp_path)
    assert not problem.rejects


def test_each_entry_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    text, spans = unmark('weights: «"a,b"» weights: «","»')
    problems = find(text, tmp_path).problems
    assert [(one.kind, one.span) for one in problems] == [
        ("weights-not-found", spans[0]),
        ("weights-unreadable", spans[0]),
        ("weights-name-empty", spans[1]),
        ("weights-name-empty", spans[1]),
    ]
    assert [one.rejects for one in problems] == [False, True, True, True]
    assert problems[1].values == {"file": "b", "reason": "the file is empty"}


def test_weights_that_cannot_be_looked_into_are_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5(tmp_path / "a.h5", {"hidden": BLOBS})
    monkeypatch.setitem(sys.modules, "h5py", None)
    found = find('weights: "a.h5"', tmp_path)
    assert (found.problems, found.whole) == ((), False)
    assert found.skipped == ("a.h5: HDF5 needs h5py: pip install 'caffelint[data]'",)
