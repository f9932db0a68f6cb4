"""What one training run wrote into its log: series, echoes, events. No judgement.

A log holds one or more runs. Everything that was read keeps the number of its line in the log,
counted from 1, so whatever is said about it later can point there. Names follow the printed
text of src/caffe/solver.cpp, solvers/sgd_solver.cpp, net.cpp and tools/caffe.cpp.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from math import isfinite, nan
from operator import itemgetter
from typing import NamedTuple

from msgspec import Struct, field

_VALUE = itemgetter(1)
_SOME = 1 << 13


class Point(NamedTuple):
    """One value of a series: at which iteration, how much, and on which line of the log."""

    iteration: int
    value: float
    line: int
    seconds: float = nan
    """Since the run's first dated line; nan where the log has no times."""


class Points:
    """A series over iterations, in log order, as four parallel arrays (32 bytes a point).

    Memory is bounded by ``thin``: of a huge log every ``stride``-th point is kept. What thinning
    must not lose stays exact: how many points there were (``seen``), the first, the last, the
    lowest, the highest, and the first that is not a finite number.
    """

    __slots__ = (
        "_highest",
        "_iterations",
        "_last",
        "_lines",
        "_lowest",
        "_new",
        "_not_finite",
        "_seconds",
        "_stored",
        "_values",
        "add",
        "stride",
    )

    add: Callable[[tuple[int, float, int, float]], None]
    """Add the next point: iteration, value, line, seconds, taken as they come."""
    stride: int
    """Every how-manieth point is kept; 1 means all."""

    def __init__(self) -> None:
        self.stride = 1
        self._iterations, self._values = array("q"), array("d")
        self._lines, self._seconds = array("q"), array("d")
        # Appending one tuple to a list is the quickest there is; arrays are filled by many.
        self._new: list[tuple[int, float, int, float]] = []
        self.add = self._new.append
        self._stored = 0
        self._last: Point | None = None
        self._lowest: Point | None = None
        self._highest: Point | None = None
        self._not_finite: Point | None = None

    def append(self, iteration: int, value: float, line: int, seconds: float = nan) -> None:
        """Add the next point."""
        self.add((iteration, value, line, seconds))

    def store(self) -> None:
        """Move what was added into the arrays."""
        if not self._new:
            return
        rows = self._new
        if self.stride > 1:
            self._note(rows)
            rows = rows[-self._stored % self.stride :: self.stride]
        self._stored += len(self._new)
        if rows:
            iterations, values, lines, seconds = zip(*rows, strict=True)
            self._iterations.extend(iterations)
            self._values.extend(values)
            self._lines.extend(lines)
            self._seconds.extend(seconds)
        self._new.clear()

    @property
    def iterations(self) -> array[int]:
        """Iteration of each kept point."""
        self.store()
        return self._iterations

    @property
    def values(self) -> array[float]:
        """Value of each kept point."""
        self.store()
        return self._values

    @property
    def lines(self) -> array[int]:
        """Line of the log of each kept point, from 1."""
        self.store()
        return self._lines

    @property
    def seconds(self) -> array[float]:
        """Time of each kept point since its run's first dated line; nan where not known."""
        self.store()
        return self._seconds

    @property
    def seen(self) -> int:
        """How many points the log holds, thinned away or not."""
        return self._stored + len(self._new)

    def thin(self) -> None:
        """Drop every second kept point, and from now on keep half as many."""
        self.store()
        if self.stride == 1:  # afterwards every point is noted as it is stored
            for start in range(0, len(self), _SOME):
                self._note([self[at] for at in range(start, min(start + _SOME, len(self)))])
        self.stride *= 2
        self._iterations = self._iterations[::2]
        self._values = self._values[::2]
        self._lines = self._lines[::2]
        self._seconds = self._seconds[::2]

    def _note(self, rows: Sequence[tuple[int, float, int, float]]) -> None:
        """Remember what matters of points that are not all kept; ``rows`` are not empty."""
        self._last = Point(*rows[-1])
        finite = rows
        if not all(isfinite(row[1]) for row in rows):
            finite = [row for row in rows if isfinite(row[1])]
            if self._not_finite is None:
                self._not_finite = Point(*next(row for row in rows if not isfinite(row[1])))
        if finite:
            low, high = Point(*min(finite, key=_VALUE)), Point(*max(finite, key=_VALUE))
            if self._lowest is None or low.value < self._lowest.value:
                self._lowest = low
            if self._highest is None or high.value > self._highest.value:
                self._highest = high

    @property
    def first(self) -> Point | None:
        """The first point; None of an empty series, as below."""
        return self[0] if self.values else None

    @property
    def last(self) -> Point | None:
        """The last point of the log, kept or not."""
        kept = self[-1] if self.values else None
        if self._last is None or (kept is not None and kept.line > self._last.line):
            return kept
        return self._last

    @property
    def lowest(self) -> Point | None:
        """The earliest of the lowest finite values; takes time in the length of the series."""
        kept = min((p for p in self if isfinite(p.value)), key=lambda p: p.value, default=None)
        both = [point for point in (kept, self._lowest) if point is not None]
        return min(both, key=lambda p: (p.value, p.line), default=None)

    @property
    def highest(self) -> Point | None:
        """The earliest of the highest finite values; takes time in the length of the series."""
        kept = max((p for p in self if isfinite(p.value)), key=lambda p: p.value, default=None)
        both = [point for point in (kept, self._highest) if point is not None]
        return min(both, key=lambda p: (-p.value, p.line), default=None)

    @property
    def first_not_finite(self) -> Point | None:
        """The first nan or infinity; takes time in the length of the series."""
        kept = next((point for point in self if not isfinite(point.value)), None)
        return _earlier(self._not_finite, kept)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, at: int) -> Point:
        return Point(self.iterations[at], self.values[at], self.lines[at], self.seconds[at])

    def __iter__(self) -> Iterator[Point]:
        return map(Point, self.iterations, self.values, self.lines, self.seconds)


def _earlier(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return one or other
    return one if one.line <= other.line else other


class Output(Struct):
    """One number a net prints: element ``index`` of its outputs ("Train net output #1: …")."""

    name: str
    """The blob's name; a blob of several elements gives as many outputs of the same name."""
    index: int
    weight: float | None = None
    """The loss weight of "(* 0.3 = …  loss)"; None for what is not a loss."""
    points: Points = field(default_factory=Points)
    """Values before the loss weight, as printed left of the bracket."""


class TestNet(Struct):
    """What one test net printed over the run."""

    index: int
    outputs: dict[int, Output] = field(default_factory=dict)
    """By output index."""
    loss: Points = field(default_factory=Points)
    """The "Test loss: X" lines of ``test_compute_loss``; mostly empty."""
    tested: Points = field(default_factory=Points)
    """One point for each "Iteration N, Testing net (#k)"; the values are nan."""


class Echo(Struct):
    """The text format of a solver or net, as Caffe printed it into the log."""

    what: str
    """``solver`` or ``net``."""
    text: str
    """Without the prefixes of the log's lines; each line ends in a line feed."""
    lines: array[int]
    """For each line of ``text``, its line number in the log."""
    start: int
    """Line of the log that announces it ("Initializing net from parameters:")."""
    test_net: int | None = None
    """Number of the test net it is the echo of; None for the training net and the solver."""
    file: str = ""
    """The file it was read from, as the log names it; empty where it does not."""
    cut: bool = False
    """The log stops, or skips text, before the echo is complete."""


class Fatal(Struct):
    """What made Caffe stop: a failed check, or the end of the process."""

    message: str
    """Whole, on one line: ``Check failed: bottom.size() == 2 (1 vs. 2) …``."""
    line: int
    """Line in the log."""
    file: str = ""
    """Caffe's source file, as printed: ``net.cpp``; empty where nothing was printed."""
    file_line: int = 0
    iteration: int | None = None
    """The last iteration the log names before."""


class Event(Struct):
    """Something that happened once, told in a line of its own.

    ``kind`` is one of:

    ``finetune``       weights file the weights come from (``subject``)
    ``copy``           layer that a weights file filled (debug builds of Caffe print it)
    ``ignore``         layer of a weights file that the net does not have
    ``cannot-copy``    parameter of a layer whose shape differs (forks warn; Caffe aborts)
    ``restore``        solver state training goes on from
    ``snapshot``       weights or solver state that was written
    ``step``           lr_policy multistep reached the step ``subject``
    ``early-stop``     "Optimization stopped early."
    ``interrupted``    "Test interrupted."
    ``done``           "Optimization Done."
    ``start``          "Starting Optimization", or a like line
    ``upgrade``        notice that the prototxt is of an old form
    ``message``        a warning or an error of Caffe, or of a library below it
    ``death``          the shell or the system tells of the end: ``Killed``, ``Aborted``
    """

    kind: str
    line: int
    subject: str = ""
    iteration: int | None = None


class Probe(NamedTuple):
    """Which mean absolute value ``debug_info`` printed (src/caffe/net.cpp, …DebugInfo)."""

    step: str
    """``Forward``, ``Backward`` or ``Update`` of training; ``Test`` for a test net's forward."""
    layer: str
    """The layer's name; empty for "All net params"."""
    blob: str
    """``top ip1``, ``bottom ip1``, ``param 0``, ``input data``; ``L1`` or ``L2`` of all."""
    what: str
    """``data`` or ``diff``."""


class Run(Struct):
    """One training run, or one resumed part of it, as a log tells it."""

    index: int
    """Place in the log, from 0."""
    first_line: int
    last_line: int = 0
    command: str = "train"
    """``train``, or ``test`` for the output of ``caffe test``."""
    pid: int | None = None
    """Thread number in the glog prefix of the run's first line."""
    rank: str = ""
    """Process of a multi-process run as the log marks its lines (``[1]``); mostly empty."""
    started: str = ""
    """Date and time of the first dated line, as printed: ``1124 23:40:09.274407``."""
    duration: float | None = None
    """Seconds from the first to the last dated line; None where there are none."""
    solver: Echo | None = None
    nets: list[Echo] = field(default_factory=list)
    loss: Points = field(default_factory=Points)
    """"Iteration N, loss = X": the mean over the last ``average_loss`` iterations."""
    train: dict[int, Output] = field(default_factory=dict)
    """"Train net output #k", by k: of the displayed iteration alone, not averaged."""
    tests: dict[int, TestNet] = field(default_factory=dict)
    rates: Points = field(default_factory=Points)
    """"Iteration N, lr = X"."""
    speed: Points = field(default_factory=Points)
    """Iterations a second as Caffe printed them; empty for older versions, which do not."""
    clips: Points = field(default_factory=Points)
    """Gradient norm of each "Gradient clipping" line, at the last iteration the log named."""
    clip_limit: float | None = None
    """The ``clip_gradients`` it was compared to."""
    debug: dict[Probe, Points] = field(default_factory=dict)
    """What ``debug_info`` printed."""
    events: list[Event] = field(default_factory=list)
    events_dropped: int = 0
    """How many more events there were than are kept."""
    fatal: Fatal | None = None
    resumed_from: int | None = None
    """The iteration it took up, where the log says it was restored from a solver state."""
    last_iteration: int | None = None
    """The last iteration any line names."""
    done: bool = False
    """"Optimization Done." was printed, and not after "Optimization stopped early."."""
    layers_set_up: int = 0
    """How many "Setting up NAME" or "Creating Layer NAME" lines it has."""
    last_layer: str = ""
    """The layer being created last: where a net failed to build, this is the one."""

    def all_points(self) -> Iterator[Points]:
        """Every series of the run."""
        yield from (self.loss, self.rates, self.speed, self.clips)
        for output in self.train.values():
            yield output.points
        for test in self.tests.values():
            yield test.loss
            yield test.tested
            for output in test.outputs.values():
                yield output.points
        yield from self.debug.values()

    def of_kind(self, kind: str) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if event.kind == kind]
