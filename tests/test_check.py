"""From files to findings: solvers with their nets, contexts, phases, and what a directory holds."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Report
from caffelint.core.source import Source
from caffelint.model.net import Blob, Layer, Net
from caffelint.reading import CheckError
from caffelint.resources import load_rules, load_schema
from caffelint.syntax import recent
from caffelint.syntax.parser import parse
from caffelint.syntax.tree import Tree

NET = """\
layer {
  name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "db" batch_size: 8 backend: LMDB }
}
layer {
  name: "hidden" type: "InnerProduct" bottom: "data" top: "hidden"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 50 }
}
layer { name: "relu" type: "ReLU" bottom: "hidden" top: "hidden" }
layer {
  name: "ip" type: "InnerProduct" bottom: "hidden" top: "ip"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 10 }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "nets/train.prototxt"
test_iter: 10
test_interval: 100
base_lr: 0.01
lr_policy: "fixed"
max_iter: 1000
display: 100
momentum: 0.9
snapshot_prefix: "x"
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def check(folder: Path, *names: str, **config: object) -> Report:
    checker = Checker(load_rules(), Config(**config))  # type: ignore[arg-type]
    return checker.check([folder / name for name in names])


def found(report: Report) -> dict[str, str]:
    """Severity of every finding by rule name."""
    return {one.name: one.severity.word for one in report.diagnostics}


@pytest.mark.parametrize(
    ("context", "severity"),
    [
        pytest.param({"context": "scratch"}, "error", id="from-scratch"),
        pytest.param({"context": None}, "warning", id="unknown"),
        pytest.param({"context": "finetune"}, None, id="fine-tuning"),
        pytest.param({"context": "deploy"}, None, id="deploy"),
    ],
)
def test_a_missing_filler_is_as_bad_as_the_context_makes_it(
    tmp_path: Path, context: dict[str, str | None], severity: str | None
) -> None:
    write(tmp_path, {"net.prototxt": NET})
    report = check(tmp_path, "net.prototxt", **context)
    assert found(report).get("missing-weight-filler") == severity


@pytest.mark.parametrize(
    ("layers", "silent"),
    [pytest.param("hidden ip", True, id="fills-them"), pytest.param("fc", False, id="other")],
)
def test_a_weights_file_fills_layers(tmp_path: Path, layers: str, silent: bool) -> None:
    write(tmp_path, {"net.prototxt": NET})
    weights = load_schema().net.new_message()
    for name in layers.split():
        filled = weights.layer.add()  # type: ignore[attr-defined]
        filled.name = name
        filled.blobs.add().data.append(1.0)
    (tmp_path / "x.caffemodel").write_bytes(weights.SerializeToString())
    report = check(tmp_path, "net.prototxt", weights=[str(tmp_path / "x.caffemodel")])
    assert ("missing-weight-filler" not in found(report)) == silent


def test_a_solver_brings_its_net(tmp_path: Path) -> None:
    write(tmp_path, {"solver.prototxt": SOLVER, "nets/train.prototxt": NET})
    report = check(tmp_path, "solver.prototxt")
    assert [Path(name).name for name in report.files] == ["train.prototxt", "solver.prototxt"]
    assert found(report) == {"missing-weight-filler": "warning"}
    assert report.diagnostics[0].place.source.name.endswith("nets/train.prototxt")


def test_a_net_given_beside_its_solver_is_checked_once(tmp_path: Path) -> None:
    write(tmp_path, {"solver.prototxt": SOLVER, "nets/train.prototxt": NET})
    report = check(tmp_path, "nets/train.prototxt", "solver.prototxt", "nets/train.prototxt")
    assert len(report.files) == 2
    assert [one.layer for one in report.diagnostics] == ["hidden", "ip"]


@pytest.mark.parametrize(
    ("place", "root"),
    [
        pytest.param("a/nets/train.prototxt", None, id="beside-the-solver"),
        pytest.param("nets/train.prototxt", None, id="in-a-directory-above"),
        pytest.param("other/nets/train.prototxt", "other", id="under-the-given-root"),
    ],
)
def test_where_a_net_is_looked_for(tmp_path: Path, place: str, root: str | None) -> None:
    write(tmp_path, {"a/solver.prototxt": SOLVER, place: NET})
    report = check(tmp_path, "a/solver.prototxt", root=root and str(tmp_path / root))
    assert "missing-weight-filler" in found(report)


def test_a_net_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, {"a/solver.prototxt": SOLVER})
    report = check(tmp_path, "a/solver.prototxt", root=str(tmp_path))
    assert found(report) == {"net-not-found": "warning"}
    assert str(tmp_path) in report.diagnostics[0].message + report.diagnostics[0].hint


@pytest.mark.parametrize(
    ("stages", "want"),
    [
        pytest.param(("plain", "deep"), set(), id="one-producer-for-each-stage"),
        pytest.param(("plain", ""), set(), id="a-second-producer-for-a-stage"),
        pytest.param(("", ""), {"top-produced-twice"}, id="two-producers-always"),
        pytest.param((), {"unknown-bottom"}, id="no-producer-at-all"),
    ],
)
def test_what_stages_may_cure_is_no_error(
    tmp_path: Path, stages: tuple[str, ...], want: set[str]
) -> None:
    included = {name: f'include {{ stage: "{name}" }}' if name else "" for name in stages}
    layers = [
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 9 } } }',
        *(
            f'layer {{ name: "h{i}" type: "InnerProduct" bottom: "data" top: "h" {included[name]} '
            f"inner_product_param {{ num_output: 4 }} }}"
            for i, name in enumerate(stages)
        ),
        'layer { name: "out" type: "ReLU" bottom: "h" top: "out" include { stage: "other" } }',
    ]
    write(tmp_path, {"net.prototxt": "\n".join(layers)})
    report = check(tmp_path, "net.prototxt")
    assert {one.name for one in report.diagnostics if one.severity.word == "error"} == want


@pytest.mark.parametrize(
    ("net", "want"),
    [
        pytest.param("nets.prototxt", {"net-not-found": "warning"}, id="no-such-file"),
        pytest.param("a/nets.prototxt", {"net-not-found": "warning"}, id="not-in-that-directory"),
        pytest.param("../other.prototxt", {"net-not-found": "warning"}, id="not-above"),
        pytest.param(
            "no_such_tree/net.prototxt", {"net-elsewhere": "info"}, id="no-such-directory"
        ),
        pytest.param("/no/net.prototxt", {"net-elsewhere": "info"}, id="absolute"),
        pytest.param("D:/nets/net.prototxt", {"net-elsewhere": "info"}, id="absolute-on-windows"),
    ],
)
def test_a_net_that_is_elsewhere(tmp_path: Path, net: str, want: dict[str, str]) -> None:
    write(tmp_path, {"a/solver.prototxt": SOLVER.replace("nets/train.prototxt", net)})
    assert found(check(tmp_path, "a/solver.prototxt")) == want


@pytest.mark.parametrize(
    ("old", "new", "want"),
    [
        pytest.param("max_iter: 1000", "", {"max-iter-unset"}, id="nothing-written"),
        pytest.param("max_iter: 1000", "max_iter: ${n}", {"unfilled-placeholder"}, id="number"),
        pytest.param('"fixed"', '"${p}"', {"unknown-lr-policy"}, id="text-in-no-template"),
        pytest.param(
            'lr_policy: "fixed"',
            'lr_policy: "${p}" random_seed: ${seed}',
            {"unfilled-placeholder"},
            id="text-in-a-template",
        ),
    ],
)
def test_of_a_value_that_nobody_knows_nothing_else_is_said(
    tmp_path: Path, old: str, new: str, want: set[str]
) -> None:
    solver = SOLVER.replace("nets/", "").replace(old, new)
    write(tmp_path, {"solver.prototxt": solver, "train.prototxt": NET})
    report = check(tmp_path, "solver.prototxt", context="finetune")
    assert {one.name for one in report.diagnostics if one.severity.word == "error"} == want


def test_the_weights_of_a_solver_mean_fine_tuning(tmp_path: Path) -> None:
    solver = SOLVER + 'weights: "some.caffemodel"\n'
    write(tmp_path, {"solver.prototxt": solver, "nets/train.prototxt": NET})
    # All layers lack a filler, so they are meant to be in the file, which cannot be looked into.
    assert "missing-weight-filler" not in found(check(tmp_path, "solver.prototxt"))


def test_a_net_inside_the_solver_points_into_the_solver(tmp_path: Path) -> None:
    inline = SOLVER.replace('net: "nets/train.prototxt"', f"net_param {{\n{NET}}}")
    write(tmp_path, {"solver.prototxt": inline})
    one = check(tmp_path, "solver.prototxt").diagnostics[0]
    line = one.place.source.locate(one.place.span.start).line
    assert one.place.source.line(line) == "  inner_product_param { num_output: 50 }"


def test_phases_without_data_are_not_looked_at(tmp_path: Path) -> None:
    train_only = NET.replace('top: "label"', 'top: "label" include { phase: TRAIN }', 1)
    write(tmp_path, {"net.prototxt": train_only})
    report = check(tmp_path, "net.prototxt")
    assert "unknown-bottom" not in found(report)
    assert report.diagnostics[0].phases == ("TRAIN",)


def test_a_net_that_a_solver_tests_is_looked_at_in_that_phase(tmp_path: Path) -> None:
    train_only = NET.replace('top: "label"', 'top: "label" include { phase: TRAIN }', 1)
    write(tmp_path, {"solver.prototxt": SOLVER, "nets/train.prototxt": train_only})
    report = check(tmp_path, "solver.prototxt")
    unknown = [one for one in report.diagnostics if one.name == "unknown-bottom"]
    assert unknown
    assert {one.phases for one in unknown} == {("TEST",)}


def test_a_directory_is_walked_in_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"b.prototxt": NET, "a/x.pt": NET, "a/y.prototxt.in": NET, ".git/z.prototxt": NET,
         "c.txt": NET, "map.prototxt": 'item { name: "a" }'},
    )  # fmt: skip
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    checker = Checker(load_rules(), Config())
    report = checker.check([tmp_path])
    names = [Path(name).relative_to(tmp_path).as_posix() for name in report.files]
    assert names == ["a/x.pt", "a/y.prototxt.in", "b.prototxt"]
    assert [line.rpartition("/")[2] for line in checker.skipped] == [
        "map.prototxt: neither a net nor a solver"
    ]


@pytest.mark.parametrize("name", ["missing.prototxt", "nul\0name"])
def test_a_named_file_must_be_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckError):
        check(tmp_path, name)


def test_a_file_of_another_kind_is_said_to_be_one(tmp_path: Path) -> None:
    write(tmp_path, {"map.prototxt": 'item { name: "a" }'})
    assert found(check(tmp_path, "map.prototxt")) == {"neither-net-nor-solver": "info"}


def test_same_input_same_report(tmp_path: Path) -> None:
    write(tmp_path, {"solver.prototxt": SOLVER, "nets/train.prototxt": NET * 2})
    first, second = (check(tmp_path, ".").diagnostics for _ in range(2))
    assert [one.sort_key for one in first] == [one.sort_key for one in second]
    assert [one.message for one in first] == [one.message for one in second]


def test_given_shapes_reach_the_checks(tmp_path: Path) -> None:
    net = NET.replace("InnerProduct", "Convolution", 1).replace(
        "inner_product_param { num_output: 50 }",
        'convolution_param { num_output: 10 kernel_size: 9 weight_filler { type: "msra" } }',
    )
    write(tmp_path, {"net.prototxt": net})
    assert "window-too-large" not in found(check(tmp_path, "net.prototxt"))
    report = check(tmp_path, "net.prototxt", shapes={"data": [8, 3, 5, 5]})
    assert any("9" in one.message and one.severity.word == "error" for one in report.diagnostics)


def test_nets_go_without_the_garbage_collector(tmp_path: Path) -> None:
    deploy = NET.replace(NET[NET.index('layer { name: "loss"') :], "")
    files = {"nets/train.prototxt": NET, "nets/deploy.prototxt": deploy, "solver.prototxt": SOLVER}
    write(tmp_path, files)
    gc.collect()
    gc.disable()
    try:
        check(tmp_path, ".")
        left = [one for one in gc.get_objects() if isinstance(one, (Net, Layer, Blob))]
    finally:
        gc.enable()
    assert left == []


def test_nothing_is_parsed_or_built_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fixes are made for all three, and the deploy net is held against the training net.
    data, loss = NET.index("}\n") + 2, NET.index('layer { name: "loss"')
    shape = "shape { dim: 8 dim: 3 dim: 4 dim: 4 }"
    deploy = f'layer {{ name: "in" type: "Input" top: "data" input_param {{ {shape} }} }}\n'
    deploy += NET[data:loss]
    files = {"nets/train.prototxt": NET, "nets/deploy.prototxt": deploy, "solver.prototxt": SOLVER}
    write(tmp_path, files)
    parsed: list[str] = []
    built: list[str] = []
    connect = Net._connect

    def parse_and_tell(source: Source) -> Tree:
        parsed.append(Path(source.name).name)
        return parse(source)

    def connect_and_tell(net: Net) -> None:
        built.append(net.state.phase)
        connect(net)

    monkeypatch.setattr(recent, "_RECENT", recent._Recent())
    monkeypatch.setattr(recent, "parse", parse_and_tell)
    monkeypatch.setattr(Net, "_connect", connect_and_tell)
    report = check(tmp_path, ".")
    assert any(one.fix for one in report.diagnostics)
    assert sorted(parsed) == ["deploy.prototxt", "solver.prototxt", "train.prototxt"]
    assert built == ["TRAIN", "TEST", "TEST"]
