"""The JSON reporter: its exact shape, and that any bytes make a valid document."""

from __future__ import annotations

import json
from collections.abc import Callable

from caffelint.core.diagnostic import Diagnostic, Edit, Fix, Place, Related, Report
from caffelint.core.source import Source, Span
from caffelint.report import render

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]


def test_every_field(mark: Mark, finding: Finding, make_report: MakeReport) -> None:
    top, bottom = mark('top: «"pool_2"»\nbottom: «"po\nol2"»\n')
    diagnostic = finding(
        bottom,
        hint='write "pool_2"',
        layer="ip1",
        phases=("TRAIN", "TEST"),
        context="assumed training from scratch",
        related=(Related(top, "produced here"),),
        fix=Fix("rename", (Edit(bottom.span, '"pool_2"'),), safe=True),
    )
    where = {"line": 2, "column": 9, "end_line": 3, "end_column": 5}
    assert json.loads(render("json", make_report(diagnostic))) == {
        "version": 1,
        "diagnostics": [
            {
                "rule": "CL101",
                "name": "unknown-bottom",
                "severity": "error",
                "confidence": "certain",
                "message": 'bottom "pool2" is not produced by any earlier layer',
                "hint": 'write "pool_2"',
                "file": "lenet.prototxt",
                **where,
                "layer": "ip1",
                "phases": ["TRAIN", "TEST"],
                "context": "assumed training from scratch",
                "related": [
                    {"file": "lenet.prototxt", "line": 1, "column": 6, "message": "produced here"}
                ],
                "fix": {"title": "rename", "safe": True, "edits": [{**where, "text": '"pool_2"'}]},
            }
        ],
    }


def test_no_fix_is_null(mark: Mark, finding: Finding, make_report: MakeReport) -> None:
    document = json.loads(render("json", make_report(finding(*mark("«x»")))))
    assert document["diagnostics"][0]["fix"] is None


def test_no_findings(make_report: MakeReport) -> None:
    assert json.loads(render("json", make_report())) == {"version": 1, "diagnostics": []}


def test_folds_unless_expanded(mark: Mark, finding: Finding, make_report: MakeReport) -> None:
    report = make_report(*(finding(each, layer=f"l{n}") for n, each in enumerate(mark("«x» «x»"))))
    folded = json.loads(render("json", report))["diagnostics"]
    assert [each["message"][-28:] for each in folded] == ["layer (and 1 more layer: l1)"]
    assert [each["message"] for each in folded[0]["related"]] == ['also "l1"']
    assert len(json.loads(render("json", report, expand=True))["diagnostics"]) == 2


def test_any_bytes_make_a_valid_document(finding: Finding, make_report: MakeReport) -> None:
    source = Source.from_bytes("caf\udce9.prototxt", b'name: "\xff\xfe"\nbottom: "x"')
    place = Place(source, Span(7, 9))
    fix = Fix("keep", (Edit(place.span, source.text[7:9]),), safe=False)
    text = render("json", make_report(finding(place, message=f"層 {source.text}\x9b", fix=fix)))
    (found,) = json.loads(text.encode("ascii"))["diagnostics"]
    assert found["message"] == '層 name: "\ufffd\ufffd"\nbottom: "x"\x9b'
    assert found["file"] == "caf\ufffd.prototxt"
    assert found["fix"]["edits"][0]["text"] == "\ufffd\ufffd"
    assert (found["column"], found["end_column"]) == (8, 10)
    assert text.replace("\n", "").isprintable()
