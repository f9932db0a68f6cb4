"""The series of a log for other programs: every value as CSV while it is read, or all as JSON."""

from __future__ import annotations

import csv
from collections.abc import Callable
from math import isfinite, isnan
from typing import Any, TextIO

from msgspec.structs import asdict

from .book import Row, Sink
from .run import Output, Points, Run

COLUMNS = (
    *("log", "run", "phase", "net", "series", "output", "index"),
    *("iteration", "seconds", "value", "weight", "line"),
)
"""The columns of the CSV form, one value a row; those that a value has none of are empty."""


def csv_sink(stream: TextIO, log: str, clean: Callable[[str], str]) -> Sink:
    """Writes each value to ``stream`` as it is read; ``clean`` is applied to names."""
    write = csv.writer(stream, lineterminator="\n").writerow
    name = clean(log)

    def sink(row: Row) -> None:
        label = row.label
        write(
            (
                *(name, row.run, label.phase, _or_empty(label.net), label.series),
                *(clean(label.name), _or_empty(label.element), row.iteration),
                *("" if isnan(row.seconds) else f"{row.seconds:.6f}", repr(row.value)),
                *(_or_empty(label.weight), row.line),
            )
        )

    return sink


def _or_empty(value: float | None) -> object:
    return "" if value is None else value


def number(value: float) -> float | str:
    """A number for JSON; one that is not finite becomes the text ``nan``, ``inf`` or ``-inf``."""
    return value if isfinite(value) else repr(value)


def document(run: Run) -> dict[str, Any]:
    """What a log tells of a run, its series included."""
    return {
        "run": run.index,
        "command": run.command,
        "first_line": run.first_line,
        "last_line": run.last_line,
        "rank": run.rank,
        "started": run.started,
        "seconds": run.duration,
        "resumed_from": run.resumed_from,
        "last_iteration": run.last_iteration,
        "done": run.done,
        "fatal": asdict(run.fatal) if run.fatal is not None else None,
        "events": [asdict(event) for event in run.events],
        "series": series(run),
    }


def series(run: Run) -> list[dict[str, Any]]:
    """Every series of a run that has values, with its phase and name as in the CSV form."""
    found = [
        _series("train", None, "loss", run.loss),
        _series("train", None, "lr", run.rates),
        _series("train", None, "iter/s", run.speed),
        _series("train", None, "clip", run.clips),
        *(_output("train", None, output) for output in run.train.values()),
    ]
    for test in run.tests.values():
        found.append(_series("test", test.index, "loss", test.loss))
        found += [_output("test", test.index, output) for output in test.outputs.values()]
    for probe, points in run.debug.items():
        phase = "test" if probe.step == "Test" else "train"
        name = " ".join(part for part in probe if part)
        found.append(_series(phase, None, "debug", points) | {"output": name})
    return [one for one in found if one["values"]]


def _output(phase: str, net: int | None, output: Output) -> dict[str, Any]:
    own = {"output": output.name, "index": output.index, "weight": output.weight}
    return _series(phase, net, "output", output.points) | own


def _series(phase: str, net: int | None, kind: str, points: Points) -> dict[str, Any]:
    return {
        "phase": phase,
        "net": net,
        "series": kind,
        "output": "",
        "index": None,
        "weight": None,
        "stride": points.stride,
        "seen": points.seen,
        "iterations": list(points.iterations),
        "values": [number(value) for value in points.values],
        "seconds": [None if isnan(value) else round(value, 6) for value in points.seconds],
        "lines": list(points.lines),
    }
