"""Findings as Checkstyle's XML, which many CI servers read."""

from __future__ import annotations

from itertools import groupby

from ..core.diagnostic import Diagnostic, Report
from .fold import fold
from .xml import element, written

# The version of Checkstyle whose form this is; readers only look whether it is there.
_FORM = "4.3"


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as a Checkstyle document, folded unless ``expand`` is set."""
    diagnostics = report.diagnostics if expand else fold(report.diagnostics)
    root = element(None, "checkstyle", version=_FORM)
    for name, ones in groupby(diagnostics, key=lambda one: one.place.source.name):
        file = element(root, "file", name=name)
        for one in ones:
            element(file, "error", "", **_attributes(one))
    return written(root)


def _attributes(one: Diagnostic) -> dict[str, str | int]:
    line, column = one.place.source.locate(one.place.span.start)
    return {
        "line": line,
        "column": column,
        "severity": one.severity.word,
        "message": f"{one.message}; {one.hint}" if one.hint else one.message,
        "source": f"caffelint.{one.rule}",
    }
