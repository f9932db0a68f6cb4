"""The facts of a run, of logs whose course is known."""

from __future__ import annotations

import math

import pytest

from .caffe_log import glog
from .made import LN10, NET, SOLVER, XAVIER, facts_of, falling, lines, noisy

NET10 = NET.format(filler=XAVIER, classes=10, loss="SoftmaxWithLoss")
SOLVER10 = SOLVER.format(rate=0.01)


def test_what_it_was_started_with() -> None:
    facts = facts_of(lines([2.3, 1.2, 0.8], net=NET10, solver=SOLVER10))
    assert (facts.max_iter, facts.display, facts.batch, facts.weighing) == (400, 20, 64, 2)
    assert (facts.classes, facts.classes_known, facts.loss_type) == (10, True, "SoftmaxWithLoss")
    assert facts.chance == pytest.approx(LN10, rel=1e-5)
    assert not facts.resumed
    assert facts.done


def test_the_first_test_on_empty_batch_norm_statistics_does_not_count() -> None:
    tests = {0: (77.9, 0.1), 100: (1.0, 0.7), 200: (0.7, 0.8), 300: (0.5, 0.9)}
    facts = facts_of(lines(falling(2.3, 0.4, 15), tests))
    assert facts.test.rows == 3
    assert facts.test.highest.value == 1.0


def test_nan_since_and_what_came_before() -> None:
    facts = facts_of(lines([2.3, 1.9, 9.5, 41.0, "-nan", "nan"]))
    assert (facts.nan_since.iteration, facts.before_nan.value) == (80, 41.0)
    assert facts.grew
    assert not facts.nan_at_start


def test_nan_in_the_second_row_is_nan_at_the_start() -> None:
    facts = facts_of(lines([76.4, "nan", "nan"]))
    assert facts.nan_at_start
    assert not facts.grew


def test_saturated_from_a_row_on_and_at_its_line() -> None:
    rows = lines([6.9, 54.2, 87.3365, 87.3365, 87.3365])
    facts = facts_of(rows)
    assert facts.saturated_since.iteration == 40
    assert "Iteration 40 " in rows[facts.saturated_since.line - 1]


def test_a_loss_that_is_saturated_once_and_recovers_is_not_saturated() -> None:
    facts = facts_of(lines([87.3365, 87.3365, 5.0, 2.0, 1.0, 0.8]))
    assert facts.saturated_since is None


def test_heads_are_saturated_each_by_itself() -> None:
    full = [87.3365] * 6
    heads = {"a": (0.3, full), "b": (1.0, falling(2.3, 0.5, 6))}
    facts = facts_of(lines([30.0] * 6, heads=heads))
    assert list(facts.saturated_heads) == ["a"]


def test_multiples_of_one_saturated_sample() -> None:
    share = 87.3365 / 64
    rows = [2.4, 1.0, *(round(share * k, 5) for k in (1, 2, 1, 3, 2))]
    facts = facts_of(lines(rows, net=NET10, solver=SOLVER10))
    assert (facts.saturated_samples, facts.saturated_batch) == (2, 64)
    facts = facts_of(lines(noisy(rows, 0.05), net=NET10, solver=SOLVER10))
    assert facts.saturated_samples == 0


@pytest.mark.parametrize("classes", [2, 7, 1000])
def test_chance_of_any_number_of_classes(classes: int) -> None:
    net = NET.format(filler=XAVIER, classes=classes, loss="SoftmaxWithLoss")
    level = math.log(classes)
    rows = [1.3 * level, *noisy([level] * 15, 0.002)]
    facts = facts_of(lines(rows, net=net, solver=SOLVER10))
    assert facts.chance_since.iteration == 20
    assert (facts.classes, facts.all_at_chance, facts.dead) == (classes, True, False)


def test_equal_scores_are_told_from_the_digits() -> None:
    ties = {0: (0.693147, 0.0)}
    assert facts_of(lines([0.693147, 0.6929, 0.6933, *[0.69315] * 8], ties)).dead
    assert not facts_of(lines([0.693147, 0.6929, 0.6933, *[0.69315] * 8])).dead
    assert facts_of(lines([0.81, *[0.693147] * 8])).dead
    assert not facts_of(lines([0.81, *noisy([0.6931] * 12, 0.0004)])).dead


def test_what_was_learned_before_the_fall_back() -> None:
    facts = facts_of(lines([0.71, 0.2, 0.0921, 0.69315, 0.69315, 0.69314], step=400))
    assert facts.chance_since.iteration == 1200
    assert facts.learned_before == 0.87


def test_one_head_at_chance_beside_one_that_learns() -> None:
    stuck, learns = [LN10] * 10, falling(2.3, 0.3, 10)
    heads = {"stuck": (1.0, stuck), "learns": (0.5, learns)}
    facts = facts_of(lines([a + b / 2 for a, b in zip(stuck, learns, strict=True)], heads=heads))
    assert list(facts.chance_heads) == ["stuck"]
    assert not facts.all_at_chance


def test_gap_between_training_and_test() -> None:
    tests = {100 * i: (2.3 - 0.2 * min(i, 5), 0.5) for i in range(9)}
    facts = facts_of(lines([2.3 - 0.05 * i for i in range(40)], tests))
    assert facts.gap == pytest.approx(0.48, abs=0.1)
    assert facts.test.lowest.iteration == 500


def test_rates() -> None:
    rates = [0.01 * 0.1 ** (i // 3) for i in range(20)]
    facts = facts_of(lines([2.0] * 20, rates=rates))
    assert (facts.first_rate, facts.rate_gone.iteration) == (0.01, 12 * 20)
    assert not facts.rate_grows
    assert facts_of(lines([2.0] * 6, rates=[0.01, 0.01, 0.01, 0, 0, 0])).rate_zero.iteration == 60
    assert facts_of(lines([2.0] * 6, rates=[0.01, 0.02, 0.03, 0.04, 0.05, 0.06])).rate_grows


def test_a_softmax_over_a_softmax_shows_in_loss_and_accuracy() -> None:
    least = math.log(math.e + 9) - 1
    right = [0.1, 0.45, 0.55, 0.62, 0.68, 0.75]
    tests = {100 * i: (least + 1 - a + 0.005, a) for i, a in enumerate(right)}
    rows = falling(2.3, 1.7, 30)
    assert facts_of(lines(rows, tests, net=NET10, solver=SOLVER10)).softmax_twice
    tests = {100 * i: (2.3 * (1 - a), a) for i, a in enumerate(right)}
    assert not facts_of(lines(rows, tests, net=NET10, solver=SOLVER10)).softmax_twice


def test_what_made_it_stop() -> None:
    rows = lines([2.3], done=False)
    error = '[libprotobuf ERROR text_format.cc:309] Error: 3:4: no field named "x".'
    rows += [error, glog("Check failed: Parse(x) Failed to parse", place="io.cpp:9", level="F")]
    stop = facts_of(rows).stop
    assert (stop.file, stop.message) == ("io.cpp", "Check failed: Parse(x) Failed to parse")
    assert 'no field named "x"' in stop.before
    assert stop.at.line == len(rows)
    assert not stop.after_end


def test_a_death_after_the_end_of_training() -> None:
    died = "*** SIGABRT (@0x736) received by PID 1846 (TID 0x7f9) from PID 1846; stack trace: ***"
    stop = facts_of(lines(falling(2.3, 0.2, 10), after=[died])).stop
    assert stop.after_end
    assert stop.shown == "SIGABRT"


def test_layers_of_the_weights_file_that_are_ignored() -> None:
    names = ["data", "Conv1", "relu1", "fc8", "loss"]
    before = [glog("Finetuning from a.caffemodel", place="caffe.cpp:155")]
    before += [glog(f"Ignoring source layer {name}", place="net.cpp:744") for name in names]
    facts = facts_of(lines([2.3, 2.0], before=before, net=NET10, solver=SOLVER10))
    assert facts.finetuned
    assert facts.weights == "a.caffemodel"
    assert list(facts.ignored_layers) == names
    assert facts.ignored_weighing == 2


def test_an_empty_run_has_facts() -> None:
    facts = facts_of([glog("Starting Optimization")])
    assert facts.train.rows == 0
    assert facts.train.trend == "unknown"
