"""What CEL's operations give, where Python has no operator that gives the same.

Like CEL they fail where there is no result; they may fail in other ways.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def at(items: Sequence[_Item], index: int) -> _Item:
    """An element of a list; a negative index is none."""
    if index < 0:
        raise IndexError(index)
    return items[index]


def quotient(dividend: int, divisor: int) -> int:
    """A quotient of whole numbers, cut off at zero."""
    size = abs(dividend) // abs(divisor)
    return size if (dividend < 0) == (divisor < 0) else -size


def text(number: float) -> str:
    """A number of type double as a text: the fewest digits that tell it, with an exponent where
    six digits before the point, or four zeros behind it, do not do.
    """
    if not math.isfinite(number):
        return str(number)
    more = next(n for n in range(17) if float(f"{number:.{n}e}") == number)
    exponent = int(f"{number:.{more}e}".rpartition("e")[2])
    if -5 < exponent < 6:
        return f"{number:.{max(0, more - exponent)}f}"
    return f"{number:.{more}e}"


def matches(words: str, pattern: str) -> bool:
    """Whether a pattern is found in a text."""
    return re.search(pattern, words) is not None
