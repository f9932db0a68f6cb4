"""--watch as a process: it checks again when something changes that the report was made from."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .running import BROKEN, COMMAND, SOLVER, SOUND, run, write

WAITING = "-- waiting for changes; Ctrl-C ends\n"
SECONDS = 60

OWN_RULE = """\
id: MY001
name: own
summary: A net has a name
on: net
when: net.name == "{name}"
severity: warning
confidence: high
message: "the net is called {name}"
why: For tests.
examples: []
"""


class Watch:
    """A running ``caffelint --watch`` and what it prints."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "check", "--watch", *arguments], cwd=cwd, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def report(self) -> str:
        """What is printed until it waits for changes."""
        text = ""
        while True:
            line = self._lines.get(timeout=SECONDS)
            if line == WAITING:
                return text
            text += line

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing is printed for some time."""
        time.sleep(seconds)
        return self._lines.empty()

    def end(self) -> int:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=SECONDS)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(*arguments: str) -> Watch:
        started.append(Watch(*arguments, cwd=tmp_path))
        return started[-1]

    yield start
    for one in started:
        if sys.platform != "win32" and one.process.poll() is None:
            assert one.end() == 130
        one.process.kill()
        one.process.wait()


def replaced(path: Path, text: str) -> None:
    """Write a file as editors do: a new one takes its place."""
    new = path.with_name(".new")
    new.write_text(text)
    new.replace(path)


def test_a_net_that_changes_is_checked_again(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    write(tmp_path, {"net.prototxt": SOUND})
    watching = watch("net.prototxt")
    assert watching.report() == "no findings in 1 file\n"
    (tmp_path / "net.prototxt").write_text(BROKEN)
    report = watching.report()
    assert report.startswith("-- changed: net.prototxt\nnet.prototxt:3:43: error: ")
    replaced(tmp_path / "net.prototxt", SOUND)
    assert watching.report() == "-- changed: net.prototxt\nno findings in 1 file\n"
    if sys.platform != "win32":
        assert watching.end() == 130


LISTED = """\
layer { name: "data" type: "ImageData" top: "data" top: "label"
        image_data_param { source: "list.txt" batch_size: 1 } }
"""


@pytest.mark.parametrize(
    ("files", "checked", "change", "told"),
    [
        pytest.param(
            {"net.prototxt": SOUND, "solver.prototxt": SOLVER.format(net="net.prototxt")},
            "solver.prototxt", {"net.prototxt": BROKEN}, "CL101", id="net-of-a-solver",
        ),
        pytest.param(
            {"solver.prototxt": SOLVER.format(net="net.prototxt")},
            "solver.prototxt", {"net.prototxt": BROKEN}, "CL101", id="net-that-was-missing",
        ),
        pytest.param(
            {"net.prototxt": LISTED, "list.txt": "one.jpg 0\n"},
            "net.prototxt", {"list.txt": ""}, "CL822", id="list-of-images",
        ),
        pytest.param(
            {"net.prototxt": BROKEN}, "net.prototxt", {".caffelint.yaml": "ignore: [CL1]\n"},
            "no findings", id="new-config",
        ),
        pytest.param(
            {"net.prototxt": SOUND, ".caffelint.yaml": "extend-rules: [rule.yaml]\n",
             "rule.yaml": OWN_RULE.format(name="other")},
            "net.prototxt", {"rule.yaml": OWN_RULE.format(name="sound")}, "MY001", id="own-rule",
        ),
        pytest.param(
            {"solver.prototxt": SOLVER.format(net="net.prototxt"), "net.prototxt": SOUND,
             "train.sh": "caffe train --solver solver.prototxt\n"},
            "solver.prototxt",
            {"train.sh": "caffe train --solver solver.prototxt --weights a.caffemodel "
                         "--snapshot b_iter_1.solverstate\n"},
            "CL554", id="script",
        ),
        pytest.param(
            {"nets/net.prototxt": SOUND}, "nets", {"nets/sub/new.prototxt": BROKEN}, "CL101",
            id="new-file-in-a-directory",
        ),
    ],
)  # fmt: skip
def test_what_the_report_was_made_from_is_watched(
    tmp_path: Path,
    watch: Callable[..., Watch],
    files: dict[str, str],
    checked: str,
    change: dict[str, str],
    told: str,
) -> None:
    write(tmp_path, files)
    watching = watch(checked)
    assert told not in watching.report()
    write(tmp_path, change)
    assert told in watching.report()


def test_a_mistake_on_the_way_does_not_end_it(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    write(tmp_path, {"net.prototxt": SOUND})
    watching = watch("net.prototxt")
    watching.report()
    (tmp_path / "net.prototxt").unlink()
    assert "caffelint: net.prototxt: not found\n" in watching.report()
    (tmp_path / "net.prototxt").write_text(SOUND)
    assert "no findings in 1 file\n" in watching.report()
    (tmp_path / ".caffelint.yaml").write_text("ignore: [CL1")
    assert ".caffelint.yaml" in watching.report()
    (tmp_path / ".caffelint.yaml").write_text("ignore: [CL1]")
    assert "no findings in 1 file\n" in watching.report()
    (tmp_path / ".caffelint.yaml").write_text("select: [CL999]")
    assert "there is no rule" in watching.report()
    (tmp_path / ".caffelint.yaml").unlink()
    assert "no findings in 1 file\n" in watching.report()


def test_a_directory_may_go_and_come_back(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    """As it does while another branch is checked out."""
    write(tmp_path, {"nets/net.prototxt": SOUND})
    watching = watch("nets")
    watching.report()
    (tmp_path / "nets").rename(tmp_path / "away")
    assert "caffelint: nets: not found\n" in watching.report()
    (tmp_path / "away").rename(tmp_path / "nets")
    assert "no findings in 1 file\n" in watching.report()


def test_nothing_is_checked_for_other_files_or_its_own_report(
    tmp_path: Path, watch: Callable[..., Watch]
) -> None:
    write(tmp_path, {"net.prototxt": SOUND, "solver.prototxt": SOLVER.format(net="net.prototxt")})
    watching = watch(
        ".", "--format", "markdown", "--output", "report.md", "--report", "json=a.json"
    )
    watching.report()
    assert (tmp_path / "report.md").exists()
    (tmp_path / "notes.txt").write_text("no script\n")
    assert watching.is_silent(2)
    (tmp_path / "net.prototxt").write_text(BROKEN)
    watching.report()
    assert "CL101" in (tmp_path / "report.md").read_text()
    assert watching.is_silent(2)


def test_several_changes_are_one(tmp_path: Path, watch: Callable[..., Watch]) -> None:
    write(tmp_path, {"a.prototxt": SOUND, "b.prototxt": SOUND})
    watching = watch(".")
    watching.report()
    for number in range(10):
        for name in ("a", "b"):
            (tmp_path / f"{name}.prototxt").write_text(f"# {number}\n{SOUND}")
        time.sleep(0.02)
    assert watching.report().startswith("-- changed: a.prototxt and 1 more\n")
    assert watching.is_silent(1.5)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["missing.prototxt"], "missing.prototxt: not found", id="no-file"),
        pytest.param(["net.prototxt", "--select", "CL999"], "there is no rule", id="no-rule"),
        pytest.param(["-"], "--watch goes with files", id="standard-input"),
        pytest.param(["net.prototxt", "--fix"], "without options that write", id="fix"),
    ],
)
def test_a_mistake_at_the_start_ends_it(tmp_path: Path, arguments: list[str], reason: str) -> None:
    write(tmp_path, {"net.prototxt": SOUND})
    done = run("check", "--watch", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert reason in done.stderr.decode()
    assert [one.name for one in tmp_path.iterdir()] == ["net.prototxt"]
