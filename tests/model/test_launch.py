"""Launch scripts: what their text says."""

from __future__ import annotations

import pytest

from caffelint.model.context import Context, launched
from caffelint.model.launch import Launch, read_launches

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
        pytest.param(
            "run train --solver=s.prototxt 5 --weights w.h5 more",
            (1, "s.prototxt", ("w.h5",), ""),
            id="other-words-are-no-values",
        ),
        pytest.param(
            "caffe train --snapshot= --solver s.prototxt --weights --gpu 0",
            (1, "s.prototxt", (), ""),
            id="options-are-no-values",
        ),
        pytest.param(
            "caffe train --solver s.prototxt --weights ' a.h5 ,, b.h5,'",
            (1, "s.prototxt", ("a.h5", "b.h5"), ""),
            id="blanks-and-nothing-in-a-list",
        ),
        pytest.param(
            "GLOG_logtostderr=1 N=x caffe train --solver $N.prototxt",
            (1, "x.prototxt", (), ""),
            id="assignments-before-a-command",
        ),
        pytest.param(
            "caffe train --solver s.prototxt # --weights old.h5",
            (1, "s.prototxt", (), ""),
            id="comment-behind",
        ),
        pytest.param(
            "caffe train --solver a#b.prototxt --weights w#1.h5",
            (1, "a#b.prototxt", ("w#1.h5",), ""),
            id="no-comment-within-a-word",
        ),
        pytest.param(
            "N=a\nN=b\ncaffe train --solver $N.prototxt",
            (3, "b.prototxt", (), ""),
            id="the-last-assignment",
        ),
        pytest.param(
            "N = a b\nM ?= c\ncaffe train --solver $N/$(M).prototxt",
            (3, "a/c.prototxt", (), ""),
            id="assignments-with-blanks",
        ),
        pytest.param(
            "N=a.txt\ncaffe train --solver ${N%.txt}.prototxt --weights ${N:-b}",
            (2, "${N%.txt}.prototxt", ("a.txt",), ""),
            id="a-default-that-is-not-needed-and-other-operators",
        ),
        pytest.param(
            "caffe train --solver `pwd`/s.prototxt --weights ${A}${B:-w}",
            (1, "`pwd`/s.prototxt", ("${A}w",), ""),
            id="what-a-command-prints",
        ),
        pytest.param(
            "if true; then caffe train --solver s.prototxt; fi",
            (1, "s.prototxt", (), ""),
            id="in-a-branch",
        ),
        pytest.param(
            "N=a\nif x; then if y; then N=b; fi; N=b; fi\ncaffe train --solver $N.pt",
            (3, "${N}.pt", (), ""),
            id="branch-in-a-branch",
        ),
        pytest.param(
            "N=a\nif x; then M=1; fi\nN=b\ncaffe train --solver $N.pt",
            (4, "b.pt", (), ""),
            id="assigned-behind-a-branch",
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
        pytest.param("--solver=s.prototxt --weights=w.h5", id="options-alone"),
        pytest.param("caffe train --solver -gpu 0", id="an-option-for-a-value"),
        pytest.param("REM caffe train --solver s.prototxt", id="batch-comment"),
        pytest.param("  :: caffe train --solver s.prototxt", id="batch-comment-by-colons"),
        pytest.param("A =\nexport\n= b", id="halves-of-assignments"),
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
        pytest.param(
            "GO.PY",
            'call(["caffe", "train", "--solver", "s.prototxt", "--snapshot", "x"])',
            (1, "s.prototxt", (), "x"),
            id="command-as-a-list",
        ),
        pytest.param(
            "go.py",
            "f.write('caffe train --solver=s.prototxt --weights=w.h5\\n')",
            (1, "s.prototxt", ("w.h5",), ""),
            id="command-that-is-written",
        ),
        pytest.param(
            "go.py",
            "p = 's.prototxt'  # mine\nsolver = caffe.AdamSolver( p )\n"
            "solver.net.copy_from('a.h5')\nsolver.net.copy_from('b.h5')",
            (2, "s.prototxt", ("a.h5", "b.h5"), ""),
            id="pycaffe-with-two-files",
        ),
        pytest.param(
            "Run.CMD",
            "caffe train ^\n --solver models\\s.prototxt",
            (1, "models/s.prototxt", (), ""),
            id="cmd",
        ),
    ],
)
def test_other_scripts(script: str, text: str, want: Found) -> None:
    assert found(text, script) == [want]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("s = caffe.get_solver('s.prototxt')\ns.net.copy_from(a.b)", id="computed"),
        pytest.param(
            "s = caffe.get_solver('s.prototxt')\ns.net.params['ip'][0].data[...] = w", id="by-hand"
        ),
        pytest.param("s = caffe.get_solver(name)\ns.net.copy_from('w.h5')", id="unknown-solver"),
        pytest.param("s.restore('x')\ns.net.copy_from('w.h5')", id="no-solver"),
        pytest.param("# caffe.get_solver('s.prototxt')", id="comment"),
        pytest.param(
            "p.add_argument('-x', help='caffe --solver s.prototxt')", id="its-own-options"
        ),
    ],
)
def test_python_that_loads_what_it_computes_says_nothing(text: str) -> None:
    assert found(text, "go.py") == []


@pytest.mark.parametrize(
    ("script", "prose", "caffe"),
    [
        *((name, True, True) for name in ("a.md", "a.TXT", "a.rst", "README", "readme.sh")),
        *((name, False, True) for name in ("a.sh", "a.bash", "a.bat", "a.cmd", "a.mk", "Makefile")),
    ],
)
def test_what_kind_of_text_it_is(script: str, prose: bool, caffe: bool) -> None:
    (one,) = read_launches("caffe train --solver s.prototxt", script)
    assert (one.prose, one.caffe) == (prose, caffe)


@pytest.mark.parametrize(
    ("text", "script", "caffe"),
    [
        pytest.param("caffe train --solver s.pt", "a.sh", True, id="caffe"),
        pytest.param("python train.py --solver s.pt", "a.sh", False, id="a-python-script"),
        pytest.param("os.system('caffe train --solver s.pt')", "a.py", True, id="from-python"),
        pytest.param("caffe.get_solver('s.pt')", "a.py", False, id="pycaffe"),
    ],
)
def test_whether_caffe_decides(text: str, script: str, caffe: bool) -> None:
    assert [one.caffe for one in read_launches(text, script)] == [caffe]


@pytest.mark.parametrize(
    ("snapshot", "iteration"),
    [
        ("models/x_iter_5000.solverstate", 5000),
        ("x_iter_5000.solverstate.h5", 5000),
        ("x_iter_0.solverstate", 0),
        ("x.solverstate", 0),
        ("x_iter_5000.caffemodel", 0),
        ("x_iter_$N.solverstate", 0),
        ("", 0),
    ],
)
def test_the_iteration_of_a_snapshot(snapshot: str, iteration: int) -> None:
    """solver.cpp, SnapshotFilename."""
    assert launch(snapshot=snapshot).resumes_at == iteration


@pytest.mark.parametrize(
    ("more", "rivals"),
    [
        pytest.param("--weights w --snapshot x", True, id="both"),
        pytest.param("--weights w", False, id="weights"),
        pytest.param("--snapshot x", False, id="snapshot"),
        pytest.param("", False, id="neither"),
    ],
)
def test_caffe_refuses_a_snapshot_and_weights_at_once(more: str, rivals: bool) -> None:
    """caffe.cpp, train."""
    (one,) = read_launches(f"caffe train --solver s.prototxt {more}", "a.sh")
    assert one.rivals is rivals


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
        pytest.param("cd a\ncd", "a", id="home-is-not-followed"),
        pytest.param("cd ~/a", "", id="at-home"),
        pytest.param("cd `dirname $0`", "", id="where-a-command-says"),
        pytest.param("D=a\nif true; then cd $D; fi", "a", id="in-a-branch"),
        pytest.param("echo cd b", "", id="printed"),
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
