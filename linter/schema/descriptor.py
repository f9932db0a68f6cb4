"""A descriptor set as plain lookup tables, built message by message when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message as ProtobufMessage

from .dialects import Dialects, LayerFacts


class EnumType:
    """An enum: its values by name and by number."""

    def __init__(self, descriptor: EnumDescriptor) -> None:
        self.name: str = descriptor.name
        self.path: str = descriptor.full_name.partition(".")[2]
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
        self.schema = schema
        self._descriptor = descriptor
        self.name: str = descriptor.name

    def __repr__(self) -> str:
        return f"MessageType({self.name!r})"

    @property
    def path(self) -> str:
        """The name with those of the messages that it is declared in, without the package."""
        return self._descriptor.full_name.partition(".")[2]

    @cached_property
    def fields(self) -> dict[str, FieldType]:
        """Fields by name, in the order of their declaration."""
        return {f.name: FieldType(self.schema, f) for f in self._descriptor.fields}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the required fields."""
        return tuple(name for name, field in self.fields.items() if field.required)

    def new_message(self) -> ProtobufMessage:
        """An empty protobuf message of this type."""
        return message_factory.GetMessageClass(self._descriptor)()


class Schema:
    """The ``caffe.proto`` of one Caffe: BVLC's, that of a fork, of several together, or the user's.

    ``title`` is what messages call it. ``dialects`` are the forks whose additions it has,
    ``layers`` the layer types that it has besides BVLC's, whose own schema is ``base``. ``own``
    tells that a ``caffe.proto`` of the user's is in it. ``known`` gives all dialects, to tell in
    which of them something is known that this schema does not know.
    """

    def __init__(
        self,
        descriptor_set: bytes,
        title: str = "BVLC Caffe",
        dialects: tuple[str, ...] = (),
        layers: Iterable[LayerFacts] = (),
        known: Callable[[], Dialects] | None = None,
        base: Schema | None = None,
        own: bool = False,
    ) -> None:
        self.title = title
        self.base = base
        self.own = own
        self.dialects = dialects
        self.layers: dict[str, LayerFacts] = {layer.type: layer for layer in layers}
        self.known = known
        self.pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
            self.pool.Add(file)
        self._messages: dict[str, MessageType] = {}
        self._enums: dict[str, EnumType] = {}

    def builds_on(self, dialect: str) -> bool:
        """Whether it has the additions of a dialect that adds layer types."""
        return any(layer.dialect == dialect for layer in self.layers.values())

    @cached_property
    def own_blocks(self) -> dict[str, str]:
        """The parameter blocks that the user's ``caffe.proto`` adds to layers, by the letters of
        the layer type that they are likely to be for.
        """
        layer = self.net.fields["layer"].message
        bvlc = self.base.net.fields["layer"].message if self.own and self.base else None
        if layer is None or bvlc is None:
            return {}
        return {
            name.removesuffix("_param").replace("_", ""): name
            for name, field in layer.fields.items()
            if name.endswith("_param") and field.message is not None and name not in bvlc.fields
        }

    @cached_property
    def lr_policies(self) -> frozenset[str]:
        """The values of ``lr_policy`` that the forks know and BVLC does not."""
        if self.known is None or not self.dialects:
            return frozenset()
        return self.known().lr_policies(self.dialects)

    @cached_property
    def v1_types(self) -> dict[str, str]:
        """Layer types by what ``V1LayerParameter.LayerType`` calls them, BVLC's left out."""
        return {name: layer.type for layer in self.layers.values() for name in layer.v1}

    @cached_property
    def net(self) -> MessageType:
        """The type of a net file."""
        return self.message_type(self.pool.FindMessageTypeByName("caffe.NetParameter"))

    @cached_property
    def solver(self) -> MessageType:
        """The type of a solver file."""
        return self.message_type(self.pool.FindMessageTypeByName("caffe.SolverParameter"))

    def find_message(self, path: str) -> MessageType | None:
        """The message type of a name without package; None if there is none."""
        try:
            return self.message_type(self.pool.FindMessageTypeByName(f"caffe.{path}"))
        except KeyError:
            return None

    def find_enum(self, path: str) -> EnumType | None:
        """The enum of a name without package; None if there is none."""
        try:
            return self.enum_type(self.pool.FindEnumTypeByName(f"caffe.{path}"))
        except KeyError:
            return None

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
