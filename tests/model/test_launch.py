"""Launch scripts: what their text says, and which solver they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.model.context import Context, launched
from caffelint.model.launch import Launch, LaunchFinder, read_launches

Found = tuple[int, str, tuple[str, ...], str]


def found(text: str, script: str = "train.sh") -> list[Found]:
    return [
        (one.line, one.solver, one.weights, one.snapshot) for one in read_launches(text, script)
    ]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(
            "caffe train --solver=s.prototxt --weights=w.caffemodel",
            (1, "s.prototxt", ("w.caffemodel",), ""),
            id="two-dashes-equals",
        ),
        pytest.param(
            "./build/tools/caffe.bin train -solver s.prototxt -snapshot x.solverstate -gpu 0",
            (1, "s.prototxt", (), "x.solverstate"),
            id="one-dash-blank",
        ),
        pytest.param(
            "#!/bin/sh\n\n$T/caffe train \\\n  --solver=\"a b/s.prototxt\" \\\n  -weights 'w.h5'",
            (3, "a b/s.prototxt", ("w.h5",), ""),
            id="continued-and-quoted",
        ),
        pytest.param(
            "W=\\\n./w.caffemodel\ncaffe train -solver s.prototxt -weights $W",
            (3, "s.prototxt", ("./w.caffemodel",), ""),
            id="continued-assignment",
        ),
        pytest.param(
            "caffe train --weights a.caffemodel,b.caffemodel --solver s.prototxt",
            (1, "s.prototxt", ("a.caffemodel", "b.caffemodel"), ""),
            id="two-weights",
        ),
        pytest.param(
            "A=models/x\nS=${A}/s.prototxt\nexport W=$A/w.caffemodel\n"
            'caffe train --solver="$S" --weights "${W}"',
            (4, "models/x/s.prototxt", ("models/x/w.caffemodel",), ""),
            id="variables-of-variables",
        ),
        pytest.param(
            "caffe train --solver models/$1/s.prototxt --weights=$(ls *.caffemodel | head -n 1)",
            (1, "models/${1}/s.prototxt", ("$(ls *.caffemodel | head -n 1)",), ""),
            id="unknown-stays",
        ),
        pytest.param(
            "S=${S:-s.prototxt}\ncaffe train --solver $S",
            (2, "s.prototxt", (), ""),
            id="default-value",
        ),
        pytest.param(
            "caffe train --solver s.prototxt --gpu 0 \\\n  # --snapshot=x.solverstate",
            (1, "s.prototxt", (), ""),
            id="comment-in-the-continuation",
        ),
        pytest.param(
            "caffe train --solver s.prototxt \\",
            (1, "s.prototxt", (), ""),
            id="a-last-line-that-goes-on",
        ),
        pytest.param(
            "time ./tools/train_net.py --gpu $1 --solver s.pt --weights w.caffemodel --iters 9",
            (1, "s.pt", ("w.caffemodel",), ""),
            id="train-net-py",
        ),
        pytest.param(
            "cd x && caffe train --solver s.prototxt 2>&1 | tee log.txt",
            (1, "s.prototxt", (), ""),
            id="in-a-chain",
        ),
    ],
)
def test_shell_commands(text: str, want: Found) -> None:
    assert found(text) == [want]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("# caffe train --solver s.prototxt", id="comment"),
        pytest.param('echo "caffe train --solver s.prototxt"', id="printed"),
        pytest.param("caffe train --solver", id="no-value"),
        pytest.param("caffe time --model s.prototxt", id="other-command"),
        pytest.param("# a \\\nsolver s.prototxt", id="comment-does-not-continue"),
        pytest.param("\x00\"'`$(${" * 50, id="garbage"),
    ],
)
def test_text_that_starts_nothing(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("script", "text", "want"),
    [
        pytest.param(
            "run.bat",
            "rem --solver=old\nset S=..\\net\ncaffe.exe train ^\n --solver=%S%\\s.prototxt",
            (3, "../net/s.prototxt", (), ""),
            id="batch",
        ),
        pytest.param(
            "Makefile",
            "DIR := models\ntrain:\n\tcaffe train --solver=$(DIR)/s.prototxt --weights w.h5",
            (3, "models/s.prototxt", ("w.h5",), ""),
            id="makefile",
        ),
        pytest.param(
            "README.md",
            "Run\n```\n$ caffe train --solver s.prototxt --weights w.h5\n```\n",
            (3, "s.prototxt", ("w.h5",), ""),
            id="readme",
        ),
        pytest.param(
            "go.py",
            "w = 'w.caffemodel'\nsolver = caffe.SGDSolver('s.prototxt')\nsolver.net.copy_from(w)",
            (2, "s.prototxt", ("w.caffemodel",), ""),
            id="pycaffe",
        ),
        pytest.param(
            "go.py",
            "s = caffe.get_solver('s.prototxt')\ns.restore('x.solverstate')",
            (1, "s.prototxt", (), "x.solverstate"),
            id="pycaffe-restore",
        ),
        pytest.param(
            "go.py",
            "os.system('caffe train --solver=s.prototxt --weights=w.caffemodel')",
            (1, "s.prototxt", ("w.caffemodel",), ""),
            id="command-in-python",
        ),
    ],
)
def test_other_scripts(script: str, text: str, want: Found) -> None:
    assert found(text, script) == [want]


def test_python_that_loads_what_it_computes_says_nothing() -> None:
    text = "s = caffe.get_solver('s.prototxt')\ns.net.copy_from(args.weights)"
    assert found(text, "go.py") == []


def test_a_variable_that_doubles_itself_stays_short() -> None:
    text = "A=aaaa\n" + "A=$A$A\n" * 200 + "caffe train --solver $A"
    assert len(found(text)[0][1]) <= 1000


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        pytest.param("cd a\ncd b", "a/b", id="step-by-step"),
        pytest.param("cd a/..", ".", id="there-and-back"),
        pytest.param("cd a; cd /data; true", "", id="out-of-the-tree"),
        pytest.param("cd /data\ncd b", "b", id="and-on"),
        pytest.param("cd $HOME", "", id="somewhere"),
        pytest.param("cd", "", id="home"),
    ],
)
def test_where_a_script_has_gone_to(text: str, directory: str) -> None:
    (one,) = read_launches(f"{text}\ncaffe train --solver s.prototxt", "a.sh")
    assert one.directory == directory


@pytest.mark.parametrize(
    ("text", "script", "certain"),
    [
        pytest.param("caffe train --solver s.prototxt", "a.sh", True, id="as-it-stands"),
        pytest.param("caffe train --solver s.prototxt $@", "a.sh", False, id="and-what-is-given"),
        pytest.param('caffe train "$@" --solver s.prototxt', "a.sh", False, id="given-before"),
        pytest.param("caffe train --solver s.prototxt ${EXTRA}", "a.sh", False, id="a-variable"),
        pytest.param("caffe train --solver $1/s.prototxt", "a.sh", False, id="unknown-solver"),
        pytest.param("caffe train --solver s.prototxt", "a.md", False, id="prose"),
    ],
)
def test_what_is_run_as_it_stands(text: str, script: str, certain: bool) -> None:
    assert [one.certain for one in read_launches(text, script)] == [certain]


def test_python_gives_each_solver_its_own_weights() -> None:
    text = """\
a = caffe.get_solver('a.prototxt')
a.restore('a.solverstate')
b = caffe.get_solver('b.prototxt')
# b.net.copy_from('old.caffemodel')
b.net.copy_from('b.caffemodel')
b.restore('b.solverstate')
"""
    first, second = read_launches(text, "go.py")
    assert (first.solver, first.weights, first.snapshot) == ("a.prototxt", (), "a.solverstate")
    assert (second.weights, second.snapshot) == (("b.caffemodel",), "b.solverstate")
    # Its own code decides, where caffe train refuses both at once.
    assert not second.rivals
    (shell,) = read_launches("caffe train --solver s --weights w --snapshot x", "a.sh")
    assert shell.rivals


def test_python_that_restores_a_snapshot_is_known_whatever_else_it_loads() -> None:
    text = "s = caffe.get_solver('s.prototxt')\ns.restore('x.solverstate')\n"
    assert found(text + "s.net.copy_from(args.weights)", "go.py") == [
        (1, "s.prototxt", (), "x.solverstate")
    ]


def test_a_variable_that_one_branch_sets_is_known() -> None:
    text = "if [ -e x ]; then\n D=voc\n D=voc\nfi\ncaffe train --solver $D/s.prototxt"
    assert found(text) == [(5, "voc/s.prototxt", (), "")]


def test_branches_leave_a_variable_unknown() -> None:
    text = (
        "case $1 in\n voc) D=voc ;;\n coco) D=coco ;;\nesac\n"
        "caffe train --solver models/$D/s.prototxt"
    )
    assert found(text) == [(5, "models/${D}/s.prototxt", (), "")]


# Which solver a script means


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


def test_a_step_into_a_directory_counts(tmp_path: Path) -> None:
    text = "cd models/vgg\ncaffe train --solver solver.prototxt\n"
    tree(tmp_path, {SOLVER: "", "run.sh": text})
    assert [one.line for one in LaunchFinder().find(tmp_path / SOLVER)] == [2]


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


# The context that follows


def launch(place: str = "a.sh", weights: str = "", snapshot: str = "", **more: bool) -> Launch:
    names = tuple(weights.split()) if weights else ()
    return Launch(place, 1, "", "", "s.prototxt", names, snapshot, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("launches", "want"),
    [
        pytest.param([], None, id="none"),
        pytest.param(
            [launch(weights="w.h5")],
            Context("finetune", True, "a.sh:1 starts it with --weights w.h5"),
            id="weights",
        ),
        pytest.param(
            [launch()], Context("scratch", True, "a.sh:1 starts it without weights"), id="nothing"
        ),
        pytest.param(
            [launch(prose=True)],
            Context("scratch", False, "a.sh:1 starts it without weights"),
            id="in-a-readme",
        ),
        pytest.param(
            [launch(open_ended=True)],
            Context("scratch", False, "a.sh:1 starts it without weights"),
            id="takes-more-arguments",
        ),
        pytest.param(
            [launch(snapshot="x.solverstate")],
            Context("resume", True, "a.sh:1 starts it with --snapshot x.solverstate"),
            id="resumed-only",
        ),
        pytest.param(
            [launch(snapshot="x.solverstate"), launch("b.sh")],
            Context("scratch", True, "b.sh:1 starts it without weights"),
            id="begun-from-scratch-then-resumed",
        ),
        pytest.param(
            [launch(weights="w.h5"), launch("b.sh", "v.h5"), launch("c.sh")],
            Context(
                "finetune",
                False,
                "a.sh:1 starts it with --weights w.h5 (and 2 more start it otherwise)",
            ),
            id="several-ways",
        ),
    ],
)
def test_context(launches: list[Launch], want: Context | None) -> None:
    assert launched(launches) == want
