"""The net as Caffe would build it: which phase is shown, the table of its layers, the totals.

A ``View`` holds one phase of one file, set up and counted; ``document`` gives it to programs and
``text`` to people. Both leave it to the caller to print them.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple, Protocol

from ..api import Refusal
from ..check import CheckError, File
from ..core.problem import Problem
from ..core.source import Source
from ..model.build import Shapes, set_up
from ..model.checks import check_net
from ..model.cost import LayerCost, LearnedBlob, NetCost, Sum, net_cost
from ..model.net import Layer, Net
from ..model.phase import State, include_and_exclude
from ..model.shapes.setup import INT_MAX, Dim, Shape, count, shown

VERSION = 1

_PHASES = ("TRAIN", "TEST")
_MOST_PROBLEMS = 20
_MOST_NAMES = 6
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


class ShapeError(Exception):
    """A shape that was given for a blob cannot be one of this net."""


@dataclass(frozen=True, slots=True)
class View:
    """One phase of a net, set up and counted.

    ``other`` is the other phase, None where the net has no layers in it, and ``only_here`` has the
    layers that it leaves out. ``given`` are the shapes that the user told.
    """

    name: str
    net: Net
    other: Net | None
    only_here: frozenset[Layer]
    shapes: Shapes
    given: Mapping[str, Shape]
    problems: list[Refusal]
    cost: NetCost

    @property
    def rejected(self) -> bool:
        """Whether Caffe would refuse the net."""
        return bool(self.problems)


def view(
    file: File,
    phase: str | None = None,
    level: int | None = None,
    stages: Iterable[str] = (),
    shapes: Mapping[str, Shape] | None = None,
) -> View:
    """Set up a net in one state; ``phase`` None takes the one that is most worth a look.

    Raises:
        CheckError: if the file is not a net.
        ShapeError: if ``shapes`` names a blob that does not come from outside.
    """
    if file.message is None:
        raise CheckError(f"{file.path}: neither a net nor a solver")
    if file.kind != "net":
        raise CheckError(f"{file.path}: this is a solver; show takes the net in its net: field")
    message = file.message
    own = message.sub("state")
    chosen = frozenset((*own.get("stage"), *stages))
    at = own.get("level") if level is None else level
    nets = {each: Net(message, State(each, at, chosen)) for each in _PHASES}
    if phase is None:
        phase = own.get("phase") if own.has("phase") else _likely_phase(nets)
    net = nets.pop(phase)
    (other,) = nets.values()
    given = dict(shapes or {})
    _check_given(net, given)
    known, shape_problems = set_up(net, given)
    problems = [
        *(*file.problems, *include_and_exclude(message.get("layer")), *net.problems),
        *(*check_net(net), *shape_problems),
    ]
    dropped = {id(layer) for layer in other.dropped}
    return View(
        name=file.source.name,
        net=net,
        other=other if other.layers else None,
        only_here=frozenset(layer for layer in net.layers if id(layer.message) in dropped),
        shapes=known,
        given=given,
        problems=_refusals(file.source, problems),
        cost=net_cost(net, known),
    )


def _likely_phase(nets: Mapping[str, Net]) -> str:
    """TRAIN if it has a loss, else TEST; but a phase with data before one that has none."""
    train, test = nets["TRAIN"], nets["TEST"]
    has_loss = any(layer.is_loss for layer in train.layers)
    if test.sources:
        return "TRAIN" if train.sources and has_loss else "TEST"
    return "TRAIN" if train.sources or has_loss else "TEST"


def _check_given(net: Net, given: Mapping[str, Shape]) -> None:
    tops = [top for layer in net.layers if not layer.bottom_names for top in layer.top_names]
    for name, shape in given.items():
        if name not in tops:
            known = _few([_cut(top, 30) for top in dict.fromkeys(tops)]) or "there are none"
            phase = net.state.phase
            raise ShapeError(f'"{name}" is none of the blobs from outside in {phase}: {known}')
        values = count(shape)
        sound = all(size is not None and size >= 0 for size in shape or ())
        if values is None or values > INT_MAX or not sound:
            raise ShapeError(f'"{name}" cannot be {shown(shape)}')


def _refusals(source: Source, problems: Iterable[Problem]) -> list[Refusal]:
    """Why Caffe refuses the net, in the words of the rules and the order of the text."""
    rejecting = sorted((p for p in problems if p.rejects), key=lambda p: p.span)
    if not rejecting:
        return []
    from ..engine.run import Run
    from ..resources import load_rules

    run = Run(load_rules())
    refusals = []
    for problem in rejecting:
        words = next(iter(run.on_problems(source, [problem])), None)
        message = words.message if words is not None else problem.kind
        line, column = source.locate(problem.span.start)
        refusals.append(Refusal(problem.kind, message, problem.layer, line, column))
    return list(dict.fromkeys(refusals))


# For programs


def document(view: View) -> dict[str, Any]:
    """The view as a JSON document; what is unknown is None."""
    cost = view.cost
    sums = {
        "parameters": cost.parameters,
        "learned_parameters": cost.learned,
        "multiply_adds": cost.multiply_adds,
        "blob_memory": cost.blob_memory,
        "parameter_memory": cost.parameter_memory,
        "caffe_data_memory": cost.caffe_memory,
    }
    return {
        "version": VERSION,
        "file": view.name,
        "phase": view.net.state.phase,
        "verdict": "reject" if view.rejected else "accept",
        "problems": [
            {"line": p.line, "column": p.column, "message": p.message, "layer": p.layer}
            for p in view.problems
        ],
        "layers": [_layer_document(view, each) for each in cost.layers],
        "totals": {
            "batch_size": cost.batch_size,
            **{name: total.value for name, total in sums.items()},
            "at_least": {name: total.known for name, total in sums.items()},
            "split_layers": cost.splits,
        },
    }


def _layer_document(view: View, cost: LayerCost) -> dict[str, Any]:
    layer = cost.layer
    return {
        "name": layer.name,
        "type": layer.type,
        "bottoms": layer.bottom_names,
        "tops": layer.top_names,
        "shapes": [_sizes(view.shapes.blobs[blob]) for blob in layer.tops],
        "params": [
            {
                "role": use.param.role,
                "shape": _sizes(use.shape),
                "count": count(use.shape),
                "lr_mult": _number(use.lr_mult),
                "decay_mult": _number(use.decay_mult),
                "shared_with": use.owner.param.layer.name if use.owner is not None else None,
            }
            for use in cost.params
        ],
        "multiply_adds": cost.multiply_adds,
        "memory": cost.memory,
        "in_place": layer.in_place,
        "needs_backward": layer.needs_backward,
        "only_in_phase": view.net.state.phase if layer in view.only_here else None,
    }


def _sizes(shape: Shape) -> list[Dim] | None:
    return None if shape is None else list(shape)


def _number(value: float) -> float | None:
    """A multiplier as it was written: the file's 0.1, not the nearest single-precision number."""
    return float(f"{value:.7g}") if isfinite(value) else None


# For people


class _Paint(Protocol):
    """Colours a text, or leaves it as it is."""

    def __call__(
        self, text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None
    ) -> str: ...


class _Row(NamedTuple):
    """Cells of one line of the table; a dim line does not change any blob's shape."""

    cells: tuple[str, ...]
    dim: bool = False


class _Column(NamedTuple):
    """``most`` columns of the terminal at most; down to ``enough`` where space is short, and down
    to ``least`` where that does not help.
    """

    title: str
    right: bool
    most: int
    enough: int
    least: int


_COLUMNS = (
    _Column("layer", False, 60, 18, 8),
    _Column("type", False, 30, 12, 8),
    _Column("output", False, 20, 20, 20),
    _Column("params", True, 6, 6, 6),
    _Column("MACs", True, 5, 5, 5),
    _Column("memory", True, 6, 6, 6),
    _Column("lr/decay", False, 12, 12, 12),
    _Column("bp", False, 2, 2, 2),
)
_TRAINED = ("lr/decay", "bp")
"""Columns that say something only where there is something to train."""

_GAP = "  "
_NARROW_GAP = " "


def text(
    view: View,
    *,
    width: int = 80,
    safe: Callable[[str], str] = str,
    paint: _Paint | None = None,
) -> str:
    """The view as a table with what is worth knowing below it.

    ``safe`` makes text from the file fit for printing.
    """
    return "\n".join(_Page(view, width, safe, paint or _plain).lines()) + "\n"


def _plain(text: str, **_style: object) -> str:
    return text


@dataclass(frozen=True, slots=True)
class _Page:
    view: View
    width: int
    safe: Callable[[str], str]
    paint: _Paint

    def lines(self) -> Iterator[str]:
        yield from self._problems()
        yield from self._title()
        yield ""
        yield from self._table()
        yield ""
        for note in self._notes():
            yield from textwrap.wrap(note, self.width, subsequent_indent="  ")
        yield ""
        yield from self._totals()

    # What stands above the table

    def _problems(self) -> Iterator[str]:
        problems, name = self.view.problems, self.safe(self.view.name)
        if not problems:
            return
        found = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        yield self.paint(f"Caffe refuses this net: {found}", fg="red", bold=True)
        for one in problems[:_MOST_PROBLEMS]:
            yield f"{name}:{one.line}:{one.column}: {self.safe(one.message)}"
        if len(problems) > _MOST_PROBLEMS:
            yield f"… and {len(problems) - _MOST_PROBLEMS} more (caffelint check shows all)"
        yield ""

    def _title(self) -> Iterator[str]:
        net, other = self.view.net, self.view.other
        yield self.paint(self.safe(self.view.name), bold=True)
        name = f'net "{self._short(net.name)}"' if net.name else "net without a name"
        stages = "".join(f", stage {self._short(stage)}" for stage in sorted(net.state.stages))
        level = f", level {net.state.level}" if net.state.level else ""
        yield f"{name}, phase {net.state.phase}{stages}{level}, {_layers(len(net.layers))}"
        if other is None:
            return
        same = not net.dropped and not other.dropped
        what = "the same layers" if same else _layers(len(other.layers))
        data = ", but no data" if net.sources and not other.sources else ""
        yield f"(--phase {other.state.phase} shows the other phase: {what}{data})"

    # The table

    def _table(self) -> Iterator[str]:
        trained = any(layer.needs_backward for layer in self.view.net.layers)
        picked = [i for i, c in enumerate(_COLUMNS) if trained or c.title not in _TRAINED]
        columns = [_COLUMNS[i] for i in picked]
        rows = [
            _Row(tuple(c.title for c in columns)),
            *(
                _Row(tuple(row.cells[i] for i in picked), row.dim)
                for cost in self.view.cost.layers
                for row in self._rows(cost)
            ),
        ]
        widths, gap = _fit(columns, rows, self.width)
        for number, row in enumerate(rows):
            cells = (
                _padded(cell, width, column.right)
                for cell, width, column in zip(row.cells, widths, columns, strict=True)
            )
            line = gap.join(cells).rstrip()
            yield (
                self.paint(line, bold=True)
                if number == 0
                else (self.paint(line, dim=True) if row.dim else line)
            )

    def _rows(self, cost: LayerCost) -> Iterator[_Row]:
        """One line for a layer, and one more for each top but the first."""
        layer, blobs = cost.layer, self.view.shapes.blobs
        cells = (
            *(self.safe(layer.name), self.safe(layer.type)),
            self._output(layer),
            _params_cell(cost),
            _cell(cost.multiply_adds),
            _cell(cost.memory, "B"),
            _rates(cost.params),
            "x" if layer.needs_backward else "",
        )
        yield _Row(cells, layer.in_place)
        for blob in layer.tops[1:]:
            row = (f"  {self.safe(blob.name)}", "", _shape_cell(blobs[blob]))
            yield _Row((*row, *[""] * (len(_COLUMNS) - len(row))))

    def _output(self, layer: Layer) -> str:
        if layer.in_place:
            return "in place"
        if not layer.tops:
            return "scalar" if layer.kind is not None and layer.kind.loss else "-"
        return _shape_cell(self.view.shapes.blobs[layer.tops[0]])

    # What stands below it

    def _notes(self) -> Iterator[str]:
        net = self.view.net
        yield "MACs: multiply-adds of one forward pass of the whole batch."
        if any(layer.needs_backward for layer in net.layers):
            yield "bp: Caffe back-propagates through the layer. lr 0: frozen."
        here = [layer.name for layer in net.layers if layer in self.view.only_here]
        if here:
            yield f"Only in {net.state.phase}: {self._names(here)}."
        frozen = [layer.name for layer in net.layers if layer.weighs and not layer.learns]
        if frozen:
            yield f"Frozen, every lr_mult is 0: {self._names(frozen)}."
        yield from self._unreached()
        yield from self._shared()
        split = [blob.name for blob in net.blobs if net.uses(blob) > 1]
        if split:
            which = "1 Split layer" if len(split) == 1 else f"{len(split)} Split layers"
            yield f"Left out: {which} that Caffe inserts, for {self._names(split)}."
        yield from self._stages()
        yield from self._unknown()

    def _unreached(self) -> Iterator[str]:
        """Layers that could learn if the loss depended on them; weight decay still acts on them."""
        net = self.view.net
        lost = [
            cost.layer.name
            for cost in self.view.cost.layers
            if cost.layer.learns and not any(use.reached for use in cost.params)
        ]
        if not lost:
            return
        if any(layer.is_loss for layer in net.layers):
            yield f"No loss depends on these, so they do not learn: {self._names(lost)}."
        else:
            yield "There is no loss, so nothing learns."

    def _shared(self) -> Iterator[str]:
        pairs = dict.fromkeys(
            (cost.layer.name, use.owner.param.layer.name)
            for cost in self.view.cost.layers
            for use in cost.params
            if use.owner is not None
        )
        if pairs:
            words = [f"{self._short(a)} with {self._short(b)}" for a, b in pairs]
            yield f"Shared parameters, counted once: {_few(words)}."

    def _stages(self) -> Iterator[str]:
        """Stages that the file filters by and that are not set."""
        net = self.view.net
        messages = [layer.message for layer in net.layers] + net.dropped
        named = {
            stage
            for message in messages
            for rules in ("include", "exclude")
            for rule in message.get(rules)
            for field in ("stage", "not_stage")
            for stage in rule.get(field)
        }
        if unset := sorted(named - net.state.stages):
            yield f"Stages not set (--stage sets one): {self._names(unset)}."

    def _unknown(self) -> Iterator[str]:
        """The option that would fill the gaps, and where what was given did not count."""
        options = []
        for layer in self.view.net.layers:
            for blob in layer.tops if not layer.bottom_names else ():
                shape = self.view.shapes.blobs[blob]
                given = self.view.given.get(blob.name)
                if shape is None or None in shape:
                    options.append(f"--shape {self.safe(blob.name)}={_pattern(shape)}")
                elif given is not None and given != shape:
                    name = self._short(blob.name)
                    yield f'The file itself says that "{name}" is {shown(shape)}.'
        if options:
            yield f"? depends on the data; tell its size with {_few(options)}."

    # Totals

    def _totals(self) -> Iterator[str]:
        cost = self.view.cost
        if cost.batch_size is not None:
            yield f"batch size     {cost.batch_size}"
        yield f"parameters     {self._total(cost.parameters)}"
        if cost.learned.known:
            same = cost.learned == cost.parameters
            yield f"  learned      {'all of them' if same else self._total(cost.learned)}"
        each = ""
        if cost.multiply_adds.whole and cost.batch_size is not None and cost.batch_size > 1:
            one = _human(cost.multiply_adds.known / cost.batch_size, digits=4)
            each = f", {one} for each of the batch"
        yield f"multiply-adds  {self._total(cost.multiply_adds)}{each}"
        memory = Sum(
            cost.blob_memory.known + cost.parameter_memory.known,
            cost.blob_memory.whole and cost.parameter_memory.whole,
        )
        yield f"memory         {self._total(memory, 'B')}"
        twice = ", data and diff" if cost.trains else ""
        yield f"  blobs        {self._total(cost.blob_memory, 'B', short=True)}{twice}"
        yield f"  parameters   {self._total(cost.parameter_memory, 'B', short=True)}{twice}"
        caffe = cost.caffe_memory
        words = f"{caffe.known}" if caffe.whole else f"at least {caffe.known}"
        yield f'Caffe logs     "Memory required for data: {words}"'

    def _total(self, total: Sum, unit: str = "", *, short: bool = False) -> str:
        if not total.known and not total.whole:
            return "?"
        number = _human(total.known, unit, 4)
        if not short and total.known >= 1000 and not unit:
            number += f" ({total.known})"
        if total.whole:
            return number
        return f"at least {number}" + ("" if short else f" (+ {self._missing()})")

    def _missing(self) -> str:
        """What an incomplete total lacks."""
        sources = [layer for layer in self.view.net.layers if not layer.bottom_names]
        shapes = [self.view.shapes.blobs[blob] for layer in sources for blob in layer.tops]
        if any(shape is None or None in shape for shape in shapes):
            return "what depends on the data"
        return "what is unknown"

    # Names

    def _short(self, name: str) -> str:
        return _cut(self.safe(name), 30)

    def _names(self, names: Sequence[str]) -> str:
        return _few([self._short(name) for name in dict.fromkeys(names)])


def _layers(number: int) -> str:
    return "1 layer" if number == 1 else f"{number} layers"


def _few(words: Sequence[str]) -> str:
    """A list in words: of a long one the ends, and how many there are."""
    if len(words) <= _MOST_NAMES:
        return ", ".join(words)
    return f"{', '.join(words[:3])}, … {words[-1]} ({len(words)})"


def _pattern(shape: Shape) -> str:
    """What to write for a shape: known sizes as they are, letters for the others."""
    letters = "NCHW"
    if shape is None:
        return "N,C,H,W"
    return ",".join(
        str(size) if size is not None else letters[i] if len(shape) == 4 else f"D{i}"
        for i, size in enumerate(shape)
    )


# Cells


def _shape_cell(shape: Shape) -> str:
    return "?" if shape is None else shown(shape)


def _params_cell(cost: LayerCost) -> str:
    if cost.params and all(use.owner is not None for use in cost.params):
        return "shared"
    return _cell(cost.parameters)


def _cell(number: Dim, unit: str = "") -> str:
    """A number for the table: nothing for 0, so that what costs stands out."""
    if number is None:
        return "?"
    return _human(number, unit) if number else ""


def _human(number: float, unit: str = "", digits: int = 2) -> str:
    """``1.2 M``: so many digits, more only where they stand before the point."""
    prefix = 0
    while prefix < len(_PREFIXES) - 1 and float(f"{number:.{max(digits, 3)}g}") >= 1000:
        number /= 1000
        prefix += 1
    whole = len(str(int(float(f"{number:.{digits}g}"))))
    decimals = 0 if number == int(number) and not prefix else max(0, digits - whole)
    return f"{number:.{decimals}f} {_PREFIXES[prefix]}{unit}".rstrip()


def _rates(params: Sequence[LearnedBlob]) -> str:
    """``lr_mult/decay_mult`` of each learned blob; once if they are the same for all."""
    rates = [
        f"{use.lr_mult:.4g}/{use.decay_mult:.4g}" if use.lr_mult != 0 else "0" for use in params
    ]
    return " ".join(rates[:1] if len(set(rates)) == 1 else rates)


# Layout


def _fit(columns: Sequence[_Column], rows: Sequence[_Row], limit: int) -> tuple[list[int], str]:
    """Widths of the columns, and what stands between them, so that a line has ``limit`` at most."""
    widths = [
        min(column.most, max(map(_width, cells)))
        for column, cells in zip(
            columns, zip(*(row.cells for row in rows), strict=True), strict=True
        )
    ]
    for gap in (_GAP, _NARROW_GAP):
        excess = sum(widths) + len(gap) * (len(widths) - 1) - limit
        if excess <= 0:
            return widths, gap
    # The type first: it is told by less. Names are cut alike, so that they can be told apart.
    for floor in ("enough", "least"):
        for i in (1, 0):
            spare = max(0, widths[i] - getattr(columns[i], floor))
            widths[i] -= min(excess, spare)
            excess -= min(excess, spare)
    return widths, gap


def _padded(cell: str, width: int, right: bool) -> str:
    cell = _cut(cell, width)
    space = " " * (width - _width(cell))
    return space + cell if right else cell + space


def _cut(text: str, width: int) -> str:
    """``text`` with a … in its middle where it is wider than ``width``."""
    if _width(text) <= width:
        return text
    head, tail = text[: (width - 1) // 2], text[len(text) - width // 2 :]
    while head and _width(head) > (width - 1) // 2:
        head = head[:-1]
    while tail and _width(tail) > width // 2:
        tail = tail[1:]
    return f"{head}…{tail}"


def _width(text: str) -> int:
    """How many terminal columns printable ``text`` takes."""
    if text.isascii():
        return len(text)
    marks = sum(unicodedata.category(char) in ("Mn", "Me") for char in text)
    wide = sum(unicodedata.east_asian_width(char) in ("W", "F") for char in text)
    return len(text) - marks + wide
