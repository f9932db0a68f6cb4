"""Comments that silence what is found now, written into the files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..core.diagnostic import Diagnostic, Report
from ..core.naming import RuleNames
from ..core.source import Source, Span
from ..syntax.lexer import comments
from .suppress import BYTE_ORDER_MARK, PROBLEM_KINDS, Ignore, Ignores

Look = Callable[[Mapping[Path, bytes]], Report]
"""Checks all files anew, some of them with other content than on disk."""

_PASSES = 3


def add_all(
    look: Look, names: Callable[[str], RuleNames]
) -> tuple[dict[Path, tuple[str, bytes, bytes]], Report]:
    """Add comments for all that is found in the files that are checked, and writes nothing.

    Gives the name, old and new content of what has changed by real path, and the report on that.
    ``names`` tells the rules that there are in a file.
    """
    changed: dict[Path, tuple[str, bytes, bytes]] = {}
    report = look({})
    for number in range(_PASSES):
        by_file: dict[str, list[Diagnostic]] = {}
        for one in report.diagnostics:
            # What is wrong with an ignore is not mended by another one.
            if one.place.source.name in report.files and one.name not in PROBLEM_KINDS:
                by_file.setdefault(one.place.source.name, []).append(one)
        if not by_file:
            break
        for name, found in by_file.items():
            source = found[0].place.source
            new = added(source, found, names(name), whole=number > 0)
            path = Path(os.path.realpath(name))
            _, old, _ = changed.get(path, (name, source.to_bytes(), b""))
            changed[path] = (name, old, Source(name, new).to_bytes())
        report = look({path: new for path, (_, _, new) in changed.items()})
    return changed, report


def added(
    source: Source, found: Iterable[Diagnostic], names: RuleNames, *, whole: bool = False
) -> str:
    """The text with comments for all findings in it; a finding that one of them covers needs no
    other. With ``whole`` all are for the whole file.
    """
    ignores = Ignores(source, names)
    ends = {ignores.blocks.line_of(span.start): span for span in comments(source.text)}
    lines, in_file = _by_line(ignores, found) if not whole else ({}, {one.rule for one in found})
    edits = list(_Writer(ignores, ends).edits(lines))
    if in_file:
        edits.append(_for_the_file(ignores, ", ".join(sorted(in_file))))
    pieces: list[str] = []
    at = 0
    for offset, text in sorted(edits):
        pieces += (source.text[at:offset], text)
        at = offset
    pieces.append(source.text[at:])
    return "".join(pieces)


def _by_line(ignores: Ignores, found: Iterable[Diagnostic]) -> tuple[dict[int, set[str]], set[str]]:
    """The rules to ignore by line, without those that the ignore of an earlier line covers; and
    those to ignore in the whole file, as what they found is on a line with nothing on it.
    """
    lines: dict[int, set[str]] = {}
    whole: set[str] = set()
    open_to: dict[str, int] = {}  # how far the ignores of a rule reach so far
    for one in sorted(found, key=lambda one: one.place.span.start):
        at = one.place.span.start
        if one.rule in whole or at <= open_to.get(one.rule, -1):
            continue
        line = ignores.blocks.line_of(at)
        if ignores.blocks.holds_something(line):
            open_to[one.rule] = ignores.blocks.scope(line).end
            lines.setdefault(line, set()).add(one.rule)
        else:
            whole.add(one.rule)
    return lines, whole


def _for_the_file(ignores: Ignores, rules: str) -> tuple[int, str]:
    """What to insert for the whole file, and at which offset."""
    text = ignores.source.text
    for one in ignores.found:
        if one.word and one.scope == Span(0, len(text)):
            return one.list_end, f", {rules}"
    return int(
        text.startswith(BYTE_ORDER_MARK)
    ), f"# caffelint: ignore-file[{rules}]{_line_end(text)}"


def _line_end(text: str) -> str:
    """The line end that the text has."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


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
        if not self._can_end_in_comment(start, end):
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
        mark = start == 0 and self._text.startswith(BYTE_ORDER_MARK)
        return start + mark, f"{indent}# caffelint: ignore[{rules}]{_line_end(self._text)}"
