"""The outline of a text, and what can be folded in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ..core.source import Span
from ..syntax.lexer import comments
from ..syntax.tree import Field
from .document import Document
from .names import string_value


class Symbol(Struct, frozen=True):
    """One line of the outline: a layer of a net, or a field of a solver.

    ``detail`` is the layer's type with the phases that it is kept for, or the field's value.
    """

    name: str
    detail: str
    kind: Literal["layer", "field"]
    span: Span
    name_span: Span


def symbols(document: Document) -> list[Symbol]:
    """The outline, in the order of the text."""
    found = []
    for field in document.tree.fields:
        if field.children is not None and field.name in ("layer", "layers"):
            found.append(_layer(field, field.children))
        elif not document.is_net:
            detail = field.text if field.children is None else "{…}"
            found.append(Symbol(field.name, detail, "field", field.whole_span, field.name_span))
    return found


def _layer(block: Field, children: list[Field]) -> Symbol:
    inner = next((one for one in children if one.name == "layer" and one.children), None)
    own = inner.children if inner is not None and inner.children is not None else children
    name = next((one for one in own if one.name == "name" and one.children is None), None)
    type_ = next((one for one in own if one.name == "type" and one.children is None), None)
    detail = string_value(type_) if type_ is not None else ""
    if phases := list(_phases(children)):
        detail = f"{detail} ({', '.join(phases)})"
    shown = string_value(name) if name is not None else ""
    place = name if name is not None else block
    return Symbol(shown or "(no name)", detail, "layer", block.whole_span, place.span)


def _phases(children: list[Field]) -> Iterator[str]:
    for rule in children:
        if rule.name in ("include", "exclude") and rule.children is not None:
            for one in rule.children:
                if one.name == "phase":
                    yield one.text if rule.name == "include" else f"not {one.text}"


class Fold(Struct, frozen=True):
    """Lines that can be folded into the first of them, from 1."""

    first: int
    last: int
    kind: Literal["region", "comment"]


def folds(document: Document) -> list[Fold]:
    """Blocks of several lines, without the line that closes them, and runs of comment lines."""
    locate = document.source.locate
    found: list[Fold] = []
    stack = list(document.tree.fields)
    while stack:
        field = stack.pop()
        if field.children is None:
            continue
        first, last = locate(field.name_start).line, locate(field.end).line
        if document.text[field.end - 1 : field.end] in ("}", ">"):
            last -= 1
        if last > first:
            found.append(Fold(first, last, "region"))
        stack += field.children
    found += _comment_runs(document)
    return sorted(found, key=lambda fold: (fold.first, -fold.last))


def _comment_runs(document: Document) -> Iterator[Fold]:
    first = last = 0
    for start, _ in comments(document.text):
        line = document.source.locate(start).line
        alone = not document.text[document.source.line_start(line) : start].strip()
        if alone and line == last + 1 and first:
            last = line
            continue
        if last > first:
            yield Fold(first, last, "comment")
        first = last = line if alone else 0
    if last > first:
        yield Fold(first, last, "comment")
