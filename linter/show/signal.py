"""How a net starts, for people and programs: the size of every layer's values on a log axis, the
first loss, and with a solver the first update of every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite, log10
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..model.build import set_up
from ..model.files import resolve
from ..model.net import Layer, Net
from ..model.phase import State, effective_state
from ..model.shapes.setup import Shape
from ..model.solver import net_uses
from ..moments.outlook import Outlook, outlook
from ..moments.updates import Update
from ..reading import CheckError, File, read_file
from ..schema.message import Message
from .layout import Column, Row, cut, fit, padded

VERSION = 1

_BAR = 16
_TINY, _HUGE = 1e-6, 1e6
"""The ends of the axis: what is beyond them is as bad."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_QUIET = frozenset(("Split", "Silence", "Accuracy"))
_ALIKE = 0.999


class Shown(Struct, frozen=True):
    """A net with how it starts."""

    name: str
    ahead: Outlook


def view(
    file: File,
    phase: str | None = None,
    level: int | None = None,
    stages: tuple[str, ...] = (),
    shapes: Mapping[str, Shape] | None = None,
) -> Shown:
    """How the net of a file starts, or a solver's training net.

    Raises:
        CheckError: if there is no net, or none that can be set up.
    """
    solver: Message | None = None
    if file.kind == "solver" and file.message is not None:
        solver = file.message
        message, state = _trained(file, solver)
    elif file.message is not None:
        message = file.message
        own = message.sub("state")
        at = own.get("level") if level is None else level
        chosen = frozenset((*own.get("stage"), *stages))
        fixed = own.get("phase") if own.has("phase") else "TRAIN"
        state = State(phase or fixed, at, chosen)
    else:
        raise CheckError(f"{file.path}: neither a net nor a solver")
    net = Net(message, state)
    known, problems = set_up(net, shapes)
    if any(problem.rejects for problem in (*net.problems, *problems)):
        raise CheckError(f"{file.path}: Caffe would refuse this net; caffelint check says why")
    ahead = outlook(net, known, solver)
    if ahead is None:
        raise CheckError(f"{file.path}: no usual size of images fits the net; say it with --shape")
    return Shown(file.source.name, ahead)


def _trained(file: File, solver: Message) -> tuple[Message, State]:
    use = next((use for use in net_uses(solver) if use.phase == "TRAIN"), None)
    if use is None:
        raise CheckError(f"{file.path}: the solver names no training net")
    net = use.inline
    if net is None:
        found = resolve(use.path, file.path, None)[0]
        if found is None:
            raise CheckError(f"{file.path}: its net {use.path} was not found")
        read = read_file(Path(found))
        if read.kind != "net" or read.message is None:
            raise CheckError(f"{found}: not a net")
        net = read.message
    return net, effective_state(use.phase, net.values.get("state"), use.state)


# For programs


def document(shown: Shown) -> dict[str, Any]:
    """The view as a JSON document; what is unknown, or no finite number, is None."""
    ahead = shown.ahead
    forth = ahead.forth
    around = forth.loss_range
    step = ahead.step
    return {
        "version": VERSION,
        "file": shown.name,
        "phase": ahead.net.state.phase,
        "layers": [_layer_document(layer, ahead) for layer in ahead.net.layers],
        "first_loss": _number(forth.first_loss),
        "loss_range": None if around is None else [_number(one) for one in around],
        "chance_loss": _number(ahead.chance),
        "overflows": [blob.name for blob in forth.blown],
        "assumed": ahead.assumed,
        "blocked": [
            {"layer": layer.name, "type": layer.type, "reason": why}
            for layer, why in forth.blocked.items()
        ],
        "gradient_norm": None if step is None or not step.whole else _number(step.norm),
        "step_over_loss": _number(_fall(ahead)),
    }


def _layer_document(layer: Layer, ahead: Outlook) -> dict[str, Any]:
    forth = ahead.forth
    tops = []
    for blob in layer.tops:
        signal = forth.signals.get(blob)
        tops.append(
            {
                "blob": blob.name,
                "mean": None if signal is None else _number(signal.mean),
                "rms": None if signal is None else _number(signal.rms),
                "alike": None if signal is None else _number(signal.alike),
                "gradient": None if ahead.step is None else _number(ahead.step.backward.rms(blob)),
            }
        )
    return {
        "name": layer.name,
        "type": layer.type,
        "tops": tops,
        "growth": _number(_growth(layer, ahead)),
        "updates": [
            {
                "index": one.index,
                "role": layer.params[one.index].role,
                "weights": _number(one.weights),
                "gradient": _number(one.gradient),
                "update": _number(one.update),
                "steady": _number(one.steady),
                "ratio": _number(one.ratio),
            }
            for one in ahead.updates.get(layer, [])
        ],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(f"{value:.6g}")


def _fall(ahead: Outlook) -> float | None:
    loss = ahead.forth.first_loss
    if ahead.step is None or not ahead.step.whole or not loss or not isfinite(loss):
        return None
    return ahead.step.falls / loss


def _growth(layer: Layer, ahead: Outlook) -> float | None:
    """Values of the first top over those of the first bottom."""
    signals = ahead.forth.signals
    top = signals.get(layer.tops[0]) if layer.tops else None
    bottom = signals.get(layer.bottoms[0]) if layer.bottoms and layer.bottoms[0] else None
    return top.rms / bottom.rms if top is not None and bottom is not None and bottom.rms else None


# For people


def text(
    shown: Shown, *, width: int = 80, safe: Callable[[str], str] = str, plain: bool = False
) -> str:
    """The view as a table with what to expect below it; ``plain`` draws bars in ASCII."""
    return "".join(f"{line}\n" for line in _lines(shown, width, safe, plain))


def _lines(shown: Shown, width: int, safe: Callable[[str], str], plain: bool) -> Iterator[str]:
    ahead = shown.ahead
    yield safe(f"{shown.name}, {ahead.net.state.phase}: values at iteration 0, from its fillers")
    yield ""
    yield from _table(ahead, width, safe, plain)
    yield ""
    yield from _notes(ahead, safe)


def _table(ahead: Outlook, width: int, safe: Callable[[str], str], plain: bool) -> Iterator[str]:
    columns = [
        Column("layer", False, 40, 14, 8),
        Column("type", False, 22, 10, 6),
        Column("mean", True, 8, 8, 8),
        Column("rms", True, 8, 8, 8),
        Column("growth", True, 7, 7, 7),
        Column(_axis(), False, _BAR, _BAR, _BAR),
    ]
    if ahead.step is not None:
        columns += [Column("gradient", True, 8, 8, 8), Column("update", True, 8, 8, 8)]
    rows = [Row(tuple(column.title for column in columns))]
    rows += [
        _row(layer, ahead, safe, plain) for layer in ahead.net.layers if layer.type not in _QUIET
    ]
    widths, gap = fit(columns, rows, width)
    for row in rows:
        cells = (
            padded(cell, wide, column.right)
            for cell, wide, column in zip(row.cells, widths, columns, strict=True)
        )
        yield gap.join(cells).rstrip()


def _row(layer: Layer, ahead: Outlook, safe: Callable[[str], str], plain: bool) -> Row:
    blob = layer.tops[0] if layer.tops else None
    signal = ahead.forth.signals.get(blob) if blob is not None else None
    blown = blob is not None and blob in ahead.forth.blown
    loss = next((t.loss.value for t in ahead.forth.losses if t.layer is layer), None)
    mean = rms = bar = ""
    if blown:
        mean, rms, bar = "nan", "inf", _bar(float("inf"), plain)
    elif loss is not None:
        mean = short(loss)
    elif signal is not None:
        mean, rms, bar = short(signal.mean), short(signal.rms), _bar(signal.rms, plain)
    elif layer in ahead.forth.blocked:
        bar = "not known"
    growth = _growth(layer, ahead)
    cells = [safe(layer.name), safe(layer.type), mean, rms]
    cells += [
        "" if growth is None else short(growth),
        bar,
    ]
    if ahead.step is not None:
        gradient = ahead.step.backward.rms(blob) if blob is not None and loss is None else None
        cells += ["" if gradient is None else short(gradient), _update(ahead.updates.get(layer))]
    return Row(tuple(cells))


def _update(updates: list[Update] | None) -> str:
    """The update of the weights in parts of them."""
    first = next((one for one in updates or () if one.index == 0), None)
    return "" if first is None or first.ratio is None else short(first.ratio)


def short(value: float) -> str:
    """Two digits that count, in seven letters at most."""
    if not isfinite(value):
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    return f"{value:.2g}" if 1e-3 <= abs(value) < 99.5 else (
        f"{value:.0f}" if 99.5 <= abs(value) < 99999.5 else f"{value:.1e}")  # fmt: skip


def _axis() -> str:
    """The ends of the axis and its middle, 1."""
    half = _BAR // 2
    return f"{'1e-6':<{half}}{'1':<{half - 3}}1e6"


def _bar(rms: float, plain: bool) -> str:
    """A bar from the left end of the axis to the value."""
    if not rms > 0:
        return ""
    place = log10(min(max(rms, _TINY), _HUGE) / _TINY) / log10(_HUGE / _TINY)
    if plain:
        return "#" * max(1, round(place * _BAR))
    eighths = max(1, round(place * _BAR * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _notes(ahead: Outlook, safe: Callable[[str], str]) -> Iterator[str]:
    forth = ahead.forth
    yield from _loss(ahead)
    for layer, why in list(forth.blocked.items())[:3]:
        yield safe(f'not known from "{cut(layer.name, 40)}" on: {why}')
    if forth.blown:
        first = next(one for one in ahead.net.layers if any(b in forth.blown for b in one.tops))
        yield safe(f'beyond single precision from "{cut(first.name, 40)}" on')
    for layer in ahead.net.layers:
        if layer.type == "BatchNorm" and (_growth(layer, ahead) or 0) > 10:
            yield safe(
                f'"{cut(layer.name, 40)}" has no statistics yet: it multiplies by '
                f"{short(_growth(layer, ahead) or 0)}"
            )
            break
    term = ahead.main_loss
    blob = term.layer.bottoms[0] if term is not None and term.layer.bottoms else None
    signal = forth.signals.get(blob) if blob is not None else None
    if blob is not None and signal is not None and signal.alike > _ALIKE:
        yield safe(f'all samples have nearly the same scores "{cut(blob.name, 40)}"')
    if ahead.step is not None:
        yield from _step(ahead)
    if ahead.assumed:
        yield "sizes or values of the inputs are not known and were assumed; --shape gives sizes"


def _loss(ahead: Outlook) -> Iterator[str]:
    forth = ahead.forth
    loss, around = forth.first_loss, forth.loss_range
    if loss is None:
        if forth.losses or forth.unseen:
            yield "first loss: not known"
        return
    if not isfinite(loss) or around is None:
        yield "first loss: nan"
        return
    chance = "" if ahead.chance is None else f"; equal scores give {ahead.chance:.5g}"
    high = f"{around[1]:.3g}" if isfinite(around[1]) else "more"
    yield f"first loss: {loss:.3g} (likely {around[0]:.3g} to {high}){chance}"


def _step(ahead: Outlook) -> Iterator[str]:
    assert ahead.step is not None
    if not ahead.step.whole:
        layers = [layer.name for layer in ahead.step.backward.blocked]
        behind = f', behind "{cut(layers[0], 40)}"' if layers else ""
        yield f"first update: not known of all layers{behind}"
        return
    fall = _fall(ahead)
    more = "" if fall is None else f"; at full momentum a step aims at {short(fall)} of the loss"
    yield f"first update: gradient of length {short(ahead.step.norm)}{more}"
    yield "update is that of the weights in parts of them; about 0.001 is usual"
