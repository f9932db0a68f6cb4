from __future__ import annotations

import pytest

from caffelint.model.context import Context, guess
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
    ("context", "words"),
    [
        (Context("scratch", True, "--context scratch"),
         "assumed training from scratch: --context scratch"),
        (Context("finetune", True, "--weights x"), "assumed fine-tuning: --weights x"),
        (Context("deploy", True, "no loss"), "assumed a deploy net: no loss"),
        (Context("unknown", False, "say so"),
         "assumed nothing about pre-trained weights: say so"),
    ],
    ids=lambda value: value.kind if isinstance(value, Context) else "",
)  # fmt: skip
def test_words(context: Context, words: str) -> None:
    assert context.words == words
