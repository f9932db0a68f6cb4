"""Formatting: indentation by nesting, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caffelint.api import parse
from caffelint.lsp.format import format_lines
from caffelint.syntax.lexer import comments

from .marked import NET, document

SAMPLES = sorted((Path(__file__).parents[2] / "samples").rglob("*.prototxt"))


def formatted(text: str, first: int = 1, last: int = 10**9, indent: str = "  ") -> str:
    for edit in reversed(format_lines(document(text), first, last, indent)):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("layer {\nname: 'a'\n}\n", "layer {\n  name: 'a'\n}\n"),
        ("  layer {\n    a { b: 1 }\n  }", "layer {\n  a { b: 1 }\n}"),
        ("layer { a {\nb: 1\n} }", "layer { a {\n    b: 1\n} }"),
        ("layer {\na {\n} } layer {\nb: 1 }", "layer {\n  a {\n} } layer {\n  b: 1 }"),
        ("layer {\n  a: 1  \n   \n}", "layer {\n  a: 1\n\n}"),
        (
            "layer {\n# col 0\n # inside  \na: 1 # x  \n}",
            "layer {\n# col 0\n  # inside  \n  a: 1 # x  \n}",
        ),
        ("layer {\r\na: '#'  \r\n}\r\n", "layer {\r\n  a: '#'\r\n}\r\n"),
        ("layer <\nl: [1,\n2]\n>", "layer <\n  l: [1,\n    2]\n>"),
        ("\ufefflayer {\na: 1\n}", "\ufefflayer {\n  a: 1\n}"),
    ],
)
def test_lines(text: str, result: str) -> None:
    assert formatted(text) == result
    assert formatted(result) == result


def test_only_the_lines_asked_for() -> None:
    assert formatted("layer {\na: 1\nb: 2\n}", 3, 3, "\t") == "layer {\na: 1\n\tb: 2\n}"


@pytest.mark.parametrize("text", ["layer {\na: 1", "layer {\n}\n  }", "layer (\na: 1\n)"])
def test_broken_nesting_is_left_alone(text: str) -> None:
    assert formatted(text) == text


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: "/".join(path.parts[-2:]))
def test_samples_keep_message_and_comments(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ragged = "\n".join(
        line if line.startswith("#") else line.strip(" ") for line in text.split("\n")
    )
    new = formatted(ragged)
    assert formatted(new) == new
    assert [new[slice(*s)] for s in comments(new)] == [ragged[slice(*s)] for s in comments(ragged)]
    if parse(text).typed is not None:
        assert parse(new).message() == parse(text).message()


@given(st.text("{}<>[]:,# \n\r\t'\"ab1-\\\f\ufeff", max_size=60))
def test_any_text(text: str) -> None:
    new = formatted(text)
    assert formatted(new) == new
    assert [new[slice(*s)] for s in comments(new)] == [text[slice(*s)] for s in comments(text)]
    assert "".join(new.split()) == "".join(text.split())


def test_the_net_is_well_formed() -> None:
    assert formatted(NET) == NET
