"""The packed tables of BVLC's schema say what its descriptors say."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from caffelint.resources import load_schema, proto_folder
from caffelint.schema import scalar
from caffelint.schema.table import Described, Packed, pack

CONTENT = (proto_folder() / "caffe.desc").read_bytes()
_POOLS = "PoolingParameter.PoolMethod"
(FILE,) = FileDescriptorSet.FromString(CONTENT).file


def test_value_types_are_protobufs() -> None:
    ours = {name: number for name, number in vars(scalar).items() if name.isupper()}
    assert ours == {
        name.removeprefix("TYPE_"): number
        for name, number in vars(FieldDescriptor).items()
        if name.startswith("TYPE_")
    }


def test_the_packed_file_is_current() -> None:
    assert (proto_folder() / "caffe.tables").read_bytes() == pack(CONTENT)


def test_packed_tables_say_the_same() -> None:
    packed, described = Packed(pack(CONTENT), lambda: CONTENT), Described(CONTENT)
    for message in FILE.message_type:
        assert packed.message(message.name) == described.message(message.name)
        for enum in message.enum_type:
            path = f"{message.name}.{enum.name}"
            assert packed.enum(path) == described.enum(path)
    for one in FILE.enum_type:
        assert packed.enum(one.name) == described.enum(one.name)


@pytest.mark.parametrize(
    ("message", "field", "expected"),
    [
        pytest.param("SolverParameter", "momentum2", (2, 0.999, ""), id="float"),
        pytest.param("SolverParameter", "type", (9, "SGD", ""), id="text"),
        pytest.param("PoolingParameter", "pool", (14, "MAX", _POOLS), id="enum"),
        pytest.param("LayerParameter", "phase", (14, "TRAIN", "Phase"), id="enum-without-default"),
        pytest.param("NetParameter", "layer", (11, None, "LayerParameter"), id="list-of-blocks"),
        pytest.param("BlobShape", "dim", (3, None, ""), id="list-of-numbers"),
        pytest.param("LossParameter", "normalize", (8, False, ""), id="no-default"),
    ],
)  # fmt: skip
def test_rows(message: str, field: str, expected: tuple[int, object, str]) -> None:
    rows = load_schema().tables.message(message)
    (row,) = (row for row in rows if row.name == field)
    kind, default, of = expected
    assert (row.type, row.of) == (kind, of)
    assert row.default == (pytest.approx(default) if isinstance(default, float) else default)


def test_names_that_are_not_there() -> None:
    for tables in (load_schema().tables, Described(CONTENT)):
        assert not tables.has_message("LayerParam")
        with pytest.raises(KeyError):
            tables.message("LayerParam")
        with pytest.raises(KeyError):
            tables.enum("Phases")
