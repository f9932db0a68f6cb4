"""A text as nested pieces that can be moved about: fields with the comments that belong to them.

A comment belongs to the field behind which it stands on the line, else to the field before which
it stands, else to the end of its block. Pieces that are not touched render as they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct, field

from ..core.late import late
from ..syntax.lexer import next_token
from ..syntax.tree import Field, Tree
from .layout import indentation

_COMMENT = late(r"#[^\n\0]*")
_REST_OF_LINE = late(r"[ \t]*#[^\n\0]*?(?=\r?\n|\0|\Z)")
_LINE_END = late(r"[ \t]*\r?\n")
_BLANK_LINES = late(r"(?:[ \t]*\r?\n)+")
_MARK = "\ufeff"
_BLANKS = " \t"


class Block(Struct, eq=False):
    """What a field with brackets holds; the file itself is a block without brackets.

    ``head`` is the opening bracket and a comment behind it on its line, ``tail`` what stands
    before the closing one.
    """

    head: str
    items: list[Item]
    tail: str
    close: str

    def __str__(self) -> str:
        return "".join([self.head, *map(str, self.items), self.tail, self.close])

    def change(self, changed: Callable[[str], str]) -> None:
        """Change all blanks, comments and values."""
        self.head, self.tail = changed(self.head), changed(self.tail)
        for item in self.items:
            item.change(changed)


class Item(Struct, eq=False):
    """One field, or one list in square brackets with all its ``fields``.

    ``before`` are blanks and comments, ``link`` what stands between name and value, ``after`` a
    separator and the comment on the line. ``indent`` is the indentation of the line it starts on;
    ``start`` and ``end`` are its place in the text that it was cut from, -1 for a new one.
    """

    before: str
    name: str
    link: str
    value: str | Block
    after: str = ""
    indent: str = ""
    start: int = -1
    end: int = -1
    fields: list[Field] = field(default_factory=list)

    def __str__(self) -> str:
        return "".join((self.before, self.name, self.link, str(self.value), self.after))

    @property
    def children(self) -> list[Item]:
        """The fields in its block; none where it has no block."""
        return self.value.items if isinstance(self.value, Block) else []

    @property
    def has_comment(self) -> bool:
        """Whether a comment belongs to it, those inside its block apart."""
        return "#" in self.before or "#" in self.after

    def change(self, changed: Callable[[str], str]) -> None:
        """Change all blanks, comments and values."""
        self.before, self.after = changed(self.before), changed(self.after)
        self.link = changed(self.link)
        if isinstance(self.value, Block):
            self.value.change(changed)
        else:
            self.value = changed(self.value)

    def precede(self, lines: Sequence[str], line_end: str) -> None:
        """Put comments before it, on lines of their own."""
        if lines:
            start = f"{line_end}{self.indent}"
            rest = self.before if _LINE_END().match(self.before) else start
            self.before = "".join(start + line for line in lines) + rest

    def move(self, indent: str, line_end: str, *, own_line: bool) -> None:
        """Let it start a line with this indentation, or follow on the line if no comment stands
        before it.
        """
        old = re.compile(rf"\n{re.escape(self.indent)}(?=[^\r\n]|\Z)")
        self.change(lambda text: old.sub(f"\n{indent}", text))
        self.indent = indent
        if "#" not in self.before and not own_line:
            self.before = " "
        elif "\n" not in self.before:
            self.before = f"{line_end}{indent}"
        else:
            first, *lines = self.before.split("\n")
            if first.strip():
                # The file starts with this comment.
                first, lines = line_end[:-1], [first, *lines]
            lines = [line.lstrip(_BLANKS) for line in lines]
            # A blank line stays empty; the last one is the indentation.
            kept = [indent + line if line.strip() else line for line in lines[:-1]]
            self.before = "\n".join([first, *kept, indent])

    def take_gap(self, line_end: str) -> str:
        """The blank lines before it, which are then no longer there."""
        match = _BLANK_LINES().match(self.before)
        if match is None:
            return ""
        self.before = f"{line_end}{self.before[match.end() :]}"
        return line_end * (match[0].count("\n") - 1)


def cut(tree: Tree) -> Block:
    """The whole text as one block."""
    text = tree.source.text
    start = len(_MARK) if text.startswith(_MARK) else 0
    items = _items(text, tree.fields, start)
    return Block(text[:start], items, text[items[-1].end if items else start :], "")


def _items(text: str, fields: list[Field], at: int) -> list[Item]:
    items = []
    for run in _runs(fields):
        items.append(_item(text, run, at))
        at = items[-1].end
    return items


def _runs(fields: list[Field]) -> Iterator[list[Field]]:
    """Fields one by one, the elements of one list together."""
    run: list[Field] = []
    for one in fields:
        if run and one.listed <= 1:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _item(text: str, run: list[Field], at: int) -> Item:
    start, start_of_value = run[0].name_span
    end = run[-1].end
    if run[0].listed:
        start_of_value = text.index("[", start_of_value)
        end = next_token(text, end).end
        value: str | Block = text[start_of_value:end]
    else:
        start_of_value = run[0].start
        value = _value(text, run[0])
    name = run[0].name
    link = text[start + len(name) : start_of_value]
    after = _end_of_line(text, end)
    indent = indentation(text, start)
    return Item(text[at:start], name, link, value, text[end:after], indent, start, after, run)


def _value(text: str, one: Field) -> str | Block:
    if one.children is None:
        return text[one.start : one.end]
    head = _end_of_comment(text, one.start + 1)
    items = _items(text, one.children, head)
    close = one.end - 1
    tail = text[items[-1].end if items else head : close]
    return Block(text[one.start : head], items, tail, text[close : one.end])


def _end_of_line(text: str, end: int) -> int:
    """End of the separator and the comment behind a field."""
    token = next_token(text, end)
    return _end_of_comment(text, token.end if token.text in (",", ";") else end)


def _end_of_comment(text: str, at: int) -> int:
    match = _REST_OF_LINE().match(text, at)
    return match.end() if match else at


def indent_unit(items: Sequence[Item]) -> str:
    """By what fields are indented more than the block that they stand in; two blanks at a loss."""
    return next(_units(items), "  ")


def _units(items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        for child in item.children[:1]:
            unit = child.indent.removeprefix(item.indent)
            if "\n" in child.before and unit not in ("", child.indent if item.indent else ""):
                yield unit
        yield from _units(item.children)


def spread(text: str, item: Item, line_end: str) -> list[Item]:
    """A list in square brackets as fields of their own; its comments go before the first."""
    items = []
    gaps, at = [], item.start + len(item.name)
    for one in item.fields:
        gaps.append(text[at : one.start])
        at = one.end
        link = ": " if one.children is None else " "
        value = _value(text, one)
        new = Item(" ", item.name, link, value, "", item.indent, one.start, one.end, [one])
        items.append(new)
    end = next_token(text, at).end
    gaps.append(text[at:end])
    items[0].before = item.before
    items[0].precede(comments(gaps), line_end)
    items[-1].after, items[-1].end = item.after, item.end
    return items


def comments(pieces: Iterable[str]) -> list[str]:
    """The comments in texts, from their mark to the end of the line."""
    found = []
    for text in pieces:
        at = 0
        while "#" in text[at:]:
            token = next_token(text, at)
            gap = text[at : token.start]
            found += [comment.rstrip() for comment in _COMMENT().findall(gap)]
            if token.kind == "end":
                break
            at = token.end
    return found


def separate(block: Block, indent: str, line_end: str, *, own_lines: bool) -> None:
    """Set fields apart that have come to stand side by side, and end the line of each comment."""
    before, in_comment = None, "#" in block.head
    for item in block.items:
        neighbours = before is not None and before.end == item.start - len(item.before) >= 0
        if in_comment or (item.before.startswith("#") and before is not None):
            if not _LINE_END().match(item.before):
                item.before = f"{line_end}{indent}" + item.before.lstrip(_BLANKS)
        elif before is not None and not item.before and not neighbours:
            item.before = f"{line_end}{indent}" if own_lines else " "
        before, in_comment = item, "#" in item.after
    if in_comment and not _LINE_END().match(block.tail) and (block.tail or block.close):
        block.tail = f"{line_end}{indent}" + block.tail.lstrip(_BLANKS)
