"""One text as the features see it: its tree, what it is, and its nets with their shapes.

Everything is worked out when it is first asked for, and kept as long as the text stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from ..core.collector import paused_collector
from ..core.source import Source
from ..dialects import Read, read_as
from ..model.build import Shapes, set_up
from ..model.net import Layer, Net
from ..model.shapes.setup import Shape
from ..model.views import likely_views
from ..resources import load_schema
from ..schema.descriptor import FieldType, MessageType, Schema
from ..schema.message import Message
from ..schema.upgrade import upgrade_net
from ..syntax.parser import parse
from ..syntax.tree import Field, Tree
from ..told import NOTHING_TOLD, Told

_MOST_LAYERS = 20_000
"""Nets with more layers than this are not set up while they are written."""


class View(Struct, frozen=True):
    """A net as one state builds it, with the shapes of its blobs."""

    net: Net
    shapes: Shapes

    @property
    def phase(self) -> str:
        """``TRAIN`` or ``TEST``."""
        return self.net.state.phase


class Written(Struct, frozen=True):
    """A field of the text with its type in the schema, None where that is not known; ``parent`` is
    the message type that it stands in.
    """

    field: Field
    parent: MessageType | None
    type: FieldType | None


class Document:
    """A text under the path of its file. ``given`` are the shapes that the config tells."""

    def __init__(
        self,
        path: Path,
        text: str,
        told: Told = NOTHING_TOLD,
        given: Mapping[str, Shape] | None = None,
    ) -> None:
        self.path = path
        self.text = text
        self.source = Source(path.as_posix(), text)
        self._told = told
        self._given = given

    @cached_property
    def tree(self) -> Tree:
        """The parsed text; whatever it is, there is one."""
        with paused_collector():
            return parse(self.source)

    @cached_property
    def _read(self) -> Read:
        with paused_collector():
            return read_as(self.tree, self._told, self.path)

    @property
    def schema(self) -> Schema:
        """The schema that the text is read with."""
        return self._read.schema if self._read.message is not None else load_schema()

    @cached_property
    def root(self) -> MessageType:
        """What the text is: a net or a solver, by its name where it holds too little to tell."""
        message = self._read.message
        if message is not None:
            return message.type
        named_solver = "solver" in self.path.name.lower()
        return self.schema.solver if named_solver else self.schema.net

    @property
    def is_net(self) -> bool:
        """Whether it is a net rather than a solver."""
        return self.root is self.schema.net

    @property
    def message(self) -> Message | None:
        """The text as a message of its type, None where it is neither net nor solver."""
        return self._read.message

    @cached_property
    def views(self) -> list[View]:
        """The nets that Caffe is likely to build of a net file; none of a solver."""
        message = self.message
        if message is None or not self.is_net:
            return []
        if max(len(message.get("layer")), len(message.get("layers"))) > _MOST_LAYERS:
            return []
        with paused_collector():
            net, _ = upgrade_net(message)
            return [View(view, set_up(view, self._given)[0]) for view in likely_views(net)]

    def layers_at(self, block: Field) -> Iterator[tuple[View, Layer]]:
        """The layers that a ``layer`` block becomes, one for each view that keeps it."""
        for view in self.views:
            layer = self._layers[id(view)].get(block.name_start)
            if layer is not None:
                yield view, layer

    @cached_property
    def _layers(self) -> dict[int, dict[int, Layer]]:
        """By view, the layers by where their blocks start."""
        return {
            id(view): {
                layer.message.node.name_start: layer
                for layer in reversed(view.net.layers)
                if layer.message.node is not None
            }
            for view in self.views
        }

    # Places

    def fields_at(self, offset: int) -> list[Written]:
        """The fields around an offset, from the outermost to the innermost."""
        found: list[Written] = []
        fields: list[Field] | None = self.tree.fields
        type_: MessageType | None = self.root
        while fields is not None:
            field = _around(fields, offset)
            if field is None:
                break
            known = type_.fields.get(field.name) if type_ is not None else None
            found.append(Written(field, type_, known))
            fields = field.children
            type_ = known.message if known is not None else None
        return found


def _around(fields: list[Field], offset: int) -> Field | None:
    """The field that an offset lies in; of two that meet there the later one."""
    # Fields stand in the order of the text, so the last that starts before is the one.
    low, high = 0, len(fields)
    while low < high:
        middle = (low + high) // 2
        if fields[middle].name_start <= offset:
            low = middle + 1
        else:
            high = middle
    for field in reversed(fields[:low]):
        if field.listed and not (field.start <= offset <= field.end):
            if field.listed == 1:
                return field if offset <= field.end else None
            continue
        return field if offset <= field.end else None
    return None
