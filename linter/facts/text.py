"""Texts as protobuf takes them."""

from __future__ import annotations


def plain(text: str) -> str:
    """A text that protobuf can hold: bytes that are no UTF-8 are shown as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
