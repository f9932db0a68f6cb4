"""Scalar values: from the text of a field to a Python value, by the rules of protobuf's C++ parser.

Each reader takes a field and gives its value, or raises ``ValueError`` with the reason in a word:
``type`` (another kind of value is wanted) or ``range`` (the number does not fit).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..syntax.lexer import next_token, unescape
from ..syntax.tree import Field, Kind
from . import scalar


def read_string(field: Field) -> str:
    """Text of a string; bytes that are not UTF-8 become lone surrogates."""
    if field.kind != Kind.STRING:
        raise ValueError("type")
    text = field.text
    body = text[1:-1]
    if "\\" not in body and text[0] not in body:
        return body
    return read_bytes(field).decode("utf-8", "surrogateescape")


def read_bytes(field: Field) -> bytes:
    """Bytes of one or more adjacent literals."""
    if field.kind != Kind.STRING:
        raise ValueError("type")
    pieces: list[bytes] = []
    at = 0
    while True:
        token = next_token(field.text, at)
        if token.kind == "end":
            return b"".join(pieces)
        pieces.append(unescape(token.text))
        at = token.end


def _integer_reader(low: int, high: int) -> Callable[[Field], int]:
    def read_integer(field: Field) -> int:
        if field.kind != Kind.INTEGER or (low == 0 and field.text[0] == "-"):
            raise ValueError("type")
        value = _integer(field.text)
        if not low <= value <= high:
            raise ValueError("range")
        return value

    return read_integer


def _integer(text: str) -> int:
    digits = text.lstrip("-")
    if len(digits) > 1 and digits[0] == "0":
        value = int(digits, 16) if digits[1] in "xX" else int(digits, 8)
        return -value if text[0] == "-" else value
    # int() refuses numbers of thousands of digits, which no field can hold either.
    return int(text) if len(text) < 100 else 1 << 100


def read_float(field: Field) -> float:
    """A number, ``inf``, ``infinity`` or ``nan`` in any case; hexadecimal and octal are refused."""
    text = field.text
    if field.kind == Kind.INTEGER:
        digits = text.lstrip("-")
        if len(digits) > 1 and digits[0] == "0":
            raise ValueError("type")
        return float(text)
    if field.kind == Kind.FLOAT:
        return float(text.rstrip("fF"))
    if field.kind == Kind.IDENTIFIER:
        word = text.lstrip("-").lower()
        if word in ("inf", "infinity"):
            return -math.inf if text[0] == "-" else math.inf
        if word == "nan":
            return math.nan
    raise ValueError("type")


_BOOLS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}


def read_bool(field: Field) -> bool:
    """``true``, ``True``, ``t`` and 1, or ``false``, ``False``, ``f`` and 0."""
    if field.kind == Kind.IDENTIFIER and field.text in _BOOLS:
        return _BOOLS[field.text]
    if field.kind == Kind.INTEGER and field.text[0] != "-":
        value = _integer(field.text)
        if value > 1:
            raise ValueError("range")
        return bool(value)
    raise ValueError("type")


_INT32 = _integer_reader(-(2**31), 2**31 - 1)
_INT64 = _integer_reader(-(2**63), 2**63 - 1)
_UINT32 = _integer_reader(0, 2**32 - 1)
_UINT64 = _integer_reader(0, 2**64 - 1)

read_int32 = _INT32

READERS: dict[int, Callable[[Field], Any]] = {
    scalar.STRING: read_string,
    scalar.BYTES: read_bytes,
    scalar.BOOL: read_bool,
    scalar.FLOAT: read_float,
    scalar.DOUBLE: read_float,
    scalar.INT32: _INT32,
    scalar.SINT32: _INT32,
    scalar.SFIXED32: _INT32,
    scalar.INT64: _INT64,
    scalar.SINT64: _INT64,
    scalar.SFIXED64: _INT64,
    scalar.UINT32: _UINT32,
    scalar.FIXED32: _UINT32,
    scalar.UINT64: _UINT64,
    scalar.FIXED64: _UINT64,
}

RANGES: dict[int, tuple[int, int]] = {
    scalar.INT32: (-(2**31), 2**31 - 1),
    scalar.INT64: (-(2**63), 2**63 - 1),
    scalar.UINT32: (0, 2**32 - 1),
    scalar.UINT64: (0, 2**64 - 1),
}
"""Least and greatest number of a type."""

EXPECTED = {
    scalar.STRING: "a quoted text",
    scalar.BYTES: "a quoted text",
    scalar.BOOL: "true or false",
    scalar.FLOAT: "a number",
    scalar.DOUBLE: "a number",
    scalar.MESSAGE: "a block in braces",
    scalar.UINT32: "a whole number that is not negative",
    scalar.UINT64: "a whole number that is not negative",
}
"""What to call the wanted value in a message; whole numbers where nothing is listed."""
