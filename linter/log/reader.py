"""Reads a log into runs: one pass over its lines, each looked up by the first word it says.

Most lines cost a search for the end of glog's prefix and one look into a dictionary; only lines
with values meet a regular expression. Whatever the bytes are, reading does not fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ..core.collector import paused_collector
from . import echoing, events, telling
from .book import MOST_POINTS, Book, Sink, Teller, text
from .display import Display
from .lines import Progress, batches, watch
from .prefix import PREFIX
from .run import Fatal, Run

_HANDLERS: dict[bytes, events.Handler] = {
    b"": events.indented,
    b"Iteration": events.iteration,
    b"Test": events.test,
    b"Gradient": events.clip,
    b"speed:": events.speed,
    b"Batch": events.batch,
    b"Loss:": events.total,
    b"Optimization": telling.optimization,
    b"Starting": telling.starting,
    b"Use": telling.process,
    b"Using": telling.process,
    b"This": telling.process,
    b"Creating": telling.creating,
    b"Setting": telling.setting,
    b"Finetuning": telling.weights,
    b"Loading": telling.weights,
    b"Copying": telling.weights,
    b"Ignoring": telling.weights,
    b"Restoring": telling.restoring,
    b"Resuming": telling.restoring,
    b"Snapshotting": telling.snapshotting,
    b"Wrote": telling.snapshotting,
    b"MultiStep": telling.multistep,
    b"Attempting": telling.upgrade,
}
# Said by fatal messages too, so their severity is looked at first.
_GRAVE: dict[bytes, events.Handler] = {b"Cannot": telling.weights}
_SERIOUS = frozenset((b"F", b"E", b"W"))
# What a shell, the C++ runtime or the kernel says of a process that died.
_DEATH = re.compile(
    rb"^(?:\S+: line \d+:\s+\d+ )?((?:Killed|Aborted|Segmentation fault|Bus error"
    rb"|Floating point exception|Illegal instruction|Terminated)(?: \(core dumped\))?)"
    rb"(?:\s{2,}.*)?$"
    rb"|^(?:\d+ )?(terminate called .*|\*\*\* SIG[A-Z]+ .*|\*\*\* Aborted at .*"
    rb"|MemoryError|Out of memory.*)$"
)
_PROTOBUF = re.compile(rb"\[libprotobuf (ERROR|FATAL|WARNING) [^\]]{1,300}\] (.*)")
_MOST_FATAL = 4096


class Log(Struct):
    """A log as read."""

    name: str
    runs: list[Run]
    lines: int = 0
    unread: int = 0
    """Lines that promise a value whose number cannot be read."""
    series_dropped: int = 0
    """Values of series beyond the most that are kept."""


class Reader:
    """Reads lines as they come; ``log`` may be looked at any time between."""

    def __init__(self, name: str, sink: Sink | None = None) -> None:
        self.name = name
        self._book = Book(sink)
        self._number = 0
        self._kept = 0
        self._display = Display()
        self._capture: echoing.Capture | None = None
        self._fatal: tuple[Teller, Fatal] | None = None

    def feed(self, lines: list[bytes]) -> None:
        """Read the next lines."""
        with paused_collector():
            self._feed(lines)

    def _feed(self, lines: list[bytes]) -> None:
        number, book, look = self._number, self._book, _HANDLERS.get
        display = self._display if book.sink is None else None
        skip = 0
        for place, line in enumerate(lines):
            number += 1
            if skip:
                skip -= 1
                continue
            at = line.find(b"] ")
            if self._capture is not None and self._captured(line, at, number):
                continue
            at = at + 2 if at >= 0 else 0
            end = line.find(b" ", at)
            handler = look(line[at:end] if end >= 0 else line[at:])
            if handler is None or line[:1] in _SERIOUS or self._fatal is not None:
                self._rare(line, at, number)
            elif (
                display is not None
                and handler is events.iteration
                and (read := display.read(book, lines, place, number))
            ):
                skip = read - 1
            else:
                handler(book, line, at, number)
        self._number = number
        book.store()
        self._kept += len(lines)
        if self._kept > MOST_POINTS:
            self._kept = book.thin()

    def _captured(self, line: bytes, at: int, number: int) -> bool:
        """Whether the line is one of the echo being printed; ends the echo where it is not."""
        capture = self._capture
        assert capture is not None
        if at < 0 or PREFIX.search(line) is None:
            return capture.take(line, number)
        if not capture.open or b"Initializing " in line or b"solver.cpp:" in line:
            self._close()
        return False

    def _close(self) -> None:
        if self._capture is not None:
            self._capture.close()
            self._book.echoed += self._capture.size
            self._capture = None

    def _rare(self, line: bytes, at: int, number: int) -> None:
        """A line that is not simply the message of a known first word."""
        prefix = PREFIX.search(line)
        if prefix is None:
            self._bare(line, number)
            return
        self._fatal = None
        at = prefix.end()
        at += line.startswith(b" ", at)
        if prefix[1] == b"F":
            self._die(line, at, number, prefix)
            return
        end = line.find(b" ", at)
        word = line[at:end] if end >= 0 else line[at:]
        if word == b"Initializing":
            self._close()
            self._capture = echoing.begin(self._book, line, at, number, line[: prefix.start()])
            return
        handler = _HANDLERS.get(word) or _GRAVE.get(word)
        if handler is None and line.startswith(b"[", at):
            handler = events.indented
        known = handler is not None and handler(self._book, line, at, number) is not False
        if not known and prefix[1] != b"I":
            self._book.event(self._book.teller(line, number), "message", number, line[at:])

    def _die(self, line: bytes, at: int, number: int, prefix: re.Match[bytes]) -> None:
        """A fatal message: the process ends after it."""
        self._close()
        teller = self._book.teller(line, number)
        if teller.over:
            teller = self._book.start(number)
            self._book.teller(line, number)
        file = re.split(rb"[\\/]", prefix[8])[-1]
        message = text(line[at : at + _MOST_FATAL]).strip()
        fatal = Fatal(message, number, text(file), int(prefix[9]), teller.run.last_iteration)
        teller.run.fatal = fatal
        self._fatal = teller, fatal
        if line.startswith(b"Cannot ", at):
            telling.weights(self._book, line, at, number)

    def _bare(self, line: bytes, number: int) -> None:
        """A line without glog's prefix."""
        if self._fatal is not None and self._goes_on(line):
            return
        self._fatal = None
        if line.startswith(b"[libprotobuf "):
            found = _PROTOBUF.match(line)
            if found is not None and found[1] != b"WARNING":
                teller = self._book.teller(line, number)
                self._book.event(teller, "message", number, found[2])
            return
        if (found := _DEATH.match(line)) is not None:
            self._end(line, number, found[1] or found[2])
            return
        if line.startswith(b"Initializing ") and line.rstrip().endswith(b"from parameters:"):
            self._close()
            self._capture = echoing.begin(self._book, line, 0, number, b"")
            return
        end = line.find(b" ")
        handler = _HANDLERS.get(line[:end] if end >= 0 else line)
        if handler is not None:
            handler(self._book, line, 0, number)

    def _goes_on(self, line: bytes) -> bool:
        """Whether a line belongs to the fatal message before it; the stack is left out."""
        assert self._fatal is not None
        stripped = line.strip()
        if stripped.startswith((b"*** Check failure stack trace", b"@ ")):
            self._fatal = None
            return True
        if not stripped or _DEATH.match(line):
            return not stripped
        fatal = self._fatal[1]
        if len(fatal.message) < _MOST_FATAL:
            fatal.message = f"{fatal.message} {text(stripped)[:_MOST_FATAL]}"
        return True

    def _end(self, line: bytes, number: int, what: bytes) -> None:
        """The end of a process as the shell or the system tells it."""
        teller = self._book.teller(line, number)
        self._book.event(teller, "death", number, what)
        run = teller.run
        if run.fatal is not None and run.fatal.message.startswith("*** Aborted at "):
            run.fatal = None  # glog's time of death; the next line names the signal
        if run.fatal is None and not run.done:
            run.fatal = Fatal(text(what), number, iteration=run.last_iteration)

    @property
    def log(self) -> Log:
        """What was read so far. A run that told nothing is left out."""
        book = self._book
        for run in book.runs:
            if run.duration is not None:
                run.duration = max(run.duration, _latest(run))
        runs = [run for run in book.runs if _told(run)]
        return Log(self.name, runs, self._number, book.unread, book.series_dropped)

    def finish(self) -> Log:
        """No more lines come."""
        self._close()
        self._book.finish()
        return self.log


def _latest(run: Run) -> float:
    """Time of the last line with a value; times are kept exactly only for those."""
    last = [points.last.seconds for points in (run.loss, run.rates) if points.last is not None]
    return max((seconds for seconds in last if seconds == seconds), default=0.0)


def _told(run: Run) -> bool:
    return (
        bool(run.solver or run.nets or run.events or run.fatal or run.tests or run.train)
        or run.last_iteration is not None
    )


def read(
    stream: BinaryIO, name: str, progress: Progress | None = None, sink: Sink | None = None
) -> Log:
    """Read a log to its end.

    Raises:
        OSError: if the stream cannot be read.
    """
    return read_lines(batches(stream, progress), name, sink)


def read_lines(lines: Iterable[list[bytes]], name: str, sink: Sink | None = None) -> Log:
    """Read a log given as lists of lines."""
    reader = Reader(name, sink)
    for some in lines:
        reader.feed(some)
    return reader.finish()


def follow(path: Path, seconds: float = 0.5) -> Iterator[Log]:
    """The log after each time something was written to it; never ends by itself.

    Where the file is cut or replaced, reading begins anew with what stands there then.

    Raises:
        OSError: if the file cannot be read.
    """
    reader = Reader(path.as_posix())
    for fresh, lines in watch(path, seconds):
        if fresh:
            reader = Reader(path.as_posix())
        if lines:
            reader.feed(lines)
        else:
            yield reader.log
