"""What docs/comparison.md says of caffelint and protobuf's parsers is what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compare_tools import MISTAKES, Mistake, caffelint, make, protoc, python_parser

PAGE = Path(__file__).parent.parent / "docs" / "comparison.md"
ROWS = {
    cells[0]: cells
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
}


def test_every_mistake_has_its_row() -> None:
    names = [mistake.name for mistake in MISTAKES if mistake.changes]
    assert [name for name in ROWS if name in names] == names
    assert len(ROWS) == len(names) + 2  # the heads


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_row_is_true(mistake: Mistake, tmp_path: Path) -> None:
    path = make(mistake, tmp_path)
    row = ROWS.get(mistake.name, ["", "", "no", "", "", "no"])
    assert protoc(path).mark == row[2]
    assert python_parser(path).mark == row[2]
    said = set(re.findall(r"CL\d+", caffelint(path).mark))
    listed = set(re.findall(r"CL\d+", row[5]))
    assert listed <= said
    assert bool(listed) is bool(said)
