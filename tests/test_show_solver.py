"""``caffelint show`` of a solver: rates at telling iterations, the chart, and the nets it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.reading import CheckError, read_text
from caffelint.show.solver import document, text, view

HEAD = 'net: "n.prototxt"\nbase_lr: 0.1\nmomentum: 0.9\n'
STEPS = HEAD + 'lr_policy: "step" gamma: 0.1 stepsize: 100 max_iter: 300\n'


def rates(policy: str) -> list[tuple[int, float | None]]:
    shown = view(read_text(Path("s.prototxt"), (HEAD + policy).encode()))
    return [(at, value if value is None else round(value, 9)) for at, value in shown.rates]


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        pytest.param(
            'lr_policy: "step" gamma: 0.1 stepsize: 100 max_iter: 300',
            [(0, 0.1), (100, 0.01), (200, 0.001), (299, 0.001)],
            id="one-row-for-each-step",
        ),
        pytest.param(
            'lr_policy: "multistep" gamma: 0.5 stepvalue: 30 stepvalue: 900 max_iter: 100',
            [(0, 0.1), (30, 0.05), (99, 0.05)],
            id="no-steps-behind-the-end",
        ),
        pytest.param('lr_policy: "fixed" max_iter: 1', [(0, 0.1)], id="a-single-iteration"),
        pytest.param(
            'lr_policy: "step" gamma: 0.1 max_iter: 2', [(0, None), (1, None)], id="aborts"
        ),
    ],
)
def test_telling_iterations(policy: str, wanted: list[tuple[int, float | None]]) -> None:
    assert rates(policy) == wanted


def test_many_steps_are_sampled() -> None:
    shown = rates('lr_policy: "step" gamma: 0.99 stepsize: 1 max_iter: 1001')
    assert [at for at, _ in shown] == [0, 10, 50, 100, 250, 500, 750, 900, 990, 1000]


def test_the_page() -> None:
    more = "test_iter: 7 test_interval: 50 snapshot: 60 snapshot_prefix: 'a\x1bb'\n"
    page = text(view(read_text(Path("s.prototxt"), (STEPS + more).encode())), lambda t: t[:11])
    lines = page.splitlines()
    assert lines[:4] == [
        "s.prototxt",
        'SGD, lr_policy "step", base_lr 0.1, momentum 0.9, weight_decay 0, 300 iterations',
        "",
        "   iteration          rate  of base_lr",
    ]
    assert lines[5] == "         100          0.01         0.1"
    assert lines[9] == "      0.1 " + "█" * 21
    assert lines[16] == "    0.001 " + "█" * 43 + "▁" * 21
    assert lines[-3:] == [
        "TRAIN  n.prototxt",
        "TEST   n.prototxt: 7 batches every 50 iterations",
        "saves  a\x1bb every 60",
    ]


def test_a_constant_rate_needs_no_chart() -> None:
    page = text(view(read_text(Path("s"), (HEAD + 'lr_policy: "fixed" max_iter: 9').encode())))
    assert "█" not in page


def test_rates_that_caffe_aborts_on_or_that_are_0() -> None:
    """A step of 0 is a division by 0 (sgd_solver.cpp); a rate of 0 has no place on a log axis."""
    aborts = HEAD + 'lr_policy: "step" gamma: 0.1 max_iter: 200'
    page = text(view(read_text(Path("s"), aborts.encode())))
    assert "aborts" in page
    assert "█" not in page
    zero = HEAD + 'lr_policy: "poly" power: 1 max_iter: 100'
    shown = view(read_text(Path("s"), zero.replace("base_lr: 0.1", "base_lr: 0").encode()))
    assert text(shown).splitlines()[4].split() == ["0", "0"]
    many = "".join(f"stepvalue: {at} " for at in range(1, 40))
    policy = f'lr_policy: "multistep" gamma: 0.001 {many} max_iter: 41'
    chart = text(view(read_text(Path("s"), (HEAD + policy).encode())))
    assert "(log axis)" in chart
    assert len(rates(policy)) == 8  # of 40 plateaus some


def test_document() -> None:
    shown = document(view(read_text(Path("s.prototxt"), STEPS.encode())))
    assert shown["rates"][1] == {"iteration": 100, "rate": pytest.approx(0.01)}
    assert (shown["type"], shown["lr_policy"], shown["max_iter"]) == ("SGD", "step", 300)


def test_a_net_is_no_solver() -> None:
    with pytest.raises(CheckError, match="not a solver"):
        view(read_text(Path("n.prototxt"), b'layer { name: "a" }'))
