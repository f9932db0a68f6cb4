"""Keeps what a linted file contains from harming those who read the report.

Text from a file may hold escape sequences, bidirectional overrides and bytes that were not UTF-8
(lone surrogates). Terminals must not obey the first two, and no encoder accepts the last.
"""

from __future__ import annotations

import re

import msgspec

from ..core.late import late

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BEYOND_ASCII = late(r"[^\x00-\x7e]+")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_DELETE = "\x7f"


def valid(text: str) -> str:
    """``text`` with each lone surrogate replaced, so that it can be encoded."""
    return _LONE_SURROGATE.sub(_UNKNOWN, text)


def printable(text: str) -> str:
    """``text`` of the same length with nothing in it that a terminal would obey or hide."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _picture(char) for char in text)


def _picture(char: str) -> str:
    """A visible stand-in: Unicode's own picture of a control character where there is one."""
    if char < " ":
        return chr(ord("\N{SYMBOL FOR NULL}") + ord(char))
    return "\N{SYMBOL FOR DELETE}" if char == _DELETE else _UNKNOWN


def dump(document: object) -> str:
    """``document`` as JSON in plain ASCII, ending in a line end.

    ASCII is valid UTF-8 even where standard output has another encoding, and shown raw on a
    terminal it cannot carry a C1 escape sequence.
    """
    import json

    # Laid out by msgspec: Python's own encoder does not indent in C.
    compact = valid(json.dumps(document, ensure_ascii=False))
    text = msgspec.json.format(compact, indent=2)
    return _BEYOND_ASCII().sub(lambda run: json.dumps(run[0])[1:-1], text) + "\n"
