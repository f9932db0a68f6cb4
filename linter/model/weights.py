"""Which layers a weights file has, and the shapes of their blobs, without reading the values.

A caffemodel is a serialised NetParameter. Only the wire format's tags and lengths are followed, so
a file of any size costs a few reads for each blob. Weights in HDF5 are read by ``weights_hdf5``
into the same form.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from msgspec import Struct, field

from ..core.looking import kind_of, open_file

HDF5_START = b"\x89HDF\r\n\x1a\n"

MAX_AXES = 32
"""Axes of a blob at most (blob.hpp, kMaxBlobAxes)."""


class WeightsError(Exception):
    """The file is no readable weights file; the message says why.

    ``reason`` is the same without the path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: not a readable weights file ({reason})")
        self.reason = reason


class LibraryMissingError(WeightsError):
    """Nothing is known against the file: the library that reads it is not installed."""


class Run(NamedTuple):
    """Values that lie in the file one after the other: ``size`` bytes from ``start`` on."""

    start: int
    size: int


class StoredBlob(Struct, frozen=True):
    """A blob in a file: its shape, and where its values lie.

    ``legacy`` tells that the shape is written as num, channels, height and width. ``code`` is the
    ``struct`` format of one little-endian value (``f``, ``d``, ``e``), empty where the values are
    stored in a way that is not looked into; ``stored`` is how many values there are. ``raw`` marks
    the form that NVCaffe writes and BVLC Caffe does not read.
    """

    shape: tuple[int, ...]
    stored: int
    legacy: bool = False
    code: str = ""
    runs: tuple[Run, ...] = ()
    raw: bool = False


class StoredLayer(Struct, frozen=True):
    """A layer in a file. ``blobs`` has None for a number that is left out, as HDF5 does for blobs
    that are shared. ``v1_type`` is the number of a V1 type, whose ``type`` is empty.
    """

    name: str
    type: str
    blobs: tuple[StoredBlob | None, ...]
    v1_type: int | None = None

    @property
    def held(self) -> int:
        """How many blobs the file has for it."""
        return sum(blob is not None for blob in self.blobs)


class Weights(Struct, frozen=True):
    """A weights file: its layers in the order in which Caffe copies them.

    ``form`` is ``layer``, ``layers`` (V1), ``V0 layers``, ``HDF5`` or, for a snapshot of a solver,
    ``solver state``: that has ``state`` beside its only layer, the history.
    """

    path: Path
    form: str
    size: int
    layers: tuple[StoredLayer, ...]
    state: dict[str, int | str] = field(default_factory=dict)

    @property
    def is_hdf5(self) -> bool:
        """Whether Caffe copies it by the rules for HDF5."""
        return self.form == "HDF5"

    @property
    def filled(self) -> frozenset[str]:
        """Names of the layers with at least one blob in the file."""
        return frozenset(layer.name for layer in self.layers if layer.held)


def filled_layers(path: Path) -> frozenset[str]:
    """Names of the layers with at least one blob in the file.

    Raises:
        WeightsError: if it cannot be read, or is no weights file.
    """
    return read_weights(path).filled


def read_weights(path: Path) -> Weights:
    """The layers of a caffemodel, binary or HDF5, with the shapes of their blobs.

    Raises:
        WeightsError: if it cannot be read, or is no weights file.
        LibraryMissingError: if it is HDF5, and h5py is not installed.
    """
    return _read_file(path, "net")


def read_state(path: Path) -> Weights:
    """A .solverstate, binary or HDF5: the blobs of its history as one layer without a name.

    Raises:
        WeightsError: as ``read_weights``.
    """
    return _read_file(path, "state")


def _read_file(path: Path, what: str) -> Weights:
    if kind_of(str(path)) == "other":  # a pipe would have to be waited for
        raise WeightsError(path, "no regular file")
    try:
        with open_file(path) as file:
            start = file.read(len(HDF5_START))
            if start != HDF5_START:
                return _net(path, file) if what == "net" else _state(path, file)
        from . import weights_hdf5

        return weights_hdf5.read(path) if what == "net" else weights_hdf5.read_state(path)
    except ImportError as error:
        reason = "HDF5 needs h5py: pip install 'caffelint[data]'"
        raise LibraryMissingError(path, reason) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WeightsError(path, reason) from error


# The messages


class _Form(NamedTuple):
    """Numbers of the fields of a layer message: its name, its type, its blobs, the V0 layer."""

    name: int
    type: int
    blobs: int
    inner: int = 0


_CURRENT = _Form(name=1, type=2, blobs=7)
_V1 = _Form(name=4, type=5, blobs=6, inner=1)
_V0 = _Form(name=1, type=2, blobs=50)
_LAYERS, _LAYER = 2, 100  # fields of NetParameter
_LEARNED_NET = 2  # of SolverState
_PADDING = "padding"

_LARGEST = 2**31 - 1
"""Bytes of a file at most: Caffe reads no more of one (io.cpp, kProtoReadBytesLimit)."""


def _net(path: Path, file: BinaryIO) -> Weights:
    reader = _Reader(file)
    if not reader.size:
        raise ValueError("the file is empty")
    if words := _something_else(reader):
        raise ValueError(words)
    if reader.size > _LARGEST:
        raise ValueError("larger than 2 GiB, more than Caffe reads of a file")
    layers: list[StoredLayer] = []
    forms: set[str] = set()
    for one in reader.fields(0, reader.size):
        if one.number in (_LAYERS, _LAYER) and one.kind == _BYTES:
            form, layer = _layer(reader, one, _CURRENT if one.number == _LAYER else _V1)
            forms.add(form)
            layers.append(layer)
    if "layer" in forms and len(forms) > 1:
        raise ValueError('it has both "layer" and "layers", which Caffe refuses')
    if "V0 layers" in forms:
        # Padding layers are folded into what they pad (upgrade_proto.cpp, UpgradeV0PaddingLayers).
        layers = [layer for layer in layers if layer.type != _PADDING]
    form = max(forms, default="layer", key=("layer", "layers", "V0 layers").index)
    return Weights(path, form, reader.size, tuple(layers))


def _state(path: Path, file: BinaryIO) -> Weights:
    reader = _Reader(file)
    if not reader.size:
        raise ValueError("the file is empty")
    state: dict[str, int | str] = {}
    blobs: list[StoredBlob] = []
    for one in reader.fields(0, reader.size):
        match one.number, one.kind:
            case (1, 0):
                state["iter"] = _signed(one.value, 32)
            case (2, 2):
                state["learned_net"] = _text(reader, one)
            case (3, 2):
                blobs.append(_blob(reader, one))
            case (4, 0):
                state["current_step"] = _signed(one.value, 32)
    if not state and not blobs:
        raise ValueError("it has none of the fields of a solver state")
    return Weights(path, "solver state", reader.size, (StoredLayer("", "", tuple(blobs)),), state)


def _layer(reader: _Reader, message: _Field, form: _Form) -> tuple[str, StoredLayer]:
    """A layer with the name of the form it is written in."""
    name, type_, v1_type = "", "", None
    blobs: list[StoredBlob] = []
    inner: StoredLayer | None = None
    for one in reader.fields(message.start, message.end):
        if one.number == form.name and one.kind == _BYTES:
            name = _text(reader, one)
        elif one.number == form.type and one.kind == _BYTES:
            type_ = _text(reader, one)
        elif one.number == form.type and one.kind == _VARINT:
            v1_type = one.value
        elif one.number == form.blobs and one.kind == _BYTES:
            blobs.append(_blob(reader, one))
        elif form.inner and one.number == form.inner and one.kind == _BYTES:
            inner = _layer(reader, one, _V0)[1]
    if inner is not None:
        return "V0 layers", inner
    written = "layer" if form is _CURRENT else "layers"
    return written, StoredLayer(name, type_, tuple(blobs), v1_type)


_FLOATS = {5: "f", 8: "d"}  # data and double_data of BlobProto
_RAW_TYPE, _RAW = 10, 12
_RAW_CODES = {0: "d", 1: "f", 2: "e"}
_WIDTHS = {"e": 2, "f": 4, "d": 8}
_LEGACY_AXES = 4


def _blob(reader: _Reader, message: _Field) -> StoredBlob:
    shape: tuple[int, ...] = ()
    legacy: dict[int, int] = {}
    runs: dict[str, list[Run]] = {"f": [], "d": [], "raw": []}
    single = {"f": 0, "d": 0}  # values that are not packed, each in a field of its own
    raw_type = 0
    for one in reader.fields(message.start, message.end):
        if 1 <= one.number <= _LEGACY_AXES and one.kind == _VARINT:
            legacy[one.number] = _signed(one.value, 32)
        elif one.number == 7 and one.kind == _BYTES:
            shape += _dims(reader, one)
        elif one.number in _FLOATS and one.kind == _BYTES:
            runs[_FLOATS[one.number]].append(Run(one.start, one.end - one.start))
        elif one.number in _FLOATS and one.kind in (_FIXED32, _FIXED64):
            single[_FLOATS[one.number]] += 1
        elif one.number == _RAW_TYPE and one.kind == _VARINT:
            raw_type = one.value
        elif one.number == _RAW and one.kind == _BYTES:
            runs["raw"] = [Run(one.start, one.end - one.start)]
    if legacy:
        shape = tuple(legacy.get(axis, 0) for axis in range(1, _LEGACY_AXES + 1))
    raw = bool(runs["raw"])
    kind = "raw" if raw else "d" if runs["d"] or single["d"] else "f"
    code = _RAW_CODES.get(raw_type, "") if raw else kind
    loose = single.get(kind, 0)
    stored = loose + sum(run.size for run in runs[kind]) // _WIDTHS.get(code, 4)
    if loose:
        code = ""
    return StoredBlob(shape, stored, bool(legacy), code, tuple(runs[kind]), raw)


def _dims(reader: _Reader, message: _Field) -> tuple[int, ...]:
    """The sizes in a BlobShape, packed or one by one."""
    sizes: list[int] = []
    for one in reader.fields(message.start, message.end):
        if one.number == 1 and one.kind == _VARINT:
            sizes.append(_signed(one.value, 64))
        elif one.number == 1 and one.kind == _BYTES:
            at = one.start
            while at < one.end and len(sizes) <= MAX_AXES:
                value, at = reader.varint(at, one.end)
                sizes.append(_signed(value, 64))
        if len(sizes) > MAX_AXES:
            raise ValueError(f"a blob of more than {MAX_AXES} axes")
    return tuple(sizes)


def _signed(value: int, bits: int) -> int:
    """A varint as the signed integer field that it fills."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


_LONGEST_NAME = 1 << 16


def _text(reader: _Reader, one: _Field) -> str:
    """Decoded as names in the text format are, so that the two compare."""
    if one.end - one.start > _LONGEST_NAME:
        raise ValueError(f"a name of {one.end - one.start} bytes")
    return reader.read(one.start, one.end).decode("utf-8", "surrogateescape")


# What people give in place of a weights file


def _something_else(reader: _Reader) -> str:
    """What the file is, if it is one of the usual wrong ones; empty if it may be a caffemodel."""
    start = reader.read(0, min(reader.size, 512))
    if start.startswith(b"version https://git-lfs"):
        return "it is the pointer that Git LFS leaves, not the file itself: git lfs pull fetches it"
    if start.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page: the download went wrong"
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")):
        return "it is a packed archive: unpack it first"
    if all(9 <= byte < 127 for byte in start) and not start.startswith((b"\n", b"\x12")):
        return "it is text, and Caffe reads weights in binary form only"
    if start[:1] == b"\x08":  # field 1 is a number; in a NetParameter it is the name
        return _numbered(reader)
    return ""


def _numbered(reader: _Reader) -> str:
    """A message that starts with a number: a solver's snapshot, or a mean file."""
    for one in reader.fields(0, reader.size):
        if one.number == _LEARNED_NET and one.kind == _BYTES:
            return "it is a solver state, which is given with --snapshot; the weights of the same \
snapshot are in the .caffemodel beside it"
        if one.number == _LEARNED_NET and one.kind == _VARINT:
            return "it is a single blob, such as a mean file"
    return ""


# The wire format

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

# A real file has a few dozen fields a layer; what has more than this is no work of Caffe's, and
# the limit keeps the time for a file of many tiny fields within seconds.
_MOST_FIELDS = 1 << 20


class _Field(NamedTuple):
    """One field: its number, its wire type, and the value of a varint or the range of the rest."""

    number: int
    kind: int
    value: int
    start: int
    end: int


class _Reader:
    """A file as nested messages of fields."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_FIELDS
        self.size = file.seek(0, os.SEEK_END)

    def read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)

    def fields(self, at: int, end: int) -> Iterator[_Field]:
        """Every field between two offsets; contents are not read."""
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise ValueError("too many fields for a weights file")
            tag, start = self.varint(at, end)
            kind, value, length = tag & 7, 0, 0
            if tag < 8 or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
                raise ValueError(f"no field starts at byte {at}")
            if kind == _VARINT:
                value, start = self.varint(start, end)
            elif kind == _BYTES:
                length, start = self.varint(start, end)
            else:
                length = 8 if kind == _FIXED64 else 4
            if start + length > end:
                cut = ": it is cut short" if end == self.size else ""
                raise ValueError(f"the field at byte {at} runs past the end of its message{cut}")
            yield _Field(tag >> 3, kind, value, start, start + length)
            at = start + length

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """The number at an offset, and where it ends."""
        value = 0
        for i, byte in enumerate(self.read(at, min(end, at + _LONGEST_VARINT))):
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                return value, at + i + 1
        raise ValueError(f"no number at byte {at}")
