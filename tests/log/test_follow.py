"""A log that grows, is cut, or is replaced while it is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caffelint.log.lines import CHUNK, LONGEST, Splitter, batches
from caffelint.log.reader import follow

from .caffe_log import loss


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens to the file each time the reader waits; it must not wait more often."""
    steps: list[Callable[[], object]] = []
    monkeypatch.setattr(time, "sleep", lambda _seconds: steps.pop(0)())
    return steps


def _losses(logs: Iterator[object]) -> list[int]:
    log = next(logs)
    return [len(run.loss) for run in log.runs]  # type: ignore[attr-defined]


def test_new_lines_are_read_once_they_are_whole(
    tmp_path: Path, naps: list[Callable[[], object]]
) -> None:
    path = tmp_path / "train.log"
    path.write_text(loss(0, "1") + "\n" + loss(10, "2")[:50])
    logs = follow(path)
    assert _losses(logs) == [1]

    def append(words: str) -> Callable[[], object]:
        def write() -> None:
            with path.open("a") as file:
                file.write(words)

        return write

    naps += [lambda: None, append(loss(10, "2")[50:]), append("\n")]
    assert _losses(logs) == [2]
    assert naps == []


def test_a_file_that_is_replaced_is_read_anew(
    tmp_path: Path, naps: list[Callable[[], object]]
) -> None:
    path = tmp_path / "train.log"
    path.write_text(loss(0, "1") + "\n" + loss(10, "2") + "\n")
    logs = follow(path)
    assert _losses(logs) == [2]

    def rotate() -> None:
        path.rename(tmp_path / "old.log")
        path.write_text(loss(0, "3") + "\n")

    naps.append(rotate)
    assert _losses(logs) == [1]
    naps.append(lambda: path.write_text(""))  # cut
    naps.append(lambda: path.write_text(loss(7, "3") + "\n"))
    assert _losses(logs) == [1]
    assert naps == []


def test_a_file_that_is_gone_for_a_while_is_read_when_it_is_back(
    tmp_path: Path, naps: list[Callable[[], object]]
) -> None:
    path = tmp_path / "train.log"
    path.write_text(loss(0, "1") + "\n")
    logs = follow(path)
    assert _losses(logs) == [1]
    naps += [path.unlink, lambda: path.write_text(loss(7, "3") + "\n" + loss(8, "3") + "\n")]
    assert _losses(logs) == [2]
    assert naps == []


def test_how_far_the_reading_is(tmp_path: Path) -> None:
    data = (loss(0, "1") + "\n").encode() * 20_000
    done: list[int] = []
    (tmp_path / "train.log").write_bytes(data)
    with (tmp_path / "train.log").open("rb") as file:
        lines = [line for some in batches(file, done.append) for line in some]
    assert len(lines) == 20_000
    assert done[-1] == len(data)
    assert done == sorted(done)
    assert len(done) > 1


def test_lines_over_chunks_and_too_long_ones() -> None:
    splitter = Splitter()
    assert splitter.split(b"ab") == []
    assert splitter.split(b"c\r") == []
    assert splitter.split(b"\nd\n") == [b"abc", b"d"]
    assert splitter.split(b"x" * CHUNK) == []
    assert splitter.split(b"x" * CHUNK) == []
    assert splitter.split(b"y\nz\n") == [b"x" * LONGEST, b"z"]
    assert splitter.split(b"y" * LONGEST + b"zz\nd\n") == [b"y" * LONGEST, b"d"]
    assert splitter.split(b"last") == []
    assert splitter.flush() == [b"last"]
