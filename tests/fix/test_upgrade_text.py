"""Texts in old forms and what becomes of them, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.cli import main
from caffelint.core.source import Source
from caffelint.fix.upgrade import UpgradedText, UpgradeError, upgrade_text
from caffelint.resources import load_fork, load_schema


def upgrade(text: str, kind: str = "net") -> UpgradedText:
    schema = load_schema()
    return upgrade_text(Source("", text), schema.net if kind == "net" else schema.solver)


CASES = {
    "type-and-params": (
        """\
# a net
layers {
  name: "ip"  # its name
  type: INNER_PRODUCT  # its type
  bottom: "data"

  # weights
  blobs_lr: 1  # rate of weights
  blobs_lr: 2
  # decay
  weight_decay: 1
  weight_decay: 0  # no decay
  top: "ip"
  inner_product_param {
    num_output:  10   # kept as it is
  }
  # end of the layer
}
# end
""",
        """\
# a net
layer {
  name: "ip"  # its name
  type: "InnerProduct"  # its type
  bottom: "data"

  param {
    # weights
    lr_mult: 1  # rate of weights
    # decay
    decay_mult: 1
  }
  param {
    lr_mult: 2
    decay_mult: 0  # no decay
  }
  top: "ip"
  inner_product_param {
    num_output:  10   # kept as it is
  }
  # end of the layer
}
# end
""",
    ),
    "one-line": (
        "layers { name: 'ip' type: INNER_PRODUCT blobs_lr: 1 blobs_lr: 2 top: 'ip' }\n",
        (
            "layer { name: 'ip' type: 'InnerProduct' param { lr_mult: 1 } param { lr_mult: 2 }"
            " top: 'ip' }\n"
        ),
    ),
    "comment-in-a-line": (
        'layers { name: "ip" blobs_lr: 1 # rate\n  type: INNER_PRODUCT }',
        ('layer { name: "ip"\n  param {\n    lr_mult: 1 # rate\n  }\n  type: "InnerProduct" }'),
    ),
    "lists": (
        "layers [ { type: RELU }, # second\n  { blobs_lr: [1, 2] bottom: ['a', 'b'] } ]\n",
        (
            "# second\n"
            "layer { type: 'ReLU' }"
            " layer { param { lr_mult: 1 } param { lr_mult: 2 } bottom: ['a', 'b'] }\n"
        ),
    ),
    "separators-and-angle-brackets": (
        'layers: < type: RELU; blobs_lr: 1, name: "r", >',
        'layer: < type: "ReLU"; param { lr_mult: 1, } name: "r", >',
    ),
    "shared-params": (
        """\
layers {
\ttype: INNER_PRODUCT
\tparam: "w"
\tparam: "b"
\tblob_share_mode: PERMISSIVE
\tblobs_lr: 1
}
""",
        """\
layer {
\ttype: "InnerProduct"
\tparam {
\t\tname: "w"
\t\tshare_mode: PERMISSIVE
\t\tlr_mult: 1
\t}
\tparam {
\t\tname: "b"
\t}
}
""",
    ),
    "transform-fields": (
        """\
layers {
  name: "data"
  type: DATA
  data_param {
    source: "db"
    # raw pixels
    scale: 0.00390625  # 1 / 256
    batch_size: 64
    mirror: true
  }
  include: { phase: TRAIN }
}
layers {
  type: IMAGE_DATA
  transform_param { scale: 3 } image_data_param { scale: 2 }
}
layers {
  type: WINDOW_DATA
}
""",
        """\
layer {
  name: "data"
  type: "Data"
  data_param {
    source: "db"
    batch_size: 64
  }
  transform_param {
    # raw pixels
    scale: 0.00390625  # 1 / 256
    mirror: true
  }
  include: { phase: TRAIN }
}
layer {
  type: "ImageData"
  transform_param { scale: 2 } image_data_param { }
}
layer {
  type: "WindowData"
  window_data_param { }
  transform_param { }
}
""",
    ),
    "v0": (
        """\
layers {
  layer {  # convolution
    name: "conv1"
    type: "conv"
    num_output: 20
    # small
    kernelsize: 5  # square
    weight_filler {
      type: "xavier"
    }
    blobs_lr: 1.
    blobs_lr: 2.
    meanfile: "m"
    # inner end
  }  # behind
  # wires
  top: "conv1"
  # outer end
}
""",
        """\
layer {
  # convolution
  name: "conv1"
  type: "Convolution"
  # inner end
  # behind
  # wires
  top: "conv1"
  param {
    lr_mult: 1.
  }
  param {
    lr_mult: 2.
  }
  convolution_param {
    num_output: 20
    # small
    kernel_size: 5  # square
    weight_filler {
      type: "xavier"
    }
  }
  transform_param {
    mean_file: "m"
  }
  # outer end
}
""",
    ),
    "v0-one-line": (
        'layers { layer { name: "d" type: "data" source: "db" scale: 2 } top: "d" }\n',
        (
            'layer { name: "d" type: "Data" top: "d"'
            ' data_param { source: "db" } transform_param { scale: 2 } }\n'
        ),
    ),
    "v0-inner-line": (
        """\
layers {
  layer { name: "d" type: "images" source: "list" new_height: -1 }
  top: "d"
}
""",
        """\
layer {
  name: "d"
  type: "ImageData"
  top: "d"
  image_data_param { source: "list" new_height: 4294967295 }
}
""",
    ),
    "v0-padding": (
        """\
input: "data"
input_dim: 1
input_dim: 3
input_dim: 8
input_dim: 8
# pad it
layers {
  layer {
    name: "pad1"
    type: "padding"
    pad: 2  # two
  }
  bottom: "data"
  top: "pad1"
}
layers {
  layer {
    name: "conv1"
    type: "conv"
    num_output: 4
  }
  bottom: "pad1"
  top: "conv1"
}
""",
        """\
layer {
  name: "input"
  type: "Input"
  top: "data"
  input_param {
    shape { dim: 1 dim: 3 dim: 8 dim: 8 }
  }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param {
    # pad it
    pad: 2  # two
    num_output: 4
  }
}
""",
    ),
    "v0-dropped-fields": (
        """\
debug_info: true  # debug
layers {
  layer { name: "a" type: "relu" num_output: 4 }
  include { phase: TRAIN }  # training only
}
""",
        """\
# debug
layer {
  name: "a"
  type: "ReLU"
  # training only
}
""",
    ),
    "input": (
        """\
# my net
input: "data"  # images
input_dim: 1  # one at a time
input_dim: 3
input_dim: 8
input_dim: 8
layer { name: "r" type: "ReLU" bottom: "data" }
""",
        """\
# my net
layer {
  name: "input"
  type: "Input"
  top: "data"  # images
  input_param {
    shape {
      dim: 1  # one at a time
      dim: 3
      dim: 8
      dim: 8
    }
  }
}
layer { name: "r" type: "ReLU" bottom: "data" }
""",
    ),
    "inputs-with-shapes": (
        """\
name: "two"

input: "a"
input_shape { dim: 2  # rows
}
input: "b"
input_shape {
  dim: 4
}
input_dim: 5  # never read
state { phase: TEST }
""",
        """\
name: "two"

layer {
  name: "input"
  type: "Input"
  top: "a"
  top: "b"
  input_param {
    shape { dim: 2  # rows
    }
    shape {
      dim: 4
    }
  }
}
# never read
state { phase: TEST }
""",
    ),
    "input-behind-the-layers": (
        """\
layer { name: "r" type: "ReLU" bottom: "d" }
# the input
input: "d"
input_shape { dim: 3 dim: 4 }
""",
        """\
# the input
layer {
  name: "input"
  type: "Input"
  top: "d"
  input_param {
    shape { dim: 3 dim: 4 }
  }
}
layer { name: "r" type: "ReLU" bottom: "d" }
""",
    ),
    "input-on-one-line": (
        'input: "d" input_dim: [1, 3, 8, 8] layer { name: "r" type: "ReLU" bottom: "d" }',
        (
            'layer { name: "input" type: "Input" top: "d"'
            " input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }"
            ' layer { name: "r" type: "ReLU" bottom: "d" }'
        ),
    ),
    "input-without-shape": (
        'input: "d"  # no shape\nlayer { name: "r" type: "ReLU" }\n',
        '# no shape\nlayer { name: "r" type: "ReLU" }\n',
    ),
    "batch-norm": (
        """\
layer {
  name: "bn" type: "BatchNorm"
  param { lr_mult: 1 }
  param {
    # statistics
    lr_mult: 0
    decay_mult: 2
  }
  param {}
}
""",
        """\
layer {
  name: "bn" type: "BatchNorm"
  param { lr_mult: 0 decay_mult: 0 }
  param {
    # statistics
    lr_mult: 0
    decay_mult: 0
  }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
    ),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_net(before: str, after: str) -> None:
    assert upgrade(before).text == after


@pytest.mark.parametrize("before", [before for before, _ in CASES.values()], ids=CASES)
def test_second_upgrade_changes_nothing(before: str) -> None:
    once = upgrade(before).text
    assert upgrade(once) == (once, [])


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_line_ends_are_kept(before: str, after: str) -> None:
    assert upgrade(before.replace("\n", "\r\n")).text == after.replace("\n", "\r\n")


def test_byte_order_mark_is_kept() -> None:
    assert upgrade("\ufefflayers { type: RELU }").text == '\ufefflayer { type: "ReLU" }'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("solver_type: ADAM  # best\n", 'type: "Adam"  # best\n'),
        ("net: 'n'\nsolver_type: 0\n", "net: 'n'\ntype: 'SGD'\n"),
        (
            "solver_type: SGD train_net_param { layers { type: RELU } }",
            'type: "SGD" train_net_param { layers { type: RELU } }',
        ),
    ],
    ids=["name", "number-and-quotes", "net-inside"],
)
def test_solver(before: str, after: str) -> None:
    assert upgrade(before, "solver").text == after


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('layer { name: "r" type: "ReLU" param [ { lr_mult: 1 }, { } ] }  # as it is \n\n', "net"),
        ("layers: []\n", "net"),
        ('layer { fork_param { new: 1 } name: "r" }', "net"),
        ('type: "SGD"\nnet_param { layers { type: RELU } }\n', "solver"),
    ],
    ids=["layer", "no-layers", "fork", "solver"],
)
def test_current_form_is_left_as_it_is(text: str, kind: str) -> None:
    assert upgrade(text, kind) == (text, [])


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("layers { type: RELU } layer { }", ["layer-and-layers"]),
        ('layers { layer { type: "deconv" } }', ["v0-unknown-type"]),
        ('layers { layer { type: "relu" } } layers { type: RELU }', ["v0-dropped-field"]),
        ('layers { layer { type: "relu" } } layer { }', ["v0-dropped-field"]),
        ('layers { layer { type: "relu" } bottom: "x" }', ["v0-unknown-bottom"]),
        ('input: "x" input_dim: 1', ["input-dims-missing"]),
        ("layers { type: RELU", ["unclosed-block"]),
        ("layers { typ: RELU }", ["unknown-field"]),
    ],
    ids=[
        "layer-beside-layers",
        "v0-type",
        "v1-in-v0",
        "current-in-v0",
        "v0-bottom",
        "input-dims",
        "syntax",
        "schema",
    ],
)
def test_refused(text: str, kinds: list[str]) -> None:
    with pytest.raises(UpgradeError) as refusal:
        upgrade(text)
    assert [problem.kind for problem in refusal.value.problems] == kinds


def test_solver_with_both_types_is_refused() -> None:
    with pytest.raises(UpgradeError) as refusal:
        upgrade('solver_type: SGD type: "SGD"', "solver")
    assert [problem.kind for problem in refusal.value.problems] == ["solver-type-twice"]


def test_what_is_lost_is_told() -> None:
    text = 'layers { layer { type: "relu" pad: 1 } loss_weight: 1 }'
    kinds = [problem.kind for problem in upgrade(text).problems]
    assert sorted(kinds) == ["v0-dropped-field", "v0-unknown-parameter"]


@pytest.mark.parametrize(
    ("value", "literal"),
    [('a"b', r'"a\"b"'), (r"c:\x", r'"c:\\x"'), ("ä", '"ä"'), ("\udcff", r'"\377"')],
    ids=["quote", "backslash", "letter", "no-utf-8"],
)
def test_names_taken_from_elsewhere_are_quoted(value: str, literal: str) -> None:
    old = value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    written = old.replace("\\", "\\\\").replace('"', '\\"')
    text = (
        f'input: "{written}" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1\n'
        f'layers {{ layer {{ type: "padding" pad: 1 }} bottom: "{written}" top: "p" }}\n'
        'layers { layer { type: "conv" } bottom: "p" }\n'
    )
    assert f'type: "Convolution" bottom: {literal} ' in upgrade(text).text


# The command


def run(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["caffelint", "upgrade", *arguments])
    return main(), *capsys.readouterr()


OLD, NEW = 'layers { name: "r" type: RELU }\n', 'layer { name: "r" type: "ReLU" }\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").write_text(OLD, encoding="utf-8")
    (tmp_path / "new").write_text(NEW, encoding="utf-8")
    (tmp_path / "mixed").write_text(OLD + NEW, encoding="utf-8")
    return tmp_path


def test_command_writes_in_place(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run(["old", "new"], capsys, monkeypatch)
    assert (code, out) == (0, "")
    assert err == "old: upgraded\nnew: has the current form\n"
    assert (folder / "old").read_text(encoding="utf-8") == NEW


def test_command_prints_a_difference(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(["--diff", "old", "new"], capsys, monkeypatch)
    assert (code, out) == (0, f"--- a/old\n+++ b/old\n@@ -1 +1 @@\n-{OLD}+{NEW}")
    assert (folder / "old").read_text(encoding="utf-8") == OLD


def test_command_writes_to_another_file(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["old", "--output", "other"], capsys, monkeypatch)[0] == 0
    assert (folder / "old").read_text(encoding="utf-8") == OLD
    assert (folder / "other").read_text(encoding="utf-8") == NEW


def test_command_tells_why_not(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run(["mixed", "old"], capsys, monkeypatch)
    assert code == 1
    assert err.splitlines() == [
        "mixed: left as it is: it cannot be upgraded as it stands",
        '  mixed:2:1: 1 "layer" beside 1 "layers": Caffe refuses a file with both forms [CL130]',
        "old: upgraded",
    ]
    assert (folder / "mixed").read_text(encoding="utf-8") == OLD + NEW


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [["old", "-"], ["old", "new", "--output", "x"], ["old", "--diff", "--output", "x"], ["none"]],
    ids=["input-and-file", "two-files-one-output", "output-and-difference", "not-there"],
)
def test_command_refuses(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(arguments, capsys, monkeypatch)[0] == 2


V1_LAYER = 'layers { name: "a" type: %s bottom: "x" top: "a"%s }\n'


def upgrade_as(dialect: str, text: str) -> str:
    return upgrade_text(Source("", text), load_fork((dialect,)).net).text


@pytest.mark.parametrize(
    ("dialect", "text", "wanted"),
    [
        (
            "segnet",
            V1_LAYER % ("RELU", ""),
            'layer { name: "a" type: "ReLU" bottom: "x" top: "a" }\n',
        ),
        pytest.param(
            "happynear",
            V1_LAYER % ("LOCAL", " blobs_lr: 1 local_param { num_output: 2 }"),
            'layer { name: "a" type: "Local" bottom: "x" top: "a" '
            "param { lr_mult: 1 } local_param { num_output: 2 } }\n",
        ),
    ],
)
def test_a_net_for_a_fork_gets_the_types_of_that_fork(dialect: str, text: str, wanted: str) -> None:
    assert upgrade_as(dialect, text) == wanted


@pytest.mark.parametrize(
    ("dialect", "text", "reason"),
    [
        ("deconvnet", V1_LAYER % ("UNPOOLING", ""), "DeconvNet has the old form only"),
        ("c3d-1.0", V1_LAYER % ("RELU", ""), "C3D 1.0 has the old form only"),
    ],
)
def test_a_net_for_a_fork_without_the_current_form_stays(
    dialect: str, text: str, reason: str
) -> None:
    with pytest.raises(UpgradeError, match=reason):
        upgrade_as(dialect, text)


def test_the_command_upgrades_in_the_dialect_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.prototxt"
    permute = 'type: "Permute" bottom: "x" top: "p" permute_param { order: 0 }'
    path.write_text(f'input: "x" input_shape {{ dim: 1 }}\nlayer {{ name: "p" {permute} }}\n')
    assert run([str(path)], capsys, monkeypatch)[0] == 0
    assert 'type: "Input"' in path.read_text()
