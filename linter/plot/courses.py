"""Runs that go on from each other as one: the course of a training, with its name in a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Protocol

from msgspec import Struct

from ..engine.diagnosis import Diagnosis
from ..log.run import Run

MOST_COURSES = 8
"""So many can be told apart by colour."""


class Told(Protocol):
    """A run with what is said of it."""

    @property
    def run(self) -> Run:
        """The run."""

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """What the rules say of it."""


class Course(Struct):
    """A run and those that resume it, in order; ``index`` numbers the courses of a picture."""

    index: int
    name: str
    told: list[Told]

    @property
    def runs(self) -> list[Run]:
        """The runs alone."""
        return [one.run for one in self.told]


def courses(
    logs: Sequence[tuple[str, Sequence[Told]]], safe: Callable[[str], str]
) -> tuple[list[Course], int]:
    """The courses of some logs, each given with its name, and how many more there are.

    Runs that have no values, because Caffe stopped before, are none.
    """
    found: list[Course] = []
    for name, (_, runs) in zip(_short([name for name, _ in logs]), logs, strict=True):
        own: list[Course] = []
        for told in runs:
            if not any(points.seen for points in told.run.all_points()):
                continue
            before = next((one for one in reversed(own) if one.runs[0].rank == told.run.rank), None)
            if before is not None and _goes_on(before.runs[-1], told.run):
                before.told.append(told)
            else:
                own.append(Course(0, "", [told]))
        for course in own:
            part = _part(course) if len(own) > 1 else ""
            course.name = safe(part if part and len(logs) == 1 else f"{name} {part}".rstrip())
        found += own
    for index, course in enumerate(found):
        course.index = index
    return found[:MOST_COURSES], max(0, len(found) - MOST_COURSES)


def _part(course: Course) -> str:
    run = course.runs[0]
    return f"rank {run.rank}" if run.rank else f"run {run.index + 1}"


def begin(run: Run) -> int:
    """The iteration a run starts with: above 0 where it resumes another."""
    first = run.loss.first
    if run.resumed_from is not None:
        return run.resumed_from
    return first.iteration if first is not None else 0


def _goes_on(before: Run, run: Run) -> bool:
    """Whether a run starts within what another has reached, or one display after it."""
    iterations = before.loss.iterations
    if not begin(run) or not iterations:
        return False
    step = iterations[-1] - iterations[-2] if len(iterations) > 1 else iterations[-1]
    return begin(before) < begin(run) <= (before.last_iteration or 0) + step


def _short(names: Sequence[str]) -> list[str]:
    """The shortest ends of paths that tell them apart."""
    paths = [PurePath(name).parts for name in names]
    most = max((len(parts) for parts in paths), default=1)
    for count in range(1, most):
        short = ["/".join(parts[-count:]) for parts in paths]
        if len(set(short)) == len(set(names)):
            return short
    return list(names)
