from __future__ import annotations

import pytest

from caffelint.model.context import Context, Kind, chosen, guess, is_deploy, launched
from caffelint.model.launch import Launch
from caffelint.model.net import Net
from caffelint.model.phase import State

from .build import layer, message

INPUT = layer("in", "Input", "-> data")
DATA = layer("in", "Data", "-> data label")
IP = layer("ip", "InnerProduct", "data -> ip")
LOSS = layer("loss", "SoftmaxWithLoss", "ip label")
FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"


def guessed(text: str) -> Context:
    net = message(text)
    return guess(net, [Net(net, State(phase)) for phase in ("TRAIN", "TEST")])


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        pytest.param(INPUT + IP, "deploy", "it has an Input layer and no loss", id="fed-no-loss"),
        pytest.param(
            'input: "data" input_shape { dim: 1 } ' + IP,
            "deploy",
            "it has an Input layer and no loss",
            id="fed-in-the-old-form",
        ),
        pytest.param(DATA + IP, "unknown", "--context", id="reads-data-itself"),
        pytest.param(
            layer("in", "Input", "-> data label") + IP + LOSS,
            "unknown",
            "--context",
            id="has-a-loss",
        ),
        pytest.param(
            layer("in", "Input", "-> data", "include { phase: TEST }")
            + layer("in", "Data", "-> data", "include { phase: TRAIN }")
            + IP,
            "unknown",
            "--context",
            id="is-fed-in-one-phase-only",
        ),
        pytest.param(
            DATA
            + layer("low", "Convolution", "data -> low", FROZEN)
            + layer("ip", "InnerProduct", "low -> ip")
            + LOSS,
            "finetune",
            'layer "low" has lr_mult 0',
            id="some-layers-frozen",
        ),
        pytest.param(
            DATA
            + layer("low", "Convolution", "data -> low", FROZEN)
            + layer("mid", "InnerProduct", "low -> mid", FROZEN)
            + layer("ip", "InnerProduct", "mid -> ip")
            + LOSS,
            "finetune",
            'layer "low" has lr_mult 0',
            id="the-first-of-several-is-named",
        ),
        pytest.param(
            DATA
            + layer("low", "Embed", "data -> low", FROZEN)
            + layer("ip", "InnerProduct", "low -> ip")
            + LOSS,
            "finetune",
            'layer "low" has lr_mult 0',
            id="an-embedding-starts-random-too",
        ),
        pytest.param(
            DATA
            + layer("low", "ForksOwn", "data -> low", FROZEN)
            + layer("ip", "InnerProduct", "low -> ip")
            + LOSS,
            "unknown",
            "--context",
            id="what-another-type-learns-is-not-known",
        ),
        pytest.param(
            DATA + layer("ip", "InnerProduct", "data -> ip", FROZEN) + LOSS,
            "unknown",
            "--context",
            id="all-layers-frozen",
        ),
        pytest.param(
            DATA
            + layer("low", "Convolution", "data -> low", "param { lr_mult: 0 }")
            + layer("ip", "InnerProduct", "low -> ip")
            + LOSS,
            "unknown",
            "--context",
            id="a-frozen-weight-with-a-learning-bias",
        ),
        pytest.param(
            DATA
            + IP
            + layer("up", "Deconvolution", "ip -> up", FROZEN)
            + layer("loss", "SoftmaxWithLoss", "up label"),
            "unknown",
            "--context",
            id="frozen-upsampling-is-common-from-scratch",
        ),
        pytest.param(
            DATA
            + layer("bn", "BatchNorm", "data -> bn", "param { lr_mult: 0 } " * 3)
            + layer("ip", "InnerProduct", "bn -> ip")
            + LOSS,
            "unknown",
            "--context",
            id="statistics-of-batch-norm-are-always-frozen",
        ),
    ],
)
def test_guess(text: str, kind: str, reason: str) -> None:
    context = guessed(text)
    assert context.kind == kind
    assert context.certain == (kind == "deploy")
    assert reason in context.reason


@pytest.mark.parametrize(
    ("text", "deploy"),
    [
        pytest.param(INPUT + IP, True, id="fed"),
        pytest.param(IP, False, id="not-fed"),
        pytest.param("", False, id="empty"),
        pytest.param(INPUT + DATA, False, id="reads-as-well"),
        pytest.param(INPUT + layer("p", "Parameter", "-> p"), True, id="a-parameter-is-not-read"),
        pytest.param(INPUT + layer("s", "Silence", "data"), True, id="a-layer-without-tops"),
        pytest.param(
            INPUT + layer("r", "Reduction", "data -> r", "loss_weight: 1"), False, id="a-weight"
        ),
        pytest.param(
            layer("in", "Input", "-> x", "include { phase: TEST }") + IP, True, id="in-one-phase"
        ),
        pytest.param(
            layer("in", "Input", "-> x", 'include { stage: "x" }') + IP, False, id="in-no-phase"
        ),
        pytest.param(
            INPUT + layer("l", "EuclideanLoss", "a b", 'include { stage: "x" }'), True,
            id="a-loss-in-neither-phase",
        ),
        pytest.param(
            INPUT + layer("l", "EuclideanLoss", "a b", "include { phase: TRAIN }"), False,
            id="a-loss-in-one-phase",
        ),
    ],
)  # fmt: skip
def test_what_is_deployed(text: str, deploy: bool) -> None:
    assert is_deploy(message(text)) is deploy


@pytest.mark.parametrize(
    ("kind", "filled", "fills"),
    [
        ("finetune", frozenset(("ip",)), {"ip"}),
        ("finetune", None, set()),
        ("finetune", frozenset[str](), set()),
        ("resume", None, {"ip", "new"}),
        ("resume", frozenset(("ip",)), {"ip", "new"}),
        ("scratch", None, set()),
    ],
)
def test_layers_that_start_from_stored_weights(
    kind: Kind, filled: frozenset[str] | None, fills: set[str]
) -> None:
    context = Context(kind, True, "so", filled)
    assert {name for name in ("ip", "new") if context.fills(name)} == fills


def a_launch(place: str, weights: str = "", snapshot: str = "") -> Launch:
    return Launch(place, 1, "", "", "s.prototxt", tuple(weights.split()), snapshot)


@pytest.mark.parametrize(
    ("launches", "wanted", "certain"),
    [
        pytest.param(["a", "b:w"], "b", False, id="one-with-weights-goes-first"),
        pytest.param(["a::s", "b"], "b", True, id="then-one-without-anything"),
        pytest.param(["a::s", "b::t"], "a", True, id="then-one-that-goes-on"),
        pytest.param(["a:w:s", "b:v"], "a", False, id="the-first-of-several"),
        pytest.param(["a:w", "b:w"], "a", True, id="the-same-weights"),
        pytest.param(["a:w x", "b:w"], "a", False, id="not-all-of-the-same"),
        pytest.param(["a:$W"], "a", False, id="a-variable-for-the-weights"),
    ],
)
def test_the_launch_that_counts(launches: list[str], wanted: str, certain: bool) -> None:
    given = [a_launch(*one.split(":")) for one in launches]
    one, context = chosen(given), launched(given)
    assert one is not None
    assert context is not None
    assert (one.script, context.certain) == (wanted, certain)


def test_weights_from_several_files_are_all_named() -> None:
    context = launched([a_launch("a", "w v")])
    assert context is not None
    assert context.reason == "a:1 starts it with --weights w,v"


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (Context("scratch", True, "--context scratch"),
         "assumed training from scratch: --context scratch"),
        (Context("finetune", True, "--weights x"), "assumed fine-tuning: --weights x"),
        (Context("deploy", True, "no loss"), "assumed a deploy net: no loss"),
        (Context("unknown", False, "say so"),
         "assumed nothing about pre-trained weights: say so"),
        (Context("resume", True, "--snapshot s"),
         "assumed training that goes on from a snapshot: --snapshot s"),
    ],
    ids=lambda value: value.kind if isinstance(value, Context) else "",
)  # fmt: skip
def test_words(context: Context, words: str) -> None:
    assert context.words == words
