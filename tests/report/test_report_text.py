"""The text reporter: findings in, the exact characters a person sees out."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from caffelint.core.diagnostic import Diagnostic, Place, Related, Report, Severity
from caffelint.report import render

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]


def test_the_whole_frame(mark: Mark, finding: Finding, make_report: MakeReport) -> None:
    top, bottom = mark("\n" * 32 + '  top: «"pool_2"»\n' + "\n" * 7 + '  bottom: «"pool2"»\n')
    diagnostic = finding(
        bottom,
        message='bottom "pool2" of layer "ip1" is not produced by any earlier layer; '
        'did you mean "pool_2"?',
        hint='write bottom: "pool_2"',
        context="assumed training from scratch: no weights are named",
        related=(Related(top, "produced here"),),
    )
    assert render("text", make_report(diagnostic)) == (
        'lenet.prototxt:41:11: error: bottom "pool2" of layer "ip1" is not produced by any '
        'earlier layer; did you mean "pool_2"? [CL101 unknown-bottom]\n'
        "   |\n"
        '41 |   bottom: "pool2"\n'
        "   |           ^~~~~~~\n"
        '33 |   top: "pool_2"\n'
        "   |        -------- produced here\n"
        '   = help: write bottom: "pool_2"\n'
        "   = note: assumed training from scratch: no weights are named\n"
        "\n"
        "1 error in 1 file\n"
    )


@pytest.mark.parametrize(
    ("marked", "rows"),
    [
        pytest.param(
            "name: «x»\n",
            ["  |", "1 | name: x", "  |       ^"],
            id="one-digit-line-number",
        ),
        pytest.param(
            "«layer {\n  name: 1\n}»\n",
            ["  |", "1 | layer {", "  | ^~~~~~~"],
            id="many-lines-underline-the-first",
        ),
        pytest.param(
            "\t\ttop:\t«data» \n",
            ["  |", "1 |   top: data", "  |        ^~~~"],
            id="tabs-count-one-column",
        ),
        pytest.param(
            'top: "データ" bottom: «"層1"»\n',
            ["  |", '1 | top: "データ" bottom: "層1"', f"  | {' ' * 22}^~~~~"],
            id="wide-characters-count-two-columns",
        ),
        pytest.param(
            "# e\N{COMBINING ACUTE ACCENT}: «x»\n",
            ["  |", "1 | # e\N{COMBINING ACUTE ACCENT}: x", "  |      ^"],
            id="combining-characters-count-none",
        ),
        pytest.param(
            "layer {«»\r\n}",
            ["  |", "1 | layer {", "  |        ^"],
            id="insertion-point-at-a-crlf-line-end",
        ),
        pytest.param("layer {\n«»", ["  |", "2 |", "  | ^"], id="end-of-file"),
        pytest.param(
            "name: «\x1b[31m\x07\x7f\x9b\udcff\u202e»\n",
            ["  |", "1 | name: ␛[31m␇␡\ufffd\ufffd\ufffd", "  |       ^~~~~~~~~~"],
            id="escape-sequences-and-bad-bytes-are-shown",
        ),
        pytest.param(
            "a" * 200 + "«bad»" + "c" * 200,
            ["  |", f"1 | …{'a' * 48}bad{'c' * 49}…", f"  | {' ' * 49}^~~"],
            id="long-line-is-cut-on-both-sides",
        ),
        pytest.param(
            "«bad»" + "c" * 200,
            ["  |", f"1 | bad{'c' * 97}…", "  | ^~~"],
            id="long-line-is-cut-behind",
        ),
        pytest.param(
            "a" * 200 + "«bad»",
            ["  |", f"1 | …{'a' * 97}bad", f"  | {' ' * 98}^~~"],
            id="long-line-is-cut-before",
        ),
        pytest.param(
            "a" * 30 + "«" + "b" * 300 + "»",
            ["  |", f"1 | …{'a' * 20}{'b' * 80}…", f"  | {' ' * 21}^{'~' * 79}"],
            id="long-underline-is-cut-too",
        ),
    ],
)
def test_source_line_and_underline(
    mark: Mark, finding: Finding, make_report: MakeReport, marked: str, rows: list[str]
) -> None:
    shown = render("text", make_report(finding(mark(marked)[0])))
    assert shown.split("\n\n")[0].split("\n")[1:] == rows


@pytest.mark.parametrize(
    ("hint", "rows"),
    [
        pytest.param("", [], id="no-hint"),
        pytest.param("one\n  two\n", ["  = help: one", "            two"], id="two-lines"),
        pytest.param("a\x1b]0;b\x07", ["  = help: a␛]0;b␇"], id="escape-sequence"),
    ],
)
def test_hint(
    mark: Mark, finding: Finding, make_report: MakeReport, hint: str, rows: list[str]
) -> None:
    shown = render("text", make_report(finding(mark("«x»")[0], hint=hint)))
    assert shown.split("\n\n")[0].split("\n")[4:] == rows


def test_names_stay_on_one_line(mark: Mark, finding: Finding, make_report: MakeReport) -> None:
    (place,) = mark("«x»", name="a\nb\udcff.prototxt")
    shown = render("text", make_report(finding(place, message='layer "c\nd" is odd')))
    assert shown.split("\n")[0] == (
        'a␊b\ufffd.prototxt:1:1: error: layer "c␊d" is odd [CL101 unknown-bottom]'
    )


def test_places_in_other_files_are_announced(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    here, later = mark("«x»\n\n\n\n\n\n\n\n\n  «y»\n")
    net, rate = mark('net: «"lenet"»\nbase_lr: «1»\n', name="solver.prototxt")
    related = (Related(net, "the net"), Related(rate, "the rate"), Related(later, "back here"))
    shown = render("text", make_report(finding(here, related=related)))
    assert shown.split("\n\n")[0].split("\n")[1:] == [
        "   |",
        " 1 | x",
        "   | ^",
        "  --> solver.prototxt:1:6: the net",
        ' 1 | net: "lenet"',
        "   |      -------",
        " 2 | base_lr: 1",
        "   |          - the rate",
        "  --> lenet.prototxt:10:3: back here",
        "10 |   y",
        "   |   -",
    ]


def test_two_places_on_one_line_show_it_once(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    first, second = mark("«a: 1» «a: 2»\n")
    shown = render("text", make_report(finding(second, related=(Related(first, "first"),))))
    assert shown.split("\n\n")[0].split("\n")[1:] == [
        "  |",
        "1 | a: 1 a: 2",
        "  |      ^~~~",
        "  | ---- first",
    ]


@pytest.mark.parametrize(
    ("number", "expand", "places", "rest"),
    [
        pytest.param(5, False, 5, [], id="five-are-shown"),
        pytest.param(6, False, 5, ["  = also: 1 more place (--expand lists it)"], id="one-is-left"),
        pytest.param(
            8, False, 5, ["  = also: 3 more places (--expand lists them)"], id="three-are-left"
        ),
        pytest.param(8, True, 8, [], id="expanded"),
    ],
)
def test_related_places_are_limited(
    mark: Mark,
    finding: Finding,
    make_report: MakeReport,
    number: int,
    expand: bool,
    places: int,
    rest: list[str],
) -> None:
    main, *others = mark("«m»\n" + "«r»\n" * number)
    related = tuple(Related(place, "again") for place in others)
    shown = render("text", make_report(finding(main, related=related)), expand=expand)
    assert shown.count("- again") == places
    assert [line for line in shown.split("\n") if " = " in line] == rest


def test_findings_of_many_layers_fold_unless_expanded(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    places = mark("«conv1»\n«conv2»\n")
    report = make_report(*(finding(each, layer=f"conv{n}") for n, each in enumerate(places, 1)))
    folded, expanded = render("text", report), render("text", report, expand=True)
    assert folded.count("error:") == 1
    assert "any earlier layer (and 1 more layer: conv2) [CL101" in folded
    assert '  | ----- also "conv2"\n' in folded
    assert folded.endswith("\n\n1 error in 1 file (2 places)\n")
    assert expanded.count("error:") == 2
    assert expanded.endswith("\n\n2 errors in 1 file\n")


@pytest.mark.parametrize(
    ("severities", "files", "summary"),
    [
        pytest.param([], 3, "no findings in 3 files", id="nothing"),
        pytest.param([], 1, "no findings in 1 file", id="nothing-in-one"),
        pytest.param([1, 3, 2, 3], 3, "2 errors, 1 warning, 1 info in 3 files", id="worst-first"),
        pytest.param([2, 2], 1, "2 warnings in 1 file", id="only-what-there-is"),
    ],
)
def test_summary(
    mark: Mark,
    finding: Finding,
    make_report: MakeReport,
    severities: list[int],
    files: int,
    summary: str,
) -> None:
    (place,) = mark("«x»")
    found = [
        finding(place, severity=Severity(each), message=f"finding {number}")
        for number, each in enumerate(severities)
    ]
    assert render("text", make_report(*found, files=files)).split("\n")[-2] == summary


@pytest.mark.parametrize(
    ("severity", "colour"),
    [(Severity.ERROR, 31), (Severity.WARNING, 33), (Severity.INFO, 34)],
    ids=str,
)
def test_colours(
    mark: Mark, finding: Finding, make_report: MakeReport, severity: Severity, colour: int
) -> None:
    main, other = mark("«xy» «z»")
    report = make_report(finding(main, severity=severity, related=(Related(other, "z"),)))
    shown = render("text", report, colour=True)
    assert f": \x1b[{colour}m\x1b[1m{severity.word}\x1b[0m: " in shown
    assert "\x1b[2m[CL101 unknown-bottom]\x1b[0m\n" in shown
    assert f"  | \x1b[{colour}m^~\x1b[0m\n" in shown
    assert "  |    \x1b[34m-\x1b[0m z\n" in shown
    assert re.sub(r"\x1b\[\d+m", "", shown) == render("text", report)


def _hostile(number: int) -> str:
    """Text of every kind of unprintable character, in an order of its own for each number."""
    chars = [*map(chr, range(0x20)), *map(chr, range(0x7E, 0xA2))]
    chars += "\u00ad\u061c\u200b\u2028\u2066\ufeff\ud800\udc80\udfff\u3000\u5c64\u0301"
    return "".join(Random(number).sample(chars, len(chars)))


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("expand", [False, True])
def test_nothing_unprintable_reaches_the_terminal(
    mark: Mark, finding: Finding, make_report: MakeReport, number: int, expand: bool
) -> None:
    text = _hostile(number)
    fields: dict[str, Any] = dict.fromkeys(("rule", "name", "message", "hint", "context"), text)
    main, second = mark(f"«{text}»{text}\n{text}«{text}»", name=text)
    (foreign,) = mark(f"{text * 9}«»{text}", name=f"other{text}")
    related = (Related(second, text), Related(foreign, text))
    found = [
        finding(each, **fields, layer=f"{n}{text}", related=related)
        for n, each in enumerate((main, second, foreign))
    ]
    shown = render("text", make_report(*found), expand=expand)
    assert shown.replace("\n", "").isprintable()
    assert shown.encode("utf-8")
