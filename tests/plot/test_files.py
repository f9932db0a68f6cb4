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

from ..log.caffe_log import glog, run, text
from .drawn import output, rows

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


def test_where_nothing_is_logged_nothing_is_drawn(tmp_path: Path) -> None:
    log, picture = tmp_path / "train.log", tmp_path / "out.svg"
    log.write_bytes(text([glog("Starting Optimization")]))
    done = _called(str(log), "--plot", str(picture))
    assert done.returncode == 2
    assert "not drawn, since no values are logged" in done.stderr
    assert not picture.exists()
