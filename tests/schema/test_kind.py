"""What a file is, by its fields."""

from __future__ import annotations

import pytest

from caffelint.core.source import Source
from caffelint.resources import load_fork, load_schema
from caffelint.schema.kind import detect
from caffelint.syntax.parser import parse


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('name: "a"', "NetParameter"),
        ('name: "a" layer { } x: 1 y: 2 z: 3', "NetParameter"),
        ('name: "a" input: "data" x: 1 y: 2', "NetParameter"),
        ('net: "a.prototxt" base_lr: 0.1', "SolverParameter"),
        ("base_lr: 0.1 a: 1 b: 2 c: 3 d: 4", "SolverParameter"),
        ("", ""),
        ("a: 1", ""),
        ("layer: 1", ""),
        # A text of another program that begins like a net.
        ('name: "chip" type: "X" version: 2 feature_code: 3 load_engine { channel: 1 }', ""),
    ],
)
def test_kind(text: str, wanted: str) -> None:
    type_ = detect(parse(Source("", text)), load_schema())
    assert (type_.name if type_ is not None else "") == wanted


def test_fields_of_a_fork_count_in_its_schema() -> None:
    tree = parse(Source("", "mem_param { optimize_train: true }"))
    schema = load_fork(("yjxiong",))
    assert detect(tree, load_schema()) is None
    assert detect(tree, schema) is schema.net
