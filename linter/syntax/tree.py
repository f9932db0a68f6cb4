"""The tree of one text: fields with the spans of their names and values.

Blanks, comments, separators and whatever could not be understood are the gaps between spans, so
nothing of the text is lost and ``Tree.render`` gives it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from ..core.problem import Problem
from ..core.source import Source, Span


class Kind(IntEnum):
    """What is written as a field's value."""

    STRING = 2
    """One or more adjacent quoted literals; ``text`` is the literals as written."""
    INTEGER = 3
    """Decimal, hexadecimal or octal, perhaps after a minus sign."""
    FLOAT = 4
    """A number with a point, an exponent or a trailing ``f``."""
    IDENTIFIER = 5
    """A bare word, perhaps after a minus sign (``-inf``)."""
    MESSAGE = 6
    """A block in braces or angle brackets."""
    EMPTY_LIST = 7
    """``[]``; ``text`` is empty where no colon stands before it, as only messages allow."""
    BROKEN = 8
    """Something that is no value; an error has been reported for it."""


class Field(Struct, eq=False, gc=False):  # a field points at its children only
    """One ``name: value`` or ``name { … }``; each element of a ``[a, b]`` list is one Field.

    ``listed`` is 0 outside a list, 1 for the first element of one and 2 for the later ones, which
    share the first one's name.

    ``start`` and ``end`` bound the value (for a message from its opening to behind its closing
    bracket). ``text`` is the value as written, without white space inside a signed number, and
    empty for messages; ``children`` is None for everything but messages.
    """

    name: str
    name_start: int
    kind: int
    text: str
    start: int
    end: int
    children: list[Field] | None = None
    listed: int = 0

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {Kind(self.kind).name}, {self.text!r})"

    @property
    def name_span(self) -> Span:
        """Span of the name as written."""
        return Span(self.name_start, self.name_start + len(self.name))

    @property
    def span(self) -> Span:
        """Where a caret belongs: the value, or the name of a message, whose value is long."""
        if self.children is not None:
            return self.name_span
        return Span(self.start, self.end)

    @property
    def whole_span(self) -> Span:
        """From the name to the end of the value."""
        return Span(self.name_start, self.end)


class Tree:
    """A parsed text: its top-level fields and what was wrong with it."""

    def __init__(self, source: Source, fields: list[Field], problems: list[Problem]) -> None:
        self.source = source
        self.fields = fields
        self.problems = problems

    def leaves(self) -> Iterator[Span]:
        """Spans of names and scalar values in the order of the text, none overlapping."""
        stack = [iter(self.fields)]
        while stack:
            field = next(stack[-1], None)
            if field is None:
                stack.pop()
                continue
            if field.listed != 2:
                yield field.name_span
            if field.children is None:
                yield Span(field.start, field.end)
            else:
                stack.append(iter(field.children))

    def render(self) -> str:
        """The text again, put together from the leaves and the gaps between them."""
        text, at = self.source.text, 0
        pieces: list[str] = []
        for start, end in self.leaves():
            pieces += (text[at:start], text[start:end])
            at = end
        pieces.append(text[at:])
        return "".join(pieces)
