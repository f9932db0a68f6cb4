"""Facts of how a net starts, and of which nets they are told."""

from __future__ import annotations

from typing import Any

import pytest

from caffelint.core.source import Source
from caffelint.engine.vocabulary import Solver
from caffelint.facts.build import FactBuilder
from caffelint.facts.signal import starts_from_fillers
from caffelint.model.build import set_up
from caffelint.model.context import UNKNOWN, Context
from caffelint.moments.outlook import outlook

from ..model.build import layer, message, net

DATA = layer(
    "data", "Data", "-> data label",
    'transform_param { crop_size: 10 } data_param { source: "d" batch_size: 16 }',
)  # fmt: skip
LOSS = layer("loss", "SoftmaxWithLoss", "z label -> loss")
SOLVER = 'net: "n" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 100'


def ip(filler: str) -> str:
    own = f"inner_product_param {{ num_output: 10 {filler} }}"
    return layer("z", "InnerProduct", "data -> z", own)


XAVIER = DATA + ip('weight_filler { type: "xavier" }') + LOSS


@pytest.mark.parametrize(
    ("text", "context", "phase", "wanted"),
    [
        pytest.param(XAVIER, UNKNOWN, "TRAIN", True, id="unknown"),
        pytest.param(XAVIER, Context("scratch", True, ""), "TRAIN", True, id="scratch"),
        pytest.param(XAVIER, Context("finetune", True, ""), "TRAIN", False, id="fine-tuned"),
        pytest.param(XAVIER, Context("resume", True, ""), "TRAIN", False, id="resumed"),
        pytest.param(XAVIER, UNKNOWN, "TEST", False, id="test"),
        pytest.param(DATA + ip("") + LOSS, UNKNOWN, "TRAIN", False, id="without-filler"),
        pytest.param(
            DATA + ip('weight_filler { type: "xavier" }'), UNKNOWN, "TRAIN", False, id="no-loss"
        ),
        pytest.param(
            XAVIER, Context("unknown", False, "", frozenset("z")), "TRAIN", False, id="filled"
        ),
    ],
)
def test_which_nets(text: str, context: Context, phase: str, wanted: bool) -> None:
    assert starts_from_fillers(net(text, phase), context) is wanted


def facts(text: str, solver: str = "") -> tuple[Any, dict[str, Any]]:
    built = net(text)
    shapes, _ = set_up(built)
    ahead = outlook(built, shapes, message(solver, "solver") if solver else None)
    builder = FactBuilder(Source("", ""), UNKNOWN)
    targets = list(builder.targets(built, Solver(), shapes, ahead))
    layers = {t.layer: t.variables["layer"] for t in targets if t.on == "layer"}
    return targets[0].variables["net"], layers


def test_the_first_loss_in_few_digits() -> None:
    found, layers = facts(XAVIER)
    start = found.start
    assert start.known
    assert start.assumed
    assert (start.chance, start.first_loss) == (2.3026, 73.0)
    assert start.low < start.first_loss < start.high
    assert start.scaled_loss == pytest.approx(2.4, abs=0.15)
    assert (start.scores, start.scores_rms) == ("z", 130.0)
    assert (start.weakest, start.strongest) == ("z", "z")
    assert not start.step_known
    signal = layers["z"].signal
    assert (signal.rms, signal.gain, signal.inputs) == (130.0, 0.984, 300)
    assert signal.weights == signal.fitting == 0.058


def test_the_first_step() -> None:
    found, layers = facts(XAVIER, SOLVER)
    assert found.start.step_known
    assert found.start.fall > 1
    update = layers["z"].params[0].update
    assert update.ratio == pytest.approx(update.first / update.weights, rel=0.1)
    assert found.start.fastest == pytest.approx(update.steady / update.weights, rel=0.1)


def test_what_blocks_the_sight() -> None:
    python = layer("p", "Python", "data -> q")
    text = DATA + python + ip('weight_filler { type: "xavier" }').replace('"data"', '"q"') + LOSS
    start = facts(text)[0].start
    assert not start.known
    assert start.blocked == "p"


def test_overflow() -> None:
    big = ip('weight_filler { type: "gaussian" std: 1e38 }').replace('"z"', '"y"')
    text = DATA + big + ip('weight_filler { type: "gaussian" std: 1e38 }').replace('"data"', '"y"')
    start = facts(text + LOSS)[0].start
    assert start.overflows
    assert start.overflows_at == "y"
    assert start.first_loss == 0
