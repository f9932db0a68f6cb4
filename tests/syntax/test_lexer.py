from __future__ import annotations

import pytest

from caffelint.syntax.lexer import Token, bad_escape, next_token, unescape


def tokens(text: str) -> list[Token]:
    found, at = [], 0
    while (token := next_token(text, at)).kind != "end":
        found.append(token)
        at = token.end
    return found


@pytest.mark.parametrize(
    ("text", "kind", "flaw"),
    [
        pytest.param("base_lr", "identifier", "", id="identifier"),
        pytest.param("_x1", "identifier", "", id="identifier with underscore"),
        pytest.param("0", "integer", "", id="zero"),
        pytest.param("42", "integer", "", id="decimal"),
        pytest.param("0x1F", "integer", "", id="hexadecimal"),
        pytest.param("017", "integer", "", id="octal"),
        pytest.param("08", "integer", "number", id="no octal digit"),
        pytest.param("0x", "integer", "number", id="hexadecimal without digits"),
        pytest.param("1.5", "float", "", id="float"),
        pytest.param(".5", "float", "", id="float without whole part"),
        pytest.param("1.", "float", "", id="float without fraction"),
        pytest.param("1e-4", "float", "", id="exponent"),
        pytest.param("1.5f", "float", "", id="trailing f"),
        pytest.param("1e", "float", "number", id="exponent without digits"),
        pytest.param("1e+", "float", "number", id="exponent with a sign only"),
        pytest.param('"a b"', "string", "", id="double quotes"),
        pytest.param("'a\"b'", "string", "", id="single quotes"),
        pytest.param(r'"a\"b"', "string", "", id="escaped quote"),
        pytest.param('"a', "string", "unterminated", id="no closing quote"),
        pytest.param('"', "string", "unterminated", id="lone quote"),
        pytest.param("{", "symbol", "", id="brace"),
        pytest.param("é", "symbol", "character", id="not ASCII"),
        pytest.param("\0", "symbol", "character", id="NUL"),
    ],
)
def test_one_token(text: str, kind: str, flaw: str) -> None:
    assert next_token(text, 0) == Token(kind, text, 0, flaw)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1 # b: 2\n c", ["a", ":", "1", "c"], id="comment"),
        pytest.param("a#\0", ["a", "\0"], id="a NUL ends a comment"),
        pytest.param("a\t\v\f\r\nb", ["a", "b"], id="white space"),
        pytest.param("a\u00a0b", ["a", "\u00a0", "b"], id="no-break space is no white space"),
        pytest.param("3x", ["3", "x"], id="number and word"),
        pytest.param("0.1.2", ["0.1", ".2"], id="two points"),
        pytest.param('"a\n"', ['"a', '"'], id="texts end with their line"),
        pytest.param("-inf", ["-", "inf"], id="minus"),
        pytest.param("1e5e6", ["1e5", "e6"], id="two exponents"),
    ],
)
def test_several_tokens(text: str, expected: list[str]) -> None:
    assert [token.text for token in tokens(text)] == expected


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        pytest.param(r"'plain'", b"plain", id="plain"),
        pytest.param(r"'\a\b\f\n\r\t\v'", b"\a\b\f\n\r\t\v", id="letters"),
        pytest.param(r"'\\\'\"\?'", b"\\'\"?", id="characters"),
        pytest.param(r"'\0\12\1234'", b"\0\n\x534", id="octal"),
        pytest.param(r"'\777'", b"\xff", id="octal above one byte"),
        pytest.param(r"'\x41\x4a\xA\X41'", b"AJ\nA", id="hexadecimal"),
        pytest.param(r"'\u00e9\U0001F600'", "é😀".encode(), id="code points"),
        pytest.param(r"'\ud83d\ude00'", "😀".encode(), id="surrogate pair"),
        pytest.param(r"'\ud83d'", b"\xed\xa0\xbd", id="half a surrogate pair"),
        pytest.param(r"'\U00110000'", b"\\U00110000", id="beyond the last code point"),
        pytest.param("'é'", "é".encode(), id="not ASCII"),
        pytest.param("'\udcff'", b"\xff", id="byte that is not UTF-8"),
    ],
)
def test_unescape(literal: str, value: bytes) -> None:
    assert bad_escape(literal) == -1
    assert unescape(literal) == value


@pytest.mark.parametrize("escape", [r"\q", r"\8", r"\x", r"\u12", r"\U00200000", r"\U1", "\\é"])
def test_bad_escape(escape: str) -> None:
    assert bad_escape(f"'ab{escape}'") == 3
    assert bad_escape(rf"'\n{escape}'") == 3
