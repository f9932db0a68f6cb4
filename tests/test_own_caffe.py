"""Files for a Caffe of the user's own: ``--dialect``, ``--proto``, ``layers:``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caffelint import ownproto
from caffelint.config import read_config
from caffelint.ownproto import ProtoError, compile_proto

NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 } } }
layer { name: "n" type: "MyNorm" bottom: "data" top: "n" my_norm_param { gain: 2 } }
layer { name: "w" type: "Whiten" bottom: "n" top: "w" }
"""
PROTO = """\
syntax = "proto2";
package caffe;
message LayerParameter { optional MyNormParameter my_norm_param = 200; }
message MyNormParameter { optional float gain = 1 [default = 1]; }
"""
FORK = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 } } }
layer { name: "p" type: "Permute" bottom: "data" top: "p" permute_param { order: 0 order: 2 } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "fork.prototxt").write_text(FORK)
    (tmp_path / "caffe.proto").write_text(PROTO)
    (tmp_path / "labels.prototxt").write_text("colour: 'red'\n")
    return tmp_path


def caffelint(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "caffelint", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def findings(*arguments: str) -> list[tuple[int, str, str]]:
    done = caffelint("check", "--format", "json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["diagnostics"]
    return [(one["line"], one["rule"], one["severity"]) for one in found]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("fork.prototxt",), [(2, "CL030", "info")]),
        (("fork.prototxt", "--dialect", "ssd"), []),
        (("fork.prototxt", "--dialect", "bvlc"), [(2, "CL020", "error")]),
        (
            ("net.prototxt",),
            [(2, "CL106", "warning"), (2, "CL020", "error"), (3, "CL106", "warning")],
        ),
        (("net.prototxt", "--proto", "caffe.proto"), [(3, "CL106", "warning")]),
        (("labels.prototxt", "--dialect", "ssd"), [(1, "CL090", "info")]),
    ],
)
def test_options(
    folder: Path, arguments: tuple[str, ...], wanted: list[tuple[int, str, str]]
) -> None:
    assert findings(*arguments) == wanted


def test_config(folder: Path) -> None:
    (folder / ".caffelint.yaml").write_text(
        "proto: caffe.proto\n"
        "layers: {Whiten: {bottoms: 1, tops: 1, shape: same}}\n"
        "overrides: [{files: [fork.prototxt], dialect: ssd}]\n"
    )
    assert findings("net.prototxt", "fork.prototxt") == []
    shown = json.loads(caffelint("show", "--format", "json", "net.prototxt").stdout)
    assert shown["verdict"] == "accept"


@pytest.mark.parametrize(
    ("shape", "shapes"),
    [
        ("same", (None,)),
        ("[0, 16, null]", ((0, 16, None),)),
        ("[[1, 2], [3]]", ((1, 2), (3,))),
        ("[]", ()),
    ],
)
def test_shapes_of_own_types(folder: Path, shape: str, shapes: tuple[object, ...]) -> None:
    (folder / "c.yaml").write_text(f"layers: {{Whiten: {{shape: {shape}}}}}\n")
    facts = read_config(folder / "c.yaml").layers["Whiten"].facts("Whiten")
    assert facts.declared is not None
    assert facts.declared.shapes == shapes


@pytest.mark.parametrize(
    "comment",
    ["# what dialect is this?", '# "dialect"\n# and: dialect'],
)
def test_a_comment_about_dialects_is_no_setting(folder: Path, comment: str) -> None:
    alone = findings("fork.prototxt")
    (folder / "fork.prototxt").write_text(f"{comment}\n{FORK}")
    more = comment.count("\n") + 1
    assert findings("fork.prototxt") == [(line + more, *rest) for line, *rest in alone]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("dialect: sdd", ':1: dialect: there is no dialect "sdd"; did you mean "ssd"?'),
        ("layers: {A: {bottoms: x}}", 'bottoms of layer type A: write 2, "1-3" or "1+"'),
        ("layers: {A: {shape: like}}", "shape of layer type A: write same, a list of sizes"),
        ("layers: {A: {shape: [1, [2]]}}", "shape of layer type A"),
        ("layers: {A: {learn: 1}}", 'unknown setting "learn"; did you mean "learns"?'),
        ("proto: missing.proto", "missing.proto: No such file or directory"),
        ("overrides: [{files: [x], dialect: sdd}]", 'there is no dialect "sdd"'),
    ],
)
def test_mistakes_in_the_config(folder: Path, config: str, words: str) -> None:
    (folder / ".caffelint.yaml").write_text(config + "\n")
    done = caffelint("check", "net.prototxt")
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_mistakes_on_the_command_line(folder: Path) -> None:
    done = caffelint("check", "--dialect", "sdd", "net.prototxt")
    assert (done.returncode, done.stderr.count("did you mean")) == (2, 1)


def test_dialects_are_listed() -> None:
    listed = caffelint("dialects").stdout.splitlines()
    assert listed[0].split() == ["bvlc", "BVLC", "Caffe"]
    assert sum(line.split() == ["ssd", "SSD"] for line in listed) == 1
    assert "  PriorBox" in caffelint("dialects", "ssd").stdout.splitlines()
    assert caffelint("dialects", "sdd").returncode == 2


# Compiling


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("message {", "caffe.proto: 1:9: Expected message name"),
        ('import "../elsewhere.proto";', "elsewhere.proto"),
        ("\x00\xff", "caffe.proto"),
        ('syntax = "proto2"; message A { optional Missing b = 1; }', '"Missing" is not defined'),
    ],
)
def test_what_protoc_refuses(folder: Path, text: str, words: str) -> None:
    (folder / "caffe.proto").write_text(text, encoding="latin-1")
    with pytest.raises(ProtoError, match=words):
        compile_proto(folder / "caffe.proto")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("find_spec", lambda _: None, r'needs protoc: pip install "caffelint\[proto\]"'),
        ("_SECONDS", 0, "caffe.proto: protoc took more than 0 s"),
        ("_MOST_RESULT", 9, "caffe.proto: too many messages"),
    ],
)
def test_what_keeps_protoc_from_its_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: object, words: str
) -> None:
    monkeypatch.setattr(ownproto, limit, value)
    with pytest.raises(ProtoError, match=words):
        compile_proto(folder / "caffe.proto")


@pytest.mark.parametrize("name", ["--x_out=y.proto", "@y.proto", "-y.proto"])
def test_a_name_is_no_option_of_protoc(folder: Path, name: str) -> None:
    (folder / name).write_text(PROTO)
    (folder / "caffe.proto").write_text(PROTO)
    assert len(compile_proto(folder / name)) == len(compile_proto(folder / "caffe.proto")) + (
        len(name) - len("caffe.proto")
    )


def test_a_file_that_is_too_large_or_none_is_refused(folder: Path) -> None:
    (folder / "caffe.proto").write_bytes(b"/" * (5 << 20))
    for path in (folder / "caffe.proto", folder, folder / "a\x00b"):
        with pytest.raises(ProtoError):
            compile_proto(path)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PROTO.replace("package caffe;", ""), id="no-package"),
        pytest.param(PROTO.replace("package caffe;", "package my.own.caffe;"), id="other-package"),
        pytest.param(PROTO.replace("= 200", "= 1"), id="number-of-another-field"),
        pytest.param(
            PROTO + "message SolverParameter { repeated string base_lr = 5; }", id="core-redefined"
        ),
        pytest.param(
            PROTO + "message PoolingParameter { repeated uint32 kernel_size = 2; }", id="lists"
        ),
        pytest.param(PROTO.replace("proto2", "proto3").replace("optional ", "")
                     .replace(" [default = 1]", ""), id="proto3"),
    ],
)  # fmt: skip
def test_own_protos_of_many_kinds(folder: Path, text: str) -> None:
    (folder / "caffe.proto").write_text(text)
    (folder / "solver.prototxt").write_text('net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed"')
    pool = (
        'layer { name: "q" type: "Pooling" bottom: "w" top: "q" pooling_param { kernel_size: 2 } }'
    )
    (folder / "net.prototxt").write_text(NET + pool)
    found = findings("net.prototxt", "solver.prototxt", "--proto", "caffe.proto")
    assert {rule for _, rule, _ in found} & {"CL020", "CL021", "CL025"} == set()
    assert (3, "CL106", "warning") in found
    assert (2, "CL106", "warning") not in found
