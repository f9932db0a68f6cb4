"""The descriptor sets that ship are what the ``.proto`` files compile to."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from caffelint.resources import load_schema, proto_folder

ROOT = Path(__file__).parent.parent


def compiler() -> ModuleType:
    path = ROOT / "scripts" / "compile_protos.py"
    spec = importlib.util.spec_from_file_location("compile_protos", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["caffe", "dialect", "facts"])
def test_descriptor_set_is_current(name: str) -> None:
    shipped = (proto_folder() / f"{name}.desc").read_bytes()
    assert shipped == compiler().compile_proto(proto_folder() / f"{name}.proto")


def test_dialects_are_current() -> None:
    if not (proto_folder() / "dialects").is_dir():
        pytest.skip("the dialects' own files are in a checkout only")
    shipped = (proto_folder() / "dialects.desc").read_bytes()
    assert shipped == compiler().compile_dialects(proto_folder())


def test_schema_lives_in_a_private_pool() -> None:
    from google.protobuf import descriptor_pool

    load_schema()
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("caffe.NetParameter")


def test_every_field_of_the_schema_has_a_comment() -> None:
    text = (proto_folder() / "caffe.proto").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines):
        if line.startswith(("optional", "repeated", "required")):
            assert "//" in line or lines[number - 1].startswith("//"), line
