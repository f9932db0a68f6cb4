"""HDF5 files as HDF5Data loads them: one data set for each top, all with as many rows."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ..core.extras import library
from ..core.looking import state_of
from .limits import Limits, evenly

_MOST_VALUES = 4_000_000
"""Rows with more values than this altogether are not read."""

_MOST_NAMES = 50
_INT_MAX = 2**31 - 1
SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Hdf5Error(Exception):
    """The file cannot be opened; the message says why."""


class DataSet(Struct):
    """A data set: its shape, a word for its type, and what the sampled values were.

    ``fault`` is empty, or why Caffe does not load it. ``labels`` are the values of a small row,
    in order, for those who know them to be labels.
    """

    shape: tuple[int, ...]
    type: str
    fault: str = ""
    finite: bool = True
    low: float = 0.0
    high: float = 0.0
    labels: list[float] = field(default_factory=list)
    whole: bool = False


class Hdf5File(Struct):
    """The data sets that were asked for, and the names of all."""

    sets: dict[str, DataSet]
    names: list[str]


def h5py() -> Any | None:
    """The module, None where it cannot be loaded."""
    return library("h5py")


def read_hdf5(path: Path, names: Iterable[str] | None, limits: Limits, module: Any) -> Hdf5File:
    """Look at data sets of a file by name; at all of its top level where no names are given.

    Raises:
        Hdf5Error: if it cannot be opened.
    """
    try:
        state_of(str(path))
        with module.File(path, "r") as file:
            there = _names(file, module)
            wanted = there if names is None else [name for name in names if name in there]
            return Hdf5File({name: _data_set(file[name], limits) for name in wanted}, there)
    except Exception as error:  # h5py raises anything on a damaged file
        raise Hdf5Error(str(error).partition("\n")[0][:200] or type(error).__name__) from error


def _names(file: Any, module: Any) -> list[str]:
    """Names of the data sets in the file itself; links to other files are not followed."""
    found: list[str] = []
    for name in file:
        if len(found) == _MOST_NAMES:
            break
        link = file.get(name, getlink=True)
        if not isinstance(link, module.ExternalLink) and isinstance(file.get(name), module.Dataset):
            found.append(name)
    return found


def _data_set(one: Any, limits: Limits) -> DataSet:
    shape, kind = one.shape, one.dtype.kind
    result = DataSet(shape or (), str(one.dtype))
    if shape is None or not shape:
        result.fault = "empty"
    elif kind not in "fiu" or one.dtype.names:
        result.fault = "type"
    elif not prod(shape):
        result.fault = "empty"
    elif prod(shape) > _INT_MAX:
        result.fault = "large"
    elif not one.is_virtual and not one.external:
        _sample(one, result, limits)
    return result


def _sample(one: Any, result: DataSet, limits: Limits) -> None:
    rows, width = one.shape[0], prod(one.shape[1:])
    # A row of one value is a label, which says more the more of them are seen.
    rows_wanted = limits.datums if width == 1 else limits.samples
    rows_wanted = min(rows_wanted, _MOST_VALUES // width)
    chunk = prod(one.chunks) if one.chunks else 0
    if not rows_wanted or chunk > _MOST_VALUES:
        return
    result.whole = rows <= rows_wanted
    if width == 1 and rows <= _MOST_VALUES // 4:
        values, result.whole = one[()].reshape(-1), True
    else:
        values = one[evenly(rows, rows_wanted)].reshape(-1)
    finite = abs(values.astype("float64")) < float("inf")
    result.finite = bool(finite.all())
    if finite.any():
        result.low, result.high = float(values[finite].min()), float(values[finite].max())
    if width == 1:
        result.labels = [float(value) for value in values[finite]]
