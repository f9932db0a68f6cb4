"""Text lists of image files with labels, read as ImageData reads them.

ImageDataLayer::DataLayerSetUp splits a line at its last blank; what is before is the file's name,
what is after goes through atoi. A tab is no blank, and a line without one is all name.
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from ..core.looking import open_file
from ..core.problem import Problem
from ..core.source import Source, Span
from .labels import Labels
from .limits import Limits
from .paths import shown

_CHUNK = 1 << 20
_MOST_PLACES = 3
"""So many further lines with the same fault are pointed at."""

_NUMBER = re.compile(r"[ \t\r\f\v]*([+-]?\d{1,18})", re.ASCII)
_FRACTION = re.compile(r"(?:\.0*[1-9]|\.?\d*[eE][+-]?\d)", re.ASCII)
# A label of no digits before the point: atoi finds nothing there.
_BARE_FRACTION = re.compile(r"[ \t]*[+-]?\.\d", re.ASCII)
_LABEL = re.compile(r"[+-]?\d+(?:\.\d*)?", re.ASCII)
_ENDING = re.compile(r"\.[A-Za-z]\w{1,4}", re.ASCII)
_SEPARATORS = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar"}

_FORMATS = (
    (b"{\\rtf", "an RTF document"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF-", "a PDF document"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was not fetched"),
)
_BYTE_ORDER_MARK = "\ufeff"


class Text(Struct):
    """The beginning of a text file: its whole lines, and how many lines the file has.

    ``count`` is extrapolated by the size where ``whole`` is not set.
    """

    source: Source
    count: int
    whole: bool
    form: str = ""
    """What it is, where it is no plain text."""

    def lines(self) -> Iterator[tuple[int, str]]:
        """Offset and text of every line, without the newline; as std::getline cuts them."""
        text, at = self.source.text, 0
        while at < len(text):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            yield at, text[at:end]
            at = end + 1

    def line_of(self, offset: int) -> Span:
        """The line that starts at an offset."""
        end = self.source.text.find("\n", offset)
        return Span(offset, len(self.source.text) if end < 0 else end)


def read_text(path: Path, limits: Limits) -> Text:
    """Read a text file as far as the limits go.

    Raises:
        OSError: if it cannot be read.
    """
    with open_file(path) as file:
        data = file.read(limits.list_bytes + 1)
        size = os.fstat(file.fileno()).st_size
    whole = len(data) <= limits.list_bytes
    if not whole:
        data = data[: data.rfind(b"\n") + 1] or data
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    count = lines if whole else max(lines, round(lines * size / len(data)))
    return Text(Source.from_bytes(shown(path), data), count, whole, form_of(data))


def form_of(data: bytes) -> str:
    """What a file is that should be a plain text; empty where it is one."""
    for signature, form in _FORMATS:
        if data.startswith(signature):
            return form
    beginning = data[:4096]
    if beginning.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if b"\0" in beginning:
        wide = beginning[1::2].count(0) > len(beginning) // 4
        return "UTF-16 text" if wide else "binary data"
    if b"\n" not in data and b"\r" in data.rstrip(b"\r"):
        return "text with the line ends of the old Mac OS, which is all one line to Caffe"
    return ""


class _Fault(Struct):
    """Lines with the same fault."""

    kind: str
    values: dict[str, object]
    places: list[Span]
    number: int = 1


class ImageList(Struct):
    """A list as read. ``starts`` are the offsets of the lines whose file's name is sound."""

    text: Text
    labels: Labels = field(default_factory=Labels)
    starts: array[int] = field(default_factory=lambda: array("q"))
    faults: dict[str, _Fault] = field(default_factory=dict)
    unlabelled: frozenset[str] = frozenset(("list-label-missing",))
    """Faults that do not matter where nothing reads the labels."""

    @property
    def source(self) -> Source:
        """The list's text."""
        return self.text.source

    @property
    def count(self) -> int:
        """How many images it lists."""
        return self.text.count

    def name(self, start: int) -> tuple[str, Span]:
        """The file's name on the line that starts there, and its place."""
        span = self.text.line_of(start)
        line = self.source.text[span.start : span.end]
        end = line.rfind(" ")
        name = line if end < 0 else line[:end]
        return name, Span(start, start + len(name))

    def problems(self, labels_read: bool = True) -> list[Problem]:
        """What is wrong with its lines."""
        return [
            self._problem(fault)
            for fault in self.faults.values()
            if labels_read or fault.kind not in self.unlabelled
        ]

    def _problem(self, fault: _Fault) -> Problem:
        first, *further = fault.places
        lines = "1 line" if fault.number == 1 else f"{fault.number} lines"
        also = tuple((span, "and here") for span in further)
        values = {"lines": lines, **fault.values}
        return Problem(fault.kind, first, values, also, rejects=False)

    def report(self, kind: str, span: Span, **values: object) -> None:
        """Note a faulty line."""
        fault = self.faults.get(kind)
        if fault is None:
            self.faults[kind] = _Fault(kind, values, [span])
            return
        fault.number += 1
        if len(fault.places) <= _MOST_PLACES:
            fault.places.append(span)


def read_image_list(path: Path, limits: Limits) -> ImageList:
    """Read a list of images and judge every line of it.

    Raises:
        OSError: if it cannot be read.
    """
    text = read_text(path, limits)
    result = ImageList(text)
    result.labels.whole, result.labels.total = text.whole, text.count
    if text.form:
        result.report("list-not-text", text.line_of(0), form=text.form)
        return result
    if text.source.text.startswith(_BYTE_ORDER_MARK):
        result.report("list-byte-order-mark", Span(0, 1))
    _Reader(result).read()
    return result


class _Reader:
    """Goes over the lines of a list."""

    def __init__(self, result: ImageList) -> None:
        self._list = result
        self._seen: dict[int, int] = {}
        """For the hash of every name the offset of its first line."""

    def read(self) -> None:
        empty = 0
        for start, line in self._list.text.lines():
            if not line or line.isspace():
                empty += 1
                self._list.report("list-empty-line", Span(start, start + len(line)))
            else:
                self._line(start, line)
        if empty == self._list.text.count:
            self._list.faults.clear()  # of an empty list there is one thing to say

    def _line(self, start: int, line: str) -> None:
        blank = line.rfind(" ")
        name, tail = (line, line) if blank < 0 else (line[:blank], line[blank + 1 :])
        number = _NUMBER.match(tail)
        # Most lines are a name without blanks, a blank and a number.
        plain = blank >= 0 and " " not in name and "\t" not in name
        if plain and number is not None and tail[number.end() :] in ("", "\r"):
            self._take(start, name, int(number[1]))
            return
        fault = _fault_of(line, name, tail, blank)
        if fault is not None:
            kind, at, values = fault
            self._list.report(kind, Span(start + at, start + len(line.rstrip("\r"))), **values)
            if kind != "list-fractional-label":
                return
        elif " " in name:
            self._list.report("list-name-with-space", Span(start, start + len(name)), name=name)
        self._take(start, name, int(number[1]) if number else 0)

    def _take(self, start: int, name: str, label: int) -> None:
        result = self._list
        result.starts.append(start)
        result.labels.add(label, Span(start + len(name) + 1, result.text.line_of(start).end))
        first = self._seen.setdefault(hash(name), start)
        if first != start and result.name(first)[0] == name:
            self._take_again(Span(start, start + len(name)), name, label, first)

    def _take_again(self, span: Span, name: str, label: int, first: int) -> None:
        """Note a name that was listed before, on the line that starts at ``first``."""
        result = self._list
        line = result.text.line_of(first)
        other = _NUMBER.match(result.source.text, first + len(name) + 1, line.end)
        values = {"name": name, "first": result.source.locate(first).line}
        if other is None or int(other[1]) == label:
            result.report("list-duplicate", span, **values)
        else:
            kind = "list-contradicting-labels"
            result.report(kind, span, label=label, other=int(other[1]), **values)


_FaultOf = tuple[str, int, dict[str, object]]
"""Kind, where in the line, and values."""


def _fault_of(line: str, name: str, tail: str, blank: int) -> _FaultOf | None:
    """What makes Caffe read a line in another way than it is meant."""
    separator = _separator(line)
    if separator >= 0 and (blank < 0 or _NUMBER.match(tail) is None):
        return "list-separator", separator, {"separator": _SEPARATORS[line[separator]]}
    if blank >= 0 and not tail.strip():
        return "list-stray-blank", len(line.rstrip()), {"words": "ends in a blank", "name": name}
    if name != name.rstrip():
        words = "has two blanks before the label"
        return "list-stray-blank", len(name.rstrip()), {"words": words, "name": name}
    if name != name.lstrip():
        return "list-stray-blank", 0, {"words": "starts with a blank", "name": name}
    further = _further_labels(name) if blank >= 0 else 0
    if further:
        at = len(name.rsplit(None, further)[0]) + 1
        return "list-several-labels", at, {"number": further + 1}
    return _label_fault(name, tail, blank)


def _separator(line: str) -> int:
    """Where a line has another separator before a number at its end; -1 where it has none."""
    body = line.rstrip()
    name = body.rstrip("0123456789.").rstrip("+-")
    at = len(name.rstrip(" ")) - 1
    return at if len(name) < len(body) and at >= 0 and line[at] in _SEPARATORS else -1


def _further_labels(name: str) -> int:
    """How many numbers stand between a file's name and the last blank of the line."""
    words = name.split()
    number = 0
    while number < len(words) and _LABEL.fullmatch(words[-1 - number]):
        number += 1
    named = number < len(words) and _ENDING.fullmatch("." + words[-1 - number].rpartition(".")[2])
    return number if named and "." in words[-1 - number] else 0


def _label_fault(name: str, tail: str, blank: int) -> _FaultOf | None:
    number = _NUMBER.match(tail)
    bare = _BARE_FRACTION.match(tail)
    label = tail.strip()
    if blank >= 0 and (bare or (number and _FRACTION.match(tail, number.end()))):
        values: dict[str, object] = {"label": label, "cut": int(number[1]) if number else 0}
        return "list-fractional-label", blank + 1, values
    if blank < 0 or number is None:
        words = "no label" if blank < 0 else f'the label "{label}", which is no number'
        return "list-label-missing", max(0, blank + 1), {"words": words, "name": name}
    return None
