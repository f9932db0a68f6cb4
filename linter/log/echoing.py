"""The texts of solver and nets that Caffe prints into its log, taken out of it.

glog cuts a message at 30000 bytes (LogMessage::kMaxLogMessageLen), so the echo of a large net
ends somewhere in a layer.
"""

from __future__ import annotations

import re
from array import array

from .book import MOST_ECHOED, Book
from .run import Echo

_PROTOTXT = re.compile(rb"\s*(?:[A-Za-z_]\w*\s*(?:\{|:)|\}|$)")
_DIGITS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
MOST_BYTES = 1 << 23
MOST_NETS = 256


class Capture:
    """An echo being printed: takes its lines until the message ends."""

    def __init__(self, echo: Echo, front: bytes, room: int) -> None:
        self.echo = echo
        self.size = 0
        """About how much memory it takes."""
        self._room = room
        self._front = front.translate(_DIGITS)
        self._parts: list[bytes] = []
        self._depth = 0

    @property
    def open(self) -> bool:
        """Whether a message of the text has begun and not ended."""
        return self._depth > 0

    def take(self, line: bytes, number: int) -> bool:
        """Take a line without glog's prefix; False where it is not prototxt."""
        if self._front:
            size = len(self._front)
            if line[:size].translate(_DIGITS) != self._front:
                return False
            line = line[size:]
        if _PROTOTXT.match(line) is None or self.size > self._room:
            return False
        self._depth += line.count(b"{") - line.count(b"}")
        self.size += len(line) + 9
        self._parts.append(line)
        self.echo.lines.append(number)
        return True

    def close(self) -> None:
        """The text is complete, or nothing more of it comes."""
        while self._parts and not self._parts[-1].strip():
            self._parts.pop()
            self.echo.lines.pop()
        data = b"".join(part + b"\n" for part in self._parts)
        self.echo.text = data.decode("utf-8", "surrogateescape")
        self.echo.cut = self._depth != 0 or not self._parts or self.size > self._room


def begin(book: Book, line: bytes, at: int, number: int, front: bytes) -> Capture | None:
    """The echo that ``Initializing … from parameters:`` announces; None if it does not."""
    room = min(MOST_BYTES, MOST_ECHOED - book.echoed)
    if line.startswith(b"Initializing solver from parameters", at):
        teller = book.restart(line, number)
        echo = Echo("solver", "", array("q"), number)
        teller.run.solver = echo
        return Capture(echo, front, room)
    if not line.startswith(b"Initializing net from parameters", at):
        return None
    teller = book.teller(line, number)
    echo = Echo("net", "", array("q"), number, teller.next_net, teller.next_file)
    if len(teller.run.nets) < MOST_NETS:
        teller.run.nets.append(echo)
    return Capture(echo, front, room)
