"""``caffelint show``: which phase is shown, the table to the letter, the totals, the document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caffelint.reading import CheckError, read_text
from caffelint.show.net import ShapeError, View, document, view
from caffelint.show.table import text

SAMPLES = Path(__file__).parent.parent / "samples"


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "caffelint", "show", *arguments]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=60)


def see(net: str, **asked: Any) -> View:
    return view(read_text(Path("net.prototxt"), net.encode()), **asked)


def layer(name: str, type_: str, wiring: str = "", more: str = "") -> str:
    bottoms, _, tops = wiring.partition("->")
    fields = [f'name: "{name}" type: "{type_}"']
    fields += [f'bottom: "{bottom}"' for bottom in bottoms.split()]
    fields += [f'top: "{top}"' for top in tops.split()]
    return f"layer {{ {' '.join([*fields, more])} }}\n"


def table(shown: str) -> list[str]:
    """The lines of the table, its title first."""
    lines = shown.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("layer "))
    return lines[start : lines.index("", start)]


INPUT = layer("x", "Input", "-> x", "input_param { shape { dim: 2 dim: 3 } }")
DATA = layer("d", "Data", "-> x label", 'data_param { source: "s" batch_size: 2 }')


def ip(name: str, wiring: str, params: str = "") -> str:
    return layer(name, "InnerProduct", wiring, f"{params} inner_product_param {{ num_output: 3 }}")


IP = ip("ip", "x -> ip")
LOSS = layer("loss", "SoftmaxWithLoss", "ip label -> loss")

# The table as people see it

TRAIN = """\
lenet/train_test.prototxt
net "DigitLeNet", phase TRAIN, 9 layers
(--phase TEST shows the other phase: 10 layers)

layer        type             output        params   MACs  memory  lr/decay  bp
digits       Data             100×1×28×28                  628 kB
  label                       100
conv1        Convolution      100×24×24×24     624   35 M   11 MB  1/1 2/0   x
pool1        Pooling          100×24×12×12          1.4 M  2.8 MB            x
conv2        Convolution      100×48×8×8      29 k  184 M  2.7 MB  1/1 2/0   x
pool2        Pooling          100×48×4×4            307 k  614 kB            x
hidden       InnerProduct     100×256        197 k   20 M  1.8 MB  1/1 2/0   x
hidden_relu  ReLU             in place                                       x
score        InnerProduct     100×10         2.6 k  256 k   29 kB  1/1 2/0   x
loss         SoftmaxWithLoss  scalar                1.0 k     8 B            x

MACs: multiply-adds of one forward pass of the whole batch.
bp: Caffe back-propagates through the layer. lr 0: frozen.
Only in TRAIN: digits.

batch size     100
parameters     228.9 k (228906)
  learned      all of them
multiply-adds  240.5 M (240487400), 2.405 M for each of the batch
memory         19.57 MB
  blobs        17.74 MB, data and diff
  parameters   1.831 MB, data and diff
Caffe logs     "Memory required for data: 8970804"
"""

WITHOUT_THE_DATA = """\
lenet/train_test.prototxt
net "DigitLeNet", phase TRAIN, 9 layers
(--phase TEST shows the other phase: 10 layers)

layer        type             output      params   MACs  memory  lr/decay  bp
digits       Data             100×?×?×?                       ?
  label                       100
conv1        Convolution      100×24×?×?       ?      ?       ?  1/1 2/0   x
pool1        Pooling          100×24×?×?              ?       ?            x
conv2        Convolution      100×48×?×?    29 k      ?       ?  1/1 2/0   x
pool2        Pooling          100×48×?×?              ?       ?            x
hidden       InnerProduct     100×256          ?      ?       ?  1/1 2/0   x
hidden_relu  ReLU             in place                                     x
score        InnerProduct     100×10       2.6 k  256 k   29 kB  1/1 2/0   x
loss         SoftmaxWithLoss  scalar              1.0 k     8 B            x

MACs: multiply-adds of one forward pass of the whole batch.
bp: Caffe back-propagates through the layer. lr 0: frozen.
Only in TRAIN: digits.
? depends on the data; tell its size with --shape image=100,C,H,W.

batch size     100
parameters     at least 31.70 k (31698) (+ what depends on the data)
  learned      all of them
multiply-adds  at least 257.0 k (257000) (+ what depends on the data)
memory         at least 464.2 kB (+ what depends on the data)
  blobs        at least 212.8 kB, data and diff
  parameters   at least 251.3 kB, data and diff
Caffe logs     "Memory required for data: at least 209204"
"""

DEPLOY = """\
lenet/deploy.prototxt
net "DigitLeNet", phase TEST, 9 layers
(--phase TRAIN shows the other phase: the same layers)

layer        type          output      params   MACs  memory
image        Input         1×1×28×28                  3.1 kB
conv1        Convolution   1×24×24×24     624  346 k   58 kB
pool1        Pooling       1×24×12×12           14 k   14 kB
conv2        Convolution   1×48×8×8      29 k  1.8 M  128 kB
pool2        Pooling       1×48×4×4            3.1 k  3.1 kB
hidden       InnerProduct  1×256        197 k  197 k  788 kB
hidden_relu  ReLU          in place
score        InnerProduct  1×10         2.6 k  2.6 k   10 kB
probability  Softmax       1×10                   10    40 B

MACs: multiply-adds of one forward pass of the whole batch.
There is no loss, so nothing learns.

batch size     1
parameters     228.9 k (228906)
multiply-adds  2.405 M (2404874)
memory         1.004 MB
  blobs        88.72 kB
  parameters   915.6 kB
Caffe logs     "Memory required for data: 89744"
"""


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        pytest.param(
            ["lenet/train_test.prototxt", "--shape", "image=100,1,28,28"], TRAIN, id="train"
        ),
        pytest.param(["lenet/train_test.prototxt"], WITHOUT_THE_DATA, id="unknown-sizes"),
        pytest.param(["lenet/deploy.prototxt"], DEPLOY, id="deploy"),
    ],
)
def test_the_whole_page(arguments: list[str], want: str) -> None:
    done = run(*arguments, cwd=SAMPLES)
    assert done.stdout.decode() == want
    assert (done.returncode, done.stderr) == (0, b"")


def test_problems_stand_first_and_the_table_still_shows() -> None:
    done = run("-", cwd=SAMPLES, stdin=(INPUT + IP + layer("r", "ReLU", "pi -> r")).encode())
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "Caffe refuses this net: 1 problem"
    assert lines[1].startswith('<stdin>:3:40: bottom "pi" of layer "r" ')
    assert lines[2:4] == ["", "<stdin>"]
    assert [line.split()[0] for line in table(done.stdout.decode())] == ["layer", "x", "ip", "r"]
    assert done.returncode == 1


def test_of_many_problems_the_first_are_shown() -> None:
    many = INPUT + "".join(layer(f"r{i}", "ReLU", f"no{i} -> r{i}") for i in range(30))
    lines = text(see(many)).splitlines()
    assert lines[0] == "Caffe refuses this net: 30 problems"
    assert lines[20].startswith("net.prototxt:21:")
    assert lines[21] == "… and 10 more (caffelint check shows all)"
    assert len(document(see(many))["problems"]) == 30


# Phases and stages

ONLY = "include {{ phase: {} }}"
TRAIN_DATA = DATA.replace("data_param", ONLY.format("TRAIN") + " data_param")
TEST_DATA = DATA.replace("data_param", ONLY.format("TEST") + " data_param")


@pytest.mark.parametrize(
    ("net", "phase"),
    [
        pytest.param(TRAIN_DATA + TEST_DATA + IP + LOSS, "TRAIN", id="a-loss"),
        pytest.param(INPUT + IP, "TEST", id="no-loss"),
        pytest.param(TEST_DATA + IP + LOSS, "TEST", id="data-in-test-only"),
        pytest.param(TRAIN_DATA + IP, "TRAIN", id="data-in-train-only"),
        pytest.param(IP + LOSS, "TRAIN", id="no-data-at-all"),
        pytest.param("state { phase: TEST }" + DATA + IP + LOSS, "TEST", id="its-own-state"),
    ],
)
def test_the_phase_that_is_shown(net: str, phase: str) -> None:
    assert see(net).net.state.phase == phase
    assert see(net, phase="TRAIN").net.state.phase == "TRAIN"


@pytest.mark.parametrize(
    ("net", "line"),
    [
        pytest.param(INPUT, "(--phase TRAIN shows the other phase: the same layers)", id="same"),
        pytest.param(
            TRAIN_DATA + IP + LOSS,
            "(--phase TEST shows the other phase: 2 layers, but no data)",
            id="no-data",
        ),
        pytest.param(TRAIN_DATA, "", id="nothing"),
    ],
)
def test_the_other_phase(net: str, line: str) -> None:
    assert text(see(net)).splitlines()[2] == line


def test_stages_and_level() -> None:
    staged = layer("r", "ReLU", "x -> r", 'include { stage: "deploy" min_level: 2 }')
    assert "Stages not set (--stage sets one): deploy." in text(see(INPUT + staged))
    assert len(see(INPUT + staged, stages=["deploy"]).net.layers) == 1
    full = see(INPUT + staged, stages=["deploy"], level=2)
    assert len(full.net.layers) == 2
    assert "phase TEST, stage deploy, level 2, 2 layers" in text(full)
    assert "Stages not set" not in text(full)


# Shapes


def test_the_hint_names_the_blob_with_the_sizes_that_are_known() -> None:
    crop = 'transform_param { crop_size: 8 } data_param { source: "s" batch_size: 2 }'
    images = layer("d", "Data", "-> x", crop)
    assert "--shape x=2,C,8,8." in text(see(images))
    hdf5 = layer("d", "HDF5Data", "-> x", 'hdf5_data_param { source: "s" batch_size: 2 }')
    assert "--shape x=N,C,H,W." in text(see(hdf5))


def test_the_file_wins_over_a_given_shape() -> None:
    shown = text(see(DATA, shapes={"x": (9, 3, 8, 8)}))
    assert 'The file itself says that "x" is 2×3×8×8.' in shown


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        pytest.param("y", (1,), '"y" is none of the blobs from outside in TEST: x', id="no-such"),
        pytest.param("x", (2**31, 1), '"x" cannot be 2147483648×1', id="too-large"),
        pytest.param("x", (-1, -1), '"x" cannot be -1×-1', id="negative"),
    ],
)
def test_shapes_that_cannot_be(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError) as raised:
        see(INPUT, shapes={name: shape})
    assert str(raised.value) == message


# Notes

FROZEN = ip("ip", "x -> ip", "param { lr_mult: 0 } param { lr_mult: 0 }")
SHARED = 'param { name: "w" } param { name: "b" }'
HEAD = ip("head", "ip -> head")


def note(net: str, start: str, **asked: Any) -> str:
    return next(
        (line for line in text(see(net, **asked)).splitlines() if line.startswith(start)), ""
    )


def test_long_lists_have_their_ends_and_number() -> None:
    layers = [ip(f"ip{at}", f"{'x' if not at else f'ip{at - 1}'} -> ip{at}",
                 "param { lr_mult: 0 } param { lr_mult: 0 }") for at in range(9)]  # fmt: skip
    net = DATA + "".join(layers) + ip("ip", "ip8 -> ip") + LOSS
    assert "ip0, ip1, ip2, … ip8 (9)" in text(see(net))


def test_frozen_layers() -> None:
    net = DATA + FROZEN + HEAD + LOSS.replace('"ip"', '"head"')
    assert note(net, "Frozen") == "Frozen, every lr_mult is 0: ip."
    rows = {line.split()[0]: line for line in table(text(see(net, shapes={"x": (2, 3, 1, 1)})))}
    assert rows["ip"].split()[-1] == "0"
    assert rows["head"].split()[-2:] == ["1/1", "x"]
    assert note(net, "  learned", shapes={"x": (2, 3, 1, 1)}) == "  learned      12"


def test_layers_without_a_gradient() -> None:
    assert note(DATA + IP + HEAD + LOSS, "No loss depends").endswith("not learn: head.")


def test_shared_parameters() -> None:
    net = INPUT + ip("ip", "x -> ip", SHARED) + ip("head", "ip -> head", SHARED)
    assert note(net, "Shared") == "Shared parameters, counted once: head with ip."
    assert note(net, "parameters") == "parameters     12"
    assert "shared" in table(text(see(net)))[-1]


def test_splits_are_left_out() -> None:
    assert note(INPUT + IP + IP.replace('"ip"', '"ip2"'), "Left out") == (
        "Left out: 1 Split layer that Caffe inserts, for x."
    )


# Layout


def test_long_names_and_numbers_fit_into_80_columns() -> None:
    long = "inception_a_resnet_block_17/branch_3x3/convolution_with_batch_norm"
    conv = layer(
        *(long, "Convolution", f"x -> {long}"),
        "param { lr_mult: 0.125 decay_mult: 10 } param { lr_mult: 20 decay_mult: 0 }"
        "convolution_param { num_output: 1024 kernel_size: 3 pad: 1 }",
    )
    relu = layer(f"{long}/relu", "ReLU", f"{long} -> {long}")
    loss = layer("loss", "SigmoidCrossEntropyLoss", f"{long} {long} -> l")
    shapes = {"x": (2, 512, 112, 112)}
    lines = table(text(see(DATA + conv + relu + loss, shapes=shapes)))
    assert len(lines) == 6
    assert all(len(line) <= 80 for line in lines)
    assert lines[3].startswith("inceptio…atch_norm ")
    assert lines[4].startswith("inceptio…norm/relu ")
    wide = table(text(see(DATA + conv + relu + loss, shapes=shapes), width=200))
    assert wide[3].startswith(f"{long[:29]}…{long[-30:]}  Convolution")


def test_columns_are_aligned_behind_wide_letters() -> None:
    lines = table(text(see(INPUT + layer("層", "ReLU", "x -> 層") + layer("ab", "ReLU", "x -> b"))))
    assert lines[2].index("ReLU") + 1 == lines[3].index("ReLU")


def test_wide_names_are_cut_to_columns_and_not_letters() -> None:
    net = INPUT + layer("層" * 60, "ReLU", "x -> a") + layer("b", "ReLU", "a -> b")
    lines = table(text(see(net)))
    assert lines[2].startswith("層層")
    assert "…" in lines[2]
    wide = lines[2].partition("ReLU")[0]
    assert len(wide) + wide.count("層") == lines[3].index("ReLU")


def test_layers_without_tops() -> None:
    net = DATA + ip("a", "x -> a") + ip("b", "x -> b") + layer("s", "Silence", "b ->")
    net += layer("loss", "SoftmaxWithLoss", "a label ->")
    shown = {line.split()[0]: line.split() for line in table(text(see(net)))}
    assert shown["s"][:3] == ["s", "Silence", "-"]
    assert shown["loss"][:3] == ["loss", "SoftmaxWithLoss", "scalar"]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        pytest.param(999, "999", id="small"),
        pytest.param(1000, "1.0 k", id="thousand"),
        pytest.param(9960, "10 k", id="rounds-to-a-digit-more"),
        pytest.param(999_499, "999 k", id="below-the-next-unit"),
        pytest.param(999_500, "1.0 M", id="rounds-to-the-next-unit"),
        pytest.param(2_147_483_647, "2.1 G", id="largest-blob"),
    ],
)
def test_numbers(number: int, shown: str) -> None:
    net = layer("x", "Input", "-> x", f"input_param {{ shape {{ dim: {number} }} }}")
    line = table(text(see(net + layer("s", "Softmax", "x -> s", "softmax_param { axis: 0 }"))))[-1]
    macs = line[line.index(str(number)) + len(str(number)) :].split("  ")
    assert next(cell for cell in macs if cell.strip()).strip() == shown


def test_nothing_from_the_file_reaches_the_terminal_unseen() -> None:
    hostile = 'name: "\x1b"' + layer("i", "Input", "-> \x1bx")
    hostile += layer("a\x1b[31m", "Re\x1bLU", "\x1bx -> \x1by \x1bz")
    for style in ("text", "json"):
        done = run("-", "--format", style, cwd=SAMPLES, stdin=hostile.encode() + b"\xff")
        assert b"\x1b" not in done.stdout
        assert b"Traceback" not in done.stderr
        done.stdout.decode()


# The document


def test_the_document() -> None:
    net = DATA + FROZEN + layer("r", "ReLU", "ip -> ip") + LOSS
    asked = ("--format", "json", "--shape", "x=2,3,1,1")
    shown = json.loads(run("-", *asked, cwd=SAMPLES, stdin=net.encode()).stdout)
    layers = shown.pop("layers")
    assert layers[1] == {
        "name": "ip",
        "type": "InnerProduct",
        "bottoms": ["x"],
        "tops": ["ip"],
        "shapes": [[2, 3]],
        "params": [
            *(
                {
                    "role": role,
                    "shape": shape,
                    "count": count,
                    "lr_mult": 0,
                    "decay_mult": 1,
                    "shared_with": None,
                }
                for role, shape, count in (("weight", [3, 3], 9), ("bias", [3], 3))
            )
        ],
        "multiply_adds": 18,
        "memory": 4 * (6 + 12),
        "in_place": False,
        "needs_backward": False,
        "only_in_phase": None,
    }
    assert [each["in_place"] for each in layers] == [False, False, True, False]
    sums = {
        "parameters": 12,
        "learned_parameters": 0,
        "multiply_adds": 18 + 6,
        "blob_memory": 4 * (6 + 2 + 6 + 1),
        "parameter_memory": 48,
        "caffe_data_memory": 4 * (6 + 2 + 6 + 6 + 1),
    }
    assert shown == {
        "version": 1,
        "file": "<stdin>",
        "phase": "TRAIN",
        "verdict": "accept",
        "problems": [],
        "totals": {"batch_size": 2, **sums, "at_least": sums, "split_layers": 0},
    }


def test_unknown_is_null() -> None:
    shown = document(see(DATA + IP + layer("n", "Whiten", "ip -> n")))
    assert shown["verdict"] == "reject"
    assert [(p["line"], p["layer"]) for p in shown["problems"]] == [(3, "n")]
    assert shown["layers"][0]["shapes"] == [[2, None, None, None], [2]]
    assert shown["layers"][2]["shapes"] == [None]
    assert shown["layers"][2]["multiply_adds"] is None
    assert shown["totals"]["parameters"] is None
    assert shown["totals"]["at_least"]["parameters"] == 3


def test_multipliers_are_given_as_written() -> None:
    odd = ip("ip", "x -> ip", "param { lr_mult: 0.1 decay_mult: inf }")
    first = document(see(INPUT + odd))["layers"][1]["params"][0]
    assert (first["lr_mult"], first["decay_mult"]) == (0.1, None)


# What is not a net


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        pytest.param(["lenet/deploy.prototxt"], 0, "", id="net"),
        pytest.param(["broken/misspelt.prototxt"], 1, "", id="rejected"),
        pytest.param(["broken/misspelt.prototxt", "--format", "json"], 1, "", id="rejected-json"),
        pytest.param(["lenet/solver.prototxt"], 0, "", id="solver"),
        pytest.param(["lenet"], 2, "lenet: not a file", id="directory"),
        pytest.param(["none.prototxt"], 2, "none.prototxt: not found", id="not-there"),
        pytest.param(["lenet/deploy.prototxt", "--phase", "RUN"], 2, "--phase", id="no-phase"),
        pytest.param(["lenet/deploy.prototxt", "--shape", "a"], 2, "BLOB=N,C,H,W", id="bad-shape"),
        pytest.param(["lenet/deploy.prototxt", "--shape", "a=1"], 2, '"a" is none', id="no-blob"),
    ],
)
def test_exit_status(arguments: list[str], status: int, words: str) -> None:
    done = run(*arguments, cwd=SAMPLES)
    assert done.returncode == status
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("other", ["base_lr: 1", 'item { name: "cat" }', ""])
def test_other_files_are_refused(other: str) -> None:
    with pytest.raises(CheckError):
        see(other)
