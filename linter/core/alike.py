"""What was meant by a word that is not known. ``difflib`` is imported when the first one is."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known word that is most like ``word``; empty where none is as much as ``cutoff``, of 1
    for the very same.
    """
    return next(iter(all_alike(word, known, 1, cutoff)), "")


def all_alike(word: str, known: Iterable[str], number: int, cutoff: float) -> list[str]:
    """The first ``number`` of the known words that are most like ``word``."""
    from difflib import get_close_matches

    return get_close_matches(word, list(known), number, cutoff)
