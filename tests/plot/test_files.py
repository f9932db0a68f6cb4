"""Pictures in files: what they hold, that names from logs do no harm, what is said on mistakes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from caffelint.cli import cli
from caffelint.plot.paint import COLOURS

from ..log.caffe_log import glog, run, text
from ..log.made import falling, noisy
from .drawn import output, picture_of, rate, rows

HOSTILE = ("</svg><script>a()</script>", "</script><!--", "a-->b", "$x^2$", "$x", "&lt;", "__own")
SVG = "{http://www.w3.org/2000/svg}"


def _plot(path: Path, *logs: list[str]) -> Result:
    names = []
    for at, lines in enumerate(logs):
        names.append(path.with_name(f"run{at}.log"))
        names[-1].write_bytes(text(lines))
    arguments = ["log", *map(str, names), "--plot", str(path)]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def _needs_matplotlib(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name:
        pytest.importorskip("matplotlib")


def _texts(svg: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(svg).iter(f"{SVG}text")]


def test_an_svg_holds_the_names_as_text(tmp_path: Path) -> None:
    assert _plot(tmp_path / "out.svg", run()).exit_code in (0, 1)
    texts = _texts((tmp_path / "out.svg").read_text(encoding="utf-8"))
    assert {"train loss", "test loss", "test accuracy", "iteration"} <= set(texts)
    assert any("learning rate 0.01 throughout" in one for one in texts)


def test_a_png_is_one(tmp_path: Path) -> None:
    _plot(tmp_path / "out.PNG", run(), run())
    data = (tmp_path / "out.PNG").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")


def test_what_happened_is_numbered_and_told_below(tmp_path: Path) -> None:
    """Numbers stand above the curves; two that would lie over each other are one text."""
    values = [f"{value:.6g}" for value in noisy(falling(2.3, 0.001, 300), 0.3)]
    log = [
        *rows(values[:50]),
        glog("MultiStep Status: Iteration 500, step = 1"),
        *rows(values[50:], first=500),
        *rows(["inf", "nan", "nan", "nan"], first=3000),
        glog("Check failed: x", level="F"),
    ]
    _plot(tmp_path / "out.svg", log)
    texts = _texts((tmp_path / "out.svg").read_text(encoding="utf-8"))
    marks = picture_of(train=log).marks
    told = [f"at {mark.iteration:,}: {mark.words}" for mark in marks]
    assert len(told) == 3
    assert {one[:40] for one in told} <= {one[:40] for one in texts}
    assert {"1", "2, 3", "nan, inf"} <= set(texts)  # the loss is nan, and the run ends
    # A logarithmic axis is labelled in plain numbers.
    assert {"0.1", "1"} <= set(texts)


def test_each_of_several_logs_has_its_colour(tmp_path: Path) -> None:
    died = glog("Check failed: x", level="F")
    _plot(tmp_path / "out.svg", [*rows(["2", "1"]), died], rows(["3", "2", "1", "1", "1"]))
    svg = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert any(one.startswith("at 10: run0.log: Caffe stopped") for one in _texts(svg))
    assert {"run0.log", "run1.log"} <= {one.split()[0] for one in _texts(svg) if one}
    assert COLOURS[0] in svg
    assert COLOURS[1] in svg


def test_what_is_too_much_for_a_legend_is_counted(tmp_path: Path) -> None:
    heads = [output(f"head{at}", "1", index=at, weight=1 + at) for at in range(20)]
    rates = [rate(at * 10, f"{0.1**at:g}") for at in range(3)]
    _plot(tmp_path / "out.svg", [*rows(["3.0", "2", "1"]), *heads, *rates])
    texts = _texts((tmp_path / "out.svg").read_text(encoding="utf-8"))
    assert "and 13 more" in texts
    assert texts.count("learning rate") == 1  # the axis; a legend would say it once more


@pytest.mark.parametrize("style", ["svg", "html"])
def test_the_same_log_gives_the_same_bytes(
    tmp_path: Path, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib as mpl

    path = tmp_path / f"out.{style}"
    _plot(path, run())
    first = path.read_bytes()
    monkeypatch.setitem(mpl.rcParams, "lines.linewidth", 9.0)
    _plot(path, run())
    assert path.read_bytes() == first
    assert mpl.rcParams["lines.linewidth"] == 9.0


def test_a_page_loads_nothing_and_has_the_values(tmp_path: Path) -> None:
    _plot(tmp_path / "out.html", run())
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    loading = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#)([^"')>\s]+)""", page)
    assert loading == []
    assert "default-src 'none'" in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    panels = json.loads(data[1])
    assert [[one["name"] for one in panel["series"]] for panel in panels] == [
        ["train loss", "test loss"],
        ["test accuracy"],
    ]
    assert panels[1]["series"][0]["iterations"] == [0, 100, 200, 300]
    assert panels[1]["series"][0]["values"] == [0.5, 0.6, 0.7, 0.8]
    for panel in panels:
        box = panel["box"]
        assert 0 < box["left"] < box["right"] < 1
        assert 0 < box["top"] < box["bottom"] < 1
        assert box["first"] < 0 < 300 < box["last"]


def test_names_in_a_log_are_only_names(tmp_path: Path) -> None:
    named = [output(name, "0.5", index=at) for at, name in enumerate(HOSTILE)]
    for style in ("svg", "html"):
        assert _plot(tmp_path / f"out.{style}", [*rows(["2", "1"]), *named]).exit_code in (0, 1)
    svg = (tmp_path / "out.svg").read_text(encoding="utf-8")
    assert {f"train {name}" for name in HOSTILE} <= set(_texts(svg))
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script>") == 2
    assert page.count("</svg>") == 1
    data = page[page.index('id="data">') + 10 :].partition("</script>")[0]
    assert [one["name"] for one in json.loads(data)[1]["series"]] == [
        f"train {name}" for name in HOSTILE
    ]


def test_letters_of_every_kind_are_kept_and_control_characters_are_not(tmp_path: Path) -> None:
    log = [*rows(["2", "1"]), output("精度\x1b[31m\x00\ud800"[:-1], "0.5")]
    assert _plot(tmp_path / "out.svg", log).exit_code in (0, 1)
    texts = _texts((tmp_path / "out.svg").read_text(encoding="utf-8"))
    assert any("精度␛[31m␀" in one for one in texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "out.pdf"], "--plot writes .png, .svg, .html files, not out.pdf"),
        (["--plot", "out.svg", "--follow"], "--plot does not go with"),
        (["--plot", "out.svg", "--format", "csv"], "--plot does not go with"),
    ],
)
def test_mistakes_in_the_call(tmp_path: Path, arguments: list[str], message: str) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(text(run()))
    result = CliRunner().invoke(cli, ["log", str(log), *arguments])
    assert result.exit_code == 2
    assert message in result.output


def _called(*arguments: str, before: str = "pass") -> subprocess.CompletedProcess[str]:
    program = f"import sys; {before}; from caffelint.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, "log", *arguments],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(text(run()))
    picture = tmp_path / "out.svg"
    missing = "sys.modules['matplotlib'] = None"
    done = _called(str(log), "--plot", str(picture), before=missing)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "caffelint: pictures take matplotlib: pip install 'caffelint[plot]'\n"
    assert not picture.exists()
    assert _called(str(log), "--chart", before=missing).returncode in (0, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="names of files are text there")
def test_settings_of_matplotlib_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    """A matplotlibrc in the working directory counts; matplotlib reads it when it is imported."""
    log, broken = tmp_path / "train.log", tmp_path / "matplotlibrc"
    log.write_bytes(text(run()))
    broken.write_bytes(b"font.family: \xff\n")
    setting = f"import os; os.environ['MATPLOTLIBRC'] = {str(broken)!r}"
    done = _called(str(log), "--plot", str(tmp_path / "out.svg"), before=setting)
    assert (done.returncode, done.stdout) == (2, "")
    assert "caffelint: matplotlib cannot be loaded: " in done.stderr
    assert "Traceback" not in done.stderr


def test_where_nothing_is_logged_nothing_is_drawn(tmp_path: Path) -> None:
    log, picture = tmp_path / "train.log", tmp_path / "out.svg"
    log.write_bytes(text([glog("Starting Optimization")]))
    done = _called(str(log), "--plot", str(picture))
    assert done.returncode == 2
    assert "not drawn, since no values are logged" in done.stderr
    assert not picture.exists()
