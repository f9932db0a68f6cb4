"""Findings as GitLab's code quality report: a JSON list, one entry a finding.

``fingerprint`` stays the same when other lines of a file change, so that a merge request shows
what it adds and what it mends.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from ..core.diagnostic import Diagnostic, Report, Severity
from ..core.fingerprint import fingerprints
from .safe import dump

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report) -> str:
    """``report`` as a code quality report; every place is an entry of its own."""
    prints = fingerprints(report.diagnostics, lambda name: PurePath(name).as_posix())
    return dump([_entry(*each) for each in zip(report.diagnostics, prints, strict=True)])


def _entry(one: Diagnostic, fingerprint: str) -> dict[str, Any]:
    source, span = one.place.source, one.place.span
    lines = {"begin": source.locate(span.start).line, "end": source.locate(span.end).line}
    return {
        "description": f"{one.message}; {one.hint}" if one.hint else one.message,
        "check_name": f"{one.rule} {one.name}",
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[one.severity],
        "location": {"path": PurePath(source.name).as_posix(), "lines": lines},
    }
