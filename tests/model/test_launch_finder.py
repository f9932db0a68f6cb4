"""Launch scripts: which solver they mean, and where their files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.model.launch import Launch, LaunchFinder, fit


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {".git/HEAD": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


SOLVER = "models/vgg/solver.prototxt"


@pytest.mark.parametrize(
    ("script", "command", "linked"),
    [
        pytest.param("train.sh", "--solver models/vgg/solver.prototxt", True, id="from-the-top"),
        pytest.param("scripts/a.sh", "--solver models/vgg/solver.prototxt", True, id="from-above"),
        pytest.param("scripts/a.sh", "--solver ../models/vgg/solver.prototxt", True, id="dots"),
        pytest.param("models/vgg/a.sh", "--solver solver.prototxt", True, id="beside"),
        pytest.param("scripts/a.sh", "--solver solver.prototxt", False, id="not-beside"),
        pytest.param("a.sh", "--solver models/$NET/solver.prototxt", True, id="unknown-part"),
        pytest.param("a.sh", "--solver $SOLVER", False, id="unknown-altogether"),
        pytest.param("a.sh", "--solver s$A-o$A-l$A-v$A-e$A-r$A-.$A-p$A-r", False, id="too-much"),
        pytest.param("venv/lib/a.sh", f"--solver ../../{SOLVER}", False, id="of-other-people"),
        pytest.param("a.sh", "--solver /mnt/me/models/vgg/solver.prototxt", True, id="moved"),
        pytest.param("a.sh", "--solver ~/x/vgg/solver.prototxt", True, id="at-home"),
        pytest.param("a.sh", "--solver $X/y/vgg/solver.prototxt", True, id="somewhere"),
        pytest.param("a.sh", "--solver `pwd`/vgg/solver.prototxt", True, id="where-a-command-says"),
        pytest.param("a.sh", "--solver ../../x/vgg/solver.prototxt", False, id="not-all-parts"),
        pytest.param("a.sh", "--solver ../../vgg/solver.prototxt", True, id="all-parts"),
        pytest.param("a.sh", "--solver /mnt/me/alex/solver.prototxt", False, id="moved-another"),
        pytest.param("a.sh", "--solver /solver.prototxt", False, id="a-name-alone"),
        pytest.param("a.bat", r"--solver D:\me\vgg\solver.prototxt", True, id="on-a-drive"),
        pytest.param("a.sh", "--solver models/*/solver.prototxt", True, id="pattern"),
        pytest.param("a.sh", "--solver models/$NET", False, id="unknown-name"),
        pytest.param("a.sh", "--solver models/vgg/$A.$B", False, id="too-little-known"),
        pytest.param("a.sh", "--solver models/vgg/so$A.p$B", True, id="just-enough-known"),
        pytest.param("a.sh", "--solver models/vgg16/solver.prototxt", False, id="other-directory"),
        pytest.param("a.sh", "--solver models/alex/solver.prototxt", False, id="another-file"),
        pytest.param(
            "models/vgg/a.sh", "--solver training/run1/solver.prototxt", True, id="was-generated"
        ),
    ],
)
def test_which_solver_a_script_means(
    tmp_path: Path, script: str, command: str, linked: bool
) -> None:
    tree(
        tmp_path,
        {
            SOLVER: "",
            "models/alex/solver.prototxt": "",
            script: f"caffe train {command} --weights w.caffemodel\n",
        },
    )
    launches = LaunchFinder().find(tmp_path / SOLVER)
    assert [one.place for one in launches] == ([f"{script}:1"] if linked else [])


@pytest.mark.parametrize("script", ["run.sh", "scripts/run.sh"])
def test_a_step_into_a_directory_counts(tmp_path: Path, script: str) -> None:
    text = "cd models/vgg\ncaffe train --solver solver.prototxt\n"
    tree(tmp_path, {SOLVER: "", script: text})
    assert [one.line for one in LaunchFinder().find(tmp_path / SOLVER)] == [2]


@pytest.mark.parametrize(
    ("script", "written", "want"),
    [
        pytest.param("models/vgg", "solver.prototxt", 2, id="its-path"),
        pytest.param("scripts", "models/vgg/solver.prototxt", 2, id="from-the-top"),
        pytest.param("models/vgg", "run1/solver.prototxt", 1, id="beside"),
        pytest.param("scripts", "x/../vgg/solver.prototxt", 1, id="its-last-parts"),
        pytest.param("models/vgg", "../alex/solver.prototxt", 0, id="another-that-is-there"),
        pytest.param("models/alex", "vgg/net.prototxt", 0, id="another-name"),
    ],
)
def test_how_surely_it_means_a_solver(tmp_path: Path, script: str, written: str, want: int) -> None:
    top = tree(tmp_path.resolve(), {SOLVER: "", "models/alex/solver.prototxt": ""})
    one = Launch("a.sh", 1, f"{top}/{script}", str(top), written)
    assert fit(one, top / SOLVER) == want


def test_short_names_mean_something_only_where_four_letters_are_known(tmp_path: Path) -> None:
    top = tree(tmp_path.resolve(), {"a.pt": "", "b.p": ""})
    for name, want in (("a.pt", 2), ("b.p", 0)):
        assert fit(Launch("a.sh", 1, str(top), str(top), name), top / name) == want


def test_of_several_scripts_those_that_say_it_most_surely_count(tmp_path: Path) -> None:
    moved, sure = "caffe train --solver /mnt/x/vgg/solver.prototxt\n", f"caffe --solver {SOLVER}\n"
    tree(tmp_path, {SOLVER: "", "a.sh": moved, "c.sh": f"\n{sure}{sure}", "b.sh": sure})
    finder = LaunchFinder()
    assert [one.place for one in finder.find(tmp_path / SOLVER)] == ["b.sh:1", "c.sh:2", "c.sh:3"]
    (tmp_path / "models/alex").mkdir()
    (tmp_path / "models/alex/solver.prototxt").touch()
    assert finder.find(tmp_path / "models/alex/solver.prototxt") == []


@pytest.mark.parametrize(
    ("name", "read"),
    [
        *((name, True) for name in ("a.sh", "b.BASH", "c.bat", "d.cmd", "e.mk", "f.md", "g.txt")),
        *((name, True) for name in ("h.rst", "i.py", "Makefile", "makefile.local", "README")),
        *((name, False) for name in ("a.prototxt", "a.sh.swp", "train", "a.ipynb", "GNUMakefile")),
        *((f"{name}/a.sh", False) for name in (".hidden", "build", "node_modules")),
        ("scripts/a.sh", True),
    ],
)
def test_which_files_are_read(tmp_path: Path, name: str, read: bool) -> None:
    text = f"os.system('caffe --solver {SOLVER}')" if name == "i.py" else f"caffe --solver {SOLVER}"
    tree(tmp_path, {SOLVER: "", name: text})
    assert [one.script for one in LaunchFinder().find(tmp_path / SOLVER)] == [name] * read


def test_links_are_not_followed(tmp_path: Path) -> None:
    tree(tmp_path / "top", {SOLVER: ""})
    tree(tmp_path / "other", {"a.sh": f"caffe --solver {SOLVER}"})
    (tmp_path / "top/a.sh").symlink_to(tmp_path / "other/a.sh")
    assert LaunchFinder().find(tmp_path / "top" / SOLVER) == []


@pytest.mark.parametrize(
    ("root", "want"),
    [
        pytest.param(None, ["a.sh"], id="the-repository"),
        pytest.param("", ["project/a.sh", "run.sh"], id="above-it"),
        pytest.param("project/models", ["a.sh"], id="within-it"),
        pytest.param("other", ["a.sh"], id="elsewhere"),
    ],
)
def test_the_tree_is_the_one_caffe_is_started_in(
    tmp_path: Path, root: str | None, want: list[str]
) -> None:
    tree(tmp_path / "project", {SOLVER: "", "a.sh": f"caffe train --solver {SOLVER}"})
    (tmp_path / "run.sh").write_text(f"caffe train --solver project/{SOLVER}")
    (tmp_path / "project/models/a.sh").write_text("caffe train --solver vgg/solver.prototxt")
    (tmp_path / "other").mkdir()
    launches = LaunchFinder(None if root is None else tmp_path / root).find(
        tmp_path / "project" / SOLVER
    )
    if root == "project/models":
        assert [one.script for one in launches] == want
    else:
        assert [one.script for one in launches if "models" not in one.script] == want


def test_without_a_repository_scripts_lie_three_levels_up_at_most(tmp_path: Path) -> None:
    solver = tmp_path / "a/b/c/d/solver.prototxt"
    solver.parent.mkdir(parents=True)
    for folder in (tmp_path, *(tmp_path / name for name in ("a", "a/b", "a/b/c"))):
        (folder / "run.sh").write_text("caffe train --solver /mnt/d/solver.prototxt")
    solver.touch()
    found = [one.script for one in LaunchFinder().find(solver)]
    assert found == ["b/c/run.sh", "b/run.sh", "run.sh"]


def test_what_lies_at_home_or_with_all_temporary_files_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path.resolve()))
    tree(tmp_path, {"x/s.prototxt": "", "run.sh": "caffe --solver x/s.prototxt"})
    assert LaunchFinder().find(tmp_path / "x/s.prototxt") == []
    (tmp_path / "x/run.sh").write_text("caffe --solver s.prototxt")
    assert [one.script for one in LaunchFinder().find(tmp_path / "x/s.prototxt")] == ["run.sh"]


def test_without_a_repository_only_scripts_near_by_are_read(tmp_path: Path) -> None:
    text = "caffe train --solver models/vgg/solver.prototxt\n"
    for name in ("run.sh", "elsewhere/run.sh", SOLVER):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    launches = LaunchFinder().find(tmp_path / SOLVER)
    assert [Path(one.script).name for one in launches] == ["run.sh"]
    assert "elsewhere" not in launches[0].script


@pytest.mark.parametrize("other", ["a", ".venv", "site-packages"])
def test_a_tree_full_of_other_scripts_hides_nothing(tmp_path: Path, other: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / other).mkdir()
    for number in range(2_100):
        (tmp_path / other / f"{number}.py").touch()
    folder = tmp_path / "m" / "n"
    folder.mkdir(parents=True)
    (folder / "s.prototxt").touch()
    (folder / "run.sh").write_text("caffe train --solver s.prototxt --weights w.caffemodel")
    (one,) = LaunchFinder().find(folder / "s.prototxt")
    assert one.script == "m/n/run.sh"


def test_large_files_and_loops_of_links_do_no_harm(tmp_path: Path) -> None:
    tree(tmp_path, {SOLVER: "", "big.sh": "caffe train --solver " + SOLVER + "\n" + "#" * 300_000})
    (tmp_path / "loop").symlink_to(tmp_path)
    assert LaunchFinder().find(tmp_path / SOLVER) == []
    assert LaunchFinder().find(tmp_path / "no\0name") == []


def test_weights_are_found_from_where_the_script_lies(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            SOLVER: "",
            "scripts/a.sh": f"caffe train --solver {SOLVER} --weights models/w.caffemodel\n",
            "models/w.caffemodel": "x",
        },
    )
    (launch,) = LaunchFinder().find(tmp_path / SOLVER)
    assert launch.files() == [tmp_path.resolve() / "models/w.caffemodel"]


@pytest.mark.parametrize(
    ("weights", "want"),
    [
        pytest.param(("w.h5",), ["x/w.h5"], id="beside-the-script-first"),
        pytest.param(("v.h5", "x/w.h5"), ["v.h5", "x/w.h5"], id="from-the-top"),
        pytest.param(("../u.h5",), None, id="above-the-top"),
        pytest.param(("v.h5", "none.h5"), None, id="one-is-missing"),
        pytest.param(("$V.h5",), None, id="unknown-though-a-file-has-that-name"),
        pytest.param(("x",), None, id="a-directory"),
        pytest.param((), None, id="none"),
    ],
)
def test_where_weights_files_are_looked_for(
    tmp_path: Path, weights: tuple[str, ...], want: list[str] | None
) -> None:
    top = tmp_path.resolve() / "top"
    for name in ("x/w.h5", "w.h5", "v.h5", "$V.h5"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    found = Launch("x/a.sh", 1, f"{top}/x", str(top), "s", weights).files()
    assert found == (None if want is None else [top / name for name in want])
