"""Findings as JUnit's XML: a test suite a file, a failed test a finding.

A file without findings is a test that passed. Infos are passed tests too: what CI servers show as
failed should be what the user has to mend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from ..core.diagnostic import Diagnostic, Report, Severity
from .fold import fold
from .xml import element, written


def render(report: Report, *, expand: bool = False) -> str:
    """``report`` as a JUnit document, folded unless ``expand`` is set."""
    by_file: dict[str, list[Diagnostic]] = defaultdict(list)
    for one in report.diagnostics if expand else fold(report.diagnostics):
        by_file[one.place.source.name].append(one)
    root = element(None, "testsuites", name="caffelint")
    for name in dict.fromkeys((*report.files, *by_file)):
        _suite(root, name, by_file[name])
    return written(root)


def _suite(root: Element, name: str, diagnostics: Sequence[Diagnostic]) -> None:
    failures = sum(one.severity > Severity.INFO for one in diagnostics)
    tests = len(diagnostics) or 1
    suite = element(root, "testsuite", name=name, tests=tests, failures=failures, errors=0)
    if not diagnostics:
        element(suite, "testcase", name="caffelint", classname=name)
    for one in diagnostics:
        line, column = one.place.source.locate(one.place.span.start)
        case = f"{one.rule} {one.name} ({line}:{column})"
        told = element(suite, "testcase", name=case, classname=name)
        words = f"{name}:{line}:{column}: {one.severity.word}: {one.message}\n{one.hint}".strip()
        if one.severity > Severity.INFO:
            element(told, "failure", words, message=one.message, type=one.severity.word)
        else:
            element(told, "system-out", words)
