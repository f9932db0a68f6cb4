"""The learning rate over iterations, and which solver fields have a say in it.

Follows SGDSolver::GetLearningRate (sgd_solver.cpp). Fields that are not written are 0.
"""

from __future__ import annotations

import math
import struct

from ..schema.message import Message

_SCHEDULE_FIELDS = ("gamma", "power", "stepsize", "stepvalue")
_READ_BY_POLICY = {
    "fixed": frozenset[str](),
    "step": frozenset(("gamma", "stepsize")),
    "exp": frozenset(("gamma",)),
    "inv": frozenset(("gamma", "power")),
    "multistep": frozenset(("gamma", "stepvalue")),
    "poly": frozenset(("power",)),
    "sigmoid": frozenset(("gamma", "stepsize")),
}

_TYPE_FIELDS = ("momentum2", "rms_decay", "delta")
_READ_BY_TYPE = {
    "SGD": frozenset[str](),
    "Nesterov": frozenset[str](),
    "AdaGrad": frozenset(("delta",)),
    "RMSProp": frozenset(("delta", "rms_decay")),
    "AdaDelta": frozenset(("delta",)),
    "Adam": frozenset(("delta", "momentum2")),
}


def ignored_by_policy(solver: Message) -> list[str]:
    """Written fields that the solver's lr_policy does not read; none for an unknown policy."""
    read = _READ_BY_POLICY.get(solver.get("lr_policy"), frozenset(_SCHEDULE_FIELDS))
    return [name for name in _SCHEDULE_FIELDS if solver.has(name) and name not in read]


def ignored_by_type(solver: Message) -> list[str]:
    """Written fields that the solver's type does not read; none for an unknown type."""
    read = _READ_BY_TYPE.get(solver.get("type"), frozenset(_TYPE_FIELDS))
    return [name for name in _TYPE_FIELDS if solver.has(name) and name not in read]


def rate(solver: Message, iteration: int) -> float | None:
    """Learning rate of an iteration; None where Caffe would abort, or the number is no number."""
    try:
        factor = _factor(solver, iteration)
    except (OverflowError, ValueError, ZeroDivisionError):
        return None
    result = solver.get("base_lr") * factor if factor is not None else math.nan
    return result if math.isfinite(result) else None


def _single(value: float) -> float:
    """A number as Caffe holds it: rounded to single precision. Near the end of a poly schedule
    that decides the first digits of the rate.
    """
    rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return rounded


_SINGLE = struct.Struct("f")


def _factor(solver: Message, iteration: int) -> float | None:
    """What base_lr is multiplied with."""
    gamma, power = _single(solver.get("gamma")), _single(solver.get("power"))
    stepsize, policy = solver.get("stepsize"), solver.get("lr_policy")
    if gamma < 0 and policy not in ("fixed", "poly"):
        return None
    if stepsize <= 0 and policy in ("step", "sigmoid"):
        return None
    match policy:
        case "fixed":
            return 1.0
        case "step":
            return float(gamma ** (iteration // stepsize))
        case "exp":
            return float(gamma**iteration)
        case "inv":
            return float(_single(1 + _single(gamma * iteration)) ** -power)
        case "multistep":
            return float(gamma ** _steps_passed(solver.get("stepvalue"), iteration))
        case "poly":
            done = _single(iteration / solver.get("max_iter"))
            return float(max(0.0, _single(1 - done)) ** power)
        case "sigmoid":
            return 1 / (1 + math.exp(-gamma * (iteration - stepsize)))
    return None


def _steps_passed(stepvalues: list[int], iteration: int) -> int:
    """Caffe takes one step an iteration at most, and the next only after the one before it."""
    taken, at = 0, -1
    for value in stepvalues:
        at = max(value, at + 1)
        if at > iteration:
            break
        taken += 1
    return taken


def first_below(solver: Message, share: float) -> int:
    """First iteration whose rate is below ``share`` of base_lr; 0 where there is none.

    Only for rates that fall: a policy whose rate rises, or stays, has no such iteration.
    """
    last: int = solver.get("max_iter") - 1
    limit = solver.get("base_lr") * share

    def below(iteration: int) -> bool:
        value = rate(solver, iteration)
        return value is not None and value < limit

    if last < 1 or below(0) or not below(last):
        return 0
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if below(middle) else (middle, high)
    return high
