"""What differs between files on disk and the echo of a log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from caffelint.log.drift import net_drift, solver_drift
from caffelint.log.origin import origin
from caffelint.log.reader import read
from caffelint.log.rebuilt import fetch, log_source, rebuild
from caffelint.reading import read_text

from .caffe_log import NET_ECHO, SOLVER_ECHO, glog, run, text

SOLVER = """\
net: "net.prototxt"
test_iter: 2
test_interval: 100
base_lr: 0.01
display: 100
max_iter: 300
lr_policy: "fixed"
momentum: 0.9
weight_decay: 0.0005
solver_mode: CPU
"""

NET = """\
name: "Tiny"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } axis: 1 }
}
layer {
  name: "acc" type: "Accuracy" bottom: "ip" bottom: "data" top: "acc" include { phase: TEST }
}
"""


def _drift(disk: str, log: list[str] | None = None) -> list[tuple[str, ...]]:
    (one,) = read(io.BytesIO(text(log or run())), "train.log").runs
    echoed = rebuild(one, "train.log")
    file = read_text(Path("disk.prototxt"), disk.encode())
    assert file.message is not None
    if file.kind == "solver":
        assert echoed.solver is not None
        assert echoed.solver.message is not None
        problems = solver_drift(file.message, echoed.solver.message)
    else:
        assert echoed.train is not None
        assert echoed.train.message is not None
        problems = net_drift(file.message, echoed.train.message, "TRAIN", None)
    return [
        (
            *(str(one.values[name]) for name in ("where", "disk", "log")),
            file.source.text[slice(*one.span)].split("\n")[0],
        )
        for one in problems
    ]


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        pytest.param("", "", [], id="the same"),
        pytest.param("base_lr: 0.01", "base_lr: 1e-2", [], id="the same number"),
        pytest.param("net: ", "type: 'SGD' net: ", [], id="a default that is written"),
        pytest.param(
            "base_lr: 0.01",
            "base_lr: 0.001",
            [("the solver, base_lr", "0.001", "0.01", "0.001")],
            id="another rate",
        ),
        pytest.param(
            "momentum: 0.9\n",
            "",
            [("the solver, momentum", "0", "0.9", '"net.prototxt"')],
            id="a field that is gone",
        ),
        pytest.param(
            "test_iter: 2",
            "test_iter: 3 test_iter: 4",
            [("the solver, test_iter", "3, 4", "2", "3")],
            id="a list",
        ),
        pytest.param(
            "net: ",
            "debug_info: true net: ",
            [("the solver, debug_info", "true", "false", "true")],
            id="a switch",
        ),
        pytest.param(
            "base_lr: 0.01",
            "base_lr: 1e39",
            [("the solver, base_lr", "1e+39", "0.01", "1e39")],
            id="more than single precision holds",
        ),
        pytest.param(
            "test_iter: 2",
            "",
            [("the solver, test_iter", "nothing", "2", '"net.prototxt"')],
            id="an empty list",
        ),
        pytest.param("net: ", 'eval_type: "detection" net: ', [], id="a field of a fork"),
    ],
)
def test_a_solver(old: str, new: str, want: list[tuple[str, ...]]) -> None:
    assert _drift(SOLVER.replace(old, new)) == want


@pytest.mark.parametrize(("written", "held"), [("1e39", "inf"), ("0.1", "0.100000001")])
def test_numbers_are_compared_as_caffe_holds_them(written: str, held: str) -> None:
    log = [line.replace("base_lr: 0.01", f"base_lr: {held}") for line in run()]
    assert log != run()
    assert _drift(SOLVER.replace("0.01", written), log) == []


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        pytest.param("", "", [], id="the same but for the other phase"),
        pytest.param(
            '"xavier"',
            '"msra"',
            [
                (
                    'layer "ip", inner_product_param.weight_filler.type',
                    "msra",
                    "xavier",
                    '"msra"',
                )
            ],
            id="another filler",
        ),
        pytest.param(
            'weight_filler { type: "xavier" }',
            "",
            [
                (
                    'layer "ip", inner_product_param.weight_filler.type',
                    "constant",
                    "xavier",
                    "inner_product_param",
                )
            ],
            id="a block that is gone",
        ),
        pytest.param(
            'name: "ip" ',
            'name: "fc" ',
            [
                ('layer "fc"', "present", "absent", '"fc"'),
                ('layer "ip"', "absent", "present", '"acc"'),
            ],
            id="a renamed layer",
        ),
        pytest.param(
            "inner_product_param {",
            "param { lr_mult: 1 } inner_product_param {",
            [('layer "ip", param', "once", "0 times", "param")],
            id="another number of blocks",
        ),
        pytest.param(
            "shape { dim: 2 dim: 3 }",
            "shape { dim: 4 dim: 3 }",
            [('layer "data", input_param.shape.dim', "4, 3", "2, 3", "4")],
            id="a block in a list",
        ),
        pytest.param(
            'top: "acc" include { phase: TEST }',
            'top: "acc"',
            [('layer "acc"', "present", "absent", '"acc"')],
            id="a layer of both phases",
        ),
    ],
)
def test_a_net(old: str, new: str, want: list[tuple[str, ...]]) -> None:
    assert _drift(NET.replace(old, new)) == want


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        pytest.param(run(), ("scratch", "line "), id="caffe train without weights"),
        pytest.param(
            [*run()[:-12], glog("Finetuning from a.caffemodel"), *run()[-12:]],
            ("finetune", "a.caffemodel"),
            id="weights",
        ),
        pytest.param(
            [glog("Resuming from a_iter_5.solverstate"), *run()[-12:]],
            ("resume", "a_iter_5.solverstate"),
            id="a snapshot",
        ),
        pytest.param(
            [line for line in run() if "Starting" not in line], None, id="a trainer in Python"
        ),
        pytest.param(run()[-12:], None, id="the end of a log"),
        pytest.param(
            [glog("Copying source layer ip") if "Setting up" in line else line for line in run()],
            None,
            id="weights that somebody loaded without a word",
        ),
    ],
)
def test_where_a_run_began(lines: list[str], want: tuple[str, str] | None) -> None:
    (one,) = read(io.BytesIO(text(lines)), "train.log").runs
    found = origin(one)
    assert (found is None) == (want is None)
    if found is not None and want is not None:
        assert found.kind == want[0]
        assert want[1] in found.reason


def test_echoes_are_what_is_rebuilt() -> None:
    lines = run()
    (one,) = read(io.BytesIO(text(lines)), "train.log").runs
    echoed = rebuild(one, "train.log")
    assert echoed.solver is not None
    assert echoed.train is not None
    assert echoed.solver.source.text == SOLVER_ECHO + "\n"
    source = echoed.train.source
    place = source.locate(NET_ECHO.index("num_output"))
    assert lines[place.line - 1] == "    num_output: 2"
    assert source.line(place.line) == "    num_output: 2"


def test_of_the_echoes_of_one_net_the_first_counts() -> None:
    """Every GPU echoes its net; what glog has cut, or what is no net, is no file."""

    def echo(name: str, number: int) -> list[str]:
        before = f"Creating test net (#{number}) specified by net file: n"
        text = NET_ECHO.replace("Tiny", name)
        return [glog(before), glog("Initializing net from parameters: "), *text.split("\n")]

    cut = echo("cut", 1)[:-3]
    lines = [*run()[:-12], *echo("first", 0), *echo("second", 0), *cut, *run()[-12:]]
    (one,) = read(io.BytesIO(text(lines)), "train.log").runs
    echoed = rebuild(one, "train.log")
    assert {at: file.message.get("name") for at, file in echoed.tests.items() if file.message} == {
        0: "first"
    }
    assert echoed.cut
    assert len(echoed.files) == 3


def test_lines_of_a_log_are_fetched_over_chunks() -> None:
    rows = [f"line {number} " + "x" * 4000 for number in range(1, 801)]  # over 3 MB
    found = fetch(io.BytesIO(text(rows)), [1, 300, 800, 801, 5, 0])
    assert {number: line.split()[1] for number, line in found.items()} == {
        1: "1", 5: "5", 300: "300", 800: "800",
    }  # fmt: skip
    source = log_source("train.log", found, [1, 801])
    assert source.line(801) == ""
    assert source.line_count == 801
    nothing = log_source("train.log", {}, [])
    assert tuple(nothing.locate(0)) == (1, 1)
    assert (nothing.line(1), nothing.line_count) == ("", 1)
