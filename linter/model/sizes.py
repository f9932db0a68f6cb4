"""How much data there is: the batch of a data layer, the entries of its source, and what a test or
a whole training run makes of them.

Problems, with their values (all numbers):

- ``test-set-repeated``, ``test-set-not-covered``, ``test-set-sampled`` (less than half):
  iterations, batch, images, seen (by one test), covered (that as percent), wanted (test_iter for
  all of them)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.problem import Problem
from ..schema.message import Message
from .net import Layer, Net

FindFile = Callable[[str], Path | None]
"""Finds the file that a path in a net means."""

_BLOCKS = (
    *("data_param", "image_data_param", "hdf5_data_param", "memory_data_param"),
    *("window_data_param", "input_param", "dummy_data_param"),
)
_MOST_BYTES = 64 * 1024 * 1024
_CHUNK = 1 << 20


def batch_size(layer: Layer) -> int:
    """Images of one batch of a data layer; 0 where it is not known."""
    for block in _BLOCKS:
        if layer.message.has(block):
            own = layer.message.sub(block)
            if "batch_size" in own.type.fields:
                return int(own.get("batch_size"))
            shapes = own.get("shape")
            return int(shapes[0].get("dim")[0]) if shapes and shapes[0].get("dim") else 0
    return 0


def net_batch(net: Net) -> int:
    """Images of one forward pass: the batch of the first data layer that tells it."""
    return next((batch for layer in net.sources if (batch := batch_size(layer))), 0)


def source_size(layer: Layer, find: FindFile) -> int | None:
    """Entries in a data layer's source; None where it is not known.

    Of the text lists only ImageData's has one entry a line, blank ones included
    (image_data_layer.cpp, DataLayerSetUp).
    """
    if layer.type != "ImageData":
        return None
    path = find(layer.message.sub("image_data_param").get("source"))
    return None if path is None else _lines(path)


def _lines(path: Path) -> int | None:
    """Lines of a file, as getline counts them; None for one too large to count."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        count, last = 0, b"\n"
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                count += chunk.count(b"\n")
                last = chunk[-1:]
    except (OSError, ValueError):
        return None
    return count + (last != b"\n")


def net_images(net: Net, find: FindFile) -> int:
    """Images of a net's data: those of the first source whose size is known; 0 if none is."""
    return next((size for layer in net.sources if (size := source_size(layer, find))), 0)


def check_test_size(solver: Message, number: int, net: Net, find: FindFile) -> list[Problem]:
    """Whether ``test_iter`` number ``number`` fits the data of its test net.

    The data layer starts again at the end of its source, and goes on in the next test where it
    stopped in this one.
    """
    counts = solver.get("test_iter")
    batch, images = net_batch(net), net_images(net, find)
    if number >= len(counts) or batch <= 0 or images <= 0 or counts[number] <= 0:
        return []
    seen = counts[number] * batch
    if 0 <= seen - images < batch:
        return []
    if seen > images:
        kind = "test-set-repeated"
    else:
        kind = "test-set-not-covered" if seen * 2 > images else "test-set-sampled"
    values = {
        "iterations": counts[number],
        "batch": batch,
        "images": images,
        "seen": seen,
        "covered": f"{100 * seen / images:.3g}",
        "wanted": -(-images // batch),
    }
    return [Problem(kind, solver.span("test_iter", number), values, rejects=False)]
