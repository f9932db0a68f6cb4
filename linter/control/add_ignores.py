"""Comments that silence what is found now, written into the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..core.diagnostic import Diagnostic
from ..core.naming import RuleNames
from ..core.source import Source, Span
from ..syntax.lexer import comments
from .suppress import Ignore, Ignores


def added(source: Source, found: Iterable[Diagnostic], names: RuleNames) -> str:
    """The text with comments for all findings in it; a finding that one of them covers needs no
    other.
    """
    ignores = Ignores(source, names)
    ends = {span.end: span for span in comments(source.text)}
    writer = _Writer(ignores, {ignores.blocks.line_of(at): span for at, span in ends.items()})
    edits = sorted(writer.edits(_by_line(ignores, found)))
    pieces, at = [], 0
    for offset, text in edits:
        pieces += (source.text[at:offset], text)
        at = offset
    pieces.append(source.text[at:])
    return "".join(pieces)


def _by_line(ignores: Ignores, found: Iterable[Diagnostic]) -> dict[int, set[str]]:
    """The rules to ignore by line, without those that the ignore of an earlier line covers."""
    lines: dict[int, set[str]] = {}
    open_to: dict[str, int] = {}  # how far the ignores of a rule reach so far
    for one in sorted(found, key=lambda one: one.place.span.start):
        at = one.place.span.start
        if at <= open_to.get(one.rule, -1):
            continue
        line = ignores.blocks.line_of(at)
        open_to[one.rule] = ignores.blocks.scope(line).end
        lines.setdefault(line, set()).add(one.rule)
    return lines


class _Writer:
    """Finds the place for an ignore of each line; ``comments`` are those that lines end in."""

    def __init__(self, ignores: Ignores, comments: Mapping[int, Span]) -> None:
        self._ignores = ignores
        self._comments = comments
        self._text = ignores.source.text

    def edits(self, lines: Mapping[int, set[str]]) -> Iterator[tuple[int, str]]:
        """What to insert, and at which offset."""
        for line, rules in lines.items():
            yield self._edit(line, ", ".join(sorted(rules)))

    def _edit(self, line: int, rules: str) -> tuple[int, str]:
        start, end = self._ignores.blocks.line_span(line)
        written = self._written(line)
        if written is not None:
            return written.list_end, f", {rules}"
        comment = self._comments.get(line)
        own_line = comment is not None and not self._text[start : comment.start].strip()
        if own_line or not self._can_end_in_comment(start, end):
            return self._line_before(start, end, rules)
        gap = "" if self._text[start:end].endswith((" ", "\t")) else "  "
        return end, f"{gap}# caffelint: ignore[{rules}]"

    def _written(self, line: int) -> Ignore | None:
        """An ignore that the line ends in already."""
        span = self._comments.get(line)
        if span is None:
            return None
        start = self._ignores.blocks.line_span(line).start
        ours = [one for one in self._ignores.found if one.word and start <= one.span.start]
        return next(
            (
                one
                for one in ours
                if one.span.end <= span.end and one.scope == self._ignores.blocks.scope(line)
            ),
            None,
        )

    def _can_end_in_comment(self, start: int, end: int) -> bool:
        """Whether a number sign at the end of the line would start a comment."""
        tried = self._text[start:end] + " #"
        *_, last = [Span(-1, -1), *comments(tried)]
        return last.end == len(tried)

    def _line_before(self, start: int, end: int, rules: str) -> tuple[int, str]:
        """A line of its own above, indented alike, with the line end of its surroundings."""
        line = self._text[start:end]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        mark = self._text.startswith("\ufeff") and start == 0
        first = self._text.find("\n")
        line_end = "\r\n" if first > 0 and self._text[first - 1] == "\r" else "\n"
        return start + mark, f"{indent}# caffelint: ignore[{rules}]{line_end}"
