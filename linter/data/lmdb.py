"""Reading records of an LMDB without the library.

The library maps a file into memory and trusts it: a truncated or damaged one ends the whole
process. Here pages are read one by one and every number is checked; and as the tree is known,
samples come evenly out of millions of records without a walk over them. Layout: mdb.c of LMDB 0.9
(MDB_page, MDB_node, MDB_meta), 64 bit, little endian.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..core.looking import open_file

_MAGIC = 0xBEEFC0DE
_HEADER = 16
_BRANCH, _LEAF = 1, 2
_BIG = 1
_DEEPEST = 32
_MOST_BYTES = 64 << 20
"""A longer record is no Datum that anyone trains on."""


_ENOUGH_PAGES = 256


class LmdbError(Exception):
    """The file is no LMDB, or a damaged one; the message says why."""


class _Meta(NamedTuple):
    page_size: int
    entries: int
    root: int
    last_page: int
    transaction: int


class Lmdb:
    """An open database file, ``data.mdb``.

    Raises:
        LmdbError: where it is not one.
        OSError: where it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_file(path)
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._meta = self._read_meta()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._meta.entries

    def _read_meta(self) -> _Meta:
        first = self._meta_at(0)
        try:
            second = self._meta_at(first.page_size)
        except LmdbError:
            second = first
        # The one that was written last.
        meta = max(first, second, key=lambda one: one.transaction)
        if self._size < (meta.last_page + 1) * meta.page_size and meta.entries:
            wanted = (meta.last_page + 1) * meta.page_size
            raise LmdbError(f"it has {self._size} of its {wanted} bytes: a copy that broke off")
        if meta.entries > self._size:  # each takes some bytes
            raise LmdbError("its tree is damaged")
        return meta

    def _meta_at(self, offset: int) -> _Meta:
        data = self._bytes(offset + _HEADER, 24 + 2 * 48 + 16)
        magic, version = struct.unpack_from("<II", data)
        if magic != _MAGIC or version not in (1, 999):
            raise LmdbError("it is no LMDB data file")
        (page_size,) = struct.unpack_from("<I", data, 24)
        if page_size not in (1 << power for power in range(8, 17)):
            raise LmdbError("its page size is impossible")
        entries, root = struct.unpack_from("<QQ", data, 24 + 48 + 32)
        last_page, transaction = struct.unpack_from("<QQ", data, 24 + 96)
        return _Meta(page_size, entries, root, last_page, transaction)

    def _bytes(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset + size > self._size:
            raise LmdbError("it ends in the middle of its data")
        self._file.seek(offset)
        return self._file.read(size)

    def _page(self, number: int) -> bytes:
        size = self._meta.page_size
        return self._bytes(number * size, size)

    # The tree

    def at(self, fraction: float) -> bytes:
        """The value about so far between the first record (0) and the last one (1)."""
        number, fraction = _part(self._spread, fraction)
        for _ in range(_DEEPEST):
            page = self._page(number)
            flags, nodes = self._nodes(page)
            node, fraction = _part(nodes, fraction)
            if flags & _LEAF:
                return self._value(page, node)
            number = self._child(page, node)
        raise LmdbError("its tree is damaged")

    @cached_property
    def _spread(self) -> list[int]:
        """Pages of one level of the tree, enough of them that it hardly matters that some are
        fuller than others.
        """
        pages = [self._meta.root]
        for _ in range(_DEEPEST):
            below = []
            for number in pages:
                page = self._page(number)
                flags, nodes = self._nodes(page)
                if flags & _LEAF:
                    return pages
                below += [self._child(page, node) for node in nodes]
            pages = below
            if len(pages) >= _ENOUGH_PAGES:
                break
        return pages

    def values(self) -> Iterator[bytes]:
        """All values in order; no more than the database says it has."""
        left = self._meta.entries
        stack = [self._meta.root] if left else []
        depth = 0
        while stack and left > 0:
            depth += 1
            if depth > 2 * self._meta.entries + _DEEPEST:
                raise LmdbError("its tree is damaged")
            page = self._page(stack.pop())
            flags, nodes = self._nodes(page)
            if flags & _BRANCH:
                stack += [self._child(page, node) for node in reversed(nodes)]
                continue
            for node in nodes[:left]:
                yield self._value(page, node)
            left -= len(nodes)

    def _nodes(self, page: bytes) -> tuple[int, list[int]]:
        """A page's flags, and where its nodes start."""
        flags, lower = struct.unpack_from("<HH", page, 10)
        number = (lower - _HEADER) // 2
        if not flags & (_BRANCH | _LEAF) or not 0 < number <= len(page) // 10:
            raise LmdbError("its tree is damaged")
        nodes = list(struct.unpack_from(f"<{number}H", page, _HEADER))
        if any(not _HEADER <= node <= len(page) - 8 for node in nodes):
            raise LmdbError("its tree is damaged")
        return flags, nodes

    def _child(self, page: bytes, node: int) -> int:
        low, middle, high = struct.unpack_from("<HHH", page, node)
        return int(low | middle << 16 | high << 32)

    def _value(self, page: bytes, node: int) -> bytes:
        low, high, flags, key = struct.unpack_from("<HHHH", page, node)
        size, start = low | high << 16, node + 8 + key
        if size > _MOST_BYTES:
            raise LmdbError(f"a record of {size} bytes")
        if flags & _BIG:
            if start + 8 > len(page):
                raise LmdbError("its tree is damaged")
            (number,) = struct.unpack_from("<Q", page, start)
            return self._bytes(number * self._meta.page_size + _HEADER, size)
        if start + size > len(page):
            raise LmdbError("its tree is damaged")
        return page[start : start + size]


def _part(items: Sequence[int], fraction: float) -> tuple[int, float]:
    """The item that lies so far along, and how far along in it."""
    where = min(max(fraction, 0.0), 1.0) * len(items)
    index = min(int(where), len(items) - 1)
    return items[index], where - index
