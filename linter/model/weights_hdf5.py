"""Weights in HDF5: ``data/LAYER/INDEX`` (net.cpp, ToHDF5 and CopyTrainedLayersFromHDF5).

Only names, shapes and places of values are read. Links that lead out of the file are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from ..core.extras import library
from ..core.looking import state_of
from .weights import Run, StoredBlob, StoredLayer, Weights

# What h5py raises for files that are not sound.
_DAMAGE = (OSError, KeyError, RuntimeError, TypeError, AttributeError)

_MOST_LAYERS = 100_000
_MOST_BLOBS = 1000


def read(path: Path) -> Weights:
    """The layers of a .caffemodel.h5.

    Raises:
        ValueError: if the file is damaged, or no Caffe weights.
        ImportError: if h5py cannot be loaded.
    """
    with _Opened(path) as opened:
        data = opened.child(opened.file, "data")
        if not opened.is_group(data):
            raise ValueError('it is HDF5, but has no group "data" with one group for each layer')
        layers = tuple(
            StoredLayer(name, "", opened.blobs(opened.child(data, name), name))
            for name in opened.names(data, _MOST_LAYERS)
        )
        return Weights(path, "HDF5", state_of(str(path))[0], layers)


def read_state(path: Path) -> Weights:
    """A .solverstate.h5: the blobs of its history as one layer without a name.

    Raises:
        ValueError: if the file is damaged, or no solver state.
        ImportError: if h5py cannot be loaded.
    """
    with _Opened(path) as opened:
        history = opened.child(opened.file, "history")
        if not opened.is_group(history):
            raise ValueError('it is HDF5, but has no group "history"')
        state = {
            name: value
            for name in ("iter", "learned_net", "current_step")
            if (value := opened.scalar(name)) is not None
        }
        layer = StoredLayer("", "", opened.blobs(history, "history"))
        return Weights(path, "solver state", state_of(str(path))[0], (layer,), state)


class _Opened:
    """An HDF5 file for reading; all that h5py raises for a damaged one becomes a ValueError."""

    def __init__(self, path: Path) -> None:
        module = library("h5py")
        if module is None:
            raise ImportError("h5py cannot be loaded")
        self._h5py: Any = module
        self._path = path
        self._size = state_of(str(path))[0]
        self.file: Any = None

    def __enter__(self) -> Self:
        try:
            self.file = self._h5py.File(self._path, "r")
        except OSError as error:
            raise ValueError(f"damaged HDF5: {_line(error)}") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, _trace: object) -> None:
        self.file.close()
        if kind is not None and issubclass(kind, _DAMAGE):
            raise ValueError(f"damaged HDF5: {_line(error)}")

    def is_group(self, child: Any) -> bool:
        return isinstance(child, self._h5py.Group)

    def child(self, group: Any, name: str) -> Any:
        """What a hard link leads to; None for links that may lead to another file."""
        link = group.get(name, getlink=True)
        return group[name] if isinstance(link, self._h5py.HardLink) else None

    def names(self, group: Any, most: int) -> Iterator[str]:
        if len(group) > most:
            raise ValueError(f"more than {most} entries in {group.name}")
        yield from group

    def blobs(self, layer: Any, name: str) -> tuple[StoredBlob | None, ...]:
        """Blobs 0, 1, … of a layer's group; None for numbers that are left out."""
        if not self.is_group(layer):
            raise ValueError(f'layer "{name}" is no group')
        found: dict[int, StoredBlob] = {}
        for key in self.names(layer, _MOST_BLOBS):
            # Caffe counts every link, and asks for blobs by their numbers.
            if not key.isascii() or not key.isdigit() or int(key) >= _MOST_BLOBS:
                raise ValueError(f'layer "{name}" has "{key}" where blobs are numbered')
            found[int(key)] = self._blob(self.child(layer, key), f"{name}/{key}")
        return tuple(found.get(i) for i in range(max(found, default=-1) + 1))

    def _blob(self, dataset: Any, name: str) -> StoredBlob:
        if not isinstance(dataset, self._h5py.Dataset) or dataset.shape is None:
            raise ValueError(f'"{name}" is no dataset')
        if dataset.dtype.kind not in "fiu":
            raise ValueError(f'"{name}" holds no numbers')
        shape = tuple(int(size) for size in dataset.shape)
        code, runs = self._place(dataset)
        return StoredBlob(shape, int(dataset.size), code=code, runs=runs)

    def _place(self, dataset: Any) -> tuple[str, tuple[Run, ...]]:
        """Where plain values lie in the file. Caffe writes them so; packed ones are not read."""
        code = {"<f2": "e", "<f4": "f", "<f8": "d"}.get(dataset.dtype.str, "")
        plain = dataset.chunks is None and not dataset.is_virtual and not dataset.external
        start = dataset.id.get_offset() if code and plain else None
        size = int(dataset.size) * dataset.dtype.itemsize
        if start is None or start + size > self._size:
            return "", ()
        return code, (Run(start, size),)

    def scalar(self, name: str) -> int | str | None:
        """A number or text of the solver's state."""
        dataset = self.child(self.file, name) if name in self.file else None
        if not isinstance(dataset, self._h5py.Dataset) or dataset.size != 1:
            return None
        if dataset.dtype.itemsize > 1 << 16 or dataset.chunks is not None or dataset.external:
            return None
        value = dataset[()]
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, bytes):
            return value.rstrip(b"\0").decode("utf-8", "surrogateescape")
        return value if isinstance(value, int) else None


def _line(error: object) -> str:
    """The first line of what h5py says."""
    return next(iter(str(error).splitlines()), type(error).__name__)
