"""Pictures of logs that are written line by line."""

from __future__ import annotations

from collections.abc import Sequence

from caffelint.plot.picture import Picture, picture

from ..log.caffe_log import glog, loss
from ..log.made import examined


def picture_of(**logs: Sequence[str]) -> Picture:
    """The picture of logs, each named by a key."""
    return picture([(f"logs/{name}.log", examined(rows).runs) for name, rows in logs.items()])


def rows(values: Sequence[str], *, first: int = 0, step: int = 10) -> list[str]:
    """Displays of the training loss alone."""
    return [loss(first + at * step, value) for at, value in enumerate(values)]


def output(name: str, value: str, *, index: int = 0, weight: float | None = None) -> str:
    """A line of a train net output; a loss has a weight."""
    share = "" if weight is None else f" (* {weight:g} = 1 loss)"
    return glog(f"    Train net output #{index}: {name} = {value}{share}")


def rate(iteration: int, value: str) -> str:
    """A line of the learning rate."""
    return glog(f"Iteration {iteration}, lr = {value}", place="sgd_solver.cpp:112")


def of_test(name: str, value: str, *, index: int = 0, weight: float | None = None) -> str:
    """A line of a test net output."""
    return output(name, value, index=index, weight=weight).replace("Train net", "Test net")
