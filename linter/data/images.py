"""Image files, opened one by one with Pillow: sizes, and whether they can be decoded."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from ..core.extras import library
from ..core.looking import open_file, state_of

_MOST_PIXELS = 16_000_000
"""Larger images are not decoded, only opened."""

_MOST_BYTES = 64 << 20

_READ_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "PPM", "TIFF", "WEBP", "JPEG2000", "SUN")
_UNREAD_FORMATS = ("GIF", "ICO", "PSD")
"""What Pillow opens and the OpenCV of Caffe's time does not."""

# Others are not tried: some plugins start another program to decode.
_FORMATS = _READ_FORMATS + _UNREAD_FORMATS

_OPENCV_ONLY = frozenset((".exr", ".hdr", ".pic", ".pfm"))

# imdecode with IMREAD_UNCHANGED keeps an alpha channel and gray images gray.
_CHANNELS = {"1": 1, "L": 1, "I": 1, "I;16": 1, "I;16B": 1, "F": 1, "LA": 4, "RGBA": 4, "PA": 4}


# What Pillow's decoders say of a file that ends too early.
_CUT_SHORT = ("truncated", "not enough image data", "not large enough")


class Image(NamedTuple):
    """An image: its sizes, 0 where unknown, and its ``fault``: a word, or empty."""

    channels: int = 0
    height: int = 0
    width: int = 0
    fault: str = ""
    detail: str = ""


def pillow() -> Any | None:
    """Pillow's Image module, None where it cannot be loaded."""
    return library("PIL.Image")


def open_image(source: Path | bytes, module: Any) -> Image:
    """Open and decode an image; whatever is wrong with it becomes its fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _open(source, module)
        except module.DecompressionBombError:
            return Image()
        except MemoryError:
            return Image()
        except Exception as error:  # noqa: BLE001 - Pillow's plugins raise anything on bad bytes
            return Image(fault="unreadable", detail=_reason(error))


def _open(source: Path | bytes, module: Any) -> Image:
    if isinstance(source, Path):
        if source.suffix.lower() in _OPENCV_ONLY:
            return Image()
        size = state_of(str(source))[0]
        if not size:
            return Image(fault="unreadable", detail="it is empty")
        if size > _MOST_BYTES:
            return Image()
    # Opened here: given a path, some versions of Pillow map the file and fail in other words.
    opened = open_file(source) if isinstance(source, Path) else BytesIO(source)
    with opened as file, module.open(file, formats=_FORMATS) as image:
        width, height = image.size
        found = Image(_CHANNELS.get(image.mode, 3), height, width)
        if image.format in _UNREAD_FORMATS:
            return found._replace(fault="format", detail=image.format)
        if width * height > _MOST_PIXELS:
            return found
        try:
            image.draft("RGB", (1, 1))  # a JPEG is read to its end, but scaled down on the way
            image.load()
        except (OSError, ValueError) as error:
            cut = any(words in str(error) for words in _CUT_SHORT)
            fault = "truncated" if cut else "unreadable"
            return found._replace(fault=fault, detail=_reason(error))
        return found


def _reason(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    if "cannot identify" in text:
        return "it is no image of a known format"
    return text[:100] or type(error).__name__
