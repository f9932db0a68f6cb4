from __future__ import annotations

import math

import pytest
from google.protobuf.descriptor import FieldDescriptor

from caffelint.core.source import Source
from caffelint.schema.values import RANGES, READERS
from caffelint.syntax.parser import parse

TYPES = {
    "int32": FieldDescriptor.TYPE_INT32,
    "int64": FieldDescriptor.TYPE_INT64,
    "uint32": FieldDescriptor.TYPE_UINT32,
    "uint64": FieldDescriptor.TYPE_UINT64,
    "float": FieldDescriptor.TYPE_FLOAT,
    "bool": FieldDescriptor.TYPE_BOOL,
    "string": FieldDescriptor.TYPE_STRING,
    "bytes": FieldDescriptor.TYPE_BYTES,
}


def read(type_: str, text: str) -> object:
    tree = parse(Source("", f"a: {text}"))
    assert not tree.problems
    return READERS[TYPES[type_]](tree.fields[0])


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        pytest.param(type_, text, value, id=f"{type_} {text}")
        for type_, text, value in [
            ("int32", "0", 0),
            ("int32", "-0", 0),
            ("int32", "-5", -5),
            ("int32", "0x1F", 31),
            ("int32", "-0x1f", -31),
            ("int32", "017", 15),
            ("float", "1", 1.0),
            ("float", "1.5f", 1.5),
            ("float", "1F", 1.0),
            ("float", ".5", 0.5),
            ("float", "-1.e-2", -0.01),
            ("float", "1e400", math.inf),
            ("float", "Inf", math.inf),
            ("float", "-infinity", -math.inf),
            ("bool", "true", True),
            ("bool", "t", True),
            ("bool", "1", True),
            ("bool", "01", True),
            ("bool", "False", False),
            ("bool", "f", False),
            ("bool", "0x0", False),
            ("string", "'a'", "a"),
            ("string", "'a' \"b\"", "ab"),
            ("string", r"'\x41\n'", "A\n"),
            ("string", "'é'", "é"),
            ("string", r"'\xff'", "\udcff"),
            ("bytes", r"'\xff'", b"\xff"),
        ]
    ],
)
def test_read(type_: str, text: str, value: object) -> None:
    assert read(type_, text) == value


def test_nan() -> None:
    value = read("float", "-NaN")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("type_", "text", "reason"),
    [
        pytest.param(type_, text, reason, id=f"{type_} {text}")
        for type_, text, reason in [
            ("int32", "1.0", "type"),
            ("int32", "1e4", "type"),
            ("int32", "true", "type"),
            ("int32", "'1'", "type"),
            ("int32", "9" * 5000, "range"),
            ("uint32", "-1", "type"),
            ("uint32", "-0", "type"),
            ("float", "0x10", "type"),
            ("float", "010", "type"),
            ("float", "'1'", "type"),
            ("float", "inff", "type"),
            ("bool", "TRUE", "type"),
            ("bool", "T", "type"),
            ("bool", "yes", "type"),
            ("bool", "2", "range"),
            ("bool", "-0", "type"),
            ("bool", "'true'", "type"),
            ("string", "a", "type"),
            ("string", "1", "type"),
            ("bytes", "a", "type"),
        ]
    ],
)
def test_refuse(type_: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(type_, text)


@pytest.mark.parametrize("type_", ["int32", "int64", "uint32", "uint64"])
def test_bounds(type_: str) -> None:
    low, high = RANGES[TYPES[type_]]
    assert read(type_, str(low)) == low
    assert read(type_, str(high)) == high
    with pytest.raises(ValueError, match="range"):
        read(type_, str(high + 1))
    with pytest.raises(ValueError, match="range" if low else "type"):
        read(type_, str(low - 1))
