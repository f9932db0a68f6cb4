"""Texts as protobuf takes them."""

from __future__ import annotations

from collections.abc import Iterable


def plain(text: str) -> str:
    """A text that protobuf can hold: bytes that are no UTF-8 are shown as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def texts(given: Iterable[str]) -> list[str]:
    """Several of them."""
    return [text if text.isascii() else plain(text) for text in given]
