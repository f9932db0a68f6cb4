"""Nets and solvers in Caffe's older forms, brought to the current one as Caffe does when it reads.

Each step follows a function of upgrade_proto.cpp, in the order of UpgradeNetAsNeeded. What is
given is never changed; what is new points at the fields that it came from. Where Caffe aborts,
a problem says so, and the upgrade goes on with what the user most likely meant. The steps for
old layers are in ``upgrade_v0`` and ``upgrade_v1``, with their problems; those for inputs,
BatchNorm and solvers are here.

Problems, with their values; those marked * make Caffe abort, the others it logs or passes over:

- ``input-dims-missing`` *: input, field (``input_dim`` or ``input_shape``), needed, given
- ``input-without-shape``: input
- ``solver-type-twice`` *: old, type
- ``old-net-form``: form (``V0`` or ``V1``), count (of the layers)
- ``old-input-form``: count (of the inputs)
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.problem import Problem
from .descriptor import FieldType
from .message import Message
from .upgrade_v0 import has_v0_layers, upgrade_v0_to_v1
from .upgrade_v1 import Upgraded, has_data_transform, upgrade_data_transform, upgrade_v1_to_v2

SOLVER_TYPES: dict[str, str] = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}
"""Old ``solver_type`` to ``type`` (upgrade_proto.cpp, UpgradeSolverType)."""

# Where the sizes of inputs are given; the first outranks the other.
_INPUT_SHAPES = ("input_shape", "input_dim")
_DIMS_PER_INPUT = 4
_OLD_BATCH_NORM_PARAMS = 3


def upgrade_net(net: Message) -> Upgraded:
    """The net in current form: the very same message where there is nothing to upgrade."""
    problems: list[Problem] = []
    for is_needed, step in _NET_STEPS:
        if is_needed(net):
            net, found = step(net)
            problems += found
    return net, sorted(problems, key=lambda problem: problem.span)


def old_forms(net: Message) -> list[Problem]:
    """That a net as written has an older form, told where that starts: of its layers, else of its
    inputs. Layers of both forms are another problem.
    """
    if net.has("layers") and not net.has("layer"):
        form = "V0" if has_v0_layers(net) else "V1"
        count = len(net.get("layers"))
        values: dict[str, object] = {"form": form, "count": count}
        return [Problem("old-net-form", net.span("layers"), values, rejects=False)]
    if not net.has("layers") and net.has("input") and any(map(net.has, _INPUT_SHAPES)):
        values = {"count": len(net.get("input"))}
        return [Problem("old-input-form", net.span("input"), values, rejects=False)]
    return []


def upgrade_solver(solver: Message) -> Upgraded:
    """Replace ``solver_type`` by ``type`` (upgrade_proto.cpp, UpgradeSolverType).

    With both given Caffe aborts; here ``type`` stays.
    """
    if "solver_type" in solver.unread:
        solver = solver.copy()
        solver.unread |= {"type"}
    if not solver.has("solver_type"):
        return solver, []
    result = solver.without("solver_type")
    old, node = solver.get("solver_type"), solver.field("solver_type")
    if not solver.has("type"):
        result.set("type", SOLVER_TYPES.get(old, ""), node)
        return result, []
    problem = Problem(
        "solver-type-twice",
        solver.span("solver_type"),
        {"old": old, "type": solver.get("type")},
        ((solver.span("type"), "also given here"),),
    )
    return result, [problem]


# Inputs and BatchNorm


def upgrade_input(net: Message) -> Upgraded:
    """Make an Input layer, in front, of ``input`` and its shapes (UpgradeNetInput).

    ``input_shape`` outranks ``input_dim``. With neither Caffe strips ``input`` and says nothing,
    so that its blob is unknown to the layers. With too few it reads beyond the end of the list;
    here such an input has a shape of the dimensions that are there.
    """
    result = net.without("input", *_INPUT_SHAPES)
    by = next(filter(net.has, _INPUT_SHAPES), None)
    if by is None:
        return result, [
            Problem("input-without-shape", net.span("input", i), {"input": name}, rejects=False)
            for i, name in enumerate(net.get("input"))
        ]
    layers = [_input_layer(net, by), *net.get("layer")]
    return result.replaced("layer", layers), _missing_dims(net, by)


def _input_layer(net: Message, by: str) -> Message:
    type_ = net.type.fields["layer"].message
    assert type_ is not None
    node = net.field("input")
    layer = Message(type_, node)
    layer.copy_field(net, "input", to="top")
    layer.set("name", "input", node)
    layer.set("type", "Input", node)
    block = layer.own_block("input_param", net.field(by))
    for index in range(len(net.get("input"))):
        shape = _input_shape(net, by, index, block.type.fields["shape"])
        block.add("shape", shape, shape.node)
    return layer


def _input_shape(net: Message, by: str, index: int, field: FieldType) -> Message:
    given = net.get(by)
    if by == "input_shape" and index < len(given):
        return given[index]  # type: ignore[no-any-return]
    assert field.message is not None
    if by == "input_shape":
        return Message(field.message, net.field("input", index))
    first = index * _DIMS_PER_INPUT
    shape = Message(field.message, net.field(by, first) or net.field("input", index))
    for at, dim in enumerate(given[first : first + _DIMS_PER_INPUT], first):
        shape.add("dim", dim, net.field(by, at))
    return shape


def _missing_dims(net: Message, by: str) -> list[Problem]:
    each = _DIMS_PER_INPUT if by == "input_dim" else 1
    given, inputs = len(net.get(by)), net.get("input")
    needed = each * len(inputs)
    if given >= needed:
        return []
    index = given // each
    values = {"input": inputs[index], "field": by, "needed": needed, "given": given}
    also = ((net.span(by, given - 1), f"the last {by}"),)
    return [Problem("input-dims-missing", net.span("input", index), values, also)]


def _is_old_batch_norm(layer: Message) -> bool:
    """Whether UpgradeNetBatchNorm changes the layer: exactly three ``param``, not yet frozen."""
    if layer.values.get("type") != "BatchNorm":
        return False
    params = layer.get("param")
    return len(params) == _OLD_BATCH_NORM_PARAMS and not all(
        param.values.get(name) == 0 for param in params for name in ("lr_mult", "decay_mult")
    )


def upgrade_batch_norm(net: Message) -> Upgraded:
    """Freeze the statistics of BatchNorm layers with exactly three ``param``.

    upgrade_proto.cpp, UpgradeNetBatchNorm: lr_mult and decay_mult become 0, whatever they were.
    """
    layers = [
        layer.replaced("param", [_frozen(param) for param in layer.get("param")])
        if _is_old_batch_norm(layer)
        else layer
        for layer in net.get("layer")
    ]
    return net.replaced("layer", layers), []


def _frozen(param: Message) -> Message:
    param = param.copy()
    for name in ("lr_mult", "decay_mult"):
        param.set(name, 0.0, param.field(name) or param.node)
    return param


# Which steps a net needs


def _has_old_batch_norm(net: Message) -> bool:
    return any(map(_is_old_batch_norm, net.get("layer")))


_NET_STEPS: tuple[tuple[Callable[[Message], bool], Callable[[Message], Upgraded]], ...] = (
    (has_v0_layers, upgrade_v0_to_v1),
    (has_data_transform, upgrade_data_transform),
    (lambda net: net.has("layers"), upgrade_v1_to_v2),
    (lambda net: net.has("input"), upgrade_input),
    (_has_old_batch_norm, upgrade_batch_norm),
)
