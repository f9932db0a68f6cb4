"""Hold the predicted signals of nets against recorded first forward passes.

usage: python scripts/check_signal.py RECORDS.jsonl NETS_DIRECTORY

A record is one line of JSON: ``file`` (the net's, below the directory), ``input`` (``blob``,
``mean``, ``std``, ``shape``) and ``seeds``, each with ``loss`` and ``layers`` (``name``, ``type``,
``tops`` with ``blob`` and ``rms``), in Caffe's order, Split layers included. Values that are not
finite are texts. Prints by layer type how far predictions are off, and every net's first loss.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from math import exp, isfinite, log
from pathlib import Path
from typing import Any

import caffelint

NOT_COUNTED = ("Accuracy", "DummyData", "Silence", "Split")

Record = dict[str, Any]


def main() -> None:
    """Check all records of a file."""
    records, directory = Path(sys.argv[1]), Path(sys.argv[2])
    ratios: dict[str, list[float]] = defaultdict(list)
    for line in records.read_text(encoding="utf-8").splitlines():
        record: Record = json.loads(line)
        blob = record["input"]
        signal = caffelint.signal(
            directory / record["file"],
            inputs={blob["blob"]: (blob["mean"], blob["std"])},
            shapes={blob["blob"]: tuple(blob["shape"])},
        )
        for kind, ratio in compared(record, signal):
            ratios[kind].append(ratio)
        losses = ", ".join(str(seed["loss"]) for seed in record["seeds"])
        print(f"{record['file']}: first loss {signal.first_loss} predicted, {losses} measured")
    for kind, values in sorted(ratios.items()):
        print(row(kind, values))
    print(row("all", [value for values in ratios.values() for value in values]))


def compared(record: Record, signal: Any) -> Iterator[tuple[str, float]]:
    """Layer type, and predicted over measured rms (the seeds' mean), of every top that counts."""
    predicted = {(layer.name, top.blob): top.rms for layer in signal.layers for top in layer.tops}
    for i, layer in enumerate(record["seeds"][0]["layers"]):
        if layer["type"] in NOT_COUNTED or "Loss" in layer["type"]:
            continue
        for j, top in enumerate(layer["tops"]):
            real = [seed["layers"][i]["tops"][j]["rms"] for seed in record["seeds"]]
            if all(isinstance(value, int | float) for value in real) and sum(real) > 0:
                rms = predicted[layer["name"], top["blob"]] or 0.0
                yield layer["type"], rms * len(real) / sum(real)


def row(kind: str, ratios: list[float]) -> str:
    """A line of the table: how many, the middle ratio, and how many are within some factors."""
    middle = sorted(ratios)[len(ratios) // 2]
    off = [abs(log(ratio)) if ratio > 0 and isfinite(ratio) else 99.0 for ratio in ratios]
    shares = [sum(value <= log(limit) for value in off) / len(off) for limit in (1.1, 1.5, 3)]
    cells = [kind, str(len(ratios)), f"{middle:.2f}", *(f"{share:.1%}" for share in shares)]
    return " | ".join([*cells, f"×{exp(max(off)):.2f}"])


if __name__ == "__main__":
    main()
