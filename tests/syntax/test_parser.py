from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caffelint.core.source import Source
from caffelint.syntax.parser import MAX_DEPTH, parse
from caffelint.syntax.tree import Field, Kind, Tree


def tree(text: str) -> Tree:
    return parse(Source("net.prototxt", text))


def shape(fields: list[Field]) -> list[object]:
    """Fields as plain values: ``(name, text)`` for scalars, ``(name, [...])`` for blocks."""
    return [
        (field.name, field.text if field.children is None else shape(field.children))
        for field in fields
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("# a: 1", [], id="comment"),
        pytest.param("a: 1", [("a", "1")], id="integer"),
        pytest.param("a:-1", [("a", "-1")], id="minus"),
        pytest.param("a: - 1", [("a", "-1")], id="minus and blank"),
        pytest.param("a: -\n1", [("a", "-1")], id="minus and line end"),
        pytest.param("a:\n# b\n1", [("a", "1")], id="value on a later line"),
        pytest.param("a: .5", [("a", ".5")], id="float"),
        pytest.param("a: 1.f", [("a", "1.f")], id="trailing f"),
        pytest.param("a: 0x1F", [("a", "0x1F")], id="hexadecimal"),
        pytest.param("a: TRAIN", [("a", "TRAIN")], id="word"),
        pytest.param("a: -inf", [("a", "-inf")], id="minus and word"),
        pytest.param("a: 'x' b: \"y\"", [("a", "'x'"), ("b", '"y"')], id="texts"),
        pytest.param("a: 'x'\n'y' \"z\"", [("a", "'x'\n'y' \"z\"")], id="adjacent texts"),
        pytest.param("a:'x'b:'y'", [("a", "'x'"), ("b", "'y'")], id="nothing between"),
        pytest.param("a { b: 1 }", [("a", [("b", "1")])], id="block"),
        pytest.param("a: { b: 1 }", [("a", [("b", "1")])], id="colon before a block"),
        pytest.param("a < b < > >", [("a", [("b", [])])], id="angle brackets"),
        pytest.param("a: [1, 2]", [("a", "1"), ("a", "2")], id="list"),
        pytest.param("a: ['x' 'y', 'z']", [("a", "'x' 'y'"), ("a", "'z'")], id="list of texts"),
        pytest.param("a [{b: 1}, <>]", [("a", [("b", "1")]), ("a", [])], id="list of blocks"),
        pytest.param("a: []", [("a", "[]")], id="empty list"),
        pytest.param(
            "a: 0x1, b: 'x' 'y';", [("a", "0x1"), ("b", "'x' 'y'")], id="separators, hard"
        ),
        pytest.param("a: 1, b: 2; c {};", [("a", "1"), ("b", "2"), ("c", [])], id="separators"),
        pytest.param("[a.b]: 1", [("[a.b]", "1")], id="extension"),
    ],
)
def test_what_is_right(text: str, expected: list[object]) -> None:
    result = tree(text)
    assert shape(result.fields) == expected
    assert not result.problems
    assert result.render() == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(text, kind, id=text)
        for text, kind in [
            ("{", "unexpected-token"),
            ("a: 1,,", "unexpected-token"),
            (", a: 1", "unexpected-token"),
            ("a [1]", "unexpected-token"),
            ("a: [1,]", "missing-value"),
            ("a: [{}", "unexpected-token"),
            ("a: [{", "unclosed-block"),
            ("a: b c", "unquoted-text"),
            ("[a.b", "unexpected-token"),
            ("a 1", "missing-colon"),
            ("a =", "unexpected-token"),
            ("a:", "missing-value"),
            ("a: é", "bad-character"),
            ("a: 1x", "bad-number"),
            ("a: 0,1", "bad-number"),
            ("a: x/y", "unquoted-text"),
            ("a: /y", "unquoted-text"),
            ("a: 'x", "unterminated-string"),
            ("a: '\\q'", "bad-escape"),
            ("a {", "unclosed-block"),
            ("}", "unmatched-bracket"),
            ("a { >", "wrong-bracket"),
            ("a ( b: 1 )", "wrong-bracket"),
            ("a\n  b: 1\n}", "missing-bracket"),
            ("// a", "slash-comment"),
            ("/* a", "slash-comment"),
            ("{{ a }}", "unfilled-placeholder"),
            ("a: ${b}", "unfilled-placeholder"),
            ("<<<<<<< a", "merge-conflict"),
            ("\ufeff", "byte-order-mark"),
            ("a\u200b: 1", "bad-character"),
            ("a { " * (MAX_DEPTH + 1) + "} " * (MAX_DEPTH + 1), "nested-too-deep"),
        ]
    ],
)
def test_what_is_wrong(text: str, kind: str) -> None:
    result = tree(text)
    assert [problem.kind for problem in result.problems] == [kind]
    assert result.render() == text


FRAGMENTS = st.sampled_from(
    [
        *("layer", "name", "type", "dim", "top", "{", "}", "<", ">", "[", "]", "(", ")", ":", "="),
        *(",", ";", "#", "//", "/*", "*/", "{{", "}}", "{%", "%}", "${", "$x", "@x@", "<<<<<<<"),
        *("\n=======\n", "\n>>>>>>>", '"', "'", '"a"', "'b'", '"a b: "', "\\", "-", ".", "+", "0"),
        *("1", "08", "0x", "1e", "1.5", "TRAIN", "inf", " ", "  ", "\n", "\n  ", "\t", "\r\n", "é"),
        *("\ufeff", "\u00a0", "\u201c", "\u201d", "\0", "\udcff", "layer {", "name: ", "dim: 3 "),
    ]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())), st.lists(FRAGMENTS, max_size=40).map("".join)
)


@given(TEXTS)
def test_render_gives_the_text_back(text: str) -> None:
    assert tree(text).render() == text


@given(TEXTS)
def test_spans_lie_in_the_text_and_do_not_overlap(text: str) -> None:
    result = tree(text)
    at = 0
    for start, end in result.leaves():
        assert at <= start <= end <= len(text)
        at = end
    for problem in result.problems:
        assert 0 <= problem.span.start <= problem.span.end <= len(text)


@given(TEXTS)
def test_problems_come_in_the_order_of_the_text(text: str) -> None:
    spans = [problem.span for problem in tree(text).problems]
    assert spans == sorted(spans)


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_both_ways_of_reading_agree(text: str) -> None:
    """A comment before each colon keeps the quick pattern from taking a statement."""
    careful = text.replace(":", " #\n:") if '"' not in text and "'" not in text else text
    if "#" in text or "//" in text or "\n" in text or "\u201c" in text:
        return
    quick = tree(text)
    if not quick.problems:
        slow = tree(careful)
        assert not slow.problems
        assert shape(slow.fields) == shape(quick.fields)


def _endless() -> Iterator[tuple[str, str]]:
    pieces = ["{", "a{", "a:[{", "}", "/*\n", "=======\n", '"', "a\n", "a:$", "${", "{{", "a ("]
    for piece in pieces:
        yield piece, piece * 20_000
    yield "unterminated", "a: '" + " b: " * 20_000
    yield "blanks", "a: 'b" + " " * 100_000 + "c"
    yield "one line of blocks", "a {" + "b {} " * 20_000


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in _endless()])
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    assert tree(text).render() == text
    # It takes some 0.1 s; what is quadratic takes minutes.
    assert time.process_time() - start < 5


def test_kinds_of_values() -> None:
    fields = tree("a: 'x' b: 1 c: 1.5 d: t e {} f: [] g:").fields
    assert [field.kind for field in fields] == [
        Kind.STRING,
        Kind.INTEGER,
        Kind.FLOAT,
        Kind.IDENTIFIER,
        Kind.MESSAGE,
        Kind.EMPTY_LIST,
        Kind.BROKEN,
    ]
