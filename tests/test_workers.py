"""Many files in several processes: the same report, and a clean end whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from caffelint import check as checking
from caffelint.check import Checker
from caffelint.config import Configs
from caffelint.reading import CheckError
from caffelint.report import render
from caffelint.resources import load_rules
from caffelint.workers import WorkerError, start_workers

from .test_check import NET, SOLVER, write

DEPLOY = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 8 } } }
layer {
  name: "hidden" type: "InnerProduct" bottom: "data" top: "hidden"
  inner_product_param { num_output: 51 }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "hidden" top: "ip"
  inner_product_param { num_output: 10 }
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Projects, each with a solver before or behind its net by name, a deploy net that does not
    fit, comments, and files that are none of Caffe's.
    """
    for number in range(6):
        solver = "my.prototxt" if number % 2 else "solver.prototxt"
        files = {
            solver: SOLVER.replace('"nets/', '"../p0/nets/' if number == 4 else '"nets/'),
            "nets/train.prototxt": f"# caffelint: ignore-file[CL2]\n{NET}" if number == 3 else NET,
            "nets/deploy.prototxt": DEPLOY,
            "nets/other.prototxt": NET,
            "nets/labels.prototxt": "item { name: 'none' }",
            "notes.prototxt": "to be done",
        }
        if number == 5:
            files[".caffelint.yaml"] = "ignore: [CL1, CL5]\n"
        write(tmp_path / f"p{number}", files)
    return tmp_path


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are started for a few bytes already."""
    monkeypatch.setattr(checking, "_BYTES_FOR_ONE", 100)


def checked(tree: Path, jobs: int) -> tuple[object, ...]:
    """All that a run tells."""
    checker = Checker(load_rules(), Configs({"data": False}))
    report = checker.check([tree], jobs)
    told = [render(style, report, expand=True) for style in ("json", "sarif")]
    return (*told, report.files, checker.skipped, checker.missing, checker.rules.switched_on())


@pytest.mark.usefixtures("eager")
def test_the_report_is_the_same(tree: Path) -> None:
    alone = checked(tree, 1)
    for part in ("deploy-shape-differs", "inSource", "p0/nets/other.prototxt"):
        assert part in f"{alone[0]}{alone[1]}"
    assert "p4/../p0" not in f"{alone[0]}{alone[1]}"  # a file has the name it was found by
    assert checked(tree, 3) == alone


def test_a_few_files_start_no_processes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caffelint.workers.start_workers", None)
    checked(tree, 8)


def test_it_makes_no_difference_that_a_solver_comes_behind_its_net(tree: Path) -> None:
    def findings(project: str) -> list[tuple[object, ...]]:
        report = Checker(load_rules(), Configs({"data": False})).check([tree / project])
        return [
            (one.rule, Path(one.place.source.name).parent.name, one.place.span, one.phases)
            for one in report.diagnostics
        ]

    (tree / "p1" / "my.prototxt").rename(tree / "p1" / "zzz.prototxt")
    assert findings("p1") == findings("p0") != []


@pytest.mark.usefixtures("eager")
def test_an_error_in_a_process_is_that_of_the_run(tree: Path) -> None:
    checker = Checker(load_rules(), Configs({"data": False}))
    with pytest.raises(CheckError, match=r"absent\.prototxt: not found"):
        checker.check([tree, tree / "absent.prototxt"], 2)
    assert not active_children()


def _die(_worker: object, item: int) -> int:
    if item == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_process_that_is_killed_is_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with start_workers(2, None, dict) as each:
            list(each(_die, range(40)))

    with pytest.raises(WorkerError, match="a worker process was ended"):
        work()
    assert not active_children()
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_an_interrupt_ends_all_processes_at_once(tree: Path) -> None:
    net = "\n".join(
        NET.replace('"ip"', f'"ip{n}"').replace('"hidden"', f'"h{n}"') for n in range(99)
    )
    for number in range(200):
        (tree / f"big{number}.prototxt").write_text(net)
    run = subprocess.Popen(
        [sys.executable, "-m", "caffelint", "check", "--no-data", "--jobs", "2", str(tree)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    time.sleep(1.0)
    assert run.poll() is None
    os.killpg(run.pid, signal.SIGINT)
    start = time.monotonic()
    _, told = run.communicate(timeout=30)
    assert run.returncode == 130
    assert b"Traceback" not in told
    assert time.monotonic() - start < 10
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)


_IN_A_RESULT = """
import sys, time
from pathlib import Path
from caffelint.workers import start_workers

begun = Path(sys.argv[1])

def work(worker, item):
    if item < 7:
        return b""
    begun.touch()  # the results of eight items are sent together
    return bytes(1 << 28)

try:
    with start_workers(2, None, object) as each:
        results = iter(each(work, list(range(16))))
        while not begun.exists():
            time.sleep(0.01)
        time.sleep(0.3)
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("ended")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork, for the work is in a script")
def test_an_interrupt_in_the_middle_of_a_result(tmp_path: Path) -> None:
    """What is left of the result in the pipe is not waited for."""
    command = [sys.executable, "-c", _IN_A_RESULT, str(tmp_path / "begun")]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"ended\n", b"")


_HALF_A_RESULT = """
import os, signal, struct
from multiprocessing.connection import Connection
from caffelint.workers import WorkerError, start_workers

def send_half(connection, _result):
    os.write(connection.fileno(), struct.pack("!i", 1000) + b"half")
    os.kill(os.getpid(), signal.SIGKILL)

def work(worker, item):
    if item == 20:
        Connection._send_bytes = send_half
    return item

try:
    with start_workers(2, None, object) as each:
        list(each(work, list(range(80))))
except WorkerError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork, for the work is in a script")
def test_a_process_that_is_killed_in_the_middle_of_a_result() -> None:
    """The rest of the result is not waited for, though another process could still write it."""
    command = [sys.executable, "-c", _HALF_A_RESULT]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.stdout.startswith(b"a worker process was ended")
    assert done.stderr == b""
