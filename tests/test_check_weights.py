"""Weights on the command line and in solvers, from files to findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Report
from caffelint.model.weights import WeightsError
from caffelint.resources import load_rules, load_schema

NET = """\
layer {
  name: "data" type: "MemoryData" top: "data" top: "label"
  memory_data_param { batch_size: 8 channels: 3 height: 1 width: 1 }
}
layer {
  name: "hidden" type: "InnerProduct" bottom: "data" top: "hidden"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 4 }
}
layer { name: "relu" type: "ReLU" bottom: "hidden" top: "hidden" }
layer {
  name: "ip" type: "InnerProduct" bottom: "hidden" top: "ip"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt" base_lr: 0.001 lr_policy: "fixed" max_iter: 1000 display: 100 momentum: 0.9
weight_decay: 0.0005 snapshot_prefix: "run" test_iter: 1 test_interval: 100
"""


def write(folder: Path, name: str = "w.caffemodel", **layers: list[tuple[int, ...]]) -> None:
    net: Any = load_schema().net.new_message()
    for layer, shapes in layers.items():
        stored = net.layer.add(name=layer)
        for shape in shapes:
            blob = stored.blobs.add()
            blob.shape.dim.extend(shape)
            number = 1
            for size in shape:
                number *= size
            blob.data.extend([0.5] * number)
    (folder / name).write_bytes(net.SerializeToString())


def check(folder: Path, solver: str, **settings: Any) -> Report:
    (folder / "net.prototxt").write_text(NET, encoding="utf-8")
    (folder / "solver.prototxt").write_text(SOLVER + solver, encoding="utf-8")
    config = Config(root=str(folder), **settings)
    return Checker(load_rules(), config).check([folder / "solver.prototxt"])


HIDDEN = [(4, 3), (4,)]
IP = [(2, 4), (2,)]


def rules(report: Report) -> list[str]:
    return [one.rule for one in report.diagnostics]


def test_without_weights_the_filler_is_missing(tmp_path: Path) -> None:
    assert rules(check(tmp_path, "", context="scratch")) == ["CL201"]


@pytest.mark.parametrize(
    ("hidden", "ip", "want"),
    [
        pytest.param(HIDDEN, IP, [], id="all-filled"),
        pytest.param(HIDDEN, None, ["CL416", "CL613"], id="new-head"),
        pytest.param(None, IP, ["CL201", "CL613"], id="no-filler-for-what-is-not-filled"),
        pytest.param(HIDDEN, [(9, 4), (9,)], ["CL606"], id="other-classes-under-the-same-name"),
        pytest.param(None, None, ["CL201", "CL610"], id="nothing-matches"),
    ],
)
@pytest.mark.parametrize("by_option", [False, True])
def test_weights_of_a_solver(
    tmp_path: Path, hidden: Any, ip: Any, want: list[str], by_option: bool
) -> None:
    layers = {"hidden": hidden, "ip": ip, "other": [(1,)]}
    write(tmp_path, **{name: shapes for name, shapes in layers.items() if shapes})
    option = {"weights": [str(tmp_path / "w.caffemodel")]} if by_option else {}
    report = check(tmp_path, "" if by_option else 'weights: "w.caffemodel"', **option)
    assert sorted(set(rules(report)) - {"CL614"}) == want


def test_what_is_found_in_both_phases_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, hidden=HIDDEN, ip=[(9, 4), (9,)])
    (found,) = check(tmp_path, 'weights: "w.caffemodel"').diagnostics
    assert found.message.startswith('the weight of "ip" is 2×4, but 9×4 in w.caffemodel')
    assert "num_output: 9" in found.hint


def test_weights_on_the_command_line_come_before_the_solver(tmp_path: Path) -> None:
    write(tmp_path, hidden=HIDDEN, ip=IP)
    report = check(
        tmp_path, 'weights: "nowhere.caffemodel"', weights=[str(tmp_path / "w.caffemodel")]
    )
    assert rules(report) == []


def test_from_scratch_the_weights_do_not_count(tmp_path: Path) -> None:
    assert rules(check(tmp_path, 'weights: "no.caffemodel"', context="scratch")) == ["CL201"]


def test_a_missing_file_on_the_command_line_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"no\.caffemodel: not a readable weights file \(No such"
    ):
        check(tmp_path, "", weights=[str(tmp_path / "no.caffemodel")])


def test_show_of_a_file_that_is_no_weights_file(tmp_path: Path) -> None:
    from caffelint.cli import cli

    (tmp_path / "x.caffemodel").write_text("<html>", encoding="utf-8")
    result = CliRunner().invoke(cli, ["show", str(tmp_path / "x.caffemodel")])
    assert isinstance(result.exception, WeightsError)
    assert "it is a web page" in str(result.exception)


def test_deploy_net_with_a_layer_that_the_file_lacks(tmp_path: Path) -> None:
    write(tmp_path, hidden=HIDDEN, fc8=IP)
    source = (
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }'
    )
    start = NET.index('layer {\n  name: "hidden"')
    end = NET.index('layer { name: "loss"')
    (tmp_path / "deploy.prototxt").write_text(f"{source}\n{NET[start:end]}", encoding="utf-8")
    config = Config(weights=[str(tmp_path / "w.caffemodel")])
    report = Checker(load_rules(), config).check([tmp_path / "deploy.prototxt"])
    (found,) = report.diagnostics
    assert (found.rule, found.layer) == ("CL612", "ip")
    assert found.hint == 'name it "fc8", as in the file, where the shapes are the same'
