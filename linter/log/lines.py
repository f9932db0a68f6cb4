"""Bytes of a log, however large, as lists of lines: one pass, bounded memory.

Lines are cut at a line feed; a carriage return before it goes. What PowerShell writes with
``>`` is UTF-16; it is turned into UTF-8 here, so nothing after this knows of it.
"""

from __future__ import annotations

import codecs
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
LONGEST = 1 << 16
"""Bytes of a line that are looked at; what is longer is cut there, never split in two."""

Progress = Callable[[int], None]
"""Is told how many bytes are done."""


class Splitter:
    """Turns chunks of bytes into complete lines."""

    def __init__(self) -> None:
        self._rest = b""
        self._cutting = False
        self._decoder: codecs.IncrementalDecoder | None = None
        self._started = False

    def split(self, chunk: bytes) -> list[bytes]:
        """The lines that ``chunk`` completes."""
        if not self._started:
            self._started = True
            if chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
            elif chunk[:3] == codecs.BOM_UTF8:
                chunk = chunk[3:]
        if self._decoder is not None:
            chunk = self._decoder.decode(chunk).encode("utf-8", "replace")
        if self._cutting:
            end = chunk.find(b"\n")
            if end < 0:
                return []
            chunk = chunk[end:]
        chunk = self._rest + chunk
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        lines = chunk.split(b"\n")
        self._rest = lines.pop()
        self._cutting = len(self._rest) > LONGEST
        if self._cutting:
            self._rest = self._rest[:LONGEST]
        if lines and max(map(len, lines)) > LONGEST:
            return [line[:LONGEST] for line in lines]
        return lines

    def flush(self) -> list[bytes]:
        """The last line, where the log does not end in a line end."""
        rest, self._rest, self._cutting = self._rest, b"", False
        return [rest.rstrip(b"\r")] if rest else []


def batches(stream: BinaryIO, progress: Progress | None = None) -> Iterator[list[bytes]]:
    """All lines of ``stream``, some thousands at a time.

    Raises:
        OSError: if the stream cannot be read.
    """
    splitter = Splitter()
    # A pipe is handed on as it comes; read() would wait until the chunk is full.
    read = getattr(stream, "read1", stream.read)
    done = 0
    while chunk := read(CHUNK):
        done += len(chunk)
        yield splitter.split(chunk)
        if progress is not None:
            progress(done)
    if last := splitter.flush():
        yield last


def watch(path: Path, seconds: float = 0.5) -> Iterator[tuple[bool, list[bytes]]]:
    """Complete lines as they are written to ``path``, for ever; asks every ``seconds``.

    Yields whether the file began anew (it was cut, or another file took its name) and the lines;
    no lines, once, when there are no more for now.

    Raises:
        OSError: if the file cannot be read at the start.
    """
    file = path.open("rb")
    splitter, fresh, news = Splitter(), True, False
    try:
        while True:
            if chunk := file.read(CHUNK):
                if lines := splitter.split(chunk):
                    yield fresh, lines
                    fresh, news = False, True
                continue
            if news:
                yield False, []
                news = False
            time.sleep(seconds)
            if _replaced(path, file):
                file.close()
                file = path.open("rb")
                splitter, fresh = Splitter(), True
    finally:
        file.close()


def _replaced(path: Path, file: BinaryIO) -> bool:
    try:
        there, here = path.stat(), os.fstat(file.fileno())
    except OSError:
        return False  # between two files of the name; the next look will tell
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or (
        there.st_size < file.tell()
    )
