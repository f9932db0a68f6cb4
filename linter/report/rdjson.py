"""Findings as reviewdog reads them (rdjson), with fixes as suggestions that one click applies.

Its columns count bytes of UTF-8 from 1; an end is the position after the last byte.
"""

from __future__ import annotations

from typing import Any

from ..core.diagnostic import Diagnostic, Fix, Place, Report
from ..core.source import Source, Span
from .fold import fold
from .safe import dump


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as one rdjson document, folded unless ``expand`` is set."""
    diagnostics = report.diagnostics if expand else fold(report.diagnostics)
    return dump(
        {"source": {"name": "caffelint"}, "diagnostics": list(map(_diagnostic, diagnostics))}
    )


def _diagnostic(one: Diagnostic) -> dict[str, Any]:
    told: dict[str, Any] = {
        "message": f"{one.message}\n{one.hint}".strip(),
        "location": _location(one.place),
        "severity": one.severity.name,
        "code": {"value": one.rule},
    }
    if one.fix is not None and one.fix.edits:
        told["suggestions"] = [_suggestion(one.place.source, one.fix)]
    if one.related:
        told["related_locations"] = [
            {"message": each.message, "location": _location(each.place)} for each in one.related
        ]
    return told


def _location(place: Place) -> dict[str, Any]:
    return {"path": place.source.name, "range": _range(place.source, place.span)}


def _range(source: Source, span: Span) -> dict[str, Any]:
    return {"start": _position(source, span.start), "end": _position(source, span.end)}


def _position(source: Source, offset: int) -> dict[str, int]:
    line, column = source.locate(offset)
    before = source.text[offset - column + 1 : offset]
    return {"line": line, "column": len(before.encode("utf-8", "surrogateescape")) + 1}


def _suggestion(source: Source, fix: Fix) -> dict[str, Any]:
    """All edits of a fix as one: a review applies suggestions one by one, a fix only as a whole."""
    edits = sorted(fix.edits, key=lambda edit: edit.span)
    start, at, pieces = edits[0].span.start, edits[0].span.start, []
    for edit in edits:
        pieces += [source.text[at : edit.span.start], edit.text]
        at = edit.span.end
    return {"range": _range(source, Span(start, at)), "text": "".join(pieces)}
