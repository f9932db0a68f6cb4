"""Where the cursor is in a text that is being written: in which blocks, at a name or at a value.

Only what stands before the cursor counts, so it does not matter that the rest is incomplete.
"""

from __future__ import annotations

from msgspec import Struct

from ..core.source import Span
from ..syntax.lexer import Token, next_token


class Cursor(Struct, frozen=True):
    """``blocks`` are the names of the open blocks with the offsets where they start, the outermost
    first. ``field`` is the field whose value is being written, empty where a name is. ``word`` is
    what is written there, quotes left out; ``quote`` the quote that it stands in, if any.
    """

    blocks: tuple[tuple[str, int], ...]
    field: str
    word: Span
    quote: str = ""
    closed: bool = True
    """Whether the quote is closed behind the word, or there is none."""


def cursor_at(text: str, offset: int) -> Cursor | None:
    """The cursor at an offset; None in a comment, where nothing is to be completed."""
    reader = _Reader()
    at = int(text.startswith("\ufeff"))
    while True:
        token = next_token(text, at)
        if token.start >= offset or token.kind == "end":
            break
        if _holds(token, offset):
            return reader.cursor(_word(token), token)
        reader.take(token)
        at = token.end
    between = text[at:offset]
    line = between.rpartition("\n")[2]
    if "#" in line:
        return None
    if "\n" in between:
        reader.end_line()
    word = Span(offset, offset)
    if token.start == offset and token.kind == "identifier":
        word = Span(offset, token.end)
    return reader.cursor(word, None)


def _holds(token: Token, offset: int) -> bool:
    """Whether the cursor is in a token, or right behind a word that it can still be part of."""
    if offset < token.end:
        return True
    if token.kind == "string":
        return offset == token.end and token.flaw == "unterminated"
    return offset == token.end and token.kind in ("identifier", "integer", "float")


def _word(token: Token) -> Span:
    if token.kind != "string":
        return Span(token.start, token.end)
    end = token.end if token.flaw == "unterminated" else token.end - 1
    return Span(token.start + 1, end)


class _Reader:
    """Reads tokens and knows what may come next."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, int]] = []
        self.name: Token | None = None
        """The name that was read last, while its value is still to come."""
        self.value: Token | None = None
        """A word that was read as a value: it may turn out to be a name."""
        self.colon = False
        self.listed = False

    def take(self, token: Token) -> None:
        """Read one token."""
        text = token.text
        if text in ("{", "<") and token.kind == "symbol":
            opener = self.name or self.value or token
            self.blocks.append((opener.text, opener.start))
            self._reset()
        elif text in ("}", ">") and token.kind == "symbol":
            if self.blocks:
                self.blocks.pop()
            self._reset()
        elif text == ":":
            self.name, self.colon = self.name or self.value, True
        elif text == "[" and self.name:
            self.listed = True
        elif text == "]":
            self._reset()
        elif text in (",", ";", "-"):
            if not self.listed and text != "-":
                self._reset()
        elif self.name is not None and (self.colon or token.kind != "identifier"):
            self._take_value(token)
        elif token.kind == "identifier":
            self._reset()
            self.name = token

    def _take_value(self, token: Token) -> None:
        if not self.listed:
            self._reset()
            self.value = token if token.kind == "identifier" else None

    def end_line(self) -> None:
        """A value stands on the line of its name, unless it is a list."""
        if not self.listed:
            self._reset()

    def _reset(self) -> None:
        self.name = self.value = None
        self.colon = self.listed = False

    def cursor(self, word: Span, token: Token | None) -> Cursor:
        """The cursor at a word; ``token`` is what it is part of."""
        string = token is not None and token.kind == "string"
        at_value = self.name is not None and (self.colon or string)
        return Cursor(
            tuple(self.blocks),
            self.name.text if self.name is not None and at_value else "",
            word,
            token.text[0] if token is not None and string else "",
            closed=token is None or token.flaw != "unterminated",
        )
