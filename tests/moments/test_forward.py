"""Predicted moments against nets with random weights that are really computed.

Every row is a small net; the rms of each of its blobs, and its loss, are compared with the mean of
a few passes. What limits the tolerance is the number of passes, not the prediction.
"""

from __future__ import annotations

import pytest

from caffelint.model.build import set_up
from caffelint.moments.forward import Forward, forward

from ..model.build import net
from .loss_nets import LOSSES
from .nets import NETS, net_text

np = pytest.importorskip("numpy")

from .simulate import Simulation  # noqa: E402 - needs numpy

SEEDS = 6


def passes(text: str) -> tuple[Forward, list[Simulation]]:
    built = net(net_text(text))
    shapes, problems = set_up(built)
    assert not problems
    return forward(built, shapes), [Simulation(built, shapes, seed) for seed in range(SEEDS)]


@pytest.mark.parametrize("name", NETS)
def test_rms(name: str) -> None:
    predicted, real = passes(NETS[name])
    assert not predicted.blocked
    for blob in predicted.net.blobs:
        if blob.loss_weight:
            continue
        signal = predicted.signals[blob]
        assert signal is not None
        values = [one.blobs[blob] for one in real]
        rms = np.mean([np.sqrt(np.mean(value**2)) for value in values])
        luck = (signal.luck / 4 / SEEDS) ** 0.5  # how uncertain the measured mean is
        assert signal.rms == pytest.approx(rms, rel=0.05 + 2 * luck, abs=1e-5), blob
        means = [np.mean(value) for value in values]
        uncertain = 3 * np.std(means) / SEEDS**0.5
        assert signal.mean == pytest.approx(np.mean(means), abs=0.05 * rms + uncertain), blob


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    predicted, real = passes(LOSSES[name])
    losses = [one.loss for one in real]
    value, (low, high) = predicted.first_loss, predicted.loss_range or (0.0, 0.0)
    assert value is not None
    deviation = (high - value) / 2
    assert value == pytest.approx(np.mean(losses), rel=0.04, abs=3 * deviation / SEEDS**0.5)
    assert sum(low <= loss <= high for loss in losses) >= SEEDS - 1
    assert min(high - value, value - low) <= 6 * np.std(losses) + 0.02 * value
