"""The trees of the last few texts: whoever reads a file, looks at it for the sake of another, or
mends it asks for the same tree.
"""

from __future__ import annotations

from ..core.source import Source
from .parser import parse
from .tree import Tree

_MOST_CHARACTERS = 2_000_000
"""Of so much text trees are kept; they take some 20 bytes a character."""


class _Recent:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Tree] = {}
        self._size = 0

    def get(self, source: Source) -> Tree:
        key = source.name, source.text
        tree = self._kept.pop(key, None)
        if tree is None:
            tree = parse(source)
            self._size += len(source.text)
        self._kept[key] = tree  # the latest last
        while self._size > _MOST_CHARACTERS:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._size -= len(oldest[1])
        return tree


_RECENT = _Recent()


def tree_of(source: Source) -> Tree:
    """The tree of a text, which nobody may change."""
    return _RECENT.get(source)
