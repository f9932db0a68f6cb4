"""Mean files: a binary BlobProto, as compute_image_mean writes it."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from ..core.looking import open_file
from ..schema.descriptor import MessageType
from .lists import form_of

_MOST_BYTES = 64 << 20


class MeanError(Exception):
    """The file is no mean image; the message says why."""


def read_mean(path: Path, blob: MessageType) -> tuple[int, ...]:
    """Shape of the mean image: num, channels, height, width, or what its ``shape`` says.

    Raises:
        MeanError: if Caffe could not load it.
    """
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _MOST_BYTES:
                raise MeanError(f"it has {size} bytes")
            data = file.read()
    except OSError as error:
        raise MeanError(error.strerror or str(error)) from error
    if not data:
        raise MeanError("it is empty")
    if data.startswith(b"\x93NUMPY"):
        raise MeanError("it is a NumPy file; Caffe's own layers read .binaryproto only")
    message: Any = blob.new_message()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        what = form_of(data)
        raise MeanError("it is no BlobProto" + (f" but {what}" if what else "")) from error
    # Blob::FromProto: the old fields win where one of them is there.
    legacy = ("num", "channels", "height", "width")
    if any(message.HasField(name) for name in legacy):
        shape = tuple(getattr(message, name) for name in legacy)
    else:
        shape = tuple(message.shape.dim)
    values = len(message.data) or len(message.double_data)
    if not values or prod(shape) != values:
        raise MeanError(
            f"it holds {values} values for the shape {'×'.join(map(str, shape)) or '()'}"
        )
    return shape


def legacy_size(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, height and width as Blob::LegacyShape counts them: 1 where there is no axis."""
    padded = (*shape, 1, 1, 1)[: max(4, len(shape))]
    return padded[1], padded[2], padded[3]
