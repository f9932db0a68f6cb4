"""The text of a net or solver in an older form, rewritten in the current one.

``schema.upgrade`` says what the file means in current form, and from which field each value
comes. Here those fields are laid out anew: one that stays keeps its bytes, one that moves takes
its comments along, and the comments of those that go stay where they were. The result is read
back; one that would not mean the same is refused, so that nothing is ever written on trust.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from ..core.problem import Problem
from ..core.source import Source
from ..schema.bind import bind
from ..schema.descriptor import FieldType, MessageType, Schema
from ..schema.message import Message
from ..schema.upgrade import upgrade_net, upgrade_solver
from ..schema.upgrade_v1 import V1_TYPES
from ..syntax.recent import tree_of
from ..syntax.tree import Field, Tree
from .layout import newline
from .pieces import Block, Item, comments, cut, indent_unit, separate, spread

TOLERATED = ("byte-order-mark",)
"""Kinds of problems on which Caffe aborts, and which an upgrade leaves as they are."""

_LOST = ("layer", "type")
"""Fields that tell of mixed generations when the upgrade of the oldest form drops them."""

_SAME_BLOCK = {"layers": "layer", "input_shape": "shape"}
"""Blocks that get another name; all others keep theirs, or are new."""

_FIRST = ("name", "type", "bottom", "top", "param")
"""The order in which people write a layer; the rest follows."""


class UpgradeError(Exception):
    """Why a file is left as it is: the problems that stand in the way, or a sentence."""

    def __init__(self, reason: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(reason)
        self.problems = problems


class UpgradedText(NamedTuple):
    """A text in current form, and what Caffe loses or passes over on the way to it."""

    text: str
    problems: list[Problem]


def upgrade_text(source: Source, type_: MessageType) -> UpgradedText:
    """Bring the text of a net or solver to the current form; the very same text if it has it.

    Raises:
        UpgradeError: if Caffe would not read the file, or layers of several forms are mixed.
    """
    tree, message, problems = _read(source, type_)
    _refuse(tree.problems)
    is_net = "layer" in type_.fields
    upgraded, found = upgrade_net(message) if is_net else upgrade_solver(message)
    if upgraded is message:
        return UpgradedText(source.text, [])
    _refuse(problems + found)
    _refuse_without_new_form(message, upgraded)
    text = upgraded_text(tree, message, upgraded)
    _verify(Source(source.name, text), source, upgraded)
    return UpgradedText(text, found)


def upgraded_text(tree: Tree, message: Message, upgraded: Message) -> str:
    """The text of ``message`` changed so that it gives ``upgraded``, which was made of it."""
    return _Layout(tree, message).text(upgraded)


def _read(source: Source, type_: MessageType) -> tuple[Tree, Message, list[Problem]]:
    tree = tree_of(source)
    message, problems = bind(tree, type_)
    return tree, message, tree.problems + problems


def _refuse(problems: list[Problem]) -> None:
    """Raise if a problem stands in the way."""
    grave = [one for one in problems if _is_grave(one)]
    if grave:
        raise UpgradeError("it cannot be upgraded as it stands", grave)


def _refuse_without_new_form(message: Message, upgraded: Message) -> None:
    """Raise if the fork that a file is written for could not read it in the current form, or it is
    not known what something is called there.
    """
    schema = message.type.schema
    if schema.known is None or schema.base is None:
        return
    dialects = schema.known()
    if dialects.only_old(schema.dialects):
        raise UpgradeError(f"{schema.title} has the old form only, and could not read the new one")
    layers = "layers" in message.type.fields
    for layer in message.get("layers") if layers else ():
        old = layer.get("type")
        if old not in V1_TYPES and old not in schema.v1_types:
            raise UpgradeError(f"what {schema.title} calls {old} in the current form is not known")
    for layer in upgraded.get("layer") if layers else ():
        for name in layer.values:
            if not _has_block(schema, name):
                raise UpgradeError(f"{schema.title} has {name} in layers of the old form only")


def _has_block(schema: Schema, name: str) -> bool:
    """Whether a fork's layers of the current form have a field; its schema gives them all."""
    assert schema.known is not None
    assert schema.base is not None
    bvlc = schema.base.find_message("LayerParameter")
    forks = {one.name for one in schema.known().family(schema.dialects)}
    known = schema.known().with_field("LayerParameter", name)
    return (bvlc is not None and name in bvlc.fields) or not known.isdisjoint(forks)


def _is_grave(problem: Problem) -> bool:
    if problem.kind == "v0-dropped-field":
        return problem.values["field"] in _LOST
    return problem.rejects and problem.kind not in TOLERATED


def _verify(result: Source, source: Source, upgraded: Message) -> None:
    """Raise unless a text stands for a message and has all comments of another."""
    _, message, problems = _read(result, upgraded.type)
    lost = Counter(comments([source.text])) - Counter(comments([result.text]))
    if any(map(_is_grave, problems)) or not _is_same(message, upgraded) or lost:
        raise UpgradeError("caffelint cannot rewrite it without changing what it means")


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values say the same, wherever they stand in a text."""
    if isinstance(one, Message) and isinstance(other, Message):
        return one.values.keys() == other.values.keys() and all(
            _is_same(value, other.values[name]) for name, value in one.values.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return repr(one) == repr(other)  # tells -0.0 from 0.0, and not nan from nan


class _Entry(Struct, eq=False):
    """One value of a message in current form, and the piece of the text that becomes it.

    ``item`` is None where the value is new. ``entries`` are the content of a block that is laid
    out; None for scalars, and for blocks that stay as they are. ``start`` is where it belongs.
    """

    name: str
    value: Any
    type: FieldType
    item: Item | None = None
    entries: list[_Entry] | None = None
    start: float = math.inf

    def items(self) -> Iterator[Item]:
        """The pieces that it is made of, blocks that are kept as one."""
        if self.item is not None:
            yield self.item
        else:
            for entry in self.entries or ():
                yield from entry.items()


class _Place(Struct):
    """Where fields are put: how far indented, each on its line or not; ``old`` are the pieces that
    stand there already, by identity.
    """

    old: frozenset[int]
    indent: str
    own_lines: bool
    is_file: bool = False


class _Layout:
    def __init__(self, tree: Tree, message: Message) -> None:
        self.source = tree.source.text
        self.line_end = newline(self.source, 0)
        self.file = cut(tree)
        self.unit = indent_unit(self.file.items)
        self.items: dict[int, Item] = {}
        """The piece of each field, by the identity of the field."""
        self.messages: dict[int, Message] = {}
        self.scalars: dict[int, tuple[Any, bool]] = {}
        """The value of each field, and whether it is an enum's."""
        self.kept: set[int] = set()
        self.opened: set[int] = set()
        """Pieces that become a value as a whole, and blocks that are laid out, by identity."""
        self._index(self.file.items)
        self._index_values(message)
        self.quote = next(filter(None, map(_quote, tree.fields)), '"')

    def text(self, upgraded: Message) -> str:
        first = self.file.items[0]
        starts_blank = first.before[:1] in ("\r", "\n")
        entries = self._plan(upgraded, self.file)
        left = self._keep_comments(self.file.items)
        self.file.tail = self._lines(left, "") + self.file.tail
        own_lines = any("\n" in item.before for item in self.file.items[1:])
        place = _Place(_identities(self.file.items), "", own_lines, is_file=True)
        self._fill(self.file, entries, place)
        if self.file.items and not starts_blank:
            start = self.file.items[0]
            start.before = start.before.lstrip("\r\n") if start is not first else start.before
        return str(self.file)

    def _index(self, items: list[Item]) -> None:
        for item in items:
            self.items.update((id(one), item) for one in item.fields)
            self._index(item.children)

    def _index_values(self, message: Message) -> None:
        for name, value, node in _values(message):
            if isinstance(value, Message):
                self.messages[id(node)] = value
                self._index_values(value)
            else:
                self.scalars[id(node)] = (value, message.type.fields[name].enum is not None)

    # What becomes of each piece

    def _plan(self, message: Message, block: Block | None) -> list[_Entry]:
        """The content of a message, and which piece each value comes from."""
        if block is not None:
            self._spread(block, message)
        entries = []
        for name, value, node in _values(message):
            if self._is_listed(node):
                continue
            entry = _Entry(name, value, message.type.fields[name])
            if isinstance(value, Message):
                self._claim_block(entry, value, node)
            else:
                self._claim(entry, node)
            entries.append(entry)
        return entries

    def _claim(self, entry: _Entry, node: Field | None) -> None:
        item = self.items.get(id(node))
        if node is None or node.children is not None or item is None or id(item) in self.kept:
            return
        self.kept.add(id(item))
        entry.item, entry.start = item, item.start

    def _is_listed(self, node: Field | None) -> bool:
        """Whether a field stands in a list that is kept as a whole, behind the first one."""
        item = self.items.get(id(node))
        return item is not None and id(item) in self.kept and node in item.fields[1:]

    def _claim_block(self, entry: _Entry, message: Message, node: Field | None) -> None:
        item = self.items.get(id(node))
        block = None
        if item is not None and not self._stays(item):
            if self.messages.get(id(node)) is message:
                self.kept.add(id(item))
                entry.item, entry.start = item, item.start
                return
            # A string in an old form may have the name of what is a block now.
            same = entry.name == _SAME_BLOCK.get(item.name, item.name)
            block = item.value if same and isinstance(item.value, Block) else None
        entry.entries = self._plan(message, block)
        if block is None:
            entry.start = min((one.start for one in entry.entries), default=math.inf)
        else:
            assert item is not None
            self.opened.add(id(item))
            entry.item, entry.start = item, item.start

    def _spread(self, block: Block, message: Message) -> None:
        """Take lists in square brackets apart that do not stay whole."""
        items: list[Item] = []
        for item in block.items:
            if self._stays_whole(item, message):
                items.append(item)
                # The oldest form has all its content in a block inside, which is dissolved.
                if item.name == "layer" and item.children and not message.has("layer"):
                    assert isinstance(item.value, Block)
                    self._spread(item.value, message)
            else:
                new = spread(self.source, item, self.line_end)
                self._index(new)
                items += new
        block.items = items

    def _stays_whole(self, item: Item, message: Message) -> bool:
        if not item.fields[0].listed:
            return True
        places = {id(node) for node in message.nodes.get(item.name, ())}
        values = {id(node): value for _, value, node in _values(message)}
        return all(id(one) in places and self._is_same(one, values[id(one)]) for one in item.fields)

    def _is_same(self, node: Field, value: Any) -> bool:
        if isinstance(value, Message):
            return self.messages.get(id(node)) is value
        return bool(self.scalars[id(node)][0] == value)

    def _stays(self, item: Item) -> bool:
        return id(item) in self.kept or id(item) in self.opened

    # Comments of what goes

    def _keep_comments(self, items: list[Item], pending: Sequence[str] = ()) -> list[str]:
        """Hand the comments of pieces that go to the next piece that stays; gives those left."""
        lines = list(pending)
        for item in items:
            block = item.value if isinstance(item.value, Block) else None
            if self._stays(item):
                item.precede(lines, self.line_end)
                lines = []
                if id(item) in self.opened:
                    assert block is not None
                    left = self._keep_comments(block.items)
                    block.tail = self._lines(left, item.indent + self.unit) + block.tail
            elif block is not None:
                lines += comments((item.before, item.link, block.head))
                lines = self._keep_comments(block.items, lines)
                lines += comments((block.tail, item.after))
            else:
                lines += comments((item.before, item.link, str(item.value), item.after))
        return lines

    def _lines(self, lines: list[str], indent: str) -> str:
        return "".join(f"{self.line_end}{indent}{line}" for line in lines)

    # Layout

    def _fill(self, block: Block, entries: list[_Entry], place: _Place) -> None:
        # Where scalars come from elsewhere there is no order yet.
        free = any(one.entries is None and id(one.item) not in place.old for one in entries)
        block.items = [self._laid_out(one, place, free) for one in _in_order(entries, free)]
        if block.items and not place.old:
            block.tail = block.tail or " "
        separate(block, place.indent, self.line_end, own_lines=place.own_lines)

    def _laid_out(self, entry: _Entry, place: _Place, free: bool) -> Item:
        item = entry.item
        if item is None:
            return self._new(entry, place)
        item.name = entry.name
        if entry.entries is not None:
            self._fill_old(item, entry.entries)
        elif not isinstance(entry.value, Message):
            self._rewrite(item, entry)
        reordered = free and place.own_lines and not place.is_file and "\n" not in item.before
        if reordered or id(item) not in place.old:
            item.move(place.indent, self.line_end, own_line=place.own_lines)
        return item

    def _fill_old(self, item: Item, entries: list[_Entry]) -> None:
        block = item.value
        assert isinstance(block, Block)
        pieces = [piece for entry in entries for piece in entry.items()]
        own_lines = "\n" in block.tail or any("\n" in piece.before for piece in pieces)
        indents = (piece.indent for piece in block.items if "\n" in piece.before)
        indent = next(indents, item.indent + self.unit)
        self._fill(block, entries, _Place(_identities(block.items), indent, own_lines))

    def _rewrite(self, item: Item, entry: _Entry) -> None:
        """Another value for a piece, if it is not what the text says."""
        if len(item.fields) > 1:
            return
        old, was_enum = self.scalars[id(item.fields[0])]
        if old != entry.value or was_enum != (entry.type.enum is not None):
            item.precede(comments([str(item.value)]), self.line_end)
            item.value = self._literal(entry)

    def _literal(self, entry: _Entry) -> str:
        value = entry.value
        if entry.type.enum is None and isinstance(value, str):
            return _quoted(value, self.quote)
        return f"{value:g}" if isinstance(value, float) else str(value)

    def _new(self, entry: _Entry, place: _Place) -> Item:
        before = f"{self.line_end}{place.indent}" if place.own_lines else " "
        if entry.entries is None:
            return Item(before, entry.name, ": ", self._literal(entry))
        block = Block("{", [], " ", "}")
        new = Item(before, entry.name, " ", block, indent=place.indent)
        pieces = sorted(entry.items(), key=lambda item: item.start)
        if not pieces:
            return new
        # What stands before the first piece of a file is said of the net, or of the file.
        above = pieces[0].before if place.is_file else ""
        if place.is_file:
            pieces[0].before = self.line_end if "\n" in above or place.own_lines else " "
        commented = any(piece.has_comment for piece in pieces)
        on_lines = place.own_lines and any("\n" in piece.before for piece in pieces)
        own_lines = commented or (on_lines and not _is_list(entry.entries))
        if place.is_file:
            new.before = above
        elif place.own_lines:
            new.before = pieces[0].take_gap(self.line_end) + before
        indent = place.indent + self.unit
        self._fill(block, entry.entries, _Place(frozenset(), indent, own_lines))
        block.tail = f"{self.line_end}{place.indent}" if own_lines else " "
        return new


def _values(message: Message) -> Iterator[tuple[str, Any, Field | None]]:
    """Every value of a message, one by one, with its field and its place."""
    for name, value in message.values.items():
        if isinstance(value, list):
            yield from ((name, *pair) for pair in message.items(name))
        else:
            yield name, value, message.field(name)


def _identities(items: list[Item]) -> frozenset[int]:
    return frozenset(map(id, items))


def _in_order(entries: list[_Entry], free: bool) -> list[_Entry]:
    """Entries by their places, those of one name in the order that they have; where their order is
    free, first those that people write first.
    """
    last: dict[str, _Entry] = {}
    for entry in entries:
        before = last.get(entry.name)
        if before is not None and before.item is None and entry.item is None:
            # New blocks of a name stand together where the first one does.
            entry.start = before.start
        last[entry.name] = entry
    following: dict[str, float] = {}
    for entry in reversed(entries):
        entry.start = min(entry.start, following.get(entry.name, math.inf))
        following[entry.name] = entry.start

    def rank(entry: _Entry) -> tuple[int, float]:
        known = free and entry.name in _FIRST
        return (_FIRST.index(entry.name) if known else len(_FIRST), entry.start)

    return sorted(entries, key=rank)


def _is_list(entries: list[_Entry]) -> bool:
    """Whether a block holds nothing but several scalars of one name, such as dimensions."""
    scalars = not any(isinstance(one.value, Message) for one in entries)
    return len(entries) > 1 and len({one.name for one in entries}) == 1 and scalars


def _quote(one: Field) -> str:
    """The mark in which the first text in a field is quoted; empty if there is none."""
    if one.children is None:
        return one.text[0] if one.text[:1] in ("'", '"') else ""
    return next(filter(None, map(_quote, one.children)), "")


def _quoted(text: str, quote: str) -> str:
    """A text as a literal; control characters and what is not UTF-8 as octal escapes."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        return quote + "".join(_escaped(c, quote, "~") for c in text) + quote
    return quote + "".join(_escaped(c, quote, "\U0010ffff") for c in text) + quote


def _escaped(character: str, quote: str, last: str) -> str:
    if character in (quote, "\\"):
        return f"\\{character}"
    return character if " " <= character <= last else f"\\{ord(character):03o}"
