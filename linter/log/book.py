"""The runs being read: which run a line belongs to, and where its values go.

One log may hold several runs after each other, or at the same time (ranks of a multi-process
run, two trainings writing into one file). A run is known by the rank before glog's prefix and
the thread number in it; the lines of a run that come without a prefix belong to the run of its
rank that spoke last.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import nan
from typing import NamedTuple

from msgspec import Struct, field

from .prefix import PREFIX, elapsed, rank_of, time_of
from .run import Event, Output, Points, Probe, Run, TestNet

MOST_POINTS = 1 << 19
"""Points kept of a whole log (16 MiB); beyond it the longest series are thinned."""
MOST_SERIES = 1 << 15
MOST_RUNS = 1 << 10
MOST_EVENTS = 1 << 15
"""Events of the common kinds that are kept of a whole log."""
_REPEATED = frozenset(("copy", "ignore", "message", "snapshot", "upgrade", "death"))
_MOST_SUBJECT = 1000
MOST_ECHOED = 1 << 25
"""Bytes of echoes that are kept of a whole log (32 MiB)."""


class Label(NamedTuple):
    """Which series a value belongs to."""

    phase: str
    """``train`` or ``test``."""
    net: int | None
    """Number of the test net."""
    series: str
    """``loss``, ``output``, ``lr``, ``iter/s``, ``clip`` or ``debug``."""
    name: str = ""
    """The blob of an output."""
    element: int | None = None
    """The number of an output."""
    weight: float | None = None
    """The loss weight of an output."""


LOSS = Label("train", None, "loss")
RATE = Label("train", None, "lr")
SPEED = Label("train", None, "iter/s")
CLIP = Label("train", None, "clip")


class Row(NamedTuple):
    """One value as it is read, for what wants every single one (``--format csv``)."""

    run: int
    label: Label
    iteration: int
    value: float
    line: int
    seconds: float


Sink = Callable[[Row], None]


class Teller(Struct):
    """What is known of a run between its lines."""

    run: Run
    started: float | None = None
    """Time of the first dated line."""
    loss_at: int = -1
    rate_at: int = -1
    test_at: dict[int, int] = field(default_factory=dict)
    """Iteration of the last line of each kind, to notice when one goes back."""
    test_net: int = 0
    testing: bool = False
    """Between "Testing net" and the next line about training."""
    next_net: int | None = None
    next_file: str = ""
    """What the last "Creating training net" or "Creating test net" line said."""
    told: set[tuple[str, bytes]] = field(default_factory=set)
    """Events of kinds that come again and again."""
    ended: bool = False
    """"Optimization Done." was printed."""
    batch_index: int = 0
    """Place of the last value within its batch, of ``caffe test``."""
    probes: list[tuple[Probe, float, int, float]] = field(default_factory=list)
    """Debug lines waiting for the iteration, which Caffe prints after them."""

    @property
    def fresh(self) -> bool:
        """Whether it has told nothing yet that a second start could not also be about."""
        run = self.run
        nothing = run.last_iteration is None and run.fatal is None
        return nothing and run.solver is None and not run.nets

    @property
    def over(self) -> bool:
        """Whether its process is known to have ended."""
        return self.ended or self.run.fatal is not None


class Book:
    """All runs of a log while it is read."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.runs: list[Run] = []
        self.sink = sink
        self.series: list[Points] = []
        self.series_dropped = 0
        self.echoed = 0
        """Bytes of all echoes so far."""
        self._events = 0
        self.unread = 0
        """Value lines whose number could not be read."""
        self.seconds = nan
        """Time of the line at hand since its run's start."""
        self._current: dict[str, Teller] = {}
        self._by_thread: dict[tuple[str, bytes], Teller] = {}
        self._teller: Teller | None = None
        self._last = Teller(Run(0, 1))
        """The run that began last."""
        self._rank = ""
        self._thread = b""
        # Where the prefix of the last line had its parts; the next one mostly has the same.
        self._stamp, self._mark = b"", b""
        self._date, self._fraction, self._end = 1, 0, 0
        self._base = 0.0

    # --- which run ---

    def teller(self, line: bytes, number: int) -> Teller:
        """The run that ``line`` belongs to; sets ``seconds``."""
        cut = self._fraction
        if (
            self._teller is not None
            and cut
            and line.startswith(self._stamp)
            and line[cut + 7 : self._end] == self._mark
        ):
            try:
                self.seconds = self._base + float(line[cut : cut + 7])
            except ValueError:
                self.seconds = self._base
            self._teller.run.last_line = number
            return self._teller
        return self._find(line, number)

    def _find(self, line: bytes, number: int) -> Teller:
        prefix = PREFIX.search(line)
        if prefix is None:
            self.seconds = nan
            teller = self._current.get(self._rank) or self.start(number)
            teller.run.last_line = number
            return teller
        self._rank = rank_of(line[: prefix.start()])
        self._thread = prefix[7]
        teller = self._of_thread(number)
        self._remember(line, prefix, teller)
        teller.run.last_line = number
        return teller

    def _of_thread(self, number: int) -> Teller:
        key = (self._rank, self._thread)
        current = self._current.get(self._rank)
        teller = self._by_thread.get(key)
        if teller is None or (teller.over and teller is not current):
            teller = current or self.start(number)
            self._by_thread[key] = teller
            if len(self._by_thread) > MOST_SERIES:
                self._by_thread.clear()
        self._current[self._rank] = teller
        return teller

    def _remember(self, line: bytes, prefix: re.Match[bytes], teller: Teller) -> None:
        """Take the time of the line, and keep where it stands for the next ones."""
        now = time_of(prefix)
        fraction = float(prefix[6] or 0)
        if teller.started is None:
            teller.started = now + fraction
            run = teller.run
            run.started = line[prefix.start(2) : prefix.end(6 if prefix[6] else 5)].decode("ascii")
            run.pid = run.pid if run.pid is not None else int(prefix[7])
        self._base = elapsed(teller.started, now)
        self.seconds = self._base + fraction
        self._teller = teller
        usual = prefix[6] is not None and len(prefix[6]) == 7
        self._fraction = prefix.end(5) if usual else 0
        self._stamp = line[: self._fraction]
        self._end = prefix.end(7) + 1
        self._mark = line[self._fraction + 7 : self._end]
        teller.run.duration = max(teller.run.duration or 0.0, self.seconds)

    def start(self, number: int) -> Teller:
        """A new run, which the line at hand and those after it belong to."""
        current = self._current.get(self._rank)
        if len(self.runs) >= MOST_RUNS:
            return current or self._last
        if current is not None:
            self.flush_probes(current, max(current.loss_at, 0))
        run = Run(len(self.runs), number, number, rank=self._rank)
        teller = self._last = Teller(run)
        self.runs.append(run)
        self.series += [run.loss, run.rates, run.speed, run.clips]
        self._current[self._rank] = teller
        self._by_thread[self._rank, self._thread] = teller
        self._teller, self._fraction = None, 0
        return teller

    def restart(self, line: bytes, number: int) -> Teller:
        """The run that a line begins, which only a starting process prints."""
        teller = self.teller(line, number)
        if teller.fresh:
            return teller
        teller.run.last_line = max(teller.run.first_line, number - 1)
        self.start(number)
        return self.teller(line, number)

    # --- what it tells ---

    def put(
        self, run: Run, points: Points, label: Label, iteration: int, value: float, number: int
    ) -> None:
        """Add a value to a series."""
        points.add((iteration, value, number, self.seconds))
        if self.sink is not None:
            self.sink(Row(run.index, label, iteration, value, number, self.seconds))

    def output(self, outputs: dict[int, Output], index: int, name: bytes) -> Output | None:
        """The output ``index`` of a net; None where there are too many series already."""
        found = outputs.get(index)
        if found is None:
            if not self.room():
                return None
            found = outputs[index] = Output(text(name), index)
            self.series.append(found.points)
        return found

    def test_net(self, teller: Teller, index: int) -> TestNet | None:
        """The test net ``index``; None where there are too many series already."""
        found = teller.run.tests.get(index)
        if found is None:
            if not self.room():
                return None
            found = teller.run.tests[index] = TestNet(index)
            self.series += [found.loss, found.tested]
        return found

    def room(self) -> bool:
        """Whether one more series may be kept; counts those that may not."""
        if len(self.series) < MOST_SERIES:
            return True
        self.series_dropped += 1
        return False

    def event(self, teller: Teller, kind: str, number: int, subject: bytes = b"") -> None:
        """Add an event to a run; of those that tests repeat, only the first."""
        run = teller.run
        if kind in _REPEATED:
            key = (kind, subject)
            if key in teller.told:
                return
            if self._events >= MOST_EVENTS:
                run.events_dropped += 1
                return
            teller.told.add(key)
            self._events += 1
        words = text(subject[:_MOST_SUBJECT])
        run.events.append(Event(kind, number, words, run.last_iteration))

    def probe(
        self, teller: Teller, probe: Probe, iteration: int, point: tuple[float, int, float]
    ) -> None:
        """Add what a debug line printed."""
        value, line, seconds = point
        points = teller.run.debug.get(probe)
        if points is None:
            if not self.room():
                return
            points = teller.run.debug[probe] = Points()
            self.series.append(points)
        points.append(iteration, value, line, seconds)
        if self.sink is not None:
            phase = "test" if probe.step == "Test" else "train"
            name = " ".join(part for part in probe if part)
            self.sink(
                Row(
                    teller.run.index,
                    Label(phase, None, "debug", name),
                    iteration,
                    value,
                    line,
                    seconds,
                )
            )

    def flush_probes(self, teller: Teller, iteration: int) -> None:
        """Give the waiting debug lines their iteration."""
        for probe, value, line, seconds in teller.probes:
            self.probe(teller, probe, iteration, (value, line, seconds))
        teller.probes.clear()

    def finish(self) -> None:
        """No more lines come: debug lines whose iteration was never named keep the last one."""
        for teller in {id(one): one for one in self._by_thread.values()}.values():
            self.flush_probes(teller, max(teller.loss_at, 0))

    def store(self) -> None:
        """Move what was read into the arrays; called after some thousand lines."""
        for points in self.series:
            points.store()

    def thin(self) -> int:
        """Keep within MOST_POINTS; gives how many points are kept now."""
        kept = sum(map(len, self.series))
        while kept > MOST_POINTS:
            longest = max(self.series, key=len)
            before = len(longest)
            longest.thin()
            kept -= before - len(longest)
        return kept


def text(data: bytes) -> str:
    """A name or message of the log; bytes that are not UTF-8 are replaced."""
    return data.decode("utf-8", "replace")
