from __future__ import annotations

import pytest

from caffelint.model.solver import NetUse, net_uses

from .build import message, unmark


def shown(use: NetUse) -> str:
    """Phase, net, and the stages that the solver sets."""
    name = use.path if use.inline is None else f"<{use.inline.get('name')}>"
    stages = use.state.get("stage") if use.state is not None else []
    return " ".join([use.phase, name, *stages])


@pytest.mark.parametrize(
    ("solver", "want"),
    [
        pytest.param("", [], id="no-net"),
        pytest.param('net: "n"', ["TRAIN n"], id="without-test-iter-nothing-is-tested"),
        pytest.param('net: "n" test_iter: 5', ["TRAIN n", "TEST n"], id="the-net-for-both"),
        pytest.param(
            'net: "n" test_iter: 5 test_iter: 6',
            ["TRAIN n", "TEST n", "TEST n"],
            id="once-for-every-test-iter",
        ),
        pytest.param(
            'net_param { name: "in" } test_iter: 5',
            ["TRAIN <in>", "TEST <in>"],
            id="a-net-inside-the-solver",
        ),
        pytest.param(
            'train_net: "a" test_net: "b" test_iter: 5',
            ["TRAIN a", "TEST b"],
            id="a-net-for-each",
        ),
        pytest.param(
            'train_net_param { name: "a" } test_net_param { name: "b" } test_iter: 5',
            ["TRAIN <a>", "TEST <b>"],
            id="both-inside-the-solver",
        ),
        pytest.param(
            'train_net: "a" test_net: "b" test_net_param { name: "c" } test_iter: [1, 2]',
            ["TRAIN a", "TEST <c>", "TEST b"],
            id="test-nets-inside-the-solver-come-first",
        ),
        pytest.param(
            'net: "n" test_net: "b" test_iter: [1, 2]',
            ["TRAIN n", "TEST b", "TEST n"],
            id="the-generic-net-serves-for-the-surplus",
        ),
        pytest.param(
            'net: "n" test_net: "b" test_iter: 1',
            ["TRAIN n", "TEST b"],
            id="without-surplus-it-is-not-tested",
        ),
        pytest.param(
            'train_net: "a" test_iter: [1, 2]',
            ["TRAIN a"],
            id="a-training-net-is-not-tested",
        ),
        pytest.param(
            'net: "n" train_net: "a"', ["TRAIN n", "TRAIN a"], id="two-training-nets-are-both-given"
        ),
        pytest.param(
            'net: "n" test_net: "b" test_net: "c" test_iter: 1',
            ["TRAIN n", "TEST b", "TEST c"],
            id="test-nets-without-a-test-iter-are-given-all-the-same",
        ),
        pytest.param(
            'net: "n" train_state { stage: "t" } test_iter: [1, 2]'
            ' test_state { stage: "x" } test_state { stage: "y" }',
            ["TRAIN n t", "TEST n x", "TEST n y"],
            id="a-state-for-every-net",
        ),
        pytest.param(
            'net: "n" test_iter: [1, 2] test_state { stage: "x" }',
            ["TRAIN n", "TEST n x", "TEST n"],
            id="too-few-states",
        ),
        pytest.param(
            'net: "n" net_param { name: "in" } train_net_param { name: "a" } test_iter: 1',
            ["TRAIN n", "TRAIN <in>", "TRAIN <a>", "TEST <in>"],
            id="a-generic-net-inside-the-solver-comes-first-in-tests",
        ),
        pytest.param(
            'net: "n" test_net_param { name: "b" } test_net_param { name: "c" } test_iter: [1, 2]'
            ' test_state { stage: "x" } test_state { stage: "y" }',
            ["TRAIN n", "TEST <b> x", "TEST <c> y"],
            id="a-state-for-every-test-net-inside-the-solver",
        ),
    ],
)
def test_net_uses(solver: str, want: list[str]) -> None:
    assert [shown(use) for use in net_uses(message(solver, "solver"))] == want


def test_each_use_points_at_the_field_that_names_it() -> None:
    text, spans = unmark('net: «"n"» test_net: «"b"» test_net: «"c"» test_iter: [1, 2]')
    assert [use.span for use in net_uses(message(text, "solver"))] == spans
