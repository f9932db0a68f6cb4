"""The page of the HTML report in a real browser: what a reader does with it, and how it is seen.

Needs Chromium, and the page built (docs/html.md says how). In CI neither may be missing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import caffelint
from caffelint.check import Checker
from caffelint.config import Config
from caffelint.log.reader import read
from caffelint.report import html, render
from caffelint.resources import load_rules
from caffelint.show import details
from caffelint.training import Examiner

ROOT = Path(__file__).parents[2]
AXE = ROOT / "linter/report/page/node_modules/axe-core/axe.min.js"
# Nothing that a browser does for itself: no updates, no first-run pages, no network.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 740}
SECONDS = 1.5
"""A net of 600 layers may take so long to lay out."""

Open = Callable[..., Any]

NET = """\
name: "Page"
layer { name: "digits" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1"
  batch_norm_param { use_global_stats: true } include { phase: TRAIN } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
  convolution_param { num_output: 8 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "<img src=x onerror=alert(1)>" type: "InnerProduct" bottom: "conv2" top: "scores"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt"
test_iter: 2
test_interval: 10
base_lr: 0.01
lr_policy: "step"
gamma: 0.1
stepsize: 100
max_iter: 250
momentum: 0.9
snapshot_prefix: "x"
weigth_decay: 0.001
"""
BROKEN = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "pool" type: "Pooling" bottom: "dta" top: "pool" pooling_param { kernel_size: 2 } }
"""
LOG = "".join(
    [
        "I1125 10:00:00.000000  7 solver.cpp:44] Initializing solver from parameters:\n",
        'base_lr: 0.5\ndisplay: 10\nmax_iter: 400\nlr_policy: "fixed"\nsnapshot_prefix: "x"\n',
        "I1125 10:00:01.000000  7 solver.cpp:56] Solver scaffolding done.\n",
        *(
            f"I1125 10:00:02.000000  7 solver.cpp:239] Iteration {at}, loss = {loss}\n"
            for at, loss in zip(
                range(0, 60, 10), ("2.3", "4", "9", "80", "nan", "nan"), strict=True
            )
        ),
    ]
)


def _missing(what: str) -> None:
    """Skip, but not where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, which must not be in CI")
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not html.PAGE.is_file():
        _missing("the page is not built")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
    if path is None:
        _missing("Chromium is not installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a report, and holds in the end that it said and loaded nothing."""
    said: list[str] = []
    contexts: list[Any] = []

    def opened(text: str, size: dict[str, int] = DESKTOP, **options: Any) -> Any:
        file = tmp_path / f"{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport=size, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda one: said.append(one.url) if one.url != file.as_uri() else None)
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="module")
def report(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on a solver with its net, and a broken net; skipped where there is no browser."""
    folder = tmp_path_factory.mktemp("nets")
    files = {"solver.prototxt": SOLVER, "net.prototxt": NET, "broken.prototxt": BROKEN}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return _checked(folder)


def _checked(folder: Path) -> str:
    config = Config()
    found = Checker(load_rules(), config).check([folder])
    return render("html", found, details=details.of_files(found, config))


@pytest.fixture(scope="module")
def log_report(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("logs") / "train.log"
    path.write_text(LOG, encoding="utf-8")
    with path.open("rb") as stream:
        log = read(stream, path.as_posix())
    examination = Examiner(load_rules(), Config()).examine(log, path)
    gathered = details.of_logs([examination], str)
    return render("html", examination.report, details=gathered)


def deep(blocks: int) -> str:
    """A net with shortcuts, of three layers a block, none of which can be drawn in another."""
    window = "kernel_size: 3 pad: 1 stride: 1"
    head = 'layer { name: "d" type: "Input" top: "x0" input_param { shape { dim: [1, 4, 9, 9] } } }'
    block = """
layer { name: "cN" type: "Convolution" bottom: "xN" top: "cN"
  convolution_param { num_output: 4 WINDOW } }
layer { name: "pN" type: "Pooling" bottom: "cN" top: "pN" pooling_param { WINDOW } }
layer { name: "sN" type: "Eltwise" bottom: "xN" bottom: "pN" top: "xM" }
""".replace("WINDOW", window)
    return head + "".join(
        block.replace("N", str(at)).replace("M", str(at + 1)) for at in range(blocks)
    )


def _drawn(page: Any) -> Any:
    """The page when it has drawn what was done to it: some of that waits for the next frame."""
    frame = "requestAnimationFrame"
    page.evaluate(f"() => new Promise(done => {frame}(() => {frame}(done)))")
    return page


def _place(page: Any) -> str:
    """Where the graph is moved to, and how large it is."""
    return str(_drawn(page).get_attribute(".canvas > g", "transform"))


def _scale(page: Any) -> float:
    return float(_place(page).rpartition("scale(")[2].rstrip(")"))


# Findings


def test_the_header_counts_what_the_list_shows(open_page: Open, report: str) -> None:
    page = open_page(report)
    counts = page.locator(".counts li").all_inner_texts()
    assert counts[-1] == "3 files"
    assert sum(int(each.split()[0]) for each in counts[:-1]) == page.locator(".found .card").count()
    assert page.title().startswith("caffelint: ")


def test_findings_are_filtered(open_page: Open, report: str) -> None:
    page = open_page(report)
    cards, errors = page.locator(".found .card"), page.locator(".found .card.error")
    everything, wrong = cards.count(), errors.count()
    assert 0 < wrong < everything
    page.click(".chip.error")
    assert page.get_attribute(".chip.error", "aria-pressed") == "false"
    assert (cards.count(), errors.count()) == (everything - wrong, 0)
    page.click(".chip.error")
    page.select_option("select[aria-label=Rule]", "CL101")
    assert cards.count() == 1
    assert 'bottom "dta"' in cards.inner_text()
    page.select_option("select[aria-label=Rule]", "")
    page.select_option("select[aria-label=File]", index=1)
    heading = page.locator(".found h3")
    assert (heading.count(), heading.inner_text()) == (1, "broken.prototxt")
    page.select_option("select[aria-label=File]", "")
    page.fill("#find-finding", "WEIGTH")
    assert cards.count() == 1
    assert page.inner_text(".findings [role=status]") == f"1 of {everything} findings"
    page.fill("#find-finding", "nothing like it")
    assert "No finding fits" in page.inner_text(".found")


def test_a_finding_leads_to_its_layer_and_its_line(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.click('.found .card:has-text("dta")')
    panel = page.locator(".panel")
    assert panel.locator("h2").inner_text() == "pool"
    assert "is not produced" in panel.inner_text()
    assert panel.locator("mark").inner_text() == '"dta"'
    assert page.input_value("select.nets") != ""
    assert "broken" in page.locator("select.nets option:checked").inner_text()
    panel.get_by_role("button", name="broken.prototxt:3:").click()
    assert page.get_attribute("#tab-source", "aria-selected") == "true"
    line = page.locator(".line.here")
    line.locator(".note").wait_for()  # it is scrolled to
    assert line.locator(".no").inner_text() == "3"
    assert "CL101" in line.locator(".note").inner_text()


def test_a_finding_of_a_solver_is_shown_in_its_text(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.click('.found .card:has-text("weigth_decay")')
    assert page.get_attribute("#tab-source", "aria-selected") == "true"
    assert "weigth_decay" in page.text_content(".line.here > code")
    page.click("summary:has-text('Why it matters')")
    assert page.locator(".prose").inner_text()


# The graph


def test_a_click_on_a_node_shows_the_layer(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.select_option("select.nets", label=_option(page, "net.prototxt", "TRAIN"))
    page.click('.node:has-text("conv1")')
    text = page.inner_text(".panel")
    assert "conv1 4 × 6 × 6 × 6" in text
    assert page.locator(".params tbody tr").count() == 2
    assert page.locator(".member").all_inner_texts() == ["Convolution", "BatchNorm", "ReLU"]
    page.click(".member:has-text('BatchNorm')")
    assert page.inner_text(".panel h2") == "bn1"
    assert "use_global_stats" in page.inner_text(".panel")
    page.click("[aria-label='Close details']")
    assert page.is_hidden(".panel")


def _option(page: Any, *words: str) -> str:
    labels = page.locator("select.nets option").all_inner_texts()
    return str(next(label for label in labels if all(word in label for word in words)))


def test_phases_are_nets_of_their_own(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.select_option("select.nets", label=_option(page, "net.prototxt", "TEST"))
    page.click('.node:has-text("conv1")')
    assert page.locator(".member").all_inner_texts() == ["Convolution", "ReLU"]


def test_names_of_layers_are_only_ever_text(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.select_option("select.nets", label=_option(page, "net.prototxt", "TRAIN"))
    page.click('.node:has-text("<img src=x")')
    assert page.inner_text(".panel h2") == "<img src=x onerror=alert(1)>"
    for view in ("layers", "source", "charts"):
        page.click(f"#tab-{view}")
    assert page.locator("img").count() == 0


def test_search_finds_layers_types_and_blobs(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.select_option("select.nets", label=_option(page, "net.prototxt", "TRAIN"))
    for words, hits in (("conv", 5), ("batchnorm", 1), ("scores", 2), ("zebra", 0)):
        page.fill(".find", words)
        assert page.inner_text(".hits") == f"{hits} found"
    page.fill(".find", "convolution")
    assert page.locator(".node.hit").count() == 2
    page.press(".find", "Enter")
    assert page.inner_text(".panel h2") == "conv1"
    page.press(".find", "Enter")
    assert page.inner_text(".panel h2") == "conv2"
    page.press(".find", "Shift+Enter")
    assert page.inner_text(".panel h2") == "conv1"
    page.click("#tab-layers")
    assert page.locator(".table-view tbody tr").count() == 2


def test_the_graph_is_moved_by_keys(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.focus(".canvas")
    whole = _place(page)
    for key in ("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "+", "-", "PageDown"):
        before = _place(page)
        page.keyboard.press(key)
        assert _place(page) != before, key
    page.keyboard.press("0")
    assert _place(page) == whole
    page.keyboard.press("n")
    first = page.inner_text(".panel h2")
    page.keyboard.press("n")
    assert page.inner_text(".panel h2") != first
    page.keyboard.press("p")
    assert page.inner_text(".panel h2") == first
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "details-title"
    page.focus(".canvas")
    page.keyboard.press("Escape")
    assert page.is_hidden(".panel")


def test_the_graph_is_moved_by_the_mouse(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.mouse.move(700, 700)
    before = _place(page)
    page.mouse.wheel(0, 120)
    page.wait_for_function(
        "was => document.querySelector('.canvas > g').getAttribute('transform') != was", arg=before
    )
    scale = _scale(page)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_timeout(100)
    assert _scale(page) > scale
    before = _place(page)
    page.mouse.down()
    page.mouse.move(760, 640, steps=4)
    page.mouse.up()
    assert _place(page) != before
    page.click("[aria-label='Show the whole net']")
    assert _scale(page) <= 1


def test_touch_moves_and_zooms_the_graph(open_page: Open, report: str) -> None:
    page = open_page(report, PHONE, has_touch=True, is_mobile=True)
    page.tap("#tab-graph")
    before, scale = _place(page), _scale(page)
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        at = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (180, 400))
    touch("touchMove", (200, 440))
    touch("touchEnd")
    assert _place(page) != before
    touch("touchStart", (170, 400), (200, 400))
    touch("touchMove", (120, 400), (260, 400))
    touch("touchEnd")
    assert _scale(page) > scale


@pytest.mark.parametrize("count", [151, 601])
def test_large_nets_stay_usable(open_page: Open, tmp_path: Path, count: int) -> None:
    (tmp_path / "deep.prototxt").write_text(deep(count // 3), encoding="utf-8")
    page = open_page(_checked(tmp_path / "deep.prototxt"))
    assert page.locator(".node").count() == count
    took = float(page.get_attribute(".stage", "data-milliseconds"))
    assert took < 1000 * SECONDS
    assert page.is_visible(".overview")
    page.fill(".find", "s45")
    page.press(".find", "Enter")
    box = _drawn(page).locator(".node.chosen").bounding_box()
    stage = page.locator(".stage").bounding_box()
    assert stage["y"] <= box["y"] <= stage["y"] + stage["height"]


def test_the_overview_leads_to_the_end_of_the_net(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "deep.prototxt").write_text(deep(50), encoding="utf-8")
    page = open_page(_checked(tmp_path / "deep.prototxt"))
    last = page.locator('.node:has-text("s49")')
    assert last.bounding_box()["y"] > DESKTOP["height"]
    box = page.locator(".overview").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 10)
    _drawn(page)
    assert last.bounding_box()["y"] < DESKTOP["height"]


# The other views


def test_tabs_are_turned_by_keys(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.focus("#tab-graph")
    seen = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate("document.activeElement.textContent"))
        assert page.get_attribute(f"#tab-{seen[-1].lower()}", "aria-selected") == "true"
    assert seen == ["Layers", "Source", "Charts", "Graph"]


def test_the_table_has_what_the_graph_has(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.select_option("select.nets", label=_option(page, "net.prototxt", "TRAIN"))
    page.click("#tab-layers")
    row = page.locator(".table-view tbody tr", has_text="conv2")
    cells = row.locator("td").all_inner_texts()
    assert cells[:3] == ["Convolution 3×3, 8 outputs", "4 × 8 × 4 × 4", "440"]
    row.get_by_role("button").click()
    assert page.inner_text(".panel h2") == "conv2"
    assert "chosen" in (row.get_attribute("class") or "")


def test_curves_are_drawn_and_told(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.select_option("select.nets", label=_option(page, "net.prototxt", "TRAIN"))
    page.click("#tab-charts")
    page.wait_for_selector(".plot .curve")
    label = page.locator(".plot").first.get_attribute("aria-label")
    assert label == "learning rate: learning rate from 0.01 to 1e-4"
    page.locator(".plot").first.hover()
    assert page.inner_text(".tip:visible b").startswith("iteration 1")
    page.click(".values summary")
    assert page.locator(".values tbody tr").count() == 12


def test_a_log_opens_with_its_curves(open_page: Open, log_report: str) -> None:
    page = open_page(log_report)
    assert page.get_attribute("#tab-charts", "aria-selected") == "true"
    page.wait_for_selector(".plot .curve")
    assert page.locator(".plot .lost").count() == 1
    assert page.locator(".plot .mark").count() >= 1
    assert "the loss is nan" in page.inner_text(".run")


def test_licences_of_what_is_bundled_are_in_the_page(open_page: Open, report: str) -> None:
    page = open_page(report)
    page.click("footer >> text=Licences")
    text = page.inner_text("#licences")
    for name in ("@dagrejs/dagre", "@dagrejs/graphlib", "d3-zoom", "d3-scale", "d3-shape"):
        assert name in text
    assert text.count("Permission") >= 5


# How it is seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(open_page: Open, report: str, scheme: str) -> None:
    page = open_page(report, PHONE, color_scheme=scheme)
    assert page.get_attribute("#tab-findings", "aria-selected") == "true"
    for view in ("findings", "graph", "layers", "source", "charts"):
        page.click(f"#tab-{view}")
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], view
    page.click("#tab-findings")
    page.click('.found .card:has-text("dta")')
    assert page.get_attribute("#tab-graph", "aria-selected") == "true"
    assert page.is_visible(".panel")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_it_is_dark_where_the_reader_wants_it(open_page: Open, report: str) -> None:
    colours = [
        open_page(report, color_scheme=scheme).evaluate("getComputedStyle(document.body).color")
        for scheme in ("light", "dark")
    ]
    assert colours == ["rgb(28, 34, 40)", "rgb(229, 232, 235)"]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is in a checkout with npm packages only")
@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")]
)
def test_nothing_hinders_readers(
    open_page: Open, report: str, log_report: str, scheme: str, size: dict[str, int]
) -> None:
    for text in (report, log_report):
        page = open_page(text, size, color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(AXE.read_text("utf-8"))
        for tab in page.locator("[role=tab]:visible").all():
            tab.click()
            _check_with_axe(page, tab.inner_text())
        if text is report:
            page.locator("[role=tab]:visible").first.click()
            page.click(".found .card >> nth=0")
            page.click("summary:has-text('Why it matters')")
            _check_with_axe(page, "details")


def _check_with_axe(page: Any, where: str) -> None:
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    found = [
        f"{where}: {one['impact']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert found == []


def test_the_package_knows_where_its_page_is() -> None:
    assert html.PAGE.is_relative_to(Path(caffelint.__file__).parent)
