"""Findings for people: a headline, the source line it is about, and what to do.

The layout is that of rustc and ruff. Everything that comes from a linted file passes through
``printable`` before it is laid out, so such a file cannot send anything to the terminal.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import click

from ..core.diagnostic import Diagnostic, Fix, Place, Report, Severity
from .fold import fold
from .safe import printable

_LINE_LENGTH = 100
"""Longer source lines are cut to so many characters around what is marked in them."""

_PLACES = 5
"""So many related places are shown, unless all are asked for."""

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class _Paint(Protocol):
    """Colours a text, or leaves it as it is."""

    def __call__(
        self, text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None
    ) -> str: ...


def _plain(text: str, **_style: object) -> str:
    return text


def render(report: Report, *, colour: bool = False, expand: bool = False) -> str:
    """``report`` as frames with a summary line; folded unless ``expand`` is set."""
    diagnostics = report.diagnostics if expand else fold(report.diagnostics)
    paint: _Paint = click.style if colour else _plain
    blocks = [_frame(diagnostic, paint, expand=expand) for diagnostic in diagnostics]
    blocks.append(_summary(diagnostics, len(report.diagnostics), len(report.files)))
    return "\n\n".join(blocks) + "\n"


def _frame(diagnostic: Diagnostic, paint: _Paint, *, expand: bool) -> str:
    """Headline, source lines and notes of one finding."""
    related = diagnostic.related if expand else diagnostic.related[:_PLACES]
    marked = [_Marked(diagnostic.place, "^~", _COLOURS[diagnostic.severity], "")]
    marked += [_Marked(each.place, "--", "blue", each.message) for each in related]
    last_line = max(place.source.locate(place.span.start).line for place, *_ in marked)
    margin = " " * len(str(last_line))
    rows = [_headline(diagnostic, paint), f"{margin} |", *_source_rows(marked, margin, paint)]
    if left := len(diagnostic.related) - len(related):
        them = "it" if left == 1 else "them"
        rows += _note(margin, "also", f"{_count(left, 'more place')} (--expand lists {them})")
    rows += _note(margin, "help", diagnostic.hint) + _note(margin, "fix", _fix(diagnostic.fix))
    rows += _note(margin, "note", diagnostic.context)
    return "\n".join(rows)


def _headline(diagnostic: Diagnostic, paint: _Paint) -> str:
    severity = paint(diagnostic.severity.word, fg=_COLOURS[diagnostic.severity], bold=True)
    rule = paint(printable(f"[{diagnostic.rule} {diagnostic.name}]"), dim=True)
    return f"{_where(diagnostic.place)}: {severity}: {printable(diagnostic.message)} {rule}"


def _where(place: Place) -> str:
    line, column = place.source.locate(place.span.start)
    return f"{printable(place.source.name)}:{line}:{column}"


class _Marked(NamedTuple):
    """A place to show, and the words beside its underline.

    ``underline`` is two characters: the first one marks where the place starts.
    """

    place: Place
    underline: str
    colour: str
    label: str


def _source_rows(marked: Sequence[_Marked], margin: str, paint: _Paint) -> list[str]:
    """The lines of all places, each with its underline; a change of file is announced."""
    rows: list[str] = []
    file, previous = marked[0].place.source.name, ""
    for place, underline, colour, label in marked:
        words = printable(label)
        if place.source.name != file:
            file, previous = place.source.name, ""
            rows.append(f"{margin}--> {_where(place)}: {words}")
            words = ""
        number, text, pad, width = _excerpt(place)
        row = f"{number:>{len(margin)}} | {text}".rstrip()
        # Two places on one line are two underlines below the same line.
        if row != previous:
            rows.append(row)
        previous = row
        # The first character is always there: an insertion point has no width and must be seen.
        mark = paint(underline[0] + underline[1] * (width - 1), fg=colour)
        rows.append(f"{margin} | {' ' * pad}{mark} {words}".rstrip())
    return rows


def _excerpt(place: Place) -> tuple[int, str, int, int]:
    """Line number and shown text of the first line of ``place``, and the columns to underline.

    Those are given as columns to leave free and columns to mark; there may be none to mark.
    """
    number, column = place.source.locate(place.span.start)
    line = place.source.line(number)
    first = min(column - 1, len(line))
    last = min(first + place.span.end - place.span.start, len(line))
    shown, first, last = _window(line, first, last)
    # A tab would be as wide as the terminal likes.
    shown = printable(shown.replace("\t", " "))
    return number, shown, _columns(shown[:first]), _columns(shown[first:last])


def _window(line: str, first: int, last: int) -> tuple[str, int, int]:
    """The part of a long line around ``[first, last)``, and where that range lies in it."""
    if len(line) <= _LINE_LENGTH:
        return line, first, last
    before = max(_LINE_LENGTH // 5, (_LINE_LENGTH - (last - first)) // 2)
    low = max(0, min(first - before, len(line) - _LINE_LENGTH))
    high = low + _LINE_LENGTH
    head, tail = "…" if low else "", "…" if high < len(line) else ""
    shift = len(head) - low
    return head + line[low:high] + tail, first + shift, min(last, high) + shift


def _columns(text: str) -> int:
    """How many terminal columns printable ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_char_columns, text))


def _char_columns(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _note(margin: str, label: str, text: str) -> list[str]:
    """A note below the source lines; further lines of ``text`` stand below its first."""
    if not (text := text.strip()):
        return []
    head = f"{margin} = {label}: "
    first, *rest = map(printable, text.split("\n"))
    return [head + first, *((" " * len(head) + line).rstrip() for line in rest)]


def _fix(fix: Fix | None) -> str:
    """What the fix does, and the options that make it."""
    if fix is None:
        return ""
    return f"{fix.title} (caffelint --fix{'' if fix.safe else ' --unsafe-fixes'})"


def _summary(diagnostics: Sequence[Diagnostic], places: int, files: int) -> str:
    """How many findings of each severity; ``places`` counts those that were folded as well."""
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    found = [_count(counts[each], each.word) for each in sorted(counts, reverse=True)]
    folded = f" ({_count(places, 'place')})" if places != len(diagnostics) else ""
    return f"{', '.join(found) or 'no findings'} in {_count(files, 'file')}{folded}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
