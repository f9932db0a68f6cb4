"""A finding as the plain data of which JSON is made."""

from __future__ import annotations

from typing import Any

from ..core.diagnostic import Diagnostic, Edit, Fix, Place, Related
from ..core.source import Source, Span


def document(diagnostic: Diagnostic) -> dict[str, Any]:
    """A finding as an object; docs/formats.md tells what its fields mean."""
    return {
        "rule": diagnostic.rule,
        "name": diagnostic.name,
        "severity": diagnostic.severity.word,
        "confidence": diagnostic.confidence,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": diagnostic.place.source.name,
        **_range(diagnostic.place.source, diagnostic.place.span),
        "layer": diagnostic.layer,
        "phases": list(diagnostic.phases),
        "context": diagnostic.context,
        "related": [_related(each) for each in diagnostic.related],
        "fix": _fix(diagnostic.place, diagnostic.fix) if diagnostic.fix else None,
    }


def _range(source: Source, span: Span) -> dict[str, int]:
    start, end = source.locate(span.start), source.locate(span.end)
    return {
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    }


def _related(related: Related) -> dict[str, Any]:
    source = related.place.source
    line, column = source.locate(related.place.span.start)
    return {"file": source.name, "line": line, "column": column, "message": related.message}


def _fix(place: Place, fix: Fix) -> dict[str, Any]:
    def edit(each: Edit) -> dict[str, Any]:
        return {**_range(place.source, each.span), "text": each.text}

    return {"title": fix.title, "safe": fix.safe, "edits": [edit(each) for each in fix.edits]}
