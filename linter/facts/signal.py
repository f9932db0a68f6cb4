"""Facts of how a net starts: how large signals are, the first loss, the first step."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from ..engine import vocabulary as facts_of
from ..model.context import Context
from ..model.net import Layer, Net
from .text import plain

if TYPE_CHECKING:
    from ..moments.outlook import Outlook
    from ..moments.updates import Update

START_FACTS = (".start.", ".signal.", ".update.")
"""How the expressions of rules name what is filled in here."""

_FROM_FILLERS = ("scratch", "unknown")


def starts_from_fillers(net: Net, context: Context) -> bool:
    """Whether the weights of a training net are those of its fillers, as far as one knows.

    Where a layer that learns has no filler, a weights file fills it more often than not.
    """
    if net.state.phase != "TRAIN" or context.kind not in _FROM_FILLERS or context.filled:
        return False
    learning = [one for one in net.layers if one.learns and one.kind and one.kind.fillers]
    return bool(learning) and any(one.is_loss for one in net.layers) and all(map(_filled, learning))


def _filled(layer: Layer) -> bool:
    own = layer.own
    return own is not None and ("weight_filler" not in own.type.fields or own.has("weight_filler"))


def start_of(outlook: Outlook) -> facts_of.Start:
    """What ``net.start`` tells."""
    start = facts_of.Start()
    forth = outlook.forth
    loss, around, chance = forth.first_loss, forth.loss_range, outlook.chance
    start.overflows = bool(forth.blown)
    start.known = loss is not None
    start.assumed = outlook.assumed
    first = next(iter(forth.blocked), None)
    if first is not None:
        start.blocked = plain(first.name)
    if (extremes := outlook.extremes()) is not None:
        start.weakest, start.strongest = (plain(one.name) for one in extremes)
    if start.overflows:
        blown = (one for one in outlook.net.layers if any(b in forth.blown for b in one.tops))
        start.overflows_at = plain(next(blown).name)
    if loss is not None and isfinite(loss) and around is not None:
        start.first_loss, start.low, start.high = (_rounded(one, 2) for one in (loss, *around))
    if chance is not None:
        start.chance = _rounded(chance, 5)
        if start.low > 2 * chance:
            scaled = outlook.scaled()
            start.scaled_loss = _rounded(scaled, 2) if scaled is not None else 0.0
    _add_scores(start, outlook)
    if outlook.step is not None:
        _add_step(start, outlook, loss)
    return start


def _add_scores(start: facts_of.Start, outlook: Outlook) -> None:
    term = outlook.main_loss
    blob = term.layer.bottoms[0] if term is not None and term.layer.bottoms else None
    signal = outlook.forth.signals.get(blob) if blob is not None else None
    if blob is not None and signal is not None:
        start.scores, start.scores_rms = plain(blob.name), _rounded(signal.rms, 2)


def _add_step(start: facts_of.Start, outlook: Outlook, loss: float | None) -> None:
    assert outlook.step is not None
    step = outlook.step
    start.step_known = step.whole and bool(step.updates) and isfinite(step.norm)
    if not start.step_known:
        return
    start.gradient = _rounded(step.norm, 2)
    fastest, reach = outlook.fastest, outlook.reach
    start.fastest = inf if fastest is None else _rounded(fastest, 2)
    if loss and isfinite(loss):
        start.fall = _rounded(step.falls / loss, 2)
    start.reach = inf if reach is None else _rounded(reach, 2)


def signal_of(layer: Layer, outlook: Outlook) -> facts_of.Signal:
    """What ``layer.signal`` tells."""
    forth = outlook.forth
    blob = layer.tops[0] if layer.tops else None
    signal = forth.signals.get(blob) if blob is not None else None
    fit = outlook.fit(layer)
    told = facts_of.Signal()
    if signal is not None:
        told.known = True
        told.mean, told.rms = _rounded(signal.mean, 2), _rounded(signal.rms, 2)
        told.alike, told.assumed = signal.alike, signal.assumed
        told.pixels = not layer.bottoms and _gives_pixels(layer)
        below = forth.signals.get(layer.bottoms[0]) if layer.bottoms and layer.bottoms[0] else None
        if below is not None and below.rms > 0:
            told.gain = _rounded(signal.rms / below.rms)
    if fit is not None:
        told.weights, told.fitting = _rounded(fit[0], 2), _rounded(fit[1], 2)
        told.inputs = fit[2]
    return told


def update_of(step: Update) -> facts_of.Update:
    """What ``param.update`` tells."""
    return facts_of.Update(
        weights=_rounded(step.weights, 2),
        gradient=_rounded(step.gradient, 2),
        first=_rounded(step.update, 2),
        steady=_rounded(step.steady, 2),
        ratio=_rounded(step.ratio or 0.0, 2),
    )


_OF_IMAGES = ("crop_size", "mirror", "mean_file", "mean_value", "force_color", "force_gray")


def _gives_pixels(layer: Layer) -> bool:
    """A database may hold anything, unless it is treated like images."""
    transform = layer.message.sub("transform_param")
    return layer.type != "Data" or any(map(transform.has, _OF_IMAGES))


def _rounded(value: float, digits: int = 3) -> float:
    """To so many digits: more would promise too much."""
    return float(f"{value:.{digits}g}") if isfinite(value) else value
