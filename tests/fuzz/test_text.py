"""Texts of the schema, valid ones and nearly valid ones, before protobuf's own parsers."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message
from hypothesis import assume, given
from hypothesis import strategies as st

import caffelint
from caffelint.lsp.document import Document
from caffelint.lsp.format import format_lines
from caffelint.resources import load_schema
from caffelint.schema.descriptor import MessageType
from referee import Referee, RefereeError

from .strategies import examples, fields, plain, texts, written


@pytest.fixture(scope="module")
def referee(tmp_path_factory: pytest.TempPathFactory) -> Referee:
    try:
        return Referee(tmp_path_factory.mktemp("referee"))
    except RefereeError as error:
        pytest.skip(f"without protobuf's C++ parser: {error}")


def kinds() -> tuple[tuple[str, MessageType], ...]:
    schema = load_schema()
    return (("net", schema.net), ("solver", schema.solver))


@examples(400)
@given(text=texts())
def test_the_parser_that_caffe_runs_agrees(referee: Referee, text: str) -> None:
    for kind, type_ in kinds():
        ours = caffelint.parse(text, kind=kind)  # type: ignore[arg-type]
        wire = referee.read(text.encode(), type_.name)
        assert (wire is not None) == (not ours.errors)
        if wire is not None:
            message = type_.new_message()
            message.ParseFromString(wire)
            assert str(ours.message()) == str(message)


def of_python(text: str, type_: MessageType) -> Message | None:
    try:
        return text_format.Parse(text, type_.new_message())
    except (text_format.ParseError, ValueError):
        return None


# What Python's parser reads in another way is written down in docs/text-format.md.
DIFFERENT = ("\0", "\\", "_0", "- ", "+1", "-nan", "inf", "0x", "017", "08", "\f", "1e400")


@examples(150)
@given(text=texts())
def test_the_parser_of_python_agrees(text: str) -> None:
    assume(not any(part in text for part in DIFFERENT))
    for kind, type_ in kinds():
        ours = caffelint.parse(text, kind=kind)  # type: ignore[arg-type]
        theirs = of_python(text, type_)
        assert (theirs is not None) == (not ours.errors)
        if theirs is not None:
            assert str(ours.message()) == str(theirs)


@examples(100)
@given(st.data(), st.integers(0, 1 << 30))
def test_a_style_changes_no_message(data: st.DataObject, seed: int) -> None:
    tree = data.draw(fields(load_schema().net))
    parsed = caffelint.parse(plain(tree), kind="net")
    assume(not parsed.errors)
    other = caffelint.parse(written(tree, Random(seed)), kind="net")
    assert not other.errors
    assert str(other.message()) == str(parsed.message())


@examples(100)
@given(texts())
def test_formatting_changes_no_message(text: str) -> None:
    parsed = caffelint.parse(text, kind="net")
    assume(not parsed.errors)
    document = Document(Path("net.prototxt"), text)
    new, at = "", 0
    for edit in format_lines(document, 1, document.source.line_count, "  "):
        new, at = new + text[at : edit.span.start] + edit.text, edit.span.end
    new += text[at:]
    again = caffelint.parse(new, kind="net")
    assert not again.errors
    assert str(again.message()) == str(parsed.message())


@examples(150)
@given(texts())
def test_a_text_comes_back_whatever_it_is(text: str) -> None:
    assert caffelint.parse(text).render() == text


def test_the_referee_is_no_yes_man(referee: Referee) -> None:
    assert referee.read(b'name: "a"', "NetParameter") == b"\n\x01a"
    assert referee.read(b"name: a", "NetParameter") is None
