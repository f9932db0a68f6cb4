"""The functions that other programs call: what they tell, and when they raise."""

from __future__ import annotations

from pathlib import Path

import pytest

import caffelint
from caffelint.api import signal

NET = """\
layer {
  name: "data" type: "DummyData" top: "data" top: "y"
  dummy_data_param {
    shape { dim: 8 dim: 20 } shape { dim: 8 }
    data_filler { type: "gaussian" } data_filler { type: "uniform" max: 9.999 }
  }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "msra" } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "y" top: "loss" }
"""
SOLVER = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 9\n'


@pytest.mark.parametrize(
    ("text", "kind", "errors"),
    [
        pytest.param(NET, "net", [], id="net"),
        pytest.param(SOLVER, "solver", [], id="solver"),
        pytest.param("name: 3\n", "net", ["1:7: "], id="net-with-a-mistake"),
        pytest.param(
            "item { name: 'cat' }\n",
            None,
            ["1:1: the fields are neither a net's nor a solver's"],
            id="neither",
        ),
    ],
)
def test_a_parsed_text_tells_what_it_is(text: str, kind: str | None, errors: list[str]) -> None:
    parsed = caffelint.parse(text)
    assert parsed.kind == kind
    told = [str(one) for one in parsed.errors]
    assert len(told) == len(errors)
    assert all(one.startswith(beginning) for one, beginning in zip(told, errors, strict=True))
    assert parsed.render_bytes() == text.encode()


def test_what_is_neither_net_nor_solver_has_no_message() -> None:
    with pytest.raises(ValueError, match="neither a net nor a solver"):
        caffelint.parse("item { name: 'cat' }").message()


def test_bytes_come_back_as_they_were() -> None:
    data = b'\xef\xbb\xbfname: "\xff"  # caf\xe9\r\n'
    assert caffelint.parse(data).render_bytes() == data


def save(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.prototxt").write_text(text)


@pytest.mark.parametrize(
    "solver",
    [
        pytest.param(f'net: "net.prototxt" {SOLVER}', id="net-by-its-path"),
        pytest.param(f"net_param {{\n{NET}}}\n{SOLVER}", id="net-inside"),
    ],
)
def test_the_signal_of_a_solver_is_that_of_its_net(tmp_path: Path, solver: str) -> None:
    save(tmp_path, net=NET, solver=solver)
    alone = signal(tmp_path / "net.prototxt")
    trained = signal(tmp_path / "solver.prototxt")
    assert trained.first_loss == alone.first_loss
    assert (bool(alone.updates), bool(trained.updates)) == (False, True)


@pytest.mark.parametrize(
    ("name", "texts", "reason"),
    [
        pytest.param(
            "solver",
            {"solver": f'net: "gone.prototxt" {SOLVER}'},
            r"its net gone\.prototxt was not found",
            id="net-not-there",
        ),
        pytest.param("solver", {"solver": SOLVER}, "names no training net", id="no-net"),
        pytest.param(
            "net",
            {"net": NET.replace('bottom: "data"', 'bottom: "dat"')},
            "Caffe would refuse this net",
            id="a-net-that-caffe-refuses",
        ),
    ],
)
def test_no_signal(tmp_path: Path, name: str, texts: dict[str, str], reason: str) -> None:
    save(tmp_path, **texts)
    with pytest.raises(ValueError, match=reason):
        signal(tmp_path / f"{name}.prototxt")
