"""From the changes that a rule names to edits of the user's text.

A path is walked in the message and held against the text: what an upgrade has moved stands under
another name there, and then no fix is offered.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from ..core.diagnostic import Edit
from ..core.late import late
from ..core.problem import Problem
from ..core.source import Source, Span
from ..engine.rule import Change
from ..engine.run import Target
from ..facts.anchor import MessageAnchor
from ..schema.descriptor import FieldType, Schema
from ..schema.kind import detect
from ..schema.message import Message
from ..syntax.parser import parse
from ..syntax.recent import tree_of
from ..syntax.tree import Field, Kind, Tree
from . import layout
from .bypass import bypass
from .mend import MENDS

_STEP = late(r"(\w+)(?:\[(\d+)\])?")

# What a message of these types is written as; the older forms have other names for them.
_WRITTEN_AS = {"LayerParameter": "layer", "ParamSpec": "param"}


class NoFixError(Exception):
    """The text is not such that a change can be made in it."""


class _Block(NamedTuple):
    """A block of the text with what it means; ``node`` is None for the whole file. ``single`` tells
    that it may stand where it is once only.
    """

    message: Message
    single: bool = False

    @property
    def node(self) -> Field | None:
        return self.message.node


class _Spot(NamedTuple):
    """Where a path leads: the innermost block that is written, and the field in it with its value;
    if that is not written, ``missing`` are the names from that block on.
    """

    block: _Block
    field: Field | None
    missing: tuple[str, ...] = ()
    name: str = ""
    number: str = ""

    @property
    def value(self) -> Any:
        value = self.block.message.values.get(self.name)
        return value[int(self.number or 0)] if isinstance(value, list) else value


class Editor:
    """Makes the edits of fixes."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def edit_target(self, changes: Sequence[Change], target: Target) -> tuple[Edit, ...]:
        """Edits for changes at something that rules look at; none where one cannot be made, or
        where it is not certain which field belongs to what as long as brackets or quotes are wrong.
        """
        tree = tree_of(target.source)
        if tree.problems:
            return ()
        anchors = [one for one in target.anchors if isinstance(one, MessageAnchor)]
        plan = _Plan(tree, anchors)
        try:
            for change in changes:
                plan.take(change)
            return plan.edits()
        except NoFixError:
            return ()

    def edit_problem(
        self, changes: Sequence[Change], source: Source, problem: Problem
    ) -> tuple[Edit, ...]:
        """The same for changes at a problem."""
        tree = tree_of(source)
        edits: list[Edit] = []
        for change in changes:
            found = self._at_problem(change, tree, problem)
            if not found:
                return ()
            edits += found
        return tuple(edits)

    def _at_problem(self, change: Change, tree: Tree, problem: Problem) -> Sequence[Edit]:
        span, text = problem.span, tree.source.text
        if change.mend == "upgrade":
            return self._upgraded(tree)
        if change.mend == "field-name":
            name = str(problem.values.get("suggestion", ""))
            plain = name and _is_plain(tree, span, name) and self._is_free(tree, span, name)
            return [Edit(span, name)] if plain else ()
        if change.mend:
            return MENDS[change.mend](tree, problem)
        if change.rename:
            return [Edit(span, change.rename)] if self._is_free(tree, span, change.rename) else ()
        node = next(_at(tree, span), None)
        if change.case_only and not _differ_in_case(text[span.start : span.end], change.replace):
            return ()
        if node is not None and (node.start, node.end) == span:
            return [layout.value(text, node, change.replace)]
        return [Edit(span, change.replace)]

    def _upgraded(self, tree: Tree) -> Sequence[Edit]:
        """The file in current form, as one edit from its first change to its last."""
        from .upgrade import UpgradeError, upgrade_text

        type_, old = detect(tree, self._schema), tree.source.text
        if type_ is None:
            return ()
        try:
            new = upgrade_text(tree.source, type_).text
        except UpgradeError:
            return ()
        start = _alike(old, new)
        end = _alike(old[start:][::-1], new[start:][::-1])
        edit = Edit(Span(start, len(old) - end), new[start : len(new) - end])
        return [edit] if old != new else ()

    def _is_free(self, tree: Tree, span: Span, name: str) -> bool:
        """Whether a field may be renamed so: its block knows the name, and has no other such field
        or may have several.
        """
        type_ = detect(tree, self._schema)
        siblings = tree.fields
        for node in reversed(list(_at(tree, span))):
            if node.name_span == span:
                break
            known = type_.fields.get(node.name) if type_ else None
            type_ = known.message if known else None
            siblings = node.children or []
        known = type_.fields.get(name) if type_ else None
        if known is None:
            return False
        return known.repeated or all(sibling.name != name for sibling in siblings)


def _at(tree: Tree, span: Span) -> Iterator[Field]:
    """The fields around a span, innermost first."""
    found: list[Field] = []
    fields: Sequence[Field] | None = tree.fields
    while fields:
        number = bisect_right(fields, span.start, key=lambda one: one.name_start)
        inner = fields[number - 1]
        if number == 0 or span.start >= inner.end:
            break
        found.append(inner)
        fields = inner.children
    return reversed(found)


def _is_plain(tree: Tree, span: Span, name: str) -> bool:
    """Whether a field with a slip in its name can mean only one thing. A block that is not that of
    its layer's type may be another layer's in a fork of Caffe.
    """
    node, outer = [*_at(tree, span), None, None][:2]
    if node is None or (node.children is None and not node.name.endswith("_param")):
        return node is not None
    type_ = next((one.text for one in (outer and outer.children) or () if one.name == "type"), "")
    return _letters(name.removesuffix("_param")) == _letters(type_)


def _letters(text: str) -> str:
    return text.strip("\"'").replace("_", "").lower()


def _differ_in_case(old: str, new: str) -> bool:
    return old.strip("\"'").lower() == new.strip("\"'").lower()


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


class _Insertion(Struct):
    """Statements for one block, together since they go to one place."""

    block: _Block
    missing: tuple[str, ...]
    after: Field | None
    statements: list[str] = field(default_factory=list)


class _Plan:
    """The changes of one fix, gathered so that those at one place become one edit."""

    def __init__(self, tree: Tree, anchors: Sequence[MessageAnchor]) -> None:
        self._tree = tree
        self._text = tree.source.text
        self._anchors = anchors
        self._edits: list[Edit] = []
        self._removed: list[tuple[_Block, Field]] = []
        self._insertions: dict[tuple[object, ...], _Insertion] = {}

    def edits(self) -> tuple[Edit, ...]:
        """All edits, in the order of the text."""
        made = [
            (id(one.block.node), one.missing[0]) for one in self._insertions.values() if one.missing
        ]
        if len(set(made)) < len(made):
            raise NoFixError  # one new block would be written twice
        for one in self._insertions.values():
            self._insert_all(one)
        self._remove_all()
        return tuple(sorted(self._edits, key=lambda edit: edit.span))

    def take(self, change: Change) -> None:
        """Add one change."""
        if change.set:
            self._set(change)
        elif change.insert:
            self._insert(self._block_at(change.into), change.insert, change.after)
        elif change.remove:
            for path in _paths(change.remove, change.source):
                self._remove(path)
        elif change.move:
            for path in _paths(change.move, change.source):
                self._move(path, change.into)
        elif change.rename:
            spot = self._spot(change.at, change.named)
            if spot.field is None:
                raise NoFixError
            self._edits.append(Edit(spot.field.name_span, change.rename))
        else:
            found = bypass(self._tree, self._anchors[0].message.node, change.bypass, change.at)
            if not found:
                raise NoFixError
            self._edits += found

    # One change

    def _set(self, change: Change) -> None:
        spot = self._spot(change.at, change.named)
        if spot.field is None:
            *_, last = spot.missing
            self._insert(
                spot._replace(missing=spot.missing[:-1]), f"{last}: {change.set}", change.after
            )
            return
        quoted = spot.field.kind == Kind.STRING, change.set.startswith('"')
        old = self._text[spot.field.start : spot.field.end]
        if change.case_only and not _differ_in_case(old, change.set):
            raise NoFixError
        # A V1 type is no text; but what has another name may have another kind of value, too.
        if spot.field.children is not None or (quoted[0] != quoted[1] and not change.named):
            raise NoFixError
        self._edits.append(layout.value(self._text, spot.field, change.set))

    def _insert(self, spot: _Spot, statement: str, after: Sequence[str] = ()) -> None:
        block = spot.block
        fields = parse(Source("", statement))
        if fields.problems or len(fields.fields) != 1:
            raise NoFixError
        _require_current(block.message)
        if not spot.missing:
            type_ = block.message.type.fields.get(fields.fields[0].name)
            if type_ is None or (not type_.repeated and block.message.has(type_.name)):
                raise NoFixError
        sibling = None if spot.missing else _first_written(block.message, after)
        key = (id(block.node), spot.missing, id(sibling))
        entry = self._insertions.setdefault(key, _Insertion(block, spot.missing, sibling))
        entry.statements.append(statement)

    def _remove(self, path: str) -> None:
        spot = self._spot(path)
        if spot.field is None:
            return
        nodes = spot.block.message.nodes[spot.name]
        several = nodes if isinstance(nodes, list) and not spot.number else [spot.field]
        if spot.number and spot.field.listed:
            raise NoFixError
        self._removed += [(spot.block, node) for node in several if node.listed != 2]

    def _move(self, path: str, into: str) -> None:
        spot = self._spot(path)
        if spot.field is None:
            raise NoFixError
        written = self._text[spot.field.name_start : spot.field.end]
        self._insert(self._block_at(into), written)
        self._removed.append((spot.block, spot.field))

    # Together

    def _insert_all(self, one: _Insertion) -> None:
        statements = one.statements
        for name in reversed(one.missing):
            statements = [f"{name} {{ {' '.join(statements)} }}"]
        edit = layout.insertion(self._tree, one.block.node, statements, one.after)
        if edit is None:
            raise NoFixError
        self._edits.append(edit)

    def _remove_all(self) -> None:
        """Take fields out; a block in which nothing is left goes too."""
        gone = {id(node) for _, node in self._removed}
        filled = {id(one.block.node) for one in self._insertions.values()}
        for block, node in self._removed:
            outer = block.node
            emptied = (
                outer is not None
                and block.single
                and id(outer) not in filled
                and all(id(child) in gone for child in outer.children or ())
                and not layout.has_comment(self._text, outer)
            )
            what = outer if emptied and outer is not None else node
            edit = layout.removal(self._text, what.name_start, layout.end_of(self._text, what))
            if edit not in self._edits:
                self._edits.append(edit)

    # Paths

    def _block_at(self, path: str) -> _Spot:
        """A block to put something into: written, or to be made."""
        if not path:
            return _Spot(_Block(self._anchors[0].message), None)
        spot = self._spot(path)
        if spot.field is None:
            return spot
        if not isinstance(spot.value, Message) or spot.value.node is not spot.field:
            raise NoFixError
        return _Spot(_Block(spot.value), spot.field)

    def _spot(self, path: str, named: str = "") -> _Spot:
        """Where the path leads in the first anchor that has it, else in the first that could."""
        spots = [spot for anchor in self._anchors if (spot := _walk(anchor, path, named))]
        written = (spot for spot in spots if spot.field is not None)
        found = next(written, spots[0] if spots else None)
        if found is None:
            raise NoFixError
        return found


def _walk(anchor: MessageAnchor, path: str, named: str) -> _Spot | None:
    """Follow a path; None where the message has no such field.

    Raises:
        NoFixError: for a field that the text has under another name, or not as a field.
    """
    if path.startswith("$param"):
        if not anchor.own:
            return None
        path = path.replace("$param", anchor.own, 1)
    steps = _STEP().findall(path)
    block = _Block(anchor.message)
    for number, (name, index) in enumerate(steps):
        message, last = block.message, number == len(steps) - 1
        type_: FieldType | None = message.type.fields.get(name)
        if type_ is None:
            return None
        if not message.has(name) or (index and int(index) >= len(message.get(name))):
            _require_current(message)
            if index:
                raise NoFixError
            return _Spot(block, None, tuple(step for step, _ in steps[number:]))
        node = message.field(name, int(index or 0))
        if node is None or node.name != (named if last and named else name):
            raise NoFixError
        spot = _Spot(block, node, (), name, index)
        if last:
            return spot
        if not isinstance(spot.value, Message) or spot.value.node is not node:
            raise NoFixError
        block = _Block(spot.value, not type_.repeated)
    return None


def _require_current(message: Message) -> None:
    """A new field can be put only into a block that the text has in this very form."""
    wanted = _WRITTEN_AS.get(message.type.name)
    if message.node is not None and wanted is not None and message.node.name != wanted:
        raise NoFixError
    if message.node is not None and message.node.children is None:
        raise NoFixError


def _first_written(message: Message, names: Sequence[str]) -> Field | None:
    """The last field of the first of these names that the text has in a message."""
    for name in names:
        nodes = message.nodes.get(name)
        node = nodes[-1] if isinstance(nodes, list) else nodes
        if node is not None and node.name == name:
            return node  # type: ignore[no-any-return]
    return None


def _paths(names: str, source: str) -> Iterator[str]:
    for name in names.split(","):
        yield f"{source}.{name.strip()}" if source else name.strip()
