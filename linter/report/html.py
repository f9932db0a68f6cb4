"""Findings as a page for a browser: one file that loads nothing, with nets, texts and curves.

The page itself is built from ``page/`` by ``page/build.mjs``; here it is filled with data. That
stands in blocks of JSON, which no browser runs; the page's policy allows its own script and style
by their hashes, and no connection to anywhere.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..core.diagnostic import Diagnostic, Report
from .finding import document
from .fold import folded, groups
from .safe import valid

VERSION = 1

MOST_FINDINGS = 4000
"""So many findings are listed, the worst ones."""
_MOST_PLACES = 2000
_MOST_RELATED = 12
_LONGEST = 4000

PAGE = Path(__file__).parent / "page" / "dist" / "report.html"
_MARK = "<!-- data -->"
_BLOCKS = ("layers", "texts")
"""Fields of the details that are read one by one, when they are shown."""

_UNSAFE = re.compile(r"[<>&\x7f-\U0010ffff]")


class PageError(Exception):
    """The page has not been built."""


def template() -> str:
    """The page without data.

    Raises:
        PageError: where it has not been built.
    """
    try:
        return PAGE.read_text("utf-8")
    except OSError:
        raise PageError(
            "--format html: this copy of caffelint has no page to fill; in a checkout it is built "
            "with: cd linter/report/page && npm ci && npm run build"
        ) from None


def render(report: Report, *, expand: bool = False, details: Struct | None = None) -> str:
    """``report`` as HTML, folded unless ``expand`` is set.

    ``details`` are structs of plain data: lists ``files`` and ``texts`` side by side, ``nets`` and
    ``layers`` side by side, ``schedules`` and ``notes``, and ``training`` or None.

    Raises:
        PageError: where the page has not been built.
    """
    page = template()
    gathered = msgspec.to_builtins(details) if details is not None else {}
    blocks = {name: gathered.pop(name, []) for name in _BLOCKS}
    found = [[one] for one in report.diagnostics] if expand else groups(report.diagnostics)
    gathered.setdefault("files", [{"name": name, "kind": ""} for name in report.files])
    gathered["notes"] = [*gathered.get("notes", ()), *_left_out(len(found))]
    listed = sorted(range(len(found)), key=lambda at: (-found[at][0].severity, at))[:MOST_FINDINGS]
    shown = [found[at] for at in sorted(listed)]
    rules = {group[0].rule for group in shown}
    data = {
        "version": VERSION,
        "counts": Counter(group[0].severity.word for group in found),
        "findings": [_finding(group) for group in shown],
        "rules": {id_: _rule(report, id_) for id_ in sorted(rules) if id_ in report.rules},
        **gathered,
    }
    parts = [_block("data", data)]
    parts += [
        _block(f"{name}-{number}", one)
        for name, ones in blocks.items()
        for number, one in enumerate(ones)
    ]
    before, _, after = page.partition(_MARK)
    return "".join((before, *parts, after))


def _left_out(found: int) -> list[str]:
    if found <= MOST_FINDINGS:
        return []
    return [f"Findings that are not listed, to keep the report small: {found - MOST_FINDINGS}."]


def _finding(group: list[Diagnostic]) -> dict[str, Any]:
    """A finding as the JSON report has it, with the layers and lines that it is about."""
    places = [
        {"layer": one.layer, "line": one.place.source.locate(one.place.span.start).line}
        for one in group[:_MOST_PLACES]
    ]
    whole = document(folded(group))
    related = whole["related"]
    left = max(0, len(related) - _MOST_RELATED)
    return {**whole, "related": related[:_MOST_RELATED], "related_left": left, "places": places}


def _rule(report: Report, id_: str) -> dict[str, Any]:
    rule = report.rules[id_]
    return {"name": rule.name, "summary": rule.summary, "why": rule.why, "sources": rule.sources}


def _block(id_: str, content: object) -> str:
    """Data that the page's script reads, in plain ASCII and without anything that HTML obeys."""
    text = valid(json.dumps(_fit(content), ensure_ascii=False, separators=(",", ":")))
    safe = _UNSAFE.sub(_escaped, text)
    return f'<script type="application/json" id="{id_}">{safe}</script>\n'


def _escaped(char: re.Match[str]) -> str:
    return json.dumps(char[0])[1:-1] if char[0] > "\x7f" else f"\\u{ord(char[0]):04x}"


def _fit(content: Any) -> Any:
    """``content`` for JSON: what is far too long to read is cut, a number that is none is null."""
    if isinstance(content, str):
        return content if len(content) <= _LONGEST else f"{content[:_LONGEST]} …"
    if isinstance(content, float):
        return content if isfinite(content) else None
    if isinstance(content, dict):
        return {key: _fit(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_fit(value) for value in content]
    return content
