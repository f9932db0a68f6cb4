"""A layer that should not stand between two others: its reader reads what it reads."""

from __future__ import annotations

import re

from ..core.diagnostic import Edit
from ..syntax.lexer import next_token
from ..syntax.tree import Field, Kind, Tree
from . import layout

# All layers are gone through for each fix, which would take long in a net of endless many.
_MOST_LAYERS = 5000


def bypass(tree: Tree, reader: Field | None, type_: str, at: str) -> tuple[Edit, ...]:
    """Let ``reader``, a ``layer`` block, read past the layer of type ``type_`` that makes its
    bottom ``at`` (``bottom[0]``), and take that layer out if nothing else reads it.

    None where the text is not that simple: old forms, several bottoms or tops, other layers
    between the two that work in place.
    """
    match = re.fullmatch(r"(\w+)\[(\d+)\]", at)
    if reader is None or reader.name != "layer" or match is None:
        return ()
    bottoms = _fields(reader, match[1])
    if int(match[2]) >= len(bottoms):
        return ()
    bottom = bottoms[int(match[2])]
    name = bottom.text[1:-1]
    if len(tree.fields) > _MOST_LAYERS:
        return ()
    layers = [one for one in tree.fields if one.name == "layer" and one.children is not None]
    before = [one for one in layers if one.name_start < reader.name_start]
    maker = next((one for one in reversed(before) if name in _texts(one, "top")), None)
    if maker is None or _texts(maker, "type") != [type_] or _texts(maker, "top") != [name]:
        return ()
    below = _fields(maker, "bottom")
    if len(below) != 1 or below[0].kind != Kind.STRING:
        return ()
    two = (maker.name_start, reader.name_start)
    others = [one for one in layers if one.name_start not in two and name in _texts(one, "bottom")]
    if below[0].text[1:-1] == name:  # in place: without it the reader reads what it should
        return () if others else (_without(tree, maker),)
    edit = layout.value(tree.source.text, bottom, f'"{below[0].text[1:-1]}"')
    return (edit,) if others else (_without(tree, maker), edit)


def _without(tree: Tree, layer: Field) -> Edit:
    return layout.removal(tree.source.text, layer.name_start, layer.end)


def _fields(layer: Field, name: str) -> list[Field]:
    return [child for child in layer.children or () if child.name == name]


def _texts(layer: Field, name: str) -> list[str]:
    """The texts of a field, as far as they are one plain literal each."""
    return [child.text[1:-1] for child in _fields(layer, name) if _is_plain(child)]


def _is_plain(field: Field) -> bool:
    return field.kind == Kind.STRING and next_token(field.text, 0).end == len(field.text)
