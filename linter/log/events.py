"""The messages of Caffe that a reader understands, each by its first word.

Every function takes a line (bytes), where its message starts, and its number in the log, and
writes what it says into the book. Texts are those of src/caffe/solver.cpp, sgd_solver.cpp,
net.cpp and tools/caffe.cpp of BVLC Caffe from 2013 on, NVCaffe, SSD and the Windows port.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import nan

from .book import CLIP, LOSS, RATE, SPEED, Book, Label, Row, Teller, text
from .prefix import number as parse_number
from .run import Probe

Handler = Callable[[Book, bytes, int, int], bool | None]
"""Gives False where the line was not what its first word promised."""

# "Iteration 100, loss = 0.6", "Iteration 100 (4.5 iter/s, 22s/100 iters), loss = 0.6",
# NVCaffe: "Iteration 1 (0.4 s), loss = …", "Iteration 9 (…), 1.1/90.9ep, loss = …".
_ITERATION = re.compile(
    rb"Iteration (\d{1,18})(?: \((\S+) (iter/s|s)[^)]*\))?,? "
    rb"(?:[^,=]{1,40}, )?(loss|lr|Testing net)(?: ?[=:] ?(\S*)| ?\(#(\d{1,9})\))?"
)
OUTPUT = re.compile(
    rb"\s*(?:\[[\d.]{1,20}\]\s+)?(Train|Test) net output(?: mAP)? #(\d{1,9}): "
    rb"(\S+|.{1,1000}?) = (\S*)(?: \(\* (\S+) = )?"
)
_SCORE = re.compile(rb"Test score #(\d{1,9}): (\S*)")
_DEBUG = re.compile(
    rb"\s*(?:\[[\d.]{1,20}\]\s+)?\[(Forward|Backward|Update)\] (?:Layer (.{1,200}?), |Input )?"
    rb"((?:top|bottom|param) (?:blob )?)?(.{1,200}?) (data|diff): ([^\s;]+)(?:; diff: (\S+))?$"
)
_NORMS = re.compile(
    rb"\[Backward\] All net params \(data, diff\): "
    rb"L1 norm = \((\S+), (\S+)\); L2 norm = \((\S+), (\S+)\)"
)
_CLIP = re.compile(rb"Gradient clipping: scaling down gradients \(L2 norm (\S+) > (\S+)\)")
_BATCH = re.compile(rb"Batch (\d{1,18}), (.{1,1000}?) = (\S+)")
_RANKED = re.compile(rb"\s*\[[\d.]{1,20}\]\s+")
# Debug lines of one iteration that wait for it; a test net with debug_info can print many.
_MOST_PROBES = 1 << 16
_RCNN_SPEED = re.compile(rb"speed: (\S+?)s / iter")


def iteration(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """A displayed loss, a learning rate, or the start of a test."""
    found = _ITERATION.match(line, at)
    if found is None:
        return False
    digits, pace, unit, what, data, net = found.groups()
    count = int(digits)
    if what == b"Testing net":
        _testing(book, line, number, count, int(net or 0))
        return None
    if data is None:
        return False
    value = parse_number(data)
    if value is None:
        book.unread += 1
        return None
    teller = book.teller(line, number)
    if what == b"lr":
        _rate(book, teller, line, number, (count, value))
        return None
    if count < teller.loss_at:
        teller = _went_back(book, line, number)
    run = teller.run
    teller.loss_at = run.last_iteration = count
    teller.testing = False
    if teller.probes:
        book.flush_probes(teller, count)
    book.put(run, run.loss, LOSS, count, value, number)
    if unit == b"iter/s" and (speed := parse_number(pace)) is not None:
        book.put(run, run.speed, SPEED, count, speed, number)
    return None


def _rate(book: Book, teller: Teller, line: bytes, number: int, shown: tuple[int, float]) -> None:
    count, value = shown
    if count < teller.rate_at:
        teller = _went_back(book, line, number)
    teller.rate_at = count
    run = teller.run
    # NVCaffe prints the rate from another thread, sometimes after the next loss.
    if run.last_iteration is None or run.last_iteration < count:
        run.last_iteration = count
    book.put(run, run.rates, RATE, count, value, number)


def _testing(book: Book, line: bytes, number: int, count: int, net: int) -> None:
    teller = book.teller(line, number)
    if count < teller.test_at.get(net, -1):
        teller = _went_back(book, line, number)
    if len(teller.test_at) < _MOST_PROBES:
        teller.test_at[net] = count
    teller.test_net, teller.testing = net, True
    teller.run.last_iteration = max(count, teller.run.last_iteration or 0)
    test = book.test_net(teller, net)
    if test is not None:
        test.tested.append(count, nan, number, book.seconds)


def _went_back(book: Book, line: bytes, number: int) -> Teller:
    """An iteration before the last one: another run begins, its head is missing."""
    book.start(number)
    return book.teller(line, number)


def indented(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """A line that starts with blanks: an output, debug information, or NVCaffe's rank."""
    found = OUTPUT.match(line, at)
    if found is not None:
        return _output(book, line, number, found)
    ranked = _RANKED.match(line, at)
    if ranked is not None:
        at = ranked.end()
        return iteration(book, line, at, number) if line.startswith(b"Iteration ", at) else False
    if b"ward] " in line or b"[Update] " in line:
        return _debug(book, line, at, number)
    return False


def _output(book: Book, line: bytes, number: int, found: re.Match[bytes]) -> bool | None:
    what, digits, name, data, weight = found.groups()
    value = parse_number(data)
    if value is None:
        book.unread += 1
        return None
    teller = book.teller(line, number)
    run, index, net = teller.run, int(digits), None
    count = teller.loss_at
    if what == b"Train":
        outputs, teller.testing = run.train, False
    else:
        net = teller.test_net
        test = run.tests.get(net) or book.test_net(teller, net)
        if test is None:
            return None
        outputs, count = test.outputs, teller.test_at.get(net, count)
    output = outputs.get(index) or book.output(outputs, index, name)
    if output is None:
        return None
    if weight is not None and output.weight is None:
        output.weight = parse_number(weight)
    if count < 0:
        count = 0
    output.points.add((count, value, number, book.seconds))
    if book.sink is not None:
        phase = "train" if net is None else "test"
        label = Label(phase, net, "output", text(name), index, output.weight)
        book.sink(Row(run.index, label, count, value, number, book.seconds))
    return None


def _debug(book: Book, line: bytes, at: int, number: int) -> bool | None:
    norms = _NORMS.search(line, at)
    if norms is not None:
        teller = book.teller(line, number)
        for blob, what, value in (
            ("L1", "data", norms[1]),
            ("L1", "diff", norms[2]),
            ("L2", "data", norms[3]),
            ("L2", "diff", norms[4]),
        ):
            _wait(book, teller, Probe("Backward", "", blob, what), value, number)
        return None
    found = _DEBUG.match(line, at)
    if found is None:
        return False
    teller = book.teller(line, number)
    step = text(found[1])
    kind = text(found[3] or b"input ").replace("blob ", "")
    test = teller.testing and step == "Forward"
    layer, blob = text(found[2] or b""), kind + text(found[4])
    _wait(
        book, teller, Probe("Test" if test else step, layer, blob, text(found[5])), found[6], number
    )
    if found[7]:
        _wait(book, teller, Probe(step, layer, blob, "diff"), found[7], number)
    return None


def _wait(book: Book, teller: Teller, probe: Probe, data: bytes, number: int) -> None:
    """Keep a debug value; Forward and Backward are printed before their iteration is named."""
    value = parse_number(data)
    if value is None:
        book.unread += 1
    elif probe.step in ("Update", "Test"):
        count = teller.loss_at if probe.step == "Update" else teller.test_at.get(teller.test_net, 0)
        book.probe(teller, probe, max(count, 0), (value, number, book.seconds))
    else:
        teller.probes.append((probe, value, number, book.seconds))
        if len(teller.probes) >= _MOST_PROBES:
            book.flush_probes(teller, max(teller.loss_at, 0))


def test(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Test loss: X``, ``Test interrupted.``, ``Test score #0: X`` of the first Caffe."""
    if line.startswith(b"Test loss: ", at):
        _test_loss(book, line, number, line[at + 11 :])
        return None
    if line.startswith(b"Test interrupted", at):
        book.event(book.teller(line, number), "interrupted", number)
        return None
    score = _SCORE.match(line, at)
    if score is None:
        found = OUTPUT.match(line, at)
        return False if found is None else _output(book, line, number, found)
    value = parse_number(score[2])
    teller = book.teller(line, number)
    net = book.test_net(teller, teller.test_net)
    output = book.output(net.outputs, int(score[1]), b"score") if net is not None else None
    if value is None or output is None or net is None:
        book.unread += value is None
        return None
    count = max(teller.test_at.get(net.index, teller.loss_at), 0)
    label = Label("test", net.index, "output", output.name, output.index)
    book.put(teller.run, output.points, label, count, value, number)
    return None


def _test_loss(book: Book, line: bytes, number: int, data: bytes) -> None:
    value = parse_number(data)
    teller = book.teller(line, number)
    net = book.test_net(teller, teller.test_net)
    if value is None or net is None:
        book.unread += value is None
        return
    count = max(teller.test_at.get(net.index, teller.loss_at), 0)
    book.put(teller.run, net.loss, Label("test", net.index, "loss"), count, value, number)


def clip(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Gradient clipping: scaling down gradients (L2 norm X > Y) by scale factor Z``."""
    found = _CLIP.match(line, at)
    if found is None:
        return False
    norm = parse_number(found[1])
    if norm is None:
        book.unread += 1
        return None
    teller = book.teller(line, number)
    run = teller.run
    count = run.last_iteration or 0
    run.clip_limit = parse_number(found[2])
    book.put(run, run.clips, CLIP, count, norm, number)
    return None


def speed(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``speed: 0.512s / iter``, which the Python trainers of Faster R-CNN print."""
    found = _RCNN_SPEED.match(line, at)
    value = parse_number(found[1]) if found is not None else None
    if not value:
        return False
    teller = book.teller(line, number)
    run = teller.run
    book.put(run, run.speed, SPEED, run.last_iteration or 0, 1 / value, number)
    return None


def batch(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Batch 0, accuracy = 0.98`` of ``caffe test``."""
    found = _BATCH.match(line, at)
    value = parse_number(found[3]) if found is not None else None
    if found is None or value is None:
        return False
    teller = book.teller(line, number)
    teller.run.command = "test"
    net = book.test_net(teller, 0)
    if net is None:
        return None
    count = int(found[1])
    # Elements of a blob and blobs are printed in order, without their number.
    teller.batch_index = teller.batch_index + 1 if teller.test_at.get(0) == count else 0
    teller.test_at[0] = count
    index = teller.batch_index
    output = net.outputs.get(index) or book.output(net.outputs, index, found[2])
    if output is not None:
        label = Label("test", 0, "output", output.name, index)
        book.put(teller.run, output.points, label, count, value, number)
    return None


def total(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Loss: 0.3``, the mean over all batches of ``caffe test``."""
    value = parse_number(line[at + 6 :])
    teller = book.teller(line, number)
    if value is None or teller.run.command != "test":
        return False
    net = book.test_net(teller, 0)
    if net is not None:
        count = max(teller.test_at.get(0, 0), 0)
        book.put(teller.run, net.loss, Label("test", 0, "loss"), count, value, number)
    return None
