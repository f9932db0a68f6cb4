"""One file's text, and positions in it.

Inside caffelint a position is an offset into the decoded text; lines and columns are derived
here, once, when something is shown to a person. Bytes survive: what is decoded can be encoded
back to the very same bytes, valid UTF-8 or not.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple


class Span(NamedTuple):
    """Half-open range ``[start, end)`` of character offsets in one source."""

    start: int
    end: int


class Location(NamedTuple):
    """A position as people count it: line and column, both from 1, in characters."""

    line: int
    column: int


class Source:
    """The text of one file under the name that messages show."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> Source:
        """Decode UTF-8; bytes that are not UTF-8 become lone surrogates, one each."""
        return cls(name, data.decode("utf-8", "surrogateescape"))

    def to_bytes(self) -> bytes:
        """The bytes that ``from_bytes`` was given."""
        return self.text.encode("utf-8", "surrogateescape")

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n") + 1
        while at:
            starts.append(at)
            at = self.text.find("\n", at) + 1
        return starts

    def locate(self, offset: int) -> Location:
        """Line and column of ``offset``; the end of the text is a valid position too."""
        line = bisect_right(self._line_starts, offset)
        return Location(line, offset - self._line_starts[line - 1] + 1)

    def line_start(self, number: int) -> int:
        """Offset of line ``number`` (from 1)."""
        return self._line_starts[number - 1]

    def line(self, number: int) -> str:
        """Text of line ``number`` (from 1) without its line end."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else None].rstrip("\r")

    def lines(self, first: int, last: int, most: int) -> str:
        """The text of whole lines, empty where it has more than ``most`` characters."""
        if last - first > most:
            return ""
        text = "\n".join(self.line(number) for number in range(first, last + 1))
        return text if len(text) <= most else ""

    @property
    def line_count(self) -> int:
        """How many lines there are; a text that ends in a line end has an empty last one."""
        return len(self._line_starts)
