"""From one place to others: definitions, references, new names, and links between files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ..core.diagnostic import Edit
from ..core.source import Span
from ..model.files import resolve
from ..schema.message import Message
from ..syntax.tree import Field, Tree
from .document import Document
from .names import Named, all_names, literal, name_at, same, string_value

NET_FIELDS = frozenset(("net", "train_net", "test_net"))
"""The fields in which a solver names its nets."""

_FILE_FIELDS = NET_FIELDS | {"source", "mean_file", "weights"}
"""The fields that hold the path of a file."""


def definitions(document: Document, offset: int) -> list[Span]:
    """Where what is named at an offset comes from: of a blob the layers that make it, of a layer
    or shared learned blob the first place with its name.

    A bottom is made by the layer that wrote to it last, by another one in each phase perhaps.
    """
    names = all_names(document.tree)
    one = name_at(names, offset)
    if one is None:
        return []
    if one.kind != "blob":
        return [same(names, one)[0].span]
    if one.role != "bottom":
        return [one.span]
    return _producers(document, one) or _makers_above(names, one)


def _producers(document: Document, one: Named) -> list[Span]:
    """Where the views of the net have a bottom made."""
    if one.layer is None or one.net:
        return []
    spans: dict[Span, None] = {}
    for _, layer in document.layers_at(one.layer):
        for number in range(len(layer.bottom_names)):
            if layer.message.field("bottom", number) is not one.field:
                continue
            blob = layer.bottoms[number] if number < len(layer.bottoms) else None
            place = _top_field(blob.producer.message, blob.index) if blob is not None else None
            if place is not None:
                spans[_inside(place)] = None
    return list(spans)


def _top_field(layer: Message, index: int) -> Field | None:
    return layer.field("top", index)


def _inside(field: Field) -> Span:
    return Named("blob", "", "", field, None, 0).span


def _makers_above(names: list[Named], one: Named) -> list[Span]:
    """The last place above that makes a blob of this name, or else the first one below."""
    makers = [other for other in same(names, one) if other.makes]
    above = [other for other in makers if other.field.start < one.field.start]
    return [other.span for other in (above[-1:] or makers[:1])]


def references(document: Document, offset: int, declarations: bool = True) -> list[Span]:
    """All places that name what is named at an offset; without ``declarations`` only those that
    read it.
    """
    names = all_names(document.tree)
    one = name_at(names, offset)
    if one is None:
        return []
    first = same(names, one)[0]
    return [
        other.span
        for other in same(names, one)
        if declarations or not (other.makes if one.kind == "blob" else other is first)
    ]


def renamable(document: Document, offset: int) -> tuple[Span, str] | None:
    """The name at an offset and where it stands; None where nothing can be renamed."""
    one = name_at(all_names(document.tree), offset)
    return None if one is None else (one.span, one.name)


class RenameError(Exception):
    """A name that cannot be taken; the text says why."""


def rename(document: Document, offset: int, new: str) -> list[Edit]:
    """The edits that give what is named at an offset a new name, everywhere in its net.

    Raises:
        RenameError: where nothing is named, and for a name that is empty or already means
            something else.
    """
    names = all_names(document.tree)
    one = name_at(names, offset)
    if one is None:
        raise RenameError("there is no blob, layer or param name here")
    if not new:
        raise RenameError("a name cannot be empty")
    if new == one.name:
        return []
    wanted = (one.kind, new, one.net)
    taken = next((each for each in names if (each.kind, each.name, each.net) == wanted), None)
    if taken is not None:
        line = document.source.locate(taken.field.start).line
        raise RenameError(f'there is a {one.kind} "{new}" already, in line {line}')
    return [
        Edit(Span(other.field.start, other.field.end), literal(new, other.field.text))
        for other in same(names, one)
    ]


# Files


class Link(Struct, frozen=True):
    """A span that leads to another file."""

    span: Span
    target: Path
    tooltip: str


def links(document: Document, root: Path | None, solvers: list[Path]) -> list[Link]:
    """The files that a text names and that are there: the nets of a solver, lists and means of
    data. The ``name:`` of a net leads to the solver that trains it, the first of ``solvers``.
    """
    found = [
        Link(_inside(field), target, f"Open {target.name}")
        for field in _strings(document.tree.fields)
        if field.name in _FILE_FIELDS and (target := _file(document, field, root)) is not None
    ]
    if document.is_net and solvers:
        name = next((field for field in document.tree.fields if field.name == "name"), None)
        if name is not None:
            words = f"Open {solvers[0].name}, the solver of this net"
            found.append(Link(_inside(name), solvers[0], words))
    return found


def _strings(fields: list[Field]) -> Iterator[Field]:
    stack = [iter(fields)]
    while stack:
        field = next(stack[-1], None)
        if field is None:
            stack.pop()
        elif field.children is not None:
            stack.append(iter(field.children))
        elif field.text[:1] in ("'", '"'):
            yield field


def _file(document: Document, field: Field, root: Path | None) -> Path | None:
    name = string_value(field)
    return resolve(name, document.path, root)[0] if name else None


def link_at(found: list[Link], offset: int) -> Link | None:
    """The link that an offset lies in."""
    return next((one for one in found if one.span.start <= offset <= one.span.end), None)


def nets_named(tree: Tree) -> list[str]:
    """The paths of nets that a text names as a solver does."""
    return [string_value(one) for one in tree.fields if one.name in NET_FIELDS and not one.children]
