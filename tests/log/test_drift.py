"""What differs between files on disk and the echo of a log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from caffelint.log.drift import net_drift, solver_drift
from caffelint.log.origin import origin
from caffelint.log.reader import read
from caffelint.log.rebuilt import rebuild
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


def _drift(disk: str) -> list[tuple[str, ...]]:
    (one,) = read(io.BytesIO(text(run())), "train.log").runs
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
    ],
)
def test_a_solver(old: str, new: str, want: list[tuple[str, ...]]) -> None:
    assert _drift(SOLVER.replace(old, new)) == want


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
