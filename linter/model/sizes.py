"""How much data there is: the batch of a data layer, the entries of its source, and what a test or
a whole training run makes of them.

Problems, with their values (all numbers):

- ``test-set-repeated``, ``test-set-wraps`` (in its last batch only), ``test-set-not-covered``,
  ``test-set-sampled`` (less than half): iterations, batch, images, seen (by one test), twice,
  covered (seen as percent), wanted (test_iter for all of them)
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.problem import Problem
from ..schema.message import Message
from .net import Layer, Net

_FEW_TWICE = 8  # an eighth of the images

SizeOf = Callable[[Layer], int | None]
"""Entries in a data layer's source; None where that is not known."""

_BLOCKS = (
    *("data_param", "image_data_param", "hdf5_data_param", "memory_data_param"),
    *("window_data_param", "input_param", "dummy_data_param"),
)


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


def net_images(net: Net, size_of: SizeOf) -> int:
    """Images of a net's data: those of the first source whose size is known; 0 if none is."""
    return next((size for layer in net.sources if (size := size_of(layer))), 0)


def check_test_size(solver: Message, number: int, net: Net, size_of: SizeOf) -> list[Problem]:
    """Whether ``test_iter`` number ``number`` fits the data of its test net.

    The data layer starts again at the end of its source, and goes on in the next test where it
    stopped in this one.
    """
    counts = solver.get("test_iter")
    batch, images = net_batch(net), net_images(net, size_of)
    if number >= len(counts) or batch <= 0 or images <= 0 or counts[number] <= 0:
        return []
    seen = counts[number] * batch
    if 0 <= seen - images < batch:
        # The last batch goes on at the start of the list; a few that count twice are nothing.
        if (seen - images) * _FEW_TWICE < images:
            return []
        kind = "test-set-wraps"
    elif seen > images:
        kind = "test-set-repeated"
    else:
        kind = "test-set-not-covered" if seen * 2 > images else "test-set-sampled"
    values = {
        "iterations": counts[number],
        "batch": batch,
        "images": images,
        "seen": seen,
        "twice": seen - images,
        "covered": f"{100 * seen / images:.3g}",
        "wanted": -(-images // batch),
    }
    return [Problem(kind, solver.span("test_iter", number), values, rejects=False)]
