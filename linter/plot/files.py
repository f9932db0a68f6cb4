"""A picture in a file: PNG, SVG, or a page for a browser, by the file's name."""

from __future__ import annotations

from pathlib import Path

from ..core.files import replace_file
from .page import page
from .paint import PlotError, png, svg
from .picture import Picture

STYLES = (".png", ".svg", ".html")


def write(picture: Picture, path: Path) -> None:
    """Put the picture into a file in one step; the suffix is one of ``STYLES``.

    Raises:
        OSError: if the file cannot be written.
        caffelint.plot.paint.PlotError: if the picture cannot be made, or would be empty.
    """
    if not picture.panels:
        raise PlotError(f"{path}: not drawn, since no values are logged")
    style = path.suffix.lower()
    if style == ".png":
        data = png(picture)
    elif style == ".svg":
        data = svg(picture)[0].encode("utf-8")
    else:
        data = page(picture).encode("utf-8")
    replace_file(path, data)
