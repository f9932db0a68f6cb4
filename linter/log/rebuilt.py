"""What Caffe printed of solver and nets, read again; places in it are places in the log."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field

from ..core.source import Location, Source, Span
from ..reading import File, read_source
from .lines import batches
from .run import Echo, Run


class LogSource(Source):
    """Some lines of a log: positions in ``text`` are told as lines of the whole log.

    ``numbers`` are the lines of the log that the lines of ``text`` are, in rising order.
    """

    def __init__(self, name: str, text: str, numbers: Sequence[int]) -> None:
        super().__init__(name, text)
        self._numbers = numbers

    @property
    def numbers(self) -> Sequence[int]:
        """Which lines of the log the lines of ``text`` are."""
        return self._numbers

    def locate(self, offset: int) -> Location:
        """Line of the log and column of ``offset``."""
        line, column = super().locate(offset)
        if not self._numbers:
            return Location(1, 1)
        beyond = max(0, line - len(self._numbers))
        return Location(self._numbers[min(line, len(self._numbers)) - 1] + beyond, column)

    def line_start(self, number: int) -> int:
        """Offset of line ``number`` of the log, or of the next one that is there."""
        return super().line_start(min(bisect_left(self._numbers, number) + 1, super().line_count))

    def line(self, number: int) -> str:
        """Text of line ``number`` of the log; empty where it is not among those here."""
        at = bisect_left(self._numbers, number)
        if at == len(self._numbers) or self._numbers[at] != number:
            return ""
        return super().line(at + 1)

    @property
    def line_count(self) -> int:
        """The last line of the log that is here."""
        return self._numbers[-1] if self._numbers else 1

    def said(self, number: int) -> Span:
        """What line ``number`` says, without glog's prefix."""
        start, text = self.line_start(number), self.line(number)
        behind = text.find("] ") + 2 if "] " in text else 0
        behind += len(text[behind:]) - len(text[behind:].lstrip())
        return Span(start + behind, start + len(text))


class Rebuilt(Struct, frozen=True):
    """A solver and its nets as a log shows them, the test nets by their numbers. ``cut`` says that
    the log has a net that is not whole: glog cuts a message at 30000 bytes.
    """

    solver: File | None = None
    train: File | None = None
    tests: Mapping[int, File] = field(default_factory=dict)
    cut: bool = False

    @property
    def files(self) -> list[File]:
        """Solver and nets, as far as they are known."""
        return [file for file in (self.solver, self.train, *self.tests.values()) if file]


def rebuild(run: Run, name: str) -> Rebuilt:
    """Solver and nets out of a run's echoes; ``name`` is that of the log.

    Of several echoes of one net the first counts: others are those of further GPUs.
    """
    solver = _read(run.solver, name, "solver") if run.solver is not None else None
    train: File | None = None
    tests: dict[int, File] = {}
    for echo in run.nets:
        known = train if echo.test_net is None else tests.get(echo.test_net)
        file = _read(echo, name, "net") if known is None else None
        if file is None:
            continue
        if echo.test_net is None:
            train = file
        else:
            tests[echo.test_net] = file
    return Rebuilt(solver, train, tests, any(echo.cut for echo in run.nets))


def _read(echo: Echo, name: str, kind: str) -> File | None:
    """An echo as a file; None where it is cut, or is not what it says."""
    if echo.cut:
        return None
    file = read_source(Path(name), LogSource(name, echo.text, echo.lines))
    return file if file.kind == kind and file.message is not None else None


def fetch(stream: BinaryIO, numbers: Iterable[int]) -> Mapping[int, str]:
    """The text of some lines of a log; those beyond its end are missing.

    Raises:
        OSError: if the stream cannot be read.
    """
    wanted = sorted(set(numbers), reverse=True)
    found: dict[int, str] = {}
    before = 0
    for lines in batches(stream):
        while wanted and wanted[-1] <= before + len(lines):
            number = wanted.pop()
            if number > before:
                found[number] = lines[number - before - 1].decode("utf-8", "replace")
        if not wanted:
            break
        before += len(lines)
    return found


def log_source(name: str, texts: Mapping[int, str], numbers: Iterable[int]) -> LogSource:
    """Some lines of a log as a source; the text of those that are not known is empty."""
    known = array("q", sorted(set(numbers)))
    return LogSource(name, "\n".join(texts.get(number, "") for number in known), known)
