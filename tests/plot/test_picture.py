"""Which lines a picture has, and how they are named, by the log."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from caffelint.plot.picture import Picture, elided, picture

from ..log.caffe_log import glog, run
from ..log.made import examined, falling, lines
from .drawn import of_test, output, picture_of, rate, rows


def _names(picture: Picture) -> dict[str, list[str]]:
    return {panel.title: [one.name for one in panel.series] for panel in picture.panels}


def test_one_head_is_drawn_once() -> None:
    picture = picture_of(train=run())
    assert picture.title == "logs/train.log"
    assert _names(picture) == {"loss": ["train loss", "test loss"], "accuracy": ["test accuracy"]}
    assert picture.notes == ("learning rate 0.01 throughout",)
    assert picture.span == (0, 300)
    hues = [[one.hue for one in panel.series] for panel in picture.panels]
    assert hues == [[0, 1], [1]]


def test_several_heads_have_the_colours_of_their_names() -> None:
    log = [
        *rows(["3.0"]),
        output("aux", "2.0", weight=0.3),
        output("main", "2.4", index=1, weight=1),
        rate(0, "0.01"),
        *rows(["2.9"], first=10),
        rate(10, "0.001"),
        glog("Iteration 10, Testing net (#0)"),
        of_test("main", "2.2", weight=1),
        glog("Iteration 10, Testing net (#1)"),
        of_test("main", "2.1", weight=1),
        of_test("top", "0.3", index=1),
        of_test("score", "3", index=2),
        of_test("score", "4", index=3),
    ]
    picture = picture_of(train=log)
    assert _names(picture) == {
        "loss": ["train total loss", "train main", "test main", "test #1 main", "train aux (×0.3)"],
        "top": ["test #1 top"],
        "outputs": ["test #1 score #2", "test #1 score #3"],
        "learning rate": ["learning rate"],
    }
    assert [one.hue for one in picture.panels[0].series] == [0, 1, 1, 1, 2]


def test_too_many_heads_are_counted() -> None:
    heads = [output(f"head{at}", "1", index=at, weight=1 + at) for at in range(20)]
    (panel,) = picture_of(train=[*rows(["3.0"]), *heads]).panels
    assert (len(panel.series), panel.left_out) == (8, 13)
    assert [one.name for one in panel.series][:2] == ["train total loss", "train head19 (×20)"]


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (["2.3", "0.5"], False),
        (["2.3", "0.024"], False),
        (["2.3", "0.02"], True),
        (["2.3", "1", "0.02", "0"], True),
        (["2.3", "0.02", "0", "0", "0"], False),
        (["2.3", "0.02", "-0.1"], False),
        (["2.3", "1e+20", "inf", "nan"], True),
        (["nan", "nan"], False),
        (["0", "0"], False),
    ],
)
def test_the_axis_is_logarithmic_where_it_helps(values: Sequence[str], logarithmic: bool) -> None:
    (panel,) = picture_of(train=rows(values)).panels
    assert panel.logarithmic == logarithmic


@pytest.mark.parametrize(
    ("rates", "logarithmic"), [(("0.01", "0.005"), False), (("0.01", "0.001"), True)]
)
def test_the_axis_of_rates(rates: tuple[str, str], logarithmic: bool) -> None:
    log = [*rows(["2", "1"]), *(rate(10 * at, value) for at, value in enumerate(rates))]
    panel = picture_of(train=log).panels[-1]
    assert (panel.kind, panel.logarithmic) == ("learning rate", logarithmic)


def test_logs_are_laid_over_each_other() -> None:
    picture = picture_of(a=run(), b=run(last=200))
    assert picture.title == "logs/a.log, logs/b.log"
    assert _names(picture) == {
        "loss": ["a.log: train", "a.log: test", "b.log: train", "b.log: test"],
        "accuracy": ["a.log", "b.log"],
    }
    assert [(one.course, one.hue) for one in picture.panels[1].series] == [(0, 0), (1, 1)]


def test_other_rates_of_other_logs_are_drawn() -> None:
    slow = [line.replace("lr = 0.01", "lr = 0.001") for line in run()]
    picture = picture_of(a=run(), b=slow)
    assert _names(picture)["learning rate"] == ["a.log", "b.log"]
    assert picture.notes == ()


def test_shared_outputs_of_logs_come_first() -> None:
    own = [*rows(["2"]), *(output(f"own{at}", "1", index=at) for at in range(9))]
    other = [*rows(["2"]), output("shared", "1")]
    picture = picture_of(a=[*own, output("shared", "1", index=9)], b=other)
    assert list(_names(picture)) == ["loss", "shared", "own0", "own1", "own2", "own3"]
    assert picture.notes == ("5 more outputs are not drawn",)


@pytest.mark.parametrize(
    ("first", "names"),
    [
        pytest.param(20, ["train loss"], id="goes on"),
        pytest.param(10, ["train loss"], id="goes back to a snapshot"),
        pytest.param(0, ["run 1", "run 2"], id="starts anew"),
        pytest.param(500, ["run 1", "run 2"], id="is of another training"),
    ],
)
def test_runs_of_one_log(first: int, names: list[str]) -> None:
    start = glog("Use CPU.", place="caffe.cpp:197")
    log = [start, *rows(["3", "2"]), start, *rows(["1.5", "1"], first=first)]
    picture = picture_of(train=log)
    assert _names(picture)["loss"] == names
    assert [mark.words for mark in picture.marks] == (["resumed"] if len(names) == 1 else [])


def test_a_run_begins_where_its_solver_state_says() -> None:
    """The first display of a resumed run may come up to a display later (solver.cpp, Restore)."""
    start = [glog("Use CPU.", place="caffe.cpp:197"), glog("Resuming from s_iter_12.solverstate")]
    picture = picture_of(train=[*rows(["3", "2"]), *start, *rows(["1.5", "1"], first=20)])
    assert [(mark.iteration, mark.words) for mark in picture.marks] == [(12, "resumed")]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["train.log"], ["train loss"]),
        (["a.log", "b.log"], ["a.log", "b.log"]),
        (["x/a/train.log", "x/b/train.log"], ["a/train.log", "b/train.log"]),
        (["a/train.log", "b/train.log"], ["a/train.log", "b/train.log"]),
        (["x/train.log", "train.log"], ["x/train.log", "train.log"]),
    ],
)
def test_logs_have_the_shortest_names_that_tell_them_apart(
    names: list[str], shown: list[str]
) -> None:
    (panel,) = picture([(name, examined(rows(["2", "1"])).runs) for name in names]).panels
    assert [one.name for one in panel.series] == shown


def test_marks_tell_what_happened() -> None:
    log = [
        *rows(["2", "1", "nan", "nan"]),
        glog("MultiStep Status: Iteration 40, step = 1", place="sgd_solver.cpp:33"),
        *rows(["nan"], first=40),
        glog("Check failed: error == cudaSuccess (2 vs. 0)  out of memory", level="F"),
    ]
    marks = {mark.iteration: mark.words for mark in picture_of(train=log).marks}
    assert "the loss is nan" in marks[20]
    assert "ended: Check failed: error == cudaSuccess (2 vs. 0) out of memory" in marks[40]
    assert marks[40].endswith("; learning rate stepped")


def test_marks_of_several_logs_say_of_which() -> None:
    bad = rows(["2", "1", "nan", "nan"])
    good = lines(falling(2.3, 0.1, 30))
    (mark,) = picture_of(a=good, b=bad).marks
    assert (mark.iteration, mark.hue, mark.words[:7]) == (20, 1, "b.log: ")


def test_nothing_to_draw() -> None:
    assert picture_of(train=[glog("Starting Optimization")]).panels == ()
    assert picture_of(train=[]).span == (0, 0)


@pytest.mark.parametrize(
    ("text", "longest", "want"),
    [("short", 5, "short"), ("a/long/path.log", 9, "a/lo….log"), ("abcdef", 4, "a…ef")],
)
def test_long_names_keep_both_ends(text: str, longest: int, want: str) -> None:
    assert elided(text, longest) == want
