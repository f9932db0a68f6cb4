"""``caffelint show --signal``: the table, its bars, what stands below, and the JSON document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import caffelint
from caffelint.cli import cli
from caffelint.reading import CheckError, read_file
from caffelint.show.signal import short, text, view

NET = """
layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 crop_size: 10 } data_param { source: "d" batch_size: 16 } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 50 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 100'
BATCH_NORM = 'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn" %s }'


@pytest.fixture
def solver(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    path = tmp_path / "solver.prototxt"
    path.write_text(SOLVER)
    return path


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, ["show", "--signal", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_net(solver: Path) -> None:
    lines = run(str(solver.with_name("net.prototxt"))).splitlines()
    assert lines[2].split() == ["layer", "type", "mean", "rms", "growth", "1e-6", "1", "1e6"]
    rows = {line.split()[0]: line.split() for line in lines[3:8]}
    assert rows["ip1"][1:5] == ["InnerProduct", "0", "0.71", "1.4"]
    assert rows["relu"][1:5] == ["ReLU", "0.28", "0.5", "0.7"]
    assert rows["loss"] == ["loss", "SoftmaxWithLoss", "2.4"]
    assert any(line.endswith("equal scores give 2.3026") for line in lines)
    assert "assumed" in lines[-1]


def test_a_solver_shows_gradients_and_updates(solver: Path) -> None:
    output = run(str(solver))
    title = next(line for line in output.splitlines() if line.startswith("layer"))
    assert title.split()[-2:] == ["gradient", "update"]
    row = next(line for line in output.splitlines() if line.startswith("ip2"))
    ratio = {u.layer: u.ratio for u in caffelint.signal(solver).updates if u.role == "weight"}
    assert ratio["ip2"] is not None
    assert row.split()[-1] == short(ratio["ip2"])
    assert "first update: gradient of length" in output


def test_json(solver: Path) -> None:
    shown = json.loads(run("--format", "json", str(solver)))
    signal = caffelint.signal(solver)
    assert shown["first_loss"] == pytest.approx(signal.first_loss, rel=1e-5)
    assert shown["chance_loss"] == pytest.approx(2.302585, rel=1e-5)
    by_name = {layer["name"]: layer for layer in shown["layers"]}
    assert by_name["ip1"]["tops"][0]["rms"] == pytest.approx(0.711, rel=0.01)
    assert [u["role"] for u in by_name["ip2"]["updates"]] == ["weight", "bias"]
    assert shown["blocked"] == []


def test_bars_in_ascii(solver: Path) -> None:
    shown = view(read_file(solver))
    fine, plain = text(shown), text(shown, plain=True)
    assert not fine.isascii()
    assert plain.isascii()
    assert fine.count("\n") == plain.count("\n")


def test_empty_statistics_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    block = BATCH_NORM % "batch_norm_param { use_global_stats: true }"
    path.write_text(NET.replace('bottom: "data" top: "ip1"', 'bottom: "bn" top: "ip1"')
                    .replace('layer { name: "ip1"', block + '\nlayer { name: "ip1"'))  # fmt: skip
    assert '"bn" has no statistics yet: it multiplies by 316' in run(str(path))


def test_what_blocks_the_sight_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    python = 'layer { name: "p" type: "Python" bottom: "data" top: "p" }'
    path.write_text(NET.replace('bottom: "data" top: "ip1"', 'bottom: "p" top: "ip1"')
                    .replace('layer { name: "ip1"', python + '\nlayer { name: "ip1"'))  # fmt: skip
    output = run(str(path))
    assert 'not known from "p" on' in output
    assert "first loss: not known" in output


SOUND = """
layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param {
  shape { dim: 8 dim: 20 } shape { dim: 8 }
  data_filler { type: "gaussian" std: %s } data_filler { type: "constant" } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a"
  inner_product_param { num_output: 5 weight_filler { %s } } }
%s
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "y" top: "loss" }
"""


@pytest.mark.parametrize(
    ("deviation", "filler", "more", "words"),
    [
        pytest.param(
            "1e30", 'type: "gaussian" std: 1e20', "",
            ['beyond single precision from "a" on', "first loss: nan", " nan  inf "], id="overflow",
        ),
        pytest.param(
            "1", 'type: "constant"', "",
            ["a InnerProduct 0 0 0 ", "first loss: 1.61", "equal scores give 1.6094"], id="zeros",
        ),
        pytest.param(
            "1", 'type: "xavier"',
            'layer { name: "b" type: "Bias" bottom: "a" top: "a" bias_param {'
            ' filler { type: "constant" value: 1000 } } }',
            ['all samples have nearly the same scores "a"'], id="alike",
        ),
    ],
)  # fmt: skip
def test_what_stands_below_the_table(
    deviation: str, filler: str, more: str, words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(SOUND % (deviation, filler, more))
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    for file in (path, tmp_path / "solver.prototxt"):
        output = run(str(file))
        for one in words:
            assert " ".join(one.split()) in " ".join(output.split())
        document = json.loads(run("--format", "json", str(file)))
        assert document["assumed"] is False
    assert "assumed" not in output


def test_an_update_that_is_not_known_of_all_layers(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(
        """
        layer { name: "x" type: "DummyData" top: "x" top: "k" top: "y" dummy_data_param {
          shape { dim: 3 dim: 8 dim: 20 } shape { dim: 3 dim: 8 } shape { dim: 3 dim: 8 }
          data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 }
          data_filler { type: "constant" } } }
        layer { name: "memory" type: "LSTM" bottom: "x" bottom: "k" top: "h"
          recurrent_param { num_output: 4 weight_filler { type: "xavier" } } }
        layer { name: "a" type: "InnerProduct" bottom: "h" top: "a"
          inner_product_param { num_output: 5 axis: 2 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "y" top: "loss"
          softmax_param { axis: 2 } }
        """
    )
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    solver = str(tmp_path / "solver.prototxt")
    assert 'first update: not known of all layers, behind "a"' in run(solver)
    document = json.loads(run("--format", "json", solver))
    assert (document["gradient_norm"], document["step_over_loss"]) == (None, None)


def test_a_net_written_in_its_solver(tmp_path: Path, solver: Path) -> None:
    inside = tmp_path / "inside.prototxt"
    inside.write_text(SOLVER.replace('net: "net.prototxt"', f"net_param {{ {NET} }}"))
    shown = [json.loads(run("--format", "json", str(path))) for path in (inside, solver)]
    assert shown[0]["first_loss"] == shown[1]["first_loss"]
    assert shown[0]["gradient_norm"] == shown[1]["gradient_norm"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param('net: "gone" base_lr: 1', "was not found", id="no-net"),
        pytest.param("base_lr: 1 max_iter: 3", "names no training net", id="no-training-net"),
        pytest.param('net: "x.prototxt" base_lr: 1', "x.prototxt: not a net", id="itself"),
        pytest.param('item { name: "a" id: 1 }', "neither a net nor a solver", id="labels"),
        pytest.param(
            NET.replace("crop_size: 10", "").replace('"InnerProduct" bottom: "data"',
            '"Convolution" bottom: "data"').replace("inner_product_param { num_output: 50",
            "convolution_param { kernel_size: 900 num_output: 50"),
            "no usual size of images fits", id="no-size",
        ),
        pytest.param(NET.replace("num_output: 50", ""), "would refuse", id="refused"),
    ],
)  # fmt: skip
def test_nothing_to_show(content: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.prototxt"
    path.write_text(content)
    with pytest.raises(CheckError, match=reason):
        view(read_file(path))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(0, "0"), (0.0123, "0.012"), (0.000123, "1.2e-04"), (99.4, "99"), (1234, "1234"),
     (1.234e9, "1.2e+09"), (float("inf"), "inf"), (float("nan"), "nan"), (-0.5, "-0.5")],
)  # fmt: skip
def test_short(value: float, wanted: str) -> None:
    assert short(value) == wanted
    assert len(wanted) <= 8
