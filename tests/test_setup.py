"""The whole training set-up: solver, nets, data lists, launch scripts and deploy nets together."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Diagnostic
from caffelint.resources import load_rules

DATA = """\
layer {
  name: "data" type: "ImageData" top: "data" top: "label" include { phase: TRAIN }
  image_data_param { source: "train.txt" batch_size: 4 new_height: 8 new_width: 8 shuffle: true }
}
layer {
  name: "data" type: "ImageData" top: "data" top: "label" include { phase: TEST }
  image_data_param { source: "val.txt" batch_size: 5 new_height: 8 new_width: 8 }
}
"""
HEAD = """\
layer {
  name: "low" type: "InnerProduct" bottom: "data" top: "low"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 20 }
}
layer { name: "relu" type: "ReLU" bottom: "low" top: "low" }
layer {
  name: "ip" type: "InnerProduct" bottom: "low" top: "ip"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt"
test_iter: 4
test_interval: 100
base_lr: 0.01
lr_policy: "step"
gamma: 0.1
stepsize: 500
max_iter: 1000
display: 100
momentum: 0.9
snapshot_prefix: "x"
"""


def check(folder: Path, files: dict[str, str], *names: str, **config: object) -> list[Diagnostic]:
    for name, text in {".git/HEAD": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    checker = Checker(load_rules(), Config(**config))  # type: ignore[arg-type]
    report = checker.check([folder / name for name in names or ("solver.prototxt",)])
    return list(report.diagnostics)


def severities(found: list[Diagnostic]) -> dict[str, str]:
    return {one.name: one.severity.word for one in found}


FILES = {"solver.prototxt": SOLVER, "net.prototxt": DATA + HEAD}
RUN = "caffe train --solver solver.prototxt"


@pytest.mark.parametrize(
    ("script", "severity", "words"),
    [
        pytest.param("", "warning", "nothing about pre-trained weights", id="no-script"),
        pytest.param(
            RUN, "error", "from scratch: train.sh:1 starts it without weights", id="scratch"
        ),
        pytest.param(RUN + " --weights w.caffemodel", "", "", id="fine-tuned"),
        pytest.param(RUN + " --snapshot x.solverstate", "", "", id="resumed"),
    ],
)
def test_a_launch_script_decides_about_missing_fillers(
    tmp_path: Path, script: str, severity: str, words: str
) -> None:
    found = check(tmp_path, {**FILES, "train.sh": script})
    fillers = [one for one in found if one.name == "missing-weight-filler"]
    assert [one.severity.word for one in fillers] == ([severity] if severity else [])
    assert all(words in one.context for one in fillers)


def test_what_the_user_says_counts_more_than_a_script(tmp_path: Path) -> None:
    files = {**FILES, "train.sh": RUN + " --weights w.caffemodel"}
    found = severities(check(tmp_path, files, context="scratch"))
    assert found["missing-weight-filler"] == "error"


@pytest.mark.parametrize(
    ("lines", "rule", "words"),
    [
        pytest.param(20, "", "", id="all-of-it"),
        pytest.param(18, "", "", id="last-batch-not-full"),
        pytest.param(15, "test-set-repeated", "test_iter 4 × batch 5 = 20 images", id="more"),
        pytest.param(17, "test-set-wraps", "3 of them count twice", id="more-than-a-few-twice"),
        pytest.param(24, "test-set-not-covered", "looks at 83.3 % of the 24 images", id="less"),
        pytest.param(200, "test-set-sampled", "looks at 10 % of the 200 images", id="a-sample"),
    ],
)
def test_test_iter_against_the_list(tmp_path: Path, lines: int, rule: str, words: str) -> None:
    text = "".join(f"{i}.jpg {i % 2}\n" for i in range(lines))
    found = check(tmp_path, {**FILES, "val.txt": text})
    sized = [one for one in found if one.name.startswith("test-set-")]
    assert [one.name for one in sized] == ([rule] if rule else [])
    assert all(words in one.message for one in sized)


def test_a_list_that_does_not_end_in_a_line_end(tmp_path: Path) -> None:
    text = "\n".join(f"{i}.jpg {i % 2}" for i in range(20))
    found = check(tmp_path, {**FILES, "val.txt": text})
    assert not [one for one in found if one.name.startswith("test-set-")]


def test_a_net_beside_the_solver_that_is_not_the_one_it_names(tmp_path: Path) -> None:
    files = {
        "old/net.prototxt": DATA + HEAD,
        "new/net.prototxt": DATA + HEAD.replace("num_output: 2 ", "num_output: 3 "),
        "new/solver.prototxt": SOLVER.replace('"net.', '"old/net.'),
    }
    assert "net-beside-not-used" in severities(check(tmp_path, files, "new/solver.prototxt"))
    files["new/net.prototxt"] = files["old/net.prototxt"]
    assert "net-beside-not-used" not in severities(check(tmp_path, files, "new/solver.prototxt"))


DEPLOY = """\
layer {
  name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } }
}
layer {
  name: "low" type: "InnerProduct" bottom: "data" top: "low"
  inner_product_param { num_output: 20 }
}
layer {
  name: "fc" type: "InnerProduct" bottom: "low" top: "fc"
  inner_product_param { num_output: 2 }
}
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("deploy.prototxt",), id="deploy-alone"),
        pytest.param(("deploy.prototxt", "train_val.prototxt"), id="both"),
        pytest.param((".",), id="directory"),
    ],
)
def test_a_deploy_net_is_held_against_the_training_net_beside_it(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    files = {"deploy.prototxt": DEPLOY, "train_val.prototxt": DATA + HEAD}
    assert severities(check(tmp_path, files, *names))["deploy-layer-renamed"] == "warning"


def test_a_deploy_net_in_another_directory_is_not(tmp_path: Path) -> None:
    files = {"a/deploy.prototxt": DEPLOY, "b/train_val.prototxt": DATA + HEAD}
    assert "deploy-layer-renamed" not in severities(check(tmp_path, files, "."))


def test_test_net_and_training_net_in_two_files(tmp_path: Path) -> None:
    solver = SOLVER.replace(
        'net: "net.prototxt"', 'train_net: "train.prototxt" test_net: "test.prototxt"'
    )
    test = DATA.replace("image_data_param", "transform_param { scale: 0.5 } image_data_param")
    renamed = HEAD.replace('"ip" type', '"head" type')
    files = {
        "solver.prototxt": solver,
        "train.prototxt": DATA + HEAD,
        "test.prototxt": test + renamed,
    }
    found = severities(check(tmp_path, files))
    assert found["transform-differs"] == "warning"
    assert found["layer-only-in-test"] == "warning"
