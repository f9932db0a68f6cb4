"""What is left of a long series is what would be seen of it."""

from __future__ import annotations

import math

import pytest

from caffelint.log.run import Points
from caffelint.plot.reduce import MOST_POINTS, envelope, line, smoothed

from ..log.made import falling, noisy


def _points(values: list[float], *, step: int = 1) -> Points:
    points = Points()
    for at, value in enumerate(values):
        points.append(at * step, value, at + 1)
    return points


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 1000, 9999])
@pytest.mark.parametrize("most", [10, 200])
def test_an_envelope_keeps_ends_and_extremes(count: int, most: int) -> None:
    values = noisy([1.0] * count, 0.1)
    if count > 5:
        values[count // 3], values[count // 2] = 99.0, -99.0
    kept = envelope(values, most)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(most, 0)
    if count <= most:
        assert kept == list(range(count))
    else:
        assert {0, count // 3, count // 2, count - 1} <= set(kept)


def test_spikes_of_a_long_series_are_drawn() -> None:
    values = [1.0] * 50_000
    values[777], values[31_234] = 40.0, 0.01
    drawn = line([_points(values)], smooth=True)
    assert len(drawn.values) <= MOST_POINTS
    at = dict(zip(drawn.iterations, drawn.values, strict=True))
    assert (at[777], at[31_234]) == (40.0, 0.01)


def test_what_thinning_has_dropped_is_drawn_all_the_same() -> None:
    points = _points([1.0, 7.0, 1.0, math.nan, 1.0, -3.0, 1.0, 1.0])
    points.thin()
    assert 7.0 not in points.values
    drawn = line([points], smooth=False)
    assert {7.0, -3.0} <= set(drawn.values)
    assert drawn.lost == [(3, 3)]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        pytest.param(noisy(falling(2.3, 0.1, 400), 0.3), True, id="noisy"),
        pytest.param(falling(2.3, 0.1, 400), False, id="smooth by itself"),
        pytest.param(noisy(falling(2.3, 0.1, 20), 0.3), False, id="few"),
    ],
)
def test_only_noise_is_smoothed(values: list[float], wanted: bool) -> None:
    assert bool(line([_points(values)], smooth=True).smooth) == wanted
    assert not line([_points(values)], smooth=False).smooth


def test_a_smooth_line_is_not_moved_by_single_spikes() -> None:
    values = falling(2.3, 0.1, 1000)
    spiked = [1e6 if at % 50 == 25 else value for at, value in enumerate(values)]
    medians = smoothed(spiked)
    assert (min(medians), max(medians)) == (0, 999)
    for at, value in medians.items():
        assert value == pytest.approx(values[at], rel=0.2)


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ([1, 2, 3], []),
        ([1, math.nan, math.inf, 4, 5], [(100, 200)]),
        ([math.nan] * 3, [(0, 200)]),
        ([1, math.nan, 2, 3, math.nan], [(100, 100), (400, 400)]),
        ([1, 1e39, -1e300, 2], [(100, 200)]),
        ([math.nan if at % 2 else 1.0 for at in range(1000)], [(100, 99_900)]),
    ],
)
def test_what_is_no_number_stands_apart(values: list[float], lost: list[tuple[int, int]]) -> None:
    drawn = line([_points(values, step=100)], smooth=True)
    assert drawn.lost == lost
    assert all(map(math.isfinite, drawn.values))


def test_a_resumed_run_begins_a_new_piece() -> None:
    later = Points()
    later.append(200, 0.5, 9)
    drawn = line([_points([3.0, 2.0], step=100), Points(), later], smooth=True)
    assert drawn.iterations == [0, 100, 100, 200]
    assert drawn.values[:2] == [3.0, 2.0]
    assert math.isnan(drawn.values[2])
    assert drawn.values[3] == 0.5


def test_a_short_piece_after_a_noisy_one_is_on_the_smooth_line_too() -> None:
    later = Points()
    later.append(400, 0.5, 999)
    drawn = line([_points(noisy([1.0] * 400, 0.3)), later], smooth=True)
    assert (drawn.smooth_iterations[-1], drawn.smooth[-1]) == (400, 0.5)
