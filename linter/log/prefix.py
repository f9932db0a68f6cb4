"""What stands in front of a message: glog's prefix, and what other programs put before that.

glog writes ``I1124 23:40:09.274407  1972 solver.cpp:45] `` (severity, month and day, time, thread,
file and line of the source); since version 0.6 the date has its year: ``I20261124``. Before it
may stand the rank of a process (``[1,0]<stderr>:``, ``[0] ``, ``3: ``) or a time of other tools.
"""

from __future__ import annotations

import datetime as dt
import re
from math import inf, nan

PREFIX = re.compile(
    rb"([IWEF])(\d{4}|\d{8}) (\d\d):(\d\d):(\d\d)(\.\d{1,9})?"
    rb"\s{1,8}(\d{1,20}) ([^\s\]]{1,200}):(\d{1,9})\]"
)
"""Severity, date, hour, minute, second, fraction, thread, file, line."""

_RANK = re.compile(rb"\[(\d+),(\d+)\](?:<std\w+>)?:?|^\s*\[(\d+)\]:? |^\s*(\d+):\s")

# Windows' C runtime before 2015 prints 1.#QNAN, -1.#IND, 1.#INF; the newer one nan(ind).
_WINDOWS = re.compile(rb"([-+]?)1\.#(QNAN|SNAN|IND|INF|J)")
_NUMBER = re.compile(
    rb"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan\b|inf(?:inity)?\b)",
    re.IGNORECASE,
)

_DAY = 86400.0
# Without a year, dates are counted in one that has a 29 February.
_LEAP_YEAR = 2000


def number(text: bytes) -> float | None:
    """The number at the start of ``text``, in any form a C++ stream prints; None if none is."""
    try:
        return float(text)
    except ValueError:
        pass
    if found := _WINDOWS.match(text):
        if found[2] in (b"INF", b"J"):
            return -inf if found[1] == b"-" else inf
        return nan
    found = _NUMBER.match(text)
    return float(found[0]) if found else None


def rank_of(front: bytes) -> str:
    """The process a line comes from, by what stands before glog's prefix; mostly empty."""
    if not front:
        return ""
    found = _RANK.search(front)
    if found is None:
        return ""
    return (found[2] or found[3] or found[4]).decode("ascii")


def time_of(prefix: re.Match[bytes]) -> float:
    """Seconds of a prefix since an arbitrary day; only differences mean anything."""
    date = prefix[2]
    try:
        days = dt.date(int(date[:-4] or _LEAP_YEAR), int(date[-4:-2]), int(date[-2:])).toordinal()
    except ValueError:
        days = 0
    clock = int(prefix[3]) * 3600 + int(prefix[4]) * 60 + int(prefix[5])
    return days * _DAY + clock


def elapsed(start: float, now: float) -> float:
    """Seconds from ``start`` to ``now``; without years, New Year looks like a year back."""
    seconds = now - start
    return seconds + 366 * _DAY if seconds < -183 * _DAY else seconds
