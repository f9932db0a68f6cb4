"""Findings for programs: one JSON document, whose shape changes only with its ``version``.

Lines and columns count from 1, columns in characters, and an end is the position after the last
character.
"""

from __future__ import annotations

from ..core.diagnostic import Report
from .finding import document
from .fold import fold
from .safe import dump

VERSION = 1


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as JSON, folded unless ``expand`` is set."""
    diagnostics = report.diagnostics if expand else fold(report.diagnostics)
    return dump({"version": VERSION, "diagnostics": [document(each) for each in diagnostics]})
