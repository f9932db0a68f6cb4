"""A text that is asked for again soon is not parsed again, and little of the past is held on to."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from caffelint.core.source import Source
from caffelint.syntax import recent
from caffelint.syntax.parser import parse
from caffelint.syntax.recent import tree_of
from caffelint.syntax.tree import Tree


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the texts that are parsed, from an empty start."""
    names: list[str] = []

    def parse_and_tell(source: Source) -> Tree:
        names.append(source.name)
        return parse(source)

    monkeypatch.setattr(recent, "_RECENT", recent._Recent())
    monkeypatch.setattr(recent, "parse", parse_and_tell)
    return names


def test_a_text_is_parsed_once(parsed: list[str]) -> None:
    first = tree_of(Source("a", "name: 'x'"))
    assert tree_of(Source("a", "name: 'x'")) is first
    assert parsed == ["a"]


@pytest.mark.parametrize("other", [Source("b", "name: 'x'"), Source("a", "name: 'y'")])
def test_another_name_or_text_is_another_tree(parsed: list[str], other: Source) -> None:
    tree_of(Source("a", "name: 'x'"))
    assert tree_of(other).source is other
    assert len(parsed) == 2


def test_so_much_text_is_kept_and_the_latest(
    parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "_MOST_CHARACTERS", 30)
    for name in ("a", "b", "a", "c", "a", "b"):
        tree_of(Source(name, "name: 'eleven'"))
    assert parsed == ["a", "b", "c", "b"]


def test_a_text_that_is_too_long_is_not_kept(
    parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "_MOST_CHARACTERS", 30)
    for _ in range(2):
        assert len(tree_of(Source("a", "name: 'x' " * 4)).fields) == 4
    assert parsed == ["a", "a"]


def test_several_threads_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "_RECENT", recent._Recent())
    monkeypatch.setattr(recent, "_MOST_CHARACTERS", 60)
    sources = [Source(name, "name: 'eleven'") for name in "abcdefgh"]

    def ask(first: int) -> bool:
        asked = [sources[(first + i * i) % 8] for i in range(5000)]
        return all(tree_of(one).source.name == one.name for one in asked)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(ask, range(4)))
    finally:
        sys.setswitchinterval(switch)
    kept = recent._RECENT
    assert kept._size == sum(len(text) for _, text in kept._kept) <= 60
