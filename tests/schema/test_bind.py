from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message as ProtobufMessage
from hypothesis import given
from hypothesis import strategies as st

import caffelint
from caffelint.api import FileKind, Parsed
from caffelint.core.problem import Problem
from caffelint.resources import load_schema, proto_folder
from caffelint.schema.descriptor import MessageType

SAMPLES = Path(__file__).parents[2] / "samples"


def type_of(kind: FileKind) -> MessageType:
    return load_schema().net if kind == "net" else load_schema().solver


def ours(text: str | bytes, kind: FileKind) -> Parsed:
    return caffelint.parse(text, kind=kind)


def python_reads(data: bytes, kind: FileKind) -> ProtobufMessage | None:
    """What Python's text_format makes of a text, None where it refuses it."""
    try:
        return text_format.Parse(data.decode("utf-8"), type_of(kind).new_message())
    except (text_format.ParseError, ValueError):
        return None


def cpp_accepts(data: bytes, kind: FileKind) -> bool:
    """Whether protobuf's C++ parser, which is Caffe's, takes a text."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_folder()}"]
    command += [f"--encode=caffe.{type_of(kind).name}", "caffe.proto"]
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        done = subprocess.run(command, stdin=file, capture_output=True, check=False)
    return done.returncode == 0 and b"missing required" not in done.stderr


# What fits


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=text)
        for text in [
            "net: 'a' 'b' test_iter: 1 test_iter: [2, 3] base_lr: 1e-3",
            "solver_mode: GPU debug_info: t snapshot_format: 1",
            "train_state { level: 1 stage: 'a' } test_state < > test_state: { phase: TRAIN }",
            "test_state: [{ level: 1 }, <level: 2>] test_iter: []",
            "base_lr: inf delta: -nan max_iter: -5 random_seed: 0x7F",
            "net_param { layer { name: 'a' blobs { data: [1, 2.5, 3f] } } }",
            r"net: '\u00e9\n'",
        ]
    ],
)
def test_the_message_is_that_of_protobuf(text: str) -> None:
    parsed = ours(text, "solver")
    assert not parsed.problems
    assert str(parsed.message()) == str(python_reads(text.encode(), "solver"))


# What does not fit


def problems(text: str, kind: FileKind = "net") -> list[Problem]:
    return ours(text, kind).problems


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        pytest.param(text, kind, values, id=text)
        for text, kind, values in [
            ("foo: 1", "unknown-field", {"field": "foo", "message": "NetParameter"}),
            ("layer { tops: 'a' }", "unknown-field", {"suggestion": "top"}),
            ("layer { relu_parm {} }", "unknown-field", {"suggestion": "relu_param"}),
            ("layer { roi_pooling_param {} }", "unknown-field", {"suggestion": ""}),
            ("layer { num_output: 1 relu_param {} }", "unknown-field", {"home": ""}),
            ("layer { negative_slope: 1 }", "unknown-field", {"home": "inside relu_param"}),
            (
                "layer { relu_param { top: 'a' } }",
                "unknown-field",
                {"home": "outside, in layer", "suggestion": ""},
            ),
            (
                "layer { force_backward: true }",
                "unknown-field",
                {"home": "outside of all blocks"},
            ),
            ("[a.b]: 1", "extension", {"field": "[a.b]"}),
            ("layer { layer { } }", "misplaced-block", {"message": "LayerParameter"}),
            ("name: 'a' name: 'b'", "field-given-twice", {"field": "name"}),
            ("name: ['a']", "list-of-single", {"field": "name"}),
            ("name: a", "unquoted-text", {"name": "name", "text": "a"}),
            ("name: 1", "wrong-type", {"expected": "a quoted text", "instead": '"1"'}),
            ("name { }", "wrong-type", {"found": "a block"}),
            ("layer: 1", "wrong-type", {"expected": "a block in braces"}),
            ("force_backward: 'true'", "wrong-type", {"instead": "true"}),
            ("force_backward: yes", "wrong-type", {"instead": "true"}),
            ("input_dim: 1e2", "wrong-type", {"instead": "100"}),
            ("input_dim: 1.5", "wrong-type", {"instead": ""}),
            ("input_dim: '5'", "wrong-type", {"instead": "5"}),
            ("input_dim: 3000000000", "out-of-range", {"most": 2**31 - 1}),
            ("state { phase: train }", "unknown-enum-value", {"suggestion": "TRAIN"}),
            ("state { phase: 7 }", "unknown-enum-value", {"known": "TRAIN, TEST"}),
            ("layers { type: BN }", "unknown-enum-value", {"suggestion": "", "known": ""}),
            ("layers { type: CONVOLUTON }", "unknown-enum-value", {"suggestion": "CONVOLUTION"}),
            ("state { phase: 'TRAIN' }", "quoted-name", {"suggestion": "TRAIN"}),
            ("layers { type: 'SoftmaxWithLoss' }", "quoted-name", {"suggestion": "SOFTMAX_LOSS"}),
            ("layer { clip_param { max: 1 } }", "missing-required", {"block": "clip_param"}),
        ]
    ],
)
def test_what_does_not_fit(text: str, kind: str, values: dict[str, object]) -> None:
    (problem,) = problems(text)
    assert problem.kind == kind
    assert values.items() <= problem.values.items()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param(text, meant, id=text)
        for text, meant in [
            ("name: a/b", "name: 'a/b'"),
            ("name: a", "name: 'a'"),
            ("name: a'", "name: 'a'"),
            ("name: 'a", "name: 'a'"),
            ("name: \u201ca\u201d", "name: 'a'"),
            ("state { phase: train }", "state { phase: TRAIN }"),
            ("state { phase: 'TEST' }", "state { phase: TEST }"),
            ("layer { bottoms: 'a' }", "layer { bottom: 'a' }"),
            (
                "layer { relu_parm { negative_slope: 1 } }",
                "layer { relu_param { negative_slope: 1 } }",
            ),
            ("layer { name: 'a' layer { name: 'b' } }", "layer { name: 'a' } layer { name: 'b' }"),
            ("layer { name: 'a' layer { name: 'b' }", "layer { name: 'a' } layer { name: 'b' }"),
            (
                "layer { param { lr_mult: 1 param { lr_mult: 2 } top: 'a' }",
                "layer { param { lr_mult: 1 } param { lr_mult: 2 } top: 'a' }",
            ),
            ("layer { name: 'a' } top: 'b' }", "layer { name: 'a' top: 'b' }"),
        ]
    ],
)
def test_what_was_meant_is_bound(text: str, meant: str) -> None:
    """So that one mistake makes no second finding further on."""
    parsed = ours(text, "net")
    assert len(parsed.problems) == 1
    assert str(parsed.message()) == str(ours(meant, "net").message())


# Protobuf's own parsers as referees

# Where protobuf's Python parser is not Caffe's: text of a solver, and whether C++ takes it.
DIFFERENCES = [
    (b"max_iter: 0b1", False),
    (b"max_iter: 0o7", False),
    (b"max_iter: 1_0", False),
    (b"base_lr: 1_0.5", False),
    (b"base_lr: nanf", False),
    (b"base_lr: inff", False),
    (b"base_lr: +1", False),
    (b"base_lr: - 1", True),
    (b"max_iter: -\n5", True),
    (b"debug_info: 01", True),
    (b"debug_info: 0x1", True),
    (rb'net: "\q"', False),
    (rb'net: "\8"', False),
    (rb'net: "\777"', True),
    (rb'net: "\ud83d\ude00"', True),
    (rb'net: "\U00110000"', True),
    (rb'net: "\xff"', True),
    (b'net: "\xff"', True),
    (b'net: "a" # \xff', True),
    (b"# a\0", False),
    ("base_lr:\u00a01".encode(), False),
    ("base_lr: 1\u2028".encode(), False),
    (b"base_lr: 1\x1c", False),
    (b"base_lr: 1\x85".replace(b"\x85", "\x85".encode()), False),
]


@pytest.mark.filterwarnings("ignore:invalid")  # of Python, for what its parser calls
@pytest.mark.parametrize(("data", "taken"), DIFFERENCES)
def test_differences_of_the_referees(data: bytes, taken: bool) -> None:
    assert (python_reads(data, "solver") is not None) != taken
    assert (not ours(data, "solver").errors) == taken


def test_the_cpp_parser_is_followed_where_they_differ() -> None:
    with ThreadPoolExecutor() as pool:
        taken = list(pool.map(lambda case: cpp_accepts(case[0], "solver"), DIFFERENCES))
    assert taken == [expected for _, expected in DIFFERENCES]


def mutants(count: int) -> Iterator[tuple[str, FileKind, bytes]]:
    """Samples with one to three small damages each."""
    rng = random.Random(20)
    paths = sorted(SAMPLES.rglob("*.prototxt"))
    for number in range(count):
        path = rng.choice(paths)
        text = path.read_text(encoding="utf-8")
        for _ in range(rng.randint(1, 3)):
            text = damage(text, rng)
        kind: FileKind = "solver" if path.name == "solver.prototxt" else "net"
        yield f"{number} {path.relative_to(SAMPLES)}", kind, text.encode()


def damage(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    piece = text[at : at + rng.choice((1, 1, 1, 2, 5, 20))]
    inserted = rng.choice("{}[]<>:;,\"'#.-+\\ \n\tabefnrtx018_\0é")
    kept = rng.choice((text[at + len(piece) :], piece + text[at:], inserted + text[at:]))
    return text[:at] + kept


@pytest.mark.parametrize(
    ("kind", "data"), [pytest.param(kind, data, id=name) for name, kind, data in mutants(300)]
)
def test_damaged_samples(kind: FileKind, data: bytes) -> None:
    parsed, theirs = ours(data, kind), python_reads(data, kind)
    assert parsed.render_bytes() == data
    if (theirs is None) == bool(parsed.errors):
        if theirs is not None:
            assert str(parsed.message()) == str(theirs)
    else:
        assert cpp_accepts(data, kind) == (not parsed.errors)


WORDS = st.sampled_from(
    [
        *("layer", "name", "type", "bottom", "phase", "state", "include", "input_dim", "foo"),
        *("relu_param", "{", "}", "<", ">", ":", "[", "]", ",", ";", '"a"', "'b'", "TRAIN", "1"),
        *("-", "1.5", "true", "\n", "negative_slope", "engine"),
    ]
)


@given(st.lists(WORDS, max_size=20).map(" ".join))
def test_any_words(text: str) -> None:
    parsed, theirs = ours(text, "net"), python_reads(text.encode(), "net")
    if "- " in text:
        return  # Python wants a number right behind its minus
    assert (theirs is None) == bool(parsed.errors)
    if theirs is not None:
        assert str(parsed.message()) == str(theirs)


@pytest.mark.parametrize(
    ("text", "path", "unread"),
    [
        pytest.param("max_iter: 10", "max_iter", False, id="a-number"),
        pytest.param("", "max_iter", False, id="not-written"),
        pytest.param("max_iter: ${n}", "max_iter", True, id="a-placeholder"),
        pytest.param("max_iter: many", "max_iter", True, id="a-wrong-value"),
        pytest.param("max_iter: { a: 1 }", "max_iter", True, id="a-block-for-a-number"),
        pytest.param("test_iter: 1 test_iter: ${n}", "test_iter", True, id="one-of-several"),
        pytest.param('net: "${n}"', "net", False, id="a-text-of-a-file-that-is-no-template"),
        pytest.param('net: "${n}" max_iter: ${m}', "net", True, id="a-text-of-a-template"),
        pytest.param('net: "a" max_iter: ${m}', "net", False, id="another-field-of-a-template"),
        pytest.param("net: ${n}", "net", True, id="a-text-without-quotes"),
        pytest.param("solver_type: FAST", "solver_type", True, id="an-unknown-word"),
        pytest.param("solver_type: sgd", "solver_type", False, id="a-word-that-is-plainly-meant"),
        pytest.param("train_state { level: x }", "train_state.level", True, id="in-a-block"),
        pytest.param("train_state { level: x }", "train_state", False, id="the-block-around"),
        pytest.param(
            "train_state { ${state} }", "train_state", True, id="a-placeholder-for-fields"
        ),
        pytest.param("train_state { ${state} }", "max_iter", False, id="a-field-outside-of-it"),
        pytest.param(
            "{% if a %} max_iter: 1 {% else %} max_iter: 2 {% endif %}",
            "max_iter",
            True,
            id="branches-of-a-template",
        ),
    ],
)
def test_written_values_that_nobody_knows(text: str, path: str, unread: bool) -> None:
    typed = ours(text, "solver").typed
    assert typed is not None
    assert typed.is_unread(path) is unread


def test_the_branches_of_a_template_are_no_repetition() -> None:
    branches = "{% if a %} max_iter: 1 {% else %} max_iter: 2 {% endif %}"
    kinds = {problem.kind for problem in ours(branches, "solver").problems}
    assert kinds == {"unfilled-placeholder"}
