"""The HTML report: what Python puts into the page, whatever the linted files hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Diagnostic, Place, Report, Severity
from caffelint.log.reader import read
from caffelint.report import html, render
from caffelint.resources import load_rules
from caffelint.show import details, graph
from caffelint.training import Examiner

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]
MakeReport = Callable[..., Report]

pytestmark = pytest.mark.usefixtures("page")

NET = """\
name: "Chain"
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 6 kernel_size: 3 stride: 2 weight_filler { type: "msra" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "scale" type: "Scale" bottom: "bn" top: "bn" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "bn" top: "bn" }
layer { name: "left" type: "ReLU" bottom: "bn" top: "left" }
layer { name: "right" type: "Sigmoid" bottom: "bn" top: "right" }
layer { name: "sum" type: "Eltwise" bottom: "left" bottom: "right" top: "sum" }
layer { name: "fc" type: "InnerProduct" bottom: "sum" top: "fc"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt"
test_iter: 2
test_interval: 10
base_lr: 0.1
lr_policy: "step"
gamma: 0.1
stepsize: 100
max_iter: 250
momentum: 0.9
snapshot_prefix: "x"
"""


class _Blocks(HTMLParser):
    """The data of a page as a browser would find it, and all elements that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.tags: list[str] = []
        self._at = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._at = dict(attrs).get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._at:
            self.found[self._at] = self.found.get(self._at, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._at = ""


def blocks(page: str) -> dict[str, Any]:
    parser = _Blocks()
    parser.feed(page)
    assert set(parser.tags) == {"script", "title"}
    return {id_: json.loads(text) for id_, text in parser.found.items()}


def page_of(folder: Path, files: dict[str, str | bytes], **config: Any) -> dict[str, Any]:
    """The data in the page for some files of a folder."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    settings = Config(**config)
    report = Checker(load_rules(), settings).check([folder / name for name in files])
    return blocks(render("html", report, details=details.of_files(report, settings)))


# Data


def test_findings_have_the_fields_of_the_json_report(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    ones = [
        finding(each, layer=f"conv{at}", message=f'layer "conv{at}" is odd')
        for at, each in enumerate(mark("«a»\n«b»\n«c»"))
    ]
    report = make_report(*ones, finding(mark("«z»", "z")[0], severity=Severity.INFO))
    data = blocks(render("html", report))["data"]
    listed = json.loads(render("json", report))["diagnostics"]
    more = ("places", "related_left")
    assert listed == [
        {name: value for name, value in one.items() if name not in more} for one in data["findings"]
    ]
    assert data["findings"][0]["places"] == [
        {"layer": "conv0", "line": 1},
        {"layer": "conv1", "line": 2},
        {"layer": "conv2", "line": 3},
    ]
    assert data["counts"] == {"error": 1, "info": 1}
    assert data["rules"]["CL101"]["why"].startswith("Caffe stops with")
    assert len(blocks(render("html", report, expand=True))["data"]["findings"]) == 4


def test_a_net_is_drawn_as_its_solver_builds_it(tmp_path: Path) -> None:
    page = page_of(tmp_path, {"solver.prototxt": SOLVER, "net.prototxt": NET})
    nets = page["data"]["nets"]
    solver = (tmp_path / "solver.prototxt").as_posix()
    assert [(net["phase"], net["solver"]) for net in nets] == [("TRAIN", solver), ("TEST", solver)]
    assert (nets[0]["layers"], nets[0]["parameters"]) == (10, 6 * 27 + 6 + 12 + 1 + 12 + 5 * 54 + 5)
    layers = {layer["name"]: layer for layer in page["layers-0"]}
    assert layers["conv"]["tops"] == [{"name": "conv", "shape": [4, 6, 3, 3]}]
    assert layers["conv"]["says"] == "3×3 /2, 6 outputs"
    assert (layers["conv"]["line"], layers["conv"]["end_line"]) == (4, 5)
    assert ["weight_filler.type", "msra"] in layers["conv"]["fields"]
    assert [layers[name]["kind"] for name in ("data", "conv", "bn", "sum", "loss")] == [
        *("data", "weights", "norm", "join", "loss")
    ]
    assert layers["loss"]["from"] == [layers["fc"]["host"], 0]


def test_straight_chains_are_one_node_and_branches_are_not(tmp_path: Path) -> None:
    layers = page_of(tmp_path, {"net.prototxt": NET})["layers-0"]
    hosts = {layer["name"]: layers[layer["host"]]["name"] for layer in layers}
    assert hosts == {
        **{name: name for name in ("data", "conv", "left", "right", "sum", "fc", "loss")},
        **dict.fromkeys(("bn", "scale", "relu"), "conv"),
    }


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ('type: "LRN" bottom: "data" top: "t" lrn_param { local_size: 7 }', "over 7"),
        ('type: "Dropout" bottom: "data" top: "t" dropout_param { dropout_ratio: 0.25 }',
         "ratio 0.25"),
        ('type: "Python" bottom: "data" top: "t" python_param { module: "m" layer: "Mine" }',
         "Mine"),
        ('type: "Pooling" bottom: "data" top: "t" pooling_param { pool: AVE global_pooling: true }',
         "ave global"),
        ('type: "Softmax" bottom: "data" top: "t"', ""),
        ('type: "Silence" bottom: "data"', ""),
        ('type: "FromNowhere" bottom: "data" top: "t"', ""),
    ],
)  # fmt: skip
def test_what_a_layer_says(tmp_path: Path, layer: str, says: str) -> None:
    net = NET.replace(
        'layer { name: "conv"', f'layer {{ name: "it" {layer} }}\nlayer {{ name: "conv"'
    )
    layers = {one["name"]: one for one in page_of(tmp_path, {"net.prototxt": net})["layers-0"]}
    assert layers["it"]["says"] == says
    assert (layers["it"]["signal"] is None) is ("top:" not in layer or "Python" in layer
                                                or "FromNowhere" in layer)  # fmt: skip


def test_fields_without_end_are_cut(tmp_path: Path) -> None:
    points = "".join(f"slice_point: {at} " for at in range(1, 60))
    tops = "".join(f'top: "t{at}" ' for at in range(60))
    net = f'layer {{ name: "s" type: "Slice" bottom: "x" {tops} slice_param {{ {points} }} }}'
    net = f'input: "x" input_shape {{ dim: 2 dim: 60 }}\n{net}'
    layers = page_of(tmp_path, {"net.prototxt": net})["layers-0"]
    slice_ = next(one for one in layers if one["name"] == "s")
    assert (len(slice_["fields"]), slice_["fields"][-1]) == (41, ["…", "more"])
    # What "input" stands for has no text of its own.
    assert [(one["line"], one["end_line"]) for one in layers] == [(1, 1), (2, 2)]


def test_sizes_of_data_that_is_there_are_known(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (12, 10)).save(tmp_path / "a.png")
    (tmp_path / "list.txt").write_text("a.png 0\n")
    net = 'layer { name: "data" type: "ImageData" top: "data" top: "label" '
    net += 'image_data_param { source: "list.txt" batch_size: 4 } }'
    net += NET[NET.index('layer { name: "conv"') :]
    for looks, shape in ((True, [4, 3, 10, 12]), (False, [4, 3, None, None])):
        layers = page_of(tmp_path, {"net.prototxt": net}, data=looks)["layers-0"]
        assert layers[0]["tops"][0]["shape"] == shape


@pytest.mark.parametrize(
    ("solver", "config", "shown"),
    [
        (SOLVER, {}, True),
        (SOLVER, {"context": "finetune"}, False),
        (SOLVER, {"context": "scratch"}, True),
        (SOLVER + 'weights: "x.caffemodel"\n', {}, False),
    ],
    ids=["as-it-is", "finetune", "scratch", "weights"],
)
def test_the_signal_is_told_where_weights_come_from_fillers(
    tmp_path: Path, solver: str, config: dict[str, Any], shown: bool
) -> None:
    page = page_of(tmp_path, {"solver.prototxt": solver, "net.prototxt": NET}, **config)
    assert (page["data"]["nets"][0]["start"] is not None) is shown
    fc = next(layer for layer in page["layers-0"] if layer["name"] == "fc")
    assert (fc["signal"] is not None) is shown
    if shown:
        assert page["data"]["nets"][0]["start"]["chance"] == pytest.approx(1.60944)
        assert fc["signal"]["update"] > 0
        assert page["data"]["nets"][1]["start"] is None


def test_a_schedule_has_both_sides_of_each_step(tmp_path: Path) -> None:
    page = page_of(tmp_path, {"solver.prototxt": SOLVER, "net.prototxt": NET})
    (schedule,) = page["data"]["schedules"]
    rates = dict(zip(schedule["iterations"], schedule["rates"], strict=True))
    assert [rates[at] for at in (0, 99, 100, 199, 200, 249)] == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]


def test_texts_stand_beside_their_files(tmp_path: Path) -> None:
    page = page_of(tmp_path, {"net.prototxt": NET.replace("\n", "\r\n")})
    (file,) = page["data"]["files"]
    assert file["kind"] == "net"
    assert page["texts-0"] == {"lines": NET.split("\n"), "numbers": None}


def test_standard_input_is_drawn_as_well(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "caffelint", "--format", "html", "--no-data", "-"],
        input=NET.encode(),
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    if b"npm run build" in done.stderr:
        pytest.skip("the page is not built")
    assert b'"<stdin>"' not in done.stdout
    assert rb"\u003cstdin\u003e" in done.stdout
    assert b'id="layers-0"' in done.stdout


LOG = """\
I1125 10:00:00.000000  7 solver.cpp:44] Initializing solver from parameters:
base_lr: 0.5
display: 10
max_iter: 40
lr_policy: "fixed"
snapshot_prefix: "x"
I1125 10:00:00.000000  7 solver.cpp:87] Creating training net from net file: net.prototxt
I1125 10:00:00.000000  7 net.cpp:51] Initializing net from parameters:
name: "Small"
state { phase: TRAIN }
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
I1125 10:00:01.000000  7 solver.cpp:56] Solver scaffolding done.
I1125 10:00:01.000000  7 solver.cpp:239] Iteration 0, loss = 1.6
I1125 10:00:01.000000  7 solver.cpp:258]     Train net output #0: loss = 1.6 (* 1 = 1.6 loss)
I1125 10:00:02.000000  7 solver.cpp:239] Iteration 10, loss = 50
I1125 10:00:02.000000  7 solver.cpp:258]     Train net output #0: loss = 50 (* 1 = 50 loss)
I1125 10:00:03.000000  7 solver.cpp:239] Iteration 20, loss = nan
I1125 10:00:03.000000  7 solver.cpp:258]     Train net output #0: loss = nan (* 1 = nan loss)
"""


def test_a_log_gives_curves_and_the_nets_that_it_echoes(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text(LOG, encoding="utf-8")
    with path.open("rb") as stream:
        log = read(stream, path.as_posix())
    examination = Examiner(load_rules(), Config()).examine(log, path)
    gathered = details.of_logs([examination], str)
    page = blocks(render("html", examination.report, details=gathered))
    training = page["data"]["training"]
    loss = training["panels"][0]["series"][0]
    assert (loss["iterations"], loss["values"]) == ([0, 10], [1.6, 50])
    assert (loss["lost"], training["span"]) == ([[20, 20]], [0, 20])
    assert training["runs"][0]["diagnoses"][0]["rule"] == "CL902"
    assert [layer["name"] for layer in page["layers-0"]] == ["data", "fc", "loss"]
    assert page["layers-0"][1]["line"] == 13  # of the log
    text = page["texts-0"]
    assert text["lines"][text["numbers"].index(13)].startswith('layer { name: "fc"')


def test_a_cause_is_told_with_its_place(tmp_path: Path) -> None:
    """A loss that becomes nan, by a rate that stands in the solver that the log echoes."""
    path = tmp_path / "train.log"
    path.write_text(LOG.replace("base_lr: 0.5", "base_lr: 50"), encoding="utf-8")
    with path.open("rb") as stream:
        log = read(stream, path.as_posix())
    examination = Examiner(load_rules(), Config()).examine(log, path)
    training = details.of_logs([examination], str).training
    assert training is not None
    causes = [one for each in training["runs"][0]["diagnoses"] for one in each["causes"]]
    (place,) = {(one["file"], one["line"]) for one in causes if one.get("rule") == "CL401"}
    assert place == (path.as_posix(), 2)


def test_files_that_are_gone_or_too_many_have_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.prototxt").write_text(NET, encoding="utf-8")
    report = Checker(load_rules(), Config()).check([tmp_path])
    (tmp_path / "b.prototxt").unlink()
    monkeypatch.setattr(details, "MOST_FILES", 1)
    found = details.of_files(report, Config())
    assert sorted((Path(one["name"]).name, one["whole"]) for one in found.files) == [
        ("a.prototxt", True), ("b.prototxt", False), ("c.prototxt", False),
    ]  # fmt: skip


# Whatever files hold

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "a\u2028b\u2029c",
    "\x00\x1b[31m\x7f\x9b",
    "&lt;img src=x onerror=alert(1)&gt;",
    "\u202eeman",
    "{{DATA}}<!-- data -->",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_gets_out_of_its_block(
    mark: Mark, finding: Finding, make_report: MakeReport, name: str
) -> None:
    (place,) = mark(f"«{name}»", name)
    report = make_report(finding(place, message=name, hint=name, layer=name))
    page = render("html", report)
    assert page.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", page)
    data = blocks(page)["data"]
    assert (data["findings"][0]["message"], data["files"][0]["name"]) == (name, name)


def test_bytes_that_are_not_utf8_are_shown_as_such(tmp_path: Path) -> None:
    net = NET.encode().replace(b'"conv"', b'"\xff</script>"')
    page = page_of(tmp_path, {"net.prototxt": net})
    assert page["layers-0"][1]["name"] == "\ufffd</script>"
    assert page["texts-0"]["lines"][3].count("\ufffd</script>") == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "layer {",
        'layer { name: "a" type: "ReLU" bottom: "none" top: "a" }',
        NET.replace("kernel_size: 3", "kernel_size: 0"),
        NET.replace("num_output: 6", "num_output: 4000000000"),
        NET.replace('type: "Eltwise"', 'type: "Unknown"'),
        NET.replace("stride: 2", "kernel_h: 2 kernel_w: 3"),
        NET.replace('type: "msra"', 'type: "constant" value: 1e38'),
        'layers { name: "old" type: RELU bottom: "data" top: "old" } input: "data"',
    ],
)
def test_broken_nets_give_a_page(tmp_path: Path, text: str) -> None:
    page = page_of(tmp_path, {"net.prototxt": text})
    assert [file["name"] for file in page["data"]["files"]] == [f"{tmp_path}/net.prototxt"]


# Bounds


def test_what_there_is_no_room_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details, "MOST_NETS", 2)
    monkeypatch.setattr(details, "MOST_SIGNALS", 0)
    monkeypatch.setattr(details, "MOST_SCHEDULES", 0)
    monkeypatch.setattr(details, "MOST_TEXT_IN_ALL", len(NET) + 10)
    files = {f"{name}.prototxt": NET for name in "abc"}
    page = page_of(tmp_path, {**files, "solver.prototxt": SOLVER.replace("net.p", "a.p")})
    assert len(page["data"]["nets"]) == 2
    assert page["data"]["notes"] == [
        f"{what}, to keep the report small: {number}."
        for what, number in (
            ("Nets that are not drawn", 4),
            ("Schedules that are not drawn", 1),
            ("Nets that are shown without their signal at iteration 0", 1),
            ("Files that are shown without their text, or with a part of it", 3),
        )
    ]
    assert [file["whole"] for file in page["data"]["files"]].count(True) == 1


def test_a_net_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MOST_LAYERS", 3)
    page = page_of(tmp_path, {"net.prototxt": NET})
    assert (page["data"]["nets"][0]["layers"], len(page["layers-0"])) == (10, 3)


def test_the_worst_findings_are_kept(
    mark: Mark, finding: Finding, make_report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "MOST_FINDINGS", 2)
    severities = (Severity.INFO, Severity.ERROR, Severity.INFO, Severity.WARNING)
    places = mark("«a»«b»«c»«d»")
    ones = [
        finding(place, severity=severity, message=str(place.span.start))
        for place, severity in zip(places, severities, strict=True)
    ]
    data = blocks(render("html", make_report(*ones)))["data"]
    assert [one["severity"] for one in data["findings"]] == ["error", "warning"]
    assert data["notes"] == ["Findings that are not listed, to keep the report small: 2."]
    assert data["counts"] == {"info": 2, "error": 1, "warning": 1}


def test_places_of_a_folded_finding_are_cut(
    mark: Mark, finding: Finding, make_report: MakeReport
) -> None:
    places = mark("«x»\n" * 20)
    page = blocks(render("html", make_report(*(finding(each, layer="same") for each in places))))
    (one,) = page["data"]["findings"]
    assert (len(one["related"]), one["related_left"], len(one["places"])) == (12, 7, 20)


def test_long_lines_and_names_are_cut(tmp_path: Path) -> None:
    page = page_of(tmp_path, {"net.prototxt": NET.replace("conv", "c" * 100_000)})
    assert len(page["layers-0"][1]["name"]) == 120
    assert max(map(len, page["texts-0"]["lines"])) < 500
    assert len(json.dumps(page)) < 60_000


# The page itself, and the file


def test_without_a_page_one_line_says_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(html, "PAGE", tmp_path / "none.html")
    with pytest.raises(html.PageError, match="npm ci && npm run build") as caught:
        render("html", Report((), {}, ()))
    assert "\n" not in str(caught.value)
    program = (
        "import sys; from pathlib import Path; from caffelint.report import html;"
        "html.PAGE = Path('none'); sys.argv = ['caffelint', '--format', 'html', 'net.prototxt'];"
        "from caffelint.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    # Told before any file is looked at: this one is not there.
    assert done.stderr.startswith("caffelint: --format html: this copy of caffelint has no page")
    assert done.stderr.count("\n") == 1


def test_a_report_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from caffelint.cli import cli

    (tmp_path / "net.prototxt").write_text(NET, encoding="utf-8")
    target = tmp_path / "report.html"
    target.write_text("old", encoding="utf-8")
    arguments = ["check", "--format", "html", "--output", str(target), str(tmp_path)]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", _refuse)
        assert isinstance(CliRunner().invoke(cli, arguments).exception, OSError)
    assert target.read_text("utf-8") == "old"
    assert CliRunner().invoke(cli, arguments).output == ""
    assert blocks(target.read_text("utf-8"))["data"]["nets"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("net.prototxt", "page.html", "report.html")
    ]


def _refuse(self: Path, target: Path) -> Path:
    raise OSError("no space")
