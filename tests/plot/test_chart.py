"""The chart in the terminal, character by character."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from caffelint.cli import cli
from caffelint.plot.chart import chart

from ..log.caffe_log import glog, run, text
from .drawn import of_test, output, picture_of, rows

FALLING = [
    *rows(["3", "2", "1.5", "1", "1"]),
    glog("Iteration 20, Testing net (#0)"),
    of_test("loss", "2", weight=1),
]
TO_NAN = rows(["1", "100", "1000", "nan", "nan"])


@pytest.mark.parametrize(
    ("rows_of_log", "plain", "want"),
    [
        pytest.param(
            FALLING,
            False,
            """\
        3 │⠱⡀
          │ ⠈⢆
          │   ⠣⡀
          │    ⠑⡄
          │     ⠈⢢
          │       ⠑⠢⡀    ●
          │         ⠈⠑⠤⡀
          │            ⠈⠒⢄⡀
          │               ⠈⠒⠤⡀
        1 │                  ⠈⠑⠤⣀⣀⣀⣀⣀⣀⣀
          └────────────────────────────
           0                         40
           ⠒⠒ train loss   ● test loss
""",
            id="lines and tests",
        ),
        pytest.param(
            TO_NAN,
            True,
            """\
     1000 |             **      !
          |           **
          |         **
          |       **
          |      *
          |     *
          |   **
          |  *
          | *
        1 |*
          +----------------------------
           0                         40
           * train loss   ! nan, inf
           (logarithmic)
""",
            id="ascii, logarithmic, nan",
        ),
        pytest.param(
            rows(["2.5"]),
            False,
            """\
          │
          │
          │
          │
          │
      2.5 │              ●
          │
          │
          │
          │
          └────────────────────────────
           0
           ● train loss
""",
            id="one point",
        ),
    ],
)
def test_a_chart(rows_of_log: list[str], plain: bool, want: str) -> None:
    assert chart(picture_of(train=rows_of_log), 40, plain=plain, paint=None) == want


def test_without_colours_logs_are_letters() -> None:
    picture = picture_of(a=rows(["3", "1"]), b=rows(["1", "3"]))
    drawn = chart(picture, 40, plain=False, paint=None).splitlines()
    assert drawn[0] == f"        3 │aa{' ' * 24}bb"
    assert drawn[9] == f"        1 │bb{' ' * 24}aa"
    assert drawn[-1] == "           a a.log   b b.log"


def test_with_colours_logs_are_lines() -> None:
    picture = picture_of(a=rows(["3", "1"]), b=rows(["1", "3"]))
    drawn = chart(picture, 40, plain=False, paint=lambda _, colour: colour[0]).splitlines()
    assert drawn[0] == f"        3 │bbb{' ' * 22}yyy"
    assert drawn[-1] == "           b a.log   y b.log"


def test_of_several_heads_the_total_is_drawn() -> None:
    heads = [output("a", "1", weight=1), output("b", "2", index=1, weight=2)]
    picture = picture_of(train=[*rows(["5"]), *heads, *rows(["4"], first=10), *heads])
    drawn = chart(picture, 40, plain=False, paint=None).splitlines()
    assert drawn[-1] == "           ⠒⠒ train total loss"
    assert drawn[9].startswith("        4 │")


@pytest.mark.parametrize("columns", [1, 20, 40, 77, 120, 10_000])
def test_a_chart_is_no_wider_than_the_terminal(columns: int) -> None:
    lines = chart(picture_of(train=FALLING), columns, plain=False, paint=None).splitlines()
    assert max(map(len, lines)) <= max(columns, 40)
    assert max(map(len, lines)) <= 112


@pytest.mark.parametrize("log", [[], [glog("Starting Optimization")], rows(["nan", "inf"])])
def test_no_chart_without_numbers(log: list[str]) -> None:
    assert chart(picture_of(train=log), 80, plain=False, paint=None) == ""


def test_names_of_a_chart_for_ascii_are_ascii() -> None:
    picture = picture_of(train=[*rows(["2", "1"]), glog("Iteration 10, Testing net (#0)")])
    assert chart(picture, 80, plain=True, paint=None).isascii()
    named = picture_of(精=rows(["2"]), 度=rows(["1"]))
    assert chart(named, 80, plain=True, paint=None).isascii()


@pytest.mark.parametrize(
    ("arguments", "charset", "drawn"),
    [
        ([], "utf-8", ""),
        (["--no-chart"], "utf-8", ""),
        (["--chart"], "utf-8", "│⠉"),
        (["--chart"], "ascii", "|"),
        (["--chart"], "latin-1", "|"),
        (["--chart", "--format", "json"], "utf-8", ""),
    ],
)
def test_the_chart_of_the_command(
    tmp_path: Path, arguments: list[str], charset: str, drawn: str
) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(text(run()))
    result = CliRunner(charset=charset).invoke(cli, ["log", str(log), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    above, _, below = result.stdout.partition(str(log))
    assert drawn in above if drawn else "0 " not in above
    assert ("training of net" in below) == ("json" not in arguments)
    assert "\x1b" not in result.stdout


def test_a_chart_goes_into_the_file_with_the_report(tmp_path: Path) -> None:
    log, report = tmp_path / "train.log", tmp_path / "report.txt"
    log.write_bytes(text(run()))
    CliRunner().invoke(cli, ["log", str(log), "--chart", "--output", str(report)])
    said = report.read_text(encoding="utf-8")
    assert "└──" in said
    assert "training of net" in said
