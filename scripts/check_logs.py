"""Reads training logs and counts every kind of value row against a plain search for its text.

usage: python scripts/check_logs.py PATH …

A path is a log or a folder of them. For each log with a difference one line is printed; the last
line gives the totals. Exit status 1 where anything differs or a log cannot be read.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from pathlib import Path

from caffelint.log.book import Row
from caffelint.log.reader import read

# Independent of the reader: one search a kind over the whole file, as one would with grep.
_PLAIN = {
    "loss": re.compile(rb"Iteration \d+[^\n]*\bloss ?[=:] ?\S"),
    "lr": re.compile(rb"Iteration \d+, lr = \S"),
    "train output": re.compile(rb"Train net output #\d+: \S+ = \S"),
    "test output": re.compile(rb"Test net output #\d+: \S+ = \S"),
    "test": re.compile(rb"Iteration \d+, Testing net"),
    "clip": re.compile(rb"Gradient clipping: scaling down"),
    "debug": re.compile(
        rb"\[(?:Forward|Backward|Update)\] (?:Layer|Input) [^\n]* (?:data|diff): \S"
    ),
}
_NOT_LOGS = {".prototxt", ".py", ".md", ".tsv", ".json", ".yaml", ".cpp", ".hpp", ".proto"}


def count_plain(data: bytes) -> Counter[str]:
    """How many rows of each kind the plain search finds."""
    return Counter({kind: len(pattern.findall(data)) for kind, pattern in _PLAIN.items()})


def count_read(path: Path) -> Counter[str]:
    """How many the reader hands out; an [Update] line carries two values and counts once."""
    counts: Counter[str] = Counter()
    debug_lines: set[int] = set()

    def sink(row: Row) -> None:
        label = row.label
        if label.series == "debug":
            if " L1 " not in f" {label.name} " and " L2 " not in f" {label.name} ":
                debug_lines.add(row.line)
        elif label.series == "output":
            counts[f"{label.phase} output"] += 1
        elif (label.phase, label.series) != ("test", "loss"):
            counts[label.series] += 1

    with path.open("rb") as stream:
        log = read(stream, path.name, sink=sink)
    counts["debug"] = len(debug_lines)
    counts["test"] = sum(net.tested.seen for run in log.runs for net in run.tests.values())
    del counts["iter/s"]
    return counts


def logs_of(path: Path) -> list[Path]:
    """The log itself, or every file of a folder that speaks of iterations."""
    if path.is_file():
        return [path]
    files = [one for one in sorted(path.rglob("*")) if one.is_file()]
    return [
        one
        for one in files
        if one.suffix not in _NOT_LOGS and re.search(rb"\.(?:cpp|hpp|cu):\d+\] ", one.read_bytes())
    ]


def main(arguments: list[str]) -> int:
    """Compare all; gives the exit status."""
    total: Counter[str] = Counter()
    differing, size, files, seconds = 0, 0, 0, 0.0
    for path in [log for argument in arguments for log in logs_of(Path(argument))]:
        data = path.read_bytes()
        plain = count_plain(data)
        began = time.perf_counter()
        found = count_read(path)
        seconds += time.perf_counter() - began
        files, size = files + 1, size + len(data)
        total += plain
        wrong = {kind: (plain[kind], found[kind]) for kind in _PLAIN if plain[kind] != found[kind]}
        if wrong:
            differing += 1
            print(
                f"{path}: "
                + ", ".join(f"{k} {a} in the text, {b} read" for k, (a, b) in wrong.items())
            )
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(total.items()))
    print(f"{files} logs, {size / 1e6:.1f} MB in {seconds:.1f} s: {kinds}; {differing} differ")
    return 1 if differing or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
