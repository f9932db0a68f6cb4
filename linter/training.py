"""The job of ``caffelint log``: what happened in the runs of a training log, and why.

Solver and nets of a run are those that Caffe printed into the log, or files that are given or lie
beside it; they are linted as a start of Caffe, and what the rules on runs say is joined with that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from .check import Checker
from .core.diagnostic import Diagnostic, Place, Related, Report
from .engine.diagnosis import Diagnosis, moment_at
from .engine.rule import ROWS
from .engine.ruleset import RuleSet
from .engine.vocabulary import Moment
from .log.drift import net_drift, solver_drift
from .log.facts import RunFacts, Setting, run_target
from .log.origin import origin
from .log.reader import Log
from .log.rebuilt import LogSource, Rebuilt, fetch, log_source, rebuild
from .log.run import Run
from .model.context import UNKNOWN, Context
from .model.files import resolve
from .model.net import Net
from .model.phase import effective_state
from .model.solver import net_uses
from .reading import CheckError, File, read_file
from .settings import Configured
from .walk import looks_like_prototxt

# Files beside a log that may be its solver or net.
_MOST_BESIDE = 32

# Lines of the log that show that a state lasts.
_ROWS = 5


class Examined(Struct, frozen=True):
    """A run with what is known of it: what it was started with, its facts, what the rules say of
    it, and the findings in its solver and nets.
    """

    run: Run
    started: Rebuilt
    facts: Any
    diagnoses: tuple[Diagnosis, ...]
    findings: tuple[Diagnostic, ...]


class Examination(Struct, frozen=True):
    """All runs of a log; ``report`` has what is said of them and of their files."""

    log: Log
    runs: tuple[Examined, ...]
    report: Report


class _Looked(Struct, frozen=True):
    """A run before the rules on runs: ``unfilled`` are findings that only explain, ``numbers`` the
    lines of the log that may be quoted.
    """

    run: Run
    started: Rebuilt
    facts: Any
    findings: tuple[Diagnostic, ...]
    unfilled: tuple[Diagnostic, ...]
    numbers: frozenset[int]


class Examiner:
    """Looks at logs, with the rules as configured."""

    def __init__(
        self,
        ruleset: RuleSet,
        configured: Configured,
        solver: Path | None = None,
        net: Path | None = None,
    ) -> None:
        self._ruleset = ruleset
        self._configured = configured
        self._solver = solver
        self._net = net

    def examine(self, log: Log, path: Path | None = None, *, quote: bool = True) -> Examination:
        """Look at all runs of a log; ``path`` is its file, None where it was a pipe. Its lines are
        read once more, to quote them, unless ``quote`` says no.

        Raises:
            CheckError: for a solver or net that was named and cannot be read.
            caffelint.engine.rule.RuleError: for a rule that fails on the facts.
        """
        checker = Checker(self._ruleset, self._configured)
        beside = _files_beside(path) if path is not None and not self._told else []
        looked = [self._look(checker, run, log.name, beside) for run in log.runs]
        numbers = {number for one in looked for number in one.numbers}
        texts = _texts(path, numbers) if path is not None and quote else {}
        examined = [_examined(checker, one, log.name, texts) for one in looked]
        found = [
            diagnostic
            for one in examined
            for diagnostic in (*(each.diagnostic for each in one.diagnoses), *one.findings)
        ]
        files = {log.name} | {one.place.source.name for one in found}
        return Examination(log, tuple(examined), checker.rules.report(found, files))

    @property
    def _told(self) -> bool:
        """Whether solver or net were named."""
        return self._solver is not None or self._net is not None

    def _look(self, checker: Checker, run: Run, name: str, beside: Sequence[File]) -> _Looked:
        echoed = rebuild(run, name)
        started = self._started(run, echoed, beside)
        nets = [(file, "TRAIN") for file in (started.train,) if file is not None]
        nets += [(file, "TEST") for file in started.tests.values()]
        findings: tuple[Diagnostic, ...] = ()
        if started.solver is not None or nets:
            report = checker.check_started(started.solver, nets, origin(run) or UNKNOWN)
            findings = (*report.diagnostics, *_drifted(checker, started, echoed))
        facts = RunFacts(run, _setting(started)).build()
        unfilled = tuple(self._unfilled(checker, facts, started, nets))
        numbers = {run.first_line, *_lines(facts)}
        numbers |= {row for number in tuple(numbers) for row in _rows_after(run, number)}
        return _Looked(run, started, facts, findings, unfilled, frozenset(numbers))

    def _unfilled(
        self, checker: Checker, facts: Any, started: Rebuilt, nets: Sequence[tuple[File, str]]
    ) -> Iterator[Diagnostic]:
        """Findings on layers without a filler, of a net that shows equal scores although it started
        from a weights file: which layers the file fills, the log does not tell.
        """
        if not facts.dead or not facts.finetuned:
            return
        scratch = Context("scratch", False, "the loss is that of equal scores")
        telling = {rule.id for rule in self._ruleset.with_symptom("accuracy-zero")}
        for one in checker.check_started(started.solver, nets, scratch).diagnostics:
            if one.rule in telling:
                yield one

    # What the run was started with

    def _started(self, run: Run, echoed: Rebuilt, beside: Sequence[File]) -> Rebuilt:
        """Solver and nets of a run: the files on disk where they are those of the log, else the
        texts in the log.
        """
        solver = read_file(self._solver) if self._solver is not None else None
        net = read_file(self._net) if self._net is not None else None
        if not self._told:
            solver, net = _own(beside, echoed)
        if solver is None and net is None:
            return echoed
        solver = solver or echoed.solver
        if net is None:
            return _with_nets(solver, echoed)
        if net.message is None or net.kind != "net":
            raise CheckError(f"{net.path}: not a net")
        return Rebuilt(solver, net, {0: net} if _tested(run, solver, net) else {})


def _examined(checker: Checker, looked: _Looked, name: str, texts: Mapping[int, str]) -> Examined:
    """A run under the rules on runs; ``texts`` are lines of the log."""
    source = log_source(name, texts, looked.numbers)
    target = run_target(looked.facts, source)
    suspects = (*looked.findings, *looked.unfilled)
    diagnoses = [
        _placed(one, looked.facts, source, looked.run)
        for one in checker.rules.on_run(target, suspects)
    ]
    diagnoses.sort(key=lambda one: (-one.diagnostic.severity, one.diagnostic.sort_key))
    return Examined(looked.run, looked.started, looked.facts, tuple(diagnoses), looked.findings)


def _drifted(checker: Checker, started: Rebuilt, echoed: Rebuilt) -> Iterator[Diagnostic]:
    """Where files on disk say something else than the log of the run."""
    solver = started.solver.message if started.solver is not None else None
    if started.solver is not None and solver is not None and echoed.solver is not None:
        assert echoed.solver.message is not None
        if started.solver is not echoed.solver:
            problems = solver_drift(solver, echoed.solver.message)
            yield from checker.rules.on_problems(started.solver.source, problems)
    states = solver.get("test_state") if solver is not None else []
    trained = solver.values.get("train_state") if solver is not None else None
    pairs = [("TRAIN", trained, started.train, echoed.train)]
    for number, file in started.tests.items():
        state = states[number] if number < len(states) else None
        pairs.append(("TEST", state, file, echoed.tests.get(number)))
    for phase, state, disk, log in pairs:
        if disk is None or log is None or disk is log:
            continue
        assert disk.message is not None
        assert log.message is not None
        problems = net_drift(disk.message, log.message, phase, state)
        yield from checker.rules.on_problems(disk.source, problems, phase)


def _tested(run: Run, solver: File | None, net: File) -> bool:
    """Whether a net file also serves for testing."""
    if run.tests:
        return True
    if solver is not None and solver.message is not None:
        return any(use.phase == "TEST" for use in net_uses(solver.message))
    assert net.message is not None
    return bool(Net(net.message, effective_state("TEST", None, None)).sources)


def _setting(started: Rebuilt) -> Setting:
    solver = started.solver.message if started.solver is not None else None
    train = _view(started.train, "TRAIN") if started.train is not None else None
    return Setting(solver, train, tuple(_view(file, "TEST") for file in started.tests.values()))


def _view(file: File, phase: str) -> Net:
    assert file.message is not None
    return Net(file.message, effective_state(phase, file.message.values.get("state"), None))


def _files_beside(log: Path) -> list[File]:
    """The nets and solvers in the directory of a log."""
    try:
        names = sorted(one.name for one in log.parent.iterdir() if looks_like_prototxt(one.name))
    except OSError:
        return []
    return list(_readable(log.with_name(name) for name in names[:_MOST_BESIDE]))


def _own(beside: Sequence[File], echoed: Rebuilt) -> tuple[File | None, File | None]:
    """Of the files beside a log, solver and net that can only be its own.

    A solver says what Caffe has echoed; without an echo there must be one only.
    """
    solvers = [one for one in beside if one.kind == "solver"]
    if echoed.solver is not None:
        solvers = [one for one in solvers if _says_the_same(one, echoed.solver)]
    solver = solvers[0] if len(solvers) == 1 else None
    if echoed.solver is not None or echoed.train is not None or solver is not None:
        return solver, None
    nets = [one for one in beside if one.kind == "net" and _has_loss(one)]
    return None, nets[0] if len(nets) == 1 and not solvers else None


def _readable(paths: Iterator[Path]) -> Iterator[File]:
    for path in paths:
        try:
            file = read_file(path)
        except CheckError:
            continue
        if file.message is not None:
            yield file


def _has_loss(file: File) -> bool:
    return any(layer.is_loss for layer in _view(file, "TRAIN").layers)


def _says_the_same(file: File, echo: File) -> bool:
    """Whether a solver file says what Caffe has echoed."""
    assert file.message is not None
    assert echo.message is not None
    return not solver_drift(file.message, echo.message)


def _with_nets(solver: File | None, echoed: Rebuilt) -> Rebuilt:
    """A solver file with its nets, as far as they are found; else those that the log has."""
    assert solver is not None
    assert solver.message is not None
    found: dict[str, File] = {}
    train, tests = echoed.train, dict(echoed.tests)
    number = 0
    for use in net_uses(solver.message):
        file = found.get(use.path) or _found(use.path, solver.path)
        if file is not None:
            found[use.path] = file
            if use.phase == "TRAIN":
                train = file
            else:
                tests[number] = file
        number += use.phase == "TEST"
    return Rebuilt(solver, train, tests)


def _found(name: str, named_in: Path) -> File | None:
    """The net of a name in a solver file; None where it cannot be read."""
    path, _ = resolve(name, named_in, None) if name else (None, None)
    if path is None:
        return None
    return next((file for file in _readable(iter((path,))) if file.kind == "net"), None)


# Places in the log


def _lines(facts: Struct) -> Iterator[int]:
    """The lines of all moments among the facts of a run."""
    if isinstance(facts, Moment):
        yield facts.line
    for name in facts.__struct_fields__:
        value = getattr(facts, name)
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Struct):
                yield from _lines(one)


def _texts(path: Path, numbers: Iterable[int]) -> Mapping[int, str]:
    # The log was there a moment ago; if it is no longer, the lines' numbers remain.
    with suppress(OSError), path.open("rb") as stream:
        return fetch(stream, numbers)
    return {}


def _rows_after(run: Run, line: int) -> list[int]:
    """A few lines with a training loss after a line of the log, the last one among them."""
    lines = run.loss.lines
    first = bisect_right(lines, line)
    count = len(lines) - first
    if count <= _ROWS:
        return list(lines[first:])
    return [lines[first + round(at * (count - 1) / (_ROWS - 1))] for at in range(_ROWS)]


def anchored(examination: Examination) -> Report:
    """The report with what is said of runs where it can be mended: at its first cause in a file."""
    moved = {one.diagnostic: _at_cause(one) for run in examination.runs for one in run.diagnoses}
    report = examination.report
    found = tuple(moved.get(one, one) for one in report.diagnostics)
    return replace(report, diagnostics=tuple(sorted(found, key=lambda one: one.sort_key)))


def _at_cause(one: Diagnosis) -> Diagnostic:
    finding = next((cause.finding for cause in one.causes if cause.finding is not None), None)
    diagnostic = one.diagnostic
    if finding is None:
        return diagnostic
    told = Related(diagnostic.place, "seen here in the log")
    others = tuple(each for each in diagnostic.related if each.place != finding.place)
    message = f"{diagnostic.message}; the most likely cause: {finding.message}"
    return replace(
        diagnostic, message=message, place=finding.place, related=(told, *others), fix=finding.fix
    )


def _placed(one: Diagnosis, facts: Any, source: LogSource, run: Run) -> Diagnosis:
    """A diagnosis with the other lines of the log that it names, and the places of its causes."""
    diagnostic = one.diagnostic
    related: dict[int, Related] = {}
    own = source.locate(diagnostic.place.span.start).line
    for path, words in one.moments:
        if path == ROWS:
            numbers = _rows_after(run, own)
        else:
            moment = moment_at(facts, path)
            numbers = [moment.line] if moment is not None else []
        for number in numbers:
            if number != own:
                related.setdefault(number, Related(Place(source, source.said(number)), words))
    causes = [
        Related(cause.finding.place, f"cause: {cause.words}")
        for cause in one.causes
        if cause.finding is not None
    ]
    lines = [related[number] for number in sorted(related)]
    return replace(one, diagnostic=replace(diagnostic, related=(*causes, *lines)))
