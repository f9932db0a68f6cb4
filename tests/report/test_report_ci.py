"""Reports for CI servers and code review: each as its readers parse it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from caffelint.core.diagnostic import Diagnostic, Edit, Fix, Place, Related, Report, Severity
from caffelint.core.source import Source, Span
from caffelint.report import render
from caffelint.report.safe import printable

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]

HOSTILE = 'a "b" <i>&amp;\x1b[31m | *x* %0A\r::error::, \udcff'
"""What a linted file may hold."""


@pytest.fixture
def report(mark: Mark, finding: Finding, make_report: MakeReport) -> Report:
    """Two files, three severities, one of the findings hostile, one with a fix of two edits."""
    first, second = mark("é«bottom»: 1\ntop: «2\n3»\n", "a,b:%.prototxt")
    (third,) = mark("  «x»", "dir/net.prototxt")
    fix = Fix("write it", (Edit(Span(9, 10), "7"), Edit(Span(1, 7), "top")), safe=True)
    return make_report(
        finding(first, hint="write it", fix=fix, related=(Related(third, "made here"),)),
        finding(second, rule="CL201", name="other", severity=Severity.INFO, message="two lines"),
        finding(third, severity=Severity.WARNING, message=HOSTILE, layer="conv1"),
        files=None,
    )


def test_concise_is_one_line_a_finding(report: Report) -> None:
    lines = render("concise", report).splitlines()
    assert lines[:2] == [
        'a,b:%.prototxt:1:2: error: bottom "pool2" is not produced by any earlier layer [CL101]',
        "a,b:%.prototxt:2:6: info: two lines [CL201]",
    ]
    assert lines[2].startswith('dir/net.prototxt:1:3: warning: a "b" <i>&amp;␛[31m')
    assert len(lines) == 3


def test_concise_is_empty_without_findings(make_report: MakeReport) -> None:
    assert render("concise", make_report()) == ""


def _commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Workflow commands as the runner of GitHub Actions reads them."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        assert match, line
        pairs = dict(pair.split("=", 1) for pair in match[2].split(","))
        values = {key: _unescaped(value) for key, value in pairs.items()}
        found.append((match[1], values, _unescaped(match[3])))
    return found


def _unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_github_commands_come_by_severity_and_cannot_be_broken_out_of(report: Report) -> None:
    error, warning, notice = _commands(render("github", report))
    assert error == (
        "error",
        {
            "file": "a,b:%.prototxt",
            "line": "1",
            "endLine": "1",
            "title": "CL101 unknown-bottom",
            "col": "2",
            "endColumn": "8",
        },
        'bottom "pool2" is not produced by any earlier layer\nwrite it',
    )
    assert warning[0] == "warning"
    assert warning[2] == "".join(map(printable, HOSTILE))
    assert notice[0] == "notice"
    assert (notice[1]["line"], notice[1]["endLine"], "col" in notice[1]) == ("2", "3", False)


def test_gitlab_entries_have_what_gitlab_needs(report: Report) -> None:
    entries: list[dict[str, Any]] = json.loads(render("gitlab", report))
    assert [each["severity"] for each in entries] == ["critical", "info", "major"]
    assert entries[0] | {"fingerprint": ""} == {
        "description": 'bottom "pool2" is not produced by any earlier layer; write it',
        "check_name": "CL101 unknown-bottom",
        "fingerprint": "",
        "severity": "critical",
        "location": {"path": "a,b:%.prototxt", "lines": {"begin": 1, "end": 1}},
    }
    assert len({each["fingerprint"] for each in entries}) == 3


def test_gitlab_fingerprints_do_not_depend_on_the_line(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    def prints(text: str) -> list[str]:
        report = make_report(*map(finding, mark(text)))
        return [each["fingerprint"] for each in json.loads(render("gitlab", report))]

    assert prints('«bottom»: "a"\n') == prints('\n\n«bottom»: "a"\n')
    assert prints('«bottom»: "a"\n') != prints('«bottom»: "b"\n')


def test_rdjson_counts_columns_in_bytes(report: Report) -> None:
    document = json.loads(render("rdjson", report))
    first = document["diagnostics"][0]
    assert document["source"] == {"name": "caffelint"}
    assert first["location"] == {
        "path": "a,b:%.prototxt",
        "range": {"start": {"line": 1, "column": 3}, "end": {"line": 1, "column": 9}},
    }
    assert first["severity"] == "ERROR"
    assert first["code"] == {"value": "CL101"}
    assert first["related_locations"][0]["message"] == "made here"
    assert "suggestions" not in document["diagnostics"][1]


def test_rdjson_makes_one_suggestion_of_all_edits_of_a_fix(report: Report) -> None:
    (suggestion,) = json.loads(render("rdjson", report))["diagnostics"][0]["suggestions"]
    assert suggestion == {
        "range": {"start": {"line": 1, "column": 3}, "end": {"line": 1, "column": 12}},
        "text": "top: 7",
    }


def test_junit_fails_a_test_for_what_must_be_mended(report: Report) -> None:
    root = ET.fromstring(render("junit", report))
    suites = {suite.get("name"): suite for suite in root}
    first = suites["a,b:%.prototxt"]
    assert (first.get("tests"), first.get("failures")) == ("2", "1")
    failed, passed = first
    assert failed.get("name") == "CL101 unknown-bottom (1:2)"
    assert failed[0].get("message") == 'bottom "pool2" is not produced by any earlier layer'
    assert (failed[0].text or "").endswith("\nwrite it")
    assert [child.tag for child in passed] == ["system-out"]
    assert "<i>&amp;␛[31m" in (suites["dir/net.prototxt"][0][0].text or "")


def test_junit_has_a_passed_test_for_a_file_without_findings(make_report: MakeReport) -> None:
    root = ET.fromstring(render("junit", make_report(files=1)))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), [len(case) for case in suite]) == (
        *("1", "0"),
        [0],
    )


def test_checkstyle_has_one_element_a_file(report: Report) -> None:
    root = ET.fromstring(render("checkstyle", report))
    assert [file.get("name") for file in root] == ["a,b:%.prototxt", "dir/net.prototxt"]
    assert root[0][0].attrib == {
        "line": "1",
        "column": "2",
        "severity": "error",
        "message": 'bottom "pool2" is not produced by any earlier layer; write it',
        "source": "caffelint.CL101",
    }
    assert "␛[31m" in (root[1][0].get("message") or "")


def test_markdown_is_a_table_that_files_cannot_break(report: Report) -> None:
    lines = render("markdown", report).splitlines()
    assert lines[2] == "**1 error, 1 warning, 1 info in 2 files**"
    rows = [line for line in lines if re.match(r"\| \d", line)]
    assert rows[0] == (
        '| 1:2 | error | bottom "pool2" is not produced by any earlier layer<br>write it'
        " (CL101 unknown-bottom) |"
    )
    assert len(rows) == 3
    cells = re.split(r"(?<!\\)\|", rows[2])
    assert len(cells) == 5
    assert r"\<i\>\&amp;" in cells[3]
    assert "\x1b" not in rows[2]


def test_a_lone_surrogate_can_be_written_in_every_form(report: Report) -> None:
    for form in ("concise", "github", "gitlab", "rdjson", "junit", "checkstyle", "markdown"):
        render(form, report).encode()


def test_a_fix_that_inserts_is_a_suggestion_of_an_empty_range(make_report: MakeReport) -> None:
    source = Source("n", "top: 1\n")
    fix = Fix("add", (Edit(Span(7, 7), "x"),), safe=True)
    one = Diagnostic(
        *("CL101", "n", Severity.INFO, "high", "m", ""), Place(source, Span(0, 3)), fix=fix
    )
    (told,) = json.loads(render("rdjson", make_report(one)))["diagnostics"]
    at = {"line": 2, "column": 1}
    assert told["suggestions"] == [{"range": {"start": at, "end": at}, "text": "x"}]
