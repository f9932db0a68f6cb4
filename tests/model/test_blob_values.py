"""Values of stored blobs: which are looked at, and what is said of them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest

from caffelint.model.blob_values import all_finite, all_zero, samples, statistics
from caffelint.model.weights import Run, StoredBlob

NAN, INF = float("nan"), float("inf")


def stored(code: str, *runs: Sequence[float]) -> tuple[io.BytesIO, StoredBlob]:
    """A file with the values in several stretches, one byte between them, and the blob of them."""
    content, places = b"?", []
    for run in runs:
        data = struct.pack(f"<{len(run)}{code}", *run)
        places.append(Run(len(content), len(data)))
        content += data + b"?"
    number = sum(map(len, runs))
    return io.BytesIO(content), StoredBlob((number,), number, code=code, runs=tuple(places))


def looked_at(file: io.BytesIO, blob: StoredBlob, most: int) -> list[list[float]]:
    return [list(piece) for piece in samples(file, blob, most)]


@pytest.mark.parametrize("code", ["e", "f", "d"])
def test_values_of_every_width(code: str) -> None:
    file, blob = stored(code, [0.5, -2.0], [], [3.0])
    assert looked_at(file, blob, 10) == [[0.5, -2.0], [3.0]]


def test_what_is_stored_in_a_way_that_is_not_looked_into_has_no_values() -> None:
    file, blob = stored("f", [1.0, 2.0])
    assert looked_at(file, StoredBlob(blob.shape, 2, runs=blob.runs), 10) == []


def test_runs_share_what_may_be_looked_at() -> None:
    file, blob = stored("f", range(3), range(3, 6))
    assert looked_at(file, blob, 6) == [[0, 1, 2], [3, 4, 5]]
    assert looked_at(file, blob, 3) == [[0, 1, 2]]
    first, *others = looked_at(file, blob, 4)
    assert first == [0, 1, 2]
    # 16 stretches, however little is left and however short the run.
    assert [len(piece) for piece in others] == [1] * 16
    assert {value for piece in others for value in piece} == {3, 4, 5}


@pytest.mark.parametrize("number", [160, 161, 1000, 12345])
def test_stretches_are_even_from_the_first_value_to_the_last(number: int) -> None:
    file, blob = stored("f", range(number))
    found = looked_at(file, blob, 160)
    if number == 160:
        assert found == [list(range(number))]
        return
    assert (found[0][0], found[-1][-1]) == (0, number - 1)
    assert all(piece == list(range(int(piece[0]), int(piece[0]) + 10)) for piece in found)
    gaps = [second[0] - first[0] for first, second in pairwise(found)]
    assert len(gaps) == 15
    assert max(gaps) - min(gaps) <= 1


def test_a_large_blob_comes_in_pieces_of_bounded_size() -> None:
    file, blob = stored("f", range(150_000))
    found = looked_at(file, blob, 200_000)
    assert [len(piece) for piece in found] == [65_536, 65_536, 150_000 - 2 * 65_536]
    assert [value for piece in found for value in piece] == list(range(150_000))


@pytest.mark.parametrize("cut", [1, 4, 8, 9])
def test_a_file_that_ends_early_gives_what_came_before(cut: int) -> None:
    file, blob = stored("f", [1.0], [2.0, 3.0], [4.0])
    file.truncate(len(file.getvalue()) - 1 - 4 - 1 - cut)  # behind the second run, and before
    assert looked_at(file, blob, 10) == [[1.0]]


def test_of_usual_blobs_nothing_is_missed() -> None:
    """A check looks at fewer values than statistics do."""
    for at in (0, 20_001, 49_999):
        for value in (0.0, 1.0, NAN):
            values = [0.0] * 50_000
            values[at] = value
            file, blob = stored("f", values)
            assert (all_finite(file, blob), all_zero(file, blob)) == (value == value, value == 0)
    file, blob = stored("f", [0.0] * 200_000, [1.0] * 5)
    assert statistics(file, blob).looked_at == 200_005
    assert all_zero(file, blob)


@pytest.mark.parametrize(
    ("runs", "want"),
    [
        pytest.param([[2.0, -4.0], [0.0, 6.0]], (4, 1, 0, 0, -4.0, 6.0, 1.0, 13**0.5), id="sound"),
        pytest.param([[5.0], [3.0]], (2, 0, 0, 0, 3.0, 5.0, 4.0, 1.0), id="the-second-is-less"),
        pytest.param([[NAN, INF], [-1.0]], (3, 0, 1, 1, -1.0, -1.0, -1.0, 0.0), id="one-finite"),
        pytest.param([[-INF, INF, NAN]], (3, 0, 1, 2, None, None, None, None), id="none-finite"),
        pytest.param([[]], (0, 0, 0, 0, None, None, None, None), id="no-values"),
    ],
)
def test_statistics(runs: list[list[float]], want: tuple[float | None, ...]) -> None:
    found = statistics(*stored("f", *runs))
    counts = (found.looked_at, found.zeros, found.nan, found.infinite)
    assert (*counts, found.minimum, found.maximum, found.mean, found.std) == pytest.approx(want)


def test_the_spread_of_equal_values_is_0() -> None:
    """Whatever rounding makes of the difference of two squares."""
    assert statistics(*stored("d", [0.1] * 7)).std == pytest.approx(0, abs=1e-7)
