"""Findings one a line, for editors and ``grep``: ``file:line:column: severity: message [rule]``."""

from __future__ import annotations

from ..core.diagnostic import Diagnostic, Report
from .fold import fold
from .safe import printable


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as lines, folded unless ``expand`` is set; empty where nothing was found."""
    return "".join(map(_line, report.diagnostics if expand else fold(report.diagnostics)))


def _line(one: Diagnostic) -> str:
    line, column = one.place.source.locate(one.place.span.start)
    words = f"{one.severity.word}: {one.message} [{one.rule}]"
    return printable(f"{one.place.source.name}:{line}:{column}: {words}") + "\n"
