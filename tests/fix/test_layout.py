"""Where new statements go, and how they look: texts in, texts out."""

from __future__ import annotations

import pytest

from caffelint.core.diagnostic import Edit
from caffelint.core.source import Source
from caffelint.fix.layout import insertion, removal, value
from caffelint.syntax.parser import parse
from caffelint.syntax.tree import Field, Tree


def tree_of(text: str) -> Tree:
    return parse(Source("net.prototxt", text))


def find(fields: list[Field], name: str) -> Field:
    for field in fields:
        if field.name == name:
            return field
        if field.children and (found := next(iter(_all(field.children, name)), None)):
            return found
    raise AssertionError(name)


def _all(fields: list[Field], name: str) -> list[Field]:
    return [
        found
        for field in fields
        for found in ([field] if field.name == name else _all(field.children or [], name))
    ]


def done(text: str, edit: Edit | None) -> str:
    assert edit is not None
    return text[: edit.span.start] + edit.text + text[edit.span.end :]


@pytest.mark.parametrize(
    ("text", "block", "after", "statement", "wanted"),
    [
        pytest.param("a { x: 1 }", "a", "", "y: 2", "a { x: 1 y: 2 }", id="one-line-stays-one"),
        pytest.param("a { x: 1, }", "a", "", "y: 2", "a { x: 1 y: 2, }", id="before-a-comma"),
        pytest.param("a {}", "a", "", "y: 2", "a { y: 2 }", id="empty-on-one-line"),
        pytest.param("a < x: 1 >", "a", "", "y: 2", "a < x: 1 y: 2 >", id="angle-brackets"),
        pytest.param("a {\n  x: 1\n}", "a", "", "y: 2", "a {\n  x: 1\n  y: 2\n}", id="own-line"),
        pytest.param("a {\n\tx: 1\n}", "a", "", "y: 2", "a {\n\tx: 1\n\ty: 2\n}", id="tabs"),
        pytest.param(
            "a {\r\n  x: 1\r\n}", "a", "", "y: 2", "a {\r\n  x: 1\r\n  y: 2\r\n}", id="crlf"
        ),
        pytest.param(
            "a {\n  x: 1  # why\n}",
            *("a", "", "y: 2"),
            "a {\n  x: 1  # why\n  y: 2\n}",
            id="a-comment-stays-with-its-field",
        ),
        pytest.param(
            "a {\n  x: 1\n  z: 3\n}",
            *("a", "x", "y: 2"),
            "a {\n  x: 1\n  y: 2\n  z: 3\n}",
            id="behind-a-named-sibling",
        ),
        pytest.param(
            "a {\n  x: 1 z: 3\n}",
            *("a", "x", "y: 2"),
            "a {\n  x: 1 y: 2 z: 3\n}",
            id="between-two-on-a-line",
        ),
        pytest.param(
            "a { x: 1\n  z: 3 }", "a", "", "y: 2", "a { x: 1\n  z: 3\n  y: 2 }", id="brace-on-line"
        ),
        pytest.param(
            "a { x: 1\n}", "a", "", "y: 2", "a { x: 1 y: 2\n}", id="behind-one-on-the-first-line"
        ),
        pytest.param(
            "a {\n  x: [1,\n 2]\n}",
            *("a", "", "y: 2"),
            "a {\n  x: [1,\n 2]\n  y: 2\n}",
            id="behind-a-list",
        ),
        pytest.param(
            "b {\n   c {\n   }\n}\na {\n  # no fields\n}",
            *("a", "", "y: 2"),
            "b {\n   c {\n   }\n}\na {\n  # no fields\n   y: 2\n}",
            id="only-a-comment-inside",
        ),
        pytest.param("x: 1\n", "", "", "y: 2", "x: 1\ny: 2\n", id="whole-file"),
        pytest.param("x: 1", "", "", "y: 2", "x: 1\ny: 2", id="no-line-end-at-the-end"),
        pytest.param("x: 1 z: 3", "", "x", "y: 2", "x: 1 y: 2 z: 3", id="file-of-one-line"),
        pytest.param(
            f"a {{ {'x: 1 ' * 4000}}}",
            *("a", "", "y: 2"),
            f"a {{ {'x: 1 ' * 4000}y: 2 }}",
            id="endless-line",
        ),
        pytest.param(
            "a { # no fields\n  # but words\n  }",
            *("a", "", "y: 2"),
            "a { # no fields\n  # but words\n  y: 2\n  }",
            id="only-words-inside",
        ),
        pytest.param(
            "a {\n  # one\n}\n",
            *("", "a", "b { x: 1 }"),
            "a {\n  # one\n}\nb { x: 1 }\n",
            id="behind-a-block-of-words",
        ),
        pytest.param(
            "a {\n  b {\n    x: 1\n  }\n}",
            *("a", "", "c { y: 2 d { z: 3 } }"),
            "a {\n  b {\n    x: 1\n  }\n  c {\n    y: 2\n    d {\n      z: 3\n    }\n  }\n}",
            id="blocks-of-several-lines-around",
        ),
        pytest.param(
            "a {\n  b { x: 1 }\n}",
            *("a", "", "c { y: 2 }"),
            "a {\n  b { x: 1 }\n  c { y: 2 }\n}",
            id="blocks-of-one-line-around",
        ),
        pytest.param(
            "a {\n  b { x: 1 }\n}\nc {\n x: 1\n}",
            *("a", "", "c { y: 2 }"),
            "a {\n  b { x: 1 }\n  c {\n    y: 2\n  }\n}\nc {\n x: 1\n}",
            id="others-of-the-name-decide",
        ),
    ],
)
def test_insertion(text: str, block: str, after: str, statement: str, wanted: str) -> None:
    tree = tree_of(text)
    into = find(tree.fields, block) if block else None
    sibling = find(into.children or [] if into else tree.fields, after) if after else None
    new = done(text, insertion(tree, into, [statement], sibling))
    assert new == wanted
    assert parse(Source("", new)).problems == []


def test_nothing_goes_into_a_block_that_is_not_closed() -> None:
    tree = tree_of("a { x: 1")
    assert insertion(tree, tree.fields[0], ["y: 2"]) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("a: 0\nx: 1\nb: 2\n", "a: 0\nb: 2\n", id="with-its-line"),
        pytest.param("a: 0\r\n\tx: 1 \r\nb: 2\r\n", "a: 0\r\nb: 2\r\n", id="crlf-and-blanks"),
        pytest.param("x: 1  # why\nb: 2", "# why\nb: 2", id="its-comment-stays"),
        pytest.param("{ a: 0 x: 1 b: 2 }", "{ a: 0 b: 2 }", id="between-two"),
        pytest.param("{ x: 1 }", "{ }", id="the-only-one"),
        pytest.param("{ x: 1, b: 2 }", "{ b: 2 }", id="with-its-comma"),
        pytest.param("a: 0;x: 1;b: 2", "a: 0; b: 2", id="no-blanks"),
        pytest.param("a: 0\nx: 1", "a: 0\n", id="at-the-end-of-the-file"),
        pytest.param("x: 1", "", id="the-whole-file"),
        # A line is looked back along for so far only that its start is not found.
        pytest.param(f"{'a: 0 ' * 4000}x: 1 b: 2", f"{'a: 0 ' * 4000}b: 2", id="endless-line"),
        pytest.param(f"a: 0{' ' * 10_000}x: 1\nb: 2", "a: 0\nb: 2", id="behind-endless-blanks"),
        pytest.param(f"{' ' * 9_000}x: 1\nb: 2", "b: 2", id="a-line-of-many-blanks"),
    ],
)
def test_removal(text: str, wanted: str) -> None:
    start = text.index("x")
    assert done(text, removal(text, start, start + len("x: 1"))) == wanted


@pytest.mark.parametrize(
    ("text", "new", "wanted"),
    [
        ('x: "a"', '"b"', 'x: "b"'),
        ("x: 'a'", '"b"', "x: 'b'"),
        ("x: 'a'", '"it\'s"', 'x: "it\'s"'),
        ("x: 1", "2", "x: 2"),
        ('x: "1"', "2", "x: 2"),
    ],
)
def test_value(text: str, new: str, wanted: str) -> None:
    assert done(text, value(text, tree_of(text).fields[0], new)) == wanted
