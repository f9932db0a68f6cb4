"""The learning rate of an iteration, by the formulas of SGDSolver::GetLearningRate
(sgd_solver.cpp).
"""

from __future__ import annotations

import math

import pytest

from caffelint.core.source import Source
from caffelint.model.schedule import first_below, ignored_by_policy, ignored_by_type, rate
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
        # gamma may be 0, and 0 to the power of 0 is 1.
        ('lr_policy: "step" gamma: 0 stepsize: 10', 9, 0.5),
        ('lr_policy: "exp" gamma: 0', 1, 0.0),
        # A number of single precision has 24 bits: 1 - 449999 / 450000 is 37 of the last of them.
        ('lr_policy: "poly" power: 1 max_iter: 450000', 449999, 0.5 * 37 / 2**24),
        ('lr_policy: "poly" power: 1 max_iter: 10', 10, 0.0),
        ('lr_policy: "poly" power: 1', 0, None),
        # 1 + 5e-8 is 1.
        ('lr_policy: "inv" gamma: 5e-8 power: 1e9', 1, 0.5),
        # What is no number, or too large for one.
        ('lr_policy: "exp" gamma: 10', 1000, None),
        ('lr_policy: "exp" gamma: inf', 1, None),
        ('lr_policy: "exp" gamma: nan', 1, None),
    ],
)
def test_rate(text: str, iteration: int, expected: float | None) -> None:
    got = rate(solver(text), iteration)
    assert got == (None if expected is None else pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize(
    ("policy", "read"),
    [
        ("fixed", ""),
        ("step", "gamma stepsize"),
        ("exp", "gamma"),
        ("inv", "gamma power"),
        ("multistep", "gamma stepvalue"),
        ("poly", "power"),
        ("sigmoid", "gamma stepsize"),
        ("unknown", "gamma power stepsize stepvalue"),
    ],
)
def test_what_a_policy_does_not_read(policy: str, read: str) -> None:
    """GetLearningRate has its own fields for each policy."""
    every = ["gamma", "power", "stepsize", "stepvalue"]
    written = solver(f'lr_policy: "{policy}"' + "".join(f" {name}: 1" for name in every))
    assert ignored_by_policy(written) == [name for name in every if name not in read.split()]
    assert ignored_by_policy(solver(f'lr_policy: "{policy}"')) == []


@pytest.mark.parametrize(
    ("type_", "read"),
    [
        ("SGD", ""),
        ("Nesterov", ""),
        ("AdaGrad", "delta"),
        ("RMSProp", "rms_decay delta"),
        ("AdaDelta", "delta"),
        ("Adam", "momentum2 delta"),
        ("Mine", "momentum2 rms_decay delta"),
    ],
)
def test_what_a_type_does_not_read(type_: str, read: str) -> None:
    """ComputeUpdateValue of each solver (adam_solver.cpp and so on)."""
    every = ["momentum2", "rms_decay", "delta"]
    written = solver(f'type: "{type_}"' + "".join(f" {name}: 0.5" for name in every))
    assert ignored_by_type(written) == [name for name in every if name not in read.split()]
    assert ignored_by_type(solver(f'type: "{type_}"')) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('lr_policy: "step" gamma: 0.1 stepsize: 10 max_iter: 100', 20),
        ('lr_policy: "step" gamma: 0.01 stepsize: 1 max_iter: 100', 1),
        ('lr_policy: "inv" gamma: 2 power: 0.75 max_iter: 100', 20),
        ('lr_policy: "inv" gamma: 2 power: 0.75', 0),
        ('lr_policy: "fixed" max_iter: 100', 0),
        ('lr_policy: "step" gamma: 0.1 stepsize: 10 max_iter: 20', 0),
        ('lr_policy: "step" gamma: 0.1 stepsize: 10 max_iter: 21', 20),
        # The last of two iterations; a run of one has none in which the rate could have fallen.
        ('lr_policy: "step" gamma: 0.01 stepsize: 1 max_iter: 2', 1),
        ('lr_policy: "step" gamma: 0.01 stepsize: 1 max_iter: 1', 0),
        # From the second iteration on, and in the last of three.
        ('lr_policy: "step" gamma: 0.01 stepsize: 2 max_iter: 3', 2),
        # Just the share is not below it.
        ('lr_policy: "exp" gamma: 0.25 max_iter: 9', 3),
        # A rate that is low from the start, one that rises, one that Caffe does not compute.
        ('lr_policy: "multistep" gamma: 0.01 stepvalue: 0 max_iter: 9', 0),
        ('lr_policy: "exp" gamma: 2 max_iter: 9', 0),
        ('lr_policy: "unknown" max_iter: 9', 0),
    ],
)
def test_first_iteration_below_a_share(text: str, expected: int) -> None:
    assert first_below(solver(text), 0.0625) == expected
