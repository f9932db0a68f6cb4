"""A net set up layer by layer, as ``Net::Init`` does: every blob's and every parameter's shape.

A layer that Caffe would refuse gives a problem, and unknown shapes to what comes after it, so that
one mistake does not drown the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from ..core.problem import Problem
from .net import Blob, Layer, Net, Param
from .shapes.setup import Built, Refused, Setup, Shape, count, differ, shapes_differ, shown


def set_up(
    net: Net, given: Mapping[str, Shape] | None = None, faulty: Collection[str] = ()
) -> tuple[Shapes, list[Problem]]:
    """Shapes of a connected net, and why Caffe refuses layers of it.

    ``given`` are the shapes of tops that only the data decides, by name. Of the layers named in
    ``faulty`` nothing is taken to be known.
    """
    shapes = Shapes({}, {})
    problems: list[Problem] = []
    for layer in net.layers:
        built = _unknown(layer)
        if layer.name not in faulty:
            built = _build(layer, shapes, problems)
        tops = [built.tops[i] if i < len(built.tops) else None for i in range(len(layer.tops))]
        for blob, shape in zip(layer.tops, tops, strict=True):
            if given and not layer.bottom_names and blob.name in given:
                shape = _completed(shape, given[blob.name])
            shapes.blobs[blob] = shape
        shapes.params[layer] = built.params
    problems += _check_sharing(net, shapes)
    return shapes, problems


def _completed(shape: Shape, given: Shape) -> Shape:
    """What the file leaves open (no crop_size, say), taken from the given shape."""
    if given is None:
        return shape
    if shape is None or len(shape) != len(given):
        return given
    return tuple(b if a is None else a for a, b in zip(shape, given, strict=True))


class Shapes(Struct, frozen=True):
    """Shapes of all blobs, and of every layer's learned blobs."""

    blobs: dict[Blob, Shape]
    params: dict[Layer, list[Shape]]


def _unknown(layer: Layer) -> Built:
    return Built([], [None] * len(layer.params))


def _build(layer: Layer, shapes: Shapes, problems: list[Problem]) -> Built:
    kind = layer.kind
    if kind is None or None in layer.bottoms or not counts_fit(layer):
        return _unknown(layer)
    setup = Setup(
        layer.message,
        kind.param,
        [shapes.blobs[blob] for blob in layer.bottoms if blob is not None],
        max(len(layer.tops), kind.loss),
        _in_place_tops(layer),
    )
    try:
        built = kind.shape(setup)
        for i, shape in enumerate(built.tops):
            if layer.message.has("loss_weight") and layer.loss_weight(i):
                setup.memory(count(shape), "a top with a loss_weight", "loss_weight")
    except Refused as refused:
        problems.append(refused.problem)
        return _unknown(layer)
    return built


def _in_place_tops(layer: Layer) -> frozenset[int]:
    if not layer.in_place:
        return frozenset()
    pairs = zip(layer.top_names, layer.bottom_names, strict=False)
    return frozenset(i for i, (top, bottom) in enumerate(pairs) if top == bottom)


def counts_fit(layer: Layer) -> bool:
    """Whether the layer has as many bottoms and tops as its type takes."""
    assert layer.kind is not None
    bottoms, tops = len(layer.bottom_names), len(layer.top_names)
    for number, (least, most) in ((bottoms, layer.kind.bottoms), (tops, layer.kind.tops)):
        if number < least or (most is not None and number > most):
            return False
    return not layer.kind.equal_counts or bottoms == tops


# Shared parameters (net.cpp, AppendParam)


class _Owner(Struct):
    """The layer that made a named parameter, and the multipliers that were set for it so far."""

    param: Param
    shape: Shape
    multipliers: dict[str, float]


def _check_sharing(net: Net, shapes: Shapes) -> list[Problem]:
    owners: dict[str, _Owner] = {}
    problems = []
    for layer in net.layers:
        for param, shape in zip(layer.params, shapes.params[layer], strict=False):
            name: str = param.spec.get("name") if param.spec is not None else ""
            if not name or param.spec is None:
                continue
            owner = owners.get(name)
            if owner is None:
                owners[name] = _Owner(param, shape, _multipliers(param))
                continue
            problem = _shape_clash(name, owner, param, shape) or _multiplier_clash(
                name, owner, param
            )
            if problem is not None:
                problems.append(problem)
    return problems


def _multipliers(param: Param) -> dict[str, float]:
    assert param.spec is not None
    names = ("lr_mult", "decay_mult")
    return {name: param.spec.get(name) for name in names if param.spec.has(name)}


def _shape_clash(name: str, owner: _Owner, param: Param, shape: Shape) -> Problem | None:
    assert param.spec is not None
    permissive = param.spec.get("share_mode") == "PERMISSIVE"
    clash = (
        differ(count(owner.shape), count(shape))
        if permissive
        else shapes_differ(owner.shape, shape)
    )
    if not clash:
        return None
    values = {"wanted": shown(owner.shape), "shape": shown(shape)}
    return _sharing_problem("shared-param-shape", name, owner, param, "name", values)


def _multiplier_clash(name: str, owner: _Owner, param: Param) -> Problem | None:
    for field, value in _multipliers(param).items():
        wanted = owner.multipliers.setdefault(field, value)
        if value != wanted:
            values = {"field": field, "wanted": f"{wanted:g}", "found": f"{value:g}"}
            return _sharing_problem("shared-param-multiplier", name, owner, param, field, values)
    return None


def _sharing_problem(
    kind: str, name: str, owner: _Owner, param: Param, field: str, values: dict[str, str]
) -> Problem:
    assert param.spec is not None
    assert owner.param.spec is not None
    layer, first = param.layer, owner.param.layer
    also = ((owner.param.spec.span("name"), f'owned by "{first.name}"'),)
    shared = {"param": name, "layer": layer.name, "owner": first.name, **values}
    return Problem(kind, param.spec.span(field), shared, also, layer.name)
