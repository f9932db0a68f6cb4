"""Positions as the protocol counts them: lines from 0, and code units from 0 within a line.

A line ends in LF, CR LF or CR. Which code units are counted is agreed on with the
client: UTF-16 unless it asks for UTF-8 or whole characters (UTF-32).
"""

from __future__ import annotations

import re
from bisect import bisect_right

_LINE_END = re.compile(r"\r\n|\r|\n")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Position = tuple[int, int]
"""Line and code unit in it, both from 0."""


def encodable(text: str) -> str:
    """The text with U+FFFD for halves of characters, which no encoding has; offsets stay."""
    return _LONE_SURROGATE.sub("\ufffd", text)


class Positions:
    """Offsets of one text as positions, and back."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self._text = text
        self.encoding = encoding
        ends = list(_LINE_END.finditer(text))
        self._starts = [0, *(end.end() for end in ends)]
        self._ends = [*(end.start() for end in ends), len(text)]

    def position(self, offset: int) -> Position:
        """Where an offset is; past the text counts as its end."""
        offset = max(0, min(offset, len(self._text)))
        line = bisect_right(self._starts, offset) - 1
        return line, self._units(self._text[self._starts[line] : offset])

    def offset(self, line: int, unit: int) -> int:
        """The offset of a position. Past the end of a line is that end; within a character is
        where the character starts.
        """
        if line >= len(self._starts):
            return len(self._text)
        start, end = self._starts[line], self._ends[line]
        content = self._text[start:end]
        if content.isascii() or self.encoding == "utf-32":
            return min(start + unit, end)
        passed = 0
        for number, character in enumerate(content):
            passed += self._units(character)
            if passed > unit:
                return start + number
        return end

    def _units(self, text: str) -> int:
        if text.isascii() or self.encoding == "utf-32":
            return len(text)
        if self.encoding == "utf-8":
            return len(text.encode("utf-8", "replace"))
        return len(text) + sum(character > "\uffff" for character in text)
