"""The learning rate of an iteration, by the formulas of SGDSolver::GetLearningRate
(sgd_solver.cpp).
"""

from __future__ import annotations

import math

import pytest

from caffelint.core.source import Source
from caffelint.model.schedule import first_below, rate
from caffelint.resources import load_schema
from caffelint.schema.bind import bind
from caffelint.schema.message import Message
from caffelint.syntax.parser import parse


def solver(text: str) -> Message:
    return bind(parse(Source("solver.prototxt", f"base_lr: 0.5 {text}")), load_schema().solver)[0]


@pytest.mark.parametrize(
    ("text", "iteration", "expected"),
    [
        ('lr_policy: "fixed"', 7, 0.5),
        ('lr_policy: "step" gamma: 0.5 stepsize: 10', 9, 0.5),
        ('lr_policy: "step" gamma: 0.5 stepsize: 10', 20, 0.125),
        ('lr_policy: "step" gamma: 0.5 stepsize: 1', 2, 0.125),
        ('lr_policy: "exp" gamma: 0.5', 3, 0.0625),
        ('lr_policy: "inv" gamma: 0.5 power: 2', 6, 0.5 / 16),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 5 stepvalue: 8', 4, 0.5),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 5 stepvalue: 8', 5, 0.25),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 5 stepvalue: 8', 8, 0.125),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 0', 0, 0.25),
        # One step an iteration at most.
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 5 stepvalue: 5', 5, 0.25),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 5 stepvalue: 5', 6, 0.125),
        ('lr_policy: "poly" power: 2 max_iter: 10', 5, 0.125),
        ('lr_policy: "sigmoid" gamma: 0.5 stepsize: 4', 4, 0.25),
        ('lr_policy: "sigmoid" gamma: 0.5 stepsize: 4', 6, 0.5 / (1 + math.exp(-1))),
        # gamma is checked where it is read, and only there.
        ('lr_policy: "fixed" gamma: -1', 7, 0.5),
        ('lr_policy: "poly" power: 1 max_iter: 10 gamma: -1', 5, 0.25),
        ('lr_policy: "step" gamma: -1 stepsize: 10', 0, None),
        ('lr_policy: "exp" gamma: -1', 0, None),
        ('lr_policy: "inv" gamma: -1 power: 1', 0, None),
        ('lr_policy: "multistep" gamma: -1', 0, None),
        ('lr_policy: "sigmoid" gamma: -1 stepsize: 1', 0, None),
        ('lr_policy: "step" gamma: 0.5', 0, None),
        ('lr_policy: "sigmoid" gamma: 0.5', 0, None),
        ('lr_policy: "unknown"', 0, None),
        ("", 0, None),
    ],
)
def test_rate(text: str, iteration: int, expected: float | None) -> None:
    got = rate(solver(text), iteration)
    assert got == (None if expected is None else pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('lr_policy: "step" gamma: 0.1 stepsize: 10 max_iter: 100', 20),
        ('lr_policy: "step" gamma: 0.01 stepsize: 1 max_iter: 100', 1),
        ('lr_policy: "inv" gamma: 2 power: 0.75 max_iter: 100', 27),
        ('lr_policy: "inv" gamma: 2 power: 0.75', 0),
        ('lr_policy: "fixed" max_iter: 100', 0),
        ('lr_policy: "step" gamma: 0.1 stepsize: 10 max_iter: 20', 0),
    ],
)
def test_first_iteration_below_a_share(text: str, expected: int) -> None:
    assert first_below(solver(text), 0.05) == expected
