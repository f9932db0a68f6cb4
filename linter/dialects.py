"""Reading a file as what it is written for: BVLC Caffe, a fork, or several forks together.

What the user says counts: ``--dialect``, ``dialect:`` in a config file, a comment in the file. Else
a file that BVLC Caffe understands is BVLC's, and nothing about forks is even loaded; another one is
read with the few forks that know all its names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from .core.problem import Problem
from .model.layers import LAYER_TYPES
from .resources import load_dialects, load_schema
from .schema.bind import bind, bind_until
from .schema.descriptor import MessageType, Schema
from .schema.kind import detect
from .schema.message import Message
from .schema.needs import Need, choices, needs
from .syntax.tree import Tree
from .told import AUTO, NOTHING_TOLD, Told, in_comment_of, named

# What BVLC's parser reports of a file that is written for a fork.
_TELLTALE = frozenset((
    *("unknown-field", "unknown-enum-value", "field-given-twice", "list-of-single"),
    *("wrong-type", "missing-required"),
))  # fmt: skip

_MOST_TRIED = 4
"""So many choices are tried before the best of them is taken."""

_MOST_NAMED = 8
"""So many of the names that decided are pointed at."""


class Read(Struct, frozen=True):
    """A file as read: its message with all that does not fit the schema; None if it is neither a
    net nor a solver.
    """

    schema: Schema
    message: Message | None
    problems: list[Problem]

    @property
    def is_net(self) -> bool:
        """Whether it is a net, and not a solver."""
        return self.message is not None and self.message.type is self.schema.net


def read_as(tree: Tree, told: Told = NOTHING_TOLD, path: Path | None = None) -> Read:
    """Bind a file to the schema of what it is written for, ``told`` or found out; with its ``path``
    the files around it are asked where its own names leave a choice.

    Raises:
        UnknownDialectError: if ``told`` names a dialect that is not known.
    """
    in_comment, problems = in_comment_of(tree.source)
    if in_comment is not None:
        read = _bound(tree, told.schema(in_comment))
    elif told.dialect != AUTO:
        read = _bound(tree, told.schema(named(told.dialect)))
    elif told.proto:
        read = _bound(tree, told.schema())
    else:
        read = _found_out(tree, told, path)
    return replace(read, problems=read.problems + problems)


def _bound(tree: Tree, schema: Schema) -> Read:
    type_ = detect(tree, schema)
    if type_ is None:
        return Read(schema, None, [])
    message, problems = bind(tree, type_)
    return Read(schema, message, problems)


def _found_out(tree: Tree, told: Told, path: Path | None) -> Read:
    schema = told.schema()
    type_ = detect(tree, schema)
    if type_ is None:
        return Read(schema, None, [])
    types = frozenset(LAYER_TYPES) | {layer.type for layer in told.layers}
    plain = bind_until(tree, type_, _TELLTALE) if _has_types(tree, types) else None
    if plain is not None:
        return Read(schema, *plain)
    found = needs(tree, _of_bvlc(type_), types, load_dialects())
    sets = choices(found, load_dialects())[:_MOST_TRIED]
    if not sets:
        return Read(schema, *bind(tree, type_))
    around = ""
    if len(sets) > 1 and path is not None:
        from .neighbours import Around

        names, around = Around(path, tree, types).decide(found, sets)
        sets = [names, *(one for one in sets if one != names)]
    best = _first_that_fits(tree, [told.schema(names) for names in sets], type_)
    around = around if best.schema.dialects == sets[0] else ""
    note = _note(best.schema, [need for need in found if need.known_to and not need.inner], around)
    return replace(best, problems=[*best.problems, note])


def _first_that_fits(tree: Tree, schemas: Sequence[Schema], type_: MessageType) -> Read:
    """A file as read in one of several schemas: the first without problems, or with the fewest."""
    reads = []
    for schema in schemas:
        reads.append(_with_type(tree, schema, type_))
        if not reads[-1].problems:
            break
    return min(reads, key=lambda read: len(read.problems))


def _with_type(tree: Tree, schema: Schema, type_: MessageType) -> Read:
    root = schema.find_message(type_.path)
    assert root is not None
    message, problems = bind(tree, root)
    return Read(schema, message, problems)


def _of_bvlc(type_: MessageType) -> MessageType:
    same = load_schema().find_message(type_.path)
    assert same is not None
    return same


def _has_types(tree: Tree, types: Collection[str]) -> bool:
    """Whether all layers of a file are plainly of these types."""
    return all(
        field.text[1:-1] in types
        for layer in tree.fields
        if layer.name == "layer"
        for field in layer.children or ()
        if field.name == "type"
    )


def _note(schema: Schema, found: Sequence[Need], around: str) -> Problem:
    """That a file is read as a fork's, with what decided; ``around`` is a file that had a say."""
    first, *others = found
    values = {
        "dialect": "+".join(schema.dialects),
        "title": schema.title,
        "what": f"{first.what}, like {around}" if around else first.what,
        "more": len(others),
    }
    also = tuple((need.span, f"and {need.what}") for need in others[:_MOST_NAMED])
    return Problem("written-for-fork", first.span, values, also, rejects=False)
