"""Trends: what is there is found, what is not is not claimed, and too little is said to be so."""

from __future__ import annotations

import math
import random

import pytest

from caffelint.log import trends

from .made import falling, noisy


@pytest.mark.parametrize(
    ("values", "direction"),
    [
        pytest.param([], "unknown", id="nothing"),
        pytest.param([2.0, 1.5, 1.0, 0.5], "unknown", id="four values, even if all fall"),
        pytest.param([2.0, 1.5, 1.0, 0.5, 0.4, 0.3], "falls", id="six that fall"),
        pytest.param([2.3] * 6, "flat", id="always the same"),
        pytest.param(noisy(falling(2.3, 0.1, 30), 0.1), "falls", id="a training that works"),
        pytest.param(noisy([2.3] * 40, 0.02), "flat", id="noise around a level"),
        pytest.param(noisy([2.3] * 6, 0.5), "unknown", id="few and noisy"),
        pytest.param([1 + 0.05 * i for i in range(20)], "rises", id="a rise"),
        pytest.param([1 + 0.0005 * i for i in range(20)], "flat", id="a rise of one percent"),
        pytest.param(
            [*([1.0, 2.0] * 10), 50.0, *([1.0, 2.0] * 10)], "unknown", id="swings and a spike"
        ),
        pytest.param([1e20 * 0.5**i for i in range(100)], "falls", id="over thirty decades"),
        pytest.param(falling(2.3, 0.1, 5000), "falls", id="long"),
    ],
)
def test_direction(values: list[float], direction: str) -> None:
    assert trends.trend(values).direction == direction


def test_a_spike_does_not_make_a_trend() -> None:
    values = noisy([1.0] * 30, 0.02)
    values[-2] = 40.0
    assert trends.trend(values).direction == "flat"


@pytest.mark.parametrize("spread", [0.01, 0.1, 0.3])
def test_noise_is_rarely_taken_for_a_trend(spread: float) -> None:
    found = [trends.trend(noisy([1.0] * 25, spread, seed)).direction for seed in range(200)]
    assert found.count("falls") + found.count("rises") <= 6


@pytest.mark.parametrize("count", [20, 1000])
def test_smoothing_leaves_steps_and_takes_spikes(count: int) -> None:
    values = [1.0] * count + [3.0] * count
    values[count // 2] = 50.0
    smooth = trends.smoothed(values)
    assert len(smooth) == len(values)
    assert set(smooth) == {1.0, 3.0}
    assert abs(smooth.index(3.0) - count) <= count / 20


def test_averages_that_overlap_are_less_evidence() -> None:
    chance = random.Random(3)
    walk = [1.0]
    for _ in range(24):
        walk.append(walk[-1] * (1 + chance.gauss(-0.01, 0.02)))
    assert trends.trend(walk, overlap=10).confidence < trends.trend(walk).confidence


def test_change_is_that_of_a_line_through_the_values() -> None:
    assert trends.trend([3.0 - 0.1 * i for i in range(21)]).change == pytest.approx(-2.0)


@pytest.mark.parametrize(
    ("values", "since"),
    [
        pytest.param([2.0, 1.5, 0.7, 0.69, 0.69, 0.70], 2, id="settled"),
        pytest.param([0.7, 0.69, 0.69, 1.5], None, id="left again"),
        pytest.param([2.0, 0.7, 0.7, 5.0, *[0.7] * 20], 1, id="one in twenty strays"),
        pytest.param([2.0, 0.7, 0.7, 5.0, 5.0, *[0.7] * 20], 5, id="two in a row do not"),
        pytest.param([0.7], None, id="one value"),
    ],
)
def test_settled_at(values: list[float], since: int | None) -> None:
    assert trends.settled_at(values, 0.7, 0.02) == since


@pytest.mark.parametrize(
    ("values", "since"),
    [
        pytest.param([1.0, 2.0, 2.0, 2.0], 1, id="three times"),
        pytest.param([1.0, 2.0, 2.0], None, id="twice"),
        pytest.param([2.0, 2.0, 2.0, 1.0], None, id="not at the end"),
    ],
)
def test_same_since(values: list[float], since: int | None) -> None:
    assert trends.same_since(values) == since


def test_a_period_is_found_under_a_trend() -> None:
    wave = [0.4, 0.3, 0.5, 0.9, 1.5, 1.8, 1.6, 1.0]
    values = noisy([wave[i % 8] * 0.99**i for i in range(80)], 0.05)
    assert trends.period(values) == 8


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(noisy([1.0] * 400, 0.3), id="noise"),
        pytest.param(falling(2.0, 0.1, 400), id="a fall"),
        pytest.param([1.0] * 40, id="nothing moves"),
        pytest.param([0.4, 0.3, 0.5, 0.9, 1.5, 1.8, 1.6, 1.0] * 3, id="three rounds only"),
    ],
)
def test_no_period(values: list[float]) -> None:
    assert trends.period(values) == 0


def test_noise_and_spread_do_not_mind_outliers() -> None:
    chance = random.Random(5)
    values = [chance.gauss(0, 1) for _ in range(2000)]
    values[::50] = [1e6] * 40
    assert trends.noise(values) == pytest.approx(1, abs=0.2)
    assert trends.spread(values) == pytest.approx(1, abs=0.2)
    assert math.isfinite(trends.trend(values).change)
