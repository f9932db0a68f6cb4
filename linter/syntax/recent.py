"""The trees of the last few texts: whoever reads a file, looks at it for the sake of another, or
mends it asks for the same tree.
"""

from __future__ import annotations

from threading import Lock

from ..core.source import Source
from .parser import parse
from .tree import Tree

_MOST_CHARACTERS = 2_000_000
"""Of so much text trees are kept; they take some 16 bytes a character."""


class _Recent:
    """The trees, the latest last; a language server asks from two threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Tree] = {}
        self._size = 0
        self._lock = Lock()

    def get(self, source: Source) -> Tree:
        key = source.name, source.text
        with self._lock:
            tree = self._kept.get(key)
        if tree is None:
            tree = parse(source)
        with self._lock:
            self._drop(key)
            self._kept[key] = tree
            self._size += len(source.text)
            while self._size > _MOST_CHARACTERS:
                self._drop(next(iter(self._kept)))
        return tree

    def _drop(self, key: tuple[str, str]) -> None:
        if self._kept.pop(key, None) is not None:
            self._size -= len(key[1])


_RECENT = _Recent()


def tree_of(source: Source) -> Tree:
    """The tree of a text, which nobody may change."""
    return _RECENT.get(source)
