"""Findings for code scanning: SARIF 2.1.0 as GitHub reads it.

Every finding is a result of its own, never folded: code scanning follows each place by its
fingerprint, which stays the same while other parts of the file are edited.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from ..core.diagnostic import (
    Diagnostic,
    Fix,
    Place,
    Related,
    Report,
    RuleText,
    Severity,
    Suppressed,
)
from ..core.fingerprint import fingerprints
from ..core.naming import TOPICS
from ..core.source import Source, Span
from .safe import dump, valid

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_HOME = "https://github.com/caffelint/caffelint"
_ROOT = "%SRCROOT%"
_FINGERPRINT = "caffelint/v1"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "recommendation",
}
_PRECISIONS = {"certain": "very-high", "high": "high", "medium": "medium"}
_DESCRIPTION_LENGTH = 1000
"""GitHub refuses descriptions of more than 1024 characters."""

_QUOTE_LENGTH = 2000
"""More text is not quoted: a span or a line may be a whole file, many findings may be in it."""

_SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")
_MARKDOWN_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKDOWN_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,2})(?=\S)(.+?)(?<=\S)\1")


def render(report: Report) -> str:
    """``report`` as a SARIF log of one run."""
    rules = [report.rules[rule] for rule in sorted(report.rules)]
    indexes = {rule.id: index for index, rule in enumerate(rules)}
    silenced = [one.diagnostic for one in report.suppressed]
    prints = fingerprints([*report.diagnostics, *silenced], lambda name: _artifact(name)["uri"])
    results = [
        _result(diagnostic, indexes, fingerprint)
        for diagnostic, fingerprint in zip([*report.diagnostics, *silenced], prints, strict=True)
    ]
    for result, one in zip(results[len(report.diagnostics) :], report.suppressed, strict=True):
        result["suppressions"] = [_suppression(one)]
    run = {
        "tool": {"driver": {**_tool(), "rules": [_rule(rule) for rule in rules]}},
        "automationDetails": {"id": "caffelint/"},
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The directory in which caffelint was started."}}
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _tool() -> dict[str, str]:
    """Name and version; SARIF has a second name for a version that follows semver."""
    try:
        version = metadata.version("caffelint")
    except metadata.PackageNotFoundError:
        version = "0.0.0+unknown"
    tool = {"name": "caffelint", "informationUri": _HOME, "version": version}
    if _SEMANTIC_VERSION.fullmatch(version):
        tool["semanticVersion"] = version
    return tool


def _rule(rule: RuleText) -> dict[str, Any]:
    """What code scanning shows of a rule beside each of its results."""
    why = rule.why.strip()
    topic = TOPICS.get(rule.id[:3])
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": _sentences(rule.summary)},
        "fullDescription": {"text": _first_paragraph(why) or _sentences(rule.summary)},
        "help": {
            "text": "\n\n".join(filter(None, [_plain(why), rule.hint])) or rule.summary,
            "markdown": _help_markdown(rule) or rule.summary,
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "precision": _PRECISIONS.get(rule.confidence, "medium"),
            "problem.severity": _PROBLEMS[rule.severity],
            "tags": [topic] if topic else [],
        },
    }


def _help_markdown(rule: RuleText) -> str:
    """Why it matters, what to do, and where that is written down."""
    parts = [rule.why.strip()]
    if rule.hint:
        parts.append(f"**What to do:** {rule.hint}")
    if rule.sources:
        parts.append("**Sources**\n\n" + "\n".join(f"- {source}" for source in rule.sources))
    return "\n\n".join(filter(None, parts))


def _plain(markdown: str) -> str:
    """``markdown`` without its marks for links, emphasis and code."""
    words = _MARKDOWN_LINK.sub(r"\1", markdown)
    return _MARKDOWN_EMPHASIS.sub(r"\2", words).replace("`", "")


def _first_paragraph(markdown: str) -> str:
    """The first paragraph as one plain line that ends in a full stop, cut where it is too long."""
    paragraph = " ".join(_plain(markdown.split("\n\n", 1)[0]).split())
    if len(paragraph) > _DESCRIPTION_LENGTH:
        return paragraph[:_DESCRIPTION_LENGTH].rsplit(" ", 1)[0] + " …"
    return _sentences(paragraph)


def _sentences(*texts: str) -> str:
    """``texts`` that are not empty, as sentences: viewers show the first and fold the rest."""
    stripped = (text.strip() for text in texts)
    return " ".join(text if text[-1] in ".!?" else text + "." for text in stripped if text)


def _result(diagnostic: Diagnostic, indexes: Mapping[str, int], fingerprint: str) -> dict[str, Any]:
    said = (diagnostic.message, diagnostic.hint, diagnostic.context)
    result: dict[str, Any] = {
        "ruleId": diagnostic.rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": _sentences(*said)},
        "locations": [{"physicalLocation": _physical(diagnostic.place)}],
        "partialFingerprints": {_FINGERPRINT: fingerprint},
        "properties": {
            "confidence": diagnostic.confidence,
            "phases": list(diagnostic.phases),
            "context": diagnostic.context,
        },
    }
    if diagnostic.rule in indexes:
        result["ruleIndex"] = indexes[diagnostic.rule]
    if diagnostic.related:
        result["relatedLocations"] = [
            _related(number, each) for number, each in enumerate(diagnostic.related, 1)
        ]
    if diagnostic.fix and diagnostic.fix.edits:
        result["fixes"] = [_fix(diagnostic.place.source, diagnostic.fix)]
    return result


def _suppression(one: Suppressed) -> dict[str, str]:
    reason = {"justification": one.reason} if one.reason else {}
    return {"kind": one.kind, "status": "accepted", **reason}


def _related(number: int, related: Related) -> dict[str, Any]:
    return {
        "id": number,
        "message": {"text": _sentences(related.message)},
        "physicalLocation": _physical(related.place),
    }


def _physical(place: Place) -> dict[str, Any]:
    """A place with its text, and with the lines around it where those say more."""
    source, span = place.source, place.span
    region = _region(source, span)
    physical = {
        "artifactLocation": _artifact(source.name),
        "region": region | _snippet(_quote(source, span)),
    }
    around = _region_around(source, span)
    lines = source.lines(around["startLine"], around["endLine"], most=_QUOTE_LENGTH)
    context = _snippet(lines)
    # SARIF wants a context region that is larger than the region itself.
    if context and around != region:
        physical["contextRegion"] = around | context
    return physical


def _region(source: Source, span: Span) -> dict[str, int]:
    start, end = source.locate(span.start), source.locate(span.end)
    return {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }


def _region_around(source: Source, span: Span) -> dict[str, int]:
    """The whole lines of ``span`` with the line above and the line below."""
    first = max(source.locate(span.start).line - 1, 1)
    last = min(source.locate(span.end).line + 1, source.line_count)
    end = len(source.line(last)) + 1
    return {"startLine": first, "startColumn": 1, "endLine": last, "endColumn": end}


def _quote(source: Source, span: Span) -> str:
    """The text of ``span``, empty where it is too long to quote."""
    return source.text[span.start : span.end] if span.end - span.start <= _QUOTE_LENGTH else ""


def _snippet(text: str) -> dict[str, Any]:
    return {"snippet": {"text": text}} if text else {}


def _artifact(name: str) -> dict[str, str]:
    """Where a file is, as a URI: below the root of the sources unless its name is absolute."""
    path = PurePath(valid(name))
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": _ROOT}


def _fix(source: Source, fix: Fix) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    return {
        "description": {"text": _sentences(fix.title)},
        "artifactChanges": [
            {"artifactLocation": _artifact(source.name), "replacements": replacements}
        ],
        "properties": {"safe": fix.safe},
    }
