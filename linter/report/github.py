"""Findings as workflow commands of GitHub Actions, which show them beside the changed lines.

GitHub shows ten annotations of each level for one step; the most severe come first for that reason.
"""

from __future__ import annotations

from ..core.diagnostic import Diagnostic, Report, Severity
from .fold import fold
from .safe import printable

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}

# What would end the message, and in a property also what would end the property.
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as one command a finding, folded unless ``expand`` is set."""
    diagnostics = report.diagnostics if expand else fold(report.diagnostics)
    # Sorting is stable: within a severity the order of the report stays.
    return "".join(map(_command, sorted(diagnostics, key=lambda one: -one.severity)))


def _command(one: Diagnostic) -> str:
    source, span = one.place.source, one.place.span
    start, end = source.locate(span.start), source.locate(span.end)
    properties = {
        "file": source.name,
        "line": str(start.line),
        "endLine": str(end.line),
        "title": f"{one.rule} {one.name}",
    }
    # Columns of a place that has several lines are refused.
    if start.line == end.line:
        properties |= {"col": str(start.column), "endColumn": str(end.column)}
    listed = ",".join(
        f"{key}={printable(value).translate(_PROPERTY)}" for key, value in properties.items()
    )
    words = "\n".join(map(printable, f"{one.message}\n{one.hint}".strip().split("\n")))
    return f"::{_COMMANDS[one.severity]} {listed}::{words.translate(_MESSAGE)}\n"
