"""What can be written where the cursor is.

Fields come from the schema, enum values too; layer types, fillers and policies from what the model
knows of Caffe; blob and param names from the text above the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from ..core.source import Span
from ..model.forks import layer_types
from ..model.shapes.setup import FILLERS, shown
from ..model.solver import LR_POLICIES, SOLVER_TYPES
from ..schema.descriptor import FieldType, MessageType
from ..syntax.tree import Field, Kind
from .cursor import Cursor, cursor_at
from .document import Document
from .fielddocs import comment, default_words, field_comment, type_words
from .hover import about_type
from .names import all_names, string_value

_TEXT_TYPES = (9, 12)
"""``string`` and ``bytes``."""

ItemKind = Literal["field", "block", "value", "type", "blob", "name"]


class Item(Struct, frozen=True):
    """One suggestion: ``text`` replaces ``span``. In ``snippet`` form ``$0`` is where to go on;
    ``rank`` orders suggestions before their names do.
    """

    label: str
    kind: ItemKind
    span: Span
    text: str
    detail: str = ""
    about: str = ""
    snippet: bool = False
    rank: int = 0


def complete(document: Document, offset: int, *, snippets: bool = False) -> list[Item]:
    """The suggestions at an offset, the likeliest first."""
    cursor = cursor_at(document.text, offset)
    if cursor is None:
        return []
    place = _place(document, cursor)
    if place is None:
        return []
    items = _Completer(document, cursor, place, snippets=snippets)
    found = items.values() if cursor.field else items.fields()
    return sorted(found, key=lambda item: item.rank)


def _place(document: Document, cursor: Cursor) -> MessageType | None:
    """The message type that is being written."""
    type_: MessageType | None = document.root
    for name, _ in cursor.blocks:
        known = type_.fields.get(name) if type_ is not None else None
        type_ = known.message if known is not None else None
    return type_


class _Completer:
    """Suggestions for a cursor in a message of type ``place``."""

    def __init__(
        self, document: Document, cursor: Cursor, place: MessageType, *, snippets: bool
    ) -> None:
        self.document = document
        self.cursor = cursor
        self.place = place
        self.snippets = snippets

    # Names of fields

    def fields(self) -> Iterator[Item]:
        """The fields that may stand in the block, those of other layer types last."""
        written = {field.name for field in self._siblings()}
        for field in self.place.fields.values():
            if field.repeated or field.name not in written:
                yield self._field(field)

    def _field(self, field: FieldType) -> Item:
        block = field.message is not None
        default = default_words(field)
        return Item(
            field.name,
            "block" if block else "field",
            self.cursor.word,
            self._field_text(field),
            type_words(field) + (f" = {default}" if default else ""),
            field_comment(self.place, field),
            snippet=self.snippets,
            rank=self._rank(field),
        )

    def _field_text(self, field: FieldType) -> str:
        if self._colon_follows():
            return field.name
        hole = "$0" if self.snippets else ""
        if field.message is not None:
            return f"{field.name} {{\n\t$0\n}}" if self.snippets else f"{field.name} {{"
        if field.type in _TEXT_TYPES and self.snippets:
            return f'{field.name}: "{hole}"'
        return f"{field.name}: {hole}"

    def _colon_follows(self) -> bool:
        rest = self.document.text[self.cursor.word.end :]
        return rest.lstrip(" \t")[:1] in (":", "{")

    def _rank(self, field: FieldType) -> int:
        if self.place.name != "LayerParameter":
            return 1
        if not field.name.endswith("_param"):
            return 1
        type_ = layer_types(self.document.schema).get(self._layer_type())
        if type_ is not None and field.name == type_.param:
            return 0
        return 2 if field.name in ("transform_param", "loss_param") else 3

    # Values

    def values(self) -> Iterator[Item]:
        """The values that the field may have."""
        field = self.place.fields.get(self.cursor.field)
        if field is None:
            return
        if field.enum is not None:
            for name in field.enum.numbers:
                about = comment(self.document.schema, f"{field.enum.path}.{name}")
                yield Item(name, "value", self.cursor.word, name, field.enum.name, about)
        elif field.type == 8:
            yield from self._words(("true", "false"))
        elif field.type in _TEXT_TYPES:
            yield from self._texts()

    def _texts(self) -> Iterator[Item]:
        where = (self.place.name, self.cursor.field)
        match where:
            case ("LayerParameter", "type"):
                yield from self._layer_types()
            case ("FillerParameter", "type"):
                yield from self._quoted(FILLERS)
            case ("SolverParameter", "type"):
                yield from self._quoted(SOLVER_TYPES)
            case ("SolverParameter", "lr_policy"):
                forks = sorted(self.document.schema.lr_policies)
                yield from self._quoted((*LR_POLICIES, *forks))
            case ("LayerParameter" | "V1LayerParameter", "bottom"):
                yield from self._bottoms()
            case ("LayerParameter" | "V1LayerParameter", "top"):
                yield from self._tops()
            case ("ParamSpec", "name") | ("V1LayerParameter", "param"):
                yield from self._param_names()

    def _layer_types(self) -> Iterator[Item]:
        for name, type_ in sorted(layer_types(self.document.schema).items()):
            yield self._quote(name, "type", about=about_type(self.document, type_))

    def _bottoms(self) -> Iterator[Item]:
        """The blobs that are made above, the nearest first."""
        start = self._block_start()
        shapes = {
            blob.name: shown(shape)
            for view in reversed(self.document.views)
            for blob, shape in view.shapes.blobs.items()
            if shape is not None
        }
        makers = {
            one.name: one
            for one in all_names(self.document.tree)
            if one.kind == "blob" and one.makes and one.field.start < start
        }
        nearest = sorted(makers.values(), key=lambda one: -one.field.start)
        for rank, one in enumerate(nearest):
            yield self._quote(one.name, "blob", detail=shapes.get(one.name, ""), rank=rank)

    def _tops(self) -> Iterator[Item]:
        """The layer's own name, and its bottoms for working in place."""
        own = self._siblings()
        names = [string_value(one) for one in own if one.name == "name" and _is_text(one)]
        bottoms = [string_value(one) for one in own if one.name == "bottom" and _is_text(one)]
        details = dict.fromkeys(bottoms, "in place") | dict.fromkeys(names, "the layer's name")
        for rank, name in enumerate(dict.fromkeys((*names, *bottoms))):
            yield self._quote(name, "blob", detail=details[name], rank=rank)

    def _param_names(self) -> Iterator[Item]:
        names = (one.name for one in all_names(self.document.tree) if one.kind == "param")
        for name in dict.fromkeys(names):
            if name != self._typed():
                yield self._quote(name, "name", detail="shared by name")

    def _typed(self) -> str:
        return self.document.text[slice(*self.cursor.word)]

    # Forms

    def _words(self, words: Iterable[str]) -> Iterator[Item]:
        for word in words:
            yield Item(word, "value", self.cursor.word, word)

    def _quoted(self, words: Iterable[str]) -> Iterator[Item]:
        for word in words:
            yield self._quote(word, "value")

    def _quote(
        self, word: str, kind: ItemKind, detail: str = "", about: str = "", rank: int = 0
    ) -> Item:
        """A text, with the quotes that are missing."""
        quote = self.cursor.quote
        mark = quote or '"'
        text = word.replace("\\", "\\\\").replace(mark, f"\\{mark}").replace("\n", "\\n")
        if not quote:
            text = f'"{text}"'
        elif not self.cursor.closed:
            text += quote
        return Item(word, kind, self.cursor.word, text, detail, about, rank=rank)

    # What stands around

    def _block_start(self) -> int:
        """Where the layer that is written starts."""
        return self.cursor.blocks[0][1] if self.cursor.blocks else self.cursor.word.start

    def _siblings(self) -> list[Field]:
        """The fields of the block, without the one that is being written."""
        fields: list[Field] | None = self.document.tree.fields
        for _, start in self.cursor.blocks:
            block = next((one for one in fields or () if one.name_start == start), None)
            fields = block.children if block is not None else None
        at = self.cursor.word.start
        return [one for one in fields or () if not one.name_start <= at <= one.end]

    def _layer_type(self) -> str:
        type_ = next((one for one in self._siblings() if one.name == "type"), None)
        return string_value(type_) if type_ is not None and type_.children is None else ""


def _is_text(field: Field) -> bool:
    return field.kind in (Kind.STRING, Kind.IDENTIFIER)
