"""A solver for people: its learning rate over the run, and the nets that it builds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from ..model.schedule import rate
from ..model.solver import net_uses
from ..reading import CheckError, File
from ..schema.message import Message

_ROWS = 12
_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
_WIDTH, _HEIGHT = 64, 8
_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Schedule(Struct, frozen=True):
    """A solver file with the rates at telling iterations, and along the whole run.

    A rate is None where Caffe would abort on it.
    """

    name: str
    solver: Message
    rates: list[tuple[int, float | None]]
    curve: list[float | None]


def view(file: File) -> Schedule:
    """The schedule of a solver file.

    Raises:
        CheckError: if the file is no solver.
    """
    if file.kind != "solver" or file.message is None:
        raise CheckError(f"{file.source.name}: not a solver")
    solver = file.message
    last = max(0, solver.get("max_iter") - 1)
    rates = [(iteration, rate(solver, iteration)) for iteration in _telling(solver, last)]
    points = min(_WIDTH, last + 1)
    curve = [rate(solver, round(last * i / max(1, points - 1))) for i in range(points)]
    return Schedule(file.source.name, solver, rates, curve)


def _telling(solver: Message, last: int) -> list[int]:
    """Iterations to show: where the rate steps, or spread over the run."""
    stepsize: int = solver.get("stepsize")
    if solver.get("lr_policy") == "step" and stepsize > 0:
        plateaus = range(0, last + 1, stepsize)
        if len(plateaus) <= _ROWS:
            return sorted({*plateaus, last})
    if solver.get("lr_policy") == "multistep":
        steps = [value for value in solver.get("stepvalue") if value <= last]
        if len(steps) < _ROWS:
            return sorted({0, *steps, last})
    return sorted({round(last * share) for share in _SHARES} | {last})


def document(shown: Schedule) -> dict[str, Any]:
    """The schedule for programs; a rate that is no number is null."""
    return {
        "version": 1,
        "file": shown.name,
        "type": shown.solver.get("type"),
        "lr_policy": shown.solver.get("lr_policy"),
        "max_iter": shown.solver.get("max_iter"),
        "rates": [{"iteration": iteration, "rate": value} for iteration, value in shown.rates],
    }


def text(shown: Schedule, safe: Callable[[str], str] = str) -> str:
    """The schedule as a table and a chart; ``safe`` makes texts of the file fit to print."""
    return "".join(f"{line}\n" for line in _lines(shown, safe))


def _lines(shown: Schedule, safe: Callable[[str], str]) -> Iterator[str]:
    solver = shown.solver
    policy = safe(solver.get("lr_policy"))
    yield safe(shown.name)
    yield (
        f'{safe(solver.get("type"))}, lr_policy "{policy}", base_lr {solver.get("base_lr"):g}, '
        f"momentum {solver.get('momentum'):g}, weight_decay {solver.get('weight_decay'):g}, "
        f"{solver.get('max_iter'):,} iterations"
    )
    yield ""
    yield from _table(shown)
    chart = list(_chart(shown.curve))
    if chart:
        yield ""
        yield from chart
    yield ""
    yield from _nets(solver, safe)


def _table(shown: Schedule) -> Iterator[str]:
    base = shown.solver.get("base_lr")
    yield f"{'iteration':>12}  {'rate':>12}  {'of base_lr':>10}"
    for iteration, value in shown.rates:
        if value is None:
            yield f"{iteration:>12,}  {'aborts':>12}"
            continue
        share = f"{value / base:.3g}" if base else ""
        yield f"{iteration:>12,}  {value:>12.5g}  {share:>10}"


def _chart(curve: list[float | None]) -> Iterator[str]:
    """Rates over the run, on a log axis where they span more than a factor of ten."""
    values = [value for value in curve if value is not None and value > 0]
    if len(curve) < 2 or not values or max(values) == min(values):
        return
    log = max(values) > 10 * min(values)
    # Seven decades are plenty; a rate of 1e-30 would flatten all the rest.
    low = max(min(values), max(values) * 1e-7)
    top, bottom = (math.log(max(values)), math.log(low)) if log else (max(values), 0.0)
    levels = [_level(value, bottom, top, log) for value in curve]
    for row in reversed(range(_HEIGHT)):
        label = {_HEIGHT - 1: f"{max(values):.3g}", 0: f"{low if log else 0:.3g}"}.get(row, "")
        cells = "".join(_EIGHTHS[min(8, max(0, level - 8 * row))] for level in levels)
        yield f"{label:>9} {cells.rstrip()}"
    yield f"{'':>9} {'0':<{len(curve) - 3}}end{' (log axis)' if log else ''}"


def _level(value: float | None, bottom: float, top: float, log: bool) -> int:
    """Height of a bar in eighths of a row; the lowest shown rate still has one."""
    if value is None or value <= 0:
        return 0
    height = ((math.log(value) if log else value) - bottom) / (top - bottom)
    return max(1, round(8 * _HEIGHT * min(1.0, height)))


def _nets(solver: Message, safe: Callable[[str], str]) -> Iterator[str]:
    tests = iter(solver.get("test_iter"))
    for use in net_uses(solver):
        name = safe(use.path) if use.path else "written in the solver"
        if use.phase == "TRAIN":
            yield f"TRAIN  {name}"
        else:
            every = solver.get("test_interval")
            yield f"TEST   {name}: {next(tests, 0):,} batches every {every:,} iterations"
    if solver.get("snapshot") > 0:
        yield f"saves  {safe(solver.get('snapshot_prefix'))} every {solver.get('snapshot'):,}"
