"""A picture as PNG or SVG, by matplotlib.

The same picture gives the same bytes: nothing of the user's own settings, no date, no random
names. Text of a log is never taken for a formula.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from .picture import LOSS, RATE, Mark, Panel, Picture, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Told apart by the colour-blind too (Okabe and Ito)."""

_WIDTH = 10.0
_HEIGHTS = {LOSS: 3.4, RATE: 1.4}
_HEIGHT = 2.6
_LINE = 0.19
"""Inches: of the picture, of panels by kind and of others, and of a line of text."""
_DPI = 120
_COLUMNS = 150
_NEAR = 0.015
_SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,
    "svg.hashsalt": "caffelint",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
}


class PlotError(Exception):
    """The picture cannot be made."""


class Box(Struct, frozen=True):
    """Where the axes of a panel are, as shares of the picture's width and height from its top
    left corner, and the iterations at their left and right.
    """

    left: float
    top: float
    right: float
    bottom: float
    first: float
    last: float


def png(picture: Picture) -> bytes:
    """The picture as PNG.

    Raises:
        PlotError: where matplotlib is not installed, or cannot be loaded.
    """
    with _painted(picture) as figure:
        return _saved(figure, "png", dpi=_DPI, metadata={"Software": None})


def svg(picture: Picture) -> tuple[str, list[Box]]:
    """The picture as SVG, and where its panels are.

    Raises:
        PlotError: where matplotlib is not installed, or cannot be loaded.
    """
    with _painted(picture) as figure:
        text = _saved(figure, "svg", metadata={"Date": None, "Creator": None}).decode("utf-8")
        return text, [_box(axes) for axes in figure.axes]


def _saved(figure: Figure, style: str, **settings: Any) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # Letters that the font does not have become boxes, which is all that can be done.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(stream, format=style, **settings)
    return stream.getvalue()


def _box(axes: Axes) -> Box:
    place, (first, last) = axes.get_position(), axes.get_xlim()
    return Box(place.x0, 1 - place.y1, place.x1, 1 - place.y0, first, last)


def load() -> None:
    """Load matplotlib.

    Raises:
        PlotError: where it is not installed, or cannot be loaded.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise PlotError("pictures take matplotlib: pip install 'caffelint[plot]'") from None
    except (OSError, ValueError) as error:  # a matplotlibrc that cannot be read
        raise PlotError(f"matplotlib cannot be loaded: {error}") from None


@contextmanager
def _painted(picture: Picture) -> Iterator[Figure]:
    """The figure of a picture that has panels, with settings of our own while it is saved."""
    load()
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield _figure(picture)


def _figure(picture: Picture) -> Figure:
    from matplotlib.figure import Figure

    words = _words(picture)
    heights = [_HEIGHTS.get(panel.kind, _HEIGHT) for panel in picture.panels]
    below = _LINE * len(words) + 0.1
    total = sum(heights) + below + 0.4
    figure = Figure(figsize=(_WIDTH, total), layout="constrained")
    figure.get_layout_engine().set(rect=(0, below / total, 1, 1 - below / total))  # type: ignore[union-attr,call-arg]
    figure.suptitle(picture.title, fontsize=11)
    rows = figure.subplots(
        len(heights), sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes, panel in zip(rows[:, 0], picture.panels, strict=True):
        _panel(axes, panel)
        _marks(axes, picture)
    _numbers(rows[0, 0], picture)
    _across(rows[-1, 0], picture)
    for row, (number, line) in enumerate(words):
        height = (below - _LINE * (row + 0.9)) / total
        figure.text(0.02, height, number, fontsize=8, weight="bold" if line else "normal")
        figure.text(0.04, height, line, fontsize=8)
    return figure


def _words(picture: Picture) -> list[tuple[str, str]]:
    """The lines below the panels in two columns: the numbers of the marks with what they mean,
    then notes, in the first.
    """
    lines = []
    for number, mark in enumerate(picture.marks, 1):
        rows = wrap(f"at {mark.iteration:,}: {mark.words}", _COLUMNS)
        lines += [(str(number) if at == 0 else "", row) for at, row in enumerate(rows)]
    return lines + [(note, "") for note in picture.notes]


def _across(axes: Axes, picture: Picture) -> None:
    """The axis of iterations, which all panels share."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    first, last = picture.span
    margin = (last - first) * 0.02 or 1
    axes.set_xlim(first - margin, last + margin)
    axes.set_xlabel("iteration")
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _panel(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_ylabel(panel.title)
    if panel.logarithmic:
        axes.set_yscale("log", nonpositive="mask")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    noisy = sum(bool(one.line.smooth) for one in panel.series)
    handles = [_draw(axes, one, 0.1 if noisy > 2 else 0.25) for one in panel.series]
    _draw_lost(axes, panel)
    names = [one.name for one in panel.series]
    if panel.left_out:
        (nothing,) = axes.plot([], [], linestyle="none")
        handles.append(nothing)
        names.append(f"and {panel.left_out} more")
    if names == [panel.title]:
        return
    # Names are put in afterwards, since matplotlib skips labels that begin with "_".
    legend = axes.legend(
        *(handles, [str(at) for at in range(len(names))]),
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
        fontsize=8,
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _draw(axes: Axes, series: Series, paleness: float) -> Any:
    """A series; returns what stands for it in the legend."""
    line = series.line
    colour = COLOURS[series.hue % len(COLOURS)]
    look: dict[str, Any] = {"color": colour, "linewidth": 1.4}
    few = len(line.iterations) <= 60
    if series.test:
        look |= {"linestyle": "--", "marker": "o", "markersize": 3 if few else 1.5}
    elif len(line.iterations) <= 2:
        look |= {"marker": "o", "markersize": 4}
    if line.smooth:
        axes.plot(line.iterations, line.values, color=colour, alpha=paleness, linewidth=0.7)
        look["marker"] = None
    (handle,) = axes.plot(*line.middle(), **look)
    return handle


def _draw_lost(axes: Axes, panel: Panel) -> None:
    """Along the top of a panel, where its series are no numbers."""
    without = [one for one in panel.series if one.line.lost]
    for row, one in enumerate(without):
        colour, height = COLOURS[one.hue % len(COLOURS)], 0.985 - 0.03 * row
        for stretch in one.line.lost:
            axes.plot(
                *(stretch, (height, height)),
                transform=axes.get_xaxis_transform(),
                color=colour,
                linewidth=1,
                marker="x",
                markersize=4,
            )
    if without:
        axes.text(
            min(start for one in without for start, _ in one.line.lost),
            0.985 - 0.03 * len(without),
            "nan, inf",
            transform=axes.get_xaxis_transform(),
            fontsize=8,
            va="top",
        )


def _marks(axes: Axes, picture: Picture) -> None:
    for mark in picture.marks:
        axes.axvline(mark.iteration, color=_mark_colour(mark), linewidth=0.8, linestyle=":")


def _numbers(axes: Axes, picture: Picture) -> None:
    """The marks' numbers above a panel; those that are too near to each other are one text."""
    first, last = picture.span
    near = (last - first) * _NEAR
    texts: list[tuple[int, str, str]] = []
    for number, mark in enumerate(picture.marks, 1):
        if texts and mark.iteration - texts[-1][0] <= near:
            at, text, colour = texts.pop()
            texts.append((at, f"{text}, {number}", colour))
        else:
            texts.append((mark.iteration, str(number), _mark_colour(mark)))
    for at, text, colour in texts:
        axes.annotate(
            text,
            (at, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            color=colour,
            fontsize=8,
            weight="bold",
            ha="center",
        )


def _mark_colour(mark: Mark) -> str:
    return "#555555" if mark.hue is None else COLOURS[mark.hue % len(COLOURS)]
