"""A ``caffe.proto`` as plain lookup tables, built message by message when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import scalar
from .dialects import Dialects, LayerFacts
from .table import FieldRow, Tables

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtobufMessage


class EnumType:
    """An enum: its values by name and by number; ``path`` is its name, without package, with those
    of the messages that it is declared in.
    """

    def __init__(self, path: str, values: Iterable[tuple[str, int]]) -> None:
        self.name = path.rpartition(".")[2]
        self.path = path
        self.numbers: dict[str, int] = dict(values)
        # With aliases the first name of a number is the one to show.
        self.names: dict[int, str] = {
            number: name for name, number in reversed(self.numbers.items())
        }


class FieldType:
    """One field of a message type. ``type`` is its value type, one of ``scalar``'s."""

    __slots__ = ("name", "type", "repeated", "required", "default", "message", "enum")

    def __init__(self, schema: Schema, row: FieldRow) -> None:
        self.name = row.name
        self.type = row.type
        self.repeated = row.repeated
        self.required = row.required
        self.default = row.default
        self.message = schema.message_type(row.of) if row.type == scalar.MESSAGE else None
        self.enum = schema.enum_type(row.of) if row.type == scalar.ENUM else None


class MessageType:
    """One message type; its fields are looked up when first needed. ``path`` is its name, without
    package, with those of the messages that it is declared in.
    """

    def __init__(self, schema: Schema, path: str) -> None:
        self.schema = schema
        self.path = path
        self.name = path.rpartition(".")[2]
        self.empty: Any = None
        """The ``Message`` of this type that has no fields, once one was asked for."""

    def __repr__(self) -> str:
        return f"MessageType({self.name!r})"

    @cached_property
    def fields(self) -> dict[str, FieldType]:
        """Fields by name, in the order of their declaration."""
        rows = self.schema.tables.message(self.path)
        return {row.name: FieldType(self.schema, row) for row in rows}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the required fields."""
        return tuple(name for name, field in self.fields.items() if field.required)

    def new_message(self) -> ProtobufMessage:
        """An empty protobuf message of this type."""
        return self.schema.tables.new_message(self.path)


class Schema:
    """The ``caffe.proto`` of one Caffe: BVLC's, that of a fork, of several together, or the user's.

    ``title`` is what messages call it. ``dialects`` are the forks whose additions it has,
    ``layers`` the layer types that it has besides BVLC's, whose own schema is ``base``. ``own``
    tells that a ``caffe.proto`` of the user's is in it. ``known`` gives all dialects, to tell in
    which of them something is known that this schema does not know.
    """

    def __init__(
        self,
        tables: Tables,
        title: str = "BVLC Caffe",
        dialects: tuple[str, ...] = (),
        layers: Iterable[LayerFacts] = (),
        known: Callable[[], Dialects] | None = None,
        base: Schema | None = None,
        own: bool = False,
    ) -> None:
        self.tables = tables
        self.title = title
        self.base = base
        self.own = own
        self.dialects = dialects
        self.layers: dict[str, LayerFacts] = {layer.type: layer for layer in layers}
        self.known = known
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
        return self.message_type("NetParameter")

    @cached_property
    def solver(self) -> MessageType:
        """The type of a solver file."""
        return self.message_type("SolverParameter")

    def find_message(self, path: str) -> MessageType | None:
        """The message type of a name without package; None if there is none."""
        return self.message_type(path) if self.tables.has_message(path) else None

    def find_enum(self, path: str) -> EnumType | None:
        """The enum of a name without package; None if there is none."""
        try:
            return self.enum_type(path)
        except KeyError:
            return None

    def message_type(self, path: str) -> MessageType:
        """The message type of a name without package that the schema has; one object per type."""
        if path not in self._messages:
            self._messages[path] = MessageType(self, path)
        return self._messages[path]

    def enum_type(self, path: str) -> EnumType:
        """The enum of a name without package; one object per type.

        Raises:
            KeyError: if there is none.
        """
        if path not in self._enums:
            self._enums[path] = EnumType(path, self.tables.enum(path))
        return self._enums[path]
