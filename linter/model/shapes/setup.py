"""One layer being set up: its bottoms' shapes, its parameters, and the ways to refuse it.

The checks here are the ones that Caffe's Blob and Filler classes make for every layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NoReturn, cast

from msgspec import Struct, field

from ...core.alike import closest
from ...core.problem import Problem
from ...core.source import Span
from ...schema.message import Message

Dim = int | None
"""A size; None where only the data decides it."""

Shape = tuple[Dim, ...] | None
"""The sizes of a blob; None where not even the number of axes is known."""

MAX_AXES = 32
INT_MAX = 2**31 - 1

FILLERS = ("constant", "gaussian", "positive_unitball", "uniform", "xavier", "msra", "bilinear")


class Refused(Exception):  # noqa: N818 - Caffe refuses the layer; the linter is not in error
    """Caffe aborts while it sets this layer up."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind)
        self.problem = problem


class Built(Struct, frozen=True):
    """What a layer is after set-up: shapes of its tops and of its learned blobs."""

    tops: list[Shape]
    params: list[Shape] = field(default_factory=list)


def count(shape: Shape, start: int = 0, end: int | None = None) -> Dim:
    """Number of values in axes ``start`` to ``end``; None if a size in there is unknown."""
    if shape is None:
        return None
    sizes = shape[start:end]
    if 0 in sizes:
        return 0
    return None if None in sizes else prod(cast("tuple[int, ...]", sizes))


def differ(a: Dim, b: Dim) -> bool:
    """Whether two sizes are certainly not the same."""
    return a is not None and b is not None and a != b


def shapes_differ(a: Shape, b: Shape) -> bool:
    """Whether two shapes are certainly not the same."""
    if a is None or b is None:
        return False
    return len(a) != len(b) or any(map(differ, a, b))


def shown(shape: Shape) -> str:
    """A shape for messages: ``64×3×?×?``."""
    if shape is None:
        return "unknown"
    return "×".join("?" if size is None else str(size) for size in shape) or "scalar"


def in_words(number: int, what: str) -> str:
    """A number of things: ``no shape``, ``1 shape``, ``2 shapes``."""
    return f"{number or 'no'} {what}{'' if number == 1 or what.endswith('s') else 's'}"


def signed(value: int) -> int:
    """A uint32 as Caffe uses it: assigned to an int."""
    return value - 2**32 if value > INT_MAX else value


def truncated(dividend: int, divisor: int) -> int:
    """Integer division as C++ has it: towards zero."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


class Setup:
    """One layer as its shape function sees it.

    ``own`` is the layer type's parameter block (empty where it is not written), ``bottoms`` the
    shapes of its bottoms, ``tops`` how many tops it makes, and ``in_place`` the numbers of the
    tops that are the very blob of the bottom of that number.
    """

    def __init__(
        self,
        message: Message,
        own_field: str,
        bottoms: Sequence[Shape],
        tops: int,
        in_place: frozenset[int] = frozenset(),
    ) -> None:
        self.message = message
        self.own = message.sub(own_field) if own_field else message
        self.bottoms = list(bottoms)
        self.tops = tops
        self.in_place = in_place

    @property
    def bottom(self) -> Shape:
        """Shape of the first bottom."""
        return self.bottoms[0]

    def bottom_name(self, index: int) -> str:
        """Name of a bottom, for messages."""
        names: list[str] = self.message.get("bottom")
        return names[index] if index < len(names) else ""

    # Refusing

    def refuse(self, kind: str, at: str = "", **values: object) -> NoReturn:
        """Report that Caffe aborts here; ``at`` is a field of the own block, or ``bottom[1]``."""
        name: str = self.message.get("name")
        values = {"layer": name, "type": self.message.get("type"), **values}
        raise Refused(Problem(kind, self._span(at), values, layer=name))

    def _span(self, at: str) -> Span:
        """Span of a field of the own block, else of the layer (``bottom[1]``); where it is not
        written, of the block that it would stand in, else of the layer's type.
        """
        for place in (at, at.rpartition(".")[0]):
            if place:
                for message in (self.own, self.message):
                    span = message.find(place)
                    if span is not None:
                        return span
        own = self.own.find("") if self.own is not self.message else None
        return own or self.message.find("type") or self.message.find("") or Span(0, 0)

    # Checks that many layers make

    def axis(self, shape: Shape, index: int, at: str = "axis", blob: int = 0) -> int:
        """The axis that an index means, counted from the end where it is negative."""
        if shape is None:
            return index
        if not -len(shape) <= index < len(shape):
            self.refuse(
                *("axis-out-of-range", at),
                axis=index,
                axes=len(shape),
                bottom=self.bottom_name(blob),
                shape=shown(shape),
            )
        return index % len(shape)

    def legacy(self, shape: Shape, index: int, blob: int = 0) -> Dim:
        """``num``, ``channels``, ``height`` or ``width``: 1 where the blob has fewer axes."""
        if shape is None:
            return None
        if len(shape) > 4:
            self.axes_count(shape, "at most 4", blob)
        return shape[index] if index < len(shape) else 1

    def axes_count(self, shape: tuple[Dim, ...], wanted: object, blob: int = 0) -> NoReturn:
        """Refuse a bottom for its number of axes."""
        self.refuse(
            *("axes-count", f"bottom[{blob}]"),
            bottom=self.bottom_name(blob),
            wanted=wanted,
            axes=len(shape),
            shape=shown(shape),
        )

    def need_axes(self, number: int, blob: int = 0) -> Shape:
        """The bottom's shape, which must have this many axes."""
        shape = self.bottoms[blob]
        if shape is not None and len(shape) != number:
            self.axes_count(shape, number, blob)
        return shape

    def refuse_shape(self, index: int, wanted: Shape, like: str = "") -> NoReturn:
        """Refuse a bottom that has not the wanted shape; ``like`` is what it has to fit."""
        self.refuse(
            *("shapes-differ", f"bottom[{index}]"),
            bottom=self.bottom_name(index),
            shape=shown(self.bottoms[index]),
            wanted=shown(wanted),
            like=like or f'"{self.bottom_name(0)}"',
        )

    def refuse_batch(self, index: int, found: Dim, other: int, wanted: Dim) -> NoReturn:
        """Refuse a bottom that has not as many examples as another one."""
        self.refuse(
            *("batch-differs", f"bottom[{index}]"),
            bottom=self.bottom_name(index),
            found=found,
            first=self.bottom_name(other),
            wanted=wanted,
        )

    def refuse_both(self, field: str, other: str, at: str = "") -> NoReturn:
        """Refuse a parameter that is given in two ways."""
        self.refuse("given-both-ways", at or other, field=field, other=other)

    def positive(self, at: str, value: Dim) -> None:
        """Refuse a parameter that must be at least 1."""
        if value is not None and value <= 0:
            field = at.split("[")[0]
            shown_value = value if self.own.has(field) else "not set"
            self.refuse("must-be-positive", at, field=field, value=shown_value)

    def not_in_place(self) -> None:
        """Refuse a layer that would overwrite its bottom."""
        if self.in_place:
            self.refuse("in-place-refused", "top", top=self.message.get("top")[min(self.in_place)])

    def memory(self, number: Dim, what: str, at: str = "bottom[0]") -> None:
        """Refuse a buffer of no values: Blob::cpu_data aborts on it (``Check failed: data_``)."""
        if number == 0:
            self.refuse("empty-blob", at, what=what)

    def blob(self, shape: Shape, at: str = "") -> Shape:
        """A blob's shape, checked as Blob::Reshape does; ``at`` may be a block of ``dim``."""
        if shape is None:
            return None
        if len(shape) > MAX_AXES:
            self.refuse("blob-too-large", at, shape=f"{len(shape)} axes")
        values = 1
        for i, size in enumerate(shape):
            if size is not None and size < 0:
                self.refuse("negative-size", f"{at}.dim[{i}]", size=size, shape=shown(shape))
            values *= 1 if size is None else size
            # NVCaffe divides the batch among its GPUs (parallel.cpp, divide_batch_size).
            if values > INT_MAX and not self.message.type.schema.builds_on("nvcaffe"):
                self.refuse("blob-too-large", f"{at}.dim[{i}]", shape=shown(shape))
        return shape

    def like_bottom(self) -> Built:
        """Every top has the shape of the first bottom."""
        return Built([self.bottom] * self.tops)

    # Fillers (filler.hpp)

    def fill(self, shape: Shape, at: str) -> Shape:
        """A learned blob of this shape, filled by the filler in field ``at``; where that is not
        written, by a constant, which fits any shape.
        """
        self.blob(shape, "num_output")
        self.check_filler(self.own.sub(at), shape, at)
        self.memory(count(shape), f"the learned blob of {at}")
        return shape

    def check_filler(self, filler: Message, shape: Shape, at: str) -> None:
        """Refuse a filler that cannot fill a blob of this shape."""
        type_: str = filler.get("type")
        if type_ not in FILLERS:
            if self.message.type.schema.base is not None:
                return  # a fork may have fillers of its own
            self.refuse(
                *("unknown-filler", f"{at}.type"),
                filler=type_,
                field=at,
                suggestion=closest(type_.lower(), FILLERS, 0.5),
                known=", ".join(FILLERS),
            )
        if type_ == "gaussian":
            self._check_gaussian(filler, shape, at)
        elif filler.get("sparse") != -1:
            self.refuse("sparse-filler", f"{at}.sparse", filler=type_, field=at)
        if type_ == "uniform" and filler.get("min") > filler.get("max"):
            low, high = filler.get("min"), filler.get("max")
            self.refuse(
                "filler-range", f"{at}.min", field=at, words=f"min {low:g} above max {high:g}"
            )
        if type_ == "bilinear":
            self._check_bilinear(shape, at)
        if type_ in ("xavier", "msra", "positive_unitball") and shape == ():
            self.refuse("filler-of-scalar", f"{at}.type", filler=type_, field=at)

    def _check_gaussian(self, filler: Message, shape: Shape, at: str) -> None:
        std, sparse = filler.get("std"), filler.get("sparse")
        if not std > 0:
            self.refuse("filler-range", f"{at}.std", field=at, words=f"std {std:g}, not above 0")
        outputs = shape[0] if shape else None
        if sparse < -1 or (outputs is not None and sparse > outputs):
            self.refuse(
                *("filler-range", f"{at}.sparse"),
                field=at,
                words=f"sparse {sparse}, not between -1 and the {outputs} outputs",
            )

    def _check_bilinear(self, shape: Shape, at: str) -> None:
        if shape is None:
            return
        if len(shape) != 4 or differ(shape[2], shape[3]):
            self.refuse("bilinear-filler-shape", f"{at}.type", field=at, shape=shown(shape))
