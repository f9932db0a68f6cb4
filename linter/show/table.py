"""A net for people: the table of its layers, with notes and totals below it.

``text`` fills a page of so many terminal columns from a ``net.View``, and works nothing out about
the net but what to say of it. How wide the columns get is left to ``layout``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from ..model.cost import LayerCost, LearnedBlob, Sum
from ..model.net import Layer
from ..model.shapes.setup import Dim, Shape, shown
from .layout import Column, Row, cut, few, fit, human, padded
from .net import View

_MOST_PROBLEMS = 20


class _Paint(Protocol):
    """Colours a text, or leaves it as it is."""

    def __call__(
        self, text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None
    ) -> str: ...


_COLUMNS = (
    Column("layer", False, 60, 18, 8),
    Column("type", False, 30, 12, 8),
    Column("output", False, 20, 20, 20),
    Column("params", True, 6, 6, 6),
    Column("MACs", True, 5, 5, 5),
    Column("memory", True, 6, 6, 6),
    Column("lr/decay", False, 12, 12, 12),
    Column("bp", False, 2, 2, 2),
)
_TRAINED = ("lr/decay", "bp")
"""Columns that say something only where there is something to train."""


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


class _Page(Struct, frozen=True):
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
            Row(tuple(c.title for c in columns)),
            *(
                Row(tuple(row.cells[i] for i in picked), row.dim)
                for cost in self.view.cost.layers
                for row in self._rows(cost)
            ),
        ]
        widths, gap = fit(columns, rows, self.width)
        for number, row in enumerate(rows):
            cells = (
                padded(cell, width, column.right)
                for cell, width, column in zip(row.cells, widths, columns, strict=True)
            )
            line = gap.join(cells).rstrip()
            yield (
                self.paint(line, bold=True)
                if number == 0
                else (self.paint(line, dim=True) if row.dim else line)
            )

    def _rows(self, cost: LayerCost) -> Iterator[Row]:
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
        yield Row(cells, layer.in_place)
        for blob in layer.tops[1:]:
            row = (f"  {self.safe(blob.name)}", "", _shape_cell(blobs[blob]))
            yield Row((*row, *[""] * (len(_COLUMNS) - len(row))))

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
            yield f"Shared parameters, counted once: {few(words)}."

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
            yield f"? depends on the data; tell its size with {few(options)}."

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
            one = human(cost.multiply_adds.known / cost.batch_size, digits=4)
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
        number = human(total.known, unit, 4)
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
        return cut(self.safe(name), 30)

    def _names(self, names: Sequence[str]) -> str:
        return few([self._short(name) for name in dict.fromkeys(names)])


def _layers(number: int) -> str:
    return "1 layer" if number == 1 else f"{number} layers"


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
    return human(number, unit) if number else ""


def _rates(params: Sequence[LearnedBlob]) -> str:
    """``lr_mult/decay_mult`` of each learned blob; once if they are the same for all."""
    rates = [
        f"{use.lr_mult:.4g}/{use.decay_mult:.4g}" if use.lr_mult != 0 else "0" for use in params
    ]
    return " ".join(rates[:1] if len(set(rates)) == 1 else rates)
