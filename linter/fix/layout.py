"""Where new text goes and how it looks: line breaks, indentation and one-line blocks as around it.

Knows characters and trees, not Caffe. Every function gives edits and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from ..core.diagnostic import Edit
from ..core.source import Source, Span
from ..syntax.lexer import next_token
from ..syntax.parser import parse
from ..syntax.recovery import has_lines
from ..syntax.tree import Field, Tree

_BLANKS = " \t"
_INDENT = "  "
_FAR = 10_000


# Lines


def line_start(text: str, at: int) -> int:
    """Start of the line of offset ``at``; of an endless line, a place far before it."""
    first = max(0, at - _FAR)
    return max(first, text.rfind("\n", first, at) + 1)


def line_end(text: str, at: int) -> int:
    """End of the line of offset ``at``, before its line end of one or two characters."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end - 1 if end > at and text[end - 1] == "\r" else end


def starts_line(text: str, at: int) -> bool:
    """Whether only blanks stand before ``at`` on its line."""
    start = line_start(text, at)
    return text[start - 1 : start] in ("", "\n") and not text[start:at].strip(_BLANKS + "\ufeff")


def indentation(text: str, at: int) -> str:
    """The blanks that the line of ``at`` starts with, as written."""
    start = line_start(text, at)
    end = start
    while text[end : end + 1] and text[end] in _BLANKS:
        end += 1
    return text[start:end]


def newline(text: str, at: int) -> str:
    """The line end in use at ``at``."""
    end = text.find("\n", at)
    if end < 0:
        end = text.rfind("\n", 0, at)
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


# Fields


def end_of(text: str, field: Field) -> int:
    """End of a field; of one in a list that of the list, behind its bracket."""
    if not field.listed:
        return field.end
    token = next_token(text, field.end)
    while token.text not in ("]", ""):
        token = next_token(text, token.end)
    return token.end


def has_comment(text: str, field: Field) -> bool:
    """Whether a comment stands in a block."""
    tree = Tree(Source("", text), [field], [])
    at = field.name_start
    for start, end in tree.leaves():
        if "#" in text[at:start]:
            return True
        at = end
    return "#" in text[at : field.end]


def removal(text: str, start: int, end: int) -> Edit:
    """Take out a statement: with its line if nothing else stands on it, else with the blanks
    before it; a comment behind it stays.
    """
    if text[end : end + 1] and text[end] in ",;":
        end += 1
    first = line_start(text, start)
    behind = line_end(text, end)
    if starts_line(text, start):
        if not text[end:behind].strip(_BLANKS):
            return Edit(Span(first, _next_line(text, behind)), "")
        while text[end] in _BLANKS:
            end += 1
        return Edit(Span(start, end), "")
    while text[start - 1] in _BLANKS:
        start -= 1
    if text[end : end + 1] and text[end] not in " \t\r\n":
        return Edit(Span(start, end), " ")
    return Edit(Span(start, end), "")


def _next_line(text: str, end: int) -> int:
    at = text.find("\n", end)
    return len(text) if at < 0 else at + 1


# New statements


def insertion(
    tree: Tree, block: Field | None, statements: Sequence[str], after: Field | None = None
) -> Edit | None:
    """Put statements into a block, or into the file: behind ``after``, or else as its last fields.

    None where the block has no closing bracket.
    """
    text = tree.source.text
    if block is not None and text[block.end - 1] not in "}>":
        return None
    children = tree.fields if block is None else block.children or []
    sibling = after or max(children, key=lambda child: child.end, default=None)
    if sibling is None:
        return _into_empty(tree, block, statements)
    end = end_of(text, sibling)
    eol = line_end(text, end)
    crowded = any(end <= other.name_start < eol for other in children)
    closes = block is not None and block.end - 1 < eol
    opener = -1 if block is None else block.start
    on_new_line = starts_line(text, sibling.name_start) or (
        line_start(text, sibling.name_start) > opener >= 0 and not closes
    )
    if crowded or not on_new_line or (block is not None and not has_lines(text, block)):
        return Edit(Span(end, end), "".join(f" {statement}" for statement in statements))
    indent, nl = indentation(text, sibling.name_start), newline(text, end)
    lines = partial(_lines, tree, block, indent=indent, nl=nl)
    at = end if closes else eol
    return Edit(Span(at, at), "".join(nl + indent + lines(one) for one in statements))


def _into_empty(tree: Tree, block: Field | None, statements: Sequence[str]) -> Edit | None:
    """Into a block without fields, which may hold comments."""
    if block is None:
        return None
    text, close = tree.source.text, block.end - 1
    if not has_lines(text, block):
        return Edit(Span(block.start + 1, close), f" {' '.join(statements)} ")
    outer, nl = indentation(text, block.name_start), newline(text, block.start)
    indent = outer + _style(tree).unit
    lines = partial(_lines, tree, block, indent=indent, nl=nl)
    if not starts_line(text, close):
        new = "".join(nl + indent + lines(one) for one in statements)
        return Edit(Span(close, close), new + nl + outer)
    at = line_start(text, close)
    return Edit(Span(at, at), "".join(indent + lines(one) + nl for one in statements))


def _lines(tree: Tree, block: Field | None, statement: str, *, indent: str, nl: str) -> str:
    """A statement on one line or on several, as the blocks around it are written."""
    (field,) = parse(Source("", statement)).fields
    if field.children is None or not _expands(tree, block, field.name):
        return statement
    return _expanded(statement, field, indent, _style(tree).unit, nl)


def _expanded(statement: str, field: Field, indent: str, unit: str, nl: str) -> str:
    if field.children is None:
        return statement[field.name_start : field.end]
    inner = indent + unit
    body = "".join(
        f"{nl}{inner}{_expanded(statement, child, inner, unit, nl)}" for child in field.children
    )
    return f"{field.name} {{{body}{nl}{indent}}}"


class _Style(NamedTuple):
    """How the blocks of a file are written: by what the fields of one are indented more than it,
    and by name, under "" for all that hold no other blocks, whether most have several lines.
    """

    unit: str
    expands: dict[str, bool]


@lru_cache(maxsize=2)
def _style(tree: Tree) -> _Style:
    text, unit = tree.source.text, ""
    votes: Counter[str] = Counter()
    for block in _blocks(tree.fields):
        vote = 1 if has_lines(text, block) else -1
        votes[block.name] += vote
        if all(child.children is None for child in block.children or ()):
            votes[""] += vote
        unit = unit or _unit(text, block)
    return _Style(unit or _INDENT, {name: vote > 0 for name, vote in votes.items()})


def _unit(text: str, block: Field) -> str:
    """The indentation that the first field of a block adds to that of the block."""
    outer = indentation(text, block.name_start)
    for child in (block.children or ())[:1]:
        inner = indentation(text, child.name_start)
        if starts_line(text, child.name_start) and inner.startswith(outer):
            return inner[len(outer) :]
    return ""


def _expands(tree: Tree, block: Field | None, name: str) -> bool:
    """Whether blocks have lines of their own for their fields: those of this name in the file,
    else those beside it, else all that hold no other blocks.
    """
    style = _style(tree)
    if name in style.expands:
        return style.expands[name]
    beside = [] if block is None else [one for one in block.children or () if one.children]
    if beside:
        return sum(has_lines(tree.source.text, one) for one in beside) * 2 > len(beside)
    return style.expands.get("", False)


def _blocks(fields: Sequence[Field]) -> Iterator[Field]:
    """All blocks that hold something, outer ones before those in them."""
    stack = list(reversed(fields))
    while stack:
        field = stack.pop()
        if field.children:
            yield field
            stack.extend(reversed(field.children))


# Values


def value(text: str, field: Field, new: str) -> Edit:
    """Another value for a field, in the kind of quotes that it has."""
    if text[field.start] == "'" and new.startswith('"') and "'" not in new:
        new = f"'{new[1:-1]}'"
    return Edit(Span(field.start, field.end), new)
