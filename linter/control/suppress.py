"""Comments that silence findings: ``# caffelint: ignore[CL201] reason``.

At the end of a line such a comment is about that line; on the line that opens a block, about the
whole block; on a line of its own, about the next line that holds something, or the block that it
opens. ``ignore-file`` before the first field, or on its line, is about the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec import Struct

from ..core.diagnostic import Diagnostic, Suppressed
from ..core.late import late
from ..core.naming import RuleNames
from ..core.problem import Problem
from ..core.source import Source, Span
from ..syntax.lexer import comments, next_token
from ..syntax.parser import parse
from ..syntax.tree import Field

PROBLEM_KINDS = ("malformed-ignore", "unknown-ignore", "unused-ignore")
"""What can be wrong with such a comment; the rules on these problems have the same names."""

MARK = "caffelint:"
_START = late(r"#[ \t]*caffelint:[ \t]*")
_IGNORE = late(r"(ignore-file|ignore)[ \t]*(?:\[([^\]#]*)\]|(?![\w\[-]))[ \t]*([^#]*)")
_DIALECT = late(r"dialect[ \t]*=")  # says how a file is read, and silences nothing
_RULE_ID = late(r"[A-Z]{2,6}\d")
BYTE_ORDER_MARK = "\ufeff"


class Ignore(Struct, frozen=True):
    """What one comment silences: rules by ``word``, all of them where it is empty, in ``scope``.

    ``span`` is the word in the comment, or the comment itself. A comment with several words gives
    one of these for each. ``list_end`` is where its list of words ends.
    """

    word: str
    span: Span
    scope: Span
    reason: str
    list_end: int

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding lies where this counts."""
        return self.scope.start <= diagnostic.place.span.start <= self.scope.end


class Ignores:
    """The ignores of one file, and which of them have silenced something."""

    def __init__(self, source: Source, names: RuleNames) -> None:
        self.source = source
        self.blocks = Blocks(source)
        self.found: list[Ignore] = []
        self.malformed: list[Problem] = []
        self._names = names
        self._used: set[Span] = set()
        for comment in comments(source.text) if MARK in source.text else ():
            for start, end in _parts(source.text, comment):
                self._read(Span(start, end), comment)

    def _read(self, part: Span, comment: Span) -> None:
        """Take one ``# caffelint: …`` of a comment."""
        text = self.source.text
        start = _START().match(text, *part)
        assert start is not None
        if _DIALECT().match(text, start.end(), part.end):
            return
        match = _IGNORE().match(text, start.end(), part.end)
        span = Span(part.start, part.start + len(text[slice(*part)].rstrip()))
        flaw = _flaw(match)
        if match is None or flaw:
            self.malformed.append(Problem("malformed-ignore", span, {"flaw": flaw}))
            return
        kind, words, reason = match.groups()
        if kind == "ignore":
            scope = self._scope(comment)
        elif self.blocks.line_of(comment.start) <= self.blocks.first_line:
            scope = Span(0, len(text))
        else:
            flaw = "ignore-file counts only before the first field, or on its line"
            self.malformed.append(Problem("malformed-ignore", span, {"flaw": flaw}))
            return
        at, end = match.start(2), match.end(2)
        for word in (words or "").split(","):
            where = span
            if words is not None:
                first = at + len(word) - len(word.lstrip())
                where = Span(first, first + len(word.strip()))
            self.found.append(Ignore(word.strip(), where, scope, reason.strip(), end))
            at += len(word) + 1

    def _scope(self, comment: Span) -> Span:
        """Where a comment counts: on its line, or on the next one if it stands alone."""
        text = self.source.text
        line_start = text.rfind("\n", 0, comment.start) + 1
        if text[line_start : comment.start].strip(f" \t\r\v\f{BYTE_ORDER_MARK}"):
            return self.blocks.scope(self.blocks.line_of(comment.start))
        return self.blocks.scope(self.blocks.line_of(next_token(text, comment.end).start))

    def silencing(self, diagnostic: Diagnostic) -> Ignore | None:
        """The first ignore that silences a finding; all that would have are used then."""
        first = None
        for ignore in self.found:
            named = not ignore.word or diagnostic.rule in self._names.ids(ignore.word)
            if named and ignore.covers(diagnostic):
                first = first or ignore
                self._used.add(ignore.span)
        return first

    def flaws(self) -> Iterator[Problem]:
        """What is wrong with the comments whatever the findings are."""
        yield from self.malformed
        for ignore in self.found:
            if ignore.word and not self._names.knows(ignore.word):
                values = {"word": ignore.word, "meant": self._names.meant(ignore.word)}
                yield Problem("unknown-ignore", ignore.span, values)

    def unused(self, switched_on: frozenset[str]) -> Iterator[Problem]:
        """Ignores that have silenced nothing, though their rules were on."""
        for ignore in self.found:
            looked_for = not ignore.word or self._names.ids(ignore.word) & switched_on
            if looked_for and ignore.span not in self._used:
                words = f"ignore[{ignore.word}]" if ignore.word else "ignore-file"
                yield Problem("unused-ignore", ignore.span, {"ignore": words})


def split(
    diagnostics: Iterable[Diagnostic], ignores: dict[str, Ignores]
) -> tuple[list[Diagnostic], list[Suppressed]]:
    """The findings that are to be reported, and those that a comment silences; ``ignores`` are
    those of the files by name.
    """
    kept: list[Diagnostic] = []
    silenced: list[Suppressed] = []
    for one in diagnostics:
        of_file = ignores.get(one.place.source.name)
        ignore = of_file.silencing(one) if of_file is not None else None
        if ignore is None:
            kept.append(one)
        else:
            silenced.append(Suppressed(one, "inSource", ignore.reason))
    return kept, silenced


def _parts(text: str, comment: Span) -> Iterator[tuple[int, int]]:
    """Every ``# caffelint: …`` of a comment; other words may stand before the first one."""
    starts = [match.start() for match in _START().finditer(text, *comment)]
    return pairwise([*starts, comment.end])


def _flaw(match: re.Match[str] | None) -> str:
    """What is wrong with the form of an ignore, or an empty text."""
    if match is None:
        return "only ignore[RULE, …], ignore-file and dialect=NAME are known"
    kind, words, reason = match.groups()
    if words is None and (kind == "ignore" or _RULE_ID().match(reason)):
        return f"the rules stand in brackets: {kind}[CL201]"
    if words is not None and not all(word.strip() for word in words.split(",")):
        return f"a rule is missing between the brackets of {kind}[…]"
    return ""


class Blocks:
    """The lines of a text, and the blocks that they open."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._opened: dict[int, list[Field]] = {}
        stack = list(parse(source).fields)
        while stack:
            field = stack.pop()
            if field.children is not None:
                last = self.line_of(field.end)
                for line in {self.line_of(field.name_start), self.line_of(field.start)} - {last}:
                    self._opened.setdefault(line, []).append(field)
                stack.extend(field.children)

    @property
    def first_line(self) -> int:
        """The line of the first token."""
        return self._line_of_token(0)

    def holds_something(self, line: int) -> bool:
        """Whether there is more than blanks and comments on a line."""
        return self._line_of_token(self._source.line_start(line)) == line

    def _line_of_token(self, at: int) -> int:
        """The line of the first token at or after an offset; past the end if there is none."""
        text = self._source.text
        token = next_token(text, at or int(text.startswith(BYTE_ORDER_MARK)))
        return self.line_of(token.start) + (token.kind == "end")

    def line_of(self, offset: int) -> int:
        """Number of the line, from 1, that ``offset`` lies in."""
        return self._source.locate(offset).line

    def scope(self, line: int) -> Span:
        """The line, with all of the blocks that it opens and does not close."""
        plain = self.line_span(line)
        opened = self._opened.get(line, ())
        start = min([plain.start, *(field.name_start for field in opened)])
        return Span(start, max([plain.end, *(field.end for field in opened)]))

    def line_span(self, line: int) -> Span:
        """The line without its line end."""
        start = self._source.line_start(line)
        return Span(start, start + len(self._source.line(line)))
