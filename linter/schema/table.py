"""What a ``caffe.proto`` declares, as rows: of a packed file for BVLC's, of descriptors for others.

protobuf is needed for descriptors only, and for messages of its own, which few runs make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct

from . import scalar
from .dialects import PACKAGE

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtobufMessage


class FieldRow(Struct, frozen=True, array_like=True):
    """One field of a message. ``type`` is one of ``scalar``'s; ``of`` the message or enum of those
    types, by its name without package. ``default`` is a name for enums, None for what has none.
    """

    name: str
    type: int
    repeated: bool
    required: bool
    default: Any
    of: str


class Tables(Protocol):
    """Messages and enums by their names without package."""

    def has_message(self, path: str) -> bool:
        """Whether there is a message of this name."""

    def message(self, path: str) -> Sequence[FieldRow]:
        """The fields of a message in the order of their declaration; KeyError if there is none."""

    def enum(self, path: str) -> Sequence[tuple[str, int]]:
        """The values of an enum in the order of their declaration; KeyError if there is none."""

    def new_message(self, path: str) -> ProtobufMessage:
        """An empty protobuf message."""


class Described:
    """The tables of a descriptor set.

    Raises:
        TypeError: for files that contradict each other.
    """

    def __init__(self, descriptor_set: bytes) -> None:
        from ..core.pool import pool_of

        self._pool = pool_of(descriptor_set)

    def has_message(self, path: str) -> bool:
        """Whether there is a message of this name."""
        try:
            self._pool.FindMessageTypeByName(f"{PACKAGE}.{path}")
        except KeyError:
            return False
        return True

    def message(self, path: str) -> Sequence[FieldRow]:
        """The fields of a message in the order of their declaration; KeyError if there is none."""
        return list(map(_row, self._pool.FindMessageTypeByName(f"{PACKAGE}.{path}").fields))

    def enum(self, path: str) -> Sequence[tuple[str, int]]:
        """The values of an enum in the order of their declaration; KeyError if there is none."""
        enum = self._pool.FindEnumTypeByName(f"{PACKAGE}.{path}")
        return [(value.name, value.number) for value in enum.values]

    def new_message(self, path: str) -> ProtobufMessage:
        """An empty protobuf message."""
        from google.protobuf.message_factory import GetMessageClass

        return GetMessageClass(self._pool.FindMessageTypeByName(f"{PACKAGE}.{path}"))()


def _row(field: Any) -> FieldRow:
    """The row of a ``FieldDescriptor``."""
    type_, of, default = field.type, "", None
    if type_ == scalar.MESSAGE:
        of = _path(field.message_type)
    elif type_ == scalar.ENUM:
        of = _path(field.enum_type)
    if not field.is_repeated and type_ != scalar.MESSAGE:
        default = field.default_value
        if type_ == scalar.ENUM:
            # With aliases the first name of a number is the one to show.
            default = field.enum_type.values_by_number[default].name
    return FieldRow(field.name, type_, field.is_repeated, field.is_required, default, of)


def _path(descriptor: Any) -> str:
    return str(descriptor.full_name.partition(".")[2])


class _Pack(Struct):
    """What a packed file holds; each entry is packed once more, since most runs need few."""

    messages: dict[str, msgspec.Raw]
    enums: dict[str, msgspec.Raw]


_ROWS = msgspec.msgpack.Decoder(list[FieldRow])
_VALUES = msgspec.msgpack.Decoder(list[tuple[str, int]])


def pack(descriptor_set: bytes) -> bytes:
    """The tables of a descriptor set as a file for ``Packed``."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    tables, encode = Described(descriptor_set), msgspec.msgpack.encode
    messages, enums = [], []
    for file in FileDescriptorSet.FromString(descriptor_set).file:
        enums += [one.name for one in file.enum_type]
        for path, message in _declared(file.message_type, ""):
            messages.append(path)
            enums += [f"{path}.{one.name}" for one in message.enum_type]
    return encode(
        _Pack(
            {path: msgspec.Raw(encode(tables.message(path))) for path in messages},
            {path: msgspec.Raw(encode(tables.enum(path))) for path in enums},
        )
    )


def _declared(messages: Any, scope: str) -> Iterator[tuple[str, Any]]:
    for message in messages:
        path = f"{scope}{message.name}"
        yield path, message
        yield from _declared(message.nested_type, f"{path}.")


class Packed:
    """The tables of a packed file; ``descriptor_set`` gives what it was made from."""

    def __init__(self, packed: bytes, descriptor_set: Callable[[], bytes]) -> None:
        self._pack = msgspec.msgpack.decode(packed, type=_Pack)
        self._descriptor_set = descriptor_set

    def has_message(self, path: str) -> bool:
        """Whether there is a message of this name."""
        return path in self._pack.messages

    def message(self, path: str) -> Sequence[FieldRow]:
        """The fields of a message in the order of their declaration; KeyError if there is none."""
        return _ROWS.decode(self._pack.messages[path])

    def enum(self, path: str) -> Sequence[tuple[str, int]]:
        """The values of an enum in the order of their declaration; KeyError if there is none."""
        return _VALUES.decode(self._pack.enums[path])

    def new_message(self, path: str) -> ProtobufMessage:
        """An empty protobuf message."""
        return self._described.new_message(path)

    @cached_property
    def _described(self) -> Described:
        return Described(self._descriptor_set())
