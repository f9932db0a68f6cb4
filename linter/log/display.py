"""The lines Caffe prints for one displayed iteration, read at once.

Every ``display`` iterations the same lines come again: the loss, each output of the training net,
the rate. Once one such group was seen, a single pattern made of it reads the next, which takes a
third of the time of reading it line by line. A group that differs in anything but its numbers
(another net, a line between, a second that passes) is left to the line-by-line reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .book import Book
from .events import OUTPUT
from .run import Run

# The same second and the same thread all through, by back reference.
_LOSS = (
    rb"(I\d{4,8} \d\d:\d\d:\d\d)\.\d{6}( +\d+) \S+\] "
    rb"Iteration (\d{1,18})(?: \((\S+) iter/s, [^)]*\))?, loss = (\S+)"
)
_NEXT = rb"\n\1\.\d{6}\2 \S+\] "
_RATE = re.compile(rb"Iteration \d+, lr = [^\s,]+$")
_MOST_LINES = 64
_PATIENCE = 64
"""After so many more groups in vain than read, a log is not of this kind."""


class Display:
    """The pattern of a log's groups, learnt from one and used on the next."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[bytes] | None = None
        self._size = 0
        self._outputs: list[int] = []
        self._rated = False
        self._vain = 0
        self._run: Run | None = None
        """The run that values were last added to, and by which functions."""
        self._adders: list[Callable[[tuple[int, float, int, float]], None]] = []

    def read(self, book: Book, lines: list[bytes], place: int, number: int) -> int:
        """Read the group that begins at ``lines[place]``; gives its size, 0 if it was not read."""
        if self._vain > _PATIENCE or place + self._size > len(lines):
            return 0
        if b", loss = " not in lines[place]:
            return 0
        if self._pattern is not None:
            found = self._pattern.fullmatch(b"\n".join(lines[place : place + self._size]))
            if found is not None and self._put(book, lines[place], number, found.groups()):
                self._vain = max(self._vain - 1, 0)
                return self._size
        self._vain += 1
        self._learn(lines, place)
        return 0

    def _put(self, book: Book, line: bytes, number: int, groups: tuple[bytes, ...]) -> bool:
        """Add the values of a group; False where one of its lines is not what it seems."""
        teller = book.teller(line, number)
        run, count = teller.run, int(groups[2])
        if count < teller.loss_at or count < teller.rate_at or teller.probes:
            return False
        if run is not self._run and not self._attach(run):
            return False
        try:
            values = list(map(float, groups[4:]))
            speed = float(groups[3]) if groups[3] is not None else None
        except ValueError:  # as Windows prints what is not finite, or what is no number
            return False
        seconds = book.seconds
        for add, value in zip(self._adders, values, strict=True):
            add((count, value, number, seconds))
            number += 1
        if speed is not None:
            run.speed.add((count, speed, number - len(values), seconds))
        teller.loss_at = run.last_iteration = count
        if self._rated:
            teller.rate_at = count
        teller.testing = False
        run.last_line = number - 1
        return True

    def _attach(self, run: Run) -> bool:
        """Find where the values of each line go; False where the run has not told them yet."""
        outputs = [run.train.get(index) for index in self._outputs]
        known = [output.points.add for output in outputs if output is not None]
        if len(known) < len(outputs):
            return False
        self._run = run
        self._adders = [run.loss.add, *known, *([run.rates.add] if self._rated else [])]
        return True

    def _learn(self, lines: list[bytes], place: int) -> None:
        """Make the pattern of the group at ``lines[place]``."""
        parts, outputs, rated = [_LOSS], [], False
        for line in lines[place + 1 : place + _MOST_LINES]:
            at = line.find(b"] ") + 2
            shown = OUTPUT.match(line, at)
            if shown is not None and shown[1] == b"Train":
                weight = rb" \(\* \S+ = \S+ loss\)" if shown[5] is not None else b""
                name = re.escape(line[at : shown.start(4)])
                parts.append(_NEXT + name + rb"(\S+)" + weight)
                outputs.append(int(shown[2]))
                continue
            if _RATE.match(line, at):
                parts.append(_NEXT + rb"Iteration \3, lr = (\S+)")
                rated = True
            break
        else:
            return  # the lines at hand end within the group, or it is very long
        self._pattern = re.compile(b"".join(parts)) if len(parts) > 1 else None
        self._size, self._outputs, self._rated = len(parts), outputs, rated
        self._run = None
