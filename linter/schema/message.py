"""Typed trees: the fields of a message by name, each with the place where it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ..core.source import Span
from ..syntax.tree import Field
from .descriptor import MessageType

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtobufMessage

_NOWHERE = Span(0, 0)
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


class Message(Struct, eq=False, gc=False):  # and at nothing that holds it
    """A message of a known type as the text gives it.

    Values are Python values: enums are their names, messages are ``Message``. ``node`` is the
    field that the message stands in, None for a whole file. Messages made by an upgrade point at
    the fields that they came from.

    ``unread`` are the fields that are written with a value that nobody can know, such as the
    placeholder of a template; an empty name is a placeholder that stands for fields.
    ``has_unknown`` tells that it, or a block in it, is written with a field that its type lacks.
    """

    type: MessageType
    node: Field | None = None
    values: dict[str, Any] = {}
    nodes: dict[str, Any] = {}
    unread: frozenset[str] = frozenset()
    has_unknown: bool = False

    def __repr__(self) -> str:
        return f"Message({self.type.name}, {self.values!r})"

    def has(self, name: str) -> bool:
        """Whether the field is written at all (for a repeated one, at least once)."""
        return name in self.values

    def get(self, name: str) -> Any:
        """The field's value, or the schema's default; an absent message is None.

        Repeated fields give a list, which the caller must not change.
        """
        value = self.values.get(name)
        if value is not None:
            return value
        field = self.type.fields[name]
        return [] if field.repeated else field.default

    def sub(self, name: str) -> Message:
        """The message in field ``name``; an empty one where it is absent, so that defaults show.

        The caller must not change it: the empty one is there once for its type.
        """
        value = self.values.get(name)
        if value is not None:
            assert isinstance(value, Message)
            return value
        type_ = self.type.fields[name].message
        assert type_ is not None
        if type_.empty is None:
            type_.empty = Message(type_)
        empty: Message = type_.empty
        return empty

    def field(self, name: str, index: int = 0) -> Field | None:
        """Where value number ``index`` of a field was written, None where it was not."""
        nodes = self.nodes.get(name)
        if isinstance(nodes, list):
            return nodes[index] if index < len(nodes) else None
        return nodes

    def span(self, name: str, index: int = 0) -> Span:
        """Span to point at for a field; where it is absent, that of the message itself."""
        field = self.field(name, index)
        if field is not None:
            return field.span
        return self.node.span if self.node is not None else _NOWHERE

    def find(self, path: str) -> Span | None:
        """Span of a field path like ``batch_norm_param.eps`` or ``bottom[1]``; None if not written.

        The empty path is the message itself.
        """
        if not path:
            return self.node.span if self.node is not None else None
        message, span = self, None
        for name, index in _STEP.findall(path):
            number = int(index or 0)
            field = message.field(name, number)
            if field is None:
                return None
            span = field.span
            value = message.values[name]
            value = value[number] if isinstance(value, list) else value
            if isinstance(value, Message):
                message = value
        return span

    def is_unread(self, path: str) -> bool:
        """Whether what a field path leads to is written, but its value cannot be known."""
        message = self
        for name, index in _STEP.findall(path):
            if name in message.unread:
                return True
            value = message.values.get(name)
            if isinstance(value, list):
                value = next(iter(value[int(index or 0) :]), None)
            if not isinstance(value, Message):
                return False
            message = value
        return bool(path) and "" in message.unread

    def set(self, name: str, value: Any, node: Field | None) -> None:
        """Set a field that is not repeated."""
        self.values[name] = value
        self.nodes[name] = node

    def add(self, name: str, value: Any, node: Field | None) -> None:
        """Append to a repeated field."""
        self.values.setdefault(name, []).append(value)
        self.nodes.setdefault(name, []).append(node)

    def copy_field(self, other: Message, name: str, to: str | None = None) -> None:
        """Take over a field of another message, places included, as field ``to``."""
        if name in other.values:
            self.values[to or name] = other.values[name]
            self.nodes[to or name] = other.nodes[name]

    def copy(self) -> Message:
        """A copy whose fields can be replaced without touching this message's."""
        copy = Message(self.type, self.node)
        copy.values, copy.nodes = dict(self.values), dict(self.nodes)
        copy.unread, copy.has_unknown = self.unread, self.has_unknown
        return copy

    def without(self, *names: str) -> Message:
        """A copy without some of the fields."""
        result = self.copy()
        for name in names:
            result.values.pop(name, None)
            result.nodes.pop(name, None)
        return result

    def replaced(self, name: str, children: list[Message]) -> Message:
        """A copy with other messages in a repeated field."""
        result = self.without(name)
        for child in children:
            result.add(name, child, child.node)
        return result

    def own_block(self, name: str, node: Field | None) -> Message:
        """The message in a field, replaced by a copy, or made new as if it stood at ``node``."""
        type_ = self.type.fields[name].message
        assert type_ is not None
        old = self.values.get(name)
        block = Message(type_, node) if old is None else old.copy()
        self.set(name, block, block.node)
        return block

    def items(self, name: str) -> Iterator[tuple[Any, Field | None]]:
        """Values of a repeated field, each with its place."""
        return zip(self.values.get(name, ()), self.nodes.get(name, ()), strict=True)

    def to_protobuf(self) -> ProtobufMessage:
        """The same content as a protobuf message."""
        result = self.type.new_message()
        _fill(result, self)
        return result


def _fill(target: ProtobufMessage, message: Message) -> None:
    fields = message.type.fields
    for name, value in message.values.items():
        field = fields[name]
        if field.message is not None:
            if not field.repeated:
                child = getattr(target, name)
                child.SetInParent()
                _fill(child, value)
                continue
            children = getattr(target, name)
            for item in value:
                _fill(children.add(), item)
        elif field.repeated:
            getattr(target, name).extend(_plain(field.enum, item) for item in value)
        else:
            setattr(target, name, _plain(field.enum, value))


def _plain(enum: Any, value: Any) -> Any:
    if enum is not None:
        return enum.numbers[value]
    if isinstance(value, str) and not value.isascii():
        # A protobuf string is Unicode; what the file has instead is shown as U+FFFD.
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value
