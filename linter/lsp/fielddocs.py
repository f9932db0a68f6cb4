"""What the schema's comments say of messages, fields and enum values.

Descriptor sets carry no comments, so they are read from the ``.proto`` files, which ship beside
them: the ``//`` lines right above a declaration, and the one behind it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from ..resources import proto_folder
from ..schema.descriptor import FieldType, MessageType, Schema

_STATEMENT = re.compile(
    r"""[ \t]*(?:
        //(?P<comment>.*)
      | (?:message|enum)[ \t]+(?P<block>\w+)[ \t]*\{
      | (?P<oneof>oneof[ \t]+\w+[ \t]*\{)
      | (?P<close>\})
      | (?:(?:optional|required|repeated)[ \t]+[\w.]+[ \t]+)?(?P<name>\w+)[ \t]*=[ \t]*-?\w+[^;]*;?
        (?:[ \t]*//(?P<behind>.*))?
    )""",
    re.VERBOSE,
)


def comments_of(proto: str) -> dict[str, str]:
    """The comments of a ``.proto`` text by path, as in ``PoolingParameter.PoolMethod.MAX``."""
    found: dict[str, str] = {}
    blocks: list[str] = []
    above: list[str] = []
    for line in proto.splitlines():
        match = _STATEMENT.match(line)
        if match is None:
            above = []
            continue
        if match["comment"] is not None:
            above.append(match["comment"].strip())
            continue
        if match["block"] or match["oneof"]:
            name = match["block"] or ""
        elif match["close"]:
            del blocks[-1:]
            above = []
            continue
        else:
            name = match["name"]
        path = ".".join(part for part in (*blocks, name) if part)
        text = " ".join([*above, (match["behind"] or "").strip()]).strip()
        if text:
            found[path] = text
        if (match["block"] or match["oneof"]) and "}" not in line:
            blocks.append(name)
        above = []
    return found


@cache
def _comments(dialect: str) -> Mapping[str, str]:
    name = f"dialects/{dialect}.proto" if dialect else "caffe.proto"
    try:
        return comments_of((proto_folder() / name).read_text(encoding="utf-8"))
    except OSError:  # the files of the forks may be left out of a package
        return {}


def comment(schema: Schema, path: str) -> str:
    """What a schema says of something, by its path; empty if it says nothing."""
    for dialect in (*reversed(schema.dialects), ""):
        if found := _comments(dialect).get(path):
            return found
    return ""


def field_comment(parent: MessageType, field: FieldType) -> str:
    """What the schema says of a field."""
    return comment(parent.schema, f"{parent.path}.{field.name}")


def type_words(field: FieldType) -> str:
    """A field's type in words, like ``repeated float``."""
    if field.message is not None:
        word = field.message.name
    elif field.enum is not None:
        word = field.enum.name
    else:
        word = _SCALARS.get(field.type, "number")
    return f"repeated {word}" if field.repeated else word


def default_words(field: FieldType) -> str:
    """A field's default as it would be written; empty where it has none that is worth a word."""
    default = field.default
    if field.repeated or field.message is not None or default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, bytes):
        default = default.decode("utf-8", "replace")
    if field.enum is None and isinstance(default, str):
        return f'"{default}"' if default else ""
    return f"{default:.7g}" if isinstance(default, float) else str(default)


_SCALARS = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32",
    8: "bool", 9: "string", 12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64",
    17: "sint32", 18: "sint64",
}  # fmt: skip
"""Scalar types by number (``FieldDescriptorProto.Type``)."""
