"""Databases of Datum: LMDB, looked at by sample. LevelDB is recognised, but not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from msgspec import Struct, field

from ..core.looking import is_directory, is_file
from ..core.problem import Problem
from ..core.source import Span
from ..schema.descriptor import MessageType
from .images import Image, open_image, pillow
from .labels import Labels
from .limits import Limits
from .lmdb import Lmdb, LmdbError

_MOST_DECODED = 256
"""Encoded images are decoded up to this many; the labels are read of all samples."""


def database_kind(path: Path) -> str:
    """``LMDB`` or ``LEVELDB`` by the files that are there; empty for neither."""
    if is_file(path):
        return "LMDB" if path.name == "data.mdb" else ""
    if is_directory(path):
        if is_file(path / "data.mdb"):
            return "LMDB"
        if is_file(path / "CURRENT"):
            return "LEVELDB"
    return ""


class Database(Struct):
    """A database as sampled.

    ``sizes`` counts channels, height and width of the records as they are stored; ``encoded`` is
    how many of the ``looked`` records hold an image file. ``error`` says why it was not read.
    """

    kind: str
    count: int = 0
    looked: int = 0
    encoded: int = 0
    labels: Labels = field(default_factory=Labels)
    sizes: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    error: str = ""
    needs: str = ""
    """The library that is missing to decode its images."""

    def problems(self, source: str, span: Span) -> list[Problem]:
        """What is wrong with the database by itself."""
        values: dict[str, object] = {"source": source}
        if self.error:
            return [Problem("database-unreadable", span, {**values, "reason": self.error})]
        if self.kind == "LMDB" and not self.count:
            return [Problem("database-empty", span, values)]
        return [
            Problem(
                "datum-faulty", span, {**values, "reason": reason, "entries": self._share(number)}
            )
            for reason, number in sorted(self.faults.items())
        ]

    def _share(self, number: int) -> str:
        return f"{number} of {self.looked} records"


def read_database(path: Path, datum: MessageType, limits: Limits) -> Database:
    """Sample a database; what is wrong becomes its ``error`` or ``faults``."""
    kind = database_kind(path)
    result = Database(kind)
    if kind != "LMDB":
        return result
    try:
        with Lmdb(path if is_file(path) else path / "data.mdb") as lmdb:
            result.count = len(lmdb)
            result.labels.total = len(lmdb)
            result.labels.whole = len(lmdb) <= limits.datums
            for value in _samples(lmdb, limits):
                _take(result, value, datum)
    except (LmdbError, OSError) as error:
        result.error = getattr(error, "strerror", None) or str(error)
    return result


def _samples(lmdb: Lmdb, limits: Limits) -> Iterator[bytes]:
    number = limits.datums
    if len(lmdb) <= number:
        yield from lmdb.values()
    elif number == 1:
        yield lmdb.at(0)
    elif number:
        for i in limits.progress(range(number), "reading the database"):
            yield lmdb.at(i / (number - 1))


def _take(result: Database, value: bytes, type_: MessageType) -> None:
    result.looked += 1
    record: Any = type_.new_message()
    try:
        record.ParseFromString(value)
    except DecodeError:
        result.faults["it is no Datum"] += 1
        return
    if not record.data and not record.float_data:
        result.faults["it holds no data"] += 1
        return
    result.labels.add(record.label)
    if record.encoded:
        result.encoded += 1
        _take_encoded(result, record.data)
    else:
        _take_plain(result, record)


def _take_plain(result: Database, record: Any) -> None:
    size = (record.channels, record.height, record.width)
    values = len(record.data) or len(record.float_data)
    if min(size) <= 0:
        result.faults["channels, height and width are not all set"] += 1
    elif values < size[0] * size[1] * size[2]:
        result.faults["it holds fewer values than channels × height × width"] += 1
    else:
        result.sizes[size] += 1


def _take_encoded(result: Database, data: bytes) -> None:
    module = pillow()
    if module is None:
        result.needs = "pillow"
    elif result.encoded <= _MOST_DECODED:
        image: Image = open_image(data, module)
        if image.fault in ("unreadable", "truncated"):
            result.faults["its image cannot be decoded"] += 1
        elif image.width:
            result.sizes[(image.channels, image.height, image.width)] += 1
