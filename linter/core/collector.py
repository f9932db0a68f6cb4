"""The garbage collector, kept out of the way while one file is worked on.

A tree and its net are a web of many small objects that all live until the file is done. While they
are made the collector would walk them again and again and free nothing, which makes the time grow
faster than the file.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """No collection inside; afterwards as before."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
