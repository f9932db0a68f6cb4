"""Regular expressions that are compiled when they are first used: a run without faults needs few
of them, and has no time for the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial


def late(pattern: str, flags: int = 0) -> Callable[[], re.Pattern[str]]:
    """What gives the compiled expression, which it makes once."""
    return cache(partial(re.compile, pattern, flags))
