"""What lies below everything: files replaced whole, noted questions, words for rules, texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caffelint.core import looking
from caffelint.core.files import create_file, replacing
from caffelint.core.naming import RuleNames
from caffelint.core.source import Source
from caffelint.resources import load_rules


def test_a_file_stays_where_writing_its_new_text_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"new and ")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_half()
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"net.prototxt": "old"}


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_is_never_put_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:  # as on a FAT disk

        def refuse(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "new.yaml"
    create_file(path, b"one")
    with pytest.raises(FileExistsError):
        create_file(path, b"two")
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"new.yaml": "one"}


def test_what_changes_while_it_is_looked_at_never_holds_again(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a.png 0\n")
    with looking.noting() as steady:
        assert [looking.is_file(path) for _ in range(2)] == [True, True]
    with looking.noting() as changing:
        assert looking.is_file(path)
        path.unlink()
        assert not looking.is_file(path)
    assert b"" not in steady.values()
    assert set(changing.values()) == {b""}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("unkown-bottom", "unknown-bottom"),
        ("cl101", "CL101"),
        ("mxnet", ""),
        ("unknown-bottom" * 5, ""),
        ("x" * 1_000_000, ""),
    ],
)
def test_the_rule_that_was_meant(word: str, meant: str) -> None:
    assert RuleNames(load_rules().texts.values()).meant(word) == meant


@pytest.mark.parametrize(
    ("first", "last", "most", "text"),
    [
        pytest.param(2, 3, 9, "b\nc", id="whole-lines"),
        pytest.param(1, 3, 4, "", id="one-character-too-many"),
        pytest.param(1, 200_000, 50, "", id="lines-too-many"),
    ],
)
def test_lines_are_given_whole_or_not_at_all(first: int, last: int, most: int, text: str) -> None:
    assert Source("", "a\nb\nc\n" + "\n" * 200_000).lines(first, last, most) == text
