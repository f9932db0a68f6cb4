"""How often each rule was broken, the most frequent first."""

from __future__ import annotations

from collections import Counter

from ..core.diagnostic import Report
from .safe import dump, printable

VERSION = 1


def render(report: Report, style: str) -> str:
    """Counts of all findings by rule and severity, as ``text`` or ``json``."""
    counts = Counter((one.rule, one.name, one.severity) for one in report.diagnostics)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if style == "json":
        rows = [
            {"rule": rule, "name": name, "severity": severity.word, "count": count}
            for (rule, name, severity), count in ordered
        ]
        return dump({"version": VERSION, "statistics": rows})
    if not ordered:
        return "no findings\n"
    width = len(str(ordered[0][1]))
    return "".join(
        f"{count:>{width}}  {severity.word:<7}  {_rule(report, rule, name)}\n"
        for (rule, name, severity), count in ordered
    )


def _rule(report: Report, rule: str, name: str) -> str:
    summary = report.rules[rule].summary if rule in report.rules else ""
    return printable(f"{rule} {name}" + (f": {summary}" if summary else ""))
