"""What the HTML report shows besides findings: texts, nets as graphs, schedules, training curves.

All of it is plain data for JSON, and bounded: what is left out is told in ``notes``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ..core.collector import paused_collector
from ..core.diagnostic import Report
from ..core.source import Source
from ..data.limits import names_data, silent
from ..engine.diagnosis import Diagnosis, FoundCause
from ..facts.signal import starts_from_fillers
from ..log.origin import origin
from ..log.rebuilt import LogSource, Rebuilt
from ..model.build import set_up
from ..model.checks import check_net, with_faults
from ..model.context import UNKNOWN, Context, guess, launched
from ..model.files import resolve
from ..model.net import Net
from ..model.phase import effective_state
from ..model.schedule import rate
from ..model.solver import net_uses
from ..model.views import likely_views
from ..moments.outlook import outlook
from ..plot.picture import Picture, Series, picture
from ..reading import CheckError, File, read_file, read_text
from ..schema.message import Message
from ..settings import Configured, Start, Starts
from ..training import Examination, Examined
from .diagnoses import MOST_CAUSES
from .graph import MOST_LAYERS, Drawn, cut, layers, summary
from .log import Summary, aim, text

MOST_FILES = 300
MOST_READ = 16 * 1024 * 1024
MOST_NETS = 80
MOST_LAYERS_IN_ALL = 12_000
MOST_SIGNALS = 24
MOST_SCHEDULES = 80
MOST_TEXT = 256 * 1024
MOST_TEXT_IN_ALL = 4 * 1024 * 1024
"""Bounds of one report, in characters where they are of texts: some 15 MB then."""

_POINTS = 240
_LONGEST_LINE = 400


class Details(Struct):
    """What is gathered. ``nets`` and ``texts`` are apart from their headings, so that a page can
    read one of them when it is shown.
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    nets: list[dict[str, Any]] = field(default_factory=list)
    layers: list[list[dict[str, Any]]] = field(default_factory=list)
    texts: list[dict[str, Any] | None] = field(default_factory=list)
    schedules: list[dict[str, Any]] = field(default_factory=list)
    training: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)


def of_files(
    report: Report, configured: Configured, contents: Mapping[str, bytes] | None = None
) -> Details:
    """Details of the files of a report, those with the worst findings first where there is not
    room for all. ``contents`` are texts that are not those on disk, by the files' names.
    """
    worst: dict[str, int] = {}
    for one in report.diagnostics:
        name = one.place.source.name
        worst[name] = max(worst.get(name, 0), one.severity)
    names = sorted(report.files, key=lambda name: (-worst.get(name, 0), name))
    gathered = _Gathered()
    with paused_collector():
        files = _Files(configured, names, contents or {})
        views = [view for file in files.solvers for view in files.built_by(file)]
        built = {view.file.source.name for view in views}
        for file in files.solvers:
            gathered.add_schedule(file)
        views += [view for file in files.nets if file.source.name not in built
                  for view in files.alone(file)]  # fmt: skip
        order = {name: at for at, name in enumerate(names)}
        for view in sorted(views, key=lambda view: order.get(view.file.source.name, len(order))):
            gathered.add_net(view)
        for file in files.read:
            gathered.add_text(file.source, file.kind)
        for name in files.unread:
            gathered.add_name(name)
    return gathered.told()


def of_logs(examined: Sequence[Examination], safe: Callable[[str], str]) -> Details:
    """Details of training logs: curves, and solver and nets as each run was started with them."""
    gathered = _Gathered()
    runs = []
    with paused_collector():
        for one in examined:
            gathered.add_text(LogSource(one.log.name, "", ()), "log")
            for each in one.runs:
                runs.append(_run(one, each, safe))
                for file in each.started.files:
                    gathered.add_text(file.source, file.kind)
                if each.started.solver is not None:
                    gathered.add_schedule(each.started.solver)
                for view in _started(each.started, origin(each.run) or UNKNOWN):
                    gathered.add_net(view)
            for found in one.report.diagnostics:
                if isinstance(found.place.source, LogSource):
                    gathered.add_text(found.place.source, "log")
    shown = picture([(one.log.name, one.runs) for one in examined], safe)
    gathered.details.training = {**_curves(shown), "runs": runs}
    return gathered.told()


# Nets and the files that they are in


class _View(Struct, frozen=True):
    """A net in one state, with the file it is in and the solver that builds it; what it is for
    stands in ``start``, or is ``context`` where Caffe has started already.
    """

    file: File
    net: Net
    solver: File | None = None
    start: Start | None = None
    context: Context = UNKNOWN


class _Files:
    """The files of a report, read once more."""

    def __init__(
        self, configured: Configured, names: Iterable[str], contents: Mapping[str, bytes]
    ) -> None:
        self._starts = Starts(configured, set())
        self._contents = contents
        self.read: list[File] = []
        self.unread: list[str] = []
        room = MOST_READ
        for name in names:
            file = self._read(name) if len(self.read) < MOST_FILES and room > 0 else None
            if file is None:
                self.unread.append(name)
            else:
                self.read.append(file)
                room -= len(file.source.text)
        self._by_path = {os.path.realpath(file.path): file for file in self.nets}

    @property
    def solvers(self) -> list[File]:
        """The solvers among the files."""
        return [file for file in self.read if file.kind == "solver"]

    @property
    def nets(self) -> list[File]:
        """The nets among the files."""
        return [file for file in self.read if file.kind == "net"]

    def _read(self, name: str) -> File | None:
        """A file as it is now; None where it has gone."""
        told = self._start(Path(name)).written_for
        if name in self._contents:
            return read_text(Path(name), self._contents[name], told)
        try:
            return read_file(Path(name), told)
        except CheckError:
            return None

    def _start(self, path: Path) -> Start:
        return self._starts.of(path, silent)

    def alone(self, file: File) -> Iterator[_View]:
        """The nets that a file is likely to be built as."""
        assert file.message is not None
        for net in likely_views(file.message):
            yield _View(file, net, None, self._start(file.path))

    def built_by(self, solver: File) -> Iterator[_View]:
        """The nets that a solver builds, as far as they are among the files."""
        assert solver.message is not None
        start = self._start(solver.path)
        seen: list[tuple[str, Any]] = []
        for use in net_uses(solver.message):
            file, message = solver, use.inline
            if message is None:
                path, _ = resolve(use.path, solver.path, start.root)
                found = None if path is None else self._by_path.get(os.path.realpath(path))
                if found is None or found.message is None:
                    continue
                file, message = found, found.message
            net = Net(message, effective_state(use.phase, message.values.get("state"), use.state))
            if (file.source.name, net.state) not in seen:
                seen.append((file.source.name, net.state))
                yield _View(file, net, solver, start)


def _started(started: Rebuilt, context: Context) -> Iterator[_View]:
    """The nets that a run was started with."""
    nets = [(started.train, "TRAIN"), *((file, "TEST") for file in started.tests.values())]
    for file, phase in nets:
        if file is not None and file.message is not None:
            state = effective_state(phase, file.message.values.get("state"), None)
            yield _View(file, Net(file.message, state), started.solver, None, context)


class _Gathered:
    """Details while they are gathered, with what there is still room for."""

    def __init__(self) -> None:
        self.details = Details()
        self._texts: dict[str, _Text] = {}
        self._room_for_layers = MOST_LAYERS_IN_ALL
        self._signals = 0
        self._left_out = {"nets": 0, "schedules": 0, "signals": 0, "texts": 0}

    def told(self) -> Details:
        """The details, with a word on what is left out."""
        self._write_texts()
        words = {
            "nets": "Nets that are not drawn",
            "schedules": "Schedules that are not drawn",
            "signals": "Nets that are shown without their signal at iteration 0",
            "texts": "Files that are shown without their text, or with a part of it",
        }
        for what, number in self._left_out.items():
            if number:
                self.details.notes.append(f"{words[what]}, to keep the report small: {number}.")
        return self.details

    # Texts

    def add_text(self, source: Source, kind: str) -> None:
        """Take in the text of a file; of a log those lines that are at hand."""
        text = self._texts.setdefault(source.name, _Text(kind))
        if isinstance(source, LogSource):
            text.add(source)
        elif text.whole is None:
            text.whole = source.text

    def add_name(self, name: str) -> None:
        """Take in a file of which only the name is told."""
        self._texts.setdefault(name, _Text(""))

    def _write_texts(self) -> None:
        room = MOST_TEXT_IN_ALL
        for name, one in self._texts.items():
            written, used, whole = one.written(min(room, MOST_TEXT))
            room -= used
            self._left_out["texts"] += not whole
            self.details.files.append({"name": name, "kind": one.kind, "whole": whole})
            self.details.texts.append(written)

    # Nets

    def add_net(self, view: _View) -> None:
        """Set a net up and take it in."""
        size = min(len(view.net.layers), MOST_LAYERS)
        if len(self.details.nets) >= MOST_NETS or size > self._room_for_layers:
            self._left_out["nets"] += 1
            return
        drawn = self._drawn(view)
        self._room_for_layers -= size
        solver = view.solver.source.name if view.solver is not None else None
        self.details.nets.append({**summary(drawn), "solver": solver})
        self.details.layers.append(layers(drawn))

    def _drawn(self, view: _View) -> Drawn:
        net, problems = view.net, view.file.problems
        given: dict[str, Any] = {}
        if view.start is not None:
            if view.start.config.data and any(map(names_data, net.layers)):
                given |= view.start.data.look(net, view.file.source)[1]
            given |= view.start.shapes
        shapes, more = set_up(net, given, with_faults(net, problems))
        drawn = Drawn(view.file.source, net, shapes)
        sound = not any(one.rejects for one in (*problems, *net.problems, *check_net(net), *more))
        if not sound or not _from_fillers(view):
            return drawn
        if self._signals == MOST_SIGNALS or len(net.layers) > MOST_LAYERS:
            self._left_out["signals"] += 1
            return drawn
        self._signals += 1
        solver = view.solver.message if view.solver is not None else None
        return Drawn(view.file.source, net, shapes, outlook(net, shapes, solver))

    def add_schedule(self, file: File) -> None:
        """Take in the learning rates of a solver."""
        if len(self.details.schedules) == MOST_SCHEDULES:
            self._left_out["schedules"] += 1
        elif file.message is not None:
            self.details.schedules.append(_schedule(file.source.name, file.message))


def _from_fillers(view: _View) -> bool:
    """Whether the weights are those of the fillers, as far as one knows."""
    start = view.start
    if start is None:
        return starts_from_fillers(view.net, view.context)
    if start.config.weights or start.config.context not in (None, "scratch"):
        return False
    solver = view.solver
    if solver is not None and solver.message is not None and solver.message.has("weights"):
        return False
    launch = launched(start.launches.find(solver.path)) if solver is not None else None
    context = launch or guess(view.net.message, [view.net])
    return starts_from_fillers(view.net, context)


# Texts


class _Text(Struct):
    """What is at hand of a file: all of it, or some lines of a log by their numbers."""

    kind: str
    whole: str | None = None
    lines: dict[int, str] = field(default_factory=dict)

    def add(self, source: LogSource) -> None:
        """Take in lines of a log."""
        for number, line in zip(source.numbers, source.text.split("\n"), strict=False):
            if line:
                self.lines[number] = line

    def written(self, room: int) -> tuple[dict[str, Any] | None, int, bool]:
        """The text for a page, how much room it takes, and whether it is all there is. A line
        that is too long is cut.
        """
        if self.whole is None:
            numbers = sorted(self.lines)
            lines = [self.lines[number] for number in numbers]
        else:
            numbers = []
            lines = self.whole[: room + 1].split("\n", MOST_TEXT)
        kept, used = [], 0
        for line in lines:
            used += len(line) + 1
            if used > room:
                break
            kept.append(_shortened(line.rstrip("\r")))
        cut_short = len(kept) < len(lines) or (self.whole is None and not numbers)
        written = {"lines": kept, "numbers": numbers[: len(kept)] or None}
        return (written if kept else None), min(used, room), not cut_short


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"


# Curves


def _schedule(name: str, solver: Message) -> dict[str, Any]:
    last = max(0, solver.get("max_iter") - 1)
    points = min(_POINTS, last + 1)
    at = {round(last * i / max(1, points - 1)) for i in range(points)}
    steps = [step for step in _steps(solver, last) if 0 < step <= last]
    at |= {near for step in steps[:_POINTS] for near in (step - 1, step)}
    curve = [(iteration, rate(solver, iteration)) for iteration in sorted(at)]
    return {
        "file": name,
        "type": cut(solver.get("type")),
        "lr_policy": cut(solver.get("lr_policy")),
        "base_lr": _finite(solver.get("base_lr")),
        "momentum": _finite(solver.get("momentum")),
        "weight_decay": _finite(solver.get("weight_decay")),
        "max_iter": solver.get("max_iter"),
        "iterations": [iteration for iteration, _ in curve],
        "rates": [_finite(value) for _, value in curve],
    }


def _steps(solver: Message, last: int) -> list[int]:
    """Iterations at which the rate jumps."""
    policy, size = solver.get("lr_policy"), solver.get("stepsize")
    if policy == "step" and size > 0 and last // size <= _POINTS:
        return list(range(size, last + 1, size))
    return sorted(solver.get("stepvalue")) if policy == "multistep" else []


def _finite(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(f"{value:.6g}")


def _run(examination: Examination, run: Examined, safe: Callable[[str], str]) -> dict[str, Any]:
    """A run in the words of the text report, and what happened in it."""
    name = examination.log.name
    shown = Summary(name, run.run, len(examination.runs), *aim(run.run, name))
    heading, *rows = text(shown, safe).splitlines()
    return {
        "heading": heading,
        "text": "\n".join(row[2:] for row in rows),
        "diagnoses": [_diagnosis(one) for one in run.diagnoses],
    }


def _diagnosis(one: Diagnosis) -> dict[str, Any]:
    found = one.diagnostic
    return {
        "rule": found.rule,
        "name": found.name,
        "severity": found.severity.word,
        "message": found.message,
        "hint": found.hint,
        "evidence": list(one.evidence),
        "causes": [_cause(cause) for cause in one.causes[:MOST_CAUSES]],
        "otherwise": "" if one.causes else one.otherwise,
    }


def _cause(cause: FoundCause) -> dict[str, Any]:
    """A cause in words; with its place where it is a finding."""
    if cause.finding is None:
        return {"words": cause.words}
    source, span = cause.finding.place.source, cause.finding.place.span
    return {
        "words": cause.finding.message,
        "rule": cause.finding.rule,
        "file": source.name,
        "line": source.locate(span.start).line,
        "hint": cause.finding.hint,
        "more": cause.more,
    }


def _curves(shown: Picture) -> dict[str, Any]:
    return {
        "title": shown.title,
        "panels": [
            {
                "title": panel.title,
                "logarithmic": panel.logarithmic,
                "left_out": panel.left_out,
                "series": [_series(one) for one in panel.series],
            }
            for panel in shown.panels
        ],
        "marks": [{"iteration": mark.iteration, "words": mark.words} for mark in shown.marks],
        "span": list(shown.span),
        "notes": list(shown.notes),
    }


def _series(one: Series) -> dict[str, Any]:
    """A line for a page; where its value is None it is broken."""
    line = one.line
    return {
        "name": one.name,
        "hue": one.hue,
        "test": one.test,
        "iterations": line.iterations,
        "values": [_finite(value) for value in line.values],
        "smooth_iterations": line.smooth_iterations,
        "smooth": [_finite(value) for value in line.smooth],
        "lost": [list(pair) for pair in line.lost],
    }
