"""Compare a compiled descriptor set with a JSON file of schema facts.

Both sides are flattened to the same table: one entry per message, field, enum and enum value.
The order of fields is not compared, since it means nothing to a reader of either file.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)

DEFAULT_DESC = Path(__file__).resolve().parent.parent / "proto" / "caffe.desc"


@dataclass(frozen=True, slots=True)
class Field:
    """What two fields must agree in; ``default`` is None when the schema states none."""

    number: int
    label: str
    type: str
    type_name: str | None
    default: str | None
    packed: bool


# "field caffe.NetState.level" -> Field, "value caffe.Phase.TEST" -> 1, "message caffe.NetState"
# and "enum caffe.Phase" -> None.
Entry = Field | int | None
Table = dict[str, Entry]


def normal_default(kind: str, text: str | None) -> str | None:
    """Return one spelling per value: protoc versions print the same float differently."""
    if text is None or kind not in ("float", "double"):
        return text
    value = float(text)
    # A float field only holds 32 bits, so 0.1 and 0.100000001 are the same default.
    return repr(ctypes.c_float(value).value if kind == "float" else value)


def facts_table(facts: Mapping[str, Any]) -> Table:
    """Flatten a fact file."""
    table: Table = {}
    for message, body in facts["messages"].items():
        table[f"message {message}"] = None
        for field in body["fields"]:
            table[f"field {message}.{field['name']}"] = fact_field(field)
    for enum, body in facts["enums"].items():
        table[f"enum {enum}"] = None
        for value in body["values"]:
            table[f"value {enum}.{value['name']}"] = value["number"]
    return table


def fact_field(fact: Mapping[str, Any]) -> Field:
    """Read one field of a fact file."""
    return Field(
        number=fact["number"],
        label=fact["label"],
        type=fact["type"],
        type_name=fact.get("type_name"),
        default=normal_default(fact["type"], fact.get("default")),
        packed=fact.get("packed", False),
    )


def descriptor_table(descriptors: FileDescriptorSet) -> Table:
    """Flatten every file of a descriptor set."""
    table: Table = {}
    for file in descriptors.file:
        prefix = f"{file.package}." if file.package else ""
        for message in file.message_type:
            table.update(message_entries(prefix, message))
        for enum in file.enum_type:
            table.update(enum_entries(prefix, enum))
    return table


def message_entries(prefix: str, message: DescriptorProto) -> Iterator[tuple[str, Entry]]:
    """Yield a message, its fields and whatever is nested in it."""
    name = prefix + message.name
    yield f"message {name}", None
    for field in message.field:
        yield f"field {name}.{field.name}", descriptor_field(field)
    for enum in message.enum_type:
        yield from enum_entries(f"{name}.", enum)
    for nested in message.nested_type:
        yield from message_entries(f"{name}.", nested)


def enum_entries(prefix: str, enum: EnumDescriptorProto) -> Iterator[tuple[str, Entry]]:
    """Yield an enum and its values."""
    name = prefix + enum.name
    yield f"enum {name}", None
    for value in enum.value:
        yield f"value {name}.{value.name}", value.number


def descriptor_field(field: FieldDescriptorProto) -> Field:
    """Read one field of a descriptor set."""
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    label = FieldDescriptorProto.Label.Name(field.label).removeprefix("LABEL_").lower()
    # An explicit empty default is a statement too, hence HasField and not truth.
    default = field.default_value if field.HasField("default_value") else None
    return Field(
        number=field.number,
        label=label,
        type=kind,
        type_name=field.type_name.removeprefix(".") or None,
        default=normal_default(kind, default),
        packed=field.options.packed,
    )


def differences(facts: Table, schema: Table) -> Iterator[str]:
    """Yield one line per entry that only one side has or that the two describe differently."""
    for key in sorted(facts.keys() | schema.keys()):
        if key not in schema:
            yield f"missing in schema: {key}"
        elif key not in facts:
            yield f"not in facts: {key}"
        elif facts[key] != schema[key]:
            yield f"differs: {key}: {describe(facts[key], schema[key])}"


def describe(fact: Entry, ours: Entry) -> str:
    """Return the properties in which two entries of one name differ."""
    if not isinstance(fact, Field) or not isinstance(ours, Field):
        return f"schema {ours}, facts {fact}"
    wanted = asdict(fact)
    return "; ".join(
        f"{name} is {value!r} in the schema, {wanted[name]!r} in the facts"
        for name, value in asdict(ours).items()
        if value != wanted[name]
    )


def count_line(schema: Table, found: int) -> str:
    """Return the closing line: how much was compared, and the number of differences."""
    kinds = Counter(key.split()[0] for key in schema)
    counts = ", ".join(f"{kinds[kind]} {kind}s" for kind in ("message", "field", "enum", "value"))
    return f"schema has {counts}; differences: {found}"


def main(arguments: list[str] | None = None) -> int:
    """Print the differences and a count; exit 1 if there are any."""
    parser = argparse.ArgumentParser(description="Compare a descriptor set with schema facts.")
    parser.add_argument("facts", type=Path, metavar="FACTS.json")
    parser.add_argument("desc", type=Path, metavar="DESC", nargs="?", default=DEFAULT_DESC)
    options = parser.parse_args(arguments)
    facts = facts_table(json.loads(options.facts.read_text(encoding="utf-8")))
    schema = descriptor_table(FileDescriptorSet.FromString(options.desc.read_bytes()))
    lines = list(differences(facts, schema))
    for line in [*lines, count_line(schema, len(lines))]:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
