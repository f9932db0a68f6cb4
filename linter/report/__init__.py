"""Faces of a run: the same report for people, for programs and for code scanning.

A reporter turns a finished ``Report`` into text and decides nothing about what is reported. Its
module is imported only when its format is asked for, because start-up is most of a small run.
"""

from __future__ import annotations

from importlib import import_module

from msgspec import Struct

from ..core.diagnostic import Report

REPORTERS: dict[str, tuple[str, ...]] = {
    "text": ("colour", "expand"),
    "json": ("expand",),
    "sarif": (),
    "concise": ("expand",),
    "github": ("expand",),
    "gitlab": (),
    "rdjson": ("expand",),
    "junit": ("expand",),
    "checkstyle": ("expand",),
    "markdown": ("expand",),
    "html": ("expand", "details"),
}
"""The formats, each with the options that mean something to it; a format is a module here."""

FORMATS: tuple[str, ...] = tuple(REPORTERS)


def render(
    style: str,
    report: Report,
    *,
    colour: bool = False,
    expand: bool = False,
    statistics: bool = False,
    details: Struct | None = None,
) -> str:
    """The report in the format ``style``, ending in a line end.

    ``colour`` allows terminal colours where the format has any; ``expand`` lists every finding
    and every place where the format would otherwise fold them; ``statistics`` gives counts of
    rules in place of findings, as text or JSON. ``details`` are what a page shows besides findings
    (``html`` says in what form).
    """
    if style not in REPORTERS:
        raise ValueError(f'unknown format "{style}", expected one of: {", ".join(FORMATS)}')
    if statistics:
        from .statistics import render as count

        return count(report, style)
    options = {"colour": colour, "expand": expand, "details": details}
    reporter = import_module(f".{style}", __name__)
    text: str = reporter.render(report, **{name: options[name] for name in REPORTERS[style]})
    return text
