from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.model.files import is_absolute, missing_directory, missing_top, resolve


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("models/lenet/net.prototxt", "models/net.prototxt", "other/net.prototxt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "root", "want"),
    [
        pytest.param("net.prototxt", None, "models/lenet/net.prototxt", id="beside-the-solver"),
        pytest.param("lenet/net.prototxt", None, "models/lenet/net.prototxt", id="from-its-parent"),
        pytest.param("models/net.prototxt", None, "models/net.prototxt", id="from-further-up"),
        pytest.param("net.prototxt", "other", "other/net.prototxt", id="root-instead-of-all-these"),
        pytest.param("lenet/net.prototxt", "other", None, id="root-alone"),
        pytest.param("none.prototxt", None, None, id="not-there"),
        pytest.param("models", None, None, id="a-directory"),
        pytest.param("", None, None, id="an-empty-name"),
        pytest.param("a\0b", None, None, id="a-name-that-no-file-can-have"),
        pytest.param("a" * 5000, None, None, id="a-name-that-is-too-long"),
    ],
)
def test_resolve(tree: Path, name: str, root: str | None, want: str | None) -> None:
    start = None if root is None else tree / root
    found, tried = resolve(name, tree / "models/lenet/solver.prototxt", start)
    assert found == (None if want is None else tree / want)
    assert tried[0] == (start or tree / "models/lenet")


def test_the_nearest_directory_comes_first(tree: Path) -> None:
    solver = tree / "models/lenet/solver.prototxt"
    assert resolve("none", solver, None)[1] == [*solver.resolve().parents]


@pytest.mark.parametrize("there", [True, False])
def test_an_absolute_path_is_not_searched_for(tree: Path, there: bool) -> None:
    path = tree / ("models/net.prototxt" if there else "none/net.prototxt")
    found, tried = resolve(str(path), tree / "solver.prototxt", tree / "other")
    assert (found, tried) == (path if there else None, [path.parent])


@pytest.mark.parametrize(
    ("prefix", "missing"),
    [
        pytest.param("lenet", "", id="no-directory"),
        pytest.param("", "", id="nothing"),
        pytest.param("models/lenet", "", id="seen-from-further-up"),
        pytest.param("lenet/iter", "", id="seen-from-the-parent"),
        pytest.param("snapshots/lenet", "snapshots", id="not-there"),
        pytest.param("models/snapshots/lenet", "models/snapshots", id="not-there-further-down"),
        pytest.param("net.prototxt/lenet", "net.prototxt", id="a-file-is-no-directory"),
        pytest.param("a" * 5000 + "/x", "a" * 5000, id="too-long"),
        pytest.param("/" + "a" * 5000 + "/x", "/" + "a" * 5000, id="too-long-and-absolute"),
        pytest.param("/nowhere-at-all/x", "/nowhere-at-all", id="absolute"),
        pytest.param("/x", "", id="the-root-of-all"),
    ],
)
def test_missing_directory(tree: Path, prefix: str, missing: str) -> None:
    assert missing_directory(prefix, tree / "models/lenet/solver.prototxt", None) == missing


@pytest.mark.parametrize(
    ("name", "want"),
    [
        pytest.param("/data/net.prototxt", True, id="here"),
        pytest.param("C:/data/net.prototxt", True, id="a-drive"),
        pytest.param("D:\\data\\net.prototxt", True, id="a-drive-with-backslashes"),
        pytest.param("data/net.prototxt", False, id="relative"),
        pytest.param("C:net.prototxt", False, id="relative-on-a-drive"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_absolute_wherever_caffe_is_started(name: str, want: bool) -> None:
    assert is_absolute(name) is want


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        pytest.param("models/none.prototxt", "", id="there"),
        pytest.param("nowhere/models/net.prototxt", "nowhere", id="the-first-alone-counts"),
        pytest.param("lenet/none.prototxt", "", id="in-the-second-start-directory"),
        pytest.param("../../nowhere/net.prototxt", "nowhere", id="after-steps-up"),
        pytest.param("../models/net.prototxt", "", id="there-after-steps-up"),
        pytest.param("none.prototxt", "", id="a-file-alone"),
        pytest.param("../none.prototxt", "", id="steps-up-alone"),
    ],
)
def test_missing_top(tree: Path, name: str, missing: str) -> None:
    assert missing_top(name, [tree, tree / "models"]) == missing


def test_a_directory_is_missing_where_root_does_not_have_it(tree: Path) -> None:
    solver = tree / "models/lenet/solver.prototxt"
    assert missing_directory("lenet/x", solver, tree) == "lenet"
    assert missing_directory("models/x", solver, tree) == ""
    assert missing_directory(f"{tree}/models/x", solver, tree / "other") == ""
