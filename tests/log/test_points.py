"""Series that are thinned keep what matters exact; memory of a large log stays bounded."""

from __future__ import annotations

import io
import math
import random

import pytest

from caffelint.log import book, reader
from caffelint.log.reader import read
from caffelint.log.run import Points

from .caffe_log import loss, text


def _series(values: list[float], thin_at: tuple[int, ...] = ()) -> Points:
    points = Points()
    for place, value in enumerate(values):
        if place in thin_at:
            points.thin()
        points.append(place * 10, value, place + 1, place / 2)
    return points


@pytest.mark.parametrize("thin_at", [(), (50,), (50, 51, 90), (1, 2, 3)])
def test_extremes_are_exact_however_thin(thin_at: tuple[int, ...]) -> None:
    chance = random.Random(7)
    values = [chance.uniform(-1, 1) for _ in range(100)]
    values[37], values[71], values[80], values[99] = -5.0, 9.0, math.nan, 0.25
    whole, thinned = _series(values), _series(values, thin_at)
    assert thinned.stride == 2 ** len(thin_at)
    assert thinned.seen == 100
    assert len(thinned) == math.ceil(100 / thinned.stride)
    assert list(thinned.iterations) == list(whole.iterations[:: thinned.stride])
    assert list(thinned.lines) == list(whole.lines[:: thinned.stride])
    assert thinned.first == whole[0]
    assert thinned.last == whole[99]
    assert thinned.lowest == whole[37]
    assert thinned.highest == whole[71]
    assert thinned.first_not_finite is not None
    assert thinned.first_not_finite.iteration == 800


def test_the_earliest_of_equal_extremes_counts() -> None:
    for thin_at in ((), (4,)):
        points = _series([3, 1, 5, 1, 5, 3, 1, 5], thin_at)
        assert points.lowest is not None
        assert points.highest is not None
        assert (points.lowest.line, points.highest.line) == (2, 3)


@pytest.mark.parametrize("thin_at", [(), (4,)])
def test_a_series_of_no_numbers_has_no_extremes(thin_at: tuple[int, ...]) -> None:
    points = _series([math.nan, math.inf] * 5, thin_at)
    assert (points.lowest, points.highest) == (None, None)
    assert points.first_not_finite is not None
    assert points.first_not_finite.line == 1


def test_an_empty_series_has_no_points() -> None:
    points = Points()
    assert (points.first, points.last, points.lowest, points.first_not_finite) == (None,) * 4
    assert len(points) == 0


class _Sips(io.BytesIO):
    """Gives little at a time, as a pipe does."""

    def read1(self, _size: int | None = -1, /) -> bytes:
        return self.read(10_000)


def test_of_a_large_log_the_longest_series_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST_POINTS", 1000)
    monkeypatch.setattr(reader, "MOST_POINTS", 1000)
    rows = [loss(count, str(count % 17), second=count) for count in range(3000)]
    (run,) = read(_Sips(text(rows)), "log").runs
    assert run.loss.seen == run.speed.seen == 3000
    assert len(run.loss) + len(run.speed) <= 1300
    assert run.loss.stride > 1
    assert list(run.loss.iterations) == list(range(0, 3000, run.loss.stride))
    assert run.loss.last is not None
    assert run.loss.last.iteration == 2999


def test_series_beyond_the_most_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST_SERIES", 10)
    rows = ["Iteration 0, loss = 1"]
    rows += [f"    Train net output #{k}: s = 1" for k in range(20)]
    log = read(io.BytesIO(text(rows)), "log")
    assert len(log.runs[0].train) == 6
    assert log.series_dropped == 14


def test_runs_beyond_the_most_join_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MOST_RUNS", 3)
    rows = [f"Iteration {count}, loss = 1" for count in (9, 8, 7, 6, 5)]
    log = read(io.BytesIO(text(rows)), "log")
    assert [list(run.loss.iterations) for run in log.runs] == [[9], [8], [7, 6, 5]]
