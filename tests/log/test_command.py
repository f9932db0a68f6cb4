"""``caffelint log`` from the command line, with logs that are written here."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from caffelint.cli import cli

from .caffe_log import glog, loss, run, text
from .made import lines
from .test_drift import NET, SOLVER


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_bytes(text(run()))
    return path


def _call(*arguments: object, stdin: bytes | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["log", *map(str, arguments)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_the_summary_tells_what_ran(log: Path) -> None:
    _, said = _call(log)
    for words in (
        f"{log.as_posix()}: one run, lines 1 to {len(run())}",
        'training of net "Tiny", begun 1124 12:00:00, 31.0 s long',
        "iterations   0 to 300 of 300, done",
        "accuracy 0.5 -> 0.8",
        "loss 2 -> 1",
        "rate         0.01\n",
        "speed        4.5 iterations a second\n",
    ):
        assert words in said


def test_what_is_left_of_a_run_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(text(run()[:-5]))
    _, said = _call(path)
    assert "0 to 200 of 300, not ended in this log" in said
    assert "4.5 iterations a second, 22.2 s to go" in said


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param(
            [glog("Finetuning from a.caffemodel"),
             *(glog(f"Ignoring source layer {name}") for name in ("a", "b", "a", "c", "d", "e")),
             loss(0, "1"), glog("Ignoring source layer f")],
            ["weights      a.caffemodel (line 1); not in the net: a, b, c, d and 1 more"],
            id="layers-that-the-net-lacks",
        ),
        pytest.param(
            [glog("Finetuning from a.caffemodel"), loss(0, "1")],
            ["weights      a.caffemodel (line 1)\n"], id="weights-that-fit",
        ),
        pytest.param(
            [glog("Resuming from a_iter_70.solverstate"), loss(80, "1")],
            ["resumed      from a_iter_70.solverstate at 70 (line 1)"], id="resumed",
        ),
        pytest.param(
            [glog("Resuming from a.solverstate"), loss(80, "1")],
            ["resumed      from a.solverstate (line 1)"], id="resumed-somewhere",
        ),
        pytest.param(
            [loss(0, "1"), glog("Optimization stopped early.")],
            ["iterations   0, stopped early"], id="stopped",
        ),
        pytest.param(
            [glog("Finetuning from a.caffemodel")], ["iterations   none"], id="no-iterations"
        ),
        pytest.param(
            [loss(0, "1"), glog("Gradient clipping: scaling down gradients (L2 norm 7 > 2.5) by")],
            ["clipped      1 gradients longer than 2.5"], id="clipped",
        ),
        pytest.param(
            [loss(0, "3"), loss(10, "1"), loss(20, "2"), loss(30, "nan")],
            ["loss         3 -> nan, lowest 1 at 10"], id="nan-at-the-end",
        ),
        pytest.param(
            [loss(0, "3"), loss(10, "nan"), loss(20, "nan")],
            ["loss         3 -> nan, nan since 10 (line 2)"], id="nan-since",
        ),
        pytest.param(
            [loss(0, "1"), glog("Iteration 0, Testing net (#0)"), glog("Test loss: 1.5"),
             *(glog(f"    Test net output #{k}: out{k} = 0.5") for k in range(10)),
             glog("Iteration 0, Testing net (#1)"), glog("    Test net output #0: a = 0.5")],
            ["test #0      1 times", "test       loss 1.5", "… and 2 more values", "test #1"],
            id="two-test-nets",
        ),
        pytest.param(
            [glog("Batch 0, accuracy = 0.5"), glog("Batch 1, accuracy = 0.75")],
            ["test, begun", "accuracy 0.5 -> 0.75"], id="caffe-test",
        ),
        pytest.param(
            [glog("Iteration 0, loss = 1"), glog("Iteration 100, loss = 1", second=300)],
            ["5 min long", "speed        0.333 iterations a second"], id="minutes",
        ),
        pytest.param(
            [glog("Iteration 0, loss = 1"), glog("Iteration 100, loss = 1", second=2 * 3600 + 70)],
            ["2 h 01 min long"], id="hours",
        ),
        pytest.param(
            [glog("Iteration 0, loss = 1"), glog("Iteration 9, loss = 1", date="1127")],
            ["3.0 days long"], id="days",
        ),
        pytest.param(["nothing here"], ["no training run is told of"], id="no-log"),
        pytest.param(
            [loss(0, "1"), glog("Test loss: small")],
            ["1 values could not be read, 0 are of more outputs than are kept"], id="unread",
        ),
    ],
)  # fmt: skip
def test_words_of_the_summary(rows: list[str], words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(text(rows))
    _, said = _call(path)
    for one in words:
        assert one in said


def test_csv_has_every_value(log: Path) -> None:
    status, said = _call(log, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert status == 0
    assert len(rows) == 3 * 4 + 4 * 2
    assert rows[0] == {
        "log": log.as_posix(), "run": "0", "phase": "test", "net": "0", "series": "output",
        "output": "accuracy", "index": "0", "iteration": "0", "seconds": "1.000000",
        "value": "0.5", "weight": "", "line": rows[0]["line"],
    }  # fmt: skip
    assert "Test net output #0: accuracy = 0.5" in run()[int(rows[0]["line"]) - 1]
    assert [row["value"] for row in rows if row["series"] == "lr"] == ["0.01"] * 3


def test_csv_into_a_file_is_all_or_nothing(log: Path, tmp_path: Path) -> None:
    told, said = tmp_path / "values.csv", _call(log, "--format", "csv")[1]
    told.write_text("what was there")
    assert _call(log, tmp_path / "absent.log", "--format", "csv", "--output", told)[0] != 0
    assert told.read_text() == "what was there"
    assert _call(log, "--format", "csv", "--output", told) == (0, "")
    assert told.read_text() == said
    # A slip that must not cost the log before it is read.
    assert _call(log, "--format", "csv", "--output", log) == (0, "")
    assert log.read_text() == said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["train.log", "values.csv"]


def test_json_has_every_series(log: Path) -> None:
    _, said = _call(log, "--format", "json")
    document = json.loads(said)
    assert document["version"] == 1
    (one,) = document["runs"]
    assert (one["done"], one["last_iteration"], one["log"]) == (True, 300, log.as_posix())
    series = {(each["phase"], each["series"], each["output"]): each for each in one["series"]}
    assert series["train", "loss", ""]["iterations"] == [0, 100, 200]
    assert series["test", "output", "accuracy"]["values"] == [0.5, 0.6, 0.7, 0.8]
    assert series["train", "output", "loss"]["weight"] == 1.0
    assert "diagnostics" in document


def test_json_has_no_numbers_that_json_has_not(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(text([loss(0, "nan"), loss(1, "-inf")]))
    _, said = _call(path, "--format", "json")
    (one,) = json.loads(said, parse_constant=pytest.fail)["runs"]
    assert one["series"][0]["values"] == ["nan", "-inf"]


def test_a_pipe_is_read() -> None:
    _, said = _call("-", stdin=text(run()))
    assert "<stdin>: one run" in said
    _, said = _call("-", "--format", "csv", stdin=text(run()))
    assert said.count("\n") == 1 + 20


def test_findings_stand_on_lines_of_the_log(tmp_path: Path) -> None:
    rows = [line.replace("    num_output: 2", "    num_output: 0") for line in run()]
    path = tmp_path / "train.log"
    path.write_bytes(text(rows))
    _, said = _call(path, "--format", "json")
    found = [one for one in json.loads(said)["diagnostics"] if "num_output" in one["message"]]
    assert [(one["file"], rows[one["line"] - 1]) for one in found] == [
        (path.as_posix(), "    num_output: 0")
    ]


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        ("", "", []),
        ("base_lr: 0.01", "base_lr: 0.02", [("solver.prototxt", "the solver")]),
        ("num_output: 2", "num_output: 3", [("net.prototxt", 'layer "ip"')]),
    ],
)
def test_files_that_say_something_else_than_the_log(
    log: Path, old: str, new: str, want: list[tuple[str, str]]
) -> None:
    solver, net = log.with_name("solver.prototxt"), log.with_name("net.prototxt")
    solver.write_text(SOLVER.replace(old, new))
    net.write_text(NET.replace(old, new))
    _, said = _call(log, "--solver", solver, "--format", "json")
    found = [one for one in json.loads(said)["diagnostics"] if one["name"] == "log-differs"]
    assert [(Path(one["file"]).name, one["message"][: len(want[0][1])]) for one in found] == want


def test_following_ends_with_the_run(log: Path) -> None:
    status, said = _call(log, "--follow")
    assert (status, "iteration 200: loss 1.63333" in said) == (0, True)


def test_following_tells_what_is_sure_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(text(lines([6.9, 87.3365, 87.3365], done=False)))
    more = [
        lambda: path.write_bytes(text(lines([6.9, *[87.3365] * 5], done=False))),
        lambda: path.write_bytes(text(["another log"])),  # of the same name, and shorter
        lambda: path.write_bytes(text(lines([5.0, *[87.3365] * 6]))),
    ]
    monkeypatch.setattr(time, "sleep", lambda _seconds: more.pop(0)())
    status, said = _call(path, "--follow")
    assert status == 0
    assert not more
    assert said.count(" loss-saturated]\n  ") == 2  # once for each log, with what to do
    assert said.endswith("iteration 120: loss 87.3365\n")


def test_following_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["log", "--follow", str(tmp_path / "gone.log")])
    assert result.exit_code != 0
    assert "gone.log: No such file or directory" in result.output


def test_a_page_of_a_log(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from caffelint.report import html

    monkeypatch.setattr(html, "PAGE", log.with_name("page.html"))
    html.PAGE.write_text("<!doctype html>\n<!-- data -->\n", "utf-8")
    target = log.with_name("out.html")
    assert _call(log, "--format", "html", "--output", target)[1] == ""
    page = target.read_text("utf-8")
    assert "test accuracy" in page
    assert 'id="layers-0"' in page  # the net that it echoes
    html.PAGE.unlink()
    result = CliRunner().invoke(cli, ["log", "gone.log", "--format", "html"])
    assert "npm run build" in str(result.exception)  # told before any log is read


def test_following_says_what_has_ended_it(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    fatal = glog("Check failed: error == cudaSuccess (2 vs. 0)  out of memory", level="F")
    path.write_bytes(text([*run()[:-5], fatal]))
    status, said = _call(path, "--follow")
    assert status == 0
    assert "iteration 200" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--follow", "-"], "--follow takes one file"),
        (["--follow", "a.log", "b.log"], "--follow takes one file"),
        (["--follow", "a.log", "--format", "json"], "prints text"),
        (["--follow", "a.log", "--format", "csv"], "--follow goes with --format text"),
        (["/dev/null"], "/dev/null: a device, not a log"),
        (["missing.log"], "missing.log: No such file or directory"),
        (["-", "other.log"], "- stands alone"),
    ],
)
def test_mistakes_in_the_call(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["log", *arguments])
    assert result.exit_code != 0
    assert message in result.output
