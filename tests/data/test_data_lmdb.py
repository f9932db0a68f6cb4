"""The LMDB reader against the library, and against damaged files."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from caffelint.data.lmdb import Lmdb, LmdbError

from .make import lmdb


def records(number: int, size: int) -> list[bytes]:
    return [b"%06d" % i + bytes(size) for i in range(number)]


@pytest.mark.parametrize(
    ("number", "size"),
    [
        pytest.param(0, 0, id="empty"),
        pytest.param(1, 10, id="one-page"),
        pytest.param(3000, 20, id="branches"),
        pytest.param(300, 5000, id="values-on-pages-of-their-own"),
    ],
)
def test_all_values_in_order(tmp_path: Path, number: int, size: int) -> None:
    wanted = records(number, size)
    with Lmdb(lmdb(tmp_path / "db", wanted) / "data.mdb") as database:
        assert len(database) == number
        assert list(database.values()) == wanted


def test_samples_are_even_and_in_order(tmp_path: Path) -> None:
    path = lmdb(tmp_path / "db", records(20_000, 10)) / "data.mdb"
    with Lmdb(path) as database:
        found = [int(database.at(i / 99)[:6]) for i in range(100)]
    assert found[0] == 0
    assert found[-1] == 19_999
    assert found == sorted(found)
    assert all(abs(at - i * 19_999 / 99) < 1_000 for i, at in enumerate(found))


def test_a_copy_that_broke_off(tmp_path: Path) -> None:
    path = lmdb(tmp_path / "db", records(300, 5000)) / "data.mdb"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(LmdbError, match="broke off"):
        Lmdb(path)


def damage(path: Path, kind: str) -> None:
    """Change one thing in the last written description of a database, or in its tree's root."""
    with Lmdb(path) as database:
        meta = database._meta
    data = bytearray(path.read_bytes())
    root = meta.root * meta.page_size
    if kind == "entries":
        for page in (0, meta.page_size):
            struct.pack_into("<Q", data, page + 16 + 24 + 48 + 32, 1 << 60)
    elif kind == "flags":
        struct.pack_into("<H", data, root + 10, 0)
    elif kind == "circle":
        (lower,) = struct.unpack_from("<H", data, root + 12)
        for node in struct.unpack_from(f"<{(lower - 16) // 2}H", data, root + 16):
            struct.pack_into("<HHH", data, root + node, meta.root & 0xFFFF, meta.root >> 16, 0)
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["entries", "flags", "circle"])
def test_a_damaged_tree(tmp_path: Path, kind: str) -> None:
    path = lmdb(tmp_path / "db", records(3000, 20)) / "data.mdb"
    damage(path, kind)
    with pytest.raises(LmdbError, match="its tree is damaged"), Lmdb(path) as database:
        list(database.values())
    with pytest.raises(LmdbError, match="its tree is damaged"), Lmdb(path) as database:
        database.at(0.5)


def test_damage_never_ends_in_anything_but_an_lmdb_error(tmp_path: Path) -> None:
    path = lmdb(tmp_path / "db", records(500, 30)) / "data.mdb"
    whole, chance = path.read_bytes(), random.Random(5)
    for _ in range(150):
        damaged = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randrange(40)):
            if damaged:
                damaged[chance.randrange(min(len(damaged), 12_000))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            with Lmdb(path) as database:
                for i, _ in zip(range(1000), database.values(), strict=False):
                    database.at(i / 1000)
        except LmdbError:
            pass
