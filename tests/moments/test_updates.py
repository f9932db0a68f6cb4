"""The first update: what Caffe's solvers make of a gradient, written out once more and averaged."""

from __future__ import annotations

import random
from math import inf, sqrt

import pytest

from caffelint.model.build import set_up
from caffelint.moments.forward import forward
from caffelint.moments.updates import first_step, moved_by
from caffelint.schema.message import Message

from ..model.build import message, net
from .nets import net_text

NET = """
    x = 32 100 | gaussian std: 1
    a InnerProduct x -> a | num_output: 80 w(msra) | param { lr_mult: 1 } param { lr_mult: 2 }
    r ReLU a -> r
    z InnerProduct r -> z | num_output: 10 w(xavier) | param { lr_mult: 0 } param { lr_mult: 0 }
    y = 32 | uniform max: 9.999
    l SoftmaxWithLoss z y -> l
"""


def solver(more: str) -> Message:
    return message(f'net: "n" base_lr: 0.01 lr_policy: "fixed" max_iter: 10 {more}', "solver")


def one_step(kind: str, g: float) -> float:
    """src/caffe/solvers/*.cpp with an empty history, at a rate of 1."""
    m, m2, decay, delta = 0.9, 0.999, 0.98, 1e-8
    if kind == "Nesterov":
        history = g
        return (1 + m) * history
    if kind == "AdaGrad":
        return g / (sqrt(g * g) + delta)
    if kind == "RMSProp":
        return g / (sqrt((1 - decay) * g * g) + delta)
    if kind == "AdaDelta":
        return g * sqrt(delta / ((1 - m) * g * g + delta))
    if kind == "Adam":
        correction = sqrt(1 - m2) / (1 - m)
        return correction * (1 - m) * g / (sqrt((1 - m2) * g * g) + delta)
    return g


@pytest.mark.parametrize("size", [1e-9, 1e-5, 1.0])
@pytest.mark.parametrize("kind", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
def test_types(kind: str, size: float) -> None:
    made = solver(f'type: "{kind}" momentum: 0.9 momentum2: 0.999 rms_decay: 0.98 delta: 1e-8')
    rng = random.Random(1)
    steps = [one_step(kind, rng.gauss(0, size)) for _ in range(20_000)]
    measured = sqrt(sum(step * step for step in steps) / len(steps))
    assert moved_by(made, size) == pytest.approx(measured, rel=0.03)


def step_of(more: str) -> dict[tuple[str, int], tuple[float, float]]:
    built = net(net_text("\n".join(line for line in NET.splitlines() if line.strip())))
    result = first_step(forward(built, set_up(built)[0]), solver(more))
    assert result.whole
    return {(u.layer.name, u.index): (u.update, u.steady) for u in result.updates}


def test_rate_multipliers_and_momentum() -> None:
    updates = step_of("momentum: 0.9")
    assert updates.keys() == {("a", 0), ("a", 1)}  # what lr_mult 0 freezes has no update
    first, steady = updates["a", 0]
    assert steady == pytest.approx(10 * first)
    slower = step_of("")
    assert slower["a", 1][1] == pytest.approx(slower["a", 1][0]) == updates["a", 1][0]


def constant_gradient(kind: str, momentum: float) -> tuple[float, float]:
    """First and last of many steps by src/caffe/solvers/*.cpp where the gradient is always 1."""
    history = second = 0.0
    steps = []
    for t in range(1, 3000):
        before = history
        if kind == "Adam":
            history = momentum * history + (1 - momentum)
            second = 0.999 * second + 0.001
            correction = sqrt(1 - 0.999**t) / (1 - momentum**t)
            steps.append(correction * history / (sqrt(second) + 1e-8))
            continue
        history = momentum * history + 1
        nesterov = (1 + momentum) * history - momentum * before
        steps.append(nesterov if kind == "Nesterov" else history)
    return steps[0], steps[-1]


@pytest.mark.parametrize("kind", ["SGD", "Nesterov", "Adam"])
@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.99])
def test_what_steps_grow_to(kind: str, momentum: float) -> None:
    first, last = constant_gradient(kind, momentum)
    update, steady = step_of(f'type: "{kind}" momentum: {momentum} momentum2: 0.999')["a", 0]
    assert steady / update == pytest.approx(last / first, rel=1e-3)


def test_a_type_of_the_users_own_is_taken_for_plain() -> None:
    assert moved_by(solver('type: "Mine"'), 0.25) == 0.25
    update, steady = step_of('type: "Mine" momentum: 0.9')["a", 0]
    assert update == steady == step_of("")["a", 0][0]


def test_a_gradient_that_is_not_known_leaves_the_step_open() -> None:
    text = """
        x = 1 8 30 | gaussian std: 1
        k = 1 8 | constant value: 1
        y = 1 8 | uniform max: 2.999
        h LSTM x k -> h | num_output: 4 w(xavier)
        z InnerProduct h -> z | num_output: 3 axis: 2 w(xavier)
        l SoftmaxWithLoss z y -> l | axis: 2
    """
    built = net(net_text(text))
    result = first_step(forward(built, set_up(built)[0]), solver(""))
    assert not result.whole
    assert result.updates == ()


def test_clipping_counts_the_sum_over_batches() -> None:
    plain, once = step_of(""), step_of("clip_gradients: 0.001")
    four = step_of("clip_gradients: 0.001 iter_size: 4")
    assert once["a", 0][0] < plain["a", 0][0] / 10
    assert four["a", 0][0] == pytest.approx(once["a", 0][0] / 4, rel=0.02)
    assert step_of("clip_gradients: 1000") == plain


def test_batches_of_an_update_average_out() -> None:
    plain, four = step_of(""), step_of("iter_size: 4")
    assert plain["a", 0][0] / 2 * 0.95 < four["a", 0][0] < plain["a", 0][0]


@pytest.mark.parametrize(
    ("more", "decay"),
    [
        pytest.param("weight_decay: 100", 100 * sqrt(2 / 100), id="L2"),
        pytest.param('weight_decay: 100 regularization_type: "L1"', 100.0, id="L1"),
    ],
)
def test_decay(more: str, decay: float) -> None:
    assert step_of(more)["a", 0][0] == pytest.approx(0.01 * decay, rel=0.01)


def test_infinite_gradients_stay_infinite() -> None:
    assert moved_by(solver('type: "Adam"'), inf) == inf
