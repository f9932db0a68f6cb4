"""Runs with known courses, made as the numbers a log would give; noise is seeded."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from caffelint.config import Config
from caffelint.log.reader import Log, read
from caffelint.resources import load_rules
from caffelint.training import Examination, Examiner

from .caffe_log import glog, text

LN10 = math.log(10)

SOLVER = """\
test_iter: 5
test_interval: 100
base_lr: {rate}
display: 20
max_iter: 400
lr_policy: "fixed"
momentum: 0.9
weight_decay: 0.0005
snapshot_prefix: "digits"
solver_mode: CPU
net: "net.prototxt"
"""

NET = """\
name: "Digits"
layer {{ name: "data" type: "Input" top: "data" top: "label"
  input_param {{ shape {{ dim: 64 dim: 1 dim: 28 dim: 28 }} shape {{ dim: 64 }} }} }}
layer {{ name: "hidden" type: "InnerProduct" bottom: "data" top: "hidden"
  inner_product_param {{ num_output: 50 {filler} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "hidden" top: "hidden" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "hidden" top: "ip"
  inner_product_param {{ num_output: {classes} {filler} }} }}
layer {{ name: "loss" type: "{loss}" bottom: "ip" bottom: "label" top: "loss" }}"""

XAVIER = 'weight_filler { type: "xavier" }'


def noisy(values: Sequence[float], spread: float, seed: int = 1) -> list[float]:
    """The values with noise of a standard deviation, a share of each."""
    chance = random.Random(seed)
    return [value * (1 + chance.gauss(0, spread)) for value in values]


def falling(start: float, end: float, count: int) -> list[float]:
    """Rows that fall fast and then level off."""
    return [end + (start - end) * math.exp(-5 * i / count) for i in range(count)]


def lines(
    losses: Sequence[float | str],
    tests: Mapping[int, tuple[float, float]] | None = None,
    *,
    rates: Sequence[float] = (0.01,),
    step: int = 20,
    heads: Mapping[str, tuple[float, Sequence[float]]] | None = None,
    net: str | None = None,
    solver: str | None = None,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    done: bool = True,
) -> list[str]:
    """A log: rows of the training loss every ``step`` iterations; tests by their iteration, each
    with loss and accuracy.
    """
    out: list[str] = []
    if solver is not None:
        out += [glog("Initializing solver from parameters: "), *solver.rstrip().split("\n")]
    if net is not None:
        out += [glog("Initializing net from parameters: "), *net.split("\n")]
    out += [*before, glog("Starting Optimization", place="caffe.cpp:239")]
    for row, value in enumerate(losses):
        iteration = row * step
        out += _test(iteration, tests or {})
        shown = value if isinstance(value, str) else f"{value:.6g}"
        out.append(glog(f"Iteration {iteration} (20 iter/s, 1s/20 iters), loss = {shown}"))
        outputs = heads or {"loss": (1.0, losses)}  # type: ignore[dict-item]
        for index, (name, (weight, series)) in enumerate(outputs.items()):
            one = series[row]
            shown = one if isinstance(one, str) else f"{one:.6g}"
            out.append(
                glog(f"    Train net output #{index}: {name} = {shown} (* {weight:g} = 1 loss)")
            )
        rate = rates[min(row, len(rates) - 1)]
        out.append(glog(f"Iteration {iteration}, lr = {rate:g}", place="sgd_solver.cpp:112"))
    out += _test(len(losses) * step, tests or {})
    if done:
        out.append(glog("Optimization Done."))
    return [*out, *after]


def _test(iteration: int, tests: Mapping[int, tuple[float, float]]) -> list[str]:
    if iteration not in tests:
        return []
    loss, accuracy = tests[iteration]
    return [
        glog(f"Iteration {iteration}, Testing net (#0)"),
        glog(f"    Test net output #0: accuracy = {accuracy:.6g}"),
        glog(f"    Test net output #1: loss = {loss:.6g} (* 1 = {loss:.6g} loss)"),
    ]


def log_of(rows: Sequence[str]) -> Log:
    """A log as read."""
    return read(io.BytesIO(text(rows)), "train.log")


def examined(rows: Sequence[str]) -> Examination:
    """A log with what is said of it."""
    return Examiner(load_rules(), Config()).examine(log_of(rows))


def facts_of(rows: Sequence[str]) -> Any:
    """The facts of the one run of a log."""
    (run,) = examined(rows).runs
    return run.facts


def said(rows: Sequence[str], *, least: int = 2) -> list[str]:
    """Names of the diagnoses of a log, from warnings on."""
    return [
        one.diagnostic.name
        for run in examined(rows).runs
        for one in run.diagnoses
        if one.diagnostic.severity >= least
    ]
