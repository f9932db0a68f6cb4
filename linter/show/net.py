"""The net as Caffe would build it: which phase is shown, set up and counted.

A ``View`` holds one phase of one file; ``document`` gives it to programs, and ``table.text`` to
people. Both leave it to the caller to print them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from msgspec import Struct

from ..api import Refusal, refusals
from ..core.problem import Problem
from ..core.source import Source
from ..model.build import Shapes, set_up
from ..model.checks import check_net
from ..model.cost import LayerCost, NetCost, net_cost
from ..model.net import Layer, Net
from ..model.phase import State, include_and_exclude
from ..model.shapes.setup import INT_MAX, Dim, Shape, count, shown
from ..reading import CheckError, File
from .layout import cut, few

VERSION = 1

_PHASES = ("TRAIN", "TEST")


class ShapeError(Exception):
    """A shape that was given for a blob cannot be one of this net."""


class View(Struct, frozen=True):
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
            known = few([cut(top, 30) for top in dict.fromkeys(tops)]) or "there are none"
            phase = net.state.phase
            raise ShapeError(f'"{name}" is none of the blobs from outside in {phase}: {known}')
        values = count(shape)
        sound = all(size is not None and size >= 0 for size in shape or ())
        if values is None or values > INT_MAX or not sound:
            raise ShapeError(f'"{name}" cannot be {shown(shape)}')


def _refusals(source: Source, problems: Iterable[Problem]) -> list[Refusal]:
    """Why Caffe refuses the net, in the words of the rules and the order of the text."""
    rejecting = sorted((p for p in problems if p.rejects), key=lambda p: p.span)
    return list(dict.fromkeys(refusals(source, rejecting)))


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
