"""Tokens of protobuf text format, as protobuf's C++ tokenizer cuts them.

Where Python's ``google.protobuf.text_format`` differs (NULs, exotic white space, ``1_000``), the
C++ tokenizer is followed, for it is the one that Caffe runs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from ..core.late import late
from ..core.source import Span

# A NUL ends a comment in the C++ tokenizer, and is an error itself.
TRIVIA = r"(?:[ \t\r\n\v\f]++|\#[^\n\0]*+)*+"
IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*+"

_TOKEN = re.compile(
    TRIVIA
    + r"""(?:
    (?P<identifier>[A-Za-z_][A-Za-z0-9_]*+)
  | (?P<string>"(?:[^"\\\n\0]|\\[^\n\0])*+" | '(?:[^'\\\n\0]|\\[^\n\0])*+')
  | (?P<hexadecimal>0[xX][0-9a-fA-F]*+)
  | (?P<octal>0[0-9]++)
  | (?P<number>(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?+\d*+)?+[fF]?+)
  | (?P<open_string>["'][^\n\0]*+)
  | (?P<symbol>.)
  | (?P<end>\Z)
)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One token: its kind, its text and where it starts.

    Kinds: identifier, string, integer, float, symbol (one character), end. ``flaw`` is empty, or
    says in a word why Caffe's tokenizer refuses it.
    """

    kind: str
    text: str
    start: int
    flaw: str = ""

    @property
    def end(self) -> int:
        """Offset behind the token."""
        return self.start + len(self.text)


def next_token(text: str, at: int) -> Token:
    """The first token at or after offset ``at``, comments and white space skipped."""
    match = _TOKEN.match(text, at)
    assert match is not None  # the pattern takes any text
    kind = match.lastgroup or ""
    start, end = match.span(kind)
    word = text[start:end]
    if kind in ("identifier", "string", "end"):
        return Token(kind, word, start)
    if kind == "symbol":
        return Token(kind, word, start, "" if " " < word <= "~" else "character")
    if kind == "open_string":
        return Token("string", word.rstrip(), start, "unterminated")
    return _number(kind, word, start, text[end : end + 1])


def _number(kind: str, word: str, start: int, following: str) -> Token:
    flaw = ""
    if kind == "hexadecimal":
        result, bad = "integer", len(word) == 2
    elif kind == "octal":
        result, bad = "integer", "8" in word or "9" in word
    else:
        result = "integer" if word.isdigit() else "float"
        bad = word.rstrip("fF")[-1] in "eE+-"
    if bad or following == ".":
        flaw = "number"
    return Token(result, word, start, flaw)


# Strings end with their line, closed or not, and a number sign in one starts no comment.
_QUOTED_OR_COMMENT = late(
    r"""
    "(?:[^"\\\n\0]|\\[^\n\0])*+" | '(?:[^'\\\n\0]|\\[^\n\0])*+' | ["'][^\n\0]*+
  | (?P<comment>\#[^\n\0]*+)
""",
    re.VERBOSE,
)


def comments(text: str) -> Iterator[Span]:
    """Spans of the comments of a text, from the number sign to the end of the line."""
    for match in _QUOTED_OR_COMMENT().finditer(text):
        if match["comment"]:
            yield Span(*match.span())


_ESCAPE = late(
    r"""\\(?: ([abfnrtv\\?'"])
        | ([0-7]{1,3})
        | [xX]([0-9a-fA-F]{1,2})
        | u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})
        | u([0-9a-fA-F]{4})
        | U(00[01][0-9a-fA-F]{5})
        | .? )""",
    re.VERBOSE | re.DOTALL,
)
_SIMPLE = dict(zip("abfnrtv\\?'\"", b"\a\b\f\n\r\t\v\\?'\"", strict=True))


def bad_escape(literal: str) -> int:
    """Offset in ``literal`` of the first escape that text format does not know, or -1."""
    if "\\" not in literal:
        return -1
    for match in _ESCAPE().finditer(literal):
        if match.lastindex is None:
            return match.start()
    return -1


def unescape(literal: str) -> bytes:
    """Value of one quoted literal, quotes included; an unknown escape stands for itself."""
    body = literal[1:-1]
    if "\\" not in body:
        return body.encode("utf-8", "surrogateescape")
    pieces, at = [], 0
    for match in _ESCAPE().finditer(body):
        pieces.append(body[at : match.start()].encode("utf-8", "surrogateescape"))
        pieces.append(_escape_value(match))
        at = match.end()
    pieces.append(body[at:].encode("utf-8", "surrogateescape"))
    return b"".join(pieces)


def _escape_value(match: re.Match[str]) -> bytes:
    simple, octal, hexadecimal, high, low, *code_points = match.groups()
    if simple:
        return bytes([_SIMPLE[simple]])
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if high:
        return bytes.fromhex(high + low).decode("utf-16-be").encode("utf-8")
    code = int(code_points[0] or code_points[1] or "110000", 16)
    if code > sys.maxunicode:
        return match[0].encode("utf-8", "surrogateescape")
    return chr(code).encode("utf-8", "surrogatepass")
