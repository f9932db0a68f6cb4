"""Lists of images: how Caffe cuts a line, and what becomes of lines that were meant otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.core.problem import Problem
from caffelint.data.limits import Limits, evenly
from caffelint.data.lists import ImageList, form_of, read_image_list

SOUND = "a.png 0\nb.png 1\n"


def read(folder: Path, text: str | bytes, **limits: int) -> ImageList:
    path = folder / "list.txt"
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return read_image_list(path, Limits(**limits))  # type: ignore[arg-type]


def told(images: ImageList, problem: Problem) -> tuple[str, int, str]:
    """Kind, line and the text that is pointed at."""
    start, end = problem.span
    return problem.kind, images.source.locate(start).line, images.source.text[start:end]


@pytest.mark.parametrize(
    ("line", "name", "label"),
    [
        pytest.param("a.png 3", "a.png", 3, id="plain"),
        pytest.param("a.png 3\r", "a.png", 3, id="windows-line-end-is-behind-the-label"),
        pytest.param("dir/a b.png 3", "dir/a b.png", 3, id="split-at-the-last-blank"),
        pytest.param("a.png -1", "a.png", -1, id="negative"),
        pytest.param("a.png +2", "a.png", 2, id="plus"),
        pytest.param("a.png 007", "a.png", 7, id="leading-zeros-are-decimal"),
        pytest.param("a.png 0.9", "a.png", 0, id="cut-at-the-point"),
        pytest.param("a.png 2.0", "a.png", 2, id="whole-number-with-a-point"),
        pytest.param("a.png 1e3", "a.png", 1, id="cut-at-the-exponent"),
        pytest.param("a.png \t3", "a.png", 3, id="atoi-skips-a-tab"),
    ],
)
def test_a_line_as_caffe_reads_it(tmp_path: Path, line: str, name: str, label: int) -> None:
    images = read(tmp_path, line + "\n")
    assert images.count == 1
    assert images.name(images.starts[0])[0] == name
    assert dict(images.labels.counts) == {label: 1}


@pytest.mark.parametrize(
    ("line", "kind", "marked"),
    [
        pytest.param("", "list-empty-line", "", id="empty"),
        pytest.param(" \t ", "list-empty-line", " \t ", id="blanks-only"),
        pytest.param("c.png\t2", "list-separator", "\t2", id="tab"),
        pytest.param("c.png,2", "list-separator", ",2", id="comma"),
        pytest.param("c.png; 2", None, "", id="semicolon-and-blank-is-a-name-with-semicolon"),
        pytest.param("my c.png\t2", "list-separator", "\t2", id="tab-after-a-name-with-a-blank"),
        pytest.param("c.png 2 ", "list-stray-blank", " ", id="blank-at-the-end"),
        pytest.param("c.png  2", "list-stray-blank", "  2", id="two-blanks"),
        pytest.param(" c.png 2", "list-stray-blank", " c.png 2", id="blank-at-the-start"),
        pytest.param("c.png", "list-label-missing", "c.png", id="no-label"),
        pytest.param("c.png cat", "list-label-missing", "cat", id="word"),
        pytest.param("c.png 0 1 0", "list-several-labels", "0 1 0", id="several"),
        pytest.param("c.png 0.25", "list-fractional-label", "0.25", id="fraction"),
        pytest.param("c.png .5", "list-fractional-label", ".5", id="bare-fraction"),
        pytest.param("c.png -0.5", "list-fractional-label", "-0.5", id="negative-fraction"),
        pytest.param("c.png 1e3", "list-fractional-label", "1e3", id="exponent"),
        pytest.param("c.png 3.0", None, "", id="whole-number-with-a-point"),
        pytest.param("my c.png 2", "list-name-with-space", "my c.png", id="blank-in-the-name"),
        pytest.param("photo 2 3", "list-name-with-space", "photo 2", id="number-in-the-name"),
        pytest.param("a.png 0", "list-duplicate", "a.png", id="same-line-again"),
        pytest.param("a.png 1", "list-contradicting-labels", "a.png", id="same-name-other-label"),
        pytest.param("c.png 2\r", None, "", id="windows-line-end"),
    ],
)
def test_faulty_lines(tmp_path: Path, line: str, kind: str | None, marked: str) -> None:
    images = read(tmp_path, SOUND + line + "\n")
    found = [told(images, problem) for problem in images.problems()]
    assert found == ([(kind, 3, marked)] if kind else [])


def test_equal_faults_are_one_problem(tmp_path: Path) -> None:
    images = read(tmp_path, "".join(f"{i}.png\t0\n" for i in range(50)))
    (problem,) = images.problems()
    assert problem.values["lines"] == "50 lines"
    assert len(problem.also) == 3
    assert not images.labels.counts


def test_missing_labels_do_not_matter_where_none_are_read(tmp_path: Path) -> None:
    images = read(tmp_path, "a.png\nb.png\n")
    assert [problem.kind for problem in images.problems(labels_read=False)] == []
    assert images.problems()[0].values["lines"] == "2 lines"


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"{\\rtf1 a.png 0\\par}", "RTF"),
        ("a.png 0\n".encode("utf-16"), "UTF-16"),
        ("a.png 0\n".encode("utf-16-le"), "UTF-16"),
        (b"<!DOCTYPE html>\n<html>", "HTML"),
        (b"\x89HDF\r\n\x1a\n123", "HDF5"),
        (b"a.png 0\n\0\1\2 1\n", "binary"),
        (b"a.png 0\rb.png 1\r", "Mac OS"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        (b"a.png 0\r\nb.png 1\r\n", ""),
        (b"\xe4.png 0\n", ""),
        (b"", ""),
    ],
)
def test_form(data: bytes, form: str) -> None:
    assert form in form_of(data)
    assert bool(form) == bool(form_of(data))


def test_a_long_list_is_read_in_part_and_counted_by_its_size(tmp_path: Path) -> None:
    lines = [f"{i:06}.png {i % 10}\n" for i in range(10_000)]
    images = read(tmp_path, "".join(lines), list_bytes=30_000)
    assert images.count == pytest.approx(10_000, rel=0.01)
    assert not images.labels.whole
    assert images.labels.seen < 3_000
    assert images.problems() == []


def test_an_empty_list_has_no_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "").count == 0


@pytest.mark.parametrize("text", ["\t" * 200_000, "1" * 200_000 + "x", "a.b 1 " * 50_000])
def test_long_lines_take_no_long_time(tmp_path: Path, text: str) -> None:
    read(tmp_path, text + "\n")


@pytest.mark.parametrize(
    ("total", "number", "positions"),
    [(3, 5, [0, 1, 2]), (10, 4, [0, 3, 6, 9]), (10, 1, [0]), (10, 0, []), (0, 4, [])],
)
def test_samples_are_spread_evenly(total: int, number: int, positions: list[int]) -> None:
    assert evenly(total, number) == positions
