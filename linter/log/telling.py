"""Messages about how a run is set up, goes on and ends; each by its first word.

The same kind of functions as in ``events``: those read values, these what happened once.
"""

from __future__ import annotations

import re

from .book import Book, text

_TEST_NET = re.compile(rb"Creating test net \(#(\d{1,9})\) specified by (.*)")
_TRAIN_NET = re.compile(
    rb"Creating training net(?: from (?:net|train_net) file: | specified in )?(.*)"
)
_NET_FILE = re.compile(rb"(?:test_net|net) file: (.*)")
_STEP = re.compile(rb"MultiStep Status: Iteration (\d{1,18}), step = (\d{1,9})")
_STATE = re.compile(rb"_iter_(\d{1,18})\.")
_CANNOT_COPY = re.compile(rb"Cannot (?:copy|share) param (\d+) weights from layer '(.*?)'")


def optimization(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Optimization Done.`` and ``Optimization stopped early.``; both may come twice."""
    teller = book.teller(line, number)
    if line.startswith(b"Optimization Done", at):
        # tools/caffe.cpp says it after "Optimization stopped early." as well.
        if not teller.run.done and not teller.run.of_kind("early-stop"):
            book.event(teller, "done", number)
            teller.run.done = True
        teller.ended = True
        return None
    if line.startswith(b"Optimization stopped early", at):
        book.event(teller, "early-stop", number)
        return None
    return False


def starting(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Starting Optimization``."""
    if not line.startswith(b"Starting Optimization", at):
        return False
    teller = book.teller(line, number)
    if not teller.run.of_kind("start"):  # NVCaffe says it for each GPU
        book.event(teller, "start", number)
    return None


def process(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Use CPU.``, ``Use GPU with …``, ``Using GPUs …``: a process begins."""
    if not line.startswith((b"Use CPU", b"Use GPU", b"Using GPUs ", b"This is NVCaffe"), at):
        return False
    book.restart(line, number)
    return None


def creating(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Creating training net …``, ``Creating test net (#0) …``, ``Creating Layer conv1``."""
    if line.startswith((b"Creating Layer ", b"Creating layer "), at):
        teller = book.teller(line, number)
        # NVCaffe writes: Creating layer 'fc8' of type 'InnerProduct'
        name = line[at + 15 : at + 1015].split(b"' of type '", 1)
        teller.run.last_layer = text(name[0].removeprefix(b"'") if len(name) > 1 else name[0])
        return None
    found = _TEST_NET.match(line, at)
    if found is not None:
        teller = book.teller(line, number)
        teller.next_net = int(found[1])
        file = _NET_FILE.match(found[2])
        teller.next_file = text(file[1]) if file is not None else ""
        return None
    found = _TRAIN_NET.match(line, at)
    if found is None:
        return False
    teller = book.teller(line, number)
    teller.next_net = None
    teller.next_file = text(found[1]) if b" file: " in found[0] else ""
    return None


def setting(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Setting up conv1``: a layer stands."""
    if not line.startswith(b"Setting up ", at):
        return False
    book.teller(line, number).run.layers_set_up += 1
    return None


def weights(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """Lines about weights that are taken over from a file."""
    for start, kind in (
        (b"Finetuning from ", "finetune"),
        (b"Loading from ", "finetune"),  # finetune_net.cpp of 2013
        (b"Loading pretrained model weights from ", "finetune"),  # trainers of Faster R-CNN
        (b"Copying source layer ", "copy"),
        (b"Ignoring source layer ", "ignore"),
    ):
        if line.startswith(start, at):
            # NVCaffe adds " Type:Convolution #blobs=2".
            subject = line[at + len(start) :].split(b" Type:", 1)[0]
            book.event(book.teller(line, number), kind, number, subject)
            return None
    if _CANNOT_COPY.match(line, at):
        book.event(book.teller(line, number), "cannot-copy", number, line[at:])
        return None
    return False


def restoring(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Restoring previous solver status from F`` and ``Resuming from F``: one event a file."""
    for start in (b"Restoring previous solver status from ", b"Resuming from "):
        if line.startswith(start, at):
            teller = book.teller(line, number)
            file = line[at + len(start) :]
            if any(event.subject == text(file) for event in teller.run.of_kind("restore")):
                return None
            book.event(teller, "restore", number, file)
            found = _STATE.search(file)
            if found is not None:
                teller.run.resumed_from = int(found[1])
            return None
    return False


def snapshotting(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Snapshotting to binary proto file F``, ``Snapshotting solver state to …``."""
    starts = (b"Snapshotting to ", b"Snapshotting solver state to ", b"Wrote snapshot to: ")
    if not line.startswith(starts, at):
        return False
    file = re.split(rb" to:? ", line[at:], maxsplit=1)[1]
    for start in (b"binary proto file", b"HDF5 file"):
        file = file.removeprefix(start)
    book.event(book.teller(line, number), "snapshot", number, file.strip())
    return None


def multistep(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``MultiStep Status: Iteration N, step = M``."""
    found = _STEP.match(line, at)
    if found is None:
        return False
    teller = book.teller(line, number)
    teller.run.last_iteration = max(int(found[1]), teller.run.last_iteration or 0)
    book.event(teller, "step", number, found[2])
    return None


def upgrade(book: Book, line: bytes, at: int, number: int) -> bool | None:
    """``Attempting to upgrade …``: the prototxt is of an old form."""
    if not line.startswith(b"Attempting to upgrade ", at):
        return False
    book.event(book.teller(line, number), "upgrade", number, line[at:])
    return None
