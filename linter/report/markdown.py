"""Findings as Markdown, for the summary of a CI job: counts, then a table a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from ..core.diagnostic import Diagnostic, Report
from .fold import fold
from .safe import printable

# What Markdown or the HTML in it would obey, and what would end the cell of a table.
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&@]")


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as Markdown, folded unless ``expand`` is set."""
    diagnostics = report.diagnostics if expand else fold(report.diagnostics)
    rows = ["# caffelint", "", f"**{_summary(diagnostics, len(report.files))}**"]
    for name, ones in groupby(diagnostics, key=lambda one: one.place.source.name):
        rows += [
            "",
            f"## {_plain(name)}",
            "",
            "| place | severity | finding |",
            "| --- | --- | --- |",
        ]
        rows += map(_row, ones)
    return "\n".join(rows) + "\n"


def _summary(diagnostics: Iterable[Diagnostic], files: int) -> str:
    counts = Counter(one.severity for one in diagnostics)
    found = [
        f"{counts[each]} {each.word}{'s'[: counts[each] != 1]}" for each in sorted(counts)[::-1]
    ]
    return f"{', '.join(found) or 'no findings'} in {files} file{'s'[: files != 1]}"


def _row(one: Diagnostic) -> str:
    line, column = one.place.source.locate(one.place.span.start)
    words = _plain(one.message) + (f"<br>{_plain(one.hint)}" if one.hint else "")
    return f"| {line}:{column} | {one.severity.word} | {words} ({one.rule} {one.name}) |"


def _plain(text: str) -> str:
    """``text`` such that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", printable(" ".join(text.split())))
