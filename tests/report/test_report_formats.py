"""The registry: known formats, lazy imports, one manner of output for all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from caffelint.cli.check import FORMATS as COMMAND_LINE
from caffelint.core.diagnostic import Diagnostic, Place, Report
from caffelint.report import FORMATS, render

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]


def test_the_command_line_offers_all_formats() -> None:
    assert FORMATS == COMMAND_LINE


def test_an_unknown_format_lists_the_known_ones(make_report: MakeReport) -> None:
    with pytest.raises(ValueError, match='unknown format "xml", expected one of: text, json, sar'):
        render("xml", make_report())


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("form", FORMATS)
def test_output_is_the_same_each_time_and_ends_in_one_line_end(
    mark: Mark, finding: Finding, make_report: MakeReport, form: str
) -> None:
    report = make_report(*(finding(each, layer=each.source.name) for each in mark("«a» «b»")))
    text = render(form, report, colour=True, expand=True)
    assert text == render(form, report, colour=True, expand=True)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("form", FORMATS)
def test_only_the_asked_format_is_imported(form: str) -> None:
    program = f"""
import sys
from caffelint.core.diagnostic import Report
import caffelint.report as r
names = lambda: [n for n in r.FORMATS if f"caffelint.report.{{n}}" in sys.modules]
assert not names()
try:
    r.render({form!r}, Report((), {{}}, ()))
except Exception as error:  # the page of "html" may not be built
    assert type(error).__name__ == "PageError", error
print(*names())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [form]
