"""Read a weights file of some 500 MB, and hold time and memory against their limits.

usage: python scripts/check_big_weights.py [--megabytes N] [--folder FOLDER]

A caffemodel with the layers of VGG-16 is made, its fully connected layers scaled to the size asked
for. It is then read as ``caffelint check --weights`` and ``caffelint show`` do, each in a
process of its own. Exit 1 if one of them takes more than 150 MB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from caffelint.resources import load_schema

LIMIT = 150
"""Megabytes of memory at most."""

_Shapes = tuple[tuple[int, ...], ...]
_MEGABYTE = 1 << 20
_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, *[512] * 6)
_HIDDEN = 4096
_CLASSES = 1000

NET = """\
layer {{ name: "data" type: "MemoryData" top: "data" top: "label"
  memory_data_param {{ batch_size: 1 channels: {inputs} height: 1 width: 1 }} }}
layer {{ name: "fc6" type: "InnerProduct" bottom: "data" top: "fc6"
  param {{ lr_mult: 1 decay_mult: 1 }} param {{ lr_mult: 2 decay_mult: 0 }}
  inner_product_param {{ num_output: 4096 weight_filler {{ type: "msra" }} }} }}
layer {{ name: "relu6" type: "ReLU" bottom: "fc6" top: "fc6" }}
layer {{ name: "fc8" type: "InnerProduct" bottom: "fc6" top: "fc8"
  param {{ lr_mult: 1 decay_mult: 1 }} param {{ lr_mult: 2 decay_mult: 0 }}
  inner_product_param {{ num_output: 1000 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc8" bottom: "label" top: "loss" }}
"""


def write_weights(path: Path, megabytes: int) -> int:
    """Write the file, a layer at a time; gives the inputs of fc6, which make up the size."""
    layers: list[tuple[str, str, _Shapes]] = [
        (f"conv{i}", "Convolution", ((out, channels, 3, 3), (out,)))
        for i, (channels, out) in enumerate(pairwise(_CHANNELS), 1)
    ]
    inputs = max(1, (megabytes - 75) * _MEGABYTE // 4 // _HIDDEN)
    layers.append(("fc6", "InnerProduct", ((_HIDDEN, inputs), (_HIDDEN,))))
    layers.append(("fc8", "InnerProduct", ((_CLASSES, _HIDDEN), (_CLASSES,))))
    with path.open("wb") as file:
        for name, type_, shapes in layers:
            _write_layer(file, name, type_, shapes)
    return inputs


def _write_layer(file: BinaryIO, name: str, type_: str, shapes: _Shapes) -> None:
    """Field ``layer`` of the net; the values of each blob come last in it, piece by piece."""
    head: Any = load_schema().net.new_message()
    layer = head.layer.add(name=name, type=type_)
    start = layer.SerializeToString()
    blobs = []
    for shape in shapes:
        layer = head.layer.add()
        layer.blobs.add().shape.dim.extend(shape)
        count = 1
        for size in shape:
            count *= size
        dims = layer.blobs[0].SerializeToString()
        body = dims + b"\x2a" + varint(4 * count)
        blobs.append((b"\x3a" + varint(len(body) + 4 * count) + body, count))
    size = len(start) + sum(len(body) + 4 * count for body, count in blobs)
    file.write(b"\xa2\x06" + varint(size) + start)
    piece = array("f", [0.01, -0.02, 0.03, -0.01] * 4096)
    for body, count in blobs:
        file.write(body)
        file.writelines(piece.tobytes() for _ in range(count // len(piece)))
        file.write(piece[: count % len(piece)].tobytes())


def varint(number: int) -> bytes:
    """A number in protobuf's wire format."""
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


def main() -> int:
    """Make the file, run both commands, say what they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        weights, net = Path(folder) / "big.caffemodel", Path(folder) / "net.prototxt"
        inputs = write_weights(weights, options.megabytes)
        net.write_text(NET.format(inputs=inputs), encoding="utf-8")
        print(f"{weights.stat().st_size / _MEGABYTE:.0f} MB")
        for command in (["check", "--weights", str(weights), str(net)], ["show", str(weights)]):
            seconds, memory, status = _run([sys.executable, "-m", "caffelint", *command])
            print(f"{command[0]:6} {seconds:5.2f} s {memory:4.0f} MB, exit status {status}")
            failed = failed or memory > LIMIT or status > 1
    return 1 if failed else 0


def _run(command: list[str]) -> tuple[float, float, int]:
    """Seconds, the largest resident memory of the child processes so far in MB, exit status."""
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, done.returncode


if __name__ == "__main__":
    sys.exit(main())
