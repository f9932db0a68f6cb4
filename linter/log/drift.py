"""What differs between a file on disk and what a log says was trained.

The echo in the log comes after upgrade and, of a net, after the filter of its phase; the file is
brought into the same form first. So only what Caffe would do otherwise is told, and a field that
is written with its default value equals one that is absent.

Problem, with its values:

- ``log-differs``: where (``the solver, base_lr``, ``layer "conv1"``), disk, log (both as text)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from ..core.problem import Problem
from ..core.source import Span
from ..model.phase import State, effective_state, keeps
from ..schema.message import Message

_MOST = 50
"""Differences that are told of one file; two nets without likeness have more."""

# What tools/caffe.cpp and the reading of a solver change in it before it is printed.
_SOLVER_OWN = frozenset(("train_state", "test_state", "device_id", "weights", "snapshot_prefix"))
# The filter has done its work in the echo; a net's state is set by the solver.
_NET_OWN = frozenset(("state", "layer"))
_LAYER_OWN = frozenset(("include", "exclude", "phase"))
_LONGEST = 60


def solver_drift(disk: Message, log: Message) -> list[Problem]:
    """Differences of a solver; its nets are compared by themselves."""
    own = _SOLVER_OWN | {"net_param", "train_net_param", "test_net_param"}
    return list(_compare(disk, log, "the solver", own))[:_MOST]


def net_drift(disk: Message, log: Message, phase: str, state: Message | None) -> list[Problem]:
    """Differences of a net in the state the log shows it in; ``state`` is the solver's for it."""
    view = _state_of(log, phase, disk, state)
    kept = {layer.get("name"): layer for layer in disk.get("layer") if keeps(view, layer)}
    shown = {layer.get("name"): layer for layer in log.get("layer")}
    problems = list(_compare(disk, log, "the net", _NET_OWN))
    for name, layer in kept.items():
        where = f'layer "{name}"'
        other = shown.get(name)
        if other is None:
            problems.append(_problem(layer.span("name"), where, "present", "absent", name))
            continue
        problems += _compare(layer, other, where, _LAYER_OWN)
    last = disk.get("layer")[-1] if disk.get("layer") else disk
    for name in shown:
        if name not in kept:
            problems.append(
                _problem(last.span("name"), f'layer "{name}"', "absent", "present", name)
            )
    return problems[:_MOST]


def _state_of(log: Message, phase: str, disk: Message, state: Message | None) -> State:
    """The state the log's net says it has; older Caffe does not print it."""
    own = log.values.get("state")
    if own is not None:
        return effective_state(phase, own)
    return effective_state(phase, disk.values.get("state"), state)


def _first(message: Message) -> Span:
    """The first field of a file."""
    spans = [
        node.span
        for nodes in message.nodes.values()
        for node in (nodes if isinstance(nodes, list) else [nodes])
        if node is not None
    ]
    return min(spans, default=Span(0, 0))


def _problem(span: Span, where: str, disk: str, log: str, layer: str = "") -> Problem:
    values = {"where": where, "disk": disk, "log": log}
    return Problem("log-differs", span, values, layer=layer, rejects=False)


def _compare(disk: Message, log: Message, where: str, own: frozenset[str]) -> Iterator[Problem]:
    layer = disk.get("name") if "name" in disk.type.fields and where.startswith("layer") else ""
    start = disk.span("name") if layer else _first(disk)
    for path, span, ours, theirs in _differences(disk, log, "", start, own):
        yield _problem(span, f"{where}, {path}", ours, theirs, layer)


def _differences(
    disk: Message, log: Message, prefix: str, near: Span, own: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Span, str, str]]:
    """Field paths with different values, where each is written, or ``near`` where it would be,
    and both values as text.
    """
    for name in sorted({*disk.values, *log.values} - own):
        field = disk.type.fields.get(name)
        if field is None or name not in log.type.fields:
            continue  # of a fork that only one of them was read as
        ours, theirs = disk.get(name), log.get(name)
        path = prefix + name
        node = disk.field(name)
        span = node.span if node is not None else near
        if field.message is None:
            if not _equal(ours, theirs):
                yield path, span, _shown(ours), _shown(theirs)
        elif not field.repeated:
            yield from _differences(disk.sub(name), log.sub(name), f"{path}.", span)
        elif len(ours) != len(theirs):
            yield path, span, _times(len(ours)), _times(len(theirs))
        else:
            for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                number = f"[{place}]" if len(ours) > 1 else ""
                inside = one.node.span if one.node is not None else span
                yield from _differences(one, other, f"{path}{number}.", inside)


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return _single(ours) == _single(theirs)
    return bool(ours == theirs)


def _single(value: float) -> str:
    """A number as Caffe holds it, in the six digits that older protobuf prints.

    Beyond single precision it is inf, as in Caffe: the native "f" of ``struct`` casts.
    """
    return f"{struct.unpack('f', struct.pack('f', value))[0]:.6g}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(map(_shown, value)) or "nothing"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif value is None or value == "":
        text = "nothing"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _times(count: int) -> str:
    return f"{count} times" if count != 1 else "once"
