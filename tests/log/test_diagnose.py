"""What is said of runs whose course is known, why, and that sound runs are left in peace."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from caffelint.cli import cli
from caffelint.config import Config
from caffelint.engine.diagnosis import Diagnosis
from caffelint.log.reader import read
from caffelint.resources import load_rules
from caffelint.training import Examination, Examiner, anchored

from .caffe_log import glog, text
from .made import (
    LN10,
    NET,
    SOLVER,
    XAVIER,
    examined,
    falling,
    lines,
    log_of,
    noisy,
    said,
)

NET10 = NET.format(filler=XAVIER, classes=10, loss="SoftmaxWithLoss")
UNFILLED = NET.format(filler="", classes=10, loss="SoftmaxWithLoss")
SOLVER10 = SOLVER.format(rate=0.01)
SOUND = noisy(falling(2.35, 0.05, 20), 0.1)
TESTED = {i * 100: (2.3 * 0.3**i + 0.06, 1 - 0.9 * 0.3**i) for i in range(5)}


def told(rows: list[str]) -> list[tuple[str, str, int | None]]:
    """Name, first cause and first iteration of each diagnosis."""
    return [
        (one.diagnostic.name, one.causes[0].name if one.causes else "", one.since)
        for run in examined(rows).runs
        for one in run.diagnoses
    ]


def the_one(examination: Examination, name: str) -> Diagnosis:
    """The diagnosis of a name."""
    (found,) = [
        one for run in examination.runs for one in run.diagnoses if one.diagnostic.name == name
    ]
    return found


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(lines(SOUND, TESTED, net=NET10, solver=SOLVER10), id="a plain training"),
        pytest.param(lines(SOUND, TESTED), id="without an echo"),
        pytest.param(
            lines(
                [2.30259, 2.30259, 2.30258, 2.30255, 2.3025, 2.3021, 2.3012, 2.2995, 2.297],
                {0: (2.30259, 0.12)},
                net=NET10,
                solver=SOLVER10,
                step=1,
                done=False,
            ),
            id="a last layer that starts with tiny weights",
        ),
        pytest.param(lines(SOUND[:3], net=NET10, solver=SOLVER10, done=False), id="just begun"),
        pytest.param(
            lines(SOUND, {**TESTED, 0: (77.9, 0.1)}, net=NET10, solver=SOLVER10),
            id="a first test on empty batch norm statistics",
        ),
        pytest.param(
            lines(noisy(falling(2.35, 0.02, 20), 0.6), TESTED, net=NET10, solver=SOLVER10),
            id="small batches, which are noisy",
        ),
        pytest.param(
            lines(
                [*falling(2.35, 0.9, 12), *falling(0.6, 0.3, 12)], TESTED, rates=[0.1] * 12 + [0.01]
            ),
            id="a rate that drops by a step",
        ),
        pytest.param(
            lines(
                [*[2.36, 2.33, 2.31], *falling(2.3, 0.1, 20)], TESTED, rates=[0.001, 0.003, 0.01]
            ),
            id="a warm-up",
        ),
        pytest.param(
            lines(
                falling(3.0, 0.2, 20),
                TESTED,
                heads={"loss": (1.0, falling(2.3, 0.1, 20)), "aux": (0.3, falling(2.3, 0.2, 20))},
            ),
            id="an auxiliary loss that only training has",
        ),
        pytest.param(
            lines(
                noisy([0.05] * 20, 0.2),
                {i * 100: (0.08 + i / 1e4, 0.98 + i / 1e4) for i in range(5)},
                net=NET10,
                solver=SOLVER10,
            ),
            id="fine-tuned from weights that fit already",
        ),
        pytest.param(
            lines(
                falling(9.8, 0.1, 20),
                {0: (9.7, 0.1), 200: (0.6, 0.9), 400: (0.2, 0.97)},
                net=NET.format(filler=XAVIER, classes=10, loss="HingeLoss"),
                solver=SOLVER10,
            ),
            id="a hinge loss, which begins at 10",
        ),
        pytest.param(
            lines(
                noisy(falling(2.3, 0.3, 60), 0.02),
                {i * 100: (2.2 * 0.6**i + 0.4, 0.9) for i in range(12)},
            ),
            id="a small gap between training and test",
        ),
    ],
)
def test_sound_runs_are_left_in_peace(rows: list[str]) -> None:
    assert said(rows) == []


@pytest.mark.parametrize("share", [0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
def test_a_sound_run_is_sound_at_any_moment(share: float) -> None:
    rows = lines(SOUND, TESTED, net=NET10, solver=SOLVER10)
    assert said(rows[: int(len(rows) * share)]) == []


OVERFIT = {
    i * 40: (v, 0.6) for i, v in enumerate([2.3, 1.6, 1.3, 1.21, 1.25, 1.3, 1.36, 1.42, 1.5])
}
GUESSED = {i * 40: (2.31 + 0.06 * i, 0.1 + 0.01 * (i % 3)) for i in range(9)}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            lines([2.3, 7.1, 61.0, *[87.3365] * 4], net=NET10, solver=SOLVER.format(rate=2.0)),
            ("loss-saturated", "base-lr-too-high", 60),
            id="87.3365 after some iterations: the rate",
        ),
        pytest.param(
            lines([87.3365] * 5, net=NET10, solver=SOLVER10),
            ("loss-saturated", "fillers-and-inputs", 0),
            id="87.3365 from the start: not the rate",
        ),
        pytest.param(
            lines([2.3, 1.8, 9.0, "nan", "nan"], net=NET10, solver=SOLVER.format(rate=2.0)),
            ("loss-nan", "base-lr-too-high", 60),
            id="nan with a high rate",
        ),
        pytest.param(
            lines(
                [2.93, 1.8, 3.1, 3.9, "nan"],
                net=NET.format(filler=XAVIER, classes=5, loss="SoftmaxWithLoss"),
                solver=SOLVER10,
            ),
            ("loss-nan", "labels", 80),
            id="nan after a first loss well above ln 5: labels that do not fit",
        ),
        pytest.param(
            lines(
                [LN10, *noisy([LN10] * 19, 0.0004)],
                {0: (LN10, 0), 200: (LN10, 0.1), 400: (LN10, 0.1)},
                net=UNFILLED,
                solver=SOLVER10,
            ),
            ("loss-at-chance", "missing-weight-filler", 0),
            id="ln 10 and no fillers",
        ),
        pytest.param(
            lines(
                noisy([LN10] * 20, 0.005),
                {100 * i: (2.305 - 0.001 * i, 0.1 + 0.01 * (i % 2)) for i in range(5)},
                net=NET10,
                solver=SOLVER10,
            ),
            ("loss-at-chance", "data", 0),
            id="ln 10 though all is well in the files: the data",
        ),
        pytest.param(
            lines(
                noisy([LN10] * 20, 0.005),
                {100 * i: (2.305 - 0.001 * i, 0.1 + 0.01 * (i % 2)) for i in range(5)},
                net=NET10,
                solver=SOLVER.format(rate=1e-7),
            ),
            ("loss-at-chance", "base-lr-too-low", 0),
            id="ln 10 and a rate that moves nothing",
        ),
        pytest.param(
            lines(
                [2.3, 2.2, 2.05, 2.13, *noisy([LN10] * 20, 0.001)],
                rates=[0.03],
                net=NET10,
                solver=SOLVER10,
            ),
            ("loss-collapsed", "rate", 80),
            id="learned, then back at chance",
        ),
        pytest.param(
            lines(
                [2.9, *[3e-8] * 9],
                {0: (3.0, 0.1), 100: (0.0, 1.0), 200: (0.0, 1.0)},
                net=NET10,
                solver=SOLVER10,
            ),
            ("loss-zero", "labels-alike", 20),
            id="0: all labels alike",
        ),
        pytest.param(
            lines(falling(2.3, 0.001, 20), OVERFIT),
            ("overfitting", "few-images", 120),
            id="overfitting, with the best iteration",
        ),
        pytest.param(
            lines(
                noisy([2.32 - 0.002 * i for i in range(30)], 0.006),
                {i * 60: (2.33 - 0.05 * i - 0.002 * i * i, 0.1 + 0.04 * i) for i in range(11)},
            ),
            ("training-data-faulty", "training-data", 0),
            id="training flat, test falls",
        ),
        pytest.param(
            lines([2.4 - 0.07 * i for i in range(16)], GUESSED, net=NET10, solver=SOLVER10),
            ("test-at-chance", "labels-shuffled", 0),
            id="training falls, test guesses",
        ),
        pytest.param(
            lines(
                [1.5 + 0.08 * i for i in range(16)],
                {i * 40: (1.6 + 0.2 * i, 0.4) for i in range(9)},
                rates=[0.06 * 1.15**i for i in range(16)],
                solver=SOLVER10 + "\n",
                net=NET10,
            ),
            ("both-rise", "rate", 20),
            id="both rise",
        ),
        pytest.param(
            lines(
                [2.32, 2.2, 2.13, *noisy([2.11] * 17, 0.008)],
                rates=[0.01 * 0.1**i for i in range(20)],
            ),
            ("rate-decayed-away", "schedule", 80),
            id="the rate is gone",
        ),
        pytest.param(
            lines(noisy([2.35] * 20, 0.02), {100 * i: (2.4425, 0.108) for i in range(5)}),
            ("nothing-changes", "frozen", 0),
            id="every test the same",
        ),
        pytest.param(
            lines([8.4, 3.9, 2.1, 1.7e13, 1.7e13, 1.69e13]),
            ("loss-exploded", "rate", 60),
            id="explosion",
        ),
        pytest.param(
            lines(
                [
                    1.5 * [0.4, 0.3, 0.5, 0.9, 1.5, 1.8, 1.6, 1.0][i % 8] * 0.99**i
                    for i in range(64)
                ],
                step=4,
            ),
            ("sorted-data", "sorted", 0),
            id="sorted data",
        ),
        pytest.param(
            lines(
                [],
                before=[
                    glog(
                        "Check failed: fd != -1 (-1 vs. -1) File not found: a.prototxt",
                        place="io.cpp:36",
                        level="F",
                    )
                ],
                done=False,
            ),
            ("aborted", "path", 0),
            id="a message that no finding explains",
        ),
        pytest.param(
            lines(
                [2.3],
                done=False,
                after=[
                    glog(
                        "Unknown bottom blob 'pool_2' (layer 'ip1', bottom index 0)",
                        place="insert_splits.cpp:29",
                        level="F",
                    )
                ],
            ),
            ("aborted", "unknown-bottom", 0),
            id="a message that a rule quotes",
        ),
        pytest.param(
            lines(
                [2.3],
                done=False,
                after=[
                    glog(
                        "Check failed: error == cudaSuccess (2 vs. 0)  out of memory",
                        place="syncedmem.cpp:56",
                        level="F",
                    )
                ],
            ),
            ("out-of-memory", "batch", 0),
            id="out of memory",
        ),
    ],
)
def test_what_is_said(rows: list[str], expected: tuple[str, str, int]) -> None:
    assert expected in told(rows)


def test_too_little_is_no_reason_to_speak() -> None:
    for values in ([2.31], [2.31, 2.3], [2.31, 2.29, 2.32, 2.3]):
        assert said(lines(values, net=NET10, solver=SOLVER10, done=False)) == []


def test_stuck_exactly_at_chance_is_told_within_three_rows() -> None:
    rows = lines([LN10] * 3, net=UNFILLED, solver=SOLVER10, done=False)
    assert said(rows) == ["loss-at-chance"]


def test_unfilled_layers_are_the_cause_where_weights_were_loaded_too() -> None:
    before = [glog("Finetuning from a.caffemodel", place="caffe.cpp:155")]
    partly = UNFILLED.replace("num_output: 50 ", f"num_output: 50 {XAVIER}", 1)
    net = partly.replace('bottom: "hidden" top: "ip"', 'bottom: "fc" top: "ip"').replace(
        'layer { name: "ip"',
        'layer { name: "fc" type: "InnerProduct" bottom: "hidden" top: "fc"'
        " inner_product_param { num_output: 20 } }\n"
        'layer { name: "ip"',
    )
    rows = lines([LN10] * 12, before=before, net=net, solver=SOLVER10)
    assert ("loss-at-chance", "missing-weight-filler", 0) in told(rows)


def test_causes_are_told_once_and_infos_last() -> None:
    rows = lines([2.3, 1.8, 9.0, "nan", "nan"], net=NET10, solver=SOLVER.format(rate=2.0))
    one = the_one(examined(rows), "loss-nan")
    names = [cause.name for cause in one.causes]
    assert len(set(names)) == len(names)
    infos = [cause.finding is not None and cause.finding.severity == 1 for cause in one.causes]
    assert infos == sorted(infos)


def test_a_line_of_the_log_is_pointed_at_and_rows_after_it() -> None:
    rows = lines([2.3, 7.1, 61.0, *[87.3365] * 9], net=NET10, solver=SOLVER10)
    one = the_one(examined(rows), "loss-saturated")
    source = one.diagnostic.place.source
    where = source.locate(one.diagnostic.place.span.start).line
    assert "Iteration 60 " in rows[where - 1]
    others = {source.locate(each.place.span.start).line for each in one.diagnostic.related}
    assert all("Iteration" in rows[line - 1] for line in others)
    assert len(others) >= 4


@pytest.fixture
def unfilled(tmp_path: Path) -> Path:
    """A log with its solver and net beside it."""
    (tmp_path / "net.prototxt").write_text(UNFILLED)
    solver = SOLVER10 + '\nnet: "net.prototxt"'
    (tmp_path / "solver.prototxt").write_text(solver)
    log = tmp_path / "train.log"
    log.write_bytes(text(lines([LN10] * 12, net=UNFILLED, solver=solver)))
    return log


def test_files_beside_the_log_are_pointed_at(unfilled: Path) -> None:
    with unfilled.open("rb") as stream:
        log = read(stream, unfilled.as_posix())
    examination = Examiner(load_rules(), Config()).examine(log, unfilled)
    one = the_one(examination, "loss-at-chance")
    finding = one.causes[0].finding
    assert finding is not None
    assert finding.place.source.name.endswith("net.prototxt")
    moved = next(each for each in anchored(examination).diagnostics if each.rule == "CL903")
    assert moved.place == finding.place
    assert moved.related[0].place.source.name == unfilled.as_posix()


def test_another_solver_beside_the_log_is_not_its_own(unfilled: Path) -> None:
    solver = unfilled.with_name("solver.prototxt")
    solver.write_text(solver.read_text().replace("base_lr: 0.01", "base_lr: 0.02"))
    with unfilled.open("rb") as stream:
        log = read(stream, unfilled.as_posix())
    examination = Examiner(load_rules(), Config()).examine(log, unfilled)
    names = {one.place.source.name for one in examination.runs[0].findings}
    assert names == {unfilled.as_posix()}


def test_json_has_diagnoses_with_causes(unfilled: Path) -> None:
    result = CliRunner().invoke(cli, ["log", "--format", "json", str(unfilled)])
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["version"] == 1
    one = document["runs"][0]["diagnoses"][0]
    assert (one["name"], one["confidence"], one["since_iteration"]) == (
        "loss-at-chance",
        "certain",
        0,
    )
    assert one["evidence"][0].startswith("all printed digits are those of equal scores")
    cause = one["causes"][0]
    assert (cause["name"], cause["rule"], cause["more"]) == ("missing-weight-filler", "CL201", 1)
    assert cause["file"].endswith("net.prototxt")
    assert {one["rule"] for one in document["diagnostics"]} >= {"CL201", "CL903"}


def test_sarif_points_at_the_prototxt(unfilled: Path) -> None:
    result = CliRunner().invoke(cli, ["log", "--format", "sarif", str(unfilled)])
    (run,) = json.loads(result.stdout)["runs"]
    (found,) = [one for one in run["results"] if one["ruleId"] == "CL903"]
    place = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place.endswith("net.prototxt")
    related = found["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert related.endswith("train.log")


def test_text_tells_what_happened_first(unfilled: Path) -> None:
    result = CliRunner().invoke(cli, ["log", str(unfilled)])
    out = result.stdout
    assert "error: the loss stays at 2.30259 = ln 10 from iteration 0 on" in out
    assert "net.prototxt:5:" in out
    assert '-> write weight_filler { type: "msra" }' in out
    assert out.index("[CL903 loss-at-chance]") < out.index("[CL201")


def test_nothing_in_a_log_is_obeyed_by_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    fatal = glog("Unknown layer type: \x1b[31mEvil\u202e", place="layer_factory.hpp:81", level="F")
    log.write_bytes(text([*lines([], done=False), fatal]))
    out = CliRunner().invoke(cli, ["log", str(log)]).stdout
    assert "Evil" in out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_exit_status_follows_fail_on(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(text(lines(SOUND, TESTED)))
    assert CliRunner().invoke(cli, ["log", str(log)]).exit_code == 0
    log.write_bytes(text(lines([LN10] * 12)))
    assert CliRunner().invoke(cli, ["log", str(log)]).exit_code == 1


def test_a_rule_on_runs_can_be_switched_off() -> None:
    log = log_of(lines([LN10] * 12))
    examination = Examiner(load_rules(), Config(ignore=["loss-at-chance"])).examine(log)
    assert [one.diagnostic.rule for one in examination.runs[0].diagnoses] == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff" * 500, id="no text"),
        pytest.param(
            b"I1124 12:00:00.000000 1 solver.cpp:1] Iteration 0, loss = 1e400\n" * 9, id="infinite"
        ),
        pytest.param(b"Iteration 9223372036854775807, loss = 1\n" * 9, id="large iterations"),
        pytest.param(
            b"".join(
                b"I1124 12:00:00.000000 1 s.cpp:1] Iteration %d, loss = %d\n" % (i % 3, -i)
                for i in range(60)
            ),
            id="iterations that go back",
        ),
        pytest.param("\n".join(lines([math.pi] * 9)).encode()[:-20], id="cut"),
    ],
)
def test_any_log_is_examined(data: bytes) -> None:
    Examiner(load_rules(), Config()).examine(read(io.BytesIO(data), "any.log"))
