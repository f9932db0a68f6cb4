"""What other tools say of nets and solvers with one mistake each, beside caffelint.

usage: python scripts/compare_tools.py [--netscope DIRECTORY] [--netron PYTHON]

Takes the healthy net of samples/lenet and makes the mistakes of ``MISTAKES`` in it, one by one.
Each file goes through ``protoc --encode`` (of ``grpcio-tools``) and ``text_format.Parse`` with
Caffe's own schema, and through caffelint; with the options also through Netscope, of which
DIRECTORY is a checkout, and Netron, which that PYTHON has to have: both open the file in
``chromium``, and what the page says is taken. Printed are the rows for docs/comparison.md, then the
words of each tool. The column on Caffe is not made here.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import http.server
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from google.protobuf import text_format

from caffelint.resources import load_schema, proto_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent
_MORE_MS = 1000
"""What a page says after what was waited for, it says within so many milliseconds."""

_SOFTMAX = '  name: "p"\n  type: "Softmax"\n  bottom: "score"\n  top: "p"\n}\n'
_STORED = """\
  name: "bn"
  type: "BatchNorm"
  bottom: "conv1"
  top: "conv1"
  batch_norm_param { use_global_stats: true }
}
"""


class Mistake(NamedTuple):
    """Changes of the healthy files: each ``old`` becomes ``new``, wherever it stands."""

    name: str
    changes: tuple[tuple[str, str], ...] = ()


MISTAKES = (
    Mistake("nothing is wrong"),
    Mistake("a misspelt field", (("num_output: 256", "num_ouput: 256"),)),
    Mistake("a text without its closing quote", (('name: "pool1"', 'name: "pool1'),)),
    Mistake("an enum value in small letters", (("pool: MAX", "pool: max"),)),
    Mistake("a bottom that nobody makes", (('bottom: "pool2"', 'bottom: "pool_2"'),)),
    Mistake("a misspelt layer type", (('"SoftmaxWithLoss"', '"SoftmaxWithLos"'),)),
    Mistake(
        "a window larger than its input", (("24\n    kernel_size: 5", "24\n    kernel_size: 50"),)
    ),
    Mistake("scores and labels of other sizes", (('"SoftmaxWithLoss"', '"EuclideanLoss"'),)),
    Mistake("no `lr_policy`", (('lr_policy: "inv"\n', ""),)),
    Mistake("`step` without `gamma`", (('"inv"\ngamma: 0.0002', '"step"\nstepsize: 500'),)),
    Mistake("no `weight_filler`", (('    weight_filler { type: "xavier" }\n', ""),)),
    Mistake("every `lr_mult` is 0", (("lr_mult: 1", "lr_mult: 0"), ("lr_mult: 2", "lr_mult: 0"))),
    Mistake(
        "softmax before the softmax of the loss",
        (
            (
                '  name: "loss"\n  type: "SoftmaxWithLoss"\n  bottom: "score"',
                _SOFTMAX + 'layer {\n  name: "loss"\n  type: "SoftmaxWithLoss"\n  bottom: "p"',
            ),
        ),
    ),
    Mistake(
        "stored statistics in training from scratch",
        (
            (
                '  name: "pool1"',
                _STORED + 'layer {\n  name: "pool1"',
            ),
        ),
    ),
    Mistake(
        "raw pixels and a high rate",
        (("scale: 0.00390625", ""), ("base_lr: 0.01", "base_lr: 0.5")),
    ),
)
"""What is common, from mistakes in writing to such as only the loss tells of."""


class Verdict(NamedTuple):
    """What a tool says: a mark for the table, and its words."""

    mark: str
    words: str = ""


_NOT_FOUND = Verdict("no")


def make(mistake: Mistake, folder: Path) -> Path:
    """Write net and solver with a mistake; the file that has it."""
    lenet = ROOT / "samples" / "lenet"
    net = (lenet / "train_test.prototxt").read_text(encoding="utf-8")
    # A size that Netscope can know without the data.
    net = net.replace("transform_param { ", "transform_param { crop_size: 28 ")
    solver = (lenet / "solver.prototxt").read_text(encoding="utf-8")
    solver = solver.replace("train_test.prototxt", "net.prototxt").replace("snapshots/", "")
    in_net = not mistake.changes
    for old, new in mistake.changes:
        assert (old in net) is not (old in solver), old
        in_net |= old in net
        net, solver = net.replace(old, new), solver.replace(old, new)
    (folder / "net.prototxt").write_text(net, encoding="utf-8")
    (folder / "solver.prototxt").write_text(solver, encoding="utf-8")
    return folder / ("net.prototxt" if in_net else "solver.prototxt")


def caffelint(path: Path) -> Verdict:
    """The errors and warnings of caffelint on the solver with its net, by rule."""
    command = [sys.executable, "-m", "caffelint", "check", "--format", "concise", "solver.prototxt"]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    found = re.findall(r"^\S+: (?:error|warning): .* \[(CL\d+)\]$", done.stdout, re.MULTILINE)
    pages = (next((ROOT / "docs" / "rules").glob(f"{rule}-*.md")) for rule in dict.fromkeys(found))
    rules = ", ".join(f"[{page.name[:5]}](rules/{page.name})" for page in pages)
    words = done.stdout.strip()
    return Verdict(rules, words) if found else Verdict("no", words)


def protoc(path: Path) -> Verdict:
    """What ``protoc --encode`` says."""
    type_ = "SolverParameter" if path.name == "solver.prototxt" else "NetParameter"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_folder()}"]
    command += [f"--encode=caffe.{type_}", "caffe.proto"]
    with path.open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, check=False)
    words = done.stderr.decode().strip()
    return Verdict("yes", words) if done.returncode else _NOT_FOUND


def python_parser(path: Path) -> Verdict:
    """What protobuf's parser for Python says."""
    schema = load_schema()
    type_ = schema.solver if path.name == "solver.prototxt" else schema.net
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), type_.new_message())
    except text_format.ParseError as error:
        return Verdict("yes", str(error))
    return _NOT_FOUND


def page(address: str, done: str) -> Page:
    """A page in the browser, once there is something that a selector finds."""
    context = browser().new_context()
    # Netron asks for leave to count its users first; this says that it was asked for.
    context.add_cookies([{"name": "consent", "value": "1", "url": address}])
    shown = context.new_page()
    shown.goto(address)
    shown.wait_for_selector(done)
    return shown


@functools.cache
def browser() -> Browser:
    """The browser that all pages are opened in; it ends with the script."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    atexit.register(playwright.stop)
    atexit.register(chromium.close)
    return chromium


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A directory as a site; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("localhost", 0), functools.partial(Quiet, directory=folder)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()


def netscope(checkout: Path) -> Callable[[Path], Verdict]:
    """What Netscope says of a net; it takes no solvers."""

    def ask(path: Path) -> Verdict:
        if path.name == "solver.prototxt":
            return Verdict("takes no solvers")
        with tempfile.TemporaryDirectory() as name:
            site = Path(name) / "site"
            shutil.copytree(checkout, site, ignore=shutil.ignore_patterns(".git"))
            shutil.copy(path, site / "presets" / "it.prototxt")
            with serving(site) as address:
                done = "#net-error:visible, #net-warning:visible, g.node"
                shown = page(f"{address}/index.html#/preset/it", done)
                shown.wait_for_timeout(_MORE_MS)
        for kind, mark in (("error", "yes"), ("warning", "a warning")):
            if (box := shown.locator(f"#net-{kind}")).is_visible():
                return Verdict(mark, box.locator(".msg").inner_text())
        return _NOT_FOUND

    return ask


def netron(python: str, path: Path) -> Verdict:
    """What Netron says of a net, or of the net that a solver names."""
    program = (
        "import netron, sys; a = netron.start(sys.argv[1], browse=False); print(a[1], flush=True)"
    )
    process = subprocess.Popen(
        [python, "-c", f"{program}; netron.wait()", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = next(int(line) for line in process.stdout if line.strip().isdigit())
    shown = page(f"http://localhost:{port}/", ".node-item, body.alert, body.notification")
    shown.wait_for_timeout(_MORE_MS)
    drawn, told = shown.locator(".node-item").count(), shown.locator("#message-text").inner_text()
    process.terminate()
    return _NOT_FOUND if drawn else Verdict("yes", told)


def main() -> None:
    """Print the rows, then what was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--netscope", type=Path)
    parser.add_argument("--netron", metavar="PYTHON")
    given = parser.parse_args()
    tools: dict[str, Callable[[Path], Verdict]] = {"protoc": protoc, "text_format": python_parser}
    if given.netscope is not None:
        tools["Netscope"] = netscope(given.netscope)
    if given.netron is not None:
        tools["Netron"] = functools.partial(netron, given.netron)
    tools["caffelint"] = caffelint
    print(f"| mistake | {' | '.join(tools)} |\n|{' --- |' * (len(tools) + 1)}")
    words = []
    for mistake in MISTAKES:
        with tempfile.TemporaryDirectory() as name:
            path = make(mistake, Path(name))
            said = {tool: ask(path) for tool, ask in tools.items()}
        print(f"| {mistake.name} | {' | '.join(one.mark for one in said.values())} |", flush=True)
        words += [f"{mistake.name}, {tool}: {one.words}" for tool, one in said.items() if one.words]
    print("\n" + "\n".join(words))


if __name__ == "__main__":
    main()
