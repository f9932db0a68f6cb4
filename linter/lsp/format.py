"""Lines indented by how deep they are nested, and nothing else changed.

Only blanks at the beginning of lines, and behind the last token of lines without a comment, are
touched: the message stays what it is, and so does every comment. A comment that stands in column 0
stays there, since that is how whole layers are commented out.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.diagnostic import Edit
from ..core.source import Span
from ..syntax.lexer import next_token
from .document import Document

_OPENING, _CLOSING = "{<[", "}>]"
_BLANKS = " \t\v\f"


def format_lines(document: Document, first: int, last: int, indent: str) -> list[Edit]:
    """The edits that indent lines ``first`` to ``last``, from 1; none for a text whose nesting
    is not certain, because it has errors.
    """
    if any(problem.kind != "byte-order-mark" for problem in document.tree.problems):
        return []
    return [
        edit
        for line, depth in _depths(document)
        if first <= line <= last
        for edit in _edits(document, line, indent * depth)
    ]


def _depths(document: Document) -> Iterator[tuple[int, int]]:
    """Every line with how deep it is nested: one that starts by closing blocks as deep as they."""
    text, locate = document.text, document.source.locate
    depth, depth_of_line, line, started = 0, 0, 1, False
    at = int(text.startswith("\ufeff"))
    closing = 0  # brackets that the line begins with
    while True:
        token = next_token(text, at)
        token_line = locate(token.start).line
        while line < token_line:
            yield line, depth_of_line if started else depth
            line, started, closing = line + 1, False, 0
        if token.kind == "end":
            yield line, depth_of_line if started else depth
            return
        symbol = token.text if token.kind == "symbol" else ""
        if not started:
            depth_of_line, started, closing = depth, True, 1
        if symbol and symbol in _CLOSING:
            depth = max(depth - 1, 0)
            if closing:
                depth_of_line = depth
        else:
            closing = 0
            if symbol and symbol in _OPENING:
                depth += 1
        at = token.end


def _edits(document: Document, number: int, indent: str) -> Iterator[Edit]:
    start, line = document.source.line_start(number), document.source.line(number)
    if number == 1 and line.startswith("\ufeff"):
        start, line = start + 1, line[1:]
    content = line.lstrip(_BLANKS)
    old = line[: len(line) - len(content)]
    new = "" if not content or (content.startswith("#") and not old) else indent
    if old != new:
        yield Edit(Span(start, start + len(old)), new)
    end = content.rstrip(_BLANKS)
    if end and end != content and not _has_comment(document, start + len(old), start + len(line)):
        yield Edit(Span(start + len(old) + len(end), start + len(line)), "")


def _has_comment(document: Document, at: int, end: int) -> bool:
    """Whether a comment starts between the tokens of a line."""
    text = document.text
    while at < end:
        token = next_token(text, at)
        if "#" in text[at : min(token.start, end)]:
            return True
        at = max(token.end, at + 1)
    return False
