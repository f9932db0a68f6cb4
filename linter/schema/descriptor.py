"""A descriptor set as plain lookup tables, built message by message when first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message as ProtobufMessage


class EnumType:
    """An enum: its values by name and by number."""

    def __init__(self, descriptor: EnumDescriptor) -> None:
        self.name: str = descriptor.name
        self.numbers: dict[str, int] = {v.name: v.number for v in descriptor.values}
        # With aliases the first name of a number is the one to show.
        self.names: dict[int, str] = {v.number: v.name for v in reversed(descriptor.values)}


class FieldType:
    """One field of a message type. ``reader`` is its value type, as ``FieldDescriptor.TYPE_…``."""

    __slots__ = ("name", "type", "repeated", "required", "default", "message", "enum")

    def __init__(self, schema: Schema, descriptor: FieldDescriptor) -> None:
        self.name: str = descriptor.name
        self.type: int = descriptor.type
        self.repeated: bool = descriptor.is_repeated
        self.required: bool = descriptor.is_required
        self.message: MessageType | None = None
        self.enum: EnumType | None = None
        self.default: Any = None
        if self.type == FieldDescriptor.TYPE_MESSAGE:
            self.message = schema.message_type(descriptor.message_type)
        elif self.type == FieldDescriptor.TYPE_ENUM:
            self.enum = schema.enum_type(descriptor.enum_type)
            if not self.repeated:
                self.default = self.enum.names[descriptor.default_value]
        elif not self.repeated:
            self.default = descriptor.default_value


class MessageType:
    """One message type; its fields are looked up when first needed."""

    def __init__(self, schema: Schema, descriptor: Descriptor) -> None:
        self._schema = schema
        self._descriptor = descriptor
        self.name: str = descriptor.name

    def __repr__(self) -> str:
        return f"MessageType({self.name!r})"

    @cached_property
    def fields(self) -> dict[str, FieldType]:
        """Fields by name, in the order of their declaration."""
        return {f.name: FieldType(self._schema, f) for f in self._descriptor.fields}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the required fields."""
        return tuple(name for name, field in self.fields.items() if field.required)

    def new_message(self) -> ProtobufMessage:
        """An empty protobuf message of this type."""
        return message_factory.GetMessageClass(self._descriptor)()


class Schema:
    """One dialect's ``caffe.proto``."""

    def __init__(self, descriptor_set: bytes) -> None:
        self.pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
            self.pool.Add(file)
        self._messages: dict[str, MessageType] = {}
        self._enums: dict[str, EnumType] = {}

    @cached_property
    def net(self) -> MessageType:
        """The type of a net file."""
        return self.message_type(self.pool.FindMessageTypeByName("caffe.NetParameter"))

    @cached_property
    def solver(self) -> MessageType:
        """The type of a solver file."""
        return self.message_type(self.pool.FindMessageTypeByName("caffe.SolverParameter"))

    def message_type(self, descriptor: Descriptor | None) -> MessageType:
        """The table of a message type; one object per type."""
        assert descriptor is not None  # a field of message type has one
        name = descriptor.full_name
        if name not in self._messages:
            self._messages[name] = MessageType(self, descriptor)
        return self._messages[name]

    def enum_type(self, descriptor: EnumDescriptor | None) -> EnumType:
        """The table of an enum type; one object per type."""
        assert descriptor is not None  # a field of enum type has one
        name = descriptor.full_name
        if name not in self._enums:
            self._enums[name] = EnumType(descriptor)
        return self._enums[name]
