"""Every place where a net's text names a blob, a layer or a shared learned blob.

Names are taken from the text, not from what Caffe builds of it: renaming must find a name in both
phases, in layers that no state keeps, and in texts that Caffe would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ..core.source import Span
from ..syntax.lexer import next_token, unescape
from ..syntax.tree import Field, Kind, Tree

NameKind = Literal["blob", "layer", "param"]

_LAYERS = frozenset(("layer", "layers"))
_INLINE_NETS = frozenset(("net_param", "train_net_param", "test_net_param"))
_BLOB_ROLES = frozenset(("bottom", "top"))


class Named(Struct, frozen=True):
    """One place. ``role`` is the field: ``bottom``, ``top``, ``input``, ``name`` or ``param``.

    ``layer`` is the layer's block, None for what the net itself names. ``net`` tells the nets of
    one file apart: 0 for the file itself, else where the block of a net inside a solver starts.
    """

    kind: NameKind
    name: str
    role: str
    field: Field
    layer: Field | None
    net: int

    @property
    def span(self) -> Span:
        """The name as written, without its quotes."""
        text = self.field.text
        one = next_token(text, 0)
        if one.kind == "string" and not one.flaw and one.end == len(text):
            return Span(self.field.start + 1, self.field.end - 1)
        return Span(self.field.start, self.field.end)

    @property
    def makes(self) -> bool:
        """Whether the name comes into being here."""
        return self.role != "bottom"


def string_value(field: Field) -> str:
    """The text that a field's value stands for: adjacent literals are one."""
    if field.kind != Kind.STRING:
        return field.text
    parts: list[bytes] = []
    at = 0
    while (token := next_token(field.text, at)).kind == "string":
        parts.append(unescape(token.text))
        at = token.end
    return b"".join(parts).decode("utf-8", "surrogateescape")


def literal(name: str, like: str) -> str:
    """A name as a string literal, in the quotes that ``like`` is written in."""
    quote = like[:1] if like[:1] in ("'", '"') else '"'
    escaped = name.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")
    return f"{quote}{escaped}{quote}"


def all_names(tree: Tree) -> list[Named]:
    """All places of a text, in its order."""
    found = list(_in_net(tree.fields, 0))
    for field in tree.fields:
        if field.name in _INLINE_NETS and field.children is not None:
            found += _in_net(field.children, field.name_start)
    return found


def _in_net(fields: list[Field], net: int) -> Iterator[Named]:
    for field in fields:
        if field.name == "input" and _is_text(field):
            yield Named("blob", string_value(field), "input", field, None, net)
        elif field.name in _LAYERS and field.children is not None:
            yield from _in_layer(field, field.children, net)


def _in_layer(layer: Field, fields: list[Field], net: int) -> Iterator[Named]:
    for field in fields:
        if field.children is None:
            if not _is_text(field):
                continue
            if field.name in _BLOB_ROLES:
                yield Named("blob", string_value(field), field.name, field, layer, net)
            elif field.name == "name":
                yield Named("layer", string_value(field), "name", field, layer, net)
            elif field.name == "param":  # of the V1 form
                yield Named("param", string_value(field), "param", field, layer, net)
        elif field.name == "layer":  # of the V0 form
            yield from _in_layer(layer, field.children, net)
        elif field.name == "param":
            for one in field.children:
                if one.name == "name" and _is_text(one):
                    yield Named("param", string_value(one), "param", one, layer, net)


def _is_text(field: Field) -> bool:
    return field.kind in (Kind.STRING, Kind.IDENTIFIER)


def name_at(names: list[Named], offset: int) -> Named | None:
    """The place that an offset lies in, quotes included."""
    return next((one for one in names if one.field.start <= offset <= one.field.end), None)


def same(names: list[Named], one: Named) -> list[Named]:
    """All places that mean the same thing: of one kind and name, in one net."""
    return [
        other
        for other in names
        if other.kind == one.kind and other.name == one.name and other.net == one.net
    ]
