"""Offsets and positions, in each encoding."""

from __future__ import annotations

import pytest

from caffelint.lsp.positions import Positions, encodable

TEXT = "a😀é\nb\r\nc\rd"


@pytest.mark.parametrize(
    ("encoding", "offset", "position"),
    [
        ("utf-16", 1, (0, 1)),
        ("utf-16", 2, (0, 3)),
        ("utf-16", 3, (0, 4)),
        ("utf-8", 2, (0, 5)),
        ("utf-8", 3, (0, 7)),
        ("utf-32", 3, (0, 3)),
        ("utf-16", 4, (1, 0)),
        ("utf-16", 7, (2, 0)),
        ("utf-16", 9, (3, 0)),
        ("utf-16", 10, (3, 1)),
    ],
)
def test_both_ways(encoding: str, offset: int, position: tuple[int, int]) -> None:
    positions = Positions(TEXT, encoding)
    assert positions.position(offset) == position
    assert positions.offset(*position) == offset


@pytest.mark.parametrize(
    ("line", "unit", "offset"),
    [
        pytest.param(0, 2, 1, id="within-a-character"),
        pytest.param(0, 99, 3, id="behind-the-line"),
        pytest.param(1, 99, 5, id="before-the-carriage-return"),
        pytest.param(99, 0, len(TEXT), id="behind-the-text"),
    ],
)
def test_positions_that_are_none(line: int, unit: int, offset: int) -> None:
    assert Positions(TEXT).offset(line, unit) == offset


def test_half_a_character_becomes_one_that_can_be_written() -> None:
    assert encodable("a\ud83db") == "a\ufffdb"
