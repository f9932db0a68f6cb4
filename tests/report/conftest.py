"""Builders for reports: marked text in, places, findings and reports out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caffelint.core.diagnostic import Diagnostic, Place, Report, RuleText, Severity
from caffelint.core.source import Source, Span

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]


def _mark(marked: str, name: str = "lenet.prototxt") -> list[Place]:
    """The places that ``«`` and ``»`` enclose, all in one source that has no such marks."""
    source = Source(name, re.sub("[«»]", "", marked))
    offsets = [match.start() - taken for taken, match in enumerate(re.finditer("[«»]", marked))]
    ends = iter(offsets)
    return [Place(source, Span(start, end)) for start, end in zip(ends, ends, strict=True)]


def _finding(place: Place, **fields: Any) -> Diagnostic:
    """A finding of CL101 at ``place``, with ``fields`` of its own."""
    defaults: dict[str, Any] = {
        "rule": "CL101",
        "name": "unknown-bottom",
        "severity": Severity.ERROR,
        "confidence": "certain",
        "message": 'bottom "pool2" is not produced by any earlier layer',
        "hint": "",
    }
    return Diagnostic(place=place, **(defaults | fields))


def _rule(diagnostic: Diagnostic) -> RuleText:
    return RuleText(
        id=diagnostic.rule,
        name=diagnostic.name,
        severity=diagnostic.severity,
        confidence=diagnostic.confidence,
        summary="a bottom needs a layer that makes it",
        why="Caffe stops with `Unknown bottom blob` (see [net.cpp](https://x.org/net.cpp)),\n"
        "*always*, for N*C*H*W blobs of 5 * 4 (or *so*).\n\nSecond of *.log and *.txt.",
        hint="write the name of an earlier top",
        sources=("src/caffe/net.cpp:414",),
    )


def _report(*diagnostics: Diagnostic, files: int | None = None) -> Report:
    """A report on ``diagnostics``, over ``files`` files or those that have findings."""
    names = dict.fromkeys(each.place.source.name for each in diagnostics)
    looked_at = tuple(names) if files is None else tuple(map(str, range(files)))
    return Report(diagnostics, {each.rule: _rule(each) for each in diagnostics}, looked_at)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page for HTML reports that holds their data only, as the real one may not be built."""
    from caffelint.report import html

    monkeypatch.setattr(html, "PAGE", tmp_path / "page.html")
    html.PAGE.write_text("<!doctype html>\n<!-- data -->\n<title>x</title>\n", "utf-8")


@pytest.fixture
def mark() -> Mark:
    """``_mark``: text with «marked places» to places."""
    return _mark


@pytest.fixture
def finding() -> Finding:
    """``_finding``: a place to a diagnostic."""
    return _finding


@pytest.fixture
def make_report() -> MakeReport:
    """``_report``: diagnostics to a report."""
    return _report
