"""Reading a training log against a loop that tries its regular expressions on every line.

usage: python benchmarks/log.py [MEGABYTES]

Writes a log of that size (default 100) to a temporary file: a head of echoes and set-up lines,
then displays of a loss with three outputs, its rate, and a test now and then. Both readers take
it in turn in processes of their own; processor time, MB/s, values read and peak memory are
printed. The loop does what a small parser of such logs does: per line, search for the iteration,
the time, the rate, a train output and a test output, and keep each output in a list of
dictionaries.
"""

from __future__ import annotations

import datetime as dt
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3


def write_log(path: Path, size: int) -> None:
    """Write a log of about ``size`` bytes; the same bytes every time."""
    layers = "".join(
        f'layer {{\n  name: "conv{n}"\n  type: "Convolution"\n  bottom: "b{n}"\n  top: "t{n}"\n}}\n'
        for n in range(100)
    )
    head = "I1124 23:40:09.274694  1972 "
    with path.open("w", encoding="ascii") as out:
        out.write(f"{head}caffe.cpp:197] Use CPU.\n")
        out.write(f"{head}solver.cpp:45] Initializing solver from parameters: \nbase_lr: 0.01\n")
        out.write(f"{head}net.cpp:53] Initializing net from parameters: \n{layers}")
        out.writelines(f"{head}net.cpp:124] Setting up conv{n}\n" for n in range(100))
        written, count, clock = out.tell(), 0, 0.0
        while written < size:
            written += out.write(_display(count, clock))
            count, clock = count + 1, clock + 0.43


def _display(count: int, clock: float) -> str:
    seconds = int(clock)
    stamp = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    head = f"I{1101 + seconds // 86400 % 28:04d} {stamp}.{int(clock % 1 * 1e6):06d}  1972"
    loss = 2.3 / (1 + count / 1e5)
    weighted = f"loss = {loss:.6g} (* 1 = {loss:.6g} loss)"
    aside = f"aux = {loss:.6g} (* 0.3 = {loss * 0.3:.6g} loss)"
    speed = "2.3256 iter/s, 0.43s/1 iters"
    lines = [
        f"{head} solver.cpp:239] Iteration {count} ({speed}), loss = {loss:.6g}",
        f"{head} solver.cpp:258]     Train net output #0: accuracy = {1 - loss / 3:.6g}",
        f"{head} solver.cpp:258]     Train net output #1: {weighted}",
        f"{head} solver.cpp:258]     Train net output #2: {aside}",
        f"{head} sgd_solver.cpp:112] Iteration {count}, lr = 0.01",
    ]
    if count % 100 == 0:
        lines = [
            f"{head} solver.cpp:347] Iteration {count}, Testing net (#0)",
            f"{head} solver.cpp:414]     Test net output #0: accuracy = {1 - loss / 3:.6g}",
            f"{head} solver.cpp:414]     Test net output #1: {weighted}",
            *lines,
        ]
    return "\n".join(lines) + "\n"


def read_with_caffelint(path: Path) -> int:
    """Values read."""
    from caffelint.log.reader import read

    with path.open("rb") as stream:
        log = read(stream, path.name)
    return sum(
        points.seen for run in log.runs for points in (run.loss, run.rates, run.speed)
    ) + sum(
        output.points.seen
        for run in log.runs
        for outputs in (run.train, *(net.outputs for net in run.tests.values()))
        for output in outputs.values()
    )


_ITERATION = re.compile(r"Iteration (\d+)")
_RATE = re.compile(r"lr = ([-+.\deE]+|nan|inf)")
_TRAIN = re.compile(r"Train net output #(\d+): (\S+) = ([-+.\deE]+|nan|inf)")
_TEST = re.compile(r"Test net output #(\d+): (\S+) = ([-+.\deE]+|nan|inf)")


def _clock(date: str, hour: str) -> dt.datetime:
    month, day = int(date[1:3]), int(date[3:5])
    whole, fraction = hour.split(".")
    parts = [int(part) for part in whole.split(":")]
    return dt.datetime(2016, month, day, parts[0], parts[1], parts[2], int(fraction), dt.UTC)


def read_plainly(path: Path) -> int:
    """The same log by a loop of regular expressions; values read."""
    train: list[dict[str, float]] = []
    test: list[dict[str, float]] = []
    iteration, rate, rates = -1, float("nan"), 0
    start: dt.datetime | None = None
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if (found := _ITERATION.search(line)) is not None:
                iteration = int(found[1])
            if iteration < 0:
                continue
            words = line.split()
            try:
                clock = _clock(words[0], words[1])
            except (ValueError, IndexError):
                continue
            start = start or clock
            seconds = (clock - start).total_seconds()
            if (found := _RATE.search(line)) is not None:
                rate, rates = float(found[1]), rates + 1
            for pattern, rows in ((_TRAIN, train), (_TEST, test)):
                if (found := pattern.search(line)) is not None:
                    rows.append(
                        {
                            "iteration": iteration,
                            "seconds": seconds,
                            "lr": rate,
                            found[2]: float(found[3]),
                        }
                    )
    return len(train) + len(test) + rates


READERS = {"caffelint": read_with_caffelint, "plain loop": read_plainly}


def run_one(name: str, path: Path) -> None:
    """One reading in this process; prints processor seconds, values and peak memory in MiB."""
    began = time.process_time()
    values = READERS[name](path)
    seconds = time.process_time() - began
    print(seconds, values, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(arguments: list[str]) -> None:
    """Both readers in turn; the best time of each."""
    if arguments[:1] == ["--one"]:
        run_one(arguments[1], Path(arguments[2]))
        return
    size = int(arguments[0]) * 1_000_000 if arguments else 100_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.log"
        write_log(path, size)
        megabytes = path.stat().st_size / 1e6
        results: dict[str, list[tuple[float, int, float]]] = {name: [] for name in READERS}
        for _ in range(ROUNDS if size <= 100_000_000 else 1):
            for name, rows in results.items():
                command = [sys.executable, __file__, "--one", name, str(path)]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                spent, count, peak = said.split()
                rows.append((float(spent), int(count), float(peak)))
    print(f"{megabytes:.0f} MB")
    for name, rows in results.items():
        seconds, values, memory = min(rows)
        print(
            f"{name:12} {seconds:7.2f} s {megabytes / seconds:7.1f} MB/s "
            f"{values:9} values {memory:7.0f} MiB"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
